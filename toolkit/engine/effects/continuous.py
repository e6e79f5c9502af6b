"""Effects of means and standard deviations: mean difference and standardised mean difference."""

from __future__ import annotations

import numpy as np
from scipy.special import gammaln

from toolkit.engine.data import FloatArray
from toolkit.engine.effects.arms import StudyArms
from toolkit.engine.effects.blocks import Contrasts, difference_of_arms
from toolkit.model.spec import ZeroCells

__all__ = ["hedges_correction", "mean_difference", "standardised_mean_difference"]


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
    first = arms.start[:-1]
    size = np.diff(arms.start)
    if not size.size:
        return Contrasts(y=np.empty(0), V=())
    total = np.add.reduceat(arms.n, first)
    df = total - size
    with np.errstate(invalid="ignore", divide="ignore"):
        pooled = np.sqrt(np.add.reduceat((arms.n - 1) * arms.sd**2, first) / df)
        unit = hedges_correction(df) / pooled
    other = np.ones(arms.n.size, dtype=bool)
    other[first] = False
    study = np.repeat(np.arange(size.size), size)[other]
    y = (arms.mean[other] - arms.mean[first][study]) * unit[study]
    if (size == 2).all():
        v = 1 / arms.n[other] + 1 / arms.n[first] + y**2 / (2 * total)
        V = tuple(v.reshape(-1, 1, 1))
    else:
        offset = arms.start - np.arange(arms.start.size)
        V = tuple(
            np.diag(1 / arms.n[arms.start[s] + 1 : arms.start[s + 1]])
            + 1 / arms.n[first[s]]
            + np.outer(y[offset[s] : offset[s + 1]], y[offset[s] : offset[s + 1]]) / (2 * total[s])
            for s in range(size.size)
        )
    why = "too few units for a pooled standard deviation"
    return Contrasts(y=y, V=V, unusable={int(s): why for s in np.flatnonzero(~(np.isfinite(unit)))})
