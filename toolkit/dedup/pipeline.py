"""normalise -> block -> compare -> decide -> cluster, in one call on columns."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from toolkit.dedup.block import likely_pairs
from toolkit.dedup.cluster import cluster, review_pairs
from toolkit.dedup.columns import RecordColumns
from toolkit.dedup.compare import LEVELS, Comparison, compare
from toolkit.dedup.decide import Decisions, Weights, check_strictness, contributions, decide, load_weights, says_of
from toolkit.dedup.library import read_columns
from toolkit.dedup.normalise import Normalised, normalise
from toolkit.dedup.rules import APART, ASK, MERGE

__all__ = [
    "Evidence",
    "Matches",
    "decide_pairs",
    "evidence_of",
    "explain_pair",
    "find_duplicates",
    "joined_pairs",
    "match_pairs",
    "payload_of",
]

Progress = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Matches:
    """What deduplication found among n records.

    Attributes
    ----------
    ids : the records' ids, in input order
    clusters : (n,) position of the member with the smallest id; equal numbers are one report
    review : positions (in ``decisions``) of the pairs to ask a person about, strongest first
    comparison, decisions : all compared pairs, so that each outcome can be explained
    """

    ids: tuple[str, ...]
    clusters: npt.NDArray[np.int64]
    review: npt.NDArray[np.int64]
    comparison: Comparison
    decisions: Decisions

    def groups(self) -> list[tuple[str, ...]]:
        """Ids of each cluster of two records or more, sorted."""
        order = np.argsort(self.clusters, kind="stable")
        sorted_clusters = self.clusters[order]
        starts = np.flatnonzero(np.r_[True, sorted_clusters[1:] != sorted_clusters[:-1]]) if len(order) else order
        groups = [tuple(sorted(self.ids[k] for k in part)) for part in np.split(order, starts[1:]) if len(part) > 1]
        return sorted(groups)


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """Why a pair was merged, asked or kept apart.

    Attributes
    ----------
    score : what the outcome was told by: ``total``, or 100 and more where a rule joined the pair
    rule, says : the rule, its name and in words
    fields : the level each field reached
    constant, weights : what every pair starts at, and what each level and combination adds
    """

    score: float
    rule: str
    says: str
    fields: dict[str, str]
    constant: float = 0.0
    weights: tuple[tuple[str, str, float], ...] = ()

    @property
    def total(self) -> float:
        """The constant and all weights together: log-odds that the two are one document."""
        return self.constant + sum(weight for _, _, weight in self.weights)


def default_workers() -> int:
    """The machine's cores, at most four."""
    return min(4, os.cpu_count() or 1)


def find_duplicates(
    columns: RecordColumns,
    *,
    strictness: str = "balanced",
    weights: Weights | None = None,
    new: npt.NDArray[np.bool_] | None = None,
    together: Iterable[tuple[int, int]] = (),
    apart: Iterable[tuple[int, int]] = (),
    workers: int | None = None,
    progress: Progress | None = None,
) -> Matches:
    """Clusters of records that are one report, and the pairs a person should look at.

    Parameters
    ----------
    columns : the records
    strictness : "strict", "balanced" or "sensitive" (`decide.STRICTNESS`)
    weights : other weights than those of the package
    new : (n,) True for records to compare with everything; None compares all with all
    together, apart : pairs (positions) already joined, or kept apart by a person
    workers : processes and threads; default: the machine's cores, at most 4
    progress : called with the name of each step

    Raises
    ------
    InputError
        for an unknown strictness.
    """
    check_strictness(strictness)
    workers = default_workers() if workers is None else workers
    say = progress or (lambda _: None)
    say("normalise")
    library = read_columns(columns, workers=workers)
    say("block")
    pairs = likely_pairs(library.keys, new=new, workers=workers)
    return match_pairs(
        tuple(columns.ids), library.values, pairs, strictness=strictness, weights=weights,
        together=together, apart=apart, workers=workers, progress=progress,
    )  # fmt: skip


