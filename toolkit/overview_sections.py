"""The overview of a review, one function per section, read from its events and the files beside them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from operator import attrgetter
from pathlib import Path
from typing import Any

from toolkit.analysis.plan import RESULT, plan
from toolkit.dedup.questions import waiting_pairs
from toolkit.model.errors import InputError
from toolkit.model.evidence import CHARACTERISTICS, RESULTS, STUDIES, TABLES
from toolkit.model.overview import TO_EXTRACT, Overview, Section, Waits
from toolkit.model.review import STAGES, TITLE_ABSTRACT, Run, Standing
from toolkit.model.wording import counted
from toolkit.project import Project
from toolkit.report.state import REPORT, is_fresh
from toolkit.screening.notices import notices
from toolkit.screening.progress import Progress, progress_of
from toolkit.screening.state import ScreeningState, load_state
from toolkit.search.notes import source_notes
from toolkit.store import views
from toolkit.store.evidence import arm_results
from toolkit.store.kept import kept
from toolkit.store.keys import ReportKeys

__all__ = ["read_overview"]


@dataclass(slots=True, kw_only=True)
class _Draft:
    """The overview while it is being written."""

    project: Project
    state: ScreeningState
    runs: list[Run]
    standings: Mapping[str, Standing]
    urgent: list[str] = field(default_factory=list)
    sections: list[Section] = field(default_factory=list)
    waiting: list[Waits] = field(default_factory=list)
    next: list[str] = field(default_factory=list)
    is_idle: bool = False

    def add(self, name: str, *facts: tuple[str, Any]) -> None:
        self.sections.append(Section(name=name, facts=facts))

    def wait(self, person: str, what: str, n: int, command: str, *, blocks: bool = True) -> None:
        if n:
            self.waiting.append(Waits(person=person, what=what, n=n, command=command, blocks=blocks))
            self.next.append(command)


def read_overview(project: Project) -> Overview:
    """Where a review stands now.

    Every part comes from events and the files beside them; a part that cannot be read says so in its place.
    """
    draft = _Draft(
        project=project,
        state=load_state(project),
        runs=views.runs(project.store, include_open=True),
        standings=project.standings(),
    )
    _settings(draft)
    _sources(draft)
    _duplicates(draft)
    for stage in STAGES:
        _screening(draft, stage)
        if stage == TITLE_ABSTRACT:
            _full_texts(draft)
    _studies(draft)
    _extraction(draft)
    _analyses(draft)
    _report(draft)
    return Overview(
        title=project.config.review.title,
        urgent=tuple(draft.urgent),
        sections=tuple(draft.sections),
        waiting=tuple(draft.waiting),
        next=tuple(dict.fromkeys(draft.next)),
        is_idle=draft.is_idle,
    )


def _settings(draft: _Draft) -> None:
    settings = draft.project.config
    for name, items in (("reviewers", settings.reviewers), ("sources", settings.sources)):
        if not items:
            draft.wait(
                "",
                f"[[{name}]] to be declared in review.toml",
                1,
                f'edit "{draft.project.path("review.toml")}"',
                blocks=False,
            )


def _sources(draft: _Draft) -> None:
    settings, finished = draft.project.config, [r for r in draft.runs if r.completed_at is not None]
    per_run = Counter(map(attrgetter("id"), views.record_runs(draft.project.store).values()))
    names = list(dict.fromkeys([s.name for s in settings.sources] + [r.source for r in finished]))
    noted = {note.source for note in source_notes(draft.project)}
    facts: list[tuple[str, Any]] = []
    for name in names:
        own = [r for r in finished if r.source.casefold() == name.casefold()]
        if own:
            last = max(r.searched_on for r in own)
            facts.append((name, {"records": sum(per_run[r.id] for r in own), "last searched": last}))
        else:
            facts.append((name, {"records": 0, "last searched": None}))
            if name in noted:
                continue
            source = next(s for s in settings.sources if s.name == name)
            by_machine = source.strategy and "pubmed" in f"{source.name} {source.platform}".casefold()
            draft.wait(
                "",
                f"{name} has delivered nothing yet",
                1,
                f'evipool search run "{source.strategy}"' if by_machine else f'evipool import FILE --database "{name}"',
                blocks=False,
            )
    facts.append(("records in all", sum(per_run.values())))
    for run in draft.runs:
        if run.completed_at is None and not run.taken_back:
            again = (
                f'evipool import "{run.file_name}" --database "{run.source}"'
                if run.kind == "import"
                else f'evipool search run "{run.file_name}"'
            )
            facts.append(("unfinished", f"{run.kind} of {run.file_name} under {run.source}, {run.started_at[:10]}"))
            what = f"the {run.kind} of {run.file_name} was cut off: nothing of it counts"
            draft.wait("", what, 1, again, blocks=run.kind == "import")
    draft.add("records", *facts)


def _duplicates(draft: _Draft) -> None:
    store = draft.project.store
    records = views.assignments(store)
    compared = views.compared_records(store)
    new = len(records.keys() - compared)
    pairs = waiting_pairs(draft.project)
    removed = Counter(kind for kind, _ in views.removals(store).values())
    draft.add(
        "duplicates",
        ("records", len(records)),
        ("joined to another", len(records) - len(draft.state.reports)),
        ("reports", len(draft.state.reports)),
        ("never compared", new),
        ("pairs to judge", pairs),
        ("removed before screening", sum(removed.values())),
    )
    if new:
        draft.next.append("evipool dedup")
    draft.wait("", "possible duplicates to judge", pairs, "evipool dedup review")


def _screening(draft: _Draft, stage: str) -> None:
    now = progress_of(draft.state, draft.project.config, stage)
    names = ("eligible", "included", "excluded", "conflicts", "waiting", "unseen")
    draft.add(stage, *((name, getattr(now, name)) for name in names), ("votes", dict(now.votes)))
    _wait_for_votes(draft, now)
    arbiters = [r.name for r in draft.project.config.reviewers if r.role == "arbiter"]
    draft.wait(
        arbiters[0] if len(arbiters) == 1 else "",
        f"conflicts at {stage}",
        now.conflicts,
        f"evipool screen conflicts --stage {stage}",
    )


def _wait_for_votes(draft: _Draft, now: Progress) -> None:
    if not any(now.waits_for.values()):  # too few people are declared to give the votes that are missing
        edit = f'edit "{draft.project.path("review.toml")}"'
        draft.wait("", f"reports at {now.stage} lack votes that no declared reviewer can give", _unjudged(now), edit)
    spare = len(now.waits_for) > now.votes_needed
    for person, n in now.waits_for.items():
        form = f"{'ta' if now.stage == TITLE_ABSTRACT else 'ft'}-{person}.csv"
        draft.wait(
            person,
            f"reports to judge at {now.stage}"
            + (
                f" ({counted(now.votes_needed, 'vote')} each {'is' if now.votes_needed == 1 else 'are'} enough)"
                if spare
                else ""
            ),
            n,
            f'evipool screen export "{form}" --stage {now.stage} --for "{person}" --todo',
        )


def _unjudged(now: Progress) -> int:
    return now.unseen + now.waiting


def _full_texts(draft: _Draft) -> None:
    wanted = draft.state.to_retrieve()
    standing = Counter(
        draft.state.retrievals[r].status if r in draft.state.retrievals else "not yet sought" for r in wanted
    )
    names = ("retrieved", "not_retrieved", "sought", "not yet sought")
    draft.add("full texts", ("wanted", len(wanted)), *((name.replace("_", " "), standing[name]) for name in names))
    pending = standing["sought"] + standing["not yet sought"]
    draft.wait("", "full texts to get", pending, "evipool fulltext list --status pending")


def _studies(draft: _Draft) -> None:
    state = draft.state
    included = {r for r, d in state.full_text.items() if d.status == "include" and r in state.reports}
    unlinked = included.difference(link.report for link in views.links(draft.project.store))
    standing = Counter(s.status for s in draft.standings.values())
    names = ("included", "ongoing", "awaiting_classification", "pending", "excluded", "removed")
    draft.add(
        "studies",
        *((name.replace("_", " "), standing[name]) for name in names if standing[name] or name == "included"),
        ("reports included", len(included)),
        ("included reports without a study", len(unlinked)),
    )
    keys = ReportKeys(draft.project.store)
    loose = [r for r in state.reports if r in unlinked] if unlinked else []
    if loose:
        command = f'evipool fulltext link {keys.short(loose[0])} "STUDY"'
        draft.wait("", "included reports to put under a study", len(loose), command)
    _notices(draft, keys)


def _notices(draft: _Draft, keys: ReportKeys) -> None:
    """Notices about included reports come before everything else."""
    found = notices(draft.project, draft.state.full_text)
    draft.urgent += [f"{notice.text} ({keys.short(notice.report)}, {notice.title})" for notice in found]
    draft.next[:0] = [f"evipool log --subject {keys.short(notice.report)}" for notice in found if notice.weighs]


def _extraction(draft: _Draft) -> None:
    stored = kept(
        draft.project.store, "extraction", [("extract", None), ("resolve", None)], "", lambda: _stored_cells(draft)
    )
    known, conflicts = set(stored["studies"]), stored["conflicts"]
    included = [study for study, standing in draft.standings.items() if standing.status == "included"]
    missing = [study for study in included if study not in known]
    facts: list[tuple[str, Any]] = [
        (f"rows of {name}", n) for name, n in stored["rows"].items() if n or name != CHARACTERISTICS
    ]
    facts += [("conflicting cells", conflicts), ("included studies without results", len(missing))]
    for path in sorted(draft.project.path("extraction").glob("*.csv")):
        differs = _form_differs(draft.project, path)
        if differs:
            facts.append((path.name, differs))
            command = f'evipool extract diff "extraction/{path.name}" --as NAME'
            draft.wait("", f"{path.name}: {differs}", 1, command, blocks=False)
    draft.add("extraction", *facts)
    table = RESULTS if stored["rows"][STUDIES] else STUDIES
    form = f"extraction/{table}.csv"
    begun = draft.project.path(form).is_file()
    command = f"evipool extract import {form} --as NAME" if begun else f"evipool extract template {form} --as NAME"
    draft.wait("", TO_EXTRACT, len(missing), command)
    draft.wait("", "cells on which extractors differ", conflicts, "evipool extract check")


def _stored_cells(draft: _Draft) -> dict[str, Any]:
    """Rows of each table, cells on which extractors differ, and the studies that have results."""
    store = draft.project.store
    tables = {name: views.evidence(store, name) for name in TABLES}
    return {
        "rows": {name: len(table.rows) for name, table in tables.items()},
        "conflicts": sum(c.conflict for table in tables.values() for row in table.rows.values() for c in row.values()),
        "studies": sorted({row.study for row in arm_results(store)}),
    }


def _form_differs(project: Project, path: Path) -> str | None:
    """How a form differs from what is stored, measured against the extractor it fits best; None if it does not."""
    from toolkit.extraction.run import compare_form

    actors = {event.actor for event in project.store.heads("extract")}
    people = [r.name for r in project.config.reviewers if r.name in actors] + [None]
    counts = []
    for person in people:
        try:
            counts.append(len(compare_form(Project(project.root, project.store, person), path)))
        except InputError as error:
            return f"cannot be read ({error.message})"
    fewest = min(counts)
    return counted(fewest, "cell", "differs", "differ") + " from what is stored" if fewest else None


def _analyses(draft: _Draft) -> None:
    project = draft.project
    facts = []
    for outcome in plan(project, read=False):
        if outcome.status == "refused":
            facts.append((outcome.analysis.id, f"refused: {outcome.problem}"))
            draft.wait("", f"analysis {outcome.analysis.id} is refused: {outcome.problem}", 1, "edit review.toml")
        elif outcome.status == "kept":
            facts.append((outcome.analysis.id, "up to date"))
        else:
            older = any(project.path("results", outcome.analysis.id).glob(f"*/{RESULT}"))
            facts.append((outcome.analysis.id, "stale" if older else "not run"))
    draft.add("analyses", *facts)
    if any(word in ("not run", "stale") for _, word in facts) and arm_results(project.store):
        draft.next.append("evipool analyse")


def _report(draft: _Draft) -> None:
    written = draft.project.path("report", REPORT).is_file()
    closed = views.versions(draft.project.store)
    facts: list[tuple[str, Any]] = [("file", f"report/{REPORT}" if written else None)]
    facts.append(("versions completed", len(closed)))
    if closed:
        facts.append(("last version", f"{closed[-1].label}, {closed[-1].at[:10]}"))
    draft.add("report", *facts)
    if not draft.next:
        draft.is_idle = True
        draft.next += ["evipool update"] if is_fresh(draft.project) else ["evipool report", "evipool update"]
