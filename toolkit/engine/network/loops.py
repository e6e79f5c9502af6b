"""Loop-specific inconsistency: do the direct estimates around a closed loop add up to nothing?

References
----------
Bucher, Guyatt, Griffith, Walter 1997, J Clin Epidemiol 50:683-691. doi:10.1016/S0895-4356(97)00049-8
Veroniki, Vasiliadis, Higgins, Salanti 2013, Int J Epidemiol 42:332-345. doi:10.1093/ije/dys222
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from toolkit.engine.data import Effects, FloatArray, IntArray
from toolkit.engine.network._intervals import symmetric_estimate
from toolkit.engine.network.blocks import make_blocks
from toolkit.engine.network.connect import connection
from toolkit.engine.network.direct import Direct, Pairs, all_pairs, pool_direct
from toolkit.engine.results import Estimate, NetworkResult
from toolkit.model.errors import InputError

__all__ = ["LOOP_TAU2", "Loop", "loop_inconsistency"]

LOOP_TAU2 = ("loop", "comparison", "network", "common")


@dataclass(frozen=True, slots=True, kw_only=True)
class Loop:
    """One closed loop of direct comparisons.

    Attributes
    ----------
    treatments : in order around the loop
    studies : number of studies in the loop
    difference : direct minus indirect (the sum of the direct estimates around the loop), signed for the first
        treatment against the second; on the log scale its exponential is the ratio of odds ratios. None with
        ``reason`` where every study holds the whole loop and nothing can disagree
    tau2 : between-study variance that was used; one a comparison for "comparison" (around the loop)
    """

    treatments: tuple[str, ...]
    studies: int
    difference: Estimate | None
    tau2: tuple[float, ...]
    reason: str | None


def loop_inconsistency(effects: Effects, result: NetworkResult, tau2: str = "loop") -> tuple[Loop, ...]:
    """Inconsistency of each loop of three treatments, and of four without a short cut, largest first.

    Parameters
    ----------
    effects, result : the data and their fit
    tau2 : "loop", DerSimonian and Laird over the comparisons of the loop; "comparison", one for each comparison (0 with
        a single study); "network", that of the fit; "common", none

    Notes
    -----
    A multi-arm study that holds several comparisons of a loop enters each of them, and the covariance of its contrasts
    enters the variance of the sum: it adds nothing to the sum, so it dilutes the inconsistency of the others and never
    counts twice. Stata's ``ifplot`` drops such studies from one comparison instead.

    Raises
    ------
    InputError
        If `tau2` is unknown.
    NotEstimable
        If "network" is asked for where the fit has no between-study variance.
    """
    if tau2 not in LOOP_TAU2:
        raise InputError("Unknown between-study variance of loops.", value=tau2, allowed=", ".join(LOOP_TAU2))
    if tau2 == "network":
        from toolkit.engine.network.views import chosen_model

        chosen_model(result, "random")
        if result.between is not None:
            text = "The network has several between-study variances; loops take one."
            raise InputError(text, value=tau2, allowed="loop, comparison, common")
    names = effects.treatments
    pairs = all_pairs(effects)
    direct = pool_direct(pairs, len(names), 0.0)
    edge = {(int(i), int(j)): c for c, (i, j) in enumerate(zip(direct.t1, direct.t2, strict=True))}
    covariances = _arm_covariances(effects)
    given = 0.0 if result.tau2 is None or tau2 == "common" else result.tau2.value
    found = []
    for loop in _loops(connection(effects).adjacency):
        around = [(loop[k], loop[(k + 1) % len(loop)]) for k in range(len(loop))]
        edges = [edge[min(a, b), max(a, b)] for a, b in around]
        used = _variances(pairs, direct, edges, tau2, given)
        found.append(_sum_around(effects, pairs, direct, (loop, around, edges), used, covariances, result.spec.level))
    return tuple(sorted(found, key=lambda x: -abs(x.difference.statistic) if x.difference is not None else 1.0))


def _loops(adjacency: IntArray) -> list[tuple[int, ...]]:
    """Triangles, and cycles of four treatments without a chord."""
    joined = adjacency > 0
    T = len(joined)
    loops: list[tuple[int, ...]] = []
    for a, b in combinations(range(T), 2):
        if not joined[a, b]:
            continue
        loops += [(a, b, c) for c in range(b + 1, T) if joined[b, c] and joined[a, c]]
    for a in range(T):
        far = [c for c in range(a + 1, T) if not joined[a, c]]
        for c in far:
            shared = [b for b in range(a + 1, T) if joined[a, b] and joined[b, c]]
            loops += [(a, b, c, d) for b, d in combinations(shared, 2) if not joined[b, d]]
    return loops


def _arm_covariances(effects: Effects) -> list[tuple[dict[int, int], FloatArray]]:
    """Of each study the place of each arm, and a covariance of arms whose contrasts vary as the study says."""
    out: list[tuple[dict[int, int], FloatArray]] = [({}, np.zeros((0, 0)))] * len(effects.studies)
    for b in make_blocks(effects):
        for s, nodes, V in zip(b.study.tolist(), b.nodes.tolist(), b.V, strict=True):
            C = np.zeros((len(nodes), len(nodes)))
            C[1:, 1:] = V
            out[s] = ({node: at for at, node in enumerate(nodes)}, C)
    return out


def _variances(pairs: Pairs, direct: Direct, edges: Sequence[int], tau2: str, given: float) -> list[float]:
    """tau2 of each comparison around the loop."""
    if tau2 in ("network", "common"):
        return [given] * len(edges)
    q = direct.q[edges]
    k = direct.k[edges]
    w = 1 / pairs.v
    first, second = (np.bincount(direct.row, weights=w**p)[edges] for p in (1, 2))
    room = first - second / first
    if tau2 == "comparison":
        safe = np.where(k > 1, room, 1.0)
        return [float(x) for x in np.where(k > 1, np.maximum((q - (k - 1)) / safe, 0.0), 0.0)]
    total = float(room[k > 1].sum())
    value = max(float((q - (k - 1)).sum()) / total, 0.0) if total > 0 else 0.0
    return [value] * len(edges)


def _sum_around(
    effects: Effects,
    pairs: Pairs,
    direct: Direct,
    where: tuple[tuple[int, ...], Sequence[tuple[int, int]], Sequence[int]],
    tau2: Sequence[float],
    covariances: Sequence[tuple[dict[int, int], FloatArray]],
    level: float,
) -> Loop:
    loop, around, edges = where
    total = 0.0
    weights: dict[int, dict[int, float]] = {}  # study -> arm -> coefficient in the sum
    spread: dict[int, list[float]] = {}
    for (a, b), c, t in zip(around, edges, tau2, strict=True):
        rows = np.flatnonzero(direct.row == c)
        w = 1 / (pairs.v[rows] + t)
        share = w / w.sum()
        sign = 1.0 if a < b else -1.0
        total += sign * float(share @ pairs.te[rows])
        for r, part in zip(rows, share, strict=True):
            own = weights.setdefault(int(pairs.study[r]), {})
            own[a] = own.get(a, 0.0) + float(part)
            own[b] = own.get(b, 0.0) - float(part)
            spread.setdefault(int(pairs.study[r]), []).append(t)
    variance = 0.0
    for s, own in weights.items():
        place, C = covariances[s]
        x = np.zeros(len(place))
        for t, coefficient in own.items():
            x[place[t]] = coefficient
        # Arms that each vary by half of tau2: every contrast then varies by tau2.
        variance += float(x @ C @ x) + float(np.mean(spread[s])) / 2 * float(x @ x)
    difference, reason = None, None
    if all(set(loop) <= set(covariances[s][0]) for s in weights):
        reason = "only multi-arm studies that hold the whole loop close it, so nothing in it can disagree"
    else:
        difference = symmetric_estimate(total, float(np.sqrt(variance)), level, "direct minus indirect in the loop")
    return Loop(
        treatments=tuple(effects.treatments[t] for t in loop),
        studies=len(weights),
        difference=difference,
        tau2=tuple(tau2),
        reason=reason,
    )
