"""Random data of kinds with no golden set, and those on which the engine once differed from R's metafor.

All calls are of metafor 3.8-1 under R 4.2.2 unless a test says otherwise; ``y``, ``v``, ``x`` in a call are the arrays
of the test.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from toolkit.engine.bias import small_study_test, trim_and_fill
from toolkit.engine.effects import arm_table, compute_effects, effects_from_estimates
from toolkit.engine.glmm import fit_glmm
from toolkit.engine.pairwise import pairwise
from toolkit.engine.publication.counts import excess_significance
from toolkit.engine.regression import fit_mixed
from toolkit.engine.results import PairwiseResult
from toolkit.model.errors import NotEstimable
from toolkit.model.spec import ZeroCells

Y = np.array([0.1, 0.5, 0.9, 0.3, 1.2, -0.2, 0.7])
V = np.array([0.04, 0.02, 0.09, 0.05, 0.1, 0.03, 0.06])
X = np.array([1.0, 2, 3, 1, 4, 2, 3])


def fit(y: list[float] | np.ndarray, v: list[float] | np.ndarray, **options: Any) -> PairwiseResult:
    return pairwise(effects_from_estimates([str(i) for i in range(len(y))], y, v=v), **options)


@pytest.mark.parametrize(
    ("method", "tau2"),
    [
        ("HSk", 0.0743316130244),  # rma(y, v, mods=~x, method="HSk")$tau2
        ("PMM", 0.072150285387),  # rma(y, v, mods=~x, method="PMM", control=list(tol=1e-14, maxiter=1000))$tau2
        # f0 <- rma(y, v, mods=~x, method="DL"); rma(y, v, mods=~x, method="GENQ", weights=1/(v + f0$tau2))$tau2
        ("DL2", 0.0563001183079),
    ],
)
def test_every_estimator_of_tau2_has_its_form_for_regressions(method: str, tau2: float) -> None:
    design = np.column_stack([np.ones_like(X), X])
    assert fit_mixed(Y, V, design, method).tau2 == pytest.approx(tau2, rel=1e-10)


def test_the_side_of_trim_and_fill_is_by_the_slope_of_the_model_that_trims() -> None:
    y, v = [0.13, 0.86, 0.33, 1.89, 0.47, -0.52], [0.17, 0.1, 0.35, 0.82, 0.38, 0.42]
    common = trim_and_fill(fit(y, v), model="common")
    random = trim_and_fill(fit(y, v))
    # trimfill(rma(y, v, method="EE")): side right, k0 1, beta 0.613055482602
    assert (common.side, common.k0) == ("right", 1)
    assert common.filled.common is not None
    assert common.filled.common.estimate == pytest.approx(0.613055482602, rel=1e-10)
    # trimfill(rma(y, v, method="REML")): side left, k0 0
    assert (random.side, random.k0) == ("left", 0)


def test_powers_of_one_throughout_are_no_excess_of_significance() -> None:
    # tes(y, v): R's prop.test stops ("elements of 'p' must be in (0,1)"); all are significant, as expected of them.
    found = excess_significance(fit([50.0, 51, 49], [0.01, 0.01, 0.01]))
    assert (found.observed, found.expected, found.chi2) == (3, 3.0, 0.0)
    assert found.p_exact == found.p_binomial == 1


def test_the_rounding_error_of_equal_effects_has_no_rank_correlation() -> None:
    # ranktest(rep(c, k), v, exact=FALSE)$pval of such data was 0.0016, 0.0048 or NaN, by how the mean was rounded.
    rng = np.random.default_rng(1)
    for _ in range(50):
        with pytest.raises(NotEstimable, match="standardised effects are equal"):
            small_study_test(fit([-3] * 7, rng.uniform(0.01, 0.5, 7)), "Begg", force=True)


ALL_IF_ANY = ZeroCells(to="if0all", risk_difference="cells")


def test_a_left_out_study_without_events_corrects_no_other_rate_ratio() -> None:
    # escalc("IRR", x1i=c(0,5,8), t1i=c(100,120,300), x2i=c(0,9,11), t2i=c(110,130,290), to="if0all", drop00=TRUE)
    arms = arm_table(list("aabbcc"), ["t", "c"] * 3, events=[0, 0, 5, 9, 8, 11], time=[100, 110, 120, 130, 300, 290])
    found = compute_effects(arms, "IRR", zero_cells=ALL_IF_ANY, reference="c")
    assert found.studies == ("b", "c") and found.corrections == ()
    assert found.y.tolist() == pytest.approx([-0.5077439572, -0.3523552828], rel=1e-9)
    assert found.v.tolist() == pytest.approx([0.3111111111, 0.2159090909], rel=1e-9)


def test_a_study_without_events_stays_in_a_risk_difference_and_has_all_corrected() -> None:
    # escalc("RD", ai=c(0,5), bi=c(20,15), ci=c(0,8), di=c(25,17), to="if0all")
    arms = arm_table(list("aabb"), ["t", "c"] * 2, events=[0, 0, 5, 8], n=[20, 25, 20, 25])
    found = compute_effects(arms, "RD", zero_cells=ALL_IF_ANY, reference="c")
    assert found.y.tolist() == pytest.approx([0.0045787546, -0.0650183150], rel=1e-7)
    assert found.v.tolist() == pytest.approx([0.0018322130, 0.0176685147], rel=1e-7)


def test_a_group_without_events_has_all_rates_corrected() -> None:
    # escalc("IRLN", xi=c(0,5), ti=c(100,120), to="if0all")
    arms = arm_table(["a", "b"], ["all", "all"], events=[0, 5], time=[100, 120])
    found = compute_effects(arms, "IRLN", zero_cells=ALL_IF_ANY)
    assert found.y.tolist() == pytest.approx([-5.2983173665, -3.0827436505], rel=1e-9)
    assert found.v.tolist() == pytest.approx([2.0, 0.1818181818], rel=1e-9)


# 12 studies with about 1,000 events an arm: events and units of both arms.
LARGE = np.array([
    [1210, 815, 725, 769, 705, 609, 902, 1149, 803, 1182, 894, 744],
    [2461, 2221, 1791, 1811, 2223, 2044, 2360, 3380, 2214, 3508, 2580, 1869],
    [1620, 716, 1101, 564, 870, 888, 594, 769, 541, 943, 1180, 1112],
    [3583, 2089, 2793, 1507, 2973, 3288, 1772, 2606, 1662, 3109, 3877, 3204],
], dtype=float)  # fmt: skip


@pytest.mark.parametrize(
    ("model", "estimate", "se", "q", "log_likelihood"),
    [
        # rma.glmm(measure="OR", ai=a, n1i=n1, ci=c, n2i=n2, model="UM.FS", control=list(nAGQ=7)); all have tau2 = 0
        ("UM.FS", 0.159800940589642, 0.0173189340375727, 7.88295522250294, -101.779000222464),
        ("CM.AL", 0.102288112150293, 0.0138433367644386, 5.52512788416119, -50.0862631531578),
        # without nAGQ; R's Q is of a saturated model that codes the arms otherwise
        ("UM.RS", 0.159637216258348, 0.0173125675238692, None, -131.390867155356),
    ],
)
def test_mixed_models_of_arms_with_a_thousand_events(
    model: str, estimate: float, se: float, q: float | None, log_likelihood: float
) -> None:
    found = fit_glmm(LARGE[[0, 2]].T, LARGE[[1, 3]].T, model)
    assert found.estimate == pytest.approx(estimate, abs=1e-3 * se)
    assert found.se == pytest.approx(se, rel=1e-3)
    assert found.tau2 == pytest.approx(0, abs=1e-6)
    assert found.log_likelihood == pytest.approx(log_likelihood, abs=1e-4)
    assert q is None or found.q == pytest.approx(q, rel=1e-6)


def test_the_exact_conditional_model_of_very_different_studies() -> None:
    events = np.array([[5, 20], [30, 10], [2, 14], [45, 9], [12, 30]], dtype=float)
    units = np.array([[50, 52], [60, 61], [55, 57], [70, 66], [44, 45]], dtype=float)
    # rma.glmm(measure="OR", ai=a, n1i=n1, ci=c, n2i=n2, model="CM.EL"): beta -0.280258782658948,
    # tau2 3.59397359321811, QE.LRT 90.1795433530238, se 0.8845 (numeric Hessian)
    found = fit_glmm(events, units, "CM.EL")
    assert found.estimate == pytest.approx(-0.280258782658948, abs=1e-4)
    assert found.tau2 == pytest.approx(3.59397359321811, rel=1e-4)
    assert found.q == pytest.approx(90.1795433530238, rel=1e-8)
    assert found.se == pytest.approx(0.8845, rel=5e-3)


@pytest.mark.parametrize(
    ("model", "estimate", "tau2"),
    [
        # rma.glmm(measure="IRR", x1i=a, t1i=t1, x2i=c, t2i=t2, model=..., control=list(nAGQ=7))
        ("UM.FS", -0.0867806684914732, 0.0359937577781904),
        ("CM.EL", -0.078877902677098, 0.0554344128528334),
    ],
)
def test_mixed_models_of_rates_with_unequal_person_time(model: str, estimate: float, tau2: float) -> None:
    events = np.array([[5, 166], [78, 86], [86, 32], [167, 162]], dtype=float)
    time = np.array([[83.62, 2413.567], [2643.133, 2202.452], [2916.698, 1676.729], [2613.274, 1972.913]])
    found = fit_glmm(events, time, model, rates=True)
    assert found.estimate == pytest.approx(estimate, abs=2e-4)
    assert found.tau2 == pytest.approx(tau2, rel=2e-3)
    if model == "CM.EL":  # the integral by scipy.integrate.quad; lme4's with several nodes leaves out a constant
        assert found.log_likelihood == pytest.approx(-13.976709294, abs=1e-6)
    # QE.LRT
    assert found.q == pytest.approx(10.1418598054731, rel=1e-5)
