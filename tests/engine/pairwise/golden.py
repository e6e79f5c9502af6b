"""Runs reference cases (R: metafor, meta) through the engine and lists what lies outside the tolerance.

A checker turns a case into `Check` rows: quantity, ours, theirs, tolerances. Cases without a checker are counted apart.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from toolkit.engine.data import Effects
from toolkit.engine.effects import arm_table, compute_effects, effects_from_estimates
from toolkit.engine.results import Estimate
from toolkit.engine.tau2 import batch, score
from toolkit.model.choices import MEASURES
from toolkit.model.spec import ZeroCells

# metafor 5 corrects its ratio of means, meta does not: two measures of ours.
OURS = {"ROM": "ROM_BC"}
RATES, SINGLE = {"IRR", "IRD", "IRSD"}, {k for k, m in MEASURES.items() if m.groups == 1}
COMPUTED = {k for k, m in MEASURES.items() if m.needs}
CLOSED = 1e-10  # README: closed forms
ITERATIVE = {"ML", "REML", "EB", "PM", "PMM"}
CI_OF_TEST = {"z": "Wald", "t": "t", "knha": "HK", "adhoc": "HK_adhoc"}


@dataclass(frozen=True)
class Check:
    """One number of ours against one of R's."""

    quantity: str
    ours: float | None
    theirs: float | None
    rtol: float
    atol: float = 0.0

    @property
    def holds(self) -> bool:
        if self.ours is None or self.theirs is None:
            return self.ours is None and self.theirs is None
        return abs(self.ours - self.theirs) <= self.rtol * abs(self.theirs) + self.atol


@dataclass
class Report:
    """What was run: counts by kind and measure, failures with their numbers, cases nobody checks."""

    run: Counter[str] = field(default_factory=Counter)
    checks: int = 0
    failures: list[str] = field(default_factory=list)
    unchecked: list[str] = field(default_factory=list)
    smaller_score: list[tuple[str, float, float]] = field(default_factory=list)

    def table(self) -> str:
        lines = [f"{name:40s}{count:6d}" for name, count in sorted(self.run.items())]
        return "\n".join(
            [*lines, f"{'cases':40s}{sum(self.run.values()):6d}", f"{'numbers compared':40s}{self.checks:6d}"]
        )


def floats(values: list[Any]) -> np.ndarray:
    return np.array([np.nan if v is None else float(v) for v in values], dtype=float)


