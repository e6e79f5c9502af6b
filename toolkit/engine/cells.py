"""Columns of a grid as numbers and names: what every kind of table is read with."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from toolkit.engine.data import FloatArray
from toolkit.engine.grid import Grid, name_of, number
from toolkit.model.errors import InputError

__all__ = [
    "alike",
    "column_of",
    "distinct",
    "names_of",
    "studies_of_rows",
    "text_of",
    "used_columns",
    "without_sums",
]

_SUM = re.compile(
    r"(sub-?\s?total|total|overall|pooled|sum|gesamt|summe|合计|小计|总计)( events)?\s*(\(.*\))?\s*:?"
    r"|heterogeneity\s*:.*|tests? for (overall effect|subgroup differences)\s*:.*",
    re.IGNORECASE,
)


def without_sums(grid: Grid, roles: Mapping[str, int]) -> Grid:
    """The grid without rows that are sums of other rows (Subtotal, Total (95% CI) ...), which would count twice."""
    if "study" not in roles:
        return grid
    keep = [_SUM.fullmatch(name) is None for name in text_of(grid, roles, "study")]
    if all(keep) or not any(keep):
        return grid
    left = [
        f"{row} ({name_of(cells[roles['study']])})"
        for row, cells, stays in zip(grid.row, grid.rows, keep, strict=True)
        if not stays
    ]
    note = f"left out as sums of other rows, not studies: row {', '.join(left)}"
    return replace(
        grid,
        rows=tuple(cells for cells, stays in zip(grid.rows, keep, strict=True) if stays),
        row=tuple(row for row, stays in zip(grid.row, keep, strict=True) if stays),
        notes=(*grid.notes, note),
    )


def used_columns(grid: Grid, roles: Mapping[str, int], names: Sequence[str]) -> dict[str, str]:
    return {role: grid.header[roles[role]] for role in names if role in roles}


def column_of(grid: Grid, roles: Mapping[str, int], role: str) -> FloatArray:
    if role not in roles:
        return np.full(len(grid.rows), np.nan)
    count = role.rstrip("0123456789") in ("n", "events", "nonevents")
    return np.array([number(grid, at, roles[role], count=count) for at in range(len(grid.rows))])


def text_of(grid: Grid, roles: Mapping[str, int], role: str) -> list[str]:
    """Names of a column, as `name_of` writes them."""
    return [name_of(row[roles[role]]) for row in grid.rows]


def names_of(grid: Grid, roles: Mapping[str, int], role: str) -> list[str]:
    """Names of a column in which every row needs one."""
    names = text_of(grid, roles, role)
    if "" in names:
        at = names.index("")
        raise InputError(
            f"The row has no {role.rstrip('123456789')}.",
            file=grid.file,
            row=grid.row[at],
            column=grid.header[roles[role]],
            hint="Fill in the name, or take the row out.",
        )
    return names


def alike(*columns: Sequence[str]) -> list[str]:
    """A note on names that differ in case only: a slip that splits a study or a treatment in two."""
    found: dict[str, set[str]] = {}
    for names in columns:
        for name in set(names):
            found.setdefault(name.casefold(), set()).add(name)
    pairs = [", ".join(repr(name) for name in sorted(names)) for names in found.values() if len(names) > 1]
    return [f"names that differ in upper and lower case only were taken as different: {pair}" for pair in sorted(pairs)]


def studies_of_rows(
    grid: Grid, roles: Mapping[str, int], *, fill_down: bool = False
) -> tuple[list[str], list[str], list[str]]:
    """Study names, the roles used for them, and notes."""
    if "study" not in roles:
        return [f"study {i + 1}" for i in range(len(grid.rows))], [], ["no study column: studies are numbered by row"]
    names = text_of(grid, roles, "study")
    used = ["study"]
    notes = []
    if fill_down and any(not name for name in names) and names[0]:
        for i in range(1, len(names)):
            names[i] = names[i] or names[i - 1]
        notes.append("empty study cells were filled from the row above")
    elif "" in names:
        names_of(grid, roles, "study")
    if grid.header[roles["study"]].strip().lower() in ("author", "authors") and "year" in roles:
        names = [f"{name} {year}".strip() for name, year in zip(names, text_of(grid, roles, "year"), strict=True)]
        used.append("year")
    return names, used, notes + alike(names)


def distinct(names: list[str]) -> tuple[list[str], list[str]]:
    """Names made distinct by a number, one row being one study."""
    double = sorted(name for name, count in Counter(names).items() if count > 1)
    if not double:
        return names, []
    count: dict[str, int] = {}
    result = []
    for name in names:
        count[name] = count.get(name, 0) + 1
        result.append(f"{name} ({count[name]})" if name in double else name)
    return result, [f"study names given more than once were numbered: {', '.join(double)}"]
