"""How much the answer hangs on single studies: leave-one-out, cumulative, influence, Baujat; no refit loop.

All refits of a table are rows of one batch (``m``: which studies are in).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module

import numpy as np
from scipy.special import chdtr, chdtrc

from toolkit.engine.data import FloatArray
from toolkit.engine.intervals import Standard, interval_wald, quantile, two_sided_p
from toolkit.engine.mh_of_arms import around, centres, dersimonian_laird_around
from toolkit.engine.pooling import Pooled, pool_inverse_variance
from toolkit.engine.results import Estimate, Heterogeneity, PairwiseResult
from toolkit.engine.tau2 import Tau2Batch
from toolkit.model.choices import INTERVALS, TAU2_METHODS
from toolkit.model.errors import InputError, NotEstimable

__all__ = ["Influence", "Refit", "cumulative", "influence", "leave_one_out", "studies_of", "tau2_of_samples"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Refit:
    """One fit of a table of refits; ``random`` and ``tau2`` are None where fewer than two studies are in.

    ``study`` is the study left out (leave-one-out) or added last (cumulative).
    """

    study: str
    k: int
    common: Estimate
    random: Estimate | None
    tau2: float | None
    heterogeneity: Heterogeneity | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Influence:
    """Influence of one study on the random-effects fit; "without" means the fit that leaves it out.

    Attributes
    ----------
    hat : weight in the fit, a proportion
    rstandard, rstudent : standardised residual, and residual against the fit without the study
    dffits, dfbeta : change of the estimate in standard errors (of the study's fitted value; of the estimate)
    cook : squared change of the estimate over its variance
    cov_ratio : variance of the estimate without the study over that with it
    tau2_without, q_without : tau2 and Q without the study
    baujat_x, baujat_y : contribution to heterogeneity, and squared standardised change of the estimate
    influential : any of the cut-offs of Viechtbauer and Cheung is passed
    """

    study: str
    hat: float
    rstandard: float
    rstudent: float
    dffits: float
    cook: float
    cov_ratio: float
    dfbeta: float
    tau2_without: float
    q_without: float
    baujat_x: float
    baujat_y: float
    influential: bool


def studies_of(result: PairwiseResult) -> tuple[list[str], FloatArray, FloatArray]:
    """Names, effects (k,) and variances (k,) of the studies in the fit."""
    rows = [row for row in result.studies if row.y is not None and row.se is not None and row.excluded is None]
    y = np.array([row.y for row in rows], dtype=float)
    se = np.array([row.se for row in rows], dtype=float)
    return [row.study for row in rows], y, se**2


def _needs_effects(result: PairwiseResult, what: str) -> None:
    if result.spec.model != "IV":
        raise InputError(
            f"{what} is for inverse-variance fits.", value=result.spec.model, hint="Fit with model='IV' (--model IV)."
        )


def _function(target: str):  # type: ignore[no-untyped-def]
    module, _, name = target.partition(":")
    return getattr(import_module(module), name)


def tau2_of_samples(result: PairwiseResult, y: FloatArray, v: FloatArray, m: FloatArray) -> FloatArray:
    """Between-study variance (B,) of samples ``m`` (B, k) of the studies, by the estimator of the fit."""
    if result.spec.q_around == "MH":
        return dersimonian_laird_around(y, v, centres(result, m), m)
    found: Tau2Batch = _function(TAU2_METHODS[result.spec.tau2].target)(y, v, m)
    return found.value


def _estimates(pooled: Pooled, standard: Standard, level: float, method: str) -> list[Estimate]:
    with np.errstate(invalid="ignore", divide="ignore"):
        half = quantile(level, standard.df) * standard.se
        statistic = np.where(standard.se > 0, pooled.mean / standard.se, np.sign(pooled.mean) * np.inf)
    p = two_sided_p(statistic, standard.df)
    return [
        Estimate(
            estimate=float(pooled.mean[i]),
            se=float(standard.se[i]),
            ci_low=float(pooled.mean[i] - half[i]),
            ci_high=float(pooled.mean[i] + half[i]),
            statistic=float(statistic[i]),
            p=float(p[i]),
            df=float(standard.df[i]) if np.isfinite(standard.df[i]) else None,
            method=method,
        )
        for i in range(pooled.mean.size)
    ]


def _refits(
    result: PairwiseResult, y: FloatArray, v: FloatArray, m: FloatArray, names: Sequence[str]
) -> tuple[Refit, ...]:
    """The fits whose studies the rows of ``m`` (B, k) name."""
    spec = result.spec
    k = m.sum(axis=1)
    tau2 = tau2_of_samples(result, y, v, m)
    common = pool_inverse_variance(y, v, 0.0, m)
    q = around(y, v, centres(result, m), m) if spec.q_around == "MH" else common.q
    random = pool_inverse_variance(y, v, np.where(k > 1, tau2, 0.0), m)
    commons = _estimates(common, interval_wald(common), spec.level, "IV")
    standard: Standard = _function(INTERVALS[spec.ci].target)(random)
    randoms = _estimates(random, standard, spec.level, spec.ci)
    walds = _estimates(random, interval_wald(random), spec.level, "Wald")
    w = m / v
    total = w.sum(axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        typical = (k - 1) / (total - (w / v).sum(axis=1) / total)
    rows = []
    for i, name in enumerate(names):
        several = k[i] > 1
        # As ``ci="auto"`` does: two studies get Wald's interval, not a safeguarded one on one degree of freedom.
        shown = walds[i] if k[i] == 2 and spec.ci == "HK_adhoc" else randoms[i]
        rows.append(
            Refit(
                study=name,
                k=int(k[i]),
                common=commons[i],
                random=shown if several else None,
                tau2=float(tau2[i]) if several else None,
                heterogeneity=_heterogeneity(float(q[i]), int(k[i]) - 1, float(tau2[i]), float(typical[i]))
                if several
                else None,
            )
        )
    return tuple(rows)


def _heterogeneity(q: float, df: int, tau2: float, typical: float) -> Heterogeneity:
    return Heterogeneity(
        q=q,
        df=df,
        p=float(chdtrc(df, q)),
        i2_q=max(0.0, (q - df) / q) if q > 0 else 0.0,
        i2_tau2=tau2 / (tau2 + typical),
        h2=1 + tau2 / typical,
    )


def leave_one_out(result: PairwiseResult) -> tuple[Refit, ...]:
    """The fit without each study in turn, in the order of the study table.

    Raises
    ------
    NotEstimable
        With fewer than two studies.

    Examples
    --------
    >>> from toolkit.engine.effects import effects_from_estimates
    >>> from toolkit.engine.pairwise import pairwise
    >>> fits = leave_one_out(pairwise(effects_from_estimates("ABC", [0.0, 1.0, 2.0], v=[1.0, 1.0, 1.0])))
    >>> [(fit.study, fit.common.estimate) for fit in fits]
    [('A', 1.5), ('B', 1.0), ('C', 0.5)]
    """
    _needs_effects(result, "Leave-one-out")
    names, y, v = studies_of(result)
    if len(names) < 2:
        raise NotEstimable("Leave-one-out takes at least two studies.")
    return _refits(result, y, v, 1 - np.eye(len(names)), names)


def cumulative(result: PairwiseResult, order: Sequence[float] | Sequence[str] | None = None) -> tuple[Refit, ...]:
    """The fit after each further study.

    Parameters
    ----------
    result : a fit
    order : one value a study in the fit (a year, a quality) that sorts them, ties in table order; table order if None

    References
    ----------
    Lau, Antman, Jimenez-Silva, Kupelnick, Mosteller, Chalmers 1992, N Engl J Med 327:248-254.
    doi:10.1056/NEJM199207233270406
    """
    _needs_effects(result, "A cumulative analysis")
    names, y, v = studies_of(result)
    if not names:
        raise NotEstimable("There is no study to accumulate.")
    if order is not None and len(order) != len(names):
        raise InputError(f"The order has {len(order)} values for {len(names)} studies in the fit.")
    index = np.arange(len(names)) if order is None else np.argsort(np.asarray(order), kind="stable")
    m = np.tril(np.ones((len(names), len(names))))
    return _refits(result, y[index], v[index], m, [names[i] for i in index])


def influence(result: PairwiseResult, model: str = "random") -> tuple[Influence, ...]:
    """Influence of each study on the random-effects fit, or with ``model="common"`` on the common-effect one.

    Notes
    -----
    With ``h`` the weight of a study, cut-offs (Viechtbauer and Cheung 2010): ``|dffits| > 3 sqrt(1/(k - 1))``, Cook's
    distance beyond the median of chi-squared with 1 df, ``h > 3/k``, ``|dfbeta| > 1``.

    References
    ----------
    Viechtbauer, Cheung 2010, Res Synth Methods 1:112-125. doi:10.1002/jrsm.11
    Baujat, Mahe, Pignon, Hill 2002, Stat Med 21:2641-2652. doi:10.1002/sim.1221
    """
    _needs_effects(result, "Influence")
    names, y, v = studies_of(result)
    k = len(names)
    if k < 3 or result.tau2 is None:
        raise NotEstimable("Influence takes at least three studies.")
    if model not in ("random", "common"):
        raise InputError("Unknown model.", value=model, allowed="random, common")
    if model == "common":
        return tuple(_influence_rows(names, y, v, 0.0, np.zeros(k)))
    return tuple(_influence_rows(names, y, v, result.tau2.value, tau2_of_samples(result, y, v, 1 - np.eye(k))))


def _influence_rows(
    names: list[str], y: FloatArray, v: FloatArray, tau2: float, without: FloatArray
) -> list[Influence]:
    k = y.size
    m = 1 - np.eye(k)
    full = pool_inverse_variance(y, v, tau2)
    mu, se, hat = float(full.mean[0]), float(full.se[0]), full.weight[0]
    rest = pool_inverse_variance(y, v, without, m)
    q_without = pool_inverse_variance(y, v, 0.0, m).q
    change = mu - rest.mean
    rstandard = (y - mu) / np.sqrt((v + tau2) * (1 - hat))
    rstudent = (y - rest.mean) / np.sqrt(v + without + rest.se**2)
    # The change in units of the fit of all studies at the tau2 found without the study.
    se_at_without = np.sqrt(1 / (1 / (v[None, :] + without[:, None])).sum(axis=1))
    dfbeta = change / se_at_without
    dffits = change / np.sqrt(hat * (v + without))
    cook = change**2 / se**2
    flags = (np.abs(dffits) > 3 * np.sqrt(1 / (k - 1))) | (chdtr(1, cook) > 0.5) | (hat > 3 / k) | (np.abs(dfbeta) > 1)
    columns = {
        "hat": hat,
        "rstandard": rstandard,
        "rstudent": rstudent,
        "dffits": dffits,
        "cook": cook,
        "cov_ratio": rest.se**2 / se**2,
        "dfbeta": dfbeta,
        "tau2_without": without,
        "q_without": q_without,
        "baujat_x": (y - mu) ** 2 / (v + tau2),
        "baujat_y": change**2 / rest.se**2,
    }
    return [
        Influence(study=name, influential=bool(flags[i]), **{key: float(values[i]) for key, values in columns.items()})
        for i, name in enumerate(names)
    ]
