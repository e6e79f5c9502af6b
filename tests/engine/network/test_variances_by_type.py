"""Between-study variance by type of comparison or group of studies."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy.optimize import minimize
from scipy.special import stdtrit

from toolkit.engine.data import Effects
from toolkit.engine.effects import arm_table, compute_effects, effects_from_contrasts
from toolkit.engine.network import (
    against_reference,
    contributions,
    leave_one_out,
    leave_one_treatment_out,
    loop_inconsistency,
    network,
    network_effects,
    rank_probabilities,
    side_split,
    split_evidence,
    tau2_interval,
    variances_by_type,
)
from toolkit.engine.network.blocks import make_blocks
from toolkit.model.errors import InputError, NotEstimable
from toolkit.model.spec import NetworkSpec

HASSELBLAD = Path(__file__).resolve().parents[2] / "golden" / "nma" / "hasselblad1998.json"

# metafor 3.8-1 under R 4.2.2 on the 22 two-arm studies: rma.mv(yi, vi, mods = X, intercept = FALSE, random = ~ type |
# study, struct = "DIAG", control = list(optimizer = "optim", optmethod = "Nelder-Mead", reltol = 1e-15)), twice the
# difference of its logLik() to that of random = ~ 1 | study. Types: comparisons with no_contact and the others; study
# number even and odd. Effects of group counselling, individual counselling and self-help against no contact.
METAFOR = {
    ("inactive", "REML"): ((0.5406243944, 0.0), (1.347094659, 0.707367949, 0.510006544),
                           (0.342830097, 0.211958660, 0.306550985), 1.07466182),
    ("inactive", "ML"): ((0.4795386364, 0.0), (1.337313703, 0.697325304, 0.496379500),
                         (0.337184029, 0.202415562, 0.297382135), 2.59032398),
    ("group", "REML"): ((0.0191136323, 1.0780255994), (1.229737835, 0.369446553, 0.422129630),
                        (0.327632114, 0.116094837, 0.221554561), 6.07613552),
    ("group", "ML"): ((0.0, 1.0755222177), (1.211667055, 0.344214682, 0.414350757),
                      (0.310245542, 0.096786126, 0.207932633), 9.33623285),
}  # fmt: skip


def smoking(*, two_arm: bool) -> Effects:
    columns = json.loads(HASSELBLAD.read_text(encoding="utf-8"))["data"]["columns"]
    arms = Counter(columns["study"])
    keep = [i for i, study in enumerate(columns["study"]) if not two_arm or arms[study] == 2]
    study, treatment, n, events = ([columns[name][i] for i in keep] for name in ("study", "treatment", "n", "events"))
    return compute_effects(arm_table(study, treatment, n=n, events=events), "OR")


def halves(effects: Effects) -> dict[str, str]:
    return {s: "even" if int(s) % 2 == 0 else "odd" for s in effects.studies}


@pytest.mark.parametrize(("by", "method"), list(METAFOR))
def test_two_arm_studies_give_what_metafor_gives(by: str, method: str) -> None:
    effects, spec = smoking(two_arm=True), NetworkSpec(measure="OR", reference="no_contact", tau2=method)
    if by == "group":
        found = variances_by_type(effects, spec, group=halves(effects))
    else:
        found = variances_by_type(effects, spec, inactive=["no_contact"])
    tau2, te, se, statistic = METAFOR[by, method]
    assert [t.tau2 for t in found.types] == pytest.approx(tau2, abs=2e-7)
    assert found.treatments == ("grp_counseling", "ind_counseling", "self_help")
    assert [e.estimate for e in found.effects] == pytest.approx(te, abs=1e-7)
    assert [e.se for e in found.effects] == pytest.approx(se, abs=1e-7)
    assert found.statistic == pytest.approx(statistic, abs=1e-6)
    assert [t.se is None for t in found.types] == [t == 0 for t in tau2]


def test_multi_arm_studies_enter_by_the_variance_of_each_pair() -> None:
    effects, spec = smoking(two_arm=False), NetworkSpec(measure="OR", reference="no_contact")
    found = variances_by_type(effects, spec, inactive=["no_contact"])
    idle = effects.treatments.index("no_contact")
    T = len(effects.treatments)

    def deviance(x: np.ndarray) -> float:
        N, right, total = np.zeros((T - 1, T - 1)), np.zeros(T - 1), 0.0
        for b in make_blocks(effects):
            for nodes, y, V in zip(b.nodes, b.y, b.V, strict=True):

                def var(i: int, j: int, nodes: np.ndarray = nodes) -> float:
                    return 0.0 if i == j else float(x[0] if idle in (nodes[i], nodes[j]) else x[1])

                a = len(y)
                B = [[(var(0, i) + var(0, j) - var(i, j)) / 2 for j in range(1, a + 1)] for i in range(1, a + 1)]
                X = np.zeros((a, T))
                X[np.arange(a), nodes[1:]] = 1
                X[:, nodes[0]] -= 1
                X, S = X[:, 1:], V + np.array(B)
                W = np.linalg.inv(S)
                N, right = N + X.T @ W @ X, right + X.T @ W @ y
                total += float(np.linalg.slogdet(S)[1] + y @ W @ y)
        return total + float(np.linalg.slogdet(N)[1] - right @ np.linalg.solve(N, right))

    best = minimize(deviance, [0.4, 0.4], method="Nelder-Mead", options={"xatol": 1e-10, "fatol": 1e-12})
    assert [t.tau2 for t in found.types] == pytest.approx(best.x.tolist(), rel=1e-6)
    assert [t.studies for t in found.types] == [19, 6]
    assert found.statistic == pytest.approx(deviance(np.full(2, found.common_tau2)) - best.fun, abs=1e-7)


def test_the_base_arm_and_the_order_of_studies_do_not_matter() -> None:
    effects, spec = smoking(two_arm=False), NetworkSpec(measure="OR", reference="no_contact")
    columns = json.loads(HASSELBLAD.read_text(encoding="utf-8"))["data"]["columns"]
    back = [list(reversed(columns[name])) for name in ("study", "treatment", "n", "events")]
    turned = compute_effects(arm_table(back[0], back[1], n=back[2], events=back[3]), "OR")
    one = variances_by_type(effects, spec, inactive=["no_contact"])
    two = variances_by_type(turned, spec, inactive=["no_contact"])
    assert [t.tau2 for t in two.types] == pytest.approx([t.tau2 for t in one.types], rel=1e-8)
    assert [e.estimate for e in two.effects] == pytest.approx([e.estimate for e in one.effects], rel=1e-8)


def test_types_that_the_data_cannot_tell_are_refused() -> None:
    spec = NetworkSpec(measure="GEN", reference="p")
    rows = [("a", "p", 1.0), ("a", "p", 2.0), ("b", "p", 0.5), ("b", "a", 0.1)]
    effects = effects_from_contrasts(
        [f"s{i}" for i in range(4)], [r[0] for r in rows], [r[1] for r in rows], [r[2] for r in rows], [0.1] * 4
    )
    with pytest.raises(NotEstimable, match="needs at least 2 studies: 1"):
        variances_by_type(effects, spec, inactive=["p"])
    tree = effects_from_contrasts(
        [f"s{i}" for i in range(5)],
        ["a", "a", "b", "c", "d"],
        ["p", "p", "p", "a", "b"],
        [1, 2, 0.5, 0.1, 0.3],
        [0.1] * 5,
    )
    with pytest.raises(NotEstimable, match="do not repeat an effect"):
        variances_by_type(tree, spec, inactive=["p"])
    with pytest.raises(InputError, match="REML or ML"):
        variances_by_type(effects, NetworkSpec(measure="GEN", tau2="DL"), inactive=["p"])
    with pytest.raises(InputError, match="has no group"):
        variances_by_type(effects, spec, group={"s0": "x"})
    with pytest.raises(InputError, match="one group"):
        variances_by_type(effects, spec, group=dict.fromkeys(effects.studies, "x"))
    with pytest.raises(InputError, match="No such treatment"):
        variances_by_type(effects, spec, inactive=["q"])
    with pytest.raises(InputError, match="inactive"):
        variances_by_type(effects, spec)


def test_equal_variances_give_the_usual_fit() -> None:
    effects = smoking(two_arm=False)
    spec = NetworkSpec(measure="OR", reference="no_contact", tau2="ML")
    doubled = variances_by_type(effects, spec, group=halves(effects))
    usual = network(effects, spec)
    assert usual.tau2 is not None and doubled.common_tau2 == usual.tau2.value
    low, high = sorted(t.tau2 for t in doubled.types)
    assert low < usual.tau2.value < high and doubled.statistic > 0


# ---- the whole network by variances of types -------------------------------------------------------------------------

TYPED = NetworkSpec(measure="OR", reference="no_contact", tau2_inactive=("no_contact",), small_values="bad")


def dense(effects: Effects, tau2: tuple[float, ...]) -> tuple[np.ndarray, np.ndarray]:
    """Effects against no contact and their covariance with both variances written out in one dense matrix."""
    idle, T, M = effects.treatments.index("no_contact"), len(effects.treatments), len(effects.y)
    S, X = np.zeros((M, M)), np.zeros((M, T))
    X[np.arange(M), effects.t1] = 1
    X[np.arange(M), effects.t2] -= 1

    def var(i: int, j: int) -> float:
        return 0.0 if i == j else tau2[0] if idle in (i, j) else tau2[1]

    for s, V in enumerate(effects.V):
        rows = range(int(effects.start[s]), int(effects.start[s + 1]))
        for a, i in enumerate(rows):
            for b, j in enumerate(rows):
                t, u, base = (int(x) for x in (effects.t1[i], effects.t1[j], effects.t2[i]))
                S[i, j] = V[a, b] + (var(base, t) + var(base, u) - var(t, u)) / 2
    X = np.delete(X, idle, axis=1)
    C = np.linalg.inv(X.T @ np.linalg.solve(S, X))
    return C @ X.T @ np.linalg.solve(S, effects.y), C


def test_estimates_and_prediction_of_a_network_by_types_are_those_of_the_dense_covariance() -> None:
    effects = smoking(two_arm=False)
    result = network(effects, TYPED)
    assert result.between is not None and result.random is not None and result.random_se is not None
    tau2 = tuple(t.tau2 for t in result.between.types)
    te, C = dense(effects, tau2)
    assert tau2[0] > tau2[1] > 0 and result.random[1:, 0] == pytest.approx(te, abs=1e-9)
    assert result.random_se[1:, 0] ** 2 == pytest.approx(np.diag(C), abs=1e-9)
    assert result.prediction_high is not None and result.prediction_df == 23
    half = (result.prediction_high - result.random) / stdtrit(23, 0.975)
    own = half**2 - result.random_se**2
    assert own[1:, 0] == pytest.approx([tau2[0]] * 3) and own[1, 2] == pytest.approx(tau2[1])


def test_what_stands_beside_a_network_by_types_uses_its_variances() -> None:
    effects = network_effects(smoking(two_arm=False), TYPED)
    result = network(effects, TYPED)
    assert result.random is not None and result.between is not None
    small, large = sorted(t.tau2 for t in result.between.types)
    splits = {(s.t1, s.t2): s for s in split_evidence(effects, result)}
    one = splits["ind_counseling", "self_help"]  # two active treatments, direct evidence by the smaller variance
    rows = [c for c in result.comparisons if {c.t1, c.t2} == {"ind_counseling", "self_help"}]
    assert one.direct is not None and one.direct.estimate == pytest.approx(rows[0].direct.estimate)
    plain = split_evidence(smoking(two_arm=False), network(effects, measure="OR", tau2="fixed", tau2_value=small))
    same = next(s for s in plain if (s.t1, s.t2) == ("ind_counseling", "self_help"))
    assert same.direct is not None and one.direct.se == pytest.approx(same.direct.se, rel=1e-12)
    assert contributions(effects, result).proportion.sum(axis=1) == pytest.approx(1.0)
    ranks = rank_probabilities(result, np.random.default_rng(1), draws=100, future=True)
    assert np.all(np.isfinite(ranks.sucra)) and large > small
    left = list(leave_one_out(effects, result))
    assert all(x.result is not None and x.result.between is not None for x in left)
    gone = {x.treatment: x.reason for x in leave_one_treatment_out(effects, result)}
    assert "no_contact" in str(gone["no_contact"]) and gone["self_help"] is None
    with pytest.raises(NotEstimable, match="several"):
        tau2_interval(effects, result)
    with pytest.raises(InputError, match="loops take one"):
        loop_inconsistency(effects, result, "network")
    assert all(row.tau2 is not None for row in side_split(effects))


def test_by_groups_of_studies_nothing_is_predicted_and_it_is_said_why() -> None:
    effects = smoking(two_arm=False)
    spec = NetworkSpec(measure="OR", reference="no_contact", tau2_groups=tuple(halves(effects).items()))
    result = network(effects, spec)
    assert result.prediction_low is None and [w.code for w in result.warnings] == ["prediction_by_group"]
    found = variances_by_type(effects, spec, group=halves(effects))
    assert [r.random.estimate for r in against_reference(result) if r.random] == [e.estimate for e in found.effects]
    with pytest.raises(NotEstimable, match="group"):
        rank_probabilities(result, np.random.default_rng(1), small_values="bad", future=True)
    one = replace(spec, tau2_groups=tuple((s, "all") for s in effects.studies))
    with pytest.raises(InputError, match="one group"):
        network(effects, one)
    with pytest.raises(InputError, match="not by both"):
        network(effects, replace(spec, tau2_inactive=("no_contact",)))
