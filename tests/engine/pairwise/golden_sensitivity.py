"""Checkers of leave-one-out, cumulative, influence, Baujat and residuals against metafor."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from tests.engine.pairwise.golden import FURTHER, Check, Source, metafor_zero_cells, number
from toolkit.engine.pairwise import pairwise
from toolkit.engine.results import PairwiseResult
from toolkit.engine.sensitivity import Refit, cumulative, influence, leave_one_out, studies_of

TOLERANCE = 1e-6  # README: iterative refits


def fitted(source: Source, case: dict[str, Any]) -> PairwiseResult:
    """The fit inside the call, ``leave1out(rma(...))`` and the like."""
    inner = re.search(r"rma\(.*?control=list\([^)]*\)\)|rma\(yi=yi, vi=vi, data=d\)", case["call"])
    assert inner is not None, case["call"]
    effects = source.effects({**case, "call": inner[0]}, metafor_zero_cells({}))
    method = "REML" if case["method"] == "EE" else case["method"]
    return pairwise(effects, tau2=method, ci="Wald", treatment="E" if "E" in effects.treatments else None)


def columns(name: str, ours: Sequence[float], theirs: Sequence[Any], rtol: float, atol: float) -> Iterator[Check]:
    assert len(ours) == len(theirs), name
    for i, (a, b) in enumerate(zip(ours, theirs, strict=True)):
        yield Check(f"{name}[{i}]", float(a), number(b) if not isinstance(b, bool) else float(b), rtol, atol)


def check_refits(source: Source, case: dict[str, Any]) -> Iterator[Check]:
    result, expect = fitted(source, case), case["expect"]
    common_only = case["method"] == "EE"
    fits: tuple[Refit, ...]
    if case["kind"] == "leave1out":
        fits = leave_one_out(result)
    else:
        fits = cumulative(result, list(source.columns[case["options"]["order"]]))
    shown = [fit.common if common_only or fit.random is None else fit.random for fit in fits]
    small = 1e-6 * float(np.median([e.se for e in shown]))
    yield from columns("estimate", [e.estimate for e in shown], expect["estimate"], TOLERANCE, small)
    yield from columns("se", [e.se for e in shown], expect["se"], TOLERANCE, small)
    yield from columns("ci_low", [e.ci_low for e in shown], expect["ci.lb"], TOLERANCE, small)
    yield from columns("ci_high", [e.ci_high for e in shown], expect["ci.ub"], TOLERANCE, small)
    yield from columns("p", [e.p for e in shown], expect["pval"], 1e-5, 1e-12)
    q = [fit.heterogeneity.q if fit.heterogeneity else 0.0 for fit in fits]
    yield from columns("Q", q, expect["Q"], 1e-9, 1e-9)
    if not common_only:
        tau2 = [fit.tau2 or 0.0 for fit in fits]
        i2 = [100 * fit.heterogeneity.i2_tau2 if fit.heterogeneity else 0.0 for fit in fits]
        yield from columns("tau2", tau2, expect["tau2"], 1e-5, 1e-6 * float(np.median(studies_of(result)[2])))
        yield from columns("I2", i2, expect["I2"], 1e-5, 1e-4)


def check_influence(source: Source, case: dict[str, Any]) -> Iterator[Check]:
    result, expect = fitted(source, case), case["expect"]
    rows = influence(result, "common" if case["method"] == "EE" else "random")
    names = {
        "influence": {"dfbs": "dfbeta", "is_infl": "influential"},
        "baujat": {"x": "baujat_x", "y": "baujat_y"},
        "residuals": {"rstandard": "rstandard", "rstudent": "rstudent"},
    }[case["kind"]]
    for theirs, ours in names.items():
        yield from columns(ours, [getattr(row, ours) for row in rows], expect[theirs], TOLERANCE, 1e-8)


for _kind in ("leave1out", "cumul"):
    FURTHER[_kind] = lambda case: check_refits
for _kind in ("influence", "baujat", "residuals"):
    FURTHER[_kind] = lambda case: check_influence
