"""From the evidence tables to the arms of one analysis: every row that does not enter says why."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from toolkit.config import Analysis, Outcome, ReviewFile
from toolkit.model.choices import MEASURES
from toolkit.model.errors import InputError
from toolkit.model.evidence import ArmResult, StudyFacts
from toolkit.model.review import Standing
from toolkit.model.spec import NetworkSpec

__all__ = [
    "Flag",
    "LeftOut",
    "SelectedArm",
    "Selection",
    "combine_arms",
    "select_arms",
    "takes_arms_as_reported",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class SelectedArm:
    """One arm of an analysis: numbers, the node it belongs to, and what a reader must know of it.

    ``reported`` holds further numbers of its row where the analysis asks for them; ``versus`` the node that the effect
    of an arm is against, for outcomes of effects.
    """

    study: str
    treatment: str
    n: float | None
    events: float | None
    mean: float | None
    sd: float | None
    time: float | None
    months: float | None
    unit: str | None
    status: str | None
    arms: tuple[str, ...]
    reported: tuple[tuple[str, float], ...] = ()
    score: str | None = None
    reversed: bool | None = None
    versus: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LeftOut:
    """A study (or one arm of it) with data on the outcome that is not in the analysis, and why."""

    study: str
    arm: str | None
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Flag:
    """Something about a study that is in the analysis which a reader must know."""

    code: str
    study: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """The arms of one analysis, what was left out, flags on what is in, the design of each study ("" unknown).

    ``columns`` holds what else is asked of the studies, column -> {study: text}; ``others`` the specs and
    arms of other networks that this one is set beside.
    """

    arms: tuple[SelectedArm, ...]
    left_out: tuple[LeftOut, ...]
    flags: tuple[Flag, ...]
    designs: tuple[tuple[str, str], ...] = ()
    columns: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    others: tuple[tuple[Analysis, NetworkSpec, tuple[SelectedArm, ...]], ...] = ()

    @property
    def studies(self) -> tuple[str, ...]:
        """Studies in the analysis, in order."""
        return tuple(dict.fromkeys(arm.study for arm in self.arms))


def select_arms(
    config: ReviewFile,
    analysis: Analysis,
    rows: Sequence[ArmResult],
    studies: Mapping[str, StudyFacts],
    standings: Mapping[str, Standing],
) -> Selection:
    """The arms that enter ``analysis``, by the rules of the outcome, the treatments and the analysis itself.

    Raises
    ------
    InputError
        if two studies of the same patients would both enter, or an outcome with rule "only" has several rows an arm.
    """
    outcome = config.outcome(analysis.outcome)
    labels = {x.casefold() for x in (outcome.id, outcome.name, *outcome.labels)}
    by_study: dict[str, list[ArmResult]] = {}
    for row in rows:
        if row.outcome.casefold() in labels:
            by_study.setdefault(row.study, []).append(row)
    arms: list[SelectedArm] = []
    left_out: list[LeftOut] = []
    for study, own in by_study.items():
        reason = _study_reason(analysis, study, studies.get(study), standings.get(study))
        if reason is not None:
            left_out.append(LeftOut(study=study, arm=None, reason=reason))
            continue
        kept, unusable, others = _study_arms(config, analysis, outcome, study, own)
        left_out += unusable
        if len({arm.treatment for arm in kept}) >= _fewest(analysis, outcome):
            arms += kept
        elif not unusable:
            left_out.append(LeftOut(study=study, arm=None, reason=_too_few_arms(analysis, kept, others)))
    _refuse_same_patients(analysis, {arm.study for arm in arms}, studies)
    inside = dict.fromkeys(arm.study for arm in arms)
    scales = _scales(analysis, arms, by_study)
    designs = tuple((s, (studies[s].design or "") if s in studies else "") for s in inside)
    return Selection(
        arms=tuple(arms), left_out=tuple(left_out), flags=(*_flags(analysis, arms, studies), *scales), designs=designs
    )


# Options that make something of arms before they are complete, or that need them one by one.
_UNCOMBINED = ("convert", "impute_sd", "change", "smd_or")


def takes_arms_as_reported(analysis: Analysis) -> bool:
    """Whether arms enter as they were reported, to be completed and combined afterwards."""
    asked = analysis.asked
    return any(asked[name] not in (None, False) for name in _UNCOMBINED) or asked["several_arms"] == "split"


def _fewest(analysis: Analysis, outcome: Outcome) -> int:
    """How many treatments a study needs to enter."""
    return 1 if outcome.type == "effect" or MEASURES[analysis.measure].groups == 1 else 2


def _study_reason(analysis: Analysis, study: str, facts: StudyFacts | None, standing: Standing | None) -> str | None:
    """Why the whole study stays out, None if it does not."""
    if standing is None:
        return "no report of it is linked to the review"
    if standing.status != "included":
        return f"its standing in the review is {standing.status.replace('_', ' ')}"
    if study in analysis.exclude:
        return analysis.exclude[study]
    if analysis.studies and study not in analysis.studies:
        return "not among the studies this analysis is restricted to"
    if analysis.designs:
        design = facts.design if facts is not None else None
        if design is None:
            return "its design is not reported"
        if design.casefold() not in {d.casefold() for d in analysis.designs}:
            return f"design {design}; this analysis takes {', '.join(analysis.designs)}"
    return None


def _study_arms(
    config: ReviewFile, analysis: Analysis, outcome: Outcome, study: str, rows: Sequence[ArmResult]
) -> tuple[list[SelectedArm], list[LeftOut], int]:
    """The arms of a study that enter, those that cannot be used, and how many are of treatments not asked about.

    An arm of a treatment that the analysis does not compare is no loss, so it is only counted.
    """
    wanted = _wanted(analysis)
    loose = takes_arms_as_reported(analysis)
    by_arm: dict[str, list[ArmResult]] = {}
    for row in rows:
        by_arm.setdefault(row.arm, []).append(row)
    nodes: dict[str, list[SelectedArm]] = {}
    unusable: list[LeftOut] = []
    others = 0
    for arm, own in by_arm.items():
        counted, why = pick_row(outcome, own)
        node = ""
        if counted is not None:
            node, why = _node(config, analysis, counted)
            if why is None and wanted and node not in wanted:
                others += 1
                continue
            if why is None and outcome.type == "effect":
                found = effect_arm(config, analysis, counted, node)
                if isinstance(found, SelectedArm):
                    nodes.setdefault(node, []).append(found)
                elif found:
                    unusable.append(LeftOut(study=study, arm=arm, reason=found))
                continue
            why = why or _missing_reason(outcome, counted, loose=loose)
        if counted is None or why is not None:
            unusable.append(LeftOut(study=study, arm=arm, reason=why or "no row"))
            continue
        nodes.setdefault(node, []).append(_selected(counted, node, analysis))
    if loose or (outcome.type == "effect" and analysis.kind == "network"):  # each row of effects is a pair of its own
        return [arm for arms in nodes.values() for arm in arms], unusable, others
    if outcome.type in ("effect", "correlation"):
        return _one_of_each(outcome, nodes, unusable), unusable, others
    return [combine_arms(arms) for arms in nodes.values()], unusable, others


def _one_of_each(
    outcome: Outcome, nodes: Mapping[str, list[SelectedArm]], unusable: list[LeftOut]
) -> list[SelectedArm]:
    """The arms of treatments with one row; two effects or correlations of one treatment make no third."""
    for node, arms in nodes.items():
        if len(arms) > 1:
            names = " and ".join(name for arm in arms for name in arm.arms)
            what = "effects" if outcome.type == "effect" else "correlations"
            reason = f"{len(arms)} {what} of {node} (arms {names}), which are not combined: extract one, or enter " + (
                "the arms under treatments of their own"
                if outcome.type == "effect"
                else "independent groups as studies of their own"
            )
            unusable.append(LeftOut(study=arms[0].study, arm=None, reason=reason))
    return [arms[0] for arms in nodes.values() if len(arms) == 1]


_STANDARDISED = tuple(key for key in MEASURES if key.startswith("SMD"))
_EFFECTS = ("effect", "effect_low", "effect_high", "effect_se", "o_minus_e", "logrank_v")


def effect_arm(config: ReviewFile, analysis: Analysis, row: ArmResult, node: str) -> SelectedArm | str:
    """The arm with its effect against the other treatment; else why not, "" for an arm that gives no effect."""
    numbers = {name: value for name, value in row.reported if name in _EFFECTS}
    if row.conflicts:
        return f"the extractors differ on {', '.join(row.conflicts)}"
    if not numbers:
        return "" if row.versus is None else "effect not reported"
    whole = {"effect", "effect_se"} <= set(numbers) or {"effect", "effect_low", "effect_high"} <= set(numbers)
    if not whole and not {"o_minus_e", "logrank_v"} <= set(numbers):
        return "effect without its standard error or interval"
    if row.versus is None:
        return "not said what its effect is against (versus)"
    other = config.node_of(row.versus) if config.treatments else row.versus
    other = None if other is None else analysis.lump.get(other, other)
    if other is None or other == node:
        return f"its effect is against {row.versus}, which is no other treatment of this review"
    if analysis.kind == "pairwise" and {node, other} != {analysis.treatment, analysis.reference}:
        return f"its effect is against {row.versus}"
    if analysis.kind == "network" and (wanted := _wanted(analysis)) and other not in wanted:
        return f"its effect is against {row.versus}, which this analysis does not compare"
    return replace(_selected(row, node, analysis), reported=tuple(numbers.items()), versus=other)


def _wanted(analysis: Analysis) -> list[str]:
    """The treatments an analysis compares; empty for a network of all that the outcome has."""
    if analysis.kind == "pairwise":
        return [t for t in (analysis.treatment, analysis.reference) if t]
    if not analysis.treatments or analysis.reference is None:
        return list(analysis.treatments)
    return list(dict.fromkeys([analysis.reference, *analysis.treatments]))


def pick_row(outcome: Outcome, rows: Sequence[ArmResult]) -> tuple[ArmResult | None, str | None]:
    """The one row of an arm that counts, by the outcome's time window and rule; or why none does."""
    low, high = outcome.months_min, outcome.months_max
    inside = [
        row
        for row in rows
        if row.months is None or ((low is None or row.months >= low) and (high is None or row.months <= high))
    ]
    if not inside:
        times = ", ".join(f"{row.months:g}" for row in rows if row.months is not None)
        return None, f"measured at {times} months, outside the window of {low or 0:g} to {high or math.inf:g} months"
    if len(inside) == 1:
        return inside[0], None
    if outcome.rule == "only":
        times = ", ".join("not reported" if row.months is None else f"{row.months:g}" for row in inside)
        raise InputError(
            f"study {inside[0].study}, arm {inside[0].arm}: several rows for outcome {outcome.id!r} (months: {times})",
            hint='Give the outcome a rule in review.toml: "latest", "earliest" or "closest:MONTHS".',
        )
    dated = [row for row in inside if row.months is not None]
    if not dated:
        return None, "several rows without a time point"
    if outcome.rule.startswith("closest:"):
        target = float(outcome.rule.split(":")[1])
        return min(dated, key=lambda row: (abs((row.months or 0) - target), row.months)), None
    return (max if outcome.rule == "latest" else min)(dated, key=lambda row: row.months or 0), None


