"""Reading many records: in worker processes, a part of them at a time, so that memory grows with what is kept."""

from __future__ import annotations

import ctypes
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, fields, replace
from functools import partial
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from toolkit.dedup.columns import RecordColumns
from toolkit.dedup.keys import Keys, joined, read_keys
from toolkit.dedup.normalise import CODED, Normalised, doi_key, doi_works, encode, read_values
from toolkit.dedup.texts import Texts

__all__ = ["PART", "Library", "cut", "read_columns", "read_library"]

T = TypeVar("T")
R = TypeVar("R")

PART = 10_000  # records a worker holds at a time
PARALLEL_FROM = 2  # parts; below, starting processes costs more than it saves
_TEXTS = ("title", "other_title", "first", "first_words", "families", "abstract")


@dataclass(frozen=True, slots=True, kw_only=True)
class Library:
    """Records ready to be blocked and compared; the squeezed titles of both are one list."""

    keys: Keys
    values: Normalised


def read_columns(columns: RecordColumns, *, workers: int = 1) -> Library:
    """Keys and comparable values of all records, in their order; ``workers``: processes to spread large inputs over."""
    return read_library(list(cut(columns, PART)), _same, workers=workers)


def cut(columns: RecordColumns, size: int) -> Iterator[RecordColumns]:
    """The records in parts of ``size``; of no record one empty part."""
    for start in range(0, max(len(columns), 1), size):
        yield RecordColumns(**{f.name: getattr(columns, f.name)[start : start + size] for f in fields(RecordColumns)})


def read_library(parts: Sequence[T], columns_of: Callable[[T], RecordColumns], *, workers: int = 1) -> Library:
    """As `read_columns`, of parts that ``columns_of`` (a function of a module) makes columns of, in the workers."""
    read = partial(_read_part, columns_of)
    if workers > 1 and len(parts) >= PARALLEL_FROM:
        try:
            with ProcessPoolExecutor(max_workers=workers) as pool:
                return _joined(_in_turn(pool, read, parts, 2 * workers))
        except BrokenProcessPool:
            pass  # processes cannot be started, as in a script without a main guard
    if len(parts) == 1:
        columns = columns_of(parts[0])
        lists = read_values(columns)
        keys = read_keys(lists)
        return Library(keys=keys, values=encode(lists, len(columns), squeezed=list(keys.titles)))
    return _joined(map(read, parts))


def in_processes(function: Callable[[T], R], parts: Sequence[T], *, workers: int) -> list[R]:
    """What a function of a module makes of each part, in order; each in a process of its own where that can be."""
    if workers > 1 and len(parts) > 1:
        try:
            with ProcessPoolExecutor(max_workers=min(workers, len(parts))) as pool:
                return list(pool.map(function, parts))
        except BrokenProcessPool:
            pass  # processes cannot be started, as in a script without a main guard
    return [function(part) for part in parts]


def _same(columns: RecordColumns) -> RecordColumns:
    return columns


def _in_turn(
    pool: ProcessPoolExecutor, read: Callable[[T], tuple[Keys, Normalised]], parts: Iterable[T], most: int
) -> Iterator[tuple[Keys, Normalised]]:
    """What the workers make of the parts, in order; no more than ``most`` parts wait at a time."""
    waiting: deque[Future[tuple[Keys, Normalised]]] = deque()
    for part in parts:
        waiting.append(pool.submit(read, part))
        if len(waiting) >= most:
            yield waiting.popleft().result()
    while waiting:
        yield waiting.popleft().result()


def _read_part(columns_of: Callable[[T], RecordColumns], part: T) -> tuple[Keys, Normalised]:
    """Keys and values of one part, packed to be sent."""
    columns = columns_of(part)
    lists = read_values(columns)
    values = encode(lists, len(columns))
    packed: dict[str, Any] = {name: Texts.of(getattr(values, name)) for name in _TEXTS}
    keys = read_keys(lists)
    return replace(keys, titles=Texts.of(keys.titles)), replace(values, squeezed=[], **packed)


def _joined(parts: Iterable[tuple[Keys, Normalised]]) -> Library:
    """All parts as one; each value of the parts is given up as soon as it is joined."""
    titles: list[str] = []
    keys: list[Keys] = []
    values: list[dict[str, Any]] = []
    for some_keys, some in parts:
        titles += some_keys.titles[:]
        keys.append(replace(some_keys, titles=[]))
        values.append({f.name: getattr(some, f.name) for f in fields(Normalised)})
    all_keys = replace(joined(keys), titles=titles)
    del keys

    def take(name: str) -> list[Any]:
        return [part.pop(name) for part in values]

    columns: dict[str, Any] = {}
    for name in _TEXTS:
        columns[name] = Texts.joined(take(name))
    all_books: dict[str, Sequence[str]] = {}
    books = take("books")
    for book, names in CODED.items():
        all_books[book], numbers = _one_book([b[book] for b in books], doi_key if book == "doi" else None)
        for name in names:
            columns[name] = np.concatenate([n[codes] for n, codes in zip(numbers, take(name), strict=True)])
    columns |= {"squeezed": titles, "books": all_books, "doi_work": doi_works(all_books["doi"])}
    for name in (f.name for f in fields(Normalised) if f.name not in columns):
        some_values = take(name)
        is_array = isinstance(some_values[0], np.ndarray)
        columns[name] = np.concatenate(some_values) if is_array else [one for part in some_values for one in part]
    _give_back()
    return Library(keys=all_keys, values=Normalised(**columns))


def _give_back() -> None:
    """Hand freed memory, which the C library would keep in small pieces, back to the system (glibc; else nothing)."""
    try:
        ctypes.CDLL(None).malloc_trim(0)
    except (OSError, AttributeError, TypeError):
        return


def _one_book(
    books: Sequence[Sequence[str]], key: Callable[[str], str] | None
) -> tuple[list[str], list[npt.NDArray[np.int32]]]:
    """All texts in order of first appearance, and for each book the number in them of each of its own."""
    known: dict[str, int] = {}
    texts: list[str] = []
    codes = []
    for book in books:
        numbers = np.zeros(len(book), dtype=np.int32)
        for k, text in enumerate(book):
            number = known.setdefault(key(text) if key else text, len(texts))
            if number == len(texts):
                texts.append(text)
            numbers[k] = number
        codes.append(numbers)
    return texts, codes
