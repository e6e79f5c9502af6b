"""The fields of one PubMed article, by tables that say for each element what is read from it.

What has no field of its own in :class:`ParsedRecord` goes to ``extra`` under the tag that MEDLINE text gives it
(MH, PMC, GR, STAT, EIN, RIN ...), so that the same article reads alike from both formats.

Each element is visited once and says by its name what it is; a search for each field takes far longer. An element is
read only where a table has it: one of the same name elsewhere, as the identifiers of a cited reference are, is never
taken for the record's own.

References
----------
NLM, PubMed DTD documentation and "MEDLINE/PubMed Data Element (Field) Descriptions".
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from lxml import etree

from toolkit.model.errors import InputError
from toolkit.model.records import ParsedRecord
from toolkit.records import pubmed_parts as parts
from toolkit.records.normalise import find_registry_numbers, find_year, normalise_issn, unique
from toolkit.records.pubmed_parts import children
from toolkit.records.xmlsplit import text_of

__all__ = ["TRIAL_REGISTERS", "Draft", "read_article"]

# DataBankName values that are trial registers (NLM, "MEDLINE Databank Sources"); the others are sequences and data.
TRIAL_REGISTERS = frozenset(
    {"ANZCTR", "ChiCTR", "CRiS", "ClinicalTrials.gov", "CTRI", "DRKS", "EU-CTR", "EudraCT", "IRCT", "ISRCTN"}
    | {"JapicCTI", "JMA CCT", "JMACCT", "JPRN", "jRCT", "KCT", "NTR", "PACTR", "ReBec", "REPEC", "RPCEC", "SLCTR"}
    | {"TCTR", "UMIN CTR", "UMIN-CTR"}
)
_IDS_WITH_FIELDS = frozenset({"doi", "pubmed", "pmc"})


class Draft:
    """An article as far as it has been read: fields of the record, MEDLINE tags, what several fields are made of."""

    __slots__ = (
        "dates",
        "extra",
        "fields",
        "has_article",
        "ids",
        "issn",
        "languages",
        "linking_issn",
        "locations",
        "published",
    )

    def __init__(self) -> None:
        self.fields: dict[str, Any] = {}
        self.extra: dict[str, tuple[str, ...]] = {}
        self.ids: list[tuple[str, str]] = []
        self.locations: list[etree._Element] = []
        self.languages: list[str] = []
        self.dates: list[str] = []
        self.has_article = False
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
            self.extra[tag] = tuple(dict.fromkeys((*self.extra.get(tag, ()), *values)))

    def put_each(self, pairs: Iterable[tuple[str, str]]) -> None:
        """Add tags with their values, as often as they come."""
        extra = self.extra
        for tag, value in pairs:
            extra[tag] = (*extra[tag], value) if tag in extra else (value,)


Reader = Callable[[Draft, etree._Element], None]
Table = dict[str, Reader]


def _within(table: Table) -> Reader:
    """Reads an element's children by a table of their own."""

    def read(draft: Draft, element: etree._Element) -> None:
        for part in children(element):
            tag = part.tag
            if tag in table:
                table[tag](draft, part)

    return read


def _field(name: str) -> Reader:
    """Reads an element's text as a field of the record."""

    def read(draft: Draft, element: etree._Element) -> None:
        draft.fields[name] = text_of(element)

    return read


def _tag(name: str) -> Reader:
    """Reads an element's text as a MEDLINE tag."""

    def read(draft: Draft, element: etree._Element) -> None:
        draft.put(name, text_of(element))

    return read


def _list(name: str, values: Callable[[etree._Element], list[str]]) -> Reader:
    """Reads what a list holds as a MEDLINE tag."""

    def read(draft: Draft, element: etree._Element) -> None:
        draft.put_all(name, values(element))

    return read


def _texts(name: str, part: str) -> Reader:
    """Reads the texts of an element's children of one name as a MEDLINE tag."""
    return _list(name, lambda element: parts.texts(element, part))


def _date(name: str) -> Reader:
    """Reads a whole date as a MEDLINE tag."""

    def read(draft: Draft, element: etree._Element) -> None:
        draft.put(name, parts.plain_date(element))

    return read


def _pmid(draft: Draft, element: etree._Element) -> None:
    draft.fields["pmid"] = text_of(element)
    if (version := element.get("Version", "1")) != "1":
        draft.put("PMIDVersion", version)


def _issn(draft: Draft, element: etree._Element) -> None:
    draft.issn = text_of(element)


def _linking_issn(draft: Draft, element: etree._Element) -> None:
    draft.linking_issn = text_of(element)


def _published(draft: Draft, element: etree._Element) -> None:
    draft.published = parts.date_text(element)


def _article_date(draft: Draft, element: etree._Element) -> None:
    if text := parts.date_text(element):
        draft.dates.append(text)


def _abstract(draft: Draft, element: etree._Element) -> None:
    draft.fields["abstract"], holders = parts.abstract(element)
    draft.put_all("CI", holders)


def _other_abstract(draft: Draft, element: etree._Element) -> None:
    text, holders = parts.abstract(element)
    draft.put("OAB", text)
    draft.put_all("OCI", holders)


