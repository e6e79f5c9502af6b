"""A person's word on duplicates: join, take apart, "not a duplicate", and why two records stand as they do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from toolkit.dedup.columns import RecordColumns
from toolkit.dedup.pipeline import Evidence, explain_pair
from toolkit.model.errors import InputError
from toolkit.model.events import Event, NewEvent
from toolkit.project import Project
from toolkit.store import views

__all__ = ["Explanation", "explain", "find_record", "keep_apart", "merge", "split"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """Why two records are one report or two.

    Attributes
    ----------
    first, second : record ids
    is_joined : they are one report now
    verdict : what the rules alone say of the pair: "merged", "asked" or "apart"
    evidence : levels, weights and rule
    history : assignments of both records and declarations that they are no duplicates, oldest first
    """

    first: str
    second: str
    is_joined: bool
    verdict: str
    evidence: Evidence
    history: tuple[Event, ...]


def find_record(project: Project, text: str) -> str:
    """The id of the record named by its id, the unambiguous beginning of it, or the source's own id (such as a PMID).

    Raises
    ------
    InputError
        if no record, or more than one, answers to the name.
    """
    ids = list(views.record_runs(project.store))
    known = set(ids)
    if text in known:
        return text
    beginning = [rid for rid in ids if len(text) >= 4 and rid.startswith(text)]
    if len(beginning) == 1:
        return beginning[0]
    own = [rid for external, rid, _ in views.external_ids(project.store) if external == text and rid in known]
    if len(own) == 1:
        return own[0]
    some = beginning or own
    if some:
        raise InputError("more than one record answers to this name", value=text, allowed=", ".join(some[:6]))
    raise InputError(
        "there is no such record", value=text, hint="'evipool dedup export FILE.csv' lists records with their ids."
    )


def merge(project: Project, names: Sequence[str], *, note: str | None = None, command: str = "dedup merge") -> str:
    """Join the reports of the named records into one; returns its id. Decisions on either report are kept.

    Raises
    ------
    InputError
        for unknown records or fewer than two.
    """
    ids = list(dict.fromkeys(find_record(project, name) for name in names))
    if len(ids) < 2:
        raise InputError("name at least two different records", value=" ".join(names))
    store = project.store
    now = views.assignments(store)
    reports = {now[rid] for rid in ids}
    members = [rid for rid in now if now[rid] in reports]
    target = members[0]  # assignments come in order of arrival
    payload = {"together": ids, **({"note": note} if note else {})}
    heads = {e.subject: e for e in store.heads("assign")}
    events = [_assign(rid, target, payload, heads.get(rid)) for rid in members if now[rid] != target]
    inside = set(members)
    for a, b in sorted(views.apart_pairs(store)):
        if a in inside and b in inside:
            events.append(NewEvent(kind="apart", subject=f"{a}|{b}", value="apart", void=True, payload=payload))
    _append(project, events, command)
    return target


def split(project: Project, names: Sequence[str], *, note: str | None = None, command: str = "dedup split") -> str:
    """Take the named records out of their report, each into one of its own; returns what is left of the report.

    Every named record and what remains are declared apart, so that no later run joins them again.

    Raises
    ------
    InputError
        if the records belong to different reports, or their report has no other record.
    """
    ids = list(dict.fromkeys(find_record(project, name) for name in names))
    store = project.store
    now = views.assignments(store)
    reports = {now[rid] for rid in ids}
    if len(reports) != 1:
        raise InputError("these records belong to different reports", value=" ".join(ids))
    report = reports.pop()
    members = [rid for rid in now if now[rid] == report]
    if len(members) < 2:
        raise InputError("this record is alone in its report already", value=ids[0])
    rest = [rid for rid in members if rid not in ids]
    payload = {"split_from": report, **({"note": note} if note else {})}
    heads = {e.subject: e for e in store.heads("assign")}
    events = [_assign(rid, rid, payload, heads.get(rid)) for rid in ids]
    left = rest[0] if rest else ids[0]
    events += [_assign(rid, left, payload, heads.get(rid)) for rid in rest if now[rid] != left]
    pairs = {tuple(sorted((a, b))) for a in ids for b in members if a != b}
    events += [NewEvent(kind="apart", subject=f"{a}|{b}", value="apart", payload=payload) for a, b in sorted(pairs)]
    _append(project, events, command)
    return left


def keep_apart(
    project: Project, first: str, second: str, *, note: str | None = None, command: str = "dedup review"
) -> None:
    """Remember that two records are not duplicates.

    Raises
    ------
    InputError
        if they are one report now; 'split' takes them apart.
    """
    a, b = sorted((find_record(project, first), find_record(project, second)))
    now = views.assignments(project.store)
    if now[a] == now[b]:
        raise InputError("these records are one report", value=f"{a} {b}", hint="Use 'evipool dedup split'.")
    payload = {"note": note} if note else {}
    _append(project, [NewEvent(kind="apart", subject=f"{a}|{b}", value="apart", payload=payload)], command)


def explain(project: Project, first: str, second: str, *, strictness: str = "balanced") -> Explanation:
    """Field by field why two records are one report or two, and who said so."""
    store = project.store
    a, b = find_record(project, first), find_record(project, second)
    if a == b:
        raise InputError("name two different records", value=a)
    stored = views.records(store, [a, b])
    runs = views.record_runs(store)
    columns = RecordColumns.from_records(
        [stored[a].fields, stored[b].fields], ids=[a, b], sources=[runs[a].source, runs[b].source]
    )
    evidence, verdict = explain_pair(columns, strictness=strictness)
    now = views.assignments(store)
    low, high = sorted((a, b))
    history = [e for rid in (a, b) for e in store.events(subject=rid, kind="assign")]
    history += store.events(subject=f"{low}|{high}", kind="apart")
    return Explanation(
        first=a,
        second=b,
        is_joined=now[a] == now[b],
        verdict=verdict,
        evidence=evidence,
        history=tuple(sorted(history, key=lambda e: e.seq)),
    )


def _assign(rid: str, report: str, payload: Mapping[str, object], head: Event | None) -> NewEvent:
    """An assignment by a person; open questions about the record move along."""
    asked = head.payload.get("ask") if head is not None else None
    return NewEvent(kind="assign", subject=rid, value=report, payload={**payload, **({"ask": asked} if asked else {})})


def _append(project: Project, events: list[NewEvent], command: str) -> None:
    person = project.reviewer()
    with project.writing(command, actor=person) as batch:
        batch.append(events)
