"""Frames with two axes, as parts of a scene, for figures that are charts rather than tables."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from toolkit.plots.numbers import Axis
from toolkit.plots.scene import Item, Label, Path
from toolkit.plots.style import GREY, SMALL, text_size

__all__ = ["Frame", "bottom_axis", "left_axis"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """The rectangle of a chart in points, and the values at its lower and upper edge."""

    left: float
    top: float
    right: float
    bottom: float
    at_bottom: float
    at_top: float

    def y(self, value: float) -> float:
        """Height of ``value`` on the page."""
        share = (value - self.at_bottom) / (self.at_top - self.at_bottom)
        return self.bottom - share * (self.bottom - self.top)


def bottom_axis(frame: Frame, axis: Axis, title: str) -> list[Item]:
    """Axis line, ticks, labels and title below the frame."""
    items: list[Item] = [Path(points=((frame.left, frame.bottom), (frame.right, frame.bottom)), role="axis")]
    last = float("-inf")
    for tick in axis.ticks:
        x = axis.at(tick)
        items.append(Path(points=((x, frame.bottom), (x, frame.bottom + 3)), role="tick"))
        label = Label(
            x=x, y=frame.bottom + 9, text=axis.tick_label(tick), size=SMALL + 0.5, align="center", role="tick"
        )
        if label.box.left > last + 2:
            items.append(label)
            last = label.box.right
    middle = (frame.left + frame.right) / 2
    items.append(Label(x=middle, y=frame.bottom + 23, text=title, size=SMALL + 1, align="center", role="axis-title"))
    return items


def left_axis(frame: Frame, ticks: Sequence[float], text: Callable[[float], str], title: str) -> list[Item]:
    """Axis line, ticks, labels and upright title left of the frame."""
    items: list[Item] = [Path(points=((frame.left, frame.top), (frame.left, frame.bottom)), role="axis")]
    widest = 0.0
    for tick in ticks:
        y = frame.y(tick)
        items.append(Path(points=((frame.left - 3, y), (frame.left, y)), role="tick"))
        shown = text(tick)
        widest = max(widest, text_size(shown, SMALL + 0.5)[0])
        items.append(Label(x=frame.left - 6, y=y, text=shown, size=SMALL + 0.5, align="right", role="tick"))
    if title:
        x, y = frame.left - 14 - widest, (frame.top + frame.bottom) / 2
        label = Label(
            x=x, y=y, text=title, size=SMALL + 1, align="center", color=GREY, role="axis-title", upright=False
        )
        items.append(label)
    return items
