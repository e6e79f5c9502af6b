"""A placed flow diagram drawn as a matplotlib figure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from toolkit.plots.diagram_boxes import Arrow, DiagramLayout, PlacedBox
from toolkit.plots.style import FAINT, GREY, INK, PAPER, SMALL, TEXT, font_properties, new_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["draw_diagram"]

HEADER, SIDE = "#FFC000", "#9CC2E5"  # the yellow and the light blue of the published template
_FILL = {"box": PAPER, "grey": FAINT, "header": HEADER, "grey-header": "#D9D9D9", "own": PAPER, "side": SIDE}


def draw_diagram(layout: DiagramLayout) -> Figure:
    """The diagram as a matplotlib Figure; each box is a patch with the gid ``prisma-<slot>``."""
    figure = new_figure(layout.width, layout.height)
    axes = figure.add_axes((0.0, 0.0, 1.0, 1.0))
    axes.set_xlim(0, layout.width)
    axes.set_ylim(layout.height, 0)
    axes.set_axis_off()
    for arrow in layout.arrows:
        _draw_arrow(axes, arrow)
    for box in layout.boxes:
        _draw_box(axes, box)
    for note in layout.notes:
        font = font_properties(SMALL)
        axes.text(note.x, note.y, note.text, fontproperties=font, color=GREY, va="center_baseline", parse_math=False)
    return figure


def _draw_arrow(axes: Axes, arrow: Arrow) -> None:
    from matplotlib.patches import FancyArrowPatch

    *stem, last, end = arrow.points
    if stem:
        xs, ys = zip(*stem, last, strict=True)
        axes.plot(xs, ys, color=INK, linewidth=0.9, solid_capstyle="projecting", solid_joinstyle="miter")
    axes.add_patch(
        FancyArrowPatch(
            last,
            end,
            arrowstyle="-|>",
            mutation_scale=8.0,
            shrinkA=0,
            shrinkB=0,
            color=INK,
            linewidth=0.9,
            linestyle="--" if arrow.dashed else "-",
        )
    )


def _draw_box(axes: Axes, box: PlacedBox) -> None:
    from matplotlib.patches import FancyBboxPatch

    rounded, side = box.kind in ("header", "grey-header", "side"), box.kind == "side"
    patch = FancyBboxPatch(
        (box.x, box.y),
        box.width,
        box.height,
        boxstyle="round,pad=0,rounding_size=5" if rounded else "square,pad=0",
        facecolor=_FILL[box.kind],
        edgecolor=_FILL[box.kind] if rounded else INK,
        linewidth=0.9,
        linestyle="--" if box.kind == "own" else "-",
    )
    patch.set_gid(f"prisma-{box.slot}")
    axes.add_patch(patch)
    for line in box.lines:
        axes.text(
            line.x,
            line.y,
            line.text,
            fontproperties=font_properties(TEXT, bold=line.bold),
            color=INK,
            rotation=90 if side else 0,
            ha="center" if side else "left",
            va="center" if side else "center_baseline",
            parse_math=False,
        )
