"""Monitoring of a declared analysis: the numbers of the engine's sequential methods beside, never in, its result."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from math import log, sqrt
from statistics import median

from toolkit.analysis.fit import Fit, fit
from toolkit.analysis.plan import selections
from toolkit.config_monitoring import Monitoring
from toolkit.engine.fragility import Fragility, fragility_index
from toolkit.engine.monitoring import IteratedLogarithm, SequentialResult, iterated_logarithm, sequential_analysis
from toolkit.engine.monitoring_network import SequentialNetwork, sequential_network
from toolkit.engine.results import PairwiseResult
from toolkit.engine.trigger import Trigger, would_matter
from toolkit.model.errors import InputError, NotEstimable
from toolkit.project import Project
from toolkit.store.evidence import study_rows

__all__ = [
    "Effect",
    "Foreseen",
    "declared",
    "fitted_pair",
    "foresee",
    "fragility_of",
    "methods_asked",
    "penalised",
    "sequential",
    "sequential_comparison",
    "trigger",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Effect:
    """The effect that was named before the data were seen: two numbers for risks, or two for means."""

    control_risk: float | None = None
    relative_risk_reduction: float | None = None
    difference: float | None = None
    sd: float | None = None


Watched = SequentialResult | SequentialNetwork | IteratedLogarithm | Fragility


def methods_asked(
    project: Project,
    analysis_id: str,
    *,
    alpha: float,
    power: float,
    futility: bool,
    control_risk: float | None = None,
    risk_reduction: float | None = None,
    difference: float | None = None,
    sd: float | None = None,
    compare: tuple[str, str] | None = None,
    effect: float | None = None,
    diversity: float | None = None,
    tau2: float | None = None,
    lil: bool = False,
    factor: float | None = None,
    fragility: bool = False,
) -> dict[str, Callable[[], Watched]]:
    """What the keys of [[monitoring]] ask for: name of the method -> a call that computes it.

    The names are "sequential", "network", "lil" and "fragility"; ``factor`` is the lambda of "lil".
    """
    found: dict[str, Callable[[], Watched]] = {}
    named = Effect(control_risk=control_risk, relative_risk_reduction=risk_reduction, difference=difference, sd=sd)
    if risk_reduction is not None or difference is not None:
        found["sequential"] = lambda: sequential(
            project, analysis_id, named, alpha=alpha, power=power, d2=diversity, futility=futility
        )
    if compare and effect is not None:
        found["network"] = lambda: sequential_comparison(
            project, analysis_id, compare, effect, alpha=alpha, power=power, tau2=tau2, futility=futility
        )
    if lil:
        found["lil"] = lambda: penalised(project, analysis_id, alpha=alpha, factor=factor, sd=sd)
    if fragility:
        found["fragility"] = lambda: fragility_of(project, analysis_id)
    return found


def declared(project: Project, analysis_id: str) -> Monitoring | None:
    """What [[monitoring]] of review.toml says of an analysis."""
    return next((m for m in project.config.monitoring if m.analysis == analysis_id), None)


def _fitted(project: Project, analysis_id: str) -> Fit:
    ((analysis, selection, problem),) = selections(project, (analysis_id,))
    if selection is None:
        raise InputError(problem or "the analysis is refused")
    fitted = fit(project.config, analysis, selection)
    if fitted.result is None:
        raise InputError(f"analysis {analysis_id!r} is not estimable: {fitted.payload['reason']}")
    return fitted


def fitted_pair(project: Project, analysis_id: str) -> PairwiseResult:
    """The pairwise result of an analysis on the present data.

    Raises
    ------
    InputError
        if the analysis is a network, is refused or cannot be estimated.
    """
    if project.config.analysis(analysis_id).kind != "pairwise":
        raise InputError(
            f"analysis {analysis_id!r} is a network; this method is for one comparison",
            hint="A comparison of a network is watched by --compare A B with --effect.",
        )
    result = _fitted(project, analysis_id).result
    assert isinstance(result, PairwiseResult)
    return result


def _by_year(project: Project, studies: Iterable[str]) -> list[str]:
    """Studies in the order of their year, unknown years last."""
    years = {study: facts.year for study, facts in study_rows(project.store).items()}
    return sorted(studies, key=lambda study: years.get(study) or 9999)


def sequential(
    project: Project,
    analysis_id: str,
    effect: Effect,
    *,
    alpha: float,
    power: float,
    d2: float | None = None,
    futility: bool = False,
) -> SequentialResult:
    """Trial sequential analysis, the studies in the order of their year (unknown years last)."""
    result = fitted_pair(project, analysis_id)
    return sequential_analysis(
        result,
        alpha=alpha,
        power=power,
        control_risk=effect.control_risk,
        relative_risk_reduction=effect.relative_risk_reduction,
        difference=effect.difference,
        sd=effect.sd,
        d2=d2,
        order=_by_year(project, (row.study for row in result.studies if row.y is not None)),
        futility=futility,
    )


def penalised(
    project: Project, analysis_id: str, *, alpha: float, factor: float | None = None, sd: float | None = None
) -> IteratedLogarithm:
    """Z after each study, penalised after the law of the iterated logarithm; in the order of years."""
    result = fitted_pair(project, analysis_id)
    order = _by_year(project, (row.study for row in result.studies if row.y is not None))
    return iterated_logarithm(result, alpha=alpha, factor=factor, sd=sd, order=order)


def sequential_comparison(
    project: Project,
    analysis_id: str,
    pair: tuple[str, str],
    effect: float,
    *,
    alpha: float,
    power: float,
    tau2: float | None = None,
    futility: bool = False,
) -> SequentialNetwork:
    """Sequential monitoring of one comparison of a network, studies in the order of their year.

    Parameters
    ----------
    effect : of the first of ``pair`` against the second, on the scale that is shown (an odds ratio, a difference)
    tau2 : a between-study variance named beforehand; None estimates it at each look as the analysis does
    """
    if project.config.analysis(analysis_id).kind != "network":
        raise InputError(f"analysis {analysis_id!r} compares two treatments; --compare is for networks")
    fitted = _fitted(project, analysis_id)
    assert fitted.network is not None
    effects, spec = fitted.network.effects, fitted.network.result.spec
    if effects.scale == "log":
        if not effect > 0:
            raise InputError("a ratio is above 0", value=effect, hint="Name it as it is shown: 0.8, not -0.22.")
        effect = log(effect)
    if tau2 is not None:
        spec = replace(spec, tau2="fixed", tau2_value=tau2)
    return sequential_network(
        effects,
        spec,
        *pair,
        effect=effect,
        alpha=alpha,
        power=power,
        order=_by_year(project, effects.studies),
        futility=futility,
    )


def fragility_of(project: Project, analysis_id: str) -> Fragility:
    """Fragility index of an analysis of counts."""
    return fragility_index(fitted_pair(project, analysis_id))


@dataclass(frozen=True, slots=True, kw_only=True)
class Foreseen:
    """What studies that wait for extraction would do to an analysis if they were of its usual (median) size."""

    analysis: str
    usual: float
    trigger: Trigger

    @property
    def words(self) -> str:
        """One sentence."""
        t = self.trigger
        one = t.studies == 1
        return (
            f"{'one study' if one else f'{t.studies} studies'} of the usual {self.usual:.0f} patients would move the "
            f"interval's position with probability {t.changes:.0%} and make its width {t.width_ratio:.0%} of the "
            "present one"
        )


# So many analyses are looked at before anybody has extracted; others are for 'evipool monitor'.
_MOST_FORESEEN = 5


def foresee(project: Project, studies: int) -> tuple[Foreseen, ...]:
    """Whether ``studies`` that wait for extraction would matter, for the first headline analyses of one comparison.

    The patients of a new study are the median of those in the analysis, the risk of its controls and its standard
    deviation those of the data so far. Analyses of which nothing can be foreseen are left out.
    """
    found: list[Foreseen] = []
    for analysis in project.config.analyses:
        if analysis.role != "headline" or analysis.kind != "pairwise" or len(found) == _MOST_FORESEEN:
            continue
        try:
            result = fitted_pair(project, analysis.id)
            sizes = [a + b for a, b in (row.n for row in result.studies if row.y is not None) if a and b]
            if not sizes:
                continue
            usual = float(median(sizes))
            trigger_ = _trigger(project, result, analysis.id, usual * studies, None, _usual_sd(result), studies)
        except (InputError, NotEstimable):
            continue
        found.append(Foreseen(analysis=analysis.id, usual=usual, trigger=trigger_))
    return tuple(found)


def _usual_sd(result: PairwiseResult) -> float | None:
    """Standard deviation within arms that the effects of MD imply: each variance is about 4 sd^2 / n."""
    if result.spec.measure != "MD":
        return None
    pairs = [(row.se, row.n) for row in result.studies if row.se is not None]
    variances = [se**2 / (1 / a + 1 / b) for se, (a, b) in pairs if a and b]
    return sqrt(median(variances)) if variances else None


def trigger(
    project: Project,
    analysis_id: str,
    patients: float,
    *,
    studies: int = 1,
    control_risk: float | None = None,
    sd: float | None = None,
) -> Trigger:
    """Whether so many new patients, in one new study or several, would be likely to move an analysis' conclusion."""
    return _trigger(project, fitted_pair(project, analysis_id), analysis_id, patients, control_risk, sd, studies)


def _trigger(
    project: Project,
    result: PairwiseResult,
    analysis_id: str,
    patients: float,
    control_risk: float | None,
    sd: float | None,
    studies: int,
) -> Trigger:
    outcome = project.config.outcome(project.config.analysis(analysis_id).outcome)
    size = outcome.smallest_important_difference
    marks: tuple[float, ...] = ()
    if size is not None:
        # Agreed on the scale that is shown: a ratio either way (0.8 is 1.25 too), or a difference to both sides of 0.
        size = abs(log(size)) if result.scale == "log" else size
        marks = (-size, size) if size else ()
    return would_matter(result, patients, control_risk=control_risk, sd=sd, marks=marks, studies=studies)