def match_pairs(
    ids: tuple[str, ...],
    values: Normalised,
    pairs: tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]],
    *,
    strictness: str = "balanced",
    weights: Weights | None = None,
    together: Iterable[tuple[int, int]] = (),
    apart: Iterable[tuple[int, int]] = (),
    workers: int = 1,
    progress: Progress | None = None,
) -> Matches:
    """As `find_duplicates`, for records that are normalised and pairs (positions) that are worth comparing."""
    say = progress or (lambda _: None)
    say("compare")
    comparison = compare(values, *pairs, workers=workers)
    say("decide")
    return decide_pairs(ids, comparison, strictness=strictness, weights=weights, together=together, apart=apart)


def decide_pairs(
    ids: tuple[str, ...],
    comparison: Comparison,
    *,
    strictness: str = "balanced",
    weights: Weights | None = None,
    together: Iterable[tuple[int, int]] = (),
    apart: Iterable[tuple[int, int]] = (),
) -> Matches:
    """As `find_duplicates`, for pairs that are compared."""
    decisions = decide(comparison, weights=weights or load_weights(), thresholds=check_strictness(strictness))
    together, apart = list(together), list(apart)
    clusters = cluster(decisions, ids, together=together, apart=apart)
    review = review_pairs(decisions, clusters, ids, settled=apart)
    return Matches(ids=ids, clusters=clusters, review=review, comparison=comparison, decisions=decisions)


def payload_of(matches: Matches, row: int) -> dict[str, object]:
    """Score, rule and levels of a pair, as an event keeps them."""
    return {
        "score": round(float(matches.decisions.score[row]), 2),
        "rule": matches.decisions.rule_of(row),
        "fields": _known_levels(matches, row),
    }


def _known_levels(matches: Matches, row: int) -> dict[str, str]:
    return {
        field: LEVELS[field][int(levels[row])]
        for field, levels in matches.comparison.levels.items()
        if LEVELS[field][int(levels[row])] not in ("unknown", "none", "not compared")
    }


def evidence_of(matches: Matches, row: int, *, weights: Weights | None = None) -> Evidence:
    """Evidence of the pair at position ``row`` of ``matches.decisions``."""
    weights = weights or load_weights()
    rule = matches.decisions.rule_of(row)
    parts = tuple(p for p in contributions(matches.comparison, row, weights) if p[2])
    return Evidence(
        score=float(matches.decisions.score[row]),
        rule=rule,
        says=says_of(rule),
        fields=_known_levels(matches, row),
        constant=weights.intercept,
        weights=parts,
    )


def explain_pair(columns: RecordColumns, *, strictness: str = "balanced") -> tuple[Evidence, str]:
    """Evidence and outcome ("merged", "asked", "apart") for exactly two records.

    The pair is compared whatever it shares; a DOI shared by several titles of a library is not seen from two records.
    """
    values = normalise(columns)
    one = np.array([0], dtype=np.int64)
    comparison = compare(values, one, one + 1)
    decisions = decide(comparison, weights=load_weights(), thresholds=check_strictness(strictness))
    matches = Matches(
        ids=tuple(columns.ids), clusters=np.arange(2), review=one[:0], comparison=comparison, decisions=decisions
    )
    band = int(decisions.band[0])
    return evidence_of(matches, 0), "apart" if band == APART else "asked" if band == ASK else "merged"


def joined_pairs(columns: RecordColumns, *, strictness: str = "balanced") -> list[tuple[str, str]]:
    """Pairs (ids) of a few records that rules and score alone join; each is compared with each."""
    ids = tuple(columns.ids)
    left, right = np.triu_indices(len(ids), k=1)
    d = match_pairs(ids, normalise(columns), (left, right), strictness=strictness).decisions
    return [(ids[int(d.left[k])], ids[int(d.right[k])]) for k in np.flatnonzero(d.band == MERGE)]
