"""Other sampling variances of measures on offer: one function and one entry of ``choices.VARIANCES`` each.

The letters are those of R's metafor (``vtype``). The effect stays as it is; only its variance changes.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from toolkit.engine.data import FloatArray
from toolkit.engine.effects.arms import StudyArms
from toolkit.engine.effects.blocks import Contrasts, difference_of_arms
from toolkit.engine.effects.continuous import (
    cohen_d,
    hedges_correction,
    log_response_ratio,
    log_response_ratio_corrected,
    mean_difference,
    pooled_units,
    standardised_mean_difference,
)
from toolkit.engine.effects.single import correlation, hypergeometric, unbiased_correlation
from toolkit.model.spec import ZeroCells

__all__ = [
    "cohen_unbiased",
    "correlation_average",
    "correlation_unbiased",
    "mean_difference_pooled",
    "ratio_average",
    "ratio_average_pooled",
    "ratio_corrected_average",
    "ratio_corrected_average_pooled",
    "ratio_corrected_pooled",
    "ratio_pooled",
    "smd_average",
    "smd_delta",
    "smd_unbiased",
]


def _spread(
    arms: StudyArms, y: FloatArray, part: FloatArray, scale: FloatArray | float = 1.0
) -> tuple[FloatArray, ...]:
    """S blocks ``scale (diag(1/n_j) + 1/n_0 + part y y')`` of standardised differences.

    ``part`` and ``scale`` are (S,).
    """
    offset = arms.start - np.arange(arms.start.size)
    factor = np.broadcast_to(scale, part.shape)
    blocks = []
    for s in range(part.size):
        own, g = arms.n[arms.start[s] : arms.start[s + 1]], y[offset[s] : offset[s + 1]]
        blocks.append(factor[s] * (np.diag(1 / own[1:]) + 1 / own[0] + part[s] * np.outer(g, g)))
    return tuple(blocks)


def _beyond(df: FloatArray) -> FloatArray:
    """``1 - (df - 2) / (df J^2)``: what g squared contributes to its unbiased variance."""
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(1 - (df - 2) / (df * hedges_correction(df) ** 2))


def smd_unbiased(arms: StudyArms, policy: ZeroCells) -> Contrasts:
    """Hedges' g with its unbiased variance ``1/n1 + 1/n0 + (1 - (df - 2) / (df J^2)) g^2``.

    References
    ----------
    Hedges 1983, Psychol Bull 93:388-395, equation 9. doi:10.1037/0033-2909.93.2.388
    """
    found = standardised_mean_difference(arms, policy)
    _, _, df = pooled_units(arms)
    return replace(found, V=_spread(arms, found.y, _beyond(df)))


def smd_delta(arms: StudyArms, policy: ZeroCells) -> Contrasts:
    """Hedges' g with J squared times the large-sample variance of Cohen's d.

    References
    ----------
    Borenstein 2009, in The Handbook of Research Synthesis and Meta-Analysis, 2nd ed., chapter 12, eq. 12.17-12.18.
    """
    found = standardised_mean_difference(arms, policy)
    _, total, df = pooled_units(arms)
    J2 = hedges_correction(df) ** 2
    return replace(found, V=_spread(arms, found.y, 1 / (2 * total * J2), J2))


def smd_average(arms: StudyArms, policy: ZeroCells) -> Contrasts:
    """Hedges' g with the mean g of all studies, weighted by their units, in every variance."""
    found = standardised_mean_difference(arms, policy)
    _, total, _ = pooled_units(arms)
    weight = np.repeat(total, np.diff(arms.start) - 1)
    use = np.isfinite(found.y)
    mean = float((weight * found.y)[use].sum() / weight[use].sum()) if use.any() else np.nan
    return replace(found, V=_spread(arms, np.full_like(found.y, mean), 1 / (2 * total)))


def cohen_unbiased(arms: StudyArms, policy: ZeroCells) -> Contrasts:
    """Cohen's d with the unbiased variance of Hedges' g (meta's exact formula)."""
    found = cohen_d(arms, policy)
    _, _, df = pooled_units(arms)
    return replace(found, V=_spread(arms, found.y, _beyond(df) * hedges_correction(df) ** 2))


def mean_difference_pooled(arms: StudyArms, policy: ZeroCells) -> Contrasts:
    """Mean differences with one SD for all arms of a study."""
    _, V = difference_of_arms(arms.mean, _pooled_variance(arms) / arms.n, arms.start)
    return replace(mean_difference(arms, policy), V=V, unusable=_no_sd(arms))


def _pooled_variance(arms: StudyArms) -> FloatArray:
    """(A,) the pooled variance of each arm's study."""
    return np.repeat(pooled_units(arms)[0] ** -2.0, np.diff(arms.start))


def _no_sd(arms: StudyArms) -> dict[int, str]:
    unit, _, _ = pooled_units(arms)
    return {int(s): "too few units for a pooled SD" for s in np.flatnonzero(~np.isfinite(unit))}


def _ratio(arms: StudyArms, found: Contrasts, squared_cv: FloatArray, own: dict[int, str]) -> Contrasts:
    """Ratios of means with these squared coefficients of variation (A,)."""
    _, V = difference_of_arms(np.zeros_like(arms.n), squared_cv / arms.n, arms.start)
    return replace(found, V=V, unusable=own | found.unusable)


def _squared_pooled(arms: StudyArms) -> FloatArray:
    with np.errstate(divide="ignore", invalid="ignore"):
        return _pooled_variance(arms) / arms.mean**2


def _squared_average(arms: StudyArms, apart: bool, found: Contrasts) -> FloatArray:
    """Squared mean coefficient of variation over the studies, weighted by n; the base arms apart or with the others."""
    with np.errstate(divide="ignore", invalid="ignore"):
        cv = arms.sd / arms.mean
    base = np.zeros(arms.n.size, dtype=bool)
    base[arms.start[:-1]] = True
    usable = ~np.isin(arms.study_of_arm, list(found.unusable))
    value = np.full_like(cv, np.nan)
    for side in (base, ~base) if apart else (np.ones_like(base),):
        if (side & usable).any():
            value[side] = (arms.n * cv)[side & usable].sum() / arms.n[side & usable].sum()
    return value**2


def ratio_pooled(arms: StudyArms, policy: ZeroCells) -> Contrasts:
    """Log ratio of means with one SD for all arms of a study."""
    return _ratio(arms, log_response_ratio(arms, policy), _squared_pooled(arms), _no_sd(arms))


def ratio_corrected_pooled(arms: StudyArms, policy: ZeroCells) -> Contrasts:
    """The same for the small-sample corrected ratio."""
    return _ratio(arms, log_response_ratio_corrected(arms, policy), _squared_pooled(arms), _no_sd(arms))


def ratio_average(arms: StudyArms, policy: ZeroCells) -> Contrasts:
    """Log ratio of means with the mean coefficient of variation of each side over all studies.

    References
    ----------
    Doncaster, Spake 2018, Methods Ecol Evol 9:634-644. doi:10.1111/2041-210X.12927
    """
    found = log_response_ratio(arms, policy)
    return _ratio(arms, found, _squared_average(arms, True, found), {})


def ratio_corrected_average(arms: StudyArms, policy: ZeroCells) -> Contrasts:
    """The same for the small-sample corrected ratio."""
    found = log_response_ratio_corrected(arms, policy)
    return _ratio(arms, found, _squared_average(arms, True, found), {})


def ratio_average_pooled(arms: StudyArms, policy: ZeroCells) -> Contrasts:
    """Log ratio of means with the mean coefficient of variation over all arms of all studies."""
    found = log_response_ratio(arms, policy)
    return _ratio(arms, found, _squared_average(arms, False, found), {})


def ratio_corrected_average_pooled(arms: StudyArms, policy: ZeroCells) -> Contrasts:
    """The same for the small-sample corrected ratio."""
    found = log_response_ratio_corrected(arms, policy)
    return _ratio(arms, found, _squared_average(arms, False, found), {})


def correlation_average(arms: StudyArms, policy: ZeroCells) -> Contrasts:
    """Correlations with the mean correlation of all studies, weighted by n, in every variance."""
    found = correlation(arms, policy)
    mean = float((arms.n * arms.r).sum() / arms.n.sum()) if arms.n.size else np.nan
    with np.errstate(divide="ignore"):
        variance = (1 - mean**2) ** 2 / (arms.n - 1)
    return replace(found, V=tuple(variance.reshape(-1, 1, 1)))


def correlation_unbiased(arms: StudyArms, policy: ZeroCells) -> Contrasts:
    """Olkin and Pratt's correlations with an unbiased variance; a study where that is not above 0 has none.

    References
    ----------
    Hedges 1989, Appl Psychol Meas 13:285-293 (after Olkin, Pratt 1958).
    """
    found = unbiased_correlation(arms, policy)
    rest = 1 - arms.r**2
    with np.errstate(divide="ignore", invalid="ignore"):
        variance = found.y**2 - 1 + (arms.n - 3) / (arms.n - 2) * rest * hypergeometric(1.0, arms.n / 2, rest)
    bad = {int(s): "its unbiased variance is not above 0" for s in np.flatnonzero(~(variance > 0))}
    return replace(found, V=tuple(variance.reshape(-1, 1, 1)), unusable=bad | found.unusable)
