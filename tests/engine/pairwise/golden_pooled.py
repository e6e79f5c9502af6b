"""Checkers of effects, inverse-variance, Mantel-Haenszel and Peto fits against metafor and meta."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import numpy as np

from tests.engine.pairwise.golden import (
    CI_OF_TEST,
    CLOSED,
    COMPUTED,
    FIRST,
    ITERATIVE,
    RATES,
    SCORES,
    STOPPED_EARLY,
    Check,
    Checker,
    Source,
    checks_at_stop,
    estimate_checks,
    floats,
    metafor_zero_cells,
    number,
    score_size,
)
from toolkit.engine.data import Effects
from toolkit.engine.effects import effects_from_estimates
from toolkit.engine.effects.binary import peto
from toolkit.engine.mantel_haenszel import MANTEL_HAENSZEL, mantel_haenszel_rd
from toolkit.engine.pairwise import pairwise
from toolkit.engine.results import PairwiseResult
from toolkit.engine.tau2 import tau2_reml
from toolkit.model.spec import ZeroCells


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
    yield Check("Q", result.heterogeneity.q, number(expect["Q"]), CLOSED, 1e-9)
    if case["id"] in STOPPED_EARLY:
        yield from checks_at_stop(effects.y, effects.v, expect["tau2"], expect["random"], 1e-10, knapp)
        return
    tiny = measure == "RD" and (number(expect["tau2"]) or 0) < 1e-4
    rtol = (1e-6 if tiny else 1e-7) if tau2 != "DL" else CLOSED
    yield from estimate_checks("random", result.random, expect["random"], rtol, scale)
    loose = 2e-5 if tau2 != "DL" else 1e-9
    yield Check("tau2", result.tau2.value, number(expect["tau2"]), loose, 1e-6 * scale**2 if tau2 != "DL" else 1e-12)
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


# meta's REML of a risk difference with a change of tau2 of 1e-10 as its end; rma.uni of the same files has our digits.
STOPPED_EARLY.update(
    ("graves2010_cholera/089", "graves2010_cholera/090", "nielweise2007_sparse/093", "nielweise2007_sparse/094")
)


def scores(source: Source, case: dict[str, Any]) -> tuple[float, float]:
    """Sizes of the REML score at our estimate and at R's."""
    zero = ZeroCells(drop_double_zero="allstudies=TRUE" not in case["call"])
    effects = source.effects(case, zero)
    ours = float(tau2_reml(effects.y, effects.v).value[0])
    return score_size(effects.y, effects.v, ours), score_size(effects.y, effects.v, case["expect"]["tau2"])


def pooled(case: dict[str, Any]) -> Checker | None:
    """The checker of effects and fits."""
    kind, measure, method = case["kind"], case.get("measure"), case.get("method")
    if kind == "escalc":
        if "ti=tval" in case["call"] or "di=c(" in case["call"] or measure in ("RTET", "ZTET"):
            return None  # from a t statistic or a given d: conversions, not arms; tetrachoric ones apart
        if measure == "PETO":
            return check_escalc_peto
        return check_escalc if measure in COMPUTED else None
    if kind == "rma.uni":
        return check_rma_uni if measure in COMPUTED | {"GEN"} else None
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


FIRST.append(pooled)
SCORES["metabin"] = SCORES["revmanweb"] = scores
