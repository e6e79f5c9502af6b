"""Two runs of a search side by side."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

from toolkit.model.review import Run
from toolkit.project import Project
from toolkit.search.runs import window_words
from toolkit.store import views

__all__ = ["RunDifference", "compare_runs"]


@dataclass(frozen=True, slots=True, kw_only=True)
class RunDifference:
    """What the second run has otherwise than the first.

    Attributes
    ----------
    unit : "id", the database's own numbers, where evipool searched the same source twice; else "report", so that an
        export is compared with another by what deduplication says is one document
    gained, lost : ids or reports only in the second, only in the first, in the runs' own order
    shared : how many are in both
    differences : (what, before, after) of query, translation, window and warnings where they differ
    """

    first_id: str
    second_id: str
    first_day: str
    second_day: str
    first_count: int
    second_count: int
    gained: tuple[str, ...]
    lost: tuple[str, ...]
    shared: int
    differences: tuple[tuple[str, str, str], ...]
    unit: str = "id"

    def as_json(self) -> dict[str, Any]:
        """Plain data for JSON."""
        return {f.name: getattr(self, f.name) for f in fields(self)}


def compare_runs(project: Project, first: Run, second: Run) -> RunDifference:
    """Ids or reports gained and lost between two runs, and how their queries differ."""
    by_id = first.kind == second.kind == "search" and first.source == second.source
    find = _ids if by_id else _reports
    before, after = find(project, first), find(project, second)
    old, new = set(before), set(after)
    told = [(what, *(_words(run.detail.get(what)) for run in (first, second))) for what in ("query", "translation")]
    told.append(("window", *(window_words(run) or "all records" for run in (first, second))))
    told.append(("warnings", *(_words(run.detail.get("warnings")) for run in (first, second))))
    return RunDifference(
        first_id=first.id,
        second_id=second.id,
        first_day=first.searched_on,
        second_day=second.searched_on,
        first_count=len(before),
        second_count=len(after),
        gained=tuple(pmid for pmid in after if pmid not in old),
        lost=tuple(pmid for pmid in before if pmid not in new),
        shared=len(old & new),
        differences=tuple((what, old_one, new_one) for what, old_one, new_one in told if old_one != new_one),
        unit="id" if by_id else "report",
    )


def _words(value: object) -> str:
    """A detail of a run as text; remarks one after another."""
    return "; ".join(map(str, value)) or "none" if isinstance(value, list) else str(value or "none")


def _ids(project: Project, run: Run) -> list[str]:
    return views.run_hits(project.store, run.id)


def _reports(project: Project, run: Run) -> list[str]:
    joined = views.assignments(project.store)
    own = (record for record, of in views.record_runs(project.store).items() if of.id == run.id)
    return list(dict.fromkeys(joined.get(record, record) for record in own))
