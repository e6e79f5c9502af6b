"""Effects and variances from other statistics, on the model scale."""

from __future__ import annotations

import math
from dataclasses import dataclass

from scipy.special import ndtri

from toolkit.model.errors import InputError

__all__ = [
    "ConvertedEffect",
    "effect_of_interval",
    "effect_of_p",
    "log_or_of_smd",
    "observed_minus_expected",
    "smd_of_log_or",
]

# Limits printed with two decimals put the estimate this far (as a share of the interval) from their middle at most.
_OFF_CENTRE = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class ConvertedEffect:
    """Effect and variance on the model scale, the source, and what to be careful about."""

    y: float
    v: float
    source: str
    flags: tuple[str, ...] = ()


def effect_of_interval(
    estimate: float, low: float, high: float, *, level: float = 0.95, ratio: bool = False
) -> ConvertedEffect:
    """Effect and variance from an estimate with a Wald interval; ``ratio`` takes logarithms first.

    References
    ----------
    Cochrane Handbook 6.5, section 6.3.2.

    Examples
    --------
    >>> found = effect_of_interval(0.62, 0.40, 0.96, ratio=True)
    >>> round(found.y, 4), round(found.v, 4)
    (-0.478, 0.0499)
    """
    if ratio and min(estimate, low, high) <= 0:
        raise InputError("A ratio and its limits are above 0.", value=f"{estimate:g} ({low:g} to {high:g})")
    if not low < high or not low <= estimate <= high:
        raise InputError("The estimate lies between its limits.", value=f"{estimate:g} ({low:g} to {high:g})")
    y, a, b = (math.log(x) if ratio else x for x in (estimate, low, high))
    se = (b - a) / (2 * float(ndtri(1 - (1 - level) / 2)))
    off = abs(y - (a + b) / 2) / (b - a)
    flags = ("the estimate is not in the middle of its interval: a misprint, or no Wald interval?",)
    return ConvertedEffect(
        y=y, v=se**2, source=f"{100 * level:g} % interval (Handbook 6.3.2)", flags=flags if off > _OFF_CENTRE else ()
    )


def effect_of_p(estimate: float, p: float, *, ratio: bool = False) -> ConvertedEffect:
    """Effect and variance from an estimate and the exact two-sided p of its Wald test.

    References
    ----------
    Cochrane Handbook 6.5, section 6.3.2.
    """
    if not 0 < p < 1:
        raise InputError("A two-sided p lies between 0 and 1.", value=p, hint="'P < 0.05' gives no standard error.")
    y = math.log(estimate) if ratio else estimate
    z = float(-ndtri(p / 2))
    if y == 0 or z == 0:
        raise InputError("An effect of zero has no standard error from its p.", value=estimate)
    return ConvertedEffect(y=y, v=(y / z) ** 2, source="p of the Wald test (Handbook 6.3.2)")


# What a log odds ratio is divided by to become a difference in SDs: of the logistic distribution, or approximately of
# the normal one.
_PER_SD = {"logistic": math.pi / math.sqrt(3), "normal": 1.65}


def _per_sd(distribution: str) -> tuple[float, str, tuple[str, ...]]:
    """The factor, who it is from, and the assumption."""
    if distribution not in _PER_SD:
        raise InputError("Unknown distribution.", value=distribution, allowed=", ".join(_PER_SD))
    source = {"logistic": "Chinn 2000", "normal": "Cox and Snell 1989"}[distribution]
    return _PER_SD[distribution], source, (f"assumes {distribution} distributions of equal variance",)


def log_or_of_smd(y: float, v: float, *, distribution: str = "logistic") -> ConvertedEffect:
    """Log odds ratio from a standardised mean difference.

    By the logistic distribution times ``pi / sqrt 3``, by the normal one times 1.65 (approximately).

    References
    ----------
    Cox, Snell 1989, Analysis of Binary Data, 2nd ed. (normal).
    Chinn 2000, Stat Med 19:3127-3131. doi:10.1002/1097-0258(20001130)19:22<3127::AID-SIM784>3.0.CO;2-M
    """
    factor, source, flags = _per_sd(distribution)
    return ConvertedEffect(y=y * factor, v=v * factor**2, source=f"SMD ({source})", flags=flags)


def smd_of_log_or(y: float, v: float, *, distribution: str = "logistic") -> ConvertedEffect:
    """Standardised mean difference from a log odds ratio.

    By the logistic distribution over ``pi / sqrt 3``, by the normal one over 1.65 (approximately).

    References
    ----------
    Cox, Snell 1989, Analysis of Binary Data, 2nd ed. (normal).
    Chinn 2000, Stat Med 19:3127-3131. doi:10.1002/1097-0258(20001130)19:22<3127::AID-SIM784>3.0.CO;2-M

    Examples
    --------
    >>> round(smd_of_log_or(0.5, 0.04).y, 6)
    0.275664
    """
    factor, source, flags = _per_sd(distribution)
    return ConvertedEffect(y=y / factor, v=v / factor**2, source=f"odds ratio ({source})", flags=flags)


def observed_minus_expected(
    hazard_ratio: float, low: float, high: float, *, level: float = 0.95
) -> tuple[float, float]:
    """O - E and V of a log-rank test from a hazard ratio and its interval: ``V = 1 / se^2``, ``O - E = V log HR``.

    References
    ----------
    Tierney, Stewart, Ghersi, Burdett, Sydes 2007, Trials 8:16, equations 4 and 7. doi:10.1186/1745-6215-8-16
    """
    found = effect_of_interval(hazard_ratio, low, high, level=level, ratio=True)
    return found.y / found.v, 1 / found.v
