"""Rank-heat table: P-scores of the treatments, one column an outcome."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from toolkit.engine.network.outcomes import OutcomeRanks
from toolkit.plots.page import MARGIN, notes_below, title_above
from toolkit.plots.scene import Item, Label, Scene, draw_scene, lines_of, rectangle, wrap
from toolkit.plots.style import FAINT, PAPER, SMALL, TEXT, text_size

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["draw_rank_heat", "rank_heat_scene"]

NAME_WIDTH, CELL_W, CELL_H = 170.0, 92.0, 20.0
LOW, MIDDLE, HIGH = (213, 94, 0), (255, 255, 255), (0, 158, 115)


def draw_rank_heat(ranks: OutcomeRanks, *, title: str | None = None, footnotes: Sequence[str] = ()) -> Figure:
    """P-scores as colours, from orange (0) over white to green (1).

    Parameters
    ----------
    ranks : as `toolkit.engine.network.outcome_ranks` gives them
    title, footnotes : lines above and below
    """
    return draw_scene(rank_heat_scene(ranks, title=title, footnotes=footnotes))


def rank_heat_scene(ranks: OutcomeRanks, *, title: str | None = None, footnotes: Sequence[str] = ()) -> Scene:
    """What `draw_rank_heat` draws, as data; the same parameters."""
    rows = [wrap(name, NAME_WIDTH, TEXT, lines=1) for name in ranks.treatments]
    heads = [wrap(name, CELL_W - 6, TEXT, bold=True, lines=3) for name in ranks.outcomes]
    left = MARGIN + max(text_size(lines[0])[0] for lines in rows) + 8
    width = max(left + CELL_W * len(heads) + MARGIN, 320.0)
    items, y = title_above(title, width)
    tall = TEXT * 1.3 * max(len(lines) for lines in heads)
    for k, lines in enumerate(heads):
        x = left + CELL_W * (k + 0.5)
        first = Label(x=x, y=y + 5, text="", align="center", bold=True, role="outcome")
        items += lines_of(first, lines)
    top = y + tall + 4
    for i, lines in enumerate(rows):
        middle = top + CELL_H * (i + 0.5)
        items += lines_of(Label(x=left - 6, y=middle, text="", align="right", role="row"), lines, middle=True)
        for k in range(len(heads)):
            items += _cell(float(ranks.score[i, k]), left + CELL_W * k, top + CELL_H * i)
    notes = ["P-scores, 1 best; treatments by their mean. Grey: the outcome's network lacks the treatment."]
    best = f"Not below any other treatment on all outcomes: {', '.join(ranks.best)}."
    below, height = notes_below((*notes, best, *footnotes), top + CELL_H * len(rows) + 8, width)
    return Scene(width=width, height=height, items=(*items, *below))


def _cell(score: float, x: float, y: float) -> list[Item]:
    if np.isnan(score):
        return [rectangle(x, y, x + CELL_W, y + CELL_H, fill=FAINT, color=PAPER, role="missing")]
    target, share = (HIGH, 2 * score - 1) if score > 0.5 else (LOW, 1 - 2 * score)
    fill = "#" + "".join(f"{round(m + 0.8 * share * (t - m)):02X}" for m, t in zip(MIDDLE, target, strict=True))
    middle = Label(
        x=x + CELL_W / 2, y=y + CELL_H / 2, text=f"{score:.2f}", size=SMALL + 0.5, align="center", role="score"
    )
    return [rectangle(x, y, x + CELL_W, y + CELL_H, fill=fill, color=PAPER, role="cell"), middle]
