"""Fields of records as they are stored, for steps that read a whole library and parse it in other processes."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import select

from toolkit.store import schema
from toolkit.store.rows import plain_rows
from toolkit.store.store import Store

__all__ = ["field_texts"]


def field_texts(store: Store, ids: Sequence[str]) -> list[str]:
    """The JSON of the fields of these records, in this order; `views.fields_from_json` reads it."""
    found: dict[str, str] = {}
    parsed = schema.parsed.c
    with store.reading() as connection:
        for start in range(0, len(ids), 400):
            query = select(parsed.record_id, parsed.fields).where(parsed.record_id.in_(ids[start : start + 400]))
            found.update(plain_rows(connection, query))
    return [found[rid] for rid in ids]
