"""``evipool import``: export files of databases and registers."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

import click

from toolkit.cli.common import Day, command_line, console, open_project, project_options
from toolkit.model.wording import counted

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

    from toolkit.screening.foreign import DecisionOutcome
    from toolkit.search.importing import ImportOutcome


@click.command("import")
@click.argument("files", nargs=-1, required=True, type=click.Path(dir_okay=False))
@click.option("--source", "--database", "source", metavar="NAME", help="A source of review.toml.")
@click.option(
    "--date",
    "day",
    type=Day(),
    callback=lambda _, __, value: value.date() if value is not None else None,
    help="The day the search was run.",
)
@click.option("--expect", type=click.IntRange(0), metavar="N", help="Records the database said it exported (one FILE).")
@click.option("--accept-loss", is_flag=True, help="Go on without records that cannot be read; the log says so.")
@click.option("--format", "file_format", metavar="FORMAT", help="Kind of file, if the detection is wrong.")
@click.option("--decisions", is_flag=True,
              help="Turn the decisions in files of Rayyan, ASReview, abstrackr into votes of --as.")  # fmt: skip
@click.option("--decisions-only", is_flag=True, help="The same for records that the review has already: none is added.")
@click.option("--stage", type=click.Choice(["title-abstract", "full-text"]), help="Stage of the decisions.")
@click.option("--by", metavar="NAME", help="Whose decisions, as the file names the reviewer (if it names several).")
@click.option("--verdict", type=click.Choice(["include", "exclude", "maybe"]),
              help="What the whole file stands for, where it is one list (Covidence).")  # fmt: skip
@project_options
@click.pass_context
def import_(
    ctx: click.Context,
    files: tuple[str, ...],
    source: str | None,
    day: date | None,
    expect: int | None,
    accept_loss: bool,
    file_format: str | None,
    decisions: bool,
    decisions_only: bool,
    stage: str | None,
    by: str | None,
    verdict: str | None,
) -> None:
    """Read export FILES (RIS, NBIB, PubMed XML, EndNote, BibTeX, CSV, Web of Science, CNKI ...) of one database.

    The kind of file and its encoding are told by its content. Records that begin in the file are counted before they
    are read: a file from which fewer can be read, or another number than --expect, is refused and nothing is stored.
    The file itself is kept in the review. Importing a file again adds nothing; an import that was cut off is carried
    on by the same command.

    \b
    evipool import embase.ris --source Embase --date 2026-03-01 --expect 412
    evipool import rayyan.csv --decisions-only --stage title-abstract --as AB --by "Anna B"
    """
    from toolkit.search.importing import import_file

    wants_votes = decisions or decisions_only
    if wants_votes and stage is None:
        raise click.UsageError("--decisions needs --stage title-abstract or full-text.")
    if (by or verdict or stage) and not wants_votes:
        raise click.UsageError("--stage, --by and --verdict are about --decisions.")
    if source is None and not decisions_only:
        raise click.UsageError("Missing option '--source' / '--database': which source of review.toml?")
    if expect is not None and len(files) > 1:
        raise click.UsageError("--expect is about one file: import the files one by one.")
    with open_project(ctx) as project:
        for name in files:
            if source is None or decisions_only:
                continue
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
                    command=command_line(ctx, files=name),
                )
            _say(name, outcome)
        if wants_votes and stage is not None:
            from toolkit.screening.foreign import import_decisions

            for name in files:
                judged = import_decisions(
                    project,
                    name,
                    stage=stage,
                    by=by,
                    verdict=verdict,
                    format=file_format,
                    command=command_line(ctx, files=name),
                )
                _say_votes(name, judged, stage)
    click.echo("Next: evipool status" if decisions_only else "Next: evipool dedup")


def _say(name: str, outcome: ImportOutcome) -> None:
    for note in outcome.notes:
        click.echo(f"Note: {note}.", err=True)
    if outcome.repeated:
        click.echo(f"{name}: nothing added; {outcome.source} holds its {counted(outcome.records, 'record')} already.")
        return
    if outcome.date_assumed:
        click.echo(f"Note: nobody said when {outcome.source} was searched; today stands for it (--date).", err=True)
    again = " (carried on)" if outcome.resumed else " (it had been taken back)" if outcome.brought_back else ""
    click.echo(
        f"{name}: {counted(outcome.records, 'record')} of {outcome.source}, searched {outcome.searched_on}{again}; "
        f"{outcome.format}, {outcome.encoding}."
    )
    if outcome.accepted:
        click.echo(f"  Accepted by {outcome.accepted_by}: {', and '.join(outcome.accepted)}.")
    if outcome.retracted:
        click.echo(f"  {outcome.retracted} of them say that their publication was retracted.")


def _say_votes(name: str, judged: DecisionOutcome, stage: str) -> None:
    whose = f" of {judged.by}" if judged.by else ""
    votes = judged.votes
    click.echo(
        f"{name}: {judged.decided:,} of {counted(judged.records, 'record', 'holds', 'hold')} a decision{whose} "
        f"({judged.program}); "
        f"votes at {stage}: {votes.new:,} new, {votes.changed:,} changed, {votes.unchanged:,} as before."
    )


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
