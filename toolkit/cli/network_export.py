"""Files of a network: the league table as a sheet; every figure; for CINeMA the arms, contributions and estimates."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click

from toolkit.analysis.network.figures import Look, further_figures, league_of_two, network_figures
from toolkit.analysis.network.part import Request, texts_of
from toolkit.engine.network import LeagueTable, contributions, league_table, split_evidence
from toolkit.engine.tabulate import display
from toolkit.model.errors import InputError, NotEstimable, SourceError
from toolkit.model.further import missing_settings

__all__ = ["draw_all", "second_league", "write_cinema", "write_league"]

# CINeMA's codes of risk of bias.
ROB = {"low": 1, "some concerns": 2, "moderate": 2, "unclear": 2, "high": 3, "serious": 3, "critical": 3}
Row = Sequence[object]


def write_league(request: Request, path: Path | None, other: Path | None, measure: str) -> None:
    """Write the league table; with a second outcome that one stands above the diagonal.

    Raises
    ------
    InputError
        If there is no file to write, or it is neither .xlsx nor .csv.
    """
    from toolkit.records.tables import write_form

    if path is None:
        raise InputError(
            "A second outcome needs a file for the league table.", hint="Add --league FILE or --figures FOLDER."
        )
    if path.suffix.lower() not in (".xlsx", ".csv"):
        raise InputError("A league table is not written in this format.", file=path, allowed=".xlsx, .csv")
    below = league_table(request.result, request.model)
    above = below if other is None else second_league(request, other, measure)
    names = [*below.treatments, *(t for t in above.treatments if t not in below.treatments)]
    rows: list[Row] = []
    for i, row in enumerate(names):
        cells = [_league_cell(below if j < i else above, row, column) for j, column in enumerate(names)]
        rows.append([row, *cells])
    direction = f"{below.direction[:-1]} ({below.model} effects)."
    if other is not None:
        direction = (
            f"Row treatment against column treatment, {below.model} effects; below the diagonal {below.measure} of "
            f"this table, above it {above.measure} of {other.name}."
        )
    write_form(path, [direction, *names], rows)


def second_league(request: Request, other: Path, measure: str) -> LeagueTable:
    """League table of another outcome, fitted with the same choices."""
    from dataclasses import replace

    from toolkit.engine.network import network, network_effects
    from toolkit.engine.tables import read_table

    table = read_table(other, measure=measure)
    spec = replace(request.result.spec, measure=measure.upper())
    arms = table.data(spec.measure, reference=spec.reference)
    effects = network_effects(arms, spec)
    there = spec.reference in effects.treatments
    result = network(effects, spec, reference=spec.reference if there else None)
    return league_table(result, "common" if result.random is None else request.model)


def _league_cell(table: LeagueTable, row: str, column: str) -> str | None:
    from toolkit.plots.numbers import decimals_for, format_interval

    if row == column or row not in table.treatments or column not in table.treatments:
        return None
    at = table.treatments.index(row), table.treatments.index(column)
    decimals = decimals_for([float(w) for w in (table.high - table.low).ravel()], table.scale)
    limits = float(table.low[at]), float(table.high[at])
    return format_interval(float(table.estimate[at]), *limits, table.scale, decimals)


def draw_all(request: Request, folder: Path, second: tuple[Path, str] | None = None) -> None:
    """Draw what can be drawn, a league table with a second outcome (file, measure) too; the rest is named with why."""
    from toolkit.plots.style import save_figure

    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise SourceError(f"{folder}: the folder cannot be made ({error.strerror or error}).") from error
    figures = network_figures(request, Look())
    for name in ("contributions", "transitivity", "design-adjusted", "funnel"):
        if not missing_settings(name, request.options):
            figures |= further_figures(name, request, Look())
    if request.others and request.result.ranking is not None:
        figures |= further_figures("outcomes", request, Look())
    if second is not None:
        path, measure = second
        figures["league-two"] = league_of_two(request, second_league(request, path, measure), path.stem)
    for name, draw in figures.items():
        try:
            figure = draw()
        except NotEstimable as error:
            click.echo(f"not drawn: {name}: {error}", err=True)
            continue
        path = folder / f"{name}.svg"
        for warning in save_figure(figure, path):
            click.echo(f"Warning: {warning.text}", err=True)
        click.echo(f"written: {path}", err=True)


def write_cinema(request: Request, folder: Path) -> list[Path]:
    """Write data.csv, contributions.csv and estimates.csv into ``folder``; their paths.

    Raises
    ------
    InputError
        If the table has no arms, or a risk of bias is no known level.
    SourceError
        If the folder cannot be written.
    """
    from toolkit.records.tables import write_form

    tables = {
        "data": _arms(request),
        "contributions": _contributions(request),
        "estimates": _estimates(request),
    }
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, (header, rows) in tables.items():
            write_form(folder / f"{name}.csv", header, rows)
    except OSError as error:
        raise SourceError(f"{folder}: cannot be written ({error.strerror or error}).") from error
    return [folder / f"{name}.csv" for name in tables]


def _arms(request: Request) -> tuple[list[str], list[Row]]:
    """One row an arm as CINeMA's upload has it; risk of bias 1 low, 2 some concerns, 3 high."""
    import numpy as np

    arms = request.arms
    if arms is None:
        raise InputError("CINeMA's upload has one row an arm; this table has contrasts.")
    binary = not bool(np.isnan(arms.events).all())
    header = ["study", "id", "t", *(("r", "n") if binary else ("y", "sd", "n")), "rob", "indirectness"]
    judged = {} if request.options.rob is None else texts_of(request, request.options.rob)
    place = {s: i for i, s in enumerate(request.effects.studies, start=1)}
    names = set(request.effects.treatments)
    rows: list[Row] = []
    for i, (study, treatment) in enumerate(zip(arms.study, arms.treatment, strict=True)):
        if study not in place or treatment not in names:
            continue
        values = (arms.events[i], arms.n[i]) if binary else (arms.mean[i], arms.sd[i], arms.n[i])
        shown = [int(x) if float(x).is_integer() else float(x) for x in values]
        rows.append([study, place[study], treatment, *shown, _code(study, judged.get(study, "")), None])
    return header, rows


