"""XML other than PubMed's: EndNote, ICTRP, Zotero RDF."""

from __future__ import annotations

import re
from collections.abc import Iterator

from lxml import etree

from toolkit.model.errors import InputError
from toolkit.model.records import ParsedRecord
from toolkit.records.fields import FieldMap, Pairs, assemble
from toolkit.records.normalise import strip_markup
from toolkit.records.pubmed_xml import RECORD_ELEMENTS, parse_pubmed_article
from toolkit.records.tagged import Chunk
from toolkit.records.xmlsplit import element_spans, parse_element, root_is_closed, text_of

__all__ = [
    "parse_endnote",
    "parse_ictrp",
    "parse_pubmed",
    "parse_rdf",
    "split_endnote",
    "split_ictrp",
    "split_pubmed",
    "split_rdf",
]

_ENDNOTE_PATHS = {
    "titles/title": "title",
    "titles/secondary-title": "secondary-title",
    "titles/alt-title": "alt-title",
    "titles/translated-title": "translated-title",
    "titles/short-title": "short-title",
    "periodical/full-title": "full-title",
    "periodical/abbr-1": "abbr-1",
    "contributors/authors/author": "author",
    "contributors/secondary-authors/author": "editor",
    "dates/year": "year",
    "dates/pub-dates/date": "pub-date",
    "keywords/keyword": "keyword",
    "urls/related-urls/url": "url",
    "urls/web-urls/url": "url",
}
_ENDNOTE = FieldMap(
    title=("title",),
    journal=("full-title", "secondary-title", "abbr-1"),
    year=("year", "pub-date"),
    volume=("volume",),
    issue=("number",),
    pages=("pages",),
    abstract=("abstract",),
    accession=("accession-num",),
    language=("language",),
    url=("url",),
    original_title=("orig-pub", "translated-title"),
    authors=("author",),
    keywords=("keyword",),
    types=("work-type",),
    issn=("isbn",),
    doi=("electronic-resource-num",),
    doi_in=("url",),
    pmid=("pmid",),
    pmid_in=("accession-num", "url", "notes"),
    registry_whole=("registration",),
    keyword_split=r"\n",
)
_ICTRP = FieldMap(
    title=("Scientific_title", "Public_title"),
    year=("Date_registration3", "Date_registration"),
    accession=("TrialID",),
    url=("web_address",),
    registry_whole=("Number",),
    registry=("Secondary_ID",),
)
_RDF_ITEMS = (
    "bib:Article",
    "bib:Book",
    "bib:BookSection",
    "bib:Thesis",
    "bib:Report",
    "bib:Document",
    "bib:Manuscript",
    "bib:Patent",
    "bib:Legislation",
    "bib:Letter",
    "bib:ConferenceProceedings",
    "rdf:Description",
)
_RDF = FieldMap(
    title=("title",),
    journal=("journal",),
    year=("date",),
    volume=("volume",),
    issue=("number",),
    pages=("pages",),
    abstract=("abstract",),
    language=("language",),
    url=("URI",),
    authors=("author",),
    keywords=("subject",),
    types=("itemType",),
    issn=("identifier",),
    doi_in=("identifier", "URI"),
    pmid_in=("identifier", "description"),
)


def _spans(data: bytes, names: tuple[str, ...]) -> Iterator[Chunk]:
    cut = False
    for span in element_spans(data, names):
        cut = not span.complete
        raw = bytes(data[span.start : span.end])
        yield Chunk(raw, "utf-8", (), None if span.complete else "the file ends inside this record; it was cut off")
    if not cut and not root_is_closed(data):
        yield Chunk(b"", "utf-8", (), "the XML ends before its outermost element is closed; it was cut off", False)


def split_pubmed(data: bytes, encoding: str) -> Iterator[Chunk]:
    """One chunk for each article or book."""
    return _spans(data, RECORD_ELEMENTS)


def split_endnote(data: bytes, encoding: str) -> Iterator[Chunk]:
    """One chunk for each record element."""
    return _spans(data, ("record",))


def split_ictrp(data: bytes, encoding: str) -> Iterator[Chunk]:
    """One chunk for each Trial element."""
    return _spans(data, ("Trial",))


def split_rdf(data: bytes, encoding: str) -> Iterator[Chunk]:
    """One chunk for each item of a Zotero RDF; the journal it points to goes with it."""
    containers = {}
    for span in element_spans(data, ("bib:Journal", "bib:Series")):
        raw = bytes(data[span.start : span.end])
        about = re.search(rb'rdf:about="([^"]*)"', raw[:500])
        if about:
            containers[about.group(1)] = raw.decode("utf-8", errors="replace")
    for chunk in _spans(data, _RDF_ITEMS):
        if b"<z:Attachment" in chunk.raw[:20]:
            continue
        part = re.search(rb'<dcterms:isPartOf\s+rdf:resource="([^"]*)"', chunk.raw)
        container = containers.get(part.group(1)) if part else None
        yield Chunk(chunk.raw, chunk.encoding, (("container", container),) if container else (), chunk.error)


