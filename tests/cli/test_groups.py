"""The commands of one subject: told in whole sentences, and a misspelt one gets the nearest."""

from __future__ import annotations

import pytest

from toolkit.cli.common import run

SUBJECTS = ("search", "dedup", "screen", "fulltext", "extract", "export")


@pytest.mark.parametrize("name", SUBJECTS)
def test_the_help_of_a_group_cuts_no_sentence_off(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run([name, "--help"]) == 0
    commands = " ".join(capsys.readouterr().out.partition("Commands:")[2].split())
    assert commands
    assert "..." not in commands.replace("doi:..., pmid:...", "").replace("authors ...", "")


@pytest.mark.parametrize(
    ("words", "near"),
    [(["screen", "progres"], "progress"), (["search", "repport"], "report"), (["pairwize"], "pairwise")],
)
def test_a_misspelt_command_gets_the_nearest(words: list[str], near: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(words) == 2
    assert f"Did you mean '{near}'?" in capsys.readouterr().err


def test_a_missing_measure_is_asked_for_by_the_names_as_they_are_written(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["network", "no-such-file.csv"]) == 2
    assert "Choose from OR, RR, RD, MD" in capsys.readouterr().err