def _node(config: ReviewFile, analysis: Analysis, row: ArmResult) -> tuple[str, str | None]:
    if row.treatment is None:
        return "", "its treatment is not filled in"
    node = config.node_of(row.treatment) if config.treatments else row.treatment
    if node is None:
        return "", f"treatment {row.treatment!r} belongs to no node of this review"
    return analysis.lump.get(node, node), None


def _missing_reason(outcome: Outcome, row: ArmResult, *, loose: bool = False) -> str | None:
    """Why the arm cannot enter; ``loose`` for analyses that complete what is missing, and say what they cannot."""
    if loose and not row.conflicts:
        return "n not reported" if row.n is None else None
    columns: dict[str, dict[str, float | None]] = {
        "binary": {"n": row.n, "events": row.events},
        "continuous": {"n": row.n, "mean": row.mean, "sd": row.sd},
        "rate": {"events": row.events, "time": row.time},
        "correlation": {"n": row.n, "r": dict(row.reported).get("r")},
    }
    if row.conflicts:
        return f"the extractors differ on {', '.join(row.conflicts)}"
    absent = [name for name, value in columns[outcome.type].items() if value is None]
    return f"{' and '.join(absent)} not reported" if absent else None


def _selected(row: ArmResult, node: str, analysis: Analysis) -> SelectedArm:
    asked = analysis.named_options
    further = bool(asked) and any(name in asked for name in (*_UNCOMBINED, "score", "redirect"))
    own = tuple(pair for pair in row.reported if pair[0] == "r") if "r" in MEASURES[analysis.measure].needs else ()
    return SelectedArm(
        study=row.study,
        treatment=node,
        n=row.n,
        events=row.events,
        mean=row.mean,
        sd=row.sd,
        time=row.time,
        months=row.months,
        unit=row.unit,
        status=row.status,
        arms=(row.arm,),
        reported=own or (row.reported if further else ()),
        score=row.score if further else None,
        reversed=row.reversed if further else None,
    )


