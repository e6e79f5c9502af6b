"""Monitoring of a meta-analysis that is looked at again and again; never part of the estimate itself.

Cochrane advises against sequential methods for the main analysis (Handbook 6.5, section 22.4.3): what stands here is
computed beside a result and changes nothing in it.

References
----------
Wetterslev, Thorlund, Brok, Gluud 2008, J Clin Epidemiol 61:64-75 (trial sequential analysis).
    doi:10.1016/j.jclinepi.2007.03.013
Wetterslev, Thorlund, Brok, Gluud 2009, BMC Med Res Methodol 9:86 (diversity). doi:10.1186/1471-2288-9-86
Hu, Cappelleri, Lan 2007, Clin Trials 4:329-340 (law of the iterated logarithm). doi:10.1177/1740774507081219
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import ndtri

from toolkit.engine.boundaries import (
    AtBoundaries,
    futility_bounds,
    obrien_fleming_bounds,
    planned_drift,
    power_of_looks,
)
from toolkit.engine.data import FloatArray
from toolkit.engine.pooling import pool_inverse_variance
from toolkit.engine.results import PairwiseResult
from toolkit.engine.sensitivity import cumulative
from toolkit.model.errors import InputError, NotEstimable

__all__ = [
    "ADVICE",
    "FACTORS",
    "IteratedLogarithm",
    "Look",
    "PenalisedLook",
    "SequentialResult",
    "diversity",
    "iterated_logarithm",
    "required_information",
    "sequential_analysis",
]

ADVICE = (
    "Cochrane advises against sequential methods as the main analysis of an updated review (Handbook, chapter 22): "
    "this stands beside the estimate and changes nothing in it."
)
# The factor lambda: 2 and 1.5 are those of Hu, Cappelleri and Lan 2007 (abstract); that of means is ours, tried by
# simulation (docs/methods/monitoring.md).
FACTORS = {"OR": 2.0, "RR": 2.0, "RD": 1.5, "MD": 2.0, "SMD": 2.0}


@dataclass(frozen=True, slots=True, kw_only=True)
class Look(AtBoundaries):
    """One look: the study added, participants so far, their share of the required ones, cumulative Z, boundaries.

    ``boundary`` is two-sided (Z beyond it in either direction); None where so little is in that no Z would do.
    ``futility`` is the half-width of the inner wedge; None before it opens, and without futility.
    """

    study: str
    n: float
    fraction: float
    z: float
    boundary: float | None
    futility: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SequentialResult:
    """A trial sequential analysis.

    ``required`` is the required information size (participants) without, ``required_diversity`` with the adjustment
    for diversity ``d2``; ``looks`` are in the order in which the studies came. ``last_boundary`` is what Z has to
    exceed if the next look is the last one, at the required information; None once that is reached. ``power_of_looks``
    is the power that is left with all these looks, and with stopping for futility if ``futility`` was asked for.
    """

    alpha: float
    power: float
    effect: float
    control: float
    d2: float
    required: float
    required_diversity: float
    looks: tuple[Look, ...]
    futility: bool
    last_boundary: float | None
    power_of_looks: float
    advice: str = ADVICE

    @property
    def conclusion(self) -> str:
        """What the last look says, in words."""
        last = self.looks[-1]
        share = f"{last.n:,.0f} of {self.required_diversity:,.0f} required participants ({last.fraction:.0%})"
        first = next((look for look in self.looks if look.crossed), None)
        if first is not None:
            when = "with" if first is last else f"after {first.study} ({first.fraction:.0%}); now"
            return f"the boundary was crossed {when} {share}"
        if last.fraction >= 1:
            return f"the required information is reached without crossing the boundary: {share}"
        if last.futile:
            return f"in the wedge of futility, where the named effect is unlikely, with {share}"
        return f"neither crossed nor finished: {share}"


@dataclass(frozen=True, slots=True, kw_only=True)
class PenalisedLook:
    """One look: the study added, information so far, Z, and Z divided by sqrt(lambda ln ln information).

    ``penalised`` is None where so little information is in that the division would enlarge Z.
    """

    study: str
    information: float
    z: float
    penalised: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class IteratedLogarithm:
    """Cumulative Z penalised after the law of the iterated logarithm; beyond ``limit`` it counts as a finding."""

    alpha: float
    factor: float
    limit: float
    looks: tuple[PenalisedLook, ...]
    advice: str = ADVICE

    @property
    def conclusion(self) -> str:
        """What the last look says, in words."""
        last = self.looks[-1]
        if last.penalised is None:
            return "too little information for a penalised Z"
        side = "beyond" if abs(last.penalised) > self.limit else "within"
        return f"the penalised Z is {last.penalised:.2f}, {side} {self.limit:.2f}"


def diversity(y: FloatArray, v: FloatArray, tau2: float) -> float:
    """D2 = 1 - (variance of the common-effect estimate) / (variance of the random-effects one); 0 to 1.

    References
    ----------
    Wetterslev et al. 2009, BMC Med Res Methodol 9:86, equation 3.
    """
    common = float(pool_inverse_variance(y, v).se[0])
    random = float(pool_inverse_variance(y, v, tau2).se[0])
    return 1 - common**2 / random**2


def required_information(
    *,
    alpha: float = 0.05,
    power: float,
    control_risk: float | None = None,
    relative_risk_reduction: float | None = None,
    difference: float | None = None,
    sd: float | None = None,
    d2: float = 0.0,
) -> float:
    """Participants, both arms together, that a meta-analysis needs to find an effect that was named beforehand.

    Parameters
    ----------
    alpha, power : two-sided error of the first kind; 1 - error of the second kind
    control_risk, relative_risk_reduction : for a binary outcome
    difference, sd : for a continuous one
    d2 : diversity, a proportion below 1

    Notes
    -----
    ``4 (z_alpha/2 + z_beta)^2 nu / delta^2 / (1 - D2)``, where for binary data delta is the difference of the two
    risks and nu = p (1 - p) at their mean; for means delta is their difference and nu the variance.

    References
    ----------
    Wetterslev et al. 2009, BMC Med Res Methodol 9:86, equations 1 and 6.

    Examples
    --------
    Vitamin A and death, 10 % of controls dying, a reduction by 15 %: 48,417 participants at a diversity of 75.81 %
    (Bjelakovic et al. 2013, PLoS ONE 8:e74558, figure 4).

    >>> round(required_information(power=0.8, control_risk=0.1, relative_risk_reduction=0.15, d2=0.7581), -1)
    48420.0
    """
    for name, value in (("alpha", alpha), ("power", power)):
        if not 0 < value < 1:
            raise InputError(f"{name} is a proportion.", value=value, allowed="between 0 and 1")
    if not 0 <= d2 < 1:
        raise InputError("Diversity is a proportion below 1.", value=d2)
    if control_risk is not None and relative_risk_reduction is not None:
        treated = control_risk * (1 - relative_risk_reduction)
        if not (0 < control_risk < 1 and 0 < treated < 1) or relative_risk_reduction == 0:
            raise InputError("Both risks must lie between 0 and 1 and differ.", value=(control_risk, treated))
        mean = (control_risk + treated) / 2
        nu, delta = mean * (1 - mean), control_risk - treated
    elif difference is not None and sd is not None and sd > 0 and difference != 0:
        nu, delta = sd**2, difference
    else:
        raise InputError(
            "A required information size needs an effect that was named beforehand.",
            allowed="control_risk with relative_risk_reduction, or difference with sd",
        )
    z = float(ndtri(1 - alpha / 2) + ndtri(power))
    return 4 * z**2 * nu / delta**2 / (1 - d2)


def sequential_analysis(
    result: PairwiseResult,
    *,
    alpha: float = 0.05,
    power: float,
    control_risk: float | None = None,
    relative_risk_reduction: float | None = None,
    difference: float | None = None,
    sd: float | None = None,
    d2: float | None = None,
    order: Sequence[str] | None = None,
    futility: bool = False,
) -> SequentialResult:
    """Trial sequential analysis of a pairwise result, study by study.

    Parameters
    ----------
    result : with the numbers of participants of both arms
    alpha, power, control_risk, relative_risk_reduction, difference, sd : as in `required_information`; named before
        the data were seen, never estimated from them
    d2 : diversity; None takes that of the result (0 where it has no between-study variance)
    order : studies in the order in which they came; None is the order of the result
    futility : whether an inner wedge is computed, which spends 1 - power

    Raises
    ------
    NotEstimable
        without at least two studies, or where participants are not reported.
    """
    steps = _accumulated(result, order)
    rows = {row.study: row for row in result.studies}
    sizes = {s.study: sum(x for x in rows[s.study].n if x is not None) for s in steps if None not in rows[s.study].n}
    unknown = sorted(s.study for s in steps if s.study not in sizes)
    if unknown:
        raise NotEstimable(f"participants are not reported in {', '.join(unknown)}")
    if d2 is None:
        assert result.tau2 is not None
        spread = np.array([rows[s.study].se for s in steps], dtype=float) ** 2
        d2 = diversity(np.zeros(spread.size), spread, result.tau2.value)
    plain = required_information(
        alpha=alpha,
        power=power,
        control_risk=control_risk,
        relative_risk_reduction=relative_risk_reduction,
        difference=difference,
        sd=sd,
    )
    adjusted = required_information(
        alpha=alpha,
        power=power,
        control_risk=control_risk,
        relative_risk_reduction=relative_risk_reduction,
        difference=difference,
        sd=sd,
        d2=d2,
    )
    total = np.cumsum([sizes[s.study] for s in steps])
    fractions = [float(n) / adjusted for n in total]
    # Without a look at its end nothing could be said of the error or the power of the whole.
    whole = fractions if fractions[-1] >= 1 else [*fractions, 1.0]
    bounds = obrien_fleming_bounds(whole, alpha)
    beta, drift = 1 - power, planned_drift(alpha, power)
    wedge = futility_bounds(whole, bounds, beta=beta, drift=drift)
    looks = [
        Look(
            study=step.study,
            n=float(total[i]),
            fraction=fractions[i],
            z=step.z,
            boundary=bounds[i],
            futility=wedge[i] if futility else None,
        )
        for i, step in enumerate(steps)
    ]
    return SequentialResult(
        alpha=alpha,
        power=power,
        effect=relative_risk_reduction if relative_risk_reduction is not None else float(difference or 0),
        control=control_risk if control_risk is not None else float(sd or 0),
        d2=d2,
        required=plain,
        required_diversity=adjusted,
        looks=tuple(looks),
        futility=futility,
        last_boundary=None if fractions[-1] >= 1 else bounds[-1],
        power_of_looks=power_of_looks(whole, bounds, beta=beta if futility else None, drift=drift),
    )


def iterated_logarithm(
    result: PairwiseResult,
    *,
    alpha: float = 0.05,
    factor: float | None = None,
    sd: float | None = None,
    order: Sequence[str] | None = None,
) -> IteratedLogarithm:
    """Cumulative Z, penalised for repeated looks without an end that is planned beforehand.

    Parameters
    ----------
    result : of at least two studies
    alpha : two-sided error of the first kind
    factor : lambda; None takes that of `FACTORS`
    sd : for MD, the unit in which its information is counted; other measures have none
    order : studies in the order in which they came; None is the order of the result

    Notes
    -----
    ``Z* = Z / sqrt(lambda ln ln I)`` with I the information so far, 1 / se^2. It is compared with z_(1 - alpha/2)
    however many looks there were. Where ``lambda ln ln I`` is not above 1 nothing would be penalised, and there is
    no Z*.

    References
    ----------
    Lan, Hu, Cappelleri 2003, Stat Sin 13:1135-1145; Hu, Cappelleri, Lan 2007, Clin Trials 4:329-340.
    """
    measure = result.spec.measure
    if factor is None:
        factor = FACTORS.get(measure)
    if factor is None or not factor > 0:
        raise InputError(
            f"No factor lambda is known for {measure}; name a positive one.", value=factor, allowed=", ".join(FACTORS)
        )
    if measure == "MD" and not (sd is not None and sd > 0):
        raise InputError("The information on a mean difference needs a unit: the standard deviation (sd).", value=sd)
    if not 0 < alpha < 1:
        raise InputError("alpha is a proportion.", value=alpha, allowed="between 0 and 1")
    unit = float(sd) if measure == "MD" and sd is not None else 1.0
    looks = []
    for step in _accumulated(result, order):
        information = (unit / step.se) ** 2
        penalty = factor * float(np.log(np.log(information))) if information > np.e else 0.0
        looks.append(
            PenalisedLook(
                study=step.study,
                information=information,
                z=step.z,
                penalised=step.z / float(np.sqrt(penalty)) if penalty > 1 else None,
            )
        )
    return IteratedLogarithm(alpha=alpha, factor=factor, limit=float(ndtri(1 - alpha / 2)), looks=tuple(looks))


@dataclass(frozen=True, slots=True)
class _Step:
    """The random-effects Wald statistic and standard error with the studies up to ``study``."""

    study: str
    z: float
    se: float


def _accumulated(result: PairwiseResult, order: Sequence[str] | None) -> list[_Step]:
    """The analysis study by study, each time by its own estimator of the between-study variance."""
    rows = {row.study: row for row in result.studies if row.y is not None}
    if result.random is None or result.tau2 is None:
        raise NotEstimable("a sequential analysis takes at least two studies and random effects")
    sequence = list(order) if order is not None else list(rows)
    if sorted(sequence) != sorted(rows):
        raise InputError("The order names each study of the analysis once.", allowed=", ".join(rows))
    rank = {study: i for i, study in enumerate(sequence)}
    refits = cumulative(result, [float(rank[study]) for study in rows])
    y = np.array([rows[study].y for study in sequence], dtype=float)
    v = np.array([rows[study].se for study in sequence], dtype=float) ** 2
    found = []
    for i, (study, refit) in enumerate(zip(sequence, refits, strict=True), start=1):
        pooled = pool_inverse_variance(y[:i], v[:i], refit.tau2 or 0.0)
        found.append(_Step(study, float(pooled.mean[0] / pooled.se[0]), float(pooled.se[0])))
    return found
