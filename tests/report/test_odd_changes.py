"""What changed, through a whole review: analyses renamed, dropped, refused, of another measure; a study removed."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from openpyxl import load_workbook

from tests.analysis.builders import SETTINGS, add_trials, evipool, make_review, write_csv
from tests.report.conftest import read_page, read_results

NETWORK = """
[[analyses]]
id = "net"
kind = "network"
outcome = "tha"
measure = "OR"
reference = "减压"
"""
THREE = {
    "王伟2004": (("细胞", 20, 4), ("减压", 20, 9)),
    "Li2010": (("细胞", 30, 6), ("减压", 31, 10)),
    "Ng2015": (("骨移植", 25, 5), ("减压", 24, 11)),
}


@pytest.fixture(scope="module")
def closed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A review with one completed version."""
    folder = make_review(tmp_path_factory.mktemp("odd") / "review", settings=SETTINGS + NETWORK, trials=THREE)
    assert evipool(folder, "update") == 0
    return folder


@pytest.fixture
def folder(closed: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(closed, tmp_path / "review"))


def edit(folder: Path, old: str, new: str) -> None:
    path = folder / "review.toml"
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")


def change(folder: Path, analysis: str) -> dict[str, Any]:
    assert evipool(folder, "report") == 0
    (found,) = (one for one in read_results(folder)["changes"] if one["analysis"] == analysis)
    return dict(found)


def test_a_renamed_analysis_is_said_to_be_renamed(folder: Path) -> None:
    edit(folder, 'id = "main"', 'id = "cells"')
    assert evipool(folder, "analyse") == 0
    found = change(folder, "cells")
    assert (found["status"], found["sentence"]) == (
        "renamed",
        "It was called main before; data and settings are the same.",
    )
    assert [one["analysis"] for one in read_results(folder)["changes"]] == ["cells", "net"]


def test_a_dropped_network_is_no_longer_declared_and_no_sensitivity_analysis(folder: Path) -> None:
    edit(folder, NETWORK, "")
    found = change(folder, "net")
    assert (found["status"], found["left"], found["now"]) == ("gone", [], None)
    page = read_page(folder)
    assert "Analyses no longer declared" in page and "Sensitivity analyses that changed" not in page
    assert "Not estimable" not in page and "Ng2015 left" not in page


def test_an_analysis_not_computed_yet_or_refused_is_not_said_to_be_gone(folder: Path, tmp_path: Path) -> None:
    edit(folder, 'measure = "OR"\ntreatment', 'measure = "RR"\ntreatment')
    assert change(folder, "main")["sentence"] == "Not computed for the present data yet."
    form = write_csv(tmp_path / "studies.csv", ["study", "cohort"], [["王伟2004", "one"], ["Li2010", "one"]])
    assert evipool(folder, "extract", "import", str(form), "--table", "studies", "--as", "AB") == 0
    found = change(folder, "main")
    assert found["status"] == "not computed" and found["sentence"].startswith("Not run: ")
    assert "no longer declared" not in read_page(folder)


def test_another_measure_is_another_question_and_marked_post_hoc(folder: Path) -> None:
    edit(
        folder,
        'measure = "OR"\ntreatment',
        'planned = false\npost_hoc_reason = "readers asked for it"\nmeasure = "RR"\ntreatment',
    )
    assert evipool(folder, "analyse") == 0
    found = change(folder, "main")
    assert found["settings"] == ["setting measure (OR before, RR now)"]
    assert "cannot be compared" in found["sentence"]
    page = read_page(folder)
    assert '<span class="tag">post hoc</span>' in page
    assert not (folder / "report" / "versions-main.svg").exists(), "odds ratios and risk ratios have no common axis"
    assert "<td>analysis main: measure</td><td>OR</td><td>RR</td><td>post hoc: readers asked for it</td>" in page


def test_a_study_that_is_retracted_and_removed_leaves_with_its_reason(folder: Path) -> None:
    said = ("--reason", "retracted by the journal", "--as", "AB")
    assert evipool(folder, "fulltext", "study", "Ng2015", "removed", *said) == 0
    assert evipool(folder, "update") in (0, 3)
    found = change(folder, "net")
    assert evipool(folder, "report", "--format", "xlsx") == 0
    rows = list(load_workbook(folder / "report" / "report.xlsx")["what changed"].iter_rows(values_only=True))
    (sheet,) = (dict(zip(rows[0], row, strict=True)) for row in rows[1:] if row[0] == "net")
    assert (sheet["before_k"], sheet["now_k"], sheet["left"]) == (3, 2, "Ng2015")
    assert sheet["in words"] == found["sentence"]
    assert found["left"] == [
        {"study": "Ng2015", "reason": "its standing in the review is removed (retracted by the journal)"}
    ]
    assert "No longer in the network: 骨移植." in found["sentence"]
    assert "Ng2015 is no longer included: removed (retracted by the journal)." in read_page(folder)


def test_a_result_that_was_deleted_is_not_said_never_to_have_been(folder: Path) -> None:
    shutil.rmtree(folder / "results" / "main")
    add_trials(folder, {"New2026": (("细胞", 40, 4), ("减压", 40, 9))}, name="later")
    assert evipool(folder, "analyse") == 0
    found = change(folder, "main")
    assert (found["before"], "stored no more" in found["sentence"]) == (None, True)
    assert "There was no estimate before" not in read_page(folder)


def test_the_plan_names_options_of_an_analysis_that_changed(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    edit(folder, 'reference = "减压"\n\n[[analyses]]', 'reference = "减压"\ninfluence = true\n\n[[analyses]]')
    capsys.readouterr()
    assert evipool(folder, "update", "--plan", "--format", "json") == 0
    (step,) = (one for one in json.loads(capsys.readouterr().out) if one["name"] == "analysis main")
    assert step["why"] == "setting influence (None before, True now)"
