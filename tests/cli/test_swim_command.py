"""evipool swim, and what evipool pairwise has of it; skewed quantiles, the Copas model and named priors too."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import REPO
from toolkit.cli.common import run as command

ROWS = """study,outcome,direction,p,n,risk of bias
Adams,pain,benefit,0.03,120,low
Baker,pain,harm,0.4,80,high
Chen,pain,benefit,<0.001,240,low
Diaz,pain,none,,45,low
Adams,function,benefit,0.2,120,low
"""
QUANTILES = """study,median1,q11,q31,n1,median2,q12,q32,n2
A,10,5,22,40,12,6,30,42
B,9,4,20,60,11,6,25,61
"""


Call = Callable[..., tuple[int, str]]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Call:
    """A command from the source tree: its exit code and everything that it printed."""
    monkeypatch.chdir(REPO)

    def call(*words: object) -> tuple[int, str]:
        code = command([str(word) for word in words])
        out, err = capsys.readouterr()
        return code, (out + err).replace("\xa0", " ")

    return call


@pytest.fixture
def table(tmp_path: Path) -> Path:
    path = tmp_path / "directions.csv"
    path.write_text(ROWS, encoding="utf-8")
    return path


def test_outcomes_are_counted_and_tested(run: Call, table: Path) -> None:
    code, out = run("swim", table)
    assert code == 0
    assert "67 % (21 to 94)" in out and "p = 1.000" in out
    assert "3 p values combined" in out and "p taken at its bound" in out


def test_json_has_every_outcome_and_finding(run: Call, table: Path) -> None:
    code, out = run("swim", table, "--format", "json")
    found = json.loads(out)
    assert code == 0
    assert [one["outcome"] for one in found["outcomes"]] == ["pain", "function"]
    assert len(found["findings"]) == 5


def test_both_figures_are_written(run: Call, table: Path, tmp_path: Path) -> None:
    code, _ = run("swim", table, "--directions", tmp_path / "d.svg", "--albatross", tmp_path / "a.svg", "--outcome",
                  "pain", "--contours", "OR", "--risk", "0.3", "--effect", "2")  # fmt: skip
    assert code == 0
    assert (tmp_path / "d.svg").exists() and (tmp_path / "a.svg").exists()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--albatross", "a.svg", "--outcome", "sleep"), "no such outcome"),
        (("--albatross", "a.svg", "--contours", "OR"), "risk"),
        (("--columns", "colour=study"), "Unknown role"),
    ],
)
def test_a_wrong_call_ends_in_words(run: Call, table: Path, words: tuple[str, ...], message: str) -> None:
    code, out = run("swim", table, *words)
    assert code == 2 and message in out, out


def test_directions_of_a_pairwise_analysis(run: Call, tmp_path: Path) -> None:
    code, out = run("pairwise", "data/onfh/tha.csv", "--measure", "OR", "--reference", "CD", "--swim", "--figure",
                    f"albatross={tmp_path / 'a.svg'}", "--figure", f"directions={tmp_path / 'd.svg'}")  # fmt: skip
    assert code == 0
    assert "2 of 7 studies above no effect" in out and "sign test, exact, p = 0.453" in " ".join(out.split())
    assert (tmp_path / "a.svg").exists() and (tmp_path / "d.svg").exists()


@pytest.mark.parametrize(("method", "words"), [("QE", "quantile estimation"), ("BC", "Box-Cox method")])
def test_skewed_quantiles_are_converted_by_the_method_asked_for(
    run: Call, tmp_path: Path, method: str, words: str
) -> None:
    path = tmp_path / "q.csv"
    path.write_text(QUANTILES, encoding="utf-8")
    code, out = run("pairwise", path, "--measure", "MD", "--convert", method)
    assert code == 0 and words in out
    code, out = run("pairwise", path, "--measure", "MD", "--convert", "refuse")
    assert "skewed" in out


def test_copas_model_and_a_named_prior(run: Call, tmp_path: Path) -> None:
    words = ("pairwise", "data/onfh/tha.csv", "--measure", "OR", "--reference", "CD")
    code, out = run(*words, "--adjust", "copas", "--force-bias", "--bayes", "turner2015:surgical,nonpharm-nonpharm")
    assert code == 0
    assert "Copas selection model: without selection" in out
    assert "log-normal:-1.69,1.68" in "".join(out.split())
    code, out = run(*words, "--bayes", "rhodes2015:pain,pharm-placebo")
    assert code == 2 and "another effect measure" in out
