"""A figure as plain data: text, lines and shapes at points on a page, then drawn as they stand.

Coordinates are points (1/72 inch) from the top left corner, y downwards. A layout builds a `Scene` from numbers
alone, so its tests need no picture: what is written, where, whether labels overlap or leave the page. `draw_scene` is
the only place where a scene meets matplotlib.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from toolkit.plots import style
from toolkit.plots.style import INK, TEXT

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = [
    "Box",
    "Disc",
    "Item",
    "Label",
    "Path",
    "Scene",
    "arrow_head",
    "draw_scene",
    "label_overlaps",
    "lines_of",
    "outside",
    "rectangle",
    "wrap",
]

# DejaVu Sans in em: height of capitals, of the tallest glyphs, depth below the baseline.
_CAPITAL, _ASCENT, _DESCENT = 0.73, 0.80, 0.24
LEADING = 1.3  # baseline to baseline, in em


@dataclass(frozen=True, slots=True)
class Box:
    """An upright rectangle, ``top`` above ``bottom`` (smaller y)."""

    left: float
    top: float
    right: float
    bottom: float

    def overlaps(self, other: Box, slack: float = 0.0) -> bool:
        """Whether the two share more than ``slack`` points in both directions."""
        return (
            min(self.right, other.right) - max(self.left, other.left) > slack
            and min(self.bottom, other.bottom) - max(self.top, other.top) > slack
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Label:
    """One line of text; ``y`` is the middle of its capitals. ``role`` says what it is, for tests and for readers."""

    x: float
    y: float
    text: str
    role: str = ""
    size: float = TEXT
    align: Literal["left", "center", "right"] = "left"
    color: str = INK
    bold: bool = False
    italic: bool = False
    upright: bool = True
    halo: bool = False

    @property
    def box(self) -> Box:
        """Where the text is drawn (turned by 90 degrees when not ``upright``)."""
        width = style.text_size(self.text, self.size, bold=self.bold, italic=self.italic)[0]
        before = {"left": 0.0, "center": width / 2, "right": width}[self.align]
        above, below = (_ASCENT - _CAPITAL / 2) * self.size, (_DESCENT + _CAPITAL / 2) * self.size
        if self.upright:
            return Box(self.x - before, self.y - above, self.x - before + width, self.y + below)
        return Box(self.x - above, self.y + before - width, self.x + below, self.y + before)


@dataclass(frozen=True, slots=True, kw_only=True)
class Path:
    """Straight lines through ``points``, or a filled shape when ``fill`` is given."""

    points: tuple[tuple[float, float], ...]
    role: str = ""
    color: str | None = INK
    width: float = 0.8
    fill: str | None = None
    dash: tuple[float, ...] = ()
    alpha: float = 1.0
    closed: bool = False

    @property
    def box(self) -> Box:
        """The smallest rectangle around the points."""
        xs, ys = [p[0] for p in self.points], [p[1] for p in self.points]
        return Box(min(xs), min(ys), max(xs), max(ys))


@dataclass(frozen=True, slots=True, kw_only=True)
class Disc:
    """A filled circle of radius ``r`` points."""

    x: float
    y: float
    r: float
    role: str = ""
    fill: str = INK
    color: str | None = None
    width: float = 0.8
    alpha: float = 1.0

    @property
    def box(self) -> Box:
        """The square around the circle."""
        return Box(self.x - self.r, self.y - self.r, self.x + self.r, self.y + self.r)


Item = Label | Path | Disc


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """A page of ``width`` by ``height`` points and what is on it; later items lie on top."""

    width: float
    height: float
    items: tuple[Item, ...]

    def labels(self, role: str | None = None) -> tuple[Label, ...]:
        """The texts, all or those of one role, in drawing order."""
        return tuple(i for i in self.items if isinstance(i, Label) and role in (None, i.role))

    def shapes(self, role: str) -> tuple[Path | Disc, ...]:
        """The lines and shapes of one role, in drawing order."""
        return tuple(i for i in self.items if not isinstance(i, Label) and i.role == role)


def rectangle(
    left: float, top: float, right: float, bottom: float, *, fill: str, role: str = "", color: str | None = None
) -> Path:
    """A filled rectangle."""
    corners = ((left, top), (right, top), (right, bottom), (left, bottom))
    return Path(points=corners, fill=fill, color=color, role=role, closed=True, width=0.5)


def arrow_head(x: float, y: float, direction: int, color: str = INK, size: float = 4.0) -> Path:
    """A small triangle whose tip is at ``x, y``, pointing right (1) or left (-1): the line goes on beyond the axis."""
    back = x - direction * size
    return Path(
        points=((x, y), (back, y - size * 0.6), (back, y + size * 0.6)),
        fill=color,
        color=None,
        closed=True,
        role="arrow",
    )


def _breakable(text: str) -> list[str]:
    """Pieces between which a line may end: words with their blank, single CJK characters, parts of long words."""
    pieces: list[str] = []
    for char in text:
        last = pieces[-1][-1] if pieces else " "
        stays = char == " " or char in ",.;:)]}、。，；：）》」"
        fresh = last == " " or _wide(char) or _wide(last) or (last in "-/+" and len(pieces[-1]) > 6)
        if pieces and (stays or not fresh):
            pieces[-1] += char
        else:
            pieces.append(char)
    return pieces


def _wide(char: str) -> bool:
    return unicodedata.east_asian_width(char) in "WF"


def _cut(text: str, width: float, size: float, bold: bool) -> str:
    """The longest beginning of ``text`` that fits with an ellipsis."""
    low, high = 0, len(text)
    while low < high:
        middle = (low + high + 1) // 2
        if style.text_size(text[:middle].rstrip() + "…", size, bold=bold)[0] <= width:
            low = middle
        else:
            high = middle - 1
    return text[:low].rstrip() + "…"


def wrap(text: str, width: float, size: float = TEXT, *, bold: bool = False, lines: int = 3) -> tuple[str, ...]:
    """``text`` in at most ``lines`` lines of at most ``width`` points; what does not fit ends in an ellipsis."""
    clean = " ".join(part for part in re.split(r"[\x00-\x20\x7f-\x9f]+", text) if part)
    done: list[str] = []
    current = ""
    for piece in _breakable(clean):
        if not current or style.text_size((current + piece).rstrip(), size, bold=bold)[0] <= width:
            current += piece
        else:
            done.append(current.rstrip())
            current = piece
    if current:
        done.append(current.rstrip())
    if len(done) > lines:
        done = [*done[: lines - 1], " ".join(done[lines - 1 :])]
    return tuple(
        line if style.text_size(line, size, bold=bold)[0] <= width else _cut(line, width, size, bold) for line in done
    ) or ("",)


def lines_of(first: Label, texts: Sequence[str], *, middle: bool = False) -> tuple[Label, ...]:
    """``first`` repeated for each text, one below the other; ``middle`` centres the block on its y."""
    step = first.size * LEADING
    start = first.y - (len(texts) - 1) * step / 2 if middle else first.y
    return tuple(replace(first, text=text, y=start + i * step) for i, text in enumerate(texts))


def label_overlaps(scene: Scene, slack: float = 0.5) -> list[tuple[str, str]]:
    """Pairs of texts that are drawn over one another."""
    boxes = sorted(((label.box, label.text) for label in scene.labels()), key=lambda pair: pair[0].left)
    found: list[tuple[str, str]] = []
    for i, (box, text) in enumerate(boxes):
        for other, other_text in boxes[i + 1 :]:
            if other.left > box.right:
                break
            if box.overlaps(other, slack):
                found.append((text, other_text))
    return found


def outside(scene: Scene, slack: float = 0.5) -> list[Item]:
    """Items that reach beyond the page."""
    return [
        item
        for item in scene.items
        if item.box.left < -slack
        or item.box.top < -slack
        or item.box.right > scene.width + slack
        or item.box.bottom > scene.height + slack
    ]


def draw_scene(scene: Scene) -> Figure:
    """The scene as a matplotlib Figure of the same size, one axes over the whole page."""
    fig = style.new_figure(scene.width, scene.height)
    ax = fig.add_axes((0.0, 0.0, 1.0, 1.0))
    ax.set_axis_off()
    ax.set_xlim(0.0, scene.width)
    ax.set_ylim(scene.height, 0.0)
    _draw(ax, scene.items)
    return fig


def _draw(ax: Axes, items: Iterable[Item]) -> None:
    from matplotlib.patches import Circle, Polygon

    for order, item in enumerate(items, start=1):
        if isinstance(item, Label):
            _draw_label(ax, item, order)
        elif isinstance(item, Disc):
            edge = item.color or "none"
            ax.add_patch(
                Circle(
                    (item.x, item.y),
                    item.r,
                    facecolor=item.fill,
                    edgecolor=edge,
                    linewidth=item.width if item.color else 0,
                    alpha=item.alpha,
                    zorder=order,
                )
            )
        elif item.fill is not None:
            ax.add_patch(
                Polygon(
                    item.points,
                    closed=True,
                    facecolor=item.fill,
                    edgecolor=item.color or "none",
                    linewidth=item.width if item.color else 0,
                    alpha=item.alpha,
                    zorder=order,
                )
            )
        else:
            points = (*item.points, item.points[0]) if item.closed else item.points
            ax.plot(
                [p[0] for p in points],
                [p[1] for p in points],
                color=item.color or INK,
                linewidth=item.width,
                linestyle=(0, item.dash) if item.dash else "-",
                solid_capstyle="butt",
                marker="",
                alpha=item.alpha,
                zorder=order,
                scalex=False,
                scaley=False,
            )


def _draw_label(ax: Axes, label: Label, order: int) -> None:
    from matplotlib.patheffects import withStroke

    shift = _CAPITAL / 2 * label.size  # from the middle of the capitals to the baseline
    ax.text(
        label.x if label.upright else label.x + shift,
        label.y + shift if label.upright else label.y,
        label.text,
        fontproperties=style.font_properties(label.size, bold=label.bold, italic=label.italic),
        color=label.color,
        ha=label.align,
        va="baseline",
        rotation=0 if label.upright else 90,
        rotation_mode="anchor",
        parse_math=False,
        usetex=False,
        zorder=order,
        path_effects=[withStroke(linewidth=2.0, foreground=style.PAPER)] if label.halo else None,
    )
