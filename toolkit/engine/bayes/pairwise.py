"""The normal-normal model with a prior of tau: posterior of the mean, of tau, of a new study, of each study.

Given tau everything is normal, so one integral over tau is left; it is done by Gauss-Legendre panels on
``t = tau / (tau + s)``, which takes heavy tails to a finite end.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from scipy.optimize import brentq
from scipy.special import ndtr, ndtri

from toolkit.engine.bayes.priors import PRIORS, Prior, parse_prior, sum_by_study
from toolkit.engine.data import FloatArray
from toolkit.engine.results import PairwiseResult
from toolkit.engine.scales import back
from toolkit.engine.sensitivity import studies_of
from toolkit.model.choices import MEASURES
from toolkit.model.errors import InputError, NotEstimable
from toolkit.model.wording import counted

__all__ = ["BayesResult", "Posterior", "Shrunken", "bayesian", "default_prior", "posterior_to_dict"]

_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(10)
_PANELS_INSIDE, _PANELS_OUTSIDE = 150, 40
# Log density below its maximum beyond which the rest of the axis gets the coarser panels.
_NEGLIGIBLE = 40.0
_LEAST = 1e-15  # weights of nodes that move no quantile


@dataclass(frozen=True, slots=True, kw_only=True)
class Posterior:
    """Median, equal-tailed interval, mean and SD; the last two None where the prior's tail leaves them infinite."""

    median: float
    low: float
    high: float
    mean: float | None
    sd: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Shrunken:
    """Posterior mean and SD of one study's own effect."""

    study: str
    mean: float
    sd: float


@dataclass(frozen=True, slots=True, kw_only=True)
class BayesResult:
    """A Bayesian random-effects meta-analysis.

    Attributes
    ----------
    prior : of tau, as given; ``mu_prior`` is (mean, SD) of a normal prior of the mean, None for a flat one
    mu, tau, predictive : posteriors of the mean, of tau and of the effect in a new study, on the model scale
    p_above : posterior probability that the mean is above zero
    studies : each study's own effect
    log_marginal : logarithm of the marginal likelihood, None with an improper prior
    """

    prior: str
    mu_prior: tuple[float, float] | None
    level: float
    k: int
    mu: Posterior
    tau: Posterior
    predictive: Posterior
    p_above: float
    studies: tuple[Shrunken, ...]
    log_marginal: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Mixture:
    """Nodes of tau with their posterior weights, and the normal distribution of the mean at each."""

    tau: FloatArray
    weight: FloatArray
    mean: FloatArray
    variance: FloatArray


@dataclass(frozen=True, slots=True, kw_only=True)
class _Map:
    """From t in (0, 1) to ``tau = scale (t / (1 - t))^power``; a power above 1 for tails that are flat in log tau."""

    scale: float
    power: float

    def tau(self, t: FloatArray) -> FloatArray:
        value: FloatArray = self.scale * (t / (1 - t)) ** self.power
        return value

    def log_slope(self, t: FloatArray) -> FloatArray:
        """Log of the derivative of tau."""
        value: FloatArray = (
            np.log(self.power * self.scale) + (self.power - 1) * np.log(t) - (self.power + 1) * np.log1p(-t)
        )
        return value


