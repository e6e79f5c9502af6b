"""evipool prisma: the flow of the review as a table, numbers, diagram and lists."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from toolkit.cli.common import command_line, csv_text, emit, format_option, open_project, project_options, table

if TYPE_CHECKING:
    from toolkit.prisma.boxes import Flow
    from toolkit.prisma.numbers import FlowNumbers
    from toolkit.project import Project

__all__ = ["prisma"]


@click.command()
@click.option("--as-of", metavar="DATE", help="The flow as it stood at the end of a day (YYYY-MM-DD, UTC).")
@click.option(
    "--output",
    "outputs",
    metavar="FILE",
    multiple=True,
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write .svg, .png, .pdf, .html, .docx, .json, or .csv (that of the R package PRISMA2020). Repeatable.",
)
@click.option(
    "--template",
    type=click.Choice(["auto", "new", "updated"]),
    default="auto",
    show_default=True,
    help="new counts all versions together; updated shows the previous version in its own column.",
)
@click.option("--ids", "box", metavar="BOX", help="List what is behind one box, such as screened or database:Embase.")
@click.option(
    "--numbers",
    type=click.Path(path_type=Path, dir_okay=False, exists=True),
    help="Take the numbers from a CSV of the R package PRISMA2020; no project needed.",
)
@click.option(
    "--checklist",
    "which",
    type=click.Choice(["2020", "S", "NMA"]),
    help="Print a PRISMA checklist, filled with what the project knows, instead of the flow.",
)
@click.option(
    "--living",
    "layout",
    type=click.Choice(["auto", "separate", "latest", "base"]),
    is_flag=False,
    flag_value="auto",
    help="The flow of a living review, version beside version, and its status (PRISMA-LSR): every version separate, "
    "the latest beside all before it, or the base version beside all since.",
)
@click.option("--version", "label", metavar="LABEL", help="The flow of a completed version, as it was closed.")
@click.option("--versions", is_flag=True, help="One row of counts for each completed version, and the present.")
@click.option(
    "--explain",
    "explanation",
    nargs=2,
    metavar="CODE TEXT",
    help="Store why a difference (a finding W1 to W10) is right; it is printed below the diagram.",
)
@format_option("table", "json", "csv")
@project_options
@click.pass_context
def prisma(
    ctx: click.Context,
    as_of: str | None,
    outputs: tuple[Path, ...],
    template: str,
    box: str | None,
    numbers: Path | None,
    which: str | None,
    layout: str | None,
    label: str | None,
    versions: bool,
    explanation: tuple[str, str] | None,
    output_format: str,
) -> None:
    """The PRISMA 2020 flow, counted from the decisions themselves.

    The ten identities of a flow are checked each time. While work is open, what awaits a decision has its own line;
    once a version is complete, an identity that does not hold stops the command and names the records.
    """
    from toolkit.prisma.identities import require_balanced
    from toolkit.prisma.numbers import flow_numbers

    if numbers is not None:
        from toolkit.prisma.rcsv import read_r_csv

        if as_of or box:
            raise click.UsageError("--numbers holds no dates and no lists: leave out --as-of and --ids.")
        counted = read_r_csv(numbers)
        _show(flow_numbers(counted, require_balanced(counted)), output_format)
        _write(counted, outputs, {})
        return
    from toolkit.prisma.run import explain, flow, present_numbers, titles_of

    with open_project(ctx) as project:
        if explanation is not None:
            explain(project, *explanation, command=command_line(ctx))
        if which is not None or versions:
            if as_of or box or outputs:
                raise click.UsageError("--checklist and --versions stand alone; only --format goes with them.")
            (_checklist(project, which, output_format) if which else _versions(project, output_format))
            return
        if layout is not None:
            if as_of or box or label:
                raise click.UsageError("--living shows all versions: leave out --as-of, --version and --ids.")
            _living(project, layout, outputs, output_format)
            return
        if label is not None and as_of is not None:
            raise click.UsageError("Give --version or --as-of, not both.")
        when = _moment(as_of, project.store.clock()) if label is None else _closed(project, label)
        pooled = _syntheses(project, None if when is None else flow(project, when).label)
        if when is None and box is None and not outputs:
            _show(present_numbers(project, template=template, syntheses=pooled), output_format)
            return
        counted = flow(project, when, template=template, syntheses=pooled)
        if box is not None:
            _list(project, counted, box, output_format)
            return
        findings = require_balanced(counted)
        needs_titles = any(path.suffix.lower() == ".html" for path in outputs)
        titles = titles_of(project, counted) if needs_titles else {}
    _show(flow_numbers(counted, findings), output_format)
    _write(counted, outputs, titles)


def _moment(as_of: str | None, now: str) -> str | None:
    from datetime import date, timedelta

    from toolkit.model.errors import InputError

    if as_of is None:
        return None
    try:
        day = date.fromisoformat(as_of)
    except ValueError as error:
        raise InputError("this is not a day", value=as_of, allowed="YYYY-MM-DD, such as 2026-03-31") from error
    today = date.fromisoformat(now[:10])
    if day > today + timedelta(days=1):  # it may be tomorrow east of Greenwich
        raise InputError("this day is still to come", value=as_of, allowed=f"up to {today} (UTC)")
    return day.isoformat()


def _closed(project: Project, label: str) -> str:
    """The moment at which a version was closed."""
    from toolkit.model.errors import InputError
    from toolkit.store import views

    marks = {mark.label: mark.at for mark in views.versions(project.store)}
    if label not in marks:
        raise InputError("no such version of this review", value=label, allowed=", ".join(marks) or "none is completed")
    return marks[label]


def _living(project: Project, layout: str, outputs: tuple[Path, ...], output_format: str) -> None:
    from datetime import UTC, datetime

    from toolkit.prisma.living import living_columns, living_status
    from toolkit.prisma.living_files import living_json, living_rows, write_living
    from toolkit.prisma.run import titles_of_boxes

    today = datetime.fromisoformat(project.store.clock()).astimezone(UTC).date()
    columns, status = living_columns(project, layout), living_status(project, today=today)
    header, rows = living_rows(columns)
    if output_format == "json":
        emit(living_json(columns, status))
    elif output_format == "csv":
        click.echo(
            csv_text(header, [[str(cell).strip() if i == 1 else cell for i, cell in enumerate(row)] for row in rows]),
            nl=False,
        )
    else:
        table(("status", "", "asked for by"), [(x.label, x.text, x.source) for x in status])
        short = [(row[1], *row[3:]) for row in rows]
        table(("box", *(one.head for one in columns)), short, right=range(1, len(columns) + 1))
    boxes = [box for one in columns for _, box in one.flow.named_boxes()]
    named = titles_of_boxes(project, boxes) if any(path.suffix.lower() == ".html" for path in outputs) else {}
    for warning in write_living(columns, status, outputs, named):
        click.echo(f"Warning: {warning}", err=True)
    for path in outputs:
        click.echo(f"Wrote {path}", err=True)


def _syntheses(project: Project, closed: str | None) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """Studies of each headline analysis: of the results that are up to date, or of those that ``closed`` was left with.

    Between two versions nobody fitted anything: then there are none.
    """
    if not project.config.analyses:
        return ()
    from toolkit.analysis.plan import plan, read_result
    from toolkit.prisma.run import syntheses_of
    from toolkit.store import views

    if closed is None:
        current = [o for o in plan(project, read=False) if o.status == "kept" and o.analysis.role == "headline"]
        return tuple((o.analysis.title or o.analysis.id, o.studies) for o in current)
    mark = next((mark for mark in views.versions(project.store) if mark.label == closed), None)
    stored = mark.payload.get("analyses", {}) if mark is not None else {}
    shown = [a for a in project.config.analyses if a.role == "headline" and a.id in stored]
    read = ((a.title or a.id, read_result(project, a.id, stored[a.id])) for a in shown)
    return syntheses_of((name, kept) for name, kept in read if kept is not None and kept["result"] is not None)


def _show(numbers: FlowNumbers, output_format: str) -> None:
    if output_format == "json":
        emit(numbers.content)
    elif output_format == "csv":
        header = ("stage", "box", "name", "n")
        lines = [(stage, label.strip(), name, n) for stage, label, name, n in numbers.rows]
        click.echo(csv_text(header, lines), nl=False)
    else:
        shown, last = [], ""
        for stage, label, name, n in numbers.rows:
            shown.append(("" if stage == last else stage, label, n, name))
            last = stage
        title = f"PRISMA 2020 flow{f', version {numbers.label}' if numbers.label else ''} ({numbers.template})"
        table(("", "box", "n", "list with --ids"), shown, title=title, right=(2,))
        for note in numbers.notes:
            click.echo(note)


def _write(counted: Flow, outputs: tuple[Path, ...], titles: dict[str, str]) -> None:
    from toolkit.prisma.run import write_flow

    if not outputs:
        return
    _, warnings = write_flow(counted, outputs, titles=titles)
    for warning in warnings:
        click.echo(f"Warning: {warning}", err=True)
    for path in outputs:
        click.echo(f"Wrote {path}", err=True)


def _list(project: Project, counted: Flow, box: str, output_format: str) -> None:
    from toolkit.model.errors import InputError
    from toolkit.prisma.run import titles_of

    boxes = dict(counted.named_boxes())
    if box not in boxes:
        from difflib import get_close_matches

        near = get_close_matches(box, boxes, n=3)
        allowed = ", ".join(name for name in boxes if ":" not in name)
        raise InputError(
            "the flow has no such box",
            value=box,
            allowed=f"{allowed}, and database:NAME, main.excluded:REASON ...",
            hint=f"Did you mean {', '.join(near)}?" if near else None,
        )
    found = boxes[box]
    titles = titles_of(project, counted)
    rows = [(one, titles.get(one, "")) for one in found.ids or ()]
    if output_format == "json":
        emit({"box": box, "unit": found.unit, "n": found.n, "ids": [{"id": i, "title": t} for i, t in rows]})
    elif output_format == "csv":
        click.echo(csv_text((found.unit, "title"), rows), nl=False)
    else:
        table((found.unit, "title"), rows, title=f"{box}: {found.n}")


def _checklist(project: Project, which: str, output_format: str) -> None:
    from dataclasses import asdict, replace

    from toolkit.prisma.checklist_items import CHECKLISTS
    from toolkit.prisma.checklists import checklist

    rows = checklist(project, which)
    if which == "S":
        from toolkit.search.appendix import search_report

        known = search_report(project, [(row.number, row.topic, row.answer) for row in rows]).items
        rows = tuple(replace(row, answer=answer) for row, (_, _, answer) in zip(rows, known, strict=True))
    if output_format == "json":
        emit({"checklist": CHECKLISTS[which][0], "items": [asdict(row) for row in rows]})
        return
    lines = [(row.number, row.topic, row.item, row.answer or "[for the author to write]") for row in rows]
    header = ("item", "topic", "asks for", "what the project knows")
    if output_format == "csv":
        click.echo(csv_text(header, lines), nl=False)
    else:
        table(header, lines, title=CHECKLISTS[which][0])


def _versions(project: Project, output_format: str) -> None:
    from toolkit.prisma.run import version_flows

    header = ("version", "moment (UTC)", "records", "duplicates", "screened", "assessed", "new studies", "removed",
              "total studies", "total reports")  # fmt: skip
    rows = [
        (
            label,
            moment[:19],
            sum(b.n for b in (f.database_records, f.register_records, f.other_records)),
            f.duplicates.n,
            f.screened.n,
            f.main.assessed.n + f.other.assessed.n,
            f.new_studies.n,
            f.removed_studies.n,
            f.total_studies.n,
            f.total_reports.n,
        )
        for label, moment, f in version_flows(project)
    ]
    if output_format == "json":
        emit([dict(zip(header, row, strict=True)) for row in rows])
    elif output_format == "csv":
        click.echo(csv_text(header, rows), nl=False)
    else:
        short = ("version", "moment (UTC)", "records", "dupl.", "screened", "assessed", "new", "removed", "studies",
                 "reports")  # fmt: skip
        table(short, [(row[0], row[1].replace("T", " "), *row[2:]) for row in rows], right=range(2, 10))
