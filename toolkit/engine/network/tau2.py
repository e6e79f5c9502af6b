"""Between-study variance of a network.

References
----------
Jackson, White, Riley 2013, Biom J 55:231-245 (generalised moments). doi:10.1002/bimj.201200152
Paule, Mandel 1982, J Res Natl Bur Stand 87:377-385 (Q equals its expectation). doi:10.6028/jres.087.022
Viechtbauer 2005, J Educ Behav Stat 30:261-293 (REML and ML scores). doi:10.3102/10769986030003261
"""

from __future__ import annotations

from typing import Protocol

import numpy as np

from toolkit.engine.data import FloatArray
from toolkit.engine.network.blocks import Block
from toolkit.engine.network.gls import Derivatives
from toolkit.engine.results import Tau2
from toolkit.model.errors import InputError

__all__ = [
    "VarianceModel",
    "estimate_tau2",
    "solve_q",
    "tau2_dersimonian_laird",
    "tau2_fixed",
    "tau2_ml",
    "tau2_paule_mandel",
    "tau2_reml",
    "typical_variance",
]

# Grid of starting values, as multiples of a typical variance: wide enough for a second mode of the likelihood.
GRID = tuple(10.0 ** (k / 2) for k in range(-8, 5))
TOLERANCE = 1e-12
LAST_SECANT = 1e-8
MAX_ITERATIONS = 200


class HasQ(Protocol):
    """A fit with its weighted residual sum of squares."""

    @property
    def q(self) -> float:
        """Weighted residual sum of squares."""


class VarianceModel(Protocol):
    """What a linear model must answer for its between-study variance to be estimated."""

    @property
    def blocks(self) -> tuple[Block, ...]:
        """The studies."""

    @property
    def df(self) -> int:
        """Residual degrees of freedom."""

    def solve(self, tau2: float) -> HasQ:
        """Fit at `tau2`."""

    def log_likelihood(self, tau2: float, *, restricted: bool) -> float:
        """Profile log-likelihood."""

    def log_likelihoods(self, grid: FloatArray, *, restricted: bool) -> FloatArray:
        """Profile log-likelihood at each tau2 of `grid`."""

    def derivatives(self, tau2: float, *, information: bool = True) -> Derivatives:
        """Pieces of the score and, unless it is not wanted, of the information."""


def tau2_dersimonian_laird(model: VarianceModel) -> Tau2:
    """Generalised DerSimonian-Laird: ``max(0, (Q - df) / tr(P S))`` with P and Q at tau2 = 0.

    For networks of two-arm studies and for multi-arm ones alike this is the estimator of netmeta.
    """
    q = model.solve(0.0).q
    value = (q - model.df) / model.derivatives(0.0).trace_p
    return Tau2(value=max(0.0, value), method="DL", boundary=value <= 0, converged=True, iterations=0)


def tau2_reml(model: VarianceModel) -> Tau2:
    """Restricted maximum likelihood."""
    return _maximise(model, restricted=True)


def tau2_ml(model: VarianceModel) -> Tau2:
    """Maximum likelihood; too small on average, more so the more treatments."""
    return _maximise(model, restricted=False)


def tau2_paule_mandel(model: VarianceModel) -> Tau2:
    """Generalised Paule-Mandel: the tau2 at which Q equals its degrees of freedom, 0 where Q(0) is below them."""
    value, iterations, converged = solve_q(model, float(model.df))
    return Tau2(value=value, method="PM", boundary=value == 0.0, converged=converged, iterations=iterations)


def solve_q(model: VarianceModel, target: float) -> tuple[float, int, bool]:
    """The tau2 at which Q(tau2) is `target` (0 where Q(0) is not above it), iterations, whether it converged.

    Q falls and is convex in tau2 with slope ``-y' P S P y``, so Newton's steps from the left never pass the root;
    a bracket guards them against rounding.
    """
    if model.solve(0.0).q <= target:
        return 0.0, 0, True
    scale = typical_variance(model)
    low, high = 0.0, max(scale, tau2_dersimonian_laird(model).value)
    while model.solve(high).q > target:
        low, high = high, 4 * high
    x = low
    for iteration in range(1, MAX_ITERATIONS + 1):
        gap = model.solve(x).q - target
        low, high = (x, high) if gap > 0 else (low, x)
        step = x + gap / model.derivatives(x).quadratic
        new = step if low <= step <= high else (low + high) / 2
        if abs(new - x) <= TOLERANCE * (x + scale):
            return new, iteration, True
        x = new
    return x, MAX_ITERATIONS, False


