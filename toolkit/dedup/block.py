"""Step 2: pairs worth comparing, from keys that two copies of one document share.

Each key is an array of codes, one per record, 0 for "this record has no such key". Records with one code form a
block; a block too large to compare whole is divided by further keys instead of being dropped. Of the pairs found,
those whose titles differ and that share nothing else are left out before any other field is looked at.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from rapidfuzz import fuzz
from rapidfuzz.process import cpdist

from toolkit.dedup.keys import Keys, places_in, rare_words
from toolkit.dedup.texts import taken

__all__ = ["BLOCK_KEYS", "candidate_pairs", "likely_pairs", "string_similarity"]

IntArray = npt.NDArray[np.int64]
Rows = npt.NDArray[np.int32]
BoolArray = npt.NDArray[np.bool_]
Similarity = npt.NDArray[np.float32]

MAX_BLOCK = 60  # records; a larger block is divided. Real duplicate groups seen have at most 9 copies.
PIECE = 500_000  # pairs tried at a time
NO_ROWS: Rows = np.zeros(0, dtype=np.int32)
ALIKE = 0.70  # titles this alike are compared in full; less alike ones need an agreement elsewhere to be joined
ALIKE_TRANSLATED = 0.3  # where one has a second title


@dataclass(frozen=True, slots=True, kw_only=True)
class _Blocks:
    """Which records meet which: ``owner[k]`` meets ``rows[start[k] : start[k] + count[k]]``.

    The pairs of a block of b records are b - 1 such lines, so a library fits in memory however many pairs it has.
    The owner of a pair is its new record, of two new ones the first: so all keys find a pair under one owner.
    """

    rows: Rows
    owner: Rows
    start: IntArray
    count: Rows


def candidate_pairs(keys: Keys, *, new: BoolArray | None = None) -> tuple[IntArray, IntArray]:
    """Pairs (i, j), i < j, that share at least one key, sorted and distinct.

    Parameters
    ----------
    keys : of all records
    new : where given, only pairs with at least one record marked True are returned
    """
    return _sorted_pairs(list(_pieces(keys, new)), len(keys))


def likely_pairs(keys: Keys, *, new: BoolArray | None = None, workers: int = 1) -> tuple[IntArray, IntArray]:
    """The candidate pairs that may be one document: titles alike, or an agreement that titles cannot explain away.

    Parameters
    ----------
    keys, new : as for `candidate_pairs`
    workers : threads for string comparison
    """
    n = max(len(keys), 1)
    kept = [flat[_worth_comparing(keys, flat // n, flat % n, workers)] for flat in _pieces(keys, new)]
    return _sorted_pairs(kept, n)


def _sorted_pairs(kept: list[IntArray], n: int) -> tuple[IntArray, IntArray]:
    flat = np.concatenate((np.zeros(0, dtype=np.int64), *kept))
    flat.sort()
    return flat // max(n, 1), flat % max(n, 1)


def _pieces(keys: Keys, new: BoolArray | None) -> Iterator[IntArray]:
    """The candidate pairs as i * n + j, distinct, some ``PIECE`` at a time."""
    n = len(keys)
    if n < 2 or (new is not None and not new.any()):
        return
    refine = _refinements(keys)
    blocks = _in_order([part for key in BLOCK_KEYS.values() for part in _blocks_of(key(keys, new), refine, new)])
    ends = np.cumsum(blocks.count, dtype=np.int64)
    first = 0
    while first < len(ends):
        before = int(ends[first - 1]) if first else 0
        last = int(np.searchsorted(ends, before + PIECE, side="left"))
        if last < len(ends):  # all lines of one owner stay together
            last = int(np.searchsorted(blocks.owner, blocks.owner[last], side="right")) - 1
        last = min(last, len(ends) - 1)
        yield _pairs_of(blocks, slice(first, last + 1), n)
        first = last + 1


def _in_order(parts: Sequence[_Blocks]) -> _Blocks:
    """All parts as one, by owner."""
    before = np.cumsum([0, *(len(part.rows) for part in parts)])
    order = np.argsort(np.concatenate([NO_ROWS, *(part.owner for part in parts)]), kind="stable")
    starts = [part.start + b for part, b in zip(parts, before.tolist(), strict=False)]
    return _Blocks(
        rows=np.concatenate([NO_ROWS, *(part.rows for part in parts)]),
        owner=np.concatenate([NO_ROWS, *(part.owner for part in parts)])[order],
        start=np.concatenate([np.zeros(0, dtype=np.int64), *starts])[order],
        count=np.concatenate([NO_ROWS, *(part.count for part in parts)])[order],
    )


def _pairs_of(blocks: _Blocks, lines: slice, n: int) -> IntArray:
    """Distinct pairs of some lines as i * n + j, sorted."""
    count = blocks.count[lines].astype(np.int64)
    ends = np.cumsum(count)
    place = np.arange(ends[-1], dtype=np.int64) + np.repeat(blocks.start[lines] - (ends - count), count)
    other = blocks.rows[place]
    owner = np.repeat(blocks.owner[lines], count)
    flat = np.minimum(owner, other).astype(np.int64) * n + np.maximum(owner, other)
    flat = flat[owner != other]
    flat.sort()
    distinct: IntArray = flat[np.flatnonzero(np.r_[True, flat[1:] != flat[:-1]])] if len(flat) else flat
    return distinct


def _blocks_of(keys: IntArray, refine: tuple[IntArray, ...], new: BoolArray | None) -> list[_Blocks]:
    """Blocks of records with equal keys.

    Parameters
    ----------
    keys : (n,) or (n, k) codes, 0 = no key; with k columns, equality of any two codes counts
    refine : codes that divide a block of more than ``MAX_BLOCK`` records, in the order in which they are tried
    new : where given, only blocks with a record marked True count
    """
    n = len(keys)
    flat = keys.reshape(n, -1)
    known = flat.ravel() != 0
    if new is not None:  # only blocks that hold a new record matter
        known &= places_in(np.unique(flat[new]), flat.ravel()) >= 0
    places = np.flatnonzero(known)
    return _divided((places // flat.shape[1]).astype(np.int32), flat.ravel()[places], refine, new)


def _divided(rows: Rows, codes: IntArray, refine: tuple[IntArray, ...], new: BoolArray | None) -> list[_Blocks]:
    """Blocks of equal codes, large ones divided; ``rows`` ascend within each code."""
    if len(rows) < 2:
        return []
    order = np.argsort(codes, kind="stable")
    rows, codes = rows[order], codes[order]
    starts = np.flatnonzero(np.r_[True, codes[1:] != codes[:-1]])
    sizes = np.diff(np.r_[starts, len(rows)])
    counts = sizes > 1
    if new is not None:
        counts &= np.logical_or.reduceat(new[rows], starts)
    is_small, is_large = counts & (sizes <= MAX_BLOCK), counts & (sizes > MAX_BLOCK)
    found = [_whole(rows[np.repeat(is_small, sizes)], sizes[is_small], new)]
    if is_large.any():
        group = np.repeat(np.arange(np.count_nonzero(is_large)), sizes[is_large])
        found += _divide(rows[np.repeat(is_large, sizes)], group, refine, new)
    return found


def _whole(rows: Rows, sizes: IntArray, new: BoolArray | None) -> _Blocks:
    """Each record meets those after it in its block; with ``new``, new records come first and only they meet others."""
    ends = np.repeat(np.cumsum(sizes), sizes)
    if new is not None:
        group = np.repeat(np.arange(len(sizes)), sizes)
        rows = rows[np.argsort(2 * group + ~new[rows], kind="stable")]
    start = np.arange(1, len(rows) + 1, dtype=np.int64)
    count = (ends - start).astype(np.int32)
    meets = np.flatnonzero(count > 0 if new is None else (count > 0) & new[rows])
    return _Blocks(rows=rows, owner=rows[meets], start=start[meets], count=count[meets])


def _divide(rows: Rows, group: IntArray, refine: tuple[IntArray, ...], new: BoolArray | None) -> list[_Blocks]:
    """Large blocks as those that agree in a further key, and neighbours when nothing divides the block.

    The last of ``refine`` puts the records of an undivided block in an order that is their own.
    """
    if len(refine) == 1:
        return [_neighbours(rows, group, refine[0], new)]
    codes = refine[0][rows]
    known = codes != 0
    combined = group[known].astype(np.int64) * (int(codes.max(initial=0)) + 1) + codes[known]
    inside = _divided(rows[known], combined, refine[1:], new)
    if known.all():
        return inside
    return [*inside, *_divide(rows[~known], group[~known], refine[1:], new)]


def _neighbours(rows: Rows, group: IntArray, codes: IntArray, new: BoolArray | None) -> _Blocks:
    """Each record meets the next three of its block, which is put in the order of the codes."""
    order = np.lexsort((codes[rows], group))
    rows, group = rows[order], group[order]
    near = [np.sort(np.column_stack((rows[:-k], rows[k:]))[group[:-k] == group[k:]], axis=1) for k in (1, 2, 3)]
    pairs = np.concatenate(near)
    if new is not None:
        pairs = pairs[new[pairs].any(axis=1)]
        pairs = np.where(new[pairs[:, :1]], pairs, pairs[:, ::-1])
    ones = np.ones(len(pairs), dtype=np.int32)
    start = np.arange(len(pairs), dtype=np.int64)
    return _Blocks(rows=pairs[:, 1].copy(), owner=pairs[:, 0].copy(), start=start, count=ones)


def _code(keys: Keys, *names: str) -> IntArray:
    """The codes of these names, one column each."""
    columns = [keys.codes[name].astype(np.int64) for name in names]
    return columns[0] if len(columns) == 1 else np.column_stack(columns)


def _both(keys: Keys, first: str, second: str) -> IntArray:
    """Codes of value pairs; 0 where either is unknown."""
    a, b = keys.codes[first], keys.codes[second]
    combined = (a.astype(np.int64) << 32 | b.astype(np.int64)) & np.int64(2**63 - 1)
    return np.where((a == 0) | (b == 0), 0, combined)


# Name of a key -> its codes, given the keys and which records are new.
BLOCK_KEYS: dict[str, Callable[[Keys, BoolArray | None], IntArray]] = {
    "doi": lambda k, _: _code(k, "doi", "other doi"),
    "pmid": lambda k, _: _code(k, "pmid"),
    "exact copy": lambda k, _: _code(k, "exact"),
    "beginning of the title": lambda k, _: _code(k, "title 20"),
    "beginning of the second title": lambda k, _: _code(k, "title 24", "second title"),
    "two rare words of the title": rare_words,
    "first page and volume": lambda k, _: _both(k, "first page", "volume"),
    "first page and year": lambda k, _: _both(k, "first page", "year"),
    "first author and first page": lambda k, _: _both(k, "first author 8", "first page"),
    "first author and year": lambda k, _: _both(k, "first author 8", "year"),
    "beginning of the abstract": lambda k, _: _code(k, "abstract"),
}


def _refinements(keys: Keys) -> tuple[IntArray, ...]:
    """Keys that divide a large block: first author, year, the title as a whole, first page; then all fields at once."""
    return tuple(_code(keys, name) for name in ("first author 8", "year", "title 60", "first page", "exact"))


def _worth_comparing(keys: Keys, left: IntArray, right: IntArray, workers: int) -> BoolArray:
    """A title at least half alike, or an agreement that a different title could not explain."""

    def same(name: str, other: str | None = None) -> BoolArray:
        a, b = keys.codes[name][left], keys.codes[other or name][right]
        equal: BoolArray = (a == b) & (a != 0)
        return equal

    similarity = string_similarity(keys.titles, left, right, workers)
    year = keys.codes["year"].astype(np.int64)
    years = np.abs(year[left] - year[right])
    page = same("first page")
    has_second = keys.codes["second title"] != 0
    second = has_second[left] | has_second[right]
    doi = same("doi") | same("doi", "other doi") | same("other doi", "doi")
    same_place = page & (years <= 1) & (same("volume") | same("first author"))
    same_issue = page & same("issue") & (years == 0) & (year[left] != 0)
    worth: BoolArray = (
        (similarity >= ALIKE)
        | doi
        | same("exact")
        | same("pmid")
        | same_place
        | same_issue
        | (second & (page | (similarity >= ALIKE_TRANSLATED)))
    )
    return worth


def string_similarity(strings: Sequence[str], left: IntArray, right: IntArray, workers: int = 1) -> Similarity:
    """Indel similarity 0 to 1 of the strings of each pair; 0 where one is empty."""
    if not len(left):
        return np.zeros(0, dtype=np.float32)
    first, second = taken(strings, left), taken(strings, right)
    score = cpdist(first, second, scorer=fuzz.ratio, dtype=np.float32, workers=workers)
    for k in np.flatnonzero(score == 100).tolist():  # two empty strings are called equal
        if not first[k]:
            score[k] = 0
    return np.asarray(score / np.float32(100), dtype=np.float32)
