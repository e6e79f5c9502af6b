"""Effects of event counts over person-time: rate ratio and rate difference."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from toolkit.engine.data import FloatArray
from toolkit.engine.effects.arms import StudyArms
from toolkit.engine.effects.binary import any_in_study
from toolkit.engine.effects.blocks import Contrasts, difference_of_arms
from toolkit.model.errors import InputError
from toolkit.model.spec import ZeroCells

__all__ = ["added_to_events", "rate_difference", "rate_ratio", "root_rate_difference"]


def added_to_events(arms: StudyArms, policy: ZeroCells) -> tuple[FloatArray, dict[int, str]]:
    """What is added to the events of each arm (A,), and the studies touched; a rate has no full cells.

    Studies without any event that the policy leaves out do not make "if0all" correct the others.
    """
    has_zero = any_in_study(arms.events == 0, arms)
    kept = any_in_study(arms.events > 0, arms) if policy.drop_double_zero else np.ones_like(has_zero)
    rules = {
        "only0": has_zero,
        "all": np.ones_like(has_zero),
        "if0all": np.full_like(has_zero, bool((has_zero & kept).any())),
        "none": np.zeros_like(has_zero),
    }
    if policy.to not in rules:
        raise InputError("Unknown zero-cell rule.", value=policy.to, allowed=", ".join(rules))
    touched = rules[policy.to] & (policy.add > 0)
    add = np.where(touched, policy.add, 0.0)[arms.study_of_arm]
    return add, {int(s): f"{policy.add:g} added to the events of every arm" for s in np.flatnonzero(touched)}


def rate_ratio(arms: StudyArms, policy: ZeroCells) -> Contrasts:
    """Log rate ratios; variance ``1 / events`` of each arm, studies without any event carry no information.

    References
    ----------
    Rothman, Greenland, Lash 2008, Modern Epidemiology, 3rd ed., chapter 14.
    """
    add, corrected = added_to_events(arms, policy)
    events = arms.events + add
    with np.errstate(divide="ignore"):
        value, variance = np.log(events / arms.time), 1 / events
    y, V = difference_of_arms(value, variance, arms.start)
    infinite = any_in_study(events == 0, arms)
    unusable = {
        int(s): "no events in an arm and no correction: the rate ratio is 0 or infinite"
        for s in np.flatnonzero(infinite)
    }
    if policy.drop_double_zero:
        silent = ~any_in_study(arms.events > 0, arms)
        unusable |= {int(s): "no events in any arm: no information on the rate ratio" for s in np.flatnonzero(silent)}
    return Contrasts(y=y, V=V, corrected=corrected, unusable=unusable)


def rate_difference(arms: StudyArms, policy: ZeroCells) -> Contrasts:
    """Rate differences; variance ``events / time^2``, corrected as ``policy.risk_difference`` says."""
    add, corrected = added_to_events(arms, replace(policy, drop_double_zero=False))
    value = (arms.events + (add if policy.risk_difference == "cells" else 0.0)) / arms.time
    y, V = difference_of_arms(value, (arms.events + add) / arms.time**2, arms.start)
    if policy.risk_difference != "cells":
        corrected = {s: f"{text}, for the variance only" for s, text in corrected.items()}
    why = "no events and no correction: the variance is zero"
    unusable = {s: why for s, block in enumerate(V) if not (np.diag(block) > 0).all()}
    return Contrasts(y=y, V=V, corrected=corrected, unusable=unusable)


def root_rate_difference(arms: StudyArms, policy: ZeroCells) -> Contrasts:
    """Differences of ``sqrt(events / time)`` with variance ``1 / (4 time)``; zero events need no correction.

    References
    ----------
    Freeman, Tukey 1950, Ann Math Stat 21:607-611. doi:10.1214/aoms/1177729756
    """
    y, V = difference_of_arms(np.sqrt(arms.events / arms.time), 1 / (4 * arms.time), arms.start)
    return Contrasts(y=y, V=V)
