"""How far screening has come: reports by standing, and what waits for whom."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from toolkit.model.review import STAGES, TITLE_ABSTRACT
from toolkit.screening.state import UNSEEN, ScreeningState, load_state, screeners

if TYPE_CHECKING:
    from toolkit.config import ReviewFile
    from toolkit.project import Project

__all__ = ["Progress", "progress", "progress_of"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """A stage in numbers.

    Attributes
    ----------
    eligible : reports that may be judged here
    included, excluded, conflicts, waiting, unseen : how they stand; the five add up to ``eligible``
    votes_needed : how many reviewers vote on each
    votes : reviewer -> votes that stand
    waits_for : reviewer -> reports that lack a vote which this reviewer could give; with more people than votes
        needed, a report waits for each of those who have not voted
    """

    stage: str
    eligible: int
    included: int
    excluded: int
    conflicts: int
    waiting: int
    unseen: int
    votes_needed: int
    votes: Mapping[str, int]
    waits_for: Mapping[str, int]


def progress_of(state: ScreeningState, settings: ReviewFile, stage: str) -> Progress:
    """One stage of a screening state in numbers."""
    reports = state.eligible(stage)
    table = state.title_abstract if stage == TITLE_ABSTRACT else state.full_text
    people = screeners(settings, stage)
    standing: Counter[str] = Counter()
    votes, waits_for = dict.fromkeys(people, 0), dict.fromkeys(people, 0)
    # In a large review most verdicts are one of few objects, so those are counted first.
    decided = [table.get(report, UNSEEN) for report in reports]
    verdicts = {id(verdict): verdict for verdict in decided}
    for number, n in Counter(map(id, decided)).items():
        verdict = verdicts[number]
        standing[verdict.status] += n
        for actor in verdict.actors:
            votes[actor] = votes.get(actor, 0) + n
        if verdict.status in ("unseen", "waiting"):
            for person in set(people).difference(verdict.actors):
                waits_for[person] += n
    return Progress(
        stage=stage,
        eligible=len(reports),
        included=standing["include"],
        excluded=standing["exclude"],
        conflicts=standing["conflict"],
        waiting=standing["waiting"],
        unseen=standing["unseen"],
        votes_needed=state.votes_needed[stage],
        votes=votes,
        waits_for=waits_for,
    )


def progress(project: Project, stage: str | None = None) -> tuple[Progress, ...]:
    """Both stages (or one) in numbers."""
    state = load_state(project)
    return tuple(progress_of(state, project.config, s) for s in STAGES if stage in (None, s))
