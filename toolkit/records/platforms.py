"""Text of search platforms: Ovid (tagged and labelled), the Cochrane Library, ProQuest."""

from __future__ import annotations

import re
from collections.abc import Iterator

from toolkit.model.records import ParsedRecord
from toolkit.records.fields import FieldMap, Pairs, assemble, family_first, name_with_initials
from toolkit.records.source_line import parse_source
from toolkit.records.tagged import Chunk, line_starter, lines_of, split_at, tagged_pairs

__all__ = [
    "COCHRANE_STARTER",
    "OVID_STARTER",
    "PROQUEST_STARTER",
    "parse_cochrane",
    "parse_ovid",
    "parse_proquest",
    "split_cochrane",
    "split_ovid",
    "split_proquest",
]

OVID_STARTER = line_starter(r" {0,2}<\d+ *\.? *>[ \t]*(?=[\r\n])")
COCHRANE_STARTER = line_starter(r"Record #\d+ of \d+")
PROQUEST_STARTER = line_starter(r"Document \d+ of \d+[ \t]*(?=[\r\n])")

_OVID_TAG = re.compile(r" {0,2}([A-Z][A-Z0-9])  - ?")
_OVID_LABEL = re.compile(r" ?(?! )([A-Z][A-Za-z&/() -]{1,45})\s*$")
_OVID_LABELS = {
    "Accession Number": "AN",
    "Unique Identifier": "AN",
    "Author": "AU",
    "Authors": "AU",
    "Title": "TI",
    "Original Title": "OT",
    "Source": "SO",
    "Abstract": "AB",
    "Author Keywords": "KW",
    "Keywords": "KW",
    "DOI Number": "DO",
    "Digital Object Identifier": "DO",
    "DOI": "DO",
    "ISSN": "IS",
    "ISSN Print": "IS",
    "Language": "LG",
    "Publication Type": "PT",
    "Document Type": "PT",
    "Year of Publication": "YR",
    "Journal Name": "JN",
    "PMID": "PM",
}
_OVID = FieldMap(
    title=("TI",),
    journal=("JN", "JT"),
    year=("YR", "DP", "YEAR"),
    volume=("VO",),
    issue=("IP",),
    pages=("PG",),
    abstract=("AB",),
    accession=("AN", "UI"),
    language=("LG", "LA"),
    url=("XL",),
    original_title=("OT", "TO"),
    authors=("AU", "FA", "CA"),
    keywords=("KW", "ID"),
    types=("PT", "DT"),
    issn=("IS", "IT"),
    doi=("DO", "DI"),
    pmid=("PM",),
    registry=("CN", "NT", "SI", "RG"),
    keyword_split=r";\s*|\n",
    author_name=name_with_initials,
)
_COCHRANE_TAG = re.compile(r"([A-Z]{2,4}): ?")
_COCHRANE = FieldMap(
    title=("TI",),
    journal=("SO",),
    year=("YR",),
    volume=("VL",),
    issue=("NO",),
    pages=("PG",),
    abstract=("AB",),
    accession=("ID", "AN"),
    url=("US",),
    authors=("AU",),
    keywords=("KY",),
    types=("PT",),
    issn=("SN",),
    doi=("DOI",),
    doi_in=("US",),
    pmid=("PM",),
    pmid_in=("AN", "XR"),
    registry=("AN", "XR", "ID"),
    keyword_split=r";\s*",
    author_name=family_first,
)
_PROQUEST_TAG = re.compile(r"([A-Z][A-Za-z /()-]{2,40}): ")
_PROQUEST = FieldMap(
    title=("Title",),
    journal=("Publication title", "University/institution"),
    year=("Publication year", "Publication date", "Degree date", "Year"),
    volume=("Volume",),
    issue=("Issue",),
    pages=("Pages", "First page"),
    abstract=("Abstract",),
    accession=("ProQuest document ID",),
    language=("Language", "Language of publication"),
    url=("URL", "Document URL"),
    authors=("Author",),
    keywords=("Identifier / keyword",),
    types=("Document type",),
    issn=("ISSN", "e-ISSN"),
    doi=("DOI",),
    pmid=("PMID",),
    author_split=r";\s*",
    keyword_split=r",\s*",
)


def split_ovid(data: bytes, encoding: str) -> Iterator[Chunk]:
    """One chunk for each "<n. >" line."""
    return split_at(data, OVID_STARTER, encoding)


def split_cochrane(data: bytes, encoding: str) -> Iterator[Chunk]:
    """One chunk for each "Record #n of N" line."""
    return split_at(data, COCHRANE_STARTER, encoding)


