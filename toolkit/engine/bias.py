"""Small-study effects: regression and rank tests, trim-and-fill. None of them proves publication bias.

A test is one function and one entry of `TESTS`. With fewer than ten studies the tests have little power and are
refused unless forced (Sterne 2011).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from scipy.special import ndtr

from toolkit.engine.bias_counts import standardised_counts
from toolkit.engine.data import FloatArray
from toolkit.engine.effects import effects_from_estimates
from toolkit.engine.effects.binary import peto
from toolkit.engine.intervals import quantile, two_sided_p
from toolkit.engine.pairwise import pairwise
from toolkit.engine.regression import RegressionFit, fit_mixed, fit_weighted
from toolkit.engine.results import Interval, PairwiseResult
from toolkit.engine.sensitivity import studies_of
from toolkit.model.errors import InputError, NotEstimable
from toolkit.model.wording import counted

__all__ = ["TESTS", "SmallStudyTest", "TrimFill", "default_test", "kendall", "small_study_test", "trim_and_fill"]

_FEWEST = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class SmallStudyTest:
    """Outcome of a test of funnel asymmetry.

    Attributes
    ----------
    test : key of `TESTS`
    k : studies in the test
    bias, se : slope on the measure of size with its standard error; for Begg and Schwarzer Kendall's S and its
        standard error
    statistic, df, p : t on df, or z where df is None; two-sided
    limit : estimate at infinite precision with its interval, where the test has one (model scale)
    caution : why to read it with care, None if there is no special reason
    """

    test: str
    k: int
    bias: float
    se: float
    statistic: float
    df: int | None
    p: float
    limit: float | None = None
    limit_ci: Interval | None = None
    caution: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TrimFill:
    """Trim-and-fill: how many studies are imputed on which side, and the fit with them.

    Attributes
    ----------
    k0, se_k0 : number of imputed studies and its standard error (None where its variance formula turns negative)
    side : "left" or "right", where studies are imputed
    estimator : "L0", "R0" or "Q0"
    y, v : (k0,) imputed effects and variances
    filled : the fit of observed and imputed studies
    """

    k0: int
    se_k0: float | None
    side: str
    estimator: str
    y: FloatArray
    v: FloatArray
    filled: PairwiseResult


@dataclass(frozen=True, slots=True, kw_only=True)
class _Data:
    y: FloatArray
    v: FloatArray
    counts: FloatArray | None
    n: FloatArray | None
    level: float
    add: float | None = None


def _data(result: PairwiseResult) -> _Data:
    names, y, v = studies_of(result)
    rows = {row.study: row for row in result.studies}
    events = np.array([[*rows[name].events] for name in names], dtype=float).reshape(-1, 2)
    n = np.array([[*rows[name].n] for name in names], dtype=float).reshape(-1, 2)
    counts = np.column_stack([events[:, 0], n[:, 0], events[:, 1], n[:, 1]])
    return _Data(
        y=y,
        v=v,
        counts=counts if counts.size and not np.isnan(counts).any() else None,
        n=n if n.size and not np.isnan(n).any() else None,
        level=result.spec.level,
        add=result.spec.zero_cells.add if result.spec.mantel_haenszel == "corrected" else None,
    )


def _counts(data: _Data, test: str) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
    if data.counts is None:
        raise InputError(f"{test}'s test needs the events and units of both arms of every study.")
    e1, n1, e2, n2 = data.counts.T
    return e1, n1, e2, n2


def _sizes(data: _Data, test: str) -> tuple[FloatArray, FloatArray]:
    if data.n is None:
        raise InputError(f"{test}'s test needs the units of both arms of every study.")
    return data.n[:, 0], data.n[:, 1]


def _slope(test: str, data: _Data, fit: RegressionFit, *, t: bool = True, limit: bool = True) -> SmallStudyTest:
    """A test of the second coefficient; ``limit`` where the first is the estimate at infinite precision."""
    statistic = float(fit.beta[1] / fit.se[1])
    df = fit.df if t else None
    half = float(quantile(data.level, float(fit.df) if t else np.inf)) * float(fit.se[0])
    at = float(fit.beta[0])
    return SmallStudyTest(
        test=test,
        k=fit.df + 2,
        bias=float(fit.beta[1]),
        se=float(fit.se[1]),
        statistic=statistic,
        df=df,
        p=float(two_sided_p(statistic, float(fit.df) if t else np.inf)),
        limit=at if limit else None,
        limit_ci=Interval(low=at - half, high=at + half, method="t" if t else "Wald") if limit else None,
    )


def _design(x: FloatArray) -> FloatArray:
    return np.column_stack([np.ones_like(x), x])


def egger(data: _Data) -> SmallStudyTest:
    """Effects on their standard errors, weights 1/v, multiplicative dispersion.

    References
    ----------
    Egger, Davey Smith, Schneider, Minder 1997, BMJ 315:629-634. doi:10.1136/bmj.315.7109.629
    """
    return _slope("Egger", data, fit_weighted(data.y, data.v, _design(np.sqrt(data.v))))


def egger_random(data: _Data) -> SmallStudyTest:
    """Effects on their standard errors in a mixed model (tau2 by REML), z test.

    References
    ----------
    Sterne, Egger 2005, in Publication Bias in Meta-Analysis, chapter 6. doi:10.1002/0470870168.ch6
    """
    return _slope("Egger_random", data, fit_mixed(data.y, data.v, _design(np.sqrt(data.v))), t=False)


def thompson(data: _Data) -> SmallStudyTest:
    """Effects on their standard errors in a mixed model (tau2 by moments), t test.

    References
    ----------
    Thompson, Sharp 1999, Stat Med 18:2693-2708, model 3a.
    doi:10.1002/(SICI)1097-0258(19991030)18:20<2693::AID-SIM235>3.0.CO;2-V
    """
    return _slope("Thompson", data, fit_mixed(data.y, data.v, _design(np.sqrt(data.v)), "DL"))


def harbord(data: _Data) -> SmallStudyTest:
    """Egger's regression on the score of Peto's method, ``Z/V`` on ``1/sqrt(V)``: fewer false alarms for odds ratios.

    References
    ----------
    Harbord, Egger, Sterne 2006, Stat Med 25:3443-3457. doi:10.1002/sim.2380
    """
    y, v = peto(*_counts(data, "Harbord"))
    usable = np.isfinite(v)
    return _slope("Harbord", data, fit_weighted(y[usable], v[usable], _design(np.sqrt(v[usable]))), limit=False)


def peters(data: _Data) -> SmallStudyTest:
    """Log odds ratios on 1/N, weights from the margin of events.

    References
    ----------
    Peters, Sutton, Jones, Abrams, Rushton 2006, JAMA 295:676-680. doi:10.1001/jama.295.6.676
    """
    e1, n1, e2, n2 = _counts(data, "Peters")
    return _slope("Peters", data, _on_margin(data, 1 / (n1 + n2), e1 + e2, n1 + n2))


def macaskill(data: _Data) -> SmallStudyTest:
    """Effects on N, weights 1/v (the form "FIV" of the paper).

    References
    ----------
    Macaskill, Walter, Irwig 2001, Stat Med 20:641-654. doi:10.1002/sim.698
    """
    n1, n2 = _sizes(data, "Macaskill")
    return _slope("Macaskill", data, fit_weighted(data.y, data.v, _design(n1 + n2)), limit=False)


def _on_margin(data: _Data, x: FloatArray, events: FloatArray, total: FloatArray) -> RegressionFit:
    with np.errstate(divide="ignore"):
        v = 1 / events + 1 / (total - events)
    usable = np.isfinite(v)
    return fit_weighted(data.y[usable], v[usable], _design(x[usable]))


def deeks(data: _Data) -> SmallStudyTest:
    """Log (diagnostic) odds ratios on 1/sqrt(effective sample size), weights the effective sample size.

    References
    ----------
    Deeks, Macaskill, Irwig 2005, J Clin Epidemiol 58:882-893. doi:10.1016/j.jclinepi.2005.01.016
    """
    n1, n2 = _sizes(data, "Deeks")
    v = (n1 + n2) / (4 * n1 * n2)
    return _slope("Deeks", data, fit_weighted(data.y, v, _design(np.sqrt(v))))


def pustejovsky(data: _Data) -> SmallStudyTest:
    """Standardised mean differences on ``sqrt(1/n1 + 1/n2)``, the part of their standard error free of the effect.

    Weights are 1/v.

    References
    ----------
    Pustejovsky, Rodgers 2019, Res Synth Methods 10:57-71. doi:10.1002/jrsm.1332
    """
    n1, n2 = _sizes(data, "Pustejovsky")
    return _slope("Pustejovsky", data, fit_weighted(data.y, data.v, _design(np.sqrt(1 / n1 + 1 / n2))))


def begg(data: _Data) -> SmallStudyTest:
    """Kendall's rank correlation of standardised effects and variances, normal approximation with ties.

    References
    ----------
    Begg, Mazumdar 1994, Biometrics 50:1088-1101. doi:10.2307/2533446
    """
    w = 1 / data.v
    spread = data.v - 1 / w.sum()
    apart = data.y - (w * data.y).sum() / w.sum()
    # Of equal effects the deviations are rounding error, which has ranks, too.
    apart = np.where(np.abs(apart) <= 1e-13 * np.abs(data.y).max(), 0.0, apart)
    s, se, _ = kendall(apart / np.sqrt(spread), data.v)
    if se == 0:
        which = "variances" if np.ptp(data.v) == 0 else "standardised effects"
        raise NotEstimable(f"All {which} are equal: there is no rank correlation.")
    p = float(2 * ndtr(-abs(s / se)))
    return SmallStudyTest(test="Begg", k=data.y.size, bias=s, se=se, statistic=s / se, df=None, p=p)


def schwarzer(data: _Data) -> SmallStudyTest:
    """Begg's test for rare events: ranks of the events given the margins, at the Mantel-Haenszel odds ratio.

    References
    ----------
    Schwarzer, Antes, Schumacher 2007, Stat Med 26:721-733. doi:10.1002/sim.2588
    """
    z, precision = standardised_counts(_counts(data, "Schwarzer"), add=data.add)
    s, se, _ = kendall(z, precision)
    if z.size < 3 or se == 0:
        raise NotEstimable(
            "Fewer than three studies have events and different variances: there is no rank correlation."
        )
    p = float(2 * ndtr(-abs(s / se)))
    return SmallStudyTest(test="Schwarzer", k=z.size, bias=s, se=se, statistic=s / se, df=None, p=p)


def kendall(x: FloatArray, y: FloatArray) -> tuple[float, float, float]:
    """Kendall's S (concordant minus discordant pairs), its standard error under independence, and tau-b.

    References
    ----------
    Kendall 1970, Rank Correlation Methods, 4th ed., chapter 4 (variance with ties).
    """
    n = x.size
    s = float((np.sign(x[:, None] - x[None, :]) * np.sign(y[:, None] - y[None, :])).sum() / 2)
    t, u = (np.unique(values, return_counts=True)[1].astype(float) for values in (x, y))

    def f(c: FloatArray) -> float:
        return float((c * (c - 1) * (2 * c + 5)).sum())

    pairs_t, pairs_u = float((t * (t - 1)).sum()), float((u * (u - 1)).sum())
    variance = (n * (n - 1) * (2 * n + 5) - f(t) - f(u)) / 18 + pairs_t * pairs_u / (2 * n * (n - 1))
    if n > 2:
        triples = float((t * (t - 1) * (t - 2)).sum()) * float((u * (u - 1) * (u - 2)).sum())
        variance += triples / (9 * n * (n - 1) * (n - 2))
    scale = np.sqrt((n * (n - 1) - pairs_t) * (n * (n - 1) - pairs_u)) / 2
    return s, float(np.sqrt(max(variance, 0.0))), float(s / scale) if scale > 0 else float("nan")


TESTS: dict[str, Callable[[_Data], SmallStudyTest]] = {
    "Egger": egger,
    "Egger_random": egger_random,
    "Thompson": thompson,
    "Begg": begg,
    "Harbord": harbord,
    "Peters": peters,
    "Macaskill": macaskill,
    "Deeks": deeks,
    "Pustejovsky": pustejovsky,
    "Schwarzer": schwarzer,
}
"""Tests by name: each a function of the studies' effects, variances and arm sizes."""


