"""Effects of paired data: the same people before and after, and matched pairs with an event or none."""

from __future__ import annotations

import math

import numpy as np

from toolkit.engine.conversions.effects import ConvertedEffect
from toolkit.engine.effects.continuous import hedges_correction
from toolkit.model.errors import InputError

__all__ = ["before_after", "matched_pairs"]

CHANGES = {
    "MC": "mean change",
    "SMCC": "mean change in SDs of the change",
    "SMCR": "mean change in SDs before",
    "ROMC": "log ratio of the means after and before",
    "SMCRH": "mean change in SDs before, unequal SDs",
    "SMCRP": "mean change in SDs pooled over before and after",
    "VRC": "log ratio of the SDs after and before",
    "CVRC": "log ratio of the coefficients of variation after and before",
}
MATCHED = {
    "MPRR": "log risk ratio of pairs",
    "MPRD": "risk difference of pairs",
    "MPORC": "conditional log odds ratio of pairs",
    "MPPETO": "conditional log odds ratio of pairs by Peto's method",
}


def before_after(
    measure: str, n: float, *, before: tuple[float, float], after: tuple[float, float], correlation: float
) -> ConvertedEffect:
    """Effect and variance of one group measured twice.

    Parameters
    ----------
    measure : "MC", "SMCC", "SMCR", "ROMC", "SMCRH", "SMCRP", "VRC" or "CVRC"
    n : people measured twice
    before, after : mean and SD
    correlation : of the two measurements

    Notes
    -----
    With ``s_d^2 = s_1^2 + s_2^2 - 2 r s_1 s_2`` and J of n - 1 df: MC ``v = s_d^2 / n``; SMCC ``d = J diff / s_d``,
    ``v = 1/n + d^2 / 2n``; SMCR ``d = J diff / s_before``, ``v = 2 (1 - r) / n + d^2 / 2n``; ROMC by the delta method
    with the second-order term ``s^2 / (2 n m^2)`` of each mean. SMCRH is SMCR with
    ``v = s_d^2 / (s_before^2 (n - 1)) + d^2 / (2 (n - 1))``; SMCRP takes the root of the mean variance and J of
    ``2 (n - 1) / (1 + r^2)`` df, ``v = 2 (1 - r) / n + (1 + r^2) d^2 / 4n``; VRC ``v = (1 - r^2) / (n - 1)``; CVRC adds
    the variance of the log ratio of means to that.

    References
    ----------
    Bonett 2008, Psychol Methods 13:99-109 (SMCRH). doi:10.1037/1082-989X.13.2.99
    Cousineau 2020, Quant Meth Psych 16:418-421 (SMCRP).
    Nakagawa et al. 2015, Methods Ecol Evol 6:143-152, and Senior et al. 2020 (VRC, CVRC). doi:10.1111/2041-210X.12309
    Becker 1988, Br J Math Stat Psychol 41:257-278. doi:10.1111/j.2044-8317.1988.tb00901.x
    Morris, DeShon 2002, Psychol Methods 7:105-125. doi:10.1037/1082-989X.7.1.105
    Lajeunesse 2011, Ecology 92:2049-2055, and 2015, 96:2056-2063 (ratio of means). doi:10.1890/11-0423.1

    Examples
    --------
    >>> round(before_after("MC", 25, before=(10.2, 2.2), after=(11.9, 2.5), correlation=0.5).v, 4)
    0.2236
    """
    if measure not in CHANGES:
        raise InputError("Unknown measure of a change.", value=measure, allowed=", ".join(CHANGES))
    if not -1 <= correlation <= 1:
        raise InputError("A correlation lies between -1 and 1.", value=correlation)
    (m1, s1), (m2, s2) = after, before
    spread = s1**2 + s2**2 - 2 * correlation * s1 * s2
    if measure == "MC":
        y, v = m1 - m2, spread / n
    elif measure in ("ROMC", "VRC", "CVRC"):
        y, v = _ratio_of_change(measure, n, (m2, s2), (m1, s1), correlation)
    else:
        pooled = measure == "SMCRP"
        unit = {"SMCC": math.sqrt(spread), "SMCRP": math.sqrt((s1**2 + s2**2) / 2)}.get(measure, s2)
        df = 2 * (n - 1) / (1 + correlation**2) if pooled else n - 1.0
        y = float(hedges_correction(np.array([df]))[0]) * (m1 - m2) / unit
        v = {
            "SMCC": 1 / n + y**2 / (2 * n),
            "SMCR": 2 * (1 - correlation) / n + y**2 / (2 * n),
            "SMCRH": spread / (s2**2 * (n - 1)) + y**2 / (2 * (n - 1)),
            "SMCRP": 2 * (1 - correlation) / n + y**2 * (1 + correlation**2) / (4 * n),
        }[measure]
    flags = (f"correlation of before and after {correlation:g}",)
    return ConvertedEffect(y=y, v=v, source=f"{CHANGES[measure]} ({measure})", flags=flags)


