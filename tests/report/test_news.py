"""News besides new studies: each kind from the command that makes it to the page, the JSON and the summary."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.analysis.builders import SETTINGS, TRIALS, add_trials, evipool, make_review
from tests.report.conftest import read_page, read_results
from toolkit.model.events import NewEvent
from toolkit.project import Project
from toolkit.report.changes import moved_most
from toolkit.report.context import compared_version
from toolkit.report.news import KINDS, News, news_since, study_turns
from toolkit.store import views
from toolkit.store.keys import ReportKeys


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A review whose first version is closed."""
    settings = SETTINGS + '[eligibility]\nexclusion_reasons = ["No comparison"]\n'
    folder = make_review(tmp_path / "r", settings=settings)
    assert evipool(folder, "update", "--no-search") == 0
    return folder


def news(folder: Path) -> list[News]:
    with Project.open(folder) as project:
        return list(news_since(project, compared_version(project)))


def report_of(folder: Path, name: str) -> str:
    with Project.open(folder) as project:
        return ReportKeys(project.store).find(name)


def append(folder: Path, *events: NewEvent) -> None:
    with Project.open(folder) as project, project.writing("test") as batch:
        batch.append(list(events))


def import_ris(folder: Path, text: str, name: str = "more", day: str = "2026-06-01") -> None:
    path = folder.parent / f"{name}.ris"
    path.write_text(text, encoding="utf-8")
    assert evipool(folder, "import", str(path), "--database", "Lists", "--date", day) == 0
    assert evipool(folder, "dedup") == 0


def test_nothing_new_is_no_news_and_the_page_names_what_there_is_none_of(folder: Path) -> None:
    assert news(folder) == []
    import_ris(folder, "TY  - JOUR\nTI  - Something else altogether\nID  - Else\nER  - \n")
    assert evipool(folder, "report") == 0
    page = read_page(folder)
    assert "No news of: new reports of studies known before; retractions, corrections and other notices;" in page
    assert read_results(folder)["news"] == []


def test_a_new_report_of_an_included_study_is_news(folder: Path) -> None:
    import_ris(folder, "TY  - JOUR\nTI  - Ten years later\nAU  - Ng, A\nPY  - 2026\nID  - Ng2026\nER  - \n")
    assert evipool(folder, "fulltext", "retrieved", "Ng2026", "--as", "AB") == 0
    assert evipool(folder, "fulltext", "link", "Ng2026", "Ng2015", "--as", "AB") == 0
    (before,) = [n for n in news(folder) if n.kind == "report"]
    assert (before.about, before.weighs) == ("Ng2015", False)
    assert evipool(folder, "screen", "decide", "Ng2026", "include", "--stage", "full-text", "--as", "AB") == 0
    (found,) = [n for n in news(folder) if n.kind == "report"]
    assert found.text == "Ten years later (Ng, 2026) is new; included."
    assert (found.source, found.weighs) == ("Lists, 2026-06-01", True)


