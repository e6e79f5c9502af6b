"""review.toml: a mistake is named with its line."""

from __future__ import annotations

import re
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


@pytest.mark.parametrize(
    ("old", "new", "line", "words"),
    [
        ('title = "T"', 'title = "T', 2, "not valid TOML"),
        ('title = "T"', "title = “T”", 2, "not valid TOML"),
        ('title = "T"', "title = " + "9" * 5000, None, "not valid TOML"),
        ('title = "T"', "title = " + "[" * 100_000, None, "nested too deep"),
        ('title = "T"', 'title = "T\\u0001"', 2, "control character"),
        ('title = "T"', 'title = "T"\n[[reviewers]]\nname = ""', 4, "at least 1 character"),
        ('title = "T"', 'title = "T"\n[[reviewers]]\nname = "AB"\n[[reviewers]]\nname = "ab"', 6, "'ab' twice"),
        ('id = "B"', 'id = "A"', 10, "'A' twice"),
        ('id = "B"', 'id = "B"\nlabels = ["a"]', 11, "label 'a' under 'A' and 'B'"),
        ('type = "binary"', 'type = "binary"\nmonths_min = nan', 7, "finite"),
        ('type = "binary"', 'type = "binary"\nmonths_min = -1', 7, "greater than or equal to 0"),
        ('type = "binary"', 'type = "binary"\nmonths_min = 12\nmonths_max = 6', 3, "is above"),
        ('type = "binary"', 'type = "binary"\nscale_min = 100\nscale_max = 0', 3, "is above"),
        ('type = "binary"', 'type = "binary"\nsmallest_important_difference = -3', 7, "greater than 0"),
        ('type = "binary"', 'type = "continuous"', 15, "outcome 'pain' is continuous"),
        ('measure = "OR"', 'measure = "OR"\nzero_add = inf', 16, "finite"),
        ('reference = "B"', 'reference = "A"', 11, "both 'A'"),
        ('reference = "B"', 'reference = "B"\nof = "A"', 11, "not itself"),
        ('id = "A"\nkind', 'id = "CON"\nkind', 12, "usable as a file name"),
        ('id = "A"\nkind', 'id = "a."\nkind', 12, "usable as a file name"),
        ('id = "A"\nkind', 'id = "' + "x" * 200 + '"\nkind', 12, "usable as a file name"),
    ],
)
def test_what_would_go_wrong_later_is_refused_with_its_line(
    tmp_path: Path, old: str, new: str, line: int | None, words: str
) -> None:
    path = tmp_path / "review.toml"
    path.write_text(TEXT.replace(old, new), encoding="utf-8")
    with pytest.raises(InputError) as raised:
        load_review(path)
    assert words in str(raised.value)
    found = raised.value.line
    if found is None and (told := re.search(r"at line (\d+)", str(raised.value))):
        found = int(told.group(1))
    assert found == line


@pytest.mark.parametrize("encoding", ["utf-16", "gb18030"])
def test_another_encoding_is_refused_with_the_line_of_its_first_byte(tmp_path: Path, encoding: str) -> None:
    path = tmp_path / "review.toml"
    path.write_bytes(TEXT.replace("Pain", "疼痛").encode(encoding))
    with pytest.raises(InputError, match="not UTF-8") as raised:
        load_review(path)
    assert raised.value.line == (1 if encoding == "utf-16" else 5)
