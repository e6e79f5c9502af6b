"""The commands of a review one after another, as people type them: exit codes, output and stored events."""

from __future__ import annotations

import csv
import io
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from toolkit.cli.common import run
from toolkit.model.events import NewEvent
from toolkit.project import Project
from toolkit.store import views

SETTINGS = """
[review]
title = "股骨头坏死的细胞治疗"
[eligibility]
exclusion_reasons = ["wrong population", "重复发表"]
[[reviewers]]
name = "AB"
[[reviewers]]
name = "李华"
[[reviewers]]
name = "EF"
role = "arbiter"
[[sources]]
name = "Embase"
[[sources]]
name = "PubMed"
strategy = "search_strategies/pubmed.txt"
"""

RIS = "".join(
    f"TY  - JOUR\nAU  - 王, 伟\nTI  - {title}\nPY  - 2004\nDO  - 10.1000/x.{i}\nAB  - 股骨头坏死 {i}\nER  - \n\n"
    for i, title in enumerate(["First trial", "Second trial", "第三个试验"])
)

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def evipool(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs a command in a fresh review with one imported export; returns exit code, output and errors."""
    monkeypatch.delenv("EVIPOOL_REVIEWER", raising=False)
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "综述"
    folder.mkdir()
    (folder / "review.toml").write_text(SETTINGS, encoding="utf-8")
    (tmp_path / "embase.ris").write_text(RIS, encoding="utf-8")

    def call(*args: str, who: str | None = None) -> tuple[int, str, str]:
        person = ["--as", who] if who else []
        code = run(["-C", str(folder), *person, *args])
        said = capsys.readouterr()
        return code, said.out, said.err

    assert call("import", "embase.ris", "--database", "Embase", "--date", "2026-01-15")[0] == 0
    return call


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "综述"


def counts(folder: Path) -> tuple[int, int]:
    with Project.open(folder) as project:
        return len(project.store.events()), len(project.store.batches())


def vote_all(evipool: Run, verdict: str = "include", stage: str = "title-abstract", *extra: str) -> None:
    for who in ("AB", "李华"):
        for i in range(3):
            assert evipool("screen", "decide", f"doi:10.1000/x.{i}", verdict, "--stage", stage, *extra, who=who)[0] == 0


@pytest.mark.parametrize("suffix", ["csv", "xlsx"])
def test_a_form_goes_out_is_filled_in_and_comes_back_once(evipool: Run, folder: Path, suffix: str) -> None:
    form = Path(f"李华.{suffix}")
    code, out, _ = evipool("screen", "export", str(form), "--stage", "title-abstract", "--for", "李华")
    assert (code, "3 reports at title-abstract for 李华" in out) == (0, True)
    from toolkit.records.tables import read_form, write_form

    read = read_form(form)
    rows = [{**row.values, "verdict": v} for row, v in zip(read.rows, ("include", "no", "maybe"), strict=True)]
    write_form(form, read.header, rows)
    code, out, err = evipool("screen", "import", str(form), "--stage", "title-abstract", who="李华")
    assert (code, "3 new votes, 0 changed, 0 as before" in out, "'no' was read as 'exclude'" in err) == (0, True, True)
    before = counts(folder)
    code, out, _ = evipool("screen", "import", str(form), "--stage", "title-abstract", who="李华")
    assert (code, "0 new votes, 0 changed, 3 as before" in out) == (0, True)
    assert counts(folder) == before


def test_a_ris_form_holds_the_report_ids(evipool: Run, folder: Path) -> None:
    assert evipool("screen", "export", "out.ris", "--stage", "title-abstract")[0] == 0
    text = Path("out.ris").read_text(encoding="utf-8")
    with Project.open(folder) as project:
        assert all(f"ID  - {report}" in text for report in views.reports(project.store))
    assert "TI  - 第三个试验" in text


def test_votes_need_a_known_person_a_stage_and_a_report(evipool: Run) -> None:
    decide = ("screen", "decide", "doi:10.1000/x.0", "include")
    assert evipool(*decide, "--stage", "title-abstract")[0] == 2
    assert evipool(*decide, "--stage", "title-abstract", who="Nobody")[0] == 2
    assert evipool(*decide, who="AB")[0] == 2
    code, _, err = evipool("screen", "decide", "zzzz", "include", "--stage", "title-abstract", who="AB")
    assert (code, "no report is called so" in err) == (2, True)
    code, _, err = evipool(*decide, "--stage", "full-text", who="AB")
    assert (code, "has not been screened by title and abstract" in err) == (2, True)


def test_a_conflict_is_listed_settled_by_a_form_and_measured(evipool: Run, folder: Path) -> None:
    vote_all(evipool)
    args = ("screen", "decide", "doi:10.1000/x.1", "exclude", "--stage", "title-abstract")
    assert evipool(*args, "--reason", "重复发表", "--note", "same as first", who="AB")[0] == 0
    code, out, _ = evipool("screen", "conflicts")
    assert (code, "AB: exclude (重复发表)" in out, "李华: include" in out) == (0, True, True)
    form = list(csv.DictReader(io.StringIO(evipool("screen", "conflicts", "--format", "csv")[1])))
    assert [row["title"] for row in form] == ["Second trial"]
    code, out, _ = evipool("screen", "conflicts", "--stage", "title-abstract", "--output", "到.csv")
    assert (code, 'screen resolve --file "到.csv" --stage title-abstract' in out) == (0, True)
    from toolkit.records.tables import read_form

    assert [row.values["title"] for row in read_form("到.csv").rows] == ["Second trial"]
    assert evipool("screen", "conflicts", "--output", "到.csv")[0] == 2  # may be filled in already
    assert evipool("screen", "conflicts", "--output", "form.docx")[0] == 2
    with Path("conflicts.csv").open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, list(form[0]))
        writer.writeheader()
        writer.writerow({**form[0], "verdict": "include"})
    settle = ("screen", "resolve", "--file", "conflicts.csv", "--stage", "title-abstract")
    code, out, _ = evipool(*settle, who="EF")
    assert (code, "1 settled, 0 as before; 0 conflicts left" in out) == (0, True)
    before = counts(folder)
    assert "0 settled, 1 as before" in evipool(*settle, who="EF")[1]
    assert counts(folder) == before
    code, out, _ = evipool("screen", "agreement", "--format", "json")
    (pair,) = json.loads(out)
    assert (code, pair["n11"], pair["n01"], pair["kappa"]) == (0, 3, 0, None)  # first votes: all included
    assert "Cohen's kappa" in evipool("screen", "agreement")[1]


def test_full_texts_reasons_and_studies(evipool: Run, folder: Path) -> None:
    vote_all(evipool)
    assert "2 full texts" in evipool("fulltext", "retrieved", "doi:10.1000/x.0", "doi:10.1000/x.1")[1]
    code, out, _ = evipool("fulltext", "not-retrieved", "第三个试验", "--reason", "no library has it")
    assert (code, "1 full text, " in out) == (0, True)
    before = counts(folder)
    assert "2 as before" in evipool("fulltext", "retrieved", "doi:10.1000/x.0", "doi:10.1000/x.1")[1]
    assert counts(folder) == before
    for who in ("AB", "李华"):
        decide = ("screen", "decide", "doi:10.1000/x.0")
        assert evipool(*decide, "exclude", "--stage", "full-text", who=who)[0] == 2
        assert evipool(*decide, "exclude", "--stage", "full-text", "--reason", "too old", who=who)[0] == 2
        assert evipool(*decide, "exclude", "--stage", "full-text", "--reason", "2", who=who)[0] == 0
        assert evipool("screen", "decide", "doi:10.1000/x.1", "include", "--stage", "full-text", who=who)[0] == 0
    assert evipool("fulltext", "link", "doi:10.1000/x.1", "王伟 2004")[0] == 0
    assert evipool("fulltext", "study", "王伟 2004", "ongoing", "--reason", "no results")[0] == 0
    listed = json.loads(evipool("fulltext", "list", "--format", "json")[1])
    assert [(x["status"], x["study"]) for x in listed] == [
        ("retrieved", None),
        ("retrieved", "王伟 2004"),
        ("not_retrieved", None),
    ]
    assert evipool("fulltext", "list", "--output", "form.xlsx")[0] == 0
    Path("form.csv").write_text(evipool("fulltext", "list", "--format", "csv")[1], encoding="utf-8")
    from toolkit.records.tables import read_form

    assert [r.values for r in read_form("form.xlsx").rows] == [r.values for r in read_form("form.csv").rows]
    before = counts(folder)
    assert "0 full texts, 0 study links new; 4 as before" in evipool("fulltext", "import", "form.csv")[1]
    assert counts(folder) == before
    progress = json.loads(evipool("screen", "progress", "--stage", "full-text", "--format", "json")[1])
    assert [(p["eligible"], p["included"], p["excluded"]) for p in progress] == [(2, 1, 1)]
    assert evipool("fulltext", "link", "doi:10.1000/x.1", "王伟 2004", "--remove")[0] == 0


def test_removal_before_screening_goes_both_ways(evipool: Run) -> None:
    assert "1 report removed" in evipool("screen", "remove", "doi:10.1000/x.0", "--by", "automation")[1]
    assert "0 reports removed" in evipool("screen", "remove", "doi:10.1000/x.0")[1]
    assert "1 report brought back" in evipool("screen", "remove", "doi:10.1000/x.0", "--back")[1]


def test_status_names_who_waits_and_what_to_type(evipool: Run) -> None:
    code, out, _ = evipool("status")
    assert code == 0
    assert 'evipool search run "search_strategies/pubmed.txt"' in out
    assert "evipool dedup" in out
    assert 'evipool screen export "ta-李华.csv" --stage title-abstract --for "李华" --todo' in out
    found = json.loads(evipool("status", "--format", "json")[1])
    assert found["sections"]["records"]["Embase"] == {"records": 3, "last searched": "2026-01-15"}
    waits = {(w["person"], w["n"]) for w in found["waiting"] if "judge at" in w["what"]}
    assert waits == {("AB", 3), ("李华", 3)}
    assert evipool("screen", "export", "ta-李华.csv", "--stage", "title-abstract", "--for", "李华", "--todo")[0] == 0


def include_with_notice(evipool: Run, folder: Path, word: str) -> None:
    """Include a report, put it under a study, and let a source say of it that it was retracted or corrected."""
    vote_all(evipool)
    evipool("fulltext", "retrieved", "doi:10.1000/x.1")
    for who in ("AB", "李华"):
        evipool("screen", "decide", "doi:10.1000/x.1", "include", "--stage", "full-text", who=who)
    evipool("fulltext", "link", "doi:10.1000/x.1", "王伟 2004")
    with Project.open(folder) as project, project.writing("follow") as batch:
        report = next(r for r, ids in views.reports(project.store).items()
                      if views.records(project.store, ids)[ids[0]].fields.doi == "10.1000/x.1")  # fmt: skip
        batch.append([NewEvent(kind="retract", subject=report, value=word)])


def test_status_puts_a_retracted_included_study_first(evipool: Run, folder: Path) -> None:
    include_with_notice(evipool, folder, "retracted")
    told = evipool("status")[1]
    assert told.startswith("! A report of 王伟 2004 is marked retracted: its data should be reconsidered. (")
    assert "Second trial" in told and "Nothing waits" not in told
    found = json.loads(evipool("status", "--format", "json")[1])
    assert found["next"][0].startswith("evipool log --subject")
    assert evipool(*found["next"][0].split()[1:])[0] == 0
    assert not found["is_idle"]


def test_a_correction_of_an_included_report_is_told_alike_in_status_and_report(evipool: Run, folder: Path) -> None:
    include_with_notice(evipool, folder, "corrected")
    sentence = "A report of 王伟 2004 is marked corrected: see whether its data changed."
    assert evipool("status")[1].startswith(f"! {sentence} (")
    assert "evipool log --subject" not in " ".join(json.loads(evipool("status", "--format", "json")[1])["next"])
    assert evipool("report")[0] == 0
    assert sentence in (folder / "report" / "report.html").read_text(encoding="utf-8")


def test_status_of_a_new_review_says_to_edit_review_toml(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["init", str(tmp_path / "new")]) == 0
    assert run(["-C", str(tmp_path / "new"), "status"]) == 0
    assert "edit" in capsys.readouterr().out


def test_status_names_forms_that_differ_from_what_is_stored(evipool: Run, folder: Path) -> None:
    (folder / "extraction").mkdir()
    (folder / "extraction" / "results.csv").write_text(
        "study,arm,treatment,outcome,n,events\n王伟 2004,1,CD,THA,10,3\n", encoding="utf-8"
    )
    (folder / "extraction" / "bad.csv").write_text("colour\nred\n", encoding="utf-8")
    facts = json.loads(evipool("status", "--format", "json")[1])["sections"]["extraction"]
    assert "cells differ" in facts["results.csv"]
    assert "cannot be read" in facts["bad.csv"]


def test_a_form_for_nobody_says_that_it_is_empty(evipool: Run, tmp_path: Path) -> None:
    words = "no values are filled in"
    assert words in evipool("extract", "template", "a.csv")[1]
    assert words not in evipool("extract", "template", "b.csv", who="AB")[1]


def test_status_loads_nothing_heavy(evipool: Run, folder: Path) -> None:
    code = (
        "import sys; from toolkit.cli.common import run; run(['-C', sys.argv[1], 'status']);"
        "print([m for m in ('numpy', 'pandas', 'matplotlib', 'scipy') if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-X", "utf8", "-c", code, str(folder)], capture_output=True, encoding="utf-8", check=True
    )
    assert done.stdout.splitlines()[-1] == "[]"


def test_undo_shows_what_it_takes_back_and_can_be_undone(evipool: Run, folder: Path) -> None:
    decide = ("screen", "decide", "doi:10.1000/x.0")
    evipool(*decide, "include", "--stage", "title-abstract", who="AB")
    evipool(*decide, "exclude", "--stage", "title-abstract", who="AB")
    assert "Nothing was changed" in evipool("undo", "--last", "--dry-run")[1]
    code, out, _ = evipool("undo", "--last", who="AB")
    assert (code, "  1 vote: exclude\n" in out) == (0, True)

    def verdicts() -> list[str]:
        with Project.open(folder) as project:
            return [v.verdict for given in views.votes(project.store, "title-abstract").values() for v in given]

    assert verdicts() == ["include"]
    log = json.loads(evipool("log", "--format", "json", who="AB")[1])
    assert [line["undone"] for line in log] == [False, False, True, False]
    code, _, err = evipool("undo", log[2]["batch"][:8])
    assert (code, "taken back already" in err) == (2, True)
    assert evipool("undo", log[3]["batch"])[0] == 0
    assert verdicts() == ["exclude"]
    assert evipool("undo", "ffffffff")[0] == 2
    assert evipool("undo")[0] == 2


def test_undoing_an_import_says_how_many_records_leave(evipool: Run, folder: Path) -> None:
    out = evipool("undo", "--last", "--dry-run")[1]
    assert "3 records left" in out
    assert "3 records left the review" in evipool("undo", "--last")[1]
    with Project.open(folder) as project:
        assert views.records(project.store) == {}
    assert "3 records of Embase" in evipool("import", "embase.ris", "--database", "Embase")[1]
    assert evipool("undo", "--last")[0] == 0
    assert evipool("undo", "--last")[0] == 2  # nothing stands any more


def test_the_log_hides_anothers_vote_until_all_votes_are_in(evipool: Run) -> None:
    decide = ("screen", "decide", "doi:10.1000/x.0")
    evipool(*decide, "exclude", "--stage", "title-abstract", "--note", "秘密", who="AB")
    for who in ("李华", None):
        for args in (("log",), ("log", "--format", "csv"), ("log", "--subject", "doi:10.1000/x.0", "--format", "json")):
            out = evipool(*args, who=who)[1]
            assert "exclude" not in out
            assert "秘密" not in out
    assert "exclude" in evipool("log", who="AB")[1]
    evipool(*decide, "include", "--stage", "title-abstract", who="李华")
    assert "秘密" in evipool("log", "--subject", "doi:10.1000/x.0", "--format", "json", who="李华")[1]


def test_the_history_of_a_report_a_study_and_a_run_can_be_read(evipool: Run) -> None:
    vote_all(evipool)
    evipool("fulltext", "link", "doi:10.1000/x.1", "王伟 2004")
    trail = json.loads(evipool("log", "--subject", "doi:10.1000/x.1", "--format", "json")[1])
    assert [(e["kind"], e["value"], e["stands"]) for e in trail] == [
        ("screen", "include", True),
        ("screen", "include", True),
        ("link", "primary", True),
    ]
    assert len(json.loads(evipool("log", "--subject", "王伟 2004", "--format", "json")[1])) == 1
    assert evipool("log", "--subject", "no such thing")[0] == 2


def test_a_broken_review_toml_names_its_line(evipool: Run, folder: Path) -> None:
    text = SETTINGS + "[screening]\ntitle_abstract = 3\n"
    (folder / "review.toml").write_text(text, encoding="utf-8")
    code, _, err = evipool("status")
    assert code == 2
    assert f"line {len(text.splitlines())}" in err


@pytest.mark.parametrize(
    "args",
    [("screen", "--help"), ("screen", "export", "--help"), ("fulltext", "--help"), ("fulltext", "retrieved", "--help"),
     ("import", "--help"), ("init", "--help"), ("status", "--help"), ("log", "--help"), ("undo", "--help"),
     ("doctor", "--help")],
)  # fmt: skip
def test_every_command_has_help(capsys: pytest.CaptureFixture[str], args: tuple[str, ...]) -> None:
    assert run(list(args)) == 0
    assert len(capsys.readouterr().out) > 100


def test_an_export_never_writes_over_a_form_that_may_be_filled_in(evipool: Run, tmp_path: Path) -> None:
    path = tmp_path / "form.csv"
    path.write_text("filled in", encoding="utf-8")
    for words in (("screen", "export", str(path), "--stage", "full-text"), ("extract", "template", str(path))):
        code, _, err = evipool(*words)
        assert code == 2 and "may be filled in already" in err and "--force" in err
        assert path.read_text(encoding="utf-8") == "filled in"
        assert evipool(*words, "--force")[0] == 0
        assert path.read_text(encoding="utf-8-sig").startswith(("report", "study"))
        path.write_text("filled in", encoding="utf-8")
