"""Effects of two-by-two tables: odds ratio, risk ratio, risk difference, and what is done with zero cells."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from toolkit.engine.data import FloatArray
from toolkit.engine.effects.arms import StudyArms
from toolkit.engine.effects.blocks import Contrasts, difference_of_arms, two_arm_contrasts, two_arm_studies
from toolkit.model.errors import InputError
from toolkit.model.spec import ZeroCells

__all__ = [
    "any_in_study",
    "arcsine_difference",
    "log_odds",
    "log_risk",
    "odds_ratio",
    "peto",
    "peto_odds_ratio",
    "risk",
    "risk_difference",
    "risk_ratio",
    "zero_cell_rule",
]


def log_odds(events: FloatArray, n: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Log odds of each arm and its variance ``1 / events + 1 / (n - events)``; any shape, no zero cells.

    References
    ----------
    Woolf 1955, Ann Hum Genet 19:251-253. doi:10.1111/j.1469-1809.1955.tb01348.x
    """
    others = n - events
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.log(events) - np.log(others), 1 / events + 1 / others


def log_risk(events: FloatArray, n: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Log risk of each arm and its variance ``1 / events - 1 / n``; any shape, no zero events.

    References
    ----------
    Katz, Baptista, Azen, Pike 1978, Biometrics 34:469-474. doi:10.2307/2530610
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.log(events) - np.log(n), 1 / events - 1 / n


def risk(events: FloatArray, n: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Risk of each arm and its binomial variance ``p (1 - p) / n``; any shape."""
    p = events / n
    return p, p * (1 - p) / n


def any_in_study(mask: np.ndarray, arms: StudyArms) -> np.ndarray:
    """(S,) whether any arm of a study is in the mask (A,)."""
    return np.logical_or.reduceat(mask, arms.start[:-1]) if len(arms.studies) else np.zeros(0, dtype=bool)


def _all_in_study(mask: np.ndarray, arms: StudyArms) -> np.ndarray:
    return np.logical_and.reduceat(mask, arms.start[:-1]) if len(arms.studies) else np.zeros(0, dtype=bool)


def zero_cell_rule(arms: StudyArms, policy: ZeroCells) -> tuple[FloatArray, dict[int, str], dict[int, str]]:
    """What is added to each cell of each arm, the studies touched, and the double-zero studies.

    Returns
    -------
    add : (A,) amount for each cell of each arm: every arm of a touched study gets it
    corrected : {study index: text}
    double_zero : {study index: text} studies without events, or with events in everybody
    """
    zero, full = arms.events == 0, arms.events == arms.n
    has_zero = any_in_study(zero | full, arms)
    double: dict[int, str] = {}
    for s in np.flatnonzero(_all_in_study(zero, arms)):
        double[int(s)] = "no events in any arm"
    for s in np.flatnonzero(_all_in_study(full, arms)):
        double[int(s)] = "events in everybody in every arm"
    dropped = np.zeros(len(arms.studies), dtype=bool)
    if policy.drop_double_zero:
        dropped[list(double)] = True
    if policy.to == "only0":
        touched = has_zero
    elif policy.to == "all":
        touched = np.ones_like(has_zero)
    elif policy.to == "if0all":
        touched = np.full_like(has_zero, bool((has_zero & ~dropped).any()))
    elif policy.to == "none":
        touched = np.zeros_like(has_zero)
    else:
        raise InputError("Unknown zero-cell rule.", value=policy.to, allowed="only0, all, if0all, none")
    if not policy.add > 0:
        touched = np.zeros_like(has_zero)
    add = np.where(touched, policy.add, 0.0)[arms.study_of_arm]
    if policy.arms == "size":
        add = add * _relative_size(arms)
    elif policy.arms != "equal":
        raise InputError("Unknown division of the zero-cell correction.", value=policy.arms, allowed="equal, size")
    what = f"{policy.add:g} {'added' if policy.arms == 'equal' else 'by the size of the arm (mean) added'}"
    return add, dict.fromkeys(map(int, np.flatnonzero(touched)), what), double


def _relative_size(arms: StudyArms) -> FloatArray:
    """Size of each arm (A,) over the mean size of the arms of its study.

    Two arms then get ``n1 / (n1 + n0)`` and ``n0 / (n1 + n0)`` at ``add`` 0.5: each the reciprocal of the other arm's
    size, scaled to a sum of 1.

    References
    ----------
    Sweeting, Sutton, Lambert 2004, Stat Med 23:1351-1375, "treatment arm" correction. doi:10.1002/sim.1761
    """
    if not arms.studies:
        return arms.n
    mean = np.add.reduceat(arms.n, arms.start[:-1]) / np.diff(arms.start)
    return arms.n / mean[arms.study_of_arm]


def _unusable(y: FloatArray, v: FloatArray, arms: StudyArms, why: str) -> dict[int, str]:
    """Studies with an arm whose statistic is not finite or has no variance."""
    bad = ~(np.isfinite(y) & np.isfinite(v))
    return {int(s): why for s in np.flatnonzero(any_in_study(bad, arms))}


def _uninformative(double: dict[int, str], policy: ZeroCells, ratio: str) -> dict[int, str]:
    if not policy.drop_double_zero:
        return {}
    return {s: f"{text}: no information on the {ratio} ratio" for s, text in double.items()}


def odds_ratio(arms: StudyArms, policy: ZeroCells) -> Contrasts:
    """Log odds ratios; a corrected study gets ``add`` in each cell of every arm (Gart and Zweifel 1967)."""
    add, corrected, double = zero_cell_rule(arms, policy)
    value, variance = log_odds(arms.events + add, arms.n + 2 * add)
    y, V = difference_of_arms(value, variance, arms.start)
    unusable = _unusable(value, variance, arms, "a zero cell and no correction: the odds ratio is 0 or infinite")
    unusable |= _uninformative(double, policy, "odds")
    return Contrasts(y=y, V=V, corrected=_describe(corrected, "to each cell of every arm"), unusable=unusable)


def risk_ratio(arms: StudyArms, policy: ZeroCells) -> Contrasts:
    """Log risk ratios; a corrected study gets ``add`` in the events, or in events and non-events, of every arm."""
    add, corrected, double = zero_cell_rule(arms, policy)
    if policy.risk_ratio not in ("events", "cells"):
        raise InputError("Unknown correction of risk ratios.", value=policy.risk_ratio, allowed="events, cells")
    whole = policy.risk_ratio == "cells"
    value, variance = log_risk(arms.events + add, arms.n + (2 if whole else 1) * add)
    y, V = difference_of_arms(value, variance, arms.start)
    unusable = _unusable(
        value, variance, arms, "no events in an arm and no correction: the risk ratio is 0 or infinite"
    )
    unusable |= _no_variance(V, "events in everybody: the variance is zero")
    unusable |= _uninformative(double, policy, "risk")
    where = "to each cell of every arm" if whole else "to the events of every arm"
    return Contrasts(y=y, V=V, corrected=_describe(corrected, where), unusable=unusable)


def risk_difference(arms: StudyArms, policy: ZeroCells) -> Contrasts:
    """Risk differences; in a corrected study the variance alone, or effect and variance, use the corrected cells."""
    # Double-zero studies tell of the difference: they stay, and count where one empty cell corrects all studies.
    add, corrected, _ = zero_cell_rule(arms, replace(policy, drop_double_zero=False))
    if policy.risk_difference not in ("variance", "cells"):
        raise InputError(
            "Unknown correction of risk differences.", value=policy.risk_difference, allowed="variance, cells"
        )
    raw, _ = risk(arms.events, arms.n)
    corrected_risk, variance = risk(arms.events + add, arms.n + 2 * add)
    value = corrected_risk if policy.risk_difference == "cells" else raw
    y, V = difference_of_arms(value, variance, arms.start)
    where = "to each cell of every arm" + ("" if policy.risk_difference == "cells" else ", for the variance only")
    unusable = _no_variance(V, "no events, or events in everybody, and no correction: the variance is zero")
    return Contrasts(y=y, V=V, corrected=_describe(corrected, where), unusable=unusable)


def peto(e1: FloatArray, n1: FloatArray, e2: FloatArray, n2: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Peto's one-step log odds ratio and its variance; NaN where nobody, or everybody, has the event.

    ``(O - E) / V`` and ``1 / V`` with the hypergeometric expectation and variance of the events in arm 1.

    References
    ----------
    Yusuf, Peto, Lewis, Collins, Sleight 1985, Prog Cardiovasc Dis 27:335-371. doi:10.1016/S0033-0620(85)80003-7
    """
    total, events = n1 + n2, e1 + e2
    with np.errstate(divide="ignore", invalid="ignore"):
        V = n1 * n2 * events * (total - events) / (total**2 * (total - 1))
        V = np.where(V > 0, V, np.nan)
        return (e1 - n1 * events / total) / V, 1 / V


def peto_odds_ratio(arms: StudyArms, policy: ZeroCells) -> Contrasts:
    """Peto's log odds ratios of two-arm studies; zero cells need no correction and get none."""
    base, unusable = two_arm_studies(arms)
    treated = base + 1
    y, v = peto(arms.events[treated], arms.n[treated], arms.events[base], arms.n[base])
    return two_arm_contrasts(
        arms, y, v, unusable, "no events, or events in everybody: no information on the odds ratio"
    )


def arcsine_difference(arms: StudyArms, policy: ZeroCells) -> Contrasts:
    """Differences of ``arcsin(sqrt(risk))`` with variance ``1 / (4 n)`` of each arm; zero cells need no correction.

    References
    ----------
    Ruecker, Schwarzer, Carpenter, Olkin 2009, Stat Med 28:721-738. doi:10.1002/sim.3511
    """
    y, V = difference_of_arms(np.arcsin(np.sqrt(arms.events / arms.n)), 1 / (4 * arms.n), arms.start)
    return Contrasts(y=y, V=V)


def _describe(corrected: dict[int, str], where: str) -> dict[int, str]:
    return {s: f"{text} {where}" for s, text in corrected.items()}


def _no_variance(V: tuple[FloatArray, ...], why: str) -> dict[int, str]:
    return {s: why for s, block in enumerate(V) if not (np.diag(block) > 0).all()}
