"""Standard errors of the between-study variance, one formula an estimator."""

from __future__ import annotations

import numpy as np

from toolkit.engine.data import FloatArray

__all__ = ["tau2_standard_error"]


def _traces(a: FloatArray, v: FloatArray) -> tuple[float, float, float]:
    """tr(PVPV), tr(PVP), tr(PP) of ``P = diag(a) - a a' / sum(a)`` and ``V = diag(v)``."""
    total = a.sum()
    pvpv = (a**2 * v**2).sum() - 2 * (a**3 * v**2).sum() / total + ((a**2 * v).sum() / total) ** 2
    pvp = (a**2 * v).sum() - 2 * (a**3 * v).sum() / total + (a**2).sum() * (a**2 * v).sum() / total**2
    pp = (a**2).sum() - 2 * (a**3).sum() / total + ((a**2).sum() / total) ** 2
    return float(pvpv), float(pvp), float(pp)


def _quadratic(a: FloatArray, v: FloatArray, tau2: float, divisor: float) -> float:
    """SE of ``y' P y / divisor`` under ``y ~ N(mu, V + tau2 I)``: the root of twice tr(P Sigma P Sigma)."""
    pvpv, pvp, pp = _traces(a, v)
    return float(np.sqrt(2 * pvpv + 4 * tau2 * pvp + 2 * tau2**2 * pp) / divisor)


def tau2_standard_error(method: str, y: FloatArray, v: FloatArray, tau2: float) -> float:
    """Asymptotic standard error of a tau2 estimate for one fit with k >= 2; NaN where no formula is known.

    Notes
    -----
    Moment estimators: the exact standard deviation of their quadratic form at the estimate (Biggerstaff and
    Tweedie 1997 for DerSimonian-Laird); likelihood estimators: the expected information; Paule-Mandel and empirical
    Bayes: ``sqrt(2 k^2 / (k - 1)) / sum(w)`` (Morris 1983).

    References
    ----------
    Biggerstaff, Tweedie 1997, Stat Med 16:753-768. doi:10.1002/(SICI)1097-0258(19970415)16:7<753::AID-SIM494>3.0.CO;2-G
    Viechtbauer 2005, J Educ Behav Stat 30:261-293. doi:10.3102/10769986030003261
    """
    k = y.size
    if method in ("DL", "HE", "HS", "HSk"):
        a = np.ones(k) if method == "HE" else 1 / v
        divisor = a.sum() - (a**2).sum() / a.sum()
        if method in ("HS", "HSk"):
            divisor = a.sum() * (1 if method == "HS" else (k - 1) / k)
        return _quadratic(a, v, tau2, float(divisor))
    if method == "DL2":
        return float("nan")
    if method == "SJ":
        first = float(np.mean((y - y.mean()) ** 2))
        return _quadratic(1 / (v + first), v, tau2, (k - 1) / first) if first > 0 else 0.0
    w = 1 / (v + tau2)
    if method in ("EB", "PM", "PMM"):
        return float(np.sqrt(2 * k**2 / (k - 1)) / w.sum())
    if method == "ML":
        return float(np.sqrt(2 / (w**2).sum()))
    return float(np.sqrt(2 / _traces(w, v)[2]))
