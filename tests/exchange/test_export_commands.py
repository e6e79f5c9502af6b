"""The commands on a whole review: what they write, what they refuse, and that a frozen version can be checked."""

from __future__ import annotations

import csv
import json
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from toolkit.cli.common import run
from toolkit.exchange.freeze import verify_frozen
from toolkit.model.events import NewEvent
from toolkit.project import Project
from toolkit.records.files import read_file
from toolkit.records.tables import read_form
from toolkit.store import views

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def folder(diabetes: Path, tmp_path: Path) -> Path:
    """A copy of the bundled review of antihypertensives, all its commands done."""
    return Path(shutil.copytree(diabetes, tmp_path / "综述"))


@pytest.fixture
def evipool(folder: Path, capsys: pytest.CaptureFixture[str]) -> Run:
    def call(*args: str) -> tuple[int, str, str]:
        code = run(["-C", str(folder), *args])
        said = capsys.readouterr()
        return code, said.out, said.err

    return call


def analyses(folder: Path) -> dict[str, str]:
    with Project.open(folder) as project:
        return {a.id: a.kind for a in project.config.analyses}


def test_events_are_the_same_in_every_format(folder: Path, evipool: Run, tmp_path: Path) -> None:
    for kind in ("jsonl", "json", "csv", "xlsx"):
        code, out, _ = evipool("export", "events", str(tmp_path / f"events.{kind}"))
        assert code == 0 and "events" in out
    lines = [json.loads(x) for x in (tmp_path / "events.jsonl").read_text(encoding="utf-8").splitlines()]
    assert json.loads((tmp_path / "events.json").read_text(encoding="utf-8")) == lines
    with (tmp_path / "events.csv").open(encoding="utf-8-sig", newline="") as handle:
        rows = list(csv.DictReader(handle))
    assert [row["id"] for row in rows] == [line["id"] for line in lines]
    assert [row["kind"] for row in rows] == [line["kind"] for line in lines]
    assert [json.loads(row["payload"] or "{}") for row in rows] == [line["payload"] for line in lines]
    assert [row["supersedes"].split() for row in rows] == [line["supersedes"] for line in lines]
    sheet = read_form(tmp_path / "events.xlsx")
    assert len(sheet.rows) == len(lines)


def test_events_in_another_format_are_refused_and_nothing_is_written(evipool: Run, tmp_path: Path) -> None:
    code, _, err = evipool("export", "events", str(tmp_path / "events.parquet"))
    assert code == 2
    assert ".parquet" in err and ".jsonl, .json, .csv, .xlsx" in err
    assert not (tmp_path / "events.parquet").exists()


def test_scripts_go_to_a_folder_for_each_analysis_with_its_data(evipool: Run, folder: Path, tmp_path: Path) -> None:
    code, out, _ = evipool("export", "scripts", str(tmp_path / "out"))
    assert code == 0
    for name, kind in analyses(folder).items():
        own = {p.name for p in (tmp_path / "out" / name).iterdir()}
        assert own >= {"data.csv", "metafor.R", "meta.R" if kind == "pairwise" else "netmeta.R"}
        stored = list((folder / "results" / name).glob("*/data.csv"))
        assert (tmp_path / "out" / name / "data.csv").read_bytes() in [p.read_bytes() for p in stored]
        assert str(tmp_path / "out" / name / "metafor.R") in out


@pytest.mark.parametrize("layout", ["revman", "netmeta", "gemtc", "cinema", "stata"])
def test_a_layout_is_written_for_every_analysis_that_fits(
    evipool: Run, folder: Path, tmp_path: Path, layout: str
) -> None:
    code, _, _ = evipool("export", layout, str(tmp_path / "out"))
    assert code == 0
    wanted = {n for n, kind in analyses(folder).items() if layout != "revman" or kind == "pairwise"}
    assert {p.name for p in (tmp_path / "out").iterdir()} >= {f"{name}.csv" for name in wanted}


def test_an_unknown_analysis_or_a_network_for_revman_ends_with_two(evipool: Run, folder: Path, tmp_path: Path) -> None:
    network = next(name for name, kind in analyses(folder).items() if kind == "network")
    for args in (("netmeta", "nosuch"), ("revman", network), ("scripts", "nosuch")):
        code, _, err = evipool("export", *args, str(tmp_path / "out"))
        assert (code, err.startswith("Error:")) == (2, True)
    assert not (tmp_path / "out").exists()


def test_references_hold_one_entry_a_report_of_included_studies(evipool: Run, folder: Path, tmp_path: Path) -> None:
    code, out, _ = evipool("export", "ris", str(tmp_path / "a.ris"))
    with Project.open(folder) as project:
        linked = {link.report for link in views.links(project.store)}
    titles = [r.parsed for r in read_file(tmp_path / "a.ris").records]
    assert (code, len(titles)) == (0, len(linked))
    assert f"{len(linked)} references" in out


def test_tables_of_the_review_are_written_as_csv(evipool: Run, folder: Path, tmp_path: Path) -> None:
    assert evipool("export", "csv", str(tmp_path / "out"))[0] == 0
    with (tmp_path / "out" / "results.csv").open(encoding="utf-8-sig", newline="") as handle:
        rows = list(csv.DictReader(handle))
    with Project.open(folder) as project:
        assert len(rows) == len(views.evidence(project.store, "results").rows)
    assert rows[0]["study"] and rows[0]["events"].isdigit()


