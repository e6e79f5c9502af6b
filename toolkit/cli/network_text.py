"""A network result in words and tables for the terminal, and as CSV."""

from __future__ import annotations

from typing import TYPE_CHECKING

from toolkit.analysis.network.part import cell, decimals_of
from toolkit.model.wording import counted
from toolkit.plots.numbers import format_effect, format_p, format_percent, p_value

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from rich.console import Console

    from toolkit.engine.data import Effects
    from toolkit.engine.results import Inconsistency, Interval, NetworkResult

__all__ = ["as_text", "csv_rows", "print_table", "text"]

CSV_HEADER = (
    "treatment", "reference", "model", "estimate", "ci_low", "ci_high", "p", "prediction_low", "prediction_high",
    "model_estimate", "model_se",
)  # fmt: skip
LEAGUE_LIMIT = 8  # more columns than this do not fit on a terminal; JSON has them all


def csv_rows(result: NetworkResult) -> str:
    """Effects against the reference, one line a treatment and model, as CSV."""
    from toolkit.cli.common import csv_text
    from toolkit.engine.network import against_reference
    from toolkit.engine.tabulate import display

    rows: list[list[object]] = []
    for row in against_reference(result):
        for model, estimate in (("common", row.common), ("random", row.random)):
            if estimate is None:
                continue
            interval = row.prediction if model == "random" else None
            shown = [display(x, result.scale) for x in (estimate.estimate, estimate.ci_low, estimate.ci_high)]
            limits = (
                [None, None] if interval is None else [display(x, result.scale) for x in (interval.low, interval.high)]
            )
            rows.append(
                [row.treatment, row.reference, model, *shown, estimate.p, *limits, estimate.estimate, estimate.se]
            )
    return csv_text(CSV_HEADER, rows)


def text(result: NetworkResult, effects: Effects, model: str) -> str:
    """The result for a reader: effects, heterogeneity, inconsistency, league table, ranking only if told."""

    def show(console: Console) -> None:
        _show(console, result, effects, model)

    return as_text(show)


def as_text(show: Callable[[Console], None]) -> str:
    """What `show` prints on a console, as text: no blanks at the ends of lines, at most one empty line between."""
    import io

    from rich.console import Console

    out = io.StringIO()
    show(Console(file=out, width=_width(), highlight=False))
    lines = [line.rstrip() for line in out.getvalue().splitlines()]
    kept = [line for line, before in zip(lines, ["", *lines], strict=False) if line or before]
    return "\n".join(kept).rstrip("\n") + "\n"


def _width() -> int:
    """As wide as the terminal; elsewhere as wide as the tables are."""
    import shutil
    import sys

    return shutil.get_terminal_size().columns if sys.stdout.isatty() else 118


def _show(console: Console, result: NetworkResult, effects: Effects, model: str) -> None:
    _head(console, result)
    _effects(console, result)
    console.print(*_heterogeneity(result, effects), sep="\n")
    console.print(*_inconsistency(result.inconsistency), sep="\n")
    _splits(console, result, effects, model)
    _league(console, result, model)
    _ranking(console, result, model)
    for warning in result.warnings:
        if warning.code == "inconsistency_not_estimable":  # said above, where the test would stand
            continue
        console.print(f"Note: {warning.text}", markup=False)
    for left in result.excluded:
        arm = f", {left.treatment}" if left.treatment else ""
        console.print(f"Left out: {left.study}{arm}: {left.reason}", markup=False)
    for correction in result.corrections:
        console.print(f"Changed: {correction.study}: {correction.what}", markup=False)


def _limits(interval: Interval | None, result: NetworkResult) -> str:
    if interval is None:
        return "-"
    decimals = decimals_of(result)
    low = format_effect(interval.low, result.scale, decimals)
    return f"{low} to {format_effect(interval.high, result.scale, decimals)}"


