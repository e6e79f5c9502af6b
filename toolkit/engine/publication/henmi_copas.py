"""Henmi and Copas's interval: around the common-effect estimate, which small studies move least, allowing for tau2."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.optimize import brentq
from scipy.special import gammainc

from toolkit.engine.data import FloatArray
from toolkit.engine.results import Estimate, PairwiseResult
from toolkit.engine.sensitivity import studies_of
from toolkit.model.errors import NotEstimable

__all__ = ["HenmiCopas", "henmi_copas"]

_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(400)
_FAR = 12.0


@dataclass(frozen=True, slots=True, kw_only=True)
class HenmiCopas:
    """The common effect with an interval that holds under heterogeneity; ``tau2`` is DerSimonian and Laird's."""

    estimate: Estimate
    tau2: float
    k: int


@dataclass(frozen=True, slots=True, kw_only=True)
class _Law:
    """What the law of the standardised estimate rests on; the notes of `henmi_copas` have the names."""

    k: int
    tau2: float
    w1: float
    w2: float
    w3: float
    w4: float

    @property
    def spread(self) -> float:
        """``1 + tau2 W2``: the variance of the estimate over that of the common-effect model."""
        return 1 + self.tau2 * self.w2

    def moments_of_q(self, r: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Mean and variance (of a gamma) of Q given the standardised estimate."""
        t, d = self.tau2, self.w3 - self.w2**2
        shift = r**2 / self.spread**2 - 1 / self.spread
        mean = (self.k - 1) + t * (self.w1 - self.w2) + t**2 * shift * d
        variance = (
            2 * (self.k - 1)
            + 4 * t * (self.w1 - self.w2)
            + 2 * t**2 * (self.w1 * self.w2 - 2 * self.w3 + self.w2**2)
            + 4 * t**2 * shift * d
            + 4 * t**3 * shift * (self.w4 - 2 * self.w2 * self.w3 + self.w2**3)
            + 2 * t**4 * (1 / self.spread**2 - 2 * r**2 / self.spread**3) * d**2
        )
        return mean, variance

    def tail(self, x: float) -> float:
        """Probability that the estimate over its estimated standard error exceeds ``x sqrt(1 + tau2 W2)``."""
        width = (_FAR - x) / 2
        r = x + width * (_NODES + 1)
        mean, variance = self.moments_of_q(np.sqrt(self.spread) * r)
        q = (self.w1 / self.w2 - 1) * ((r / x) ** 2 - 1) + (self.k - 1)
        density = np.exp(-(r**2) / 2) / np.sqrt(2 * np.pi)
        return float(width * (_WEIGHTS * gammainc(mean**2 / variance, q * mean / variance) * density).sum())


def henmi_copas(result: PairwiseResult) -> HenmiCopas:
    """The common effect with Henmi and Copas's interval and test.

    Notes
    -----
    With ``w = 1 / v``, ``W1 = sum w`` and ``Wj = sum w^j / W1``: the common-effect mean has the variance
    ``(1 + tau2 W2) / W1``. Its ratio to the estimate of that, with tau2 by DerSimonian and Laird, is referred to the
    joint law of mean and Q, the latter a gamma of the right mean and variance given the former.

    References
    ----------
    Henmi, Copas 2010, Stat Med 29:2969-2983. doi:10.1002/sim.4029

    Examples
    --------
    >>> from toolkit.engine.effects import effects_from_estimates
    >>> from toolkit.engine.pairwise import pairwise
    >>> fit = pairwise(effects_from_estimates("abcd", [0.1, 0.6, 0.4, 0.9], v=[0.01, 0.04, 0.02, 0.09]))
    >>> round(henmi_copas(fit).estimate.estimate, 4)
    0.2955
    """
    _, y, v = studies_of(result)
    k, w = y.size, 1 / v
    if k < 3:
        raise NotEstimable("Henmi and Copas's interval takes at least three studies.")
    w1 = float(w.sum())
    w2, w3, w4 = (float((w**j).sum()) / w1 for j in (2, 3, 4))
    mean = float((w * y).sum()) / w1
    q = float((w * (y - mean) ** 2).sum())
    law = _Law(k=k, tau2=max(0.0, (q - (k - 1)) / (w1 - w2)), w1=w1, w2=w2, w3=w3, w4=w4)
    root = float(np.sqrt(law.spread))
    se = root / float(np.sqrt(w1))
    share = (1 - result.spec.level) / 2
    cut = float(brentq(lambda x: law.tail(x) - share, 1e-3, _FAR - 1e-3, xtol=1e-12))
    statistic = mean / se
    return HenmiCopas(
        estimate=Estimate(
            estimate=mean, se=se, ci_low=mean - cut * root * se, ci_high=mean + cut * root * se, statistic=statistic,
            p=min(1.0, 2 * law.tail(max(abs(statistic) / root, 1e-3))) if abs(statistic) / root < _FAR else 0.0,
            df=None, method="HC",
        ),
        tau2=law.tau2,
        k=k,
    )  # fmt: skip
