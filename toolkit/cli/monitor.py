"""evipool monitor: sequential methods beside an analysis, when asked for."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from toolkit.cli.common import Number, emit, format_option, open_project, project_options, table
from toolkit.model.wording import counted

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

    Nothing here changes a result, a figure or the report. Cochrane advises against sequential methods as the main
    analysis of an updated review. They need an effect that was named before the data were seen: --control-risk with
    --rrr, or --difference with --sd, or for a comparison of a network --compare with --effect. [[monitoring]] in
    review.toml states it once, and keeps its date; options stand above it.
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
    _show(found)


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
    return {name: _DEFAULTS.get(name) if value is None else value for name, value in given.items()}


def _computed(project: Project, analysis: str, given: dict[str, Any]) -> dict[str, Any]:
    from toolkit.analysis import monitor as run

    effect = run.Effect(
        control_risk=given["control_risk"], relative_risk_reduction=given["rrr"], difference=given["difference"],
        sd=given["sd"],
    )  # fmt: skip
    shared = {name: given[name] for name in ("alpha", "power", "futility")}
    found: dict[str, Any] = {}
    if given["rrr"] is not None or given["difference"] is not None:
        found["sequential"] = run.sequential(project, analysis, effect, d2=given["d2"], **shared)
    if given["compare"]:
        found["network"] = run.sequential_comparison(
            project, analysis, given["compare"], given["effect"], tau2=given["tau2"], **shared
        )
    if given["lil"]:
        found["lil"] = run.penalised(
            project, analysis, alpha=given["alpha"], factor=given["factor"], sd=given["sd"]
        )  # fmt: skip
    if given["fragility"]:
        found["fragility"] = run.fragility(project, analysis)
    if given["patients"]:
        found["triggers"] = [
            run.trigger(
                project, analysis, n, studies=given["studies"], control_risk=given["control_risk"], sd=given["sd"]
            )
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


def _bound(value: float | None, none: str) -> str:
    return none if value is None else f"{value:.3f}"


def _show(found: dict[str, Any]) -> None:
    shows = {"sequential": _sequential, "network": _network, "lil": _lil, "fragility": _fragility}
    for name, show in shows.items():
        if name in found:
            show(found[name])
    for t in found.get("triggers", ()):
        click.echo(
            f"{t.patients:.0f} new patients in {'one study' if t.studies == 1 else f'{t.studies} studies'}: the "
            f"interval's position would move with probability {t.changes:.0%}; its width would be {t.width_ratio:.0%} "
            "of the present one."
        )


def _sequential(s: Any) -> None:
    header = ["study", "participants", "of required", "Z", "boundary", *(["futility"] if s.futility else [])]
    rows = []
    for x in s.looks:
        row = [x.study, f"{x.n:.0f}", f"{x.fraction:.1%}", f"{x.z:.3f}", _bound(x.boundary, "none")]
        rows.append(row + ([_bound(x.futility, "none")] if s.futility else []))
    table(header, rows, right=tuple(range(1, len(header))))
    click.echo(
        f"Required: {s.required:,.0f} participants, {s.required_diversity:,.0f} at diversity {s.d2:.1%} "
        f"(alpha {s.alpha:g}, power {s.power:g}; {s.power_of_looks:.1%} is left with these looks). "
        f"Trial sequential analysis: {s.conclusion}."
    )
    if s.last_boundary is not None:
        click.echo(
            f"If the next look is the last one, at the required information, Z has to exceed {s.last_boundary:.3f}."
        )
    click.echo(s.advice)


def _network(s: Any) -> None:
    from toolkit.engine.monitoring_network import KINDS

    header = ["evidence", "study", "of planned", "Z", "boundary", *(["futility"] if s.futility else [])]
    rows = []
    for kind in KINDS:
        for x in getattr(s, kind):
            row = [kind, x.study, f"{x.fraction:.1%}", f"{x.z:.3f}", _bound(x.boundary, "none")]
            rows.append(row + ([_bound(x.futility, "none")] if s.futility else []))
    table(header, rows, right=tuple(range(2, len(header))))
    click.echo(
        f"{s.t1} against {s.t2}, planned information {s.planned:,.1f} (1 / se2; alpha {s.alpha:g}, power {s.power:g})."
    )
    for kind in KINDS:
        click.echo(f"  {kind}: {s.conclusion(kind)}")
    click.echo(s.advice)


def _lil(s: Any) -> None:
    rows = [[x.study, f"{x.information:.1f}", f"{x.z:.3f}", _bound(x.penalised, "none")] for x in s.looks]
    table(["study", "information", "Z", "penalised Z"], rows, right=(1, 2, 3))
    click.echo(f"Law of the iterated logarithm (lambda {s.factor:g}, alpha {s.alpha:g}): {s.conclusion}.")
    click.echo(s.advice)


def _fragility(f: Any) -> None:
    state = "significant" if f.significant else "not significant"
    click.echo(
        f"Fragility index {f.index}: the result is {state}; "
        f"{counted(f.index, 'changed outcome', 'turns', 'turn')} that round."
    )
    for (study, arm, to), n in Counter((step.study, step.arm, step.to) for step in f.steps).items():
        click.echo(f"  {study}, {arm}: {counted(n, 'patient')} to {to}")
