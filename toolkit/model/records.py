"""What a bibliographic source delivers, after parsing."""

from __future__ import annotations

from dataclasses import dataclass, field

__all__ = ["ParsedRecord", "RawRecord"]


@dataclass(frozen=True, slots=True, kw_only=True)
class RawRecord:
    """One record as a source delivered it: bytes and position, untouched.

    Attributes
    ----------
    ordinal : position in the file or reply, counted from 0
    raw : the record's own bytes
    """

    ordinal: int
    raw: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class ParsedRecord:
    """The fields read from one raw record; ``None`` or an empty tuple means the source did not say.

    ``authors`` are "Family, Given" or a collective name; ``extra`` keeps every tag of the source that has
    no field here, so that nothing is lost between import and export.
    """

    title: str | None = None
    authors: tuple[str, ...] = ()
    journal: str | None = None
    year: int | None = None
    volume: str | None = None
    issue: str | None = None
    pages: str | None = None
    abstract: str | None = None
    doi: str | None = None
    pmid: str | None = None
    accession: str | None = None
    issn: tuple[str, ...] = ()
    language: str | None = None
    publication_types: tuple[str, ...] = ()
    keywords: tuple[str, ...] = ()
    registry_numbers: tuple[str, ...] = ()
    url: str | None = None
    original_title: str | None = None
    extra: dict[str, tuple[str, ...]] = field(default_factory=dict)