def default_test(measure: str) -> str:
    """The test that fits a measure: Harbord for odds ratios, Pustejovsky and Rodgers for SMD, Egger otherwise.

    References
    ----------
    Sterne et al. 2011, BMJ 343:d4002. doi:10.1136/bmj.d4002
    """
    return {"OR": "Harbord", "PETO": "Harbord", "SMD": "Pustejovsky", "SMD1": "Pustejovsky"}.get(measure, "Egger")


def small_study_test(result: PairwiseResult, test: str = "auto", *, force: bool = False) -> SmallStudyTest:
    """A test of funnel asymmetry on the studies of a fit.

    Parameters
    ----------
    result : a fit
    test : key of `TESTS`, or "auto" for the one that fits the measure
    force : run it with fewer than ten studies too; the result then says so

    Raises
    ------
    NotEstimable
        Under ten studies unless forced, under three in any case, or when the sizes do not vary.
    InputError
        For an unknown test or one whose arm data are not there.
    """
    chosen = default_test(result.spec.measure) if test == "auto" else test
    if chosen not in TESTS:
        raise InputError("Unknown test of small-study effects.", value=test, allowed="auto, " + ", ".join(TESTS))
    if result.k < 3:
        raise NotEstimable(f"A test of small-study effects takes at least three studies; there are {result.k}.")
    if result.k < _FEWEST and not force:
        raise NotEstimable(
            f"With {counted(result.k, 'study')} a test of small-study effects has little power: "
            f"it is refused under {_FEWEST}. "
            "Use force=True (--force-bias on the command line) to see it anyway."
        )
    found = TESTS[chosen](_data(result))
    cautions = []
    if result.k < _FEWEST:
        cautions.append(f"only {counted(result.k, 'study')}: little power")
    if chosen in ("Egger", "Egger_random", "Begg", "Thompson") and result.spec.measure in ("OR", "RR", "SMD", "SMD1"):
        cautions.append("the standard error depends on the effect of this measure, which gives false alarms")
    return replace(found, caution="; ".join(cautions) or None)


