"""Step 4: a score for each pair, the sum of a few declared weights, and one of three bands."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

import numpy as np
import numpy.typing as npt

from toolkit.dedup.compare import LEVELS, Comparison
from toolkit.dedup.rules import APART, ASK, COMBINATIONS, JOINS, MERGE, PROMPTS, VETOES
from toolkit.model.errors import InputError

__all__ = [
    "RULE_NAMES",
    "STRICTNESS",
    "Decisions",
    "Thresholds",
    "Weights",
    "contributions",
    "decide",
    "load_weights",
    "says_of",
    "score",
    "shown_score",
]

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Thresholds:
    """Scores (log-odds) from which a pair is merged, and from which a person is asked."""

    merge: float
    ask: float


# Names a user can choose. With weights learnt on all labelled sets: balanced asks about fewer than 1 % of records.
STRICTNESS: dict[str, Thresholds] = {
    "strict": Thresholds(merge=4.0, ask=0.0),
    "balanced": Thresholds(merge=2.0, ask=0.0),
    "sensitive": Thresholds(merge=1.0, ask=-1.5),
}
RULE_NAMES: tuple[str, ...] = ("score", *(rule.name for rule in (*VETOES, *PROMPTS, *JOINS)))
_CERTAIN = 100.0  # score of a pair joined by a rule: stronger than any sum of weights
_BASELINES = frozenset({"unknown", "none", "not compared"})  # levels without evidence: weight 0 by definition


@dataclass(frozen=True, slots=True, kw_only=True)
class Weights:
    """Weights of the score: log-odds added by each level of each field and by each combination."""

    intercept: float
    levels: Mapping[str, Mapping[str, float]]
    combinations: Mapping[str, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Decisions:
    """Outcome for m pairs.

    Attributes
    ----------
    left, right : (m,) positions of the records
    score : (m,) log-odds that both are one document; 100 where a rule joins them
    band : (m,) APART 0, ASK 1, MERGE 2
    rule : (m,) number of the rule that joined or vetoed the pair (`RULE_NAMES`), 0 where none did
    forbids : (m,) the pair may not end up in one cluster unless a person says so
    """

    left: npt.NDArray[np.int64]
    right: npt.NDArray[np.int64]
    score: Floats
    band: npt.NDArray[np.int8]
    rule: npt.NDArray[np.int8]
    forbids: npt.NDArray[np.bool_]

    def rule_of(self, row: int) -> str:
        """Name of the rule that decided the pair at this position, "score" where none did."""
        return RULE_NAMES[int(self.rule[row])]


@cache
def load_weights() -> Weights:
    """The weights that come with the package (weights.json; benchmarks/dedup_train.py made them)."""
    text = files("toolkit.dedup").joinpath("weights.json").read_text(encoding="utf-8")
    data = json.loads(text)
    return Weights(intercept=data["intercept"], levels=data["levels"], combinations=data["combinations"])


def score(comparison: Comparison, weights: Weights) -> Floats:
    """Log-odds per pair: the intercept and the weights of all levels and combinations that hold."""
    total = np.full(len(comparison), weights.intercept)
    for field, names in LEVELS.items():
        table = np.array([weights.levels.get(field, {}).get(name, 0.0) for name in names])
        total += table[comparison.levels[field]]
    for name, holds in COMBINATIONS.items():
        total += weights.combinations.get(name, 0.0) * holds(comparison)
    return total


def decide(comparison: Comparison, *, weights: Weights, thresholds: Thresholds) -> Decisions:
    """Band and reason of each pair: rules that join come first, then vetoes, then prompts to ask, then the score."""
    total = score(comparison, weights)
    m = len(total)
    band = np.where(total >= thresholds.merge, MERGE, np.where(total >= thresholds.ask, ASK, APART)).astype(np.int8)
    rule = np.zeros(m, dtype=np.int8)
    forbids = np.zeros(m, dtype=bool)
    two_documents = np.zeros(m, dtype=bool)
    for veto in reversed(VETOES):
        applies = veto.applies(comparison)
        rule[applies] = RULE_NAMES.index(veto.name)
        band[applies] = np.minimum(band[applies], veto.outcome)
        if veto.forbids:
            forbids |= applies
            two_documents |= applies & (veto.outcome == APART)
    for prompt in PROMPTS:
        applies = prompt.applies(comparison) & (band == APART) & ~two_documents
        rule[applies] = RULE_NAMES.index(prompt.name)
        band[applies] = ASK
    for join in JOINS:
        applies = join.applies(comparison)
        if join.name != "exact copy":
            applies &= ~two_documents & (total < _CERTAIN)
        rule[applies] = RULE_NAMES.index(join.name)
        band[applies] = MERGE
        total[applies] = np.where(comparison.is_exact_copy[applies], _CERTAIN + 1, _CERTAIN)
        forbids[applies] = False
    return Decisions(left=comparison.left, right=comparison.right, score=total, band=band, rule=rule, forbids=forbids)


def contributions(comparison: Comparison, row: int, weights: Weights) -> list[tuple[str, str, float]]:
    """What the score of one pair is made of: (field, level, weight) of all levels and combinations that hold."""
    parts = []
    for field, names in LEVELS.items():
        level = names[int(comparison.levels[field][row])]
        parts.append((field, level, weights.levels.get(field, {}).get(level, 0.0)))
    pair = comparison.take(np.array([row], dtype=np.int64))
    for name, holds in COMBINATIONS.items():
        if holds(pair)[0]:
            parts.append((name, "yes", weights.combinations.get(name, 0.0)))
    return parts


def says_of(rule: str) -> str:
    """A rule in words; of "score", which is no rule, what decided."""
    return next((r.says for r in (*JOINS, *PROMPTS, *VETOES) if r.name == rule), "the sum of the weights")


def shown_score(value: float) -> float | None:
    """A score as a sum of weights; None where a rule joined the pair, which no sum says."""
    return None if value >= _CERTAIN else round(value, 2)


def check_strictness(name: str) -> Thresholds:
    """Thresholds of a named strictness.

    Raises
    ------
    InputError
        for a name that is not in `STRICTNESS`.
    """
    if name not in STRICTNESS:
        raise InputError("there is no such strictness", value=name, allowed=", ".join(STRICTNESS))
    return STRICTNESS[name]


def design(comparison: Comparison) -> tuple[Floats, list[tuple[str, str]]]:
    """Design matrix of the score, (m, p) zeros and ones, and (field, level) of each column; for training."""
    columns, names = [], []
    for field, levels in LEVELS.items():
        for k, level in enumerate(levels):
            if level not in _BASELINES:
                columns.append(comparison.levels[field] == k)
                names.append((field, level))
    for name, holds in COMBINATIONS.items():
        columns.append(holds(comparison))
        names.append(("combination", name))
    return np.column_stack(columns).astype(np.float64), names
