"""The state of a review as plain data: runs, records, reports, votes, decisions, studies, evidence tables."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from toolkit.model.records import ParsedRecord

__all__ = [
    "FULL_TEXT",
    "STAGES",
    "TITLE_ABSTRACT",
    "Cell",
    "Decision",
    "EvidenceTable",
    "Link",
    "Record",
    "Retrieval",
    "Run",
    "Standing",
    "StudyStatus",
    "Verdict",
    "Version",
    "Vote",
]

TITLE_ABSTRACT = "title-abstract"
FULL_TEXT = "full-text"
STAGES = (TITLE_ABSTRACT, FULL_TEXT)


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """A search or import; ``source_kind`` is "database", "register" or "other".

    ``completed_at`` (UTC) is None for one that is not finished, or ``taken_back``.
    """

    id: str
    kind: str
    source: str
    source_kind: str
    file_name: str
    sha256: str
    searched_on: str
    started_at: str
    completed_at: str | None
    detail: Mapping[str, Any]
    taken_back: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """A stored record with its parsed fields and the run that delivered it."""

    id: str
    run_id: str
    ordinal: int
    external_id: str
    fields: ParsedRecord


class Vote(NamedTuple):
    """A reviewer's standing vote on a report at a stage; ``subject`` is the report it was given to."""

    actor: str
    verdict: str
    reason: str | None
    note: str | None
    at: str
    event_id: str
    subject: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What a stage says of a report.

    ``status`` is "include", "exclude", "conflict", "waiting" (some votes, not enough) or "unseen" (none).
    ``resolved_by`` names who settled a conflict.
    """

    status: str
    votes: tuple[Vote, ...]
    reason: str | None = None
    resolved_by: str | None = None

    @property
    def is_final(self) -> bool:
        """Whether nothing waits for a person any more."""
        return self.status in ("include", "exclude")

    @property
    def verdict(self) -> Verdict:
        """The same without the votes."""
        actors = tuple(sorted({vote.actor for vote in self.votes}))
        return Verdict(status=self.status, actors=actors, reason=self.reason, resolved_by=self.resolved_by)


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """A `Decision` without its votes: of a large review very many are equal. ``actors`` are who voted, by name."""

    status: str
    actors: tuple[str, ...] = ()
    reason: str | None = None
    resolved_by: str | None = None

    @property
    def is_final(self) -> bool:
        """Whether nothing waits for a person any more."""
        return self.status in ("include", "exclude")


@dataclass(frozen=True, slots=True, kw_only=True)
class Retrieval:
    """Where the full text of a report stands: "sought", "retrieved" or "not_retrieved"."""

    status: str
    reason: str | None
    at: str


class Link(NamedTuple):
    """A report describes a study; ``role`` is "primary" or "secondary"."""

    report: str
    study: str
    role: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StudyStatus:
    """An explicit standing of a study: "included", "ongoing", "awaiting_classification" or "removed"."""

    study: str
    status: str
    reason: str | None
    at: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """Where a study stands in the review.

    ``status`` is "included", "excluded", "pending", "ongoing", "awaiting_classification" or "removed"; ``reports``
    are all its reports, the primary one first, ``included_reports`` those included at full text.
    """

    study: str
    status: str
    reason: str | None
    reports: tuple[str, ...]
    included_reports: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """A completed version of the review: its label, the moment, and what was true then (counts, results)."""

    label: str
    at: str
    event_id: str
    payload: Mapping[str, Any]


class Cell(NamedTuple):
    """One cell of an evidence table: the agreed text, or None and the extractors' differing texts."""

    value: str | None
    by: tuple[tuple[str, str | None], ...]
    conflict: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class EvidenceTable:
    """An evidence table: row key -> column -> cell, in the order of first extraction."""

    name: str
    rows: Mapping[str, Mapping[str, Cell]] = dataclasses.field(default_factory=dict)
