"""The living part: which steps are stale and why, running those that a machine can run, and closing a version.

A review moves in rounds. A round begins with a search and ends when nothing waits for a person: then the analyses and
the report are brought up to date and the round is closed as a version. `update` does whichever of these is next.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, Protocol

from toolkit.analysis.run import AnalysisOutcome, analyse
from toolkit.analysis.run import plan as plan_analyses
from toolkit.dedup.run import dedup, waiting_pairs
from toolkit.model.events import NewEvent
from toolkit.model.review import Version
from toolkit.prisma.numbers import flow_json
from toolkit.prisma.run import flow, open_stages
from toolkit.project import Project
from toolkit.report.context import headline_syntheses
from toolkit.report.run import ReportOutcome, is_fresh, write_report
from toolkit.screening.fulltext import list_fulltexts
from toolkit.screening.progress import progress as screening_progress
from toolkit.search.run import SearchOutcome
from toolkit.store import views

__all__ = ["Step", "UpdateOutcome", "Waiting", "close_version", "plan", "update", "waiting_for_people"]

Progress = Callable[[str], None]


class SearchCall(Protocol):
    """Runs the search of one strategy file; the command line supplies transport, day and sign-off."""

    def __call__(self, project: Project, strategy: Path) -> SearchOutcome: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One step of the line: "done", "due" (a machine can do it) or "waiting" (for a person), why, and what to type."""

    name: str
    status: str
    why: str
    command: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """Work that only a person can do: how many of what, and the command that shows it."""

    what: str
    n: int
    command: str


@dataclass(frozen=True, slots=True, kw_only=True)
class UpdateOutcome:
    """What an update did.

    ``closed`` is the version this update completed before searching (or at its end), None if none.
    """

    searches: tuple[SearchOutcome, ...]
    merged: int
    analyses: tuple[AnalysisOutcome, ...]
    waiting: tuple[Waiting, ...]
    closed: tuple[str, ...]
    report: ReportOutcome | None


def waiting_for_people(project: Project) -> list[Waiting]:
    """Everything of the review that waits for a person, in the order of the line."""
    found = []
    pairs = waiting_pairs(project)
    if pairs:
        found.append(Waiting(what="possible duplicates to judge", n=pairs, command="evipool dedup review"))
    for stage in screening_progress(project):
        unseen = stage.unseen + stage.waiting
        if unseen:
            command = f"evipool screen export --stage {stage.stage} --for NAME FORM.csv"
            found.append(Waiting(what=f"reports to screen ({stage.stage})", n=unseen, command=command))
        if stage.conflicts:
            command = f"evipool screen conflicts --stage {stage.stage}"
            found.append(Waiting(what=f"conflicts to resolve ({stage.stage})", n=stage.conflicts, command=command))
    pending = [x for x in list_fulltexts(project) if x.status in (None, "sought")]
    if pending:
        found.append(Waiting(what="full texts to obtain", n=len(pending), command="evipool fulltext list"))
    unlinked = flow(project).unlinked.n
    if unlinked:
        command = "evipool fulltext link REPORT STUDY"
        found.append(Waiting(what="included reports without a study", n=unlinked, command=command))
    return found


def round_is_open(project: Project) -> bool:
    """Whether a search or import was completed since the last version (or none is closed yet)."""
    closed = views.versions(project.store)
    if not closed:
        return True
    return any((run.completed_at or "") > closed[-1].at for run in views.runs(project.store))


def strategies(project: Project) -> list[tuple[str, Path]]:
    """(source, strategy file) of every PubMed source of review.toml: what a machine can rerun."""
    found = []
    for source in project.config.sources:
        if source.strategy and "pubmed" in f"{source.name} {source.platform}".casefold():
            found.append((source.name, project.path(*Path(source.strategy).parts)))
    return found


def plan(project: Project) -> list[Step]:
    """For each step whether it is done, due or waiting, and why; changes nothing."""
    waiting = waiting_for_people(project)
    steps = [_search_step(project, waiting), _dedup_step(project)]
    steps += [Step(name=w.what, status="waiting", why=f"{w.n} wait for a person", command=w.command) for w in waiting]
    for outcome in plan_analyses(project):
        steps.append(_analysis_step(outcome))
    fresh = is_fresh(project)
    why = (
        "nothing changed since it was written" if fresh else "decisions, data or settings changed since it was written"
    )
    steps.append(Step(name="report", status="done" if fresh else "due", why=why, command="evipool report"))
    if round_is_open(project) and not waiting:
        steps.append(Step(name="version", status="due", why="nothing waits for a person", command="evipool update"))
    return steps


