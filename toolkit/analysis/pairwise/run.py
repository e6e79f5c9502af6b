"""From material and options to a fit, what was done to the numbers, and everything else that was asked for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from toolkit.analysis.pairwise.effects import effects_of, needs_effects, without_mantel_haenszel
from toolkit.analysis.pairwise.further import further
from toolkit.analysis.pairwise.material import Material, Remark
from toolkit.analysis.pairwise.prepare import Prepared, prepare
from toolkit.engine.data import ArmTable, Effects
from toolkit.engine.effects import effects_from_contrasts, effects_from_estimates
from toolkit.engine.pairwise import pairwise
from toolkit.engine.results import PairwiseResult
from toolkit.engine.subgroups import SubgroupResult, of_studies
from toolkit.engine.tabulate import estimate_to_dict, plain, result_to_dict
from toolkit.model.choices import MEASURES
from toolkit.model.errors import InputError, NotEstimable
from toolkit.model.spec import PairwiseSpec

__all__ = ["NOTES", "Done", "run", "with_flags"]

# Remarks after which the fit without the study is shown beside the one with it.
_DOUBTFUL = ("converted", "imputed", "change", "other kind")


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """A fit with what was asked for beside it, as plain data; ``subgroups`` is for the forest plot.

    ``columns`` are those that were asked for, by the names that the studies have in the analysis.
    """

    result: PairwiseResult
    found: dict[str, Any]
    prepared: Prepared
    columns: Mapping[str, Mapping[str, str]]
    subgroups: SubgroupResult | None = None

    def as_dict(self) -> dict[str, Any]:
        """The result as plain data, each study with what was done to its numbers, and everything beside it."""
        return with_flags(result_to_dict(self.result), self.prepared) | self.found

    @property
    def footnotes(self) -> tuple[str, ...]:
        """What a figure of the studies must say of their numbers."""
        kinds: dict[str, list[str]] = {}
        for row in self.prepared.remarks:
            if row.used:
                kinds.setdefault(row.kind, []).append(row.study)
        return tuple(f"{NOTES[kind]}: {', '.join(dict.fromkeys(names))}." for kind, names in kinds.items())


NOTES = {
    "converted": "Mean or SD converted",
    "imputed": "SD imputed",
    "change": "Change from baseline computed",
    "other kind": "Converted between odds ratio and standardised difference",
    "redirected": "Scale re-directed",
    "combined": "Arms combined",
    "split": "Shared group split",
    "cluster": "Divided by a design effect",
    "pairs": "Pairs, variance by an assumed correlation",
}


def with_flags(found: dict[str, Any], prepared: Prepared) -> dict[str, Any]:
    """The result as data, each study of it with what was done to its numbers."""
    origin = prepared.origin or {}
    by_study: dict[str, list[dict[str, str]]] = {}
    for r in prepared.remarks:
        if r.used:
            what = f"{r.treatment}: {r.what}" if r.treatment else r.what
            by_study.setdefault(r.study, []).append({"kind": r.kind, "what": what})
    for row in found["studies"]:
        names = dict.fromkeys((row["study"], origin.get(row["study"], row["study"])))
        row["flags"] = [flag for name in names for flag in by_study.get(name, ())]
    return found


Fit = Callable[[float | None], tuple[PairwiseResult, ArmTable | Effects, tuple[Remark, ...]]]


def run(
    material: Material,
    spec: PairwiseSpec,
    asked: Mapping[str, Any],
    *,
    sides: tuple[str | None, str | None] = (None, None),
    questions: tuple[str, ...] = (),
    lenient: bool = False,
) -> Done:
    """Prepare, fit, and do everything that was asked for.

    Parameters
    ----------
    sides : names of the two groups where the table's columns name them
    questions : about the material, from whoever made it
    lenient : say of a further analysis that cannot be done why not, instead of refusing the whole
    """
    named = (spec.treatment or sides[0], spec.reference or sides[1])
    prepared = prepare(material, asked, spec.measure, named)
    fit = _fitter(prepared, spec, asked, sides)
    r = asked["pair_r"][0] if asked["pair_r"] else None
    result, data, remarks = fit(r)
    prepared = replace(prepared, remarks=prepared.remarks + remarks, questions=(*questions, *prepared.questions))
    if asked["pairs"] and asked["pair_r"] is None:
        raise InputError("A correlation within pairs belongs to the column of pairs.", value=asked["pairs"])
    found = _prepared(prepared, result, data, spec)
    if asked["pair_r"] and len(asked["pair_r"]) > 1:
        found["pair_range"] = [_at(fit, one, result) for one in asked["pair_r"]]
    columns = _columns(prepared)
    more, groups = further(result, data, spec, asked, columns, lenient=lenient)
    return Done(result=result, found=found | more, prepared=prepared, columns=columns, subgroups=groups)


def _fitter(
    prepared: Prepared, spec: PairwiseSpec, asked: Mapping[str, Any], sides: tuple[str | None, str | None]
) -> Fit:
    """The fit as a function of the correlation within pairs."""
    material = prepared.material

    def fit(r: float | None) -> tuple[PairwiseResult, ArmTable | Effects, tuple[Remark, ...]]:
        if material.arms is None:
            effects = _given(material, spec, sides)
            return pairwise(effects, spec), effects, ()
        first = pairwise(material.arms, spec)
        if not needs_effects(asked):
            return first, material.arms, ()
        given = effects_of(material, asked, spec, first, r)
        own = replace(spec, treatment=first.treatment, reference=first.reference, q_around="IV")
        return without_mantel_haenszel(pairwise(given.effects, own)), given.effects, given.remarks

    return fit


def _given(material: Material, spec: PairwiseSpec, sides: tuple[str | None, str | None]) -> Effects:
    given = material.contrasts
    assert given is not None
    if given.t1 is None or given.t2 is None:
        treated, control = sides
        return effects_from_estimates(
            given.study, given.y, se=given.se, measure=spec.measure, treatment=treated or "treatment",
            reference=control or "control", rows=given.row,
        )  # fmt: skip
    return effects_from_contrasts(
        given.study, given.t1, given.t2, given.y, given.se, spec.measure, rows=given.row, reference=spec.reference
    )


def _columns(prepared: Prepared) -> dict[str, Mapping[str, str]]:
    """Columns by the names that the studies have in the analysis; "study" is the study as it was named."""
    columns = dict(prepared.material.columns)
    arms, given = prepared.material.arms, prepared.material.contrasts
    names = arms.study if arms is not None else given.study if given is not None else ()
    origin = prepared.origin or {}
    columns.setdefault("study", {name: origin.get(name, name) for name in names})
    return columns


def _at(fit: Fit, r: float, result: PairwiseResult) -> dict[str, Any]:
    try:
        other = fit(r)[0]
    except (InputError, NotEstimable) as error:
        return {"r": r, "estimate": None, "reason": str(error)}
    found = other.random or other.common
    return {"r": r, "estimate": estimate_to_dict(found, result.scale), "tau2": other.tau2.value if other.tau2 else None}


def _prepared(
    prepared: Prepared, result: PairwiseResult, data: ArmTable | Effects, spec: PairwiseSpec
) -> dict[str, Any]:
    """What was done and what is odd, and the estimates without the studies it was done to."""
    found: dict[str, Any] = {}
    doubtful = [row for row in prepared.remarks if row.kind in _DOUBTFUL]
    others = [row for row in prepared.remarks if row.kind not in _DOUBTFUL]
    if doubtful:
        found["converted"] = plain(doubtful)
    if others:
        found["adjusted"] = plain(others)
    used = [row for row in prepared.remarks if row.used]
    every = {row.study for row in used if row.kind in _DOUBTFUL}
    imputed = {row.study for row in used if row.kind == "imputed"}
    if every:
        found["without_converted"] = _without(every, prepared, result, data, spec)
    if imputed and imputed != every:
        found["without_imputed"] = _without(imputed, prepared, result, data, spec)
    if prepared.questions:
        found["questions"] = list(prepared.questions)
    return found


def _without(
    names: set[str], prepared: Prepared, result: PairwiseResult, data: ArmTable | Effects, spec: PairwiseSpec
) -> dict[str, Any] | None:
    """The estimate without these studies; None where no other study gives one."""
    origin = prepared.origin or {}
    studies = dict.fromkeys(data.studies if isinstance(data, Effects) else data.study)
    keep = {study for study in studies if study not in names and origin.get(study, study) not in names}
    if not keep:
        return None
    one = MEASURES[spec.measure].groups == 1
    own = spec if one else replace(spec, treatment=result.treatment, reference=result.reference)
    try:
        without = pairwise(of_studies(data, keep), own)
    except InputError:  # none of them compares the two
        return None
    estimate = without.random or without.common
    if estimate is None:
        return None
    return {"k": without.k, "studies": sorted(names), **(estimate_to_dict(estimate, result.scale) or {})}
