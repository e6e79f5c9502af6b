"""JSON of ClinicalTrials.gov (web download and API), Crossref, OpenAlex and CSL, one record at a time."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from toolkit.model.errors import InputError
from toolkit.model.records import ParsedRecord
from toolkit.records.fields import FieldMap, Pairs, assemble
from toolkit.records.tagged import Chunk
from toolkit.records.write_tree import CSL_CUSTOM

__all__ = ["kind_of", "parse", "split"]

_LIST = re.compile(r"\"(?:studies|items|results|records|result)\"\s*:\s*\[")
_SPACE = re.compile(r"[\s,]*")
_FIELDS = FieldMap(
    title=("title",),
    journal=("journal",),
    year=("year",),
    volume=("volume",),
    issue=("issue",),
    pages=("pages",),
    abstract=("abstract",),
    accession=("accession",),
    language=("language",),
    url=("url",),
    original_title=("original_title",),
    authors=("author",),
    keywords=("keyword",),
    types=("type",),
    issn=("issn",),
    doi=("doi",),
    doi_in=("url",),
    pmid=("pmid",),
    pmid_in=("url", "note"),
    registry=("registry", "note"),
    registry_whole=("registration",),
)
_CUSTOM_TAGS = {"keywords": "keyword", "publication_types": "type", "registry_numbers": "registration",
                "accession": "accession", "issn": "issn"}  # fmt: skip
_CUSTOM_FOR = {"keyword": "keywords", "type": "publication_types", "ISSN": "issn"}


def split(data: bytes, encoding: str) -> Iterator[Chunk]:
    """One chunk for each element of the array that is the document, or that stands under its list of results.

    A document cut off in the middle ends with a chunk that carries the error.
    """
    text = bytes(data).decode(encoding, errors="replace").lstrip("\ufeff")
    decoder = json.JSONDecoder(strict=False)
    position = _skip(text, 0)
    in_list = text[position : position + 1] == "["
    if in_list:
        position += 1
    elif inner := _LIST.search(text):
        position, in_list = inner.end(), True
    while True:
        position = _skip(text, position)
        if position >= len(text):
            if in_list:
                yield Chunk(b"", "utf-8", (), "the JSON ends before its list is closed; the file seems cut off", False)
            return
        if text[position] in "]}":
            return
        try:
            _, end = decoder.raw_decode(text, position)
        except RecursionError as error:
            raise InputError("The JSON is nested too deep to hold records.") from error
        except json.JSONDecodeError as error:
            rest = text[position:].encode("utf-8")
            yield Chunk(rest, "utf-8", (), f"not readable as JSON ({error.msg}); the file seems cut off or damaged")
            return
        yield Chunk(text[position:end].encode("utf-8"), "utf-8")
        position = end


def _skip(text: str, position: int) -> int:
    gap = _SPACE.match(text, position)
    return gap.end() if gap else position


def kind_of(record: Any) -> str | None:
    """Which source a JSON record comes from, or None."""
    if not isinstance(record, dict):
        return None
    if "authorString" in record or ("source" in record and ("journalInfo" in record or "pubYear" in record)):
        return "europepmc_json"
    if "protocolSection" in record:
        return "clinicaltrials_json"
    if "authorships" in record or str(record.get("id", "")).startswith("https://openalex.org/"):
        return "openalex_json"
    if "DOI" in record and ("indexed" in record or isinstance(record.get("title"), list)):
        return "crossref_json"
    if "title" in record and ("type" in record or "issued" in record or "author" in record):
        return "csl_json"
    return None


def parse(chunk: Chunk) -> ParsedRecord:
    """The fields of one JSON record of any of the known sources."""
    if chunk.error:
        raise InputError(chunk.error)
    record = json.loads(chunk.raw, strict=False)
    kind = kind_of(record)
    if kind is None:
        raise InputError("The JSON element is not a record of a known source.")
    readers = {
        "europepmc_json": _europepmc,
        "clinicaltrials_json": _trial,
        "openalex_json": _openalex,
        "crossref_json": _csl,
        "csl_json": _csl,
    }
    return assemble([(tag, text) for tag, value in readers[kind](record) if (text := _text(value))], _FIELDS)


def _text(value: Any) -> str:
    if not isinstance(value, str):
        return "" if value is None or value is False else str(value)
    # JSON can name half a character ("\\ud800"), which no file can hold.
    return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace").strip()


def _each(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [] if value is None else [value]


def _at(record: Any, *path: str) -> Any:
    for name in path:
        record = record.get(name) if isinstance(record, dict) else None
    return record


def _csl(record: dict[str, Any]) -> Pairs:
    """CSL JSON, and Crossref's works, which are CSL with lists."""
    pairs: Pairs = []
    title = " ".join(_text(t) for t in _each(record.get("title")))
    subtitle = " ".join(_text(t) for t in _each(record.get("subtitle")))
    pairs.append(("title", f"{title}: {subtitle}" if subtitle and subtitle.lower() not in title.lower() else title))
    for author in _each(record.get("author")):
        if isinstance(author, dict):
            family, given = _text(author.get("family")), _text(author.get("given"))
            particle = _text(author.get("non-dropping-particle"))
            family = f"{particle} {family}".strip()
            whole = _text(author.get("literal") or author.get("name"))
            pairs.append(("author", ", ".join(p for p in (family, given, _text(author.get("suffix"))) if p) or whole))
    for name in ("issued", "published-print", "published-online", "created"):
        date = record.get(name)
        parts = _at(date, "date-parts")
        year = parts[0][0] if parts and parts[0] else _at(date, "raw") or _at(date, "literal")
        if year:
            pairs.append(("year", _text(year)))
            break
    single = {"volume": "volume", "issue": "issue", "page": "pages", "abstract": "abstract", "DOI": "doi",
              "PMID": "pmid", "PMCID": "PMC", "URL": "url", "language": "language", "type": "type", "note": "note",
              "keyword": "keyword", "publisher": "publisher", "publisher-place": "place", "ISBN": "ISBN",
              "original-title": "original_title", "id": "id", "article-number": "article number"}  # fmt: skip
    custom = record.get("custom")
    ours = isinstance(custom, dict) and custom.get("source") == "evipool"
    own = {name: _at(custom, name) for name in CSL_CUSTOM} if ours else {}
    for name, tag in single.items():
        if own and (name in ("type", "id") or own.get(_CUSTOM_FOR.get(name, ""))):
            if name == "type":
                pairs.append(("CSL type", _text(record.get(name))))
            continue  # what this package kept exactly counts, not the name CSL has for it
        values = [_text(value) for value in _each(record.get(name))]
        if name == "keyword":
            values = [part for value in values for part in re.split(r";\s*" if ";" in value else r",\s*", value)]
        pairs += [(tag, value) for value in values]
    for name, tag in _CUSTOM_TAGS.items():
        pairs += [(tag, _text(value)) for value in _each(own.get(name))]
    for name, tag in (("ISSN", "issn"), ("container-title", "journal"), ("subject", "subject")):
        pairs += [(tag, _text(value)) for value in _each(record.get(name))]
    for number in _each(record.get("clinical-trial-number")):
        pairs.append(("registry", _text(_at(number, "clinical-trial-number") or number)))
    for update in _each(record.get("update-to")):
        pairs.append(("update-to", f"{_text(_at(update, 'type'))}: {_text(_at(update, 'DOI'))}"))
    return pairs


