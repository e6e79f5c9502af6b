"""Facts about network fits: published networks, properties, edges, refusals."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from toolkit.engine.data import Effects
from toolkit.engine.effects import arm_table, compute_effects, effects_from_contrasts
from toolkit.engine.network import (
    against_reference,
    consistency_model,
    graph,
    largest_subnetwork,
    league_table,
    network,
    p_scores,
    rank_probabilities,
    split_evidence,
)
from toolkit.engine.network.direct import all_pairs
from toolkit.engine.results import NetworkResult
from toolkit.model.choices import MEASURES
from toolkit.model.errors import InputError, NotEstimable

# Elliott and Meyer 2007 (doi 10.1016/S0140-6736(07)60108-1): odds ratios against a diuretic, from the erratum.
ELLIOTT = {
    "ARB": (0.62, 0.51, 0.77),
    "ACE inhibitor": (0.67, 0.57, 0.79),
    "Placebo": (0.75, 0.63, 0.89),
    "CCB": (0.79, 0.67, 0.92),
    "blocker": (0.93, 0.78, 1.11),
}


def diabetes(shared: Path) -> NetworkResult:
    rows = json.loads((shared / "golden/bayes/diabetes_tsd2.json").read_text(encoding="utf-8"))["data"]
    arms = arm_table(
        [r["study"] for r in rows],
        [r["treatment"] for r in rows],
        n=[r["n"] for r in rows],
        events=[r["r"] for r in rows],
    )
    return network(arms, measure="OR", reference="Diuretic", tau2="DL", small_values="good")


@pytest.mark.shared
def test_elliott_2007_diabetes_network_is_reproduced_within_a_hundredth(shared: Path) -> None:
    result = diabetes(shared)
    assert (result.k, len(result.treatments)) == (22, 6)
    for row in against_reference(result):
        assert row.random is not None
        ours = np.exp([row.random.estimate, row.random.ci_low, row.random.ci_high])
        assert np.all(np.abs(ours - ELLIOTT[row.treatment]) <= 0.01), (row.treatment, ours)
    assert result.ranking is not None and result.ranking.p_score_random is not None
    order = np.argsort(-result.ranking.p_score_random)
    assert [result.treatments[i] for i in order][:2] == ["ARB", "ACE inhibitor"]
    assert result.ranking.caution is None
    assert result.inconsistency.interaction_df == 13 and result.inconsistency.interaction_p is not None


def random_network(
    seed: int, studies: int = 12, treatments: int = 5, tau: float = 0.2
) -> tuple[list[str], list[str], np.ndarray, np.ndarray, np.ndarray]:
    """Arm-level continuous data of a connected network with multi-arm studies."""
    rng = np.random.default_rng(seed)
    study, treatment, n, mean, sd = [], [], [], [], []
    theta = rng.normal(size=treatments)
    for s in range(studies):
        size = int(rng.choice([2, 2, 3, 4])) if s else treatments  # the first study connects everything
        for t in rng.choice(treatments, size=min(size, treatments), replace=False):
            study.append(f"s{s:02d}")
            treatment.append(f"t{t}")
            n.append(int(rng.integers(20, 80)))
            mean.append(float(theta[t] + rng.normal(scale=tau) + rng.normal() / np.sqrt(n[-1])))
            sd.append(float(rng.uniform(0.7, 1.4)))
    return study, treatment, np.array(n), np.array(mean), np.array(sd)


def fit_arms(study, treatment, n, mean, sd, **options: object) -> NetworkResult:  # type: ignore[no-untyped-def]
    return network(arm_table(study, treatment, n=n, mean=mean, sd=sd), measure="MD", **options)


def aligned(result: NetworkResult, names: list[str], matrix: np.ndarray) -> np.ndarray:
    at = [result.treatments.index(t) for t in names]
    return matrix[np.ix_(at, at)]


METHODS = ["DL", "REML", "ML"]


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 10_000), method=st.sampled_from(METHODS), data=st.data())
def test_relabelled_treatments_permute_the_league_table(seed: int, method: str, data: st.DataObject) -> None:
    study, treatment, *numbers = random_network(seed)
    first = fit_arms(study, treatment, *numbers, tau2=method, reference="t0")
    names = [f"t{i}" for i in range(5)]
    other = dict(zip(names, data.draw(st.permutations(["z", "a", "中药", "m", "B"])), strict=True))
    second = fit_arms(study, [other[t] for t in treatment], *numbers, tau2=method, reference=other["t3"])
    for matrix in ("common", "common_se", "random", "random_se"):
        a = aligned(first, names, getattr(first, matrix))
        b = aligned(second, [other[t] for t in names], getattr(second, matrix))
        assert np.allclose(a, b, atol=1e-7, rtol=1e-7)


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 10_000), data=st.data())
def test_order_of_arms_studies_and_the_base_arm_do_not_matter(seed: int, data: st.DataObject) -> None:
    study, treatment, n, mean, sd = random_network(seed)
    order = np.array(data.draw(st.permutations(range(len(study)))))
    first = fit_arms(study, treatment, n, mean, sd, reference="t0")
    second = fit_arms(
        [study[i] for i in order], [treatment[i] for i in order], n[order], mean[order], sd[order], reference="t0"
    )
    assert np.allclose(first.random, second.random, atol=1e-7)
    assert np.allclose(first.random_se, second.random_se, atol=1e-7)
    assert first.inconsistency.q_total == pytest.approx(second.inconsistency.q_total, rel=1e-9)


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_base_arm_of_each_study_does_not_matter(seed: int) -> None:
    study, treatment, n, mean, sd = random_network(seed)
    arms = arm_table(study, treatment, n=n, mean=mean, sd=sd)
    fits = [
        network(compute_effects(arms, "MD", reference=base), measure="MD", reference="t0")
        for base in ("t0", "t2", "t4")
    ]
    for other in fits[1:]:
        assert np.allclose(fits[0].random, other.random, atol=1e-7)
        assert other.tau2.value == pytest.approx(fits[0].tau2.value, abs=1e-8)


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_consistency_equations_hold_and_effects_are_antisymmetric(seed: int) -> None:
    result = fit_arms(*random_network(seed))
    te = result.random
    assert np.allclose(te, -te.T, atol=1e-12)
    assert np.allclose(te[:, :, None] + te[None, :, :], te[:, None, :], atol=1e-10)


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 10_000), method=st.sampled_from(["REML", "ML"]))
def test_a_study_of_enormous_variance_changes_nothing_but_dl(seed: int, method: str) -> None:
    study, treatment, n, mean, sd = random_network(seed)
    before = fit_arms(study, treatment, n, mean, sd, tau2=method, reference="t0")
    more = ([*study, "huge", "huge"], [*treatment, "t1", "t2"])
    numbers = (np.append(n, [20, 20]), np.append(mean, [5.0, -5.0]), np.append(sd, [1e6, 1e6]))
    after = fit_arms(*more, *numbers, tau2=method, reference="t0")
    assert np.allclose(before.common, after.common, atol=1e-6)
    assert after.tau2.value == pytest.approx(before.tau2.value, abs=1e-5)
    assert np.allclose(before.random_se, after.random_se, atol=1e-5)
    assert after.k == before.k + 1


def test_generalised_dl_counts_a_study_of_enormous_variance_in_its_degrees_of_freedom() -> None:
    study, treatment, n, mean, sd = random_network(3, tau=0.8)
    before = fit_arms(study, treatment, n, mean, sd, tau2="DL")
    more = ([*study, "huge", "huge"], [*treatment, "t1", "t2"])
    numbers = (np.append(n, [20, 20]), np.append(mean, [0.0, 0.0]), np.append(sd, [1e6, 1e6]))
    after = fit_arms(*more, *numbers, tau2="DL")
    trace = (
        consistency_model(compute_effects(arm_table(study, treatment, n=n, mean=mean, sd=sd), "MD"))
        .derivatives(0.0)
        .trace_p
    )
    assert before.tau2.value - after.tau2.value == pytest.approx(1 / trace, rel=1e-5)


def test_two_treatments_equal_the_inverse_variance_mean() -> None:
    y, v = np.array([0.2, 0.5, -0.1, 0.4]), np.array([0.04, 0.09, 0.05, 0.02])
    result = network(two_arm(["a"] * 4, ["b"] * 4, y, v), reference="b", tau2="DL")
    w = 1 / v
    assert result.common[1, 0] == pytest.approx(np.sum(w * y) / np.sum(w), rel=1e-12)
    q = np.sum(w * (y - np.sum(w * y) / np.sum(w)) ** 2)
    tau2 = max(0.0, (q - 3) / (w.sum() - (w**2).sum() / w.sum()))
    assert result.tau2.value == pytest.approx(tau2, rel=1e-12)


def two_arm(first: list[str], second: list[str], y: np.ndarray, v: np.ndarray, measure: str = "GEN") -> Effects:
    """Effects of two-arm studies, built by hand."""
    names = sorted({*first, *second})
    k = len(y)
    return Effects(
        measure=measure,
        scale="identity",
        studies=tuple(f"study {i}" for i in range(k)),
        start=np.arange(k + 1),
        y=np.asarray(y, dtype=float),
        V=tuple(np.array([[x]]) for x in v),
        t1=np.array([names.index(t) for t in first]),
        t2=np.array([names.index(t) for t in second]),
        treatments=tuple(names),
    )


def test_reml_takes_the_higher_of_two_modes() -> None:
    # Three precise studies that agree and three imprecise ones far apart: the restricted likelihood has a mode at zero
    # and a second one; whichever the fit returns must be the highest point of a fine grid.
    rng = np.random.default_rng(0)
    for _ in range(40):
        y = np.concatenate([rng.normal(0, 0.01, 3), rng.normal(0, 3, 3)])
        v = np.concatenate([np.full(3, 1e-4), rng.uniform(0.01, 2, 3)])
        effects = two_arm(["a"] * 6, ["b"] * 6, y, v)
        result = network(effects, reference="b", tau2="REML")
        model = consistency_model(effects)
        grid = np.concatenate([[0.0], np.geomspace(1e-7, 1e3, 400)])
        best = max(model.log_likelihood(t, restricted=True) for t in grid)
        assert model.log_likelihood(result.tau2.value, restricted=True) >= best - 1e-6


def test_disconnected_network_is_refused_and_its_pieces_are_listed() -> None:
    effects = two_arm(["a", "a", "x"], ["b", "c", "y"], np.zeros(3), np.ones(3))
    with pytest.raises(NotEstimable) as caught:
        network(effects)
    assert "1. a, b, c (2 studies)" in str(caught.value) and "2. x, y (1 study)" in str(caught.value)
    part = largest_subnetwork(effects)
    assert part.treatments == ("a", "b", "c")
    assert [e.study for e in part.excluded] == ["study 2"]
    assert network(part, reference="a").k == 2


@pytest.mark.parametrize(
    ("shape", "first", "second"),
    [
        ("star", ["a", "b", "c", "a"], ["p", "p", "p", "p"]),
        ("tree", ["a", "b", "c", "d"], ["p", "a", "a", "b"]),
        ("single loop", ["a", "b", "c"], ["b", "c", "a"]),
    ],
)
def test_star_tree_and_single_loop_go_through(shape: str, first: list[str], second: list[str]) -> None:
    k = len(first)
    result = network(two_arm(first, second, np.linspace(0, 1, k), np.full(k, 0.1)), small_values="bad")
    assert np.isfinite(result.common).all()
    assert result.ranking is not None and result.ranking.caution is not None
    if shape != "single loop":
        assert result.inconsistency.reason is not None and "no closed loop" in result.inconsistency.reason
        assert result.inconsistency.q_between is None and result.inconsistency.interaction_chi2 is None


def test_without_degrees_of_freedom_tau2_is_none_with_the_reason_and_not_zero() -> None:
    result = network(two_arm(["a", "b"], ["p", "p"], np.array([0.3, 0.1]), np.ones(2)), reference="p")
    assert result.tau2 is None and result.random is None and result.i2 is None and result.prediction_low is None
    assert "tau2_not_estimable" in {w.code for w in result.warnings}
    with pytest.raises(NotEstimable, match="no degrees of freedom"):
        league_table(result)
    assert league_table(result, "common").estimate.shape == (3, 3)


def test_tau2_can_be_given_even_without_degrees_of_freedom() -> None:
    effects = two_arm(["a", "b"], ["p", "p"], np.array([0.3, 0.1]), np.ones(2))
    result = network(effects, reference="p", tau2="fixed", tau2_value=0.5)
    assert result.random_se is not None and result.random_se[1, 0] == pytest.approx(np.sqrt(1.5))
    with pytest.raises(InputError, match="at least 0"):
        network(effects, tau2="fixed", tau2_value=-1.0)


def test_one_degree_of_freedom_gives_no_prediction_interval_and_says_why() -> None:
    result = network(two_arm(["a", "a"], ["p", "p"], np.array([0.3, 0.1]), np.ones(2)))
    assert result.random is not None and result.prediction_low is None
    assert "prediction_not_estimable" in {w.code for w in result.warnings}


def test_nothing_is_ranked_unless_the_direction_is_told() -> None:
    result = fit_arms(*random_network(1))
    assert result.ranking is None
    with pytest.raises(InputError, match="small values"):
        rank_probabilities(result, np.random.default_rng(1))
    with pytest.raises(InputError, match="direction"):
        fit_arms(*random_network(1), small_values="maybe")


def test_p_scores_average_one_half_and_mirror_with_the_direction() -> None:
    result = fit_arms(*random_network(5), small_values="good")
    good = p_scores(result.common, result.common_se, "good")
    assert good.mean() == pytest.approx(0.5)
    assert np.allclose(good + p_scores(result.common, result.common_se, "bad"), 1.0)


def test_rank_probabilities_are_reproducible_and_agree_with_the_closed_form() -> None:
    result = fit_arms(*random_network(5), small_values="good")
    a = rank_probabilities(result, np.random.default_rng(9), draws=50_000)
    b = rank_probabilities(result, np.random.default_rng(9), draws=50_000)
    assert np.array_equal(a.probability, b.probability)
    assert np.allclose(a.probability.sum(axis=1), 1) and np.allclose(a.probability.sum(axis=0), 1)
    mean = a.probability @ np.arange(1, 6)
    assert np.allclose(mean, a.mean_rank, atol=5 * 2 / np.sqrt(50_000))


def test_missing_reference_is_chosen_and_said_and_an_unknown_one_refused() -> None:
    result = network(two_arm(["a", "b", "c"], ["p", "p", "p"], np.zeros(3), np.ones(3)))
    assert result.reference == "p" and "reference_chosen" in {w.code for w in result.warnings}
    with pytest.raises(InputError, match="reference"):
        network(two_arm(["a"], ["p"], np.zeros(1), np.ones(1)), reference="placebo")


def test_unusable_studies_are_named() -> None:
    with pytest.raises(InputError, match="study 1"):
        network(two_arm(["a", "a"], ["p", "p"], np.array([0.1, np.nan]), np.ones(2)))
    with pytest.raises(InputError, match="study 0"):
        network(two_arm(["a", "a"], ["p", "p"], np.zeros(2), np.array([0.0, 1.0])))
    with pytest.raises(InputError, match="estimator"):
        network(two_arm(["a"], ["p"], np.zeros(1), np.ones(1)), tau2="XX")


def test_league_table_reads_row_against_column_in_the_order_asked_for() -> None:
    result = network(two_arm(["a", "a"], ["p", "p"], np.array([1.0, 1.0]), np.ones(2)))
    table = league_table(result, "common", order=["p", "a"])
    assert table.estimate[1, 0] == pytest.approx(1.0)  # row a, column p: a against p
    assert "row treatment against the column" in table.direction
    with pytest.raises(InputError, match="every treatment once"):
        league_table(result, order=["p"])


def test_direct_and_indirect_evidence_recombine_to_the_network_estimate() -> None:
    study, treatment, n, mean, sd = random_network(8)
    effects = compute_effects(arm_table(study, treatment, n=n, mean=mean, sd=sd), "MD")
    result = network(effects, measure="MD")
    split = [s for s in split_evidence(effects, result) if s.indirect is not None and s.direct is not None]
    assert split
    for s in split:
        w = np.array([1 / s.direct.se**2, 1 / s.indirect.se**2])
        both = np.array([s.direct.estimate, s.indirect.estimate])
        assert s.network.estimate == pytest.approx(np.sum(w * both) / w.sum(), rel=1e-8)
        assert s.difference.estimate == pytest.approx(s.direct.estimate - s.indirect.estimate, rel=1e-8)


def test_graph_counts_studies_and_units_and_keeps_unknown_sizes_unknown() -> None:
    study, treatment, n, mean, sd = random_network(8)
    drawn = graph(fit_arms(study, treatment, n, mean, sd))
    for node in drawn.nodes:
        mine = [i for i, t in enumerate(treatment) if t == node.treatment]
        assert node.studies == len(mine) and node.n == float(n[mine].sum())
    bare = graph(network(two_arm(["a"], ["p"], np.zeros(1), np.ones(1))))
    assert [node.n for node in bare.nodes] == [None, None] and bare.edges[0].n is None


# Conversion to total hip arthroplasty after core decompression (CD), with cells, or with a bone graft: events / hips.
THA = {
    "Hauzeur": {"CD + cells": (15, 23), "CD": (15, 23)},
    "Hernigou 2018": {"CD + cells": (30, 125), "CD": (95, 125)},
    "Kang 2018": {"CD + cells": (15, 53), "CD": (26, 53)},
    "Nally 2018": {"CD": (21, 47), "CD + graft": (17, 34), "CD + cells": (8, 16)},
    "Boontanapibul 2021": {"CD + cells": (14, 50), "CD": (19, 33)},
    "Pilge 2016": {"CD + cells": (2, 10), "CD": (4, 10)},
    "Jayankura 2023": {"CD + cells": (6, 25), "CD": (4, 29)},
    "Tasci": {"CD + cells": (2, 28), "CD": (4, 14)},
}


def test_hip_network_of_three_treatments_keeps_the_pairwise_answer_and_refuses_to_lead_with_a_ranking() -> None:
    rows = [(s, t, e, n) for s, arms in THA.items() for t, (e, n) in arms.items()]
    study, treatment, events, n = zip(*rows, strict=True)
    arms = arm_table(study, treatment, n=n, events=events)
    result = network(arms, measure="OR", reference="CD", tau2="DL", small_values="good")
    assert result.treatments == ("CD", "CD + cells", "CD + graft")
    cells, graft = against_reference(result)
    assert cells.random is not None and graft.random is not None and result.tau2 is not None
    common = np.exp([cells.common.estimate, cells.common.ci_low, cells.common.ci_high])
    random = np.exp([cells.random.estimate, cells.random.ci_low, cells.random.ci_high])
    # The graft arm of one study adds a parameter and a row, so the pairwise answer of the eight studies stands.
    assert np.round(common, 3).tolist() == [0.299, 0.211, 0.424]
    assert np.round(random, 3).tolist() == [0.445, 0.198, 1.002]
    assert round(result.tau2.value, 3) == 0.982
    assert (round(result.inconsistency.q_total, 2), result.inconsistency.df_total) == (31.42, 7)
    assert result.inconsistency.df_between == 1  # two designs inform cells against CD, though no loop does
    assert result.ranking is not None and result.ranking.caution is not None
    assert "CD + graft rests on a single study" in result.ranking.caution
    assert "no closed loop is formed by different studies" in result.ranking.caution
    assert result.n_per_treatment == (334.0, 330.0, 34.0)


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_contrasts_of_all_pairs_give_what_the_arms_give_reml_included(seed: int) -> None:
    study, treatment, n, mean, sd = random_network(seed)
    effects = compute_effects(arm_table(study, treatment, n=n, mean=mean, sd=sd), "MD")
    pairs = all_pairs(effects)
    names = effects.treatments
    contrasts = effects_from_contrasts(
        [effects.studies[s] for s in pairs.study],
        [names[i] for i in pairs.t1],
        [names[i] for i in pairs.t2],
        pairs.te,
        np.sqrt(pairs.v),
        "MD",
    )
    for method in ("DL", "REML"):
        one, other = (network(e, reference="t0", tau2=method) for e in (effects, contrasts))
        assert other.tau2.value == pytest.approx(one.tau2.value, abs=1e-9)
        assert np.allclose(one.random, other.random, atol=1e-9)
        assert np.allclose(one.random_se, other.random_se, atol=1e-9)


def test_a_measure_of_one_group_is_refused() -> None:
    arms = arm_table(["1", "1"], ["a", "b"], n=[10, 10], events=[3, 4])
    single = [key for key, entry in MEASURES.items() if entry.groups == 1]
    assert single
    with pytest.raises(InputError, match="one group"):
        network(arms, measure=single[0])
