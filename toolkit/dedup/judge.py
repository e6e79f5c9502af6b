"""A person's word on duplicates: join, take apart, "not a duplicate", and why two records stand as they do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from toolkit.dedup.columns import RecordColumns
from toolkit.dedup.decide import Thresholds, check_strictness
from toolkit.dedup.pipeline import Evidence, explain_pair, joined_pairs
from toolkit.model.errors import InputError
from toolkit.model.events import Event, NewEvent
from toolkit.project import Project
from toolkit.store import views
from toolkit.store.keys import ReportKeys

__all__ = ["Explanation", "Merged", "Split", "explain", "find_record", "keep_apart", "merge", "split"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """Why two records are one report or two.

    Attributes
    ----------
    first, second : record ids
    is_joined : they are one report now
    verdict : what the rules alone say of the pair: "merged", "asked" or "apart"
    strictness, thresholds : the scores from which they merge, and from which they ask
    evidence : levels, weights and rule
    history : assignments of both records and declarations that they are no duplicates, oldest first
    """

    first: str
    second: str
    is_joined: bool
    verdict: str
    strictness: str
    thresholds: Thresholds
    evidence: Evidence
    history: tuple[Event, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Merged:
    """``report`` holds so many ``records`` now, of so many ``reports`` before: 1 if they were one already."""

    report: str
    reports: int
    records: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Split:
    """What is left of a report.

    Attributes
    ----------
    rest : the report of the records that stay, None if all were named
    along : copy -> the named record that it went along with
    staying : copy that stays, though the rules join it to it -> the named record
    """

    rest: str | None
    along: Mapping[str, str]
    staying: Mapping[str, str]


def find_record(project: Project, text: str, *, of_its_report: bool = False) -> str:
    """The id of the record named by its id, the unambiguous beginning of it, doi:, pmid: or the source's own id.

    Parameters
    ----------
    of_its_report : any record of the report will do: the first, where all that are called so are one report

    Raises
    ------
    InputError
        if no record, or more than one, answers to the name.
    """
    found = ReportKeys(project.store).records(text)
    if not found:
        raise InputError(
            "there is no such record",
            value=text,
            allowed="the start of a record's id (4 letters or more), doi:..., pmid:..., the id its source gave it",
            hint="'evipool dedup export FILE.csv' lists records with their ids.",
        )
    if len(found) > 1:
        now = views.assignments(project.store)
        if not of_its_report or len({now[rid] for rid in found}) > 1:
            raise InputError("more than one record answers to this name", value=text, allowed=", ".join(found[:6]))
    return found[0]


def merge(project: Project, names: Sequence[str], *, note: str | None = None, command: str = "dedup merge") -> Merged:
    """Join the reports of the named records into one. Decisions on either report are kept.

    Raises
    ------
    InputError
        for unknown records or fewer than two.
    """
    ids = list(dict.fromkeys(find_record(project, name, of_its_report=True) for name in names))
    if len(ids) < 2 and len(set(names)) < 2:
        raise InputError("name at least two different records", value=" ".join(names))
    store = project.store
    now = views.assignments(store)
    reports = {now[rid] for rid in ids}
    members = [rid for rid in now if now[rid] in reports]  # assignments come in order of arrival
    target = next((rid for rid in members if rid in reports), members[0])
    if len(reports) == 1:
        return Merged(report=now[ids[0]], reports=1, records=len(members))
    payload = {"together": ids, **({"note": note} if note else {})}
    events = [_assign(project, rid, target, now, payload) for rid in members if now[rid] != target]
    inside = set(members)
    for a, b in sorted(views.apart_pairs(store)):
        if a in inside and b in inside:
            events.append(NewEvent(kind="apart", subject=f"{a}|{b}", value="apart", void=True, payload=payload))
    _append(project, events, command)
    return Merged(report=target, reports=len(reports), records=len(members))


def split(
    project: Project,
    names: Sequence[str],
    *,
    alone: bool = False,
    note: str | None = None,
    command: str = "dedup split",
) -> Split:
    """Take the named records out of their report, each into one of its own, with its copies.

    Copies of a record are those that the rules alone join to it, directly or by way of others, and to no record that
    stays. Where the rules join all of them, only the named ones go. What is taken out and what remains are declared
    apart, so that no later run joins them again.

    Parameters
    ----------
    alone : copies stay

    Raises
    ------
    InputError
        if the records belong to different reports, or their report has no other record.
    """
    ids = list(dict.fromkeys(find_record(project, name) for name in names))
    now = views.assignments(project.store)
    reports = {now[rid] for rid in ids}
    if len(reports) != 1:
        raise InputError("these records belong to different reports", value=" ".join(ids))
    report = reports.pop()
    members = [rid for rid in now if now[rid] == report]
    if len(members) < 2:
        raise InputError("this record is alone in its report already", value=ids[0])
    along, staying = _copies(project, members, ids)
    if alone:
        along, staying = {}, {**along, **staying}
    groups = {rid: along.get(rid, rid if rid in ids else "") for rid in members}
    payload = {"split_from": report, **({"note": note} if note else {})}
    first: dict[str, str] = {}
    for rid in members:
        first.setdefault(groups[rid], rid)
    moves = {rid: first[groups[rid]] for rid in members}
    events = [
        _assign(project, rid, moves[rid], now, payload) for rid in members if rid in ids or moves[rid] != now[rid]
    ]
    taken = [rid for rid in members if groups[rid]]
    pairs = {tuple(sorted((a, b))) for a in taken for b in members if groups[a] != groups[b]}
    events += [NewEvent(kind="apart", subject=f"{a}|{b}", value="apart", payload=payload) for a, b in sorted(pairs)]
    _append(project, events, command)
    return Split(rest=first.get(""), along=along, staying=staying)


def _copies(project: Project, members: Sequence[str], named: Sequence[str]) -> tuple[dict[str, str], dict[str, str]]:
    """Copies of the named records among the others of their report: those that go along, those that might.

    Each with the named record that it is a copy of.
    """
    rest = [rid for rid in members if rid not in named]
    if len(rest) < 2:
        return {}, {}
    alike = _alike(project, members)
    direct = {rid: next((one for one in named if one in alike[rid]), "") for rid in rest}
    along = {rid: one for rid, one in direct.items() if one}
    reached = list(along)
    for rid in reached:  # grows: copies of copies
        for other in alike[rid] - set(named) - along.keys():
            along[other] = along[rid]
            reached.append(other)
    if len(along) == len(rest):  # the rules join all of them: they do not tell which record belongs to which
        return {}, {rid: one for rid, one in direct.items() if one}
    return along, {}


def _alike(project: Project, ids: Sequence[str]) -> dict[str, set[str]]:
    """Record -> the others of these records that the rules alone join it to."""
    stored, runs = views.records(project.store, ids), views.record_runs(project.store)
    columns = RecordColumns.from_records(
        [stored[rid].fields for rid in ids], ids=list(ids), sources=[runs[rid].source for rid in ids]
    )
    found: dict[str, set[str]] = {rid: set() for rid in ids}
    for a, b in joined_pairs(columns, strictness=project.config.dedup.strictness):
        found[a].add(b)
        found[b].add(a)
    return found


def keep_apart(
    project: Project, first: str, second: str, *, note: str | None = None, command: str = "dedup review"
) -> None:
    """Remember that two records are not duplicates.

    Raises
    ------
    InputError
        if they are one report now; 'split' takes them apart.
    """
    a, b = sorted(find_record(project, name, of_its_report=True) for name in (first, second))
    now = views.assignments(project.store)
    if now[a] == now[b]:
        raise InputError("these records are one report", value=f"{a} {b}", hint="Use 'evipool dedup split'.")
    payload = {"note": note} if note else {}
    _append(project, [NewEvent(kind="apart", subject=f"{a}|{b}", value="apart", payload=payload)], command)


def explain(project: Project, first: str, second: str, *, strictness: str | None = None) -> Explanation:
    """Field by field why two records are one report or two, and who said so; None: strict as review.toml says."""
    store = project.store
    strictness = strictness or project.config.dedup.strictness
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
        strictness=strictness,
        thresholds=check_strictness(strictness),
        evidence=evidence,
        history=tuple(sorted(history, key=lambda e: e.seq)),
    )


def _assign(project: Project, rid: str, report: str, now: Mapping[str, str], payload: Mapping[str, object]) -> NewEvent:
    """An assignment by a person; open questions about the record move along.

    A record that was joined to its report before, and moves along with it, stays joined by whom it was, and why.
    """
    kept: dict[str, object] = {}
    for actor, said in views.assigned_as(project.store, [rid]).values():
        along = now[rid] != rid != report
        names = ("ask", "evidence", "joined_by") if along else ("ask",)
        kept = {**({"joined_by": actor} if along else {}), **{name: said[name] for name in names if name in said}}
    return NewEvent(kind="assign", subject=rid, value=report, payload={**kept, **payload})


def _append(project: Project, events: list[NewEvent], command: str) -> None:
    person = project.reviewer()
    with project.writing(command, actor=person) as batch:
        batch.append(events)
