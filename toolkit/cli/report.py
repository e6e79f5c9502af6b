"""evipool report: one self-contained HTML file."""

from __future__ import annotations

import click

from toolkit.cli.common import open_project, project_options

__all__ = ["report"]


@click.command()
@click.option("--force", is_flag=True, help="Write it even if nothing changed.")
@project_options
@click.pass_context
def report(ctx: click.Context, force: bool) -> None:
    """Write the report: one self-contained HTML file, the flow as SVG, PDF and PNG, every number as JSON.

    report/report.html opens offline and prints well. It shows the analyses as they stand in results/; run 'evipool
    analyse' first if the data changed.
    """
    from toolkit.report.run import write_report

    with open_project(ctx) as project:
        outcome = write_report(project, force=force)
    for warning in outcome.warnings:
        click.echo(f"Note: {warning}", err=True)
    click.echo(f"{outcome.path}" + ("" if outcome.written else " (nothing changed since it was written)"))
    for path in (*outcome.flow, outcome.results):
        click.echo(f"{path}")
