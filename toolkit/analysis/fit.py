"""Fit a selection: resolved spec, result, and everything about it as JSON-able data under one fingerprint."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from toolkit import __version__
from toolkit.analysis.network.declared import RANK_SEED, Further, bridged, further_requests, further_to_data
from toolkit.analysis.network.part import Request
from toolkit.analysis.pairwise.run import Done, with_flags
from toolkit.analysis.pairwise.run import run as run_pairwise
from toolkit.analysis.pairwise.selected import contrasts_of, material_of
from toolkit.analysis.plan import entered, fingerprint, further_settings, spec_of
from toolkit.analysis.select import SelectedArm, Selection
from toolkit.config import Analysis, Outcome, ReviewFile
from toolkit.engine import ENGINE_VERSION
from toolkit.engine.bias import small_study_test
from toolkit.engine.data import ArmTable, Effects
from toolkit.engine.effects import arm_table, effects_from_contrasts
from toolkit.engine.network import (
    largest_subnetwork,
    network,
    network_effects,
    network_to_dict,
    rank_probabilities,
    ranking_words,
)
from toolkit.engine.results import NetworkResult, PairwiseResult
from toolkit.engine.sensitivity import leave_one_out
from toolkit.engine.tabulate import plain, refits_to_list, result_to_dict, small_study_to_dict
from toolkit.model.errors import NotEstimable
from toolkit.model.spec import NetworkSpec, PairwiseSpec

__all__ = ["Fit", "Fitted", "fit"]

Fitted = PairwiseResult | NetworkResult

# Leaving one of two studies out leaves the other: that is no sensitivity analysis.
FEWEST_FOR_LEAVE_ONE_OUT = 3
# Cochrane Handbook 6.5, section 13.3.5.4: tests of asymmetry only from ten studies on.
FEWEST_FOR_ASYMMETRY = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Fit:
    """A fitted analysis: the result (None if it cannot be estimated), what figures need besides, and the payload."""

    result: Fitted | None
    payload: dict[str, Any]
    pairwise: Done | None = None
    asked: Mapping[str, Any] = field(default_factory=dict)
    network: Request | None = None
    further: tuple[Further, ...] = ()


def fit(config: ReviewFile, analysis: Analysis, selection: Selection) -> Fit:
    """Fit one analysis; the payload holds all that tables, figures and texts will show."""
    spec = spec_of(analysis, config.outcome(analysis.outcome), selection.columns)
    payload: dict[str, Any] = {
        "analysis": analysis.id,
        "kind": analysis.kind,
        "fingerprint": fingerprint(spec, selection, analysis),
        "evipool_version": __version__,
        "engine_version": ENGINE_VERSION,
        "spec": plain(asdict(spec)),
        "selection": plain(entered(selection)),
        **plain(further_settings(analysis)),
    }
    try:
        if not selection.arms:
            raise NotEstimable("no study has the data this analysis needs")
        if isinstance(spec, PairwiseSpec):
            return _fit_pairwise(analysis, config.outcome(analysis.outcome), spec, selection, payload)
        return _fit_network(config, analysis, spec, selection, payload)
    except NotEstimable as error:
        return Fit(result=None, payload={**payload, "status": "not estimable", "reason": str(error), "result": None})


def _table(arms: Sequence[SelectedArm]) -> ArmTable:
    def column(name: str) -> list[float]:
        values = [getattr(arm, name) for arm in arms]
        return [math.nan if value is None else float(value) for value in values]

    return arm_table(
        [arm.study for arm in arms],
        [arm.treatment for arm in arms],
        n=column("n"),
        events=column("events"),
        mean=column("mean"),
        sd=column("sd"),
        time=column("time"),
    )


def _fit_pairwise(
    analysis: Analysis, outcome: Outcome, spec: PairwiseSpec, selection: Selection, payload: dict[str, Any]
) -> Fit:
    asked = analysis.asked
    if outcome.type == "effect":
        asked["several_arms"] = analysis.named_options.get("several_arms")
    done = run_pairwise(material_of(selection, outcome, spec.measure), spec, asked, lenient=True)
    result = done.result
    if result.k == 0:
        why = "; ".join(dict.fromkeys(f"{x.study}: {x.reason}" for x in result.excluded))
        raise NotEstimable(f"no study gives an effect ({why})" if why else "no study gives an effect")
    shown = with_flags(result_to_dict(result), done.prepared) if done.prepared.remarks else result_to_dict(result)
    further = dict(done.found)
    flagged = [flag.study for flag in selection.flags if flag.code == "sd-or-se"]
    questions = [q for q in further.pop("questions", ()) if not any(q.startswith(f"{s}:") for s in flagged)]
    further |= {"questions": questions} if questions else {}
    shown["leave_one_out"] = None
    if result.k >= FEWEST_FOR_LEAVE_ONE_OUT and spec.model == "IV":
        shown["leave_one_out"] = further.pop("leave_one_out", None) or refits_to_list(
            leave_one_out(result), result.scale
        )
    posteriors = further.pop("bayes", None) or []
    shown["bayes"] = posteriors[0] if posteriors else None
    if asked["bayes"]:
        further["bayes"] = posteriors
        shown["bayes"] = None
    shown["small_study"] = None
    if result.k >= FEWEST_FOR_ASYMMETRY and spec.model == "IV" and not asked["bias"]:
        shown["small_study"] = small_study_to_dict(small_study_test(result), result.scale)
    if further:
        shown["further"] = further
    return Fit(
        result=result,
        payload={**payload, "status": "estimated", "reason": None, "result": shown},
        pairwise=done,
        asked=asked,
    )


def _fit_network(
    config: ReviewFile, analysis: Analysis, spec: NetworkSpec, selection: Selection, payload: dict[str, Any]
) -> Fit:
    arms, effects = _network_data(selection.arms, config.outcome(analysis.outcome), spec)
    if analysis.largest:
        effects = network_effects(largest_subnetwork(effects), spec)
    try:
        result = network(effects, spec)
    except NotEstimable as error:
        if not any(one.name == "components" for one in analysis.further):
            raise
        reason = {"status": "not estimable", "reason": str(error), "result": None}
        return Fit(result=None, payload={**payload, **reason, "further": bridged(analysis.further, effects, spec)})
    others = {other.id: _other(config, other, own, theirs) for other, own, theirs in selection.others}
    base, further = further_requests(analysis.further, effects, result, arms, selection.columns, others, analysis.id)
    shown = network_to_dict(result, effects)
    ranks = None
    if result.ranking is not None:
        ranks = rank_probabilities(result, np.random.default_rng(RANK_SEED), model=base.model)
    shown["rank_probabilities"] = None if ranks is None else {**plain(ranks), "words": ranking_words(ranks)}
    payload = {**payload, "status": "estimated", "reason": None, "result": shown}
    if further:
        payload["further"] = further_to_data(further)
    return Fit(result=result, payload=payload, network=base, further=further)


def _network_data(arms: Sequence[SelectedArm], outcome: Outcome, spec: NetworkSpec) -> tuple[ArmTable | None, Effects]:
    """The arms, None where the outcome holds effects that the authors computed, and the effects of the network."""
    if outcome.type != "effect":
        table = _table(arms)
        return table, network_effects(table, spec)
    given = contrasts_of(arms, spec.measure)
    assert given.t1 is not None and given.t2 is not None
    found = effects_from_contrasts(given.study, given.t1, given.t2, given.y, given.se, spec.measure)
    return None, network_effects(found, spec)


def _other(config: ReviewFile, other: Analysis, spec: NetworkSpec, arms: Sequence[SelectedArm]) -> NetworkResult:
    """Another declared network, for what sets several outcomes side by side."""
    if not arms:
        raise NotEstimable(f"analysis {other.id!r}: no study has the data it needs")
    effects = _network_data(arms, config.outcome(other.outcome), spec)[1]
    return network(largest_subnetwork(effects) if other.largest else effects, spec)
