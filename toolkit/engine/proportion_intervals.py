"""Intervals of single proportions, for the rows of the studies: one function and one entry of ``choices.STUDY_CI``.

Each takes events and units (k,) and the level and returns bounds (k,) of the proportions.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module

import numpy as np
from scipy.special import betaincinv, ndtri

from toolkit.engine.data import FloatArray
from toolkit.model.choices import STUDY_CI

__all__ = [
    "agresti_coull",
    "clopper_pearson",
    "interval_of_proportion",
    "on_scale",
    "simple",
    "simple_continuity",
    "wilson",
    "wilson_continuity",
]

Bounds = tuple[FloatArray, FloatArray]


def _z(level: float) -> float:
    return float(ndtri(1 - (1 - level) / 2))


def clopper_pearson(x: FloatArray, n: FloatArray, level: float) -> Bounds:
    """Exact: the proportions at which as many events or more, or as few or fewer, have probability alpha / 2.

    References
    ----------
    Clopper, Pearson 1934, Biometrika 26:404-413. doi:10.1093/biomet/26.4.404
    """
    tail = (1 - level) / 2
    with np.errstate(invalid="ignore"):
        low = np.where(x > 0, betaincinv(np.maximum(x, 1e-300), n - x + 1, tail), 0.0)
        high = np.where(x < n, betaincinv(x + 1, np.maximum(n - x, 1e-300), 1 - tail), 1.0)
    return low, high


def wilson(x: FloatArray, n: FloatArray, level: float) -> Bounds:
    """The proportions that the score test does not reject.

    References
    ----------
    Wilson 1927, J Am Stat Assoc 22:209-212. doi:10.1080/01621459.1927.10502953
    """
    z, p = _z(level), x / n
    middle = (p + z**2 / (2 * n)) / (1 + z**2 / n)
    half = z / (1 + z**2 / n) * np.sqrt(p * (1 - p) / n + z**2 / (4 * n**2))
    return np.where(x == 0, 0.0, middle - half), np.where(x == n, 1.0, middle + half)


def wilson_continuity(x: FloatArray, n: FloatArray, level: float) -> Bounds:
    """Wilson's interval with a continuity correction.

    References
    ----------
    Newcombe 1998, Stat Med 17:857-872, method 4. doi:10.1002/(SICI)1097-0258(19980430)17:8<857::AID-SIM777>3.0.CO;2-E
    """
    z, p, q = _z(level), x / n, 1 - x / n
    bottom = 2 * (n + z**2)
    low = (2 * x + z**2 - 1 - z * np.sqrt(np.maximum(z**2 - 2 - 1 / n + 4 * p * (n * q + 1), 0))) / bottom
    high = (2 * x + z**2 + 1 + z * np.sqrt(np.maximum(z**2 + 2 - 1 / n + 4 * p * (n * q - 1), 0))) / bottom
    return np.where(x == 0, 0.0, np.maximum(low, 0.0)), np.where(x == n, 1.0, np.minimum(high, 1.0))


def agresti_coull(x: FloatArray, n: FloatArray, level: float) -> Bounds:
    """Wald's interval after z^2 / 2 events and as many non-events were added, cut at 0 and 1.

    References
    ----------
    Agresti, Coull 1998, Am Stat 52:119-126. doi:10.1080/00031305.1998.10480550
    """
    z = _z(level)
    return _cut(*_wald((x + z**2 / 2) / (n + z**2), n + z**2, z))


def simple(x: FloatArray, n: FloatArray, level: float) -> Bounds:
    """Wald's interval on the scale of the proportion, cut at 0 and 1; no width without or with only events."""
    return _cut(*_wald(x / n, n, _z(level)))


def simple_continuity(x: FloatArray, n: FloatArray, level: float) -> Bounds:
    """Wald's interval widened by 1 / (2 n) on each side, cut at 0 and 1.

    References
    ----------
    Newcombe 1998, Stat Med 17:857-872, method 2. doi:10.1002/(SICI)1097-0258(19980430)17:8<857::AID-SIM777>3.0.CO;2-E
    """
    low, high = _wald(x / n, n, _z(level))
    return _cut(low - 1 / (2 * n), high + 1 / (2 * n))


def _wald(p: FloatArray, n: FloatArray, z: float) -> Bounds:
    half = z * np.sqrt(p * (1 - p) / n)
    return p - half, p + half


def _cut(low: FloatArray, high: FloatArray) -> Bounds:
    return np.maximum(low, 0.0), np.minimum(high, 1.0)


def interval_of_proportion(key: str, x: FloatArray, n: FloatArray, level: float) -> Bounds:
    """Bounds of proportions by a key of ``choices.STUDY_CI``.

    Examples
    --------
    >>> low, high = interval_of_proportion("CP", np.array([0.0]), np.array([20.0]), 0.95)
    >>> low.tolist(), high.round(4).tolist()
    ([0.0], [0.1684])
    """
    module, _, name = STUDY_CI[key].target.partition(":")
    found: Bounds = getattr(import_module(module), name)(x, n, level)
    return found


_ON_SCALE: dict[str, Callable[[FloatArray], FloatArray]] = {
    "identity": lambda p: p,
    "log": np.log,
    "logit": lambda p: np.log(p) - np.log1p(-p),
    "probit": ndtri,
    "arcsine": lambda p: np.arcsin(np.sqrt(p)),
    "freeman_tukey": lambda p: np.arcsin(np.sqrt(p)),
}


def on_scale(p: FloatArray, scale: str) -> FloatArray:
    """Proportions on a model scale, so that `toolkit.engine.scales.back` gives them again; 0 and 1 may be infinite."""
    with np.errstate(divide="ignore"):
        return np.asarray(_ON_SCALE[scale](p), dtype=float)
