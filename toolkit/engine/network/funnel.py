"""Comparison-adjusted funnel: small-study effects in a network, given an order of the treatments.

References
----------
Chaimani, Salanti 2012, Res Synth Methods 3:161-176. doi:10.1002/jrsm.57
Egger, Davey Smith, Schneider, Minder 1997, BMJ 315:629-634. doi:10.1136/bmj.315.7109.629
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import stdtr

from toolkit.engine.data import Effects
from toolkit.engine.network.direct import all_pairs, pool_direct
from toolkit.engine.network.views import chosen_model
from toolkit.engine.results import NetworkResult
from toolkit.model.errors import InputError

__all__ = ["AdjustedFunnel", "EggerTest", "FunnelPoint", "comparison_adjusted_funnel"]

# Fewer points than this do not carry a regression (Sterne 2011; netmeta and meta hold to the same number).
MIN_POINTS = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class FunnelPoint:
    """One pair of arms: ``t1`` comes before ``t2`` in the order; ``adjusted`` is the effect minus the comparison's."""

    study: str
    t1: str
    t2: str
    effect: float
    se: float
    direct: float
    adjusted: float


@dataclass(frozen=True, slots=True, kw_only=True)
class EggerTest:
    """Regression of the adjusted effect on its standard error, weights 1 / se2; ``bias`` is the slope."""

    bias: float
    se: float
    statistic: float
    df: int
    p: float


@dataclass(frozen=True, slots=True, kw_only=True)
class AdjustedFunnel:
    """Points of the funnel, the test on them (None with ``reason``), and the order that gave the signs."""

    order: tuple[str, ...]
    points: tuple[FunnelPoint, ...]
    egger: EggerTest | None
    reason: str | None


def comparison_adjusted_funnel(
    effects: Effects, result: NetworkResult, order: Sequence[str], model: str = "random"
) -> AdjustedFunnel:
    """Comparison-adjusted funnel.

    Parameters
    ----------
    effects, result : the data and their fit
    order : every treatment once, such as from the oldest to the newest: all effects are earlier against later, and the
        funnel means nothing without a reason for the order
    model : direct estimates that are taken off: "random" (tau2 of the network) or "common"

    Notes
    -----
    As in netmeta the pairs of a multi-arm study count as separate points though they are correlated, and a comparison
    of one study lies on the axis by construction: the more of those, the less the test can find.

    Raises
    ------
    InputError
        If `order` does not name every treatment once.
    """
    if sorted(order) != sorted(effects.treatments):
        missing = ", ".join(t for t in effects.treatments if t not in order) or "none"
        text = f"The order of a funnel must name every treatment once (missing: {missing})."
        raise InputError(text, value=", ".join(order), allowed=", ".join(effects.treatments))
    chosen_model(result, model)
    tau2 = result.tau2.value if model == "random" and result.tau2 is not None else 0.0
    pairs = all_pairs(effects)
    direct = pool_direct(pairs, len(effects.treatments), tau2)
    place = {name: i for i, name in enumerate(order)}
    points = []
    for r in range(len(pairs.study)):
        a, b = effects.treatments[pairs.t1[r]], effects.treatments[pairs.t2[r]]
        sign = 1.0 if place[a] < place[b] else -1.0
        centre = float(direct.te[direct.row[r]])
        points.append(
            FunnelPoint(
                study=effects.studies[pairs.study[r]],
                t1=a if sign > 0 else b,
                t2=b if sign > 0 else a,
                effect=sign * float(pairs.te[r]),
                se=float(np.sqrt(pairs.v[r])),
                direct=sign * centre,
                adjusted=sign * (float(pairs.te[r]) - centre),
            )
        )
    egger = _egger(points)
    reason = None if egger else f"the funnel has fewer than {MIN_POINTS} points"
    return AdjustedFunnel(order=tuple(order), points=tuple(points), egger=egger, reason=reason)


def _egger(points: Sequence[FunnelPoint]) -> EggerTest | None:
    if len(points) < MIN_POINTS:
        return None
    se = np.array([p.se for p in points])
    X = np.column_stack([1 / se, np.ones_like(se)])
    y = np.array([p.adjusted for p in points]) / se
    cov = np.linalg.inv(X.T @ X)
    beta = cov @ X.T @ y
    df = len(points) - 2
    residual = y - X @ beta
    spread = float(np.sqrt(residual @ residual / df * cov[1, 1]))
    t = float(beta[1]) / spread
    return EggerTest(bias=float(beta[1]), se=spread, statistic=t, df=df, p=float(2 * stdtr(df, -abs(t))))
