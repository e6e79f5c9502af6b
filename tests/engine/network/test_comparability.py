"""Categories instead of ranks, effect modifiers by comparison, studies weighted by their design."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import kruskal

from tests.engine.network.test_decisions import TWO, sample
from toolkit.engine.data import Effects
from toolkit.engine.effects import arm_table, compute_effects, effects_from_contrasts
from toolkit.engine.network import (
    design_adjusted,
    down_weighted,
    minimal_categories,
    modifier_table,
    network,
    partial_categories,
)
from toolkit.model.errors import InputError
from toolkit.model.spec import NetworkSpec

SPEC = NetworkSpec(measure="GEN", tau2="fixed", tau2_value=0.0, reference="usual", small_values="good")


def star(effects: dict[str, tuple[float, float]]) -> Effects:
    """One study of each treatment against usual care."""
    names = list(effects)
    return effects_from_contrasts(
        [f"s{n}" for n in names], names, ["usual"] * len(names), [effects[n][0] for n in names],
        [effects[n][1] for n in names], "GEN",
    )  # fmt: skip


LADDER = star({"best": (-2.0, 0.2), "good": (-1.0, 0.2), "same": (-0.1, 0.2), "bad": (1.0, 0.2), "worst": (2.5, 0.2)})


def test_categories_raise_what_beats_another_effective_treatment_and_lower_the_reverse() -> None:
    found = {c.name: c.members for c in minimal_categories(network(LADDER, SPEC))}
    assert found == {
        "among the most effective": ("best",),
        "better than usual": ("good",),
        "no better or worse than usual": ("same", "usual"),
        "worse than usual": ("bad",),
        "among the least effective": ("worst",),
    }
    turned = minimal_categories(network(LADDER, SPEC), small_values="bad")
    assert [c.members for c in turned] == [("worst",), ("bad",), ("usual", "same"), ("good",), ("best",)]


def test_a_margin_moves_small_differences_to_the_reference() -> None:
    found = {c.name: c for c in minimal_categories(network(LADDER, SPEC), margin=0.8)}
    same = found["no better or worse than usual"]
    assert same.members == ("good", "same", "usual", "bad") and "the margin" in same.reason
    assert found["better than usual"].members == ("best",)
    with pytest.raises(InputError, match="negative"):
        minimal_categories(network(LADDER, SPEC), margin=-1.0)
    with pytest.raises(InputError, match="small values"):
        minimal_categories(network(LADDER, replace(SPEC, small_values=None)))


def test_partial_categories_follow_the_events_per_thousand() -> None:
    result = network(TWO, measure="OR", reference="old", small_values="good")  # 200 fewer per 1,000 at one half
    for steps, name in (((50, 100, 150), "large benefit"), ((50, 100, 250), "moderate benefit"),
                        ((250, 300, 400), "trivial to none")):  # fmt: skip
        (found,) = partial_categories(result, 0.5, steps)
        assert (found.name, found.members) == (name, ("new",))
    (harm,) = partial_categories(result, 0.5, (50, 100, 150), small_values="bad")
    assert harm.name == "large harm" and "at a risk of 0.5 with old" in harm.reason
    for steps in ((10, 5, 20), (10, 20), (0, 5, 10)):
        with pytest.raises(InputError, match="rising"):
            partial_categories(result, 0.5, steps)


def test_modifier_is_spread_over_comparisons_and_kruskal_wallis_is_that_of_scipy() -> None:
    effects, _ = sample(9)
    values = {s: str(v) for s, v in zip(effects.studies, [50, 55, 61, 55, 48, 70, 66, 52, 58, 61, 63, 49], strict=True)}
    found = modifier_table(effects, "age", values)
    groups = [list(r.values) for r in found.rows]
    expected = kruskal(*groups)
    assert (found.statistic, found.p) == pytest.approx((expected.statistic, expected.pvalue), rel=1e-10)
    assert found.numeric and found.df == len(groups) - 1
    for r in found.rows:
        assert r.studies == r.reported == len(r.values)
        assert (r.lower, r.median, r.upper) == pytest.approx(tuple(np.percentile(r.values, [25, 50, 75])))


def test_words_are_counted_and_missing_values_stay_missing() -> None:
    effects, _ = sample(9)
    first = effects.studies[0]
    found = modifier_table(effects, "setting", {s: "ward" if s == first else "" for s in effects.studies})
    assert not found.numeric and found.p is None and found.reason == "not a number"
    assert all(r.counts in ((), (("ward", 1),)) and r.reported == len(r.counts) for r in found.rows)
    same = modifier_table(effects, "age", dict.fromkeys(effects.studies, "50"))
    assert same.p is None and same.reason == "every study has the same value"
    mixed = modifier_table(effects, "age", {**dict.fromkeys(effects.studies, "50"), first: "old"})
    assert not mixed.numeric
    with pytest.raises(InputError, match="No study"):
        modifier_table(effects, "age", {})


def test_weight_one_is_the_naive_analysis_and_weight_zero_the_trials_alone() -> None:
    effects, result = sample(4)
    design = {s: "RCT" if i % 2 == 0 else "cohort" for i, s in enumerate(effects.studies)}
    found = {f.weight: f for f in design_adjusted(effects, design, ["rct"], result.spec)}
    naive, alone = found[1.0].result, found[0.0].result
    assert naive is not None and alone is not None and naive.random == pytest.approx(result.random)
    assert set(alone.studies) == {s for s, d in design.items() if d == "RCT"}
    assert [x.reason for x in alone.excluded] == ["weight 0 for its design"] * (len(effects.studies) - alone.k)
    spec = replace(result.spec, tau2="fixed", tau2_value=0.0)
    ses = [f.result.common_se[1, 0] for f in design_adjusted(effects, design, ["RCT"], spec) if f.result is not None]
    assert ses == sorted(ses, reverse=True)


def test_down_weighting_multiplies_the_precision_of_a_comparison() -> None:
    effects = effects_from_contrasts(["t", "c"], ["a", "a"], ["b", "b"], [0.2, 0.8], [0.3, 0.1], "GEN")
    half = network(down_weighted(effects, ["t"], 0.5), measure="GEN", reference="b")
    w = np.array([1 / 0.09, 0.5 / 0.01])
    assert half.common[1, 0] == pytest.approx(float(w @ [0.2, 0.8] / w.sum()))
    with pytest.raises(InputError, match="proportion"):
        down_weighted(effects, ["t"], 2.0)


def test_trials_alone_in_pieces_say_so_and_an_unknown_design_is_refused() -> None:
    effects = effects_from_contrasts(list("1234"), list("acbd"), list("bdcc"), [0.1] * 4, [0.2] * 4, "GEN")
    design = {"1": "RCT", "2": "RCT", "3": "cohort", "4": "RCT"}
    spec = NetworkSpec(measure="GEN", reference="a")
    alone, *rest = design_adjusted(effects, design, ["RCT"], spec, weights=(0.0, 1.0))
    assert alone.result is None and "in pieces: " in str(alone.reason) and rest[0].result is not None
    with pytest.raises(InputError, match="trusted"):
        list(design_adjusted(effects, design, ["trial"], spec))


def test_a_modifier_of_arm_data_counts_a_multi_arm_study_in_each_comparison() -> None:
    arms = arm_table(list("sssuu"), list("abcab"), events=[3, 4, 5, 6, 7], n=[50] * 5)
    found = modifier_table(compute_effects(arms, "OR"), "year", {"s": "2001", "u": "2010"})
    assert {r.comparison: r.values for r in found.rows} == {
        "a against b": (2001.0, 2010.0), "a against c": (2001.0,), "b against c": (2001.0,),
    }  # fmt: skip
