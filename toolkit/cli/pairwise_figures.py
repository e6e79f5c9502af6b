"""Figures of `evipool pairwise` beside forest and funnel: KIND=FILE."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from toolkit.engine.results import PairwiseResult
    from toolkit.engine.tables import Table

__all__ = ["FIGURES", "draw_more", "figure_options"]

F = TypeVar("F", bound=Callable[..., Any])

FIGURES = {
    "baujat": "share in Q against influence",
    "radial": "Galbraith's radial plot",
    "labbe": "risks against each other (L'Abbé)",
    "gosh": "estimates and I2 of all subsets",
    "bubble": "one covariate of --regress",
    "drapery": "p value functions",
    "influence": "eight diagnostics a study",
    "profile": "likelihood of tau2",
}


def _parse(ctx: click.Context, param: click.Parameter, value: tuple[str, ...]) -> tuple[tuple[str, Path], ...]:
    found = []
    for text in value:
        kind, mark, path = text.partition("=")
        if not mark or kind not in FIGURES or not path:
            raise click.BadParameter(
                f"{text!r} is not KIND=FILE with a kind of {', '.join(FIGURES)}, such as baujat=baujat.svg", ctx, param
            )
        found.append((kind, Path(path)))
    return tuple(found)


def figure_options(function: F) -> F:
    """The further figures."""
    kinds = "; ".join(f"{kind} ({text})" for kind, text in FIGURES.items())
    option = click.option(
        "--figure", metavar="KIND=FILE", multiple=True, callback=_parse, help=f"A further figure: {kinds}."
    )
    return option(function)


def draw_more(result: PairwiseResult, source: Table, asked: dict[str, Any], regress: str | None) -> None:
    """Draw each figure that was asked for into its file."""
    if not asked["figure"]:
        return
    from toolkit.plots.style import save_figure

    for kind, path in asked["figure"]:
        figure = _draw(kind, result, source, asked, regress)
        for warning in save_figure(figure, path):
            click.echo(f"Warning: {warning.text}", err=True)
        click.echo(f"Wrote {path}", err=True)


def _draw(kind: str, result: PairwiseResult, source: Table, asked: dict[str, Any], regress: str | None) -> Figure:
    from toolkit.plots import heterogeneity, pairwise_more

    if kind == "gosh":
        import numpy as np

        from toolkit.engine.resample import gosh

        return heterogeneity.draw_gosh(result, gosh(result, np.random.default_rng(asked["seed"])))
    if kind == "bubble":
        if regress is None:
            raise click.UsageError("--figure bubble draws the covariate of --regress.")
        from toolkit.engine.metareg import as_numbers, covariates_of, meta_regression

        columns = {name: as_numbers(source.extra[name]) for name in covariates_of(regress)}
        regression = meta_regression(result, regress, columns)
        return pairwise_more.draw_bubble(result, regression, next(iter(columns.values()), {}))
    plain: dict[str, Callable[[PairwiseResult], Figure]] = {
        "baujat": heterogeneity.draw_baujat,
        "radial": heterogeneity.draw_radial,
        "labbe": heterogeneity.draw_labbe,
        "drapery": pairwise_more.draw_drapery,
        "influence": pairwise_more.draw_influence,
        "profile": pairwise_more.draw_profile,
    }
    return plain[kind](result)
