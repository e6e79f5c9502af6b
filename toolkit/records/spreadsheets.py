"""Exports in rows and columns: CSV of databases and screening tools, tab-delimited Web of Science, XLSX."""

from __future__ import annotations

import ast
import csv
import io
import json
import re
from collections.abc import Iterator, Sequence

from toolkit.model.errors import InputError
from toolkit.model.records import ParsedRecord
from toolkit.model.wording import counted
from toolkit.records.fields import FieldMap, Pairs, assemble, name_with_initials, name_with_sure_initials
from toolkit.records.source_line import parse_source
from toolkit.records.tables import read_xlsx_rows, sniff_delimiter, unescape_cell
from toolkit.records.tagged import Chunk

__all__ = ["DIALECTS", "dialect_of", "find_header", "parse", "split", "split_tab", "split_xlsx", "xlsx_header"]

# Column names, in lower case and without spaces at the ends, for each field.
FIELDS = FieldMap(
    title=("title", "document title", "article title", "study title", "primary title", "题名", "标题", "篇名"),
    journal=("source title", "journal", "publication title", "journal title", "journal/book", "journal full title",
             "刊名", "文献来源", "source"),
    year=("year", "publication year", "published year", "publication_year", "pubyear", "date", "publication date",
          "date of publication", "first posted", "start date", "年", "发表时间"),
    volume=("volume", "volume number", "卷"),
    issue=("issue", "issue number", "number", "期"),
    pages=("pages", "page start", "first page", "start page", "start_page", "art. no.", "页码"),
    last_page=("page end", "last page", "end page", "end_page"),
    abstract=("abstract", "abstract note", "brief summary", "notes_abstract", "摘要"),
    accession=("accession number", "central id", "nct number", "eid", "embase accession id", "pui", "accession",
               "id", "key", "(internal) id"),
    language=("language", "language of original document", "original language", "article language"),
    url=("url", "link", "study url", "fulltext url", "open url link", "pdf link", "plink", "embase link"),
    original_title=("original title", "original non-english title", "original_title", "vernacular title"),
    authors=("authors", "author", "author(s)", "author names", "author full names", "作者"),
    keywords=("keywords", "author keywords", "keyword(s)", "conditions", "manual tags", "关键词"),
    types=("publication_types", "document type", "publication type", "doctype", "item type", "type_of_reference",
           "type"),
    issn=("issn", "eissn", "e-issn"),
    doi=("doi",),
    doi_in=("link", "url", "fulltext url", "full text link", "open url link", "citation"),
    pmid=("pmid", "pubmed id", "pubmed_id", "medline pmid", "pubmedid"),
    pmid_in=("extra", "notes", "pubmed id"),
    registry_whole=("registry_numbers",),
    registry=("clinical trial numbers", "ctgov id", "ictrp id", "nct number", "other ids", "trial registration"),
    keyword_split=r";\s*|\n|\s*\|\s*",
    type_split=r";\s*",
)  # fmt: skip
_KNOWN = {name for field in ("title", "journal", "year", "abstract", "authors", "doi", "pmid", "accession", "volume")
          for name in getattr(FIELDS, field)}  # fmt: skip
# Columns that only this source has; the first dialect whose columns are all there counts.
DIALECTS: dict[str, frozenset[str]] = {
    "central_csv": frozenset({"central id"}),
    "embase_csv": frozenset({"author names", "emtree medical index terms"}),
    "scopus_csv": frozenset({"source title", "eid"}),
    "cinahl_csv": frozenset({"article title", "plink"}),
    "clinicaltrials_csv": frozenset({"nct number"}),
    "pubmed_csv": frozenset({"pmid", "journal/book"}),
    "covidence_csv": frozenset({"covidence #"}),
    "abstrackr_csv": frozenset({"(internal) id", "(source) id"}),
    "rayyan_csv": frozenset({"key", "title", "notes", "location"}),
    "zotero_csv": frozenset({"item type", "abstract note", "manual tags"}),
    "ieee_csv": frozenset({"document title", "date added to xplore"}),
    "bvs_csv": frozenset({"descriptor(s)", "fulltext url"}),
    "asreview_csv": frozenset({"title", "label_included"}),
}


def dialect_of(header: Sequence[str]) -> str | None:
    """The source whose export has these columns, "csv" for a plain table with a title column, None otherwise."""
    names = {name.strip().lower() for name in header}
    for dialect, needed in DIALECTS.items():
        if needed <= names:
            return dialect
    if {"title", "included"} <= names or any(name.startswith("asreview_") for name in names):
        return "asreview_csv"
    return "csv" if names & set(FIELDS.title) else None


