"""A table of directions of effect, p values and participants, read into findings."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from toolkit.engine.directions import Finding
from toolkit.engine.grid import Grid, name_of, number
from toolkit.model.errors import InputError

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["ROLES", "read_findings"]

ROLES: dict[str, tuple[str, ...]] = {
    "study": ("study", "author", "trial", "id"),
    "outcome": ("outcome", "domain", "outcome domain"),
    "direction": ("direction", "effect direction", "direction of effect"),
    "p": ("p", "p value", "pvalue", "p.value", "p_value"),
    "n": ("n", "total", "sample size", "participants", "sample_size"),
    "quality": ("quality", "risk of bias", "rob", "risk_of_bias", "study quality"),
}
"""Role -> headings that are taken for it, whatever their case."""

_WORDS = {
    1: {"benefit", "positive", "up", "+", "+1", "1", "▲", "↑", "improvement", "favours treatment", "favors treatment"},
    -1: {"harm", "negative", "down", "-", "−", "-1", "−1", "▼", "↓", "deterioration", "favours control",
         "favors control"},
    0: {"none", "no effect", "neither", "mixed", "unclear", "conflicting", "0", "◄►", "◀▶", "no change", "="},
}  # fmt: skip


def read_findings(
    source: str | Path | pd.DataFrame,
    *,
    columns: Mapping[str, str] | None = None,
    sheet: str | None = None,
    delimiter: str | None = None,
    decimal: str | None = None,
    encoding: str | None = None,
) -> tuple[tuple[Finding, ...], tuple[str, ...]]:
    """The findings of a table, one a row, and what a reader must know of how it was read.

    Parameters
    ----------
    columns : role -> heading where it is not recognised; see `ROLES`

    Raises
    ------
    InputError
        Without a column of studies or directions, or for a cell that cannot be read.
    """
    from toolkit.engine.tables import grid_of

    grid = grid_of(source, sheet=sheet, delimiter=delimiter, decimal=decimal, encoding=encoding)
    at = _columns(grid, columns or {})
    notes = list(grid.notes)
    found = []
    for row in range(len(grid.rows)):
        p, bound = _p(grid, row, at.get("p"))
        study = name_of(grid.rows[row][at["study"]])
        if not study:
            raise InputError(
                "A row without a study.", file=grid.file, row=grid.row[row], column=_name(grid, at, "study")
            )
        if bound:
            notes.append(f"row {grid.row[row]}: p taken at its bound, {p:g}")
        n = number(grid, row, at["n"]) if "n" in at else float("nan")
        if n <= 0:
            raise InputError("Participants are above 0.", file=grid.file, row=grid.row[row], value=n)
        found.append(
            Finding(
                study=study,
                outcome=name_of(grid.rows[row][at["outcome"]]) if "outcome" in at else "",
                direction=_direction(grid, row, at["direction"]),
                p=p,
                n=None if n != n else n,
                quality=(name_of(grid.rows[row][at["quality"]]) or None) if "quality" in at else None,
            )
        )
    return tuple(found), tuple(notes)


def _columns(grid: Grid, given: Mapping[str, str]) -> dict[str, int]:
    unknown = sorted(set(given) - set(ROLES))
    if unknown:
        raise InputError("Unknown role of a column.", value=", ".join(unknown), allowed=", ".join(ROLES))
    plain = [re.sub(r"\s+", " ", name.strip().casefold()) for name in grid.header]
    found: dict[str, int] = {}
    for role, names in ROLES.items():
        if role in given:
            if given[role] not in grid.header:
                raise InputError("There is no such column.", file=grid.file, value=given[role],
                                 allowed=", ".join(grid.header))  # fmt: skip
            found[role] = grid.header.index(given[role])
            continue
        match = [i for i, name in enumerate(plain) if name in names]
        if match:
            found[role] = match[0]
    missing = [role for role in ("study", "direction") if role not in found]
    if missing:
        raise InputError(
            f"The table has no column of {' and '.join(missing)}.", file=grid.file, value=", ".join(grid.header),
            hint=f"Name it, such as --columns {missing[0]}=HEADING.",
        )  # fmt: skip
    return found


def _name(grid: Grid, at: Mapping[str, int], role: str) -> str:
    return grid.header[at[role]]


def _direction(grid: Grid, row: int, column: int) -> int:
    text = name_of(grid.rows[row][column]).casefold()
    text = "1" if text == "1.0" else "-1" if text == "-1.0" else "0" if text == "0.0" else text
    for sign, words in _WORDS.items():
        if text in words:
            return sign
    raise InputError(
        "This is no direction of an effect.", file=grid.file, row=grid.row[row], column=grid.header[column],
        value=name_of(grid.rows[row][column]), allowed="benefit, harm, none (or +, -, 0)",
    )  # fmt: skip


def _p(grid: Grid, row: int, column: int | None) -> tuple[float | None, bool]:
    """A p value, and whether it is a bound such as "<0.001"."""
    if column is None:
        return None, False
    text = name_of(grid.rows[row][column]).replace(" ", "")
    if not text:
        return None, False
    bound = text[0] in "<≤"
    if bound:
        try:
            value = float(text.lstrip("<≤=").replace(",", "."))
        except ValueError:
            value = float("nan")
    else:
        value = number(grid, row, column)
    if not 0 <= value <= 1:
        raise InputError(
            "A p value lies between 0 and 1.", file=grid.file, row=grid.row[row], column=grid.header[column], value=text
        )
    return value, bound
