"""The store of one review: append events and records, read the present or any past state."""

from __future__ import annotations

import hashlib
import uuid
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self, TypeVar, cast

from sqlalchemy import Connection, Engine, func, insert, select
from sqlalchemy.dialects.sqlite import insert as sqlite_insert

from toolkit import __version__
from toolkit.model.errors import InputError
from toolkit.model.events import EVENT_KINDS, Event, NewEvent, slot_of
from toolkit.store import schema
from toolkit.store.cache import FOLDER, Cache
from toolkit.store.database import connect, database_errors, immediate, migrate
from toolkit.store.rows import HASHED, dumped, end_of, event_hash, events_of, heads_query, plain_rows
from toolkit.store.undo import changes, in_order, undone

__all__ = ["Batch", "BatchRow", "NewRecord", "Store", "content_id", "end_of", "utc_now"]

T = TypeVar("T")

LEVEL = 1  # of zlib: records take 3 % more room than at its usual 6 and a whole file 16 %, in about a third of the time
_NAMESPACE = uuid.UUID("5b1d3c1e-6f0e-4b53-9d3a-3a0a6c1f9e11")


def utc_now() -> str:
    """The present moment, UTC, ISO 8601 with microseconds: it sorts as text."""
    return datetime.now(UTC).isoformat(timespec="microseconds")


def content_id(*parts: object) -> str:
    """An id made of content (uuid5), so that the same material in two copies of a project is one."""
    return str(uuid.uuid5(_NAMESPACE, "\x1f".join(str(part) for part in parts)))


@dataclass(frozen=True, slots=True, kw_only=True)
class NewRecord:
    """A record to be stored under a run: raw bytes, and the parsed fields as JSON-able mapping."""

    id: str
    ordinal: int
    external_id: str
    format: str
    raw: bytes
    fields: Mapping[str, Any]
    parser_version: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchRow:
    """One line of the run log: a command that wrote something."""

    id: str
    at: str
    actor: str
    command: str
    evipool_version: str
    undoes: str | None
    events: int


class Batch:
    """One transaction's worth of writing; made by `Store.batch`, everything in it lands together or not at all."""

    def __init__(self, store: Store, connection: Connection, batch_id: str, actor: str, at: str) -> None:
        self._store, self._connection = store, connection
        self.id, self.actor, self.at = batch_id, actor, at

    def append(self, events: Iterable[NewEvent]) -> list[str]:
        """Append judgements; each supersedes every standing event in its slot. Returns the new event ids."""
        prepared = [(new, new.actor or self.actor) for new in events]
        for new, _ in prepared:
            _check_kind(new)
        slots = [slot_of(new, actor) for new, actor in prepared]
        heads = self._store.slot_heads(slots, self._connection)
        previous = self._connection.execute(
            select(schema.event.c.hash).order_by(schema.event.c.seq.desc()).limit(1)
        ).scalar()
        chain = previous or ""
        rows, links, ids = [], [], []
        for (new, actor), slot in zip(prepared, slots, strict=True):
            event_id = str(uuid.uuid4())
            targets = heads.get(slot, [])
            row = {
                "id": event_id,
                "batch_id": self.id,
                "kind": new.kind,
                "stage": new.stage,
                "subject": new.subject,
                "field": new.field,
                "actor": actor,
                "value": new.value,
                "payload": dumped(new.payload),
                "at": self._store.clock(),
                "slot": slot,
                "void": new.void,
            }
            chain = event_hash(chain, row, targets)
            rows.append({**row, "hash": chain})
            links += [{"target": target, "event_id": event_id} for target in targets]
            heads[slot] = [event_id]
            ids.append(event_id)
        if rows:
            self._connection.execute(insert(schema.event), rows)
        if links:
            self._connection.execute(insert(schema.supersedes), links)
        return ids

    def add_run(
        self,
        *,
        run_id: str,
        kind: str,
        source: str,
        source_kind: str,
        file_name: str,
        sha256: str,
        searched_on: str,
        detail: Mapping[str, Any],
    ) -> None:
        """Open a run; adding one that exists (resuming it) changes nothing."""
        row = {
            "id": run_id,
            "kind": kind,
            "source": source,
            "source_kind": source_kind,
            "file_name": file_name,
            "sha256": sha256,
            "searched_on": searched_on,
            "started_at": self.at,
            "batch_id": self.id,
            "detail": dumped(detail),
        }
        self._connection.execute(sqlite_insert(schema.run).values(row).on_conflict_do_nothing())

    def add_blob(self, data: bytes) -> str:
        """Keep raw material, compressed; returns its sha256."""
        digest = hashlib.sha256(data).hexdigest()
        row = {"sha256": digest, "size": len(data), "data": zlib.compress(data, LEVEL)}
        self._connection.execute(sqlite_insert(schema.blob).values(row).on_conflict_do_nothing())
        return digest

    def add_body(self, run_id: str, ordinal: int, what: str, data: bytes) -> str:
        """Keep the ``ordinal``-th raw body of a run (a reply or a file); returns its sha256."""
        digest = self.add_blob(data)
        row = {"run_id": run_id, "ordinal": ordinal, "what": what, "sha256": digest}
        self._connection.execute(sqlite_insert(schema.run_body).values(row).on_conflict_do_nothing())
        return digest

    def add_hits(self, run_id: str, external_ids: Sequence[str]) -> None:
        """Keep the ids a search returned, in its order."""
        rows = [{"run_id": run_id, "ordinal": i, "external_id": x} for i, x in enumerate(external_ids)]
        if rows:
            self._connection.execute(sqlite_insert(schema.hit).on_conflict_do_nothing(), rows)

    def add_records(self, run_id: str, records: Sequence[NewRecord]) -> int:
        """Store records of a run with their parsed fields; those already there are left alone. Returns the new ones."""
        if not records:
            return 0
        known = self._store.existing_records([r.id for r in records], self._connection)
        fresh = [r for r in records if r.id not in known]
        if fresh:
            self._connection.execute(
                insert(schema.record),
                [
                    {
                        "id": r.id,
                        "run_id": run_id,
                        "ordinal": r.ordinal,
                        "external_id": r.external_id,
                        "format": r.format,
                        "raw": zlib.compress(r.raw, LEVEL),
                    }
                    for r in fresh
                ],
            )
            rows = [parsed_row(r.id, r.fields, r.parser_version) for r in fresh]
            self._connection.execute(insert(schema.parsed), rows)
        return len(fresh)


