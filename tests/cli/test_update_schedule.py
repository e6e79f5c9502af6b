"""An update in a scheduler: a summary whatever happens, one at a time, and nothing asked."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.analysis.builders import evipool, make_review
from toolkit.project import Project
from toolkit.store import views
from toolkit.store.lock import only_one


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return make_review(tmp_path / "综述")


def update(folder: Path, *args: str) -> int:
    return evipool(folder, "update", "--no-search", "--non-interactive", *args)


def told(path: Path) -> dict:
    return json.loads(path.read_text(encoding="utf-8"))


def test_the_summary_says_what_was_done_and_how_it_ended(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code = update(folder, "--summary", str(tmp_path / "s.json"))
    summary = told(tmp_path / "s.json")
    assert summary["exit_code"] == code
    assert summary["error"] is None and summary["started"] < summary["finished"]
    assert {"searches", "failures", "merged", "analyses", "waiting", "closed_versions", "report"} <= set(summary)
    assert Path(summary["report"]["path"]).is_file()
    assert "..." not in capsys.readouterr().err


def test_the_summary_of_an_update_that_fails_names_the_problem(folder: Path, tmp_path: Path) -> None:
    with (folder / "review.toml").open("a", encoding="utf-8") as handle:
        handle.write("\n[nonsense]\nx = 1\n")
    code = update(folder, "--summary", str(tmp_path / "s.json"))
    summary = told(tmp_path / "s.json")
    assert (code, summary["exit_code"]) == (2, 2)
    assert "nonsense" in summary["error"]


def test_a_second_update_does_nothing_while_one_runs(folder: Path, tmp_path: Path) -> None:
    with only_one(folder / ".update.lock", "update"):
        code = update(folder, "--summary", str(tmp_path / "s.json"))
    assert code == 1
    assert "another update of this review is running" in told(tmp_path / "s.json")["error"]
    with Project.open(folder) as project:
        assert not views.versions(project.store)
    assert update(folder) != 1, "the lock is free again"


def test_two_updates_started_together_leave_what_one_leaves(folder: Path, tmp_path: Path) -> None:
    words = ["-m", "toolkit", "-C", str(folder), "update", "--no-search", "--non-interactive"]
    both = [subprocess.Popen([sys.executable, *words], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) for _ in "ab"]
    codes = [process.wait(timeout=120) for process in both]
    for process in both:
        assert process.stderr is not None
        assert b"Traceback" not in process.stderr.read()
        process.stderr.close()
    assert update(folder) == update(folder), "and the next one finds everything in order"
    with Project.open(folder) as project:
        labels = [v.label for v in views.versions(project.store)]
        assert len(labels) == len(set(labels)) <= 1
        assert project.store.verify_chain() is None
    assert set(codes) - {1}, "one of them got through"
    for name in ("results", "report"):
        assert not list((folder / name).rglob(".unfinished-*"))


@pytest.mark.skipif(sys.platform == "win32", reason="no SIGKILL")
def test_a_killed_update_holds_no_lock(folder: Path, tmp_path: Path) -> None:
    code = (
        "import sys, time; from pathlib import Path; from toolkit.store.lock import only_one\n"
        "with only_one(Path(sys.argv[1]), 'x'): print('held', flush=True); time.sleep(60)"
    )
    lock = str(folder / ".update.lock")
    with subprocess.Popen([sys.executable, "-c", code, lock], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None and process.stdout.readline().strip() == b"held"
        assert update(folder) == 1
        process.kill()
    time.sleep(0.05)
    assert update(folder) != 1
