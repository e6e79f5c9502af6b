"""Recall of known studies, the report of the search, peer review, and sources without a search."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest

from tests.emulator import Emulator
from tests.search.conftest import FakeTime, made_article, make_transport
from toolkit.cli.common import Settings, run
from toolkit.model.errors import InputError
from toolkit.project import Project
from toolkit.search.appendix import search_report
from toolkit.search.appendix_text import as_html, as_markdown
from toolkit.search.importing import import_file
from toolkit.search.press import ELEMENTS, form_text, press_reviews, sign
from toolkit.search.recall import read_seeds, recall_of
from toolkit.search.run import run_search
from toolkit.search.runs import Window
from toolkit.search.strategy import parse_strategy, read_strategy
from toolkit.search.transport import Transport
from toolkit.store import views

NewProject = Callable[..., Project]
STRATEGY = (
    "# database: PubMed\n# searcher: 王芳\n# filter: none\n# limits: no limits were used\n\n"
    '#1 decompression[ti]\n#2 osteonecrosis[tiab] AND "Record 3"[ti]\n#3 #1 OR #2\n'
)
TOML = """
[review]
title = "骨坏死 <review>"
[[reviewers]]
name = "王芳"
[[reviewers]]
name = "李华"
[[sources]]
name = "PubMed"
platform = "NLM"
[[sources]]
name = "Embase"
platform = "Embase.com"
strategy = "embase.txt"
[[sources]]
name = "ClinicalTrials.gov"
kind = "register"
[[sources]]
name = "Experts"
kind = "other"
"""


@pytest.fixture
def corpus():
    plain = [made_article(n, created=date(2020, 1, n), doi=f"10.1000/r{n}") for n in range(1, 6)]
    return [*plain, made_article(9, title="Decompression alone", doi="10.1000/R9(1)")]


@pytest.fixture
def project(new_project: NewProject, monkeypatch: pytest.MonkeyPatch) -> Project:
    monkeypatch.delenv("EVIPOOL_REVIEWER", raising=False)
    made = new_project(STRATEGY)
    (made.root / "review.toml").write_text(TOML, encoding="utf-8")
    embase = "# platform: Embase.com\n# date: 2026-02-28\n\n#1 'asthma'/exp\n#2 #1 AND “x”\n"
    (made.root / "search_strategies" / "embase.txt").write_text(embase, encoding="utf-8")
    return made


# ---- recall ----


def test_seeds_are_read_from_lists_and_from_reference_files(tmp_path: Path):
    path = tmp_path / "seeds.txt"
    path.write_text("# known\n900000001\nPMID: 900000003\n10.1000/r9\nhttps://doi.org/10.1000/R2\n", encoding="utf-8")
    seeds = read_seeds(path)
    assert [(s.pmid, s.doi) for s in seeds] == [
        ("900000001", None), ("900000003", None), (None, "10.1000/r9"), (None, "10.1000/r2"),
    ]  # fmt: skip
    path.write_text("900000001\nsome words\n", encoding="utf-8")
    with pytest.raises(InputError, match="line 2"):
        read_seeds(path)
    path.write_text("TY  - JOUR\nTI  - 标题\nDO  - 10.1000/r1\nER  - \n", encoding="utf-8")
    assert [(s.name, s.doi) for s in read_seeds(path)] == [("标题", "10.1000/r1")]


def test_recall_names_what_is_found_by_which_line_and_what_is_missed(transport: Transport, tmp_path: Path):
    path = tmp_path / "seeds.txt"
    path.write_text("900000001\n900000003\n10.1000/r9(1)\n10.1000/nowhere\n123\n", encoding="utf-8")
    found = recall_of(transport, parse_strategy(STRATEGY), read_seeds(path))
    assert found.found == ("900000003", "900000009")
    assert found.missed == ("900000001",)
    assert found.by_line == ((1, ("900000009",)), (2, ("900000003",)), (3, ("900000003", "900000009")))
    assert found.absent == ("10.1000/nowhere", "123")
    assert found.share == pytest.approx(2 / 3)


def test_studies_without_numbers_are_named_apart_from_those_pubmed_lacks(transport: Transport, tmp_path: Path):
    path = tmp_path / "seeds.ris"
    entry = "TY  - JOUR\nAU  - Li, H\nJO  - Bone J\nPY  - 2012\nER  - \n"
    path.write_text(entry, encoding="utf-8")
    with pytest.raises(InputError, match=r"None of the known studies has a PMID or a DOI.*Li, H, Bone J, 2012"):
        recall_of(transport, parse_strategy(STRATEGY), read_seeds(path))
    path.write_text(f"{entry}\nTY  - JOUR\nTI  - Far off\nDO  - 10.1000/nowhere\nER  - \n", encoding="utf-8")
    found = recall_of(transport, parse_strategy(STRATEGY), read_seeds(path))
    assert (found.absent, found.unknown) == (("Far off",), ("Li, H, Bone J, 2012",))


def test_recall_of_many_seeds_asks_in_batches_and_never_fetches(
    emulator: Emulator, transport: Transport, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("toolkit.search.recall._AT_ONCE", 2)
    path = tmp_path / "seeds.txt"
    path.write_text("".join(f"90000000{n}\n" for n in range(1, 6)), encoding="utf-8")
    found = recall_of(transport, parse_strategy("osteonecrosis[tiab]"), read_seeds(path))
    assert len(found.found) == 5
    assert emulator.asked("efetch") == []
    assert len(emulator.asked("esearch")) == 6


def test_recall_as_typed(
    project: Project, emulator: Emulator, fake_time: FakeTime, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    path = tmp_path / "seeds.txt"
    path.write_text("900000001\n900000009\n10.1000/none\n", encoding="utf-8")
    settings = Settings(folder=str(project.root), transport=make_transport(emulator, fake_time))
    assert run(["search", "recall", str(path), "--strategy", "pubmed"], settings) == 0
    shown = capsys.readouterr().out
    assert "1 of 2 known studies in PubMed are found (50%)" in shown
    assert "missed: 900000001" in shown
    assert "by no line" in shown
    assert "10.1000/none" in shown
    assert run(["search", "recall", str(path), "--strategy", "pubmed", "--format", "json"], settings) == 0
    assert json.loads(capsys.readouterr().out)["share"] == 0.5
    assert project.store.batches() == []


def test_recall_refuses_a_strategy_with_errors_or_of_another_platform(transport: Transport):
    with pytest.raises(InputError, match="cannot be tried"):
        recall_of(transport, parse_strategy("(a[ti]"), read_seeds_of("1"))
    with pytest.raises(InputError, match="PubMed strategies"):
        recall_of(transport, parse_strategy("# platform: Ovid\n\nasthma.ti."), read_seeds_of("1"))


def read_seeds_of(pmid: str):
    from toolkit.search.recall import Seed

    return (Seed(name=pmid, pmid=pmid),)


# ---- notes ----


def test_notes_keep_counts_and_make_no_record(project: Project, capsys: pytest.CaptureFixture[str]):
    arguments = ["-C", str(project.root), "search", "note", "experts", "--method", "contacts", "--date", "2026-03-02"]
    assert run([*arguments, "--count", "12", "--text", "给 12 位作者写信"]) == 0
    assert run([*arguments, "--count", "13", "--text", "给 13 位作者写信"]) == 0  # corrected, not added
    assert run(["-C", str(project.root), "search", "note", "--format", "json"]) == 0
    shown = capsys.readouterr().out
    (note,) = json.loads(shown[shown.rindex("[\n") :])
    assert (note["source"], note["count"], note["kind"]) == ("Experts", 13, "other")
    assert views.records(project.store) == {}
    assert len(project.store.events(kind="note")) == 2
    assert run([*arguments]) == 2
    assert run(["-C", str(project.root), "search", "note", "Nobody", "--text", "x"]) == 2


def test_a_register_searched_without_hits_stands_as_searched(project: Project, capsys: pytest.CaptureFixture[str]):
    arguments = [
        "-C",
        str(project.root),
        "search",
        "note",
        "ClinicalTrials.gov",
        "--method",
        "search",
        "--date",
        "2026-03-02",
    ]
    assert run([*arguments, "--text", "osteonecrosis AND hip"]) == 2  # a search without a number
    assert "0 for none" in capsys.readouterr().err
    assert run([*arguments, "--count", "0", "--text", "osteonecrosis AND hip"]) == 0
    with Project.open(project.root) as opened:
        items = [(number, "", None) for number in ("1", "3", "13", "15")]
        report = search_report(opened, items)
    row = next(row for row in report.sources if row.name == "ClinicalTrials.gov")
    assert row.runs == (("2026-03-02", "searched on its own site", 0, ""),)
    assert row.last == "2026-03-02"
    answers = {number: answer for number, _, answer in report.items}
    assert answers["3"] == "ClinicalTrials.gov, searched on its own site: osteonecrosis AND hip."
    assert (answers["13"], answers["15"], answers["1"]) == (
        "ClinicalTrials.gov: 2026-03-02.",
        "ClinicalTrials.gov: 0.",
        None,
    )
    assert any(text.startswith("ClinicalTrials.gov: no strategy file") for text in report.missing)


# ---- PRESS ----


def filled(project: Project, answer: str = "none", comment: str = "") -> Path:
    strategy = read_strategy(project.path("search_strategies", "pubmed.txt"))
    path = project.path("press.toml")
    text = form_text(strategy).replace('answer = ""', f'answer = "{answer}"')
    path.write_text(text.replace('comment = ""', f'comment = "{comment}"'), encoding="utf-8")
    return path


def test_a_peer_signs_all_six_elements(project: Project, capsys: pytest.CaptureFixture[str]):
    base = ["-C", str(project.root), "search", "press", "pubmed"]
    form = project.root / "empty.toml"
    assert run([*base, "--form", str(form)]) == 0
    assert all(f"[{name}]" in form.read_text(encoding="utf-8") for name in ELEMENTS)
    assert len(ELEMENTS) == 6
    assert run([*base, "--sign", str(form), "--as", "李华"]) == 2  # nothing answered yet
    assert run([*base, "--sign", str(filled(project, "suggested", "加入自由词")), "--as", "李华"]) == 0
    assert "revision suggested" in capsys.readouterr().out
    (review,) = press_reviews(project, read_strategy(project.path("search_strategies", "pubmed.txt")))
    assert (review.peer, review.verdict, review.current) == ("李华", "revision suggested", True)


def test_nobody_signs_for_their_own_strategy_nor_without_a_name(project: Project):
    base = ["-C", str(project.root), "search", "press", "pubmed", "--sign", str(filled(project))]
    assert run([*base, "--as", "王芳"]) == 2
    assert run(base) == 2
    assert project.store.events(kind="note") == []


def test_a_revision_without_a_comment_is_refused(project: Project):
    strategy = read_strategy(project.path("search_strategies", "pubmed.txt"))
    with Project.open(project.root, reviewer="李华") as peer, pytest.raises(InputError, match="what to revise"):
        sign(peer, strategy, filled(project, "required"))


def test_a_review_holds_for_one_text_only(project: Project):
    form = filled(project)
    with Project.open(project.root, reviewer="李华") as peer:
        path = project.path("search_strategies", "pubmed.txt")
        sign(peer, read_strategy(path), form)
        path.write_text(STRATEGY.replace("decompression", "decompress*"), encoding="utf-8")
        (review,) = press_reviews(peer, read_strategy(path))
        assert review.current is False
        with pytest.raises(InputError, match="not the one this form was made for"):
            sign(peer, read_strategy(path), form)


# ---- report ----


def test_the_report_holds_every_strategy_as_it_was_run(
    project: Project, emulator: Emulator, fake_time: FakeTime, tmp_path: Path
):
    transport = make_transport(emulator, fake_time)
    run_search(project, "pubmed", transport=transport, date=date(2026, 3, 1), line_counts=True)
    path = project.path("search_strategies", "pubmed.txt")
    path.write_text("# database: PubMed\n\nsomething else[ti]\n", encoding="utf-8")  # changed since
    report = search_report(project)
    (ran, kept) = report.strategies
    assert ran.as_run
    assert [line for _, line, _ in ran.lines] == [line.text for line in parse_strategy(STRATEGY).lines]
    assert [hits for _, _, hits in ran.lines] == [1, 1, 2]
    assert (ran.day, ran.records) == ("2026-03-01", 2)
    assert (kept.source, kept.as_run, kept.day) == ("Embase", False, "2026-02-28")
    assert [line for _, line, _ in kept.lines] == ["'asthma'/exp", "#1 AND “x”"]  # even its mistakes
    assert {row.name: row.kind for row in report.sources} == {
        "PubMed": "database", "Embase": "database", "ClinicalTrials.gov": "register", "Experts": "other",
    }  # fmt: skip


def test_a_run_for_new_records_stands_beside_the_whole_search_and_says_its_limits(
    project: Project, emulator: Emulator, fake_time: FakeTime, capsys: pytest.CaptureFixture[str]
):
    transport = make_transport(emulator, fake_time)
    run_search(project, "pubmed", transport=transport, date=date(2026, 3, 1))
    limited = Window(first=date(2026, 2, 22), field="any")
    run_search(project, "pubmed", transport=transport, date=date(2026, 3, 2), window=limited)
    whole, update, _ = search_report(project).strategies
    assert (whole.day, whole.records, update.day, update.records) == ("2026-03-01", 2, "2026-03-02", 0)
    page = as_markdown(search_report(project))
    assert "only records created, entered or given MeSH terms from 2026-02-22" in page
    assert "searched by evipool at 127.0.0.1" in page  # the emulator is never taken for PubMed
    assert run(["-C", str(project.root), "search", "diff", "previous", "last"]) == 0
    printed = capsys.readouterr().out
    assert "  before: all records\n  after:  only records created" in printed
    assert "what is lost may only lie outside of the second" in printed


def test_a_strategy_that_was_never_run_is_not_called_run_by_hand(project: Project):
    page = as_markdown(search_report(project)).partition("### PubMed")[2]
    assert page == ""  # not named as the strategy of a source
    path = project.path("review.toml")
    path.write_text(TOML.replace('"NLM"', '"NLM"\nstrategy = "search_strategies/pubmed.txt"'), encoding="utf-8")
    page = as_markdown(search_report(Project.open(project.root))).partition("### PubMed")[2].partition("###")[0]
    assert "Not searched yet; the file pubmed.txt as it stands." in page
    assert "by hand" not in page


def test_the_report_as_typed_shows_all_sixteen_items(
    project: Project, emulator: Emulator, fake_time: FakeTime, capsys: pytest.CaptureFixture[str]
):
    run_search(project, "pubmed", transport=make_transport(emulator, fake_time), date=date(2026, 3, 1))
    base = ["-C", str(project.root), "search"]
    assert run([*base, "note", "Experts", "--method", "contacts", "--count", "12", "--text", "asked"]) == 0
    assert run([*base, "press", "pubmed", "--sign", str(filled(project)), "--as", "李华"]) == 0
    capsys.readouterr()
    assert run([*base, "report", "--format", "json"]) == 0
    items = {number: answer for number, _, answer in json.loads(capsys.readouterr().out)["items"]}
    assert list(items) == [str(n) for n in range(1, 17)]
    assert "no limits were used" in items["9"]
    assert "PRESS 2015 by 李华" in items["14"]
    assert "12" in items["6"]
    assert "PubMed (n = 2)" in items["15"]
    assert items["2"] is None
    assert run([*base, "report"]) == 0
    text = capsys.readouterr().out
    assert "to be written by the authors" in text
    assert '2  osteonecrosis[tiab] AND "Record 3"[ti]' in text
    out = project.root / "search.html"
    assert run([*base, "report", "--format", "html", "-o", str(out)]) == 0
    page = out.read_text(encoding="utf-8")
    assert "骨坏死 &lt;review&gt;" in page
    assert "http" not in page.replace("https://eutils", "")


def test_a_source_searched_elsewhere_without_its_strategy_is_named(project: Project, tmp_path: Path):
    from toolkit.search.importing import import_file

    path = tmp_path / "a.ris"
    path.write_text("TY  - JOUR\nTI  - A\nER  - \n", encoding="utf-8")
    import_file(project, path, source="ClinicalTrials.gov", searched_on=date(2026, 3, 1))
    report = search_report(project)
    assert report.missing == ("ClinicalTrials.gov: no strategy file is named in review.toml",)
    assert "no strategy file" in as_markdown(report)
    assert "no strategy file" in as_html(report)


def test_a_draft_is_never_run(project: Project, transport: Transport, emulator: Emulator):
    path = project.path("search_strategies", "draft.txt")
    path.write_text("# database: PubMed\n# status: draft\n\nosteonecrosis[ti]\n", encoding="utf-8")
    with pytest.raises(InputError, match="a draft is not run"):
        run_search(project, "draft", transport=transport)
    assert emulator.requests == []
    assert project.store.batches() == []


def test_the_strategy_of_an_import_is_kept_as_it_stood(project: Project, tmp_path: Path):
    export = tmp_path / "embase.ris"
    export.write_text("TY  - JOUR\nTI  - A\nER  - \n", encoding="utf-8")
    import_file(project, export, source="Embase", searched_on=date(2026, 3, 1))
    embase = project.path("search_strategies", "embase.txt")

    def shown() -> tuple[str, str]:
        report = search_report(project)
        text = next(text for text in report.strategies if text.source == "Embase")
        return text.lines[0][1], as_markdown(report)

    line, page = shown()
    assert line == "'asthma'/exp" and "as it stood at the import." in page
    embase.write_text("# platform: Embase.com\n\n#1 'hip'/exp\n", encoding="utf-8")
    line, page = shown()
    assert line == "'asthma'/exp" and "as it stood at the import, edited since." in page
    embase.unlink()
    assert shown()[0] == "'asthma'/exp"


def test_hand_searching_counts_as_done_in_report_status_and_checklist(
    project: Project, capsys: pytest.CaptureFixture[str]
):
    arguments = ["-C", str(project.root)]
    given = ["--method", "hand", "--count", "214", "--text", "two journals, 2015 on"]
    assert run([*arguments, "search", "note", "Experts", *given]) == 0
    capsys.readouterr()
    assert run([*arguments, "search", "report"]) == 0
    page = capsys.readouterr().out
    assert "| Experts | other |  |  | noted below |" in page
    assert "Experts: 214 looked at" in page
    assert run([*arguments, "status", "--format", "json"]) == 0
    assert "Experts has delivered nothing" not in capsys.readouterr().out
    assert run([*arguments, "prisma", "--checklist", "S", "--format", "json"]) == 0
    items = {item["number"]: item["answer"] for item in json.loads(capsys.readouterr().out)["items"]}
    assert "two journals, 2015 on" in items["4"]
    assert "The strategies follow" in items["8"]


def test_the_ending_of_the_file_says_what_the_report_is_written_as(project: Project, tmp_path: Path):
    arguments = ["-C", str(project.root), "search", "report", "-o"]
    assert run([*arguments, str(tmp_path / "s.html")]) == 0
    assert (tmp_path / "s.html").read_text(encoding="utf-8").startswith("<!doctype html>")
    assert run([*arguments, str(tmp_path / "s.md")]) == 0
    assert run([*arguments, str(tmp_path / "s.docx")]) == 2
    assert not (tmp_path / "s.docx").exists()


def test_exports_of_one_source_are_listed_and_compared_by_report(
    project: Project, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    def export(name: str, day: date, *titles: str) -> None:
        entry = "TY  - JOUR\nTI  - {0}\nAU  - Li, H\nPY  - 2012\nJO  - Bone J\nDO  - 10.1000/{1}\nER  - \n"
        path = tmp_path / name
        path.write_text("".join(entry.format(t, t.split()[0].lower()) for t in titles), encoding="utf-8")
        import_file(project, path, source="Embase", searched_on=day)

    drilling, cells, marrow = "Drilling of the hip", "Cells from the crest", "Marrow and decompression"
    export("one.ris", date(2026, 3, 1), drilling, cells)
    export("two.ris", date(2026, 6, 1), marrow, drilling)
    arguments = ["-C", str(project.root)]
    assert run([*arguments, "dedup"]) == 0
    assert run([*arguments, "search", "list"]) == 0
    listed = capsys.readouterr().out
    assert "one.ris" in listed and "two.ris" in listed
    assert run([*arguments, "search", "diff", "2026-03-01", "2026-06-01", "--format", "json"]) == 0
    found = json.loads(capsys.readouterr().out)
    titles = {record_id: record.fields.title for record_id, record in views.records(project.store).items()}
    assert [[titles[i] for i in found[key]] for key in ("gained", "lost")] == [[marrow], [cells]]
    assert (found["unit"], found["shared"]) == ("report", 1)
    assert run([*arguments, "search", "diff", "previous", "last"]) == 2
    assert "evipool has run 0 searches here" in capsys.readouterr().err
