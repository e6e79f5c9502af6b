"""evipool extract: forms of the evidence tables, out and in."""

from __future__ import annotations

from pathlib import Path

import click

from toolkit.cli.common import (
    Group,
    command_line,
    emit,
    format_option,
    keep_forms,
    open_project,
    project_options,
    table,
)
from toolkit.model.wording import counted

__all__ = ["extract"]

TABLE = click.Choice(["studies", "results", "characteristics"])


@click.group(cls=Group)
def extract() -> None:
    """Evidence tables: forms out, filled forms in, checks.

    A form is a CSV or XLSX file with one row a study ('studies') or one row an arm, outcome and time point
    ('results'). Reading a form back stores one event for each changed cell; the analyses read those events only.
    An empty cell means "not reported" and is never zero.
    """


@extract.command()
@click.option(
    "--table", "table_name", type=TABLE, help="Which form (default: the one FILE is named after, or results)."
)
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--force", is_flag=True, help="Overwrite FILE.")
@project_options
@click.pass_context
def template(ctx: click.Context, table_name: str | None, file: Path, force: bool) -> None:
    """Write a form to FILE, with your own values filled in."""
    from toolkit.extraction.run import template as write_template

    table_name = table_name or next((name for name in TABLE.choices if name in file.stem.lower()), "results")
    keep_forms(file, force=force)
    with open_project(ctx) as project:
        rows = write_template(project, file, table_name)
        named = project.reviewer(required=False)
    who = "NAME" if named is None else f'"{named}"'
    click.echo(f"{file}: {counted(rows, 'row')} of the {table_name} table.")
    click.echo(f'When it is filled in: evipool extract import "{file}" --as {who}')
    if named is None:
        click.echo("Nobody was named by --as: no values are filled in.")


@extract.command("import")
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--table", "table_name", type=TABLE, help="Which table the form is for (told from its headings).")
@click.option("--remove-absent", is_flag=True, help="Take back your rows that are no longer in FILE.")
@project_options
@click.pass_context
def import_(ctx: click.Context, file: Path, table_name: str | None, remove_absent: bool) -> None:
    """Read a filled form FILE; only changed cells are stored."""
    from toolkit.extraction.run import import_form

    with open_project(ctx) as project:
        outcome = import_form(project, file, table=table_name, remove_absent=remove_absent)
    for note in outcome.notes:
        click.echo(f"Note: {note}")
    emptied = sum(cell.stored is not None and cell.file_value is None for cell in outcome.changed)
    click.echo(
        f"{file.name}: {counted(outcome.rows, 'row')} of the {outcome.table} table, "
        f"{counted(len(outcome.changed), 'cell')} changed{f' ({emptied} of them emptied)' if emptied else ''}, "
        f"{outcome.unchanged} unchanged."
    )
    if outcome.removed:
        click.echo(f"{counted(len(outcome.absent), 'row')} taken back: no longer in the form.")
    elif outcome.absent:
        names = ", ".join(outcome.absent[:3]) + (" ..." if len(outcome.absent) > 3 else "")
        click.echo(
            f"{counted(len(outcome.absent), 'stored row', 'is', 'are')} not in the form and kept ({names}); "
            "--remove-absent takes them back."
        )


@extract.command()
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--table", "table_name", type=TABLE, help="Which table the form is for (told from its headings).")
@project_options
@click.pass_context
def diff(ctx: click.Context, file: Path, table_name: str | None) -> None:
    """Show the cells in which FILE differs from what is stored; change nothing."""
    from toolkit.extraction.run import compare_form

    with open_project(ctx) as project:
        found = compare_form(project, file, table=table_name)
    if not found:
        click.echo("The form and the stored values agree.")
        return
    table(["row", "column", "stored", "in the form"], [[d.key, d.column, d.stored, d.file_value] for d in found])


@extract.command()
@format_option("table", "json")
@project_options
@click.pass_context
def check(ctx: click.Context, output_format: str) -> None:
    """What a careful reader would ask about the extracted numbers."""
    from toolkit.extraction.run import check as run_check

    with open_project(ctx) as project:
        found = run_check(project)
    if output_format == "json":
        emit([{"code": f.code, "study": f.study, "text": f.text} for f in found])
    elif not found:
        click.echo("Nothing to ask.")
    else:
        table(["study", "what", "in words"], [[f.study, f.code, f.text] for f in found])


@extract.command()
@click.argument("table_name", metavar="TABLE", type=TABLE)
@click.argument("key")
@click.argument("column")
@click.argument("value")
@project_options
@click.pass_context
def resolve(ctx: click.Context, table_name: str, key: str, column: str, value: str) -> None:
    """Settle a cell on which extractors differ; KEY as 'extract check' and 'extract diff' print it."""
    from toolkit.extraction.run import resolve_cell

    with open_project(ctx) as project:
        resolve_cell(project, table_name, key, column, value)
    click.echo(f"{command_line(ctx)}: settled.")
