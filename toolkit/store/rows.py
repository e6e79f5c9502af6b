"""Rows of the event table: which of them stand, how they are chained, and how they become events."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Column, Connection, Select, and_, exists, select

from toolkit.model.events import Event
from toolkit.store import schema

__all__ = ["HASHED", "dumped", "end_of", "event_hash", "events_of", "heads_query", "payloads", "plain_rows"]

_PAYLOAD, _WIDTH = Event._fields.index("payload"), len(Event._fields)


def end_of(as_of: str) -> str:
    """A date stands for its last moment; a moment for itself."""
    return f"{as_of}T23:59:59.999999+00:00" if len(as_of) == 10 else as_of


def heads_query(as_of: str | None, columns: Sequence[Column[Any]] = ()) -> Select[Any]:
    """Events (or these columns of them) that nothing up to ``as_of`` supersedes."""
    event, link = schema.event, schema.supersedes
    wanted = columns or (event,)
    if as_of is None:
        return select(*wanted).where(~exists().where(link.c.target == event.c.id))
    moment = end_of(as_of)
    later = schema.event.alias("later")
    superseded = exists().where(and_(link.c.target == event.c.id, link.c.event_id == later.c.id, later.c.at <= moment))
    return select(*wanted).where(event.c.at <= moment, ~superseded)


class payloads(dict[str, dict[str, Any]]):  # noqa: N801 - used like a function
    """Text of a payload -> the payload; equal texts are parsed once and shared, so nobody may change one."""

    def __missing__(self, text: str) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(text)
        self[text] = found
        return found


def plain_rows(connection: Connection, query: Select[Any]) -> list[tuple[Any, ...]]:
    """The driver's own tuples: for queries of text and numbers alone, with very many rows."""
    cursor = connection.execute(query).cursor
    assert cursor is not None  # a SELECT always has one
    return list(cursor.fetchall())


def events_of(rows: Sequence[Any]) -> list[Event]:
    """Events from whole rows of the table, whose first columns are the fields of `Event` in their order."""
    parsed = payloads()
    return [
        Event._make((*row[:_PAYLOAD], parsed[row[_PAYLOAD]], *row[_PAYLOAD + 1 : _WIDTH])) for row in map(tuple, rows)
    ]


HASHED = ("id", "batch_id", "kind", "stage", "subject", "field", "actor", "value", "payload", "at", "slot", "void")


def event_hash(previous: str, row: Mapping[str, Any], targets: Sequence[str]) -> str:
    """The next link of the hash chain: sha256 of the previous link, the event's columns and what it supersedes."""
    content = [previous, *(row[name] for name in HASHED), *sorted(targets)]
    return hashlib.sha256(dumped(content).encode("utf-8")).hexdigest()


def dumped(value: object) -> str:
    """JSON in the one form that is stored and hashed."""
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
