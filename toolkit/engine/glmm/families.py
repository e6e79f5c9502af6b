"""Log-densities of counts on their natural parameter, with the first two derivatives; all are concave in it.

A family is a function ``terms(eta) -> (log f, first, minus second derivative)`` on arrays (k, R, Q): k studies, R rows
(arms) of a study, Q values of the parameter at a time.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy.special import expit, gammaln, xlogy

from toolkit.engine.data import FloatArray

__all__ = ["Terms", "binomial", "hypergeometric", "poisson", "saturated_binomial", "saturated_poisson"]

Terms = Callable[[FloatArray], tuple[FloatArray, FloatArray, FloatArray]]


def _log_choose(n: FloatArray, x: FloatArray) -> FloatArray:
    value: FloatArray = gammaln(n + 1) - gammaln(x + 1) - gammaln(n - x + 1)
    return value


def binomial(x: FloatArray, n: FloatArray) -> Terms:
    """Binomial counts ``x`` of ``n`` (k, R), eta the log odds."""
    constant = _log_choose(n, x)[..., None]
    events, size = x[..., None], n[..., None]

    def terms(eta: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
        p = expit(eta)
        return constant + events * eta - size * np.logaddexp(0.0, eta), events - size * p, size * p * expit(-eta)

    return terms


def poisson(x: FloatArray) -> Terms:
    """Poisson counts ``x`` (k, R), eta the log mean (the log of the person-time is an offset in it)."""
    constant = -gammaln(x + 1)[..., None]
    events = x[..., None]

    def terms(eta: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
        mean = np.exp(np.minimum(eta, 700.0))
        return constant + events * eta - mean, events - mean, mean

    return terms


def saturated_binomial(x: FloatArray, n: FloatArray) -> float:
    """Log-likelihood with every row at its own proportion."""
    p = x / n
    return float((_log_choose(n, x) + xlogy(x, p) + xlogy(n - x, 1 - p)).sum())


def saturated_poisson(x: FloatArray) -> float:
    """Log-likelihood with every row at its own count."""
    return float((xlogy(x, x) - x - gammaln(x + 1)).sum())


def hypergeometric(x: FloatArray, n1: FloatArray, n2: FloatArray, total: FloatArray) -> Terms:
    """Fisher's non-central hypergeometric law: ``x`` (k,) events of arm 1 given ``total``; eta the log odds ratio.

    Notes
    -----
    The log weights ``log C(n1, x) C(n2, total - x)`` of the support are tabulated once. For a parameter the sums run
    over a window around the mode that leaves out less than 1e-16 of the probability (the log-density is concave, and
    ten standard deviations of its normal approximation are inside).

    References
    ----------
    Liao, Rosen 2001, Am Stat 55:366-369 (the mode). doi:10.1198/000313001753272547
    """
    low, high = np.maximum(0.0, total - n2), np.minimum(n1, total)
    width = int((high - low).max()) + 1
    support = low[:, None] + np.arange(width)
    inside = support <= high[:, None]
    safe = np.where(inside, support, low[:, None])
    weight = _log_choose(n1[:, None], safe) + _log_choose(n2[:, None], total[:, None] - safe)
    weight = np.where(inside, weight, -np.inf)
    study = np.arange(x.size)[:, None, None]
    at_x = weight[np.arange(x.size), (x - low).astype(np.int64)]

    def terms(eta: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
        theta = eta[:, 0, :]
        mode, sd = _mode(n1[:, None], n2[:, None], total[:, None], low[:, None], high[:, None], theta)
        reach = min(width, int(10 * sd.max()) + 30)
        first = np.clip(np.floor(mode - low[:, None]) - reach, 0, None).astype(np.int64)
        index = first[..., None] + np.arange(2 * reach + 1)
        own = np.where(index < width, weight[study, np.minimum(index, width - 1)], -np.inf)
        values = low[:, None, None] + index
        centred = values - mode[..., None]
        log_p = own + centred * theta[..., None]
        top = log_p.max(axis=2)
        p = np.exp(log_p - top[..., None])
        mass = p.sum(axis=2)
        shift = (p * centred).sum(axis=2) / mass
        variance = (p * (centred - shift[..., None]) ** 2).sum(axis=2) / mass
        value = at_x[:, None] + (x[:, None] - mode) * theta - top - np.log(mass)
        return value[:, None, :], (x[:, None] - mode - shift)[:, None, :], variance[:, None, :]

    return terms


def _mode(
    n1: FloatArray, n2: FloatArray, total: FloatArray, low: FloatArray, high: FloatArray, theta: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Mode of the distribution and the standard deviation of its normal approximation there."""
    # x solves psi (n1 - x)(total - x) = x (n2 - total + x); for psi > 1 divided by psi, so that nothing overflows.
    psi = np.exp(-np.abs(theta))
    up = theta > 0
    a = np.where(up, psi - 1, 1 - psi)
    b = np.where(up, psi * (n2 - total) + n1 + total, n2 - total + psi * (n1 + total))
    c = -np.where(up, 1.0, psi) * n1 * total
    a = np.where(up, -(1 - psi), 1 - psi)
    root = np.sqrt(np.maximum(b**2 - 4 * a * c, 0.0))
    q = -(b + np.where(b >= 0, 1.0, -1.0) * root) / 2
    with np.errstate(divide="ignore", invalid="ignore"):
        x = np.where(b >= 0, c / q, q / np.where(a == 0, 1.0, a))
    x = np.clip(np.where(np.isfinite(x), x, low), low, high)
    inverse = 1 / (x + 0.5) + 1 / (n1 - x + 0.5) + 1 / (total - x + 0.5) + 1 / (n2 - total + x + 0.5)
    return x, 1 / np.sqrt(inverse)
