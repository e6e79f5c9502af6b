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
from toolkit.engine.effects.binary import peto
from toolkit.engine.mantel_haenszel import MANTEL_HAENSZEL, mantel_haenszel_rd
from toolkit.engine.pairwise import pairwise
from toolkit.engine.results import Estimate, PairwiseResult
from toolkit.engine.tau2 import batch, score, tau2_reml
from toolkit.model.choices import MEASURES
from toolkit.model.spec import ZeroCells

BINARY, CONTINUOUS = {"OR", "RR", "RD", "PETO", "AS"}, {"MD", "SMD", "SMD1", "SMDH", "ROM", "ROM_BC", "VR", "CVR"}
# metafor 5 corrects its ratio of means, meta does not: two measures of ours.
OURS = {"ROM": "ROM_BC"}
RATES, SINGLE = {"IRR", "IRD", "IRSD"}, {k for k, m in MEASURES.items() if m.groups == 1}
COMPUTED = BINARY | CONTINUOUS | RATES | SINGLE
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
    unchecked: dict[str, list[str]] = field(default_factory=dict)
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
        args, measure = arguments(case["call"]), measure or OURS.get(case["measure"], case["measure"])
        get = {name: self.column(column) for name, column in args.items() if column in self.columns}
        if measure in SINGLE:
            return self.single(get, measure, zero_cells)
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
        return compute_effects(arms, measure, zero_cells=zero_cells, reference="C")

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

    def single(self, get: dict[str, np.ndarray], measure: str, zero_cells: ZeroCells) -> Effects:
        columns = {}
        for role, name in (("events", "xi"), ("n", "ni"), ("time", "ti"), ("mean", "mi"), ("sd", "sdi"), ("r", "ri")):
            if name in get and not (role == "mean" and "sdi" not in get):
                columns[role] = get[name]
        if "n" not in columns and "time" not in columns:
            columns["n"] = get["xi"] + get["mi"]
        size = next(iter(columns.values())).size
        arms = arm_table([str(i) for i in range(size)], ["all"] * size, **columns)
        return compute_effects(arms, measure, zero_cells=zero_cells)

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


def check_escalc(source: Source, case: dict[str, Any]) -> Iterator[Check]:
    options, expect = case["options"], case["expect"]
    effects = source.effects(case, metafor_zero_cells(options))
    rows = [int(name) for name in effects.studies]
    y, v = floats(expect["yi"]), floats(expect["vi"])
    ours_y, ours_v = np.full(y.size, np.nan), np.full(y.size, np.nan)
    ours_y[rows], ours_v[rows] = effects.y, effects.v
    for i in range(y.size):
        if v[i] == 0 and np.isnan(ours_v[i]):
            continue  # a variance of zero cannot be pooled: ours excludes the row and says so
        if case["measure"] == "RD" and np.isnan(y[i]) and str(options.get("drop00")).upper() == "TRUE":
            continue  # ours keeps double-zero studies for the risk difference, where they inform
        for what, ours, theirs in (("yi", ours_y[i], y[i]), ("vi", ours_v[i], v[i])):
            yield Check(f"{what}[{i}]", *(None if np.isnan(x) else float(x) for x in (ours, theirs)), CLOSED, 1e-14)


def check_escalc_peto(source: Source, case: dict[str, Any]) -> Iterator[Check]:
    """The kernel on metafor's corrected counts: ours corrects nothing, which Peto's method does not need."""
    e1, n1, e2, n2 = source.counts(case)
    zero = (e1 == 0) | (e2 == 0) | (e1 == n1) | (e2 == n2)
    add = np.where(zero, 0.5, 0.0)
    y, v = peto(e1 + add, n1 + 2 * add, e2 + add, n2 + 2 * add)
    for i, (yi, vi) in enumerate(zip(case["expect"]["yi"], case["expect"]["vi"], strict=True)):
        yield Check(f"yi[{i}]", None if np.isnan(y[i]) else float(y[i]), number(yi), CLOSED, 1e-14)
        yield Check(f"vi[{i}]", None if np.isnan(v[i]) else float(v[i]), number(vi), CLOSED, 1e-14)


