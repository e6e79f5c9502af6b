"""BibTeX and BibLaTeX: entries cut out of the file, each read by bibtexparser."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator

from toolkit.model.errors import InputError
from toolkit.model.records import ParsedRecord
from toolkit.records.fields import FieldMap, Pairs, assemble
from toolkit.records.tagged import Chunk, line_starter, split_at
from toolkit.records.textfile import normalise_newlines

__all__ = ["STARTER", "parse", "split"]

STARTER = line_starter(r"[ \t]*@(?!(?i:comment|string|preamble)\b)[A-Za-z]+\s*[{(]")
_STRING = re.compile(r"@string\s*\{[^\n]*", re.IGNORECASE)

_FIELDS = FieldMap(
    title=("title",),
    journal=("journal", "journaltitle", "booktitle"),
    year=("year", "date"),
    volume=("volume",),
    issue=("number", "issue"),
    pages=("pages", "article-number"),
    abstract=("abstract",),
    accession=("unique-id",),
    language=("language", "langid"),
    url=("url",),
    authors=("author",),
    keywords=("keywords", "author_keywords"),
    types=("document_type", "type"),
    issn=("issn", "eissn"),
    doi=("doi",),
    doi_in=("url", "note"),
    pmid=("pmid", "pubmed_id"),
    pmid_in=("note",),
)


def split(data: bytes, encoding: str) -> Iterator[Chunk]:
    """One chunk for each entry; @string definitions before it go with each, as its macros."""
    head = normalise_newlines(bytes(data[: 1 << 20]).decode(encoding, errors="replace"))
    macros = "\n".join(m.group() for m in _STRING.finditer(head))
    for chunk in split_at(data, STARTER, encoding):
        yield Chunk(chunk.raw, encoding, (("macros", macros),) if macros else ())


def parse(chunk: Chunk) -> ParsedRecord:
    """The fields of one entry: LaTeX turned into characters, braces dropped, "Given Family" into "Family, Given".

    Raises
    ------
    InputError
        when the entry's braces never close or no field can be read in it.
    """
    from bibtexparser.bibdatabase import UndefinedString
    from bibtexparser.bparser import BibTexParser
    from bibtexparser.latexenc import latex_to_unicode

    logging.getLogger("bibtexparser").setLevel(logging.ERROR)
    text = normalise_newlines(chunk.raw.decode(chunk.encoding, errors="replace"))
    end = _entry_end(text)
    if end is None:
        raise InputError("The braces of the entry never close; the file seems cut off.")
    text = "".join(macros + "\n" for _, macros in chunk.cells) + text[:end]
    entries: list[dict[str, str]] = []
    for interpolate in (True, False):
        parser = BibTexParser(
            common_strings=True,
            ignore_nonstandard_types=False,
            interpolate_strings=interpolate,
            homogenize_fields=False,
        )
        try:
            entries = parser.parse(text, partial=True).entries
            break
        except UndefinedString:
            continue
    if len(entries) != 1:
        entries = [_by_hand(text)]
    if len(entries[0]) < 3:
        raise InputError("No field can be read in this entry.")
    pairs: Pairs = []
    for name, value in entries[0].items():
        content = str(value)
        if name == "author":
            pairs += [("author", person) for person in _people(content)]
        else:
            plain = content if name in {"url", "doi", "file"} else latex_to_unicode(content)
            pairs += [(name.lower(), part) for part in _parts(name.lower(), _unbrace(plain))]
    return assemble(pairs, _FIELDS)


def _parts(name: str, value: str) -> list[str]:
    """One value, or those of a list joined by ";": where one stands, a comma is part of a keyword."""
    if name in {*_FIELDS.keywords, *_FIELDS.types}:
        return re.split(r";\s*" if ";" in value or name in _FIELDS.types else r",\s*", value)
    return [value]


def _by_hand(text: str) -> dict[str, str]:
    """Fields of an entry that bibtexparser cannot read, such as one with a comma missing."""
    found = re.search(r"@(\w+)\s*[{(]\s*([^,\s]*)", text)
    fields = {"ENTRYTYPE": found.group(1), "ID": found.group(2)} if found else {}
    position = found.end() if found else 0
    opening = re.compile(r"([A-Za-z][\w-]*)\s*=\s*([{\"]|[^\s,{}\"]+)")
    while match := opening.search(text, position):
        value, position = match.group(2), match.end()
        if value in {"{", '"'}:
            end = _value_end(text, position, value)
            value, position = text[position:end], end + 1
        fields.setdefault(match.group(1).lower(), value)
    return fields


def _value_end(text: str, start: int, opened: str) -> int:
    depth = 1 if opened == "{" else 0
    for match in re.finditer(r'(?<!\\)[{}"]', text[start:]):
        if match.group() == '"':
            if opened == '"' and depth == 0:
                return start + match.start()
            continue
        depth += 1 if match.group() == "{" else -1
        if opened == "{" and depth == 0:
            return start + match.start()
    return len(text)


def _entry_end(text: str) -> int | None:
    opening = re.search(r"[{(]", text)
    if not opening:
        return None
    if opening.group() == "(":
        return len(text.rstrip())
    depth = 0
    for match in re.finditer(r"(?<!\\)[{}]", text[opening.start() :]):
        depth += 1 if match.group() == "{" else -1
        if depth == 0:
            return opening.start() + match.end()
    return None


def _unbrace(text: str) -> str:
    return re.sub(r"\\([&_%$#])", r"\1", re.sub(r"(?<!\\)[{}]", "", text))


def _people(text: str) -> list[str]:
    """Names of an author field; a name wholly in braces is a group and stays as it is."""
    from bibtexparser.customization import splitname
    from bibtexparser.latexenc import latex_to_unicode

    people = []
    for name in _split_and(" ".join(text.split())):
        if re.fullmatch(r"\{[^{}]*\}", name):
            people.append(_unbrace(latex_to_unicode(name)))
            continue
        try:
            parts = splitname(name, strict_mode=False)
        except ValueError:
            parts = {"last": [name]}
        family = " ".join([*parts.get("von", []), *parts.get("last", [])])
        pieces = (family, " ".join(parts.get("first", [])), " ".join(parts.get("jr", [])))
        people.append(_unbrace(latex_to_unicode(", ".join(piece for piece in pieces if piece))))
    return people


def _split_and(text: str) -> list[str]:
    names, depth, start = [], 0, 0
    for match in re.finditer(r"[{}]|\s+and\s+", text):
        if match.group() == "{":
            depth += 1
        elif match.group() == "}":
            depth -= 1
        elif depth == 0:
            names.append(text[start : match.start()])
            start = match.end()
    names.append(text[start:])
    return [name.strip() for name in names if name.strip() and name.strip().lower() != "others"]
