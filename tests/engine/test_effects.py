"""Effects from arms and contrasts: impossible numbers are refused by name, missing ones are not zero."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest

from toolkit.engine.effects import arm_table, compute_effects, effects_from_contrasts, hedges_correction
from toolkit.model.choices import INTERVALS, MEASURES, PREDICTION_INTERVALS, TAU2_INTERVALS, TAU2_METHODS
from toolkit.model.errors import InputError
from toolkit.model.spec import ZeroCells


def four(**changes: list[float]):  # type: ignore[no-untyped-def]
    columns = {"events": [3.0, 5.0, 4.0, 9.0], "n": [20.0, 21.0, 30.0, 31.0]} | changes
    return arm_table(["A", "A", "B", "B"], ["x", "y"] * 2, row=[2, 3, 4, 5], **columns)


@pytest.mark.parametrize(
    ("changes", "measure", "parts"),
    [
        ({"events": [3, 22, 4, 9]}, "OR", ("'A'", "row 3", "events", "more events")),
        ({"events": [3, 5, -4, 9]}, "RR", ("'B'", "row 4", "negative")),
        ({"n": [20, 21, 0, 31]}, "RD", ("'B'", "row 4", "'n'")),
        ({"mean": [1, 2, 3, 4], "sd": [1, 0, 1, 1]}, "MD", ("'A'", "row 3", "'sd'")),
        ({"mean": [1, 2, np.inf, 4], "sd": [1, 1, 1, 1]}, "MD", ("'B'", "row 4", "finite")),
    ],
)
def test_impossible_numbers_are_refused_by_study_row_and_column(changes, measure, parts) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(InputError) as caught:
        compute_effects(four(**changes), measure)
    for part in parts:
        assert part in str(caught.value)


def test_a_treatment_twice_in_a_study_is_refused_with_both_rows() -> None:
    arms = arm_table(["A", "A", "A"], ["x", "y", "x"], events=[1, 2, 3], n=[9, 9, 9], row=[2, 3, 4])
    with pytest.raises(InputError, match=r"row 4.*first in row 2"):
        compute_effects(arms, "OR")


def test_missing_numbers_leave_the_arm_out_and_the_study_if_one_arm_is_left() -> None:
    arms = arm_table(
        ["A", "A", "A", "B", "B", "C"],
        ["x", "y", "z", "x", "y", "x"],
        events=[1, np.nan, 3, 4, np.nan, 5],
        n=[9] * 6,
    )
    effects = compute_effects(arms, "OR", reference="x")
    assert effects.studies == ("A",) and effects.treatments == ("x", "z")
    reasons = {(row.study, row.treatment): row.reason for row in effects.excluded}
    assert reasons["A", "y"] == reasons["B", "y"] == "arm without events"
    assert "1 of 2 arms" in reasons["B", None] and "only one arm" in reasons["C", None]


def test_fractional_counts_are_used_with_a_note() -> None:
    effects = compute_effects(four(events=[3.5, 5, 4, 9]), "OR")
    assert len(effects.notes) == 1 and "A" in effects.notes[0]


@pytest.mark.parametrize("measure", ["OR", "RR", "RD"])
def test_a_zero_in_any_arm_corrects_every_arm_of_the_study(measure: str) -> None:
    arms = arm_table(["A"] * 3, ["x", "y", "z"], events=[0, 4, 6], n=[20, 25, 30])
    effects = compute_effects(arms, measure, reference="z")
    n, e = np.array([20, 25, 30.0]), np.array([0, 4, 6.0])
    if measure == "OR":
        value = np.log((e + 0.5) / (n - e + 0.5))
        var = 1 / (e + 0.5) + 1 / (n - e + 0.5)
    elif measure == "RR":
        value, var = np.log((e + 0.5) / (n + 0.5)), 1 / (e + 0.5) - 1 / (n + 0.5)
    else:
        p = (e + 0.5) / (n + 1)
        value, var = e / n, p * (1 - p) / (n + 1)
    np.testing.assert_allclose(effects.y, value[:2] - value[2])
    np.testing.assert_allclose(effects.V[0], np.diag(var[:2]) + var[2])
    assert [row.study for row in effects.corrections] == ["A"]


def test_no_correction_leaves_studies_with_zero_cells_out_of_ratios() -> None:
    effects = compute_effects(four(events=[0, 5, 4, 9]), "OR", zero_cells=ZeroCells(to="none"))
    assert effects.studies == ("B",) and "zero cell" in effects.excluded[0].reason


def test_the_covariance_of_standardised_differences_is_symmetric_and_of_full_rank() -> None:
    arms = arm_table(["A"] * 4, list("wxyz"), n=[10, 12, 14, 16], mean=[1, 2, 3, 9], sd=[2, 3, 2, 4])
    V = compute_effects(arms, "SMD", reference="w").V[0]
    np.testing.assert_allclose(V, V.T)
    assert np.linalg.eigvalsh(V)[0] > 0


def test_two_arms_and_four_arms_agree_on_mean_differences() -> None:
    arms = arm_table(["A"] * 4, list("wxyz"), n=[10, 12, 14, 16], mean=[1, 2, 3, 9], sd=[2, 3, 2, 4])
    whole = compute_effects(arms, "MD", reference="w")
    pair = compute_effects(arm_table(["A"] * 2, list("xz"), n=[12, 16], mean=[2, 9], sd=[3, 4]), "MD", reference="x")
    c = np.array([-1, 0, 1.0])
    assert c @ whole.y == pytest.approx(pair.y[0]) and c @ whole.V[0] @ c == pytest.approx(pair.v[0])


def test_hedges_correction_is_near_its_common_approximation() -> None:
    df = np.array([5.0, 20, 100, 1e6])
    np.testing.assert_allclose(hedges_correction(df), 1 - 3 / (4 * df - 1), rtol=2e-3)
    assert np.isnan(hedges_correction(np.array([1.0]))[0])


def pairs_of(y: np.ndarray, variance: np.ndarray, digits: int | None = None):  # type: ignore[no-untyped-def]
    names = list("abcd")[: y.size]
    rows = [
        (names[i], names[j], y[i] - y[j], np.sqrt(variance[i] + variance[j])) for i, j in combinations(range(y.size), 2)
    ]
    t1, t2, te, se = (list(column) for column in zip(*rows, strict=True))
    if digits is not None:
        te, se = [round(x, digits) for x in te], [round(x, digits) for x in se]
    return ["A"] * len(rows), t1, t2, te, se


def test_all_pairs_of_a_study_give_back_the_covariance_of_its_arms() -> None:
    y, variance = np.array([0.3, 0.1, -0.4, 0.9]), np.array([0.04, 0.09, 0.02, 0.1])
    effects = effects_from_contrasts(*pairs_of(y, variance), reference="a")
    np.testing.assert_allclose(effects.y, y[1:] - y[0], atol=1e-12)
    np.testing.assert_allclose(effects.V[0], np.diag(variance[1:]) + variance[0], atol=1e-12)
    assert effects.notes == ()


def test_rounded_pairs_are_tolerated_and_said() -> None:
    y, variance = np.array([0.3, 0.1444, -0.4123, 0.9]), np.array([0.04, 0.09, 0.02, 0.1])
    effects = effects_from_contrasts(*pairs_of(y, variance, digits=2), reference="a")
    np.testing.assert_allclose(effects.y, y[1:] - y[0], atol=0.01)
    assert len(effects.notes) == 1 and "rounding" in effects.notes[0]


def test_standard_errors_that_are_impossible_together_by_rounding_are_replaced_and_said_others_refused() -> None:
    # The third can be at most the sum of the other two.
    effects = effects_from_contrasts(["A"] * 3, list("aab"), list("bcc"), [0.1, 0.2, 0.1], [0.1, 0.1, 0.21])
    assert np.linalg.eigvalsh(effects.V[0])[0] > 0 and "impossible together by up to 5 %" in effects.notes[0]
    with pytest.raises(InputError, match="impossible together; that of a against"):
        effects_from_contrasts(["A"] * 3, list("aab"), list("bcc"), [0.1, 0.2, 0.1], [0.1, 0.1, 0.5])


@pytest.mark.parametrize(
    ("t1", "t2", "te", "se", "part"),
    [
        ("ab", "bc", [0.1, 0.2], [0.1, 0.1], "missing: a - c"),
        ("ab", "ba", [0.1, 0.2], [0.1, 0.1], "twice"),
        ("aa", "ab", [0.1, 0.2], [0.1, 0.1], "with itself"),
        ("aab", "bcc", [0.1, 0.2, 0.9], [0.1, 0.1, 0.1], "contradict"),
        ("a", "b", [0.1], [0.0], "above 0"),
    ],
)
def test_contrasts_that_cannot_be_are_refused_by_study_and_row(t1, t2, te, se, part) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(InputError) as caught:
        effects_from_contrasts(["S"] * len(te), list(t1), list(t2), te, se, rows=list(range(2, 2 + len(te))))
    assert part in str(caught.value) and "'S'" in str(caught.value) and "row" in str(caught.value)


def test_every_choice_resolves_to_a_function() -> None:
    from importlib import import_module

    targets = [m.target for m in MEASURES.values()]
    targets += [
        c.target for table in (TAU2_METHODS, TAU2_INTERVALS, INTERVALS, PREDICTION_INTERVALS) for c in table.values()
    ]
    for target in targets:
        module, _, name = target.partition(":")
        assert callable(getattr(import_module(module), name)), target


@pytest.mark.parametrize("measure", ["PETO", "SMDH"])
def test_measures_of_two_arms_leave_a_study_of_three_out_and_say_so(measure: str) -> None:
    columns = {"events": [1, 2, 3, 4, 5], "n": [9] * 5, "mean": [1, 2, 3, 4, 5], "sd": [1] * 5}
    arms = arm_table(["A", "A", "A", "B", "B"], ["x", "y", "z", "x", "y"], **columns)
    effects = compute_effects(arms, measure, reference="x")
    assert effects.studies == ("B",) and "two arms" in effects.excluded[0].reason


def test_a_ratio_of_means_of_two_signs_is_left_out() -> None:
    arms = arm_table(["A", "A", "B", "B"], ["x", "y"] * 2, n=[9] * 4, mean=[1, -2, -3, -4], sd=[1] * 4)
    effects = compute_effects(arms, "ROM", reference="x")
    assert effects.studies == ("B",) and effects.y[0] == pytest.approx(np.log(4 / 3))


def test_one_group_gives_one_row_an_arm() -> None:
    arms = arm_table(["A", "A", "B"], ["x", "y", "x"], events=[1, 2, 0], n=[9, 9, 9])
    effects = compute_effects(arms, "PLO")
    assert effects.studies == ("A, x", "A, y", "B")
    assert [row.study for row in effects.corrections] == ["B"]
