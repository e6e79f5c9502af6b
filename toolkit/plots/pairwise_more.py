"""Bubble plot of a meta-regression, drapery plot, panel of influence, profile of the likelihood of tau2."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import chdtri, ndtr

from toolkit.engine.intervals import two_sided_p
from toolkit.engine.metareg import MetaRegression
from toolkit.engine.results import Estimate, PairwiseResult
from toolkit.engine.sensitivity import Influence, influence, studies_of
from toolkit.engine.tau2.batch import batch
from toolkit.engine.tau2.likelihood import log_likelihood
from toolkit.model.errors import InputError, NotEstimable
from toolkit.plots.chart import Frame
from toolkit.plots.forest import axis_title, has_null
from toolkit.plots.numbers import format_effect, linear_ticks
from toolkit.plots.page import MARGIN, notes_below, title_above
from toolkit.plots.scene import Disc, Item, Label, Path, Scene, draw_scene
from toolkit.plots.style import BLUE, FAINT, GREY, INK, LINE, PAPER, SMALL, VERMILLION, text_size
from toolkit.plots.xy import Chart, Ends, disc, named, spread

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = [
    "bubble_scene",
    "drapery_scene",
    "draw_bubble",
    "draw_drapery",
    "draw_influence",
    "draw_profile",
    "influence_scene",
    "profile_scene",
]


def draw_bubble(
    result: PairwiseResult, regression: MetaRegression, values: Mapping[str, object], *, title: str | None = None
) -> Figure:
    """Effects against one covariate of numbers, discs by weight, the regression line with its interval.

    Parameters
    ----------
    result : the fit that was regressed
    regression : with one coefficient beside the intercept
    values : covariate by study
    """
    return draw_scene(bubble_scene(result, regression, values, title=title))


def bubble_scene(
    result: PairwiseResult, regression: MetaRegression, values: Mapping[str, object], *, title: str | None = None
) -> Scene:
    """What `draw_bubble` draws, as data."""
    if len(regression.coefficients) != 2 or regression.coefficients[1].name != regression.formula.strip():
        raise InputError(
            "A bubble plot takes one covariate of numbers.", value=regression.formula, hint="Such as 'year'."
        )
    names, y, v = studies_of(result)
    keep = [i for i, name in enumerate(names) if name not in regression.excluded]
    x = [float(values[names[i]]) for i in keep]  # type: ignore[arg-type]
    ends = spread(x)
    grid = np.linspace(ends.low, ends.high, 61)
    bands = [regression.predict((1.0, float(g)))[0] for g in grid]
    reach = [float(y[i]) for i in keep] + [b for e in bands for b in (e.ci_low, e.ci_high)]
    chart = Chart(
        x=ends, y=spread(reach, scale=result.scale), x_title=regression.coefficients[1].name,
        y_title=axis_title(result.spec.measure, result.scale), title=title,
    )  # fmt: skip
    upper = [chart.at(float(g), e.ci_high) for g, e in zip(grid, bands, strict=True)]
    lower = [chart.at(float(g), e.ci_low) for g, e in zip(grid, bands, strict=True)]
    chart.items.append(Path(points=(*upper, *reversed(lower)), fill=FAINT, color=None, closed=True, role="band"))
    if has_null(result.spec.measure) and chart.y.low < 0 < chart.y.high:
        ends_of_line = (chart.at(ends.low, 0.0), chart.at(ends.high, 0.0))
        chart.items.append(Path(points=ends_of_line, color=INK, width=0.7, role="null-line"))
    line = tuple(chart.at(float(g), e.estimate) for g, e in zip(grid, bands, strict=True))
    chart.items.append(Path(points=line, color=BLUE, width=1.2, role="line"))
    weight = 1 / (v[keep] + regression.tau2)
    radius = 2.0 + 9.0 * np.sqrt(weight / weight.max())
    points = []
    for at in np.argsort(-radius):
        i = keep[at]
        chart.items.append(disc(chart, x[at], float(y[i]), float(radius[at]), BLUE, alpha=0.55))
        points.append((*chart.at(x[at], float(y[i])), float(radius[at]), names[i]))
    chart.items += named(chart, points)
    slope = regression.coefficients[1].estimate
    note = (
        f"Line and band: mean effect with its {regression.level:.0%} interval; the larger, the more weight. Slope "
        f"{slope.estimate:.4g} a unit (model scale; {slope.ci_low:.4g} to {slope.ci_high:.4g})."
    ).replace("-", "−") + " Studies are not randomised to the covariate."
    return chart.scene((note,))


def draw_drapery(result: PairwiseResult, *, title: str | None = None) -> Figure:
    """p value functions of the studies and of the pooled effects: every confidence level at once.

    References
    ----------
    Rücker, Schwarzer 2021, Res Synth Methods 12:126-134. doi:10.1002/jrsm.1435
    """
    return draw_scene(drapery_scene(result, title=title))


def drapery_scene(result: PairwiseResult, *, title: str | None = None) -> Scene:
    """What `draw_drapery` draws, as data."""
    names, y, v = studies_of(result)
    if not names:
        raise NotEstimable("No study gives an estimate: there is nothing to draw.")
    se = np.sqrt(v)
    precise = se <= np.quantile(se, 0.75)
    centre = [e.estimate for e in (result.random, result.common) if e is not None]
    reach = [*(y - 2.2 * se)[precise].tolist(), *(y + 2.2 * se)[precise].tolist(), *y.tolist(), *centre]
    chart = Chart(
        x=spread(reach, scale=result.scale), y=Ends(0.0, 1.0), title=title, right=46.0,
        x_title=axis_title(result.spec.measure, result.scale), y_title="p value",
    )  # fmt: skip
    grid = np.linspace(chart.x.low, chart.x.high, 241)
    for mean, error in zip(y, se, strict=True):
        own = np.sort(np.append(grid, mean))
        chart.items.append(_curve(chart, own, 2 * ndtr(-np.abs(own - mean) / error), LINE, 0.5, "study"))
    if has_null(result.spec.measure) and chart.x.low < 0 < chart.x.high:
        chart.items.append(Path(points=(chart.at(0, 0), chart.at(0, 1)), color=INK, width=0.7, role="null-line"))
    if result.prediction is not None and result.random is not None:
        chart.items += _band(chart, result.prediction.low, result.prediction.high, result.spec.level)
    for estimate, colour, role in ((result.common, VERMILLION, "common"), (result.random, BLUE, "random")):
        if estimate is not None and estimate.se > 0:
            near = estimate.estimate + estimate.se * np.linspace(-4, 4, 81)
            own = np.sort(np.concatenate([grid, near[(near > chart.x.low) & (near < chart.x.high)]]))
            chart.items.append(_curve(chart, own, _p_function(estimate, own), colour, 1.5, role))
    alpha = 1 - result.spec.level
    chart.items.append(
        Path(points=(chart.at(chart.x.low, alpha), chart.at(chart.x.high, alpha)), color=GREY, width=0.6, dash=(2, 2),
             role="level")
    )  # fmt: skip
    chart.items += _levels(chart, result.spec.level)
    parts = ["Grey: studies."]
    parts += [f"Red: common effect, {format_effect(result.common.estimate, result.scale)}."] if result.common else []
    parts += [f"Blue: random effects, {format_effect(result.random.estimate, result.scale)}."] if result.random else []
    parts += ["Shaded: prediction interval."] if result.prediction is not None else []
    parts.append("At height p a curve is as wide as its interval of level 1 − p.")
    return chart.scene((" ".join(parts),))


def _curve(chart: Chart, grid: np.ndarray, p: np.ndarray, colour: str, width: float, role: str) -> Path:
    points = tuple(chart.at(float(g), float(value)) for g, value in zip(grid, p, strict=True))
    return Path(points=points, color=colour, width=width, role=role)


def _p_function(estimate: Estimate, grid: np.ndarray) -> np.ndarray:
    """Two-sided p of each value, by the same distribution as the estimate's interval."""
    return two_sided_p((grid - estimate.estimate) / estimate.se, np.inf if estimate.df is None else estimate.df)


