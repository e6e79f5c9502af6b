"""Checkers of PET-PEESE, fail-safe N, excess significance and selection models against metafor, lm and weightr."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from tests.engine.pairwise.golden import FURTHER, R_IS_OFF, SCORES, Check, Source, metafor_zero_cells, number
from tests.engine.pairwise.golden_sensitivity import fitted
from toolkit.engine.pairwise import pairwise
from toolkit.engine.publication import excess_significance, fail_safe_n, pet_peese, selection_model
from toolkit.engine.results import PairwiseResult
from toolkit.engine.sensitivity import studies_of
from toolkit.model.errors import NotEstimable


def result_of(source: Source, case: dict[str, Any]) -> PairwiseResult:
    return fitted(source, {**case, "method": "REML"})


def check_pet(source: Source, case: dict[str, Any]) -> Iterator[Check]:
    expect, result = case["expect"], result_of(source, case)
    if len(expect["coef"]) < 2:  # R drops the column: all standard errors are equal
        with pytest.raises(NotEstimable, match="same standard error"):
            pet_peese(result, force=True)
        return
    found = pet_peese(result, force=True)
    parts = (found.pet, found.pet_slope) if case["kind"] == "pet" else (found.peese, found.peese_slope)
    for i, part in enumerate(parts):
        yield Check(f"coef[{i}]", part.estimate, number(expect["coef"][i]), 1e-10, 1e-9 * part.se)
        yield Check(f"se[{i}]", part.se, number(expect["se"][i]), 1e-9)
        yield Check(f"p[{i}]", part.p, number(expect["p"][i]), 1e-8, 1e-14)


def check_fail_safe(source: Source, case: dict[str, Any]) -> Iterator[Check]:
    expect, method = case["expect"], case["method"]
    target = number(expect.get("target"))
    found = fail_safe_n(result_of(source, case), method, target=None if target is None else abs(target))
    yield Check("n", found.n, number(expect["fsnum"]), 0)
    yield Check("p", found.p, number(expect["pval"]), 1e-8, 1e-14) if method != "Orwin" else Check("p", None, None, 0)
    if method == "Orwin":
        yield Check("mean", found.mean, number(expect["est"]), 1e-10, 1e-12)


def check_tes(source: Source, case: dict[str, Any]) -> Iterator[Check]:
    expect = case["expect"]
    found = excess_significance(result_of(source, case))
    yield Check("O", found.observed, number(expect["O"]), 0)
    yield Check("E", found.expected, number(expect["E"]), 1e-10)
    yield Check("theta", found.theta, number(expect["theta"]), 1e-10, 1e-14)
    if number(expect["X2"]) is not None:
        yield Check("X2", found.chi2, number(expect["X2"]), 1e-9)
    ours = {"chi2": found.p_chi2, "exact": found.p_exact, "binom": found.p_binomial}[expect["test"]]
    yield Check("p", ours, number(expect["pval"]), 1e-8, 1e-14)
    for i, power in enumerate(expect["power"]):
        yield Check(f"power[{i}]", float(found.power[i]), number(power), 1e-9)


def _steps(text: str) -> list[float]:
    return [float(x) for x in re.findall(r"[\d.]+", text)]


def selection_fit(source: Source, case: dict[str, Any]) -> PairwiseResult:
    inner = re.search(r"rma\(.*?control=list\([^)]*\)\)", case["call"])
    assert inner is not None, case["call"]
    effects = source.effects({**case, "call": inner[0]}, metafor_zero_cells({}))
    return pairwise(effects, tau2="ML", ci="Wald", treatment="E" if "E" in effects.treatments else None)


# metafor's numeric Hessian gives 0.679 where the likelihood differentiated on a grid of 4,001 nodes gives ours, 0.574.
BAD_SE = {"viechtbauer2021/162"}


def check_selection(source: Source, case: dict[str, Any]) -> Iterator[Check]:
    """By likelihood: not lower than R's by more than 1e-4; where it is not higher either, the same numbers."""
    expect, call, method = case["expect"], case["call"], case["method"]
    kind = "step" if method.startswith("stepfun") else method
    cut = re.search(r"steps=(c\([^)]*\)|[\d.]+)", call)
    fixed = re.search(r"delta=(c\([^)]*\))", call)
    found = selection_model(
        selection_fit(source, case),
        kind,
        steps=_steps(cut[1]) if cut else (0.025,),
        delta=_steps(fixed[1]) if fixed else None,
        direction=case["options"].get("alternative", "greater"),
        common="EE" in method,
    )
    if case["id"] in R_IS_OFF:
        return
    assert found.log_likelihood >= expect["loglik"] - 1e-4, (found.log_likelihood, expect["loglik"])
    if kind == "step":
        for i, count in enumerate(expect["ptable"]):
            yield Check(f"studies[{i}]", found.studies[i], count, 0)
    if found.log_likelihood > expect["loglik"] + 1e-4 or not found.converged:
        return
    # A likelihood 1e-4 below its maximum leaves a parameter sqrt(2e-4) of its standard error away.
    near = 0.015
    yield Check("estimate", found.estimate.estimate, number(expect["estimate"]), 1e-3, near * found.estimate.se)
    weak = kind not in ("step",)  # flat likelihoods: their curvature moves with the third digit
    if number(expect["se"]) is not None and case["id"] not in BAD_SE:
        yield Check("se", found.estimate.se, number(expect["se"]), 3e-2 if weak else 5e-3)
    if number(expect["LRT"]) is not None and not fixed:
        yield Check("LRT", found.lrt, number(expect["LRT"]), 1e-4, 3e-4)
    for i, (ours, theirs) in enumerate(zip(found.delta, expect["delta"], strict=True)):
        yield Check(f"delta[{i}]", ours, number(theirs), 5e-3, near * (found.delta_se[i] or 0.0) + 1e-3)


