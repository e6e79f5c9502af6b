"""How well a partition agrees with a labelled one, counted in merges: what a reviewer sees."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from toolkit.dedup.pipeline import Matches

__all__ = ["Score", "count_merges", "score_matches"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """Merges of n records against labels.

    A cluster of s records that holds k publications has s - k right merges and k - 1 wrong ones; missed merges are
    those the labels make and the clusters do not.

    Attributes
    ----------
    duplicates : merges that the labels make
    review, review_true : pairs handed to a person, and how many of them are duplicates
    found_in_review : missed merges that true answers to them would add
    """

    records: int
    duplicates: int
    right: int
    wrong: int
    missed: int
    review: int
    review_true: int
    found_in_review: int

    @property
    def recall(self) -> float:
        """Share of the labels' merges that were made."""
        return self.right / self.duplicates if self.duplicates else 1.0

    @property
    def precision(self) -> float:
        """Share of the merges made that are right."""
        return self.right / (self.right + self.wrong) if self.right + self.wrong else 1.0

    @property
    def f1(self) -> float:
        """Harmonic mean of precision and recall."""
        total = self.precision + self.recall
        return 2 * self.precision * self.recall / total if total else 0.0

    @property
    def recall_after_review(self) -> float:
        """Recall once every question is answered truly."""
        return (self.right + self.found_in_review) / self.duplicates if self.duplicates else 1.0


def count_merges(clusters: Sequence[Hashable], labels: Sequence[Hashable]) -> tuple[int, int]:
    """Right and wrong merges of a partition.

    >>> count_merges(["a", "a", "a", "b"], [1, 1, 2, 2])
    (1, 1)
    """
    held: dict[Hashable, Counter[Hashable]] = {}
    for cluster, label in zip(clusters, labels, strict=True):
        held.setdefault(cluster, Counter())[label] += 1
    return sum(c.total() - len(c) for c in held.values()), sum(len(c) - 1 for c in held.values())


def score_matches(matches: Matches, labels: Sequence[Hashable]) -> Score:
    """Score of the clusters and of the questions, labels in the order of ``matches.ids``."""
    clusters = matches.clusters.tolist()
    right, wrong = count_merges(clusters, labels)
    duplicates = len(labels) - len(set(labels))
    left = matches.decisions.left[matches.review]
    other = matches.decisions.right[matches.review]
    true = [(i, j) for i, j in zip(left.tolist(), other.tolist(), strict=True) if labels[i] == labels[j]]
    answered = _joined(matches.clusters, true)
    return Score(
        records=len(labels),
        duplicates=duplicates,
        right=right,
        wrong=wrong,
        missed=duplicates - right,
        review=len(matches.review),
        review_true=len(true),
        found_in_review=count_merges(answered.tolist(), labels)[0] - right,
    )


def _joined(clusters: npt.NDArray[np.int64], pairs: list[tuple[int, int]]) -> npt.NDArray[np.int64]:
    out = clusters.copy()
    for i, j in pairs:
        if out[i] != out[j]:
            out[out == out[j]] = out[i]
    return out
