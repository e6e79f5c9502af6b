"""The records an emulator serves: real PubmedArticle XML, or the same shape made from plain facts.

The shape follows ../shared/samples/entrez/bp_pubmed1.xml (pubmed_250101.dtd). What is not known is left out: no
element is filled with an invented value (attributes that the DTD demands, such as Status and Owner, are filler).
Reading is done here with a few lines of its own, on purpose not with toolkit.records, so that parser and emulator
cannot share a misreading.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from xml.sax.saxutils import escape

from lxml import etree

MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What is known of a record; authors as "Family Initials"."""

    pmid: str
    title: str
    authors: tuple[str, ...] = ()
    journal: str = ""
    year: str = ""
    volume: str = ""
    issue: str = ""
    pages: str = ""
    abstract: str = ""
    doi: str = ""
    language: str = ""
    mesh: tuple[str, ...] = ()
    publication_types: tuple[str, ...] = ()
    vernacular: str = ""
    created: date | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Article:
    """A record as served, and what the emulator's index knows of it.

    ``created`` (for [crdt] and [edat]) is the date of the record's history, or else 1 January of its year.
    """

    pmid: str
    xml: bytes
    title: str
    abstract: str = ""
    mesh: tuple[str, ...] = ()
    major: tuple[str, ...] = ()
    keywords: tuple[str, ...] = ()
    types: tuple[str, ...] = ()
    authors: tuple[str, ...] = ()
    journal: tuple[str, ...] = ()
    language: tuple[str, ...] = ()
    volume: str = ""
    issue: str = ""
    pages: str = ""
    issn: str = ""
    doi: str = ""
    published: tuple[date, date] | None = None
    created: date = date(1900, 1, 1)
    indexed: date | None = None
    revised: date | None = None
    history: Mapping[str, date] = field(default_factory=dict)


def article_xml(facts: Facts) -> bytes:
    """A PubmedArticle with these facts and nothing else; element order of bp_pubmed1.xml."""
    created = _date_element("pubmed", facts.created) + _date_element("entrez", facts.created) if facts.created else ""
    authors = "".join(_author(name) for name in facts.authors)
    mesh = "".join(
        f'<MeshHeading><DescriptorName MajorTopicYN="N">{escape(m)}</DescriptorName></MeshHeading>' for m in facts.mesh
    )
    types = "".join(f"<PublicationType>{escape(t)}</PublicationType>" for t in facts.publication_types)
    doi = f'<ArticleId IdType="doi">{escape(facts.doi)}</ArticleId>' if facts.doi else ""
    parts = [
        '<PubmedArticle><MedlineCitation Status="PubMed-not-MEDLINE" Owner="NLM">',
        f'<PMID Version="1">{facts.pmid}</PMID>',
        '<Article PubModel="Print"><Journal><JournalIssue CitedMedium="Print">',
        _element("Volume", facts.volume) + _element("Issue", facts.issue),
        f"<PubDate>{_element('Year', facts.year)}</PubDate></JournalIssue>",
        _element("Title", facts.journal) + "</Journal>",
        f"<ArticleTitle>{escape(facts.title)}</ArticleTitle>",
        f"<Pagination>{_element('MedlinePgn', facts.pages)}</Pagination>" if facts.pages else "",
        f"<Abstract><AbstractText>{escape(facts.abstract)}</AbstractText></Abstract>" if facts.abstract else "",
        f'<AuthorList CompleteYN="Y">{authors}</AuthorList>' if authors else "",
        _element("Language", facts.language),
        f"<PublicationTypeList>{types}</PublicationTypeList>" if types else "",
        _element("VernacularTitle", facts.vernacular),
        "</Article>",
        f"<MeshHeadingList>{mesh}</MeshHeadingList>" if mesh else "",
        f"</MedlineCitation><PubmedData>{f'<History>{created}</History>' if created else ''}",
        f'<ArticleIdList><ArticleId IdType="pubmed">{facts.pmid}</ArticleId>{doi}</ArticleIdList>',
        "</PubmedData></PubmedArticle>",
    ]
    return "".join(parts).encode("utf-8")


def article_of(xml: bytes, *, created: date | None = None) -> Article:
    """Index one PubmedArticle or PubmedBookArticle."""
    root = etree.fromstring(xml)
    history = {e.get("PubStatus", ""): day for e in root.iter("PubMedPubDate") if (day := _day(e)) is not None}
    published = _published(root)
    first = published[0] if published else date(1900, 1, 1)
    doi = root.find("PubmedData/ArticleIdList/ArticleId[@IdType='doi']")
    return Article(
        pmid=_all(root, "MedlineCitation/PMID", "BookDocument/PMID")[0],
        xml=xml,
        title=" ".join(_all(root, ".//ArticleTitle", ".//BookTitle")[:1]),
        abstract=" ".join(_all(root, ".//Abstract/AbstractText")),
        mesh=tuple(_all(root, ".//MeshHeading/DescriptorName")),
        major=tuple(_all(root, ".//MeshHeading/DescriptorName[@MajorTopicYN='Y']")),
        keywords=tuple(_all(root, ".//KeywordList/Keyword")),
        types=tuple(_all(root, ".//PublicationType")),
        authors=tuple(_names(root)),
        journal=tuple(_all(root, ".//Journal/Title", ".//Journal/ISOAbbreviation", ".//MedlineTA")),
        language=tuple(_all(root, ".//Language")),
        volume=" ".join(_all(root, ".//JournalIssue/Volume")[:1]),
        issue=" ".join(_all(root, ".//JournalIssue/Issue")[:1]),
        pages=" ".join(_all(root, ".//MedlinePgn")[:1]),
        issn=" ".join(_all(root, ".//Journal/ISSN")[:1]),
        doi=(doi.text or "") if doi is not None else "",
        published=published,
        created=created or history.get("pubmed") or history.get("entrez") or first,
        indexed=history.get("medline"),
        revised=next((d for e in root.iter("DateRevised") if (d := _day(e))), None),
        history=history,
    )


