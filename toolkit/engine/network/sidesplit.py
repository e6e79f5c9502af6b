"""Side-splitting with a refit: one parameter for direct minus indirect evidence of a comparison, tau2 estimated anew.

References
----------
Dias, Welton, Caldwell, Ades 2010, Stat Med 29:932-944. doi:10.1002/sim.3767
White 2015, Stata J 15:951-985 (allocation in multi-arm studies). doi:10.1177/1536867X1501500403
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from toolkit.engine.data import Effects
from toolkit.engine.network._intervals import symmetric_estimate
from toolkit.engine.network.blocks import Block, make_blocks
from toolkit.engine.network.connect import connection
from toolkit.engine.network.gls import Model, bordered
from toolkit.engine.network.tau2 import estimate_tau2
from toolkit.engine.results import Estimate, Tau2
from toolkit.model.errors import InputError

__all__ = ["ALLOCATIONS", "SideSplit", "side_split"]

# How the inconsistency of a multi-arm study that holds both treatments is laid on its arms: (treat1, treat2).
ALLOCATIONS = {"symmetric": (0.5, -0.5), "treat1": (1.0, 0.0), "treat2": (0.0, -1.0)}
# Part of the new column's weight that must remain after the other parameters for it to be estimable.
ALIASED = 1e-9


@dataclass(frozen=True, slots=True, kw_only=True)
class SideSplit:
    """Direct and indirect evidence on ``t1`` against ``t2`` from one model with an inconsistency parameter.

    None with ``reason`` where the parameter cannot be told from the others.
    """

    t1: str
    t2: str
    k: int
    allocation: str
    direct: Estimate | None
    indirect: Estimate | None
    difference: Estimate | None
    tau2: Tau2 | None
    reason: str | None


def side_split(
    effects: Effects,
    *,
    tau2: str = "REML",
    tau2_value: float | None = None,
    allocation: str = "symmetric",
    comparisons: Sequence[tuple[str, str]] | None = None,
    level: float = 0.95,
) -> tuple[SideSplit, ...]:
    """Side-splitting of comparisons with direct evidence.

    Parameters
    ----------
    effects : the data
    tau2, tau2_value : estimator for each split's own model, as in `NetworkSpec`
    allocation : a key of `ALLOCATIONS`; in a network of two-arm studies all agree
    comparisons : (treat1, treat2) pairs; all with direct evidence by default
    level : confidence level

    Raises
    ------
    InputError
        If the allocation is unknown or no study compares a pair directly.
    """
    if allocation not in ALLOCATIONS:
        raise InputError("Unknown allocation.", value=allocation, allowed=", ".join(ALLOCATIONS))
    blocks = make_blocks(effects)
    adjacency = connection(effects).adjacency
    names = effects.treatments
    if comparisons is None:
        wanted = [(i, j) for i in range(len(names)) for j in range(i + 1, len(names)) if adjacency[i, j]]
    else:
        wanted = [_pair(effects, a, b) for a, b in comparisons]
    rows = []
    for i, j in wanted:
        k = int(adjacency[i, j])
        if k == 0:
            raise InputError("No study compares these treatments directly.", value=f"{names[i]}, {names[j]}")
        model = Model(_with_column(blocks, i, j, ALLOCATIONS[allocation]), len(names))
        row = SideSplit(
            t1=names[i],
            t2=names[j],
            k=k,
            allocation=allocation,
            direct=None,
            indirect=None,
            difference=None,
            tau2=None,
            reason=_why_not(model),
        )
        rows.append(row if row.reason else _fitted(row, model, i, j, (tau2, tau2_value, level)))
    return tuple(rows)


def _pair(effects: Effects, a: str, b: str) -> tuple[int, int]:
    for name in (a, b):
        if name not in effects.treatments:
            raise InputError("Not a treatment of this network.", value=name, allowed=", ".join(effects.treatments))
    return effects.treatments.index(a), effects.treatments.index(b)


def _with_column(blocks: Sequence[Block], i: int, j: int, shares: tuple[float, float]) -> tuple[Block, ...]:
    """Blocks with the inconsistency column: `shares` on arms i and j of the studies that hold both."""
    out = []
    for b in blocks:
        first, second = b.nodes == i, b.nodes == j
        both = (first.any(axis=1) & second.any(axis=1))[:, None]
        out.append(replace(b, extra=(both * (first * shares[0] + second * shares[1]))[:, :, None]))
    return tuple(out)


def _why_not(model: Model) -> str | None:
    """Whether the last column is a combination of the others, in the common-effect weights."""
    N = model.assemble([bordered(w) for w in model.weights(0.0)])
    n = model.n_nodes
    free = model.free[model.free < n]
    left = N[n, n] - N[n, free] @ np.linalg.solve(N[np.ix_(free, free)], N[free, n])
    if left <= ALIASED * N[n, n]:
        return "no indirect evidence that can be told from the direct"
    if model.df == 0:
        return "no degrees of freedom are left for the between-study variance"
    return None


def _fitted(row: SideSplit, model: Model, i: int, j: int, how: tuple[str, float | None, float]) -> SideSplit:
    method, value, level = how
    tau2 = estimate_tau2(model, method, value)
    fit = model.solve(tau2.value)
    c = np.zeros(model.n_params)
    c[i], c[j] = 1.0, -1.0
    w = np.zeros(model.n_params)
    w[-1] = 1.0

    def estimate(v: np.ndarray[tuple[int], np.dtype[np.float64]], words: str) -> Estimate:
        return symmetric_estimate(float(v @ fit.beta), float(np.sqrt(v @ fit.cov @ v)), level, words)

    return replace(
        row,
        direct=estimate(c + w, "direct (side-split)"),
        indirect=estimate(c, "indirect (side-split)"),
        difference=estimate(w, "direct minus indirect"),
        tau2=tau2,
    )
