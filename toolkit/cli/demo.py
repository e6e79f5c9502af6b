"""evipool demo: a bundled review, built and run as a user would."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from toolkit.demo.steps import Review, Step

__all__ = ["demo"]


@click.command()
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path, file_okay=False))
@click.option("--review", "name", metavar="NAME", default="onfh", show_default=True, help="onfh or diabetes.")
@click.option("--quiet", is_flag=True, help="Print the commands, not what they print.")
@click.option("--files-only", is_flag=True, help="Only write the files; the commands are yours to type.")
@click.pass_context
def demo(ctx: click.Context, folder: Path, name: str, quiet: bool, files_only: bool) -> int:
    """Build a bundled review in DIR (new or empty) and run every step of it.

    Each command is printed before it runs, so that you can type it yourself later. 'onfh' is a whole review with an
    update: real studies and numbers on osteonecrosis of the femoral head, PubMed replaced by recorded replies, and
    decisions made for the demo. 'diabetes' reproduces a published network of antihypertensives.
    """
    import contextlib
    import io

    from toolkit.cli.common import run
    from toolkit.demo.run import build, run_steps

    review = build(name, folder)
    click.echo(f"{review.title}\n$ cd {folder}")
    if files_only:
        return 0

    def runner(args: list[str]) -> int:
        if not quiet:
            return run(args)
        with contextlib.redirect_stdout(io.StringIO()) as out, contextlib.redirect_stderr(out):
            code = run(args)
        if code not in (0, 3):
            click.echo(out.getvalue(), err=True)
        return code

    def show(number: int, step: Step, command: str) -> None:
        click.echo("" if quiet else "\n", nl=not quiet)
        click.secho(f"# {number}/{len(review.steps)} {step.why}", dim=True)
        click.secho(f"$ {command}", bold=True)

    run_steps(review, folder.resolve(), runner, show=show)
    _paths(folder, review)
    return 0


def _paths(folder: Path, review: Review) -> None:
    """What to open now."""
    click.echo("\nTo open:")
    shown = [folder / "report" / name for name in ("report.html", "prisma-flow.svg", "results.json")]
    for analysis, figure in ((review.forest, "forest.svg"), (review.network, "network.svg")):
        found = sorted((folder / "results" / analysis).glob(f"*/{figure}"), key=lambda path: path.stat().st_mtime)
        shown += found[-1:]
    for path in shown:
        click.echo(f"  {path}")
