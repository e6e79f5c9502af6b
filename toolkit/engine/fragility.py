"""Fragility index of a meta-analysis: how few patients with another outcome would change its statistical conclusion.

References
----------
Atal, Porcher, Boutron, Ravaud 2019, J Clin Epidemiol 111:32-40. doi:10.1016/j.jclinepi.2019.03.012
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from toolkit.engine.effects import arm_table
from toolkit.engine.pairwise import pairwise
from toolkit.engine.results import Estimate, PairwiseResult
from toolkit.model.errors import InputError, NotEstimable
from toolkit.model.wording import counted

__all__ = ["Fragility", "Step", "fragility_index"]

_MEASURES = ("OR", "RR", "RD")


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One patient whose outcome is changed: in which study and arm, to what, and the interval's limits after it."""

    study: str
    arm: str
    to: str
    ci_low: float
    ci_high: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Fragility:
    """The index (number of patients) and the path that led to it; ``significant`` is the conclusion at the start."""

    index: int
    significant: bool
    steps: tuple[Step, ...]


def fragility_index(result: PairwiseResult, *, most: int = 500) -> Fragility:
    """Patients, one after another, whose changed outcome turns a significant result round or makes one of another.

    Each step changes one patient of one arm of one study: for a significant result towards the null in whatever way
    moves the limit that is nearer to no effect furthest; for a non-significant one away from it. A greedy path: a
    shorter one may exist, as the paper says of its own. The model is that of the result.

    Raises
    ------
    InputError
        for a measure other than OR, RR or RD
    NotEstimable
        if counts are missing or ``most`` changes do not suffice.
    """
    if result.spec.measure not in _MEASURES:
        raise InputError("A fragility index needs counts.", value=result.spec.measure, allowed=", ".join(_MEASURES))
    studies = [row.study for row in result.studies if row.y is not None]
    counts = _counts(result, studies)
    start = _estimate(result)
    significant = start.ci_low > 0 or start.ci_high < 0
    # The limit to be moved, and the way it has to go: across zero for a significant result.
    above = start.estimate > 0
    steps: list[Step] = []
    now = start
    while (now.ci_low > 0 or now.ci_high < 0) == significant:
        if len(steps) == most:
            raise NotEstimable(f"{counted(most, 'changed patient', 'does', 'do')} not change the conclusion")
        best: tuple[float, Step, np.ndarray, Estimate] | None = None
        for row, side, change in _changes(counts):
            tried = counts.copy()
            tried[row, side] += change
            estimate = _estimate(_refit(result, studies, tried))
            limit = estimate.ci_low if above else -estimate.ci_high
            value = -limit if significant else limit
            if best is None or value > best[0] + 1e-12:
                arm = (result.treatment, result.reference)[side]
                step = Step(
                    study=studies[row],
                    arm=arm,
                    to="event" if change > 0 else "no event",
                    ci_low=estimate.ci_low,
                    ci_high=estimate.ci_high,
                )
                best = (value, step, tried, estimate)
        if best is None:
            raise NotEstimable("no patient's outcome can be changed any more")
        _, step, counts, now = best
        steps.append(step)
    return Fragility(index=len(steps), significant=significant, steps=tuple(steps))


def _estimate(result: PairwiseResult) -> Estimate:
    found = result.random if result.random is not None else result.common
    if found is None:
        raise NotEstimable("no study gives an effect")
    return found


def _counts(result: PairwiseResult, studies: list[str]) -> np.ndarray:
    """(k, 4): events of both arms, then their sizes."""
    of = {row.study: row for row in result.studies}
    rows = []
    for study in studies:
        values = (*of[study].events, *of[study].n)
        if None in values:
            raise NotEstimable(f"the counts of {study} are not known")
        rows.append([float(x or 0) for x in values])
    return np.array(rows)


def _changes(counts: np.ndarray) -> Iterator[tuple[int, int, int]]:
    """(row, side, +1 or -1) of every change that leaves possible counts."""
    for row in range(len(counts)):
        for side in (0, 1):
            if counts[row, side] + 1 <= counts[row, side + 2]:
                yield row, side, 1
            if counts[row, side] >= 1:
                yield row, side, -1


def _refit(result: PairwiseResult, studies: list[str], counts: np.ndarray) -> PairwiseResult:
    table = arm_table(
        [name for study in studies for name in (study, study)],
        [result.treatment, result.reference] * len(studies),
        events=counts[:, :2].ravel(),
        n=counts[:, 2:].ravel(),
    )
    return pairwise(table, result.spec)
