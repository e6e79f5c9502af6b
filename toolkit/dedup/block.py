"""Step 2: pairs worth comparing, from keys that two copies of one document share.

Each key is an array of codes, one per record, 0 for "this record has no such key". Records with one code form a
block; a block too large to compare whole is divided by further keys instead of being dropped. Of the pairs found,
those whose titles differ and that share nothing else are left out before any other field is looked at.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt
from rapidfuzz import fuzz
from rapidfuzz.process import cpdist

from toolkit.dedup.keys import Keys, places_in, rare_words

__all__ = ["BLOCK_KEYS", "candidate_pairs", "likely_pairs", "pairs_within_blocks", "string_similarity"]

IntArray = npt.NDArray[np.int64]
BoolArray = npt.NDArray[np.bool_]
Similarity = npt.NDArray[np.float32]

MAX_BLOCK = 60  # records; a larger block is divided. Real duplicate groups seen have at most 9 copies.
PIECE = 500_000  # pairs tried at a time
ALIKE = 0.70  # titles this alike are compared in full; less alike ones need an agreement elsewhere to be joined
ALIKE_TRANSLATED = 0.3  # where one has a second title


def candidate_pairs(keys: Keys, *, new: BoolArray | None = None) -> tuple[IntArray, IntArray]:
    """Pairs (i, j), i < j, that share at least one key, sorted and distinct.

    Parameters
    ----------
    keys : of all records
    new : where given, only pairs with at least one record marked True are returned
    """
    n = len(keys)
    if n < 2 or (new is not None and not new.any()):
        empty = np.zeros(0, dtype=np.int64)
        return empty, empty
    refine = _refinements(keys)
    flat = np.zeros(0, dtype=np.int64)
    waiting: list[IntArray] = []
    for key in BLOCK_KEYS.values():  # one by one: all keys of a large library at once need too much memory
        waiting.append(pairs_within_blocks(key(keys, new), refine, new=new))
        if sum(map(len, waiting)) > len(flat):
            flat, waiting = np.unique(np.concatenate((flat, *waiting))), []
    flat = np.unique(np.concatenate((flat, *waiting)))
    return flat // n, flat % n


def pairs_within_blocks(keys: IntArray, refine: tuple[IntArray, ...], *, new: BoolArray | None = None) -> IntArray:
    """Pairs of records with equal keys as i * n + j.

    Parameters
    ----------
    keys : (n,) or (n, k) codes, 0 = no key; with k columns, equality of any two codes counts
    refine : codes that divide a block of more than ``MAX_BLOCK`` records, in the order in which they are tried
    """
    n = len(keys)
    flat = keys.reshape(n, -1)
    rows = np.repeat(np.arange(n, dtype=np.int64), flat.shape[1])
    codes = flat.ravel()
    known = codes != 0
    if new is not None:  # only blocks that hold a new record matter
        known &= places_in(np.unique(flat[new]), codes) >= 0
    return _pairs(rows[known], codes[known], refine, n, new)


def _pairs(rows: IntArray, codes: IntArray, refine: tuple[IntArray, ...], n: int, new: BoolArray | None) -> IntArray:
    if len(rows) < 2:
        return np.zeros(0, dtype=np.int64)
    order = np.argsort(codes, kind="stable")
    rows, codes = rows[order], codes[order]
    starts = np.flatnonzero(np.r_[True, codes[1:] != codes[:-1]])
    sizes = np.diff(np.r_[starts, len(rows)])
    group = np.repeat(np.arange(len(starts)), sizes)
    keep = (sizes > 1)[group]
    if new is not None:
        keep &= (np.add.reduceat(new[rows].astype(np.int64), starts) > 0)[group]
    is_large = (sizes > MAX_BLOCK)[group]
    found = [_all_pairs(rows[keep & ~is_large], group[keep & ~is_large], n, new)]
    large = keep & is_large
    if large.any():
        found.append(_divide(rows[large], group[large], refine, n, new))
    return np.concatenate(found)


def _divide(rows: IntArray, group: IntArray, refine: tuple[IntArray, ...], n: int, new: BoolArray | None) -> IntArray:
    """Pairs of large blocks: those that agree in a further key, and neighbours when nothing divides the block.

    The last of ``refine`` puts the records of an undivided block in an order that is their own.
    """
    if len(refine) == 1:
        order = np.lexsort((refine[0][rows], group))
        rows, group = rows[order], group[order]
        near = [np.sort(np.column_stack((rows[:-k], rows[k:]))[group[:-k] == group[k:]], axis=1) for k in (1, 2, 3)]
        both = np.concatenate(near)
        flat: IntArray = both[:, 0] * n + both[:, 1]
        flat = flat[both[:, 0] != both[:, 1]]
        return flat if new is None else flat[new[flat // n] | new[flat % n]]
    codes = refine[0][rows]
    known = codes != 0
    combined = group[known].astype(np.int64) * (int(codes.max(initial=0)) + 1) + codes[known]
    inside = _pairs(rows[known], combined, refine[1:], n, new)
    if known.all():
        return inside
    return np.concatenate((inside, _divide(rows[~known], group[~known], refine[1:], n, new)))


def _all_pairs(rows: IntArray, group: IntArray, n: int, new: BoolArray | None) -> IntArray:
    """All pairs within groups; rows sorted by group."""
    found = []
    shift = 1
    left = np.arange(len(rows))
    while len(left):
        left = left[left + shift < len(rows)]
        left = left[group[left] == group[left + shift]]
        a, b = rows[left], rows[left + shift]
        keep = a != b
        if new is not None:
            keep &= new[a] | new[b]
        found.append(np.minimum(a, b)[keep] * n + np.maximum(a, b)[keep])
        shift += 1
    return np.concatenate(found) if found else np.zeros(0, dtype=np.int64)


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


def likely_pairs(keys: Keys, *, new: BoolArray | None = None, workers: int = 1) -> tuple[IntArray, IntArray]:
    """The candidate pairs that may be one document: titles alike, or an agreement that titles cannot explain away.

    Parameters
    ----------
    keys, new : as for `candidate_pairs`
    workers : threads for string comparison
    """
    left, right = candidate_pairs(keys, new=new)
    kept = [np.zeros(0, dtype=np.int64)]
    for start in range(0, len(left), PIECE):
        a, b = left[start : start + PIECE], right[start : start + PIECE]
        kept.append(start + np.flatnonzero(_worth_comparing(keys, a, b, workers)))
    rows = np.concatenate(kept)
    return left[rows], right[rows]


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
    first, second = [strings[k] for k in left.tolist()], [strings[k] for k in right.tolist()]
    score = cpdist(first, second, scorer=fuzz.ratio, dtype=np.float32, workers=workers)
    known = np.array([s != "" for s in strings])
    return np.where(known[left] & known[right], score / np.float32(100), np.float32(0))
