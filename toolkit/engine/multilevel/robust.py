"""Cluster-robust (sandwich) covariance with small-sample corrections."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from toolkit.engine.data import FloatArray
from toolkit.engine.multilevel.fit import Blocks, marginal
from toolkit.model.errors import InputError, NotEstimable
from toolkit.model.wording import counted

__all__ = ["Robust", "robust"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Robust:
    """Robust covariance (P, P) of the coefficients and degrees of freedom (P,) of their t tests."""

    vcov: FloatArray
    df: FloatArray
    kind: str


def robust(b: Blocks, variances: tuple[float, ...], beta: FloatArray, kind: str = "CR2") -> Robust:
    """Sandwich covariance around a working model.

    Parameters
    ----------
    b, variances, beta : clusters and a fitted model
    kind : "CR1" multiplies by C / (C - P) for C clusters, t with C - P df; "CR2" is unbiased under the working model,
        with Satterthwaite's degrees of freedom

    References
    ----------
    Hedges, Tipton, Johnson 2010, Res Synth Methods 1:39-65. doi:10.1002/jrsm.5
    Tipton 2015, Psychol Methods 20:375-393. doi:10.1037/met0000011
    Pustejovsky, Tipton 2018, J Bus Econ Stat 36:672-683. doi:10.1080/07350015.2016.1247004
    """
    clusters, p = len(b.y), beta.size
    if clusters <= p:
        raise NotEstimable(f"A robust covariance of {counted(p, 'coefficient')} takes more clusters than that.")
    scaled = beta / b.unit
    Phi = marginal(b, [s / b.unit**2 for s in variances])
    weights: list[FloatArray] = [np.asarray(np.linalg.inv(M), dtype=float) for M in Phi]
    gram = sum((X.T @ W @ X for X, W in zip(b.X, weights, strict=True)), np.zeros((p, p)))
    bread: FloatArray = np.asarray(np.linalg.inv(gram), dtype=float)
    residuals = [y - X @ scaled for y, X in zip(b.y, b.X, strict=True)]
    if kind == "CR1":
        scores = [X.T @ W @ e for X, W, e in zip(b.X, weights, residuals, strict=True)]
        meat = sum((np.outer(s, s) for s in scores), np.zeros((p, p))) * clusters / (clusters - p)
        return Robust(vcov=bread @ meat @ bread * b.unit**2, df=np.full(p, float(clusters - p)), kind=kind)
    if kind != "CR2":
        raise InputError("Unknown robust covariance.", value=kind, allowed="CR1, CR2")
    adjusted = [_adjustment(M, X, bread) for M, X in zip(Phi, b.X, strict=True)]
    left = [X.T @ W @ A for X, W, A in zip(b.X, weights, adjusted, strict=True)]
    scores = [L @ e for L, e in zip(left, residuals, strict=True)]
    meat = sum((np.outer(s, s) for s in scores), np.zeros((p, p)))
    df = np.array([_satterthwaite(b, Phi, weights, left, bread, i) for i in range(p)])
    return Robust(vcov=bread @ meat @ bread * b.unit**2, df=df, kind=kind)


def _adjustment(M: FloatArray, X: FloatArray, bread: FloatArray) -> FloatArray:
    """``D' B^(-1/2) D`` with M = D'D and B = D (M - X bread X') D'; a pseudo-inverse where B is singular."""
    D = np.linalg.cholesky(M).T
    B = D @ (M - X @ bread @ X.T) @ D.T
    values, vectors = np.linalg.eigh((B + B.T) / 2)
    keep = values > 1e-12 * max(float(values.max()), 1e-300)
    root = np.where(keep, 1 / np.sqrt(np.where(keep, values, 1.0)), 0.0)
    adjusted: FloatArray = D.T @ (vectors * root) @ vectors.T @ D
    return adjusted


def _satterthwaite(
    b: Blocks,
    Phi: tuple[FloatArray, ...],
    weights: list[FloatArray],
    left: list[FloatArray],
    bread: FloatArray,
    which: int,
) -> float:
    """Degrees of freedom ``tr(P)^2 / tr(P P)`` with ``P_ij = g_i' Phi g_j`` under the working model.

    ``g_i`` is the column of residual weights of cluster i: ``(I - H)_i' a_i``. With the weights inverse to Phi the
    products need the clusters' own blocks alone: ``a_i' (delta_ij Phi_i - X_i bread X_j') a_j``.
    """
    a = [L.T @ bread[:, which] for L in left]
    own = np.array([x @ M @ x for x, M in zip(a, Phi, strict=True)])
    u = np.array([X.T @ x for x, X in zip(a, b.X, strict=True)])
    P = np.diag(own) - u @ bread @ u.T
    return float(np.trace(P) ** 2 / (P**2).sum())
