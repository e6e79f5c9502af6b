"""The scripts really run: metafor finds our numbers again, and notices a number that is wrong."""

from __future__ import annotations

import re
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.exchange.builders import (
    CONTROL,
    NAMES,
    TREATED,
    arm,
    network_arms,
    pair_arms,
    payload,
    twelve,
    write_analysis,
)
from toolkit.exchange.expected import data_type, main_numbers
from toolkit.exchange.script_data import r_string
from toolkit.exchange.scripts import analysis_scripts
from toolkit.model.choices import MEASURES, TAU2_METHODS
from toolkit.model.spec import NetworkSpec, PairwiseSpec, ZeroCells

PAIR = [m for m, entry in MEASURES.items() if entry.groups == 2 and entry.needs]
NETWORK = [m for m in PAIR if m not in ("SMD_RM", "PETO", "SMDH")]
LOOP = (CONTROL, "骨移植")


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
    for tau2 in ("DL", "ML", "PM"):
        cases[f"net-{tau2}"] = (network_arms("continuous"), replace(spec, measure="MD", tau2=tau2))
    cases["net-fixed"] = (network_arms("binary"), replace(spec, tau2="fixed", tau2_value=0.04))
    for ci in ("t", "HK", "HK_adhoc"):
        cases[f"net-ci-{ci}"] = (network_arms("continuous"), replace(spec, measure="MD", ci=ci, level=0.9))
    many = twelve("continuous") + [
        arm(study, "骨移植", n=30 + i, mean=15 + i / 5, sd=3 + i / 9) for i, study in enumerate(NAMES[::3])
    ]
    many += [arm(f"L{i}", name, n=20 + i, mean=16 + i / 7 - j, sd=4) for i in range(5) for j, name in enumerate(LOOP)]
    spec = replace(spec, measure="MD")
    groups = tuple((study, "ab"[i % 2]) for i, study in enumerate(sorted({a.study for a in many})))
    cases["net-groups"] = (many, replace(spec, tau2_groups=groups))
    cases["net-inactive"] = (many, replace(spec, tau2="ML", tau2_inactive=(CONTROL,)))
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


BATCH = 10
BATCHES = [(make, start) for make in (pairwise_cases, network_cases) for start in range(0, len(make()), BATCH)]


@pytest.mark.parametrize(("make", "start"), BATCHES)
def test_metafor_finds_every_number_again(make: Any, start: int, tmp_path: Path, rscript: str) -> None:
    made = dict(list(make().items())[start : start + BATCH])
    for name, (arms, spec) in made.items():
        write_analysis(tmp_path / name, arms, payload(arms, spec, name))
    done = run_all(tmp_path, list(made))
    passed = set(re.findall(r"^PASSED (\S+)", done.stdout, re.MULTILINE))
    assert passed == set(made), re.findall(r"STOPPED.*", done.stdout) or done.stderr[-2000:]


def test_a_wrong_number_stops_the_script(tmp_path: Path, rscript: str) -> None:
    arms = pair_arms("continuous")
    found = payload(arms, PairwiseSpec(measure="MD", treatment=TREATED, reference=CONTROL))
    found["result"]["random"]["model"]["estimate"] += 1e-4
    write_analysis(tmp_path, arms, found)
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
    assert [s.name for s in scripts] == ["metafor.R", "stata.do"]
    assert dict(left_out) == {"meta.R": "meta has no estimator PMM"}
    stata = scripts[1]
    assert ("random effects", "Stata has no estimator of tau2 like PMM") in stata.not_refitted
    assert "* Not refitted here: random effects: Stata has no estimator of tau2 like PMM.\n" in stata.text


def test_a_do_file_says_first_that_it_was_not_run_and_states_the_numbers() -> None:
    spec = PairwiseSpec(measure="OR", treatment=TREATED, reference=CONTROL, ci="HK")
    found = payload(pair_arms("binary"), spec)
    text = {s.name: s.text for s in analysis_scripts(found)[0]}["stata.do"]
    assert text.startswith("* NOT RUN")
    assert "meta summarize, random(reml) se(khartung) level(95)\nscalar found0 = r(theta)" in text
    assert f'compare "estimate" found0 {found["result"]["random"]["model"]["estimate"]!r}' in text
    assert text.endswith("finish\n") and "exit 9" in text


def test_names_become_ascii_literals_of_r() -> None:
    assert r_string('a"b\\c') == '"a\\"b\\\\c"'
    assert r_string("骨 𝛼") == '"\\u9aa8 \\U0001d6fc"'


def test_nothing_not_estimated_is_expected_of_others() -> None:
    found = payload(pair_arms("binary")[:2], PairwiseSpec(measure="OR", treatment=TREATED, reference=CONTROL))
    names = [row.what for row in main_numbers(found)]
    assert "common: estimate" in names and not any(n.startswith(("random", "tau2", "prediction")) for n in names)


def test_effects_that_the_data_file_alone_does_not_give_are_read_and_said_to_be(tmp_path: Path, rscript: str) -> None:
    arms = pair_arms("continuous")
    found = payload(arms, PairwiseSpec(measure="MD", treatment=TREATED, reference=CONTROL))
    assert 'effects = "arms"' in analysis_scripts(found)[0][0].text
    # a standard error that was enlarged for clusters, say, in the rows alone: the pooled numbers no longer fit it
    found["result"]["studies"][0]["model"]["se"] *= 1.1
    script = analysis_scripts(found)[0][0]
    assert 'effects = "given"' in script.text
    assert "# Not refitted here: the effects of the studies: they were reported, converted or adjusted" in script.text
    write_analysis(tmp_path, arms, found)
    done = subprocess.run([rscript, str(tmp_path / "metafor.R")], capture_output=True, text=True, check=False)
    assert done.returncode != 0 and "common: estimate" in done.stderr
