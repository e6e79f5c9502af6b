"""``evipool dedup links`` and ``overlap``: reports that belong together, and where records came from."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from toolkit.cli.common import (
    command_line,
    csv_text,
    emit,
    format_option,
    keep_forms,
    open_project,
    project_options,
    table,
)
from toolkit.cli.dedup_common import force_option, line_of, note_option
from toolkit.model.events import RELATIONS
from toolkit.model.wording import counted

if TYPE_CHECKING:
    from toolkit.dedup.links import ReportLink
    from toolkit.dedup.overlap import Overlap
    from toolkit.project import Project

KIND = click.Choice(list(RELATIONS))
COLUMNS = (
    "kind", "first", "first_title", "first_year", "first_journal", "second", "second_title", "second_year",
    "second_journal", "said_by",
)  # fmt: skip


@click.command("links")
@click.option("--kind", type=KIND, help="Only links of this kind.")
@click.option("--to-studies", is_flag=True, help="Put included reports under the study their links lead to.")
@format_option("table", "json", "csv")
@project_options
@click.pass_context
def links(ctx: click.Context, kind: str | None, to_studies: bool, output_format: str) -> None:
    """Reports that belong together but are not duplicates: a preprint, an abstract, an erratum, the same trial.

    Links are proposed by 'dedup'. What is wrong is taken out with 'dedup unlink', what is missing added with
    'dedup link'. With --to-studies, a report included at full text joins the study of the reports it is linked with,
    where these lead to one study; nothing else is changed by a link.
    """
    from toolkit.dedup.links import group_into_studies
    from toolkit.dedup.links import links as find_links

    with open_project(ctx) as project:
        if to_studies:
            if kind is not None:
                raise click.UsageError("--to-studies follows links of every kind: leave out --kind.")
            _say_placed(project, group_into_studies(project, command=command_line(ctx)), output_format)
            return
        _show_links(project, find_links(project, kind=kind), output_format)


def _say_placed(project: Project, placed: list[tuple[str, str]], output_format: str) -> None:
    from toolkit.store.keys import ReportKeys

    if output_format == "json":
        emit([{"report": report, "study": study} for report, study in placed])
        return
    keys = ReportKeys(project.store)
    for report, study in placed:
        click.echo(f"{keys.short(report)} -> {study}")
    click.echo(f"{counted(len(placed), 'report')} put under a study.")


def _show_links(project: Project, found: list[ReportLink], output_format: str) -> None:
    from toolkit.store import views

    reports = views.reports(project.store)
    ids = {rid for one in found for report in (one.first, one.second) for rid in reports[report]}
    stored = views.records(project.store, ids)
    rows = []
    for one in found:
        row: dict[str, object] = {"kind": one.kind, "said_by": one.actor}
        for side, report in (("first", one.first), ("second", one.second)):
            best = project.best_of(reports[report], stored)
            row |= {side: report}
            row |= {f"{side}_{name}": getattr(best, name, None) for name in ("title", "year", "journal")}
        rows.append(row)
    if output_format == "json":
        emit([{name: row[name] for name in COLUMNS} for row in rows])
    elif output_format == "csv":
        click.echo(csv_text(COLUMNS, rows), nl=False)
    elif not rows:
        click.echo("No reports are linked.")
    else:
        table(("reports", "how they belong together"), [(_pair(row), _sentence(row)) for row in rows])
        click.echo("Wrong? evipool dedup unlink A B. Missing? evipool dedup link A B KIND.")


def _pair(row: dict[str, object]) -> str:
    return f"{str(row['first'])[:8]}\n{str(row['second'])[:8]}"


def _sentence(row: dict[str, object]) -> str:
    first, second = (
        line_of(row[f"{side}_title"], row[f"{side}_year"], row[f"{side}_journal"]) for side in ("first", "second")
    )
    return f"{first}\n  is {RELATIONS[str(row['kind'])]}\n{second}"


@click.command("link")
@click.argument("first")
@click.argument("second")
@click.argument("kind", type=KIND)
@note_option
@project_options
@click.pass_context
def link(ctx: click.Context, first: str, second: str, kind: str, note: str | None) -> None:
    """State that the report of FIRST is KIND of the report of SECOND, such as preprint_of."""
    from toolkit.dedup.links import add_link

    with open_project(ctx) as project:
        add_link(project, first, second, kind, note=note, command=command_line(ctx))
    click.echo(f"Noted: {first} is {RELATIONS[kind]} {second}.")


@click.command("unlink")
@click.argument("first")
@click.argument("second")
@note_option
@project_options
@click.pass_context
def unlink(ctx: click.Context, first: str, second: str, note: str | None) -> None:
    """Take the link between two reports out, and remember it, so that it is not proposed again."""
    from toolkit.dedup.links import unrelate

    with open_project(ctx) as project:
        unrelate(project, first, second, note=note, command=command_line(ctx))
    click.echo("Noted: not linked.")


@click.command("overlap")
@click.option("--output", metavar="FILE", help="Draw the overlaps as an UpSet plot (.svg, .png or .pdf).")
@force_option
@click.option("--as-of", metavar="DATE", help="As it stood at the end of a day (YYYY-MM-DD, UTC).")
@format_option("table", "json", "csv")
@project_options
@click.pass_context
def overlap(ctx: click.Context, output: str | None, force: bool, as_of: str | None, output_format: str) -> None:
    """What each source delivered, what only it delivered, what sources share, and who removed the duplicates.

    The matrix counts reports that two sources both delivered; on its diagonal, those of one source. Each source is
    a row and, by its letter, a column.
    """
    from pathlib import Path

    from toolkit.dedup.overlap import overlap as count

    if output is not None:
        keep_forms(Path(output), force=force)
    with open_project(ctx) as project:
        found = count(project, as_of=_day(as_of))
        title = project.config.review.title
    if output_format == "json":
        emit(_overlap_json(found))
    elif output_format == "csv":
        click.echo(csv_text(("source", "records", "reports", "unique", *_names(found)), _rows(found)), nl=False)
    elif not found.records:
        click.echo("There are no records yet.")
    else:
        _show_overlap(found)
    if output is not None:
        _draw(found, title, output)


def _day(text: str | None) -> str | None:
    from datetime import date

    from toolkit.model.errors import InputError

    try:
        return None if text is None else date.fromisoformat(text).isoformat()
    except ValueError as error:
        raise InputError("this is not a day", value=text, allowed="YYYY-MM-DD, such as 2026-03-31") from error


def _names(found: Overlap) -> list[str]:
    return [s.source for s in found.sources]


def _rows(found: Overlap) -> list[tuple[object, ...]]:
    return [
        (s.source, s.records, s.reports, s.unique, *shared)
        for s, shared in zip(found.sources, found.shared, strict=True)
    ]


def _letters(k: int) -> str:
    """A, B, ... Z, AA, AB, ..., as the columns of a spreadsheet are named."""
    return (_letters(k // 26 - 1) if k >= 26 else "") + chr(ord("A") + k % 26)


def _show_overlap(found: Overlap) -> None:
    letters = [_letters(k) for k in range(len(found.sources))]
    header = ("", "source", "records", "reports", "only here", *letters)
    rows = [
        (letter, *(f"{v:,}" if isinstance(v, int) else v for v in row))
        for letter, row in zip(letters, _rows(found), strict=True)
    ]
    table(header, rows, right=tuple(range(2, len(header))))
    click.echo(f"Column A: reports that {found.sources[0].source} delivered too; the other letters likewise.")
    for line in _sentences(found):
        click.echo(line)


def _sentences(found: Overlap) -> tuple[str, str]:
    removed = found.records - found.reports
    return (
        f"{counted(found.records, 'record')}, {counted(removed, 'duplicate')} removed, "
        f"{counted(found.reports, 'report')}.",
        f"Removed within one source {found.within:,}, between sources {found.between:,}; "
        f"by the tool {found.by_tool:,}, by a person {found.by_person:,}.",
    )


def _overlap_json(found: Overlap) -> dict[str, object]:
    return {
        "sources": [
            {"source": s.source, "records": s.records, "reports": s.reports, "unique": s.unique} for s in found.sources
        ],
        "shared": [list(row) for row in found.shared],
        "combinations": [{"sources": list(some), "reports": n} for some, n in found.combinations],
        "records": found.records,
        "reports": found.reports,
        "removed": {
            "within_a_source": found.within,
            "between_sources": found.between,
            "by_tool": found.by_tool,
            "by_person": found.by_person,
        },
    }


def _draw(found: Overlap, title: str, path: str) -> None:
    from toolkit.model.errors import InputError
    from toolkit.plots.style import save_figure
    from toolkit.plots.upset import draw_upset

    if not found.records:
        raise InputError(
            "there are no records to draw", hint="Bring some in with 'evipool search' or 'evipool import'."
        )
    sets = [(s.source, s.reports) for s in found.sources]
    figure = draw_upset(sets, found.combinations, title=title, footnotes=_sentences(found))
    for warning in save_figure(figure, path):
        click.echo(f"Warning: {warning.text}", err=True)
    click.echo(f"Wrote {path}", err=True)
