"""Bayesian pairwise meta-analysis against bayesmeta, against closed forms, and its refusals."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import stats

from toolkit.engine.bayes import Posterior, bayesian, default_prior, parse_prior
from toolkit.engine.bayes.predictive import RHODES_2015, TURNER_2015
from toolkit.engine.effects import arm_table, compute_effects, effects_from_estimates
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


def test_a_named_prior_is_the_distribution_of_the_table() -> None:
    """Cells quoted in other papers' methods: Turner 2015, drug against placebo, mortality; all outcomes together."""
    found = parse_prior("turner2015:mortality,pharm-placebo")
    assert (found.kind, found.parameters) == ("log-normal", (-3.95, 1.34))
    assert parse_prior("turner2015:any").parameters == (-2.56, 1.74)
    assert parse_prior("rhodes2015:any").parameters == (-3.44, 2.59)
    assert parse_prior("rhodes2015:pain,nonpharm").parameters == parse_prior("log-t:-3.02,2.27").parameters
    y, v = [0.1, 0.5, -0.2], [0.04, 0.05, 0.06]
    named, typed = bayesian(fit(y, v), "turner2015:pain,pharm-pharm"), bayesian(fit(y, v), "log-normal:-2.06,1.58")
    assert named.mu == typed.mu
    assert "log-normal:-2.06,1.58" in named.prior


def test_effects_of_outcome_and_comparison_add_up_in_every_cell_that_is_offered() -> None:
    for table in (TURNER_2015, *RHODES_2015.values()):
        cells = np.array([[np.nan if cell is None else cell[0] for cell in row] for row in table.values()])
        by_column = np.nanmedian(cells - cells[:, 1:2], axis=0)
        assert np.nanmax(np.abs(cells - cells[:, 1:2] - by_column)) < 0.021
    missing = [(a, o) for a, table in RHODES_2015.items() for o, row in table.items() for cell in row if cell is None]
    assert len(missing) == 4


def test_log_t_posterior_is_the_integral_over_the_logarithm_of_tau() -> None:
    y, v = np.array([0.1, 0.5, -0.2]), np.array([0.04, 0.05, 0.06])
    found = bayesian(fit(y, v), "rhodes2015:any")
    log_tau = np.linspace(-30, 25, 200_001)
    precision = 1 / (v + np.exp(2 * log_tau)[:, None])
    total = precision.sum(axis=1)
    mean = (precision * y).sum(axis=1) / total
    spread = (precision * (y - mean[:, None]) ** 2).sum(axis=1)
    height = (
        stats.t.logpdf((2 * log_tau + 3.44) / 2.59, 5) + (np.log(precision).sum(axis=1) - np.log(total) - spread) / 2
    )
    weight = np.exp(height - height.max())
    weight /= weight.sum()
    for p, own in ((0.025, found.tau.low), (0.5, found.tau.median), (0.975, found.tau.high)):
        assert own == pytest.approx(float(np.exp(np.interp(p, np.cumsum(weight), log_tau))), rel=5e-4)
    for p, own in ((0.025, found.mu.low), (0.5, found.mu.median), (0.975, found.mu.high)):
        assert float(weight @ stats.norm.cdf((own - mean) * np.sqrt(total))) == pytest.approx(p, abs=2e-6)


@pytest.mark.parametrize(
    ("prior", "message"),
    [
        ("turner2015:mortality", "kind of outcome and a kind of comparison"),
        ("turner2015:headache,pharm-placebo", "kind of outcome and a kind of comparison"),
        ("rhodes2015:mental-health,nonpharm", "not offered"),
        ("rhodes2015:pain,nonpharm,cardiology", "medical field"),
        ("log-t:-3", "other parameters"),
    ],
)
def test_a_cell_that_is_not_in_the_table_is_refused_in_words(prior: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        parse_prior(prior)


def test_a_prior_of_odds_ratios_is_refused_for_mean_differences() -> None:
    arms = arm_table(["A", "A", "B", "B"], ["x", "y"] * 2, n=[20] * 4, mean=[1, 2, 1, 3], sd=[1, 1, 1, 1])
    result = pairwise(compute_effects(arms, "MD", reference="y"))
    with pytest.raises(InputError, match="another effect measure"):
        bayesian(result, "turner2015:pain,pharm-placebo")
