"""Bayesian pairwise meta-analysis against bayesmeta, against closed forms, and its refusals."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from toolkit.engine.bayes import Posterior, bayesian, default_prior, parse_prior
from toolkit.engine.effects import effects_from_estimates
from toolkit.engine.pairwise import pairwise
from toolkit.engine.results import PairwiseResult
from toolkit.model.errors import InputError, NotEstimable

GOLDEN = Path(__file__).resolve().parents[1] / "golden" / "bayes"
FILES = {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in sorted(GOLDEN.glob("pairwise_*.json"))}
CASES = [(stem, i) for stem, content in FILES.items() for i in range(len(content["cases"]))]
NAMES = {"uniform on tau (improper)": "uniform", "Jeffreys": "jeffreys", "DuMouchel": "dumouchel"}
NAMES |= {"uniform shrinkage": "uniform-shrinkage"}


def fit(y: Any, v: Any) -> PairwiseResult:
    return pairwise(effects_from_estimates([f"s{i}" for i in range(len(y))], y, v=v), tau2="DL", ci="Wald")


def prior_of(text: str) -> str:
    """Our word for a prior as the file describes it; theirs are log-normal on tau, ours on tau2."""
    scale = re.search(r"scale=([\d.]+)", text)
    if scale:
        return f"{'half-normal' if text.startswith('half-normal') else 'half-cauchy'}:{scale[1]}"
    turner = re.search(r"meanlog=(-?[\d.]+), sdlog=([\d.]+)", text)
    return f"log-normal:{2 * float(turner[1])},{2 * float(turner[2])}" if turner else NAMES[text]


@pytest.mark.parametrize(("stem", "i"), CASES)
def test_posteriors_are_those_of_bayesmeta_within_a_thousandth_of_their_sd(stem: str, i: int) -> None:
    content = FILES[stem]
    case, rows = content["cases"][i], content["data"]
    effects = effects_from_estimates([r["study"] for r in rows], [r["y"] for r in rows], se=[r["se"] for r in rows])
    flat = case["prior"]["mu"].startswith("flat")
    found = bayesian(pairwise(effects), prior_of(case["prior"]["tau"]), mu_prior=None if flat else (0.0, 4.0))
    expect = case["expect"]
    for name in ("mu", "tau", "predictive"):
        own, theirs = getattr(found, name), expect[name]
        for field, key in (("median", "median"), ("low", "q2.5"), ("high", "q97.5"), ("mean", "mean"), ("sd", "sd")):
            assert getattr(own, field) == pytest.approx(theirs[key], abs=1e-3 * theirs["sd"]), (name, field)
    assert found.p_above == pytest.approx(expect["p_mu_gt0"], abs=1e-5)
    for study in found.studies:
        theirs = expect["shrinkage"][study.study]
        assert (study.mean, study.sd) == (
            pytest.approx(theirs["mean"], abs=1e-3 * theirs["sd"]),
            pytest.approx(theirs["sd"], rel=1e-3),
        )
    if expect.get("log_marginal") is not None:
        assert found.log_marginal == pytest.approx(expect["log_marginal"], abs=1e-6)


def test_the_set_of_reference_values_is_complete() -> None:
    assert len(CASES) == 21 and {prior_of(FILES[s]["cases"][i]["prior"]["tau"]).split(":")[0] for s, i in CASES} == {
        "half-normal", "half-cauchy", "log-normal", "uniform", "jeffreys", "dumouchel", "uniform-shrinkage",
    }  # fmt: skip


def test_one_study_leaves_the_prior_of_tau_as_it_was() -> None:
    found = bayesian(fit([0.3], [0.02]), "half-normal:0.5")
    assert found.tau.median == pytest.approx(0.5 * 0.6744897501960817, rel=1e-9)
    assert found.tau.mean == pytest.approx(0.5 * (2 / np.pi) ** 0.5, rel=1e-9)
    assert found.mu.sd == pytest.approx((0.02 + 0.25) ** 0.5, rel=1e-9)  # the sampling variance and E(tau2)


@pytest.mark.parametrize("factor", [1e6, 1e-6])
def test_the_scale_of_effects_and_prior_scales_the_posterior(factor: float) -> None:
    y, v = np.array([0.1, 0.5, 0.3]), np.array([0.02, 0.03, 0.05])
    one = bayesian(fit(y, v), "half-normal:0.5")
    other = bayesian(fit(y * factor, v * factor**2), f"half-normal:{0.5 * factor}")
    for name in ("mu", "tau", "predictive"):
        a: Posterior = getattr(one, name)
        b: Posterior = getattr(other, name)
        assert [x / factor for x in (b.median, b.low, b.high)] == pytest.approx([a.median, a.low, a.high], rel=1e-7)


def test_a_large_common_shift_moves_the_mean_and_nothing_else() -> None:
    y, v = np.array([0.1, 0.5, 0.3, 0.9]), np.array([0.02, 0.03, 0.05, 0.04])
    one, other = bayesian(fit(y, v)), bayesian(fit(y + 1e6, v))
    assert other.mu.median - 1e6 == pytest.approx(one.mu.median, abs=1e-6)
    assert other.tau.median == pytest.approx(one.tau.median, rel=1e-5)
    assert other.studies[0].sd == pytest.approx(one.studies[0].sd, rel=1e-5)


def test_moments_that_a_tail_leaves_infinite_are_not_given() -> None:
    three = bayesian(fit([0.1, 0.5, 0.3], [0.02, 0.03, 0.05]), "uniform")
    assert three.mu.sd is None and three.mu.mean is None and three.tau.mean is None
    assert three.mu.low < three.mu.median < three.mu.high
    assert three.log_marginal is None


def test_improper_posteriors_and_wrong_priors_are_refused() -> None:
    two = fit([0.1, 0.5], [0.02, 0.03])
    with pytest.raises(NotEstimable, match="improper"):
        bayesian(two, "uniform")
    for wrong in ("half-normal", "half-normal:0", "half-normal:a", "gamma:1,1", "log-normal:0.5"):
        with pytest.raises(InputError):
            parse_prior(wrong)
    with pytest.raises(InputError, match="above 0"):
        bayesian(two, mu_prior=(0.0, 0.0))


def test_two_studies_of_a_log_ratio_get_a_default_prior_and_nothing_else_does() -> None:
    from toolkit.engine.effects import arm_table

    arms = arm_table(["A", "A", "B", "B"], ["t", "c"] * 2, events=[3, 6, 5, 9], n=[40, 40, 50, 50])
    assert default_prior(pairwise(arms, measure="OR", reference="c")) == "half-normal:0.5"
    assert default_prior(pairwise(arms, measure="RD", reference="c")) is None
    assert default_prior(fit([0.1, 0.5, 0.3], [0.02, 0.03, 0.05])) is None
