"""Ways of reading a network result: one treatment against the others, the league table, the graph.

All numbers come from the result's matrices, so tables, figures and text cannot disagree. Everything is on the model
scale (log for ratios); `display` turns a value into the displayed one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from toolkit.engine.data import FloatArray
from toolkit.engine.network.standard import interval_words, network_estimate, network_half_width
from toolkit.engine.results import Estimate, Interval, NetworkResult
from toolkit.model.errors import InputError, NotEstimable

__all__ = [
    "GraphEdge",
    "GraphNode",
    "LeagueTable",
    "NetworkGraph",
    "TreatmentRow",
    "against_reference",
    "chosen_model",
    "covariance",
    "graph",
    "league_table",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class TreatmentRow:
    """A treatment against the reference: both models and the prediction interval."""

    treatment: str
    reference: str
    common: Estimate
    random: Estimate | None
    prediction: Interval | None


@dataclass(frozen=True, slots=True, kw_only=True)
class LeagueTable:
    """All pairwise effects; entry [i, j] is the row treatment i against the column treatment j.

    ``estimate``, ``low``, ``high`` are (T, T) on the model scale with a diagonal of zeros; ``direction`` says how to
    read a cell and is printed with every table.
    """

    treatments: tuple[str, ...]
    model: str
    measure: str
    scale: str
    level: float
    estimate: FloatArray
    low: FloatArray
    high: FloatArray
    direction: str


@dataclass(frozen=True, slots=True, kw_only=True)
class GraphNode:
    """A treatment: units (None when not known) and studies."""

    treatment: str
    n: float | None
    studies: int


@dataclass(frozen=True, slots=True, kw_only=True)
class GraphEdge:
    """A comparison with direct evidence: studies, units (None when not known), precision of the direct estimate."""

    t1: str
    t2: str
    studies: int
    n: float | None
    precision: float


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkGraph:
    """Nodes and edges of the network as data for a drawing; multi-arm studies as tuples of treatments."""

    nodes: tuple[GraphNode, ...]
    edges: tuple[GraphEdge, ...]


def chosen_model(result: NetworkResult, model: str) -> tuple[FloatArray, FloatArray]:
    """(T, T) effects and standard errors of the "common" or "random" effects model.

    Raises
    ------
    InputError
        If `model` is neither.
    NotEstimable
        If the random-effects model was not estimable; the text gives the reason found at the fit.
    """
    if model == "common":
        return result.common, result.common_se
    if model != "random":
        raise InputError("Unknown model.", value=model, allowed="common, random")
    if result.random is None or result.random_se is None:
        reasons = [w.text for w in result.warnings if w.code == "tau2_not_estimable"]
        raise NotEstimable(" ".join(["The random-effects model is not estimable.", *reasons]))
    return result.random, result.random_se


def covariance(se: FloatArray) -> FloatArray:
    """(T, T) covariance of the effects against the first treatment, from the standard errors of all differences."""
    v = se**2
    C: FloatArray = (v[:, :1] + v[:1, :] - v) / 2
    return C


def against_reference(result: NetworkResult) -> tuple[TreatmentRow, ...]:
    """Every treatment but the reference, against the reference."""
    r = result.treatments.index(result.reference)
    rows = []
    for i, name in enumerate(result.treatments):
        if i == r:
            continue
        at = i, r
        common = network_estimate(
            result, float(result.common[at]), float(result.common_se[at]), "common", "common effect"
        )
        random = None
        if result.random is not None and result.random_se is not None:
            words = f"random effects ({interval_words(result)})"
            random = network_estimate(result, float(result.random[at]), float(result.random_se[at]), "random", words)
        prediction = None
        if result.prediction_low is not None and result.prediction_high is not None:
            prediction = Interval(
                low=float(result.prediction_low[i, r]),
                high=float(result.prediction_high[i, r]),
                method=f"t, {result.prediction_df:g} df",
            )
        rows.append(
            TreatmentRow(
                treatment=name, reference=result.reference, common=common, random=random, prediction=prediction
            )
        )
    return tuple(rows)


def league_table(result: NetworkResult, model: str = "random", order: Sequence[str] | None = None) -> LeagueTable:
    """League table of a network.

    Parameters
    ----------
    result : a fitted network
    model : "random" or "common"
    order : treatments in the order wanted; the result's order by default

    Raises
    ------
    InputError
        If `order` is not a permutation of the treatments.
    NotEstimable
        If the model was not estimable.
    """
    te, se = chosen_model(result, model)
    names = tuple(order) if order is not None else result.treatments
    if sorted(names) != sorted(result.treatments):
        raise InputError("The order of a league table must name every treatment once.", value=", ".join(names))
    index = [result.treatments.index(t) for t in names]
    te, se = te[np.ix_(index, index)], se[np.ix_(index, index)]
    width = network_half_width(result, model) * se
    measure = result.spec.measure
    unit = "above 1" if result.scale == "log" else "above 0"
    name = "effect" if measure == "GEN" else measure
    return LeagueTable(
        treatments=names,
        model=model,
        measure=measure,
        scale=result.scale,
        level=result.spec.level,
        estimate=te,
        low=te - width,
        high=te + width,
        direction=f"Each cell is the {name} of the row treatment against the column treatment; a value {unit} means "
        "more in the row treatment.",
    )


def graph(result: NetworkResult) -> NetworkGraph:
    """Nodes and edges of the network."""
    nodes = tuple(
        GraphNode(treatment=t, n=n, studies=k)
        for t, n, k in zip(result.treatments, result.n_per_treatment, result.studies_per_treatment, strict=True)
    )
    edges = tuple(
        GraphEdge(
            t1=c.t1,
            t2=c.t2,
            studies=len(c.studies),
            n=c.n,
            precision=0.0 if c.direct is None else 1 / c.direct.se**2,
        )
        for c in result.comparisons
    )
    return NetworkGraph(nodes=nodes, edges=edges)
