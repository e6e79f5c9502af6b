"""Effects of means and standard deviations: mean difference and standardised mean difference."""

from __future__ import annotations

import numpy as np
from scipy.special import gammaln

from toolkit.engine.data import FloatArray
from toolkit.engine.effects.arms import StudyArms
from toolkit.engine.effects.blocks import Contrasts, difference_of_arms, two_arm_contrasts, two_arm_studies
from toolkit.model.spec import ZeroCells

__all__ = [
    "cohen_d",
    "glass_delta",
    "glass_delta_uncorrected",
    "glass_delta_unequal",
    "hedges_correction",
    "log_coefficient_of_variation_ratio",
    "log_response_ratio",
    "log_response_ratio_corrected",
    "log_variability_ratio",
    "mean_difference",
    "standardised_mean_difference",
    "standardised_mean_difference_revman",
    "standardised_mean_difference_unequal",
]


def hedges_correction(df: FloatArray) -> FloatArray:
    """Exact small-sample factor ``J = gamma(df/2) / (sqrt(df/2) gamma((df - 1)/2))``; NaN for df <= 1.

    References
    ----------
    Hedges 1981, J Educ Stat 6:107-128, equation 6e. doi:10.3102/10769986006002107
    """
    df = np.asarray(df, dtype=float)
    with np.errstate(invalid="ignore", divide="ignore"):
        factor = np.exp(gammaln(df / 2) - np.log(df / 2) / 2 - gammaln((df - 1) / 2))
    return np.where(df > 1, factor, np.nan)


def mean_difference(arms: StudyArms, policy: ZeroCells) -> Contrasts:
    """Mean differences with variances ``sd^2 / n`` of each arm, not assumed equal between arms."""
    y, V = difference_of_arms(arms.mean, arms.sd**2 / arms.n, arms.start)
    return Contrasts(y=y, V=V)


def standardised_mean_difference(arms: StudyArms, policy: ZeroCells) -> Contrasts:
    """Hedges' g against the base arm, standardised by the SD pooled over all arms of the study.

    Notes
    -----
    With N units in a study of *a* arms, ``g_j = J(N - a) (mean_j - mean_0) / s_pooled``, and

        var(g_j) = 1/n_j + 1/n_0 + g_j^2 / (2 N),    cov(g_i, g_j) = 1/n_0 + g_i g_j / (2 N),

    for two arms the large-sample variance that R's metafor calls "LS". One SD for all arms keeps the effects of a
    multi-arm study consistent (A-B plus B-C is A-C).

    References
    ----------
    Gleser, Olkin 2009, in The Handbook of Research Synthesis and Meta-Analysis, 2nd ed., chapter 19, eq. 19.26-19.27.
    Crippa, Orsini 2016, BMC Med Res Methodol 16:91, equations 4-5. doi:10.1186/s12874-016-0189-0
    Hedges 1981, J Educ Stat 6:107-128. doi:10.3102/10769986006002107
    """
    unit, total, df = pooled_units(arms)
    unit = unit * hedges_correction(df)
    return _standardised(arms, unit, total)


def cohen_d(arms: StudyArms, policy: ZeroCells) -> Contrasts:
    """Cohen's d: as `standardised_mean_difference` without the small-sample factor, which biases it away from zero.

    References
    ----------
    Cohen 1988, Statistical Power Analysis for the Behavioral Sciences, 2nd ed., chapter 2.
    """
    unit, total, _ = pooled_units(arms)
    return _standardised(arms, unit, total)


def pooled_units(arms: StudyArms) -> tuple[FloatArray, FloatArray, FloatArray]:
    """One over the SD pooled over all arms of a study (S,), its units, and its degrees of freedom."""
    first, size = arms.start[:-1], np.diff(arms.start)
    if not size.size:
        return np.empty(0), np.empty(0), np.empty(0)
    total = np.add.reduceat(arms.n, first)
    df = total - size
    with np.errstate(invalid="ignore", divide="ignore"):
        return 1 / np.sqrt(np.add.reduceat((arms.n - 1) * arms.sd**2, first) / df), total, df


