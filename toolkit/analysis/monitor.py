"""Monitoring of a declared analysis: the numbers of the engine's sequential methods beside, never in, its result."""

from __future__ import annotations

from dataclasses import dataclass
from math import log

from toolkit.analysis.fit import fit
from toolkit.analysis.plan import selections
from toolkit.engine.fragility import Fragility, fragility_index
from toolkit.engine.monitoring import SequentialResult, sequential_analysis
from toolkit.engine.results import PairwiseResult
from toolkit.engine.trigger import Trigger, would_matter
from toolkit.model.errors import InputError
from toolkit.project import Project
from toolkit.store.evidence import study_rows

__all__ = ["Effect", "fitted_pair", "fragility", "sequential", "trigger"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Effect:
    """The effect that was named before the data were seen: two numbers for risks, or two for means."""

    control_risk: float | None = None
    relative_risk_reduction: float | None = None
    difference: float | None = None
    sd: float | None = None


def fitted_pair(project: Project, analysis_id: str) -> PairwiseResult:
    """The pairwise result of an analysis on the present data.

    Raises
    ------
    InputError
        if the analysis is a network, is refused or cannot be estimated.
    """
    ((analysis, selection, problem),) = selections(project, (analysis_id,))
    if analysis.kind != "pairwise":
        raise InputError(f"analysis {analysis_id!r} is a network; these methods are for one comparison")
    if selection is None:
        raise InputError(problem or "the analysis is refused")
    fitted = fit(project.config, analysis, selection)
    if not isinstance(fitted.result, PairwiseResult):
        raise InputError(f"analysis {analysis_id!r} is not estimable: {fitted.payload['reason']}")
    return fitted.result


def sequential(
    project: Project, analysis_id: str, effect: Effect, *, alpha: float, power: float, d2: float | None = None
) -> SequentialResult:
    """Trial sequential analysis, the studies in the order of their year (unknown years last)."""
    result = fitted_pair(project, analysis_id)
    years = {study: facts.year for study, facts in study_rows(project.store).items()}
    names = [row.study for row in result.studies if row.y is not None]
    return sequential_analysis(
        result,
        alpha=alpha,
        power=power,
        control_risk=effect.control_risk,
        relative_risk_reduction=effect.relative_risk_reduction,
        difference=effect.difference,
        sd=effect.sd,
        d2=d2,
        order=sorted(names, key=lambda study: years.get(study) or 9999),
    )


def fragility(project: Project, analysis_id: str) -> Fragility:
    """Fragility index of an analysis of counts."""
    return fragility_index(fitted_pair(project, analysis_id))


def trigger(
    project: Project, analysis_id: str, patients: float, *, control_risk: float | None = None, sd: float | None = None
) -> Trigger:
    """Whether so many new patients would be likely to move the conclusion of an analysis."""
    result = fitted_pair(project, analysis_id)
    outcome = project.config.outcome(project.config.analysis(analysis_id).outcome)
    size = outcome.smallest_important_difference
    marks: tuple[float, ...] = ()
    if size is not None:
        # Agreed on the scale that is shown: to both sides of 1 for ratios, of 0 for differences.
        marks = (-size, size)
        if result.scale == "log":
            marks = tuple(log(1 + x) for x in marks if 1 + x > 0)
    return would_matter(result, patients, control_risk=control_risk, sd=sd, marks=marks)
