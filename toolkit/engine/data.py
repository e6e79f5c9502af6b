"""The engine's input: arms as extracted, effects as fitted.

`Effects` is the one input of pairwise and network fits. It is made once (`toolkit.engine.effects`), carries the
covariance of multi-arm studies, and keeps every excluded row with its reason.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

__all__ = ["ArmTable", "Correction", "Effects", "Excluded", "FloatArray", "IntArray"]

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class ArmTable:
    """Arm-level data in columns, one entry an arm; NaN means not reported.

    Attributes
    ----------
    study, treatment : (A,) names
    n : (A,) units analysed (patients, hips ...)
    events : (A,) units with the event
    mean, sd : (A,) of a continuous outcome
    time : (A,) person-time of a rate
    r : (A,) correlations, None where the table has none
    row : (A,) row number in the source (for messages), 0 if there is none
    """

    study: tuple[str, ...]
    treatment: tuple[str, ...]
    n: FloatArray
    events: FloatArray
    mean: FloatArray
    sd: FloatArray
    time: FloatArray
    row: IntArray
    r: FloatArray | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Excluded:
    """A study or arm that is not in the fit, and why."""

    study: str
    reason: str
    treatment: str | None = None
    row: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Correction:
    """A change made to the data so that an effect could be computed, and where."""

    study: str
    what: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TypeVariance:
    """A between-study variance of one type: its studies, the variance, its standard error (None on the boundary)."""

    name: str
    studies: int
    tau2: float
    se: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Between:
    """Several between-study variances of a network, held as shapes relative to the largest of them.

    Attributes
    ----------
    method : "REML" or "ML"
    types : the variances
    tau2 : the largest of them
    shapes : S blocks, the between-study covariance of a study's effects per unit of ``tau2``
    contrasts : (T, T) between-study variance of each contrast in a new study; None where studies come in groups
    studies : whose shapes these are
    """

    method: str
    types: tuple[TypeVariance, ...]
    tau2: float
    shapes: tuple[FloatArray, ...]
    contrasts: FloatArray | None
    studies: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Effects:
    """Contrasts on the model scale with their within-study covariance.

    Study ``s`` owns the rows ``start[s]:start[s + 1]``; a study of *a* arms has *a* - 1 rows, each an arm against the
    study's base arm. Its covariance is ``V[s]``, (a - 1, a - 1). Two-arm studies have 1 x 1 blocks.

    Attributes
    ----------
    measure : key of ``choices.MEASURES``
    scale : "log" when the model scale is the logarithm of the displayed one, else "identity"
    studies : (S,) study names in input order
    start : (S + 1,) row offsets
    y : (M,) effects, treatment ``t1`` against ``t2``
    V : S blocks of within-study covariance
    t1, t2 : (M,) indices into ``treatments``
    treatments : (T,) names, sorted
    arms : the arm table the effects came from, None for contrast-level input
    excluded, corrections : what was left out or changed, with reasons
    notes : other things a reader must know (published standard errors that do not add up ...)
    between : between-study variances by type where an analysis has several; None for one common variance
    """

    measure: str
    scale: str
    studies: tuple[str, ...]
    start: IntArray
    y: FloatArray
    V: tuple[FloatArray, ...]
    t1: IntArray
    t2: IntArray
    treatments: tuple[str, ...]
    arms: ArmTable | None = None
    excluded: tuple[Excluded, ...] = ()
    corrections: tuple[Correction, ...] = ()
    notes: tuple[str, ...] = field(default=())
    between: Between | None = None

    @property
    def v(self) -> FloatArray:
        """(M,) sampling variances: the diagonals of the blocks of ``V``."""
        return np.concatenate([np.diag(block) for block in self.V]) if self.V else np.empty(0)

    @property
    def n_studies(self) -> int:
        """Number of studies that give at least one effect."""
        return len(self.studies)
