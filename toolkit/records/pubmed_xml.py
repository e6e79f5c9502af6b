"""PubMed XML (efetch, downloads of the web site, NLM baseline files) read one article at a time.

What has no field of its own in :class:`ParsedRecord` goes to ``extra`` under the tag that MEDLINE text gives it
(MH, PMC, GR, STAT, EIN, RIN ...), so that the same article reads alike from both formats.

References
----------
NLM, PubMed DTD documentation and "MEDLINE/PubMed Data Element (Field) Descriptions".
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from lxml import etree

from toolkit.model.errors import InputError
from toolkit.model.records import ParsedRecord, RawRecord
from toolkit.records.normalise import (
    find_doi,
    find_registry_numbers,
    find_year,
    normalise_issn,
    normalise_pages,
    unique,
)
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
# CommentsCorrections RefType -> MEDLINE tag.
_CORRECTIONS = {
    "CommentIn": "CIN",
    "CommentOn": "CON",
    "CorrectedandRepublishedIn": "CRI",
    "CorrectedandRepublishedFrom": "CRF",
    "DatasetIn": "DDIN",
    "DatasetDescribedIn": "DDIN",
    "ErratumIn": "EIN",
    "ErratumFor": "EFR",
    "ExpressionOfConcernIn": "ECI",
    "ExpressionOfConcernFor": "ECF",
    "OriginalReportIn": "ORI",
    "RepublishedIn": "RPI",
    "RepublishedFrom": "RPF",
    "RetractedandRepublishedIn": "RRI",
    "RetractedandRepublishedFrom": "RRF",
    "RetractionIn": "RIN",
    "RetractionOf": "ROF",
    "SummaryForPatientsIn": "SPIN",
    "UpdateIn": "UIN",
    "UpdateOf": "UOF",
}
_HISTORY = {"entrez": "EDAT", "pubmed": "CRDT", "medline": "MHDA"}
_NAME_PARTS = {"LastName", "ForeName", "Initials", "Suffix", "CollectiveName"}
_DELETED = re.compile(rb"<Delete(?:Citation|Document)>(.*?)</Delete(?:Citation|Document)>", re.DOTALL)
_PMID = re.compile(rb"<PMID[^<>]*>\s*(\d+)\s*</PMID>")

# DataBankName values that are trial registers (NLM, "MEDLINE Databank Sources"); the others are sequences and data.
TRIAL_REGISTERS = frozenset(
    {"ANZCTR", "ChiCTR", "CRiS", "ClinicalTrials.gov", "CTRI", "DRKS", "EU-CTR", "EudraCT", "IRCT", "ISRCTN"}
    | {"JapicCTI", "JMA CCT", "JMACCT", "JPRN", "jRCT", "KCT", "NTR", "PACTR", "ReBec", "REPEC", "RPCEC", "SLCTR"}
    | {"TCTR", "UMIN CTR", "UMIN-CTR"}
)

Extra = dict[str, tuple[str, ...]]


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
    root = parse_element(raw)
    book = root.find("BookDocument")
    if book is not None:
        return _book(book, root.find("PubmedBookData"))
    citation = root.find("MedlineCitation")
    if citation is None or citation.find("Article") is None:
        raise InputError("The PubmedArticle has no MedlineCitation/Article.")
    return _article(citation, root.find("PubmedData"))


def _article(citation: etree._Element, data: etree._Element | None) -> ParsedRecord:
    article = citation.find("Article")
    assert article is not None
    journal = article.find("Journal")
    ids = _article_ids(data)
    published = article.find("Journal/JournalIssue/PubDate")
    extra = _article_extra(citation, article, data, ids)
    return ParsedRecord(
        title=text_of(article.find("ArticleTitle")),
        authors=_authors(article.findall("AuthorList")),
        journal=text_of(journal.find("Title")) if journal is not None else None,
        year=find_year(_date_text(published), *(_date_text(d) for d in article.findall("ArticleDate"))),
        volume=text_of(article.find("Journal/JournalIssue/Volume")),
        issue=text_of(article.find("Journal/JournalIssue/Issue")),
        pages=_pages(article.find("Pagination")),
        abstract=_abstract(article.find("Abstract")),
        doi=_own_doi(ids, article.findall("ELocationID")),
        pmid=text_of(citation.find("PMID")),
        issn=normalise_issn(
            text_of(article.find("Journal/ISSN")), text_of(citation.find("MedlineJournalInfo/ISSNLinking"))
        ),
        language="; ".join(_texts(article, "Language")) or None,
        publication_types=_once(_texts(article, "PublicationTypeList/PublicationType")),
        keywords=_once(_texts(citation, "KeywordList/Keyword")),
        registry_numbers=_registry_numbers(extra.get("SI", ())),
        original_title=text_of(article.find("VernacularTitle")),
        extra=extra,
    )


def _book(book: etree._Element, data: etree._Element | None) -> ParsedRecord:
    """A book or a chapter: the chapter's title where there is one, the book's title as its journal."""
    ids = _article_ids(data) + _id_list(book.find("ArticleIdList"))
    chapter, whole = text_of(book.find("ArticleTitle")), text_of(book.find("Book/BookTitle"))
    lists = [a for a in book.findall("AuthorList") if a.get("Type") != "editors"]
    if not lists:
        lists = [a for a in book.findall("Book/AuthorList") if a.get("Type") != "editors"]
    editors = _authors([a for a in book.iterfind(".//AuthorList") if a.get("Type") == "editors"])
    extra: Extra = {}
    _put(extra, "ED", editors)
    _put(extra, "PB", [text_of(book.find("Book/Publisher/PublisherName"))])
    _put(extra, "ISBN", _texts(book, "Book/Isbn"))
    _put(extra, "BTI", [whole])
    _put(extra, "AID", [f"{value} [{kind}]" for kind, value in ids if kind not in {"doi", "pubmed"}])
    return ParsedRecord(
        title=chapter or whole,
        authors=_authors(lists),
        journal=whole if chapter else None,
        year=find_year(_date_text(book.find("Book/PubDate")), _date_text(book.find("ContributionDate"))),
        volume=text_of(book.find("Book/Volume")),
        pages=_pages(book.find("Pagination")),
        abstract=_abstract(book.find("Abstract")),
        doi=_own_doi(ids, book.findall("Book/ELocationID")),
        pmid=text_of(book.find("PMID")),
        language="; ".join(_texts(book, "Language")) or None,
        publication_types=unique(_texts(book, "PublicationType")) or ("Book",),
        keywords=unique(_texts(book, "KeywordList/Keyword")),
        original_title=text_of(book.find("VernacularTitle")),
        extra=extra,
    )


def _texts(parent: etree._Element, path: str) -> list[str]:
    return [text for element in parent.iterfind(path) if (text := text_of(element))]


def _once(values: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(values))


def _put(extra: Extra, tag: str, values: Iterable[str | None]) -> None:
    kept = tuple(dict.fromkeys(value for value in values if value))
    if kept:
        extra[tag] = extra.get(tag, ()) + kept


def _id_list(element: etree._Element | None) -> list[tuple[str, str]]:
    if element is None:
        return []
    return [(e.get("IdType", "pubmed"), text) for e in element.iterfind("ArticleId") if (text := text_of(e))]


def _article_ids(data: etree._Element | None) -> list[tuple[str, str]]:
    """Ids of the record itself: a direct child, since the references cited below it have such lists too."""
    return _id_list(data.find("ArticleIdList")) if data is not None else []


def _own_doi(ids: list[tuple[str, str]], locations: list[etree._Element]) -> str | None:
    valid = [text_of(e) for e in locations if e.get("EIdType") == "doi" and e.get("ValidYN", "Y") != "N"]
    return find_doi(*(value for kind, value in ids if kind == "doi"), *valid)


def _authors(lists: Iterable[etree._Element]) -> tuple[str, ...]:
    names = []
    for author in (a for element in lists for a in element.iterfind("Author")):
        parts = {part.tag: text_of(part) for part in author if part.tag in _NAME_PARTS}
        if collective := parts.get("CollectiveName"):
            names.append(collective)
            continue
        given = parts.get("ForeName") or parts.get("Initials")
        name = ", ".join(part for part in (parts.get("LastName"), given, parts.get("Suffix")) if part)
        if name:
            names.append(name)
    return tuple(names)


def _abstract(element: etree._Element | None) -> str | None:
    """Sections in order, each on its line as "LABEL: text"."""
    if element is None:
        return None
    sections = []
    for part in element.iterfind("AbstractText"):
        text, label = text_of(part), part.get("Label")
        if text:
            sections.append(f"{' '.join(label.split())}: {text}" if label and label.upper() != "UNLABELLED" else text)
    return "\n".join(sections) or None


def _pages(element: etree._Element | None) -> str | None:
    if element is None:
        return None
    whole = text_of(element.find("MedlinePgn"))
    return normalise_pages(
        whole or text_of(element.find("StartPage")), None if whole else text_of(element.find("EndPage"))
    )


def _date_text(element: etree._Element | None) -> str | None:
    """A date as MEDLINE prints it: "1998 Dec-1999 Jan", "2015 Spring", "2019 Jun 5"."""
    if element is None:
        return None
    parts = (text_of(element.find(n)) for n in ("MedlineDate", "Year", "Season", "Month", "Day"))
    return " ".join(part for part in parts if part) or None


def _history(data: etree._Element | None) -> Iterator[tuple[str, str]]:
    if data is None:
        return
    for date in data.iterfind("History/PubMedPubDate"):
        year, month, day = (text_of(date.find(n)) for n in ("Year", "Month", "Day"))
        if year and month and day:
            status = date.get("PubStatus", "")
            yield (
                _HISTORY.get(status, "PHST"),
                f"{year}/{month:0>2}/{day:0>2}" + ("" if status in _HISTORY else f" [{status}]"),
            )


def _mesh(citation: etree._Element) -> Iterator[str]:
    """Headings as MEDLINE prints them: "*Diet", "Blood Pressure/physiology", a star on the major ones."""
    for heading in citation.iterfind("MeshHeadingList/MeshHeading"):
        parts = []
        for part in heading:
            text = text_of(part)
            if text:
                parts.append(("*" if part.get("MajorTopicYN") == "Y" else "") + text)
        if parts:
            yield "/".join(parts)


def _article_extra(
    citation: etree._Element, article: etree._Element, data: etree._Element | None, ids: list[tuple[str, str]]
) -> Extra:
    extra: Extra = {}
    _put(extra, "OWN", [citation.get("Owner")])
    _put(extra, "STAT", [citation.get("Status")])
    version = citation.find("PMID")
    if version is not None and version.get("Version", "1") != "1":
        _put(extra, "PMIDVersion", [version.get("Version")])
    _put(extra, "DP", [_date_text(article.find("Journal/JournalIssue/PubDate"))])
    _put(extra, "DEP", (_date_text(d) for d in article.findall("ArticleDate")))
    _put(extra, "TA", [text_of(citation.find("MedlineJournalInfo/MedlineTA"))])
    _put(extra, "PL", [text_of(citation.find("MedlineJournalInfo/Country"))])
    _put(extra, "JID", [text_of(citation.find("MedlineJournalInfo/NlmUniqueID"))])
    _put(extra, "MH", _mesh(citation))
    _put(extra, "NM", _texts(citation, "SupplMeshList/SupplMeshName"))
    _put(extra, "RN", _texts(citation, "ChemicalList/Chemical/NameOfSubstance"))
    _put(extra, "AD", _texts(article, "AuthorList/Author/AffiliationInfo/Affiliation"))
    _put(extra, "AUID", _texts(article, "AuthorList/Author/Identifier"))
    _put(extra, "FIR", _investigators(citation))
    _put(extra, "OAB", (_abstract(e) for e in citation.findall("OtherAbstract")))
    _put(extra, "CI", _texts(article, "Abstract/CopyrightInformation"))
    _put(extra, "COIS", _texts(citation, "CoiStatement"))
    _put(extra, "GN", _texts(citation, "GeneralNote"))
    _put(extra, "OID", _texts(citation, "OtherID"))
    _put(extra, "GR", _grants(article))
    _put(extra, "SI", _databanks(article))
    _put(extra, "PMC", (value for kind, value in ids if kind == "pmc"))
    _put(extra, "AID", (f"{value} [{kind}]" for kind, value in ids if kind not in {"doi", "pubmed", "pmc"}))
    _put(extra, "LID", (f"{text_of(e)} [{e.get('EIdType')}]" for e in article.findall("ELocationID") if text_of(e)))
    for tag, value in _corrections(citation):
        _put(extra, tag, [value])
    for tag, value in _history(data):
        _put(extra, tag, [value])
    _put(extra, "PST", [text_of(data.find("PublicationStatus"))] if data is not None else [])
    return extra


def _corrections(citation: etree._Element) -> Iterator[tuple[str, str]]:
    """Links to corrections, retractions, comments, updates; cited references ("Cites") are not among them."""
    for link in citation.iterfind("CommentsCorrectionsList/CommentsCorrections"):
        tag = _CORRECTIONS.get(link.get("RefType", ""))
        pmid = text_of(link.find("PMID"))
        parts = (text_of(link.find("RefSource")), f"PMID: {pmid}" if pmid else None, text_of(link.find("Note")))
        if tag:
            yield tag, ". ".join(p.rstrip(".") for p in parts if p) or "yes"


def _databanks(article: etree._Element) -> Iterator[str]:
    for bank in article.iterfind("DataBankList/DataBank"):
        name = text_of(bank.find("DataBankName")) or ""
        numbers = _texts(bank, "AccessionNumberList/AccessionNumber")
        yield from (f"{name}/{number}" for number in numbers) if numbers else (name,)


def _registry_numbers(databanks: tuple[str, ...]) -> tuple[str, ...]:
    """Numbers of trial registers among "bank/number" pairs; sequences and data sets are left out."""
    pairs = (pair.partition("/") for pair in databanks)
    return unique(
        number for bank, _, number in pairs if number and (bank in TRIAL_REGISTERS or find_registry_numbers(number))
    )


def _grants(article: etree._Element) -> Iterator[str]:
    for grant in article.iterfind("GrantList/Grant"):
        parts = (text_of(grant.find(n)) for n in ("GrantID", "Acronym", "Agency", "Country"))
        yield "/".join(part for part in parts if part)


def _investigators(citation: etree._Element) -> Iterator[str]:
    for person in citation.iterfind("InvestigatorList/Investigator"):
        parts = (text_of(person.find("LastName")), text_of(person.find("ForeName")) or text_of(person.find("Initials")))
        yield ", ".join(part for part in parts if part)