def standardised_mean_difference_revman(arms: StudyArms, policy: ZeroCells) -> Contrasts:
    """Hedges' g as Review Manager computes it: ``J = 1 - 3 / (4N - 9)``, variance with ``N - 3.94``; two-arm studies.

    References
    ----------
    Deeks, Higgins 2010, Statistical algorithms in Review Manager 5, section "Standardized difference in means".
    """
    base, unusable = two_arm_studies(arms)
    n1, n2 = arms.n[base + 1], arms.n[base]
    total = n1 + n2
    with np.errstate(invalid="ignore", divide="ignore"):
        pooled = np.sqrt(((n1 - 1) * arms.sd[base + 1] ** 2 + (n2 - 1) * arms.sd[base] ** 2) / (total - 2))
        y = (arms.mean[base + 1] - arms.mean[base]) / pooled * (1 - 3 / (4 * total - 9))
        v = np.where(total > 3.94, total / (n1 * n2) + y**2 / (2 * (total - 3.94)), np.nan)
    return two_arm_contrasts(arms, y, v, unusable, "too few units for a standardised difference")


def glass_delta(arms: StudyArms, policy: ZeroCells) -> Contrasts:
    """Glass's delta: standardised by the SD of the base arm (the control), with the exact correction on its n - 1.

    Notes
    -----
    As `standardised_mean_difference` with the control's n in place of N in the second term.

    References
    ----------
    Glass 1976, Educ Res 5(10):3-8. doi:10.3102/0013189X005010003
    Gleser, Olkin 2009, in The Handbook of Research Synthesis and Meta-Analysis, 2nd ed., chapter 19, eq. 19.19-19.20.
    """
    base = arms.start[:-1]
    n = arms.n[base]
    with np.errstate(invalid="ignore", divide="ignore"):
        unit = hedges_correction(n - 1) / arms.sd[base]
    return _standardised(arms, unit, n)


def glass_delta_uncorrected(arms: StudyArms, policy: ZeroCells) -> Contrasts:
    """Glass's delta as he wrote it, without the small-sample factor; variance with the control's n - 1.

    References
    ----------
    Glass 1976, Educ Res 5(10):3-8. doi:10.3102/0013189X005010003
    """
    base = arms.start[:-1]
    with np.errstate(invalid="ignore", divide="ignore"):
        unit = np.where(arms.n[base] > 1, 1 / arms.sd[base], np.nan)
        return _standardised(arms, unit, arms.n[base] - 1)


def glass_delta_unequal(arms: StudyArms, policy: ZeroCells) -> Contrasts:
    """Glass's delta with a variance that does not take the SDs of the arms as equal; two-arm studies.

    References
    ----------
    Bonett 2008, Psychol Methods 13:99-109. doi:10.1037/1082-989X.13.2.99
    """
    base, unusable = two_arm_studies(arms)
    treated = base + 1
    df1, df0 = arms.n[treated] - 1, arms.n[base] - 1
    with np.errstate(invalid="ignore", divide="ignore"):
        y = hedges_correction(df0) * (arms.mean[treated] - arms.mean[base]) / arms.sd[base]
        v = arms.sd[treated] ** 2 / arms.sd[base] ** 2 / df1 + 1 / df0 + y**2 / (2 * df0)
    return two_arm_contrasts(arms, y, v, unusable, "too few units for a standardised difference")


def _standardised(arms: StudyArms, unit: FloatArray, units: FloatArray) -> Contrasts:
    """Mean differences times ``unit`` of the study, variances with ``g^2 / (2 units)``."""
    first = arms.start[:-1]
    size = np.diff(arms.start)
    other = np.ones(arms.n.size, dtype=bool)
    other[first] = False
    study = np.repeat(np.arange(size.size), size)[other]
    y = (arms.mean[other] - arms.mean[first][study]) * unit[study]
    if (size == 2).all():
        v = 1 / arms.n[other] + 1 / arms.n[first] + y**2 / (2 * units)
        V = tuple(v.reshape(-1, 1, 1))
    else:
        offset = arms.start - np.arange(arms.start.size)
        V = tuple(
            np.diag(1 / arms.n[arms.start[s] + 1 : arms.start[s + 1]])
            + 1 / arms.n[first[s]]
            + np.outer(y[offset[s] : offset[s + 1]], y[offset[s] : offset[s + 1]]) / (2 * units[s])
            for s in range(size.size)
        )
    why = "too few units for a standardised difference"
    return Contrasts(y=y, V=V, unusable={int(s): why for s in np.flatnonzero(~(np.isfinite(unit)))})


