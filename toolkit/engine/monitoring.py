"""Monitoring of a meta-analysis that is looked at again and again; never part of the estimate itself.

Cochrane advises against sequential methods for the main analysis (Handbook 6.5, section 22.4.3): what stands here is
computed beside a result and changes nothing in it.

References
----------
Wetterslev, Thorlund, Brok, Gluud 2008, J Clin Epidemiol 61:64-75 (trial sequential analysis).
    doi:10.1016/j.jclinepi.2007.03.013
Wetterslev, Thorlund, Brok, Gluud 2009, BMC Med Res Methodol 9:86 (diversity). doi:10.1186/1471-2288-9-86
Lan, DeMets 1983, Biometrika 70:659-663 (spending function). doi:10.1093/biomet/70.3.659
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import brentq
from scipy.special import ndtr, ndtri

from toolkit.engine.data import FloatArray
from toolkit.engine.pooling import pool_inverse_variance
from toolkit.engine.results import PairwiseResult
from toolkit.engine.sensitivity import cumulative
from toolkit.model.errors import InputError, NotEstimable

__all__ = [
    "ADVICE",
    "Look",
    "SequentialResult",
    "diversity",
    "obrien_fleming_bounds",
    "required_information",
    "sequential_analysis",
]

ADVICE = (
    "Cochrane advises against sequential methods as the main analysis of an updated review (Handbook, chapter 22): "
    "this stands beside the estimate and changes nothing in it."
)
# Beyond this the two-sided probability is below what doubles can tell from zero: no boundary is given.
_NEVER = 8.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """One look: the study added, participants so far, their share of the required ones, cumulative Z, boundary.

    ``boundary`` is two-sided (Z beyond it in either direction); None where so little is in that no Z would do.
    """

    study: str
    n: float
    fraction: float
    z: float
    boundary: float | None

    @property
    def crossed(self) -> bool:
        """Whether the cumulative Z lies beyond the boundary."""
        return self.boundary is not None and abs(self.z) > self.boundary


@dataclass(frozen=True, slots=True, kw_only=True)
class SequentialResult:
    """A trial sequential analysis.

    ``required`` is the required information size (participants) without, ``required_diversity`` with the adjustment
    for diversity ``d2``; ``looks`` are in the order in which the studies came.
    """

    alpha: float
    power: float
    effect: float
    control: float
    d2: float
    required: float
    required_diversity: float
    looks: tuple[Look, ...]
    advice: str = ADVICE

    @property
    def conclusion(self) -> str:
        """What the last look says, in words."""
        last = self.looks[-1]
        share = f"{last.n:,.0f} of {self.required_diversity:,.0f} required participants ({last.fraction:.0%})"
        if last.crossed:
            return f"the boundary is crossed with {share}"
        if last.fraction >= 1:
            return f"the required information is reached without crossing the boundary: {share}"
        return f"neither crossed nor finished: {share}"


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


def obrien_fleming_bounds(fractions: Sequence[float], alpha: float = 0.05) -> list[float | None]:
    """Two-sided boundaries on Z that spend ``alpha`` as O'Brien and Fleming's do; None where nothing is spent yet.

    Parameters
    ----------
    fractions : information fractions of the looks, ascending, above 0; from 1 on everything is spent

    Notes
    -----
    Each side spends ``2 - 2 Phi(z_(alpha/4) / sqrt(t))`` of its alpha/2 up to the fraction t. The density of the
    score that has not left the boundaries is carried from look to look by numerical integration (Armitage, McPherson
    and Rowe 1969), with Gauss-Legendre nodes dense against the step between two looks.

    References
    ----------
    Lan, DeMets 1983, Biometrika 70:659-663. Reboussin, DeMets, Kim, Lan 2000, Control Clin Trials 21:190-207.

    Examples
    --------
    >>> [round(b, 3) for b in obrien_fleming_bounds([0.2, 0.4, 0.6, 0.8, 1])]
    [4.877, 3.357, 2.68, 2.29, 2.031]
    """
    t = np.asarray(fractions, dtype=float)
    if t.size == 0 or (t <= 0).any() or (np.diff(t) <= 0).any():
        raise InputError("Information fractions ascend from above 0.", value=list(fractions))
    if not 0 < alpha < 1:
        raise InputError("alpha is a proportion.", value=alpha, allowed="between 0 and 1")
    side = alpha / 2
    spent = np.where(t >= 1, side, 2 * ndtr(-ndtri(1 - side / 2) / np.sqrt(np.minimum(t, 1))))
    nodes, density = np.array([0.0]), np.array([1.0])  # a point mass: before any look the score is 0
    bounds: list[float | None] = []
    before, at = 0.0, 0.0
    for fraction, target in zip(t, spent, strict=True):
        step = float(np.sqrt(fraction - at))
        bound = _bound(nodes, density, step, float(np.sqrt(fraction)), float(target - before))
        bounds.append(bound)
        reach = float(np.abs(nodes).max()) + _NEVER * step
        limit = min(reach, (_NEVER if bound is None else bound) * float(np.sqrt(fraction)))
        nodes, density = _carry(nodes, density, step, limit)
        if bound is not None:
            before = float(target)
        at = float(fraction)
    return bounds


def _bound(nodes: FloatArray, density: FloatArray, step: float, root: float, spend: float) -> float | None:
    """Z that the score exceeds with probability ``spend`` at this look, not having left before."""

    def excess(z: float) -> float:
        return float(density @ ndtr(-(z * root - nodes) / step)) - spend

    if excess(_NEVER) >= 0 or spend <= 0:
        return None
    return float(brentq(excess, 0.0, _NEVER, xtol=1e-10)) if excess(0.0) > 0 else 0.0


def _carry(nodes: FloatArray, density: FloatArray, step: float, limit: float) -> tuple[FloatArray, FloatArray]:
    """Mass of the score at the next look, inside the boundaries, on new nodes (weights included)."""
    # Half a standard deviation of the step between nodes leaves an error far below that of the root search.
    size = int(min(2001, max(61, np.ceil(7 * limit / step))))
    x, w = np.polynomial.legendre.leggauss(size)
    new = limit * x
    kernel = np.exp(-(((new[:, None] - nodes[None, :]) / step) ** 2) / 2) / (step * np.sqrt(2 * np.pi))
    return new, limit * w * (kernel @ density)


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
) -> SequentialResult:
    """Trial sequential analysis of a pairwise result, study by study.

    Parameters
    ----------
    result : with the numbers of participants of both arms
    alpha, power, control_risk, relative_risk_reduction, difference, sd : as in `required_information`; named before
        the data were seen, never estimated from them
    d2 : diversity; None takes that of the result (0 where it has no between-study variance)
    order : studies in the order in which they came; None is the order of the result

    Raises
    ------
    NotEstimable
        without at least two studies, or where participants are not reported.
    """
    rows = {row.study: row for row in result.studies if row.y is not None}
    if result.random is None or result.tau2 is None:
        raise NotEstimable("a sequential analysis takes at least two studies")
    sizes = {study: sum(x for x in row.n if x is not None) for study, row in rows.items() if None not in row.n}
    if set(sizes) != set(rows):
        raise NotEstimable(f"participants are not reported in {', '.join(sorted(set(rows) - set(sizes)))}")
    if d2 is None:
        spread = np.array([row.se for row in rows.values()], dtype=float) ** 2
        d2 = diversity(np.zeros(spread.size), spread, result.tau2.value)
    plain = required_information(
        alpha=alpha,
        power=power,
        control_risk=control_risk,
        relative_risk_reduction=relative_risk_reduction,
        difference=difference,
        sd=sd,
    )
    adjusted = plain / (1 - d2)
    sequence = list(order) if order is not None else list(rows)
    if sorted(sequence) != sorted(rows):
        raise InputError("The order names each study of the analysis once.", allowed=", ".join(rows))
    rank = {study: i for i, study in enumerate(sequence)}
    refits = cumulative(result, [float(rank[study]) for study in rows])
    y = np.array([rows[study].y for study in sequence], dtype=float)
    v = np.array([rows[study].se for study in sequence], dtype=float) ** 2
    total = np.cumsum([sizes[study] for study in sequence])
    bounds = obrien_fleming_bounds([float(n) / adjusted for n in total], alpha)
    looks = []
    for i, (study, refit, bound) in enumerate(zip(sequence, refits, bounds, strict=True), start=1):
        pooled = pool_inverse_variance(y[:i], v[:i], refit.tau2 or 0.0)
        n, z = float(total[i - 1]), float(pooled.mean[0] / pooled.se[0])
        looks.append(Look(study=study, n=n, fraction=n / adjusted, z=z, boundary=bound))
    return SequentialResult(
        alpha=alpha,
        power=power,
        effect=relative_risk_reduction if relative_risk_reduction is not None else float(difference or 0),
        control=control_risk if control_risk is not None else float(sd or 0),
        d2=d2,
        required=plain,
        required_diversity=adjusted,
        looks=tuple(looks),
    )
