"""The living part: which steps are stale and why, running those that a machine can run, and closing a version.

A review moves in rounds. A round begins with a search and ends when nothing waits for a person: then the analyses and
the report are brought up to date and the round is closed as a version. `update` does whichever of these is next.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from toolkit.analysis.plan import AnalysisOutcome
from toolkit.analysis.plan import plan as plan_analyses
from toolkit.model.errors import ToolkitError
from toolkit.model.events import NewEvent
from toolkit.model.review import Version
from toolkit.model.wording import counted
from toolkit.overview import TO_EXTRACT, Waits, overview
from toolkit.project import Project
from toolkit.report.state import REPORT, is_fresh
from toolkit.store import views

if TYPE_CHECKING:
    from toolkit.analysis.monitor import Foreseen
    from toolkit.report.news import News
    from toolkit.report.run import ReportOutcome
    from toolkit.search.run import SearchOutcome

__all__ = ["Step", "UpdateOutcome", "close_version", "plan", "update", "waiting_for_people"]

Progress = Callable[[str], None]


class SearchCall(Protocol):
    """Runs the search of one strategy file; the command line supplies transport, day and sign-off."""

    def __call__(self, project: Project, strategy: Path) -> SearchOutcome: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One step of the line, why it stands so, and what to type.

    ``status`` is "done", "due" (a machine can do it), "later" (not before other steps), "refused" (settings or data
    are to be mended), "waiting" (for a person) or "open" (a person's work that does not keep a version from being
    closed) or "foreseen" (what studies that wait for extraction would do to an analysis).
    """

    name: str
    status: str
    why: str
    command: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class UpdateOutcome:
    """What an update did.

    ``closed`` are the versions it completed: one before searching, one at its end, or none. ``failures`` are
    (source, what went wrong) of searches that failed; everything else was done all the same. ``news`` is what came
    since the version that the report compares with, besides new studies; ``foreseen`` whether studies that wait for
    extraction would matter.
    """

    searches: tuple[SearchOutcome, ...]
    failures: tuple[tuple[str, ToolkitError], ...]
    merged: int
    analyses: tuple[AnalysisOutcome, ...]
    waiting: tuple[Waits, ...]
    closed: tuple[str, ...]
    news: tuple[News, ...]
    foreseen: tuple[Foreseen, ...]
    report: ReportOutcome


@dataclass(frozen=True, slots=True, kw_only=True)
class _Position:
    """Where the round stands: what keeps it open, and what comes next.

    Attributes
    ----------
    blocking : work of people that has to be done before the round can be closed
    closes : whether the present state is to be closed as a version
    searches : whether the next round is to be begun with a search
    """

    blocking: tuple[Waits, ...]
    closes: bool
    searches: bool


def waiting_for_people(project: Project) -> list[Waits]:
    """Work of people that keeps a version from being closed, as `evipool status` lists it."""
    return [one for one in overview(project).waiting if one.blocks]


def round_is_open(project: Project) -> bool:
    """Whether a search or import was completed since the last version (or none is closed yet)."""
    closed = views.versions(project.store)
    runs = views.runs(project.store)
    return any((run.completed_at or "") > closed[-1].at for run in runs) if closed else bool(runs)


def _position(project: Project, waiting: Sequence[Waits] | None = None) -> _Position:
    """What is next, from the present state alone: the same question gives the same answer after a kill.

    A round that people have finished is closed by one call and the next round is begun by the next; only the first
    version, which nobody should have to ask for twice, is closed and followed by a search in one go. A round whose
    search was cut off goes on with it. ``waiting`` is the work of people, where the caller has just read it.
    """
    read = overview(project).waiting if waiting is None else waiting
    blocking = tuple(one for one in read if one.blocks)
    closes = not blocking and round_is_open(project)
    first = not views.versions(project.store)
    return _Position(blocking=blocking, closes=closes, searches=not blocking and (first or not closes))


def strategies(project: Project) -> list[tuple[str, Path]]:
    """(source, strategy file) of every source of review.toml that a machine can rerun: PubMed and `SERVICES`."""
    from toolkit.search.services import SERVICES

    searched = ("pubmed", *(word for service in SERVICES.values() for word in service.words))
    found = []
    for source in project.config.sources:
        named = f"{source.name} {source.platform}".casefold()
        if source.strategy and any(word in named for word in searched):
            found.append((source.name, project.path(*Path(source.strategy).parts)))
    return found