def bayesian(
    result: PairwiseResult,
    prior: str | Prior = "half-normal:0.5",
    *,
    mu_prior: tuple[float, float] | None = None,
    level: float | None = None,
) -> BayesResult:
    """The posterior of a fit's studies.

    Parameters
    ----------
    result : a fit; its effects are on the model scale, and so are the priors
    prior : of tau, see `PRIORS`
    mu_prior : mean and SD of a normal prior of the mean; flat if None
    level : of the intervals; that of the fit if None

    Raises
    ------
    NotEstimable
        With too few studies for an improper prior.

    References
    ----------
    Roever 2020, J Stat Softw 93(6) (the model and its priors). doi:10.18637/jss.v093.i06
    Friede, Roever, Wandel, Neuenschwander 2017, Res Synth Methods 8:79-91 (few studies). doi:10.1002/jrsm.1217
    Turner, Jackson, Wei, Thompson, Higgins 2015, Stat Med 34:984-998. doi:10.1002/sim.6381
    Rhodes, Turner, Higgins 2015, J Clin Epidemiol 68:52-60. doi:10.1016/j.jclinepi.2014.08.012

    Examples
    --------
    >>> from toolkit.engine.effects import effects_from_estimates
    >>> from toolkit.engine.pairwise import pairwise
    >>> found = bayesian(pairwise(effects_from_estimates(["A", "B"], [0.0, 0.4], v=[0.04, 0.04])))
    >>> round(found.mu.median, 3), found.mu.low < 0 < found.mu.high
    (0.2, True)
    """
    if result.spec.model != "IV":
        raise InputError(
            "This Bayesian model takes effects and their variances.", value=result.spec.model, allowed="IV"
        )
    chosen = parse_prior(prior) if isinstance(prior, str) else prior
    if chosen.measures and result.spec.measure not in chosen.measures:
        raise InputError(
            f"The prior {chosen.text} is of another effect measure.", value=result.spec.measure,
            allowed=", ".join(chosen.measures),
        )  # fmt: skip
    if mu_prior is not None and not mu_prior[1] > 0:
        raise InputError("The SD of the prior of the mean is above 0.", value=mu_prior[1])
    names, y, v = studies_of(result)
    kind, k = PRIORS[chosen.kind], len(names)
    if k == 0:
        raise NotEstimable("No study gives an effect.")
    falls = kind.tail + (k if mu_prior is not None else k - 1)
    if falls <= 1:
        raise NotEstimable(f"The prior {chosen.text} needs more than {counted(k, 'study')}: the posterior is improper.")
    at = level or result.spec.level
    unnormalised = _log_posterior(chosen, y, v, mu_prior)
    panels, scale, height = _panels(unnormalised, _Map(scale=float(np.median(np.sqrt(v))), power=kind.stretch))
    tau, mass = _nodes(unnormalised, panels, scale, height)
    total = float(mass.sum())
    mean, precision = _given(tau, y, v, mu_prior)
    own = _Mixture(tau=tau, weight=mass / total, mean=mean, variance=1 / precision)
    return BayesResult(
        prior=chosen.text,
        mu_prior=mu_prior,
        level=at,
        k=k,
        mu=_normal_mixture(own, own.variance, at, falls),
        tau=_tau_posterior(own, unnormalised, panels, scale, height, total, at, falls),
        predictive=_normal_mixture(own, own.variance + tau**2, at, falls),
        p_above=float(own.weight @ ndtr(own.mean / np.sqrt(own.variance))),
        studies=_shrunken(names, y, v, own),
        log_marginal=height + float(np.log(total)) if kind.proper and mu_prior is not None else None,
    )


def _given(
    tau: FloatArray, y: FloatArray, v: FloatArray, mu_prior: tuple[float, float] | None
) -> tuple[FloatArray, FloatArray]:
    """Mean and precision of mu at each tau."""
    m0, p0 = (0.0, 0.0) if mu_prior is None else (mu_prior[0], mu_prior[1] ** -2)
    precision = sum_by_study(tau, v, lambda t: 1 / (v + t**2)) + p0
    return (sum_by_study(tau, v, lambda t: y / (v + t**2)) + m0 * p0) / precision, precision


