"""Means and SDs of skewed quantiles: published values, exact quantiles, limits."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from toolkit.engine.conversions import box_cox, mean_sd_of_quantiles, quantile_estimation
from toolkit.model.errors import InputError, NotEstimable

CASES = [
    ("log-normal", stats.lognorm(s=0.8, scale=12)),
    ("gamma", stats.gamma(2.0, scale=3)),
    ("Weibull", stats.weibull_min(1.5, scale=4)),
    ("beta", stats.beta(2, 5)),
    ("normal", stats.norm(50, 5)),
]


def test_quantile_estimation_has_the_values_printed_with_estmeansd() -> None:
    """README of estmeansd 1.0: minimum 2, median 4, maximum 9 of 100; mean 4.347284, SD 1.502171."""
    found = quantile_estimation(100, low=2, median=4, high=9)
    assert found.mean == pytest.approx(4.347284, rel=1e-5)
    assert found.sd == pytest.approx(1.502171, rel=1e-5)


def test_box_cox_has_the_values_printed_with_estmeansd_within_their_simulation_error() -> None:
    """The same README: mean 4.204881, SD 1.277236 from 1,100 draws; two of their standard errors are allowed."""
    found = box_cox(100, low=2, median=4, high=9)
    assert found.mean == pytest.approx(4.204881, abs=2 * 1.3 / np.sqrt(1100))
    assert found.sd == pytest.approx(1.277236, abs=2 * 1.3 / np.sqrt(2 * 1100))


@pytest.mark.parametrize(("name", "distribution"), CASES, ids=[name for name, _ in CASES])
@pytest.mark.parametrize("given", ["quartiles", "range", "five numbers"])
def test_quantile_estimation_finds_the_distribution_whose_own_quantiles_it_gets(
    name: str, distribution: stats.rv_continuous, given: str
) -> None:
    n = 80
    low, q1, median, q3, high = (float(distribution.ppf(p)) for p in (1 / n, 0.25, 0.5, 0.75, 1 - 1 / n))
    box = {} if given == "range" else {"q1": q1, "q3": q3}
    span = {} if given == "quartiles" else {"low": low, "high": high}
    found = quantile_estimation(n, median=median, **box, **span)
    assert found.mean == pytest.approx(distribution.mean(), rel=2e-3)
    assert found.sd == pytest.approx(distribution.std(), rel=2e-3)
    if given == "five numbers":
        assert name in found.source


def test_box_cox_of_a_log_normal_is_its_closed_form() -> None:
    n, mu, sigma = 200, 2.5, 0.6
    end = (n - 0.375) / (n + 0.25)  # where Wan's SD takes the maximum to be
    low, q1, median, q3, high = np.exp(mu + sigma * stats.norm.ppf([1 - end, 0.25, 0.5, 0.75, end]))
    for numbers in ({"q1": q1, "q3": q3}, {"low": low, "high": high}):
        found = box_cox(n, median=median, **numbers)
        assert found.mean == pytest.approx(np.exp(mu + sigma**2 / 2), rel=0.02)
        assert found.sd == pytest.approx(np.exp(mu + sigma**2 / 2) * np.sqrt(np.expm1(sigma**2)), rel=0.06)
        assert "logarithm" in found.source


def test_box_cox_of_symmetric_quantiles_is_near_the_normal_method() -> None:
    found = box_cox(100, q1=46, median=50, q3=54)
    plain = mean_sd_of_quantiles(100, q1=46, median=50, q3=54)
    assert found.mean == pytest.approx(plain.mean, rel=1e-3)
    assert found.sd == pytest.approx(plain.sd, rel=1e-2)


def test_skewed_samples_are_nearer_their_mean_than_by_the_normal_method() -> None:
    rng = np.random.default_rng(5)
    errors = {"QE": [], "BC": [], "normal": []}
    for _ in range(40):
        x = rng.lognormal(2.5, 0.9, 300)
        q1, median, q3 = np.quantile(x, [0.25, 0.5, 0.75])
        numbers = {"median": median, "q1": q1, "q3": q3}
        errors["QE"].append(quantile_estimation(300, **numbers).mean / x.mean() - 1)
        errors["BC"].append(box_cox(300, **numbers).mean / x.mean() - 1)
        errors["normal"].append(mean_sd_of_quantiles(300, skewed="flag", **numbers).mean / x.mean() - 1)
    size = {name: float(np.abs(found).mean()) for name, found in errors.items()}
    assert size["QE"] < size["normal"] / 2 and size["BC"] < size["normal"] / 2


@pytest.mark.parametrize("method", [quantile_estimation, box_cox])
@pytest.mark.parametrize("factor", [1e2, 1e6])
def test_unit_of_the_outcome_changes_nothing_but_the_unit(method: object, factor: float) -> None:
    one = method(61, low=3, q1=10, median=14, q3=21, high=40)
    two = method(61, **{k: v * factor for k, v in {"low": 3, "q1": 10, "median": 14, "q3": 21, "high": 40}.items()})
    assert two.mean == pytest.approx(one.mean * factor, rel=1e-6)
    assert two.sd == pytest.approx(one.sd * factor, rel=1e-5)


def test_values_at_or_below_zero_leave_the_normal_distribution_and_are_refused_by_box_cox() -> None:
    assert "normal" in quantile_estimation(50, low=-4, median=1, high=9).source
    with pytest.raises(NotEstimable, match="above 0"):
        box_cox(50, low=0, median=1, high=9)


def test_equal_or_unordered_quantiles_are_refused() -> None:
    with pytest.raises(NotEstimable, match="not all different"):
        quantile_estimation(50, q1=3, median=3, q3=5)
    with pytest.raises(InputError, match="above"):
        box_cox(50, q1=4, median=3, q3=5)