def _band(chart: Chart, low: float, high: float, level: float) -> list[Item]:
    low, high = max(low, chart.x.low), min(high, chart.x.high)
    corners = (chart.at(low, 0), chart.at(high, 0), chart.at(high, 1 - level), chart.at(low, 1 - level))
    return [Path(points=corners, fill="#CFE3F2", color=None, closed=True, role="prediction")]


def _levels(chart: Chart, level: float) -> list[Item]:
    """Confidence levels on the right, against the p values on the left."""
    right = chart.frame.right
    items: list[Item] = []
    for share in sorted({0.5, 0.8, level}):
        y = chart.frame.y(1 - share)
        items.append(Path(points=((right, y), (right + 3, y)), role="tick"))
        items.append(Label(x=right + 6, y=y, text=f"{share:.0%}", size=SMALL + 0.5, color=GREY, role="level"))
    return items


# Panel -> title, reference lines; Viechtbauer and Cheung's cut-offs are made from k.
_PANELS = (
    ("rstudent", "Studentised residual"),
    ("dffits", "DFFITS"),
    ("cook", "Cook's distance"),
    ("cov_ratio", "Covariance ratio"),
    ("tau2_without", "τ² without the study"),
    ("q_without", "Q without the study"),
    ("hat", "Weight"),
    ("dfbeta", "DFBETA"),
)
PANEL_WIDTH, PANEL_HEIGHT, GAP = 258.0, 74.0, 40.0


