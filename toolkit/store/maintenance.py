"""Looking after the file: can it be written, is it whole, and rebuilding what may be rebuilt."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import delete, func, insert, or_, select, text

from toolkit.model.errors import SourceError
from toolkit.model.review import STAGES
from toolkit.store import schema, views
from toolkit.store.database import database_errors, immediate
from toolkit.store.kept import ballots, joined, run_records
from toolkit.store.store import Store, parsed_row

__all__ = ["damage", "kept_differs", "outdated_records", "replace_parsed", "write_obstacle"]


def write_obstacle(store: Store, *, wait: float = 0.5) -> str | None:
    """Why the review cannot be written just now, in words; None if it can. Writes nothing.

    Parameters
    ----------
    wait : seconds to wait for another writer
    """
    try:
        with database_errors(store.path), store.engine.connect() as connection:
            raw = connection.connection.driver_connection
            assert raw is not None
            before = raw.execute("PRAGMA busy_timeout").fetchone()[0]
            raw.execute(f"PRAGMA busy_timeout={int(wait * 1000)}")
            try:
                raw.execute("BEGIN IMMEDIATE")
                raw.execute("ROLLBACK")
            finally:
                raw.execute(f"PRAGMA busy_timeout={before}")
    except SourceError as error:
        return str(error)
    return None


def damage(store: Store) -> str | None:
    """What SQLite's own check finds wrong with the file; None if it is whole."""
    try:
        with store.reading() as connection:
            first = connection.execute(text("PRAGMA quick_check(1)")).scalar()
    except (SourceError, sqlite3.DatabaseError) as error:
        return str(error)
    return None if first == "ok" else str(first)


def kept_differs(store: Store) -> bool:
    """Whether what earlier commands kept in ``.cache`` answers otherwise than the history itself."""
    plain = Store(store.engine, store.path, store.clock)
    plain.cache = None
    remembering = Store(store.engine, store.path, store.clock)  # nothing of it was read before
    return _answers(remembering) != _answers(plain)


def _answers(store: Store) -> list[object]:
    finished = [run.id for run in views.runs(store)]
    votes = []
    for stage in STAGES:
        given = ballots(store, stage)
        votes.append({subject: given.ballots[number] for subject, number in given.number.items()})
    belongs = joined(store)
    return [belongs.actor, belongs.moved, belongs.asks, run_records(store, finished), votes]


def outdated_records(store: Store, parser_version: int) -> dict[str, int]:
    """Run id -> how many of its records were parsed by an older version, or have no parsed fields at all."""
    record, parsed = schema.record, schema.parsed
    query = (
        select(record.c.run_id, func.count())
        .outerjoin(parsed, parsed.c.record_id == record.c.id)
        .where(or_(parsed.c.record_id.is_(None), parsed.c.parser_version < parser_version))
        .group_by(record.c.run_id)
    )
    with store.reading() as connection:
        return {row[0]: row[1] for row in connection.execute(query)}


def replace_parsed(store: Store, fields: Mapping[str, Mapping[str, Any]], parser_version: int) -> int:
    """Put freshly parsed fields (record id -> fields) in place of the stored ones, all or none; returns how many.

    Only the parsed table changes: it is made of the records' bytes and can be made again. What commands kept goes, as
    titles are part of it.
    """
    known = store.existing_records(list(fields))
    rows = [parsed_row(i, fields[i], parser_version) for i in fields if i in known]
    with database_errors(store.path), immediate(store.engine) as connection:
        for chunk in _chunks(rows, 500):
            ids = [row["record_id"] for row in chunk]
            connection.execute(delete(schema.parsed).where(schema.parsed.c.record_id.in_(ids)))
            connection.execute(insert(schema.parsed), list(chunk))
    if store.cache is not None:
        store.cache.drop()
    return len(rows)


def _chunks(rows: Sequence[dict[str, Any]], size: int) -> list[Sequence[dict[str, Any]]]:
    return [rows[i : i + size] for i in range(0, len(rows), size)]
