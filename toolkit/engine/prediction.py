"""Prediction intervals for the effect in a new study; one function and one entry of ``choices.PREDICTION_INTERVALS``.

Each takes a `Pooled` batch and the level and returns the half-width (B,), NaN where there is none.
"""

from __future__ import annotations

import numpy as np

from toolkit.engine.data import FloatArray
from toolkit.engine.intervals import interval_hartung_knapp, interval_kenward_roger, quantile
from toolkit.engine.pooling import Pooled

__all__ = [
    "prediction_hk",
    "prediction_hk_k2",
    "prediction_kr",
    "prediction_none",
    "prediction_t_k1",
    "prediction_t_k2",
    "prediction_z",
]


def _half_width(pooled: Pooled, level: float, se: FloatArray, df: FloatArray) -> FloatArray:
    with np.errstate(invalid="ignore"):
        wide: FloatArray = np.where(df > 0, quantile(level, df) * np.sqrt(pooled.tau2 + se**2), np.nan)
    return wide


def prediction_z(pooled: Pooled, level: float) -> FloatArray:
    """``z sqrt(tau2 + se^2)``: treats tau2 as known; too narrow with few studies."""
    return _half_width(pooled, level, pooled.se, np.full_like(pooled.se, np.inf))


def prediction_t_k1(pooled: Pooled, level: float) -> FloatArray:
    """``t(k - 1) sqrt(tau2 + se^2)``.

    References
    ----------
    Higgins, Thompson, Spiegelhalter 2009, J R Stat Soc A 172:137-159, section 3.2 and its discussion of degrees of
    freedom. doi:10.1111/j.1467-985X.2008.00552.x
    """
    return _half_width(pooled, level, pooled.se, pooled.k - 1)


def prediction_t_k2(pooled: Pooled, level: float) -> FloatArray:
    """``t(k - 2) sqrt(tau2 + se^2)``, the form of the paper; needs three studies.

    References
    ----------
    Higgins, Thompson, Spiegelhalter 2009, J R Stat Soc A 172:137-159, equation 12.
    doi:10.1111/j.1467-985X.2008.00552.x
    """
    return _half_width(pooled, level, pooled.se, pooled.k - 2)


def prediction_hk(pooled: Pooled, level: float) -> FloatArray:
    """``t(k - 1) sqrt(tau2 + se_HK^2)`` with the Hartung-Knapp standard error.

    References
    ----------
    Partlett, Riley 2017, Stat Med 36:301-317. doi:10.1002/sim.7140
    """
    return _half_width(pooled, level, interval_hartung_knapp(pooled).se, pooled.k - 1)


def prediction_hk_k2(pooled: Pooled, level: float) -> FloatArray:
    """``t(k - 2) sqrt(tau2 + se_HK^2)`` with the Hartung-Knapp standard error, as Partlett and Riley wrote it.

    References
    ----------
    Partlett, Riley 2017, Stat Med 36:301-317. doi:10.1002/sim.7140
    """
    return _half_width(pooled, level, interval_hartung_knapp(pooled).se, pooled.k - 2)


def prediction_kr(pooled: Pooled, level: float) -> FloatArray:
    """``t(df_KR) sqrt(tau2 + se_KR^2)`` with Kenward and Roger's standard error and degrees of freedom.

    References
    ----------
    Partlett, Riley 2017, Stat Med 36:301-317. doi:10.1002/sim.7140
    """
    standard = interval_kenward_roger(pooled)
    return _half_width(pooled, level, standard.se, standard.df)


def prediction_none(pooled: Pooled, level: float) -> FloatArray:
    """No interval: all NaN, which `pairwise` shows as None."""
    return np.full_like(pooled.se, np.nan)