def test_a_retraction_of_an_included_report_weighs_and_goes_into_the_summary_of_the_update(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    report = report_of(folder, "Li2010")
    append(folder, NewEvent(kind="retract", subject=report, value="retracted", payload={}))
    capsys.readouterr()
    evipool(folder, "update", "--no-search", "--summary", str(tmp_path / "s.json"))
    assert "News of Li2010: Report of Li2010 was retracted. Its data should be reconsidered." in capsys.readouterr().out
    (told,) = json.loads((tmp_path / "s.json").read_text(encoding="utf-8"))["news"]
    assert (told["kind"], told["about"], told["weighs"]) == ("notice", "Li2010", True)
    page = read_page(folder)
    assert "Retractions, corrections and other notices" in page
    assert "A report of Li2010 is marked retracted: its data should be reconsidered." in page


def test_a_correction_is_named_and_a_notice_on_other_reports_is_counted(folder: Path) -> None:
    import_ris(folder, "TY  - JOUR\nTI  - Not ours\nID  - Other\nER  - \n")
    append(
        folder,
        NewEvent(
            kind="retract", subject=report_of(folder, "Ng2015"), value="corrected", payload={"what": "erratum"}
        ),
        NewEvent(kind="retract", subject=report_of(folder, "Other"), value="retracted", payload={}),
    )  # fmt: skip
    texts = [(n.about, n.text, n.weighs) for n in news(folder) if n.kind == "notice"]
    assert texts == [
        ("Ng2015", "Report of Ng2015 was corrected (erratum).", False),
        ("not included", "1 report retracted; none of them is included.", False),
    ]


def test_a_report_that_arrives_retracted_is_news_without_a_notice(folder: Path) -> None:
    trials = {"Late2020": (("细胞", 20, 4), ("减压", 20, 9))}
    ris = "TY  - JOUR\nTI  - Report of Late2020\nM3  - Retracted Publication\nID  - Late2020\nER  - \n"
    import_ris(folder, ris)
    add_trials(folder, trials, name="late")
    with Project.open(folder) as project:
        said = views.retractions(project.store)
    assert [n.about for n in news(folder) if n.kind == "notice" and n.weighs] == ["Late2020"]
    assert evipool(folder, "report") == 0
    assert "A report of Late2020 is marked retracted" in read_page(folder), said


def registration(status: str) -> str:
    return (
        "<Trials_downloaded_from_ICTRP><Trial><TrialID>NCT00000009</TrialID><Public_title>Cells</Public_title>"
        f"<Scientific_title>Cells for the hip</Scientific_title><Recruitment_Status>{status}</Recruitment_Status>"
        "</Trial></Trials_downloaded_from_ICTRP>"
    )


def test_a_registration_imported_again_with_another_status_is_news(tmp_path: Path) -> None:
    folder = make_review(tmp_path / "r", settings=SETTINGS + '[[sources]]\nname = "ICTRP"\nkind = "register"\n')

    def bring(status: str, day: str) -> None:
        path = tmp_path / f"ictrp-{day}.xml"
        path.write_text(registration(status), encoding="utf-8")
        assert evipool(folder, "import", str(path), "--database", "ICTRP", "--date", day) == 0
        assert evipool(folder, "dedup") == 0

    bring("Recruiting", "2026-01-15")
    for step in (
        ("screen", "decide", "NCT00000009", "include", "--stage", "title-abstract", "--as", "AB"),
        ("fulltext", "retrieved", "NCT00000009", "--as", "AB"),
        ("fulltext", "link", "NCT00000009", "Trial9", "--as", "AB"),
        ("fulltext", "study", "Trial9", "ongoing", "--as", "AB"),
    ):
        assert evipool(folder, *step) == 0, step
    assert evipool(folder, "update", "--no-search") == 0
    bring("Completed", "2026-07-01")
    (found,) = [n for n in news(folder) if n.kind == "registration"]
    assert found.about == "Trial9"
    assert found.text == "Registration NCT00000009: recruiting before, completed now."
    assert found.source == "ICTRP, 2026-07-01"


def test_a_merge_of_reports_that_were_decided_differently_is_a_conflict_and_keeps_the_round_open(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    import_ris(folder, "TY  - JOUR\nTI  - Another paper\nID  - Twin\nER  - \n")
    assert evipool(folder, "fulltext", "retrieved", "Twin", "--as", "AB") == 0
    decide = ("screen", "decide", "Twin", "exclude", "--stage", "full-text", "--reason", "No comparison")
    assert evipool(folder, *decide, "--as", "AB") == 0
    assert evipool(folder, "update", "--no-search") == 0
    first, second = report_of(folder, "Li2010"), report_of(folder, "Twin")
    assert evipool(folder, "dedup", "merge", first, second, "--as", "AB") == 0
    kinds = {n.kind: n for n in news(folder)}
    assert kinds["joined"].text == "2 reports that had been judged apart are one now: Report of Li2010."
    assert kinds["joined"].source.startswith("AB, ")
    assert kinds["reopened"].text == "full-text: it was exclude and include, and is in conflict now: Report of Li2010."
    capsys.readouterr()
    assert evipool(folder, "update", "--no-search") == 3
    out = capsys.readouterr().out
    assert "News of Li2010: full-text: it was exclude and include" in out
    assert "conflict" in out.partition("Waiting for people:")[2]


def test_a_changed_cell_is_news_with_both_values_and_the_person(folder: Path) -> None:
    form = folder.parent / "mend.csv"
    form.write_text("study,arm,outcome,months,events\nNg2015,A0,tha,24,7\n", encoding="utf-8")
    assert evipool(folder, "extract", "import", str(form), "--table", "results", "--as", "AB") == 0
    (found,) = [n for n in news(folder) if n.kind == "data"]
    assert (found.about, found.text, found.source) == ("Ng2015", "A0, tha, 24, events: 5 before, 7 now.", "AB")


def test_a_study_that_leaves_is_named_with_its_reason(folder: Path) -> None:
    assert evipool(folder, "fulltext", "study", "Li2010", "removed", "--reason", "fabricated", "--as", "AB") == 0
    with Project.open(folder) as project:
        since = compared_version(project)
        assert since is not None
        turns = study_turns(project.standings(as_of=since.at), project.standings())
    assert [(t.study, t.before, t.now, t.reason) for t in turns] == [("Li2010", "included", "removed", "fabricated")]
    assert evipool(folder, "update", "--no-search") == 0
    assert "Li2010 is no longer included: removed (fabricated)." in read_page(folder)


def test_of_several_new_studies_the_one_that_moved_the_estimate_most_is_named(tmp_path: Path) -> None:
    trials = dict(TRIALS)
    folder = make_review(tmp_path / "r", trials=trials)
    assert evipool(folder, "update", "--no-search") == 0
    add_trials(
        folder,
        {"Big2026": (("细胞", 200, 90), ("减压", 200, 50)), "Small2026": (("细胞", 20, 4), ("减压", 20, 8))},
        name="two",
    )
    assert evipool(folder, "update", "--no-search") == 0
    (change,) = read_results(folder)["changes"]
    assert change["moved_most"].startswith("Of the 2 new studies Big2026 moved the estimate most: without it, it would")
    result = read_results(folder)["analyses"]["main"]["result"]
    without = next(x for x in result["leave_one_out"] if x["study"] == "Big2026")["random"]
    assert f"{without['estimate']:.3f}" in change["moved_most"]
    assert change["moved_most"].split(":")[0] in read_page(folder)


def test_the_mover_is_not_named_where_it_cannot_be_said() -> None:
    shown = {"estimate": 1.0, "ci_low": 0.5, "ci_high": 2.0, "model": {"estimate": 0.0}}
    payload: dict[str, Any] = {
        "kind": "pairwise", "spec": {"level": 0.95, "measure": "OR"},
        "result": {"random": shown, "common": shown, "leave_one_out": None},
    }  # fmt: skip
    assert moved_most(payload, ["A", "B"]) == ""
    assert moved_most(payload, ["A"]) == ""
    assert moved_most(None, ["A", "B"]) == ""


def test_every_kind_of_news_has_a_heading() -> None:
    assert list(KINDS) == ["report", "notice", "registration", "record", "joined", "reopened", "data"]
