"""Contrasts of a study's arms with their covariance, for measures that are differences of arm statistics."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from toolkit.engine.data import FloatArray, IntArray

__all__ = ["Contrasts", "difference_of_arms"]


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
