"""`evipool dedup` killed at any moment: the review is as before or as after, and the next run finishes the work."""

from __future__ import annotations

import random
import shutil
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from tests.analysis.builders import evipool
from tests.cli.forks import Ended, ends
from toolkit import doctor
from toolkit.project import Project
from toolkit.store import views

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="fork and SIGKILL")

SETTINGS = '[review]\ntitle = "T"\n[[sources]]\nname = "PubMed"\n[[sources]]\nname = "Embase"\n'
KILLS = 25


def export(path: Path, numbers: range, *, full: bool) -> Path:
    """Records of one database; the other one writes the same trials with fewer details and in capitals."""
    text = []
    for i in numbers:
        title = f"Effect of compound {i * 7919 % 10_007} on outcome {i * 104_729 % 10_009} in cohort {i}"
        title = title if full else title.upper()
        doi = f"DO  - 10.1000/x{i}\n" if full or i % 3 else ""
        text.append(
            f"TY  - JOUR\nTI  - {title}\nAU  - Author{i % 53}, A. B.\nPY  - {1990 + i % 30}\n"
            f"JO  - Journal {i % 11}\nVL  - {i % 40}\nSP  - {i}\n{doi}ER  - \n\n"
        )
    path.write_text("".join(text), encoding="utf-8")
    return path


@pytest.fixture
def arrived(tmp_path: Path) -> Path:
    """A review with 500 records of 400 trials, of which 100 were compared before."""
    folder = tmp_path / "review"
    folder.mkdir()
    (folder / "review.toml").write_text(SETTINGS, encoding="utf-8")
    parts = (("a", range(100), True, "PubMed"), ("b", range(100, 300), True, "PubMed"),
             ("c", range(200, 400), False, "Embase"))  # fmt: skip
    for name, numbers, full, source in parts:
        path = export(tmp_path / f"{name}.ris", numbers, full=full)
        assert evipool(folder, "import", str(path), "--database", source, "--date", "2026-01-15") == 0
        if name == "a":
            assert evipool(folder, "dedup") == 0
    return folder


def state(folder: Path) -> dict[str, Any]:
    """What deduplication leaves: its events but for ids and times, reports, and the questions for people."""
    with Project.open(folder) as project:
        events = [(e.kind, e.subject, e.value, e.actor, e.void, e.payload) for e in project.store.events()]
        commands = [batch.command for batch in project.store.batches()]
        found = {"events": events, "commands": commands, "reports": dict(views.reports(project.store))}
        assert project.store.verify_chain() is None
        return found


def test_killed_at_random_points_the_next_dedup_ends_as_an_undisturbed_one(arrived: Path, tmp_path: Path) -> None:
    calm = Path(shutil.copytree(arrived, tmp_path / "calm"))
    assert evipool(Path(shutil.copytree(arrived, tmp_path / "warm")), "dedup") == 0  # loads what the children then have
    began = time.monotonic()
    assert ends(calm, ["dedup"]) == Ended(0, "")
    took = time.monotonic() - began
    before, expected = state(arrived), state(calm)
    assert len(expected["reports"]) == 400 < len(before["reports"]) == 500
    chance, killed = random.Random(7), 0
    for i in range(KILLS):
        folder = Path(shutil.copytree(arrived, tmp_path / f"killed-{i}"))
        share = chance.uniform(0.02, 1)
        ended = ends(folder, ["dedup"], kill_after=took * share)
        killed += ended.code is None
        now = state(folder)
        assert now in (before, expected), f"killed after {share:.2f} of its time"
        assert [finding for finding in doctor.project_checks(folder) if finding.severity == "error"] == []
        assert ends(folder, ["dedup"]) == Ended(0, "")
        assert state(folder)["reports"] == expected["reports"]
        if now == before:
            assert state(folder) == expected
        assert doctor.check_leftovers(folder, time.time() + 7200) == []
        shutil.rmtree(folder)
    assert killed > KILLS // 3, "most of them were still running"
