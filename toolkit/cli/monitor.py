"""evipool monitor: sequential methods beside an analysis, when asked for."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from toolkit.cli.common import Number, emit, format_option, open_project, project_options, table

if TYPE_CHECKING:
    from toolkit.project import Project

__all__ = ["monitor"]

_PART = Number(0, 1, min_open=True, max_open=True)
# Option of the command -> key of [[monitoring]] that stands in for it.
_KEYS = {
    "control_risk": "control_risk", "rrr": "risk_reduction", "difference": "difference", "sd": "sd",
    "compare": "compare", "effect": "effect", "alpha": "alpha", "power": "power", "d2": "diversity", "tau2": "tau2",
    "futility": "futility",
}  # fmt: skip
_DEFAULTS = {"alpha": 0.05, "power": 0.9, "futility": False}


@click.command()
@click.argument("analysis")
@click.option("--control-risk", type=_PART, help="Risk of the controls, named beforehand.")
@click.option("--rrr", type=Number(), help="Relative risk reduction to be found, named beforehand (0.2 is 20 %).")
@click.option("--difference", type=Number(), help="Difference of means to be found, named beforehand.")
@click.option("--sd", type=Number(0, min_open=True), help="Standard deviation to be expected.")
@click.option("--compare", nargs=2, metavar="A B", help="Of a network: the comparison to watch, with --effect.")
@click.option("--effect", type=Number(), help="Effect of A against B to be found, as it is shown (odds ratio 0.8).")
@click.option("--tau2", type=Number(0), help="Of a network: between-study variance named beforehand.")
@click.option("--alpha", type=_PART, help="Two-sided error of the first kind (default: 0.05).")
@click.option("--power", type=_PART, help="1 - error of the second kind (default: 0.9).")
@click.option("--diversity", "d2", type=Number(0, 1, max_open=True), help="D2 (default: of the analysis).")
@click.option("--futility/--no-futility", default=None, help="The inner wedge, which spends 1 - power.")
@click.option("--lil", is_flag=True, help="Z penalised after the law of the iterated logarithm.")
@click.option("--lambda", "factor", type=Number(0, min_open=True), help="Factor of --lil (default: 2; RD 1.5).")
@click.option("--fragility", is_flag=True, help="Fragility index: patients whose outcome would turn the conclusion.")
@click.option("--studies", type=click.IntRange(1, 1000), default=1, help="Of --patients: in how many new studies.")
@click.option("--patients", type=Number(4), multiple=True, help="Would so many new patients matter?")
@click.option(
    "--plot", type=click.Path(path_type=Path, dir_okay=False), help="Draw Z and boundaries (.svg, .png, .pdf)."
)
@format_option("table", "json")
@project_options
@click.pass_context
def monitor(ctx: click.Context, /, analysis: str, output_format: str, plot: Path | None, **asked: Any) -> None:
    """Monitor ANALYSIS: trial sequential analysis, fragility index, would new patients matter.

    Nothing here changes a result or its figures. Cochrane advises against sequential methods as the main analysis of
    an updated review. They need an effect that was named before the data were seen: --control-risk with --rrr, or
    --difference with --sd, or for a comparison of a network --compare with --effect. [[monitoring]] in review.toml
    states it once, and keeps its date; options stand above it. What is stated there is in the report too, in a
    section of its own; what options ask for is not.
    """
    from toolkit.model.errors import InputError

    with open_project(ctx) as project:
        given = _with_declared(project, analysis, asked)
        found = _computed(project, analysis, given)
    if not found:
        raise InputError(
            "say what to monitor",
            allowed="--control-risk with --rrr, --difference with --sd, --compare with --effect, --lil, --fragility, "
            "--patients N, or [[monitoring]] in review.toml",
        )
    if plot is not None:
        _draw(found, analysis, plot)
    if output_format == "json":
        from toolkit.engine.tabulate import plain

        emit(plain(found))
        return
    triggers = found.pop("triggers", ())
    _show(found, triggers)


def _with_declared(project: Project, analysis: str, asked: dict[str, Any]) -> dict[str, Any]:
    """The options, and below them what review.toml says, unless an option names another effect."""
    from toolkit.analysis.monitor import declared
    from toolkit.model.errors import InputError

    given = dict(asked)
    for first, second in (("rrr", "control_risk"), ("difference", "sd"), ("compare", "effect"), ("effect", "compare")):
        if given[first] not in (None, ()) and given[second] in (None, ()):
            words = (f"--{name.replace('_', '-')}" for name in (first, second))
            raise InputError("{} needs {}: an effect is named by both".format(*words))
    other = given["lil"] or given["fragility"] or given["patients"]
    named = any(given[name] not in (None, ()) for name in ("rrr", "difference", "compare"))
    settings = declared(project, analysis)
    if settings is not None and not named and not other:
        for name, key in _KEYS.items():
            if given[name] in (None, ()):
                given[name] = getattr(settings, key)
        given |= {"lil": settings.lil, "fragility": settings.fragility}
    return {name: _DEFAULTS.get(name) if value is None else value for name, value in given.items()}


def _computed(project: Project, analysis: str, given: dict[str, Any]) -> dict[str, Any]:
    from toolkit.analysis.monitor import methods_asked, trigger

    own = {key: given[name] for name, key in _KEYS.items()}
    methods = methods_asked(
        project, analysis, **own, lil=given["lil"], factor=given["factor"], fragility=given["fragility"]
    )
    found: dict[str, Any] = {name: compute() for name, compute in methods.items()}
    if given["patients"]:
        found["triggers"] = [
            trigger(project, analysis, n, studies=given["studies"], control_risk=given["control_risk"], sd=given["sd"])
            for n in given["patients"]
        ]
    return found


def _draw(found: dict[str, Any], analysis: str, path: Path) -> None:
    from toolkit.model.errors import InputError
    from toolkit.plots.monitoring import draw_sequential, draw_sequential_network
    from toolkit.plots.style import save_figure

    if "sequential" in found:
        figure = draw_sequential(found["sequential"], title=f"{analysis}: Z with each study")
    elif "network" in found:
        pair = f"{found['network'].t1} against {found['network'].t2}"
        figure = draw_sequential_network(found["network"], title=f"{analysis}: {pair}")
    else:
        raise InputError("--plot draws a sequential analysis: name an effect")
    for warning in save_figure(figure, path, title=analysis):
        click.echo(f"Warning: {warning.text}", err=True)
    click.echo(f"Wrote {path}", err=True)


def _show(found: dict[str, Any], triggers: Sequence[Any]) -> None:
    from toolkit.analysis.monitor_blocks import monitor_blocks

    for block, advice in monitor_blocks(found):
        if block.rows:
            table(list(block.header), [list(row) for row in block.rows], right=block.right)
        for i, line in enumerate(block.lines):
            click.echo(line if i == 0 or line.endswith(".") else f"  {line}")
        if advice:
            click.echo(advice)
    for t in triggers:
        click.echo(
            f"{t.patients:.0f} new patients in {'one study' if t.studies == 1 else f'{t.studies} studies'}: the "
            f"interval's position would move with probability {t.changes:.0%}; its width would be {t.width_ratio:.0%} "
            "of the present one."
        )
