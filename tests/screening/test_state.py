"""Which reports stand before which stage."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from toolkit.model.errors import InputError
from toolkit.model.events import NewEvent
from toolkit.model.review import FULL_TEXT, TITLE_ABSTRACT
from toolkit.project import Project
from toolkit.screening import fulltext, run
from toolkit.screening.progress import progress
from toolkit.screening.state import eligible, load_state
from toolkit.store.keys import ReportKeys, short_ids

AsPerson = Callable[[str], Project]


def include(as_person: AsPerson, report: str, stage: str = TITLE_ABSTRACT) -> None:
    for name in ("AB", "李华"):
        run.decide(as_person(name), report, "include", stage=stage)


def test_reports_found_by_other_methods_alone_skip_title_and_abstract(project: Project, four: list[str]) -> None:
    assert eligible(project, TITLE_ABSTRACT) == tuple(four[:3])
    assert load_state(project).to_retrieve() == (four[3],)
    assert eligible(project, FULL_TEXT) == ()


def test_a_report_with_a_database_record_among_others_is_screened(project: Project, four: list[str]) -> None:
    with project.writing("dedup") as batch:
        batch.append([NewEvent(kind="assign", subject=four[0], value=four[3])])
    assert eligible(project, TITLE_ABSTRACT) == (four[3], four[1], four[2])


def test_full_text_needs_two_includes_and_the_text(project: Project, four: list[str], as_person: AsPerson) -> None:
    run.decide(as_person("AB"), four[0], "include", stage=TITLE_ABSTRACT)
    assert four[0] not in load_state(project).to_retrieve()
    run.decide(as_person("李华"), four[0], "maybe", stage=TITLE_ABSTRACT)  # maybe goes on
    assert load_state(project).to_retrieve() == (four[0], four[3])
    fulltext.set_retrieval(project, [four[0], four[3]], "sought")
    assert eligible(project, FULL_TEXT) == ()
    fulltext.set_retrieval(project, [four[0], four[3]], "retrieved")
    assert eligible(project, FULL_TEXT) == (four[0], four[3])
    fulltext.set_retrieval(project, [four[3]], "not-retrieved", reason="library has no copy")
    assert eligible(project, FULL_TEXT) == (four[0],)


def test_removed_reports_are_not_screened_until_brought_back(project: Project, four: list[str]) -> None:
    assert run.remove(project, [four[1]], by="automation", reason="not in humans") == 1
    assert run.remove(project, [four[1]], by="automation") == 0
    assert eligible(project, TITLE_ABSTRACT) == (four[0], four[2])
    assert run.remove(project, [four[1]], back=True) == 1
    assert eligible(project, TITLE_ABSTRACT) == tuple(four[:3])


def test_a_report_with_votes_cannot_be_removed_before_screening(
    project: Project, four: list[str], as_person: AsPerson
) -> None:
    run.decide(as_person("AB"), four[0], "include", stage=TITLE_ABSTRACT)
    with pytest.raises(InputError, match="votes already"):
        run.remove(project, [four[0]])


def test_progress_adds_up_and_says_who_owes_votes(project: Project, four: list[str], as_person: AsPerson) -> None:
    include(as_person, four[0])
    run.decide(as_person("AB"), four[1], "exclude", stage=TITLE_ABSTRACT)
    (now,) = progress(project, TITLE_ABSTRACT)
    assert (now.eligible, now.included, now.excluded, now.conflicts, now.waiting, now.unseen) == (3, 1, 0, 0, 1, 1)
    assert now.votes == {"AB": 2, "李华": 1}
    assert now.waits_for == {"AB": 1, "李华": 2}


@pytest.mark.parametrize("key", ["doi:10.1000/A1", "https://doi.org/10.1000/a1", "pmid:111", "111", "PMID 111",
                                 "core decompression  with cells."])  # fmt: skip
def test_a_report_answers_to_doi_pmid_and_title(project: Project, four: list[str], key: str) -> None:
    assert ReportKeys(project.store).find(key) == four[0]


def test_a_report_answers_to_the_start_of_its_id_and_to_a_joined_record(project: Project, four: list[str]) -> None:
    keys = ReportKeys(project.store)
    assert [keys.find(keys.short(i)) for i in four] == four
    assert all(len(keys.short(i)) >= 8 for i in four)
    with project.writing("dedup") as batch:
        batch.append([NewEvent(kind="assign", subject=four[1], value=four[0])])
    assert ReportKeys(project.store).find(four[1][:8]) == four[0]


def test_a_name_that_two_reports_share_is_refused_with_both(project: Project, add: Callable[..., list[str]]) -> None:
    add([{"title": "Same"}, {"title": "Same"}])
    with pytest.raises(InputError, match="2 reports are called so"):
        ReportKeys(project.store).find("same")
    with pytest.raises(InputError, match="no report is called so"):
        ReportKeys(project.store).find("other")


def test_short_ids_grow_where_two_share_their_start() -> None:
    assert short_ids(["aaaaaaaa-1", "aaaaaaaa-2", "bbbbbbbb-3"]) == {
        "aaaaaaaa-1": "aaaaaaaa-1",
        "aaaaaaaa-2": "aaaaaaaa-2",
        "bbbbbbbb-3": "bbbbbbbb",
    }
