"""Further analyses of a network: one table that the command, review.toml, the report and the documentation share.

A target is "module:function", as in `choices`; nothing heavy is loaded to read the table.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import Any, TypeGuard

__all__ = [
    "NETWORK_FURTHER",
    "SETTINGS",
    "Asked",
    "FurtherAnalysis",
    "Options",
    "Setting",
    "asked",
    "missing_settings",
    "unheard_settings",
]

_HERE = "toolkit.analysis.network"
_EVIDENCE, _MODELS, _DECISIONS = f"{_HERE}.evidence", f"{_HERE}.models", f"{_HERE}.decisions"


@dataclass(frozen=True, slots=True)
class Setting:
    """A setting of further analyses: what it holds, and what it is.

    ``kind`` is text, texts, number, numbers, count, column or columns (of the table, or of the studies of a review),
    or outcomes (other tables, or other analyses of a review).
    """

    kind: str
    help: str
    choices: tuple[str, ...] = ()
    metavar: str = ""


SETTINGS: dict[str, Setting] = {
    "draws": Setting("count", "draws of ranks (100,000), samples of the bootstrap (at most 10,000)"),
    "seed": Setting("count", "seed of the draws"),
    "order": Setting("texts", "treatments from the oldest to the newest", metavar="A,B,..."),
    "baseline_risk": Setting("numbers", "risks with the reference (default: median of the studies)", metavar="NUMBER"),
    "margin": Setting("number", "smallest important difference (1.25 for a ratio)", metavar="NUMBER"),
    "loop_tau2": Setting(
        "text", "between-study variance within loops (default: loop)", ("loop", "comparison", "network", "common")
    ),
    "allocation": Setting(
        "text",
        "which arm of a multi-arm study carries the difference (default: symmetric)",
        ("symmetric", "treat1", "treat2"),
    ),
    "contribution_method": Setting(
        "text", "how the evidence is cut (default: random walk)", ("random walk", "shortest path", "pseudoinverse")
    ),
    "with_outcome": Setting("outcomes", "the other outcomes", metavar="FILE:MEASURE:good"),
    "rob": Setting("column", "risk of bias of each study (low, some concerns, high)", metavar="COLUMN"),
    "covariate": Setting("column", "a number for each study", metavar="COLUMN"),
    "interaction": Setting(
        "text",
        "one slope (the default), one a treatment, or slopes of one distribution",
        ("common", "independent", "exchangeable"),
    ),
    "modifier": Setting("columns", "effect modifiers, numbers or words", metavar="COLUMN"),
    "design": Setting("column", "the design of each study", metavar="COLUMN"),
    "trusted": Setting("texts", "designs that keep their full weight (default: RCT)", metavar="A,B,..."),
    "category_steps": Setting(
        "numbers", "events per 1,000 of a small, moderate and large effect; needs one baseline risk", metavar="A,B,C"
    ),
    "subgroup": Setting("column", "the group of each study", metavar="COLUMN"),
    "inactive": Setting("text", "what has no effect, such as placebo", metavar="NAME"),
    "separator": Setting("text", "what stands between components in a treatment's name (default: +)", metavar="TEXT"),
    "combine": Setting("texts", "interactions of components", metavar="A*B"),
}


@dataclass(frozen=True, slots=True)
class FurtherAnalysis:
    """One further analysis.

    Attributes
    ----------
    target : the function that makes its table and data from a `toolkit.analysis.network.part.Request`
    help : one line
    takes : names in `SETTINGS` that it listens to
    needs : those of them that it cannot do without
    needs_one_of : exactly one of these must be given
    ranks : whether it must be told if small values are good (in a review, by ``better`` of the outcome)
    counts : whether it models arms with events, as odds ratios
    """

    target: str
    help: str
    takes: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()
    needs_one_of: tuple[str, ...] = ()
    ranks: bool = False
    counts: bool = False


NETWORK_FURTHER: dict[str, FurtherAnalysis] = {
    "side-split": FurtherAnalysis(
        f"{_EVIDENCE}:side_splits",
        "direct against indirect by a refit with its own tau2 (Stata's)",
        ("allocation",),
    ),
    "sidde": FurtherAnalysis(
        f"{_EVIDENCE}:separate_designs", "indirect evidence from the studies without the comparison alone"
    ),
    "designs": FurtherAnalysis(
        f"{_EVIDENCE}:designs", "Q within and between designs, design by design, after detaching each"
    ),
    "heat": FurtherAnalysis(f"{_EVIDENCE}:heat", "which design the inconsistency comes from (net heat)"),
    "contributions": FurtherAnalysis(
        f"{_EVIDENCE}:contribution",
        "contribution of each study to each estimate (random walk)",
        ("contribution_method", "rob"),
    ),
    "impact": FurtherAnalysis(f"{_EVIDENCE}:impact", "precision lost without each study"),
    "leave-one-out": FurtherAnalysis(f"{_EVIDENCE}:left_out", "the fit without each study"),
    "funnel": FurtherAnalysis(f"{_EVIDENCE}:funnel", "small-study effects", ("order",), needs=("order",)),
    "loops": FurtherAnalysis(f"{_DECISIONS}:loops", "inconsistency of each closed loop", ("loop_tau2",)),
    "small-studies": FurtherAnalysis(
        f"{_MODELS}:small_studies", "network meta-regression on the studies' standard error"
    ),
    "ranks": FurtherAnalysis(
        f"{_DECISIONS}:ranks", "rank probabilities and how certain they are", ("draws", "seed"), ranks=True
    ),
    "future-ranks": FurtherAnalysis(
        f"{_DECISIONS}:future_ranks", "ranks in a new study", ("draws", "seed"), ranks=True
    ),
    "margin": FurtherAnalysis(
        f"{_DECISIONS}:margin", "ranks by more than a margin", ("margin",), needs=("margin",), ranks=True
    ),
    "rank-influence": FurtherAnalysis(f"{_DECISIONS}:rank_influence", "the ranking without each study", ranks=True),
    "outcomes": FurtherAnalysis(
        f"{_HERE}.outcomes:outcomes",
        "ranks over outcomes, order they agree on",
        ("with_outcome",),
        needs=("with_outcome",),
        ranks=True,
    ),
    "threshold": FurtherAnalysis(f"{_DECISIONS}:threshold", "bias that would change the best treatment", ranks=True),
    "categories": FurtherAnalysis(
        f"{_DECISIONS}:categories",
        "GRADE categories instead of ranks",
        ("margin", "category_steps", "baseline_risk"),
        ranks=True,
    ),
    "absolute": FurtherAnalysis(f"{_DECISIONS}:absolute", "events per 1,000 and NNT", ("baseline_risk",)),
    "without-treatments": FurtherAnalysis(f"{_DECISIONS}:without_treatments", "the fit without each treatment"),
    "pairwise": FurtherAnalysis(f"{_EVIDENCE}:pairwise", "a separate meta-analysis of each comparison"),
    "components": FurtherAnalysis(
        f"{_MODELS}:components", "treatments as sums of their parts", ("inactive", "separator", "combine")
    ),
    "bootstrap": FurtherAnalysis(f"{_EVIDENCE}:bootstrap", "limits from resampled studies", ("draws", "seed")),
    "mantel-haenszel": FurtherAnalysis(
        f"{_MODELS}:mantel_haenszel", "odds ratios of rare events, no correction", counts=True
    ),
    "hypergeometric": FurtherAnalysis(
        f"{_MODELS}:hypergeometric", "odds ratios of rare events, exact likelihood", counts=True
    ),
    "penalised": FurtherAnalysis(
        f"{_MODELS}:penalised", "odds ratios of rare events, Firth's penalised likelihood", counts=True
    ),
    "one-stage": FurtherAnalysis(
        f"{_MODELS}:one_stage", "odds ratios by a binomial-normal mixed model of the arms", counts=True
    ),
    "variances": FurtherAnalysis(
        f"{_MODELS}:variances",
        "tau2 by type of comparison or group of studies",
        ("inactive", "subgroup"),
        needs_one_of=("subgroup", "inactive"),
    ),
    "transitivity": FurtherAnalysis(
        f"{_MODELS}:transitivity", "effect modifiers by comparison", ("modifier",), needs=("modifier",)
    ),
    "design-adjusted": FurtherAnalysis(
        f"{_MODELS}:by_design",
        "non-randomised studies at falling weight",
        ("design", "trusted"),
        needs=("design",),
    ),
    "regression": FurtherAnalysis(
        f"{_MODELS}:regression", "network meta-regression", ("covariate", "interaction"), needs=("covariate",)
    ),
    "subgroups": FurtherAnalysis(
        f"{_MODELS}:subgroups", "the network in groups of studies", ("subgroup",), needs=("subgroup",)
    ),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What further analyses are told; None or empty where nothing was said. Names are those of `SETTINGS`."""

    draws: int = 100_000
    seed: int = 1
    order: tuple[str, ...] = ()
    baseline_risk: tuple[float, ...] = ()
    margin: float | None = None
    loop_tau2: str = "loop"
    allocation: str = "symmetric"
    contribution_method: str = "random walk"
    with_outcome: tuple[str, ...] = ()
    rob: str | None = None
    covariate: str | None = None
    interaction: str = "common"
    modifier: tuple[str, ...] = ()
    design: str | None = None
    trusted: tuple[str, ...] = ("RCT",)
    category_steps: tuple[float, ...] = ()
    subgroup: str | None = None
    inactive: str | None = None
    separator: str = "+"
    combine: tuple[str, ...] = ()

    @property
    def columns(self) -> tuple[str, ...]:
        """Further columns of the studies that are needed."""
        named = (self.covariate, self.subgroup, self.rob, self.design, *self.modifier)
        return tuple(dict.fromkeys(name for name in named if name is not None))


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A further analysis as review.toml asks for it: its name, the settings that were written, all of them resolved."""

    name: str
    settings: Mapping[str, Any]
    options: Options


def missing_settings(name: str, options: Options) -> tuple[str, ...]:
    """What this further analysis cannot do without and was not given; of two that exclude each other both are named."""
    further = NETWORK_FURTHER[name]
    missing = [setting for setting in further.needs if getattr(options, setting) in (None, ())]
    given = [setting for setting in further.needs_one_of if getattr(options, setting) not in (None, ())]
    return (*missing, *(further.needs_one_of if further.needs_one_of and len(given) != 1 else ()))


def unheard_settings(names: Collection[str], options: Options) -> dict[str, tuple[str, ...]]:
    """Settings that were given though none of these analyses takes them, with the analyses that would.

    Examples
    --------
    >>> unheard_settings(["ranks"], Options(draws=1000, margin=1.1))
    {'margin': ('margin', 'categories')}
    """
    nothing = Options()
    takers = {key: tuple(name for name, one in NETWORK_FURTHER.items() if key in one.takes) for key in SETTINGS}
    return {
        key: others
        for key, others in takers.items()
        if getattr(options, key) != getattr(nothing, key) and not set(others).intersection(names)
    }


def asked(entry: object, defaults: Options | None = None) -> Asked:
    """What an entry of ``also`` asks for: a name, or a table of a name with settings.

    Raises
    ------
    ValueError
        If a name, a setting or a value is not one of those there are.

    Examples
    --------
    >>> asked({"name": "regression", "covariate": "year"}).options.columns
    ('year',)
    """
    table: dict[str, Any] = {"name": entry} if isinstance(entry, str) else dict(entry) if _is_table(entry) else {}
    name = table.pop("name", None)
    if name not in NETWORK_FURTHER:
        raise ValueError(f"{entry!r} is no further analysis; allowed: {', '.join(NETWORK_FURTHER)}")
    further = NETWORK_FURTHER[name]
    for key in table:
        if key not in further.takes:
            allowed = ", ".join(further.takes) or "no settings"
            raise ValueError(f"{name!r} does not take {key!r}; it takes {allowed}")
    values = {key: _checked(name, key, value) for key, value in table.items()}
    options = replace(defaults or Options(), **values)
    missing = missing_settings(name, options)
    if missing:
        both = bool(further.needs_one_of)
        words = " or ".join(missing) if both else " and ".join(missing)
        raise ValueError(f"{name!r} needs {words}{' (one of them)' if both else ''}")
    return Asked(name=name, settings=values, options=options)


def _is_table(entry: object) -> TypeGuard[Mapping[str, Any]]:
    return isinstance(entry, Mapping)


def _checked(name: str, key: str, value: object) -> Any:
    """The value of a setting in the type that `Options` holds."""
    setting = SETTINGS[key]
    many = setting.kind in ("texts", "numbers", "columns", "outcomes")
    if isinstance(value, list | tuple) and not many:
        raise ValueError(f"{name!r}: {key} is one value, not a list")
    values = tuple(
        _one(f"{name!r}: {key}", setting, x) for x in (value if isinstance(value, list | tuple) else [value])
    )
    return values if many else values[0]


def _one(where: str, setting: Setting, value: object) -> str | float | int:
    """One value of a setting in its type."""
    if setting.kind == "count":
        if not isinstance(value, int) or isinstance(value, bool) or value < 1:
            raise ValueError(f"{where} is a whole number above zero, not {value!r}")
        return value
    if setting.kind in ("number", "numbers"):
        if not isinstance(value, int | float) or isinstance(value, bool):
            raise ValueError(f"{where} is a number, not {value!r}")
        return float(value)
    if not isinstance(value, str) or not value:
        raise ValueError(f"{where} is text, not {value!r}")
    if setting.choices and value not in setting.choices:
        raise ValueError(f"{where} is {value!r}; allowed: {', '.join(setting.choices)}")
    return value