def _search_step(project: Project, waiting: list[Waiting]) -> Step:
    if not strategies(project):
        return Step(name="search", status="done", why="no PubMed strategy is named in [[sources]]")
    runs = [run for run in views.runs(project.store) if run.kind == "search"]
    if not runs:
        return Step(name="search", status="due", why="PubMed was never searched", command="evipool update --search")
    last = max(run.searched_on for run in runs)
    if waiting and round_is_open(project):
        return Step(name="search", status="done", why=f"searched {last}; this round still waits for people")
    return Step(name="search", status="due", why=f"last searched {last}", command="evipool update")


def _dedup_step(project: Project) -> Step:
    assigned = {event.subject for event in project.store.heads("assign")}
    new = sum(1 for record in views.record_runs(project.store) if record not in assigned)
    if new:
        return Step(name="dedup", status="due", why=f"{new} records were never compared", command="evipool dedup")
    return Step(name="dedup", status="done", why="every record was compared")


def _analysis_step(outcome: AnalysisOutcome) -> Step:
    name = f"analysis {outcome.analysis.id}"
    if outcome.status == "refused":
        return Step(name=name, status="waiting", why=outcome.problem or "", command="edit review.toml")
    if outcome.status == "stale":
        return Step(name=name, status="due", why="its data, settings or engine changed", command="evipool analyse")
    return Step(name=name, status="done", why="same data, settings and engine")


def update(
    project: Project,
    *,
    search: SearchCall,
    searching: bool | None = None,
    progress: Progress | None = None,
    command: str = "update",
) -> UpdateOutcome:
    """Do what is next: close a finished round, search again, join duplicates, refresh analyses and report.

    Parameters
    ----------
    search : runs one strategy
    searching : True searches now, False never; None searches when the last round is finished
    progress : called with the name of each step

    Open human work never blocks what is already decided: analyses and report are refreshed from it all the same.
    """

    say = progress or (lambda text: None)
    closed: list[str] = []
    finished = not waiting_for_people(project)
    first = not views.versions(project.store)
    ending = finished and round_is_open(project) and bool(views.runs(project.store))
    before: list[AnalysisOutcome] = []
    if ending:
        say("analyses")
        before = analyse(project)
        closed.append(close_version(project, before, command=command).label)
    # A round that people have finished is closed by one call and the next round is begun by the next call; only the
    # first version, which nobody should have to ask for twice, is closed and followed by a search in one go.
    begin = finished and (first or not ending) if searching is None else searching
    searches: list[SearchOutcome] = []
    for source, strategy in strategies(project) if begin else []:
        say(f"search {source}")
        searches.append(search(project, strategy))
    say("duplicates")
    merged = dedup(project).merged
    say("analyses")
    # What was computed to close the version is not computed again: it still is what this update did.
    anew = {outcome.analysis.id: outcome for outcome in before if outcome.status == "fitted"}
    analyses = [anew.get(o.analysis.id, o) if o.status == "kept" else o for o in analyse(project)]
    waiting = waiting_for_people(project)
    if searches and not waiting and round_is_open(project):
        closed.append(close_version(project, analyses, command=command).label)
    say("report")
    return UpdateOutcome(
        searches=tuple(searches),
        merged=merged,
        analyses=tuple(analyses),
        waiting=tuple(waiting),
        closed=tuple(closed),
        report=write_report(project),
    )


def close_version(project: Project, analyses: list[AnalysisOutcome], *, command: str) -> Version:
    """Mark the present state as a completed version: counts, included studies and the results that were current."""
    label = str(len(views.versions(project.store)) + 1)
    payload: dict[str, Any] = {
        "closed_on": date.today().isoformat(),
        "analyses": {o.analysis.id: o.fingerprint for o in analyses if o.fingerprint is not None},
        "counts": flow_json(flow(project, syntheses=headline_syntheses(analyses)))["boxes"],
        "open_stages": list(open_stages(project)),
    }
    with project.writing(command) as batch:
        batch.append([NewEvent(kind="version", subject="review", value=label, payload=payload)])
    return next(v for v in views.versions(project.store) if v.label == label)
