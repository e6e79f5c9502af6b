"""XML records cut out of a file by their element names, one small tree at a time, with entities and network off."""

from __future__ import annotations

import codecs
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass

from lxml import etree

from toolkit.model.errors import InputError

__all__ = ["Span", "element_spans", "guard_xml", "parse_element", "root_is_closed", "text_of", "tidy_all", "to_utf8"]

_DECLARED = re.compile(rb"<\?xml[^>]*?encoding\s*=\s*[\"']([A-Za-z0-9._:-]+)[\"']")


_ROOT = re.compile(rb"<([A-Za-z_][A-Za-z0-9_.:-]*)[^<>]*>")


@dataclass(frozen=True, slots=True)
class Span:
    """Where one record lies in the bytes; ``complete`` is False when its end tag is missing."""

    start: int
    end: int
    complete: bool


def to_utf8(data: bytes) -> bytes:
    """The document in UTF-8 whatever its byte order mark or XML declaration says; UTF-8 comes back untouched.

    Raises
    ------
    InputError
        when the declared encoding is unknown or the bytes do not follow it.
    """
    encoding = ""
    for mark, name in ((codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16")):
        if data[:2] == mark:
            encoding = name
    if not encoding:
        declared = _DECLARED.match(data[:200].lstrip(b"\xef\xbb\xbf \r\n\t"))
        encoding = declared.group(1).decode("ascii").lower() if declared else "utf-8"
    if encoding in {"utf-8", "utf8", "us-ascii", "ascii"}:
        return data
    try:
        return data.decode(encoding).encode("utf-8")
    except (LookupError, UnicodeDecodeError) as error:
        raise InputError(f"The XML declares the encoding {encoding!r} and cannot be read in it.") from error


def guard_xml(data: bytes, first_record: int) -> None:
    """Refuse a document that declares entities of its own before its first record.

    No database writes such exports; entity declarations are how XML bombs and file-reading attacks work.
    """
    if data.find(b"<!ENTITY", 0, first_record if first_record >= 0 else len(data)) >= 0:
        raise InputError(
            "The XML file declares entities of its own (<!ENTITY ...>), as XML bombs do; it was not read.",
            hint="Export it again from the database.",
        )


def element_spans(data: bytes, names: tuple[str, ...]) -> Iterator[Span]:
    """Spans of the elements of these names, in order; the elements must not nest in each other."""
    # A literal at the front of a pattern is looked for several times as fast.
    shared = os.path.commonprefix(names)  # noqa: RUF071 - names, compared by their letters
    rest = "|".join(re.escape(name[len(shared) :]) for name in names)
    mark = re.compile(f"{re.escape(shared)}(?:{rest})(?=[\\s/>])".encode("ascii"))
    start, guarded = -1, False
    for match in mark.finditer(data):
        position = match.start()
        if data[position - 1 : position] == b"<":
            if not guarded:
                guard_xml(data, position - 1)
                guarded = True
            if start >= 0:
                yield Span(start, position - 1, False)
            stop = data.find(b">", match.end())
            start = -1 if data[stop - 1 : stop] == b"/" else position - 1
        elif start >= 0 and data[position - 2 : position] == b"</":
            yield Span(start, data.find(b">", position) + 1 or len(data), True)
            start = -1
    if start >= 0:
        yield Span(start, len(data), False)
    if not guarded:
        guard_xml(data, -1)


def root_is_closed(data: bytes) -> bool:
    """Whether the document's root element ends where the document does; a file cut between records fails this."""
    opening = _ROOT.search(data)
    if opening is None or opening.group().endswith(b"/>"):
        return True
    return data.rfind(b"</" + opening.group(1), max(0, len(data) - 4096)) >= 0


def parse_element(raw: bytes, *, markup: tuple[str, ...] = ()) -> etree._Element:
    """One record's tree; entities are not resolved and nothing is fetched.

    Parameters
    ----------
    markup : where the format's only markup within texts is known, the names of it. The line ends and indents between
        elements, a third of a PubMed record, then stay out of the tree, unless they may separate words
        ("<i>E. coli</i> <b>O157</b>")

    Raises
    ------
    InputError
        when the bytes are not well-formed.
    """
    try:
        if markup:
            root = etree.fromstring(raw, _DROPPING_BLANKS)
            if not any(map(_begins_its_text, root.iter(*markup))):
                return root
        return etree.fromstring(raw, _KEEPING_BLANKS)
    except etree.XMLSyntaxError as error:
        raise InputError(f"The record is not well-formed XML ({error}).") from error


def _parser(*, drop_blanks: bool) -> etree.XMLParser:
    return etree.XMLParser(
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        huge_tree=False,
        remove_comments=True,
        remove_pis=True,
        collect_ids=False,
        remove_blank_text=drop_blanks,
    )


_KEEPING_BLANKS = _parser(drop_blanks=False)
_DROPPING_BLANKS = _parser(drop_blanks=True)
# From here on looking for a blank out of place is faster than making the text anew.
_LONG = 200


def _begins_its_text(markup: etree._Element) -> bool:
    """Whether no words stand before this markup: the parser then takes blanks after it for an indent."""
    parent = markup.getparent()
    return markup.getprevious() is None and parent is not None and not parent.text


def text_of(element: etree._Element | None) -> str | None:
    """All text inside an element, markup or not, on one line; None when empty or absent.

    ``.text`` alone would end at the first <i>, <sup> or formula.
    """
    if element is None:
        return None
    if len(element):
        return " ".join("".join(str(text) for text in element.itertext()).split()) or None
    text = element.text
    if not text or text.isalnum():  # most values are one word or number: nothing to tidy
        return text or None
    if len(text) > _LONG and text.isascii() and not ("  " in text or "\n" in text or "\t" in text or "\r" in text):
        return text.strip() or None
    return " ".join(text.split()) or None


def tidy_all(texts: list[str]) -> list[str]:
    """Texts each on one line with single blanks, without empty ones."""
    whole = f"|{'|'.join(texts)}|"  # looked through at once; a bar within a text costs time and changes nothing
    if whole.isprintable() and not ("  " in whole or "| " in whole or " |" in whole or "||" in whole):
        return texts
    return [tidy for text in texts if (tidy := " ".join(text.split()))]