def plan(project: Project) -> list[Step]:
    """For each step whether it is done, due or waiting, and why; changes nothing."""
    waiting = overview(project).waiting
    position = _position(project, waiting)
    steps = [_search_step(project, position), _dedup_step(project)]
    for one in waiting:
        who = f"{one.n} {'waits' if one.n == 1 else 'wait'} for {one.person or 'a person'}"
        status = "waiting" if one.blocks else "open"
        steps.append(Step(name=one.what, status=status, why=who, command=one.command))
    steps += [_analysis_step(project, outcome) for outcome in plan_analyses(project, read=False)]
    steps += _certainty_steps(project)
    steps += [
        Step(
            name=f"new studies and {one.analysis}",
            status="foreseen",
            why=one.words,
            command=f"evipool monitor {one.analysis} --patients {one.trigger.patients:.0f}"
            + (f" --studies {one.trigger.studies}" if one.trigger.studies > 1 else ""),
        )
        for one in _foreseen(project, waiting)
    ]
    fresh = is_fresh(project)
    why = "nothing changed since it was written" if fresh else _why_report(project)
    steps.append(Step(name="report", status="done" if fresh else "due", why=why, command="evipool report"))
    if position.closes:
        why = "nothing that keeps it open waits for a person"
        steps.append(Step(name="version", status="due", why=why, command="evipool update"))
    return steps


def _search_step(project: Project, position: _Position) -> Step:
    if not strategies(project):
        return Step(name="search", status="done", why="no strategy that can be run is named in [[sources]]")
    runs = [run for run in views.runs(project.store) if run.kind == "search"]
    last = f"last searched {max(run.searched_on for run in runs)}" if runs else "never searched from here"
    if position.searches:
        return Step(name="search", status="due", why=last, command="evipool update")
    if position.closes:
        return Step(name="search", status="later", why=f"{last}; the round is closed first")
    return Step(name="search", status="later", why=f"{last}; this round still waits for people")


def _dedup_step(project: Project) -> Step:
    assigned = views.compared_records(project.store)
    new = sum(1 for record in views.record_runs(project.store) if record not in assigned)
    if new:
        return Step(
            name="dedup",
            status="due",
            why=counted(new, "record", "was", "were") + " never compared",
            command="evipool dedup",
        )
    return Step(name="dedup", status="done", why="every record was compared")


def _analysis_step(project: Project, outcome: AnalysisOutcome) -> Step:
    from toolkit.analysis.stale import why_stale

    name = f"analysis {outcome.analysis.id}"
    if outcome.status == "refused":
        return Step(name=name, status="refused", why=outcome.problem or "", command="evipool analyse")
    if outcome.status == "stale":
        return Step(name=name, status="due", why=why_stale(project, outcome.analysis.id), command="evipool analyse")
    return Step(name=name, status="done", why="same data, settings and engine")


def _foreseen(project: Project, waiting: Sequence[Waits]) -> tuple[Foreseen, ...]:
    """What included studies that wait for extraction would do; nothing is loaded or computed where none wait."""
    studies = sum(one.n for one in waiting if one.what == TO_EXTRACT)
    if not studies:
        return ()
    from toolkit.analysis.monitor import foresee

    return foresee(project, studies)


def _certainty_steps(project: Project) -> list[Step]:
    """Ratings of certainty that were given on an older result; they keep no version from being closed."""
    from toolkit.analysis.certainty import ratings, stale_ratings

    rated = ratings(project)
    return [
        Step(
            name=f"certainty {one.name}",
            status="open",
            why=f"rated {one.rating} by {one.by} on {one.at[:10]}; the result has changed since",
            command=f"evipool certainty {one.analysis} RATING --reason ...",
        )
        for one in (stale_ratings(rated, plan_analyses(project, read=False)) if rated else ())
    ]


_EVENT_WORDS = {
    "run": "run", "assign": "duplicate decision", "screen": "vote", "resolve": "resolution",
    "retrieve": "full text", "link": "study link", "study": "study standing", "extract": "extracted cell",
    "retract": "notice", "certainty": "certainty rating", "version": "version",
}  # fmt: skip


