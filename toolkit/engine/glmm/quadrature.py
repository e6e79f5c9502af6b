"""Log-likelihood of counts with normal random effects: adaptive Gauss-Hermite quadrature around each study's mode."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from scipy.special import logsumexp

from toolkit.engine.data import FloatArray
from toolkit.engine.glmm.families import Terms

__all__ = ["Design", "State", "coefficient_score", "log_likelihood"]

_MAX_ITERATIONS = 60
_STEP = 1e-10


@dataclass(frozen=True, slots=True, kw_only=True)
class Design:
    """``eta = offset + own * s + X beta + (Z * sd) u`` with ``u`` standard normal.

    Attributes
    ----------
    terms : the family
    offset : (k, R)
    X : (k, R, P) of the common coefficients
    Z : (k, R, D) of the random effects; D may be 0
    own : (k, R) of a coefficient that every study has for itself, profiled out; None if there is none
    """

    terms: Terms
    offset: FloatArray
    X: FloatArray
    Z: FloatArray
    own: FloatArray | None = None


@dataclass(slots=True)
class State:
    """Where the inner searches ended: starts for the next evaluation close by. ``own`` (k,), ``mode`` (k, D)."""

    own: FloatArray
    mode: FloatArray

    @classmethod
    def start(cls, design: Design, own: FloatArray | None = None) -> State:
        """Zeros, or the given start of the studies' own coefficients."""
        k = design.offset.shape[0]
        return cls(own=np.zeros(k) if own is None else own.copy(), mode=np.zeros((k, design.Z.shape[2])))


def log_likelihood(design: Design, beta: FloatArray, sd: FloatArray, points: int, state: State) -> float:
    """Marginal log-likelihood with the studies' own coefficients at their maximum; ``points`` nodes a dimension.

    One node is Laplace's approximation.

    References
    ----------
    Pinheiro, Bates 1995, J Comput Graph Stat 4:12-35. doi:10.1080/10618600.1995.10474663
    """
    fixed = design.offset + design.X @ beta
    slopes = design.Z * sd
    if design.own is None:
        return float(_integrate(design.terms, fixed, slopes, points, state)[0].sum())
    return _profiled(design, design.own, fixed, slopes, points, state)


def coefficient_score(design: Design, beta: FloatArray, sd: FloatArray, points: int, state: State) -> FloatArray:
    """Derivatives (P,) in the common coefficients where `log_likelihood` left ``state``, by Fisher's identity.

    With the studies' own coefficients at their maximum these are the derivatives of the profile.
    """
    base = design.offset + design.X @ beta
    base = base if design.own is None else base + state.own[:, None] * design.own
    _, posterior, first, _ = _integrate(design.terms, base, design.Z * sd, points, state)
    score: FloatArray = np.einsum("krp,krq,kq->p", design.X, first, posterior)
    return score


def _profiled(design: Design, s: FloatArray, fixed: FloatArray, slopes: FloatArray, points: int, state: State) -> float:
    """Newton's method on every study's own coefficient at once, halving a study's step where it went down."""
    nodes = max(points, 7) if slopes.shape[2] else 1
    value, score, information = _own_score(design, s, fixed + state.own[:, None] * s, slopes, nodes, state)
    for _ in range(_MAX_ITERATIONS):
        step = np.clip(score / np.maximum(information, 1e-8), -2.0, 2.0)
        step = np.where(np.abs(state.own + step) > 40.0, 0.0, step)  # a study without a finite maximum stays
        if np.max(np.abs(step)) < 1e-9:
            break
        before = state.own
        for _ in range(30):
            state.own = before + step
            new, new_score, new_information = _own_score(
                design, s, fixed + state.own[:, None] * s, slopes, nodes, state
            )
            worse = new < value - 1e-12 * np.abs(value)
            if not worse.any():
                break
            step = np.where(worse, step / 2, step)
        value, score, information = new, new_score, new_information
    return float(_integrate(design.terms, fixed + state.own[:, None] * s, slopes, points, state)[0].sum())