def number(value: Any) -> float | None:
    return float(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else None


def arguments(call: str) -> dict[str, str]:
    """Argument -> column of the data in an R call (``ai=ai, n1i=n1i, ... data=d``)."""
    if call.startswith("rma(yi, vi,"):
        return {"yi": "yi", "vi": "vi"}
    return dict(re.findall(r"(\w[\w.]*)=(\w+)(?=[,)])", call))


def measure_of(case: dict[str, Any]) -> str:
    """Our name of the measure of a case of metafor."""
    if case["measure"] == "SMD" and "correct=FALSE" in case["call"]:
        return "SMD_D"
    return OURS.get(case["measure"], str(case["measure"]))


def variance_of(case: dict[str, Any]) -> str:
    """Our name of the sampling variance that a call asks for."""
    found = re.search(r"vtype='(\w+)'", case["call"])
    return found[1] if found and found[1] != "LS" else "default"


class Source:
    """The data of one file as effects."""

    def __init__(self, content: dict[str, Any]) -> None:
        self.columns = content["data"]
        smd = [c["expect"] for c in content["cases"] if c["kind"] == "metacont" and "Hedges" in c["method"]]
        self.meta_smd = (floats(smd[0]["yi"]), floats(smd[0]["sei"])) if smd else None

    def column(self, name: str) -> np.ndarray:
        return floats(self.columns[name])

    def pair(self, first: np.ndarray, second: np.ndarray) -> np.ndarray:
        return np.column_stack([first, second]).ravel()

    def effects(self, case: dict[str, Any], zero_cells: ZeroCells, measure: str | None = None) -> Effects:
        """Effects in row order, studies named by row number; all missing rows are excluded."""
        args, measure = arguments(case["call"]), measure or measure_of(case)
        get = {name: self.column(column) for name, column in args.items() if column in self.columns}
        if measure in SINGLE:
            return self.single(get, measure, zero_cells, variance_of(case))
        if "yi" in get and measure not in COMPUTED:
            names = [str(i) for i in range(get["yi"].size)]
            return effects_from_estimates(names, get["yi"], v=get["vi"])
        if "m1i" in get or "mean.e" in get:
            new = {"m": "mean", "sd": "sd", "n": "n"}
            if "mean.e" in get:
                columns = {k: self.pair(get[f"{k}.e"], get[f"{k}.c"]) for k in ("mean", "sd", "n")}
            else:
                columns = {long: self.pair(get[f"{short}1i"], get[f"{short}2i"]) for short, long in new.items()}
        elif measure in RATES:
            rates = self.rates(case)
            columns = {"events": self.pair(rates[0], rates[2]), "time": self.pair(rates[1], rates[3])}
        else:
            e1, n1, e2, n2 = self.counts(case)
            columns = {"events": self.pair(e1, e2), "n": self.pair(n1, n2)}
        size = next(iter(columns.values())).size // 2
        names = [str(i // 2) for i in range(2 * size)]
        arms = arm_table(names, ["E", "C"] * size, **columns)
        return compute_effects(arms, measure, zero_cells=zero_cells, reference="C", variance=variance_of(case))

    def rates(self, case: dict[str, Any]) -> list[np.ndarray]:
        named = arguments(case["call"])
        if "x1i" not in named:
            return self.positional(case)
        return [self.column(named[name]) for name in ("x1i", "t1i", "x2i", "t2i")]

    def positional(self, case: dict[str, Any]) -> list[np.ndarray]:
        """Columns of an R call without names: metainc(x1i, t1i, x2i, t2i, ...), metaprop(xi, ni, ...)."""
        words = re.search(r"\(([\w, ]+), data=d", case["call"])
        assert words is not None
        return [self.column(name.strip()) for name in words[1].split(",")]

    def single(
        self, get: dict[str, np.ndarray], measure: str, zero_cells: ZeroCells, variance: str = "default"
    ) -> Effects:
        columns = {}
        for role, name in (("events", "xi"), ("n", "ni"), ("time", "ti"), ("mean", "mi"), ("sd", "sdi"), ("r", "ri")):
            if name in get and not (role == "mean" and "sdi" not in get):
                columns[role] = get[name]
        if "n" not in columns and "time" not in columns:
            columns["n"] = get["xi"] + get["mi"]
        size = next(iter(columns.values())).size
        arms = arm_table([str(i) for i in range(size)], ["all"] * size, **columns)
        return compute_effects(arms, measure, zero_cells=zero_cells, variance=variance)

    def counts(self, case: dict[str, Any]) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        get = {k: self.column(c) for k, c in arguments(case["call"]).items() if c in self.columns}
        if "event.e" in get:
            return get["event.e"], get["n.e"], get["event.c"], get["n.c"]
        n1 = get["n1i"] if "n1i" in get else get["ai"] + get["bi"]
        n2 = get["n2i"] if "n2i" in get else get["ci"] + get["di"]
        return get["ai"], n1, get["ci"], n2


def metafor_zero_cells(options: dict[str, Any]) -> ZeroCells:
    return ZeroCells(
        add=float(options.get("add", 0.5)),
        to=options.get("to", "only0"),
        drop_double_zero=str(options.get("drop00", False)).upper() == "TRUE",
        risk_ratio="cells",
        risk_difference="cells",
    )


def estimate_checks(
    name: str, ours: Estimate | None, expect: dict[str, Any], rtol: float, scale: float
) -> Iterator[Check]:
    """Estimate, standard error, bounds, statistic, df and p against a block of R output."""
    assert ours is not None, name
    small = max(1e-9 * scale, rtol * ours.se)  # a bound near zero has the absolute error of the estimate
    yield Check(f"{name}.estimate", ours.estimate, number(expect["estimate"]), rtol, small)
    yield Check(f"{name}.se", ours.se, number(expect["se"]), rtol, small)
    if expect.get("ci") and number(expect["ci"][0]) is not None:
        yield Check(f"{name}.ci_low", ours.ci_low, number(expect["ci"][0]), rtol, small)
        yield Check(f"{name}.ci_high", ours.ci_high, number(expect["ci"][1]), rtol, small)
    statistic = number(next((expect[k] for k in ("z_or_t", "stat", "z") if k in expect), None))
    if statistic is not None and np.isfinite(ours.statistic):
        yield Check(f"{name}.statistic", ours.statistic, statistic, 10 * rtol, 1e-9)
        if number(expect.get("p")) is not None:
            # p has the relative error of the statistic, magnified by the statistic in the tail.
            slack = max(1e-8, 10 * rtol * (1 + statistic**2))
            yield Check(f"{name}.p", ours.p, number(expect["p"]), slack, 1e-14)


# Cases whose reference value stopped short of its own definition: id -> why. Ours must be nearer, and both distances
# are printed.
R_IS_OFF: dict[str, str] = {}

# Cases whose numbers are compared at the tau2 where R stopped, that stop being reproduced; both scores are printed.
STOPPED_EARLY: set[str] = set()


def score_size(y: np.ndarray, v: np.ndarray, tau2: float) -> float:
    """Size of the REML score times tau2: 0 at the maximum, free of scale."""
    return float(np.abs(score(batch(y, v), np.array([tau2]), True)[0] * tau2)[0])


def scoring_stopped_early(y: np.ndarray, v: np.ndarray, change: float = 1e-5) -> float:
    """REML by Fisher scoring from Hedges' estimate until tau2 moves by less than ``change``: R's default rule.

    References
    ----------
    Viechtbauer 2005, J Educ Behav Stat 30:261-293, equation 20. doi:10.3102/10769986030003261
    """
    tau2, step = max(0.0, float(y.var(ddof=1) - v.mean())), np.inf
    while abs(step) > change:
        w = 1 / (v + tau2)
        P = np.diag(w) - np.outer(w, w) / w.sum()
        step = float((y @ P @ P @ y - np.trace(P)) / (P * P).sum())
        while tau2 + step < 0:
            step /= 2
        tau2 += step
    return tau2


def checks_at_stop(
    y: np.ndarray, v: np.ndarray, tau2: float, expect: dict[str, Any], change: float = 1e-5, knapp: bool = False
) -> Iterator[Check]:
    """R's tau2 by its stopping rule, and what R makes of it: estimate and standard error (Hartung-Knapp if asked)."""
    yield Check("tau2 as R stops", scoring_stopped_early(y, v, change), tau2, 1e-9, 1e-18)
    w = 1 / (v + tau2)
    mean = float((w * y).sum() / w.sum())
    factor = float((w * (y - mean) ** 2).sum()) / (y.size - 1) if knapp else 1.0
    yield Check("estimate at R's tau2", mean, number(expect["estimate"]), 1e-9, 1e-10)
    yield Check("se at R's tau2", float((factor / w.sum()) ** 0.5), number(expect["se"]), 1e-9)


Checker = Callable[[Source, dict[str, Any]], Iterator[Check]]
Choose = Callable[[dict[str, Any]], Checker | None]

# Filled by the modules beside this one: kind -> its checkers; those of no single kind; those of cases without another.
FURTHER: dict[str, Choose] = {}
FIRST: list[Choose] = []
LAST: list[Choose] = []
# Kind -> how far ours and R's values are from what both look for.
SCORES: dict[str, Callable[[Source, dict[str, Any]], tuple[float, float]]] = {}


def checker_of(case: dict[str, Any]) -> Checker | None:
    kind, found = case["kind"], None
    if "expect" in case or kind == "rma.glmm":
        found = FURTHER[kind](case) if kind in FURTHER else _first_of(FIRST, case)
    return found or _first_of(LAST, case)


def _first_of(choices: list[Choose], case: dict[str, Any]) -> Checker | None:
    return next((own for own in (choose(case) for choose in choices) if own is not None), None)


def run_file(path: Path, report: Report) -> None:
    content = json.loads(path.read_text(encoding="utf-8"))
    source = Source(content)
    for case in content["cases"]:
        checker = checker_of(case)
        family = f"{case['kind']} {case.get('measure')}"
        if checker is None:
            report.unchecked.append(f"{case['id']} {family}: {case['call']}")
            continue
        report.run[family] += 1
        try:
            checks = list(checker(source, case))
        except Exception as error:
            report.failures.append(f"{case['id']} {case['call'][:120]}: {type(error).__name__} {error}")
            continue
        report.checks += len(checks)
        if case["id"] in R_IS_OFF or case["id"] in STOPPED_EARLY:
            ours, theirs = SCORES[case["kind"]](source, case)
            report.smaller_score.append((case["id"], ours, theirs))
        if case["id"] in R_IS_OFF:
            checks = [c for c in checks if c.quantity == "Q" or c.quantity.startswith("near ")]
        report.failures += [
            f"{case['id']} {family} {case.get('method')} {case['options']} {c.quantity}: ours {c.ours} R {c.theirs}"
            for c in checks
            if not c.holds
        ]


def run_folder(folder: Path) -> Report:
    report = Report()
    for path in sorted(folder.glob("*.json")):
        run_file(path, report)
    return report
