"""The step of the project: new records against all, assignments and questions as events.

Every compared record gets an *assign* event: record -> report. A report's id is the id of its earliest record. The
evidence of a merge, and the questions a person should answer, are in the payload of the event; a person's merge,
split or "not a duplicate" is an event too, and no later run overrules it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from toolkit.dedup.columns import RecordColumns
from toolkit.dedup.decide import check_strictness
from toolkit.dedup.pipeline import Matches, find_duplicates, payload_of
from toolkit.dedup.questions import Question, questions, waiting_pairs
from toolkit.dedup.rules import MERGE
from toolkit.model.events import Event, NewEvent
from toolkit.project import Project
from toolkit.store import views

__all__ = ["ACTOR", "DedupOutcome", "Question", "dedup", "questions", "waiting_pairs"]

ACTOR = "rule:dedup"
Progress = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class DedupOutcome:
    """What one run of deduplication did, or would do.

    Attributes
    ----------
    compared : records that had never been compared
    merged : of these or earlier ones, records joined to another record's report by this run
    asked : pairs this run hands to a person
    waiting : pairs that wait for a person now, older ones included
    records, reports : in the project afterwards
    by_rule : merged records by the rule that joined them
    dry_run : nothing was written
    """

    compared: int
    merged: int
    asked: int
    waiting: int
    records: int
    reports: int
    by_rule: Mapping[str, int]
    dry_run: bool


def dedup(
    project: Project,
    *,
    strictness: str = "balanced",
    dry_run: bool = False,
    recompare: bool = False,
    command: str = "dedup",
    progress: Progress | None = None,
) -> DedupOutcome:
    """Compare records that were never compared with all records, and join those that are one report.

    Parameters
    ----------
    strictness : "strict", "balanced" or "sensitive" (fewest wrong merges, or fewest missed)
    dry_run : find everything, write nothing
    recompare : compare all records with each other again; joined ones stay joined
    command : how the run log calls this
    progress : called with the name of each step

    Raises
    ------
    InputError
        for an unknown strictness.
    """
    check_strictness(strictness)
    store = project.store
    heads = {event.subject: event for event in store.heads("assign")}
    order = list(views.record_runs(store))
    new = np.array([recompare or rid not in heads for rid in order], dtype=bool)
    waiting_before = questions(project)
    now = views.assignments(store)
    if not new.any():
        return _outcome(0, Counts(), len(waiting_before), order, now.values(), dry_run)
    matches = _match(project, order, new, now, strictness, progress)
    target = _reports(order, matches, now)
    found = _questions_of(matches, order)
    evidence = _evidence(matches, order)
    events, counts = [], Counts()
    for rid in order:
        head, moved = heads.get(rid), target[rid] != now[rid]
        if moved:
            counts.add(evidence.get(rid, {"rule": "joined by another record"}))
        asks = _asks(found.get(rid, ()), head)
        if moved or head is None or len(asks) > len(head.payload.get("ask", ())):
            events.append(_assign(rid, target[rid], evidence.get(rid), asks, strictness))
    if not dry_run and events:
        with project.writing(command) as batch:
            batch.append(events)
    asked = sum(len(_asks(some, heads.get(rid))) for rid, some in found.items())
    asked -= sum(len(heads[rid].payload.get("ask", ())) for rid in found if rid in heads)
    waiting = len(waiting_before) + asked if dry_run else len(questions(project))
    return _outcome(int(new.sum()), counts, waiting, order, target.values(), dry_run, asked=asked)


class Counts:
    """How many records were joined, by rule."""

    def __init__(self) -> None:
        self.by_rule: dict[str, int] = {}

    def add(self, evidence: Mapping[str, Any]) -> None:
        rule = str(evidence["rule"])
        self.by_rule[rule] = self.by_rule.get(rule, 0) + 1


def _outcome(
    compared: int,
    counts: Counts,
    waiting: int,
    order: Sequence[str],
    reports: Iterable[str],
    dry_run: bool,
    *,
    asked: int = 0,
) -> DedupOutcome:
    return DedupOutcome(
        compared=compared,
        merged=sum(counts.by_rule.values()),
        asked=asked,
        waiting=waiting,
        records=len(order),
        reports=len(set(reports)),
        by_rule=dict(sorted(counts.by_rule.items(), key=lambda item: -item[1])),
        dry_run=dry_run,
    )


def _match(
    project: Project,
    order: Sequence[str],
    new: np.ndarray[Any, np.dtype[np.bool_]],
    now: Mapping[str, str],
    strictness: str,
    progress: Progress | None,
) -> Matches:
    store = project.store
    records = views.records(store)
    runs = views.record_runs(store)
    columns = RecordColumns.from_records(
        [records[rid].fields for rid in order], ids=order, sources=[runs[rid].source for rid in order]
    )
    place = {rid: k for k, rid in enumerate(order)}
    members: dict[str, list[int]] = {}
    for rid in order:
        members.setdefault(now[rid], []).append(place[rid])
    together = [pair for some in members.values() for pair in pairwise(some)]
    apart = [(place[a], place[b]) for a, b in views.apart_pairs(store) if a in place and b in place]
    return find_duplicates(
        columns, strictness=strictness, new=new, together=together, apart=apart, progress=progress,
    )  # fmt: skip


def _reports(order: Sequence[str], matches: Matches, now: Mapping[str, str]) -> dict[str, str]:
    """Record -> report: the earliest report id in use among the members of its cluster."""
    arrival = {rid: k for k, rid in enumerate(order)}
    chosen: dict[int, str] = {}
    for k, rid in enumerate(order):
        cluster = int(matches.clusters[k])
        report = now[rid]
        if cluster not in chosen or arrival[report] < arrival[chosen[cluster]]:
            chosen[cluster] = report
    return {rid: chosen[int(matches.clusters[k])] for k, rid in enumerate(order)}


def _evidence(matches: Matches, order: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Record -> the strongest merged pair it is part of, within its cluster."""
    d = matches.decisions
    merged = np.flatnonzero((d.band == MERGE) & (matches.clusters[d.left] == matches.clusters[d.right]))
    found: dict[str, dict[str, Any]] = {}
    for row in merged[np.argsort(-d.score[merged], kind="stable")].tolist():
        left, right = order[int(d.left[row])], order[int(d.right[row])]
        payload = None
        for rid, other in ((left, right), (right, left)):
            if rid not in found:
                payload = payload or payload_of(matches, row)
                found[rid] = {"with": other, **payload}
    return found


