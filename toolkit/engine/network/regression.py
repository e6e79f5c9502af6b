"""Network meta-regression on a study-level covariate: does it change the relative effects?

References
----------
Cooper, Sutton, Morris, Ades, Welton 2009, Stat Med 28:1861-1881. doi:10.1002/sim.3594
Dias, Sutton, Welton, Ades 2013, Med Decis Making 33:618-640. doi:10.1177/0272989X13485157
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from toolkit.engine.data import Effects, Excluded, FloatArray
from toolkit.engine.network._intervals import symmetric_estimate
from toolkit.engine.network.blocks import Block, make_blocks, take_studies
from toolkit.engine.network.connect import require_connected
from toolkit.engine.network.direct import all_pairs
from toolkit.engine.network.gls import Model
from toolkit.engine.network.tau2 import estimate_tau2
from toolkit.engine.results import Estimate, Tau2
from toolkit.model.errors import InputError, NotEstimable

__all__ = [
    "INTERACTIONS",
    "Coefficient",
    "NetworkRegression",
    "network_regression",
    "study_standard_errors",
    "usable_studies",
]

INTERACTIONS = ("common", "independent")


@dataclass(frozen=True, slots=True, kw_only=True)
class Coefficient:
    """Change of a treatment's effect against the reference per unit of the covariate.

    ``treatment`` is None for the one coefficient of the common interaction; ``estimate`` is None where the data do not
    determine it.
    """

    treatment: str | None
    estimate: Estimate | None


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkRegression:
    """Network meta-regression; ``effects`` are against the reference at covariate value ``centre``.

    An effect or coefficient that the data do not determine is None. ``tau2`` is the between-study variance that the
    covariate leaves.
    """

    reference: str
    treatments: tuple[str, ...]
    centre: float
    interaction: str
    effects: tuple[Estimate | None, ...]
    coefficients: tuple[Coefficient, ...]
    tau2: Tau2
    q: float
    df: int
    excluded: tuple[Excluded, ...]


def network_regression(
    effects: Effects,
    covariate: Mapping[str, float | None],
    reference: str,
    *,
    interaction: str = "common",
    centre: float | None = None,
    tau2: str = "REML",
    tau2_value: float | None = None,
    level: float = 0.95,
) -> NetworkRegression:
    """Network meta-regression with treatment-by-covariate interactions against the reference.

    Parameters
    ----------
    effects : the data
    covariate : value of each study; a study without one is left out and named
    reference : treatment without interaction; the coefficients depend on it in the common model
    interaction : "common", one coefficient for every treatment but the reference, or "independent", one each
    centre : covariate value at which effects are given; the mean over studies by default
    tau2, tau2_value, level : as in `NetworkSpec`

    Raises
    ------
    InputError
        For an unknown interaction or reference, or when no study has a covariate value.
    NotEstimable
        If the studies with a value are disconnected, all have the same one, or leave no degrees of freedom.
    """
    if interaction not in INTERACTIONS:
        raise InputError("Unknown interaction.", value=interaction, allowed=", ".join(INTERACTIONS))
    used, x, left = usable_studies(effects, covariate, reference)
    middle = float(np.mean(x)) if centre is None else centre
    ref = used.treatments.index(reference)
    others = [t for t in range(len(used.treatments)) if t != ref]
    model = _model(used, x - middle, others, interaction)
    if model.df <= 0 and tau2 != "fixed":
        raise NotEstimable("No degrees of freedom are left for the between-study variance.")
    variance = estimate_tau2(model, tau2, tau2_value)
    fit = model.solve(variance.value)
    named = [None] if interaction == "common" else [used.treatments[t] for t in others]

    def against(c: FloatArray, words: str) -> Estimate | None:
        if not model.is_estimable(c):
            return None
        return symmetric_estimate(float(c @ fit.beta), float(np.sqrt(c @ fit.cov @ c)), level, words)

    unit = np.eye(model.n_params)
    return NetworkRegression(
        reference=reference,
        treatments=tuple(used.treatments[t] for t in others),
        centre=middle,
        interaction=interaction,
        effects=tuple(against(unit[t] - unit[ref], f"at covariate {middle:g}") for t in others),
        coefficients=tuple(
            Coefficient(treatment=name, estimate=against(unit[p], "per unit of the covariate"))
            for name, p in zip(named, range(len(used.treatments), model.n_params), strict=True)
        ),
        tau2=variance,
        q=model.solve(0.0).q,
        df=model.df,
        excluded=(*used.excluded, *left),
    )


def study_standard_errors(effects: Effects) -> dict[str, float]:
    """Root mean sampling variance of all contrasts of each study: its size, as small-study effects need it."""
    pairs = all_pairs(effects)
    count = np.bincount(pairs.study)
    mean = np.bincount(pairs.study, weights=pairs.v) / count
    return {name: float(np.sqrt(v)) for name, v in zip(effects.studies, mean, strict=True)}


def usable_studies(
    effects: Effects, covariate: Mapping[str, float | None], reference: str
) -> tuple[Effects, FloatArray, tuple[Excluded, ...]]:
    """The studies with a covariate value, checked; the values; what was left out.

    Raises
    ------
    InputError
        For an unknown reference, or when no study has a value.
    NotEstimable
        If the studies with a value are disconnected or all have the same one.
    """
    used, x, left = _with_values(effects, covariate)
    if reference not in used.treatments:
        raise InputError("The reference is not a treatment of these studies.", value=reference)
    require_connected(used)
    if np.ptp(x) == 0:
        raise NotEstimable("Every study has the same covariate value, so it cannot explain differences.")
    return used, x, left


def _model(used: Effects, x: FloatArray, others: list[int], interaction: str) -> Model:
    """Treatments, then the slopes: one for all treatments but the reference, or one each."""
    T = len(used.treatments)
    columns = np.zeros((T, 1 if interaction == "common" else len(others)))
    columns[others, 0 if interaction == "common" else np.arange(len(others))] = 1.0
    return Model([_with_columns(b, columns, x) for b in make_blocks(used)], T, drop_aliased=True)


def _with_values(
    effects: Effects, covariate: Mapping[str, float | None]
) -> tuple[Effects, FloatArray, tuple[Excluded, ...]]:
    """The studies that have a value, the values, and the studies left out."""
    values = [covariate.get(name) for name in effects.studies]
    keep = [s for s, value in enumerate(values) if value is not None and np.isfinite(value)]
    if not keep:
        raise InputError("No study has a value of the covariate.")
    left = tuple(
        Excluded(study=name, reason="no value of the covariate")
        for s, name in enumerate(effects.studies)
        if s not in set(keep)
    )
    return take_studies(effects, keep), np.array([values[s] for s in keep], dtype=float), left


def _with_columns(block: Block, columns: FloatArray, x: FloatArray) -> Block:
    """`block` with covariate times interaction column of each arm."""
    return replace(block, extra=columns[block.nodes] * x[block.study][:, None, None])
