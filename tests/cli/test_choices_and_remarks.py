"""What the screen shows of choices and of the policy for zero cells."""

from __future__ import annotations

from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from toolkit.cli import cli
from toolkit.cli.common import AnyCase


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
