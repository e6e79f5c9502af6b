"""Checkers of meta's generic fits, subgroups and back-transforms, of conversions, and of what R refuses."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from tests.engine.pairwise.golden import (
    CLOSED,
    LAST,
    SCORES,
    STOPPED_EARLY,
    Check,
    Checker,
    Source,
    checks_at_stop,
    estimate_checks,
    metafor_zero_cells,
    number,
    score_size,
)
from tests.engine.pairwise.golden_pooled import predict_method
from tests.engine.pairwise.golden_sensitivity import columns, fitted
from toolkit.engine.bias import small_study_test, trim_and_fill
from toolkit.engine.conversions import (
    before_after,
    combine_arms,
    effect_of_interval,
    effect_of_p,
    log_normal_quantiles,
    log_or_of_smd,
    matched_pairs,
    mean_sd_of_quantiles,
    paired_odds_ratio,
    smd_of_log_or,
)
from toolkit.engine.effects import effects_from_estimates
from toolkit.engine.intervals import quantile
from toolkit.engine.metareg import meta_regression
from toolkit.engine.pairwise import pairwise
from toolkit.engine.publication import selection_model
from toolkit.engine.scales import back, inverse_freeman_tukey
from toolkit.engine.sensitivity import studies_of
from toolkit.engine.subgroups import subgroups
from toolkit.engine.tau2 import tau2_reml
from toolkit.model.errors import InputError, NotEstimable
from toolkit.model.spec import ZeroCells

PREDICTIONS = {"HTS": "t_k2", "V": "t_k1", "HK": "HK", "HK-PR": "HK_k2", "KR": "KR", "KR-PR": "KR"}


def check_generic(source: Source, case: dict[str, Any]) -> Iterator[Check]:
    """meta's fits of effects, proportions and correlations, and the prediction interval that the call names."""
    expect, call, measure = case["expect"], case["call"], case["measure"]
    if call.startswith("metagen"):
        y, v = source.column("yi"), source.column("vi")
        effects = effects_from_estimates([str(i) for i in range(y.size)], y, v=v)
    elif call.startswith("metabin"):
        effects = source.effects(case, ZeroCells(), measure)
    else:
        names = ("xi", "ni") if call.startswith("metaprop") else ("ri", "ni")
        get = {name: source.column(name) for name in names}
        own = {"PLOGIT": "PLO", "PRAW": "PR"}.get(measure, measure)
        effects = source.single(get, own, ZeroCells())
    method = "REML" if "'REML'" in call else "DL"
    key = PREDICTIONS[predict_method(call)]
    result = pairwise(effects, tau2=method, ci="Wald", prediction=key, treatment="E" if call[:7] == "metabin" else None)
    scale = float(np.sqrt(np.median(effects.v)))
    rtol = 1e-6 if method == "REML" else CLOSED
    yield from estimate_checks("common", result.common, expect["common"], CLOSED, scale)
    if result.k < 2:
        assert result.random is None and result.prediction is None
        return
    if case["id"] in STOPPED_EARLY:
        yield from checks_at_stop(effects.y, effects.v, expect["tau2"], expect["random"])
        return
    yield from estimate_checks("random", result.random, expect["random"], rtol, scale)
    assert result.tau2 is not None and result.heterogeneity is not None
    yield Check("tau2", result.tau2.value, number(expect["tau2"]), 10 * rtol, 1e-6 * scale**2)
    yield Check("Q", result.heterogeneity.q, number(expect["Q"]), CLOSED, 1e-9)
    yield Check("I2", result.heterogeneity.i2_q, number(expect["I2"]), CLOSED, 1e-9)
    predicted = expect.get("predict") or {}
    if not predicted.get("pi") or number(predicted["pi"][0]) is None or result.prediction is None:
        return
    low, high = result.prediction.low, result.prediction.high
    if predict_method(call) == "KR-PR":  # one degree of freedom less than KR
        df = number(predicted["df"])
        assert df is not None and result.random is not None
        widen = float(quantile(0.95, df)) / float(quantile(0.95, df + 1))
        middle = result.random.estimate
        low, high = middle + (low - middle) * widen, middle + (high - middle) * widen
    for side, ours, theirs in zip(("low", "high"), (low, high), predicted["pi"], strict=True):
        if np.isfinite(float(theirs)):
            yield Check(f"predict.{side}", ours, number(theirs), 1e-5, 1e-5 * scale)
        else:
            assert not np.isfinite(ours)


