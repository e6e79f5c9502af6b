"""doctor finds what it is for, and nothing in a sound review."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from toolkit import doctor
from toolkit.cli.common import run
from toolkit.config import ReviewFile
from toolkit.model.errors import SourceError
from toolkit.project import Project
from toolkit.search.importing import import_file
from toolkit.store import views
from toolkit.store.maintenance import outdated_records, replace_parsed, write_obstacle

SETTINGS = """
[review]
title = "综述"
[[sources]]
name = "Embase"
"""
RIS = "TY  - JOUR\nTI  - 股骨头坏死\nPY  - 2004\nER  - \n\nTY  - JOUR\nTI  - Second\nER  - \n"


def codes(found: list[doctor.Finding]) -> list[str]:
    return [finding.code for finding in found]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    root = tmp_path / "综述"
    root.mkdir()
    (root / "review.toml").write_text(SETTINGS, encoding="utf-8")
    (root / "extraction").mkdir()
    return root


@pytest.fixture
def project(folder: Path) -> Iterator[Project]:
    export = folder / "a.ris"
    export.write_text(RIS, encoding="utf-8")
    with Project.open(folder) as opened:
        import_file(opened, export, source="Embase")
        yield opened


def test_a_sound_review_has_no_findings(folder: Path, project: Project) -> None:
    assert doctor.project_checks(folder) == []


def test_an_old_python_and_missing_or_old_packages_are_errors() -> None:
    assert codes(doctor.check_python((3, 10))) == ["python"]
    assert doctor.check_python((3, 11)) == []
    versions = {"click": "8.1.7", "numpy": "1.9.3"}
    found = doctor.check_packages(["click>=8.1", "numpy>=1.26", "rich>=13", 'flask>=3; extra == "web"'], versions.get)
    assert [f.message.split()[0] for f in found] == ["numpy", "the"]
    assert "rich is missing" in found[1].message


def test_this_installation_satisfies_its_own_requirements() -> None:
    assert not [f for f in doctor.machine_checks() if f.code in ("python", "package")]


def test_a_machine_without_cjk_fonts_is_warned_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    from toolkit.plots import style

    monkeypatch.setattr(style, "font_families", lambda: (style.BASE_FAMILY,))
    (found,) = doctor.check_fonts()
    assert style.CJK_FAMILIES[0] in found.advice
    monkeypatch.setattr(style, "font_families", lambda: (style.BASE_FAMILY, "Noto Sans SC"))
    assert doctor.check_fonts() == []


@pytest.mark.parametrize("name", ["REQUESTS_CA_BUNDLE", "SSL_CERT_FILE"])
def test_a_ca_bundle_that_is_not_there_is_an_error(tmp_path: Path, name: str) -> None:
    assert codes(doctor.check_network({name: str(tmp_path / "none.pem")})) == ["ca-bundle"]
    (tmp_path / "ca.pem").write_text("", encoding="utf-8")
    assert doctor.check_network({name: str(tmp_path / "ca.pem")}) == []


@pytest.mark.parametrize(
    ("value", "sound"),
    [("http://proxy:3128", True), ("proxy.example:80", True), ("http://u:p@proxy:80/", True), ("http://pro xy", False),
     ("file:///etc/proxy", False)],
)  # fmt: skip
def test_a_proxy_must_look_like_one(value: str, sound: bool) -> None:
    found = doctor.check_network({"HTTPS_PROXY": value})
    assert (found == []) == sound
    assert value not in str(found)  # it may hold a password


def test_a_console_that_is_not_utf8_is_noted() -> None:
    assert doctor.check_console("UTF-8", {}) == []
    assert codes(doctor.check_console("cp936", {})) == ["console"]


def test_a_synced_folder_and_backups_are_named(tmp_path: Path) -> None:
    root = tmp_path / "OneDrive - Klinik" / "review"
    root.mkdir(parents=True)
    (root / "evipool.db.before-0002_x").write_bytes(b"x")
    found = doctor.check_folder(root)
    assert codes(found) == ["synced-folder", "backup"]
    assert "OneDrive - Klinik" in found[0].message


def test_little_space_and_names_windows_cannot_hold(tmp_path: Path) -> None:
    assert codes(doctor.check_space(10_000_000, tmp_path)) == ["disk-space"]
    assert doctor.check_space(10_000_000_000, tmp_path) == []
    (tmp_path / "a:b.csv").write_text("", encoding="utf-8")
    (tmp_path / "钙.csv").write_text("", encoding="utf-8")
    (found,) = doctor.check_names(tmp_path)
    assert "1 file names" in found.message


def test_a_missing_strategy_is_an_error(tmp_path: Path) -> None:
    settings = ReviewFile.model_validate(
        {"review": {"title": "T"}, "sources": [{"name": "PubMed", "strategy": "search_strategies/p.txt"}]}
    )
    assert codes(doctor.check_strategies(tmp_path, settings)) == ["strategy"]
    (tmp_path / "search_strategies").mkdir()
    (tmp_path / "search_strategies" / "p.txt").write_text("x", encoding="utf-8")
    assert doctor.check_strategies(tmp_path, settings) == []


def test_forms_that_excel_mangled_are_named_by_row_and_column(folder: Path) -> None:
    (folder / "extraction" / "results.csv").write_text("study,pages\nA,06-Oct\nB,12-19\n", encoding="utf-8")
    (folder / "extraction" / "broken.csv").write_bytes(b"%PDF-1.7")
    found = {f.code: f.message for f in doctor.check_extraction(folder)}
    assert "row 2, column 'pages'" in found["mangled-date"]
    assert "PDF" in found["form"]


def test_a_changed_history_is_an_error(project: Project) -> None:
    raw = sqlite3.connect(project.store.path)
    raw.execute("DROP TRIGGER event_no_update")
    raw.execute("UPDATE event SET actor = 'somebody'")
    raw.commit()
    raw.close()
    assert codes(doctor.check_database(project)) == ["hash-chain"]


def test_a_locked_review_is_said_to_be_locked(project: Project) -> None:
    assert write_obstacle(project.store) is None
    other = sqlite3.connect(project.store.path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    found = doctor.check_database(project)
    other.execute("ROLLBACK")
    other.close()
    assert codes(found) == ["not-writable"]
    assert "another program is writing" in found[0].message


def test_a_file_that_is_no_database_is_an_error(folder: Path) -> None:
    (folder / "evipool.db").write_bytes(b"not a database, but long enough to have a header of one hundred bytes" * 20)
    assert codes(doctor.project_checks(folder)) == ["database"]


def test_an_import_that_was_cut_off_is_noted(project: Project) -> None:
    with project.writing("import") as batch:
        batch.add_run(
            run_id="open", kind="import", source="Embase", source_kind="database", file_name="big.ris", sha256="x",
            searched_on="2026-01-01", detail={},
        )  # fmt: skip
    (found,) = doctor.check_runs(project)
    assert "big.ris" in found.message


def test_what_commands_keep_is_held_against_the_history_and_dropped_with_fix(
    folder: Path, project: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["-C", str(folder), "dedup"]) == 0
    assert run(["-C", str(folder), "status"]) == 0
    assert doctor.project_checks(folder) == []
    cache = project.store.cache
    assert cache is not None
    kept = cache.read("records")
    assert kept is not None
    cache.write("records", {**kept, "value": {run: records[:1] for run, records in kept["value"].items()}})
    assert codes(doctor.project_checks(folder)) == ["kept"]
    assert run(["-C", str(folder), "doctor", "--fix"]) in (0, 1)
    assert ".cache deleted; the next command makes it anew" in capsys.readouterr().out
    assert not cache.folder.exists()
    assert doctor.project_checks(folder) == []


def test_fields_of_an_older_parser_or_missing_are_read_anew_with_fix(
    folder: Path, project: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    before = {i: r.fields for i, r in views.records(project.store).items()}
    first, second = before
    replace_parsed(project.store, {first: {"title": "old reading"}}, 0)
    raw = sqlite3.connect(project.store.path)
    raw.execute("DELETE FROM parsed WHERE record_id = ?", (second,))
    raw.commit()
    raw.close()
    assert list(outdated_records(project.store, 1).values()) == [2]
    assert codes(doctor.check_parsed(project)) == ["parsed"]
    assert run(["-C", str(folder), "doctor", "--fix"]) == 0
    assert "2 records were read anew" in capsys.readouterr().out
    assert {i: r.fields for i, r in views.records(project.store).items()} == before
    assert outdated_records(project.store, 1) == {}


def test_pubmed_records_of_a_search_are_read_anew_too(project: Project) -> None:
    from toolkit.model.events import NewEvent
    from toolkit.search.importing import reparse
    from toolkit.store import NewRecord

    article = (
        "<PubmedArticle><MedlineCitation><PMID>7</PMID><Article><ArticleTitle>骨 bone</ArticleTitle></Article>"
        "</MedlineCitation></PubmedArticle>"
    ).encode()
    with project.writing("search run") as batch:
        batch.add_run(
            run_id="s", kind="search", source="PubMed", source_kind="database", file_name="p.txt", sha256="s",
            searched_on="2026-01-01", detail={},
        )  # fmt: skip
        record = NewRecord(id="r7", ordinal=0, external_id="7", format="pubmed-xml", raw=article, fields={})
        batch.add_records("s", [record])
        batch.append([NewEvent(kind="run", subject="s", value="complete")])
    search = next(r for r in views.runs(project.store) if r.kind == "search")
    assert reparse(project, search)["r7"]["title"] == "骨 bone"


def test_doctor_prints_codes_and_exits_1_on_errors(
    folder: Path, project: Project, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE", "SSL_CERT_DIR"):
        monkeypatch.delenv(name, raising=False)
    assert run(["-C", str(folder), "doctor"]) == 0
    capsys.readouterr()
    (folder / "review.toml").write_text("[review]\n", encoding="utf-8")
    assert run(["-C", str(folder), "doctor", "--format", "json"]) == 1
    found = json.loads(capsys.readouterr().out)["findings"]
    assert found[0]["code"] == "review-toml"
    assert "missing key 'title'" in found[0]["message"]


def test_outside_a_review_only_the_machine_is_looked_at(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run(["-C", str(tmp_path), "doctor"])
    assert "[no-project]" in capsys.readouterr().out


def test_rereading_a_locked_review_is_refused_in_words(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    raw = sqlite3.connect(project.store.path, isolation_level=None)
    raw.execute("BEGIN IMMEDIATE")
    import toolkit.store.database as database

    monkeypatch.setattr(database, "BUSY_SECONDS", 0.1)
    with Project.open(project.root) as second, pytest.raises(SourceError, match="another program"):
        replace_parsed(second.store, {next(iter(views.records(second.store))): {"title": "x"}}, 1)
    raw.execute("ROLLBACK")
    raw.close()
