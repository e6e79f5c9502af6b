"""Hasse diagram: the order of the treatments that all outcomes agree on, better ones above."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING

from toolkit.engine.network.outcomes import OutcomeRanks
from toolkit.plots.page import MARGIN, notes_below, title_above
from toolkit.plots.scene import LEADING, Item, Label, Path, Scene, draw_scene, lines_of, rectangle, wrap
from toolkit.plots.style import BLUE, GREY, INK, PAPER, TEXT, text_size

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["draw_hasse", "hasse_scene"]

NAME_WIDTH, PAD, APART, STOREY = 120.0, 6.0, 16.0, 40.0
SWEEPS = 8


def draw_hasse(ranks: OutcomeRanks, *, title: str | None = None, footnotes: Sequence[str] = ()) -> Figure:
    """Treatments joined by a line where the upper one is better on some outcome and worse on none.

    Parameters
    ----------
    ranks : as `toolkit.engine.network.outcome_ranks` gives them; treatments that an outcome lacks are not drawn
    title, footnotes : lines above and below
    """
    return draw_scene(hasse_scene(ranks, title=title, footnotes=footnotes))


def hasse_scene(ranks: OutcomeRanks, *, title: str | None = None, footnotes: Sequence[str] = ()) -> Scene:
    """What `draw_hasse` draws, as data; the same parameters."""
    names = {name: wrap(name, NAME_WIDTH, TEXT, lines=3) for name in ranks.ordered}
    wide = {name: max(text_size(line)[0] for line in lines) + 2 * PAD for name, lines in names.items()}
    storeys = _storeys(ranks)
    spans = [sum(wide.get(x, APART) for x in row) + APART * (len(row) - 1) for row in storeys]
    width = max([320.0, *(span + 2 * MARGIN for span in spans)])
    items, top = title_above(title, width)
    tall = TEXT * LEADING * max((len(lines) for lines in names.values()), default=1) + 2 * PAD
    place: dict[str, tuple[float, float]] = {}
    for level, (row, span) in enumerate(zip(storeys, spans, strict=True)):
        x = (width - span) / 2
        for name in row:
            own = wide.get(name, APART)
            place[name] = (x + own / 2, top + tall / 2 + level * (tall + STOREY))
            x += own + APART
    shapes: list[Item] = []
    for upper, lower in ranks.above:
        stops = [upper, *_passed(upper, lower, storeys), lower]
        path = tuple(place[x] for x in stops)
        shapes.append(Path(points=path, color=GREY, width=1.0, role="line"))
    for name, lines in names.items():
        (x, y), half = place[name], wide[name] / 2
        edge = BLUE if name in ranks.best else GREY
        shapes.append(rectangle(x - half, y - tall / 2, x + half, y + tall / 2, fill=PAPER, color=edge, role="node"))
        shapes += lines_of(Label(x=x, y=y, text="", align="center", color=INK, role="name"), lines, middle=True)
    bottom = top + len(storeys) * tall + max(len(storeys) - 1, 0) * STOREY
    notes = [
        "A treatment joined to one below it is better on some outcome and worse on none, by P-scores; two that no way "
        f"down joins cannot be put in order. Outcomes: {', '.join(ranks.outcomes)}. Blue: no treatment is above it.",
    ]
    missing = [t for t in ranks.treatments if t not in ranks.ordered]
    if missing:
        notes.append(f"Not drawn, since an outcome lacks them: {', '.join(missing)}.")
    below, height = notes_below((*notes, *footnotes), bottom + 10, width)
    return Scene(width=width, height=height, items=(*items, *shapes, *below))


def _levels(ranks: OutcomeRanks) -> dict[str, int]:
    """How many treatments stand one above the other up to each, counted along the longest way."""
    level = dict.fromkeys(ranks.ordered, 0)
    for _ in ranks.ordered:
        for upper, lower in ranks.above:
            level[lower] = max(level[lower], level[upper] + 1)
    return level


def _via(upper: str, lower: str, storey: int) -> str:
    """Name of the place where a line passes a storey it does not stop at; no treatment has a line break in its name."""
    return f"{upper}\n{lower}\n{storey}"


def _passed(upper: str, lower: str, storeys: Sequence[Sequence[str]]) -> list[str]:
    return [via for k, row in enumerate(storeys) if (via := _via(upper, lower, k)) in row]


def _storeys(ranks: OutcomeRanks) -> list[list[str]]:
    """Treatments of each level and places of passing lines, sorted to the mean of their neighbours above and below."""
    level = _levels(ranks)
    rows: list[list[str]] = [[] for _ in range(max(level.values(), default=-1) + 1)]
    for name in ranks.ordered:
        rows[level[name]].append(name)
    joined: list[tuple[str, str]] = []
    for upper, lower in ranks.above:
        stops = [upper]
        for k in range(level[upper] + 1, level[lower]):
            rows[k].append(_via(upper, lower, k))
            stops.append(rows[k][-1])
        stops.append(lower)
        joined += pairwise(stops)
    over: dict[str, list[str]] = {}
    under: dict[str, list[str]] = {}
    for a, b in joined:
        under.setdefault(a, []).append(b)
        over.setdefault(b, []).append(a)
    for sweep in range(SWEEPS):
        near = over if sweep % 2 == 0 else under
        for row in rows if sweep % 2 == 0 else rows[::-1]:
            at = {name: (i + 0.5) / len(r) for r in rows for i, name in enumerate(r)}
            mean = {x: sum(at[y] for y in near[x]) / len(near[x]) if near.get(x) else at[x] for x in row}
            row.sort(key=mean.__getitem__)
    return rows
