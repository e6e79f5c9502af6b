"""Screening forms: what a reviewer fills in, and the votes read out of a filled one."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from toolkit.model.errors import InputError
from toolkit.model.review import FULL_TEXT, Vote
from toolkit.model.wording import counted

if TYPE_CHECKING:
    from toolkit.model.records import ParsedRecord
    from toolkit.records.tables import Form, FormRow

__all__ = [
    "FORM_COLUMNS",
    "VERDICTS",
    "VoteRow",
    "form_row",
    "header_of",
    "match_reason",
    "merged_fields",
    "raise_all",
    "read_votes",
    "report_cell",
    "verdict_of",
]

BIBLIOGRAPHY = ("title", "abstract", "authors", "year", "journal", "doi", "pmid")
FORM_COLUMNS = ("report", *BIBLIOGRAPHY, "verdict", "reason", "note")

# What people and other programs write for the three verdicts; the exact words come first.
VERDICTS: dict[str, str] = {
    "include": "include", "included": "include", "yes": "include", "y": "include", "1": "include", "i": "include",
    "relevant": "include", "true": "include", "纳入": "include", "是": "include",
    "exclude": "exclude", "excluded": "exclude", "no": "exclude", "n": "exclude", "0": "exclude", "e": "exclude",
    "irrelevant": "exclude", "false": "exclude", "排除": "exclude", "否": "exclude",
    "maybe": "maybe", "unsure": "maybe", "unclear": "maybe", "undecided": "maybe", "m": "maybe", "?": "maybe",
    "不确定": "maybe",
}  # fmt: skip
_PLAIN = ("include", "exclude", "maybe")

_HEADINGS: dict[str, str] = {
    "report": "report", "reportid": "report", "record": "report", "recordid": "report", "id": "report",
    "报告": "report", "doi": "doi", "pmid": "pmid", "pubmedid": "pmid", "title": "title", "标题": "title",
    "verdict": "verdict", "decision": "verdict", "vote": "verdict", "included": "verdict", "include": "verdict",
    "label": "verdict", "asreviewlabel": "verdict", "resolution": "verdict", "决定": "verdict",
    "reason": "reason", "exclusionreason": "reason", "原因": "reason",
    "note": "note", "notes": "note", "comment": "note", "comments": "note", "备注": "note",
    "status": "status", "study": "study", "studyid": "study", "role": "role",
}  # fmt: skip
_KEYS = ("report", "doi", "pmid", "title")


@dataclass(frozen=True, slots=True, kw_only=True)
class VoteRow:
    """One verdict read from a form: its row number, the report, and what was said; None where nothing was."""

    row: int
    report: str
    verdict: str
    reason: str | None
    note: str | None


def merged_fields(best: ParsedRecord | None) -> dict[str, str | None]:
    """What a reviewer reads of a report: the best of each field of its records (`Project.best_of`)."""
    if best is None:
        return dict.fromkeys(BIBLIOGRAPHY)
    return {
        "title": best.title or best.original_title,
        "abstract": best.abstract,
        "authors": "; ".join(best.authors) or None,
        "year": str(best.year) if best.year is not None else None,
        "journal": best.journal,
        "doi": best.doi,
        "pmid": best.pmid,
    }


def form_row(report: str, best: ParsedRecord | None, own: Vote | None) -> dict[str, str | None]:
    """The row of a form: bibliography, and the reviewer's own earlier verdict, never another's."""
    row: dict[str, str | None] = {"report": report, **merged_fields(best)}
    row["verdict"] = own.verdict if own is not None else None
    row["reason"] = own.reason if own is not None else None
    row["note"] = own.note if own is not None else None
    return row


def header_of(form: Form, *, needed: Sequence[str]) -> dict[str, str]:
    """Column -> heading in the file, for the columns this program reads.

    Raises
    ------
    InputError
        for two headings that mean one column, no column that names reports, or a ``needed`` one that is missing.
    """
    mapping: dict[str, str] = {}
    for heading in form.header:
        column = _HEADINGS.get("".join(c for c in heading.casefold() if c.isalnum()))
        if column is None:
            continue
        if column in mapping and heading.casefold() != column:
            if mapping[column].casefold() == column:
                continue
            raise InputError(
                f"the columns {mapping[column]!r} and {heading!r} both mean {column!r}: rename one", file=form.file
            )
        mapping[column] = heading
    if not any(key in mapping for key in _KEYS):
        raise InputError(
            "no column names the reports", file=form.file, allowed=", ".join(_KEYS), value=", ".join(form.header)
        )
    for column in needed:
        if column not in mapping:
            raise InputError(f"the column {column!r} is missing", file=form.file, value=", ".join(form.header))
    return mapping


def report_cell(row: FormRow, mapping: Mapping[str, str], find: Callable[..., str], file: str) -> str:
    """The report a row is about: by its id, else DOI, PMID or exact title, whichever cell is filled first."""
    for key in _KEYS:
        heading = mapping.get(key)
        text = row.values.get(heading, "") if heading else ""
        if text:
            named = f"{key}:{text}" if key in ("doi", "pmid") and not text.lower().startswith(key) else text
            return find(named, file=file, row=row.row, column=heading)
    raise InputError("nothing names the report of this row", file=file, row=row.row)


def verdict_of(text: str) -> str | None:
    """The verdict a word stands for, None if it stands for none."""
    return VERDICTS.get(text.strip().casefold())


def match_reason(text: str, reasons: Sequence[str]) -> str | None:
    """The exclusion reason of the protocol that ``text`` names, by its words (any case) or its number from 1."""
    folded = {" ".join(reason.casefold().split()): reason for reason in reasons}
    wanted = " ".join(text.casefold().split())
    if wanted in folded:
        return folded[wanted]
    if wanted.isdigit() and 1 <= int(wanted) <= len(reasons):
        return reasons[int(wanted) - 1]
    return None


def read_votes(
    form: Form, *, stage: str, reasons: Sequence[str], find: Callable[..., str]
) -> tuple[tuple[VoteRow, ...], tuple[str, ...]]:
    """The verdicts of a filled form, and notes on how they were read.

    Parameters
    ----------
    reasons : exclusion reasons of the protocol, in order
    find : names a report from a cell, as `toolkit.store.keys.ReportKeys.find`

    Raises
    ------
    InputError
        for the first bad cell, with row and column, naming the other bad rows too. An empty verdict is no vote.
    """
    mapping = header_of(form, needed=("verdict",))
    votes: dict[str, VoteRow] = {}
    errors: list[InputError] = []
    read_as: dict[str, str] = {}
    mute = 0
    for row in form.rows:
        word = row.values[mapping["verdict"]]
        if not word:
            mute += any(row.values.get(mapping.get(name, ""), "") for name in ("reason", "note"))
            continue
        try:
            vote = _vote_row(row, mapping, form.file, stage, reasons, find)
            earlier = votes.get(vote.report)
            if earlier is not None and (earlier.verdict, earlier.reason) != (vote.verdict, vote.reason):
                raise InputError(
                    f"this report has another verdict in row {earlier.row}",
                    file=form.file,
                    row=row.row,
                    column=mapping["verdict"],
                    value=word,
                )
        except InputError as error:
            errors.append(error)
            continue
        votes.setdefault(vote.report, vote)
        if word.casefold() not in _PLAIN:
            read_as[word] = vote.verdict
    raise_all(errors)
    notes = tuple(f"{word!r} was read as {verdict!r}" for word, verdict in read_as.items())
    if mute:
        notes += (f"{counted(mute, 'row', 'has', 'have')} a reason or note but no verdict: left out",)
    return tuple(votes.values()), notes


def _vote_row(
    row: FormRow,
    mapping: Mapping[str, str],
    file: str,
    stage: str,
    reasons: Sequence[str],
    find: Callable[..., str],
) -> VoteRow:
    word = row.values[mapping["verdict"]]
    verdict = verdict_of(word)
    if verdict is None:
        raise InputError(
            "unknown verdict",
            file=file,
            row=row.row,
            column=mapping["verdict"],
            value=word,
            allowed="include, exclude, maybe (also yes/no, 1/0)",
        )
    text = row.values.get(mapping.get("reason", ""), "")
    reason = checked_reason(
        verdict, text or None, stage=stage, reasons=reasons, file=file, row=row.row, column=mapping.get("reason")
    )
    note = row.values.get(mapping.get("note", ""), "") or None
    return VoteRow(row=row.row, report=report_cell(row, mapping, find, file), verdict=verdict, reason=reason, note=note)


def checked_reason(
    verdict: str,
    text: str | None,
    *,
    stage: str,
    reasons: Sequence[str],
    file: object = None,
    row: int | None = None,
    column: str | None = None,
) -> str | None:
    """The exclusion reason of the protocol that ``text`` names; required of an exclusion at full text.

    Raises
    ------
    InputError
        for a reason beside another verdict, an unknown one, or a missing one at full text.
    """
    allowed = "; ".join(reasons) or "none is declared"
    if text is None:
        if verdict == "exclude" and stage == FULL_TEXT:
            raise InputError(
                "an exclusion at full text needs its reason",
                file=file,
                row=row,
                column=column,
                allowed=allowed,
                hint=None if reasons else "Add exclusion_reasons under [eligibility] in review.toml.",
            )
        return None
    if verdict != "exclude":
        raise InputError(f"a reason stands beside {verdict!r}", file=file, row=row, column=column, value=text)
    reason = match_reason(text, reasons)
    if reason is None:
        raise InputError(
            "this exclusion reason is not in review.toml",
            file=file,
            row=row,
            column=column,
            value=text,
            allowed=allowed,
            hint="Add it to exclusion_reasons under [eligibility], or use one of those.",
        )
    return reason


def raise_all(errors: Sequence[InputError]) -> None:
    """Raise the first error, its text naming where the others are; nothing for none."""
    if not errors:
        return
    first = errors[0]
    if len(errors) > 1:
        named = (e.message if e.row is None else f"row {e.row} ({e.message})" for e in errors[1:6])
        others = ", ".join(named)
        more = f" and {len(errors) - 6} more" if len(errors) > 6 else ""
        first.hint = f"{first.hint or ''} Also: {others}{more}.".strip()
        first.args = (first._text(),)
    raise first