def find_header(rows: Sequence[Sequence[str]]) -> int | None:
    """Which of the first rows is the header: the first with a title column and, unless alone, another known one."""
    for index, row in enumerate(rows[:15]):
        names = [cell.strip().lower() for cell in row if cell.strip()]
        known = [name for name in names if name in _KNOWN]
        if dialect_of(row) and (len(known) >= 2 or len(names) == 1):
            return index
    return None


def _physical_lines(data: bytes) -> Iterator[bytes]:
    mark = b"\n" if data.find(b"\n", 0, 1 << 20) >= 0 else b"\r"
    position = 0
    while position < len(data):
        end = data.find(mark, position)
        end = len(data) if end < 0 else end + 1
        yield bytes(data[position:end])
        position = end


def _rows_with_bytes(data: bytes, encoding: str, delimiter: str, quoting: bool) -> Iterator[tuple[list[str], bytes]]:
    """Rows and the bytes each was read from (a quoted cell may hold line ends)."""
    taken: list[bytes] = []

    def lines() -> Iterator[str]:
        for line in _physical_lines(data):
            taken.append(line)
            text = line.decode(encoding, errors="replace").replace("\0", "")
            yield text[:-1] + "\n" if text.endswith("\r") else text.replace("\r\n", "\n")

    csv.field_size_limit(2**31 - 1)
    reader = csv.reader(lines(), delimiter=delimiter, quoting=csv.QUOTE_MINIMAL if quoting else csv.QUOTE_NONE)
    for row in reader:
        raw = b"".join(taken)
        taken.clear()
        yield row, raw


