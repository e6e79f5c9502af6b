"""The PRISMA 2020 flow diagram: where each box and arrow stands (pure data).

The words come from `toolkit.prisma.diagram`; this module knows slots, columns and rows, `diagram_draw` draws. Lengths
are points, y grows downwards from the top edge.

References
----------
Page et al. 2021, BMJ 372:n71, figure 1 and its templates. doi:10.1136/bmj.n71
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise

from toolkit.plots.diagram_boxes import (
    BAR,
    GAP_Y,
    MARGIN,
    Arrow,
    DiagramLayout,
    PlacedBox,
    box_height,
    head_height,
    place_box,
    place_head,
    place_notes,
    place_sides,
)
from toolkit.plots.diagram_text import PAD, Measure, TextLine, WrappedLine, box_lines, measured, wrap_text
from toolkit.plots.style import TEXT

__all__ = ["COLUMNS", "ROWS", "Content", "layout_prisma"]

GAP_X = 26.0
LONG = 16  # lines from which a box asks for a wider column
WIDTHS = {
    "previous": (164.0,),
    "left": (204.0, 250.0),
    "right": (234.0, 290.0, 350.0),
    "other_left": (180.0, 220.0),
    "other_right": (196.0, 250.0, 310.0),
}

# A slot of each column, row by row.
ROWS: tuple[tuple[str, ...], ...] = (
    ("previous", "identified", "removed", "other_identified", ""),
    ("", "screened", "excluded", "", ""),
    ("", "sought", "not_retrieved", "other_sought", "other_not_retrieved"),
    ("", "assessed", "rejected", "other_assessed", "other_rejected"),
    ("", "", "unsettled", "", "other_unsettled"),
    ("", "new", "", "", ""),
    ("", "total", "", "", ""),
    ("", "syntheses", "", "", ""),
)
COLUMNS = ("previous", "left", "right", "other_left", "other_right")
_DOWN = (
    ("identified", "screened", "sought", "assessed", "new", "total", "syntheses"),
    ("other_identified", "other_sought", "other_assessed"),
)
_ACROSS = (
    ("identified", "removed"),
    ("screened", "excluded"),
    ("sought", "not_retrieved"),
    ("assessed", "rejected"),
    ("other_sought", "other_not_retrieved"),
    ("other_assessed", "other_rejected"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """The words of a diagram.

    Attributes
    ----------
    main_header, previous_header, other_header : heads of the columns; "" where there is no such column
    boxes : slot -> lines; a slot that is missing is not drawn
    notes : printed below the diagram
    """

    main_header: str
    previous_header: str = ""
    other_header: str = ""
    boxes: Mapping[str, tuple[TextLine, ...]]
    notes: tuple[str, ...] = ()


def layout_prisma(content: Content, *, measure: Measure = measured) -> DiagramLayout:
    """Place every box, arrow and note of a diagram; ``measure`` gives the width of a text in points."""
    wrapped, widths = _wrap_boxes(content, measure)
    xs, width = _column_edges(content, widths)
    headers, y = _headers(content, xs, widths, measure)
    boxes: dict[str, PlacedBox] = {}
    spans: dict[int, tuple[float, float]] = {}
    for number, row in enumerate(ROWS):
        heights = {slot: box_height(wrapped[slot]) for slot in row if slot in wrapped}
        if not heights:
            continue
        floor = 64.0 if number == 5 and not {"total", "syntheses"} & wrapped.keys() else 0.0
        tall = max(*heights.values(), floor) if len(heights) > 1 or floor else next(iter(heights.values()))
        for column, slot in zip(COLUMNS, row, strict=True):
            if slot in heights:
                kind = "grey" if slot.startswith("other_") or slot in ("previous", "total") else "box"
                top = y + _offset(row, slot, heights)
                if floor and len(heights) == 1:
                    top = y + (tall - heights[slot]) / 2
                boxes[slot] = place_box(slot, kind, xs[column], top, widths[column], heights[slot], wrapped[slot])
        spans[number] = (y, y + tall)
        y += tall + GAP_Y
    sides = place_sides(spans, measure)
    notes, bottom = place_notes(content.notes, y - GAP_Y + 16.0, width, measure)
    return DiagramLayout(
        width=width,
        height=bottom + MARGIN,
        boxes=(*headers, *sides, *boxes.values()),
        arrows=_arrows(boxes),
        notes=notes,
    )


def _wrap_boxes(content: Content, measure: Measure) -> tuple[dict[str, list[WrappedLine]], dict[str, float]]:
    """Printed lines of each box, and the width of each column: the first of `WIDTHS` in which no box is `LONG`."""
    wrapped: dict[str, list[WrappedLine]] = {}
    widths: dict[str, float] = {}
    for position, column in enumerate(COLUMNS):
        slots = [row[position] for row in ROWS if row[position] in content.boxes]
        for width in WIDTHS[column]:
            tried = {slot: box_lines(content.boxes[slot], width, measure) for slot in slots}
            if (slots and column not in widths) or _longest(tried) < _longest({s: wrapped[s] for s in slots}):
                wrapped.update(tried)
                widths[column] = width
            if _longest(tried) <= LONG:
                break
        widths.setdefault(column, WIDTHS[column][0])
    return wrapped, widths


def _longest(lines: Mapping[str, list[WrappedLine]]) -> int:
    return max((len(one) for one in lines.values()), default=0)


def _column_edges(content: Content, widths: dict[str, float]) -> tuple[dict[str, float], float]:
    """Left edge of each column in use, and the width of the figure."""
    x = MARGIN + BAR + 14.0
    edges: dict[str, float] = {}
    for column in COLUMNS:
        if column == "previous" and not content.previous_header:
            continue
        if column.startswith("other") and not content.other_header:
            continue
        edges[column] = x
        x += widths[column] + GAP_X
    return edges, x - GAP_X + MARGIN


def _headers(
    content: Content, xs: dict[str, float], widths: dict[str, float], measure: Measure
) -> tuple[list[PlacedBox], float]:
    spans = [("header", content.main_header, xs["left"], xs["right"] + widths["right"])]
    if content.previous_header:
        spans.append(("grey-header", content.previous_header, xs["previous"], xs["previous"] + widths["previous"]))
    if content.other_header:
        right = xs["other_right"] + widths["other_right"]
        spans.append(("grey-header", content.other_header, xs["other_left"], right))
    lines = [wrap_text(text, right - x - 2 * PAD, TEXT, bold=True, measure=measure) for _, text, x, right in spans]
    height = head_height(lines)
    placed = []
    for (kind, _text, x, right), wrapped in zip(spans, lines, strict=True):
        slot = {"header": "main_header"}.get(kind, "previous_header" if x == xs.get("previous") else "other_header")
        placed.append(place_head(slot, kind, x, right - x, height, wrapped, measure))
    return placed, MARGIN + height + GAP_Y * 0.8


def _offset(row: tuple[str, ...], slot: str, heights: dict[str, float]) -> float:
    """A box shorter than its left partner is centred on it, so that the arrow between them meets both."""
    position = row.index(slot)
    partner = row[position - 1] if position in (2, 4) else ""
    if partner in heights and heights[partner] > heights[slot]:
        return (heights[partner] - heights[slot]) / 2
    return 0.0


def _arrows(boxes: dict[str, PlacedBox]) -> tuple[Arrow, ...]:
    arrows = []
    for chain in _DOWN:
        present = [boxes[slot] for slot in chain if slot in boxes]
        for upper, lower in pairwise(present):
            x = upper.centre[0]
            arrows.append(Arrow(points=((x, upper.bottom), (x, lower.y))))
    for left, right in _ACROSS:
        if left in boxes and right in boxes:
            y = boxes[left].centre[1]
            arrows.append(Arrow(points=((boxes[left].right, y), (boxes[right].x, y))))
    for stem, branch in (("assessed", "unsettled"), ("other_assessed", "other_unsettled")):
        if stem in boxes and branch in boxes:
            y = boxes[branch].centre[1]
            arrows.append(Arrow(points=((boxes[stem].centre[0], y), (boxes[branch].x, y))))
    if "other_assessed" in boxes and "new" in boxes:
        x, y = boxes["other_assessed"].centre[0], boxes["new"].centre[1]
        arrows.append(Arrow(points=((x, boxes["other_assessed"].bottom), (x, y), (boxes["new"].right, y))))
    if "previous" in boxes and "total" in boxes:
        x, y = boxes["previous"].centre[0], boxes["total"].centre[1]
        arrows.append(Arrow(points=((x, boxes["previous"].bottom), (x, y), (boxes["total"].x, y))))
    return tuple(arrows)
