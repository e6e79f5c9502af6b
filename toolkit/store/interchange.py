"""Events as lines that two copies of a project can exchange: the same event is the same line in both."""

from __future__ import annotations

import json
from collections.abc import Iterator

from sqlalchemy import select

from toolkit.store import schema
from toolkit.store.store import Store

__all__ = ["event_lines"]


def event_lines(store: Store) -> Iterator[str]:
    """One JSON object an event, without line ends, in the order of time and id.

    A line holds what the event says, the command that made it and the ids it supersedes. The position in this copy
    (``seq``) and the hash chain are left out: they belong to one copy, so that the union of the lines of two copies is
    the history of both.
    """
    event, batch = schema.event, schema.batch
    query = (
        select(event, batch.c.command, batch.c.evipool_version)
        .join(batch, batch.c.id == event.c.batch_id)
        .order_by(event.c.at, event.c.id)
    )
    with store.reading() as connection:
        targets: dict[str, list[str]] = {}
        for row in connection.execute(select(schema.supersedes)):
            targets.setdefault(row.event_id, []).append(row.target)
        for row in connection.execute(query):
            content = {
                "id": row.id,
                "at": row.at,
                "actor": row.actor,
                "kind": row.kind,
                "stage": row.stage,
                "subject": row.subject,
                "field": row.field,
                "value": row.value,
                "void": bool(row.void),
                "payload": json.loads(row.payload),
                "supersedes": sorted(targets.get(row.id, [])),
                "batch": row.batch_id,
                "command": row.command,
                "evipool_version": row.evipool_version,
            }
            yield json.dumps(content, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
