"""Names of columns that are recognised, by role; the habits of metafor, meta, netmeta, gemtc, Stata and plain tables.

A role is a word of ours (``study``, ``treatment``, ``events``, ``n`` ...); in a wide table roles carry the number of
the arm (``events1``, ``n2``). Names are compared without case, blanks, points, hyphens and underscores.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from difflib import get_close_matches

from toolkit.engine.grid import Grid
from toolkit.model.errors import InputError

__all__ = ["ROLES", "recognise"]

# Role -> names in order of preference; "study" is filled from author and year where there is no better column.
ROLES: dict[str, tuple[str, ...]] = {
    "study": (
        "study",
        "studlab",
        "studyid",
        "studyname",
        "slab",
        "label",
        "trialname",
        "metastudylabel",
        "研究",
        "author",
        "authors",
        "trial",
        "id",
        "studyorsubgroup",
        "studie",
        "etude",
        "étude",
        "estudio",
        "estudo",
        "studio",
    ),
    "year": ("year", "pubyear", "年份"),
    "treatment": ("treatment", "treat", "trt", "t", "arm", "intervention", "drug", "治疗"),
    "events": ("events", "event", "r", "d", "responders", "cases", "xi", "事件数"),
    "n": ("n", "samplesize", "total", "ntotal", "size", "ni", "样本量"),
    "mean": ("mean", "m", "mi", "均值"),
    "sd": ("sd", "stddev", "sdi", "standarddeviation", "标准差"),
    "time": ("time", "exposure", "persontime", "personyears", "ti"),
    "r": ("ri", "cor", "corr", "correlation", "pearsonr", "相关系数"),
    "y": (
        "yi",
        "te",
        "es",
        "effect",
        "estimate",
        "y",
        "smd",
        "logor",
        "lnor",
        "logrr",
        "lnrr",
        "loghr",
        "lnhr",
        "diff",
        "metaes",
    ),
    "v": ("vi", "var", "variance", "v"),
    # a ratio with its interval (logarithms are taken), a log-rank test
    "ratio": ("hr", "hazardratio", "or", "oddsratio", "rr", "riskratio", "relativerisk", "irr", "rateratio"),
    "o_minus_e": ("oe", "ominuse", "ome"),
    "se": (
        "sei",
        "sete",
        "se",
        "stderr",
        "standarderror",
        "selogor",
        "selnor",
        "selogrr",
        "selnrr",
        "seloghr",
        "metase",
    ),
    "ci_low": ("cilb", "lower", "ll", "cilow", "lcl", "lowerci", "ci95low", "metacil"),
    "ci_high": ("ciub", "upper", "ul", "cihigh", "ucl", "upperci", "ci95high", "metaciu"),
    # what papers report in place of mean and SD (--convert)
    "median": ("median", "med", "中位数"),
    "q1": ("q1", "p25", "lowerquartile"),
    "q3": ("q3", "p75", "upperquartile"),
    "minimum": ("min", "minimum"),
    "maximum": ("max", "maximum"),
    "baseline_mean": ("baselinemean", "mean0", "meanbaseline", "premean"),
    "baseline_sd": ("baselinesd", "sd0", "sdbaseline", "presd"),
    "t_value": ("tvalue", "tstat", "tstatistic"),
    "p_value": ("pvalue", "pval", "p"),
    "treatment1": ("treat1", "t1", "treatment1", "trt1"),
    "treatment2": ("treat2", "t2", "treatment2", "trt2"),
    # two-by-two tables and two groups
    "events1": (
        "ai",
        "evente",
        "eventse",
        "events1",
        "event1",
        "d1",
        "r1",
        "eventst",
        "eventt",
        "experimentalevents",
        "experimentalcases",
        "interventionevents",
        "interventioncases",
        "treatmentevents",
        "treatmentcases",
        "treatedevents",
        "treatedcases",
        "eventsexperimental",
        "eventsintervention",
        "eventstreatment",
        "eventstreated",
        "tpos",
    ),
    "nonevents1": ("bi", "nonevents1", "noneventse", "tneg"),
    "events2": (
        "ci",
        "eventc",
        "eventsc",
        "events2",
        "event2",
        "d2",
        "r2",
        "controlevents",
        "controlcases",
        "comparatorevents",
        "comparatorcases",
        "comparisonevents",
        "comparisoncases",
        "placeboevents",
        "placebocases",
        "eventscontrol",
        "eventscomparator",
        "eventscomparison",
        "eventsplacebo",
        "cpos",
    ),
    "nonevents2": ("di", "nonevents2", "noneventsc", "cneg"),
    "n1": (
        "n1i",
        "ne",
        "n1",
        "totale",
        "nt",
        "experimentaln",
        "experimentaltotal",
        "interventionn",
        "interventiontotal",
        "treatmentn",
        "treatmenttotal",
        "treatedn",
        "treatedtotal",
        "nexperimental",
        "totalexperimental",
        "nintervention",
        "totalintervention",
        "ntreatment",
        "totaltreatment",
        "ntreated",
        "totaltreated",
    ),
    "n2": (
        "n2i",
        "nc",
        "n2",
        "totalc",
        "controln",
        "controltotal",
        "comparatorn",
        "comparatortotal",
        "comparisonn",
        "comparisontotal",
        "placebon",
        "placebototal",
        "ncontrol",
        "totalcontrol",
        "ncomparator",
        "totalcomparator",
        "ncomparison",
        "totalcomparison",
        "nplacebo",
        "totalplacebo",
    ),
    "mean1": (
        "m1i",
        "meane",
        "mean1",
        "m1",
        "y1",
        "meant",
        "experimentalmean",
        "interventionmean",
        "treatmentmean",
        "treatedmean",
        "meanexperimental",
        "meanintervention",
        "meantreatment",
        "meantreated",
    ),
    "mean2": (
        "m2i",
        "meanc",
        "mean2",
        "m2",
        "y2",
        "controlmean",
        "comparatormean",
        "comparisonmean",
        "placebomean",
        "meancontrol",
        "meancomparator",
        "meancomparison",
        "meanplacebo",
    ),
    "sd1": (
        "sd1i",
        "sde",
        "sd1",
        "sdt",
        "experimentalsd",
        "interventionsd",
        "treatmentsd",
        "treatedsd",
        "sdexperimental",
        "sdintervention",
        "sdtreatment",
        "sdtreated",
    ),
    "sd2": (
        "sd2i",
        "sdc",
        "sd2",
        "controlsd",
        "comparatorsd",
        "comparisonsd",
        "placebosd",
        "sdcontrol",
        "sdcomparator",
        "sdcomparison",
        "sdplacebo",
    ),
    "se1": ("se1", "se1i"),
    "se2": ("se2", "se2i"),
    "median1": ("median1", "med1i", "mediane"),
    "median2": ("median2", "med2i", "medianc"),
    "q11": ("q11", "q11i", "q1e"),
    "q12": ("q12", "q12i", "q1c"),
    "q31": ("q31", "q31i", "q3e"),
    "q32": ("q32", "q32i", "q3c"),
    "minimum1": ("min1", "minimum1", "min1i", "mine"),
    "minimum2": ("min2", "minimum2", "min2i", "minc"),
    "maximum1": ("max1", "maximum1", "max1i", "maxe"),
    "maximum2": ("max2", "maximum2", "max2i", "maxc"),
    "baseline_mean1": ("baselinemean1", "m1pre"),
    "baseline_mean2": ("baselinemean2", "m2pre"),
    "baseline_sd1": ("baselinesd1", "sd1pre"),
    "baseline_sd2": ("baselinesd2", "sd2pre"),
    "time1": ("t1i", "timee", "time1", "exposure1"),
    "time2": ("t2i", "timec", "time2", "exposure2"),
}
# metafor's counts of a rate are x1i and x2i.
ROLES["events1"] += ("x1i",)
ROLES["events2"] += ("x2i",)

_FURTHER_ARM = re.compile(r"(treat|treatment|trt|t|events?|d|r|n|mean|m|y|sd|time|exposure)([3-9])")
_FURTHER_ROLE = {"treat": "treatment", "trt": "treatment", "t": "treatment", "event": "events", "d": "events"}
_FURTHER_ROLE |= {"r": "events", "m": "mean", "y": "mean", "exposure": "time"}


def _plain(name: str) -> str:
    return re.sub(r"[\s._\-()\[\]]", "", name).lower()


def recognise(grid: Grid, given: Mapping[str, str] | None, *, correlations: bool = False) -> dict[str, int]:
    """Role -> index of its column; ``given`` (role -> column name) comes first.

    A column called r holds correlations where the measure is of ``correlations``, else events.

    Raises
    ------
    InputError
        If a given role or column does not exist, with near misses.
    """
    found: dict[str, int] = {}
    for role, column in (given or {}).items():
        if role not in ROLES and not _FURTHER_ARM.fullmatch(role):
            near = get_close_matches(role, ROLES, n=1)
            raise InputError(
                "Unknown role of a column.",
                value=role,
                allowed=", ".join(ROLES),
                hint=f"Did you mean {near[0]!r}?" if near else None,
            )
        if column not in grid.header:
            near = get_close_matches(column, [name for name in grid.header if name], n=1)
            raise InputError(
                f"There is no column {column!r} (wanted as {role}).",
                file=grid.file,
                allowed=", ".join(name for name in grid.header if name),
                hint=f"Did you mean {near[0]!r}?" if near else None,
            )
        found[role] = grid.header.index(column)
        other = next((name for name, at in found.items() if at == found[role] and name != role), None)
        if other is not None:
            raise InputError(f"Column {column!r} is named for two roles: {other} and {role}.", file=grid.file)
    taken = set(found.values())
    plain = {_plain(name): at for at, name in reversed(list(enumerate(grid.header))) if name and at not in taken}
    for role, names in ROLES.items():
        own = tuple(name for name in names if name != "r") if correlations else names
        own = ("r", *own) if correlations and role == "r" else own
        at = next((plain[name] for name in own if name in plain), None)
        if role not in found and at is not None:
            found[role] = at
    for name, at in plain.items():
        match = _FURTHER_ARM.fullmatch(name)
        if match:
            word = _FURTHER_ROLE.get(match[1], match[1])
            found.setdefault(f"{word}{match[2]}", at)
    return found
