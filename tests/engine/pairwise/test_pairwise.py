"""Known answers, small studies, and what cannot be estimated."""

from __future__ import annotations

import csv
import json
from math import exp, inf
from pathlib import Path

import numpy as np
import pytest

from toolkit.engine.data import ArmTable
from toolkit.engine.effects import arm_table, compute_effects, effects_from_contrasts, effects_from_estimates
from toolkit.engine.pairwise import pairwise
from toolkit.engine.results import Estimate
from toolkit.engine.tabulate import result_to_dict
from toolkit.model.errors import InputError
from toolkit.model.spec import PairwiseSpec, ZeroCells

# Conversion to total hip arthroplasty, core decompression with cells against without: hips or patients with the event
# and analysed, as the primary reports give them (data/onfh/arms.csv).
THA = {
    "HauzeurStage3": (15, 23, 15, 23),
    "Hernigou2018": (30, 125, 95, 125),
    "Kang2018": (15, 53, 26, 53),
    "Nally2018": (8, 16, 21, 47),
    "Boontanapibul2021": (14, 50, 19, 33),
    "Pilge2016": (2, 10, 4, 10),
    "Jayankura2023": (6, 25, 4, 29),
    "TasciBMAC": (2, 28, 4, 14),
}


def two_arms(rows: dict[str, tuple[float, float, float, float]]) -> ArmTable:
    names = [name for name in rows for _ in range(2)]
    events = [value for e1, _, e2, _ in rows.values() for value in (e1, e2)]
    n = [value for _, n1, _, n2 in rows.values() for value in (n1, n2)]
    return arm_table(names, ["CD+cells", "CD"] * len(rows), events=events, n=n)


def shown(estimate: Estimate | None) -> tuple[float, float, float]:
    assert estimate is not None
    a, b, c = (round(exp(x), 3) for x in (estimate.estimate, estimate.ci_low, estimate.ci_high))
    return a, b, c


def test_conversion_to_hip_arthroplasty_eight_studies_have_the_known_answers() -> None:
    arms = two_arms(THA)
    dl = pairwise(arms, measure="OR", reference="CD", tau2="DL", ci="Wald")
    assert shown(dl.common) == (0.299, 0.211, 0.424)
    assert shown(dl.random) == (0.445, 0.198, 1.002)
    assert dl.tau2 is not None and round(dl.tau2.value, 3) == 0.982
    assert dl.heterogeneity is not None
    assert (round(100 * dl.heterogeneity.i2_q, 1), round(dl.heterogeneity.q, 2), dl.heterogeneity.df) == (
        77.7,
        31.42,
        7,
    )
    assert dl.mantel_haenszel is not None and round(exp(dl.mantel_haenszel.estimate), 3) == 0.303
    reml = pairwise(arms, measure="OR", reference="CD", ci="HK")
    assert shown(reml.random) == (0.441, 0.186, 1.045)
    assert shown(reml.random_wald) == (0.441, 0.208, 0.935)


def test_conversion_to_hip_arthroplasty_without_the_largest_study_and_by_design() -> None:
    without = pairwise(
        two_arms({k: v for k, v in THA.items() if k != "Hernigou2018"}),
        measure="OR",
        reference="CD",
        tau2="DL",
        ci="Wald",
    )
    # The upper bound is 0.86350: 0.864 with a quantile of 1.96, 0.863 with the exact one.
    assert shown(without.common) == pytest.approx((0.557, 0.360, 0.8635), abs=0.00051)
    assert shown(without.random) == (0.587, 0.325, 1.062)
    assert without.heterogeneity is not None
    assert (round(without.heterogeneity.q, 2), without.heterogeneity.df) == (9.89, 6)
    randomised = {"HauzeurStage3", "Hernigou2018", "Jayankura2023"}
    five = pairwise(
        two_arms({k: v for k, v in THA.items() if k not in randomised}), measure="OR", reference="CD", ci="HK"
    )
    assert shown(five.random) == (0.432, 0.192, 0.972)
    two = pairwise(two_arms({k: THA[k] for k in ("HauzeurStage3", "Jayankura2023")}), measure="OR", reference="CD")
    assert shown(two.random) == pytest.approx((1.339, 0.5355, 3.349), abs=0.00051)  # 0.53549: the same


