"""Properties of the whole pipeline that hold whatever the records are."""

from __future__ import annotations

import random
from collections.abc import Sequence

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from toolkit.dedup.cluster import cluster, review_pairs
from toolkit.dedup.columns import RecordColumns
from toolkit.dedup.decide import Decisions, Weights, contributions, load_weights, score
from toolkit.dedup.pipeline import Matches, evidence_of, find_duplicates
from toolkit.dedup.rules import APART, ASK, JOINS, MERGE, PROMPTS, VETOES

WORDS = ("bone", "marrow", "cells", "hip", "trial", "女性", "股骨头坏死", "part", "II", "erratum", "in", "women")
ROWS = st.lists(
    st.fixed_dictionaries(
        {
            "title": st.lists(st.sampled_from(WORDS), min_size=0, max_size=6).map(" ".join),
            "authors": st.sampled_from(("", "Li, Wei", "李伟", "Gangji V.; Hauzeur J.", "Müller, A")),
            "year": st.sampled_from(("", "2004", "2005", "2011")),
            "journal": st.sampled_from(("", "J Bone Joint Surg Am", "中华骨科杂志")),
            "volume": st.sampled_from(("", "86", "87")),
            "pages": st.sampled_from(("", "1153-60", "12")),
            "doi": st.sampled_from(("", "10.1000/a1", "10.1000/b2.pub2", "10.1000/b2.pub3")),
        }
    ),
    max_size=14,
)


def columns_of(rows: Sequence[dict[str, str]], ids: Sequence[str] | None = None) -> RecordColumns:
    names = ids or [f"r{k:03d}" for k in range(len(rows))]
    return RecordColumns.from_rows([{**row, "id": name} for row, name in zip(rows, names, strict=True)])


def partition(matches: Matches) -> set[frozenset[str]]:
    held: dict[int, set[str]] = {}
    for rid, number in zip(matches.ids, matches.clusters.tolist(), strict=True):
        held.setdefault(number, set()).add(rid)
    return {frozenset(some) for some in held.values()}


@settings(max_examples=60, deadline=None)
@given(rows=ROWS, seed=st.integers(0, 1000))
def test_the_order_of_the_records_plays_no_part(rows: list[dict[str, str]], seed: int) -> None:
    ids = [f"r{k:03d}" for k in range(len(rows))]
    shuffled = list(zip(rows, ids, strict=True))
    random.Random(seed).shuffle(shuffled)
    first = find_duplicates(columns_of(rows, ids), workers=1)
    second = find_duplicates(columns_of([r for r, _ in shuffled], [i for _, i in shuffled]), workers=1)
    assert partition(first) == partition(second)


@settings(max_examples=60, deadline=None)
@given(rows=ROWS)
def test_exact_copies_are_always_joined(rows: list[dict[str, str]]) -> None:
    matches = find_duplicates(columns_of(rows + rows), workers=1)
    clusters = matches.clusters.tolist()
    for k, row in enumerate(rows):
        if row["title"] or row["doi"]:
            assert clusters[k] == clusters[k + len(rows)]


@settings(max_examples=60, deadline=None)
@given(rows=ROWS)
def test_no_cluster_holds_a_forbidden_pair(rows: list[dict[str, str]]) -> None:
    matches = find_duplicates(columns_of(rows), workers=1)
    d = matches.decisions
    together = matches.clusters[d.left] == matches.clusters[d.right]
    assert not (together & d.forbids).any()


@settings(max_examples=40, deadline=None)
@given(rows=ROWS)
def test_clusters_kept_as_given_find_nothing_more(rows: list[dict[str, str]]) -> None:
    first = find_duplicates(columns_of(rows), workers=1)
    together = [(k, int(c)) for k, c in enumerate(first.clusters.tolist()) if c != k]
    again = find_duplicates(columns_of(rows), workers=1, together=together)
    assert partition(again) == partition(first)


def test_nothing_and_one_record_are_no_duplicates() -> None:
    assert find_duplicates(columns_of([])).clusters.tolist() == []
    assert find_duplicates(columns_of([{"title": "Hip"}])).clusters.tolist() == [0]


