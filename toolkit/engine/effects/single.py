"""Effects of one group: proportions, rates, means, correlations; every arm is a study of its own.

Input is `StudyArms` with one arm a study; outputs are (A,) values with 1 x 1 blocks.
"""

from __future__ import annotations

import numpy as np
from scipy.special import hyp2f1, ndtri

from toolkit.engine.data import FloatArray
from toolkit.engine.effects.arms import StudyArms
from toolkit.engine.effects.binary import log_odds, log_risk, risk, zero_cell_rule
from toolkit.engine.effects.blocks import Contrasts
from toolkit.engine.effects.continuous import hedges_correction
from toolkit.engine.effects.rates import added_to_events
from toolkit.model.spec import ZeroCells

__all__ = [
    "arcsine_proportion",
    "correlation",
    "fisher_z",
    "freeman_tukey_proportion",
    "freeman_tukey_rate",
    "log_coefficient_of_variation",
    "log_mean",
    "log_proportion",
    "log_rate",
    "log_standard_deviation",
    "logit_proportion",
    "mean",
    "probit_proportion",
    "proportion",
    "rate",
    "root_rate",
    "standardised_mean",
    "unbiased_correlation",
]


def _single(value: FloatArray, variance: FloatArray, why: str, corrected: dict[int, str] | None = None) -> Contrasts:
    bad = ~(np.isfinite(value) & np.isfinite(variance) & (variance > 0))
    return Contrasts(
        y=value,
        V=tuple(variance.reshape(-1, 1, 1)),
        corrected=corrected or {},
        unusable={int(s): why for s in np.flatnonzero(bad)},
    )


def _corrected_cells(arms: StudyArms, policy: ZeroCells) -> tuple[FloatArray, FloatArray, dict[int, str]]:
    add, corrected, _ = zero_cell_rule(arms, _keeping(policy))
    text = {s: f"{what} to events and non-events" for s, what in corrected.items()}
    return arms.events + add, arms.n + 2 * add, text


def _keeping(policy: ZeroCells) -> ZeroCells:
    """The policy without dropping: one group has no double zero."""
    return ZeroCells(add=policy.add, to=policy.to, drop_double_zero=False)


def proportion(arms: StudyArms, policy: ZeroCells) -> Contrasts:
    """Raw proportions with binomial variance; intervals may leave 0 to 1.

    As for a risk difference, ``policy.risk_difference`` corrects the variance alone or proportion and variance.
    """
    events, n, corrected = _corrected_cells(arms, policy)
    value, variance = risk(events, n)
    if policy.risk_difference == "variance":
        value, _ = risk(arms.events, arms.n)
        corrected = {s: f"{text}, for the variance only" for s, text in corrected.items()}
    return _single(value, variance, "no events, or events in everybody: the variance is zero", corrected)


def log_proportion(arms: StudyArms, policy: ZeroCells) -> Contrasts:
    """Log proportions.

    With ``policy.risk_ratio`` "cells" events and non-events are corrected. With "events" what is added goes to the
    events, and so to the units; where everybody has the event it goes to the units in the variance alone (as in meta).
    """
    events, n, corrected = _corrected_cells(arms, policy)
    why = "no events, or events in everybody, and no correction"
    if policy.risk_ratio == "cells":
        return _single(*log_risk(events, n), why, corrected)
    add = events - arms.events
    full = arms.events == arms.n
    events = np.where(full, arms.events, events)
    value, variance = log_risk(events, arms.n + add)
    text = {s: what.replace("events and non-events", "the events") for s, what in corrected.items()}
    return _single(np.where(full, 0.0, value), variance, why, text)


def logit_proportion(arms: StudyArms, policy: ZeroCells) -> Contrasts:
    """Logits of proportions."""
    events, n, corrected = _corrected_cells(arms, policy)
    return _single(*log_odds(events, n), "no events, or events in everybody, and no correction", corrected)


def arcsine_proportion(arms: StudyArms, policy: ZeroCells) -> Contrasts:
    """``arcsin(sqrt(p))`` with variance ``1 / (4 n)``; no correction is needed."""
    return _single(np.arcsin(np.sqrt(arms.events / arms.n)), 1 / (4 * arms.n), "no units")


def freeman_tukey_proportion(arms: StudyArms, policy: ZeroCells) -> Contrasts:
    """Double arcsine ``(arcsin sqrt(x / (n + 1)) + arcsin sqrt((x + 1) / (n + 1))) / 2``, variance ``1 / (4 n + 2)``.

    Turning the pooled value back needs a sample size that it does not have (Schwarzer 2019); prefer a GLMM or logits.

    References
    ----------
    Freeman, Tukey 1950, Ann Math Stat 21:607-611. doi:10.1214/aoms/1177729756
    Schwarzer, Chemaitelly, Abu-Raddad, Ruecker 2019, Res Synth Methods 10:476-483. doi:10.1002/jrsm.1348
    """
    x, n = arms.events, arms.n
    value = (np.arcsin(np.sqrt(x / (n + 1))) + np.arcsin(np.sqrt((x + 1) / (n + 1)))) / 2
    return _single(value, 1 / (4 * n + 2), "no units")


def probit_proportion(arms: StudyArms, policy: ZeroCells) -> Contrasts:
    """Probits of proportions with the variance of the delta method."""
    events, n, corrected = _corrected_cells(arms, policy)
    p = events / n
    with np.errstate(divide="ignore", invalid="ignore"):
        probit = ndtri(p)
        variance = 2 * np.pi * p * (1 - p) * np.exp(probit**2) / n
    return _single(probit, variance, "no events, or events in everybody, and no correction", corrected)


