"""Which records a run compares: the new ones with those that, by the index, may be copies of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any, overload

import numpy as np
import numpy.typing as npt

from toolkit.dedup.block import likely_pairs
from toolkit.dedup.columns import RecordColumns
from toolkit.dedup.index import Index, extend_index, load_index, of_the_same_trials, pairs_with
from toolkit.dedup.keys import read_keys
from toolkit.dedup.library import PART, Library, in_processes, read_library
from toolkit.dedup.normalise import Normalised, encode, read_values
from toolkit.dedup.pipeline import Matches, Progress, default_workers, match_pairs
from toolkit.project import Project
from toolkit.store import views
from toolkit.store.parsed import field_texts

__all__ = ["Known", "Scope", "find_scope", "match", "rebuild_index", "what_is_known"]

SMALL_PART = 0.5  # of the library; more new records than this and everything is read anyhow
WORTH_HALVING = 2_000  # records that take longer to read than a process to start


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """Records to compare with one another.

    Attributes
    ----------
    ids : record ids, in order of arrival
    values : their fields, normalised
    left, right : (m,) positions of the pairs to compare; one of the two is new
    index : of the whole library, the new records included
    """

    ids: tuple[str, ...]
    values: Normalised
    left: npt.NDArray[np.int64]
    right: npt.NDArray[np.int64]
    index: Index


def find_scope(project: Project, order: Sequence[str], new: frozenset[str], *, whole: bool = False) -> Scope:
    """What to compare: by the index where it knows every other record, else (or with ``whole``) by reading them all."""
    index = None if whole or len(new) > SMALL_PART * len(order) else load_index(project.root)
    known = frozenset(index.ids) if index is not None else frozenset()
    if index is None or not set(order) - new <= known:
        return _whole_library(project, order, new)
    unknown = [rid for rid in order if rid in new and rid not in known]
    fresh = read_values(_columns_of_json(field_texts(project.store, unknown)))
    if unknown:
        index = extend_index(index, unknown, read_keys(fresh))
    alive = frozenset(order)
    use = np.fromiter((rid in alive for rid in index.ids), dtype=bool, count=len(index))
    is_new = np.fromiter((rid in new for rid in index.ids), dtype=bool, count=len(index))
    first, second = pairs_with(index, is_new & use, use, workers=default_workers())
    kin = np.flatnonzero(of_the_same_trials(index, is_new & use, use) | (is_new & use))
    near = {index.ids[k] for k in np.unique(np.concatenate((first, second, kin))).tolist()}
    ids = tuple(rid for rid in order if rid in near)
    place = {rid: k for k, rid in enumerate(ids)}
    a = np.fromiter((place[index.ids[k]] for k in first.tolist()), dtype=np.int64, count=len(first))
    b = np.fromiter((place[index.ids[k]] for k in second.tolist()), dtype=np.int64, count=len(second))
    return Scope(
        ids=ids,
        values=encode(_merged(project, ids, unknown, fresh), len(ids)),
        left=np.minimum(a, b),
        right=np.maximum(a, b),
        index=index,
    )


def _merged(
    project: Project, ids: Sequence[str], read: Sequence[str], values: Mapping[str, list[Any]]
) -> dict[str, list[Any]]:
    """Plain values of the records ``ids``: those of ``read`` as given, those of the others read now."""
    rest = sorted({*ids} - {*read})
    place = {rid: k for k, rid in enumerate((*read, *rest))}
    texts = field_texts(project.store, rest)
    halves = [texts[: len(texts) // 2], texts[len(texts) // 2 :]] if len(texts) >= WORTH_HALVING else [texts]
    others = in_processes(_values_of_json, halves, workers=default_workers())
    found = {}
    for name, own in values.items():
        every = [*own, *chain.from_iterable(other[name] for other in others)]
        found[name] = [every[place[rid]] for rid in ids]
    return found


def _values_of_json(texts: list[str]) -> dict[str, list[Any]]:
    return read_values(_columns_of_json(texts))


def _whole_library(project: Project, order: Sequence[str], new: frozenset[str]) -> Scope:
    library = _read_all(project, order)
    is_new = np.fromiter((rid in new for rid in order), dtype=bool, count=len(order))
    left, right = likely_pairs(library.keys, new=None if is_new.all() else is_new, workers=default_workers())
    index = Index(ids=tuple(order), keys=library.keys)
    return Scope(ids=index.ids, values=library.values, left=left, right=right, index=index)


def rebuild_index(project: Project) -> Index:
    """The index of all records, computed afresh from their fields."""
    order = list(views.record_runs(project.store))
    return Index(ids=tuple(order), keys=_read_all(project, order).keys)


def _read_all(project: Project, ids: Sequence[str]) -> Library:
    return read_library(_Parts(project, ids), _columns_of_json, workers=default_workers())


class _Parts(Sequence[list[str]]):
    """The stored fields of records as JSON texts, ``PART`` records at a time, read when asked for."""

    def __init__(self, project: Project, ids: Sequence[str]) -> None:
        self.project, self.ids = project, ids

    def __len__(self) -> int:
        return max(-(-len(self.ids) // PART), 1)

    @overload
    def __getitem__(self, k: int) -> list[str]: ...
    @overload
    def __getitem__(self, k: slice) -> list[list[str]]: ...
    def __getitem__(self, k: int | slice) -> list[str] | list[list[str]]:
        if isinstance(k, slice):
            return [self[one] for one in range(*k.indices(len(self)))]
        if not 0 <= k < len(self):
            raise IndexError(k)
        return field_texts(self.project.store, self.ids[k * PART : (k + 1) * PART])


def _columns_of_json(texts: Sequence[str]) -> RecordColumns:
    """Columns of stored fields; without ids, which the reading of fields does not need."""
    return RecordColumns.from_records(map(views.fields_from_json, texts), ids=[""] * len(texts))


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What is settled already, as pairs of positions in a scope: records of one report, and pairs kept apart."""

    together: tuple[tuple[int, int], ...]
    apart: tuple[tuple[int, int], ...]


def what_is_known(ids: Sequence[str], now: Mapping[str, str], apart: set[tuple[str, str]]) -> Known:
    """The present reports, and what persons keep apart, among the records ``ids``.

    A record elsewhere that a person keeps apart is stood for by a record of its report among them.
    """
    chain: list[tuple[int, int]] = []
    last: dict[str, int] = {}
    for k, rid in enumerate(ids):
        if now[rid] in last:
            chain.append((last[now[rid]], k))
        last[now[rid]] = k
    place = {rid: k for k, rid in enumerate(ids)}

    def position(rid: str) -> int | None:
        return place[rid] if rid in place else last.get(now.get(rid, rid))

    pairs = [(position(a), position(b)) for a, b in sorted(apart)]
    return Known(together=tuple(chain), apart=tuple((i, j) for i, j in pairs if i is not None and j is not None))


def match(scope: Scope, known: Known, *, strictness: str, progress: Progress | None = None) -> Matches:
    """Duplicates within the scope, given what is known."""
    return match_pairs(
        scope.ids,
        scope.values,
        (scope.left, scope.right),
        strictness=strictness,
        together=known.together,
        apart=known.apart,
        workers=default_workers(),
        progress=progress,
    )
