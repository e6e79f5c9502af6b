"""Checkers of the generalised linear mixed models against metafor (lme4 inside)."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np

from tests.engine.pairwise.golden import FURTHER, R_IS_OFF, SCORES, Check, Source, number
from toolkit.engine.effects import arm_table
from toolkit.engine.glmm.models import DEFAULT_POINTS, _design
from toolkit.engine.glmm.quadrature import State, log_likelihood
from toolkit.engine.pairwise import pairwise
from toolkit.engine.results import PairwiseResult

# UM.RS: lme4 differentiates numerically, and keeps a boundary parameter in the Hessian.
SE_TOLERANCE = {"UM.RS": 1e-2, "CM.EL": 3e-4}


def counts(source: Source, case: dict[str, Any]) -> tuple[np.ndarray, np.ndarray]:
    """Events and units (or person-time) of the arms; one column for a single group."""
    if case["measure"] == "PLO":
        return source.column("xi")[:, None], source.column("ni")[:, None]
    e1, n1, e2, n2 = source.rates(case) if case["measure"] == "IRR" else source.counts(case)
    return np.column_stack([e1, e2]), np.column_stack([n1, n2])


def fitted_counts(source: Source, case: dict[str, Any]) -> PairwiseResult:
    """The fit, kept for the case of the common effect that follows in the file."""
    key = (case["id"].partition("/")[0], case["measure"], case["method"] if case["measure"] != "PLO" else "BN")
    if key not in _FITS:
        _FITS[key] = _fitted(source, case)
    return _FITS[key]


_FITS: dict[tuple[str, str, str], PairwiseResult] = {}


def _fitted(source: Source, case: dict[str, Any]) -> PairwiseResult:
    x, n = counts(source, case)
    groups = x.shape[1]
    names = [str(i) for i in range(len(x)) for _ in range(groups)]
    size = {"time" if case["measure"] == "IRR" else "n": n.ravel()}
    arms = arm_table(names, ["E", "C"][:groups] * len(x), events=x.ravel(), **size)
    model = "GLMM" if groups == 1 else case["method"]
    with warnings.catch_warnings():
        warnings.simplefilter("error", RuntimeWarning)
        return pairwise(arms, measure=case["measure"], model=model, reference="C" if groups == 2 else None)


def check_glmm(source: Source, case: dict[str, Any]) -> Iterator[Check]:
    expect, model = case["expect"], case["method"]
    result = fitted_counts(source, case)
    common_only = "EE" in (model, case["options"].get("method"))
    if number(expect["se"]) is not None and expect["se"] > 1000:  # R walked off to infinity; ours says so
        assert result.random is None and result.common is None
        assert "model_not_estimable" in {w.code for w in result.warnings}
        return
    ours = result.common if common_only else result.random
    assert ours is not None
    yield Check("k", result.k, expect["k"], 0)
    yield Check("estimate", ours.estimate, number(expect["estimate"]), 1e-4, 1e-6)
    if case["id"] not in BAD_SE:
        yield Check("se", ours.se, number(expect["se"]), SE_TOLERANCE.get(model, 3e-4))
    if not common_only:
        assert result.tau2 is not None and result.heterogeneity is not None and result.tau2.converged
        yield Check("tau2", result.tau2.value, number(expect["tau2"]), 1e-3, 1e-6)
        yield Check("I2", 100 * result.heterogeneity.i2_tau2, number(expect["I2"]), 1e-3, 1e-3)
    if model != "UM.RS":  # R's saturated model codes the arms 0 and 1, its other fits -1/2 and 1/2
        assert result.heterogeneity is not None
        yield Check("Q", result.heterogeneity.q, number(expect["Q_lrt"]), 1e-6, 1e-6)
        yield Check("Q_p", result.heterogeneity.p, number(expect["Q_lrt_p"]), 1e-4, 1e-14)


def check_glmm_error(source: Source, case: dict[str, Any]) -> Iterator[Check]:
    """R refuses: ours has an estimate, or says why there is none."""
    result = fitted_counts(source, case)
    if result.random is None:
        assert "model_not_estimable" in {w.code for w in result.warnings}
    else:
        assert np.isfinite([result.random.estimate, result.random.se]).all() and result.random.se < 5
    yield from ()


# metafor's numeric Hessian of CM.EL: R gives 0.0166, its three other models and ours 0.026 to 0.027.
BAD_SE = {"li2007_magnesium/102"}
_LOST = {
    "li2007_magnesium/097": "lme4: max|grad| = 0.0058",
    "li2007_magnesium/099": "lme4 could not evaluate its gradient",
    "nielweise2007_sparse/079": "lme4: max|grad| = 0.0089",
    "hine1989/101": "the estimate is at the boundary",
}
R_IS_OFF.update(_LOST)


def glmm_distance(source: Source, case: dict[str, Any]) -> tuple[float, float]:
    """How far below the higher of the two likelihoods each estimate lies: ours and R's, at R's nodes."""
    result, model = fitted_counts(source, case), case["method"]
    assert result.random is not None and result.tau2 is not None
    x, n = counts(source, case)
    use = (x.sum(axis=1) > 0) & (x.sum(axis=1) < n.sum(axis=1))
    if model == "UM.RS":
        from toolkit.engine.glmm.optimise import maximise
        from toolkit.engine.glmm.quadrature import Design

        one, c = np.ones((use.sum(), 2)), np.broadcast_to([0.5, -0.5], (use.sum(), 2))
        base, _, _ = _design(x[use], n[use], "UM.FS", False)
        design = Design(terms=base.terms, offset=base.offset, X=np.stack([one, c], 2), Z=np.stack([one, c], 2))
        state = State.start(design)

        def height(theta: float, tau2: float) -> float:
            def value(free: np.ndarray) -> float:
                beta, sd = np.array([free[0], theta]), np.array([free[1], np.sqrt(tau2)])
                return log_likelihood(design, beta, sd, 1, state)

            return maximise(value, np.array([-2.0, 0.0]), 1).value
    else:
        design, _, own = _design(x[use], n[use], model, False)

        def height(theta: float, tau2: float) -> float:
            state = State.start(design, own)
            points = DEFAULT_POINTS[model]
            return log_likelihood(design, np.array([theta]), np.array([np.sqrt(tau2)]), points, state)

    ours = height(result.random.estimate, result.tau2.value)
    theirs = height(case["expect"]["estimate"], case["expect"]["tau2"])
    best = max(ours, theirs)
    return best - ours, best - theirs


SCORES["rma.glmm"] = glmm_distance
FURTHER["rma.glmm"] = lambda case: check_glmm if "expect" in case else check_glmm_error
