"""Why an analysis is stale, in words: version, settings, studies, numbers; and what the plan of an update prints."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.analysis.builders import SETTINGS, add_trials, evipool, make_review, write_csv
from toolkit.analysis.plan import plan
from toolkit.analysis.stale import why_stale
from toolkit.project import Project


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = make_review(tmp_path / "r")
    assert evipool(folder, "update", "--no-search") == 0
    return folder


def why(folder: Path) -> str:
    with Project.open(folder) as project:
        assert plan(project)[0].status == "stale"
        return why_stale(project, "main")


def test_an_analysis_without_a_result_was_never_computed(tmp_path: Path) -> None:
    assert why(make_review(tmp_path / "r")) == "never computed"


def test_studies_that_came_and_left_are_named(folder: Path) -> None:
    add_trials(folder, {"New2026": (("细胞", 20, 4), ("减压", 20, 8))}, name="new")
    assert evipool(folder, "fulltext", "study", "Li2010", "removed", "--reason", "fabricated", "--as", "AB") == 0
    assert why(folder) == "came in: New2026; left: Li2010"


def test_changed_numbers_are_named_by_study(folder: Path) -> None:
    header = ["study", "arm", "outcome", "months", "events"]
    form = write_csv(folder.parent / "mend.csv", header, [["Ng2015", "A0", "tha", 24, 7]])
    assert evipool(folder, "extract", "import", str(form), "--table", "results", "--as", "AB") == 0
    assert why(folder) == "numbers changed: Ng2015"


def test_a_changed_setting_is_named_with_both_values(folder: Path) -> None:
    (folder / "review.toml").write_text(f'{SETTINGS}tau2 = "DL"\n', encoding="utf-8")
    assert why(folder) == "setting tau2 (REML before, DL now)"


def test_another_version_of_the_engine_is_named(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("toolkit.analysis.plan.ENGINE_VERSION", "999")
    monkeypatch.setattr("toolkit.analysis.stale.ENGINE_VERSION", "999")
    assert why(folder).startswith("version of the engine: ") and why(folder).endswith(" before, 999 now")


def test_many_studies_are_counted(folder: Path) -> None:
    add_trials(folder, {f"N{i}": (("细胞", 20, 4), ("减压", 20, 8)) for i in range(6)}, name="six")
    assert why(folder) == "came in: N0, N1, N2 and 3 more"


def test_the_plan_says_why_analysis_and_report_are_due_and_a_refusal_is_exit_code_2(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    add_trials(folder, {"New2026": (("细胞", 20, 4), ("减压", 20, 8))}, name="new")
    capsys.readouterr()
    assert evipool(folder, "update", "--plan", "--format", "json") == 0
    steps = {step["name"]: step for step in json.loads(capsys.readouterr().out)}
    assert (steps["analysis main"]["status"], steps["analysis main"]["why"]) == ("due", "came in: New2026")
    report = steps["report"]["why"]
    assert report.startswith("since it was written: ")
    for words in ("1 run", "1 vote", "1 full text", "1 study link"):
        assert words in report
    form = write_csv(folder.parent / "same.csv", ["study", "cohort"], [["Ng2015", "one"], ["Li2010", "one"]])
    assert evipool(folder, "extract", "import", str(form), "--table", "studies", "--as", "AB") == 0
    capsys.readouterr()
    assert evipool(folder, "update", "--plan", "--format", "json") == 2
    steps = {step["name"]: step for step in json.loads(capsys.readouterr().out)}
    assert steps["analysis main"]["status"] == "refused"
    assert "same patients" in steps["analysis main"]["why"]


def test_a_result_that_somebody_edited_is_not_believed(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (path,) = (folder / "results" / "main").glob("*/result.json")
    before = path.read_bytes()
    payload = json.loads(before)
    payload["result"]["random"]["estimate"] = 0.01
    path.write_text(json.dumps(payload, ensure_ascii=False, indent=1), encoding="utf-8")
    assert why(folder) == "its stored result was changed or damaged since it was written"
    assert evipool(folder, "update", "--no-search") == 0
    assert "Analyses computed anew: main" in capsys.readouterr().out
    (path,) = (folder / "results" / "main").glob("*/result.json")
    assert path.read_bytes() == before
