"""MEDLINE text: PubMed's .nbib and efetch rettype=medline, ERIC's records in the same form (without PMID)."""

from __future__ import annotations

import re
from collections.abc import Iterator

from toolkit.model.records import ParsedRecord
from toolkit.records.fields import FieldMap, Pairs, assemble, name_with_initials
from toolkit.records.normalise import find_doi, find_registry_numbers
from toolkit.records.pubmed_article import TRIAL_REGISTERS
from toolkit.records.tagged import Chunk, tagged_pairs

__all__ = ["FIELDS", "parse", "split"]

# A record opens with PMID; ERIC's and others without one open with OWN after an empty line. The literal comes first,
# so that searching is fast; what stands before it is checked apart.
_OPENING = re.compile(rb"PMID *- *\d|OWN *- ")
_AT_LINE_START = re.compile(rb"(?:[\r\n]|\xef\xbb\xbf|\A)\Z")
_AFTER_EMPTY_LINE = re.compile(rb"(?:\n\n|\r\n\r\n|\r\r|\xef\xbb\xbf|\A[\r\n]*)\Z")
_TAG = re.compile(r"([A-Z][A-Z0-9]{1,3}) {0,2}- ?")

FIELDS = FieldMap(
    title=("TI", "BTI"),
    journal=("JT", "TA"),
    year=("DP", "DEP"),
    volume=("VI",),
    issue=("IP",),
    pages=("PG",),
    abstract=("AB",),
    language=("LA",),
    original_title=("TT",),
    authors=("AUTHOR",),
    keywords=("OT",),
    types=("PT",),
    issn=("IS", "ISSN"),
    doi=("DOI",),
    doi_in=("AID", "LID"),
    pmid=("PMID",),
    registry_whole=("REGISTRY",),
)


def split(data: bytes, encoding: str) -> Iterator[Chunk]:
    """One chunk for each PMID line, and for each OWN line that opens a record without PMID."""
    position = -1
    for match in _OPENING.finditer(data):
        start = match.start()
        rule = _AT_LINE_START if match.group().startswith(b"PMID") else _AFTER_EMPTY_LINE
        if not rule.search(data[max(0, start - 5) : start]):
            continue
        if position >= 0:
            yield Chunk(bytes(data[position:start]), encoding)
        position = start
    if position >= 0:
        yield Chunk(bytes(data[position:]), encoding)


def parse(chunk: Chunk) -> ParsedRecord:
    """The fields of one MEDLINE record; full names (FAU) before short ones (AU)."""
    pairs: Pairs = []
    previous = ""
    languages = []
    for tag, value in tagged_pairs(chunk, _TAG):
        if tag in {"FAU", "CN"}:
            pairs.append(("AUTHOR", value))
        elif tag == "AU":
            if previous != "FAU":
                pairs.append(("AUTHOR", name_with_initials(value)))
        elif tag in {"AID", "LID"} and value.endswith("[doi]"):
            pairs.append(("DOI", find_doi(value) or value))
        elif tag == "LA":
            languages.append(value)
        else:
            pairs.append((tag, value))
            if tag == "SI":
                bank, _, number = value.partition("/")
                if number and (bank in TRIAL_REGISTERS or find_registry_numbers(number)):
                    pairs.append(("REGISTRY", number))
        previous = tag
    if languages:
        pairs.append(("LA", "; ".join(languages)))
    return assemble(pairs, FIELDS)
