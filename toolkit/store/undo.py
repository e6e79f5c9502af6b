"""Taking commands back: what a slot holds is the last judgement of a command that was not taken back.

An undo appends, for each fact that the command judged, what stands without it. So the state depends only on which
commands stand, in whatever order they were taken back, and n undos lead to the state before the last n commands. A
judgement that comes to stand again is appended as a new event that names the old one; views read it as the old one.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, select

from toolkit.model.events import Event, NewEvent
from toolkit.store import schema
from toolkit.store.rows import events_of, heads_query

__all__ = ["RESTORES", "changes", "in_order", "undone", "was"]

# In the payload of a judgement that stands again: id and time of the one it repeats.
RESTORES = "restores"


def undone(undoes: Mapping[str, str | None]) -> set[str]:
    """Commands taken back by an undo that was not taken back itself; from command -> what it undoes.

    Examples
    --------
    >>> sorted(undone({"a": None, "b": "a", "c": "b", "d": "a"}))
    ['a', 'b']
    """
    depth: dict[str, int] = {}
    for batch in undoes:
        line = [batch]
        while (target := undoes.get(line[-1])) is not None and line[-1] not in depth:
            line.append(target)
        for one in reversed(line):
            target = undoes.get(one)
            depth[one] = 0 if target is None else depth[target] + 1
    found: set[str] = set()
    for batch in sorted(depth, key=lambda one: -depth[one]):  # whether an undo stands is known before what it undoes
        target = undoes.get(batch)
        if target is not None and batch not in found:
            found.add(target)
    return found


def was(payload: Mapping[str, Any], event: str, at: str) -> tuple[str, str]:
    """Id and time of the judgement that an event with this payload repeats, else its own."""
    said = payload.get(RESTORES)
    return (said["event"], said["at"]) if said else (event, at)


def as_it_was(event: Event) -> Event:
    """The judgement that stands: of one that stands again, as it was first appended."""
    said = event.payload.get(RESTORES)
    if not said:
        return event
    payload = {name: value for name, value in event.payload.items() if name != RESTORES}
    return event._replace(id=said["event"], at=said["at"], payload=payload)


def in_order(standing: list[Event]) -> list[Event]:
    """Standing events as they were, each that stands again in the place of its first time."""
    found = [as_it_was(event) for event in standing]
    if any(old is not new for old, new in zip(standing, found, strict=True)):
        found.sort(key=lambda event: event.at)
    return found


def changes(connection: Connection, batch: str) -> list[tuple[Event, NewEvent]]:
    """What taking a command back changes: (what stands now, what is to be appended), in the order of its facts."""
    b, e = schema.batch.c, schema.event.c
    undoes: dict[str, str | None] = {row.id: row.undoes for row in connection.execute(select(b.id, b.undoes))}
    dead = undone({**undoes, "": batch})
    judged = batch
    while (target := undoes.get(judged)) is not None:  # an undo is taken back by making what it undid stand again
        judged = target
    slots = select(e.slot).where(e.batch_id == judged)
    last: dict[str, Event] = {}
    for event in events_of(connection.execute(select(schema.event).where(e.slot.in_(slots)).order_by(e.seq)).all()):
        if undoes.get(event.batch_id) is None and event.batch_id not in dead:
            last[event.slot] = event
    heads: dict[str, list[Event]] = {}
    for event in events_of(connection.execute(heads_query(None).where(e.slot.in_(slots)).order_by(e.seq)).all()):
        heads.setdefault(event.slot, []).append(event)
    found = []
    for slot, standing in heads.items():
        wanted = last.get(slot)
        if len(standing) > 1 or _stands(standing[0]) != (None if wanted is None else wanted.id):
            found.append((standing[-1], _again(wanted) if wanted is not None else _nothing(standing[-1])))
    return found


def _stands(head: Event) -> str | None:
    """The judgement that a head makes stand; None for "nothing stands here"."""
    return None if "undoes" in head.payload else was(head.payload, head.id, head.at)[0]


def _again(event: Event) -> NewEvent:
    payload = {**event.payload, RESTORES: {"event": event.id, "at": event.at}}
    return _as_new(event, payload)


def _nothing(head: Event) -> NewEvent:
    return _as_new(head, {"undoes": was(head.payload, head.id, head.at)[0]}, void=True)


def _as_new(event: Event, payload: Mapping[str, Any], *, void: bool | None = None) -> NewEvent:
    return NewEvent(
        kind=event.kind,
        subject=event.subject,
        stage=event.stage,
        field=event.field,
        value=event.value,
        payload=payload,
        actor=event.actor,
        void=event.void if void is None else void,
    )