def test_the_union_of_two_copies_events_is_the_history_of_both(evipool: Run, folder: Path, tmp_path: Path) -> None:
    other = Path(shutil.copytree(folder, tmp_path / "copy"))
    for place, text in ((folder, "here"), (other, "there")):
        with Project.open(place) as project, project.writing("note") as batch:
            batch.append([NewEvent(kind="note", subject="review", value=text, payload={"文": "字"})])
    assert evipool("export", "events", str(tmp_path / "a.jsonl"))[0] == 0
    assert run(["-C", str(other), "export", "events", str(tmp_path / "b.jsonl")]) == 0
    first, second = ((tmp_path / n).read_text(encoding="utf-8").splitlines() for n in ("a.jsonl", "b.jsonl"))
    assert len(set(first) | set(second)) == len(first) + 1 == len(second) + 1
    own = [json.loads(line) for line in set(first) - set(second)]
    assert [(e["kind"], e["value"], e["payload"]) for e in own] == [("note", "here", {"文": "字"})]
    assert "seq" not in own[0] and "hash" not in own[0]


def test_the_same_state_freezes_to_the_same_bytes_and_the_manifest_fits(
    evipool: Run, folder: Path, tmp_path: Path
) -> None:
    code, out, _ = evipool("freeze", "--to", str(tmp_path / "a.zip"))
    assert code == 0 and "sha256 " in out
    assert evipool("freeze", "--to", str(tmp_path / "b.zip"))[0] == 0
    assert (tmp_path / "a.zip").read_bytes() == (tmp_path / "b.zip").read_bytes()
    assert verify_frozen(tmp_path / "a.zip") == []
    with zipfile.ZipFile(tmp_path / "a.zip") as archive:
        manifest = json.loads(archive.read("manifest.json"))
        assert {"review.toml", "history/events.jsonl", "history/searches.json", "data/results.csv"} <= set(
            manifest["files"]
        )
    with Project.open(folder) as project:
        assert manifest["history"]["hash_chain"] == project.store.head_hash()
    for name in analyses(folder):
        assert any(f.startswith(f"results/{name}/result.json") for f in manifest["files"])


def test_a_frozen_version_that_was_touched_is_found_out(evipool: Run, tmp_path: Path) -> None:
    assert evipool("freeze", "--to", str(tmp_path / "a.zip"))[0] == 0
    with zipfile.ZipFile(tmp_path / "a.zip") as source, zipfile.ZipFile(tmp_path / "b.zip", "w") as target:
        for name in source.namelist():
            if name == "data/links.csv":
                continue
            data = source.read(name)
            target.writestr(name, data + b"x" if name == "data/results.csv" else data)
        target.writestr("more.txt", "x")
    code, out, _ = evipool("freeze", "--verify", str(tmp_path / "b.zip"))
    assert (code, out.splitlines()) == (
        2, ["data/links.csv: missing", "more.txt: not in the manifest", "data/results.csv: changed"],
    )  # fmt: skip


def test_a_version_is_frozen_under_its_own_name_only_while_it_is_the_present_state(evipool: Run, folder: Path) -> None:
    with Project.open(folder) as project:
        from toolkit.analysis.run import analyse
        from toolkit.update import close_version

        label = close_version(project, analyse(project), command="test").label
    code, _, err = evipool("freeze")
    assert (code, err, (folder / "frozen" / f"{label}.zip").is_file()) == (0, "", True)
    with Project.open(folder) as project, project.writing("note") as batch:
        batch.append([NewEvent(kind="note", subject="review", value="later")])
    code, _, err = evipool("freeze", label)
    assert (code, "the review has moved on" in err) == (2, True)
    code, _, err = evipool("freeze")
    assert (code, "no version of the review is closed at this state" in err) == (0, True)


def test_results_that_are_not_computed_are_not_frozen(evipool: Run, folder: Path) -> None:
    shutil.rmtree(folder / "results")
    code, _, err = evipool("freeze")
    assert (code, "not computed for the present data" in err, (folder / "frozen").exists()) == (2, True, False)


def test_a_revman_file_is_listed_and_written_as_tables(evipool: Run, tmp_path: Path, folder: Path) -> None:
    pair = next(name for name, kind in analyses(folder).items() if kind == "pairwise")
    assert evipool("export", "revman", pair, str(tmp_path / "out"))[0] == 0
    code, out, err = evipool("revman", str(tmp_path / "out" / f"{pair}.csv"), str(tmp_path / "tables"))
    assert (code, "1.1" in out, "do not name the two groups" in err) == (0, True, True)
    code, out, _ = evipool(
        "pairwise", str(tmp_path / "tables" / "1.1.csv"), "--measure", "OR", "--reference", "control"
    )
    assert (code, "experimental against control" in out) == (0, True)


def test_monitoring_needs_a_named_effect_and_changes_nothing(evipool: Run, folder: Path) -> None:
    pair = next(name for name, kind in analyses(folder).items() if kind == "pairwise")
    network = next(name for name, kind in analyses(folder).items() if kind == "network")
    before = {p: p.read_bytes() for p in (folder / "results").rglob("*") if p.is_file()}
    code, out, _ = evipool(
        "monitor", pair, "--control-risk", "0.08", "--rrr", "0.2", "--fragility", "--patients", "900"
    )
    assert (code, "Cochrane advises against" in out, "Fragility index" in out) == (0, True, True)
    code, out, _ = evipool("monitor", pair, "--control-risk", "0.08", "--rrr", "0.2", "--format", "json")
    assert json.loads(out)["sequential"]["looks"][-1]["fraction"] > 0
    assert evipool("monitor", pair)[0] == evipool("monitor", network, "--fragility")[0] == 2
    code, _, err = evipool("monitor", pair, "--rrr", "0.2")
    assert (code, "--rrr needs --control-risk" in err) == (2, True)
    assert {p: p.read_bytes() for p in (folder / "results").rglob("*") if p.is_file()} == before
