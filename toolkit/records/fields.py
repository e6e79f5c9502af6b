"""From (tag, value) pairs of any source to a :class:`ParsedRecord`, by a table that says which tag is which field.

Every reader turns a record into pairs and hands them here. A tag without a field, and a value that a field could not
hold whole, goes to ``extra`` under the tag's own name.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from toolkit.model.records import ParsedRecord
from toolkit.records.normalise import (
    clean,
    find_doi,
    find_pmid,
    find_registry_numbers,
    find_year,
    normalise_issn,
    normalise_pages,
    paragraphs,
    strip_markup,
    unique,
)

__all__ = ["FieldMap", "Pairs", "assemble", "family_first", "name_with_initials", "name_with_sure_initials"]

Pairs = list[tuple[str, str]]

_INITIALS = re.compile(r"(.+?)[ ,]+((?:[A-Z]\.?[ -]?){1,5}(?:(?:Jr|Sr|II|III|IV)\.?)?)")
# Initials that are surely such: with points, or one letter at a time.
_SURE_INITIALS = re.compile(
    r"((?:[^\W\d_]['’])?[^\W\d_.]{2,}(?:[' -][^\W\d_.]{2,}){0,3}) ((?:[A-Z]\.[ -]?|[A-Z](?:[ -]|$)){1,5})"
)
_FIRST_INITIALS = re.compile(r"((?:[A-Z]\.[ -]?){1,5})([^\W\d_][^.,]*)")
_GROUP = re.compile(
    r"\b(?:group|study|trial|team|committee|consortium|investigators|network|society|association)\b", re.I
)
_PARTICLES = {"van", "von", "de", "der", "den", "la", "le", "du", "di", "da", "dos", "del", "el", "al", "ter", "ten"}
_LONE_DOI = re.compile(r"\s*(?:doi\s*[:.]?\s*)?(?:https?://(?:dx\.)?doi\.org/)?10\.\d{4,9}\S*\s*", re.IGNORECASE)
_COMMA = re.compile(r"\s*,\s*")
_CJK = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]")


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldMap:
    """Which tags of a source hold which field.

    Attributes
    ----------
    title ... original_title : tags in order of preference; the first that has a value counts
    authors, keywords, types, issn : tags whose values all count, in the order of the record
    doi, pmid : tags that hold the identifier alone; doi_in, pmid_in : tags whose text may hold one, labelled
    registry : tags searched for trial numbers; registry_whole : tags that hold nothing but one
    author_split, keyword_split, type_split : pattern between several values in one tag, if any
    author_name : puts one name into "Family, Given"
    """

    title: tuple[str, ...] = ()
    journal: tuple[str, ...] = ()
    year: tuple[str, ...] = ()
    volume: tuple[str, ...] = ()
    issue: tuple[str, ...] = ()
    pages: tuple[str, ...] = ()
    last_page: tuple[str, ...] = ()
    abstract: tuple[str, ...] = ()
    accession: tuple[str, ...] = ()
    language: tuple[str, ...] = ()
    url: tuple[str, ...] = ()
    original_title: tuple[str, ...] = ()
    authors: tuple[str, ...] = ()
    keywords: tuple[str, ...] = ()
    types: tuple[str, ...] = ()
    issn: tuple[str, ...] = ()
    doi: tuple[str, ...] = ()
    doi_in: tuple[str, ...] = ()
    pmid: tuple[str, ...] = ()
    pmid_in: tuple[str, ...] = ()
    registry: tuple[str, ...] = ()
    registry_whole: tuple[str, ...] = ()
    author_split: str | None = None
    keyword_split: str | None = None
    type_split: str | None = None
    author_name: Callable[[str], str] | None = None


class _Tags:
    """The values of one record by tag, and what of them no field has taken."""

    def __init__(self, pairs: Pairs) -> None:
        self.values: dict[str, list[str]] = {}
        for tag, value in pairs:
            if value:
                if tag in self.values:
                    self.values[tag].append(value)
                else:
                    self.values[tag] = [value]
        self.left = self.values.copy()  # lists are replaced there, never changed

    def first(self, tags: tuple[str, ...]) -> str | None:
        """The first value; the same text under the other tags is taken too, another text is left."""
        found: str | None = None
        for tag in tags:
            for value in self.values.get(tag, ()):
                if found is None:
                    found = value
                if value == found:
                    self.left[tag] = [v for v in self.left[tag] if v != value]
        return found

    def all(self, tags: tuple[str, ...], pairs: Pairs) -> list[str]:
        for tag in tags:
            self.left.pop(tag, None)
        if len(tags) < 2:
            return self.values.get(tags[0], []) if tags else []
        return [value for tag, value in pairs if value and tag in tags]

    def peek(self, tags: tuple[str, ...]) -> list[str]:
        return [value for tag in tags for value in self.values.get(tag, ())]


def assemble(pairs: Pairs, fields: FieldMap) -> ParsedRecord:
    """The record that these pairs make under this table."""
    tags = _Tags(pairs)
    year_text = tags.peek(fields.year)
    year = find_year(*year_text)
    for tag in fields.year:
        # A date that says more than the year stays whole.
        tags.left[tag] = [v for v in tags.left.get(tag, ()) if v.strip(" /-") != str(year)]
    pages = _pages(tags, fields)
    types = _split(tags.all(fields.types, pairs), fields.type_split)
    dois = [t for t in types if _LONE_DOI.fullmatch(t)]
    doi = find_doi(*tags.peek(fields.doi), *_own_dois(tags, fields), *dois)
    _take_identifiers(tags, fields, doi)
    issn_text = tags.peek(fields.issn)
    issn = normalise_issn(*issn_text)
    for tag in fields.issn:
        tags.left[tag] = [v for v in tags.left.get(tag, ()) if not normalise_issn(v)]
    pmid = _pmid(tags, fields)
    registry = unique(
        [*_split(tags.all(fields.registry_whole, pairs), r";\s*"), *find_registry_numbers(*tags.peek(fields.registry))]
    )
    record = {
        "title": clean(strip_markup(tags.first(fields.title))),
        "journal": clean(tags.first(fields.journal)),
        "volume": clean(tags.first(fields.volume)),
        "issue": clean(tags.first(fields.issue)),
        "accession": _accession(tags, fields, pmid),
        "language": clean(tags.first(fields.language)),
        "url": clean(tags.first(fields.url)),
        "original_title": clean(strip_markup(tags.first(fields.original_title))),
    }
    abstract = _abstract(tags, fields.abstract)
    authors = _authors(tags.all(fields.authors, pairs), fields)
    keywords = unique(_split(tags.all(fields.keywords, pairs), fields.keyword_split or r"\n"))
    extra = {tag: kept for tag, values in tags.left.items() if (kept := _tidy(values))}
    return ParsedRecord(
        **record,
        authors=authors,
        year=year,
        pages=pages,
        abstract=abstract,
        doi=doi,
        pmid=pmid,
        issn=issn,
        publication_types=unique(t for t in types if t not in dois),
        keywords=keywords,
        registry_numbers=registry,
        extra=extra,
    )


def _tidy(values: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys([text for value in values if (text := paragraphs(value))]))


def _split(values: list[str], pattern: str | None) -> list[str]:
    if pattern is None:
        return values
    if pattern == r"\n":
        return [part for value in values for part in value.split("\n")]
    return [part for value in values for part in re.split(pattern, value)]


def _pages(tags: _Tags, fields: FieldMap) -> str | None:
    found = tags.peek(fields.pages)
    last = tags.first(fields.last_page)
    first = next((p for p in found if re.search(r"\d\s*[-–]\s*\w*\d", p)), found[0] if found else None)
    for tag in fields.pages:
        tags.left[tag] = [v for v in tags.left.get(tag, ()) if v != first]
    return normalise_pages(first, last)


def _own_dois(tags: _Tags, fields: FieldMap) -> list[str]:
    """Texts that may give the record's own DOI: a link to doi.org, "doi: ...", or the DOI and nothing else."""
    texts = tags.peek(fields.doi_in)
    return [
        t
        for value in texts
        for t in value.split("\n")
        if _LONE_DOI.fullmatch(t) or (" " not in t.strip() and re.search(r"doi(?:\.org)?[/:=]", t, re.IGNORECASE))
    ]


