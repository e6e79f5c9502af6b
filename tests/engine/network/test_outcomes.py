"""Ranks over several outcomes: side by side, and the order they agree on."""

from __future__ import annotations

import numpy as np
import pytest

from tests.plots.test_network_figures import assert_legible, texts
from toolkit.engine.effects import effects_from_contrasts
from toolkit.engine.network import network, outcome_ranks
from toolkit.engine.results import NetworkResult
from toolkit.model.errors import InputError
from toolkit.plots.rank_heat import rank_heat_scene


def star(values: dict[str, float], small_values: str | None = "good") -> NetworkResult:
    names = list(values)
    effects = effects_from_contrasts(
        names, names, ["usual"] * len(names), list(values.values()), [0.2] * len(names), "GEN"
    )
    return network(effects, measure="GEN", reference="usual", tau2="fixed", tau2_value=0.0, small_values=small_values)


def test_what_is_better_on_every_outcome_stands_above_and_conflicts_stay_open() -> None:
    found = outcome_ranks({
        "death": star({"a": -2.0, "b": -1.0, "c": -0.5}),
        "harm": star({"a": 1.0, "b": 0.2, "c": 2.0}, "bad"),
    })  # fmt: skip
    assert found.ordered == found.treatments and set(found.ordered) == {"a", "b", "c", "usual"}
    assert set(found.above) == {("a", "b"), ("b", "usual"), ("c", "usual")}
    assert set(found.best) == {"a", "c"}
    scene = rank_heat_scene(found, title="Ranks")
    assert_legible(scene)
    assert texts(scene, "outcome") == ["death", "harm"] and len(scene.shapes("cell")) == 8


def test_the_same_outcome_twice_is_a_chain_and_mirrored_ones_agree_on_nothing() -> None:
    values = {"a": -2.0, "b": -1.0, "c": 1.0}
    twice = outcome_ranks({"one": star(values), "two": star(values)})
    assert twice.above == (("a", "b"), ("b", "usual"), ("usual", "c")) and twice.best == ("a",)
    turned = outcome_ranks({"one": star(values), "two": star(values, "bad")})
    assert turned.above == () and set(turned.best) == {"a", "b", "c", "usual"}


def test_a_treatment_that_an_outcome_lacks_is_shown_and_not_compared() -> None:
    found = outcome_ranks({"one": star({"a": -2.0, "b": -1.0}), "two": star({"a": -2.0, "d": 1.0})})
    assert found.ordered == ("a", "usual") and set(found.treatments[2:]) == {"b", "d"}
    assert np.isnan(found.score[[found.treatments.index("b"), found.treatments.index("d")], [1, 0]]).all()
    scene = rank_heat_scene(found)
    assert len(scene.shapes("missing")) == 2


def test_direction_and_a_second_outcome_are_needed() -> None:
    with pytest.raises(InputError, match="two outcomes"):
        outcome_ranks({"one": star({"a": -1.0})})
    with pytest.raises(InputError, match="'two'"):
        outcome_ranks({"one": star({"a": -1.0}), "two": star({"a": -1.0}, None)})
