"""Where a review stands, what waits for whom, and what to type next; writes no event, and loads nothing heavy."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict
from pathlib import Path

from toolkit.engine import ENGINE_VERSION
from toolkit.model.overview import TO_EXTRACT, Overview, Waits
from toolkit.project import SETTINGS, Project
from toolkit.store.kept import kept

__all__ = ["TO_EXTRACT", "Overview", "Waits", "overview"]


def overview(project: Project) -> Overview:
    """Where a review stands now; as it was read last, unless something that it tells of has changed since."""

    def read() -> dict[str, object]:
        from toolkit.overview_sections import read_overview

        # What is kept comes back from JSON: the answer must not depend on whether it was.
        found: dict[str, object] = json.loads(json.dumps(asdict(read_overview(project))))
        return found

    return Overview.from_kept(kept(project.store, "overview", None, _files(project), read))


def _files(project: Project) -> str:
    """What the overview rests on besides the history.

    Settings and forms are written by people, anyhow: their content counts. Results and reports are written by evipool,
    which puts a new file in the place of the old one: it is told by its number, size and time.
    """
    told = [str(project.root), ENGINE_VERSION]
    for path in (project.path(SETTINGS), *sorted(project.path("extraction").glob("*.csv"))):
        told.append(f"{path.name} {_content(path)}")
    for pattern in ("results/*/*/*", "report/*"):
        told += [f"{path.relative_to(project.root)} {_place(path)}" for path in sorted(project.root.glob(pattern))]
    return hashlib.sha256("\n".join(told).encode("utf-8", "surrogateescape")).hexdigest()


def _content(path: Path) -> str:
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        return str(error)


def _place(path: Path) -> str:
    try:
        now = path.lstat()
    except OSError as error:  # replaced just now by another command
        return str(error)
    return f"{now.st_ino} {now.st_size} {now.st_mtime_ns}"
