"""evipool network: a network meta-analysis of a table, without a project."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from toolkit.cli.common import AnyCase, Number, format_option
from toolkit.cli.pairwise import MEASURE_HELP, errors_of, table_options, zero_cell_options
from toolkit.model.choices import MEASURES, NETWORK_INTERVALS, NETWORK_TAU2_METHODS
from toolkit.model.further import NETWORK_FURTHER, SETTINGS, Options, missing_settings, unheard_settings

if TYPE_CHECKING:
    from toolkit.analysis.network.part import Part, Request
    from toolkit.engine.data import Effects
    from toolkit.engine.results import NetworkResult
    from toolkit.engine.tables import Table
    from toolkit.model.errors import NotEstimable
    from toolkit.model.spec import NetworkSpec, ZeroCells

__all__ = ["network"]

F = TypeVar("F", bound=Callable[..., Any])


def more_options(function: F) -> F:
    """Further analyses and what they need to be told."""
    options = (
        click.option("--also", type=click.Choice(list(NETWORK_FURTHER)), metavar="NAME", multiple=True,
                     help="Further analysis; repeatable, listed below."),
        click.option("--draws", type=click.IntRange(min=1), default=100_000, show_default=True, help="Draws of ranks."),
        click.option("--seed", type=int, default=1, show_default=True, help="Seed of the draws."),
        click.option("--order", metavar="A,B,...", help="funnel: treatments from the oldest to the newest."),
        click.option("--baseline-risk", type=Number(), multiple=True,
                     help="absolute: risk with the reference; repeatable (default: median of the studies)."),
        click.option("--margin", type=Number(), help="margin: smallest important difference (1.25 for a ratio)."),
        click.option("--loop-tau2", type=click.Choice(SETTINGS["loop_tau2"].choices), default="loop",
                     show_default=True, help="loops: between-study variance within them."),
        click.option("--allocation", type=click.Choice(SETTINGS["allocation"].choices), default="symmetric",
                     show_default=True, help="side-split: which arm of a multi-arm study carries the difference."),
        click.option("--contribution-method", type=click.Choice(SETTINGS["contribution_method"].choices),
                     default="random walk", show_default=True, help="contributions: how the evidence is cut."),
        click.option("--with-outcome", metavar="FILE:MEASURE:good", multiple=True,
                     help="outcomes: another outcome's table, measure, and whether small values are good; repeatable."),
        click.option("--rob", metavar="COLUMN",
                     help="contributions, figures, --cinema: risk of bias of each study (low, some concerns, high)."),
        click.option("--covariate", metavar="COLUMN", help="regression: a number for each study."),
        click.option("--interaction", type=click.Choice(SETTINGS["interaction"].choices), default="common",
                     show_default=True, help="regression: one slope, one a treatment, or slopes of one distribution."),
        click.option("--modifier", metavar="COLUMN", multiple=True,
                     help="transitivity: an effect modifier of each study, numbers or words; repeatable."),
        click.option("--design", metavar="COLUMN", help="design-adjusted, figures: the design of each study."),
        click.option("--trusted", metavar="A,B,...", default="RCT", show_default=True,
                     help="design-adjusted: designs that keep their full weight."),
        click.option("--category-steps", metavar="A,B,C",
                     help="categories: events per 1,000 of a small, moderate and large effect (with --baseline-risk)."),
        click.option("--subgroup", metavar="COLUMN", help="subgroups, variances: the group of each study."),
        click.option("--inactive", metavar="NAME",
                     help="components, variances: what has no effect, such as placebo."),
        click.option("--separator", metavar="TEXT", default="+", show_default=True,
                     help="components: what stands between them in a treatment's name."),
        click.option("--combine", metavar="A*B", multiple=True, help="components: an interaction; repeatable."),
    )  # fmt: skip
    for option in reversed(options):
        function = option(function)
    return function


def listed(function: F) -> F:
    """The further analyses under the help text."""
    lines = []
    for name, further in NETWORK_FURTHER.items():
        needs = (
            [_option(x) for x in further.needs]
            + ([" or ".join(map(_option, further.needs_one_of))] * bool(further.needs_one_of))
            + ["--small-values"] * further.ranks
        )
        also = f" (needs {', '.join(needs)})" if needs else ""
        lines.append(f"      {name:19}{further.help}{also}")
    function.__doc__ = f"{function.__doc__}\n\n    \b\n    --also takes\n" + "\n".join(lines)
    return function


def _option(setting: str) -> str:
    return "--" + setting.replace("_", "-")


@click.command()
@click.argument("file", metavar="FILE", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--measure", type=AnyCase(list(MEASURES)), metavar="NAME", required=True, help=MEASURE_HELP)
@click.option("--reference", metavar="NAME", help="Treatment the others are compared with (default: most studied).")
@click.option(
    "--tau2", metavar="|".join(NETWORK_TAU2_METHODS).replace("fixed", "NUMBER"), default="REML", show_default=True,
    help="Between-study variance: an estimator, or a number to fix it.",
)  # fmt: skip
@click.option(
    "--tau2-by", type=click.Choice(["inactive", "subgroup"]),
    help="Several between-study variances: of comparisons with --inactive and of the others, or of each --subgroup.",
)  # fmt: skip
@click.option(
    "--ci", type=AnyCase(list(NETWORK_INTERVALS)), default="Wald", show_default=True,
    help="Interval of random-effects estimates.",
)  # fmt: skip
@click.option(
    "--small-values", type=click.Choice(["good", "bad"]), help="Whether small values are good; ranks if told."
)
@click.option(
    "--model",
    type=click.Choice(["random", "common"]),
    default="random",
    show_default=True,
    help="Effects of the splits, the league table, the ranking and what --also adds.",
)
@click.option("--level", type=Number(), default=0.95, show_default=True, help="Confidence level, a proportion.")
@click.option("--largest", is_flag=True, help="Analyse the largest piece of a disconnected network.")
@click.option(
    "--several-arms", type=click.Choice(["combine"]),
    help="Several arms of one treatment in a study are combined (otherwise refused; other names keep them apart).",
)  # fmt: skip
@more_options
@zero_cell_options
@table_options
@format_option("table", "json", "csv")
@click.option("--output", type=click.Path(path_type=Path, dir_okay=False), help="Write there instead of the screen.")
@click.option("--plot", type=click.Path(path_type=Path, dir_okay=False), help="Network graph (.svg, .png, .pdf).")
@click.option("--forest", type=click.Path(path_type=Path, dir_okay=False), help="Forest plot against the reference.")
@click.option("--league", type=click.Path(path_type=Path, dir_okay=False), help="League table as .xlsx or .csv.")
@click.option(
    "--league-with", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE",
    help="A second outcome of the same kind of table: above the diagonal of --league and of its figure.",
)  # fmt: skip
@click.option(
    "--with-measure", type=click.Choice(list(MEASURES), case_sensitive=False), metavar="MEASURE",
    help="The measure of --league-with, if another.",
)  # fmt: skip
@click.option(
    "--cinema",
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder for CINeMA: data, contributions, estimates.",
)
@click.option(
    "--figures",
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder for every figure the data allow, as SVG.",
)
@listed
def network(
    file: Path, measure: str, reference: str | None, tau2: str, tau2_by: str | None, ci: str,
    small_values: str | None, model: str, level: float, largest: bool, several_arms: str | None,
    also: tuple[str, ...], zero_add: float, zero_to: str, zero_rr: str, zero_rd: str, keep_double_zero: bool,
    columns: dict[str, str], sheet: str | None, delimiter: str | None, decimal: str | None, encoding: str | None,
    output_format: str, output: Path | None, plot: Path | None, forest: Path | None, league: Path | None,
    league_with: Path | None, with_measure: str | None, cinema: Path | None, figures: Path | None, **asked: Any,
) -> None:  # fmt: skip
    """Network meta-analysis of FILE (CSV or XLSX); no project needed.

    FILE has one row an arm (study, treatment, events, n; or n, mean, sd) or one row a contrast (study, treat1,
    treat2, TE, seTE, all pairs of a multi-arm study), by the column names of metafor, netmeta, gemtc or Stata. Every
    effect is a treatment against the reference; nothing is ranked unless --small-values says which way is better.

    \b
    evipool network diabetes.csv --measure OR --reference Diuretic --tau2 DL --format json
    evipool network diabetes.csv --measure OR --small-values good --also ranks --plot network.svg"""
    from toolkit.engine.network import largest_subnetwork, network_effects
    from toolkit.engine.network import network as fit
    from toolkit.engine.tables import read_table
    from toolkit.model.errors import NotEstimable
    from toolkit.model.spec import ZeroCells

    also = tuple(dict.fromkeys(also))
    options = _options(asked)
    _check_needs(also, options, small_values)
    _check_heard(also, options, tau2_by, cinema, figures)
    zero_cells = ZeroCells(
        add=zero_add, to=zero_to, drop_double_zero=not keep_double_zero, risk_ratio=zero_rr, risk_difference=zero_rd
    )
    spec = _spec(measure, reference, tau2, small_values, ci, level, zero_cells)
    table = read_table(
        file, measure=measure, columns=columns, sheet=sheet, delimiter=delimiter, decimal=decimal, encoding=encoding,
        extra=options.columns,
    )  # fmt: skip
    with errors_of(file, table):
        if several_arms is not None:
            table = _combined(table)
        spec = _with_types(spec, tau2_by, options, table)
        effects = network_effects(table.data(measure, reference=reference), spec)
        if largest:
            effects = network_effects(largest_subnetwork(effects), spec)
        try:
            result = fit(effects, spec)
        except NotEstimable as error:
            if also != ("components",):
                raise
            _bridged(error, effects, spec, options, output_format, output)
            return
        request = _request(file, table, effects, result, model, options)
        extra = {name: _further(name, request) for name in also}
    if output_format == "json":
        from toolkit.engine.network import network_to_dict

        read = {"columns_used": table.columns_used, "read_notes": list(table.notes)}
        data = {**read, **network_to_dict(result, effects)}
        if extra:
            data["also"] = {name: part.data for name, part in extra.items()}
        _write(_json(data), output)
    else:
        parts = [*(_part_text(part) for part in extra.values()), _how_read(table)]
        _write(_printed(result, effects, request.model, output_format, parts), output)
    _files(request, plot, forest, league, league_with, with_measure or measure, cinema, figures)


def _combined(table: Table) -> Table:
    """The table with at most one arm of each treatment in a study; what was combined is among its notes."""
    from dataclasses import replace

    from toolkit.analysis.pairwise.arms import combine_or_split
    from toolkit.analysis.pairwise.material import Remark, material_of_table

    if table.arms is None:
        return table
    remarks: list[Remark] = []
    material, _ = combine_or_split(material_of_table(table, {}, numbers=False)[0], "combine", (None, None), remarks)
    return replace(table, arms=material.arms, notes=(*table.notes, *(f"{r.study}: {r.what}" for r in remarks)))


def _further(name: str, request: Request) -> Part:
    """A further analysis; one that the data do not allow says why, and the others stand."""
    from toolkit.analysis.network.part import further_part, part
    from toolkit.model.errors import NotEstimable

    try:
        return further_part(name, request)
    except NotEstimable as error:
        return part({"not_estimable": str(error)}, f"Not estimable: {name}", (), (), [str(error)])


def _options(asked: dict[str, Any]) -> Options:
    """From what the command line gives; lists are written with commas there."""
    from toolkit.model.errors import InputError

    given = {name: value for name, value in asked.items() if value not in (None, ())}
    for name in ("order", "trusted", "category_steps"):
        if name in given:
            given[name] = tuple(part.strip() for part in given[name].split(","))
    try:
        if "category_steps" in given:
            given["category_steps"] = tuple(float(step) for step in given["category_steps"])
    except ValueError:
        text = "Category steps are numbers per 1,000 with commas between."
        raise InputError(text, value=asked["category_steps"], hint="Such as 10,25,50.") from None
    return Options(**given)


def _request(
    file: Path, table: Table, effects: Effects, result: NetworkResult, model: str, options: Options
) -> Request:
    """Everything that further analyses and figures may ask for, the other outcomes fitted."""
    from toolkit.analysis.network.part import Request

    return Request(
        effects=effects,
        result=result,
        model="common" if result.random is None else model,
        options=options,
        arms=table.arms,
        columns=table.extra,
        outcome=file.stem,
        others=_others(result, options.with_outcome),
    )


FORM = "FILE:MEASURE:good or FILE:MEASURE:bad"


def _others(result: NetworkResult, texts: tuple[str, ...]) -> dict[str, NetworkResult]:
    """The networks of other outcomes, fitted with the same choices, by the names of their files."""
    from dataclasses import replace

    from toolkit.engine.network import network, network_effects
    from toolkit.engine.tables import read_table
    from toolkit.model.errors import InputError

    found: dict[str, NetworkResult] = {}
    for text in texts:
        pieces = text.rsplit(":", 2)
        if len(pieces) != 3 or pieces[1].upper() not in MEASURES or pieces[2] not in ("good", "bad"):
            raise InputError("An outcome is not written like this.", value=text, allowed=FORM)
        path, measure = Path(pieces[0]), pieces[1].upper()
        if path.stem in found:
            raise InputError("Two outcomes have the same name.", value=path.stem, hint="The name is that of the file.")
        spec = replace(result.spec, measure=measure, small_values=pieces[2], reference=None)
        data = read_table(path, measure=measure).data(measure)
        found[path.stem] = network(network_effects(data, spec), spec)
    return found


def _files(
    request: Request, plot: Path | None, forest: Path | None, league: Path | None, league_with: Path | None,
    with_measure: str, cinema: Path | None, figures: Path | None,
) -> None:  # fmt: skip
    """The files that were asked for beside the result."""
    _figures(request.result, plot, forest)
    if league is not None or (league_with is not None and figures is None):
        from toolkit.cli.network_export import write_league

        write_league(request, league, league_with, with_measure)
        click.echo(f"written: {league}", err=True)
    if cinema is not None:
        from toolkit.cli.network_export import write_cinema

        for path in write_cinema(request, cinema):
            click.echo(f"written: {path}", err=True)
    if figures is not None:
        from toolkit.cli.network_export import draw_all

        draw_all(request, figures, None if league_with is None else (league_with, with_measure))


def _check_needs(also: tuple[str, ...], options: Options, small_values: str | None) -> None:
    from toolkit.model.errors import InputError

    for name in also:
        further = NETWORK_FURTHER[name]
        missing = [_option(setting) for setting in missing_settings(name, options)]
        if further.ranks and small_values is None:
            text = "Ranks need to know whether small values are good."
            raise InputError(text, value=f"--also {name}", hint="Add --small-values good or bad.")
        if further.needs_one_of and missing:
            text = f"{further.help[0].upper()}{further.help[1:]}: one of two ways must be chosen."
            shown = [f"{_option(x)} {SETTINGS[x].metavar}" for x in further.needs_one_of]
            raise InputError(text, value=f"--also {name}", hint=f"Give {' or '.join(shown)}.")
        if missing:
            (setting,) = missing_settings(name, options)
            text = f"This analysis must be told: {SETTINGS[setting].help}."
            hint = f"Add {_option(setting)} {SETTINGS[setting].metavar}."
            raise InputError(text, value=f"--also {name}", hint=hint)


def _check_heard(
    also: tuple[str, ...], options: Options, tau2_by: str | None, cinema: Path | None, figures: Path | None
) -> None:
    """Refuse a setting that nothing on the command line listens to."""
    from toolkit.model.errors import InputError

    heard = {tau2_by, *(["rob"] * (cinema is not None))}
    for setting, names in unheard_settings(also, options).items():
        if setting not in heard and figures is None:
            text = f"{_option(setting)} belongs to a further analysis that was not asked for."
            raise InputError(text, hint=f"Add {' or '.join(f'--also {name}' for name in names)}.")


def _part_text(part: Part) -> str:
    """A further analysis as one table with sentences below it."""
    from toolkit.cli.network_text import as_text, print_table

    def show(console: Any) -> None:
        if part.header:
            print_table(console, part.title, part.header, part.rows)
        else:
            console.print(f"\n{part.title}", markup=False)
        for note in part.notes:
            console.print(note, markup=False)

    return as_text(show)


def _bridged(
    error: NotEstimable, effects: Effects, spec: NetworkSpec, options: Options, output_format: str, output: Path | None
) -> None:
    """A network in pieces that only its components join: the component model alone, and why there is no more."""
    from toolkit.analysis.network.models import bridging

    part = bridging(effects, spec, options)
    if output_format == "json":
        _write(_json({"kind": "components", "not_estimable": str(error), "also": {"components": part.data}}), output)
        return
    _write(f"{error}\n\n{_part_text(part)}", output)


def _how_read(table: Table) -> str:
    taken = ", ".join(f"{role} = {name}" for role, name in table.columns_used.items())
    return "\n".join((f"Columns taken: {taken}", *(f"File: {note}" for note in table.notes))) + "\n"


def _printed(result: NetworkResult, effects: Effects, model: str, output_format: str, further: list[str]) -> str:
    from toolkit.cli.network_text import csv_rows, text

    if output_format == "csv":
        return csv_rows(result)
    return "\n".join([text(result, effects, model), *further])


def _spec(
    measure: str,
    reference: str | None,
    tau2: str,
    small_values: str | None,
    ci: str,
    level: float,
    zero_cells: ZeroCells,
) -> NetworkSpec:
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
        measure=measure, reference=reference, tau2=method, tau2_value=value, small_values=small_values, ci=ci,
        level=level, zero_cells=zero_cells,
    )  # fmt: skip


def _with_types(spec: NetworkSpec, by: str | None, options: Options, table: Table) -> NetworkSpec:
    """The spec with several between-study variances, if they are asked for."""
    from dataclasses import replace

    from toolkit.model.errors import InputError

    if by is None:
        return spec
    given = getattr(options, by)
    if given is None:
        raise InputError(f"--tau2-by {by} must be told.", hint=f"Add {_option(by)} {SETTINGS[by].metavar}.")
    if by == "inactive":
        return replace(spec, tau2_inactive=(given,))
    return replace(spec, tau2_groups=tuple(table.extra[given].items()))


def _json(data: object) -> str:
    import json

    return json.dumps(data, ensure_ascii=False, indent=2, allow_nan=False) + "\n"


def _write(text: str, output: Path | None) -> None:
    """Print, or write the file whole: beside its place, then renamed into it."""
    if output is None:
        click.echo(text, nl=False)
        return
    path = output
    scratch = path.with_name(f".{path.name}.unfinished")
    try:
        scratch.write_text(text, encoding="utf-8")
        scratch.replace(path)
    finally:
        scratch.unlink(missing_ok=True)
    click.echo(f"written: {path}", err=True)


def _figures(result: NetworkResult, plot: Path | None, forest: Path | None) -> None:
    if plot is None and forest is None:
        return
    from toolkit.plots.forest_network import draw_network_forest
    from toolkit.plots.network import draw_network
    from toolkit.plots.style import save_figure

    for path, draw in ((plot, draw_network), (forest, draw_network_forest)):
        if path is None:
            continue
        for warning in save_figure(draw(result), path):
            click.echo(f"Warning: {warning.text}", err=True)
        click.echo(f"written: {path}", err=True)
