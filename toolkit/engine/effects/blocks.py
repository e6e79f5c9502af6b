"""Contrasts of a study's arms with their covariance, for measures that are differences of arm statistics."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from toolkit.engine.data import FloatArray, IntArray
from toolkit.engine.effects.arms import StudyArms

__all__ = ["Contrasts", "difference_of_arms", "two_arm_contrasts", "two_arm_studies"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Contrasts:
    """What a measure returns: effects of each other arm against the base arm, and what was done to the data.

    Attributes
    ----------
    y : (A - S,) effects in the order of the arms, base arms left out
    V : S covariance blocks
    corrected : {study index: what was added where}
    unusable : {study index: why the study gives no effect}
    """

    y: FloatArray
    V: tuple[FloatArray, ...]
    corrected: dict[int, str] = field(default_factory=dict)
    unusable: dict[int, str] = field(default_factory=dict)


def difference_of_arms(
    value: FloatArray, variance: FloatArray, start: IntArray
) -> tuple[FloatArray, tuple[FloatArray, ...]]:
    """Effects and covariance blocks when an effect is one arm's statistic minus the base arm's.

    Parameters
    ----------
    value, variance : (A,) statistic of each arm and its variance; arms are independent
    start : (S + 1,) arm offsets, the base arm first in each study

    Notes
    -----
    Contrasts of a study share their base arm, so their covariance is the base arm's variance:
    ``V = diag(variance of the others) + variance of the base`` (Franchini 2012, section 2.2).

    References
    ----------
    Franchini, Dias, Ades, Jansen, Welton 2012, Res Synth Methods 3:142-160. doi:10.1002/jrsm.1049
    """
    base = start[:-1]
    size = np.diff(start)
    other = np.ones(value.size, dtype=bool)
    other[base] = False
    study = np.repeat(np.arange(size.size), size)[other]
    with np.errstate(invalid="ignore"):  # infinite arms are reported as unusable by the measure
        y = value[other] - value[base][study]
    v = variance[other] + variance[base][study]
    offset = start - np.arange(start.size)
    if (size == 2).all():
        return y, tuple(v.reshape(-1, 1, 1))
    blocks = []
    for s in range(size.size):
        own = variance[start[s] + 1 : start[s + 1]]
        two_arms = v[offset[s] : offset[s + 1], None] if size[s] == 2 else None
        blocks.append(np.diag(own) + variance[start[s]] if two_arms is None else two_arms)
    return y, tuple(blocks)


def two_arm_studies(arms: StudyArms) -> tuple[IntArray, dict[int, str]]:
    """Base arm (S,) of each study, and why studies of more than two arms cannot be used.

    A larger study's entry is filled from its first two arms and must be dropped with the reason.
    """
    why = "the measure is for studies of two arms; name the two treatments to compare"
    more = np.flatnonzero(np.diff(arms.start) != 2)
    return arms.start[:-1], {int(s): why for s in more}


def two_arm_contrasts(arms: StudyArms, y: FloatArray, v: FloatArray, unusable: dict[int, str], why: str) -> Contrasts:
    """Contrasts (S,) of two-arm studies, spread over the arms of larger ones; ``why`` for what is not finite."""
    size = np.diff(arms.start) - 1
    bad = ~(np.isfinite(y) & np.isfinite(v) & (v > 0))
    reasons = {int(s): why for s in np.flatnonzero(bad)} | unusable
    V = tuple(np.full((k, k), value) for k, value in zip(size, v, strict=True))
    return Contrasts(y=np.repeat(y, size), V=V, unusable=reasons)