def split_proquest(data: bytes, encoding: str) -> Iterator[Chunk]:
    """One chunk for each "Document n of N" line; the table of contents before them belongs to none."""
    return split_at(data, PROQUEST_STARTER, encoding)


def parse_ovid(chunk: Chunk) -> ParsedRecord:
    """The fields of one Ovid record; journal, volume, pages out of the source line where they have no tags."""
    tagged = tagged_pairs(chunk, _OVID_TAG, keep_lines=frozenset({"AB", "IN", "RF", "TM"}))
    pairs = tagged if len(tagged) > 2 else _labelled(chunk)
    have = {tag for tag, _ in pairs}
    for tag, value in list(pairs):
        if tag == "SO":
            pairs += [
                ("YEAR" if t == "YR" else t, v) for t, v in parse_source(value) if t not in have and not _given(t, have)
            ]
    tidy: Pairs = []
    for tag, value in pairs:
        if tag in {"AU", "FA"}:
            bare = re.sub(r"\s*\[[^\]]*\]", "", value)
            tidy += [(tag, name) for part in re.split(r";\s*", bare) if (name := _ovid_name(part))]
        elif tag in {"LG", "LA", "AN", "UI", "DT", "PT"}:
            tidy.append((tag, re.sub(r"^Peer Reviewed Journal:\s*", "", value.strip(" ."))))
        else:
            tidy.append((tag, value))
    base = " ".join(value for tag, value in tidy if tag == "DB").lower()
    if "medline" in base:
        tidy = [("PM" if tag == "UI" and value.isdigit() else tag, value) for tag, value in tidy]
    return assemble(tidy, _OVID)


def _given(tag: str, have: set[str]) -> bool:
    return (tag == "JN" and "JT" in have) or (tag == "YR" and bool(have & {"DP"}))


def _labelled(chunk: Chunk) -> Pairs:
    """Pairs of the "Citation" form: the field's name on a line of its own, its value indented below."""
    pairs: Pairs = []
    for line in lines_of(chunk)[1:]:
        label = _OVID_LABEL.match(line)
        if label:
            pairs.append((_OVID_LABELS.get(label.group(1), label.group(1)), ""))
        elif pairs and line.strip():
            tag, value = pairs[-1]
            pairs[-1] = (tag, f"{value}\n{line.strip()}" if value else line.strip())
    return [(tag, value.rstrip(".") if tag in {"AN", "KW"} else value) for tag, value in pairs]


def _ovid_name(text: str) -> str:
    """A name without footnote numbers, degrees and the closing point."""
    name = re.sub(r"[\s,]+(?:[\d*+]+[,\s]*)+$", "", text)
    name = re.sub(r"(?:,?\s+(?:M\.?D|Ph\.?D|MSc|BSc|MPH|MS|RN|FACSM|FRCP|MBBS|DO)\.?(?=[\s,*+]|$))+[\s,*+]*$", "", name)
    name = name.strip(" ,;*+")
    return name[:-1] if name.endswith(".") and not re.search(r"(?:^|[\s.\-])[A-Z]\.$|\b(?:Jr|Sr)\.$", name) else name


def parse_cochrane(chunk: Chunk) -> ParsedRecord:
    """The fields of one record of the Cochrane Library's plain text."""
    return assemble(tagged_pairs(chunk, _COCHRANE_TAG, keep_lines=frozenset({"AB"})), _COCHRANE)


def parse_proquest(chunk: Chunk) -> ParsedRecord:
    """The fields of one document of a ProQuest report."""
    pairs: Pairs = []
    for line in lines_of(chunk)[1:]:
        text = line.strip()
        match = _PROQUEST_TAG.match(text)
        if not text or set(text) == {"_"}:
            continue
        if re.fullmatch(r"https?://\S+/docview/\S+", text):
            pairs.append(("URL", text))
        elif match and ("Author" in {t for t, _ in pairs} or match.group(1) in {"Author", "Abstract", "Title"}):
            pairs.append((match.group(1), text[match.end() :]))
        elif pairs and pairs[-1][0] == "Abstract":
            pairs[-1] = ("Abstract", f"{pairs[-1][1]}\n{text}")
        elif pairs:
            pairs[-1] = (pairs[-1][0], f"{pairs[-1][1]} {text}")
        else:
            pairs.append(("Heading", text))
    if "Title" not in {tag for tag, _ in pairs}:
        pairs = [("Title" if tag == "Heading" else tag, value) for tag, value in pairs]
    return assemble([(t, v) for t, v in pairs if t != "Links"], _PROQUEST)
