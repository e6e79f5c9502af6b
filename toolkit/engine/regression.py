"""Weighted and mixed-effects regression of effects on study covariates: the core of tests and of meta-regression."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.optimize import brentq

from toolkit.engine.data import FloatArray
from toolkit.model.errors import InputError, NotEstimable

__all__ = ["RegressionFit", "fit_mixed", "fit_weighted"]

_GRID = 40


@dataclass(frozen=True, slots=True, kw_only=True)
class RegressionFit:
    """Coefficients of a regression of k effects on P columns.

    Attributes
    ----------
    beta, se : (P,) coefficients and standard errors
    vcov : (P, P) their covariance
    tau2 : residual between-study variance (0 for a weighted regression)
    dispersion : factor on the sampling variances (1 for a mixed model)
    df : k - P
    """

    beta: FloatArray
    se: FloatArray
    vcov: FloatArray
    tau2: float
    dispersion: float
    df: int


def _check(X: FloatArray) -> None:
    k, p = X.shape
    if k <= p:
        raise NotEstimable(f"A regression with {p} coefficients needs more than {p} studies; there are {k}.")
    if np.linalg.matrix_rank(X / np.abs(X).max(axis=0)) < p:
        raise NotEstimable("The covariate does not vary between the studies.")


def _solve(y: FloatArray, w: FloatArray, X: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Coefficients and ``(X' W X)^-1`` by QR of the weighted design."""
    root = np.sqrt(w)
    q, r = np.linalg.qr(X * root[:, None])
    inverse = np.linalg.inv(r)
    beta: FloatArray = inverse @ (q.T @ (root * y))
    return beta, inverse @ inverse.T


def fit_weighted(y: FloatArray, v: FloatArray, X: FloatArray) -> RegressionFit:
    """Least squares with weights 1/v and a multiplicative dispersion estimated from the residuals.

    References
    ----------
    Thompson, Sharp 1999, Stat Med 18:2693-2708, model 2.
    doi:10.1002/(SICI)1097-0258(19991030)18:20<2693::AID-SIM235>3.0.CO;2-V
    """
    _check(X)
    beta, unscaled = _solve(y, 1 / v, X)
    df = y.size - X.shape[1]
    dispersion = float((((y - X @ beta) ** 2) / v).sum() / df)
    vcov = unscaled * dispersion
    return RegressionFit(beta=beta, se=np.sqrt(np.diag(vcov)), vcov=vcov, tau2=0.0, dispersion=dispersion, df=df)


def fit_mixed(y: FloatArray, v: FloatArray, X: FloatArray, tau2: str = "REML") -> RegressionFit:
    """Mixed-effects regression, tau2 by "REML" or "DL" (moments); Wald covariance ``(X' W X)^-1``.

    References
    ----------
    Raudenbush 2009, in The Handbook of Research Synthesis and Meta-Analysis, 2nd ed., chapter 16.
    """
    _check(X)
    if tau2 not in ("REML", "DL"):
        raise InputError("Unknown estimator of a regression.", value=tau2, allowed="REML, DL")
    value = _tau2_reml(y, v, X) if tau2 == "REML" else _tau2_moments(y, v, X)
    beta, vcov = _solve(y, 1 / (v + value), X)
    return RegressionFit(
        beta=beta, se=np.sqrt(np.diag(vcov)), vcov=vcov, tau2=value, dispersion=1.0, df=y.size - X.shape[1]
    )


def _tau2_moments(y: FloatArray, v: FloatArray, X: FloatArray) -> float:
    """``(Q_E - (k - P)) / tr(P)`` truncated at zero."""
    w = 1 / v
    beta, inverse = _solve(y, w, X)
    q = float((w * (y - X @ beta) ** 2).sum())
    trace = float(w.sum() - np.trace(inverse @ (X.T @ (w[:, None] ** 2 * X))))
    return max(0.0, float(q - (y.size - X.shape[1])) / trace)


def _score(y: FloatArray, v: FloatArray, X: FloatArray, t: float) -> float:
    """Twice the derivative of the restricted log-likelihood: ``y' P P y - tr(P)``."""
    w = 1 / (v + t)
    beta, inverse = _solve(y, w, X)
    residual = w * (y - X @ beta)
    return float(residual @ residual - w.sum() + np.trace(inverse @ (X.T @ (w[:, None] ** 2 * X))))


def _log_likelihood(y: FloatArray, v: FloatArray, X: FloatArray, t: float) -> float:
    w = 1 / (v + t)
    beta, inverse = _solve(y, w, X)
    return float(np.log(w).sum() + np.linalg.slogdet(inverse)[1] - (w * (y - X @ beta) ** 2).sum()) / 2


def _tau2_reml(y: FloatArray, v: FloatArray, X: FloatArray) -> float:
    """The most likely of zero and the roots of the score between zero and a point where it has turned negative."""
    beta, _ = _solve(y, np.ones_like(v), X)
    top = float(((y - X @ beta) ** 2).sum())
    if top <= 1e-24 * float((y**2).sum()):
        return 0.0
    while _score(y, v, X, top) > 0:
        top *= 4
    bottom = min(float(v.min()), top) * 1e-3
    grid = [0.0, *(bottom * (top / bottom) ** np.linspace(0, 1, _GRID))]
    rising = [_score(y, v, X, t) > 0 for t in grid]
    candidates = [] if rising[0] else [0.0]
    for low, high, up, on in zip(grid[:-1], grid[1:], rising[:-1], rising[1:], strict=True):
        if up and not on:
            root = brentq(lambda t: _score(y, v, X, t), low, high, xtol=1e-15 * high, rtol=1e-14, maxiter=300)
            candidates.append(float(root))
    if len(candidates) == 1:
        return candidates[0]
    return max(candidates, key=lambda t: _log_likelihood(y, v, X, t))
