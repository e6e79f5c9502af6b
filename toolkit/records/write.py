"""Writing records as RIS, CSV, MEDLINE text, BibTeX and the formats of `write_tree`; reading gives the same fields."""

from __future__ import annotations

import csv
import io
import re
import textwrap
from collections.abc import Callable, Iterable
from pathlib import Path

from toolkit.model.errors import InputError
from toolkit.model.records import ParsedRecord
from toolkit.records.kinds import KIND_TAGS, kind_of
from toolkit.records.normalise import clean, find_year, paragraphs
from toolkit.records.tables import escape_cell, write_whole
from toolkit.records.write_tree import write_csl_json, write_endnote_xml

__all__ = ["HELD", "WRITERS", "unwritten_tags", "write_bibtex", "write_csv", "write_file", "write_nbib", "write_ris"]

_RIS_LINE = re.compile(r"[ \t]{0,3}(?:[A-Z][A-Z0-9]|PMID|DOI)[ \t]{1,2}-(?:\s|$)")
_SPAN = re.compile(r"([^\s,-]+)-([^\s,-]+)")
_CSV_COLUMNS = ("title", "authors", "journal", "year", "volume", "issue", "pages", "abstract", "doi", "pmid",
                "accession", "issn", "language", "publication_types", "keywords", "registry_numbers", "url",
                "original_title")  # fmt: skip
_TAG = re.compile(r"[A-Z][A-Z0-9]{1,3}")
# Tags that write_nbib makes of fields, or of the record itself.
_FROM_FIELDS = frozenset({"OWN", "DP"})


def write_ris(records: Iterable[ParsedRecord]) -> str:
    """RIS text. PMID and registration numbers, for which RIS has no tag, go to notes that the reader knows.

    The other tags of a record that came from RIS are written as they were.
    """
    out = []
    for record in records:
        lines: list[tuple[str, str | None]] = [("TY", (record.extra.get("TY") or (kind_of(record).ris,))[0])]
        lines += [("TI", record.title), ("OP", record.original_title)]
        lines += [("AU", author) for author in record.authors]
        lines += [("JF", record.journal), ("PY", str(record.year) if record.year is not None else None)]
        span = _SPAN.fullmatch(record.pages or "")
        lines += [("VL", record.volume), ("IS", record.issue)]
        lines += [("SP", span.group(1)), ("EP", span.group(2))] if span else [("SP", record.pages)]
        lines += [("AB", record.abstract), ("DO", record.doi), ("AN", record.accession), ("LA", record.language)]
        lines += [("SN", issn) for issn in record.issn]
        lines += [("M3", kind) for kind in record.publication_types]
        lines += [("KW", keyword) for keyword in record.keywords]
        lines += [("UR", record.url), ("N1", f"PMID: {record.pmid}" if record.pmid else None)]
        lines += [("N1", f"Registration: {number}") for number in record.registry_numbers]
        if "TY" in record.extra:
            lines += [
                (tag, value)
                for tag, values in record.extra.items()
                if tag != "TY" and re.fullmatch(r"[A-Z][A-Z0-9]", tag)
                for value in values
            ]
        out += [_ris_line(tag, value) for tag, value in lines if value]
        out.append("ER  - \n")
    return "\n".join(out) + "\n" if out else ""


def _ris_line(tag: str, value: str) -> str:
    """One tag; further lines of a text follow unmarked, a line that looks like a tag stays on the line before."""
    if tag not in {"AB", "N1", "N2", "M1", "L1", "L2", "UR"}:
        return f"{tag}  - {clean(value) or ''}"
    lines: list[str] = []
    for line in (paragraphs(value) or "").split("\n"):
        if lines and _RIS_LINE.match(line):
            lines[-1] += f" {line}"
        else:
            lines.append(line)
    return f"{tag}  - " + "\n".join(lines)


