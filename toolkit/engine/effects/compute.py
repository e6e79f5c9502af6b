"""Effects from arms: the one road from extracted numbers to what is fitted."""

from __future__ import annotations

from importlib import import_module

import numpy as np

from toolkit.engine.data import ArmTable, Correction, Effects, Excluded
from toolkit.engine.effects.arms import StudyArms, group_arms, single_arms
from toolkit.engine.effects.blocks import Contrasts
from toolkit.model.choices import MEASURES, VARIANCES, Measure
from toolkit.model.errors import InputError
from toolkit.model.spec import ZeroCells

__all__ = ["NO_GROUP", "ONE_GROUP", "compute_effects", "find_measure"]

ONE_GROUP, NO_GROUP = "one group", ""
"""Names of the two sides of a measure that compares nothing (a proportion, a mean, a correlation)."""

DEFAULT_ZERO_CELLS = ZeroCells()


def find_measure(key: str) -> Measure:
    """The entry of ``choices.MEASURES``, or an `InputError` that lists them."""
    if key not in MEASURES:
        raise InputError("Unknown effect measure.", value=key, allowed=", ".join(MEASURES))
    return MEASURES[key]


def compute_effects(
    arms: ArmTable,
    measure: str,
    *,
    zero_cells: ZeroCells = DEFAULT_ZERO_CELLS,
    reference: str | None = None,
    variance: str = "default",
) -> Effects:
    """Contrasts of every study with their covariance, and what was left out or corrected.

    Parameters
    ----------
    arms : arm-level data; missing numbers are NaN
    measure : key of ``choices.MEASURES`` with arm columns ("OR", "RR", "RD", "MD", "SMD" ...)
    zero_cells : policy for zero cells; every touched study is in ``corrections``
    reference : preferred base arm; a study without it is based on its most studied treatment
    variance : "default", or a key of ``choices.VARIANCES`` for another sampling variance of the measure

    Raises
    ------
    InputError
        For impossible numbers, a treatment twice in one study, or a measure that arms cannot give.

    Examples
    --------
    >>> from toolkit.engine.effects import arm_table
    >>> arms = arm_table(["A", "A"], ["drug", "placebo"], events=[1, 2], n=[10, 10])
    >>> effects = compute_effects(arms, "RD", reference="placebo")
    >>> effects.y.round(3).tolist(), effects.v.round(3).tolist()
    ([-0.1], [0.025])
    """
    entry = find_measure(measure)
    if not entry.needs:
        raise InputError(f"Measure {measure} takes effects as they are, not arms.", hint="Choose another measure.")
    if entry.groups == 1:
        grouped, excluded, notes = single_arms(arms, entry.needs)
    else:
        grouped, excluded, notes = group_arms(arms, entry.needs, reference)
    module, _, name = _target(measure, entry, variance).partition(":")
    contrasts: Contrasts = getattr(import_module(module), name)(grouped, zero_cells)
    if entry.groups == 1:
        return _assemble_single(measure, entry, arms, grouped, contrasts, excluded, notes)
    return _assemble(measure, entry, arms, grouped, contrasts, excluded, notes)


def _target(measure: str, entry: Measure, variance: str) -> str:
    """The function of a measure with this sampling variance."""
    if variance == "default":
        return entry.target
    known = VARIANCES.get(measure, {})
    if variance not in known:
        raise InputError(
            f"Measure {measure} has no sampling variance of that name.",
            value=variance,
            allowed=", ".join(["default", *known]),
            hint="Leave --variance (variance=) out for the usual one." if not known else None,
        )
    return known[variance].target


def _assemble(
    measure: str,
    entry: Measure,
    arms: ArmTable,
    grouped: StudyArms,
    contrasts: Contrasts,
    excluded: list[Excluded],
    notes: tuple[str, ...],
) -> Effects:
    sizes = np.diff(grouped.start)
    keep = [s for s in range(len(grouped.studies)) if s not in contrasts.unusable]
    excluded += [Excluded(study=grouped.studies[s], reason=why) for s, why in sorted(contrasts.unusable.items())]
    kept = set(keep)
    names = sorted({grouped.treatment[a] for s in keep for a in range(grouped.start[s], grouped.start[s + 1])})
    index = {name: i for i, name in enumerate(names)}
    t1: list[int] = []
    t2: list[int] = []
    for s in keep:
        first, last = int(grouped.start[s]), int(grouped.start[s + 1])
        t1 += [index[name] for name in grouped.treatment[first + 1 : last]]
        t2 += [index[grouped.treatment[first]]] * (last - first - 1)
    use = np.repeat([s in kept for s in range(len(sizes))], sizes - 1).astype(bool)
    return Effects(
        measure=measure,
        scale=entry.scale,
        studies=tuple(grouped.studies[s] for s in keep),
        start=np.concatenate([[0], np.cumsum(sizes[keep] - 1)]).astype(np.int64),
        y=contrasts.y[use],
        V=tuple(contrasts.V[s] for s in keep),
        t1=np.array(t1, dtype=np.int64),
        t2=np.array(t2, dtype=np.int64),
        treatments=tuple(names),
        arms=arms,
        excluded=tuple(excluded),
        corrections=tuple(
            Correction(study=grouped.studies[s], what=what)
            for s, what in sorted(contrasts.corrected.items())
            if s in kept
        ),
        notes=notes,
    )


def _assemble_single(
    measure: str,
    entry: Measure,
    arms: ArmTable,
    grouped: StudyArms,
    contrasts: Contrasts,
    excluded: list[Excluded],
    notes: tuple[str, ...],
) -> Effects:
    """One group, no contrast: every row is `ONE_GROUP` against `NO_GROUP`."""
    keep = np.array([s for s in range(len(grouped.studies)) if s not in contrasts.unusable], dtype=np.int64)
    excluded += [Excluded(study=grouped.studies[s], reason=why) for s, why in sorted(contrasts.unusable.items())]
    kept = set(keep.tolist())
    return Effects(
        measure=measure,
        scale=entry.scale,
        studies=tuple(grouped.studies[s] for s in keep),
        start=np.arange(keep.size + 1, dtype=np.int64),
        y=contrasts.y[keep],
        V=tuple(contrasts.V[s] for s in keep),
        t1=np.ones(keep.size, dtype=np.int64),
        t2=np.zeros(keep.size, dtype=np.int64),
        treatments=(NO_GROUP, ONE_GROUP),
        arms=arms,
        excluded=tuple(excluded),
        corrections=tuple(
            Correction(study=grouped.studies[s], what=what)
            for s, what in sorted(contrasts.corrected.items())
            if s in kept
        ),
        notes=notes,
    )
