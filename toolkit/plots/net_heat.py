"""Net heat plot: which designs the inconsistency of a network comes from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from toolkit.engine.network.heat import DesignContrast, NetHeat
from toolkit.plots.page import MARGIN, notes_below, title_above
from toolkit.plots.scene import Item, Label, Scene, draw_scene, lines_of, rectangle, wrap
from toolkit.plots.style import BLUE, INK, LINE, PAPER, SMALL, VERMILLION, text_size

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["draw_net_heat", "net_heat_scene"]

NAME_WIDTH = 190.0
MOST = 32  # contrasts that can be read side by side
LEGEND = (
    "Columns: design detached. Orange: detaching it takes inconsistency from the row's contrast; blue: it adds to it. "
    "Grey squares: share of the column's direct evidence in the row's network estimate (area)."
)


def draw_net_heat(heat: NetHeat, *, title: str | None = None, footnotes: Sequence[str] = ()) -> Figure:
    """Change of each contrast's inconsistency when a design is detached, over the share of direct evidence.

    Parameters
    ----------
    heat : as `toolkit.engine.network.net_heat` gives it
    title : line above the plot
    footnotes : sentences below it
    """
    return draw_scene(net_heat_scene(heat, title=title, footnotes=footnotes))


def net_heat_scene(heat: NetHeat, *, title: str | None = None, footnotes: Sequence[str] = ()) -> Scene:
    """What `draw_net_heat` draws, as data; the same parameters."""
    all_of_them = len(heat.contrasts)
    if all_of_them > MOST:
        heat = _most_inconsistent(heat)
        text = f"The {MOST} of {all_of_them} contrasts whose inconsistency changes most; JSON has them all."
        footnotes = (text, *footnotes)
    names = [_name(c) for c in heat.contrasts]
    count = len(names)
    size = 22.0 if count <= 20 else 15.0 if count <= 32 else 10.5
    lines = [wrap(name, NAME_WIDTH, SMALL, lines=2 if size > 18 else 1) for name in names]
    widest = max(text_size(line, SMALL)[0] for rows in lines for line in rows)
    left = MARGIN + widest + 8
    width = max(left + size * count + MARGIN, 380.0)
    items, y = title_above(title, width)
    top = y + widest + 10
    largest = max(float(abs(heat.q_diff).max()), 1e-12)
    for i in range(count):
        middle = top + size * (i + 0.5)
        first = Label(x=left - 5, y=middle, text="", size=SMALL, align="right", role="row")
        items += lines_of(first, lines[i], middle=True)
        x, step = left + size * (i + 0.5), SMALL * 1.3
        for k, line in enumerate(lines[i]):
            at = x + (k - (len(lines[i]) - 1) / 2) * step
            items.append(Label(x=at, y=top - 5, text=line, size=SMALL, upright=False, role="column"))
    items += _cells(heat, left, top, size, largest)
    y = _key(left, top + size * count + 10, largest, items)
    tau2 = f"Weights with the variance within designs, {heat.tau2_within:.3g}."
    below, height = notes_below((LEGEND, tau2, *footnotes), y, width)
    return Scene(width=width, height=height, items=(*items, *below))


def _most_inconsistent(heat: NetHeat) -> NetHeat:
    """The rows and columns with the largest changes, in their order."""
    size = np.maximum(np.abs(heat.q_diff).max(axis=0), np.abs(heat.q_diff).max(axis=1))
    keep = np.sort(np.argsort(-size, kind="stable")[:MOST])
    at = np.ix_(keep, keep)
    return replace(
        heat,
        contrasts=tuple(heat.contrasts[i] for i in keep),
        q=heat.q[keep],
        q_diff=heat.q_diff[at],
        hat=heat.hat[at],
    )


def _name(c: DesignContrast) -> str:
    """The contrast; with its design where that is a multi-arm one."""
    return f"{c.treatment} v {c.base}" + (f" ({c.design})" if c.design.count(":") > 1 else "")


def _cells(heat: NetHeat, left: float, top: float, size: float, largest: float) -> list[Item]:
    items: list[Item] = []
    for i in range(len(heat.contrasts)):
        for j in range(len(heat.contrasts)):
            x, y = left + size * j, top + size * i
            fill = shade(float(heat.q_diff[i, j]) / largest)
            items.append(rectangle(x, y, x + size, y + size, fill=fill, color=PAPER, role="cell"))
            half = 0.42 * size * min(1.0, abs(float(heat.hat[i, j]))) ** 0.5
            if half > 0.4:
                centre_x, centre_y = x + size / 2, y + size / 2
                corners = (centre_x - half, centre_y - half, centre_x + half, centre_y + half)
                items.append(rectangle(*corners, fill=LINE, color=None, role="share"))
    return items


def shade(value: float) -> str:
    """White at 0, orange towards 1, blue towards -1."""
    target = VERMILLION if value > 0 else BLUE
    strength = min(1.0, abs(value)) * 0.85
    parts = [int(target[k : k + 2], 16) for k in (1, 3, 5)]
    return "#" + "".join(f"{round(255 - strength * (255 - p)):02X}" for p in parts)


def _key(left: float, y: float, largest: float, items: list[Item]) -> float:
    """A strip from the most negative to the most positive change."""
    step = 9.0
    for k in range(11):
        x = left + step * k
        items.append(rectangle(x, y, x + step, y + 8, fill=shade((k - 5) / 5), color=LINE, role="key"))
    for k, text in ((0, f"−{largest:.1f}"), (5, "0"), (10, f"+{largest:.1f}")):
        x = left + step * (k + 0.5)
        items.append(Label(x=x, y=y + 15, text=text, size=SMALL, align="center", color=INK, role="key"))
    return y + 26
