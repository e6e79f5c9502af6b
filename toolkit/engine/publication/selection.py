"""Selection models: the probability that a study is seen depends on its one-sided p value.

A selection function is an entry of `SELECTION_MODELS`: log weight as a function of log p and log(1 - p), with
parameters on the scale of their logarithm.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import chdtrc, log_ndtr, logsumexp, ndtr, ndtri

from toolkit.engine.data import FloatArray
from toolkit.engine.glmm.optimise import Maximum, maximise
from toolkit.engine.intervals import quantile, two_sided_p
from toolkit.engine.results import Estimate, PairwiseResult
from toolkit.engine.sensitivity import studies_of
from toolkit.engine.tau2 import tau2_ml
from toolkit.model.errors import InputError, NotEstimable

__all__ = ["SELECTION_MODELS", "SelectionModel", "selection_model"]

Weight = Callable[[FloatArray, FloatArray, FloatArray], FloatArray]

# Log parameters beyond this size change the weights no more: the maximum lies at an edge of the parameter space.
_EDGE = 9.0
# Beta weights whose expectation is nearly infinite (at 1) or reached by no grid are outside the parameter space.
_FINITE, _FARTHEST, _MOST_STEPS = 0.98, 120.0, 3000
# Starts that are followed to their maximum, besides the one without heterogeneity.
_STARTS = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class _Kind:
    weight: Weight
    start: tuple[tuple[float, ...], ...]
    help: str


def _beta(log_p: FloatArray, log_q: FloatArray, delta: FloatArray) -> FloatArray:
    value: FloatArray = (delta[0] - 1) * log_p + (delta[1] - 1) * log_q
    return value


def _logistic(log_p: FloatArray, log_q: FloatArray, delta: FloatArray) -> FloatArray:
    rate = delta[0] * np.exp(log_p)
    value: FloatArray = np.log(2.0) - rate - np.log1p(np.exp(-rate))
    return value


SELECTION_MODELS: dict[str, _Kind] = {
    "beta": _Kind(
        weight=_beta, start=((1.0, 1.0), (0.6, 1.0), (1.3, 1.6), (1.0, 0.6), (1.1, 2.5)), help="p^(a-1) (1-p)^(b-1)"
    ),
    "halfnorm": _Kind(
        weight=lambda log_p, log_q, d: -d[0] * np.exp(2 * log_p), start=((0.1,), (1.0,), (5.0,)), help="exp(-d p^2)"
    ),
    "negexp": _Kind(
        weight=lambda log_p, log_q, d: -d[0] * np.exp(log_p), start=((0.1,), (1.0,), (5.0,)), help="exp(-d p)"
    ),
    "logistic": _Kind(weight=_logistic, start=((0.1,), (1.0,), (5.0,)), help="2 exp(-d p) / (1 + exp(-d p))"),
    "power": _Kind(weight=lambda log_p, log_q, d: d[0] * log_q, start=((0.1,), (1.0,), (3.0,)), help="(1 - p)^d"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class SelectionModel:
    """A fitted selection model by maximum likelihood.

    Attributes
    ----------
    kind : "step" or a key of `SELECTION_MODELS`
    direction : "greater" or "less": which one-sided p value decides
    steps : upper ends of the intervals of a step function, the last one 1; empty for other kinds
    studies : how many fall into each interval
    estimate : adjusted random-effects estimate, Wald
    unadjusted : the same model without selection
    tau2, tau2_se : adjusted between-study variance
    delta, delta_se : parameters of the selection function; the first step is 1 by definition; None where it was fixed
        or lies at the edge of the parameter space
    log_likelihood, log_likelihood_unadjusted, lrt, df, p : likelihood-ratio test of no selection
    converged : whether the search ended in a proper maximum
    notes : what a reader must know
    """

    kind: str
    direction: str
    steps: tuple[float, ...]
    studies: tuple[int, ...]
    estimate: Estimate
    unadjusted: Estimate
    tau2: float
    tau2_se: float | None
    delta: tuple[float, ...]
    delta_se: tuple[float | None, ...]
    log_likelihood: float
    log_likelihood_unadjusted: float
    lrt: float
    df: int
    p: float | None
    converged: bool
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Problem:
    """Effects in units of a typical standard error, and everything the likelihood needs of them."""

    y: FloatArray
    v: FloatArray
    sign: float
    scale: float

    @property
    def se(self) -> FloatArray:
        return np.sqrt(self.v)


def selection_model(
    result: PairwiseResult,
    kind: str = "step",
    *,
    steps: Sequence[float] = (0.025,),
    delta: Sequence[float] | None = None,
    direction: str = "auto",
    common: bool = False,
) -> SelectionModel:
    """A selection model of the studies of a fit.

    Parameters
    ----------
    kind : "step" or a key of `SELECTION_MODELS`
    steps : cut points of the one-sided p value for "step"; 1 is added
    delta : fixed weights of the intervals instead of estimated ones (Vevea and Woods)
    direction : "greater" where positive effects were more likely seen, "less", or "auto" by the common-effect estimate
    common : no between-study variance

    Raises
    ------
    NotEstimable
        With fewer than three studies, or a step whose interval holds no study.

    References
    ----------
    Vevea, Hedges 1995, Psychometrika 60:419-435. doi:10.1007/BF02294384
    Vevea, Woods 2005, Psychol Methods 10:428-443. doi:10.1037/1082-989X.10.4.428
    Preston, Ashby, Smyth 2004, J Eval Clin Pract 10:313-322 (half-normal, exponential, logistic).
    doi:10.1111/j.1365-2753.2003.00457.x
    Citkowicz, Vevea 2017, Psychol Methods 22:28-41 (beta). doi:10.1037/met0000119
    """
    _, y, v = studies_of(result)
    if kind != "step" and kind not in SELECTION_MODELS:
        raise InputError("Unknown selection model.", value=kind, allowed="step, " + ", ".join(SELECTION_MODELS))
    if direction not in ("auto", "greater", "less"):
        raise InputError("Unknown direction.", value=direction, allowed="auto, greater, less")
    if y.size < 3:
        raise NotEstimable(f"A selection model takes at least three studies; there are {y.size}.")
    if direction == "auto":
        direction = "greater" if float((y / v).sum()) >= 0 else "less"
    unit = float(np.sqrt(np.median(v)))
    problem = _Problem(y=y / unit, v=v / unit**2, sign=1.0 if direction == "greater" else -1.0, scale=unit)
    ends, counts = _intervals(problem, steps, delta) if kind == "step" else ((), ())
    plain = _fit(problem, lambda mu, sd, d: 0.0, [()], common)
    if kind == "step":
        found = _fit_steps(problem, ends, counts, delta, common)
    else:
        entry = SELECTION_MODELS[kind]
        found = _fit(problem, _smooth(problem, entry.weight), list(entry.start), common)
    return _result(result, kind, direction, ends, counts, delta, problem, plain, found, common)


def _one_sided(problem: _Problem) -> FloatArray:
    value: FloatArray = ndtr(-problem.sign * problem.y / problem.se)
    return value


def _intervals(
    problem: _Problem, steps: Sequence[float], delta: Sequence[float] | None
) -> tuple[tuple[float, ...], tuple[int, ...]]:
    ends = (*sorted({float(s) for s in steps if s < 1}), 1.0)
    if not all(0 < s <= 1 for s in ends) or len(ends) < 2:
        raise InputError("Steps are p values between 0 and 1.", value=str(steps), allowed="such as 0.025 or 0.025,0.5")
    if delta is not None and (len(delta) != len(ends) or min(delta) <= 0):
        raise InputError(f"There are {len(delta)} weights for {len(ends)} intervals.", allowed="a number above 0 each")
    at = np.searchsorted(np.array(ends), _one_sided(problem), side="left")
    counts = tuple(int(c) for c in np.bincount(at, minlength=len(ends)))
    empty = [ends[i] for i, c in enumerate(counts) if c == 0]
    if empty and delta is None:
        raise NotEstimable(
            f"The weights are not estimable, because no study has a p value in the interval up to {empty[0]:g}: "
            "choose other steps."
        )
    return ends, counts


Adjust = Callable[[float, float, FloatArray], float]


def _fit(problem: _Problem, adjust: Adjust, starts: Sequence[tuple[float, ...]], common: bool) -> Maximum:
    """Maximum over mean, log parameters and, unless ``common``, the between-study standard deviation."""
    y, v = problem.y, problem.v

    def value(x: FloatArray) -> float:
        logs = x[1:] if common else x[1:-1]
        sd = 0.0 if common else float(x[-1])
        logs = np.clip(logs, -_EDGE, _EDGE)  # flat beyond, where the weights change no more
        total = v + sd**2
        plain = -0.5 * float((np.log(2 * np.pi * total) + (y - x[0]) ** 2 / total).sum())
        return plain + adjust(float(x[0]), sd, np.exp(logs))

    best: Maximum | None = None
    tau2 = 0.0 if common else float(tau2_ml(y, v).value[0])
    w = 1 / (v + tau2)
    mean = float((w * y).sum() / w.sum())
    tau = float(np.sqrt(tau2))
    sds: list[tuple[float, ...]] = [()] if common else [(max(0.3, tau),), (0.3 + 2 * tau,)]
    tries = [np.array([mean, *np.log(start), *sd]) for start in starts for sd in sds]
    tries.sort(key=value, reverse=True)
    if not common:
        tries = [*tries[:_STARTS], np.array([mean, *np.log(starts[0]), 0.0])]
    for at in tries[: _STARTS + 1]:
        found = maximise(value, at, 1 + len(starts[0]))
        # A proper maximum rather than a climb that ended at the edge of what can be computed.
        higher = best is None or (found.converged, found.value) > (best.converged, best.value + 1e-9)
        if higher:
            best = found
    assert best is not None
    return best


def _smooth(problem: _Problem, weight: Weight) -> Adjust:
    """Sum of log weights minus log expected weights; the expectation by the trapezoid rule on the normal scale."""
    coarse = np.linspace(-1.0, 1.0, 301)
    own = problem.sign * problem.y / problem.se
    own_p, own_q = log_ndtr(-own), log_ndtr(own)

    def adjust(mu: float, sd: float, delta: FloatArray) -> float:
        spread = np.sqrt(problem.v + sd**2)
        reach = np.full(spread.size, 9.0)
        t = coarse
        if weight is _beta:
            # p^(a-1) has an expectation only where (1 - a)(v + tau2) < v, and likewise for 1 - p. Towards that edge
            # its integrand goes further out: as a normal density of variance 1 / (1 - c) about a far mean.
            c = (1 - float(delta.min())) * (1 + sd**2 / problem.v)
            excess = float(c.max()) - _FINITE
            if excess > 0:
                return -1e4 * (1 + excess)
            left = 1 - np.maximum(c, 0.0)
            reach = 9 / np.sqrt(left) + np.maximum(c, 0.0) / left * abs(mu) / spread
            # The weight is a hill of width 1.2 / sqrt(a + b) on the scale of z values, which the grid must see.
            steps = float((reach * spread / problem.se).max()) * 3 * float(np.sqrt(max(1.0, float(delta.sum()))))
            if float(reach.max()) > _FARTHEST or steps > _MOST_STEPS:
                return -1e4 * (1 + float(reach.max()) / _FARTHEST + steps / _MOST_STEPS)
            t = coarse if steps <= 300 else np.linspace(-1.0, 1.0, int(steps) + 1)
        z = reach[:, None] * t
        grid = problem.sign * (mu + spread[:, None] * z) / problem.se[:, None]
        log_phi = -(z**2) / 2 + np.log(reach[:, None] * (t[1] - t[0]) / np.sqrt(2 * np.pi))
        expected = logsumexp(weight(log_ndtr(-grid), log_ndtr(grid), delta) + log_phi, axis=1)
        return float((weight(own_p, own_q, delta) - expected).sum())

    return adjust


def _fit_steps(
    problem: _Problem,
    ends: tuple[float, ...],
    counts: tuple[int, ...],
    delta: Sequence[float] | None,
    common: bool,
) -> Maximum:
    bounds = -ndtri(np.array(ends[:-1]))  # z above which p is below the step
    limits = problem.sign * problem.se[:, None] * bounds

    def adjust(mu: float, sd: float, free: FloatArray) -> float:
        weights = np.array(delta, dtype=float) if delta is not None else np.concatenate([[1.0], free])
        spread = np.sqrt(problem.v + sd**2)
        above = ndtr(problem.sign * (mu - limits) / spread[:, None])
        edges = np.concatenate([np.zeros((problem.y.size, 1)), above, np.ones((problem.y.size, 1))], axis=1)
        expected = np.diff(edges, axis=1) @ weights
        return float(np.array(counts) @ np.log(weights) - np.log(expected).sum())

    n = 0 if delta is not None else len(ends) - 1
    starts = [()] if n == 0 else [(0.5,) * n, (1.0,) * n, (0.1,) * n]
    return _fit(problem, adjust, starts, common)


def _estimate(mean: float, se: float, level: float, method: str) -> Estimate:
    half = float(quantile(level, np.inf)) * se
    return Estimate(
        estimate=mean,
        se=se,
        ci_low=mean - half,
        ci_high=mean + half,
        statistic=mean / se,
        p=float(two_sided_p(mean / se, np.inf)),
        df=None,
        method=method,
    )


def _result(
    result: PairwiseResult,
    kind: str,
    direction: str,
    ends: tuple[float, ...],
    counts: tuple[int, ...],
    fixed: Sequence[float] | None,
    problem: _Problem,
    plain: Maximum,
    found: Maximum,
    common: bool,
) -> SelectionModel:
    logs = found.at[1:] if common else found.at[1:-1]
    free = np.exp(np.clip(logs, -_EDGE, _EDGE))
    at_edge = np.abs(logs) > _EDGE - 0.5
    variances = np.diag(found.covariance)
    delta_se = [None if edge else float(d * np.sqrt(max(s, 0.0))) for d, s, edge in
                zip(free, variances[1 : 1 + free.size], at_edge, strict=True)]  # fmt: skip
    delta = tuple(float(d) for d in free)
    if kind == "step":
        delta = (1.0, *delta) if fixed is None else tuple(float(d) for d in fixed)
        delta_se = [None, *delta_se] if fixed is None else [None] * len(delta)
    sd = 0.0 if common else float(found.at[-1])
    # The log-likelihood is that of the effects in their own unit.
    unit = -problem.y.size * float(np.log(problem.scale))
    lrt = max(0.0, 2 * (found.value - plain.value)) if free.size else 0.0
    level = result.spec.level
    notes = []
    if at_edge.any():
        notes.append("a weight lies at the edge of its range: the studies do not determine it")
    small = [f"{end:g} ({count})" for end, count in zip(ends, counts, strict=True) if count < 4]
    if small and fixed is None:
        notes.append(f"few studies in the intervals up to {', '.join(small)}: their weights are barely determined")
    return SelectionModel(
        kind=kind,
        direction=direction,
        steps=ends,
        studies=counts,
        estimate=_estimate(
            float(found.at[0]) * problem.scale,
            float(np.sqrt(max(variances[0], 1e-300))) * problem.scale,
            level,
            f"selection model ({kind})",
        ),
        unadjusted=_estimate(
            float(plain.at[0]) * problem.scale, float(np.sqrt(plain.covariance[0, 0])) * problem.scale, level, "ML"
        ),
        tau2=sd**2 * problem.scale**2,
        tau2_se=float(2 * sd * np.sqrt(max(variances[-1], 0.0))) * problem.scale**2 if sd > 0 else None,
        delta=delta,
        delta_se=tuple(delta_se),
        log_likelihood=found.value + unit,
        log_likelihood_unadjusted=plain.value + unit,
        lrt=lrt,
        df=int(free.size),
        p=float(chdtrc(free.size, lrt)) if free.size else None,
        converged=found.converged and not at_edge.any(),
        notes=tuple(notes),
    )
