"""Closed-form estimators of the between-study variance."""

from __future__ import annotations

import numpy as np

from toolkit.engine.data import FloatArray
from toolkit.engine.tau2.batch import Tau2Batch, batch, closed_form, general_moments, sums

__all__ = [
    "tau2_dersimonian_laird",
    "tau2_dersimonian_laird_two_step",
    "tau2_hedges_olkin",
    "tau2_hunter_schmidt",
    "tau2_hunter_schmidt_corrected",
    "tau2_sidik_jonkman",
]


def tau2_dersimonian_laird(y: FloatArray, v: FloatArray, m: FloatArray | None = None) -> Tau2Batch:
    """Moment estimator with inverse-variance weights, truncated at zero.

    References
    ----------
    DerSimonian, Laird 1986, Control Clin Trials 7:177-188. doi:10.1016/0197-2456(86)90046-2
    """
    b = batch(y, v, m)
    return closed_form(b, general_moments(b, 1 / b.v))


def tau2_dersimonian_laird_two_step(y: FloatArray, v: FloatArray, m: FloatArray | None = None) -> Tau2Batch:
    """Moment estimator with the weights ``1 / (v + tau2)`` of a first DerSimonian-Laird step.

    References
    ----------
    DerSimonian, Kacker 2007, Contemp Clin Trials 28:105-114, section 2.4. doi:10.1016/j.cct.2006.04.004
    """
    b = batch(y, v, m)
    first = np.maximum(general_moments(b, 1 / b.v), 0.0)
    return closed_form(b, general_moments(b, 1 / (b.v + first[:, None])))


def tau2_hedges_olkin(y: FloatArray, v: FloatArray, m: FloatArray | None = None) -> Tau2Batch:
    """Unweighted moments: variance of the effects minus their mean sampling variance.

    References
    ----------
    Hedges 1983, Psychol Bull 93:388-395. doi:10.1037/0033-2909.93.2.388
    """
    b = batch(y, v, m)
    return closed_form(b, general_moments(b, np.ones_like(b.v)))


def tau2_hunter_schmidt(y: FloatArray, v: FloatArray, m: FloatArray | None = None) -> Tau2Batch:
    """``(Q - k) / sum(1/v)``; biased low, kept for comparison with psychometric meta-analysis.

    References
    ----------
    Viechtbauer 2005, J Educ Behav Stat 30:261-293, equation 8. doi:10.3102/10769986030003261
    """
    b = batch(y, v, m)
    w = b.m / b.v
    total, _, r = sums(b, w)
    with np.errstate(invalid="ignore", divide="ignore"):
        return closed_form(b, ((w * r**2).sum(axis=1) - b.k) / total)


def tau2_hunter_schmidt_corrected(y: FloatArray, v: FloatArray, m: FloatArray | None = None) -> Tau2Batch:
    """Hunter-Schmidt with the small-sample factor ``k / (k - 1)`` on Q: ``(Q k / (k - 1) - k) / sum(1/v)``.

    References
    ----------
    Brannick, Potter, Benitez, Morris 2019, Organ Res Methods 22:490-514. doi:10.1177/1094428117741966
    """
    b = batch(y, v, m)
    w = b.m / b.v
    total, _, r = sums(b, w)
    with np.errstate(invalid="ignore", divide="ignore"):
        return closed_form(b, ((w * r**2).sum(axis=1) * b.k / (b.k - 1) - b.k) / total)


def tau2_sidik_jonkman(y: FloatArray, v: FloatArray, m: FloatArray | None = None) -> Tau2Batch:
    """Weighted residual variance around a rough first value, never negative.

    The first value is the variance of the effects with divisor k; zero (identical effects) gives zero.

    References
    ----------
    Sidik, Jonkman 2005, J R Stat Soc C 54:367-384, equations 9-11. doi:10.1111/j.1467-9876.2005.00489.x
    """
    b = batch(y, v, m)
    _, _, r0 = sums(b, b.m)
    with np.errstate(invalid="ignore", divide="ignore"):
        first = (b.m * r0**2).sum(axis=1) / b.k
        w = b.m * first[:, None] / (b.v + first[:, None])
        _, _, r = sums(b, w)
        raw = (w * r**2).sum(axis=1) / (b.k - 1)
    return closed_form(b, np.where(first > 0, raw, 0.0))
