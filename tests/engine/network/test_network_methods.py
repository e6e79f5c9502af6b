"""Facts about the methods around a network fit: splits, heat, contributions, influence, components, rare events."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import nchypergeom_fisher

from toolkit.engine.data import Effects
from toolkit.engine.effects import arm_table, compute_effects
from toolkit.engine.network import (
    CONTRIBUTION_METHODS,
    comparison_adjusted_funnel,
    component_matrix,
    component_network,
    contributions,
    decompose_designs,
    hypergeometric_network,
    leave_one_out,
    mantel_haenszel_network,
    net_heat,
    network,
    network_regression,
    side_split,
    split_evidence,
    study_impact,
)
from toolkit.engine.network.connect import independent_loops
from toolkit.engine.network.fit import consistency_model
from toolkit.engine.network.hypergeometric import conditional_moments
from toolkit.engine.network.sparse import generalised_mantel_haenszel
from toolkit.model.errors import InputError, NotEstimable


def two_arm(rows: list[tuple[str, str, float, float]]) -> Effects:
    """Effects of two-arm studies from (treatment, base, effect, variance)."""
    names = sorted({t for row in rows for t in row[:2]})
    return Effects(
        measure="GEN",
        scale="identity",
        studies=tuple(f"study {i}" for i in range(len(rows))),
        start=np.arange(len(rows) + 1),
        y=np.array([row[2] for row in rows]),
        V=tuple(np.array([[row[3]]]) for row in rows),
        t1=np.array([names.index(row[0]) for row in rows]),
        t2=np.array([names.index(row[1]) for row in rows]),
        treatments=tuple(names),
    )


TRIANGLE = [
    ("b", "a", 0.5, 0.04), ("b", "a", 0.7, 0.05), ("c", "a", 0.2, 0.03), ("c", "a", 0.4, 0.06), ("c", "b", 0.6, 0.05),
    ("c", "b", 0.1, 0.04),
]  # fmt: skip
BRIDGE = [*TRIANGLE, ("d", "c", 0.3, 0.05)]


def test_refitted_side_split_equals_back_calculation_in_two_arm_networks_at_the_same_tau2() -> None:
    effects = two_arm(TRIANGLE)
    result = network(effects, reference="a", tau2="fixed", tau2_value=0.07)
    back = split_evidence(effects, result)
    sidde = split_evidence(effects, result, method="SIDDE")
    for allocation in ("symmetric", "treat1", "treat2"):
        refit = side_split(effects, tau2="fixed", tau2_value=0.07, allocation=allocation)
        for a, b, c in zip(back, refit, sidde, strict=True):
            assert a.difference.estimate == pytest.approx(b.difference.estimate, rel=1e-9)
            assert a.difference.se == pytest.approx(b.difference.se, rel=1e-9)
            assert c.indirect.estimate == pytest.approx(b.indirect.estimate, rel=1e-9)


def test_a_comparison_without_indirect_evidence_is_not_split_and_says_so() -> None:
    effects = two_arm(BRIDGE)
    result = network(effects, reference="a")
    for split in (split_evidence(effects, result)[-1], side_split(effects)[-1]):
        assert {split.t1, split.t2} == {"c", "d"}
        assert split.indirect is None and split.difference is None and split.reason
    sidde = split_evidence(effects, result, method="SIDDE")[-1]
    assert sidde.indirect is None and "not connected" in sidde.reason
    with pytest.raises(InputError, match="directly"):
        side_split(effects, comparisons=[("a", "d")])
    with pytest.raises(InputError, match="allocation"):
        side_split(effects, allocation="left")
    with pytest.raises(InputError, match="method"):
        split_evidence(effects, result, method="guess")


def test_parts_of_net_heat_sum_to_q_between_designs() -> None:
    effects = two_arm(TRIANGLE)
    heat = net_heat(effects, "a", model="common")
    tested = network(effects, reference="a").inconsistency
    assert heat.q.sum() == pytest.approx(tested.q_between, rel=1e-9)
    assert np.allclose(np.diag(heat.q_diff), heat.q)  # a detached design is no longer inconsistent with itself
    assert np.allclose(heat.hat @ heat.hat, heat.hat, atol=1e-10)
    with pytest.raises(NotEstimable, match="3 designs"):
        net_heat(two_arm(TRIANGLE[:4]), "a")


def test_design_decomposition_adds_up() -> None:
    effects = two_arm(TRIANGLE)
    found = decompose_designs(effects, consistency_model(effects))
    tested = network(effects, reference="a").inconsistency
    assert sum(d.q for d in found.within) == pytest.approx(tested.q_within, rel=1e-9)
    assert [d.df for d in found.detached] == [0, 0, 0]  # one loop: detaching any design opens it


@pytest.mark.parametrize("method", list(CONTRIBUTION_METHODS))
@settings(max_examples=8, deadline=None)
@given(seed=st.integers(0, 1000))
def test_contributions_are_proportions_that_sum_to_one_for_comparisons_and_studies(method: str, seed: int) -> None:
    rng = np.random.default_rng(seed)
    names = ["a", "b", "c", "d", "e"]
    rows = [(names[i], names[i - 1], rng.normal(), rng.uniform(0.02, 0.2)) for i in range(1, 5)]
    for _ in range(8):
        i, j = sorted(rng.choice(5, 2, replace=False))
        rows.append((names[j], names[i], rng.normal(), rng.uniform(0.02, 0.2)))
    effects = two_arm(rows)
    found = contributions(effects, network(effects, reference="a"), method)
    assert np.allclose(found.proportion.sum(axis=1), 1, atol=1e-10)
    assert np.allclose(found.study_proportion.sum(axis=1), 1, atol=1e-10)
    if method != "pseudoinverse":  # its path weights may be negative
        assert found.proportion.min() >= -1e-12
        assert (found.proportion <= np.abs(found.hat) + 1e-10).all()


def test_all_contribution_methods_agree_where_every_path_is_alone() -> None:
    effects = two_arm(TRIANGLE)
    result = network(effects, reference="a")
    tables = [contributions(effects, result, method).proportion for method in CONTRIBUTION_METHODS]
    assert np.allclose(tables[0], tables[1]) and np.allclose(tables[0], tables[2])
    with pytest.raises(InputError, match="method"):
        contributions(effects, result, "guess")


def test_leave_one_out_lists_the_pieces_where_a_study_held_the_network_together() -> None:
    effects = two_arm([*BRIDGE, ("e", "d", 0.1, 0.1)])
    rows = list(leave_one_out(effects, network(effects, reference="e")))
    assert [r.study for r in rows if r.result is None] == ["study 6"]
    assert rows[6].subnetworks == (("a", "b", "c"), ("d", "e"))
    assert rows[7].lost_treatments == ("e",) and rows[7].result.reference != "e"
    assert "reference_chosen" in {w.code for w in rows[7].result.warnings}
    assert rows[0].result.k == 7


def test_impact_of_the_only_study_of_a_comparison_is_one() -> None:
    effects = two_arm(BRIDGE)
    found = study_impact(effects, network(effects, reference="a"))
    last = found.impact[6]
    for (a, b), value in zip(found.comparisons, last, strict=True):
        assert value == pytest.approx(1.0 if "d" in (a, b) else 0.0, abs=1e-9)


def test_adjusted_funnel_needs_an_order_and_turns_with_it() -> None:
    effects = two_arm(TRIANGLE)
    result = network(effects, reference="a")
    one = comparison_adjusted_funnel(effects, result, ["a", "b", "c"])
    other = comparison_adjusted_funnel(effects, result, ["c", "b", "a"])
    assert [p.adjusted for p in one.points] == [-p.adjusted for p in other.points]
    assert one.egger is None and "fewer than 10" in one.reason
    with pytest.raises(InputError, match="order"):
        comparison_adjusted_funnel(effects, result, ["a", "b"])


def test_components_bridge_a_disconnected_network_and_what_they_cannot_say_is_not_said() -> None:
    rows = [
        ("A", "placebo", 1.0, 0.1),
        ("B", "placebo", 2.0, 0.1),
        ("A + B", "C", 1.0, 0.1),
        ("A + B + D", "C", 2.0, 0.1),
    ]
    effects = two_arm(rows)
    with pytest.raises(NotEstimable, match="pieces"):
        network(effects)
    found = component_network(effects, inactive="placebo", tau2="fixed", tau2_value=0.0)
    by_name = dict(zip(found.matrix.components, found.common, strict=True))
    assert found.n_subnetworks == 2 and found.q_standard is None
    assert by_name["A"].estimate == pytest.approx(1.0) and by_name["C"].estimate == pytest.approx(2.0)
    assert by_name["D"].estimate == pytest.approx(1.0)
    at = found.matrix.treatments.index
    assert found.treatment_common[at("A + B"), at("placebo")] == pytest.approx(3.0)
    alone = component_network(two_arm([("A", "B", 1.0, 0.1), ("C", "D", 1.0, 0.1)]), tau2="fixed", tau2_value=0.0)
    assert alone.common == (None, None, None, None)
    assert alone.estimable.sum() == 8  # each with itself, A with B, C with D
    assert np.isnan(alone.treatment_common[~alone.estimable]).all()


def test_component_names_and_interactions_are_checked() -> None:
    matrix = component_matrix(["A", "B", "A + B"], interactions=[("A", "B")])
    assert matrix.components == ("A", "B", "A*B") and matrix.matrix.tolist() == [[1, 0, 0], [0, 1, 0], [1, 1, 1]]
    with pytest.raises(InputError, match="no treatment"):
        component_matrix(["A", "B"], inactive="placebo")
    with pytest.raises(InputError, match="empty component"):
        component_matrix(["A + ", "B"])


def test_generalised_mantel_haenszel_of_two_arms_is_the_usual_one() -> None:
    # Robins, Breslow, Greenland 1986, on the first strata of the eight hip studies.
    events, n = np.array([[26, 15], [19, 14], [4, 2]], float), np.array([[53, 53], [33, 50], [10, 10]], float)
    y, V = generalised_mantel_haenszel(events, n)
    a, b, c, d = events[:, 1], (n - events)[:, 1], events[:, 0], (n - events)[:, 0]
    N = n.sum(axis=1)
    R, S, P, Q = a * d / N, b * c / N, (a + d) / N, (b + c) / N
    variance = (P * R).sum() / (2 * R.sum() ** 2) + (P * S + Q * R).sum() / (2 * R.sum() * S.sum())
    variance += (Q * S).sum() / (2 * S.sum() ** 2)
    assert y[0] == pytest.approx(np.log(R.sum() / S.sum()), rel=1e-12)
    assert V[0, 0] == pytest.approx(variance, rel=1e-12)


def test_mantel_haenszel_network_of_three_arms_does_not_depend_on_the_order_of_arms() -> None:
    rng = np.random.default_rng(4)
    events, n = rng.integers(1, 9, (5, 3)).astype(float), rng.integers(30, 60, (5, 3)).astype(float)
    y, V = generalised_mantel_haenszel(events, n)
    turned, W = generalised_mantel_haenszel(events[:, [1, 2, 0]], n[:, [1, 2, 0]])
    assert turned[1] == pytest.approx(-y[0], rel=1e-12) and W[1, 1] == pytest.approx(V[0, 0], rel=1e-12)
    assert W[0, 0] == pytest.approx(V[0, 0] + V[1, 1] - 2 * V[0, 1], rel=1e-12)
    assert np.linalg.eigvalsh(V)[0] > 0


def test_what_mantel_haenszel_cannot_use_is_listed() -> None:
    study = ["s1", "s1", "s2", "s2", "s3", "s3", "s4", "s4"]
    treatment = ["a", "b", "a", "b", "a", "c", "b", "c"]
    arms = arm_table(study, treatment, n=[50.0] * 8, events=[0, 0, 3, 5, 0, 4, 2, 6])
    found = mantel_haenszel_network(arms, reference="a")
    assert found.treatments == ("a", "b", "c") and found.k == 2
    reasons = {(e.study, e.treatment): e.reason for e in found.excluded}
    assert "no events" in reasons["s1", None] and "a:c" in reasons["s3", "a"]
    with pytest.raises(InputError, match="reference"):
        mantel_haenszel_network(arms, reference="x")


@pytest.mark.shared
def test_dong_2013_odds_ratios_of_soft_mist_inhaler_are_reproduced(shared: Path) -> None:
    # Dong 2013 (doi 10.1136/thoraxjnl-2012-201926): tiotropium Soft Mist Inhaler against placebo, HandiHaler, LABA and
    # LABA-ICS in the Mantel-Haenszel network as printed by Efthimiou 2019.
    data = json.loads((shared / "golden/nma/dong2013.json").read_text(encoding="utf-8"))["data"]["columns"]
    found = mantel_haenszel_network(arm_table(data["study"], data["treatment"], n=data["n"], events=data["events"]))
    at = found.treatments.index
    ratios = [np.exp(found.te[at("TIO-SMI"), at(other)]) for other in ("Placebo", "TIO-HH", "LABA", "LABA-ICS")]
    assert np.round(ratios, 2).tolist() == [1.52, 1.65, 1.64, 1.92]


def test_loops_inside_one_multi_arm_study_do_not_count() -> None:
    assert independent_loops([{"a", "b", "c"}, {"a", "b"}]) == 0
    assert independent_loops([{"a", "b"}, {"b", "c"}, {"a", "c"}]) == 1
    assert independent_loops([{"a", "p"}, {"b", "p"}]) == 0
    assert independent_loops([]) == 0


def test_smaller_studies_close_a_loop_beside_a_multi_arm_study_that_holds_it() -> None:
    triangle = [{"a", "b"}, {"b", "c"}, {"a", "c"}]
    assert independent_loops([{"a", "b", "c"}, *triangle]) == 1
    assert independent_loops([set("abcd"), set("abc"), {"c", "d"}, {"a", "d"}]) == 1
    assert independent_loops([set("abcd"), {"a", "b"}, set("bcd")]) == 0


def test_random_walk_counts_paths_as_enumeration_does() -> None:
    rng = np.random.default_rng(2)
    names = [f"t{i}" for i in range(7)]
    rows = [(names[j], names[i], rng.normal(), rng.uniform(0.05, 0.5)) for i in range(7) for j in range(i + 1, 7)]
    effects = two_arm(rows)
    found = contributions(effects, network(effects, reference="t0"))
    r = found.comparisons.index(("t0", "t6"))
    flow = dict(zip(found.edges, found.hat[r], strict=True))
    steps: dict[str, list[tuple[str, float, int]]] = {}
    for at, ((a, b), h) in enumerate(flow.items()):
        u, v = (a, b) if h > 0 else (b, a)
        steps.setdefault(u, []).append((v, abs(h), at))
    expected = np.zeros(len(found.edges))

    def walk(u: str, p: float, path: list[int]) -> None:
        if u == "t6":
            expected[path] += p / len(path)
            return
        total = sum(h for _, h, _ in steps[u])
        for v, h, at in steps[u]:
            walk(v, p * h / total, [*path, at])

    walk("t0", 1.0, [])
    assert np.allclose(found.proportion[r], expected, atol=1e-12)


def test_effects_of_arm_tables_and_by_hand_are_the_same_network() -> None:
    arms = arm_table(["1", "1", "2", "2"], ["a", "b", "b", "c"], n=[40] * 4, events=[5, 9, 8, 12])
    assert np.array_equal(
        network(arms, measure="OR", reference="a").common,
        network(compute_effects(arms, "OR"), reference="a").common,
    )


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 1000))
def test_interaction_model_design_by_design_equals_the_one_with_nodes_for_every_design(seed: int) -> None:
    from toolkit.engine.network.designs import design_model, find_designs
    from toolkit.engine.network.designwise import Designwise

    rng = np.random.default_rng(seed)
    study, treatment = [], []
    for s in range(14):
        for t in rng.permutation(4)[: rng.integers(2, 5)]:
            study.append(f"s{s}")
            treatment.append(f"t{t}")
    size = len(study)
    arms = arm_table(study, treatment, n=[30] * size, mean=rng.normal(size=size), sd=rng.uniform(1, 2, size))
    effects = compute_effects(arms, "MD")
    blocks = consistency_model(effects).blocks
    dense, apart = design_model(effects, blocks, find_designs(effects)), Designwise(blocks)
    assert dense.df == apart.df
    for tau2 in (0.0, 0.3):
        assert apart.solve(tau2).q == pytest.approx(dense.solve(tau2).q, abs=1e-9)
        for restricted in (True, False):
            found = apart.log_likelihood(tau2, restricted=restricted)
            assert found == pytest.approx(dense.log_likelihood(tau2, restricted=restricted), rel=1e-9)
        one, other = apart.derivatives(tau2), dense.derivatives(tau2)
        for name in ("trace_w", "trace_p", "trace_ww", "trace_pp", "quadratic"):
            assert getattr(one, name) == pytest.approx(getattr(other, name), rel=1e-8, abs=1e-8)


def test_regression_recovers_a_slope_and_does_not_invent_one_from_a_single_study() -> None:
    rows = [("b", "a", 0.5 + 0.1 * x, 0.01) for x in range(6)] + [("c", "a", 1.0, 0.01)]
    effects = two_arm(rows)
    years = {f"study {i}": float(i) for i in range(7)}
    held = {"centre": 0.0, "tau2": "fixed", "tau2_value": 0.0}
    fitted = network_regression(effects, years, "a", interaction="independent", **held)
    effect = dict(zip(fitted.treatments, fitted.effects, strict=True))
    slope = {c.treatment: c.estimate for c in fitted.coefficients}
    assert effect["b"].estimate == pytest.approx(0.5) and slope["b"].estimate == pytest.approx(0.1)
    assert effect["c"] is None and slope["c"] is None  # one study: its effect at 0 and its slope are one number
    common = network_regression(effects, years, "a", centre=6.0, tau2="fixed", tau2_value=0.0)
    assert common.coefficients[0].estimate.estimate == pytest.approx(0.1)
    assert common.effects[1].estimate == pytest.approx(1.0)


def test_regression_names_studies_without_a_value_and_refuses_a_constant() -> None:
    effects = two_arm(TRIANGLE)
    years = {f"study {i}": float(i) for i in range(6)} | {"study 3": None}
    assert [e.study for e in network_regression(effects, years, "a").excluded] == ["study 3"]
    with pytest.raises(NotEstimable, match="same covariate"):
        network_regression(effects, dict.fromkeys(years, 1.0), "a")
    with pytest.raises(InputError, match="No study has"):
        network_regression(effects, {}, "a")


def test_hypergeometric_moments_equal_enumeration() -> None:
    n, theta, total = np.array([7.0, 5.0, 6.0]), np.array([0.0, 0.8, -1.1]), 6
    weight, first, second = 0.0, np.zeros(3), np.zeros((3, 3))
    for a in range(8):
        for b in range(6):
            c = total - a - b
            if 0 <= c <= 6:
                x = np.array([a, b, c], float)
                w = math.comb(7, a) * math.comb(5, b) * math.comb(6, c) * math.exp(float(x @ theta))
                weight, first, second = weight + w, first + w * x, second + w * np.outer(x, x)
    constant, mean, cov = conditional_moments(n, total, theta)
    assert constant == pytest.approx(math.log(weight), rel=1e-12)
    assert np.allclose(mean, first / weight, rtol=1e-12)
    assert np.allclose(cov, second / weight - np.outer(mean, mean), atol=1e-11)


def test_hypergeometric_network_of_one_comparison_solves_the_conditional_score() -> None:
    # Two arms, by SciPy's own Fisher non-central hypergeometric distribution: expected events equal the observed ones.
    events, n = [2, 15, 3, 9, 30, 95], [28, 53, 10, 50, 125, 125]
    arms = arm_table(["1", "1", "2", "2", "3", "3"], ["a", "b"] * 3, n=n, events=events)
    found = hypergeometric_network(arms, reference="a")
    ratio = math.exp(found.te[1, 0])
    expected = sum(
        nchypergeom_fisher(n[i] + n[i + 1], n[i + 1], events[i] + events[i + 1], ratio).mean() for i in (0, 2, 4)
    )
    assert expected == pytest.approx(15 + 9 + 95, rel=1e-9)
    assert found.converged and found.q is None
    with pytest.raises(InputError, match="likelihood"):
        hypergeometric_network(arms, likelihood="guess")


def test_rare_events_make_exact_and_multinomial_likelihood_agree() -> None:
    rng = np.random.default_rng(3)
    study = [f"s{i // 3}" for i in range(12)]
    arms = arm_table(study, ["a", "b", "c"] * 4, n=[20_000.0] * 12, events=rng.integers(3, 12, 12))
    exact = hypergeometric_network(arms)
    assert np.allclose(exact.te, hypergeometric_network(arms, likelihood="multinomial").te, atol=2e-3)
    assert np.allclose(exact.te, mantel_haenszel_network(arms).te, atol=0.05)
