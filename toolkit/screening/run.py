"""Screening as a reviewer does it: forms out and in, single decisions, conflicts resolved, removals."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from toolkit.model.errors import InputError
from toolkit.model.events import NewEvent
from toolkit.model.records import ParsedRecord
from toolkit.model.review import Verdict, Vote
from toolkit.records.tables import read_form
from toolkit.records.write import write_file
from toolkit.screening.agreement import Agreement, pairwise_agreement
from toolkit.screening.forms import VoteRow, checked_reason, form_row, raise_all, read_votes, verdict_of
from toolkit.screening.state import ScreeningState, check_stage, load_state, standing_subjects
from toolkit.store import views
from toolkit.store.keys import ReportKeys

if TYPE_CHECKING:
    from toolkit.project import Project

__all__ = [
    "Conflict",
    "VoteOutcome",
    "agreement",
    "cast_rows",
    "conflicts",
    "decide",
    "form_rows",
    "import_votes",
    "remove",
    "resolve",
    "resolve_file",
    "write_ris",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class VoteOutcome:
    """What a form or a call changed: reports newly judged, judged otherwise than before, and as before."""

    new: int
    changed: int
    unchanged: int
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Conflict:
    """A report on which reviewers disagree, with all votes on it."""

    report: str
    stage: str
    title: str | None
    votes: tuple[Vote, ...]


def form_rows(
    project: Project, stage: str, *, reviewer: str | None = None, todo: bool = False
) -> list[dict[str, str | None]]:
    """Rows of a screening form: every report eligible at ``stage``, with this reviewer's own verdicts and no other's.

    Parameters
    ----------
    reviewer : whose form it is; None for an empty one
    todo : only reports that still lack this reviewer's vote
    """
    check_stage(stage)
    state = load_state(project)
    reports = state.eligible(stage)
    own = _own(project, stage, reports, reviewer)
    wanted = [r for r in reports if not (todo and own[r])]
    records = views.records(project.store, [i for r in wanted for i in state.reports[r]])
    return [form_row(r, project.best_of(state.reports[r], records), own[r][-1] if own[r] else None) for r in wanted]


def write_ris(project: Project, path: str | Path, reports: Sequence[str]) -> None:
    """Write reports as RIS for another program to screen; the tag ID holds the report id."""
    state = load_state(project)
    records = views.records(project.store, [i for r in reports for i in state.reports[r]])
    merged = []
    for report in reports:
        best = project.best_of(state.reports[report], records) or ParsedRecord()
        # Only the tags of a record that came from RIS mean in RIS what they say.
        tags = best.extra if "TY" in best.extra else {"TY": ("JOUR",)}
        merged.append(replace(best, extra={**tags, "ID": (report,)}))
    write_file(path, merged, format="ris")


def import_votes(project: Project, path: str | Path, *, stage: str, command: str = "screen import") -> VoteOutcome:
    """Read a filled form as the acting reviewer; only cells that differ from the standing votes append events.

    Raises
    ------
    InputError
        naming row and column; then nothing was written.
    """
    check_stage(stage)
    project.reviewer()
    form = read_form(path)
    keys = ReportKeys(project.store)
    rows, notes = read_votes(form, stage=stage, reasons=project.config.eligibility.exclusion_reasons, find=keys.find)
    outcome = _cast(project, stage, rows, keys, command=command, file=str(path))
    return VoteOutcome(
        new=outcome.new, changed=outcome.changed, unchanged=outcome.unchanged, notes=(*form.notes, *notes)
    )


def decide(
    project: Project,
    report: str,
    verdict: str,
    *,
    stage: str,
    reason: str | None = None,
    note: str | None = None,
    command: str = "screen decide",
) -> VoteOutcome:
    """One vote by the acting reviewer on the report that ``report`` names (id, its start, doi:, pmid: or title)."""
    check_stage(stage)
    project.reviewer()
    keys = ReportKeys(project.store)
    meant = _checked_verdict(verdict, ("include", "exclude", "maybe"))
    checked = checked_reason(meant, reason, stage=stage, reasons=project.config.eligibility.exclusion_reasons)
    vote = VoteRow(row=0, report=keys.find(report), verdict=meant, reason=checked, note=note)
    return _cast(project, stage, [vote], keys, command=command, file=None)


def cast_rows(
    project: Project, stage: str, rows: Sequence[VoteRow], *, command: str, file: str | None = None
) -> VoteOutcome:
    """Votes of the acting reviewer, as read elsewhere; all are stored, or none with the rows that cannot be named."""
    project.reviewer()
    return _cast(project, check_stage(stage), rows, ReportKeys(project.store), command=command, file=file)


def _cast(
    project: Project, stage: str, rows: Sequence[VoteRow], keys: ReportKeys, *, command: str, file: str | None
) -> VoteOutcome:
    actor = project.reviewer()
    state = load_state(project)
    given = _own(project, stage, [row.report for row in rows], actor)
    events: list[NewEvent] = []
    new = changed = unchanged = 0
    errors = []
    for row in rows:
        own = given[row.report]
        if own and all(_same(vote, row) for vote in own):
            unchanged += 1
            continue
        why = state.why_not(row.report, stage)
        if why is not None:
            text = f"{keys.short(row.report)} cannot be judged at {stage}: {why}"
            errors.append(InputError(text, file=file, row=None if file is None else row.row))
            continue
        new, changed = (new, changed + 1) if own else (new + 1, changed)
        events += _vote_events(stage, row, own)
    raise_all(errors)
    if events:
        with project.writing(command, actor=actor) as batch:
            batch.append(events)
    return VoteOutcome(new=new, changed=changed, unchanged=unchanged)


def _vote_events(stage: str, row: VoteRow, own: Sequence[Vote]) -> list[NewEvent]:
    """One event for each standing vote of the reviewer: joined reports keep theirs apart until they agree."""
    payload = {name: value for name, value in (("reason", row.reason), ("note", row.note)) if value is not None}
    subjects = dict.fromkeys(vote.subject for vote in own) or {row.report: None}
    return [
        NewEvent(kind="screen", stage=stage, subject=subject, value=row.verdict, payload=payload)
        for subject in subjects
    ]


def _own(project: Project, stage: str, reports: Sequence[str], reviewer: str | None) -> dict[str, tuple[Vote, ...]]:
    """Report -> the standing votes of a reviewer on it."""
    given = views.votes_on(project.store, stage, reports)
    return {r: tuple(vote for vote in given.get(r, ()) if vote.actor == reviewer) for r in reports}


def _same(vote: Vote, row: VoteRow) -> bool:
    """Whether a row says nothing that the vote does not say; an empty cell takes nothing back."""
    return (
        vote.verdict == row.verdict
        and (row.reason is None or row.reason == vote.reason)
        and (row.note is None or row.note == vote.note)
    )


def conflicts(project: Project, stage: str | None = None) -> list[Conflict]:
    """Reports on which reviewers disagree after all votes are in, at one stage or both."""
    state = load_state(project)
    found = [
        (s, r)
        for s in ((check_stage(stage),) if stage else ("title-abstract", "full-text"))
        for r in state.conflicts(s)
    ]
    titles = _titles(project, state, {r for _, r in found})
    votes = {s: views.votes_on(project.store, s, [r for t, r in found if t == s]) for s in {s for s, _ in found}}
    return [Conflict(report=r, stage=s, title=titles.get(r), votes=votes[s].get(r, ())) for s, r in found]


def _titles(project: Project, state: ScreeningState, reports: Iterable[str]) -> dict[str, str | None]:
    wanted = {r: state.reports[r] for r in reports}
    records = views.records(project.store, [i for ids in wanted.values() for i in ids])
    return {
        r: next((t for i in ids if i in records and (t := records[i].fields.title)), None) for r, ids in wanted.items()
    }


def resolve(
    project: Project,
    report: str,
    verdict: str,
    *,
    stage: str,
    reason: str | None = None,
    note: str | None = None,
    command: str = "screen resolve",
) -> VoteOutcome:
    """Settle a conflict as the acting reviewer; the votes stay as they are, and the event names those it has seen.

    At full text the reason of an exclusion may be left out where the votes for exclusion gave one: of several the
    first of the protocol counts.
    """
    check_stage(stage)
    project.reviewer()
    row = _Resolution(report=ReportKeys(project.store).find(report), verdict=verdict, reason=reason, note=note)
    return _settle(project, stage, [row], command=command, file=None)


def resolve_file(project: Project, path: str | Path, *, stage: str, command: str = "screen resolve") -> VoteOutcome:
    """Settle the conflicts of a filled form with the columns report, verdict, reason and note."""
    from toolkit.screening.forms import header_of, report_cell

    check_stage(stage)
    project.reviewer()
    form = read_form(path)
    mapping = header_of(form, needed=("verdict",))
    keys = ReportKeys(project.store)
    rows = [
        _Resolution(
            report=report_cell(row, mapping, keys.find, form.file),
            verdict=row.values[mapping["verdict"]],
            reason=row.values.get(mapping.get("reason", ""), "") or None,
            note=row.values.get(mapping.get("note", ""), "") or None,
            row=row.row,
        )
        for row in form.rows
        if row.values[mapping["verdict"]]
    ]
    return _settle(project, stage, rows, command=command, file=form.file)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Resolution:
    report: str
    verdict: str
    reason: str | None
    note: str | None
    row: int | None = None


def _settle(
    project: Project, stage: str, rows: Sequence[_Resolution], *, command: str, file: str | None
) -> VoteOutcome:
    state = load_state(project)
    keys = ReportKeys(project.store)
    earlier = standing_subjects(project, "resolve", stage=stage)
    given = views.votes_on(project.store, stage, [row.report for row in rows])
    events: list[NewEvent] = []
    errors: list[InputError] = []
    new = changed = unchanged = 0
    for row in rows:
        decision = state.decision(stage, row.report)
        try:
            votes = given.get(row.report, ())
            verdict, reason = _resolution(project, stage, row, decision, votes, keys.short(row.report), file)
        except InputError as error:
            errors.append(error)
            continue
        if decision.resolved_by is not None and (decision.status, decision.reason) == (verdict, reason):
            unchanged += 1
            continue
        new, changed = (new, changed + 1) if row.report in earlier else (new + 1, changed)
        payload: dict[str, object] = {"seen": [vote.event_id for vote in votes]}
        payload |= {name: value for name, value in (("reason", reason), ("note", row.note)) if value is not None}
        events += [
            NewEvent(kind="resolve", stage=stage, subject=subject, value=verdict, payload=payload)
            for subject in earlier.get(row.report, [row.report])
        ]
    raise_all(errors)
    if events:
        with project.writing(command, actor=project.reviewer()) as batch:
            batch.append(events)
    return VoteOutcome(new=new, changed=changed, unchanged=unchanged)


def _resolution(
    project: Project,
    stage: str,
    row: _Resolution,
    decision: Verdict,
    votes: Sequence[Vote],
    short: str,
    file: str | None,
) -> tuple[str, str | None]:
    if decision.status != "conflict" and decision.resolved_by is None:
        words = {"unseen": "nobody has voted on it", "waiting": "a vote is still missing"}
        raise InputError(
            f"{short} is not in conflict at {stage}: {words.get(decision.status, 'the reviewers agree')}",
            file=file,
            row=row.row,
            hint="A single vote is changed with 'evipool screen decide'.",
        )
    verdict = _checked_verdict(row.verdict, ("include", "exclude"), file=file, row=row.row)
    reasons = project.config.eligibility.exclusion_reasons
    text = row.reason
    if text is None and verdict == "exclude":
        text = views.first_reason([vote.reason for vote in votes if vote.verdict == "exclude"], reasons)
    return verdict, checked_reason(
        verdict, text, stage=stage, reasons=reasons, file=file, row=row.row, column="reason" if file else None
    )


def _checked_verdict(word: str, allowed: Sequence[str], *, file: object = None, row: int | None = None) -> str:
    verdict = verdict_of(word)
    if verdict not in allowed:
        raise InputError(
            "unknown verdict",
            file=file,
            row=row,
            column="verdict" if file else None,
            value=word,
            allowed=", ".join(allowed),
        )
    assert verdict is not None
    return verdict


def remove(
    project: Project,
    reports: Sequence[str],
    *,
    by: str = "other",
    reason: str | None = None,
    back: bool = False,
    command: str = "screen remove",
) -> int:
    """Take reports out before screening ("automation" or "other"), or bring them ``back``; returns how many changed."""
    keys = ReportKeys(project.store)
    found = list(dict.fromkeys(keys.find(report) for report in reports))
    standing = standing_subjects(project, "remove")
    state = load_state(project)
    events: list[NewEvent] = []
    count = 0
    for report in found:
        if back:
            new = [_void("remove", subject) for subject in standing.get(report, ())]
        elif report in state.removed:
            new = []
        elif state.decision("title-abstract", report).actors:
            raise InputError(f"{keys.short(report)} has votes already: removal comes before screening")
        else:
            payload = {"reason": reason} if reason else {}
            new = [NewEvent(kind="remove", subject=report, value=by, payload=payload)]
        count += bool(new)
        events += new
    if events:
        with project.writing(command) as batch:
            batch.append(events)
    return count


def _void(kind: str, subject: str) -> NewEvent:
    return NewEvent(kind=kind, subject=subject, value=None, void=True)


def agreement(project: Project, stage: str, *, level: float = 0.95, as_of: str | None = None) -> tuple[Agreement, ...]:
    """Agreement of each pair of reviewers at a stage, on the votes each gave first and before any resolution."""
    check_stage(stage)
    first = views.first_votes(project.store, stage, as_of=as_of)
    wanted = set(load_state(project, as_of=as_of).eligible(stage))
    return pairwise_agreement({report: given for report, given in first.items() if report in wanted}, level=level)