def _chunks(
    rows: Iterator[tuple[list[str], bytes]],
    encoding: str,
    *,
    quoted: bool,
    total: bytes | None,
    delimiter: str = ",",
) -> Iterator[Chunk]:
    """Rows below the header, with their cells by column name; empty rows are none."""
    header: list[str] = []
    shortest = 0
    for row, raw in rows:
        if not header:
            row = [row[0].lstrip("\ufeff"), *row[1:]] if row else row
            if find_header([row]) == 0:
                header = [name.strip() for name in row]
            continue
        filled = sum(1 for cell in row if cell.strip())
        if not filled or (filled == 1 and header[0] == "(internal) id" and not row[0].strip().isdigit()):
            # The second is abstrackr's divider, "citations that are not labeled".
            continue
        cells = tuple(
            (name, unescape_cell(cell.strip())) for name, cell in zip(header, row, strict=False) if cell.strip()
        )
        error = None
        if quoted and raw.count(b'"') % 2 and _never_closes(raw.decode(encoding, errors="replace"), delimiter):
            error = "a quotation mark opens in this row and never closes; the file seems cut off"
        elif not cells:
            error = "no cell of this row stands under a named column"
        elif total is not None:
            error = _cut_row(row, raw, shortest or len(header) // 2, len(header))
        shortest = min(shortest or len(row), len(row))
        yield Chunk(raw, encoding, cells, error)


def _cut_row(row: list[str], raw: bytes, shortest: int, columns: int) -> str | None:
    """Whether the row stops in the middle: no line end, and fewer cells than any row before it."""
    if len(row) >= shortest or raw.endswith((b"\n", b"\r")):
        return None
    return f"the last row has {len(row)} of {counted(columns, 'column')}; the file seems cut off"


def _never_closes(row: str, delimiter: str) -> bool:
    """Whether a quoted cell of the row has no end, so that the rows after it were read as part of it."""
    try:
        list(csv.reader(io.StringIO(row, newline=""), delimiter=delimiter, strict=True))
    except csv.Error as error:
        return "unexpected end" in str(error)
    return False


def split(data: bytes, encoding: str) -> Iterator[Chunk]:
    """One chunk for each row below the header, the separator detected."""
    sample = bytes(data[:200_000]).decode(encoding, errors="replace")
    lines = sample.splitlines(keepends=True)
    start = next((i for i, line in enumerate(lines[:15]) if _looks_like_header(line)), 0)
    delimiter = sniff_delimiter("".join(lines[start:]))
    yield from _chunks(
        _rows_with_bytes(data, encoding, delimiter, True), encoding, quoted=True, total=data, delimiter=delimiter
    )


def _looks_like_header(line: str) -> bool:
    return any(
        find_header([next(csv.reader([line], delimiter=delimiter), [])]) == 0 for delimiter in (",", ";", "\t", "|")
    )


def split_tab(data: bytes, encoding: str) -> Iterator[Chunk]:
    """One chunk for each row of a tab-delimited Web of Science file, in which quotation marks are plain text."""
    rows = _rows_with_bytes(data, encoding, "\t", False)
    header: list[str] = []
    shortest = 0
    for row, raw in rows:
        if not header:
            header = [name.strip().lstrip("\ufeff").strip() for name in row]
        elif any(cell.strip() for cell in row):
            cells = tuple((n, cell.strip()) for n, cell in zip(header, row, strict=False) if cell.strip())
            error = _cut_row(row, raw, shortest or len(header) // 2, len(header))
            shortest = min(shortest or len(row), len(row))
            yield Chunk(raw, encoding, cells, error)


def xlsx_header(data: bytes, name: str) -> list[str]:
    """The header row of a workbook, or an empty list."""
    rows, _ = read_xlsx_rows(data, file=name)
    index = find_header([cells for _, cells in rows[:15]])
    return [] if index is None else rows[index][1]


def split_xlsx(data: bytes, encoding: str) -> Iterator[Chunk]:
    """One chunk for each row of the first sheet; its bytes are the cells as a JSON list, there being no line."""
    rows, _ = read_xlsx_rows(data, file="workbook")
    listed = ((cells, json.dumps(cells, ensure_ascii=False).encode("utf-8")) for _, cells in rows)
    yield from _chunks(listed, "utf-8", quoted=False, total=None)


def parse(chunk: Chunk) -> ParsedRecord:
    """The fields of one row."""
    if chunk.error:
        raise InputError(chunk.error)
    pairs: Pairs = []
    filled = {name.lower() for name, value in chunk.cells if value.strip()}
    authors = next((column for column in FIELDS.authors if column in filled), None)
    for name, value in chunk.cells:
        column = name.lower()
        if column == authors:
            pairs += [(column, part) for part in split_authors(_AUTHOR_ID.sub("", value))]
        elif column in FIELDS.authors:
            # The same people in full (Scopus, Web of Science): kept, under a name that is not that of the field.
            pairs.append((name if name != column else name.capitalize(), value))
        elif column in FIELDS.pmid and value in {"0", "-"}:
            continue
        else:
            pairs.append((column if column in _MAPPED else name, value))
    names = {column for column, _ in pairs}
    columns = {name.lower() for name, _ in chunk.cells}
    for line in ("source", "citation"):
        if line in columns and columns & {"emtree medical index terms", "descriptor(s)", "journal/book"}:
            pairs = _from_source(pairs, columns, line)
    if "first posted" in names:
        pairs = [(c, v) for c, v in pairs if c not in {"start date"}] + [
            ("Start Date", v) for c, v in pairs if c == "start date"
        ]
    return assemble(pairs, FIELDS)


def _from_source(pairs: Pairs, names: set[str], line: str) -> Pairs:
    """The pairs with the parts of the source line that have no column of their own (older Embase, BVS, PubMed)."""
    source = next(value for column, value in pairs if column.lower() == line)
    columns = {"JN": "journal", "YR": "year", "VO": "volume", "IP": "issue", "PG": "pages"}
    own = {
        "JN": {"journal", "journal/book", "source title"},
        "YR": {"publication year", "year"},
        "VO": {"volume number", "volume"},
        "IP": {"issue number", "issue"},
        "PG": {"pages", "first page"},
    }
    parts = [(columns[tag], value) for tag, value in parse_source(source) if not names & own[tag]]
    return [("Source", v) if c == "source" else (c, v) for c, v in pairs] + parts


_AUTHOR_ID = re.compile(r" \(\d{8,12}\)(?=\s*(?:;|\Z))")  # Scopus: "Smith, John (57202138757); ..."
_MAPPED = {name for field in FieldMap.__slots__ for name in (getattr(FIELDS, field) or ()) if isinstance(name, str)}


def split_authors(text: str) -> list[str]:
    """Names in one cell, told apart by ";", by "and", as a Python list, or by commas between "Name I.J." forms."""
    text = text.strip()
    if re.fullmatch(r"\[\s*(['\"]).*\1\s*\]", text, re.DOTALL):
        try:
            listed = ast.literal_eval(text)
        except (ValueError, SyntaxError):
            listed = None
        if isinstance(listed, list):
            return [str(name) for name in listed]
    if re.search(r"[;；]", text):
        parts = re.split(r"[;；]\s*", text)
    elif re.search(r"\s+and\s+", text):
        parts = re.split(r",?\s+and\s+", text)
    else:
        parts = [part.strip() for part in re.split(r"[,，]\s*", text)]
        if re.fullmatch(r"[^.]*\s[A-Z]{1,4}\.", text):
            # PubMed ends the list with a full stop: "Griffin DK, Larkin DM."
            parts[-1] = parts[-1].rstrip(".")
        short = all(_short(part) for part in parts if part)
        han = all(re.fullmatch(r"[\u3400-\u9fff·]{2,}", part) for part in parts if part)
        if not (short or han):
            parts = [text]
    return [name_with_sure_initials(name_with_initials(part.strip())) for part in parts if part.strip()]


def _short(name: str) -> bool:
    """Whether a name is written "Adler D.G.", family name and initials, or all that may stand beside one."""
    return name_with_initials(name.strip()) != name.strip() or name.strip() in {"et al.", "et al", "..."}