def test_the_counts_of_the_known_answer_are_those_of_the_data(shared: Path) -> None:
    found: dict[str, dict[str, tuple[float, float]]] = {}
    with (shared / "data" / "onfh" / "arms.csv").open(encoding="utf-8", newline="") as stream:
        for row in csv.DictReader(stream):
            if row["outcome"] == "tha_conversion" and row["events"]:
                found.setdefault(row["study_id"], {})[row["treatment"]] = (float(row["events"]), float(row["n"]))
    for study, (e1, n1, e2, n2) in THA.items():
        assert found[study]["CD+SC NR"] == (e1, n1) and found[study]["CD"] == (e2, n2)


def test_no_study_gives_no_estimate_and_says_so() -> None:
    result = pairwise(two_arms({"A": (0, 10, 0, 12)}), measure="OR", reference="CD")
    assert result.k == 0 and result.common is None and result.random is None and result.prediction is None
    assert {"mh_not_estimable", "no_study"} <= {w.code for w in result.warnings}
    assert result.studies[0].excluded is not None and "no events" in result.studies[0].excluded


def test_one_study_is_its_own_estimate() -> None:
    result = pairwise(two_arms({"A": (2, 10, 5, 12)}), measure="OR", reference="CD")
    assert result.k == 1 and result.common is not None
    assert result.common.estimate == pytest.approx(np.log(2 * 7 / (8 * 5)))
    assert result.random is None and result.tau2 is None and result.heterogeneity is None
    assert "one_study" in {w.code for w in result.warnings}


def test_two_studies_get_walds_interval_and_a_warning_unless_another_is_asked_for() -> None:
    arms = two_arms({"A": (2, 10, 5, 12), "B": (8, 20, 5, 22)})
    result = pairwise(arms, measure="OR", reference="CD")
    assert result.spec.ci == "Wald" and result.prediction is None
    assert {"two_studies", "no_prediction"} <= {w.code for w in result.warnings}
    assert pairwise(arms, measure="OR", reference="CD", ci="HK").random.df == 1  # type: ignore[union-attr]


def test_the_resolved_spec_leaves_nothing_open() -> None:
    result = pairwise(two_arms(THA), PairwiseSpec(measure="OR", reference="CD"))
    assert result.spec == PairwiseSpec(
        measure="OR", treatment="CD+cells", reference="CD", tau2="REML", ci="HK_adhoc", prediction="t_k1", level=0.95
    )


def test_identical_studies_have_no_heterogeneity_and_finite_intervals() -> None:
    effects = effects_from_estimates(list("ABCD"), [0.3] * 4, v=[0.04] * 4)
    for tau2 in ("REML", "ML", "DL", "DL2", "PM", "EB", "HE", "HS", "SJ"):
        for ci in ("Wald", "t", "HK", "HK_adhoc"):
            result = pairwise(effects, tau2=tau2, ci=ci)
            assert result.tau2 is not None and result.tau2.value == 0
            assert result.random is not None and np.isfinite([result.random.ci_low, result.random.ci_high]).all()
    plain = pairwise(effects, ci="HK")
    assert plain.random is not None and plain.random.se == 0 and plain.random.statistic == inf
    assert result_to_dict(plain)["random"]["statistic"] is None
    assert "hk_narrow" in {w.code for w in plain.warnings}


def test_double_zero_studies_are_left_out_of_ratios_with_a_reason_and_kept_for_the_difference() -> None:
    arms = two_arms({"A": (0, 10, 0, 12), "B": (1, 20, 5, 22), "C": (3, 20, 5, 22)})
    for measure in ("OR", "RR"):
        result = pairwise(arms, measure=measure, reference="CD")
        assert result.k == 2 and [row.study for row in result.excluded] == ["A"]
    assert pairwise(arms, measure="RD", reference="CD").k == 3
    kept = pairwise(arms, measure="OR", reference="CD", zero_cells=ZeroCells(drop_double_zero=False))
    assert kept.k == 3 and [c.study for c in kept.corrections] == ["A"]