def check_subgroups(source: Source, case: dict[str, Any]) -> Iterator[Check]:
    """metabin(..., subgroup=): separate tau2 unless the call has one for all."""
    call, expect = case["call"], case["expect"]["subgroups"]
    column = re.search(r"subgroup=(\w+)", call)
    assert column is not None
    if call.startswith("metagen"):
        y, v = source.column("yi"), source.column("vi")
        effects = effects_from_estimates([str(i) for i in range(y.size)], y, v=v)
    else:
        plain = {**case, "call": re.sub(r"subgroup=\w+", "", call)}
        effects = source.effects(plain, ZeroCells(), case["measure"])
    labels = {str(i): str(label) for i, label in enumerate(source.columns[column[1]])}
    method = "REML" if "'REML'" in call else "DL"
    common = "tau.common=TRUE" in call
    options = {"treatment": "E" if "E" in effects.treatments else None, "tau2": method, "ci": "Wald"}
    found = subgroups(effects, labels, variance="common" if common else "separate", measure=effects.measure, **options)
    at = {group.label: group for group in found.groups}
    rtol = 1e-5 if method == "REML" else 1e-9
    total = 0
    for i, level in enumerate(expect["levels"]):
        name = str(level)
        if name not in at:
            assert not expect["k"][i]
            continue
        group = at[name]
        small = rtol * group.compared.se
        total += 1
        yield Check(f"{name} k", group.result.k, number(expect["k"][i]), 0)
        yield Check(
            f"{name} common", group.result.common.estimate, number(expect["common"]["estimate"][i]), 1e-9, small
        )
        if case["id"] in STOPPED_EARLY and group.result.k > 1:
            _, y, v = studies_of(group.result)
            random = {key: expect["random"][key][i] for key in ("estimate", "se")}
            yield from checks_at_stop(y, v, expect["tau2"][i], random)
        elif number(expect["random"]["estimate"][i]) is not None:
            yield Check(f"{name} random", group.compared.estimate, number(expect["random"]["estimate"][i]), rtol, small)
            yield Check(f"{name} se", group.compared.se, number(expect["random"]["se"][i]), rtol)
    stopped = case["id"] in STOPPED_EARLY
    if not stopped and number(expect["Q_between_random"]) is not None and total == len(found.groups):
        yield Check("Q between", found.q_between, number(expect["Q_between_random"]), 10 * rtol, 1e-6)
        yield Check("df", found.df, number(expect["df_between"]), 0)
        yield Check("p", found.p, number(expect["p_between_random"]), 20 * rtol, 1e-12)


