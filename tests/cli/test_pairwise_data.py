"""evipool pairwise on tables that give other numbers than means and SDs, and on cluster-randomised studies."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from toolkit.cli import cli
from toolkit.cli.common import run

TABLE = """study,treatment,n,mean,sd,se,median,q1,q3
A,drug,40,10.2,4.1,,,,
A,placebo,41,12.0,4.4,,,,
B,drug,60,9.8,,0.55,,,
B,placebo,58,11.9,,0.6,,,
C,drug,50,,,,10,7.2,13.1
C,placebo,52,,,,12.1,9,15.2
D,drug,45,,,,9,7,17
D,placebo,45,,,,12,10,21
E,drug,80,9.1,,,,,
E,placebo,82,11.0,,,,,
F,drug,39,10.14,0.65,,,,
F,placebo,40,11.1,0.7,,,,
"""


@pytest.fixture
def medians(tmp_path: Path) -> Path:
    path = tmp_path / "medians.csv"
    path.write_text(TABLE, encoding="utf-8")
    return path


def call(*args: str) -> Result:
    return CliRunner().invoke(cli, ["pairwise", *args], catch_exceptions=False)


def found(path: Path, *args: str) -> dict[str, Any]:
    return json.loads(call(str(path), "--measure", "MD", "--reference", "placebo", *args, "--format", "json").stdout)


def entered(result: dict[str, Any]) -> list[str]:
    return [row["study"] for row in result["studies"] if not row["excluded"]]


def test_what_is_converted_is_named_with_its_source_and_skewed_medians_are_not(medians: Path) -> None:
    assert entered(found(medians)) == ["A", "F"]
    result = found(medians, "--convert", "refuse")
    assert entered(result) == ["A", "B", "C", "F"]
    used = {(row["study"], row["treatment"]): row["what"] for row in result["converted"] if row["used"]}
    assert set(used) == {("B", "drug"), ("B", "placebo"), ("C", "drug"), ("C", "placebo")}
    assert "standard error" in used["B", "drug"] and "Luo 2018" in used["C", "drug"]
    assert all("skewed" in row["what"] for row in result["converted"] if row["study"] == "D")
    assert result["without_converted"]["k"] == 2
    assert entered(found(medians, "--convert", "flag")) == ["A", "B", "C", "D", "F"]


def test_a_missing_sd_is_imputed_by_a_named_rule_only(medians: Path) -> None:
    largest = found(medians, "--impute-sd", "largest")
    row = next(row for row in largest["studies"] if row["study"] == "E")
    assert row["sd"] == [4.4, 4.4] and entered(largest) == ["A", "B", "E", "F"]
    text = call(str(medians), "--measure", "MD", "--reference", "placebo", "--impute-sd", "pooled").stdout
    assert "imputed: the pooled SD" in text and "Without these studies: 2 studies" in text


def test_an_sd_that_looks_like_a_standard_error_is_questioned(medians: Path) -> None:
    questions = found(medians, "--convert", "refuse")["questions"]
    assert any(line.startswith("F, drug: SD 0.65") for line in questions)
    impossible = [line for line in found(medians, "--grim", "2")["questions"] if "GRIM" in line]
    assert impossible == ["F, drug: no 39 whole numbers have the mean 10.14 (GRIM)"]


def test_a_wide_table_is_converted_side_by_side(tmp_path: Path) -> None:
    path = tmp_path / "wide.csv"
    path.write_text(
        "study,n1,median1,min1,max1,n2,median2,min2,max2\nA,40,10,2,19,42,12,3,20\nB,60,9,1,18,61,11,2,21\n",
        encoding="utf-8",
    )
    result = json.loads(call(str(path), "--measure", "MD", "--convert", "refuse", "--format", "json").stdout)
    assert entered(result) == ["A", "B"] and len(result["converted"]) == 4
    first = result["studies"][0]
    assert 9.9 < first["mean"][0] < 10.6 and 11.5 < first["mean"][1] < 12.1


def test_clusters_are_divided_by_their_design_effect(tmp_path: Path) -> None:
    path = tmp_path / "clusters.csv"
    path.write_text(
        "study,treatment,events,n,m\nA,drug,20,100,11\nA,usual,30,100,11\nB,drug,10,50,\nB,usual,14,50,\n",
        encoding="utf-8",
    )
    arguments = (str(path), "--measure", "OR", "--reference", "usual", "--icc", "0.05", "--cluster-size", "m")
    result = json.loads(call(*arguments, "--format", "json").stdout)
    first, second = result["studies"]
    assert first["n"][0] == pytest.approx(100 / 1.5) and first["events"][0] == pytest.approx(20 / 1.5)
    assert second["n"] == [50, 50]
    plain = json.loads(call(*arguments[:5], "--format", "json").stdout)["studies"][0]["model"]["se"]
    assert first["model"]["se"] == pytest.approx(plain * 1.5**0.5)
    assert "design effect 1.500" in call(*arguments).stdout


def test_quartiles_out_of_order_and_half_an_option_are_refused(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "wrong.csv"
    path.write_text("study,treatment,n,median,q1,q3\nA,drug,40,6,7,13\nA,usual,40,8,6,11\n", encoding="utf-8")
    arguments = ["pairwise", str(path), "--measure", "MD", "--reference", "usual"]
    assert run([*arguments, "--convert", "flag"]) == 2
    assert "q1 is above the median" in capfd.readouterr().err
    assert run([*arguments, "--icc", "0.1"]) == 2
    assert "--cluster-size" in capfd.readouterr().err


def many(tmp_path: Path, k: int) -> Path:
    path = tmp_path / "effects.csv"
    rows = [f"s{i},{0.1 * (i % 5) + 0.05 * i:.2f},{0.08 + 0.02 * i:.2f}" for i in range(k)]
    path.write_text("\n".join(["study,yi,sei", *rows]) + "\n", encoding="utf-8")
    return path


def test_every_adjustment_is_printed_with_its_caution_and_none_is_a_result(tmp_path: Path) -> None:
    from toolkit.model.pairwise_options import ADJUSTMENTS

    arguments = [str(many(tmp_path, 12)), *(part for name in ADJUSTMENTS for part in ("--adjust", name))]
    plain = json.loads(call(arguments[0], "--format", "json").stdout)
    result = json.loads(call(*arguments, "--format", "json").stdout)
    assert list(result["adjustments"]) == list(ADJUSTMENTS)
    assert result["random"] == plain["random"] and "adjustments" not in plain
    text = call(*arguments).stdout
    assert "sensitivity analyses, not results" in text and text.count("caution:") >= 3


def test_adjustments_by_precision_are_refused_under_ten_studies_unless_forced(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    path = many(tmp_path, 8)
    assert run(["pairwise", str(path), "--adjust", "pet-peese"]) == 2
    assert "under 10 studies" in capfd.readouterr().err
    assert run(["pairwise", str(path), "--adjust", "pet-peese", "--force-bias"]) == 0


def test_priors_are_compared_side_by_side_and_two_studies_get_one_by_default(tmp_path: Path) -> None:
    path = many(tmp_path, 6)
    result = json.loads(call(str(path), "--bayes", "half-normal:0.5", "--bayes", "jeffreys", "--format", "json").stdout)
    assert [own["prior"] for own in result["bayes"]] == ["half-normal:0.5", "jeffreys"]
    assert "bayes" not in json.loads(call(str(path), "--format", "json").stdout)
    two = tmp_path / "two.csv"
    two.write_text("study,event.e,n.e,event.c,n.c\nA,4,123,11,139\nB,6,306,29,303\n", encoding="utf-8")
    text = call(str(two), "--measure", "RR").stdout
    assert "half-normal:0.5" in text and "CrI" in text
    assert run(["pairwise", str(path), "--mu-prior", "0,2"]) == 2
    assert run(["pairwise", str(path), "--bayes", "gamma:1"]) == 2
