"""Figures of a pairwise analysis beside forest and funnel, by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from toolkit.model.errors import InputError, NotEstimable

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from toolkit.analysis.pairwise.run import Done
    from toolkit.engine.results import PairwiseResult

__all__ = ["draw", "forest_extras", "funnel"]


def forest_extras(done: Done, asked: Mapping[str, Any]) -> dict[str, Any]:
    """What the options ask of a forest plot: subgroups with their test, style, columns, dots, footnotes."""
    from toolkit.plots.forest import subgroup_sentence

    parts = done.subgroups
    return {
        "subgroups": () if parts is None else [(group.label, group.result) for group in parts.groups],
        "between": "" if parts is None else subgroup_sentence(parts),
        "footnotes": done.footnotes,
        "style": asked["forest_style"],
        "columns": {name: done.columns[name] for name in asked["forest_column"]},
        "risk_of_bias": {name: done.columns[name] for name in asked["rob"]},
    }


def funnel(
    result: PairwiseResult, asked: Mapping[str, Any], *, title: str | None = None, contours: bool = False
) -> Figure:
    """The funnel plot, with the studies that trim-and-fill imputes where it was asked for."""
    from toolkit.engine.bias import trim_and_fill
    from toolkit.plots.funnel import draw_funnel

    filled = None
    if asked["trim_fill"]:
        with suppress(NotEstimable):  # said among what was not done
            filled = trim_and_fill(result, estimator=asked["trim_fill"])
    return draw_funnel(result, title=title, contours=contours, filled=filled)


def draw(
    kind: str, result: PairwiseResult, asked: Mapping[str, Any], columns: Mapping[str, Mapping[str, str]]
) -> Figure:
    """One of `toolkit.model.pairwise_options.FIGURES`."""
    from toolkit.plots import heterogeneity, pairwise_more

    if kind == "gosh":
        import numpy as np

        from toolkit.engine.resample import gosh

        return heterogeneity.draw_gosh(result, gosh(result, np.random.default_rng(asked["seed"])))
    if kind in ("leave-one-out", "cumulative"):
        return _refits(kind, result, asked, columns)
    if kind in ("directions", "albatross"):
        return _without_pooling(kind, result, asked)
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


def _refits(
    kind: str, result: PairwiseResult, asked: Mapping[str, Any], columns: Mapping[str, Mapping[str, str]]
) -> Figure:
    from toolkit.analysis.pairwise.further import order_of
    from toolkit.engine.sensitivity import cumulative, leave_one_out
    from toolkit.plots.forest_refits import draw_refits

    if kind == "leave-one-out":
        return draw_refits(result, leave_one_out(result), kind)
    return draw_refits(result, cumulative(result, order_of(result, asked["cumulative_by"], columns)), kind)


def _without_pooling(kind: str, result: PairwiseResult, asked: Mapping[str, Any]) -> Figure:
    from toolkit.engine.directions import findings_of
    from toolkit.plots.directions import draw_albatross, draw_directions

    findings = findings_of(result)
    if kind == "directions":
        return draw_directions(findings, level=result.spec.level)
    measure = result.spec.measure
    contours = {"PETO": "OR", "SMD_RM": "SMD", "SMD1": "SMD", "SMDH": "SMD"}.get(measure, measure)
    if contours not in ("SMD", "OR", "RR", "RD"):
        raise InputError("An albatross plot has contours of these measures.", value=measure, allowed="SMD, OR, RR, RD")
    risk = asked["assumed_risk"] or _risk(result)
    return draw_albatross(findings, measure=contours, risk=None if contours == "SMD" else risk)


def _risk(result: PairwiseResult) -> float | None:
    """Events among all of the reference."""
    pairs = [(row.events[1], row.n[1]) for row in result.studies if row.events[1] is not None and row.n[1]]
    total = sum(n or 0 for _, n in pairs)
    return sum(e or 0 for e, _ in pairs) / total if total else None


def _bubble(result: PairwiseResult, formula: str | None, columns: Mapping[str, Mapping[str, str]]) -> Figure:
    from toolkit.engine.metareg import as_numbers, covariates_of, meta_regression
    from toolkit.plots.pairwise_more import draw_bubble

    if formula is None:
        raise InputError("A bubble plot draws the covariate of a meta-regression.", hint="Give --regress (regress).")
    own = {name: as_numbers(columns[name]) for name in covariates_of(formula)}
    return draw_bubble(result, meta_regression(result, formula, own), next(iter(own.values()), {}))
