"""Synthesis without meta-analysis: sign test, intervals, Fisher's combination, contours, tables."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from toolkit.engine.directions import (
    Finding,
    count_directions,
    findings_of,
    sign_test,
    size_at,
    study_directions,
    wilson,
)
from toolkit.engine.directions_table import read_findings
from toolkit.engine.effects import arm_table, compute_effects
from toolkit.engine.pairwise import pairwise
from toolkit.model.errors import InputError, NotEstimable


def found(direction: int, p: float | None = None, study: str = "A", outcome: str = "pain") -> Finding:
    return Finding(study=study, outcome=outcome, direction=direction, p=p, n=100)


@given(st.integers(0, 40), st.integers(0, 40))
def test_sign_test_is_the_exact_binomial_test(up: int, down: int) -> None:
    expected = stats.binomtest(up, up + down).pvalue if up + down else 1.0
    assert sign_test(up, down) == pytest.approx(expected, rel=1e-9)


@given(st.integers(1, 60), st.integers(0, 60), st.sampled_from([0.8, 0.95, 0.99]))
def test_wilson_is_the_score_interval(n: int, events: int, level: float) -> None:
    events = min(events, n)
    expected = stats.binomtest(events, n).proportion_ci(level, method="wilson")
    assert wilson(events, n, level) == (
        pytest.approx(expected.low, abs=1e-12),
        pytest.approx(expected.high, abs=1e-12),
    )


def test_p_values_are_combined_by_fisher_on_the_side_of_their_direction() -> None:
    findings = [found(1, 0.04, "A"), found(1, 0.3, "B"), found(-1, 0.5, "C"), found(0, 0.9, "D")]
    one = count_directions(findings)[0]
    sides = np.array([0.02, 0.15, 0.75, 0.5])
    assert (one.up, one.down, one.neither, one.combined) == (2, 1, 1, 4)
    expected = stats.combine_pvalues(sides, method="fisher")
    assert one.chi2 == pytest.approx(expected.statistic)
    assert one.p_up == pytest.approx(expected.pvalue)
    assert one.p_down == pytest.approx(stats.combine_pvalues(1 - sides, method="fisher").pvalue)


def test_a_study_has_the_direction_of_seventy_percent_of_its_results() -> None:
    seven = [found(1, study="A") for _ in range(7)] + [found(-1, study="A") for _ in range(3)]
    two = [found(1, study="B"), found(-1, study="B")]
    directions = {one.study: one for one in study_directions([*seven, *two])}
    assert (directions["A"].direction, directions["A"].results) == (1, 10)
    assert directions["B"].direction == 0
    assert count_directions([*seven, *two])[0].combined == 0


def test_several_p_values_of_one_study_are_not_combined() -> None:
    findings = [found(1, 0.01, "A"), found(1, 0.02, "A"), found(1, 0.2, "B"), found(1, 0.3, "C")]
    assert count_directions(findings)[0].combined == 2


def test_a_study_of_the_size_of_a_contour_has_its_p_value() -> None:
    """The study is computed from its arms, the contour from the effect alone."""
    p = 0.013
    n = float(size_at(np.log(2.0), np.array([p]), "OR", risk=0.2)[0]) / 2
    treated = 0.2 / 0.8 * 2 / (1 + 0.2 / 0.8 * 2)
    arms = arm_table(["A", "A"], ["x", "y"], events=[n * treated, n * 0.2], n=[n, n])
    study = findings_of(pairwise(compute_effects(arms, "OR", reference="y")))[0]
    assert study.p == pytest.approx(p, rel=1e-6)
    n = float(size_at(0.4, np.array([p]), "SMD", ratio=2.0)[0])
    z = 0.4 / np.sqrt(3 / (2 * n) + 3 / n + 0.4**2 / (2 * n))
    assert 2 * stats.norm.sf(z) == pytest.approx(p, rel=1e-9)


@pytest.mark.parametrize("measure", ["RR", "RD"])
def test_contours_of_risks_follow_the_variance_of_their_measure(measure: str) -> None:
    p, risk, effect = 0.2, 0.3, {"RR": np.log(1.4), "RD": 0.1}[measure]
    n = float(size_at(effect, np.array([p]), measure, ratio=0.5, risk=risk)[0])
    n1, n2 = n / 3, 2 * n / 3
    other = risk * np.exp(effect) if measure == "RR" else risk + effect
    arms = arm_table(["A", "A"], ["x", "y"], events=[n1 * other, n2 * risk], n=[n1, n2])
    study = findings_of(pairwise(compute_effects(arms, measure, reference="y")))[0]
    assert study.p == pytest.approx(p, rel=1e-6)


def test_impossible_contours_and_empty_input_are_refused() -> None:
    with pytest.raises(InputError, match="impossible at this risk"):
        size_at(np.log(3), np.array([0.05]), "RR", risk=0.5)
    with pytest.raises(InputError, match="risk of the reference"):
        size_at(np.log(3), np.array([0.05]), "OR")
    with pytest.raises(NotEstimable):
        count_directions([])


def test_words_and_signs_of_a_table_are_directions(tmp_path: Path) -> None:
    path = tmp_path / "d.csv"
    path.write_text("Study;Direction of effect;P value;N\nA;Benefit;<0,001;120\nB;-;0,2;\nC;◄►;;40\n", encoding="utf-8")
    findings, notes = read_findings(path)
    assert [one.direction for one in findings] == [1, -1, 0]
    assert [one.p for one in findings] == [0.001, 0.2, None]
    assert [one.n for one in findings] == [120.0, None, 40.0]
    assert any("taken at its bound" in note for note in notes)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("study,direction\nA,sideways\n", "no direction"),
        ("study,direction,p\nA,benefit,1.2\n", "between 0 and 1"),
        ("study,effect\nA,benefit\n", "no column of direction"),
        ("study,direction,n\nA,benefit,-4\n", "above 0"),
        ("study,direction\n,benefit\n", "without a study"),
    ],
)
def test_what_cannot_be_read_is_named(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "d.csv"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match=message):
        read_findings(path)
