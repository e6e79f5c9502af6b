"""PubMed XML (efetch, downloads of the web site, NLM baseline files) read one article at a time.

What has no field of its own in :class:`ParsedRecord` goes to ``extra`` under the tag that MEDLINE text gives it
(MH, PMC, GR, STAT, EIN, RIN ...), so that the same article reads alike from both formats.

References
----------
NLM, PubMed DTD documentation and "MEDLINE/PubMed Data Element (Field) Descriptions".
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

from lxml import etree

from toolkit.model.errors import InputError
from toolkit.model.records import ParsedRecord, RawRecord
from toolkit.records import pubmed_parts as parts
from toolkit.records.normalise import find_registry_numbers, find_year, normalise_issn, unique
from toolkit.records.pubmed_parts import children
from toolkit.records.xmlsplit import element_spans, parse_element, root_is_closed, text_of, to_utf8

__all__ = [
    "RECORD_ELEMENTS",
    "TRIAL_REGISTERS",
    "count_starters",
    "deleted_pmids",
    "parse_pubmed_article",
    "parse_pubmed_xml",
]

RECORD_ELEMENTS = ("PubmedArticle", "PubmedBookArticle")
_DELETED = re.compile(rb"<Delete(?:Citation|Document)>(.*?)</Delete(?:Citation|Document)>", re.DOTALL)
_PMID = re.compile(rb"<PMID[^<>]*>\s*(\d+)\s*</PMID>")

# DataBankName values that are trial registers (NLM, "MEDLINE Databank Sources"); the others are sequences and data.
TRIAL_REGISTERS = frozenset(
    {"ANZCTR", "ChiCTR", "CRiS", "ClinicalTrials.gov", "CTRI", "DRKS", "EU-CTR", "EudraCT", "IRCT", "ISRCTN"}
    | {"JapicCTI", "JMA CCT", "JMACCT", "JPRN", "jRCT", "KCT", "NTR", "PACTR", "ReBec", "REPEC", "RPCEC", "SLCTR"}
    | {"TCTR", "UMIN CTR", "UMIN-CTR"}
)

Extra = dict[str, tuple[str, ...]]
_LAST_REFERENCE = b"</ReferenceList>"
_TAIL = 200  # room for what closes the record after the list: two end tags and their indents
_IDS_WITH_FIELDS = frozenset({"doi", "pubmed", "pmc"})
Reader = Callable[[etree._Element], list[str]]


def _of(tag: str) -> Reader:
    """A reader of the texts of an element's children of one tag."""
    return lambda element: parts.texts(element, tag)


# Element of MedlineCitation or Article -> MEDLINE tag, and what reads its values.
_LISTS: dict[str, tuple[str, Reader]] = {
    "ChemicalList": ("RN", parts.substances),
    "DataBankList": ("SI", parts.databanks),
    "GeneSymbolList": ("GS", _of("GeneSymbol")),
    "GrantList": ("GR", parts.grants),
    "InvestigatorList": ("FIR", parts.person_names),
    "MeshHeadingList": ("MH", parts.mesh),
    "PersonalNameSubjectList": ("FPS", parts.person_names),
    "SupplMeshList": ("NM", _of("SupplMeshName")),
}
_TEXTS = {
    "Affiliation": "AD",  # of the first author alone, in documents made before 2015
    "CitationSubset": "SB",
    "CoiStatement": "COIS",
    "GeneralNote": "GN",
    "NumberOfReferences": "RF",
    "OtherID": "OID",
    "SpaceFlightMission": "SFM",
}
_DATES = {"DateCompleted": "DCOM", "DateCreated": "DA", "DateRevised": "LR"}
_JOURNAL_INFO = {"Country": "PL", "MedlineTA": "TA", "NlmUniqueID": "JID"}


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
    found = {part.tag: part for part in children(parse_element(_without_references(raw)))}
    book = found.get("BookDocument")
    if book is not None:
        return _book(book, found.get("PubmedBookData"))
    citation = found.get("MedlineCitation")
    if citation is None:
        raise InputError("The PubmedArticle has no MedlineCitation/Article.")
    return _article(citation, found.get("PubmedData"))


