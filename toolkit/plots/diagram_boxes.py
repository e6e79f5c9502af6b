"""Boxes, bars, arrows and notes of a flow diagram as placed data. Lengths are points, y grows downwards."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from toolkit.plots.diagram_text import PAD, Measure, WrappedLine, wrap_text
from toolkit.plots.style import SMALL, TEXT

__all__ = [
    "BAR",
    "GAP_Y",
    "MARGIN",
    "SECTIONS",
    "Arrow",
    "DiagramLayout",
    "Note",
    "PlacedBox",
    "PlacedLine",
    "box_height",
    "head_height",
    "place_box",
    "place_head",
    "place_notes",
    "place_sides",
]

MARGIN, BAR = 14.0, 20.0
GAP_Y, SECTION = 22.0, 8.0
LEADING = 1.32
# The bars at the left edge, each with the rows of boxes it stands beside.
SECTIONS: tuple[tuple[str, tuple[int, ...]], ...] = (
    ("Identification", (0,)),
    ("Screening", (1, 2, 3, 4)),
    ("Included", (5, 6, 7)),
)


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


def box_height(lines: list[WrappedLine]) -> float:
    """Height of a box that holds these lines."""
    return max(len(lines) * TEXT * LEADING + 2 * PAD, 34.0)


def place_box(
    slot: str, kind: str, x: float, y: float, width: float, height: float, lines: list[WrappedLine]
) -> PlacedBox:
    """A box with its lines, centred from top to bottom."""
    first = y + (height - len(lines) * TEXT * LEADING) / 2
    texts = tuple(
        PlacedLine(text=text, x=x + PAD + indent, y=first + (i + 0.5) * TEXT * LEADING, bold=bold)
        for i, (text, indent, bold) in enumerate(lines)
    )
    return PlacedBox(slot=slot, kind=kind, x=x, y=y, width=width, height=height, lines=texts)


def place_head(
    slot: str, kind: str, x: float, width: float, height: float, lines: list[str], measure: Measure, top: float = MARGIN
) -> PlacedBox:
    """The head of a column, its words in the middle."""
    first = top + (height - len(lines) * TEXT * LEADING) / 2
    texts = tuple(
        PlacedLine(
            text=one, x=x + (width - measure(one, TEXT, True)) / 2, y=first + (i + 0.5) * TEXT * LEADING, bold=True
        )
        for i, one in enumerate(lines)
    )
    return PlacedBox(slot=slot, kind=kind, x=x, y=top, width=width, height=height, lines=texts)


def head_height(wrapped: Iterable[list[str]]) -> float:
    """Height that the longest of the heads needs."""
    return max(len(lines) for lines in wrapped) * TEXT * LEADING + 2 * PAD


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


def place_notes(notes: tuple[str, ...], top: float, width: float, measure: Measure) -> tuple[tuple[Note, ...], float]:
    """The lines below the diagram, and where they end."""
    placed, y = [], top
    for note in notes:
        for text in wrap_text(note, width - 2 * MARGIN, SMALL, measure=measure):
            placed.append(Note(text=text, x=MARGIN, y=y + SMALL * LEADING / 2))
            y += SMALL * LEADING
        y += 2.5
    return tuple(placed), y
