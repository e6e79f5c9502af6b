"""Properties that hold for any data (hypothesis)."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from toolkit.engine.effects import arm_table, effects_from_estimates
from toolkit.engine.pairwise import pairwise
from toolkit.engine.pooling import pool_inverse_variance
from toolkit.engine.tau2 import (
    Tau2Batch,
    batch,
    log_likelihood,
    tau2_dersimonian_laird,
    tau2_ml,
    tau2_paule_mandel,
    tau2_reml,
)
from toolkit.model.choices import TAU2_METHODS

numbers = st.floats(-3, 3).map(lambda x: round(x, 6))
variances = st.floats(0.001, 4).map(lambda x: round(x, 6))
studies = st.lists(st.tuples(numbers, variances), min_size=2, max_size=12)
ESTIMATORS = sorted(TAU2_METHODS)


def fit(rows: list[tuple[float, float]], **options: object):  # type: ignore[no-untyped-def]
    y, v = zip(*rows, strict=True)
    return pairwise(effects_from_estimates([str(i) for i in range(len(y))], y, v=v), **options)


@settings(max_examples=60, deadline=None)
@given(studies, st.randoms(), st.sampled_from(ESTIMATORS))
def test_order_of_studies_changes_nothing(rows: list[tuple[float, float]], random, method: str) -> None:  # type: ignore[no-untyped-def]
    shuffled = list(rows)
    random.shuffle(shuffled)
    a, b = fit(rows, tau2=method, ci="HK"), fit(shuffled, tau2=method, ci="HK")
    assert a.tau2.value == pytest.approx(b.tau2.value, rel=1e-7, abs=1e-12)
    assert a.random.estimate == pytest.approx(b.random.estimate, rel=1e-8, abs=1e-10)
    assert a.random.se == pytest.approx(b.random.se, rel=1e-7, abs=1e-10)


@settings(max_examples=60, deadline=None)
@given(studies, st.sampled_from([1e-6, 1e6]), st.sampled_from(ESTIMATORS))
def test_scale_of_effects_scales_the_answer(rows: list[tuple[float, float]], by: float, method: str) -> None:
    a = fit(rows, tau2=method)
    b = fit([(y * by, v * by**2) for y, v in rows], tau2=method)
    assert b.tau2.value == pytest.approx(a.tau2.value * by**2, rel=1e-7, abs=1e-12 * by**2)
    assert b.random.estimate == pytest.approx(a.random.estimate * by, rel=1e-7, abs=1e-10 * by)
    assert b.random.ci_low == pytest.approx(a.random.ci_low * by, rel=1e-7, abs=1e-9 * by)
    assert b.tau2.ci.high == pytest.approx(a.tau2.ci.high * by**2, rel=1e-7, abs=1e-12 * by**2)


@settings(max_examples=60, deadline=None)
@given(studies, st.floats(-100, 100), st.sampled_from(ESTIMATORS))
def test_shift_of_effects_shifts_the_answer(rows: list[tuple[float, float]], by: float, method: str) -> None:
    a, b = fit(rows, tau2=method), fit([(y + by, v) for y, v in rows], tau2=method)
    assert b.tau2.value == pytest.approx(a.tau2.value, rel=1e-6, abs=1e-8)
    assert b.random.estimate == pytest.approx(a.random.estimate + by, rel=1e-7, abs=1e-6)


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 20), st.integers(0, 20)), min_size=2, max_size=8),
    st.sampled_from(["OR", "RR", "RD"]),
)
def test_swapping_the_arms_flips_the_sign(rows: list[tuple[int, int]], measure: str) -> None:
    names = [str(i // 2) for i in range(2 * len(rows))]
    arms = arm_table(names, ["a", "b"] * len(rows), events=[e for r in rows for e in r], n=[20] * 2 * len(rows))
    one, other = pairwise(arms, measure=measure, reference="b"), pairwise(arms, measure=measure, reference="a")
    assert one.k == other.k
    for name in ("common", "random", "mantel_haenszel"):
        a, b = getattr(one, name), getattr(other, name)
        assert (a is None) == (b is None)
        if a is not None:
            assert a.estimate == pytest.approx(-b.estimate, rel=1e-9, abs=1e-9)
            assert a.ci_low == pytest.approx(-b.ci_high, rel=1e-9, abs=1e-9)


@settings(max_examples=60, deadline=None)
@given(studies)
def test_reml_and_ml_are_at_the_highest_point_of_their_likelihood(rows: list[tuple[float, float]]) -> None:
    y, v = (np.array(x) for x in zip(*rows, strict=True))
    for restricted, estimator in ((True, tau2_reml), (False, tau2_ml)):
        found = estimator(y, v).value[0]
        grid = np.concatenate([[0.0], np.geomspace(1e-8, 100, 400)])
        heights = [log_likelihood(batch(y, v), np.array([t]), restricted)[0] for t in (found, *grid)]
        assert heights[0] >= max(heights) - 1e-9


@settings(max_examples=60, deadline=None)
@given(studies)
def test_a_study_of_enormous_variance_leaves_common_effect_ml_and_reml_alone(rows: list[tuple[float, float]]) -> None:
    y, v = (np.array(x) for x in zip(*rows, strict=True))
    more_y, more_v = np.append(y, 1.0), np.append(v, 1e12)
    before, after = pool_inverse_variance(y, v), pool_inverse_variance(more_y, more_v)
    assert after.mean[0] == pytest.approx(before.mean[0], abs=1e-8)
    for estimator in (tau2_reml, tau2_ml):
        assert estimator(more_y, more_v).value[0] == pytest.approx(estimator(y, v).value[0], rel=1e-5, abs=1e-6)
    # k counts for moments: the extra study adds one degree of freedom and nothing to Q, so tau2 can only fall.
    for estimator in (tau2_dersimonian_laird, tau2_paule_mandel):
        assert estimator(more_y, more_v).value[0] <= estimator(y, v).value[0] + 1e-9


def test_reml_takes_the_higher_of_two_modes_although_the_score_at_zero_is_negative() -> None:
    # One study of tiny variance far from two of large variance: found by a search over random small data sets.
    rng = np.random.default_rng(20260701)
    found = 0
    for _ in range(4000):
        y = rng.normal(0, 3, 4)
        v = np.exp(rng.normal(0, 3, 4))
        b = batch(y, v)
        heights = log_likelihood(batch(np.tile(y, (200, 1)), v), np.geomspace(1e-6, 400, 200), True)
        at_zero = log_likelihood(b, np.zeros(1), True)[0]
        inner = heights[0] < at_zero and heights.max() > at_zero + 0.01
        if inner:
            found += 1
            assert tau2_reml(y, v).value[0] > 0
    assert found > 0


def test_a_batch_with_counts_of_studies_equals_the_fits_one_by_one() -> None:
    rng = np.random.default_rng(1)
    y, v = rng.normal(size=9), rng.uniform(0.05, 1, 9)
    times = rng.integers(0, 3, size=(40, 9)).astype(float)
    times[:, :2] = np.maximum(times[:, :2], 1)
    for estimator in (tau2_reml, tau2_ml, tau2_dersimonian_laird, tau2_paule_mandel):
        together = estimator(y, v, times).value
        one_by_one = [estimator(np.repeat(y, t.astype(int)), np.repeat(v, t.astype(int))).value[0] for t in times]
        np.testing.assert_allclose(together, one_by_one, rtol=1e-8, atol=1e-10)


def test_two_step_dersimonian_laird_is_the_moment_equation_at_the_first_steps_weights() -> None:
    # Independent: traces of matrices, after DerSimonian and Kacker 2007.
    rng = np.random.default_rng(2)
    y, v = rng.normal(size=7) * 2, rng.uniform(0.05, 1, 7)
    first = tau2_dersimonian_laird(y, v).value[0]
    W = np.diag(1 / (v + first))
    P = W - W @ np.ones((7, 7)) @ W / W.sum()
    expected = (y @ P @ y - np.trace(P @ np.diag(v))) / np.trace(P)
    from toolkit.engine.tau2 import tau2_dersimonian_laird_two_step

    assert tau2_dersimonian_laird_two_step(y, v).value[0] == pytest.approx(expected, rel=1e-10)


@pytest.mark.parametrize("estimator", [tau2_paule_mandel, tau2_reml, tau2_ml])
@pytest.mark.parametrize("k", [2, 5, 13, 60])
def test_newton_ends_where_its_steps_vanish(estimator: Callable[..., Tau2Batch], k: int) -> None:
    """A step that rounding sets on the end of the bracket is the root, not a reason to bisect forty times."""
    rng = np.random.default_rng(7)
    v = rng.uniform(0.01, 1, (500, k)) * np.exp(rng.normal(0, 1.5, (500, 1)))
    y = rng.normal(size=(500, k)) * np.sqrt(v + rng.exponential(1, (500, 1)))
    found = estimator(y, v)
    assert found.converged.all() and found.iterations.max() <= 12
