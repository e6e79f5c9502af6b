"""Step 3: each candidate pair compared field by field; every field gives one of a few named levels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
import numpy.typing as npt
from rapidfuzz import fuzz
from rapidfuzz.distance import JaroWinkler, Levenshtein
from rapidfuzz.process import cpdist

from toolkit.dedup.block import string_similarity
from toolkit.dedup.journals import compare_journals
from toolkit.dedup.normalise import Normalised
from toolkit.dedup.texts import taken

__all__ = ["LEVELS", "Comparison", "compare"]

IntArray = npt.NDArray[np.int64]
Levels = npt.NDArray[np.int8]
Similarity = npt.NDArray[np.float32]

SHORT_BEGINNING, LONG_BEGINNING = 18, 35  # letters
PIECE = 250_000  # pairs compared at a time
MAX_ISSUE = 60  # a weekly has 53 issues a year

# Names of the levels of each field; the number of a level is its place in the tuple.
LEVELS: dict[str, tuple[str, ...]] = {
    "title": ("same", "nearly the same", "close", "alike", "partly alike", "different", "begins the other", "unknown"),
    "title words": ("same", "other spelling", "one title adds words", "words replaced", "not compared"),
    "title length": ("long", "middle", "short", "generic"),
    "numbers in title": ("none", "same", "one side only", "different"),
    "markers": ("none", "same", "different"),
    "part": ("none", "same", "one side only", "different"),
    "first author": ("unknown", "same", "same, other initial", "alike", "different", "other order"),
    "authors": ("unknown", "same", "alike", "partly alike", "different"),
    "journal": ("unknown", "same", "alike", "different"),
    "year": ("unknown", "same", "one apart", "two or three apart", "farther apart"),
    "volume": ("unknown", "same", "different"),
    "issue": ("unknown", "same", "different"),
    "first page": ("unknown", "same", "different"),
    "last page": ("unknown", "same", "different"),
    "doi": ("unknown", "same", "same, shared by several titles", "different", "other version"),
    "pmid": ("unknown", "same", "different"),
    "abstract": ("unknown", "same", "alike", "different"),
    "registry": ("unknown", "same", "different"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Levels of m pairs.

    Attributes
    ----------
    left, right : (m,) positions of the two records, left < right
    levels : per field of `LEVELS`, (m,) numbers of levels
    title_similarity : (m,) 0 to 1, the better of first and second titles
    is_translation : (m,) the better title similarity came from a second title, or a title is marked as translated
    is_exact_copy : (m,) all fields equal after folding
    is_supplement, is_one_page : (m,) either record is of a supplement; is known to end on its first page
    is_supplement_pair : (m,) exactly one of the two is of a supplement
    is_meeting : (m,) either was published by a conference or in proceedings
    is_without_volume, has_several_authors : (m,) neither has a volume; both name two authors or more
    is_page_one : (m,) either begins on page 1 (often the count of a file), or on none
    is_cut : (m,) one title is cut off within the other
    is_preprint_pair : (m,) exactly one of the two is a preprint
    is_cochrane : (m,) both are Cochrane reviews
    marker_difference : (m,) bits of `titles.MARKERS` that only one of the titles has
    """

    left: IntArray
    right: IntArray
    levels: dict[str, Levels]
    title_similarity: Similarity
    is_translation: npt.NDArray[np.bool_]
    is_exact_copy: npt.NDArray[np.bool_]
    is_supplement: npt.NDArray[np.bool_]
    is_supplement_pair: npt.NDArray[np.bool_]
    is_meeting: npt.NDArray[np.bool_]
    is_one_page: npt.NDArray[np.bool_]
    is_without_volume: npt.NDArray[np.bool_]
    has_several_authors: npt.NDArray[np.bool_]
    is_page_one: npt.NDArray[np.bool_]
    is_cut: npt.NDArray[np.bool_]
    is_preprint_pair: npt.NDArray[np.bool_]
    is_cochrane: npt.NDArray[np.bool_]
    marker_difference: npt.NDArray[np.int32]

    def __len__(self) -> int:
        return len(self.left)

    def level(self, field: str, *names: str) -> npt.NDArray[np.bool_]:
        """Where the field is at one of the named levels."""
        wanted = np.zeros(len(LEVELS[field]), dtype=bool)
        wanted[[LEVELS[field].index(name) for name in names]] = True
        return wanted[self.levels[field]]

    def take(self, rows: IntArray) -> Comparison:
        """The comparison of some of the pairs only."""
        parts = {f.name: getattr(self, f.name)[rows] for f in fields(self) if f.name != "levels"}
        return Comparison(levels={name: levels[rows] for name, levels in self.levels.items()}, **parts)


