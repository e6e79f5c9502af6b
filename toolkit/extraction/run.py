"""Forms of a project: write them, read them back as events for changed cells, compare, check, settle."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from toolkit.extraction.checks import Finding, check_evidence
from toolkit.extraction.forms import EvidenceRow, read_rows, table_of
from toolkit.model.errors import InputError
from toolkit.model.events import NewEvent
from toolkit.model.evidence import RESULTS, TABLES, check_cell
from toolkit.project import Project
from toolkit.records.tables import read_form, write_form
from toolkit.store import views
from toolkit.store.evidence import arm_results, study_rows

__all__ = [
    "FormDifference",
    "FormOutcome",
    "check",
    "compare_form",
    "import_form",
    "resolve_cell",
    "template",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class FormDifference:
    """A cell in which a form and the store differ; a ``file_value`` of None is an empty cell."""

    key: str
    column: str
    stored: str | None
    file_value: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class FormOutcome:
    """What an imported form changed."""

    table: str
    rows: int
    changed: tuple[FormDifference, ...]
    unchanged: int
    absent: tuple[str, ...]
    removed: int
    notes: tuple[str, ...]


def template(project: Project, path: Path, table: str) -> int:
    """Write a form with a row for every study that is not excluded, filled with the acting person's own values.

    Returns the number of rows. Another extractor's values are never shown: double extraction stays independent.
    """
    own = _own_cells(project, table, project.actor)
    used = {column for cells in own.values() for column, value in cells.items() if value is not None}
    types = {outcome.type for outcome in project.config.outcomes}
    columns = [
        name for name, column in TABLES[table].columns.items()
        if not column.group or column.group in types or name in used
    ]  # fmt: skip
    rows: list[dict[str, str]] = []
    for key, cells in own.items():
        identity = dict(zip(TABLES[table].key, key.split("|"), strict=True))
        rows.append({**identity, **{name: value or "" for name, value in cells.items()}})
    started = {row["study"] for row in rows}
    for study, standing in project.standings().items():
        if study not in started and standing.status not in ("excluded", "removed"):
            rows.append({"study": study})
    write_form(path, columns, [[row.get(name, "") for name in columns] for row in rows])
    return len(rows)


def import_form(project: Project, path: Path, *, table: str | None = None, remove_absent: bool = False) -> FormOutcome:
    """Read a filled form and append one event for each cell that differs from what this person stated before.

    Rows that are stored but not in the form are listed, and taken back with ``remove_absent``.
    """
    name, rows, notes = _read(project, path, table)
    actor = project.actor
    own = _own_cells(project, name, actor)
    changed = _differences(rows, own)
    present = {row.key for row in rows}
    absent = tuple(key for key in own if key not in present)
    gone = [(key, column) for key in absent for column in own[key]] if remove_absent else []
    events = [NewEvent(kind="extract", stage=name, subject=d.key, field=d.column, value=d.file_value) for d in changed]
    events += [NewEvent(kind="extract", stage=name, subject=k, field=c, value=None, void=True) for k, c in gone]
    if events:
        with project.writing(f"extract import {path.name} --table {name}", actor=actor) as batch:
            batch.append(events)
    cells = sum(len(row.cells) for row in rows)
    return FormOutcome(
        table=name,
        rows=len(rows),
        changed=tuple(changed),
        unchanged=cells - len(changed),
        absent=absent,
        removed=len(gone),
        notes=notes,
    )


def compare_form(project: Project, path: Path, *, table: str | None = None) -> list[FormDifference]:
    """Cells in which a form differs from the acting person's stored values; nothing is changed."""
    name, rows, _ = _read(project, path, table)
    return _differences(rows, _own_cells(project, name, project.actor))


def check(project: Project) -> list[Finding]:
    """Questions about the extracted evidence."""
    store = project.store
    return check_evidence(project.config, study_rows(store), arm_results(store), project.standings())


def resolve_cell(project: Project, table: str, key: str, column: str, value: str) -> None:
    """Settle a cell on which extractors differ."""
    actor = project.reviewer()
    cells = views.evidence(project.store, table).rows.get(key)
    if cells is None or column not in cells:
        raise InputError(f"no such cell in the {table} table", value=f"{key} {column}")
    stored = check_cell(table, column, value)
    with project.writing(f"extract resolve {table} {key} {column}", actor=actor) as batch:
        batch.append([NewEvent(kind="resolve", stage=table, subject=key, field=column, value=stored)])


def _read(project: Project, path: Path, table: str | None) -> tuple[str, list[EvidenceRow], tuple[str, ...]]:
    form = read_form(path)
    name = table or table_of(form.header)
    if name not in TABLES:
        raise InputError("no such evidence table", value=name, allowed=", ".join(TABLES))
    letter = next((h for h in form.header if h.strip().casefold() == "r"), None)
    asked = any(outcome.type == "correlation" for outcome in project.config.outcomes)
    if name == RESULTS and letter and not asked and any((row.values.get(letter) or "").strip() for row in form.rows):
        raise InputError(
            "column r holds correlations, and no outcome of this review is of type correlation", file=path,
            column=letter,
            hint='Counts go in the column events; for correlations, declare an outcome with type = "correlation".',
        )  # fmt: skip
    numbered = [(row.row, row.values) for row in form.rows]
    rows = read_rows(name, form.header, numbered, file=path, decimal=form.decimal_mark)
    return name, rows, tuple(form.notes)


def _own_cells(project: Project, table: str, actor: str) -> dict[str, dict[str, str | None]]:
    own: dict[str, dict[str, str | None]] = {}
    for event in project.store.heads("extract", stage=table):
        if event.actor == actor:
            own.setdefault(event.subject, {})[event.field] = event.value
    return own


def _differences(rows: list[EvidenceRow], own: Mapping[str, Mapping[str, str | None]]) -> list[FormDifference]:
    found = []
    for row in rows:
        stored = own.get(row.key)
        for column, value in row.cells.items():
            before = stored.get(column) if stored is not None else None
            if value != before:
                found.append(FormDifference(key=row.key, column=column, stored=before, file_value=value))
    return found
