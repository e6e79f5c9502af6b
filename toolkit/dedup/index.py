"""Keys of all compared records, so that new ones find what they may duplicate without reading the library again.

Only keys are kept: per record a number for each blocking key, and its squeezed title. The file is a cache: it is
written by every run, may be deleted at any time, and a test holds it equal to a fresh computation.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from toolkit.dedup.block import likely_pairs
from toolkit.dedup.keys import CODES, Keys, joined, places_in
from toolkit.dedup.texts import Texts
from toolkit.records import PARSER_VERSION
from toolkit.records.tables import write_whole

__all__ = [
    "INDEX_FILE",
    "Index",
    "extend_index",
    "load_index",
    "of_the_same_trials",
    "pairs_with",
    "save_index",
]

INDEX_FILE = ".cache/dedup-index.npz"
INDEX_VERSION = 5  # rises when normalisation, `keys.CODES` or the words of titles change

BoolArray = npt.NDArray[np.bool_]
IntArray = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Index:
    """Record ids and the keys of these records."""

    ids: tuple[str, ...]
    keys: Keys

    def __len__(self) -> int:
        return len(self.ids)


def extend_index(index: Index, ids: Sequence[str], keys: Keys) -> Index:
    """The index with further records at its end."""
    return Index(ids=(*index.ids, *ids), keys=joined([index.keys, keys]))


def pairs_with(index: Index, new: BoolArray, use: BoolArray, *, workers: int = 1) -> tuple[IntArray, IntArray]:
    """Pairs (positions in the index) worth comparing that hold a new record; only records marked in ``use`` count."""
    if use.all():
        return likely_pairs(index.keys, new=new, workers=workers)
    rows = np.flatnonzero(use)
    left, right = likely_pairs(index.keys.take(rows), new=new[rows], workers=workers)
    return rows[left], rows[right]


def of_the_same_trials(index: Index, new: BoolArray, use: BoolArray) -> BoolArray:
    """Records that may share a trial registry number with a new one."""
    numbers = np.column_stack([index.keys.codes[name] for name in CODES if name.startswith("trial")])
    wanted = np.unique(numbers[new])
    shared: BoolArray = (places_in(wanted[wanted != 0], numbers.ravel()) >= 0).reshape(numbers.shape).any(axis=1) & use
    return shared


def save_index(root: Path, index: Index) -> None:
    """Write the index of a project, in one step."""
    path = root / INDEX_FILE
    path.parent.mkdir(exist_ok=True)
    stream = io.BytesIO()
    keys = index.keys
    arrays: dict[str, Any] = {f"code {name}": codes for name, codes in keys.codes.items()}
    arrays |= {"version": np.array([INDEX_VERSION, PARSER_VERSION]), "ids": _bytes(index.ids)}
    titles = keys.titles if isinstance(keys.titles, Texts) else Texts.of(keys.titles)
    arrays |= {"titles": np.frombuffer(titles.data, dtype=np.uint8), "title ends": titles.ends}
    arrays |= {"words": keys.words, "starts": keys.starts}
    np.savez(stream, **arrays)
    write_whole(path, stream.getvalue())


def load_index(root: Path) -> Index | None:
    """The index of a project; None where there is none, or another version's, or a damaged one."""
    try:
        with np.load(root / INDEX_FILE, allow_pickle=False) as stored:
            if stored["version"].tolist() != [INDEX_VERSION, PARSER_VERSION]:
                return None
            ids = _texts(stored["ids"])
            keys = Keys(
                titles=Texts(stored["titles"].tobytes(), stored["title ends"]),
                codes={name: stored[f"code {name}"] for name in (*CODES, "year")},
                words=stored["words"],
                starts=stored["starts"],
            )
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
        return None
    lengths = {len(ids), len(keys.titles), len(keys.starts) - 1, *(len(codes) for codes in keys.codes.values())}
    is_whole = len(lengths) == 1 and keys.starts[-1] == len(keys.words)
    return Index(ids=tuple(ids), keys=keys) if is_whole else None


def _bytes(texts: Sequence[str]) -> npt.NDArray[np.uint8]:
    """The texts, each followed by a line break."""
    return np.frombuffer("\n".join((*texts, "")).encode("utf-8", "surrogatepass"), dtype=np.uint8)


def _texts(stored: npt.NDArray[np.uint8]) -> list[str]:
    return stored.tobytes().decode("utf-8", "surrogatepass").split("\n")[:-1]
