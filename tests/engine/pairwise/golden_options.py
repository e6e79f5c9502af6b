"""Checkers of other weights, sampling variances, zero-cell divisions and study intervals, and of the general N."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import numpy as np

from tests.engine.pairwise.golden import (
    CLOSED,
    FURTHER,
    LAST,
    R_IS_OFF,
    SCORES,
    Check,
    Checker,
    Source,
    estimate_checks,
    floats,
    metafor_zero_cells,
    number,
    scoring_stopped_early,
)
from tests.engine.pairwise.golden_publication import check_fail_safe, result_of
from tests.engine.pairwise.golden_sensitivity import columns
from toolkit.engine.heterogeneity import heterogeneity
from toolkit.engine.intervals import two_sided_p
from toolkit.engine.own_weights import pool_own_weights
from toolkit.engine.pairwise import pairwise
from toolkit.engine.pooling import pool_inverse_variance
from toolkit.engine.prediction import prediction_t_k1, prediction_t_k2, prediction_z
from toolkit.engine.publication import fail_safe_n, henmi_copas
from toolkit.engine.results import PairwiseResult
from toolkit.engine.sensitivity import studies_of
from toolkit.engine.tau2 import batch, log_likelihood, tau2_generalised_median
from toolkit.model.spec import ZeroCells

# meta: method of a case -> our measure, sampling variance.
MEANS = {
    "Hedges exact J": ("SMD", "UB"),
    "Cohen exact J": ("SMD_D", "UB"),
    "Glass exact J": ("SMD1_D", "default"),
    "Cohen approximate J and variance as RevMan": ("SMD_D", "default"),
    "Glass approximate J and variance as RevMan": ("SMD1_D", "default"),
    "IV + DL pooledvar": ("MD", "HO"),
}


def fit_checks(result: PairwiseResult, expect: dict[str, Any], rtol: float = CLOSED) -> Iterator[Check]:
    """Studies, both pooled effects, tau2, Q, I2 and the prediction interval of a fit of meta."""
    rows = list(result.studies)
    for i, row in enumerate(rows):
        theirs = number(expect["yi"][i])
        if theirs is not None and row.y is not None and row.se is not None:
            yield Check(f"yi[{i}]", row.y, theirs, CLOSED, 1e-14)
            yield Check(f"sei[{i}]", row.se, number(expect["sei"][i]), CLOSED)
    at = [i for i, row in enumerate(rows) if row.excluded is None]
    used = [rows[i] for i in at]
    scale = float(np.median([row.se or 0.0 for row in used]))
    assert result.common is not None
    if number(expect["common"]["se"]) is None:  # meta weights a double-zero study of infinite variance
        yield Check("common", result.common.estimate, number(expect["common"]["estimate"]), CLOSED)
    else:
        yield from estimate_checks("common", result.common, expect["common"], CLOSED, scale)
    if result.k < 2:
        return
    if number(expect["random"]["se"]) is not None:
        yield from estimate_checks("random", result.random, expect["random"], rtol, scale)
    assert result.tau2 is not None and result.heterogeneity is not None
    yield Check("tau2", result.tau2.value, number(expect["tau2"]), 10 * rtol, 1e-12)
    yield Check("Q", result.heterogeneity.q, number(expect["Q"]), CLOSED, 1e-9)
    yield Check("I2", result.heterogeneity.i2_q, number(expect["I2"]), CLOSED, 1e-9)
    for kind in ("common", "random"):
        weights = floats(expect[kind]["weights"])[at]
        ours = [getattr(row, f"weight_{kind}") for row in used]
        yield from columns(f"{kind} weight", ours, (weights / weights.sum()).tolist(), 1e-9, 1e-12)
    if result.prediction is not None and number(expect["predict"]["pi"][0]) is not None:
        bounds = [result.prediction.low, result.prediction.high]
        yield from columns("prediction", bounds, expect["predict"]["pi"], 10 * rtol, 1e-9 * scale)


def check_sample_size(source: Source, case: dict[str, Any]) -> Iterator[Check]:
    effects = source.effects(case, ZeroCells(), "OR")
    yield from fit_checks(pairwise(effects, model="SSW", tau2="DL", prediction="none", treatment="E"), case["expect"])
    # meta's prediction interval is that of the inverse-variance fit, whose mean is not the one shown
    usual = pairwise(effects, tau2="DL", ci="Wald", treatment="E").prediction
    if usual is not None and number(case["expect"]["predict"]["pi"][0]) is not None:
        yield from columns("prediction", [usual.low, usual.high], case["expect"]["predict"]["pi"], 1e-9, 1e-10)


def check_treatment_arm(source: Source, case: dict[str, Any]) -> Iterator[Check]:
    effects = source.effects(case, ZeroCells(arms="size"), "OR")
    expect = case["expect"]
    if not effects.studies:
        assert expect["k"] == 0 and number(expect["common"]["se"]) is None
        return
    yield from fit_checks(pairwise(effects, tau2="DL", ci="Wald", treatment="E"), expect)


def check_means(source: Source, case: dict[str, Any]) -> Iterator[Check]:
    measure, variance = MEANS[case["method"]]
    effects = source.effects({**case, "call": f"{case['call']} vtype='{variance}'"}, ZeroCells(), measure)
    prediction = "t_k2" if "'HTS'" in case["call"] else "t_k1"
    yield from fit_checks(pairwise(effects, tau2="DL", ci="Wald", prediction=prediction, treatment="E"), case["expect"])


def check_weights(source: Source, case: dict[str, Any]) -> Iterator[Check]:
    """metafor with weights of one's own, equal ones, or a tau2 given by hand."""
    expect, kind = case["expect"], case["kind"]
    inner = re.sub(r", (weights=w|weighted=FALSE|tau2=0.1)", "", case["call"])
    effects = source.effects({**case, "call": inner}, metafor_zero_cells({}))
    if kind == "rma.uni-tau2-fixed":
        pooled = pool_inverse_variance(effects.y, effects.v, 0.1)
        yield Check("estimate", float(pooled.mean[0]), expect["estimate"], CLOSED)
        yield Check("se", float(pooled.se[0]), expect["se"], CLOSED)
        found = heterogeneity(effects.y, effects.v, 0.1)
        yield Check("I2", 100 * found.i2_tau2, expect["I2"], CLOSED)
        yield Check("Q", found.q, expect["Q"], CLOSED)
        yield from columns("weight", (100 * pooled.weight[0]).tolist(), expect["weights_pct"], CLOSED, 0)
        for name, function in (("pi", prediction_z), ("pi_riley", prediction_t_k2), ("pi_t", prediction_t_k1)):
            if name != "pi_riley" or expect["pi_riley"] != expect["pi_t"]:
                half = float(function(pooled, 0.95)[0])
                yield from columns(
                    name, [expect["estimate"] - half, expect["estimate"] + half], expect[name], 1e-9, 1e-12
                )
        return
    result = pairwise(effects, model="SSW" if kind == "rma.uni-weights" else "EQ", tau2="REML", treatment="E",
                      prediction="z")  # fmt: skip
    assert result.random is not None and result.tau2 is not None and result.prediction is not None
    assert result.heterogeneity is not None and result.tau2.ci is not None
    yield from estimate_checks("random", result.random, expect, 1e-7, 0.1)
    yield Check("tau2", result.tau2.value, expect["tau2"], 1e-6)
    yield Check("Q", result.heterogeneity.q, expect["Q"], CLOSED)
    yield Check("I2", 100 * result.heterogeneity.i2_tau2, expect["I2"], 1e-6)
    yield from columns("tau2_ci", [result.tau2.ci.low, result.tau2.ci.high], expect["tau2_ci"], 1e-6, 0)
    weights = [100 * (row.weight_random or 0.0) for row in result.studies]
    yield from columns("weight", weights, expect["weights_pct"], 1e-9, 0)
    yield from columns("pi", [result.prediction.low, result.prediction.high], expect["pi"], 1e-6, 1e-9)


