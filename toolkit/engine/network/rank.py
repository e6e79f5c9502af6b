"""Ranking: P-scores in closed form, rank probabilities with their Monte-Carlo error, and when to distrust both.

References
----------
Ruecker, Schwarzer 2015, BMC Med Res Methodol 15:58 (P-score = SUCRA in the joint normal). doi:10.1186/s12874-015-0060-8
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
from toolkit.model.errors import InputError

__all__ = ["SMALL_VALUES", "RankProbabilities", "p_scores", "rank_probabilities", "ranking_caution"]

SMALL_VALUES = ("good", "bad")
# Draws held in memory at once; a chunk of 4,096 x T normals stays small for any network.
CHUNK = 4096


@dataclass(frozen=True, slots=True, kw_only=True)
class RankProbabilities:
    """Rank probabilities from joint-normal draws; order of ``treatments``; rank 1 is best.

    Attributes
    ----------
    probability : (T, T) entry [i, r] is the probability that treatment i has rank r + 1
    mc_se : (T, T) Monte-Carlo standard error of each probability
    mean_rank, median_rank : (T,); the mean is exact (from the P-score), the median from the draws
    sucra : (T,) exact, equal to the P-score
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
) -> RankProbabilities:
    """Rank probabilities from the joint normal distribution of the relative effects.

    Parameters
    ----------
    result : a fitted network
    rng : source of randomness; the same seed gives the same table
    small_values : as in `p_scores`; None takes the spec's
    model : "random" or "common"
    draws : number of joint draws

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
    sucra = p_scores(te, se, direction)
    values, vectors = np.linalg.eigh(covariance(se))
    root = vectors * np.sqrt(np.maximum(values, 0.0))
    sign = 1.0 if direction == "good" else -1.0
    counts = np.zeros(n * n)
    offset = np.arange(n) * n
    done = 0
    while done < draws:
        size = min(CHUNK, draws - done)
        theta = te[:, 0] + rng.standard_normal((size, n)) @ root.T
        ranks = np.argsort(np.argsort(sign * theta, axis=1), axis=1)
        counts += np.bincount((ranks + offset).ravel(), minlength=n * n)
        done += size
    probability = counts.reshape(n, n) / draws
    median = 1.0 + np.argmax(np.cumsum(probability, axis=1) >= 0.5, axis=1)
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
    )
