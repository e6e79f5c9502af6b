"""A line of a strategy as a tree that says what it means, whatever platform it was written for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

__all__ = ["Chain", "Dates", "Group", "Heading", "Near", "Node", "Qualifier", "Refs", "Term", "Type", "Unknown"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Term:
    """Words searched as text; several are a phrase.

    Attributes
    ----------
    text : the words, without quotes
    quoted : whether they stood in quotes
    fields : what is searched, as in `toolkit.search.platforms`; None where nothing was said
    tag : the field as written, for messages
    start, end : place in the line
    """

    text: str
    quoted: bool
    start: int
    end: int
    fields: tuple[str, ...] | None = None
    tag: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Heading:
    """A subject heading; ``explode`` takes narrower headings in, ``major`` asks for the main topic."""

    text: str
    explode: bool
    start: int
    end: int
    major: bool = False
    qualifier: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Qualifier:
    """A subheading on its own ([sh], .fs.)."""

    text: str
    start: int
    end: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Type:
    """A publication type."""

    text: str
    start: int
    end: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Dates:
    """A range of dates; ``kind`` is the tag in lower case (dp, crdt, edat, mhda ...); open ends are ""."""

    kind: str
    first: str
    last: str
    start: int
    end: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Refs:
    """Other lines, joined by ``operator`` if several."""

    numbers: tuple[int, ...]
    operator: str | None
    start: int
    end: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Unknown:
    """A piece that has no meaning outside its platform, or none that is known here."""

    text: str
    why: str
    start: int
    end: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Near:
    """Two or more operands with at most ``between`` words between them; None where only the platform knows."""

    items: tuple[Node, ...]
    between: int
    ordered: bool
    written: str
    start: int
    end: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Something in brackets."""

    inner: Node
    start: int
    end: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Chain:
    """Operands joined by AND, OR, NOT on one level, as written from left to right."""

    items: tuple[Node, ...]
    operators: tuple[str, ...]
    start: int
    end: int


Node: TypeAlias = Term | Heading | Qualifier | Type | Dates | Refs | Unknown | Near | Group | Chain
