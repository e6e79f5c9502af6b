"""Step 1: records to comparable values, one array or list per value."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

import numpy as np
import numpy.typing as npt

from toolkit.dedup.columns import RecordColumns
from toolkit.dedup.names import read_authors
from toolkit.dedup.numbers import read_dois, read_issue, read_pages, read_pmid, read_registry, read_volume, read_year
from toolkit.dedup.text import fold, is_cjk, squeeze
from toolkit.dedup.titles import Title, read_title

__all__ = ["CODED", "Normalised", "doi_key", "doi_works", "encode", "normalise", "read_values"]

IntArray = npt.NDArray[np.int32]
BoolArray = npt.NDArray[np.bool_]

_ABSTRACT_CHARACTERS = 400
_ABSTRACT_HEADING = re.compile(
    r"^(?:(?:background|objectives?|purpose|aims?|introduction|context|summary|abstract|importance|rationale|goals?|"
    r"study|of|the|review|and|design|hypothesis|methods?|results?|conclusions?|unlabelled|question) )+"
)
_NOT_ALNUM = re.compile(r"[^0-9a-z]+")
_PREPRINT = re.compile(
    r"\b(?:ssrn|(?:bio|med|ar|chem|psy|soc)rxiv|research square|preprints?(?:\.org)?|osf preprints)\b"
)
_MEETING = re.compile(
    r"\b(?:conference|proceedings|proc|symposium|workshop|congress|meeting|tagung|kongress|congr[eé]s|congreso|congresso)\b|会议|大会",
    re.IGNORECASE,
)
_PREPRINT_DOI = re.compile(
    r"10\.(?:1101/(?:19|20)\d\d\.|21203/rs|48550/arxiv|20944/preprints|2139/ssrn|31234/osf|31219/osf|26434/chemrxiv)"
)
_REGISTER = re.compile(
    r"clinicaltrials\.gov|clinicaltrialsregister\.eu|isrctn|chictr|anzctr|drks\.de|ctri\.nic\.in|trialsearch\.who|"
    r"trialregister\.nl|irct\.(?:behdasht\.gov\.)?ir|jrct\.|umin\.ac\.jp/ctr|cris\.nih\.go\.kr",
    re.IGNORECASE,
)
_DOI_VERSION = re.compile(r"(?:\.pub\d+|[./]v\d+)$")
_ISSN = re.compile(r"\d{4}-?\d{3}[\dXx]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Normalised:
    """Comparable values of n records. Strings: ``""`` unknown. Codes: equal codes are equal values, 0 unknown.

    Attributes
    ----------
    title, other_title : folded words of the title and of a second title
    squeezed : the title without spaces
    markers : bits of `titles.MARKERS`
    numbers, part : codes of the numbers and of the part label in the title (0: none)
    families : family names of the authors; first, first_words: of the first author; initial: code of its given name
    journal : code into ``books["journal"]`` (folded alternatives joined by " = ")
    issn : codes of the first two ISSN, shape (n, 2)
    doi : codes of up to two DOIs, shape (n, 2);
        ``doi_work[code]`` is the code of the DOI without its version (".pub2", "/v3")
    first_page, last_page, volume, issue, registry : codes
    books : per name of `CODED`, the text of each code
    pmid, exact : the PubMed id; a number that records share whose fields are all equal
    year : 0 unknown
    abstract : folded beginning of the abstract
    trials : trial registry numbers in any field; ``registry`` is of the fields made for them only
    is_registration : an entry of a trial register
    letters : length of the squeezed title; is_wide: not all of them are ASCII
    has_second_title, has_families, has_abstract : the value is known
    """

    title: Sequence[str]
    squeezed: list[str]
    other_title: Sequence[str]
    markers: IntArray
    numbers: IntArray
    part: IntArray
    is_translated: BoolArray
    is_generic: BoolArray
    is_cut: BoolArray
    is_cjk: BoolArray
    is_preprint: BoolArray
    is_cochrane: BoolArray
    is_meeting: BoolArray
    first: Sequence[str]
    first_words: Sequence[str]
    families: Sequence[str]
    initial: IntArray
    author_count: IntArray
    journal: IntArray
    issn: IntArray
    year: IntArray
    volume: IntArray
    issue: IntArray
    first_page: IntArray
    last_page: IntArray
    page_number: IntArray
    issue_number: IntArray
    volume_number: IntArray
    is_supplement: BoolArray
    doi: IntArray
    doi_work: IntArray
    pmid: IntArray
    registry: IntArray
    abstract: Sequence[str]
    exact: npt.NDArray[np.int64]
    books: Mapping[str, Sequence[str]]
    trials: list[tuple[str, ...]]
    is_registration: BoolArray
    letters: IntArray
    is_wide: BoolArray
    has_second_title: BoolArray
    has_families: BoolArray
    has_abstract: BoolArray

    def __len__(self) -> int:
        return len(self.title)


class _Codes:
    """Numbers for strings in order of first appearance; 0 for the empty string.

    ``key`` says what of a string counts; ``texts`` keeps the first spelling of each.
    """

    __slots__ = ("key", "known", "texts")

    def __init__(self, key: Callable[[str], str] | None = None) -> None:
        self.key, self.known, self.texts = key, {"": 0}, [""]

    def of(self, values: Iterable[str]) -> IntArray:
        return np.fromiter(map(self._number, values), dtype=np.int32)

    def _number(self, value: str) -> int:
        key = value if self.key is None else self.key(value)
        number = self.known.get(key)
        if number is None:
            number = self.known[key] = len(self.texts)
            self.texts.append(value)
        return number


def doi_key(doi: str) -> str:
    """The DOI without punctuation, which databases write differently."""
    return _NOT_ALNUM.sub("", doi)


def normalise(columns: RecordColumns) -> Normalised:
    """Comparable values of all records, in their order."""
    return encode(read_values(columns), len(columns))


def read_values(columns: RecordColumns) -> dict[str, list[Any]]:
    """Plain values of all records, one list per value."""
    titles = [read_title(t or o, o) for t, o in zip(columns.title, columns.original_title, strict=True)]
    authors = [read_authors(a) for a in columns.authors]
    pages = [read_pages(p) for p in columns.pages]
    dois = [
        read_dois(d) or (read_dois(u) if "doi.org/10." in u else ())
        for d, u in zip(columns.doi, columns.url, strict=True)
    ]
    journals: dict[str, str] = {}
    abstracts = [_abstract_key(a) for a in columns.abstract]
    registry = [
        " ".join(read_registry(r, u, j, t))
        for r, u, j, t in zip(columns.registry_numbers, columns.url, columns.journal, columns.title, strict=True)
    ]
    return {
        "title": [t.words for t in titles],
        "other_title": [t.other for t in titles],
        "markers": [t.markers for t in titles],
        "numbers": [t.numbers for t in titles],
        "part": [t.part for t in titles],
        "is_translated": [t.is_translated for t in titles],
        "is_generic": [t.is_generic for t in titles],
        "is_cut": [t.is_cut for t in titles],
        "is_cjk": [is_cjk(t.words) for t in titles],
        "is_preprint": [
            _PREPRINT.search(j.lower()) is not None or any(_PREPRINT_DOI.match(x) for x in d)
            for j, d in zip(columns.journal, dois, strict=True)
        ],
        "is_cochrane": [
            "14651858.cd" in "".join(d) or "cochrane database" in j.lower()
            for j, d in zip(columns.journal, dois, strict=True)
        ],
        "is_meeting": [_MEETING.search(j) is not None for j in columns.journal],
        "first": [a.first for a in authors],
        "first_words": [a.first_words for a in authors],
        "families": [a.families for a in authors],
        "initial": [a.initial for a in authors],
        "author_count": [a.number for a in authors],
        "journal": [_journal_key(j, journals) for j in columns.journal],
        "issn": [tuple(_ISSN.findall(i)[:3]) if i else () for i in columns.issn],
        "year": [read_year(y) for y in columns.year],
        "volume": [read_volume(v) for v in columns.volume],
        "issue": [read_issue(i, v) for i, v in zip(columns.issue, columns.volume, strict=True)],
        "first_page": [p[0] for p in pages],
        "last_page": [p[1] for p in pages],
        "is_supplement": [
            "sup" in v.lower() or "sup" in i.lower() or (p[:1] in "sS" and p != "")
            for v, i, p in zip(columns.volume, columns.issue, columns.pages, strict=True)
        ],
        "dois": dois,
        "pmid": [read_pmid(p) if p else "" for p in columns.pmid],
        "registry": registry,
        "trials": [
            read_registry(f"{r} {m}", a) if m or a else tuple(r.split())
            for r, m, a in zip(registry, columns.mentions, columns.abstract, strict=True)
        ],
        "is_registration": [
            _REGISTER.search(f"{j} {u}") is not None and not v
            for j, u, v in zip(columns.journal, columns.url, columns.volume, strict=True)
        ],
        "abstract": abstracts,
        "exact": _exact_keys(columns, titles, abstracts, dois, registry),
    }  # fmt: skip


def _exact_keys(
    columns: RecordColumns,
    titles: Sequence[Title],
    abstracts: Sequence[str],
    dois: Sequence[tuple[str, ...]],
    registry: Sequence[str],
) -> list[str]:
    """A digest of all fields of a record; "" for a record that has neither title, abstract nor identifier."""
    keys: list[str] = []
    journals: dict[str, str] = {}
    for k, title in enumerate(titles):
        if not (title.words or abstracts[k] or dois[k] or columns.pmid[k]):
            keys.append("")
            continue
        place = (columns.year[k], columns.volume[k], columns.issue[k], columns.pages[k], columns.pmid[k], registry[k])
        journal = columns.journal[k]
        if journal not in journals:
            journals[journal] = fold(journal)
        words = (title.words, title.part, abstracts[k], fold(columns.authors[k]), journals[journal])
        whole = "\x1f".join((*words, *place, *dois[k]))
        keys.append(blake2b(whole.encode("utf-8", "surrogatepass"), digest_size=12).hexdigest())
    return keys


# Book of codes -> the values of a record that are codes of it.
CODED: dict[str, tuple[str, ...]] = {
    "numbers": ("numbers",), "part": ("part",), "initial": ("initial",), "journal": ("journal",),
    "issn": ("issn",), "volume": ("volume",), "issue": ("issue",), "page": ("first_page", "last_page"),
    "doi": ("doi",), "registry": ("registry",),
}  # fmt: skip


def encode(lists: Mapping[str, list[Any]], n: int, *, squeezed: list[str] | None = None) -> Normalised:
    """The values of n records as arrays and codes; ``squeezed`` titles may be given to be shared."""
    codes = {book: _Codes(doi_key if book == "doi" else None) for book in CODED}
    squeezed = [squeeze(t) for t in lists["title"]] if squeezed is None else squeezed
    return Normalised(
        title=lists["title"],
        squeezed=squeezed,
        other_title=lists["other_title"],
        markers=np.array(lists["markers"], dtype=np.int32).reshape(n),
        numbers=codes["numbers"].of(lists["numbers"]),
        part=codes["part"].of(lists["part"]),
        is_translated=np.array(lists["is_translated"], dtype=bool).reshape(n),
        is_generic=np.array(lists["is_generic"], dtype=bool).reshape(n),
        is_cut=np.array(lists["is_cut"], dtype=bool).reshape(n),
        is_cjk=np.array(lists["is_cjk"], dtype=bool).reshape(n),
        is_preprint=np.array(lists["is_preprint"], dtype=bool).reshape(n),
        is_cochrane=np.array(lists["is_cochrane"], dtype=bool).reshape(n),
        is_meeting=np.array(lists["is_meeting"], dtype=bool).reshape(n),
        first=lists["first"],
        first_words=lists["first_words"],
        families=lists["families"],
        initial=codes["initial"].of(lists["initial"]),
        author_count=np.array(lists["author_count"], dtype=np.int32).reshape(n),
        journal=codes["journal"].of(lists["journal"]),
        issn=np.column_stack([codes["issn"].of(_nth_issn(v, k) for v in lists["issn"]) for k in range(2)]).reshape(
            n, 2
        ),
        year=np.array(lists["year"], dtype=np.int32).reshape(n),
        volume=codes["volume"].of(lists["volume"]),
        issue=codes["issue"].of(lists["issue"]),
        first_page=codes["page"].of(lists["first_page"]),
        last_page=codes["page"].of(lists["last_page"]),
        page_number=np.array([int(p[:9]) if p else 0 for p in lists["first_page"]], dtype=np.int32).reshape(n),
        volume_number=np.array([int(x[:9]) if x.isdigit() else 0 for x in lists["volume"]], dtype=np.int32).reshape(n),
        issue_number=np.array([int(i[:9]) if i else 0 for i in lists["issue"]], dtype=np.int32).reshape(n),
        is_supplement=np.array(lists["is_supplement"], dtype=bool).reshape(n),
        doi=np.column_stack([codes["doi"].of(_nth(v, k) for v in lists["dois"]) for k in range(2)]).reshape(n, 2),
        doi_work=doi_works(codes["doi"].texts),
        pmid=np.array([int(p) if p else 0 for p in lists["pmid"]], dtype=np.int32).reshape(n),
        registry=codes["registry"].of(lists["registry"]),
        abstract=lists["abstract"],
        exact=np.array([int(e[:15], 16) if e else 0 for e in lists["exact"]], dtype=np.int64).reshape(n),
        books={book: some.texts for book, some in codes.items()},
        trials=lists["trials"],
        is_registration=np.array(lists["is_registration"], dtype=bool).reshape(n),
        letters=np.fromiter(map(len, squeezed), dtype=np.int32, count=n),
        is_wide=~np.fromiter(map(str.isascii, squeezed), dtype=bool, count=n),
        has_second_title=np.fromiter(map(bool, lists["other_title"]), dtype=bool, count=n),
        has_families=np.fromiter(map(bool, lists["families"]), dtype=bool, count=n),
        has_abstract=np.fromiter(map(bool, lists["abstract"]), dtype=bool, count=n),
    )


def doi_works(dois: Sequence[str]) -> IntArray:
    """For each DOI a number that it shares with its other versions (".pub2", "/v3")."""
    return _Codes().of(_DOI_VERSION.sub("", doi) for doi in dois)


def _nth(values: Sequence[str], k: int) -> str:
    return values[k] if len(values) > k else ""


def _nth_issn(values: Sequence[str], k: int) -> str:
    distinct = list(dict.fromkeys(v.replace("-", "").upper() for v in values))
    return distinct[k] if len(distinct) > k else ""


def _abstract_key(text: str) -> str:
    if len(text) < 40:
        return ""
    words = fold(text[:_ABSTRACT_CHARACTERS])
    return _ABSTRACT_HEADING.sub("", words)[:250]


def _journal_key(text: str, seen: dict[str, str]) -> str:
    """Folded names of the journal: its parts on both sides of "=", without place or subtitle in parentheses."""
    if text not in seen:
        parts = re.split(r"\s=\s", re.sub(r"\([^)]*\)?|\[[^\]]*\]?", " ", text)) if text else []
        names = [f.removeprefix("the ") for part in parts if (f := fold(part))]
        if not names and text:
            names = [fold(text)]
        seen[text] = " = ".join(names)
    return seen[text]
