"""Options of the command in review.toml: they change numbers, fingerprint, data and report as they do on a table."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from tests.analysis.builders import SETTINGS, evipool, make_review, write_csv
from toolkit.cli import cli
from toolkit.cli.pairwise import pairwise as command
from toolkit.config import load_review
from toolkit.model.errors import InputError
from toolkit.model.pairwise_options import OPTIONS

HEADER = [
    "study", "arm", "treatment", "outcome", "months", "n", "events", "mean", "sd", "se", "median", "q1", "q3",
    "baseline_mean", "baseline_sd", "score", "reversed", "versus", "effect", "effect_low", "effect_high", "effect_se",
    "o_minus_e", "logrank_v",
]  # fmt: skip
STUDIES = [f"S{i}" for i in range(1, 7)]

OUTCOMES = """
[[outcomes]]
id = "pain"
name = "pain"
type = "continuous"
better = "lower"
rule = "latest"
[[outcomes]]
id = "survival"
name = "survival"
type = "effect"
better = "lower"
rule = "latest"
[[outcomes]]
id = "tha"
name = "conversion"
type = "binary"
better = "lower"
rule = "latest"
"""
BASE = SETTINGS[: SETTINGS.index("[[outcomes]]")] + OUTCOMES


def analysis(identity: str = "main", **keys: Any) -> str:
    """An analysis of pain as TOML."""
    given: dict[str, Any] = {
        "id": identity, "kind": "pairwise", "outcome": "pain", "measure": "MD", "treatment": "cells",
        "reference": "core", **keys,
    }  # fmt: skip
    lines = [f"{key} = {json.dumps(value)}" for key, value in given.items() if value is not None]
    return "\n[[analyses]]\n" + "\n".join(lines) + "\n"


ROWS: list[dict[str, Any]] = [
    {"study": "S1", "treatment": "cells", "n": 30, "mean": 3.1, "sd": 1.4},
    {"study": "S1", "treatment": "core", "n": 31, "mean": 4.0, "sd": 1.5},
    {"study": "S2", "treatment": "cells", "n": 25, "mean": 2.8, "se": 0.3},
    {"study": "S2", "treatment": "core", "n": 26, "mean": 3.9, "se": 0.31},
    {"study": "S3", "treatment": "cells", "n": 40, "median": 3.0, "q1": 2.0, "q3": 4.0},
    {"study": "S3", "treatment": "core", "n": 41, "median": 3.6, "q1": 2.7, "q3": 4.6},
    {"study": "S4", "treatment": "cells", "n": 28, "mean": 3.3},
    {"study": "S4", "treatment": "core", "n": 27, "mean": 3.8},
    {"study": "S5", "treatment": "cells", "n": 50, "mean": 2.9, "sd": 1.3},
    {"study": "S5", "treatment": "core", "n": 52, "mean": 3.6, "sd": 1.6},
    {"study": "S6", "treatment": "cells", "n": 36, "mean": -3.0, "sd": 1.2, "reversed": "yes"},
    {"study": "S6", "treatment": "core", "n": 35, "mean": -3.5, "sd": 1.3, "reversed": "yes"},
]


def form(path: Path, rows: Sequence[dict[str, Any]], outcome: str = "pain") -> Path:
    counts: dict[str, int] = {}
    cells = []
    for row in rows:
        counts[row["study"]] = counts.get(row["study"], 0) + 1
        full = {"arm": f"A{counts[row['study']]}", "outcome": outcome, "months": 24, **row}
        cells.append([full.get(name, "") for name in HEADER])
    return write_csv(path, HEADER, cells)


@pytest.fixture(scope="module")
def review(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six included studies with the rows above; years and cluster sizes as characteristics."""
    folder = tmp_path_factory.mktemp("options") / "review"
    trials: dict[str, Any] = dict.fromkeys(STUDIES, ())
    make_review(folder, settings=BASE, trials=trials)
    assert evipool(folder, "extract", "import", str(form(folder.parent / "pain.csv", ROWS)), "--as", "AB") == 0
    effects = [
        {"study": "S1", "treatment": "cells", "versus": "core", "effect": 0.62, "effect_low": 0.4, "effect_high": 0.96},
        {"study": "S2", "treatment": "cells", "versus": "core", "o_minus_e": -4.2, "logrank_v": 18},
        {"study": "S3", "treatment": "core", "versus": "cells", "effect": 1.25, "effect_se": 0.2},
        {"study": "S4", "treatment": "cells", "effect": 0.9, "effect_se": 0.2},
    ]
    path = form(folder.parent / "survival.csv", effects, "survival")
    assert evipool(folder, "extract", "import", str(path), "--as", "AB") == 0
    counts = [
        {"study": s, "treatment": t, "n": n, "events": e}
        for s, *arms in (("S1", ("cells", 30, 4), ("core", 30, 9)), ("S2", ("cells", 25, 3), ("core", 26, 6)),
                         ("S5", ("cells", 50, 7), ("core", 52, 15)))
        for t, n, e in arms
    ]  # fmt: skip
    counts += [{"study": "S6", "treatment": t, "n": n, "events": e, "arm": a}
               for a, t, n, e in (("x", "cells", 20, 2), ("y", "cells", 22, 3), ("z", "core", 40, 12))]  # fmt: skip
    path = form(folder.parent / "tha.csv", counts, "tha")
    assert evipool(folder, "extract", "import", str(path), "--as", "AB") == 0
    told = [
        [s, name, value]
        for i, s in enumerate(STUDIES)
        for name, value in (("year", 2001 + i), ("m", 1 + i % 3), ("order", 9 - i))
    ]
    told += [["S1", "both", "yes"]]
    path = write_csv(folder.parent / "told.csv", ["study", "characteristic", "value"], told)
    assert evipool(folder, "extract", "import", str(path), "--as", "AB") == 0
    return folder


