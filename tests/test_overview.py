"""The overview of a review, the plan of its analyses and its flow are the same with and without what commands keep."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from toolkit.analysis.plan import plan
from toolkit.model.events import NewEvent
from toolkit.model.review import FULL_TEXT, STAGES, TITLE_ABSTRACT
from toolkit.overview import overview
from toolkit.prisma.run import present_numbers
from toolkit.project import Project
from toolkit.store import NewRecord, content_id, kept
from toolkit.store.cache import FOLDER

SETTINGS = """\
[review]
title = "A review"
[eligibility]
exclusion_reasons = ["population", "design"]
[screening]
title_abstract = 2
full_text = 1
[[reviewers]]
name = "AB"
[[reviewers]]
name = "CD"
[[sources]]
name = "PubMed"
[[outcomes]]
id = "death"
name = "death"
type = "binary"
better = "lower"
[[analyses]]
id = "all"
kind = "pairwise"
outcome = "death"
measure = "OR"
treatment = "drug"
reference = "control"
[[analyses]]
id = "network"
kind = "network"
outcome = "death"
measure = "RR"
reference = "control"
"""
RECORDS = [content_id("a", i) for i in range(4)]
record, person = st.sampled_from(RECORDS), st.sampled_from(["AB", "CD"])
study = st.sampled_from(["S1", "S2"])


def cells(study: str, arm: str, dead: str, who: str) -> list[NewEvent]:
    """One row of results."""
    row = {"treatment": arm, "n": "50", "events": dead, "status": "reported"}
    key = f"{study}|{arm}|death|12"
    return [NewEvent(kind="extract", stage="results", subject=key, field=k, value=v, actor=who) for k, v in row.items()]


changes = st.one_of(
    st.builds(lambda r, s, v, a: [NewEvent(kind="screen", stage=s, subject=r, value=v, actor=a)],
              record, st.sampled_from(STAGES), st.sampled_from(["include", "exclude"]), person),
    st.builds(lambda r, v: [NewEvent(kind="resolve", stage=TITLE_ABSTRACT, subject=r, value=v, payload={"seen": []},
                                     actor="AB")], record, st.sampled_from(["include", "exclude"])),
    st.builds(lambda r, to: [NewEvent(kind="assign", subject=r, value=to, actor="rule:x")], record, record),
    st.builds(lambda r: [NewEvent(kind="retrieve", subject=r, value="retrieved", actor="AB")], record),
    st.builds(lambda r, s: [NewEvent(kind="link", subject=r, field=s, value="primary", actor="AB")], record, study),
    st.builds(lambda s, v: [NewEvent(kind="study", subject=s, value=v, actor="AB")],
              study, st.sampled_from(["included", "ongoing", "removed"])),
    st.builds(lambda s, n, a: cells(s, "drug", str(n), a) + cells(s, "control", "9", a),
              study, st.integers(0, 3), person),
    st.builds(lambda v: [NewEvent(kind="run", subject="a", value=v)], st.sampled_from(["complete", "discarded"])),
    st.builds(lambda r: [NewEvent(kind="remove", subject=r, value="automation", actor="AB")], record),
    st.just([NewEvent(kind="screen", stage=s, subject=r, value="include", actor=a)
             for s in STAGES for r in RECORDS[:2] for a in ("AB", "CD")]),
)  # fmt: skip


def start(root: Path) -> Path:
    (root / "review.toml").write_text(SETTINGS, encoding="utf-8")
    new = [NewRecord(id=i, ordinal=k, external_id="", format="ris", raw=b"x", fields={"title": f"Trial {k}"})
           for k, i in enumerate(RECORDS)]  # fmt: skip
    with Project.open(root) as project, project.writing("import", actor="AB") as batch:
        batch.add_run(
            run_id="a", kind="import", source="PubMed", source_kind="database", file_name="a", sha256="a",
            searched_on="2026-01-01", detail={},
        )  # fmt: skip
        batch.add_records("a", new)
        batch.append([NewEvent(kind="run", subject="a", value="complete")])
    return root


def told(root: Path, *, keeps: bool) -> tuple[Any, Any, Any]:
    """What status, the plan of analyses and the flow say."""
    with Project.open(root) as project:
        if not keeps:
            project.store.cache = None
        outcomes = plan(project, read=False)
        planned = [(o.analysis.id, o.status, o.fingerprint, o.problem) for o in outcomes]
        pooled = tuple((o.analysis.id, o.studies) for o in outcomes)
        return overview(project).as_json(), planned, asdict(present_numbers(project, syntheses=pooled))


@settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(changes, st.booleans()), max_size=10), st.sampled_from([0, 100]))
def test_status_and_plan_are_the_same_with_and_without_what_was_kept(
    tmp_path_factory: pytest.TempPathFactory, history: list[tuple[list[NewEvent], bool]], few: int
) -> None:
    root, before = start(tmp_path_factory.mktemp("review")), kept._FEW
    kept._FEW = few
    try:
        for events, asks in history:
            with Project.open(root) as project, project.writing("do", actor="AB") as batch:
                batch.append(events)
            if asks:
                expected = told(root, keeps=False)
                assert told(root, keeps=True) == expected
                assert told(root, keeps=True) == expected
    finally:
        kept._FEW = before


def test_another_setting_is_seen_though_no_event_says_so(tmp_path: Path) -> None:
    root = start(tmp_path)
    with Project.open(root) as project, project.writing("do", actor="AB") as batch:
        both = [NewEvent(kind="screen", stage=FULL_TEXT, subject=RECORDS[0], value="include", actor="AB"),
                NewEvent(kind="link", subject=RECORDS[0], field="S1", value="primary", actor="AB")]  # fmt: skip
        batch.append(both + cells("S1", "drug", "3", "AB") + cells("S1", "control", "5", "AB"))
    first = told(root, keeps=True)
    (root / "review.toml").write_text(
        SETTINGS.replace("full_text = 1", "full_text = 2").replace('measure = "RR"', 'measure = "RD"'), encoding="utf-8"
    )
    second = told(root, keeps=True)
    assert second == told(root, keeps=False)
    assert first[0]["sections"]["studies"]["included"] == 1
    assert second[0]["sections"]["studies"]["included"] == 0
    assert first[1] != second[1]


def test_status_writes_nothing_into_the_review_itself(tmp_path: Path) -> None:
    root = start(tmp_path)
    told(root, keeps=True)
    with Project.open(root) as project:
        before = project.store.head_hash()
    assert (root / FOLDER).is_dir()
    expected = told(root, keeps=True)
    shutil.rmtree(root / FOLDER)
    assert told(root, keeps=True) == expected
    with Project.open(root) as project:
        assert project.store.head_hash() == before


def write_form(root: Path) -> None:
    folder = root / "extraction"
    folder.mkdir(exist_ok=True)
    (folder / "results.csv").write_text(
        "study,arm,treatment,outcome,months,n,events\nS1,a,drug,death,12,50,3\n", "utf-8"
    )


def change_form(root: Path) -> None:
    form = root / "extraction" / "results.csv"
    form.write_text(form.read_text("utf-8").replace(",50,3", ",50,"), "utf-8")


def write_report(root: Path) -> None:
    (root / "report").mkdir(exist_ok=True)
    (root / "report" / "report.html").write_text("<html>", "utf-8")


def begin_import(root: Path) -> None:
    with Project.open(root) as project, project.writing("import", actor="AB") as batch:
        batch.add_run(
            run_id="b", kind="import", source="PubMed", source_kind="database", file_name="b.ris", sha256="b",
            searched_on="2026-01-02", detail={},
        )  # fmt: skip


def older_result(root: Path) -> None:
    folder = root / "results" / "all" / ("0" * 16)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "result.json").write_text("{}", "utf-8")


@pytest.mark.parametrize("change", [write_form, write_report, begin_import, older_result])
def test_what_changes_beside_the_events_is_seen(tmp_path: Path, change: Callable[[Path], None]) -> None:
    root = start(tmp_path)
    first = told(root, keeps=True)
    change(root)
    second = told(root, keeps=True)
    assert second == told(root, keeps=False)
    assert second != first


def test_a_cell_changed_in_a_form_is_seen_and_a_moved_folder_too(tmp_path: Path) -> None:
    (tmp_path / "one").mkdir()
    root = start(tmp_path / "one")
    write_form(root)
    first = told(root, keeps=True)
    change_form(root)
    second = told(root, keeps=True)
    assert second == told(root, keeps=False)
    assert second != first
    moved = root.rename(tmp_path / "two")
    (moved / "review.toml").write_text(SETTINGS.replace('[[sources]]\nname = "PubMed"\n', ""), encoding="utf-8")
    told(moved, keeps=True)
    again = moved.rename(tmp_path / "three")
    assert told(again, keeps=True) == told(again, keeps=False)
    assert str(again) in str(told(again, keeps=True))


def test_what_stands_is_told_again_without_reading_it_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = start(tmp_path)
    with Project.open(root) as project:
        first = overview(project)
    monkeypatch.setattr("toolkit.overview_sections.read_overview", None)
    with Project.open(root) as project:
        assert overview(project) == first


@pytest.mark.skipif(sys.platform != "linux", reason="names of bytes")
def test_a_form_whose_name_is_no_text_is_told_of(tmp_path: Path) -> None:
    root = start(tmp_path)
    write_form(root)
    form = root / "extraction" / "results.csv"
    form.rename(os.fsdecode(os.fsencode(form.parent) + b"/\xd6.csv"))
    assert told(root, keeps=True) == told(root, keeps=True) == told(root, keeps=False)
