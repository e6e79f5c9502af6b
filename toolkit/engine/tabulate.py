"""Results as plain data for JSON, tables and reports: one source for every number that is shown.

Model scale (log for ratios) and display scale are kept apart: in a dictionary, ``estimate``, ``ci_low`` and ``ci_high``
are on the display scale, and ``model`` holds the same on the model scale with the standard error. NaN never appears: a
number that cannot be given is None.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import fields, is_dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from toolkit.engine import ENGINE_VERSION
from toolkit.engine.mh_of_arms import Q_AROUND
from toolkit.engine.own_weights import EFFECT_MODELS
from toolkit.engine.results import Estimate, Interval, PairwiseResult, StudyRow, Tau2
from toolkit.engine.scales import back
from toolkit.model.choices import INTERVALS, MEASURES, MODELS, PREDICTION_INTERVALS, TAU2_INTERVALS, TAU2_METHODS
from toolkit.model.presets import PRESETS

if TYPE_CHECKING:
    from toolkit.engine.bias import SmallStudyTest, TrimFill
    from toolkit.engine.sensitivity import Refit
    from toolkit.engine.subgroups import SubgroupResult

__all__ = [
    "display",
    "estimate_to_dict",
    "interval_to_dict",
    "plain",
    "refits_to_list",
    "result_to_dict",
    "small_study_to_dict",
    "subgroups_to_dict",
    "trim_fill_to_dict",
]


def display(value: float | None, scale: str) -> float | None:
    """A model-scale number as it is shown (`toolkit.engine.scales`); None for a missing or overflowing one."""
    return back(value, scale)


def plain(value: Any) -> Any:
    """Any result as dictionaries, lists, numbers and text that JSON can hold; NaN and infinities become None."""
    if value is None or isinstance(value, (str, bool)):
        return value
    if isinstance(value, (np.bool_,)):
        return bool(value)
    if isinstance(value, (int, np.integer)):
        return int(value)
    if isinstance(value, (float, np.floating)):
        return float(value) if math.isfinite(value) else None
    if isinstance(value, np.ndarray):
        return [plain(item) for item in value.tolist()]
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [plain(item) for item in value]
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: plain(getattr(value, field.name)) for field in fields(value)}
    raise TypeError(f"no plain form of {type(value).__name__}")


def estimate_to_dict(estimate: Estimate | None, scale: str) -> dict[str, Any] | None:
    """An estimate on the display scale, with the model scale beside it."""
    if estimate is None:
        return None
    return {
        "estimate": display(estimate.estimate, scale),
        "ci_low": display(estimate.ci_low, scale),
        "ci_high": display(estimate.ci_high, scale),
        "p": plain(estimate.p),
        "statistic": plain(estimate.statistic),
        "df": plain(estimate.df),
        "method": estimate.method,
        "model": {name: plain(getattr(estimate, name)) for name in ("estimate", "se", "ci_low", "ci_high")},
    }


def interval_to_dict(interval: Interval | None, scale: str) -> dict[str, Any] | None:
    """An interval on the display scale, with the model scale beside it."""
    if interval is None:
        return None
    return {
        "low": display(interval.low, scale),
        "high": display(interval.high, scale),
        "method": interval.method,
        "model": {"low": plain(interval.low), "high": plain(interval.high)},
    }


def result_to_dict(result: Any) -> dict[str, Any]:
    """A result as plain data; other results than `PairwiseResult` field by field, on the model scale.

    Examples
    --------
    >>> from toolkit.engine.effects import effects_from_estimates
    >>> from toolkit.engine.pairwise import pairwise
    >>> result_to_dict(pairwise(effects_from_estimates(["A"], [0.5], v=[0.04])))["random"] is None
    True
    """
    if isinstance(result, PairwiseResult):
        return _pairwise(result)
    found = plain(result)
    return {"engine_version": ENGINE_VERSION, **found}


def _pairwise(result: PairwiseResult) -> dict[str, Any]:
    scale = result.scale
    return {
        "engine_version": ENGINE_VERSION,
        "kind": "pairwise",
        "spec": plain(result.spec),
        "resolved": _words(result),
        "measure": result.spec.measure,
        "scale": scale,
        "treatment": result.treatment,
        "reference": result.reference,
        "k": result.k,
        "common": estimate_to_dict(result.common, scale),
        "mantel_haenszel": estimate_to_dict(result.mantel_haenszel, scale),
        "random": estimate_to_dict(result.random, scale),
        "random_wald": estimate_to_dict(result.random_wald, scale),
        "tau2": _tau2(result.tau2),
        "heterogeneity": plain(result.heterogeneity),
        "prediction": interval_to_dict(result.prediction, scale),
        "studies": [_study(row, scale) for row in result.studies],
        "excluded": plain(result.excluded),
        "corrections": plain(result.corrections),
        "warnings": plain(result.warnings),
    }


def _words(result: PairwiseResult) -> dict[str, str]:
    """What was resolved, in words, to be printed next to the numbers."""
    spec = result.spec
    return {
        "measure": MEASURES[spec.measure].help,
        "model": MODELS[spec.model].help,
        "tau2": TAU2_METHODS[spec.tau2].help,
        "interval": INTERVALS[spec.ci].help,
        "prediction": PREDICTION_INTERVALS[spec.prediction].help,
        "tau2_interval": TAU2_INTERVALS[spec.tau2_ci].help,
        "i2_q": "I2 from Q: (Q - df) / Q",
        "i2_tau2": "I2 from tau2: tau2 / (tau2 + typical within-study variance)",
        "zero_cells": zero_cell_words(result),
        "preset": preset_words(result),
    }


def preset_words(result: PairwiseResult) -> str:
    """The preset, what it set and where each choice is from; empty without one."""
    spec = result.spec
    if spec.preset is None:
        return ""
    preset = PRESETS[spec.preset]
    parts = []
    for name, (value, source) in preset.fields.items():
        now = getattr(spec, name)
        parts.append(f"{name} {value} [{source}]" if now == value else f"{name} {now} (named; the program has {value})")
    parts.append(f"zero cells [{preset.zero_source}]")
    if spec.measure in preset.measures.values():
        parts.append(f"measure {spec.measure} [{preset.measure_source}]")
    return f"{preset.help}: {'; '.join(parts)}"


def zero_cell_words(result: PairwiseResult) -> str:
    """The policy for zero cells in words; empty for measures that correct none."""
    measure, policy = result.spec.measure, result.spec.zero_cells
    if measure not in _CORRECTED:
        return ""
    cells = _CORRECTED[measure]
    if measure in ("RR", "PLN") and policy.risk_ratio == "cells":
        cells = "to every cell" if measure == "RR" else "to events and non-events"
    if measure in ("RD", "IRD", "PR") and policy.risk_difference == "cells":
        cells = cells.removesuffix(", for the variance only")
    where = {
        "only0": "of studies with a zero cell",
        "all": "of all studies",
        "if0all": "of all studies if any has a zero cell",
        "none": "",
    }[policy.to]
    text = "nothing added" if policy.to == "none" else f"{policy.add:g} added {cells} {where}"
    if policy.arms == "size" and policy.to != "none":
        text += " in proportion to the size of the arm"
    if result.spec.model not in EFFECT_MODELS:
        return f"{text}, for the rows of the studies only; the model takes the raw counts"
    if measure in ("OR", "RR", "IRR"):
        text += f"; double-zero studies {'left out' if policy.drop_double_zero else 'kept'}"
    raw = counts_of_mantel_haenszel(result)
    return f"{text}; Mantel-Haenszel from the {raw} counts" if result.mantel_haenszel is not None else text


def counts_of_mantel_haenszel(result: PairwiseResult) -> str:
    """Which counts the Mantel-Haenszel estimate was made from: "raw", or "corrected" where the measure has that."""
    return "corrected" if result.spec.mantel_haenszel == "corrected" and result.spec.measure in Q_AROUND else "raw"


# Measures whose zero cells are corrected, and which cells of a touched study that changes.
_CORRECTED = {
    "OR": "to every cell",
    "RR": "to the events of every arm",
    "RD": "to every cell, for the variance only",
    "IRR": "to the events of every arm",
    "IRD": "to the events of every arm, for the variance only",
    "YUQ": "to every cell",
    "YUY": "to every cell",
    "PBIT": "to every cell",
    "PR": "to events and non-events, for the variance only",
    "PLN": "to the events",
    "PLO": "to events and non-events",
    "PRZ": "to events and non-events",
    "IR": "to the events",
    "IRLN": "to the events",
}


def refits_to_list(fits: Sequence[Refit], scale: str) -> list[dict[str, Any]]:
    """Leave-one-out or cumulative fits as plain data."""
    return [
        {
            "study": fit.study,
            "k": fit.k,
            "common": estimate_to_dict(fit.common, scale),
            "random": estimate_to_dict(fit.random, scale),
            "tau2": plain(fit.tau2),
            "heterogeneity": plain(fit.heterogeneity),
        }
        for fit in fits
    ]


def subgroups_to_dict(found: SubgroupResult, scale: str) -> dict[str, Any]:
    """A subgroup analysis as plain data: each group's fit, and the tests between them."""
    tests = ("q_between", "df", "p", "q_between_common", "p_common", "variance", "tau2_common", "warnings")
    return {
        "groups": [
            {
                "label": group.label,
                "compared": estimate_to_dict(group.compared, scale),
                "result": result_to_dict(group.result),
            }
            for group in found.groups
        ],
        **{name: plain(getattr(found, name)) for name in tests},
    }


