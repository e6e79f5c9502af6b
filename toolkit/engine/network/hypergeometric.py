"""Network meta-analysis by the non-central hypergeometric likelihood: exact for rare events, common effect.

Given the total number of events of a study, the events of its arms follow Fisher's non-central hypergeometric
distribution, which depends on the log odds ratios alone: no continuity correction, and no baseline risk to model.
The multinomial form takes the arms' sizes for inexhaustible; it is good for rare events only and biased towards no
effect otherwise. netmeta's method "NCH" prints the multinomial form.

References
----------
Stijnen, Hamza, Ozdemir 2010, Stat Med 29:3046-3067. doi:10.1002/sim.4040
Efthimiou, Ruecker, Schwarzer, Higgins, Egger, Salanti 2019, Stat Med 38:2992-3012. doi:10.1002/sim.8158
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import reduce

import numpy as np
from scipy.special import expit, gammaln

from toolkit.engine.data import FloatArray

__all__ = ["LIKELIHOODS", "conditional_moments", "fit_hypergeometric", "multinomial_moments"]

TOLERANCE = 1e-10
MAX_ITERATIONS = 100


def conditional_moments(n: FloatArray, total: int, theta: FloatArray) -> tuple[float, FloatArray, FloatArray]:
    """Log normalising constant, mean and covariance of the events of J arms given their total.

    Parameters
    ----------
    n : (J,) units
    total : events of all arms together
    theta : (J,) log odds up to a common constant

    Notes
    -----
    The weights ``C(n_i, k) exp(k theta_i)`` of the arms are convolved and read at `total`. A tilt common to all arms
    changes nothing in the conditional distribution; the one that puts the unconditional mean at `total` keeps the sums
    away from underflow.
    """
    tilt = _tilt(n, total, theta)
    weights, log_scale = [], -tilt * total
    for size, t in zip(n, theta + tilt, strict=True):
        k = np.arange(min(int(size), total) + 1)
        log_w = gammaln(size + 1) - gammaln(k + 1) - gammaln(size - k + 1) + k * t
        log_scale += float(log_w.max())
        weights.append(np.exp(log_w - log_w.max()))
    J = len(weights)

    def at_total(powers: Sequence[int]) -> float:
        terms = [w * np.arange(len(w)) ** p if p else w for w, p in zip(weights, powers, strict=True)]
        product = reduce(np.convolve, terms)
        return float(product[total])

    none = [0] * J
    Z = at_total(none)
    mean = np.array([at_total([*none[:i], 1, *none[i + 1 :]]) for i in range(J)]) / Z
    second = np.empty((J, J))
    for i in range(J):
        for j in range(i, J):
            powers = none.copy()
            powers[i] += 1
            powers[j] += 1
            second[i, j] = second[j, i] = at_total(powers) / Z
    return float(np.log(Z)) + log_scale, mean, second - np.outer(mean, mean)


def multinomial_moments(n: FloatArray, total: int, theta: FloatArray) -> tuple[float, FloatArray, FloatArray]:
    """As `conditional_moments` with probabilities proportional to ``n_i exp(theta_i)`` (Stijnen 2010, section 4.2)."""
    top = float(theta.max())
    weights = n * np.exp(theta - top)
    p = weights / weights.sum()
    constant = total * (float(np.log(weights.sum())) + top)
    return constant, total * p, total * (np.diag(p) - np.outer(p, p))


LIKELIHOODS = {"exact": conditional_moments, "multinomial": multinomial_moments}


def _tilt(n: FloatArray, total: int, theta: FloatArray) -> float:
    """Common log odds that make the expected total the observed one; `total` is above 0 and below the sum of n."""
    low, high = -60.0 - float(theta.max()), 60.0 - float(theta.min())
    for _ in range(80):
        middle = (low + high) / 2
        low, high = (middle, high) if float(np.sum(n * expit(theta + middle))) < total else (low, middle)
    return (low + high) / 2


def fit_hypergeometric(
    studies: Sequence[tuple[Sequence[int], FloatArray, FloatArray]], n_treatments: int, likelihood: str = "exact"
) -> tuple[FloatArray, FloatArray, bool]:
    """Maximum likelihood of the log odds ratios against treatment 0.

    Parameters
    ----------
    studies : (treatment of each arm, events, n) of each study; every study has events and non-events
    n_treatments : number of treatments, connected by the studies
    likelihood : a key of `LIKELIHOODS`

    Returns
    -------
    theta, cov, converged : (T,) log odds ratios with theta[0] = 0, (T, T) inverse information, whether Newton's method
        reached its tolerance
    """
    moments = LIKELIHOODS[likelihood]
    theta = np.zeros(n_treatments)
    value = _log_likelihood(studies, theta, moments)
    cov = np.zeros((n_treatments, n_treatments))
    for _ in range(MAX_ITERATIONS):
        score, information = np.zeros(n_treatments), np.zeros((n_treatments, n_treatments))
        for arms, events, n in studies:
            at = list(arms)
            _, mean, covariance = moments(n, int(events.sum()), theta[at])
            score[at] += events - mean
            information[np.ix_(at, at)] += covariance
        cov[1:, 1:] = np.linalg.inv(information[1:, 1:])
        step = cov @ score
        if np.max(np.abs(step)) < TOLERANCE:
            return theta, cov, True
        scale = 1.0
        while scale > 1e-6 and (new := _log_likelihood(studies, theta + scale * step, moments)) < value:
            scale /= 2
        theta, value = theta + scale * step, new
    return theta, cov, False


def _log_likelihood(
    studies: Sequence[tuple[Sequence[int], FloatArray, FloatArray]],
    theta: FloatArray,
    moments: Callable[[FloatArray, int, FloatArray], tuple[float, FloatArray, FloatArray]],
) -> float:
    total = 0.0
    for arms, events, n in studies:
        own = theta[list(arms)]
        total += float(events @ own) - moments(n, int(events.sum()), own)[0]
    return total
