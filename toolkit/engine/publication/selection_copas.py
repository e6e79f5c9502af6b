"""Copas selection model: how the estimate moves as fewer small studies are taken to have been seen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import chdtrc, log_ndtr, ndtr, ndtri

from toolkit.engine.data import FloatArray
from toolkit.engine.glmm.optimise import Maximum, maximise
from toolkit.engine.intervals import wald_estimate
from toolkit.engine.publication.adjusted import needs
from toolkit.engine.results import Estimate, PairwiseResult
from toolkit.model.errors import InputError

__all__ = ["Copas", "CopasRow", "copas", "copas_log_likelihood"]

SMALLEST = (0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2, 0.1)
"""Probabilities that the study with the largest standard error is seen, tried by default."""
_EDGE = 4.0  # |atanh(rho)| beyond this is the edge of the parameter space: |rho| = 0.9993
_TURNS = (-2.5, -1.0, 0.0, 1.0, 2.5)  # starts of atanh(rho)
_FOLLOWED = 2  # starts that are followed to their maximum
_CAUTION = "the strength of selection is assumed, not estimated: read how far the estimate moves"
_ENOUGH = 0.10  # the residual-bias test of Carpenter et al. (2009) is read at 10 %


@dataclass(frozen=True, slots=True, kw_only=True)
class CopasRow:
    """The model at one strength of selection (model scale).

    Attributes
    ----------
    smallest, largest : probability that the study with the largest, the smallest standard error is seen
    estimate : mean effect over all studies, seen and unseen
    tau2 : between-study variance
    rho : correlation of an effect's error with the propensity to be seen
    unseen : expected number of studies not seen, ``sum (1 - p_i) / p_i``
    seen : share of all studies that is seen
    p_residual : likelihood-ratio test of a trend with the standard error that is left, the sign of rho kept
    log_likelihood : of the effects given that they were seen
    converged : whether the search ended inside the parameter space
    """

    smallest: float
    largest: float
    estimate: Estimate
    tau2: float
    rho: float
    unseen: float
    seen: float
    p_residual: float
    log_likelihood: float
    converged: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Copas:
    """The sensitivity analysis: rows from hardly any selection to strong selection.

    Attributes
    ----------
    rows : in the order of ``smallest``
    unadjusted : maximum likelihood without selection
    p_trend : likelihood-ratio test of a trend with the standard error, without selection
    adjusted : with the least selection after which the trend is not significant at 10 %; None if there is none
    chosen : probability ``smallest`` of that row, 1 for no selection
    caution : how to read it
    """

    rows: tuple[CopasRow, ...]
    unadjusted: Estimate
    p_trend: float
    adjusted: Estimate | None
    chosen: float | None
    k: int
    caution: str


def copas_log_likelihood(
    y: FloatArray, se: FloatArray, u: FloatArray, mean: FloatArray | float, tau2: float, rho: float
) -> float:
    """Log-likelihood of seen effects, up to a constant.

    Parameters
    ----------
    y, se : (K,) effects and their reported standard errors
    u : (K,) expected propensity to be seen, ``gamma0 + gamma1 / se``
    mean : mean effect, or (K,) one for each study
    tau2, rho : between-study variance, correlation of error and propensity

    Notes
    -----
    A study is seen where ``z = u + delta > 0``; its error has correlation rho with delta. The reported variance is that
    of a seen study, ``se^2 = s^2 (1 - rho^2 l (u + l))`` with ``l = phi(u) / Phi(u)``.

    References
    ----------
    Copas, Shi 2000, Biostatistics 1:247-262, section 2. doi:10.1093/biostatistics/1.3.247
    """
    ratio = np.exp(-(u**2) / 2 - 0.5 * np.log(2 * np.pi) - log_ndtr(u))
    s2 = se**2 / (1 - rho**2 * ratio * (u + ratio))
    total = s2 + tau2
    slope = rho * np.sqrt(s2 / total)
    v = (u + slope * (y - mean) / np.sqrt(total)) / np.sqrt(1 - slope**2)
    return float((-0.5 * np.log(total) - (y - mean) ** 2 / (2 * total) + log_ndtr(v) - log_ndtr(u)).sum())


def copas(
    result: PairwiseResult, *, smallest: Sequence[float] = SMALLEST, largest: float = 0.99, force: bool = False
) -> Copas:
    """The Copas selection model of the studies of a fit, over a range of selection.

    Parameters
    ----------
    result : a fit
    smallest : probabilities that the study with the largest standard error is seen; each is a row
    largest : the same for the study with the smallest standard error
    force : run it with fewer than ten studies too

    Raises
    ------
    NotEstimable
        Under ten studies unless forced, under three in any case, or where precision does not vary.

    References
    ----------
    Copas, Shi 2000, Biostatistics 1:247-262. doi:10.1093/biostatistics/1.3.247
    Copas, Shi 2001, Stat Methods Med Res 10:251-265. doi:10.1177/096228020101000402
    Carpenter, Schwarzer, Ruecker, Kuenstler 2009, J Clin Epidemiol 62:624-631. doi:10.1016/j.jclinepi.2008.12.002
    """
    y, v, few = needs(result, "The Copas model", force)
    probabilities = sorted({float(p) for p in smallest}, reverse=True)
    for p in (*probabilities, largest):
        if not 0 < p < 1:
            raise InputError("Probabilities of being seen lie between 0 and 1.", value=p)
    unit = float(np.sqrt(np.median(v)))
    y, se = y / unit, np.sqrt(v) / unit
    level = result.spec.level
    plain = _plain(y, se)
    unadjusted = wald_estimate(
        float(plain.at[0]) * unit, float(np.sqrt(plain.covariance[0, 0])) * unit, np.inf, level, "ML"
    )
    p_trend = float(chdtrc(1, max(0.0, 2 * (_plain(y, se, trend=True).value - plain.value))))
    rows, start = [], plain
    for p in probabilities:
        u = _propensity(se, p, largest)
        found = _fit(y, se, u, [start, plain])
        start = found
        rows.append(_row(found, _fit_trend(y, se, u, found), u, unit, p, largest, level))
    tried = [(1.0, p_trend, unadjusted), *((row.smallest, row.p_residual, row.estimate) for row in rows)]
    chosen, _, adjusted = next((one for one in tried if one[1] > _ENOUGH), (None, 0.0, None))
    return Copas(
        rows=tuple(rows), unadjusted=unadjusted, p_trend=p_trend, adjusted=adjusted, chosen=chosen, k=y.size,
        caution=f"{few}; {_CAUTION}" if few else _CAUTION,
    )  # fmt: skip


def _propensity(se: FloatArray, smallest: float, largest: float) -> FloatArray:
    """``gamma0 + gamma1 / se`` through the two probabilities."""
    low, high = float(ndtri(smallest)), float(ndtri(largest))
    slope = (high - low) / (1 / se.min() - 1 / se.max())
    value: FloatArray = low + slope * (1 / se - 1 / se.max())
    return value


def _plain(y: FloatArray, se: FloatArray, trend: bool = False) -> Maximum:
    """Maximum over mean (with ``trend`` and a slope on the standard error) and tau, without selection."""
    slope = [_slope(y, se)] if trend else []
    nothing, w = np.zeros_like(y), 1 / se**2
    start = float((w * y).sum() / w.sum()) - (slope[0] * float(np.median(se)) if slope else 0.0)

    def value(x: FloatArray) -> float:
        return copas_log_likelihood(y, se, nothing, x[0] + x[1] * se if trend else float(x[0]), float(x[-1]) ** 2, 0.0)

    return maximise(value, np.array([start, *slope, 0.5]), 1 + len(slope))


def _fit(y: FloatArray, se: FloatArray, u: FloatArray, starts: Sequence[Maximum]) -> Maximum:
    """Maximum over mean, atanh(rho) and tau, from the best of several starts."""

    def value(x: FloatArray) -> float:
        rho = float(np.tanh(np.clip(x[1], -_EDGE, _EDGE)))
        return copas_log_likelihood(y, se, u, float(x[0]), float(x[-1]) ** 2, rho)

    tries = [
        np.array([float(begin.at[0]), turn, max(float(begin.at[-1]), 0.2)])
        for begin in starts for turn in {*_TURNS, *([float(begin.at[1])] if begin.at.size > 2 else [])}
    ]  # fmt: skip
    tries.sort(key=value, reverse=True)
    return max((maximise(value, x, 2) for x in tries[:_FOLLOWED]), key=lambda one: one.value)


def _fit_trend(y: FloatArray, se: FloatArray, u: FloatArray, null: Maximum) -> Maximum:
    """The same with a slope of the mean on the standard error; rho keeps the sign it has without one.

    Selection against the trend, which would explain the same funnel twice, is no alternative of interest.
    """
    sign = 1.0 if null.at[1] >= 0 else -1.0

    def value(x: FloatArray) -> float:
        rho = sign * float(np.tanh(min(abs(x[2]), _EDGE)))
        return copas_log_likelihood(y, se, u, x[0] + x[1] * se, float(x[-1]) ** 2, rho)

    middle, tau = float(np.median(se)), max(float(null.at[-1]), 0.2)
    slopes, turns = (0.0, _slope(y, se)), (min(abs(float(null.at[1])), 2.5), 0.3)
    tries = [np.array([float(null.at[0]) - b * middle, b, turn, tau]) for b in slopes for turn in turns]
    tries.sort(key=value, reverse=True)
    return max((maximise(value, x, 2) for x in tries[:2]), key=lambda one: one.value)


def _slope(y: FloatArray, se: FloatArray) -> float:
    """Weighted slope of the effects on their standard errors."""
    w = 1 / se**2
    x = se - (w * se).sum() / w.sum()
    return float((w * x * y).sum() / (w * x**2).sum())


def _row(
    found: Maximum, with_trend: Maximum, u: FloatArray, unit: float, smallest: float, largest: float, level: float
) -> CopasRow:
    seen = ndtr(u)
    unseen = float(((1 - seen) / seen).sum())
    inside = abs(float(found.at[1])) < _EDGE - 0.1
    se = float(np.sqrt(max(found.covariance[0, 0], 0.0)))
    lrt = max(0.0, 2 * (with_trend.value - found.value))
    return CopasRow(
        smallest=smallest,
        largest=largest,
        estimate=wald_estimate(float(found.at[0]) * unit, se * unit, np.inf, level, "Copas"),
        tau2=float(found.at[-1]) ** 2 * unit**2,
        rho=float(np.tanh(np.clip(found.at[1], -_EDGE, _EDGE))),
        unseen=unseen,
        seen=u.size / (u.size + unseen),
        p_residual=float(chdtrc(1, lrt)),
        log_likelihood=found.value - u.size * float(np.log(unit)),
        converged=found.converged and inside,
    )
