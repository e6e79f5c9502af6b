"""The scripts really run: metafor finds our numbers again, and notices a number that is wrong."""

from __future__ import annotations

import re
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.exchange.builders import CONTROL, TREATED, network_arms, pair_arms, payload, write_data
from toolkit.exchange.expected import data_type, expected_numbers
from toolkit.exchange.scripts import analysis_scripts, r_string
from toolkit.model.choices import MEASURES, TAU2_METHODS
from toolkit.model.spec import NetworkSpec, PairwiseSpec, ZeroCells

PAIR = [m for m, entry in MEASURES.items() if entry.groups == 2 and entry.needs and m != "SMD_RM"]
NETWORK = [m for m in PAIR if m not in ("PETO", "SMDH")]


def r_with_metafor() -> bool:
    if shutil.which("Rscript") is None:
        return False
    done = subprocess.run(["Rscript", "-e", "library(metafor)"], capture_output=True, check=False)
    return done.returncode == 0


@pytest.fixture(scope="module")
def rscript() -> str:
    if not r_with_metafor():
        pytest.skip("needs Rscript with the package metafor (Debian: r-base-core r-cran-metafor)")
    return "Rscript"


def pairwise_cases() -> dict[str, Any]:
    spec = PairwiseSpec(measure="OR", treatment=TREATED, reference=CONTROL)
    cases = {m: (pair_arms(data_type(m)), replace(spec, measure=m)) for m in PAIR}
    for tau2 in TAU2_METHODS:
        cases[f"tau2-{tau2}"] = (pair_arms("continuous"), replace(spec, measure="MD", tau2=tau2))
    for ci in ("Wald", "t", "HK", "HK_adhoc"):
        cases[f"ci-{ci}"] = (pair_arms("continuous"), replace(spec, measure="SMD", ci=ci, level=0.9))
    for prediction in ("t_k2", "z", "HK", "HK_k2", "none"):
        cases[f"prediction-{prediction}"] = (
            pair_arms("continuous"),
            replace(spec, measure="MD", prediction=prediction),
        )
    for measure in ("OR", "RR", "RD"):
        for to in ("all", "if0all", "none"):
            cases[f"{measure}-{to}"] = (
                pair_arms("binary"), replace(spec, measure=measure, zero_cells=ZeroCells(add=0.25, to=to)),
            )  # fmt: skip
    cells = ZeroCells(drop_double_zero=False, risk_ratio="cells", risk_difference="cells")
    for measure in ("OR", "RR", "RD"):
        cases[f"{measure}-cells"] = (pair_arms("binary"), replace(spec, measure=measure, zero_cells=cells))
    cases["one-study"] = (pair_arms("binary")[:2], spec)
    cases["two-studies"] = (pair_arms("continuous")[:4], replace(spec, measure="MD"))
    return cases


def network_cases() -> dict[str, Any]:
    spec = NetworkSpec(measure="OR", reference=CONTROL)
    cases = {f"net-{m}": (network_arms(data_type(m)), replace(spec, measure=m)) for m in NETWORK}
    for tau2 in ("DL", "ML"):
        cases[f"net-{tau2}"] = (network_arms("continuous"), replace(spec, measure="MD", tau2=tau2))
    cases["net-fixed"] = (network_arms("binary"), replace(spec, tau2="fixed", tau2_value=0.04))
    cases["net-two"] = (pair_arms("continuous"), replace(spec, measure="MD"))
    return cases


def run_all(folder: Path, names: list[str]) -> subprocess.CompletedProcess[str]:
    """Every metafor.R in one R process, each in its own environment; R's answer names those that stop."""
    code = (
        "options(width = 200); for (d in commandArgs(TRUE)) { setwd(d); "
        "r <- try(suppressMessages(sys.source('metafor.R', new.env(parent = globalenv()))), silent = TRUE); "
        "cat(if (inherits(r, 'try-error')) paste('STOPPED', basename(d), r) else paste('PASSED', basename(d)), '\\n') }"
    )
    return subprocess.run(
        ["Rscript", "-e", code, *(str(folder / name) for name in names)],
        capture_output=True, text=True, encoding="utf-8", check=False, env={"PATH": "/usr/bin:/bin", "LC_ALL": "C"},
    )  # fmt: skip


@pytest.mark.parametrize("cases", [pairwise_cases, network_cases], ids=["pairwise", "network"])
def test_metafor_finds_every_number_again(cases: Any, tmp_path: Path, rscript: str) -> None:
    made = cases()
    for name, (arms, spec) in made.items():
        write_data(tmp_path / name, arms)
        scripts, _ = analysis_scripts(payload(arms, spec, name))
        (tmp_path / name / "metafor.R").write_text(scripts[0].text, encoding="utf-8")
    done = run_all(tmp_path, list(made))
    passed = set(re.findall(r"^PASSED (\S+)", done.stdout, re.MULTILINE))
    assert passed == set(made), re.findall(r"STOPPED.*", done.stdout) or done.stderr[-2000:]


