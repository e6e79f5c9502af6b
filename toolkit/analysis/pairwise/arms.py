"""Several arms of one treatment in a study: combined, or each a comparison with its share of the other side."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from toolkit.analysis.pairwise.material import Material, Remark, take
from toolkit.engine.conversions import combine_arms
from toolkit.engine.data import ArmTable
from toolkit.model.errors import InputError

__all__ = ["combine_or_split"]

_SUMS = ("n", "events", "time")


def combine_or_split(
    material: Material, how: str | None, sides: tuple[str | None, str | None], remarks: list[Remark]
) -> tuple[Material, dict[str, str]]:
    """At most one arm of each treatment in a study, and study as analysed -> study as named where they differ.

    Parameters
    ----------
    how : "combine", "split", or None, which refuses a study with several arms of one treatment
    sides : treatment and reference; arms of other treatments are only ever combined

    References
    ----------
    Cochrane Handbook 6.5, sections 6.5.2.10 (combined) and 23.3.4 (split).
    """
    arms = material.arms
    assert arms is not None
    members: dict[tuple[str, str], list[int]] = {}
    for i, pair in enumerate(zip(arms.study, arms.treatment, strict=True)):
        members.setdefault(pair, []).append(i)
    several = [pair for pair, own in members.items() if len(own) > 1]
    if not several:
        return material, {}
    if how is None:
        study, treatment = several[0]
        raise InputError(
            f"Study {study!r} has treatment {treatment!r} in several arms.", file=material.file,
            row=int(arms.row[members[several[0]][1]]) or None, value=treatment,
            hint="Say what becomes of them: --several-arms combine or split (several_arms in review.toml).",
        )  # fmt: skip
    split = _split_sides(members, sides) if how == "split" else {}
    for pair in several:
        if split.get(pair[0]) != pair[1]:
            material = _combine(material, members[pair], remarks)
    keep = [
        i for (study, treatment), own in members.items() for i in (own if split.get(study) == treatment else own[:1])
    ]
    material = take(material, sorted(keep))
    return _split(material, split, remarks) if split else (material, {})


def _split_sides(members: dict[tuple[str, str], list[int]], sides: tuple[str | None, str | None]) -> dict[str, str]:
    """Study -> the treatment whose arms become comparisons of their own: the treatment side before the other."""
    found: dict[str, str] = {}
    treatment, reference = sides
    for wanted in (lambda name: name == treatment or (treatment is None and name != reference), lambda name: True):
        for (study, name), own in members.items():
            asked_about = name in sides or None in sides
            if wanted(name) and asked_about and len(own) > 1:
                found.setdefault(study, name)
    return found


def _combine(material: Material, own: Sequence[int], remarks: list[Remark]) -> Material:
    """The first of these arms becomes all of them; the others are dropped by the caller."""
    arms = material.arms
    assert arms is not None
    index, first = list(own), own[0]
    columns = {name: getattr(arms, name).copy() for name in (*_SUMS, "mean", "sd")}
    for name in _SUMS:
        columns[name][first] = columns[name][index].sum()  # unknown in one arm is unknown in all of them
    numbers = [tuple(float(x) for x in getattr(arms, name)[index]) for name in ("n", "mean", "sd")]
    columns["mean"][first] = columns["sd"][first] = math.nan
    if all(math.isfinite(x) for column in numbers for x in column):
        got = combine_arms(*numbers)
        columns["mean"][first], columns["sd"][first] = got.mean, got.sd
    for column in columns.values():
        column.flags.writeable = False
    names = " + ".join(material.labels[i] for i in own)
    remarks.append(
        Remark(study=arms.study[first], treatment=arms.treatment[first], kind="combined",
               what=f"arms combined: {names} (Handbook 6.5.2.10)")
    )  # fmt: skip
    return replace(material, arms=replace(arms, **columns))


def _split(material: Material, split: dict[str, str], remarks: list[Remark]) -> tuple[Material, dict[str, str]]:
    arms = material.arms
    assert arms is not None
    parts = {
        study: [i for i in range(len(arms.study)) if (arms.study[i], arms.treatment[i]) == (study, treatment)]
        for study, treatment in split.items()
    }
    rows: list[int] = []
    names: list[str] = []
    share: list[float] = []
    origin: dict[str, str] = {}
    for i, study in enumerate(arms.study):
        own = parts.get(study, [])
        if not own:
            rows, names, share = [*rows, i], [*names, study], [*share, 1.0]
        elif i in own:
            others = [j for j in range(len(arms.study)) if arms.study[j] == study and j not in own]
            name = f"{study} ({material.labels[i]})"
            origin[name] = study
            rows += [i, *others]
            names += [name] * (1 + len(others))
            share += [1.0, *[float(len(own))] * len(others)]
    for study, own in parts.items():
        labels = ", ".join(material.labels[i] for i in own)
        remarks.append(
            Remark(study=study, treatment=None, kind="split",
                   what=f"{len(own)} comparisons ({labels}), the other side divided by {len(own)} (Handbook 23.3.4)")
        )  # fmt: skip
    columns = {
        column: {**values, **{name: values[study] for name, study in origin.items() if study in values}}
        for column, values in material.columns.items()
    }
    chosen = take(replace(material, columns=columns), rows)
    return replace(chosen, arms=_shared(chosen.arms, names, np.array(share))), origin


def _shared(arms: ArmTable | None, study: Sequence[str], share: np.ndarray) -> ArmTable:
    assert arms is not None
    divided = {name: getattr(arms, name) / share for name in _SUMS}
    return replace(arms, study=tuple(study), **divided)