def small_study_to_dict(test: SmallStudyTest, scale: str) -> dict[str, Any]:
    """A small-study test as plain data; its limit estimate on both scales."""
    found: dict[str, Any] = plain(test)
    found["limit"] = display(test.limit, scale)
    found["limit_ci"] = interval_to_dict(test.limit_ci, scale)
    found["model"] = {"limit": plain(test.limit)}
    return found


def trim_fill_to_dict(filled: TrimFill, scale: str) -> dict[str, Any]:
    """Trim-and-fill as plain data: the imputed studies and the fit with them."""
    return {
        "k0": filled.k0,
        "se_k0": plain(filled.se_k0),
        "side": filled.side,
        "estimator": filled.estimator,
        "imputed": [
            {"estimate": display(float(y), scale), "model": {"estimate": float(y), "se": math.sqrt(float(v))}}
            for y, v in zip(filled.y, filled.v, strict=True)
        ],
        "filled": result_to_dict(filled.filled),
    }


def _tau2(tau2: Tau2 | None) -> dict[str, Any] | None:
    if tau2 is None:
        return None
    found: dict[str, Any] = plain(tau2)
    found["tau"] = math.sqrt(tau2.value)
    return found


def _study(row: StudyRow, scale: str) -> dict[str, Any]:
    found: dict[str, Any] = plain(row)
    model = {name: found.pop(name) for name in ("y", "se", "ci_low", "ci_high")}
    return {
        "study": found.pop("study"),
        "estimate": display(row.y, scale),
        "ci_low": display(row.ci_low, scale),
        "ci_high": display(row.ci_high, scale),
        **found,
        "model": model,
    }