@pytest.mark.parametrize(
    ("options", "why"),
    [
        ({"measure": "SMD_RM"}, "SMD_RM"),
        ({"measure": "MD", "ci": "KR"}, "Kenward-Roger"),
        ({"measure": "MD", "prediction": "KR"}, "Kenward-Roger"),
        ({"measure": "OR", "model": "UM.FS"}, "models of the counts"),
        ({"measure": "RR", "tau2": "DL", "q_around": "MH"}, "Mantel-Haenszel"),
        ({"measure": "RR", "mantel_haenszel": "corrected"}, "Mantel-Haenszel"),
    ],
)
def test_what_no_script_follows_is_left_out_with_the_reason(options: dict[str, Any], why: str) -> None:
    spec = PairwiseSpec(treatment=TREATED, reference=CONTROL, **options)
    made, left_out = analysis_scripts(payload(pair_arms(data_type(options["measure"])), spec))
    assert not made and {name for name, _ in left_out} == {"metafor.R", "meta.R", "stata.do"}
    assert all(why in reason for _, reason in left_out)


def test_a_wrong_number_stops_the_script(tmp_path: Path, rscript: str) -> None:
    arms = pair_arms("continuous")
    found = payload(arms, PairwiseSpec(measure="MD", treatment=TREATED, reference=CONTROL))
    found["result"]["random"]["model"]["estimate"] += 1e-4
    write_data(tmp_path, arms)
    scripts, _ = analysis_scripts(found)
    (tmp_path / "metafor.R").write_text(scripts[0].text, encoding="utf-8")
    done = subprocess.run([rscript, str(tmp_path / "metafor.R")], capture_output=True, text=True, check=False)
    assert done.returncode != 0
    assert "differs from evipool by more than the tolerance: random: estimate" in done.stderr


def test_every_r_script_is_parsed_by_r(tmp_path: Path, rscript: str) -> None:
    written = []
    for name, (arms, spec) in {**pairwise_cases(), **network_cases()}.items():
        for script in analysis_scripts(payload(arms, spec, name))[0]:
            if script.name.endswith(".R"):
                written.append(tmp_path / f"{name}-{script.name}")
                written[-1].write_text(script.text, encoding="utf-8")
    code = "for (f in commandArgs(TRUE)) invisible(parse(f, encoding = 'UTF-8'))"
    done = subprocess.run([rscript, "-e", code, *map(str, written)], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert {p.name.rsplit("-", 1)[1] for p in written} == {"metafor.R", "meta.R", "netmeta.R"}


def test_what_a_package_cannot_do_is_said_not_written() -> None:
    spec = PairwiseSpec(measure="PETO", treatment=TREATED, reference=CONTROL, tau2="PMM")
    scripts, left_out = analysis_scripts(payload(pair_arms("binary"), spec))
    assert [s.name for s in scripts] == ["metafor.R"]
    assert dict(left_out)["meta.R"] == "meta has no PETO"
    assert "no estimator of tau2" in dict(left_out)["stata.do"]


def test_a_do_file_says_first_that_it_was_not_run_and_states_the_numbers() -> None:
    spec = PairwiseSpec(measure="OR", treatment=TREATED, reference=CONTROL, ci="HK")
    found = payload(pair_arms("binary"), spec)
    text = {s.name: s.text for s in analysis_scripts(found)[0]}["stata.do"]
    assert text.startswith("* NOT RUN")
    assert "meta summarize, random(reml) se(khartung) level(95)" in text
    assert f"assert reldif(r(theta), {found['result']['random']['model']['estimate']!r}) < 0.0001" in text
    assert f'keep if treatment == "{TREATED}"' in text


def test_names_become_ascii_literals_of_r() -> None:
    assert r_string('a"b\\c') == '"a\\"b\\\\c"'
    assert r_string("骨 𝛼") == '"\\u9aa8 \\U0001d6fc"'


def test_nothing_not_estimated_is_expected_of_others() -> None:
    found = payload(pair_arms("binary")[:2], PairwiseSpec(measure="OR", treatment=TREATED, reference=CONTROL))
    names = [what for what, _ in expected_numbers(found)]
    assert "common: estimate" in names and not any(n.startswith(("random", "tau2", "prediction")) for n in names)


def test_effects_that_the_data_file_alone_does_not_give_get_no_script() -> None:
    found = payload(pair_arms("continuous"), PairwiseSpec(measure="MD", treatment=TREATED, reference=CONTROL))
    assert {script.name for script in analysis_scripts(found)[0]} == {"metafor.R", "meta.R", "stata.do"}
    # a standard error that was enlarged for clusters, say
    found["result"]["studies"][0]["model"]["se"] *= 1.1
    made, left_out = analysis_scripts(found)
    assert made == () and all("in data.csv alone" in why for _, why in left_out) and len(left_out) == 3
