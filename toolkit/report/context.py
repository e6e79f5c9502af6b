"""Everything the report shows, gathered once from the project."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from toolkit.analysis.plan import AnalysisOutcome, plan, read_result
from toolkit.analysis.settings import Differences, differences
from toolkit.config import ReviewFile
from toolkit.model.evidence import ArmResult, StudyFacts
from toolkit.model.records import ParsedRecord
from toolkit.model.review import FULL_TEXT, TITLE_ABSTRACT, Decision, Run, Standing, Version
from toolkit.prisma.boxes import Flow
from toolkit.prisma.identities import Finding as FlowFinding
from toolkit.prisma.identities import check
from toolkit.prisma.run import flow, syntheses_of
from toolkit.project import Project
from toolkit.report.changes import AnalysisChange, analysis_change, baseline, looks
from toolkit.screening.agreement import Agreement
from toolkit.screening.run import agreement
from toolkit.store import views
from toolkit.store.evidence import arm_results, study_rows

__all__ = ["Context", "gather", "headline_syntheses"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """What the sections read; nothing in it is computed again by a section."""

    project_root: Path
    config: ReviewFile
    runs: tuple[Run, ...]
    flow: Flow
    flow_findings: tuple[FlowFinding, ...]
    standings: Mapping[str, Standing]
    studies: Mapping[str, StudyFacts]
    results: tuple[ArmResult, ...]
    analyses: tuple[AnalysisOutcome, ...]
    full_text: Mapping[str, Decision]
    fields: Mapping[str, ParsedRecord]
    agreement: Mapping[str, tuple[Agreement, ...]]
    versions: tuple[Version, ...]
    since: Version | None
    changes: tuple[AnalysisChange, ...]
    new_studies: tuple[str, ...]
    gone_studies: tuple[str, ...]
    retracted: Mapping[str, str]
    head_hash: str
    sha_of_settings: str
    protocol: Differences


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
    since = baseline(marks, changed_since_last=_changed_since(project, marks))
    standings = project.standings()
    before = project.standings(as_of=since.at) if since is not None else {}
    included = {s for s, x in standings.items() if x.status == "included"}
    included_before = {s for s, x in before.items() if x.status == "included"}
    reports = views.reports(store)
    records = views.records(store)
    return Context(
        project_root=project.root,
        config=config,
        runs=tuple(views.runs(store)),
        flow=counted,
        flow_findings=check(counted),
        standings=standings,
        studies=study_rows(store),
        results=tuple(arm_results(store)),
        analyses=outcomes,
        full_text=project.decisions(FULL_TEXT),
        fields={report: records[ids[0]].fields for report, ids in reports.items()},
        agreement={stage: agreement(project, stage) for stage in (TITLE_ABSTRACT, FULL_TEXT)},
        versions=marks,
        since=since,
        changes=_changes(project, outcomes, marks, since),
        new_studies=tuple(sorted(included - included_before)) if since is not None else (),
        gone_studies=tuple(sorted(included_before - included)),
        retracted={report: event.value or "" for report, event in views.retractions(store).items()},
        head_hash=store.head_hash(),
        sha_of_settings=settings_sha,
        protocol=differences(project),
    )


def _changed_since(project: Project, marks: tuple[Version, ...]) -> bool:
    if not marks:
        return False
    events = project.store.events()
    return bool(events) and events[-1].id != marks[-1].event_id


def _changes(
    project: Project, outcomes: tuple[AnalysisOutcome, ...], marks: tuple[Version, ...], since: Version | None
) -> tuple[AnalysisChange, ...]:
    """Every analysis before (at ``since``) and now, with its way through the completed versions."""
    if since is None:
        return ()
    prints = [(mark.label, dict(mark.payload.get("analyses", {}))) for mark in marks]
    known: dict[str, str] = dict(since.payload.get("analyses", {}))
    found = []
    for outcome in outcomes:
        a = outcome.analysis
        mark = known.pop(a.id, None)
        before = read_result(project, a.id, mark) if mark else None
        important = project.config.outcome(a.outcome).smallest_important_difference
        left = {x.study: x.reason for x in outcome.left_out}
        path = [(label, analyses.get(a.id)) for label, analyses in prints]
        found.append(
            analysis_change(
                a.id,
                a.title or a.id,
                before,
                outcome.payload,
                important,
                left,
                history=_history(project, a.id, path),
                looks=looks([*(mark for _, mark in path), outcome.fingerprint]),
            )
        )
    for gone, mark in known.items():
        found.append(analysis_change(gone, gone, read_result(project, gone, mark), None, None))
    return tuple(found)


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
