"""Fail-safe N and the test of excess significance: old habits, marked as what they are, off unless asked for."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import chdtrc, ndtr, ndtri

from toolkit.engine.data import FloatArray
from toolkit.engine.results import PairwiseResult
from toolkit.engine.sensitivity import studies_of
from toolkit.model.errors import InputError, NotEstimable

__all__ = ["ExcessSignificance", "FailSafeN", "excess_significance", "fail_safe_n"]

_FAIL_SAFE_CAUTION = (
    "fail-safe N says nothing about how many studies are missing, and ignores heterogeneity (Becker 2005)"
)
_GENERAL_CAUTION = "fail-safe N says nothing about how many studies are missing (Becker 2005)"
_EXCESS_CAUTION = "assumes that one common effect decides the power of every study; heterogeneity alone can trigger it"


@dataclass(frozen=True, slots=True, kw_only=True)
class FailSafeN:
    """How many null studies would undo a result.

    Attributes
    ----------
    method : "Rosenthal", "Orwin", "Rosenberg" or "General"
    n : studies, rounded up
    alpha : level of Rosenthal's (one-sided), Rosenberg's and the general (two-sided) method
    p : of the observed studies, None for Orwin
    mean, target : the observed mean (of the random-effects model for the general method), and for Orwin the one it
        should fall to
    """

    method: str
    n: int
    alpha: float
    p: float | None
    mean: float | None
    target: float | None
    caution: str = _FAIL_SAFE_CAUTION


@dataclass(frozen=True, slots=True, kw_only=True)
class ExcessSignificance:
    """Observed against expected number of significant studies.

    Attributes
    ----------
    observed, expected, k : studies significant at ``alpha``, sum of their powers, studies
    theta : common effect that the power is computed for
    power : (k,)
    chi2, p_chi2 : one-sided chi-squared test
    p_exact : probability of as many significant studies or more, by the exact distribution of their number
    p_binomial : the same with the mean power for all
    """

    observed: int
    expected: float
    k: int
    alpha: float
    theta: float
    power: FloatArray
    chi2: float
    p_chi2: float
    p_exact: float
    p_binomial: float
    caution: str = _EXCESS_CAUTION


def fail_safe_n(
    result: PairwiseResult, method: str = "Rosenberg", *, alpha: float = 0.05, target: float | None = None
) -> FailSafeN:
    """Fail-safe N.

    Parameters
    ----------
    method : "Rosenthal" (Stouffer's sum of z, one-sided), "Orwin" (mean effect down to ``target``), "Rosenberg"
        (common-effect test, two-sided), "General" (random-effects test, two-sided)
    target : for Orwin, model scale; half the mean if None

    References
    ----------
    Rosenthal 1979, Psychol Bull 86:638-641. doi:10.1037/0033-2909.86.3.638
    Orwin 1983, J Educ Stat 8:157-159. doi:10.3102/10769986008002157
    Rosenberg 2005, Evolution 59:464-468. doi:10.1111/j.0014-3820.2005.tb01004.x
    Viechtbauer, metafor 5.0-1, help page of fsn, "General method".
    """
    _, y, v = studies_of(result)
    k = y.size
    if k == 0:
        raise NotEstimable("There is no study.")
    w = 1 / v
    mean = float((w * y).sum() / w.sum())
    if method == "Rosenthal":
        z = float((y / np.sqrt(v)).sum())
        n = (z / float(ndtri(alpha))) ** 2 - k
        return FailSafeN(
            method=method, n=_up(n), alpha=alpha, p=float(ndtr(-abs(z) / np.sqrt(k))), mean=None, target=None
        )
    if method == "Rosenberg":
        z = mean * float(np.sqrt(w.sum()))
        n = k * ((z / float(ndtri(alpha / 2))) ** 2 - 1)
        return FailSafeN(method=method, n=_up(n), alpha=alpha, p=float(2 * ndtr(-abs(z))), mean=mean, target=None)
    if method == "General":
        return _general(result, y, v, alpha)
    if method != "Orwin":
        raise InputError("Unknown fail-safe N.", value=method, allowed="Rosenthal, Orwin, Rosenberg, General")
    goal = mean / 2 if target is None else float(np.copysign(target, mean))
    if goal == 0:
        raise NotEstimable("No number of null studies brings the mean to exactly zero: give another target.")
    return FailSafeN(method=method, n=_up(k * (mean - goal) / goal), alpha=alpha, p=None, mean=mean, target=goal)


_MOST = 10_000_000


def _general(result: PairwiseResult, y: FloatArray, v: FloatArray, alpha: float) -> FailSafeN:
    """Null studies until the random-effects test is no longer significant.

    The added studies have effects of mean 0 that vary as the observed ones do, and the harmonic mean of the observed
    variances. Their tau2 together with the observed is the pooled variance of two groups of studies that have the
    same tau2 and the means that were observed and zero.
    """
    if result.random is None or result.tau2 is None:
        raise NotEstimable("The general fail-safe N takes a random-effects fit of two studies or more.")
    k, tau2, mean = y.size, result.tau2.value, result.random.estimate
    added = float(1 / (1 / v).mean())

    def p_with(n: int) -> float:
        apart = k * n / (k + n) * mean**2  # of the two groups around their common mean
        joint = ((k - 1 + max(n - 1, 0)) * tau2 + apart) / (k + n - 1)
        w = 1 / (v + joint)
        return float(2 * ndtr(-abs(float((w * y).sum())) / np.sqrt(w.sum() + n / (added + joint))))

    low, high = 0, 1
    observed = p_with(0)
    if observed >= alpha:
        high = 0
    while high and high < _MOST and p_with(high) < alpha:
        low, high = high, 2 * high
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if p_with(middle) < alpha else (low, middle)
    return FailSafeN(
        method="General", n=min(high, _MOST), alpha=alpha, p=observed, mean=mean, target=None, caution=_GENERAL_CAUTION
    )


def _up(n: float) -> int:
    return max(0, int(np.ceil(n - 1e-9)))


def excess_significance(
    result: PairwiseResult, *, alpha: float = 0.05, null: float = 0.0, theta: float | None = None
) -> ExcessSignificance:
    """Test of excess significance: are more studies significant than their power explains?

    Parameters
    ----------
    alpha : level of the studies' two-sided tests
    null : the effect under their null hypotheses
    theta : effect for the power; the common-effect estimate if None

    References
    ----------
    Ioannidis, Trikalinos 2007, Clin Trials 4:245-253. doi:10.1177/1740774507079441
    """
    _, y, v = studies_of(result)
    k = y.size
    if k < 2:
        raise NotEstimable("The test of excess significance takes at least two studies.")
    se = np.sqrt(v)
    crit = -float(ndtri(alpha / 2))
    effect = float((y / v).sum() / (1 / v).sum()) if theta is None else theta
    shift = (effect - null) / se
    power = ndtr(shift - crit) + ndtr(-shift - crit)
    observed, expected = int((np.abs(y - null) / se >= crit).sum()), float(power.sum())
    gap = observed - expected
    # Powers of 0 or of 1 throughout leave nothing to chance: no gap then says nothing, any other everything.
    spread = expected * (k - expected)
    chi2 = k * gap**2 / spread if spread > 0 else (0.0 if gap == 0 else np.inf)
    half = float(chdtrc(1, chi2)) / 2
    return ExcessSignificance(
        observed=observed,
        expected=expected,
        k=k,
        alpha=alpha,
        theta=effect,
        power=power,
        chi2=float(chi2),
        p_chi2=half if gap > 0 else 1 - half,
        p_exact=_tail(power, observed),
        p_binomial=_tail(np.full(k, power.mean()), observed),
    )


def _tail(power: FloatArray, observed: int) -> float:
    """P(at least ``observed``) for independent events of these probabilities, by convolution."""
    law = np.ones(1)
    for p in power:
        law = np.convolve(law, [1 - p, p])
    return float(law[observed:].sum())