def check_study_intervals(source: Source, case: dict[str, Any]) -> Iterator[Check]:
    """meta shows the studies' own intervals on the logit scale, where a bound of 0 or 1 is infinite."""
    key = {"NAsm": "model"}.get(case["method"], case["method"])
    effects = source.single({"xi": source.column("xi"), "ni": source.column("ni")}, "PLO", ZeroCells())
    result = pairwise(effects, study_ci=key)
    for side, name in (("lower", "ci_low"), ("upper", "ci_high")):
        for i, (row, theirs) in enumerate(zip(result.studies, case["expect"][side], strict=True)):
            ours = getattr(row, name)
            if abs(float(theirs)) > 30:  # a proportion of 1 but for rounding
                theirs = np.copysign(np.inf, float(theirs))
            if case["id"] in R_IS_OFF and row.events[0] == row.n[0] and side == "upper":
                assert ours == np.inf
            elif np.isinf(float(theirs)):
                assert ours == float(theirs), (side, i, ours)
            else:
                yield Check(f"near {side}[{i}]", ours, float(theirs), 1e-9, 1e-12)


def bound_when_all(source: Source, case: dict[str, Any]) -> tuple[float, float]:
    """How far the upper bound is from 1 where everybody has the event, which Newcombe asks for: ours and meta's."""
    theirs = [b for b, x, n in zip(case["expect"]["upper"], source.column("xi"), source.column("ni"), strict=True)
              if x == n]  # fmt: skip
    return 0.0, max(float(1 / (1 + np.exp(b))) for b in theirs)


