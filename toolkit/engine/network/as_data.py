"""A network result as plain data: for JSON, reports and other programs.

As in `toolkit.engine.tabulate`, ``estimate``, ``ci_low`` and ``ci_high`` are on the display scale and ``"model"`` holds
the model scale (log for ratios) with the standard error. What cannot be had is None and a reason stands beside it or in
``"warnings"``.
"""

from __future__ import annotations

import math
from typing import Any

from toolkit.engine import ENGINE_VERSION
from toolkit.engine.data import Effects, FloatArray
from toolkit.engine.network.split import Split, split_evidence
from toolkit.engine.network.tau2_intervals import NETWORK_TAU2_INTERVALS, tau2_interval
from toolkit.engine.network.views import against_reference, graph, league_table
from toolkit.engine.results import NetworkResult
from toolkit.engine.tabulate import display, estimate_to_dict, interval_to_dict, plain

__all__ = ["network_to_dict"]


def network_to_dict(result: NetworkResult, effects: Effects | None = None) -> dict[str, Any]:
    """`result` as dictionaries, lists and numbers without NaN.

    Parameters
    ----------
    result : a fitted network
    effects : the data behind it; with them direct and indirect evidence are split
    """
    models = ["common"] if result.random is None else ["common", "random"]
    return {
        "engine_version": ENGINE_VERSION,
        "kind": "network",
        "spec": plain(result.spec),
        "measure": result.spec.measure,
        "scale": result.scale,
        "studies": list(result.studies),
        "k": result.k,
        "treatments": [
            {"treatment": t, "n": n, "studies": k}
            for t, n, k in zip(result.treatments, result.n_per_treatment, result.studies_per_treatment, strict=True)
        ],
        "reference": result.reference,
        "interval": {"method": result.spec.ci, "factor": result.ci_factor, "df": result.ci_df},
        "effects": _versus_reference(result),
        "heterogeneity": {
            "tau2": None if result.tau2 is None else {**plain(result.tau2), "tau": math.sqrt(result.tau2.value)},
            "tau2_by_type": None if result.between is None else plain(result.between.types),
            "tau2_intervals": None if effects is None else _tau2_intervals(result, effects),
            "i2": result.i2,
            "q": result.inconsistency.q_total,
            "df": result.inconsistency.df_total,
            "p": result.inconsistency.p_total,
            "prediction_df": result.prediction_df,
        },
        "inconsistency": plain(result.inconsistency),
        "league": {model: _league(result, model) for model in models},
        "ranking": _ranking(result),
        "comparisons": [
            {
                "t1": c.t1,
                "t2": c.t2,
                "studies": list(c.studies),
                "n": c.n,
                "direct": estimate_to_dict(c.direct, result.scale),
            }
            for c in result.comparisons
        ],
        "splits": None
        if effects is None
        else {model: [_split(s, result.scale) for s in split_evidence(effects, result, model)] for model in models},
        "graph": plain(graph(result)),
        "excluded": plain(result.excluded),
        "corrections": plain(result.corrections),
        "warnings": plain(result.warnings),
    }


def _tau2_intervals(result: NetworkResult, effects: Effects) -> list[dict[str, Any]]:
    if result.tau2 is None or result.tau2.method == "fixed" or result.between is not None:
        return []
    return [plain(tau2_interval(effects, result, method)) for method in NETWORK_TAU2_INTERVALS]


def _versus_reference(result: NetworkResult) -> list[dict[str, Any]]:
    return [
        {
            "treatment": row.treatment,
            "reference": row.reference,
            "common": estimate_to_dict(row.common, result.scale),
            "random": estimate_to_dict(row.random, result.scale),
            "prediction": interval_to_dict(row.prediction, result.scale),
        }
        for row in against_reference(result)
    ]


def _league(result: NetworkResult, model: str) -> dict[str, Any]:
    table = league_table(result, model)

    def shown(matrix: FloatArray) -> list[list[float | None]]:
        return [[display(value, table.scale) for value in row] for row in matrix.tolist()]

    return {
        "treatments": list(table.treatments),
        "direction": table.direction,
        "estimate": shown(table.estimate),
        "ci_low": shown(table.low),
        "ci_high": shown(table.high),
    }


def _ranking(result: NetworkResult) -> dict[str, Any] | None:
    ranking = result.ranking
    if ranking is None:
        return None
    return {
        "small_values": ranking.small_values,
        "caution": ranking.caution,
        "treatments": list(result.treatments),
        "p_score_common": plain(ranking.p_score_common),
        "p_score_random": plain(ranking.p_score_random),
    }


def _split(split: Split, scale: str) -> dict[str, Any]:
    return {
        "t1": split.t1,
        "t2": split.t2,
        "k": split.k,
        "prop_direct": split.prop_direct,
        "direct": estimate_to_dict(split.direct, scale),
        "indirect": estimate_to_dict(split.indirect, scale),
        "network": estimate_to_dict(split.network, scale),
        "difference": estimate_to_dict(split.difference, scale),
        "reason": split.reason,
    }
