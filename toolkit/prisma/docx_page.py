"""The page and the size of letters that a flow needs as a Word table, by an estimate of how high its rows become."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from toolkit.plots.diagram_text import TextLine, box_lines

__all__ = ["EDGE", "Page", "bar_height", "fitting_page"]

EDGE = 12.0
"""Margins of the page, mm."""
POINT = 25.4 / 72
LETTERS = (8.5, 7.5, 6.5)  # from the size of the drawing down to what still reads well in print
LEADING = 1.22
ROW = 1.2  # what the margins of cells add to a row, mm
A4, A3 = (210.0, 297.0), (297.0, 420.0)

Rows = Callable[[float], Iterable[Sequence[tuple[tuple[TextLine, ...], float]]]]
"""Usable width in mm -> the boxes of each row, each with the width of its cell."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """Width and height in mm, and the size of letters in points."""

    width: float
    height: float
    letters: float

    @property
    def usable(self) -> float:
        """Width between the margins, mm."""
        return self.width - 2 * EDGE


def fitting_page(rows: Rows, notes: Sequence[str] = (), *, wide: bool, tall: bool = True) -> Page:
    """The smallest page, and on it the largest letters, that take the whole flow; else A3 with small letters.

    Parameters
    ----------
    rows : the boxes of each row at a usable width
    notes : printed below the table
    wide : A4 lies on its side
    tall : A3 stands: twice the height at the width of an A4 page on its side
    """
    sheets = [(A4[1], A4[0]) if wide else A4, A3 if tall else (A3[1], A3[0])]
    pages = [Page(width=w, height=h, letters=letters) for w, h in sheets for letters in LETTERS]
    return next((page for page in pages if _height(rows, notes, page) <= page.height - 2 * EDGE), pages[-1])


def bar_height(name: str) -> float:
    """Height in mm along which the upright name of a section stands in one line."""
    return len(name) * 0.62 * LETTERS[0] * POINT + 2.0


def _height(rows: Rows, notes: Sequence[str], page: Page) -> float:
    def measure(text: str, size: float, bold: bool) -> float:
        return sum(1.0 if ord(char) > 0x2E80 else 0.51 for char in text) * page.letters

    line = page.letters * LEADING * POINT
    arrow = LETTERS[0] * LEADING * POINT + ROW
    used = arrow + bar_height("Identification") / 2  # the heads, and what a bar may add to a low row
    for row in rows(page.usable):
        lines = [len(box_lines(words, width / POINT, measure)) for words, width in row]
        used += max(lines, default=0) * line + ROW + arrow
    small = 7.0
    below = sum(1 + int(len(note) * 0.5 * small * POINT / page.usable) for note in notes)
    return used + below * small * LEADING * POINT
