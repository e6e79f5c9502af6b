"""Which new study moved a network most."""

from __future__ import annotations

import math
from dataclasses import asdict
from typing import Any

import pytest

from toolkit.engine.effects import arm_table
from toolkit.engine.network import network
from toolkit.engine.tabulate import plain
from toolkit.model.spec import NetworkSpec
from toolkit.report.changes import moved_most
from toolkit.report.movers import network_mover

# Study -> (treatment, n, events) of each arm
TRIALS: dict[str, tuple[tuple[str, int, int], ...]] = {
    "A": (("drug", 100, 20), ("placebo", 100, 40)),
    "B": (("drug", 100, 22), ("placebo", 100, 38)),
    "C": (("other", 100, 30), ("placebo", 100, 39)),
    "D": (("other", 100, 31), ("drug", 100, 21)),
    "Big": (("other", 900, 450), ("placebo", 900, 300)),
    "Small": (("drug", 50, 11), ("placebo", 50, 19)),
}
SPEC = NetworkSpec(measure="OR", reference="placebo")


def payload(*studies: str) -> dict[str, Any]:
    arms = [
        {"study": s, "treatment": t, "n": n, "events": e, "mean": None, "sd": None, "time": None}
        for s in studies
        for t, n, e in TRIALS[s]
    ]
    return {
        "kind": "network", "spec": plain(asdict(SPEC)), "selection": {"arms": arms}, "result": {"k": len(studies)},
    }  # fmt: skip


def odds_ratio(*studies: str) -> float:
    rows = [(s, t, n, e) for s in studies for t, n, e in TRIALS[s]]
    table = arm_table(
        [r[0] for r in rows], [r[1] for r in rows], n=[float(r[2]) for r in rows], events=[float(r[3]) for r in rows]
    )
    found = network(table, SPEC)
    at = found.treatments.index("other"), found.treatments.index("placebo")
    assert found.random is not None
    return math.exp(float(found.random[at]))


def test_the_study_and_the_comparison_it_moved_are_named_with_both_estimates() -> None:
    words = moved_most(payload(*TRIALS), ["Big", "Small"])
    assert words.startswith("Of the 2 new studies Big moved other against placebo most: without it, it would be ")
    without, now = odds_ratio("A", "B", "C", "D", "Small"), odds_ratio(*TRIALS)
    assert f"would be {without:.3f} (" in words and f"instead of {now:.3f} (" in words


def test_one_new_study_says_what_it_moved() -> None:
    assert network_mover(payload("A", "B", "C", "D", "Big"), ["Big"]).startswith("The new study Big moved other ")


def test_a_study_that_alone_brought_a_treatment_is_named() -> None:
    words = network_mover(payload("A", "B", "Small", "C"), ["Small", "C"])
    assert "C alone brought other." in words and "Small moved" in words


@pytest.mark.parametrize("fresh", [[], ["Nobody"]])
def test_without_a_new_study_nothing_is_said(fresh: list[str]) -> None:
    assert moved_most(payload("A", "B", "C"), fresh) == ""


def test_a_study_that_holds_the_network_together_is_named() -> None:
    trials = {"X": (("placebo", 50, 10), ("q", 50, 12)), "Y": (("q", 50, 10), ("r", 50, 12))}
    TRIALS.update(trials, Z=(("r", 60, 9), ("s", 60, 14)))
    try:
        words = network_mover(payload("X", "Y", "Z"), ["Y"])
    finally:
        for name in (*trials, "Z"):
            del TRIALS[name]
    assert "Without Y the rest would not be one network" in words
