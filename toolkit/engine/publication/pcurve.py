"""p-curve: does the distribution of significant p values look like that of a true effect?"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.optimize import brentq
from scipy.special import ndtr, ndtri

from toolkit.engine.data import FloatArray
from toolkit.engine.results import PairwiseResult
from toolkit.engine.sensitivity import studies_of
from toolkit.model.errors import NotEstimable

__all__ = ["PCurve", "p_curve"]

_CRIT = float(-ndtri(0.025))


@dataclass(frozen=True, slots=True, kw_only=True)
class PCurve:
    """A p-curve analysis of the studies significant at 5 % (two-sided).

    Attributes
    ----------
    k, significant, half : studies; those with p < 0.05; with p < 0.025
    shares : of the significant ones with p up to 0.01, 0.02, 0.03, 0.04, 0.05
    z_full, p_full : right skew of the full curve (Stouffer)
    z_half, p_half : of the half curve, None where no p is below 0.025
    z_flat, p_flat : flatter than the curve of studies with 33 % power
    power, power_low, power_high : estimated average power of the significant studies with its 90 % interval
    evidential : half curve right-skewed at 5 %, or both at 10 % (Simonsohn 2015)
    """

    k: int
    significant: int
    half: int
    shares: tuple[float, float, float, float, float]
    z_full: float
    p_full: float
    z_half: float | None
    p_half: float | None
    z_flat: float
    p_flat: float
    power: float
    power_low: float
    power_high: float
    evidential: bool
    caution: str = "the significant studies must be those on the hypothesis itself; heterogeneity inflates the power"


def _tail(z: FloatArray | float, shift: float) -> FloatArray:
    value: FloatArray = ndtr(shift - np.asarray(z)) + ndtr(-shift - np.asarray(z))
    return value


def _stouffer(share: FloatArray) -> float:
    return float(ndtri(np.clip(share, 1e-300, 1 - 1e-16)).sum() / np.sqrt(share.size))


def _shift(power: float) -> float:
    return float(brentq(lambda d: float(_tail(_CRIT, d)) - power, 0.0, 40.0)) if power > 0.05 else 0.0


def p_curve(result: PairwiseResult) -> PCurve:
    """p-curve of the studies' z values.

    Raises
    ------
    NotEstimable
        With fewer than two significant studies.

    References
    ----------
    Simonsohn, Nelson, Simmons 2014, J Exp Psychol Gen 143:534-547. doi:10.1037/a0033242
    Simonsohn, Simmons, Nelson 2015, J Exp Psychol Gen 144:1146-1152. doi:10.1037/xge0000104
    """
    _, y, v = studies_of(result)
    all_z = np.abs(y) / np.sqrt(v)
    z = all_z[all_z > _CRIT]
    if z.size < 2:
        raise NotEstimable(f"A p-curve takes at least two significant studies; there are {z.size}.")
    p = _tail(z, 0.0)
    z_full = _stouffer(p / 0.05)
    inner = p[p < 0.025]
    z_half = _stouffer(inner / 0.025) if inner.size else None
    d33 = _shift(1 / 3)
    z_flat = _stouffer(1 - _tail(z, d33) / (1 / 3))

    def misfit(shift: float) -> float:
        return _stouffer(_tail(z, shift) / float(_tail(_CRIT, shift)))

    def solve(target: float) -> float:
        if misfit(0.0) >= target:
            return 0.05
        if misfit(8.0) <= target:
            return 1.0
        return float(_tail(_CRIT, float(brentq(lambda d: misfit(d) - target, 0.0, 8.0))))

    p_full = float(ndtr(z_full))
    p_half = None if z_half is None else float(ndtr(z_half))
    edges = np.searchsorted(np.array([0.01, 0.02, 0.03, 0.04]), p, side="left")
    shares = np.bincount(edges, minlength=5) / z.size
    bound = float(-ndtri(0.05))
    return PCurve(
        k=y.size,
        significant=z.size,
        half=inner.size,
        shares=(float(shares[0]), float(shares[1]), float(shares[2]), float(shares[3]), float(shares[4])),
        z_full=z_full,
        p_full=p_full,
        z_half=z_half,
        p_half=p_half,
        z_flat=z_flat,
        p_flat=float(ndtr(z_flat)),
        power=solve(0.0),
        power_low=solve(-bound),
        power_high=solve(bound),
        evidential=p_half is not None and (p_half < 0.05 or (p_half < 0.10 and p_full < 0.10)),
    )
