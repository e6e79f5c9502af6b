"""The run log, the audit trail of a report, and taking a command back."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from toolkit.analysis.settings import RECORD_COMMAND
from toolkit.model.errors import InputError
from toolkit.model.events import EVENT_KINDS, Event
from toolkit.screening.state import ScreeningState, load_state
from toolkit.store import BatchRow, views
from toolkit.store.keys import ReportKeys

if TYPE_CHECKING:
    from toolkit.project import Project

__all__ = ["HIDDEN", "LogLine", "SubjectEvent", "Undone", "log", "subject_log", "undo"]

HIDDEN = "(hidden until all votes are in)"


@dataclass(frozen=True, slots=True, kw_only=True)
class LogLine:
    """A command that wrote something; ``undone`` when it was taken back (and that was not taken back again)."""

    batch: str
    at: str
    actor: str
    command: str
    events: int
    undone: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class SubjectEvent:
    """One judgement in the history of a report, record, run or study; ``stands`` unless something superseded it."""

    at: str
    actor: str
    kind: str
    stage: str
    field: str
    value: str | None
    reason: str | None
    note: str | None
    stands: bool
    batch: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Undone:
    """What taking a command back changes.

    Attributes
    ----------
    line : the command
    taken_back : judgements by (kind, value), with their number
    kept : judgements of the command that later work has superseded; that stands
    records : records that leave the review with it (an import), or come back
    """

    line: LogLine
    taken_back: Mapping[tuple[str, str], int]
    kept: int
    records: int


def log(project: Project, *, limit: int | None = None) -> list[LogLine]:
    """Commands that wrote something, oldest first; the last ``limit`` of them.

    Another reviewer's single vote is not shown before all votes on that report are in.
    """
    rows = project.store.batches()
    undone = project.store.undone()
    rows = rows[-limit:] if limit is not None else rows
    blind = _Blind(project)
    return [
        LogLine(
            batch=row.id,
            at=row.at,
            actor=row.actor,
            command=blind.command(row),
            events=row.events,
            undone=row.id in undone,
        )
        for row in rows
    ]


def subject_log(project: Project, key: str) -> list[SubjectEvent]:
    """Every judgement on a report (and on its records), on a study, or on a run, oldest first."""
    subjects, studies = _subjects(project, key)
    events = [e for s in subjects for e in project.store.events(subject=s)]
    events += [e for e in project.store.events(kind="link") if e.field in studies and e.subject not in subjects]
    standing = {event for kind in EVENT_KINDS for (event,) in project.store.head_values(kind, ("id",))}
    blind = _Blind(project)
    found = []
    for event in sorted(events, key=lambda e: e.seq):
        hidden = blind.hides(event)
        found.append(
            SubjectEvent(
                at=event.at,
                actor=event.actor,
                kind=event.kind,
                stage=event.stage,
                field=event.field,
                value=HIDDEN if hidden else "taken back" if event.void else event.value,
                reason=None if hidden else event.payload.get("reason"),
                note=None if hidden else event.payload.get("note"),
                stands=event.id in standing,
                batch=event.batch_id,
            )
        )
    return found


def undo(project: Project, batch: str | None = None, *, dry_run: bool = False, command: str = "undo") -> Undone:
    """Take a command back: what it judged stands no more, and what it replaced stands again.

    Parameters
    ----------
    batch : the start of its id in the log; None for the last command that stands and is no undo itself
    dry_run : only say what would change

    Raises
    ------
    InputError
        if there is no such command, it wrote no judgement, or it was taken back already.
    """
    rows = project.store.batches()
    undone = project.store.undone()
    row = _row(rows, undone, batch)
    facts = {event.slot for event in project.store.events(batch_id=row.id)}
    ending = [stands for stands, _ in project.store.undoing(row.id)]
    before = views.record_runs(project.store)
    if dry_run:
        leaving = {e.subject for e in ending if e.kind == "run" and not e.void}
        change = -sum(run.id in leaving for run in before.values())
    else:
        project.store.undo(row.id, actor=project.actor, command=command)
        change = len(views.record_runs(project.store)) - len(before)
    line = LogLine(
        batch=row.id, at=row.at, actor=row.actor, command=_Blind(project).command(row), events=row.events, undone=True
    )
    return Undone(
        line=line,
        taken_back=Counter((e.kind, "taken back" if e.void else e.value or "") for e in ending),
        kept=len(facts) - len(facts & {e.slot for e in ending}),
        records=change,
    )


def _row(rows: list[BatchRow], undone: set[str], batch: str | None) -> BatchRow:
    if batch is None:
        for row in reversed(rows):
            if row.events and row.undoes is None and row.id not in undone and row.command != RECORD_COMMAND:
                return row
        raise InputError("nothing stands that could be taken back")
    found = [row for row in rows if row.id.startswith(batch.strip().lower())]
    if len(found) != 1:
        raise InputError(
            "no command in the log has this id" if not found else f"{len(found)} commands begin like this",
            value=batch,
            hint="'evipool log' lists the ids.",
        )
    if found[0].id in undone:
        raise InputError("this command was taken back already", value=batch)
    if not found[0].events:
        raise InputError(
            "this command judged nothing: there is nothing to take back",
            value=batch,
            hint="An import that was cut off counts nothing until it is finished.",
        )
    return found[0]


def _subjects(project: Project, key: str) -> tuple[list[str], set[str]]:
    text = key.strip()
    runs = [r.id for r in views.runs(project.store, include_open=True) if len(text) >= 4 and r.id.startswith(text)]
    if len(runs) == 1:
        return runs, set()
    studies = {link.study for link in views.links(project.store)} | set(views.study_statuses(project.store))
    if text in studies:
        return [text], {text}
    report = ReportKeys(project.store).find(text)
    records = views.reports(project.store).get(report, ())
    return list(dict.fromkeys((report, *records))), set()


class _Blind:
    """Which votes the acting person may not see yet."""

    def __init__(self, project: Project) -> None:
        self._project = project
        self._me = project.reviewer(required=False)
        self._state: ScreeningState | None = None
        self._now: Mapping[str, str] = {}

    def hides(self, event: Event) -> bool:
        """Whether this is another's vote on a report that still waits for votes."""
        if event.kind != "screen" or event.actor == self._me:
            return False
        if self._state is None:
            self._state = load_state(self._project)
            self._now = views.assignments(self._project.store)
        report = self._now.get(event.subject, event.subject)
        return self._state.decision(event.stage, report).status in ("waiting", "unseen")

    def command(self, row: BatchRow) -> str:
        """The command as typed; a single vote that is hidden loses its words."""
        if not row.command.startswith("screen decide") or row.actor == self._me:
            return row.command
        if any(self.hides(event) for event in self._project.store.events(batch_id=row.id)):
            return f"screen decide {HIDDEN}"
        return row.command
