"""Would these new patients matter? A rule for when to bring new studies into a meta-analysis.

References
----------
Roloff, Higgins, Sutton 2013, Stat Med 32:11-24 (planning by the conditional power of a meta-analysis).
    doi:10.1002/sim.5524
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import numpy as np

from toolkit.engine.data import FloatArray
from toolkit.engine.intervals import quantile
from toolkit.engine.pooling import pool_inverse_variance
from toolkit.engine.results import PairwiseResult
from toolkit.engine.sensitivity import studies_of
from toolkit.model.choices import INTERVALS, TAU2_METHODS
from toolkit.model.errors import InputError, NotEstimable

__all__ = ["Trigger", "would_matter"]

_NODES = 201
# Several studies are drawn: the same numbers on every machine.
_DRAWS, _SEED = 999, 20130101


@dataclass(frozen=True, slots=True, kw_only=True)
class Trigger:
    """What new studies of so many patients would do.

    Attributes
    ----------
    patients : of all new studies, both arms together
    se_new : standard error of each on the model scale
    changes : probability that the interval's position moves, against no effect or the smallest important difference
    width_ratio : expected width of the interval over the present one
    position : where the interval lies now ("below", "across", "above" each mark)
    studies : how many new studies the patients are in, all of one size
    """

    patients: float
    se_new: float
    changes: float
    width_ratio: float
    position: tuple[str, ...]
    studies: int = 1


def would_matter(
    result: PairwiseResult,
    patients: float,
    *,
    control_risk: float | None = None,
    sd: float | None = None,
    marks: Sequence[float] = (),
    studies: int = 1,
) -> Trigger:
    """Whether new studies of ``patients`` in two equal arms are likely to move the conclusion.

    The new effect is predicted from the analysis, ``N(mean, se^2 + tau2 + se_new^2)``; for each of 201 quantiles the
    whole analysis is fitted again, tau2 included, by the method of the result. Several new studies share the error of
    the mean and differ by tau2 and their own errors; 999 draws with a fixed seed take the place of the quantiles.

    Parameters
    ----------
    patients : both arms together, of all new studies
    control_risk : for OR, RR, RD; None takes the pooled risk of the control arms
    sd : for MD; not needed for SMD
    marks : further values on the model scale whose side the interval may change, beside no effect at 0: the smallest
        important difference in both directions
    studies : how many new studies the patients are in, all of one size

    Raises
    ------
    NotEstimable
        without at least two studies, or for a measure whose standard error cannot be foreseen.
    """
    if result.random is None or result.tau2 is None:
        raise NotEstimable("the rule takes at least two studies")
    if not (studies >= 1 and patients / studies >= 4):
        raise InputError("A new study has at least two patients an arm.", value=patients)
    _, y, v = studies_of(result)
    se_new = _standard_error(result, patients / studies, control_risk, sd)
    mean = float(pool_inverse_variance(y, v, result.tau2.value).mean[0])
    se = float(pool_inverse_variance(y, v, result.tau2.value).se[0])
    draws = _foreseen(mean, se, float(np.sqrt(result.tau2.value + se_new**2)), studies)
    known = np.tile(y, (len(draws), 1))
    low, high = _intervals(result, np.column_stack([known, draws]), np.append(v, np.full(studies, se_new**2)))
    against = (0.0, *marks)
    now = tuple(_place(result.random.ci_low, result.random.ci_high, mark) for mark in against)
    later = [tuple(_place(a, b, mark) for mark in against) for a, b in zip(low, high, strict=True)]
    return Trigger(
        patients=float(patients),
        se_new=se_new,
        changes=sum(place != now for place in later) / len(later),
        width_ratio=float(np.mean(high - low) / (result.random.ci_high - result.random.ci_low)),
        position=now,
        studies=studies,
    )


def _foreseen(mean: float, se: float, own: float, studies: int) -> FloatArray:
    """(draws, studies) effects of new studies: the mean's error in common, ``own`` the standard deviation of each."""
    if studies == 1:
        from scipy.special import ndtri

        spread = float(np.sqrt(se**2 + own**2))
        quantiles: FloatArray = mean + spread * ndtri((np.arange(_NODES) + 0.5) / _NODES)
        return quantiles[:, None]
    rng = np.random.default_rng(_SEED)
    drawn: FloatArray = mean + se * rng.normal(size=(_DRAWS, 1)) + own * rng.normal(size=(_DRAWS, studies))
    return drawn


def _place(low: float, high: float, mark: float) -> str:
    return "below" if high < mark else "above" if low > mark else "across"


def _intervals(result: PairwiseResult, y: FloatArray, v: FloatArray) -> tuple[FloatArray, FloatArray]:
    def call(target: str) -> Any:
        module, _, name = target.partition(":")
        return getattr(import_module(module), name)

    spread = np.tile(v, (len(y), 1))
    tau2 = call(TAU2_METHODS[result.spec.tau2].target)(y, spread).value
    pooled = pool_inverse_variance(y, spread, tau2)
    standard = call(INTERVALS[result.spec.ci].target)(pooled)
    half = quantile(result.spec.level, standard.df) * standard.se
    return pooled.mean - half, pooled.mean + half


def _standard_error(result: PairwiseResult, patients: float, control_risk: float | None, sd: float | None) -> float:
    measure, arm = result.spec.measure, patients / 2
    if measure == "SMD":
        return float(np.sqrt(2 / arm + result.random.estimate**2 / (2 * patients))) if result.random else np.nan
    if measure == "MD":
        if sd is None or not sd > 0:
            raise InputError("A mean difference needs the standard deviation to be expected.", value=sd)
        return float(sd * np.sqrt(2 / arm))
    if measure not in ("OR", "RR", "RD") or result.random is None:
        raise NotEstimable(f"the standard error of a new study cannot be foreseen for {measure}")
    risk = control_risk if control_risk is not None else _pooled_risk(result)
    if not 0 < risk < 1:
        raise InputError("The risk of the controls is a proportion.", value=risk, allowed="between 0 and 1")
    effect = result.random.estimate
    if measure == "OR":
        odds = risk / (1 - risk) * float(np.exp(effect))
        treated = odds / (1 + odds)
    else:
        treated = risk * float(np.exp(effect)) if measure == "RR" else risk + effect
    treated = min(max(treated, 0.5 / arm), 1 - 0.5 / arm)
    p = np.array([risk, treated])
    of = {"OR": 1 / (arm * p * (1 - p)), "RR": (1 - p) / (arm * p), "RD": p * (1 - p) / arm}
    return float(np.sqrt(of[measure].sum()))


def _pooled_risk(result: PairwiseResult) -> float:
    pairs = [(r.events[1], r.n[1]) for r in result.studies if r.events[1] is not None and r.n[1]]
    if not pairs:
        raise InputError("The risk of the controls is not in the data: name it (control_risk).")
    return sum(e or 0 for e, _ in pairs) / sum(n or 0 for _, n in pairs)
