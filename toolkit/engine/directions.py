"""Synthesis without meta-analysis: directions of effect counted and tested, p values combined, contours of effects.

For results that cannot be pooled. None of it says how large an effect is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import bdtrc, chdtrc, ndtri

from toolkit.engine.data import FloatArray
from toolkit.engine.results import PairwiseResult
from toolkit.model.errors import InputError, NotEstimable

__all__ = [
    "Counted",
    "Finding",
    "StudyDirection",
    "count_directions",
    "findings_of",
    "sign_test",
    "size_at",
    "study_directions",
    "wilson",
]

SHARE = 0.7
"""Share of a study's results in one direction from which the study has that direction (Boon and Thomson 2021)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One result of a study: 1 for benefit (or above no effect), -1 for harm, 0 for neither; what else is known.

    ``p`` is two-sided, ``n`` the participants, ``quality`` a word such as "low risk".
    """

    study: str
    outcome: str
    direction: int
    p: float | None = None
    n: float | None = None
    quality: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StudyDirection:
    """What a study's results of one outcome come to; ``results`` is how many there are."""

    study: str
    outcome: str
    direction: int
    results: int
    n: float | None
    quality: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Counted:
    """Directions of one outcome over its studies.

    Attributes
    ----------
    up, down, neither : studies
    share, ci_low, ci_high : of studies up among those with a direction, with Wilson's interval
    p : exact two-sided sign test
    combined : studies whose p values are combined; 0 where fewer than two have one
    chi2, df, p_up, p_down : Fisher's combination of one-sided p values; ``p_up`` is small where at least one study
        has an effect up, ``p_down`` where at least one has an effect down
    """

    outcome: str
    up: int
    down: int
    neither: int
    share: float | None
    ci_low: float | None
    ci_high: float | None
    p: float | None
    combined: int
    chi2: float | None
    df: int | None
    p_up: float | None
    p_down: float | None
    level: float


def wilson(events: int, n: int, level: float = 0.95) -> tuple[float, float]:
    """Wilson's interval of a proportion.

    References
    ----------
    Brown, Cai, DasGupta 2001, Stat Sci 16:101-133, equation 4. doi:10.1214/ss/1009213286

    Examples
    --------
    >>> [round(x, 3) for x in wilson(14, 15)]
    [0.702, 0.988]
    """
    z2 = float(ndtri((1 + level) / 2)) ** 2
    middle = (events + z2 / 2) / (n + z2)
    half = (z2 * (events * (n - events) / n + z2 / 4)) ** 0.5 / (n + z2)
    return max(0.0, middle - half), min(1.0, middle + half)


def sign_test(up: int, down: int) -> float:
    """Exact two-sided p of the hypothesis that both directions are equally likely.

    References
    ----------
    McKenzie, Brennan 2024, Cochrane Handbook 6.5, section 12.2.1.3.

    Examples
    --------
    >>> round(sign_test(9, 1), 5)
    0.02148
    """
    n, most = up + down, max(up, down)
    return 1.0 if n == 0 else min(1.0, 2 * float(bdtrc(most - 1, n, 0.5)))


def study_directions(findings: Sequence[Finding]) -> tuple[StudyDirection, ...]:
    """One direction for each study and outcome: that of at least 70 % of its results, else neither.

    References
    ----------
    Hilton Boon, Thomson 2021, Res Synth Methods 12:29-33. doi:10.1002/jrsm.1458
    """
    groups: dict[tuple[str, str], list[Finding]] = {}
    for one in findings:
        if one.direction not in (-1, 0, 1):
            raise InputError("A direction is 1, -1 or 0.", value=one.direction)
        groups.setdefault((one.outcome, one.study), []).append(one)
    found = []
    for (outcome, study), own in groups.items():
        signs = [one.direction for one in own]
        lead = next((d for d in (1, -1) if signs.count(d) >= SHARE * len(signs)), 0)
        sizes = [one.n for one in own if one.n is not None]
        quality = next((one.quality for one in own if one.quality), None)
        found.append(
            StudyDirection(study=study, outcome=outcome, direction=lead, results=len(own),
                           n=max(sizes) if sizes else None, quality=quality)
        )  # fmt: skip
    return tuple(found)


def count_directions(findings: Sequence[Finding], *, level: float = 0.95) -> tuple[Counted, ...]:
    """Directions counted and tested for each outcome, and p values combined.

    Only studies with one p value of the outcome are combined: several of one study depend on each other.

    Raises
    ------
    NotEstimable
        Without findings.

    References
    ----------
    McKenzie, Brennan 2024, Cochrane Handbook 6.5, sections 12.2.1.2 (p values) and 12.2.1.3 (vote counting by
    direction).
    Fisher 1932, Statistical Methods for Research Workers, 4th ed., section 21.1.
    """
    if not findings:
        raise NotEstimable("There is no finding to count.")
    studies = study_directions(findings)
    return tuple(
        _counted(outcome, [s for s in studies if s.outcome == outcome], [f for f in findings if f.outcome == outcome],
                 level)
        for outcome in dict.fromkeys(one.outcome for one in findings)
    )  # fmt: skip