def _log_posterior(
    prior: Prior, y: FloatArray, v: FloatArray, mu_prior: tuple[float, float] | None
) -> Callable[[FloatArray], FloatArray]:
    """Log of prior times likelihood of tau, the mean integrated out."""

    centre = float((y / v).sum() / (1 / v).sum())

    def log_density(tau: FloatArray) -> FloatArray:
        mean, precision = _given(tau, y, v, mu_prior)
        logs = sum_by_study(tau, v, lambda t: np.log(2 * np.pi * (v + t**2)))
        # Around the common mean first: the square of a large mean would drown the spread.
        first, second = (sum_by_study(tau, v, lambda t, n=n: (y - centre) ** n / (v + t**2)) for n in (1, 2))  # type: ignore[misc]
        weight = precision - (0.0 if mu_prior is None else mu_prior[1] ** -2)
        spread = second - 2 * (mean - centre) * first + (mean - centre) ** 2 * weight
        value = -(logs + spread + np.log(precision / (2 * np.pi))) / 2
        if mu_prior is not None:
            value -= (((mean - mu_prior[0]) / mu_prior[1]) ** 2 + np.log(2 * np.pi * mu_prior[1] ** 2)) / 2
        return value + prior.log_density(tau, v)

    return log_density


def _panels(log_density: Callable[[FloatArray], FloatArray], scale: _Map) -> tuple[FloatArray, _Map, float]:
    """Ends of the panels in t, the map of t, and the largest log density in t: narrow panels where the mass is."""
    for _ in range(3):
        t = (np.arange(2000) + 0.5) / 2000
        height = _in_t(log_density, t, scale)
        best = float(t[int(np.argmax(height))])
        if 0.2 < best < 0.8:
            break
        scale = replace(scale, scale=scale.scale * max((best / (1 - best)) ** scale.power, 1e-3))
    inside = np.flatnonzero(height > height.max() - _NEGLIGIBLE)
    low, high = max(0.0, float(t[inside[0]]) - 1e-3), min(1.0, float(t[inside[-1]]) + 1e-3)
    parts = [np.linspace(low, high, _PANELS_INSIDE + 1)]
    if low > 0:
        parts.insert(0, np.linspace(0.0, low, _PANELS_OUTSIDE + 1)[:-1])
    if high < 1:
        parts.append(np.linspace(high, 1.0, _PANELS_OUTSIDE + 1)[1:])
    return np.concatenate(parts), scale, float(height.max())


def _in_t(log_density: Callable[[FloatArray], FloatArray], t: FloatArray, scale: _Map) -> FloatArray:
    """Log density of t."""
    return log_density(scale.tau(t)) + scale.log_slope(t)


def _nodes(
    log_density: Callable[[FloatArray], FloatArray], panels: FloatArray, scale: _Map, height: float
) -> tuple[FloatArray, FloatArray]:
    """tau and mass (relative to ``height``) of every node of all panels."""
    half = np.diff(panels) / 2
    t = ((panels[:-1] + half)[:, None] + half[:, None] * _NODES).ravel()
    mass = np.exp(_in_t(log_density, t, scale) - height) * (half[:, None] * _WEIGHTS).ravel()
    return scale.tau(t), mass


def _normal_mixture(own: _Mixture, variance: FloatArray, level: float, falls: float) -> Posterior:
    """Summary of a mixture of normals with the means of ``own``."""
    sd = np.sqrt(variance)
    centre = float(own.weight @ own.mean)

    matter = own.weight > _LEAST
    unit = float(np.median(sd[matter]))

    def quantile(p: float) -> float:
        bounds = (own.mean + sd * float(ndtri(p)))[matter]
        low, high = float(bounds.min()), float(bounds.max())
        if low == high:
            return low

        def excess(x: float) -> float:
            return float(own.weight @ ndtr((x - own.mean) / sd)) - p

        return float(brentq(excess, low, high, xtol=1e-13 * min(unit, high - low)))

    tail = (1 - level) / 2
    second = float(own.weight @ (variance + (own.mean - centre) ** 2)) if falls > 3 else None
    return Posterior(
        median=quantile(0.5), low=quantile(tail), high=quantile(1 - tail), mean=centre if falls > 2 else None,
        sd=None if second is None else second**0.5,
    )  # fmt: skip


