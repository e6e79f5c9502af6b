"""Subsets and bootstrap samples are the fits one by one."""

from __future__ import annotations

import numpy as np
import pytest

from toolkit.engine.effects import effects_from_estimates
from toolkit.engine.pairwise import pairwise
from toolkit.engine.resample import bootstrap, gosh
from toolkit.model.errors import InputError, NotEstimable

Y, V = np.array([0.1, 0.9, -0.4, 0.6, 1.4]), np.array([0.04, 0.1, 0.2, 0.02, 0.3])


def whole(k: int = 5):  # type: ignore[no-untyped-def]
    return pairwise(effects_from_estimates([str(i) for i in range(k)], np.resize(Y, k), v=np.resize(V, k)))


def alone(times: np.ndarray):  # type: ignore[no-untyped-def]
    y, v = np.repeat(Y, times), np.repeat(V, times)
    return pairwise(effects_from_estimates([str(i) for i in range(y.size)], y, v=v))


def test_every_subset_of_two_or_more_is_fitted_once() -> None:
    found = gosh(whole())
    assert found.complete and found.k.size == 2**5 - 5 - 1
    assert len({tuple(row) for row in found.times}) == found.k.size
    for i in range(found.k.size):
        fit = alone(found.times[i])
        assert found.estimate[i] == pytest.approx(fit.random.estimate, rel=1e-8)
        assert found.tau2[i] == pytest.approx(fit.tau2.value, rel=1e-8, abs=1e-12)
        assert found.i2[i] == pytest.approx(fit.heterogeneity.i2_q, abs=1e-10)


def test_too_many_subsets_are_drawn_and_not_called_complete() -> None:
    with pytest.raises(InputError, match="random generator"):
        gosh(whole(30))
    found = gosh(whole(30), np.random.default_rng(1), most=2000)
    assert not found.complete and found.k.size == 2000 and found.k.min() >= 2
    assert found.times.mean() == pytest.approx(0.5, abs=0.02)


def test_bootstrap_samples_have_k_studies_and_are_the_fits_one_by_one() -> None:
    found = bootstrap(whole(), np.random.default_rng(2), samples=50)
    assert (found.k == 5).all() and np.isfinite(found.estimate).all() and (found.tau2 >= 0).all()
    for i in range(0, 50, 10):
        assert found.estimate[i] == pytest.approx(alone(found.times[i]).random.estimate, rel=1e-7)


def test_two_studies_are_too_few() -> None:
    with pytest.raises(NotEstimable):
        gosh(whole(2))
    with pytest.raises(NotEstimable):
        bootstrap(whole(2), np.random.default_rng(1))
