"""What nobody foresaw still ends in words, and what a killed command left is found."""

from __future__ import annotations

import contextlib
import errno
import io
import os
import shlex
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from toolkit import doctor
from toolkit.cli.common import run

ROOT = Path(__file__).resolve().parents[2]
RIS = "TY  - JOUR\nTI  - A trial\nER  - \n"


def test_a_fault_of_our_own_is_told_in_words_with_the_traceback_in_a_file(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    def broken(folder: Path) -> list[doctor.Finding]:
        raise KeyError("unforeseen")

    monkeypatch.setattr(doctor, "examine", broken)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    assert run(["doctor"]) == 1
    told = capsys.readouterr().err
    assert "a fault of evipool" in told
    assert "unforeseen" in told
    assert "Traceback" not in told
    (report,) = tmp_path.glob("evipool-fault-*.txt")
    assert "Traceback" in report.read_text(encoding="utf-8")
    monkeypatch.setenv("EVIPOOL_TRACEBACK", "1")
    with pytest.raises(KeyError):
        run(["doctor"])


def test_a_file_name_too_long_is_a_mistake_of_the_call(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["pairwise", "x" * 5000, "--measure", "OR"]) == 2
    assert "Traceback" not in capsys.readouterr().err


def test_what_a_killed_command_left_is_removed_when_it_is_surely_dead(tmp_path: Path) -> None:
    for name in ("results/a/.unfinished-0f/data.csv", "report/.evipool-x.png", "report/.data.csv.abc.tmp"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("half")
    kept = tmp_path / ".git"
    kept.mkdir()
    now = time.time()
    assert doctor.check_leftovers(tmp_path, now) == []
    (finding,) = doctor.check_leftovers(tmp_path, now + 7200)
    assert finding.message.startswith("3 unfinished files")
    assert finding.fix is not None
    finding.fix()
    assert [p for p in tmp_path.rglob("*") if p.is_file()] == []
    assert kept.is_dir()


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="root reads everything")
def test_an_unreadable_review_toml_is_a_finding(tmp_path: Path) -> None:
    (tmp_path / "review.toml").write_text('[review]\ntitle = "T"\n', encoding="utf-8")
    (tmp_path / "review.toml").chmod(0)
    assert any(f.code == "review-toml" for f in doctor.project_checks(tmp_path))


def test_dedup_file_replaces_none_of_the_files_it_reads(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = tmp_path / "a.ris"
    source.write_text(RIS, encoding="utf-8")
    assert run(["dedup-file", str(source), "-o", str(source)]) == 2
    assert run(["dedup-file", str(source), "-o", str(tmp_path / "b.csv"), "--trace", str(tmp_path / "b.csv")]) == 2
    assert source.read_text(encoding="utf-8") == RIS
    assert not (tmp_path / "b.csv").exists()
    assert "give it another name" in capsys.readouterr().err


def test_control_characters_of_an_export_reach_no_document(tmp_path: Path) -> None:
    source = tmp_path / "a.ris"
    source.write_text(RIS.replace("A trial", "A\x01 tri\x7fal"), encoding="utf-8")
    assert run(["convert", str(source), str(tmp_path / "b.xml")]) == 0
    assert "A trial" in (tmp_path / "b.xml").read_text(encoding="utf-8")


def program(*command: str, shell: str = "", folder: Path) -> tuple[int, str]:
    """Exit code and standard error of evipool in a shell, its standard output treated as ``shell`` says."""
    words = " ".join(shlex.quote(word) for word in (sys.executable, "-m", "toolkit", *command))
    done = subprocess.run(
        ["bash", "-c", f"{words} {shell}; exit ${{PIPESTATUS[0]}}"],
        capture_output=True, cwd=folder, timeout=60, check=False, env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    return done.returncode, done.stderr.decode("utf-8")


@pytest.mark.skipif(sys.platform == "win32", reason="a shell of POSIX")
@pytest.mark.parametrize(
    ("shell", "code", "words"),
    [("| true", 0, ""), ("| head -1", 0, ""), (">&-", 0, ""), ("> /dev/full", 1, "No space left")],
)
def test_a_reader_that_goes_away_is_no_error_and_a_full_disk_is_one(
    tmp_path: Path, shell: str, code: int, words: str
) -> None:
    assert program("init", "r", folder=tmp_path) == (0, "")
    for _ in range(3):  # the reader may go before or after the writing
        found, told = program("-C", "r", "status", shell=shell, folder=tmp_path)
        assert found == code
        assert words in told
        assert (told == "") == (words == "")
        assert "Exception" not in told


class ReaderThatLeaves(io.RawIOBase):
    """A pipe whose reader is gone after some writes."""

    def __init__(self, writes: int) -> None:
        self.left = writes

    def writable(self) -> bool:
        return True

    def fileno(self) -> int:
        return os.open(os.devnull, os.O_WRONLY)

    def write(self, data: Any) -> int:
        self.left -= 1
        if self.left < 0:
            raise BrokenPipeError(errno.EPIPE, "Broken pipe")
        return memoryview(data).nbytes


@pytest.mark.parametrize("writes", range(8))
def test_a_reader_may_go_at_any_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, writes: int) -> None:
    assert run(["init", str(tmp_path / "r")]) == 0
    for command in (["status"], ["log"], ["status", "--help"]):
        stream = io.TextIOWrapper(io.BufferedWriter(ReaderThatLeaves(writes)), encoding="utf-8")
        monkeypatch.setattr(sys, "stdout", stream)
        assert run(["-C", str(tmp_path / "r"), *command]) == 0
        monkeypatch.undo()
        with contextlib.suppress(BrokenPipeError):
            stream.detach()


@pytest.mark.skipif(sys.platform != "linux", reason="names of bytes")
def test_a_file_whose_name_is_no_text_can_be_imported(tmp_path: Path) -> None:
    assert program("init", "r", folder=tmp_path)[0] == 0
    settings = tmp_path / "r" / "review.toml"
    settings.write_text('[review]\ntitle = "T"\n[[sources]]\nname = "Embase"\n', encoding="utf-8")
    source = Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xd6\xd0.ris"))
    source.write_text(RIS, encoding="utf-8")
    assert run(["-C", str(tmp_path / "r"), "import", str(source), "--source", "Embase", "--date", "2026-01-01"]) == 0