def check_peto(source: Source, case: dict[str, Any]) -> Iterator[Check]:
    """The pooled Peto odds ratio is the common effect of the uncorrected study effects."""
    effects = source.effects(case, ZeroCells(), "PETO")
    expect = case["expect"].get("common", case["expect"])
    if not effects.studies:
        assert number(expect["se"]) is None or not np.isfinite(number(expect["se"]) or np.nan)
        return
    result = pairwise(effects, tau2="DL", ci="Wald", treatment="E")
    scale = float(np.sqrt(np.median(effects.v)))
    yield from estimate_checks("peto", result.common, expect, CLOSED, scale)
    if "random" in case["expect"] and result.k > 1:
        yield from estimate_checks("random", result.random, case["expect"]["random"], CLOSED, scale)
        yield Check("tau2", result.tau2.value, number(case["expect"]["tau2"]), CLOSED, 1e-12)
    if result.k > 1:
        yield Check("Q", result.heterogeneity.q, number(case["expect"]["Q"]), CLOSED, 1e-9)


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


def check_rma_uni(source: Source, case: dict[str, Any]) -> Iterator[Check]:
    options, expect, method = case["options"], case["expect"], case["method"]
    effects = source.effects(case, metafor_zero_cells(options))
    test = options.get("test", "z")
    level = options.get("level", 95) / 100
    result = pairwise(
        effects,
        tau2="REML" if method == "EE" else method,
        ci=CI_OF_TEST[test],
        level=level,
        treatment="E" if "E" in effects.treatments else None,
        tau2_ci="PL" if method in ("ML", "REML") and expect.get("tau2_ci_pl") else "QP",
        prediction={"z": "z", "t": "t_k1", "knha": "HK", "adhoc": "none"}[test],
    )
    scale = float(np.sqrt(np.median(effects.v)))
    rtol = 1e-7 if method in ITERATIVE else CLOSED
    yield Check("k", result.k, expect["k"], 0)
    if result.k == 1:
        assert result.tau2 is None and result.random is None and result.prediction is None
        yield from estimate_checks("common", result.common, expect, CLOSED, scale) if test == "z" else ()
        return
    loose = case["measure"] == "MD" or (case["measure"] == "RD" and (expect["tau2"] or 0) < 1e-5)
    if method == "EE":
        if test == "z":
            yield from estimate_checks("common", result.common, expect, rtol, scale)
    else:
        rtol = 2e-6 if loose and method in ITERATIVE else rtol
        yield from estimate_checks("random", result.random, expect, rtol, scale)
        yield from tau2_checks(result, case, scale, loose)
        yield from prediction_checks(source, result, effects, case, rtol, scale)
    h = result.heterogeneity
    assert h is not None
    yield Check("Q", h.q, number(expect["Q"]), CLOSED, 1e-9)
    yield Check("Q_p", h.p, number(expect["Q_p"]), 1e-8, 1e-14)
    i2 = h.i2_q if method == "EE" else h.i2_tau2
    wide = (1e-5 if loose else 1e-6) if method in ITERATIVE else 1e-9
    yield Check("I2", 100 * i2, number(expect["I2"]), wide, 1e-4 if method in ITERATIVE else 1e-8)
    weights = [
        row.weight_common if method == "EE" else row.weight_random for row in result.studies if row.excluded is None
    ]
    for i, (ours, theirs) in enumerate(zip(weights, expect.get("weights_pct", []), strict=False)):
        yield Check(f"weight[{i}]", 100 * ours, number(theirs), wide, 1e-9)