def result(folder: Path, text: str, identity: str = "main") -> dict[str, Any]:
    """The stored result of an analysis declared now."""
    (folder / "review.toml").write_text(BASE + text, encoding="utf-8")
    assert evipool(folder, "analyse", identity) == 0
    newest = max((folder / "results" / identity).glob("*/result.json"), key=lambda path: path.stat().st_mtime_ns)
    found: dict[str, Any] = json.loads(newest.read_text(encoding="utf-8"))
    return found | {"folder": newest.parent}


def on_table(tmp_path: Path, rows: Sequence[dict[str, Any]], *args: str) -> dict[str, Any]:
    """The same by the command on a CSV."""
    header = list(dict.fromkeys(name for row in rows for name in row))
    with (tmp_path / "t.csv").open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, header, restval="")
        writer.writeheader()
        writer.writerows(rows)
    arguments = ["pairwise", str(tmp_path / "t.csv"), "--reference", "core", *args, "--format", "json"]
    called = CliRunner().invoke(cli, arguments, catch_exceptions=False)
    assert called.exit_code == 0, called.output
    found: dict[str, Any] = json.loads(called.stdout)
    return found


def same(one: dict[str, Any], two: dict[str, Any]) -> bool:
    return bool(one["model"]["estimate"] == pytest.approx(two["model"]["estimate"], rel=1e-12)) and bool(
        one["model"]["se"] == pytest.approx(two["model"]["se"], rel=1e-12)
    )


def test_conversions_imputed_sds_and_turned_scales_are_the_same_in_a_review_and_on_a_table(
    review: Path, tmp_path: Path
) -> None:
    options = {"convert": "refuse", "impute_sd": "pooled", "redirect": "reversed"}
    stored = result(review, analysis(**options))
    table = on_table(
        tmp_path, ROWS, "--measure", "MD", "--convert", "refuse", "--impute-sd", "pooled", "--redirect", "reversed"
    )
    assert stored["result"]["k"] == table["k"] == 6 and same(stored["result"]["random"], table["random"])
    assert stored["options"] == options
    further = stored["result"]["further"]
    assert {row["kind"] for row in further["converted"]} == {"converted", "imputed"}
    assert same(further["without_converted"], table["without_converted"])
    assert further["without_imputed"]["k"] == 5 and further["without_imputed"]["studies"] == ["S4"]
    flags = {row["study"]: [flag["kind"] for flag in row["flags"]] for row in stored["result"]["studies"]}
    assert flags["S2"] == ["converted", "converted"] and flags["S4"] == ["imputed", "imputed"]
    assert flags["S6"] == ["redirected"] and flags["S1"] == []
    without = result(review, analysis())
    assert without["result"]["k"] == 3 and "options" not in without and "further" not in without["result"]
    assert without["fingerprint"] != stored["fingerprint"]


