"""Views: the present (or any past) state of a review, read from records and standing events."""

from __future__ import annotations

import json
import zlib
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import select

from toolkit.model.events import Event
from toolkit.model.records import ParsedRecord
from toolkit.model.review import (
    TITLE_ABSTRACT,
    Cell,
    Decision,
    EvidenceTable,
    Link,
    Record,
    Retrieval,
    Run,
    StudyStatus,
    Version,
    Vote,
)
from toolkit.store import schema
from toolkit.store.rows import payloads, plain_rows
from toolkit.store.store import Store, end_of

__all__ = [
    "apart_pairs",
    "assignments",
    "compared_records",
    "decide",
    "decisions",
    "evidence",
    "explanations",
    "external_ids",
    "links",
    "raw_record",
    "record_runs",
    "records",
    "removals",
    "reports",
    "retractions",
    "retrievals",
    "run_bodies",
    "run_hits",
    "runs",
    "study_statuses",
    "versions",
    "votes",
]


def runs(store: Store, *, as_of: str | None = None, include_open: bool = False) -> list[Run]:
    """Finished searches and imports in the order they were started; open ones too with ``include_open``."""
    done = {event.subject: event for event in store.heads("run", as_of=as_of)}
    with store.reading() as connection:
        rows = list(connection.execute(select(schema.run).order_by(schema.run.c.started_at, schema.run.c.id)))
    found = []
    for row in rows:
        event = done.get(row.id)
        complete = event is not None and event.value == "complete"
        if not complete and not (include_open and event is None):
            continue
        detail = {**json.loads(row.detail), **(event.payload if event is not None else {})}
        found.append(
            Run(
                id=row.id,
                kind=row.kind,
                # What was said when the run was completed counts: a file imported under a wrong name and undone
                # comes back under the right one, with the same records.
                source=detail.get("source", row.source),
                source_kind=detail.get("source_kind", row.source_kind),
                file_name=detail.get("file_name", row.file_name),
                sha256=row.sha256,
                searched_on=detail.get("searched_on", row.searched_on),
                started_at=row.started_at,
                completed_at=event.at if complete and event is not None else None,
                detail=detail,
            )
        )
    return found


def record_runs(store: Store, *, as_of: str | None = None) -> dict[str, Run]:
    """Record id -> the finished run that delivered it, in order of arrival."""
    return dict(store.remember(("record_runs", as_of), lambda: _record_runs(store, as_of)))


def _record_runs(store: Store, as_of: str | None) -> dict[str, Run]:
    finished = {run.id: run for run in runs(store, as_of=as_of)}
    record = schema.record.c
    query = select(record.run_id, record.id).order_by(record.run_id, record.ordinal)
    own: dict[str, list[str]] = {run_id: [] for run_id in finished}
    with store.reading() as connection:
        for run_id, record_id in plain_rows(connection, query):
            if run_id in own:
                own[run_id].append(record_id)
    return {record_id: run for run_id, run in finished.items() for record_id in own[run_id]}


# Up to so many records are looked up by their ids; for more the whole table is read.
_FEW = 10_000


def records(store: Store, ids: Iterable[str] | None = None, *, as_of: str | None = None) -> dict[str, Record]:
    """Records of finished runs with their parsed fields, in order of arrival; only ``ids`` if given."""
    wanted = None if ids is None else set(ids)
    order = [rid for rid in record_runs(store, as_of=as_of) if wanted is None or rid in wanted]
    query = select(
        schema.record.c.id,
        schema.record.c.run_id,
        schema.record.c.ordinal,
        schema.record.c.external_id,
        schema.parsed.c.fields,
    ).join(schema.parsed, schema.parsed.c.record_id == schema.record.c.id)
    rows: dict[str, Any] = {}
    with store.reading() as connection:
        if wanted is None or len(order) > _FEW:
            rows = {row.id: row for row in connection.execute(query)}
        else:
            for start in range(0, len(order), 400):
                part = query.where(schema.record.c.id.in_(order[start : start + 400]))
                rows |= {row.id: row for row in connection.execute(part)}
    return {
        rid: Record(
            id=rid,
            run_id=rows[rid].run_id,
            ordinal=rows[rid].ordinal,
            external_id=rows[rid].external_id,
            fields=fields_from_json(rows[rid].fields),
        )
        for rid in order
        if rid in rows
    }


def fields_from_json(text: str) -> ParsedRecord:
    """A `ParsedRecord` from the JSON of the parsed table (lists become tuples)."""
    values = json.loads(text)
    for name, value in values.items():
        if isinstance(value, list):
            values[name] = tuple(value)
    if "extra" in values:
        values["extra"] = {tag: tuple(content) for tag, content in values["extra"].items()}
    return ParsedRecord(**values)


def raw_record(store: Store, record_id: str) -> bytes:
    """The bytes of a record as its source delivered them."""
    with store.reading() as connection:
        data = connection.execute(select(schema.record.c.raw).where(schema.record.c.id == record_id)).scalar_one()
    return zlib.decompress(data)


def run_hits(store: Store, run_id: str) -> list[str]:
    """The ids a search returned, in its order, known ones among them."""
    query = select(schema.hit.c.external_id).where(schema.hit.c.run_id == run_id).order_by(schema.hit.c.ordinal)
    with store.reading() as connection:
        return list(connection.execute(query).scalars())


