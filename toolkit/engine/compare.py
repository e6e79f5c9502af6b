"""One comparison taken out of a body of data: who is compared with whom, which studies do, and their raw numbers."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace

import numpy as np

from toolkit.engine.data import ArmTable, Correction, Effects, Excluded, FloatArray
from toolkit.engine.effects import compute_effects, find_measure, restrict
from toolkit.engine.effects.arms import single_names
from toolkit.engine.effects.compute import NO_GROUP, ONE_GROUP
from toolkit.model.errors import InputError
from toolkit.model.spec import PairwiseSpec
from toolkit.model.wording import counted

__all__ = ["ComparisonData", "choose_treatments", "compare"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ComparisonData:
    """Effects of one comparison with the arms behind them.

    Attributes
    ----------
    treatment, reference : effects are treatment against reference
    studies, y, v : (k,) one effect a study
    arms : study -> (row of the treatment arm, row of the reference arm or None) in ``table``
    table : the arms, None for contrast-level data
    order : every study of the data, in input order, for the study table
    """

    measure: str
    scale: str
    treatment: str
    reference: str
    studies: tuple[str, ...]
    y: FloatArray
    v: FloatArray
    arms: dict[str, tuple[int, int | None]]
    table: ArmTable | None
    order: tuple[str, ...]
    excluded: tuple[Excluded, ...]
    corrections: tuple[Correction, ...]
    notes: tuple[str, ...]


def choose_treatments(
    pairs: Counter[frozenset[str]], names: list[str], treatment: str | None, reference: str | None
) -> tuple[str, str]:
    """The two treatments asked for; the other one of two is found, anything else must be said.

    Parameters
    ----------
    pairs : studies that compare each pair
    names : treatments in the data
    """
    for column, name in (("treatment", treatment), ("reference", reference)):
        if name is not None and name not in names:
            raise InputError(f"The data have no {column} of that name.", value=name, allowed=", ".join(names))
    if treatment is not None and treatment == reference:
        raise InputError("Treatment and reference are the same.", value=treatment, allowed=", ".join(names))
    if treatment is not None and reference is not None:
        return treatment, reference
    if treatment is None and reference is None:
        raise InputError(
            "Which treatment is the reference?",
            allowed=", ".join(names),
            hint=f"Give reference={names[0]!r} (--reference on the command line).",
        )
    given = treatment if treatment is not None else reference
    assert given is not None
    partners = {name: pairs[frozenset((given, name))] for name in names if name != given}
    partners = {name: count for name, count in partners.items() if count} or (partners if len(partners) == 1 else {})
    if len(partners) != 1:
        role = "reference" if treatment is not None else "treatment"
        found = ", ".join(f"{name} ({count})" for name, count in partners.items()) or "none"
        raise InputError(
            f"{given!r} is compared with {counted(len(partners), 'treatment')}.",
            allowed=found + " (studies that compare them)",
            hint=f"Choose one with {role}=... (--{role} on the command line).",
        )
    other = next(iter(partners))
    return (treatment, other) if treatment is not None else (other, given)


def compare(data: ArmTable | Effects, spec: PairwiseSpec) -> ComparisonData:
    """The effects of ``spec.treatment`` against ``spec.reference``; of a multi-arm study only that contrast enters."""
    if isinstance(data, ArmTable):
        return _single(data, spec) if find_measure(spec.measure).groups == 1 else _from_arms(data, spec)
    if spec.variance != "default" and data.arms is None:
        raise InputError("Effects as given have one sampling variance each.", value=spec.variance, allowed="default")
    return _from_effects(data, spec)


def _single(table: ArmTable, spec: PairwiseSpec) -> ComparisonData:
    """One group: every arm, or every arm of the treatment asked for."""
    if spec.reference:
        raise InputError(f"Measure {spec.measure} is of one group and has no reference.", value=spec.reference)
    if spec.treatment not in (None, ONE_GROUP):
        if spec.treatment not in table.treatment:
            known = ", ".join(sorted(set(table.treatment)))
            raise InputError("The data have no treatment of that name.", value=spec.treatment, allowed=known)
        table = restrict(table, [name == spec.treatment for name in table.treatment])
    effects = compute_effects(table, spec.measure, zero_cells=spec.zero_cells, variance=spec.variance)
    names = single_names(table)
    return ComparisonData(
        measure=spec.measure,
        scale=effects.scale,
        treatment=spec.treatment or ONE_GROUP,
        reference=NO_GROUP,
        studies=effects.studies,
        y=effects.y,
        v=effects.v,
        arms={name: (at, None) for at, name in enumerate(names)},
        table=table,
        order=tuple(names),
        excluded=tuple(_renamed(effects.excluded, table, names)),
        corrections=effects.corrections,
        notes=effects.notes,
    )


def _renamed(excluded: tuple[Excluded, ...], table: ArmTable, names: list[str]) -> list[Excluded]:
    """Exclusions of arms under the name their arm has as a study of its own."""
    own = dict(zip(zip(table.study, table.treatment, strict=True), names, strict=True))
    return [
        replace(row, study=own.get((row.study, row.treatment or ""), row.study), treatment=None) for row in excluded
    ]


def _arm_pairs(table: ArmTable, treatment: str, reference: str) -> dict[str, tuple[int, int | None]]:
    own: dict[str, dict[str, int]] = {}
    for at, (study, name) in enumerate(zip(table.study, table.treatment, strict=True)):
        own.setdefault(study, {})[name] = at
    return {
        study: (arms[treatment], arms[reference])
        for study, arms in own.items()
        if treatment in arms and reference in arms
    }


def _from_arms(table: ArmTable, spec: PairwiseSpec) -> ComparisonData:
    members: dict[str, list[str]] = {}
    for study, name in zip(table.study, table.treatment, strict=True):
        members.setdefault(study, []).append(name)
    pairs = Counter(frozenset((a, b)) for own in members.values() for i, a in enumerate(own) for b in own[:i])
    treatment, reference = choose_treatments(pairs, sorted(set(table.treatment)), spec.treatment, spec.reference)
    both = {study for study, own in members.items() if treatment in own and reference in own}
    outside = [
        Excluded(study=study, reason=_why_outside(own, treatment, reference))
        for study, own in members.items()
        if study not in both
    ]
    keep = [
        study in both and name in (treatment, reference)
        for study, name in zip(table.study, table.treatment, strict=True)
    ]
    own_table = restrict(table, keep)
    effects = compute_effects(
        own_table, spec.measure, zero_cells=spec.zero_cells, reference=reference, variance=spec.variance
    )
    return ComparisonData(
        measure=spec.measure,
        scale=effects.scale,
        treatment=treatment,
        reference=reference,
        studies=effects.studies,
        y=effects.y,
        v=effects.v,
        arms=_arm_pairs(own_table, treatment, reference),
        table=own_table,
        order=tuple(members),
        excluded=tuple(effects.excluded) + tuple(outside),
        corrections=effects.corrections,
        notes=effects.notes,
    )


def _why_outside(own: list[str], treatment: str, reference: str) -> str:
    if len(own) == 1:
        return f"one arm only ({own[0]}): nothing to compare"
    return f"does not compare {treatment} with {reference} (has {', '.join(own)})"


def _from_effects(effects: Effects, spec: PairwiseSpec) -> ComparisonData:
    if spec.measure != effects.measure:
        raise InputError(f"The effects are {effects.measure}, the analysis asks for {spec.measure}.")
    members = {}
    for s, study in enumerate(effects.studies):
        rows = slice(int(effects.start[s]), int(effects.start[s + 1]))
        base = effects.treatments[effects.t2[rows.start]]
        members[study] = [base, *(effects.treatments[i] for i in effects.t1[rows])]
    pairs = Counter(frozenset((a, b)) for own in members.values() for i, a in enumerate(own) for b in own[:i])
    named = (spec.treatment, spec.reference)
    if find_measure(effects.measure).groups == 1 or (
        len(effects.treatments) == 2 and named == (None, None) and members
    ):
        named = (
            (effects.treatments[1], effects.treatments[0])
            if not effects.t1.size
            else (effects.treatments[effects.t1[0]], effects.treatments[effects.t2[0]])
        )
    treatment, reference = choose_treatments(pairs, list(effects.treatments), *named) if members else _unnamed(named)
    y, v, studies, outside = [], [], [], []
    for s, (study, own) in enumerate(members.items()):
        if treatment not in own or reference not in own:
            outside.append(Excluded(study=study, reason=_why_outside(own, treatment, reference)))
            continue
        weight = np.array([(name == treatment) * 1.0 - (name == reference) * 1.0 for name in own[1:]])
        y.append(float(weight @ effects.y[effects.start[s] : effects.start[s + 1]]))
        v.append(float(weight @ effects.V[s] @ weight))
        studies.append(study)
    order, own_arms = _order_and_arms(effects, treatment, reference)
    return ComparisonData(
        measure=effects.measure,
        scale=effects.scale,
        treatment=treatment,
        reference=reference,
        studies=tuple(studies),
        y=np.array(y, dtype=float),
        v=np.array(v, dtype=float),
        arms=own_arms,
        table=effects.arms,
        order=order,
        excluded=effects.excluded + tuple(outside),
        corrections=effects.corrections,
        notes=effects.notes,
    )


def _order_and_arms(
    effects: Effects, treatment: str, reference: str
) -> tuple[tuple[str, ...], dict[str, tuple[int, int | None]]]:
    """Every study of the data in input order, and the arms behind each effect."""
    if effects.arms is None:
        return tuple(dict.fromkeys([*effects.studies, *(row.study for row in effects.excluded)])), {}
    if find_measure(effects.measure).groups == 1:
        names = single_names(effects.arms)
        return tuple(names), {name: (at, None) for at, name in enumerate(names)}
    return tuple(dict.fromkeys(effects.arms.study)), _arm_pairs(effects.arms, treatment, reference)


def _unnamed(named: tuple[str | None, str | None]) -> tuple[str, str]:
    return named[0] or "treatment", named[1] or "reference"
