"""One record out of several deliveries of one report: the best of each field, nothing lost.

The records themselves stay as they are; this is a view of them.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

from toolkit.model.records import ParsedRecord

__all__ = ["best_record"]

# A notice at the end of an abstract: EBSCO's long one, one with the sign or a year, or one that begins a sentence
# ("studies published by 2019", "copyright law" are the abstract's own words).
_COPYRIGHT = re.compile(
    r"\s*copyright of .{2,200}? is the property of .{0,1500}$|"
    r"(?:\s*(?:\(?psycinfo database record\s*|copyright\b:?\s*)?(?:©|\(c\) ?(?:19|20)\d\d)|"
    r"(?:(?<=[.!?)\]])\s*|\s*\n\s*)"
    r"\(?(?:copyright\b(?=\s*(?::|(?:19|20)\d\d|applies\b))|published by\b(?!\s*\d)|all rights reserved\b)).{0,300}$",
    re.IGNORECASE | re.DOTALL,
)
_MONTH = re.compile(r"\b(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)", re.IGNORECASE)


# Fields of which a preferred record's own value is taken as it stands; of the others all values are kept anyhow.
_CHOSEN = (
    "title", "authors", "journal", "year", "volume", "issue", "pages", "abstract", "language", "url", "original_title",
)  # fmt: skip


def best_record(records: Sequence[ParsedRecord], *, preferred: int = 0) -> ParsedRecord:
    """The best of each field of records of one report, in the order of preference given.

    What the first ``preferred`` records say is taken as it stands, the first of them first; the best of the others
    fills what they leave out.

    Title: complete and not in capitals. Authors: the longest list, of those the one with most full names. Abstract:
    the longest without its copyright notice. Pages: a range that no spreadsheet turned into a date. Journal: the full
    name. ISSN, key words, types and registry numbers: all of them. Further DOIs, PMIDs, accession numbers, and a
    second year (early and final) are kept in ``extra`` as ``other_doi``, ``other_pmid``,
    ``other_accession``, ``other_year``.

    Examples
    --------
    >>> a = ParsedRecord(title="BONE GRAFTS", authors=("Li, X.",), year=2019)
    >>> b = ParsedRecord(title="Bone grafts", authors=("Li, Xiaoming",), year=2020, pages="12-9")
    >>> best = best_record([a, b])
    >>> best.title, best.authors, best.year, best.extra["other_year"]
    ('Bone grafts', ('Li, Xiaoming',), 2020, ('2019',))
    """
    if not records:
        raise ValueError("best_record needs at least one record")
    if len(records) == 1:
        return records[0]
    if preferred:
        return _with_preferred(best_record(records), records[:preferred])
    year, other_years = _years([r.year for r in records])
    dois = _distinct(r.doi for r in records)
    pmids = _distinct(r.pmid for r in records)
    accessions = _distinct(r.accession for r in records)
    extra = _extra(records)
    for name, others in (
        ("other_doi", dois[1:]),
        ("other_pmid", pmids[1:]),
        ("other_accession", accessions[1:]),
        ("other_year", other_years),
    ):
        if others:
            extra[name] = tuple(others)
    return ParsedRecord(
        title=_best((r.title for r in records), _title_quality),
        authors=max((r.authors for r in records), key=_authors_quality),
        journal=_best((r.journal for r in records), _name_quality),
        year=year,
        volume=_best((r.volume for r in records), lambda v: (v.isdigit(), -len(v))),
        issue=_best((r.issue for r in records), lambda v: (v.isdigit(), -len(v))),
        pages=_best((r.pages for r in records), _pages_quality),
        abstract=_best((_without_copyright(r.abstract) for r in records), lambda a: (len(a),)),
        doi=dois[0] if dois else None,
        pmid=pmids[0] if pmids else None,
        accession=accessions[0] if accessions else None,
        issn=_union(r.issn for r in records),
        language=_first(r.language for r in records),
        publication_types=_union(r.publication_types for r in records),
        keywords=_union(r.keywords for r in records),
        registry_numbers=_union(r.registry_numbers for r in records),
        url=_first(r.url for r in records),
        original_title=_first(r.original_title for r in records),
        extra=extra,
    )


def _with_preferred(best: ParsedRecord, preferred: Sequence[ParsedRecord]) -> ParsedRecord:
    chosen = {name: next((v for r in preferred if (v := getattr(r, name))), getattr(best, name)) for name in _CHOSEN}
    extra = dict(best.extra)
    years = {*extra.get("other_year", ()), *([str(best.year)] if best.year else [])} - {str(chosen["year"])}
    extra.pop("other_year", None)
    if years:
        extra["other_year"] = tuple(sorted(years))
    return replace(best, **chosen, extra=extra)


def _authors_quality(authors: tuple[str, ...]) -> tuple[int, int, int]:
    """Length of the list, then how many are named in full (Chinese characters, or a given name), then letters."""
    return len(authors), sum(map(_is_full, authors)), sum(map(len, authors))


def _is_full(name: str) -> bool:
    if any("\u3400" <= character <= "\u9fff" for character in name):
        return True
    words = (word.strip(".") for word in name.partition(",")[2].split())
    return any(len(word) > 1 and not word.isupper() for word in words)


def _first(values: Iterable[str | None]) -> str | None:
    return next((v for v in values if v), None)


def _distinct(values: Iterable[str | None]) -> list[str]:
    """Values in order, without repetition in other capitals."""
    seen: dict[str, str] = {}
    for value in values:
        if value:
            seen.setdefault(value.casefold(), value)
    return list(seen.values())


def _union(values: Iterable[Iterable[str]]) -> tuple[str, ...]:
    return tuple(_distinct(v for some in values for v in some))


def _best(values: Iterable[str | None], quality: Callable[[str], tuple[float, ...]]) -> str | None:
    """The first value of the highest quality."""
    known = [v for v in values if v]
    return max(known, key=quality) if known else None


def _title_quality(title: str) -> tuple[float, ...]:
    is_cut = title.rstrip().endswith(("…", "..."))
    return (not is_cut, title != title.upper(), not title.startswith("["), len(title))


def _name_quality(name: str) -> tuple[float, ...]:
    return (len(name) <= 120, name != name.upper() or len(name) <= 6, len(name))


def _pages_quality(pages: str) -> tuple[float, ...]:
    start, _, end = pages.partition("-")
    return (_MONTH.search(pages) is None, end != "", len(end) >= len(start))


def _years(years: Sequence[int | None]) -> tuple[int | None, list[str]]:
    """The year most records give, the later one on a tie (print after early view), and the others."""
    counts = Counter(y for y in years if y is not None)
    if not counts:
        return None, []
    best = max(counts, key=lambda y: (counts[y], y))
    return best, [str(y) for y in sorted(counts) if y != best]


def _without_copyright(abstract: str | None) -> str | None:
    if not abstract:
        return None
    return _COPYRIGHT.sub("", abstract).strip() or abstract


def _extra(records: Sequence[ParsedRecord]) -> dict[str, tuple[str, ...]]:
    """All tags of all records, their values in order without repetition."""
    tags: dict[str, list[str]] = {}
    for record in records:
        for tag, values in record.extra.items():
            kept = tags.setdefault(tag, [])
            kept.extend(v for v in values if v not in kept)
    return {tag: tuple(values) for tag, values in tags.items()}
