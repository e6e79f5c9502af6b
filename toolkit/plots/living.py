"""The flow of a living review: one column a version, the boxes of PRISMA 2020 in each; layout, then the same drawing.

The boxes and their words are those of PRISMA 2020 (Page 2021). Setting the versions side by side is our layout, after
PRISMA-LSR (Akl 2024) and the survey behind it (Kahale 2022): heads and arrows between columns are drawn dashed.

References
----------
Akl et al. 2024, BMJ 387:e079183. doi:10.1136/bmj-2024-079183
Kahale et al. 2022, F1000Research 10:192. doi:10.12688/f1000research.51723.3
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise

from toolkit.plots.diagram_boxes import (
    BAR,
    GAP_Y,
    MARGIN,
    SECTIONS,
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

__all__ = ["LIVING_ROWS", "LivingContent", "layout_living"]

# The boxes of a column from top to bottom, left and right of its arrows.
LIVING_ROWS: tuple[tuple[str, str], ...] = (
    ("identified", "removed"),
    ("screened", "excluded"),
    ("sought", "not_retrieved"),
    ("assessed", "rejected"),
    ("", "unsettled"),
    ("new", ""),
    ("total", ""),
)
_SECTION_ROWS = tuple((name, tuple(row for row in rows if row < len(LIVING_ROWS))) for name, rows in SECTIONS)
WIDTHS = ((178.0, 196.0), (214.0, 260.0), (250.0, 340.0))  # of left and right boxes, wider where boxes are long
LONG = 24  # printed lines of a box from which wider columns are tried
INNER, BETWEEN = 18.0, 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class LivingContent:
    """The words of the diagram: a head and the boxes (slot -> lines) of each column, oldest first, and the notes.

    ``status`` are the lines of the status block, drawn above the columns; none, no block.
    """

    heads: tuple[str, ...]
    columns: tuple[Mapping[str, tuple[TextLine, ...]], ...]
    notes: tuple[str, ...] = ()
    status: tuple[TextLine, ...] = ()


def layout_living(content: LivingContent, *, measure: Measure = measured) -> DiagramLayout:
    """Place every box and arrow; boxes of one row stand level, so that versions can be read across.

    A box's slot is "v1-screened" and so on, columns counted from 1; that of the status block is "status".
    """
    (left_width, right_width), printed = _wrapped(content, measure)
    wide = left_width + INNER + right_width
    starts = [MARGIN + BAR + 14.0 + i * (wide + BETWEEN) for i in range(len(content.columns))]
    width = starts[-1] + wide + MARGIN
    placed, top = _status(content.status, starts[0], width - MARGIN - starts[0], measure)
    heads, y = _heads(content.heads, starts, wide, top, measure)
    spans: dict[int, tuple[float, float]] = {}
    for number, (left, right) in enumerate(LIVING_ROWS):
        lines = {key: text for key, text in printed.items() if key[1] in (left, right)}
        if not lines:
            continue
        heights = {key: box_height(text) for key, text in lines.items()}
        tall = max(heights.values())
        # Left boxes are centred on one line across the versions; a longer box to their right begins level with it.
        line = max((height for (_, slot), height in heights.items() if slot == left), default=tall)
        for (i, slot), text in lines.items():
            x = starts[i] if slot == left else starts[i] + left_width + INNER
            upper = y + max(line - heights[i, slot], 0.0) / 2
            kind = "grey" if slot == "total" else "box"
            box_width = left_width if slot == left else right_width
            placed.append(place_box(f"v{i + 1}-{slot}", kind, x, upper, box_width, heights[i, slot], text))
        spans[number] = (y, y + tall)
        y += tall + GAP_Y
    notes, bottom = place_notes(content.notes, y - GAP_Y + 16.0, width, measure)
    return DiagramLayout(
        width=width,
        height=bottom + MARGIN,
        boxes=(*heads, *place_sides(spans, measure, _SECTION_ROWS), *placed),
        arrows=_arrows({box.slot: box for box in placed}, len(content.columns)),
        notes=notes,
    )


def _wrapped(
    content: LivingContent, measure: Measure
) -> tuple[tuple[float, float], dict[tuple[int, str], list[WrappedLine]]]:
    """Widths of left and right boxes, the first of `WIDTHS` in which no box is `LONG`, and the lines of each box."""
    lefts = {left for left, _ in LIVING_ROWS}
    for widths in WIDTHS:
        printed = {
            (i, slot): box_lines(lines, widths[0] if slot in lefts else widths[1], measure)
            for i, column in enumerate(content.columns)
            for slot, lines in column.items()
        }
        if max((len(lines) for lines in printed.values()), default=0) <= LONG:
            break
    return widths, printed


def _status(status: tuple[TextLine, ...], x: float, width: float, measure: Measure) -> tuple[list[PlacedBox], float]:
    """The status block at the top of the figure, and where the heads begin."""
    if not status:
        return [], MARGIN
    lines = box_lines(status, width, measure)
    height = box_height(lines)
    return [place_box("status", "own", x, MARGIN, width, height, lines)], MARGIN + height + GAP_Y * 0.8


def _heads(
    texts: tuple[str, ...], starts: list[float], wide: float, top: float, measure: Measure
) -> tuple[list[PlacedBox], float]:
    wrapped = [wrap_text(text, wide - 2 * PAD, TEXT, bold=True, measure=measure) for text in texts]
    height = head_height(wrapped)
    placed = [
        place_head(f"v{i}-head", "own", x, wide, height, lines, measure, top=top)
        for i, (x, lines) in enumerate(zip(starts, wrapped, strict=True), start=1)
    ]
    return placed, top + height + GAP_Y * 0.8


def _arrows(boxes: Mapping[str, PlacedBox], columns: int) -> tuple[Arrow, ...]:
    arrows = []
    for i in range(1, columns + 1):
        chain = [boxes[f"v{i}-{left}"] for left, _ in LIVING_ROWS if left and f"v{i}-{left}" in boxes]
        for upper, lower in pairwise(chain):
            x = upper.centre[0]
            arrows.append(Arrow(points=((x, upper.bottom), (x, lower.y))))
        for left, right in LIVING_ROWS:
            one, other = boxes.get(f"v{i}-{left}"), boxes.get(f"v{i}-{right}")
            if one is not None and other is not None:
                arrows.append(Arrow(points=((one.right, one.centre[1]), (other.x, one.centre[1]))))
        assessed, unsettled = boxes.get(f"v{i}-assessed"), boxes.get(f"v{i}-unsettled")
        if assessed is not None and unsettled is not None:
            y = unsettled.centre[1]
            arrows.append(Arrow(points=((assessed.centre[0], y), (unsettled.x, y))))
        before, now = boxes.get(f"v{i - 1}-total"), boxes.get(f"v{i}-total")
        if before is not None and now is not None:
            y = now.centre[1]
            arrows.append(Arrow(points=((before.right, y), (now.x, y)), dashed=True))
    return tuple(arrows)
