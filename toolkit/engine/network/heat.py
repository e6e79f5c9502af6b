"""Net heat: which designs the inconsistency of a network comes from.

References
----------
Krahn, Binder, Koenig 2013, BMC Med Res Methodol 13:35. doi:10.1186/1471-2288-13-35
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from toolkit.engine.data import Effects, FloatArray, IntArray
from toolkit.engine.network.blocks import make_blocks, relabel
from toolkit.engine.network.designs import Design, design_nodes, find_designs
from toolkit.engine.network.gls import Fit, Model
from toolkit.engine.network.tau2 import tau2_dersimonian_laird
from toolkit.model.errors import NotEstimable

__all__ = ["DesignContrast", "NetHeat", "net_heat"]

MIN_DESIGNS = 3  # with two designs detaching one leaves nothing to compare with


@dataclass(frozen=True, slots=True, kw_only=True)
class DesignContrast:
    """One row of a net heat matrix: ``treatment`` against ``base``, as the studies of ``design`` estimate it."""

    design: str
    base: str
    treatment: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NetHeat:
    """Inconsistency by design contrast; D rows.

    Attributes
    ----------
    contrasts : (D,) what the rows are; a design of *a* treatments has *a* - 1, against the reference where it has it
    q : (D,) each contrast's part of Q between designs (parts of a multi-arm design can be negative)
    q_diff : (D, D) change of row's part of Q when the column's design is detached; positive: the column's design is
        inconsistent with the row's
    hat : (D, D) share of the column's direct estimate in the row's network estimate (Krahn's H)
    tau2_within : between-study variance within designs used in the weights, 0 for common effect
    """

    contrasts: tuple[DesignContrast, ...]
    q: FloatArray
    q_diff: FloatArray
    hat: FloatArray
    tau2_within: float


def net_heat(effects: Effects, reference: str, model: str = "random") -> NetHeat:
    """Net heat matrix of a connected network.

    Parameters
    ----------
    effects : the data
    reference : treatment that is the base of every design that holds it
    model : "random" weights with the variance within designs (generalised DerSimonian-Laird), "common" without

    Raises
    ------
    NotEstimable
        If there are fewer than three designs.
    """
    designs = find_designs(effects)
    if len(designs) < MIN_DESIGNS:
        raise NotEstimable(f"A net heat plot needs at least {MIN_DESIGNS} designs; this network has {len(designs)}.")
    blocks = make_blocks(effects)
    nodes = design_nodes(effects, blocks, designs)
    full = Model(relabel(blocks, nodes), int(nodes.max()) + 1)
    tau2 = tau2_dersimonian_laird(full).value if model == "random" and full.df > 0 else 0.0
    rows = [_rows(effects, design, reference) for design in designs]
    owner = np.concatenate([np.full(len(r), d) for d, r in enumerate(rows)])
    at_design = _contrast_matrix(rows, nodes, designs, full.n_nodes)
    direct = full.solve(tau2)
    V = at_design @ direct.cov @ at_design.T
    W = np.zeros_like(V)
    for d in range(len(designs)):
        own = np.flatnonzero(owner == d)
        W[np.ix_(own, own)] = np.linalg.inv(V[np.ix_(own, own)])
    theta = at_design @ direct.beta

    def parts(separate: set[int]) -> tuple[FloatArray, FloatArray, Fit]:
        there = design_nodes(effects, blocks, designs, separate)
        fitted = Model(relabel(blocks, there), int(there.max()) + 1)
        X = _contrast_matrix(rows, there, designs, fitted.n_nodes)
        fit = fitted.solve(tau2)
        r = theta - X @ fit.beta
        return r * (W @ r), X, fit

    q, X, fit = parts(set())
    detached = [parts({d})[0] for d in range(len(designs))]
    return NetHeat(
        contrasts=tuple(
            DesignContrast(design=designs[d].label, base=effects.treatments[b], treatment=effects.treatments[t])
            for d, own in enumerate(rows)
            for b, t in own
        ),
        q=q,
        q_diff=np.column_stack([q - detached[d] for d in owner]),
        hat=X @ fit.cov @ X.T @ W,
        tau2_within=tau2,
    )


def _rows(effects: Effects, design: Design, reference: str) -> list[tuple[int, int]]:
    """(base, treatment) indices of a design's contrasts."""
    base = reference if reference in design.treatments else design.treatments[0]
    b = effects.treatments.index(base)
    return [(b, effects.treatments.index(t)) for t in design.treatments if t != base]


def _contrast_matrix(
    rows: Sequence[Sequence[tuple[int, int]]], nodes: IntArray, designs: Sequence[Design], n_nodes: int
) -> FloatArray:
    """(D, nodes) treatment minus base of every design contrast, in the nodes of a model."""
    X = np.zeros((sum(map(len, rows)), n_nodes))
    r = 0
    for design, own in zip(designs, rows, strict=True):
        study = design.studies[0]
        for base, treatment in own:
            X[r, nodes[study, treatment]] = 1.0
            X[r, nodes[study, base]] = -1.0
            r += 1
    return X
