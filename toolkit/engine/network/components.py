"""Component network meta-analysis: a combined treatment is the sum of its components, with interactions if asked for.

Components also bridge networks in several pieces.

References
----------
Welton, Caldwell, Adamopoulos, Vedhara 2009, Am J Epidemiol 169:1158-1165. doi:10.1093/aje/kwp014
Ruecker, Petropoulou, Schwarzer 2020, Biom J 62:808-821. doi:10.1002/bimj.201800167
Ruecker, Schmitz, Schwarzer 2021, Biom J 63:447-461 (disconnected networks). doi:10.1002/bimj.202000059
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TypedDict

import numpy as np

from toolkit.engine.data import Effects, FloatArray
from toolkit.engine.network._intervals import chi2_p, symmetric_estimate
from toolkit.engine.network.blocks import make_blocks
from toolkit.engine.network.connect import connection
from toolkit.engine.network.gls import BoolArray, Fit, Model
from toolkit.engine.network.tau2 import estimate_tau2
from toolkit.engine.results import Estimate, Tau2, Warning_
from toolkit.model.errors import InputError

__all__ = ["ComponentMatrix", "ComponentResult", "component_matrix", "component_network"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ComponentMatrix:
    """(T, C) how often each component is in each treatment; the inactive component has no column."""

    treatments: tuple[str, ...]
    components: tuple[str, ...]
    inactive: str | None
    matrix: FloatArray


@dataclass(frozen=True, slots=True, kw_only=True)
class ComponentResult:
    """An additive (or interaction) component model.

    Attributes
    ----------
    matrix : treatments and their components
    common, random : estimate of each component, None where the data do not determine it
    treatment_common, treatment_random : (T, T) effects of row against column with standard errors in ``*_se``; NaN
        where ``estimable`` is False; random is None when tau2 is not estimable
    q_additive, df_additive, p_additive : fit of the component model
    q_standard, df_standard : fit of the standard network model, None for a disconnected network
    q_difference, df_difference, p_difference : test of additivity
    """

    matrix: ComponentMatrix
    common: tuple[Estimate | None, ...]
    random: tuple[Estimate | None, ...] | None
    estimable: BoolArray
    treatment_common: FloatArray
    treatment_common_se: FloatArray
    treatment_random: FloatArray | None
    treatment_random_se: FloatArray | None
    tau2: Tau2 | None
    i2: float | None
    q_additive: float
    df_additive: int
    p_additive: float | None
    q_standard: float | None
    df_standard: int | None
    q_difference: float | None
    df_difference: int | None
    p_difference: float | None
    n_subnetworks: int
    warnings: tuple[Warning_, ...]


def component_matrix(
    treatments: Sequence[str],
    *,
    separator: str = "+",
    inactive: str | None = None,
    interactions: Sequence[tuple[str, ...]] = (),
) -> ComponentMatrix:
    """Components of treatments named like ``"CBT + SSRI"``.

    Parameters
    ----------
    treatments : names
    separator : what stands between components
    inactive : component without effect, such as placebo
    interactions : components that together have an effect of their own; a column ``"A*B"`` each

    Raises
    ------
    InputError
        If the inactive or an interacting component is in no treatment.

    Examples
    --------
    >>> component_matrix(["A", "A + B", "placebo"], inactive="placebo").matrix.tolist()
    [[1.0, 0.0], [1.0, 1.0], [0.0, 0.0]]
    """
    parts = [[part.strip() for part in name.split(separator)] for name in treatments]
    if any(not part for own in parts for part in own):
        raise InputError(f"A treatment name has an empty component at {separator!r}.", value=", ".join(treatments))
    found = sorted({part for own in parts for part in own})
    for name in ([] if inactive is None else [inactive]) + [part for pair in interactions for part in pair]:
        if name not in found:
            raise InputError("This component is in no treatment.", value=name, allowed=", ".join(found))
    names = [name for name in found if name != inactive]
    columns = [[float(own.count(name)) for own in parts] for name in names]
    columns += [[float(set(pair) <= set(own)) for own in parts] for pair in interactions]
    return ComponentMatrix(
        treatments=tuple(treatments),
        components=(*names, *("*".join(pair) for pair in interactions)),
        inactive=inactive,
        matrix=np.array(columns).T,
    )


def component_network(
    effects: Effects,
    matrix: ComponentMatrix | None = None,
    *,
    inactive: str | None = None,
    tau2: str = "DL",
    tau2_value: float | None = None,
    level: float = 0.95,
) -> ComponentResult:
    """Component network meta-analysis of a connected or disconnected network.

    Parameters
    ----------
    effects : the data
    matrix : components of the treatments; from their names (separator "+") by default
    inactive : component without effect, when `matrix` is not given
    tau2, tau2_value : as in `NetworkSpec`
    level : confidence level

    Raises
    ------
    InputError
        If `matrix` does not describe the treatments of `effects`.
    """
    matrix = component_matrix(effects.treatments, inactive=inactive) if matrix is None else matrix
    if sorted(matrix.treatments) != sorted(effects.treatments):
        raise InputError("The component matrix must have one row for every treatment of the network.")
    C = matrix.matrix[[matrix.treatments.index(t) for t in effects.treatments]]
    blocks = make_blocks(effects)
    # One node holds every arm, so that only the components distinguish them.
    model = Model([replace(b, nodes=np.zeros_like(b.nodes), extra=C[b.nodes]) for b in blocks], 1, drop_aliased=True)
    common = model.solve(0.0)
    found, warnings = None, []
    if model.df > 0 or tau2 == "fixed":
        found = estimate_tau2(model, tau2, tau2_value)
    else:
        text = "The between-study variance is not estimable: no degrees of freedom are left."
        warnings.append(Warning_(code="tau2_not_estimable", text=text))
    random = None if found is None else model.solve(found.value)
    D = matrix.matrix[:, None, :] - matrix.matrix[None, :, :]
    estimable = model.is_estimable(np.concatenate([np.zeros((*D.shape[:2], 1)), D], axis=2))
    pieces = len(connection(effects).subnetworks)
    standard = Model(blocks, len(effects.treatments)) if pieces == 1 else None
    treatments = (_treatments(common, D, estimable), None if random is None else _treatments(random, D, estimable))
    return ComponentResult(
        matrix=matrix,
        common=_components(model, common, level, "common effect"),
        random=None if random is None else _components(model, random, level, "random effects (Wald)"),
        estimable=estimable,
        treatment_common=treatments[0][0],
        treatment_common_se=treatments[0][1],
        treatment_random=None if treatments[1] is None else treatments[1][0],
        treatment_random_se=None if treatments[1] is None else treatments[1][1],
        tau2=found,
        i2=max(0.0, 1 - model.df / common.q) if model.df > 0 and common.q > 0 else None,
        **_additivity(model, common, standard),
        n_subnetworks=pieces,
        warnings=tuple(warnings),
    )


class _Additivity(TypedDict):
    q_additive: float
    df_additive: int
    p_additive: float | None
    q_standard: float | None
    df_standard: int | None
    q_difference: float | None
    df_difference: int | None
    p_difference: float | None


def _additivity(model: Model, common: Fit, standard: Model | None) -> _Additivity:
    """Fit of the component model, of the standard one where there is one, and the test of their difference."""
    q = None if standard is None else standard.solve(0.0).q
    more = None if q is None else max(common.q - q, 0.0)
    df = None if standard is None else model.df - standard.df
    return {
        "q_additive": common.q,
        "df_additive": model.df,
        "p_additive": chi2_p(common.q, model.df),
        "q_standard": q,
        "df_standard": None if standard is None else standard.df,
        "q_difference": more,
        "df_difference": df,
        "p_difference": None if more is None or df is None else chi2_p(more, df),
    }


def _components(model: Model, fit: Fit, level: float, method: str) -> tuple[Estimate | None, ...]:
    known = model.is_estimable(np.eye(model.n_params))[1:]
    beta, variance = fit.beta[1:], np.diag(fit.cov)[1:]
    return tuple(
        symmetric_estimate(float(b), float(np.sqrt(v)), level, method) if ok else None
        for b, v, ok in zip(beta, variance, known, strict=True)
    )


def _treatments(fit: Fit, D: FloatArray, estimable: BoolArray) -> tuple[FloatArray, FloatArray]:
    """(T, T) effects and standard errors of row against column; NaN where not estimable."""
    te = np.where(estimable, D @ fit.beta[1:], np.nan)
    variance = np.einsum("ijc,cd,ijd->ij", D, fit.cov[1:, 1:], D)
    return te, np.where(estimable, np.sqrt(np.maximum(variance, 0.0)), np.nan)
