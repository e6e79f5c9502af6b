"""Permutation tests against metafor's permutest, against enumeration by hand, and their refusals."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from toolkit.engine.effects import arm_table, effects_from_estimates
from toolkit.engine.pairwise import pairwise
from toolkit.engine.permutation import permutation_test
from toolkit.engine.results import PairwiseResult
from toolkit.model.errors import InputError, NotEstimable
from toolkit.model.spec import ZeroCells

BCG = json.loads(
    (Path(__file__).resolve().parents[1] / "golden" / "pairwise" / "bcg.json").read_text(encoding="utf-8")
)["data"]


def first(k: int, tau2: str = "DL", ci: str = "Wald") -> PairwiseResult:
    """The first k BCG trials, risk ratios as metafor computes them."""
    events = [float(x) for pair in zip(BCG["ai"][:k], BCG["ci"][:k], strict=True) for x in pair]
    totals = [float(x) for pair in zip(BCG["n1i"][:k], BCG["n2i"][:k], strict=True) for x in pair]
    names = [str(i) for i in range(k) for _ in (0, 1)]
    arms = arm_table(names, ["E", "C"] * k, events=events, n=totals)
    return pairwise(arms, measure="RR", reference="C", tau2=tau2, ci=ci, zero_cells=ZeroCells(risk_ratio="cells"))


def test_the_exact_test_of_the_pooled_effect_is_that_of_metafor() -> None:
    found = permutation_test(first(7))  # bcg/283: 0.015625 of 128
    assert (found.p, found.samples, found.exact) == ((0.015625,), 128, True)


def test_the_exact_test_of_a_covariate_is_that_of_metafor() -> None:
    # permutest(rma(yi, vi, mods = ~ ablat, method = "DL"), exact = TRUE) of metafor 3.8-1 on the first 6 trials
    columns = {"ablat": {str(i): BCG["ablat"][i] for i in range(6)}}
    found = permutation_test(first(6), formula="ablat", columns=columns)
    assert (found.samples, found.exact) == (720, True)
    assert found.p[0] == pytest.approx(22 / 720, abs=1e-12)
    assert found.p_model == pytest.approx(22 / 720, abs=1e-12)


def test_drawn_samples_approach_the_exact_test_and_never_give_zero() -> None:
    exact = permutation_test(first(10)).p[0]
    drawn = permutation_test(first(10), np.random.default_rng(3), most=1000)
    assert not drawn.exact and drawn.samples == 1001
    assert drawn.p[0] >= drawn.least_p == 1 / 1001
    assert drawn.p[0] == pytest.approx(exact, abs=4 * (exact * (1 - exact) / 1000) ** 0.5 + 1e-3)


def test_effects_of_both_signs_that_cancel_have_p_one() -> None:
    result = pairwise(effects_from_estimates("abcd", [0.5, -0.5, 0.3, -0.3], v=[0.1] * 4), ci="HK")
    assert permutation_test(result).p == (1.0,)


def test_what_it_cannot_do_is_refused() -> None:
    with pytest.raises(InputError, match="random generator"):
        permutation_test(first(10), most=100)
    with pytest.raises(NotEstimable, match="at least three"):
        permutation_test(first(2))
    with pytest.raises(InputError, match="Kenward-Roger"):
        permutation_test(first(5, ci="KR", tau2="REML"))
