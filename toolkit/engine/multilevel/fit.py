"""Variance components of effects nested in clusters, by maximum or restricted maximum likelihood."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import brentq, minimize_scalar

from toolkit.engine.data import FloatArray
from toolkit.engine.glmm.optimise import maximise
from toolkit.engine.regression import check_design
from toolkit.model.errors import NotEstimable

__all__ = ["Blocks", "Components", "blocks_of", "fit_components", "marginal", "profile_interval", "working_covariance"]

# The likelihood falls at least as the logarithm of a variance: 4^20 times the effects' spread is past any bound.
_WIDENINGS = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Blocks:
    """Effects by cluster, in units of ``unit``: effects, sampling covariance and design of each cluster.

    ``batches`` has the same by size of cluster, effects before the design: (C, m, 1 + P) and (C, m, m).
    """

    y: tuple[FloatArray, ...]
    V: tuple[FloatArray, ...]
    X: tuple[FloatArray, ...]
    batches: tuple[tuple[FloatArray, FloatArray], ...]
    unit: float
    nested: bool

    @property
    def n(self) -> int:
        """Number of effects."""
        return sum(y.size for y in self.y)


@dataclass(frozen=True, slots=True, kw_only=True)
class Components:
    """A fitted model.

    Attributes
    ----------
    beta, vcov : (P,), (P, P) with the inverse of the marginal covariance as weight
    variances : between clusters and, for a nested model, within clusters
    log_likelihood : restricted or not, as metafor's constants
    q, df : residual heterogeneity without random effects
    converged, iterations : of the search
    """

    beta: FloatArray
    vcov: FloatArray
    variances: tuple[float, ...]
    log_likelihood: float
    q: float
    df: int
    converged: bool
    iterations: int


def working_covariance(v: FloatArray, rho: float) -> FloatArray:
    """Sampling covariance of one cluster whose effects correlate by ``rho``."""
    root = np.sqrt(v)
    covariance: FloatArray = rho * np.outer(root, root)
    np.fill_diagonal(covariance, v)
    return covariance


def blocks_of(y: FloatArray, v: FloatArray, X: FloatArray, cluster: Sequence[str], rho: float, nested: bool) -> Blocks:
    """Effects grouped by cluster, clusters in order of appearance."""
    check_design(X)
    members: dict[str, list[int]] = {}
    for at, name in enumerate(cluster):
        members.setdefault(name, []).append(at)
    if len(members) < 2:
        raise NotEstimable("A multilevel model takes at least two clusters.")
    rows = tuple(np.array(own, dtype=np.int64) for own in members.values())
    if nested and max(r.size for r in rows) == 1:
        raise NotEstimable(
            "Every cluster has one effect: variation between and within clusters cannot be told apart; "
            'structure="cluster" (--structure cluster) has the former alone.'
        )
    unit = float(np.sqrt(np.median(v)))
    own = [(y[r] / unit, working_covariance(v[r], rho) / unit**2, X[r]) for r in rows]
    batches = []
    for size in sorted({r.size for r in rows}):
        same = [part for part in own if part[0].size == size]
        batches.append((np.stack([np.column_stack([t, D]) for t, _, D in same]), np.stack([S for _, S, _ in same])))
    return Blocks(
        y=tuple(part[0] for part in own),
        V=tuple(part[1] for part in own),
        X=tuple(part[2] for part in own),
        batches=tuple(batches),
        unit=unit,
        nested=nested,
    )


def marginal(b: Blocks, variances: Sequence[float]) -> tuple[FloatArray, ...]:
    """Marginal covariance of each cluster, variances in the blocks' unit."""
    between = variances[0]
    within = variances[1] if b.nested else 0.0
    return tuple(V + between + within * np.eye(V.shape[0]) for V in b.V)


def _solve(b: Blocks, variances: Sequence[float]) -> tuple[FloatArray, FloatArray, float, float]:
    """beta, X'M^-1X, residual quadratic form, log|M|; clusters of one size are one batch."""
    p = b.X[0].shape[1]
    A, c, yy, log_det = np.zeros((p, p)), np.zeros(p), 0.0, 0.0
    between, within = variances[0], variances[1] if b.nested else 0.0
    for yX, V in b.batches:
        root = np.linalg.cholesky(V + between + within * np.eye(V.shape[-1]))
        z = np.linalg.solve(root, yX).reshape(-1, p + 1)
        gram = z.T @ z
        A += gram[1:, 1:]
        c += gram[1:, 0]
        yy += float(gram[0, 0])
        log_det += 2 * float(np.log(np.diagonal(root, axis1=1, axis2=2)).sum())
    beta: FloatArray = np.asarray(np.linalg.solve(A, c), dtype=float)
    return beta, A, yy - float(c @ beta), log_det


