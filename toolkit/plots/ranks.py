"""Rankograms with cumulative (SUCRA) curves, one small panel a treatment."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from toolkit.engine.network.rank import RankProbabilities
from toolkit.plots.chart import Frame, left_axis
from toolkit.plots.scene import LEADING, Item, Label, Path, Scene, draw_scene, lines_of, rectangle, wrap
from toolkit.plots.style import GREY, INK, SKY, SMALL, TEXT, TITLE, VERMILLION

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["draw_ranks", "ranks_scene"]

MARGIN, LEFT, ACROSS, DOWN = 14.0, 42.0, 22.0, 54.0
PANEL_HEIGHT = 74.0


def draw_ranks(ranks: RankProbabilities, *, title: str | None = None, footnotes: Sequence[str] = ()) -> Figure:
    """Rank probabilities as bars and their cumulative sum as a line, treatments in the order of ``ranks``.

    A ranking that must not be a headline carries its caution right under the title.

    Parameters
    ----------
    ranks : as `toolkit.engine.network.rank_probabilities` gives them
    title : line above the panels
    footnotes : sentences below the panels
    """
    return draw_scene(ranks_scene(ranks, title=title, footnotes=footnotes))


def ranks_scene(ranks: RankProbabilities, *, title: str | None = None, footnotes: Sequence[str] = ()) -> Scene:
    """What `draw_ranks` draws, as data; the same parameters."""
    count = len(ranks.treatments)
    per_row = min(count, 4 if count <= 24 else 6)
    panel = max(104.0, min(160.0, count * 3.2))
    width = max(LEFT + per_row * (panel + ACROSS) + MARGIN, 340.0)
    items: list[Item] = []
    y = MARGIN
    if title:
        lines = wrap(title, width - 2 * MARGIN, TITLE, bold=True)
        items += lines_of(Label(x=MARGIN, y=y + TITLE / 2, text="", size=TITLE, bold=True, role="title"), lines)
        y += TITLE * LEADING * len(lines) + 4
    if ranks.caution:
        lines = wrap(ranks.caution, width - 2 * MARGIN, TEXT, lines=5)
        items += lines_of(Label(x=MARGIN, y=y + 5, text="", color=VERMILLION, role="caution"), lines)
        y += TEXT * LEADING * len(lines) + 4
    names = [wrap(name, panel, TEXT, bold=True, lines=3) for name in ranks.treatments]
    extra = TEXT * LEADING * (max(len(lines) for lines in names) - 1)
    down = PANEL_HEIGHT + DOWN + extra
    y += 22 + extra
    for i in range(count):
        row, column = divmod(i, per_row)
        left, top = LEFT + column * (panel + ACROSS), y + row * down
        frame = Frame(left=left, top=top, right=left + panel, bottom=top + PANEL_HEIGHT, at_bottom=0.0, at_top=1.0)
        items += _panel(ranks, i, frame, first=column == 0)
    y += -(-count // per_row) * down - DOWN - extra + 34
    good = "small" if ranks.small_values == "good" else "large"
    legend = (
        f"Bars: probability of each rank (rank 1: best, {good} values being good). Line: cumulative probability. "
        f"{ranks.model.capitalize()} effects, {ranks.draws:,} draws."
    )
    for note in (legend, *footnotes):
        lines = wrap(note, width - 2 * MARGIN, SMALL, lines=4)
        items += lines_of(Label(x=MARGIN, y=y + 4, text="", size=SMALL, color=GREY, role="footnote"), lines)
        y += SMALL * LEADING * len(lines) + 2
    return Scene(width=width, height=y + MARGIN * 0.6, items=tuple(items))


def _panel(ranks: RankProbabilities, i: int, frame: Frame, *, first: bool) -> list[Item]:
    count = len(ranks.treatments)
    step = (frame.right - frame.left) / count
    names = wrap(ranks.treatments[i], frame.right - frame.left, TEXT, bold=True, lines=3)
    base = Label(x=frame.left, y=frame.top - 18 - TEXT * LEADING * (len(names) - 1), text="", bold=True, role="name")
    items: list[Item] = [
        *lines_of(base, names),
        Label(x=frame.left, y=frame.top - 7, text=f"SUCRA {ranks.sucra[i]:.0%}", size=SMALL, color=GREY, role="sucra"),
    ]
    total, points = 0.0, []
    for rank in range(count):
        p = float(ranks.probability[i, rank])
        total += p
        left = frame.left + rank * step
        pad = 0.12 * step
        items.append(rectangle(left + pad, frame.y(p), left + step - pad, frame.bottom, fill=SKY, role="bar"))
        points.append((left + step / 2, frame.y(min(total, 1.0))))
    items.append(Path(points=tuple(points), color=VERMILLION, width=1.2, role="cumulative"))
    items.append(Path(points=((frame.left, frame.bottom), (frame.right, frame.bottom)), color=INK, role="axis"))
    every = next(n for n in (1, 2, 5, 10, 20, 50, 100) if n * step >= 13 or n == 100)
    for rank in range(count):
        if (rank + 1) % every == 0 or (rank == 0 and every > 2):
            x = frame.left + (rank + 0.5) * step
            items.append(Label(x=x, y=frame.bottom + 8, text=str(rank + 1), size=SMALL, align="center", role="tick"))
    middle = (frame.left + frame.right) / 2
    items.append(Label(x=middle, y=frame.bottom + 19, text="Rank", size=SMALL, align="center", color=GREY, role="tick"))
    if first:
        items += left_axis(frame, (0.0, 0.5, 1.0), lambda v: f"{v:.0%}", "")
    return items