def standardised_mean_difference_unequal(arms: StudyArms, policy: ZeroCells) -> Contrasts:
    """Difference of two means standardised by the root of their average variance (no equal SDs assumed).

    Two-arm studies only: the covariance with a third arm has no published form.

    References
    ----------
    Bonett 2008, Psychol Methods 13:99-109. doi:10.1037/1082-989X.13.2.99
    Bonett 2009, Psychol Methods 14:225-238. doi:10.1037/a0016619
    """
    base, unusable = two_arm_studies(arms)
    treated = base + 1
    n1, n2, v1, v2 = arms.n[treated], arms.n[base], arms.sd[treated] ** 2, arms.sd[base] ** 2
    with np.errstate(invalid="ignore", divide="ignore"):
        y = hedges_correction(n1 + n2 - 2) * (arms.mean[treated] - arms.mean[base]) / np.sqrt((v1 + v2) / 2)
        spread = (v1**2 / (n1 - 1) + v2**2 / (n2 - 1)) / (2 * (v1 + v2) ** 2)
        v = y**2 * spread + (v1 / (n1 - 1) + v2 / (n2 - 1)) / ((v1 + v2) / 2)
    return two_arm_contrasts(arms, y, v, unusable, "too few units for a standardised difference")


def log_response_ratio(arms: StudyArms, policy: ZeroCells) -> Contrasts:
    """Log ratio of means; means of one study must have one sign and not be zero.

    References
    ----------
    Hedges, Gurevitch, Curtis 1999, Ecology 80:1150-1156. doi:10.1890/0012-9658(1999)080[1150:TMAORR]2.0.CO;2
    """
    return _response_ratio(arms, 0.0)


def log_response_ratio_corrected(arms: StudyArms, policy: ZeroCells) -> Contrasts:
    """Log ratio of means with the second-order term ``sd^2 / (2 n mean^2)`` of each arm, which small arms need.

    References
    ----------
    Lajeunesse 2015, Ecology 96:2056-2063, equation 8. doi:10.1890/14-2402.1
    """
    return _response_ratio(arms, 0.5)


def _response_ratio(arms: StudyArms, half: float) -> Contrasts:
    with np.errstate(divide="ignore", invalid="ignore"):
        variance = arms.sd**2 / (arms.n * arms.mean**2)
        y, V = difference_of_arms(np.log(np.abs(arms.mean)) + half * variance, variance, arms.start)
    return Contrasts(y=y, V=V, unusable=_sign_changes(arms, "a ratio of means needs means of one sign, not zero"))


def log_variability_ratio(arms: StudyArms, policy: ZeroCells) -> Contrasts:
    """Log ratio of standard deviations with the small-sample term ``1 / (2 (n - 1))`` of each arm.

    References
    ----------
    Nakagawa et al. 2015, Methods Ecol Evol 6:143-152, equations 5-6. doi:10.1111/2041-210X.12309
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        half = 1 / (2 * (arms.n - 1))
        y, V = difference_of_arms(np.log(arms.sd) + half, half, arms.start)
    return Contrasts(y=y, V=V, unusable=_single_units(arms))


def log_coefficient_of_variation_ratio(arms: StudyArms, policy: ZeroCells) -> Contrasts:
    """Log ratio of coefficients of variation with second-order terms; mean and SD taken as uncorrelated.

    References
    ----------
    Nakagawa et al. 2015, Methods Ecol Evol 6:143-152, equations 11-12. doi:10.1111/2041-210X.12309
    Senior, Viechtbauer, Nakagawa 2020, Res Synth Methods 11:553-567 (the terms of the means). doi:10.1002/jrsm.1423
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        half = 1 / (2 * (arms.n - 1))
        of_mean = arms.sd**2 / (arms.n * arms.mean**2)
        value = np.log(arms.sd / np.abs(arms.mean)) + half - of_mean / 2
        variance = half + of_mean
        y, V = difference_of_arms(value, variance, arms.start)
    reason = "a coefficient of variation needs means of one sign, not zero"
    return Contrasts(y=y, V=V, unusable=_sign_changes(arms, reason) | _single_units(arms))


def _sign_changes(arms: StudyArms, why: str) -> dict[int, str]:
    if not arms.studies:
        return {}
    low = np.minimum.reduceat(arms.mean, arms.start[:-1])
    high = np.maximum.reduceat(arms.mean, arms.start[:-1])
    return {int(s): why for s in np.flatnonzero(~((low > 0) | (high < 0)))}


def _single_units(arms: StudyArms) -> dict[int, str]:
    few = arms.n <= 1
    return {int(s): "an arm of one unit has no standard deviation" for s in np.unique(arms.study_of_arm[few])}
