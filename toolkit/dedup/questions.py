"""Pairs that wait for a person, read from the events of earlier runs; compares nothing, loads nothing heavy."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass

from toolkit.project import Project
from toolkit.store import views

__all__ = ["Question", "questions", "waiting_pairs"]


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
    now = views.assignments(store)
    apart = {frozenset((now.get(a, a), now.get(b, b))) for a, b in views.apart_pairs(store)}
    seen: set[frozenset[str]] = set()
    found = []
    for subject, text in store.head_values("assign", ("subject", "payload"), containing='"ask":'):
        for asked in json.loads(text).get("ask", ()):
            first, second = asked["with"], subject
            if first not in now or second not in now:
                continue
            key = frozenset((now[first], now[second]))
            if len(key) < 2 or key in apart or key in seen:
                continue
            seen.add(key)
            found.append(
                Question(first=first, second=second, score=asked["score"], rule=asked["rule"], fields=asked["fields"])
            )
    return sorted(found, key=lambda q: -q.score)


def waiting_pairs(project: Project) -> int:
    """How many pairs wait for a person."""
    return len(questions(project))
