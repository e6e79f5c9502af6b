"""Full texts: sought, retrieved or not, and which study each report describes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from toolkit.model.errors import InputError
from toolkit.model.events import EVENT_KINDS, NewEvent
from toolkit.model.review import Link
from toolkit.records.tables import Form, FormRow, read_form
from toolkit.screening.forms import header_of, merged_fields, raise_all, report_cell
from toolkit.screening.state import load_state, standing_subjects
from toolkit.store import views
from toolkit.store.keys import ReportKeys

if TYPE_CHECKING:
    from toolkit.project import Project

__all__ = [
    "FULLTEXT_COLUMNS",
    "STATUSES",
    "FullText",
    "FullTextOutcome",
    "import_fulltexts",
    "link",
    "list_fulltexts",
    "reports_in_file",
    "set_retrieval",
    "set_study",
    "unlink",
]

STATUSES = ("sought", "retrieved", "not_retrieved")
FULLTEXT_COLUMNS = (
    "report", "title", "authors", "year", "journal", "doi", "pmid", "status", "reason", "study", "role",
)  # fmt: skip
_ROLES = ("primary", "secondary")
_WORDS = {
    "sought": "sought", "requested": "sought", "retrieved": "retrieved", "obtained": "retrieved", "yes": "retrieved",
    "not_retrieved": "not_retrieved", "not retrieved": "not_retrieved", "not-retrieved": "not_retrieved",
    "no": "not_retrieved", "unavailable": "not_retrieved",
}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class FullText:
    """A report whose full text is wanted: standing (None if nobody has sought it), and the studies it describes."""

    report: str
    fields: Mapping[str, str | None]
    status: str | None
    reason: str | None
    studies: tuple[Link, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class FullTextOutcome:
    """How many standings and how many links were new or changed, and how many rows said what is known."""

    retrievals: int
    links: int
    unchanged: int
    notes: tuple[str, ...] = ()


def list_fulltexts(project: Project, *, status: str | None = None) -> list[FullText]:
    """Reports whose full text is wanted, in order of arrival; only those of a ``status`` ("pending": nothing final)."""
    state = load_state(project)
    links: dict[str, list[Link]] = {}
    for one in views.links(project.store):
        links.setdefault(one.report, []).append(one)
    wanted = []
    for report in state.to_retrieve():
        standing = state.retrievals.get(report)
        now = standing.status if standing is not None else None
        if status is None or status == now or (status == "pending" and now in (None, "sought")):
            wanted.append((report, now, standing.reason if standing is not None else None))
    records = views.records(project.store, [i for report, _, _ in wanted for i in state.reports[report]])
    return [
        FullText(
            report=report,
            fields=merged_fields(project.best_of(state.reports[report], records)),
            status=now,
            reason=reason,
            studies=tuple(links.get(report, ())),
        )
        for report, now, reason in wanted
    ]


def set_retrieval(
    project: Project,
    reports: Sequence[str],
    status: str,
    *,
    reason: str | None = None,
    command: str = "fulltext",
) -> FullTextOutcome:
    """Say where the full texts of these reports stand; saying it again adds nothing."""
    keys = ReportKeys(project.store)
    rows = [_Row(report=keys.find(key), status=_status(status), reason=reason) for key in reports]
    return _apply(project, rows, keys, command=command, file=None)


def link(
    project: Project, report: str, study: str, *, secondary: bool = False, command: str = "fulltext link"
) -> FullTextOutcome:
    """Put a report under a study, as its primary report or as a further one."""
    keys = ReportKeys(project.store)
    role = "secondary" if secondary else "primary"
    row = _Row(report=keys.find(report), study=_study(study), role=role)
    return _apply(project, [row], keys, command=command, file=None)


def unlink(project: Project, report: str, study: str, *, command: str = "fulltext link") -> int:
    """Take a report out of a study; returns how many standing links were taken back."""
    found = ReportKeys(project.store).find(report)
    now = views.assignments(project.store)
    events = [
        NewEvent(kind="link", subject=e.subject, field=e.field, value=e.value, void=True)
        for e in project.store.heads("link")
        if now.get(e.subject) == found and e.field == study.strip()
    ]
    if not events:
        known = ", ".join(one.study for one in views.links(project.store) if one.report == found)
        raise InputError("the report is not under this study", value=study, allowed=known or None)
    with project.writing(command) as batch:
        batch.append(events)
    return len(events)


def set_study(
    project: Project, study: str, status: str, *, reason: str | None = None, command: str = "fulltext study"
) -> bool:
    """State the standing of a study ("included", "ongoing", "awaiting_classification", "removed"); True if new."""
    allowed = EVENT_KINDS["study"].values or ()
    name = _study(study)
    if status not in allowed:
        raise InputError("unknown standing of a study", value=status, allowed=", ".join(allowed))
    known = sorted({one.study for one in views.links(project.store)})
    if name not in known:
        raise InputError(
            "no report is under this study",
            value=study,
            allowed=", ".join(known) or None,
            hint="Use 'evipool fulltext link REPORT STUDY' first.",
        )
    before = views.study_statuses(project.store).get(name)
    if before is not None and (before.status, before.reason) == (status, reason):
        return False
    with project.writing(command) as batch:
        payload = {"reason": reason} if reason else {}
        batch.append([NewEvent(kind="study", subject=name, value=status, payload=payload)])
    return True


def import_fulltexts(project: Project, path: str | Path, *, command: str = "fulltext import") -> FullTextOutcome:
    """Read a filled form with the columns report (or doi, pmid, title), status, reason, study, role.

    Raises
    ------
    InputError
        naming row and column; then nothing was written. An empty cell says nothing.
    """
    form = read_form(path)
    mapping = header_of(form, needed=())
    if "status" not in mapping and "study" not in mapping:
        raise InputError("neither 'status' nor 'study' is a column", file=form.file, value=", ".join(form.header))
    keys = ReportKeys(project.store)
    rows: list[_Row] = []
    errors: list[InputError] = []
    for row in form.rows:
        try:
            rows += _read_row(row, mapping, keys, form)
        except InputError as error:
            errors.append(error)
    raise_all(errors)
    outcome = _apply(project, rows, keys, command=command, file=form.file)
    return FullTextOutcome(
        retrievals=outcome.retrievals, links=outcome.links, unchanged=outcome.unchanged, notes=form.notes
    )


def reports_in_file(project: Project, path: str | Path) -> list[str]:
    """The reports a file names: a form with a column of reports, or plain text with one name a line."""
    file = Path(path)
    keys = ReportKeys(project.store)
    if file.suffix.lower() in (".csv", ".tsv", ".xlsx"):
        form = read_form(file)
        mapping = header_of(form, needed=())
        return [report_cell(row, mapping, keys.find, form.file) for row in form.rows]
    try:
        text = file.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise InputError("there is no such file", file=file) from None
    except UnicodeDecodeError:
        raise InputError("the file is not UTF-8 text", file=file) from None
    lines = [(n, line.strip()) for n, line in enumerate(text.splitlines(), start=1)]
    return [keys.find(line, file=file, row=n) for n, line in lines if line and not line.startswith("#")]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Row:
    report: str
    status: str | None = None
    reason: str | None = None
    study: str | None = None
    role: str = "primary"
    row: int | None = None


def _read_row(row: FormRow, mapping: Mapping[str, str], keys: ReportKeys, form: Form) -> list[_Row]:
    cells = {name: row.values.get(mapping.get(name, ""), "") for name in ("status", "reason", "study", "role")}
    if not cells["status"] and not cells["study"]:
        return []
    report = report_cell(row, mapping, keys.find, form.file)
    status = _status(cells["status"], file=form.file, row=row.row, column=mapping.get("status"))
    reason = cells["reason"] or None
    role = cells["role"].casefold() or "primary"
    if role not in _ROLES:
        raise InputError(
            "unknown role of a report",
            file=form.file,
            row=row.row,
            column=mapping.get("role"),
            value=cells["role"],
            allowed=", ".join(_ROLES),
        )
    # A report that describes two trials names both, separated by semicolons.
    studies = [_study(name) for name in cells["study"].split(";") if name.strip()]
    found = [_Row(report=report, status=status, reason=reason, row=row.row)] if status else []
    return found + [_Row(report=report, study=study, role=role, row=row.row) for study in studies]


def _apply(
    project: Project, rows: Sequence[_Row], keys: ReportKeys, *, command: str, file: str | None
) -> FullTextOutcome:
    state = load_state(project)
    retrieved = standing_subjects(project, "retrieve")
    linked = {(one.report, one.study): one.role for one in views.links(project.store)}
    link_subjects: dict[tuple[str, str], list[str]] = {}
    now = views.assignments(project.store)
    for event in project.store.heads("link"):
        link_subjects.setdefault((now.get(event.subject, event.subject), event.field), []).append(event.subject)
    events: list[NewEvent] = []
    errors: list[InputError] = []
    retrievals = links = unchanged = 0
    for row in rows:
        standing = state.retrievals.get(row.report)
        known = (
            linked.get((row.report, row.study)) == row.role
            if row.study is not None
            else standing is not None and (standing.status, standing.reason) == (row.status, row.reason)
        )
        if known:
            unchanged += 1
            continue
        why = state.why_not_retrieved(row.report)
        if why is not None:
            errors.append(
                InputError(f"{keys.short(row.report)} is not wanted as full text: {why}", file=file, row=row.row)
            )
        elif row.study is not None:
            links += 1
            events += [
                NewEvent(kind="link", subject=subject, field=row.study, value=row.role)
                for subject in link_subjects.get((row.report, row.study), [row.report])
            ]
        else:
            retrievals += 1
            payload = {"reason": row.reason} if row.reason else {}
            events += [
                NewEvent(kind="retrieve", subject=subject, value=row.status, payload=payload)
                for subject in retrieved.get(row.report, [row.report])
            ]
    raise_all(errors)
    if events:
        with project.writing(command) as batch:
            batch.append(events)
    return FullTextOutcome(retrievals=retrievals, links=links, unchanged=unchanged)


def _status(word: str, *, file: object = None, row: int | None = None, column: str | None = None) -> str | None:
    if not word:
        return None
    status = _WORDS.get(word.strip().casefold())
    if status is None:
        raise InputError(
            "unknown standing of a full text",
            file=file,
            row=row,
            column=column,
            value=word,
            allowed=", ".join(STATUSES),
        )
    return status


def _study(name: str) -> str:
    text = " ".join(name.split())
    if not text or "|" in text:
        raise InputError("a study needs a name, without '|'", value=name)
    return text