def _questions_of(matches: Matches, order: Sequence[str]) -> dict[str, tuple[dict[str, Any], ...]]:
    """Record (the later of the two) -> questions about it."""
    found: dict[str, list[dict[str, Any]]] = {}
    for row in matches.review.tolist():
        left, right = sorted((int(matches.decisions.left[row]), int(matches.decisions.right[row])))
        payload = payload_of(matches, row)
        found.setdefault(order[right], []).append({"with": order[left], **payload})
    return {rid: tuple(some) for rid, some in found.items()}


def _asks(found: Sequence[Mapping[str, Any]], head: Event | None) -> list[dict[str, Any]]:
    """Questions about a record: those of its standing assignment, and new ones."""
    earlier = list(head.payload.get("ask", ())) if head is not None else []
    known = {q["with"] for q in earlier}
    return earlier + [dict(q) for q in found if q["with"] not in known]


def _assign(
    rid: str, report: str, evidence: Mapping[str, Any] | None, asks: list[dict[str, Any]], strictness: str
) -> NewEvent:
    payload: dict[str, Any] = {"strictness": strictness}
    if report != rid and evidence:
        payload["evidence"] = dict(evidence)
    if asks:
        payload["ask"] = asks
    return NewEvent(kind="assign", subject=rid, value=report, payload=payload, actor=ACTOR)