def typical_variance(model: VarianceModel) -> float:
    """Median sampling variance of the contrasts with a study's base arm: the scale on which tau2 is looked for."""
    return float(np.median(np.concatenate([np.einsum("sii->si", b.V).ravel() for b in model.blocks])))


def tau2_fixed(model: VarianceModel, value: float | None) -> Tau2:
    """The value the user gave."""
    if value is None or not np.isfinite(value) or value < 0:
        raise InputError("tau2 fixed by the user must be a number of at least 0.", value=value)
    return Tau2(value=float(value), method="fixed", boundary=False, converged=True, iterations=0)


def estimate_tau2(model: VarianceModel, method: str, value: float | None = None) -> Tau2:
    """tau2 by the estimator named `method`: "DL", "PM", "REML", "ML", or "fixed" at `value`."""
    if method == "fixed":
        return tau2_fixed(model, value)
    estimators = {"DL": tau2_dersimonian_laird, "PM": tau2_paule_mandel, "REML": tau2_reml, "ML": tau2_ml}
    if method not in estimators:
        raise InputError("Unknown estimator of tau2 in a network.", value=method, allowed="DL, PM, REML, ML, fixed")
    return estimators[method](model)


def _score(model: VarianceModel, tau2: float, restricted: bool, *, information: bool) -> tuple[float, float]:
    """Score and expected information (0 where it is not wanted)."""
    d = model.derivatives(tau2, information=information)
    if restricted:
        return 0.5 * (d.quadratic - d.trace_p), 0.5 * d.trace_pp
    return 0.5 * (d.quadratic - d.trace_w), 0.5 * d.trace_ww


def _vertex(grid: list[float], values: FloatArray, best: int) -> float:
    """Top of the parabola in the logarithm of tau2 through the best point and its neighbours; near zero the best."""
    if best < 2 or best == len(grid) - 1:
        return grid[best]
    a, b, c = (float(np.log(grid[k])) for k in (best - 1, best, best + 1))
    fa, fb, fc = values[best - 1 : best + 2].tolist()
    turn = (b - a) * (fb - fc) - (b - c) * (fb - fa)
    if turn <= 0:
        return grid[best]
    return float(np.exp(b - 0.5 * ((b - a) ** 2 * (fb - fc) - (b - c) ** 2 * (fb - fa)) / turn))


def _maximise(model: VarianceModel, *, restricted: bool) -> Tau2:
    """Highest mode on a grid that includes zero, then a step of Fisher scoring and secants of the score in its bracket.

    The information is computed for the first step and at the end; a secant that moves by less than `LAST_SECANT` is the
    last one, since what it leaves is of a higher order.
    """
    method = "REML" if restricted else "ML"
    typical = typical_variance(model)
    grid = [0.0, *(typical * g for g in GRID)]
    while True:
        values = model.log_likelihoods(np.array(grid), restricted=restricted)
        best = int(np.argmax(values))
        if best < len(grid) - 1:
            break
        grid.append(grid[-1] * 10)
    low, high = grid[max(best - 1, 0)], grid[best + 1]
    x, last = _vertex(grid, values, best), (np.nan, np.nan)
    iterations, converged = 0, False
    for iterations in range(1, MAX_ITERATIONS + 1):
        score, information = _score(model, x, restricted, information=iterations == 1)
        if x == 0.0 and score <= 0:
            converged = True
            break
        low, high = (x, high) if score > 0 else (low, x)
        step = x + score / information if information > 0 else np.nan
        secant = x - score * (x - last[0]) / (score - last[1]) if score != last[1] else np.nan
        new = next((s for s in (secant, step) if low < s < high), (low + high) / 2)
        last = x, score
        close = LAST_SECANT if new == secant else TOLERANCE
        moved, x = abs(new - x), new
        if moved <= close * (x + typical):
            converged = True
            break
    if best == 0 and x > 0 and values[0] >= model.log_likelihood(x, restricted=restricted):
        x = 0.0
    information = _score(model, x, restricted, information=True)[1] if x > 0 else 0.0
    se = float(1 / np.sqrt(information)) if information > 0 else None
    return Tau2(value=x, method=method, boundary=x == 0.0, converged=converged, iterations=iterations, se=se)
