"""What a command loads before it does anything: help loads Click alone, and status nothing that calculates or draws."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from toolkit.cli import COMMANDS
from toolkit.cli.common import run

ROOT = Path(__file__).resolve().parents[2]

# Every help page in one process: what none of them loaded in all, no single one loads.
HELP = """
import sys
at_start = set(sys.modules)
import contextlib, io, json
from toolkit.cli import cli
from toolkit.cli.common import run

def pages(command, words):
    yield words
    for name in getattr(command, "commands", {}) if words else command.list_commands(None):
        found = command.get_command(None, name)
        yield from pages(found, [*words, name])

told = io.StringIO()
with contextlib.redirect_stdout(told):
    assert run(["--help"]) == 0
    first = len(set(sys.modules) - at_start)
    every = list(pages(cli, []))
    loaded = set(sys.modules)
    for words in every:
        assert run([*words, "--help"]) == 0, words
new = sorted(set(sys.modules) - at_start)
print(json.dumps({"first": first, "pages": every, "modules": new, "by help": sorted(set(sys.modules) - loaded)}))
"""
CHEAP = {"click", "toolkit", "colorama"}  # Click takes colorama where the console is that of Windows
SLOW = {
    "asyncio", "concurrent", "email", "http", "multiprocessing", "socket", "sqlite3", "ssl", "urllib.request", "xml",
}  # fmt: skip


def python(code: str, *words: str, cwd: Path = ROOT) -> subprocess.CompletedProcess[str]:
    """Run it in a fresh interpreter."""
    return subprocess.run(
        [sys.executable, "-c", code, *words], capture_output=True, text=True, encoding="utf-8", cwd=cwd, check=True
    )


def test_no_help_page_loads_more_than_click_and_the_tables_of_choices() -> None:
    found = json.loads(python(HELP).stdout)
    pages = {" ".join(words) for words in found["pages"]}
    assert {"", *COMMANDS} <= pages
    assert {"screen import", "export cinema", "search run"} <= pages, "pages of subcommands are among them"
    modules = found["modules"]
    foreign = {name.partition(".")[0] for name in modules} - sys.stdlib_module_names - CHEAP
    assert foreign == set()
    assert [name for name in modules if name in SLOW] == []
    # Those of the group itself are about 110, of all commands together about 160.
    assert found["first"] < 140
    assert len(modules) < 200
    own = [name for name in modules if name.startswith("toolkit.")]
    upper = ("toolkit.cli", "toolkit.model", "toolkit.engine.scales", "toolkit.plots.numbers")
    packages = ["toolkit.engine", "toolkit.plots"]
    assert [name for name in own if not name.startswith(upper) and name not in packages] == []
    assert found["by help"] == [], "to show a page loads nothing that loading its command did not"


STATUS = """
import json, sys
from toolkit.cli.common import run
code = run(["-C", sys.argv[1], "status"])
print("\\n" + json.dumps([code, sorted(sys.modules)]))
"""


def test_status_loads_nothing_that_calculates_or_draws(tmp_path: Path) -> None:
    folder = tmp_path / "review"
    assert run(["init", str(folder)]) == 0
    first, again = (json.loads(python(STATUS, str(folder)).stdout.splitlines()[-1]) for _ in range(2))
    for code, modules in (first, again):
        assert code == 0
        assert {"numpy", "pandas", "scipy", "matplotlib", "lxml", "Bio", "requests", "openpyxl"}.isdisjoint(modules)
    assert "pydantic" in first[1], "review.toml is read the first time"
    assert "pydantic" not in again[1], "and not again while nothing changed"