def test_models_small_study_effects_and_priors_are_stored_and_reported(review: Path) -> None:
    options = {
        "convert": "flag", "impute_sd": "median", "redirect": "reversed", "regress": "year", "permutation": 200,
        "bootstrap": 200, "bayes": ["half-normal:0.5", "jeffreys"], "mu_prior": [0, 2], "influence": True,
        "cumulative": True, "cumulative_by": "order",
        "trim_fill": "L0", "adjust": ["step", "limit"], "bias": "Egger", "grim": 1,
        "figures": ["baujat", "gosh", "bubble", "profile"], "contours": True,
    }  # fmt: skip
    stored = result(review, analysis(**options))
    further = stored["result"]["further"]
    assert {"regression", "permutation", "bootstrap", "bayes", "influence", "cumulative", "trim_and_fill"} <= set(
        further
    )
    assert [own["prior"] for own in further["bayes"]] == ["half-normal:0.5", "jeffreys"]
    assert [row["study"] for row in further["cumulative"]] == ["S6", "S5", "S4", "S3", "S2", "S1"]
    assert "refused under 10" in further["not_done"]["small_study_test"]
    assert {"baujat.svg", "gosh.svg", "bubble.svg", "profile.svg", "forest.svg"} <= {
        path.name for path in stored["folder"].iterdir()
    }
    assert evipool(review, "report") == 0
    page = next(review.glob("report/**/*.html")).read_text(encoding="utf-8")
    for words in (
        "Regression on year", "Bayesian, prior of tau", "Bootstrap (200 samples", "Permutation test",
        "Not done: small study test", "share in Q against influence", "imputed: the median SD",
    ):  # fmt: skip
        assert words in page, words


def test_effects_of_the_authors_are_pooled_with_their_sides_and_the_one_without_them_is_named(review: Path) -> None:
    keys = {"outcome": "survival", "measure": "HR", "icc": 0.1, "cluster_size": "m"}
    stored = result(review, analysis("hr", **keys), "hr")
    studies = {row["study"]: row for row in stored["result"]["studies"]}
    assert set(studies) == {"S1", "S2", "S3"} and stored["result"]["scale"] == "log"
    assert studies["S1"]["estimate"] == pytest.approx(0.62)
    assert studies["S3"]["estimate"] == pytest.approx(1 / 1.25)
    assert studies["S2"]["model"]["se"] == pytest.approx((1.1 / 18) ** 0.5)
    called = CliRunner().invoke(cli, ["-C", str(review), "analyse", "hr"], catch_exceptions=False)
    assert "S4" in called.output and "not said what its effect is against" in called.output


def test_pairs_several_arms_and_subgroups_of_a_declared_analysis(review: Path) -> None:
    keys = {"outcome": "tha", "measure": "OR", "pairs": "both", "pair_r": [0.3, 0, 0.1], "several_arms": "split"}
    stored = result(review, analysis(**keys))
    names = [row["study"] for row in stored["result"]["studies"]]
    assert names == ["S1", "S2", "S5", "S6 (x)", "S6 (y)"]
    assert [one["r"] for one in stored["result"]["further"]["pair_range"]] == [0.3, 0, 0.1]
    assert stored["result"]["mantel_haenszel"] is None
    combined = result(review, analysis(outcome="tha", measure="OR", subgroup="m", common_tau2=True, assumed_risk=0.3))
    assert combined["result"]["studies"][3]["n"] == [42, 40]
    assert {group["label"] for group in combined["result"]["further"]["subgroups"]["groups"]} == {"1", "2", "3"}
    assert combined["result"]["further"]["absolute"]["assumed_risk"] == 0.3
    clustered = result(
        review, analysis(outcome="tha", measure="OR", several_arms="split", cluster="study", scale=None, rho=0.5)
    )
    assert clustered["result"]["further"]["multilevel"]["clusters"] == 4


