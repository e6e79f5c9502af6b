"""The lists inside a PubMed article: people, headings, identifiers, dates, corrections, grants.

Each function walks its own elements once: PubMed's files run to millions of articles, and a search by path for each
field costs several times as much.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from lxml import etree

from toolkit.records.normalise import find_doi, normalise_pages
from toolkit.records.xmlsplit import text_of, tidy_all

__all__ = [
    "abstract",
    "children",
    "corrections",
    "databanks",
    "date_text",
    "grants",
    "history",
    "id_list",
    "mesh",
    "own_doi",
    "pages",
    "people",
    "person_names",
    "plain_date",
    "substances",
    "texts",
]

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
_DATE_PARTS = ("MedlineDate", "Year", "Season", "Month", "Day")

# An element's children as a list, which is made faster than an iterator over them; the type stubs do not know it.
children: Callable[[etree._Element], list[etree._Element]] = etree._Element.getchildren  # type: ignore[attr-defined]


def texts(parent: etree._Element, tag: str) -> list[str]:
    """Texts of an element's children of one tag, without empty ones."""
    return [text for part in children(parent) if part.tag == tag and (text := text_of(part))]


def people(authors: etree._Element) -> tuple[list[str], list[str], list[str]]:
    """Names, affiliations and identifiers of an AuthorList."""
    found: list[str] = []
    places: list[str] = []
    numbers: list[str] = []
    for author in children(authors):
        family = given = suffix = None
        for part in children(author):
            tag = part.tag
            if tag == "LastName":
                family = part.text if not len(part) else text_of(part)
            elif tag == "ForeName":
                given = part.text if not len(part) else text_of(part)
            elif tag == "Initials":
                given = given or part.text
            elif tag == "AffiliationInfo":
                places += texts(part, "Affiliation")
            elif tag == "CollectiveName":
                family = text_of(part)
            elif tag == "Suffix":
                suffix = text_of(part)
            elif tag == "Identifier" and (text := text_of(part)):
                numbers.append(text)
            elif tag == "Affiliation" and (text := text_of(part)):  # before 2015
                places.append(text)
        found.append(", ".join([text for part in (family, given, suffix) if part and (text := part.strip())]))
    return tidy_all(found), places, numbers


def person_names(listed: etree._Element) -> list[str]:
    """Names in an InvestigatorList or PersonalNameSubjectList."""
    return people(listed)[0]


def mesh(headings: etree._Element) -> list[str]:
    """Headings as MEDLINE prints them: "*Diet", "Blood Pressure/physiology", a star on the major ones."""
    found = []
    for heading in children(headings):
        whole = ""
        for part in children(heading):
            text = part.text if not len(part) else text_of(part)
            if text:
                star = "*" if part.get("MajorTopicYN") == "Y" else ""
                whole = f"{whole}/{star}{text.strip()}" if whole else star + text.strip()
        found.append(whole)
    return tidy_all(found)


def substances(chemicals: etree._Element) -> list[str]:
    """Substances as MEDLINE prints them: "EC 3.4.21.7 (Fibrinolysin)", "0 (Membrane Proteins)"."""
    found = []
    for chemical in chemicals:
        number = name = None
        for part in children(chemical):
            if part.tag == "RegistryNumber":
                number = text_of(part)
            elif part.tag == "NameOfSubstance":
                name = text_of(part)
        if number and name:
            found.append(f"{number} ({name})")
        elif number or name:
            found.append(number or name or "")
    return found


def id_list(ids: etree._Element | None) -> list[tuple[str, str]]:
    """Values and kinds in an ArticleIdList."""
    if ids is None:
        return []
    return [
        (part.get("IdType", "pubmed"), text)
        for part in children(ids)
        if part.tag == "ArticleId" and (text := text_of(part))
    ]


def own_doi(ids: list[tuple[str, str]], locations: list[etree._Element]) -> str | None:
    """The DOI among the record's own ids, else among its valid electronic locations."""
    for kind, value in ids:
        if kind == "doi" and (doi := find_doi(value)):
            return doi
    valid = (text_of(e) for e in locations if e.get("EIdType") == "doi" and e.get("ValidYN", "Y") != "N")
    return find_doi(*valid)


