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
_EXCESS_CAUTION = "assumes that one common effect decides the power of every study; heterogeneity alone can trigger it"


@dataclass(frozen=True, slots=True, kw_only=True)
class FailSafeN:
    """How many null studies would undo a result.

    Attributes
    ----------
    method : "Rosenthal", "Orwin" or "Rosenberg"
    n : studies, rounded up
    alpha : level of Rosenthal's (one-sided) and Rosenberg's (two-sided) method
    p : of the observed studies, None for Orwin
    mean, target : for Orwin the observed mean and the one it should fall to
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
        (common-effect test, two-sided)
    target : for Orwin, model scale; half the mean if None

    References
    ----------
    Rosenthal 1979, Psychol Bull 86:638-641. doi:10.1037/0033-2909.86.3.638
    Orwin 1983, J Educ Stat 8:157-159. doi:10.3102/10769986008002157
    Rosenberg 2005, Evolution 59:464-468. doi:10.1111/j.0014-3820.2005.tb01004.x
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
    if method != "Orwin":
        raise InputError("Unknown fail-safe N.", value=method, allowed="Rosenthal, Orwin, Rosenberg")
    goal = mean / 2 if target is None else float(np.copysign(target, mean))
    if goal == 0:
        raise NotEstimable("No number of null studies brings the mean to exactly zero: give another target.")
    return FailSafeN(method=method, n=_up(k * (mean - goal) / goal), alpha=alpha, p=None, mean=mean, target=goal)


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
    chi2 = gap**2 / expected + gap**2 / (k - expected)
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
