"""From estimates to decisions: absolute effects, ranks with a margin and in a new study, thresholds, influence."""

from __future__ import annotations

from dataclasses import replace
from math import log

import numpy as np
import pytest
from scipy.special import ndtr

from tests.engine.network.test_network import random_network
from toolkit.engine.data import Effects
from toolkit.engine.effects import arm_table, compute_effects, effects_from_contrasts
from toolkit.engine.network import (
    absolute_effects,
    hierarchy_precision,
    leave_one_treatment_out,
    median_risk,
    network,
    rank_probabilities,
    rank_with_margin,
    threshold_analysis,
)
from toolkit.engine.results import NetworkResult
from toolkit.model.errors import InputError


def sample(seed: int = 3) -> tuple[Effects, NetworkResult]:
    study, treatment, n, mean, sd = random_network(seed)
    effects = compute_effects(arm_table(study, treatment, n=n, mean=mean, sd=sd), "MD")
    return effects, network(effects, measure="MD", small_values="good", tau2="DL")


# One hundred with, one hundred without: odds ratio 3/7 : 1/1 = 0.4286, risk ratio 0.6, difference -0.2.
TWO = arm_table(["s", "s", "t", "t"], ["new", "old", "new", "old"], events=[30, 50, 30, 50], n=[100] * 4)


@pytest.mark.parametrize("measure", ["OR", "RR", "RD"])
def test_absolute_effects_at_the_observed_risk_are_the_observed_risks(measure: str) -> None:
    result = network(TWO, measure=measure, reference="old")
    found = absolute_effects(result, 0.5)
    (row,) = found.rows
    assert row.risk[0] == pytest.approx(0.3) and row.difference[0] == pytest.approx(-200.0)
    assert row.number_needed[0] == pytest.approx(5.0) and not row.crosses_null
    assert row.risk[1] < row.risk[0] < row.risk[2] < 0.5
    assert median_risk(TWO, "old") == 0.5


def test_a_risk_never_leaves_zero_to_one_and_nonsense_is_refused() -> None:
    result = network(TWO, measure="RD", reference="new")
    assert absolute_effects(result, 0.95).rows[0].risk[0] == 1.0
    with pytest.raises(InputError, match="proportion"):
        absolute_effects(result, 20)
    with pytest.raises(InputError, match="OR, RR or RD"):
        absolute_effects(sample()[1], 0.2)
    with pytest.raises(InputError, match="events and n"):
        median_risk(TWO, "nobody")


def test_a_margin_of_next_to_nothing_gives_the_p_scores_and_probabilities_add_up() -> None:
    _, result = sample()
    assert result.ranking is not None and result.ranking.p_score_random is not None
    tiny = rank_with_margin(result, 1e-12)
    assert tiny.p_score == pytest.approx(result.ranking.p_score_random, abs=1e-9)
    found = rank_with_margin(result, 0.4)
    other = ~np.eye(len(found.treatments), dtype=bool)
    assert (found.better + found.better.T + found.equivalent)[other] == pytest.approx(1.0)
    assert np.all(found.p_score <= tiny.p_score) and found.net.sum() == pytest.approx(0.0)
    assert result.random is not None and result.random_se is not None
    assert found.better[1, 2] == pytest.approx(ndtr((-result.random[1, 2] - 0.4) / result.random_se[1, 2]))
    with pytest.raises(InputError, match="above 0"):
        rank_with_margin(result, 0.0)


def test_ranks_of_a_future_study_are_less_certain_and_agree_with_the_closed_form() -> None:
    _, result = sample()
    assert result.tau2 is not None and result.tau2.value > 0
    now = rank_probabilities(result, np.random.default_rng(1), draws=40_000)
    new = rank_probabilities(result, np.random.default_rng(1), draws=40_000, future=True)
    n = len(new.treatments)
    drawn = (new.probability * (n - np.arange(1, n + 1))).sum(axis=1) / (n - 1)
    assert drawn == pytest.approx(new.sucra, abs=0.006)
    assert new.poth < now.poth
    with pytest.raises(InputError, match="random"):
        rank_probabilities(result, np.random.default_rng(1), model="common", future=True)


def test_rank_ranges_hold_the_median_and_precision_runs_from_zero_to_one() -> None:
    _, result = sample()
    ranks = rank_probabilities(result, np.random.default_rng(1), draws=4000)
    assert np.all(ranks.rank_low <= ranks.median_rank) and np.all(ranks.median_rank <= ranks.rank_high)
    inside = [
        p[int(a) - 1 : int(b)].sum() for p, a, b in zip(ranks.probability, ranks.rank_low, ranks.rank_high, strict=True)
    ]
    assert min(inside) >= 0.95
    assert hierarchy_precision(np.linspace(0, 1, 7)) == pytest.approx(1.0)
    assert hierarchy_precision(np.full(7, 0.5)) == 0.0


