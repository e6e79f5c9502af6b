"""Meta-regression: effects on covariates of the studies, written as a formula."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import chdtrc, fdtrc, gammainccinv, gammaincinv

from toolkit.engine.data import FloatArray
from toolkit.engine.intervals import quantile, two_sided_p
from toolkit.engine.regression import check_design, fit_mixed, q_root, residual_tau2
from toolkit.engine.results import Estimate, Interval, PairwiseResult
from toolkit.engine.sensitivity import studies_of
from toolkit.model.errors import InputError

__all__ = [
    "Coefficient",
    "MetaRegression",
    "aligned",
    "as_numbers",
    "covariates_of",
    "design_matrix",
    "meta_regression",
]

_TERM = re.compile(r"factor\(\s*(?P<factor>[^()]+?)\s*\)|(?P<plain>[^()]+)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Coefficient:
    """A coefficient by name, with its estimate on the model scale."""

    name: str
    estimate: Estimate


@dataclass(frozen=True, slots=True, kw_only=True)
class MetaRegression:
    """A meta-regression on k studies.

    Attributes
    ----------
    coefficients : the intercept first
    vcov : (P, P) covariance of the coefficients as used for their tests
    tau2, tau2_ci : residual between-study variance with its Q-profile interval
    i2, h2 : residual heterogeneity from tau2
    r2 : share of tau2 that the covariates explain, a proportion; None where tau2 without them is 0
    q_model, df_model, p_model : test of all coefficients but the intercept: chi-squared, or F where t is used
    q_residual, df, p_residual : residual heterogeneity
    """

    formula: str
    k: int
    excluded: tuple[str, ...]
    tau2_method: str
    ci: str
    coefficients: tuple[Coefficient, ...]
    vcov: FloatArray
    tau2: float
    tau2_ci: Interval
    i2: float
    h2: float
    r2: float | None
    q_model: float
    df_model: int
    p_model: float
    q_residual: float
    df: int
    p_residual: float
    level: float

    def predict(self, row: Sequence[float]) -> tuple[Estimate, Interval]:
        """The mean effect at a row of the design (its 1 first), and the prediction interval with the same quantile."""
        x = np.asarray(row, dtype=float)
        mean = float(x @ np.array([c.estimate.estimate for c in self.coefficients]))
        variance = float(x @ self.vcov @ x)
        found = _estimate(mean, variance**0.5, None if self.ci == "Wald" else self.df, self.level, self.ci)
        half = float(quantile(self.level, np.inf if self.ci == "Wald" else float(self.df)))
        wide = half * (variance + self.tau2) ** 0.5
        return found, Interval(low=mean - wide, high=mean + wide, method="z" if self.ci == "Wald" else "t")


def design_matrix(formula: str, columns: Mapping[str, Sequence[object]]) -> tuple[tuple[str, ...], FloatArray]:
    """Names and columns (k, P) of a formula such as ``"year + factor(design) + year:factor(design)"``.

    A covariate of numbers enters as it is, text (or ``factor(...)``) as one column a level beside the first in
    alphabetical (for numbers: ascending) order; ``a:b`` multiplies, ``a*b`` is ``a + b + a:b``. Missing values are NaN.

    Raises
    ------
    InputError
        For an unknown covariate or a term that cannot be read.

    Examples
    --------
    >>> names, X = design_matrix("year + design", {"year": [1, 2, 3], "design": ["a", "b", "a"]})
    >>> names, X.tolist()
    (('intercept', 'year', 'design=b'), [[1.0, 1.0, 0.0], [1.0, 2.0, 1.0], [1.0, 3.0, 0.0]])
    """
    terms: list[str] = []
    for part in (piece.strip() for piece in formula.split("+")):
        factors = [name.strip() for name in part.split("*")]
        terms += factors if len(factors) == 1 else [*factors, ":".join(factors)]
    size = len(next(iter(columns.values()), []))
    names, found = ["intercept"], [np.ones(size)]
    for term in dict.fromkeys(terms):
        label, block = [""], [np.ones(size)]
        for piece in term.split(":"):
            own_names, own = _columns(piece.strip(), columns)
            label = [f"{a}:{b}" if a else b for a in label for b in own_names]
            block = [a * b for a in block for b in own]
        names += label
        found += block
    return tuple(names), np.column_stack(found)


def covariates_of(formula: str) -> tuple[str, ...]:
    """Names of the covariates of a formula, in the order of their first appearance.

    Examples
    --------
    >>> covariates_of("year + factor(design) + year:dose")
    ('year', 'design', 'dose')
    """
    pieces = (piece.strip() for piece in re.split(r"[+*:]", formula))
    matches = (_TERM.fullmatch(piece) for piece in pieces)
    return tuple(dict.fromkeys((match["factor"] or match["plain"].strip()) for match in matches if match is not None))


def as_numbers(values: Mapping[str, str]) -> dict[str, object]:
    """Text by study as numbers where every text is one, else unchanged; a decimal comma is read too."""
    try:
        return {study: float(text.replace(",", ".")) for study, text in values.items()}
    except ValueError:
        return dict(values)


def _columns(piece: str, columns: Mapping[str, Sequence[object]]) -> tuple[list[str], list[FloatArray]]:
    match = _TERM.fullmatch(piece)
    if match is None or not piece:
        raise InputError(
            "This term of the formula cannot be read.", value=piece, hint="For example: year + factor(design)."
        )
    name = match["factor"] or match["plain"].strip()
    if name not in columns:
        raise InputError("The formula names an unknown covariate.", value=name, allowed=", ".join(columns) or "none")
    values = list(columns[name])
    numeric = all(isinstance(v, (int, float, np.number)) for v in values)
    if numeric and match["factor"] is None:
        return [name], [np.array(values, dtype=float)]
    missing = np.array([v is None or v == "" or (isinstance(v, float) and np.isnan(v)) for v in values])
    levels = sorted({v for v, gone in zip(values, missing, strict=True) if not gone})  # type: ignore[type-var]
    if len(levels) < 2:
        raise InputError("A factor needs at least two levels among the studies.", value=name)
    dummies = [np.where(missing, np.nan, np.array([v == level for v in values], dtype=float)) for level in levels[1:]]
    return [f"{name}={level}" for level in levels[1:]], dummies


def meta_regression(
    result: PairwiseResult,
    formula: str,
    columns: Mapping[str, Mapping[str, object]],
    *,
    tau2: str | None = None,
    ci: str | None = None,
) -> MetaRegression:
    """Regression of the studies' effects on covariates.

    Parameters
    ----------
    result : a fit; its studies, level, tau2 estimator and interval are used unless given here
    formula : see `design_matrix`
    columns : covariate -> {study: value}; a study without a value is left out and named
    tau2 : estimator of the residual variance, as in `toolkit.engine.regression.fit_mixed`; "none" for common effects
    ci : "Wald", "t", "HK" or "HK_adhoc"

    References
    ----------
    Thompson, Higgins 2002, Stat Med 21:1559-1573. doi:10.1002/sim.1187
    Knapp, Hartung 2003, Stat Med 22:2693-2710. doi:10.1002/sim.1482
    """
    names, y, v = studies_of(result)
    method, interval = tau2 or result.spec.tau2, ci or result.spec.ci
    if interval not in ("Wald", "t", "HK", "HK_adhoc"):
        raise InputError("Unknown interval.", value=interval, allowed="Wald, t, HK, HK_adhoc")
    labels, X = design_matrix(formula, {name: aligned(own, names) for name, own in columns.items()})
    whole: np.ndarray = np.asarray(np.isfinite(X).all(axis=1))
    y, v, X = y[whole], v[whole], X[whole]
    check_design(X, labels)
    fit = fit_mixed(y, v, X, method)
    w = 1 / (v + fit.tau2)
    factor = float((w * (y - X @ fit.beta) ** 2).sum()) / fit.df
    scale = {"HK": factor, "HK_adhoc": max(1.0, factor)}.get(interval, 1.0)
    vcov = fit.vcov * scale
    level = result.spec.level
    df = None if interval == "Wald" else fit.df
    common = fit_mixed(y, v, X, "none")
    q = float(((y - X @ common.beta) ** 2 / v).sum())
    typical = _typical(v, X)
    null = residual_tau2(y, v, X[:, :1], method)
    q_model, p_model = _model_test(fit.beta[1:], vcov[1:, 1:], df)
    return MetaRegression(
        formula=formula,
        k=y.size,
        excluded=tuple(name for name, kept in zip(names, whole, strict=True) if not kept),
        tau2_method=method,
        ci=interval,
        coefficients=tuple(
            Coefficient(name=name, estimate=_estimate(float(b), float(s), df, level, interval))
            for name, b, s in zip(labels, fit.beta, np.sqrt(np.diag(vcov)), strict=True)
        ),
        vcov=vcov,
        tau2=fit.tau2,
        tau2_ci=_profile(y, v, X, level),
        i2=fit.tau2 / (fit.tau2 + typical),
        h2=1 + fit.tau2 / typical,
        r2=max(0.0, (null - fit.tau2) / null) if null > 0 else None,
        q_model=q_model,
        df_model=X.shape[1] - 1,
        p_model=p_model,
        q_residual=q,
        df=fit.df,
        p_residual=float(chdtrc(fit.df, q)),
        level=level,
    )


def aligned(own: Mapping[str, object], names: Sequence[str]) -> list[object]:
    """Values in the order of the studies; what is missing is NaN in a column of numbers, else None."""
    numeric = all(isinstance(value, (int, float, np.number)) for value in own.values() if value is not None)
    missing = float("nan") if numeric else None
    values = (own.get(name) for name in names)
    return [missing if value is None else value for value in values]


def _typical(v: FloatArray, X: FloatArray) -> float:
    w = 1 / v
    inverse = np.linalg.inv(X.T @ (w[:, None] * X))
    own = w - w**2 * np.einsum("ij,jk,ik->i", X, inverse, X)
    return float((v.size - X.shape[1]) / own.sum())


def _profile(y: FloatArray, v: FloatArray, X: FloatArray, level: float) -> Interval:
    half, tail = (y.size - X.shape[1]) / 2, (1 - level) / 2
    low, high = 2 * float(gammainccinv(half, tail)), 2 * float(gammaincinv(half, tail))
    return Interval(low=q_root(y, v, X, low), high=q_root(y, v, X, high), method="Q-profile")


def _model_test(beta: FloatArray, vcov: FloatArray, df: int | None) -> tuple[float, float]:
    statistic = float(beta @ np.linalg.solve(vcov, beta))
    if df is None:
        return statistic, float(chdtrc(beta.size, statistic))
    return statistic / beta.size, float(fdtrc(beta.size, df, statistic / beta.size))


def _estimate(mean: float, se: float, df: int | None, level: float, method: str) -> Estimate:
    freedom = np.inf if df is None else float(df)
    half = float(quantile(level, freedom)) * se
    statistic = mean / se
    return Estimate(
        estimate=mean,
        se=se,
        ci_low=mean - half,
        ci_high=mean + half,
        statistic=statistic,
        p=float(two_sided_p(statistic, freedom)),
        df=df,
        method=method,
    )
