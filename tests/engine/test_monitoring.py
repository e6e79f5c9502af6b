"""Sequential methods against published numbers, and against simulation that takes another road."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from toolkit.engine.boundaries import obrien_fleming_bounds
from toolkit.engine.effects import arm_table
from toolkit.engine.fragility import fragility_index
from toolkit.engine.monitoring import diversity, iterated_logarithm, required_information, sequential_analysis
from toolkit.engine.pairwise import pairwise
from toolkit.engine.results import PairwiseResult
from toolkit.engine.trigger import would_matter
from toolkit.model.errors import InputError, NotEstimable

# events and sizes, treated then control
TRIALS = ((4, 60, 12, 61), (9, 110, 21, 108), (3, 45, 6, 44), (14, 150, 22, 148))


def fit(trials: tuple[tuple[float, ...], ...] = TRIALS, **options: str) -> PairwiseResult:
    table = arm_table(
        [f"S{i}" for i in range(len(trials)) for _ in (0, 1)],
        ["drug", "control"] * len(trials),
        events=[x for t in trials for x in (t[0], t[2])],
        n=[x for t in trials for x in (t[1], t[3])],
    )
    return pairwise(table, **{"measure": "RR", "reference": "control", **options})


@pytest.mark.parametrize(
    ("published", "tolerance", "given"),
    [
        # Thorlund et al. 2010, Clin Epidemiol 2:57-66: 19,920 patients for moderate evidence, at a diversity of 20 %
        (19_920, 0.5, {"alpha": 0.01, "power": 0.9, "control_risk": 0.05, "relative_risk_reduction": 0.25, "d2": 0.2}),
        # Bjelakovic et al. 2013, PLoS ONE 8:e74558, figure 4: 48,417 and 456,748; the diversity printed as 76 %
        (48_417, 10, {"power": 0.8, "control_risk": 0.1, "relative_risk_reduction": 0.15, "d2": 0.7581}),
        (456_748, 100, {"power": 0.8, "control_risk": 0.1, "relative_risk_reduction": 0.05, "d2": 0.7581}),
    ],
)
def test_required_information_is_the_published_one(published: float, tolerance: float, given: dict[str, float]) -> None:
    assert required_information(**given) == pytest.approx(published, abs=tolerance)


def test_required_information_for_means_is_twice_the_sample_size_of_an_arm() -> None:
    # Half a standard deviation, power 80 %: the 63 an arm of every textbook, 2 (1.96 + 0.84)^2 / 0.5^2
    assert required_information(power=0.8, difference=0.5, sd=1) / 2 == pytest.approx(62.79, abs=0.01)


@pytest.mark.parametrize("given", [{}, {"control_risk": 0.1}, {"difference": 1.0}, {"sd": 1.0, "difference": 0.0}])
def test_without_an_effect_named_beforehand_nothing_is_computed(given: dict[str, float]) -> None:
    with pytest.raises(InputError, match="named beforehand"):
        required_information(power=0.9, **given)


def test_boundaries_are_the_published_ones() -> None:
    # Reboussin, DeMets, Kim, Lan 2000, Control Clin Trials 21:190-207; also what R's ldbounds and gsDesign print
    found = obrien_fleming_bounds([0.2, 0.4, 0.6, 0.8, 1.0])
    assert found == pytest.approx([4.8769, 3.3569, 2.6803, 2.2898, 2.0310], abs=2e-4)
    assert obrien_fleming_bounds([0.5, 1.0]) == pytest.approx([2.9626, 1.9686], abs=1e-4)
    assert obrien_fleming_bounds([1.0], alpha=0.01) == pytest.approx([2.5758], abs=1e-4)


def test_boundaries_keep_the_error_of_the_first_kind_in_simulation() -> None:
    rng = np.random.default_rng(3)
    fractions = np.array([0.3, 0.45, 0.7, 1.0])
    bounds = np.array(obrien_fleming_bounds(fractions.tolist()))
    steps = rng.normal(size=(400_000, 4)) * np.sqrt(np.diff(np.concatenate([[0], fractions])))
    z = np.cumsum(steps, axis=1) / np.sqrt(fractions)
    assert (np.abs(z) > bounds).any(axis=1).mean() == pytest.approx(0.05, abs=0.0015)
    assert (np.abs(z) > 1.96).any(axis=1).mean() > 0.1, "which is why the boundaries are there"


def test_very_early_looks_have_no_boundary_and_looks_past_the_end_spend_nothing_more() -> None:
    found = obrien_fleming_bounds([0.01, 0.5, 1.0, 1.3])
    assert found[0] is None and found[3] is None
    assert found[1:3] == pytest.approx([2.9626, 1.9686], abs=1e-4)
    with pytest.raises(InputError):
        obrien_fleming_bounds([0.5, 0.5])


def test_diversity_is_what_two_standard_errors_of_metafor_give() -> None:
    # metafor 3.8-1, y = c(0.1, 0.5, 0.9), v = c(0.01, 0.02, 0.03): rma(method = "FE")$se and rma(method = "DL")
    y, v = np.array([0.1, 0.5, 0.9]), np.array([0.01, 0.02, 0.03])
    assert diversity(y, v, 0.1416666667) == pytest.approx(1 - (0.0738548946 / 0.2318431718) ** 2, abs=1e-8)
    assert diversity(y, v, 0.0) == 0


def test_looks_follow_the_order_and_their_z_is_that_of_the_studies_so_far() -> None:
    result = fit(tau2="DL", ci="HK")
    found = sequential_analysis(
        result, power=0.9, control_risk=0.2, relative_risk_reduction=0.3, order=["S3", "S0", "S1", "S2"]
    )
    assert [x.study for x in found.looks] == ["S3", "S0", "S1", "S2"]
    assert [x.n for x in found.looks] == [298, 419, 637, 726]
    two = fit((TRIALS[3], TRIALS[0]), tau2="DL")
    assert two.random_wald is not None
    assert found.looks[1].z == pytest.approx(two.random_wald.statistic)
    whole = fit(tau2="DL")
    assert whole.random_wald is not None
    assert found.looks[-1].z == pytest.approx(whole.random_wald.statistic)
    plain = required_information(power=0.9, control_risk=0.2, relative_risk_reduction=0.3)
    assert found.required_diversity == pytest.approx(plain / (1 - found.d2))
    assert found.looks[-1].fraction == pytest.approx(726 / found.required_diversity)
    assert "Cochrane advises against" in found.advice


def many(k: int, treated: float, control: float, seed: int = 4) -> PairwiseResult:
    rng = np.random.default_rng(seed)
    sizes = rng.integers(60, 300, size=k)
    trials = tuple((rng.binomial(n, treated), n, rng.binomial(n, control), n) for n in sizes)
    return fit(tuple(tuple(float(x) for x in t) for t in trials), ci="Wald")


def test_without_an_effect_z_enters_the_wedge_of_futility_and_says_so() -> None:
    named = {"power": 0.9, "control_risk": 0.2, "relative_risk_reduction": 0.25}
    result = many(8, 0.2, 0.2, seed=0)
    found = sequential_analysis(result, futility=True, **named)
    assert found.looks[-1].futile and "wedge of futility" in found.conclusion
    plain = sequential_analysis(result, **named)
    assert [x.boundary for x in plain.looks] == [x.boundary for x in found.looks], "the wedge is not binding"
    assert all(x.futility is None for x in plain.looks) and "neither crossed" in plain.conclusion
    assert found.power_of_looks < plain.power_of_looks < 0.9
    # what the next look has to exceed if it is the last
    assert found.last_boundary == obrien_fleming_bounds([*(x.fraction for x in found.looks), 1.0])[-1]


def test_a_boundary_once_crossed_stays_crossed_beyond_the_required_information() -> None:
    found = sequential_analysis(many(14, 0.12, 0.2), power=0.9, control_risk=0.2, relative_risk_reduction=0.25)
    first = next(x for x in found.looks if x.crossed)
    assert found.looks[-1].boundary is None and found.last_boundary is None
    assert found.conclusion.startswith(f"the boundary was crossed after {first.study}")


def test_one_study_or_unknown_sizes_are_refused() -> None:
    with pytest.raises(NotEstimable):
        sequential_analysis(fit(TRIALS[:1]), power=0.9, control_risk=0.2, relative_risk_reduction=0.3)
    with pytest.raises(NotEstimable):
        iterated_logarithm(fit(TRIALS[:1]))


def test_the_penalised_z_divides_by_the_iterated_logarithm_of_the_information() -> None:
    result = fit(tau2="DL")
    found = iterated_logarithm(result)
    assert (found.factor, found.limit) == (2.0, pytest.approx(1.959964))
    last = found.looks[-1]
    assert result.random_wald is not None
    assert last.information == pytest.approx(1 / result.random_wald.se**2)
    assert last.z == pytest.approx(result.random_wald.statistic)
    assert last.penalised == pytest.approx(last.z / np.sqrt(2 * np.log(np.log(last.information))))
    assert abs(last.penalised or 9) < abs(last.z)
    # the first study has so little information that dividing would enlarge its Z
    assert found.looks[0].penalised is None and 2 * np.log(np.log(found.looks[0].information)) < 1
    assert iterated_logarithm(fit(measure="RD")).factor == 1.5
    assert iterated_logarithm(result, factor=8.0).looks[-1].penalised == pytest.approx((last.penalised or 0) / 2)


def test_information_on_means_is_counted_in_standard_deviations() -> None:
    table = arm_table(["A", "A", "B", "B"], ["x", "y"] * 2, n=[50] * 4, mean=[9, 1, 8, 2], sd=[10.0, 10.0, 10.0, 10.0])
    result = pairwise(table, measure="MD", reference="y", ci="Wald")
    assert iterated_logarithm(result, sd=10).looks[-1].information == pytest.approx(50)
    with pytest.raises(InputError, match="needs a unit"):
        iterated_logarithm(result)
    with pytest.raises(InputError, match="No factor lambda"):
        iterated_logarithm(pairwise(table, measure="ROM", reference="y"))


def penalised_errors(tau2: float, n: int, k: int = 25, runs: int = 4000) -> tuple[float, float]:
    """Share of simulated reviews without an effect that are ever beyond the limit: penalised, and plain."""
    rng = np.random.default_rng(5)
    v = 2 / n
    y = rng.normal(0, np.sqrt(v + tau2), size=(runs, k))
    penalised, plain = np.zeros(runs, dtype=bool), np.zeros(runs, dtype=bool)
    for j in range(2, k + 1):
        mean = y[:, :j].mean(axis=1)
        q = ((y[:, :j] - mean[:, None]) ** 2).sum(axis=1) / v
        spread = v + np.maximum(0, (q - (j - 1)) * v / (j - 1))  # DerSimonian and Laird with equal variances
        information = j / spread
        z = mean * np.sqrt(information)
        penalty = 2 * np.log(np.log(np.maximum(information, np.e * 1.001)))
        plain |= np.abs(z) > 1.96
        penalised |= (penalty > 1) & (np.abs(z) > 1.96 * np.sqrt(penalty))
    return float(penalised.mean()), float(plain.mean())


def test_simulated_reviews_keep_the_error_without_much_heterogeneity_and_not_with_a_lot() -> None:
    # docs/methods/monitoring.md states these
    ours, plain = penalised_errors(0.0, 50)
    assert ours < 0.02 and plain > 0.15
    ours, plain = penalised_errors(0.05, 50)
    assert ours < 0.06 and plain > 0.3
    ours, _ = penalised_errors(0.2, 200)
    assert 0.1 < ours < 0.3


def crosses(trials: list[list[float]]) -> bool:
    random = fit(tuple(tuple(t) for t in trials)).random
    return random is not None and (random.ci_low > 0 or random.ci_high < 0)


def test_fragility_is_the_fewest_changes_found_by_trying_all() -> None:
    result = fit()
    found = fragility_index(result)
    assert found.significant and len(found.steps) == found.index
    start = [list(t) for t in TRIALS]
    assert crosses(start)
    # no way to change one or two patients fewer than that does it
    moves = [(row, side, by) for row in range(4) for side in (0, 2) for by in (1, -1)]
    for fewer in range(1, min(found.index, 3)):
        for chosen in itertools.combinations_with_replacement(moves, fewer):
            tried = [t.copy() for t in start]
            for row, side, by in chosen:
                tried[row][side] += by
            if all(0 <= t[s] <= t[s + 1] for t in tried for s in (0, 2)):
                assert crosses(tried), chosen
    last = [t.copy() for t in start]
    for step in found.steps:
        last[int(step.study[1:])][0 if step.arm == "drug" else 2] += 1 if step.to == "event" else -1
    assert not crosses(last)


def test_fragility_of_a_result_that_is_not_significant_makes_it_so() -> None:
    weak = ((9, 60, 12, 61), (17, 110, 21, 108), (5, 45, 6, 44))
    found = fragility_index(fit(weak))
    assert (found.significant, found.index > 3) == (False, True)
    assert found.steps[-1].ci_high < 0
    with pytest.raises(InputError, match="needs counts"):
        table = arm_table(["A", "A"], ["x", "y"], n=[9, 9], mean=[1, 2], sd=[1, 1])
        fragility_index(pairwise(table, measure="MD", reference="y"))


def test_the_trigger_is_what_simulated_new_studies_do() -> None:
    result = fit(((9, 60, 12, 61), (9, 110, 15, 108), (3, 45, 6, 44), (14, 150, 19, 148)), measure="OR", ci="Wald")
    found = would_matter(result, 300, control_risk=0.13)
    assert result.random is not None and result.tau2 is not None
    rng = np.random.default_rng(11)
    spread = np.sqrt(result.random_wald.se**2 + result.tau2.value + found.se_new**2)  # type: ignore[union-attr]
    from toolkit.engine.effects import effects_from_estimates

    rows = [r for r in result.studies if r.y is not None]
    moved, widths = 0, []
    names, known, errors = [r.study for r in rows], [r.y for r in rows], [r.se for r in rows]
    for new in rng.normal(result.random.estimate, spread, size=400):
        more = effects_from_estimates([*names, "new"], [*known, new], se=[*errors, found.se_new])
        again = pairwise(more, ci="Wald").random
        moved += (again.ci_high < 0) != (result.random.ci_high < 0) or (again.ci_low > 0) != (result.random.ci_low > 0)
        widths.append(again.ci_high - again.ci_low)
    assert found.changes == pytest.approx(moved / 400, abs=0.07)
    assert found.width_ratio == pytest.approx(
        np.mean(widths) / (result.random.ci_high - result.random.ci_low), rel=0.03
    )


def test_more_new_patients_narrow_the_interval_more() -> None:
    result = fit(measure="RD", ci="Wald")
    ratios = [would_matter(result, n).width_ratio for n in (20, 200, 2000)]
    assert ratios == sorted(ratios, reverse=True)
    with pytest.raises(InputError):
        would_matter(result, 2)


def test_a_mark_that_the_interval_is_near_is_crossed_more_often_than_one_far_off() -> None:
    result = fit(measure="RR", ci="Wald")
    assert result.random is not None
    near, far = (would_matter(result, 300, marks=[x]).changes for x in (result.random.ci_high - 0.01, 5.0))
    assert near > far >= would_matter(result, 300).changes


def test_several_new_studies_are_what_simulated_ones_do() -> None:
    from toolkit.engine.effects import effects_from_estimates

    result = fit(((9, 60, 12, 61), (9, 110, 15, 108), (3, 45, 6, 44), (14, 150, 19, 148)), measure="OR", ci="Wald")
    found = would_matter(result, 900, control_risk=0.13, studies=3)
    one = would_matter(result, 300, control_risk=0.13)
    assert found.studies == 3 and found.se_new == one.se_new, "each of them is a study of 300"
    assert result.random is not None and result.random_wald is not None and result.tau2 is not None
    rng = np.random.default_rng(12)
    rows = [r for r in result.studies if r.y is not None]
    names, known, errors = [r.study for r in rows], [r.y for r in rows], [r.se for r in rows]
    own = np.sqrt(result.tau2.value + found.se_new**2)
    moved, widths = 0, []
    for _ in range(300):
        new = rng.normal(result.random.estimate, result.random_wald.se) + rng.normal(0, own, size=3)
        more = effects_from_estimates([*names, "a", "b", "c"], [*known, *new], se=[*errors, *[found.se_new] * 3])
        again = pairwise(more, ci="Wald").random
        assert again is not None
        moved += (again.ci_high < 0) != (result.random.ci_high < 0) or (again.ci_low > 0) != (result.random.ci_low > 0)
        widths.append(again.ci_high - again.ci_low)
    assert found.changes == pytest.approx(moved / 300, abs=0.08)
    now = result.random.ci_high - result.random.ci_low
    assert found.width_ratio == pytest.approx(np.mean(widths) / now, rel=0.04)
    with pytest.raises(InputError):
        would_matter(result, 10, studies=4)
