"""Web of Science: tagged plain text (savedrecs.txt, .ciw, .isi) and tab-delimited."""

from __future__ import annotations

import re
from collections.abc import Iterator

from toolkit.model.records import ParsedRecord
from toolkit.records.fields import FieldMap, Pairs, assemble, name_with_sure_initials
from toolkit.records.tagged import Chunk, line_starter, split_at, tagged_pairs

__all__ = ["FIELDS", "STARTER", "parse", "parse_tab", "split"]

STARTER = line_starter(r"PT [A-Z]")
_TAG = re.compile(r"([A-Z][A-Z0-9])(?: |$)")
_TAIL = re.compile(rb"(?:(?<=[\r\n])|\A)(?:ER|EF)[ \t]*(?=[\r\n]|\Z)")
# Tags in which each line is a value of its own; in the others a line continues the one above.
_LISTS = frozenset({"AU", "AF", "BA", "BF", "BE", "CA", "GP", "CR", "C1", "C3", "ED"})
_JOINED = ("AU", "AF", "BA", "BF", "BE", "CA", "CR")

FIELDS = FieldMap(
    title=("TI",),
    journal=("SO",),
    year=("PY", "EA"),
    volume=("VL",),
    issue=("IS",),
    pages=("BP", "AR"),
    last_page=("EP",),
    abstract=("AB",),
    accession=("UT",),
    language=("LA",),
    original_title=("FT",),
    authors=("AF", "CA"),
    keywords=("DE",),
    types=("DT",),
    issn=("SN", "EI"),
    doi=("DI",),
    pmid=("PM",),
    author_name=name_with_sure_initials,
    keyword_split=r";\s*",
    type_split=r";\s*",
)


def split(data: bytes, encoding: str) -> Iterator[Chunk]:
    """One chunk for each PT line, up to its ER or EF."""
    for chunk in split_at(data, STARTER, encoding):
        end = _TAIL.search(chunk.raw)
        yield Chunk(chunk.raw[: end.end()], encoding) if end else chunk


def _parse_pairs(pairs: Pairs) -> ParsedRecord:
    names = {tag for tag, value in pairs if value}
    if "AF" not in names:
        pairs = [("AF" if tag == "AU" else tag, value) for tag, value in pairs]
    else:
        pairs = [(tag, value) for tag, value in pairs if tag != "AU"]
    return assemble(pairs, FIELDS)


def parse(chunk: Chunk) -> ParsedRecord:
    """The fields of one tagged record; full names (AF) before short ones (AU)."""
    pairs = tagged_pairs(chunk, _TAG, repeat=_LISTS)
    return _parse_pairs([(tag, value) for tag, value in pairs if tag not in {"ER", "EF", "FN", "VR"}])


def parse_tab(chunk: Chunk) -> ParsedRecord:
    """The fields of one row of the tab-delimited form, whose columns are the same tags."""
    pairs: Pairs = []
    for tag, value in chunk.cells:
        pairs += [(tag, part) for part in value.split("; ")] if tag in _JOINED else [(tag, value)]
    return _parse_pairs(pairs)
