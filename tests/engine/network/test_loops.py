"""Loop-specific inconsistency against Bucher's formula, the Q between designs, and a multi-arm study."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from toolkit.engine.data import Effects
from toolkit.engine.effects import arm_table, compute_effects, effects_from_contrasts
from toolkit.engine.network import loop_inconsistency, network, separate_comparisons
from toolkit.model.errors import InputError, NotEstimable

GOLDEN = Path(__file__).resolve().parents[2] / "golden" / "nma"


def triangle() -> Effects:
    rows = [
        ("a", "b", 0.5, 0.2),
        ("a", "b", 0.9, 0.3),
        ("b", "c", 0.2, 0.2),
        ("b", "c", -0.4, 0.25),
        ("a", "c", 1.3, 0.3),
    ]
    return effects_from_contrasts([str(i) for i in range(5)], *map(list, zip(*rows, strict=True)), "GEN")


def test_loop_of_two_arm_studies_is_bucher_with_each_choice_of_tau2() -> None:
    effects = triangle()
    result = network(effects, measure="GEN", tau2="DL")
    alone = {(c.t1, c.t2): c for c in separate_comparisons(effects)}
    pieces = [alone["a", "b"], alone["b", "c"], alone["a", "c"]]
    signs = (1, 1, -1)

    def expected(estimates: list[tuple[float, float]]) -> tuple[float, float]:
        total = sum(s * e for s, (e, _) in zip(signs, estimates, strict=True))
        return total, float(np.sqrt(sum(se**2 for _, se in estimates)))

    (common,) = loop_inconsistency(effects, result, "common")
    assert common.difference is not None and common.treatments == ("a", "b", "c") and common.studies == 5
    want = expected([(c.common.estimate, c.common.se) for c in pieces])
    assert (common.difference.estimate, common.difference.se) == pytest.approx(want, rel=1e-12)
    (own,) = loop_inconsistency(effects, result, "comparison")
    want = expected([((c.random or c.common).estimate, (c.random or c.common).se) for c in pieces])
    assert own.difference is not None
    assert (own.difference.estimate, own.difference.se) == pytest.approx(want, rel=1e-12)
    assert own.tau2 == pytest.approx([c.tau2 or 0.0 for c in pieces])


def test_squared_z_of_the_only_loop_is_q_between_designs() -> None:
    effects = triangle()
    result = network(effects, measure="GEN", tau2="DL")
    (loop,) = loop_inconsistency(effects, result, "common")
    assert loop.difference is not None and result.inconsistency.df_between == 1
    assert loop.difference.statistic**2 == pytest.approx(result.inconsistency.q_between, rel=1e-10)


def test_loop_tau2_is_dersimonian_laird_over_its_comparisons() -> None:
    effects = triangle()
    result = network(effects, measure="GEN", tau2="DL")
    y, v = effects.y, effects.v
    q, room = 0.0, 0.0
    for rows in ([0, 1], [2, 3]):
        w = 1 / v[rows]
        middle = (w @ y[rows]) / w.sum()
        q += float(w @ (y[rows] - middle) ** 2)
        room += float(w.sum() - (w**2).sum() / w.sum())
    (loop,) = loop_inconsistency(effects, result)
    assert loop.tau2 == pytest.approx([(q - 2) / room] * 3, rel=1e-12) and loop.tau2[0] > 0
    (whole,) = loop_inconsistency(effects, result, "network")
    assert result.tau2 is not None and whole.tau2 == (result.tau2.value,) * 3


def test_a_loop_inside_multi_arm_studies_cannot_disagree_and_says_so() -> None:
    arms = arm_table(list("sssttt"), list("abc") * 2, events=[3, 5, 9, 4, 9, 12], n=[40, 42, 39, 60, 61, 58])
    effects = compute_effects(arms, "OR")
    (loop,) = loop_inconsistency(effects, network(effects, measure="OR"), "network")
    assert loop.difference is None and "multi-arm" in str(loop.reason)


def test_variance_around_loops_with_multi_arm_studies_is_that_of_the_linear_form() -> None:
    columns = json.loads((GOLDEN / "hasselblad1998.json").read_text(encoding="utf-8"))["data"]["columns"]
    arms = arm_table(columns["study"], columns["treatment"], n=columns["n"], events=columns["events"])
    effects = compute_effects(arms, "OR")
    result = network(effects, measure="OR")
    found = loop_inconsistency(effects, result, "network")
    assert len(found) == 4 and result.tau2 is not None
    rng = np.random.default_rng(11)
    draws = []
    for _ in range(3000):
        y = effects.y.copy()
        for s, V in enumerate(effects.V):
            shape = (np.eye(len(V)) + 1) / 2
            y[effects.start[s] : effects.start[s + 1]] = rng.multivariate_normal(
                np.zeros(len(V)), V + result.tau2.value * shape
            )
        draws.append(_linear(effects, y, found[0].treatments, result.tau2.value))
    assert found[0].difference is not None
    assert np.std(draws) == pytest.approx(found[0].difference.se, rel=0.05)
    here = _linear(effects, effects.y, found[0].treatments, result.tau2.value)
    assert here == pytest.approx(found[0].difference.estimate, rel=1e-10)


def _linear(effects: Effects, y: np.ndarray, loop: tuple[str, ...], tau2: float) -> float:
    """Sum around the loop of inverse-variance means over pairs of arms, written out."""
    total = 0.0
    for k, name in enumerate(loop):
        a, b = effects.treatments.index(name), effects.treatments.index(loop[(k + 1) % len(loop)])
        top = bottom = 0.0
        for s, V in enumerate(effects.V):
            rows = range(effects.start[s], effects.start[s + 1])
            place = {int(effects.t2[rows[0]]): -1, **{int(effects.t1[r]): i for i, r in enumerate(rows)}}
            if a not in place or b not in place:
                continue
            c = np.zeros(len(V))
            for t, sign in ((a, 1.0), (b, -1.0)):
                if place[t] >= 0:
                    c[place[t]] += sign
            w = 1 / (c @ V @ c + tau2)
            top += w * float(c @ y[rows.start : rows.stop])
            bottom += w
        total += top / bottom
    return total


def test_loops_of_four_without_a_chord_are_found_and_unknown_choices_refused() -> None:
    square = effects_from_contrasts(
        list("1234"), ["a", "b", "c", "d"], ["b", "c", "d", "a"], [0.1, 0.2, 0.3, -0.2], [0.1] * 4, "GEN"
    )
    result = network(square, measure="GEN", tau2="DL")
    (loop,) = loop_inconsistency(square, result, "common")
    assert loop.treatments == ("a", "b", "c", "d") and loop.difference is not None
    assert loop.difference.estimate == pytest.approx(0.4) and loop.difference.se == pytest.approx(0.2)
    with pytest.raises(InputError, match="loop, comparison, network, common"):
        loop_inconsistency(square, result, "REML")
    tree = effects_from_contrasts(["1", "2"], ["a", "b"], ["b", "c"], [0.1, 0.2], [0.1, 0.1], "GEN")
    fitted = network(tree, measure="GEN")
    assert loop_inconsistency(tree, fitted) == ()
    with pytest.raises(NotEstimable):
        loop_inconsistency(tree, fitted, "network")