def _log_likelihood(b: Blocks, variances: Sequence[float], restricted: bool) -> float:
    beta, A, q, log_det = _solve(b, variances)
    n, p = b.n, beta.size
    value = -(log_det + q) / 2 - (n - p if restricted else n) / 2 * np.log(2 * np.pi)
    if restricted:
        gram = sum((X.T @ X for X in b.X), np.zeros((p, p)))
        value += (np.linalg.slogdet(gram)[1] - np.linalg.slogdet(A)[1]) / 2
    # In the effects' own unit.
    return float(value) - (n - p if restricted else n) * float(np.log(b.unit))


def fit_components(b: Blocks, method: str = "REML") -> Components:
    """Maximum of the likelihood over the standard deviations, from several starts.

    References
    ----------
    Konstantopoulos 2011, Res Synth Methods 2:61-76. doi:10.1002/jrsm.35
    Van den Noortgate, Lopez-Lopez, Marin-Martinez, Sanchez-Meca 2013, Behav Res Methods 45:576-594.
    """
    restricted = method == "REML"

    def value(sd: FloatArray) -> float:
        return _log_likelihood(b, tuple(np.asarray(sd) ** 2), restricted)

    spread = float(np.std(np.concatenate(b.y))) or 0.1
    starts = [(0.7, 0.7), (0.95, 0.2), (0.2, 0.95)] if b.nested else [(0.7,), (0.2,)]
    fits = [maximise(value, spread * np.array(start), 0) for start in starts]
    zero = (0.0, 0.0) if b.nested else (0.0,)
    best = max(fits, key=lambda fit: fit.value)
    found = best.value >= value(np.array(zero)) - 1e-10
    variances = tuple(float(sd) ** 2 for sd in best.at) if found else zero
    beta, A, _, _ = _solve(b, variances)
    _, _, q, _ = _solve(b, zero)
    inverse: FloatArray = np.asarray(np.linalg.inv(A), dtype=float)
    return Components(
        beta=beta * b.unit,
        vcov=inverse * b.unit**2,
        variances=tuple(s * b.unit**2 for s in variances),
        log_likelihood=value(np.sqrt(np.array(variances))),
        q=q,
        df=b.n - beta.size,
        converged=best.converged,
        iterations=best.iterations,
    )


def profile_interval(b: Blocks, fit: Components, which: int, crit: float, method: str = "REML") -> tuple[float, float]:
    """Profile-likelihood interval of one variance component: where twice the fall of the log-likelihood is ``crit``."""
    restricted = method == "REML"
    found = [s / b.unit**2 for s in fit.variances]
    height = _log_likelihood(b, found, restricted) - crit / 2
    # A sampling variance is 1 in the blocks' unit: the bracket has a width where all effects are equal, too.
    top = 20 * (float(np.var(np.concatenate(b.y))) + max(found) + 1.0)

    def drop(value: float) -> float:
        if not b.nested:
            return _log_likelihood(b, [value], restricted) - height

        def minus(root: float) -> float:
            pair = [value, root**2] if which == 0 else [root**2, value]
            return -_log_likelihood(b, pair, restricted)

        best = minimize_scalar(minus, bounds=(0.0, float(np.sqrt(top))), method="bounded", options={"xatol": 1e-10})
        return -min(float(best.fun), minus(0.0)) - height

    low = 0.0
    if found[which] > 0 and drop(0.0) < 0:
        low = float(brentq(drop, 0.0, found[which], xtol=1e-12 * top, rtol=1e-9))
    for high in top * 4.0 ** np.arange(_WIDENINGS):
        if drop(float(high)) < 0:
            upper = float(brentq(drop, found[which], float(high), xtol=1e-12 * top, rtol=1e-9))
            return low * b.unit**2, upper * b.unit**2
    return low * b.unit**2, float("inf")
