"""Step 5: pairs to clusters that hold no forbidden pair and do not depend on the order of the input."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence

import numpy as np
import numpy.typing as npt

from toolkit.dedup.decide import Decisions
from toolkit.dedup.rules import APART, ASK, MERGE

__all__ = ["cluster", "review_pairs"]

IntArray = npt.NDArray[np.int64]


def cluster(
    decisions: Decisions,
    ids: Sequence[str],
    *,
    together: Iterable[tuple[int, int]] = (),
    apart: Iterable[tuple[int, int]] = (),
) -> IntArray:
    """Cluster number of each record: the position of the member with the smallest id.

    Edges are taken from the strongest to the weakest; one that would bring a forbidden pair into one cluster is
    left out. So a component that holds a forbidden pair falls apart at the weakest edge between its two records.

    Parameters
    ----------
    decisions : decided pairs
    ids : record ids; ties are broken by id, so that input order plays no part
    together : pairs that are one report already (earlier assignments, a person's word)
    apart : pairs that a person keeps apart
    """
    rank = _rank(ids)
    groups = _Groups(rank)
    edges = np.flatnonzero(decisions.band == MERGE)
    left, right = decisions.left[edges], decisions.right[edges]
    together = list(together)
    component = _components(len(ids), left, right, together)
    could_meet = decisions.forbids & (component[decisions.left] == component[decisions.right])
    for k in np.flatnonzero(could_meet).tolist():
        groups.forbid(int(decisions.left[k]), int(decisions.right[k]))
    for i, j in apart:
        groups.forbid(i, j)
    for i, j in together:
        groups.join(i, j, force=True)
    low, high = np.minimum(rank[left], rank[right]), np.maximum(rank[left], rank[right])
    order = np.lexsort((high, low, -np.round(decisions.score[edges], 9)))
    for i, j in zip(left[order].tolist(), right[order].tolist(), strict=True):
        groups.join(i, j)
    clusters = np.arange(len(ids), dtype=np.int64)
    joined = np.flatnonzero(np.bincount(component, minlength=1)[component] > 1)
    clusters[joined] = [groups.find(k) for k in joined.tolist()]
    return clusters


def _components(n: int, left: IntArray, right: IntArray, together: Sequence[tuple[int, int]]) -> IntArray:
    """A number per record, equal where merges and what is joined already would connect, were nothing forbidden."""
    more = np.array(together, dtype=np.int64).reshape(-1, 2)
    left, right = np.concatenate((left, more[:, 0])), np.concatenate((right, more[:, 1]))
    component = np.arange(n, dtype=np.int64)
    while True:
        low = np.minimum(component[left], component[right])
        if (low == component[left]).all() and (low == component[right]).all():
            return component
        np.minimum.at(component, component[left], low)
        np.minimum.at(component, component[right], low)
        component = component[component]


class _Groups:
    """Disjoint sets of records, named by the member of lowest rank, that refuse to bring forbidden pairs together."""

    def __init__(self, rank: IntArray) -> None:
        self.rank = rank.tolist()
        self.parent = list(range(len(rank)))
        self.members: dict[int, list[int]] = {}
        self.enemies: dict[int, set[int]] = defaultdict(set)

    def find(self, k: int) -> int:
        parent = self.parent
        while parent[k] != k:
            parent[k] = parent[parent[k]]
            k = parent[k]
        return k

    def forbid(self, i: int, j: int) -> None:
        self.enemies[i].add(j)
        self.enemies[j].add(i)

    def join(self, i: int, j: int, *, force: bool = False) -> None:
        a, b = self.find(i), self.find(j)
        if a == b or not (force or self._are_friends(a, b)):
            return
        low, high = (a, b) if self.rank[a] < self.rank[b] else (b, a)
        self.parent[high] = low
        self.members[low] = self.members.pop(low, [low]) + self.members.pop(high, [high])

    def _are_friends(self, a: int, b: int) -> bool:
        inside, other = self.members.get(a, [a]), self.members.get(b, [b])
        if len(inside) > len(other):
            inside, other = other, inside
        others = set(other)
        return not any(self.enemies[k] & others for k in inside if k in self.enemies)


def review_pairs(
    decisions: Decisions, clusters: IntArray, ids: Sequence[str], *, settled: Iterable[tuple[int, int]] = ()
) -> IntArray:
    """Positions in ``decisions`` of the pairs to ask a person about: one, the strongest, per pair of clusters.

    Pairs that would bring a forbidden pair together are not asked; nor are those already ``settled`` by a person.
    """
    a, b = clusters[decisions.left], clusters[decisions.right]
    low, high = np.minimum(a, b), np.maximum(a, b)
    key = low * len(clusters) + high
    forbidden = np.unique(key[decisions.forbids & (decisions.band == APART)])
    done = {tuple(sorted((int(clusters[i]), int(clusters[j])))) for i, j in settled}
    asked = np.flatnonzero((decisions.band >= ASK) & (a != b) & ~np.isin(key, forbidden))
    some = np.unique(np.concatenate((decisions.left[asked], decisions.right[asked])))
    rank = _rank([ids[k] for k in some.tolist()])
    first = rank[np.searchsorted(some, decisions.left[asked])]
    second = rank[np.searchsorted(some, decisions.right[asked])]
    order = np.lexsort((np.maximum(first, second), np.minimum(first, second), -np.round(decisions.score[asked], 9)))
    seen: set[int] = set()
    kept = []
    for k in asked[order].tolist():
        if key[k] not in seen and (int(low[k]), int(high[k])) not in done:
            seen.add(int(key[k]))
            kept.append(k)
    return np.array(kept, dtype=np.int64)


def _rank(ids: Sequence[str]) -> IntArray:
    rank = np.empty(len(ids), dtype=np.int64)
    rank[sorted(range(len(ids)), key=ids.__getitem__)] = np.arange(len(ids))
    return rank