def combine_arms(arms: Sequence[SelectedArm]) -> SelectedArm:
    """Several arms of one node in a study as one arm.

    References
    ----------
    Higgins et al., Cochrane Handbook 6.5, section 6.5.2.10 (formulae for combining groups).
    """
    total = arms[0]
    for other in arms[1:]:
        total = _combine_two(total, other)
    return total


def _combine_two(a: SelectedArm, b: SelectedArm) -> SelectedArm:
    def add(x: float | None, y: float | None) -> float | None:
        return None if x is None or y is None else x + y

    mean = sd = None
    if None not in (a.n, b.n, a.mean, b.mean, a.sd, b.sd):
        n1, n2, m1, m2, s1, s2 = (float(x or 0) for x in (a.n, b.n, a.mean, b.mean, a.sd, b.sd))
        mean = (n1 * m1 + n2 * m2) / (n1 + n2)
        between = n1 * n2 / (n1 + n2) * (m1 - m2) ** 2
        sd = math.sqrt(((n1 - 1) * s1**2 + (n2 - 1) * s2**2 + between) / (n1 + n2 - 1))
    return replace(
        a,
        n=add(a.n, b.n),
        events=add(a.events, b.events),
        time=add(a.time, b.time),
        mean=mean,
        sd=sd,
        months=a.months if a.months == b.months else None,
        unit=a.unit if a.unit == b.unit else None,
        status=a.status if a.status == b.status else "converted",
        arms=(*a.arms, *b.arms),
    )


