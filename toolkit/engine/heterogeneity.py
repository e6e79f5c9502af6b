"""Cochran's Q and the measures derived from it or from tau2."""

from __future__ import annotations

import numpy as np
from scipy.special import chdtrc

from toolkit.engine.data import FloatArray
from toolkit.engine.pooling import pool_inverse_variance
from toolkit.engine.results import Heterogeneity

__all__ = ["heterogeneity", "typical_variance"]


def typical_variance(v: FloatArray) -> float:
    """Typical within-study variance ``(k - 1) / (sum w - sum w^2 / sum w)`` with ``w = 1/v``; k >= 2.

    References
    ----------
    Higgins, Thompson 2002, Stat Med 21:1539-1558, equation 9. doi:10.1002/sim.1186
    """
    w = 1 / v
    total = w.sum()
    return float((v.size - 1) / (total - (w**2).sum() / total))


def heterogeneity(y: FloatArray, v: FloatArray, tau2: float | None) -> Heterogeneity:
    """Q with its test, I2 from Q, I2 from tau2, and H2 = 1 + tau2 / typical variance (Q / df if tau2 is None).

    Notes
    -----
    I2 from Q is ``max(0, (Q - df) / Q)``; I2 from tau2 is ``tau2 / (tau2 + typical variance)``. They agree exactly
    for DerSimonian-Laird only.

    References
    ----------
    Cochran 1954, Biometrics 10:101-129. doi:10.2307/3001666
    Higgins, Thompson 2002, Stat Med 21:1539-1558. doi:10.1002/sim.1186
    """
    df = y.size - 1
    q = float(pool_inverse_variance(y, v).q[0])
    i2_q = max(0.0, (q - df) / q) if q > 0 and df > 0 else 0.0
    if df < 1:
        return Heterogeneity(q=q, df=df, p=None, i2_q=0.0, i2_tau2=0.0, h2=1.0)
    typical = typical_variance(v)
    i2_tau2 = i2_q if tau2 is None else tau2 / (tau2 + typical)
    h2 = max(1.0, q / df) if tau2 is None else 1 + tau2 / typical
    return Heterogeneity(
        q=q, df=df, p=float(chdtrc(df, q)), i2_q=i2_q, i2_tau2=float(i2_tau2), h2=float(np.float64(h2))
    )
