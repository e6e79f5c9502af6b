"""PubMed XML (efetch, downloads of the web site, NLM baseline files) read one article or book at a time."""

from __future__ import annotations

import re
from collections.abc import Iterator

from lxml import etree

from toolkit.model.errors import InputError
from toolkit.model.records import ParsedRecord, RawRecord
from toolkit.records import pubmed_parts as parts
from toolkit.records.normalise import find_year, unique
from toolkit.records.pubmed_article import Draft, read_article
from toolkit.records.pubmed_parts import children
from toolkit.records.xmlsplit import element_spans, parse_element, root_is_closed, text_of, to_utf8

__all__ = [
    "RECORD_ELEMENTS",
    "count_starters",
    "deleted_pmids",
    "parse_pubmed_article",
    "parse_pubmed_xml",
]

RECORD_ELEMENTS = ("PubmedArticle", "PubmedBookArticle")
_DELETED = re.compile(rb"<Delete(?:Citation|Document)>(.*?)</Delete(?:Citation|Document)>", re.DOTALL)
_PMID = re.compile(rb"<PMID[^<>]*>\s*(\d+)\s*</PMID>")

# The DTD's markup within texts; the blanks within a formula are all kept.
_MARKUP = ("b", "i", "sub", "sup", "u", "{http://www.w3.org/1998/Math/MathML}*")
_LAST_REFERENCE = b"</ReferenceList>"
_TAIL = 200  # room for what closes the record after the list: two end tags and their indents


def count_starters(data: bytes) -> int:
    """How many records the document opens, whole or not."""
    return sum(1 for _ in element_spans(to_utf8(data), RECORD_ELEMENTS))


def deleted_pmids(data: bytes) -> tuple[str, ...]:
    """PMIDs that the document's DeleteCitation and DeleteDocument elements withdraw; they are not records."""
    found = (m.group(1).decode() for part in _DELETED.finditer(to_utf8(data)) for m in _PMID.finditer(part.group(1)))
    return tuple(dict.fromkeys(found))


def parse_pubmed_xml(data: bytes) -> Iterator[tuple[RawRecord, ParsedRecord]]:
    """Each article or book of a PubMed XML document with its own bytes, in order.

    Parameters
    ----------
    data : a whole document, with or without the PubmedArticleSet around its records

    Raises
    ------
    InputError
        where a record is cut off or not well-formed, and for a document that declares entities. An empty set
        yields nothing.
    """
    data = to_utf8(data)
    for ordinal, span in enumerate(element_spans(data, RECORD_ELEMENTS)):
        if not span.complete:
            raise InputError(f"The PubMed XML ends inside record {ordinal + 1}; the file or reply was cut off.")
        raw = bytes(data[span.start : span.end])
        yield RawRecord(ordinal=ordinal, raw=raw), parse_pubmed_article(raw)
    if not root_is_closed(data):
        raise InputError("The PubMed XML ends before its outermost element is closed; the file or reply was cut off.")


def parse_pubmed_article(raw: bytes) -> ParsedRecord:
    """The fields of one PubmedArticle or PubmedBookArticle element."""
    found = {part.tag: part for part in children(parse_element(_without_references(raw), markup=_MARKUP))}
    book = found.get("BookDocument")
    if book is not None:
        return _book(book, found.get("PubmedBookData"))
    citation = found.get("MedlineCitation")
    if citation is None:
        raise InputError("The PubmedArticle has no MedlineCitation/Article.")
    return read_article(citation, found.get("PubmedData"))


def _without_references(raw: bytes) -> bytes:
    """The record without the list of what it cites, of which nothing is read and which can be longer than the rest.

    The list is the last thing in PubmedData; it stays in the record's raw bytes.
    """
    end = raw.rfind(_LAST_REFERENCE, max(0, len(raw) - _TAIL))
    if end < 0:
        return raw
    start = raw.find(b"<ReferenceList", raw.find(b"<PubmedData"))
    return raw[:start] + raw[end + len(_LAST_REFERENCE) :] if 0 <= start < end else raw


def _book(book: etree._Element, data: etree._Element | None) -> ParsedRecord:
    """A book or a chapter: the chapter's title where there is one, the book's title as its journal."""
    ids = parts.id_list(data.find("ArticleIdList") if data is not None else None)
    ids += parts.id_list(book.find("ArticleIdList"))
    chapter, whole = text_of(book.find("ArticleTitle")), text_of(book.find("Book/BookTitle"))
    lists = [a for a in book.findall("AuthorList") if a.get("Type") != "editors"]
    if not lists:
        lists = [a for a in book.findall("Book/AuthorList") if a.get("Type") != "editors"]
    editors = [
        name for a in book.iterfind(".//AuthorList") if a.get("Type") == "editors" for name in parts.person_names(a)
    ]
    draft = Draft()
    draft.put_all("ED", editors)
    draft.put("PB", text_of(book.find("Book/Publisher/PublisherName")))
    draft.put_all("ISBN", _texts(book, "Book/Isbn"))
    draft.put("BTI", whole)
    draft.put_all("AID", [f"{value} [{kind}]" for kind, value in ids if kind not in {"doi", "pubmed"}])
    return ParsedRecord(
        title=chapter or whole,
        authors=tuple(name for a in lists for name in parts.person_names(a)),
        journal=whole if chapter else None,
        year=find_year(parts.date_text(book.find("Book/PubDate")), parts.date_text(book.find("ContributionDate"))),
        volume=text_of(book.find("Book/Volume")),
        pages=parts.pages(book.find("Pagination")),
        abstract=parts.abstract(book.find("Abstract"))[0],
        doi=parts.own_doi(ids, book.findall("Book/ELocationID")),
        pmid=text_of(book.find("PMID")),
        language="; ".join(_texts(book, "Language")) or None,
        publication_types=unique(_texts(book, "PublicationType")) or ("Book",),
        keywords=unique(_texts(book, "KeywordList/Keyword")),
        original_title=text_of(book.find("VernacularTitle")),
        extra=draft.extra,
    )


def _texts(parent: etree._Element, path: str) -> list[str]:
    return [text for element in parent.iterfind(path) if (text := text_of(element))]
