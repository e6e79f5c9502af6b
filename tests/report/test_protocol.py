"""Differences from protocol are read off the dated texts of review.toml."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from toolkit.analysis.run import analyse
from toolkit.analysis.settings import differences, record_settings, settings_history
from toolkit.history import undo
from toolkit.model.events import NewEvent
from toolkit.project import Project
from toolkit.report.protocol import difference_rows, differences_section

BASE = """
[review]
title = "综述"
[eligibility]
population = "adults"
[[outcomes]]
id = "tha"
name = "arthroplasty"
type = "binary"
rule = "latest"
[[analyses]]
id = "main"
kind = "pairwise"
outcome = "tha"
measure = "OR"
treatment = "CD+cells"
reference = "CD"
tau2 = "DL"
"""
POST_HOC = """
[[analyses]]
id = "sub"
kind = "pairwise"
outcome = "tha"
measure = "RR"
treatment = "CD+cells"
reference = "CD"
planned = false
post_hoc_reason = "审稿人要求"
"""


class Days:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.day = 1

    def __call__(self) -> str:
        return f"2026-03-{self.day:02d}T10:00:00.000000+00:00"


@pytest.fixture
def days() -> Days:
    return Days()


def seen(tmp_path: Path, days: Days, *texts: str) -> Project:
    """A project whose review.toml held these texts, one a day, each seen by an analysis run."""
    for text in texts:
        (tmp_path / "review.toml").write_text(text, encoding="utf-8")
        with Project.open(tmp_path, clock=days) as project:
            analyse(project)
        days.day += 1
    return Project.open(tmp_path, clock=days)


@pytest.fixture
def opened() -> Iterator[list[Project]]:
    found: list[Project] = []
    yield found
    for project in found:
        project.close()


def rows(project: Project) -> list[list[object]]:
    return difference_rows(differences(project))


def test_a_text_is_kept_once_however_often_it_is_seen(tmp_path: Path, days: Days, opened: list[Project]) -> None:
    project = seen(tmp_path, days, BASE, BASE, BASE + POST_HOC)
    opened.append(project)
    history = settings_history(project)
    assert [(x.at[:10], x.text) for x in history] == [("2026-03-01", BASE), ("2026-03-03", BASE + POST_HOC)]
    assert record_settings(project) is False


def test_changed_added_and_dropped_parts_are_dated_and_a_change_of_wording_is_none(
    tmp_path: Path, days: Days, opened: list[Project]
) -> None:
    changed = BASE.replace('"DL"', '"REML"')
    worded = changed.replace('title = "综述"', 'title = "新标题"').replace('name = "arthroplasty"', 'name = "hip"')
    dropped = worded.replace('rule = "latest"\n', "").replace('"adults"', '"adults over 18"')
    project = seen(tmp_path, days, BASE, changed, worded, dropped + POST_HOC)
    opened.append(project)
    assert rows(project) == [
        ["2026-03-02", "analysis main: tau2", "DL", "REML", "no reason stated"],
        ["2026-03-04", "eligibility: population", "adults", "adults over 18", "no reason stated"],
        ["2026-03-04", "analysis sub", "not there", "added", "post hoc: 审稿人要求"],
        ["2026-03-04", "outcome tha: rule", "latest", None, "no reason stated"],
    ]


def test_a_change_that_was_taken_back_leaves_no_difference(tmp_path: Path, days: Days, opened: list[Project]) -> None:
    project = seen(tmp_path, days, BASE, BASE.replace('"DL"', '"REML"'), BASE)
    opened.append(project)
    assert rows(project) == []
    assert "None. Read off" in differences_section(differences(project))


def test_the_plan_is_what_stood_on_the_day_of_registration(tmp_path: Path, days: Days, opened: list[Project]) -> None:
    protocol = "[protocol]\ndate = 2026-03-02\n"
    second = BASE.replace('"DL"', '"REML"')
    project = seen(tmp_path, days, BASE, second, protocol + second.replace('"REML"', '"PM"'))
    opened.append(project)
    assert rows(project) == [["2026-03-03", "analysis main: tau2", "REML", "PM", "no reason stated"]]


def test_an_analysis_marked_post_hoc_from_the_start_is_a_difference(
    tmp_path: Path, days: Days, opened: list[Project]
) -> None:
    project = seen(tmp_path, days, BASE + POST_HOC)
    opened.append(project)
    assert rows(project) == [["2026-03-01", "analysis sub", "not there", "added", "post hoc: 审稿人要求"]]


def test_without_a_kept_text_the_section_is_empty(tmp_path: Path, opened: list[Project]) -> None:
    (tmp_path / "review.toml").write_text(BASE, encoding="utf-8")
    opened.append(Project.open(tmp_path))
    assert differences_section(differences(opened[0])) == ""


def test_undo_passes_over_the_kept_settings_to_what_a_person_did(
    tmp_path: Path, days: Days, opened: list[Project]
) -> None:
    project = seen(tmp_path, days, BASE)
    opened.append(project)
    with project.writing("note something") as batch:
        batch.append([NewEvent(kind="note", subject="review", value="x")])
    (tmp_path / "review.toml").write_text(BASE.replace('"DL"', '"REML"'), encoding="utf-8")
    assert record_settings(project)
    assert undo(project, dry_run=True).line.command == "note something"
