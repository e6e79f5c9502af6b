"""``evipool fulltext``: full texts sought and retrieved, reports put under studies."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from toolkit.cli.common import (
    Group,
    command_line,
    emit,
    form_option,
    format_option,
    open_project,
    project_options,
    table,
)
from toolkit.model.wording import counted

if TYPE_CHECKING:
    from collections.abc import Callable

    from toolkit.screening.fulltext import FullTextOutcome


@click.group(cls=Group)
def fulltext() -> None:
    """Full texts: sought, retrieved, not retrieved; and which study each report describes.

    Wanted are the reports included by title and abstract, and those found by other methods alone.
    """


@fulltext.command("list")
@click.option(
    "--status",
    type=click.Choice(["pending", "sought", "retrieved", "not_retrieved"]),
    help="Only these (pending: neither retrieved nor given up).",
)
@format_option()
@form_option
@project_options
@click.pass_context
def list_(ctx: click.Context, status: str | None, output_format: str, output: str | None) -> None:
    """The reports whose full text is wanted; with --output, a form for 'fulltext import'."""
    from toolkit.cli.common import csv_text, wrote_form
    from toolkit.screening.fulltext import FULLTEXT_COLUMNS, list_fulltexts
    from toolkit.store.keys import ReportKeys

    with open_project(ctx) as project:
        found = list_fulltexts(project, status=status)
        keys = ReportKeys(project.store)
        rows = [
            {
                "report": f.report,
                **f.fields,
                "status": f.status,
                "reason": f.reason,
                "study": "; ".join(one.study for one in f.studies) or None,
                "role": f.studies[0].role if f.studies else None,
            }
            for f in found
        ]
        if output is not None:
            wrote_form(output, FULLTEXT_COLUMNS, rows, 'evipool fulltext import "{file}" --as NAME')
        elif output_format == "json":
            emit([{name: row.get(name) for name in FULLTEXT_COLUMNS} for row in rows])
        elif output_format == "csv":
            click.echo(csv_text(FULLTEXT_COLUMNS, rows), nl=False)
        elif not rows:
            click.echo("No full text is wanted at present.")
        else:
            shown = ("title", "year", "doi", "status", "reason", "study")
            table(["report", *shown], [[keys.short(str(r["report"])), *(r.get(n) for n in shown)] for r in rows])


def _status_command(name: str, status: str, text: str, *, with_reason: bool = False) -> None:
    def run(ctx: click.Context, reports: tuple[str, ...], file: str | None, reason: str | None = None) -> None:
        from toolkit.screening.fulltext import reports_in_file, set_retrieval

        if (file is None) == (not reports):
            raise click.UsageError("Give REPORTS, or --file FILE.")
        with open_project(ctx) as project:
            named = list(reports) if file is None else reports_in_file(project, file)
            outcome = set_retrieval(project, named, status, reason=reason, command=command_line(ctx))
            _say(outcome)

    run.__doc__ = text
    function: Callable[..., None] = click.pass_context(run)
    function = project_options(function)
    if with_reason:
        function = click.option("--reason", help="Why it could not be had.")(function)
    function = click.option("--file", type=click.Path(dir_okay=False), help="A file that names the reports.")(function)
    function = click.argument("reports", nargs=-1)(function)
    fulltext.command(name)(function)


_status_command("sought", "sought", "REPORTS (id, doi:, pmid: or exact title) have been asked for.")
_status_command("retrieved", "retrieved", "The full texts of REPORTS are here.")
_status_command("not-retrieved", "not_retrieved", "The full texts of REPORTS cannot be had.", with_reason=True)


@fulltext.command("link")
@click.argument("report")
@click.argument("study")
@click.option("--secondary", is_flag=True, help="A further report of the study, not its main one.")
@click.option("--remove", is_flag=True, help="Take the report out of the study instead.")
@project_options
@click.pass_context
def link(ctx: click.Context, report: str, study: str, secondary: bool, remove: bool) -> None:
    """Put REPORT under STUDY (a name such as "Gangji 2004"); a report may describe several studies."""
    from toolkit.screening import fulltext as steps

    with open_project(ctx) as project:
        if remove:
            count = steps.unlink(project, report, study, command=command_line(ctx))
            click.echo(f"{count} link taken back.")
        else:
            _say(steps.link(project, report, study, secondary=secondary, command=command_line(ctx)))


@fulltext.command("study")
@click.argument("study")
@click.argument(
    "status", metavar="STANDING", type=click.Choice(["included", "ongoing", "awaiting_classification", "removed"])
)
@click.option("--reason", help="Why.")
@project_options
@click.pass_context
def study(ctx: click.Context, study: str, status: str, reason: str | None) -> None:
    """State that STUDY is ongoing, awaits classification, or was removed; without this its reports decide.

    STANDING is included, ongoing, awaiting_classification or removed.
    """
    from toolkit.screening.fulltext import set_study

    with open_project(ctx) as project:
        new = set_study(project, study, status, reason=reason, command=command_line(ctx))
        click.echo(f"{study}: {status}." if new else f"{study}: {status}, as before.")


@fulltext.command("import")
@click.argument("file", type=click.Path(dir_okay=False))
@project_options
@click.pass_context
def import_(ctx: click.Context, file: str) -> None:
    """Read a form: report (or doi, pmid, title), status, reason, study, role; an empty cell says nothing."""
    from toolkit.screening.fulltext import import_fulltexts

    with open_project(ctx) as project:
        _say(import_fulltexts(project, file, command=command_line(ctx)))


def _say(outcome: FullTextOutcome) -> None:
    for note in outcome.notes:
        click.echo(f"Note: {note}.", err=True)
    click.echo(
        f"{counted(outcome.retrievals, 'full text')}, {counted(outcome.links, 'study link')} new; "
        f"{outcome.unchanged} as before."
    )