class Store:
    """The database of a review.

    Parameters
    ----------
    engine : SQLAlchemy engine, made by `Store.open`
    path : the file
    clock : returns the present UTC moment as text; tests pass their own
    """

    def __init__(self, engine: Engine, path: Path, clock: Callable[[], str] = utc_now) -> None:
        self.engine, self.path, self.clock = engine, path, clock
        self.cache: Cache | None = Cache(path.with_name(FOLDER))
        self._kept: dict[object, tuple[int, object]] = {}

    @classmethod
    def open(cls, path: Path, *, create: bool = False, clock: Callable[[], str] = utc_now) -> Self:
        """Open (or create) the store at ``path``, migrating an older file after a backup."""
        if not create and not path.exists():
            raise InputError("there is no review database here", file=path, hint="Start one with 'evipool init'.")
        with database_errors(path):
            engine = connect(path)
            migrate(engine, path, now=clock())
        return cls(engine, path, clock)

    def close(self) -> None:
        """Give the file back."""
        self.engine.dispose()

    @contextmanager
    def batch(
        self, command: str, actor: str, *, batch_id: str | None = None, undoes: str | None = None
    ) -> Iterator[Batch]:
        """One transaction. ``batch_id`` continues an earlier batch (long imports commit in pieces)."""
        at = self.clock()
        with database_errors(self.path), immediate(self.engine) as connection:
            identity = batch_id or str(uuid.uuid4())
            row = {
                "id": identity,
                "at": at,
                "actor": actor,
                "command": command,
                "evipool_version": __version__,
                "undoes": undoes,
            }
            connection.execute(sqlite_insert(schema.batch).values(row).on_conflict_do_nothing())
            yield Batch(self, connection, identity, actor, at)

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A connection for queries; driver errors come out in words."""
        with database_errors(self.path), self.engine.connect() as connection:
            yield connection

    @contextmanager
    def moment(self) -> Iterator[Connection]:
        """As `reading`; every query sees the same moment, whoever writes meanwhile."""
        with self.reading() as connection:
            connection.exec_driver_sql("BEGIN")
            try:
                yield connection
            finally:
                connection.exec_driver_sql("ROLLBACK")

    def remember(self, key: object, make: Callable[[], T]) -> T:
        """What ``make`` returns, kept until another event is appended: every view rests on events.

        The caller must not change it. Records count only once a run event completes them, so they need no watch of
        their own.
        """
        with self.reading() as connection:
            seq = connection.execute(select(func.max(schema.event.c.seq))).scalar() or 0
        kept = self._kept.get(key)
        if kept is None or kept[0] != seq:
            kept = (seq, make())
            self._kept[key] = kept
        return cast(T, kept[1])

    # ---- the present state is a query -------------------------------------------------------------------------

    def heads(
        self,
        kind: str,
        *,
        stage: str | None = None,
        subject: str | None = None,
        as_of: str | None = None,
    ) -> list[Event]:
        """Standing events of a kind: those that nothing supersedes and that do not take something back.

        Two events in one slot mean a conflict for a person (two copies of the project were merged). A judgement that
        an undo made stand again comes as it was, with its first id and time.
        ``as_of`` is a UTC moment or a date (then the whole day counts).
        """
        if subject is not None:
            return self._read_heads(kind, stage, subject, as_of)
        kept = self.remember(("heads", kind, stage, as_of), lambda: self._read_heads(kind, stage, None, as_of))
        return list(kept)

    def _read_heads(self, kind: str, stage: str | None, subject: str | None, as_of: str | None) -> list[Event]:
        query = heads_query(as_of).where(schema.event.c.kind == kind, schema.event.c.void.is_(False))
        if stage is not None:
            query = query.where(schema.event.c.stage == stage)
        if subject is not None:
            query = query.where(schema.event.c.subject == subject)
        with self.reading() as connection:
            return in_order(events_of(connection.execute(query.order_by(schema.event.c.seq)).all()))

    def head_values(
        self,
        kind: str,
        columns: Sequence[str],
        *,
        stage: str | None = None,
        as_of: str | None = None,
        containing: str | None = None,
    ) -> list[tuple[Any, ...]]:
        """These columns of the standing events of a kind, in order; for views that read many of them.

        ``payload`` comes as its JSON text; ``containing`` keeps events whose payload text holds this.
        """
        event = schema.event.c
        query = heads_query(as_of, [event[name] for name in columns])
        query = query.where(event.kind == kind, event.void.is_(False))
        if stage is not None:
            query = query.where(event.stage == stage)
        if containing is not None:
            query = query.where(event.payload.contains(containing, autoescape=True))
        with self.reading() as connection:
            return plain_rows(connection, query.order_by(event.seq))

    def events(
        self,
        *,
        subject: str | None = None,
        batch_id: str | None = None,
        kind: str | None = None,
        stage: str | None = None,
    ) -> list[Event]:
        """Every event ever appended, in order: the audit trail."""
        query = select(schema.event)
        if kind is not None:
            query = query.where(schema.event.c.kind == kind)
        if stage is not None:
            query = query.where(schema.event.c.stage == stage)
        if subject is not None:
            query = query.where(schema.event.c.subject == subject)
        if batch_id is not None:
            query = query.where(schema.event.c.batch_id == batch_id)
        with self.reading() as connection:
            return events_of(connection.execute(query.order_by(schema.event.c.seq)).all())

    def event_counts(self, *, after: str) -> dict[str, int]:
        """Kind -> how many events were recorded after a UTC moment, in the order in which the kinds came."""
        query = (
            select(schema.event.c.kind, func.count(), func.min(schema.event.c.seq).label("first"))
            .where(schema.event.c.at > after)
            .group_by(schema.event.c.kind)
            .order_by("first")
        )
        with self.reading() as connection:
            return {row[0]: row[1] for row in connection.execute(query)}

    def batches(self) -> list[BatchRow]:
        """The run log, oldest first."""
        counts = (
            select(schema.event.c.batch_id, func.count().label("n"))
            .group_by(schema.event.c.batch_id)
            .subquery("counts")
        )
        query = (
            select(schema.batch, counts.c.n)
            .outerjoin(counts, counts.c.batch_id == schema.batch.c.id)
            .order_by(schema.batch.c.at)
        )
        with self.reading() as connection:
            return [
                BatchRow(
                    id=row.id,
                    at=row.at,
                    actor=row.actor,
                    command=row.command,
                    evipool_version=row.evipool_version,
                    undoes=row.undoes,
                    events=row.n or 0,
                )
                for row in connection.execute(query)
            ]

    def undone(self, *, as_of: str | None = None) -> set[str]:
        """Commands that were taken back and do not stand again."""
        batch = schema.batch.c
        query = select(batch.id, batch.undoes)
        if as_of is not None:
            query = query.where(batch.at <= end_of(as_of))
        with self.reading() as connection:
            return undone({row.id: row.undoes for row in connection.execute(query)})

    def undos(self) -> set[str]:
        """Commands that took another one back."""
        query = select(schema.batch.c.id).where(schema.batch.c.undoes.is_not(None))
        with self.reading() as connection:
            return set(connection.execute(query).scalars())

    def slot_heads(self, slots: Sequence[str], connection: Connection) -> dict[str, list[str]]:
        """Ids of the standing events (void ones too) of each slot."""
        found: dict[str, list[str]] = {}
        for chunk in _chunks(sorted(set(slots)), 500):
            query = heads_query(None).where(schema.event.c.slot.in_(chunk))
            for row in connection.execute(query):
                found.setdefault(row.slot, []).append(row.id)
        return found

    def existing_records(self, ids: Sequence[str], connection: Connection | None = None) -> set[str]:
        """Which of these record ids are stored."""
        found: set[str] = set()
        for chunk in _chunks(list(ids), 500):
            query = select(schema.record.c.id).where(schema.record.c.id.in_(chunk))
            if connection is None:
                with self.reading() as own:
                    found.update(own.execute(query).scalars())
            else:
                found.update(connection.execute(query).scalars())
        return found

    def undo(self, batch_id: str, *, actor: str, command: str) -> int:
        """Take a command back (see `toolkit.store.undo`); returns the number of events appended."""
        with self.batch(command, actor, undoes=batch_id) as batch:
            found = changes(batch._connection, batch_id)
            batch.append(new for _, new in found)
        return len(found)

    def undoing(self, batch_id: str) -> list[tuple[Event, NewEvent]]:
        """What `undo` would change: (what stands now, what would be appended)."""
        with self.moment() as connection:
            return changes(connection, batch_id)

    def head_hash(self) -> str:
        """The hash of the newest event: it names the whole history up to now ("" while there is none)."""
        query = select(schema.event.c.hash).order_by(schema.event.c.seq.desc()).limit(1)
        with self.reading() as connection:
            return connection.execute(query).scalar() or ""

    def verify_chain(self) -> str | None:
        """Recompute the hash chain; returns the id of the first event that does not fit, None if all do."""
        targets: dict[str, list[str]] = {}
        with self.reading() as connection:
            for row in connection.execute(select(schema.supersedes)):
                targets.setdefault(row.event_id, []).append(row.target)
            chain = ""
            for row in connection.execute(select(schema.event).order_by(schema.event.c.seq)):
                values = {name: getattr(row, name) for name in HASHED}
                chain = event_hash(chain, values, targets.get(row.id, []))
                if chain != row.hash:
                    return str(row.id)
        return None

    def blob(self, sha256: str) -> bytes:
        """Raw material by its sha256."""
        with self.reading() as connection:
            data = connection.execute(select(schema.blob.c.data).where(schema.blob.c.sha256 == sha256)).scalar()
        if data is None:
            raise InputError("no raw material with this sha256 is stored", value=sha256)
        return zlib.decompress(data)


def _check_kind(new: NewEvent) -> None:
    kind = EVENT_KINDS.get(new.kind)
    if kind is None:
        raise InputError("unknown kind of event", value=new.kind, allowed=", ".join(EVENT_KINDS))
    if kind.values is not None and not new.void and new.value not in kind.values:
        raise InputError(f"unknown verdict of a {new.kind!r} event", value=new.value, allowed=", ".join(kind.values))


def parsed_row(record_id: str, fields: Mapping[str, Any], parser_version: int) -> dict[str, Any]:
    """The row of the parsed table that these fields make."""
    return {
        "record_id": record_id,
        "parser_version": parser_version,
        "title": fields.get("title"),
        "year": fields.get("year"),
        "doi": fields.get("doi"),
        "pmid": fields.get("pmid"),
        "fields": dumped(dict(fields)),
    }


def _chunks(items: Sequence[str], size: int) -> Iterator[Sequence[str]]:
    for start in range(0, len(items), size):
        yield items[start : start + size]
