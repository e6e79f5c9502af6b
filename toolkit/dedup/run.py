"""The step of the project: new records against all that share a key, assignments and questions as events.

Every compared record gets an *assign* event: record -> report. A report's id is the id of its earliest record. The
evidence of a merge, and the questions a person should answer, are in the payload of the event; a person's merge,
split or "not a duplicate" is an event too, and no later run overrules it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, islice
from typing import Any

import numpy as np

from toolkit.dedup.decide import check_strictness
from toolkit.dedup.forecast import Forecast, forecast
from toolkit.dedup.index import save_index
from toolkit.dedup.links import new_links
from toolkit.dedup.pipeline import Matches, payload_of
from toolkit.dedup.questions import Question, open_questions, questions, waiting_pairs
from toolkit.dedup.relations import find_relations
from toolkit.dedup.rules import MERGE
from toolkit.dedup.scope import find_scope, match, what_is_known
from toolkit.model.events import NewEvent
from toolkit.project import Project
from toolkit.store import views

__all__ = ["ACTOR", "DedupOutcome", "Question", "dedup", "questions", "waiting_pairs"]

ACTOR = "rule:dedup"
MANY_EVENTS = 10_000
Progress = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class DedupOutcome:
    """What one run of deduplication did, or would do.

    Attributes
    ----------
    compared : records that had never been compared
    merged : of these or earlier ones, records joined to another record's report by this run
    asked : pairs this run hands to a person
    linked : pairs of reports this run proposes to link (`links.links`)
    waiting : pairs that wait for a person now, older ones included
    records, reports : in the project afterwards
    by_rule : merged records by the rule that joined them
    dry_run : nothing was written
    forecast : what each strictness would do; of a dry run only
    """

    compared: int
    merged: int
    asked: int
    linked: int
    waiting: int
    records: int
    reports: int
    by_rule: Mapping[str, int]
    dry_run: bool
    forecast: tuple[Forecast, ...] = ()


def dedup(
    project: Project,
    *,
    strictness: str | None = None,
    dry_run: bool = False,
    recompare: bool = False,
    command: str = "dedup",
    progress: Progress | None = None,
) -> DedupOutcome:
    """Compare records that were never compared with all records, and join those that are one report.

    Parameters
    ----------
    strictness : "strict", "balanced" or "sensitive" (fewest wrong merges, or fewest missed); None: as review.toml says
    dry_run : find everything, write nothing
    recompare : compare all records with each other again; joined ones stay joined
    command : how the run log calls this
    progress : called with the name of each step

    Raises
    ------
    InputError
        for an unknown strictness.
    """
    strictness = strictness or project.config.dedup.strictness
    check_strictness(strictness)
    store = project.store
    order = list(views.record_runs(store))
    compared = views.compared_records(store)
    new = frozenset(rid for rid in order if recompare or rid not in compared)
    now = views.assignments(store)
    if not new:
        return _outcome(0, Counts(), waiting_pairs(project), len(order), now.values(), dry_run)
    scope = find_scope(project, order, new, whole=recompare)
    known = what_is_known(scope.ids, now, views.apart_pairs(store))
    matches = match(scope, known, strictness=strictness, progress=progress)
    moves = _moves(order, scope.ids, matches, now)
    found = _questions_of(matches, scope.ids)
    evidence = _Evidence(matches, scope.ids)
    earlier = _earlier_questions(project)
    along = _moving_along(project, moves, now)
    planned: list[tuple[str, str]] = []
    counts, asked = Counts(), 0
    for rid in (rid for rid in order if now[rid] in moves or rid in new or rid in found):
        target = moves.get(now[rid], now[rid])
        moved = target != now[rid]
        if moved:
            counts.add(evidence.rule_of(rid))
        before = earlier.get(rid, [])
        asks = _asks(found.get(rid, ()), before)
        asked += len(asks) - len(before)
        if asks:
            earlier[rid] = asks
        if moved or rid not in compared or len(asks) > len(before):
            planned.append((rid, target))
    linked = new_links(project, matches, find_relations(matches, scope.values), moves, ACTOR)
    after = _After(now, moves)
    waiting = len(open_questions(after, views.apart_pairs(store), earlier.items()))
    told: tuple[Forecast, ...] = ()
    if dry_run:
        told = forecast(matches, known)
    else:
        assigned = (
            _assign(rid, to, evidence, earlier.get(rid, []), {"strictness": strictness, **along.get(rid, {})})
            for rid, to in planned
        )
        _write(project, command, chain(assigned, linked), len(planned) + len(linked))
        save_index(project.root, scope.index)
    return _outcome(
        len(new), counts, waiting, len(order), set(now.values()) - moves.keys(), dry_run, asked=asked,
        linked=len(linked), told=told,
    )  # fmt: skip


def _write(project: Project, command: str, events: Iterator[NewEvent], number: int) -> None:
    """Append the events in one transaction, made and sent some at a time."""
    if number:
        with project.writing(command) as batch:
            while part := list(islice(events, MANY_EVENTS)):
                batch.append(part)
    if number > MANY_EVENTS:
        views.compared_records(project.store)  # keeps in a cache what every later command asks first


class _After(Mapping[str, str]):
    """Record -> report once the reports that move have moved."""

    def __init__(self, now: Mapping[str, str], moves: Mapping[str, str]) -> None:
        self.now, self.moves = now, moves

    def __getitem__(self, rid: str) -> str:
        return self.moves.get(self.now[rid], self.now[rid])

    def __iter__(self) -> Iterator[str]:
        return iter(self.now)

    def __len__(self) -> int:
        return len(self.now)


class Counts:
    """How many records were joined, by rule."""

    def __init__(self) -> None:
        self.by_rule: dict[str, int] = {}

    def add(self, rule: str) -> None:
        self.by_rule[rule] = self.by_rule.get(rule, 0) + 1


def _outcome(
    compared: int,
    counts: Counts,
    waiting: int,
    records: int,
    reports: Iterable[str],
    dry_run: bool,
    *,
    asked: int = 0,
    linked: int = 0,
    told: tuple[Forecast, ...] = (),
) -> DedupOutcome:
    return DedupOutcome(
        compared=compared,
        merged=sum(counts.by_rule.values()),
        asked=asked,
        linked=linked,
        waiting=waiting,
        records=records,
        reports=len(set(reports)),
        by_rule=dict(sorted(counts.by_rule.items(), key=lambda item: -item[1])),
        dry_run=dry_run,
        forecast=told,
    )


def _moves(order: Sequence[str], ids: Sequence[str], matches: Matches, now: Mapping[str, str]) -> dict[str, str]:
    """Report -> the report it becomes part of: of those in one cluster, the earliest. Reports move as a whole."""
    arrival = {rid: k for k, rid in enumerate(order)}
    chosen: dict[int, str] = {}
    for rid, cluster in zip(ids, matches.clusters.tolist(), strict=True):
        report = now[rid]
        if cluster not in chosen or arrival[report] < arrival[chosen[cluster]]:
            chosen[cluster] = report
    moves = {now[rid]: chosen[cluster] for rid, cluster in zip(ids, matches.clusters.tolist(), strict=True)}
    return {report: target for report, target in moves.items() if report != target}


def _moving_along(project: Project, moves: Mapping[str, str], now: Mapping[str, str]) -> dict[str, dict[str, Any]]:
    """Record that was joined to a report which moves -> what stays said of it: who joined it, and why."""
    moving = [rid for rid, report in now.items() if rid != report and report in moves]
    found = {}
    for rid, (actor, said) in views.assigned_as(project.store, moving).items():
        found[rid] = {name: said[name] for name in ("evidence", "joined_by") if name in said}
        if actor != ACTOR:
            found[rid].setdefault("joined_by", actor)
    return found


def _earlier_questions(project: Project) -> dict[str, list[dict[str, Any]]]:
    """Record -> questions in its standing assignment."""
    rows = project.store.head_values("assign", ("subject", "payload"), containing='"ask":')
    return {subject: list(json.loads(text).get("ask", ())) for subject, text in rows}


class _Evidence:
    """For each record the strongest merged pair it is part of, within its cluster; told in words when asked for."""

    def __init__(self, matches: Matches, order: Sequence[str]) -> None:
        self.matches, self.order = matches, order
        self.row: dict[str, int] = {}
        d = matches.decisions
        merged = np.flatnonzero((d.band == MERGE) & (matches.clusters[d.left] == matches.clusters[d.right]))
        merged = merged[np.argsort(-d.score[merged], kind="stable")]
        for row, left, right in zip(merged.tolist(), d.left[merged].tolist(), d.right[merged].tolist(), strict=True):
            self.row.setdefault(order[left], row)
            self.row.setdefault(order[right], row)

    def rule_of(self, rid: str) -> str:
        """The rule by which the record was joined."""
        row = self.row.get(rid)
        return "joined by another record" if row is None else self.matches.decisions.rule_of(row)

    def of(self, rid: str) -> dict[str, Any] | None:
        """The other record of the pair, the score, the rule and the levels; None for a record of no merged pair."""
        row = self.row.get(rid)
        if row is None:
            return None
        left, right = (
            self.order[int(side[row])] for side in (self.matches.decisions.left, self.matches.decisions.right)
        )
        return {"with": right if rid == left else left, **payload_of(self.matches, row)}


def _questions_of(matches: Matches, order: Sequence[str]) -> dict[str, tuple[dict[str, Any], ...]]:
    """Record (the later of the two) -> questions about it."""
    found: dict[str, list[dict[str, Any]]] = {}
    for row in matches.review.tolist():
        left, right = sorted((int(matches.decisions.left[row]), int(matches.decisions.right[row])))
        payload = payload_of(matches, row)
        found.setdefault(order[right], []).append({"with": order[left], **payload})
    return {rid: tuple(some) for rid, some in found.items()}


def _asks(found: Sequence[Mapping[str, Any]], before: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Questions about a record: those of its standing assignment, and new ones."""
    known = {q["with"] for q in before}
    return [*before, *(dict(q) for q in found if q["with"] not in known)]


def _assign(
    rid: str, report: str, evidence: _Evidence, asks: list[dict[str, Any]], said: Mapping[str, Any]
) -> NewEvent:
    payload: dict[str, Any] = dict(said)
    if report != rid and (pair := evidence.of(rid)):
        payload["evidence"] = pair
    if asks:
        payload["ask"] = asks
    return NewEvent(kind="assign", subject=rid, value=report, payload=payload, actor=ACTOR)
