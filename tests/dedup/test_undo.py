"""What a person says of duplicates, taken back command by command."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.dedup.conftest import ABSTRACTED, ARTICLE, OTHER, AddRecords
from tests.dedup.test_commands import call
from toolkit.dedup.run import dedup
from toolkit.project import Project
from toolkit.store import views


def state(project: Project) -> dict[str, Any]:
    store = project.store
    return {
        "reports": {report: set(members) for report, members in views.reports(store).items()},
        "by": dict(views.assigned_by(store)),
        "apart": views.apart_pairs(store),
    }


@pytest.mark.parametrize("commands", [("merge", "split"), ("apart", "merge"), ("apart", "merge", "split", "merge")])
def test_as_many_undos_as_commands_restore_the_first_state(
    folder: Path, project: Project, add: AddRecords, commands: tuple[str, ...]
) -> None:
    a, _, b, _ = add([ARTICLE, ABSTRACTED, OTHER, {**OTHER, "authors": ["Mayerhoefer M."]}])
    dedup(project)
    first = state(project)
    assert len(first["reports"]) == 2
    done = 0
    for command in commands:
        words = (b,) if command == "split" else (a, b)
        done += call("-C", str(folder), "--as", "AB", "dedup", command, *words).exit_code == 0
    for _ in range(done):
        result = call("-C", str(folder), "--as", "AB", "undo", "--last")
        assert (result.exit_code, "replaced by later work" in result.output) == (0, False)
    assert done >= 2
    assert state(project) == first
