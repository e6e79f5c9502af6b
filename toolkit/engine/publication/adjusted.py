"""Estimates adjusted for small-study effects by regression: PET, PEESE, limit meta-analysis."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from toolkit.engine.data import FloatArray
from toolkit.engine.intervals import wald_estimate
from toolkit.engine.regression import RegressionFit, fit_weighted
from toolkit.engine.results import Estimate, PairwiseResult
from toolkit.engine.sensitivity import studies_of
from toolkit.model.errors import NotEstimable
from toolkit.model.wording import counted

__all__ = ["LimitMeta", "PetPeese", "limit_meta", "pet_peese"]

_FEWEST = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class PetPeese:
    """Estimates at a standard error of zero (model scale).

    Attributes
    ----------
    pet, peese : intercepts of the regressions on the standard error and on the variance
    pet_slope, peese_slope : their slopes
    chosen : "PET" or "PEESE" by the conditional rule
    k : studies
    caution : why to read it with care
    """

    pet: Estimate
    pet_slope: Estimate
    peese: Estimate
    peese_slope: Estimate
    chosen: str
    k: int
    caution: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitMeta:
    """Limit meta-analysis (model scale).

    Attributes
    ----------
    adjusted : estimate in a study of infinite precision, between-study variation kept
    random : the unadjusted random-effects estimate (Wald)
    bias, bias_se : slope of the small-study effect on the generalised radial scale
    limits : (k,) studies' effects shrunk towards the limit
    q_small_study, p : test of the small-study effect, Q - Q', chi-squared with 1 df
    q_residual, df, p_residual : heterogeneity that is left
    g2 : share of the variation of the limits that the model leaves unexplained, a proportion
    """

    adjusted: Estimate
    random: Estimate
    bias: float
    bias_se: float
    limits: FloatArray
    q_small_study: float
    p: float
    q_residual: float
    df: int
    p_residual: float
    g2: float


def needs(result: PairwiseResult, what: str, force: bool) -> tuple[FloatArray, FloatArray, str | None]:
    """Effects, variances, and a caution on few studies; refuses what no method of small-study effects can use."""
    _, y, v = studies_of(result)
    if y.size < 3:
        raise NotEstimable(f"{what} takes at least three studies; there are {y.size}.")
    if np.ptp(v) <= 1e-12 * v.max():
        raise NotEstimable(f"{what} is not estimable, because all studies have the same standard error.")
    if y.size < _FEWEST and not force:
        raise NotEstimable(f"{what} is refused under {_FEWEST} studies; there are {y.size}. Force it to see it anyway.")
    return y, v, f"only {counted(y.size, 'study')}: little power" if y.size < _FEWEST else None


def pet_peese(result: PairwiseResult, *, force: bool = False) -> PetPeese:
    """Precision-effect test and estimate: the effect where the standard error would be zero.

    The rule takes PEESE where PET's intercept differs from zero (one-sided 5 %), else PET.

    Raises
    ------
    NotEstimable
        Under ten studies unless forced, under three in any case, or where precision does not vary.

    References
    ----------
    Stanley, Doucouliagos 2014, Res Synth Methods 5:60-78. doi:10.1002/jrsm.1095
    """
    y, v, few = needs(result, "PET-PEESE", force)
    level, one = result.spec.level, np.ones_like(v)
    pet = fit_weighted(y, v, np.column_stack([one, np.sqrt(v)]))
    peese = fit_weighted(y, v, np.column_stack([one, v]))

    def part(fit: RegressionFit, i: int, name: str) -> Estimate:
        return wald_estimate(float(fit.beta[i]), float(fit.se[i]), float(fit.df), level, name)

    first = part(pet, 0, "PET")
    cautions = [few] if few else []
    if result.spec.measure in ("OR", "RR", "SMD", "SMD1"):
        cautions.append("the standard error depends on the effect of this measure, which biases the regression")
    if result.heterogeneity is not None and result.heterogeneity.i2_q > 0.8:
        cautions.append("much heterogeneity: PET and PEESE are then unreliable (Stanley 2017)")
    return PetPeese(
        pet=first,
        pet_slope=part(pet, 1, "PET"),
        peese=part(peese, 0, "PEESE"),
        peese_slope=part(peese, 1, "PEESE"),
        chosen="PEESE" if first.p < 0.10 else "PET",
        k=y.size,
        caution="; ".join(cautions) or None,
    )


def limit_meta(result: PairwiseResult, *, force: bool = False) -> LimitMeta:
    """The estimate as precision grows without bound while heterogeneity stays.

    Notes
    -----
    Model ``y_i = beta + sqrt(v_i + tau2) (alpha + e_i)``: a line of ``y / s`` on ``1 / s`` with ``s^2 = v + tau2``.
    With v going to 0 the expectation is ``beta + tau alpha``. ``G^2`` is 1 - R^2 of the limits on that line.

    References
    ----------
    Ruecker, Schwarzer, Carpenter, Binder, Schumacher 2011, Biostatistics 12:122-142. doi:10.1093/biostatistics/kxq046
    """
    from scipy.special import chdtrc

    y, v, _ = needs(result, "Limit meta-analysis", force)
    if result.tau2 is None or result.random_wald is None:
        raise NotEstimable("Limit meta-analysis needs a random-effects fit by inverse variance.")
    tau2 = result.tau2.value
    s = np.sqrt(v + tau2)
    X = np.column_stack([np.ones_like(s), 1 / s])
    inverse = np.linalg.inv(X.T @ X)
    alpha, beta = inverse @ (X.T @ (y / s))
    tau = float(np.sqrt(tau2))
    at = np.array([tau, 1.0])
    level = result.spec.level
    adjusted = wald_estimate(float(beta + tau * alpha), float(np.sqrt(at @ inverse @ at)), np.inf, level, "limit")
    limits = beta + tau * alpha + np.sqrt(tau2 / (v + tau2)) * (y - beta - s * alpha)
    w = 1 / v
    q = float((w * (y - (w * y).sum() / w.sum()) ** 2).sum())
    plain = np.column_stack([np.ones_like(v), 1 / np.sqrt(v)])
    fitted = plain @ np.linalg.lstsq(plain, y / np.sqrt(v), rcond=None)[0]
    q_residual, df = float(((y / np.sqrt(v) - fitted) ** 2).sum()), y.size - 2
    z = limits / s
    total = float(((z - z.mean()) ** 2).sum())
    left = float(((z - X @ np.linalg.lstsq(X, z, rcond=None)[0]) ** 2).sum())
    return LimitMeta(
        adjusted=adjusted,
        random=result.random_wald,
        bias=float(alpha),
        bias_se=float(np.sqrt(inverse[0, 0])),
        limits=limits,
        q_small_study=max(0.0, q - q_residual),
        p=float(chdtrc(1, max(0.0, q - q_residual))),
        q_residual=q_residual,
        df=df,
        p_residual=float(chdtrc(df, q_residual)),
        g2=left / total if total > 0 else 0.0,
    )