def compare(values: Normalised, left: IntArray, right: IntArray, *, workers: int = 1) -> Comparison:
    """Levels of the given pairs.

    Parameters
    ----------
    values : normalised records
    left, right : pairs (`block.likely_pairs`)
    workers : threads for string comparison
    """
    size = PIECE if len(left) > PIECE else max(len(left), 1)
    some = [_compare_piece(values, left[k : k + size], right[k : k + size], workers) for k in range(0, len(left), size)]
    found = _joined(some) if some else _compare_piece(values, left, right, workers)
    found.levels["doi"] = _container_dois(values, found)
    return found


def _joined(some: Sequence[Comparison]) -> Comparison:
    """The comparisons of several pieces as one."""
    if len(some) == 1:
        return some[0]
    parts = {
        f.name: np.concatenate([getattr(c, f.name) for c in some]) for f in fields(Comparison) if f.name != "levels"
    }
    return Comparison(levels={name: np.concatenate([c.levels[name] for c in some]) for name in LEVELS}, **parts)


def _compare_piece(values: Normalised, left: IntArray, right: IntArray, workers: int) -> Comparison:
    """As `compare`, but a DOI shared by several titles counts as any other."""
    similarity = string_similarity(values.squeezed, left, right, workers)
    similarity, is_translation = _with_second_titles(values, left, right, similarity)
    contained = _contained(values, left, right)
    v = values
    is_cut = _is_cut(v, left, right, contained)
    marker_difference = np.where(is_cut, 0, v.markers[left] ^ v.markers[right]).astype(np.int32)
    authors = _authors(v, left, right, workers)
    levels: dict[str, Levels] = {
        "title": _title_level(v, left, right, similarity, contained),
        "title length": _title_length(v, left, right),
        "numbers in title": np.where(is_cut, 0, _same_or_missing(v.numbers, left, right)).astype(np.int8),
        "markers": np.where(marker_difference != 0, 2, (v.markers[left] & v.markers[right]) != 0).astype(np.int8),
        "part": np.where(is_cut, 0, _same_or_missing(v.part, left, right)).astype(np.int8),
        "first author": _first_author(v, left, right, authors, workers),
        "authors": authors,
        "journal": _journal(v, left, right),
        "year": _year(v, left, right),
        "volume": _volume(v, left, right),
        "issue": _issue(v, left, right),
        "first page": _first_page(v, left, right),
        "last page": _equal(v.last_page, left, right),
        "doi": _doi(v, left, right),
        "pmid": _equal(v.pmid, left, right),
        "abstract": _abstract(v, left, right, workers),
        "registry": _equal(v.registry, left, right),
    }
    words = _title_words(v, left, right, similarity, _is_plausible(levels))
    levels["title words"] = np.where(is_cut, 2, words).astype(np.int8)
    exact = (v.exact[left] == v.exact[right]) & (v.exact[left] != 0)
    return Comparison(
        left=left, right=right, levels=levels, title_similarity=similarity,
        is_translation=is_translation, is_exact_copy=exact,
        is_supplement=v.is_supplement[left] | v.is_supplement[right],
        is_supplement_pair=v.is_supplement[left] != v.is_supplement[right],
        is_meeting=v.is_meeting[left] | v.is_meeting[right],
        is_one_page=(v.first_page[left] == v.last_page[left]) | (v.first_page[right] == v.last_page[right]),
        is_without_volume=(v.volume[left] == 0) & (v.volume[right] == 0),
        has_several_authors=(v.author_count[left] > 1) & (v.author_count[right] > 1),
        is_page_one=(v.page_number[left] <= 1) | (v.page_number[right] <= 1),
        is_cut=is_cut,
        is_preprint_pair=v.is_preprint[left] != v.is_preprint[right],
        is_cochrane=v.is_cochrane[left] & v.is_cochrane[right],
        marker_difference=marker_difference,
    )  # fmt: skip


