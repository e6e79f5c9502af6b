"""Multilevel meta-analysis of a fit's effects: three levels, correlated and hierarchical effects, robust tests."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from scipy.special import chdtrc

from toolkit.engine.data import FloatArray
from toolkit.engine.intervals import quantile, wald_estimate
from toolkit.engine.metareg import Coefficient, aligned, design_matrix
from toolkit.engine.multilevel.fit import Blocks, Components, blocks_of, fit_components, profile_interval
from toolkit.engine.multilevel.robust import robust
from toolkit.engine.results import Estimate, Interval, PairwiseResult
from toolkit.engine.sensitivity import studies_of
from toolkit.model.errors import InputError

__all__ = ["MultilevelResult", "VarianceLevel", "multilevel"]


@dataclass(frozen=True, slots=True, kw_only=True)
class VarianceLevel:
    """A variance component: "between" or "within" clusters, its profile-likelihood interval, share of I2."""

    level: str
    value: float
    ci: Interval | None
    i2: float


@dataclass(frozen=True, slots=True, kw_only=True)
class MultilevelResult:
    """A multilevel model.

    Attributes
    ----------
    k, clusters : effects and clusters
    structure : "nested" (between and within clusters) or "cluster" (between alone)
    method : "REML" or "ML"
    rho : assumed correlation of sampling errors within a cluster
    test : of the coefficients: "z", "t", "CR1" or "CR2"
    coefficients : the first one is the pooled effect where there are no covariates
    variances : components with their shares of I2
    i2 : both levels together, a proportion
    prediction : for the effect of a new study's new outcome, None with covariates
    q_residual, df_residual, p_residual : heterogeneity without random effects
    log_likelihood, converged : of the fit
    """

    k: int
    clusters: int
    structure: str
    method: str
    rho: float
    test: str
    coefficients: tuple[Coefficient, ...]
    variances: tuple[VarianceLevel, ...]
    i2: float
    prediction: Interval | None
    q_residual: float
    df_residual: int
    p_residual: float
    log_likelihood: float
    converged: bool


def multilevel(
    result: PairwiseResult,
    cluster: Mapping[str, str],
    *,
    structure: str = "nested",
    method: str = "REML",
    rho: float = 0.0,
    test: str = "CR2",
    formula: str | None = None,
    columns: Mapping[str, Mapping[str, object]] | None = None,
    intervals: bool = True,
) -> MultilevelResult:
    """A model of effects that share clusters (several outcomes, time points or comparisons of one study).

    Parameters
    ----------
    result : a fit whose rows are the effects
    cluster : row name -> cluster
    structure : "nested" for random effects of clusters and of effects in them, "cluster" for clusters alone
    rho : correlation of sampling errors within a cluster; above 0 the model is "correlated and hierarchical effects"
    test : "CR2" (robust, Satterthwaite), "CR1" (robust, clusters - P df), "t" (model-based, clusters - P df), "z"
    formula, columns : covariates as in `meta_regression`
    intervals : profile-likelihood intervals of the variances

    References
    ----------
    Konstantopoulos 2011, Res Synth Methods 2:61-76. doi:10.1002/jrsm.35
    Pustejovsky, Tipton 2022, Prev Sci 23:425-438 (correlated and hierarchical effects). doi:10.1007/s11121-021-01246-3
    """
    _known(structure, method, test, rho)
    names, y, v = studies_of(result)
    missing = [name for name in names if not cluster.get(name)]
    if missing:
        raise InputError(f"Effects without a cluster: {', '.join(missing[:5])}.", hint="Give every row a cluster.")
    labels, X = _design(names, formula, columns or {})
    b = blocks_of(y, v, X, [cluster[name] for name in names], rho, structure == "nested")
    fit = fit_components(b, method)
    level, p = result.spec.level, X.shape[1]
    vcov, df = fit.vcov, np.full(p, np.inf)
    if test == "t":
        df = np.full(p, float(len(b.y) - p))
    elif test in ("CR1", "CR2"):
        sandwich = robust(b, fit.variances, fit.beta, test)
        vcov, df = sandwich.vcov, sandwich.df
    coefficients = tuple(
        Coefficient(
            name=name, estimate=wald_estimate(float(fit.beta[i]), float(vcov[i, i]) ** 0.5, float(df[i]), level, test)
        )
        for i, name in enumerate(labels)
    )
    variances = _levels(b, fit, method, level if intervals else None)
    total, i2 = sum(fit.variances), sum(own.i2 for own in variances)
    return MultilevelResult(
        k=y.size,
        clusters=len(b.y),
        structure=structure,
        method=method,
        rho=rho,
        test=test,
        coefficients=coefficients,
        variances=variances,
        i2=i2,
        prediction=_prediction(coefficients[0].estimate, total, level) if formula is None else None,
        q_residual=fit.q,
        df_residual=fit.df,
        p_residual=float(chdtrc(fit.df, fit.q)),
        log_likelihood=fit.log_likelihood,
        converged=fit.converged,
    )


def _known(structure: str, method: str, test: str, rho: float) -> None:
    for what, key, allowed in (
        ("structure", structure, ("nested", "cluster")),
        ("method", method, ("REML", "ML")),
        ("test", test, ("CR2", "CR1", "t", "z")),
    ):
        if key not in allowed:
            raise InputError(f"Unknown {what} of a multilevel model.", value=key, allowed=", ".join(allowed))
    if not -1 < rho < 1:
        raise InputError("A correlation lies between -1 and 1.", value=rho, allowed="above -1 and below 1")


def _design(
    names: list[str], formula: str | None, columns: Mapping[str, Mapping[str, object]]
) -> tuple[tuple[str, ...], FloatArray]:
    """Names of the coefficients and the design; every effect has every covariate."""
    if formula is None:
        return ("intercept",), np.ones((len(names), 1))
    labels, X = design_matrix(formula, {name: aligned(own, names) for name, own in columns.items()})
    if not np.isfinite(X).all():
        lacking = [name for name, row in zip(names, X, strict=True) if not np.isfinite(row).all()]
        raise InputError(f"Effects without a value of a covariate: {', '.join(lacking[:5])}.")
    return labels, X


def _levels(b: Blocks, fit: Components, method: str, level: float | None) -> tuple[VarianceLevel, ...]:
    """The variances with their shares of I2, and their intervals at ``level`` if there is one."""
    typical = _typical(b.V, b.X) * b.unit**2
    total = sum(fit.variances)
    found = []
    for i, value in enumerate(fit.variances):
        ci = None
        if level is not None:
            low, high = profile_interval(b, fit, i, float(quantile(level, np.inf)) ** 2, method)
            ci = Interval(low=low, high=high, method="profile likelihood")
        found.append(VarianceLevel(level=("between", "within")[i], value=value, ci=ci, i2=value / (total + typical)))
    return tuple(found)


def _typical(V: tuple[FloatArray, ...], X: tuple[FloatArray, ...]) -> float:
    """``(k - P) / tr(W - W X (X'WX)^-1 X'W)`` with W the inverse sampling covariance (Viechtbauer's I2)."""
    weights = [np.linalg.inv(own) for own in V]
    p = X[0].shape[1]
    bread = np.linalg.inv(sum((x.T @ w @ x for x, w in zip(X, weights, strict=True)), np.zeros((p, p))))
    trace = sum(float(np.trace(w)) - float(np.trace(w @ x @ bread @ x.T @ w)) for x, w in zip(X, weights, strict=True))
    return float((sum(own.shape[0] for own in V) - p) / trace)


def _prediction(estimate: Estimate, total: float, level: float) -> Interval:
    df = np.inf if estimate.df is None else estimate.df
    half = float(quantile(level, df)) * float(np.sqrt(total + estimate.se**2))
    return Interval(low=estimate.estimate - half, high=estimate.estimate + half, method="z" if df == np.inf else "t")
