"""Tables with an axis among their columns: the layout that every kind of forest plot shares.

A forest plot is a `ForestTable`: columns, rows and what stands at the axis. `layout_forest` turns it into a `Scene`
whose height follows from the rows and whose width follows from the texts.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from toolkit.plots.numbers import Axis, nice_axis
from toolkit.plots.scene import LEADING, Disc, Item, Label, Path, Scene, arrow_head, lines_of, rectangle, wrap
from toolkit.plots.style import (
    BLUE,
    GREEN,
    GREY,
    INK,
    LINE,
    ORANGE,
    SMALL,
    TEXT,
    TITLE,
    VERMILLION,
    YELLOW,
    text_size,
)

__all__ = ["ForestColumn", "ForestRow", "ForestTable", "layout_forest"]

MARGIN, GAP, PLOT_WIDTH, ROW = 14.0, 14.0, 210.0, 14.5
LABEL_MIN, LABEL_MAX = 96.0, 190.0
SQUARE_MAX, SQUARE_MIN, SQUARE_PLAIN, DIAMOND, BAR = 10.5, 2.6, 6.0, 4.6, 1.9
FAVOURS_AT = 20.0
DOT, NOTE_MIN, FAVOURS_MORE = 5.2, 190.0, 130.0
PALE = "#A9C8E4"  # BLUE, lightened: the pooled estimate that is not the headline

Kind = Literal["study", "pooled", "light", "prediction", "heading", "excluded", "note", "rule", "gap"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ForestColumn:
    """A column of text: ``group`` is written once above neighbours that share it; ``side`` of the axis.

    ``dots`` draws judgements (low, some concerns, high ...) as coloured dots with a sign.
    """

    title: str
    group: str = ""
    side: Literal["left", "right"] = "left"
    align: Literal["left", "center", "right"] = "right"
    dots: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ForestRow:
    """A row. ``y``, ``low``, ``high`` are on the model scale; ``weight`` is a share of the largest (0 to 1).

    ``wide`` is a second, wider interval drawn behind the first (a prediction interval); ``note`` is the sentence of
    an excluded or note row; ``cells`` has one text a column, or is empty.
    """

    kind: Kind
    label: str = ""
    cells: tuple[str, ...] = ()
    y: float | None = None
    low: float | None = None
    high: float | None = None
    weight: float | None = None
    wide: tuple[float, float] | None = None
    note: str = ""
    color: str = BLUE
    indent: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ForestTable:
    """What `layout_forest` lays out; ``favours`` are the texts left and right of no effect, None for none.

    ``null`` is False where the scale has no value of no effect (a proportion).
    """

    first: str
    columns: tuple[ForestColumn, ...]
    rows: tuple[ForestRow, ...]
    scale: str
    axis_title: str
    title: str = ""
    favours: tuple[str, str] | None = None
    footnotes: tuple[str, ...] = ()
    guide: float | None = None
    null: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class _Grid:
    """Where things stand horizontally: label width, (left, right) of each column, the axis, the page."""

    label_width: float
    spans: tuple[tuple[float, float], ...]
    axis: Axis
    width: float


def layout_forest(table: ForestTable) -> Scene:
    """The forest plot as a scene: header, rows, axis, favours and notes from top to bottom."""
    grid = _grid(table)
    items: list[Item] = []
    y = MARGIN
    if table.title:
        titles = wrap(table.title, grid.width - 2 * MARGIN, TITLE, bold=True)
        base = Label(x=MARGIN, y=y + TITLE * 0.5, text="", size=TITLE, bold=True, role="title")
        items += lines_of(base, titles)
        y += TITLE * LEADING * len(titles) + 6
    y = _header(table, grid, items, y)
    top = y
    y += 5
    blocked: list[tuple[float, float]] = []
    drawn: list[Item] = []
    guide_end = y
    for row in table.rows:
        height = _row_height(row, table, grid)
        _draw_row(row, y, height, table, grid, drawn)
        if _crosses(row, grid):
            blocked.append((y, y + height))
        if row.kind in ("pooled", "light", "prediction"):
            guide_end = y + height / 2
        y += height
    y += 3
    if table.null:
        items += _vertical(grid.axis, 0.0, top, y, blocked, INK, "null-line", ())
    if table.guide is not None and math.isfinite(table.guide):
        items += _vertical(grid.axis, table.guide, top, guide_end, blocked, BLUE, "guide", (2.0, 2.0))
    items += drawn
    y = _axis(table, grid, items, y)
    y = _footnotes(table, grid, items, y)
    return Scene(width=grid.width, height=y + MARGIN * 0.7, items=tuple(items))


def _grid(table: ForestTable) -> _Grid:
    label_width = max(LABEL_MIN, text_size(table.first, bold=True)[0])
    for row in table.rows:
        if row.label and row.kind != "note":
            bold = row.kind in ("pooled", "heading")
            label_width = max(label_width, min(LABEL_MAX, text_size(row.label, bold=bold)[0] + row.indent))
    widths = _column_widths(table)
    x = MARGIN + label_width + GAP
    spans: list[tuple[float, float]] = [(0.0, 0.0)] * len(table.columns)
    for side in ("left", "right"):
        if side == "right":
            axis_left, x = x, x + PLOT_WIDTH + GAP
        for i, column in enumerate(table.columns):
            if column.side == side:
                spans[i] = (x, x + widths[i])
                x += widths[i] + GAP
    axis = _axis_of(table, axis_left + 4, axis_left + PLOT_WIDTH - 4)
    width = x - GAP + MARGIN
    if table.favours is not None:  # the text on the right on one line where little more paper does it
        need = axis.at(0.0) + FAVOURS_AT + 2 + text_size(table.favours[1])[0] + MARGIN
        width = max(width, min(need, width + FAVOURS_MORE))
    return _Grid(label_width=label_width, spans=tuple(spans), axis=axis, width=width)


def _column_widths(table: ForestTable) -> list[float]:
    widths = []
    for i, column in enumerate(table.columns):
        titles = wrap(column.title, 110, TEXT, bold=True)
        width = max(text_size(line, bold=True)[0] for line in titles)
        width = max(width, 2 * DOT + 1.5) if column.dots else width
        for row in table.rows:
            if i < len(row.cells) and not column.dots:
                width = max(width, text_size(row.cells[i], bold=row.kind == "pooled")[0])
        widths.append(width)
    for members in _groups(table.columns):
        text = table.columns[members[0]].group
        have = sum(widths[i] for i in members) + GAP * (len(members) - 1)
        want = min(92.0, text_size(text, bold=True)[0])
        for i in members:
            widths[i] += max(0.0, want - have) / len(members)
    return widths


def _groups(columns: Sequence[ForestColumn]) -> list[list[int]]:
    """Indices of neighbouring columns that share a group."""
    found: list[list[int]] = []
    for i, column in enumerate(columns):
        if not column.group:
            continue
        if found and found[-1][-1] == i - 1 and columns[i - 1].group == column.group:
            found[-1].append(i)
        else:
            found.append([i])
    return found


def _axis_of(table: ForestTable, left: float, right: float) -> Axis:
    rows, scale = table.rows, table.scale
    estimates = [row.y for row in rows if row.y is not None]
    pairs = [
        (low, high)
        for row in rows
        for low, high in ((row.low, row.high), row.wide or (None, None))
        if low is not None and high is not None
    ]
    if not estimates and not pairs:
        pairs = [(-math.log(10.0), math.log(10.0))] if scale == "log" else [(-1.0, 1.0)]
    return nice_axis(estimates, pairs, scale, left=left, right=right, null=0.0 if table.null else None)


def _header(table: ForestTable, grid: _Grid, items: list[Item], y: float) -> float:
    """Group names, column titles and the rule below them; gives the y below the rule."""
    step = TEXT * LEADING
    groups = _groups(table.columns)
    wrapped = [
        wrap(table.columns[m[0]].group, grid.spans[m[-1]][1] - grid.spans[m[0]][0] + 4, TEXT, bold=True) for m in groups
    ]
    group_lines = max((len(lines) for lines in wrapped), default=0)
    for members, lines in zip(groups, wrapped, strict=True):
        left, right = grid.spans[members[0]][0], grid.spans[members[-1]][1]
        base = Label(x=(left + right) / 2, y=0, text="", bold=True, align="center", role="header")
        base = replace(base, y=y + step * (0.5 + group_lines - len(lines)))
        items += lines_of(base, lines)
        if len(members) > 1:
            under = y + step * group_lines + 1.5
            items.append(Path(points=((left, under), (right, under)), color=LINE, width=0.6, role="rule"))
    y += step * group_lines + (4 if group_lines else 0)
    titles = [wrap(c.title, 110, TEXT, bold=True) for c in table.columns]
    title_lines = max([1, *(len(t) for t in titles)])
    first = Label(x=MARGIN, y=y + step * (title_lines - 0.5), text=table.first, bold=True, role="header")
    items.append(first)
    for column, (left, right), lines in zip(table.columns, grid.spans, titles, strict=True):
        base = _in_column(column, left, right, y + step * (0.5 + title_lines - len(lines)), "")
        items += lines_of(replace(base, bold=True, role="header"), lines)
    y += step * title_lines + 4
    items.append(Path(points=((MARGIN, y), (grid.width - MARGIN, y)), width=0.9, role="rule"))
    return y


def _in_column(column: ForestColumn, left: float, right: float, y: float, text: str) -> Label:
    x = {"left": left, "center": (left + right) / 2, "right": right}[column.align]
    return Label(x=x, y=y, text=text, align=column.align, role="cell")


def _note_left(row: ForestRow, table: ForestTable, grid: _Grid) -> float:
    """Where the sentence of an excluded row begins: after its arm data, or in their place when it has none."""
    if row.kind == "note":
        return MARGIN + row.indent
    lefts = [span[0] for c, span in zip(table.columns, grid.spans, strict=True) if c.side == "left"]
    return lefts[0] if lefts and not any(row.cells) else grid.axis.left


def _crosses(row: ForestRow, grid: _Grid) -> bool:
    """Whether the sentence of a row runs across the plot: a note does where the room left of it is narrow."""
    return row.kind == "excluded" or (row.kind == "note" and grid.axis.left - GAP / 2 - MARGIN < NOTE_MIN)


def _note_lines(row: ForestRow, table: ForestTable, grid: _Grid) -> tuple[str, ...]:
    left = _note_left(row, table, grid)
    right = grid.axis.left - GAP / 2 if row.kind == "note" and not _crosses(row, grid) else grid.width - MARGIN
    return wrap(row.note, right - left, SMALL if row.kind == "note" else SMALL + 0.5, lines=6)


def _label_lines(row: ForestRow, grid: _Grid) -> tuple[str, ...]:
    if row.kind == "heading":
        return wrap(row.label, grid.axis.left - GAP - MARGIN, TEXT, bold=True)
    return wrap(row.label, grid.label_width - row.indent, TEXT, bold=row.kind == "pooled", lines=2)


def _row_height(row: ForestRow, table: ForestTable, grid: _Grid) -> float:
    if row.kind == "rule":
        return 7.0
    if row.kind == "gap":
        return 8.0
    if row.kind == "note":
        return SMALL * LEADING * len(_note_lines(row, table, grid)) + 3
    lines = len(_label_lines(row, grid))
    height = ROW + (lines - 1) * TEXT * LEADING
    if row.kind == "excluded":
        height = max(height, 5 + SMALL * 1.4 * len(_note_lines(row, table, grid)))
    return height


def _draw_row(row: ForestRow, y: float, height: float, table: ForestTable, grid: _Grid, items: list[Item]) -> None:
    middle = y + height / 2
    if row.kind == "rule":
        items.append(Path(points=((MARGIN, middle), (grid.width - MARGIN, middle)), color=LINE, width=0.6, role="rule"))
        return
    if row.kind == "gap":
        return
    if row.note:
        quiet = Label(x=_note_left(row, table, grid), y=middle, text="", color=GREY, role=row.kind)
        quiet = replace(quiet, size=SMALL if row.kind == "note" else SMALL + 0.5, italic=row.kind == "excluded")
        items += lines_of(quiet, _note_lines(row, table, grid), middle=True)
    color = GREY if row.kind in ("excluded", "light", "prediction") else INK
    bold = row.kind in ("pooled", "heading")
    if row.label:
        base = Label(x=MARGIN + row.indent, y=middle, text="", color=color, bold=bold, role=f"{row.kind}-label")
        items += lines_of(base, _label_lines(row, grid), middle=True)
    for column, (left, right), text in zip(table.columns, grid.spans, row.cells, strict=False):
        if text and column.dots:
            items += judgement_dot((left + right) / 2, middle, text)
        elif text:
            items.append(replace(_in_column(column, left, right, middle, text), color=color, bold=bold))
    items += _mark(row, middle, grid.axis)


JUDGEMENTS = {
    "low": (GREEN, "+"), "low risk": (GREEN, "+"), "+": (GREEN, "+"), "yes": (GREEN, "+"),
    "some concerns": (YELLOW, "?"), "unclear": (YELLOW, "?"), "moderate": (YELLOW, "?"), "?": (YELLOW, "?"),
    "unclear risk": (YELLOW, "?"), "moderate risk": (YELLOW, "?"), "some": (YELLOW, "?"),
    "high": (VERMILLION, "-"), "high risk": (VERMILLION, "-"), "serious": (VERMILLION, "-"), "-": (VERMILLION, "-"),
    "serious risk": (VERMILLION, "-"), "critical": (VERMILLION, "-"), "critical risk": (VERMILLION, "-"),
    "no": (VERMILLION, "-"),
}  # fmt: skip
"""Words of judgements (RoB 2, ROBINS-I, RoB 1) -> colour and sign; the sign tells them apart without colour."""


def judgement_dot(x: float, y: float, text: str) -> list[Item]:
    """A dot with its sign; a word that is no judgement is written beside an empty circle."""
    color, sign = JUDGEMENTS.get(text.strip().casefold(), ("#FFFFFF", text.strip()[:1]))
    mark = Label(x=x, y=y, text=sign.replace("-", "−"), size=TEXT, bold=True, align="center", role="judgement")
    return [Disc(x=x, y=y, r=DOT, fill=color, color=INK, width=0.4, role="dot"), mark]


def _mark(row: ForestRow, y: float, axis: Axis) -> list[Item]:
    """The square, diamond or bar of a row with its interval, arrows where it is cut."""
    if row.low is None or row.high is None or math.isnan(row.low) or math.isnan(row.high):
        return []
    if row.kind == "prediction":
        left, right = axis.at(row.low), axis.at(row.high)
        bar = rectangle(left, y - BAR, right, y + BAR, fill=ORANGE, role="prediction")
        return [bar, *_arrows(row.low, row.high, y, axis, ORANGE, BAR * 2.6)]
    if row.y is None or not math.isfinite(row.y):
        return []
    if row.kind in ("pooled", "light"):
        fill = row.color if row.kind == "pooled" else PALE
        shape = _diamond(row.y, row.low, row.high, y, axis)
        if row.kind == "light" and row.color != BLUE:
            fill = "#D0D0D0"
        diamond = Path(points=shape, fill=fill, color=row.color, width=0.6, closed=True, role=f"{row.kind}-diamond")
        return [diamond, *_arrows(row.low, row.high, y, axis, row.color, DIAMOND * 1.2)]
    items: list[Item] = []
    if row.wide is not None:
        ends = ((axis.at(row.wide[0]), y), (axis.at(row.wide[1]), y))
        items.append(Path(points=ends, color=ORANGE, width=2.6, role="prediction"))
        items += _arrows(row.wide[0], row.wide[1], y, axis, ORANGE, 5.0)
    size = SQUARE_PLAIN if row.weight is None else max(SQUARE_MIN, SQUARE_MAX * math.sqrt(max(row.weight, 0.0)))
    x, half = axis.at(row.y), size / 2
    items.append(rectangle(x - half, y - half, x + half, y + half, fill=row.color, role="square"))
    items.append(Path(points=((axis.at(row.low), y), (axis.at(row.high), y)), width=0.9, role="interval"))
    return items + _arrows(row.low, row.high, y, axis, INK, 4.0)


def _arrows(low: float, high: float, y: float, axis: Axis, color: str, size: float) -> list[Item]:
    heads: list[Item] = []
    if low < axis.low:
        heads.append(arrow_head(axis.left - 3, y, -1, color, size))
    if high > axis.high:
        heads.append(arrow_head(axis.right + 3, y, 1, color, size))
    return heads


def _diamond(value: float, low: float, high: float, y: float, axis: Axis) -> tuple[tuple[float, float], ...]:
    """Corners of a diamond; one that reaches beyond the axis is cut there and keeps its slope."""
    x, points = axis.at(value), []
    for end, limit in ((low, axis.low), (high, axis.high)):
        beyond = end < limit if limit == axis.low else end > limit
        if beyond:
            rest = 1.0 - (value - limit) / (value - end) if math.isfinite(end) and value != end else 1.0
            points.append((axis.at(limit), DIAMOND * min(max(rest, 0.0), 1.0)))
        else:
            points.append((axis.at(end), 0.0))
    (left, left_half), (right, right_half) = points
    corners = ((left, y - left_half), (x, y - DIAMOND), (right, y - right_half))
    return (*corners, (right, y + right_half), (x, y + DIAMOND), (left, y + left_half))


def _vertical(
    axis: Axis,
    value: float,
    top: float,
    bottom: float,
    blocked: Sequence[tuple[float, float]],
    color: str,
    role: str,
    dash: tuple[float, ...],
) -> list[Item]:
    """A vertical line at ``value`` with gaps where sentences stand."""
    if not axis.low <= value <= axis.high:
        return []
    x, start, pieces = axis.at(value), top, []
    for a, b in [*blocked, (bottom, bottom)]:
        end = min(a, bottom)
        if end > start:
            pieces.append(Path(points=((x, start), (x, end)), color=color, width=0.7, dash=dash, role=role))
        start = max(start, b)
    return list(pieces)


def _axis(table: ForestTable, grid: _Grid, items: list[Item], y: float) -> float:
    """Axis line, ticks and their labels, favours, axis title; gives the y below."""
    axis = grid.axis
    items.append(Path(points=((axis.left, y), (axis.right, y)), width=0.8, role="axis"))
    last = -math.inf
    for tick in axis.ticks:
        x, text = axis.at(tick), axis.tick_label(tick)
        items.append(Path(points=((x, y), (x, y + 3)), width=0.8, role="tick"))
        label = Label(x=x, y=y + 9, text=text, size=SMALL + 0.5, align="center", role="tick-label")
        if label.box.left > last + 2:
            items.append(label)
            last = label.box.right
    y += 15
    if table.favours is not None:
        y = _favours(table.favours, grid, items, y)
    middle = (axis.left + axis.right) / 2
    room = 2 * min(middle - MARGIN, grid.width - MARGIN - middle)
    lines = wrap(table.axis_title, room, SMALL + 0.5)
    base = Label(x=middle, y=y + 5, text="", size=SMALL + 0.5, align="center", color=GREY, role="axis-title")
    items += lines_of(base, lines)
    return y + 5 + (SMALL + 0.5) * LEADING * len(lines)


def _favours(favours: tuple[str, str], grid: _Grid, items: list[Item], y: float) -> float:
    x, deepest = grid.axis.at(0.0), 1
    for text, sign in zip(favours, (-1, 1), strict=True):
        room = (x - MARGIN if sign < 0 else grid.width - MARGIN - x) - FAVOURS_AT
        lines = wrap(text, max(room, 30.0), TEXT)
        base = Label(x=x + sign * FAVOURS_AT, y=y + 5, text="", align="right" if sign < 0 else "left", role="favours")
        items += lines_of(base, lines)
        items.append(Path(points=((x + sign * 5, y + 5), (x + sign * 14, y + 5)), width=0.8, role="favours-arrow"))
        items.append(replace(arrow_head(x + sign * 17, y + 5, sign), role="favours-arrow"))
        deepest = max(deepest, len(lines))
    return y + TEXT * LEADING * deepest + 2


def _footnotes(table: ForestTable, grid: _Grid, items: list[Item], y: float) -> float:
    y += 6 if table.footnotes else 0
    for note in table.footnotes:
        lines = wrap(note, grid.width - 2 * MARGIN, SMALL, lines=4)
        items += lines_of(Label(x=MARGIN, y=y + 4, text="", size=SMALL, color=GREY, role="footnote"), lines)
        y += SMALL * LEADING * len(lines) + 1
    return y
