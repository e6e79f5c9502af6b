"""Further analyses of `evipool network` from the command line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from toolkit.cli.common import run

DIABETES = Path(__file__).resolve().parents[2] / "data" / "diabetes" / "diabetes.csv"
BASE = ("network", str(DIABETES), "--measure", "OR", "--reference", "Placebo")


def test_variances_by_type_stand_in_text_and_json(capsys: pytest.CaptureFixture[str]) -> None:
    wanted = [*BASE, "--also", "variances", "--inactive", "Placebo"]
    assert run([*wanted, "--format", "json"]) == 0
    found = json.loads(capsys.readouterr().out)["also"]["variances"]
    assert [t["studies"] for t in found["types"]] == [9, 14] and found["df"] == 1
    assert all(t["tau2"] > 0 and t["se"] > 0 for t in found["types"])
    assert len(found["effects"]) == 5 and {e["reference"] for e in found["effects"]} == {"Placebo"}
    assert run(wanted) == 0
    text = capsys.readouterr().out
    assert "between active treatments" in text and "likelihood-ratio test" in text


@pytest.mark.parametrize("given", [[], ["--inactive", "Placebo", "--subgroup", "years"]])
def test_variances_need_one_way_of_telling_types(given: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run([*BASE, "--also", "variances", *given]) == 2
    assert "--subgroup COLUMN" in capsys.readouterr().err


def test_several_variances_make_the_fit_and_need_to_be_told_which(capsys: pytest.CaptureFixture[str]) -> None:
    wanted = [*BASE, "--tau2-by", "inactive"]
    assert run([*wanted, "--inactive", "Placebo", "--also", "variances", "--format", "json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["heterogeneity"]["tau2_by_type"] == found["also"]["variances"]["types"]
    assert found["heterogeneity"]["tau2_intervals"] == []
    by_type = {e["treatment"]: e["model"]["estimate"] for e in found["also"]["variances"]["effects"]}
    assert {e["treatment"]: e["random"]["model"]["estimate"] for e in found["effects"]} == by_type
    assert run([*wanted, "--inactive", "Placebo"]) == 0
    assert "tau² by type (REML): with an inactive treatment 0.02886 (9 studies)" in capsys.readouterr().out
    for more, words in (([], "--inactive NAME"), (["--inactive", "Placebo", "--tau2", "DL"], "REML, ML")):
        assert run([*wanted, *more]) == 2
        assert words in capsys.readouterr().err


def test_two_outcomes_make_one_league_figure(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = DIABETES.read_text(encoding="utf-8").splitlines()
    second = tmp_path / "without-arb.csv"
    second.write_text("\n".join(r for r in rows if ",ARB," not in r) + "\n", encoding="utf-8")
    wanted = [*BASE, "--league-with", str(second), "--with-measure", "RR"]
    assert run([*wanted, "--figures", str(tmp_path / "f")]) == 0
    drawn = (tmp_path / "f" / "league-two.svg").read_text(encoding="utf-8")
    assert "without-arb" in drawn and "RR" in drawn
    capsys.readouterr()
    assert run(wanted) == 2
    assert "--figures FOLDER" in capsys.readouterr().err


@pytest.mark.shared
def test_dong_2013_is_reproduced_from_its_data(
    shared: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    # Soft Mist Inhaler against placebo, HandiHaler, LABA and LABA-ICS in the Mantel-Haenszel network of Dong 2013
    # (doi 10.1136/thoraxjnl-2012-201926), as Efthimiou 2019 prints it.
    columns = json.loads((shared / "golden/nma/dong2013.json").read_text(encoding="utf-8"))["data"]["columns"]
    names = ("study", "treatment", "events", "n")
    table = tmp_path / "dong.csv"
    lines = [",".join(names), *(",".join(map(str, row)) for row in zip(*(columns[x] for x in names), strict=True))]
    table.write_text("\n".join(lines) + "\n", encoding="utf-8")
    wanted = ["network", str(table), "--measure", "OR", "--reference", "Placebo", "--also", "mantel-haenszel"]
    assert run([*wanted, "--format", "json"]) == 0
    found = json.loads(capsys.readouterr().out)["also"]["mantel-haenszel"]["effects"]
    ratio = {"Placebo": 1.0, **{row["treatment"]: row["estimate"] for row in found}}
    others = ("Placebo", "TIO-HH", "LABA", "LABA-ICS")
    assert [round(ratio["TIO-SMI"] / ratio[x], 2) for x in others] == [1.52, 1.65, 1.64, 1.92]
