"""Models of counts against integrals and densities that SciPy computes, and at the edges."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import integrate, optimize, stats
from scipy.special import expit, logit, logsumexp

from toolkit.engine.effects import arm_table, effects_from_estimates
from toolkit.engine.glmm import fit_beta_binomial, fit_glmm
from toolkit.engine.glmm.families import hypergeometric
from toolkit.engine.pairwise import pairwise
from toolkit.engine.sensitivity import leave_one_out
from toolkit.model.errors import InputError, NotEstimable

EVENTS = np.array([[4.0, 11.0], [6.0, 29.0], [3.0, 11.0], [0.0, 4.0], [33.0, 47.0]])
SIZE = np.array([[123.0, 139.0], [306.0, 303.0], [231.0, 220.0], [50.0, 48.0], [500.0, 520.0]])


def test_the_noncentral_hypergeometric_moments_are_those_of_scipy() -> None:
    x, n1, n2, total = (np.array([float(v)]) for v in (3, 30, 40, 12))
    terms = hypergeometric(x, n1, n2, total)
    for theta in (-3.0, -0.4, 0.0, 1.2, 4.0):
        value, first, second = terms(np.array([[[theta]]]))
        law = stats.nchypergeom_fisher(70, 30, 12, np.exp(theta))
        assert value[0, 0, 0] == pytest.approx(law.logpmf(3), rel=1e-9)
        assert first[0, 0, 0] == pytest.approx(3 - law.mean(), rel=1e-9)
        assert second[0, 0, 0] == pytest.approx(law.var(), rel=1e-8)


def test_the_window_of_the_hypergeometric_sums_leaves_nothing_out() -> None:
    x, n1, n2, total = (np.array([v]) for v in (2216.0, 29011.0, 29039.0, 4319.0))
    value, _, second = hypergeometric(x, n1, n2, total)(np.array([[[0.06]]]))
    law = stats.nchypergeom_fisher(58050, 29011, 4319, np.exp(0.06))
    assert value[0, 0, 0] == pytest.approx(law.logpmf(2216), rel=1e-8)
    assert second[0, 0, 0] == pytest.approx(law.var(), rel=1e-6)


def test_the_exact_conditional_model_is_at_the_maximum_of_the_likelihood_that_scipy_integrates() -> None:
    found = fit_glmm(EVENTS, SIZE, "CM.EL")
    sums = []  # per study: possible events of the treatment, their central hypergeometric log weights, those observed
    for (a, c), (n1, n2) in zip(EVENTS.astype(int), SIZE.astype(int), strict=True):
        k = np.arange(max(0, a + c - n2), min(n1, a + c) + 1)
        sums.append((k, stats.hypergeom(n1 + n2, n1, a + c).logpmf(k), int(a - k[0])))

    def minus(parameters: np.ndarray) -> float:
        mean, tau = parameters[0], abs(parameters[1])
        total = 0.0
        for k, weights, observed in sums:

            def density(
                theta: np.ndarray, k: np.ndarray = k, weights: np.ndarray = weights, observed: int = observed
            ) -> np.ndarray:
                logs = weights[:, None] + k[:, None] * theta
                p = np.exp(logs[observed] - logsumexp(logs, axis=0))
                return p * np.exp(-(((theta - mean) / tau) ** 2) / 2) / (tau * np.sqrt(2 * np.pi))

            total += np.log(integrate.fixed_quad(density, mean - 9 * tau, mean + 9 * tau, n=200)[0])
        return -total

    best = optimize.minimize(minus, [found.estimate + 0.05, np.sqrt(found.tau2) + 0.05], method="Nelder-Mead")
    assert found.estimate == pytest.approx(best.x[0], abs=2e-4)
    assert np.sqrt(found.tau2) == pytest.approx(abs(best.x[1]), abs=5e-4)
    assert found.log_likelihood == pytest.approx(-best.fun, abs=1e-6)


def test_swapping_the_arms_changes_the_sign_and_nothing_else() -> None:
    for model in ("UM.FS", "UM.RS", "CM.EL"):
        one, other = fit_glmm(EVENTS, SIZE, model), fit_glmm(EVENTS[:, ::-1], SIZE[:, ::-1], model)
        assert one.estimate == pytest.approx(-other.estimate, abs=2e-6)
        assert (one.se, one.tau2) == (pytest.approx(other.se, rel=1e-4), pytest.approx(other.tau2, rel=1e-4, abs=1e-9))


def test_more_nodes_than_laplace_change_the_random_study_model_little() -> None:
    laplace, many = fit_glmm(EVENTS, SIZE, "UM.RS"), fit_glmm(EVENTS, SIZE, "UM.RS", points=9)
    assert laplace.estimate == pytest.approx(many.estimate, abs=0.03)
    assert laplace.estimate != many.estimate


def test_the_beta_binomial_fit_is_at_the_maximum_of_scipys_likelihood() -> None:
    x, n = EVENTS.ravel(), SIZE.ravel()
    X = np.column_stack([np.ones(10), np.tile([1.0, 0.0], 5)])
    found = fit_beta_binomial(x, n, X)

    def minus(parameters: np.ndarray) -> float:
        p, rho = expit(X @ parameters[:2]), expit(parameters[2])
        return -float(stats.betabinom(n, p * (1 - rho) / rho, (1 - p) * (1 - rho) / rho).logpmf(x).sum())

    best = optimize.minimize(minus, [*found.beta + 0.1, logit(found.rho) + 0.1], method="Nelder-Mead",
                             options={"xatol": 1e-7, "fatol": 1e-10, "maxiter": 4000})  # fmt: skip
    assert found.beta == pytest.approx(best.x[:2], abs=1e-4)
    assert found.rho == pytest.approx(expit(best.x[2]), rel=1e-3)


def test_events_on_one_side_only_are_not_estimable_and_the_result_says_so() -> None:
    events = np.array([[0.0, 3.0], [0.0, 5.0]])
    size = np.full((2, 2), 40.0)
    for model in ("UM.FS", "UM.RS", "CM.EL", "CM.AL"):
        with pytest.raises(NotEstimable, match="the treatment has no event"):
            fit_glmm(events, size, model)
    arms = arm_table(["A", "A", "B", "B"], ["x", "z"] * 2, events=events.ravel(), n=size.ravel())
    result = pairwise(arms, measure="OR", reference="z", model="GLMM")
    assert result.random is None and result.common is None
    assert "model_not_estimable" in {w.code for w in result.warnings}


def test_models_of_counts_refuse_what_they_cannot_do() -> None:
    arms = arm_table(["A", "A", "B", "B"], ["x", "z"] * 2, events=[3, 9, 4, 8], n=[20, 20, 30, 30])
    with pytest.raises(InputError, match="does not give this measure"):
        pairwise(arms, measure="RD", reference="z", model="CM.EL")
    with pytest.raises(InputError, match="not defined for a model of counts"):
        pairwise(arms, measure="OR", reference="z", model="CM.EL", ci="HK")
    with pytest.raises(InputError, match="needs events and units"):
        pairwise(effects_from_estimates(["A", "B"], [0.1, 0.2], v=[0.1, 0.1], measure="OR"), model="CM.EL")
    fitted = pairwise(arms, measure="OR", reference="z", model="CM.EL")
    assert fitted.spec.model == "CM.EL" and fitted.studies[0].weight_random is None
    with pytest.raises(InputError, match="inverse-variance"):
        leave_one_out(fitted)


def test_one_study_gives_its_own_odds_ratio() -> None:
    found = fit_glmm(EVENTS[:1], SIZE[:1], "UM.FS")
    a, b, c, d = 4, 119, 11, 128
    assert found.common == pytest.approx(np.log(a * d / (b * c)), abs=1e-6) and found.tau2 == 0 and found.q is None
