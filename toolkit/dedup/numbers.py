"""Identifiers, volumes, pages and years reduced to comparable values; ``""`` and 0 mean unknown."""

from __future__ import annotations

import re
from urllib.parse import unquote

__all__ = ["read_dois", "read_issue", "read_pages", "read_pmid", "read_registry", "read_volume", "read_year"]

_DOI = re.compile(r"10\.\d{4,9}/[^\s\"<>|]+", re.IGNORECASE)
_DIGITS = re.compile(r"\d+")
_YEAR = re.compile(r"(?<!\d)(1[5-9]\d\d|20\d\d)(?!\d)")
_PAREN = re.compile(r"\([^)]*\)?")
_LEADING_VOLUME = re.compile(
    r"^(?:volume|vol|v|jahrg|bd|band|t|tome)?[. ]*0*(\d+)(?!\d*(?:st|nd|rd|th)\b)", re.IGNORECASE
)
_LAST_VOLUME = re.compile(r"(?:^|[.\s])0*(\d+)\s*(?:suppl.*)?$", re.IGNORECASE)
_ROMAN_VOLUME = re.compile(r"^[ivxlc]+$", re.IGNORECASE)
_MONTHS = re.compile(r"jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec", re.IGNORECASE)
_DASH = str.maketrans(dict.fromkeys("‐‑‒–—―−﹣-~", "-"))
_PAGE = re.compile(r"([a-z.]*?)0*(\d+)([a-z]*)", re.IGNORECASE)
_SEPARATOR = r"[ :#-]{0,2}(?:(?:No|Number|Nr)\b[.:]? ?)?"
_REGISTRY = re.compile(
    rf"(?<![A-Za-z0-9])(?:NCT{_SEPARATOR}0?\d{{7,8}}|ISRCTN{_SEPARATOR}\d{{8}}|"
    rf"ChiCTR{_SEPARATOR}(?:[A-Z]{{2,5}}[ -]?)?\d{{6,12}}|"
    rf"(?:(?:EUCTR|EudraCT|EU CT){_SEPARATOR})?20\d\d-\d{{6}}-\d\d(?:-\d\d)?(?!-?\d)|"
    rf"ACTRN{_SEPARATOR}\d{{14}}|DRKS{_SEPARATOR}\d{{8}}|UMIN{_SEPARATOR}\d{{9}}|CTRI/\d{{4}}/\d\d\d?/\d+|"
    rf"jRCTs?\d{{9,10}}|PACTR{_SEPARATOR}\d{{15,16}}|TCTR{_SEPARATOR}\d{{11}}|KCT{_SEPARATOR}\d{{7}}|"
    r"IRCT\w{10,20}|NTR ?\d{3,4})(?![A-Za-z0-9])",
    re.IGNORECASE | re.ASCII,
)
_LONG_NUMBER = re.compile(r"\d{6}|NTR ?\d")  # every registry number has one: most texts are done with this
_EUROPEAN = re.compile(r"(?:EUDRACT|EUCTR|EUCT)?(20\d\d-\d{6}-\d\d)")
_NAMED_EUROPEAN = re.compile(
    r"eudract|euctr|eu ct\b|\bctis\b|clinicaltrialsregister|european (?:union )?(?:clinical )?(?:trials? )?regist",
    re.IGNORECASE,
)
_AFTER_NAME = re.compile(r"(?<=[A-Z])[ :#-]*(?:(?:NO|NUMBER|NR)[.:]? ?)?(?=\d)|[ :#]")
_JUNK_DOI_TAIL = re.compile(r"(?:/(?:full|abstract|pdf|epdf|meta))$|\.[gst]\d{3}$|[.,;)\]]+$")


