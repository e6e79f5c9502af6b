"""evipool monitor: sequential methods beside an analysis, when asked for."""

from __future__ import annotations

from collections import Counter
from typing import Any

import click

from toolkit.cli.common import Number, emit, format_option, open_project, project_options, table
from toolkit.model.wording import counted

__all__ = ["monitor"]

_PART = Number(0, 1, min_open=True, max_open=True)


@click.command()
@click.argument("analysis")
@click.option("--control-risk", type=_PART, help="Risk of the controls, named beforehand.")
@click.option("--rrr", type=Number(), help="Relative risk reduction to be found, named beforehand (0.2 is 20 %).")
@click.option("--difference", type=Number(), help="Difference of means to be found, named beforehand.")
@click.option("--sd", type=Number(0, min_open=True), help="Standard deviation to be expected.")
@click.option("--alpha", type=_PART, default=0.05, show_default=True, help="Two-sided error of the first kind.")
@click.option("--power", type=_PART, default=0.9, show_default=True, help="1 - error of the second kind.")
@click.option("--diversity", "d2", type=Number(0, 1, max_open=True), help="D2 (default: of the analysis).")
@click.option("--fragility", is_flag=True, help="Fragility index: patients whose outcome would turn the conclusion.")
@click.option("--patients", type=Number(4), multiple=True, help="Would so many new patients matter?")
@format_option("table", "json")
@project_options
@click.pass_context
def monitor(
    ctx: click.Context,
    analysis: str,
    control_risk: float | None,
    rrr: float | None,
    difference: float | None,
    sd: float | None,
    alpha: float,
    power: float,
    d2: float | None,
    fragility: bool,
    patients: tuple[float, ...],
    output_format: str,
) -> None:
    """Monitor ANALYSIS: trial sequential analysis, fragility index, would new patients matter.

    Nothing here changes a result, a figure or the report. Cochrane advises against sequential methods as the main
    analysis of an updated review. A trial sequential analysis needs an effect that was named before the data were
    seen: --control-risk with --rrr, or --difference with --sd.
    """
    from toolkit.analysis import monitor as run
    from toolkit.model.errors import InputError

    for wanted, given, needs, other in (
        ("--rrr", rrr, "--control-risk", control_risk),
        ("--difference", difference, "--sd", sd),
    ):
        if given is not None and other is None:
            raise InputError(f"{wanted} needs {needs}: an effect is named by both")
    effect = run.Effect(control_risk=control_risk, relative_risk_reduction=rrr, difference=difference, sd=sd)
    found: dict[str, Any] = {}
    with open_project(ctx) as project:
        if rrr is not None or difference is not None:
            found["sequential"] = run.sequential(project, analysis, effect, alpha=alpha, power=power, d2=d2)
        if fragility:
            found["fragility"] = run.fragility(project, analysis)
        if patients:
            found["triggers"] = [run.trigger(project, analysis, n, control_risk=control_risk, sd=sd) for n in patients]
    if not found:
        raise InputError(
            "say what to monitor",
            allowed="--control-risk with --rrr, --difference with --sd, --fragility, --patients N",
        )
    if output_format == "json":
        from toolkit.engine.tabulate import plain

        emit(plain(found))
        return
    _show(found)


def _show(found: dict[str, Any]) -> None:
    if "sequential" in found:
        s = found["sequential"]
        rows = [
            [
                x.study,
                f"{x.n:.0f}",
                f"{x.fraction:.1%}",
                f"{x.z:.3f}",
                "none yet" if x.boundary is None else f"{x.boundary:.3f}",
            ]
            for x in s.looks
        ]
        table(["study", "participants", "of required", "Z", "boundary"], rows, right=(1, 2, 3, 4))
        click.echo(
            f"Required: {s.required:,.0f} participants, {s.required_diversity:,.0f} at diversity {s.d2:.1%} "
            f"(alpha {s.alpha:g}, power {s.power:g}). Trial sequential analysis: {s.conclusion}."
        )
        click.echo(s.advice)
    if "fragility" in found:
        f = found["fragility"]
        state = "significant" if f.significant else "not significant"
        click.echo(f"Fragility index {f.index}: the result is {state}; {f.index} changed outcomes turn that round.")
        for (study, arm, to), n in Counter((step.study, step.arm, step.to) for step in f.steps).items():
            click.echo(f"  {study}, {arm}: {counted(n, 'patient')} to {to}")
    for t in found.get("triggers", ()):
        click.echo(
            f"{t.patients:.0f} new patients in one study: the interval's position would move with probability "
            f"{t.changes:.0%}; its width would be {t.width_ratio:.0%} of the present one."
        )
