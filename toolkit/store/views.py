"""Views: the present (or any past) state of a review, read from records and standing events."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

from toolkit.model.events import Event
from toolkit.model.review import (
    TITLE_ABSTRACT,
    Cell,
    Decision,
    EvidenceTable,
    Link,
    Retrieval,
    StudyStatus,
    Verdict,
    Version,
    Vote,
)
from toolkit.store import kept
from toolkit.store.arrivals import (
    apart_pairs,
    asked,
    assigned_as,
    assigned_by,
    assignments,
    compared_records,
    external_ids,
    fields_from_json,
    raw_record,
    record_runs,
    records,
    removals,
    removed_by,
    reports,
    run_bodies,
    run_hits,
    runs,
)
from toolkit.store.rows import payloads
from toolkit.store.store import Store, end_of
from toolkit.store.undo import was

__all__ = [
    "apart_pairs",
    "asked",
    "assigned_as",
    "assigned_by",
    "assignments",
    "compared_records",
    "decide",
    "decisions",
    "evidence",
    "external_ids",
    "fields_from_json",
    "first_reason",
    "first_votes",
    "links",
    "raw_record",
    "record_runs",
    "records",
    "removals",
    "removed_by",
    "reports",
    "retractions",
    "retrievals",
    "run_bodies",
    "run_hits",
    "runs",
    "study_statuses",
    "verdicts",
    "versions",
    "voted_on",
    "votes",
    "votes_on",
]


def votes(store: Store, stage: str, *, as_of: str | None = None) -> dict[str, tuple[Vote, ...]]:
    """Report id -> standing votes. A vote follows its record: after a merge a report holds both reports' votes."""
    return dict(store.remember(("votes", stage, as_of), lambda: _votes(store, stage, as_of)))


_OF_VOTE = ("subject", "actor", "value", "payload", "at", "id")


def _votes(store: Store, stage: str, as_of: str | None) -> dict[str, tuple[Vote, ...]]:
    return _by_report(store.head_values("screen", _OF_VOTE, stage=stage, as_of=as_of), assignments(store, as_of=as_of))


def _by_report(rows: Iterable[tuple[Any, ...]], now: Mapping[str, str]) -> dict[str, tuple[Vote, ...]]:
    """Votes under the reports of their subjects, from rows of the columns `_OF_VOTE`."""
    found: defaultdict[str, list[Vote]] = defaultdict(list)
    parsed, make = payloads(), Vote._make
    for subject, actor, value, text, at, event_id in rows:
        report = now.get(subject)
        if report is not None:
            said = parsed[text]
            reason, note = (said.get("reason"), said.get("note")) if said else (None, None)
            event_id, at = was(said, event_id, at)
            found[report].append(make((actor, value or "", reason, note, at, event_id, subject)))
    return {report: tuple(given) for report, given in found.items()}


# For so many records votes are looked up one by one; for more all votes are read.
_FEW = 1_000


def votes_on(store: Store, stage: str, chosen: Collection[str]) -> dict[str, tuple[Vote, ...]]:
    """Of `votes`, those on these reports; a report nobody voted on is left out."""
    members = reports(store)
    subjects = [rid for report in chosen for rid in members.get(report, ())]
    if len(subjects) > _FEW:
        given = votes(store, stage)
        return {report: given[report] for report in chosen if report in given}
    with store.reading() as connection:
        rows = kept.standing_on(connection, "screen", stage, ("seq", *_OF_VOTE), subjects)
    found = _by_report((row[1:] for row in sorted(rows)), assignments(store))
    return {report: found[report] for report in chosen if report in found}


def voted_on(store: Store, stage: str, *, as_of: str | None = None) -> Collection[str]:
    """Records and reports that standing votes were given to, whatever report they belong to now."""
    if as_of is None:
        return kept.ballots(store, stage).number.keys()
    return {subject for (subject,) in store.head_values("screen", ("subject",), stage=stage, as_of=as_of)}


def first_votes(store: Store, stage: str, *, as_of: str | None = None) -> dict[str, dict[str, str]]:
    """Report id -> reviewer -> the verdict that reviewer gave first, before anybody resolved the report.

    What a reviewer changed after seeing a conflict does not count, nor does a vote that was undone.
    """
    now = assignments(store, as_of=as_of)
    moment = end_of(as_of) if as_of is not None else None
    passed_over = store.undone(as_of=as_of) | store.undos()  # what an undo makes stand again was said before
    settled: dict[str, int] = {}
    for event in store.events(kind="resolve", stage=stage):
        report = now.get(event.subject)
        if report is not None and not event.void and event.batch_id not in passed_over:
            settled.setdefault(report, event.seq)
    given = [e for e in store.events(kind="screen", stage=stage) if moment is None or e.at <= moment]
    found: dict[str, dict[str, str]] = {}
    for event in given:
        report = now.get(event.subject)
        if event.void or event.batch_id in passed_over or report is None:
            continue
        if event.seq > settled.get(report, event.seq):
            continue
        found.setdefault(report, {}).setdefault(event.actor, event.value or "")
    return found


