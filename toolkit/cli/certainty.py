"""evipool certainty: how certain the evidence of an analysis is, rated by people."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from toolkit.cli.common import command_line, emit, format_option, open_project, project_options, table

if TYPE_CHECKING:
    from toolkit.project import Project

__all__ = ["certainty"]


@click.command()
@click.argument("analysis", required=False)
@click.argument("rating", required=False, type=click.Choice(["high", "moderate", "low", "very low"]))
@click.option("--reason", "reasons", multiple=True, help="Why it is not high, such as 'imprecision: 31 events'.")
@click.option("--compare", nargs=2, metavar="A B", help="Of a network: the comparison that is rated.")
@click.option("--withdraw", is_flag=True, help="Take the rating back.")
@format_option("table", "json")
@project_options
@click.pass_context
def certainty(
    ctx: click.Context,
    analysis: str | None,
    rating: str | None,
    reasons: tuple[str, ...],
    compare: tuple[str, str] | None,
    withdraw: bool,
    output_format: str,
) -> int:
    """Rate how certain the evidence of ANALYSIS is (GRADE: high, moderate, low, very low); without ANALYSIS, list.

    A rating is a person's judgement and is kept with its reasons, its date and the result that it was given on. When
    new data change that result, the rating is flagged here, in 'evipool update --plan' and in the report until
    somebody rates again; what changed is told in the report.
    """
    from toolkit.analysis.certainty import rate
    from toolkit.model.errors import InputError

    if analysis is not None and rating is None and not withdraw:
        raise InputError("name a rating", allowed="high, moderate, low, very low, or --withdraw")
    if withdraw and (rating is not None or reasons):
        raise InputError("--withdraw takes a rating back; it takes no rating and no reason")
    if analysis is None and (reasons or compare or withdraw):
        raise InputError("name the analysis that is rated")
    with open_project(ctx) as project:
        if analysis is not None:
            rate(project, analysis, rating, reasons=reasons, pair=compare or None, command=command_line(ctx))
        return _list(project, output_format)


def _list(project: Project, output_format: str) -> int:
    from dataclasses import asdict

    from toolkit.analysis.certainty import ratings, stale_ratings
    from toolkit.analysis.plan import plan

    found = ratings(project)
    stale = {(one.analysis, one.comparison) for one in stale_ratings(found, plan(project, read=False))}
    if output_format == "json":
        emit([{**asdict(one), "stale": key in stale} for key, one in found.items()])
        return 0
    if not found:
        click.echo("No analysis is rated yet: evipool certainty ANALYSIS RATING --reason '...'.")
        return 0
    rows = [
        [one.name, one.rating, "; ".join(one.reasons), f"{one.by}, {one.at[:10]}",
         "the result has changed since: rate again" if key in stale else "stands"]
        for key, one in found.items()
    ]  # fmt: skip
    table(["analysis", "certainty", "because", "rated by", ""], rows)
    return 0
