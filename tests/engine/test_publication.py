"""Adjustments for publication bias: known cases, limits, refusals."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.special import log_ndtr

from toolkit.engine.effects import effects_from_estimates
from toolkit.engine.pairwise import pairwise
from toolkit.engine.publication import (
    excess_significance,
    fail_safe_n,
    limit_meta,
    p_curve,
    pet_peese,
    selection_model,
)
from toolkit.engine.results import PairwiseResult
from toolkit.model.errors import InputError, NotEstimable


def fit(y: np.ndarray, v: np.ndarray, **options: object) -> PairwiseResult:
    return pairwise(effects_from_estimates([f"S{i}" for i in range(y.size)], y, v=v), **options)


def sample(seed: int, k: int, mean: float, tau: float, selected: bool) -> PairwiseResult:
    """Studies of a normal model; with ``selected`` those not significant upwards are seen one time in ten."""
    rng = np.random.default_rng(seed)
    y, v = [], []
    while len(y) < k:
        se = rng.uniform(0.08, 0.5)
        effect = rng.normal(mean, np.hypot(se, tau))
        if not selected or effect / se > 1.96 or rng.random() < 0.1:
            y.append(effect)
            v.append(se**2)
    return fit(np.array(y), np.array(v))


def test_a_step_function_undoes_the_selection_that_made_the_data() -> None:
    biased = sample(1, 400, 0.1, 0.1, selected=True)
    found = selection_model(biased, steps=(0.025,), direction="greater")
    assert biased.random is not None and biased.random.estimate > 0.2
    assert found.converged and found.estimate.estimate == pytest.approx(0.1, abs=0.05)
    assert found.delta[1] == pytest.approx(0.1, abs=0.06)
    assert found.p is not None and found.p < 1e-6


def test_a_selection_model_is_free_of_scale_and_of_sign() -> None:
    one = sample(2, 40, 0.3, 0.2, selected=True)
    y = np.array([row.y for row in one.studies])
    v = np.array([row.se for row in one.studies]) ** 2
    for factor in (1e6, -1e-6):
        other = selection_model(fit(y * factor, v * factor**2), steps=(0.025, 0.5))
        found = selection_model(one, steps=(0.025, 0.5))
        assert other.estimate.estimate == pytest.approx(found.estimate.estimate * factor, rel=1e-5)
        assert other.delta == pytest.approx(found.delta, rel=1e-4)


def test_a_step_without_a_study_is_not_estimable() -> None:
    result = fit(np.linspace(-0.2, 0.2, 12), np.full(12, 0.2))
    with pytest.raises(NotEstimable, match="no study has a p value"):
        selection_model(result, steps=(0.025,))
    with pytest.raises(InputError, match="Unknown selection model"):
        selection_model(result, "copas2")


def test_the_limit_estimate_is_the_random_effects_estimate_where_small_studies_are_like_large_ones() -> None:
    se = np.repeat([0.1, 0.2, 0.4, 0.3, 0.15, 0.25], 2)
    y = 0.5 + se * np.tile([2.0, -2.0], 6)
    result = fit(y, se**2)
    found = limit_meta(result)
    assert result.random is not None
    assert found.adjusted.estimate == pytest.approx(0.5, abs=1e-10) and found.bias == pytest.approx(0.0, abs=1e-10)
    assert found.adjusted.estimate == pytest.approx(result.random.estimate, abs=1e-10)


def test_pet_and_peese_find_the_intercept_of_data_on_their_own_line() -> None:
    se = np.linspace(0.05, 0.6, 12)
    noise = 1e-3 * np.tile([1.0, -1.0], 6)
    assert pet_peese(fit(0.2 + 1.5 * se + noise * se, se**2)).pet.estimate == pytest.approx(0.2, abs=1e-3)
    found = pet_peese(fit(0.2 + 1.5 * se**2 + noise * se, se**2))
    assert found.peese.estimate == pytest.approx(0.2, abs=1e-3) and found.chosen == "PEESE"


def test_pet_peese_is_refused_under_ten_studies_unless_forced() -> None:
    few = fit(np.array([0.1, 0.3, 0.2, 0.5]), np.array([0.01, 0.02, 0.03, 0.05]))
    with pytest.raises(NotEstimable, match="under 10 studies"):
        pet_peese(few)
    assert "only 4 studies" in (pet_peese(few, force=True).caution or "")


def test_a_p_curve_of_a_true_effect_is_skewed_and_of_no_effect_is_flat() -> None:
    rng = np.random.default_rng(5)
    strong = rng.normal(3.0, 1.0, 80)
    found = p_curve(fit(strong, np.ones(80)))
    true_power = 0.851  # of z ~ N(3, 1) at 5 %
    assert found.evidential and found.power_low < true_power < found.power_high
    assert sum(found.shares) == pytest.approx(1.0)
    null = rng.normal(0.0, 1.0, 4000)
    flat = p_curve(fit(null, np.ones(4000)))
    assert not flat.evidential and flat.power < 0.15 and flat.p_flat < 0.05


def test_old_methods_carry_their_caution() -> None:
    result = sample(3, 20, 0.4, 0.1, selected=False)
    assert "heterogeneity" in fail_safe_n(result, "Rosenthal").caution
    found = excess_significance(result)
    assert 0 < found.p_exact <= 1 and found.power.size == 20 and "heterogeneity" in found.caution


def test_beta_selection_has_the_likelihood_of_the_exact_integral() -> None:
    """A grid too coarse for far means and large tau2 once gave rare events an estimate of 58."""
    y = np.array([-1.1, -0.4, 0.9, -1.6, -0.3, -1.4, 0.6, -0.2])
    v = np.array([2.7, 1.9, 3.4, 1.2, 0.36, 1.3, 1.3, 1.2])
    studies = effects_from_estimates([str(i) for i in range(8)], y, v=v)
    found = selection_model(pairwise(studies, tau2="ML", ci="Wald"), "beta", direction="less")
    mu, tau2, (a, b) = found.estimate.estimate, found.tau2, found.delta

    def log_weight(x: float, se: float) -> float:
        return float((a - 1) * log_ndtr(x / se) + (b - 1) * log_ndtr(-x / se))

    total = 0.0
    for yi, vi in zip(y, v, strict=True):
        s, se = np.sqrt(vi + tau2), np.sqrt(vi)
        expected = sum(
            quad(lambda z, s=s, se=se: np.exp(log_weight(mu + s * z, se) - z * z / 2), low, high, limit=400)[0]
            for low, high in ((-130, -20), (-20, -5), (-5, 0), (0, 5), (5, 20), (20, 130))
        ) / np.sqrt(2 * np.pi)
        total += log_weight(yi, se) - np.log(expected) - 0.5 * np.log(2 * np.pi * s**2) - (yi - mu) ** 2 / (2 * s**2)
    assert found.log_likelihood == pytest.approx(total, abs=1e-5)
