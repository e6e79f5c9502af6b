"""The generalised linear mixed models of meta-analysis by name: UM.FS, UM.RS, CM.EL, CM.AL, and one group."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import chdtrc

from toolkit.engine.data import FloatArray
from toolkit.engine.glmm.families import (
    Terms,
    binomial,
    hypergeometric,
    poisson,
    saturated_binomial,
    saturated_poisson,
)
from toolkit.engine.glmm.optimise import Maximum, maximise
from toolkit.engine.glmm.quadrature import Design, State, log_likelihood
from toolkit.model.errors import InputError, NotEstimable

__all__ = ["DEFAULT_POINTS", "GlmmFit", "fit_glmm"]

# The two-dimensional integrals of UM.RS are Laplace's by default, as in lme4 and metafor; more nodes on request.
DEFAULT_POINTS = {"UM.FS": 7, "UM.RS": 1, "CM.EL": 15, "CM.AL": 7, "one": 7}


@dataclass(frozen=True, slots=True, kw_only=True)
class GlmmFit:
    """A generalised linear mixed model and its common-effect form.

    Attributes
    ----------
    model : "UM.FS", "UM.RS", "CM.EL", "CM.AL" or "one"
    estimate, se, tau2 : random-effects model by maximum likelihood (log odds or rate ratio; logit or log of one group)
    common, common_se : the model without heterogeneity
    q, df, p : likelihood-ratio test of the common effect against one effect a study; None where a study has none
    log_likelihood, log_likelihood_common : with all constants
    sigma2 : variance of the study effects of UM.RS, else None
    points : quadrature nodes a dimension (1 is Laplace's approximation)
    converged, iterations : of the random-effects fit
    """

    model: str
    estimate: float
    se: float
    tau2: float
    common: float
    common_se: float
    q: float | None
    df: int
    p: float | None
    log_likelihood: float
    log_likelihood_common: float
    sigma2: float | None
    points: int
    converged: bool
    iterations: int


def fit_glmm(
    events: FloatArray, size: FloatArray, model: str, *, rates: bool = False, points: int | None = None
) -> GlmmFit:
    """Maximum likelihood of a generalised linear mixed model.

    Parameters
    ----------
    events : (k, 2) events of treatment and reference, or (k, 1) of one group; studies that tell nothing left out
    size : (k, 2) or (k, 1) units, or person-time with ``rates``
    model : "UM.FS" fixed study effects; "UM.RS" random ones; "CM.EL" conditional on the total, exact; "CM.AL" its
        binomial approximation for rare events; "one" for one group
    rates : Poisson counts instead of binomial ones
    points : quadrature nodes, `DEFAULT_POINTS` if None

    Raises
    ------
    NotEstimable
        When the events are all on one side, so that the likelihood rises for ever.

    Notes
    -----
    The arms are coded +1/2 and -1/2, for the treatment effect and for its heterogeneity alike, so that both arms have
    the same variance (Turner 2000; Jackson 2018, model 4).

    References
    ----------
    Stijnen, Hamza, Ozdemir 2010, Stat Med 29:3046-3067. doi:10.1002/sim.4040
    Turner, Omar, Yang, Goldstein, Thompson 2000, Stat Med 19:3417-3432.
    Jackson, Law, Stijnen, Viechtbauer, White 2018, Stat Med 37:1059-1085. doi:10.1002/sim.7588
    """
    if model not in DEFAULT_POINTS or (model == "one") != (events.shape[1] == 1):
        raise InputError("Unknown generalised linear mixed model.", value=model, allowed=", ".join(DEFAULT_POINTS))
    if rates and model == "CM.AL":
        raise InputError("Rates have one conditional model, which is exact.", value=model, hint="Choose CM.EL.")
    k = events.shape[0]
    if k < 1:
        raise NotEstimable("No study has events to model.")
    _check(events, size, model, rates)
    nodes = DEFAULT_POINTS[model] if points is None else points
    if model == "UM.RS":
        return _random_studies(events, size, rates, nodes)
    design, saturated, own = _design(events, size, model, rates)
    plain = Design(terms=design.terms, offset=design.offset, X=design.X, Z=design.Z[..., :0], own=design.own)
    common = _fit(plain, np.zeros(1), 1, 1, own)
    random = _fit(design, np.array([common.at[0], 0.0]), 1, nodes, own) if k > 1 else None
    q = max(0.0, 2 * (saturated - common.value))
    return _result(model, common, random, 0, q, k, nodes, None)


def _check(events: FloatArray, size: FloatArray, model: str, rates: bool) -> None:
    for at in range(events.shape[1]):
        x, n = events[:, at].sum(), size[:, at].sum()
        if x == 0 or (not rates and x == n):
            who = "the group" if model == "one" else ("the treatment" if at == 0 else "the reference")
            what = "no event" if x == 0 else "an event in everybody"
            raise NotEstimable(f"The model is not estimable, because {who} has {what} in any study.")
    if model == "CM.EL" and not rates:
        total = events.sum(axis=1)
        low, high = np.maximum(0, total - size[:, 1]), np.minimum(size[:, 0], total)
        if (events[:, 0] == low).all() or (events[:, 0] == high).all():
            raise NotEstimable("The model is not estimable, because every study has its most extreme table.")


def _terms(events: FloatArray, size: FloatArray, rates: bool) -> tuple[Terms, FloatArray, float]:
    """Family of the rows, their offset, and the saturated log-likelihood."""
    if rates:
        return poisson(events), np.log(size), saturated_poisson(events)
    return binomial(events, size), np.zeros_like(events), saturated_binomial(events, size)


def _design(events: FloatArray, size: FloatArray, model: str, rates: bool) -> tuple[Design, float, FloatArray | None]:
    """Design of a model with one random effect, its saturated log-likelihood, starts of the study effects."""
    k = events.shape[0]
    if model == "UM.FS":
        terms, offset, saturated = _terms(events, size, rates)
        c = np.broadcast_to(np.array([0.5, -0.5]), (k, 2))[..., None]
        own = _level(events, size, rates)
        return Design(terms=terms, offset=offset, X=c, Z=c, own=np.ones((k, 2))), saturated, own
    one = np.ones((k, 1, 1))
    if model == "one":
        terms, offset, saturated = _terms(events, size, rates)
        return Design(terms=terms, offset=offset, X=one, Z=one), saturated, None
    total = events.sum(axis=1, keepdims=True)
    if rates or model == "CM.AL":
        offset = np.log(size[:, :1] / size[:, 1:])
        saturated = saturated_binomial(events[:, :1], total)
        return Design(terms=binomial(events[:, :1], total), offset=offset, X=one, Z=one), saturated, None
    terms = hypergeometric(events[:, 0], size[:, 0], size[:, 1], total[:, 0])
    return Design(terms=terms, offset=np.zeros((k, 1)), X=one, Z=one), _saturated(terms, k), None


def _level(events: FloatArray, size: FloatArray, rates: bool) -> FloatArray:
    """Log rate or log odds (k,) of both arms together."""
    x, n = events.sum(axis=1), size.sum(axis=1)
    level: FloatArray = np.log(x / n) if rates else np.log((x + 0.25) / (n - x + 0.25))
    return level


def _saturated(terms: Terms, k: int) -> float:
    """Log-likelihood with every study at its own effect, an infinite one at its limit."""
    theta = np.zeros((k, 1, 1))
    value, first, second = terms(theta)
    for _ in range(100):
        step = np.clip(first / np.maximum(second, 1e-6), -1.5, 1.5)
        new_value, new_first, new_second = terms(np.clip(theta + step, -60, 60))
        worse = new_value < value - 1e-13
        theta = np.where(worse, theta + step / 4, np.clip(theta + step, -60, 60))
        value, first, second = terms(theta) if worse.any() else (new_value, new_first, new_second)
        if np.max(np.abs(step)) < 1e-10:
            break
    return float(value.sum())


def _fit(design: Design, start: FloatArray, coefficients: int, points: int, own: FloatArray | None) -> Maximum:
    state = State.start(design, own)

    def value(parameters: FloatArray) -> float:
        return log_likelihood(design, parameters[:coefficients], parameters[coefficients:], points, state)

    return maximise(value, start, coefficients)


def _random_studies(events: FloatArray, size: FloatArray, rates: bool, points: int) -> GlmmFit:
    """UM.RS: intercept, treatment effect, standard deviations of both over the studies, uncorrelated."""
    k = events.shape[0]
    terms, offset, _ = _terms(events, size, rates)
    one = np.ones((k, 2))
    c = np.broadcast_to(np.array([0.5, -0.5]), (k, 2))
    X = np.stack([one, c], axis=2)
    level = float(_level(events, size, rates).mean())
    plain = Design(terms=terms, offset=offset, X=X, Z=one[..., None])
    common = _fit(plain, np.array([level, 0.0, 0.0]), 2, max(points, 7), None)
    free = Design(terms=terms, offset=offset, X=one[..., None], Z=one[..., None], own=c)
    saturated = _fit(free, np.array([level, 0.0]), 1, max(points, 7), None)
    q = max(0.0, 2 * (saturated.value - common.value))
    random = None
    if k > 1:
        design = Design(terms=terms, offset=offset, X=X, Z=X)
        random = _fit(design, np.array([common.at[0], common.at[1], common.at[2], 0.0]), 2, points, None)
    sigma2 = float(random.at[2] ** 2) if random is not None else float(common.at[2] ** 2)
    return _result("UM.RS", common, random, 1, q, k, points, sigma2)


def _result(
    model: str, common: Maximum, random: Maximum | None, at: int, q: float, k: int, points: int, sigma2: float | None
) -> GlmmFit:
    best = random if random is not None else common
    return GlmmFit(
        model=model,
        estimate=float(best.at[at]),
        se=float(np.sqrt(best.covariance[at, at])),
        tau2=float(random.at[-1] ** 2) if random is not None else 0.0,
        common=float(common.at[at]),
        common_se=float(np.sqrt(common.covariance[at, at])),
        q=q if k > 1 else None,
        df=k - 1,
        p=float(chdtrc(k - 1, q)) if k > 1 else None,
        log_likelihood=best.value,
        log_likelihood_common=common.value,
        sigma2=sigma2,
        points=points,
        converged=common.converged and best.converged,
        iterations=best.iterations,
    )
