"""Monitoring in the report: only where it is declared, with its advice, in every format, and never in a result."""

from __future__ import annotations

import csv
import json
import shutil
from pathlib import Path

import pytest
from docx import Document
from openpyxl import load_workbook

from tests.analysis.builders import SETTINGS, evipool, make_review
from tests.cli.test_monitor_command import NAMED, NETWORK
from tests.report.conftest import read_page, read_results

ALL = NAMED.replace("power = 0.8", "power = 0.8\nlil = true\nfragility = true")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = make_review(tmp_path_factory.mktemp("monitored") / "review", settings=SETTINGS + NETWORK + ALL)
    assert evipool(folder, "analyse") == 0
    assert evipool(folder, "report", "--format", "html,docx,xlsx,csv") == 0
    return folder


def declare(folder: Path, text: str) -> None:
    settings = folder / "review.toml"
    settings.write_text(settings.read_text(encoding="utf-8") + text, encoding="utf-8")


def test_undeclared_there_is_no_section_and_declared_no_result_or_forest_changes(tmp_path: Path) -> None:
    folder = make_review(tmp_path / "review", settings=SETTINGS + NETWORK)
    assert evipool(folder, "analyse") == 0 and evipool(folder, "report") == 0
    assert 'id="monitoring"' not in read_page(folder) and read_results(folder)["monitoring"] == []
    before = {p: p.read_bytes() for p in (folder / "results").rglob("*") if p.is_file()}
    declare(folder, ALL)
    assert evipool(folder, "analyse") == 0 and evipool(folder, "report") == 0
    assert {p: p.read_bytes() for p in (folder / "results").rglob("*") if p.is_file()} == before
    assert 'id="monitoring"' in read_page(folder)
    assert (folder / "report" / "monitoring-main.svg").is_file()


def test_the_section_shows_what_the_command_prints_with_the_advice_above_it(
    made: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    page = read_page(made)
    section = page[page.index('<section id="monitoring"') : page.index('<section id="evidence"')]
    assert section.index("Cochrane advises against") < section.index("<table>")
    for analysis in ("main", "net"):
        capsys.readouterr()
        assert evipool(made, "monitor", analysis, "--format", "json") == 0
        found = json.loads(capsys.readouterr().out)
        (own,) = (one for one in read_results(made)["monitoring"] if one["analysis"] == analysis)
        assert own["found"] == found and own["problems"] == {}
        assert evipool(made, "monitor", analysis) == 0
        printed = capsys.readouterr().out
        for method in found.values():
            for look in (*method.get("looks", ()), *method.get("network", ())):
                z = look["z"] if "z" in look else look["estimate"] / look["se"]
                assert f"<td>{look['study']}</td>" in section
                assert f"{z:.3f}" in section and f"{z:.3f}" in printed
    assert section.count("<img ") == 2
    assert "law of the iterated logarithm" in section.casefold() and "Fragility index" in section


def test_word_workbook_and_csv_hold_it_too(made: Path) -> None:
    document = Document(str(made / "report" / "report.docx"))
    words = [p.text for p in document.paragraphs]
    assert "Monitoring of declared analyses" in words and not any("It stands in report.html" in x for x in words)
    book = load_workbook(made / "report" / "report.xlsx")
    methods = list(book["monitoring"].iter_rows(values_only=True))
    at = {name: i for i, name in enumerate(methods[0])}
    stored = {(r[at["analysis"]], r[at["method"]]): r for r in methods[1:]}
    by_id = {one["analysis"]: one["found"] for one in read_results(made)["monitoring"]}
    sequential = stored["main", "trial sequential analysis"]
    assert sequential[at["required"]] == pytest.approx(by_id["main"]["sequential"]["required"], rel=1e-14)
    assert stored["main", "fragility index"][at["index"]] == by_id["main"]["fragility"]["index"]
    looks = list(book["monitoring looks"].iter_rows(values_only=True))
    z = looks[0].index("z")
    shown = [r[z] for r in looks[1:] if r[:2] == ("main", "trial sequential analysis")]
    assert shown == pytest.approx([look["z"] for look in by_id["main"]["sequential"]["looks"]], rel=1e-14)
    tables = sorted((made / "report" / "tables").glob("monitoring-*.csv"))
    assert len(tables) == 3
    with tables[0].open(encoding="utf-8-sig", newline="") as handle:
        assert next(csv.reader(handle))[:2] == ["study", "participants"]


def test_what_cannot_be_computed_says_why_and_hides_nothing_else(tmp_path: Path) -> None:
    folder = make_review(
        tmp_path / "review", settings=SETTINGS + NETWORK + ALL.replace("tau2 = 0.0", "fragility = true")
    )
    assert evipool(folder, "analyse") == 0 and evipool(folder, "report") == 0
    (net,) = (one for one in read_results(folder)["monitoring"] if one["analysis"] == "net")
    assert set(net["found"]) == {"network"} and "is a network" in net["problems"]["fragility"]
    assert "Fragility index: not computed" in read_page(folder)


def test_an_effect_that_is_named_after_a_version_had_the_result_says_so(made: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(made, tmp_path / "review"))
    assert evipool(folder, "update") == 0 and evipool(folder, "report", "--force") == 0
    assert "not before the data were seen" not in read_page(folder)
    settings = folder / "review.toml"
    text = settings.read_text(encoding="utf-8")
    settings.write_text(text.replace("risk_reduction = 0.5", "risk_reduction = 0.4"), encoding="utf-8")
    assert evipool(folder, "report") == 0
    page = read_page(folder)
    assert page.count("Named after version 1 held a result of this analysis") == 1
    assert "Work in progress after version 1" in page


def test_what_is_declared_no_more_leaves_no_figure(made: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(made, tmp_path / "review"))
    settings = folder / "review.toml"
    settings.write_text(settings.read_text(encoding="utf-8").replace(ALL, ""), encoding="utf-8")
    assert evipool(folder, "report") == 0
    assert not list((folder / "report").glob("monitoring-*")) and 'id="monitoring"' not in read_page(folder)
    assert evipool(folder, "monitor", "main") == 2


def test_methods_without_an_effect_can_be_declared_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    alone = '[[monitoring]]\nanalysis = "main"\nfragility = true\n'
    folder = make_review(tmp_path / "review", settings=f"{SETTINGS}\n{alone}")
    capsys.readouterr()
    assert evipool(folder, "monitor", "main", "--format", "json") == 0
    assert set(json.loads(capsys.readouterr().out)) == {"fragility"}
    assert evipool(folder, "report") == 0
    assert "is not computed for the present data yet" in read_page(folder)
