"""Everything the report shows, gathered once from the project."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from toolkit.analysis.certainty import Rating, moved, moved_on, ratings, ratings_before, stale_ratings
from toolkit.analysis.monitored import Monitored, monitored
from toolkit.analysis.plan import AnalysisOutcome, plan, read_result
from toolkit.analysis.settings import Differences, differences
from toolkit.config import Analysis, ReviewFile
from toolkit.model.evidence import RESULTS, ArmResult, StudyFacts
from toolkit.model.records import ParsedRecord
from toolkit.model.review import FULL_TEXT, TITLE_ABSTRACT, Cell, Decision, Run, Standing, Version
from toolkit.prisma.boxes import Flow
from toolkit.prisma.identities import Finding as FlowFinding
from toolkit.prisma.identities import check
from toolkit.prisma.living import LivingColumn, StatusLine, living_columns, living_status
from toolkit.prisma.run import flow, syntheses_of
from toolkit.project import Project
from toolkit.report.changes import AnalysisChange, analysis_change, baseline, looks
from toolkit.report.news import News, StudyTurn, news_since, study_turns
from toolkit.screening.agreement import Agreement
from toolkit.screening.notices import Notice, notices
from toolkit.screening.run import agreement
from toolkit.store import views
from toolkit.store.evidence import arm_results, study_columns, study_rows
from toolkit.store.keys import ReportKeys

__all__ = ["Context", "compared_version", "gather", "headline_syntheses"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """What the sections read; nothing in it is computed again by a section.

    ``extracted_by`` names the people behind each row of ``results``; ``found_by`` says when and where each report that
    came near inclusion was found; ``short`` is the name of such a report that commands take; ``risk_of_bias`` holds the
    judgements of each column that analyses name for them, by study.
    """

    project_root: Path
    config: ReviewFile
    runs: tuple[Run, ...]
    flow: Flow
    flow_findings: tuple[FlowFinding, ...]
    standings: Mapping[str, Standing]
    studies: Mapping[str, StudyFacts]
    results: tuple[ArmResult, ...]
    extracted_by: tuple[str, ...]
    title_abstract: Mapping[str, Decision]
    found_by: Mapping[str, tuple[str, ...]]
    short: Mapping[str, str]
    analyses: tuple[AnalysisOutcome, ...]
    full_text: Mapping[str, Decision]
    fields: Mapping[str, ParsedRecord]
    agreement: Mapping[str, tuple[Agreement, ...]]
    versions: tuple[Version, ...]
    since: Version | None
    changes: tuple[AnalysisChange, ...]
    turns: tuple[StudyTurn, ...]
    news: tuple[News, ...]
    notices: tuple[Notice, ...]
    head_hash: str
    sha_of_settings: str
    protocol: Differences
    living: tuple[LivingColumn, ...]
    status: tuple[StatusLine, ...]
    ratings: tuple[Rating, ...]
    stale_ratings: tuple[Rating, ...]
    monitoring: tuple[Monitored, ...]
    risk_of_bias: Mapping[str, Mapping[str, str]]


def headline_syntheses(outcomes: Sequence[AnalysisOutcome]) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """(title of the analysis, its studies) of every headline analysis with a result, for the flow's last boxes."""
    return syntheses_of(
        (o.analysis.title or o.analysis.id, o.payload)
        for o in outcomes
        if o.analysis.role == "headline" and o.payload is not None and o.payload["result"] is not None
    )


def gather(project: Project, *, settings_sha: str) -> Context:
    """Read the project once."""
    store, config = project.store, project.config
    outcomes = tuple(plan(project))
    counted = flow(project, syntheses=headline_syntheses(outcomes))
    marks = tuple(views.versions(store))
    since = compared_version(project)
    standings = project.standings()
    before = project.standings(as_of=since.at) if since is not None else {}
    reports = views.reports(store)
    records = views.records(store)
    fields = {report: records[ids[0]].fields for report, ids in reports.items()}
    rated = ratings(project)
    full_text, keys = project.decisions(FULL_TEXT), ReportKeys(store)
    near = [r for r in reports if r in full_text or any(r in x.reports for x in standings.values())]
    return Context(
        project_root=project.root,
        config=config,
        runs=tuple(views.runs(store)),
        flow=counted,
        flow_findings=check(counted),
        standings=standings,
        studies=study_rows(store),
        results=tuple(arm_results(store)),
        extracted_by=tuple(_people(cells) for cells in views.evidence(store, RESULTS).rows.values()),
        title_abstract=project.decisions(TITLE_ABSTRACT),
        found_by=_found_by(project, near),
        short={report: keys.short(report) for report in near},
        analyses=outcomes,
        full_text=full_text,
        fields=fields,
        agreement={stage: agreement(project, stage) for stage in (TITLE_ABSTRACT, FULL_TEXT)},
        versions=marks,
        since=since,
        changes=_changes(project, outcomes, marks, since, standings),
        turns=study_turns(before, standings) if since is not None else (),
        news=news_since(project, since),
        notices=notices(project),
        head_hash=store.head_hash(),
        sha_of_settings=settings_sha,
        protocol=differences(project),
        living=living_columns(project) if len(marks) > 1 or (marks and counted.label != marks[-1].label) else (),
        status=living_status(project) if marks or config.living.stated else (),
        ratings=tuple(rated.values()),
        stale_ratings=stale_ratings(rated, outcomes),
        monitoring=tuple(monitored(project, outcomes, marks)),
        risk_of_bias=study_columns(store, _judged_columns(config.analyses), list(standings)),
    )


