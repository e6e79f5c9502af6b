"""Location-scale models: covariates of the mean effect and of the between-study variance."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from toolkit.engine.data import FloatArray
from toolkit.engine.glmm.optimise import maximise
from toolkit.engine.intervals import quantile, two_sided_p
from toolkit.engine.metareg import Coefficient, aligned, design_matrix
from toolkit.engine.regression import check_design, residual_tau2
from toolkit.engine.results import Estimate, PairwiseResult
from toolkit.engine.sensitivity import studies_of
from toolkit.model.errors import InputError, NotEstimable

__all__ = ["LocationScale", "location_scale"]

# Between-study variance in units of the median sampling variance below which its logarithm is taken to go to -infinity.
_VANISHED = 1e-4


@dataclass(frozen=True, slots=True, kw_only=True)
class LocationScale:
    """A location-scale model.

    Attributes
    ----------
    location : coefficients of the mean effect, Wald
    scale : coefficients of log tau2, Wald
    tau2 : (k,) between-study variance of each study
    log_likelihood : restricted (or not) with the constants of metafor
    converged : whether the search ended in a proper maximum
    """

    location: tuple[Coefficient, ...]
    scale: tuple[Coefficient, ...]
    tau2: FloatArray
    studies: tuple[str, ...]
    log_likelihood: float
    converged: bool


def location_scale(
    result: PairwiseResult,
    scale: str,
    columns: Mapping[str, Mapping[str, object]],
    *,
    location: str | None = None,
    method: str = "REML",
) -> LocationScale:
    """``y ~ N(X beta, v + exp(Z alpha))``: formulas as in `meta_regression`.

    Raises
    ------
    NotEstimable
        Where tau2 goes to zero, so that its logarithm has no maximum.

    References
    ----------
    Viechtbauer, Lopez-Lopez 2022, Res Synth Methods 13:697-715. doi:10.1002/jrsm.1562
    """
    names, y, v = studies_of(result)
    values = {name: aligned(own, names) for name, own in columns.items()}
    labels, X = design_matrix(location, values) if location else (("intercept",), np.ones((y.size, 1)))
    scale_labels, Z = design_matrix(scale, values)
    if not (np.isfinite(X).all() and np.isfinite(Z).all()):
        raise InputError("A location-scale model needs every covariate of every study.")
    check_design(X)
    check_design(Z)
    centre, size = Z.mean(axis=0), Z.std(axis=0)
    size[0], centre[0] = 1.0, 0.0
    standard = (Z - centre) / size
    unit = float(np.sqrt(np.median(v)))
    u, w = y / unit, v / unit**2
    restricted = method == "REML"

    def value(alpha: FloatArray) -> float:
        total = w + np.exp(np.clip(standard @ alpha, -60.0, 60.0))
        root = 1 / np.sqrt(total)
        q, r = np.linalg.qr(X * root[:, None])
        residual = u * root - q @ (q.T @ (u * root))
        lost = float(np.log(np.abs(np.diag(r))).sum()) if restricted else 0.0
        return float(-np.log(total).sum() - residual @ residual) / 2 - lost

    start = np.zeros(Z.shape[1])
    start[0] = np.log(max(residual_tau2(u, w, X, "REML"), 0.05))
    found = maximise(value, start, start.size)
    least = int(np.argmin(standard @ found.at))
    if (standard @ found.at)[least] < np.log(_VANISHED) or not (np.diag(found.covariance) > 0).all():
        raise NotEstimable(
            "The scale model is not estimable, because the between-study variance goes to zero "
            f"(at the covariates of {names[least]})."
        )
    back = np.diag(1 / size)
    back[0] = [1.0, *(-centre[1:] / size[1:])]
    alpha, alpha_cov = back @ found.at, back @ found.covariance @ back.T
    alpha[0] += 2 * np.log(unit)
    tau2 = np.exp(Z @ alpha)
    inverse: FloatArray = np.asarray(np.linalg.inv(X.T @ (X / (v + tau2)[:, None])), dtype=float)
    beta = inverse @ (X.T @ (y / (v + tau2)))
    n, p = y.size, X.shape[1]
    constant = -(n - p if restricted else n) * (0.5 * np.log(2 * np.pi) + np.log(unit))
    if restricted:
        constant += float(np.linalg.slogdet(X.T @ X)[1]) / 2
    level = result.spec.level
    return LocationScale(
        location=_coefficients(labels, beta, inverse, level),
        scale=_coefficients(scale_labels, alpha, alpha_cov, level),
        tau2=tau2,
        studies=tuple(names),
        log_likelihood=found.value + float(constant),
        converged=found.converged,
    )


def _coefficients(
    labels: tuple[str, ...], at: FloatArray, covariance: FloatArray, level: float
) -> tuple[Coefficient, ...]:
    z = float(quantile(level, np.inf))
    return tuple(
        Coefficient(
            name=name,
            estimate=Estimate(
                estimate=float(b),
                se=float(se),
                ci_low=float(b - z * se),
                ci_high=float(b + z * se),
                statistic=float(b / se),
                p=float(two_sided_p(b / se, np.inf)),
                df=None,
                method="Wald",
            ),
        )
        for name, b, se in zip(labels, at, np.sqrt(np.diag(covariance)), strict=True)
    )
