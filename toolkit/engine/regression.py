"""Weighted and mixed-effects regression of effects on study covariates: the core of tests and of meta-regression."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import brentq
from scipy.special import gammaincinv

from toolkit.engine.data import FloatArray
from toolkit.model.choices import TAU2_METHODS
from toolkit.model.errors import InputError, NotEstimable
from toolkit.model.wording import counted

__all__ = ["RegressionFit", "check_design", "fit_mixed", "fit_weighted", "q_root", "residual_tau2"]

_GRID = 40


# Squared residuals below this share of the squared effects are rounding error.
_ROUNDING = 1e-26


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


def check_design(X: FloatArray, names: Sequence[str] = ()) -> None:
    """Refuse a design with too few studies or columns that depend on each other; ``names`` of the coefficients."""
    k, p = X.shape
    if k <= p:
        raise NotEstimable(
            f"A regression with {counted(p, 'coefficient')} needs more than {counted(p, 'study')}, not {k}."
        )
    size = np.abs(X).max(axis=0)
    scaled = X / np.where(size > 0, size, 1.0)
    if np.linalg.matrix_rank(scaled) == p:
        return
    if p == 2 or not names:
        raise NotEstimable("The covariate does not vary between the studies.")
    ranks = [int(np.linalg.matrix_rank(scaled[:, :n])) for n in range(p + 1)]
    bound = [name for name, before, after in zip(names, ranks[:-1], ranks[1:], strict=True) if after == before]
    raise NotEstimable(
        f"No coefficient of {', '.join(bound)} can be told from the others: a covariate does not vary, two say the "
        "same, or a combination of levels has no study. Leave the term out."
    )


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

    Raises
    ------
    NotEstimable
        Where the effects lie on the line exactly: the dispersion would be rounding error.
    """
    check_design(X)
    beta, unscaled = _solve(y, 1 / v, X)
    df = y.size - X.shape[1]
    left = float(((y - X @ beta) ** 2 / v).sum())
    if left <= _ROUNDING * float((y**2 / v).sum()):
        raise NotEstimable("The effects lie on the regression line exactly: there is no scatter to test it against.")
    dispersion = left / df
    vcov = unscaled * dispersion
    return RegressionFit(beta=beta, se=np.sqrt(np.diag(vcov)), vcov=vcov, tau2=0.0, dispersion=dispersion, df=df)


def fit_mixed(y: FloatArray, v: FloatArray, X: FloatArray, tau2: str = "REML") -> RegressionFit:
    """Mixed-effects regression; Wald covariance ``(X' W X)^-1``.

    Parameters
    ----------
    y, v : (k,) effects and sampling variances
    X : (k, P) design with its column of ones
    tau2 : residual between-study variance: a key of ``choices.TAU2_METHODS``, or "none" for 0

    References
    ----------
    Raudenbush 2009, in The Handbook of Research Synthesis and Meta-Analysis, 2nd ed., chapter 16.
    """
    check_design(X)
    value = residual_tau2(y, v, X, tau2)
    beta, vcov = _solve(y, 1 / (v + value), X)
    return RegressionFit(
        beta=beta, se=np.sqrt(np.diag(vcov)), vcov=vcov, tau2=value, dispersion=1.0, df=y.size - X.shape[1]
    )


def residual_tau2(y: FloatArray, v: FloatArray, X: FloatArray, method: str) -> float:
    """Residual between-study variance of a regression by the estimators of `fit_mixed`, never negative.

    References
    ----------
    Viechtbauer, Lopez-Lopez, Sanchez-Meca, Marin-Martinez 2015, Psychol Methods 20:360-374. doi:10.1037/met0000023
    """
    if method == "none":
        return 0.0
    if method in ("REML", "ML"):
        return _tau2_likelihood(y, v, X, method == "REML")
    df = y.size - X.shape[1]
    if method in ("PM", "EB"):
        return q_root(y, v, X, float(df))
    if method == "PMM":
        return q_root(y, v, X, 2 * float(gammaincinv(df / 2, 0.5)))
    if method not in TAU2_METHODS:
        raise InputError("Unknown estimator of a regression.", value=method, allowed=", ".join((*TAU2_METHODS, "none")))
    if method == "DL2":
        return max(0.0, _general_moments(y, v, X, 1 / (v + residual_tau2(y, v, X, "DL"))))
    return max(0.0, float(_tau2_moments(y, v, X, method)))


