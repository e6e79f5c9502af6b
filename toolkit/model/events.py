"""Events: appended judgements by a person or a rule, and the slots that say which ones speak of the same fact."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

__all__ = ["EVENT_KINDS", "RELATIONS", "Event", "EventKind", "NewEvent", "is_person", "slot_of"]

# What one report is to another: kind -> how it is read. Those at the end have no direction.
RELATIONS: dict[str, str] = {
    "version_of": "a later version of",
    "erratum_of": "an erratum or retraction of",
    "reply_to": "a reply to",
    "comment_on": "a comment on",
    "protocol_of": "the protocol of",
    "summary_of": "a plain language summary of",
    "preprint_of": "the preprint of",
    "update_of": "an update of",
    "followup_of": "a follow-up of",
    "secondary_of": "a secondary or preliminary analysis of",
    "abstract_of": "a conference abstract of",
    "registration_of": "the registration of",
    "part_with": "another part of one work with",
    "companion_of": "the same title and authors in another place than",
    "same_trial": "a report that names the same registration as",
}


@dataclass(frozen=True, slots=True)
class EventKind:
    """One kind of judgement: what it says, and which columns name the fact that it judges.

    Two events with the same kind and the same ``key`` columns speak of one fact; the later supersedes the earlier.
    """

    help: str
    key: tuple[str, ...]
    values: tuple[str, ...] | None = None


EVENT_KINDS: dict[str, EventKind] = {
    "run": EventKind("a search or import is finished and counts", ("subject",), ("complete", "discarded")),
    "assign": EventKind("a record belongs to a report (duplicates joined, or taken apart again)", ("subject",)),
    "apart": EventKind("two records are not duplicates of each other ('a|b', sorted)", ("subject",), ("apart",)),
    "relate": EventKind(
        "two records are different reports that belong together ('a|b', sorted)",
        ("subject",),
        (*RELATIONS, "unrelated"),
    ),
    "remove": EventKind("a report leaves before screening", ("subject",), ("automation", "other")),
    "screen": EventKind(
        "a reviewer's vote on a report", ("stage", "subject", "actor"), ("include", "exclude", "maybe")
    ),
    "resolve": EventKind("the decision on a conflict between reviewers or extractors", ("stage", "subject", "field")),
    "retrieve": EventKind("the full text of a report", ("subject",), ("sought", "retrieved", "not_retrieved")),
    "link": EventKind("a report describes a study", ("subject", "field"), ("primary", "secondary")),
    "study": EventKind(
        "the standing of a study", ("subject",), ("included", "ongoing", "awaiting_classification", "removed")
    ),
    "extract": EventKind("one cell of an evidence table, by one extractor", ("stage", "subject", "field", "actor")),
    "judge": EventKind("a risk-of-bias judgement", ("stage", "subject", "field", "actor")),
    "certainty": EventKind(
        "how certain the evidence of an analysis is (field: of one comparison of a network)",
        ("subject", "field"),
        ("high", "moderate", "low", "very low"),
    ),
    "retract": EventKind("a report was retracted, corrected or withdrawn", ("subject",)),
    "explain": EventKind("why a difference in the flow is right", ("subject",)),
    "settings": EventKind("the text of review.toml that a command worked with (sha256)", ("subject",)),
    "version": EventKind("a version of the review is complete", ("value",)),
    "note": EventKind("a remark", ("subject", "actor", "value")),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class NewEvent:
    """A judgement to be appended; who, when and what it supersedes are filled in by the store.

    Attributes
    ----------
    kind : key of `EVENT_KINDS`
    subject : what is judged: record, report, run or study id, or the row key of an evidence table
    stage : "title-abstract" or "full-text" of screening; the table of an extraction; "" elsewhere
    field : the study of a link, the column of an extracted cell; "" elsewhere
    value : the verdict; None with ``void`` set takes the earlier judgement back
    payload : reasons, scores, evidence: anything JSON can hold
    actor : who judges, if not the acting person of the batch ("rule:..." for rules)
    """

    kind: str
    subject: str
    value: str | None
    stage: str = ""
    field: str = ""
    payload: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    actor: str | None = None
    void: bool = False


class Event(NamedTuple):
    """A stored event, in the order of appending (``seq``); ``at`` is UTC in ISO 8601."""

    seq: int
    id: str
    batch_id: str
    kind: str
    stage: str
    subject: str
    field: str
    actor: str
    value: str | None
    payload: dict[str, Any]
    at: str
    slot: str
    void: bool


def is_person(actor: str) -> bool:
    """Whether somebody, and not a rule or the program itself, judged.

    Examples
    --------
    >>> is_person("AB"), is_person("rule:dedup"), is_person("evipool")
    (True, False, False)
    """
    return not actor.startswith(("rule:", "evipool"))


def slot_of(event: NewEvent, actor: str) -> str:
    """The fact an event judges, as text; equal slots supersede one another.

    Examples
    --------
    >>> slot_of(NewEvent(kind="screen", subject="r1", stage="full-text", value="include"), "AB")
    'screen|full-text|r1|AB'
    """
    columns = {
        "subject": event.subject,
        "stage": event.stage,
        "field": event.field,
        "actor": actor,
        "value": event.value or "",
    }
    return "|".join([event.kind, *(columns[name] for name in EVENT_KINDS[event.kind].key)])