def _without_references(raw: bytes) -> bytes:
    """The record without the list of what it cites, of which nothing is read and which can be longer than the rest.

    The list is the last thing in PubmedData; it stays in the record's raw bytes.
    """
    end = raw.rfind(_LAST_REFERENCE, max(0, len(raw) - _TAIL))
    if end < 0:
        return raw
    start = raw.find(b"<ReferenceList", raw.find(b"<PubmedData"))
    return raw[:start] + raw[end + len(_LAST_REFERENCE) :] if 0 <= start < end else raw


class _Draft:
    """An article as far as it has been read: fields of the record, MEDLINE tags, what several fields are made of."""

    __slots__ = ("dates", "extra", "fields", "ids", "issn", "languages", "linking_issn", "locations", "published")

    def __init__(self) -> None:
        self.fields: dict[str, Any] = {}
        self.extra: Extra = {}
        self.ids: list[tuple[str, str]] = []
        self.locations: list[etree._Element] = []
        self.languages: list[str] = []
        self.dates: list[str] = []
        self.published: str | None = None
        self.issn: str | None = None
        self.linking_issn: str | None = None

    def put(self, tag: str, value: str | None) -> None:
        """Add a value to a MEDLINE tag."""
        if value:
            if before := self.extra.get(tag):
                self.extra[tag] = before if value in before else (*before, value)
            else:
                self.extra[tag] = (value,)

    def put_all(self, tag: str, values: list[str]) -> None:
        """Add values to a MEDLINE tag, each once."""
        if values:
            self.extra[tag] = tuple(dict.fromkeys([*self.extra.get(tag, ()), *values]))


def _article(citation: etree._Element, data: etree._Element | None) -> ParsedRecord:
    """One visit to each element, which says by its tag what it is; a search for each field takes far longer."""
    draft = _Draft()
    article = False
    draft.put("OWN", citation.get("Owner"))
    draft.put("STAT", citation.get("Status"))
    for part in children(citation):
        tag = part.tag
        if tag == "Article":
            article = True
            _read_article(part, draft)
        elif tag == "MedlineJournalInfo":
            _read_journal_info(part, draft)
        elif listed := _LISTS.get(tag):
            draft.put_all(listed[0], listed[1](part))
        elif name := _DATES.get(tag):
            draft.put(name, parts.plain_date(part))
        else:
            _read_other(tag, part, draft)
    if not article:
        raise InputError("The PubmedArticle has no MedlineCitation/Article.")
    if data is not None:
        _read_data(data, draft)
    extra = draft.extra
    return ParsedRecord(
        year=find_year(draft.published, *draft.dates),
        doi=parts.own_doi(draft.ids, draft.locations),
        issn=normalise_issn(draft.issn, draft.linking_issn),
        language="; ".join(draft.languages) or None,
        registry_numbers=_registry_numbers(extra["SI"]) if "SI" in extra else (),
        extra=extra,
        **draft.fields,
    )


