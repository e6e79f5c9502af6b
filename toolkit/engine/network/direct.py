"""Direct evidence: every pair of arms of every study, pooled comparison by comparison."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import isfinite

import numpy as np

from toolkit.engine.data import Effects, FloatArray, IntArray
from toolkit.engine.network._intervals import symmetric_estimate, symmetric_estimates
from toolkit.engine.network.blocks import Block, make_blocks
from toolkit.engine.network.gls import study_laplacians
from toolkit.engine.results import Comparison, Estimate

__all__ = [
    "Direct",
    "Pairs",
    "SeparateComparison",
    "all_pairs",
    "comparisons",
    "pool_direct",
    "separate_comparisons",
    "unit_table",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Pairs:
    """One row for every pair of arms of every study, ordered by study; effects are ``t1`` against ``t2``, t1 < t2.

    Attributes
    ----------
    study : (m,) index into ``Effects.studies``
    t1, t2 : (m,) treatment indices
    te, v : (m,) effect and its sampling variance as the study gives them
    w_common, w_random : (m,) weights that make the pairs of a multi-arm study independent (Ruecker 2012), at tau2 = 0
        and at the network's tau2 (None where that is not estimable)
    between : (m,) between-study variance of each pair per unit of tau2: 1 unless there are several
    """

    study: IntArray
    t1: IntArray
    t2: IntArray
    te: FloatArray
    v: FloatArray
    w_common: FloatArray
    w_random: FloatArray | None
    between: FloatArray


@dataclass(frozen=True, slots=True, kw_only=True)
class Direct:
    """Inverse-variance pooled direct evidence of each comparison, sorted by (t1, t2); ``k`` studies each.

    ``row`` maps each pair to its comparison; ``q`` is Cochran's Q, ``tau2_own`` the DerSimonian-Laird variance of the
    comparison alone (NaN with one study).
    """

    t1: IntArray
    t2: IntArray
    k: IntArray
    row: IntArray
    te: FloatArray
    se: FloatArray
    q: FloatArray
    tau2_own: FloatArray


@dataclass(frozen=True, slots=True, kw_only=True)
class SeparateComparison:
    """A pairwise meta-analysis of ``t1`` against ``t2``; with one study random effects, tau2 and I2 are None."""

    t1: str
    t2: str
    k: int
    common: Estimate
    random: Estimate | None
    tau2: float | None
    q: float
    df: int
    i2: float | None


def all_pairs(effects: Effects, tau2: float | None = None, blocks: Sequence[Block] | None = None) -> Pairs:
    """All pairs of arms with their reweighted standard errors."""
    parts = []
    for b in make_blocks(effects) if blocks is None else blocks:
        S, a = b.nodes.shape
        first, second = np.triu_indices(a, 1)
        theta = np.concatenate([np.zeros((S, 1)), b.y], axis=1)

        def pair(A: FloatArray, S: int = S, a: int = a) -> FloatArray:
            """Variance of every pair from the covariance of contrasts with the base arm."""
            C = np.zeros((S, a, a))
            C[:, 1:, 1:] = A
            i, j = np.triu_indices(a, 1)
            found: FloatArray = (C[:, i, i] + C[:, j, j] - 2 * C[:, i, j]).ravel()
            return found

        v = pair(b.V)
        swap = b.nodes[:, first] > b.nodes[:, second]
        te = theta[:, first] - theta[:, second]
        parts.append(
            (
                np.repeat(b.study, len(first)),
                np.where(swap, b.nodes[:, second], b.nodes[:, first]).ravel(),
                np.where(swap, b.nodes[:, first], b.nodes[:, second]).ravel(),
                np.where(swap, -te, te).ravel(),
                v,
                -study_laplacians(b, 0.0)[:, first, second].ravel(),
                np.full(v.size, np.nan) if tau2 is None else -study_laplacians(b, tau2)[:, first, second].ravel(),
                np.ones(v.size) if b.between is None else pair(b.between),
            )
        )
    study, t1, t2, te, v, wc, wr, between = (np.concatenate(column) for column in zip(*parts, strict=True))
    order = np.lexsort((t2, t1, study))
    return Pairs(
        study=study[order],
        t1=t1[order],
        t2=t2[order],
        te=te[order],
        v=v[order],
        w_common=wc[order],
        w_random=None if tau2 is None else wr[order],
        between=between[order],
    )


def pool_direct(pairs: Pairs, n_treatments: int, tau2: float) -> Direct:
    """Direct estimates with the between-study variance `tau2` common to the network (0: common effect)."""
    code, row = np.unique(pairs.t1 * n_treatments + pairs.t2, return_inverse=True)
    k = np.bincount(row)
    w = 1 / (pairs.v + tau2 * pairs.between)
    total = np.bincount(row, weights=w)
    te = np.bincount(row, weights=w * pairs.te) / total
    w0 = 1 / pairs.v
    total0 = np.bincount(row, weights=w0)
    te0 = np.bincount(row, weights=w0 * pairs.te) / total0
    q = np.bincount(row, weights=w0 * (pairs.te - te0[row]) ** 2)
    with np.errstate(invalid="ignore", divide="ignore"):
        own = (q - (k - 1)) / (total0 - np.bincount(row, weights=w0**2) / total0)
    own = np.where(k > 1, np.maximum(own, 0.0), np.nan)
    return Direct(
        t1=code // n_treatments,
        t2=code % n_treatments,
        k=k,
        row=row,
        te=te,
        se=1 / np.sqrt(total),
        q=np.where(k > 1, q, 0.0),
        tau2_own=own,
    )


def separate_comparisons(effects: Effects, level: float = 0.95) -> tuple[SeparateComparison, ...]:
    """A pairwise meta-analysis of each comparison, each with its own DerSimonian-Laird tau2.

    Multi-arm studies enter every comparison they hold, so the rows are not independent of one another.
    """
    pairs = all_pairs(effects)
    found = pool_direct(pairs, len(effects.treatments), 0.0)
    own = np.where(found.k > 1, found.tau2_own, 0.0)
    w = 1 / (pairs.v + own[found.row])
    total = np.bincount(found.row, weights=w)
    te = np.bincount(found.row, weights=w * pairs.te) / total
    rows = []
    for c in range(len(found.k)):
        k, q = int(found.k[c]), float(found.q[c])
        single = k == 1
        rows.append(
            SeparateComparison(
                t1=effects.treatments[found.t1[c]],
                t2=effects.treatments[found.t2[c]],
                k=k,
                common=symmetric_estimate(float(found.te[c]), float(found.se[c]), level, "common effect"),
                random=None
                if single
                else symmetric_estimate(float(te[c]), float(total[c] ** -0.5), level, "random effects (DL, Wald)"),
                tau2=None if single else float(own[c]),
                q=q,
                df=k - 1,
                i2=None if single else max(0.0, 1 - (k - 1) / q) if q > 0 else 0.0,
            )
        )
    return tuple(rows)


def comparisons(
    effects: Effects, pairs: Pairs, units: FloatArray, tau2: float | None, level: float
) -> tuple[Comparison, ...]:
    """Rows of direct evidence for the result: random effects with the network's tau2, common effect without one."""
    direct = pool_direct(pairs, len(effects.treatments), tau2 or 0.0)
    n = np.bincount(direct.row, weights=units[pairs.study, pairs.t1] + units[pairs.study, pairs.t2])
    method = "common effect" if tau2 is None else "random effects, tau2 of the network"
    studies: list[list[str]] = [[] for _ in direct.k]
    for c, s in zip(direct.row.tolist(), pairs.study.tolist(), strict=True):
        studies[c].append(effects.studies[s])
    pooled = symmetric_estimates(direct.te, direct.se, level, method)
    first, second, sizes = direct.t1.tolist(), direct.t2.tolist(), n.tolist()
    return tuple(
        Comparison(
            t1=effects.treatments[first[c]],
            t2=effects.treatments[second[c]],
            studies=tuple(names),
            n=sizes[c] if isfinite(sizes[c]) else None,
            direct=pooled[c],
        )
        for c, names in enumerate(studies)
    )


def unit_table(effects: Effects) -> FloatArray:
    """(S, T) units of each treatment in each study; NaN where the study has no such arm or does not say."""
    S, T = len(effects.studies), len(effects.treatments)
    own = np.full((S, T), np.nan)
    if effects.arms is None:
        return own
    study, treatment = ({x: i for i, x in enumerate(names)} for names in (effects.studies, effects.treatments))
    row = np.array([study.get(x, -1) for x in effects.arms.study])
    column = np.array([treatment.get(x, -1) for x in effects.arms.treatment])
    known = (row >= 0) & (column >= 0)
    own[row[known], column[known]] = effects.arms.n[known]
    return own
