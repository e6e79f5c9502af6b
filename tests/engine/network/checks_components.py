"""Checks of component network meta-analysis."""

from __future__ import annotations

import numpy as np
from network_golden import Case, Dataset, check, close, filled

from toolkit.engine.network.components import component_matrix, component_network


@check("netcomb")
@check("discomb")
def components(data: Dataset, case: Case) -> None:
    expect, options = case["expect"], case["options"]
    effects = data.effects(case)
    pairs = [tuple(options["interaction"])] if "interaction" in options else []
    matrix = component_matrix(effects.treatments, inactive=options["inactive"], interactions=pairs)
    wanted = expect["C_matrix"]
    at = [matrix.treatments.index(t) for t in wanted["rows"]]
    to = [matrix.components.index(c) for c in wanted["cols"]]
    assert np.array_equal(matrix.matrix[np.ix_(at, to)], np.array(wanted["values"]))
    found = component_network(effects, matrix)
    for key in ("additive", "standard", "diff"):
        ours = key.replace("diff", "difference")
        q, df = getattr(found, f"q_{ours}"), getattr(found, f"df_{ours}")
        assert df == expect[f"df_{key}"], key
        if q is not None:
            close(q, expect[f"Q_{key}"], 2 * data.tol, f"Q_{key}")
    close(found.p_additive, expect["p_additive"], data.tol, "p_additive")
    close(found.tau2.value, expect["tau2"], data.tol, "tau2")
    close(found.i2, expect["I2"], data.tol, "I2")
    names = expect["components"]["names"]
    for model, estimates in (("common", found.common), ("random", found.random)):
        by_name = dict(zip(matrix.components, estimates, strict=True))
        for name, value, se in zip(
            names, expect["components"][model], expect["components"][f"se_{model}"], strict=True
        ):
            estimate = by_name[name]
            assert (estimate is None) == (value is None), f"component {name}"
            if estimate is not None:
                close(estimate.estimate, value, data.tol, f"component {name}")
                close(estimate.se, se, data.tol, f"component {name} se")
    rows = np.ix_(*(2 * [[matrix.treatments.index(t) for t in expect["treatments"]]]))
    # Where the data do not determine an effect netmeta prints one of its generalised inverse, ours is NaN.
    known = found.estimable[rows]
    assert known.all() == (expect["n_subnets"] in (None, 1))
    ours = np.where(known, found.treatment_random[rows], 0.0)
    close(ours, np.where(known, filled(expect["TE_random"]), 0.0), data.tol, "TE_random")
    ours = np.where(known, found.treatment_random_se[rows], 0.0)
    close(ours, np.where(known, filled(expect["seTE_random"]), 0.0), data.tol, "seTE_random")
