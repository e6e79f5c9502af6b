"""The numbers of the demo reviews against those known beforehand."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.report.conftest import read_page, read_results

# Conversion to arthroplasty, eight studies of data/onfh/tha.csv: worked out apart from this program, when the
# demo review was planned, and written into its specification.
# (analysis, estimate in result.json, OR, low, high)
KNOWN = [
    ("tha-all", "common", 0.299, 0.211, 0.424),
    ("tha-all-dl", "random", 0.445, 0.198, 1.002),
    ("tha-without-hernigou", "common", 0.557, 0.360, 0.864),
    ("tha-without-hernigou", "random", 0.587, 0.325, 1.062),
    ("tha-all", "random_wald", 0.441, 0.208, 0.935),
    ("tha-all", "random", 0.441, 0.186, 1.045),
    ("tha-nonrandomised", "random", 0.432, 0.192, 0.972),
    ("tha-randomised", "common", 1.339, 0.536, 3.349),
    ("tha-randomised", "random", 1.339, 0.536, 3.349),
]
# Half a unit of the third decimal; two lower or upper limits known beforehand are rounded up by a little more
# (0.53546 as 0.536: exp(0.29198 - 1.959964 x 0.46767), checked by hand).
ROUNDING = 0.0006


@pytest.mark.parametrize(("analysis", "which", "estimate", "low", "high"), KNOWN)
def test_odds_ratios_of_conversion_are_the_known_ones(
    onfh: Path, analysis: str, which: str, estimate: float, low: float, high: float
) -> None:
    found = read_results(onfh)["analyses"][analysis]["result"][which]
    assert found["estimate"] == pytest.approx(estimate, abs=ROUNDING)
    assert found["ci_low"] == pytest.approx(low, abs=ROUNDING)
    assert found["ci_high"] == pytest.approx(high, abs=ROUNDING)


def test_heterogeneity_of_the_eight_studies_is_the_known_one(onfh: Path) -> None:
    results = read_results(onfh)["analyses"]
    dl, without = results["tha-all-dl"]["result"], results["tha-without-hernigou"]["result"]
    assert dl["tau2"]["value"] == pytest.approx(0.982, abs=5e-4)
    assert dl["heterogeneity"]["i2_q"] == pytest.approx(0.777, abs=5e-4)
    assert (round(dl["heterogeneity"]["q"], 2), dl["heterogeneity"]["df"]) == (31.42, 7)
    assert (round(without["heterogeneity"]["q"], 2), without["heterogeneity"]["df"]) == (9.89, 6)
    assert dl["mantel_haenszel"]["estimate"] == pytest.approx(0.303, abs=5e-4)


@pytest.mark.parametrize(
    "printed",
    [
        "0.299 (0.211 to 0.424)", "0.445 (0.198 to 1.002)", "0.303 (", "0.982", "77.7\u00a0%", "31.42 (7)", "9.89 (6)",
        "0.587 (0.325 to 1.062)", "0.441 (0.186 to 1.045)", "0.441 (95\u00a0% CI 0.208 to 0.935)",
        "odds ratio 0.432 (95\u00a0% CI 0.192 to 0.972)", "odds ratio 1.339 (95\u00a0% CI 0.53",
    ],
)  # fmt: skip
def test_the_report_prints_them(onfh: Path, printed: str) -> None:
    assert printed in read_page(onfh)


def test_designs_are_headlines_of_their_own_and_the_eight_together_are_not(onfh: Path) -> None:
    page = read_page(onfh)
    summary = page[page.index('<section id="summary">') : page.index('<section id="changes">')]
    assert "point in opposite directions and are not pooled" in summary
    assert "1.339" in summary
    assert "0.432" in summary
    assert "0.441" not in summary
    assert "0.445" not in summary
    assert "Hernigou2018 is in sensitivity analyses only" in summary
    assert "called randomised in its title, allocated by lesion size in its abstract" in summary
    assert "the two hips of each patient are paired" in summary


def test_the_thin_network_is_called_thin_and_its_ranking_is_not_printed(onfh: Path) -> None:
    page, result = read_page(onfh), read_results(onfh)["analyses"]["tha-network"]["result"]
    assert result["ranking"]["caution"] is not None
    assert "thin, and nothing is ranked on it" in page
    assert "P-scores (SUCRA" not in page
    assert not list((onfh / "results" / "tha-network").glob("*/ranks.svg"))
    assert not list((onfh / "results" / "tha-network").glob("*/split.svg"))


def test_the_update_brought_one_trial_and_moved_the_randomised_estimate(onfh: Path) -> None:
    changes = {x["analysis"]: x for x in read_results(onfh)["changes"]}
    moved = changes["tha-randomised"]
    assert (moved["status"], moved["came"], moved["left"], moved["looks"]) == ("changed", ["Jayankura2023"], [], 2)
    assert (moved["before"]["k"], moved["now"]["k"]) == (1, 2)
    assert moved["before"]["estimate"] == pytest.approx(1.0, abs=1e-9)
    assert changes["tha-nonrandomised"]["status"] == "unchanged"
    assert changes["tha-all"]["sentence"] == "The interval, which lay wholly below no effect, now includes no effect."
    page = read_page(onfh)
    assert "States of the data looked at so far: 2 at most" in page
    assert 'alt="Estimate over the versions of the review: Conversion to total hip arthroplasty, randomised' in page


# Elliott and Meyer 2007, erratum (Lancet 2007;369:1518), odds ratios against diuretics.
ERRATUM = {
    "ARB": (0.62, 0.51, 0.77),
    "ACE inhibitor": (0.67, 0.57, 0.79),
    "Placebo": (0.75, 0.63, 0.89),
    "CCB": (0.79, 0.67, 0.92),
    "Beta blocker": (0.93, 0.78, 1.11),
}


def effects(folder: Path) -> dict[str, Any]:
    rows = read_results(folder)["analyses"]["network"]["result"]["effects"]
    return {row["treatment"]: row["random"] for row in rows}


@pytest.mark.parametrize("drug", list(ERRATUM))
def test_the_diabetes_network_agrees_with_the_printed_erratum(diabetes: Path, drug: str) -> None:
    found, (estimate, low, high) = effects(diabetes)[drug], ERRATUM[drug]
    assert found["estimate"] == pytest.approx(estimate, abs=0.01)
    assert found["ci_low"] == pytest.approx(low, abs=0.01)
    assert found["ci_high"] == pytest.approx(high, abs=0.01)


def test_the_diabetes_report_shows_ranking_league_and_inconsistency(diabetes: Path) -> None:
    page = read_page(diabetes)
    for words in ("League table, random effects", "Rank probabilities:", "Direct against indirect evidence:"):
        assert words in page
    assert "inconsistency between designs: p\u00a0=\u00a00.002" in page
    result = read_results(diabetes)["analyses"]["network"]["result"]
    assert result["rank_probabilities"]["draws"] == 100_000
    assert result["ranking"]["caution"] is None