def _judged_columns(analyses: Sequence[Analysis]) -> tuple[str, ...]:
    """The columns of risk-of-bias judgements that analyses name, in the order in which they do."""
    own = [name for a in analyses for name in a.named_options.get("rob", ())]
    further = [one.options.rob for a in analyses for one in a.further if one.options.rob]
    return tuple(dict.fromkeys([*own, *further]))


def _people(cells: Mapping[str, Cell]) -> str:
    """Who extracted the cells of a row."""
    return ", ".join(dict.fromkeys(actor for cell in cells.values() for actor, _ in cell.by))


def _found_by(project: Project, near: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """Report -> "2021-05-31: PubMed, Embase" for each day on which a record of it was found."""
    arrived, members = views.record_runs(project.store), views.reports(project.store)
    found = {}
    for report in near:
        days: dict[str, dict[str, None]] = {}
        for rid in members[report]:
            days.setdefault(arrived[rid].searched_on, {})[arrived[rid].source] = None
        found[report] = tuple(f"{day}: {', '.join(names)}" for day, names in sorted(days.items()))
    return found


def compared_version(project: Project) -> Version | None:
    """The version that "what changed" compares with: the last one, or the one before it while nothing came after.

    What people say of the results of a version, once it is closed, belongs to that version.
    """
    marks = views.versions(project.store)
    if not marks:
        return None
    return baseline(marks, changed_since_last=moved_on(project, marks[-1]))


def _changes(
    project: Project,
    outcomes: tuple[AnalysisOutcome, ...],
    marks: tuple[Version, ...],
    since: Version | None,
    standings: Mapping[str, Standing],
) -> tuple[AnalysisChange, ...]:
    """Every analysis before (at ``since``) and now, with its way through the completed versions."""
    if since is None:
        return ()
    certainty = moved(ratings_before(project, since, outcomes), ratings(project))
    prints = [(mark.label, dict(mark.payload.get("analyses", {}))) for mark in marks]
    known: dict[str, str] = dict(since.payload.get("analyses", {}))
    gone = {mark: name for name, mark in known.items() if name not in {o.analysis.id for o in outcomes}}
    found = []
    for outcome in outcomes:
        a = outcome.analysis
        renamed = "" if a.id in known else gone.pop(outcome.fingerprint or "", "")
        mark = known.pop(renamed or a.id, None)
        before = read_result(project, renamed or a.id, mark) if mark else None
        important = project.config.outcome(a.outcome).smallest_important_difference
        left = {x.study: _why_left(x.reason, standings.get(x.study)) for x in outcome.left_out}
        path = [(label, analyses.get(a.id)) for label, analyses in prints]
        found.append(
            analysis_change(
                a.id,
                a.title or a.id,
                before,
                outcome.payload,
                important,
                left,
                problem=outcome.problem or "",
                lost=mark is not None and before is None,
                renamed=renamed,
                history=_history(project, a.id, path),
                looks=looks([*(mark for _, mark in path), outcome.fingerprint]),
                certainty=certainty.get(a.id, ()),
            )
        )
    for name, mark in known.items():
        found.append(analysis_change(name, name, read_result(project, name, mark), None, None, declared=False))
    return tuple(found)


def _why_left(reason: str, standing: Standing | None) -> str:
    """Why a study does not enter, with what a person said of its standing."""
    said = standing.reason if standing is not None and standing.status != "included" else None
    return f"{reason} ({said})" if said else reason


def _history(
    project: Project, analysis: str, path: Sequence[tuple[str, str | None]]
) -> tuple[tuple[str, Mapping[str, Any]], ...]:
    """(version, result) of each version in which the analysis had another result than in the one before."""
    found: list[tuple[str, Mapping[str, Any]]] = []
    last = None
    for label, mark in path:
        payload = read_result(project, analysis, mark) if mark is not None and mark != last else None
        if payload is not None:
            found.append((label, payload))
        last = mark
    return tuple(found)
