"""What the templates have no box for, in sentences that stand below the diagram."""

from __future__ import annotations

from toolkit.model.wording import counted
from toolkit.prisma.boxes import Flow
from toolkit.prisma.identities import Finding

__all__ = ["flow_notes"]


def flow_notes(flow: Flow, findings: tuple[Finding, ...] = ()) -> tuple[str, ...]:
    """What the template has no box for, in sentences, to be printed below the diagram."""
    explained = {finding.code for finding in findings if finding.explanation}
    notes = [f"As it stood at the end of {flow.as_of} (UTC)."] if flow.as_of else []
    notes += [f"Accepted when records were brought in, so not counted: {loss}." for loss in flow.losses]
    people, tools = flow.duplicates_person.n, flow.duplicates_tool.n
    known_who = flow.duplicates.ids is not None  # numbers read from a file do not tell who joined them
    if known_who and (people or tools or flow.duplicates_known.n):
        known = flow.duplicates_known.n
        more = f", {known} of reports already known from the previous version" if known else ""
        notes.append(f"Duplicate records: {tools} joined by the deduplication tool, {people} by people{more}.")
    if flow.late_duplicates.n and "W10" not in explained:
        notes.append(
            f"Among the duplicates, found after they had been judged: {counted(flow.late_duplicates.n, 'record')}. "
            "Their decisions are kept."
        )
    carried = flow.carried.n + flow.other_carried.n
    if carried:
        notes.append(
            f"Not finally decided when version {flow.previous_label} was closed, or decided otherwise since: "
            f"{counted(carried, 'report')}. They pass through the diagram again with their decisions."
        )
    if flow.other_dropped:
        causes = ", ".join(f"{line.label} (n = {line.box.n})" for line in flow.other_dropped)
        notes.append(f"Identified by other methods but not sought: {causes}.")
    notes += _bottom_notes(flow, explained)
    return (*notes, *_differences(findings))


def _differences(findings: tuple[Finding, ...]) -> list[str]:
    """Explained differences, those of one explanation together, and what nobody explained yet."""
    together: dict[tuple[str, str], list[str]] = {}
    for finding in findings:
        if finding.explanation:
            together.setdefault((finding.code, finding.explanation), []).append(finding.message)
    notes = []
    for (_, explanation), messages in together.items():
        words = "; ".join(messages)
        notes.append(f"{words[0].upper()}{words[1:]}: {explanation}")
    said = {"W9", "W10"}  # these have sentences of their own above
    notes += [
        f"Not explained yet ({finding.code}): {finding.message}."
        for finding in findings
        if not finding.hard and not finding.explanation and finding.code not in said
    ]
    return notes


def _bottom_notes(flow: Flow, explained: set[str]) -> list[str]:
    notes = []
    if (flow.removed_studies.n or flow.removed_reports.n) and "W9" not in explained:
        notes.append(
            "Of the previous version, no longer included (or joined to another) and taken off the total: "
            f"{counted(flow.removed_studies.n, 'study')}, {counted(flow.removed_reports.n, 'report')}."
        )
    if flow.reopened.n:
        notes.append(f"Included before, and to be decided again: {counted(flow.reopened.n, 'report')}.")
    if flow.is_update and flow.new_reports_of_old.n and "W9" not in explained:
        words = counted(flow.new_reports_of_old.n, "new report")
        notes.append(f"The total of reports also holds {words} of studies already included.")
    for words, studies in (("ongoing", flow.ongoing_studies), ("awaiting classification", flow.awaiting_studies)):
        if studies.n:
            notes.append(f"Studies {words}: n = {studies.n}; they are listed in the review under their own heading.")
    for line in flow.retracted:
        notes.append(f"Included reports with a notice ({line.label}): n = {line.box.n}.")
    waiting = (flow.undecided, flow.other_undecided, flow.main.pending, flow.other.pending)
    still = sum(box.n for box in (*waiting, flow.main.undecided, flow.other.undecided, flow.reopened))
    if still:
        words = counted(still, "decision") + (" or retrieval" if still == 1 else " or retrievals")
        notes.append(f"This flow is not finished: {words} still open.")
    return notes
