"""Tables from outside (CSV, XLSX, data frames) as arms, contrasts or estimates; what was taken for what is told.

The one module of the engine that knows pandas.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from toolkit.engine.cells import (
    alike,
    column_of,
    distinct,
    names_of,
    studies_of_rows,
    text_of,
    used_columns,
    without_sums,
)
from toolkit.engine.columns import recognise
from toolkit.engine.data import ArmTable, Effects, FloatArray
from toolkit.engine.effects import arm_table, effects_from_contrasts, effects_from_estimates, find_measure
from toolkit.engine.effects.compute import ONE_GROUP
from toolkit.engine.effects.contrasts import unique_names
from toolkit.engine.estimates import estimates_of, measure_of
from toolkit.engine.grid import Grid, grid_of_cells, read_grid
from toolkit.model.choices import MEASURES
from toolkit.model.errors import InputError

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["ContrastTable", "Table", "grid_of", "read_table"]

_STATISTICS = ("events", "n", "mean", "sd", "time", "r")
_TREATED, _CONTROL = "treatment", "control"


@dataclass(frozen=True, slots=True, kw_only=True)
class ContrastTable:
    """Contrasts or estimates as given, on the model scale; no ``t1``, ``t2`` for one comparison without names."""

    study: tuple[str, ...]
    t1: tuple[str, ...] | None
    t2: tuple[str, ...] | None
    y: FloatArray
    se: FloatArray
    row: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """A table that was understood.

    Attributes
    ----------
    kind : "arms" or "contrasts"
    arms, contrasts : the one of the two that ``kind`` names
    columns_used : role -> column name
    default_treatment, default_reference : names of the two groups where the columns name them (event.e, event.c ...)
    notes : what was detected or done to the names
    study_of_row : study name of each row of the table
    extra : column -> {study: text} of the further columns asked for
    measure : of effects whose column names it (HR, O-E), None otherwise
    grid, roles : the cells and which column is what, for what is read from them later (`toolkit.engine.converted`)
    """

    kind: str
    columns_used: dict[str, str]
    arms: ArmTable | None = None
    contrasts: ContrastTable | None = None
    default_treatment: str | None = None
    default_reference: str | None = None
    notes: tuple[str, ...] = ()
    study_of_row: tuple[str, ...] = ()
    extra: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    measure: str | None = None
    grid: Grid | None = None
    roles: Mapping[str, int] = field(default_factory=dict)

    def data(self, measure: str, *, reference: str | None = None) -> ArmTable | Effects:
        """What `pairwise` and `network` take: the arms, or the effects of the contrasts."""
        if self.arms is not None:
            self._check_columns(self.arms, measure)
            return self.arms
        given = self.contrasts
        assert given is not None
        if given.t1 is None or given.t2 is None:
            return effects_from_estimates(
                given.study,
                given.y,
                se=given.se,
                measure=measure,
                treatment=self.default_treatment or _TREATED,
                reference=self.default_reference or _CONTROL,
                rows=given.row,
            )
        return effects_from_contrasts(
            given.study, given.t1, given.t2, given.y, given.se, measure, rows=given.row, reference=reference
        )

    def _check_columns(self, arms: ArmTable, measure: str) -> None:
        for name in find_measure(measure).needs:
            column = getattr(arms, name)
            if column is None or np.isnan(column).all():
                used = ", ".join(f"{taken} as {role}" for role, taken in self.columns_used.items())
                raise InputError(
                    f"Measure {measure} needs {' and '.join(find_measure(measure).needs)}; the table gives no {name}.",
                    value=used,
                    hint=f"Name the column with columns={{{name!r}: '...'}} (--columns {name}=...).",
                )


def read_table(
    source: str | Path | pd.DataFrame,
    *,
    measure: str | None = None,
    columns: Mapping[str, str] | None = None,
    sheet: str | None = None,
    delimiter: str | None = None,
    decimal: str | None = None,
    encoding: str | None = None,
    extra: Sequence[str] = (),
) -> Table:
    """Arms or contrasts from a CSV or XLSX file or a data frame.

    Parameters
    ----------
    source : path or data frame; long (one row an arm), wide (one row a study) or contrasts (one row a pair)
    measure : effect measure; decides between arms and estimates where a table has both
    columns : role -> column name for what is not recognised, such as ``{"events": "ev", "n": "tot"}``
    sheet : sheet of a workbook; the first one otherwise
    delimiter, decimal, encoding : override what is detected in a text file
    extra : names of further columns to be kept by study (subgroups, years)

    Raises
    ------
    InputError
        Naming file, row and column; for columns that are not recognised with the names that would be.
    """
    grid = grid_of(source, sheet=sheet, delimiter=delimiter, decimal=decimal, encoding=encoding)
    correlations = measure in MEASURES and "r" in MEASURES[measure].needs
    roles = recognise(grid, columns, correlations=correlations)
    grid = without_sums(grid, roles)
    kind = _kind(roles, measure)
    if kind == "long":
        table = _long(grid, roles)
    elif kind == "single":
        table = _single(grid, roles)
    elif kind == "wide":
        table = _wide(grid, roles)
    elif kind == "contrasts":
        table = _contrasts(grid, roles)
    else:
        raise InputError(
            "The columns are not recognised.",
            file=grid.file,
            row=1,
            value=", ".join(grid.header),
            allowed="one row an arm (study, treatment, events, n; or n, mean, sd), one row a study (ai, bi, ci, di; "
            "event.e, n.e, event.c, n.c; m1i, sd1i, n1i, m2i, sd2i, n2i), or effects (yi, sei; TE, seTE)",
            hint="Name them with columns={'events': 'ev', ...} (--columns events=ev,n=tot on the command line).",
        )
    kept = {name: _by_study(grid, name, table.study_of_row) for name in extra}
    return replace(table, notes=grid.notes + table.notes, extra=kept, grid=grid, roles=roles)


def _by_study(grid: Grid, column: str, studies: Sequence[str]) -> dict[str, str]:
    """Text of a column by study; the rows of one study must agree."""
    if column not in grid.header:
        near = get_close_matches(column, [name for name in grid.header if name], n=1)
        raise InputError(
            f"There is no column {column!r}.",
            file=grid.file,
            allowed=", ".join(name for name in grid.header if name),
            hint=f"Did you mean {near[0]!r}?" if near else None,
        )
    found: dict[str, str] = {}
    for at, text in enumerate(text_of(grid, {column: grid.header.index(column)}, column)):
        study = studies[at]
        if text and found.setdefault(study, text) != text:
            raise InputError(
                f"Study {study!r} has two values.",
                file=grid.file,
                row=grid.row[at],
                column=column,
                value=text,
                hint=f"Another row of the study says {found[study]!r}.",
            )
    return found


def grid_of(
    source: str | Path | pd.DataFrame,
    *,
    sheet: str | None,
    delimiter: str | None,
    decimal: str | None,
    encoding: str | None,
) -> Grid:
    """The cells of a file or data frame."""
    if not isinstance(source, (str, Path)):
        cells: list[Sequence[object]] = [[str(name) for name in source.columns]]
        missing = source.isna().to_numpy()
        values = source.to_numpy(dtype=object)
        cells += [[None if missing[i, j] else v for j, v in enumerate(row)] for i, row in enumerate(values)]
        return grid_of_cells([[getattr(c, "item", lambda c=c: c)() for c in row] for row in cells], file=None)
    path = Path(source)
    if path.is_file():
        with path.open("rb") as stream:
            zipped = stream.read(4) == b"PK\x03\x04"
        if zipped:
            return _workbook(path, sheet)
    if sheet is not None:
        raise InputError("Only a workbook has sheets.", file=path, value=sheet)
    return read_grid(path, delimiter=delimiter, decimal=decimal, encoding=encoding)


def _workbook(path: Path, sheet: str | None) -> Grid:
    from zipfile import BadZipFile

    import pandas as pd

    try:
        book = pd.ExcelFile(path, engine="openpyxl")
    except (KeyError, ValueError, OSError, BadZipFile) as error:
        raise InputError("This is not an Excel workbook.", file=path, hint="Save it as .xlsx or CSV.") from error
    with book:
        names = [str(name) for name in book.sheet_names]
        if sheet is not None and sheet not in names:
            raise InputError("The workbook has no such sheet.", file=path, value=sheet, allowed=", ".join(names))
        chosen = sheet if sheet is not None else names[0]
        frame = pd.read_excel(book, sheet_name=chosen, header=None, dtype=object, keep_default_na=False)
    _refuse_unsaved_formulas(path, chosen)
    grid = grid_of_cells(frame.to_numpy(dtype=object).tolist(), file=str(path))
    others = [name for name in names if name != chosen]
    return replace(grid, notes=(f"sheet {chosen!r}" + (f" (not read: {', '.join(others)})" if others else ""),))


def _refuse_unsaved_formulas(path: Path, sheet: str) -> None:
    """A formula that no spreadsheet program has computed reads as an empty cell: unknown, not "not reported"."""
    from openpyxl import load_workbook
    from openpyxl.utils import get_column_letter

    formulas, values = (load_workbook(path, read_only=True, data_only=stored) for stored in (False, True))
    try:
        sheets = zip(formulas[sheet].iter_rows(), values[sheet].iter_rows(), strict=True)
        for number, (row, stored) in enumerate(sheets, start=1):
            for at, (cell, value) in enumerate(zip(row, stored, strict=True), start=1):
                if getattr(cell, "data_type", "n") == "f" and value.value is None:
                    raise InputError(
                        "The formula has no stored value.",
                        file=path,
                        row=number,
                        column=get_column_letter(at),
                        value=cell.value,
                        hint="Open the workbook in Excel or LibreOffice and save it.",
                    )
    finally:
        formulas.close()
        values.close()


def _kind(roles: Mapping[str, int], measure: str | None) -> str | None:
    """Long or wide arms before contrasts, unless the measure is "GEN" (effects as given)."""
    estimates = "y" in roles and ("se" in roles or "v" in roles or {"ci_low", "ci_high"} <= set(roles))
    estimates = estimates or {"o_minus_e", "v"} <= set(roles) or {"ratio", "ci_low", "ci_high"} <= set(roles)
    if estimates and measure == "GEN":
        return "contrasts"
    if measure in MEASURES and MEASURES[measure].groups == 1 and all(n in roles for n in MEASURES[measure].needs):
        return "long" if "treatment" in roles and "study" in roles else "single"
    if "treatment" in roles and any(name in roles for name in _STATISTICS):
        return "long"
    if any(f"{name}1" in roles and f"{name}2" in roles for name in ("events", "mean", "median")):
        return "wide"
    return "contrasts" if estimates else None


def _long(grid: Grid, roles: Mapping[str, int]) -> Table:
    if "study" not in roles:
        raise InputError(
            "A table with one row an arm needs a study column.",
            file=grid.file,
            row=1,
            value=", ".join(grid.header),
            hint="Name it with columns={'study': '...'} (--columns study=...).",
        )
    study, used, notes = studies_of_rows(grid, roles, fill_down=True)
    treatment = names_of(grid, roles, "treatment")
    notes += alike(treatment)
    arms = arm_table(
        study,
        treatment,
        n=column_of(grid, roles, "n"),
        events=column_of(grid, roles, "events"),
        mean=column_of(grid, roles, "mean"),
        sd=column_of(grid, roles, "sd"),
        time=column_of(grid, roles, "time"),
        r=column_of(grid, roles, "r"),
        row=grid.row,
    )
    return Table(
        kind="arms",
        arms=arms,
        columns_used=used_columns(grid, roles, [*used, "treatment", *_STATISTICS]),
        study_of_row=tuple(study),
        notes=tuple(notes),
    )


def _single(grid: Grid, roles: Mapping[str, int]) -> Table:
    """One row a study of one group."""
    study, used, notes = studies_of_rows(grid, roles)
    study, more = distinct(study)
    columns = {name: column_of(grid, roles, name) for name in _STATISTICS}
    return Table(
        kind="arms",
        arms=arm_table(study, [ONE_GROUP] * len(study), row=grid.row, **columns),
        columns_used=used_columns(grid, roles, [*used, *_STATISTICS]),
        study_of_row=tuple(study),
        notes=tuple(notes + more),
    )


def _arm_numbers(roles: Mapping[str, int]) -> list[int]:
    found = {1, 2}
    for further in range(3, 10):
        if f"treatment{further}" in roles and any(f"{name}{further}" in roles for name in ("events", "mean")):
            found.add(further)
    return sorted(found)


def _group_names(grid: Grid, roles: Mapping[str, int], arm: int) -> list[str]:
    if f"treatment{arm}" in roles:
        return (names_of if arm <= 2 else text_of)(grid, roles, f"treatment{arm}")
    return [_TREATED if arm == 1 else _CONTROL] * len(grid.rows)


def _wide(grid: Grid, roles: Mapping[str, int]) -> Table:
    study, used, notes = studies_of_rows(grid, roles)
    named = "treatment1" in roles and "treatment2" in roles
    if not named:
        study, more = distinct(study)
        notes += more
    numbers = _arm_numbers(roles) if named else [1, 2]
    of: list[str] = []
    treatment: list[str] = []
    rows: list[int] = []
    statistics: dict[str, list[float]] = {name: [] for name in _STATISTICS}
    columns = {(name, arm): column_of(grid, roles, f"{name}{arm}") for name in _STATISTICS for arm in numbers}
    for arm in (1, 2):
        if f"n{arm}" not in roles and f"nonevents{arm}" in roles:
            columns["n", arm] = columns["events", arm] + column_of(grid, roles, f"nonevents{arm}")
            used.append(f"nonevents{arm}")
    groups = {arm: _group_names(grid, roles, arm) for arm in numbers}
    notes += alike(*groups.values())
    seen: dict[tuple[str, str], tuple[float, ...]] = {}
    for at, name in enumerate(study):
        for arm in numbers:
            values = tuple(float(columns[s, arm][at]) for s in _STATISTICS)
            group = groups[arm][at]
            if arm > 2 and not group:
                continue
            if named and seen.get((name, group)) is not None and _same(seen[name, group], values):
                continue  # the arm of a multi-arm study that is given pair by pair
            seen[name, group] = values
            of.append(name)
            treatment.append(group)
            rows.append(grid.row[at])
            for statistic, value in zip(_STATISTICS, values, strict=True):
                statistics[statistic].append(value)
    arms = arm_table(of, treatment, row=rows, **statistics)
    wanted = [f"{name}{arm}" for arm in numbers for name in ("treatment", *_STATISTICS)]
    return Table(
        kind="arms",
        arms=arms,
        columns_used=used_columns(grid, roles, [*used, *wanted]),
        study_of_row=tuple(study),
        default_treatment=None if named else _TREATED,
        default_reference=None if named else _CONTROL,
        notes=tuple(notes),
    )


def _same(a: tuple[float, ...], b: tuple[float, ...]) -> bool:
    return bool(np.array_equal(np.array(a), np.array(b), equal_nan=True))


def _contrasts(grid: Grid, roles: Mapping[str, int]) -> Table:
    study, used, notes = studies_of_rows(grid, roles)
    named = "treatment1" in roles and "treatment2" in roles
    if not named:
        study, more = distinct(study)
        notes += more
    y, se, spread, more = estimates_of(grid, roles, study)
    notes += more
    wanted = [*used, *(("treatment1", "treatment2") if named else ()), *spread]
    pairs = [names_of(grid, roles, role) for role in ("treatment1", "treatment2")] if named else []
    notes += alike(*pairs)
    return Table(
        kind="contrasts",
        contrasts=ContrastTable(
            study=tuple(study),
            t1=tuple(pairs[0]) if named else None,
            t2=tuple(pairs[1]) if named else None,
            y=y,
            se=se,
            row=grid.row,
        ),
        columns_used=used_columns(grid, roles, wanted),
        study_of_row=tuple(study if named else unique_names(study)),
        default_treatment=None if named else _TREATED,
        default_reference=None if named else _CONTROL,
        notes=tuple(notes),
        measure=measure_of(grid, roles),
    )
