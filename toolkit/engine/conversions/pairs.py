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
}
MATCHED = {"MPRR": "log risk ratio of pairs", "MPRD": "risk difference of pairs"}


def before_after(
    measure: str, n: float, *, before: tuple[float, float], after: tuple[float, float], correlation: float
) -> ConvertedEffect:
    """Effect and variance of one group measured twice.

    Parameters
    ----------
    measure : "MC", "SMCC", "SMCR" or "ROMC"
    n : people measured twice
    before, after : mean and SD
    correlation : of the two measurements

    Notes
    -----
    With ``s_d^2 = s_1^2 + s_2^2 - 2 r s_1 s_2`` and J of n - 1 df: MC ``v = s_d^2 / n``; SMCC ``d = J diff / s_d``,
    ``v = 1/n + d^2 / 2n``; SMCR ``d = J diff / s_before``, ``v = 2 (1 - r) / n + d^2 / 2n``; ROMC by the delta method
    with the second-order term ``s^2 / (2 n m^2)`` of each mean.

    References
    ----------
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
    elif measure == "ROMC":
        if m1 * m2 <= 0:
            raise InputError("A ratio of means needs means of one sign, not zero.", value=f"{m1:g} and {m2:g}")
        y = math.log(m1 / m2) + (s1**2 / m1**2 - s2**2 / m2**2) / (2 * n)
        v = (s1**2 / m1**2 + s2**2 / m2**2 - 2 * correlation * s1 * s2 / (m1 * m2)) / n
    else:
        unit = math.sqrt(spread) if measure == "SMCC" else s2
        y = float(hedges_correction(np.array([n - 1.0]))[0]) * (m1 - m2) / unit
        v = (1 if measure == "SMCC" else 2 * (1 - correlation)) / n + y**2 / (2 * n)
    flags = (f"correlation of before and after {correlation:g}",)
    return ConvertedEffect(y=y, v=v, source=f"{CHANGES[measure]} ({measure})", flags=flags)


def matched_pairs(measure: str, both: float, first: float, second: float, neither: float) -> ConvertedEffect:
    """Risk ratio or difference of pairs from the paired table; the odds ratio is `paired_odds_ratio`.

    Parameters
    ----------
    measure : "MPRR" or "MPRD"
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
    else:
        raise InputError("Unknown measure of pairs.", value=measure, allowed="MPRR, MPRD")
    return ConvertedEffect(y=y, v=v, source=f"{MATCHED[measure]} ({measure})")
