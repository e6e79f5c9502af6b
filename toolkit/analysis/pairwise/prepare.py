"""What is done to arms before they are pooled, in this order: converted, change scores, imputed, re-directed, several
arms of one treatment, clusters. Every touched study has a remark; what is odd is questioned, not changed."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from toolkit.analysis.pairwise.arms import combine_or_split
from toolkit.analysis.pairwise.material import Material, Remark
from toolkit.engine.conversions import (
    design_effect,
    grim,
    mean_sd_of_change,
    odd_standard_deviations,
    wide_differences,
)
from toolkit.engine.converted import Filled, fill_arms
from toolkit.engine.data import ArmTable
from toolkit.engine.metareg import as_numbers
from toolkit.model.choices import MEASURES
from toolkit.model.errors import InputError

__all__ = ["STANDARDISED", "Prepared", "prepare", "yes_or_no"]

STANDARDISED = tuple(key for key in MEASURES if key.startswith("SMD"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """Material ready to be pooled, what was done to it, what is odd, and the studies that were split.

    ``origin`` maps the name a study has in the analysis to the name it was given, where they differ.
    """

    material: Material
    remarks: tuple[Remark, ...] = ()
    questions: tuple[str, ...] = ()
    origin: Mapping[str, str] | None = None


def prepare(
    material: Material, asked: Mapping[str, Any], measure: str, sides: tuple[str | None, str | None]
) -> Prepared:
    """The material after everything that ``asked`` (`toolkit.model.pairwise_options`) does to it.

    Parameters
    ----------
    measure : effect measure; change and final scores are not mixed in a standardised difference
    sides : treatment and reference, None where not named
    """
    if material.arms is None:
        return _contrasts(material, asked)
    questions = _questions(material.arms, asked["grim"])
    remarks: list[Remark] = []
    if asked["convert"]:
        material = _filled(material, remarks, convert=asked["convert"], impute=None)
    changed = _change(material, asked, remarks) if asked["change"] is not None else (material, set[str]())
    material = changed[0]
    _one_kind_of_score(material, asked, measure, changed[1])
    if asked["impute_sd"]:
        material = _filled(material, remarks, convert=None, impute=asked["impute_sd"])
    if asked["redirect"]:
        material = _redirected(material, asked["redirect"], measure, remarks)
    material, origin = combine_or_split(material, asked["several_arms"], sides, remarks)
    if asked["icc"] is not None:
        material = _clusters(material, asked["icc"], asked["cluster_size"], remarks)
    return Prepared(material=material, remarks=tuple(remarks), questions=questions, origin=origin or None)


_FOR_ARMS = ("convert", "impute_sd", "change", "score", "several_arms", "pairs", "smd_or", "grim")


def _contrasts(material: Material, asked: Mapping[str, Any]) -> Prepared:
    """Effects as given: their variances are inflated, their signs turned; nothing else can be done to them."""
    given = material.contrasts
    assert given is not None
    for name in _FOR_ARMS:
        if asked[name]:
            raise InputError(f"{name} is for tables of arms, not of effects.", file=material.file, value=asked[name])
    remarks: list[Remark] = []
    if asked["redirect"]:
        turned = yes_or_no(material, asked["redirect"])
        sign = np.array([-1.0 if turned.get(study) else 1.0 for study in given.study])
        given = replace(given, y=given.y * sign)
        remarks += [_turned(study) for study in dict.fromkeys(given.study) if turned.get(study)]
    if asked["icc"] is not None:
        effects = _design_effects(material, asked["icc"], asked["cluster_size"])
        given = replace(given, se=given.se * np.sqrt([effects.get(study, (1.0, 1.0))[0] for study in given.study]))
        remarks += [
            Remark(study=study, treatment=None, kind="cluster",
                   what=f"variance times the design effect {effect:.3f} (cluster size {size:g}, ICC {asked['icc']:g})")
            for study, (effect, size) in effects.items()
        ]  # fmt: skip
    return Prepared(material=replace(material, contrasts=given), remarks=tuple(remarks))


def _filled(material: Material, remarks: list[Remark], *, convert: str | None, impute: str | None) -> Material:
    assert material.arms is not None
    found: tuple[Filled, ...]
    arms, found = fill_arms(material.arms, material.reported, convert=convert, impute=impute, file=material.file)
    remarks += [
        Remark(study=row.study, treatment=row.treatment, kind=row.kind, what=row.what, used=row.used) for row in found
    ]
    return replace(material, arms=arms)


def _change(material: Material, asked: Mapping[str, Any], remarks: list[Remark]) -> tuple[Material, set[str]]:
    """Change from baseline where every arm of a study gives both; studies of change scores already stay."""
    arms = material.arms
    assert arms is not None
    told = material.column(asked["score"]) if asked["score"] else {}
    members: dict[str, list[int]] = {}
    for i, study in enumerate(arms.study):
        members.setdefault(study, []).append(i)
    mean, sd = arms.mean.copy(), arms.sd.copy()
    done: set[str] = set()
    for study, own in members.items():
        known = [material.reported[i] for i in own]
        whole = all("baseline_mean" in k and "baseline_sd" in k for k in known)
        whole = whole and not (np.isnan(mean[own]).any() or np.isnan(sd[own]).any() or np.isnan(arms.n[own]).any())
        if not whole or told.get(study, "final").casefold() == "change":
            continue
        for i in own:
            k = material.reported[i]
            got = mean_sd_of_change(
                float(arms.n[i]), before=(k["baseline_mean"], k["baseline_sd"]), after=(float(mean[i]), float(sd[i])),
                correlation=asked["change"],
            )  # fmt: skip
            mean[i], sd[i] = got.mean, got.sd
            what = f"change from {got.source}; {'; '.join(got.flags)}"
            remarks.append(Remark(study=study, treatment=arms.treatment[i], kind="change", what=what))
        done.add(study)
    mean.flags.writeable = sd.flags.writeable = False
    return replace(material, arms=replace(arms, mean=mean, sd=sd)), done


def _one_kind_of_score(material: Material, asked: Mapping[str, Any], measure: str, changed: set[str]) -> None:
    """Refuse change and final scores in one standardised difference: their SDs measure different things.

    References
    ----------
    Cochrane Handbook 6.5, section 10.5.2.
    """
    arms = material.arms
    if measure not in STANDARDISED or arms is None or not (asked["score"] or asked["change"] is not None):
        return
    told = material.column(asked["score"]) if asked["score"] else {}
    kinds: dict[str, list[str]] = {"change": [], "final": []}
    for study in dict.fromkeys(arms.study):
        kind = "change" if study in changed else (told.get(study) or "final").strip().casefold()
        if kind not in kinds:
            raise InputError(
                f"Study {study!r}: a score is of one of two kinds.", file=material.file, column=asked["score"],
                value=told[study], allowed="final, change",
            )  # fmt: skip
        if any(math.isfinite(m) for s, m in zip(arms.study, arms.mean.tolist(), strict=True) if s == study):
            kinds[kind].append(study)
    if kinds["change"] and kinds["final"]:
        raise InputError(
            f"Change scores ({', '.join(kinds['change'])}) and final scores ({', '.join(kinds['final'])}) are not "
            "mixed in a standardised mean difference: their standard deviations measure different things.",
            file=material.file,
            hint="Take MD where the scale is the same, or analyse the two kinds apart (subgroup, studies).",
        )


def yes_or_no(material: Material, column: str) -> dict[str, bool]:
    """A column of yes and no by study; empty is no."""
    words = {"yes": True, "y": True, "true": True, "1": True, "no": False, "n": False, "false": False, "0": False}
    found = {}
    for study, text in material.column(column).items():
        key = text.strip().casefold()
        if key and key not in words:
            raise InputError(
                f"Study {study!r}: neither yes nor no.", file=material.file, column=column, value=text,
                allowed="yes, no, empty",
            )  # fmt: skip
        found[study] = words.get(key, False)
    return found


def _turned(study: str) -> Remark:
    return Remark(study=study, treatment=None, kind="redirected", what="scale runs the other way: multiplied by -1")


def _redirected(material: Material, column: str, measure: str, remarks: list[Remark]) -> Material:
    arms = material.arms
    assert arms is not None
    if not (measure in STANDARDISED or measure == "MD"):
        raise InputError("Scales are re-directed for mean differences.", value=measure, allowed="MD, SMD")
    turned = yes_or_no(material, column)
    sign = np.array([-1.0 if turned.get(study) else 1.0 for study in arms.study])
    remarks += [_turned(study) for study in dict.fromkeys(arms.study) if turned.get(study)]
    return replace(material, arms=replace(arms, mean=arms.mean * sign))


def _design_effects(material: Material, icc: float, column: str) -> dict[str, tuple[float, float]]:
    """Study -> (design effect, cluster size), of those with clusters."""
    found: dict[str, tuple[float, float]] = {}
    for study, size in as_numbers(material.column(column)).items():
        if size in (None, ""):
            continue
        if not isinstance(size, (int, float)) or size < 1:
            raise InputError(
                f"The cluster size of {study} is not a number of members.", file=material.file, column=column,
                value=size, allowed="1 or more; empty for individual randomisation",
            )  # fmt: skip
        if size > 1:
            found[study] = (design_effect(float(size), icc), float(size))
    return found


def _clusters(material: Material, icc: float, column: str, remarks: list[Remark]) -> Material:
    arms = material.arms
    assert arms is not None
    effects = _design_effects(material, icc, column)
    factor = np.array([effects.get(study, (1.0, 1.0))[0] for study in arms.study])
    remarks += [
        Remark(
            study=study, treatment=None, kind="cluster",
            what=f"n and events divided by the design effect {effect:.3f} (cluster size {size:g}, ICC {icc:g})",
        )
        for study, (effect, size) in effects.items()
        if study in arms.study
    ]  # fmt: skip
    return replace(
        material, arms=replace(arms, n=arms.n / factor, events=arms.events / factor, time=arms.time / factor)
    )


def _questions(arms: ArmTable, decimals: int | None) -> tuple[str, ...]:
    """SDs that may be standard errors, means that cannot be."""
    found = [
        f"{arms.study[i]}, {arms.treatment[i]}: SD {arms.sd[i]:g} fits the other arms only when multiplied by the root "
        f"of n: is it a standard error?"
        for i in odd_standard_deviations(arms.sd.tolist(), arms.n.tolist())
    ]
    found += [
        f"{study}: the means differ by {d:.1f} standard deviations: are the SDs standard errors?"
        for study, d in wide_differences(arms.study, arms.mean.tolist(), arms.sd.tolist())
    ]
    for i, (mean, n) in enumerate(zip(arms.mean.tolist(), arms.n.tolist(), strict=True)):
        whole = math.isfinite(mean) and math.isfinite(n) and n > 0 and n == int(n)
        if decimals is not None and whole and not grim(mean, int(n), decimals=decimals):
            arm = f"{arms.study[i]}, {arms.treatment[i]}"
            found.append(f"{arm}: no {n:g} whole numbers have the mean {mean:.{decimals}f} (GRIM)")
    return tuple(found)
