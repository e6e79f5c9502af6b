"""Views of what arrived: runs, records, which of them are one report, what left before screening."""

from __future__ import annotations

import json
import zlib
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

from sqlalchemy import select

from toolkit.model.events import is_person
from toolkit.model.records import ParsedRecord
from toolkit.model.review import Record, Run
from toolkit.store import kept, schema
from toolkit.store.rows import heads_query
from toolkit.store.store import Store

__all__ = [
    "apart_pairs",
    "asked",
    "assigned_as",
    "assigned_by",
    "assignments",
    "compared_records",
    "external_ids",
    "fields_from_json",
    "raw_record",
    "record_runs",
    "records",
    "removals",
    "removed_by",
    "reports",
    "run_bodies",
    "run_hits",
    "runs",
]


def runs(store: Store, *, as_of: str | None = None, include_open: bool = False) -> list[Run]:
    """Finished searches and imports in the order they were started.

    With ``include_open`` those too that were cut off or taken back.
    """
    taken_back = _taken_back(store, as_of) if include_open else frozenset()
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
                taken_back=row.id in taken_back,
            )
        )
    return found


def _taken_back(store: Store, as_of: str | None) -> frozenset[str]:
    """Runs that were complete, until an undo."""
    event = schema.event.c
    query = heads_query(as_of, [event.subject]).where(
        event.kind == "run", event.void.is_(True), event.payload.contains('"undoes":')
    )
    with store.reading() as connection:
        return frozenset(connection.execute(query).scalars())


def record_runs(store: Store, *, as_of: str | None = None) -> Mapping[str, Run]:
    """Record id -> the finished run that delivered it, in order of arrival."""
    return MappingProxyType(store.remember(("record_runs", as_of), lambda: _record_runs(store, as_of)))


def _record_runs(store: Store, as_of: str | None) -> dict[str, Run]:
    finished = {run.id: run for run in runs(store, as_of=as_of)}
    own = kept.run_records(store, finished) if as_of is None else kept.read_run_records(store, finished)
    found: dict[str, Run] = {}
    for run_id, run in finished.items():
        found |= dict.fromkeys(own[run_id], run)
    return found


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


def assignments(store: Store, *, as_of: str | None = None) -> Mapping[str, str]:
    """Record id -> report id for every record of a finished run; a record nobody joined is its own report."""
    return MappingProxyType(store.remember(("assignments", as_of), lambda: _assignments(store, as_of)))


def _assignments(store: Store, as_of: str | None) -> dict[str, str]:
    arrived = record_runs(store, as_of=as_of)
    found = dict(zip(arrived, arrived, strict=True))
    found.update((record, report) for record, report in _moved(store, as_of).items() if record in found)
    return found


def _moved(store: Store, as_of: str | None) -> Mapping[str, str]:
    """Record -> the report of another that it belongs to."""
    if as_of is None:
        return kept.joined(store).moved
    last = dict(store.head_values("assign", ("subject", "value"), as_of=as_of))
    return {record: report for record, report in last.items() if report and report != record}


def assigned_by(store: Store, *, as_of: str | None = None) -> Mapping[str, str]:
    """Record id -> who assigned it to its report, a person or a rule; only records that were compared."""
    if as_of is None:
        return kept.joined(store).actor
    rows = store.head_values("assign", ("subject", "payload", "actor"), as_of=as_of)
    return {record: kept.joined_by(payload, actor) for record, payload, actor in rows}


def assigned_as(store: Store, chosen: Sequence[str]) -> dict[str, tuple[str, Mapping[str, Any]]]:
    """Record -> who assigned it last, and what the assignment says besides; of the chosen ones that were compared."""
    with store.reading() as connection:
        rows = kept.standing_on(connection, "assign", None, ("subject", "actor", "payload"), chosen)
    return {record: (actor, json.loads(said)) for record, actor, said in rows}


def removed_by(store: Store, *, as_of: str | None = None) -> dict[str, str]:
    """Record -> "tool" or "person", who joined it, for each record but the one that its report is counted by."""
    by = assigned_by(store, as_of=as_of)
    how = {actor: "person" if is_person(actor) else "tool" for actor in set(by.values())}
    found: dict[str, str] = {}
    for report, members in reports(store, as_of=as_of).items():
        if len(members) > 1:
            counted = report if report in members else members[0]
            found.update((rid, how[by[rid]] if rid in by else "tool") for rid in members if rid != counted)
    return found


def compared_records(store: Store) -> Collection[str]:
    """Records that were compared with the others, whether they were joined or stand alone."""
    return kept.joined(store).actor.keys()


def asked(store: Store) -> list[tuple[str, list[dict[str, Any]]]]:
    """(record, questions) of each standing assignment that asks a person something, in order."""
    return [(record, questions) for _, record, questions in kept.joined(store).asks]


def reports(store: Store, *, as_of: str | None = None) -> Mapping[str, tuple[str, ...]]:
    """Report id -> its records, in order of arrival."""
    return MappingProxyType(store.remember(("reports", as_of), lambda: _reports(store, as_of)))


def _reports(store: Store, as_of: str | None) -> dict[str, tuple[str, ...]]:
    now = assignments(store, as_of=as_of)
    order = dict.fromkeys(now.values())
    # As most are: one record, nothing joined.
    found: dict[str, tuple[str, ...]] = dict(zip(order, zip(order, strict=True), strict=True))
    shared = set(_moved(store, as_of).values())
    if shared:
        members: defaultdict[str, list[str]] = defaultdict(list)
        for rid, report in now.items():
            if report in shared:
                members[report].append(rid)
        found |= {report: tuple(ids) for report, ids in members.items()}
    return found


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