def _tau2_moments(y: FloatArray, v: FloatArray, X: FloatArray, method: str) -> float:
    k, df = y.size, y.size - X.shape[1]
    first = float(np.mean((y - y.mean()) ** 2))
    if method == "SJ" and first == 0:
        return 0.0
    w = {"HE": np.ones(k), "SJ": 1 / (v + first)}.get(method, 1 / v)
    if method in ("DL", "HE"):
        return _general_moments(y, v, X, w)
    beta, _ = _solve(y, w, X)
    q = float((w * (y - X @ beta) ** 2).sum())
    if method == "SJ":
        return float(first * q / df)
    # Hunter and Schmidt; with the factor k / (k - P) on Q, which is k / (k - 1) without covariates, for "HSk".
    return float(((q * k / df if method == "HSk" else q) - k) / w.sum())


def _general_moments(y: FloatArray, v: FloatArray, X: FloatArray, w: FloatArray) -> float:
    """``(Q - tr(P V)) / tr(P)`` with ``P = W - W X (X'WX)^-1 X' W`` for weights ``w``; may be negative."""
    beta, inverse = _solve(y, w, X)
    q = float((w * (y - X @ beta) ** 2).sum())
    leverage = np.einsum("ij,jk,ik->i", X, inverse, X)
    own = w - w**2 * leverage
    return float((q - (own * v).sum()) / own.sum())


def q_root(y: FloatArray, v: FloatArray, X: FloatArray, target: float) -> float:
    """tau2 at which the residual Q equals ``target``; 0 where Q(0) is not above it."""

    def excess(t: float) -> float:
        w = 1 / (v + t)
        beta, _ = _solve(y, w, X)
        return float((w * (y - X @ beta) ** 2).sum()) - target

    if excess(0.0) <= 0 or target <= 0:
        return 0.0
    beta, _ = _solve(y, np.ones_like(v), X)
    high = float(((y - X @ beta) ** 2).sum()) / target
    return float(brentq(excess, 0.0, high, xtol=1e-15 * high, rtol=1e-14, maxiter=500))


def _score(y: FloatArray, v: FloatArray, X: FloatArray, t: float, restricted: bool) -> float:
    """Twice the derivative of the log-likelihood: ``y' P P y - tr(P)`` (REML) or ``- tr(W)`` (ML)."""
    w = 1 / (v + t)
    beta, inverse = _solve(y, w, X)
    residual = w * (y - X @ beta)
    lost = np.trace(inverse @ (X.T @ (w[:, None] ** 2 * X))) if restricted else 0.0
    return float(residual @ residual - w.sum() + lost)


def _log_likelihood(y: FloatArray, v: FloatArray, X: FloatArray, t: float, restricted: bool) -> float:
    w = 1 / (v + t)
    beta, inverse = _solve(y, w, X)
    determinant = np.linalg.slogdet(inverse)[1] if restricted else 0.0
    return float(np.log(w).sum() + determinant - (w * (y - X @ beta) ** 2).sum()) / 2


def _tau2_likelihood(y: FloatArray, v: FloatArray, X: FloatArray, restricted: bool) -> float:
    """The most likely of zero and the roots of the score between zero and a point where it has turned negative."""
    beta, _ = _solve(y, np.ones_like(v), X)
    top = float(((y - X @ beta) ** 2).sum())
    if top <= 1e-24 * float((y**2).sum()):
        return 0.0
    while _score(y, v, X, top, restricted) > 0:
        top *= 4
    bottom = min(float(v.min()), top) * 1e-3
    grid = [0.0, *(bottom * (top / bottom) ** np.linspace(0, 1, _GRID))]
    rising = [_score(y, v, X, t, restricted) > 0 for t in grid]
    candidates = [] if rising[0] else [0.0]
    for low, high, up, on in zip(grid[:-1], grid[1:], rising[:-1], rising[1:], strict=True):
        if up and not on:
            root = brentq(
                lambda t: _score(y, v, X, t, restricted), low, high, xtol=1e-15 * high, rtol=1e-14, maxiter=300
            )
            candidates.append(float(root))
    if len(candidates) == 1:
        return candidates[0]
    return max(candidates, key=lambda t: _log_likelihood(y, v, X, t, restricted))
