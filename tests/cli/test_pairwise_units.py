"""evipool pairwise: unit of analysis, change scores, the other kind of numbers, other ways to express an effect."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

from toolkit.cli import cli
from toolkit.cli.common import run
from toolkit.engine.conversions import (
    combine_arms,
    cross_over_mean_difference,
    cross_over_smd,
    mean_sd_of_change,
    paired_odds_ratio_of_margins,
    partly_paired_smd_change,
    sd_of_difference,
    smd_of_log_or,
    split_control,
)
from toolkit.model.errors import InputError

HIPS = """study,treatment,events,n,both
A,cells,6,30,yes
A,core,13,30,yes
B,cells,4,20,
B,core,7,22,
C,cells,9,40,12
C,core,15,36,12
"""


def call(path: Path, *args: str) -> dict[str, Any]:
    result = CliRunner().invoke(cli, ["pairwise", str(path), *args, "--format", "json"], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    found: dict[str, Any] = json.loads(result.stdout)
    return found


def text_of(path: Path, *args: str) -> str:
    return CliRunner().invoke(cli, ["pairwise", str(path), *args], catch_exceptions=False).stdout


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "table.csv"
    path.write_text(text, encoding="utf-8")
    return path


def se_of(found: dict[str, Any], study: str) -> float:
    return next(float(row["model"]["se"]) for row in found["studies"] if row["study"] == study)


def test_pairs_get_the_variance_of_the_marginal_odds_ratio_and_the_range_is_shown(tmp_path: Path) -> None:
    path = written(tmp_path, HIPS)
    args = ("--measure", "OR", "--reference", "core", "--pairs", "both", "--pair-r", "0.4,0,0.2")
    found = call(path, *args)
    (known,) = paired_odds_ratio_of_margins(6, 13, 30, [0.4])
    assert se_of(found, "A") == pytest.approx(math.sqrt(known.v), rel=1e-12)
    plain = call(path, *args[:4])
    assert se_of(found, "B") == se_of(plain, "B")
    assert found["mantel_haenszel"] is None and plain["mantel_haenszel"] is not None
    at_zero = next(one for one in found["pair_range"] if one["r"] == 0)["estimate"]
    assert at_zero["model"]["estimate"] == pytest.approx(plain["random"]["model"]["estimate"])
    assert at_zero["model"]["se"] == pytest.approx(plain["random"]["model"]["se"])
    assert [flag["kind"] for flag in found["studies"][0]["flags"]] == ["pairs"] and not found["studies"][1]["flags"]
    text = text_of(path, *args)
    assert "30 pairs, correlation within a pair taken as 0.4" in text
    assert " A † " in text and " B † " not in text and "† not as reported" in text
    rows = text_of(path, *args, "--format", "csv").splitlines()
    assert "pairs: 30 pairs" in rows[1] and "pairs" not in rows[2]


def test_some_pairs_among_independent_units_lower_the_variance_as_the_delta_method_says(tmp_path: Path) -> None:
    """The log odds ratio as a function of the four counts of pairs and the two of single units, derived numerically."""
    r, m, (e1, n1), (e2, n2) = 0.3, 12, (9, 40), (15, 36)
    p1, p2 = e1 / n1, e2 / n2
    p11 = p1 * p2 + r * math.sqrt(p1 * (1 - p1) * p2 * (1 - p2))
    cells = np.array([p11, p1 - p11, p2 - p11, 1 - p1 - p2 + p11])

    def log_or(x: np.ndarray) -> float:
        a, c = x[0] + x[1] + x[4], x[0] + x[2] + x[5]
        return float(np.log(a / (n1 - a) / (c / (n2 - c))))

    mean = np.concatenate([m * cells, [(n1 - m) * p1, (n2 - m) * p2]])
    covariance = np.zeros((6, 6))
    covariance[:4, :4] = m * (np.diag(cells) - np.outer(cells, cells))
    covariance[4, 4], covariance[5, 5] = (n1 - m) * p1 * (1 - p1), (n2 - m) * p2 * (1 - p2)
    step = 1e-5
    gradient = np.array([(log_or(mean + step * u) - log_or(mean - step * u)) / (2 * step) for u in np.eye(6)])
    found = call(
        written(tmp_path, HIPS), "--measure", "OR", "--reference", "core", "--pairs", "both", "--pair-r", "0.3"
    )
    assert se_of(found, "C") ** 2 == pytest.approx(float(gradient @ covariance @ gradient), rel=1e-6)


@pytest.mark.parametrize("measure", ["MD", "SMD"])
def test_a_cross_over_trial_gets_its_paired_standard_error(tmp_path: Path, measure: str) -> None:
    path = written(
        tmp_path,
        "study,treatment,n,mean,sd,crossover\nA,drug,24,8.1,2.2,yes\nA,placebo,24,9.4,2.6,yes\n"
        "B,drug,40,7.9,2.5,no\nB,placebo,41,9.0,2.4,no\n",
    )
    arguments = ("--measure", measure, "--reference", "placebo", "--pairs", "crossover", "--pair-r", "0.6")
    found = call(path, *arguments)
    if measure == "MD":
        v = cross_over_mean_difference(8.1, 2.2, 9.4, 2.6, 24, 0.6).v
    else:
        y = found["studies"][0]["estimate"]
        known = cross_over_smd(y * 2.0, 2.0, 0.0, 2.0, 24, 0.6)  # the same standardised difference
        v = known.v
    assert se_of(found, "A") == pytest.approx(math.sqrt(v), rel=1e-9)


def test_some_pairs_in_a_standardised_difference_lower_its_variance_to_that_of_a_simulation(tmp_path: Path) -> None:
    path = written(
        tmp_path,
        "study,treatment,n,mean,sd,both\nA,drug,60,8.0,2,30\nA,placebo,40,6.0,2,30\nB,drug,40,7.9,2.5,\n"
        "B,placebo,41,9.0,2.4,\n",
    )
    measure = ("--measure", "SMD", "--reference", "placebo")
    alone = call(path, *measure)
    found = call(path, *measure, "--pairs", "both", "--pair-r", "0.7,0")
    rng = np.random.default_rng(20)
    n1, n2, m, r, times = 60, 40, 30, 0.7, 20_000
    x, y = rng.standard_normal((times, n1)), rng.standard_normal((times, n2))
    y[:, :m] = r * x[:, :m] + math.sqrt(1 - r**2) * y[:, :m]
    pooled = ((n1 - 1) * x.var(axis=1, ddof=1) + (n2 - 1) * y.var(axis=1, ddof=1)) / (n1 + n2 - 2)
    g = (x.mean(axis=1) + 1.0 - y.mean(axis=1)) / np.sqrt(pooled) * (1 - 3 / (4 * (n1 + n2 - 2) - 1))
    assert se_of(found, "A") == pytest.approx(float(g.std()), rel=0.025)
    assert se_of(alone, "A") > 1.15 * float(g.std())  # as independent groups
    nothing = call(path, *measure, "--pairs", "both", "--pair-r", "0")
    assert se_of(nothing, "A") == pytest.approx(se_of(alone, "A"), rel=1e-12)


def test_a_wholly_paired_standardised_difference_of_the_delta_method_is_bonetts() -> None:
    d, n, r = 0.6352097, 25, 0.78
    independent = 2 / n + d**2 / (4 * n)
    bonett = 2 * (1 - r) / n + d**2 * (1 + r**2) / (4 * n)
    assert independent + partly_paired_smd_change(d, n, n, n, r) == pytest.approx(bonett, rel=1e-12)
    # se.stdmean.ps(23.9, 25.1, 1.76, 2.01, .78, 25, 0) of vcmeta prints SE 0.1602852, by n - 1 and the SDs as they are
    assert math.sqrt(bonett * n / (n - 1)) == pytest.approx(0.1602852, rel=0.02)


@pytest.mark.parametrize(
    ("change", "args", "part"),
    [
        ("A,core,13,31,yes", ("--pair-r", "0.4"), "how many pairs?"),
        ("A,core,13,30,yes\nD,cells,3,20,some\nD,core,4,20,some", ("--pair-r", "0.4"), "how many pairs?"),
        ("A,core,29,30,yes", ("--pair-r", "0.9"), "do not allow this correlation"),
        ("A,core,13,30,yes", (), "--pair-r"),
        ("A,core,13,30,yes", ("--pair-r", "2"), "from -1 to 1"),
    ],
)
def test_pairs_that_cannot_be_are_refused(
    tmp_path: Path, change: str, args: tuple[str, ...], part: str, capfd: pytest.CaptureFixture[str]
) -> None:
    path = written(tmp_path, HIPS.replace("A,core,13,30,yes", change))
    assert run(["pairwise", str(path), "--measure", "OR", "--reference", "core", "--pairs", "both", *args]) == 2
    assert part in capfd.readouterr().err


THREE = """study,treatment,n,events,centre
A,low,50,10,x
A,high,52,8,x
A,placebo,60,18,x
B,low,40,9,y
B,placebo,41,12,y
"""


def test_arms_of_one_treatment_are_combined_or_share_the_control_group(tmp_path: Path) -> None:
    path = written(tmp_path, THREE)
    lump = ("--measure", "RR", "--reference", "placebo", "--lump", "low=drug", "--lump", "high=drug")
    combined = call(path, *lump, "--several-arms", "combine")
    assert combined["studies"][0]["n"] == [102, 60] and combined["studies"][0]["events"] == [18, 18]
    split = call(path, *lump, "--several-arms", "split", "--cluster", "study")
    assert [row["study"] for row in split["studies"]] == ["A (low)", "A (high)", "B"]
    events, n = split_control(18, 60, 2)
    assert split["studies"][0]["n"] == [50, n] and split["studies"][1]["events"] == [8, events]
    assert split["multilevel"]["clusters"] == 2
    assert "the other side divided by 2" in split["adjusted"][0]["what"]
    assert run(["pairwise", str(path), *lump]) == 2


def test_means_of_arms_are_combined_by_the_handbook(tmp_path: Path) -> None:
    rows = (
        "study,treatment,n,mean,sd\nA,low,20,10,2\nA,high,30,12,3\nA,placebo,25,9,2\nB,low,20,10,2\nB,placebo,20,9,2\n"
    )
    found = call(
        written(tmp_path, rows), "--measure", "MD", "--reference", "placebo", "--lump", "high=low", "--several-arms",
        "combine",
    )  # fmt: skip
    known = combine_arms((20, 30), (10, 12), (2, 3))
    assert found["studies"][0]["mean"][0] == pytest.approx(known.mean)
    assert found["studies"][0]["sd"][0] == pytest.approx(known.sd)


def test_a_control_group_given_in_two_rows_is_questioned_and_split_on_request(tmp_path: Path) -> None:
    path = written(
        tmp_path,
        "study,event.e,n.e,event.c,n.c\nLi 2010,4,40,12,44\nLi 2010,6,42,12,44\nNg 2012,8,50,13,51\n",
    )
    plain = call(path, "--measure", "RR")
    assert "same control group, which is counted 2 times" in plain["questions"][0]
    split = call(path, "--measure", "RR", "--several-arms", "split")
    assert split["studies"][0]["n"] == [40, 22] and split["studies"][1]["events"] == [6, 6]
    assert "questions" not in split
    combined = call(path, "--measure", "RR", "--several-arms", "combine")
    assert combined["studies"][0] | {"flags": 0} and combined["studies"][0]["events"] == [10, 12]
    assert combined["k"] == 2


CHANGES = """study,treatment,n,mean,sd,baseline_mean,baseline_sd,score
A,drug,30,6.0,2.0,9.0,2.2,final
A,placebo,31,7.5,2.1,9.1,2.1,final
B,drug,25,-2.5,2.4,,,change
B,placebo,26,-1.2,2.2,,,change
"""


def test_change_scores_are_made_from_baselines_and_never_mixed_with_final_ones_in_an_smd(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    path = written(tmp_path, CHANGES)
    smd = ("--measure", "SMD", "--reference", "placebo", "--score", "score")
    assert run(["pairwise", str(path), *smd]) == 2
    assert "not mixed in a standardised mean difference" in capfd.readouterr().err
    found = call(path, *smd, "--change", "0.7")
    known = mean_sd_of_change(30, before=(9.0, 2.2), after=(6.0, 2.0), correlation=0.7)
    assert found["studies"][0]["mean"][0] == pytest.approx(known.mean)
    assert found["studies"][0]["sd"][0] == pytest.approx(known.sd)
    assert found["without_converted"]["k"] == 1 and found["without_converted"]["studies"] == ["A"]


def test_a_scale_that_runs_the_other_way_is_turned_and_shown_in_natural_units(tmp_path: Path) -> None:
    path = written(
        tmp_path,
        "study,treatment,n,mean,sd,turned\nA,drug,30,70,10,yes\nA,usual,30,62,10,yes\nB,drug,30,20,10,\nB,usual,30,28,10,\n",
    )
    found = call(path, "--measure", "SMD", "--reference", "usual", "--redirect", "turned", "--natural-sd", "22.5")
    first, second = (row["estimate"] for row in found["studies"])
    assert first == pytest.approx(second) and first < 0
    assert found["natural_units"]["estimate"] == pytest.approx(22.5 * found["random"]["estimate"])
    shown = text_of(path, "--measure", "SMD", "--reference", "usual", "--redirect", "turned", "--natural-sd", "22.5")
    assert "In units of a scale with SD 22.5" in shown and "Re-directed: A" in shown


def test_events_enter_an_smd_by_chinn_with_the_fit_without_them_beside(tmp_path: Path) -> None:
    path = written(
        tmp_path,
        "study,treatment,n,mean,sd,events\nA,drug,30,6,2,\nA,usual,30,7.4,2.2,\nB,drug,40,5.5,2.1,\nB,usual,41,6.8,2,\n"
        "C,drug,50,,,10\nC,usual,52,,,21\n",
    )
    found = call(path, "--measure", "SMD", "--reference", "usual", "--smd-or")
    known = smd_of_log_or(math.log(10 * 31 / (40 * 21)), 1 / 10 + 1 / 40 + 1 / 21 + 1 / 31)
    third = found["studies"][2]
    assert third["estimate"] == pytest.approx(known.y) and third["model"]["se"] == pytest.approx(math.sqrt(known.v))
    assert found["k"] == 3 and found["without_converted"]["k"] == 2
    odds = call(path, "--measure", "OR", "--reference", "usual", "--smd-or")
    assert odds["k"] == 3 and [row["study"] for row in odds["converted"]] == ["A", "B"]


def test_one_sd_for_both_arms_comes_from_t_or_p_of_their_difference(tmp_path: Path) -> None:
    path = written(
        tmp_path,
        "study,n1,mean1,sd1,n2,mean2,sd2,t,p\nA,25,10.1,,22,13.9,,2.78,\nB,30,9,,31,12,,,0.004\nC,30,9,5,31,12,5,,<0.05\n",
    )
    found = call(path, "--measure", "MD", "--convert", "refuse", "--columns", "t_value=t")
    assert found["studies"][0]["sd"] == pytest.approx([sd_of_difference(3.8, 25, 22, t=2.78).sd] * 2)
    assert found["studies"][1]["sd"] == pytest.approx([sd_of_difference(3, 30, 31, p=0.004).sd] * 2)
    assert found["studies"][2]["sd"] == [5, 5]


def test_a_risk_is_given_at_an_assumed_risk(tmp_path: Path) -> None:
    path = written(tmp_path, HIPS)
    found = call(path, "--measure", "RR", "--reference", "core", "--assumed-risk", "0.3")
    ratio = found["random"]["estimate"]
    assert found["absolute"]["risk"]["estimate"] == pytest.approx(0.3 * ratio)
    odds = call(path, "--measure", "OR", "--reference", "core", "--assumed-risk", "0.3")
    x = odds["random"]["estimate"]
    assert odds["absolute"]["risk"]["estimate"] == pytest.approx(x * 0.3 / (0.7 + x * 0.3))
    assert run(["pairwise", str(path), "--measure", "AS", "--reference", "core", "--assumed-risk", "0.3"]) == 2


def test_a_bootstrap_is_the_same_for_the_same_seed_and_covers_the_estimate(tmp_path: Path) -> None:
    path = tmp_path / "effects.csv"
    rows = [f"s{i},{0.1 * (i % 5) + 0.05 * i:.2f},{0.08 + 0.02 * i:.2f}" for i in range(8)]
    path.write_text("\n".join(["study,yi,sei", *rows]) + "\n", encoding="utf-8")
    one, two = (call(path, "--bootstrap", "500", "--seed", "3")["bootstrap"] for _ in range(2))
    assert one == two and one["low"] < call(path)["random"]["estimate"] < one["high"]
    assert call(path, "--bootstrap", "500", "--seed", "4")["bootstrap"] != one


def test_effects_as_given_are_inflated_for_clusters_and_take_no_conversion(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    path = written(tmp_path, "study,yi,sei,m\nA,0.2,0.1,21\nB,0.3,0.2,\n")
    found = call(path, "--icc", "0.05", "--cluster-size", "m")
    assert se_of(found, "A") == pytest.approx(0.1 * math.sqrt(2)) and se_of(found, "B") == 0.2
    assert run(["pairwise", str(path), "--convert", "flag"]) == 2
    assert "not of effects" in capfd.readouterr().err


def test_python_takes_the_same_options_and_gives_the_same_numbers(tmp_path: Path) -> None:
    from toolkit import analyse_table

    path = written(tmp_path, HIPS)
    by_command = call(path, "--measure", "OR", "--reference", "core", "--pairs", "both", "--pair-r", "0.4,0",
                      "--leave-one-out")  # fmt: skip
    done = analyse_table(path, measure="OR", reference="core", pairs="both", pair_r=(0.4, 0.0), leave_one_out=True)
    own = done.as_dict()
    assert own["random"] == by_command["random"] and own["leave_one_out"] == by_command["leave_one_out"]
    assert own["pair_range"] == by_command["pair_range"]
    for wrong, part in (({"pair_r": 2.0}, "pair_r"), ({"icc": 0.1}, "belong together"), ({"taus": 1}, "taus")):
        with pytest.raises(InputError, match=part):
            analyse_table(path, measure="OR", reference="core", **wrong)