def check_back(source: Source, case: dict[str, Any]) -> Iterator[Check]:
    """predict(..., transf=): the display scale; of the double arcsine the effective size of Barendregt."""
    expect = case["expect"]
    result = fitted(source, {**case, "method": "REML", "call": case["call"].replace("{r <- ", "")})
    result = pairwise(_effects(source, case), result.spec, prediction="z")
    assert result.random is not None and result.prediction is not None
    own = (result.random.ci_low, result.random.ci_high)
    if case["measure"] == "PFT":
        if "n_eff" in expect:
            n = 1 / (4 * result.random.se**2)
            yield Check("n_eff", n, number(expect["n_eff"]), 1e-6)
            yield Check("middle", inverse_freeman_tukey(result.random.estimate, n), expect["barendregt_doi"], 1e-7)
            yield from columns("ci", [inverse_freeman_tukey(x, n) for x in own], expect["ci"], 1e-7, 0)
            yield Check("arcsine", back(result.random.estimate, result.scale), number(expect["sin2"]), 1e-7)
        else:  # the inverse with a harmonic mean, which the engine does not show, from its function
            n = expect["harmonic_mean"]
            yield Check("middle", inverse_freeman_tukey(result.random.estimate, n), number(expect["pred"]), 1e-7)
            yield from columns("ci", [inverse_freeman_tukey(x, n) for x in own], expect["ci"], 1e-7, 0)
        return
    yield Check("middle", back(result.random.estimate, result.scale), number(expect["pred"]), 1e-7)
    yield from columns("ci", [back(x, result.scale) or 0.0 for x in own], expect["ci"], 1e-7, 1e-9)
    wide = (result.prediction.low, result.prediction.high)
    if case["measure"] in ("PLO", "ZCOR", "PR"):  # bounds of an arcsine outside 0 to pi/2 are cut, not reflected
        yield from columns("pi", [back(x, result.scale) or 0.0 for x in wide], expect["pi"], 1e-7, 1e-9)


def _effects(source: Source, case: dict[str, Any]) -> Any:
    inner = re.search(r"rma\(.*?control=list\([^)]*\)\)", case["call"])
    assert inner is not None
    return source.effects({**case, "call": inner[0]}, metafor_zero_cells({}))


def check_paired(source: Source, case: dict[str, Any]) -> Iterator[Check]:
    """One group twice, matched pairs."""
    measure, get = case["measure"], source.column
    if measure.startswith("MP"):
        rows = zip(*(get(name) for name in ("q4a", "q4b", "q4c", "q4d")), strict=True)
        pairs = paired_odds_ratio if measure == "MPOR" else (lambda *row: matched_pairs(measure, *row))
        found = [pairs(*row) for row in rows]
    else:
        # metafor standardises by its first SD, which its call gives to the second mean's side
        own = ("ni", "pre", "sd1i", "post", "sd2i", "rpp") if measure in ("SMCR", "SMCRH") else (
            "ni", "pre", "sd2i", "post", "sd1i", "rpp")  # fmt: skip
        rows = zip(*(get(name) for name in own), strict=True)
        found = [before_after(measure, n, before=(a, b), after=(c, d), correlation=r) for n, a, b, c, d, r in rows]
    yield from columns("yi", [one.y for one in found], case["expect"]["yi"], CLOSED, 1e-14)
    yield from columns("vi", [one.v for one in found], case["expect"]["vi"], CLOSED, 0)


def check_logistic(source: Source, case: dict[str, Any]) -> Iterator[Check]:
    """Odds ratio to SMD and back by the logistic or normal distribution; metafor leaves J out of the difference."""
    expect, to_smd = case["expect"], case["measure"].startswith("OR2D")
    distribution = "normal" if case["measure"].endswith("N") else "logistic"
    if to_smd:
        effects = source.effects(case, metafor_zero_cells(case["options"]), "OR")
        change: Callable[[float, float], Any] = smd_of_log_or
    else:
        effects, change = source.effects(case, ZeroCells(), "SMD_D"), log_or_of_smd
    for name, y, v in zip(effects.studies, effects.y, effects.v, strict=True):
        i = int(name)
        found = change(float(y), float(v), distribution=distribution)
        yield Check(f"yi[{i}]", found.y, number(expect["yi"][i]), CLOSED, 1e-14)
        yield Check(f"vi[{i}]", found.v, number(expect["vi"][i]), CLOSED)


