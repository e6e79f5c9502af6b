"""Maximum of a smooth function of few coefficients and standard deviations, the latter at least zero."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from toolkit.engine.data import FloatArray

__all__ = ["Maximum", "maximise", "numeric_hessian"]

Function = Callable[[FloatArray], float]

_MAX_ITERATIONS = 60
_H = 2e-3
# Standard deviations on a log scale tried first: the likelihood may rise away from zero and have its maximum far off.
_SCAN = (0.0, 0.1, 0.25, 0.5, 1.0, 2.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Maximum:
    """Where, how high, minus the inverse Hessian over the free parameters (zero rows for those at the boundary)."""

    at: FloatArray
    value: float
    covariance: FloatArray
    converged: bool
    iterations: int


def numeric_hessian(f: Function, at: FloatArray, free: list[int], centre: float) -> tuple[FloatArray, FloatArray]:
    """Gradient and Hessian over the ``free`` parameters by central differences."""
    size = len(free)
    gradient, hessian = np.zeros(size), np.zeros((size, size))
    steps = np.eye(at.size)[free] * _H
    up, down = np.array([f(at + s) for s in steps]), np.array([f(at - s) for s in steps])
    gradient = (up - down) / (2 * _H)
    for i in range(size):
        hessian[i, i] = (up[i] - 2 * centre + down[i]) / _H**2
        for j in range(i):
            both = f(at + steps[i] + steps[j]) + f(at - steps[i] - steps[j])
            hessian[i, j] = hessian[j, i] = (both - up[i] - up[j] - down[i] - down[j] + 2 * centre) / (2 * _H**2)
    return gradient, hessian


def maximise(f: Function, start: FloatArray, coefficients: int) -> Maximum:
    """Newton's method with an ascent safeguard; the parameters after ``coefficients`` are standard deviations.

    The function depends on a standard deviation through its square, so negative values are reflected and the point
    zero is stationary: those that start at zero go on from the best of a scan. A standard
    deviation that ends at zero stays at the boundary.
    """

    def reflected(x: FloatArray) -> float:
        y = x.copy()
        y[coefficients:] = np.abs(y[coefficients:])
        return f(y)

    zero = [i for i in range(coefficients, start.size) if start[i] == 0]
    rest = [i for i in range(start.size) if i not in zero]
    best, value, done, used = _climb(reflected, start, rest)
    if start.size > coefficients:
        if zero:
            best = _scan(reflected, best, value, zero, rest)
        free = list(range(start.size))
        best, value, done, used = _climb(reflected, best, free)
        best[coefficients:] = np.abs(best[coefficients:])
        best, value = _boundary(reflected, best, value, coefficients)
    free = [i for i in range(start.size) if i < coefficients or best[i] > 0]
    if len(free) < start.size:
        best, value, done, used = _climb(reflected, best, free)
    _, hessian = numeric_hessian(reflected, best, free, value)
    covariance = np.zeros((start.size, start.size))
    covariance[np.ix_(free, free)] = np.linalg.pinv(-hessian)
    return Maximum(at=best, value=value, covariance=covariance, converged=done, iterations=used)


def _scan(f: Function, best: FloatArray, value: float, zero: list[int], rest: list[int]) -> FloatArray:
    """The best start over a few values of the standard deviations that are ``zero``, never zero itself."""
    tries = [(value, best)]
    for sd in _SCAN[1:]:
        x = tries[-1][1].copy()
        x[zero] = sd
        x, height, _, _ = _climb(f, x, rest, rounds=2)
        tries.append((height, x))
    start = max(tries, key=lambda pair: pair[0])[1].copy()
    if not start[zero].any():
        start[zero] = 0.03
    return start


def _boundary(f: Function, best: FloatArray, value: float, coefficients: int) -> tuple[FloatArray, float]:
    """Standard deviations set to zero where the likelihood does not fall by it."""
    for i in range(coefficients, best.size):
        if best[i] > 0.05:
            continue
        zero = best.copy()
        zero[i] = 0.0
        height = f(zero)
        if height >= value - 1e-9:
            best, value = zero, max(height, value)
    return best, value


def _climb(
    f: Function, x: FloatArray, free: list[int], rounds: int = _MAX_ITERATIONS
) -> tuple[FloatArray, float, bool, int]:
    """Safeguarded Newton steps over the ``free`` parameters: point, height, whether it converged, steps."""
    value = f(x)
    if not free:
        return x, value, True, 0
    for used in range(1, rounds + 1):
        gradient, hessian = numeric_hessian(f, x, free, value)
        step = np.zeros(x.size)
        step[free] = _ascent(gradient, hessian)
        if np.max(np.abs(step)) < 1e-7:
            return x, value, True, used
        scale = 1.0
        while scale > 1e-8:
            new = f(x + scale * step)
            if new > value:
                break
            scale /= 2
        else:
            return x, value, bool(np.max(np.abs(step)) < 1e-3), used
        x, value = x + scale * step, new
    return x, value, False, rounds


def _ascent(gradient: FloatArray, hessian: FloatArray) -> FloatArray:
    """Newton's step with negative curvature turned round, no longer than 1."""
    values, vectors = np.linalg.eigh(-hessian)
    step: FloatArray = vectors @ ((vectors.T @ gradient) / np.maximum(np.abs(values), 1e-4))
    length = float(np.max(np.abs(step)))
    return step if length <= 1 else step / length
