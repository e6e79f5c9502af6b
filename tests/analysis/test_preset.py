"""A preset in review.toml: what the file names stands on top of it, and the result carries both."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from toolkit.analysis.plan import spec_of
from toolkit.config import Analysis, Outcome
from toolkit.model.spec import PairwiseSpec

OUTCOME = Outcome(id="tha", name="THA", type="binary")


def spec(**keys: Any) -> PairwiseSpec:
    fixed = {"id": "a", "kind": "pairwise", "outcome": "tha", "measure": "RR", "treatment": "C", "reference": "D"}
    found = spec_of(Analysis(**{**fixed, **keys}), OUTCOME)
    assert isinstance(found, PairwiseSpec)
    return found


def test_a_preset_sets_what_the_file_does_not_name() -> None:
    found = spec(preset="revman5_3")
    assert (found.tau2, found.ci, found.q_around, found.zero_cells.risk_ratio) == ("DL", "Wald", "MH", "cells")
    named = spec(preset="revman5_3", tau2="REML", zero_add=0.25, prediction="t_k1")
    assert (named.tau2, named.q_around, named.prediction, named.ci) == ("REML", "IV", "t_k1", "Wald")
    assert (named.zero_cells.add, named.zero_cells.risk_ratio) == (0.25, "cells")


def test_without_a_preset_the_model_of_the_file_is_the_model_of_the_spec() -> None:
    assert spec(model="UM.FS").model == "UM.FS" and spec().preset is None


@pytest.mark.parametrize("keys", [{"preset": "revman"}, {"model": "none"}])
def test_unknown_names_are_refused_with_those_that_there_are(keys: dict[str, str]) -> None:
    with pytest.raises(ValidationError, match=r"revman5_3|UM\.FS"):
        spec(**keys)


def test_a_network_takes_neither() -> None:
    with pytest.raises(ValidationError, match="for pairwise analyses"):
        Analysis(id="n", kind="network", outcome="tha", measure="OR", preset="revman5_3")
