"""Fit a selection: resolved spec, result, and everything about it as JSON-able data under one fingerprint."""

from __future__ import annotations

import hashlib
import json
import math
from dataclasses import asdict
from typing import Any

from toolkit import __version__
from toolkit.analysis.select import Selection
from toolkit.config import Analysis, Outcome, ReviewFile
from toolkit.engine import ENGINE_VERSION
from toolkit.engine.effects import arm_table
from toolkit.engine.network import network, network_effects, network_to_dict
from toolkit.engine.pairwise import pairwise
from toolkit.engine.results import NetworkResult, PairwiseResult
from toolkit.engine.tabulate import result_to_dict
from toolkit.model.errors import NotEstimable
from toolkit.model.spec import NetworkSpec, PairwiseSpec, ZeroCells

__all__ = ["Fitted", "favours", "fingerprint", "fit", "spec_of"]

Fitted = PairwiseResult | NetworkResult


def spec_of(analysis: Analysis, outcome: Outcome) -> PairwiseSpec | NetworkSpec:
    """The engine's spec of a declared analysis."""
    zero_cells = ZeroCells(add=analysis.zero_add, to=analysis.zero_to)
    if analysis.kind == "pairwise":
        return PairwiseSpec(
            measure=analysis.measure,
            treatment=analysis.treatment,
            reference=analysis.reference,
            tau2=analysis.tau2,
            ci=analysis.ci,
            prediction=analysis.prediction,
            level=analysis.level,
            zero_cells=zero_cells,
        )
    small_values = {"lower": "good", "higher": "bad", None: None}[outcome.better]
    return NetworkSpec(
        measure=analysis.measure,
        reference=analysis.reference,
        tau2=analysis.tau2,
        small_values=small_values,
        level=analysis.level,
        zero_cells=zero_cells,
    )


def fingerprint(spec: PairwiseSpec | NetworkSpec, selection: Selection) -> str:
    """sha256 over spec, data (numbers and flags) and engine version: the address of a result.

    What was left out is not in it: a study that does not enter changes no number.
    """
    content = {"spec": asdict(spec), "selection": _entered(selection), "engine": ENGINE_VERSION}
    text = json.dumps(content, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode("utf-8")).hexdigest()


def _entered(selection: Selection) -> dict[str, Any]:
    """The arms that enter and their flags, as plain data."""
    found = asdict(selection)
    return {"arms": found["arms"], "flags": found["flags"]}


def fit(config: ReviewFile, analysis: Analysis, selection: Selection) -> tuple[Fitted | None, dict[str, Any]]:
    """The result (None if it cannot be estimated) and its payload: all that tables, figures and texts will show."""
    outcome = config.outcome(analysis.outcome)
    spec = spec_of(analysis, outcome)
    payload: dict[str, Any] = {
        "analysis": analysis.id,
        "kind": analysis.kind,
        "fingerprint": fingerprint(spec, selection),
        "evipool_version": __version__,
        "engine_version": ENGINE_VERSION,
        "spec": asdict(spec),
        "selection": _entered(selection),
    }
    try:
        result, shown = _run(spec, selection)
    except NotEstimable as error:
        return None, {**payload, "status": "not estimable", "reason": str(error), "result": None}
    return result, {**payload, "status": "estimated", "reason": None, "result": shown}


def _run(spec: PairwiseSpec | NetworkSpec, selection: Selection) -> tuple[Fitted, dict[str, Any]]:
    if not selection.arms:
        raise NotEstimable("no study has the data this analysis needs")
    arms = selection.arms

    def column(name: str) -> list[float]:
        values = [getattr(arm, name) for arm in arms]
        return [math.nan if value is None else float(value) for value in values]

    table = arm_table(
        [arm.study for arm in arms],
        [arm.treatment for arm in arms],
        n=column("n"),
        events=column("events"),
        mean=column("mean"),
        sd=column("sd"),
        time=column("time"),
    )
    if isinstance(spec, PairwiseSpec):
        pooled = pairwise(table, spec)
        return pooled, result_to_dict(pooled)
    effects = network_effects(table, spec)
    fitted = network(effects, spec)
    return fitted, network_to_dict(fitted, effects)


def favours(analysis: Analysis, outcome: Outcome) -> tuple[str, str] | None:
    """What lies left and right of no effect in a forest plot; None while nobody said which direction is better."""
    if outcome.better is None or analysis.treatment is None or analysis.reference is None:
        return None
    left, right = analysis.treatment, analysis.reference
    if outcome.better == "higher":
        left, right = right, left
    return f"favours {left}", f"favours {right}"
