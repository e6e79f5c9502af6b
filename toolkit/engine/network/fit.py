"""Network meta-analysis: `network` turns effects and a spec into a `NetworkResult`.

References
----------
Ruecker 2012, Res Synth Methods 3:312-324. doi:10.1002/jrsm.1058
Higgins, Thompson, Spiegelhalter 2009, J R Stat Soc A 172:137-159 (prediction). doi:10.1111/j.1467-985X.2008.00552.x
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from toolkit.engine.data import ArmTable, Between, Effects, FloatArray
from toolkit.engine.effects import compute_effects
from toolkit.engine.network._intervals import half_width
from toolkit.engine.network.blocks import Block, make_blocks, take_studies
from toolkit.engine.network.by_type import between_by_type
from toolkit.engine.network.connect import require_connected
from toolkit.engine.network.designs import inconsistency
from toolkit.engine.network.direct import all_pairs, comparisons, unit_table
from toolkit.engine.network.gls import Fit, Model
from toolkit.engine.network.rank import SMALL_VALUES, p_scores, ranking_caution
from toolkit.engine.network.standard import NETWORK_INTERVALS, Standard
from toolkit.engine.network.tau2 import estimate_tau2
from toolkit.engine.results import NetworkResult, Ranking, Tau2, Warning_
from toolkit.model.choices import MEASURES, NETWORK_TAU2_METHODS
from toolkit.model.errors import InputError
from toolkit.model.spec import NetworkSpec

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["consistency_model", "network", "network_effects"]

# t quantiles for prediction need at least this many degrees of freedom (as netmeta; with one the interval has no mean).
MIN_PREDICTION_DF = 2


def network(data: Effects | ArmTable | pd.DataFrame, spec: NetworkSpec | None = None, **options: Any) -> NetworkResult:
    """Network meta-analysis by generalised least squares, common and random effects.

    Parameters
    ----------
    data : effects, an arm table, or a data frame with the usual column names
    spec : what to do; `options` override its fields (``measure``, ``reference``, ``tau2``, ``tau2_value``,
        ``small_values``, ``ci``, ``level``, ``zero_cells``)

    Returns
    -------
    NetworkResult
        On the model scale; its spec is the resolved one.

    Raises
    ------
    InputError
        If an option or a study is not usable.
    NotEstimable
        If the network is disconnected; the text lists its pieces.

    Examples
    --------
    >>> from toolkit.engine.effects import arm_table
    >>> arms = arm_table(["A1", "A1", "B1", "B1"], ["x", "y", "y", "z"], n=[50] * 4, events=[10, 5, 8, 16])
    >>> fitted = network(arms, measure="OR", reference="x")
    >>> fitted.treatments
    ('x', 'y', 'z')
    >>> fitted.random is None  # two studies and two parameters: no degrees of freedom left
    True
    """
    resolved = _merge(data, spec, options)
    return _fit(network_effects(data, resolved), resolved)


def _fit(effects: Effects, spec: NetworkSpec) -> NetworkResult:
    model = consistency_model(effects)
    between = effects.between
    warnings: list[Warning_] = []
    spec = _with_reference(effects, model.blocks, spec, warnings)
    order = _order(effects, str(spec.reference))
    common = model.solve(0.0)
    tau2 = _tau2(model, spec, between, warnings)
    random = None if tau2 is None else model.solve(tau2.value)
    te, se = _contrasts(common, order)
    te_random, se_random = (None, None) if random is None else _contrasts(random, order)
    standard = Standard(factor=1.0, df=None) if tau2 is None else NETWORK_INTERVALS[spec.ci](model, tau2.value)
    contrasts = _new_study(effects, order, tau2)
    low, high = _prediction(model, te_random, se_random, contrasts, spec.level, warnings)
    tested = inconsistency(model)
    if tested.reason is not None:
        warnings.append(Warning_(code="inconsistency_not_estimable", text=tested.reason))
    units, pairs = unit_table(effects), all_pairs(effects, blocks=model.blocks)
    direct = comparisons(effects, pairs, units, tau2.value if tau2 else None, spec.level)
    names = tuple(effects.treatments[t] for t in order)
    counts, sizes = _node_sizes(effects, model.blocks, names, units)
    caution = None if spec.small_values is None else ranking_caution(direct, counts, names)
    return NetworkResult(
        spec=spec,
        scale=effects.scale,
        k=len(effects.studies),
        treatments=names,
        reference=names[0],
        common=te,
        common_se=se,
        random=te_random,
        random_se=se_random,
        tau2=tau2,
        i2=max(0.0, 1 - model.df / common.q) if model.df > 0 and common.q > 0 else None,
        prediction_low=low,
        prediction_high=high,
        prediction_df=None if low is None else float(model.df),
        inconsistency=tested,
        ranking=_ranking(spec, te, se, te_random, se_random, caution),
        comparisons=direct,
        n_per_treatment=sizes,
        studies_per_treatment=counts,
        studies=effects.studies,
        ci_factor=standard.factor,
        ci_df=standard.df,
        tau2_contrasts=contrasts,
        between=between,
        excluded=effects.excluded,
        corrections=effects.corrections,
        warnings=(*warnings, *(Warning_(code="note", text=note) for note in effects.notes)),
    )


def network_effects(data: Effects | ArmTable | pd.DataFrame, spec: NetworkSpec) -> Effects:
    """The effects that `network` analyses for this spec; treatments without a study are dropped.

    Raises
    ------
    InputError
        If no study gives an effect, or the effects are of another measure than the spec's.
    """
    if spec.measure in MEASURES and MEASURES[spec.measure].groups == 1:
        raise InputError("This measure describes one group; a network compares.", value=spec.measure)
    if not isinstance(data, (Effects, ArmTable)):
        from toolkit.engine.tables import read_table

        data = read_table(data, measure=spec.measure).data(spec.measure, reference=spec.reference)
    if isinstance(data, Effects):
        effects = data
        if effects.measure != spec.measure:
            raise InputError(f"The effects are of measure {effects.measure}.", value=spec.measure)
    else:
        effects = compute_effects(data, spec.measure, zero_cells=spec.zero_cells)
    if not effects.studies:
        reasons = "; ".join(f"{e.study}: {e.reason}" for e in effects.excluded[:10])
        raise InputError("No study gives an effect, so there is nothing to analyse.", hint=reasons or None)
    if not np.bincount(np.concatenate([effects.t1, effects.t2]), minlength=len(effects.treatments)).all():
        effects = take_studies(effects, range(len(effects.studies)))
    return _with_between(effects, spec)


def _with_between(effects: Effects, spec: NetworkSpec) -> Effects:
    """`effects` with the between-study variances by type that the spec asks for, estimated from these studies."""
    if not spec.tau2_inactive and not spec.tau2_groups:
        return effects if effects.between is None else replace(effects, between=None)
    if spec.tau2_inactive and spec.tau2_groups:
        raise InputError("Between-study variances go by inactive treatments or by groups of studies, not by both.")
    blocks = make_blocks(replace(effects, between=None))
    model = Model(blocks, len(effects.treatments))
    if model.df == 0 or len(set(model.component[: model.n_nodes].tolist())) > 1:
        return replace(effects, between=None)
    group = dict(spec.tau2_groups) if spec.tau2_groups else None
    found = between_by_type(effects, model, spec.tau2, group=group, inactive=spec.tau2_inactive)
    return replace(effects, between=found)


def consistency_model(effects: Effects) -> Model:
    """The consistency model of a connected network.

    Raises
    ------
    NotEstimable
        If the network is disconnected.
    """
    model = Model(make_blocks(effects), len(effects.treatments))
    if model.component.max() > 0:
        require_connected(effects)
    return model


def _merge(data: object, spec: NetworkSpec | None, options: dict[str, Any]) -> NetworkSpec:
    if spec is None:
        if "measure" not in options and isinstance(data, Effects):
            options = {"measure": data.measure, **options}
        if "measure" not in options:
            raise InputError("Name the effect measure.", hint='For example measure="OR".')
        spec = NetworkSpec(**options)
    elif options:
        spec = replace(spec, **options)
    if spec.small_values is not None and spec.small_values not in SMALL_VALUES:
        raise InputError("Unknown direction of the outcome.", value=spec.small_values, allowed="good, bad")
    if spec.tau2 not in NETWORK_TAU2_METHODS:
        allowed = ", ".join(NETWORK_TAU2_METHODS)
        raise InputError("Unknown estimator of tau2 in a network.", value=spec.tau2, allowed=allowed)
    if spec.ci not in NETWORK_INTERVALS:
        raise InputError("Unknown interval of a network.", value=spec.ci, allowed=", ".join(NETWORK_INTERVALS))
    if not 0 < spec.level < 1:
        raise InputError("The confidence level must be a proportion.", value=spec.level, allowed="0 < level < 1")
    return spec


def _with_reference(
    effects: Effects, blocks: Sequence[Block], spec: NetworkSpec, warnings: list[Warning_]
) -> NetworkSpec:
    if spec.reference is not None:
        if spec.reference not in effects.treatments:
            raise InputError(
                "The reference is not a treatment of this network.",
                value=spec.reference,
                allowed=", ".join(effects.treatments),
            )
        return spec
    counts = _studies_of(blocks, len(effects.treatments))
    chosen = max(range(len(counts)), key=lambda t: (counts[t], -t))
    name = effects.treatments[chosen]
    text = f"No reference was named; {name} is used because most studies ({counts[chosen]}) include it."
    warnings.append(Warning_(code="reference_chosen", text=text))
    return replace(spec, reference=name)


def _studies_of(blocks: Sequence[Block], n_treatments: int) -> list[int]:
    """Number of studies of each treatment, in the order of ``effects.treatments``."""
    counts: list[int] = np.bincount(np.concatenate([b.nodes.ravel() for b in blocks]), minlength=n_treatments).tolist()
    return counts


def _order(effects: Effects, reference: str) -> list[int]:
    """Treatment indices: the reference first, the others by name."""
    r = effects.treatments.index(reference)
    others = sorted((t for t in range(len(effects.treatments)) if t != r), key=lambda t: effects.treatments[t])
    return [r, *others]


def _tau2(model: Model, spec: NetworkSpec, between: Between | None, warnings: list[Warning_]) -> Tau2 | None:
    if spec.tau2 != "fixed" and model.df == 0:
        text = (
            "The between-study variance is not estimable: there are as many independent effects as relative effects to "
            "estimate (no degrees of freedom), so only the common-effect model is given."
        )
        warnings.append(Warning_(code="tau2_not_estimable", text=text))
        return None
    if between is not None:
        zero = between.tau2 == 0
        return Tau2(value=between.tau2, method=spec.tau2, boundary=zero, converged=True, iterations=0)
    tau2 = estimate_tau2(model, spec.tau2, spec.tau2_value)
    if not tau2.converged:
        warnings.append(Warning_(code="tau2_not_converged", text=f"{tau2.method} did not converge."))
    return tau2


def _contrasts(fit: Fit, order: list[int]) -> tuple[FloatArray, FloatArray]:
    """(T, T) effects of row against column and their standard errors, in the order wanted."""
    beta, C = fit.beta[order], fit.cov[np.ix_(order, order)]
    variance = np.diag(C)[:, None] + np.diag(C)[None, :] - 2 * C
    np.fill_diagonal(variance, 0.0)
    te: FloatArray = beta[:, None] - beta[None, :]
    return _read_only(te), _read_only(np.sqrt(np.maximum(variance, 0.0)))


def _read_only(array: FloatArray) -> FloatArray:
    array.flags.writeable = False
    return array


def _prediction(
    model: Model,
    te: FloatArray | None,
    se: FloatArray | None,
    contrasts: FloatArray | None,
    level: float,
    warnings: list[Warning_],
) -> tuple[FloatArray | None, FloatArray | None]:
    """Prediction limits with t on the residual degrees of freedom of Q; None with a warning where they are too few."""
    if te is None or se is None:
        return None, None
    if contrasts is None:
        text = "No prediction interval: the between-study variance depends on the group that a new study belongs to."
        warnings.append(Warning_(code="prediction_by_group", text=text))
        return None, None
    if model.df < MIN_PREDICTION_DF:
        text = (
            f"No prediction interval: it needs at least {MIN_PREDICTION_DF} residual degrees of freedom and there "
            f"{'is' if model.df == 1 else 'are'} {model.df}."
        )
        warnings.append(Warning_(code="prediction_not_estimable", text=text))
        return None, None
    width = half_width(level, model.df) * np.sqrt(se**2 + contrasts)
    np.fill_diagonal(width, 0.0)
    return _read_only(te - width), _read_only(te + width)


def _new_study(effects: Effects, order: list[int], tau2: Tau2 | None) -> FloatArray | None:
    """(T, T) between-study variance of each contrast in the order wanted; None where it depends on a group."""
    if tau2 is None:
        return None
    if effects.between is not None:
        own = effects.between.contrasts
        return None if own is None else _read_only(own[np.ix_(order, order)])
    return _read_only(tau2.value * ~np.eye(len(order), dtype=bool))


def _ranking(
    spec: NetworkSpec,
    te: FloatArray,
    se: FloatArray,
    te_random: FloatArray | None,
    se_random: FloatArray | None,
    caution: str | None,
) -> Ranking | None:
    if spec.small_values is None:
        return None
    return Ranking(
        small_values=spec.small_values,
        p_score_common=_read_only(p_scores(te, se, spec.small_values)),
        p_score_random=None
        if te_random is None or se_random is None
        else _read_only(p_scores(te_random, se_random, spec.small_values)),
        caution=caution,
    )


def _node_sizes(
    effects: Effects, blocks: Sequence[Block], names: tuple[str, ...], units: FloatArray
) -> tuple[tuple[int, ...], tuple[float | None, ...]]:
    """Studies and units of each treatment; units are None where any arm does not report them."""
    of = dict(zip(effects.treatments, _studies_of(blocks, len(effects.treatments)), strict=True))
    counts = tuple(of[t] for t in names)
    if effects.arms is None:
        return counts, (None,) * len(names)
    inside = np.zeros(units.shape, dtype=bool)
    for b in blocks:
        inside[b.study[:, None], b.nodes] = True
    total = np.where(inside, units, 0.0).sum(axis=0)
    place = [effects.treatments.index(t) for t in names]
    return counts, tuple(float(total[t]) if np.isfinite(total[t]) else None for t in place)
