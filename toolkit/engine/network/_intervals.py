"""Estimates with their intervals and tests: the one place where z, t and chi-squared become numbers."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from scipy.special import chdtrc, ndtr, ndtri, stdtr, stdtrit

from toolkit.engine.data import FloatArray
from toolkit.engine.results import Estimate

__all__ = ["chi2_p", "half_width", "symmetric_estimate", "symmetric_estimates", "two_sided_p"]


@lru_cache(maxsize=256)
def half_width(level: float, df: float | None = None) -> float:
    """Quantile of the normal (df None) or t distribution for a two-sided interval of confidence `level`."""
    p = 0.5 + level / 2
    return float(ndtri(p)) if df is None else float(stdtrit(df, p))


def two_sided_p(z: FloatArray) -> FloatArray:
    """Two-sided p-values of standard normal statistics."""
    p: FloatArray = 2 * ndtr(-np.abs(z))
    return p


def chi2_p(statistic: float, df: int) -> float | None:
    """Upper tail of chi-squared; None without degrees of freedom."""
    return float(chdtrc(df, max(statistic, 0.0))) if df > 0 else None


def symmetric_estimates(estimate: FloatArray, se: FloatArray, level: float, method: str) -> list[Estimate]:
    """`symmetric_estimate` of many, normal-based."""
    z, width = estimate / se, half_width(level) * se
    columns = (estimate, se, estimate - width, estimate + width, z, two_sided_p(z))
    return [
        Estimate(estimate=e, se=s, ci_low=low, ci_high=high, statistic=t, p=p, df=None, method=method)
        for e, s, low, high, t, p in zip(*(column.tolist() for column in columns), strict=True)
    ]


def symmetric_estimate(estimate: float, se: float, level: float, method: str, df: float | None = None) -> Estimate:
    """An estimate with its interval and test, normal-based or (with `df`) by the t distribution."""
    z = estimate / se
    width = half_width(level, df) * se
    return Estimate(
        estimate=estimate,
        se=se,
        ci_low=estimate - width,
        ci_high=estimate + width,
        statistic=z,
        p=float(2 * (ndtr(-abs(z)) if df is None else stdtr(df, -abs(z)))),
        df=df,
        method=method,
    )
