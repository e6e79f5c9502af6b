"""Checkers of small-study tests and trim-and-fill against metafor and meta."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from tests.engine.pairwise.golden import (
    CLOSED,
    FURTHER,
    SCORES,
    STOPPED_EARLY,
    Check,
    Checker,
    Source,
    checks_at_stop,
    number,
    score_size,
)
from tests.engine.pairwise.golden_sensitivity import columns, fitted
from toolkit.engine.bias import TESTS, TrimFill, kendall, small_study_test, trim_and_fill
from toolkit.engine.intervals import quantile
from toolkit.engine.pairwise import pairwise
from toolkit.engine.regression import fit_mixed, fit_weighted
from toolkit.engine.sensitivity import studies_of
from toolkit.model.spec import ZeroCells


def predictor(source: Source, case: dict[str, Any], name: str, v: np.ndarray) -> np.ndarray:
    if name in ("sei", "vi"):
        return np.sqrt(v) if name == "sei" else v
    if "ni=ni" in case["call"]:
        n = source.column("ni")
    elif "m1i" in case["call"]:
        n = source.column("n1i") + source.column("n2i")
    else:
        _, n1, _, n2 = source.counts(case)
        n = n1 + n2
    return {"ni": n, "ninv": 1 / n, "sqrtni": np.sqrt(n), "sqrtninv": 1 / np.sqrt(n)}[name]


def check_regtest(source: Source, case: dict[str, Any]) -> Iterator[Check]:
    expect, options = case["expect"], case["options"]
    result = fitted(source, {**case, "method": "REML"})
    _, y, v = studies_of(result)
    x = predictor(source, case, options.get("predictor", "sei"), v)
    X = np.column_stack([np.ones_like(x), x])
    mixed = options.get("model") == "rma"
    fit = fit_mixed(y, v, X) if mixed else fit_weighted(y, v, X)
    rtol = 1e-6 if mixed else 1e-9
    small = rtol * float(np.abs(fit.se).min())
    for i in range(2):
        yield Check(f"coef[{i}]", float(fit.beta[i]), number(expect["coef"][i]), rtol, rtol * float(fit.se[i]))
        yield Check(f"coef_se[{i}]", float(fit.se[i]), number(expect["coef_se"][i]), rtol, small)
    yield Check("statistic", float(fit.beta[1] / fit.se[1]), number(expect["z_or_t"]), rtol, rtol)
    if mixed:
        floor = 1e-6 * float(np.median(v))
        yield Check("tau2", fit.tau2, number(expect["tau2"]), 1e-5, floor)
    else:
        yield Check("sigma", float(np.sqrt(fit.dispersion)), number(expect["sigma"]), rtol)
    if number(expect.get("limit_est")) is not None:
        half = float(quantile(0.95, np.inf if mixed else float(fit.df))) * float(fit.se[0])
        yield Check(
            "limit_low", float(fit.beta[0]) - half, number(expect["limit_ci"][0]), rtol, rtol * float(fit.se[0])
        )
    if options.get("predictor", "sei") == "sei" and result.k >= 3:
        test = small_study_test(result, "Egger_random" if mixed else "Egger", force=True)
        yield Check("p", test.p, number(expect["p"]), 1e-5, 1e-12)


def check_ranktest(source: Source, case: dict[str, Any]) -> Iterator[Check]:
    """tau-b always; p where R used the normal approximation too."""
    result, expect = fitted(source, {**case, "method": "REML"}), case["expect"]
    _, y, v = studies_of(result)
    w = 1 / v
    z = (y - (w * y).sum() / w.sum()) / np.sqrt(v - 1 / w.sum())
    _, _, tau = kendall(z, v)
    yield Check("tau", None if np.isnan(tau) else tau, number(expect["tau"]), 1e-9, 1e-12)
    if case["options"].get("exact") is False and not np.isnan(tau):
        yield Check("p", small_study_test(result, "Begg", force=True).p, number(expect["p"]), 1e-8, 1e-14)


def check_metabias(source: Source, case: dict[str, Any]) -> Iterator[Check]:
    expect, call = case["expect"], case["call"]
    inner = re.search(r"(metabin|metacont)\(.*?data=d[^)]*\)", call)
    assert inner is not None
    effects = source.effects({**case, "call": inner[0]}, ZeroCells(), case["measure"])
    if case["measure"] == "SMD":  # meta's own variance of an SMD: its effects are in another case of the file
        effects = replace(effects, y=source.meta_smd[0], V=tuple(source.meta_smd[1].reshape(-1, 1, 1) ** 2))
    # Schwarzer's test stands on meta's default Mantel-Haenszel estimate
    result = pairwise(effects, tau2="DL", ci="Wald", treatment="E", mantel_haenszel="corrected")
    test = small_study_test(result, case["method"], force=True)
    rtol = 1e-8
    yield Check("bias", test.bias, number(expect["estimate"][0]), rtol, rtol * test.se)
    yield Check("se", test.se, number(expect["estimate"][1]), rtol)
    yield Check("statistic", test.statistic, number(expect["statistic"]), rtol, 1e-8)
    yield Check("p", test.p, number(expect["p"]), 1e-6, 1e-14)
    if number(expect.get("df")) is not None:
        yield Check("df", test.df, number(expect["df"]), 0)


def check_trimfill(source: Source, case: dict[str, Any]) -> Iterator[Check]:
    expect, options, method = case["expect"], case["options"], case["method"]
    result = fitted(source, case)
    common = method == "EE"
    found = trim_and_fill(
        result, estimator=options["estimator"], side=options["side"], model="common" if common else "random"
    )
    yield Check("k0", found.k0, number(expect["k0"]), 0)
    assert found.side == expect["side"]
    rtol = CLOSED * 100 if common else 1e-6
    yield Check("se_k0", found.se_k0, number(expect["se_k0"]), 1e-6, 1e-9)
    pooled = found.filled.common if common else found.filled.random
    assert pooled is not None
    if "yi" in expect:
        k = len(expect["yi"]) - found.k0
        yield from columns("imputed y", found.y.tolist(), expect["yi"][k:], 1e-7, rtol * pooled.se)
        yield from columns("imputed v", found.v.tolist(), expect["vi"][k:], CLOSED, 0.0)
    if case["id"] in STOPPED_EARLY:
        yield from stopped_early(found, case)
        return
    yield Check("estimate", pooled.estimate, number(expect["estimate"]), rtol, rtol * pooled.se)
    yield Check("se", pooled.se, number(expect["se"]), rtol)


def stopped_early(found: TrimFill, case: dict[str, Any]) -> Iterator[Check]:
    """The last fit, on the filled studies, with metafor's own tau2: its stopping rule is all that differs."""
    _, y, v = studies_of(found.filled)
    yield from checks_at_stop(y, v, case["expect"]["tau2"], case["expect"])


