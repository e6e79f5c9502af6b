"""What a file is, told by its content; the table of formats that reading, documentation and tests walk."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from toolkit.model.errors import InputError
from toolkit.model.records import ParsedRecord
from toolkit.records.tables import sniff_delimiter
from toolkit.records.tagged import Chunk
from toolkit.records.textfile import wrong_kind

__all__ = ["FORMATS", "Format", "detect_format", "load"]


@dataclass(frozen=True, slots=True)
class Format:
    """One file format.

    Attributes
    ----------
    split, parse : "module:function" that cuts the bytes into chunks, and reads one chunk
    help : what it is, in one line
    suffixes : usual ends of the file's name; another end is noted
    pattern : for text, what a line of it looks like; None where a function of this module decides
    end_mark : a line that closes each record, if the format has one
    """

    split: str
    parse: str
    help: str
    suffixes: tuple[str, ...]
    pattern: re.Pattern[str] | None = None
    end_mark: re.Pattern[bytes] | None = None


def _lines(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern, re.MULTILINE)


_HERE = "toolkit.records."
_SHEET = (_HERE + "spreadsheets:split", _HERE + "spreadsheets:parse")
_JSON = (_HERE + "jsonfiles:split", _HERE + "jsonfiles:parse")
_CSV = (".csv", ".tsv", ".txt")

# Order matters: the first text format whose pattern is found is the one.
FORMATS: dict[str, Format] = {
    "nbib": Format(
        _HERE + "medline:split", _HERE + "medline:parse", "MEDLINE text of PubMed (.nbib), also ERIC's",
        (".nbib", ".txt", ".medline"), _lines(r"\A\s*(?:PMID *- *\d|OWN *- )"),
    ),
    "wos_text": Format(
        _HERE + "wos:split", _HERE + "wos:parse", "Web of Science tagged plain text",
        (".txt", ".ciw", ".isi"), _lines(r"\A\s*(?:FN .*\n(?:VR .*\n)?|PT [A-Z]\n)"),
        re.compile(rb"[\r\n]ER[ \t]*(?=[\r\n]|\Z)"),
    ),
    "ris": Format(
        _HERE + "ris:split", _HERE + "ris:parse", "RIS of any database or reference manager",
        (".ris", ".txt", ".cgi"), _lines(r"^[ \t]{0,3}TY[ \t]{1,2}-(?=\s|\Z)"),
        re.compile(rb"[\r\n][ \t]{0,3}ER[ \t]{1,2}-"),
    ),
    "cochrane_text": Format(
        _HERE + "platforms:split_cochrane", _HERE + "platforms:parse_cochrane", "Cochrane Library plain text",
        (".txt",), _lines(r"^Record #\d+ of \d+\n+(?:ID|AU|TI): "),
    ),
    "ovid": Format(
        _HERE + "platforms:split_ovid", _HERE + "platforms:parse_ovid", "Ovid citations, tagged or labelled",
        (".txt", ".cgi"), _lines(r"\A\s*<\d+ *\.? *>[ \t]*\n"),
    ),
    "proquest_text": Format(
        _HERE + "platforms:split_proquest", _HERE + "platforms:parse_proquest", "ProQuest report in plain text",
        (".txt",), _lines(r"^Report Information from ProQuest|^Document \d+ of \d+\s*\n"),
    ),
    "noteexpress": Format(
        _HERE + "managers:split_noteexpress", _HERE + "managers:parse_noteexpress",
        "NoteExpress, also of CNKI and Wanfang", (".net", ".txt"), _lines(r"^\{Reference Type\}:"),
    ),
    "cnki_estudy": Format(
        _HERE + "managers:split_estudy", _HERE + "managers:parse_estudy", "CNKI E-Study and CNKI's own labelled text",
        (".txt", ".eln"), _lines(r"^DataType: ?\d+\s*\n|^SrcDatabase-来源库[:：]"),
    ),
    "refworks": Format(
        _HERE + "managers:split_refworks", _HERE + "managers:parse_refworks", "RefWorks tagged, also of CNKI",
        (".txt",), _lines(r"\A\s*RT \S"),
    ),
    "refer": Format(
        _HERE + "managers:split_refer", _HERE + "managers:parse_refer", "EndNote / Refer (.enw), also of CNKI, Wanfang",
        (".enw", ".txt"), _lines(r"\A\s*%[0A-Z] "),
    ),
    "bibtex": Format(
        _HERE + "bibtex:split", _HERE + "bibtex:parse", "BibTeX and BibLaTeX",
        (".bib", ".txt"), _lines(r"^[ \t]*@[A-Za-z]+\s*[{(]"),
    ),
    "pubmed_xml": Format(
        _HERE + "xmlfiles:split_pubmed", _HERE + "xmlfiles:parse_pubmed", "PubMed XML", (".xml",),
    ),
    "endnote_xml": Format(
        _HERE + "xmlfiles:split_endnote", _HERE + "xmlfiles:parse_endnote", "EndNote XML", (".xml",),
    ),
    "ictrp_xml": Format(
        _HERE + "xmlfiles:split_ictrp", _HERE + "xmlfiles:parse_ictrp", "WHO ICTRP trials, XML", (".xml",),
    ),
    "zotero_rdf": Format(_HERE + "xmlfiles:split_rdf", _HERE + "xmlfiles:parse_rdf", "Zotero RDF", (".rdf", ".xml")),
    "clinicaltrials_json": Format(*_JSON, "ClinicalTrials.gov studies, JSON of the web site or the API", (".json",)),
    "crossref_json": Format(*_JSON, "Crossref works, JSON", (".json",)),
    "openalex_json": Format(*_JSON, "OpenAlex works, JSON", (".json",)),
    "europepmc_json": Format(*_JSON, "Europe PMC results, JSON", (".json",)),
    "csl_json": Format(*_JSON, "CSL JSON of Zotero and others", (".json",)),
    "xlsx": Format(
        _HERE + "spreadsheets:split_xlsx", _SHEET[1], "Excel workbook with one record a row", (".xlsx",),
    ),
    "wos_tab": Format(
        _HERE + "spreadsheets:split_tab", _HERE + "wos:parse_tab", "Web of Science, tab-delimited", (".txt", ".tsv"),
    ),
    "central_csv": Format(*_SHEET, "Cochrane CENTRAL, CSV", _CSV),
    "embase_csv": Format(*_SHEET, "Embase.com, CSV (query lines above the header skipped)", _CSV),
    "scopus_csv": Format(*_SHEET, "Scopus, CSV", _CSV),
    "cinahl_csv": Format(*_SHEET, "CINAHL and other EBSCO databases, CSV", _CSV),
    "clinicaltrials_csv": Format(*_SHEET, "ClinicalTrials.gov, CSV", _CSV),
    "pubmed_csv": Format(*_SHEET, "PubMed, CSV", _CSV),
    "covidence_csv": Format(*_SHEET, "Covidence, CSV", _CSV),
    "abstrackr_csv": Format(*_SHEET, "abstrackr, CSV", _CSV),
    "rayyan_csv": Format(*_SHEET, "Rayyan, CSV", _CSV),
    "zotero_csv": Format(*_SHEET, "Zotero, CSV", _CSV),
    "ieee_csv": Format(*_SHEET, "IEEE Xplore, CSV", _CSV),
    "bvs_csv": Format(*_SHEET, "LILACS / BVS, CSV", _CSV),
    "asreview_csv": Format(*_SHEET, "ASReview, CSV", _CSV),
    "csv": Format(*_SHEET, "any table with a title column", _CSV),
}  # fmt: skip

_ROOTS = (
    (re.compile(r"<PubmedArticleSet\b|<Pubmed(?:Book)?Article\b|<PubmedBookArticleSet\b"), "pubmed_xml"),
    (re.compile(r"<Trials_downloaded_from_ICTRP\b"), "ictrp_xml"),
    (re.compile(r"<rdf:RDF\b"), "zotero_rdf"),
    (re.compile(r"<records\b|<xml>\s*<record\b"), "endnote_xml"),
)
# Material without TY that still is RIS: tagged lines and an ER.
_BARE_RIS = re.compile(r"^(?:[A-Z][A-Z0-9]  - .*\n)+ER  -", re.MULTILINE)


def load(target: str) -> Callable[..., Any]:
    """The function behind "module:function"."""
    module, _, name = target.partition(":")
    function: Callable[..., Any] = getattr(import_module(module), name)
    return function


def split_with(name: str) -> Callable[[bytes, str], Iterator[Chunk]]:
    """The splitter of a format."""
    return load(FORMATS[name].split)


def parse_with(name: str) -> Callable[[Chunk], ParsedRecord]:
    """The parser of a format."""
    return load(FORMATS[name].parse)


def detect_format(data: bytes, head: str, name: str) -> str:
    """The format's name in :data:`FORMATS`.

    Parameters
    ----------
    data : the file
    head : its first part as text with LF line ends, without byte order mark
    name : for messages only

    Raises
    ------
    InputError
        for a file of another kind, an empty one, and a table without a column known as a title.
    """
    if data[:4] == b"PK\x03\x04":
        return _detect_xlsx(data, name)
    kind = wrong_kind(data)
    if kind:
        raise InputError(f"The file is {kind}.", file=name, allowed=_allowed())
    text = head.lstrip("\ufeff")
    if not text.strip():
        raise InputError("The file is empty.", file=name)
    start = text.lstrip()
    if start.startswith("<") and not re.match(r"<\d+ *\.? *>", start):
        return _detect_xml(start, name)
    if start[0] in "[{" and not start.startswith("{Reference Type}"):
        return _detect_json(start, name)
    for candidate, form in FORMATS.items():
        if form.pattern is not None and form.pattern.search(text):
            return candidate
    if _BARE_RIS.search(text):
        return "ris"
    return _detect_table(text, name)


def _allowed() -> str:
    return "an export such as RIS, NBIB, PubMed XML, BibTeX, CSV, XLSX"


def _detect_xlsx(data: bytes, name: str) -> str:
    from toolkit.records.spreadsheets import xlsx_header

    if not xlsx_header(data, name):
        raise InputError(
            "No row of the workbook's first sheet looks like the header of an export: none has a title column.",
            file=name,
        )
    return "xlsx"


def _detect_xml(start: str, name: str) -> str:
    for pattern, candidate in _ROOTS:
        if pattern.search(start[:20_000]):
            return candidate
    root = re.search(r"<([A-Za-z_][\w:.-]*)", start)
    raise InputError(
        "The XML is of no kind that is known here.",
        file=name,
        value=root.group(1) if root else None,
        allowed="PubMed, EndNote, ICTRP, Zotero RDF",
    )


def _detect_json(start: str, name: str) -> str:
    from toolkit.records.jsonfiles import kind_of, split

    for chunk in split(start.encode("utf-8"), "utf-8"):
        if chunk.error is None:
            kind = kind_of(json.loads(chunk.raw, strict=False))
            if kind:
                return kind
        break
    for mark, candidate in (
        (r'"protocolSection"\s*:', "clinicaltrials_json"),
        (r'"https://openalex\.org/W', "openalex_json"),
        (r'"authorString"\s*:', "europepmc_json"),
        (r'"message-type"\s*:\s*"work', "crossref_json"),
        (r'"issued"\s*:', "csl_json"),
    ):
        if re.search(mark, start):
            return candidate
    raise InputError(
        "The JSON is of no kind that is known here.",
        file=name,
        value=start[:80],
        allowed="ClinicalTrials.gov, Crossref, OpenAlex, Europe PMC, CSL",
    )


def _detect_table(text: str, name: str) -> str:
    from toolkit.records.spreadsheets import dialect_of, find_header

    first = text.partition("\n")[0].split("\t")
    if {"PT", "AU", "TI", "UT"} <= {cell.strip() for cell in first}:
        return "wos_tab"
    lines = text.splitlines(keepends=True)[:400]
    for start in range(min(len(lines), 15)):
        for delimiter in dict.fromkeys([sniff_delimiter("".join(lines[start:])), ",", ";", "\t"]):
            row = next(csv.reader(lines[start:], delimiter=delimiter), [])
            if find_header([row]) == 0:
                return dialect_of(row) or "csv"
    raise InputError(
        "The file is no export that is known here: no record starts in it, and no row looks like a table's header"
        " with a title column.",
        file=name,
        value=text.strip()[:80],
        allowed=_allowed(),
    )
