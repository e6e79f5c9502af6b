"""evipool network: a network meta-analysis of a table, without a project."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from toolkit.cli.common import format_option
from toolkit.model.choices import MEASURES, NETWORK_TAU2_METHODS

if TYPE_CHECKING:
    from toolkit.engine.results import NetworkResult
    from toolkit.model.spec import NetworkSpec

__all__ = ["network"]


@click.command()
@click.argument("table", metavar="FILE", type=click.Path(exists=True, dir_okay=False))
@click.option("--measure", type=click.Choice(list(MEASURES), case_sensitive=False), required=True, help="Measure.")
@click.option("--reference", metavar="NAME", help="Treatment the others are compared with (default: most studied).")
@click.option(
    "--tau2", metavar="|".join(NETWORK_TAU2_METHODS).replace("fixed", "NUMBER"), default="REML", show_default=True,
    help="Between-study variance: an estimator, or a number to fix it.",
)  # fmt: skip
@click.option(
    "--small-values", type=click.Choice(["good", "bad"]), help="Whether small values are good; ranks if told."
)
@click.option(
    "--model", type=click.Choice(["random", "common"]), default="random", show_default=True, help="Tables of."
)
@click.option("--level", type=float, default=0.95, show_default=True, help="Confidence level, a proportion.")
@click.option("--columns", metavar="ROLE=NAME,...", help="Columns not found by their usual names: events=ev,n=tot.")
@click.option("--sheet", metavar="NAME", help="Sheet of a workbook.")
@click.option("--largest", is_flag=True, help="Analyse the largest piece of a disconnected network.")
@format_option("table", "json", "csv")
@click.option("--output", metavar="FILE", type=click.Path(dir_okay=False), help="Write there instead of the screen.")
@click.option("--plot", metavar="FILE", type=click.Path(dir_okay=False), help="Network graph (.svg, .png, .pdf).")
@click.option("--forest", metavar="FILE", type=click.Path(dir_okay=False), help="Forest plot against the reference.")
def network(
    table: str,
    measure: str,
    reference: str | None,
    tau2: str,
    small_values: str | None,
    model: str,
    level: float,
    columns: str | None,
    sheet: str | None,
    largest: bool,
    output_format: str,
    output: str | None,
    plot: str | None,
    forest: str | None,
) -> None:
    """Network meta-analysis of a CSV or Excel table; no project needed.

    FILE has one row an arm (study, treatment, events, n; or n, mean, sd) or one row a contrast (study, treat1,
    treat2, TE, seTE, all pairs of a multi-arm study), by the column names of metafor, netmeta, gemtc or Stata. Every
    effect is a treatment against the reference; nothing is ranked unless --small-values says which way is better.

    \b
    evipool network diabetes.csv --measure OR --reference Diuretic --tau2 DL --format json
    """
    from toolkit.engine.network import largest_subnetwork, network_effects
    from toolkit.engine.network import network as fit
    from toolkit.engine.tables import read_table

    spec = _spec(measure, reference, tau2, small_values, level)
    read = read_table(table, measure=spec.measure, columns=_columns(columns), sheet=sheet)
    effects = network_effects(read.data(spec.measure, reference=reference), spec)
    if largest:
        effects = largest_subnetwork(effects)
    result = fit(effects, spec)
    shown = "common" if result.random is None else model
    for line in (*(f"{role} = column {name}" for role, name in read.columns_used.items()), *read.notes):
        click.echo(f"read: {line}", err=True)
    if output_format == "json":
        from toolkit.engine.network import network_to_dict

        data = network_to_dict(result, effects)
        _write(_json({"columns": read.columns_used, "read_notes": list(read.notes), **data}), output)
    elif output_format == "csv":
        from toolkit.cli.network_text import csv_rows

        _write(csv_rows(result), output)
    else:
        from toolkit.cli.network_text import text

        _write(text(result, effects, shown), output)
    _figures(result, plot, forest)


def _spec(measure: str, reference: str | None, tau2: str, small_values: str | None, level: float) -> NetworkSpec:
    from toolkit.model.errors import InputError
    from toolkit.model.spec import NetworkSpec

    names = {name.upper(): name for name in NETWORK_TAU2_METHODS if name != "fixed"}
    method, value = names.get(tau2.upper(), "fixed"), None
    if method == "fixed":
        try:
            value = float(tau2)
        except ValueError:
            allowed = ", ".join(names.values())
            raise InputError("Unknown --tau2.", value=tau2, allowed=f"{allowed} or a number") from None
    return NetworkSpec(
        measure=measure, reference=reference, tau2=method, tau2_value=value, small_values=small_values, level=level
    )


def _columns(text: str | None) -> dict[str, str] | None:
    from toolkit.model.errors import InputError

    if text is None:
        return None
    pairs = [part.partition("=") for part in text.split(",")]
    if any(not role.strip() or not name.strip() for role, _, name in pairs):
        raise InputError("--columns wants role=name pairs.", value=text, hint="For example events=ev,n=tot.")
    return {role.strip(): name.strip() for role, _, name in pairs}


def _json(data: object) -> str:
    import json

    return json.dumps(data, ensure_ascii=False, indent=2, allow_nan=False) + "\n"


def _write(text: str, output: str | None) -> None:
    """Print, or write the file whole: beside its place, then renamed into it."""
    if output is None:
        click.echo(text, nl=False)
        return
    from pathlib import Path

    path = Path(output)
    scratch = path.with_name(f".{path.name}.unfinished")
    try:
        scratch.write_text(text, encoding="utf-8")
        scratch.replace(path)
    finally:
        scratch.unlink(missing_ok=True)
    click.echo(f"written: {path}", err=True)


def _figures(result: NetworkResult, plot: str | None, forest: str | None) -> None:
    if plot is None and forest is None:
        return
    from pathlib import Path

    from toolkit.plots.forest_network import draw_network_forest
    from toolkit.plots.network import draw_network
    from toolkit.plots.style import save_figure

    for path, draw in ((plot, draw_network), (forest, draw_network_forest)):
        if path is not None:
            save_figure(draw(result), Path(path))
            click.echo(f"written: {path}", err=True)