def _why_report(project: Project) -> str:
    """What came since report.html was written: kinds of events with their number, else settings, results or version."""
    path = project.path("report", REPORT)
    if not path.is_file():
        return "never written"
    written = datetime.fromtimestamp(path.stat().st_mtime, UTC).isoformat(timespec="microseconds")
    counts = project.store.event_counts(after=written)
    parts = [counted(n, _EVENT_WORDS.get(kind, kind)) for kind, n in counts.items()]
    return f"since it was written: {', '.join(parts)}" if parts else "results, settings or evipool changed"


def update(
    project: Project,
    *,
    search: SearchCall,
    searching: bool | None = None,
    progress: Progress | None = None,
    command: str = "update",
) -> UpdateOutcome:
    """Do what is next: close a finished round, search again, join duplicates, refresh analyses and report.

    Open human work never blocks what is already decided: analyses and report are refreshed from it all the same, and
    a search that fails stops nothing else.

    Parameters
    ----------
    search : runs one strategy
    searching : True searches now, False never; None searches when the last round is finished
    progress : called with the name of each step
    """
    from toolkit.dedup.run import dedup
    from toolkit.report.context import compared_version
    from toolkit.report.news import news_since
    from toolkit.report.run import write_report

    say = progress or (lambda text: None)
    closed: list[str] = []
    # Duplicates come first: only then is known what waits, and a run that was killed goes on as if it had not been.
    say("duplicates")
    merged = dedup(project).merged
    position = _position(project)
    made: dict[str, AnalysisOutcome] = {}
    if position.closes:
        say("analyses")
        closed += _close(project, made, command)
    searches, failures = _search_all(project, search, say) if _wanted(position, searching) else ([], [])
    if searches:
        say("duplicates")
        merged += dedup(project).merged
    say("analyses")
    analyses = _analyse(project, made)
    if searches and not failures and _position(project).closes:
        closed += _close(project, made, command)
    say("report")
    report = write_report(project)
    waiting = tuple(waiting_for_people(project))
    return UpdateOutcome(
        searches=tuple(searches),
        failures=tuple(failures),
        merged=merged,
        analyses=tuple(analyses),
        waiting=waiting,
        closed=tuple(closed),
        news=news_since(project, compared_version(project)),
        foreseen=_foreseen(project, waiting),
        report=report,
    )


def _wanted(position: _Position, searching: bool | None) -> bool:
    return position.searches if searching is None else searching


def _search_all(
    project: Project, search: SearchCall, say: Progress
) -> tuple[list[SearchOutcome], list[tuple[str, ToolkitError]]]:
    """Every strategy's search; one that fails, is refused, or asks a person is told and does not stop the others."""
    found: list[SearchOutcome] = []
    failures: list[tuple[str, ToolkitError]] = []
    for source, strategy in strategies(project):
        say(f"search {source}")
        try:
            found.append(search(project, strategy))
        except ToolkitError as error:
            failures.append((source, error))
    return found, failures


def _analyse(project: Project, made: dict[str, AnalysisOutcome]) -> list[AnalysisOutcome]:
    """Fit what is stale; an analysis that this update computed before stays told as computed."""
    from toolkit.analysis.run import analyse

    outcomes = [made.get(o.analysis.id, o) if o.status == "kept" else o for o in analyse(project)]
    made.update({o.analysis.id: o for o in outcomes if o.status == "fitted"})
    return outcomes


def _close(project: Project, made: dict[str, AnalysisOutcome], command: str) -> list[str]:
    """Close the present state as a version, unless fitting shows that an analysis cannot be run."""
    outcomes = _analyse(project, made)
    if any(o.status == "refused" for o in outcomes):
        return []
    return [close_version(project, outcomes, command=command).label]


def close_version(project: Project, analyses: Sequence[AnalysisOutcome], *, command: str) -> Version:
    """Mark the present state as a completed version: counts, included studies and the results that were current."""
    from toolkit.prisma.numbers import flow_json
    from toolkit.prisma.run import flow, open_stages
    from toolkit.report.context import headline_syntheses

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
