"""Two made-up networks with studies of up to five arms against metafor (make.R beside the numbers made them)."""

from __future__ import annotations

import json
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from toolkit.engine.data import Effects
from toolkit.engine.effects import arm_table, compute_effects
from toolkit.engine.network import network
from toolkit.engine.network.fit import consistency_model

GOLDEN = Path(__file__).resolve().parents[2] / "golden" / "metafor_networks"
NETWORKS = ("binary", "continuous")


@lru_cache
def loaded(name: str) -> dict[str, Any]:
    data: dict[str, Any] = json.loads((GOLDEN / f"{name}.json").read_text(encoding="utf-8"))
    return data


def effects_of(data: dict[str, Any], *, backwards: bool = False) -> Effects:
    columns = {k: list(reversed(v)) if backwards else v for k, v in data["columns"].items()}
    study, treatment = columns.pop("study"), columns.pop("treatment")
    return compute_effects(arm_table(study, treatment, **columns), data["measure"])


@pytest.mark.parametrize("backwards", [False, True])
@pytest.mark.parametrize("method", ["REML", "ML"])
@pytest.mark.parametrize("name", NETWORKS)
def test_random_effects_are_those_of_metafor_whatever_the_base_arm(name: str, method: str, backwards: bool) -> None:
    data = loaded(name)
    expected, effects = data["expected"][method], effects_of(data, backwards=backwards)
    result = network(effects, measure=data["measure"], reference=data["reference"], tau2=method)
    assert result.tau2 is not None and result.random is not None and result.random_se is not None
    at = [result.treatments.index(t) for t in data["treatments"]]
    assert result.tau2.value == pytest.approx(expected["tau2"], abs=1e-6)
    assert result.random[at, 0] == pytest.approx(np.array(expected["estimate"]), abs=1e-6)
    assert result.random_se[at, 0] == pytest.approx(np.array(expected["se"]), abs=1e-6)
    assert result.inconsistency.q_total == pytest.approx(expected["qe"], rel=1e-8)
    if method == "ML":  # the restricted one has another constant in metafor
        model = consistency_model(effects)
        assert model.log_likelihood(result.tau2.value, restricted=False) == pytest.approx(expected["loglik"], abs=1e-6)


@pytest.mark.parametrize("name", NETWORKS)
def test_common_effects_are_those_of_metafor(name: str) -> None:
    data = loaded(name)
    result = network(effects_of(data), measure=data["measure"], reference=data["reference"])
    at = [result.treatments.index(t) for t in data["treatments"]]
    assert result.common[at, 0] == pytest.approx(np.array(data["expected"]["common"]["estimate"]), abs=1e-9)
    assert result.common_se[at, 0] == pytest.approx(np.array(data["expected"]["common"]["se"]), abs=1e-9)


@pytest.mark.parametrize("name", NETWORKS)
def test_the_networks_hold_studies_of_two_to_five_arms(name: str) -> None:
    study = loaded(name)["columns"]["study"]
    sizes = {study.count(s) for s in study}
    assert {2, 3, 4} <= sizes and max(sizes) <= 5
