"""Every method a user can name is on a page of methods, and the published numbers quoted there are ours."""

from __future__ import annotations

import re
from math import exp
from pathlib import Path

import pytest

from tests.conftest import REPO
from toolkit import pairwise, read_table
from toolkit.model import choices

METHODS = REPO / "docs" / "methods"
PAGE_OF = {
    "MEASURES": "effects.md",
    "MODELS": "pairwise.md",
    "TAU2_METHODS": "pairwise.md",
    "TAU2_INTERVALS": "pairwise.md",
    "INTERVALS": "pairwise.md",
    "PREDICTION_INTERVALS": "pairwise.md",
    "STUDY_CI": "effects.md",
    "VARIANCES": "effects.md",
    "NETWORK_TAU2_METHODS": "network.md",
    "NETWORK_INTERVALS": "network.md",
}


@pytest.mark.parametrize("table", [name for name in choices.__all__ if name.isupper()])
def test_every_name_is_documented_with_its_formula(table: str) -> None:
    page = (METHODS / PAGE_OF[table]).read_text(encoding="utf-8")
    names = dict(getattr(choices, table))
    for found in [*names.values()]:  # the variances of a measure have names of their own
        names |= found if isinstance(found, dict) else {}
    missing = [key for key in names if f"`{key}`" not in page]
    assert not missing, f"{PAGE_OF[table]} says nothing of {', '.join(missing)}"


@pytest.mark.parametrize(
    ("tau2", "ci", "expected"),
    [
        ("DL", "Wald", {"common": (0.299, 0.211, 0.424), "random": (0.445, 0.198, 1.002), "mantel_haenszel": (0.303,)}),
        ("REML", "Wald", {"random": (0.441, 0.208, 0.935)}),
        ("REML", "HK", {"random": (0.441, 0.186, 1.045)}),
    ],
)
def test_the_conversion_data_give_the_known_answers(tau2: str, ci: str, expected: dict[str, tuple[float, ...]]) -> None:
    table = read_table(REPO / "data" / "onfh" / "tha.csv")
    result = pairwise(table.data("OR"), measure="OR", treatment="CD+cells", reference="CD", tau2=tau2, ci=ci)
    for part, numbers in expected.items():
        estimate = getattr(result, part)
        found = (estimate.estimate, estimate.ci_low, estimate.ci_high)[: len(numbers)]
        assert [round(exp(value), 3) for value in found] == list(numbers), part
    assert round(result.heterogeneity.q, 2) == 31.42
    if tau2 == "DL":
        assert (round(result.tau2.value, 3), round(result.heterogeneity.i2_q, 3)) == (0.982, 0.777)


def test_tests_that_the_page_of_checks_names_exist() -> None:
    text = "".join(path.read_text(encoding="utf-8") for path in METHODS.glob("*.md"))
    named = set(re.findall(r"tests/[\w/]+\.py", text))
    assert named and all(Path(REPO / name).exists() for name in named), named