def _ratio_of_change(
    measure: str, n: float, before: tuple[float, float], after: tuple[float, float], r: float
) -> tuple[float, float]:
    """Log ratio after to before of means, SDs or coefficients of variation."""
    (m2, s2), (m1, s1) = before, after
    own = (1 - r**2) / (n - 1)
    if measure == "VRC":
        return math.log(s1 / s2), own
    if m1 * m2 <= 0:
        raise InputError("A ratio of means needs means of one sign, not zero.", value=f"{m1:g} and {m2:g}")
    of_means = (s1**2 / m1**2 + s2**2 / m2**2 - 2 * r * s1 * s2 / (m1 * m2)) / n
    half = (s1**2 / m1**2 - s2**2 / m2**2) / (2 * n)
    if measure == "ROMC":
        return math.log(m1 / m2) + half, of_means
    return math.log((s1 / m1) / (s2 / m2)) - half, own + of_means


def matched_pairs(measure: str, both: float, first: float, second: float, neither: float) -> ConvertedEffect:
    """Risk ratio or difference of pairs from the paired table; the marginal odds ratio is `paired_odds_ratio`.

    Parameters
    ----------
    measure : "MPRR", "MPRD", or conditional on the pairs that differ "MPORC", "MPPETO"
    both, first, second, neither : pairs with events in both, in the treated alone, in the control alone, in none

    References
    ----------
    Lachenbruch, Lynch 1998, Stat Med 17:2207-2217 (ratio).
    Newcombe 1998, Stat Med 17:2635-2650, method 1 (difference).

    Examples
    --------
    >>> round(matched_pairs("MPRD", 20, 5, 8, 17).y, 6)
    -0.06
    """
    n, a, c = both + first + second + neither, both + first, both + second
    if measure == "MPRD":
        y = (first - second) / n
        v = ((first + second) / n - y**2) / n
    elif measure == "MPRR":
        if min(a, c) <= 0:
            raise InputError("A risk ratio of pairs takes events on both sides.", value=f"{a:g} and {c:g} of {n:g}")
        y, v = math.log(a / c), (first + second) / (a * c)
    elif measure == "MPORC":
        if min(first, second) <= 0:
            raise InputError("The conditional odds ratio takes pairs that differ both ways.", value=f"{first:g}")
        y, v = math.log(first / second), 1 / first + 1 / second
    elif measure == "MPPETO":
        if first + second <= 0:
            raise InputError("The conditional odds ratio takes pairs that differ.", value=f"{first:g}")
        y, v = 2 * (first - second) / (first + second), 4 / (first + second)
    else:
        raise InputError("Unknown measure of pairs.", value=measure, allowed=", ".join(MATCHED))
    return ConvertedEffect(y=y, v=v, source=f"{MATCHED[measure]} ({measure})")