def trimfill_scores(source: Source, case: dict[str, Any]) -> tuple[float, float]:
    """Size of the REML score of the last fit at our tau2 and at R's, on the same filled studies."""
    options = case["options"]
    found = trim_and_fill(fitted(source, case), estimator=options["estimator"], side=options["side"]).filled
    _, y, v = studies_of(found)
    assert found.tau2 is not None
    return score_size(y, v, found.tau2.value), score_size(y, v, case["expect"]["tau2"])


# metafor's last fit, on the filled studies, has the default stopping rule (a change of tau2 below 1e-5) whatever the
# call asked for. In these cases that shows, and every number is compared at the tau2 where R stopped.
STOPPED_EARLY.update(
    f"{file}/{number_:03d}"
    for file, numbers in {
        "bangertdrowns2004": (57, 61),
        "graves2010_cholera": (139, 142),
        "hartmannboyce2018_nrt": (134, 138),
        "lau1992_streptokinase": (144, 146, 147),
        "li2007_magnesium": (175, 179, 180),
        "michael2013_brain": (103, 105, 107),
        "molloy2014_cor": (65, 69, 77),
        "nakagawa2007_cor": (66, 67),
        "nielweise2007_sparse": (143, 146),
        "raudenbush1985": (57, 59, 61),
    }.items()
    for number_ in numbers
)
SCORES["trimfill"] = trimfill_scores


def _metabias(case: dict[str, Any]) -> Checker | None:
    return check_metabias if case["method"] in TESTS else None


FURTHER["regtest"] = lambda case: check_regtest
FURTHER["ranktest"] = lambda case: check_ranktest
FURTHER["trimfill"] = lambda case: check_trimfill
FURTHER["metabias"] = _metabias
