"""Multilevel models: special cases that single-level code knows, invariance, refusals."""

from __future__ import annotations

import numpy as np
import pytest

from toolkit.engine.effects import effects_from_estimates
from toolkit.engine.location_scale import location_scale
from toolkit.engine.metareg import meta_regression
from toolkit.engine.multilevel import aggregate, multilevel
from toolkit.engine.pairwise import pairwise
from toolkit.engine.results import PairwiseResult
from toolkit.model.errors import InputError, NotEstimable

Y = np.array([0.1, 0.4, 0.3, 0.9, 0.7, 0.2, -0.1, 0.5, 0.45])
V = np.array([0.02, 0.03, 0.05, 0.02, 0.04, 0.01, 0.03, 0.06, 0.02])
STUDY = ["A", "A", "B", "C", "C", "D", "E", "E", "F"]


def fit(factor: float = 1.0) -> PairwiseResult:
    return pairwise(effects_from_estimates([f"r{i}" for i in range(9)], Y * factor, v=V * factor**2))


def clusters(labels: list[str]) -> dict[str, str]:
    return {f"r{i}": label for i, label in enumerate(labels)}


def test_one_effect_a_cluster_is_the_plain_random_effects_model() -> None:
    plain = fit()
    found = multilevel(plain, clusters([f"c{i}" for i in range(9)]), structure="cluster", test="z")
    assert plain.random_wald is not None and plain.tau2 is not None
    estimate = found.coefficients[0].estimate
    assert estimate.estimate == pytest.approx(plain.random_wald.estimate, rel=1e-6)
    assert estimate.se == pytest.approx(plain.random_wald.se, rel=1e-6)
    assert found.variances[0].value == pytest.approx(plain.tau2.value, rel=1e-5)


def test_scale_of_the_effects_scales_everything() -> None:
    for factor in (1e5, 1e-5):
        one, other = multilevel(fit(), clusters(STUDY)), multilevel(fit(factor), clusters(STUDY))
        a, b = one.coefficients[0].estimate, other.coefficients[0].estimate
        assert (b.estimate, b.se) == (
            pytest.approx(a.estimate * factor, rel=1e-5),
            pytest.approx(a.se * factor, rel=1e-5),
        )
        assert b.df == pytest.approx(a.df, rel=1e-4)


def test_variances_that_are_not_there_are_zero_and_the_model_stays_estimable() -> None:
    same = pairwise(effects_from_estimates([f"r{i}" for i in range(9)], np.full(9, 0.3), v=V))
    found = multilevel(same, clusters(STUDY), test="z")
    assert [level.value for level in found.variances] == [0.0, 0.0]
    assert found.coefficients[0].estimate.se == pytest.approx(float((1 / V).sum() ** -0.5))
    for level in found.variances:
        assert level.ci is not None and level.ci.low == 0 < level.ci.high < 1


def test_a_nested_model_needs_a_cluster_with_two_effects_and_every_row_a_cluster() -> None:
    with pytest.raises(NotEstimable, match="cannot be told apart"):
        multilevel(fit(), clusters([f"c{i}" for i in range(9)]))
    with pytest.raises(NotEstimable, match="at least two clusters"):
        multilevel(fit(), clusters(["A"] * 9))
    with pytest.raises(InputError, match="without a cluster"):
        multilevel(fit(), {"r0": "A"})
    with pytest.raises(InputError, match="between -1 and 1"):
        multilevel(fit(), clusters(STUDY), rho=1.5)


def test_the_profile_interval_contains_the_variance_and_is_wider_at_a_higher_level() -> None:
    found = multilevel(fit(), clusters(STUDY))
    for level in found.variances:
        assert level.ci is not None and level.ci.low <= level.value <= level.ci.high


def test_perfectly_correlated_errors_gain_nothing_by_aggregation() -> None:
    _, y, v = aggregate(np.array([0.2, 0.4]), np.array([0.09, 0.09]), ["A", "A"], rho=0.9999999)
    assert y[0] == pytest.approx(0.3) and v[0] == pytest.approx(0.09, rel=1e-6)


def test_a_scale_model_without_a_covariate_that_matters_is_the_plain_model() -> None:
    plain = fit()
    x = {"x": {f"r{i}": value for i, value in enumerate([0.0, 0.0, 1.0, 1.0, 1.0, 0.0, 1.0, 1.0, 0.0])}}
    groups = location_scale(plain, "x", x, location="x")
    by_group = [meta_regression(plain, "x", x).tau2]
    assert groups.converged and groups.tau2.min() < by_group[0] < groups.tau2.max()
    assert len(set(np.round(groups.tau2, 10))) == 2


def test_a_variance_that_is_zero_in_one_group_has_no_logarithm_and_is_named() -> None:
    y = np.array([0.1, 0.1, 0.1, 0.1, -0.9, 0.9, 0.4, -0.5])
    result = pairwise(effects_from_estimates([f"r{i}" for i in range(8)], y, v=np.full(8, 0.02)))
    with pytest.raises(NotEstimable, match=r"goes to zero .*r0"):
        location_scale(result, "x", {"x": {f"r{i}": float(i > 3) for i in range(8)}})