def write_csv(records: Iterable[ParsedRecord]) -> str:
    """CSV text, one row a record, lists joined by "; ", formulas escaped; store it as UTF-8 with BOM.

    Short page ranges get an en dash, since spreadsheets turn "6-10" into a date.
    """
    stream = io.StringIO(newline="")
    writer = csv.writer(stream, lineterminator="\r\n")
    writer.writerow(_CSV_COLUMNS)
    for record in records:
        row = []
        for column in _CSV_COLUMNS:
            value = getattr(record, column)
            text = "; ".join(value) if isinstance(value, tuple) else "" if value is None else str(value)
            if column == "pages" and re.fullmatch(r"\d{1,4}-\d{1,4}", text):
                text = text.replace("-", "–")
            row.append(escape_cell(text))
        writer.writerow(row)
    return stream.getvalue()


def write_nbib(records: Iterable[ParsedRecord]) -> str:
    """MEDLINE text; a record without PMID opens with OWN, as ERIC's do. Paragraphs of an abstract run together.

    The other tags of a record that came from MEDLINE text or PubMed XML are written as they were; those that belong to
    one author there (AD, AUID) stand together.
    """
    blocks = []
    for record in records:
        lines: list[tuple[str, str | None]] = [("PMID", record.pmid)] if record.pmid else []
        lines.append(("OWN", (record.extra.get("OWN") or ("NOTNLM",))[0]))
        lines += [("IS", issn) for issn in record.issn]
        lines += [("VI", record.volume), ("IP", record.issue), ("DP", _date(record)), ("TI", record.title)]
        lines += [("PG", record.pages), ("LID", f"{record.doi} [doi]" if record.doi else None)]
        lines += [("AB", clean(record.abstract))]
        lines += [("FAU", author) for author in record.authors]
        lines += [("LA", language) for language in (record.language or "").split("; ") if language]
        lines += [("SI", f"{_bank(number)}/{number}") for number in record.registry_numbers]
        lines += [("PT", kind) for kind in record.publication_types]
        lines += [("TT", record.original_title), ("JT", record.journal)]
        lines += [("OT", keyword) for keyword in record.keywords]
        lines += [(tag, value) for tag in _medline_tags(record) for value in record.extra[tag]]
        blocks.append("\n".join(_nbib_line(tag, clean(value)) for tag, value in lines if clean(value)))
    return "".join(f"{block}\n\n" for block in blocks)


def _medline_tags(record: ParsedRecord) -> list[str]:
    """Tags of MEDLINE that have no field, of a record that came with such tags."""
    if not {"OWN", "STAT", "PHST", "PST"} & record.extra.keys():
        return []
    return [tag for tag in record.extra if _TAG.fullmatch(tag) and tag not in _FROM_FIELDS]


def _date(record: ParsedRecord) -> str | None:
    year = str(record.year) if record.year is not None else None
    return next((date for date in record.extra.get("DP", ()) if find_year(date) == record.year), year)


def _bank(number: str) -> str:
    if number.upper().startswith("NCT"):
        return "ClinicalTrials.gov"
    return "ISRCTN" if number.upper().startswith("ISRCTN") else "EudraCT" if number.startswith("EUCTR") else "ICTRP"


def _nbib_line(tag: str, value: str | None) -> str:
    return textwrap.fill(
        value or "",
        width=88,
        initial_indent=f"{tag:<4}- ",
        subsequent_indent=" " * 6,
        break_long_words=False,
        break_on_hyphens=False,
    )


def write_bibtex(records: Iterable[ParsedRecord]) -> str:
    """BibTeX entries in UTF-8, special characters escaped; keys are "family2024word", made unique."""
    entries, keys = [], set()
    for record in records:
        key = base = _key(record)
        suffix = 1
        while key in keys:
            suffix += 1
            key = f"{base}_{suffix}"
        keys.add(key)
        kind = kind_of(record).bibtex
        kind = "misc" if kind == "article" and not record.journal else kind
        fields = {
            "author": " and ".join(_bib_author(name) for name in record.authors),
            "title": _bib(record.title),
            "booktitle" if kind in _IN_BOOKS else "journal": _bib(record.journal),
            "year": str(record.year) if record.year is not None else "",
            "volume": _bib(record.volume),
            "number": _bib(record.issue),
            "pages": _bib(record.pages).replace("-", "--"),
            "abstract": _bib(record.abstract),
            "doi": record.doi or "",
            "pmid": record.pmid or "",
            "issn": ", ".join(record.issn),
            "language": _bib(record.language),
            "keywords": _bib_list(record.keywords),
            "type": _bib("; ".join(record.publication_types)),
            "url": record.url or "",
        }
        body = ",\n".join(f"  {name} = {{{value}}}" for name, value in fields.items() if value)
        entries.append(f"@{kind}{{{key},\n{body}\n}}\n")
    return "\n".join(entries)


