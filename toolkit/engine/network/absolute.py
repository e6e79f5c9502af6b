"""Absolute effects: what a ratio means for 1,000 people with a stated risk.

References
----------
Schuenemann et al., Cochrane Handbook 6.5, section 15.4.4 (risks from OR and RR).
Altman 1998, BMJ 317:1309-1312 (number needed to treat and its interval). doi:10.1136/bmj.317.7168.1309
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.special import expit, logit

from toolkit.engine.data import ArmTable
from toolkit.engine.network.views import against_reference
from toolkit.engine.results import NetworkResult
from toolkit.model.errors import InputError

__all__ = ["AbsoluteEffect", "AbsoluteEffects", "absolute_effects", "median_risk"]

PER = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class AbsoluteEffect:
    """A treatment at the risk assumed with the reference; (estimate, lower, upper) throughout.

    Attributes
    ----------
    risk : with the treatment
    difference : events more (positive) or fewer per 1,000 than with the reference
    number_needed : people treated instead of with the reference for one event more or fewer; of the estimate and of
        the two limits, in that order, None where the difference is zero. Where the limits lie on both sides of no
        effect the interval runs from the first limit to infinity and back to the second
    crosses_null : whether it does
    """

    treatment: str
    risk: tuple[float, float, float]
    difference: tuple[float, float, float]
    number_needed: tuple[float | None, float | None, float | None]
    crosses_null: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class AbsoluteEffects:
    """Absolute effects of all treatments at one assumed risk; ``source`` says where the risk comes from."""

    reference: str
    baseline_risk: float
    source: str
    model: str
    rows: tuple[AbsoluteEffect, ...]


def absolute_effects(
    result: NetworkResult, baseline_risk: float, *, model: str = "random", source: str = "given"
) -> AbsoluteEffects:
    """Risks, differences per 1,000 and numbers needed to treat, each against the reference.

    Parameters
    ----------
    result : a fitted network of odds ratios, risk ratios or risk differences
    baseline_risk : risk with the reference, a proportion; taken as known, so the intervals are those of the relative
        effect alone, as in a table of findings
    model : "random" (common where that is not estimable) or "common"
    source : words for where the risk comes from

    Raises
    ------
    InputError
        If the measure is no contrast of risks, or the risk is not between 0 and 1.
    """
    measure = result.spec.measure
    if measure not in _RISK:
        raise InputError("Absolute effects need OR, RR or RD.", value=measure, allowed=", ".join(_RISK))
    if not 0 < baseline_risk < 1:
        raise InputError("The baseline risk must be a proportion.", value=baseline_risk, allowed="0 < risk < 1")
    rows = []
    for row in against_reference(result):
        e = row.random if model == "random" and row.random is not None else row.common
        low, high = e.ci_low, e.ci_high
        risk = tuple(_inside(_RISK[measure](baseline_risk, x)) for x in (e.estimate, low, high))
        more = tuple(PER * (r - baseline_risk) for r in risk)
        rows.append(
            AbsoluteEffect(
                treatment=row.treatment,
                risk=(risk[0], risk[1], risk[2]),
                difference=(more[0], more[1], more[2]),
                number_needed=(_needed(more[0]), _needed(more[1]), _needed(more[2])),
                crosses_null=low < 0 < high,
            )
        )
    shown = "common" if result.random is None else model
    return AbsoluteEffects(
        reference=result.reference, baseline_risk=baseline_risk, source=source, model=shown, rows=tuple(rows)
    )


def median_risk(arms: ArmTable, treatment: str) -> float:
    """Median over the studies of the observed risk with `treatment`: a baseline where nobody knows a better one.

    Raises
    ------
    InputError
        If no arm of the treatment has events and n.
    """
    mine = np.array([name == treatment for name in arms.treatment])
    risks = arms.events[mine] / arms.n[mine]
    risks = risks[np.isfinite(risks)]
    if risks.size == 0:
        raise InputError("No arm of this treatment has events and n.", value=treatment)
    return float(np.median(risks))


def _inside(risk: float) -> float:
    return min(max(risk, 0.0), 1.0)


def _needed(per_thousand: float) -> float | None:
    return None if per_thousand == 0 else PER / abs(per_thousand)


_RISK: dict[str, Callable[[float, float], float]] = {
    "OR": lambda p, x: float(expit(logit(p) + x)),
    "RR": lambda p, x: float(p * np.exp(x)),
    "RD": lambda p, x: p + x,
}
