"""What changed, in words: positions of intervals, looks, moves of studies."""

from __future__ import annotations

from typing import Any

import pytest

from toolkit.model.review import Version
from toolkit.report.changes import analysis_change, baseline, looks, numbers_of, position


def interval(low: float | None, high: float | None) -> dict[str, float | None]:
    return {"estimate": None, "ci_low": low, "ci_high": high}


@pytest.mark.parametrize(
    ("low", "high", "words"),
    [
        (-9.0, -2.0, "lies wholly below no effect and includes the smallest important difference"),
        (-9.0, -6.0, "lies wholly below no effect and lies wholly beyond the smallest important difference"),
        (-3.0, 4.0, "includes no effect and excludes any difference that is important"),
        (-3.0, 6.0, "includes no effect and includes the smallest important difference"),
        (6.0, 7.0, "lies wholly above no effect and lies wholly beyond the smallest important difference"),
        (1.0, 4.0, "lies wholly above no effect and excludes any difference that is important"),
        (None, None, "no interval"),
    ],
)
def test_an_interval_is_placed_against_no_effect_and_the_smallest_important_difference(
    low: float | None, high: float | None, words: str
) -> None:
    assert position(interval(low, high), 0.0, 5.0) == words


@pytest.mark.parametrize("important", [0.8, 1.25])
def test_for_ratios_the_smallest_important_difference_is_a_ratio_either_way(important: float) -> None:
    assert (
        position(interval(0.85, 1.2), 1.0, important)
        == "includes no effect and excludes any difference that is important"
    )
    assert position(interval(0.5, 0.7), 1.0, important).endswith("lies wholly beyond the smallest important difference")
    assert position(interval(0.5, 0.7), 1.0, None) == "lies wholly below no effect"


def payload(print_: str, studies: tuple[str, ...], estimate: tuple[float, float, float] | None) -> dict[str, Any]:
    found = None
    if estimate is not None:
        shown = dict(zip(("estimate", "ci_low", "ci_high"), estimate, strict=True))
        found = {
            "k": len(studies), "measure": "OR", "random": shown, "common": shown, "tau2": {"value": 0.1},
            "heterogeneity": {"i2_tau2": 0.2}, "prediction": None,
        }  # fmt: skip
    return {
        "fingerprint": print_, "kind": "pairwise", "spec": {"level": 0.95, "measure": "OR"}, "result": found,
        "reason": None if found else "no study has the data this analysis needs",
        "selection": {"arms": [{"study": s} for s in studies]},
    }  # fmt: skip


def test_studies_in_and_out_are_named_with_the_reason() -> None:
    before, after = payload("a", ("A", "B"), (0.5, 0.3, 0.9)), payload("b", ("A", "C"), (0.7, 0.4, 1.2))
    change = analysis_change("x", "X", before, after, None, {"B": "retracted"})
    assert (change.status, [m.study for m in change.came]) == ("changed", ["C"])
    assert [(m.study, m.reason) for m in change.left] == [("B", "retracted")]
    assert change.sentence == "The interval, which lay wholly below no effect, now includes no effect."


def test_an_interval_that_stays_where_it_was_is_said_to_stay() -> None:
    before, after = payload("a", ("A",), (0.5, 0.3, 0.9)), payload("b", ("A", "C"), (0.6, 0.4, 0.95))
    assert analysis_change("x", "X", before, after, None).sentence == "The interval still lies wholly below no effect."


def test_new_gone_and_unchanged_analyses_are_told_apart() -> None:
    full, empty = payload("a", ("A",), (0.5, 0.3, 0.9)), payload("e", (), None)
    assert analysis_change("x", "X", None, full, None).status == "new"
    gone = analysis_change("x", "X", full, None, None)
    assert (gone.status, gone.sentence.endswith("the analysis is no longer declared.")) == ("gone", True)
    assert analysis_change("x", "X", full, full, None).status == "unchanged"
    lost = analysis_change("x", "X", full, empty, None)
    assert "now there is no estimate: no study has the data this analysis needs" in lost.sentence
    assert numbers_of(empty) == {**dict.fromkeys(numbers_of(full) or {}), "k": 0}


def version(label: str) -> Version:
    return Version(label=label, at=f"2026-01-0{label}T00:00:00Z", event_id=label, payload={})


def test_the_baseline_is_the_version_before_the_state_shown() -> None:
    one, two = version("1"), version("2")
    assert baseline([], changed_since_last=False) is None
    assert baseline([one], changed_since_last=False) is None
    assert baseline([one], changed_since_last=True) is one
    assert baseline([one, two], changed_since_last=False) is one
    assert baseline([one, two], changed_since_last=True) is two


def test_looks_count_states_of_the_data_not_versions() -> None:
    assert looks([]) == 0
    assert looks(["a", "a", "a"]) == 1
    assert looks([None, "a", "b", "b", "a"]) == 3
