"""evipool pairwise: one comparison of a table, pooled; no project needed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from toolkit.cli.common import AnyCase, Number, format_option
from toolkit.cli.pairwise_options import figure_option, lump_option, shared_options
from toolkit.model.choices import INTERVALS, MEASURES, MODELS, PREDICTION_INTERVALS, TAU2_INTERVALS, TAU2_METHODS
from toolkit.model.presets import PRESETS

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from toolkit.analysis.pairwise.run import Done
    from toolkit.engine.tables import Table
    from toolkit.model.spec import PairwiseSpec

__all__ = ["MEASURE_HELP", "errors_of", "pairwise", "parse_columns", "table_options", "zero_cell_options"]

F = TypeVar("F", bound=Callable[..., Any])

MEASURE_HELP = f"Effect measure: {', '.join(MEASURES)}."


def parse_columns(ctx: click.Context, param: click.Parameter, value: tuple[str, ...]) -> dict[str, str]:
    """``events=ev,n=tot`` (repeatable) as a mapping from role to column name."""
    found: dict[str, str] = {}
    for part in (piece for text in value for piece in text.split(",")):
        role, mark, column = part.partition("=")
        if not mark or not role.strip() or not column.strip():
            raise click.BadParameter(f"{part!r} is not of the form role=column, such as events=ev", ctx, param)
        found[role.strip()] = column.strip()
    return found


def table_options(function: F) -> F:
    """How the table is read: columns, sheet, delimiter, decimal mark, encoding."""
    options = (
        click.option("--columns", metavar="ROLE=COLUMN,...", multiple=True, callback=parse_columns,
                     help="Columns that are not recognised, such as events=ev,n=tot."),
        click.option("--sheet", metavar="NAME", help="Sheet of an Excel workbook (default: the first)."),
        click.option("--delimiter", metavar="CHAR", help="Column delimiter (default: detected)."),
        click.option("--decimal", type=click.Choice([".", ","]), help="Decimal mark (default: detected)."),
        click.option("--encoding", metavar="NAME", help="Encoding of the file (default: detected)."),
    )  # fmt: skip
    for option in reversed(options):
        function = option(function)
    return function


def zero_cell_options(function: F) -> F:
    """What is done with zero cells."""
    options = (
        click.option("--zero-add", type=Number(min=0), default=0.5, show_default=True,
                     help="What is added to zero cells (not for Mantel-Haenszel)."),
        click.option("--zero-to", type=click.Choice(["only0", "all", "if0all", "none"]), default="only0",
                     show_default=True, help="To studies with a zero cell, all, all if any has one, or none."),
        click.option("--zero-rr", type=click.Choice(["events", "cells"]), default="events", show_default=True,
                     help="Risk ratio: add to the events (meta, netmeta) or to all cells (RevMan, metafor)."),
        click.option("--zero-rd", type=click.Choice(["variance", "cells"]), default="variance", show_default=True,
                     help="Risk difference: correct the variance (RevMan, meta) or all cells (metafor)."),
        click.option("--keep-double-zero", is_flag=True, help="Keep studies without events in either arm (OR, RR)."),
    )  # fmt: skip
    for option in reversed(options):
        function = option(function)
    return function


@click.command()
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--measure", type=AnyCase(list(MEASURES)), metavar="NAME", help=MEASURE_HELP)
@click.option("--treatment", metavar="NAME", help="The treatment (the other of two is found).")
@click.option("--reference", metavar="NAME", help="What it is compared with.")
@click.option(
    "--model",
    type=AnyCase(list(MODELS)),
    default="IV",
    show_default=True,
    help="Inverse variance, or a model of the counts themselves (GLMM picks the one that fits the measure).",
)
@click.option(
    "--tau2",
    type=AnyCase(list(TAU2_METHODS)),
    default="REML",
    show_default=True,
    help="Estimator of the between-study variance.",
)
@click.option(
    "--ci",
    type=AnyCase(["auto", *INTERVALS]),
    default="auto",
    show_default=True,
    help="Interval of the random-effects estimate; auto: HK_adhoc from 3 studies, else Wald.",
)
@click.option(
    "--prediction",
    type=AnyCase(list(PREDICTION_INTERVALS)),
    default="t_k1",
    show_default=True,
    help="Prediction interval.",
)
@click.option(
    "--tau2-ci",
    type=AnyCase(list(TAU2_INTERVALS)),
    default="QP",
    show_default=True,
    help="Interval of tau2: Q-profile or profile likelihood.",
)
@click.option(
    "--preset",
    type=click.Choice(list(PRESETS)),
    help="All choices as another program makes them, those named beside it excepted; each with its source.",
)
@click.option("--level", type=Number(), default=0.95, show_default=True, help="Confidence level, a proportion.")
@lump_option
@shared_options
@zero_cell_options
@click.option(
    "--zero-arms",
    type=click.Choice(["equal", "size"]),
    default="equal",
    show_default=True,
    help="The same to every arm, or by the size of the arm with --zero-add as the mean (treatment-arm correction).",
)
@table_options
@format_option("table", "json", "csv")
@click.option(
    "--output",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write the result to FILE (.json, .csv, .xlsx) instead of the screen.",
)
@click.option("--plot", type=click.Path(path_type=Path, dir_okay=False), help="Forest plot (.svg, .png, .pdf).")
@click.option("--funnel", type=click.Path(path_type=Path, dir_okay=False), help="Funnel plot (.svg, .png, .pdf).")
@figure_option
def pairwise(
    file: Path, measure: str | None, treatment: str | None, reference: str | None, model: str, tau2: str, ci: str,
    prediction: str, tau2_ci: str, preset: str | None, level: float, lump: dict[str, str],
    zero_add: float, zero_to: str, zero_rr: str, zero_rd: str, zero_arms: str,
    keep_double_zero: bool, columns: dict[str, str], sheet: str | None, delimiter: str | None,
    decimal: str | None, encoding: str | None, output_format: str, output: Path | None,
    plot: Path | None, funnel: Path | None, figure: tuple[tuple[str, Path], ...], **options: Any,
) -> None:  # fmt: skip
    """Pairwise meta-analysis of FILE (CSV or XLSX).

    FILE has one row an arm (study, treatment, events, n or n, mean, sd), one row a study (event.e, n.e, event.c, n.c;
    ai, bi, ci, di; m1i, sd1i, n1i ...) or effects with standard errors (yi, sei; TE, seTE). What was taken for what,
    every choice, and every study left out are printed with the result.

    \b
    evipool pairwise tha.csv --measure OR --reference CD
    evipool pairwise bcg.csv --measure RR --tau2 DL --ci Wald --plot forest.svg
    """
    from toolkit.analysis.pairwise.table import run_table
    from toolkit.cli.pairwise_options import asked_of
    from toolkit.cli.pairwise_show import show
    from toolkit.engine.tables import read_table
    from toolkit.model.pairwise_options import SPEC_OPTIONS, columns_asked

    asked = asked_of(options)
    table = read_table(
        file, measure=measure, columns=columns, sheet=sheet, delimiter=delimiter, decimal=decimal, encoding=encoding,
        extra=columns_asked(asked),
    )  # fmt: skip
    chosen = _measure(measure, table)
    one = MEASURES[chosen].groups == 1
    spec = _spec(
        preset,
        {
            "measure": chosen,
            "treatment": treatment or (table.default_treatment if reference is None and not one else None),
            "reference": reference or (table.default_reference if treatment is None and not one else None),
            "model": model,
            "tau2": tau2,
            "ci": ci,
            "prediction": prediction,
            "tau2_ci": tau2_ci,
            "level": level,
            **{name: asked[name] for name in SPEC_OPTIONS},
        },
        {
            "add": zero_add,
            "to": zero_to,
            "drop_double_zero": not keep_double_zero,
            "risk_ratio": zero_rr,
            "risk_difference": zero_rd,
            "arms": zero_arms,
        },
    )
    with errors_of(file, table):
        done = run_table(table, spec, asked, lump=lump)
    show(done, table, output_format=output_format, output=output)
    _figures(done, plot, funnel, asked)
    _more_figures(done, figure, asked)


_ZERO_OPTIONS = {
    "add": "zero_add",
    "to": "zero_to",
    "drop_double_zero": "keep_double_zero",
    "risk_ratio": "zero_rr",
    "risk_difference": "zero_rd",
    "arms": "zero_arms",
}


def _spec(preset: str | None, fields: dict[str, Any], zero: dict[str, Any]) -> PairwiseSpec:
    """The options as a spec; of a preset, with only those on top that were typed."""
    from toolkit.model.presets import preset_spec
    from toolkit.model.spec import PairwiseSpec, ZeroCells

    if preset is None:
        return PairwiseSpec(**fields, zero_cells=ZeroCells(**zero))
    source = click.get_current_context().get_parameter_source
    typed = (click.core.ParameterSource.COMMANDLINE, click.core.ParameterSource.ENVIRONMENT)
    named = {k: v for k, v in fields.items() if k in ("measure", "treatment", "reference") or source(k) in typed}
    return preset_spec(preset, named, {k: v for k, v in zero.items() if source(_ZERO_OPTIONS[k]) in typed})


@contextmanager
def errors_of(file: Path, table: Table) -> Iterator[None]:
    """Errors about a row of the table name the file and the column as the user called it."""
    from toolkit.model.errors import InputError

    try:
        yield
    except InputError as error:
        if error.file is not None:
            raise
        raise error.within(file, column=table.columns_used.get(error.column or "")) from error


def _measure(measure: str | None, table: Table) -> str:
    from toolkit.model.errors import InputError

    if measure is not None:
        return measure
    if table.kind == "contrasts":
        return table.measure or "GEN"
    has = [
        key
        for key, entry in MEASURES.items()
        if entry.needs and all(any(role.startswith(need) for role in table.columns_used) for need in entry.needs)
    ]
    raise InputError("Which effect measure?", allowed=", ".join(has or MEASURES), hint="For example --measure OR.")


def _figures(done: Done, forest: Path | None, funnel: Path | None, asked: dict[str, Any]) -> None:
    result = done.result
    if forest is not None:
        from toolkit.analysis.pairwise.figures import forest_extras
        from toolkit.plots.forest import draw_forest

        _save(draw_forest(result, **forest_extras(done, asked)), forest)
    if funnel is not None:
        from toolkit.analysis.pairwise import figures

        _save(figures.funnel(result, asked, contours=asked["contours"]), funnel)


def _more_figures(done: Done, figures: tuple[tuple[str, Path], ...], asked: dict[str, Any]) -> None:
    if not figures:
        return
    from toolkit.analysis.pairwise.figures import draw

    for kind, path in figures:
        if kind == "bubble" and asked["regress"] is None:
            raise click.UsageError("--figure bubble draws the covariate of --regress.")
        _save(draw(kind, done.result, asked, done.columns), path)


def _save(figure: Figure, path: Path) -> None:
    from toolkit.plots.style import save_figure

    for warning in save_figure(figure, path):
        click.echo(f"Warning: {warning.text}", err=True)
    click.echo(f"Wrote {path}", err=True)