_IN_BOOKS = frozenset({"incollection", "inproceedings"})


def _key(record: ParsedRecord) -> str:
    family = record.authors[0].split(",")[0] if record.authors else "anon"
    word = next((w for w in re.findall(r"\w+", record.title or "") if len(w) > 3), "")
    return re.sub(r"[^A-Za-z0-9]", "", f"{family}{record.year or ''}{word}".lower()) or "record"


def _bib(text: str | None) -> str:
    """Text for a braced value: special characters escaped, braces dropped, since BibTeX counts even escaped ones."""
    out = re.sub(r"[{}]", "", text or "").replace("\\", "\\textbackslash ")
    return re.sub(r"([%&#_$])", r"\\\1", out)


def _bib_list(values: tuple[str, ...]) -> str:
    """Joined by ";"; one that holds a comma ends in ";", so that it is not read as two."""
    joined = _bib("; ".join(values))
    return f"{joined};" if len(values) == 1 and "," in joined else joined


def _bib_author(name: str) -> str:
    """A name without comma is a group and goes in braces; "Family, Given, Jr" becomes "Family, Jr, Given"."""
    parts = name.split(", ")
    if len(parts) == 3:
        parts = [parts[0], parts[2], parts[1]]
    return _bib(", ".join(parts)) if len(parts) > 1 else f"{{{_bib(name)}}}"


WRITERS: dict[str, tuple[Callable[[Iterable[ParsedRecord]], str], str]] = {
    "ris": (write_ris, ".ris"),
    "csv": (write_csv, ".csv"),
    "nbib": (write_nbib, ".nbib"),
    "bibtex": (write_bibtex, ".bib"),
    "endnote_xml": (write_endnote_xml, ".xml"),
    "csl_json": (write_csl_json, ".json"),
}

_ALL = frozenset(_CSV_COLUMNS)
HELD: dict[str, frozenset[str]] = {
    "ris": _ALL,
    "csv": _ALL,
    "nbib": _ALL - {"accession", "url"},
    "bibtex": _ALL - {"accession", "registry_numbers", "original_title"},
    "endnote_xml": _ALL,
    "csl_json": _ALL,
}
"""Format -> fields that a file of it can hold; the others are lost in writing, and `convert` counts them."""


def unwritten_tags(record: ParsedRecord, format: str) -> tuple[str, ...]:
    """Tags of the record's source that have no field here and are not written in this format.

    Examples
    --------
    >>> unwritten_tags(ParsedRecord(title="A", extra={"Cited by": ("3",)}), "ris")
    ('Cited by',)
    """
    kept = {*_FROM_FIELDS, *_medline_tags(record)} if format == "nbib" else set()
    if format != "csv":
        kept |= set(KIND_TAGS)
    if format == "ris" and "TY" in record.extra:
        kept = {tag for tag in record.extra if re.fullmatch(r"[A-Z][A-Z0-9]", tag)}
    return tuple(tag for tag in record.extra if tag not in kept)


def write_file(path: str | Path, records: Iterable[ParsedRecord], *, format: str | None = None) -> None:
    """Write records to a file, whole or not at all; the format is that of the suffix unless given.

    Raises
    ------
    InputError
        for a format that cannot be written.
    SourceError
        when the file cannot be written.
    """
    path = Path(path)
    name = format or next((n for n, (_, suffix) in WRITERS.items() if path.suffix.lower() == suffix), "")
    if name not in WRITERS:
        raise InputError(
            "Records cannot be written in this format.",
            file=path,
            value=name or path.suffix,
            allowed=", ".join(f"{n} ({end})" for n, (_, end) in WRITERS.items()),
        )
    text = WRITERS[name][0](records)
    write_whole(path, text.encode("utf-8-sig" if name == "csv" else "utf-8"))