def draw_influence(result: PairwiseResult, *, title: str | None = None) -> Figure:
    """What each study does to the random-effects fit, eight diagnostics in one panel.

    References
    ----------
    Viechtbauer, Cheung 2010, Res Synth Methods 1:112-125. doi:10.1002/jrsm.11
    """
    return draw_scene(influence_scene(result, title=title))


def influence_scene(result: PairwiseResult, *, title: str | None = None) -> Scene:
    """What `draw_influence` draws, as data."""
    rows = influence(result)
    assert result.tau2 is not None and result.heterogeneity is not None
    k = len(rows)
    lines: dict[str, tuple[float, ...]] = {
        "rstudent": (-1.96, 0.0, 1.96),
        "dffits": (-3 * (1 / (k - 1)) ** 0.5, 0.0, 3 * (1 / (k - 1)) ** 0.5),
        "cook": (float(chdtri(1, 0.5)),),
        "cov_ratio": (1.0,),
        "tau2_without": (result.tau2.value,),
        "q_without": (result.heterogeneity.q,),
        "hat": (1 / k, 3 / k),
        "dfbeta": (-1.0, 0.0, 1.0),
    }
    width = 2 * PANEL_WIDTH + GAP + 2 * MARGIN + 36
    items, top = title_above(title, width)
    for at, (name, text) in enumerate(_PANELS):
        left = MARGIN + 36 + (at % 2) * (PANEL_WIDTH + GAP)
        y = top + 12 + (at // 2) * (PANEL_HEIGHT + 34)
        items += _panel(rows, name, text, lines[name], left, y)
    bottom = top + 12 + 4 * (PANEL_HEIGHT + 34)
    flagged = [f"{i + 1} {row.study}" for i, row in enumerate(rows) if row.influential]
    note = "Studies in the order of the table. Dashed: no influence, or the cut-off. "
    note += f"Red, past a cut-off: {', '.join(flagged)}." if flagged else "No study is past a cut-off."
    below, height = notes_below((note,), bottom - 12, width)
    return Scene(width=width, height=height, items=(*items, *below))


def _panel(
    rows: Sequence[Influence], name: str, text: str, lines: tuple[float, ...], left: float, top: float
) -> list[Item]:
    values = [float(getattr(row, name)) for row in rows]
    near = [line for line in lines if min(values) - 3 * _width(values) <= line <= max(values) + 3 * _width(values)]
    ends = spread([*values, *near], share=0.1)
    frame = Frame(
        left=left, top=top, right=left + PANEL_WIDTH, bottom=top + PANEL_HEIGHT, at_bottom=ends.low, at_top=ends.high
    )
    items: list[Item] = [
        Label(x=left, y=top - 8, text=text, size=SMALL + 1, bold=True, role="panel"),
        Path(points=((left, top), (left, frame.bottom), (frame.right, frame.bottom)), role="axis"),
    ]
    for tick in linear_ticks(ends.low, ends.high, 3):
        y = frame.y(tick)
        if frame.top <= y <= frame.bottom:
            items.append(Path(points=((left - 3, y), (left, y)), role="tick"))
            items.append(
                Label(x=left - 5, y=y, text=f"{tick:.6g}".replace("-", "−"), size=SMALL, align="right", role="tick")
            )
    for line in near:
        y = frame.y(line)
        items.append(Path(points=((left, y), (frame.right, y)), color=GREY, width=0.6, dash=(2, 2), role="cut-off"))
    step = PANEL_WIDTH / len(rows)
    places = [(left + step * (i + 0.5), frame.y(v)) for i, v in enumerate(values)]
    items.append(Path(points=tuple(places), color=LINE, width=0.6, role="line"))
    radius = min(2.6, max(1.2, step / 3))
    for (x, y), row in zip(places, rows, strict=True):
        fill = VERMILLION if row.influential else BLUE
        items.append(Disc(x=x, y=y, r=radius, fill=fill, color=PAPER, width=0.4, role="study"))
    return items + _numbers(len(rows), left, frame.bottom, step)


def _width(values: Sequence[float]) -> float:
    return max(values) - min(values)


def _numbers(k: int, left: float, bottom: float, step: float) -> list[Item]:
    """Numbers of the studies below a panel, as many as fit."""
    every = next(n for n in (1, 2, 5, 10, 20, 50, 100, 1000) if step * n > text_size(str(k), SMALL)[0] + 3)
    return [
        Label(x=left + step * (i - 0.5), y=bottom + 8, text=str(i), size=SMALL, align="center", role="number")
        for i in range(1, k + 1)
        if i == 1 or i % every == 0
    ]


def draw_profile(result: PairwiseResult, *, title: str | None = None) -> Figure:
    """The profile of the (restricted) log-likelihood over tau2, with its interval."""
    return draw_scene(profile_scene(result, title=title))


def profile_scene(result: PairwiseResult, *, title: str | None = None) -> Scene:
    """What `draw_profile` draws, as data."""
    if result.tau2 is None or result.spec.tau2 not in ("REML", "ML"):
        raise InputError(
            "A profile of the likelihood takes tau2 by ML or REML.", value=result.spec.tau2, allowed="ML, REML"
        )
    _, y, v = studies_of(result)
    restricted = result.spec.tau2 == "REML"
    best = result.tau2.value
    top = max(best * 2.5, float(np.median(v)) * 2)
    if result.tau2.ci is not None and np.isfinite(result.tau2.ci.high):
        top = max(top, result.tau2.ci.high * 1.15)
    grid = np.unique(np.concatenate([np.linspace(0, top, 160), top * np.linspace(0, 1, 60) ** 3, [best]]))
    heights = log_likelihood(batch(np.tile(y, (grid.size, 1)), np.tile(v, (grid.size, 1))), grid, restricted)
    drop = heights - float(heights[np.searchsorted(grid, best)])
    cut = -float(chdtri(1, 1 - result.spec.level)) / 2
    floor = max(float(drop.min()), 3 * cut)
    chart = Chart(
        x=Ends(0.0, top), y=Ends(floor - 0.3, 0.4), x_title="τ²", title=title,
        y_title=f"{'Restricted log' if restricted else 'Log'}-likelihood below its maximum",
    )  # fmt: skip
    inside = drop >= floor - 0.3
    path = tuple(chart.at(float(a), float(b)) for a, b in zip(grid[inside], drop[inside], strict=True))
    chart.items.append(
        Path(points=(chart.at(0, cut), chart.at(top, cut)), color=GREY, width=0.6, dash=(2, 2), role="cut-off")
    )
    chart.items.append(Path(points=path, color=BLUE, width=1.3, role="curve"))
    chart.items.append(disc(chart, best, 0.0, 3.0, VERMILLION, role="estimate"))
    note = (
        f"Point: {result.spec.tau2}, τ² = {best:.4g}. Above the dashed line: the {result.spec.level:.0%} interval by "
        "profile likelihood."
    )
    return chart.scene((note,))
