"""evipool report: one self-contained HTML file."""

from __future__ import annotations

from pathlib import Path

import click

from toolkit.cli.common import open_project, project_options

__all__ = ["report"]

# What toolkit.report.formats can write; named here so that --help imports nothing.
_FORMATS = ("html", "docx", "xlsx", "csv")


def _formats(ctx: click.Context, param: click.Parameter, value: str) -> tuple[str, ...]:
    names = tuple(dict.fromkeys(part.strip().lower() for part in value.split(",") if part.strip()))
    wrong = [name for name in names if name not in _FORMATS]
    if wrong or not names:
        raise click.BadParameter(f"{', '.join(wrong) or value!r} is not among {', '.join(_FORMATS)}", ctx, param)
    return names


@click.command()
@click.option("--force", is_flag=True, help="Write it even if nothing changed.")
@click.option(
    "--format", "formats", metavar="LIST", default="html", show_default=True, callback=_formats,
    help="What to write, separated by commas: html, docx (Word), xlsx (workbook), csv (every table).",
)  # fmt: skip
@project_options
@click.pass_context
def report(ctx: click.Context, force: bool, formats: tuple[str, ...]) -> None:
    """Write the report: one self-contained HTML file, the flow as SVG, PDF and PNG, every number as JSON.

    report/report.html opens offline and prints well. It shows the analyses as they stand in results/; run 'evipool
    analyse' first if the data changed. The Word file has the same sections with tables that can be edited; the
    workbook holds flow, results, league tables and data as numbers; report/tables/ gets every table as CSV.
    """
    from toolkit.report.run import write_report

    with open_project(ctx) as project:
        outcome = write_report(project, force=force)
        more: tuple[Path, ...] = ()
        if set(formats) - {"html"}:
            from toolkit.report.formats import write_formats

            more = write_formats(project, formats)
    for warning in outcome.warnings:
        click.echo(f"Note: {warning}", err=True)
    click.echo(f"{outcome.path}" + ("" if outcome.written else " (nothing changed since it was written)"))
    for path in (*outcome.flow, outcome.results, *more):
        click.echo(f"{path}")
