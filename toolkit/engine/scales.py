"""From the model scale back to what is shown: exp for logs, and the inverse of each transformation of one group.

References
----------
Miller 1978, Am Stat 32:138 (inverse of the Freeman-Tukey double arcsine). doi:10.1080/00031305.1978.10479283
Barendregt, Doi, Lee, Norman, Vos 2013, J Epidemiol Community Health 67:974-978 (its effective size).
doi:10.1136/jech-2013-203104
"""

from __future__ import annotations

import math
from collections.abc import Callable

__all__ = ["BACK", "back", "inverse_freeman_tukey"]


def _clip_angle(value: float) -> float:
    return min(max(value, 0.0), math.pi / 2)


def _expit(value: float) -> float:
    return 1 / (1 + math.exp(-value)) if value >= 0 else math.exp(value) / (1 + math.exp(value))


def _exp(value: float) -> float:
    try:
        return math.exp(value)
    except OverflowError:
        return math.inf


BACK: dict[str, Callable[[float], float]] = {
    "identity": float,
    "log": _exp,
    "logit": _expit,
    "probit": lambda value: math.erfc(-value / math.sqrt(2)) / 2,
    "arcsine": lambda value: math.sin(_clip_angle(value)) ** 2,
    # Without a sample size the double arcsine is read as an arcsine, which it approaches as n grows; Miller's inverse
    # with a harmonic mean can leave the range of the data (Schwarzer 2019).
    "freeman_tukey": lambda value: math.sin(_clip_angle(value)) ** 2,
    "square_root": lambda value: max(value, 0.0) ** 2,
    "fisher_z": math.tanh,
}
"""Scale of a measure -> its inverse; each is increasing, so bounds of an interval go through it too."""


def back(value: float | None, scale: str) -> float | None:
    """A model-scale number as it is shown; None for a missing, infinite or overflowing one.

    Examples
    --------
    >>> back(0.0, "log"), back(0.0, "logit"), back(None, "log")
    (1.0, 0.5, None)
    """
    if value is None or math.isnan(value):
        return None
    shown = BACK[scale](value)
    return shown if math.isfinite(shown) else None


def inverse_freeman_tukey(value: float, n: float) -> float:
    """Proportion whose double arcsine is ``value`` at sample size ``n`` (Miller 1978), kept inside 0 to 1.

    ``n = 1 / (4 variance)`` of the pooled value is the choice of Barendregt et al. 2013; a harmonic mean of sample
    sizes can mislead.
    """
    low = math.asin(math.sqrt(1 / (n + 1))) / 2
    high = (math.asin(math.sqrt(n / (n + 1))) + math.pi / 2) / 2
    if value <= low:
        return 0.0
    if value >= high:
        return 1.0
    s = math.sin(2 * value)
    inner = 1 - (s + (s - 1 / s) / n) ** 2
    return (1 - math.copysign(math.sqrt(max(inner, 0.0)), math.cos(2 * value))) / 2
