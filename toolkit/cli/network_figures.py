"""Every figure of a network that its data allow, drawn into a folder."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from toolkit.cli.network_part import Request, texts_of
from toolkit.model.errors import NotEstimable, SourceError

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["draw_all"]


def draw_all(request: Request, folder: Path, second: tuple[Path, str] | None = None) -> None:
    """Draw what can be drawn, a league table with a second outcome (file, measure) too; the rest is named with why."""
    from toolkit.plots.style import save_figure

    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise SourceError(f"{folder}: the folder cannot be made ({error.strerror or error}).") from error
    figures = _figures(request)
    if second is not None:
        figures["league-two"] = partial(_two_outcomes, request, *second)
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


def _file_name(column: str) -> str:
    """A column's name as part of a file's, without what file systems refuse."""
    return "".join(c if c.isalnum() else "-" for c in column).strip("-") or "column"


def _two_outcomes(request: Request, path: Path, measure: str) -> Figure:
    """The league table with this outcome below the diagonal and that of `path` above it."""
    from toolkit.cli.network_export import second_league
    from toolkit.engine.network import league_table
    from toolkit.plots.league import draw_league

    names = (request.options.outcome_name, path.stem)
    own = league_table(request.result, request.model)
    return draw_league(own, second=second_league(request, path, measure), outcomes=names)


def _figures(request: Request) -> dict[str, Callable[[], Figure]]:
    """Name -> how it is drawn; only what the options and the result allow."""
    import numpy as np

    from toolkit.engine import network as engine
    from toolkit.plots.contribution import draw_contributions
    from toolkit.plots.evidence import draw_adjusted_funnel, draw_direct_indirect
    from toolkit.plots.forest_network import draw_network_forest, draw_split
    from toolkit.plots.league import draw_league
    from toolkit.plots.modifiers import draw_modifier
    from toolkit.plots.net_heat import draw_net_heat
    from toolkit.plots.network import draw_network
    from toolkit.plots.ranks import draw_ranks

    result, effects, model, asked = request.result, request.effects, request.model, request.options
    spec = result.spec
    rob = None if asked.rob is None else texts_of(request, asked.rob)
    splits = engine.split_evidence(effects, result, model)
    both = [s for s in splits if s.direct is not None and s.indirect is not None]
    shown = engine.contributions(effects, result, model=model)
    found: dict[str, Callable[[], Figure]] = {
        "network": lambda: draw_network(result, level=rob),
        "forest": lambda: draw_network_forest(result, model=model),
        "league": lambda: draw_league(engine.league_table(result, model)),
        "contributions": lambda: draw_contributions(shown, reference=result.reference),
        "heat": lambda: draw_net_heat(engine.net_heat(effects, result.reference, model)),
    }
    if both:
        found["split"] = lambda: draw_split(both, measure=spec.measure, scale=result.scale, level=spec.level)
        found["direct-indirect"] = lambda: draw_direct_indirect(splits, measure=spec.measure, scale=result.scale)
    if asked.design is not None:
        designs = texts_of(request, asked.design)
        found["network-design"] = lambda: draw_network(result, design=designs)
    if rob is not None:
        found["contributions-rob"] = lambda: draw_contributions(shown, level=rob)
    if asked.order is not None:
        order = asked.order
        found["funnel"] = lambda: draw_adjusted_funnel(
            engine.comparison_adjusted_funnel(effects, result, order, model), scale=result.scale
        )
    for column in asked.modifier:
        table = engine.modifier_table(effects, column, texts_of(request, column))
        found[f"modifier-{_file_name(column)}"] = partial(draw_modifier, table)
    if asked.with_outcome and result.ranking is not None:
        from toolkit.cli.network_outcomes import ranks_of
        from toolkit.plots.hasse import draw_hasse
        from toolkit.plots.rank_heat import draw_rank_heat

        found["rank-heat"] = lambda: draw_rank_heat(ranks_of(request))
        found["hasse"] = lambda: draw_hasse(ranks_of(request))
    if result.ranking is not None:
        found["ranks"] = lambda: draw_ranks(
            engine.rank_probabilities(result, np.random.default_rng(asked.seed), model=model, draws=asked.draws)
        )
    return found
