"""What a pairwise analysis starts from, whether it was read from a table or selected from a review."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np

from toolkit.engine.data import ArmTable, FloatArray
from toolkit.model.errors import InputError

if TYPE_CHECKING:
    from toolkit.engine.tables import ContrastTable, Table

__all__ = ["Material", "Remark", "material_of_table", "take"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Remark:
    """Something done to the numbers of a study or arm before pooling.

    ``kind`` is "converted", "imputed", "change", "redirected", "combined", "split", "cluster", "pairs" or
    "other kind"; ``used`` is False where a number was refused and its arm stays out.
    """

    study: str
    treatment: str | None
    kind: str
    what: str
    used: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Material:
    """Arms or contrasts before anything is done to them.

    Attributes
    ----------
    arms : arm-level data, in which a study may have several arms of one treatment; None for contrasts
    labels : (A,) name of each arm within its study
    reported : (A,) what is known of each arm beside the columns of ``arms`` (`toolkit.engine.converted`)
    contrasts : effects as given, where there are no arms
    columns : column -> {study: text}, for covariates, groups, clusters and pairs
    file : named in messages
    """

    arms: ArmTable | None
    labels: tuple[str, ...] = ()
    reported: tuple[Mapping[str, float], ...] = ()
    contrasts: ContrastTable | None = None
    columns: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    file: str | None = None

    def column(self, name: str) -> Mapping[str, str]:
        """Text of a column by study."""
        if name not in self.columns:
            known = ", ".join(self.columns) or "none"
            raise InputError(f"There is no column {name!r}.", file=self.file, allowed=known)
        return self.columns[name]


def take(material: Material, keep: Sequence[int], arms: ArmTable | None = None) -> Material:
    """The arms at these positions."""
    chosen = _at(material.arms if arms is None else arms, keep)
    return replace(
        material, arms=chosen, labels=tuple(material.labels[i] for i in keep),
        reported=tuple(material.reported[i] for i in keep),
    )  # fmt: skip


def _at(arms: ArmTable | None, keep: Sequence[int]) -> ArmTable:
    assert arms is not None
    index = np.array(keep, dtype=np.int64)
    columns = {name: getattr(arms, name)[index] for name in ("n", "events", "mean", "sd", "time", "row")}
    r = None if arms.r is None else arms.r[index]
    names = (tuple(arms.study[i] for i in keep), tuple(arms.treatment[i] for i in keep))
    return replace(arms, study=names[0], treatment=names[1], r=r, **columns)


def material_of_table(table: Table, lump: Mapping[str, str], *, numbers: bool) -> tuple[Material, tuple[str, ...]]:
    """The material of a table that was read, and questions about it.

    Parameters
    ----------
    lump : treatment in the table -> treatment it is read as
    numbers : whether what is reported beside means and SDs is wanted
    """
    from toolkit.engine.converted import reported_numbers

    file = table.grid.file if table.grid is not None else None
    if table.arms is None:
        if lump:
            raise InputError("Treatments are read as one in tables of arms, not of effects.", file=file)
        return Material(arms=None, contrasts=table.contrasts, columns=table.extra, file=file), ()
    arms = table.arms
    for name in lump:
        if name not in arms.treatment:
            raise InputError(
                "The data have no treatment of that name.", file=file, value=name,
                allowed=", ".join(sorted(set(arms.treatment))),
            )  # fmt: skip
    labels = arms.treatment
    reported: tuple[Mapping[str, float], ...] = (
        tuple(reported_numbers(table)) if numbers else tuple({} for _ in arms.study)
    )
    arms = replace(arms, treatment=tuple(lump.get(name, name) for name in arms.treatment))
    material = Material(arms=arms, labels=labels, reported=reported, columns=table.extra, file=file)
    shared = _shared_controls(table, arms)
    questions = tuple(
        f"{name}: rows {', '.join(str(int(arms.row[i])) for i in own)} have the same control group, which is counted "
        f"{len(own)} times: --several-arms combine or split"
        for name, own in shared.items()
    )
    return material, questions


def original_name(table: Table, study: str) -> str:
    """The name of a study in the file, before rows of one name were numbered."""
    head, _, number = study.rpartition(" (")
    return head if head and number.rstrip(")").isdigit() and f"{head} (2)" in set(table.study_of_row) else study


def _shared_controls(table: Table, arms: ArmTable) -> dict[str, list[int]]:
    """Studies given row by row with the same control group: name -> positions of the control arms."""
    if table.default_reference is None:
        return {}
    known = set(table.study_of_row)
    found: dict[str, list[int]] = {}
    for i, (study, treatment) in enumerate(zip(arms.study, arms.treatment, strict=True)):
        head, _, number = study.rpartition(" (")
        if treatment == table.default_reference and head and number.rstrip(")").isdigit() and f"{head} (2)" in known:
            found.setdefault(head, []).append(i)
    return {name: own for name, own in found.items() if len(own) > 1 and _equal(arms, own)}


def _equal(arms: ArmTable, own: Sequence[int]) -> bool:
    columns: list[FloatArray] = [arms.n, arms.events, arms.mean, arms.sd, arms.time]
    return all(np.array_equal(c[own[:1]].repeat(len(own)), c[list(own)], equal_nan=True) for c in columns)


def joined_rows(table: Table, material: Material) -> Material:
    """Rows of one study with one control group as a study of several arms."""
    arms = material.arms
    assert arms is not None
    shared = _shared_controls(table, arms)
    if not shared:
        return material
    name_of = {arms.study[i]: name for name, own in shared.items() for i in own}
    drop = {i for own in shared.values() for i in own[1:]}
    study = tuple(name_of.get(s, s) for s in arms.study)
    labels = tuple(
        f"row {int(arms.row[i])}" if arms.study[i] in name_of and t != table.default_reference else label
        for i, (t, label) in enumerate(zip(arms.treatment, material.labels, strict=True))
    )
    columns = {
        column: {**values, **{name_of[s]: text for s, text in values.items() if s in name_of}}
        for column, values in material.columns.items()
    }
    joined = replace(material, labels=labels, columns=columns)
    keep = [i for i in range(len(study)) if i not in drop]
    return take(joined, keep, replace(arms, study=study))


def missing(value: float | None) -> float:
    """A number of the evidence as the engine has it: NaN for one that was not reported."""
    return math.nan if value is None else float(value)
