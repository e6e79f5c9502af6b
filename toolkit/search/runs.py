"""The searches a project holds: windows, outcomes, and finding, discarding and continuing them by name."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

from toolkit.model.errors import InputError
from toolkit.model.events import NewEvent
from toolkit.model.review import Run
from toolkit.model.wording import counted
from toolkit.project import Project
from toolkit.search import pubmed
from toolkit.search.follow import Changes
from toolkit.search.strategy import strategy_file
from toolkit.store import views

__all__ = [
    "SOURCE",
    "SearchOutcome",
    "Window",
    "discard_run",
    "find_run",
    "known_records",
    "locate_strategy",
    "search_runs",
    "window_since_last",
    "window_words",
]

SOURCE = "PubMed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """A window of days in PubMed's dates "crdt", "edat" or "mhda", or in "any" of them; ends count as inside."""

    first: date | None = None
    last: date | None = None
    field: str = "crdt"

    def __post_init__(self) -> None:
        if self.field not in (*pubmed.WINDOW_FIELDS, "any"):
            raise InputError(
                "A search window is set in a date that tells when PubMed learnt of a record.",
                value=self.field,
                allowed="crdt (created), edat (entered), mhda (MeSH added), any (one of the three)",
            )

    @property
    def is_set(self) -> bool:
        """Whether the window leaves anything out."""
        return self.first is not None or self.last is not None


_DATES = {
    "crdt": "created",
    "edat": "entered",
    "mhda": "given MeSH terms",
    "any": "created, entered or given MeSH terms",
}


def window_words(run: Run) -> str:
    """What a run was limited to, such as "only records created from 2026-01-01"; empty where it was not."""
    window = run.detail.get("window") or {}
    ends = [f"{word} {window[end]}" for word, end in (("from", "first"), ("to", "last")) if window.get(end)]
    return f"only records {_DATES.get(window['field'], window['field'])} {' '.join(ends)}" if ends else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchOutcome:
    """What a search brought.

    Attributes
    ----------
    run_id : the run in the project
    searched_on : the day PubMed was asked, YYYY-MM-DD
    query : as sent
    translation : as PubMed read it
    count : records PubMed counted; equals the number of ids kept
    new : ids whose records are new to the project, in PubMed's order
    known : ids that earlier searches had brought already
    dropped : ids the previous run of this strategy had and this one has not
    missing : ids that PubMed listed and did not deliver (signed off)
    warnings : PubMed's and our remarks on the query (signed off)
    changes : what became of known and dropped records
    replayed : whether recorded replies stood for PubMed
    resumed : whether an earlier, unfinished run was carried on
    repeated : whether exactly this run was complete before, so that nothing was added
    source : what was searched
    """

    run_id: str
    searched_on: str
    query: str
    translation: str | None
    count: int
    new: tuple[str, ...]
    known: tuple[str, ...]
    dropped: tuple[str, ...]
    missing: tuple[str, ...]
    warnings: tuple[str, ...]
    changes: Changes
    replayed: bool
    resumed: bool = False
    repeated: bool = False
    source: str = SOURCE


def search_runs(project: Project, *, include_open: bool = False, source: str | None = SOURCE) -> list[Run]:
    """The project's searches of a source, or of all with None, in the order they were started; complete ones only
    unless asked."""
    found = views.runs(project.store, include_open=include_open)
    return [run for run in found if run.kind == "search" and (source is None or run.source == source)]


def find_run(project: Project, name: str) -> Run:
    """A search or an import by the beginning of its id or its day; "last" and "previous" are searches by evipool."""
    own = search_runs(project, source=None)
    if name in ("last", "previous"):
        if len(own) >= (1 if name == "last" else 2):
            return own[-1 if name == "last" else -2]
        raise InputError(
            f"evipool has run {counted(len(own), 'search')} here, so there is none to call {name}.",
            value=name,
            allowed="the beginning of a run's id: 'evipool search list' shows them",
        )
    found = views.runs(project.store)
    matches = [run for run in found if run.id.startswith(name) or run.searched_on == name]
    if len(matches) == 1:
        return matches[0]
    raise InputError(
        "There is no such search." if not matches else "Several searches fit this name.",
        value=name,
        allowed=", ".join(f"{run.id[:8]} ({run.searched_on})" for run in found) or "none has been run yet",
    )


def discard_run(project: Project, name: str, *, command: str = "search discard") -> str:
    """Give up an unfinished search, named by the beginning of its id; returns the id.

    Raises
    ------
    InputError
        no unfinished search, or several, begin like this.
    """
    every = search_runs(project, include_open=True, source=None)
    found = [run for run in every if run.completed_at is None and not run.taken_back]
    matches = [run for run in found if run.id.startswith(name)]
    if len(matches) != 1:
        raise InputError(
            "There is no such unfinished search.", value=name, allowed=", ".join(run.id[:8] for run in found) or "none"
        )
    with project.writing(command) as batch:
        batch.append([NewEvent(kind="run", subject=matches[0].id, value="discarded")])
    return matches[0].id


def window_since_last(
    project: Project, strategy_path: str | Path, *, overlap_days: int = 7, field: str = "any"
) -> Window:
    """A window from the last complete run of a strategy, less an overlap, to today.

    ``field`` "any" takes records created, entered or given MeSH terms since then. The whole strategy rerun without a
    window is the safer way: it also finds what was reindexed, and what is gone (Bramer and Bain 2017,
    J Med Libr Assoc 105:285).

    Raises
    ------
    InputError
        the strategy has not been run yet.
    """
    name = locate_strategy(project, strategy_path).name
    runs = [run for run in search_runs(project) if run.file_name == name]
    if not runs:
        raise InputError("This strategy has not been run yet, so there is no last time.", value=name)
    return Window(first=date.fromisoformat(runs[-1].searched_on) - timedelta(days=overlap_days), field=field)


def known_records(project: Project) -> dict[str, str]:
    """PMID -> record id of every record that a complete search of PubMed brought."""
    runs = {run.id for run in search_runs(project)}
    found = views.external_ids(project.store)
    return {pmid: record_id for pmid, record_id, run_id in found if run_id in runs}


def locate_strategy(project: Project, path: str | Path) -> Path:
    """The strategy file meant: a path, or a name in the project's search_strategies/ with or without .txt."""
    return strategy_file(project.path(), path)