def _read_article(article: etree._Element, draft: _Draft) -> None:
    fields = draft.fields
    for part in children(article):
        tag = part.tag
        if tag == "Journal":
            _read_journal(part, draft)
        elif tag == "ArticleTitle":
            fields["title"] = text_of(part)
        elif tag == "Abstract":
            fields["abstract"] = parts.abstract(part)
            draft.put_all("CI", parts.texts(part, "CopyrightInformation"))
        elif tag == "AuthorList":
            names, places, numbers = parts.people(part)
            fields["authors"] = (*fields.get("authors", ()), *names)
            draft.put_all("AD", places)
            draft.put_all("AUID", numbers)
        elif tag == "PublicationTypeList":
            fields["publication_types"] = tuple(dict.fromkeys(parts.texts(part, "PublicationType")))
        elif tag == "Pagination":
            fields["pages"] = parts.pages(part)
        elif tag == "Language":
            if text := text_of(part):
                draft.languages.append(text)
        elif tag == "ELocationID":
            draft.locations.append(part)
            if text := text_of(part):
                draft.put("LID", f"{text} [{part.get('EIdType')}]")
        elif tag == "ArticleDate":
            if text := parts.date_text(part):
                draft.dates.append(text)
        elif tag == "VernacularTitle":
            fields["original_title"] = text_of(part)
        elif listed := _LISTS.get(tag):
            draft.put_all(listed[0], listed[1](part))
        elif name := _TEXTS.get(tag):
            draft.put(name, text_of(part))
    draft.put("DP", draft.published)
    draft.put_all("DEP", draft.dates)


def _read_journal(journal: etree._Element, draft: _Draft) -> None:
    for part in children(journal):
        tag = part.tag
        if tag == "ISSN":
            draft.issn = text_of(part)
        elif tag == "Title":
            draft.fields["journal"] = text_of(part)
        elif tag == "JournalIssue":
            for inner in children(part):
                tag = inner.tag
                if tag == "PubDate":
                    draft.published = parts.date_text(inner)
                elif tag == "Volume":
                    draft.fields["volume"] = text_of(inner)
                elif tag == "Issue":
                    draft.fields["issue"] = text_of(inner)


def _read_journal_info(info: etree._Element, draft: _Draft) -> None:
    for part in children(info):
        if name := _JOURNAL_INFO.get(part.tag):
            draft.put(name, text_of(part))
        elif part.tag == "ISSNLinking":
            draft.linking_issn = text_of(part)


def _read_other(tag: str, part: etree._Element, draft: _Draft) -> None:
    """What few citations have, or what is one value and no list."""
    if tag == "PMID":
        draft.fields["pmid"] = text_of(part)
        if (version := part.get("Version", "1")) != "1":
            draft.put("PMIDVersion", version)
    elif name := _TEXTS.get(tag):
        draft.put(name, text_of(part))
    elif tag == "KeywordList":
        keywords = parts.texts(part, "Keyword")
        draft.fields["keywords"] = tuple(dict.fromkeys((*draft.fields.get("keywords", ()), *keywords)))
    elif tag == "CommentsCorrectionsList":
        for name, value in parts.corrections(part):
            draft.extra[name] = (*draft.extra.get(name, ()), value)
    elif tag == "OtherAbstract":
        draft.put("OAB", parts.abstract(part))
        draft.put_all("OCI", parts.texts(part, "CopyrightInformation"))


def _read_data(data: etree._Element, draft: _Draft) -> None:
    """The record's own history and identifiers; those of the references it cites lie in lists further down."""
    for part in children(data):
        tag = part.tag
        if tag == "ArticleIdList":
            draft.ids += parts.id_list(part)
        elif tag == "History":
            for name, value in parts.history(part):
                draft.extra[name] = (*draft.extra.get(name, ()), value)
        elif tag == "PublicationStatus":
            draft.put("PST", text_of(part))
    draft.put_all("PMC", [value for kind, value in draft.ids if kind == "pmc"])
    draft.put_all("AID", [f"{value} [{kind}]" for kind, value in draft.ids if kind not in _IDS_WITH_FIELDS])


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
    draft = _Draft()
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
        abstract=parts.abstract(book.find("Abstract")),
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


def _registry_numbers(databanks: tuple[str, ...]) -> tuple[str, ...]:
    """Numbers of trial registers among "bank/number" pairs; sequences and data sets are left out."""
    pairs = (pair.partition("/") for pair in databanks)
    return unique(
        number for bank, _, number in pairs if number and (bank in TRIAL_REGISTERS or find_registry_numbers(number))
    )
