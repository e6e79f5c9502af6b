"""Projects written by earlier versions, opened and carried on by this one."""

from __future__ import annotations

import io
import json
import shutil
import sqlite3
import zipfile
from contextlib import closing, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from toolkit.cli.common import run
from toolkit.project import Project
from toolkit.records import PARSER_VERSION
from toolkit.store.database import MIGRATIONS
from toolkit.store.schema import APPEND_ONLY

PACKED = sorted(Path(__file__).parent.glob("evipool-*.zip"))

# Known beforehand, worked out apart from this program: (analysis, estimate, OR, low, high). Two limits are rounded up
# by a little more than half a unit, hence the tolerance of tests/report/test_demo_numbers.py.
KNOWN = [
    ("tha-all", "common", 0.299, 0.211, 0.424),
    ("tha-all", "random", 0.441, 0.186, 1.045),
    ("tha-all-dl", "random", 0.445, 0.198, 1.002),
    ("tha-without-hernigou", "common", 0.557, 0.360, 0.864),
    ("tha-without-hernigou", "random", 0.587, 0.325, 1.062),
    ("tha-nonrandomised", "random", 0.432, 0.192, 0.972),
    ("tha-randomised", "common", 1.339, 0.536, 3.349),
]
ROUNDING = 0.0006

# Boxes whose number changed since, each with the reason why the old one was wrong.
CORRECTED = {
    "contradiction:full text handled without a decision at title and abstract": (
        "reports found by other methods need no decision at title and abstract"
    ),
}
AGAIN = "imports/2026-10-31/embase.ris"