def _authors(draft: Draft, element: etree._Element) -> None:
    names, places, numbers = parts.people(element)
    draft.fields["authors"] = (*draft.fields.get("authors", ()), *names)
    draft.put_all("AD", places)
    draft.put_all("AUID", numbers)


def _publication_types(draft: Draft, element: etree._Element) -> None:
    draft.fields["publication_types"] = tuple(dict.fromkeys(parts.texts(element, "PublicationType")))


def _pages(draft: Draft, element: etree._Element) -> None:
    draft.fields["pages"] = parts.pages(element)


def _language(draft: Draft, element: etree._Element) -> None:
    if text := text_of(element):
        draft.languages.append(text)


def _location(draft: Draft, element: etree._Element) -> None:
    draft.locations.append(element)
    if text := text_of(element):
        draft.put("LID", f"{text} [{element.get('EIdType')}]")


def _keywords(draft: Draft, element: etree._Element) -> None:
    keywords = parts.texts(element, "Keyword")
    draft.fields["keywords"] = tuple(dict.fromkeys((*draft.fields.get("keywords", ()), *keywords)))


def _corrections(draft: Draft, element: etree._Element) -> None:
    draft.put_each(parts.corrections(element))


def _history(draft: Draft, element: etree._Element) -> None:
    draft.put_each(parts.history(element))


def _ids(draft: Draft, element: etree._Element) -> None:
    draft.ids += parts.id_list(element)


_ISSUE: Table = {"Issue": _field("issue"), "PubDate": _published, "Volume": _field("volume")}
_JOURNAL: Table = {"ISSN": _issn, "JournalIssue": _within(_ISSUE), "Title": _field("journal")}
_JOURNAL_INFO: Table = {
    "Country": _tag("PL"),
    "ISSNLinking": _linking_issn,
    "MedlineTA": _tag("TA"),
    "NlmUniqueID": _tag("JID"),
}
_EITHER: Table = {  # in the citation or in the article: where they stand has changed with the years
    "Affiliation": _tag("AD"),  # of the first author alone, in documents made before 2015
    "ChemicalList": _list("RN", parts.substances),
    "CitationSubset": _tag("SB"),
    "CoiStatement": _tag("COIS"),
    "DataBankList": _list("SI", parts.databanks),
    "GeneSymbolList": _texts("GS", "GeneSymbol"),
    "GeneralNote": _tag("GN"),
    "GrantList": _list("GR", parts.grants),
    "InvestigatorList": _list("FIR", parts.person_names),
    "MeshHeadingList": _list("MH", parts.mesh),
    "NumberOfReferences": _tag("RF"),
    "OtherID": _tag("OID"),
    "PersonalNameSubjectList": _list("FPS", parts.person_names),
    "SpaceFlightMission": _tag("SFM"),
    "SupplMeshList": _texts("NM", "SupplMeshName"),
}
_ARTICLE: Table = _EITHER | {
    "Abstract": _abstract,
    "ArticleDate": _article_date,
    "ArticleTitle": _field("title"),
    "AuthorList": _authors,
    "ELocationID": _location,
    "Journal": _within(_JOURNAL),
    "Language": _language,
    "Pagination": _pages,
    "PublicationTypeList": _publication_types,
    "VernacularTitle": _field("original_title"),
}
_read_article = _within(_ARTICLE)


def _article(draft: Draft, element: etree._Element) -> None:
    draft.has_article = True
    _read_article(draft, element)


_CITATION: Table = _EITHER | {
    "Article": _article,
    "CommentsCorrectionsList": _corrections,
    "DateCompleted": _date("DCOM"),
    "DateCreated": _date("DA"),
    "DateRevised": _date("LR"),
    "KeywordList": _keywords,
    "MedlineJournalInfo": _within(_JOURNAL_INFO),
    "OtherAbstract": _other_abstract,
    "PMID": _pmid,
}
_DATA: Table = {"ArticleIdList": _ids, "History": _history, "PublicationStatus": _tag("PST")}
_read_citation, _read_data = _within(_CITATION), _within(_DATA)


def read_article(citation: etree._Element, data: etree._Element | None) -> ParsedRecord:
    """The fields of a MedlineCitation and of the PubmedData beside it.

    Raises
    ------
    InputError
        when the citation has no article.
    """
    draft = Draft()
    draft.put("OWN", citation.get("Owner"))
    draft.put("STAT", citation.get("Status"))
    _read_citation(draft, citation)
    if not draft.has_article:
        raise InputError("The PubmedArticle has no MedlineCitation/Article.")
    draft.put("DP", draft.published)
    draft.put_all("DEP", draft.dates)
    if data is not None:
        _read_data(draft, data)
        draft.put_all("PMC", [value for kind, value in draft.ids if kind == "pmc"])
        draft.put_all("AID", [f"{value} [{kind}]" for kind, value in draft.ids if kind not in _IDS_WITH_FIELDS])
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


def _registry_numbers(databanks: tuple[str, ...]) -> tuple[str, ...]:
    """Numbers of trial registers among "bank/number" pairs; sequences and data sets are left out."""
    pairs = (pair.partition("/") for pair in databanks)
    return unique(
        number for bank, _, number in pairs if number and (bank in TRIAL_REGISTERS or find_registry_numbers(number))
    )
