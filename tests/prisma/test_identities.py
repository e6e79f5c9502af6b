"""Each of the ten identities, held by a flow that balances and broken by one number."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tests.prisma.builders import Desk, small_review
from toolkit.model.errors import InputError
from toolkit.prisma.boxes import Box, Column, Explanation, Flow, Line, box_of
from toolkit.prisma.flow import count_flow
from toolkit.prisma.html import slot_boxes
from toolkit.prisma.identities import IDENTITIES, check, require_balanced
from toolkit.prisma.notes import flow_notes


def n(count: int, unit: str = "report") -> Box:
    return Box(unit=unit, n=count, ids=None)


def numbers() -> Flow:
    """A flow of which only numbers are known: 100 + 20 records, 15 studies in 17 reports."""
    main = Column(
        sought=n(40), not_retrieved=n(3), assessed=n(37), included=n(16), ongoing=n(1), awaiting=n(1),
        excluded=(Line(label="Wrong population", box=n(12)), Line(label="No comparator", box=n(7))),
    )  # fmt: skip
    other = Column(sought=n(4), assessed=n(4), included=n(1), excluded=(Line(label="No comparator", box=n(3)),))
    return Flow(
        databases=(Line(label="PubMed", box=n(60, "record")), Line(label="Embase", box=n(40, "record"))),
        registers=(Line(label="ICTRP", box=n(20, "record")),),
        duplicates_tool=n(25, "record"), automation=n(3), removed_other=n(2),
        screened=n(90), excluded_human=n(45), excluded_tool=n(5), forward=n(40), main=main,
        other_methods=(Line(label="Citation searching", box=n(5, "record")),),
        other_dropped=(Line(label="already found", box=n(1, "record")),),
        other=other, new_studies=n(15, "study"), new_reports=n(17), total_studies=n(15, "study"), total_reports=n(17),
        syntheses=(Line(label="Mortality", box=n(9, "study")),),
    )  # fmt: skip


BREAKS: dict[str, dict[str, Any]] = {
    "E2": {"duplicates_tool": n(26, "record")},
    "E3": {"excluded_human": n(44)},
    "W4": {"main": replace(numbers().main, sought=n(41), not_retrieved=n(4)), "shared_reports": n(0)},
    "E5": {"main": replace(numbers().main, not_retrieved=n(2))},
    "E6": {"other": replace(numbers().other, excluded=(Line(label="No comparator", box=n(2)),))},
    "W7": {"other_dropped": ()},
    "E8": {"new_reports": n(16), "total_reports": n(16)},
    "W8": {"new_studies": n(18, "study"), "total_studies": n(18, "study")},
    "E9": {"total_studies": n(16, "study")},
    "E10": {"syntheses": (Line(label="Mortality", box=n(16, "study")),)},
}


def test_there_are_ten_identities_and_a_flow_that_balances_breaks_none() -> None:
    assert len(IDENTITIES) == 10
    assert check(numbers()) == ()


@pytest.mark.parametrize("code", BREAKS)
def test_one_wrong_number_breaks_just_its_identity(code: str) -> None:
    found = check(replace(numbers(), **BREAKS[code]))
    assert [f.code for f in found] == [code]
    assert found[0].hard is code.startswith("E")


def test_a_number_that_its_list_does_not_hold_breaks_the_first_identity() -> None:
    flow = count_flow(small_review().state())
    broken = replace(flow, automation=Box(unit="report", n=1, ids=("x", "x")))
    assert "E1" in {f.code for f in check(broken)}


def test_the_records_that_break_an_identity_are_named() -> None:
    flow = count_flow(small_review().state())
    broken = replace(flow, excluded_human=box_of("report", ()))
    with pytest.raises(InputError, match=r"E3.*5 against 4 \[b\]") as caught:
        require_balanced(broken)
    assert caught.value.exit_code == 2


def test_an_explained_difference_is_not_hard_and_carries_its_reason() -> None:
    desk = small_review()
    desk.judge("e", "exclude")
    desk.closed = frozenset({"full-text"})
    assert [(f.code, f.explanation) for f in check(count_flow(desk.state()))] == [("W1", "")]
    desk.explanations["W1"] = "Excluded in 2019, when no reasons were kept."
    found = check(count_flow(desk.state()))
    assert [(f.code, f.hard, f.explanation) for f in found] == [
        ("W1", False, "Excluded in 2019, when no reasons were kept.")
    ]


@pytest.mark.parametrize(
    ("stage", "code", "named"),
    [
        ("title-abstract", "E3", ("a",)),
        ("retrieval", "E5", ("b",)),
        ("full-text", "E6", ("c",)),
        ("links", "E8", ("d",)),
    ],
)
def test_what_is_open_in_a_closed_stage_is_a_hard_finding_with_its_ids(
    stage: str, code: str, named: tuple[str, ...]
) -> None:
    desk = Desk()
    desk.find("PubMed", "a b c d")
    desk.screen("b c d", "include")
    desk.get("c d")
    desk.judge("d", "include")
    assert [f for f in check(count_flow(desk.state())) if f.hard] == []
    desk.closed = frozenset({stage})
    assert [(f.code, f.ids) for f in check(count_flow(desk.state())) if f.hard] == [(code, named)]


def test_a_study_in_a_synthesis_but_not_in_the_review_is_named() -> None:
    flow = count_flow(small_review().state(syntheses=(("THA", ("S1", "S8")),)))
    assert [(f.code, f.ids) for f in check(flow)] == [("E10", ("S8",))]


def test_judgements_that_contradict_each_other_are_told_with_their_reports() -> None:
    desk = Desk()
    desk.find("PubMed", "a b c")
    desk.screen("a", "exclude")
    desk.judge("a", "include")
    desk.screen("b", "include")
    desk.get("b", "not_retrieved")
    desk.judge("b", "include")
    desk.get("c")
    found = {f.ids: f.message for f in check(count_flow(desk.state())) if f.code == "W3"}
    assert set(found) == {("a",), ("b",), ("c",)}


def test_an_explanation_speaks_of_what_was_explained_and_not_of_a_later_difference_of_its_kind() -> None:
    desk = small_review()
    desk.judge("e", "exclude")
    desk.closed = frozenset({"full-text"})
    said = {"W1": Explanation(text="No reasons were kept in 2019.", ids=frozenset({"e", "x"}))}
    assert [f.explanation for f in check(count_flow(desk.state(explanations=said)))] == [
        "No reasons were kept in 2019."
    ]
    desk.judge("f", "exclude")
    (found,) = check(count_flow(desk.state(explanations=said)))
    assert (found.ids, found.explanation) == (("e", "f"), "")
    notes = flow_notes(count_flow(desk.state(explanations=said)), (found,))
    assert notes[-1].startswith("Not explained yet (W1): 2 reports of databases and registers")


def test_differences_of_one_explanation_are_printed_once_and_no_sentence_says_them_again() -> None:
    desk = small_review()
    desk.mark()
    desk.standings["S2"] = "removed"
    desk.find("PubMed", "j")
    desk.take("j", "S1")
    plain = flow_notes(count_flow(desk.state()), check(count_flow(desk.state())))
    assert [note for note in plain if "taken off the total: 1 study, 1 report" in note]
    desk.explanations["W9"] = "S2 was retracted in May."
    flow = count_flow(desk.state())
    assert flow_notes(flow, check(flow)) == (
        "1 study of the previous version is no longer included; 1 report of the previous version is no longer "
        "included, or was joined to another; 1 new report belongs to studies of the previous version: "
        "S2 was retracted in May.",
    )


def test_a_difference_of_other_methods_that_nobody_explained_is_printed() -> None:
    flow = replace(numbers(), other_dropped=())
    assert flow_notes(flow, check(flow))[-1] == (
        "Not explained yet (W7): other methods: 4 reports sought, 5 records left after those dropped."
    )


def test_what_a_file_of_numbers_does_not_know_is_not_claimed() -> None:
    flow = numbers()
    assert not [note for note in flow_notes(flow) if "joined by" in note]
    lists = slot_boxes(flow)
    assert lists["excluded"][0][0] == "Records excluded"
    assert lists["removed"][0][0] == "Duplicate records"
    with pytest.raises(InputError, match=r"against 85\nCorrect the numbers in the file\.$"):
        require_balanced(replace(flow, excluded_human=n(40)))