Rows = dict[str, list[tuple[Any, ...]]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """An old project as it was packed and what this version made of it.

    Attributes
    ----------
    folder : the project, its results deleted and made anew, its report written
    expected : what the version of that time said of it
    before : the append-only rows before this version opened it
    printed : command -> exit code and what it printed, in the order of the commands
    """

    folder: Path
    expected: dict[str, Any]
    before: Rows
    printed: dict[str, tuple[int, str]]


def append_only_rows(folder: Path) -> Rows:
    """The rows of the tables that nobody may change, read past the program."""
    with closing(sqlite3.connect(f"file:{folder / 'evipool.db'}?mode=ro", uri=True)) as database:
        return {table: database.execute(f"SELECT * FROM {table} ORDER BY rowid").fetchall() for table in APPEND_ONLY}


@pytest.fixture(scope="module", params=PACKED, ids=lambda path: path.stem)
def opened(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Opened:
    folder = tmp_path_factory.mktemp("old") / "review"
    with zipfile.ZipFile(request.param) as packed:
        packed.extractall(folder)
    expected = json.loads((folder / "expected.json").read_text(encoding="utf-8"))
    before = append_only_rows(folder)
    printed: dict[str, tuple[int, str]] = {}

    def step(name: str, *args: str) -> None:
        with redirect_stdout(io.StringIO()) as out:
            printed[name] = (run(["-C", str(folder), *args]), out.getvalue())

    step("status", "status", "--format", "json")
    step("log", "log", "--format", "json", "--limit", "1000")
    step("prisma", "prisma", "--format", "json")
    step("doctor", "doctor")
    step("fix", "doctor", "--fix")
    step("import again", "import", str(folder / AGAIN), "--database", "Embase", "--date", "2026-10-31")
    step("analyse", "analyse")
    shutil.rmtree(folder / "results")
    step("analyse anew", "analyse", "--format", "json")
    step("update", "update", "--no-search", "--format", "json")
    step("report", "report")
    step("status at the end", "status", "--format", "json")
    step("status in words", "status")
    return Opened(folder=folder, expected=expected, before=before, printed=printed)


def answer(opened: Opened, step: str) -> Any:
    """What a step printed, as JSON."""
    return json.loads(opened.printed[step][1])


def test_every_command_ends_well(opened: Opened) -> None:
    assert {name: code for name, (code, _) in opened.printed.items() if code != 0} == {}


def test_the_first_old_project_is_here_and_small() -> None:
    assert [path.name for path in PACKED][:1] == ["evipool-0.1.0.zip"]
    assert all(path.stat().st_size < 1_500_000 for path in PACKED)


def test_status_says_what_the_version_of_that_time_said(opened: Opened) -> None:
    sections = answer(opened, "status")["sections"]
    for name, facts in opened.expected["status"].items():
        assert {label: sections[name][label] for label in facts} == facts, name
    assert sections["report"]["versions completed"] == 2


def test_log_lists_the_commands_of_that_time(opened: Opened) -> None:
    lines = answer(opened, "log")
    assert sum(line["events"] for line in lines) == opened.expected["events"]
    assert {"AB", "CD", "EF"} < {line["actor"] for line in lines}
    assert any(line["command"].startswith("screen import") for line in lines)


def test_flow_counts_what_it_counted_then(opened: Opened) -> None:
    boxes = {name: box["n"] for name, box in answer(opened, "prisma")["boxes"].items()}
    then = {name: n for name, n in opened.expected["boxes"].items() if name not in CORRECTED}
    assert {name: boxes.get(name) for name in then} == then
    assert (then["screened"], then["total_studies"], then["total_reports"]) == (11, 14, 16)


def test_nothing_of_the_history_changed_and_its_chain_holds(opened: Opened) -> None:
    after = append_only_rows(opened.folder)
    for table, rows in opened.before.items():
        assert after[table][: len(rows)] == rows, table
    assert len(opened.before["event"]) == opened.expected["events"]
    assert opened.before["event"][-1][-1] == opened.expected["head_hash"]
    with Project.open(opened.folder) as project:
        assert project.store.verify_chain() is None


def test_an_import_of_that_time_repeated_adds_no_record(opened: Opened) -> None:
    after = append_only_rows(opened.folder)
    assert len(after["record"]) == len(opened.before["record"])
    assert (
        answer(opened, "status at the end")["sections"]["title-abstract"] == opened.expected["status"]["title-abstract"]
    )


def test_schema_is_todays_and_an_older_one_was_copied_away_first(opened: Opened) -> None:
    with closing(sqlite3.connect(opened.folder / "evipool.db")) as database:
        applied = [name for (name,) in database.execute("SELECT name FROM migration ORDER BY applied_at, name")]
    assert sorted(applied) == sorted(MIGRATIONS)
    newer = [name for name in MIGRATIONS if name not in opened.expected["migrations"]]
    assert [copy.name for copy in opened.folder.glob("evipool.db.before-*")] == [
        f"evipool.db.before-{name}" for name in newer[:1]
    ]


def test_records_read_by_older_readers_are_found_and_read_anew(opened: Opened) -> None:
    with closing(sqlite3.connect(opened.folder / "evipool.db")) as database:
        versions = database.execute("SELECT DISTINCT parser_version FROM parsed").fetchall()
    assert "read by an older evipool" in opened.printed["doctor"][1]
    assert versions == [(PARSER_VERSION,)]


def results(folder: Path) -> dict[str, Any]:
    """Analysis -> result, as the report of today holds them."""
    return dict(json.loads((folder / "report" / "results.json").read_text(encoding="utf-8"))["analyses"])


@pytest.mark.parametrize(("analysis", "which", "estimate", "low", "high"), KNOWN)
def test_analyses_made_anew_give_the_known_odds_ratios(
    opened: Opened, analysis: str, which: str, estimate: float, low: float, high: float
) -> None:
    found = results(opened.folder)[analysis]["result"][which]
    assert [found[key] for key in ("estimate", "ci_low", "ci_high")] == pytest.approx(
        [estimate, low, high], abs=ROUNDING
    )


def test_every_estimate_of_that_time_comes_out_again(opened: Opened) -> None:
    now = results(opened.folder)
    assert len(opened.expected["estimates"]) == 10
    for analysis, estimates in opened.expected["estimates"].items():
        for which, numbers in estimates.items():
            found = [now[analysis]["result"][which][key] for key in ("estimate", "ci_low", "ci_high")]
            assert found == pytest.approx(numbers, rel=1e-6), (analysis, which)


def test_the_report_is_written_and_nothing_is_said_to_wait(opened: Opened) -> None:
    page = (opened.folder / "report" / "report.html").read_text(encoding="utf-8")
    assert "odds ratio 0.432 (95\u00a0% CI 0.192 to 0.972)" in page and "data:image/svg+xml" in page
    found = answer(opened, "status at the end")
    assert (found["waiting"], found["is_idle"]) == ([], True)
    assert "Nothing waits for anybody." in opened.printed["status in words"][1]
