"""What nobody foresaw still ends in words, and what a killed command left is found."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from toolkit import doctor
from toolkit.cli.common import run

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
