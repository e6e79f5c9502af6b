"""`evipool update`: rounds, what waits, failures, and the same end after any kill."""

from __future__ import annotations

import hashlib
import json
import os
import random
import re
import shutil
import subprocess
import sys
import time
import urllib.error
import urllib.request
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.analysis.builders import SETTINGS, evipool, make_review
from toolkit.cli.common import Settings, run
from toolkit.demo.run import build, run_steps
from toolkit.demo.steps import REVIEWS, Review
from toolkit.overview import overview
from toolkit.project import Project
from toolkit.search.replies import ReplayOpener
from toolkit.search.transport import Settings as TransportSettings
from toolkit.search.transport import Transport
from toolkit.store import views
from toolkit.update import plan, waiting_for_people

FIRST, SECOND = "replies/2021-05-31", "replies/2026-10-31"


def steps_before(last: str) -> Review:
    """The demo review up to the step before the first one that starts with ``last``."""
    review = REVIEWS["onfh"]
    end = next(i for i, step in enumerate(review.steps) if step.command.startswith(last))
    return replace(review, steps=review.steps[:end])


@pytest.fixture(scope="session")
def first_round(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The demo review when people have finished its first round."""
    folder = tmp_path_factory.mktemp("round") / "review"
    build("onfh", folder)
    run_steps(steps_before("update"), folder, run, show=lambda number, step, command: None)
    return folder


@pytest.fixture
def folder(first_round: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(first_round, tmp_path / "review"))


def updated(folder: Path, *args: str) -> int:
    return evipool(folder, "update", *args)


def searched(folder: Path) -> int:
    return updated(folder, "--replies", str(folder / SECOND))


def versions(folder: Path) -> list[str]:
    with Project.open(folder) as project:
        return [v.label for v in views.versions(project.store)]


def snapshot(folder: Path) -> dict[str, Any]:
    """Everything an update leaves, but for ids and times of events and the hash chain over them."""
    with Project.open(folder) as project:
        events = [(e.kind, e.stage, e.subject, e.field, e.value, e.void, e.payload) for e in project.store.events()]
        runs = [(r.id, r.searched_on) for r in views.runs(project.store, include_open=True)]
    page = (folder / "report" / "report.html").read_text(encoding="utf-8")
    page = re.sub(r'name="evipool-state" content="\w+"', "", page)
    page = re.sub(r"chain of hashes that ends in \w+", "", page)
    results = {
        p.relative_to(folder).as_posix(): hashlib.sha256(p.read_bytes()).hexdigest()
        for p in sorted((folder / "results").rglob("*"))
        if p.is_file()
    }
    return {"events": events, "runs": runs, "results": results, "page": page}


def files(folder: Path) -> dict[str, bytes]:
    """Every file of the project but the database's own scratch files and what is kept to be quicker next time."""
    return {
        p.relative_to(folder).as_posix(): p.read_bytes()
        for p in folder.rglob("*")
        if p.is_file() and not p.name.startswith("evipool.db-") and ".cache" not in p.parts
    }


def test_a_finished_round_is_closed_and_the_next_begins_in_one_call(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert searched(folder) == 3
    out = capsys.readouterr().out
    assert "26 records, 1 new, 25 known before" in out
    assert "Version 1 of the review is closed." in out
    assert 'evipool screen export "ta-AB.csv"' in out
    assert versions(folder) == ["1"]


def test_called_twice_while_people_work_it_changes_nothing(folder: Path) -> None:
    assert searched(folder) == 3
    before = files(folder)
    assert searched(folder) == 3
    assert files(folder) == before


def test_open_work_of_people_does_not_stop_what_is_decided(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert searched(folder) == 3
    form = tmp_path / "results.csv"
    form.write_text("study,arm,outcome,months,events\nKang2018,SC,tha_conversion,51.4,16\n", encoding="utf-8")
    assert evipool(folder, "extract", "import", str(form), "--table", "results", "--as", "AB") == 0
    capsys.readouterr()
    assert updated(folder) == 3
    out = capsys.readouterr().out
    assert "Analyses computed anew: tha-nonrandomised, tha-all, tha-all-dl, tha-without-hernigou, tha-network" in out
    assert "Kang2018" in (folder / "report" / "report.html").read_text(encoding="utf-8")
    assert versions(folder) == ["1"]


def test_a_search_that_finds_nothing_new_closes_the_round_at_once(folder: Path) -> None:
    assert updated(folder, "--replies", str(folder / FIRST), "--date", "2021-05-31") == 0
    # The very same search of the very same day is no new run, so there is nothing to close a second version over.
    assert versions(folder) == ["1"]
    assert updated(folder, "--replies", str(folder / FIRST), "--date", "2021-05-31") == 0
    assert versions(folder) == ["1"]


def test_a_later_export_without_news_is_a_version_of_its_own_with_the_same_results(folder: Path) -> None:
    assert updated(folder, "--no-search") == 0
    again = folder / "imports" / "again.ris"
    again.write_bytes((folder / "imports" / "2021-05-31" / "embase.ris").read_bytes() + b"\r\n")
    assert evipool(folder, "import", str(again), "--database", "Embase", "--date", "2022-01-01") == 0
    assert updated(folder, "--no-search") == 0
    assert versions(folder) == ["1", "2"]
    page = (folder / "report" / "report.html").read_text(encoding="utf-8")
    assert "No study came into the review or left it." in page
    assert "States of the data looked at so far: 1 at most" in page


def test_plan_changes_nothing_and_agrees_with_status_and_with_what_update_does(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = files(folder)
    assert updated(folder, "--plan") == 0
    assert updated(folder, "--plan", "--format", "json") == 0
    assert files(folder) == before
    with Project.open(folder) as project:
        due = [s.name for s in plan(project) if s.status == "due"]
    assert due == ["search", "version"]
    assert searched(folder) == 3
    with Project.open(folder) as project:
        steps, waits = plan(project), overview(project).waiting
        assert waiting_for_people(project) == [w for w in waits if w.blocks]
    assert [(s.name, s.command) for s in steps if s.status == "waiting"] == [
        (w.what, w.command) for w in waits if w.blocks
    ]
    search = next(s for s in steps if s.name == "search")
    assert (search.status, search.why.endswith("this round still waits for people")) == ("later", True)
    capsys.readouterr()
    assert updated(folder, "--plan", "--format", "json") == 3
    assert {"name", "status", "why", "command"} == set(json.loads(capsys.readouterr().out)[0])


def test_without_search_a_finished_round_is_closed_and_none_begun(folder: Path) -> None:
    assert updated(folder, "--no-search") == 0
    assert versions(folder) == ["1"]
    with Project.open(folder) as project:
        assert sum(run.kind == "search" for run in views.runs(project.store)) == 1
    before = files(folder)
    assert updated(folder, "--no-search") == 0
    assert files(folder) == before


class Cut:
    """PubMed, whose line is cut before it delivers records."""

    paced = False

    def __init__(self, replies: Path) -> None:
        self._replies = ReplayOpener(replies)

    def __call__(self, request: urllib.request.Request, timeout: float) -> Any:
        if "efetch" in request.full_url:
            raise urllib.error.URLError("cut")
        return self._replies(request, timeout)


def with_cut_line(folder: Path) -> Settings:
    now = [0.0]

    def sleep(seconds: float) -> None:
        now[0] += seconds

    transport = Transport(
        settings=TransportSettings(email="a@example.org"),
        opener=Cut(folder / SECOND),
        clock=lambda: now[0],
        sleep=sleep,
    )
    return Settings(transport=transport)


def test_a_failed_search_ends_with_1_and_everything_else_is_done(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["-C", str(folder), "update", "--date", "2026-10-31"], with_cut_line(folder)) == 1
    assert "PubMed was not searched:" in capsys.readouterr().err
    assert versions(folder) == ["1"]
    with Project.open(folder) as project:
        assert sum(run.kind == "search" for run in views.runs(project.store)) == 1
    assert (folder / "report" / "report.html").is_file()
    # The search that was cut off blocks nothing: the next call goes on with it.
    assert searched(folder) == 3
    assert len(snapshot(folder)["runs"]) == 7


def test_a_search_that_cannot_be_made_ends_with_2_and_everything_else_is_done(folder: Path) -> None:
    (folder / "search_strategies" / "pubmed.txt").write_text("(bone[tiab]\n", encoding="utf-8")
    assert searched(folder) == 2
    assert versions(folder) == ["1"]
    assert (folder / "report" / "report.html").is_file()


def test_a_refused_analysis_ends_with_2_keeps_the_round_open_and_the_rest_runs(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    form = tmp_path / "studies.csv"
    form.write_text("study,cohort\nKang2018,one\nNally2018,one\n", encoding="utf-8")
    assert evipool(folder, "extract", "import", str(form), "--table", "studies", "--as", "AB") == 0
    capsys.readouterr()
    assert searched(folder) == 2
    out = capsys.readouterr().out
    assert "Analyses unchanged: tha-randomised" in out
    assert "report the same patients" in out
    assert versions(folder) == []


def test_the_first_call_of_a_review_searches_and_waits(folder: Path, tmp_path: Path) -> None:
    fresh = tmp_path / "fresh"
    fresh.mkdir()
    for name in ("review.toml", "search_strategies", "replies"):
        source = folder / name
        if source.is_dir():
            shutil.copytree(source, fresh / name)
        else:
            shutil.copy(source, fresh / name)
    assert updated(fresh, "--plan") == 0
    assert updated(fresh, "--replies", str(fresh / FIRST)) == 3
    assert versions(fresh) == []
    with Project.open(fresh) as project:
        assert len(views.records(project.store)) == 25
        assert any("title-abstract" in w.what for w in waiting_for_people(project))


def test_a_review_without_anything_to_search_or_decide_closes_no_version(tmp_path: Path) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    (empty / "review.toml").write_text('[review]\ntitle = "空"\n', encoding="utf-8")
    assert updated(empty) == 0
    assert versions(empty) == []


def test_reports_that_nobody_is_declared_to_judge_keep_the_round_open(tmp_path: Path) -> None:
    nobody = SETTINGS.replace('[[reviewers]]\nname = "AB"\n', "").replace('kind = "citation"', 'kind = "database"')
    folder = tmp_path / "r"
    folder.mkdir()
    (folder / "review.toml").write_text(nobody, encoding="utf-8")
    ris = tmp_path / "x.ris"
    ris.write_text("TY  - JOUR\nTI  - One trial of decompression\nER  - \n", encoding="utf-8")
    assert evipool(folder, "import", str(ris), "--database", "Lists", "--date", "2026-01-01") == 0
    assert updated(folder) == 3
    assert versions(folder) == []


def test_a_study_without_numbers_keeps_the_round_open_until_somebody_says_there_are_none(tmp_path: Path) -> None:
    folder = make_review(tmp_path / "r")
    assert evipool(folder, "fulltext", "link", "Ng2015", "Second2016", "--as", "AB") == 0
    assert updated(folder) == 3
    form = tmp_path / "none.csv"
    form.write_text(
        "study,arm,outcome,months,note\nSecond2016,all,none,,reports no outcome of ours\n", encoding="utf-8"
    )
    assert evipool(folder, "extract", "import", str(form), "--table", "results", "--as", "AB") == 0
    assert updated(folder) == 0
    assert versions(folder) == ["1"]


def test_before_extraction_update_says_whether_the_waiting_studies_would_matter(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = make_review(tmp_path / "r")
    assert updated(folder) == 0
    assert "Before extraction" not in capsys.readouterr().out
    for study in ("Second2016", "Third2017"):
        assert evipool(folder, "fulltext", "link", "Ng2015", study, "--as", "AB") == 0
    capsys.readouterr()
    assert evipool(folder, "update", "--plan", "--format", "json") == 3
    (step,) = (s for s in json.loads(capsys.readouterr().out) if s["status"] == "foreseen")
    assert step["why"].startswith("2 studies of the usual 49 patients would move the interval's position")
    # the command that the plan names gives the same answer
    assert step["command"] == "evipool monitor main --patients 98 --studies 2"
    assert evipool(folder, *step["command"].split()[1:]) == 0
    shares = [word for word in step["why"].split() if word.endswith("%")]
    answer = capsys.readouterr().out
    assert "98 new patients in 2 studies" in answer and all(share in answer for share in shares)
    assert updated(folder) == 3
    assert f"Before extraction, main: {step['why']}." in capsys.readouterr().out


def test_json_tells_what_was_done(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    capsys.readouterr()
    assert updated(folder, "--replies", str(folder / SECOND), "--format", "json") == 3
    told = json.loads(capsys.readouterr().out)
    assert (told["closed_versions"], told["failures"], told["searches"][0]["new"]) == (["1"], [], 1)
    assert {w["person"] for w in told["waiting"]} == {"AB", "CD"}
    assert Path(told["report"]["path"]).is_file()


@pytest.mark.skipif(sys.platform == "win32", reason="no SIGKILL")
def test_killed_at_any_moment_the_next_update_ends_as_an_undisturbed_one(first_round: Path, tmp_path: Path) -> None:
    def copy(name: str) -> Path:
        return Path(shutil.copytree(first_round, tmp_path / name))

    def start(folder: Path) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "toolkit", "-C", str(folder), "update", "--replies", str(folder / SECOND)]
        return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    calm = copy("calm")
    began = time.monotonic()
    assert start(calm).wait() == 3
    took = time.monotonic() - began
    expected = snapshot(calm)
    # Four moments here; EVIPOOL_KILLS=50 tries as many random ones, which takes minutes.
    many = int(os.environ.get("EVIPOOL_KILLS", "0"))
    chance = random.Random(7)
    shares = [chance.uniform(0.02, 1) for _ in range(many)] or [0.35, 0.55, 0.75, 0.92]
    for i, share in enumerate(shares):
        folder = copy(f"killed-{i}")
        process = start(folder)
        time.sleep(took * share)
        process.kill()
        process.wait()
        assert start(folder).wait() == 3
        assert snapshot(folder) == expected, f"killed after {took * share:.2f} s"
        shutil.rmtree(folder)
