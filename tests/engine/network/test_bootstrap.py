"""Bootstrap refits of a network against the fit of each sample written out."""

from __future__ import annotations

import numpy as np
import pytest

from tests.engine.network.test_decisions import sample
from toolkit.engine.data import Effects
from toolkit.engine.effects import effects_from_contrasts
from toolkit.engine.network import bootstrap_network, network
from toolkit.engine.network.blocks import take_studies
from toolkit.engine.network.bootstrap import refit
from toolkit.model.errors import InputError, NotEstimable


def written_out(effects: Effects, times: np.ndarray) -> Effects:
    """The sample as data, every copy a study of its own."""
    chosen = [s for s, n in enumerate(times) for _ in range(int(n))]
    data = take_studies(effects, chosen)
    names = tuple(f"{i}" for i in range(len(chosen)))
    return Effects(
        measure=data.measure, scale=data.scale, studies=names, start=data.start, y=data.y, V=data.V, t1=data.t1,
        t2=data.t2, treatments=data.treatments,
    )  # fmt: skip


def test_every_refit_is_that_of_the_sample_written_out_with_multi_arm_studies() -> None:
    effects, _ = sample(6)
    found = bootstrap_network(effects, np.random.default_rng(3), draws=40)
    assert found.connected.sum() > 20
    for b in np.flatnonzero(found.connected):
        fitted = network(written_out(effects, found.times[b]), measure="MD", tau2="DL", reference=found.treatments[0])
        assert fitted.tau2 is not None and fitted.random is not None and fitted.treatments == found.treatments
        assert found.tau2[b] == pytest.approx(fitted.tau2.value, rel=1e-8, abs=1e-12)
        assert found.effects[b] == pytest.approx(fitted.random[:, 0], rel=1e-8, abs=1e-10)
    inside = found.effects[found.connected]
    assert found.low == pytest.approx(np.quantile(inside, 0.025, axis=0))
    assert found.effects[:, 0][found.connected] == pytest.approx(0.0)


def test_the_whole_data_give_the_fit_itself_and_a_sample_without_df_has_no_variance() -> None:
    effects, result = sample(6)
    beta, tau2, connected = refit(effects, np.ones((1, len(effects.studies)), dtype=np.int64))
    assert connected.all() and result.tau2 is not None and result.random is not None
    assert tau2[0] == pytest.approx(result.tau2.value, rel=1e-9)
    place = [result.treatments.index(t) for t in effects.treatments]
    assert beta[0] == pytest.approx(result.random[place, place[0]], rel=1e-8, abs=1e-10)
    pair = effects_from_contrasts(["1", "2"], ["a", "a"], ["b", "b"], [0.1, 0.9], [0.1, 0.1], "GEN")
    assert refit(pair, np.array([[1, 0]]))[1][0] == 0.0


def test_samples_in_pieces_are_counted_and_left_out() -> None:
    chain = effects_from_contrasts(list("1234"), list("aabb"), list("bbcc"), [0.1, 0.2, 0.3, 0.4], [0.2] * 4, "GEN")
    found = bootstrap_network(chain, np.random.default_rng(1), reference="b", draws=300)
    lost = (found.times[:, :2].sum(axis=1) == 0) | (found.times[:, 2:].sum(axis=1) == 0)
    assert np.array_equal(~found.connected, lost) and lost.any()
    assert np.isnan(found.effects[lost]).all() and np.isfinite(found.effects[~lost]).all()
    again = bootstrap_network(chain, np.random.default_rng(1), reference="b", draws=300)
    assert np.array_equal(found.times, again.times)


def test_what_cannot_be_drawn_is_refused() -> None:
    effects, _ = sample(6)
    with pytest.raises(InputError, match="draws"):
        bootstrap_network(effects, np.random.default_rng(1), draws=0)
    with pytest.raises(InputError, match="not a treatment"):
        bootstrap_network(effects, np.random.default_rng(1), reference="z")
    apart = effects_from_contrasts(["1", "2"], ["a", "c"], ["b", "d"], [0.1, 0.2], [0.1, 0.1], "GEN")
    with pytest.raises(NotEstimable, match="pieces"):
        bootstrap_network(apart, np.random.default_rng(1))
