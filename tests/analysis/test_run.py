"""Analyses of a project: computed once, frozen whole, kept while nothing they rest on changes."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pytest

from tests.analysis.builders import SETTINGS, TRIALS, add_trials, evipool, make_review, results_form
from toolkit.analysis import run as analysis_run
from toolkit.analysis.plan import plan, selections
from toolkit.analysis.run import analyse
from toolkit.analysis.words import result_lines
from toolkit.model.errors import InputError
from toolkit.project import Project


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return make_review(tmp_path / "综述")


def results(folder: Path, analysis: str = "main") -> list[Path]:
    return sorted((folder / "results" / analysis).iterdir())


def settings(folder: Path, old: str, new: str) -> None:
    path = folder / "review.toml"
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")


def no_constants(text: str) -> Any:
    raise AssertionError(f"{text} is no JSON")


def test_a_result_folder_holds_numbers_data_and_figures_with_chinese_names(folder: Path) -> None:
    assert evipool(folder, "analyse") == 0
    (only,) = results(folder)
    assert sorted(p.name for p in only.iterdir()) == [
        "data.csv",
        "figures.json",
        "forest.svg",
        "funnel.svg",
        "result.json",
        "result.sha256",
    ]
    payload = json.loads((only / "result.json").read_text(encoding="utf-8"), parse_constant=no_constants)
    assert (payload["result"]["k"], payload["result"]["treatment"]) == (3, "细胞")
    assert [s["study"] for s in payload["result"]["studies"]] == list(TRIALS)
    assert [fit["study"] for fit in payload["result"]["leave_one_out"]] == list(TRIALS)
    assert "王伟2004" in (only / "forest.svg").read_text(encoding="utf-8")
    with (only / "data.csv").open(encoding="utf-8-sig") as handle:
        assert [r["treatment"] for r in csv.DictReader(handle)] == ["细胞", "减压"] * 3


def test_the_same_data_are_not_computed_twice_and_changed_data_leave_the_old_result(folder: Path) -> None:
    with Project.open(folder) as project:
        (first,) = analyse(project)
        stamp = (first.folder / "result.json").stat().st_mtime_ns  # type: ignore[operator]
        (again,) = analyse(project)
    assert (first.status, again.status, again.fingerprint) == ("fitted", "kept", first.fingerprint)
    assert (again.folder / "result.json").stat().st_mtime_ns == stamp  # type: ignore[operator]
    changed = {**TRIALS, "Li2010": (("细胞", 30, 7), ("减压", 31, 10))}
    assert evipool(folder, "extract", "import", str(results_form(folder.parent, changed)), "--as", "AB") == 0
    with Project.open(folder) as project:
        assert [o.status for o in plan(project)] == ["stale"]
        (second,) = analyse(project)
    assert second.status == "fitted"
    assert len(results(folder)) == 2
    assert json.loads((first.folder / "result.json").read_text(encoding="utf-8")) == first.payload  # type: ignore[operator]


def test_going_back_to_older_data_finds_the_older_result(folder: Path) -> None:
    with Project.open(folder) as project:
        (first,) = analyse(project)
    changed = {**TRIALS, "Li2010": (("细胞", 30, 7), ("减压", 31, 10))}
    for trials in (changed, TRIALS):
        evipool(folder, "extract", "import", str(results_form(folder.parent, trials)), "--as", "AB")
        with Project.open(folder) as project:
            (last,) = analyse(project)
    assert (last.status, last.fingerprint) == ("kept", first.fingerprint)


def test_a_study_that_does_not_enter_changes_no_result_and_is_told(folder: Path) -> None:
    with Project.open(folder) as project:
        (first,) = analyse(project)
    add_trials(folder, {"Other2020": (("移植", 10, 1), ("减压", 10, 2))}, name="more")
    with Project.open(folder) as project:
        (now,) = analyse(project)
    assert (now.status, now.fingerprint) == ("kept", first.fingerprint)
    assert [(x.study, x.reason) for x in now.left_out] == [("Other2020", "does not compare 细胞 with 减压")]


@pytest.mark.parametrize("key", ['tau2 = "DL"', 'ci = "Wald"', "level = 0.9", "zero_add = 0.25"])
def test_a_changed_setting_makes_a_result_stale(folder: Path, key: str) -> None:
    with Project.open(folder) as project:
        analyse(project)
    settings(folder, 'reference = "减压"', f'reference = "减压"\n{key}')
    with Project.open(folder) as project:
        assert [o.status for o in plan(project)] == ["stale"]


def test_a_new_title_draws_the_figures_again_and_computes_nothing_else(folder: Path) -> None:
    with Project.open(folder) as project:
        (first,) = analyse(project)
    settings(folder, 'title = "Conversion"', 'title = "Conversion to arthroplasty"')
    with Project.open(folder) as project:
        assert [o.status for o in plan(project)] == ["kept"]
        (now,) = analyse(project)
    assert (now.status, now.fingerprint) == ("kept", first.fingerprint)
    assert "Conversion to arthroplasty" in (now.folder / "forest.svg").read_text(encoding="utf-8")  # type: ignore[operator]


def test_a_figure_that_cannot_be_drawn_leaves_nothing_behind(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*args: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(analysis_run, "draw_figures", broken)
    with Project.open(folder) as project, pytest.raises(KeyboardInterrupt):
        analyse(project)
    assert results(folder) == []
    monkeypatch.undo()
    with Project.open(folder) as project:
        assert [o.status for o in analyse(project)] == ["fitted"]


@pytest.mark.parametrize("keep", [0, 1, 2])
def test_no_one_and_two_studies_give_results_that_say_so(tmp_path: Path, keep: int) -> None:
    trials = dict(list(TRIALS.items())[:keep]) or {"Other2020": (("移植", 10, 1), ("减压", 10, 2))}
    folder = make_review(tmp_path / "r", trials=trials)
    assert evipool(folder, "analyse") == 0
    (only,) = results(folder)
    payload = json.loads((only / "result.json").read_text(encoding="utf-8"), parse_constant=no_constants)
    if keep == 0:
        assert (payload["status"], payload["result"]) == ("not estimable", None)
        assert payload["reason"] == "no study has the data this analysis needs"
        assert not (only / "forest.svg").exists()
        return
    assert payload["result"]["k"] == keep
    assert payload["result"]["leave_one_out"] is None
    assert (payload["result"]["random"] is None) is (keep == 1)
    assert (payload["result"]["bayes"] is None) is (keep == 1)
    assert any("half-normal:0.5" in line and "CrI" in line for line in result_lines(payload)) is (keep == 2)
    assert (only / "forest.svg").is_file()


def test_double_zero_studies_alone_are_not_estimable_and_their_json_is_clean(tmp_path: Path) -> None:
    zeros = dict.fromkeys(("A", "B"), (("细胞", 20, 0), ("减压", 20, 0)))
    folder = make_review(tmp_path / "r", trials=zeros)
    assert evipool(folder, "analyse") == 0
    (only,) = results(folder)
    payload = json.loads((only / "result.json").read_text(encoding="utf-8"), parse_constant=no_constants)
    assert payload["status"] == "not estimable"


TWO = (
    SETTINGS
    + """
