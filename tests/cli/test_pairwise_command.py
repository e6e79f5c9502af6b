"""evipool pairwise: exit codes, output in three formats, figures."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from tests.engine.pairwise.test_pairwise import THA
from toolkit.cli import cli
from toolkit.cli.common import run


@pytest.fixture
def tha(tmp_path: Path) -> Path:
    rows = ["study,treatment,events,n"]
    for study, (e1, n1, e2, n2) in THA.items():
        rows += [f"{study},CD+cells,{e1},{n1}", f"{study},CD,{e2},{n2}"]
    rows += ["Rastogi2013,CD+cells,,30", "王2010,CD+cells,7,59"]
    path = tmp_path / "tha.csv"
    path.write_text("\n".join(rows) + "\n", encoding="utf-8")
    return path


def call(*args: str) -> Result:
    return CliRunner().invoke(cli, ["pairwise", *args], catch_exceptions=False)


def test_json_of_the_exact_call_has_the_known_answer(tha: Path) -> None:
    result = call(str(tha), "--measure", "OR", "--reference", "CD", "--tau2", "DL", "--format", "json")
    assert result.exit_code == 0
    found = json.loads(result.stdout)
    assert round(found["common"]["estimate"], 3) == 0.299
    wald = found["random_wald"]
    assert [round(wald[name], 3) for name in ("estimate", "ci_low", "ci_high")] == [0.445, 0.198, 1.002]
    assert found["spec"]["ci"] == "HK_adhoc" and found["spec"]["tau2"] == "DL"
    assert {row["study"] for row in found["studies"] if row["excluded"]} == {"Rastogi2013", "王2010"}
    assert found["columns_used"] == {"study": "study", "treatment": "treatment", "events": "events", "n": "n"}


def test_the_table_prints_what_was_resolved_and_who_was_left_out(tha: Path) -> None:
    text = call(str(tha), "--measure", "OR", "--reference", "CD").stdout
    for part in (
        "8 studies", "0.44 (0.18 to 1.09)", "Wald, for comparison", "restricted maximum likelihood", "from Q",
        "from tau²", "Q-profile", "王2010", "Rastogi2013", "safeguard", "Columns taken",
    ):  # fmt: skip
        assert part in text, part


def test_csv_has_one_row_a_study_and_one_a_pooled_estimate(tha: Path) -> None:
    result = call(str(tha), "--measure", "OR", "--reference", "CD", "--format", "csv")
    rows = list(csv.DictReader(io.StringIO(result.stdout)))
    assert [row["row"] for row in rows].count("study") == 10
    assert {"common", "mantel_haenszel", "random", "random_wald", "prediction"} <= {row["row"] for row in rows}


def test_a_figure_and_a_result_file_are_written(tha: Path, tmp_path: Path) -> None:
    svg, out = tmp_path / "forest.svg", tmp_path / "result.json"
    result = call(str(tha), "--measure", "OR", "--reference", "CD", "--plot", str(svg), "--output", str(out))
    assert result.exit_code == 0
    assert "<svg" in svg.read_text(encoding="utf-8")
    assert json.loads(out.read_text(encoding="utf-8"))["k"] == 8


def test_columns_may_be_named(tha: Path) -> None:
    tha.write_text(tha.read_text(encoding="utf-8").replace("events,n", "ev,tot"), encoding="utf-8")
    result = call(str(tha), "--measure", "OR", "--reference", "CD", "--columns", "events=ev,n=tot", "--format", "json")
    assert json.loads(result.stdout)["columns_used"]["n"] == "tot"


@pytest.mark.parametrize(
    ("args", "part"),
    [
        (["--reference", "CD"], "Which effect measure? Allowed: OR, RR, RD"),
        (["--measure", "OR"], "Which treatment is the reference?"),
        (["--measure", "OR", "--reference", "XX"], "no reference of that name"),
        (["--measure", "MD", "--reference", "CD"], "gives no mean"),
        (["--measure", "OR", "--reference", "CD", "--level", "95"], "proportion"),
        (["--measure", "OR", "--reference", "CD", "--columns", "events"], "role=column"),
        (["--measure", "OR", "--reference", "CD", "--output", "x.docx"], ".json, .csv"),
    ],
)
def test_wrong_calls_end_with_2_and_one_message(
    tha: Path, args: list[str], part: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["pairwise", str(tha), *args]) == 2
    assert part in capsys.readouterr().err


def test_a_missing_file_ends_with_2(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["pairwise", str(tmp_path / "no.csv"), "--measure", "OR"]) == 2
    assert "no such file" in capsys.readouterr().err


def test_further_results_are_in_the_json_and_on_the_screen(tha: Path) -> None:
    options = ["--leave-one-out", "--cumulative", "--influence", "--bias", "auto", "--force-bias", "--trim-fill", "L0"]
    base = [str(tha), "--measure", "OR", "--reference", "CD", *options]
    found = json.loads(call(*base, "--format", "json").stdout)
    assert [row["study"] for row in found["leave_one_out"]] == list(THA)
    assert (
        round(next(r["common"]["estimate"] for r in found["leave_one_out"] if r["study"] == "Hernigou2018"), 3) == 0.557
    )
    assert [row["k"] for row in found["cumulative"]] == list(range(1, 9))
    assert {row["study"] for row in found["influence"] if row["influential"]} == {"Hernigou2018"}
    assert found["small_study_test"]["test"] == "Harbord" and found["trim_and_fill"]["k0"] == 0
    text = call(*base).stdout
    for part in ("Without the study", "With the study added", "Hernigou2018 *", "Harbord's test", "Trim-and-fill"):
        assert part in text


def test_a_test_of_small_study_effects_is_refused_under_ten_studies(
    tha: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["pairwise", str(tha), "--measure", "OR", "--reference", "CD", "--bias", "auto"]) == 2
    assert "--force-bias" in capsys.readouterr().err


def test_proportions_of_one_group_are_shown_as_proportions(tha: Path) -> None:
    result = call(str(tha), "--measure", "PLO", "--treatment", "CD", "--ci", "Wald", "--format", "json")
    found = json.loads(result.stdout)
    assert found["k"] == 8 and 0 < found["random"]["ci_low"] < found["random"]["ci_high"] < 1
    text = call(str(tha), "--measure", "PLO", "--treatment", "CD").stdout
    assert "Proportion, CD: 8 studies" in text and "P =" not in text.split("tau²")[0]


def test_a_funnel_plot_is_written(tha: Path, tmp_path: Path) -> None:
    path = tmp_path / "funnel.svg"
    call(str(tha), "--measure", "OR", "--reference", "CD", "--funnel", str(path), "--contours")
    assert "<svg" in path.read_text(encoding="utf-8")


def test_an_impossible_number_names_file_row_and_column_as_the_user_called_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "t.csv"
    path.write_text("study,treatment,ev,n\nA,x,30,20\nA,y,5,21\n", encoding="utf-8")
    assert run(["pairwise", str(path), "--measure", "OR", "--reference", "y", "--columns", "events=ev"]) == 2
    message = capsys.readouterr().err
    for part in ("t.csv", "row 2", "'ev'", "'A'", "more events"):
        assert part in message


def test_subgroups_come_from_a_column_and_reach_the_figure(tmp_path: Path) -> None:
    rows = ["study,event.e,n.e,event.c,n.c,design"]
    rows += [f"S{i},{3 + i},40,{6 + i},41,{'随机' if i % 2 else 'cohort'}" for i in range(6)]
    path, figure = tmp_path / "t.csv", tmp_path / "f.svg"
    path.write_text("\n".join(rows) + "\n", encoding="utf-8")
    base = [str(path), "--measure", "OR", "--subgroup", "design"]
    found = json.loads(call(*base, "--format", "json", "--plot", str(figure)).stdout)["subgroups"]
    assert [group["label"] for group in found["groups"]] == ["cohort", "随机"]
    assert found["df"] == 1 and "随机" in figure.read_text(encoding="utf-8")
    assert "Between subgroups" in call(*base, "--common-tau2").stdout


def test_a_regression_on_columns_is_printed_on_the_model_scale(tmp_path: Path) -> None:
    rows = ["study,event.e,n.e,event.c,n.c,dose,design"]
    rows += [f"S{i},{3 + i},40,{6 + (i * i) % 5},41,{i * 2.5},{'x' if i % 2 else 'y'}" for i in range(8)]
    path = tmp_path / "t.csv"
    path.write_text("\n".join(rows) + "\n", encoding="utf-8")
    base = [str(path), "--measure", "OR", "--regress", "dose + factor(design)"]
    found = json.loads(call(*base, "--format", "json").stdout)["regression"]
    assert [c["name"] for c in found["coefficients"]] == ["intercept", "dose", "design=y"]
    text = call(*base).stdout
    assert "Residual tau²" in text and "(model scale)" in text


SCHOOLS = """district,school,year,yi,vi
A,1,1976,-0.18,0.118
A,2,1976,-0.22,0.118
A,3,1976,0.23,0.144
B,4,1989,0.13,0.014
B,5,1989,-0.26,0.014
C,6,1994,0.19,0.015
C,7,1994,0.32,0.024
D,8,1991,0.45,0.061
D,9,1991,0.29,0.052
"""


@pytest.fixture
def schools(tmp_path: Path) -> Path:
    path = tmp_path / "schools.csv"
    path.write_text(SCHOOLS, encoding="utf-8")
    return path


def test_clusters_are_fitted_from_their_column_and_shown_with_both_variances(schools: Path) -> None:
    arguments = (str(schools), "--columns", "study=school", "--cluster", "district")
    text = call(*arguments).stdout
    assert "9 effects in 4 clusters of district" in text and "variance within clusters" in text and "CR2" in text
    found = json.loads(call(*arguments, "--rho", "0.5", "--robust", "z", "--format", "json").stdout)["multilevel"]
    assert (found["rho"], found["test"], found["clusters"]) == (0.5, "z", 4)
    assert found["pooled"]["ci_low"] < found["pooled"]["estimate"] < found["pooled"]["ci_high"]
    covariates = json.loads(call(*arguments, "--regress", "year", "--format", "json").stdout)
    assert [c["name"] for c in covariates["multilevel"]["coefficients"]] == ["intercept", "year"]
    assert "regression" not in covariates


def test_a_cluster_may_be_the_study_itself_whose_name_repeats(schools: Path) -> None:
    found = json.loads(
        call(str(schools), "--columns", "study=district", "--cluster", "district", "--format", "json").stdout
    )
    assert (found["k"], found["multilevel"]["clusters"]) == (9, 4)


def test_covariates_of_the_variance_get_their_own_coefficients(tmp_path: Path) -> None:
    path = tmp_path / "scale.csv"
    effects = [0.1, 0.42, 0.5, -0.6, 0.4, 0.05, 0.9, -0.9]
    path.write_text(
        "study,x,yi,vi\n" + "".join(f"s{i},{int(i % 4 > 1)},{y},0.01\n" for i, y in enumerate(effects)),
        encoding="utf-8",
    )
    found = json.loads(call(str(path), "--scale", "x", "--format", "json").stdout)["location_scale"]
    assert [c["name"] for c in found["scale"]] == ["intercept", "x"]
    assert found["scale"][1]["estimate"]["estimate"] > 1
    assert "log tau² on x" in call(str(path), "--scale", "x").stdout


def test_a_preset_sets_what_was_not_typed_and_says_where_each_choice_is_from(tha: Path) -> None:
    plain = (str(tha), "--measure", "OR", "--reference", "CD", "--preset", "revman5_3")
    found = json.loads(call(*plain, "--format", "json").stdout)
    spec = found["spec"]
    assert (spec["preset"], spec["tau2"], spec["ci"], spec["q_around"]) == ("revman5_3", "DL", "Wald", "MH")
    assert spec["mantel_haenszel"] == "corrected" and found["prediction"] is None
    typed = json.loads(call(*plain, "--tau2", "REML", "--ci", "KR", "--format", "json").stdout)
    assert (typed["spec"]["tau2"], typed["spec"]["ci"], typed["spec"]["q_around"]) == ("REML", "KR", "IV")
    text = call(*plain, "--tau2", "PM").stdout
    assert "the program has DL" in text and "Deeks, Higgins 2010" in text


def test_a_permutation_test_of_the_effect_or_of_the_covariates(schools: Path) -> None:
    arguments = (str(schools), "--columns", "study=school", "--permutation", "1000")
    exact = json.loads(call(*arguments, "--format", "json").stdout)["permutation"]
    assert (exact["samples"], exact["exact"], exact["p_model"]) == (512, True, None)
    drawn = json.loads(call(*arguments, "--regress", "year", "--format", "json").stdout)["permutation"]
    assert (drawn["names"], drawn["samples"], drawn["exact"]) == (["year"], 1001, False)
    assert "all 512 arrangements" in call(*arguments).stdout


def test_further_figures_are_written_each_into_its_file(schools: Path, tmp_path: Path) -> None:
    arguments = [str(schools), "--columns", "study=school", "--regress", "year"]
    for kind in ("baujat", "radial", "gosh", "bubble", "drapery", "influence", "profile"):
        arguments += ["--figure", f"{kind}={tmp_path / kind}.svg"]
    assert call(*arguments).exit_code == 0
    assert all((tmp_path / f"{kind}.svg").stat().st_size > 2000 for kind in ("baujat", "gosh", "bubble", "profile"))


@pytest.mark.parametrize(
    ("figure", "why"),
    [("bubbles=x.svg", "KIND=FILE"), ("bubble=x.svg", "--regress"), ("labbe=x.svg", "events of two groups")],
)
def test_a_figure_that_cannot_be_drawn_is_refused(
    schools: Path, figure: str, why: str, capfd: pytest.CaptureFixture[str]
) -> None:
    assert run(["pairwise", str(schools), "--columns", "study=school", "--figure", figure]) == 2
    assert why in capfd.readouterr().err


def test_a_table_of_thousands_of_studies_shows_its_ends_and_says_where_all_of_it_is(tmp_path: Path) -> None:
    path = tmp_path / "many.csv"
    rows = [f"s{i},{i % 5},50,{i % 3},52" for i in range(3000)]
    path.write_text("\n".join(["study,event.e,n.e,event.c,n.c", *rows]) + "\n", encoding="utf-8")
    text = call(str(path), "--measure", "OR").stdout
    assert len(text.splitlines()) < 160
    assert "rows are not shown: --format csv or --output FILE has them all" in text
    assert "s2" in text and "s2999" in text and "s1500" not in text
    assert "more lines like these: --format json" in text
    assert "more: --format json or --output FILE.json has them all." in text
