"""Agreement of two reviewers against published tables and two independent programs."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from toolkit.screening.agreement import agreement_of_table, pairwise_agreement

GOLDEN = json.loads(
    (Path(__file__).parent.parent / "golden" / "agreement" / "two_reviewers.json").read_text(encoding="utf-8")
)["expected"]
COUNT = st.integers(min_value=0, max_value=400)


@pytest.mark.parametrize("name", sorted(GOLDEN))
def test_kappa_and_ac1_with_standard_errors_equal_statsmodels_and_irrcac(name: str) -> None:
    expected = GOLDEN[name]
    found = agreement_of_table(*expected["table"])
    assert found.kappa == pytest.approx(expected["kappa"], abs=1e-12)
    assert found.kappa_se == pytest.approx(expected["kappa_se"], abs=1e-12)
    assert found.ac1 == pytest.approx(expected["ac1"], abs=1e-9)
    assert found.ac1_se == pytest.approx(expected["ac1_se"], abs=1e-9)


def test_the_printed_values_of_the_papers() -> None:
    first, second = agreement_of_table(40, 9, 6, 45), agreement_of_table(80, 10, 5, 5)
    assert (first.observed, second.observed) == (0.85, 0.85)
    assert (round(first.kappa or 0, 2), round(second.kappa or 0, 2)) == (0.70, 0.32)  # Feinstein, Cicchetti 1990
    assert round(agreement_of_table(22, 2, 4, 11).kappa or 0, 2) == 0.67  # Sim, Wright 2005
    paradox = agreement_of_table(118, 5, 2, 0)
    assert (round(paradox.kappa or 0, 4), round(paradox.ac1 or 0, 4)) == (-0.0234, 0.9408)  # Gwet 2008


def test_pabak_and_indices_are_those_of_byrt() -> None:
    found = agreement_of_table(80, 10, 5, 5)
    assert found.pabak == pytest.approx(0.70)
    assert found.prevalence_index == pytest.approx(0.75)
    assert found.bias_index == pytest.approx(0.05)
    assert found.positive == pytest.approx(160 / 175)
    assert found.negative == pytest.approx(10 / 25)


def test_without_reports_nothing_is_defined_and_with_one_category_kappa_is_not() -> None:
    empty = agreement_of_table(0, 0, 0, 0)
    assert (empty.n, empty.observed, empty.kappa, empty.ac1, empty.pabak) == (0, None, None, None, None)
    unanimous = agreement_of_table(0, 0, 0, 50)
    assert (unanimous.kappa, unanimous.observed, unanimous.ac1) == (None, 1.0, 1.0)


def test_a_negative_count_is_refused() -> None:
    with pytest.raises(ValueError, match="negative"):
        agreement_of_table(1, -1, 0, 0)


@given(COUNT, COUNT, COUNT, COUNT)
def test_swapping_the_reviewers_or_the_categories_changes_no_coefficient(a: int, b: int, c: int, d: int) -> None:
    here, swapped, mirrored = (agreement_of_table(*t) for t in ((a, b, c, d), (a, c, b, d), (d, c, b, a)))
    for other in (swapped, mirrored):
        for name in ("kappa", "kappa_se", "ac1", "ac1_se", "pabak", "prevalence_index", "bias_index"):
            assert getattr(here, name) == pytest.approx(getattr(other, name), abs=1e-9)


def test_pairs_are_never_pooled_and_maybe_reads_as_include() -> None:
    votes = {
        "1": {"AB": "include", "CD": "maybe"},
        "2": {"AB": "exclude", "CD": "exclude"},
        "3": {"CD": "include", "李华": "exclude"},
        "4": {"AB": "include"},
    }
    pairs = pairwise_agreement(votes)
    assert [(p.first, p.second, p.n11, p.n10, p.n01, p.n00, p.maybe) for p in pairs] == [
        ("AB", "CD", 1, 0, 0, 1, 1),
        ("CD", "李华", 0, 1, 0, 0, 0),
    ]
