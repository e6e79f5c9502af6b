"""Sequential network meta-analysis: estimates against metafor, boundaries against those of a pairwise analysis."""

from __future__ import annotations

import csv
import json
import math
from pathlib import Path

import numpy as np
import pytest

from toolkit.engine.boundaries import obrien_fleming_bounds, planned_drift
from toolkit.engine.data import Effects
from toolkit.engine.effects import arm_table, effects_from_contrasts, effects_from_estimates
from toolkit.engine.monitoring_network import sequential_network
from toolkit.engine.network import network_effects
from toolkit.model.errors import InputError, NotEstimable
from toolkit.model.spec import NetworkSpec

ROOT = Path(__file__).parents[2]
GOLDEN = json.loads((ROOT / "tests/golden/monitoring/growing_network.json").read_text(encoding="utf-8"))
FIXED = NetworkSpec(measure="OR", tau2="fixed", tau2_value=0.03)


@pytest.fixture(scope="module")
def diabetes() -> Effects:
    with (ROOT / "data/diabetes-review/results.csv").open(encoding="utf-8-sig", newline="") as handle:
        rows = list(csv.DictReader(handle))
    table = arm_table(
        [r["study"] for r in rows],
        [r["treatment"] for r in rows],
        events=[float(r["events"]) for r in rows],
        n=[float(r["n"]) for r in rows],
    )
    return network_effects(table, FIXED)


@pytest.mark.parametrize("pair", sorted({(row[1], row[2]) for row in GOLDEN["network"]}), ids="-".join)
def test_the_growing_network_is_that_of_metafor(diabetes: Effects, pair: tuple[str, str]) -> None:
    found = sequential_network(diabetes, FIXED, *pair, effect=math.log(0.8), power=0.9)
    position = {study: i for i, study in enumerate(diabetes.studies, start=1)}
    for k, *names, estimate, se in GOLDEN["network"]:
        if tuple(names) == pair:
            look = [x for x in found.network if position[x.study] <= k][-1]
            assert (look.estimate, look.se) == pytest.approx((estimate, se), abs=1e-9)
    planned = (planned_drift(0.05, 0.9) / math.log(0.8)) ** 2
    assert found.planned == pytest.approx(planned)
    assert [x.fraction for x in found.network] == pytest.approx([1 / x.se**2 / planned for x in found.network])


def test_direct_and_indirect_make_the_network_and_a_comparison_can_rest_on_indirect_evidence(diabetes: Effects) -> None:
    found = sequential_network(diabetes, FIXED, "Placebo", "Diuretic", effect=math.log(0.7), power=0.8, futility=True)
    last = found.network[-1]
    assert found.direct[-1].information + found.indirect[-1].information == pytest.approx(last.information)
    # the network needed one look more than its planned information; the direct studies alone never got there
    assert found.direct[-1].fraction < 1 < last.fraction
    assert found.conclusion("network").startswith("the boundary was crossed after SHEP")
    alone = sequential_network(diabetes, FIXED, "ARB", "ACE inhibitor", effect=math.log(0.7), power=0.8)
    assert (alone.direct, alone.conclusion("direct")) == ((), "none") and alone.indirect
    assert [x.estimate for x in alone.indirect] == pytest.approx([x.estimate for x in alone.network])


def test_the_sign_follows_the_order_of_the_two_names(diabetes: Effects) -> None:
    one = sequential_network(diabetes, FIXED, "ARB", "CCB", effect=0.2, power=0.9)
    other = sequential_network(diabetes, FIXED, "CCB", "ARB", effect=0.2, power=0.9)
    assert [x.z for x in one.network] == pytest.approx([-x.z for x in other.network])
    assert [x.boundary for x in one.network] == pytest.approx([x.boundary for x in other.network])


def contrasts(y: list[float], se: float) -> Effects:
    """Studies of x against y, one row each."""
    names = [f"S{i}" for i in range(len(y))]
    return effects_from_estimates(names, y, se=[se] * len(y), treatment="x", reference="y")


def test_two_treatments_are_a_pairwise_analysis() -> None:
    effects = contrasts([0.3, 0.1, 0.4, 0.2, 0.3], 0.2)
    spec = NetworkSpec(measure="GEN", tau2="fixed", tau2_value=0.0)
    found = sequential_network(effects, spec, "x", "y", effect=0.4, power=0.9)
    assert found.indirect == ()
    share = [k / 0.2**2 / found.planned for k in range(1, 6)]
    assert [x.fraction for x in found.direct] == pytest.approx(share)
    assert [x.boundary for x in found.network] == pytest.approx(obrien_fleming_bounds(share))


def test_looks_without_more_information_have_no_boundary() -> None:
    # REML sees no variance at first and a large one with the third study
    effects = contrasts([0.3, 0.3, -2.0, 0.3], 0.2)
    found = sequential_network(effects, NetworkSpec(measure="GEN"), "x", "y", effect=0.4, power=0.9, futility=True)
    fell = [x for a, x in zip(found.network, found.network[1:], strict=False) if x.fraction < a.fraction]
    assert fell and all(x.boundary is None and x.futility is None for x in fell)


def test_the_error_of_the_first_kind_is_kept_where_two_ways_lead_to_a_comparison() -> None:
    # x-y directly, and by way of z; no true difference; the variance known
    rng = np.random.default_rng(2)
    spec = NetworkSpec(measure="GEN", tau2="fixed", tau2_value=0.0)
    hits = 0
    for _ in range(120):
        t1, t2 = ["x", "x", "y"] * 4, ["y", "z", "z"] * 4
        y = rng.normal(0, 0.2, size=12)
        effects = effects_from_contrasts([f"S{i}" for i in range(12)], t1, t2, y, [0.2] * 12)
        found = sequential_network(effects, spec, "x", "y", effect=0.27, power=0.9)
        hits += any(look.crossed for look in found.network)
    assert hits / 120 < 0.12  # 0.05 expected, standard error 0.02; five percent a look would give 0.2 and more


def test_what_cannot_be_watched_is_refused(diabetes: Effects) -> None:
    with pytest.raises(InputError, match="not a treatment"):
        sequential_network(diabetes, FIXED, "Aspirin", "CCB", effect=0.2, power=0.9)
    with pytest.raises(InputError, match="named beforehand"):
        sequential_network(diabetes, FIXED, "ARB", "CCB", effect=0.0, power=0.9)
    with pytest.raises(InputError, match="two treatments"):
        sequential_network(diabetes, FIXED, "ARB", "ARB", effect=0.2, power=0.9)
    with pytest.raises(InputError, match="order names"):
        sequential_network(diabetes, FIXED, "ARB", "CCB", effect=0.2, power=0.9, order=["MRC-E"])
    apart = effects_from_contrasts(["A", "B"], ["x", "p"], ["y", "q"], [0.1, 0.2], [0.1, 0.1])
    with pytest.raises(NotEstimable, match="no studies connect"):
        sequential_network(apart, NetworkSpec(measure="GEN"), "x", "q", effect=0.2, power=0.9)
