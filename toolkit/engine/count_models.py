"""Models of the counts themselves in a pairwise analysis: which studies enter, the fit, and the words about it."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from toolkit.engine.compare import ComparisonData
from toolkit.engine.data import FloatArray
from toolkit.engine.glmm import GlmmFit, fit_beta_binomial, fit_glmm
from toolkit.engine.heterogeneity import typical_variance
from toolkit.engine.own_weights import WEIGHTED, resolve_weighted
from toolkit.engine.pooling import Pooled
from toolkit.engine.results import Heterogeneity, Tau2, Warning_
from toolkit.model.choices import MEASURES, MODELS
from toolkit.model.errors import InputError, NotEstimable
from toolkit.model.spec import PairwiseSpec

__all__ = ["CountFit", "fit_counts", "resolve_model"]

_MEASURES = {
    "UM.FS": ("OR", "IRR"),
    "UM.RS": ("OR", "IRR"),
    "CM.EL": ("OR", "IRR"),
    "CM.AL": ("OR",),
    "BN": ("PLO", "IRLN"),
    "BB": ("OR", "PLO"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class CountFit:
    """Pooled estimates as batches of one, None where the model gives none."""

    common: Pooled | None
    random: Pooled | None
    tau2: Tau2 | None
    heterogeneity: Heterogeneity | None


def resolve_model(spec: PairwiseSpec) -> PairwiseSpec:
    """The spec with "GLMM" replaced, and the interval and tau2 estimator that a model of counts has.

    Raises
    ------
    InputError
        For an unknown model, a measure that the model does not have, or an interval that needs effects.
    """
    if spec.model == "IV":
        return spec
    if spec.model in WEIGHTED:
        return resolve_weighted(spec)
    if spec.model not in MODELS:
        raise InputError("Unknown model.", value=spec.model, allowed=", ".join(MODELS))
    model = spec.model
    one = MEASURES[spec.measure].groups == 1
    if model == "GLMM" or (one and model not in ("BB", "BN")):
        model = "BN" if one else "CM.EL"
    if spec.measure not in _MEASURES[model]:
        raise InputError(
            f"The model {model} does not give this measure.", value=spec.measure, allowed=", ".join(_MEASURES[model])
        )
    ci = "Wald" if spec.ci == "auto" else spec.ci
    if ci not in ("Wald", "t"):
        raise InputError("This interval is not defined for a model of counts.", value=ci, allowed="auto, Wald, t")
    return replace(spec, model=model, ci=ci, tau2="ML", q_around="IV")


def fit_counts(compared: ComparisonData, spec: PairwiseSpec, warnings: list[Warning_]) -> CountFit:
    """The model of ``spec`` on the raw counts of the studies in the comparison; what it cannot give is a warning."""
    rates = spec.measure in ("IRR", "IRLN")
    if compared.table is None:
        raise InputError(f"The model {spec.model} needs events and units of every arm, not effects.")
    events, size = _counts(compared, rates)
    if compared.corrections:
        text = "Zero cells are corrected in the rows of the studies only; the model takes the raw counts."
        warnings.append(Warning_(code="counts_raw", text=text))
    try:
        if spec.model == "BB":
            return _beta_binomial(events, size)
        fit = fit_glmm(events, size, "one" if spec.model == "BN" else spec.model, rates=rates)
    except NotEstimable as problem:
        warnings.append(Warning_(code="model_not_estimable", text=str(problem)))
        return CountFit(common=None, random=None, tau2=None, heterogeneity=None)
    return _glmm(fit, compared.v, warnings)


def _counts(compared: ComparisonData, rates: bool) -> tuple[FloatArray, FloatArray]:
    table = compared.table
    assert table is not None
    units = table.time if rates else table.n
    rows = [[at for at in compared.arms[study] if at is not None] for study in compared.studies]
    index = np.array(rows, dtype=np.int64)
    return table.events[index], units[index]


def _pooled(mean: float, se: float, tau2: float, k: int, q: float = 0.0) -> Pooled:
    return Pooled(
        mean=np.array([mean]),
        se=np.array([se]),
        q=np.array([q]),
        k=np.array([float(k)]),
        tau2=np.array([tau2]),
        weight=np.empty((1, 0)),
    )


def _glmm(fit: GlmmFit, v: FloatArray, warnings: list[Warning_]) -> CountFit:
    k = fit.df + 1
    common = _pooled(fit.common, fit.common_se, 0.0, k)
    if k < 2:
        return CountFit(common=common, random=None, tau2=None, heterogeneity=None)
    if not fit.converged:
        text = "The search for the maximum of the likelihood did not reach its tolerance."
        warnings.append(Warning_(code="model_not_converged", text=text))
    if fit.points == 1:
        warnings.append(Warning_(code="laplace", text="Integrals by Laplace's approximation (one node)."))
    typical = typical_variance(v)
    q = fit.q if fit.q is not None else 0.0
    heterogeneity = Heterogeneity(
        q=q,
        df=fit.df,
        p=fit.p,
        i2_q=max(0.0, (q - fit.df) / q) if q > 0 else 0.0,
        i2_tau2=fit.tau2 / (fit.tau2 + typical),
        h2=1 + fit.tau2 / typical,
        test="likelihood ratio",
    )
    return CountFit(
        common=common,
        random=_pooled(fit.estimate, fit.se, fit.tau2, k),
        tau2=Tau2(
            value=fit.tau2,
            method="ML",
            boundary=fit.tau2 == 0,
            converged=fit.converged,
            iterations=fit.iterations,
        ),
        heterogeneity=heterogeneity,
    )


def _beta_binomial(events: FloatArray, size: FloatArray) -> CountFit:
    k, arms = events.shape
    x, n = events.ravel(), size.ravel()
    treated = np.tile([1.0, 0.0], k) if arms == 2 else None
    X = np.ones((x.size, 1)) if treated is None else np.column_stack([np.ones(x.size), treated])
    fit = fit_beta_binomial(x, n, X)
    pooled = _pooled(float(fit.beta[-1]), float(np.sqrt(fit.vcov[-1, -1])), 0.0, k)
    return CountFit(common=None, random=pooled, tau2=None, heterogeneity=None)
