"""Forest plots of a network: every treatment against the reference, and direct beside indirect evidence."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from toolkit.engine.network.split import Split
from toolkit.engine.network.views import TreatmentRow, against_reference
from toolkit.engine.results import Estimate, NetworkResult
from toolkit.model.wording import counted
from toolkit.plots.forest import axis_title
from toolkit.plots.forest_layout import ForestColumn, ForestRow, ForestTable, layout_forest
from toolkit.plots.numbers import (
    decimals_for,
    format_count,
    format_effect,
    format_interval,
    format_number,
    format_p,
    short_name,
)
from toolkit.plots.scene import Scene, draw_scene
from toolkit.plots.style import BLUE, GREY, INK, VERMILLION

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["draw_network_forest", "draw_split", "network_forest_scene", "split_scene"]


def draw_network_forest(
    result: NetworkResult,
    *,
    title: str | None = None,
    favours: tuple[str, str] | None = None,
    model: str | None = None,
    order: Sequence[str] | None = None,
    footnotes: Sequence[str] = (),
) -> Figure:
    """Every treatment against the reference, with prediction intervals where there are any.

    Parameters
    ----------
    result : a fitted network
    title, favours, footnotes : as in `toolkit.plots.forest.draw_forest`
    model : "random" or "common"; None takes random effects where they are estimable
    order : treatments in the order wanted; by default from the smallest effect to the largest
    """
    return draw_scene(
        network_forest_scene(result, title=title, favours=favours, model=model, order=order, footnotes=footnotes)
    )


def network_forest_scene(
    result: NetworkResult,
    *,
    title: str | None = None,
    favours: tuple[str, str] | None = None,
    model: str | None = None,
    order: Sequence[str] | None = None,
    footnotes: Sequence[str] = (),
) -> Scene:
    """What `draw_network_forest` draws, as data; the same parameters."""
    random = result.random is not None and model != "common"
    rows = [(row, row.random if random and row.random is not None else row.common) for row in against_reference(result)]
    if order is not None:
        place = {name: i for i, name in enumerate(order)}
        rows.sort(key=lambda pair: place.get(pair[0].treatment, len(place)))
    else:
        rows.sort(key=lambda pair: pair[1].estimate)
    decimals = decimals_for([e.ci_high - e.ci_low for _, e in rows], result.scale)
    with_prediction = random and any(row.prediction is not None for row, _ in rows)
    with_n = any(n is not None for n in result.n_per_treatment)
    columns = [ForestColumn(title="Studies"), *([ForestColumn(title="n")] if with_n else [])]
    columns.append(ForestColumn(title=f"{short_name(result.spec.measure)} ({result.spec.level:.0%} CI)", side="right"))
    if with_prediction:
        columns.append(ForestColumn(title="Prediction interval", side="right"))
    table = ForestTable(
        first=f"Against {result.reference}",
        columns=tuple(columns),
        rows=(
            *(_treatment_row(result, r, e, decimals, with_n, with_prediction) for r, e in rows),
            *_notes(result, random),
        ),
        scale=result.scale,
        axis_title=f"{axis_title(result.spec.measure, result.scale)}, treatment against {result.reference}",
        title=title or "",
        favours=favours or (f"Lower than {result.reference}", f"Higher than {result.reference}"),
        footnotes=(
            *(("Thick bars behind the intervals: prediction intervals.",) if with_prediction else ()),
            *footnotes,
        ),
    )
    return layout_forest(table)


def _treatment_row(
    result: NetworkResult, row: TreatmentRow, estimate: Estimate, decimals: int, with_n: bool, with_prediction: bool
) -> ForestRow:
    at = result.treatments.index(row.treatment)
    scale = result.scale
    cells = [str(result.studies_per_treatment[at])]
    if with_n:
        cells.append(format_count(result.n_per_treatment[at]))
    cells.append(format_interval(estimate.estimate, estimate.ci_low, estimate.ci_high, scale, decimals))
    wide = row.prediction if with_prediction else None
    if wide is not None:
        cells.append(f"({format_effect(wide.low, scale, decimals)} to {format_effect(wide.high, scale, decimals)})")
    return ForestRow(
        kind="study",
        label=row.treatment,
        cells=tuple(cells),
        y=estimate.estimate,
        low=estimate.ci_low,
        high=estimate.ci_high,
        wide=(wide.low, wide.high) if wide is not None else None,
    )


def _notes(result: NetworkResult, random: bool) -> tuple[ForestRow, ...]:
    """Rows below the treatments: the model, heterogeneity, inconsistency."""
    parts = [f"{'Random' if random else 'Common'} effects, {counted(result.k, 'study')}"]
    if random and result.tau2 is not None:
        parts.append(f"τ² = {format_number(result.tau2.value, 3)} ({result.tau2.method})")
    if result.i2 is not None:
        parts.append(f"I² = {result.i2:.1%}")
    found = result.inconsistency
    if found.q_between is not None and found.df_between > 0:
        between = f"Inconsistency between designs: Q = {found.q_between:.2f} ({found.df_between} df), "
        second = between + f"{format_p(found.p_between)}."
    else:
        second = f"Inconsistency: {found.reason or 'cannot be examined'}."
    return (
        ForestRow(kind="rule"),
        ForestRow(kind="note", note=", ".join(parts) + "."),
        ForestRow(kind="note", note=second),
    )


def draw_split(
    splits: Sequence[Split],
    *,
    measure: str = "GEN",
    scale: str = "identity",
    title: str | None = None,
    level: float = 0.95,
    footnotes: Sequence[str] = (),
) -> Figure:
    """Direct, indirect and network estimate of each comparison, with the P value of their difference.

    Parameters
    ----------
    splits : as `toolkit.engine.network.split_evidence` gives them (model scale)
    measure, scale, level : of the fit they come from
    title, footnotes : as in `toolkit.plots.forest.draw_forest`
    """
    return draw_scene(split_scene(splits, measure=measure, scale=scale, title=title, level=level, footnotes=footnotes))


def split_scene(
    splits: Sequence[Split],
    *,
    measure: str = "GEN",
    scale: str = "identity",
    title: str | None = None,
    level: float = 0.95,
    footnotes: Sequence[str] = (),
) -> Scene:
    """What `draw_split` draws, as data; the same parameters."""
    known = [e for s in splits for e in (s.direct, s.indirect, s.network) if e is not None]
    decimals = decimals_for([e.ci_high - e.ci_low for e in known], scale)
    rows: list[ForestRow] = []
    for split in splits:
        rows += _split_rows(split, scale, decimals)
    table = ForestTable(
        first="Comparison",
        columns=(
            ForestColumn(title="Studies"),
            ForestColumn(title="Share of precision"),
            ForestColumn(title=f"{short_name(measure)} ({level:.0%} CI)", side="right"),
            ForestColumn(title="Direct v indirect", side="right"),
        ),
        rows=tuple(rows) or (ForestRow(kind="note", note="No comparison has direct evidence."),),
        scale=scale,
        axis_title=f"{axis_title(measure, scale)}, first treatment against second",
        title=title or "",
        footnotes=tuple(footnotes),
    )
    return layout_forest(table)


def _split_rows(split: Split, scale: str, decimals: int) -> list[ForestRow]:
    rows = [ForestRow(kind="heading", label=f"{split.t1} v {split.t2}")]
    p = "" if split.difference is None else format_p(split.difference.p)
    sources = (
        ("Direct", split.direct, str(split.k), split.prop_direct, BLUE),
        ("Indirect", split.indirect, "", 1.0 - split.prop_direct, VERMILLION),
    )
    for label, estimate, studies, share, color in sources:
        if estimate is None:
            note = "none" if split.reason is None else f"none: {split.reason}"
            rows.append(ForestRow(kind="excluded", label=label, note=note, indent=8.0))
            continue
        text = format_interval(estimate.estimate, estimate.ci_low, estimate.ci_high, scale, decimals)
        rows.append(
            ForestRow(
                kind="study",
                label=label,
                cells=(studies, f"{share:.0%}", text, p if label == "Direct" else ""),
                y=estimate.estimate,
                low=estimate.ci_low,
                high=estimate.ci_high,
                color=color,
                indent=8.0,
            )
        )
    total = split.network
    text = format_interval(total.estimate, total.ci_low, total.ci_high, scale, decimals)
    rows.append(
        ForestRow(
            kind="pooled",
            label="Network",
            cells=("", "", text, ""),
            y=total.estimate,
            low=total.ci_low,
            high=total.ci_high,
            color=INK if split.direct is not None else GREY,
            indent=8.0,
        )
    )
    return [*rows, ForestRow(kind="gap")]