def _whole(chunk: Chunk) -> bytes:
    if chunk.error:
        raise InputError(chunk.error)
    return chunk.raw


def parse_pubmed(chunk: Chunk) -> ParsedRecord:
    """The fields of one PubMed article."""
    return parse_pubmed_article(_whole(chunk))


def parse_endnote(chunk: Chunk) -> ParsedRecord:
    """The fields of one EndNote record; text in any number of <style> elements is one text."""
    root = parse_element(_whole(chunk))
    pairs: Pairs = []
    for element in root.iter():
        if not isinstance(element.tag, str) or element is root or element.tag == "style":
            continue
        path = "/".join(_path(element, root))
        if any(child.tag != "style" for child in element):
            continue
        text = _lines(element)
        if path == "notes" and text:
            pairs += _own_notes(text)
        elif text:
            pairs.append((_ENDNOTE_PATHS.get(path, path), text))
    kind = root.find("ref-type")
    if kind is not None and kind.get("name"):
        pairs = [(tag, value) for tag, value in pairs if tag != "ref-type"] + [("ref-type", kind.get("name", ""))]
    base = " ".join(v for t, v in pairs if t in {"remote-database-name", "remote-database-provider"}).lower()
    if re.search(r"\bnlm\b|pubmed|medline", base):
        pairs = [("pmid" if t == "accession-num" and v.isdigit() else t, v) for t, v in pairs]
    return assemble(pairs, _ENDNOTE)


def _own_notes(text: str) -> Pairs:
    """Lines in which the writer of this package keeps PMID and registration numbers, and the rest of the notes."""
    found: Pairs = []
    rest = []
    for line in text.split("\n"):
        own = re.fullmatch(r"(PMID|Registration): (\S+)", line)
        if own:
            found.append(("pmid" if own.group(1) == "PMID" else "registration", own.group(2)))
        else:
            rest.append(line)
    return [*found, ("notes", "\n".join(rest))] if rest else found


def _path(element: etree._Element, root: etree._Element) -> list[str]:
    names: list[str] = []
    node: etree._Element | None = element
    while node is not None and node is not root:
        names.append(str(node.tag))
        node = node.getparent()
    return names[::-1]


def _lines(element: etree._Element) -> str:
    text = "".join(str(t) for t in element.itertext()).replace("\r\n", "\n").replace("\r", "\n")
    return "\n".join(line for line in (" ".join(part.split()) for part in text.split("\n")) if line)


def parse_ictrp(chunk: Chunk) -> ParsedRecord:
    """The fields of one trial; values are padded, and breaks stand in them as escaped <br>."""
    root = parse_element(_whole(chunk))
    pairs: Pairs = []
    for element in root:
        value = (strip_markup(_lines(element)) or "").strip()
        pairs.append((str(element.tag), value))
        if element.tag == "TrialID":
            pairs.append(("Number", value))
        if element.tag == "Date_registration3" and re.fullmatch(r"\d{8}", value):
            pairs[-1] = ("Date_registration3", f"{value[:4]}-{value[4:6]}-{value[6:]}")
    return assemble(pairs, _ICTRP)


def parse_rdf(chunk: Chunk) -> ParsedRecord:
    """The fields of one Zotero item; prefixes are read as part of the names, the namespaces being fixed."""
    pairs = _rdf_pairs(_whole(chunk))
    for _, container in chunk.cells:
        names = {"title": "journal"}
        pairs += [(names.get(tag, tag), value) for tag, value in _rdf_pairs(container.encode("utf-8")) if value]
    return assemble(pairs, _RDF)


def _rdf_pairs(raw: bytes) -> Pairs:
    flat = re.sub(rb"(</?|\s)([A-Za-z]+):(?=[A-Za-z]+[\s=>/])", rb"\1\2_", raw)
    root = parse_element(flat)
    pairs: Pairs = []
    for element in root:
        name = str(element.tag).partition("_")[2]
        if name == "authors":
            for person in element.iter("foaf_Person"):
                parts = [text_of(person.find("foaf_surname")), text_of(person.find("foaf_givenName"))]
                pairs.append(("author", ", ".join(part for part in parts if part)))
        elif name == "isPartOf":
            pairs += [
                ("journal" if str(part.tag).endswith("title") else str(part.tag).partition("_")[2], text_of(part) or "")
                for inner in element
                for part in inner
            ]
        elif name in {"subject", "identifier"} or not len(element):
            pairs.append((name, text_of(element) or ""))
        else:
            pairs.append((name, text_of(element) or ""))
    return pairs
