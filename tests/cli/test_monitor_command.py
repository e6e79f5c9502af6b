"""``evipool monitor`` as people type it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.analysis.builders import evipool, make_review


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("EVIPOOL_REVIEWER", "AB")
    review = make_review(tmp_path / "review")
    assert evipool(review, "analyse") == 0
    return review


def test_the_steps_of_the_fragility_index_are_counted_by_study_and_arm(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert evipool(folder, "monitor", "main", "--fragility") == 0
    first, *steps = (line for line in capsys.readouterr().out.splitlines() if line.startswith(("Fragility", "  ")))
    index = int(first.split()[2].rstrip(":"))
    counts = [int(line.rsplit(": ", 1)[1].split()[0]) for line in steps if " to " in line]
    assert (sum(counts), len(steps) < index) == (index, True)


@pytest.mark.parametrize(
    ("args", "said"),
    [
        ((), "say what to monitor"),
        (("--rrr", "0.2"), "--rrr needs --control-risk"),
        (("--difference", "5"), "--difference needs --sd"),
    ],
)
def test_an_effect_that_is_named_by_half_is_refused(
    folder: Path, capsys: pytest.CaptureFixture[str], args: tuple[str, ...], said: str
) -> None:
    assert evipool(folder, "monitor", "main", *args) == 2
    assert said in capsys.readouterr().err
