"""UpSet plot: which sets share members, one column per combination.

References
----------
Lex et al. 2014, IEEE Trans Vis Comput Graph 20:1983-1992 (UpSet). doi:10.1109/TVCG.2014.2346248
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from toolkit.model.wording import counted
from toolkit.plots.scene import LEADING, Disc, Item, Label, Path, Scene, draw_scene, lines_of, rectangle, wrap
from toolkit.plots.style import BLUE, FAINT, GREY, INK, LINE, SMALL, TEXT, TITLE, text_size

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["draw_upset", "upset_scene"]

MARGIN, GAP = 14.0, 10.0
BARS, TOTALS = 130.0, 84.0  # longest bar of a combination and of a set
COLUMN, ROW, DOT = 24.0, 19.0, 4.4
NAMES = 150.0  # widest name of a set
MOST_COLUMNS = 30

Combination = tuple[tuple[str, ...], int]


def draw_upset(
    sets: Sequence[tuple[str, int]],
    combinations: Sequence[Combination],
    *,
    title: str | None = None,
    unit: str = "reports",
    footnotes: Sequence[str] = (),
) -> Figure:
    """An UpSet plot.

    Parameters
    ----------
    sets : (name, members), drawn as rows, the largest on top
    combinations : (names of sets, members of exactly these), drawn as columns, the largest first; of more than 30 the
        smallest are summed up in a note
    title : line above
    unit : what is counted
    footnotes : sentences below
    """
    return draw_scene(upset_scene(sets, combinations, title=title, unit=unit, footnotes=footnotes))


def upset_scene(
    sets: Sequence[tuple[str, int]],
    combinations: Sequence[Combination],
    *,
    title: str | None = None,
    unit: str = "reports",
    footnotes: Sequence[str] = (),
) -> Scene:
    """What `draw_upset` draws, as data; the same parameters."""
    rows = sorted(sets, key=lambda pair: -pair[1])
    columns = sorted((c for c in combinations if c[1]), key=lambda pair: (-pair[1], len(pair[0]), pair[0]))
    shown, rest = columns[:MOST_COLUMNS], columns[MOST_COLUMNS:]
    labels = [wrap(name, NAMES, TEXT, lines=1)[0] for name, _ in rows]
    names = max((text_size(label, TEXT)[0] for label in labels), default=0.0)
    counts = max((text_size(f"{n:,}", SMALL)[0] for _, n in rows), default=0.0)
    totals_right = MARGIN + counts + 4 + TOTALS
    left = totals_right + GAP + names + GAP
    width = max(left + len(shown) * COLUMN + MARGIN, 360.0)
    items: list[Item] = []
    y = MARGIN
    if title:
        lines = wrap(title, width - 2 * MARGIN, TITLE, bold=True)
        items += lines_of(Label(x=MARGIN, y=y + TITLE / 2, text="", size=TITLE, bold=True, role="title"), lines)
        y += TITLE * LEADING * len(lines) + 6
    base = y + 12 + BARS
    items += _bars(shown, left, base)
    items += lines_of(
        Label(x=left - GAP, y=base - BARS / 2, text="", size=SMALL, color=GREY, align="right", role="axis"),
        wrap(f"{unit} from exactly these", left - GAP - MARGIN, SMALL),
    )
    top = base + 14
    items += _matrix([name for name, _ in rows], shown, left, top, width)
    items += _totals(rows, labels, totals_right, top)
    y = top + ROW * len(rows) + 6
    axis = Label(x=totals_right, y=y + 2, text=f"{unit} per source", size=SMALL, color=GREY, align="right", role="axis")
    items.append(axis)
    y += SMALL * LEADING + 6
    more = (
        (f"{counted(len(rest), 'further combination')}, together {sum(n for _, n in rest):,}, not drawn.",)
        if rest
        else ()
    )
    for note in (*more, *footnotes):
        lines = wrap(note, width - 2 * MARGIN, SMALL, lines=4)
        items += lines_of(Label(x=MARGIN, y=y + 4, text="", size=SMALL, color=GREY, role="footnote"), lines)
        y += SMALL * LEADING * len(lines) + 2
    return Scene(width=width, height=y + MARGIN * 0.6, items=tuple(items))


def _bars(shown: Sequence[Combination], left: float, base: float) -> list[Item]:
    """One bar per combination, its count on top."""
    most = max((n for _, n in shown), default=1)
    items: list[Item] = [
        Path(points=((left, base), (left + max(len(shown), 1) * COLUMN, base)), color=LINE, role="baseline")
    ]
    for k, (_, n) in enumerate(shown):
        x = left + (k + 0.5) * COLUMN
        height = n / most * BARS
        items.append(rectangle(x - COLUMN * 0.32, base - height, x + COLUMN * 0.32, base, fill=BLUE, role="bar"))
        size = min(SMALL, SMALL * (COLUMN - 1) / max(text_size(f"{n:,}", SMALL)[0], 1.0))
        items.append(Label(x=x, y=base - height - 6, text=f"{n:,}", size=size, align="center", role="count"))
    return items


def _matrix(names: Sequence[str], shown: Sequence[Combination], left: float, top: float, width: float) -> list[Item]:
    """A dot where a set is part of a combination, its dots joined; every second row is shaded."""
    items: list[Item] = []
    right = left + max(len(shown), 1) * COLUMN
    for r in range(0, len(names), 2):
        items.append(rectangle(MARGIN, top + r * ROW, max(right, width - MARGIN), top + (r + 1) * ROW, fill="#F4F5F7"))
    for k, (some, _) in enumerate(shown):
        x = left + (k + 0.5) * COLUMN
        inside = [r for r, name in enumerate(names) if name in some]
        for r in range(len(names)):
            if r not in inside:
                items.append(Disc(x=x, y=top + (r + 0.5) * ROW, r=DOT, fill=FAINT, role="empty"))
        if len(inside) > 1:
            ends = ((x, top + (inside[0] + 0.5) * ROW), (x, top + (inside[-1] + 0.5) * ROW))
            items.append(Path(points=ends, color=INK, width=1.8, role="join"))
        items += [Disc(x=x, y=top + (r + 0.5) * ROW, r=DOT, fill=INK, role="member") for r in inside]
    return items


def _totals(rows: Sequence[tuple[str, int]], labels: Sequence[str], right: float, top: float) -> list[Item]:
    """The size of each set as a bar to the left of its name."""
    most = max((n for _, n in rows), default=1) or 1
    items: list[Item] = []
    for r, ((_, n), label) in enumerate(zip(rows, labels, strict=True)):
        y = top + (r + 0.5) * ROW
        long = n / most * TOTALS
        items.append(rectangle(right - long, y - ROW * 0.3, right, y + ROW * 0.3, fill=GREY, role="total"))
        items.append(Label(x=right - long - 4, y=y, text=f"{n:,}", size=SMALL, align="right", role="total"))
        items.append(Label(x=right + GAP, y=y, text=label, role="name"))
    return items
