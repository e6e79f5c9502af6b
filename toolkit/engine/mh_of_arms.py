"""The Mantel-Haenszel estimate of a comparison's arms, raw or after the zero-cell correction, and Q around it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import chdtrc

from toolkit.engine.compare import ComparisonData
from toolkit.engine.data import FloatArray
from toolkit.engine.mantel_haenszel import MANTEL_HAENSZEL
from toolkit.engine.results import Heterogeneity, PairwiseResult
from toolkit.model.choices import MEASURES

__all__ = [
    "Q_AROUND",
    "MantelHaenszel",
    "around",
    "centres",
    "corrected_estimate",
    "dersimonian_laird_around",
    "heterogeneity_around",
    "mantel_haenszel_of_arms",
]

Q_AROUND = ("OR", "RR", "RD")
"""Measures whose Q may be taken around the Mantel-Haenszel estimate, and whose cells Review Manager corrects."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MantelHaenszel:
    """Estimate and standard error on the model scale, studies in it; None with the reason it is not estimable."""

    mean: float | None
    se: float | None
    k: int
    reason: str = ""


def mantel_haenszel_of_arms(compared: ComparisonData, cells: str, add: float) -> MantelHaenszel | None:
    """From every study with both arms complete; None where the measure or the data have none.

    Parameters
    ----------
    cells : "raw" takes the counts as they are, double-zero studies included; "corrected" adds ``add`` to each cell of
        a study with an empty one, and leaves double-zero studies out (RevMan, meta's default)
    """
    kernel = MANTEL_HAENSZEL.get(compared.measure)
    table = compared.table
    if kernel is None or table is None or not compared.arms:
        return None
    rates = MEASURES[compared.measure].needs == ("events", "time")
    pairs = np.array(list(compared.arms.values()), dtype=np.int64)
    units = table.time if rates else table.n
    counts = np.array([table.events[pairs[:, 0]], units[pairs[:, 0]], table.events[pairs[:, 1]], units[pairs[:, 1]]])
    counts = counts[:, np.isfinite(counts).all(axis=0)]
    if not counts.size:
        return None
    e1, n1, e2, n2 = counts
    if cells == "corrected" and compared.measure in Q_AROUND:
        estimate, se = corrected_estimate(compared.measure, counts, add)
    else:
        estimate, se = kernel(e1, n1, e2, n2)
    if not np.isfinite(estimate[0]):
        reason = "no study has an event" if not (e1.any() or e2.any()) else "the events are all on one side"
        return MantelHaenszel(mean=None, se=None, k=e1.size, reason=reason)
    return MantelHaenszel(mean=float(estimate[0]), se=float(se[0]), k=e1.size)


def corrected_estimate(
    measure: str, counts: FloatArray, add: float, m: FloatArray | None = None
) -> tuple[FloatArray, FloatArray]:
    """As Review Manager: weights and variances of the corrected cells; a risk difference itself stays raw.

    References
    ----------
    Deeks, Higgins 2010, Statistical algorithms in Review Manager 5.
    """
    e1, n1, e2, n2 = counts
    times = np.ones((1, e1.size)) if m is None else m
    if measure != "RD":
        times = times * ~(((e1 == 0) & (e2 == 0)) | ((e1 == n1) & (e2 == n2)))
    extra = np.where((e1 == 0) | (e2 == 0) | (e1 == n1) | (e2 == n2), add, 0.0)
    estimate, se = MANTEL_HAENSZEL[measure](e1 + extra, n1 + 2 * extra, e2 + extra, n2 + 2 * extra, times)
    if measure == "RD":
        weight = times * (n1 + 2 * extra) * (n2 + 2 * extra) / (n1 + n2 + 4 * extra)
        estimate = (weight * (e1 / n1 - e2 / n2)).sum(axis=1) / weight.sum(axis=1)
    return estimate, se


def centres(result: PairwiseResult, m: FloatArray) -> FloatArray:
    """Mantel-Haenszel estimates (B,) of the samples of studies ``m`` (B, k) of a fit, as its spec asks."""
    rows = [row for row in result.studies if row.excluded is None and row.y is not None]
    counts = np.array([[r.events[0], r.n[0], r.events[1], r.n[1]] for r in rows], dtype=float).T
    measure, spec = result.spec.measure, result.spec
    if spec.mantel_haenszel == "corrected":
        return corrected_estimate(measure, counts, spec.zero_cells.add, m)[0]
    e1, n1, e2, n2 = counts
    return MANTEL_HAENSZEL[measure](e1, n1, e2, n2, m)[0]


def around(y: FloatArray, v: FloatArray, centre: FloatArray | float, m: FloatArray | None = None) -> FloatArray:
    """Cochran's Q (B,) around each ``centre`` in place of the inverse-variance mean."""
    times = np.ones((1, y.size)) if m is None else m
    q: FloatArray = (times * (y - np.atleast_1d(centre)[:, None]) ** 2 / v).sum(axis=1)
    return q


def dersimonian_laird_around(
    y: FloatArray, v: FloatArray, centre: FloatArray | float, m: FloatArray | None = None
) -> FloatArray:
    """``max(0, (Q - (k - 1)) / (sum w - sum w^2 / sum w))`` with Q around ``centre``, as Review Manager 5.

    References
    ----------
    Deeks, Higgins 2010, Statistical algorithms in Review Manager 5, "Mantel-Haenszel random effects".
    """
    times = np.ones((1, y.size)) if m is None else m
    w, k = times / v, times.sum(axis=1)
    scale = w.sum(axis=1) - (w / v).sum(axis=1) / w.sum(axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        value: FloatArray = np.where(k > 1, np.maximum(0.0, (around(y, v, centre, m) - (k - 1)) / scale), 0.0)
    return value


def heterogeneity_around(found: Heterogeneity, q: float) -> Heterogeneity:
    """The same heterogeneity with another Q, its test and the I2 from it."""
    i2 = max(0.0, (q - found.df) / q) if q > 0 else 0.0
    return Heterogeneity(
        q=q, df=found.df, p=float(chdtrc(found.df, q)), i2_q=i2, i2_tau2=found.i2_tau2, h2=found.h2,
        test="Cochran, around Mantel-Haenszel",
    )  # fmt: skip