def tau2_checks(result: PairwiseResult, case: dict[str, Any], scale: float, loose: bool) -> Iterator[Check]:
    expect, method = case["expect"], case["method"]
    tau2 = result.tau2
    assert tau2 is not None and tau2.value >= 0 and tau2.converged
    rtol = (1e-5 if loose else 1e-6) if method in ITERATIVE else CLOSED
    negligible = 1e-6 * scale**2
    small = expect["tau2"] < negligible
    yield Check("tau2", tau2.value, expect["tau2"], rtol, negligible if small else 1e-12 * scale**2)
    if number(expect.get("se_tau2")) is not None:
        yield Check(
            "se_tau2", tau2.se, expect["se_tau2"], 2e-5 if loose else 2e-6, negligible if small else 1e-12 * scale**2
        )
    assert tau2.ci is not None
    if tau2.ci.method == "PL":
        for name, ours, theirs in zip(("low", "high"), (tau2.ci.low, tau2.ci.high), expect["tau2_ci_pl"], strict=True):
            if number(theirs) is not None:
                yield Check(f"tau2_ci_pl.{name}", ours, number(theirs), 1e-5, 1e-9 * scale**2)
    if expect.get("tau2_ci") and number(expect["tau2_ci"][0]) is not None and tau2.ci.method != "PL":
        for name, ours, theirs in zip(("low", "high"), (tau2.ci.low, tau2.ci.high), expect["tau2_ci"], strict=True):
            yield Check(f"tau2_ci.{name}", ours, number(theirs), 1e-5 if theirs < 1e-6 else 1e-6, 1e-9 * scale**2)


def prediction_checks(
    source: Source, result: PairwiseResult, effects: Effects, case: dict[str, Any], rtol: float, scale: float
) -> Iterator[Check]:
    """The prediction intervals of the case by name; three studies at least, none under the ad hoc test."""
    expect, test = case["expect"], case["options"].get("test", "z")
    if result.k < 3 or test == "adhoc":
        return
    names = {"pi": result.spec.prediction}
    if test == "z":
        names |= {"pi_t": "t_k1", "pi_riley": "t_k2"}
    if test == "knha":
        names |= {"pi_riley": "HK_k2"}
    for name, key in names.items():
        if not expect.get(name) or number(expect[name][0]) is None:
            continue
        interval = pairwise(effects, result.spec, prediction=key).prediction
        assert interval is not None
        for side, ours, theirs in zip(("low", "high"), (interval.low, interval.high), expect[name], strict=True):
            yield Check(f"{name}.{side}", ours, number(theirs), max(rtol, 1e-9) * 10, 1e-6 * scale)


def check_rma_mh(source: Source, case: dict[str, Any]) -> Iterator[Check]:
    rates = case["measure"] in RATES
    e1, n1, e2, n2 = source.rates(case) if rates else source.counts(case)
    if "MH too" in str(case["options"].get("add", "")):
        add = np.where((e1 == 0) | (e2 == 0) | (e1 == n1) | (e2 == n2), 0.5, 0.0)
        e1, n1, e2, n2 = e1 + add, n1 + 2 * add, e2 + add, n2 + 2 * add
    measure, expect = case["measure"], case["expect"]
    if measure == "RD":
        estimate, se = mantel_haenszel_rd(e1, n1, e2, n2, variance="Sato")
    else:
        estimate, se = MANTEL_HAENSZEL[measure](e1, n1, e2, n2)
    ours = [None if np.isnan(x[0]) else float(x[0]) for x in (estimate, se)]
    theirs = [number(expect["estimate"]), number(expect["se"])]
    if theirs[1] is None or not np.isfinite(theirs[1]) or theirs[1] == 0:
        theirs = [None, None]
    yield Check("MH.estimate", ours[0], theirs[0], CLOSED, 1e-14)
    yield Check("MH.se", ours[1], theirs[1], CLOSED, 1e-14)


