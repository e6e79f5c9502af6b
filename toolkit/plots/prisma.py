"""The PRISMA 2020 flow diagram: where each box and arrow stands (pure data), then the drawing.

The words come from `toolkit.prisma.diagram`; this module knows slots, columns and rows. Lengths are points, y grows
downwards from the top edge.

References
----------
Page et al. 2021, BMJ 372:n71, figure 1 and its templates. doi:10.1136/bmj.n71
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

from toolkit.plots.style import FAINT, GREY, INK, PAPER, SMALL, TEXT, font_properties, new_figure, text_size

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = [
    "COLUMNS",
    "ROWS",
    "SECTIONS",
    "Arrow",
    "Content",
    "DiagramLayout",
    "Note",
    "PlacedBox",
    "PlacedLine",
    "TextLine",
    "box_height",
    "box_lines",
    "draw_prisma",
    "layout_prisma",
    "measured",
    "place_box",
    "place_notes",
    "place_sides",
    "wrap_text",
]

HEADER, SIDE = "#FFC000", "#9CC2E5"  # the yellow and the light blue of the published template
MARGIN, PAD, BAR = 14.0, 7.0, 20.0
GAP_X, GAP_Y, SECTION = 26.0, 22.0, 8.0
LEADING = 1.32
SAFETY = 1.06  # low-resolution hinting and the fonts of SVG viewers make text up to this much wider than measured,
SAFETY_SMALL = 1.12  # and small type more so
LONG = 16  # lines from which a box asks for a wider column
WIDTHS = {
    "previous": (164.0,),
    "left": (204.0, 250.0),
    "right": (234.0, 290.0, 350.0),
    "other_left": (180.0, 220.0),
    "other_right": (196.0, 250.0, 310.0),
}

Measure = Callable[[str, float, bool], float]

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
SECTIONS = (("Identification", (0,)), ("Screening", (1, 2, 3, 4)), ("Included", (5, 6, 7)))
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
class TextLine:
    """A line of a box before wrapping; ``indent`` counts steps."""

    text: str
    indent: int = 0
    bold: bool = False


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


@dataclass(frozen=True, slots=True, kw_only=True)
class PlacedLine:
    """A wrapped line: left edge and vertical centre in points."""

    text: str
    x: float
    y: float
    bold: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class PlacedBox:
    """A rectangle with its lines. ``kind`` is "box", "grey", "header", "grey-header", "own" (dashed: no box
    of a published template) or "side" (rotated text).
    """

    slot: str
    kind: str
    x: float
    y: float
    width: float
    height: float
    lines: tuple[PlacedLine, ...]

    @property
    def right(self) -> float:
        """Right edge."""
        return self.x + self.width

    @property
    def bottom(self) -> float:
        """Lower edge."""
        return self.y + self.height

    @property
    def centre(self) -> tuple[float, float]:
        """Middle of the box."""
        return self.x + self.width / 2, self.y + self.height / 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrow:
    """A line through ``points`` with a head at its end."""

    points: tuple[tuple[float, float], ...]
    dashed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """One printed line below the diagram."""

    text: str
    x: float
    y: float


@dataclass(frozen=True, slots=True, kw_only=True)
class DiagramLayout:
    """Everything placed; ``width`` and ``height`` are the size of the figure in points."""

    width: float
    height: float
    boxes: tuple[PlacedBox, ...]
    arrows: tuple[Arrow, ...]
    notes: tuple[Note, ...]


def measured(text: str, size: float, bold: bool) -> float:
    """Width of a text in points, with room for viewers that draw it wider."""
    return text_size(text, size, bold=bold)[0] * (SAFETY if size >= TEXT else SAFETY_SMALL)


# ---- words into lines ---------------------------------------------------------------------------------------------


def wrap_text(text: str, width: float, size: float, *, bold: bool = False, measure: Measure = measured) -> list[str]:
    """``text`` in lines no wider than ``width`` points.

    Breaks at spaces and between Chinese, Japanese and Korean characters, never inside "(n = 12)"; a word wider than a
    line is cut.
    """
    lines: list[str] = []
    line = ""
    for space, token in _tokens(text):
        candidate = line + (" " if space and line else "") + token
        if measure(candidate, size, bold) <= width:
            line = candidate
            continue
        if line:
            lines.append(line)
        line = token
        while measure(line, size, bold) > width and len(line) > 1:
            cut = next(i for i in range(len(line) - 1, 0, -1) if i == 1 or measure(line[:i], size, bold) <= width)
            lines.append(line[:cut])
            line = line[cut:]
    return [one.replace("\u00a0", " ") for one in [*lines, line]]


_NO_LINE_START = "，。、；：！？）】》」』〉·…,.;:!?)"


def _tokens(text: str) -> list[tuple[bool, str]]:
    """Unbreakable pieces, each with whether a space stood before it."""
    glued = text.replace("(n = ", "(n\u00a0=\u00a0")
    found: list[tuple[bool, str]] = []
    for word in glued.split(" "):
        start = True
        for char in word:
            wide = "\u2e80" <= char <= "\u9fff" or "\uac00" <= char <= "\ud7af" or "\uf900" <= char <= "\uffef"
            previous = found[-1][1][-1] if found and not start else ""
            before = bool(previous) and ("\u2e80" <= previous <= "\u9fff" or "\uac00" <= previous <= "\ud7af")
            if start:
                found.append((True, char))
            elif (wide or before) and char not in _NO_LINE_START:
                found.append((False, char))
            else:
                found[-1] = (found[-1][0], found[-1][1] + char)
            start = False
    return found


def box_lines(lines: tuple[TextLine, ...], width: float, measure: Measure) -> list[tuple[str, float, bool]]:
    """(text, indent in points, bold) of each printed line; what runs over is indented further."""
    step, placed = 10.0, []
    for line in lines:
        first = line.indent * step
        room = width - 2 * PAD - first
        wrapped = wrap_text(line.text, room, TEXT, bold=line.bold, measure=measure)
        if len(wrapped) > 1 and line.indent:
            wrapped = _hang(line, room, step, measure)
        placed += [(t, first + (step if i and line.indent else 0.0), line.bold) for i, t in enumerate(wrapped)]
    return placed


def _hang(line: TextLine, room: float, step: float, measure: Measure) -> list[str]:
    """Wrap with the first line at full width and the rest narrower by ``step``."""
    head = wrap_text(line.text, room, TEXT, bold=line.bold, measure=measure)[0]
    rest = line.text[len(head) :].strip()
    return [head, *wrap_text(rest, room - step, TEXT, bold=line.bold, measure=measure)]


# ---- layout -------------------------------------------------------------------------------------------------------


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


def _wrap_boxes(
    content: Content, measure: Measure
) -> tuple[dict[str, list[tuple[str, float, bool]]], dict[str, float]]:
    """Printed lines of each box, and the width of each column: the first of `WIDTHS` in which no box is `LONG`."""
    wrapped: dict[str, list[tuple[str, float, bool]]] = {}
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


def _longest(lines: Mapping[str, list[tuple[str, float, bool]]]) -> int:
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
    height = max(len(one) for one in lines) * TEXT * LEADING + 2 * PAD
    placed = []
    for (kind, _text, x, right), wrapped in zip(spans, lines, strict=True):
        first = MARGIN + (height - len(wrapped) * TEXT * LEADING) / 2
        texts = tuple(
            PlacedLine(
                text=one,
                x=(x + right - measure(one, TEXT, True)) / 2,
                y=first + (i + 0.5) * TEXT * LEADING,
                bold=True,
            )
            for i, one in enumerate(wrapped)
        )
        slot = {"header": "main_header"}.get(kind, "previous_header" if x == xs.get("previous") else "other_header")
        placed.append(PlacedBox(slot=slot, kind=kind, x=x, y=MARGIN, width=right - x, height=height, lines=texts))
    return placed, MARGIN + height + GAP_Y * 0.8


def box_height(lines: list[tuple[str, float, bool]]) -> float:
    """Height of a box that holds these lines."""
    return max(len(lines) * TEXT * LEADING + 2 * PAD, 34.0)


def _offset(row: tuple[str, ...], slot: str, heights: dict[str, float]) -> float:
    """A box shorter than its left partner is centred on it, so that the arrow between them meets both."""
    position = row.index(slot)
    partner = row[position - 1] if position in (2, 4) else ""
    if partner in heights and heights[partner] > heights[slot]:
        return (heights[partner] - heights[slot]) / 2
    return 0.0


def place_box(
    slot: str, kind: str, x: float, y: float, width: float, height: float, lines: list[tuple[str, float, bool]]
) -> PlacedBox:
    """A box with its lines, centred from top to bottom."""
    first = y + (height - len(lines) * TEXT * LEADING) / 2
    texts = tuple(
        PlacedLine(text=text, x=x + PAD + indent, y=first + (i + 0.5) * TEXT * LEADING, bold=bold)
        for i, (text, indent, bold) in enumerate(lines)
    )
    return PlacedBox(slot=slot, kind=kind, x=x, y=y, width=width, height=height, lines=texts)


def place_sides(
    spans: Mapping[int, tuple[float, float]],
    measure: Measure,
    sections: tuple[tuple[str, tuple[int, ...]], ...] = SECTIONS,
) -> list[PlacedBox]:
    """The bars at the left edge, each along the rows of its section."""
    placed = []
    for name, rows in sections:
        used = [spans[row] for row in rows if row in spans]
        if not used:
            continue
        top, bottom = used[0][0], used[-1][1]
        short = measure(name, TEXT, True) + 2 * PAD - (bottom - top)
        if short > 0:
            top, bottom = top - min(short / 2, SECTION), bottom + min(short / 2, SECTION)
        line = PlacedLine(text=name, x=MARGIN + BAR / 2, y=(top + bottom) / 2, bold=True)
        placed.append(
            PlacedBox(slot=name.lower(), kind="side", x=MARGIN, y=top, width=BAR, height=bottom - top, lines=(line,))
        )
    return placed


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


def place_notes(notes: tuple[str, ...], top: float, width: float, measure: Measure) -> tuple[tuple[Note, ...], float]:
    """The lines below the diagram, and where they end."""
    placed, y = [], top
    for note in notes:
        for text in wrap_text(note, width - 2 * MARGIN, SMALL, measure=measure):
            placed.append(Note(text=text, x=MARGIN, y=y + SMALL * LEADING / 2))
            y += SMALL * LEADING
        y += 2.5
    return tuple(placed), y


# ---- drawing ------------------------------------------------------------------------------------------------------

_FILL = {"box": PAPER, "grey": FAINT, "header": HEADER, "grey-header": "#D9D9D9", "own": PAPER, "side": SIDE}


def draw_prisma(layout: DiagramLayout) -> Figure:
    """The diagram as a matplotlib Figure; each box is a patch with the gid ``prisma-<slot>``."""
    from matplotlib.patches import FancyArrowPatch, FancyBboxPatch

    figure = new_figure(layout.width, layout.height)
    axes = figure.add_axes((0.0, 0.0, 1.0, 1.0))
    axes.set_xlim(0, layout.width)
    axes.set_ylim(layout.height, 0)
    axes.set_axis_off()
    for arrow in layout.arrows:
        *stem, last, end = arrow.points
        if stem:
            xs, ys = zip(*stem, last, strict=True)
            axes.plot(xs, ys, color=INK, linewidth=0.9, solid_capstyle="projecting", solid_joinstyle="miter")
        axes.add_patch(
            FancyArrowPatch(
                last,
                end,
                arrowstyle="-|>",
                mutation_scale=8.0,
                shrinkA=0,
                shrinkB=0,
                color=INK,
                linewidth=0.9,
                linestyle="--" if arrow.dashed else "-",
            )
        )
    for box in layout.boxes:
        rounded = box.kind in ("header", "grey-header", "side")
        style = "round,pad=0,rounding_size=5" if rounded else "square,pad=0"
        edge = _FILL[box.kind] if rounded else INK
        patch = FancyBboxPatch(
            (box.x, box.y),
            box.width,
            box.height,
            boxstyle=style,
            facecolor=_FILL[box.kind],
            edgecolor=edge,
            linewidth=0.9,
            linestyle="--" if box.kind == "own" else "-",
        )
        patch.set_gid(f"prisma-{box.slot}")
        axes.add_patch(patch)
        for line in box.lines:
            side = box.kind == "side"
            axes.text(
                line.x,
                line.y,
                line.text,
                fontproperties=font_properties(TEXT, bold=line.bold),
                color=INK,
                rotation=90 if side else 0,
                ha="center" if side else "left",
                va="center" if side else "center_baseline",
                parse_math=False,
            )
    for note in layout.notes:
        axes.text(
            note.x,
            note.y,
            note.text,
            fontproperties=font_properties(SMALL),
            color=GREY,
            va="center_baseline",
            parse_math=False,
        )
    return figure
