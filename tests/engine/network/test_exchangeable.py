"""Exchangeable slopes against the restricted likelihood of dense matrices, and their two limits."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import minimize

from tests.engine.network.test_decisions import sample
from toolkit.engine.data import Effects
from toolkit.engine.effects import effects_from_contrasts
from toolkit.engine.network import exchangeable_regression, network_regression, study_standard_errors
from toolkit.engine.network.blocks import heterogeneity_shape
from toolkit.engine.network.exchangeable import _Equations
from toolkit.model.errors import InputError, NotEstimable


def data() -> tuple[Effects, dict[str, float | None]]:
    """Forty two-arm studies of five treatments whose slopes differ, and one of three arms."""
    rng = np.random.default_rng(12)
    theta, slope = np.array([0.0, 0.5, -0.3, 0.8, 0.2]), np.array([0.0, 0.4, 0.9, -0.5, 0.2])
    rows: list[tuple[str, str, str, float, float]] = []
    covariate: dict[str, float | None] = {}
    for s in range(40):
        a, b = sorted(int(t) for t in rng.choice(5, 2, replace=False))
        x, se = float(rng.normal()), float(rng.uniform(0.15, 0.4))
        y = theta[b] - theta[a] + (slope[b] - slope[a]) * x + rng.normal(0, 0.15) + rng.normal(0, se)
        rows.append((f"s{s}", f"t{b}", f"t{a}", float(y), se))
        covariate[f"s{s}"] = x
    effects = effects_from_contrasts(*map(list, zip(*rows, strict=True)), "GEN")
    return effects, covariate


def dense(effects: Effects, x: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """V, S, X (treatments but t0, mean slope) and Z (slopes) of all rows."""
    m, T = len(effects.y), len(effects.treatments)
    V, S, D = np.zeros((m, m)), np.zeros((m, m)), np.zeros((m, T))
    each = np.empty(m)
    for s, block in enumerate(effects.V):
        rows = slice(effects.start[s], effects.start[s + 1])
        V[rows, rows], S[rows, rows], each[rows] = block, heterogeneity_shape(len(block)), x[s]
    D[np.arange(m), effects.t1] += 1.0
    D[np.arange(m), effects.t2] -= 1.0
    Z = D[:, 1:] * each[:, None]
    return V, S, np.column_stack([D[:, 1:], Z.sum(axis=1)]), Z


def test_variances_and_slopes_maximise_the_restricted_likelihood_of_dense_matrices() -> None:
    effects, covariate = data()
    found = exchangeable_regression(effects, covariate, "t0")
    x = np.array([float(covariate[s] or 0.0) for s in effects.studies])
    V, S, X, Z = dense(effects, x - x.mean())
    y = effects.y

    def parts(tau: float, sd: float) -> tuple[float, np.ndarray, np.ndarray]:
        total = V + tau**2 * S + sd**2 * Z @ Z.T
        W = np.linalg.inv(total)
        N = X.T @ W @ X
        beta = np.linalg.solve(N, X.T @ W @ y)
        r = y - X @ beta
        log_l = np.linalg.slogdet(total)[1] + np.linalg.slogdet(N)[1] + r @ W @ r
        return -0.5 * float(log_l + (len(y) - X.shape[1]) * np.log(2 * np.pi)), beta, sd**2 * Z.T @ W @ r

    best = minimize(lambda p: -parts(*p)[0], [0.2, 0.5], method="Nelder-Mead", options={"xatol": 1e-9, "fatol": 1e-12})
    tau, sd = np.abs(best.x)
    assert found.slope_sd > 0.2 and found.converged
    assert (found.tau2**0.5, found.slope_sd) == pytest.approx((tau, sd), abs=1e-5)
    value, beta, u = parts(tau, sd)
    assert found.log_likelihood == pytest.approx(value, abs=1e-8)
    assert [e.estimate for e in found.effects] == pytest.approx(beta[:-1], abs=1e-5)
    assert found.mean_slope.estimate == pytest.approx(beta[-1], abs=1e-5)
    assert [s.estimate for s in found.slopes] == pytest.approx(beta[-1] + u, abs=1e-5)


def test_likelihood_is_that_of_dense_matrices_with_multi_arm_studies_too() -> None:
    effects, _ = sample(5)
    x = np.linspace(-1, 1, len(effects.studies))
    V, S, X, Z = dense(effects, x)
    equations = _Equations(effects, x, 0, list(range(1, len(effects.treatments))))
    for tau, sd in ((0.3, 0.5), (0.0, 0.2), (0.4, 0.0)):
        total = V + tau**2 * S + sd**2 * Z @ Z.T
        W = np.linalg.inv(total)
        N = X.T @ W @ X
        r = effects.y - X @ np.linalg.solve(N, X.T @ W @ effects.y)
        log_l = np.linalg.slogdet(total)[1] + np.linalg.slogdet(N)[1] + r @ W @ r
        expected = -0.5 * float(log_l + (len(r) - X.shape[1]) * np.log(2 * np.pi))
        assert equations.solve(tau, sd)[0] == pytest.approx(expected, rel=1e-10)


def test_a_small_spread_of_slopes_is_the_common_and_a_large_one_the_independent_interaction() -> None:
    effects, covariate = data()
    x = np.array([float(covariate[s] or 0.0) for s in effects.studies])
    equations = _Equations(effects, x - x.mean(), 0, [1, 2, 3, 4])
    how = {"tau2": "fixed", "tau2_value": 0.04}
    common = network_regression(effects, covariate, "t0", interaction="common", **how)  # type: ignore[arg-type]
    apart = network_regression(effects, covariate, "t0", interaction="independent", **how)  # type: ignore[arg-type]
    low, high = equations.solve(0.2, 0.0)[1], equations.solve(0.2, 1e3)[1]
    assert common.coefficients[0].estimate is not None
    assert low[5] == pytest.approx(common.coefficients[0].estimate.estimate, rel=1e-9)
    slopes = [c.estimate.estimate for c in apart.coefficients if c.estimate is not None]
    assert high[5] + high[6:] == pytest.approx(slopes, abs=1e-5)


def test_slopes_lie_between_their_own_estimate_and_the_mean() -> None:
    effects, covariate = data()
    found = exchangeable_regression(effects, covariate, "t0")
    apart = network_regression(effects, covariate, "t0", interaction="independent")
    mean = found.mean_slope.estimate
    own = [c.estimate.estimate for c in apart.coefficients if c.estimate is not None]
    spread = [abs(s.estimate - mean) for s in found.slopes]
    assert sum(spread) < sum(abs(o - mean) for o in own)


def test_equal_slopes_end_at_no_spread() -> None:
    rows = [("a", "b"), ("b", "c"), ("a", "c")] * 5
    x = [float(i % 5) for i in range(15)]
    slope = {"a": 0.5, "b": 0.5, "c": 0.0}
    y = [0.1 * i % 0.07 + (slope[p] - slope[q]) * v for i, ((p, q), v) in enumerate(zip(rows, x, strict=True))]
    names = [str(i) for i in range(15)]
    effects = effects_from_contrasts(names, [p for p, _ in rows], [q for _, q in rows], y, [0.3] * 15, "GEN")
    found = exchangeable_regression(effects, dict(zip(names, x, strict=True)), "c")
    assert found.slope_sd == 0.0 and found.tau2 == 0.0
    assert {s.estimate for s in found.slopes} == {found.mean_slope.estimate}


def test_what_it_needs_is_said() -> None:
    effects, covariate = data()
    with pytest.raises(InputError, match="reference"):
        exchangeable_regression(effects, covariate, "z")
    pair = effects_from_contrasts(list("123"), ["a"] * 3, ["b"] * 3, [0.1, 0.2, 0.3], [0.1] * 3, "GEN")
    with pytest.raises(NotEstimable, match="three treatments"):
        exchangeable_regression(pair, {"1": 1.0, "2": 2.0, "3": 3.0}, "b")
    assert study_standard_errors(pair) == pytest.approx({"1": 0.1, "2": 0.1, "3": 0.1})
