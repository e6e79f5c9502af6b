"""Beta-binomial regression: proportions that vary between arms beyond binomial chance, without study effects."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import betaln, expit, gammaln, logit

from toolkit.engine.data import FloatArray
from toolkit.engine.glmm.optimise import maximise
from toolkit.model.errors import NotEstimable

__all__ = ["BetaBinomialFit", "fit_beta_binomial"]


@dataclass(frozen=True, slots=True, kw_only=True)
class BetaBinomialFit:
    """Coefficients on the logit scale.

    Attributes
    ----------
    beta, vcov : (P,), (P, P)
    rho : intra-arm correlation, 0 for binomial variation alone
    log_likelihood : at the maximum, with the binomial constants
    converged, iterations : of the search
    """

    beta: FloatArray
    vcov: FloatArray
    rho: float
    log_likelihood: float
    converged: bool
    iterations: int


def _log_likelihood(x: FloatArray, n: FloatArray, p: FloatArray, rho: float) -> float:
    constant = gammaln(n + 1) - gammaln(x + 1) - gammaln(n - x + 1)
    if rho < 1e-10:
        return float((constant + x * np.log(p) + (n - x) * np.log1p(-p)).sum())
    a, b = p * (1 - rho) / rho, (1 - p) * (1 - rho) / rho
    return float((constant + betaln(x + a, n - x + b) - betaln(a, b)).sum())


def fit_beta_binomial(x: FloatArray, n: FloatArray, X: FloatArray) -> BetaBinomialFit:
    """Maximum likelihood of a beta-binomial regression with a logit link.

    Parameters
    ----------
    x, n : (A,) events and units of each arm
    X : (A, P) design: a column of ones, and for two groups an indicator of the treatment, whose coefficient is the
        marginal log odds ratio

    References
    ----------
    Kuss 2015, Stat Med 34:1097-1116. doi:10.1002/sim.6383
    """
    if not 0 < x.sum() < n.sum():
        raise NotEstimable("The beta-binomial model is not estimable, because nobody or everybody has the event.")
    for column in X.T[1:]:
        for group in (column > 0, column <= 0):
            if group.any() and not 0 < x[group].sum() < n[group].sum():
                raise NotEstimable(
                    "The beta-binomial model is not estimable, because nobody or everybody of a group has the event."
                )

    def value(parameters: FloatArray) -> float:
        p = np.clip(expit(X @ parameters[:-1]), 1e-300, 1 - 1e-16)
        return _log_likelihood(x, n, p, float(parameters[-1] ** 2 / (1 + parameters[-1] ** 2)))

    start = np.zeros(X.shape[1] + 1)
    start[0] = logit((x.sum() + 0.5) / (n.sum() + 1))
    # rho = s^2 / (1 + s^2): s plays the part of a standard deviation, with zero as its boundary.
    found = maximise(value, start, X.shape[1])
    s2 = float(found.at[-1] ** 2)
    return BetaBinomialFit(
        beta=found.at[:-1],
        vcov=found.covariance[:-1, :-1],
        rho=s2 / (1 + s2),
        log_likelihood=found.value,
        converged=found.converged,
        iterations=found.iterations,
    )
