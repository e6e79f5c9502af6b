"""The numbers of a flow as a table and as JSON."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from toolkit.prisma.boxes import Box, Column, Flow
from toolkit.prisma.identities import Finding
from toolkit.prisma.notes import flow_notes

__all__ = ["FlowNumbers", "flow_json", "flow_numbers", "flow_rows"]


@dataclass(frozen=True, slots=True, kw_only=True)
class FlowNumbers:
    """A flow as it is printed; plain data without the ids behind the boxes.

    ``rows`` are (stage, box, name to use with --ids, n), ``notes`` the sentences below the diagram, ``content`` all of
    it as JSON.
    """

    label: str
    template: str
    rows: list[list[Any]]
    notes: list[str]
    content: dict[str, Any]


def flow_numbers(flow: Flow, findings: tuple[Finding, ...]) -> FlowNumbers:
    """The numbers of a flow with what its checks found."""
    rows, notes = [list(row) for row in flow_rows(flow)], list(flow_notes(flow, findings))
    content = flow_json(flow, findings)
    return FlowNumbers(label=flow.label, template=flow.template, rows=rows, notes=notes, content=content)


def flow_rows(flow: Flow) -> tuple[tuple[str, str, str, int], ...]:
    """(stage, box, name to use with --ids, n) in the order of the diagram; empty optional boxes are left out."""
    return tuple((stage, label, name, box.n) for stage, label, name, box, always in _rows(flow) if always or box.n)


def _rows(flow: Flow) -> Iterator[tuple[str, str, str, Box, bool]]:
    if flow.is_update:
        yield "Previous", "Studies included in previous version", "previous_studies", flow.previous_studies, True
        yield "Previous", "Reports of those studies", "previous_reports", flow.previous_reports, True
    yield from _identification(flow)
    stage = "Screening"
    yield stage, "Records screened", "screened", flow.screened, True
    yield stage, "  awaiting decision", "undecided", flow.undecided, False
    yield stage, "Records excluded", "excluded", flow.excluded, True
    yield stage, "  by automation tools", "excluded_tool", flow.excluded_tool, False
    yield from _column(flow.main, "main", "")
    if flow.has_other:
        yield from _column(flow.other, "other", " (other methods)")
    yield from _bottom(flow)


def _identification(flow: Flow) -> Iterator[tuple[str, str, str, Box, bool]]:
    stage = "Identification"
    yield stage, "Records from databases", "database_records", flow.database_records, True
    for line in flow.databases:
        yield stage, f"  {line.label}", f"database:{line.label}", line.box, True
    yield stage, "Records from registers", "register_records", flow.register_records, True
    for line in flow.registers:
        yield stage, f"  {line.label}", f"register:{line.label}", line.box, True
    yield stage, "Taken up again from previous version", "carried", flow.carried, False
    yield stage, "Duplicate records removed", "duplicates", flow.duplicates, True
    yield stage, "  already known from previous version", "duplicates_known", flow.duplicates_known, False
    yield stage, "Marked as ineligible by automation tools", "automation", flow.automation, True
    yield stage, "Removed for other reasons", "removed_other", flow.removed_other, True
    if flow.has_other:
        yield stage, "Records from other methods", "other_records", flow.other_records, True
        for line in flow.other_methods:
            yield stage, f"  {line.label}", f"other-method:{line.label}", line.box, True
        yield stage, "Taken up again (other methods)", "other_carried", flow.other_carried, False
        for line in flow.other_dropped:
            yield stage, f"  {line.label}", f"other-dropped:{line.label}", line.box, False
        yield stage, "  awaiting decision", "other_undecided", flow.other_undecided, False


def _column(column: Column, prefix: str, suffix: str) -> Iterator[tuple[str, str, str, Box, bool]]:
    stage = "Screening"
    yield stage, f"Reports sought for retrieval{suffix}", f"{prefix}.sought", column.sought, True
    yield stage, "  awaiting retrieval", f"{prefix}.pending", column.pending, False
    yield stage, f"Reports not retrieved{suffix}", f"{prefix}.not_retrieved", column.not_retrieved, True
    yield stage, f"Reports assessed for eligibility{suffix}", f"{prefix}.assessed", column.assessed, True
    yield stage, "  awaiting decision", f"{prefix}.undecided", column.undecided, False
    yield stage, f"Reports excluded{suffix}", f"{prefix}.excluded", column.excluded_total, True
    for line in column.excluded:
        yield stage, f"  {line.label}", f"{prefix}.excluded:{line.label}", line.box, True
    yield stage, f"Reports of ongoing studies{suffix}", f"{prefix}.ongoing", column.ongoing, False
    yield stage, f"Reports awaiting classification{suffix}", f"{prefix}.awaiting", column.awaiting, False


def _bottom(flow: Flow) -> Iterator[tuple[str, str, str, Box, bool]]:
    new = "New studies included" if flow.is_update else "Studies included"
    yield "Included", new, "new_studies", flow.new_studies, True
    yield "Included", "Reports of these studies", "new_reports", flow.new_reports, True
    yield "Included", "New reports of studies included before", "new_reports_of_old", flow.new_reports_of_old, False
    yield "Included", "Included reports not linked to a study", "unlinked", flow.unlinked, False
    if flow.is_update:
        yield "Included", "Studies no longer included", "removed_studies", flow.removed_studies, False
        yield "Included", "Reports no longer included", "removed_reports", flow.removed_reports, False
        yield "Included", "  awaiting a decision again", "reopened", flow.reopened, False
        yield "Included", "Total studies included", "total_studies", flow.total_studies, True
        yield "Included", "Reports of total included studies", "total_reports", flow.total_reports, True
    yield "Included", "Ongoing studies", "ongoing_studies", flow.ongoing_studies, False
    yield "Included", "Studies awaiting classification", "awaiting_studies", flow.awaiting_studies, False
    for line in flow.syntheses:
        yield "Included", f"  in synthesis: {line.label}", f"synthesis:{line.label}", line.box, True


def flow_json(flow: Flow, findings: tuple[Finding, ...] = ()) -> dict[str, Any]:
    """Every number of the flow, what was found wrong with it, and the notes printed below the diagram."""
    return {
        "version": flow.label,
        "previous_version": flow.previous_label or None,
        "as_of": flow.as_of or None,
        "template": flow.template,
        "closed": sorted(flow.closed),
        "boxes": {name: {"n": box.n, "unit": box.unit} for name, box in flow.named_boxes()},
        "findings": [
            {
                "code": f.code,
                "hard": f.hard,
                "message": f.message,
                "ids": list(f.ids),
                "explanation": f.explanation or None,
            }
            for f in findings
        ],
        "notes": list(flow_notes(flow, findings)),
    }
