"""Conversions against R (metafor) and the Cochrane Handbook; what cannot be converted is refused."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from toolkit.engine.conversions import (
    before_after,
    combine_arms,
    cross_over_mean_difference,
    cross_over_smd,
    design_effect,
    effect_of_interval,
    effect_of_p,
    effective_counts,
    grim,
    log_or_of_smd,
    matched_pairs,
    mean_sd_of_change,
    mean_sd_of_quantiles,
    observed_minus_expected,
    odd_standard_deviations,
    paired_odds_ratio,
    paired_odds_ratio_of_margins,
    sd_of_difference,
    sd_of_interval,
    sd_of_standard_error,
    skewness_of_quantiles,
    smd_of_log_or,
    split_control,
)
from toolkit.model.errors import InputError, NotEstimable

GOLDEN = Path(__file__).resolve().parents[1] / "golden" / "pairwise"
CONVERSIONS = json.loads((GOLDEN / "conversions.json").read_text(encoding="utf-8"))
CASES = {case["id"].split("/")[1]: case for case in CONVERSIONS["cases"]}
ESCALC = json.loads((GOLDEN / "escalc_all_measures.json").read_text(encoding="utf-8"))


def quantiles(i: int) -> dict[str, Any]:
    names = {"low": "min", "q1": "q1", "median": "median", "q3": "q3", "high": "max"}
    return {ours: CONVERSIONS["data"][theirs][i] for ours, theirs in names.items()}


@pytest.mark.parametrize("i", range(5))
def test_means_and_sds_of_quantiles_are_those_of_metafor(i: int) -> None:
    n = CONVERSIONS["data"]["n"][i]
    found = mean_sd_of_quantiles(n, **quantiles(i), skewed="flag")
    assert found.mean == pytest.approx(CASES["001"]["expect"]["mean"][i], rel=1e-10)
    assert found.sd == pytest.approx(CASES["001"]["expect"]["sd"][i], rel=1e-10)
    tested = CASES["004"]["expect"]["mean"][i]
    assert skewness_of_quantiles(n, **quantiles(i)).skewed == (tested is None) == bool(found.flags)


def test_skewed_quantiles_are_refused_unless_a_flag_is_enough() -> None:
    with pytest.raises(NotEstimable, match="skewed"):
        mean_sd_of_quantiles(61, **quantiles(2))
    with pytest.raises(InputError, match="q1 is above the median"):
        mean_sd_of_quantiles(20, q1=5, median=4, q3=9)
    with pytest.raises(InputError, match="both quartiles"):
        mean_sd_of_quantiles(20, q1=5, median=6)


@given(st.floats(-50, 50), st.floats(0.1, 20), st.integers(10, 500))
def test_quantiles_of_a_normal_distribution_give_its_mean_and_about_its_sd(mean: float, sd: float, n: int) -> None:
    z = 0.6744897501960817
    found = mean_sd_of_quantiles(n, q1=mean - z * sd, median=mean, q3=mean + z * sd)
    assert found.mean == pytest.approx(mean, abs=1e-9 * (abs(mean) + sd))
    assert found.sd == pytest.approx(sd, rel=2 / n)


def test_effects_of_intervals_and_p_are_those_of_metafor() -> None:
    data = CONVERSIONS["data"]
    for i, estimate in enumerate(data["or"]):
        if estimate is not None and data["lo"][i] is not None and data["hi"][i] is not None:
            found = effect_of_interval(estimate, data["lo"][i], data["hi"][i], ratio=True)
            assert found.y == pytest.approx(CASES["005"]["expect"]["yi"][i], rel=1e-10)
            assert found.v == pytest.approx(CASES["005"]["expect"]["vi"][i], rel=1e-10)
        if estimate is not None and data["p"][i] is not None:
            assert effect_of_p(estimate, data["p"][i], ratio=True).v == pytest.approx(
                CASES["006"]["expect"]["vi"][i], rel=1e-10
            )
    assert effect_of_interval(0.5, 0.2, 2.0, ratio=True).flags  # the limits are not around it
    with pytest.raises(InputError, match="between its limits"):
        effect_of_interval(3.0, 0.2, 2.0, ratio=True)
    with pytest.raises(InputError, match="gives no standard error"):
        effect_of_p(2.0, 0.0)


def test_odds_ratios_and_standardised_differences_turn_into_each_other_as_in_metafor() -> None:
    theirs = CASES["010"]["expect"]
    for i, y in enumerate((0.2, 0.5)):
        assert log_or_of_smd(y, 0.1).y == pytest.approx(theirs["dtolnor"][i], rel=1e-10)
        assert smd_of_log_or(y, 0.1).y == pytest.approx(theirs["lnortod"][i], rel=1e-10)
    there = log_or_of_smd(0.4, 0.07)
    back = smd_of_log_or(there.y, there.v)
    assert (back.y, back.v) == (pytest.approx(0.4), pytest.approx(0.07))


def test_combined_arms_are_the_sample_they_came_from() -> None:
    theirs = CASES["009"]["expect"]
    found = combine_arms((20, 30), (10, 12), (2, 3))
    assert (found.n, found.mean, found.sd) == (theirs["n"], pytest.approx(theirs["mean"]), pytest.approx(theirs["sd"]))
    rng = np.random.default_rng(1)
    parts = [rng.normal(m, 2, size) for m, size in ((1, 12), (3, 7), (2, 30))]
    found = combine_arms(
        tuple(float(p.size) for p in parts),
        tuple(float(p.mean()) for p in parts),
        tuple(float(p.std(ddof=1)) for p in parts),
    )
    assert found.mean == pytest.approx(np.concatenate(parts).mean())
    assert found.sd == pytest.approx(np.concatenate(parts).std(ddof=1))


def test_standard_errors_intervals_and_differences_give_the_same_sd_back() -> None:
    sd, n = 4.2, 36
    assert sd_of_standard_error(sd / 6, n).sd == pytest.approx(sd)
    half = 2.0301079282503425 * sd / 6  # t with 35 df
    assert sd_of_interval(10 - half, 10 + half, n).sd == pytest.approx(sd)
    se = sd * math.sqrt(1 / 20 + 1 / 25)
    for given_ in ({"se": se}, {"t": 1.5 / se}):
        assert sd_of_difference(1.5, 20, 25, **given_).sd == pytest.approx(sd)
    assert sd_of_difference(3.8, 25, 22, p=0.008).sd == pytest.approx(4.68, abs=0.02)  # Handbook 6.5.2.3: t = 2.78
    with pytest.raises(NotEstimable, match="difference of zero"):
        sd_of_difference(0.0, 20, 20, t=0.0)


def test_change_scores_narrow_as_the_correlation_rises() -> None:
    sds = [mean_sd_of_change(30, before=(15, 5), after=(12, 6), correlation=r).sd for r in (0.0, 0.5, 0.9)]
    assert sds[0] == pytest.approx(math.hypot(5, 6)) and sds[0] > sds[1] > sds[2]


def test_observed_minus_expected_gives_the_hazard_ratio_back() -> None:
    difference, v = observed_minus_expected(0.8, 0.64, 1.0)
    assert math.exp(difference / v) == pytest.approx(0.8)
    assert v == pytest.approx((2 * 1.959963984540054 / math.log(1 / 0.64)) ** 2)


def test_marginal_odds_ratios_of_pairs_are_those_of_metafor_and_of_their_margins() -> None:
    data = ESCALC["data"]
    case = next(c for c in ESCALC["cases"] if c["measure"] == "MPOR")
    for i in range(3):
        a, b, c, d = (data[f"q4{name}"][i] for name in "abcd")
        found = paired_odds_ratio(a, b, c, d)
        assert found.y == pytest.approx(case["expect"]["yi"][i], rel=1e-10)
        assert found.v == pytest.approx(case["expect"]["vi"][i], rel=1e-10)
        n, e1, e2 = a + b + c + d, a + b, a + c
        rho = (n * a - e1 * e2) / math.sqrt(e1 * (n - e1) * e2 * (n - e2))  # phi of the paired table
        (margins,) = paired_odds_ratio_of_margins(e1, e2, n, [rho])
        assert (margins.y, margins.v) == (pytest.approx(found.y), pytest.approx(found.v))
    with pytest.raises(InputError, match="do not allow"):
        paired_odds_ratio_of_margins(2, 18, 20, [0.9])


def test_clusters_shared_controls_and_periods() -> None:
    assert effective_counts(30, 100, 20, 0.02) == (pytest.approx(30 / 1.38), pytest.approx(100 / 1.38))
    assert design_effect(1, 0.5) == 1.0 and split_control(9, 60, 3) == (3, 20)
    with pytest.raises(InputError, match="between 0 and 1"):
        design_effect(5, 1.2)
    independent = cross_over_mean_difference(10, 3, 12, 4, 25, 0.0)
    assert (independent.y, independent.v) == (-2, pytest.approx((9 + 16) / 25))
    assert cross_over_smd(10, 3, 12, 3, 25, 0.5).v == pytest.approx(1 / 25 + (2 / 3) ** 2 / 50)


@given(st.integers(2, 99), st.integers(0, 700), st.sampled_from([1, 2]))
def test_a_mean_of_whole_numbers_is_always_possible(n: int, total: int, decimals: int) -> None:
    assert grim(round(total / n, decimals), n, decimals=decimals)


def test_an_sd_of_its_own_scale_is_not_questioned_and_a_standard_error_is() -> None:
    assert odd_standard_deviations([4.0, 4.4, 3.8, 0.6], [50] * 4) == (3,)
    assert odd_standard_deviations([4.0, 4.4, 3.8, 3.0], [50] * 4) == ()
    assert odd_standard_deviations([4.0, 0.6], [50] * 2) == ()


@pytest.mark.parametrize("measure", ["MC", "SMCC", "SMCR", "ROMC"])
def test_changes_of_one_group_are_those_of_metafor(measure: str) -> None:
    case = next(c for c in ESCALC["cases"] if c["measure"] == measure)
    d = ESCALC["data"]
    for i in range(len(d["ni"])):
        one, two = (d["post"][i], d["sd1i"][i]), (d["pre"][i], d["sd2i"][i])
        # metafor standardises SMCR by the SD of its first mean, ours by that before: the roles turn, and the sign.
        before, after, sign = (one, two, -1) if measure == "SMCR" else (two, one, 1)
        found = before_after(measure, d["ni"][i], before=before, after=after, correlation=d["rpp"][i])
        assert sign * found.y == pytest.approx(case["expect"]["yi"][i], rel=1e-10)
        assert found.v == pytest.approx(case["expect"]["vi"][i], rel=1e-10)


@pytest.mark.parametrize("measure", ["MPRR", "MPRD"])
def test_risks_of_matched_pairs_are_those_of_metafor(measure: str) -> None:
    case = next(c for c in ESCALC["cases"] if c["measure"] == measure)
    for i in range(3):
        found = matched_pairs(measure, *(ESCALC["data"][f"q4{name}"][i] for name in "abcd"))
        assert found.y == pytest.approx(case["expect"]["yi"][i], rel=1e-10)
        assert found.v == pytest.approx(case["expect"]["vi"][i], rel=1e-10)


def test_paired_data_that_cannot_give_an_effect_are_refused() -> None:
    with pytest.raises(InputError, match="one sign"):
        before_after("ROMC", 20, before=(-1, 1), after=(2, 1), correlation=0.5)
    with pytest.raises(InputError, match="Unknown measure"):
        matched_pairs("OR", 1, 2, 3, 4)