def _own_score(
    design: Design, s: FloatArray, base: FloatArray, slopes: FloatArray, points: int, state: State
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Value, score and observed information (k,) of the own coefficients, by Fisher's and Louis's identities."""
    value, posterior, first, second = _integrate(design.terms, base, slopes, points, state)
    one = (s[..., None] * first).sum(axis=1)
    mean = (posterior * one).sum(axis=1)
    spread = (posterior * (one - mean[:, None]) ** 2).sum(axis=1)
    complete = (posterior * (s[..., None] ** 2 * second).sum(axis=1)).sum(axis=1)
    return value, mean, complete - spread


def _integrate(
    terms: Terms, base: FloatArray, slopes: FloatArray, points: int, state: State
) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
    """Log of each study's integral (k,), posterior weights (k, Q) of the nodes, derivatives (k, R, Q) there."""
    k, _, dimensions = slopes.shape
    if dimensions == 0 or not slopes.any():
        value, first, second = terms(base[..., None])
        return value.sum(axis=(1, 2)), np.ones((k, 1)), first, second
    mode, precision = _modes(terms, base, slopes, state)
    x, log_w = _nodes(points, dimensions)
    root = np.linalg.cholesky(precision)
    inverse = np.linalg.inv(root)
    u = mode[:, None, :] + np.sqrt(2.0) * np.einsum("kji,qj->kqi", inverse, x)
    value, first, second = terms(base[..., None] + np.einsum("krd,kqd->krq", slopes, u))
    h = value.sum(axis=1) - (u**2).sum(axis=2) / 2
    log_terms = log_w + (x**2).sum(axis=1) + h
    total = logsumexp(log_terms, axis=1)
    determinant = np.log(np.einsum("kdd->kd", root)).sum(axis=1)
    scale = dimensions / 2 * np.log(2.0) - dimensions / 2 * np.log(2 * np.pi)
    return scale - determinant + total, np.exp(log_terms - total[:, None]), first, second


@lru_cache(maxsize=64)
def _nodes(points: int, dimensions: int) -> tuple[FloatArray, FloatArray]:
    """Nodes (Q, D) and log weights (Q,) of the product rule."""
    x, w = np.polynomial.hermite.hermgauss(points)
    grids = np.meshgrid(*([x] * dimensions), indexing="ij")
    weights = np.meshgrid(*([np.log(w)] * dimensions), indexing="ij")
    return np.stack([g.ravel() for g in grids], axis=1), np.sum([g.ravel() for g in weights], axis=0)


def _modes(terms: Terms, base: FloatArray, slopes: FloatArray, state: State) -> tuple[FloatArray, FloatArray]:
    """Mode (k, D) of the random effects of each study and minus the Hessian (k, D, D) there; the target is concave."""
    u = state.mode
    eye = np.eye(slopes.shape[2])

    def evaluate(u: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
        value, first, second = terms((base + np.einsum("krd,kd->kr", slopes, u))[..., None])
        height = value.sum(axis=(1, 2)) - (u**2).sum(axis=1) / 2
        gradient = np.einsum("krd,kr->kd", slopes, first[..., 0]) - u
        return height, gradient, eye + np.einsum("krd,kr,kre->kde", slopes, second[..., 0], slopes)

    height, gradient, precision = evaluate(u)
    for _ in range(_MAX_ITERATIONS):
        step = np.linalg.solve(precision, gradient[..., None])[..., 0]
        if np.max(np.abs(step)) < _STEP:
            break
        for _ in range(40):
            new, new_gradient, new_precision = evaluate(u + step)
            worse = new < height - 1e-12 * np.abs(height)
            if not worse.any():
                break
            step = np.where(worse[:, None], step / 2, step)
        u = u + step
        height, gradient, precision = new, new_gradient, new_precision
    state.mode = u
    return u, precision
