"""Estimators and intervals that solve ``Q(tau2) = target``: Paule-Mandel, empirical Bayes, Q-profile."""

from __future__ import annotations

import numpy as np
from scipy.special import gammainccinv, gammaincinv

from toolkit.engine.data import FloatArray
from toolkit.engine.tau2.batch import Batch, Tau2Batch, batch, sums, take

__all__ = ["q_at", "q_profile", "solve_q", "tau2_empirical_bayes", "tau2_paule_mandel", "tau2_paule_mandel_median"]

_MAX_ITERATIONS = 200
# A Newton step below this fraction of tau2 leaves an error of its square: the digits of a double are reached.
_RELATIVE_STEP = 1e-8


def q_at(b: Batch, tau2: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Generalised Q (B,) at tau2 (B,), and its derivative."""
    u = 1 / (b.v + tau2[:, None])
    w = b.m * u
    _, _, r = sums(b, w)
    wr2 = w * r**2
    return wr2.sum(axis=1), -(wr2 * u).sum(axis=1)


def solve_q(b: Batch, target: FloatArray) -> Tau2Batch:
    """tau2 >= 0 with ``Q(tau2) = target``; 0 (boundary) where Q(0) is not above the target.

    Notes
    -----
    Q falls strictly from Q(0) to 0, and ``Q(t) <= sum(y - mean)^2 / t`` bounds the root from above. Newton's method
    runs on ``1 / Q``, which is nearly linear in t (exactly so for equal variances), inside that bracket; a step that
    leaves the bracket is replaced by bisection.

    References
    ----------
    Paule, Mandel 1982, J Res Natl Bur Stand 87:377-385. doi:10.6028/jres.087.022
    DerSimonian, Kacker 2007, Contemp Clin Trials 28:105-114, appendix. doi:10.1016/j.cct.2006.04.004
    """
    fits = b.k.size
    value = np.where(b.k > 1, 0.0, np.nan)
    done = np.ones(fits, dtype=bool)
    iterations = np.zeros(fits, dtype=np.int64)
    q, slope = q_at(b, np.zeros(fits))
    with np.errstate(invalid="ignore"):
        rows = np.flatnonzero((b.k > 1) & (q > target) & (target > 0))
    done[rows] = False
    own, goal, q, slope = take(b, rows), target[rows], q[rows], slope[rows]
    t, low, high = np.zeros(rows.size), np.zeros(rows.size), (own.m * own.y**2).sum(axis=1) / goal
    for iteration in range(1, _MAX_ITERATIONS + 1):
        if not rows.size:
            break
        new = t + q * (q / goal - 1) / -slope
        # At the root the step vanishes, and rounding may set it on the bracket's end: that is no step to be replaced.
        there = np.abs(new - t) <= _RELATIVE_STEP * t
        inside = (new > low) & (new < high)
        t = np.where(there | inside, new, (low + high) / 2)
        value[rows], iterations[rows] = t, iteration
        if there.all():
            done[rows] = True
            break
        q, slope = q_at(own, t)
        above = q > goal
        low, high = np.where(above, t, low), np.where(above, high, t)
        finished = there | (high - low <= 1e-15 * t)
        if finished.any():
            done[rows[finished]] = True
            left = np.flatnonzero(~finished)
            own, rows = take(own, left), rows[left]
            t, q, slope, goal, low, high = (x[left] for x in (t, q, slope, goal, low, high))
    return Tau2Batch(value=value, boundary=value == 0, converged=done, iterations=iterations)


def tau2_paule_mandel(y: FloatArray, v: FloatArray, m: FloatArray | None = None) -> Tau2Batch:
    """tau2 at which the generalised Q equals its expectation k - 1.

    References
    ----------
    Paule, Mandel 1982, J Res Natl Bur Stand 87:377-385. doi:10.6028/jres.087.022
    """
    b = batch(y, v, m)
    return solve_q(b, b.k - 1)


def tau2_empirical_bayes(y: FloatArray, v: FloatArray, m: FloatArray | None = None) -> Tau2Batch:
    """Morris's empirical Bayes estimator; its equation has the root of Paule and Mandel's.

    References
    ----------
    Morris 1983, J Am Stat Assoc 78:47-55. doi:10.1080/01621459.1983.10477920
    Viechtbauer, Lopez-Lopez, Sanchez-Meca, Marin-Martinez 2015, Psychol Methods 20:360-374. doi:10.1037/met0000023
    """
    return tau2_paule_mandel(y, v, m)


def tau2_paule_mandel_median(y: FloatArray, v: FloatArray, m: FloatArray | None = None) -> Tau2Batch:
    """Median-unbiased variant of Paule-Mandel: Q equals the median of chi-squared with k - 1 df.

    References
    ----------
    Viechtbauer 2021, Median-unbiased estimators for the amount of heterogeneity in meta-analysis, European Congress of
    Methodology, Valencia.
    """
    b = batch(y, v, m)
    return solve_q(b, _chi2_quantile(b, 0.5, upper=False))


def q_profile(
    y: FloatArray, v: FloatArray, level: float = 0.95, m: FloatArray | None = None
) -> tuple[FloatArray, FloatArray]:
    """Bounds (B,), (B,) of the Q-profile interval of tau2; NaN with fewer than two studies.

    Both bounds are 0 where even Q(0) lies below the lower chi-squared quantile (the interval is then empty above zero).

    References
    ----------
    Viechtbauer 2007, Stat Med 26:37-52. doi:10.1002/sim.2514
    """
    b = batch(y, v, m)
    tail = (1 - level) / 2
    targets = np.concatenate([_chi2_quantile(b, tail, upper=True), _chi2_quantile(b, tail, upper=False)])
    both = take(b, np.tile(np.arange(b.k.size), 2))
    low, high = solve_q(both, targets).value.reshape(2, -1)
    return low, high


def _chi2_quantile(b: Batch, tail: float, *, upper: bool) -> FloatArray:
    """Quantile (B,) of chi-squared with k - 1 df that cuts off ``tail`` above or below; 1 df where k < 2."""
    half = np.maximum(b.k - 1, 1) / 2
    quantile: FloatArray = 2 * (gammainccinv(half, tail) if upper else gammaincinv(half, tail)).astype(float)
    return quantile
