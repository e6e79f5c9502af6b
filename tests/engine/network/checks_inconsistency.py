"""Checks of net heat, SIDDE and side-splitting with refit."""

from __future__ import annotations

import numpy as np
import pytest
from network_golden import ITERATIVE, Case, Dataset, check, close, filled

from toolkit.engine.network.heat import net_heat
from toolkit.engine.network.sidesplit import side_split
from toolkit.model.errors import NotEstimable


@check("netheat")
def heat(data: Dataset, case: Case) -> None:
    expect = case["expect"]
    reference = case["options"]["reference.group"]
    effects = data.effects(case)
    if "Q_diff" not in expect:
        with pytest.raises(NotEstimable, match="at least 3 designs"):
            net_heat(effects, reference)
        return
    found = net_heat(effects, reference, "random" if case["options"]["random"] else "common")
    close(np.sqrt(found.tau2_within), expect["tau_within"], data.tol, "tau within")
    key = {(frozenset(c.design.split(":")), frozenset((c.base, c.treatment))): r for r, c in enumerate(found.contrasts)}
    rows = [
        key[frozenset(d.split(":")), frozenset(c.split(":"))]
        for d, c in zip(expect["design"], expect["comparison"], strict=True)
    ]
    close(found.q[rows], expect["Q_inc_design"], data.tol, "Q_inc_design")
    close(found.q_diff[np.ix_(rows, rows)], filled(expect["Q_diff"]), data.tol, "Q_diff")
    sign = [
        1.0 if c.split(":")[0] == found.contrasts[r].base else -1.0
        for c, r in zip(expect["comparison"], rows, strict=True)
    ]
    close(np.outer(sign, sign) * found.hat[np.ix_(rows, rows)], filled(expect["H_design"]), data.tol, "H_design")


NAMES = {"symmetric": "symmetric", "shift_treat1": "treat1", "shift_treat2": "treat2"}


def check_side_split(data: Dataset, case: Case) -> None:
    """The refitting side-split of a `stata:` case, in all three allocations."""
    wanted = case["expect"]["sidesplit"]
    effects = data.effects(case)
    for r, method in enumerate(wanted["method"]):
        pair = (wanted["treat1"][r], wanted["treat2"][r])
        (found,) = side_split(effects, allocation=NAMES[method], comparisons=[pair])
        what = f"{method} {pair}"
        assert found.k == wanted["k"][r], what
        assert (found.difference is None) == (wanted["diff"][r] is None), f"{what}: {found.reason}"
        if found.difference is None:
            continue
        close(found.tau2.value, wanted["tau2"][r], ITERATIVE, f"{what} tau2")
        for name, estimate in (("direct", found.direct), ("indirect", found.indirect), ("diff", found.difference)):
            close(estimate.estimate, wanted[name][r], ITERATIVE, f"{what} {name}")
            close(estimate.se, wanted[f"se_{name}"][r], ITERATIVE, f"{what} se_{name}")
        close(found.difference.p, wanted["p"][r], ITERATIVE, f"{what} p")
