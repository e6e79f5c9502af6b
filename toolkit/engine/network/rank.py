"""Ranking: P-scores in closed form, rank probabilities with their Monte-Carlo error, and when to distrust both.

References
----------
Ruecker, Schwarzer 2015, BMC Med Res Methodol 15:58 (P-score = SUCRA in the joint normal). doi:10.1186/s12874-015-0060-8
Mavridis, Porcher, Nikolakopoulou, Salanti, Ravaud 2020, Biom J 62:375-385 (clinically important margin).
    doi:10.1002/bimj.201900026
Wigle, Beliveau, Salanti, Ruecker, Schwarzer, Mavridis, Nikolakopoulou 2025, Stat Med 44:e70176 (POTH: precision of a
    hierarchy). doi:10.1002/sim.70176
Salanti, Ades, Ioannidis 2011, J Clin Epidemiol 64:163-171 (rank probabilities, SUCRA).
    doi:10.1016/j.jclinepi.2010.03.016
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import ndtr

from toolkit.engine.data import FloatArray
from toolkit.engine.network.connect import independent_loops
from toolkit.engine.network.views import chosen_model, covariance
from toolkit.engine.results import Comparison, NetworkResult
from toolkit.model.errors import InputError, NotEstimable

__all__ = [
    "SMALL_VALUES",
    "MarginRanking",
    "RankProbabilities",
    "hierarchy_precision",
    "p_scores",
    "rank_probabilities",
    "rank_with_margin",
    "ranking_caution",
    "ranking_words",
]

SMALL_VALUES = ("good", "bad")
# Draws held in memory at once; a chunk of 4,096 x T normals stays small for any network.
CHUNK = 4096
ROUNDING = 1e-12  # of a sum of probabilities


@dataclass(frozen=True, slots=True, kw_only=True)
class RankProbabilities:
    """Rank probabilities from joint-normal draws; order of ``treatments``; rank 1 is best.

    Attributes
    ----------
    probability : (T, T) entry [i, r] is the probability that treatment i has rank r + 1
    mc_se : (T, T) Monte-Carlo standard error of each probability
    mean_rank, median_rank : (T,); the mean is exact (from the P-score), the median from the draws
    rank_low, rank_high : (T,) 95 % of the draws of a treatment's rank lie in this range
    sucra : (T,) exact, equal to the P-score
    future : whether the ranks are those in a new study rather than on average
    poth : precision of the hierarchy, from 0 (any order is as likely) to 1 (the order is certain)
    """

    treatments: tuple[str, ...]
    small_values: str
    model: str
    draws: int
    probability: FloatArray
    mc_se: FloatArray
    mean_rank: FloatArray
    median_rank: FloatArray
    sucra: FloatArray
    caution: str | None
    rank_low: FloatArray
    rank_high: FloatArray
    poth: float
    future: bool = False


def p_scores(te: FloatArray, se: FloatArray, small_values: str) -> FloatArray:
    """Mean probability with which each treatment beats another one, one-sided and normal.

    Parameters
    ----------
    te, se : (T, T) effects of row against column and their standard errors
    small_values : "good" when a smaller value of the measure is better for the patient, "bad" otherwise

    Raises
    ------
    InputError
        If `small_values` is neither.
    """
    if small_values not in SMALL_VALUES:
        raise InputError("Say whether small values of the outcome are good.", value=small_values, allowed="good, bad")
    sign = -1.0 if small_values == "good" else 1.0
    n = len(te)
    other = ~np.eye(n, dtype=bool)
    z = np.zeros_like(te)
    z[other] = sign * te[other] / se[other]
    score: FloatArray = np.where(other, ndtr(z), 0.0).sum(axis=1) / (n - 1)
    return score


def ranking_caution(
    comparisons: Sequence[Comparison], studies_per_treatment: Sequence[int], treatments: Sequence[str]
) -> str | None:
    """Why a ranking of this network must not be a headline, or None.

    The rule: no closed loop other than inside a multi-arm study (indirect evidence checks nothing), or a treatment
    known from a single study, or fewer than two studies per comparison on average.
    """
    reasons = []
    members: dict[str, set[str]] = {}
    for c in comparisons:
        for study in c.studies:
            members.setdefault(study, set()).update((c.t1, c.t2))
    if independent_loops(members.values()) == 0:
        reasons.append("no closed loop is formed by different studies, so indirect comparisons cannot be checked")
    single = [t for t, k in zip(treatments, studies_per_treatment, strict=True) if k == 1]
    if single:
        shown = ", ".join(single[:5]) + (f" and {len(single) - 5} more" if len(single) > 5 else "")
        reasons.append(f"{shown} rest{'s' if len(single) == 1 else ''} on a single study")
    per_comparison = float(np.mean([len(c.studies) for c in comparisons]))
    if per_comparison < 2:
        reasons.append(f"there are only {per_comparison:.1f} studies per comparison on average")
    if not reasons:
        return None
    return f"Do not lead with this ranking: {'; '.join(reasons)}. Read the league table instead."


def rank_probabilities(
    result: NetworkResult,
    rng: np.random.Generator,
    *,
    small_values: str | None = None,
    model: str = "random",
    draws: int = 100_000,
    future: bool = False,
) -> RankProbabilities:
    """Rank probabilities from the joint normal distribution of the relative effects.

    Parameters
    ----------
    result : a fitted network
    rng : source of randomness; the same seed gives the same table
    small_values : as in `p_scores`; None takes the spec's
    model : "random" or "common"
    draws : number of joint draws
    future : rank the effects that a new study would find: each treatment varies by tau2 / 2 more (every contrast by
        tau2), as Stata's ``network rank, predict``; random effects only

    Raises
    ------
    InputError
        If nobody said whether small values are good, or `draws` is below 1.
    NotEstimable
        If the random-effects model was not estimable.
    """
    direction = small_values or result.spec.small_values
    if direction is None:
        raise InputError("Ranks need to know whether small values of the outcome are good.", allowed="good, bad")
    if draws < 1:
        raise InputError("The number of draws must be at least 1.", value=draws)
    te, se = chosen_model(result, model)
    n = len(te)
    C = covariance(se)
    if future:
        if model != "random" or result.tau2 is None:
            raise InputError("The ranks of a future study are those of random effects.", value=model, allowed="random")
        B, contrasts = _between(result)
        C, se = C + B, np.sqrt(se**2 + contrasts)
    sucra = p_scores(te, se, direction)
    sign = 1.0 if direction == "good" else -1.0
    probability = _drawn(te[:, 0], C, sign, rng, draws)
    cumulative = np.cumsum(probability, axis=1)
    low, median, high = (1.0 + np.argmax(cumulative >= p - ROUNDING, axis=1) for p in (0.025, 0.5, 0.975))
    caution = ranking_caution(result.comparisons, result.studies_per_treatment, result.treatments)
    return RankProbabilities(
        treatments=result.treatments,
        small_values=direction,
        model=model,
        draws=draws,
        probability=probability,
        mc_se=np.sqrt(probability * (1 - probability) / draws),
        mean_rank=1 + (n - 1) * (1 - sucra),
        median_rank=median.astype(float),
        sucra=sucra,
        caution=caution,
        rank_low=low.astype(float),
        rank_high=high.astype(float),
        poth=hierarchy_precision(sucra),
        future=future,
    )


def _between(result: NetworkResult) -> tuple[FloatArray, FloatArray]:
    """(T, T) covariance of treatments whose contrasts vary between studies as the result says; those variances."""
    contrasts = result.tau2_contrasts
    if contrasts is None:
        raise NotEstimable("No ranks of a future study: its between-study variance depends on the group it belongs to.")
    found = covariance(np.sqrt(contrasts))
    if float(np.linalg.eigvalsh(found)[0]) < -1e-9 * float(contrasts.max()):
        text = "No ranks of a future study: no one study of all treatments could vary by these variances together."
        raise NotEstimable(text)
    return found, contrasts


def _drawn(theta: FloatArray, C: FloatArray, sign: float, rng: np.random.Generator, draws: int) -> FloatArray:
    """(T, T) shares of the draws in which each treatment has each rank, the smallest of sign times theta first."""
    n = len(theta)
    values, vectors = np.linalg.eigh(C)
    root = vectors * np.sqrt(np.maximum(values, 0.0))
    counts = np.zeros(n * n)
    offset = np.arange(n) * n
    done = 0
    while done < draws:
        size = min(CHUNK, draws - done)
        drawn = sign * (theta + rng.standard_normal((size, n)) @ root.T)
        ranks = np.argsort(np.argsort(drawn, axis=1), axis=1)
        counts += np.bincount((ranks + offset).ravel(), minlength=n * n)
        done += size
    return counts.reshape(n, n) / draws


def ranking_words(ranks: RankProbabilities) -> str:
    """How certain a ranking is, in a sentence: the first treatment, its chance, who shares its ranks, the precision."""
    order = np.argsort(-ranks.sucra, kind="stable")
    first = int(order[0])
    shared = [ranks.treatments[i] for i in order[1:] if ranks.rank_low[i] <= ranks.rank_high[first]]
    chance = float(ranks.probability[first, 0])
    span = f"{ranks.rank_low[first]:g} to {ranks.rank_high[first]:g}"
    overlap = f"the rank ranges of {', '.join(shared)} overlap with it" if shared else "no other range overlaps with it"
    where = "in a new study" if ranks.future else "on average"
    return (
        f"{ranks.treatments[first]} has the highest SUCRA {where}; it is the best with probability {chance:.2f} and 95 "
        f"% of its ranks are {span}; {overlap}. Precision of the order (POTH, 0 none to 1 certain): {ranks.poth:.2f}."
    )


def hierarchy_precision(sucra: FloatArray) -> float:
    """POTH: variance of the SUCRA values over that of a certain order, ``(n + 1) / (12 (n - 1))``.

    Examples
    --------
    >>> hierarchy_precision(np.array([1.0, 0.5, 0.0])), hierarchy_precision(np.array([0.5, 0.5]))
    (1.0, 0.0)
    """
    n = len(sucra)
    return float(np.mean((sucra - 0.5) ** 2) * 12 * (n - 1) / (n + 1))


@dataclass(frozen=True, slots=True, kw_only=True)
class MarginRanking:
    """Ranking with a smallest difference that matters.

    Attributes
    ----------
    margin : on the model scale, above 0
    better : (T, T) probability that the row treatment is better than the column treatment by more than the margin
    equivalent : (T, T) probability that the two differ by less than the margin
    p_score : (T,) mean of ``better`` over the other treatments
    net : (T,) mean of ``better`` minus mean probability to be worse by more than the margin; 0 where nothing differs
    """

    treatments: tuple[str, ...]
    small_values: str
    model: str
    margin: float
    better: FloatArray
    equivalent: FloatArray
    p_score: FloatArray
    net: FloatArray


def rank_with_margin(
    result: NetworkResult, margin: float, *, small_values: str | None = None, model: str = "random"
) -> MarginRanking:
    """P-scores that count a treatment as better only if it is so by more than `margin`.

    Parameters
    ----------
    result : a fitted network
    margin : smallest important difference on the model scale (for ratios the logarithm: log(1.25))
    small_values, model : as in `rank_probabilities`

    Raises
    ------
    InputError
        If the margin is not above 0, or nobody said whether small values are good.
    NotEstimable
        If the model was not estimable.
    """
    direction = small_values or result.spec.small_values
    if direction is None:
        raise InputError("Ranks need to know whether small values of the outcome are good.", allowed="good, bad")
    if not (margin > 0 and np.isfinite(margin)):
        raise InputError("The margin must be above 0 on the model scale (a ratio above 1).", value=margin)
    te, se = chosen_model(result, model)
    n = len(te)
    other = ~np.eye(n, dtype=bool)
    sign = -1.0 if direction == "good" else 1.0
    better = np.zeros((n, n))
    better[other] = ndtr((sign * te[other] - margin) / se[other])
    equivalent = np.where(other, 1 - better - better.T, 1.0)
    score = better.sum(axis=1) / (n - 1)
    return MarginRanking(
        treatments=result.treatments,
        small_values=direction,
        model=model,
        margin=margin,
        better=better,
        equivalent=equivalent,
        p_score=score,
        net=score - better.sum(axis=0) / (n - 1),
    )