def print_table(console: Console, title: str, header: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """A titled table, its first column to the left and the others to the right."""
    from rich import box
    from rich.markup import escape
    from rich.table import Table

    console.print(f"\n{title}", markup=False)
    shown = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for i, name in enumerate(header):
        shown.add_column(escape(name), justify="left" if i == 0 else "right", overflow="fold")
    for row in rows:
        shown.add_row(*(escape(cell) for cell in row))
    console.print(shown)


def _head(console: Console, result: NetworkResult) -> None:
    from toolkit.model.choices import MEASURES

    measure = MEASURES[result.spec.measure].help if result.spec.measure in MEASURES else result.spec.measure
    console.print(
        f"Network meta-analysis, {measure}: {counted(result.k, 'study')}, "
        f"{counted(len(result.treatments), 'treatment')}, "
        f"{counted(len(result.comparisons), 'direct comparison')}",
        markup=False,
    )


def _effects(console: Console, result: NetworkResult) -> None:
    from toolkit.engine.network import against_reference

    rows = [
        [
            row.treatment,
            str(result.studies_per_treatment[result.treatments.index(row.treatment)]),
            cell(row.random, result),
            p_value(None if row.random is None else row.random.p),
            _limits(row.prediction, result),
            cell(row.common, result),
        ]
        for row in against_reference(result)
    ]
    level = f"{100 * result.spec.level:g} %"
    name = "Effect" if result.spec.measure == "GEN" else result.spec.measure
    title = f"{name} of each treatment against {result.reference} ({level} interval)"
    header = ["treatment", "studies", "random effects", "p", "prediction", "common effect"]
    print_table(console, title, header, rows)
    word = "1" if result.scale == "log" else "0"
    console.print(f"Below {word}: less in the treatment than in {result.reference}.\n", markup=False)


def _heterogeneity(result: NetworkResult, effects: Effects) -> list[str]:
    from toolkit.engine.network import tau2_interval
    from toolkit.engine.network.standard import interval_words

    if result.tau2 is None:
        return ["Heterogeneity: not estimable (see the note below)."]
    if result.between is not None:
        shown = "; ".join(f"{t.name} {t.tau2:.4g} ({counted(t.studies, 'study')})" for t in result.between.types)
        i2 = format_percent(result.i2) or "-"
        return [f"Heterogeneity: tau² by type ({result.between.method}): {shown}; I² = {i2}"]
    bounds = ""
    if result.tau2.method != "fixed":
        exact = tau2_interval(effects, result)
        bounds = f" ({100 * result.spec.level:g}% CI {exact.low:.4g} to {exact.high:.4g}, Q-profile)"
    i2 = format_percent(result.i2) or "-"
    edge = ", on the boundary" if result.tau2.boundary else ""
    lines = [f"Heterogeneity: tau² = {result.tau2.value:.4g}{bounds}, {result.tau2.method}{edge}; I² = {i2}"]
    if result.spec.ci != "Wald":
        lines.append(f"Intervals of random effects: {interval_words(result)}, variance factor {result.ci_factor:.4g}")
    return lines


def _inconsistency(tested: Inconsistency) -> list[str]:
    lines = [f"Q of the network {tested.q_total:.2f} on {tested.df_total} df, {format_p(tested.p_total)}"]
    if tested.q_within is not None:
        lines.append(f"  within designs  {tested.q_within:.2f} on {tested.df_within} df, {format_p(tested.p_within)}")
    if tested.q_between is not None:
        lines.append(
            f"  between designs {tested.q_between:.2f} on {tested.df_between} df, {format_p(tested.p_between)}"
        )
    if tested.interaction_chi2 is not None:
        lines.append(
            f"Inconsistency (design-by-treatment interaction, random effects): chi2 {tested.interaction_chi2:.2f} on "
            f"{tested.interaction_df} df, {format_p(tested.interaction_p)}"
        )
    else:
        lines.append(str(tested.reason))
    return lines


def _splits(console: Console, result: NetworkResult, effects: Effects, model: str) -> None:
    from toolkit.engine.network import split_evidence

    rows = [
        [
            f"{s.t1} against {s.t2}",
            str(s.k),
            format_percent(s.prop_direct, 0),
            cell(s.direct, result),
            cell(s.indirect, result) if s.indirect else "-",
            cell(s.network, result),
            p_value(None if s.difference is None else s.difference.p),
        ]
        for s in split_evidence(effects, result, model)
    ]
    header = ["comparison", "studies", "direct", "direct only", "indirect only", "network", "p differ"]
    print_table(console, f"Direct and indirect evidence, {model} effects", header, rows)


def _league(console: Console, result: NetworkResult, model: str) -> None:
    from toolkit.engine.network import league_table

    table = league_table(result, model)
    names = table.treatments
    if len(names) > LEAGUE_LIMIT:
        console.print(
            f"League table of {len(names)} treatments: too wide for the screen; --league FILE.xlsx writes it.\n"
        )
        return
    decimals = decimals_of(result)

    def shown(value: float) -> str:
        return format_effect(value, table.scale, decimals)

    rows = []
    for i, name in enumerate(names):
        cells = [
            "-" if i == j else f"{shown(table.estimate[i, j])}\n{shown(table.low[i, j])} to {shown(table.high[i, j])}"
            for j in range(len(names))
        ]
        rows.append([name, *cells])
    print_table(console, f"League table, {model} effects", ["", *names], rows)
    console.print(f"{table.direction}\n", markup=False)


def _ranking(console: Console, result: NetworkResult, model: str) -> None:
    if result.ranking is None:
        console.print("Not ranked: say --small-values good or bad to have the treatments ranked.")
        return
    random = result.ranking.p_score_random
    score = result.ranking.p_score_common if model == "common" or random is None else random
    order = sorted(range(len(score)), key=lambda i: -float(score[i]))
    rows = [[result.treatments[i], f"{score[i]:.3f}"] for i in order]
    title = f"P-scores (SUCRA), {model} effects, small values are {result.ranking.small_values}"
    if result.ranking.caution:
        console.print(result.ranking.caution, markup=False)
        title += " - not to be read alone"
    print_table(console, title, ["treatment", "P-score"], rows)
