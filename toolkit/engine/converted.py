"""Arms whose mean or SD a table does not give, filled from what it gives instead, by a named rule and with a flag."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from toolkit.engine.conversions import (
    SKEWED,
    Converted,
    mean_sd_of_quantiles,
    sd_of_difference,
    sd_of_interval,
    sd_of_standard_error,
    skewness_of_quantiles,
)
from toolkit.engine.data import ArmTable, FloatArray
from toolkit.engine.grid import number
from toolkit.model.errors import InputError, NotEstimable

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from toolkit.engine.tables import Table

__all__ = ["CONVERT", "IMPUTE", "Filled", "fill_arms", "fill_means", "reported_numbers"]

CONVERT = {
    "refuse": "from SE, interval or quantiles; not from quantiles that a test finds skewed",
    "flag": "the same, skewed quantiles too, with a flag",
    "QE": "the same, skewed quantiles by quantile estimation (McGrath 2020)",
    "BC": "the same, skewed quantiles by the Box-Cox method (McGrath 2020)",
    "LN": "the same, skewed quantiles as log-normal ones (Shi 2020)",
}
IMPUTE = {
    "pooled": "the pooled SD of the arms that have one (Furukawa 2006)",
    "median": "the median SD of the arms that have one",
    "largest": "the largest SD of the arms that have one (least weight)",
}
_REPORTED = ("se", "ci_low", "ci_high", "minimum", "q1", "median", "q3", "maximum", "baseline_mean", "baseline_sd")
_OF_DIFFERENCE = ("t_value", "p_value")  # of both arms together


@dataclass(frozen=True, slots=True, kw_only=True)
class Filled:
    """One arm whose mean or SD was filled or was refused: what became of it in words.

    ``kind`` is "converted" (from other numbers of the arm or of the study) or "imputed" (from other studies).
    """

    study: str
    treatment: str
    used: bool
    what: str
    kind: str = "converted"


def fill_means(table: Table, *, convert: str | None, impute: str | None = None) -> tuple[Table, tuple[Filled, ...]]:
    """The table with missing means and SDs filled, and a line for every arm that was touched.

    Parameters
    ----------
    table : arms that were read from a file or data frame
    convert : key of `CONVERT`: what to do with skewed quantiles; None converts nothing
    impute : rule for SDs that are still missing where the mean is there: "pooled", "median", "largest", or None

    References
    ----------
    Furukawa, Barbui, Cipriani, Brambilla, Watanabe 2006, J Clin Epidemiol 59:7-10.
    doi:10.1016/j.jclinepi.2005.06.006
    """
    if table.arms is None:
        raise InputError("Means and standard deviations are converted in tables of arms, not of effects.")
    file = table.grid.file if table.grid else None
    arms, found = fill_arms(table.arms, reported_numbers(table), convert=convert, impute=impute, file=file)
    read = _columns_read(table) if convert is not None else {}
    return replace(table, arms=arms, columns_used={**table.columns_used, **read}), found


def fill_arms(
    arms: ArmTable,
    reported: Sequence[Mapping[str, float]],
    *,
    convert: str | None,
    impute: str | None = None,
    file: object = None,
) -> tuple[ArmTable, tuple[Filled, ...]]:
    """The same for arms with the other numbers that were reported of each, by the names of `_REPORTED`.

    Parameters
    ----------
    reported : for each arm, what is known beside mean and SD: se, ci_low, ci_high, minimum, q1, median, q3, maximum,
        t_value or p_value of the difference between the two arms of the study
    file : named in messages
    """
    for what, key, allowed in (("conversion", convert, CONVERT), ("rule", impute, IMPUTE)):
        if key is not None and key not in allowed:
            raise InputError(f"Unknown {what} of missing standard deviations.", value=key, allowed=", ".join(allowed))
    mean, sd = arms.mean.copy(), arms.sd.copy()
    found: list[Filled] = []
    if convert is not None:
        found = _convert(arms, reported, mean, sd, convert, file)
        found += _of_differences(arms, reported, mean, sd, file)
    if impute is not None:
        found += _impute(arms, mean, sd, impute)
    mean.flags.writeable = sd.flags.writeable = False
    return replace(arms, mean=mean, sd=sd), tuple(found)


def _columns_read(table: Table) -> dict[str, str]:
    """Role -> heading of the columns that conversions look at."""
    if table.grid is None:
        return {}
    names = [*(f"{name}{side}" for name in _REPORTED for side in ("", "1", "2")), *_OF_DIFFERENCE]
    return {name: table.grid.header[table.roles[name]] for name in names if name in table.roles}


def _convert(
    arms: ArmTable, known: Sequence[Mapping[str, float]], mean: FloatArray, sd: FloatArray, skewed: str,
    file: object,
) -> list[Filled]:  # fmt: skip
    """Fill ``mean`` and ``sd`` in place."""
    found = []
    for i, reported in enumerate(known):
        if not math.isnan(mean[i]) and not math.isnan(sd[i]):
            continue
        n = float(arms.n[i])
        if math.isnan(n):
            continue
        try:
            got = _one(mean[i], n, reported, skewed)
        except NotEstimable as error:
            found.append(Filled(study=arms.study[i], treatment=arms.treatment[i], used=False, what=str(error)))
            continue
        except InputError as error:
            raise InputError(
                f"{arms.study[i]}, {arms.treatment[i]}: {error.message}", file=file, row=int(arms.row[i]) or None,
                value=error.value, allowed=error.allowed,
            ) from error  # fmt: skip
        if got is None:
            continue
        both = math.isnan(mean[i])
        if both:
            mean[i] = got.mean
        sd[i] = got.sd
        what = f"{'mean and SD' if both else 'SD'} from {got.source}"
        what += "".join(f"; caution: {flag}" for flag in got.flags)
        found.append(Filled(study=arms.study[i], treatment=arms.treatment[i], used=True, what=what))
    return found


def _one(mean: float, n: float, reported: Mapping[str, float], skewed: str) -> Converted | None:
    """The conversion that the reported numbers allow: the standard error, the interval, then quantiles."""
    if not math.isnan(mean):
        if "se" in reported:
            return sd_of_standard_error(reported["se"], n)
        if "ci_low" in reported and "ci_high" in reported:
            return sd_of_interval(reported["ci_low"], reported["ci_high"], n)
        return None
    box, extremes = "q1" in reported and "q3" in reported, "minimum" in reported and "maximum" in reported
    if "median" not in reported or not (box or extremes):
        return None
    quantiles = {"median": reported["median"]}
    if box:
        quantiles |= {"q1": reported["q1"], "q3": reported["q3"]}
    if extremes:
        quantiles |= {"low": reported["minimum"], "high": reported["maximum"]}
    if skewed in SKEWED and skewness_of_quantiles(n, **quantiles).skewed:
        return SKEWED[skewed](n, **quantiles)
    return mean_sd_of_quantiles(n, **quantiles, skewed="flag" if skewed == "flag" else "refuse")


def _of_differences(
    arms: ArmTable, known: Sequence[Mapping[str, float]], mean: FloatArray, sd: FloatArray, file: object
) -> list[Filled]:
    """One SD for both arms of a study that gives t or p of their difference, in place."""
    members: dict[str, list[int]] = {}
    for i, study in enumerate(arms.study):
        members.setdefault(study, []).append(i)
    found = []
    for study, own in members.items():
        told = {name: known[i][name] for i in own for name in _OF_DIFFERENCE if name in known[i]}
        usable = len(own) == 2 and not np.isnan(mean[own]).any() and not np.isnan(arms.n[own]).any()
        if not told or not usable or not np.isnan(sd[own]).all():
            continue
        i, j = own
        try:
            got = sd_of_difference(
                float(mean[i] - mean[j]), float(arms.n[i]), float(arms.n[j]), t=told.get("t_value"),
                p=None if "t_value" in told else told["p_value"],
            )  # fmt: skip
        except NotEstimable as error:
            found += [Filled(study=study, treatment=arms.treatment[k], used=False, what=str(error)) for k in own]
            continue
        except InputError as error:
            raise InputError(
                f"{study}: {error.message}", file=file, row=int(arms.row[i]) or None, value=error.value,
                allowed=error.allowed, hint=error.hint,
            ) from error  # fmt: skip
        sd[own] = got.sd
        what = f"SD from {got.source}" + "".join(f"; caution: {flag}" for flag in got.flags)
        found += [Filled(study=study, treatment=arms.treatment[k], used=True, what=what) for k in own]
    return found


def reported_numbers(table: Table) -> list[dict[str, float]]:
    """What the row of each arm gives beside mean and SD."""
    arms, grid = table.arms, table.grid
    if arms is None:
        raise InputError("Means and standard deviations are converted in tables of arms, not of effects.")
    if grid is None:
        return [{} for _ in arms.study]
    at_row = {row: at for at, row in enumerate(grid.row)}
    wide = len(set(arms.row.tolist())) < len(arms.row)
    seen: dict[int, int] = {}
    found = []
    for row, spread in zip(arms.row.tolist(), arms.sd.tolist(), strict=True):
        seen[row] = seen.get(row, 0) + 1
        side = str(seen[row]) if wide else ""
        own = {}
        for name in _REPORTED:
            column = table.roles.get(f"{name}{side}")
            value = number(grid, at_row[row], column) if column is not None and row in at_row else math.nan
            if not math.isnan(value):
                own[name] = value
        for name in _OF_DIFFERENCE:
            if name in table.roles and row in at_row and math.isnan(spread):
                value = number(grid, at_row[row], table.roles[name])
                own |= {} if math.isnan(value) else {name: value}
        found.append(own)
    return found


def _impute(arms: ArmTable, mean: FloatArray, sd: FloatArray, rule: str) -> list[Filled]:
    """Fill the SDs that are missing beside a mean, in place."""
    missing = np.isfinite(mean) & np.isfinite(arms.n) & np.isnan(sd)
    have = np.isfinite(sd) & np.isfinite(arms.n) & (arms.n > 1)
    if not missing.any():
        return []
    if not have.any():
        raise InputError("No arm has a standard deviation to impute the missing ones from.")
    df = arms.n[have] - 1
    value = {
        "pooled": float(np.sqrt((df * sd[have] ** 2).sum() / df.sum())),
        "median": float(np.median(sd[have])),
        "largest": float(sd[have].max()),
    }[rule]
    sd[missing] = value
    what = f"SD {value:.4g} imputed: {IMPUTE[rule]}"
    return [
        Filled(study=arms.study[i], treatment=arms.treatment[i], used=True, what=what, kind="imputed")
        for i in np.flatnonzero(missing)
    ]