def _with_second_titles(
    v: Normalised, left: IntArray, right: IntArray, similarity: Similarity
) -> tuple[Similarity, npt.NDArray[np.bool_]]:
    """The best similarity of first and second titles, and where translation is in play."""
    best = similarity.copy()
    has = v.has_second_title
    for k in np.flatnonzero((has[left] | has[right]) & (similarity < 0.95)).tolist():
        i, j = int(left[k]), int(right[k])
        for a in (v.title[i], v.other_title[i]):
            for b in (v.title[j], v.other_title[j]):
                if a and b:
                    best[k] = max(best[k], fuzz.ratio(a, b) / 100)
    scripts = v.is_cjk[left] != v.is_cjk[right]
    marked = scripts | (v.is_translated[left] | v.is_translated[right]) & (best < 0.8)
    return best, (best > similarity + 0.1) | marked


def _is_cut(v: Normalised, left: IntArray, right: IntArray, contained: Levels) -> npt.NDArray[np.bool_]:
    """Where a title is cut off: it ends with an ellipsis, or within a word of the other one."""
    out = np.zeros(len(left), dtype=bool)
    for k in np.flatnonzero(contained).tolist():
        i, j = int(left[k]), int(right[k])
        if len(v.squeezed[i]) > len(v.squeezed[j]):
            i, j = j, i
        out[k] = v.is_cut[i] or not set(v.title[i].split()[-1:]) <= set(v.title[j].split())
    return out


def _title_level(v: Normalised, left: IntArray, right: IntArray, similarity: Similarity, contained: Levels) -> Levels:
    level = 5 - np.searchsorted(np.array([0.6, 0.75, 0.87, 0.95, 0.9999]), similarity, side="right")
    level = np.where(contained == 2, np.minimum(level, 1), level)
    level = np.where((contained == 1) & (level > 2), 6, level)
    has_title = (v.letters[left] > 0) & (v.letters[right] > 0)
    return np.where(has_title, level, 7).astype(np.int8)


def _contained(v: Normalised, left: IntArray, right: IntArray) -> Levels:
    """Where one title is the beginning of the other (cut off, or without its subtitle): 2 if long, 1 if short."""
    one, other = v.letters[left], v.letters[right]
    shorter = np.minimum(one, other)
    out = np.zeros(len(left), dtype=np.int8)
    possible = np.flatnonzero((shorter >= SHORT_BEGINNING) & (one != other))
    a, b = taken(v.squeezed, left[possible]), taken(v.squeezed, right[possible])
    begins = np.fromiter((x.startswith(y) or y.startswith(x) for x, y in zip(a, b, strict=True)), dtype=bool)
    out[possible] = begins * np.where(shorter[possible] >= LONG_BEGINNING, 2, 1)
    return out


def _is_plausible(levels: dict[str, Levels]) -> npt.NDArray[np.bool_]:
    """Pairs whose titles are worth comparing word by word; the others are apart whatever their words are."""
    shared = (levels["first page"] == 1) | (levels["pmid"] == 1) | np.isin(levels["doi"], (1, 2))
    similar = np.isin(levels["abstract"], (1, 2))
    same_origin = (levels["journal"] != 3) & (levels["year"] <= 2) & (levels["first author"] != 4)
    plausible: npt.NDArray[np.bool_] = shared | similar | same_origin
    return plausible


def _title_words(
    v: Normalised, left: IntArray, right: IntArray, similarity: Similarity, plausible: npt.NDArray[np.bool_]
) -> Levels:
    level = np.where(similarity >= 0.9999, 0, 4).astype(np.int8)
    for k in np.flatnonzero((similarity >= 0.7) & (similarity < 0.9999) & plausible).tolist():
        level[k] = _word_difference(v.title[left[k]], v.title[right[k]])
    return level


def _word_difference(a: str, b: str) -> int:
    """1 other spelling, 2 one title adds words, 3 words replaced by others."""
    words_a, words_b = a.split(), b.split()
    set_a, set_b = set(words_a), set(words_b)
    only_a = [w for w in words_a if w not in set_b]
    only_b = [w for w in words_b if w not in set_a]
    if not only_a and not only_b:
        return 1
    if only_a and only_b:
        if fuzz.ratio("".join(only_a), "".join(only_b)) >= 85:
            return 1
        left_a = [w for w in only_a if not _has_spelling(w, only_b)]
        left_b = [w for w in only_b if not _has_spelling(w, only_a)]
        only_a, only_b = left_a, left_b
        if not only_a and not only_b:
            return 1
    weight_a, weight_b = sum(len(w) > 2 for w in only_a), sum(len(w) > 2 for w in only_b)
    if weight_a and weight_b:
        return 3
    return 2 if weight_a + weight_b else 1


