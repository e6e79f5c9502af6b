"""A declared network: its choices reach the fit, its figures lie beside its numbers."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.analysis.builders import SETTINGS, evipool, make_review

LOOP = {
    "Ann2001": [("Cells", 60, 9), ("Core", 58, 15)],
    "Bea2004": [("Cells", 80, 14), ("Core", 79, 18)],
    "Cat2009": [("Graft", 70, 10), ("Core", 72, 17)],
    "Dee2011": [("Cells", 55, 6), ("Graft", 54, 9)],
    "Eva2015": [("Cells", 64, 8), ("Graft", 61, 7), ("Core", 66, 16)],
}
NETWORK = """
[[analyses]]
id = "net"
kind = "network"
outcome = "tha"
measure = "OR"
reference = "Core"
tau2 = "PM"
ci = "HK_adhoc"
"""


def settings(network: str) -> str:
    head = SETTINGS[: SETTINGS.index("[[analyses]]")]
    if "[[treatments]]" in head:
        head = head[: head.index("[[treatments]]")]
    return head + network


def test_choices_of_a_declared_network_reach_the_result_and_its_figures_are_drawn(tmp_path: Path) -> None:
    folder = make_review(tmp_path / "r", settings=settings(NETWORK), trials=LOOP)
    assert evipool(folder, "analyse") == 0
    (only,) = (folder / "results" / "net").iterdir()
    result = json.loads((only / "result.json").read_text(encoding="utf-8"))["result"]
    assert result["spec"]["ci"] == result["interval"]["method"] == "HK_adhoc"
    assert result["heterogeneity"]["tau2"]["method"] == "PM" and result["interval"]["df"] == 4
    assert [i["method"] for i in result["heterogeneity"]["tau2_intervals"]] == ["QP", "PL (REML)"]
    assert result["effects"][0]["random"]["df"] == 4
    drawn = {p.stem for p in only.glob("*.svg")}
    assert {"network", "forest", "league", "split", "direct-indirect", "contributions", "heat"} <= drawn
    words = result["rank_probabilities"]["words"]
    assert "highest SUCRA" in words and "POTH" in words


def test_an_interval_that_networks_do_not_have_is_refused_with_those_they_have(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = settings(NETWORK)
    folder = make_review(tmp_path / "r", settings=text, trials=LOOP)
    (folder / "review.toml").write_text(text.replace('"HK_adhoc"', '"KR"'), encoding="utf-8")
    assert evipool(folder, "analyse") == 2
    assert "HK_adhoc" in capsys.readouterr().err
