"""Conversions that `evipool calculate` offers, by name: the function, what it is, and its numbers."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["CALCULATORS", "LARGEST", "Calculator", "allowed_of"]

_HERE = "toolkit.engine.conversions"


@dataclass(frozen=True, slots=True)
class Calculator:
    """One conversion.

    Attributes
    ----------
    target : "module:function"
    help : what comes out, in one line
    needs : names of the numbers it cannot do without; several values are written with commas
    may : names that it also takes
    example : numbers of an example
    """

    target: str
    help: str
    needs: tuple[str, ...]
    may: tuple[str, ...] = ()
    example: str = ""


CALCULATORS: dict[str, Calculator] = {
    "mean-of-quantiles": Calculator(
        f"{_HERE}:mean_sd_of_quantiles", "mean and SD from median with quartiles, range or both", ("n", "median"),
        ("q1", "q3", "low", "high", "skewed"), "n=40 median=12 q1=8 q3=17",
    ),
    "skewness": Calculator(
        f"{_HERE}:skewness_of_quantiles", "whether quantiles are too skewed for that", ("n", "median"),
        ("q1", "q3", "low", "high"), "n=61 low=3 q1=10 median=14 q3=21 high=40",
    ),
    "quantile-estimation": Calculator(
        f"{_HERE}:quantile_estimation", "mean and SD from skewed quantiles, best of five families", ("n", "median"),
        ("q1", "q3", "low", "high"), "n=61 low=3 q1=10 median=14 q3=21 high=40",
    ),
    "box-cox": Calculator(
        f"{_HERE}:box_cox", "the same by a power that makes them symmetric", ("n", "median"),
        ("q1", "q3", "low", "high"), "n=61 low=3 q1=10 median=14 q3=21 high=40",
    ),
    "log-normal": Calculator(
        f"{_HERE}:log_normal_quantiles", "the same of a log-normal distribution", ("n", "median"),
        ("q1", "q3", "low", "high"), "n=40 median=12 q1=8 q3=17",
    ),
    "sd-of-se": Calculator(
        f"{_HERE}:sd_of_standard_error", "SD from a standard error", ("se", "n"), (), "se=0.4 n=36"
    ),
    "sd-of-interval": Calculator(
        f"{_HERE}:sd_of_interval", "SD from the confidence interval of a mean", ("low", "high", "n"),
        ("level", "normal"), "low=29.7 high=34.2 n=36",
    ),
    "sd-of-difference": Calculator(
        f"{_HERE}:sd_of_difference", "SD of both arms from t, p, SE or interval of their difference",
        ("difference", "n1", "n2"), ("t", "p", "se", "low", "high", "level"), "difference=3.8 n1=25 n2=22 t=2.78",
    ),
    "combine-arms": Calculator(
        f"{_HERE}:combine_arms", "several arms as one", ("n", "mean", "sd"), (), "n=20,30 mean=10,12 sd=2,3"
    ),
    "change": Calculator(
        f"{_HERE}:mean_sd_of_change", "change from baseline; before and after are mean,SD",
        ("n", "before", "after", "correlation"), (), "n=50 before=15.7,11.4 after=8.8,9.6 correlation=0.7",
    ),
    "before-after": Calculator(
        f"{_HERE}:before_after", "effect of one group measured twice: MC, SMCC, SMCR, ROMC, SMCRH, "
        "SMCRP, VRC, CVRC",
        ("measure", "n", "before", "after", "correlation"), (),
        "measure=SMCR n=25 before=10.2,2.2 after=11.9,2.5 correlation=0.5",
    ),
    "effect-of-interval": Calculator(
        f"{_HERE}:effect_of_interval", "effect and variance from an estimate with its interval; ratio=yes takes logs",
        ("estimate", "low", "high"), ("level", "ratio"), "estimate=0.62 low=0.40 high=0.96 ratio=yes",
    ),
    "effect-of-p": Calculator(
        f"{_HERE}:effect_of_p", "effect and variance from an estimate with its exact p", ("estimate", "p"), ("ratio",),
        "estimate=0.62 p=0.03 ratio=yes",
    ),
    "smd-of-or": Calculator(
        f"{_HERE}:smd_of_log_or", "standardised difference from a log odds ratio and its variance", ("y", "v"),
        ("distribution",),
        "y=0.5 v=0.04",
    ),
    "or-of-smd": Calculator(
        f"{_HERE}:log_or_of_smd", "log odds ratio from a standardised difference and its variance", ("y", "v"),
        ("distribution",),
        "y=0.28 v=0.01",
    ),
    "smd-of-t": Calculator(
        f"{_HERE}:smd_of_t", "Hedges' g from the t of two independent groups", ("t", "n1", "n2"), (),
        "t=2.1 n1=20 n2=22",
    ),
    "smd-of-cohens-d": Calculator(
        f"{_HERE}:smd_of_d", "Hedges' g from Cohen's d", ("d", "n1", "n2"), (), "d=0.5 n1=20 n2=22"
    ),
    "partial-correlation": Calculator(
        f"{_HERE}:partial_correlation", "partial (PCOR, ZPCOR) or semi-partial (SPCOR, ZSPCOR) correlation from a t",
        ("measure", "t", "n", "predictors"), ("r2",), "measure=PCOR t=2.1 n=55 predictors=2",
    ),
    "reliability": Calculator(
        f"{_HERE}:reliability", "Cronbach's alpha raw (ARAW) or transformed (AHW, ABT) with its variance",
        ("measure", "alpha", "items", "n"), (), "measure=ABT alpha=0.8 items=5 n=25",
    ),
    "table-of-association": Calculator(
        f"{_HERE}:table_of_association", "two-by-two table from its margins and odds ratio or phi",
        ("n", "rows", "columns"), ("odds_ratio", "phi"), "n=100 rows=50 columns=40 odds_ratio=2",
    ),
    "logrank-of-hr": Calculator(
        f"{_HERE}:observed_minus_expected", "O - E and V from a hazard ratio with its interval",
        ("hazard_ratio", "low", "high"), ("level",), "hazard_ratio=0.62 low=0.40 high=0.96",
    ),
    "hr-of-logrank": Calculator(
        f"{_HERE}:hazard_ratio_of_logrank", "log hazard ratio from the p of a log-rank test and all events",
        ("p", "events", "n1", "n2"), ("fewer_with_treatment",), "p=0.031 events=120 n1=100 n2=98",
    ),
    "hr-of-curves": Calculator(
        f"{_HERE}:hazard_ratio_of_curves", "log hazard ratio from survival curves with the numbers at risk below them",
        ("survival1", "at_risk1", "survival2", "at_risk2"), (),
        "survival1=1,0.9,0.8,0.72 at_risk1=100,88,75,60 survival2=1,0.84,0.7,0.6 at_risk2=98,80,64,50",
    ),
    "design-effect": Calculator(
        f"{_HERE}:design_effect", "design effect of clusters of a mean size", ("size", "icc"), (), "size=20 icc=0.02"
    ),
    "effective-counts": Calculator(
        f"{_HERE}:effective_counts", "events and n of a cluster trial over its design effect",
        ("events", "n", "size", "icc"), (), "events=20 n=100 size=11 icc=0.05",
    ),
    "pairs": Calculator(
        f"{_HERE}:paired_odds_ratio", "marginal log odds ratio of pairs (hips of one patient) from the paired table",
        ("both", "first", "second", "neither"), (), "both=20 first=5 second=8 neither=17",
    ),
    "pairs-of-margins": Calculator(
        f"{_HERE}:paired_odds_ratio_of_margins", "the same from the margins, over a range of correlations",
        ("events1", "events2", "n", "correlations"), (), "events1=6 events2=13 n=30 correlations=0,0.2,0.4",
    ),
    "matched-pairs": Calculator(
        f"{_HERE}:matched_pairs",
        "risk ratio (MPRR) or difference (MPRD) of pairs, conditional odds ratio (MPORC, MPPETO)",
        ("measure", "both", "first", "second", "neither"), (), "measure=MPRD both=20 first=5 second=8 neither=17",
    ),
    "cross-over-md": Calculator(
        f"{_HERE}:cross_over_mean_difference", "mean difference of a cross-over trial with its paired variance",
        ("mean1", "sd1", "mean2", "sd2", "n", "correlation"), (),
        "mean1=8.1 sd1=2.2 mean2=9.4 sd2=2.6 n=24 correlation=0.6",
    ),
    "cross-over-smd": Calculator(
        f"{_HERE}:cross_over_smd", "its standardised difference", ("mean1", "sd1", "mean2", "sd2", "n", "correlation"),
        (), "mean1=8.1 sd1=2.2 mean2=9.4 sd2=2.6 n=24 correlation=0.6",
    ),
    "split-control": Calculator(
        f"{_HERE}:split_control", "events and n of a control group shared by several arms, for each of them",
        ("events", "n", "parts"), (), "events=18 n=60 parts=2",
    ),
    "grim": Calculator(
        f"{_HERE}:grim", "whether a mean of whole numbers is possible", ("mean", "n", "decimals"), ("items",),
        "mean=5.19 n=28 decimals=2",
    ),
}  # fmt: skip

LARGEST = 1e12  # what is larger is a slip of the keyboard, and its square may not be a number

_UNITS = "n n1 n2 at_risk1 at_risk2 size parts items predictors"
_ABOVE_0 = "se sd sd1 sd2 v hazard_ratio odds_ratio"
_COUNTS = "events events1 events2 both first second neither rows columns decimals"
_LIMITS: dict[str, tuple[float, float, str]] = {
    **dict.fromkeys(_UNITS.split(), (1, LARGEST, "1 or more")),
    **dict.fromkeys(_ABOVE_0.split(), (1 / LARGEST, LARGEST, "above 0")),
    **dict.fromkeys(_COUNTS.split(), (0, LARGEST, "0 or more")),
    **dict.fromkeys(("p", "level"), (1e-300, 1 - 1e-15, "between 0 and 1")),
    **dict.fromkeys(("icc", "survival1", "survival2"), (0, 1, "0 to 1")),
    **dict.fromkeys(("correlation", "correlations", "phi"), (-1, 1, "-1 to 1")),
}


def allowed_of(key: str, number: float) -> str | None:
    """What a number of this name may be, in words, if this one may not be it.

    Examples
    --------
    >>> allowed_of("n1", 0.0), allowed_of("n1", 20.0)
    ('1 or more', None)
    """
    low, high, words = _LIMITS.get(key, (-LARGEST, LARGEST, "of a size that papers print"))
    return None if low <= number <= high else words
