"""Everything that an analysis reports beside its fit is found again by metafor, or the script says why not."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.exchange.builders import NAMES, TREATED, arm, declared, twelve, write_analysis
from tests.exchange.test_scripts import run_all
from toolkit.engine.own_weights import WEIGHTED
from toolkit.exchange import parts, stata_parts
from toolkit.exchange.scripts import analysis_scripts
from toolkit.model.choices import MODELS
from toolkit.model.pairwise_options import ADJUSTMENTS

Case = tuple[str, dict[str, Any]]
TESTS = ("auto", "Egger", "Egger_random", "Thompson", "Begg", "Harbord", "Peters", "Macaskill", "Deeks")

CASES: dict[str, dict[str, Case]] = {
    "groups": {
        "subgroup": ("continuous", {"measure": "MD", "subgroup": "区"}),
        "common-tau2": (
            "continuous", {"measure": "SMD", "subgroup": "区", "common_tau2": True, "tau2": "DL", "ci": "HK"}
        ),
        "zero-cells": ("binary", {"measure": "OR", "subgroup": "区", "zero_to": "if0all"}),
        "Peto": ("binary", {"measure": "PETO", "subgroup": "区"}),
        "rates": ("rate", {"measure": "IRR", "subgroup": "区"}),
        "clusters": ("binary", {"measure": "OR", "icc": 0.05, "cluster_size": "year", "subgroup": "区"}),
        "sample-size": ("continuous", {"measure": "SMD", "model": "SSW", "subgroup": "区"}),
        "variance": ("continuous", {"measure": "SMD", "variance": "AV"}),
    },
    "regression": {
        "factor": ("continuous", {"measure": "MD", "regress": "year + factor(level) + =dose"}),
        "product": ("continuous", {"measure": "MD", "regress": "year*区", "ci": "Wald", "tau2": "DL"}),
        "HK": ("continuous", {"measure": "MD", "regress": "year", "ci": "HK", "tau2": "PM"}),
        "t": ("binary", {"measure": "RR", "regress": "year", "ci": "t", "tau2": "EB"}),
        "scale": ("continuous", {"measure": "ROM", "scale": "year"}),
        "scale-and-mean": ("binary", {"measure": "OR", "scale": "year", "regress": "=dose"}),
    },
    "counts": {
        "UM.FS": ("binary", {"measure": "OR", "model": "UM.FS"}),
        "UM.RS": ("binary", {"measure": "OR", "model": "UM.RS", "ci": "t"}),
        "CM.EL": ("binary", {"measure": "OR", "model": "CM.EL"}),
        "CM.AL": ("binary", {"measure": "OR", "model": "CM.AL"}),
        "IRR-UM.FS": ("rate", {"measure": "IRR", "model": "UM.FS"}),
        "IRR-CM.EL": ("rate", {"measure": "IRR", "model": "GLMM"}),
        "PLO": ("binary", {"measure": "PLO", "model": "GLMM"}),
        "BB": ("binary", {"measure": "OR", "model": "BB", "subgroup": "区"}),
    },
    "Mantel-Haenszel": {
        "RR": ("binary", {
            "measure": "RR", "mantel_haenszel": "corrected", "q_around": "MH", "tau2": "DL", "leave_one_out": True,
            "cumulative": True,
        }),
        "RD": ("binary", {"measure": "RD", "mantel_haenszel": "corrected"}),
        "OR": ("binary", {"measure": "OR", "mantel_haenszel": "corrected", "subgroup": "区"}),
        "preset": ("binary", {"measure": "OR", "preset": "revman5_3"}),
        "IRD": ("rate", {"measure": "IRD"}),
        "KR": ("continuous", {"measure": "MD", "ci": "KR", "prediction": "KR", "cumulative": True}),
        "PL": ("binary", {"measure": "RD", "tau2_ci": "PL", "tau2": "ML"}),
        "one-group": ("binary", {"measure": "PR", "trim_fill": "L0"}),
        "one-rate": ("rate", {"measure": "IRLN", "subgroup": "区"}),
    },
    "sensitivity": {
        "refits": ("continuous", {
            "measure": "MD", "leave_one_out": True, "cumulative": True, "cumulative_by": "year", "influence": True,
        }),
        "permutation": ("continuous", {"measure": "MD", "permutation": 100}),
        "shown": ("continuous", {"measure": "SMD", "natural_sd": 12, "swim": True}),
        "absolute": ("binary", {"measure": "OR", "assumed_risk": 0.2}),
        "trim-L0": ("continuous", {"measure": "MD", "trim_fill": "L0"}),
        "trim-R0": ("binary", {"measure": "OR", "trim_fill": "R0", "ci": "Wald"}),
    },
    "small studies": {
        **{f"bias-{test}": ("binary", {"measure": "OR", "bias": test}) for test in TESTS},
        "bias-SMD": ("continuous", {"measure": "SMD", "bias": "Pustejovsky"}),
    },
    "clusters": {
        "CR2": ("continuous", {"measure": "MD", "cluster": "trial"}),
        "CHE-CR1": (
            "continuous", {"measure": "MD", "cluster": "trial", "rho": 0.6, "regress": "year", "robust": "CR1"}
        ),
        "t": (
            "continuous", {"measure": "SMD", "cluster": "trial", "structure": "cluster", "robust": "t", "rho": 0.3}
        ),
        "z": ("binary", {"measure": "OR", "cluster": "trial", "robust": "z"}),
    },
    "adjusted": {"all": ("binary", {"measure": "OR", "adjust": [name for name in ADJUSTMENTS if name != "copas"]})},
}  # fmt: skip


def made(case: Case) -> tuple[list[Any], Any]:
    kind, keys = case
    arms = twelve(kind)
    if keys["measure"] in ("PR", "PLO", "IRLN"):
        arms, keys = [a for a in arms if a.treatment == TREATED], {**keys, "reference": None}
    found = declared(arms, kind, **keys)
    if keys.get("permutation"):  # 2^6 arrangements of signs
        arms = arms[:12]
        found = declared(arms, kind, **keys)
    assert "not_done" not in found["result"].get("further", {})
    return arms, found


@pytest.mark.parametrize("group", CASES)
def test_metafor_finds_what_stands_beside_the_fit(group: str, tmp_path: Path, rscript: str) -> None:
    for name, case in CASES[group].items():
        write_analysis(tmp_path / name, *made(case))
    done = run_all(tmp_path, list(CASES[group]))
    passed = set(re.findall(r"^PASSED (\S+)", done.stdout, re.MULTILINE))
    assert passed == set(CASES[group]), re.findall(r"STOPPED.*", done.stdout) or done.stderr[-2000:]


def test_r_parses_every_script_and_no_number_of_a_part_is_dropped(tmp_path: Path, rscript: str) -> None:
    files: list[Path] = []
    for group in CASES.values():
        for name, case in group.items():
            for script in analysis_scripts(made(case)[1])[0]:
                if script.name.endswith(".R"):
                    files.append(tmp_path / f"{len(files)}-{name}-{script.name}")
                    files[-1].write_text(script.text, encoding="utf-8")
    code = "for (f in commandArgs(TRUE)) invisible(parse(f, encoding = 'UTF-8'))"
    done = subprocess.run([rscript, "-e", code, *map(str, files)], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize(
    ("keys", "what", "why"),
    [
        ({"measure": "MD", "ci": "KR"}, "Kenward and Roger's interval", "metafor has none"),
        ({"measure": "OR", "model": "BB"}, "the beta-binomial fit", "metafor has no beta-binomial model"),
        ({"measure": "OR", "model": "UM.RS"}, "the likelihood-ratio test of heterogeneity", "codes the arms 0 and 1"),
        ({"measure": "SMD", "bayes": ["half-normal:0.5"]}, "the Bayesian model", "metafor has none"),
        ({"measure": "SMD", "bootstrap": 100}, "the bootstrap intervals", "drawn at random"),
        ({"measure": "SMD", "permutation": 100}, "the permutation test", "drawn at random"),
        ({"measure": "SMD", "tau2": "DL2", "trim_fill": "L0"}, "trim-and-fill", "two-step"),
        ({"measure": "OR", "adjust": ["p-curve"]}, "the p-curve", "metafor has none"),
    ],
)
def test_what_metafor_does_not_have_is_said_in_the_script(keys: dict[str, Any], what: str, why: str) -> None:
    kind = "binary" if keys["measure"] == "OR" else "continuous"
    script = analysis_scripts(declared(twelve(kind), kind, **keys))[0][0]
    assert script.name == "metafor.R" and why in dict(script.not_refitted)[what]
    assert f"# Not refitted here: {what}: " in script.text


def test_nothing_beside_the_fit_is_passed_over_in_silence() -> None:
    """Each name is refitted or said not to be; these four are words about the data."""
    words = {"converted", "adjusted", "questions", "not_done"}
    keys: dict[str, Any] = {
        "measure": "SMD", "subgroup": "区", "regress": "year",
        "leave_one_out": True, "cumulative": True, "influence": True, "swim": True,
        "trim_fill": "L0", "bias": "Egger", "adjust": ["pet-peese"], "permutation": 100, "bootstrap": 100,
        "bayes": ["jeffreys"], "natural_sd": 3, "convert": "QE", "impute_sd": "pooled",
    }  # fmt: skip
    arms = twelve("continuous")
    found = declared(arms, "continuous", **keys)
    more = [
        declared(arms, "continuous", measure=measure, **own)
        for measure, own in (("SMD", {"cluster": "trial"}), ("ROM", {"scale": "year"}))
    ]
    names = set().union(*(parts.further_of(one) for one in (found, *more))) - words
    assert names >= {"subgroups", "regression", "permutation", "adjustments", "multilevel", "bayes", "bootstrap"}
    assert names <= {*parts._PARTS, *parts._REASONS}
    for one in (found, *more):
        said = {what for what, _ in analysis_scripts(one)[0][2].not_refitted}
        told = {name.replace("_", " ") for name in parts.further_of(one) if name not in stata_parts._PARTS} - words
        assert told <= said


def test_every_model_has_a_metafor_script_and_a_do_file() -> None:
    for model in MODELS:
        own: dict[str, Any] = {"measure": "PLO", "reference": None} if model == "BN" else {"measure": "OR"}
        arms = [a for a in twelve("binary") if model != "BN" or a.treatment == TREATED]
        scripts, left_out = analysis_scripts(declared(arms, "binary", model=model, **own))
        assert {"metafor.R", "stata.do"} <= {script.name for script in scripts}
        assert all(f"has no model {model}" in why for _, why in left_out)
        assert bool(left_out) == (model in (*WEIGHTED, "BB"))


def test_a_do_file_makes_the_variables_of_a_formula() -> None:
    found = declared(twelve("continuous"), "continuous", measure="MD", regress="factor(level)*year", ci="HK")
    text = {s.name: s.text for s in analysis_scripts(found)[0]}["stata.do"]
    assert "meta regress x1 x2 x3 x4 x5, random(reml) se(khartung) level(95)\n" in text
    assert "* column1 is level\n" in text and "column1" in text.split("generate double x1")[1].split("\n")[0]
    assert text.count("compare ") > 20 and len(NAMES) == 12


def test_the_effects_of_a_network_as_given_are_fitted_again(tmp_path: Path, rscript: str) -> None:
    rows = [("A", "x", "z", 0.4, 0.2), ("B", "x", "y", 0.1, 0.25), ("C", "y", "z", 0.5, 0.3), ("D", "x", "z", 0.2, 0.2),
            ("E", "x", "z", 0.5, 0.3), ("E", "y", "z", 0.3, 0.28), ("E", "x", "y", 0.2, 0.26)]  # fmt: skip
    arms = []
    for study, treatment, versus, effect, se in rows:
        one = arm(study, treatment)
        own = {"reported": (("effect", effect), ("effect_se", se)), "versus": versus}
        arms.append(type(one)(**{**{name: getattr(one, name) for name in one.__slots__}, **own}))
    found = declared(arms, "effect", kind="network", measure="GEN", reference="z", ci="HK")
    script = analysis_scripts(found)[0][0]
    assert (
        'effects = "given"' in script.text
        and "contrasts.csv" in dict(script.not_refitted)["the effects of the studies"]
    )
    write_analysis(tmp_path / "given", arms, found)
    assert "PASSED given" in run_all(tmp_path, ["given"]).stdout
    assert {"data.csv", "contrasts.csv", "metafor.R", "netmeta.R", "stata.do"} == {
        p.name for p in (tmp_path / "given").iterdir()
    }
