"""Writing records as EndNote XML and CSL JSON, so that reading gives the same fields back."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from typing import Any

from lxml import etree

from toolkit.model.records import ParsedRecord
from toolkit.records.kinds import kind_of
from toolkit.records.normalise import clean, paragraphs

__all__ = ["CSL_CUSTOM", "write_csl_json", "write_endnote_xml"]

# Characters that XML 1.0 forbids.
_FORBIDDEN = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
# Fields for which CSL has no variable of the same meaning; CSL 1.0.2 keeps a "custom" object for such.
CSL_CUSTOM = ("keywords", "publication_types", "registry_numbers", "accession", "issn")


def write_endnote_xml(records: Iterable[ParsedRecord]) -> str:
    """EndNote XML. PMID and registration numbers, for which it has no element, go to notes that the reader knows."""
    root = etree.Element("xml")
    listed = etree.SubElement(root, "records")
    for number, record in enumerate(records, start=1):
        item = etree.SubElement(listed, "record")
        _put(item, "source-app", "evipool").set("name", "evipool")
        _put(item, "rec-number", str(number))
        name, code = kind_of(record).endnote
        _put(item, "ref-type", str(code)).set("name", name)
        _put_all(item, "contributors/authors", "author", record.authors)
        titles = (("title", record.title), ("secondary-title", record.journal))
        _put_each(item, "titles", (*titles, ("translated-title", record.original_title)))
        _put_each(item, "periodical", (("full-title", record.journal),))
        single = (("pages", record.pages), ("volume", record.volume), ("number", record.issue))
        _put_each(item, "", single)
        _put_all(item, "keywords", "keyword", record.keywords)
        _put_each(item, "dates", (("year", str(record.year) if record.year is not None else None),))
        _put_each(item, "", (("isbn", "; ".join(record.issn)), ("accession-num", record.accession)))
        _put_each(item, "", (("electronic-resource-num", record.doi), ("abstract", paragraphs(record.abstract))))
        notes = [f"PMID: {record.pmid}"] if record.pmid else []
        notes += [f"Registration: {trial}" for trial in record.registry_numbers]
        _put_each(item, "", (("notes", "\n".join(notes)),))
        _put_all(item, "", "work-type", record.publication_types)
        _put_all(item, "urls/related-urls", "url", (record.url,) if record.url else ())
        _put_each(item, "", (("language", record.language),))
    body: bytes = etree.tostring(root, encoding="UTF-8", xml_declaration=True, pretty_print=True)
    return body.decode("utf-8")


def _put(parent: Any, name: str, text: str) -> Any:
    element = etree.SubElement(parent, name)
    element.text = _FORBIDDEN.sub("", text)
    return element


def _place(parent: Any, path: str) -> Any:
    for name in path.split("/") if path else ():
        parent = etree.SubElement(parent, name)
    return parent


def _put_each(parent: Any, path: str, pairs: Iterable[tuple[str, str | None]]) -> None:
    filled = [(name, text) for name, text in pairs if text]
    if filled:
        place = _place(parent, path)
        for name, text in filled:
            _put(place, name, text)


def _put_all(parent: Any, path: str, name: str, values: Iterable[str]) -> None:
    _put_each(parent, path, [(name, value) for value in values])


def write_csl_json(records: Iterable[ParsedRecord]) -> str:
    """CSL JSON (schema 1.0.2), an array of items; what CSL has no variable for goes to its ``custom`` object."""
    items = []
    for number, record in enumerate(records, start=1):
        item: dict[str, Any] = {
            "id": record.accession or record.pmid or str(number),
            "type": kind_of(record).csl,
            "title": record.title or "",
            "author": [_csl_name(name) for name in record.authors],
            "container-title": record.journal,
            "issued": {"date-parts": [[record.year]]} if record.year is not None else None,
            "volume": record.volume,
            "issue": record.issue,
            "page": record.pages,
            "abstract": record.abstract,
            "DOI": record.doi,
            "PMID": record.pmid,
            "ISSN": record.issn[0] if record.issn else None,
            "URL": record.url,
            "language": record.language,
            "keyword": "; ".join(record.keywords),
            "original-title": record.original_title,
        }
        custom = {"source": "evipool"} | {name: value for name in CSL_CUSTOM if (value := getattr(record, name))}
        items.append({name: value for name, value in {**item, "custom": custom}.items() if value or name == "title"})
    return json.dumps(items, ensure_ascii=False, indent=1) + "\n"


def _csl_name(name: str) -> dict[str, str]:
    parts = [clean(part) or "" for part in name.split(",", 2)]
    if len(parts) == 1:
        return {"literal": name}
    named = dict(zip(("family", "given", "suffix"), parts, strict=False))
    return {key: value for key, value in named.items() if value}
