"""Options of a pairwise analysis beside its spec: one table for the command, review.toml, report and reference.

The option ``cluster_size`` is ``--cluster-size`` of `evipool pairwise`, and the key ``cluster_size`` of
``[[analyses]]``.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from toolkit.model.choices import STUDY_CI, VARIANCES

__all__ = [
    "ADJUSTMENTS",
    "FIGURES",
    "OPTIONS",
    "SPEC_OPTIONS",
    "Option",
    "changed_options",
    "check_option",
    "columns_asked",
    "covariates_of",
    "range_words",
    "with_defaults",
]

ADJUSTMENTS = {
    "pet-peese": "regression on precision",
    "limit": "limit meta-analysis",
    "step": "selection by steps of p",
    "beta": "selection, beta weight",
    "halfnorm": "selection, half-normal",
    "negexp": "selection, exponential",
    "logistic": "selection, logistic",
    "power": "selection, power",
    "copas": "selection by precision, its strength over a range",
    "henmi-copas": "interval around the common effect that allows for tau2",
    "p-curve": "evidence in the significant studies",
    "fail-safe": "fail-safe N (Rosenberg); advised against",
    "fail-safe-random": "fail-safe N of the random-effects test; advised against",
    "excess": "more significant studies than expected",
}

FIGURES = {
    "baujat": "share in Q against influence",
    "radial": "Galbraith's radial plot",
    "labbe": "risks against each other (L'Abbé)",
    "gosh": "estimates and I2 of all subsets",
    "bubble": "one covariate of --regress",
    "drapery": "p value functions",
    "influence": "eight diagnostics a study",
    "profile": "likelihood of tau2",
    "directions": "directions of the effects, with the sign test",
    "leave-one-out": "forest of the fits without each study",
    "cumulative": "forest of the fits after each further study",
    "albatross": "participants against p, with contours of effects",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Option:
    """One option.

    Attributes
    ----------
    kind : "flag", "choice", "number", "numbers", "count", "column", "formula"; several: "choices", "texts", "columns"
    help : what it does, for the help of the command and the reference
    allowed : keys of a choice
    low, high : bounds of a number; ``open_low``, ``open_high`` exclude them
    default : where it is not given
    metavar : how the command shows its value
    group : "data" changes the numbers that are pooled, "spec" how they are (fields of `PairwiseSpec`), "model" adds a
        fit, "small-study" a look at what may be missing, "show" adds what is shown
    """

    kind: str
    help: str
    group: str
    allowed: tuple[str, ...] = ()
    low: float | None = None
    high: float | None = None
    open_low: bool = False
    open_high: bool = False
    default: Any = None
    metavar: str = ""


_DATA: dict[str, Option] = {
    "convert": Option(
        kind="choice", group="data", allowed=("refuse", "flag", "QE", "BC", "LN"),
        help="Means and SDs that the table lacks, from columns se, ci_low and ci_high, median, q1, q3, min, max, or t "
        "or p of the difference; refuse or flag skewed quantiles, or convert them by quantile estimation (QE), the "
        "Box-Cox method (BC) or as log-normal (LN). The fit without these studies is printed beside it.",
    ),
    "impute_sd": Option(
        kind="choice", group="data", allowed=("pooled", "median", "largest"),
        help="SDs that are still missing, by this rule from the arms that have one; the fit without them is printed "
        "beside it.",
    ),
    "change": Option(
        kind="number", group="data", low=-1, high=1, metavar="CORRELATION",
        help="Change scores from columns baseline_mean and baseline_sd, by this correlation of before and after.",
    ),
    "score": Option(
        kind="column", group="data",
        help="Column that says final or change of each row; both in one SMD are refused.",
    ),
    "redirect": Option(
        kind="column", group="data",
        help="Column that says yes where a scale runs the other way: those means are multiplied by -1.",
    ),
    "several_arms": Option(
        kind="choice", group="data", allowed=("combine", "split"),
        help="A study with several arms of one treatment, or with its control group in several rows: combine the "
        "arms, or keep each as a comparison with its share of the control group.",
    ),
    "icc": Option(
        kind="number", group="data", low=0, high=1,
        help="Intraclass correlation: divides n and events (or inflates given variances) of studies with a "
        "--cluster-size by the design effect.",
    ),
    "cluster_size": Option(
        kind="column", group="data",
        help="Mean cluster size of each study (hips per patient too); empty or 1 for individual randomisation.",
    ),
    "pairs": Option(
        kind="column", group="data",
        help="Studies with the same people in both arms (hips of one patient, cross-over): yes, or how many pairs.",
    ),
    "pair_r": Option(
        kind="numbers", group="data", low=-1, high=1, metavar="R,R,...",
        help="Correlation within a pair: the first enters the analysis, the fits by each are printed beside it.",
    ),
    "smd_or": Option(
        kind="flag", group="data", default=False,
        help="SMD or OR: studies that give only the other kind of numbers (events; means and SDs) are converted "
        "(Chinn 2000); the fit without them is printed beside it.",
    ),
    "grim": Option(
        kind="count", group="data", low=0, high=10, metavar="DECIMALS",
        help="Question means of whole numbers that cannot be at this many printed decimals.",
    ),
}  # fmt: skip

_MODELS: dict[str, Option] = {
    "subgroup": Option(
        kind="column", group="model", help="Fits by the groups in this column, and the test between."
    ),
    "common_tau2": Option(kind="flag", group="model", default=False, help="One tau2 for all subgroups."),
    "regress": Option(
        kind="formula", group="model", help="Meta-regression, such as 'year + factor(design)'.",
    ),
    "cluster": Option(
        kind="column", group="model",
        help="Several effects a study: the column that says which belong together; a three-level model with "
        "cluster-robust tests. --regress gives it covariates.",
    ),
    "rho": Option(
        kind="number", group="model", low=-1, high=1, open_low=True, open_high=True, default=0.0,
        help="Assumed correlation of sampling errors within a cluster.",
    ),
    "structure": Option(
        kind="choice", group="model", allowed=("nested", "cluster"), default="nested",
        help="Random effects of clusters and of the effects in them, or of clusters alone.",
    ),
    "robust": Option(
        kind="choice", group="model", allowed=("CR2", "CR1", "t", "z"), default="CR2",
        help="Tests with --cluster: robust with Satterthwaite df, robust with clusters - P df, or by the model.",
    ),
    "scale": Option(
        kind="formula", group="model",
        help="Location-scale model: covariates of tau2, such as 'year'; --regress gives those of the mean.",
    ),
    "permutation": Option(
        kind="count", group="model", low=100, metavar="N",
        help="Permutation test of the pooled effect, or of the covariates of --regress: exact up to N arrangements, "
        "else N drawn ones.",
    ),
    "bootstrap": Option(
        kind="count", group="model", low=100, high=1_000_000, metavar="N",
        help="Percentile intervals of the pooled effect and of tau2 from N samples of the studies.",
    ),
    "seed": Option(kind="count", group="model", default=1, help="Seed of what is drawn."),
    "bayes": Option(
        kind="texts", group="model", default=(), metavar="PRIOR",
        help="Bayesian random effects with this prior of tau, repeatable: half-normal:SCALE, half-cauchy:SCALE, "
        "log-normal:MEAN,SD and log-t:LOCATION,SCALE (of log tau2), turner2015:OUTCOME,COMPARISON (OR), "
        "rhodes2015:OUTCOME,COMPARISON (SMD), uniform, jeffreys, dumouchel, uniform-shrinkage. With two studies of a "
        "log ratio or SMD, half-normal:0.5 unless named.",
    ),
    "mu_prior": Option(
        kind="numbers", group="model", metavar="MEAN,SD",
        help="Normal prior of the mean (flat unless given), on the model scale.",
    ),
}  # fmt: skip

_MORE: dict[str, Option] = {
    "leave_one_out": Option(kind="flag", group="show", default=False, help="The fit without each study in turn."),
    "cumulative": Option(
        kind="flag", group="show", default=False, help="The fit after each further study, in the order of the file."
    ),
    "cumulative_by": Option(
        kind="column", group="show", help="Order of --cumulative by the numbers of this column, such as year."
    ),
    "influence": Option(
        kind="flag", group="show", default=False, help="Influence of each study (residuals, Cook, dffits ...)."
    ),
    "swim": Option(
        kind="flag", group="show", default=False,
        help="Synthesis without meta-analysis: directions of the effects counted and tested, p values combined.",
    ),
    "bias": Option(
        kind="choice", group="small-study",
        allowed=("auto", "Egger", "Egger_random", "Thompson", "Begg", "Harbord", "Peters", "Macaskill", "Deeks",
                 "Pustejovsky", "Schwarzer"),
        metavar="TEST",
        help="Test of small-study effects: auto (the one that fits the measure), Egger, Egger_random, Thompson, Begg, "
        "Harbord, Peters, Macaskill, Deeks, Pustejovsky. Refused under 10 studies.",
    ),
    "force_bias": Option(kind="flag", group="small-study", default=False, help="Run it under 10 studies too."),
    "trim_fill": Option(
        kind="choice", group="small-study", allowed=("L0", "R0", "Q0"), help="Trim-and-fill by this estimator."
    ),
    "adjust": Option(
        kind="choices", group="small-study", allowed=tuple(ADJUSTMENTS), default=(), metavar="NAME",
        help="A sensitivity analysis for publication and small-study effects, repeatable: "
        + "; ".join(f"{name} ({text})" for name, text in ADJUSTMENTS.items()) + ".",
    ),
    "forest_style": Option(
        kind="choice", group="show", allowed=("bmj", "revman", "jama"), default="bmj",
        help="Manner of the forest plot: where weight and effect stand, how intervals are written.",
    ),
    "forest_column": Option(
        kind="columns", group="show", default=(), metavar="COLUMN",
        help="A column of the table that the forest plot shows too, repeatable.",
    ),
    "rob": Option(
        kind="columns", group="show", default=(), metavar="COLUMN",
        help="A column of risk-of-bias judgements (low, some concerns, high ...), drawn as dots, repeatable.",
    ),
    "contours": Option(kind="flag", group="show", default=False, help="Contour-enhanced funnel plot."),
    "mantel_haenszel": Option(
        kind="choice", group="spec", allowed=("raw", "corrected"), default="raw",
        help="Mantel-Haenszel from the counts as they are, or after the zero-cell correction (RevMan, meta).",
    ),
    "q_around": Option(
        kind="choice", group="spec", allowed=("IV", "MH"), default="IV",
        help="Q of DerSimonian-Laird around the inverse-variance or the Mantel-Haenszel estimate (RevMan 5).",
    ),
    "variance": Option(
        kind="choice", group="spec", allowed=("default", *sorted({key for own in VARIANCES.values() for key in own})),
        default="default",
        help="Sampling variance of the effects: "
        + "; ".join(f"{measure} {', '.join(own)}" for measure, own in VARIANCES.items())
        + " (as vtype of metafor; docs/methods/effects.md has the formulas).",
    ),
    "study_ci": Option(
        kind="choice", group="spec", allowed=("model", *STUDY_CI), default="model",
        help="Proportions: interval in the rows of the studies, Wald on the model scale (model), "
        + "; ".join(f"{choice.help} ({key})" for key, choice in STUDY_CI.items()) + ".",
    ),
    "natural_sd": Option(
        kind="number", group="show", low=0, open_low=True, metavar="SD",
        help="SMD: the pooled effect in units of a familiar scale too, by the SD of people on it.",
    ),
    "assumed_risk": Option(
        kind="number", group="show", low=0, high=1, open_low=True, open_high=True, metavar="RISK",
        help="OR, RR, RD: events per 1,000 with the treatment too, at this risk with the reference.",
    ),
}  # fmt: skip

OPTIONS: Mapping[str, Option] = MappingProxyType({**_DATA, **_MODELS, **_MORE})

SPEC_OPTIONS = tuple(name for name, option in OPTIONS.items() if option.group == "spec")
"""Options that are fields of `toolkit.model.spec.PairwiseSpec`."""

# Needed together: a half of one is a slip.
_TOGETHER = (("icc", "cluster_size"), ("pair_r", "pairs"))
_WITH = {
    "common_tau2": "subgroup",
    "cumulative_by": "cumulative",
    "mu_prior": "bayes",
    "force_bias": ("bias", "adjust", "trim_fill"),
}


def with_defaults(given: Mapping[str, Any]) -> dict[str, Any]:
    """Every option with its value, defaults where it was not given."""
    return {name: given.get(name, option.default) for name, option in OPTIONS.items()}


def changed_options(asked: Mapping[str, Any]) -> dict[str, Any]:
    """Options whose value is not the default, as JSON holds them: lists for several values."""
    return {
        name: list(asked[name]) if isinstance(asked[name], tuple) else asked[name]
        for name, option in OPTIONS.items()
        if name in asked and asked[name] != option.default and asked[name] is not None
    }


def columns_asked(asked: Mapping[str, Any]) -> list[str]:
    """Names of the columns that the options read, in the order of the options."""
    found: list[str] = []
    for name, option in OPTIONS.items():
        value = asked.get(name)
        if value and option.kind == "columns":
            found += list(value)
        if value and option.kind in ("column", "formula"):
            found += [value] if option.kind == "column" else list(covariates_of(value))
    return list(dict.fromkeys(found))


def covariates_of(formula: str) -> tuple[str, ...]:
    """Names of the covariates of a formula, in the order of their first appearance.

    Examples
    --------
    >>> covariates_of("year + factor(design) + year:dose")
    ('year', 'design', 'dose')
    """
    import re

    pieces = (piece.strip() for piece in re.split(r"[+*:]", formula))
    names = (re.sub(r"^factor\s*\(\s*(.*?)\s*\)$", r"\1", piece) for piece in pieces)
    return tuple(dict.fromkeys(name for name in names if name))


def check_option(name: str, value: object) -> Any:
    """The value of an option as the analysis takes it; ``ValueError`` says what is allowed.

    Examples
    --------
    >>> check_option("icc", 0.05), check_option("bayes", ["jeffreys"])
    (0.05, ('jeffreys',))
    """
    option = OPTIONS[name]
    if option.kind == "flag":
        if not isinstance(value, bool):
            raise ValueError("allowed: true or false")
        return value
    if option.kind in ("choice", "column", "formula"):
        return _text(option, value)
    if option.kind in ("choices", "texts", "columns"):
        if not isinstance(value, (list, tuple)):
            raise ValueError(
                'allowed: a list of texts, such as ["' + (option.allowed or ("half-normal:0.5",))[0] + '"]'
            )
        return tuple(_text(option, item) for item in value)
    if option.kind == "numbers":
        if not isinstance(value, (list, tuple)) or not value:
            raise ValueError("allowed: a list of numbers, such as [0.5, 0, 0.75]")
        numbers = tuple(_number(option, item) for item in value)
        if name == "mu_prior" and (len(numbers) != 2 or numbers[1] <= 0):
            raise ValueError("allowed: mean and SD (above 0) of a normal prior, such as [0, 2]")
        return numbers
    return _number(option, value)


def _text(option: Option, value: object) -> str:
    if not isinstance(value, str) or not value.strip():
        raise ValueError("allowed: " + (_listed(option) if option.allowed else "a text"))
    if option.allowed and value not in option.allowed:
        raise ValueError("allowed: " + _listed(option))
    return value


def _listed(option: Option) -> str:
    return ", ".join(f'"{key}"' for key in option.allowed)


def _number(option: Option, value: object) -> float | int:
    whole = option.kind == "count"
    good = isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
    number = float(value) if good and isinstance(value, (int, float)) else math.nan
    good = good and not (whole and number != int(number))
    low, high = option.low, option.high
    good = good and (low is None or number > low or (number == low and not option.open_low))
    good = good and (high is None or number < high or (number == high and not option.open_high))
    if not good:
        raise ValueError(f"allowed: {range_words(option)}")
    return int(number) if whole else number


def range_words(option: Option) -> str:
    """ "a number from 0 to 1", "a whole number, 100 or more"."""
    what = "a whole number" if option.kind == "count" else "a number"
    low, high = option.low, option.high
    if low is not None and high is not None:
        words = "above {} and below {}" if option.open_low or option.open_high else "from {} to {}"
        return f"{what} {words.format(f'{low:g}', f'{high:g}')}"
    if low is not None:
        return f"{what} above {low:g}" if option.open_low else f"{what}, {low:g} or more"
    return what


def check_together(asked: Mapping[str, Any], write: Any) -> None:
    """``ValueError`` where half of what belongs together was given; ``write`` spells a name as the user does."""

    def given(name: str) -> bool:
        return asked.get(name) not in (None, OPTIONS[name].default)

    for first, second in _TOGETHER:
        if given(first) != given(second):
            raise ValueError(f"{write(first)} and {write(second)} belong together")
    for name, other in _WITH.items():
        others = (other,) if isinstance(other, str) else other
        if given(name) and not any(given(o) for o in others):
            raise ValueError(f"{write(name)} belongs to {' or '.join(write(o) for o in others)}")
