"""evipool network: the call of the documentation, its formats, its refusals."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest

from toolkit.cli.common import run

DIABETES = Path(__file__).resolve().parents[2] / "data" / "diabetes" / "diabetes.csv"

# Odds ratios against a diuretic with 95 % limits: Elliott and Meyer 2007, erratum (doi 10.1016/S0140-6736(07)60108-1).
ERRATUM = {
    "ARB": (0.62, 0.51, 0.77),
    "ACE inhibitor": (0.67, 0.57, 0.79),
    "Placebo": (0.75, 0.63, 0.89),
    "CCB": (0.79, 0.67, 0.92),
    "Beta blocker": (0.93, 0.78, 1.11),
}


def call(*args: str) -> int:
    return run(["network", *args])


def test_diabetes_example_of_the_documentation_agrees_with_the_erratum(capsys: pytest.CaptureFixture[str]) -> None:
    code = call(str(DIABETES), "--measure", "OR", "--reference", "Diuretic", "--tau2", "DL", "--format", "json")
    said = capsys.readouterr()
    assert said.err == ""
    data = json.loads(said.out)
    assert code == 0 and data["k"] == 22 and data["reference"] == "Diuretic"
    found = {row["treatment"]: row["random"] for row in data["effects"]}
    assert set(found) == set(ERRATUM)
    for name, numbers in ERRATUM.items():
        ours = [found[name][key] for key in ("estimate", "ci_low", "ci_high")]
        assert all(abs(a - b) <= 0.01 for a, b in zip(ours, numbers, strict=True)), (name, ours)
    assert data["ranking"] is None
    assert data["inconsistency"]["interaction_df"] == 13
    assert len(data["splits"]["random"]) == 14
    league = data["league"]["random"]
    at = league["treatments"].index("ARB"), league["treatments"].index("Diuretic")
    assert league["estimate"][at[0]][at[1]] == found["ARB"]["estimate"]


def test_table_states_direction_and_ranks_only_when_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert call(str(DIABETES), "--measure", "or", "--reference", "Diuretic", "--tau2", "DL") == 0
    text = capsys.readouterr().out
    assert "OR of each treatment against Diuretic" in text and "0.67 (0.57 to 0.78)" in text
    assert "row treatment against the column treatment" in text
    assert "Not ranked" in text and "P-scores" not in text
    assert call(str(DIABETES), "--measure", "OR", "--small-values", "good") == 0
    text = capsys.readouterr().out
    ranked = text[text.index("P-scores") :]
    assert "Not ranked" not in text and ranked.index("ARB") < ranked.index("Beta blocker")
    assert "No reference was named" in text


def test_the_table_ends_with_how_the_file_was_read(capsys: pytest.CaptureFixture[str]) -> None:
    assert call(str(DIABETES), "--measure", "OR", "--reference", "Diuretic") == 0
    *_, columns, file = capsys.readouterr().out.rstrip().splitlines()
    assert columns == "Columns taken: study = study, treatment = treatment, events = events, n = n"
    assert file == "File: read as utf-8, columns separated by comma, decimal point"


def test_csv_has_both_scales(capsys: pytest.CaptureFixture[str]) -> None:
    assert call(str(DIABETES), "--measure", "OR", "--reference", "Diuretic", "--format", "csv") == 0
    rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    assert len(rows) == 10 and {row["model"] for row in rows} == {"common", "random"}
    assert all(row["estimate"] for row in rows)


def test_tau2_can_be_a_number_and_nonsense_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert call(str(DIABETES), "--measure", "OR", "--tau2", "0.25", "--format", "json") == 0
    assert json.loads(capsys.readouterr().out)["heterogeneity"]["tau2"]["value"] == 0.25
    assert call(str(DIABETES), "--measure", "OR", "--tau2", "PMX") == 2
    assert "REML" in capsys.readouterr().err


def write(path: Path, text: str) -> str:
    path.write_text(text, encoding="utf-8")
    return str(path)


def test_star_network_in_chinese_goes_through_and_says_what_cannot_be_had(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = "研究甲,减压,10,50\n研究甲,干细胞,5,50\n研究乙,减压,12,60\n研究乙,植骨,9,60\n"
    table = write(tmp_path / "星形.csv", "study,treatment,events,n\n" + rows)
    assert call(table, "--measure", "OR", "--reference", "减压", "--small-values", "good") == 0
    text = capsys.readouterr().out
    assert "干细胞" in text and "no closed loop" in text and "not estimable" in text
    assert "Do not lead with this ranking" in text


def test_disconnected_network_is_refused_with_its_pieces_and_largest_piece_can_be_asked_for(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = "1,a,3,30\n1,b,4,30\n2,b,5,30\n2,c,6,30\n3,x,3,30\n3,y,4,30\n"
    table = write(tmp_path / "t.csv", "study,treatment,events,n\n" + rows)
    assert call(table, "--measure", "OR") == 2
    assert "2. x, y (1 study)" in capsys.readouterr().err
    assert call(table, "--measure", "OR", "--largest", "--format", "json") == 0
    assert [e["study"] for e in json.loads(capsys.readouterr().out)["excluded"]] == ["3"]


def test_output_is_written_whole_and_bad_calls_end_with_2(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "result.json"
    assert call(str(DIABETES), "--measure", "OR", "--format", "json", "--output", str(out)) == 0
    assert json.loads(out.read_text(encoding="utf-8"))["k"] == 22
    assert [p.name for p in tmp_path.iterdir()] == ["result.json"]
    assert call(str(DIABETES), "--measure", "OR", "--reference", "Nobody") == 2
    assert "Diuretic" in capsys.readouterr().err
    assert call(str(tmp_path / "missing.csv"), "--measure", "OR") == 2
    assert call(str(DIABETES), "--measure", "OR", "--columns", "events") == 2


def test_contrast_table_with_netmeta_columns_is_read(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = "s1,a,b,0.5,0.2\ns2,a,c,0.3,0.2\ns3,b,c,-0.1,0.3\n"
    table = write(tmp_path / "c.csv", "studlab,treat1,treat2,TE,seTE\n" + rows)
    assert call(table, "--measure", "OR", "--reference", "c", "--format", "json") == 0
    data = json.loads(capsys.readouterr().out)
    assert data["k"] == 3 and data["treatments"][0]["treatment"] == "c"


def test_further_analyses_come_with_the_result_in_text_and_json(capsys: pytest.CaptureFixture[str]) -> None:
    names = ["side-split", "designs", "contributions", "leave-one-out", "ranks", "pairwise"]
    wanted = [word for name in names for word in ("--also", name)]
    base = [str(DIABETES), "--measure", "OR", "--reference", "Diuretic", "--small-values", "good", "--draws", "2000"]
    assert call(*base, *wanted, "--format", "json") == 0
    also = json.loads(capsys.readouterr().out)["also"]
    assert list(also) == names
    assert len(also["side-split"]) == 14 and len(also["leave-one-out"]) == 22
    assert abs(sum(also["contributions"]["by_study"][0]) - 1) < 1e-9
    assert also["ranks"]["draws"] == 2000 and also["ranks"]["seed"] == 1
    assert call(*base, *wanted) == 0
    text = capsys.readouterr().out
    for title in (
        "Side-splitting with refit",
        "by design",
        "contributions of studies",
        "Without each",
        "Ranks, random",
    ):
        assert title in text
    assert call(str(DIABETES), "--measure", "OR", "--also", "ranks") == 2
    assert "--small-values" in capsys.readouterr().err


def test_figures_are_written_where_asked(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    plot, forest = tmp_path / "network.svg", tmp_path / "forest.png"
    args = ["--measure", "OR", "--reference", "Diuretic", "--plot", str(plot), "--forest", str(forest)]
    assert call(str(DIABETES), *args) == 0
    assert "Beta blocker" in plot.read_text(encoding="utf-8") and forest.read_bytes()[:4] == b"\x89PNG"
    capsys.readouterr()


def test_errors_name_the_file_and_the_row(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    table = write(tmp_path / "bad.csv", "study,treatment,events,n\n1,a,31,30\n1,b,4,30\n")
    assert call(table, "--measure", "OR") == 2
    error = capsys.readouterr().err
    assert "bad.csv" in error and "row 2" in error


def test_more_analyses_answer_in_text_and_json(capsys: pytest.CaptureFixture[str]) -> None:
    order = "Placebo,Diuretic,Beta blocker,CCB,ACE inhibitor,ARB"
    names = [
        "bootstrap",
        "sidde",
        "heat",
        "impact",
        "funnel",
        "mantel-haenszel",
        "hypergeometric",
        "penalised",
        "one-stage",
        "regression",
    ]
    wanted = [word for name in names for word in ("--also", name)]
    base = [str(DIABETES), "--measure", "OR", "--reference", "Diuretic", "--order", order, "--covariate", "years"]
    base += ["--draws", "2000"]
    assert call(*base, *wanted, "--format", "json") == 0
    also = json.loads(capsys.readouterr().out)["also"]
    assert list(also) == names
    assert also["bootstrap"]["draws"] == 2000 >= also["bootstrap"]["connected"] > 1500
    drawn = {row["treatment"]: row for row in also["bootstrap"]["effects"]}
    assert all(drawn[t]["low"] < drawn[t]["median"] < drawn[t]["high"] for t in ERRATUM)
    assert len(also["sidde"]) == 14 and len(also["impact"]["studies"]) == 22
    assert also["funnel"]["egger"]["df"] == len(also["funnel"]["points"]) - 2
    sparse = {row["treatment"]: row["estimate"] for row in also["mantel-haenszel"]["effects"]}
    exact = {row["treatment"]: row["estimate"] for row in also["hypergeometric"]["effects"]}
    assert set(sparse) == set(ERRATUM) and all(abs(sparse[t] - exact[t]) < 0.02 for t in ERRATUM)
    assert also["one-stage"]["tau2"] > 0 and also["penalised"]["tau2"] is None
    assert also["regression"]["covariate"] == "years" and also["regression"]["tau2"]["value"] >= 0
    assert call(*base, *wanted) == 0
    text = capsys.readouterr().out
    for title in (
        "Bootstrap of the",
        "SIDDE",
        "Net heat",
        "Importance of studies",
        "Egger",
        "no continuity correction",
        "per unit",
    ):
        assert title in text


def test_regression_with_exchangeable_slopes_and_on_the_standard_error(capsys: pytest.CaptureFixture[str]) -> None:
    base = [
        str(DIABETES),
        "--measure",
        "OR",
        "--reference",
        "Placebo",
        "--also",
        "small-studies",
        "--also",
        "regression",
    ]
    base += ["--covariate", "years", "--interaction", "exchangeable"]
    assert call(*base, "--format", "json") == 0
    also = json.loads(capsys.readouterr().out)["also"]
    found = also["regression"]
    assert found["interaction"] == "exchangeable" and found["slope_sd"] >= 0 and len(found["coefficients"]) == 6
    assert found["coefficients"][0]["treatment"] is None and found["converged"] is True
    assert also["small-studies"]["slope"]["se"] > 0 and len(also["small-studies"]["effects"]) == 5
    assert call(*base) == 0
    text = capsys.readouterr().out
    assert "exchangeable interaction" in text and "in a study of infinite size" in text


def test_an_analysis_that_needs_an_option_says_which(capsys: pytest.CaptureFixture[str]) -> None:
    for name, option in (("funnel", "--order"), ("regression", "--covariate"), ("subgroups", "--subgroup")):
        assert call(str(DIABETES), "--measure", "OR", "--also", name) == 2
        assert option in capsys.readouterr().err
    assert call(str(DIABETES), "--measure", "RR", "--also", "mantel-haenszel") == 2
    assert "--measure OR" in capsys.readouterr().err


def test_subgroups_are_fitted_and_compared_and_covariates_must_be_numbers(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = [
        f"{s},{t},{e},60,{'drug' if s < 5 else 'device'}" for s in range(1, 9) for t, e in (("a", 9 + s), ("b", 20))
    ]
    rows += [f"{s},c,{10 + s},60,{'drug' if s < 5 else 'device'}" for s in (1, 2, 6, 7)]
    table = write(tmp_path / "t.csv", "study,treatment,events,n,kind\n" + "\n".join(rows) + "\n")
    base = [table, "--measure", "OR", "--reference", "a", "--tau2", "DL"]
    assert call(*base, "--also", "subgroups", "--subgroup", "kind", "--format", "json") == 0
    found = json.loads(capsys.readouterr().out)["also"]["subgroups"]
    assert [(g["group"], g["k"]) for g in found["groups"]] == [("device", 4), ("drug", 4)]
    assert found["test"]["df"] == 2 and found["test"]["treatments"] == ["a", "b", "c"]
    assert call(*base, "--also", "subgroups", "--subgroup", "kind") == 0
    assert "Difference between groups" in capsys.readouterr().out
    assert call(*base, "--also", "regression", "--covariate", "kind") == 2
    assert "must be a number" in capsys.readouterr().err


def test_components_bridge_a_network_in_pieces(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = "1,placebo,3,60\n1,a,9,60\n2,b,5,60\n2,a + b,16,60\n3,placebo,4,60\n3,a,11,60\n"
    table = write(tmp_path / "t.csv", "study,treatment,events,n\n" + rows)
    base = [table, "--measure", "OR", "--also", "components", "--inactive", "placebo"]
    assert call(*base) == 0
    text = capsys.readouterr().out
    assert "2 pieces" in text and "Component model: OR of adding each component (placebo has no effect)" in text
    assert call(*base, "--format", "json") == 0
    data = json.loads(capsys.readouterr().out)
    assert "pieces" in data["not_estimable"] and data["also"]["components"]["components"] == ["a", "b"]
    assert data["also"]["components"]["common"]["components"][1] is None  # nothing says what b does alone
    assert call(table, "--measure", "OR") == 2


def test_intervals_of_random_effects_can_be_chosen(capsys: pytest.CaptureFixture[str]) -> None:
    widths = {}
    for ci in ("Wald", "t", "HK"):
        assert call(str(DIABETES), "--measure", "OR", "--ci", ci, "--tau2", "PM", "--format", "json") == 0
        data = json.loads(capsys.readouterr().out)
        first = data["effects"][0]["random"]["model"]
        widths[ci] = first["ci_high"] - first["ci_low"]
        assert data["interval"]["method"] == ci and data["heterogeneity"]["tau2"]["method"] == "PM"
        assert [i["method"] for i in data["heterogeneity"]["tau2_intervals"]] == ["QP", "PL (REML)"]
    assert widths["Wald"] < widths["t"]
    assert widths["HK"] == pytest.approx(widths["t"] * data["interval"]["factor"] ** 0.5)


DECISIONS = ["loops", "future-ranks", "margin", "rank-influence", "threshold", "absolute", "without-treatments"]


def test_analyses_towards_a_decision_answer_in_text_and_json(capsys: pytest.CaptureFixture[str]) -> None:
    wanted = [word for name in DECISIONS for word in ("--also", name)]
    base = [str(DIABETES), "--measure", "OR", "--reference", "Diuretic", "--small-values", "good", "--draws", "2000"]
    base += ["--margin", "1.1", "--baseline-risk", "0.05", "--baseline-risk", "0.1"]
    assert call(*base, *wanted, "--format", "json") == 0
    also = json.loads(capsys.readouterr().out)["also"]
    assert list(also) == DECISIONS and len(also["loops"]["loops"]) == 16
    assert also["future-ranks"]["future"] is True and "in a new study" in also["future-ranks"]["words"]
    assert also["margin"]["margin_display"] == 1.1 and len(also["rank-influence"]["without"]) == 22
    assert also["threshold"]["best"] == "ARB" and len(also["threshold"]["comparisons"]) == 14
    assert [t["baseline_risk"] for t in also["absolute"]] == [0.05, 0.1]
    assert [t["treatment"] for t in also["without-treatments"]] == sorted([*ERRATUM, "Diuretic"])
    assert call(*base, *wanted) == 0
    text = capsys.readouterr().out
    for title in (
        "Loop-specific",
        "Ranks in a new study",
        "margin of 1.1",
        "Ranking without",
        "Thresholds:",
        "per 1,000",
    ):
        assert title in text
    assert "POTH" in text and "fewer to infinity to" in text


def test_decisions_are_refused_without_what_they_need(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("future-ranks", "margin", "rank-influence", "threshold"):
        assert call(str(DIABETES), "--measure", "OR", "--also", name) == 2
        assert "--small-values" in capsys.readouterr().err
    base = [str(DIABETES), "--measure", "OR", "--small-values", "good", "--also", "margin"]
    for more in ([], ["--margin", "0.8"]):
        assert call(*base, *more) == 2
        assert "margin" in capsys.readouterr().err
    assert call(str(DIABETES), "--measure", "OR", "--also", "absolute", "--baseline-risk", "5") == 2
    assert "0 < risk < 1" in capsys.readouterr().err
    table = write(tmp_path / "c.csv", "studlab,treat1,treat2,TE,seTE\ns1,a,b,0.5,0.2\ns2,a,c,0.3,0.2\n")
    assert call(table, "--measure", "OR", "--also", "absolute") == 2
    assert "--baseline-risk" in capsys.readouterr().err


def test_absolute_effects_without_a_given_risk_take_the_median_and_say_so(capsys: pytest.CaptureFixture[str]) -> None:
    assert call(str(DIABETES), "--measure", "OR", "--reference", "Placebo", "--also", "absolute") == 0
    assert "median of the studies with Placebo; taken as known" in capsys.readouterr().out


def test_every_figure_the_data_allow_is_drawn_and_risk_of_bias_colours_them(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = DIABETES.read_text(encoding="utf-8-sig").splitlines()
    names = sorted({line.split(",")[0] for line in lines[1:]})
    judged = dict(zip(names, ["low", "some concerns", "high", "low"] * 6, strict=False))
    rows = [f"{lines[0]},rob", *(f"{line},{judged[line.split(',')[0]]}" for line in lines[1:])]
    table = write(tmp_path / "t.csv", "\n".join(rows) + "\n")
    base = [
        table,
        "--measure",
        "OR",
        "--reference",
        "Diuretic",
        "--small-values",
        "good",
        "--rob",
        "rob",
        "--draws",
        "500",
    ]
    order = ["--order", "Placebo,Diuretic,Beta blocker,CCB,ACE inhibitor,ARB", "--also", "contributions"]
    assert call(*base, *order, "--figures", str(tmp_path / "figures"), "--format", "json") == 0
    found = {p.stem for p in (tmp_path / "figures").iterdir()}
    assert found == {
        "network", "forest", "league", "contributions", "contributions-rob", "heat", "split", "direct-indirect",
        "funnel", "ranks",
    }  # fmt: skip
    also = json.loads(capsys.readouterr().out)["also"]["contributions"]
    assert also["levels"] == ["high", "low", "some concerns"] and sum(also["by_level"][0]) == pytest.approx(1.0)
    star = write(tmp_path / "s.csv", "study,treatment,events,n\n1,a,3,30\n1,b,4,30\n2,a,5,30\n2,c,6,30\n")
    assert call(star, "--measure", "OR", "--figures", str(tmp_path / "star")) == 0
    assert "not drawn: heat" in capsys.readouterr().err and not (tmp_path / "star" / "split.svg").exists()


MIXED = """study,treatment,events,n,design,age,rob
A,usual,14,60,RCT,52,low
A,nurse,9,61,RCT,52,low
B,usual,18,80,cohort,61,high
B,app,15,78,cohort,61,high
C,nurse,11,70,RCT,55,some concerns
C,app,13,70,RCT,55,some concerns
D,usual,21,90,RCT,,low
D,nurse,12,88,RCT,,low
E,usual,16,75,cohort,66,high
E,app,9,76,cohort,66,high
"""


def test_modifiers_designs_and_categories_answer_in_text_and_json(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table = write(tmp_path / "mixed.csv", MIXED)
    base = [table, "--measure", "OR", "--reference", "usual", "--small-values", "good", "--tau2", "DL"]
    base += ["--also", "transitivity", "--modifier", "age", "--modifier", "rob", "--also", "design-adjusted"]
    base += ["--design", "design", "--also", "categories", "--category-steps", "10,25,50", "--baseline-risk", "0.2"]
    assert call(*base, "--format", "json", "--figures", str(tmp_path / "f")) == 0
    also = json.loads(capsys.readouterr().out)["also"]
    age, rob = also["transitivity"]
    assert age["numeric"] is True and rob["numeric"] is False
    assert {r["comparison"]: r["reported"] for r in age["rows"]}["nurse against usual"] == 1
    assert [d["weight"] for d in also["design-adjusted"]] == [0, 0.1, 0.25, 0.5, 0.75, 1]
    assert also["design-adjusted"][0]["studies"] == 3
    members = [t for c in also["categories"]["minimally contextualised"] for t in c["members"]]
    assert sorted(members) == ["app", "nurse", "usual"]
    assert "benefit" in also["categories"]["partially contextualised"][0]["name"]
    assert {"modifier-age.svg", "modifier-rob.svg"} <= {p.name for p in (tmp_path / "f").iterdir()}
    assert call(*base) == 0
    text = capsys.readouterr().out
    for words in ("Effect modifiers by comparison", "weight of studies that are not RCT", "Categories of treatments"):
        assert words in text


def test_their_refusals_name_the_option(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    table = write(tmp_path / "mixed.csv", MIXED)
    base = [table, "--measure", "OR", "--small-values", "good"]
    for args, words in (
        (["--also", "transitivity"], "--modifier"),
        (["--also", "design-adjusted"], "--design"),
        (["--also", "design-adjusted", "--design", "design", "--trusted", "trial"], "RCT, cohort"),
        (["--also", "categories", "--category-steps", "10,25,50"], "--baseline-risk"),
        (["--also", "categories", "--category-steps", "few"], "10,25,50"),
        (["--also", "transitivity", "--modifier", "Age"], "age"),
    ):
        assert call(*base, *args) == 2, args
        assert words in capsys.readouterr().err


def test_files_for_cinema_hold_arms_shares_and_estimates(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    table, folder = write(tmp_path / "mixed.csv", MIXED), tmp_path / "cinema"
    base = [table, "--measure", "OR", "--reference", "usual", "--tau2", "DL", "--rob", "rob", "--cinema", str(folder)]
    assert call(*base, "--format", "json") == 0
    data = json.loads(capsys.readouterr().out)

    def read(name: str) -> list[dict[str, str]]:
        return list(csv.DictReader(io.StringIO((folder / name).read_text(encoding="utf-8-sig"))))

    arms = read("data.csv")
    assert len(arms) == 10 and list(arms[0]) == ["study", "id", "t", "r", "n", "rob", "indirectness"]
    assert {row["study"]: row["rob"] for row in arms} == {"A": "1", "B": "3", "C": "2", "D": "1", "E": "3"}
    assert all(sum(float(row[s]) for s in "ABCDE") == pytest.approx(100) for row in read("contributions.csv"))
    row = next(r for r in read("estimates.csv") if (r["t1"], r["t2"]) == ("nurse", "usual"))
    shown = next(e for e in data["effects"] if e["treatment"] == "nurse")["random"]
    assert float(row["network"]) == pytest.approx(shown["estimate"]) and row["studies"] == "2"
    assert call(*base, "--rob", "age") == 2
    assert "unknown risk of bias" in capsys.readouterr().err


def test_league_table_of_one_and_of_two_outcomes_is_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from openpyxl import load_workbook

    rows = ["study,treatment,events,n"]
    rows += [f"{s},{t},{e},60" for s in range(4) for t, e in (("usual", 20 + s), ("nurse", 12))]
    rows += [f"{s},{t},{e},60" for s in (5, 6) for t, e in (("usual", 18), ("video", 9 + s))]
    first = write(tmp_path / "first.csv", MIXED)
    second = write(tmp_path / "second.csv", "\n".join(rows) + "\n")
    base = [first, "--measure", "OR", "--reference", "usual", "--tau2", "DL", "--format", "json"]
    assert call(*base, "--league", str(tmp_path / "one.csv")) == 0
    league = json.loads(capsys.readouterr().out)["league"]["random"]
    text = (tmp_path / "one.csv").read_text(encoding="utf-8-sig").splitlines()
    assert text[0].startswith('"Each cell is the OR of the row treatment') or text[0].startswith("Each cell is the OR")
    i, j = league["treatments"].index("nurse"), league["treatments"].index("usual")
    assert f"{league['estimate'][i][j]:.2f} (" in "\n".join(text)
    out = tmp_path / "two.xlsx"
    assert call(*base, "--league", str(out), "--league-with", second, "--with-measure", "RR") == 0
    capsys.readouterr()
    cells = [[c.value for c in row] for row in load_workbook(out).active.iter_rows()]
    names = cells[0][1:]
    assert names == ["usual", "app", "nurse", "video"] and "above it RR of second.csv" in cells[0][0]
    table = {(row[0], name): value for row in cells[1:] for name, value in zip(names, row[1:], strict=True)}
    assert table["app", "usual"] is not None and table["usual", "app"] is None  # the second outcome has no app
    assert table["usual", "nurse"] is not None and table["video", "usual"] is None
    assert call(*base, "--league-with", second) == 2
    assert "--league" in capsys.readouterr().err
    assert call(*base, "--league", str(tmp_path / "x.pdf")) == 2
    assert ".xlsx" in capsys.readouterr().err


def test_side_split_and_contributions_take_their_variants(capsys: pytest.CaptureFixture[str]) -> None:
    found = []
    for how, method in (("treat1", "shortest path"), ("treat2", "pseudoinverse")):
        args = ["--also", "side-split", "--allocation", how, "--also", "contributions", "--contribution-method", method]
        assert call(str(DIABETES), "--measure", "OR", *args, "--format", "json") == 0
        also = json.loads(capsys.readouterr().out)["also"]
        assert also["contributions"]["method"] == method
        found.append([s["difference"]["model"]["estimate"] for s in also["side-split"] if s["difference"]])
    assert found[0] != found[1]


def test_ranks_over_outcomes_and_their_refusals(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    first = write(tmp_path / "deaths.csv", MIXED)
    second = write(tmp_path / "recovery.csv", MIXED)
    base = [
        first,
        "--measure",
        "OR",
        "--reference",
        "usual",
        "--small-values",
        "good",
        "--tau2",
        "DL",
        "--also",
        "outcomes",
    ]
    other = ["--with-outcome", f"{second}:RR:bad"]
    assert call(*base, *other, "--format", "json", "--figures", str(tmp_path / "f"), "--draws", "500") == 0
    found = json.loads(capsys.readouterr().out)["also"]["outcomes"]
    assert found["outcomes"] == ["deaths", "recovery"] and found["above"] == []  # one is the mirror of the other
    assert (tmp_path / "f" / "rank-heat.svg").exists()
    assert (tmp_path / "f" / "hasse.svg").exists()
    assert call(*base, *other) == 0
    assert "P-scores by outcome" in capsys.readouterr().out
    for wrong in ([], ["--with-outcome", "x.csv"], ["--with-outcome", f"{first}:OR:good"]):
        assert call(*base, *wrong) == 2
    assert "same name" in capsys.readouterr().err
