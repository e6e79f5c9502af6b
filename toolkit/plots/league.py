"""League table as a heat map: every treatment against every other, colour by effect."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from toolkit.engine.network.views import LeagueTable
from toolkit.plots.forest import axis_title
from toolkit.plots.numbers import decimals_for, format_effect
from toolkit.plots.scene import LEADING, Item, Label, Path, Scene, draw_scene, lines_of, rectangle, wrap
from toolkit.plots.style import BLUE, FAINT, GREY, INK, ORANGE, PAPER, SMALL, TEXT, TITLE, text_size

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["draw_league", "league_scene"]

MARGIN = 14.0
# Up to so many treatments a cell has room for the interval, and for the estimate alone; beyond, colour only.
WITH_INTERVAL, WITH_ESTIMATE = 14, 32


@dataclass(frozen=True, slots=True, kw_only=True)
class _Grid:
    """What each cell shows: the first table, or below the diagonal the first and above it the second."""

    names: tuple[str, ...]
    below: LeagueTable
    above: LeagueTable

    def at(self, i: int, j: int) -> tuple[LeagueTable, int, int] | None:
        """The table of a cell and the place in it; None on the diagonal and where that table lacks a treatment."""
        table = self.below if j < i else self.above
        if i == j or self.names[i] not in table.treatments or self.names[j] not in table.treatments:
            return None
        return table, table.treatments.index(self.names[i]), table.treatments.index(self.names[j])


def draw_league(
    table: LeagueTable,
    *,
    second: LeagueTable | None = None,
    outcomes: tuple[str, str] = ("first outcome", "second outcome"),
    title: str | None = None,
    footnotes: Sequence[str] = (),
) -> Figure:
    """Heat map of a league table.

    Blue cells lie below no effect, orange ones above; pale cells have an interval that includes no effect. Colour
    says how large the effect is, not which treatment is better.

    Parameters
    ----------
    table : as `toolkit.engine.network.league_table` gives it (model scale)
    second : the league table of another outcome, which then stands above the diagonal (and `table` below it)
    outcomes : names of the two
    title : line above the table
    footnotes : sentences below the table
    """
    return draw_scene(league_scene(table, second=second, outcomes=outcomes, title=title, footnotes=footnotes))


def league_scene(
    table: LeagueTable,
    *,
    second: LeagueTable | None = None,
    outcomes: tuple[str, str] = ("first outcome", "second outcome"),
    title: str | None = None,
    footnotes: Sequence[str] = (),
) -> Scene:
    """What `draw_league` draws, as data; the same parameters."""
    above = table if second is None else second
    names = (*table.treatments, *(t for t in above.treatments if t not in table.treatments))
    grid, count = _Grid(names=names, below=table, above=above), len(names)
    size = TEXT if count <= WITH_ESTIMATE else SMALL
    cell_w, cell_h = _cell(grid)
    rows = [wrap(name, 150.0, size, bold=True, lines=1 if cell_h < 20 else 2) for name in names]
    left = MARGIN + max(text_size(line, size, bold=True)[0] for lines in rows for line in lines) + 8
    columns, upright, head = _column_names(names, cell_w, size)
    width = max(left + cell_w * count + MARGIN, 320.0)
    items: list[Item] = []
    y = MARGIN
    if title:
        lines = wrap(title, width - 2 * MARGIN, TITLE, bold=True)
        items += lines_of(Label(x=MARGIN, y=y + TITLE / 2, text="", size=TITLE, bold=True, role="title"), lines)
        y += TITLE * LEADING * len(lines) + 6
    top = y + head
    for i in range(count):
        middle = top + cell_h * (i + 0.5)
        base = Label(x=left - 6, y=middle, text="", size=size, align="right", bold=True, role="row")
        items += lines_of(base, rows[i], middle=True)
        x, step = left + cell_w * (i + 0.5), size * LEADING
        for k, line in enumerate(columns[i]):
            back = len(columns[i]) - 1 - k
            if upright:
                place = Label(x=x, y=top - size * 0.8 - back * step, text=line, align="center")
            else:
                place = Label(x=x + (k - (len(columns[i]) - 1) / 2) * step, y=top - 5, text=line, upright=False)
            items.append(replace(place, size=size, bold=True, role="column"))
    items += _cells(grid, left, top, cell_w, cell_h)
    y = top + cell_h * count + 10
    y = _key((table,) if second is None else (table, second), y, items)
    said = [table.direction]
    if second is not None:
        one, two = (f"{x} ({t.measure}, {t.model} effects)" for x, t in zip(outcomes, (table, second), strict=True))
        said = ["Row treatment against column treatment. Grey off the diagonal: that outcome lacks the treatment."]
        said.insert(0, f"Below the diagonal: {one}; above it: {two}.")
    for note in (*said, *footnotes):
        lines = wrap(note, width - 2 * MARGIN, SMALL, lines=4)
        items += lines_of(Label(x=MARGIN, y=y + 4, text="", size=SMALL, color=GREY, role="footnote"), lines)
        y += SMALL * LEADING * len(lines) + 2
    return Scene(width=width, height=y + MARGIN * 0.6, items=tuple(items))


def _column_names(names: Sequence[str], cell_w: float, size: float) -> tuple[list[tuple[str, ...]], bool, float]:
    """Lines of each column's name, whether they stand upright, and the height they need; turned where too wide."""
    flat = [wrap(name, cell_w - 6, size, bold=True, lines=3) for name in names]
    if not any(line.endswith("…") for lines in flat for line in lines):
        return flat, True, size * LEADING * max(len(lines) for lines in flat) + 5
    room = max(1, min(3, int(cell_w / (size * LEADING))))
    turned = [wrap(name, 120.0, size, bold=True, lines=room) for name in names]
    return turned, False, max(text_size(line, size, bold=True)[0] for lines in turned for line in lines) + 7


