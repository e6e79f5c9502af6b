"""Pairs that are two documents but belong together: preprint and article, erratum, protocol, versions, one trial.

They are proposed as links, never joined. The first kind that applies names the link; each is a rule that can be read
aloud, on the levels that were compared anyhow and on registry numbers found in any field.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from rapidfuzz import fuzz

from toolkit.dedup.compare import Comparison
from toolkit.dedup.normalise import Normalised
from toolkit.dedup.pipeline import Matches
from toolkit.dedup.titles import MARKERS

__all__ = ["KINDS", "Relation", "find_relations"]

BoolArray = npt.NDArray[np.bool_]
IntArray = npt.NDArray[np.int64]

MOST_NUMBERS = 3  # a record with more registry numbers is a review of trials, not a report of one
LARGEST_TRIAL = 40  # records that share a number; more share an example, not a trial
LONG_TITLE = 25  # letters of the shorter title from which "Comment on: ..." can be told from another comment
HOLDS = 92.0  # token-set likeness: one title holds the other
HOLDS_SAME_AUTHORS = 80.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Relation:
    """The record at ``first`` is a ``kind`` ("erratum_of", ...) the record at ``second``; positions.

    ``has_direction`` is False where neither is the other's (parts of one work, reports of one trial).
    """

    first: int
    second: int
    kind: str
    has_direction: bool


@dataclass(frozen=True, slots=True)
class _Kind:
    """Where a kind applies, and which side depends on the other (None: neither)."""

    applies: Callable[[Comparison, Normalised, BoolArray], BoolArray]
    depends: Callable[[Normalised, IntArray, IntArray], BoolArray] | None


def find_relations(matches: Matches, values: Normalised) -> list[Relation]:
    """One link per two clusters, the first kind of `KINDS` that applies, in order of the records' ids."""
    c = matches.comparison
    apart = np.flatnonzero(matches.clusters[c.left] != matches.clusters[c.right])
    c = c.take(apart)
    holds = _title_holds_the_other(c, values)
    found: dict[tuple[int, int], tuple[tuple[int, str, str], Relation]] = {}

    def propose(rank: int, kind: str, i: int, j: int, has_direction: bool) -> None:
        a, b = int(matches.clusters[i]), int(matches.clusters[j])
        if a == b:
            return
        low, high = sorted((matches.ids[i], matches.ids[j]))
        order, key = (rank, low, high), (min(a, b), max(a, b))
        if key not in found or order < found[key][0]:
            found[key] = (order, Relation(first=i, second=j, kind=kind, has_direction=has_direction))

    for rank, (kind, rule) in enumerate(KINDS.items()):
        rows = np.flatnonzero(rule.applies(c, values, holds))
        left, right = c.left[rows], c.right[rows]
        turned = np.zeros(len(rows), dtype=bool) if rule.depends is None else ~rule.depends(values, left, right)
        for i, j in zip(np.where(turned, right, left).tolist(), np.where(turned, left, right).tolist(), strict=True):
            propose(rank, kind, i, j, rule.depends is not None)
    for i, j in _same_trial(matches, values):
        is_registration = bool(values.is_registration[i]) != bool(values.is_registration[j])
        if is_registration and values.is_registration[j]:
            i, j = j, i
        kind = "registration_of" if is_registration else "same_trial"
        propose(len(KINDS), kind, i, j, is_registration)
    return [relation for _, relation in sorted(found.values(), key=lambda pair: pair[0])]


def _same_trial(matches: Matches, values: Normalised) -> list[tuple[int, int]]:
    """Pairs of records that share a registry number: each with the first (by id) of those that share it.

    The first is a registration where there is one, for articles belong to it more surely than to each other.
    """
    held: dict[str, list[int]] = {}
    for k, numbers in enumerate(values.trials):
        if 0 < len(numbers) <= MOST_NUMBERS:
            for number in numbers:
                held.setdefault(number, []).append(k)
    pairs = []
    for some in held.values():
        if 1 < len(some) <= LARGEST_TRIAL:
            first = min(some, key=lambda k: (not values.is_registration[k], matches.ids[k]))
            pairs += [(k, first) for k in some if k != first]
    return pairs


def _title_holds_the_other(c: Comparison, v: Normalised) -> BoolArray:
    """Where the titles differ in a marker and one, apart from it, holds the words of the other."""
    out = np.zeros(len(c), dtype=bool)
    authors = _same_people(c)
    for k in np.flatnonzero(c.marker_difference != 0).tolist():
        a, b = v.title[int(c.left[k])], v.title[int(c.right[k])]
        if min(len(a), len(b)) >= LONG_TITLE:
            out[k] = fuzz.token_set_ratio(a, b) >= (HOLDS_SAME_AUTHORS if authors[k] else HOLDS)
    return out