def _too_few_arms(analysis: Analysis, kept: Sequence[SelectedArm], others: int) -> str:
    if others and analysis.kind == "pairwise":
        return f"does not compare {analysis.treatment} with {analysis.reference}"
    return f"only one arm with data ({kept[0].treatment})" if kept else "no arm of a treatment compared here"


def _refuse_same_patients(analysis: Analysis, inside: Iterable[str], studies: Mapping[str, StudyFacts]) -> None:
    cohorts: dict[str, list[str]] = {}
    for study in sorted(inside):
        facts = studies.get(study)
        if facts is not None and facts.cohort:
            cohorts.setdefault(facts.cohort, []).append(study)
    for cohort, names in cohorts.items():
        if len(names) > 1:
            raise InputError(
                f"analysis {analysis.id!r}: {' and '.join(names)} report the same patients (cohort {cohort!r})",
                hint="Leave all but one out in review.toml: "
                f'exclude = {{ {names[0]} = "same patients as {names[1]}" }}',
            )


# How a number came to be, as a reader is told it; other statuses speak for themselves.
_STATUS_WORDS = {
    "derived_from_percent": "events derived from a percentage",
    "derived_complement": "events derived from their complement",
    "n_inferred": "number analysed inferred",
    "converted": "numbers converted",
    "imputed": "numbers imputed",
    "read_from_figure": "numbers read from a figure",
    "from_author": "numbers from the author",
}


