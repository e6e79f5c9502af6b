"""Two scatters of a network: direct against indirect evidence, and the comparison-adjusted funnel."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from scipy.special import ndtri

from toolkit.engine.network.funnel import AdjustedFunnel
from toolkit.engine.network.split import Split
from toolkit.plots.chart import Frame, bottom_axis, left_axis
from toolkit.plots.forest import axis_title
from toolkit.plots.numbers import Axis, format_number, format_p, linear_ticks, scale_ticks, short_name
from toolkit.plots.page import MARGIN, notes_below, title_above
from toolkit.plots.scene import Disc, Item, Label, Path, Scene, draw_scene, rectangle
from toolkit.plots.style import (
    BLACK,
    BLUE,
    FAINT,
    GREEN,
    GREY,
    INK,
    LINE,
    ORANGE,
    PAPER,
    PURPLE,
    SKY,
    SMALL,
    VERMILLION,
    text_size,
)

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["adjusted_funnel_scene", "direct_indirect_scene", "draw_adjusted_funnel", "draw_direct_indirect"]

LEFT, SIDE = 62.0, 300.0
COLOURS = (BLUE, VERMILLION, GREEN, PURPLE, ORANGE, SKY, BLACK)
NOTEWORTHY = 0.10  # comparisons whose direct and indirect evidence differ with a smaller p are named


def draw_direct_indirect(
    splits: Sequence[Split],
    *,
    measure: str = "GEN",
    scale: str = "identity",
    title: str | None = None,
    footnotes: Sequence[str] = (),
) -> Figure:
    """Direct estimates against indirect ones with both intervals; on the diagonal they agree.

    Parameters
    ----------
    splits : as `toolkit.engine.network.split_evidence` gives them (model scale)
    measure, scale : of the fit they come from
    title, footnotes : lines above and below
    """
    return draw_scene(direct_indirect_scene(splits, measure=measure, scale=scale, title=title, footnotes=footnotes))


def direct_indirect_scene(
    splits: Sequence[Split],
    *,
    measure: str = "GEN",
    scale: str = "identity",
    title: str | None = None,
    footnotes: Sequence[str] = (),
) -> Scene:
    """What `draw_direct_indirect` draws, as data; the same parameters."""
    both = [s for s in splits if s.direct is not None and s.indirect is not None and s.difference is not None]
    width = LEFT + SIDE + MARGIN + 10
    items, y = title_above(title, width)
    if not both:
        items.append(Label(x=MARGIN, y=y + 6, text="No comparison has both kinds of evidence.", role="message"))
        return Scene(width=width, height=y + 24, items=tuple(items))
    centres = [e.estimate for s in both for e in (s.direct, s.indirect) if e is not None]
    low, high = min(centres), max(centres)
    pad = 0.3 * (high - low) or 0.5
    low, high = low - pad, high + pad
    frame = Frame(left=LEFT, top=y, right=LEFT + SIDE, bottom=y + SIDE, at_bottom=low, at_top=high)
    ticks = scale_ticks(low, high, scale, 6)
    axis = Axis(low=low, high=high, left=frame.left, right=frame.right, scale=scale, ticks=ticks)
    items.append(rectangle(frame.left, frame.top, frame.right, frame.bottom, fill=PAPER, color=LINE, role="frame"))
    for a, b in (((low, low), (high, high)),):
        ends = ((axis.at(a[0]), frame.y(a[1])), (axis.at(b[0]), frame.y(b[1])))
        items.append(Path(points=ends, color=GREY, width=0.8, dash=(3, 2), role="diagonal"))
    for s in sorted(both, key=lambda s: -s.difference.p if s.difference is not None else 0.0):
        items += _cross(s, axis, frame)
    name = short_name(measure)
    items += bottom_axis(frame, axis, f"Indirect {name}")
    items += left_axis(frame, ticks, axis.tick_label, f"Direct {name}")
    apart = sorted((s for s in both if s.difference is not None and s.difference.p < NOTEWORTHY), key=_p)
    named = "; ".join(f"{s.t1} v {s.t2} ({format_p(_p(s))})" for s in apart[:8])
    notes = [
        f"{axis_title(measure, scale)}, first treatment against second. Bars: intervals; dashed: equal. "
        f"Orange: p below {NOTEWORTHY:g}" + (f": {named}." if named else ", none.")
    ]
    below, height = notes_below((*notes, *footnotes), frame.bottom + 36, width)
    return Scene(width=width, height=height, items=(*items, *below))


def _p(split: Split) -> float:
    return 1.0 if split.difference is None else split.difference.p


def _cross(s: Split, axis: Axis, frame: Frame) -> list[Item]:
    assert s.direct is not None and s.indirect is not None and s.difference is not None
    color = VERMILLION if s.difference.p < NOTEWORTHY else BLUE

    def y(value: float) -> float:
        return frame.y(min(max(value, frame.at_bottom), frame.at_top))

    x0, y0 = axis.at(s.indirect.estimate), y(s.direct.estimate)
    wide = ((axis.at(s.indirect.ci_low), y0), (axis.at(s.indirect.ci_high), y0))
    tall = ((x0, y(s.direct.ci_low)), (x0, y(s.direct.ci_high)))
    bars: list[Item] = [Path(points=p, color=color, width=0.7, alpha=0.55, role="interval") for p in (wide, tall)]
    return [*bars, Disc(x=x0, y=y0, r=3.2, fill=color, color=PAPER, width=0.6, role="comparison")]


def draw_adjusted_funnel(
    funnel: AdjustedFunnel, *, scale: str = "identity", title: str | None = None, footnotes: Sequence[str] = ()
) -> Figure:
    """Effects minus their comparison's, against their standard error; colours tell the comparisons apart.

    Parameters
    ----------
    funnel : as `toolkit.engine.network.comparison_adjusted_funnel` gives it
    scale : of the fit
    title, footnotes : lines above and below
    """
    return draw_scene(adjusted_funnel_scene(funnel, scale=scale, title=title, footnotes=footnotes))


def adjusted_funnel_scene(
    funnel: AdjustedFunnel, *, scale: str = "identity", title: str | None = None, footnotes: Sequence[str] = ()
) -> Scene:
    """What `draw_adjusted_funnel` draws, as data; the same parameters."""
    names = [f"{p.t1} v {p.t2}" for p in funnel.points]
    counted = sorted(set(names), key=lambda n: (-names.count(n), n))
    color = {n: COLOURS[i] if i < len(COLOURS) else GREY for i, n in enumerate(counted)}
    key = [*counted[: len(COLOURS)], *(["other comparisons"] if len(counted) > len(COLOURS) else [])]
    room = max(text_size(name, SMALL)[0] for name in key) + 22
    width = LEFT + SIDE + room + MARGIN
    items, y = title_above(title, width)
    deepest = max(p.se for p in funnel.points) * 1.06
    frame = Frame(left=LEFT, top=y, right=LEFT + SIDE, bottom=y + 0.85 * SIDE, at_bottom=deepest, at_top=0.0)
    z = float(ndtri(0.975))
    reach = max(max(abs(p.adjusted) for p in funnel.points), z * deepest) * 1.05
    ticks = scale_ticks(-reach, reach, scale, 6)
    axis = Axis(low=-reach, high=reach, left=frame.left, right=frame.right, scale=scale, ticks=ticks)
    items.append(rectangle(frame.left, frame.top, frame.right, frame.bottom, fill=FAINT))
    corners = ((0.0, 0.0), (z * deepest, deepest), (-z * deepest, deepest))
    place = tuple((axis.at(v), frame.y(se)) for v, se in corners)
    items.append(Path(points=place, fill=PAPER, color=LINE, width=0.7, closed=True, role="region"))
    ends = ((axis.at(0.0), frame.top), (axis.at(0.0), frame.bottom))
    items.append(Path(points=ends, color=INK, width=0.7, role="null-line"))
    for p, name in zip(funnel.points, names, strict=True):
        spot = Disc(
            x=axis.at(p.adjusted), y=frame.y(p.se), r=3.0, fill=color[name], color=PAPER, width=0.6, role="study"
        )
        items.append(spot)
    for i, name in enumerate(key):
        at = frame.top + 8 + 13 * i
        items.append(Disc(x=frame.right + 14, y=at, r=3.0, fill=color.get(name, GREY), role="key"))
        items.append(Label(x=frame.right + 21, y=at, text=name, size=SMALL, role="key"))
    items += bottom_axis(frame, axis, "Effect relative to the comparison's" + (" (ratio)" if scale == "log" else ""))
    shown = linear_ticks(0.0, deepest, 5)
    items += left_axis(frame, shown, lambda v: f"{v:.6f}".rstrip("0").rstrip(".") or "0", "Standard error")
    test = f"Not tested: {funnel.reason}."
    if funnel.egger is not None:
        slope, se = format_number(funnel.egger.bias, 2), format_number(funnel.egger.se, 2)
        test = f"Egger: slope {slope} (SE {se}), {format_p(funnel.egger.p)}."
    order = f"Order: {', '.join(funnel.order)}; each effect is the earlier treatment against the later one."
    bottom = max(frame.bottom + 36, frame.top + 16 + 13 * len(key))
    below, height = notes_below((order, test, *footnotes), bottom, width)
    return Scene(width=width, height=height, items=(*items, *below))