def run_bodies(store: Store, run_id: str) -> list[tuple[int, str, str]]:
    """(ordinal, what it is, sha256) of each raw body kept for a run, open or finished."""
    body = schema.run_body
    query = select(body.c.ordinal, body.c.what, body.c.sha256).where(body.c.run_id == run_id).order_by(body.c.ordinal)
    with store.reading() as connection:
        return [(row.ordinal, row.what, row.sha256) for row in connection.execute(query)]


def external_ids(store: Store) -> list[tuple[str, str, str]]:
    """(the source's own id, record id, run id) of every stored record that has one, of open runs too."""
    record = schema.record
    query = select(record.c.external_id, record.c.id, record.c.run_id).where(record.c.external_id != "")
    with store.reading() as connection:
        return [(row.external_id, row.id, row.run_id) for row in connection.execute(query)]


def assignments(store: Store, *, as_of: str | None = None) -> dict[str, str]:
    """Record id -> report id for every record of a finished run; a record nobody joined is its own report."""
    return dict(store.remember(("assignments", as_of), lambda: _assignments(store, as_of)))


def _assignments(store: Store, as_of: str | None) -> dict[str, str]:
    joined = _joined(store, as_of)
    return {rid: joined.get(rid) or rid for rid in record_runs(store, as_of=as_of)}


def _joined(store: Store, as_of: str | None) -> dict[str, str | None]:
    """Record -> the report a standing event assigns it to; only compared records."""
    return store.remember(
        ("joined", as_of), lambda: dict(store.head_values("assign", ("subject", "value"), as_of=as_of))
    )


def compared_records(store: Store) -> frozenset[str]:
    """Records that were compared with the others, whether they were joined or stand alone."""
    return frozenset(_joined(store, None))


def reports(store: Store, *, as_of: str | None = None) -> dict[str, tuple[str, ...]]:
    """Report id -> its records, in order of arrival."""
    return dict(store.remember(("reports", as_of), lambda: _reports(store, as_of)))


def _reports(store: Store, as_of: str | None) -> dict[str, tuple[str, ...]]:
    members: defaultdict[str, list[str]] = defaultdict(list)
    for rid, report in assignments(store, as_of=as_of).items():
        members[report].append(rid)
    return {report: tuple(ids) for report, ids in members.items()}


def apart_pairs(store: Store) -> set[tuple[str, str]]:
    """Pairs of records a person declared not to be duplicates, each sorted."""
    pairs = set()
    for event in store.heads("apart"):
        first, second = event.subject.split("|")
        pairs.add((first, second))
    return pairs


def removals(store: Store, *, as_of: str | None = None) -> dict[str, tuple[str, str | None]]:
    """Report id -> ("automation" | "other", reason) of what left before screening."""
    now = assignments(store, as_of=as_of)
    return {
        now.get(e.subject, e.subject): (e.value or "other", e.payload.get("reason"))
        for e in store.heads("remove", as_of=as_of)
    }


def votes(store: Store, stage: str, *, as_of: str | None = None) -> dict[str, tuple[Vote, ...]]:
    """Report id -> standing votes. A vote follows its record: after a merge a report holds both reports' votes."""
    return dict(store.remember(("votes", stage, as_of), lambda: _votes(store, stage, as_of)))


def _votes(store: Store, stage: str, as_of: str | None) -> dict[str, tuple[Vote, ...]]:
    now = assignments(store, as_of=as_of)
    found: defaultdict[str, list[Vote]] = defaultdict(list)
    parsed, make = payloads(), Vote._make
    columns = ("subject", "actor", "value", "payload", "at", "id")
    for subject, actor, value, text, at, event_id in store.head_values("screen", columns, stage=stage, as_of=as_of):
        report = now.get(subject)
        if report is not None:
            said = parsed[text]
            reason, note = (said.get("reason"), said.get("note")) if said else (None, None)
            found[report].append(make((actor, value or "", reason, note, at, event_id, subject)))
    return {report: tuple(given) for report, given in found.items()}


def first_votes(store: Store, stage: str, *, as_of: str | None = None) -> dict[str, dict[str, str]]:
    """Report id -> reviewer -> the verdict that reviewer gave first, before anybody resolved the report.

    What a reviewer changed after seeing a conflict does not count, nor does a vote that was undone.
    """
    now = assignments(store, as_of=as_of)
    moment = end_of(as_of) if as_of is not None else None
    settled: dict[str, int] = {}
    for event in store.events(kind="resolve", stage=stage):
        report = now.get(event.subject)
        if report is not None and not event.void:
            settled.setdefault(report, event.seq)
    given = [e for e in store.events(kind="screen", stage=stage) if moment is None or e.at <= moment]
    undone = {e.payload.get("undoes") for e in given if e.void}
    found: dict[str, dict[str, str]] = {}
    for event in given:
        report = now.get(event.subject)
        if report is None or event.void or event.id in undone or event.seq > settled.get(report, event.seq):
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
    now = assignments(store, as_of=as_of)
    settled: dict[str, list[Event]] = {}
    for event in store.heads("resolve", stage=stage, as_of=as_of):
        report = now.get(event.subject)
        if report is not None:
            settled.setdefault(report, []).append(event)
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


def explanations(store: Store, *, as_of: str | None = None) -> dict[str, str]:
    """Code of a flow check -> why its difference is right."""
    return {e.subject: e.value or "" for e in store.heads("explain", as_of=as_of)}


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