R_IS_OFF["pritz1997_prop/094"] = "meta leaves out that the bound is 1 where everybody has the event (Newcombe 1998)"
SCORES["metaprop-studyci"] = bound_when_all


def check_profile(source: Source, case: dict[str, Any]) -> Iterator[Check]:
    """Mean and restricted log-likelihood at given tau2; radial coordinates of the same fit."""
    expect = case["expect"]
    inner = re.search(r"rma\(measure='RR'.*?data=d", case["call"])
    assert inner is not None
    effects = source.effects({**case, "call": inner[0] + ")"}, metafor_zero_cells({}))
    y, v = effects.y, effects.v
    if case["kind"] == "radial-hand":
        yield from columns("x", (1 / np.sqrt(v)).tolist(), expect["x"], CLOSED, 0)
        yield from columns("z", (y / np.sqrt(v)).tolist(), expect["z"], CLOSED, 0)
        return
    for i, tau2 in enumerate(expect["tau2"]):
        yield Check(f"mean[{i}]", float(pool_inverse_variance(y, v, tau2).mean[0]), expect["est"][i], 1e-9)
        yield Check(f"ll[{i}]", float(log_likelihood(batch(y, v), np.array([tau2]), True)[0]), expect["ll"][i], 1e-9)


def check_henmi_copas(source: Source, case: dict[str, Any]) -> Iterator[Check]:
    """The bounds to the accuracy of R's search for the percentage point, 1e-4 of a standard error."""
    inner = re.search(r"rma\(measure='RR'.*?data=d|rma\(yi, vi, data=d", case["call"])
    assert inner is not None
    call = inner[0].replace("rma(yi, vi", "rma(yi=yi, vi=vi") + ")"
    found = henmi_copas(pairwise(source.effects({**case, "call": call}, metafor_zero_cells({}))))
    expect = case["expect"]
    for name, block in expect.items() if "DL" in expect else [("", expect)]:
        yield Check(f"{name} estimate", found.estimate.estimate, block["est"], CLOSED, 1e-12)
        yield Check(f"{name} se", found.estimate.se, block["se"], CLOSED)
        yield Check(f"{name} tau2", found.tau2, block["tau2"], CLOSED)
        bounds = [found.estimate.ci_low, found.estimate.ci_high]
        yield from columns(f"{name} ci", bounds, block["ci"], 0.0, 2e-4 * found.estimate.se)


