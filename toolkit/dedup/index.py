"""Keys of all compared records, so that new ones find what they may duplicate without reading the library again.

Only keys are kept, no contents: per record a hash of each blocking key and its title's words. The file is a cache: it
is written by every run, may be deleted at any time, and a test holds it equal to a fresh computation. A hash that two
keys share brings one record too many into the comparison and changes no result.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zlib import crc32

import numpy as np
import numpy.typing as npt

from toolkit.dedup.block import title_words
from toolkit.dedup.normalise import doi_key
from toolkit.dedup.text import squeeze
from toolkit.records import PARSER_VERSION
from toolkit.records.tables import write_whole

__all__ = [
    "INDEX_FILE",
    "Index",
    "build_index",
    "extend_index",
    "load_index",
    "neighbours",
    "save_index",
    "word_counts",
]

INDEX_FILE = ".cache/dedup-index.npz"
INDEX_VERSION = 1  # rises when normalisation or the keys of `block.BLOCK_KEYS` change
# Columns whose values are compared with one another: both DOIs, and the beginnings of first and second titles.
GROUPS: tuple[tuple[int, ...], ...] = ((0, 1), (2,), (3,), (4,), (5, 6), (7,), (8,), (9,), (10,), (11,))

Hashes = npt.NDArray[np.uint32]
IntArray = npt.NDArray[np.int64]
BoolArray = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True)
class Index:
    """Keys of n records.

    Attributes
    ----------
    ids : record ids
    keys : (n, 12) hashes of the blocking keys, 0 where a record has no such key
    words, starts : numbers of the words of each title; those of record i are ``words[starts[i]:starts[i + 1]]``
    vocabulary : the words, by number
    """

    ids: tuple[str, ...]
    keys: Hashes
    words: npt.NDArray[np.int32]
    starts: IntArray
    vocabulary: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.ids)


def build_index(ids: Sequence[str], values: Mapping[str, Sequence[Any]]) -> Index:
    """The index of records whose plain values (`normalise.read_values`) are given."""
    return extend_index(
        Index(
            ids=(),
            keys=np.zeros((0, 12), dtype=np.uint32),
            words=np.zeros(0, dtype=np.int32),
            starts=np.zeros(1, dtype=np.int64),
            vocabulary=(),
        ),
        ids,
        values,
    )


def extend_index(index: Index, ids: Sequence[str], values: Mapping[str, Sequence[Any]]) -> Index:
    """The index with further records at its end."""
    known = {word: number for number, word in enumerate(index.vocabulary)}
    flat: list[int] = []
    sizes: list[int] = []
    for title in values["title"]:
        numbers = [known.setdefault(word, len(known)) for word in title_words(title)]
        flat += numbers
        sizes.append(len(numbers))
    ends = index.starts[-1] + np.cumsum(np.array(sizes, dtype=np.int64))
    return Index(
        ids=(*index.ids, *ids),
        keys=np.concatenate((index.keys, _hashes(values, len(ids)))),
        words=np.concatenate((index.words, np.array(flat, dtype=np.int32))),
        starts=np.concatenate((index.starts, ends)),
        vocabulary=tuple(known),
    )


def _hashes(values: Mapping[str, Sequence[Any]], n: int) -> Hashes:
    """Hashes of the keys of `block.BLOCK_KEYS` that need no knowledge of other records."""
    squeezed = [squeeze(title) for title in values["title"]]
    author = [first[:8] for first in values["first"]]
    page, volume = values["first_page"], values["volume"]
    year = [str(y) if y else "" for y in values["year"]]
    columns = (
        _hash(doi_key(some[0]) if some else "" for some in values["dois"]),
        _hash(doi_key(some[1]) if len(some) > 1 else "" for some in values["dois"]),
        _hash(values["pmid"]),
        _hash(values["exact"]),
        _hash(s[:20] if len(s) >= 5 else "" for s in squeezed),
        _hash(s[:24] if len(s) >= 10 else "" for s in squeezed),
        _hash(squeeze(other)[:24] for other in values["other_title"]),
        _hash(_both(page, volume)),
        _hash(_both(page, year)),
        _hash(_both(author, page)),
        _hash(_both(author, year)),
        _hash(a[:40] if len(a) >= 40 else "" for a in values["abstract"]),
    )
    return np.column_stack(columns).reshape(n, len(columns))


def _both(first: Iterable[str], second: Iterable[str]) -> Iterable[str]:
    return (f"{a}|{b}" if a and b else "" for a, b in zip(first, second, strict=True))


def _hash(texts: Iterable[str]) -> Hashes:
    return np.fromiter(
        ((crc32(text.encode("utf-8", "surrogatepass")) or 1) if text else 0 for text in texts), dtype=np.uint32
    )


def word_counts(index: Index, use: BoolArray) -> dict[str, int]:
    """How many titles of the records marked True hold each word."""
    per_word = np.repeat(use, np.diff(index.starts))
    counts = np.bincount(index.words[per_word], minlength=len(index.vocabulary)).tolist()
    return dict(zip(index.vocabulary, counts, strict=True))


def neighbours(index: Index, new: BoolArray, use: BoolArray) -> BoolArray:
    """Records (of those marked in ``use``) that share a blocking key with a new one; the new ones are among them."""
    found = new & use
    fresh = np.flatnonzero(found)
    for columns in GROUPS:
        values = index.keys[:, columns]
        wanted = np.unique(values[fresh])
        wanted = wanted[wanted != 0]
        found = found | np.isin(values, wanted).any(axis=1)
    return (found | _share_rare_words(index, fresh, use)) & use


def _share_rare_words(index: Index, fresh: IntArray, use: BoolArray) -> BoolArray:
    """Records that hold two of the three rarest title words of a new record."""
    owner = np.repeat(np.arange(len(index), dtype=np.int64), np.diff(index.starts))
    counts = np.bincount(index.words[use[owner]], minlength=len(index.vocabulary))
    rare: list[list[int]] = []
    for row in fresh.tolist():
        own = index.words[index.starts[row] : index.starts[row + 1]].tolist()
        rare.append(sorted(own, key=lambda w: (counts[w], index.vocabulary[w]))[:3])
    is_rare = np.zeros(len(index.vocabulary), dtype=bool)
    is_rare[[w for some in rare for w in some]] = True
    held = is_rare[index.words]
    words, rows = index.words[held], owner[held]
    order = np.argsort(words, kind="stable")
    words, rows = words[order], rows[order]
    out = np.zeros(len(index), dtype=bool)
    for some in {tuple(sorted(some)) for some in rare if len(some) > 1}:
        spans = [rows[slice(*np.searchsorted(words, (w, w + 1)))] for w in some]
        together = np.sort(np.concatenate(spans))
        out[together[1:][together[1:] == together[:-1]]] = True
    return out


def save_index(root: Path, index: Index) -> None:
    """Write the index of a project, in one step."""
    path = root / INDEX_FILE
    path.parent.mkdir(exist_ok=True)
    stream = io.BytesIO()
    np.savez(
        stream,
        version=np.array([INDEX_VERSION, PARSER_VERSION]),
        ids=_bytes(index.ids),
        keys=index.keys,
        words=index.words,
        starts=index.starts,
        vocabulary=_bytes(index.vocabulary),
    )
    write_whole(path, stream.getvalue())


def load_index(root: Path) -> Index | None:
    """The index of a project; None where there is none, or another version's, or a damaged one."""
    try:
        with np.load(root / INDEX_FILE, allow_pickle=False) as stored:
            if stored["version"].tolist() != [INDEX_VERSION, PARSER_VERSION]:
                return None
            index = Index(
                ids=_texts(stored["ids"]),
                keys=stored["keys"],
                words=stored["words"],
                starts=stored["starts"],
                vocabulary=_texts(stored["vocabulary"]),
            )
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
        return None
    is_whole = len(index.keys) == len(index) == len(index.starts) - 1 and index.starts[-1] == len(index.words)
    return index if is_whole else None


def _bytes(texts: Sequence[str]) -> npt.NDArray[np.uint8]:
    return np.frombuffer("\n".join(texts).encode("utf-8", "surrogatepass"), dtype=np.uint8)


def _texts(stored: npt.NDArray[np.uint8]) -> tuple[str, ...]:
    text = stored.tobytes().decode("utf-8", "surrogatepass")
    return tuple(text.split("\n")) if text else ()
