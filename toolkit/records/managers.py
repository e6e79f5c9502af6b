"""Tagged text of reference managers and of CNKI and Wanfang: Refer (.enw), RefWorks, NoteExpress, E-Study."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

from toolkit.model.records import ParsedRecord
from toolkit.records.fields import FieldMap, Pairs, assemble
from toolkit.records.tagged import Chunk, line_starter, split_at, tagged_pairs

__all__ = [
    "ESTUDY_STARTER",
    "NOTEEXPRESS_STARTER",
    "REFER_STARTER",
    "REFWORKS_STARTER",
    "parse_estudy",
    "parse_noteexpress",
    "parse_refer",
    "parse_refworks",
    "split_estudy",
    "split_noteexpress",
    "split_refer",
    "split_refworks",
]

REFER_STARTER = line_starter(r"%0 ")
REFWORKS_STARTER = line_starter(r"RT (?=\S)")
NOTEEXPRESS_STARTER = line_starter(r"\{Reference Type\}: ?")
ESTUDY_STARTER = line_starter(r"DataType: ?\d")
_CNKI_OWN_STARTER = line_starter("SrcDatabase-")
# A lone title or author block of Refer without %0 begins after an empty line.
_REFER_BLOCK = re.compile(rb"(?:\A(?:\xef\xbb\xbf)?\s*|(?:\r\n|\r|\n)[ \t]*(?:\r\n|\r|\n)\s*)(?=%[A-Z] )")

_REFER_TAG = re.compile(r"%([A-Z0-9@+^&?$!#*<>\[\]=~(){}|,'\";:/\\-])(?: |$)")
_REFWORKS_TAGS = (
    "RT|SR|ID|A[1-6]|T[1-3]|JF|JO|YR|FD|VO|vo|IS|SP|OP|K1|AB|NO|PB|PP|ED|SN|AV|AD|AN|LA|CL|SF|OT|LK|DO|CN|DB|DS|U\\d+"
    "|WT|WV|WP|OL|PMID|PMCID|CR|RD|ST|CT|UL|Ul"
)
_REFWORKS_TAG = re.compile(rf"({_REFWORKS_TAGS})(?: |$|(?=[^\x00-\x7f]))")
_NOTEEXPRESS_TAG = re.compile(r"\{([^{}]+)\}: ?")
_ESTUDY_TAG = re.compile(r"([A-Za-z]+)(?:-[^:：]{1,12})?[:：] ?")
_LABELLED = re.compile(r"^([A-Za-z]+)-[\u3400-\u9fff]", re.MULTILINE)  # "Fund-基金": surely a tag
_HAN_LIST = r"[;；]\s*"

_REFER = FieldMap(
    title=("T",),
    journal=("J", "B"),
    year=("D", "8"),
    volume=("V",),
    issue=("N",),
    pages=("P",),
    abstract=("X",),
    accession=("M",),
    language=("G",),
    url=("U",),
    original_title=("Q",),
    authors=("A",),
    keywords=("K",),
    types=("9",),
    issn=("@",),
    doi=("R",),
    doi_in=("U", "M"),
    pmid_in=("M", "U"),
    author_split=_HAN_LIST,
    keyword_split=r"[;；\n]\s*",
)
_REFWORKS = FieldMap(
    title=("T1",),
    journal=("JF", "JO", "T2"),
    year=("YR", "FD"),
    volume=("VO",),
    issue=("IS",),
    pages=("SP",),
    last_page=("OP",),
    abstract=("AB",),
    accession=("AN",),
    language=("LA",),
    url=("LK", "UL"),
    original_title=("OT",),
    authors=("A1",),
    keywords=("K1",),
    issn=("SN",),
    doi=("DO",),
    doi_in=("LK", "UL"),
    pmid=("PMID",),
    pmid_in=("NO",),
    author_split=_HAN_LIST,
    keyword_split=r"[;；]\s*",
)
_NOTEEXPRESS = FieldMap(
    title=("Title",),
    journal=("Journal", "Secondary Title", "Publisher"),
    year=("Year", "Date"),
    volume=("Volume",),
    issue=("Issue",),
    pages=("Pages",),
    abstract=("Abstract",),
    accession=("Accession Number",),
    language=("Language",),
    url=("URL", "Link"),
    authors=("Author",),
    keywords=("Keywords",),
    types=("Type of Work",),
    issn=("ISBN/ISSN",),
    doi=("DOI",),
    doi_in=("URL",),
    author_split=_HAN_LIST,
    keyword_split=r"[;；]\s*",
)
_ESTUDY = FieldMap(
    title=("Title",),
    journal=("Source",),
    year=("Year", "PubTime"),
    volume=("Roll", "Volume"),
    issue=("Period",),
    pages=("Page",),
    abstract=("Summary",),
    url=("Link",),
    authors=("Author",),
    keywords=("Keyword",),
    doi=("DOI",),
    doi_in=("Link",),
    author_split=_HAN_LIST,
    keyword_split=r"[;；]\s*",
)


def split_refer(data: bytes, encoding: str) -> Iterator[Chunk]:
    """One chunk for each %0; in a file without any, for each block after an empty line."""
    return split_at(data, REFER_STARTER if REFER_STARTER.search(data) else _REFER_BLOCK, encoding)


def split_refworks(data: bytes, encoding: str) -> Iterator[Chunk]:
    """One chunk for each RT line."""
    return split_at(data, REFWORKS_STARTER, encoding)


def split_noteexpress(data: bytes, encoding: str) -> Iterator[Chunk]:
    """One chunk for each {Reference Type}."""
    return split_at(data, NOTEEXPRESS_STARTER, encoding)


def split_estudy(data: bytes, encoding: str) -> Iterator[Chunk]:
    """One chunk for each DataType line, or SrcDatabase line where there is none; the format has no end mark."""
    return split_at(data, ESTUDY_STARTER if ESTUDY_STARTER.search(data) else _CNKI_OWN_STARTER, encoding)


def parse_refer(chunk: Chunk) -> ParsedRecord:
    """The fields of one Refer record; %T of a CNKI thesis or paper, whose %J or %B is the container."""
    return assemble(tagged_pairs(chunk, _REFER_TAG, keep_lines=frozenset("XK")), _REFER)


def parse_refworks(chunk: Chunk) -> ParsedRecord:
    """The fields of one RefWorks record; CNKI writes the whole page range into OP."""
    pairs = tagged_pairs(chunk, _REFWORKS_TAG, keep_lines=frozenset({"AB"}))
    pairs = [("VO" if tag == "vo" else "UL" if tag == "Ul" else tag, value) for tag, value in pairs]
    authors = [value for tag, value in pairs if tag == "A1"]
    # An old CNKI export joins Chinese authors with commas in a single A1.
    joined = len(authors) == 1 and re.fullmatch(r"[\u3400-\u9fff·]+(?:,[\u3400-\u9fff·]+)+,?", authors[0])
    fields = replace(_REFWORKS, author_split=r"[;；,]\s*") if joined else _REFWORKS
    return assemble(pairs, fields)


def parse_noteexpress(chunk: Chunk) -> ParsedRecord:
    """The fields of one NoteExpress record (CNKI: authors joined by ";"; Wanfang: one {Author} each)."""
    return assemble(tagged_pairs(chunk, _NOTEEXPRESS_TAG, keep_lines=frozenset({"Abstract"})), _NOTEEXPRESS)


def parse_estudy(chunk: Chunk) -> ParsedRecord:
    """The fields of one record of CNKI's E-Study or of its own labelled export."""
    known = {*_known(_ESTUDY), "DataType", "SrcDatabase", "Organ", "PageCount", "CLC", "ISSN", "CN", "Fund", "Tutor"}
    known.update(_LABELLED.findall(chunk.raw.decode(chunk.encoding, "replace")))
    pairs: Pairs = []
    for tag, value in tagged_pairs(chunk, _ESTUDY_TAG, keep_lines=frozenset({"Summary"})):
        if tag in known or not pairs:
            pairs.append((tag, value))
        else:
            # A line of an English abstract such as "Methods: ..." is no tag.
            pairs[-1] = (pairs[-1][0], f"{pairs[-1][1]}\n{tag}: {value}")
    return assemble(pairs, _ESTUDY)


def _known(fields: FieldMap) -> set[str]:
    return {tag for names in (fields.title, fields.journal, fields.year, fields.volume, fields.issue, fields.pages,
            fields.abstract, fields.url, fields.authors, fields.keywords, fields.doi) for tag in names}  # fmt: skip
