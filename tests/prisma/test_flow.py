"""What each box of the flow counts."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.prisma.builders import Desk, small_review
from toolkit.prisma.flow import count_flow
from toolkit.prisma.html import slot_boxes
from toolkit.prisma.identities import check
from toolkit.prisma.notes import flow_notes


def hard(desk: Desk) -> list[str]:
    return [f.message for f in check(count_flow(desk.state())) if f.hard]


def test_each_box_of_a_finished_new_review_holds_what_was_decided() -> None:
    flow = count_flow(small_review().state())
    assert [(line.label, line.box.n) for line in flow.databases] == [("PubMed", 3), ("Embase", 2)]
    assert [(line.label, line.box.n) for line in flow.registers] == [("ClinicalTrials.gov", 1)]
    assert flow.duplicates.ids == ("d",)
    assert flow.screened.ids == ("a", "b", "c", "e", "f")
    assert flow.excluded.ids == ("b",)
    assert flow.main.sought.ids == ("a", "c", "e", "f")
    assert flow.main.not_retrieved.ids == ("c",)
    assert flow.main.assessed.ids == ("a", "e", "f")
    assert [(line.label, line.box.ids) for line in flow.main.excluded] == [("No comparator", ("e",))]
    assert (flow.new_studies.ids, flow.new_reports.ids) == (("S1", "S2"), ("a", "f"))
    assert (flow.total_studies.n, flow.total_reports.n) == (2, 2)
    assert flow.template == "new"
    assert check(flow) == ()


def test_an_empty_review_balances() -> None:
    flow = count_flow(Desk().state())
    assert flow.screened.n == 0
    assert check(flow) == ()


def test_undecided_and_pending_reports_are_boxes_of_an_unfinished_flow() -> None:
    desk = Desk()
    desk.find("PubMed", "a b c d")
    desk.screen("b c d", "include")
    desk.get("c", "sought")
    desk.get("d")
    flow = count_flow(desk.state())
    assert (flow.screened.n, flow.undecided.ids) == (4, ("a",))
    assert flow.main.pending.ids == ("b", "c")
    assert (flow.main.assessed.ids, flow.main.undecided.ids) == (("d",), ("d",))
    assert hard(desk) == []
    desk.closed = frozenset({"title-abstract", "retrieval", "full-text"})
    assert len(hard(desk)) == 3


def test_exclusions_by_people_and_by_tools_are_apart() -> None:
    desk = Desk()
    desk.find("PubMed", "a b c")
    desk.screen("a", "exclude", by="tool")
    desk.screen("b c", "exclude")
    flow = count_flow(desk.state())
    assert (flow.excluded_tool.ids, flow.excluded_human.ids) == (("a",), ("b", "c"))


def test_removed_before_screening_counts_once_a_report_and_its_copies_are_duplicates() -> None:
    desk = Desk()
    desk.find("PubMed", "a b c")
    desk.join("b", "a")
    desk.removals = {"a": "automation", "c": "other"}
    flow = count_flow(desk.state())
    assert (flow.duplicates.ids, flow.automation.ids, flow.removed_other.ids) == (("b",), ("a",), ("c",))
    assert flow.screened.n == 0
    assert check(flow) == ()


def test_reasons_stand_in_the_order_of_the_protocol_and_missing_ones_last() -> None:
    desk = Desk()
    desk.find("PubMed", "a b c d")
    desk.screen("a b c d", "include")
    desk.get("a b c d")
    desk.judge("a", "exclude")
    desk.judge("b", "exclude", "Something of our own")
    desk.judge("c", "exclude", "No comparator")
    desk.judge("d", "exclude", "Wrong population")
    flow = count_flow(desk.state())
    assert [line.label for line in flow.main.excluded] == [
        "Wrong population",
        "No comparator",
        "Something of our own",
        "No reason recorded",
    ]


def test_a_duplicate_found_after_screening_moves_to_the_duplicates_and_its_decision_is_kept() -> None:
    desk = small_review()
    desk.find("Scopus", "g")
    desk.take("g", "S1")
    before = count_flow(desk.state())
    desk.join("g", "a", by="person")
    after = count_flow(desk.state())
    assert (before.duplicates.n, after.duplicates.n) == (1, 2)
    assert (before.screened.n, after.screened.n) == (6, 5)
    assert after.late_duplicates.ids == ("g",)
    assert after.duplicates_person.ids == ("g",)
    desk.apart("g")
    assert count_flow(desk.state()) == before


def test_joining_reports_that_were_decided_differently_reopens_the_decision() -> None:
    desk = Desk()
    desk.find("PubMed", "a b")
    desk.screen("a", "include")
    desk.screen("b", "exclude")
    desk.join("b", "a")
    flow = count_flow(desk.state())
    assert flow.undecided.ids == ("a",)
    assert [line.box.ids for line in flow.contradictions] == [("a",)]
    assert hard(desk) == []


def test_joining_a_removed_report_to_one_that_was_screened_loses_nothing() -> None:
    desk = Desk()
    desk.find("PubMed", "a b")
    desk.removals = {"b": "automation"}
    desk.screen("a", "include")
    desk.join("b", "a")
    flow = count_flow(desk.state())
    assert (flow.automation.n, flow.forward.ids, flow.duplicates.ids) == (0, ("a",), ("b",))


def test_other_methods_have_their_own_column_without_a_screening_row() -> None:
    desk = small_review()
    desk.find("Citation searching", "x y z", kind="other")
    desk.find("WHO", "w", kind="other", method="website")
    desk.join("y", "a")
    desk.take("x", "S1")
    desk.screen("z", "exclude")
    flow = count_flow(desk.state())
    assert flow.template == "new+other"
    assert [(line.group, line.box.n) for line in flow.other_methods] == [("Citation searching", 3), ("Websites", 1)]
    assert flow.other.sought.ids == ("x",)
    assert flow.other_undecided.ids == ("w",)
    assert {line.label: line.box.ids for line in flow.other_dropped} == {
        "already found in databases or registers": ("y",),
        "excluded on title and abstract": ("z",),
    }
    assert flow.screened.n == 5
    assert (flow.new_studies.n, flow.new_reports.n) == (2, 3)
    assert hard(desk) == []


def test_an_update_shows_previous_new_and_total() -> None:
    desk = small_review()
    desk.mark()
    desk.find("PubMed", "g h i j")
    desk.join("g", "a")
    desk.screen("h", "exclude")
    desk.take("i", "S3")
    desk.take("j", "S1")
    flow = count_flow(desk.state())
    assert flow.template == "updated"
    assert (flow.previous_studies.ids, flow.previous_reports.ids) == (("S1", "S2"), ("a", "f"))
    assert [(line.label, line.box.n) for line in flow.databases] == [("PubMed", 4)]
    assert (flow.duplicates_known.ids, flow.screened.ids) == (("g",), ("h", "i", "j"))
    assert (flow.new_studies.ids, flow.new_reports.ids, flow.new_reports_of_old.ids) == (("S3",), ("i",), ("j",))
    assert (flow.total_studies.n, flow.total_reports.n) == (3, 4)
    assert hard(desk) == []


def test_a_previously_included_study_that_is_removed_leaves_the_total() -> None:
    desk = small_review()
    desk.mark()
    desk.standings["S2"] = "removed"
    flow = count_flow(desk.state())
    assert (flow.removed_studies.ids, flow.removed_reports.ids) == (("S2",), ("f",))
    assert (flow.previous_studies.n, flow.total_studies.n, flow.total_reports.n) == (2, 1, 1)
    assert hard(desk) == []


def test_a_report_left_open_by_the_last_version_passes_through_the_next() -> None:
    desk = small_review()
    desk.find("LILACS", "l")
    desk.screen("l", "include")
    desk.mark()
    assert desk.previous is not None and desk.previous.outcomes["l"] == "retrieval_pending"
    desk.take("l", "S9")
    flow = count_flow(desk.state())
    assert flow.carried.ids == ("l",)
    assert (flow.screened.ids, flow.new_studies.ids) == (("l",), ("S9",))
    assert hard(desk) == []


def test_a_report_excluded_before_and_included_since_is_new() -> None:
    desk = small_review()
    desk.mark()
    desk.judge("e", "include")
    desk.links[("e", "S5")] = None
    flow = count_flow(desk.state())
    assert (flow.carried.ids, flow.new_studies.ids, flow.total_studies.n) == (("e",), ("S5",), 3)
    assert hard(desk) == []


def test_an_old_report_renamed_by_a_new_record_is_not_new() -> None:
    desk = small_review()
    desk.mark()
    desk.find("Embase", "k")
    desk.join("a", "k")
    desk.join("d", "k")
    flow = count_flow(desk.state())
    assert (flow.duplicates_known.ids, flow.new_reports.n, flow.total_reports.n) == (("k",), 0, 2)
    assert flow.removed_reports.n == 0
    assert hard(desk) == []


def test_two_old_reports_joined_into_one_take_one_report_off_the_total() -> None:
    desk = small_review()
    desk.mark()
    desk.join("f", "a")
    flow = count_flow(desk.state())
    assert (flow.removed_reports.ids, flow.total_reports.n, flow.total_studies.n) == (("f",), 1, 2)
    assert hard(desk) == []


@pytest.mark.parametrize(("standing", "box"), [("ongoing", "ongoing"), ("awaiting_classification", "awaiting")])
def test_ongoing_and_awaiting_studies_have_their_own_boxes(standing: str, box: str) -> None:
    desk = small_review()
    desk.standings["S2"] = standing
    flow = count_flow(desk.state())
    assert getattr(flow.main, box).ids == ("f",)
    assert getattr(flow, f"{box}_studies").ids == ("S2",)
    assert flow.new_studies.ids == ("S1",)
    assert hard(desk) == []


def test_a_report_of_two_studies_and_a_study_of_two_reports_count_apart() -> None:
    desk = Desk()
    desk.find("PubMed", "a b c")
    desk.take("a", "S1", "S2")
    desk.take("b", "S1")
    desk.screen("c", "exclude")
    flow = count_flow(desk.state())
    assert (flow.new_studies.ids, flow.new_reports.ids) == (("S1", "S2"), ("a", "b"))
    assert hard(desk) == []


def test_a_further_report_described_by_a_record_is_sought_too() -> None:
    desk = small_review()
    desk.extra["a-protocol"] = "a"
    desk.get("a-protocol")
    desk.judge("a-protocol", "include")
    desk.links[("a-protocol", "S1")] = None
    flow = count_flow(desk.state())
    assert (flow.forward.n, flow.extra_reports.ids, flow.main.sought.n) == (4, ("a-protocol",), 5)
    assert (flow.new_studies.n, flow.new_reports.n) == (2, 3)
    assert check(flow) == ()


def test_a_retracted_report_is_told_and_stays_until_a_person_removes_it() -> None:
    desk = small_review()
    desk.retractions["d"] = "retracted"
    flow = count_flow(desk.state())
    assert [(line.label, line.box.ids) for line in flow.retracted] == [("retracted", ("a",))]
    assert flow.total_studies.n == 2


def test_without_a_previous_version_all_rounds_count_as_one_flow() -> None:
    desk = small_review()
    desk.mark()
    desk.find("PubMed", "g")
    desk.take("g", "S3")
    cumulative = count_flow(replace(desk.state(), previous=None))
    assert (cumulative.template, cumulative.database_records.n, cumulative.new_studies.n) == ("new", 6, 3)
    assert check(cumulative) == ()


def test_a_report_included_before_and_joined_to_an_excluded_one_awaits_a_decision_again() -> None:
    desk = small_review()
    desk.mark()
    desk.find("PubMed", "g")
    desk.screen("g", "include")
    desk.get("g")
    desk.judge("g", "exclude", "No comparator")
    desk.join("g", "a")
    flow = count_flow(desk.state())
    assert (flow.reopened.ids, flow.removed_reports.ids, flow.total_reports.ids) == (("a",), ("a",), ("f",))
    assert hard(desk) == []
    notes = flow_notes(flow)
    assert "Included before, and to be decided again: 1 report." in notes
    assert ("Of these, to be decided again", flow.reopened) in slot_boxes(flow)["total"]
    assert "This flow is not finished: 1 decision or retrieval still open." in notes
    desk.closed = frozenset({"full-text"})
    assert [(f.code, f.ids) for f in check(count_flow(desk.state())) if f.hard] == [("E6", ("a",))]
    desk.judge("g", "include")
    assert count_flow(desk.state()).reopened.n == 0


def test_what_was_accepted_as_missing_on_import_is_told_for_the_version_it_belongs_to() -> None:
    desk = small_review()
    desk.runs["PubMed#0"] = replace(desk.runs["PubMed#0"], loss="PubMed (a.ris), 2026-01-01: 1 of 4 cannot be read")
    flow = count_flow(desk.state())
    assert flow_notes(flow)[0] == (
        "Accepted when records were brought in, so not counted: PubMed (a.ris), 2026-01-01: 1 of 4 cannot be read."
    )
    desk.mark()
    desk.find("PubMed", "g")
    assert count_flow(desk.state()).losses == ()
    assert len(count_flow(replace(desk.state(), previous=None)).losses) == 1


def test_reports_of_the_studies_in_syntheses_are_counted_once() -> None:
    desk = small_review()
    desk.find("Scopus", "g")
    desk.take("g", "S1")
    flow = count_flow(desk.state(syntheses=(("Pain", ("S1",)), ("Death", ("S1",)))))
    assert flow.synthesis_reports.ids == ("a", "g")
