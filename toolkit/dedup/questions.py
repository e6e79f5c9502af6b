"""Pairs that wait for a person, read from the events of earlier runs; compares nothing, loads nothing heavy."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from toolkit.project import Project
from toolkit.store import views

__all__ = ["Question", "open_questions", "questions", "waiting_pairs"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """Two records that may be one report: a person decides. ``evidence`` says what agrees and why it is not enough."""

    first: str
    second: str
    score: float
    rule: str
    fields: Mapping[str, str]


def questions(project: Project) -> list[Question]:
    """Pairs that wait for a person, strongest first: not joined since, and not declared apart."""
    store = project.store
    return open_questions(views.assignments(store), views.apart_pairs(store), views.asked(store))


def open_questions(
    now: Mapping[str, str],
    kept_apart: Iterable[tuple[str, str]],
    asked: Iterable[tuple[str, Sequence[Mapping[str, Any]]]],
) -> list[Question]:
    """Of the questions asked about records, those still open, strongest first; one per two reports.

    Parameters
    ----------
    now : record -> report
    kept_apart : pairs of records that a person declared apart
    asked : record -> what was asked about it, as its assignment holds it
    """
    apart = {frozenset((now.get(a, a), now.get(b, b))) for a, b in kept_apart}
    seen: set[frozenset[str]] = set()
    found = []
    for second, some in asked:
        for ask in some:
            first = ask["with"]
            if first not in now or second not in now:
                continue
            key = frozenset((now[first], now[second]))
            if len(key) < 2 or key in apart or key in seen:
                continue
            seen.add(key)
            found.append(
                Question(first=first, second=second, score=ask["score"], rule=ask["rule"], fields=ask["fields"])
            )
    return sorted(found, key=lambda q: -q.score)


def waiting_pairs(project: Project) -> int:
    """How many pairs wait for a person."""
    return len(questions(project))