def check_metabin(source: Source, case: dict[str, Any]) -> Iterator[Check]:
    """meta: its own correction of RR and RD, Greenland-Robins variance, t(k - 1) or t(k - 2) prediction."""
    expect, call = case["expect"], case["call"]
    cells = "RR.Cochrane=TRUE" in call
    zero = ZeroCells(drop_double_zero="allstudies=TRUE" not in call, risk_ratio="cells" if cells else "events")
    measure = {"DOR": "OR"}.get(case["measure"], case["measure"])
    effects = source.effects(case, zero, measure)
    if not effects.studies:
        return
    tau2 = "REML" if "'REML'" in call else "PM" if "'PM'" in call else "DL"
    knapp = "method.random.ci='HK'" in call
    around = "MH-Q" in case["method"]
    safe = "adhoc.hakn.ci='ci'" in call or "adhoc.hakn.ci='IQWiG6'" in call
    result = pairwise(effects, tau2=tau2, ci="HK" if knapp else "Wald", treatment="E", prediction="t_k1",
                      q_around="MH" if around else "IV", mantel_haenszel="corrected" if around else "raw",
                      zero_cells=zero)  # fmt: skip
    scale = float(np.sqrt(np.median(effects.v)))
    inverse = "method='MH'" not in call
    if inverse:
        yield from estimate_checks("common", result.common, expect["common"], CLOSED, scale)
    elif ("MH.exact=TRUE" in call or around or measure in RATES) and number(expect["common"]["se"]):
        yield from estimate_checks("mh", result.mantel_haenszel, expect["common"], CLOSED, scale)
    elif number(expect["common"]["se"]):
        yield from corrected_mantel_haenszel(source, case, measure, zero)
    if result.k < 2 or safe or "adhoc.hakn.ci='se'" in call:
        return
    assert result.tau2 is not None and result.heterogeneity is not None
    tiny = measure == "RD" and (number(expect["tau2"]) or 0) < 1e-4
    rtol = (1e-6 if tiny else 1e-7) if tau2 != "DL" else CLOSED
    yield from estimate_checks("random", result.random, expect["random"], rtol, scale)
    loose = 2e-5 if tau2 != "DL" else 1e-9
    yield Check("tau2", result.tau2.value, number(expect["tau2"]), loose, 1e-6 * scale**2 if tau2 != "DL" else 1e-12)
    yield Check("Q", result.heterogeneity.q, number(expect["Q"]), CLOSED, 1e-9)
    if number(expect.get("I2")) is not None:
        yield Check("I2", result.heterogeneity.i2_q, number(expect["I2"]), CLOSED, 1e-9)
    predicted = expect.get("predict") or {}
    key = {"HTS": "t_k2", "V": "t_k1", "HK": "HK", "HK-PR": "HK_k2"}.get(predict_method(call))
    if key and result.k > 2 and predicted.get("pi") and number(predicted["pi"][0]) is not None:
        interval = pairwise(effects, result.spec, prediction=key).prediction
        assert interval is not None
        for side, ours, theirs in zip(("low", "high"), (interval.low, interval.high), predicted["pi"], strict=True):
            yield Check(f"predict.{side}", ours, number(theirs), 1e-6 if tau2 != "DL" else 1e-9, 1e-6 * scale)


def check_kenward_roger(source: Source, case: dict[str, Any]) -> Iterator[Check]:
    """meta: Kenward-Roger interval and prediction interval; degrees of freedom near zero have infinite bounds."""
    expect, measure = case["expect"], case["measure"]
    if measure == "GEN":
        y, v = source.column("yi"), source.column("vi")
        effects = effects_from_estimates([str(i) for i in range(y.size)], y, v=v)
    else:
        effects = source.effects(case, ZeroCells(), measure)
    result = pairwise(effects, tau2="REML", ci="KR", prediction="KR")
    assert result.random is not None and result.prediction is not None
    rtol = 1e-5  # tau2 of these fits has meta's threshold
    yield Check("se", result.random.se, number(expect["random"]["se"]), rtol)
    yield Check("estimate", result.random.estimate, number(expect["random"]["estimate"]), rtol, 1e-6 * result.random.se)
    if "df" in expect["predict"]:
        yield Check("df", result.random.df, number(expect["predict"]["df"]), 1e-4)
    for name, ours, theirs in (
        ("ci", (result.random.ci_low, result.random.ci_high), expect["random"]["ci"]),
        ("pi", (result.prediction.low, result.prediction.high), expect["predict"]["pi"]),
    ):
        for side, mine, other in zip(("low", "high"), ours, theirs, strict=True):
            if number(other) is None:
                assert not np.isfinite(mine)
            else:
                yield Check(f"{name}.{side}", mine, number(other), 2e-5, 1e-5 * result.random.se)