def beta_expectation(source: Source, case: dict[str, Any]) -> tuple[float, float]:
    """(1 - a)(v + tau2)/v at its largest, ours and R's: from 1 on the expected weight is infinite."""
    result = selection_fit(source, case)
    _, _, v = studies_of(result)
    found = selection_model(result, "beta", direction=case["options"]["alternative"])
    expect = case["expect"]

    def worst(delta: Any, tau2: float) -> float:
        return float((1 - min(delta)) * (1 + tau2 / v.min()))

    ours, theirs = worst(found.delta, found.tau2), worst(expect["delta"], expect["tau2"])
    assert ours < 1 < theirs
    return ours, theirs


R_IS_OFF.update(
    dict.fromkeys(
        ("raudenbush1985/076", "viechtbauer2021/160"),
        "beta selection at an infinite expected weight, where metafor's integral is cut short",
    )
)
SCORES["selmodel"] = beta_expectation


def check_weightr(source: Source, case: dict[str, Any]) -> Iterator[Check]:
    expect = case["expect"]
    result = selection_fit(source, case)
    _, y, v = studies_of(result)
    if not (y / np.sqrt(v) > 1.96).any():  # no study in the first interval: weightr returns whatever it stopped at
        with pytest.raises(NotEstimable, match="not estimable"):
            selection_model(result, steps=(0.025,), direction="greater")
        return
    found = selection_model(result, steps=(0.025,), direction="greater")
    constant = y.size / 2 * np.log(2 * np.pi)
    ours, theirs = -found.log_likelihood - constant, expect["adj_value"]
    assert ours <= theirs + 1e-4, (ours, theirs)
    if ours < theirs - 1e-4:
        return
    yield Check("tau2", found.tau2, expect["adj_par"][0], 5e-3, 1e-4 * float(np.ptp(y)) ** 2)
    yield Check("estimate", found.estimate.estimate, expect["adj_par"][1], 1e-3, 1e-3 * found.estimate.se)
    yield Check("delta", found.delta[1], expect["adj_par"][2], 5e-3, 1e-3)


FURTHER["pet"] = lambda case: check_pet
FURTHER["peese"] = lambda case: check_pet
FURTHER["tes"] = lambda case: check_tes
FURTHER["selmodel"] = lambda case: check_selection
FURTHER["weightr"] = lambda case: check_weightr
