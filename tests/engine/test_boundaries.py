"""Boundaries of repeated looks against rpact, published tables and simulation."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.special import ndtri

from toolkit.engine.boundaries import futility_bounds, obrien_fleming_bounds, planned_drift, power_of_looks, spent
from toolkit.model.errors import InputError

GOLDEN = json.loads(
    (Path(__file__).parents[1] / "golden/monitoring/two_sided_spending.json").read_text(encoding="utf-8")
)


@pytest.mark.parametrize("case", GOLDEN["cases"], ids=lambda case: str(case["fractions"]))
def test_efficacy_and_futility_are_those_of_rpact(case: dict[str, Any]) -> None:
    outer = obrien_fleming_bounds(case["fractions"])
    assert outer == pytest.approx(case["efficacy"], abs=2e-6)
    drift = float(np.sqrt(case["shift"]))
    inner = futility_bounds(case["fractions"], outer, beta=case["beta"], drift=drift)
    assert inner[:-1] == [None if x is None else pytest.approx(x, abs=2e-6) for x in case["futility"]]
    assert inner[-1] == outer[-1], "the wedge meets the outer boundary at the end"
    # rpact's shift is that drift at which exactly beta is left
    assert power_of_looks(case["fractions"], outer, beta=case["beta"], drift=drift) == pytest.approx(
        1 - case["beta"], abs=1e-6
    )


def test_error_and_power_are_those_of_simulated_random_walks() -> None:
    rng = np.random.default_rng(8)
    t = np.array([0.25, 0.4, 0.7, 0.85, 1.0])
    outer = obrien_fleming_bounds(t.tolist())
    drift = planned_drift(0.05, 0.8)
    inner = futility_bounds(t.tolist(), outer, beta=0.2, drift=drift)
    steps = rng.normal(size=(300_000, 5)) * np.sqrt(np.diff(np.concatenate([[0], t])))
    z = (np.cumsum(steps, axis=1) + drift * t) / np.sqrt(t)
    high = np.array([np.inf if b is None else b for b in outer])
    low = np.array([0.0 if b is None else b for b in inner])
    out, stops = np.abs(z) > high, np.abs(z) < low
    first_out = np.where(out.any(axis=1), out.argmax(axis=1), 9)
    first_stop = np.where(stops.any(axis=1), stops.argmax(axis=1), 9)
    found = power_of_looks(t.tolist(), outer, beta=0.2, drift=drift)
    assert (first_out < first_stop).mean() == pytest.approx(found, abs=0.003)
    # before the end no more is spent than the spending function allows
    assert ((first_stop < first_out) & (first_stop < 4)).mean() == pytest.approx(float(spent(t, 0.2)[3]), abs=0.003)
    no_wedge = power_of_looks(t.tolist(), outer, beta=None, drift=drift)
    assert out.any(axis=1).mean() == pytest.approx(no_wedge, abs=0.003)
    assert found < no_wedge < 0.8, "looks cost power, and stopping for futility costs more"


def test_one_look_at_the_end_is_the_plain_test() -> None:
    outer = obrien_fleming_bounds([1.0])
    assert outer == pytest.approx([float(ndtri(0.975))], abs=1e-8)
    drift = planned_drift(0.05, 0.9)
    assert power_of_looks([1.0], outer, beta=None, drift=drift) == pytest.approx(0.9, abs=1e-5)
    assert futility_bounds([1.0], outer, beta=0.1, drift=drift) == outer


def test_looks_that_bring_almost_nothing_are_no_looks() -> None:
    few = obrien_fleming_bounds([0.5, 1.0])
    assert obrien_fleming_bounds([0.5, 0.5000001, 0.5000002, 1.0]) == [few[0], None, None, few[1]]
    assert obrien_fleming_bounds([0.5, 0.99999, 1.0, 1.2]) == [few[0], None, few[1], None]
    inner = futility_bounds([0.5, 0.5000001, 1.0], [few[0], None, few[1]], beta=0.2, drift=planned_drift(0.05, 0.8))
    assert (
        inner[1] is None and inner[0] == futility_bounds([0.5, 1.0], few, beta=0.2, drift=planned_drift(0.05, 0.8))[0]
    )


def test_forty_close_looks_keep_the_error_in_simulation() -> None:
    rng = np.random.default_rng(4)
    t = np.linspace(0.9, 1.0, 40) ** 0.05  # steps of a ten-thousandth
    bounds = obrien_fleming_bounds(t.tolist())
    steps = rng.normal(size=(100_000, 40)) * np.sqrt(np.diff(np.concatenate([[0], t])))
    z = np.cumsum(steps, axis=1) / np.sqrt(t)
    high = np.array([np.inf if b is None else b for b in bounds])
    assert (np.abs(z) > high).any(axis=1).mean() == pytest.approx(0.05, abs=0.002)


@pytest.mark.parametrize("fractions", [[], [0.0, 1.0], [0.5, 0.5], [0.5, 0.4], [float("nan")]])
def test_fractions_that_do_not_ascend_are_refused(fractions: list[float]) -> None:
    with pytest.raises(InputError, match="ascend"):
        obrien_fleming_bounds(fractions)
    with pytest.raises(InputError, match="ascend"):
        futility_bounds(fractions, [None] * len(fractions), beta=0.1, drift=3.0)


@pytest.mark.parametrize("error", [0.0, 1.0, -0.1])
def test_an_error_that_is_no_proportion_is_refused(error: float) -> None:
    with pytest.raises(InputError, match="proportion"):
        obrien_fleming_bounds([1.0], error)
    with pytest.raises(InputError, match="proportion"):
        futility_bounds([1.0], [2.0], beta=error, drift=3.0)
