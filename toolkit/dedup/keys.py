"""What blocking looks at: each value of a record as one number, so that a library of any size fits in a few arrays.

A number is a hash (CRC-32) of the text: the same in every process and every run, so that keys can be kept in a file.
Two texts that share a number bring one pair too many into the comparison, which looks at the texts themselves.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from zlib import crc32

import numpy as np
import numpy.typing as npt

from toolkit.dedup.normalise import doi_key
from toolkit.dedup.text import squeeze
from toolkit.dedup.texts import Texts, taken

__all__ = ["CODES", "Keys", "joined", "places_in", "rare_words", "read_keys", "title_words"]

Hashes = npt.NDArray[np.uint32]
IntArray = npt.NDArray[np.int64]
BoolArray = npt.NDArray[np.bool_]
Values = Mapping[str, Sequence[Any]]

_STOP_WORDS_TEXT = """
a an and as at by for from in into is of on or the to with without between among after during der die das und von im
zur la le les de des du et el los las en y del per con study patients effect effects using
"""
_STOP_WORDS = frozenset(_STOP_WORDS_TEXT.split())


def _trial(k: int) -> Callable[[Values, Sequence[str]], Iterable[str]]:
    """The k-th registry number of records that have at most three; a record with more is a review of trials."""
    return lambda v, _: (some[k] if k < len(some) <= 3 else "" for some in v["trials"])


# Name of a code -> the texts it is made of, "" for unknown. ``titles`` are squeezed.
CODES: dict[str, Callable[[Values, Sequence[str]], Iterable[str]]] = {
    "doi": lambda v, _: (doi_key(d[0]) if d else "" for d in v["dois"]),
    "other doi": lambda v, _: (doi_key(d[1]) if len(d) > 1 else "" for d in v["dois"]),
    "pmid": lambda v, _: v["pmid"],
    "exact": lambda v, _: v["exact"],
    "title 20": lambda _, titles: (t[:20] if len(t) >= 5 else "" for t in titles),
    "title 24": lambda _, titles: (t[:24] if len(t) >= 10 else "" for t in titles),
    "title 60": lambda _, titles: (t[:60] for t in titles),
    "second title": lambda v, _: (squeeze(t)[:24] for t in v["other_title"]),
    "first author": lambda v, _: v["first"],
    "first author 8": lambda v, _: (f[:8] for f in v["first"]),
    "first page": lambda v, _: v["first_page"],
    "volume": lambda v, _: v["volume"],
    "issue": lambda v, _: v["issue"],
    **{f"trial {k + 1}": _trial(k) for k in range(3)},
    "abstract": lambda v, _: (a[:40] if len(a) >= 40 else "" for a in v["abstract"]),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Keys:
    """Numbers of n records; 0 is unknown.

    Attributes
    ----------
    titles : squeezed titles, against which a pair is tried before it is compared in full
    codes : per name of `CODES`, (n,) hashes; and "year", the year itself
    words, starts : hashes of the words of each title; those of record i are ``words[starts[i]:starts[i + 1]]``
    """

    titles: Sequence[str]
    codes: Mapping[str, Hashes]
    words: Hashes
    starts: IntArray

    def __len__(self) -> int:
        return len(self.titles)

    def take(self, rows: IntArray) -> Keys:
        """The keys of some of the records, in this order."""
        sizes = (self.starts[1:] - self.starts[:-1])[rows]
        ends = np.cumsum(sizes)
        first = np.repeat(self.starts[rows] - (ends - sizes), sizes)
        return Keys(
            titles=taken(self.titles, rows),
            codes={name: codes[rows] for name, codes in self.codes.items()},
            words=self.words[first + np.arange(len(first))],
            starts=np.concatenate((np.zeros(1, dtype=np.int64), ends)),
        )


def read_keys(values: Values) -> Keys:
    """Keys of records from their plain values (`normalise.read_values`)."""
    titles = [squeeze(title) for title in values["title"]]
    codes = {name: _hash(texts(values, titles)) for name, texts in CODES.items()}
    codes["year"] = np.array(values["year"], dtype=np.uint32).reshape(len(titles))
    known: dict[str, int] = {}
    flat: list[int] = []
    sizes = np.zeros(len(titles) + 1, dtype=np.int64)
    for k, title in enumerate(values["title"], start=1):
        words = title_words(title)
        for word in words:
            if word not in known:
                known[word] = _number(word)
            flat.append(known[word])
        sizes[k] = len(words)
    return Keys(titles=titles, codes=codes, words=np.array(flat, dtype=np.uint32), starts=np.cumsum(sizes))


def joined(parts: Sequence[Keys]) -> Keys:
    """The keys of all records of all parts."""
    before = np.cumsum([0, *(len(part.words) for part in parts)])
    starts = [part.starts[1:] + b for part, b in zip(parts, before.tolist(), strict=False)]
    return Keys(
        titles=Texts.joined([t if isinstance(t := part.titles, Texts) else Texts.of(t) for part in parts]),
        codes={name: np.concatenate([part.codes[name] for part in parts]) for name in (*CODES, "year")},
        words=np.concatenate([part.words for part in parts]),
        starts=np.concatenate((np.zeros(1, dtype=np.int64), *starts)),
    )


def title_words(title: str) -> list[str]:
    """The distinct words of a folded title that can tell it from others, in their order."""
    return [w for w in dict.fromkeys(title.split()) if len(w) > 2 and w not in _STOP_WORDS]


def rare_words(keys: Keys, new: BoolArray | None = None) -> IntArray:
    """(n, 3) codes: each two of the three words of a title that the fewest titles hold; 0 where it has too few.

    With ``new``, records that share no two such words with a new one are left at 0.
    """
    n = len(keys)
    owner = np.repeat(np.arange(n, dtype=np.int64), np.diff(keys.starts))
    of_interest = np.ones(n, dtype=bool)
    if new is not None:
        place, counts = _counted(keys.words, new[owner])
        rare = _three_rarest(owner[new[owner]], place[new[owner]], counts, n)
        is_rare = np.zeros(len(counts) + 1, dtype=bool)
        is_rare[rare] = True
        is_rare[0] = False
        of_interest = new | (np.bincount(owner[is_rare[place + 1]], minlength=n) > 1)
    inside = of_interest[owner]
    place, counts = _counted(keys.words, inside)
    rare = _three_rarest(owner[inside], place[inside], counts, n)
    pairs = [np.where(rare[:, a] == 0, 0, (rare[:, a] << 32) | rare[:, b]) for a, b in ((0, 1), (0, 2), (1, 2))]
    return np.column_stack(pairs)


def _counted(words: Hashes, inside: BoolArray) -> tuple[IntArray, IntArray]:
    """Place of each word in the sorted words marked ``inside`` (-1 for others), and how often each of these occurs."""
    known = np.unique(words[inside])
    place = places_in(known, words)
    return place, np.bincount(place[place >= 0], minlength=len(known))


def places_in(known: npt.NDArray[Any], values: npt.NDArray[Any]) -> IntArray:
    """Where each value stands in the sorted array ``known``, -1 where it does not."""
    out = np.full(len(values), -1, dtype=np.int64)
    if len(known):
        low_bits = np.zeros(1 << 16, dtype=bool)  # most values differ from all known ones in these already
        low_bits[known & 0xFFFF] = True
        rows = np.flatnonzero(low_bits[values & 0xFFFF])
        some = values[rows]
        place = np.searchsorted(known, some)
        place[place == len(known)] = 0
        found = known[place] == some
        out[rows[found]] = place[found]
    return out


def _three_rarest(owner: IntArray, place: IntArray, counts: IntArray, n: int) -> IntArray:
    """(n, 3) places, from 1, of the rarest words of each record, ascending; 0 for none. Ties go by place."""
    by_rarity = np.argsort(counts, kind="stable")
    rank = np.empty(len(counts), dtype=np.int64)
    rank[by_rarity] = np.arange(len(counts))
    both = owner * max(len(counts), 1) + rank[place]  # one number per word of a record: quick to sort
    both.sort()
    owner, place = both // max(len(counts), 1), by_rarity[both % max(len(counts), 1)]
    starts = np.flatnonzero(np.r_[True, owner[1:] != owner[:-1]]) if len(owner) else owner
    sizes = np.diff(np.r_[starts, len(owner)])
    rare = np.zeros((n, 3), dtype=np.int64)
    for k in range(3):
        has = starts[sizes > k]
        rare[owner[has], k] = place[has + k] + 1
    rare.sort(axis=1)
    return rare


def _hash(texts: Iterable[str]) -> Hashes:
    return np.fromiter((_number(text) if text else 0 for text in texts), dtype=np.uint32)


def _number(text: str) -> int:
    return crc32(text.encode("utf-8", "surrogatepass")) or 1
