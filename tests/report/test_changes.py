"""What changed, in words: positions of intervals, looks, moves of studies."""

from __future__ import annotations

from typing import Any

import pytest

from toolkit.model.review import Version
from toolkit.report.change_words import position
from toolkit.report.changes import analysis_change, baseline, looks, numbers_of


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
        "engine_version": "1", "reason": None if found else "no study has the data this analysis needs",
        "selection": {"arms": [{"study": s} for s in studies], "flags": []},
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
    gone = analysis_change("x", "X", full, None, None, declared=False)
    assert (gone.status, gone.sentence.startswith("The analysis is no longer declared")) == ("gone", True)
    assert (gone.came, gone.left) == ((), ()), "its studies did not leave: the analysis did"
    assert analysis_change("x", "X", full, full, None).status == "unchanged"
    lost = analysis_change("x", "X", full, empty, None)
    assert "now there is no estimate: no study has the data this analysis needs" in lost.sentence
    assert numbers_of(empty) == {**dict.fromkeys(numbers_of(full) or {}), "k": 0}


def test_what_is_declared_and_has_no_result_now_is_not_said_to_be_gone() -> None:
    full = payload("a", ("A",), (0.5, 0.3, 0.9))
    stale, refused = (analysis_change("x", "X", full, None, None, problem=why) for why in ("", "the same patients"))
    assert (stale.status, stale.sentence) == ("not computed", "Not computed for the present data yet.")
    assert (refused.status, refused.sentence, refused.left) == ("not computed", "Not run: the same patients", ())
    never = analysis_change("x", "X", None, None, None)
    assert never.status == "not computed"
    lost = analysis_change("x", "X", None, full, None, lost=True)
    assert (lost.status, "There was no estimate" in lost.sentence) == ("changed", False)


def test_a_study_that_enters_a_new_analysis_is_not_said_to_have_come_in() -> None:
    new = analysis_change("x", "X", None, payload("a", ("A", "B"), (0.5, 0.3, 0.9)), None)
    assert (new.status, new.came, new.sentence) == ("new", (), "The analysis is new.")


def test_from_one_study_to_two_and_back_an_interval_that_cannot_be_had_is_said_to_be_none() -> None:
    one, two = payload("a", ("A",), (0.5, 0.3, 0.9)), payload("b", ("A", "B"), (0.5, 0.3, 0.9))
    for name in ("random", "common"):
        two["result"][name] = {"estimate": 0.5, "ci_low": None, "ci_high": None}
    assert analysis_change("x", "X", one, two, None).sentence == (
        "The interval lay wholly below no effect; now there is none."
    )
    assert analysis_change("x", "X", two, one, None).sentence == (
        "There was no interval before; now it lies wholly below no effect."
    )


@pytest.mark.parametrize(("key", "value"), [("measure", "RD"), ("reference", "D"), ("treatment", "D")])
def test_results_of_another_question_are_not_compared(key: str, value: str) -> None:
    before, after = payload("a", ("A",), (0.5, 0.3, 0.9)), payload("b", ("A", "C"), (0.6, 0.4, 0.95))
    after["spec"] |= {key: value}
    change = analysis_change("x", "X", before, after, None)
    assert "cannot be compared" in change.sentence and "interval" not in change.sentence
    assert change.settings == (f"setting {key} ({before['spec'].get(key)} before, {value} now)",)
    assert [m.study for m in change.came] == ["C"]


def test_a_setting_that_changed_is_told_although_studies_came_in_too() -> None:
    before, after = payload("a", ("A", "B"), (0.5, 0.3, 0.9)), payload("b", ("A", "C"), (0.6, 0.4, 0.95))
    before["spec"]["tau2"], after["spec"]["tau2"] = "REML", "DL"
    before["options"] = {"influence": True}
    after["selection"]["arms"][0]["n"] = 9
    change = analysis_change("x", "X", before, after, None)
    assert change.settings == ("setting tau2 (REML before, DL now), influence (True before, None now)",)
    assert change.data == ("numbers changed: A",)


def test_each_estimate_is_shown_at_its_own_level() -> None:
    before, after = payload("a", ("A",), (0.5, 0.3, 0.9)), payload("e", (), None)
    after["spec"]["level"] = 0.9
    assert "95\xa0% CI 0.300 to 0.900" in analysis_change("x", "X", before, after, None).sentence


def network(print_: str, k: int, intervals: dict[str, tuple[float, float]], reference: str = "P") -> dict[str, Any]:
    rows = [
        {"treatment": t, "reference": reference, "random": {"estimate": 1.0, "ci_low": low, "ci_high": high}}
        for t, (low, high) in intervals.items()
    ]
    scores = [1.0 - i / 10 for i in range(len(rows) + 1)]
    return {
        "fingerprint": print_, "kind": "network", "spec": {"level": 0.95, "measure": "OR", "reference": reference},
        "engine_version": "1", "reason": None, "selection": {"arms": [], "flags": []},
        "result": {
            "k": k, "reference": reference, "effects": rows, "random": True,
            "league": {"random": {}},
            "ranking": {"treatments": [*intervals, reference], "p_score_random": scores, "caution": None},
        },
    }  # fmt: skip


def test_a_network_says_which_treatment_it_lost_and_which_intervals_moved() -> None:
    before = network("a", 4, {"A": (0.5, 1.2), "B": (0.6, 0.9), "C": (0.6, 0.9)})
    after = network("b", 3, {"A": (0.5, 0.9), "B": (0.6, 0.95)})
    words = analysis_change("x", "X", before, after, None).sentence
    assert "rests on 3 studies (4 before). No longer in the network: C." in words
    assert "A against P: the interval, which included no effect, now lies wholly below no effect." in words
    assert "B against" not in words and "Order by P-score now: A, B, P." in words
    same = analysis_change("x", "X", before, network("c", 5, {"A": (0.6, 1.1), "B": (0.6, 0.9), "C": (0.5, 0.9)}), None)
    assert "No interval against P changed its position. Order by P-score as before" in same.sentence
    other = analysis_change("x", "X", before, network("d", 4, {"A": (0.5, 1.2)}, "Q"), None)
    assert "No longer in the network: B, C, P. New in the network: Q. Reference: P before, Q now." in other.sentence
    thin = network("e", 3, {"A": (0.5, 0.9)})
    thin["result"]["ranking"]["caution"] = "thin"
    assert analysis_change("x", "X", before, thin, None).sentence.endswith("Nothing is ranked now.")
    gone = analysis_change("x", "X", before, None, None, declared=False)
    assert "Not estimable" not in gone.sentence
    pairwise = analysis_change("x", "X", before, payload("p", ("A",), (0.5, 0.3, 0.9)), None)
    assert "cannot be compared" in pairwise.sentence and "None" not in pairwise.sentence


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
