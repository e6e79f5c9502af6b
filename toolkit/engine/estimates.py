"""Effects with standard errors from a table: as given, from intervals, from ratios, from log-rank tests."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

import numpy as np
from scipy.special import ndtri

from toolkit.engine.cells import column_of
from toolkit.engine.data import FloatArray
from toolkit.engine.grid import Grid
from toolkit.model.errors import InputError

__all__ = ["estimates_of", "measure_of"]

_RATIOS = {"hr": "HR", "hazardratio": "HR", "or": "OR", "oddsratio": "OR", "irr": "IRR", "rateratio": "IRR"}


def measure_of(grid: Grid, roles: Mapping[str, int]) -> str | None:
    """The measure that the heading of the effects names."""
    if "y" in roles:
        return None
    if "o_minus_e" in roles:
        return "HR"
    name = re.sub(r"\W|_", "", grid.header[roles["ratio"]]).lower()
    return _RATIOS.get(name, "RR")


def estimates_of(
    grid: Grid, roles: Mapping[str, int], study: Sequence[str]
) -> tuple[FloatArray, FloatArray, list[str], list[str]]:
    """Effects and standard errors on the model scale, the roles they are from, and notes."""
    if "y" not in roles and "o_minus_e" in roles:
        v = _positive(grid, roles, "v", study)
        note = "effects are (O - E) / V with variance 1 / V: the log of a hazard ratio, or of Peto's odds ratio"
        return column_of(grid, roles, "o_minus_e") / v, np.sqrt(1 / v), ["o_minus_e", "v"], [note]
    if "y" not in roles:
        columns = [np.log(_positive(grid, roles, role, study)) for role in ("ratio", "ci_low", "ci_high")]
        se = _se_from_interval(grid, roles, *columns)
        note = "logarithms were taken of the ratios, standard errors from their 95 % confidence intervals"
        return columns[0], se, ["ratio", "ci_low", "ci_high"], [note]
    y = column_of(grid, roles, "y")
    if "se" in roles:
        return y, column_of(grid, roles, "se"), ["y", "se"], []
    if "v" in roles:
        v = column_of(grid, roles, "v")
        negative = np.flatnonzero(v < 0)
        if negative.size:
            at = int(negative[0])
            raise InputError(
                f"Study {study[at]!r}: a variance cannot be negative.",
                file=grid.file,
                row=grid.row[at],
                column=grid.header[roles["v"]],
                value=f"{v[at]:g}",
            )
        return y, np.sqrt(v), ["y", "v"], []
    se = _se_from_interval(grid, roles, y, column_of(grid, roles, "ci_low"), column_of(grid, roles, "ci_high"))
    note = "standard errors were computed from 95 % confidence intervals on the scale of the estimates"
    return y, se, ["y", "ci_low", "ci_high"], [note]


def _positive(grid: Grid, roles: Mapping[str, int], role: str, study: Sequence[str]) -> FloatArray:
    """A column of ratios or of log-rank variances, which are above 0."""
    found = column_of(grid, roles, role)
    wrong = np.flatnonzero(found <= 0)
    if wrong.size:
        at = int(wrong[0])
        raise InputError(
            f"Study {study[at]!r}: not above 0.", file=grid.file, row=grid.row[at], column=grid.header[roles[role]],
            value=f"{found[at]:g}", allowed="ratios and variances are above 0",
        )  # fmt: skip
    return found


def _se_from_interval(
    grid: Grid, roles: Mapping[str, int], y: FloatArray, low: FloatArray, high: FloatArray
) -> FloatArray:
    """Standard errors from 95 % intervals, refused where an interval is not centred on its estimate."""
    width = high - low
    with np.errstate(invalid="ignore"):
        askew = np.flatnonzero((np.abs((low + high) / 2 - y) > 0.1 * width) | (width <= 0))
    if askew.size:
        at = int(askew[0])
        raise InputError(
            "The interval is not centred on its estimate.",
            file=grid.file,
            row=grid.row[at],
            column=grid.header[roles["ci_low"]],
            value=f"{y[at]:g} ({low[at]:g} to {high[at]:g})",
            hint="Ratios and intervals are logarithms, or the ratio is in a column named HR, OR, RR or IRR.",
        )
    result: FloatArray = width / (2 * float(ndtri(0.975)))
    return result