def trim_and_fill(
    result: PairwiseResult, *, estimator: str = "L0", side: str = "auto", model: str = "random"
) -> TrimFill:
    """Trim-and-fill of Duval and Tweedie: a sensitivity analysis, not a correction.

    Parameters
    ----------
    result : a fit of at least three studies
    estimator : of the number of missing studies: "L0", "R0" or "Q0"
    side : where studies are missing: "left", "right", or "auto" from the sign of Egger's slope in the same
        model
    model : "random" (the fit's own tau2 estimator) or "common" in the trimming

    References
    ----------
    Duval, Tweedie 2000, J Am Stat Assoc 95:89-98. doi:10.1080/01621459.2000.10473905
    Duval, Tweedie 2000, Biometrics 56:455-463. doi:10.1111/j.0006-341X.2000.00455.x
    """
    for name, value, allowed in (
        ("estimator", estimator, ("L0", "R0", "Q0")),
        ("side", side, ("auto", "left", "right")),
        ("model", model, ("random", "common")),
    ):
        if value not in allowed:
            raise InputError(f"Unknown {name} of trim-and-fill.", value=value, allowed=", ".join(allowed))
    names, y, v = studies_of(result)
    if len(names) < 3:
        raise NotEstimable(f"Trim-and-fill takes at least three studies; there are {len(names)}.")
    if side == "auto":
        if np.ptp(v) == 0:
            raise NotEstimable("All variances are equal, so the side cannot be found: name it (left or right).")
        own = "none" if model == "common" else result.spec.tau2
        slope = fit_mixed(y, v, _design(np.sqrt(v)), own).beta[1]
        side = "right" if slope < 0 else "left"
    sign = -1.0 if side == "right" else 1.0
    order = np.argsort(sign * y, kind="stable")
    y_sorted, v_sorted = sign * y[order], v[order]
    k0, se_k0, centre = _trim(y_sorted, v_sorted, estimator, result, model)
    extreme = slice(len(names) - k0, len(names))
    new_y = sign * (2 * centre - y_sorted[extreme])
    new_v = v_sorted[extreme]
    filled = effects_from_estimates(
        [*names, *(f"imputed {i + 1}" for i in range(k0))],
        np.concatenate([y, new_y]),
        v=np.concatenate([v, new_v]),
        measure=result.spec.measure,
        treatment=result.treatment,
        reference=result.reference,
    )
    return TrimFill(
        k0=k0,
        se_k0=se_k0,
        side=side,
        estimator=estimator,
        y=new_y,
        v=new_v,
        filled=pairwise(filled, replace(result.spec, treatment=result.treatment, reference=result.reference)),
    )


