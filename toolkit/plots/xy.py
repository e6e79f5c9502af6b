"""A chart of points with two axes, and names beside the points that have room for one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from toolkit.plots.chart import Frame, bottom_axis, left_axis
from toolkit.plots.numbers import Axis, linear_ticks, scale_ticks
from toolkit.plots.page import MARGIN, notes_below, title_above
from toolkit.plots.scene import Box, Disc, Item, Label, Scene, wrap
from toolkit.plots.style import GREY, SMALL, text_size

__all__ = ["Chart", "Ends", "disc", "named", "spread", "ticks_of"]

WIDTH, HEIGHT = 430.0, 270.0


@dataclass(frozen=True, slots=True)
class Ends:
    """The values at both ends of an axis and how they are shown."""

    low: float
    high: float
    scale: str = "identity"


def spread(values: Sequence[float], *, scale: str = "identity", share: float = 0.06, at_zero: bool = False) -> Ends:
    """Ends that leave room around the values; ``at_zero`` starts at zero."""
    low, high = (0.0, max([*values, 0.0])) if at_zero else (min(values), max(values))
    pad = share * (high - low) or 0.5
    return Ends(low if at_zero else low - pad, high + pad, scale)


@dataclass(slots=True)
class Chart:
    """A frame being filled; ``scene`` closes it with title and notes."""

    x: Ends
    y: Ends
    x_title: str
    y_title: str
    title: str | None = None
    width: float = WIDTH
    height: float = HEIGHT
    right: float = MARGIN + 6
    items: list[Item] = field(default_factory=list)
    frame: Frame = field(init=False)
    axis: Axis = field(init=False)
    y_ticks: tuple[float, ...] = field(init=False)

    def __post_init__(self) -> None:
        above, top = title_above(self.title, self.width)
        self.y_ticks = tuple(
            t for t in scale_ticks(self.y.low, self.y.high, self.y.scale, 5) if self.y.low <= t <= self.y.high
        )
        labels = max((text_size(self.tick(t), SMALL + 0.5)[0] for t in self.y_ticks), default=10.0)
        left = MARGIN + 12 + labels + 8
        self.frame = Frame(
            left=left, top=top + 4, right=self.width - self.right, bottom=top + 4 + self.height, at_bottom=self.y.low,
            at_top=self.y.high,
        )  # fmt: skip
        low, high = self.x.low, self.x.high
        ticks = scale_ticks(low, high, self.x.scale, 6)
        self.axis = Axis(
            low=low, high=high, left=left, right=self.frame.right, scale=self.x.scale,
            ticks=tuple(t for t in ticks if low <= t <= high),
        )  # fmt: skip
        self.items = [*above, *self.items]

    def tick(self, value: float) -> str:
        """A tick of the upright axis as it is shown."""
        return Axis(low=0, high=1, left=0, right=1, scale=self.y.scale, ticks=()).tick_label(value)

    def at(self, x: float, y: float) -> tuple[float, float]:
        """Where a point lies on the page, held inside the frame."""
        inside = min(max(y, self.y.low), self.y.high)
        return self.axis.at(x), self.frame.y(inside)

    def scene(self, notes: Sequence[str], *, y_text: Callable[[float], str] | None = None) -> Scene:
        """The page with axes, title and notes."""
        axes = bottom_axis(self.frame, self.axis, self.x_title)
        axes += left_axis(self.frame, self.y_ticks, y_text or self.tick, self.y_title)
        below, height = notes_below(notes, self.frame.bottom + 36, self.width)
        return Scene(width=self.width, height=height, items=(*self.items, *axes, *below))


def named(
    chart: Chart, points: Sequence[tuple[float, float, float, str]], *, size: float = SMALL, most: int = 12
) -> list[Item]:
    """Names beside points, the first points first, where they cover no other name and no disc.

    Parameters
    ----------
    points : x, y and radius on the page, and the name; in order of importance
    most : names to place at most
    """
    taken = [Box(x - r, y - r, x + r, y + r) for x, y, r, _ in points]
    taken += [i.box for i in chart.items if isinstance(i, Label) or (isinstance(i, Disc) and i.r < 8)]
    placed: list[Item] = []
    frame = chart.frame
    for x, y, r, name in points[:most]:
        text = wrap(name, 130.0, size, lines=1)[0]
        own = Box(x - r, y - r, x + r, y + r)
        for dx, dy, align in ((r + 3, 0, "left"), (-r - 3, 0, "right"), (0, -r - 6, "center"), (0, r + 7, "center")):
            label = Label(x=x + dx, y=y + dy, text=text, size=size, align=align, color=GREY, role="name", halo=True)  # type: ignore[arg-type]
            box = label.box
            edge = frame.right - 2 if chart.right > 30 else frame.right + chart.right - 4
            inside = box.left > frame.left + 1 and box.right < edge
            inside = inside and box.top > frame.top and box.bottom < frame.bottom
            if inside and not any(box.overlaps(other, 0.5) for other in taken if other != own):
                placed.append(label)
                taken.append(box)
                break
    return placed


def disc(chart: Chart, x: float, y: float, r: float, fill: str, *, role: str = "study", alpha: float = 1.0) -> Disc:
    """A disc at a value of both axes."""
    left, top = chart.at(x, y)
    return Disc(x=left, y=top, r=r, fill=fill, color="#FFFFFF", width=0.6, role=role, alpha=alpha)


def ticks_of(low: float, high: float, count: int) -> tuple[float, ...]:
    """Linear ticks inside the ends."""
    return tuple(t for t in linear_ticks(low, high, count) if low <= t <= high)