def articles_from_xml(*documents: bytes) -> list[Article]:
    """Every article and book of PubmedArticleSet documents, as real files hold them."""
    found = []
    for document in documents:
        root = etree.fromstring(document, etree.XMLParser(load_dtd=False, no_network=True, huge_tree=True))
        for element in [root] if root.tag == "PubmedArticle" else root:
            if element.tag in ("PubmedArticle", "PubmedBookArticle"):
                found.append(article_of(etree.tostring(element, encoding="utf-8", with_tail=False)))
    return found


def articles_from_csv(
    path: str | Path, *, pmids: Iterable[str] | None = None, created: Mapping[str, date] | None = None
) -> list[Article]:
    """Records of a CSV (columns pmid, title, authors, journal, year, volume, issue, pages, doi) that have a PMID.

    Parameters
    ----------
    pmids : only these
    created : PMID -> day on which the emulated PubMed learnt of the record (ours; goes into no record)
    """
    wanted = None if pmids is None else set(pmids)
    found: dict[str, Article] = {}
    with Path(path).open(encoding="utf-8-sig", newline="") as handle:
        for row in csv.DictReader(handle):
            pmid = (row.get("pmid") or "").strip()
            if pmid and pmid not in found and (wanted is None or pmid in wanted):
                names = tuple(_turned(n) for n in re.split(r"\s*;\s*", row.get("authors") or "") if n.strip(" ."))
                keep = {k: (row.get(k) or "").strip() for k in ("title", "journal", "year", "volume", "issue", "pages")}
                facts = Facts(pmid=pmid, authors=names, doi=(row.get("doi") or "").strip(),
                              abstract=(row.get("abstract") or "").strip(), **keep)  # fmt: skip
                found[pmid] = article_of(article_xml(facts), created=(created or {}).get(pmid))
    if wanted is not None and wanted - found.keys():
        raise ValueError(f"not in {path}: {sorted(wanted - found.keys())}")
    return list(found.values())


def _turned(name: str) -> str:
    return re.sub(r"\s+", " ", name.replace(",", " ").replace(".", "")).strip()


def _author(name: str) -> str:
    family, _, initials = name.rpartition(" ")
    if not family or not initials.isupper():
        return f'<Author ValidYN="Y"><LastName>{escape(name)}</LastName></Author>'
    return f'<Author ValidYN="Y"><LastName>{escape(family)}</LastName>{_element("Initials", initials)}</Author>'


def _element(name: str, value: str) -> str:
    return f"<{name}>{escape(value)}</{name}>" if value else ""


def _date_element(status: str, day: date) -> str:
    inner = f"<Year>{day.year}</Year><Month>{day.month}</Month><Day>{day.day}</Day>"
    return f'<PubMedPubDate PubStatus="{status}">{inner}</PubMedPubDate>'


def _all(root: etree._Element, *paths: str) -> list[str]:
    texts = (re.sub(r"\s+", " ", "".join(e.itertext())).strip() for path in paths for e in root.iterfind(path))
    return [text for text in texts if text]


def _names(root: etree._Element) -> Iterable[str]:
    for author in root.iter("Author"):
        family = author.findtext("LastName") or author.findtext("CollectiveName") or ""
        yield f"{family} {author.findtext('Initials') or ''}".strip()


def _month(text: str) -> int | None:
    text = text.strip().lower()
    if text.isdigit():
        return int(text)
    return MONTHS.index(text[:3]) + 1 if text[:3] in MONTHS else None


def _day(element: etree._Element) -> date | None:
    year = element.findtext("Year") or ""
    if not year.isdigit():
        return None
    month = _month(element.findtext("Month") or "1") or 1
    return date(int(year), month, int(element.findtext("Day") or 1))


def _published(root: etree._Element) -> tuple[date, date] | None:
    element = root.find(".//JournalIssue/PubDate")
    if element is None:
        element = root.find(".//Book/PubDate")
    if element is None:
        return None
    years = re.findall(r"\b(1[5-9]\d\d|20\d\d)\b", " ".join(element.itertext()))
    if not years:
        return None
    exact = _day(element) if element.findtext("Month") and element.findtext("Day") else None
    # Records with a year or a month alone are indexed on day 1, and a year matches whole.
    return (exact, exact) if exact else (date(int(years[0]), 1, 1), date(int(years[-1]), 12, 31))