def _trim(
    y: FloatArray, v: FloatArray, estimator: str, result: PairwiseResult, model: str
) -> tuple[int, float | None, float]:
    """Number trimmed, its standard error, and the centre without them; ``y`` ascending, missing studies on the left."""
    k, k0, previous = y.size, 0, -1
    se: float | None = None
    seen: set[int] = set()
    centre = 0.0
    while k0 != previous and k0 not in seen:
        seen.add(k0)
        previous = k0
        centre = _centre(y[: k - k0], v[: k - k0], result, model)
        deviation = y - centre
        rank = np.empty(k)
        rank[np.argsort(np.abs(deviation), kind="stable")] = np.arange(1, k + 1)
        signed = np.sign(deviation) * rank
        raw, se = _missing(signed, estimator)
        k0 = min(max(0, round(raw)), k - 1)
    return k0, se, centre


def _centre(y: FloatArray, v: FloatArray, result: PairwiseResult, model: str) -> float:
    fit = pairwise(effects_from_estimates([str(i) for i in range(y.size)], y, v=v), tau2=result.spec.tau2, ci="Wald")
    pooled = fit.common if model == "common" or fit.random is None else fit.random
    if pooled is None:
        raise NotEstimable("Trim-and-fill trimmed every study.")
    return pooled.estimate


