"""Named pairs of records (cases.json): each rule, and each mistake that was ever reported, is one case.

"merged", "asked" and "apart" are what the rules must say; "not merged" allows asking a person.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from toolkit.dedup.columns import RecordColumns
from toolkit.dedup.pipeline import explain_pair, find_duplicates

CASES = json.loads((Path(__file__).parent / "cases.json").read_text(encoding="utf-8"))


def columns_of(case: dict[str, dict[str, str]], *, swap: bool = False) -> RecordColumns:
    first, second = ("b", "a") if swap else ("a", "b")
    return RecordColumns.from_rows([{**case[first], "id": first}, {**case[second], "id": second}])


@pytest.mark.parametrize("swap", [False, True], ids=["as given", "swapped"])
@pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])
def test_the_pair_is_decided_as_named(case: dict[str, dict[str, str]], swap: bool) -> None:
    evidence, verdict = explain_pair(columns_of(case, swap=swap))
    if case["outcome"] == "not merged":
        assert verdict != "merged", evidence
    else:
        assert verdict == case["outcome"], evidence


@pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])
def test_blocking_finds_every_pair_that_is_merged(case: dict[str, dict[str, str]]) -> None:
    matches = find_duplicates(columns_of(case), workers=1)
    assert (len(set(matches.clusters.tolist())) == 1) == (case["outcome"] == "merged")


def test_case_names_are_distinct() -> None:
    names = [case["name"] for case in CASES]
    assert len(set(names)) == len(names)
