"""Effect modifiers by comparison: a box for numbers, a bar of shares for words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from toolkit.engine.network.transitivity import ModifierRow, ModifierTable
from toolkit.plots.chart import Frame, bottom_axis
from toolkit.plots.numbers import Axis, format_p, linear_ticks
from toolkit.plots.page import MARGIN, notes_below, title_above
from toolkit.plots.scene import Disc, Item, Label, Path, Scene, draw_scene, lines_of, rectangle, wrap
from toolkit.plots.style import (
    BLUE,
    GREEN,
    GREY,
    INK,
    LINE,
    ORANGE,
    PAPER,
    PURPLE,
    SKY,
    SMALL,
    TEXT,
    VERMILLION,
    text_size,
)

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["draw_modifier", "modifier_scene"]

ROW, SIDE, NAME_WIDTH = 24.0, 300.0, 190.0
COLOURS = (SKY, ORANGE, GREEN, PURPLE, VERMILLION, BLUE, GREY)


def draw_modifier(table: ModifierTable, *, title: str | None = None, footnotes: Sequence[str] = ()) -> Figure:
    """How a modifier is spread over the comparisons, every study a dot.

    Parameters
    ----------
    table : as `toolkit.engine.network.modifier_table` gives it
    title, footnotes : lines above and below
    """
    return draw_scene(modifier_scene(table, title=title, footnotes=footnotes))


def modifier_scene(table: ModifierTable, *, title: str | None = None, footnotes: Sequence[str] = ()) -> Scene:
    """What `draw_modifier` draws, as data; the same parameters."""
    texts = [f"{r.comparison} ({r.reported} of {r.studies})" for r in table.rows]
    names = [wrap(text, NAME_WIDTH, TEXT, lines=2) for text in texts]
    left = MARGIN + max(text_size(line)[0] for lines in names for line in lines) + 10
    width = left + SIDE + MARGIN + 8
    items, y = title_above(title or table.modifier, width)
    frame = Frame(left=left, top=y, right=left + SIDE, bottom=y + ROW * len(names), at_bottom=0.0, at_top=1.0)
    axis = _axis(table, frame)
    words = sorted({word for r in table.rows for word, _ in r.counts})
    for i, (row, lines) in enumerate(zip(table.rows, names, strict=True)):
        middle = y + ROW * (i + 0.5)
        items += lines_of(Label(x=left - 6, y=middle, text="", align="right", role="row"), lines, middle=True)
        items += _box(row, axis, middle) if table.numeric else _shares(row, words, frame, middle)
    if table.numeric:
        items += bottom_axis(frame, axis, table.modifier)
        bottom = frame.bottom + 36
    else:
        bottom = _key(words, left, frame.bottom + 8, items)
    notes = ["In brackets: studies that report it, of those of the comparison. " + _test(table)]
    below, height = notes_below((*notes, *footnotes), bottom, width)
    return Scene(width=width, height=height, items=(*items, *below))


def _test(table: ModifierTable) -> str:
    if not table.numeric:
        return "Bars: share of studies."
    box = "Boxes: median and quartiles; lines: range; dots: studies."
    if table.p is None:
        return f"{box} Not compared: {table.reason}."
    return f"{box} Kruskal-Wallis: {format_p(table.p)} (a guide: multi-arm studies count in each comparison)."


def _axis(table: ModifierTable, frame: Frame) -> Axis:
    values = [x for r in table.rows for x in r.values] or [0.0, 1.0]
    low, high = min(values), max(values)
    pad = 0.06 * (high - low) or 0.5
    low, high = low - pad, high + pad
    ticks = linear_ticks(low, high, 6)
    return Axis(low=low, high=high, left=frame.left, right=frame.right, scale="identity", ticks=ticks)


def _box(row: ModifierRow, axis: Axis, middle: float) -> list[Item]:
    if row.minimum is None or row.maximum is None or row.lower is None or row.upper is None or row.median is None:
        return [Label(x=axis.left + 4, y=middle, text="not reported", size=SMALL, color=GREY, role="message")]
    line = ((axis.at(row.minimum), middle), (axis.at(row.maximum), middle))
    lower, upper, median = (axis.at(x) for x in (row.lower, row.upper, row.median))
    items: list[Item] = [Path(points=line, color=INK, width=0.7, role="range")]
    if len(row.values) > 2:
        items.append(rectangle(lower, middle - 6, upper, middle + 6, fill="#D6E9F5", color=BLUE, role="box"))
    items.append(Path(points=((median, middle - 6), (median, middle + 6)), color=BLUE, width=1.6, role="median"))
    items += [Disc(x=axis.at(x), y=middle, r=1.8, fill=INK, color=PAPER, width=0.4, role="study") for x in row.values]
    return items


def _shares(row: ModifierRow, words: Sequence[str], frame: Frame, middle: float) -> list[Item]:
    if not row.counts:
        return [Label(x=frame.left + 4, y=middle, text="not reported", size=SMALL, color=GREY, role="message")]
    items: list[Item] = []
    x = frame.left
    for word, n in row.counts:
        size = n / row.reported * SIDE
        fill = COLOURS[words.index(word) % len(COLOURS)]
        items.append(rectangle(x, middle - 7, x + size, middle + 7, fill=fill, color=PAPER, role="share"))
        if size > 12:
            items.append(Label(x=x + size / 2, y=middle, text=str(n), size=SMALL, align="center", role="count"))
        x += size
    return items


def _key(words: Sequence[str], left: float, y: float, items: list[Item]) -> float:
    x = left
    for i, word in enumerate(words):
        text = wrap(word, SIDE - 16, SMALL, lines=1)[0]
        if x > left and x + 13 + text_size(text, SMALL)[0] > left + SIDE:
            x, y = left, y + 13
        items.append(rectangle(x, y, x + 9, y + 9, fill=COLOURS[i % len(COLOURS)], color=LINE, role="key"))
        items.append(Label(x=x + 13, y=y + 4.5, text=text, size=SMALL, role="key"))
        x += 13 + text_size(text, SMALL)[0] + 14
    return y + 16
