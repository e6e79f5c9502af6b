"""``evipool log`` and ``evipool undo``."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from typing import TYPE_CHECKING

import click

from toolkit.cli.common import (
    command_line,
    csv_text,
    emit,
    format_option,
    open_project,
    project_options,
    table,
)
from toolkit.model.wording import counted

if TYPE_CHECKING:
    from toolkit.project import Project


# What one event of a kind is called.
_JUDGED = {
    "run": "run", "assign": "assignment", "apart": "not-a-duplicate", "relate": "report link", "remove": "removal",
    "screen": "vote", "resolve": "resolution", "retrieve": "full text", "link": "study link", "study": "study standing",
    "extract": "cell", "judge": "risk-of-bias judgement", "retract": "notice", "explain": "explanation",
    "settings": "settings text",
}  # fmt: skip


@click.command()
@click.option("--subject", metavar="KEY", help="The history of one report (id, doi:, pmid:, title), study or run.")
@click.option("--limit", type=click.IntRange(1), metavar="N", help="Only the last N (default 20 in the table).")
@format_option()
@project_options
@click.pass_context
def log(ctx: click.Context, subject: str | None, limit: int | None, output_format: str) -> None:
    """Every command that changed the review, and who ran it; oldest first.

    Times are stored in UTC and shown in the time of this machine. Another's vote on a report is not shown before
    all votes on it are in.
    """
    with open_project(ctx) as project:
        if subject is not None:
            _show_subject(project, subject, limit, output_format)
        else:
            _show_log(project, limit, output_format)


def _show_log(project: Project, limit: int | None, output_format: str) -> None:
    from toolkit.history import log as read

    lines = read(project, limit=limit or (20 if output_format == "table" else None))
    if output_format == "json":
        emit([asdict(line) for line in lines])
        return
    header = ["batch", "at", "actor", "command", "events", "undone"]
    if output_format == "csv":
        click.echo(csv_text(header, [asdict(line) for line in lines]), nl=False)
        return
    if not lines:
        click.echo("Nothing has been written yet.")
        return
    rows = [[x.batch[:8], _local(x.at), x.actor, x.command, x.events, "undone" if x.undone else ""] for x in lines]
    table(["id", "when", "who", "command", "judgements", ""], rows, right=(4,))
    click.echo("Take one back: evipool undo ID")


def _show_subject(project: Project, subject: str, limit: int | None, output_format: str) -> None:
    from toolkit.history import subject_log

    found = subject_log(project, subject)
    found = found[-limit:] if limit is not None else found
    header = ["at", "actor", "kind", "stage", "field", "value", "reason", "note", "stands", "batch"]
    if output_format == "json":
        emit([asdict(event) for event in found])
    elif output_format == "csv":
        click.echo(csv_text(header, [asdict(event) for event in found]), nl=False)
    elif not found:
        click.echo("Nothing has been judged of it yet.")
    else:
        rows = [
            [_local(e.at), e.actor, e.kind, e.stage or e.field, e.value, e.reason or e.note, "" if e.stands else "past"]
            for e in found
        ]
        table(["when", "who", "what", "where", "value", "reason or note", ""], rows)


@click.command()
@click.argument("batch", required=False)
@click.option("--last", is_flag=True, help="The last command that stands.")
@click.option("--dry-run", is_flag=True, help="Only say what would change.")
@project_options
@click.pass_context
def undo(ctx: click.Context, batch: str | None, last: bool, dry_run: bool) -> None:
    """Take a command back: BATCH is its id in 'evipool log' (the start of it is enough).

    Nothing is deleted: the history keeps both, and an undo can be undone by its own id. Later work on the same
    judgements stands as it is; taken back too, it leaves the state before both.
    """
    from toolkit.history import undo as take_back

    if last == (batch is not None):
        raise click.UsageError("Give BATCH, or --last.")
    with open_project(ctx) as project:
        found = take_back(project, batch, dry_run=dry_run, command=command_line(ctx))
    click.echo(f"{found.line.batch[:8]}  {_local(found.line.at)}  {found.line.actor}  {found.line.command}")
    for (kind, value), n in found.taken_back.items():
        click.echo(f"  {counted(n, _JUDGED.get(kind, kind))}" + (f": {value}" if value else ""))
    if found.kept:
        click.echo(
            f"  {counted(found.kept, 'judgement', 'of it was', 'of it were')} replaced by later work, which stands"
        )
    if found.records:
        click.echo(
            f"  {counted(abs(found.records), 'record')} {'left' if found.records < 0 else 'came back to'} the review"
        )
    click.echo("Nothing was changed (--dry-run)." if dry_run else "Taken back.")


def _local(at: str) -> str:
    """A stored UTC moment in the time of this machine, to the minute."""
    return datetime.fromisoformat(at).astimezone().strftime("%Y-%m-%d %H:%M")
