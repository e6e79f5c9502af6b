"""Means and standard deviations from what papers report instead: quantiles, standard errors, intervals, t, p, arms.

Every function returns a `Converted`: the value with its source and, where the rule may not hold, a flag in words.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise

from scipy.special import ndtri, stdtrit

from toolkit.model.errors import InputError, NotEstimable

__all__ = [
    "Converted",
    "Skewness",
    "combine_arms",
    "mean_sd_of_change",
    "mean_sd_of_normal_quantiles",
    "mean_sd_of_quantiles",
    "scenario",
    "sd_of_difference",
    "sd_of_interval",
    "sd_of_standard_error",
    "skewness_of_quantiles",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Converted:
    """A mean (None where only an SD was converted), an SD and n, where they are from, what to be careful about."""

    mean: float | None
    sd: float
    n: float
    source: str
    flags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Skewness:
    """A test of symmetry from quantiles at the 5 % level."""

    statistic: float
    critical: float

    @property
    def skewed(self) -> bool:
        """Whether the statistic exceeds the critical value."""
        return self.statistic > self.critical


def scenario(
    n: float, low: float | None, q1: float | None, median: float | None, q3: float | None, high: float | None
) -> tuple[bool, bool]:
    """Whether the range and whether the quartiles are there; refuses what cannot be."""
    if not n > 1:
        raise InputError("A conversion takes at least two participants.", value=n, allowed="above 1")
    there = [(name, v) for name, v in zip(("minimum", "q1", "median", "q3", "maximum"),
                                          (low, q1, median, q3, high), strict=True) if v is not None]  # fmt: skip
    for (a, x), (b, y) in pairwise(there):
        if x > y:
            raise InputError(f"The {a} is above the {b}.", value=f"{x:g} and {y:g}", allowed="values in order")
    extremes, quartiles = low is not None and high is not None, q1 is not None and q3 is not None
    if median is None or not (extremes or quartiles):
        raise InputError("A mean takes the median with both quartiles, both extremes, or all of them.")
    return extremes, quartiles


def skewness_of_quantiles(
    n: float,
    *,
    median: float,
    q1: float | None = None,
    q3: float | None = None,
    low: float | None = None,
    high: float | None = None,
) -> Skewness:
    """Whether quantiles are too asymmetric for a normal distribution; then a mean should not be made of them.

    References
    ----------
    Shi, Luo, Wang, Wan, Liu, Tong 2023, Res Synth Methods 14:338-353 (equations 5, 7, 9). doi:10.1002/jrsm.1607

    Examples
    --------
    >>> skewness_of_quantiles(61, low=3, q1=10, median=14, q3=21, high=40).skewed
    True
    """
    extremes, quartiles = scenario(n, low, q1, median, q3, high)
    at_range = at_box = 0.0
    if low is not None and high is not None and high > low:
        at_range = abs(low + high - 2 * median) / (high - low)
    if q1 is not None and q3 is not None and q3 > q1:
        at_box = abs(q1 + q3 - 2 * median) / (q3 - q1)
    if extremes and quartiles:
        statistic = max(2.65 * math.log(0.6 * n) / math.sqrt(n) * at_range, at_box)
        return Skewness(statistic=statistic, critical=3 / math.sqrt(n) - 40 / n**3)
    if quartiles:
        return Skewness(statistic=at_box, critical=2.65 / math.sqrt(n) - 6 / n**2)
    return Skewness(statistic=at_range, critical=1 / math.log(n + 9) + 2.5 / (n + 1))


def mean_sd_of_quantiles(
    n: float,
    *,
    median: float,
    q1: float | None = None,
    q3: float | None = None,
    low: float | None = None,
    high: float | None = None,
    skewed: str = "refuse",
) -> Converted:
    """Mean (Luo 2018) and SD (Wan 2014; Shi 2020 where range and quartiles are both there) of a normal distribution.

    Parameters
    ----------
    n : participants
    median, q1, q3, low, high : quantiles; either both quartiles, or minimum and maximum, or all
    skewed : "refuse" if the skewness test finds against symmetry; "flag" converts and says so

    Raises
    ------
    NotEstimable
        Where the quantiles are skewed and ``skewed="refuse"``.

    References
    ----------
    Luo, Wan, Liu, Tong 2018, Stat Methods Med Res 27:1785-1805, equations 7, 11, 15. doi:10.1177/0962280216669183
    Wan, Wang, Liu, Tong 2014, BMC Med Res Methodol 14:135, equations 9, 16. doi:10.1186/1471-2288-14-135
    Shi, Luo, Weng, Zeng, Lin, Chu, Tong 2020, Res Synth Methods 11:641-654 (SD from five numbers).
    doi:10.1002/jrsm.1429

    Examples
    --------
    >>> found = mean_sd_of_quantiles(40, q1=8, median=12, q3=17)
    >>> round(found.mean, 4), round(found.sd, 4)
    (12.3549, 6.9204)
    """
    extremes, quartiles = scenario(n, low, q1, median, q3, high)
    skew = skewness_of_quantiles(n, median=median, q1=q1, q3=q3, low=low, high=high)
    if skewed not in ("refuse", "flag"):
        raise InputError("Unknown treatment of skewed quantiles.", value=skewed, allowed="refuse, flag")
    if skew.skewed and skewed == "refuse":
        raise NotEstimable(
            f"The quantiles are skewed (test statistic {skew.statistic:.3f}, critical value {skew.critical:.3f}): "
            "a mean made of them would mislead."
        )
    flags = [f"skewed quantiles (test statistic {skew.statistic:.3f} above {skew.critical:.3f})"] if skew.skewed else []
    mean, sd = mean_sd_of_normal_quantiles(n, median=median, q1=q1, q3=q3, low=low, high=high)
    source = {
        (True, True): "median, quartiles and range (Luo 2018, Shi 2020)",
        (False, True): "median and quartiles (Luo 2018, Wan 2014)",
        (True, False): "median and range (Luo 2018, Wan 2014)",
    }[extremes, quartiles]
    return Converted(mean=mean, sd=sd, n=n, source=source, flags=tuple(flags))


def mean_sd_of_normal_quantiles(
    n: float,
    *,
    median: float,
    q1: float | None = None,
    q3: float | None = None,
    low: float | None = None,
    high: float | None = None,
    shi: bool = True,
) -> tuple[float, float]:
    """Luo's mean and Wan's SD of quantiles taken as normal, untested; five numbers have Shi's SD unless not ``shi``."""
    extremes, quartiles = scenario(n, low, q1, median, q3, high)
    mid_range = (low + high) / 2 if low is not None and high is not None else math.nan
    mid_box = (q1 + q3) / 2 if q1 is not None and q3 is not None else math.nan
    span = high - low if low is not None and high is not None else math.nan
    box = q3 - q1 if q1 is not None and q3 is not None else math.nan
    extreme, quarter = float(ndtri((n - 0.375) / (n + 0.25))), float(ndtri((0.75 * n - 0.125) / (n + 0.25)))
    if extremes and quartiles:
        outer, inner = 2.2 / (2.2 + n**0.75), 0.7 - 0.72 / n**0.55
        mean = outer * mid_range + inner * mid_box + (1 - outer - inner) * median
        if shi:
            return mean, span / ((2 + 0.14 * n**0.6) * extreme) + box / ((2 + 2 / (0.07 * n**0.6)) * quarter)
        return mean, span / (4 * extreme) + box / (4 * quarter)
    if quartiles:
        inner = 0.7 + 0.39 / n
        return inner * mid_box + (1 - inner) * median, box / (2 * quarter)
    outer = 4 / (4 + n**0.75)
    return outer * mid_range + (1 - outer) * median, span / (2 * extreme)