def test_events_in_everybody_are_left_out_or_corrected() -> None:
    arms = two_arms({"A": (10, 10, 12, 12), "B": (20, 20, 15, 22), "C": (3, 20, 5, 22)})
    result = pairwise(arms, measure="OR", reference="CD")
    assert result.k == 2 and [c.study for c in result.corrections] == ["B"]
    assert "everybody" in result.excluded[0].reason


def test_mantel_haenszel_is_not_estimable_when_events_are_all_on_one_side() -> None:
    result = pairwise(two_arms({"A": (0, 10, 2, 12), "B": (0, 20, 5, 22)}), measure="OR", reference="CD")
    assert result.mantel_haenszel is None
    assert "mh_not_estimable" in {w.code for w in result.warnings}


def test_only_the_contrast_of_the_two_treatments_enters_from_a_study_of_three_arms() -> None:
    arms = arm_table(
        ["A", "A", "A", "B", "B"],
        ["x", "y", "z", "x", "z"],
        events=[3, 0, 9, 4, 8],
        n=[20, 20, 20, 30, 30],
    )
    pair = pairwise(arms, measure="OR", treatment="x", reference="z")
    assert pair.k == 2 and pair.corrections == ()  # the zero cell is in the arm that does not enter
    assert pair.common is not None
    two = arm_table(["A", "A", "B", "B"], ["x", "z"] * 2, events=[3, 9, 4, 8], n=[20, 20, 30, 30])
    assert pair.common.estimate == pytest.approx(pairwise(two, measure="OR", reference="z").common.estimate)  # type: ignore[union-attr]


def test_a_multi_arm_study_given_as_pairs_gives_each_of_its_contrasts() -> None:
    effects = effects_from_contrasts(
        ["A"] * 3, ["x", "x", "y"], ["y", "z", "z"], [0.2, 0.5, 0.3], [0.2, 0.25, 0.22], "OR"
    )
    for t1, t2, te, se in (("x", "y", 0.2, 0.2), ("x", "z", 0.5, 0.25), ("y", "z", 0.3, 0.22), ("z", "x", -0.5, 0.25)):
        common = pairwise(effects, treatment=t1, reference=t2).common
        assert common is not None
        assert (common.estimate, common.se) == (pytest.approx(te), pytest.approx(se))


def test_which_treatment_is_the_reference_must_be_said() -> None:
    with pytest.raises(InputError, match="Which treatment is the reference"):
        pairwise(two_arms(THA), measure="OR")
    with pytest.raises(InputError, match="no reference of that name"):
        pairwise(two_arms(THA), measure="OR", reference="cells")
    three = arm_table(["A", "A", "B", "B"], ["x", "z", "y", "z"], events=[3, 9, 4, 8], n=[20, 20, 30, 30])
    with pytest.raises(InputError, match="compared with 2 treatments"):
        pairwise(three, measure="OR", reference="z")


def test_unknown_choices_are_refused_with_the_known_ones() -> None:
    arms = two_arms(THA)
    for option in ({"tau2": "XX"}, {"ci": "XX"}, {"prediction": "XX"}, {"measure": "XX"}, {"level": 95}, {"tau": "DL"}):
        with pytest.raises(InputError):
            pairwise(arms, **{"measure": "OR", "reference": "CD", **option})


def test_plain_results_hold_no_nan_and_both_scales() -> None:
    found = result_to_dict(pairwise(two_arms(THA), measure="OR", reference="CD"))
    assert json.loads(json.dumps(found, allow_nan=False)) == found
    assert found["random"]["estimate"] == pytest.approx(exp(found["random"]["model"]["estimate"]))
    assert found["spec"]["ci"] == "HK_adhoc" and found["engine_version"] == "1"


def test_effects_and_arms_give_the_same_result() -> None:
    arms = two_arms(THA)
    effects = compute_effects(arms, "OR", reference="CD")
    a = pairwise(arms, measure="OR", reference="CD")
    b = pairwise(effects, reference="CD")
    assert result_to_dict(a) == result_to_dict(b)