def _decimals(table: LeagueTable) -> int:
    return decimals_for([float(w) for w in (table.high - table.low).ravel()], table.scale)


def _texts(table: LeagueTable, i: int, j: int, decimals: int) -> tuple[str, str]:
    value = format_effect(float(table.estimate[i, j]), table.scale, decimals)
    low, high = (format_effect(float(a[i, j]), table.scale, decimals) for a in (table.low, table.high))
    return value, f"{low} to {high}"


def _cell(grid: _Grid) -> tuple[float, float]:
    """Width and height of a cell by what it has to hold."""
    count = len(grid.names)
    if count > WITH_ESTIMATE:
        return 11.0, 11.0
    decimals = {id(table): _decimals(table) for table in (grid.below, grid.above)}
    found = (grid.at(i, j) for i in range(count) for j in range(count))
    pairs = [_texts(*spot, decimals[id(spot[0])]) for spot in found if spot is not None]
    if count > WITH_INTERVAL:
        return max([22.0, *(text_size(value, SMALL)[0] + 6 for value, _ in pairs)]), 17.0
    return max([40.0, *(text_size(interval, SMALL)[0] + 8 for _, interval in pairs)]), 28.0


def _cells(grid: _Grid, left: float, top: float, cell_w: float, cell_h: float) -> list[Item]:
    count, items = len(grid.names), list[Item]()
    decimals = {id(table): _decimals(table) for table in (grid.below, grid.above)}
    largest = {id(table): _largest(table) for table in (grid.below, grid.above)}
    for i in range(count):
        for j in range(count):
            x, y = left + cell_w * j, top + cell_h * i
            spot = grid.at(i, j)
            fill = FAINT if spot is None else _color(*spot, largest[id(spot[0])])
            items.append(rectangle(x, y, x + cell_w, y + cell_h, fill=fill, color=PAPER, role="cell"))
            if spot is None or count > WITH_ESTIMATE:
                continue
            value, interval = _texts(*spot, decimals[id(spot[0])])
            clear = _excludes_null(*spot)
            middle, tall = x + cell_w / 2, count <= WITH_INTERVAL
            size = TEXT if tall else SMALL
            at = y + cell_h * (0.34 if tall else 0.5)
            items.append(Label(x=middle, y=at, text=value, size=size, align="center", bold=clear, role="value"))
            if tall:
                at = y + cell_h * 0.72
                items.append(
                    Label(x=middle, y=at, text=interval, size=SMALL, align="center", color=INK, role="interval")
                )
    return items


def _excludes_null(table: LeagueTable, i: int, j: int) -> bool:
    return bool(table.low[i, j] > 0 or table.high[i, j] < 0)


def _largest(table: LeagueTable) -> float:
    """The effect that gets full colour: the largest but for the outermost tenth, so that one outlier leaves shades."""
    values = sorted(abs(float(v)) for v in table.estimate.ravel() if v != 0 and math.isfinite(float(v)))
    return values[min(len(values) - 1, int(0.9 * len(values)))] if values else 1.0


def _color(table: LeagueTable, i: int, j: int, largest: float) -> str:
    value = float(table.estimate[i, j])
    strength = min(1.0, abs(value) / largest) * (0.75 if _excludes_null(table, i, j) else 0.28)
    return _blend(BLUE if value < 0 else ORANGE, strength * (0.75 if value < 0 else 1.0))


def _blend(color: str, share: float) -> str:
    """``share`` of ``color`` on white."""
    parts = (int(color[k : k + 2], 16) for k in (1, 3, 5))
    return "#" + "".join(f"{round(255 + (part - 255) * share):02X}" for part in parts)


def _key(tables: Sequence[LeagueTable], y: float, items: list[Item]) -> float:
    """Four shades with their meaning."""
    name = " or ".join(dict.fromkeys(axis_title(t.measure, t.scale).split(" (")[0] for t in tables))
    null = " or ".join(dict.fromkeys("1" if t.scale == "log" else "0" for t in tables))
    null = null if " " not in null else "no effect"
    entries = (
        (_blend(BLUE, 0.56), f"{name} below {null}, interval excludes {null}"),
        (_blend(BLUE, 0.2), f"below {null}"),
        (_blend(ORANGE, 0.28), f"above {null}"),
        (_blend(ORANGE, 0.75), f"above {null}, interval excludes {null}"),
    )
    for shade, text in entries:
        items.append(Path(points=((MARGIN, y + 4), (MARGIN + 12, y + 4)), color=shade, width=8.0, role="key"))
        items.append(Label(x=MARGIN + 17, y=y + 4, text=text, size=SMALL, role="key"))
        y += 11
    return y + 3
