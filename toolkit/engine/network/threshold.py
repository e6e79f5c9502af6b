"""Threshold analysis: how much bias in a study, or in all studies of a comparison, would change the decision?

References
----------
Phillippo, Dias, Ades, Didelez, Welton 2018, J R Stat Soc A 181:843-867. doi:10.1111/rssa.12341
Phillippo, Dias, Welton, Caldwell, Taske, Ades 2019, Ann Intern Med 170:538-546. doi:10.7326/M18-3542
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from toolkit.engine.data import Effects, FloatArray
from toolkit.engine.network._intervals import half_width
from toolkit.engine.network.blocks import Block
from toolkit.engine.network.direct import all_pairs, pool_direct
from toolkit.engine.network.fit import consistency_model
from toolkit.engine.network.gls import study_laplacians
from toolkit.engine.network.views import chosen_model
from toolkit.engine.results import NetworkResult
from toolkit.model.errors import InputError

__all__ = ["Threshold", "ThresholdAnalysis", "threshold_analysis"]

# Influence on a contrast below this part of the largest is rounding: no bias changes it.
NO_INFLUENCE = 1e-10


@dataclass(frozen=True, slots=True, kw_only=True)
class Threshold:
    """Bias of one piece of evidence, model scale, at which another treatment becomes the best.

    Attributes
    ----------
    study : name, or None for a comparison as a whole
    t1, t2 : the bias is added to the effect of t1 against t2 (in a multi-arm study to the effect of t1 against every
        other arm)
    effect, low, high : the evidence as it is, with its confidence interval
    below, above : largest negative and smallest positive bias that change the decision; None where none does
    best_below, best_above : the new best treatment there
    inside : whether a shift within the confidence interval of the evidence changes the decision
    """

    study: str | None
    t1: str
    t2: str
    effect: float
    low: float
    high: float
    below: float | None
    best_below: str | None
    above: float | None
    best_above: str | None
    inside: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ThresholdAnalysis:
    """Thresholds of comparisons and of studies, the most fragile first; ``best`` is the present decision."""

    best: str
    small_values: str
    model: str
    comparisons: tuple[Threshold, ...]
    studies: tuple[Threshold, ...]


def threshold_analysis(
    effects: Effects, result: NetworkResult, *, small_values: str | None = None, model: str = "random"
) -> ThresholdAnalysis:
    """Thresholds with tau2 held, in closed form.

    Parameters
    ----------
    effects, result : the data and their fit
    small_values : as in `p_scores`; None takes the spec's
    model : "random" or "common"

    Notes
    -----
    The estimates are linear in the data, so a bias b on arm t1 of study s moves them by ``b C g_s`` with C their
    covariance and ``g_s`` the column of arm t1 in the study's Laplacian. The best treatment changes where its lead over
    another one, which is linear in b, becomes zero. For a comparison every study that holds both treatments is moved.

    Raises
    ------
    InputError
        If nobody said whether small values are good.
    NotEstimable
        If the model was not estimable.
    """
    direction = small_values or result.spec.small_values
    if direction is None:
        raise InputError("A threshold needs to know whether small values are good.", allowed="good, bad")
    chosen_model(result, model)
    tau2 = result.tau2.value if model == "random" and result.tau2 is not None else 0.0
    fitted = consistency_model(effects)
    fit = fitted.solve(tau2)
    sign = -1.0 if direction == "good" else 1.0
    goodness = sign * fit.beta
    best, names = int(np.argmax(goodness)), effects.treatments
    shifts = _shifts(fitted.blocks, sign * fit.cov, tau2)
    comparisons, studies = _evidence(effects, shifts, tau2, half_width(result.spec.level))
    return ThresholdAnalysis(
        best=names[best],
        small_values=direction,
        model=model,
        comparisons=_sorted(_threshold(piece, goodness, best, names) for piece in comparisons),
        studies=_sorted(_threshold(piece, goodness, best, names) for piece in studies),
    )


# Study (None: all of a comparison), t1, t2, effect, half width of its interval, shift of all effects per unit of bias.
_Piece = tuple[str | None, int, int, float, float, FloatArray]


def _shifts(blocks: Iterable[Block], cov: FloatArray, tau2: float) -> dict[int, dict[int, FloatArray]]:
    """By study and arm: how the effects move per unit of bias on that arm."""
    out: dict[int, dict[int, FloatArray]] = {}
    for b in blocks:
        for s, nodes, own in zip(b.study.tolist(), b.nodes.tolist(), study_laplacians(b, tau2), strict=True):
            out[s] = {t: cov[:, nodes] @ own[:, a] for a, t in enumerate(nodes)}
    return out


def _evidence(
    effects: Effects, shifts: Mapping[int, Mapping[int, FloatArray]], tau2: float, z: float
) -> tuple[list[_Piece], list[_Piece]]:
    """The comparisons, and the arms of the studies (the second arm of two moves the first one back)."""
    pairs = all_pairs(effects)
    T = len(effects.treatments)
    moved: dict[tuple[int, int], FloatArray] = {}
    seen: set[tuple[int, int]] = set()
    studies: list[_Piece] = []
    for s, i, j, y, v in zip(
        *(column.tolist() for column in (pairs.study, pairs.t1, pairs.t2, pairs.te, pairs.v)), strict=True
    ):
        arms = shifts[s]
        moved[i, j] = moved.get((i, j), np.zeros(T)) + arms[i]
        width = z * math.sqrt(v)
        for t, other, effect in ((i, j, y), (j, i, -y)):
            if (s, t) not in seen and (len(arms) > 2 or t == i):
                studies.append((effects.studies[s], t, other, effect, width, arms[t]))
            seen.add((s, t))
    direct = pool_direct(pairs, T, tau2)
    comparisons: list[_Piece] = [
        (None, i, j, te, z * se, moved[i, j])
        for i, j, te, se in zip(*(x.tolist() for x in (direct.t1, direct.t2, direct.te, direct.se)), strict=True)
    ]
    return comparisons, studies


def _sorted(found: Iterable[Threshold]) -> tuple[Threshold, ...]:
    return tuple(sorted(found, key=_nearest))


def _nearest(t: Threshold) -> float:
    return min((abs(x) for x in (t.below, t.above) if x is not None), default=float("inf"))


def _threshold(piece: _Piece, goodness: FloatArray, best: int, names: tuple[str, ...]) -> Threshold:
    study, t1, t2, effect, width, shift = piece
    lead = goodness[best] - goodness
    slope = shift[best] - shift
    slope = np.where(np.abs(slope) > NO_INFLUENCE * float(np.max(np.abs(shift))), slope, 0.0)
    above = [(-float(lead[t] / slope[t]), t) for t in range(len(lead)) if t != best and slope[t] < 0]
    below = [(-float(lead[t] / slope[t]), t) for t in range(len(lead)) if t != best and slope[t] > 0]
    up, down = min(above, default=None), max(below, default=None)
    return Threshold(
        study=study,
        t1=names[t1],
        t2=names[t2],
        effect=effect,
        low=effect - width,
        high=effect + width,
        below=None if down is None else down[0],
        best_below=None if down is None else names[down[1]],
        above=None if up is None else up[0],
        best_above=None if up is None else names[up[1]],
        inside=(up is not None and up[0] <= width) or (down is not None and -down[0] <= width),
    )
