"""How certain the evidence of an analysis is (GRADE): rated by people, kept with the result that it was rated on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from toolkit.analysis.plan import AnalysisOutcome, plan
from toolkit.model.errors import InputError
from toolkit.model.events import EVENT_KINDS, Event, NewEvent
from toolkit.model.review import Version
from toolkit.project import Project

__all__ = ["RATINGS", "Rating", "moved", "moved_on", "rate", "ratings", "ratings_before", "stale_ratings"]

RATINGS: tuple[str, ...] = EVENT_KINDS["certainty"].values or ()
Key = tuple[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rating:
    """One rating: of an analysis, or of one comparison of a network ("A against B"; "" for the whole).

    ``rating`` names two where two copies of the project were rated apart and joined ("low or moderate").
    ``fingerprint`` is that of the result it rests on.
    """

    analysis: str
    comparison: str
    rating: str
    reasons: tuple[str, ...]
    by: str
    at: str
    fingerprint: str

    @property
    def name(self) -> str:
        """The analysis, and the comparison if it is of one."""
        return f"{self.analysis}: {self.comparison}" if self.comparison else self.analysis

    @property
    def words(self) -> str:
        """ "low (imprecision; risk of bias)"."""
        return f"{self.rating} ({'; '.join(self.reasons)})" if self.reasons else self.rating


def ratings(project: Project, *, as_of: str | None = None) -> dict[Key, Rating]:
    """(analysis, comparison) -> how it is rated, at a past moment or now."""
    found: dict[Key, Rating] = {}
    for event in project.store.heads("certainty", as_of=as_of):
        one = _rating(event)
        key = one.analysis, one.comparison
        if key in found and one.rating != found[key].rating:
            both = f"{found[key].rating} or {one.rating}", f"{found[key].by} and {one.by}"
            one = replace(one, rating=both[0], by=both[1])
        found[key] = one
    return found


def _rating(event: Event) -> Rating:
    return Rating(
        analysis=event.subject,
        comparison=event.field,
        rating=event.value or "",
        reasons=tuple(str(reason) for reason in event.payload.get("reasons", ())),
        by=event.actor,
        at=event.at,
        fingerprint=str(event.payload.get("fingerprint", "")),
    )


def ratings_before(project: Project, version: Version, outcomes: Sequence[AnalysisOutcome]) -> dict[Key, Rating]:
    """What was said of the results of a version: people rate them when the version is closed already.

    For an analysis that has another result now it is the last rating given on the version's; for others, and where
    nobody rated that, the rating that stood when the version was closed.
    """
    old = dict(version.payload.get("analyses", {}))
    changed = {
        o.analysis.id: old[o.analysis.id] for o in outcomes if old.get(o.analysis.id) not in (None, o.fingerprint)
    }
    found = ratings(project, as_of=version.at)
    for event in project.store.events(kind="certainty"):
        one = _rating(event)
        if not event.void and one.fingerprint == changed.get(one.analysis):
            found[one.analysis, one.comparison] = one
    return found


def moved_on(project: Project, version: Version) -> bool:
    """Whether anything but ratings of its results came after a version was closed; they make no new state."""
    return bool(project.store.event_counts(after=version.at).keys() - {"certainty"})


def rate(
    project: Project,
    analysis_id: str,
    rating: str | None,
    *,
    reasons: Sequence[str] = (),
    pair: tuple[str, str] | None = None,
    command: str = "certainty",
) -> Rating | None:
    """Rate the certainty of the evidence of an analysis, or of one comparison of a network; None takes it back.

    Parameters
    ----------
    rating : one of `RATINGS`
    reasons : why it is not high, such as "imprecision"; needed below "high"
    pair : two treatments of a network

    Raises
    ------
    InputError
        for another rating, a rating without reasons, treatments that the analysis does not have, or an analysis whose
        result is not computed for the present data.
    """
    if rating is not None and rating not in RATINGS:
        raise InputError("no such rating", value=rating, allowed=", ".join(RATINGS))
    kept = tuple(reason.strip() for reason in reasons if reason.strip())
    if rating is not None and rating != RATINGS[0] and not kept:
        raise InputError(f"a rating of {rating!r} says why", hint='For instance --reason "imprecision: few events".')
    outcome = _computed(project, analysis_id)
    comparison = "" if pair is None else _comparison(project, outcome, pair)
    if rating is None and (analysis_id, comparison) not in ratings(project):
        raise InputError(f"{analysis_id!r} is not rated", hint="'evipool certainty' lists the ratings there are.")
    event = NewEvent(
        kind="certainty",
        subject=analysis_id,
        field=comparison,
        value=rating,
        void=rating is None,
        payload={"reasons": list(kept), "fingerprint": outcome.fingerprint},
    )
    with project.writing(command) as batch:
        batch.append([event])
    return ratings(project).get((analysis_id, comparison))


def _computed(project: Project, analysis_id: str) -> AnalysisOutcome:
    (outcome,) = plan(project, (analysis_id,))
    if outcome.problem is not None:
        raise InputError(f"analysis {analysis_id!r} was not run: {outcome.problem}")
    if outcome.payload is None:
        raise InputError(
            f"analysis {analysis_id!r} is not computed for the present data",
            hint="Run 'evipool analyse' first: a rating rests on a result.",
        )
    return outcome


def _comparison(project: Project, outcome: AnalysisOutcome, pair: tuple[str, str]) -> str:
    if outcome.analysis.kind != "network":
        raise InputError(f"analysis {outcome.analysis.id!r} has one comparison; rate it as a whole")
    assert outcome.payload is not None
    known = sorted({str(arm["treatment"]) for arm in outcome.payload["selection"]["arms"]})
    for name in pair:
        if name not in known:
            raise InputError("not a treatment of this network", value=name, allowed=", ".join(known))
    if pair[0] == pair[1]:
        raise InputError("a comparison takes two treatments", value=pair[0])
    first, second = pair
    turned = f"{second} against {first}"
    # One comparison is rated once, whichever way round it is written.
    return turned if (outcome.analysis.id, turned) in ratings(project) else f"{first} against {second}"


def stale_ratings(found: Mapping[Key, Rating], outcomes: Sequence[AnalysisOutcome]) -> tuple[Rating, ...]:
    """Ratings that were given on another result than that of the present data."""
    now = {outcome.analysis.id: outcome.fingerprint for outcome in outcomes}
    return tuple(one for one in found.values() if one.analysis in now and one.fingerprint != now[one.analysis])


def moved(before: Mapping[Key, Rating], now: Mapping[Key, Rating]) -> dict[str, tuple[str, ...]]:
    """Analysis -> sentences on ratings that came, moved or were taken back."""
    found: dict[str, list[str]] = {}
    for key in dict.fromkeys([*before, *now]):
        old, new = before.get(key), now.get(key)
        if old is not None and new is not None and old.rating == new.rating:
            continue
        of = f"Certainty of {key[1]}" if key[1] else "Certainty"
        if new is None:
            text = f"{of}: the rating ({old.rating if old else ''}) was taken back."
        elif old is None:
            text = f"{of} is rated for the first time: {new.words}."
        else:
            text = f"{of} moved from {old.rating} to {new.words}."
        found.setdefault(key[0], []).append(text)
    return {analysis: tuple(texts) for analysis, texts in found.items()}
