"""Figures of a pairwise analysis beside forest and funnel, by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from toolkit.model.errors import InputError

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from toolkit.engine.results import PairwiseResult

__all__ = ["draw"]


def draw(
    kind: str, result: PairwiseResult, asked: Mapping[str, Any], columns: Mapping[str, Mapping[str, str]]
) -> Figure:
    """One of `toolkit.model.pairwise_options.FIGURES`."""
    from toolkit.plots import heterogeneity, pairwise_more

    if kind == "gosh":
        import numpy as np

        from toolkit.engine.resample import gosh

        return heterogeneity.draw_gosh(result, gosh(result, np.random.default_rng(asked["seed"])))
    if kind == "bubble":
        return _bubble(result, asked["regress"], columns)
    plain: dict[str, Callable[[PairwiseResult], Figure]] = {
        "baujat": heterogeneity.draw_baujat,
        "radial": heterogeneity.draw_radial,
        "labbe": heterogeneity.draw_labbe,
        "drapery": pairwise_more.draw_drapery,
        "influence": pairwise_more.draw_influence,
        "profile": pairwise_more.draw_profile,
    }
    return plain[kind](result)


def _bubble(result: PairwiseResult, formula: str | None, columns: Mapping[str, Mapping[str, str]]) -> Figure:
    from toolkit.engine.metareg import as_numbers, covariates_of, meta_regression
    from toolkit.plots.pairwise_more import draw_bubble

    if formula is None:
        raise InputError("A bubble plot draws the covariate of a meta-regression.", hint="Give --regress (regress).")
    own = {name: as_numbers(columns[name]) for name in covariates_of(formula)}
    return draw_bubble(result, meta_regression(result, formula, own), next(iter(own.values()), {}))
