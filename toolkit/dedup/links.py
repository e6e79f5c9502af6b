"""Reports that belong together: what was proposed, what a person said of it, and studies made of it.

A link is an event about two records ("relate"); it holds between the reports these records belong to, and ends when
they become one report. A person's "unrelated" is remembered, so that no later run proposes the link again.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from toolkit.dedup.judge import find_record
from toolkit.dedup.pipeline import Matches
from toolkit.dedup.relations import Relation
from toolkit.model.errors import InputError
from toolkit.model.events import RELATIONS, NewEvent, is_person
from toolkit.model.review import FULL_TEXT
from toolkit.project import Project
from toolkit.store import views

__all__ = ["ReportLink", "add_link", "group_into_studies", "links", "new_links", "unrelate"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportLink:
    """``first`` is ``kind`` of ``second`` (report ids), said by ``actor`` about two of their records."""

    first: str
    second: str
    kind: str
    actor: str
    records: tuple[str, str]


def links(project: Project, *, kind: str | None = None) -> list[ReportLink]:
    """Links that stand, in the order in which they were made: one per two reports, a person's before a rule's.

    Raises
    ------
    InputError
        for a kind that there is not.
    """
    if kind is not None and kind not in RELATIONS:
        raise InputError("there is no such kind of link", value=kind, allowed=", ".join(RELATIONS))
    now = views.assignments(project.store)
    found: dict[frozenset[str], ReportLink] = {}
    for link in _standing(project):
        a, b = (now.get(record) for record in link.records)
        if a is None or b is None or a == b:
            continue
        key = frozenset((a, b))
        if key not in found or (is_person(link.actor) and not is_person(found[key].actor)):
            found[key] = ReportLink(first=a, second=b, kind=link.kind, actor=link.actor, records=link.records)
    return [link for link in found.values() if link.kind != "unrelated" and kind in (None, link.kind)]


def _standing(project: Project) -> list[ReportLink]:
    columns = ("subject", "value", "actor", "payload")
    out = []
    for subject, value, actor, text in project.store.head_values("relate", columns):
        first, second = subject.split("|")
        if json.loads(text).get("of") == first:
            first, second = second, first
        out.append(ReportLink(first=first, second=second, kind=value, actor=actor, records=(first, second)))
    return out


def new_links(
    project: Project, matches: Matches, relations: Sequence[Relation], moves: Mapping[str, str], actor: str
) -> list[NewEvent]:
    """Events for the relations between reports that no earlier link, and nobody's "unrelated", speaks of.

    ``moves`` says which reports become part of another one in the same run.
    """
    if not relations:
        return []
    before = views.assignments(project.store)

    def report_of(record: str) -> str:
        report = before.get(record, record)
        return moves.get(report, report)

    known = {frozenset(map(report_of, link.records)) for link in _standing(project)}
    events = []
    for relation in relations:
        first, second = matches.ids[relation.first], matches.ids[relation.second]
        key = frozenset((report_of(first), report_of(second)))
        if key not in known and len(key) == 2:
            known.add(key)
            payload = {"of": second} if relation.has_direction else {}
            events.append(_relate(first, second, relation.kind, payload, actor=actor))
    return events


def _relate(
    first: str, second: str, kind: str, payload: dict[str, str], *, actor: str | None = None, void: bool = False
) -> NewEvent:
    low, high = sorted((first, second))
    return NewEvent(kind="relate", subject=f"{low}|{high}", value=kind, payload=payload, actor=actor, void=void)


def add_link(
    project: Project, first: str, second: str, kind: str, *, note: str | None = None, command: str = "dedup link"
) -> None:
    """A person says that the report of ``first`` is ``kind`` of the report of ``second``.

    Raises
    ------
    InputError
        for unknown records or kinds, and for records that are one report.
    """
    if kind not in RELATIONS:
        raise InputError("there is no such kind of link", value=kind, allowed=", ".join(RELATIONS))
    a, b = _two_reports(project, first, second)
    payload = {"of": b, **({"note": note} if note else {})}
    _append(project, [*_taken_back(project, a, b), _relate(a, b, kind, payload)], command)


def unrelate(
    project: Project, first: str, second: str, *, note: str | None = None, command: str = "dedup unlink"
) -> None:
    """Remember that two reports have nothing to do with each other.

    Raises
    ------
    InputError
        for unknown records, and for records that are one report.
    """
    a, b = _two_reports(project, first, second)
    payload = {"note": note} if note else {}
    _append(project, [*_taken_back(project, a, b), _relate(a, b, "unrelated", payload)], command)


def _two_reports(project: Project, first: str, second: str) -> tuple[str, str]:
    a, b = (find_record(project, name, of_its_report=True) for name in (first, second))
    now = views.assignments(project.store)
    if now[a] == now[b]:
        raise InputError(
            "these records are one report",
            value=f"{first} {second}",
            hint="Take them apart with 'evipool dedup split'.",
        )
    return a, b


def _taken_back(project: Project, first: str, second: str) -> list[NewEvent]:
    """Earlier links between the same two reports, about other records of theirs, taken back."""
    now = views.assignments(project.store)
    reports = {now[first], now[second]}
    return [
        _relate(*link.records, link.kind, {}, void=True)
        for link in _standing(project)
        if {now.get(record) for record in link.records} == reports and set(link.records) != {first, second}
    ]


def group_into_studies(project: Project, *, command: str = "dedup links") -> list[tuple[str, str]]:
    """Put included reports under the study of a report they are linked with; returns (report, study) pairs.

    Only reports that were included at full text and are under no study yet are placed, and only where all the reports
    they are linked with, directly or by way of others, lead to one study.
    """
    store = project.store
    included = {report for report, d in project.decisions(FULL_TEXT).items() if d.status == "include"}
    study_of: dict[str, set[str]] = {}
    for link in views.links(store):
        study_of.setdefault(link.report, set()).add(link.study)
    placed: list[tuple[str, str]] = []
    for family in _families(links(project)):
        studies = {study for report in family for study in study_of.get(report, ())}
        if len(studies) == 1:
            study = studies.pop()
            placed += [(report, study) for report in family if report in included and report not in study_of]
    events = [NewEvent(kind="link", subject=report, field=study, value="secondary") for report, study in placed]
    if events:
        _append(project, events, command)
    return placed


def _families(all_links: Sequence[ReportLink]) -> list[list[str]]:
    """Reports connected by links, each family in order of first mention."""
    family: dict[str, list[str]] = {}
    for link in all_links:
        a, b = family.setdefault(link.first, [link.first]), family.setdefault(link.second, [link.second])
        if a is not b:
            a += b
            family.update(dict.fromkeys(b, a))
    return list({id(some): some for some in family.values()}.values())


def _append(project: Project, events: list[NewEvent], command: str) -> None:
    person = project.reviewer()
    with project.writing(command, actor=person) as batch:
        batch.append(events)