def moved(effects: Effects, study: str | None, t1: str, t2: str, bias: float) -> Effects:
    """`effects` with a bias on arm t1 of one study, or of every study with both treatments."""
    y = effects.y.copy()
    a, b = effects.treatments.index(t1), effects.treatments.index(t2)
    for s, name in enumerate(effects.studies):
        rows = range(effects.start[s], effects.start[s + 1])
        members = {int(effects.t2[rows[0]]), *(int(effects.t1[r]) for r in rows)}
        if {a, b} <= members and study in (None, name):
            for r in rows:
                y[r] += bias * (int(effects.t1[r] == a) - int(effects.t2[r] == a))
    return replace(effects, y=y)


@pytest.mark.parametrize("small_values", ["good", "bad"])
def test_a_bias_at_the_threshold_and_no_smaller_one_changes_the_refitted_decision(small_values: str) -> None:
    effects, _ = sample(5)
    result = network(effects, measure="MD", small_values=small_values)
    found = threshold_analysis(effects, result)
    assert result.tau2 is not None

    def best(data: Effects) -> str:
        fitted = network(data, measure="MD", tau2="fixed", tau2_value=result.tau2.value)  # type: ignore[union-attr]
        assert fitted.random is not None
        column = fitted.random[:, 0] * (-1.0 if small_values == "good" else 1.0)
        return fitted.treatments[int(np.argmax(column))]

    assert best(effects) == found.best
    for t in (*found.comparisons, *found.studies[:8]):
        for bias, then in ((t.below, t.best_below), (t.above, t.best_above)):
            if bias is None:
                continue
            assert best(moved(effects, t.study, t.t1, t.t2, 0.999 * bias)) == found.best
            assert best(moved(effects, t.study, t.t1, t.t2, 1.001 * bias)) == then
    nearest = [min(abs(x) for x in (t.below, t.above) if x is not None) for t in found.comparisons]
    assert nearest == sorted(nearest)


def test_without_a_direction_there_is_no_decision_to_change() -> None:
    effects, result = sample()
    with pytest.raises(InputError, match="small values"):
        threshold_analysis(effects, network(effects, measure="MD"))
    assert threshold_analysis(effects, result, model="common").model == "common"


def test_without_a_treatment_the_other_arms_of_its_multi_arm_studies_stay() -> None:
    study, treatment, n, mean, sd = random_network(8)
    effects, spec = compute_effects(arm_table(study, treatment, n=n, mean=mean, sd=sd), "MD"), {"measure": "MD"}
    for left in leave_one_treatment_out(effects, network(effects, tau2="DL", **spec)):
        keep = [i for i, t in enumerate(treatment) if t != left.treatment]
        again = compute_effects(
            arm_table(*([x[i] for i in keep] for x in (study, treatment)), **{
                name: [x[i] for i in keep] for name, x in (("n", n), ("mean", mean), ("sd", sd))
            }), "MD",
        )  # fmt: skip
        assert left.result is not None
        fresh = network(again, tau2="DL", reference=left.result.reference, **spec)
        assert left.result.random == pytest.approx(fresh.random, rel=1e-9, abs=1e-12)
        assert left.result.random_se == pytest.approx(fresh.random_se, rel=1e-9, abs=1e-12)


def test_a_hub_that_goes_leaves_pieces_that_are_listed() -> None:
    effects = effects_from_contrasts(
        ["1", "2", "3", "4"], ["a", "a", "b", "d"], ["hub", "hub", "hub", "b"], [0.1] * 4, [0.2] * 4, "GEN"
    )
    found = {x.treatment: x for x in leave_one_treatment_out(effects, network(effects, measure="GEN"))}
    hub = found["hub"]
    assert hub.lost_studies == ("1", "2", "3") and hub.lost_treatments == ("a",)
    assert hub.result is not None and hub.result.treatments == ("b", "d")
    assert found["b"].lost_treatments == ("d",) and found["b"].lost_studies == ("3", "4")


def test_one_source_for_absolute_and_relative_effects() -> None:
    result = network(TWO, measure="OR", reference="old")
    row = absolute_effects(result, 0.5, model="common").rows[0]
    odds = row.risk[0] / (1 - row.risk[0])
    assert log(odds) == pytest.approx(result.common[1, 0])