def sd_of_standard_error(se: float, n: float) -> Converted:
    """``sd = se sqrt(n)``.

    References
    ----------
    Cochrane Handbook 6.5, section 6.5.2.2.
    """
    if se < 0:
        raise InputError("A standard error is not negative.", value=se, allowed="0 or more")
    return Converted(mean=None, sd=se * math.sqrt(n), n=n, source="standard error (Handbook 6.5.2.2)")


def sd_of_interval(low: float, high: float, n: float, *, level: float = 0.95, normal: bool = False) -> Converted:
    """SD from the confidence interval of a mean, by t with n - 1 df (``normal`` for intervals made with z).

    References
    ----------
    Cochrane Handbook 6.5, section 6.5.2.2.

    Examples
    --------
    >>> round(sd_of_interval(29.7, 34.2, 36).sd, 2)
    6.65
    """
    if high < low:
        raise InputError("The lower limit is above the upper one.", value=f"{low:g} to {high:g}")
    upper = 1 - (1 - level) / 2
    unit = float(ndtri(upper)) if normal else float(stdtrit(n - 1, upper))
    which = "z" if normal else f"t with {n - 1:g} df"
    return Converted(
        mean=(low + high) / 2, sd=(high - low) / (2 * unit) * math.sqrt(n), n=n,
        source=f"{100 * level:g} % confidence interval by {which} (Handbook 6.5.2.2)",
    )  # fmt: skip


