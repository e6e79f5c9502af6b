"""review.toml: a mistake is named with its line."""

from __future__ import annotations

from pathlib import Path

import pytest

from toolkit.config import load_review
from toolkit.model.errors import InputError

TEXT = """[review]
title = "T"
[[outcomes]]
id = "pain"
name = "Pain"
type = "binary"
[[treatments]]
id = "A"
[[treatments]]
id = "B"
[[analyses]]
id = "A"
kind = "pairwise"
outcome = "pain"
measure = "OR"
treatment = "A"
reference = "B"
"""


@pytest.mark.parametrize(
    ("old", "new", "line"),
    [
        ('outcome = "pain"', 'outcome = "sleep"', 14),
        ('reference = "B"', 'reference = "C"', 17),
        ('reference = "B"', 'reference = "B"\nof = "no-such"', 18),
        ('measure = "OR"', 'measure = "ODDS"', 15),
        ('kind = "pairwise"', 'kind = "pairwise"\nkinds = 3', 14),
        ('type = "binary"', 'type = "both"', 6),
    ],
)
def test_a_mistake_is_named_with_its_line(tmp_path: Path, old: str, new: str, line: int) -> None:
    path = tmp_path / "review.toml"
    path.write_text(TEXT, encoding="utf-8")
    load_review(path)
    path.write_text(TEXT.replace(old, new), encoding="utf-8")
    with pytest.raises(InputError) as raised:
        load_review(path)
    assert raised.value.line == line
