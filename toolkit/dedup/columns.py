"""Records as columns: what deduplication reads, one sequence per field, the empty string for "not said"."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields

from toolkit.dedup.numbers import read_registry
from toolkit.model.records import ParsedRecord

__all__ = ["TEXT_FIELDS", "RecordColumns"]

SHORT = 12  # characters; many records share a value as short


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordColumns:
    """Bibliographic fields of n records; every sequence has length n, and ``""`` means unknown.

    Attributes
    ----------
    ids : one distinct id per record
    authors : names separated by "; " ("Family, Given" or a collective name)
    issn, registry_numbers : values separated by a space
    mentions : trial registry numbers found in fields that are not among these, such as key words
    """

    ids: Sequence[str]
    title: Sequence[str]
    authors: Sequence[str]
    journal: Sequence[str]
    year: Sequence[str]
    volume: Sequence[str]
    issue: Sequence[str]
    pages: Sequence[str]
    abstract: Sequence[str]
    doi: Sequence[str]
    pmid: Sequence[str]
    issn: Sequence[str]
    original_title: Sequence[str]
    registry_numbers: Sequence[str]
    mentions: Sequence[str]
    language: Sequence[str]
    url: Sequence[str]
    source: Sequence[str]

    def __len__(self) -> int:
        return len(self.ids)

    @classmethod
    def from_rows(cls, rows: Iterable[Mapping[str, str | None]], *, ids: str = "id") -> RecordColumns:
        """Columns from mappings such as CSV rows; absent columns are unknown, ``isbn`` serves as ``issn``."""
        columns: dict[str, list[str]] = {name: [] for name in TEXT_FIELDS}
        taken: list[tuple[str, list[str]]] = []
        own: list[str] = []
        known: dict[str, str] = {}  # years, volumes, languages: one string for all that are equal
        for row in rows:
            if not own:
                taken = [(name if name != "issn" or name in row else "isbn", columns[name]) for name in TEXT_FIELDS]
            own.append(str(row[ids]))
            for name, values in taken:
                value = row.get(name) or ""
                values.append(value if len(value) > SHORT else known.setdefault(value, value))
        return cls(ids=own, **columns)

    @classmethod
    def from_records(
        cls, records: Iterable[ParsedRecord], *, ids: Sequence[str], sources: Sequence[str] | None = None
    ) -> RecordColumns:
        """Columns from parsed records in the order of ``ids``."""
        kept = list(records)
        joined = {"authors": "; ", "issn": " ", "registry_numbers": " "}
        columns: dict[str, list[str]] = {}
        for name in TEXT_FIELDS:
            if name == "source":
                columns[name] = list(sources) if sources is not None else [""] * len(kept)
            elif name == "mentions":
                columns[name] = [_mentions(record) for record in kept]
            elif name in joined:
                columns[name] = [joined[name].join(getattr(record, name)) for record in kept]
            else:
                columns[name] = ["" if (v := getattr(record, name)) is None else str(v) for record in kept]
        return cls(ids=list(ids), **columns)


def _mentions(record: ParsedRecord) -> str:
    if not (record.keywords or record.extra):
        return ""
    return " ".join(read_registry("", *record.keywords, *(text for some in record.extra.values() for text in some)))


TEXT_FIELDS = tuple(f.name for f in fields(RecordColumns) if f.name != "ids")
