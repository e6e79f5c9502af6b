"""Step 5: pairs to clusters that hold no forbidden pair and do not depend on the order of the input."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence

import numpy as np
import numpy.typing as npt

from toolkit.dedup.decide import Decisions
from toolkit.dedup.rules import ASK, MERGE

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
    n = len(ids)
    parent = list(range(n))
    members: dict[int, list[int]] = {}
    enemies: dict[int, set[int]] = defaultdict(set)
    rank = _rank(ids)

    def find(k: int) -> int:
        while parent[k] != k:
            parent[k] = parent[parent[k]]
            k = parent[k]
        return k

    def join(a: int, b: int, *, force: bool = False) -> None:
        a, b = find(a), find(b)
        if a == b:
            return
        if not force:
            inside, other = members.get(a, [a]), members.get(b, [b])
            if len(inside) > len(other):
                inside, other = other, inside
            others = set(other)
            if any(enemies[k] & others for k in inside if k in enemies):
                return
        low, high = (a, b) if rank[a] < rank[b] else (b, a)
        parent[high] = low
        members[low] = members.pop(low, [low]) + members.pop(high, [high])

    for k in np.flatnonzero(decisions.forbids).tolist():
        i, j = int(decisions.left[k]), int(decisions.right[k])
        enemies[i].add(j)
        enemies[j].add(i)
    for i, j in apart:
        enemies[i].add(j)
        enemies[j].add(i)
    for i, j in together:
        join(i, j, force=True)
    edges = np.flatnonzero(decisions.band == MERGE)
    left, right = decisions.left[edges], decisions.right[edges]
    low, high = np.minimum(rank[left], rank[right]), np.maximum(rank[left], rank[right])
    for k in np.lexsort((high, low, -np.round(decisions.score[edges], 9))).tolist():
        join(int(left[k]), int(right[k]))
    return np.array([find(k) for k in range(n)], dtype=np.int64)


def review_pairs(
    decisions: Decisions, clusters: IntArray, ids: Sequence[str], *, settled: Iterable[tuple[int, int]] = ()
) -> IntArray:
    """Positions in ``decisions`` of the pairs to ask a person about: one, the strongest, per pair of clusters.

    Pairs that would bring a forbidden pair together are not asked; nor are those already ``settled`` by a person.
    """
    a, b = clusters[decisions.left], clusters[decisions.right]
    low, high = np.minimum(a, b), np.maximum(a, b)
    key = low * len(clusters) + high
    forbidden = np.unique(key[decisions.forbids])
    done = {tuple(sorted((int(clusters[i]), int(clusters[j])))) for i, j in settled}
    asked = np.flatnonzero((decisions.band >= ASK) & (a != b) & ~np.isin(key, forbidden))
    rank = _rank(ids)
    first, second = rank[decisions.left[asked]], rank[decisions.right[asked]]
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