def _same_people(c: Comparison) -> BoolArray:
    same: BoolArray = c.level("first author", "same", "same, other initial", "other order") & ~c.level(
        "authors", "different"
    )
    return same


def _alike(c: Comparison) -> BoolArray:
    same: BoolArray = c.level("title", "same", "nearly the same", "close", "alike", "begins the other")
    return same


def _equal(c: Comparison) -> BoolArray:
    same: BoolArray = c.level("title", "same", "nearly the same") & ~c.level("title length", "generic", "short")
    return same & ~c.level("title words", "words replaced")


def _marked(*names: str, authors: bool) -> _Kind:
    """One title has one of these markers, the other has not, and holds its words; ``authors``: the same people.

    Of an article and its preprint the article is the one that a notice belongs to.
    """
    bits = sum(1 << MARKERS.index(name) for name in names)

    def applies(c: Comparison, v: Normalised, holds: BoolArray) -> BoolArray:
        one: BoolArray = (c.marker_difference & bits) != 0
        found: BoolArray = one & holds & (_same_people(c) if authors else ~c.level("year", "farther apart"))
        return found & (authors | ~c.is_preprint_pair)

    return _Kind(applies, lambda v, i, j: (v.markers[i] & bits & ~v.markers[j]) != 0)


def _other_version(c: Comparison, v: Normalised, _: BoolArray) -> BoolArray:
    cochrane = v.is_cochrane[c.left] & v.is_cochrane[c.right] & _equal(c) & ~c.level("doi", "different")
    found: BoolArray = c.level("doi", "other version") | cochrane
    return found


def _is_later(v: Normalised, i: IntArray, j: IntArray) -> BoolArray:
    texts = v.books["doi"]
    doi = [texts[a] > texts[b] for a, b in zip(v.doi[i, 0].tolist(), v.doi[j, 0].tolist(), strict=True)]
    later: BoolArray = (v.year[i] > v.year[j]) | ((v.year[i] == v.year[j]) & np.array(doi, dtype=bool))
    return later


def _preprint(c: Comparison, v: Normalised, _: BoolArray) -> BoolArray:
    other = c.level("title words", "words replaced") | (c.marker_difference != 0)
    found: BoolArray = c.is_preprint_pair & _alike(c) & _same_people(c) & ~other
    return found


def _part(c: Comparison, v: Normalised, _: BoolArray) -> BoolArray:
    found: BoolArray = c.level("part", "different") & _alike(c) & _same_people(c) & (c.marker_difference == 0)
    return found


def _is_brief(v: Normalised, k: IntArray) -> BoolArray:
    one_page = (v.first_page[k] != 0) & (v.first_page[k] == v.last_page[k])
    brief: BoolArray = v.is_supplement[k] | v.is_meeting[k] | one_page
    return brief


def _abstract(c: Comparison, v: Normalised, _: BoolArray) -> BoolArray:
    title = c.level("title", "same", "nearly the same", "close") & ~c.level("title length", "generic", "short")
    one = _is_brief(v, c.left) != _is_brief(v, c.right)
    elsewhere = c.level("first page", "different") | c.level("journal", "different") | c.level("doi", "different")
    group = c.marker_difference == 0
    found: BoolArray = title & one & elsewhere & group & _same_people(c) & ~c.level("part", "different")
    return found


def _companion(c: Comparison, v: Normalised, _: BoolArray) -> BoolArray:
    """The same long title and people, printed in two places: abstracts in two journals, a reprint, a translation."""
    elsewhere = (c.level("first page", "different") & c.level("volume", "different")) | c.level("journal", "different")
    other = c.level("year", "farther apart") | c.level("numbers in title", "different") | (c.marker_difference != 0)
    companion: BoolArray = _equal(c) & elsewhere & _same_people(c) & ~other
    return companion


KINDS: Mapping[str, _Kind] = {
    "version_of": _Kind(_other_version, _is_later),
    "erratum_of": _marked("erratum", "retraction", authors=False),
    "reply_to": _marked("reply", authors=False),
    "comment_on": _marked("comment", "letter", authors=False),
    "protocol_of": _marked("protocol", authors=True),
    "summary_of": _marked("plain summary", authors=False),
    "preprint_of": _Kind(_preprint, lambda v, i, j: v.is_preprint[i]),
    "update_of": _marked("update", authors=True),
    "followup_of": _marked("follow-up", authors=True),
    "secondary_of": _marked("secondary", "preliminary", authors=True),
    "part_with": _Kind(_part, None),
    "abstract_of": _Kind(_abstract, lambda v, i, j: _is_brief(v, i)),
    "companion_of": _Kind(_companion, None),
}