def _missing(signed: FloatArray, estimator: str) -> tuple[float, float | None]:
    """Estimate of the number of missing studies, and its standard error, from signed ranks."""
    k = signed.size
    if not signed.any():  # identical effects: every deviation is zero, nothing is missing on one side
        return 0.0, None
    if estimator == "R0":
        r0 = k - float(np.maximum(-signed, 0.0).max()) - 1
        return r0, float(np.sqrt(2 * max(0.0, r0) + 2))
    s = float(signed[signed > 0].sum())
    if estimator == "L0":
        value = (4 * s - k * (k + 1)) / (2 * k - 1)
    else:
        value = k - 0.5 - np.sqrt(max(2 * k**2 - 4 * s + 0.25, 0.0))
    variance = (
        k * (k + 1) * (2 * k + 1) + 10 * value**3 + 27 * value**2 + 17 * value
        - 18 * k * value**2 - 18 * k * value + 6 * k**2 * value
    ) / 24  # fmt: skip
    if variance < 0:
        return float(value), None
    root = float(np.sqrt(variance))
    if estimator == "L0":
        return float(value), 4 * root / (2 * k - 1)
    return float(value), float(2 * root / np.sqrt(max((k - 0.5) ** 2 - value * (2 * k - value - 1), 1e-300)))
