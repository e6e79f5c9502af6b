"""What the flow is counted from: plain data that the store's views, a test or another program can fill.

Vocabulary
----------
record : one entry as a source delivered it; it belongs to a run and is assigned to a report (itself by default).
report : a document. Removals, decisions and retrievals are judgements on reports.
study : what reports describe; links are many to many.
round : the review version in whose time a run was done, counted from 1.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from toolkit.prisma.boxes import Explanation

__all__ = [
    "STAGES",
    "Decision",
    "FlowState",
    "Previous",
    "RecordColumns",
    "SourceRun",
]

STAGES = ("title-abstract", "retrieval", "full-text", "links")


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceRun:
    """A finished search or import.

    Attributes
    ----------
    id : run id
    source : name of the database, register, website, organisation or method, as it is to be printed
    kind : "database", "register" or "other"
    method : of a source of the kind "other": "website", "organisation", "citation" or "" (told from its name)
    round : review version in whose time it was done, from 1
    loss : what a person accepted as missing or different when its records were brought in; "" for nothing
    """

    id: str
    source: str
    kind: str
    method: str = ""
    round: int = 1
    loss: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordColumns:
    """Records as columns of equal length, in the order of arrival.

    Attributes
    ----------
    id : record ids, unique
    report : the report each record is assigned to
    run : the run that delivered each record
    joined_by : "tool" or "person", who joined the record to its report, "" for the one the report is counted by
    """

    id: tuple[str, ...] = ()
    report: tuple[str, ...] = ()
    run: tuple[str, ...] = ()
    joined_by: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """The decision that stands for one report at one stage, after conflicts.

    Attributes
    ----------
    verdict : "include", "exclude", or "undecided" (conflict, a maybe, a second vote missing)
    by : "human" or "tool"
    reason : exclusion reason; None if none was recorded
    """

    verdict: str
    by: str = "human"
    reason: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Previous:
    """What the last complete version of the review held.

    Attributes
    ----------
    label : name of that version
    studies, reports : ids included in it
    outcomes : where each report known by then stood (see `toolkit.prisma.flow.OUTCOMES`)
    """

    label: str
    studies: tuple[str, ...] = ()
    reports: tuple[str, ...] = ()
    outcomes: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))


def _nothing() -> Mapping[str, str]:
    return MappingProxyType({})


@dataclass(frozen=True, slots=True, kw_only=True)
class FlowState:
    """Everything the flow needs to know, at one moment.

    Attributes
    ----------
    runs, records : what was found
    removals : report -> "automation" or "other" (left before screening)
    title_abstract, full_text : report -> decision that stands. Judgements on a report that was later joined to
        another stay under its old id: they are kept, and read together with those of the report it went to
    retrievals : report -> "sought", "retrieved" or "not_retrieved"
    links : (report, study) pairs
    standings : study -> "included", "ongoing", "awaiting_classification" or "removed"; "included" if not said
    retractions : report -> what happened ("retracted", "corrected" ...)
    judged : ids that have judgements of their own; only needed where decisions were already brought together under
        the report they belong to now (found late: a duplicate that had been judged by itself)
    extra_reports : report -> the report whose record led to it (a record can describe several reports)
    reasons : exclusion reasons in the order of the protocol
    syntheses : (name, studies) of each synthesis
    as_of : the past day (UTC) at whose end this was so; "" for the present and for closed versions
    round, label : the version being counted; records of earlier rounds belong to ``previous``
    previous : the last complete version, or None for a new review or a cumulative flow
    closed : stages declared finished, of `STAGES`: what is undecided there is then an error
    explanations : identity code -> what was said of its difference
    """

    runs: Mapping[str, SourceRun] = field(default_factory=lambda: MappingProxyType({}))
    records: RecordColumns = RecordColumns()
    removals: Mapping[str, str] = field(default_factory=_nothing)
    title_abstract: Mapping[str, Decision] = field(default_factory=lambda: MappingProxyType({}))
    full_text: Mapping[str, Decision] = field(default_factory=lambda: MappingProxyType({}))
    retrievals: Mapping[str, str] = field(default_factory=_nothing)
    links: tuple[tuple[str, str], ...] = ()
    standings: Mapping[str, str] = field(default_factory=_nothing)
    retractions: Mapping[str, str] = field(default_factory=_nothing)
    judged: frozenset[str] = frozenset()
    extra_reports: Mapping[str, str] = field(default_factory=_nothing)
    reasons: tuple[str, ...] = ()
    syntheses: tuple[tuple[str, tuple[str, ...]], ...] = ()
    as_of: str = ""
    round: int = 1
    label: str = ""
    previous: Previous | None = None
    closed: frozenset[str] = frozenset()
    explanations: Mapping[str, Explanation] = field(default_factory=lambda: MappingProxyType({}))