def decisions(
    store: Store,
    stage: str,
    *,
    votes_needed: int,
    reason_order: Sequence[str] = (),
    as_of: str | None = None,
) -> dict[str, Decision]:
    """Report id -> decision, for every report that has at least one vote at ``stage``.

    Parameters
    ----------
    votes_needed : how many reviewers must have voted (1 or 2)
    reason_order : exclusion reasons in the order of the protocol; of several given, the first in it counts
    """
    order = tuple(reason_order)
    key = ("decisions", stage, votes_needed, order, as_of)
    return dict(store.remember(key, lambda: _decisions(store, stage, votes_needed, order, as_of)))


def _decisions(
    store: Store, stage: str, votes_needed: int, reason_order: tuple[str, ...], as_of: str | None
) -> dict[str, Decision]:
    settled = _resolutions(store, stage, as_of)
    given = votes(store, stage, as_of=as_of)
    return {
        report: decide(
            given.get(report, ()),
            settled.get(report, []),
            stage=stage,
            votes_needed=votes_needed,
            reason_order=reason_order,
        )
        for report in {**given, **settled}
    }


def verdicts(
    store: Store,
    stage: str,
    *,
    votes_needed: int,
    reason_order: Sequence[str] = (),
    as_of: str | None = None,
) -> Mapping[str, Verdict]:
    """As `decisions`, without the votes themselves: quick for the present of a large review.

    Equal verdicts may be one object, and the order of reports is not told.
    """
    order = tuple(reason_order)
    key = ("verdicts", stage, votes_needed, order, as_of)
    if as_of is not None:
        return {
            r: d.verdict
            for r, d in store.remember(
                ("decisions", *key[1:]), lambda: _decisions(store, stage, votes_needed, order, as_of)
            ).items()
        }
    return MappingProxyType(store.remember(key, lambda: _verdicts(store, stage, votes_needed, order)))


def _verdicts(store: Store, stage: str, votes_needed: int, order: tuple[str, ...]) -> dict[str, Verdict]:
    now, given = assignments(store), kept.ballots(store, stage)
    settled = _resolutions(store, stage, None)

    def verdict(cast: Iterable[kept.Ballot], resolutions: Sequence[Event] = ()) -> Verdict:
        anonymous = [Vote(a, v, r, None, "", i, "") for ballot in cast for a, v, r, i in ballot]
        return decide(anonymous, resolutions, stage=stage, votes_needed=votes_needed, reason_order=order).verdict

    alone = [verdict([ballot]) for ballot in given.ballots]
    numbers: dict[str, int] = {}
    several: dict[str, list[int]] = {report: [] for report in settled}
    for subject, number in given.number.items():
        report = now.get(subject)
        if report is None:
            continue
        if report in numbers or report in several:
            several.setdefault(report, [numbers[report]] if report in numbers else []).append(number)
        numbers[report] = number
    found = {report: alone[number] for report, number in numbers.items()}
    doubtful = []
    for report, own in several.items():
        cast, resolutions = [given.ballots[number] for number in own], settled.get(report, [])
        if {e.value for e in resolutions} - {v for ballot in cast for _, v, _, i in ballot if not i}:
            doubtful.append(report)
        found[report] = verdict(cast, resolutions)
    # Whether a resolution stands against votes that agree is told by the events that its author had seen.
    exact = votes_on(store, stage, doubtful) if doubtful else {}
    for report in doubtful:
        found[report] = decide(
            exact.get(report, ()), settled[report], stage=stage, votes_needed=votes_needed, reason_order=order
        ).verdict
    return found


def _resolutions(store: Store, stage: str, as_of: str | None) -> dict[str, list[Event]]:
    """Report -> standing resolutions of conflicts on it at a stage of screening."""
    now = assignments(store, as_of=as_of)
    settled: dict[str, list[Event]] = {}
    for event in store.heads("resolve", stage=stage, as_of=as_of):
        report = now.get(event.subject)
        if report is not None:
            settled.setdefault(report, []).append(event)
    return settled


def decide(
    given: Sequence[Vote],
    resolutions: Sequence[Event],
    *,
    stage: str,
    votes_needed: int,
    reason_order: Sequence[str] = (),
) -> Decision:
    """The decision that votes and resolutions on one report add up to.

    "maybe" carries a report forward at title and abstract and is a conflict at full text. A resolution stands while
    every vote was before the resolver's eyes or agrees with it; a vote that arrives later and differs reopens it.
    """
    if given and not resolutions and len(given) == votes_needed:  # nearly every report of a large review ends here
        verdict = given[0].verdict
        agreed = votes_needed == 1 or all(vote.verdict == verdict for vote in given[1:])
        if agreed and verdict in ("include", "exclude") and len({vote.actor for vote in given}) == votes_needed:
            return Decision(status=verdict, votes=tuple(given), reason=_reason(verdict, given, reason_order))
    verdicts = {_reading(vote.verdict, stage) for vote in given}
    final = [e for e in resolutions if _still_stands(e, given, stage)]
    if final and len({e.value for e in final}) == 1:
        last = final[-1]
        return Decision(
            status=last.value or "conflict",
            votes=tuple(given),
            reason=last.payload.get("reason") if last.value == "exclude" else None,
            resolved_by=last.actor,
        )
    if len(verdicts) > 1 or final:
        return Decision(status="conflict", votes=tuple(given))
    if len({vote.actor for vote in given}) < votes_needed:
        return Decision(status="waiting" if given else "unseen", votes=tuple(given))
    if "maybe" in verdicts:
        return Decision(status="conflict", votes=tuple(given))
    verdict = verdicts.pop()
    return Decision(status=verdict, votes=tuple(given), reason=_reason(verdict, given, reason_order))


