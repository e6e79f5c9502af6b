"""Pooling with weights that do not come from the variances: sample sizes, or one for every study.

The standard error still rests on the variances. Such a weight does not correlate with the effect, as an
inverse-variance weight of a ratio or a standardised difference does.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from toolkit.engine.compare import ComparisonData
from toolkit.engine.data import FloatArray
from toolkit.engine.pooling import Pooled
from toolkit.model.errors import InputError
from toolkit.model.spec import PairwiseSpec

__all__ = ["EFFECT_MODELS", "WEIGHTED", "pool_own_weights", "resolve_weighted", "weights_of"]

WEIGHTED = ("SSW", "EQ")
"""Models of ``choices.MODELS`` with such weights."""

EFFECT_MODELS = ("IV", *WEIGHTED)
"""Models that pool the studies' effects; the others model the counts."""


def pool_own_weights(y: FloatArray, v: FloatArray, weight: FloatArray, tau2: float = 0.0) -> Pooled:
    """Weighted mean, its variance ``sum w^2 (v + tau2) / (sum w)^2``; a batch of one.

    References
    ----------
    Bakbergenuly, Hoaglin, Kulinskaya 2020, Stat Med 39:171-191. doi:10.1002/sim.8422

    Examples
    --------
    >>> pooled = pool_own_weights(np.array([0.0, 1.0]), np.array([0.1, 0.3]), np.array([3.0, 1.0]))
    >>> pooled.mean.round(3).tolist(), (pooled.se**2).round(3).tolist()
    ([0.25], [0.075])
    """
    share = weight / weight.sum()
    mean = y[0] + float((share * (y - y[0])).sum())
    return Pooled(
        mean=np.array([mean]),
        se=np.sqrt(np.array([(share**2 * (v + tau2)).sum()])),
        q=np.array([(((y - mean) ** 2) / (v + tau2)).sum()]),
        k=np.array([float(y.size)]),
        tau2=np.array([tau2]),
        weight=share[None, :],
    )


def weights_of(compared: ComparisonData, model: str) -> FloatArray | None:
    """Weights (k,) of the studies in the comparison; None for a model that takes them from the variances.

    ``SSW`` is ``n1 n0 / (n1 + n0)``, of one group n.
    """
    if model not in WEIGHTED:
        return None
    if model == "EQ":
        return np.ones(len(compared.studies))
    table = compared.table
    n = np.full((len(compared.studies), 2), np.nan)
    for i, study in enumerate(compared.studies):
        for side, at in enumerate(compared.arms.get(study, (None, None))):
            if table is not None and at is not None:
                n[i, side] = table.n[at]
    one_group = all(compared.arms.get(study, (None, None))[1] is None for study in compared.studies)
    weight: FloatArray = n[:, 0] if one_group else n[:, 0] * n[:, 1] / (n[:, 0] + n[:, 1])
    missing = [study for study, w in zip(compared.studies, weight, strict=True) if np.isnan(w)]
    if missing:
        raise InputError(
            f"Weights by sample size need the units of every arm; not there: {', '.join(missing)}.",
            column="n",
            hint="Leave the model out (inverse variance), or take equal weights with model='EQ' (--model EQ).",
        )
    return weight


def resolve_weighted(spec: PairwiseSpec) -> PairwiseSpec:
    """The spec with the interval that such a fit has: Wald unless t is asked for.

    Raises
    ------
    InputError
        For an interval or prediction interval that rests on inverse-variance weights.
    """
    ci = "Wald" if spec.ci == "auto" else spec.ci
    for what, value, allowed in (
        ("interval", ci, ("Wald", "t")),
        ("prediction interval", spec.prediction, ("t_k1", "t_k2", "z", "none")),
        ("centre of Q", spec.q_around, ("IV",)),
    ):
        if value not in allowed:
            raise InputError(
                f"This {what} is not defined for weights of one's own.", value=value, allowed=", ".join(allowed)
            )
    return replace(spec, ci=ci)
