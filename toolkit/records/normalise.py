"""Identifiers, numbers and text out of whatever a source wrote them in; pure functions on strings."""

from __future__ import annotations

import html
import re
from collections.abc import Iterable
from urllib.parse import unquote

from toolkit.model.records import ParsedRecord
from toolkit.model.text import without_controls

__all__ = [
    "clean",
    "find_doi",
    "find_pmid",
    "find_registry_numbers",
    "find_year",
    "is_retracted",
    "is_retraction_notice",
    "normalise_issn",
    "normalise_pages",
    "paragraphs",
    "registry_status",
    "strip_markup",
    "unique",
]

# ISO 26324: prefix "10." with a registrant code, then "/" and a suffix of any printing characters.
_DOI = re.compile(r"(?<![\w.])10\.\d{4,9}(?:\.\d+)*/\S+", re.ASCII)
_DOI_ENCODED = re.compile(r"(?<![\w.])10\.\d{4,9}(?:\.\d+)*%2[fF]\S+", re.ASCII)
_DOI_TAIL = re.compile(r"(?:/(?:abstract|full|fulltext|pdf|epdf|html|meta|summary|full/html|issuetoc))$", re.IGNORECASE)
_PMID_URL = re.compile(r"(?:pubmed(?:\.ncbi\.nlm\.nih\.gov)?/|[?&]term=|list_uids=)(\d{1,9})(?!\d)", re.IGNORECASE)
_PMID_LABEL = re.compile(r"(?:\bPMID|\bPUBMED|\bMEDLINE)(?:\s*ID)?\s*[:=#-]?\s*(\d{1,9})(?!\d)", re.IGNORECASE)
_PMID_BARE = re.compile(r"\s*(\d{1,9})(?:\s*\[pmid\])?\s*", re.IGNORECASE)
_YEAR = re.compile(r"(?<!\d)(1[5-9]\d\d|20\d\d|2100)(?!\d)")
_PAGES = re.compile(r"^([A-Za-z]*)(\d+)\s*-\s*([A-Za-z]*)(\d+)$")
_ISSN = re.compile(r"(?<![\dXx-])(\d{4})-?(\d{3}[\dXx])(?![\dXx-])")
_TAG = re.compile(r"</?[A-Za-z][\w:.-]*(?:\s[^<>]*)?/?>")
_BREAK = re.compile(r"<(?:br|p|/p|jats:p|/jats:p|/jats:title|/title|/div)\s*/?>", re.IGNORECASE)
# Trial registers of the WHO network by the form of their numbers.
_REGISTRY = re.compile(
    r"\b(NCT\d{8}|ISRCTN\d{8}|EUCTR\d{4}-\d{6}-\d{2}(?:-[A-Z0-9]{2,})?|ChiCTR(?:-[A-Z]{2,5})?-?\d{8,10}|ACTRN\d{14}p?"
    r"|DRKS\d{8}|CTRI/\d{4}/\d{2,3}/\d{6}|IRCT\d{8,}N\d+|JPRN-[A-Za-z]+\d+|jRCTs?\d{9,}|UMIN\d{9}|KCT\d{7}"
    r"|NTR\d{2,5}|NL-OMON\d+|PACTR\d{15,16}|RBR-\w{6,8}|SLCTR/\d{4}/\d{3}|TCTR\d{11}|PER-\d{3}-\d{2}|RPCEC\d{8})\b",
    re.IGNORECASE,
)
_RETRACTED = {"retracted publication"}
_NOTICE = {"retraction of publication", "retraction notice"}


def clean(text: str | None) -> str | None:
    """The text on one line with single spaces, or None when nothing is left."""
    if text is None:
        return None
    if text.isalnum():  # many values are one word or number: nothing to tidy
        return text
    if not text.isprintable():
        text = without_controls(text)
    return " ".join(text.split()) or None


def paragraphs(text: str | None) -> str | None:
    """The text with each line cleaned and empty lines dropped, or None when nothing is left."""
    if text is None:
        return None
    if text.isprintable():  # no line end either
        return " ".join(text.split()) or None
    lines = (" ".join(line.split()) for line in without_controls(text).splitlines())
    return "\n".join(line for line in lines if line) or None


def strip_markup(text: str | None) -> str | None:
    """The text without HTML or JATS tags and with character references resolved; breaks become new lines.

    A lone "<" as in "p < 0.05" is not a tag and stays.
    """
    if text is None:
        return None
    if "<" not in text and "&" not in text:
        return text
    text = html.unescape(text) if "&" in text else text
    if text[:3] == "<正>":
        text = text[3:]
    return _TAG.sub("", _BREAK.sub("\n", text))


def unique(values: Iterable[str | None]) -> tuple[str, ...]:
    """The values cleaned, in order, each once, without empty ones."""
    return tuple(dict.fromkeys([text for value in values if (text := clean(value))]))


def find_doi(*texts: str | None) -> str | None:
    """The first DOI in the texts in lower case, or None.

    It may stand alone, after "doi:", in a URL, percent-encoded, followed by "[doi]" or by punctuation. A closing
    bracket stays only where the DOI itself opened it. DOIs are case-insensitive (DOI Handbook 2.4).

    Examples
    --------
    >>> find_doi("https://doi.org/10.1016%2FS0027-9684(15)31340-7.")
    '10.1016/s0027-9684(15)31340-7'
    """
    for text in texts:
        if not text or "10." not in text:
            continue
        match = _DOI.search(text)
        if not match:
            match = _DOI_ENCODED.search(text)
            if not match:
                continue
        doi = match.group()
        before = text[: match.start()].lower()
        if "%" in doi:
            doi = unquote(doi)
        if "http" in before and "doi.org/" not in before:
            doi = _DOI_TAIL.sub("", re.split(r"[?&#]", doi)[0])
        doi = _trim_doi(doi)
        if doi:
            return doi.lower()
    return None


