"""Refits are the fits one by one; limits are said."""

from __future__ import annotations

import numpy as np
import pytest

from toolkit.engine.effects import effects_from_estimates
from toolkit.engine.pairwise import pairwise
from toolkit.engine.sensitivity import cumulative, influence, leave_one_out
from toolkit.model.choices import INTERVALS, TAU2_METHODS
from toolkit.model.errors import InputError, NotEstimable

Y, V = np.array([0.1, 0.9, -0.4, 0.6, 1.4]), np.array([0.04, 0.1, 0.2, 0.02, 0.3])
NAMES = list("abcde")


@pytest.mark.parametrize(
    ("tau2", "ci"), [(t, c) for t in sorted(TAU2_METHODS) for c in sorted(INTERVALS) if c != "KR" or t == "REML"]
)
def test_leave_one_out_equals_the_fits_one_by_one(tau2: str, ci: str) -> None:
    fits = leave_one_out(pairwise(effects_from_estimates(NAMES, Y, v=V), tau2=tau2, ci=ci))
    for i, fit in enumerate(fits):
        keep = [j for j in range(5) if j != i]
        alone = pairwise(effects_from_estimates([NAMES[j] for j in keep], Y[keep], v=V[keep]), tau2=tau2, ci=ci)
        assert fit.study == NAMES[i] and fit.k == 4
        assert fit.tau2 == pytest.approx(alone.tau2.value, rel=1e-8, abs=1e-12)  # type: ignore[union-attr]
        for name in ("estimate", "se", "ci_low", "p"):
            assert getattr(fit.random, name) == pytest.approx(getattr(alone.random, name), rel=1e-7, abs=1e-12)
        assert fit.heterogeneity.q == pytest.approx(alone.heterogeneity.q)  # type: ignore[union-attr]
        assert fit.heterogeneity.i2_tau2 == pytest.approx(alone.heterogeneity.i2_tau2, abs=1e-9)  # type: ignore[union-attr]


def test_cumulative_ends_at_the_whole_fit_and_starts_with_one_study() -> None:
    result = pairwise(effects_from_estimates(NAMES, Y, v=V))
    fits = cumulative(result, [2001, 1999, 2005, 2000, 1999])
    assert [fit.study for fit in fits] == ["b", "e", "d", "a", "c"]
    assert fits[0].random is None and fits[0].common.estimate == pytest.approx(0.9)
    assert fits[-1].random.estimate == pytest.approx(result.random.estimate)  # type: ignore[union-attr]


def test_too_few_studies_and_a_wrong_order_are_said() -> None:
    one = pairwise(effects_from_estimates(["a"], [0.1], v=[0.1]))
    with pytest.raises(NotEstimable):
        leave_one_out(one)
    with pytest.raises(NotEstimable):
        influence(one)
    with pytest.raises(InputError, match="3 values for 5 studies"):
        cumulative(pairwise(effects_from_estimates(NAMES, Y, v=V)), [1, 2, 3])


def test_an_outlier_is_influential() -> None:
    y = np.array([0.1, 0.12, 0.08, 0.11, 0.09, 3.0])
    rows = influence(pairwise(effects_from_estimates("abcdef", y, v=[0.01] * 6)))
    assert [row.study for row in rows if row.influential] == ["f"]


def test_two_studies_of_a_cumulative_fit_get_walds_interval_as_the_automatic_choice_does() -> None:
    fits = cumulative(pairwise(effects_from_estimates(NAMES, Y, v=V)))
    methods = [fit.random.method for fit in fits if fit.random is not None]
    assert methods == ["Wald", "HK_adhoc", "HK_adhoc", "HK_adhoc"]
