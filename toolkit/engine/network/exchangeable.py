"""Network meta-regression with exchangeable slopes: each treatment has its own, drawn from one normal distribution.

References
----------
Cooper, Sutton, Morris, Ades, Welton 2009, Stat Med 28:1861-1881 (exchangeable interactions). doi:10.1002/sim.3594
Henderson 1975, Biometrics 31:423-447 (mixed model equations). doi:10.2307/2529430
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from scipy.optimize import OptimizeResult, minimize

from toolkit.engine.data import Effects, Excluded, FloatArray
from toolkit.engine.network._intervals import symmetric_estimate
from toolkit.engine.network.blocks import Block, make_blocks
from toolkit.engine.network.gls import LOG_2PI, Model, bordered
from toolkit.engine.network.regression import usable_studies
from toolkit.engine.network.tau2 import typical_variance
from toolkit.engine.results import Estimate
from toolkit.model.errors import NotEstimable

__all__ = ["ExchangeableRegression", "exchangeable_regression"]

# Starts of the search, as multiples of the typical standard error and slope scale.
STARTS = ((0.3, 0.3), (1.0, 0.1), (0.1, 1.0), (1.0, 1.0))
TOLERANCE = 1e-10
# A standard deviation this small, as a part of its scale, is zero where the likelihood does not fall by it.
NEGLIGIBLE = 1e-3


@dataclass(frozen=True, slots=True, kw_only=True)
class ExchangeableRegression:
    """Effects against the reference at covariate value ``centre``, and the slopes.

    Attributes
    ----------
    mean_slope : mean of the slopes' distribution
    slopes : predicted slope of each treatment, drawn towards the mean where its data say little (best linear unbiased
        prediction, with its prediction error)
    slope_sd : standard deviation of the slopes, 0 on the boundary (then all equal the mean)
    tau2 : between-study variance that remains; both by REML
    """

    reference: str
    treatments: tuple[str, ...]
    centre: float
    effects: tuple[Estimate, ...]
    mean_slope: Estimate
    slopes: tuple[Estimate, ...]
    slope_sd: float
    tau2: float
    log_likelihood: float
    converged: bool
    excluded: tuple[Excluded, ...]


def exchangeable_regression(
    effects: Effects,
    covariate: Mapping[str, float | None],
    reference: str,
    *,
    centre: float | None = None,
    level: float = 0.95,
) -> ExchangeableRegression:
    """Network meta-regression with exchangeable treatment-by-covariate interactions against the reference.

    Parameters
    ----------
    effects : the data
    covariate : value of each study; a study without one is left out and named
    reference : treatment without interaction
    centre : covariate value at which effects are given; the mean over studies by default
    level : confidence level

    Notes
    -----
    The slopes ``b_t = B + u_t``, ``u_t ~ N(0, s2)``, of all treatments but the reference are integrated out; tau2 and
    s2 maximise the restricted likelihood, found from Henderson's equations, which are treatments x treatments.

    Raises
    ------
    InputError, NotEstimable
        As `network_regression`; NotEstimable too for fewer than three treatments, which have one slope.
    """
    used, x, left = usable_studies(effects, covariate, reference)
    if len(used.treatments) < 3:
        raise NotEstimable("Exchangeable slopes need at least three treatments; use the common interaction.")
    middle = float(np.mean(x)) if centre is None else centre
    ref = used.treatments.index(reference)
    others = [t for t in range(len(used.treatments)) if t != ref]
    equations = _Equations(used, x - middle, ref, others)
    tau, sd, value, converged = _search(equations, float(np.std(x)))
    solution, cov = equations.solve(tau, sd)[1:]
    T = len(used.treatments)

    def estimate(c: FloatArray, words: str) -> Estimate:
        return symmetric_estimate(float(c @ solution), float(np.sqrt(c @ cov @ c)), level, words)

    unit = np.eye(len(solution))
    mean = unit[T]
    slopes = tuple(
        estimate(mean + (unit[T + 1 + k] if sd > 0 else 0.0), "slope (predicted)") for k in range(len(others))
    )
    return ExchangeableRegression(
        reference=reference,
        treatments=tuple(used.treatments[t] for t in others),
        centre=middle,
        effects=tuple(estimate(unit[t], f"at covariate {middle:g}") for t in others),
        mean_slope=estimate(mean, "mean slope"),
        slopes=slopes,
        slope_sd=sd,
        tau2=tau**2,
        log_likelihood=value,
        converged=converged,
        excluded=(*used.excluded, *left),
    )


class _Equations:
    """Henderson's equations: treatments, the mean slope, the slopes' deviations."""

    def __init__(self, used: Effects, x: FloatArray, reference: int, others: Sequence[int]) -> None:
        T = len(used.treatments)
        columns = np.zeros((T, T))
        columns[others, 0] = 1.0
        columns[others, 1 + np.arange(len(others))] = 1.0
        blocks = make_blocks(used)
        self.model = Model([_with_slopes(b, columns, x) for b in blocks], T)
        self.fixed = np.array([*others, T])
        self.random = np.arange(T + 1, 2 * T)
        self.df = self.model.n_rows - len(self.fixed)
        self.scale = float(np.sqrt(typical_variance(self.model)))
        if self.df <= 1:
            raise NotEstimable("Too few degrees of freedom are left for two variances.")

    def solve(self, tau: float, sd: float) -> tuple[float, FloatArray, FloatArray]:
        """Restricted log-likelihood, solution (0 for the reference) and its covariance at tau and sd."""
        model = self.model
        W = model.weights(tau**2)
        C = model.assemble([bordered(w) for w in W])
        wy = [np.einsum("sij,sj->si", w, b.y) for w, b in zip(W, model.blocks, strict=True)]
        right = model.gather([np.concatenate([-v.sum(axis=1, keepdims=True), v], axis=1) for v in wy])
        chosen = self.fixed if sd == 0 else np.concatenate([self.fixed, self.random])
        if sd > 0:
            C[self.random, self.random] += 1 / sd**2
        try:
            half = np.linalg.inv(np.linalg.cholesky(C[np.ix_(chosen, chosen)]))
        except np.linalg.LinAlgError as error:
            raise NotEstimable("The studies do not determine the effects and the mean slope.") from error
        cov = np.zeros_like(C)
        cov[np.ix_(chosen, chosen)] = half.T @ half
        solution = cov @ right
        yy = sum(float(np.einsum("si,si->", b.y, v)) for b, v in zip(model.blocks, wy, strict=True))
        log_det = -sum(float(np.linalg.slogdet(w)[1].sum()) for w in W) - 2 * float(np.log(np.diag(half)).sum())
        log_det += 2 * len(self.random) * float(np.log(sd)) if sd > 0 else 0.0
        value = -0.5 * (self.df * LOG_2PI + log_det + yy - float(right @ solution))
        return value, solution, cov


def _with_slopes(block: Block, columns: FloatArray, x: FloatArray) -> Block:
    return replace(block, extra=columns[block.nodes] * x[block.study][:, None, None])


def _descend(cost: Callable[[FloatArray], float], start: tuple[float, float]) -> OptimizeResult:
    options: dict[str, Any] = {"xatol": TOLERANCE, "fatol": TOLERANCE, "maxiter": 2000}
    found: OptimizeResult = minimize(  # type: ignore[call-overload]
        cost, np.array(start), method="Nelder-Mead", options=options
    )
    return found


def _search(equations: _Equations, spread: float) -> tuple[float, float, float, bool]:
    """tau, standard deviation of the slopes, restricted log-likelihood, whether the search converged."""
    unit = np.array([equations.scale, equations.scale / spread])

    def cost(z: FloatArray) -> float:
        tau, sd = np.abs(z) * unit
        return -equations.solve(float(tau), float(sd) if sd > 0 else 0.0)[0]

    found = min((_descend(cost, start) for start in STARTS), key=lambda r: float(r.fun))
    best, value = np.abs(found.x), float(found.fun)
    for corner in (best * [0, 1], best * [1, 0], np.zeros(2)):
        if np.any((corner == 0) & (best > NEGLIGIBLE)):
            continue
        height = cost(corner)
        if height <= value + TOLERANCE:
            best, value = corner, height
    tau, sd = best * unit
    return float(tau), float(sd), -value, bool(found.success)