def check_revman_smd(source: Source, case: dict[str, Any]) -> Iterator[Check]:
    """Hedges' g with Review Manager's approximations: effects, and the fit that the preset makes of them."""
    expect = case["expect"]
    effects = source.effects(case, ZeroCells(), "SMD_RM")
    web = case["kind"] == "revmanweb"
    result = pairwise(
        effects, tau2="REML" if web else "DL", ci="HK" if web else "Wald", prediction="t_k2", treatment="E"
    )
    for i, (yi, sei) in enumerate(zip(expect["yi"], expect["sei"], strict=True)):
        yield Check(f"yi[{i}]", float(effects.y[i]), number(yi), CLOSED, 1e-14)
        yield Check(f"sei[{i}]", float(effects.v[i]) ** 0.5, number(sei), CLOSED)
    yield from estimate_checks("common", result.common, expect["common"], CLOSED, 1.0)
    yield from estimate_checks("random", result.random, expect["random"], 1e-6 if web else CLOSED, 1.0)
    assert result.tau2 is not None and result.heterogeneity is not None
    yield Check("tau2", result.tau2.value, number(expect["tau2"]), 1e-5 if web else CLOSED)
    yield Check("Q", result.heterogeneity.q, number(expect["Q"]), CLOSED)


def corrected_mantel_haenszel(source: Source, case: dict[str, Any], measure: str, zero: ZeroCells) -> Iterator[Check]:
    """The kernel on counts with 0.5 added to zero cells, as RevMan and meta's default do."""
    e1, n1, e2, n2 = source.counts(case)
    keep = ~(((e1 == 0) & (e2 == 0)) | ((e1 == n1) & (e2 == n2))) if measure != "RD" else e1 >= 0
    add = np.where((e1 == 0) | (e2 == 0) | (e1 == n1) | (e2 == n2), 0.5, 0.0)
    estimate, se = MANTEL_HAENSZEL[measure](*((x[keep]) for x in (e1 + add, n1 + 2 * add, e2 + add, n2 + 2 * add)))
    if measure == "RD":  # each study's difference stays raw, its weight is that of the corrected arms
        weight = (n1 + 2 * add) * (n2 + 2 * add) / (n1 + n2 + 4 * add)
        estimate = [(weight * (e1 / n1 - e2 / n2)).sum() / weight.sum()]
    yield Check("mh.estimate", float(estimate[0]), number(case["expect"]["common"]["estimate"]), CLOSED, 1e-14)
    yield Check("mh.se", float(se[0]), number(case["expect"]["common"]["se"]), CLOSED, 1e-14)


def predict_method(call: str) -> str:
    found = re.search(r"method\.predict='([\w-]+)'", call)
    return found[1] if found else "V"


# Reference values that stopped early: id -> why. Ours must have the smaller score, and both scores are printed.
R_IS_OFF = {
    "graves2010_cholera/089": "meta's REML of a risk difference; rma.uni of the same file has our digits",
    "graves2010_cholera/090": "the same",
    "nielweise2007_sparse/093": "the same",
    "nielweise2007_sparse/094": "the same",
}

# Cases whose numbers are compared at the tau2 where R stopped, that stop being reproduced; both scores are printed.
STOPPED_EARLY: set[str] = set()


def score_size(y: np.ndarray, v: np.ndarray, tau2: float) -> float:
    """Size of the REML score times tau2: 0 at the maximum, free of scale."""
    return float(np.abs(score(batch(y, v), np.array([tau2]), True)[0] * tau2)[0])


