"""Pure functions between a filled form and the cells of an evidence table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches

from toolkit.model.errors import InputError
from toolkit.model.evidence import CHARACTERISTICS, RESULTS, STUDIES, TABLES, check_cell, row_key

__all__ = ["ALIASES", "EvidenceRow", "map_header", "read_rows", "table_of"]

# Headings people and other programs use for our columns; spelled without case, spaces and underscores.
ALIASES: dict[str, str] = {
    "studyid": "study",
    "studlab": "study",
    "armid": "arm",
    "group": "arm",
    "intervention": "treatment",
    "timepointmonths": "months",
    "timepoint": "months",
    "valuestatus": "status",
    "hips": "units",
    "followup": "follow_up_months",
    "total": "n",
    "samplesize": "n",
    "correlation": "r",
    "stddev": "sd",
    "notes": "note",
    "author": "first_author",
    "persontime": "time",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class EvidenceRow:
    """One checked row of a form: its number in the file, its key, and column -> stored text (None is empty)."""

    number: int
    key: str
    cells: Mapping[str, str | None]


def _folded(name: str) -> str:
    return "".join(c for c in name.casefold() if c.isalnum())


def table_of(header: Sequence[str]) -> str:
    """Which evidence table a form is for, told by its headings."""
    names = {ALIASES.get(_folded(name), _folded(name)) for name in header}
    if "characteristic" in names:
        return CHARACTERISTICS
    return RESULTS if "outcome" in names and "arm" in names else STUDIES


def map_header(table: str, header: Sequence[str], *, file: object = None) -> dict[str, str]:
    """Heading in the file -> column of the table.

    Raises
    ------
    InputError
        for an unknown heading (with the nearest known one), a missing key column, or two headings for one column.
    """
    columns = TABLES[table].columns
    folded = {_folded(name): name for name in columns}
    mapping: dict[str, str] = {}
    for name in header:
        if not name.strip():
            continue
        column = folded.get(_folded(name)) or ALIASES.get(_folded(name))
        if column is None or column not in columns:
            near = get_close_matches(_folded(name), folded, n=1)
            hint = f"Did you mean {folded[near[0]]!r}?" if near else "Rename the column or take it out of the form."
            raise InputError(
                f"unknown column of the {table} table", file=file, column=name, allowed=", ".join(columns), hint=hint
            )
        if column in mapping.values():
            raise InputError(f"two columns both mean {column!r}", file=file, column=name)
        mapping[name] = column
    for key in TABLES[table].key:
        if key not in mapping.values() and key != "months":
            raise InputError(
                f"the {table} form lacks its column {key!r}",
                file=file,
                hint=f"Get an empty form with 'evipool extract template --table {table}'.",
            )
    return mapping


def read_rows(
    table: str,
    header: Sequence[str],
    rows: Sequence[tuple[int, Mapping[str, str]]],
    *,
    file: object = None,
    decimal: str = ".",
) -> list[EvidenceRow]:
    """Check every cell of a form; the first bad one stops everything.

    Parameters
    ----------
    rows : (row number in the file, heading -> text)
    decimal : decimal mark of the file
    """
    mapping = map_header(table, header, file=file)
    found: list[EvidenceRow] = []
    seen: dict[str, int] = {}
    for number, raw in rows:
        cells = {
            column: check_cell(table, column, raw.get(name), file=file, row=number, decimal=decimal)
            for name, column in mapping.items()
        }
        if not any(value for column, value in cells.items() if column != "study"):
            continue  # a study of the template that nobody has filled in yet
        _require_keys(table, cells, number, file)
        _check_counts(cells, number, file)
        key = row_key(table, cells)
        if key in seen:
            what = " / ".join(part for part in key.split("|") if part)
            raise InputError(f"{what} stands twice: also in row {seen[key]}", file=file, row=number)
        seen[key] = number
        keys = set(TABLES[table].key)
        values = {column: value for column, value in cells.items() if column not in keys}
        found.append(EvidenceRow(number=number, key=key, cells=values))
    return found


def _require_keys(table: str, cells: Mapping[str, str | None], number: int, file: object) -> None:
    for column in TABLES[table].key:
        if column != "months" and not cells.get(column):
            raise InputError("empty, but it identifies the row", file=file, row=number, column=column)


def _check_counts(cells: Mapping[str, str | None], number: int, file: object) -> None:
    n, events = cells.get("n"), cells.get("events")
    if n is not None and events is not None and int(events) > int(n):
        raise InputError("more events than units", file=file, row=number, column="events", value=f"{events} of {n}")
