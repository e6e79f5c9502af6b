"""Screening decisions in files of other programs become votes."""

from __future__ import annotations

from pathlib import Path

import pytest

from toolkit.cli.common import run
from toolkit.model.errors import InputError
from toolkit.project import Project
from toolkit.records.decisions import read_decisions
from toolkit.records.files import open_file
from toolkit.store import views

SETTINGS = """
[review]
title = "骨坏死"
[eligibility]
exclusion_reasons = ["wrong population", "wrong design"]
[[reviewers]]
name = "AB"
[[reviewers]]
name = "李华"
[[sources]]
name = "Embase"
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.delenv("EVIPOOL_REVIEWER", raising=False)
    root = tmp_path / "综述"
    root.mkdir()
    (root / "review.toml").write_text(SETTINGS, encoding="utf-8")
    return root


def verdicts(folder: Path, stage: str = "title-abstract") -> dict[str, str]:
    with Project.open(folder) as project:
        given = views.votes(project.store, stage)
        return {f"{v.actor} {report}": v.verdict for report, some in given.items() for v in some}


def counts(folder: Path) -> dict[str, int]:
    found = list(verdicts(folder).values())
    return {word: found.count(word) for word in dict.fromkeys(found)}


# (sample, verdicts) counted by hand in the files.
SAMPLES = [
    ("rayyan/cff_baseline_rayyan.csv", {"include": 2, "maybe": 2, "exclude": 2}),
    ("abstrackr/cff_baseline_abstrackr.csv", {"include": 2, "maybe": 2, "exclude": 2}),
    ("asreview/asr_generic_labels.csv", {"include": 3, "exclude": 3}),
    ("asreview/asr_baseline_tag-notes_labels.ris", {"include": 10, "exclude": 10}),
]


@pytest.mark.parametrize(("sample", "expected"), SAMPLES)
def test_decisions_of_real_files_become_votes(shared: Path, folder: Path, sample: str, expected: dict[str, int]):
    path = shared / "samples" / "exports" / sample
    arguments = ["-C", str(folder), "import", str(path), "--source", "Embase", "--decisions", "--as", "AB"]
    assert run([*arguments, "--stage", "title-abstract"]) == 0
    assert counts(folder) == expected
    assert run([*arguments, "--stage", "title-abstract"]) == 0  # nothing twice
    with Project.open(folder) as project:
        assert len(project.store.events(kind="screen")) == sum(expected.values())


def test_no_decision_is_read_unless_asked_for(shared: Path, folder: Path):
    path = shared / "samples" / "exports" / "rayyan" / "cff_baseline_rayyan.csv"
    assert run(["-C", str(folder), "import", str(path), "--source", "Embase"]) == 0
    assert verdicts(folder) == {}


def test_a_covidence_list_says_nothing_itself_and_is_told(
    shared: Path, folder: Path, capsys: pytest.CaptureFixture[str]
):
    path = shared / "samples" / "exports" / "covidence" / "cff_baseline_covidence.csv"
    arguments = ["-C", str(folder), "import", str(path), "--source", "Embase", "--decisions", "--as", "AB",
                 "--stage", "title-abstract"]  # fmt: skip
    assert run(arguments) == 2
    assert "--verdict include" in capsys.readouterr().err
    assert run([*arguments, "--verdict", "exclude"]) == 0
    assert counts(folder) == {"exclude": 10}


RAYYAN = (
    "key,title,year,authors,location,notes,doi\n"
    'rayyan-1,First trial,2020,"Li, W.",,"RAYYAN-INCLUSION: {""Anna""=>""Included"", ""Bo""=>""Excluded""}",10.1000/a\n'
    'rayyan-2,Second trial,2021,"Wu, X.",,"RAYYAN-INCLUSION: {""Anna""=>""Excluded""} | RAYYAN-EXCLUSION-REASONS: '
    'wrong population",10.1000/b\n'
)
RIS = "".join(f"TY  - JOUR\nTI  - {t} trial\nDO  - 10.1000/{d}\nER  - \n" for t, d in (("First", "a"), ("Second", "b")))


@pytest.fixture
def with_records(folder: Path, tmp_path: Path) -> Path:
    path = tmp_path / "embase.ris"
    path.write_text(RIS, encoding="utf-8")
    assert run(["-C", str(folder), "import", str(path), "--source", "Embase"]) == 0
    return folder


def rayyan(tmp_path: Path, text: str = RAYYAN) -> Path:
    path = tmp_path / "rayyan.csv"
    path.write_text(text, encoding="utf-8")
    return path


def test_of_several_reviewers_one_must_be_named(with_records: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    path = rayyan(tmp_path)
    arguments = ["-C", str(with_records), "import", str(path), "--decisions-only", "--stage", "title-abstract"]
    assert run([*arguments, "--as", "AB"]) == 2
    assert "Anna, Bo" in capsys.readouterr().err
    assert run([*arguments, "--as", "AB", "--by", "Anna"]) == 0
    assert run([*arguments, "--as", "李华", "--by", "Bo"]) == 0
    found = verdicts(with_records)
    assert sorted(f"{k.split()[0]} {v}" for k, v in found.items()) == ["AB exclude", "AB include", "李华 exclude"]
    with Project.open(with_records) as project:
        assert len(views.records(project.store)) == 2  # none was added
        (vote,) = [e for e in project.store.events(kind="screen") if e.actor == "AB" and e.value == "exclude"]
        assert vote.payload["reason"] == "wrong population"
        assert vote.payload["note"] == "Rayyan: Excluded (wrong population)"


def test_unknown_words_are_named_and_nothing_is_stored(
    with_records: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    path = rayyan(tmp_path, RAYYAN.replace("Excluded", "Ausgeschlossen"))
    arguments = ["-C", str(with_records), "import", str(path), "--decisions-only", "--stage", "title-abstract"]
    assert run([*arguments, "--as", "AB", "--by", "Anna"]) == 2
    shown = capsys.readouterr().err
    assert "Ausgeschlossen (Rayyan) at record 1, 2" in shown
    assert verdicts(with_records) == {}


def test_a_record_that_is_no_report_here_is_named_and_nothing_is_stored(
    with_records: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    path = rayyan(tmp_path, RAYYAN.replace("10.1000/b", "10.1000/zzz").replace("Second trial", "Unheard of"))
    arguments = ["-C", str(with_records), "import", str(path), "--decisions-only", "--stage", "title-abstract"]
    assert run([*arguments, "--as", "AB", "--by", "Anna"]) == 2
    assert "row 2" in capsys.readouterr().err
    assert verdicts(with_records) == {}


def test_an_exclusion_at_full_text_needs_a_reason_of_the_protocol(with_records: Path, tmp_path: Path):
    path = tmp_path / "labels.csv"
    path.write_text("title,doi,included\nFirst trial,10.1000/a,0\n", encoding="utf-8")
    arguments = ["-C", str(with_records), "import", str(path), "--decisions-only", "--stage", "full-text"]
    assert run([*arguments, "--as", "AB"]) == 2


def test_options_about_decisions_alone_are_refused(with_records: Path, tmp_path: Path):
    path = str(rayyan(tmp_path))
    assert run(["-C", str(with_records), "import", path]) == 2
    assert run(["-C", str(with_records), "import", path, "--source", "Embase", "--by", "Anna"]) == 2
    assert run(["-C", str(with_records), "import", path, "--source", "Embase", "--decisions"]) == 2


def test_undecided_and_unseen_records_are_no_decision(tmp_path: Path):
    path = tmp_path / "a.csv"
    path.write_text("title,doi,asreview_label\nA,10.1000/a,-1\nB,10.1000/b,\nC,10.1000/c,1\n", encoding="utf-8")
    (one,) = read_decisions(open_file(path))
    assert (one.ordinal, one.verdict) == (2, "include")
    path.write_text("title,doi,asreview_label\nA,10.1000/a,yes?\n", encoding="utf-8")
    with pytest.raises(InputError, match=r"yes\? \(ASReview\) at record 1"):
        read_decisions(open_file(path))