def test_only_pairs_with_a_new_record_are_compared() -> None:
    row = {"title": "Core decompression of the femoral head with cells", "year": "2004", "authors": "Gangji, V"}
    new = np.array([False, False, True])
    matches = find_duplicates(columns_of([row, row, row]), new=new, workers=1)
    pairs = set(zip(matches.decisions.left.tolist(), matches.decisions.right.tolist(), strict=True))
    assert pairs == {(0, 2), (1, 2)}


def test_pairs_a_person_keeps_apart_are_neither_joined_nor_asked() -> None:
    row = {"title": "Core decompression of the femoral head with cells", "year": "2004", "authors": "Gangji, V"}
    matches = find_duplicates(columns_of([row, row]), apart=[(0, 1)], workers=1)
    assert matches.clusters.tolist() == [0, 1]
    assert len(matches.review) == 0


def decisions_of(edges: list[tuple[int, int, float, int, bool]]) -> Decisions:
    return Decisions(
        left=np.array([e[0] for e in edges]),
        right=np.array([e[1] for e in edges]),
        score=np.array([e[2] for e in edges]),
        band=np.array([e[3] for e in edges], dtype=np.int8),
        rule=np.zeros(len(edges), dtype=np.int8),
        forbids=np.array([e[4] for e in edges]),
    )


def test_a_component_with_a_forbidden_pair_falls_apart_at_its_weakest_edge() -> None:
    decided = decisions_of([(0, 1, 9.0, MERGE, False), (1, 2, 3.0, MERGE, False), (0, 2, -2.0, APART, True)])
    assert cluster(decided, ["a", "b", "c"]).tolist() == [0, 0, 2]
    stronger = decisions_of([(0, 1, 3.0, MERGE, False), (1, 2, 9.0, MERGE, False), (0, 2, -2.0, APART, True)])
    assert cluster(stronger, ["a", "b", "c"]).tolist() == [0, 1, 1]


def test_a_person_is_asked_once_per_pair_of_clusters() -> None:
    decided = decisions_of([(0, 1, 9.0, MERGE, False), (0, 2, 0.5, ASK, False), (1, 2, 0.9, ASK, False)])
    clusters = cluster(decided, ["a", "b", "c"])
    assert review_pairs(decided, clusters, ["a", "b", "c"]).tolist() == [2]


def test_the_score_is_the_sum_of_its_contributions() -> None:
    row = {"title": "Core decompression of the femoral head with cells", "year": "2004", "authors": "Gangji, V"}
    matches = find_duplicates(columns_of([row, {**row, "year": "2005", "pages": "7"}]), workers=1)
    weights = load_weights()
    parts = contributions(matches.comparison, 0, weights)
    assert np.isclose(score(matches.comparison, weights)[0], weights.intercept + sum(w for _, _, w in parts))
    assert evidence_of(matches, 0).fields["year"] == "one apart"


def test_agreement_never_counts_against_a_pair() -> None:
    weights: Weights = load_weights()
    for field, levels in weights.levels.items():
        assert levels.get("same", 0.0) >= 0, field
        assert levels.get("different", 0.0) <= 0, field


def test_rules_have_distinct_names_and_say_something() -> None:
    names = [rule.name for rule in (*JOINS, *PROMPTS, *VETOES)]
    assert len(set(names)) == len(names)
    assert all(len(rule.says) > 10 for rule in (*JOINS, *PROMPTS, *VETOES))
    assert all(rule.outcome < MERGE for rule in (*PROMPTS, *VETOES))


def test_a_record_without_place_does_not_join_an_article_to_its_abstract() -> None:
    work = {"title": "Core decompression of the femoral head with cells: a trial", "authors": "Gangji, V; Hauzeur, J"}
    article = {**work, "year": "2004", "journal": "Bone", "volume": "35", "issue": "2", "pages": "401-409"}
    abstract = {**work, "year": "2004", "journal": "Gut", "volume": "9", "issue": "Suppl 1", "pages": "S12"}
    matches = find_duplicates(columns_of([article, abstract, {**work, "year": "2004"}]), workers=1)
    assert matches.clusters[0] != matches.clusters[1]


def test_two_registrations_are_not_copies_of_each_other() -> None:
    row = {"title": "A study of drug X in healthy volunteers", "year": "2011"}
    numbers = ("NCT01309620", "NCT01309620", "NCT01505023")
    matches = find_duplicates(columns_of([{**row, "registry_numbers": n} for n in numbers]), workers=1)
    assert matches.clusters.tolist() == [0, 0, 2]