def test_a_proportion_of_one_group_is_declared_with_its_treatment_alone(review: Path) -> None:
    stored = result(review, analysis(outcome="tha", measure="PLO", reference=None, model="GLMM"))
    assert stored["result"]["k"] == 4 and 0 < stored["result"]["random"]["estimate"] < 1
    assert evipool(review, "report") == 0


@pytest.mark.parametrize(
    ("line", "value", "words"),
    [
        ("icc = 2", "2", "from 0 to 1"),
        ('icc = "high"', "high", "a number from 0 to 1"),
        ('convert = "guess"', "guess", '"refuse"'),
        ("permutation = 5", "5", "a whole number, 100 or more"),
        ("permutation = 200.5", "200.5", "a whole number"),
        ('bayes = "jeffreys"', "jeffreys", "a list of texts"),
        ('adjust = ["limits"]', None, '"limit"'),
        ("mu_prior = [0, -1]", None, "mean and SD"),
        ("pair_r = []", None, "a list of numbers"),
        ("leave_one_out = 1", "1", "true or false"),
        ("subgroup = 3", "3", "a text"),
        ('cluster_size = "m"', "m", '"icc" and "cluster_size" belong together'),
        ("common_tau2 = true", "True", 'belongs to "subgroup"'),
        ("rho = 1", "1", "above -1 and below 1"),
        ('figures = ["pie"]', None, '"baujat"'),
        ('mantel_haenszel = "cooked"', "cooked", '"corrected"'),
        ('regres = "year"', "year", "unknown key"),
    ],
)
def test_a_wrong_option_is_named_with_file_line_key_value_and_what_is_allowed(
    tmp_path: Path, line: str, value: str | None, words: str
) -> None:
    path = tmp_path / "review.toml"
    text = BASE + analysis(identity="first") + analysis(identity="second") + line + "\n"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(InputError) as raised:
        load_review(path)
    message = str(raised.value)
    assert words in message and line.split(" ")[0] in message and str(path) in message
    assert raised.value.line == len(text.splitlines())
    assert value is None or value in message


def test_options_of_a_comparison_are_refused_in_a_network_and_unknown_columns_in_an_analysis(
    review: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    network = analysis(kind="network", treatment=None, icc=0.1, cluster_size="m")
    (review / "review.toml").write_text(BASE + network, encoding="utf-8")
    assert evipool(review, "analyse") == 2
    assert "for pairwise analyses only" in capfd.readouterr().err
    (review / "review.toml").write_text(BASE + analysis(regress="stage"), encoding="utf-8")
    assert evipool(review, "analyse") == 2
    told = capfd.readouterr()
    assert "nothing is known of 'stage' of any study" in told.out + told.err


# Options of the command that say how a table is read or where output goes, and spec fields that are keys of their own.
OF_THE_TABLE = {
    "file", "columns", "sheet", "delimiter", "decimal", "encoding", "output_format", "output", "plot", "funnel",
}  # fmt: skip
OTHER_NAME = {"figure": "figures"}


def test_every_option_of_the_command_is_a_key_of_review_toml() -> None:
    from toolkit.config import Analysis

    keys = set(Analysis.model_fields) | set(OPTIONS)
    own = {OTHER_NAME.get(str(p.name), str(p.name)) for p in command.params} - OF_THE_TABLE
    assert own <= keys, own - keys
    assert set(OPTIONS) <= own


def test_the_starter_explains_every_key_of_an_analysis() -> None:
    from toolkit.config import Analysis
    from toolkit.starter import template

    part = template("T").split("# [[analyses]]", 1)[1]
    named = set(re.findall(r"^# (\w+) = ", part, flags=re.MULTILINE))
    assert set(OPTIONS) | set(Analysis.model_fields) <= named, (set(OPTIONS) | set(Analysis.model_fields)) - named