def _has_spelling(word: str, others: list[str]) -> bool:
    """Whether one of the others is the word with a typing error or another ending."""
    if len(word) <= 3:
        return word in others
    return any(
        word[0] == other[0] and len(other) > 3 and Levenshtein.normalized_similarity(word, other) >= 0.72
        for other in others
    )


def _title_length(v: Normalised, left: IntArray, right: IntArray) -> Levels:
    size = v.letters * (1 + v.is_wide)
    shorter = np.minimum(size[left], size[right])
    level = np.where(shorter < 22, 2, np.where(shorter < 40, 1, 0))
    return np.where(v.is_generic[left] | v.is_generic[right] | (shorter < 8), 3, level).astype(np.int8)


def _equal(codes: npt.NDArray[np.int32], left: IntArray, right: IntArray) -> Levels:
    """0 unknown, 1 same, 2 different."""
    a, b = codes[left], codes[right]
    return np.where((a == 0) | (b == 0), 0, np.where(a == b, 1, 2)).astype(np.int8)


def _same_or_missing(codes: npt.NDArray[np.int32], left: IntArray, right: IntArray) -> Levels:
    """0 neither has one, 1 same, 2 only one has one, 3 different."""
    a, b = codes[left], codes[right]
    level = np.where(a == b, np.where(a == 0, 0, 1), np.where((a == 0) | (b == 0), 2, 3))
    return level.astype(np.int8)


def _year(v: Normalised, left: IntArray, right: IntArray) -> Levels:
    a, b = v.year[left], v.year[right]
    apart = np.abs(a - b)
    level = np.where(apart == 0, 1, np.where(apart == 1, 2, np.where(apart <= 3, 3, 4)))
    return np.where((a == 0) | (b == 0), 0, level).astype(np.int8)


def _issue(v: Normalised, left: IntArray, right: IntArray) -> Levels:
    """Issues; numbers beyond a year's issues are counts of their own and differ between databases."""
    level = _equal(v.issue, left, right)
    own_count = (level == 2) & (np.maximum(v.issue_number[left], v.issue_number[right]) > MAX_ISSUE)
    return np.where(own_count, 0, level).astype(np.int8)


def _volume(v: Normalised, left: IntArray, right: IntArray) -> Levels:
    """Volumes; one side's volume being its year, or the other side's issue, says nothing."""
    level = _equal(v.volume, left, right)
    volume, other = v.volume_number[left], v.volume_number[right]
    is_year = (level == 2) & (((volume == v.year[left]) & (volume > 0)) | ((other == v.year[right]) & (other > 0)))
    issue, other_issue = v.issue_number[left], v.issue_number[right]
    swapped = (level == 2) & (((volume == other_issue) & (volume > 0)) | ((other == issue) & (other > 0)))
    return np.where(swapped | is_year, 0, level).astype(np.int8)


def _first_page(v: Normalised, left: IntArray, right: IntArray) -> Levels:
    """First pages; "1-9" beside another number is an early version's own count and says nothing."""
    level = _equal(v.first_page, left, right)
    a, b = v.page_number[left], v.page_number[right]
    own_count = (level == 2) & ((a == 1) | (b == 1))
    return np.where(own_count, 0, level).astype(np.int8)


def _doi(v: Normalised, left: IntArray, right: IntArray) -> Levels:
    """0 unknown, 1 same, 3 different, 4 other version; "shared by several titles" is set by `_container_dois`."""
    a, b = v.doi[left], v.doi[right]
    known = (a[:, 0] != 0) & (b[:, 0] != 0)
    same = (
        (a[:, 0] == b[:, 0])
        | ((a[:, 0] == b[:, 1]) & (b[:, 1] != 0))
        | ((a[:, 1] == b[:, 0]) & (a[:, 1] != 0))
    )  # fmt: skip
    version = v.doi_work[a[:, 0]] == v.doi_work[b[:, 0]]
    return np.where(known, np.where(same, 1, np.where(version, 4, 3)), 0).astype(np.int8)


