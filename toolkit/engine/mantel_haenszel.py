"""Mantel-Haenszel common effects from raw counts, without a correction of zero cells.

Arrays are (k,) or (B, k): ``a`` events of ``n1`` treated, ``c`` events of ``n2`` controls; ``m`` (how often a study
is in the fit) leaves studies out with 0.
"""

from __future__ import annotations

import numpy as np

from toolkit.engine.data import FloatArray

__all__ = [
    "MANTEL_HAENSZEL",
    "mantel_haenszel_ird",
    "mantel_haenszel_irr",
    "mantel_haenszel_or",
    "mantel_haenszel_rd",
    "mantel_haenszel_rr",
]


def _counts(
    a: FloatArray, n1: FloatArray, c: FloatArray, n2: FloatArray, m: FloatArray | None
) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray, FloatArray]:
    a, n1, c, n2 = (np.atleast_2d(np.asarray(x, dtype=float)) for x in (a, n1, c, n2))
    return a, n1, c, n2, np.ones_like(a) if m is None else np.atleast_2d(np.asarray(m, dtype=float))


def mantel_haenszel_or(
    a: FloatArray, n1: FloatArray, c: FloatArray, n2: FloatArray, m: FloatArray | None = None
) -> tuple[FloatArray, FloatArray]:
    """Log odds ratio (B,) and standard error (B,); NaN where no study has events on one side.

    References
    ----------
    Mantel, Haenszel 1959, J Natl Cancer Inst 22:719-748. doi:10.1093/jnci/22.4.719
    Robins, Breslow, Greenland 1986, Biometrics 42:311-323 (variance). doi:10.2307/2531052
    """
    a, n1, c, n2, m = _counts(a, n1, c, n2, m)
    b, d, total = n1 - a, n2 - c, n1 + n2
    p, q = (a + d) / total, (b + c) / total
    r, s = m * a * d / total, m * b * c / total
    sum_r, sum_s = r.sum(axis=1), s.sum(axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        variance = (
            (p * r).sum(axis=1) / (2 * sum_r**2)
            + (p * s + q * r).sum(axis=1) / (2 * sum_r * sum_s)
            + (q * s).sum(axis=1) / (2 * sum_s**2)
        )
        return _finite(np.log(sum_r) - np.log(sum_s), np.sqrt(variance))


def mantel_haenszel_rr(
    a: FloatArray, n1: FloatArray, c: FloatArray, n2: FloatArray, m: FloatArray | None = None
) -> tuple[FloatArray, FloatArray]:
    """Log risk ratio (B,) and standard error (B,); NaN where no study has events on one side.

    References
    ----------
    Greenland, Robins 1985, Biometrics 41:55-68, equation 13. doi:10.2307/2530643
    """
    a, n1, c, n2, m = _counts(a, n1, c, n2, m)
    total = n1 + n2
    sum_r, sum_s = (m * a * n2 / total).sum(axis=1), (m * c * n1 / total).sum(axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        variance = (m * (n1 * n2 * (a + c) - a * c * total) / total**2).sum(axis=1) / (sum_r * sum_s)
        return _finite(np.log(sum_r) - np.log(sum_s), np.sqrt(variance))


def mantel_haenszel_rd(
    a: FloatArray,
    n1: FloatArray,
    c: FloatArray,
    n2: FloatArray,
    m: FloatArray | None = None,
    *,
    variance: str = "GR",
) -> tuple[FloatArray, FloatArray]:
    """Risk difference (B,) and standard error (B,) by Greenland and Robins ("GR") or Sato et al. ("Sato").

    The first is what RevMan and R's meta show, the second what R's metafor shows.

    References
    ----------
    Greenland, Robins 1985, Biometrics 41:55-68, equation 15. doi:10.2307/2530643
    Sato, Greenland, Robins 1989, Biometrics 45:1323-1324 (variance). doi:10.2307/2531788
    """
    a, n1, c, n2, m = _counts(a, n1, c, n2, m)
    total = n1 + n2
    weight = (m * n1 * n2 / total).sum(axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        estimate = (m * (a * n2 - c * n1) / total).sum(axis=1) / weight
        if variance == "Sato":
            first = m * (c * (n1 / total) ** 2 - a * (n2 / total) ** 2 + n1 / total * (n2 / total) * (n2 - n1) / 2)
            second = m * (a * (n2 - c) + c * (n1 - a)) / total
            spread = estimate * first.sum(axis=1) + second.sum(axis=1) / 2
        else:
            each = (a * (n1 - a) * n2**3 + c * (n2 - c) * n1**3) / (n1 * n2 * total**2)
            spread = (m * each).sum(axis=1)
        return _finite(estimate, np.sqrt(spread) / weight)


def mantel_haenszel_irr(
    a: FloatArray, t1: FloatArray, c: FloatArray, t2: FloatArray, m: FloatArray | None = None
) -> tuple[FloatArray, FloatArray]:
    """Log rate ratio (B,) and standard error (B,) of events over person-time.

    References
    ----------
    Rothman, Greenland, Lash 2008, Modern Epidemiology, 3rd ed., chapter 15, equations 15-23 and 15-24.
    """
    a, t1, c, t2, m = _counts(a, t1, c, t2, m)
    total = t1 + t2
    sum_r, sum_s = (m * a * t2 / total).sum(axis=1), (m * c * t1 / total).sum(axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        variance = (m * (a + c) * t1 * t2 / total**2).sum(axis=1) / (sum_r * sum_s)
        return _finite(np.log(sum_r) - np.log(sum_s), np.sqrt(variance))


def mantel_haenszel_ird(
    a: FloatArray, t1: FloatArray, c: FloatArray, t2: FloatArray, m: FloatArray | None = None
) -> tuple[FloatArray, FloatArray]:
    """Rate difference (B,) and standard error (B,) of events over person-time.

    References
    ----------
    Greenland, Robins 1985, Biometrics 41:55-68. doi:10.2307/2530643
    """
    a, t1, c, t2, m = _counts(a, t1, c, t2, m)
    total = t1 + t2
    weight = (m * t1 * t2 / total).sum(axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        estimate = (m * (a * t2 - c * t1) / total).sum(axis=1) / weight
        spread = (m * (a * t2**2 + c * t1**2) / total**2).sum(axis=1)
        return _finite(estimate, np.sqrt(spread) / weight)


def _finite(estimate: FloatArray, se: FloatArray) -> tuple[FloatArray, FloatArray]:
    usable = np.isfinite(estimate) & np.isfinite(se) & (se > 0)
    return np.where(usable, estimate, np.nan), np.where(usable, se, np.nan)


MANTEL_HAENSZEL = {
    "OR": mantel_haenszel_or,
    "RR": mantel_haenszel_rr,
    "RD": mantel_haenszel_rd,
    "IRR": mantel_haenszel_irr,
    "IRD": mantel_haenszel_ird,
}
"""Measures that have a Mantel-Haenszel estimate; rates take person-time in place of n."""