def _openalex(record: dict[str, Any]) -> Pairs:
    pairs: Pairs = [("title", _text(record.get("title") or record.get("display_name")))]
    for authorship in _each(record.get("authorships")):
        name = _text(_at(authorship, "author", "display_name"))
        family, _, given = name.rpartition(" ")[::-1]
        pairs.append(("author", f"{family}, {given}" if given else name))
    place = record.get("primary_location") or record.get("host_venue") or {}
    source = place.get("source") or place
    first, last = _text(_at(record, "biblio", "first_page")), _text(_at(record, "biblio", "last_page"))
    index = record.get("abstract_inverted_index") or {}
    words = sorted((position, word) for word, positions in index.items() for position in positions)
    pairs += [
        ("journal", _text(source.get("display_name"))),
        ("year", _text(record.get("publication_year"))),
        ("volume", _text(_at(record, "biblio", "volume"))),
        ("issue", _text(_at(record, "biblio", "issue"))),
        ("pages", f"{first}-{last}" if first and last else first),
        ("abstract", " ".join(word for _, word in words)),
        ("doi", _text(record.get("doi"))),
        ("pmid", _text(_at(record, "ids", "pmid")).rpartition("/")[2]),
        ("accession", _text(record.get("id")).rpartition("/")[2]),
        ("language", _text(record.get("language"))),
        ("type", "Retracted Publication" if record.get("is_retracted") else ""),
        ("type", _text(record.get("type"))),
    ]
    pairs += [("issn", _text(value)) for value in _each(source.get("issn") or source.get("issn_l"))]
    pairs += [("keyword", _text(_at(k, "display_name") or _at(k, "keyword"))) for k in _each(record.get("keywords"))]
    return pairs


