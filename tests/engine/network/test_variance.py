"""Between-study variance and intervals of a network: Paule-Mandel, Q-profile, profile likelihood, t, Hartung-Knapp."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from toolkit.engine.data import Effects
from toolkit.engine.effects import arm_table, compute_effects, effects_from_contrasts
from toolkit.engine.network import against_reference, league_table, network, split_evidence, tau2_interval
from toolkit.engine.network.blocks import heterogeneity_shape
from toolkit.engine.network.designwise import Designwise
from toolkit.engine.network.fit import consistency_model
from toolkit.engine.pairwise import pairwise
from toolkit.model.errors import InputError, NotEstimable

HASSELBLAD = Path(__file__).resolve().parents[2] / "golden" / "nma" / "hasselblad1998.json"

# metafor 3.8-1 under R 4.2.2: rma.mv(y, V, mods = X, random = ~ arm | study, struct = "CS", rho = 0.5, test = "t"),
# confint() for the profile likelihood; Paule-Mandel and Q-profile by uniroot on Q(tau2) of dense matrices, Q(tau2) / df
# at the REML tau2 for the Hartung-Knapp factor.
TAU2 = {"REML": 0.450230095517, "ML": 0.376392493584, "PM": 0.512943131754}
PROFILE = {"REML": (0.207020639839, 1.056056173358), "ML": (0.178967152288, 0.845594813210)}
Q_PROFILE = (0.224701956589, 1.371575251779)
HK_FACTOR = 1.08667773278
T_INTERVALS = {  # against group counselling: estimate, standard error, limits, p
    "ind_counseling": (-0.159724097490, 0.353293442659, -0.890567266358, 0.5711190713771, 0.655431681133),
    "no_contact": (-0.868733464603, 0.372073304920, -1.638425738460, -0.0990411907459, 0.028642668589),
    "self_help": (-0.471564875432, 0.405451249421, -1.310304688200, 0.3671749373362, 0.256729745348),
}


@pytest.fixture(scope="module")
def smoking() -> Effects:
    columns = json.loads(HASSELBLAD.read_text(encoding="utf-8"))["data"]["columns"]
    arms = arm_table(columns["study"], columns["treatment"], n=columns["n"], events=columns["events"])
    return compute_effects(arms, "OR")


@pytest.mark.parametrize("method", ["REML", "ML", "PM"])
def test_tau2_and_its_intervals_are_those_of_metafor(smoking: Effects, method: str) -> None:
    result = network(smoking, measure="OR", tau2=method)
    assert result.tau2 is not None and result.tau2.value == pytest.approx(TAU2[method], rel=1e-7)
    exact = tau2_interval(smoking, result, "QP")
    assert (exact.low, exact.high) == pytest.approx(Q_PROFILE, rel=1e-9)
    profile = tau2_interval(smoking, result, "PL")
    assert (profile.low, profile.high) == pytest.approx(PROFILE["ML" if method == "ML" else "REML"], rel=1e-6)


@pytest.mark.parametrize("restricted", [True, False])
def test_the_likelihood_on_a_grid_is_that_of_dense_matrices(smoking: Effects, restricted: bool) -> None:
    model, grid = consistency_model(smoking), np.array([0.0, 0.03, 0.45, 7.0])
    apart = Designwise(model.blocks)
    of_model = model.log_likelihoods(grid, restricted=restricted)
    of_designs = apart.log_likelihoods(grid, restricted=restricted)
    for t, at_model, at_designs in zip(grid.tolist(), of_model, of_designs, strict=True):
        assert at_model == pytest.approx(model.log_likelihood(t, restricted=restricted), rel=1e-12)
        assert at_designs == pytest.approx(dense_likelihood(apart, t, restricted), rel=1e-10)


def dense_likelihood(model: Designwise, tau2: float, restricted: bool) -> float:
    """Likelihood of the interaction model: within a design every contrast has its own mean."""
    total, rows, parameters = 0.0, 0, 0
    for b, design in zip(model.blocks, model.design, strict=True):
        for d in np.unique(design):
            inside = np.flatnonzero(design == d)
            a = b.y.shape[1]
            V = np.zeros((a * len(inside), a * len(inside)))
            for at, s in enumerate(inside):
                V[at * a : (at + 1) * a, at * a : (at + 1) * a] = b.V[s] + tau2 * heterogeneity_shape(a)
            X, y, W = np.tile(np.eye(a), (len(inside), 1)), b.y[inside].ravel(), np.linalg.inv(V)
            N = X.T @ W @ X
            r = y - X @ np.linalg.solve(N, X.T @ W @ y)
            total += np.linalg.slogdet(V)[1] + r @ W @ r + (np.linalg.slogdet(N)[1] if restricted else 0.0)
            rows, parameters = rows + len(y), parameters + a
    return float(-0.5 * (total + (rows - parameters * restricted) * np.log(2 * np.pi)))


def test_t_intervals_are_those_of_metafor(smoking: Effects) -> None:
    result = network(smoking, measure="OR", reference="grp_counseling", ci="t")
    assert result.ci_df == 23
    for row in against_reference(result):
        assert row.random is not None
        found = (row.random.estimate, row.random.se, row.random.ci_low, row.random.ci_high, row.random.p)
        assert found == pytest.approx(T_INTERVALS[row.treatment], rel=1e-7)
        assert row.common.df is None


def test_hartung_knapp_factor_is_q_over_its_degrees_of_freedom(smoking: Effects) -> None:
    plain = network(smoking, measure="OR", ci="HK")
    assert plain.ci_factor == pytest.approx(HK_FACTOR, rel=1e-7)
    wald = network(smoking, measure="OR")
    first, second = (against_reference(r)[0].random for r in (plain, wald))
    assert first is not None and second is not None
    assert first.se == pytest.approx(second.se * HK_FACTOR**0.5, rel=1e-7)
    assert network(smoking, measure="OR", ci="HK_adhoc").ci_factor == plain.ci_factor


def test_a_hartung_knapp_factor_below_one_is_lifted_to_one_by_the_safeguard() -> None:
    effects = effects_from_contrasts(
        ["1", "2", "3", "4"], ["a", "b", "a", "a"], ["b", "c", "c", "b"], [0.5, 0.2, 0.71, 0.49], [0.2] * 4, "GEN"
    )
    plain = network(effects, measure="GEN", ci="HK")
    assert plain.ci_factor < 1
    assert network(effects, measure="GEN", ci="HK_adhoc").ci_factor == 1.0


@pytest.mark.parametrize("ci", ["Wald", "t", "HK", "HK_adhoc"])
@pytest.mark.parametrize("tau2", ["REML", "PM", "DL"])
def test_two_treatments_have_the_interval_of_the_pairwise_model(ci: str, tau2: str) -> None:
    arms = arm_table(
        list("aabbccdd"), list("xy") * 4, events=[3, 9, 5, 6, 12, 20, 2, 9], n=[40, 42, 51, 50, 80, 77, 33, 30]
    )
    net, pair = (
        network(arms, measure="OR", tau2=tau2, ci=ci, reference="x"),
        pairwise(arms, measure="OR", tau2=tau2, ci=ci, treatment="y", reference="x"),
    )
    row = against_reference(net)[0].random
    assert row is not None and pair.random is not None and net.tau2 is not None and pair.tau2 is not None
    assert net.tau2.value == pytest.approx(pair.tau2.value, rel=1e-8)
    ours = (row.estimate, row.se, row.ci_low, row.ci_high, row.p)
    theirs = (pair.random.estimate, pair.random.se, pair.random.ci_low, pair.random.ci_high, pair.random.p)
    assert ours == pytest.approx(theirs, rel=1e-7)


def test_q_profile_bounds_give_the_quantiles_of_chi_squared_in_dense_matrices(smoking: Effects) -> None:
    m, T = len(smoking.y), len(smoking.treatments)
    V, S, X = np.zeros((m, m)), np.zeros((m, m)), np.zeros((m, T))
    for s, block in enumerate(smoking.V):
        rows = slice(smoking.start[s], smoking.start[s + 1])
        V[rows, rows], S[rows, rows] = block, heterogeneity_shape(len(block))
    X[np.arange(m), smoking.t1] += 1.0
    X[np.arange(m), smoking.t2] -= 1.0
    X = X[:, 1:]

    def q(tau2: float) -> float:
        W = np.linalg.inv(V + tau2 * S)
        r = smoking.y - X @ np.linalg.solve(X.T @ W @ X, X.T @ W @ smoking.y)
        return float(r @ W @ r)

    result = network(smoking, measure="OR", level=0.9)
    found = tau2_interval(smoking, result, "QP")
    assert (q(found.low), q(found.high)) == pytest.approx((35.17246, 13.09051), abs=1e-5)  # 95th and 5th of 23 df


def test_the_same_interval_stands_in_league_table_split_and_list(smoking: Effects) -> None:
    result = network(smoking, measure="OR", reference="no_contact", ci="HK")
    league = league_table(result)
    listed = {row.treatment: row.random for row in against_reference(result)}
    for i, name in enumerate(league.treatments[1:], start=1):
        estimate = listed[name]
        assert estimate is not None
        assert (league.low[i, 0], league.high[i, 0]) == pytest.approx((estimate.ci_low, estimate.ci_high), rel=1e-12)
    for split in split_evidence(smoking, result):
        i, j = league.treatments.index(split.t1), league.treatments.index(split.t2)
        assert split.network.ci_low == pytest.approx(league.low[i, j], rel=1e-12)


def test_what_cannot_be_had_is_refused(smoking: Effects) -> None:
    with pytest.raises(InputError, match="interval"):
        network(smoking, measure="OR", ci="KR")
    given = network(smoking, measure="OR", tau2="fixed", tau2_value=0.1)
    with pytest.raises(NotEstimable, match="given by the user"):
        tau2_interval(smoking, given)
    tree = effects_from_contrasts(["1", "2"], ["a", "b"], ["b", "c"], [0.1, 0.2], [0.1, 0.1], "GEN")
    with pytest.raises(NotEstimable, match="not estimable"):
        tau2_interval(tree, network(tree, measure="GEN", ci="HK"))
    with pytest.raises(NotEstimable, match="degrees of freedom"):
        network(tree, measure="GEN", ci="t", tau2="fixed", tau2_value=0.1)