def _code(study: str, text: str) -> int | None:
    if not text.strip():
        return None
    if text.strip().casefold() not in ROB:
        raise InputError(f"Study {study!r}: unknown risk of bias.", value=text, allowed=", ".join(ROB))
    return ROB[text.strip().casefold()]


def _contributions(request: Request) -> tuple[list[str], list[Row]]:
    """Per cent that each study contributes to each comparison."""
    found = contributions(request.effects, request.result, model=request.model)
    rows: list[Row] = [
        [a, b, *(round(100 * float(x), 6) for x in row)]
        for (a, b), row in zip(found.comparisons, found.study_proportion, strict=True)
    ]
    return ["t1", "t2", *found.studies], rows


def _estimates(request: Request) -> tuple[list[str], list[Row]]:
    """Network, direct and indirect estimates with intervals, prediction intervals and the test between them."""
    result, scale = request.result, request.result.scale
    header = ["t1", "t2", "studies", "network", "ci_low", "ci_high", "prediction_low", "prediction_high", "direct",
              "direct_low", "direct_high", "indirect", "indirect_low", "indirect_high", "p_difference",
              "share_direct"]  # fmt: skip
    rows: list[Row] = []
    for s in split_evidence(request.effects, result, request.model, indirect_only=True):
        at = result.treatments.index(s.t1), result.treatments.index(s.t2)
        limits: list[float | None] = [None, None]
        if result.prediction_low is not None and result.prediction_high is not None:
            limits = [display(float(m[at]), scale) for m in (result.prediction_low, result.prediction_high)]
        pieces: list[float | None] = []
        for e in (s.network, s.direct, s.indirect):
            pieces += [None] * 3 if e is None else [display(x, scale) for x in (e.estimate, e.ci_low, e.ci_high)]
        p = None if s.difference is None else s.difference.p
        rows.append([s.t1, s.t2, s.k, *pieces[:3], *limits, *pieces[3:], p, s.prop_direct])
    return header, rows