def abstract(element: etree._Element | None) -> tuple[str | None, list[str]]:
    """Sections in order, each on its line as "LABEL: text", and who holds the copyright."""
    sections: list[str] = []
    holders: list[str] = []
    for part in children(element) if element is not None else ():
        if text := text_of(part):
            if part.tag == "AbstractText":
                label = part.get("Label")
                named = label and label.upper() != "UNLABELLED"
                sections.append(f"{' '.join(label.split())}: {text}" if label and named else text)
            elif part.tag == "CopyrightInformation":
                holders.append(text)
    return "\n".join(sections) or None, holders


def pages(element: etree._Element | None) -> str | None:
    """First and last page."""
    if element is None:
        return None
    found = {part.tag: text_of(part) for part in children(element)}
    if whole := found.get("MedlinePgn"):
        return normalise_pages(whole)
    return normalise_pages(found.get("StartPage"), found.get("EndPage"))


def date_text(element: etree._Element | None) -> str | None:
    """A date as MEDLINE prints it: "1998 Dec-1999 Jan", "2015 Spring", "2019 Jun 5"."""
    if element is None:
        return None
    found = {part.tag: part.text for part in children(element)}
    return " ".join(" ".join([text for name in _DATE_PARTS if (text := found.get(name))]).split()) or None


def plain_date(element: etree._Element) -> str | None:
    """A whole date in figures, "20190605"."""
    return "".join(_figures(element)) or None


def _figures(date: etree._Element) -> tuple[str, ...]:
    """Year, month and day of a date that has all three, as "2019", "06", "05"."""
    listed = children(date)
    if len(listed) < 3:
        return ()
    if listed[0].tag == "Year" and listed[1].tag == "Month" and listed[2].tag == "Day":  # as the DTD has them
        year, month, day = listed[0].text, listed[1].text, listed[2].text
    else:
        found = {part.tag: part.text for part in listed}
        year, month, day = found.get("Year"), found.get("Month"), found.get("Day")
    if year and month and day:
        return year.strip(), month.strip().rjust(2, "0"), day.strip().rjust(2, "0")
    return ()


def history(dates: etree._Element) -> Iterator[tuple[str, str]]:
    """MEDLINE tag and date of each step in the record's own history."""
    for date in children(dates):
        if date.tag == "PubMedPubDate" and (when := "/".join(_figures(date))):
            status = date.get("PubStatus", "")
            tag = _HISTORY.get(status)
            yield (tag, when) if tag else ("PHST", f"{when} [{status}]")


def corrections(links: etree._Element) -> Iterator[tuple[str, str]]:
    """Links to corrections, retractions, comments, updates; cited references ("Cites") are not among them."""
    for link in links:
        tag = _CORRECTIONS.get(link.get("RefType", ""))
        if not tag:
            continue
        pmid = text_of(link.find("PMID"))
        parts = (text_of(link.find("RefSource")), f"PMID: {pmid}" if pmid else None, text_of(link.find("Note")))
        yield tag, ". ".join(p.rstrip(".") for p in parts if p) or "yes"


def databanks(banks: etree._Element) -> list[str]:
    """Data banks and accession numbers as "bank/number"."""
    found: list[str] = []
    for bank in banks:
        if bank.tag == "DataBank":
            name = text_of(bank.find("DataBankName")) or ""
            listed = bank.find("AccessionNumberList")
            numbers = texts(listed, "AccessionNumber") if listed is not None else []
            found += [f"{name}/{number}" for number in numbers] or ([name] if name else [])
    return found


def grants(listed: etree._Element) -> list[str]:
    """Grants as "number/acronym/agency/country"."""
    found = []
    for grant in listed:
        if grant.tag == "Grant":
            parts = (text_of(grant.find(n)) for n in ("GrantID", "Acronym", "Agency", "Country"))
            found.append("/".join(part for part in parts if part))
    return [text for text in found if text]