def sd_of_difference(
    difference: float,
    n1: float,
    n2: float,
    *,
    t: float | None = None,
    p: float | None = None,
    se: float | None = None,
    low: float | None = None,
    high: float | None = None,
    level: float = 0.95,
) -> Converted:
    """The SD within groups, taken as equal, from a difference of two means with its t, p, standard error or interval.

    References
    ----------
    Cochrane Handbook 6.5, section 6.5.2.3.

    Examples
    --------
    >>> round(sd_of_difference(3.8, 25, 22, t=2.78).sd, 2)
    4.68
    """
    df = n1 + n2 - 2
    if se is not None:
        found, source = se, "the standard error"
    elif low is not None and high is not None:
        found, source = (high - low) / (2 * float(stdtrit(df, 1 - (1 - level) / 2))), "the confidence interval"
    else:
        if t is None and p is not None:
            if not 0 < p < 1:
                raise InputError("A two-sided p lies between 0 and 1.", value=p, hint="'P < 0.05' gives no SD.")
            t = float(stdtrit(df, 1 - p / 2))
        if t is None:
            raise InputError("An SD takes t, p, a standard error or an interval of the difference.")
        if t == 0 or difference == 0:
            raise NotEstimable("A difference of zero says nothing of the standard deviation.")
        found, source = abs(difference / t), "t" if p is None else "p"
    sd = found / math.sqrt(1 / n1 + 1 / n2)
    text = f"{source} of the difference between groups (Handbook 6.5.2.3)"
    return Converted(mean=None, sd=sd, n=n1 + n2, source=text, flags=("one SD for both groups",))


def combine_arms(n: tuple[float, ...], mean: tuple[float, ...], sd: tuple[float, ...]) -> Converted:
    """Several arms as one: the mean and SD of all their participants.

    References
    ----------
    Cochrane Handbook 6.5, section 6.5.2.10 (table 6.5.a, applied to any number of groups).

    Examples
    --------
    >>> round(combine_arms((20, 30), (10, 12), (2, 3)).sd, 6)
    2.80306
    """
    total = sum(n)
    centre = sum(k * m for k, m in zip(n, mean, strict=True)) / total
    squares = sum((k - 1) * s**2 + k * (m - centre) ** 2 for k, m, s in zip(n, mean, sd, strict=True))
    source = f"{len(n)} arms combined (Handbook 6.5.2.10)"
    return Converted(mean=centre, sd=math.sqrt(squares / (total - 1)), n=total, source=source)


def mean_sd_of_change(
    n: float, *, before: tuple[float, float], after: tuple[float, float], correlation: float
) -> Converted:
    """Change from baseline from (mean, SD) before and after and their correlation, which is an assumption.

    References
    ----------
    Cochrane Handbook 6.5, section 6.5.2.8.

    Examples
    --------
    >>> round(mean_sd_of_change(50, before=(15.7, 11.4), after=(8.8, 9.6), correlation=0.7).sd, 3)
    8.301
    """
    if not -1 <= correlation <= 1:
        raise InputError("A correlation lies between -1 and 1.", value=correlation)
    variance = before[1] ** 2 + after[1] ** 2 - 2 * correlation * before[1] * after[1]
    return Converted(
        mean=after[0] - before[0], sd=math.sqrt(max(variance, 0.0)), n=n,
        source="scores before and after (Handbook 6.5.2.8)",
        flags=(f"correlation of before and after taken as {correlation:g}",),
    )  # fmt: skip