def _container_dois(v: Normalised, c: Comparison) -> Levels:
    """DOI levels in which a DOI that stands for several documents (supplement, book, volume) has its own level.

    A DOI is one when two of its records have different titles and a different first author or first page.
    """
    levels, left = c.levels, c.left
    doi = levels["doi"]
    several = (
        (doi == 1) & (levels["title"] >= 4) & ((levels["first author"] == 4) | (levels["first page"] == 2))
    )  # fmt: skip
    shared = np.unique(v.doi[left[several], 0])
    return np.where((doi == 1) & np.isin(v.doi[left, 0], shared), 2, doi).astype(np.int8)


def _first_author(v: Normalised, left: IntArray, right: IntArray, authors: Levels, workers: int) -> Levels:
    a, b = taken(v.first, left), taken(v.first, right)
    if not a:
        return np.zeros(0, dtype=np.int8)
    known = np.fromiter((x != "" and y != "" for x, y in zip(a, b, strict=True)), dtype=bool)
    jaro = cpdist(a, b, scorer=JaroWinkler.similarity, dtype=np.float32, workers=workers)
    doubtful = np.flatnonzero(known & (jaro < 0.9))
    whole = np.zeros(len(left), dtype=np.float32)
    whole[doubtful] = _token_set(v.first_words, left[doubtful], right[doubtful], workers)
    other_initial = (v.initial[left] != v.initial[right]) & (v.initial[left] != 0) & (v.initial[right] != 0)
    level = np.where(jaro >= 0.999, np.where(other_initial, 2, 1), np.where((jaro >= 0.9) | (whole >= 90), 3, 4))
    several = (v.author_count[left] > 1) & (v.author_count[left] == v.author_count[right])
    level = np.where((level == 4) & (authors == 1) & several, 5, level)
    return np.where(known, level, 0).astype(np.int8)


def _token_set(strings: Sequence[str], left: IntArray, right: IntArray, workers: int) -> Similarity:
    """Likeness 0 to 100 of the words of each pair of strings, whatever their order and number."""
    if not len(left):
        return np.zeros(0, dtype=np.float32)
    first, second = taken(strings, left), taken(strings, right)
    return np.asarray(cpdist(first, second, scorer=fuzz.token_set_ratio, dtype=np.float32, workers=workers))


def _authors(v: Normalised, left: IntArray, right: IntArray, workers: int) -> Levels:
    score = _token_set(v.families, left, right, workers)
    known = v.has_families[left] & v.has_families[right]
    level = 4 - np.searchsorted(np.array([55.0, 80.0, 95.0]), score, side="right")
    return np.where(known, level, 0).astype(np.int8)


def _journal(v: Normalised, left: IntArray, right: IntArray) -> Levels:
    a, b = v.journal[left].astype(np.int64), v.journal[right].astype(np.int64)
    low, high = np.minimum(a, b), np.maximum(a, b)
    names = v.books["journal"]
    pairs, where = np.unique(low * len(names) + high, return_inverse=True)
    compared = [compare_journals(names[p // len(names)], names[p % len(names)]) for p in pairs.tolist()]
    level = np.array(compared, dtype=np.int8)[where] if len(pairs) else np.zeros(0, dtype=np.int8)
    issn_a, issn_b = v.issn[left], v.issn[right]
    same_issn = np.zeros(len(left), dtype=bool)
    for i in range(issn_a.shape[1]):
        for j in range(issn_b.shape[1]):
            same_issn |= (issn_a[:, i] == issn_b[:, j]) & (issn_a[:, i] != 0)
    scripts = v.is_cjk[left] != v.is_cjk[right]
    return np.where(same_issn, 1, np.where(scripts & (level == 3), 0, level)).astype(np.int8)


def _abstract(v: Normalised, left: IntArray, right: IntArray, workers: int) -> Levels:
    both = np.flatnonzero(v.has_abstract[left] & v.has_abstract[right])
    score = string_similarity(v.abstract, left[both], right[both], workers)
    level = np.zeros(len(left), dtype=np.int8)
    level[both] = np.where(score >= 0.9, 1, np.where(score >= 0.7, 2, 3))
    return level
