"""Contribution bars: which studies, or which levels of risk of bias, each network estimate rests on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from toolkit.engine.network.contributions import Contributions, contributions_by_level
from toolkit.plots.page import MARGIN, notes_below, title_above
from toolkit.plots.scene import Item, Label, Path, Scene, draw_scene, lines_of, rectangle, wrap
from toolkit.plots.style import GREEN, GREY, INK, LINE, ORANGE, PAPER, SKY, SMALL, TEXT, VERMILLION, text_size

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["LEVELS", "contribution_scene", "draw_contributions"]

BAR_WIDTH, ROW, NAME_WIDTH = 380.0, 20.0, 170.0
# Levels of a judgement in order, best first; others follow by name in grey.
LEVELS = {"low": GREEN, "some concerns": ORANGE, "moderate": ORANGE, "unclear": ORANGE, "serious": VERMILLION,
          "high": VERMILLION, "critical": "#8B2E00"}  # fmt: skip
# Comparisons beyond this make no readable figure: those with the reference stay.
MOST_ROWS = 45


def draw_contributions(
    found: Contributions,
    *,
    level: Mapping[str, str] | None = None,
    reference: str | None = None,
    title: str | None = None,
    footnotes: Sequence[str] = (),
) -> Figure:
    """A bar for each network estimate, cut by the studies it rests on or by their level.

    Parameters
    ----------
    found : as `toolkit.engine.network.contributions` gives them
    level : judgement of each study, such as risk of bias ("low", "some concerns", "high"); None cuts by study
    reference : only comparisons with this treatment; None takes all while they fit
    title, footnotes : lines above and below
    """
    return draw_scene(contribution_scene(found, level=level, reference=reference, title=title, footnotes=footnotes))


def contribution_scene(
    found: Contributions,
    *,
    level: Mapping[str, str] | None = None,
    reference: str | None = None,
    title: str | None = None,
    footnotes: Sequence[str] = (),
) -> Scene:
    """What `draw_contributions` draws, as data; the same parameters."""
    rows = [i for i, pair in enumerate(found.comparisons) if reference is None or reference in pair][:MOST_ROWS]
    names = [wrap(" v ".join(found.comparisons[i]), NAME_WIDTH, TEXT, lines=1) for i in rows]
    left = MARGIN + max(text_size(lines[0])[0] for lines in names) + 8
    width = left + BAR_WIDTH + MARGIN + 8
    items, y = title_above(title, width)
    for lines, i in zip(names, rows, strict=True):
        middle = y + ROW / 2
        items += lines_of(Label(x=left - 6, y=middle, text="", align="right", role="row"), lines, middle=True)
        parts = _by_study(found, i) if level is None else _by_level(found, i, level)
        x = left
        for text, share, fill in parts:
            size = share * BAR_WIDTH
            items.append(rectangle(x, y + 3, x + size, y + ROW - 3, fill=fill, color=PAPER, role="part"))
            if text_size(text, SMALL)[0] + 4 < size:
                items.append(Label(x=x + size / 2, y=middle, text=text, size=SMALL, align="center", role="part-name"))
            x += size
        y += ROW
    items.append(Path(points=((left, y + 1), (left + BAR_WIDTH, y + 1)), color=INK, role="axis"))
    for share in (0.0, 0.25, 0.5, 0.75, 1.0):
        x = left + share * BAR_WIDTH
        items.append(Path(points=((x, y + 1), (x, y + 4)), role="tick"))
        items.append(Label(x=x, y=y + 10, text=f"{share:.0%}", size=SMALL, align="center", color=GREY, role="tick"))
    y += 22
    if level is not None:
        y = _legend(found, level, left, y, items)
    how = f"Contributions by {found.method}, {found.model} effects"
    how += "." if level is not None else "; studies from the largest share to the smallest, named where there is room."
    more = () if len(rows) < MOST_ROWS else (f"The first {MOST_ROWS} comparisons.",)
    below, height = notes_below((how, *more, *footnotes), y, width)
    return Scene(width=width, height=height, items=(*items, *below))


def _by_study(found: Contributions, row: int) -> list[tuple[str, float, str]]:
    shares = found.study_proportion[row]
    order = [int(s) for s in np.argsort(-shares) if shares[s] > 1e-9]
    return [(found.studies[s], float(shares[s]), SKY if k % 2 == 0 else "#B5DCF3") for k, s in enumerate(order)]


def _by_level(found: Contributions, row: int, level: Mapping[str, str]) -> list[tuple[str, float, str]]:
    levels, shares = contributions_by_level(found, level)
    return [
        (f"{share:.0%}", float(share), LEVELS.get(name.casefold(), LINE))
        for name, share in _in_order(levels, shares[row].tolist())
        if share > 1e-9
    ]


def _in_order(levels: Sequence[str], shares: Sequence[float]) -> list[tuple[str, float]]:
    known = list(LEVELS)
    place = {name: known.index(name.casefold()) if name.casefold() in LEVELS else len(known) for name in levels}
    return sorted(zip(levels, shares, strict=True), key=lambda pair: (place[pair[0]], pair[0]))


def _legend(found: Contributions, level: Mapping[str, str], x: float, y: float, items: list[Item]) -> float:
    levels, shares = contributions_by_level(found, level)
    for name, _ in _in_order(levels, shares.sum(axis=0).tolist()):
        fill = LEVELS.get(name.casefold(), LINE)
        items.append(rectangle(x, y, x + 9, y + 9, fill=fill, color=LINE, role="key"))
        items.append(Label(x=x + 13, y=y + 4.5, text=name, size=SMALL, role="key"))
        x += 13 + text_size(name, SMALL)[0] + 14
    return y + 16
