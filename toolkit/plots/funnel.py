"""Funnel plot: effects against their standard errors, with a pseudo-confidence region or contours of significance."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from scipy.special import ndtri

from toolkit.engine.bias import TrimFill
from toolkit.engine.results import PairwiseResult
from toolkit.model.wording import counted
from toolkit.plots.chart import Frame, bottom_axis, left_axis
from toolkit.plots.forest import axis_title, has_null
from toolkit.plots.numbers import Axis, format_effect, linear_ticks, scale_ticks
from toolkit.plots.scene import LEADING, Disc, Item, Label, Path, Scene, draw_scene, lines_of, rectangle, wrap
from toolkit.plots.style import BLUE, FAINT, GREY, INK, LINE, PAPER, SMALL, TEXT, TITLE, VERMILLION, text_size

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["FEW_STUDIES", "draw_funnel", "funnel_scene"]

# Sterne et al. 2011, BMJ 343:d4002: with fewer than 10 studies chance and asymmetry cannot be told apart.
FEW_STUDIES = 10
WIDTH, MARGIN, LEFT = 400.0, 14.0, 62.0
# Peters et al. 2008, J Clin Epidemiol 61:991: shades between P = 0.10, 0.05 and 0.01 of a two-sided test of no effect.
CONTOURS = ((0.01, "#EDEFF2", "P < 0.01"), (0.05, "#C9CFD6", "0.01 to 0.05"), (0.10, "#A4ADB8", "0.05 to 0.10"))


def draw_funnel(
    result: PairwiseResult,
    *,
    title: str | None = None,
    contours: bool = False,
    model: str = "random",
    filled: TrimFill | None = None,
    footnotes: Sequence[str] = (),
) -> Figure:
    """Funnel plot of a pairwise meta-analysis.

    Parameters
    ----------
    result : the fit; studies without an estimate are left out
    title : line above the plot
    contours : shade regions of significance around no effect in place of the pseudo-confidence region
    model : "random" or "common", whose estimate is the vertical line (common where random is not estimable)
    filled : trim-and-fill, whose imputed studies are drawn as open circles, and its estimate as a dotted line
    footnotes : sentences below the plot; under 10 studies one is added that asymmetry cannot be judged
    """
    return draw_scene(
        funnel_scene(result, title=title, contours=contours, model=model, filled=filled, footnotes=footnotes)
    )


def funnel_scene(
    result: PairwiseResult,
    *,
    title: str | None = None,
    contours: bool = False,
    model: str = "random",
    filled: TrimFill | None = None,
    footnotes: Sequence[str] = (),
) -> Scene:
    """What `draw_funnel` draws, as data; the same parameters."""
    points = [(r.y, r.se) for r in result.studies if r.y is not None and r.se is not None and r.excluded is None]
    items: list[Item] = []
    y = MARGIN
    if title:
        lines = wrap(title, WIDTH - 2 * MARGIN, TITLE, bold=True)
        items += lines_of(Label(x=MARGIN, y=y + TITLE / 2, text="", size=TITLE, bold=True, role="title"), lines)
        y += TITLE * LEADING * len(lines) + 6
    if points:
        y = _chart(result, points, y, contours, model, items, filled)
    else:
        items.append(Label(x=MARGIN, y=y + 6, text="No study gives an estimate: nothing to draw.", role="message"))
        y += 16
    for note in (*_remarks(result, len(points)), *footnotes):
        lines = wrap(note, WIDTH - 2 * MARGIN, SMALL, lines=4)
        items += lines_of(Label(x=MARGIN, y=y + 4, text="", size=SMALL, color=GREY, role="footnote"), lines)
        y += SMALL * LEADING * len(lines) + 2
    return Scene(width=WIDTH, height=y + MARGIN * 0.6, items=tuple(items))


def _remarks(result: PairwiseResult, k: int) -> tuple[str, ...]:
    if 0 < k < FEW_STUDIES:
        few = f"{counted(k, 'study')}: asymmetry cannot be judged and is not tested below {FEW_STUDIES}."
        return (few,)
    return ()


def _centre(result: PairwiseResult, model: str) -> tuple[float, str] | None:
    if model == "random" and result.random is not None:
        return result.random.estimate, "random effects"
    return (result.common.estimate, "common effect") if result.common is not None else None


def _chart(
    result: PairwiseResult,
    points: list[tuple[float, float]],
    y: float,
    contours: bool,
    model: str,
    items: list[Item],
    filled: TrimFill | None,
) -> float:
    imputed = [] if filled is None else [(float(e), float(v) ** 0.5) for e, v in zip(filled.y, filled.v, strict=True)]
    deepest = max(se for _, se in [*points, *imputed]) * 1.06
    z = float(ndtri(0.5 + result.spec.level / 2))
    centre = _centre(result, model)
    null = has_null(result.spec.measure)
    contours = contours and null
    frame = Frame(left=LEFT, top=y, right=WIDTH - MARGIN - 6, bottom=y + 260, at_bottom=deepest, at_top=0.0)
    reach = [value for value, _ in [*points, *imputed]]
    if contours:
        widest = float(ndtri(1 - CONTOURS[0][0] / 2)) * deepest * 1.1
        reach += [-widest, widest]
    elif centre is not None:
        reach += [centre[0] - z * deepest, centre[0] + z * deepest]
    axis = _axis(reach, result.scale, frame)
    items.append(rectangle(frame.left, frame.top, frame.right, frame.bottom, fill=PAPER if contours else FAINT))
    y = frame.bottom + 34
    if contours:
        _contours(frame, axis, deepest, items)
        y = _legend(y, items)
    elif centre is not None:
        corners = ((centre[0], 0.0), (centre[0] + z * deepest, deepest), (centre[0] - z * deepest, deepest))
        place = tuple((axis.at(value), frame.y(se)) for value, se in corners)
        items.append(Path(points=place, fill=PAPER, color=LINE, width=0.7, closed=True, role="region"))
    if null and axis.low < 0.0 < axis.high:
        ends = ((axis.at(0.0), frame.top), (axis.at(0.0), frame.bottom))
        items.append(Path(points=ends, color=INK, width=0.7, role="null-line"))
    if centre is not None:
        ends = ((axis.at(centre[0]), frame.top), (axis.at(centre[0]), frame.bottom))
        items.append(Path(points=ends, color=BLUE, width=1.0, dash=(3, 2), role="centre"))
        text = f"Dashed line: {centre[1]}, {format_effect(centre[0], result.scale)}."
        text += "" if contours else f" White: where {result.spec.level:.0%} of studies would lie without heterogeneity."
        items.append(Label(x=MARGIN, y=y + 4, text=text, size=SMALL, color=GREY, role="footnote"))
        y += SMALL * LEADING + 2
    if filled is not None:
        y = _filled(filled, model, result.scale, (frame, axis), items, y)
    for value, se in imputed:
        items.append(Disc(x=axis.at(value), y=frame.y(se), r=2.8, fill=PAPER, color=BLUE, width=1.0, role="imputed"))
    for value, se in points:
        items.append(Disc(x=axis.at(value), y=frame.y(se), r=3.0, fill=BLUE, color=PAPER, width=0.6, role="study"))
    items += bottom_axis(frame, axis, axis_title(result.spec.measure, result.scale))
    ticks = linear_ticks(0.0, deepest, 5)
    items += left_axis(frame, ticks, lambda v: f"{v:.6f}".rstrip("0").rstrip(".") or "0", "Standard error")
    return y


def _filled(filled: TrimFill, model: str, scale: str, place: tuple[Frame, Axis], items: list[Item], y: float) -> float:
    """The estimate with the imputed studies as a dotted line, and what the open circles are."""
    frame, axis = place
    centre = _centre(filled.filled, model)
    text = f"Open circles: {counted(filled.k0, 'study')} imputed by trim-and-fill ({filled.estimator})"
    if filled.k0 == 0:
        text = f"Trim-and-fill ({filled.estimator}) imputes no study"
    elif centre is not None:
        ends = ((axis.at(centre[0]), frame.top), (axis.at(centre[0]), frame.bottom))
        items.append(Path(points=ends, color=VERMILLION, width=1.0, dash=(1, 2), role="filled-centre"))
        text += f"; dotted line: {centre[1]} with them, {format_effect(centre[0], scale)}"
    items.append(Label(x=MARGIN, y=y + 4, text=f"{text}.", size=SMALL, color=GREY, role="footnote"))
    return y + SMALL * LEADING + 2


def _axis(reach: list[float], scale: str, frame: Frame) -> Axis:
    low, high = min(reach), max(reach)
    pad = 0.05 * (high - low) or 0.5
    low, high = low - pad, high + pad
    ticks = scale_ticks(low, high, scale, 6)
    return Axis(low=low, high=high, left=frame.left, right=frame.right, scale=scale, ticks=ticks)


def _contours(frame: Frame, axis: Axis, deepest: float, items: list[Item]) -> None:
    """Nested triangles, widest first, so that each shade shows between two levels."""
    items.append(rectangle(frame.left, frame.top, frame.right, frame.bottom, fill=CONTOURS[0][1], role="contour"))
    shades = [CONTOURS[1][1], CONTOURS[2][1], PAPER]
    for (level, _, _), shade in zip(CONTOURS, shades, strict=True):
        half = float(ndtri(1 - level / 2)) * deepest
        corners = ((0.0, 0.0), (half, deepest), (-half, deepest))
        place = tuple((axis.at(value), frame.y(se)) for value, se in corners)
        items.append(Path(points=place, fill=shade, color=None, closed=True, role="contour"))


def _legend(y: float, items: list[Item]) -> float:
    x = LEFT
    for shade, text in ((PAPER, "P > 0.10"), *((s, t) for _, s, t in reversed(CONTOURS))):
        items.append(rectangle(x, y, x + 9, y + 9, fill=shade, color=LINE, role="legend"))
        items.append(Label(x=x + 13, y=y + 4.5, text=text, size=SMALL, role="legend"))
        x += 13 + text_size(text, SMALL)[0] + 14
    return y + TEXT * 1.8