def _counted(outcome: str, studies: list[StudyDirection], findings: list[Finding], level: float) -> Counted:
    signs = [one.direction for one in studies]
    up, down = signs.count(1), signs.count(-1)
    n = up + down
    low, high = wilson(up, n, level) if n else (None, None)
    several = {s.study for s in studies if s.results > 1}
    pairs = [(one.p, one.direction) for one in findings if one.p is not None and one.study not in several]
    for p, _ in pairs:
        if not 0 <= p <= 1:
            raise InputError("A p value lies between 0 and 1.", value=p)
    sides = [_one_sided(p, sign) for p, sign in pairs]
    combined = len(sides) if len(sides) > 1 else 0
    chi2, p_up = _fisher(np.array(sides)) if combined else (None, None)
    _, p_down = _fisher(1 - np.array(sides)) if combined else (None, None)
    return Counted(
        outcome=outcome, up=up, down=down, neither=len(signs) - n, share=up / n if n else None, ci_low=low,
        ci_high=high, p=sign_test(up, down) if n else None, combined=combined, chi2=chi2,
        df=2 * combined if combined else None, p_up=p_up, p_down=p_down, level=level,
    )  # fmt: skip


def _one_sided(p: float, direction: int) -> float:
    """One-sided p of an effect up; without a direction it says nothing."""
    return 0.5 if direction == 0 else p / 2 if direction > 0 else 1 - p / 2


def _fisher(p: FloatArray) -> tuple[float, float]:
    chi2 = float(-2 * np.log(np.maximum(p, 1e-300)).sum())
    return chi2, float(chdtrc(2 * p.size, chi2))


def findings_of(result: PairwiseResult) -> tuple[Finding, ...]:
    """The studies of a fit by the side of no effect that they lie on, with their Wald p and their participants."""
    from toolkit.engine.intervals import two_sided_p
    from toolkit.engine.sensitivity import studies_of

    names, y, v = studies_of(result)
    rows = {row.study: row for row in result.studies}
    found = []
    for name, effect, variance in zip(names, y, v, strict=True):
        known = [n for n in rows[name].n if n is not None]
        p = float(two_sided_p(effect / variance**0.5, np.inf))
        found.append(
            Finding(study=name, outcome="", direction=int(np.sign(effect)), p=p, n=sum(known) if known else None)
        )
    return tuple(found)


def size_at(effect: float, p: FloatArray, measure: str, *, ratio: float = 1.0, risk: float | None = None) -> FloatArray:
    """Participants with which a study of this effect has the two-sided p values: a contour of an albatross plot.

    Parameters
    ----------
    effect : model scale (log for OR, RR)
    p : (P,) two-sided
    measure : "SMD", "OR", "RR" or "RD"
    ratio : participants of the treatment for each of the reference
    risk : of the reference, for OR, RR, RD

    Notes
    -----
    ``N = (z / effect)^2 u`` with u the variance of the effect in a study of one participant: for arms in the ratio r,
    ``(1 + r)^2 / r + d^2 / 2`` for an SMD d, ``(1 + r) (u_1 / r + u_0)`` for risks, with u_i the variance of log odds,
    log risk or risk of one participant.

    References
    ----------
    Harrison, Jones, Martin, Davey Smith, Higgins, Sterne 2017, Res Synth Methods 8:281-289. doi:10.1002/jrsm.1239
    """
    z = ndtri(1 - np.asarray(p, dtype=float) / 2)
    if effect == 0:
        raise InputError("A contour needs an effect that is not zero.", value=effect)
    if measure == "SMD":
        unit = (1 + ratio) ** 2 / ratio + effect**2 / 2
    elif measure in ("OR", "RR", "RD"):
        if risk is None or not 0 < risk < 1:
            raise InputError("Contours of risks need the risk of the reference, between 0 and 1.", value=risk)
        odds = risk / (1 - risk) * np.exp(effect)
        other = {"OR": odds / (1 + odds), "RR": risk * np.exp(effect), "RD": risk + effect}[measure]
        if not 0 < other < 1:
            raise InputError("This effect is impossible at this risk.", value=f"{effect:g} at {risk:g}")
        unit = (1 + ratio) * (_of_one(measure, other) / ratio + _of_one(measure, risk))
    else:
        raise InputError("Contours are of these measures.", value=measure, allowed="SMD, OR, RR, RD")
    value: FloatArray = (z / effect) ** 2 * unit
    return value


def _of_one(measure: str, risk: float) -> float:
    """Variance of the log odds, the log risk or the risk of one participant."""
    return {"OR": 1 / (risk * (1 - risk)), "RR": (1 - risk) / risk, "RD": risk * (1 - risk)}[measure]
