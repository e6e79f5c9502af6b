"""How much each direct comparison, and each study, contributes to a network estimate.

The row of the hat matrix of a comparison is a flow of evidence of size one from one treatment to the other through the
graph of direct comparisons (Koenig 2013). It is cut into paths; a path's share is divided equally among its edges.
The three methods differ in how they cut (Davies 2022; Ruecker 2024).

References
----------
Koenig, Krahn, Binder 2013, Stat Med 32:5414-5429. doi:10.1002/sim.6001
Papakonstantinou, Nikolakopoulou, Ruecker, Chaimani, Schwarzer, Egger, Salanti 2018, F1000Research 7:610.
    doi:10.12688/f1000research.14770.3
Davies, Papakonstantinou, Nikolakopoulou, Ruecker, Galla 2022, Stat Med 41:2091-2114. doi:10.1002/sim.9346
Ruecker, Papakonstantinou, Nikolakopoulou, Schwarzer, Galla, Davies 2024, Res Synth Methods 15:712-726.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from toolkit.engine.data import Effects, FloatArray, IntArray
from toolkit.engine.network.direct import Pairs, all_pairs
from toolkit.engine.network.fit import consistency_model
from toolkit.engine.network.views import chosen_model
from toolkit.engine.results import NetworkResult
from toolkit.model.errors import InputError, NotEstimable

__all__ = ["CONTRIBUTION_METHODS", "Contributions", "contributions", "contributions_by_level"]

# Flows below this are rounding: a unit of evidence is split into parts, and paths of such parts change no shown digit.
NO_FLOW = 1e-12
# Floats held at once by the random walk (about 64 MB).
CHUNK = 8_000_000
# The pseudoinverse lists every path of evidence; beyond this a network needs one of the other methods.
MAX_PATHS = 20_000
NOT_JUDGED = "not judged"


@dataclass(frozen=True, slots=True, kw_only=True)
class Contributions:
    """Proportions that direct comparisons (edges) contribute to network estimates (rows); each row sums to one.

    Attributes
    ----------
    comparisons : (R,) (t1, t2) of each row; all pairs of treatments
    edges : (E,) (t1, t2) of the comparisons with direct evidence
    hat : (R, E) evidence flow: signed weight of the edge's direct estimate in the row's network estimate
    proportion : (R, E) contribution of each edge
    studies : names of the studies
    study_proportion : (R, S) contribution of each study: the edges', shared by the weights of the studies in them
    method, model : how they were found
    """

    comparisons: tuple[tuple[str, str], ...]
    edges: tuple[tuple[str, str], ...]
    hat: FloatArray
    proportion: FloatArray
    studies: tuple[str, ...]
    study_proportion: FloatArray
    method: str
    model: str


def contributions(
    effects: Effects, result: NetworkResult, method: str = "random walk", model: str = "random"
) -> Contributions:
    """Contributions of comparisons and studies.

    Parameters
    ----------
    effects, result : the data and their fit
    method : a key of `CONTRIBUTION_METHODS`
    model : "random" or "common"

    Notes
    -----
    A study's share of an edge is its weight in the fit. netmeta 3.3 shares by ``1 / (v + tau2)`` with the common-effect
    adjusted variance of multi-arm pairs, which is slightly different for studies of three arms and more.

    Raises
    ------
    InputError
        If the method is unknown.
    NotEstimable
        If the model was not estimable, or the pseudoinverse meets too many paths.
    """
    if method not in CONTRIBUTION_METHODS:
        raise InputError("Unknown method.", value=method, allowed=", ".join(CONTRIBUTION_METHODS))
    chosen_model(result, model)
    tau2 = result.tau2.value if model == "random" and result.tau2 is not None else 0.0
    T = len(effects.treatments)
    pairs = all_pairs(effects, tau2)
    weight = pairs.w_common if pairs.w_random is None else pairs.w_random
    code, edge_of = np.unique(pairs.t1 * T + pairs.t2, return_inverse=True)
    ends = np.column_stack([code // T, code % T])
    total = np.bincount(edge_of, weights=weight).astype(float)
    first, second = np.triu_indices(T, 1)
    C = consistency_model(effects).solve(tau2).cov
    D = C[first] - C[second]
    hat = (D[:, ends[:, 0]] - D[:, ends[:, 1]]) * total
    hat[np.abs(hat) < NO_FLOW] = 0.0
    proportion = CONTRIBUTION_METHODS[method](hat, ends, np.column_stack([first, second]), T)
    names = effects.treatments
    return Contributions(
        comparisons=tuple((names[i], names[j]) for i, j in zip(first, second, strict=True)),
        edges=tuple((names[i], names[j]) for i, j in ends),
        hat=hat,
        proportion=proportion,
        studies=effects.studies,
        study_proportion=proportion @ _study_shares(pairs, weight, edge_of, total, len(effects.studies)),
        method=method,
        model=model,
    )


def contributions_by_level(found: Contributions, level: Mapping[str, str]) -> tuple[tuple[str, ...], FloatArray]:
    """Levels of a judgement on the studies, by name, and (R, L) what studies of each level contribute to each row.

    Parameters
    ----------
    found : contributions of the studies
    level : judgement of each study, such as risk of bias; a study without one is "not judged"
    """
    of = [level.get(s) or NOT_JUDGED for s in found.studies]
    levels = tuple(sorted(set(of)))
    member = np.array([[name == own for name in levels] for own in of], dtype=float)
    return levels, found.study_proportion @ member


def _study_shares(pairs: Pairs, weight: FloatArray, edge_of: IntArray, total: FloatArray, n: int) -> FloatArray:
    """(E, S) share of each study in the weight of each edge."""
    shares = np.zeros((len(total), n))
    np.add.at(shares, (edge_of, pairs.study), weight / total[edge_of])
    return shares


def _random_walk(hat: FloatArray, ends: IntArray, rows: IntArray, T: int) -> FloatArray:
    """Walkers leave the first treatment and follow the flow; closed form over path lengths, no path is listed.

    With ``A[l, u]`` the probability to be at u after l steps and ``B[m, v]`` that to arrive in m steps from v, an edge
    u -> v carries ``P[u, v] sum_lm A[l, u] B[m, v] / (l + m + 1)``.
    """
    out = np.empty_like(hat)
    step = max(1, CHUNK // (T * T))
    for low in range(0, len(rows), step):
        part = slice(low, low + step)
        out[part] = _walk(hat[part], ends, rows[part], T)
    return out


def _walk(hat: FloatArray, ends: IntArray, rows: IntArray, T: int) -> FloatArray:
    R = len(rows)
    P = np.zeros((R, T, T))
    P[:, ends[:, 0], ends[:, 1]] = np.maximum(hat, 0.0)
    P[:, ends[:, 1], ends[:, 0]] = np.maximum(-hat, 0.0)
    outflow = P.sum(axis=2, keepdims=True)
    P = np.divide(P, outflow, out=np.zeros_like(P), where=outflow > 0)
    each = np.arange(R)
    P[each, rows[:, 1], :] = 0.0
    start, end = np.zeros((R, 1, T)), np.zeros((R, T, 1))
    start[each, 0, rows[:, 0]] = 1.0
    end[each, rows[:, 1], 0] = 1.0
    forward, backward = [start], [end]
    for _ in range(T - 1):
        if not forward[-1].any():
            break
        forward.append(forward[-1] @ P)
        backward.append(P @ backward[-1])
    A, B = np.concatenate(forward, axis=1), np.concatenate(backward, axis=2)
    length = np.arange(A.shape[1])
    K = 1.0 / (length[:, None] + length[None, :] + 1)
    share = P * (A.swapaxes(1, 2) @ (K @ B.swapaxes(1, 2)))
    both: FloatArray = share[:, ends[:, 0], ends[:, 1]] + share[:, ends[:, 1], ends[:, 0]]
    return both


def _outgoing(flow: FloatArray, ends: IntArray) -> dict[int, list[tuple[int, int]]]:
    """(next treatment, edge) of each treatment along the flow."""
    out: dict[int, list[tuple[int, int]]] = {}
    for e in np.flatnonzero(np.abs(flow) > NO_FLOW):
        u, v = (int(x) for x in (ends[e] if flow[e] > 0 else ends[e][::-1]))
        out.setdefault(u, []).append((v, int(e)))
    return {u: sorted(step) for u, step in out.items()}


def _shortest_path(hat: FloatArray, ends: IntArray, rows: IntArray, T: int) -> FloatArray:
    """Greedy: the path with fewest edges carries as much as it can, is taken off, and so on.

    Among paths of equal length the one that comes first in the order of the treatments is taken.
    """
    out = np.zeros_like(hat)
    for r, (source, sink) in enumerate(rows):
        flow = hat[r].copy()
        while True:
            path = _fewest_edges(_outgoing(flow, ends), int(source), int(sink))
            if path is None:
                break
            size = float(np.min(np.abs(flow[path])))
            flow[path] -= np.sign(flow[path]) * size
            out[r, path] += size / len(path)
    return out


def _fewest_edges(out: dict[int, list[tuple[int, int]]], source: int, sink: int) -> list[int] | None:
    came: dict[int, tuple[int, int]] = {}
    layer = [source]
    seen = {source}
    while layer and sink not in seen:
        after = []
        for u in layer:
            for v, e in out.get(u, ()):
                if v not in seen:
                    seen.add(v)
                    came[v] = (u, e)
                    after.append(v)
        layer = after
    if sink not in came:
        return None
    path = []
    at = sink
    while at != source:
        at, e = came[at]
        path.append(e)
    return path


def _paths(out: dict[int, list[tuple[int, int]]], source: int, sink: int) -> Iterator[list[int]]:
    """Every path along the flow, which has no cycles."""
    stack: list[tuple[int, list[int]]] = [(source, [])]
    while stack:
        u, path = stack.pop()
        if u == sink:
            yield path
            continue
        stack += [(v, [*path, e]) for v, e in out.get(u, ())]


def _pseudoinverse(hat: FloatArray, ends: IntArray, rows: IntArray, T: int) -> FloatArray:
    """Path weights of least Euclidean length whose sum over the paths through each edge is the edge's flow."""
    out = np.zeros_like(hat)
    for r, (source, sink) in enumerate(rows):
        paths = []
        for path in _paths(_outgoing(hat[r], ends), int(source), int(sink)):
            paths.append(path)
            if len(paths) > MAX_PATHS:
                raise NotEstimable(
                    f"The pseudoinverse lists every path of evidence and this network has more than {MAX_PATHS} of "
                    "them for one comparison; use the random walk."
                )
        Z = np.zeros((hat.shape[1], len(paths)))
        for p, path in enumerate(paths):
            Z[path, p] = 1.0
        weights = np.linalg.lstsq(Z, np.abs(hat[r]), rcond=None)[0]
        out[r] = Z @ (weights / Z.sum(axis=0))
    return out


CONTRIBUTION_METHODS = {
    "random walk": _random_walk,
    "shortest path": _shortest_path,
    "pseudoinverse": _pseudoinverse,
}
