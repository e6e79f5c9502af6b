"""Models of counts with an intercept a study: Firth's penalised likelihood and the binomial-normal mixed model."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from scipy.integrate import dblquad
from scipy.optimize import minimize, minimize_scalar
from scipy.special import expit, gammaln

from toolkit import read_table
from toolkit.engine.data import ArmTable
from toolkit.engine.effects import arm_table
from toolkit.engine.effects.arms import restrict
from toolkit.engine.network import mixed_network, network, penalised_network
from toolkit.engine.network.count_arms import count_arms
from toolkit.engine.network.mixed import _Likelihood, zero_sum_root
from toolkit.engine.pairwise import pairwise
from toolkit.model.errors import InputError, NotEstimable

DIABETES = Path(__file__).resolve().parents[3] / "data" / "diabetes" / "diabetes.csv"

# lme4 1.1-31 under R 4.2.2 on the 18 two-arm studies: glmer(cbind(events, n - events) ~ 0 + study + treatment +
# (0 + z | study), binomial, nAGQ = 25) with z = -1/2, 1/2; estimates against Diuretic and their standard errors.
LME4 = {
    "ACE inhibitor": (-0.34047756523, 0.08258514818),
    "ARB": (-0.44567764412, 0.09309106247),
    "Beta blocker": (-0.05045149342, 0.08366678947),
    "CCB": (-0.25124815103, 0.08271918647),
    "Placebo": (-0.20346227493, 0.08061275374),
}
LME4_TAU2 = 0.005190359604


def diabetes() -> ArmTable:
    arms = read_table(DIABETES, measure="OR").arms
    assert arms is not None
    return arms


# Rare events with zeros, a study without events and a three-arm study.
RARE = arm_table(
    ["1", "1", "2", "2", "3", "3", "4", "4", "5", "5", "5"],
    ["a", "b", "a", "c", "b", "c", "a", "b", "a", "b", "c"],
    events=[0, 3, 1, 4, 2, 0, 0, 0, 1, 2, 5],
    n=[50, 52, 80, 79, 60, 61, 30, 30, 45, 44, 46],
)


def test_mixed_model_of_two_arm_studies_is_that_of_lme4() -> None:
    arms = diabetes()
    count = Counter(arms.study)
    found = mixed_network(restrict(arms, [count[s] == 2 for s in arms.study]), "Diuretic")
    assert found.k == 18 and found.converged
    assert found.tau2 == pytest.approx(LME4_TAU2, rel=1e-5)
    for i, name in enumerate(found.treatments[1:], start=1):
        assert (found.te[i, 0], found.se[i, 0]) == pytest.approx(LME4[name], rel=1e-5, abs=3e-6), name


def test_mixed_model_of_one_comparison_is_the_pairwise_model_with_fixed_intercepts() -> None:
    arms = arm_table(
        list("aabbccdd"), list("xy") * 4, events=[3, 9, 5, 6, 12, 30, 2, 9], n=[40, 42, 51, 50, 80, 77, 33, 30]
    )
    found = mixed_network(arms, "x")
    pair = pairwise(arms, measure="OR", model="UM.FS", tau2="ML", treatment="y", reference="x")
    assert pair.random is not None and pair.tau2 is not None
    assert found.te[1, 0] == pytest.approx(pair.random.estimate, rel=1e-5)
    assert found.se[1, 0] == pytest.approx(pair.random.se, rel=1e-3)
    assert found.tau2 == pytest.approx(pair.tau2.value, rel=1e-4)


def test_likelihood_of_a_three_arm_study_is_the_integral_over_its_arms() -> None:
    arms = arm_table(["s"] * 3, list("abc"), events=[4, 9, 15], n=[40, 38, 41])
    theta, tau = np.array([0.0, 0.7, 1.1]), 0.8
    value = _Likelihood(count_arms(arms, "a", informative_only=True)).value(np.array([0.7, 1.1, tau]))
    e, n, root = np.array([4, 9, 15]), np.array([40, 38, 41]), zero_sum_root(3)
    constant = float((gammaln(n + 1) - gammaln(e + 1) - gammaln(n - e + 1)).sum())

    def marginal(mu: float) -> float:
        def density(z2: float, z1: float) -> float:
            eta = mu + theta + tau * root @ np.array([z1, z2])
            log_f = float((e * eta - n * np.logaddexp(0.0, eta)).sum()) + constant
            return float(np.exp(log_f - (z1**2 + z2**2) / 2) / (2 * np.pi))

        return float(dblquad(density, -7, 7, -7, 7, epsabs=1e-10)[0])

    best = minimize_scalar(lambda mu: -marginal(mu), bounds=(-4, 1), method="bounded", options={"xatol": 1e-5})
    assert value == pytest.approx(float(np.log(-best.fun)), abs=1e-6)


def test_random_effects_of_arms_give_contrasts_that_vary_by_tau2_and_share_half() -> None:
    for a in (2, 3, 5):
        C = zero_sum_root(a) @ zero_sum_root(a).T
        D = np.hstack([-np.ones((a - 1, 1)), np.eye(a - 1)])
        assert pytest.approx((np.eye(a - 1) + 1) / 2) == D @ C @ D.T


def test_mixed_and_two_stage_models_agree_where_events_are_many() -> None:
    arms = diabetes()
    one, two = mixed_network(arms, "Diuretic"), network(arms, measure="OR", reference="Diuretic", tau2="ML")
    assert two.random is not None and one.treatments == two.treatments
    assert np.max(np.abs(one.te - two.random)) < 0.02


def test_homogeneous_studies_end_at_no_variance_and_agree_with_the_logistic_regression() -> None:
    arms = arm_table(list("aabbccdd"), list("xyxzyzxy"), events=[10, 20] * 4, n=[100] * 8)
    found = mixed_network(arms, "x")
    assert found.tau2 == 0.0 and found.converged and found.k == 4


def test_a_treatment_without_events_is_refused_by_likelihood_and_finite_when_penalised() -> None:
    arms = arm_table(list("aabbcc"), list("xyxzyz"), events=[3, 0, 4, 6, 0, 5], n=[50] * 6)
    with pytest.raises(NotEstimable, match="y has no events in all its arms"):
        mixed_network(arms)
    found = penalised_network(arms, "x")
    assert found.converged and np.isfinite(found.te).all() and found.te[1, 0] < -1


def test_penalised_odds_ratio_of_one_study_is_that_with_a_half_in_each_cell() -> None:
    arms = arm_table(["s", "s"], ["x", "y"], events=[0, 7], n=[40, 38])
    found = penalised_network(arms, "x")
    assert found.te[1, 0] == pytest.approx(np.log(7.5 / 31.5) - np.log(0.5 / 40.5), rel=1e-9)


def test_penalised_estimates_maximise_the_penalised_likelihood_of_dense_matrices() -> None:
    found = penalised_network(RARE, "a")
    studies, names = list(dict.fromkeys(RARE.study)), ["a", "b", "c"]
    X = np.zeros((len(RARE.study), len(studies) + 2))
    for i, (s, t) in enumerate(zip(RARE.study, RARE.treatment, strict=True)):
        X[i, studies.index(s)] = 1.0
        if t != "a":
            X[i, len(studies) + names.index(t) - 1] = 1.0

    def objective(beta: np.ndarray) -> float:
        eta = X @ beta
        p = expit(eta)
        information = X.T @ (X * (RARE.n * p * (1 - p))[:, None])
        log_l = RARE.events @ eta - RARE.n @ np.logaddexp(0.0, eta)
        return -float(log_l + np.linalg.slogdet(information)[1] / 2)

    best = minimize(
        objective, np.append(np.full(len(studies), -3.0), [0.0, 0.0]), method="BFGS", options={"gtol": 1e-8}
    )
    assert found.te[1:, 0] == pytest.approx(best.x[-2:], abs=1e-5)
    p = expit(X @ best.x)
    cov = np.linalg.inv(X.T @ (X * (RARE.n * p * (1 - p))[:, None]))
    assert found.se[1:, 0] == pytest.approx(np.sqrt(np.diag(cov))[-2:], rel=1e-4)
    assert found.k == 5 and found.excluded == ()


def test_studies_without_events_say_nothing_in_the_mixed_model_and_are_named() -> None:
    found = mixed_network(RARE, "a")
    assert found.k == 4 and [x.study for x in found.excluded] == ["4"]
    with pytest.raises(InputError, match="not a treatment"):
        mixed_network(RARE, "z")
    apart = arm_table(list("aabb"), list("wxyz"), events=[3, 4, 5, 6], n=[50] * 4)
    for model in (mixed_network, penalised_network):
        with pytest.raises(NotEstimable, match="pieces"):
            model(apart)
