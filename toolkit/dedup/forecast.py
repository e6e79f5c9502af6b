"""What each strictness would join and ask, told before anything is written."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from toolkit.dedup.decide import STRICTNESS
from toolkit.dedup.pipeline import Matches, decide_pairs
from toolkit.dedup.rules import MERGE
from toolkit.dedup.scope import Known

__all__ = ["Forecast", "expected_wrong", "forecast"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Forecast:
    """One strictness.

    Attributes
    ----------
    joined : records that would be joined to another report
    wrong : of these, how many are wrong by the odds of the score; merges by a rule count as right
    asked : pairs a person would be asked about
    """

    strictness: str
    joined: int
    wrong: float
    asked: int


def forecast(matches: Matches, known: Known) -> tuple[Forecast, ...]:
    """What each strictness would do with compared pairs."""
    before = len(matches.ids) - len(known.together)
    told = []
    for name in STRICTNESS:
        found = decide_pairs(
            matches.ids, matches.comparison, strictness=name, together=known.together, apart=known.apart
        )
        told.append(
            Forecast(
                strictness=name,
                joined=before - len(np.unique(found.clusters)),
                wrong=expected_wrong(found),
                asked=len(found.review),
            )
        )
    return tuple(told)


def expected_wrong(matches: Matches) -> float:
    """Sum of 1 / (1 + odds) over the merges that the score made: the strongest pair of each step of a cluster."""
    d = matches.decisions
    merged = np.flatnonzero((d.band == MERGE) & (matches.clusters[d.left] == matches.clusters[d.right]))
    merged = merged[np.argsort(-d.score[merged], kind="stable")]
    parent: dict[int, int] = {}

    def find(k: int) -> int:
        while parent.get(k, k) != k:
            k = parent[k]
        return k

    total = 0.0
    for row in merged.tolist():
        a, b = find(int(d.left[row])), find(int(d.right[row]))
        if a != b:
            parent[max(a, b)] = min(a, b)
            total += float(1 / (1 + np.exp(d.score[row]))) if d.rule[row] == 0 else 0.0
    return total
