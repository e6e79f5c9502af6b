"""Votes out of files of other screening programs: Rayyan, ASReview, abstrackr, Covidence."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from toolkit.model.errors import InputError
from toolkit.model.review import TITLE_ABSTRACT
from toolkit.records.decisions import FileDecision, read_decisions, reviewers_in
from toolkit.records.files import OpenedFile, open_file
from toolkit.screening.forms import VoteRow, checked_reason, match_reason, raise_all, verdict_of
from toolkit.screening.run import VoteOutcome, cast_rows
from toolkit.screening.state import check_stage
from toolkit.store import content_id, views
from toolkit.store.keys import ReportKeys

if TYPE_CHECKING:
    from toolkit.model.records import ParsedRecord
    from toolkit.project import Project

__all__ = ["DecisionOutcome", "import_decisions"]


@dataclass(frozen=True, slots=True, kw_only=True)
class DecisionOutcome:
    """What the decisions of a file became.

    Attributes
    ----------
    votes : reports newly judged, judged otherwise than before, and as before
    program : whose file it is: "Rayyan", "ASReview", "abstrackr", or "list" where --verdict told
    by : the reviewer as the file names them, "" where it names none
    records : in the file
    decided : with a decision of that reviewer
    """

    votes: VoteOutcome
    program: str
    by: str
    records: int
    decided: int


def import_decisions(
    project: Project,
    path: str | Path,
    *,
    stage: str,
    by: str | None = None,
    verdict: str | None = None,
    format: str | None = None,
    command: str = "import --decisions",
) -> DecisionOutcome:
    """Turn the decisions that a file of another program holds into votes of the acting reviewer.

    Records are found as imported (the very file), else by the report id in the RIS tag ID, DOI, PMID or exact title.

    Parameters
    ----------
    by : which reviewer of the file is meant; needed where it names several and none like the acting one
    verdict : what the whole file stands for, where it is one list ("Included" of Covidence): include, exclude, maybe

    Raises
    ------
    InputError
        unknown words, records that are no report here, several reviewers; then no vote was stored.
    """
    check_stage(stage)
    actor = project.reviewer() or ""
    opened = open_file(path, format=format)
    found = _chosen(opened, by, actor, verdict)
    subjects = _reports(project, opened, {one.ordinal for one in found})
    reasons = project.config.eligibility.exclusion_reasons
    rows: dict[str, VoteRow] = {}
    errors: list[InputError] = []
    for one in found:
        try:
            row = _row(one, subjects[one.ordinal], stage, reasons, str(path))
            before = rows.setdefault(row.report, row)
            if before.verdict != row.verdict:
                raise InputError(
                    f"this report has another decision at record {before.row}", file=path, row=row.row, value=one.word
                )
        except InputError as error:
            errors.append(error)
    raise_all(errors)
    votes = cast_rows(project, stage, tuple(rows.values()), command=command, file=str(path))
    tools = tuple(dict.fromkeys(one.tool for one in found))
    reviewer = found[0].reviewer if found else ""
    return DecisionOutcome(
        votes=votes, program=" and ".join(tools), by=reviewer, records=opened.starters, decided=len(found)
    )


def _chosen(opened: OpenedFile, by: str | None, actor: str, verdict: str | None) -> tuple[FileDecision, ...]:
    if verdict is not None:
        meant = verdict_of(verdict)
        if meant is None:
            raise InputError("unknown verdict", value=verdict, allowed="include, exclude, maybe")
        numbers = [record.raw.ordinal for record in opened.records() if record.parsed is not None]
        return tuple(FileDecision(n, "list", "", verdict, meant, None) for n in numbers)
    found = read_decisions(opened)
    if not found:
        hint = "Covidence exports one list a file and no decision in it: say what the list is with --verdict include."
        raise InputError("No decision stands in this file.", file=opened.name, hint=hint)
    names = reviewers_in(found)
    wanted = by if by is not None else actor if actor in names else names[0] if len(names) == 1 else None
    if wanted is None or wanted not in names:
        raise InputError(
            "The file holds the decisions of several reviewers." if by is None else "The file names no such reviewer.",
            file=opened.name,
            value=by,
            allowed=", ".join(name or "(unnamed)" for name in names),
            hint="Say whose are meant with --by NAME; they become votes of the reviewer named by --as.",
        )
    return tuple(one for one in found if one.reviewer == wanted)


def _reports(project: Project, opened: OpenedFile, wanted: set[int]) -> dict[int, str]:
    """Ordinal of a record in the file -> the report it belongs to."""
    assigned = views.assignments(project.store)
    found = {n: assigned[rid] for n in wanted if (rid := content_id(opened.sha256, n)) in assigned}
    if len(found) == len(wanted):
        return found
    keys = ReportKeys(project.store)
    errors: list[InputError] = []
    for record in opened.records():
        number = record.raw.ordinal
        if number in wanted and number not in found and record.parsed is not None:
            try:
                found[number] = _look_up(keys, record.parsed, opened.name, number)
            except InputError as error:
                errors.append(error)
    raise_all(errors)
    return found


def _look_up(keys: ReportKeys, parsed: ParsedRecord, file: str, number: int) -> str:
    names = [name for name in (parsed.accession, *parsed.extra.get("ID", ())) if name and len(name) == 36]
    names += [f"doi:{parsed.doi}"] if parsed.doi else []
    names += [f"pmid:{parsed.pmid}"] if parsed.pmid else []
    names += [parsed.title] if parsed.title else []
    error = InputError("nothing names the report of this record", file=file, row=number + 1)
    for name in names:
        try:
            return keys.find(name, file=file, row=number + 1)
        except InputError as wrong:
            error = wrong
    raise error


def _row(one: FileDecision, report: str, stage: str, reasons: tuple[str, ...], file: str) -> VoteRow:
    note = f"{one.tool}: {one.word}" + (f" ({one.reason})" if one.reason else "")
    text = one.reason if one.verdict == "exclude" else None
    if stage == TITLE_ABSTRACT and text is not None and match_reason(text, reasons) is None:
        text = None  # no reason is needed here; the program's own stays in the note
    verdict = one.verdict or ""
    reason = checked_reason(verdict, text, stage=stage, reasons=reasons, file=file, row=one.ordinal + 1)
    return VoteRow(row=one.ordinal + 1, report=report, verdict=verdict, reason=reason, note=note)