def _tau_posterior(
    own: _Mixture,
    log_density: Callable[[FloatArray], FloatArray],
    panels: FloatArray,
    scale: _Map,
    height: float,
    total: float,
    level: float,
    falls: float,
) -> Posterior:
    """Quantiles from the cumulated panels and a part of one; moments where they exist."""
    cumulated = np.concatenate([[0.0], np.cumsum(own.weight.reshape(-1, _NODES.size).sum(axis=1))])

    def below(t: float) -> float:
        if t <= 0:
            return 0.0
        at = int(np.searchsorted(panels, t, side="right")) - 1
        if at >= panels.size - 1:
            return 1.0
        _, mass = _nodes(log_density, np.array([panels[at], t]), scale, height)
        return float(cumulated[at] + mass.sum() / total)

    def quantile(p: float) -> float:
        t = float(brentq(lambda x: below(x) - p, 0.0, 1.0, xtol=1e-14))
        return float(scale.tau(np.array([t]))[0])

    tail = (1 - level) / 2
    mean = float(own.weight @ own.tau) if falls > 2 else None
    square = float(own.weight @ own.tau**2) if falls > 3 else None
    return Posterior(
        median=quantile(0.5), low=quantile(tail), high=quantile(1 - tail), mean=mean,
        sd=None if square is None or mean is None else max(square - mean**2, 0.0) ** 0.5,
    )  # fmt: skip


def _shrunken(names: list[str], y: FloatArray, v: FloatArray, own: _Mixture) -> tuple[Shrunken, ...]:
    """Each study's effect given tau is normal around its shrunken estimate; mixed over tau."""
    first, second = np.zeros(y.size), np.zeros(y.size)
    rows = max(1, 1_000_000 // y.size)
    for at in range(0, own.tau.size, rows):
        part = slice(at, at + rows)
        share = v / (v + own.tau[part, None] ** 2)
        # Distance of the shrunken effect from the study's own, so that a large mean does not drown the variance.
        move = share * (own.mean[part, None] - y)
        variance = (1 - share) * v + share**2 * own.variance[part, None]
        first += own.weight[part] @ move
        second += own.weight[part] @ (variance + move**2)
    spread, centre = second - first**2, y + first
    return tuple(
        Shrunken(study=name, mean=float(m), sd=float(s) ** 0.5)
        for name, m, s in zip(names, centre, spread, strict=True)
    )


def default_prior(result: PairwiseResult) -> str | None:
    """half-normal(0.5) for two studies of a log ratio or a standardised difference, where its scale has a meaning.

    References
    ----------
    Friede, Roever, Wandel, Neuenschwander 2017, Biom J 59:658-671 (two studies). doi:10.1002/bimj.201500236
    """
    known = result.scale == "log" or result.spec.measure.startswith("SMD")
    compared = result.spec.measure not in MEASURES or MEASURES[result.spec.measure].groups == 2
    return "half-normal:0.5" if result.k == 2 and known and compared and result.spec.model == "IV" else None


def posterior_to_dict(found: BayesResult, scale: str) -> dict[str, Any]:
    """A posterior as plain data: mean and new study on the display scale, with the model scale beside it."""

    def shown(part: Posterior) -> dict[str, Any]:
        model = {"median": part.median, "low": part.low, "high": part.high, "mean": part.mean, "sd": part.sd}
        return {name: back(model[name], scale) for name in ("median", "low", "high")} | {"model": model}

    return {
        "prior": found.prior,
        "mu_prior": None if found.mu_prior is None else list(found.mu_prior),
        "level": found.level,
        "k": found.k,
        "mean": shown(found.mu),
        "new_study": shown(found.predictive),
        "tau": {name: getattr(found.tau, name) for name in ("median", "low", "high", "mean", "sd")},
        "p_above": found.p_above,
        "studies": [{"study": s.study, "model": {"mean": s.mean, "sd": s.sd}} for s in found.studies],
        "log_marginal": found.log_marginal,
    }
