"""The page itself: valid, self-contained, safe, deterministic, and written only when something changed."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from lxml import html

from tests.analysis.builders import SETTINGS, TRIALS, evipool, make_review
from tests.report.conftest import read_page, read_results
from toolkit.overview import overview
from toolkit.project import Project
from toolkit.report.run import write_report

VOID = {"meta", "img", "br", "hr", "link", "input", "col"}


class Balance(HTMLParser):
    """Checks that every tag that opens closes, in order."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.faults: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if not self.open or self.open.pop() != tag:
            self.faults.append(f"</{tag}> at {self.getpos()}")


@pytest.mark.parametrize("review", ["onfh", "diabetes"])
def test_the_page_is_well_formed_and_every_link_inside_it_has_its_target(
    review: str, request: pytest.FixtureRequest
) -> None:
    page = read_page(request.getfixturevalue(review))
    balance = Balance()
    balance.feed(page)
    assert (balance.faults, balance.open) == ([], [])
    tree = html.document_fromstring(page)
    ids = tree.xpath("//@id")
    assert len(ids) == len(set(ids))
    assert {href[1:] for href in tree.xpath("//a/@href")} <= set(ids)
    rows = [len(row.xpath("./td|./th")) for row in tree.xpath("//tr[not(@class)]")]
    assert min(rows) > 0


@pytest.mark.parametrize("review", ["onfh", "diabetes"])
def test_the_page_needs_nothing_from_outside_and_is_small(review: str, request: pytest.FixtureRequest) -> None:
    page = read_page(request.getfixturevalue(review))
    tree = html.document_fromstring(page)
    sources = tree.xpath("//@src")
    assert sources
    assert all(source.startswith("data:image/") for source in sources)
    assert not tree.xpath("//script|//link|//iframe|//object")
    assert not re.search(r"url\(|@import", tree.xpath("string(//style)"))
    assert len(page.encode("utf-8")) < 5_000_000
    assert all(alt.strip() for alt in tree.xpath("//img/@alt"))
    assert len(tree.xpath("//img/@alt")) == len(tree.xpath("//img"))


def test_what_the_demo_names_at_its_end_is_there(onfh: Path) -> None:
    for name in ("report.html", "prisma-flow.svg", "results.json"):
        assert (onfh / "report" / name).stat().st_size > 1000
    for analysis, payload in read_results(onfh)["analyses"].items():
        folder = onfh / "results" / analysis / payload["fingerprint"][:16]
        for name in ("result.json", "data.csv", "forest.svg"):
            assert (folder / name).is_file(), (analysis, name)


NASTY = "<script>alert('x')</script> & \"quotes\" <b>bold</b>"


def test_titles_studies_and_settings_are_escaped(tmp_path: Path) -> None:
    settings = SETTINGS.replace('title = "Conversion"', 'title = "Conversion <script>alert(1)</script>"')
    settings = settings.replace('name = "conversion"', "name = 'conversion <img src=x onerror=alert(2)>'")
    trials = {"<i>王伟</i>2004": TRIALS["王伟2004"], "Li2010": TRIALS["Li2010"]}
    folder = make_review(tmp_path / "r", settings=settings, trials=trials, titles={"Li2010": NASTY})
    assert evipool(folder, "analyse") == 0
    assert evipool(folder, "report") == 0
    page = read_page(folder)
    tree = html.document_fromstring(page)
    assert not tree.xpath("//script|//i|//*[@onerror]")
    assert len(tree.xpath("//img[not(starts-with(@src, 'data:'))]")) == 0
    # The importer takes markup out of titles; what it leaves is shown as text.
    assert "alert('x')" in tree.text_content()
    assert "Conversion <script>alert(1)</script>" in tree.text_content()
    assert "conversion <img src=x onerror=alert(2)>" in tree.text_content()
    assert "<i>王伟</i>2004" in tree.text_content()


def test_a_second_report_writes_nothing_and_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = make_review(tmp_path / "r")
    evipool(folder, "analyse")
    with Project.open(folder) as project:
        assert overview(project).next == ("evipool report", "evipool update")
    assert evipool(folder, "report") == 0
    with Project.open(folder) as project:
        assert overview(project).next == ("evipool update",)
    before = {p: (p.stat().st_mtime_ns, p.read_bytes()) for p in (folder / "report").iterdir()}
    capsys.readouterr()
    assert evipool(folder, "report") == 0
    assert "nothing changed since it was written" in capsys.readouterr().out
    assert {p: (p.stat().st_mtime_ns, p.read_bytes()) for p in (folder / "report").iterdir()} == before


@pytest.mark.parametrize("change", ["decision", "settings", "result", "missing"])
def test_a_report_is_written_anew_when_something_it_shows_changed(tmp_path: Path, change: str) -> None:
    folder = make_review(tmp_path / "r")
    evipool(folder, "report")
    if change == "decision":
        evipool(folder, "fulltext", "study", "Li2010", "ongoing", "--as", "AB")
    elif change == "settings":
        path = folder / "review.toml"
        path.write_text(path.read_text(encoding="utf-8").replace("[review]", '[review]\nquestion = "?"'), "utf-8")
    elif change == "result":
        evipool(folder, "analyse")
    else:
        (folder / "report" / "prisma-flow.csv").unlink()
    with Project.open(folder) as project:
        assert write_report(project).written
        assert not write_report(project).written


def test_the_same_state_gives_the_same_bytes(tmp_path: Path) -> None:
    folder = make_review(tmp_path / "r")
    evipool(folder, "analyse")
    with Project.open(folder) as project:
        write_report(project)
        first = {p.name: p.read_bytes() for p in (folder / "report").iterdir()}
        write_report(project, force=True)
    assert {p.name: p.read_bytes() for p in (folder / "report").iterdir()} == first


def test_a_review_without_anything_has_a_report_too(tmp_path: Path) -> None:
    folder = tmp_path / "r"
    folder.mkdir()
    (folder / "review.toml").write_text('[review]\ntitle = "空"\n', encoding="utf-8")
    assert evipool(folder, "report") == 0
    page = read_page(folder)
    assert "0 studies are included" in page
    assert "No headline analysis is declared" in page


def test_stale_and_refused_analyses_are_said_in_the_summary(tmp_path: Path) -> None:
    folder = make_review(tmp_path / "r")
    form = tmp_path / "studies.csv"
    assert evipool(folder, "report") == 0
    assert "Not computed for the present data yet: main" in read_page(folder)
    form.write_text("study,cohort\n王伟2004,Beijing\nLi2010,Beijing\n", encoding="utf-8")
    evipool(folder, "extract", "import", str(form), "--table", "studies", "--as", "AB")
    assert evipool(folder, "report") == 0
    assert "report the same patients" in read_page(folder)


def test_node_making_rules_and_designs_of_a_network_are_shown(onfh: Path) -> None:
    page = read_page(onfh)
    rules = page.split("Node-making rules of this analysis alone")[1].split("</table>")[0]
    assert "core decompression with bone graft" in rules and "read here as" in rules
    assert "Network graph by design of the studies" in page
    mark = read_results(onfh)["analyses"]["tha-network"]["fingerprint"][:16]
    words = onfh / "results" / "tha-network" / mark / "figures.json"
    assert len(set(json.loads(words.read_text(encoding="utf-8"))["designs"].values())) > 1
