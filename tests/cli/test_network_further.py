"""evipool network --also: every further analysis in text and JSON, and what it is refused without."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.network_samples import DIABETES, ERRATUM, MIXED, call, write

DECISIONS = ["loops", "future-ranks", "margin", "rank-influence", "threshold", "absolute", "without-treatments"]


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
    assert "the measure OR" in capsys.readouterr().err


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


def test_a_further_analysis_that_the_data_do_not_allow_says_so_and_the_others_stand(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table = write(tmp_path / "one.csv", "study,treatment,events,n\n1,a,3,30\n1,b,4,30\n")
    assert call(table, "--measure", "OR", "--also", "heat", "--also", "designs", "--format", "json") == 0
    also = json.loads(capsys.readouterr().out)["also"]
    assert "3 designs" in also["heat"]["not_estimable"] and also["designs"]["within"]
    assert call(table, "--measure", "OR", "--also", "heat") == 0
    assert "Not estimable: heat" in capsys.readouterr().out