def check_quantiles(source: Source, case: dict[str, Any]) -> Iterator[Check]:
    """Five numbers to mean and SD; with R's test on, skewed rows are refused."""
    expect, tested = case["expect"], "test=FALSE" not in case["call"]
    given = [source.column(name) for name in ("n", "median", "q1", "q3", "min", "max")]
    for i, (n, median, q1, q3, low, high) in enumerate(zip(*given, strict=True)):
        box, span = not np.isnan(q1), not np.isnan(low)
        quantiles = {"q1": q1 if box else None, "q3": q3 if box else None}
        quantiles |= {"low": low if span else None, "high": high if span else None}
        try:
            if "lnorm" in case["call"]:
                found = log_normal_quantiles(n, median=median, **quantiles)
            else:
                skewed = "refuse" if tested else "flag"
                found = mean_sd_of_quantiles(n, median=median, skewed=skewed, **quantiles)
        except NotEstimable:
            assert tested and expect["mean"][i] is None
            continue
        yield Check(f"mean[{i}]", found.mean, number(expect["mean"][i]), CLOSED)
        yield Check(f"sd[{i}]", found.sd, number(expect["sd"][i]), 1e-9)


def check_wald(source: Source, case: dict[str, Any]) -> Iterator[Check]:
    expect, get = case["expect"], source.column
    for i, (ratio, low, high, p) in enumerate(zip(*(get(n) for n in ("or", "lo", "hi", "p")), strict=True)):
        if np.isnan(ratio):
            continue
        by_p = "pval" in case["call"]
        found = effect_of_p(ratio, p, ratio=True) if by_p else effect_of_interval(ratio, low, high, ratio=True)
        if "yi" in expect:
            yield Check(f"yi[{i}]", found.y, number(expect["yi"][i]), CLOSED)
        yield Check(f"vi[{i}]", found.v, number(expect["vi"][i]), 1e-9)


def check_combined(source: Source, case: dict[str, Any]) -> Iterator[Check]:
    found, expect = combine_arms((20, 30), (10, 12), (2, 3)), case["expect"]
    yield Check("n", found.n, expect["n"], 0)
    yield Check("mean", found.mean, expect["mean"], CLOSED)
    yield Check("sd", found.sd, expect["sd"], CLOSED)


def check_regression_use(source: Source, case: dict[str, Any]) -> Iterator[Check]:
    """Predictions, a test of a factor, and the ML likelihood-ratio test of one covariate (BCG)."""
    expect, kind = case["expect"], case["kind"]
    inner = re.sub(r"mods=~.*?, method=", "method=", case["call"].split("; ")[0])
    method = "ML" if kind == "lrt" else "REML"
    result = fitted(source, {**case, "call": inner, "method": method})
    result = pairwise(_effects(source, {**case, "call": inner}), result.spec, prediction="z")
    formula = "factor(alloc)" if kind == "wald-test" else "ablat"
    name = "alloc" if kind == "wald-test" else "ablat"
    covariate = {name: {study: source.columns[name][int(study)] for study in studies_of(result)[0]}}
    found = meta_regression(result, formula, covariate, tau2=method, ci="Wald")
    if kind == "wald-test":
        yield Check("QM", found.q_model, expect["QM"], 1e-6)
        yield Check("p", found.p_model, expect["QMp"], 1e-6)
    elif kind == "lrt":
        yield Check("R2", 100 * (found.r2 or 0), expect["R2"], 1e-6)
    else:
        for i, x in enumerate(expect["newmods"]):
            mean, wide = found.predict([1.0, x])
            ours = (mean.estimate, mean.se, mean.ci_low, mean.ci_high, wide.low, wide.high)
            keys = ("pred", "se", "ci_lb", "ci_ub", "pi_lb", "pi_ub")
            for key, value in zip(keys, ours, strict=True):
                yield Check(f"{key}[{i}]", value, expect[key][i], 1e-6, 1e-9)


