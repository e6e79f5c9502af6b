"""Where a review stands, what waits for whom, and what to type next, as `toolkit.overview` finds it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Self

__all__ = ["TO_EXTRACT", "Overview", "Section", "Waits"]

TO_EXTRACT = "included studies to extract"


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """One step of the review: facts as (label, value), in the order to show them."""

    name: str
    facts: tuple[tuple[str, Any], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Waits:
    """Work that waits for a person ("" for anybody): how many of what, and the command for it.

    ``blocks`` is False for what may stay open when a version of the review is closed.
    """

    person: str
    what: str
    n: int
    command: str
    blocks: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Overview:
    """The whole picture.

    Attributes
    ----------
    title : of the review
    urgent : what must be looked at before anything else, one sentence each
    sections : the steps, in order
    waiting : work of people
    next : commands to type, the most useful first
    is_idle : nothing waits and nothing is out of date; ``next`` only begins another round
    """

    title: str
    urgent: tuple[str, ...]
    sections: tuple[Section, ...]
    waiting: tuple[Waits, ...]
    next: tuple[str, ...]
    is_idle: bool

    def as_json(self) -> dict[str, Any]:
        """Everything as JSON-able data; a section's facts become a mapping."""
        return {
            "title": self.title,
            "urgent": list(self.urgent),
            "sections": {section.name: dict(section.facts) for section in self.sections},
            "waiting": [asdict(one) for one in self.waiting],
            "next": list(self.next),
            "is_idle": self.is_idle,
        }

    @classmethod
    def from_kept(cls, values: Mapping[str, Any]) -> Self:
        """The overview whose `dataclasses.asdict` went through JSON."""
        return cls(
            title=values["title"],
            urgent=tuple(values["urgent"]),
            sections=tuple(
                Section(name=one["name"], facts=tuple((label, value) for label, value in one["facts"]))
                for one in values["sections"]
            ),
            waiting=tuple(Waits(**one) for one in values["waiting"]),
            next=tuple(values["next"]),
            is_idle=values["is_idle"],
        )