def check_generalised(source: Source, case: dict[str, Any]) -> Iterator[Check]:
    """metafor's median-unbiased generalised Q with given weights, which pool the effects too."""
    expect = case["expect"]
    call = "rma(measure='RR', ai=ai, n1i=n1i, ci=ci, n2i=n2i, data=d)"
    effects = source.effects({**case, "call": call}, metafor_zero_cells({}))
    y, v = effects.y, effects.v
    weight = 1 / (v + 0.1)
    tau2 = tau2_generalised_median(y, v, weight)
    yield Check("tau2", tau2, expect["tau2"], 1e-9)
    pooled = pool_own_weights(y, v, weight, tau2)
    mean, se = float(pooled.mean[0]), float(pooled.se[0])
    yield Check("estimate", mean, expect["estimate"], CLOSED)
    yield Check("se", se, expect["se"], 1e-9)
    yield Check("p", float(two_sided_p(mean / se, np.inf)), expect["p"], 1e-7)
    yield from columns("weight", (100 * pooled.weight[0]).tolist(), expect["weights_pct"], CLOSED, 0)
    found = heterogeneity(y, v, tau2)
    yield Check("Q", found.q, expect["Q"], CLOSED)
    yield Check("I2", 100 * found.i2_tau2, expect["I2"], 1e-9)
    for name, function in (("pi", prediction_z), ("pi_riley", prediction_t_k2), ("pi_t", prediction_t_k1)):
        half = float(function(pooled, 0.95)[0])
        yield from columns(name, [mean - half, mean + half], expect[name], 1e-8, 1e-10)


def check_general(source: Source, case: dict[str, Any]) -> Iterator[Check]:
    """The smallest number that undoes the test; R's search may end one above it (those cases are in R_IS_OFF)."""
    result = result_of(source, case)
    found = fail_safe_n(result, "General")
    if "expect" not in case:
        assert found.n > 0 and found.p is not None and found.p < found.alpha
        return
    expect = case["expect"]
    _, y, v = studies_of(result)
    w = 1 / (v + scoring_stopped_early(y, v))
    mean, se = float((w * y).sum() / w.sum()), float(w.sum() ** -0.5)
    yield Check("near mean as R stops", mean, number(expect["est"]), 1e-9, 1e-12)
    yield Check("near p as R stops", float(two_sided_p(mean / se, np.inf)), number(expect["pval"]), 1e-8, 1e-14)
    yield Check("near mean", found.mean, number(expect["est"]), 1e-4, 1e-4 * se)
    if case["id"] in R_IS_OFF:
        yield Check("near n", found.n + 1, number(expect["fsnum"]), 0)
    else:
        yield Check("n", found.n, number(expect["fsnum"]), 0)


def general_numbers(source: Source, case: dict[str, Any]) -> tuple[float, float]:
    """How many studies beyond the smallest sufficient number: ours and R's."""
    found = fail_safe_n(result_of(source, case), "General")
    return 0.0, float(case["expect"]["fsnum"]) - found.n


R_IS_OFF.update(
    dict.fromkeys(
        (
            "bangertdrowns2004/067", "bcg/209", "dorn2007/153", "linde2005_stjohnswort/157", "molloy2014_cor/083",
            "nakagawa2007_cor/083", "nielweise2007_sparse/152", "vanhowe1999/152",
        ),
        "metafor's search over whole numbers ends up to one above the smallest that undoes the test",
    )
)  # fmt: skip
SCORES["fsn"] = general_numbers


def _fail_safe(case: dict[str, Any]) -> Checker:
    return check_general if case["method"] == "General" else check_fail_safe


def _options(case: dict[str, Any]) -> Checker | None:
    kind, method = case["kind"], str(case.get("method"))
    if kind == "fsn":
        return check_general
    if kind == "metabin" and method.startswith("SSW"):
        return check_sample_size
    if kind == "metabin" and method.endswith("TACC"):
        return check_treatment_arm
    if kind in ("metacont", "revman5") and method in MEANS:
        return check_means
    return None


LAST.append(_options)
FURTHER["fsn"] = _fail_safe
FURTHER["metaprop-studyci"] = lambda case: check_study_intervals
FURTHER["genq"] = lambda case: check_generalised
FURTHER["hc"] = lambda case: check_henmi_copas
for _kind in ("rma.uni-weights", "rma.uni-unweighted", "rma.uni-tau2-fixed"):
    FURTHER[_kind] = lambda case: check_weights
for _kind in ("profile", "radial-hand"):
    FURTHER[_kind] = lambda case: check_profile
