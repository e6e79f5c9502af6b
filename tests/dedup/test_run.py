"""Deduplication as a step of the project: what becomes an event, what is remembered, what never happens twice."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.dedup.conftest import ABSTRACTED, ARTICLE, DOUBTFUL, OTHER, AddRecords
from toolkit.dedup.export import best_records, export_rows
from toolkit.dedup.judge import explain, find_record, keep_apart, merge, split
from toolkit.dedup.run import ACTOR, dedup, questions, waiting_pairs
from toolkit.model.errors import InputError
from toolkit.model.events import NewEvent
from toolkit.project import Project
from toolkit.store import views


def test_duplicates_are_joined_under_the_id_of_the_earliest_record(project: Project, add: AddRecords) -> None:
    (first, other) = add([ARTICLE, OTHER])
    (second,) = add([ABSTRACTED], source="Embase")
    outcome = dedup(project)
    assert (outcome.compared, outcome.merged, outcome.records, outcome.reports) == (3, 1, 3, 2)
    assert views.assignments(project.store) == {first: first, other: other, second: first}
    event = project.store.events(subject=second, kind="assign")[-1]
    assert event.actor == ACTOR
    assert event.payload["evidence"]["with"] == first
    assert event.payload["evidence"]["fields"]["first page"] == "same"
    assert sum(outcome.by_rule.values()) == 1


def test_running_twice_adds_nothing(project: Project, add: AddRecords) -> None:
    add([ARTICLE, ABSTRACTED, OTHER, DOUBTFUL])
    dedup(project)
    before = len(project.store.events())
    again = dedup(project)
    assert (again.compared, again.merged) == (0, 0)
    assert dedup(project, recompare=True).merged == 0
    assert len(project.store.events()) == before


def test_a_dry_run_writes_nothing_and_tells_what_a_run_would_do(project: Project, add: AddRecords) -> None:
    add([ARTICLE, ABSTRACTED, DOUBTFUL])
    before = len(project.store.events())
    told = dedup(project, dry_run=True)
    assert len(project.store.events()) == before
    done = dedup(project)
    assert (told.merged, told.reports, told.waiting) == (done.merged, done.reports, done.waiting)


def test_new_records_join_old_reports_and_report_ids_stay(project: Project, add: AddRecords) -> None:
    (first, other) = add([ARTICLE, OTHER])
    dedup(project)
    (second, third) = add([ABSTRACTED, OTHER], source="Embase")
    outcome = dedup(project)
    assert (outcome.compared, outcome.merged) == (2, 2)
    assert views.assignments(project.store) == {first: first, other: other, second: first, third: other}


def test_a_doubtful_pair_waits_and_the_answers_are_remembered(project: Project, add: AddRecords) -> None:
    first, second = add([ARTICLE, DOUBTFUL])
    outcome = dedup(project)
    assert (outcome.merged, outcome.asked, waiting_pairs(project)) == (0, 1, 1)
    (question,) = questions(project)
    assert {question.first, question.second} == {first, second}
    keep_apart(project, first, second)
    assert waiting_pairs(project) == 0
    assert dedup(project, recompare=True, strictness="sensitive").merged == 0
    assert waiting_pairs(project) == 0


def test_a_person_may_join_after_all(project: Project, add: AddRecords) -> None:
    first, second = add([ARTICLE, DOUBTFUL])
    dedup(project)
    keep_apart(project, first, second)
    assert merge(project, [second, first]).report == first
    assert views.assignments(project.store)[second] == first
    assert views.apart_pairs(project.store) == set()
    assert project.store.events(subject=second, kind="assign")[-1].actor == "AB"


def test_what_a_person_took_apart_is_never_joined_again(project: Project, add: AddRecords) -> None:
    first, second = add([ARTICLE, ABSTRACTED])
    dedup(project)
    assert split(project, [second]).rest == first
    assert len(views.reports(project.store)) == 2
    dedup(project, recompare=True, strictness="sensitive")
    (third,) = add([ARTICLE], source="Embase")
    dedup(project)
    now = views.assignments(project.store)
    assert now[first] != now[second]
    assert now[third] in (now[first], now[second])
    assert waiting_pairs(project) == 0


def test_splitting_off_the_earliest_record_leaves_a_report_of_the_rest(project: Project, add: AddRecords) -> None:
    first, second, third = add([ARTICLE, ABSTRACTED, ARTICLE])
    dedup(project)
    assert split(project, [first]).rest == second
    assert views.reports(project.store) == {first: (first,), second: (second, third)}


def test_decisions_on_both_reports_survive_their_merger(project: Project, add: AddRecords) -> None:
    first, second = add([ARTICLE, DOUBTFUL])
    dedup(project)
    with project.writing("screen") as batch:
        for report, person, verdict in ((first, "AB", "include"), (second, "李华", "exclude")):
            batch.append([NewEvent(kind="screen", subject=report, stage="title-abstract", value=verdict, actor=person)])
    merge(project, [first, second])
    votes = views.votes(project.store, "title-abstract")
    assert {(v.actor, v.verdict) for v in votes[first]} == {("AB", "include"), ("李华", "exclude")}


def test_undo_of_a_run_takes_its_merges_back(project: Project, add: AddRecords) -> None:
    add([ARTICLE, ABSTRACTED])
    dedup(project)
    assert len(views.reports(project.store)) == 1
    project.store.undo(project.store.batches()[-1].id, actor="AB", command="undo")
    assert len(views.reports(project.store)) == 2
    assert dedup(project).merged == 1


def test_records_answer_to_their_id_its_beginning_and_the_sources_own_id(project: Project, add: AddRecords) -> None:
    first, _ = add([{**ARTICLE, "pmid": "15173287"}, OTHER])
    assert find_record(project, first) == find_record(project, first[:8]) == find_record(project, "15173287") == first
    with pytest.raises(InputError, match="no such record"):
        find_record(project, "99999999")


@pytest.mark.parametrize("names", [0, 1])
def test_merge_needs_two_records(project: Project, add: AddRecords, names: int) -> None:
    ids = add([ARTICLE, OTHER])
    with pytest.raises(InputError, match="two different records"):
        merge(project, ids[:names])


def test_split_refuses_a_record_that_is_alone(project: Project, add: AddRecords) -> None:
    first, _ = add([ARTICLE, OTHER])
    with pytest.raises(InputError, match="alone"):
        split(project, [first])


def test_a_judgement_needs_a_named_person(folder: Path, add: AddRecords) -> None:
    first, second = add([ARTICLE, DOUBTFUL])
    with Project.open(folder) as nobody, pytest.raises(InputError, match="say who you are"):
        merge(nobody, [first, second])


def test_an_explanation_names_fields_weights_rule_and_history(project: Project, add: AddRecords) -> None:
    first, second = add([ARTICLE, ABSTRACTED])
    dedup(project)
    split(project, [second])
    found = explain(project, first, second)
    assert found.verdict == "merged"
    assert not found.is_joined
    assert found.evidence.fields["journal"] == "same"
    assert found.evidence.weights
    assert [e.kind for e in found.history].count("apart") == 1
    assert {e.actor for e in found.history} == {ACTOR, "AB"}


def test_unknown_strictness_is_refused(project: Project) -> None:
    with pytest.raises(InputError, match="strictness"):
        dedup(project, strictness="loose")


def test_the_export_names_report_and_reason_of_every_record(project: Project, add: AddRecords) -> None:
    first, second = add([ARTICLE, ABSTRACTED])
    dedup(project)
    rows = export_rows(project)
    assert [(r["record"], r["report"], r["joined_with"]) for r in rows] == [
        (first, first, None),
        (second, first, first),
    ]
    (best,) = best_records(project)
    assert best.authors == ("Gangji, Valérie", "Hauzeur, Jean-Philippe")
    assert best.pages == "1153-1160"
