"""The words of the flow diagram: the exact text of the four PRISMA 2020 templates, with the numbers in.

References
----------
Page et al. 2021, BMJ 372:n71. doi:10.1136/bmj.n71
"""

from __future__ import annotations

from toolkit.plots.diagram_text import TextLine
from toolkit.plots.prisma import Content
from toolkit.prisma.boxes import Box, Column, Flow, Line
from toolkit.prisma.identities import Finding
from toolkit.prisma.notes import flow_notes

__all__ = ["CITATION", "ONE_STAR", "TWO_STARS", "column_lines", "diagram_content", "flow_notes"]

CITATION = (
    "From: Page MJ, McKenzie JE, Bossuyt PM, Boutron I, Hoffmann TC, Mulrow CD, et al. The PRISMA 2020 statement: an "
    "updated guideline for reporting systematic reviews. BMJ 2021;372:n71. doi: 10.1136/bmj.n71"
)
ONE_STAR = (
    "*Consider, if feasible to do so, reporting the number of records identified from each database or register "
    "searched (rather than the total number across all databases/registers)."
)
TWO_STARS = (
    "**If automation tools were used, indicate how many records were excluded by a human and how many were excluded "
    "by automation tools."
)


def diagram_content(flow: Flow, findings: tuple[Finding, ...] = ()) -> Content:
    """The headers, boxes and notes of the diagram of ``flow``; explained differences of ``findings`` are printed."""
    new = "new " if flow.is_update else ""
    boxes: dict[str, tuple[TextLine, ...]] = {
        "identified": _identified(flow),
        "removed": _removed(flow),
        "screened": (_n("Records screened", flow.screened), *_waiting(flow.undecided)),
        "excluded": _excluded(flow),
        **column_lines(flow.main, ""),
        "new": _new(flow),
    }
    if flow.has_other:
        boxes["other_identified"] = _other_identified(flow)
        boxes.update(column_lines(flow.other, "other_"))
    if flow.is_update:
        boxes["previous"] = (
            _n("Studies included in previous version of review", flow.previous_studies),
            _n("Reports of studies included in previous version of review", flow.previous_reports),
        )
        boxes["total"] = (
            _n("Total studies included in review", flow.total_studies),
            _n("Reports of total included studies", flow.total_reports),
        )
    if flow.syntheses:
        boxes["syntheses"] = (
            TextLine(text="Studies included in each synthesis:"),
            *(_n(line.label, line.box, indent=1) for line in flow.syntheses),
        )
    return Content(
        main_header=f"Identification of {new}studies via databases and registers",
        previous_header="Previous studies" if flow.is_update else "",
        other_header=f"Identification of {new}studies via other methods" if flow.has_other else "",
        boxes=boxes,
        notes=(ONE_STAR, TWO_STARS, *flow_notes(flow, findings), CITATION),
    )


def _n(label: str, box: Box, indent: int = 0) -> TextLine:
    return TextLine(text=f"{label} (n = {box.n})", indent=indent)


def _waiting(box: Box, words: str = "awaiting decision") -> tuple[TextLine, ...]:
    return (_n(words, box, indent=1),) if box.n else ()


def _identified(flow: Flow) -> tuple[TextLine, ...]:
    def group(label: str, lines: tuple[Line, ...], box: Box) -> list[TextLine]:
        return [_n(label, box, indent=1), *(_n(line.label, line.box, indent=2) for line in lines)]

    carried = [_n("Taken up again from previous version", flow.carried, indent=1)] if flow.carried.n else []
    return (
        TextLine(text="Records identified from*:"),
        *group("Databases", flow.databases, flow.database_records),
        *group("Registers", flow.registers, flow.register_records),
        *carried,
    )


def _removed(flow: Flow) -> tuple[TextLine, ...]:
    known = [_n("already known from previous version", flow.duplicates_known, indent=2)]
    return (
        TextLine(text="Records removed before screening:"),
        _n("Duplicate records removed", flow.duplicates, indent=1),
        *(known if flow.duplicates_known.n else ()),
        _n("Records marked as ineligible by automation tools", flow.automation, indent=1),
        _n("Records removed for other reasons", flow.removed_other, indent=1),
    )


def _excluded(flow: Flow) -> tuple[TextLine, ...]:
    lines = [_n("Records excluded**", flow.excluded)]
    if flow.excluded_tool.n:
        lines += [_n("by a human", flow.excluded_human, 1), _n("by automation tools", flow.excluded_tool, 1)]
    return tuple(lines)


def column_lines(column: Column, prefix: str) -> dict[str, tuple[TextLine, ...]]:
    """The boxes of one column from retrieval on, under slots that begin with ``prefix``."""
    reasons = tuple(_n(line.label, line.box, indent=1) for line in column.excluded)
    rejected = (
        (TextLine(text="Reports excluded:"), *reasons) if reasons else (_n("Reports excluded", column.excluded_total),)
    )
    boxes = {
        f"{prefix}sought": (
            _n("Reports sought for retrieval", column.sought),
            *_waiting(column.pending, "awaiting retrieval"),
        ),
        f"{prefix}not_retrieved": (_n("Reports not retrieved", column.not_retrieved),),
        f"{prefix}assessed": (
            _n("Reports assessed for eligibility", column.assessed),
            *_waiting(column.undecided),
        ),
        f"{prefix}rejected": rejected,
    }
    unsettled = [
        _n(words, box)
        for words, box in (
            ("Reports of ongoing studies", column.ongoing),
            ("Reports of studies awaiting classification", column.awaiting),
        )
        if box.n
    ]
    if unsettled:
        boxes[f"{prefix}unsettled"] = tuple(unsettled)
    return boxes


def _other_identified(flow: Flow) -> tuple[TextLine, ...]:
    by_method: dict[str, int] = {}
    for line in flow.other_methods:
        name = line.group or line.label
        by_method[name] = by_method.get(name, 0) + line.box.n
    lines = [TextLine(text=f"{method} (n = {n})", indent=1) for method, n in by_method.items()]
    if flow.other_carried.n:
        lines.append(_n("Taken up again from previous version", flow.other_carried, indent=1))
    return TextLine(text="Records identified from:"), *lines, *_waiting(flow.other_undecided)


def _new(flow: Flow) -> tuple[TextLine, ...]:
    if flow.is_update:
        studies, reports = "New studies included in review", "Reports of new included studies"
    else:
        studies, reports = "Studies included in review", "Reports of included studies"
    old = (_n("New reports of studies included before", flow.new_reports_of_old),) if flow.new_reports_of_old.n else ()
    return (
        _n(studies, flow.new_studies),
        _n(reports, flow.new_reports),
        *old,
        *((_n("Included reports not yet linked to a study", flow.unlinked),) if flow.unlinked.n else ()),
    )
