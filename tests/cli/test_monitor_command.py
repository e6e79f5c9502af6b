"""``evipool monitor`` as people type it."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest

from tests.analysis.builders import SETTINGS, evipool, make_review


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("EVIPOOL_REVIEWER", "AB")
    review = make_review(tmp_path / "review")
    assert evipool(review, "analyse") == 0
    return review


def test_the_steps_of_the_fragility_index_are_counted_by_study_and_arm(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert evipool(folder, "monitor", "main", "--fragility") == 0
    first, *steps = (line for line in capsys.readouterr().out.splitlines() if line.startswith(("Fragility", "  ")))
    index = int(first.split()[2].rstrip(":"))
    counts = [int(line.rsplit(": ", 1)[1].split()[0]) for line in steps if " to " in line]
    assert (sum(counts), len(steps) < index) == (index, True)


@pytest.mark.parametrize(
    ("args", "said"),
    [
        ((), "say what to monitor"),
        (("--rrr", "0.2"), "--rrr needs --control-risk"),
        (("--difference", "5"), "--difference needs --sd"),
        (("--compare", "a", "b"), "--compare needs --effect"),
        (("--effect", "0.8"), "--effect needs --compare"),
        (("--compare", "细胞", "减压", "--effect", "0.8"), "--compare is for networks"),
        (("--fragility", "--plot", "x.svg"), "--plot draws a sequential analysis"),
    ],
)
def test_an_effect_that_is_named_by_half_is_refused(
    folder: Path, capsys: pytest.CaptureFixture[str], args: tuple[str, ...], said: str
) -> None:
    assert evipool(folder, "monitor", "main", *args) == 2
    assert said in capsys.readouterr().err


NETWORK = """
[[analyses]]
id = "net"
kind = "network"
outcome = "tha"
measure = "OR"
reference = "减压"
"""
NAMED = """
[[monitoring]]
analysis = "main"
control_risk = 0.4
risk_reduction = 0.5
power = 0.8
[[monitoring]]
analysis = "net"
compare = ["细胞", "减压"]
effect = 0.5
tau2 = 0.0
"""


def json_of(capsys: pytest.CaptureFixture[str], folder: Path, *args: str) -> dict[str, object]:
    assert evipool(folder, "monitor", *args, "--format", "json") == 0
    found = json.loads(capsys.readouterr().out)
    assert isinstance(found, dict)
    return found


def test_what_review_toml_names_stands_in_for_the_options_and_options_stand_above_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("EVIPOOL_REVIEWER", "AB")
    review = make_review(tmp_path / "review", settings=SETTINGS + NETWORK + NAMED)
    capsys.readouterr()
    by_file = json_of(capsys, review, "main")
    by_options = json_of(
        capsys, review, "main", "--control-risk", "0.4", "--rrr", "0.5", "--power", "0.8", "--futility"
    )
    assert by_file == by_options and by_file["sequential"]["futility"] is True  # type: ignore[index]
    assert json_of(capsys, review, "main", "--power", "0.9") != by_file
    network = json_of(capsys, review, "net")["network"]
    assert (network["effect"], len(network["direct"])) == (pytest.approx(math.log(0.5)), 3)  # type: ignore[index]
    # the other methods do not come along unasked
    assert set(json_of(capsys, review, "main", "--fragility")) == {"fragility"}
    assert evipool(review, "monitor", "net", "--fragility") == 2
    assert "is a network" in capsys.readouterr().err


def test_the_table_the_advice_and_the_figure(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    named = ("--control-risk", "0.4", "--rrr", "0.5", "--futility")
    assert evipool(folder, "monitor", "main", *named, "--lil", "--plot", str(folder / "z.svg")) == 0
    out = capsys.readouterr().out
    assert "futility" in out and out.count("Cochrane advises against") == 2 and "lambda 2" in out
    assert "Z has to exceed" in out and (folder / "z.svg").is_file()
    before = (folder / "results").stat().st_mtime_ns
    assert evipool(folder, "monitor", "main", *named) == 0
    assert (folder / "results").stat().st_mtime_ns == before, "no result is touched"


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ('analysis = "nobody"\ncontrol_risk = 0.4\nrisk_reduction = 0.5', "not among [[analyses]]"),
        ('analysis = "main"\ncontrol_risk = 0.4', "control_risk needs risk_reduction"),
        ('analysis = "main"\nrisk_reduction = 0.4', "risk_reduction needs control_risk"),
        ('analysis = "main"', "name one effect"),
        ('analysis = "main"\ncontrol_risk = 0.4\nrisk_reduction = 0.5\ndifference = 1\nsd = 2', "name one effect"),
        ('analysis = "main"\ndifference = 1\nsd = 2\npower = 1.5', "less than 1"),
    ],
)
def test_an_effect_that_review_toml_names_by_half_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], lines: str, said: str
) -> None:
    folder = tmp_path / "review"
    folder.mkdir()
    (folder / "review.toml").write_text(f"{SETTINGS}\n[[monitoring]]\n{lines}\n", encoding="utf-8")
    assert evipool(folder, "monitor", "main") == 2
    assert said in capsys.readouterr().err


def test_an_effect_that_is_changed_later_is_a_difference_from_protocol(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from toolkit.analysis.settings import differences
    from toolkit.project import Project

    monkeypatch.setenv("EVIPOOL_REVIEWER", "AB")
    review = make_review(tmp_path / "review", settings=SETTINGS + NETWORK + NAMED)
    assert evipool(review, "analyse") == 0
    text = (review / "review.toml").read_text(encoding="utf-8")
    (review / "review.toml").write_text(text.replace("risk_reduction = 0.5", "risk_reduction = 0.2"), encoding="utf-8")
    assert evipool(review, "analyse") == 0
    with Project.open(review) as project:
        (row,) = differences(project).rows
    assert (row.part, row.field, row.before, row.after) == ("monitoring of main", "risk_reduction", "0.5", "0.2")


def test_a_smallest_important_ratio_is_the_same_either_way(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("EVIPOOL_REVIEWER", "AB")
    review = make_review(tmp_path / "review")
    settings = review / "review.toml"
    found = []
    for size in ("0.8", "1.25"):
        own = SETTINGS.replace('better = "lower"', f'better = "lower"\nsmallest_important_difference = {size}')
        settings.write_text(own, encoding="utf-8")
        capsys.readouterr()
        found.append(json_of(capsys, review, "main", "--patients", "200"))
    assert found[0] == found[1]
    (trigger,) = found[0]["triggers"]  # type: ignore[misc]
    assert len(trigger["position"]) == 3, "no effect, and the ratio on both sides of it"
