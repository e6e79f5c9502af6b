"""Hazard ratios from what papers print of survival: a log-rank p with numbers of events, and the curves themselves."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

from scipy.special import ndtri

from toolkit.engine.conversions.effects import ConvertedEffect
from toolkit.model.errors import InputError, NotEstimable

__all__ = ["hazard_ratio_of_curves", "hazard_ratio_of_logrank"]

# Of an interval, the share with the event above which Tierney et al. 2007 advise shorter intervals.
_MOST = 0.2


def hazard_ratio_of_logrank(
    p: float, events: float, n1: float, n2: float, *, fewer_with_treatment: bool = True
) -> ConvertedEffect:
    """Log hazard ratio from the exact two-sided p of a log-rank test and the events of both arms together.

    Notes
    -----
    ``V = events n1 n2 / (n1 + n2)^2``, ``O - E = -z sqrt V`` where the treatment has fewer events than expected; the
    effect is ``(O - E) / V``, its variance ``1 / V``.

    References
    ----------
    Tierney, Stewart, Ghersi, Burdett, Sydes 2007, Trials 8:16, equations 9 and 10. doi:10.1186/1745-6215-8-16

    Examples
    --------
    >>> found = hazard_ratio_of_logrank(0.031, 120, 100, 98)
    >>> round(found.y, 4), round(found.v, 5)
    (-0.3938, 0.03334)
    """
    if not 0 < p < 1:
        raise InputError("A two-sided p lies between 0 and 1.", value=p, hint="'P < 0.05' gives no hazard ratio.")
    if not (events > 0 and n1 > 0 and n2 > 0) or events > n1 + n2:
        raise InputError("Events of both arms, above 0 and no more than the people in them.", value=events)
    v = events * n1 * n2 / (n1 + n2) ** 2
    z = float(-ndtri(p / 2))
    y = (-z if fewer_with_treatment else z) / math.sqrt(v)
    return ConvertedEffect(
        y=y, v=1 / v, source="p of the log-rank test and events (Tierney 2007)",
        flags=("assumes equal follow-up of both arms",),
    )  # fmt: skip


def hazard_ratio_of_curves(
    survival1: Sequence[float], at_risk1: Sequence[float], survival2: Sequence[float], at_risk2: Sequence[float]
) -> ConvertedEffect:
    """Log hazard ratio from two survival curves read off at the times of the numbers at risk printed below them.

    Parameters
    ----------
    survival1, survival2 : survival (1 at the start) of treatment and control at each time
    at_risk1, at_risk2 : numbers at risk at the same times

    Notes
    -----
    Of an interval from s to e: events ``(R_s + R_e) (S_s - S_e) / (S_s + S_e)``, censored
    ``2 (R_s S_e - R_e S_s) / (S_s + S_e)``, at risk ``R_s`` less half the censored; the log ratios of the intervals
    with variance ``1/D1 - 1/R1 + 1/D2 - 1/R2`` are pooled by inverse variance.

    References
    ----------
    Parmar, Torri, Stewart 1998, Stat Med 17:2815-2834.
    doi:10.1002/(SICI)1097-0258(19981230)17:24<2815::AID-SIM110>3.0.CO;2-8
    Williamson, Tudur Smith, Hutton, Marson 2002, Stat Med 21:3337-3351 (numbers at risk). doi:10.1002/sim.1303
    """
    columns = (survival1, at_risk1, survival2, at_risk2)
    if len({len(column) for column in columns}) != 1 or len(survival1) < 2:
        raise InputError("Survival and numbers at risk of both arms at the same times, two at least.")
    for column in (survival1, survival2):
        falls = all(a >= b for a, b in pairwise(column))
        if not falls or not all(0 < s <= 1 for s in column):
            raise InputError("Survival falls from 1 and stays above 0.", value=", ".join(f"{s:g}" for s in column))
    numerator = weight = 0.0
    flags = ["read off a figure"]
    for at in range(len(survival1) - 1):
        first = _interval(survival1[at : at + 2], at_risk1[at : at + 2])
        second = _interval(survival2[at : at + 2], at_risk2[at : at + 2])
        if min(first[0], second[0]) <= 0:
            continue
        (d1, r1), (d2, r2) = first, second
        if max(d1 / r1, d2 / r2) > _MOST and len(flags) == 1:
            flags.append("a fifth or more have the event within an interval: the ratio is drawn towards 1")
        v = 1 / d1 - 1 / r1 + 1 / d2 - 1 / r2
        numerator += math.log((d1 / r1) / (d2 / r2)) / v
        weight += 1 / v
    if weight == 0:
        raise NotEstimable("No interval has events in both arms.")
    return ConvertedEffect(
        y=numerator / weight, v=1 / weight, source="survival curves and numbers at risk (Parmar 1998, Williamson 2002)",
        flags=tuple(flags),
    )  # fmt: skip


def _interval(survival: Sequence[float], at_risk: Sequence[float]) -> tuple[float, float]:
    """Events and the number at risk of an interval."""
    (s, e), (r, q) = survival, at_risk
    if q > r or q < 0:
        raise InputError("Numbers at risk do not rise.", value=f"{r:g} and {q:g}")
    events = (r + q) * (s - e) / (s + e)
    censored = 2 * (r * e - q * s) / (s + e)
    return events, r - max(censored, 0.0) / 2
