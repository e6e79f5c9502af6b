"""Forest plots: a pairwise meta-analysis, its subgroups, and an estimate as it moved from update to update."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import TYPE_CHECKING

from toolkit.engine.results import Estimate, PairwiseResult, StudyRow
from toolkit.model.choices import INTERVALS, MEASURES, PREDICTION_INTERVALS
from toolkit.model.errors import InputError
from toolkit.plots.forest_extras import STYLES, styled, with_columns, with_dots
from toolkit.plots.forest_layout import ForestColumn, ForestRow, ForestTable, layout_forest
from toolkit.plots.numbers import (
    NBSP,
    decimals_for,
    format_count,
    format_effect,
    format_interval,
    format_number,
    format_p,
    format_percent,
    measure_name,
    short_name,
)
from toolkit.plots.scene import Scene, draw_scene
from toolkit.plots.style import BLUE, GREY

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from toolkit.engine.subgroups import SubgroupResult

__all__ = [
    "UpdateRow",
    "axis_title",
    "draw_forest",
    "draw_update_forest",
    "forest_scene",
    "forest_table",
    "has_null",
    "neutral_sides",
    "subgroup_sentence",
    "update_scene",
]

Subgroups = Sequence[tuple[str, PairwiseResult]]
_NOTHING: Mapping[str, Mapping[str, str]] = MappingProxyType({})


@dataclass(frozen=True, slots=True, kw_only=True)
class UpdateRow:
    """A pooled estimate as of a date or version; model scale. ``k`` studies, ``n`` units where known."""

    label: str
    estimate: float | None
    ci_low: float | None
    ci_high: float | None
    k: int | None = None
    n: float | None = None
    prediction: tuple[float, float] | None = None


def draw_forest(
    result: PairwiseResult,
    *,
    title: str | None = None,
    favours: tuple[str, str] | None = None,
    subgroups: Subgroups = (),
    between: str = "",
    overall_label: str = "All studies",
    show_overall: bool = True,
    show_common: bool = True,
    footnotes: Sequence[str] = (),
    style: str = "bmj",
    columns: Mapping[str, Mapping[str, str]] = _NOTHING,
    risk_of_bias: Mapping[str, Mapping[str, str]] = _NOTHING,
) -> Figure:
    """Forest plot of a pairwise meta-analysis.

    Parameters
    ----------
    result : the fit of all studies shown
    title : line above the plot
    favours : what lies left and right of no effect, for example ("Favours cells", "Favours control"); None says which
        side is lower and which higher and leaves the judgement to the reader
    subgroups : (label, fit) pairs drawn above each other, with their own pooled estimates
    between : the test between the subgroups in words (`subgroup_sentence`), below the estimate of all studies
    overall_label : heading of ``result`` below the subgroups
    show_overall : whether the pooled estimate of ``result`` is drawn below the subgroups
    show_common : whether the common-effect estimate is drawn, lighter, below the random-effects one
    footnotes : sentences below the plot
    style : key of `toolkit.plots.forest_extras.STYLES`: "bmj", "revman", "jama"
    columns : further columns left of the plot, title -> {study: text}
    risk_of_bias : judgements as dots right of everything, domain -> {study: judgement}

    Returns
    -------
    Figure
        Its height follows from the number of rows.
    """
    return draw_scene(
        forest_scene(
            result,
            title=title,
            favours=favours,
            subgroups=subgroups,
            between=between,
            overall_label=overall_label,
            show_overall=show_overall,
            show_common=show_common,
            footnotes=footnotes,
            style=style,
            columns=columns,
            risk_of_bias=risk_of_bias,
        )
    )


def forest_scene(
    result: PairwiseResult,
    *,
    title: str | None = None,
    favours: tuple[str, str] | None = None,
    subgroups: Subgroups = (),
    between: str = "",
    overall_label: str = "All studies",
    show_overall: bool = True,
    show_common: bool = True,
    footnotes: Sequence[str] = (),
    style: str = "bmj",
    columns: Mapping[str, Mapping[str, str]] = _NOTHING,
    risk_of_bias: Mapping[str, Mapping[str, str]] = _NOTHING,
) -> Scene:
    """What `draw_forest` draws, as data; the same parameters."""
    table = forest_table(
        result, subgroups=subgroups, between=between, overall_label=overall_label, show_overall=show_overall,
        show_common=show_common,
    )  # fmt: skip
    if style not in STYLES:
        raise InputError("Unknown style of a forest plot.", value=style, allowed=", ".join(STYLES))
    table = with_dots(with_columns(styled(table, STYLES[style]), columns), risk_of_bias)
    sides = (favours or neutral_sides(result.treatment)) if table.null else None
    return layout_forest(
        replace(table, title=title or "", favours=sides, footnotes=(*table.footnotes, *[n for n in footnotes if n]))
    )


def forest_table(
    result: PairwiseResult,
    *,
    subgroups: Subgroups = (),
    between: str = "",
    overall_label: str = "All studies",
    show_overall: bool = True,
    show_common: bool = True,
) -> ForestTable:
    """Rows and columns of a pairwise forest plot before they have places."""
    parts = [r for _, r in subgroups] or [result]
    kind = _arm_kind([row for part in parts for row in part.studies])
    decimals = decimals_for(
        [r.ci_high - r.ci_low for p in parts for r in p.studies if r.ci_high is not None and r.ci_low is not None],
        result.scale,
    )
    rows: list[ForestRow] = []
    for label, part in subgroups:
        rows.append(ForestRow(kind="heading", label=label))
        rows += _study_rows(part, kind, decimals, 8.0)
        rows += _pooled_rows(part, kind, decimals, 8.0, show_common=False, show_prediction=False)
        rows.append(ForestRow(kind="gap"))
    if subgroups and show_overall:
        rows += [ForestRow(kind="rule"), ForestRow(kind="heading", label=overall_label)]
        rows += _pooled_rows(result, kind, decimals, 8.0, show_common=show_common, show_prediction=True)
        rows += [ForestRow(kind="note", note=_unbroken(between), indent=8.0)] if between else []
    elif not subgroups:
        rows += _study_rows(result, kind, decimals, 0.0)
        rows.append(ForestRow(kind="rule"))
        rows += _pooled_rows(result, kind, decimals, 0.0, show_common=show_common, show_prediction=True)
    return ForestTable(
        first="Study",
        columns=_columns(result, kind),
        rows=tuple(rows),
        scale=result.scale,
        axis_title=axis_title(result.spec.measure, result.scale),
        footnotes=_weight_note(parts, within=bool(subgroups)),
        null=has_null(result.spec.measure),
        guide=None if subgroups or result.random is None else result.random.estimate,
    )


def subgroup_sentence(found: SubgroupResult) -> str:
    """The test between subgroups as a forest plot prints it."""
    how = "one τ² for all" if found.variance == "common" else "a τ² for each"
    test = f"Q = {found.q_between:.2f} ({found.df}{NBSP}df), {format_p(found.p)}"
    return f"Test for subgroup differences (random effects, {how}): {test}." if found.df > 0 else ""


def axis_title(measure: str, scale: str) -> str:
    """ "Odds ratio (log scale)", "Mean difference", "Proportion (logit scale)"."""
    words = {"fisher_z": "Fisher's z", "freeman_tukey": "Freeman-Tukey"}.get(scale, scale.replace("_", " "))
    return measure_name(measure) + ("" if scale == "identity" else f" ({words} scale)")


def has_null(measure: str) -> bool:
    """Whether the measure compares two groups, so that there is a value of no effect."""
    return measure not in MEASURES or MEASURES[measure].groups == 2


def neutral_sides(treatment: str) -> tuple[str, str] | None:
    """What lies left and right of no effect while nobody said which side is better."""
    return (f"Lower with {treatment}", f"Higher with {treatment}") if treatment else None


def _arm_kind(rows: Sequence[StudyRow]) -> str:
    """Which arm data there are to show: "events", "mean", "n" or ""."""
    known = {name for row in rows for name in _ARM_DATA if any(v is not None for v in getattr(row, name))}
    if "events" in known:
        return "events" if "n" in known else "rate"
    return "mean" if "mean" in known else "n" if "n" in known else ""


_ARM_DATA = ("events", "mean", "n")


def _columns(result: PairwiseResult, kind: str) -> tuple[ForestColumn, ...]:
    titles = {"events": ("Events/n",), "rate": ("Events",), "mean": ("Mean (SD)", "n"), "n": ("n",), "": ()}[kind]
    arms = [
        ForestColumn(title=title, group=name or side)
        for name, side in ((result.treatment, "Treatment"), (result.reference, "Reference"))[
            : _arms(result.spec.measure)
        ]
        for title in titles
    ]
    if not has_null(result.spec.measure):
        arms = [replace(column, group="") for column in arms]
    return (
        *arms,
        ForestColumn(title="Weight", side="right"),
        ForestColumn(title=f"{short_name(result.spec.measure)} ({result.spec.level:.0%} CI)", side="right"),
    )


def _arms(measure: str) -> int:
    return 2 if has_null(measure) else 1


def _study_rows(result: PairwiseResult, kind: str, decimals: int, indent: float) -> list[ForestRow]:
    shares = [_weight(result, row) for row in result.studies]
    largest = max((w for w in shares if w is not None), default=1.0) or 1.0
    places = decimals_for([sd for row in result.studies for sd in row.sd], "identity")
    rows = []
    for row, share in zip(result.studies, shares, strict=True):
        arms = _arm_cells(row, kind, places, _arms(result.spec.measure))
        if row.excluded is not None or row.y is None:
            known = arms if any(value is not None for value in (*row.events, *row.mean, *row.n)) else ()
            reason = row.excluded or "no effect can be computed"
            rows.append(
                ForestRow(
                    kind="excluded", label=row.study, cells=known, note=f"not in the analysis: {reason}", indent=indent
                )
            )
            continue
        weight = format_percent(share)
        text = format_interval(row.y, row.ci_low, row.ci_high, result.scale, decimals)
        rows.append(
            ForestRow(
                kind="study",
                label=row.study,
                cells=(*arms, weight, text),
                y=row.y,
                low=row.ci_low,
                high=row.ci_high,
                weight=share / largest if share is not None else None,
                indent=indent,
            )
        )
    listed = {row.study for row in result.studies}
    for gone in result.excluded:
        if gone.study not in listed:
            listed.add(gone.study)
            note = f"not in the analysis: {gone.reason}"
            rows.append(ForestRow(kind="excluded", label=gone.study, note=note, indent=indent))
    return rows


def _weight(result: PairwiseResult, row: StudyRow) -> float | None:
    return row.weight_random if result.random is not None else row.weight_common


def _weight_note(parts: Sequence[PairwiseResult], *, within: bool) -> tuple[str, ...]:
    if not any(part.k > 1 for part in parts):
        return ()
    model = "random-effects" if any(part.random is not None for part in parts) else "common-effect"
    where = " of each subgroup" if within else ""
    return (f"Areas of the squares and weights are those of the {model} model{where}.",)


def _arm_cells(row: StudyRow, kind: str, places: int, arms: int) -> tuple[str, ...]:
    cells: list[str] = []
    for arm in range(arms):
        if kind == "rate":
            cells.append(format_count(row.events[arm]))
        elif kind == "events":
            cells.append(f"{format_count(row.events[arm])}/{format_count(row.n[arm])}")
        elif kind == "mean":
            mean, sd = row.mean[arm], row.sd[arm]
            cells += [f"{format_number(mean, places)} ({format_number(sd, places)})", format_count(row.n[arm])]
        elif kind == "n":
            cells.append(format_count(row.n[arm]))
    return tuple(cells)


def _totals(result: PairwiseResult, kind: str) -> tuple[str, ...]:
    """Sums over the studies in the analysis; empty where one of them is unknown."""
    used = [row for row in result.studies if row.excluded is None and row.y is not None]
    cells: list[str] = []
    for arm in range(_arms(result.spec.measure)):
        n, events = _sum([row.n[arm] for row in used]), _sum([row.events[arm] for row in used])
        if kind == "rate":
            cells.append("" if events is None else format_count(events))
        elif kind == "events":
            cells.append(f"{format_count(events)}/{format_count(n)}" if n is not None and events is not None else "")
        elif kind == "mean":
            cells += ["", "" if n is None else format_count(n)]
        elif kind == "n":
            cells.append("" if n is None else format_count(n))
    return tuple(cells)


def _sum(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) if known and len(known) == len(values) else None


def _pooled_rows(
    result: PairwiseResult, kind: str, decimals: int, indent: float, *, show_common: bool, show_prediction: bool
) -> list[ForestRow]:
    """Diamonds, prediction interval, and the sentences on heterogeneity and method."""
    if result.k < 2:
        what = "One study: nothing to pool." if result.k == 1 else "No study gives an estimate: nothing to pool."
        return [ForestRow(kind="note", note=what, indent=indent)]
    blank = ("",) * len(_totals(result, kind))
    rows: list[ForestRow] = []

    def pooled(kind_: str, label: str, value: Estimate, arms: tuple[str, ...]) -> ForestRow:
        text = format_interval(value.estimate, value.ci_low, value.ci_high, result.scale, decimals)
        return ForestRow(
            kind="pooled" if kind_ == "pooled" else "light",
            label=label,
            cells=(*arms, f"100{NBSP}%" if kind_ == "pooled" else "", text),
            y=value.estimate,
            low=value.ci_low,
            high=value.ci_high,
            indent=indent,
        )

    if result.random is not None:
        rows.append(pooled("pooled", "Random effects", result.random, _totals(result, kind)))
    if show_prediction and result.prediction is not None:
        low, high = result.prediction.low, result.prediction.high
        text = f"({format_effect(low, result.scale, decimals)} to {format_effect(high, result.scale, decimals)})"
        cells = (*blank, "", text)
        rows.append(
            ForestRow(kind="prediction", label="Prediction interval", cells=cells, low=low, high=high, indent=indent)
        )
    if result.common is not None and (show_common or result.random is None):
        first = result.random is None
        arms = _totals(result, kind) if first else blank
        rows.append(pooled("pooled" if first else "light", "Common effect", result.common, arms))
    for sentence in (_heterogeneity(result), _method(result, show_prediction)):
        if sentence:
            rows.append(ForestRow(kind="note", note=_unbroken(sentence), indent=indent))
    return rows


def _unbroken(sentence: str) -> str:
    """The sentence with its equations kept on one line: no break in "t = 2.1" or "k - 1 df"."""
    return sentence.replace(" = ", f"{NBSP}={NBSP}").replace("1 df", f"1{NBSP}df").replace("2 df", f"2{NBSP}df")


def _heterogeneity(result: PairwiseResult) -> str:
    het, parts = result.heterogeneity, []
    if result.tau2 is not None:
        value = result.tau2.value
        places = 2 if value >= 0.095 or value == 0 else 3 if value >= 0.0095 else 4
        parts.append(f"τ² = {format_number(value, places)} ({result.tau2.method})")
    if het is not None:
        p = format_p(het.p)
        parts.append(f"I² = {format_percent(het.i2_tau2)} (from τ²), {format_percent(het.i2_q)} (from Q)")
        name = "Q" if het.test == "Cochran" else f"{het.test} χ²"
        parts += [f"{name} = {het.q:.2f} ({het.df}{NBSP}df)", *([p] if p else [])]
    return f"Heterogeneity: {', '.join(parts)}." if parts else ""


def _method(result: PairwiseResult, prediction: bool) -> str:
    """How the interval was made and the test that goes with it."""
    value = result.random
    if value is None:
        return "No random-effects estimate could be made."
    name = INTERVALS[value.method].help if value.method in INTERVALS else value.method
    statistic = "z" if value.df is None else "t"
    df = "" if value.df is None else f" ({value.df:g}{NBSP}df)"
    test = f"{statistic} = {format_number(value.statistic, 2)}{df}, {format_p(value.p)}"
    text = f"Random effects: {name}; {test}." if has_null(result.spec.measure) else f"Random effects: {name}."
    if prediction and result.prediction is not None:
        method = result.prediction.method
        how = PREDICTION_INTERVALS[method].help if method in PREDICTION_INTERVALS else method
        text += f" Prediction interval: {how}."
    return text.replace(" - ", f"{NBSP}−{NBSP}")


def draw_update_forest(
    rows: Sequence[UpdateRow],
    *,
    measure: str = "GEN",
    scale: str | None = None,
    title: str | None = None,
    favours: tuple[str, str] | None = None,
    level: float = 0.95,
    footnotes: Sequence[str] = (),
) -> Figure:
    """The pooled estimate before and after each update, oldest first; the last one is drawn strong.

    Parameters
    ----------
    rows : estimates on the model scale with their dates or versions
    measure, scale : effect measure (key of ``choices.MEASURES``) and model scale ("log" or "identity"; None takes the
        measure's)
    title, favours, footnotes : as in `draw_forest`
    level : confidence level of the intervals, a proportion
    """
    return draw_scene(
        update_scene(rows, measure=measure, scale=scale, title=title, favours=favours, level=level, footnotes=footnotes)
    )


def update_scene(
    rows: Sequence[UpdateRow],
    *,
    measure: str = "GEN",
    scale: str | None = None,
    title: str | None = None,
    favours: tuple[str, str] | None = None,
    level: float = 0.95,
    footnotes: Sequence[str] = (),
) -> Scene:
    """What `draw_update_forest` draws, as data; the same parameters."""
    resolved = scale or (MEASURES[measure].scale if measure in MEASURES else "identity")
    widths = [r.ci_high - r.ci_low for r in rows if r.ci_high is not None and r.ci_low is not None]
    decimals = decimals_for(widths, resolved)
    with_n = any(row.n is not None for row in rows)
    columns = [ForestColumn(title="Studies"), *([ForestColumn(title="n")] if with_n else [])]
    made: list[ForestRow] = []
    for i, row in enumerate(rows):
        latest = i == len(rows) - 1
        counts = (
            "–" if row.k is None else str(row.k),
            *([format_count(row.n)] if with_n else []),
        )
        if row.estimate is None or not math.isfinite(row.estimate):
            made.append(ForestRow(kind="excluded", label=row.label, cells=counts, note="no estimate"))
            continue
        text = format_interval(row.estimate, row.ci_low, row.ci_high, resolved, decimals)
        made.append(
            ForestRow(
                kind="pooled" if latest else "light",
                label=row.label,
                cells=(*counts, text),
                y=row.estimate,
                low=row.ci_low,
                high=row.ci_high,
                color=BLUE if latest else GREY,
            )
        )
        if row.prediction is not None and latest:
            low, high = row.prediction
            span = f"({format_effect(low, resolved, decimals)} to {format_effect(high, resolved, decimals)})"
            blank = ("",) * len(counts)
            made.append(
                ForestRow(kind="prediction", label="Prediction interval", cells=(*blank, span), low=low, high=high)
            )
    table = ForestTable(
        first="As of",
        columns=(*columns, ForestColumn(title=f"{short_name(measure)} ({level:.0%} CI)", side="right")),
        rows=tuple(made),
        scale=resolved,
        axis_title=axis_title(measure, resolved),
        title=title or "",
        favours=favours,
        footnotes=tuple(footnotes),
        null=has_null(measure),
    )
    return layout_forest(table)