def _europepmc(record: dict[str, Any]) -> Pairs:
    """A result of Europe PMC (resultType core); "Family AB" of its authors becomes "Family, AB"."""
    journal = record.get("journalInfo") or {}
    names = _at(journal, "journal") or {}
    pairs: Pairs = [("title", _text(record.get("title")).removesuffix("."))]
    for author in _each(_at(record, "authorList", "author")):
        family, given = _text(author.get("lastName")), _text(author.get("firstName") or author.get("initials"))
        whole = _text(author.get("collectiveName") or author.get("fullName"))
        pairs.append(("author", f"{family}, {given}" if family and given else family or whole))
    pairs += [
        ("journal", _text(names.get("title"))),
        ("year", _text(record.get("pubYear") or journal.get("yearOfPublication"))),
        ("volume", _text(journal.get("volume"))),
        ("issue", _text(journal.get("issue"))),
        ("pages", _text(record.get("pageInfo"))),
        ("abstract", _text(record.get("abstractText"))),
        ("doi", _text(record.get("doi"))),
        ("pmid", _text(record.get("pmid"))),
        ("PMC", _text(record.get("pmcid"))),
        ("accession", f"{_text(record.get('source'))}:{_text(record.get('id'))}".strip(":")),
        ("language", _text(record.get("language"))),
    ]
    pairs += [("issn", _text(names.get(key))) for key in ("issn", "essn")]
    pairs += [("type", _text(value)) for value in _each(_at(record, "pubTypeList", "pubType"))]
    pairs += [("keyword", _text(value)) for value in _each(_at(record, "keywordList", "keyword"))]
    return pairs


def _trial(record: dict[str, Any]) -> Pairs:
    """A study of ClinicalTrials.gov (data model v2)."""
    protocol = record["protocolSection"]
    names = protocol.get("identificationModule", {})
    number = _text(names.get("nctId"))
    pairs: Pairs = [
        ("title", _text(names.get("officialTitle") or names.get("briefTitle"))),
        ("brief title", _text(names.get("briefTitle"))),
        ("acronym", _text(names.get("acronym"))),
        ("accession", number),
        ("registry", number),
        ("org study id", _text(_at(names, "orgStudyIdInfo", "id"))),
        ("abstract", _text(_at(protocol, "descriptionModule", "briefSummary"))),
        ("year", _text(_at(protocol, "statusModule", "studyFirstPostDateStruct", "date"))),
        ("status", _text(_at(protocol, "statusModule", "overallStatus"))),
        ("start date", _text(_at(protocol, "statusModule", "startDateStruct", "date"))),
        ("completion date", _text(_at(protocol, "statusModule", "completionDateStruct", "date"))),
        ("sponsor", _text(_at(protocol, "sponsorCollaboratorsModule", "leadSponsor", "name"))),
        ("study type", _text(_at(protocol, "designModule", "studyType"))),
        ("enrollment", _text(_at(protocol, "designModule", "enrollmentInfo", "count"))),
        ("type", "Trial registration"),
    ]
    for other in _each(names.get("secondaryIdInfos")):
        pairs += [("registry", _text(_at(other, "id"))), ("secondary id", _text(_at(other, "id")))]
    pairs += [("phase", _text(value)) for value in _each(_at(protocol, "designModule", "phases"))]
    pairs += [("condition", _text(value)) for value in _each(_at(protocol, "conditionsModule", "conditions"))]
    pairs += [("keyword", _text(value)) for value in _each(_at(protocol, "conditionsModule", "keywords"))]
    for item in _each(_at(protocol, "armsInterventionsModule", "interventions")):
        pairs.append(("intervention", f"{_text(_at(item, 'type'))}: {_text(_at(item, 'name'))}"))
    for item in _each(_at(protocol, "referencesModule", "references")):
        pairs.append(("reference", f"PMID: {_text(_at(item, 'pmid'))}" if _at(item, "pmid") else ""))
    return pairs
