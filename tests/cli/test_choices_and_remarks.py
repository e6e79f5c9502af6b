"""What the screen shows of choices and of the policy for zero cells."""

from __future__ import annotations

from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from toolkit.cli import cli
from toolkit.cli.common import AnyCase, Day


@click.command()
@click.option("--ci", type=AnyCase(["auto", "HK_adhoc"]), default="auto")
def command(ci: str) -> None:
    click.echo(ci)


def test_a_choice_is_shown_as_written_and_understood_in_any_case() -> None:
    runner = CliRunner()
    assert "[auto|HK_adhoc]" in runner.invoke(command, ["--help"]).output
    assert runner.invoke(command, ["--ci", "hk_ADHOC"]).output == "HK_adhoc\n"
    wrong = runner.invoke(command, ["--ci", "no"])
    assert (wrong.exit_code, "'no' is not one of auto, HK_adhoc." in wrong.output) == (2, True)


@click.command()
@click.option("--date", type=Day())
def dated(date: object) -> None:
    click.echo(date)


def test_a_day_is_asked_for_as_people_write_it() -> None:
    runner = CliRunner()
    assert "--date YYYY-MM-DD" in runner.invoke(dated, ["--help"]).output
    assert runner.invoke(dated, ["--date", "2026-01-31"]).output.startswith("2026-01-31")
    wrong = runner.invoke(dated, ["--date", "31.01.2026"])
    assert (wrong.exit_code, "is not a day written as YYYY-MM-DD, such as 2026-01-31." in wrong.output) == (2, True)


def test_an_example_in_a_help_text_stays_on_its_line() -> None:
    said = CliRunner().invoke(cli, ["search", "run", "--help"]).output
    assert "\n\n  evipool search run onfh-pubmed.txt\n" in said


@pytest.mark.parametrize(
    ("rows", "extra", "said"),
    [
        ("A,x,4,50\nA,y,9,52\nB,x,3,40\nB,y,7,41\n", (), False),
        ("A,x,0,50\nA,y,9,52\nB,x,3,40\nB,y,7,41\n", (), True),
        ("A,x,50,50\nA,y,9,52\nB,x,3,40\nB,y,7,41\n", (), True),
        ("A,x,4,50\nA,y,9,52\nB,x,3,40\nB,y,7,41\nC,x,0,40\nC,y,0,40\n", (), True),
        ("A,x,4,50\nA,y,9,52\nB,x,3,40\nB,y,7,41\n", ("--zero-to", "all"), True),
    ],
)
def test_zero_cells_are_spoken_of_where_there_are_any(
    tmp_path: Path, rows: str, extra: tuple[str, ...], said: bool
) -> None:
    file = tmp_path / "t.csv"
    file.write_text(f"study,treatment,events,n\n{rows}", encoding="utf-8")
    found = CliRunner().invoke(cli, ["pairwise", str(file), "--measure", "OR", "--reference", "y", *extra])
    assert (found.exit_code, "Zero cells:" in found.output) == (0, said)
