"""Which records a run compares: the new ones and those that share a key with them, found by the index."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from toolkit.dedup.columns import RecordColumns
from toolkit.dedup.index import Index, build_index, extend_index, load_index, neighbours, word_counts
from toolkit.dedup.normalise import encode, read_values
from toolkit.dedup.pipeline import Matches, Progress, default_workers, find_duplicates
from toolkit.project import Project
from toolkit.store import views

__all__ = ["Scope", "columns_of", "find_scope", "match", "rebuild_index"]

SMALL_PART = 0.5  # of the library; more new records than this and everything is read anyhow


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """Records to compare with one another.

    Attributes
    ----------
    ids : record ids, in order of arrival
    new : (n,) True for those never compared
    columns, values : their fields, and what normalisation made of them where that is known already
    word_counts : how many titles of the whole library hold each word; None where ``ids`` is the whole
    index : of the whole library, the new records included
    """

    ids: tuple[str, ...]
    new: npt.NDArray[np.bool_]
    columns: RecordColumns
    values: dict[str, list[Any]] | None
    word_counts: Mapping[str, int] | None
    index: Index


def columns_of(project: Project, ids: Sequence[str]) -> RecordColumns:
    """The fields of these records, in this order."""
    stored, runs = views.records(project.store, ids), views.record_runs(project.store)
    return RecordColumns.from_records(
        [stored[rid].fields for rid in ids], ids=list(ids), sources=[runs[rid].source for rid in ids]
    )


def find_scope(project: Project, order: Sequence[str], new: frozenset[str], *, whole: bool = False) -> Scope:
    """What to compare: by the index where it knows every other record, else (or with ``whole``) all records."""
    index = None if whole or len(new) > SMALL_PART * len(order) else load_index(project.root)
    if index is None or not set(order) - new <= set(index.ids):
        return _whole_library(project, order, new)
    known = set(index.ids)
    unknown = [rid for rid in order if rid in new and rid not in known]
    if unknown:
        fresh = columns_of(project, unknown)
        index = extend_index(index, unknown, read_values(fresh))
    alive = set(order)
    use = np.array([rid in alive for rid in index.ids], dtype=bool)
    is_new = np.array([rid in new for rid in index.ids], dtype=bool)
    near = {index.ids[k] for k in np.flatnonzero(neighbours(index, is_new, use)).tolist()}
    ids = tuple(rid for rid in order if rid in near)
    return Scope(
        ids=ids,
        new=np.array([rid in new for rid in ids], dtype=bool),
        columns=columns_of(project, ids),
        values=None,
        word_counts=word_counts(index, use),
        index=index,
    )


def _whole_library(project: Project, order: Sequence[str], new: frozenset[str]) -> Scope:
    columns = columns_of(project, order)
    values = read_values(columns, workers=default_workers())
    return Scope(
        ids=tuple(order),
        new=np.array([rid in new for rid in order], dtype=bool),
        columns=columns,
        values=values,
        word_counts=None,
        index=build_index(order, values),
    )


def rebuild_index(project: Project) -> Index:
    """The index of all records, computed afresh from their fields."""
    order = list(views.record_runs(project.store))
    return build_index(order, read_values(columns_of(project, order), workers=default_workers()))


def match(
    scope: Scope,
    now: Mapping[str, str],
    apart: set[tuple[str, str]],
    *,
    strictness: str,
    progress: Progress | None = None,
) -> Matches:
    """Duplicates within the scope, given the present reports and what persons keep apart.

    A record outside the scope that a person keeps apart is stood for by a record of its report inside it.
    """
    chain: list[tuple[int, int]] = []
    last: dict[str, int] = {}
    for k, rid in enumerate(scope.ids):
        if now[rid] in last:
            chain.append((last[now[rid]], k))
        last[now[rid]] = k
    place = {rid: k for k, rid in enumerate(scope.ids)}

    def position(rid: str) -> int | None:
        return place[rid] if rid in place else last.get(now.get(rid, rid))

    pairs = [(position(a), position(b)) for a, b in sorted(apart)]
    return find_duplicates(
        scope.columns,
        strictness=strictness,
        new=scope.new,
        together=chain,
        apart=[(i, j) for i, j in pairs if i is not None and j is not None],
        values=None if scope.values is None else encode(scope.values, len(scope.ids)),
        word_counts=scope.word_counts,
        progress=progress,
    )
