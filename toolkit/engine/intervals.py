"""Confidence intervals of the random-effects estimate: one function and one entry of ``choices.INTERVALS`` each.

Each takes a `Pooled` batch at the estimated tau2 and gives standard error, degrees of freedom (infinite for the
normal) and the factor that multiplied the variance.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import ndtr, ndtri, stdtr, stdtrit

from toolkit.engine.data import FloatArray
from toolkit.engine.pooling import Pooled
from toolkit.engine.results import Estimate

__all__ = [
    "Standard",
    "interval_hartung_knapp",
    "interval_hartung_knapp_safeguarded",
    "interval_kenward_roger",
    "interval_t",
    "interval_wald",
    "quantile",
    "two_sided_p",
    "wald_estimate",
]

_LEAST_DF = 0.005


@dataclass(frozen=True, slots=True, kw_only=True)
class Standard:
    """Standard error (B,), degrees of freedom (B,) and the factor (B,) on the Wald variance that led to it."""

    se: FloatArray
    df: FloatArray
    factor: FloatArray


def quantile(level: float, df: FloatArray | float) -> FloatArray:
    """Two-sided quantile of t with ``df``; of the normal where df is infinite."""
    df = np.asarray(df, dtype=float)
    upper = 1 - (1 - level) / 2
    with np.errstate(invalid="ignore"):
        t = stdtrit(np.where(np.isfinite(df), df, 1.0), upper)
    # Kenward and Roger's df can be near zero: there the quantile is beyond every number (it grows as 20^(1 / df)).
    t = np.where(df < _LEAST_DF, np.inf, t)
    value: FloatArray = np.where(np.isfinite(df), t, ndtri(upper))
    return value


def two_sided_p(statistic: FloatArray | float, df: FloatArray | float) -> FloatArray:
    """Two-sided p of a t (or, for infinite df, normal) statistic; NaN stays NaN."""
    df = np.asarray(df, dtype=float)
    size = np.abs(np.asarray(statistic, dtype=float))
    value: FloatArray = np.where(np.isfinite(df), 2 * stdtr(np.where(np.isfinite(df), df, 1.0), -size), 2 * ndtr(-size))
    return value


def wald_estimate(mean: float, se: float, df: float, level: float, method: str) -> Estimate:
    """An estimate with its interval and test by t with ``df``, by the normal where df is infinite."""
    half = float(quantile(level, df)) * se
    return Estimate(
        estimate=mean,
        se=se,
        ci_low=mean - half,
        ci_high=mean + half,
        statistic=mean / se,
        p=float(two_sided_p(mean / se, df)),
        df=df if np.isfinite(df) else None,
        method=method,
    )


def interval_wald(pooled: Pooled) -> Standard:
    """Normal-based interval: ``mean +- z / sqrt(sum w)``. Too narrow with few studies."""
    one = np.ones_like(pooled.se)
    return Standard(se=pooled.se, df=np.full_like(pooled.se, np.inf), factor=one)


def interval_t(pooled: Pooled) -> Standard:
    """The Wald standard error with a t quantile of k - 1 degrees of freedom.

    References
    ----------
    Follmann, Proschan 1999, Biometrics 55:732-737. doi:10.1111/j.0006-341X.1999.00732.x
    """
    return Standard(se=pooled.se, df=pooled.k - 1, factor=np.ones_like(pooled.se))


def interval_hartung_knapp(pooled: Pooled) -> Standard:
    """Wald variance times ``Q(tau2) / (k - 1)``, t with k - 1 degrees of freedom.

    References
    ----------
    Hartung, Knapp 2001, Stat Med 20:3875-3889. doi:10.1002/sim.1009
    Sidik, Jonkman 2002, Stat Med 21:3153-3159. doi:10.1002/sim.1262
    """
    with np.errstate(invalid="ignore", divide="ignore"):
        factor = pooled.q / (pooled.k - 1)
    return Standard(se=pooled.se * np.sqrt(factor), df=pooled.k - 1, factor=factor)


def interval_hartung_knapp_safeguarded(pooled: Pooled) -> Standard:
    """Hartung-Knapp with its variance factor never below 1, so never narrower than Wald with a t quantile.

    References
    ----------
    Knapp, Hartung 2003, Stat Med 22:2693-2710, section 4. doi:10.1002/sim.1482
    Roever, Knapp, Friede 2015, BMC Med Res Methodol 15:99. doi:10.1186/s12874-015-0091-1
    """
    plain = interval_hartung_knapp(pooled)
    return Standard(se=pooled.se * np.sqrt(np.maximum(plain.factor, 1.0)), df=plain.df, factor=plain.factor)


def interval_kenward_roger(pooled: Pooled) -> Standard:
    """Kenward and Roger's variance and degrees of freedom, which allow for the estimation of tau2 by REML.

    Notes
    -----
    With ``w = 1 / (v + tau2)``, ``S_j = sum w^j`` and the expected information of tau2
    ``I = S_2 / 2 - S_3 / S_1 + S_2^2 / (2 S_1^2)``, the variance is
    ``V = 1 / S_1 + 2 (S_3 - S_2^2 / S_1) / (I S_1^2)`` and the degrees of freedom are ``2 I / (V S_2)^2``.

    References
    ----------
    Kenward, Roger 1997, Biometrics 53:983-997. doi:10.2307/2533558
    Morris, Fisher, Kenward, Carpenter 2018, Stat Med 37:4258-4280 (the form for meta-analysis). doi:10.1002/sim.7930
    """
    with np.errstate(invalid="ignore", divide="ignore"):
        w = pooled.weight / (pooled.se**2)[:, None]
        s1, s2, s3 = w.sum(axis=1), (w**2).sum(axis=1), (w**3).sum(axis=1)
        information = s2 / 2 - s3 / s1 + s2**2 / (2 * s1**2)
        variance = 1 / s1 + 2 * (s3 - s2**2 / s1) / (information * s1**2)
        df = 2 * information / (variance * s2) ** 2
        return Standard(se=np.sqrt(variance), df=df, factor=variance / pooled.se**2)
