"""Checkers of three-level models, correlated effects, robust inference, aggregation and location-scale models."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from tests.engine.pairwise.golden import FURTHER, Check, Checker, Source, metafor_zero_cells, number
from tests.engine.pairwise.golden_sensitivity import fitted
from toolkit.engine.effects import effects_from_estimates
from toolkit.engine.location_scale import location_scale
from toolkit.engine.multilevel import MultilevelResult, aggregate, multilevel
from toolkit.engine.pairwise import pairwise
from toolkit.engine.tau2 import tau2_reml


def model_of(source: Source, case: dict[str, Any], *, test: str = "z") -> MultilevelResult:
    call = case["call"]
    levels = re.search(r"random=~1\|(\w+)(/\w+)?", call)
    rho = re.search(r"rho=([\d.]+)", call)
    mods = re.search(r"mods=~(\w+)", call)
    assert levels is not None
    names = [str(i) for i in range(len(source.columns["yi"]))]
    effects = effects_from_estimates(names, source.column("yi"), v=source.column("vi"))
    columns = {mods[1]: dict(zip(names, source.columns[mods[1]], strict=True))} if mods else None
    return multilevel(
        pairwise(effects, tau2="DL", ci="Wald"),
        dict(zip(names, map(str, source.columns[levels[1]]), strict=True)),
        structure="nested" if levels[2] else "cluster",
        method="ML" if "method='ML'" in call else "REML",
        rho=float(rho[1]) if rho else 0.0,
        test=test,
        formula=mods[1] if mods else None,
        columns=columns,
        intervals=case["kind"] == "rma.mv-confint",
    )


def check_model(source: Source, case: dict[str, Any]) -> Iterator[Check]:
    expect, method = case["expect"], case["method"]
    test = "CR1" if "CR1" in method else "CR2" if "CR2" in method else "t" if case["kind"] == "rma.mv-t" else "z"
    found = model_of(source, case, test=test)
    assert found.converged
    for i, c in enumerate(found.coefficients):
        e = c.estimate
        yield Check(f"beta[{i}]", e.estimate, number(expect["beta"][i]), 1e-4, 1e-4 * e.se)
        yield Check(f"se[{i}]", e.se, number(expect["se"][i]), 1e-4)
        yield Check(f"ci_low[{i}]", e.ci_low, number(expect["ci_lb"][i]), 1e-4, 1e-4 * e.se)
        yield Check(f"p[{i}]", e.p, number(expect["p"][i]), 5e-3, 1e-14)
        yield Check(f"df[{i}]", e.df, number(expect["df"][i % len(expect["df"])]), 1e-4)
    for i, level in enumerate(found.variances):
        yield Check(f"sigma2[{i}]", level.value, number(expect["sigma2"][i]), 1e-3)
    yield Check("QE", found.q_residual, number(expect["QE"]), 1e-8)
    yield Check("loglik", found.log_likelihood, number(expect["loglik"]), 1e-6, 1e-6)
    if expect.get("pi") and found.prediction is not None:
        yield Check("pi_low", found.prediction.low, number(expect["pi"][0]), 1e-4, 1e-5)
        yield Check("pi_high", found.prediction.high, number(expect["pi"][1]), 1e-4, 1e-5)


def check_confint(source: Source, case: dict[str, Any]) -> Iterator[Check]:
    """The file holds the interval of the inner variance."""
    level = model_of(source, case).variances[1]
    (expect,) = case["expect"].values()
    assert level.ci is not None
    yield Check("est", level.value, expect["est"], 1e-3)
    # metafor's search for the bounds stops at an absolute 1.2e-4 (uniroot's default).
    yield Check("low", level.ci.low, expect["ci"][0], 1e-3, 1.3e-4)
    yield Check("high", level.ci.high, expect["ci"][1], 1e-3, 1.3e-4)


def check_i2(source: Source, case: dict[str, Any]) -> Iterator[Check]:
    found, expect = model_of(source, case), case["expect"]
    yield Check("I2_total", 100 * found.i2, expect["I2_total"], 1e-4)
    for i, level in enumerate(found.variances):
        yield Check(f"I2[{i}]", 100 * level.i2, expect["I2_levels"][i], 1e-3)


def check_aggregate(source: Source, case: dict[str, Any]) -> Iterator[Check]:
    expect = case["expect"]
    column = re.search(r"cluster=(\w+)", case["call"])
    assert column is not None
    cluster = [str(c) for c in source.columns[column[1]]]
    names, y, v = aggregate(source.column("yi"), source.column("vi"), cluster, rho=0.6)
    assert list(names) == [str(c) for c in expect["cluster"]]
    for i, (a, b) in enumerate(zip(expect["yi"], expect["vi"], strict=True)):
        yield Check(f"yi[{i}]", float(y[i]), a, 1e-10, 1e-14)
        yield Check(f"vi[{i}]", float(v[i]), b, 1e-10)
    yield Check("tau2", float(tau2_reml(y, v).value[0]), expect["tau2"], 1e-6)


def check_robust_bcg(source: Source, case: dict[str, Any]) -> Iterator[Check]:
    expect = case["expect"]
    result = fitted(source, {**case, "method": "REML"})
    own = {row.study: row.study for row in result.studies}
    for test, prefix in (("CR1", "HC"), ("CR2", "CR2")):
        found = multilevel(result, own, structure="cluster", test=test, intervals=False).coefficients[0].estimate
        yield Check(f"{prefix}_se", found.se, expect[f"{prefix}_se"], 1e-4)
        yield Check(f"{prefix}_low", found.ci_low, expect[f"{prefix}_ci"][0], 1e-4)
        yield Check(f"{prefix}_df", found.df, expect["df" if prefix == "HC" else "CR2_df"], 1e-4)


def check_location_scale(source: Source, case: dict[str, Any]) -> Iterator[Check]:
    expect = case["expect"]
    inner = "rma(measure='RR', ai=ai, n1i=n1i, ci=ci, n2i=n2i, data=d)"
    effects = source.effects({**case, "call": inner}, metafor_zero_cells({}))
    result = pairwise(effects, tau2="REML", ci="Wald", treatment="E")
    column = {name: source.columns["ablat"][int(name)] for name in effects.studies}
    found = location_scale(result, "ablat", {"ablat": column}, location="ablat")
    assert found.converged
    for key, part in (("beta", found.location), ("alpha", found.scale)):
        for i, c in enumerate(part):
            theirs = expect["se" if key == "beta" else "se_alpha"][i]
            yield Check(f"{key}[{i}]", c.estimate.estimate, expect[key][i], 1e-4, 1e-4 * theirs)
            yield Check(f"{key}_se[{i}]", c.estimate.se, theirs, 1e-3)
    for i, ours in enumerate(found.tau2):
        yield Check(f"tau2[{i}]", float(ours), expect["tau2"][i], 1e-3)


def _robust(case: dict[str, Any]) -> Checker:
    return check_robust_bcg if case["method"] == "REML" else check_model


for kind in ("rma.mv", "rma.mv-t", "rma.mv-mods", "robust-mods", "vcalc-che", "vcalc-che-robust"):
    FURTHER[kind] = lambda case: check_model
FURTHER["robust"] = _robust
FURTHER["rma.mv-confint"] = lambda case: check_confint
FURTHER["ml-I2"] = lambda case: check_i2
FURTHER["aggregate"] = lambda case: check_aggregate
FURTHER["location-scale"] = lambda case: check_location_scale
