"""A pairwise result on the screen, as JSON or CSV: every number from `toolkit.engine.tabulate`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from toolkit.cli.common import console, csv_text, emit, long_lines, long_table, table
from toolkit.engine.tabulate import counts_of_mantel_haenszel
from toolkit.model.errors import InputError
from toolkit.model.wording import counted
from toolkit.plots.numbers import decimals_for, format_count, format_interval, format_p, format_percent, measure_name

if TYPE_CHECKING:
    from toolkit.analysis.pairwise.run import Done
    from toolkit.engine.results import Estimate, PairwiseResult, StudyRow
    from toolkit.engine.tables import Table

__all__ = ["csv_rows", "show"]

_EVERYTHING = "--format json or --output FILE.json"
_CSV = (
    "row", "study", "estimate", "ci_low", "ci_high", "p", "se_model", "weight_common", "weight_random",
    "n_treatment", "n_reference", "events_treatment", "events_reference", "method", "flags", "excluded",
)  # fmt: skip


def show(done: Done, source: Table, *, output_format: str, output: Path | None) -> None:
    """Print the result or write it to a file whose suffix decides the format."""
    result = done.result
    found = {**done.as_dict(), "columns_used": source.columns_used, "read_notes": list(source.notes)}
    if output is None:
        if output_format == "json":
            emit(found)
        elif output_format == "csv":
            click.echo(csv_text(_CSV, csv_rows(found)), nl=False)
        else:
            _table(result, found)
            _further(done.found, _decimals(result))
        return
    from toolkit.records.tables import write_form, write_whole

    kind = output.suffix.lower()
    if kind == ".json":
        write_whole(output, (json.dumps(found, ensure_ascii=False, indent=2, allow_nan=False) + "\n").encode())
    elif kind in (".csv", ".xlsx"):
        write_form(output, _CSV, csv_rows(found))
    else:
        raise InputError("Results are not written in this format.", file=output, allowed=".json, .csv, .xlsx")
    click.echo(f"Wrote {output}", err=True)


def _further(found: dict[str, Any], decimals: int) -> None:
    from toolkit.analysis.pairwise.blocks import blocks

    for block in blocks(found, decimals):
        if block.rows:
            long_table(block.header, block.rows, right=block.right, everything=_EVERYTHING)
        long_lines(block.lines, everything=_EVERYTHING)


def csv_rows(found: dict[str, Any]) -> list[dict[str, object]]:
    """One row a study and one a pooled estimate, on the display scale."""
    rows: list[dict[str, object]] = []
    for study in found["studies"]:
        (n1, n2), (e1, e2) = study["n"], study["events"]
        own = {name: study[name] for name in ("study", "estimate", "ci_low", "ci_high", "excluded")}
        weights = {name: study[name] for name in ("weight_common", "weight_random")}
        arms = {"n_treatment": n1, "n_reference": n2, "events_treatment": e1, "events_reference": e2}
        flags = {"flags": "; ".join(f"{flag['kind']}: {flag['what']}" for flag in study.get("flags", ()))}
        rows.append({"row": "study", "se_model": study["model"]["se"], **own, **weights, **arms, **flags})
    for name in ("common", "mantel_haenszel", "random", "random_wald"):
        pooled = found[name]
        if pooled is not None:
            shown = {key: pooled[key] for key in ("estimate", "ci_low", "ci_high", "p", "method")}
            rows.append({"row": name, "se_model": pooled["model"]["se"], **shown})
    if found["prediction"] is not None:
        interval = found["prediction"]
        method = interval["method"]
        rows.append({"row": "prediction", "ci_low": interval["low"], "ci_high": interval["high"], "method": method})
    return rows


def _table(result: PairwiseResult, found: dict[str, Any]) -> None:
    name = measure_name(result.spec.measure)
    out = console()
    sides = f"{result.treatment} against {result.reference}" if result.reference else result.treatment
    out.print(f"{name}, {sides}: {counted(result.k, 'study')}", style="bold", markup=False)
    _studies(result, {study["study"] for study in found["studies"] if study.get("flags")})
    _pooled(result, found["resolved"])
    _heterogeneity(result, found["resolved"])
    _remarks(result, found)


def _decimals(result: PairwiseResult) -> int:
    return decimals_for(
        [r.ci_high - r.ci_low for r in result.studies if r.ci_high is not None and r.ci_low is not None], result.scale
    )


def _arm(row: StudyRow, side: int) -> str:
    if row.events[side] is not None:
        of = f"/{format_count(row.n[side])}" if row.n[side] is not None else ""  # rates are of person-time, not units
        return f"{format_count(row.events[side])}{of}"
    if row.mean[side] is not None:
        return f"{row.mean[side]:g} ({row.sd[side]:g}), n={format_count(row.n[side])}"
    return ""


def _studies(result: PairwiseResult, flagged: set[str]) -> None:
    """One row a study; a dagger marks those whose numbers are not as they were reported."""
    decimals = _decimals(result)
    level = f"{100 * result.spec.level:g}% CI"
    with_arms = any(_arm(row, 0) for row in result.studies)
    sides = [result.treatment, *([result.reference] if result.reference else [])] if with_arms else []
    header = ["Study", *sides, f"Effect ({level})"]
    rows = []
    for row in result.studies:
        if row.excluded is not None:
            continue
        arms = [_arm(row, side) for side in range(len(sides))]
        effect = format_interval(row.y, row.ci_low, row.ci_high, result.scale, decimals)
        name = f"{row.study} †" if row.study in flagged else row.study
        rows.append([name, *arms, effect, format_percent(row.weight_common), format_percent(row.weight_random)])
    if rows:
        right = list(range(1, len(header) + 2))
        long_table([*header, "Weight, common", "random"], rows, right=right, everything="--format csv or --output FILE")
    if flagged:
        console().print("† not as reported: what was done to its numbers stands below", markup=False)


def _pooled(result: PairwiseResult, words: dict[str, str]) -> None:
    decimals = _decimals(result)
    interval = f"{words['interval']}; tau² by {words['tau2']}"
    how = "inverse variance" if result.spec.model == "IV" else words["model"]
    if result.spec.model == "BB":
        interval = f"{words['model']}; {words['interval']}"
    estimates: list[tuple[str, Estimate | None, str]] = [
        ("Common effect", result.common, how),
        ("Common effect", result.mantel_haenszel, f"Mantel-Haenszel, {counts_of_mantel_haenszel(result)} counts"),
        ("Random effects", result.random, interval),
    ]
    if result.spec.ci != "Wald":
        estimates.append(("Random effects", result.random_wald, "Wald, for comparison"))
    rows = [
        [
            label,
            format_interval(e.estimate, e.ci_low, e.ci_high, result.scale, decimals),
            format_p(e.p) if result.reference else "",
            how,
        ]
        for label, e, how in estimates
        if e is not None
    ]
    if result.prediction is not None:
        low, high = result.prediction.low, result.prediction.high
        text = format_interval(low, low, high, result.scale, decimals)
        rows.append(["Prediction interval", text[text.index("(") :], "", words["prediction"]])
    if rows:
        table(["Pooled", f"Estimate ({100 * result.spec.level:g}% CI)", "", "How"], rows)


def _heterogeneity(result: PairwiseResult, words: dict[str, str]) -> None:
    out = console()
    if result.tau2 is not None:
        tau2, ci = result.tau2, result.tau2.ci
        bounds = f" ({100 * result.spec.level:g}% CI {ci.low:.4g} to {ci.high:.4g}, {ci.method})" if ci else ""
        out.print(f"tau² = {tau2.value:.4g}{bounds}, {tau2.method}: {words['tau2']}", markup=False)
    if result.heterogeneity is not None:
        h = result.heterogeneity
        test = "" if h.test == "Cochran" else f" ({h.test})"
        out.print(f"Q{test} = {h.q:.2f} on {h.df} df{', ' + format_p(h.p) if h.p is not None else ''}", markup=False)
        out.print(
            f"I² = {format_percent(h.i2_q)} from Q, {format_percent(h.i2_tau2)} from tau²; H² = {h.h2:.2f}",
            markup=False,
        )


def _zero_cells_matter(result: PairwiseResult) -> bool:
    """Whether a study has a cell of zero, or something was added to cells without one."""
    cells = [
        cell
        for row in result.studies
        for events, n in zip(row.events, row.n, strict=True)
        if events is not None
        for cell in (events, None if n is None else n - events)
    ]
    return bool(result.corrections) or 0 in cells


# A sentence that names thousands of studies.
_MOST_LETTERS = 800


def _shortened(text: str) -> str:
    if len(text) <= _MOST_LETTERS:
        return text
    head = text[:_MOST_LETTERS].rpartition(", ")[0]
    return f"{head} ... and {text.count(', ') - head.count(', '):,} more: {_EVERYTHING} has them all."


def _left_out(result: PairwiseResult) -> list[str]:
    lines = [f"  {row.study}: {row.excluded}" for row in result.studies if row.excluded is not None]
    kept = {row.study for row in result.studies if row.excluded is None}
    arms = [arm for arm in result.excluded if arm.study in kept]
    return lines + [f"  {arm.study}, {arm.treatment or 'arm'}: {arm.reason}" for arm in arms]


def _remarks(result: PairwiseResult, found: dict[str, Any]) -> None:
    out = console()
    if found["resolved"]["preset"]:
        out.print(f"Preset {result.spec.preset}, {found['resolved']['preset']}", markup=False)
    if found["resolved"]["zero_cells"] and _zero_cells_matter(result):
        out.print(f"Zero cells: {found['resolved']['zero_cells']}", markup=False)
    if result.excluded:
        out.print("\nNot in the analysis:", markup=False)
        long_lines(_left_out(result), everything=_EVERYTHING)
    lines = [f"Corrected: {correction.study}: {correction.what}" for correction in result.corrections]
    long_lines(lines, everything=_EVERYTHING)
    for warning in result.warnings:
        out.print(f"Note: {_shortened(warning.text)}", markup=False)
    columns = ", ".join(f"{role} = {column}" for role, column in found["columns_used"].items())
    out.print(f"\nColumns taken: {columns}", markup=False)
    for note in found["read_notes"]:
        out.print(f"File: {note}", markup=False)
