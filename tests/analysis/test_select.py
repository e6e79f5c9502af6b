"""Which arms enter an analysis, which do not, and what is said of each."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.analysis.builders import ANALYSIS, OUTCOME, facts, included, pair, review, row
from toolkit.analysis.select import SelectedArm, Selection, combine_arms, select_arms
from toolkit.config import Analysis, Outcome
from toolkit.model.errors import InputError
from toolkit.model.evidence import ArmResult
from toolkit.model.review import Standing


def select(rows: list[ArmResult], *, config=None, studies=None, standings=None) -> Selection:  # type: ignore[no-untyped-def]
    config = config or review()
    names = {r.study for r in rows}
    return select_arms(
        config, config.analyses[0], rows, studies or {}, standings if standings is not None else included(*names)
    )


def reasons(found: Selection) -> dict[str, str]:
    return {x.study if x.arm is None else f"{x.study}/{x.arm}": x.reason for x in found.left_out}


def variant(**changes: object):  # type: ignore[no-untyped-def]
    return review(analysis=ANALYSIS.model_copy(update=changes))


def test_a_study_that_compares_the_two_treatments_enters_with_both_arms() -> None:
    found = select(pair("A"))
    assert [(a.study, a.treatment, a.n, a.events) for a in found.arms] == [("A", "C", 20, 5), ("A", "D", 20, 5)]
    assert (found.left_out, found.studies) == ((), ("A",))


@pytest.mark.parametrize("label", ["tha", "THA_Conversion", "Conversion"])
def test_rows_belong_to_an_outcome_by_id_name_or_label_in_any_case(label: str) -> None:
    assert select(pair("A", outcome=label)).studies == ("A",)
    assert select(pair("A", outcome="collapse")) == Selection(arms=(), left_out=(), flags=())


def test_a_study_without_a_report_or_without_inclusion_stays_out() -> None:
    waits = Standing(study="B", status="awaiting_classification", reason=None, reports=("r",), included_reports=())
    found = select([*pair("A"), *pair("B")], standings={"B": waits})
    assert found.arms == ()
    assert reasons(found) == {
        "A": "no report of it is linked to the review",
        "B": "its standing in the review is awaiting classification",
    }


def test_exclusion_restriction_and_design_keep_a_study_out_with_their_reason() -> None:
    rows = [*pair("A"), *pair("B"), *pair("C"), *pair("D"), *pair("E")]
    config = variant(exclude={"A": "paired hips"}, studies=("A", "B", "C", "D"), designs=("RCT",))
    known = {"B": facts("B", design="rct"), "C": facts("C", design="cohort"), "D": facts("D")}
    found = select(rows, config=config, studies=known)
    assert found.studies == ("B",)
    assert reasons(found) == {
        "A": "paired hips",
        "C": "design cohort; this analysis takes RCT",
        "D": "its design is not reported",
        "E": "not among the studies this analysis is restricted to",
    }


def test_missing_numbers_leave_an_arm_out_and_zero_events_do_not() -> None:
    rows = [row("A", "1", "C", events=None), row("A", "2", "D"), *pair("B", events=0), row("E", "1", "C", n=None)]
    found = select(rows)
    assert found.studies == ("B",)
    assert reasons(found)["A/1"] == "events not reported"
    assert reasons(found)["E/1"] == "n not reported"


def test_a_cell_on_which_extractors_differ_is_named() -> None:
    rows = [row("A", "1", "C", events=None, conflicts=("events",)), row("A", "2", "D")]
    assert reasons(select(rows)) == {"A/1": "the extractors differ on events"}


def test_a_treatment_without_a_label_or_a_node_is_told() -> None:
    nodes = [{"id": "C", "labels": ("cells",)}, {"id": "D"}]
    rows = [row("A", "1", "Cells"), row("A", "2", "D"), row("B", "1", None), row("B", "2", "D"), row("E", "1", "rod")]
    found = select(rows, config=review(treatments=nodes))
    assert [(a.study, a.treatment) for a in found.arms] == [("A", "C"), ("A", "D")]
    assert reasons(found)["B/1"] == "its treatment is not filled in"
    assert reasons(found)["E/1"] == "treatment 'rod' belongs to no node of this review"


def test_an_arm_of_a_treatment_not_asked_about_is_no_loss_but_a_study_without_the_comparison_is() -> None:
    rows = [*pair("A"), row("A", "3", "G"), row("B", "1", "G"), row("B", "2", "D")]
    assert reasons(select(rows)) == {"B": "does not compare C with D"}


def test_a_study_with_one_arm_of_data_says_so() -> None:
    assert reasons(select([row("A", "1", "C")])) == {"A": "only one arm with data (C)"}


def timed(*months: float | None) -> list[ArmResult]:
    return [replace(r, months=m, events=1 + i) for i, m in enumerate(months) for r in pair("A")]


@pytest.mark.parametrize(
    ("rule", "events"),
    [("latest", 3), ("earliest", 1), ("closest:24", 2), ("closest:30", 2), ("closest:200", 3)],
)
def test_the_rule_of_the_outcome_picks_one_row_an_arm(rule: str, events: int) -> None:
    config = review(outcome=OUTCOME.model_copy(update={"rule": rule}))
    assert {a.events for a in select(timed(12, 24, 60), config=config).arms} == {events}


def test_rule_only_refuses_several_rows_and_names_study_and_months() -> None:
    config = review(outcome=OUTCOME.model_copy(update={"rule": "only"}))
    assert len(select(timed(12), config=config).arms) == 2
    with pytest.raises(InputError, match=r"study A, arm 1: several rows.*12, 60"):
        select(timed(12, 60), config=config)


def test_the_time_window_shuts_rows_out_but_not_unknown_times() -> None:
    window = review(outcome=OUTCOME.model_copy(update={"months_min": 20.0, "months_max": 40.0}))
    assert {a.months for a in select(timed(12, 24, 60), config=window).arms} == {24.0}
    assert {a.months for a in select(timed(None), config=window).arms} == {None}
    found = select(timed(6, 60), config=window)
    assert reasons(found)["A/1"] == "measured at 6, 60 months, outside the window of 20 to 40 months"


def test_several_undated_rows_cannot_be_told_apart() -> None:
    assert reasons(select(timed(None, None)))["A/1"] == "several rows without a time point"


def test_lumping_reads_one_treatment_as_another() -> None:
    rows = [row("A", "1", "C"), row("A", "2", "G")]
    assert select(rows).arms == ()
    assert [a.treatment for a in select(rows, config=variant(lump={"G": "D"})).arms] == ["C", "D"]


def test_two_arms_of_one_node_are_added_up_and_flagged() -> None:
    rows = [*pair("A"), row("A", "3", "C", n=10, events=1)]
    found = select(rows)
    assert [(a.n, a.events, a.arms) for a in found.arms] == [(30, 6, ("1", "3")), (20, 5, ("2",))]
    assert [(f.code, f.text) for f in found.flags] == [("arms-combined", "arms combined: 1 + 3")]


def arm(n: int | None, mean: float | None, sd: float | None) -> SelectedArm:
    return SelectedArm(
        study="A", treatment="C", n=n, events=None, mean=mean, sd=sd, time=None, months=12, unit="hips",
        status=None, arms=("1",),
    )  # fmt: skip


@given(st.lists(st.lists(st.floats(-50, 50), min_size=2, max_size=12), min_size=2, max_size=5))
def test_combined_arms_have_the_mean_and_sd_of_all_their_patients(groups: list[list[float]]) -> None:
    # Cochrane Handbook 6.5, 6.5.2.10: the formula is exact, so the raw data of all groups give the same two numbers.
    parts = [arm(len(g), float(np.mean(g)), float(np.std(g, ddof=1))) for g in groups]
    together = np.concatenate([np.asarray(g) for g in groups])
    found = combine_arms(parts)
    assert found.n == together.size
    assert found.mean == pytest.approx(together.mean(), abs=1e-9)
    assert found.sd == pytest.approx(together.std(ddof=1), abs=1e-6)


def test_a_part_without_a_number_leaves_the_combined_arm_without_it() -> None:
    found = combine_arms([arm(10, 5.0, 1.0), arm(12, 4.0, None)])
    assert (found.n, found.mean, found.sd) == (22, None, None)


def test_two_studies_of_the_same_patients_are_refused_with_the_way_out() -> None:
    known = {"Ma2014": facts("Ma2014", cohort="Ma"), "Li2020": facts("Li2020", cohort="Ma")}
    rows = [*pair("Ma2014"), *pair("Li2020")]
    with pytest.raises(InputError, match="Li2020 and Ma2014 report the same patients") as caught:
        select(rows, studies=known)
    assert 'exclude = { Li2020 = "same patients as Ma2014" }' in str(caught.value)
    assert select(rows, studies=known, config=variant(exclude={"Li2020": "as Ma2014"})).studies == ("Ma2014",)


def test_flags_name_what_a_reader_must_know() -> None:
    rows = [
        *pair("A"),
        row("B", "1", "C", status="derived_from_percent"), row("B", "2", "D"),
        row("E", "1", "C", months=77.0), row("E", "2", "D", months=48.0),
        *pair("F", months=None), *pair("G", unit="patients"),
    ]  # fmt: skip
    found = select(rows, studies={"A": facts("A", paired="yes")})
    assert {(f.study, f.code): f.text for f in found.flags} == {
        ("A", "paired-units"): "units of one patient sit in both arms; analysed as if they were independent",
        ("B", "value-status"): "events derived from a percentage",
        ("E", "follow-up-differs"): "arms followed for 77 / 48 months",
        ("F", "follow-up-unknown"): "length of follow-up not reported",
        ("G", "unit"): "counts patients where most studies count hips",
    }


def of_means(study: str, **facts: object) -> list[ArmResult]:
    return [row(study, "1", "C", mean=3.0, sd=2.0, **facts), row(study, "2", "D", mean=4.0, sd=2.0, **facts)]


def measured(measure: str, **options: object):  # type: ignore[no-untyped-def]
    outcome = Outcome(id="tha", name="pain", type="continuous", rule="latest")
    own = {"id": "main", "kind": "pairwise", "outcome": "tha", "treatment": "C", "reference": "D", "measure": measure}
    return review(outcome=outcome, analysis=Analysis.model_validate(own | options))


@pytest.mark.parametrize("measure", ["SMD", "SMD1", "SMDH", "SMD_RM"])
def test_change_and_final_scores_in_one_standardised_difference_are_refused_unasked(measure: str) -> None:
    rows = [*of_means("A", score="change"), *of_means("B", score="final"), *of_means("D")]
    with pytest.raises(InputError, match=r"change scores \(A\) and final scores \(B\) are not mixed"):
        select(rows, config=measured(measure))
    assert select(rows, config=measured("MD")).studies == ("A", "B", "D")
    found = select([*of_means("A", score="change"), *of_means("D")], config=measured(measure))
    assert [(f.study, f.code) for f in found.flags] == [("D", "score-unknown")]


def test_a_scale_that_runs_against_the_others_is_named_until_it_is_turned() -> None:
    rows = [*of_means("A", reversed=True), *of_means("B")]
    assert ("A", "not-redirected") in {(f.study, f.code) for f in select(rows, config=measured("SMD")).flags}
    turned = select(rows, config=measured("SMD", redirect="reversed"))
    alike = select(of_means("A", reversed=True), config=measured("SMD"))
    assert not turned.flags and not alike.flags


def test_pairs_that_an_analysis_allows_for_are_not_called_independent() -> None:
    config = review(analysis=Analysis.model_validate(
        {"id": "main", "kind": "pairwise", "outcome": "tha", "treatment": "C", "reference": "D", "measure": "OR",
         "pairs": "paired", "pair_r": [0.3]}
    ))  # fmt: skip
    assert not select(pair("A"), studies={"A": facts("A", paired="yes")}, config=config).flags


def test_a_difference_beyond_three_standard_deviations_suggests_standard_errors() -> None:
    outcome = Outcome(id="tha", name="pain", type="continuous", rule="latest")
    config = review(outcome=outcome, analysis=ANALYSIS.model_copy(update={"measure": "MD"}))
    rows = [row("A", "1", "C", mean=10.0, sd=2.0), row("A", "2", "D", mean=17.0, sd=2.0)]
    assert [f.code for f in select(rows, config=config).flags] == ["sd-or-se"]
    assert select([replace(r, sd=3.0) for r in rows], config=config).flags == ()


@pytest.mark.parametrize("kind", ["binary", "continuous", "rate"])
def test_each_type_of_outcome_needs_its_own_numbers(kind: str) -> None:
    measure = {"binary": "OR", "continuous": "MD", "rate": "IRR"}[kind]
    outcome = Outcome(id="tha", name="x", type=kind, rule="latest")  # type: ignore[arg-type]
    config = review(outcome=outcome, analysis=ANALYSIS.model_copy(update={"measure": measure}))
    full = {"binary": {}, "continuous": {"mean": 1.0, "sd": 2.0}, "rate": {"time": 9.0}}[kind]
    assert select(pair("A", **full), config=config).studies == ("A",)
    if full:
        assert select(pair("A"), config=config).arms == ()
