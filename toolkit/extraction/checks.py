"""What a careful reader would ask about the extracted numbers: findings, not refusals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from toolkit.config import Outcome, ReviewFile
from toolkit.engine.conversions import skewness_of_quantiles
from toolkit.model.choices import MEASURES
from toolkit.model.errors import InputError
from toolkit.model.evidence import ArmResult, StudyFacts
from toolkit.model.review import Standing
from toolkit.model.wording import agreeing

__all__ = ["Finding", "check_evidence", "outcome_of"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One question about the evidence: a stable code, the study it is about, and a sentence."""

    code: str
    study: str
    text: str


def outcome_of(config: ReviewFile, label: str) -> Outcome | None:
    """The declared outcome an extracted label belongs to."""
    folded = label.casefold()
    for outcome in config.outcomes:
        if folded in {outcome.id.casefold(), outcome.name.casefold(), *(x.casefold() for x in outcome.labels)}:
            return outcome
    return None


def check_evidence(
    config: ReviewFile,
    studies: Mapping[str, StudyFacts],
    rows: Sequence[ArmResult],
    standings: Mapping[str, Standing],
) -> list[Finding]:
    """Findings in the order of the studies."""
    found: list[Finding] = []
    for study in dict.fromkeys([*studies, *(row.study for row in rows)]):
        own = [row for row in rows if row.study == study]
        found += _study_findings(study, studies.get(study), standings)
        found += _row_findings(config, study, own)
        found += _arm_findings(config, study, own)
    return found + _cohort_findings(studies)


def _study_findings(study: str, facts: StudyFacts | None, standings: Mapping[str, Standing]) -> list[Finding]:
    found = []
    if study not in standings:
        text = f"no report is linked to it ('evipool fulltext link REPORT {study}')"
        found.append(Finding(code="no-report", study=study, text=text))
    elif standings[study].status not in ("included",):
        text = f"its standing is {standings[study].status!r}; its data enter no analysis"
        found.append(Finding(code="not-included", study=study, text=text))
    if facts is None:
        found.append(Finding(code="no-facts", study=study, text="it has results but no row in the studies table"))
    elif facts.design is None:
        found.append(Finding(code="no-design", study=study, text="its design is not filled in"))
    if facts is not None and facts.paired:
        text = "units of one patient sit in both arms: an analysis as independent arms misstates its precision"
        found.append(Finding(code="paired-units", study=study, text=text))
    return found


def _row_findings(config: ReviewFile, study: str, rows: Sequence[ArmResult]) -> list[Finding]:
    found = []
    for row in rows:
        where = f"{row.arm}, {row.outcome}"
        if row.months is not None:
            where += f", {row.months:g} {agreeing(row.months, 'months')}"
        for column in row.conflicts:
            text = f"{where}: the extractors differ on {column!r}"
            found.append(Finding(code="conflict", study=study, text=text))
        outcome = outcome_of(config, row.outcome)
        if outcome is None:
            continue
        if row.treatment is not None and config.treatments and config.node_of(row.treatment) is None:
            text = f"{where}: treatment {row.treatment!r} belongs to no node of [[treatments]]"
            found.append(Finding(code="no-node", study=study, text=text))
        if row.status not in (None, "reported"):
            found.append(Finding(code="value-status", study=study, text=f"{where}: {row.status}"))
        found += [Finding(code=c, study=study, text=f"{where}: {t}") for c, t in _missing(outcome, row)]
        found += [Finding(code=c, study=study, text=f"{where}: {t}") for c, t in _implausible(outcome, row)]
    return found


def _missing(outcome: Outcome, row: ArmResult) -> list[tuple[str, str]]:
    columns: dict[str, dict[str, float | None]] = {
        "binary": {"n": row.n, "events": row.events},
        "continuous": {"n": row.n, "mean": row.mean, "sd": row.sd},
        "rate": {"events": row.events, "time": row.time},
        "correlation": {"n": row.n, "r": dict(row.reported).get("r")},
    }
    if outcome.type == "effect":
        return [("missing", "not said what the effect is against (versus)")] if row.reported and not row.versus else []
    absent = [name for name, value in columns[outcome.type].items() if value is None]
    known = [name for name, _ in row.reported]
    if not absent:
        return []
    more = f"; {', '.join(known)} known: an analysis with convert or change may take them" if known else ""
    return [("missing", f"{' and '.join(absent)} not reported{more}")]


