"""Exports of a project to files: data of analyses in other programs' layouts, references, tables, events."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from toolkit.analysis.run import AnalysisOutcome, plan
from toolkit.exchange.layouts import TableOut, layout_tables
from toolkit.model.errors import InputError
from toolkit.model.evidence import CHARACTERISTICS, RESULTS, STUDIES, TABLES
from toolkit.model.records import ParsedRecord
from toolkit.model.review import FULL_TEXT, TITLE_ABSTRACT
from toolkit.project import Project
from toolkit.records.tables import write_form, write_whole
from toolkit.records.write import write_ris
from toolkit.store import views
from toolkit.store.evidence import study_rows, study_standings
from toolkit.store.interchange import event_lines

__all__ = ["EVENT_FORMATS", "REFERENCES", "export_events", "export_layout", "export_ris", "export_tables"]

# Which reports a reference export holds, in words.
REFERENCES = {
    "all": "every report after duplicates are joined",
    "taken-forward": "reports that went on to full text",
    "included": "reports of included studies",
}


def export_layout(project: Project, layout: str, ids: Sequence[str], folder: Path) -> list[Path]:
    """One file (or two) for each analysis, ``<analysis>[-part].csv``; all analyses that the layout can hold.

    Raises
    ------
    InputError
        if a named analysis has no result for the present data or does not fit the layout; with no names, if none fits.
    """
    files: list[Path] = []
    problems: list[InputError] = []
    studies = study_rows(project.store)
    for outcome in plan(project, ids):
        try:
            tables = _tables(project, layout, outcome, studies)
        except InputError as error:
            if ids:
                raise
            problems.append(error)
            continue
        folder.mkdir(parents=True, exist_ok=True)
        for table in tables:
            path = folder / f"{outcome.analysis.id}{table.suffix}.csv"
            write_form(path, table.header, table.rows)
            files.append(path)
    if not files:
        raise problems[0] if problems else InputError("review.toml declares no [[analyses]] yet")
    return files


def _tables(project: Project, layout: str, outcome: AnalysisOutcome, studies: Any) -> list[TableOut]:
    a = outcome.analysis
    if outcome.problem is not None:
        raise InputError(f"analysis {a.id!r} was not run: {outcome.problem}")
    if outcome.payload is None:
        raise InputError(f"analysis {a.id!r} is not computed for the present data", hint="Run 'evipool analyse' first.")
    name = project.config.outcome(a.outcome).name
    return layout_tables(layout, outcome.payload, title=a.title, outcome=name, studies=studies)


def export_ris(project: Project, which: str, path: Path) -> int:
    """References as RIS; returns how many. ``which`` is a key of `REFERENCES`."""
    if which not in REFERENCES:
        raise InputError("unknown choice of reports", value=which, allowed=", ".join(REFERENCES))
    found = _references(project, which)
    write_whole(path, write_ris(found).encode("utf-8"))
    return len(found)


def _references(project: Project, which: str) -> list[ParsedRecord]:
    store, config = project.store, project.config
    members = views.reports(store)
    if which == "all":
        wanted = set(members)
    elif which == "taken-forward":
        decided = views.decisions(store, TITLE_ABSTRACT, votes_needed=config.screening.title_abstract)
        wanted = {report for report, d in decided.items() if d.status == "include"}
    else:
        standings = study_standings(
            store, votes_needed=config.screening.full_text, reason_order=config.eligibility.exclusion_reasons
        )
        wanted = {r for s in standings.values() if s.status == "included" for r in s.included_reports}
    first = {ids[0] for report, ids in members.items() if report in wanted}
    return [record.fields for record in views.records(store, first).values()]


# Suffix -> what the events are written as.
EVENT_FORMATS = {
    ".jsonl": "JSON lines, which two copies of a project join by keeping each line once",
    ".json": "one JSON list of the same objects",
    ".csv": "a table for spreadsheets and R; payload and superseded events as JSON and ids in their cells",
    ".xlsx": "the same table as a workbook",
}
_EVENT_COLUMNS = (
    "at", "actor", "kind", "stage", "subject", "field", "value", "void", "supersedes", "payload", "command",
    "evipool_version", "batch", "id",
)  # fmt: skip


def export_events(project: Project, path: Path) -> int:
    """Every event in an open format, told by the suffix (`EVENT_FORMATS`); returns how many.

    Raises
    ------
    InputError
        for another suffix; nothing is written.
    """
    kind = path.suffix.lower()
    if kind not in EVENT_FORMATS:
        allowed = ", ".join(EVENT_FORMATS)
        raise InputError("events are not written in this format", value=path.suffix, file=path, allowed=allowed)
    lines = list(event_lines(project.store))
    if kind == ".jsonl":
        write_whole(path, "".join(f"{line}\n" for line in lines).encode("utf-8"))
    elif kind == ".json":
        write_whole(path, ("[\n" + ",\n".join(lines) + "\n]\n").encode("utf-8"))
    else:
        write_form(path, _EVENT_COLUMNS, [_event_row(json.loads(line)) for line in lines])
    return len(lines)


def _event_row(event: dict[str, Any]) -> list[object]:
    event["payload"] = json.dumps(event["payload"], ensure_ascii=False, sort_keys=True) if event["payload"] else None
    event["supersedes"] = " ".join(event["supersedes"])
    event["void"] = "yes" if event["void"] else None
    return [event[name] for name in _EVENT_COLUMNS]


def export_tables(project: Project, folder: Path) -> list[Path]:
    """The review as CSV: reports with their decisions, links to studies, and the evidence tables as agreed."""
    folder.mkdir(parents=True, exist_ok=True)
    files = []
    for name, header, rows in (_reports_table(project), _links_table(project), *_evidence_tables(project)):
        path = folder / f"{name}.csv"
        write_form(path, header, rows)
        files.append(path)
    return files


_Named = tuple[str, list[str], list[list[object]]]


def _reports_table(project: Project) -> _Named:
    store, config = project.store, project.config
    needed = {TITLE_ABSTRACT: config.screening.title_abstract, FULL_TEXT: config.screening.full_text}
    decided = {
        stage: views.decisions(store, stage, votes_needed=n, reason_order=config.eligibility.exclusion_reasons)
        for stage, n in needed.items()
    }
    retrieved, runs = views.retrievals(store), views.record_runs(store)
    members = views.reports(store)
    fields = views.records(store, {ids[0] for ids in members.values()})
    rows: list[list[object]] = []
    for report, ids in members.items():
        f = fields[ids[0]].fields
        sources = dict.fromkeys(runs[i].source for i in ids)
        at = [decided[stage].get(report) for stage in needed]
        obtained = retrieved.get(report)
        rows.append(
            [
                report, len(ids), "; ".join(sources), f.title, "; ".join(f.authors), f.year, f.journal, f.doi, f.pmid,
                at[0].status if at[0] else None, obtained.status if obtained else None,
                at[1].status if at[1] else None, at[1].reason if at[1] else None,
            ]
        )  # fmt: skip
    header = ["report", "records", "sources", "title", "authors", "year", "journal", "doi", "pmid"]
    return "reports", [*header, "title_abstract", "retrieval", "full_text", "reason"], rows


def _links_table(project: Project) -> _Named:
    rows: list[list[object]] = [[x.study, x.report, x.role] for x in views.links(project.store)]
    return "links", ["study", "report", "role"], rows


def _evidence_tables(project: Project) -> list[_Named]:
    found: list[_Named] = []
    for name in (STUDIES, RESULTS, CHARACTERISTICS):
        table = views.evidence(project.store, name)
        if name == CHARACTERISTICS and not table.rows:
            continue
        used = {column for cells in table.rows.values() for column, cell in cells.items() if cell.value is not None}
        columns = [column for column, what in TABLES[name].columns.items() if not what.group or column in used]
        rows: list[list[object]] = []
        for key, cells in table.rows.items():
            values: dict[str, object] = dict(zip(TABLES[name].key, key.split("|"), strict=True))
            values |= {column: cell.value for column, cell in cells.items()}
            rows.append([values.get(column) for column in columns])
        found.append((name, columns, rows))
    return found
