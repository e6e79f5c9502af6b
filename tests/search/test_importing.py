"""Importing export files: whole or not at all, once, and resumable."""

from __future__ import annotations

import errno
import io
import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from toolkit.cli.common import run
from toolkit.model.errors import InputError, SourceError
from toolkit.project import Project
from toolkit.search.importing import BATCH, import_file
from toolkit.store import views

SETTINGS = """
[review]
title = "骨坏死"
[[reviewers]]
name = "AB"
[[sources]]
name = "Embase"
[[sources]]
name = "CNKI"
[[sources]]
name = "ChiCTR"
kind = "register"
[[sources]]
name = "Reference lists"
kind = "citation"
"""


def ris(count: int, start: int = 0) -> str:
    return "".join(
        f"TY  - JOUR\nAU  - 王, 伟\nAU  - Smith, J\nTI  - 股骨头坏死 trial {i}\nPY  - 2019\nDO  - 10.1000/x.{i}\n"
        f"AB  - {'Core decompression. ' * 20}\nER  - \n\n"
        for i in range(start, start + count)
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    root = tmp_path / "综述"
    root.mkdir()
    (root / "review.toml").write_text(SETTINGS, encoding="utf-8")
    return root


@pytest.fixture
def project(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Project]:
    monkeypatch.delenv("EVIPOOL_REVIEWER", raising=False)
    with Project.open(folder) as opened:
        yield opened


@pytest.fixture
def export(tmp_path: Path) -> Path:
    path = tmp_path / "导出 1.ris"
    path.write_text(ris(3), encoding="utf-8")
    return path


def test_records_keep_bytes_fields_source_and_day(project: Project, export: Path) -> None:
    outcome = import_file(project, export, source="embase", searched_on=date(2026, 1, 15), expect=3)
    assert (outcome.new, outcome.records, outcome.lost, outcome.repeated) == (3, 3, 0, False)
    (finished,) = views.runs(project.store)
    assert (finished.source, finished.source_kind, finished.searched_on, finished.file_name) == (
        "Embase", "database", "2026-01-15", "导出 1.ris",
    )  # fmt: skip
    records = list(views.records(project.store).values())
    assert [r.fields.title for r in records] == [f"股骨头坏死 trial {i}" for i in range(3)]
    assert "TI  - 股骨头坏死 trial 1" in views.raw_record(project.store, records[1].id).decode("utf-8")
    assert project.store.blob(finished.sha256) == export.read_bytes()


@pytest.mark.parametrize(("source", "column"), [("ChiCTR", "register"), ("Reference lists", "other")])
def test_the_kind_of_source_decides_the_column(project: Project, export: Path, source: str, column: str) -> None:
    import_file(project, export, source=source)
    assert views.runs(project.store)[0].source_kind == column


@pytest.mark.parametrize("room", [0, 900], ids=["none", "for some"])
def test_without_room_to_keep_what_was_read_the_same_is_stored(
    project: Project, export: Path, monkeypatch: pytest.MonkeyPatch, room: int
) -> None:
    class Disk(io.BytesIO):
        def write(self, data: Any) -> int:
            if self.tell() + len(data) > room:
                raise OSError(errno.ENOSPC, "No space left on device")
            return super().write(data)

    monkeypatch.setattr("tempfile.TemporaryFile", Disk)
    assert import_file(project, export, source="Embase").new == 3
    titles = [r.fields.title for r in views.records(project.store).values()]
    assert titles == [f"股骨头坏死 trial {i}" for i in range(3)]


def test_the_same_file_adds_nothing_under_any_name(project: Project, export: Path) -> None:
    first = import_file(project, export, source="Embase")
    events = project.store.events()
    renamed = export.with_name("copy.txt")
    renamed.write_bytes(export.read_bytes())
    for path in (export, renamed):
        again = import_file(project, path, source="Embase")
        assert (again.repeated, again.new, again.records, again.run_id) == (True, 0, 3, first.run_id)
    assert "(as 导出 1.ris)" in again.notes[0]
    assert project.store.events() == events


def test_the_same_file_under_another_source_date_or_number_is_refused(project: Project, export: Path) -> None:
    import_file(project, export, source="Embase", searched_on=date(2026, 1, 15))
    with pytest.raises(InputError, match="imported under Embase already"):
        import_file(project, export, source="CNKI")
    with pytest.raises(InputError, match="searched on 2026-01-15"):
        import_file(project, export, source="Embase", searched_on=date(2026, 2, 1))
    with pytest.raises(InputError, match="with 3 records"):
        import_file(project, export, source="Embase", expect=4)


def test_an_undone_import_comes_back_under_the_right_source_with_the_same_records(
    project: Project, export: Path
) -> None:
    import_file(project, export, source="Embase", searched_on=date(2026, 1, 15))
    ids = list(views.records(project.store))
    project.store.undo(project.store.batches()[-1].id, actor="AB", command="undo")
    assert views.records(project.store) == {}
    outcome = import_file(project, export, source="CNKI", searched_on=date(2026, 2, 1))
    assert (outcome.new, outcome.records, outcome.repeated) == (0, 3, False)
    (finished,) = views.runs(project.store)
    assert (finished.source, finished.searched_on) == ("CNKI", "2026-02-01")
    assert list(views.records(project.store)) == ids


def test_a_source_that_is_not_declared_says_what_to_add(project: Project, export: Path) -> None:
    with pytest.raises(InputError, match=r"Found: 'Scopus'. Allowed: Embase, CNKI.*Add it under \[\[sources\]\]"):
        import_file(project, export, source="Scopus")


def test_another_number_than_expected_is_refused_unless_accepted(project: Project, export: Path) -> None:
    with pytest.raises(InputError, match="4 records were expected and 3 are in it"):
        import_file(project, export, source="Embase", expect=4)
    assert views.runs(project.store, include_open=True) == []
    import_file(project, export, source="Embase", expect=4, accept_loss=True)
    detail = views.runs(project.store)[0].detail
    assert detail["accepted"] == ["4 records were expected and 3 are in it"]
    assert detail["expected"] == 4


def test_an_accepted_loss_is_printed_and_stands_in_the_report_of_the_search(
    folder: Path, export: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["-C", str(folder), "--as", "AB"]
    given = ["--database", "Embase", "--date", "2026-02-01", "--expect", "4"]
    assert run([*arguments, "import", str(export), *given, "--accept-loss"]) == 0
    said = "Accepted by AB: 4 records were expected and 3 are in it."
    assert said in capsys.readouterr().out
    assert run([*arguments, "search", "report"]) == 0
    assert "4 records were expected and 3 are in it (accepted by AB)" in capsys.readouterr().out


def test_a_day_to_come_is_refused(project: Project, export: Path) -> None:
    with pytest.raises(InputError, match=r"still to come.*2099-01-01"):
        import_file(project, export, source="Embase", searched_on=date(2099, 1, 1))
    assert views.runs(project.store, include_open=True) == []


def test_a_file_cut_off_in_a_record_is_refused_and_nothing_is_stored(project: Project, tmp_path: Path) -> None:
    cut = tmp_path / "cut.ris"
    cut.write_text(ris(3)[:-20].rstrip(), encoding="utf-8")
    with pytest.raises(InputError, match=r"nothing was imported.*cut off.*--accept-loss"):
        import_file(project, cut, source="Embase")
    assert views.runs(project.store, include_open=True) == []
    assert project.store.batches() == []


@pytest.mark.parametrize(
    ("content", "words"),
    [(b"%PDF-1.7 ...", "PDF"), (b"<!doctype html><html>login", "web page"), (b"", "empty"), (b"hello\n", "")],
)
def test_a_file_that_is_no_export_is_named_for_what_it_is(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], content: bytes, words: str
) -> None:
    path = tmp_path / "export.ris"
    path.write_bytes(content)
    assert run(["import", str(path), "--database", "Embase", "-C", str(folder)]) == 2
    error = capsys.readouterr().err
    assert "export.ris" in error
    assert words in error


def test_records_that_say_they_were_retracted_are_noted_once(project: Project, tmp_path: Path) -> None:
    path = tmp_path / "pubmed.nbib"
    path.write_text(
        "PMID- 1\nTI  - A trial\nPT  - Retracted Publication\n\nPMID- 2\nTI  - Another\nPT  - Journal Article\n",
        encoding="utf-8",
    )
    assert import_file(project, path, source="Embase").retracted == 1
    import_file(project, path, source="Embase")
    assert [e.value for e in project.store.events(kind="retract")] == ["retracted"]
    (report,) = views.retractions(project.store)
    assert views.records(project.store)[report].fields.title == "A trial"


def test_the_command_says_what_it_did_and_that_a_second_time_adds_nothing(
    folder: Path, export: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    args = ["-C", str(folder), "import", str(export), "--database", "Embase", "--date", "2026-01-15"]
    assert run(args) == 0
    assert "3 records of Embase, searched 2026-01-15" in capsys.readouterr().out
    assert run(args) == 0
    assert "nothing added; Embase holds its 3 records already" in capsys.readouterr().out
    assert run([*args, str(export), "--expect", "3"]) == 2
    with Project.open(folder) as project:
        assert [b.command for b in project.store.batches()] == [
            f'import "{export}" --database Embase --date 2026-01-15'
        ]


def test_real_exports_of_the_sample_folder_import_whole_or_say_why(project: Project, shared: Path) -> None:
    files = sorted(p for p in (shared / "samples" / "exports").rglob("*") if p.suffix in (".ris", ".nbib", ".ciw"))
    assert files
    imported = 0
    for path in files:
        try:
            outcome = import_file(project, path, source="Embase")
        except InputError as error:
            assert str(path.name) in str(error)
            continue
        assert outcome.repeated or outcome.records == outcome.starters
        imported += 1
    assert imported > len(files) / 2


def test_a_full_disk_leaves_an_import_that_can_be_resumed(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "big.ris"
    path.write_text(ris(BATCH + 500), encoding="utf-8")
    with Project.open(folder) as project:
        project.store.close()
    monkeypatch.setenv("EVIPOOL_MAX_PAGES", "150")
    with Project.open(folder) as small:
        with pytest.raises(SourceError, match="full"):
            import_file(small, path, source="Embase")
        assert views.records(small.store) == {}
    monkeypatch.delenv("EVIPOOL_MAX_PAGES")
    with Project.open(folder) as roomy:
        assert import_file(roomy, path, source="Embase").records == BATCH + 500
        assert len(views.records(roomy.store)) == BATCH + 500
        assert roomy.store.verify_chain() is None


def start(folder: Path, path: Path) -> subprocess.Popen[bytes]:
    environment = {**os.environ, "PYTHONUTF8": "1"}
    environment.pop("EVIPOOL_REVIEWER", None)
    command = [sys.executable, "-m", "toolkit", "-C", str(folder), "import", str(path), "--database", "Embase"]
    # A test run in the background of a script inherits that Ctrl-C is ignored.
    heard = None if sys.platform == "win32" else lambda: signal.signal(signal.SIGINT, signal.SIG_DFL)
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, preexec_fn=heard)


def stored(folder: Path) -> int:
    """Records in the file, counted or not."""
    database = folder / "evipool.db"
    if not database.exists():
        return 0
    connection = sqlite3.connect(f"file:{database}?mode=ro", uri=True)
    try:
        return int(connection.execute("SELECT count(*) FROM record").fetchone()[0])
    except sqlite3.OperationalError:
        return 0
    finally:
        connection.close()


def wait_for_records(folder: Path, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 60
    while stored(folder) == 0 and process.poll() is None:
        assert time.monotonic() < deadline
        time.sleep(0.01)


def state(folder: Path) -> tuple[list[str], int, list[tuple[str, str | None]]]:
    with Project.open(folder) as project:
        events = [(e.kind, e.value) for e in project.store.events()]
        return list(views.records(project.store)), len(views.runs(project.store)), events


@pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
def test_ctrl_c_in_the_middle_exits_130_counts_nothing_and_the_same_command_goes_on(
    folder: Path, tmp_path: Path
) -> None:
    path = tmp_path / "big.ris"
    path.write_text(ris(4 * BATCH), encoding="utf-8")
    process = start(folder, path)
    wait_for_records(folder, process)
    process.send_signal(signal.SIGINT)
    _, error = process.communicate(timeout=60)
    assert process.returncode == 130, error
    assert b"run the same command again" in error
    assert stored(folder) % BATCH == 0
    with Project.open(folder) as project:
        assert views.records(project.store) == {}
        outcome = import_file(project, path, source="Embase")
        assert outcome.resumed
        assert 0 < outcome.new < 4 * BATCH
        assert len(views.records(project.store)) == 4 * BATCH


@pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
def test_killed_at_random_moments_the_same_command_ends_in_the_same_state(tmp_path: Path) -> None:
    path = tmp_path / "big.ris"
    path.write_text(ris(2 * BATCH + 300), encoding="utf-8")
    folders = [tmp_path / "whole", tmp_path / "killed"]
    for folder in folders:
        folder.mkdir()
        (folder / "review.toml").write_text(SETTINGS, encoding="utf-8")
    begin = time.monotonic()
    assert start(folders[0], path).wait(timeout=120) == 0
    whole = time.monotonic() - begin
    dice = random.Random(20260115)
    for _ in range(6):
        process = start(folders[1], path)
        time.sleep(dice.uniform(0.2, 1.0) * whole)
        process.kill()
        process.wait(timeout=60)
        records, runs, _ = state(folders[1])
        assert (len(records), runs) in {(0, 0), (2 * BATCH + 300, 1)}
    assert start(folders[1], path).wait(timeout=120) == 0
    assert state(folders[1]) == state(folders[0])


def nobody(command: list[str]) -> list[str] | None:
    """The command as a user without rights; None where that cannot be had."""
    if sys.platform == "win32":
        return None
    if os.geteuid() != 0:
        return command
    from shutil import which

    if which("setpriv") is None:
        return None
    return ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--", *command]


def test_a_read_only_review_is_refused_in_words_and_stays_as_it_is(tmp_path: Path, folder: Path, export: Path) -> None:
    with Project.open(folder):
        pass
    command = nobody(
        [sys.executable, "-m", "toolkit", "-C", str(folder), "import", str(export), "--database", "Embase"]
    )
    if command is None:
        pytest.skip("needs setpriv, or a user without rights")
    (folder / "evipool.db").chmod(0o444)
    folder.chmod(0o555)
    opened = [p for p in (folder, *folder.parents) if p.stat().st_uid == os.getuid() and p != Path("/")]
    modes = {p: p.stat().st_mode for p in opened if p != folder}
    try:
        for p in modes:
            p.chmod(modes[p] | 0o055)
        before = (folder / "evipool.db").read_bytes()
        done = subprocess.run(
            command, capture_output=True, env={**os.environ, "PYTHONUTF8": "1"}, timeout=60, check=False
        )
        text = done.stderr.decode("utf-8")
        if "Permission denied" in text and "site-packages" in text:
            pytest.skip("the interpreter cannot be read by another user here")
        assert done.returncode == 1, text
        assert "cannot be written" in text
        assert "Traceback" not in text
        assert (folder / "evipool.db").read_bytes() == before
    finally:
        folder.chmod(0o755)
        for p, mode in modes.items():
            p.chmod(mode)


def test_a_locked_review_says_that_another_program_writes(
    folder: Path, export: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    import toolkit.store.database as database

    monkeypatch.setattr(database, "BUSY_SECONDS", 0.1)
    with Project.open(folder):
        pass
    other = sqlite3.connect(folder / "evipool.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    try:
        assert run(["-C", str(folder), "import", str(export), "--database", "Embase"]) == 1
    finally:
        other.execute("ROLLBACK")
        other.close()
    error = capsys.readouterr().err
    assert "another program is writing" in error
    assert "Traceback" not in error
    assert run(["-C", str(folder), "import", str(export), "--database", "Embase"]) == 0


def test_the_number_a_file_states_of_itself_is_reconciled(project: Project, tmp_path: Path) -> None:
    text = "".join(f"Record #{n} of 3\nID: CN-{n}\nTI: Title {n}\nUS: http://x/{n}\n\n" for n in (1, 2))
    path = tmp_path / "cochrane.txt"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match="the file itself says that there are 3 and 2 can be read") as refused:
        import_file(project, path, source="Embase")
    assert "--expect 2" in str(refused.value)
    with pytest.raises(InputError, match="3 records were expected"):
        import_file(project, path, source="Embase", expect=3)
    assert import_file(project, path, source="Embase", expect=2).records == 2
    (run,) = views.runs(project.store)
    assert (run.detail["stated"], run.detail["expected"]) == (3, 2)
