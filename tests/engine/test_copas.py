"""The Copas selection model: its likelihood, its limits, and the passive smoking studies it was published with."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.optimize import differential_evolution
from scipy.stats import multivariate_normal

from toolkit.engine.effects import effects_from_estimates
from toolkit.engine.pairwise import pairwise
from toolkit.engine.publication import Copas, copas
from toolkit.engine.publication.selection_copas import _propensity, copas_log_likelihood
from toolkit.engine.results import PairwiseResult
from toolkit.engine.tau2 import tau2_ml
from toolkit.model.errors import InputError, NotEstimable


def fit_of(y: np.ndarray, v: np.ndarray) -> PairwiseResult:
    return pairwise(effects_from_estimates([str(i) for i in range(y.size)], y, v=v), tau2="DL", ci="Wald")


def funnel(k: int = 25, seed: int = 3) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    se = rng.uniform(0.1, 0.6, k)
    return 0.3 + 0.6 * se + rng.normal(0, np.hypot(se, 0.1)), se**2


@pytest.fixture(scope="module")
def smoking(shared: Path) -> tuple[np.ndarray, np.ndarray, Copas]:
    data = json.loads((shared / "golden" / "pairwise" / "hackshaw1998_ets.json").read_text(encoding="utf-8"))["data"]
    y, v = np.array(data["yi"]), np.array(data["vi"])
    return y, v, copas(fit_of(y, v), smallest=(0.8, 0.6, 0.4))


@pytest.mark.shared
def test_passive_smoking_has_the_published_risks_with_and_without_selection(
    smoking: tuple[np.ndarray, np.ndarray, Copas],
) -> None:
    """Copas, Shi 2000, BMJ 320:417: excess risk 24 %; 15 % if 60 % of all studies had been included."""
    _, _, found = smoking
    assert np.exp(found.unadjusted.estimate) == pytest.approx(1.24, abs=0.005)
    row = found.rows[-1]
    assert row.seen == pytest.approx(0.60, abs=0.02)
    assert np.exp(row.estimate.estimate) == pytest.approx(1.15, abs=0.005)


@pytest.mark.shared
def test_estimates_are_the_maximum_that_a_global_search_finds(smoking: tuple[np.ndarray, np.ndarray, Copas]) -> None:
    y, v, found = smoking
    row, se = found.rows[-1], np.sqrt(v)
    u = _propensity(se, row.smallest, row.largest)
    best = differential_evolution(
        lambda x: -copas_log_likelihood(y, se, u, x[0], x[1] ** 2, x[2]),
        [(-1, 1), (0, 1), (-0.999, 0.999)],
        seed=np.random.default_rng(1),
        tol=1e-10,
    )
    assert row.log_likelihood == pytest.approx(-best.fun, abs=1e-7)
    assert row.estimate.estimate == pytest.approx(best.x[0], abs=1e-4)
    assert row.rho == pytest.approx(best.x[2], abs=1e-3)


def test_likelihood_is_the_density_of_an_effect_given_that_its_propensity_is_positive() -> None:
    """Against the bivariate normal of effect and propensity, integrated over the propensity."""
    mean, tau2, rho, u, s = 0.2, 0.05, 0.7, 0.4, 0.3
    ratio = np.exp(-(u**2) / 2) / np.sqrt(2 * np.pi) / multivariate_normal.cdf(u)
    se = s * np.sqrt(1 - rho**2 * ratio * (u + ratio))
    covariance = [[s**2 + tau2, rho * s], [rho * s, 1.0]]
    for y in (-0.5, 0.1, 0.9):
        joint, _ = quad(lambda z, at=y: multivariate_normal.pdf([at, z], [mean, u], covariance), 0, 12, epsabs=1e-12)
        expected = np.log(joint / multivariate_normal.cdf(u)) + 0.5 * np.log(2 * np.pi)
        ours = copas_log_likelihood(np.array([y]), np.array([se]), np.array([u]), mean, tau2, rho)
        assert ours == pytest.approx(expected, abs=1e-7)


def test_without_correlation_the_likelihood_is_that_of_ml_random_effects() -> None:
    y, v = funnel()
    tau2 = float(tau2_ml(y, v).value[0])
    found = copas(fit_of(y, v), smallest=(0.9,))
    w = 1 / (v + tau2)
    assert found.unadjusted.estimate == pytest.approx(float((w * y).sum() / w.sum()), abs=1e-6)
    u = _propensity(np.sqrt(v), 0.3, 0.99)
    plain = float((-0.5 * np.log(v + tau2) - (y - 0.3) ** 2 / (2 * (v + tau2))).sum())
    assert copas_log_likelihood(y, np.sqrt(v), u, 0.3, tau2, 0.0) == pytest.approx(plain, abs=1e-9)


def test_swapped_arms_turn_estimates_and_correlation_round() -> None:
    y, v = funnel()
    one, two = copas(fit_of(y, v), smallest=(0.6,)).rows[0], copas(fit_of(-y, v), smallest=(0.6,)).rows[0]
    assert one.estimate.estimate == pytest.approx(-two.estimate.estimate, abs=1e-5)
    assert one.rho == pytest.approx(-two.rho, abs=1e-4)


@pytest.mark.parametrize("factor", [1e-6, 1e6])
def test_scale_of_the_effects_changes_nothing_but_the_scale(factor: float) -> None:
    y, v = funnel()
    one = copas(fit_of(y, v), smallest=(0.6,)).rows[0]
    two = copas(fit_of(y * factor, v * factor**2), smallest=(0.6,)).rows[0]
    assert two.estimate.estimate == pytest.approx(one.estimate.estimate * factor, rel=1e-6)
    assert two.p_residual == pytest.approx(one.p_residual, rel=1e-4)


def test_selected_studies_are_pulled_back_towards_the_mean_of_all() -> None:
    """4,000 studies simulated, those with a positive propensity kept: the mean of all is found again."""
    rng = np.random.default_rng(7)
    s, rho, mean, tau = rng.uniform(0.1, 0.6, 4000), 0.8, 0.2, 0.1
    error, delta = rng.normal(size=4000), rng.normal(size=4000)
    y = mean + rng.normal(0, tau, 4000) + s * (rho * delta + np.sqrt(1 - rho**2) * error)
    low, high = -0.25, 2.0
    slope = (high - low) / (1 / 0.1 - 1 / 0.6)
    u = low + slope * (1 / s - 1 / 0.6)
    seen = u + delta > 0
    ratio = np.exp(-(u**2) / 2) / np.sqrt(2 * np.pi) / multivariate_normal.cdf(u.reshape(-1, 1))
    se = s * np.sqrt(1 - rho**2 * ratio * (u + ratio))
    fit = fit_of(y[seen], se[seen] ** 2)
    assert fit.common is not None
    first, last = (float(multivariate_normal.cdf(low)), float(multivariate_normal.cdf(high)))
    row = copas(fit, smallest=(first,), largest=last).rows[0]
    assert abs(row.estimate.estimate - mean) < 0.02
    assert row.rho == pytest.approx(rho, abs=0.1)
    assert copas(fit, smallest=(first,), largest=last).unadjusted.estimate > mean + 0.03
    assert row.unseen == pytest.approx((~seen).sum(), rel=0.15)


def test_few_studies_equal_precision_and_impossible_probabilities_are_refused() -> None:
    y, v = funnel(6)
    with pytest.raises(NotEstimable, match="refused under 10"):
        copas(fit_of(y, v))
    assert "only 6 studies" in copas(fit_of(y, v), smallest=(0.8,), force=True).caution
    with pytest.raises(NotEstimable, match="same standard error"):
        copas(fit_of(funnel()[0], np.full(25, 0.1)))
    with pytest.raises(InputError, match="between 0 and 1"):
        copas(fit_of(*funnel()), smallest=(1.2,))
