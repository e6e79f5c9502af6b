"""RIS in the dialects of Cochrane, Ovid, Embase, EBSCO, ProQuest, Web of Science, Scopus, Zotero, EndNote, Rayyan."""

from __future__ import annotations

import re
from collections.abc import Iterator

from toolkit.model.records import ParsedRecord
from toolkit.records.fields import FieldMap, Pairs, assemble, name_with_sure_initials
from toolkit.records.tagged import Chunk, tagged_pairs

__all__ = ["FIELDS", "parse", "split"]

# Literal first, so that searching is fast; that a line starts there is checked apart.
_TY = re.compile(rb"TY[ \t]{1,2}-(?=[ \t\r\n]|\Z)")
_BEFORE = re.compile(rb"(?:[\r\n]|\xef\xbb\xbf|\A)[ \t]{0,3}\Z")
_LINE_TAG = re.compile(
    rb"(?:(?<=[\r\n])|(?<=\xef\xbb\xbf)|\A)[ \t]{0,3}(?:[A-Z][A-Z0-9]|PMID|DOI)[ \t]{1,2}-(?=[ \t\r\n]|\Z)"
)
_END = re.compile(rb"[\r\n][ \t]{0,3}ER[ \t]{1,2}-[^\r\n]*(?:\r\n|\r|\n|\Z)")
_TWO = re.compile(r"[ \t]{0,3}([A-Z][A-Z0-9]|PMID|DOI)  -(?:[ \t]+|$)")
_ONE = re.compile(r"[ \t]{0,3}([A-Z][A-Z0-9]|PMID|DOI)[ \t]{1,2}-(?:[ \t]+|$)")
# Notes in which the writer of this package keeps what RIS has no tag for.
_OWN_NOTE = re.compile(r"(PMID|Registration): (\S.*)")
_ORPHAN = "fields that end in ER without a TY line before them"
# Values in which a new line means something: paragraphs, or one keyword a line (Rayyan, EndNote).
_KEEP_LINES = frozenset({"AB", "N2", "N1", "KW", "L1", "L2", "UR", "M1"})

FIELDS = FieldMap(
    title=("TI", "T1", "CT"),
    journal=("JF", "T2", "JO", "JA", "J2", "J1", "BT"),
    year=("PY", "DA", "Y1"),
    volume=("VL",),
    issue=("IS",),
    pages=("SP",),
    last_page=("EP",),
    abstract=("AB", "N2"),
    accession=("AN", "U2", "ID"),
    language=("LA",),
    url=("UR",),
    original_title=("OP",),
    authors=("AU", "A1"),
    keywords=("KW",),
    types=("M3",),
    issn=("SN",),
    author_name=name_with_sure_initials,
    doi=("DO", "DOI"),
    doi_in=("UR", "L3", "L2", "LK", "N1"),
    pmid=("PMID",),
    pmid_in=("C3", "AN", "UR", "N1", "M2", "C2"),
    registry=("C3", "AN", "ID", "C1"),
    registry_whole=("REG",),
)


def split(data: bytes, encoding: str) -> Iterator[Chunk]:
    """One chunk for each TY line, from the end of the record before it when tags stand before TY.

    Tagged lines that end in ER without any TY are no record and come back with an error, so that they are seen.
    """
    starts = [m.start() for m in _TY.finditer(data) if _BEFORE.search(data[max(0, m.start() - 6) : m.start()])]
    position = 0
    for index, start in enumerate(starts):
        end = starts[index + 1] if index + 1 < len(starts) else len(data)
        before = data[position:start]
        for orphan in _orphans(before):
            yield Chunk(orphan, encoding, (), _ORPHAN, False)
        closing = _END.search(data, start, end)
        tail = closing.end() if closing else end
        early = _early_tags(before)
        yield Chunk(bytes(early + data[start:tail]), encoding)
        position = tail
    for orphan in _orphans(data[position:]):
        yield Chunk(orphan, encoding, (), _ORPHAN, False)


def _orphans(between: bytes) -> Iterator[bytes]:
    position = 0
    for end in _END.finditer(between):
        block = between[position : end.start()]
        first = _LINE_TAG.search(block)
        if first:
            yield bytes(between[position + first.start() : end.end()])
        position = end.end()


def _early_tags(between: bytes) -> bytes:
    """Tagged lines between ER and TY: they belong to the record that begins ("TY is not first")."""
    ends = [m.end() for m in _END.finditer(between)]
    rest = between[ends[-1] if ends else 0 :]
    first = _LINE_TAG.search(rest)
    return bytes(rest[first.start() :]) if first else b""


def pairs_of(chunk: Chunk) -> Pairs:
    """The record's tags; one space before the dash counts only where the TY line has one too."""
    single = re.search(rb"TY[ \t]-", chunk.raw[:200]) is not None
    pairs = tagged_pairs(chunk, _ONE if single else _TWO, keep_lines=_KEEP_LINES)
    kept: Pairs = []
    for tag, value in pairs:
        if tag == "ER":
            break
        kept.append((tag, value))
    return kept


def parse(chunk: Chunk) -> ParsedRecord:
    """The fields of one RIS record."""
    pairs = pairs_of(chunk)
    base = " ".join(value for tag, value in pairs if tag in {"DB", "DP", "UR"}).lower()
    renamed: Pairs = []
    for tag, value in pairs:
        bare = value.isdigit() and len(value) <= 8
        from_pubmed = tag == "AN" and re.search(r"\bnlm\b|pubmed|medline", base)
        if bare and (from_pubmed or (tag == "C5" and "embase" in base) or (tag == "C2" and "scopus" in base)):
            renamed.append(("PMID", value))
        elif own := _OWN_NOTE.fullmatch(value) if tag == "N1" else None:
            renamed.append(("PMID" if own.group(1) == "PMID" else "REG", own.group(2)))
        else:
            renamed.append((tag, value))
    return assemble(renamed, FIELDS)
