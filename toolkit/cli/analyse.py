"""evipool analyse: run the analyses that review.toml declares."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from toolkit.cli.common import emit, format_option, open_project, project_options, table

if TYPE_CHECKING:
    from toolkit.analysis.run import AnalysisOutcome

__all__ = ["analyse"]


@click.command()
@click.argument("analyses", nargs=-1, metavar="[ANALYSIS]...")
@click.option("--plan", "plan_only", is_flag=True, help="Only say which results are stale.")
@format_option("table", "json")
@project_options
@click.pass_context
def analyse(ctx: click.Context, analyses: tuple[str, ...], plan_only: bool, output_format: str) -> int:
    """Run the analyses declared in review.toml (all, or those named).

    A result is kept under a fingerprint of its data, its settings and the engine: what has not changed is not
    computed again, and every older result stays in results/. Each folder holds result.json (every number), data.csv
    (the rows that entered) and the figures as SVG.
    """
    from toolkit.analysis.run import analyse as run_analyses
    from toolkit.analysis.run import plan

    with open_project(ctx) as project:
        if not project.config.analyses:
            click.echo("review.toml declares no [[analyses]] yet.")
            return 0
        outcomes = plan(project, analyses) if plan_only else run_analyses(project, analyses)
        if output_format == "json":
            emit([_as_json(o) for o in outcomes])
        else:
            for outcome in outcomes:
                show(outcome)
    return 2 if any(o.status == "refused" for o in outcomes) else 0


def _as_json(outcome: AnalysisOutcome) -> dict[str, Any]:
    return {
        "analysis": outcome.analysis.id,
        "status": outcome.status,
        "problem": outcome.problem,
        "folder": None if outcome.folder is None else str(outcome.folder),
        "left_out": [{"study": x.study, "arm": x.arm, "reason": x.reason} for x in outcome.left_out],
        "payload": outcome.payload,
    }


def show(outcome: AnalysisOutcome) -> None:
    """One analysis on the terminal: what it says, from what, and what was left out."""
    analysis = outcome.analysis
    click.echo(f"{analysis.id}: {analysis.title or analysis.outcome} [{outcome.status}]")
    if outcome.problem is not None:
        click.echo(f"  not run: {outcome.problem}")
        return
    if outcome.payload is None:
        return
    for line in headline(outcome.payload):
        click.echo(f"  {line}")
    if outcome.left_out:
        table(["left out", "arm", "because"], [[x.study, x.arm or "", x.reason] for x in outcome.left_out])
    if outcome.folder is not None:
        click.echo(f"  {outcome.folder}")


def headline(payload: dict[str, Any]) -> list[str]:
    """The lines that state a result."""
    from toolkit.analysis.words import result_lines

    return result_lines(payload)
