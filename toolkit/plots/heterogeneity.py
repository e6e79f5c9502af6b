"""Where heterogeneity comes from: Baujat, radial (Galbraith) and L'Abbé plots, and all subsets (GOSH)."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import ndtri

from toolkit.engine.resample import Resampled
from toolkit.engine.results import PairwiseResult
from toolkit.engine.sensitivity import influence, studies_of
from toolkit.model.errors import InputError, NotEstimable
from toolkit.plots.forest import axis_title, has_null
from toolkit.plots.numbers import Axis, format_effect, scale_ticks
from toolkit.plots.scene import Item, Label, Path, Scene, draw_scene, rectangle
from toolkit.plots.style import BLUE, FAINT, INK, LINE, SMALL, VERMILLION
from toolkit.plots.xy import Chart, Ends, disc, named, spread

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = [
    "baujat_scene",
    "draw_baujat",
    "draw_gosh",
    "draw_labbe",
    "draw_radial",
    "gosh_scene",
    "labbe_scene",
    "radial_scene",
]

RADIUS = 3.2


def draw_baujat(result: PairwiseResult, *, title: str | None = None) -> Figure:
    """Each study's share in Q against its influence on the common-effect estimate.

    References
    ----------
    Baujat, Mahe, Pignon, Hill 2002, Stat Med 21:2641-2652. doi:10.1002/sim.1221
    """
    return draw_scene(baujat_scene(result, title=title))


def baujat_scene(result: PairwiseResult, *, title: str | None = None) -> Scene:
    """What `draw_baujat` draws, as data."""
    rows = influence(result, "common")
    chart = Chart(
        x=spread([r.baujat_x for r in rows], at_zero=True), y=spread([r.baujat_y for r in rows], at_zero=True),
        x_title="Contribution to Cochran's Q", y_title="Influence on the common effect", title=title,
    )  # fmt: skip
    for row in rows:
        chart.items.append(disc(chart, row.baujat_x, row.baujat_y, RADIUS, BLUE))
    far = sorted(rows, key=lambda r: -(r.baujat_x / chart.x.high + r.baujat_y / chart.y.high))
    points = [(*chart.at(r.baujat_x, r.baujat_y), RADIUS, r.study) for r in far]
    chart.items += named(chart, points)
    note = "Influence: squared change of the estimate without the study, in units of its variance."
    return chart.scene((f"{note} Studies at the upper right disagree and matter.",))


def draw_radial(result: PairwiseResult, *, title: str | None = None) -> Figure:
    """Galbraith's radial plot: standardised effects against precision; slopes are effects.

    References
    ----------
    Galbraith 1988, Technometrics 30:271-281. doi:10.2307/1270081
    """
    return draw_scene(radial_scene(result, title=title))


def radial_scene(result: PairwiseResult, *, title: str | None = None) -> Scene:
    """What `draw_radial` draws, as data."""
    names, y, v = studies_of(result)
    if result.common is None:
        raise NotEstimable("No study gives an estimate: there is nothing to draw.")
    x, z = 1 / np.sqrt(v), y / np.sqrt(v)
    mean, crit = result.common.estimate, float(ndtri(0.5 + result.spec.level / 2))
    furthest = float(x.max()) * 1.08
    reach = [*z.tolist(), 0.0, mean * furthest + crit, mean * furthest - crit, crit, -crit]
    chart = Chart(
        x=Ends(0.0, furthest), y=spread(reach), x_title="Precision (1 / standard error)",
        y_title="Effect / standard error", title=title, right=58.0,
    )  # fmt: skip
    corners = ((0.0, crit), (furthest, mean * furthest + crit), (furthest, mean * furthest - crit), (0.0, -crit))
    chart.items.append(
        Path(points=tuple(chart.at(*c) for c in corners), fill=FAINT, color=None, closed=True, role="region")
    )
    chart.items.append(Path(points=(chart.at(0, 0), chart.at(furthest, 0)), color=LINE, width=0.6, role="null-line"))
    line = (chart.at(0, 0), chart.at(furthest, mean * furthest))
    chart.items.append(Path(points=line, color=BLUE, width=1.1, dash=(3, 2), role="centre"))
    chart.items += _slopes(chart, result, furthest)
    outside = np.abs(z - mean * x) > crit
    for a, b, out in zip(x, z, outside, strict=True):
        chart.items.append(disc(chart, float(a), float(b), RADIUS, VERMILLION if out else BLUE))
    order = np.argsort(-np.abs(z - mean * x))
    points = [(*chart.at(float(x[i]), float(z[i])), RADIUS, names[i]) for i in order if outside[i]]
    chart.items += named(chart, points)
    shown = format_effect(mean, result.scale)
    note = f"Dashed: common effect, {shown}. Shaded: where {result.spec.level:.0%} of studies lie without heterogeneity"
    return chart.scene(
        (f"{note}; {int(outside.sum())} of {len(names)} lie outside. Right: effects as slopes from zero.",)
    )


def _slopes(chart: Chart, result: PairwiseResult, furthest: float) -> list[Item]:
    """Effects on the right edge, where lines of their slope end."""
    low, high = chart.y.low / furthest, chart.y.high / furthest
    ticks = [t for t in scale_ticks(low, high, result.scale, 5) if low <= t <= high]
    shown = Axis(low=low, high=high, left=0, right=1, scale=result.scale, ticks=())
    right = chart.frame.right
    items: list[Item] = [Path(points=((right, chart.frame.top), (right, chart.frame.bottom)), role="axis")]
    for t in ticks:
        y = chart.frame.y(t * furthest)
        items.append(Path(points=((right, y), (right + 3, y)), role="tick"))
        items.append(Label(x=right + 6, y=y, text=shown.tick_label(t), size=SMALL + 0.5, role="slope"))
    return items


def draw_labbe(result: PairwiseResult, *, title: str | None = None) -> Figure:
    """L'Abbé plot: the risk under treatment against that under control, with the curve of the pooled effect.

    References
    ----------
    L'Abbé, Detsky, O'Rourke 1987, Ann Intern Med 107:224-233. doi:10.7326/0003-4819-107-2-224
    """
    return draw_scene(labbe_scene(result, title=title))


def labbe_scene(result: PairwiseResult, *, title: str | None = None) -> Scene:
    """What `draw_labbe` draws, as data."""
    rows = []
    for row in result.studies:
        (e1, e2), (n1, n2) = row.events, row.n
        if row.excluded is None and e1 is not None and e2 is not None and n1 and n2:
            rows.append((row.study, e1 / n1, e2 / n2, n1 + n2))
    if not rows:
        raise InputError(
            "A L'Abbé plot takes events of two groups.", value=result.spec.measure, allowed="OR, RR, RD ..."
        )
    top = min(1.0, 1.12 * max(max(a, b) for _, a, b, _ in rows) or 1.0)
    chart = Chart(
        x=Ends(0.0, top), y=Ends(0.0, top), x_title=f"Risk with {result.reference}",
        y_title=f"Risk with {result.treatment}", title=title, width=366.0, height=300.0,
    )  # fmt: skip
    chart.y_ticks = chart.axis.ticks  # both axes are of risks, from 0 to the same end
    chart.items.append(Path(points=(chart.at(0, 0), chart.at(top, top)), color=INK, width=0.7, role="null-line"))
    pooled = result.random or result.common
    curve = _risk_curve(result.spec.measure, pooled.estimate, top) if pooled is not None else []
    if curve:
        path = tuple(chart.at(a, b) for a, b in curve)
        chart.items.append(Path(points=path, color=BLUE, width=1.1, dash=(3, 2), role="centre"))
    largest = max(n for *_, n in rows)
    points = []
    for name, treated, control, n in sorted(rows, key=lambda own: -own[3]):
        r = 2.0 + 9.0 * math.sqrt(n / largest)
        chart.items.append(disc(chart, control, treated, r, BLUE, alpha=0.55))
        points.append((*chart.at(control, treated), r, name))
    far = sorted(zip(points, sorted(rows, key=lambda own: -own[3]), strict=True), key=lambda p: -abs(p[1][1] - p[1][2]))
    chart.items += named(chart, [p for p, _ in far], most=8)
    notes = ["The larger, the more participants. Solid: equal risks."]
    if curve and pooled is not None:
        which = "random" if result.random is not None else "common"
        notes[0] += f" Dashed: pooled effect ({which}), {format_effect(pooled.estimate, result.scale)}."
    return chart.scene(notes, y_text=lambda t: f"{t:.6f}".rstrip("0").rstrip(".") or "0")


def _risk_curve(measure: str, effect: float, top: float) -> list[tuple[float, float]]:
    """Risk under treatment over that under control, at the pooled effect."""
    risks = np.linspace(0.0, top, 81)
    if measure in ("OR", "PETO"):
        odds = np.exp(effect) * risks / np.maximum(1 - risks, 1e-12)
        treated = odds / (1 + odds)
    elif measure == "RR":
        treated = np.exp(effect) * risks
    elif measure == "RD":
        treated = risks + effect
    else:
        return []
    inside = (treated >= 0) & (treated <= top)
    return [(float(a), float(b)) for a, b in zip(risks[inside], treated[inside], strict=True)]


def draw_gosh(result: PairwiseResult, fits: Resampled, *, title: str | None = None) -> Figure:
    """Estimates and I2 of all (or many) subsets of the studies, as a map of how many lie where.

    References
    ----------
    Olkin, Dahabreh, Trikalinos 2012, Res Synth Methods 3:214-223. doi:10.1002/jrsm.1053
    """
    return draw_scene(gosh_scene(result, fits, title=title))


GRID = (64, 40)


def gosh_scene(result: PairwiseResult, fits: Resampled, *, title: str | None = None) -> Scene:
    """What `draw_gosh` draws, as data."""
    low, high = (float(q) for q in np.quantile(fits.estimate, (0.001, 0.999)))
    if high - low < 1e-12 * max(abs(low), abs(high), 1e-300):
        low, high = low - 0.5, high + 0.5
    pad = 0.03 * (high - low)
    chart = Chart(
        x=Ends(low - pad, high + pad, result.scale), y=Ends(0.0, 1.0), title=title,
        x_title=axis_title(result.spec.measure, result.scale), y_title="I² from Q",
    )  # fmt: skip
    counts, across, up = np.histogram2d(
        fits.estimate, fits.i2, bins=GRID, range=((chart.x.low, chart.x.high), (0.0, 1.0))
    )
    most = math.log1p(float(counts.max()))
    for i, j in zip(*np.nonzero(counts), strict=True):
        (left, bottom), (right, top) = chart.at(across[i], up[j]), chart.at(across[i + 1], up[j + 1])
        shade = _shade(math.log1p(float(counts[i, j])) / most)
        chart.items.append(rectangle(left, top, right, bottom, fill=shade, role="cell"))
    pooled = result.random or result.common
    if pooled is not None:
        line = (chart.at(pooled.estimate, 0.0), chart.at(pooled.estimate, 1.0))
        chart.items.append(Path(points=line, color=VERMILLION, width=1.0, dash=(3, 2), role="centre"))
    if has_null(result.spec.measure) and chart.x.low < 0 < chart.x.high:
        chart.items.append(Path(points=(chart.at(0, 0), chart.at(0, 1)), color=INK, width=0.7, role="null-line"))
    what = "All" if fits.complete else "Randomly drawn"
    note = f"{what} {fits.estimate.size:,} subsets of {fits.times.shape[1]} studies; the darker, the more (log scale)."
    shown = "" if pooled is None else f" Dashed: all studies, {format_effect(pooled.estimate, result.scale)}."
    return chart.scene(
        (note + shown + " Two clouds: a few studies make the heterogeneity.",), y_text=lambda t: f"{t:.0%}"
    )


def _shade(share: float) -> str:
    """From a pale to a dark blue."""
    pale, dark = (0xDD, 0xEA, 0xF4), (0x00, 0x3B, 0x5C)
    return "#" + "".join(f"{round(a + (b - a) * share):02X}" for a, b in zip(pale, dark, strict=True))
