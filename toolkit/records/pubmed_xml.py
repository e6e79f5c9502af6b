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
ByTag = dict[str, list[etree._Element]]


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


def _by_tag(element: etree._Element | None) -> ByTag:
    """The children by tag: one pass is several times faster than a search by path for each field."""
    found: ByTag = {}
    if element is not None:
        for child in element:
            found.setdefault(child.tag, []).append(child)
    return found


def _first(children: ByTag, tag: str) -> etree._Element | None:
    found = children.get(tag)
    return found[0] if found else None


def _all_texts(children: ByTag, tag: str, below: str | None = None) -> list[str]:
    """Texts of the children of one tag, or of their own children of the tag ``below``."""
    found: list[etree._Element] = children.get(tag, [])
    if below is not None:
        found = [inner for element in found for inner in element if inner.tag == below]
    return [text for element in found if (text := text_of(element))]


def _article(citation: etree._Element, data: etree._Element | None) -> ParsedRecord:
    top, about = _by_tag(citation), _by_tag(data)
    article = _by_tag(_first(top, "Article"))
    journal = _by_tag(_first(article, "Journal"))
    issue = _by_tag(_first(journal, "JournalIssue"))
    medline = _by_tag(_first(top, "MedlineJournalInfo"))
    ids = _id_list(_first(about, "ArticleIdList"))
    dates = [_date_text(element) for element in article.get("ArticleDate", [])]
    published = _date_text(_first(issue, "PubDate"))
    extra: Extra = {}
    _citation_extra(extra, citation, top, medline)
    authors, places, numbers = _people(article.get("AuthorList", []))
    _put_all(extra, "AD", places)
    _put_all(extra, "AUID", numbers)
    _article_extra(extra, article, published, dates, ids)
    _history_extra(extra, top, about)
    return ParsedRecord(
        title=text_of(_first(article, "ArticleTitle")),
        authors=authors,
        journal=text_of(_first(journal, "Title")),
        year=find_year(published, *dates),
        volume=text_of(_first(issue, "Volume")),
        issue=text_of(_first(issue, "Issue")),
        pages=_pages(_first(article, "Pagination")),
        abstract=_abstract(_first(article, "Abstract")),
        doi=_own_doi(ids, article.get("ELocationID", [])),
        pmid=text_of(_first(top, "PMID")),
        issn=normalise_issn(text_of(_first(journal, "ISSN")), text_of(_first(medline, "ISSNLinking"))),
        language="; ".join(_all_texts(article, "Language")) or None,
        publication_types=_once(_all_texts(article, "PublicationTypeList", "PublicationType")),
        keywords=_once(_all_texts(top, "KeywordList", "Keyword")),
        registry_numbers=_registry_numbers(extra.get("SI", ())),
        original_title=text_of(_first(article, "VernacularTitle")),
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
    _put_all(extra, "ED", list(editors))
    _put(extra, "PB", text_of(book.find("Book/Publisher/PublisherName")))
    _put_all(extra, "ISBN", _texts(book, "Book/Isbn"))
    _put(extra, "BTI", whole)
    _put_all(extra, "AID", [f"{value} [{kind}]" for kind, value in ids if kind not in {"doi", "pubmed"}])
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


def _put(extra: Extra, tag: str, value: str | None) -> None:
    """Add one value to a tag."""
    if value:
        before = extra.get(tag)
        extra[tag] = (value,) if before is None else (*before, value)


def _put_all(extra: Extra, tag: str, values: list[str]) -> None:
    """Set a tag to its values, each once."""
    if values:
        extra[tag] = tuple(dict.fromkeys(values)) if len(values) > 1 else (values[0],)


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
    return _people(lists)[0]


def _people(lists: Iterable[etree._Element]) -> tuple[tuple[str, ...], list[str], list[str]]:
    """Names, affiliations and identifiers of the authors, in one pass over their elements."""
    names: list[str] = []
    places: list[str] = []
    numbers: list[str] = []
    for author in (a for element in lists for a in element if a.tag == "Author"):
        parts: dict[str, str | None] = {}
        for part in author:
            tag = part.tag
            if tag in _NAME_PARTS:
                parts[tag] = text_of(part)
            elif tag == "AffiliationInfo":
                places += [text for inner in part if inner.tag == "Affiliation" and (text := text_of(inner))]
            elif tag == "Identifier" and (text := text_of(part)):
                numbers.append(text)
        if collective := parts.get("CollectiveName"):
            names.append(collective)
            continue
        given = parts.get("ForeName") or parts.get("Initials")
        name = ", ".join(part for part in (parts.get("LastName"), given, parts.get("Suffix")) if part)
        if name:
            names.append(name)
    return tuple(names), places, numbers


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
    found = {part.tag: text_of(part) for part in element}
    parts = (found.get(name) for name in ("MedlineDate", "Year", "Season", "Month", "Day"))
    return " ".join(part for part in parts if part) or None


def _history(about: ByTag) -> Iterator[tuple[str, str]]:
    for history in about.get("History", []):
        for date in history:
            if date.tag != "PubMedPubDate":
                continue
            parts = {part.tag: part.text for part in date}
            year, month, day = parts.get("Year"), parts.get("Month"), parts.get("Day")
            if year and month and day:
                year, month, day = year.strip(), month.strip(), day.strip()
                status = date.get("PubStatus", "")
                yield (
                    _HISTORY.get(status, "PHST"),
                    f"{year}/{month:0>2}/{day:0>2}" + ("" if status in _HISTORY else f" [{status}]"),
                )


def _mesh(lists: Iterable[etree._Element]) -> Iterator[str]:
    """Headings as MEDLINE prints them: "*Diet", "Blood Pressure/physiology", a star on the major ones."""
    for heading in (h for element in lists for h in element if h.tag == "MeshHeading"):
        parts = []
        for part in heading:
            text = text_of(part)
            if text:
                parts.append("*" + text if part.get("MajorTopicYN") == "Y" else text)
        if parts:
            yield "/".join(parts)


def _citation_extra(extra: Extra, citation: etree._Element, top: ByTag, medline: ByTag) -> None:
    """What the citation says beside the article: who holds it, its headings, substances, notes."""
    _put(extra, "OWN", citation.get("Owner"))
    _put(extra, "STAT", citation.get("Status"))
    version = _first(top, "PMID")
    if version is not None and version.get("Version", "1") != "1":
        _put(extra, "PMIDVersion", version.get("Version"))
    for tag, name in (("TA", "MedlineTA"), ("PL", "Country"), ("JID", "NlmUniqueID")):
        _put(extra, tag, text_of(_first(medline, name)))
    _put_all(extra, "MH", list(_mesh(top.get("MeshHeadingList", []))))
    _put_all(extra, "NM", _all_texts(top, "SupplMeshList", "SupplMeshName"))
    chemicals = [c for element in top.get("ChemicalList", []) for c in element if c.tag == "Chemical"]
    names = [part for c in chemicals for part in c if part.tag == "NameOfSubstance"]
    _put_all(extra, "RN", [text for name in names if (text := text_of(name))])
    _put_all(extra, "FIR", list(_investigators(top.get("InvestigatorList", []))))
    _put_all(extra, "OAB", [text for e in top.get("OtherAbstract", []) if (text := _abstract(e))])
    for tag, name in (("COIS", "CoiStatement"), ("GN", "GeneralNote"), ("OID", "OtherID")):
        _put_all(extra, tag, _all_texts(top, name))


def _article_extra(
    extra: Extra, article: ByTag, published: str | None, dates: list[str | None], ids: list[tuple[str, str]]
) -> None:
    """What the article says beside the fields of a record: dates, grants, data banks, other ids."""
    _put(extra, "DP", published)
    _put_all(extra, "DEP", [date for date in dates if date])
    _put_all(extra, "CI", _all_texts(article, "Abstract", "CopyrightInformation"))
    _put_all(extra, "GR", [text for text in _grants(article.get("GrantList", [])) if text])
    _put_all(extra, "SI", [text for text in _databanks(article.get("DataBankList", [])) if text])
    _put_all(extra, "PMC", [value for kind, value in ids if kind == "pmc"])
    _put_all(extra, "AID", [f"{value} [{kind}]" for kind, value in ids if kind not in {"doi", "pubmed", "pmc"}])
    located = [(text_of(e), e.get("EIdType")) for e in article.get("ELocationID", [])]
    _put_all(extra, "LID", [f"{text} [{kind}]" for text, kind in located if text])


def _history_extra(extra: Extra, top: ByTag, about: ByTag) -> None:
    """Corrections and the dates of the record's own history."""
    found: dict[str, list[str]] = {}
    for tag, value in (*_corrections(top.get("CommentsCorrectionsList", [])), *_history(about)):
        found.setdefault(tag, []).append(value)
    for tag, values in found.items():
        extra[tag] = tuple(values)
    _put(extra, "PST", text_of(_first(about, "PublicationStatus")))


def _corrections(lists: Iterable[etree._Element]) -> Iterator[tuple[str, str]]:
    """Links to corrections, retractions, comments, updates; cited references ("Cites") are not among them."""
    for link in (one for element in lists for one in element if one.tag == "CommentsCorrections"):
        tag = _CORRECTIONS.get(link.get("RefType", ""))
        if not tag:
            continue
        pmid = text_of(link.find("PMID"))
        parts = (text_of(link.find("RefSource")), f"PMID: {pmid}" if pmid else None, text_of(link.find("Note")))
        yield tag, ". ".join(p.rstrip(".") for p in parts if p) or "yes"


def _databanks(lists: Iterable[etree._Element]) -> Iterator[str]:
    for bank in (one for element in lists for one in element if one.tag == "DataBank"):
        name = text_of(bank.find("DataBankName")) or ""
        numbers = _texts(bank, "AccessionNumberList/AccessionNumber")
        yield from (f"{name}/{number}" for number in numbers) if numbers else (name,)


def _registry_numbers(databanks: tuple[str, ...]) -> tuple[str, ...]:
    """Numbers of trial registers among "bank/number" pairs; sequences and data sets are left out."""
    pairs = (pair.partition("/") for pair in databanks)
    return unique(
        number for bank, _, number in pairs if number and (bank in TRIAL_REGISTERS or find_registry_numbers(number))
    )


def _grants(lists: Iterable[etree._Element]) -> Iterator[str]:
    for grant in (one for element in lists for one in element if one.tag == "Grant"):
        parts = (text_of(grant.find(n)) for n in ("GrantID", "Acronym", "Agency", "Country"))
        yield "/".join(part for part in parts if part)


def _investigators(lists: Iterable[etree._Element]) -> Iterator[str]:
    for person in (one for element in lists for one in element if one.tag == "Investigator"):
        parts = (text_of(person.find("LastName")), text_of(person.find("ForeName")) or text_of(person.find("Initials")))
        yield ", ".join(part for part in parts if part)
