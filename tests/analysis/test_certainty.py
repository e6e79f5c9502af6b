"""Ratings of certainty: kept with the result they rest on, flagged when that changes, told when they move."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.analysis.builders import SETTINGS, add_trials, evipool, make_review
from tests.report.conftest import read_page, read_results
from toolkit.analysis.certainty import Rating, moved, rate, ratings
from toolkit.model.errors import InputError
from toolkit.project import Project

NETWORK = '[[analyses]]\nid = "net"\nkind = "network"\noutcome = "tha"\nmeasure = "OR"\nreference = "减压"\n'
MORE = {"Xu2020": (("细胞", 90, 12), ("减压", 90, 33))}
LOW = ("certainty", "main", "low", "--reason", "imprecision: 45 events", "--reason", "risk of bias")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("EVIPOOL_REVIEWER", "AB")
    review = make_review(tmp_path / "review", settings=SETTINGS + NETWORK)
    assert evipool(review, "analyse") == 0
    return review


def listed(folder: Path, capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    capsys.readouterr()
    assert evipool(folder, "certainty", "--format", "json") == 0
    found: list[dict[str, Any]] = json.loads(capsys.readouterr().out)
    return found


def test_a_rating_keeps_who_when_why_and_on_which_result(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert evipool(folder, *LOW) == 0
    (one,) = listed(folder, capsys)
    assert (one["rating"], one["by"], one["stale"]) == ("low", "AB", False)
    assert one["reasons"] == ["imprecision: 45 events", "risk of bias"]
    results = folder / "results" / "main"
    assert [path.name for path in results.iterdir()] == [one["fingerprint"][:16]]
    assert evipool(folder, "certainty", "main", "--withdraw") == 0 and listed(folder, capsys) == []
    assert evipool(folder, "undo", "--last") == 0
    assert [x["rating"] for x in listed(folder, capsys)] == ["low"]


def test_new_data_make_a_rating_stale_and_the_report_tells_how_it_moved(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert evipool(folder, "update", "--no-search") == 0  # version 1
    assert evipool(folder, *LOW) == 0  # on the result of version 1, after it was closed
    assert evipool(folder, "report") == 0
    assert "imprecision: 45 events; risk of bias" in read_page(folder)
    assert "rated on an older result" not in read_page(folder)
    add_trials(folder, MORE, name="more")
    assert evipool(folder, "analyse") == 0
    (one,) = listed(folder, capsys)
    assert one["stale"]
    assert evipool(folder, "update", "--plan", "--format", "json") == 0
    (step,) = (s for s in json.loads(capsys.readouterr().out) if s["name"] == "certainty main")
    assert (step["status"], "rated low by AB" in step["why"]) == ("open", True)
    assert evipool(folder, "report") == 0 and "rated on an older result" in read_page(folder)
    assert evipool(folder, "certainty", "main", "moderate", "--reason", "risk of bias") == 0
    assert evipool(folder, "update", "--no-search") == 0  # version 2
    # rating the results of a closed version again is no new state: the report goes on comparing with the one before
    assert evipool(folder, "certainty", "main", "low", "--reason", "risk of bias; imprecision") == 0
    assert evipool(folder, "report") == 0
    assert read_results(folder)["since_version"] == "1"
    assert evipool(folder, "freeze", "2") == 0
    assert evipool(folder, "certainty", "main", "moderate", "--reason", "risk of bias") == 0
    assert evipool(folder, "report") == 0
    sentence = "Certainty moved from low to moderate (risk of bias)."
    assert sentence in read_page(folder) and "rated on an older result" not in read_page(folder)
    (change,) = (x for x in read_results(folder)["changes"] if x["analysis"] == "main")
    assert change["certainty"] == [sentence]
    assert [x["stale"] for x in read_results(folder)["certainty"]] == [False]


def test_a_comparison_of_a_network_is_rated_once_whichever_way_round(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert evipool(folder, "certainty", "net", "high", "--compare", "细胞", "减压") == 0
    assert evipool(folder, "certainty", "net", "very low", "--compare", "减压", "细胞", "--reason", "indirectness") == 0
    (one,) = listed(folder, capsys)
    assert (one["comparison"], one["rating"]) == ("细胞 against 减压", "very low")


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (("main", "low"), "says why"),
        (("main", "low", "--reason", "  "), "says why"),
        (("main", "good"), "'good' is not one of"),
        (("nobody", "high"), "no such analysis"),
        (("main",), "name a rating"),
        (("main", "high", "--compare", "细胞", "减压"), "one comparison"),
        (("net", "high", "--compare", "细胞", "aspirin"), "not a treatment"),
        (("net", "high", "--compare", "细胞", "细胞"), "two treatments"),
        (("main", "--withdraw"), "is not rated"),
        (("main", "high", "--withdraw"), "takes no rating"),
        (("--reason", "x"), "name the analysis"),
    ],
)
def test_what_is_no_rating_is_refused(
    folder: Path, capsys: pytest.CaptureFixture[str], args: tuple[str, ...], said: str
) -> None:
    assert evipool(folder, "certainty", *args) == 2
    assert said in capsys.readouterr().err


def test_an_analysis_that_is_not_computed_cannot_be_rated(folder: Path) -> None:
    add_trials(folder, MORE, name="more")
    with Project.open(folder) as project, pytest.raises(InputError, match="not computed for the present data"):
        rate(project, "main", "high")
    with Project.open(folder) as project:
        assert ratings(project) == {}


def one(rating: str, comparison: str = "") -> dict[tuple[str, str], Rating]:
    made = Rating(
        analysis="a", comparison=comparison, rating=rating, reasons=("why",), by="AB", at="2026-01-01", fingerprint="f"
    )
    return {("a", comparison): made}


def test_sentences_of_ratings_that_came_moved_stayed_and_went() -> None:
    assert moved(one("low"), one("low")) == {}
    assert moved(one("low"), one("high")) == {"a": ("Certainty moved from low to high (why).",)}
    assert moved({}, one("low", "x against y")) == {
        "a": ("Certainty of x against y is rated for the first time: low (why).",)
    }
    assert moved(one("low"), {}) == {"a": ("Certainty: the rating (low) was taken back.",)}
