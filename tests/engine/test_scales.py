"""Back from the model scale, against reference values of R and the transformations themselves."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from scipy.special import ndtri

from toolkit.engine.effects import arm_table
from toolkit.engine.pairwise import pairwise
from toolkit.engine.scales import BACK, back, inverse_freeman_tukey

GOLDEN = Path(__file__).resolve().parents[1] / "golden" / "pairwise" / "pritz1997_prop.json"


def test_every_inverse_undoes_its_transformation() -> None:
    forward: dict[str, Callable[[float], float]] = {
        "identity": float, "log": math.log, "logit": lambda p: math.log(p / (1 - p)),
        "probit": lambda p: float(ndtri(p)), "arcsine": lambda p: math.asin(math.sqrt(p)),
        "square_root": math.sqrt, "fisher_z": math.atanh,
    }  # fmt: skip
    assert set(forward) | {"freeman_tukey"} == set(BACK)
    for scale, function in forward.items():
        for p in (0.01, 0.3, 0.97):
            assert back(function(p), scale) == pytest.approx(p, rel=1e-12)


def test_the_double_arcsine_of_a_count_turns_back_to_its_proportion() -> None:
    for x, n in ((0, 10), (1, 10), (5, 10), (10, 10), (300, 1000)):
        value = (math.asin(math.sqrt(x / (n + 1))) + math.asin(math.sqrt((x + 1) / (n + 1)))) / 2
        assert inverse_freeman_tukey(value, n) == pytest.approx(x / n, abs=1e-12)


def test_pooled_proportions_on_the_display_scale_are_those_of_r() -> None:
    content = json.loads(GOLDEN.read_text(encoding="utf-8"))
    x, n = (np.array(content["data"][name], dtype=float) for name in ("xi", "ni"))
    arms = arm_table([str(i) for i in range(x.size)], ["all"] * x.size, events=x, n=n)
    cases = [c for c in content["cases"] if c["kind"] == "backtransf" and "pred" in c["expect"]]
    seen = set()
    for case in cases:
        measure = case["measure"]
        if measure == "PFT":
            continue  # metafor's harmonic mean; ours uses its variance (below)
        seen.add(measure)
        result = pairwise(arms, measure=measure, preset="metafor5")
        assert result.random is not None and result.prediction is not None
        expect = case["expect"]
        shown = [back(v, result.scale) for v in (result.random.estimate, result.random.ci_low, result.random.ci_high)]
        assert shown == pytest.approx([expect["pred"], *expect["ci"]], rel=1e-6)
        predicted = [back(v, result.scale) for v in (result.prediction.low, result.prediction.high)]
        assert predicted == pytest.approx(expect["pi"], rel=1e-6)
    assert seen == {"PLO", "PAS", "PR"}


def test_the_double_arcsine_with_one_over_variance_is_that_of_barendregt_and_doi() -> None:
    content = json.loads(GOLDEN.read_text(encoding="utf-8"))
    x, n = (np.array(content["data"][name], dtype=float) for name in ("xi", "ni"))
    arms = arm_table([str(i) for i in range(x.size)], ["all"] * x.size, events=x, n=n)
    expect = next(c["expect"] for c in content["cases"] if "barendregt_doi" in c["expect"])
    random = pairwise(arms, measure="PFT", ci="Wald").random
    assert random is not None
    size = 1 / (4 * random.se**2)
    assert size == pytest.approx(expect["n_eff"], rel=1e-6)
    assert back(random.estimate, "freeman_tukey") == pytest.approx(expect["sin2"], rel=1e-6)
    assert inverse_freeman_tukey(random.estimate, size) == pytest.approx(expect["barendregt_doi"], rel=1e-6)
    bounds = [inverse_freeman_tukey(v, size) for v in (random.ci_low, random.ci_high)]
    assert bounds == pytest.approx(expect["ci"], rel=1e-6)
