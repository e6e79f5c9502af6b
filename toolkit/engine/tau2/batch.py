"""Shapes and sums shared by all estimators of the between-study variance.

Vocabulary: a *fit* is one row of a batch; ``m`` counts how often a study is in a fit (0 leaves it out, so that
leave-one-out, subsets and bootstrap samples are rows of one array).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from toolkit.engine.data import FloatArray

__all__ = ["Batch", "Tau2Batch", "batch", "general_moments", "sums"]

BoolArray = np.ndarray


@dataclass(frozen=True, slots=True, kw_only=True)
class Tau2Batch:
    """Between-study variances of a batch of fits.

    Attributes
    ----------
    value : (B,) tau2 >= 0; NaN where a fit has fewer than two studies
    boundary : (B,) the value is 0 because the estimate or its maximum lies at or below zero
    converged : (B,) always true for closed forms
    iterations : (B,) 0 for closed forms
    """

    value: FloatArray
    boundary: BoolArray
    converged: BoolArray
    iterations: np.ndarray


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """Checked input: ``y``, ``v``, ``m`` of one shape (B, k), ``y`` centred; ``k`` is (B,) studies in each fit."""

    y: FloatArray
    v: FloatArray
    m: FloatArray
    k: FloatArray


def batch(y: FloatArray, v: FloatArray, m: FloatArray | None = None) -> Batch:
    """Arrays (k,) or (B, k) brought to one shape (B, k), effects centred near their pooled value.

    Centring changes no estimate of tau2 and keeps the digits when effects are far from zero.
    """
    y2, v2 = np.atleast_2d(np.asarray(y, dtype=float)), np.atleast_2d(np.asarray(v, dtype=float))
    m2 = np.ones((1, 1)) if m is None else np.atleast_2d(np.asarray(m, dtype=float))
    y2, v2, m2 = np.broadcast_arrays(y2, v2, m2)
    k = m2.sum(axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        centre = (m2 * y2).sum(axis=1) / k
    return Batch(y=y2 - np.where(k > 0, centre, 0.0)[:, None], v=v2, m=m2, k=k)


def take(b: Batch, rows: np.ndarray) -> Batch:
    """The fits with these numbers; all of them in order are the batch itself."""
    if rows.size == b.k.size and bool((rows[1:] > rows[:-1]).all()):
        return b
    return Batch(y=b.y[rows], v=b.v[rows], m=b.m[rows], k=b.k[rows])


def sums(b: Batch, weight: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Total weight (B,), weighted mean (B,) and residuals (B, k) for weights (B, k) that include ``m``."""
    total = weight.sum(axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        mu = (weight * b.y).sum(axis=1) / total
    return total, mu, b.y - mu[:, None]


def general_moments(b: Batch, a: FloatArray) -> FloatArray:
    """Untruncated generalised method-of-moments tau2 for fixed weights ``a`` (B, k).

    Notes
    -----
    ``(Q_a - (sum a v - sum a^2 v / sum a)) / (sum a - sum a^2 / sum a)``; ``a = 1/v`` is DerSimonian-Laird, ``a = 1``
    Hedges-Olkin.

    References
    ----------
    DerSimonian, Kacker 2007, Contemp Clin Trials 28:105-114, equation 6. doi:10.1016/j.cct.2006.04.004
    """
    w = b.m * a
    total, _, r = sums(b, w)
    with np.errstate(invalid="ignore", divide="ignore"):
        q = (w * r**2).sum(axis=1)
        expected = (w * b.v).sum(axis=1) - (w * a * b.v).sum(axis=1) / total
        scale = total - (w * a).sum(axis=1) / total
        value: FloatArray = (q - expected) / scale
    return value


def closed_form(b: Batch, raw: FloatArray) -> Tau2Batch:
    """A truncated closed-form estimate; NaN with fewer than two studies."""
    value = np.where(b.k > 1, np.maximum(raw, 0.0), np.nan)
    return Tau2Batch(
        value=value,
        boundary=(value == 0),
        converged=np.ones(value.shape, dtype=bool),
        iterations=np.zeros(value.shape, dtype=np.int64),
    )
