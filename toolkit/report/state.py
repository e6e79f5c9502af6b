"""Whether the report tells the present state."""

from __future__ import annotations

import hashlib

from toolkit import __version__
from toolkit.analysis.plan import WORDING
from toolkit.project import SETTINGS, Project

__all__ = ["REPORT", "is_fresh", "state_of"]

REPORT = "report.html"


def state_of(project: Project) -> str:
    """A hash that changes when anything the report shows may have changed: history, settings, results, program."""
    digest = hashlib.sha256()
    digest.update(project.store.head_hash().encode("ascii"))
    digest.update(project.path(SETTINGS).read_bytes())
    digest.update(__version__.encode("ascii"))
    folder = project.path("results")
    for result in sorted(folder.glob("*/*/result.json")) if folder.is_dir() else []:
        digest.update(result.relative_to(folder).as_posix().encode("utf-8"))
        words = result.with_name(WORDING)
        digest.update(words.read_bytes() if words.is_file() else b"")
    return digest.hexdigest()


def is_fresh(project: Project) -> bool:
    """Whether report.html tells the present state."""
    path = project.path("report", REPORT)
    if not path.is_file():
        return False
    with path.open(encoding="utf-8") as handle:
        head = handle.read(2000)
    return f'content="{state_of(project)}"' in head
