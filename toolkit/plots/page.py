"""What every chart has above and below it: a title, and notes in small type."""

from __future__ import annotations

from collections.abc import Sequence

from toolkit.plots.scene import LEADING, Item, Label, lines_of, wrap
from toolkit.plots.style import GREY, SMALL, TITLE

__all__ = ["MARGIN", "notes_below", "title_above"]

MARGIN = 14.0


def title_above(title: str | None, width: float) -> tuple[list[Item], float]:
    """The title in as many lines as it needs, and the height at which the chart begins."""
    if not title:
        return [], MARGIN
    lines = wrap(title, width - 2 * MARGIN, TITLE, bold=True)
    first = Label(x=MARGIN, y=MARGIN + TITLE / 2, text="", size=TITLE, bold=True, role="title")
    return list(lines_of(first, lines)), MARGIN + TITLE * LEADING * len(lines) + 8


def notes_below(notes: Sequence[str], y: float, width: float) -> tuple[list[Item], float]:
    """The notes one below the other, and the height of the page."""
    items: list[Item] = []
    for note in notes:
        lines = wrap(note, width - 2 * MARGIN, SMALL, lines=6)
        items += lines_of(Label(x=MARGIN, y=y + 4, text="", size=SMALL, color=GREY, role="footnote"), lines)
        y += SMALL * LEADING * len(lines) + 2
    return items, y + MARGIN * 0.6
