"""A full disk and a folder that cannot be written: one message, exit code 1, nothing half-written, a good project.

What a command had not finished it does when it is called again: it then ends as one that nothing disturbed.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.analysis.builders import SETTINGS, TRIALS, evipool, make_review, results_form, write_csv
from tests.cli.forks import Ended, ends, full_disk, unprivileged
from toolkit import doctor
from toolkit.project import Project
from toolkit.store import views

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="fork, limits and capabilities of Linux")

MORE = "".join(f"TY  - JOUR\nTI  - Report of {name}\nID  - {name}b\nER  - \n\n" for name in ("Xu2016", "Li2010"))
IMPORT = ("import", "../more.ris", "--database", "Lists", "--date", "2026-02-01")
# Command -> the stage of the review that it starts from, and its words.
COMMANDS: dict[str, tuple[str, tuple[str, ...]]] = {
    "import": ("extracted", IMPORT),
    "dedup": ("arrived", ("dedup",)),
    "screen import": ("extracted", ("screen", "import", "../votes.csv", "--stage", "full-text", "--as", "AB")),
    "extract template": ("extracted", ("extract", "template", "extraction/results.csv")),
    "extract import": ("extracted", ("extract", "import", "../results.csv", "--as", "AB")),
    "analyse": ("extracted", ("analyse",)),
    "update": ("extracted", ("update", "--no-search", "--non-interactive")),
    "report": ("reported", ("report", "--force")),
    "export csv": ("reported", ("export", "csv", "out")),
    "freeze": ("reported", ("freeze",)),
}
Stages = Mapping[str, Path]


@pytest.fixture(scope="module")
def stages(tmp_path_factory: pytest.TempPathFactory) -> Stages:
    """The review as it stands before the commands; making it loads what they load, so that children start at once."""
    place = tmp_path_factory.mktemp("stages")
    found = {"extracted": make_review(place / "extracted", settings=SETTINGS + REASONS)}
    (place / "more.ris").write_text(MORE, encoding="utf-8")
    write_csv(place / "votes.csv", ["report", "verdict", "reason"], [["Li2010", "exclude", "design"]])
    results_form(place, {**TRIALS, "Li2010": (("细胞", 30, 7), ("减压", 31, 10))})

    def next_stage(name: str, of: str, *commands: tuple[str, ...]) -> None:
        found[name] = Path(shutil.copytree(found[of], place / name))
        for words in commands:
            assert in_folder(found[name], words) == 0

    next_stage("arrived", "extracted", IMPORT)
    next_stage("reported", "extracted", ("update", "--no-search", "--non-interactive"))
    return found


REASONS = '[eligibility]\nexclusion_reasons = ["design"]\n'


def in_folder(folder: Path, words: tuple[str, ...]) -> int:
    """A command with its files named from the project folder, in this process."""
    here = Path.cwd()
    os.chdir(folder)
    try:
        return evipool(folder, *words)
    finally:
        os.chdir(here)


def disturbed(folder: Path, words: tuple[str, ...], fault: Callable[[], None]) -> Ended:
    """The same in a child to which something happens first."""

    def before() -> None:
        os.chdir(folder)
        fault()

    return ends(folder, words, before=before)


def state(folder: Path) -> dict[str, Any]:
    """Everything a command leaves, but for ids and times of events, and what is kept to be quicker next time."""
    with Project.open(folder) as project:
        events = [(e.kind, e.stage, e.subject, e.field, e.value, e.void, e.payload) for e in project.store.events()]
        runs = [(run.id, run.completed_at is None) for run in views.runs(project.store, include_open=True)]
    return {"events": events, "runs": runs, "files": files(folder)}


def files(folder: Path) -> dict[str, str]:
    """Files with their hashes; of those of the report, which tell the time and the hash of the history, their names."""
    found = {}
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if path.is_dir() or name.startswith((".cache/", "evipool.db", ".update.lock")):
            continue
        found[name] = "" if name.startswith("report/") else hashlib.sha256(path.read_bytes()).hexdigest()
    return found


def assert_good(folder: Path) -> None:
    """As `doctor` sees it, and as it would see it hours later, when what a dead command left counts as left."""
    problems = [finding for finding in doctor.project_checks(folder) if finding.severity == "error"]
    assert problems == []
    assert doctor.check_leftovers(folder, time.time() + 7200) == []
    with Project.open(folder) as project:
        assert project.store.verify_chain() is None


def assert_one_message(ended: Ended) -> None:
    assert ended.code == 1, ended.told
    lines = [line for line in ended.told.splitlines() if line.strip()]
    assert len(lines) == 1, ended.told
    assert lines[0].startswith("Error: "), ended.told
    assert "fault of evipool" not in ended.told


def assert_goes_on(
    folder: Path, command: str, ended: Ended, before: Mapping[str, Any], expected: Mapping[str, Any]
) -> None:
    """The command, called again, ends as one that nothing disturbed; where nothing at all was done that is the same."""
    now = state(folder)
    if ended.code != 0 and now != before:
        assert disturbed(folder, COMMANDS[command][1], lambda: None) == Ended(0, "")
        now = state(folder)
    elif ended.code != 0:
        return
    assert now == expected


@pytest.fixture(scope="module")
def undisturbed(stages: Stages, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], dict[str, Any]]:
    """What each command leaves when nothing happens, run once."""
    known: dict[str, dict[str, Any]] = {}

    def leaves(command: str) -> dict[str, Any]:
        if command not in known:
            folder = start(stages, command, tmp_path_factory.mktemp("undisturbed"))
            assert disturbed(folder, COMMANDS[command][1], lambda: None).code == 0
            known[command] = state(folder)
        return known[command]

    return leaves


def start(stages: Stages, command: str, place: Path) -> Path:
    """A copy of the review that the command starts from, with the files beside it."""
    before = stages[COMMANDS[command][0]]
    for path in before.parent.iterdir():
        if path.is_file():
            shutil.copy(path, place)
    folder = Path(shutil.copytree(before, place / "review"))
    (folder / "extraction").mkdir(exist_ok=True)
    return folder


# The database alone needs 32,768 bytes beside it to be opened; in 150,000 no picture and no archive finds room.
SIZES = [(name, size) for name in COMMANDS for size in (0, 33_000)]
SIZES += [(name, 150_000) for name in ("update", "report", "freeze")]


@pytest.mark.parametrize(("command", "size"), SIZES)
def test_on_a_full_disk_nothing_is_half_written_and_the_same_command_goes_on(
    stages: Stages, undisturbed: Callable[[str], dict[str, Any]], tmp_path: Path, command: str, size: int
) -> None:
    expected = undisturbed(command)
    folder = start(stages, command, tmp_path)
    before = state(folder)
    ended = disturbed(folder, COMMANDS[command][1], full_disk(size))
    if ended.code != 0 or size == 0:  # what is small finds room
        assert_one_message(ended)
        assert "spreadsheet" not in ended.told, "what is wrong is the disk"
    for name, content in files(folder).items():
        assert content in (before["files"].get(name), expected["files"].get(name)), name
    assert_good(folder)
    assert_goes_on(folder, command, ended, before, expected)


@pytest.mark.parametrize("command", COMMANDS)
def test_a_folder_that_cannot_be_written_is_left_as_it_was(stages: Stages, tmp_path: Path, command: str) -> None:
    folder = start(stages, command, tmp_path)
    before = state(folder)
    with read_only([folder, *folder.rglob("*")]):
        ended = disturbed(folder, COMMANDS[command][1], unprivileged)
    assert_one_message(ended)
    assert state(folder) == before
    assert_good(folder)


PLACES = {
    "extract template": "extraction", "analyse": "results", "update": "report", "report": "report",
    "export csv": "out", "freeze": "frozen",
}  # fmt: skip


@pytest.mark.parametrize("command", PLACES)
def test_where_only_the_place_of_its_files_cannot_be_written_the_same_command_goes_on(
    stages: Stages, undisturbed: Callable[[str], dict[str, Any]], tmp_path: Path, command: str
) -> None:
    expected = undisturbed(command)
    folder = start(stages, command, tmp_path)
    place = folder / PLACES[command]
    place.mkdir(exist_ok=True)
    before = state(folder)
    with read_only([place]):
        ended = disturbed(folder, COMMANDS[command][1], unprivileged)
    assert_one_message(ended)
    for name, content in files(folder).items():
        assert content in (before["files"].get(name), expected["files"].get(name)), name
    assert_good(folder)
    assert_goes_on(folder, command, ended, before, expected)


@contextmanager
def read_only(paths: list[Path]) -> Iterator[None]:
    """Files and folders without the right to write."""
    for path in paths:
        path.chmod(0o555 if path.is_dir() else 0o444)
    try:
        yield
    finally:
        for path in paths:
            path.chmod(0o755 if path.is_dir() else 0o644)
