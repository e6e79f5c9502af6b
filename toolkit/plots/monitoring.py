"""Z after each study against the boundaries of repeated looks, with the wedge of futility and the required information.

The figure stands beside a forest plot and never in place of it; the advice of Cochrane is printed on it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from scipy.special import ndtri

from toolkit.engine.monitoring import SequentialResult
from toolkit.engine.monitoring_network import EvidenceLook, SequentialNetwork
from toolkit.plots.numbers import format_number
from toolkit.plots.scene import Item, Label, Path, Scene, draw_scene, rectangle
from toolkit.plots.style import BLUE, FAINT, GREEN, GREY, INK, ORANGE, SMALL, VERMILLION, text_size
from toolkit.plots.xy import Chart, Ends, disc, named

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["draw_sequential", "draw_sequential_network", "sequential_network_scene", "sequential_scene"]

# Beyond this a boundary is not drawn: so early that no result would do.
_TALLEST = 8.0
_Point = tuple[float, float]


def draw_sequential(result: SequentialResult, *, title: str | None = None) -> Figure:
    """A trial sequential analysis: participants across, Z upwards.

    Parameters
    ----------
    result : as `toolkit.engine.monitoring.sequential_analysis` gives it
    title : line above the chart
    """
    return draw_scene(sequential_scene(result, title=title))


def draw_sequential_network(result: SequentialNetwork, *, title: str | None = None) -> Figure:
    """A comparison of a growing network: share of the planned information across, Z upwards.

    Parameters
    ----------
    result : as `toolkit.engine.monitoring_network.sequential_network` gives it
    title : line above the chart
    """
    return draw_scene(sequential_network_scene(result, title=title))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Curve:
    """Z of one kind of evidence: points, their names, colour, what it is called, and which point crossed first."""

    points: tuple[_Point, ...]
    names: tuple[str, ...]
    color: str
    text: str
    crossed: int | None = None


def sequential_scene(result: SequentialResult, *, title: str | None = None) -> Scene:
    """What `draw_sequential` draws, as data; the same parameters."""
    end = result.required_diversity
    outer = [(x.n, x.boundary) for x in result.looks if x.boundary is not None]
    inner = [(x.n, x.futility) for x in result.looks if x.futility is not None and x.fraction < 1]
    if result.last_boundary is not None:
        outer.append((end, result.last_boundary))
    closes = next((b for x, b in outer if x >= end), None)
    if result.futility and closes is not None:
        inner.append((next(x for x, _ in outer if x >= end), closes))
    curve = _Curve(
        points=tuple((x.n, x.z) for x in result.looks),
        names=tuple(x.study for x in result.looks),
        color=INK,
        text="Z with each study",
        crossed=next((i for i, x in enumerate(result.looks) if x.crossed), None),
    )
    notes = [
        f"Required: {end:,.0f} participants at diversity {result.d2:.0%}, alpha {result.alpha:g}, power "
        f"{result.power:g}. {result.conclusion[0].upper()}{result.conclusion[1:]}.",
        result.advice,
    ]
    return _scene(
        (curve,), outer, inner, end=end, alpha=result.alpha, title=title, x_title="Participants",
        end_text=f"required {end:,.0f}", notes=notes, x_text=None,
    )  # fmt: skip


def sequential_network_scene(result: SequentialNetwork, *, title: str | None = None) -> Scene:
    """What `draw_sequential_network` draws, as data; the same parameters."""

    def curve(looks: Sequence[EvidenceLook], color: str, text: str) -> _Curve:
        return _Curve(
            points=tuple((x.fraction, x.z) for x in looks),
            names=tuple(x.study for x in looks),
            color=color,
            text=text,
            crossed=next((i for i, x in enumerate(looks) if x.crossed), None),
        )

    outer = [(x.fraction, x.boundary) for x in result.network if x.boundary is not None]
    inner = [(x.fraction, x.futility) for x in result.network if x.futility is not None]
    if result.last_boundary is not None:
        outer.append((1.0, result.last_boundary))
        inner += [(1.0, result.last_boundary)] if result.futility else []
    curves = (
        curve(result.direct, ORANGE, "direct"),
        curve(result.indirect, GREEN, "indirect"),
        curve(result.network, INK, "network"),
    )
    conclusion = result.conclusion("network")
    notes = [
        f"{result.t1} against {result.t2}, planned information {format_number(result.planned, 1)} (1 / se²), alpha "
        f"{result.alpha:g}, power {result.power:g}. Boundaries are those of the network estimate. "
        f"{conclusion[0].upper()}{conclusion[1:]}.",
        result.advice,
    ]
    return _scene(
        tuple(c for c in curves if c.points), outer, inner, end=1.0, alpha=result.alpha, title=title,
        x_title="Share of the planned information", end_text="planned", notes=notes, x_text=lambda v: f"{v:.0%}",
    )  # fmt: skip


def _scene(
    curves: Sequence[_Curve],
    outer: Sequence[_Point],
    inner: Sequence[_Point],
    *,
    end: float,
    alpha: float,
    title: str | None,
    x_title: str,
    end_text: str,
    notes: Sequence[str],
    x_text: Callable[[float], str] | None,
) -> Scene:
    far = max(end, *(x for c in curves for x, _ in c.points))
    tallest = max(abs(z) for c in curves for _, z in c.points)
    tall = min(_TALLEST, max(4.0, tallest + 1, min((b for _, b in outer), default=0.0) + 1.5))
    now = next((b for x, b in reversed(outer) if x <= max(p for c in curves for p, _ in c.points)), 0.0)
    tall = max(tall, tallest + 0.5, now + 0.5 if now <= _TALLEST else 0.0)
    scale = 100.0 if x_text is not None else 1.0  # shares are drawn as percent
    chart = Chart(
        Ends(0.0, 1.06 * far * scale), Ends(-tall, tall), f"{x_title} (%)" if x_text else x_title, "Z",
        title=title, width=560.0, height=300.0,
    )  # fmt: skip

    def at(point: _Point, sign: float = 1.0) -> _Point:
        return chart.at(point[0] * scale, sign * point[1])

    frame = chart.frame
    chart.y_ticks = tuple(float(t) for t in range(-8, 9, 2) if abs(t) <= tall)
    conventional = float(ndtri(1 - alpha / 2))
    chart.items.append(_line([chart.at(0, 0), chart.at(1.06 * far * scale, 0)], GREY, "zero"))
    for sign in (1.0, -1.0):
        edge = [chart.at(0, sign * conventional), chart.at(1.06 * far * scale, sign * conventional)]
        chart.items.append(_line(edge, GREY, "conventional", dash=(2, 3)))
    if len(inner) < 2:
        inner = ()
    if inner:
        # The wedge opens at its first look; its two sides meet the outer boundaries at the end.
        wedge = [*(at(p) for p in inner), *(at(p, -1.0) for p in reversed(inner))]
        chart.items.append(Path(points=tuple(wedge), fill=FAINT, color=FAINT, width=0.4, closed=True, role="wedge"))
    for sign in (1.0, -1.0):
        shown = [at(p, sign) for p in _below(outer, tall)]
        chart.items.append(_line(shown, VERMILLION, "boundary", width=1.4))
        if inner:
            chart.items.append(_line([at(p, sign) for p in inner], BLUE, "futility", width=1.2))
    chart.items.append(
        _line([chart.at(end * scale, -tall), chart.at(end * scale, tall)], GREY, "required", dash=(5, 3))
    )
    chart.items.append(
        Label(
            x=chart.at(end * scale, 0)[0] - 4, y=frame.bottom - 7, text=end_text, size=SMALL, color=GREY,
            align="right", role="required", halo=True,
        )
    )  # fmt: skip
    for curve in curves:
        chart.items.append(_line([at(p) for p in curve.points], curve.color, "z", width=1.2))
        chart.items += [disc(chart, x * scale, z, 2.6, curve.color) for x, z in curve.points]
    main = curves[-1]
    points = [(*at(p), 3.0, name) for p, name in zip(main.points, main.names, strict=True)]
    if main.crossed is not None:
        points = [points[main.crossed], *points[: main.crossed], *points[main.crossed + 1 :]]
    chart.items += named(chart, [points[-1], *points[:-1]], most=1 if main.crossed is None else 2)
    chart.items += _legend(chart, curves, futility=bool(inner), alpha=alpha)
    return chart.scene(notes)


def _below(points: Sequence[_Point], tall: float) -> list[_Point]:
    """The part of a line that lies in the frame: from where it comes in at the top; a later peak is cut off there."""
    first = next((i for i, (_, b) in enumerate(points) if b <= tall), len(points))
    shown = [(x, min(b, tall)) for x, b in points[first:]]
    if 0 < first < len(points):
        (x0, b0), (x1, b1) = points[first - 1], points[first]
        shown.insert(0, (x0 + (x1 - x0) * (b0 - tall) / (b0 - b1), tall))
    return shown


def _line(
    points: Sequence[_Point], color: str, role: str, *, width: float = 0.8, dash: tuple[float, float] | None = None
) -> Path:
    return Path(points=tuple(points), color=color, width=width, dash=dash or (), role=role)


def _legend(chart: Chart, curves: Sequence[_Curve], *, futility: bool, alpha: float) -> list[Item]:
    """In the upper right corner, where the boundaries have come down."""
    rows = [(c.color, c.text) for c in curves]
    rows.append((VERMILLION, "boundary of repeated looks"))
    rows += [(BLUE, "futility")] if futility else []
    rows.append((GREY, f"Z of a single look at {alpha:g}"))
    right = chart.frame.right
    items: list[Item] = []
    left = right - 30 - max(text_size(text, SMALL)[0] for _, text in rows)
    labels = [
        Label(x=left + 21, y=chart.frame.top + 9 + 11 * i, text=text, size=SMALL, role="legend")
        for i, (_, text) in enumerate(rows)
    ]
    items.append(rectangle(left, chart.frame.top + 1, right, labels[-1].y + 7, fill="#FFFFFF", role="legend"))
    for label, (color, _) in zip(labels, rows, strict=True):
        items.append(_line([(left + 3, label.y), (left + 16, label.y)], color, "legend", width=1.6))
        items.append(label)
    return items
