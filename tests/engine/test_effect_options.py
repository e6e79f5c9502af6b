"""Other variances, weights, zero-cell divisions and study intervals: against R, exact tails and their definitions."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy.stats import binom, chi2

from toolkit.engine.bias import small_study_test
from toolkit.engine.data import ArmTable
from toolkit.engine.effects import arm_table, compute_effects, effects_from_estimates
from toolkit.engine.effects.association import tetrachoric_correlation
from toolkit.engine.pairwise import pairwise
from toolkit.engine.proportion_intervals import interval_of_proportion
from toolkit.engine.publication import fail_safe_n, henmi_copas
from toolkit.engine.results import PairwiseResult
from toolkit.engine.tau2.generalised import chi_squared_mixture
from toolkit.model.choices import STUDY_CI, VARIANCES
from toolkit.model.errors import InputError, NotEstimable
from toolkit.model.spec import ZeroCells


def binary() -> ArmTable:
    return arm_table(list("aabbcc"), ["E", "C"] * 3, events=[12, 20, 7, 7, 30, 10], n=[50, 50, 100, 100, 60, 60])


def means() -> ArmTable:
    return arm_table(
        list("aabb"), ["E", "C"] * 2, mean=[10.2, 9.1, 5.5, 4.2], sd=[2.5, 2.2, 1.1, 1.6], n=[20, 22, 33, 30]
    )


# R 4.2.2, metafor 5.0-1, escalc(measure, ai, bi, ci, di) and escalc(measure, m1i, ...): yi and vi of the first study.
FROM_R = {
    "PHI": (-0.17149858514250885, 0.00957450259515571),
    "PBIT": (-0.45295545970428774, 0.06990603772110764),
    "RPB": (0.2332140652676003, 0.021717647486058554),
    "RBIS": (0.29247994821820544, 0.03332094874846851),
    "ZBIS": (0.3012760607271589, 0.03984668761013893),
    "SMD1H": (0.4818911261420856, 0.12111240511493471),
}


@pytest.mark.parametrize("measure", list(FROM_R))
def test_associations_and_correlations_with_the_arm_are_those_of_r(measure: str) -> None:
    arms = binary() if measure in ("PHI", "PBIT") else means()
    effects = compute_effects(arms, measure, reference="C")
    assert (effects.y[0], effects.v[0]) == pytest.approx(FROM_R[measure], rel=1e-12)


def test_a_tetrachoric_correlation_comes_back_from_its_table() -> None:
    r, v = tetrachoric_correlation(25, 25, 25, 25)
    assert r == pytest.approx(0, abs=1e-12)
    assert v == pytest.approx((np.pi / 2) ** 2 / 100, rel=1e-9)  # at medians: arcsine law of the quadrant probability
    r, _ = tetrachoric_correlation(100 / 3, 100 / 6, 100 / 6, 100 / 3)
    assert r == pytest.approx(0.5, rel=1e-12)  # Sheppard: 1/4 + asin(r) / (2 pi) = 1/3


@pytest.mark.parametrize(("measure", "key"), [(m, k) for m, own in VARIANCES.items() for k in own if m[-3:] != "COR"])
def test_another_variance_leaves_the_effect_and_has_an_estimate(measure: str, key: str) -> None:
    usual, other = (compute_effects(means(), measure, reference="C", variance=v) for v in ("default", key))
    assert other.y.tolist() == usual.y.tolist()
    assert (other.v > 0).all()
    assert other.v.tolist() != usual.v.tolist()


def test_a_variance_that_the_measure_does_not_have_is_refused_with_those_it_has() -> None:
    with pytest.raises(InputError, match="default, UB, LS2, AV"):
        compute_effects(means(), "SMD", variance="HO")
    with pytest.raises(InputError, match="one sampling variance each"):
        pairwise(effects_from_estimates(["a", "b"], [0.1, 0.2], v=[1, 1]), variance="UB")


def test_the_unbiased_variance_of_several_arms_is_that_of_its_pairs() -> None:
    arms = arm_table(list("aaa"), ["C", "E", "F"], mean=[9, 10, 12], sd=[2, 2.5, 3], n=[20, 22, 25])
    block = compute_effects(arms, "SMD", reference="C", variance="UB").V[0]
    assert block.shape == (2, 2)
    assert np.linalg.eigvalsh(block)[0] > 0


def test_the_treatment_arm_correction_adds_one_shared_by_the_sizes() -> None:
    arms = arm_table(list("aa"), ["E", "C"], events=[0, 6], n=[30, 90])
    y = compute_effects(arms, "OR", reference="C", zero_cells=ZeroCells(arms="size")).y[0]
    assert y == pytest.approx(np.log(0.25 / 30.25) - np.log(6.75 / 84.75), rel=1e-12)
    with pytest.raises(InputError, match="equal, size"):
        compute_effects(arms, "OR", zero_cells=ZeroCells(arms="both"))


def test_weights_by_sample_size_and_equal_ones() -> None:
    result = pairwise(binary(), measure="OR", reference="C", model="SSW", tau2="DL")
    assert [row.weight_random for row in result.studies] == pytest.approx([25 / 105, 50 / 105, 30 / 105])
    assert result.spec.ci == "Wald"
    equal = pairwise(binary(), measure="OR", reference="C", model="EQ")
    assert equal.random is not None and equal.random.estimate == pytest.approx(
        np.mean([row.y for row in equal.studies if row.y is not None])
    )


@pytest.mark.parametrize("options", [{"ci": "HK"}, {"prediction": "KR"}, {"tau2": "DL", "q_around": "MH"}])
def test_what_rests_on_inverse_variance_is_refused_with_other_weights(options: dict[str, Any]) -> None:
    with pytest.raises(InputError, match="not defined for weights of one's own"):
        pairwise(binary(), measure="OR", reference="C", model="SSW", **options)


def test_weights_by_sample_size_need_sizes() -> None:
    with pytest.raises(InputError, match="need the units of every arm; not there: a, b"):
        pairwise(effects_from_estimates(["a", "b"], [0.1, 0.2], v=[1, 1]), model="SSW")


def test_clopper_and_pearson_have_the_tails_of_the_binomial() -> None:
    low, high = interval_of_proportion("CP", np.array([3.0]), np.array([20.0]), 0.95)
    assert binom.sf(2, 20, low[0]) == pytest.approx(0.025, rel=1e-9)
    assert binom.cdf(3, 20, high[0]) == pytest.approx(0.025, rel=1e-9)


@pytest.mark.parametrize("key", list(STUDY_CI))
def test_intervals_of_proportions_stay_inside_and_mirror(key: str) -> None:
    x, n = np.array([0.0, 1, 7, 20]), np.full(4, 20.0)
    low, high = interval_of_proportion(key, x, n, 0.95)
    assert (low >= 0).all() and (high <= 1).all() and (low <= x / n).all() and (high >= x / n).all()
    mirrored, _ = interval_of_proportion(key, n - x, n, 0.95)
    assert (1 - high).tolist() == pytest.approx(mirrored.tolist(), abs=1e-12)


def test_study_intervals_are_for_proportions() -> None:
    arms = arm_table(list("abc"), ["all"] * 3, events=[0, 3, 10], n=[20, 30, 40])
    rows = pairwise(arms, measure="PLO", study_ci="CP").studies
    assert rows[0].ci_low == -np.inf and rows[0].ci_high == pytest.approx(np.log(0.16843347 / 0.83156653), rel=1e-6)
    with pytest.raises(InputError, match="Unknown interval of the studies"):
        pairwise(binary(), measure="OR", reference="C", study_ci="CP")


def fit() -> PairwiseResult:
    return pairwise(
        effects_from_estimates("abcdef", [0.3, 0.6, 0.4, 0.9, 0.2, 0.7], v=[0.01, 0.04, 0.02, 0.09, 0.03, 0.02])
    )


def test_the_general_number_is_the_smallest_that_undoes_the_random_effects_test() -> None:
    found = fail_safe_n(fit(), "General")
    assert found.n > 0 and found.p is not None and found.p < 0.05
    assert "heterogeneity" not in found.caution
    more = fail_safe_n(fit(), "General", alpha=0.01)
    assert more.n < found.n
    with pytest.raises(InputError, match="General"):
        fail_safe_n(fit(), "Particular")


# R 4.2.2, metafor 3.8-1, hc(rma(yi, vi, method="DL")): estimate, standard error, bounds.
HC_OF_R = (
    ((0.4, 0.41, 0.39, 0.4), (0.01, 0.04, 0.02, 0.09), (0.3986567164, 0.0733016666, 0.2661345870, 0.5311788459)),
    (
        (0.3, 0.6, 0.4, 0.9, 0.2, 0.7),
        (0.01, 0.04, 0.02, 0.09, 0.03, 0.02),
        (0.432989691, 0.098391553, 0.197313435, 0.668665947),
    ),
)


@pytest.mark.parametrize(("y", "v", "expected"), HC_OF_R)
def test_henmi_and_copass_interval_is_that_of_r(y: list[float], v: list[float], expected: list[float]) -> None:
    found = henmi_copas(pairwise(effects_from_estimates("abcdef"[: len(y)], y, v=v))).estimate
    shown = (found.estimate, found.se, found.ci_low, found.ci_high)
    assert shown == pytest.approx(expected, abs=2e-4 * found.se)  # R's search for the percentage point
    assert 0 < found.p < 0.05


def test_henmi_and_copas_take_three_studies() -> None:
    with pytest.raises(NotEstimable, match="three studies"):
        henmi_copas(pairwise(effects_from_estimates("ab", [0.1, 0.2], v=[1, 1])))


def test_schwarzers_test_takes_counts_and_is_odd_under_a_swap_of_the_arms() -> None:
    one = small_study_test(pairwise(binary(), measure="OR", reference="C"), "Schwarzer", force=True)
    other = small_study_test(pairwise(binary(), measure="OR", reference="E"), "Schwarzer", force=True)
    assert one.statistic == pytest.approx(-other.statistic)
    with pytest.raises(InputError, match="events and units"):
        small_study_test(fit(), "Schwarzer", force=True)


@pytest.mark.parametrize("df", [1, 2, 3, 12, 80, 300])
def test_a_mixture_of_equal_weights_is_a_chi_squared_variable(df: int) -> None:
    for q in (0.5 * df, 0.9 * df, df, 1.5 * df):
        assert chi_squared_mixture(q, np.ones(df)) == pytest.approx(chi2.cdf(q, df), abs=1e-10)


def test_a_mixture_of_pairs_of_weights_is_a_mixture_of_exponentials() -> None:
    a, b, q = 5.0, 0.001, 7.0
    exact = 1 - (a * np.exp(-q / (2 * a)) - b * np.exp(-q / (2 * b))) / (a - b)
    assert chi_squared_mixture(q, np.array([a, a, b, b])) == pytest.approx(exact, abs=1e-12)
