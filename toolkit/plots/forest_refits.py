"""Forest plots of refits: the pooled effect without each study, and after each further study."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from toolkit.engine.results import Estimate, PairwiseResult
from toolkit.engine.sensitivity import Refit
from toolkit.model.choices import INTERVALS
from toolkit.plots.forest import axis_title, has_null, neutral_sides
from toolkit.plots.forest_layout import ForestColumn, ForestRow, ForestTable, layout_forest
from toolkit.plots.numbers import decimals_for, format_interval, format_number, format_percent, p_value, short_name
from toolkit.plots.scene import Scene, draw_scene

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["draw_refits", "refits_scene"]

_FIRST = {"leave-one-out": "Without", "cumulative": "Study added"}


def draw_refits(
    result: PairwiseResult,
    fits: Sequence[Refit],
    kind: str,
    *,
    title: str | None = None,
    favours: tuple[str, str] | None = None,
) -> Figure:
    """Pooled estimates of refits below each other, with p value, tau2 and I2 of each.

    Parameters
    ----------
    result : the fit of all studies
    fits : of `toolkit.engine.sensitivity.leave_one_out` or `cumulative`
    kind : "leave-one-out" (the fit of all studies is the last row, a diamond) or "cumulative" (its last row is)
    title, favours : as in `toolkit.plots.forest.draw_forest`
    """
    return draw_scene(refits_scene(result, fits, kind, title=title, favours=favours))


def refits_scene(
    result: PairwiseResult,
    fits: Sequence[Refit],
    kind: str,
    *,
    title: str | None = None,
    favours: tuple[str, str] | None = None,
) -> Scene:
    """What `draw_refits` draws, as data; the same parameters."""
    whole = result.random or result.common
    shown = [fit.random or fit.common for fit in fits]
    decimals = decimals_for([e.ci_high - e.ci_low for e in shown], result.scale)
    rows = [_row(result, fit, estimate, decimals) for fit, estimate in zip(fits, shown, strict=True)]
    if kind == "leave-one-out":
        rows.append(ForestRow(kind="rule"))
        if whole is not None:
            rows.append(_all(result, whole, decimals))
    else:
        last = rows.pop()
        rows.append(
            ForestRow(kind="pooled", label=last.label, cells=last.cells, y=last.y, low=last.low, high=last.high)
        )
    null = has_null(result.spec.measure)
    columns = [ForestColumn(title="Studies")]
    columns += [ForestColumn(title=f"{short_name(result.spec.measure)} ({result.spec.level:.0%} CI)", side="right")]
    columns += [ForestColumn(title="p", side="right")] if null else []
    columns += [ForestColumn(title=title_, side="right") for title_ in ("τ²", "I²")]
    return layout_forest(
        ForestTable(
            first=_FIRST[kind],
            columns=tuple(columns),
            rows=tuple(rows),
            scale=result.scale,
            axis_title=axis_title(result.spec.measure, result.scale),
            title=title or "",
            favours=(favours or neutral_sides(result.treatment)) if null else None,
            footnotes=(_note(result, kind, fits),),
            guide=None if whole is None else whole.estimate,
            null=null,
        )
    )


def _cells(
    result: PairwiseResult, k: int, estimate: Estimate, tau2: float | None, i2: float | None, decimals: int
) -> tuple[str, ...]:
    text = format_interval(estimate.estimate, estimate.ci_low, estimate.ci_high, result.scale, decimals)
    p = [p_value(estimate.p)] if has_null(result.spec.measure) else []
    return (str(k), text, *p, "–" if tau2 is None else format_number(tau2, 3), format_percent(i2) or "–")


def _row(result: PairwiseResult, fit: Refit, estimate: Estimate, decimals: int) -> ForestRow:
    i2 = None if fit.heterogeneity is None else fit.heterogeneity.i2_tau2
    cells = _cells(result, fit.k, estimate, fit.tau2, i2, decimals)
    return ForestRow(
        kind="study", label=fit.study, cells=cells, y=estimate.estimate, low=estimate.ci_low, high=estimate.ci_high
    )


def _all(result: PairwiseResult, whole: Estimate, decimals: int) -> ForestRow:
    i2 = None if result.heterogeneity is None else result.heterogeneity.i2_tau2
    cells = _cells(result, result.k, whole, None if result.tau2 is None else result.tau2.value, i2, decimals)
    return ForestRow(
        kind="pooled", label="All studies", cells=cells, y=whole.estimate, low=whole.ci_low, high=whole.ci_high
    )


def _note(result: PairwiseResult, kind: str, fits: Sequence[Refit]) -> str:
    what = "Each row: all studies but this one" if kind == "leave-one-out" else "Each row: the studies down to this one"
    if result.random is None:
        return f"{what}; common effect."
    method = result.random.method
    name = INTERVALS[method].help if method in INTERVALS else method
    one = "; a single study as it is" if any(fit.random is None for fit in fits) else ""
    return f"{what}; random effects{one}. Interval: {name}. τ²: {result.spec.tau2}. I² from τ²."