def scores(source: Source, case: dict[str, Any]) -> tuple[float, float]:
    """Sizes of the REML score at our estimate and at R's."""
    zero = ZeroCells(drop_double_zero="allstudies=TRUE" not in case["call"])
    effects = source.effects(case, zero)
    ours = float(tau2_reml(effects.y, effects.v).value[0])
    return score_size(effects.y, effects.v, ours), score_size(effects.y, effects.v, case["expect"]["tau2"])


Checker = Callable[[Source, dict[str, Any]], Iterator[Check]]


def plain_standardised(case: dict[str, Any]) -> bool:
    options = case["options"]
    if "vtype='UB'" in case["call"]:
        return False
    return str(options.get("vtype", "LS")).split()[0] == "LS" and options.get("correct", True) is not False


SCORES: dict[str, Callable[[Source, dict[str, Any]], tuple[float, float]]] = {}
# Kind -> which checker a case of it gets; filled by the modules beside this one.
FURTHER: dict[str, Callable[[dict[str, Any]], Checker | None]] = {}


# The checker of a case that has no other.
LAST: list[Callable[[dict[str, Any]], Checker | None]] = []


def why_not(case: dict[str, Any]) -> str | None:
    """Why a case has no checker, by the modules beside this one."""
    return next((why for why in (reason(case) for reason in REASONS) if why is not None), None)


# Why a case has no checker.
REASONS: list[Callable[[dict[str, Any]], str | None]] = []


def checker_of(case: dict[str, Any]) -> Checker | None:
    found = _checker_of(case) if "expect" in case or case["kind"] == "rma.glmm" else None
    return found or next((own for own in (last(case) for last in LAST) if own is not None), None)


def _checker_of(case: dict[str, Any]) -> Checker | None:
    kind, measure, method = case["kind"], case.get("measure"), case.get("method")
    if kind in FURTHER:
        return FURTHER[kind](case)
    if kind == "escalc":
        if "ti=tval" in case["call"] or "di=c(" in case["call"]:
            return None  # from a t statistic or a given d: conversions, not arms
        if measure == "PETO":
            return check_escalc_peto
        return check_escalc if measure in COMPUTED and plain_standardised(case) else None
    if kind == "rma.uni":
        return check_rma_uni if measure in COMPUTED | {"GEN"} and plain_standardised(case) else None
    if kind == "rma.mh":
        return check_rma_mh if measure in MANTEL_HAENSZEL else None
    if kind == "rma.peto":
        return check_peto
    if kind == "revman5" and method == "Peto":
        return check_peto
    if kind == "metainc":
        return check_metabin
    if kind in ("metabin-kr", "metagen-kr"):
        return check_kenward_roger
    if measure == "SMD" and ((kind == "revman5" and "Hedges" in method) or kind == "revmanweb"):
        return check_revman_smd
    if kind in ("metabin", "metabin-pi", "revman5", "revmanweb", "metacont"):
        known = ("IV + DL", "MH exact", "PM + HK", "MH + DL(MH-Q)", "REML + HKSJ", "HTS", "V", "HK", "HK-PR")
        if method not in known or measure not in {"OR", "RR", "RD", "DOR", "MD", "ROM"}:
            return None
        return check_metabin
    return None


def run_file(path: Path, report: Report) -> None:
    content = json.loads(path.read_text(encoding="utf-8"))
    source = Source(content)
    for case in content["cases"]:
        checker = checker_of(case)
        family = f"{case['kind']} {case.get('measure')}"
        if checker is None:
            report.unchecked.setdefault(why_not(case) or f"no reason: {family}", []).append(case["id"])
            continue
        report.run[family] += 1
        try:
            checks = list(checker(source, case))
        except Exception as error:
            report.failures.append(f"{case['id']} {case['call'][:120]}: {type(error).__name__} {error}")
            continue
        report.checks += len(checks)
        if case["id"] in R_IS_OFF or case["id"] in STOPPED_EARLY:
            ours, theirs = SCORES.get(case["kind"], scores)(source, case)
            report.smaller_score.append((case["id"], ours, theirs))
        if case["id"] in R_IS_OFF:
            checks = [c for c in checks if c.quantity == "Q"]
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
