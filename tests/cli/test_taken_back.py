"""What commands say of imports and searches that were taken back, and of many files and sources."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from toolkit.cli.common import run
from toolkit.doctor import check_runs
from toolkit.model.events import NewEvent
from toolkit.project import Project
from toolkit.store import views

SETTINGS = """
[review]
title = "复习"
[[reviewers]]
name = "AB"
[[sources]]
name = "PubMed"
[[sources]]
name = "Criminal Justice Abstracts"
"""
RIS = "TY  - JOUR\nTI  - {title}\nAU  - 王伟\nPY  - 2012\nER  - \n"

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def evipool(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "review.toml").write_text(SETTINGS, encoding="utf-8")
    for name in ("a", "b", "c"):
        (tmp_path / f"{name}.ris").write_text(RIS.format(title=f"Trial {name}"), encoding="utf-8")

    def call(*args: str) -> tuple[int, str, str]:
        code = run(["--as", "AB", *args])
        said = capsys.readouterr()
        return code, said.out, said.err

    return call


def test_an_import_taken_back_is_not_cut_off_and_says_so_when_it_comes_back(evipool: Run, tmp_path: Path) -> None:
    assert evipool("import", "a.ris", "--database", "PubMed")[0] == 0
    assert "  1 run: complete\n" in evipool("undo", "--last")[1]
    with Project.open(tmp_path) as project:
        assert check_runs(project) == []
        assert [run.taken_back for run in views.runs(project.store, include_open=True)] == [True]
    assert "cut off" not in evipool("status")[1]
    out = evipool("import", "a.ris", "--database", "PubMed")[1]
    assert "(it had been taken back)" in out
    assert "carried on" not in out
    with Project.open(tmp_path) as project:
        assert [run.taken_back for run in views.runs(project.store, include_open=True)] == [False]


def test_a_search_taken_back_is_listed_as_such(evipool: Run, tmp_path: Path) -> None:
    with Project.open(tmp_path) as project, project.writing("search run") as batch:
        batch.add_run(
            run_id="r", kind="search", source="PubMed", source_kind="database", file_name="s.txt", sha256="r",
            searched_on="2026-01-01", detail={"count": 0},
        )  # fmt: skip
        batch.append([NewEvent(kind="run", subject="r", value="complete")])
    evipool("undo", "--last")
    listed = " ".join(evipool("search", "list")[1].split())
    assert "taken back" in listed
    assert "run it again" not in listed
    assert json.loads(evipool("search", "list", "--format", "json")[1])[0]["taken_back"]
    code, _, err = evipool("search", "discard", "r")
    assert (code, "no such unfinished search" in err) == (2, True)


def test_each_file_of_an_import_is_one_line_of_the_log_with_its_own_name(evipool: Run) -> None:
    evipool("import", "a.ris", "b.ris", "c.ris", "--database", "PubMed")
    lines = json.loads(evipool("log", "--format", "json")[1])
    assert [line["command"] for line in lines] == [f"import {name}.ris --database PubMed" for name in "abc"]


def test_status_gives_each_source_its_line(evipool: Run) -> None:
    evipool("import", "a.ris", "--database", "PubMed", "--date", "2026-01-15")
    lines = [line.strip() for line in evipool("status")[1].splitlines()]
    assert "records         PubMed: 1 record, last searched 2026-01-15" in lines
    assert "Criminal Justice Abstracts: 0 records, never searched" in lines
    assert "1 record in all" in lines