def _scales(
    analysis: Analysis, arms: Sequence[SelectedArm], by_study: Mapping[str, Sequence[ArmResult]]
) -> tuple[Flag, ...]:
    """Flags on means whose row says what the analysis does not ask about: the kind of score, the direction.

    Raises
    ------
    InputError
        where a standardised difference would mix change and final scores (Cochrane Handbook 6.5, section 10.5.2).
    """
    used = {(arm.study, name) for arm in arms for name in arm.arms if arm.mean is not None}
    rows = [row for own in by_study.values() for row in own if (row.study, row.arm) in used and row.mean is not None]
    asked = analysis.asked
    found = []
    if analysis.measure in _STANDARDISED and not asked["score"] and asked["change"] is None:
        kinds = {kind: dict.fromkeys(r.study for r in rows if r.score == kind) for kind in ("change", "final", None)}
        if kinds["change"] and kinds["final"]:
            raise InputError(
                f"analysis {analysis.id!r}: change scores ({', '.join(kinds['change'])}) and final scores "
                f"({', '.join(kinds['final'])}) are not mixed in a standardised mean difference",
                hint="Take MD where the scale is the same, make change scores (change = CORRELATION), or analyse the "
                "two kinds apart (studies, exclude).",
            )
        text = "not said whether its means are of changes, as those of other studies are"
        found += [Flag(code="score-unknown", study=s, text=text) for s in kinds[None] if kinds["change"]]
    turned = dict.fromkeys(r.study for r in rows if r.reversed)
    if turned and not asked["redirect"] and any(row.study not in turned for row in rows):
        text = 'its scale runs against the others and is not turned (redirect = "reversed" would)'
        found += [Flag(code="not-redirected", study=study, text=text) for study in turned]
    return tuple(found)


def _flags(analysis: Analysis, arms: Sequence[SelectedArm], studies: Mapping[str, StudyFacts]) -> list[Flag]:
    found: list[Flag] = []
    by_study: dict[str, list[SelectedArm]] = {}
    for arm in arms:
        by_study.setdefault(arm.study, []).append(arm)
    for study, own in by_study.items():
        facts = studies.get(study)
        if facts is not None and facts.paired and not analysis.asked["pairs"]:
            text = "units of one patient sit in both arms; analysed as if they were independent"
            found.append(Flag(code="paired-units", study=study, text=text))
        statuses = sorted({arm.status for arm in own if arm.status not in (None, "reported")} - {None}, key=str)
        if statuses:
            words = ", ".join(_STATUS_WORDS.get(str(s), str(s).replace("_", " ")) for s in statuses)
            found.append(Flag(code="value-status", study=study, text=words))
        months = [arm.months for arm in own if arm.months is not None]
        if months and max(months) != min(months):
            times = " / ".join("?" if arm.months is None else f"{arm.months:g}" for arm in own)
            found.append(Flag(code="follow-up-differs", study=study, text=f"arms followed for {times} months"))
        if not months:
            found.append(Flag(code="follow-up-unknown", study=study, text="length of follow-up not reported"))
        if any(len(arm.arms) > 1 for arm in own):
            merged = "; ".join(" + ".join(arm.arms) for arm in own if len(arm.arms) > 1)
            found.append(Flag(code="arms-combined", study=study, text=f"arms combined: {merged}"))
        if _sd_or_se(own):
            text = "standardised difference beyond 3: the SDs may be standard errors"
            found.append(Flag(code="sd-or-se", study=study, text=text))
    return found + _unit_flags(arms)


def _sd_or_se(arms: Sequence[SelectedArm]) -> bool:
    full = [(a.mean, a.sd) for a in arms if a.mean is not None and a.sd]
    return any(
        abs(m1 - m2) > 3 * math.sqrt((s1**2 + s2**2) / 2) for i, (m1, s1) in enumerate(full) for m2, s2 in full[i + 1 :]
    )


def _unit_flags(arms: Sequence[SelectedArm]) -> list[Flag]:
    """Studies whose unit differs from the one most studies use."""
    unit_of = {arm.study: arm.unit for arm in arms if arm.unit}
    units = sorted(set(unit_of.values()))
    if len(units) < 2:
        return []
    usual = max(units, key=lambda unit: (list(unit_of.values()).count(unit), unit))
    return [
        Flag(code="unit", study=study, text=f"counts {unit} where most studies count {usual}")
        for study, unit in unit_of.items()
        if unit != usual
    ]