def read_dois(*fields: str) -> tuple[str, ...]:
    """All DOIs in the fields, lower case, without resolver, in order of appearance.

    >>> read_dois("http://dx.doi.org/10.1016/0008-6363%2896%2900129-0")
    ('10.1016/0008-6363(96)00129-0',)
    """
    found: dict[str, None] = {}
    for field in fields:
        if "10." not in field:
            continue
        text = unquote(field) if "%" in field else field
        for match in _DOI.finditer(text):
            doi = match.group().lower()
            while (m := _JUNK_DOI_TAIL.search(doi)) and not (doi.endswith(")") and doi.count("(") >= doi.count(")")):
                doi = doi[: m.start()]
            if len(doi) > 8:
                found[doi] = None
    return tuple(found)


def read_pmid(text: str) -> str:
    """A PubMed id as digits without leading zeros; ``""`` where the field holds something else."""
    digits = text.strip().removeprefix("PMID").lstrip(": ").lstrip("0")
    return digits if digits.isdigit() and len(digits) <= 9 else ""


def read_year(text: str) -> int:
    """The year as a number, 0 where there is none."""
    match = _YEAR.search(text)
    return int(match.group()) if match else 0


def read_volume(text: str) -> str:
    """The number of a volume without supplement, series title or issue; ``""`` unknown.

    >>> [read_volume(t) for t in ("33 Suppl 1", "Volume 14", "Japanese journal of clinical medicine. 69")]
    ['33', '14', '69']
    """
    if not text:
        return ""
    if text.isdigit():
        return text.lstrip("0")
    plain = _PAREN.sub(" ", text).strip()
    if match := _LEADING_VOLUME.match(plain):
        return match[1]
    if match := _LAST_VOLUME.search(plain):
        return match[1]
    return plain.lower() if _ROMAN_VOLUME.match(plain) else ""


def read_issue(issue: str, volume: str) -> str:
    """First number of the issue, taken from "31 (2)" in the volume where the issue is empty; ``""`` unknown."""
    text = issue
    if not text and "(" in volume:
        inside = volume.partition("(")[2]
        text = "" if "pagination" in inside[:14] else inside
    if not text or _MONTHS.search(text):
        return ""
    match = _DIGITS.search(text)
    return match.group().lstrip("0") if match else ""


def read_pages(text: str) -> tuple[str, str]:
    """First and last page as digits, the last one expanded; ``""`` where unknown or damaged by a spreadsheet.

    >>> read_pages("1123-9"), read_pages("S394-S395"), read_pages("06-Oct"), read_pages("e69910")
    (('1123', '1129'), ('394', '395'), ('', ''), ('69910', ''))
    """
    if not text or (_MONTHS.search(text) and not text.lower().startswith("p")):
        return "", ""
    plain = text.translate(_DASH).replace("--", "-").replace(" ", "")
    first = _PAGE.search(plain)
    if first is None:
        return "", ""
    start = first[2]
    rest = plain[first.end() :]
    last = _PAGE.match(rest[1:]) if rest[:1] == "-" else None
    if last is None:
        return start, ""
    end = last[2]
    if len(end) < len(start):
        end = start[: len(start) - len(end)] + end
    return start, end


def read_registry(numbers: str, *fields: str) -> tuple[str, ...]:
    """Trial registry numbers, upper case, without spaces, sorted: of the field made for them, and of any others.

    A European number may stand alone in the field made for it; elsewhere the text must name the register.

    >>> read_registry("", "注册号ChiCTR 1800012345", "(NCT-00821470; EudraCT number: 2010-012345-67)")
    ('2010-012345-67', 'CHICTR1800012345', 'NCT00821470')
    """
    found: set[str] = set()
    for k, field in enumerate((numbers, *fields)):
        if not field or _LONG_NUMBER.search(field) is None:
            continue
        for match in _REGISTRY.finditer(field):
            number = _AFTER_NAME.sub("", match.group().upper())
            european = _EUROPEAN.match(number)
            if european is None or k == 0 or _NAMED_EUROPEAN.search(field):
                plain = number.replace("-", "") if number.startswith("CHICTR") else number
                found.add(european[1] if european else plain)
    return tuple(sorted(found))
