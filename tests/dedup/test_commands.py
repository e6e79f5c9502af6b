"""The commands: what they print, their exit codes, what they leave behind."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from tests.dedup.conftest import ABSTRACTED, ARTICLE, DOUBTFUL, OTHER, AddRecords
from toolkit.cli import cli
from toolkit.cli.common import run
from toolkit.model.errors import InputError
from toolkit.project import Project
from toolkit.store import views

RIS_ONE = """TY  - JOUR
TI  - Core decompression with bone marrow cells for osteonecrosis of the femoral head
AU  - Gangji, Valérie
AU  - Hauzeur, Jean-Philippe
PY  - 2004
JO  - J Bone Joint Surg Am
VL  - 86
SP  - 1153
EP  - 1160
ER  -

TY  - JOUR
TI  - 干细胞移植治疗股骨头坏死的临床研究
AU  - 王伟
PY  - 2012
JO  - 中华骨科杂志
ER  -
"""
RIS_TWO = RIS_ONE.split("ER  -")[0].replace("Gangji, Valérie", "GANGJI V") + "ER  - \n"


def call(*words: str) -> Result:
    return CliRunner().invoke(cli, list(words), catch_exceptions=False)


@pytest.fixture
def root(folder: Path, project: Project, add: AddRecords) -> Path:
    add([ARTICLE, OTHER])
    add([ABSTRACTED, DOUBTFUL], source="Embase")
    return folder


def test_dedup_joins_and_says_what_waits(root: Path, project: Project) -> None:
    result = call("-C", str(root), "dedup")
    assert "4 records compared, 1 joined" in result.output
    assert "dedup review" in result.output
    again = call("-C", str(root), "dedup")
    assert "Nothing new" in again.output
    assert len(views.reports(project.store)) == 3


def test_dry_run_and_json(root: Path, project: Project) -> None:
    result = call("-C", str(root), "dedup", "--dry-run", "--format", "json")
    assert json.loads(result.output)["merged"] == 1
    assert len(views.reports(project.store)) == 4


def test_review_asks_and_remembers(root: Path, project: Project) -> None:
    call("-C", str(root), "dedup")
    listed = json.loads(call("-C", str(root), "dedup", "review", "--format", "json").output)
    assert len(listed) == 1
    result = CliRunner().invoke(cli, ["-C", str(root), "--as", "李华", "dedup", "review"], input="n\n")
    assert "1 pair judged; 0 pairs wait." in result.output
    assert "No pair waits" in call("-C", str(root), "dedup", "review").output


def test_merge_split_apart_and_explain(root: Path, project: Project) -> None:
    call("-C", str(root), "dedup")
    ids = list(views.record_runs(project.store))
    assert "One report now" in call("-C", str(root), "--as", "AB", "dedup", "merge", ids[0], ids[3]).output
    assert "Taken apart" in call("-C", str(root), "--as", "AB", "dedup", "split", ids[3][:8]).output
    assert "Noted" in call("-C", str(root), "--as", "AB", "dedup", "apart", ids[0], ids[1]).output
    explained = call("-C", str(root), "dedup", "explain", ids[0], ids[2])
    assert "They are one report now" in explained.output
    for line in explained.output.splitlines():
        if "≠" in line:  # both sides say something
            assert len(line.split("≠")[1].strip().split("  ")) > 1, line
    assert json.loads(call("-C", str(root), "dedup", "explain", ids[0], ids[3], "--format", "json").output)["history"]


def test_export_writes_tables_and_references(root: Path, tmp_path: Path) -> None:
    call("-C", str(root), "dedup")
    call("-C", str(root), "dedup", "export", str(tmp_path / "all.csv"))
    with (tmp_path / "all.csv").open(encoding="utf-8-sig", newline="") as handle:
        assert len(list(csv.DictReader(handle))) == 4
    call("-C", str(root), "dedup", "export", str(tmp_path / "best.ris"))
    assert (tmp_path / "best.ris").read_text(encoding="utf-8").count("ER  -") == 3


def test_files_are_joined_without_a_project(tmp_path: Path) -> None:
    (tmp_path / "a.ris").write_text(RIS_ONE, encoding="utf-8")
    (tmp_path / "b.ris").write_text(RIS_TWO, encoding="utf-8")
    result = call(
        "dedup-file", str(tmp_path / "a.ris"), str(tmp_path / "b.ris"), "-o", str(tmp_path / "out.ris"),
        "--trace", str(tmp_path / "trace.csv"),
    )  # fmt: skip
    assert "3 records, 1 duplicate joined, 2 left" in result.output
    written = (tmp_path / "out.ris").read_text(encoding="utf-8")
    assert "干细胞移植治疗股骨头坏死的临床研究" in written
    assert "Gangji, Valérie" in written
    with (tmp_path / "trace.csv").open(encoding="utf-8-sig", newline="") as handle:
        rows = list(csv.DictReader(handle))
    assert [row["report"] for row in rows] == ["1", "2", "1"]


def test_no_command_overwrites_a_file_without_force(tmp_path: Path, folder: Path) -> None:
    (tmp_path / "a.ris").write_text(RIS_ONE, encoding="utf-8")
    for name in ("out.ris", "trace.csv", "all.csv"):
        (tmp_path / name).write_text("mine", encoding="utf-8")
    source, out, trace = (str(tmp_path / name) for name in ("a.ris", "out.ris", "trace.csv"))
    for words in (["-o", out], ["-o", str(tmp_path / "new.ris"), "--trace", trace]):
        with pytest.raises(InputError, match="--force"):
            call("dedup-file", source, *words)
    assert not (tmp_path / "new.ris").exists()
    with pytest.raises(InputError, match="--force"):
        call("-C", str(folder), "dedup", "export", str(tmp_path / "all.csv"))
    assert {(tmp_path / name).read_text(encoding="utf-8") for name in ("out.ris", "trace.csv", "all.csv")} == {"mine"}
    call("dedup-file", source, "-o", out, "--force")
    assert "TY  -" in (tmp_path / "out.ris").read_text(encoding="utf-8")


def test_score_of_a_labelled_file(tmp_path: Path) -> None:
    path = tmp_path / "labelled.csv"
    path.write_text(
        "id,cluster_id,title,authors,year,journal,volume,pages\n"
        'a,1,Iloprost for bone marrow oedema of the knee,"Li, W",2005,Radiology,12,101-109\n'
        'b,1,Iloprost for bone marrow edema of the knee,"Li, W",2005,Radiology,12,101-9\n'
        'c,2,Core decompression of the femoral head,"Wu, X",2001,Spine,7,1-9\n',
        encoding="utf-8",
    )
    found = json.loads(call("dedup", "score", str(path), "--format", "json").output)
    assert (found["right_merges"], found["wrong_merges"], found["missed_merges"]) == (1, 0, 0)


def test_a_file_that_was_cut_off_is_refused_unless_accepted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    cut, out = tmp_path / "cut.ris", tmp_path / "out.ris"
    cut.write_text("TY  - JOUR\nTI  - Hips\nER  - \n\nTY  - JOUR\nTI  - Knees and ank", encoding="utf-8")
    assert run(["dedup-file", str(cut), "-o", str(out)]) == 2
    assert "nothing was written" in capsys.readouterr().err
    assert not out.exists()
    assert run(["dedup-file", str(cut), "-o", str(out), "--accept-loss"]) == 0
    assert "Hips" in out.read_text(encoding="utf-8")


def test_a_file_of_references_in_the_way_is_not_called_a_form(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source, out = tmp_path / "a.ris", tmp_path / "out.xml"
    source.write_text("TY  - JOUR\nTI  - A\nER  - \n", encoding="utf-8")
    assert run(["dedup-file", str(source), "-o", str(out)]) == 0
    capsys.readouterr()
    assert run(["dedup-file", str(source), "-o", str(out)]) == 2
    told = capsys.readouterr().err
    assert "the file exists. " in told and "--force" in told and "filled in" not in told
