"""Full texts and study links."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from toolkit.model.errors import InputError
from toolkit.model.events import NewEvent
from toolkit.project import Project
from toolkit.screening import fulltext, run
from toolkit.store import views

AsPerson = Callable[[str], Project]


@pytest.fixture
def wanted(four: list[str], as_person: AsPerson) -> list[str]:
    """Reports 0, 1 and 3 go on to the full text."""
    for name in ("AB", "李华"):
        for report in four[:2]:
            run.decide(as_person(name), report, "include", stage="title-abstract")
    return four


def test_a_form_of_full_texts_sets_standings_and_links_once(
    project: Project, wanted: list[str], tmp_path: Path
) -> None:
    form = tmp_path / "全文.csv"
    form.write_text(
        "report,doi,status,reason,study,role\n"
        ",10.1000/a1,retrieved,,Gangji 2004; 王伟 2019,\n"
        "pmid:222,,not retrieved,no library has it,,\n"
        "A thesis,,,,Gangji 2004,secondary\n",
        encoding="utf-8",
    )
    outcome = fulltext.import_fulltexts(project, form)
    assert (outcome.retrievals, outcome.links, outcome.unchanged) == (2, 3, 0)
    assert {r: s.status for r, s in views.retrievals(project.store).items()} == {
        wanted[0]: "retrieved",
        wanted[1]: "not_retrieved",
    }
    assert views.retrievals(project.store)[wanted[1]].reason == "no library has it"
    assert set(views.links(project.store)) == {
        (wanted[0], "Gangji 2004", "primary"),
        (wanted[0], "王伟 2019", "primary"),
        (wanted[3], "Gangji 2004", "secondary"),
    }
    events = len(project.store.events())
    assert fulltext.import_fulltexts(project, form).unchanged == 5
    assert len(project.store.events()) == events


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("111,lost,,", r"row 2, column 'status': unknown standing of a full text. Found: 'lost'"),
        ("111,retrieved,S,main", r"row 2, column 'role': unknown role of a report"),
        ("999,retrieved,,", r"row 2, column 'pmid': no report is called so"),
    ],
)
def test_a_bad_cell_of_the_form_is_named_and_nothing_is_written(
    project: Project, wanted: list[str], tmp_path: Path, line: str, message: str
) -> None:
    form = tmp_path / "f.csv"
    form.write_text(f"pmid,status,study,role\n{line}\n222,retrieved,,\n", encoding="utf-8")
    with pytest.raises(InputError, match=message):
        fulltext.import_fulltexts(project, form)
    assert views.retrievals(project.store) == {}


def test_a_full_text_nobody_wants_is_refused_with_the_reason(project: Project, four: list[str]) -> None:
    with pytest.raises(InputError, match="has not been screened by title and abstract"):
        fulltext.set_retrieval(project, [four[0]], "retrieved")
    with pytest.raises(InputError, match="has not been screened"):
        fulltext.link(project, four[0], "Gangji 2004")


def test_marking_a_joined_report_marks_all_its_parts(project: Project, wanted: list[str]) -> None:
    fulltext.set_retrieval(project, wanted[:2], "retrieved")
    with project.writing("dedup") as batch:
        batch.append([NewEvent(kind="assign", subject=wanted[1], value=wanted[0])])
    fulltext.set_retrieval(project, [wanted[0]], "not_retrieved")
    assert views.retrievals(project.store)[wanted[0]].status == "not_retrieved"


def test_the_list_shows_what_is_wanted_and_what_is_pending(project: Project, wanted: list[str]) -> None:
    fulltext.set_retrieval(project, [wanted[0]], "retrieved")
    fulltext.set_retrieval(project, [wanted[1]], "sought")
    assert [(f.report, f.status) for f in fulltext.list_fulltexts(project)] == [
        (wanted[0], "retrieved"),
        (wanted[1], "sought"),
        (wanted[3], None),
    ]
    assert [f.report for f in fulltext.list_fulltexts(project, status="pending")] == [wanted[1], wanted[3]]


def test_reports_are_named_by_a_text_file_or_a_table(project: Project, wanted: list[str], tmp_path: Path) -> None:
    lines = tmp_path / "list.txt"
    lines.write_text("# those that came by post\npmid:111\n\nBone marrow, a cohort\n", encoding="utf-8")
    assert fulltext.reports_in_file(project, lines) == wanted[:2]
    table = tmp_path / "list.csv"
    table.write_text("PMID;Title\n222;x\n", encoding="utf-8")
    assert fulltext.reports_in_file(project, table) == [wanted[1]]


def test_a_link_can_be_taken_back_and_a_study_have_a_standing(project: Project, wanted: list[str]) -> None:
    fulltext.link(project, wanted[0], "Gangji 2004")
    assert fulltext.set_study(project, "Gangji 2004", "ongoing", reason="no results yet")
    assert not fulltext.set_study(project, "Gangji 2004", "ongoing", reason="no results yet")
    with pytest.raises(InputError, match="no report is under this study"):
        fulltext.set_study(project, "Nobody 1999", "ongoing")
    assert fulltext.unlink(project, wanted[0], "Gangji 2004") == 1
    assert views.links(project.store) == ()
    with pytest.raises(InputError, match="not under this study"):
        fulltext.unlink(project, wanted[0], "Gangji 2004")
