"""What hangs together in a network: sub-networks, distances, loops."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components, shortest_path

from toolkit.engine.data import Effects, Excluded, FloatArray, IntArray
from toolkit.engine.network.blocks import arms_of_studies, take_studies
from toolkit.model.errors import NotEstimable
from toolkit.model.wording import counted

__all__ = ["Connection", "connection", "independent_loops", "largest_subnetwork", "require_connected"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Connection:
    """How the treatments hang together; order of ``treatments`` throughout.

    Attributes
    ----------
    adjacency : (T, T) number of studies that compare two treatments directly
    distance : (T, T) fewest comparisons from one treatment to another, inf between sub-networks
    subnetworks : treatments of each sub-network, largest first
    subnetwork_studies : studies of each sub-network
    n_loops : independent closed loops in the graph of comparisons (edges - treatments + sub-networks)
    """

    treatments: tuple[str, ...]
    adjacency: IntArray
    distance: FloatArray
    subnetworks: tuple[tuple[str, ...], ...]
    subnetwork_studies: tuple[tuple[str, ...], ...]
    n_loops: int


def connection(effects: Effects) -> Connection:
    """Sub-networks, distances and loops of `effects`."""
    T = len(effects.treatments)
    adjacency = np.zeros((T, T), dtype=np.int64)
    arms = arms_of_studies(effects)
    for members in arms:
        for i, j in combinations(members, 2):
            adjacency[i, j] += 1
            adjacency[j, i] += 1
    n, label = connected_components(adjacency, directed=False)
    order = sorted(range(n), key=lambda c: (-int(np.sum(label == c)), int(np.argmax(label == c))))
    return Connection(
        treatments=effects.treatments,
        adjacency=adjacency,
        distance=shortest_path(adjacency > 0, directed=False, unweighted=True),
        subnetworks=tuple(tuple(t for t, c in zip(effects.treatments, label, strict=True) if c == k) for k in order),
        subnetwork_studies=tuple(
            tuple(s for s, members in zip(effects.studies, arms, strict=True) if label[members[0]] == k) for k in order
        ),
        n_loops=int(np.count_nonzero(np.triu(adjacency))) - T + n,
    )


def independent_loops(designs: Iterable[Collection[str]]) -> int:
    """Closed loops that need more than one study: those inside a single multi-arm study do not count.

    Parameters
    ----------
    designs : treatments of each design

    Notes
    -----
    The cycle rank of the graph that joins treatments to the designs that hold them, over the designs that are not part
    of a larger one: a study of two arms closes no loop with a study of three that holds both. Where that is 0 smaller
    studies may still close a loop among themselves, so the count is repeated without the designs of most treatments.

    Examples
    --------
    >>> independent_loops(["abc", "ab"]), independent_loops(["abc", "ab", "bc", "ac"])
    (0, 1)
    """
    distinct = {frozenset(d) for d in designs}
    for size in sorted({len(d) for d in distinct}, reverse=True):
        rank = _cycle_rank({d for d in distinct if len(d) <= size})
        if rank > 0:
            return rank
    return 0


def _cycle_rank(distinct: set[frozenset[str]]) -> int:
    """Edges - vertices + pieces of the graph of treatments and largest designs."""
    holders: dict[str, list[frozenset[str]]] = {}
    for d in distinct:
        if len(d) > 2:
            for t in d:
                holders.setdefault(t, []).append(d)
    largest = [d for d in distinct if not any(d < other for other in min((holders.get(t, []) for t in d), key=len))]
    place = {t: i for i, t in enumerate({t for d in largest for t in d})}
    ends = np.array([(place[t], len(place) + k) for k, d in enumerate(largest) for t in d])
    n = len(place) + len(largest)
    graph = coo_matrix((np.ones(len(ends)), (ends[:, 0], ends[:, 1])), shape=(n, n))
    return len(ends) - n + int(connected_components(graph, directed=False)[0])


def require_connected(effects: Effects) -> None:
    """Pass a connected network.

    Raises
    ------
    NotEstimable
        If it is in several pieces; the text lists them.
    """
    T = len(effects.treatments)
    graph = coo_matrix((np.ones(len(effects.t1)), (effects.t1, effects.t2)), shape=(T, T))
    if int(connected_components(graph, directed=False)[0]) == 1:
        return
    found = connection(effects)
    lines = [
        f"  {i}. {', '.join(names)} ({counted(len(studies), 'study')})"
        for i, (names, studies) in enumerate(zip(found.subnetworks, found.subnetwork_studies, strict=True), start=1)
    ]
    raise NotEstimable(
        f"The network is in {len(lines)} pieces that no study connects, so treatments of different pieces cannot be "
        "compared:\n" + "\n".join(lines) + "\nAnalyse one piece (largest_subnetwork, --largest), or bring in a study "
        "that connects them."
    )


def largest_subnetwork(effects: Effects) -> Effects:
    """The piece of a disconnected network with most treatments; the other studies are excluded with the reason."""
    found = connection(effects)
    if len(found.subnetworks) == 1:
        return effects
    inside = set(found.subnetwork_studies[0])
    left_out = tuple(
        Excluded(study=s, reason="not connected to the largest sub-network") for s in effects.studies if s not in inside
    )
    kept = take_studies(effects, [i for i, s in enumerate(effects.studies) if s in inside])
    return replace(kept, excluded=(*kept.excluded, *left_out))
