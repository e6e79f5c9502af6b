"""``evipool doctor``: find and explain problems."""

from __future__ import annotations

from pathlib import Path

import click

from toolkit.cli.common import Settings, emit, format_option, project_options


@click.command()
@click.option("--fix", is_flag=True, help="Repair what can be repaired without a person.")
@format_option("table", "json")
@project_options
@click.pass_context
def doctor(ctx: click.Context, fix: bool, output_format: str) -> None:
    """Find and explain problems of this machine or project.

    Looks at Python and packages, fonts, proxy and certificate settings, the folder, review.toml, strategy files,
    forms, and the database: whole, writable, its history untouched, nothing half imported. Ends with exit code 1
    when something will fail.
    """
    from toolkit.doctor import examine

    settings = ctx.find_object(Settings) or Settings()
    folder = Path(settings.folder)
    found = examine(folder)
    done = [finding.fix() for finding in found if fix and finding.fix is not None]
    if done:
        found = examine(folder)
    if output_format == "json":
        emit(
            {
                "fixed": done,
                "findings": [
                    {"code": f.code, "severity": f.severity, "message": f.message, "advice": f.advice,
                     "fixable": f.fix is not None}
                    for f in found
                ],
            }
        )  # fmt: skip
    else:
        for text in done:
            click.echo(f"Repaired: {text}.")
        for f in found:
            click.echo(f"{f.severity:<8}{f.message} [{f.code}]")
            if f.advice:
                click.echo(f"{'':<8}{f.advice}")
        if not found:
            click.echo("Nothing to complain about.")
    if any(f.severity == "error" for f in found):
        raise click.exceptions.Exit(1)
