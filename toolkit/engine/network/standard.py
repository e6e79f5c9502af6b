"""Intervals of random-effects estimates: each gives the factor on the Wald variance and the degrees of freedom.

References
----------
Jackson, Riley 2014, Stat Med 33:541-554 (Hartung-Knapp type for multivariate meta-analysis). doi:10.1002/sim.5957
Knapp, Hartung 2003, Stat Med 22:2693-2710 (factor never below 1). doi:10.1002/sim.1482
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from toolkit.engine.network._intervals import half_width, symmetric_estimate
from toolkit.engine.network.gls import Model
from toolkit.engine.results import Estimate, NetworkResult
from toolkit.model.errors import NotEstimable

__all__ = [
    "NETWORK_INTERVALS",
    "Standard",
    "hartung_knapp",
    "hartung_knapp_safeguarded",
    "interval_words",
    "network_estimate",
    "network_half_width",
    "student",
    "wald",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Standard:
    """Factor on the Wald variance and degrees of freedom, None for the normal quantile."""

    factor: float
    df: int | None


def wald(model: Model, tau2: float) -> Standard:
    """Normal quantile: too narrow with few studies, since the uncertainty of tau2 is left out."""
    return Standard(factor=1.0, df=None)


def student(model: Model, tau2: float) -> Standard:
    """t quantile with the residual degrees of freedom of Q: contrasts minus relative effects."""
    return Standard(factor=1.0, df=_df(model))


def hartung_knapp(model: Model, tau2: float) -> Standard:
    """Wald variance times ``Q(tau2) / df``, t with df, df being the residual degrees of freedom.

    Jackson and Riley 2014, equation 7; with two treatments the interval of Hartung and Knapp (2001).
    """
    df = _df(model)
    return Standard(factor=model.solve(tau2).q / df, df=df)


def hartung_knapp_safeguarded(model: Model, tau2: float) -> Standard:
    """Hartung-Knapp type with its variance factor never below 1, so never narrower than t."""
    plain = hartung_knapp(model, tau2)
    return Standard(factor=max(plain.factor, 1.0), df=plain.df)


def _df(model: Model) -> int:
    if model.df == 0:
        raise NotEstimable("A t interval needs residual degrees of freedom and this network has none; use Wald.")
    return model.df


NETWORK_INTERVALS: dict[str, Callable[[Model, float], Standard]] = {
    "Wald": wald,
    "t": student,
    "HK": hartung_knapp,
    "HK_adhoc": hartung_knapp_safeguarded,
}
_WORDS = {"Wald": "Wald", "t": "t", "HK": "Hartung-Knapp type", "HK_adhoc": "Hartung-Knapp type, safeguarded"}


def interval_words(result: NetworkResult) -> str:
    """The interval of the random-effects estimates with its degrees of freedom: "Wald", "t, 12 df"."""
    df = "" if result.ci_df is None else f", {result.ci_df} df"
    return f"{_WORDS[result.spec.ci]}{df}"


def network_half_width(result: NetworkResult, model: str) -> float:
    """What a standard error of the model is multiplied by for an interval: quantile times root of the factor."""
    if model == "common":
        return half_width(result.spec.level)
    return half_width(result.spec.level, result.ci_df) * math.sqrt(result.ci_factor)


def network_estimate(result: NetworkResult, estimate: float, se: float, model: str, words: str) -> Estimate:
    """A network estimate with the interval its model has; `se` is the Wald standard error."""
    if model == "common":
        return symmetric_estimate(estimate, se, result.spec.level, words)
    wide = se * math.sqrt(result.ci_factor)
    return symmetric_estimate(estimate, wide, result.spec.level, words, result.ci_df)