def _reason(verdict: str, given: Sequence[Vote], order: Sequence[str]) -> str | None:
    named = [vote.reason for vote in given if vote.reason] if verdict == "exclude" else []
    return first_reason(named, order) if named else None


def first_reason(given: Sequence[str | None], order: Sequence[str]) -> str | None:
    """Of several exclusion reasons the one that comes first in the protocol's order (unlisted ones last)."""
    rank = {reason: i for i, reason in enumerate(order)}
    named = [reason for reason in given if reason]
    return min(named, key=lambda reason: (rank.get(reason, len(rank)), reason), default=None)


def retrievals(store: Store, *, as_of: str | None = None) -> dict[str, Retrieval]:
    """Report id -> standing of its full text; of merged reports the furthest standing counts."""
    now = assignments(store, as_of=as_of)
    rank = {"sought": 0, "not_retrieved": 1, "retrieved": 2}
    found: dict[str, Retrieval] = {}
    for event in store.heads("retrieve", as_of=as_of):
        report = now.get(event.subject)
        if report is None or event.value is None:
            continue
        new = Retrieval(status=event.value, reason=event.payload.get("reason"), at=event.at)
        if report not in found or rank[new.status] > rank[found[report].status]:
            found[report] = new
    return found


def links(store: Store, *, as_of: str | None = None) -> tuple[Link, ...]:
    """Which reports describe which studies, without repeats."""
    now = assignments(store, as_of=as_of)
    found: dict[tuple[str, str], Link] = {}
    for event in store.heads("link", as_of=as_of):
        report = now.get(event.subject)
        if report is not None:
            key = (report, event.field)
            role = (
                "primary"
                if event.value == "primary" or (key in found and found[key].role == "primary")
                else "secondary"
            )
            found[key] = Link(report, event.field, role)
    return tuple(found.values())


def study_statuses(store: Store, *, as_of: str | None = None) -> dict[str, StudyStatus]:
    """Studies whose standing a person stated; a study without one is included when one of its reports is."""
    return {
        e.subject: StudyStatus(study=e.subject, status=e.value or "included", reason=e.payload.get("reason"), at=e.at)
        for e in store.heads("study", as_of=as_of)
    }


def retractions(store: Store, *, as_of: str | None = None) -> dict[str, Event]:
    """Report id -> the event that says it was retracted, corrected or withdrawn (``value``)."""
    now = assignments(store, as_of=as_of)
    return {now.get(e.subject, e.subject): e for e in store.heads("retract", as_of=as_of)}


def versions(store: Store, *, as_of: str | None = None) -> list[Version]:
    """Completed versions of the review, oldest first."""
    heads = store.heads("version", as_of=as_of)
    return [Version(label=e.value or "", at=e.at, event_id=e.id, payload=e.payload) for e in heads]


def evidence(store: Store, table: str, *, as_of: str | None = None) -> EvidenceTable:
    """An evidence table; a cell on which extractors differ, and nobody decided, is a conflict without a value."""
    return store.remember(("evidence", table, as_of), lambda: _evidence(store, table, as_of))


def _evidence(store: Store, table: str, as_of: str | None) -> EvidenceTable:
    rows: dict[str, dict[str, dict[str, str | None]]] = {}
    for event in store.heads("extract", stage=table, as_of=as_of):
        rows.setdefault(event.subject, {}).setdefault(event.field, {})[event.actor] = event.value
    agreed = {(e.subject, e.field): e for e in store.heads("resolve", stage=table, as_of=as_of)}
    table_rows: dict[str, Mapping[str, Cell]] = {}
    for key, columns in rows.items():
        table_rows[key] = {name: _cell(by, agreed.get((key, name))) for name, by in columns.items()}
    return EvidenceTable(name=table, rows=table_rows)


def _cell(by: Mapping[str, str | None], agreed: Event | None) -> Cell:
    pairs = tuple(by.items())
    if agreed is not None:
        return Cell(agreed.value, pairs, False)
    texts = set(by.values())
    if len(texts) == 1:
        return Cell(texts.pop(), pairs, False)
    return Cell(None, pairs, True)


def _reading(verdict: str, stage: str) -> str:
    return "include" if verdict == "maybe" and stage == TITLE_ABSTRACT else verdict


def _still_stands(resolution: Event, given: Sequence[Vote], stage: str) -> bool:
    seen = set(resolution.payload.get("seen", ()))
    return all(vote.event_id in seen or _reading(vote.verdict, stage) == resolution.value for vote in given)