def _trim_doi(doi: str) -> str:
    doi = re.split(r"\[doi\]|[\"“”]|<(?=/|[a-z]+>)", doi, maxsplit=1)[0]
    while True:
        trimmed = doi.rstrip(".,;:'’…。，；")
        for opening, closing in ("()", "[]", "{}", "<>"):
            if trimmed.endswith(closing) and trimmed.count(closing) > trimmed.count(opening):
                trimmed = trimmed[:-1]
        if trimmed == doi:
            break
        doi = trimmed
    return doi if not doi.endswith("/") else doi.rstrip("/")


def find_pmid(text: str | None, *, bare: bool = False) -> str | None:
    """The PubMed number in a text, or None.

    Parameters
    ----------
    bare : also accept a text that is nothing but digits (for fields that hold only a PMID)
    """
    if not text:
        return None
    match = _PMID_URL.search(text) or _PMID_LABEL.search(text) or (_PMID_BARE.fullmatch(text) if bare else None)
    number = match.group(1).lstrip("0") if match else ""
    return number or None


def find_year(*texts: str | None) -> int | None:
    """The first year from 1500 to 2100 in the texts ("1998 Dec-1999 Jan" gives 1998), or None."""
    for text in texts:
        match = _YEAR.search(text) if text else None
        if match:
            return int(match.group(1))
    return None


def find_registry_numbers(*texts: str | None) -> tuple[str, ...]:
    """Trial registration numbers in the texts, in order, each once; the known forms of the WHO network's registers."""
    found = (m.group(1) for text in texts if text for m in _REGISTRY.finditer(text))
    return unique(n.upper() if n[:3].lower() in {"nct", "isr", "act", "drk", "euc"} else n for n in found)


def normalise_pages(text: str | None, end: str | None = None) -> str | None:
    """First and last page as "411-447": dashes made plain, "p." dropped, an abbreviated last page completed.

    Examples
    --------
    >>> normalise_pages("pp. 411–47")
    '411-447'
    """
    if end is None and text and (match := _PAGES.match(text)):  # most pages are written so and need no more
        return _whole_range(*match.groups())
    first, last = clean(text), clean(end)
    if first is None:
        return last
    if last is not None and last != first:
        first = last if re.search(r"\d\s*[-–—]\s*\w*\d", last) else first if "-" in first else f"{first}-{last}"
    first = re.sub(r"\s*(?:--+|[‐‑‒–—―−~～])\s*", "-", first)
    first = re.sub(r"^(?:pp?|pages?)[.:]?\s+(?=\w*\d)|^pp?\.(?=\w*\d)", "", first, flags=re.IGNORECASE).rstrip(".,; ")
    if first.lower().strip(".") in {"no-specified", "no pagination specified", "n.pag", "npag", "no pagination", "n/a"}:
        return None
    match = _PAGES.match(first)
    return _whole_range(*match.groups()) if match else first.rstrip("-+ ") or None


def _whole_range(prefix: str, start: str, prefix2: str, stop: str) -> str:
    if len(stop) < len(start) and prefix2 in ("", prefix):
        stop, prefix2 = start[: len(start) - len(stop)] + stop, prefix
    return f"{prefix}{start}" if (prefix, start) == (prefix2, stop) else f"{prefix}{start}-{prefix2}{stop}"


def normalise_issn(*texts: str | None) -> tuple[str, ...]:
    """The ISSNs in the texts as "1234-567X", each once."""
    found: dict[str, None] = {}
    for text in texts:
        if text and text not in found:
            for match in _ISSN.finditer(text):
                found[f"{match.group(1)}-{match.group(2).upper()}"] = None
    return tuple(found)


def is_retracted(record: ParsedRecord) -> bool:
    """Whether the record says that the publication it describes was retracted (a notice of retraction does not).

    Read from the publication type "Retracted Publication", and from the MEDLINE tag RIN (RetractionIn).
    """
    types = {t.lower() for t in record.publication_types}
    return bool(types & _RETRACTED) or (bool(record.extra.get("RIN")) and not types & _NOTICE)


def is_retraction_notice(record: ParsedRecord) -> bool:
    """Whether the record is itself the notice that retracts another publication."""
    types = {t.lower() for t in record.publication_types}
    return bool(types & _NOTICE) or (bool(record.extra.get("ROF")) and not types & _RETRACTED)


_STATUS_TAGS = (
    "status",
    "overallstatus",
    "recruitmentstatus",
    "studystatus",
    "trialstatus",
    "overallrecruitmentstatus",
)


def registry_status(record: ParsedRecord) -> str | None:
    """Recruitment status of a trial registration, as its register words it; None for records that are no registration.

    Examples
    --------
    >>> from toolkit.model.records import ParsedRecord
    >>> registry_status(ParsedRecord(registry_numbers=("NCT00000001",), extra={"Recruitment_Status": ("Recruiting",)}))
    'Recruiting'
    """
    if not record.registry_numbers and record.accession is None:
        return None
    for tag, values in record.extra.items():
        if re.sub(r"[^a-z]", "", tag.casefold()) in _STATUS_TAGS and values and values[0].strip():
            return values[0].strip()
    return None
