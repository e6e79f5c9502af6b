"""Which reports stand before which step: pure rules over the store's views."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from toolkit.model.errors import InputError
from toolkit.model.review import FULL_TEXT, STAGES, TITLE_ABSTRACT, Retrieval, Verdict
from toolkit.store import views

if TYPE_CHECKING:
    from toolkit.config import ReviewFile
    from toolkit.project import Project

__all__ = [
    "UNSEEN",
    "ScreeningState",
    "check_stage",
    "eligible",
    "load_state",
    "screeners",
    "standing_subjects",
]

UNSEEN = Verdict(status="unseen")


@dataclass(frozen=True, slots=True, kw_only=True)
class ScreeningState:
    """What screening rests on, at one moment.

    Attributes
    ----------
    reports : report -> its records, in order of arrival
    other_only : reports found by other methods alone (web sites, citations ...): they are not screened by title
    removed : reports that left before screening
    title_abstract, full_text : report -> verdict, where somebody voted
    retrievals : report -> standing of its full text
    parked : reports of studies that are ongoing or await classification alone: nobody has to vote on them now
    votes_needed : stage -> how many reviewers vote
    """

    reports: Mapping[str, tuple[str, ...]]
    other_only: frozenset[str] = frozenset()
    removed: frozenset[str] = frozenset()
    title_abstract: Mapping[str, Verdict] = field(default_factory=dict)
    full_text: Mapping[str, Verdict] = field(default_factory=dict)
    retrievals: Mapping[str, Retrieval] = field(default_factory=dict)
    parked: frozenset[str] = frozenset()
    votes_needed: Mapping[str, int] = field(default_factory=lambda: dict.fromkeys(STAGES, 2))

    def decision(self, stage: str, report: str) -> Verdict:
        """The verdict on a report at a stage; "unseen" before any vote."""
        table = self.title_abstract if stage == TITLE_ABSTRACT else self.full_text
        return table.get(report, UNSEEN)

    def eligible(self, stage: str) -> tuple[str, ...]:
        """Reports that a reviewer may judge at ``stage``, in order of arrival."""
        if stage == TITLE_ABSTRACT:
            elsewhere = self.removed | self.other_only  # whom `why_not` refuses here
            return tuple(self.reports) if not elsewhere else tuple(r for r in self.reports if r not in elsewhere)
        return tuple(report for report in self.to_retrieve() if self.why_not(report, stage) is None)

    def to_retrieve(self) -> tuple[str, ...]:
        """Reports whose full text is wanted: included by title and abstract, or found by other methods."""
        # Few of many: only these are asked one by one.
        forward = self.other_only.union(r for r, d in self.title_abstract.items() if d.status == "include")
        return tuple(r for r in self.reports if r in forward and self.why_not_retrieved(r) is None)

    def why_not(self, report: str, stage: str) -> str | None:
        """Why a report cannot be judged at ``stage``; None if it can."""
        if stage == TITLE_ABSTRACT:
            if report in self.removed:
                return "it was removed before screening"
            if report in self.other_only:
                return "it was found by other methods, which go straight to the full text"
            return None
        why = self.why_not_retrieved(report)
        if why is not None:
            return why
        retrieval = self.retrievals.get(report)
        if retrieval is None or retrieval.status == "sought":
            return "its full text has not been retrieved yet"
        if retrieval.status == "not_retrieved":
            return "its full text could not be retrieved"
        if report in self.parked and report not in self.full_text:
            return "its study is ongoing or awaits classification"
        return None

    def why_not_retrieved(self, report: str) -> str | None:
        """Why no full text of a report is wanted; None if it is."""
        if report not in self.reports:
            return "there is no such report"
        if report in self.removed:
            return "it was removed before screening"
        if report in self.other_only:
            return None
        decision = self.decision(TITLE_ABSTRACT, report)
        if decision.status == "include":
            return None
        words = {
            "exclude": "it was excluded at title and abstract",
            "conflict": "reviewers disagree on it at title and abstract",
            "waiting": "a vote on it is missing at title and abstract",
            "unseen": "it has not been screened by title and abstract",
        }
        return words[decision.status]

    def conflicts(self, stage: str) -> tuple[str, ...]:
        """Eligible reports on which reviewers disagree, in order of arrival."""
        return tuple(r for r in self.eligible(stage) if self.decision(stage, r).status == "conflict")


def load_state(project: Project, *, as_of: str | None = None) -> ScreeningState:
    """The state of screening of a review, now or at a past moment (UTC moment or date)."""
    store, screening = project.store, project.config.screening
    reports = views.reports(store, as_of=as_of)
    other: frozenset[str] = frozenset()
    if any(run.source_kind == "other" for run in views.runs(store, as_of=as_of)):
        delivered = views.record_runs(store, as_of=as_of)
        other = frozenset(r for r, ids in reports.items() if all(delivered[i].source_kind == "other" for i in ids))
    return ScreeningState(
        reports=reports,
        other_only=other,
        removed=frozenset(views.removals(store, as_of=as_of)),
        title_abstract=project.verdicts(TITLE_ABSTRACT, as_of=as_of),
        full_text=project.verdicts(FULL_TEXT, as_of=as_of),
        retrievals=views.retrievals(store, as_of=as_of),
        parked=_parked(project, as_of),
        votes_needed={stage: screening.votes_needed(stage) for stage in STAGES},
    )


def _parked(project: Project, as_of: str | None) -> frozenset[str]:
    stated = views.study_statuses(project.store, as_of=as_of)
    studies: dict[str, list[str]] = {}
    for link in views.links(project.store, as_of=as_of):
        studies.setdefault(link.report, []).append(stated[link.study].status if link.study in stated else "")
    waiting = {"ongoing", "awaiting_classification"}
    return frozenset(report for report, standings in studies.items() if waiting.issuperset(standings))


def eligible(project: Project, stage: str) -> tuple[str, ...]:
    """Reports that a reviewer may judge at ``stage``, in order of arrival.

    Title and abstract: reports not removed before screening with a record from a database or register. Full text:
    those included there, and those found by other methods alone, once their full text is retrieved.
    """
    check_stage(stage)
    return load_state(project).eligible(stage)


def check_stage(stage: str) -> str:
    """The stage itself, if it is one."""
    if stage not in STAGES:
        raise InputError("no such stage of screening", value=stage, allowed=", ".join(STAGES))
    return stage


def screeners(settings: ReviewFile, stage: str) -> tuple[str, ...]:
    """Who votes at a stage: everybody with the role "reviewer", arbiters too where those are too few."""
    needed = settings.screening.votes_needed(stage)
    people = tuple(r.name for r in settings.reviewers if r.role == "reviewer")
    if len(people) >= needed:
        return people
    return tuple(r.name for r in settings.reviewers if r.role in ("reviewer", "arbiter"))


def standing_subjects(project: Project, kind: str, *, stage: str | None = None) -> dict[str, list[str]]:
    """Report -> subjects on which an event of this kind stands: several after reports were joined.

    Who judges a joined report judges all of them, or the old judgement would go on speaking beside the new one.
    """
    now = views.assignments(project.store)
    found: dict[str, list[str]] = {}
    for event in project.store.heads(kind, stage=stage):
        subjects = found.setdefault(now.get(event.subject, event.subject), [])
        if event.subject not in subjects:
            subjects.append(event.subject)
    return found
