"""``evipool import``: export files of databases and registers."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

import click

from toolkit.cli.common import command_line, console, open_project, project_options

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

    from toolkit.search.importing import ImportOutcome


@click.command("import")
@click.argument("files", nargs=-1, required=True, type=click.Path(dir_okay=False))
@click.option("--source", "--database", "source", required=True, metavar="NAME", help="A source of review.toml.")
@click.option(
    "--date",
    "day",
    type=click.DateTime(["%Y-%m-%d"]),
    callback=lambda _, __, value: value.date() if value is not None else None,
    metavar="YYYY-MM-DD",
    help="The day the search was run.",
)
@click.option("--expect", type=click.IntRange(0), metavar="N", help="Records the database said it exported (one FILE).")
@click.option("--accept-loss", is_flag=True, help="Go on without records that cannot be read; the log says so.")
@click.option("--format", "file_format", metavar="FORMAT", help="Kind of file, if the detection is wrong.")
@project_options
@click.pass_context
def import_(
    ctx: click.Context,
    files: tuple[str, ...],
    source: str,
    day: date | None,
    expect: int | None,
    accept_loss: bool,
    file_format: str | None,
) -> None:
    """Read export FILES (RIS, NBIB, PubMed XML, EndNote, BibTeX, CSV, Web of Science, CNKI ...) of one database.

    The kind of file and its encoding are told by its content. Records that begin in the file are counted before they
    are read: a file from which fewer can be read, or another number than --expect, is refused and nothing is stored.
    The file itself is kept in the review. Importing a file again adds nothing; an import that was cut off is carried
    on by the same command.
    """
    from toolkit.search.importing import import_file

    if expect is not None and len(files) > 1:
        raise click.UsageError("--expect is about one file: import the files one by one.")
    with open_project(ctx) as project:
        for name in files:
            with _Bar(name) as bar:
                outcome = import_file(
                    project,
                    name,
                    source=source,
                    searched_on=day,
                    expect=expect,
                    accept_loss=accept_loss,
                    format=file_format,
                    progress=bar.show,
                    command=command_line(ctx),
                )
            _say(name, outcome)
    click.echo("Next: evipool dedup")


def _say(name: str, outcome: ImportOutcome) -> None:
    for note in outcome.notes:
        click.echo(f"Note: {note}.", err=True)
    if outcome.repeated:
        click.echo(f"{name}: nothing added; {outcome.source} holds its {outcome.records:,} records already.")
        return
    if outcome.date_assumed:
        click.echo(f"Note: nobody said when {outcome.source} was searched; today stands for it (--date).", err=True)
    again = " (carried on)" if outcome.resumed else ""
    click.echo(
        f"{name}: {outcome.records:,} records of {outcome.source}, searched {outcome.searched_on}{again}; "
        f"{outcome.format}, {outcome.encoding}."
    )
    if outcome.lost:
        click.echo(f"  {outcome.lost:,} records could not be read and are not counted (accepted).")
    if outcome.retracted:
        click.echo(f"  {outcome.retracted} of them say that their publication was retracted.")


class _Bar:
    """A progress bar on a terminal, nothing elsewhere; made when the first thousand records have passed."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._progress: Progress | None = None
        self._tasks: dict[str, TaskID] = {}

    def __enter__(self) -> _Bar:
        return self

    def show(self, what: str, done: int, total: int) -> None:
        if total < 1_000:
            return
        if self._progress is None:
            from rich.progress import Progress

            target = console(stderr=True)
            self._progress = Progress(console=target, transient=True, disable=not target.is_terminal)
            self._progress.start()
        if what not in self._tasks:
            self._tasks[what] = self._progress.add_task(f"{what} {self._name}", total=total)
        self._progress.update(self._tasks[what], completed=done, total=total)

    def __exit__(self, *_: object) -> None:
        if self._progress is not None:
            self._progress.stop()
