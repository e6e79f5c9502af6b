"""What was done without a file coming of it: a search that found nothing, hand searching, contacts, grey literature."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from toolkit.model.errors import InputError
from toolkit.model.events import NewEvent
from toolkit.project import Project

__all__ = ["METHODS", "SourceNote", "note_source", "source_notes"]

METHODS: dict[str, str] = {
    "search": "searched on its own site; the count is its number of hits, 0 too",
    "hand": "hand searching of journals, proceedings or tables of contents",
    "citations": "reference lists and citing articles looked through",
    "contacts": "authors, experts or manufacturers asked",
    "grey": "grey literature: theses, reports, preprints, conference abstracts",
    "website": "web sites browsed",
    "other": "another way, said in the text",
}
_SUBJECT = "source:"


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceNote:
    """What was done at a source on a day: ``count`` items were looked at or received, None if nobody counted."""

    source: str
    kind: str
    method: str
    day: str
    count: int | None
    text: str
    actor: str


def note_source(
    project: Project,
    source: str,
    *,
    text: str,
    count: int | None = None,
    method: str = "other",
    day: date | None = None,
    command: str = "search note",
) -> SourceNote:
    """Keep what was done at a source of review.toml. It counts in the report of the search and makes no record.

    A later note of the same person on the same source, method and day takes the place of the earlier one.

    Raises
    ------
    InputError
        for an unknown source or method, a negative count, a search without one, or an empty text.
    """
    found = project.config.source(source)
    if method not in METHODS:
        raise InputError("unknown method", value=method, allowed=", ".join(METHODS))
    if count is not None and count < 0:
        raise InputError("a count is not negative", value=count)
    if method == "search" and count is None:
        raise InputError("a search has a number of hits", allowed="--count N, 0 for none")
    if not text.strip():
        raise InputError("say what was done", allowed='--text "..."')
    when = day.isoformat() if day is not None else project.store.clock()[:10]
    payload = {"source": found.name, "count": count, "text": text.strip(), "method": method, "day": when}
    event = NewEvent(kind="note", subject=f"{_SUBJECT}{found.name}", value=f"{method} {when}", payload=payload)
    with project.writing(command) as batch:
        batch.append([event])
    return next(n for n in reversed(source_notes(project)) if (n.source, n.method, n.day) == (found.name, method, when))


def source_notes(project: Project) -> tuple[SourceNote, ...]:
    """Standing notes in the order they were made."""
    kinds = {s.name: s.column for s in project.config.sources}
    return tuple(
        SourceNote(
            source=event.payload["source"],
            kind=kinds.get(event.payload["source"], "other"),
            method=event.payload["method"],
            day=event.payload["day"],
            count=event.payload["count"],
            text=event.payload["text"],
            actor=event.actor,
        )
        for event in project.store.heads("note")
        if event.subject.startswith(_SUBJECT)
    )
