"""Small-study tests and trim-and-fill: when they are refused, and what they say."""

from __future__ import annotations

import numpy as np
import pytest

from toolkit.engine.bias import TESTS, small_study_test, trim_and_fill
from toolkit.engine.effects import arm_table, effects_from_estimates
from toolkit.engine.pairwise import pairwise
from toolkit.engine.results import PairwiseResult
from toolkit.model.errors import InputError, NotEstimable


def fit(k: int, **options: object) -> PairwiseResult:
    rng = np.random.default_rng(5)
    v = rng.uniform(0.02, 0.5, k)
    return pairwise(effects_from_estimates([str(i) for i in range(k)], rng.normal(0.2, np.sqrt(v)), v=v), **options)


def test_under_ten_studies_a_test_is_refused_unless_forced_and_then_says_so() -> None:
    with pytest.raises(NotEstimable, match="little power"):
        small_study_test(fit(9))
    assert "only 9 studies" in (small_study_test(fit(9), force=True).caution or "")
    assert small_study_test(fit(10)).caution is None


def test_under_three_studies_nothing_is_estimable() -> None:
    with pytest.raises(NotEstimable, match="at least three"):
        small_study_test(fit(2), force=True)
    with pytest.raises(NotEstimable, match="at least three"):
        trim_and_fill(fit(2))


def test_the_default_test_fits_the_measure() -> None:
    names = [str(i // 2) for i in range(20)]
    arms = arm_table(names, ["x", "y"] * 10, events=list(range(1, 21)), n=[40 + i for i in range(20)])
    assert small_study_test(pairwise(arms, measure="OR", reference="y")).test == "Harbord"
    assert small_study_test(pairwise(arms, measure="RD", reference="y")).test == "Egger"


def test_tests_of_counts_need_counts() -> None:
    for name in ("Harbord", "Peters", "Macaskill", "Deeks", "Pustejovsky"):
        with pytest.raises(InputError, match="needs the"):
            small_study_test(fit(12), name)
    with pytest.raises(InputError, match="Unknown test"):
        small_study_test(fit(12), "Eggers")


def test_equal_variances_are_not_estimable_in_any_test_of_precision() -> None:
    rng = np.random.default_rng(1)
    result = pairwise(effects_from_estimates([str(i) for i in range(12)], rng.normal(size=12), v=[0.1] * 12))
    for name in ("Egger", "Egger_random", "Thompson", "Begg"):
        with pytest.raises(NotEstimable):
            small_study_test(result, name)


def test_every_test_is_unmoved_by_the_order_of_studies() -> None:
    rng = np.random.default_rng(3)
    n, names = rng.integers(30, 300, 24), [str(i // 2) for i in range(24)]
    events = rng.binomial(n, 0.3)
    order = np.concatenate([[2 * i, 2 * i + 1] for i in rng.permutation(12)])
    for test in TESTS:
        a, b = (
            small_study_test(
                pairwise(
                    arm_table([names[i] for i in index], ["x", "y"] * 12, events=events[index], n=n[index]),
                    measure="OR",
                    reference="y",
                ),
                test,
            )
            for index in (np.arange(24), order)
        )
        assert a.statistic == pytest.approx(b.statistic, rel=1e-9, abs=1e-9), test


def test_trim_and_fill_of_a_symmetric_funnel_imputes_nothing() -> None:
    y, v = [-2.0, -1, 0, 1, 2], [0.4, 0.2, 0.05, 0.2, 0.4]
    result = pairwise(effects_from_estimates(list("abcde"), y, v=v))
    for side in ("left", "right"):
        assert trim_and_fill(result, side=side).k0 == 0


def test_trim_and_fill_mirrors_the_extreme_studies() -> None:
    y, v = [0.0, 0.1, 0.2, 1.5, 1.6, 1.7], [0.01, 0.01, 0.02, 0.5, 0.5, 0.5]
    found = trim_and_fill(pairwise(effects_from_estimates(list("abcdef"), y, v=v)), side="left")
    assert found.k0 > 0 and found.filled.k == 6 + found.k0
    assert found.y.max() < 0.2
    assert {row.study for row in found.filled.studies} >= {"imputed 1"}


def test_effects_on_a_line_and_equal_effects_are_refused_in_words() -> None:
    """A dispersion of rounding error once gave p = 0.98 for identical effects."""
    studies = effects_from_estimates(list("ABCD"), [0.3] * 4, v=[0.1, 0.2, 0.1, 0.4])
    same = pairwise(studies, tau2="DL", ci="Wald")
    with pytest.raises(NotEstimable, match="exactly"):
        small_study_test(same, "Egger", force=True)
    with pytest.raises(NotEstimable, match="standardised effects are equal"):
        small_study_test(same, "Begg", force=True)


def test_trimming_all_but_one_study_of_three_ends_where_metafor_ends() -> None:
    """metafor 3.8: trimfill(rma(y, v)) gives k0 = 2 on the right, estimate 0.0175."""
    y, v = [-0.06815416, -0.11764706, 0.0175], [0.001999651, 0.005902707, 0.001896861]
    found = trim_and_fill(pairwise(effects_from_estimates(list("ABC"), y, v=v), tau2="REML", ci="Wald"))
    assert (found.k0, found.side) == (2, "right")
    assert found.filled.random.estimate == pytest.approx(0.0175, abs=1e-9)