[[analyses]]
id = "second"
kind = "network"
outcome = "tha"
measure = "OR"
reference = "减压"
role = "sensitivity"
of = "main"
"""
)


def test_one_analysis_can_be_named_and_an_unknown_one_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = make_review(tmp_path / "r", settings=TWO)
    assert evipool(folder, "analyse", "second") == 0
    assert [p.name for p in (folder / "results").iterdir()] == ["second"]
    capsys.readouterr()
    assert evipool(folder, "analyse", "third") == 2
    error = capsys.readouterr().err
    assert "third" in error
    assert "main, second" in error


def test_plan_computes_nothing_and_json_tells_everything(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    capsys.readouterr()
    assert evipool(folder, "analyse", "--plan") == 0
    assert "main: Conversion [stale]" in capsys.readouterr().out
    assert not (folder / "results").exists() or list((folder / "results").iterdir()) == []
    assert evipool(folder, "analyse", "--format", "json") == 0
    (found,) = json.loads(capsys.readouterr().out, parse_constant=no_constants)
    assert (found["status"], found["payload"]["result"]["k"], found["left_out"]) == ("fitted", 3, [])


def test_two_studies_of_one_cohort_are_refused_and_the_rest_still_runs(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    settings_text = TWO.replace('of = "main"', 'of = "main"\nexclude = { Li2010 = "same patients as 王伟2004" }')
    folder = make_review(tmp_path / "r", settings=settings_text)
    form = tmp_path / "studies.csv"
    form.write_text("study,cohort\n王伟2004,Beijing\nLi2010,Beijing\n", encoding="utf-8")
    assert evipool(folder, "extract", "import", str(form), "--table", "studies", "--as", "AB") == 0
    capsys.readouterr()
    assert evipool(folder, "analyse") == 2
    out = capsys.readouterr().out
    assert "report the same patients (cohort 'Beijing')" in out
    assert [p.name for p in (folder / "results").iterdir()] == ["second"]


def test_planning_reads_no_numbers_library(folder: Path) -> None:
    import subprocess
    import sys

    code = (
        "import sys; from toolkit.project import Project; from toolkit.analysis.plan import plan\n"
        f"with Project.open({str(folder)!r}) as p: plan(p)\n"
        "print([m for m in ('numpy', 'scipy', 'pandas', 'matplotlib') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, encoding="utf-8", check=True)
    assert done.stdout.strip() == "[]"


def test_selections_of_an_unknown_analysis_name_the_known_ones(folder: Path) -> None:
    with Project.open(folder) as project, pytest.raises(InputError, match="no such analysis"):
        selections(project, ["nothing"])


@pytest.mark.parametrize("damage", ["", "{", "[]", "null", '{"a": 1}', "\x00\x01", "[" * 100_000])
def test_a_damaged_result_counts_as_not_computed_and_is_computed_again(folder: Path, damage: str) -> None:
    assert evipool(folder, "analyse") == 0
    (only,) = results(folder)
    whole = (only / "result.json").read_bytes()
    (only / "result.json").write_text(damage, encoding="utf-8")
    with Project.open(folder) as project:
        assert plan(project)[0].status == "stale"
    assert evipool(folder, "report") in (0, 3)
    assert evipool(folder, "analyse") == 0
    assert results(folder) == [only]
    assert (only / "result.json").read_bytes() == whole