def _implausible(outcome: Outcome, row: ArmResult) -> list[tuple[str, str]]:
    found = []
    if row.mean is not None:
        low, high = outcome.scale_min, outcome.scale_max
        if (low is not None and row.mean < low) or (high is not None and row.mean > high):
            found.append(("off-scale", f"mean {row.mean:g} lies outside the scale {low} to {high}"))
        if low is not None and high is not None and row.sd is not None and row.sd > (high - low) / 2:
            found.append(("sd-too-large", f"SD {row.sd:g} is impossible on a scale from {low:g} to {high:g}"))
    found += _skewed(row)
    if row.sd == 0:
        found.append(("sd-zero", "SD 0: identical values in everybody, or a standard error rounded away?"))
    return found


def _skewed(row: ArmResult) -> list[tuple[str, str]]:
    """Quantiles that are out of order, or too asymmetric for a mean to be made of them (Shi 2023)."""
    known = {name: value for name, value in row.reported if name in ("median", "q1", "q3", "minimum", "maximum")}
    if (
        "median" not in known
        or row.n is None
        or not ({"q1", "q3"} <= set(known) or {"minimum", "maximum"} <= set(known))
    ):
        return []
    try:
        test = skewness_of_quantiles(
            row.n, median=known["median"], q1=known.get("q1"), q3=known.get("q3"), low=known.get("minimum"),
            high=known.get("maximum"),
        )  # fmt: skip
    except InputError as error:
        return [("quantiles", str(error))]
    if not test.skewed:
        return []
    text = f"the quantiles are skewed ({test.statistic:.3f} above {test.critical:.3f}): a mean made of them misleads"
    return [("skewed", text)]


def _arm_findings(config: ReviewFile, study: str, rows: Sequence[ArmResult]) -> list[Finding]:
    found = []
    by_outcome: dict[str, list[ArmResult]] = {}
    for row in rows:
        outcome = outcome_of(config, row.outcome)
        if outcome is not None:
            by_outcome.setdefault(outcome.id, []).append(row)
    for outcome_id, own in by_outcome.items():
        arms = {row.arm for row in own}
        if len(arms) == 1 and _compares(config, outcome_id):
            found.append(Finding(code="one-arm", study=study, text=f"{outcome_id}: one arm only ({arms.pop()})"))
        units = {row.unit for row in own if row.unit}
        if len(units) > 1:
            text = f"{outcome_id}: arms count different units ({', '.join(sorted(units))})"
            found.append(Finding(code="mixed-units", study=study, text=text))
        months = {row.months for row in own if row.months is not None}
        if len(arms) > 1 and len(months) == len(arms) > 1 and len(own) == len(arms):
            times = ", ".join(f"{m:g}" for m in sorted(months))
            text = f"{outcome_id}: arms were followed for different times ({times} months)"
            found.append(Finding(code="follow-up-differs", study=study, text=text))
        found += _standard_error_findings(study, outcome_id, own)
    return found


def _compares(config: ReviewFile, outcome_id: str) -> bool:
    """Whether an outcome takes two arms: not effects, correlations, or one that is analysed by group only."""
    asking = [a for a in config.analyses if a.outcome == outcome_id]
    one_group = bool(asking) and all(MEASURES[a.measure].groups == 1 for a in asking)
    return config.outcome(outcome_id).type not in ("effect", "correlation") and not one_group


def _standard_error_findings(study: str, outcome_id: str, rows: Sequence[ArmResult]) -> list[Finding]:
    """An SMD beyond 3 in absolute value is more often a standard error taken for an SD than an effect."""
    full = [(r.mean, r.sd) for r in rows if r.mean is not None and r.sd is not None and r.sd > 0]
    found = []
    for i, (mean_a, sd_a) in enumerate(full):
        for mean_b, sd_b in full[i + 1 :]:
            d = (mean_a - mean_b) / ((sd_a**2 + sd_b**2) / 2) ** 0.5
            if abs(d) > 3:
                text = f"{outcome_id}: standardised difference {d:.1f}; are the SDs standard errors?"
                found.append(Finding(code="sd-or-se", study=study, text=text))
    return found


def _cohort_findings(studies: Mapping[str, StudyFacts]) -> list[Finding]:
    cohorts: dict[str, list[str]] = {}
    for study, facts in studies.items():
        if facts.cohort:
            cohorts.setdefault(facts.cohort, []).append(study)
    return [
        Finding(
            code="same-patients",
            study=names[0],
            text=f"reports the same patients as {', '.join(names[1:])} (cohort {cohort!r}): an analysis takes only one",
        )
        for cohort, names in cohorts.items()
        if len(names) > 1
    ]
