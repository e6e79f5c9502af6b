"""Step 2: pairs worth comparing, from keys that two copies of one document share.

Each key is an array of codes, one per record, 0 for "this record has no such key". Records with one code form a
block; a block too large to compare whole is divided by further keys instead of being dropped.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping

import numpy as np
import numpy.typing as npt

from toolkit.dedup.normalise import Normalised

__all__ = ["BLOCK_KEYS", "candidate_pairs", "pairs_within_blocks", "title_words"]

IntArray = npt.NDArray[np.int64]

RARE_WORDS = "two rare words of the title"
MAX_BLOCK = 60  # records; a larger block is divided. Real duplicate groups seen have at most 9 copies.
_STOP_WORDS_TEXT = """
a an and as at by for from in into is of on or the to with without between among after during der die das und von im
zur la le les de des du et el los las en y del per con study patients effect effects using
"""
_STOP_WORDS = frozenset(_STOP_WORDS_TEXT.split())


def candidate_pairs(
    values: Normalised,
    *,
    new: npt.NDArray[np.bool_] | None = None,
    word_counts: Mapping[str, int] | None = None,
) -> tuple[IntArray, IntArray]:
    """Pairs (i, j), i < j, that share at least one key, sorted and distinct.

    Parameters
    ----------
    values : normalised records
    new : where given, only pairs with at least one record marked True are returned
    word_counts : how many titles of the whole library hold each word, where ``values`` is a part of it
    """
    n = len(values)
    if n < 2:
        empty = np.zeros(0, dtype=np.int64)
        return empty, empty
    refine = _refinements(values)
    flat = np.zeros(0, dtype=np.int64)
    for name, key in BLOCK_KEYS.items():  # one by one: all keys of a large library at once need too much memory
        codes = _rare_words(values, word_counts) if name == RARE_WORDS and word_counts is not None else key(values)
        flat = np.unique(np.concatenate((flat, pairs_within_blocks(codes, refine, new=new))))
    return flat // n, flat % n


def pairs_within_blocks(
    keys: IntArray, refine: tuple[IntArray, ...], *, new: npt.NDArray[np.bool_] | None = None
) -> IntArray:
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
    return _pairs(rows[known], codes[known], refine, n, new)


def _pairs(
    rows: IntArray, codes: IntArray, refine: tuple[IntArray, ...], n: int, new: npt.NDArray[np.bool_] | None
) -> IntArray:
    if len(rows) < 2:
        return np.zeros(0, dtype=np.int64)
    order = np.lexsort((rows, codes))
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


def _divide(
    rows: IntArray, group: IntArray, refine: tuple[IntArray, ...], n: int, new: npt.NDArray[np.bool_] | None
) -> IntArray:
    """Pairs of large blocks: those that agree in a further key, and neighbours when nothing divides the block."""
    if not refine:
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


def _all_pairs(rows: IntArray, group: IntArray, n: int, new: npt.NDArray[np.bool_] | None) -> IntArray:
    """All pairs within groups; rows sorted by group, then row."""
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


def _code(values: Iterable[str]) -> IntArray:
    known: dict[str, int] = {"": 0}
    return np.fromiter((known.setdefault(v, len(known)) for v in values), dtype=np.int64)


def _both(a: npt.NDArray[np.int32], b: npt.NDArray[np.int32]) -> IntArray:
    """Codes of value pairs; 0 where either is unknown."""
    combined = a.astype(np.int64) * (int(b.max(initial=0)) + 1) + b
    return np.where((a == 0) | (b == 0), 0, combined)


def _author_code(v: Normalised) -> npt.NDArray[np.int32]:
    return _code(f[:8] for f in v.first).astype(np.int32)


def _title_start(v: Normalised) -> IntArray:
    return _code(t[:20] if len(t) >= 5 else "" for t in v.squeezed)


def _other_title(v: Normalised) -> IntArray:
    """Beginning of each of the two titles, where a second one exists, against all first titles."""
    known: dict[str, int] = {"": 0}
    first = [known.setdefault(t[:24] if len(t) >= 10 else "", len(known)) for t in v.squeezed]
    second = [known.setdefault(t.replace(" ", "")[:24], len(known)) for t in v.other_title]
    return np.column_stack((np.array(first, dtype=np.int64), np.array(second, dtype=np.int64)))


def title_words(title: str) -> list[str]:
    """The distinct words of a folded title that can tell it from others, in their order."""
    return [w for w in dict.fromkeys(title.split()) if len(w) > 2 and w not in _STOP_WORDS]


def _rare_words(v: Normalised, counts: Mapping[str, int] | None = None) -> IntArray:
    """Three codes per record: each two of the three rarest words of the title."""
    words = [title_words(t) for t in v.title]
    if counts is None:
        counts = Counter(w for some in words for w in some)
    known: dict[str, int] = {"": 0}
    out = np.zeros((len(words), 3), dtype=np.int64)
    for row, some in enumerate(words):
        rare = sorted(some, key=lambda w: (counts[w], w))[:3]
        if len(rare) < 2:
            continue
        rare.sort()
        for k, (a, b) in enumerate([(0, 1), (0, 2), (1, 2)][: 1 if len(rare) == 2 else 3]):
            out[row, k] = known.setdefault(f"{rare[a]} {rare[b]}", len(known))
    return out


BLOCK_KEYS: dict[str, Callable[[Normalised], IntArray]] = {
    "doi": lambda v: v.doi.astype(np.int64),
    "pmid": lambda v: v.pmid.astype(np.int64),
    "exact copy": lambda v: v.exact.astype(np.int64),
    "beginning of the title": _title_start,
    "beginning of the second title": _other_title,
    RARE_WORDS: _rare_words,
    "first page and volume": lambda v: _both(v.first_page, v.volume),
    "first page and year": lambda v: _both(v.first_page, v.year),
    "first author and first page": lambda v: _both(_author_code(v), v.first_page),
    "first author and year": lambda v: _both(_author_code(v), v.year),
    "beginning of the abstract": lambda v: _code(a[:40] if len(a) >= 40 else "" for a in v.abstract),
}


def _refinements(v: Normalised) -> tuple[IntArray, ...]:
    """Keys that divide a large block: first author, year, the title as a whole, first page."""
    return (
        _author_code(v).astype(np.int64),
        v.year.astype(np.int64),
        _code(t[:60] for t in v.squeezed),
        v.first_page.astype(np.int64),
    )
