"""Checkers of subgroup analyses against metafor."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tests.engine.pairwise.golden import FURTHER, Check, Source, metafor_zero_cells, number
from tests.engine.pairwise.golden_sensitivity import columns
from toolkit.engine.subgroups import SubgroupResult, subgroups


def grouped(source: Source, case: dict[str, Any], variance: str) -> SubgroupResult:
    start = case["call"].index("rma(")
    effects = source.effects({**case, "call": case["call"][start:]}, metafor_zero_cells({}))
    by = source.columns[case["options"]["subgroup"]]
    labels = {str(i): f"{label:08d}" if isinstance(label, int) else str(label) for i, label in enumerate(by)}
    treatment = "E" if "E" in effects.treatments else None
    options = {"measure": effects.measure, "treatment": treatment, "tau2": case["method"], "ci": "Wald"}
    return subgroups(effects, labels, variance=variance, **options)


def check_separate(source: Source, case: dict[str, Any]) -> Iterator[Check]:
    found, expect = grouped(source, case, "separate"), case["expect"]
    rtol = 1e-6 if case["method"] == "REML" else 1e-9
    se = [g.compared.se for g in found.groups]
    yield from columns(
        "estimate", [g.compared.estimate for g in found.groups], expect["estimate"], rtol, rtol * min(se)
    )
    yield from columns("se", se, expect["se"], rtol, 0)
    tau2 = [g.result.tau2.value if g.result.tau2 else 0.0 for g in found.groups]
    yield from columns("tau2", tau2, expect["tau2"], 1e-5, 1e-6 * min(se) ** 2)
    yield Check("Q_between", found.q_between, number(expect["Q_between"]), 1e-5, 1e-8)
    yield Check("df", found.df, number(expect["df"]), 0)
    yield Check("p", found.p, number(expect["p"]), 1e-5, 1e-14)


def check_common(source: Source, case: dict[str, Any]) -> Iterator[Check]:
    found, expect = grouped(source, case, "common"), case["expect"]
    rtol = 1e-6 if case["method"] == "REML" else 1e-9
    se = [g.compared.se for g in found.groups]
    yield from columns("beta", [g.compared.estimate for g in found.groups], expect["beta"], rtol, rtol * min(se))
    yield from columns("se", se, expect["se"], rtol, 0)
    yield Check("tau2", found.tau2_common, number(expect["tau2"]), 1e-5, 1e-6 * min(se) ** 2)


FURTHER["subgroup-separate-tau2"] = lambda case: check_separate
FURTHER["subgroup-common-tau2"] = lambda case: check_common
