"""evipool pairwise: one comparison of a table, pooled; no project needed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from toolkit.cli.common import AnyCase, Number, format_option
from toolkit.cli.pairwise_adjust import adjust_options
from toolkit.cli.pairwise_bayes import bayes_options
from toolkit.cli.pairwise_data import data_options
from toolkit.cli.pairwise_figures import figure_options
from toolkit.cli.pairwise_models import model_options
from toolkit.model.choices import INTERVALS, MEASURES, MODELS, PREDICTION_INTERVALS, TAU2_INTERVALS, TAU2_METHODS
from toolkit.model.presets import PRESETS

if TYPE_CHECKING:
    from toolkit.engine.data import ArmTable, Effects
    from toolkit.engine.metareg import MetaRegression
    from toolkit.engine.results import PairwiseResult
    from toolkit.engine.subgroups import SubgroupResult
    from toolkit.engine.tables import Table
    from toolkit.model.spec import PairwiseSpec

__all__ = ["errors_of", "pairwise", "parse_columns", "table_options", "zero_cell_options"]

F = TypeVar("F", bound=Callable[..., Any])


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


def more_options(function: F) -> F:
    """Sensitivity to single studies, small-study effects."""
    options = (
        click.option("--leave-one-out", is_flag=True, help="The fit without each study in turn."),
        click.option("--cumulative", is_flag=True, help="The fit after each further study, in the order of the file."),
        click.option("--influence", is_flag=True, help="Influence of each study (residuals, Cook, dffits ...)."),
        click.option("--subgroup", metavar="COLUMN", help="Fits by the groups in this column, and the test between."),
        click.option("--common-tau2", is_flag=True, help="One tau2 for all subgroups."),
        click.option("--regress", metavar="FORMULA", help="Meta-regression, such as 'year + factor(design)'."),
        click.option("--bias", metavar="TEST", help="Test of small-study effects: auto, Egger, Egger_random, Thompson, "
                     "Begg, Harbord, Peters, Macaskill, Deeks, Pustejovsky. Refused under 10 studies."),
        click.option("--force-bias", is_flag=True, help="Run it under 10 studies too."),
        click.option("--trim-fill", type=click.Choice(["L0", "R0", "Q0"]), help="Trim-and-fill by this estimator."),
        click.option("--contours", is_flag=True, help="Contour-enhanced funnel plot."),
    )  # fmt: skip
    for option in reversed(options):
        function = option(function)
    return function


@click.command()
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--measure", type=AnyCase(list(MEASURES)), help="Effect measure.")
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
@more_options
@adjust_options
@bayes_options
@model_options
@data_options
@zero_cell_options
@table_options
@format_option("table", "json", "csv")
@click.option(
    "--output",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write the result to FILE (.json, .csv, .xlsx) instead of the screen.",
)
@click.option("--plot", type=click.Path(path_type=Path, dir_okay=False), help="Forest plot (.svg, .png, .pdf).")
@click.option("--funnel", type=click.Path(path_type=Path, dir_okay=False), help="Funnel plot (.svg, .png, .pdf).")
@figure_options
def pairwise(
    file: Path, measure: str | None, treatment: str | None, reference: str | None, model: str, tau2: str, ci: str,
    prediction: str, tau2_ci: str, preset: str | None, level: float, leave_one_out: bool, cumulative: bool,
    influence: bool, subgroup: str | None, common_tau2: bool, regress: str | None,
    bias: str | None, force_bias: bool, trim_fill: str | None, contours: bool,
    zero_add: float, zero_to: str, zero_rr: str, zero_rd: str,
    keep_double_zero: bool, columns: dict[str, str], sheet: str | None, delimiter: str | None,
    decimal: str | None, encoding: str | None, output_format: str, output: Path | None,
    plot: Path | None, funnel: Path | None, **modelled: Any,
) -> None:  # fmt: skip
    """Pairwise meta-analysis of FILE (CSV or XLSX).

    FILE has one row an arm (study, treatment, events, n or n, mean, sd), one row a study (event.e, n.e, event.c, n.c;
    ai, bi, ci, di; m1i, sd1i, n1i ...) or effects with standard errors (yi, sei; TE, seTE). What was taken for what,
    every choice, and every study left out are printed with the result.

    \b
    evipool pairwise tha.csv --measure OR --reference CD
    evipool pairwise bcg.csv --measure RR --tau2 DL --ci Wald --plot forest.svg
    """
    from toolkit.cli.pairwise_adjust import adjustments
    from toolkit.cli.pairwise_bayes import bayes
    from toolkit.cli.pairwise_data import data_columns, prepare, prepared_to_dict
    from toolkit.cli.pairwise_figures import draw_more
    from toolkit.cli.pairwise_models import model_columns, models
    from toolkit.cli.pairwise_more import More
    from toolkit.cli.pairwise_show import show
    from toolkit.engine import pairwise as engine
    from toolkit.engine.tables import read_table

    table = read_table(
        file, measure=measure, columns=columns, sheet=sheet, delimiter=delimiter, decimal=decimal, encoding=encoding,
        extra=[*([subgroup] if subgroup else []), *model_columns(modelled, regress),
               *data_columns(modelled)],
    )  # fmt: skip
    prepared = prepare(table, modelled)
    table = prepared.table
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
        },
        {
            "add": zero_add,
            "to": zero_to,
            "drop_double_zero": not keep_double_zero,
            "risk_ratio": zero_rr,
            "risk_difference": zero_rd,
        },
    )
    with errors_of(file, table):
        data = table.data(spec.measure, reference=reference)
        result = engine.pairwise(data, spec)
        groups = _subgroups(data, table, spec, subgroup, common_tau2)
    wanted = More(
        leave_one_out=leave_one_out,
        cumulative=cumulative,
        influence=influence,
        bias=bias,
        force_bias=force_bias,
        trim_fill=trim_fill,
        subgroups=groups,
        regression=None if modelled["cluster"] or modelled["scale"] else _regression(result, table, regress),
        models=models(result, table, modelled, regress)
        | adjustments(result, modelled["adjust"], force_bias)
        | bayes(result, modelled),
        prepared=prepared_to_dict(prepared, result, result.spec),
    )
    show(result, table, wanted, output_format=output_format, output=output)
    _figures(result, plot, funnel, contours, groups)
    draw_more(result, table, modelled, regress)


_ZERO_OPTIONS = {
    "add": "zero_add",
    "to": "zero_to",
    "drop_double_zero": "keep_double_zero",
    "risk_ratio": "zero_rr",
    "risk_difference": "zero_rd",
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


def _subgroups(
    data: ArmTable | Effects, table: Table, spec: PairwiseSpec, column: str | None, common: bool
) -> SubgroupResult | None:
    if column is None:
        return None
    from toolkit.engine.subgroups import subgroups

    return subgroups(data, table.extra[column], spec, variance="common" if common else "separate")


def _regression(result: PairwiseResult, table: Table, formula: str | None) -> MetaRegression | None:
    if formula is None:
        return None
    from toolkit.engine.metareg import as_numbers, covariates_of, meta_regression

    columns = {name: as_numbers(table.extra[name]) for name in covariates_of(formula)}
    return meta_regression(result, formula, columns)


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
        return "GEN"
    has = [
        key
        for key, entry in MEASURES.items()
        if entry.needs and all(any(role.startswith(need) for role in table.columns_used) for need in entry.needs)
    ]
    raise InputError("Which effect measure?", allowed=", ".join(has or MEASURES), hint="For example --measure OR.")


def _figures(
    result: PairwiseResult,
    forest: Path | None,
    funnel: Path | None,
    contours: bool,
    groups: SubgroupResult | None,
) -> None:
    if forest is None and funnel is None:
        return
    from toolkit.plots.style import save_figure

    for path, kind in ((forest, "forest"), (funnel, "funnel")):
        if path is None:
            continue
        if kind == "forest":
            from toolkit.plots.forest import draw_forest

            parts = [(group.label, group.result) for group in groups.groups] if groups is not None else ()
            figure = draw_forest(result, subgroups=parts)
        else:
            from toolkit.plots.funnel import draw_funnel

            figure = draw_funnel(result, contours=contours)
        for warning in save_figure(figure, path):
            click.echo(f"Warning: {warning.text}", err=True)
        click.echo(f"Wrote {path}", err=True)