def _take_identifiers(tags: _Tags, fields: FieldMap, doi: str | None) -> None:
    for tag in (*fields.doi, *fields.doi_in):
        if tag in tags.left:
            tags.left[tag] = [v for v in tags.left[tag] if not (_LONE_DOI.fullmatch(v) and find_doi(v) == doi)]


def _pmid(tags: _Tags, fields: FieldMap) -> str | None:
    for value in tags.peek(fields.pmid):
        if pmid := find_pmid(value, bare=True):
            for tag in fields.pmid:
                tags.left[tag] = [v for v in tags.left.get(tag, ()) if find_pmid(v, bare=True) != pmid]
            return pmid
    return next((pmid for value in tags.peek(fields.pmid_in) if (pmid := find_pmid(value))), None)


def _accession(tags: _Tags, fields: FieldMap, pmid: str | None) -> str | None:
    """The first accession number; a short plain number is a place in somebody's library, not one of a database."""
    for tag in fields.accession:
        for value in tags.values.get(tag, ()):
            if not re.fullmatch(r"\s*\d{1,5}\s*", value):
                tags.left[tag] = [v for v in tags.left.get(tag, ()) if v != value]
                return clean(value) if clean(value) != pmid else None
    return None


def _abstract(tags: _Tags, names: tuple[str, ...]) -> str | None:
    for name in names:
        values = [p for v in tags.values.get(name, ()) if (p := paragraphs(strip_markup(v)))]
        if values:
            tags.left.pop(name, None)
            whole = "\n".join(dict.fromkeys(values))
            for other in names:
                tags.left[other] = [v for v in tags.left.get(other, ()) if paragraphs(strip_markup(v)) != whole]
            return whole
    return None