def check_refused(source: Source, case: dict[str, Any]) -> Iterator[Check]:
    """Where R gives an error: finite numbers of ours, or words on why there are none."""
    kind, call = case["kind"], case["call"]
    try:
        if kind == "rma.peto":
            effects, spec = source.effects(case, ZeroCells(), "PETO"), {"tau2": "DL"}
        else:
            effects, spec = _effects(source, case), {"tau2": "REML" if case["method"] == "EE" else case["method"]}
            if kind in ("regtest", "selmodel"):
                spec = {"tau2": "ML" if kind == "selmodel" else "REML"}
        if "drop00=TRUE" in call:
            effects = source.effects({**case, "call": call}, metafor_zero_cells(case["options"]))
        result = pairwise(effects, ci="Wald", treatment="E" if "E" in effects.treatments else None, **spec)
        shown = result.common
        if kind == "regtest":
            small_study_test(result, "Egger_random" if "model='rma'" in call else "Egger", force=True)
        elif kind == "trimfill":
            filled = trim_and_fill(result, estimator="R0", side="left").filled
            shown = filled.common
        elif kind == "selmodel":
            selection_model(result, "step", steps=(0.05, 0.5), direction="greater")
    except (NotEstimable, InputError) as error:
        assert len(str(error)) > 20, str(error)
        return
    assert result.k == 0 or (shown is not None and np.isfinite(shown.estimate) and np.isfinite(shown.se))
    yield Check("k", result.k, len(effects.studies), 0)


def generic_scores(source: Source, case: dict[str, Any]) -> tuple[float, float]:
    """Sizes of the REML score at our tau2 and at meta's."""
    y, v = source.column("yi"), source.column("vi")
    return score_size(y, v, float(tau2_reml(y, v).value[0])), score_size(y, v, case["expect"]["tau2"])


# metagen and metabin with the default stopping rule, a change of tau2 below 1e-5.
STOPPED_EARLY.update(f"edge_es_wild_v/{number_:03d}" for number_ in range(37, 41))
STOPPED_EARLY.add("hartmannboyce2018_nrt/113")
SCORES["metagen"] = generic_scores


def subgroup_scores(source: Source, case: dict[str, Any]) -> tuple[float, float]:
    """The largest REML score among the groups, at our tau2 and at meta's."""
    effects = source.effects({**case, "call": re.sub(r"subgroup=\w+", "", case["call"])}, ZeroCells(), case["measure"])
    labels = np.array([str(source.columns[case["options"]["subgroup"]][int(name)]) for name in effects.studies])
    expect, ours, theirs = case["expect"]["subgroups"], [], []
    for level, tau2, k in zip(expect["levels"], expect["tau2"], expect["k"], strict=True):
        if k > 1:
            y, v = effects.y[labels == str(level)], effects.v[labels == str(level)]
            ours.append(score_size(y, v, float(tau2_reml(y, v).value[0])))
            theirs.append(score_size(y, v, tau2))
    return max(ours), max(theirs)


SCORES["subgroup"] = subgroup_scores
PAIRED = {"MC", "SMCC", "SMCR", "ROMC", "SMCRH", "SMCRP", "VRC", "CVRC"} | {"MPRR", "MPRD", "MPOR", "MPORC", "MPPETO"}
REFUSED_BY_R = {"rma.uni", "regtest", "trimfill", "rma.peto", "selmodel"}


def _escalc(case: dict[str, Any]) -> Checker | None:
    if case["measure"] in PAIRED:
        return check_paired
    if case["measure"] in ("OR2DL", "D2ORL", "OR2DN", "D2ORN"):
        return check_logistic
    return None


def further(case: dict[str, Any]) -> Checker | None:
    """The checker of a case that no other module has one for."""
    kind, call = case["kind"], case["call"]
    if "expect" not in case:
        return check_refused if kind in REFUSED_BY_R else None
    if kind == "escalc":
        return _escalc(case)
    if kind == "metabin-pi" or (kind == "metagen" and "subgroup=" not in call) or kind in ("metaprop", "metacor"):
        return check_generic
    if kind == "conv.fivenum":
        return check_quantiles
    plain: dict[str, Checker] = {
        "subgroup": check_subgroups,
        "metagen": check_subgroups,
        "backtransf": check_back,
        "conv.wald": check_wald,
        "combine-arms": check_combined,
        "metareg-predict": check_regression_use,
        "wald-test": check_regression_use,
        "lrt": check_regression_use,
    }
    return plain.get(kind)


LAST.append(further)