def rate(arms: StudyArms, policy: ZeroCells) -> Contrasts:
    """Raw incidence rates."""
    add, corrected = added_to_events(arms, _keeping(policy))
    events = arms.events + add
    return _single(events / arms.time, events / arms.time**2, "no events and no correction", corrected)


def log_rate(arms: StudyArms, policy: ZeroCells) -> Contrasts:
    """Log incidence rates."""
    add, corrected = added_to_events(arms, _keeping(policy))
    events = arms.events + add
    with np.errstate(divide="ignore"):
        return _single(np.log(events / arms.time), 1 / events, "no events and no correction", corrected)


def root_rate(arms: StudyArms, policy: ZeroCells) -> Contrasts:
    """Square roots of incidence rates with variance ``1 / (4 time)``; no correction is needed."""
    return _single(np.sqrt(arms.events / arms.time), 1 / (4 * arms.time), "no person-time")


def freeman_tukey_rate(arms: StudyArms, policy: ZeroCells) -> Contrasts:
    """``(sqrt(x / T) + sqrt((x + 1) / T)) / 2`` with variance ``1 / (4 T)``; shown back as a square root is.

    References
    ----------
    Freeman, Tukey 1950, Ann Math Stat 21:607-611. doi:10.1214/aoms/1177729756
    """
    value = (np.sqrt(arms.events / arms.time) + np.sqrt((arms.events + 1) / arms.time)) / 2
    return _single(value, 1 / (4 * arms.time), "no person-time")


def mean(arms: StudyArms, policy: ZeroCells) -> Contrasts:
    """Means with variance ``sd^2 / n``."""
    return _single(arms.mean, arms.sd**2 / arms.n, "no variance")


def log_mean(arms: StudyArms, policy: ZeroCells) -> Contrasts:
    """Logs of means with variance ``sd^2 / (n mean^2)``; means must be positive."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return _single(np.log(arms.mean), arms.sd**2 / (arms.n * arms.mean**2), "the mean is not above 0")


def standardised_mean(arms: StudyArms, policy: ZeroCells) -> Contrasts:
    """Means in SDs, ``J m / s``, with variance ``1 / n + y^2 / (2 n)``."""
    with np.errstate(divide="ignore", invalid="ignore"):
        y = hedges_correction(arms.n - 1) * arms.mean / arms.sd
        return _single(y, 1 / arms.n + y**2 / (2 * arms.n), "too few units")


def log_standard_deviation(arms: StudyArms, policy: ZeroCells) -> Contrasts:
    """``log s + 1 / (2 (n - 1))`` with variance ``1 / (2 (n - 1))``.

    References
    ----------
    Nakagawa et al. 2015, Methods Ecol Evol 6:143-152. doi:10.1111/2041-210X.12309
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        half = np.where(arms.n > 1, 1 / (2 * (arms.n - 1)), np.nan)
        return _single(np.log(arms.sd) + half, half, "one unit has no standard deviation")


def log_coefficient_of_variation(arms: StudyArms, policy: ZeroCells) -> Contrasts:
    """``log(s / m) + 1 / (2 (n - 1))`` with variance ``1 / (2 (n - 1)) + s^2 / (n m^2)``; means above 0.

    References
    ----------
    Nakagawa et al. 2015, Methods Ecol Evol 6:143-152. doi:10.1111/2041-210X.12309
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        half = np.where(arms.n > 1, 1 / (2 * (arms.n - 1)), np.nan)
        value = np.log(arms.sd / arms.mean) + half
        return _single(value, half + arms.sd**2 / (arms.n * arms.mean**2), "one unit, or a mean not above 0")


def correlation(arms: StudyArms, policy: ZeroCells) -> Contrasts:
    """Correlations with the large-sample variance ``(1 - r^2)^2 / (n - 1)``."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return _single(arms.r, (1 - arms.r**2) ** 2 / (arms.n - 1), "too few units")


def unbiased_correlation(arms: StudyArms, policy: ZeroCells) -> Contrasts:
    """Olkin and Pratt's unbiased correlations ``r 2F1(1/2, 1/2; (n - 2)/2; 1 - r^2)``.

    References
    ----------
    Olkin, Pratt 1958, Ann Math Stat 29:201-211. doi:10.1214/aoms/1177706717
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        r = np.where(arms.n > 4, arms.r * _olkin_pratt(arms.r, arms.n), np.nan)
        return _single(r, (1 - r**2) ** 2 / (arms.n - 1), "too few units")


def _olkin_pratt(r: FloatArray, n: FloatArray) -> FloatArray:
    """``2F1(1/2, 1/2; (n - 2)/2; 1 - r^2)``."""
    return hypergeometric(0.5, (n - 2) / 2, 1 - r**2)


def hypergeometric(a: float, c: FloatArray, z: FloatArray) -> FloatArray:
    """``2F1(a, a; c; z)`` for a up to 1 and z from 0 to 1; its power series where c is large.

    The library function overflows there (gamma functions of c near z = 1); the terms fall below 1e-17 within 60 steps
    for c >= 20.
    """
    series = np.ones_like(z)
    term = np.ones_like(z)
    for k in range(60):
        term = term * (k + a) ** 2 / ((c + k) * (k + 1)) * z
        series += term
    value: FloatArray = np.where(c >= 20, series, hyp2f1(a, a, np.minimum(c, 20), z))
    return value


def fisher_z(arms: StudyArms, policy: ZeroCells) -> Contrasts:
    """``atanh(r)`` with variance ``1 / (n - 3)``.

    References
    ----------
    Fisher 1921, Metron 1:3-32.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        return _single(np.arctanh(arms.r), np.where(arms.n > 3, 1 / (arms.n - 3), np.nan), "fewer than four units")