def _authors(values: list[str], fields: FieldMap) -> tuple[str, ...]:
    names = []
    for value in values:
        parts = re.split(fields.author_split, value) if fields.author_split else [value]
        for part in parts:
            name = clean(part.strip(" ;,"))
            if name:
                if "," in name:
                    name = _COMMA.sub(", ", name)
                names.append(
                    fields.author_name(name)
                    if fields.author_name and (name.isascii() or not _CJK.search(name))
                    else name
                )
    return unique(names)


def name_with_initials(name: str) -> str:
    """ "Adler D.G." or "Griffin DK" as "Adler, D.G."; other names unchanged."""
    if "," in name or _GROUP.search(name):
        return name
    match = _INITIALS.fullmatch(name)
    return f"{match.group(1)}, {match.group(2).strip()}" if match else name


def name_with_sure_initials(name: str) -> str:
    """ "Fanning E." or "Brownstein C D" as "Fanning, E."; "P. Kogge" as "Kogge, P."; "Cancer Research UK" unchanged."""
    if "," in name or _GROUP.search(name):
        return name
    if match := _SURE_INITIALS.fullmatch(name):
        return f"{match.group(1).strip()}, {match.group(2).strip()}"
    if match := _FIRST_INITIALS.fullmatch(name):
        return f"{match.group(2).strip()}, {match.group(1).strip()}"
    return name


def family_first(name: str) -> str:
    """ "Orozco Leonardo J" as "Orozco, Leonardo J", particles kept with the family name; one word unchanged."""
    words = name.split()
    if "," in name or len(words) < 2:
        return name
    count = 1
    while count < len(words) - 1 and words[count - 1].lower() in _PARTICLES:
        count += 1
    return f"{' '.join(words[:count])}, {' '.join(words[count:])}"
