"""Checkers of meta-regression against metafor."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from tests.engine.pairwise.golden import CI_OF_TEST, FURTHER, Check, Source, metafor_zero_cells, number
from tests.engine.pairwise.golden_sensitivity import columns, fitted
from toolkit.engine.effects import effects_from_estimates
from toolkit.engine.metareg import meta_regression
from toolkit.engine.pairwise import pairwise
from toolkit.engine.permutation import permutation_test
from toolkit.engine.sensitivity import studies_of


def check_metareg(source: Source, case: dict[str, Any]) -> Iterator[Check]:
    expect, call = case["expect"], case["call"]
    formula = re.search(r"mods=~(.*?), method=", call)
    assert formula is not None, call
    test = re.search(r"test='(\w+)'", call)
    result = fitted(source, {**case, "method": "REML", "call": re.sub(r"mods=~.*?, method=", "method=", call)})
    names, _, v = studies_of(result)
    covariates = {
        name: {study: values[int(study)] for study in names}
        for name, values in source.columns.items()
        if len(values) == len(names) and re.search(rf"\b{name}\b", formula[1])
    }
    method = "none" if case["method"] == "EE" else case["method"]
    found = meta_regression(result, formula[1], covariates, tau2=method, ci=CI_OF_TEST[test[1]] if test else "Wald")
    iterative = case["method"] in ("REML", "ML", "EB", "PM")
    rtol = 1e-6 if iterative else 1e-8
    estimates = [c.estimate for c in found.coefficients]
    se = [e.se for e in estimates]
    for i, e in enumerate(estimates):
        yield Check(f"beta[{i}]", e.estimate, number(expect["beta"][i]), rtol, rtol * se[i])
        yield Check(f"p[{i}]", e.p, number(expect["p"][i]), 20 * rtol, 1e-12)
        yield Check(f"ci_low[{i}]", e.ci_low, number(expect["ci_lb"][i]), rtol, rtol * se[i])
    yield from columns("se", se, expect["se"], rtol, 0)
    floor = 1e-6 * float(sorted(v)[len(v) // 2])
    yield Check("tau2", found.tau2, number(expect["tau2"]), 1e-5 if iterative else 1e-8, floor)
    yield Check("QM", found.q_model, number(expect["QM"]), 10 * rtol, 1e-8)
    yield Check("QM_p", found.p_model, number(expect["QM_p"]), 100 * rtol, 1e-12)
    yield Check("QE", found.q_residual, number(expect["QE"]), 1e-8, 1e-8)
    yield Check("QE_p", found.p_residual, number(expect["QE_p"]), 1e-6, 1e-14)
    if method != "none":
        yield Check("I2", 100 * found.i2, number(expect["I2"]), 1e-5, 1e-4)
        yield Check("R2", 100 * (found.r2 or 0.0), number(expect["R2"]) or 0.0, 1e-4, 1e-3)
        for i, ours in enumerate((found.tau2_ci.low, found.tau2_ci.high)):
            theirs = number((expect.get("tau2_ci") or [None, None])[i])
            if theirs is not None:
                yield Check(f"tau2_ci[{i}]", ours, theirs, 1e-5, floor * 1e-3)


FURTHER["metareg"] = lambda case: check_metareg


def check_permutation(source: Source, case: dict[str, Any]) -> Iterator[Check]:
    """The exact test of the pooled effect on the first seven rows."""
    effects = source.effects({**case, "call": _INNER}, metafor_zero_cells({}))
    keep = [i for i, name in enumerate(effects.studies) if int(name) < 7]
    first = effects_from_estimates([effects.studies[i] for i in keep], effects.y[keep], v=effects.v[keep])
    found = permutation_test(pairwise(first, tau2="DL", ci="Wald"))
    yield Check("p", found.p[0], number(case["expect"]["pval"]), 1e-12)
    yield Check("n", found.samples, number(case["expect"]["n"]), 0)


_INNER = "rma(measure='RR', ai=ai, n1i=n1i, ci=ci, n2i=n2i, data=d)"

FURTHER["permutest-exact-k"] = lambda case: check_permutation
