"""BibTeX and BibLaTeX: entries cut out of the file, each read field by field."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from toolkit.model.errors import InputError
from toolkit.model.records import ParsedRecord
from toolkit.records.fields import FieldMap, Pairs, assemble
from toolkit.records.latex import to_text
from toolkit.records.tagged import Chunk, line_starter, split_at
from toolkit.records.textfile import normalise_newlines

__all__ = ["STARTER", "parse", "split"]

STARTER = line_starter(r"[ \t]*@(?!(?i:comment|string|preamble)\b)[A-Za-z]+\s*[{(]")
_STRING = re.compile(r"@string\s*\{[^\n]*", re.IGNORECASE)
_MACRO = re.compile(r"@string\s*[{(]\s*([\w:-]+)\s*=\s*", re.IGNORECASE)
_HEAD = re.compile(r"\s*@(\w+)\s*[{(]\s*(?:([^,\s={}]*)\s*,)?")
_NAME = re.compile(r"([A-Za-z][\w.+()-]*)\s*=\s*(?=[{\"\w])")
_PART = re.compile(r"([{\"]|[^\s,{}\"#]+)")
_JOINED = re.compile(r"\s*#\s*")
_DELIMITER = re.compile(r'(?<!\\)[{}"]')
_MONTHS = {
    name[:3].lower(): name
    for name in ("January", "February", "March", "April", "May", "June", "July", "August", "September", "October",
                 "November", "December")
}  # fmt: skip

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
    text = normalise_newlines(chunk.raw.decode(chunk.encoding, errors="replace"))
    end = _entry_end(text)
    if end is None:
        raise InputError("The braces of the entry never close; the file seems cut off.")
    entry = _fields(text[:end], _macros("".join(macros for _, macros in chunk.cells)))
    if not entry.keys() - {"entrytype", "id"}:
        raise InputError("No field can be read in this entry.")
    pairs: Pairs = []
    for name, value in entry.items():
        if name == "author":
            pairs += [("author", person) for person in _people(value)]
        else:
            plain = _unbrace(value) if name in {"url", "doi", "file"} else to_text(value)
            pairs += [(name, part) for part in _parts(name, plain)]
    return assemble(pairs, _FIELDS)


def _parts(name: str, value: str) -> list[str]:
    """One value, or those of a list joined by ";": where one stands, a comma is part of a keyword."""
    if name in {*_FIELDS.keywords, *_FIELDS.types}:
        return re.split(r";\s*" if ";" in value or name in _FIELDS.types else r",\s*", value)
    return [value]


def _macros(definitions: str) -> dict[str, str]:
    """The @string definitions and the twelve months, which BibTeX styles define, by their names in lower case."""
    found = dict(_MONTHS)
    for match in _MACRO.finditer(definitions):
        found[match.group(1).lower()], _ = _value(definitions, match.end(), found)
    return found


def _fields(text: str, macros: Mapping[str, str]) -> dict[str, str]:
    """The fields of an entry, names in lower case; of a field given twice the first. A missing comma does no harm."""
    head = _HEAD.match(text)
    fields = {"entrytype": head.group(1).lower(), "id": head.group(2) or ""} if head else {}
    position = head.end() if head else 0
    while match := _NAME.search(text, position):
        value, position = _value(text, match.end(), macros)
        fields.setdefault(match.group(1).lower(), value)
    return fields


def _value(text: str, start: int, macros: Mapping[str, str]) -> tuple[str, int]:
    """A value and where it ends: parts in braces or quotes, numbers and macros, joined by "#"."""
    parts: list[str] = []
    while match := _PART.match(text, start):
        word = match.group(1)
        if word in {"{", '"'}:
            end = _value_end(text, match.end(), word)
            parts.append(text[match.end() : end])
            start = end + 1
        else:
            parts.append(macros.get(word.lower(), word))
            start = match.end()
        joined = _JOINED.match(text, start)
        if not joined:
            break
        start = joined.end()
    return "".join(parts), start


def _value_end(text: str, start: int, opened: str) -> int:
    depth = 1 if opened == "{" else 0
    for match in _DELIMITER.finditer(text, start):
        if match.group() == '"':
            if opened == '"' and depth == 0:
                return match.start()
            continue
        depth += 1 if match.group() == "{" else -1
        if opened == "{" and depth == 0:
            return match.start()
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

    people = []
    for name in _split_and(" ".join(text.split())):
        if re.fullmatch(r"\{[^{}]*\}", name):
            people.append(to_text(name))
            continue
        try:
            parts = splitname(name, strict_mode=False)
        except ValueError:
            parts = {"last": [name]}
        family = " ".join([*parts.get("von", []), *parts.get("last", [])])
        pieces = (family, " ".join(parts.get("first", [])), " ".join(parts.get("jr", [])))
        people.append(to_text(", ".join(piece for piece in pieces if piece)))
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
