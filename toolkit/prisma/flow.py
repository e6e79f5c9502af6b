"""Counting the flow: from a `FlowState` to the boxes of PRISMA 2020.

Rules that the template leaves open, and how they are settled here:

* A report found by databases or registers *and* by other methods stands in the first column only.
* A new record of a report that the previous version knew is a duplicate, removed before screening.
* A report that was not finally decided when the previous version was closed, or was decided otherwise since, is taken
  up again: it enters the new flow at the top, in a line of its own, and passes through the boxes with its decisions.
* Duplicates found after screening are counted as duplicates; their decisions are kept.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from toolkit.prisma.boxes import Box, Column, Flow, Line, box_of
from toolkit.prisma.outcomes import NO_REASON, OPEN_OUTCOMES, SKIPPED, STUDY_REMOVED, Reader, Standing
from toolkit.prisma.state import FlowState, Previous, SourceRun

__all__ = ["count_flow", "previous_of"]

_BEFORE_RETRIEVAL = frozenset(
    {"removed_automation", "removed_other", "undecided_title_abstract", "excluded_title_abstract"}
)

# Kind of source -> the words of the template, and the beginnings of names that mean it.
_METHODS: dict[str, tuple[str, tuple[str, ...]]] = {
    "website": ("Websites", ("website", "web site", "http", "www.")),
    "organisation": ("Organisations", ("organisation", "organization")),
    "citation": ("Citation searching", ("citation", "reference list", "snowball")),
}


@dataclass(slots=True)
class _Entries:
    """Reports that pass through this version's boxes, by column, and the records that do not."""

    main: list[str] = field(default_factory=list)
    other: list[str] = field(default_factory=list)
    carried: list[str] = field(default_factory=list)
    other_carried: list[str] = field(default_factory=list)
    by_tool: list[str] = field(default_factory=list)
    by_person: list[str] = field(default_factory=list)
    known: list[str] = field(default_factory=list)
    late: list[str] = field(default_factory=list)
    other_known: list[str] = field(default_factory=list)
    other_same: list[str] = field(default_factory=list)
    other_in_main: list[str] = field(default_factory=list)


def count_flow(state: FlowState) -> Flow:
    """The boxes of the flow at the moment that ``state`` describes, each with the ids behind it.

    Examples
    --------
    >>> from toolkit.prisma.state import FlowState, RecordColumns, SourceRun
    >>> run = SourceRun(id="s1", source="PubMed", kind="database")
    >>> columns = RecordColumns(id=("a", "b"), report=("a", "a"), run=("s1", "s1"), joined_by=("", "tool"))
    >>> flow = count_flow(FlowState(runs={"s1": run}, records=columns))
    >>> flow.database_records.n, flow.duplicates.n, flow.screened.n, flow.undecided.n
    (2, 1, 1, 1)
    """
    reader = Reader(state)
    reports = [*reader.members, *(r for r in state.extra_reports if r not in reader.members)]
    standing = reader.standings(reports)
    entries = _enter(state, reader, standing)
    extra = _extras(state, reader, standing, entries)
    main, other = [*entries.main, *extra["main"]], [*entries.other, *extra["other"]]
    databases, registers, methods = _sources(state)
    at = _grouped(entries.main, standing)
    excluded = at.get("excluded_title_abstract", [])
    screened = [r for r in entries.main if not standing[r].outcome.startswith("removed_")]
    included_now = [r for r in reports if standing[r].outcome == "included"]
    return Flow(
        label=state.label,
        previous_label=state.previous.label if state.previous else "",
        as_of=state.as_of,
        losses=tuple(run.loss for run in state.runs.values() if run.loss and _is_new(state, run)),
        reasons=state.reasons,
        is_update=state.previous is not None,
        databases=databases,
        registers=registers,
        carried=box_of("report", entries.carried),
        duplicates_tool=box_of("record", entries.by_tool),
        duplicates_person=box_of("record", entries.by_person),
        duplicates_known=box_of("record", entries.known),
        automation=box_of("report", at.get("removed_automation", ())),
        removed_other=box_of("report", at.get("removed_other", ())),
        screened=box_of("report", screened),
        undecided=box_of("report", at.get("undecided_title_abstract", ())),
        excluded_human=box_of("report", (r for r in excluded if standing[r].by == "human")),
        excluded_tool=box_of("report", (r for r in excluded if standing[r].by != "human")),
        forward=box_of("report", (r for r in entries.main if standing[r].outcome not in _BEFORE_RETRIEVAL)),
        extra_reports=box_of("report", extra["main"]),
        main=_column(state, standing, main),
        other_methods=methods,
        other_carried=box_of("report", entries.other_carried),
        other_dropped=_dropped(entries, standing),
        other_extra=box_of("report", extra["other"]),
        other_undecided=box_of("report", _grouped(entries.other, standing).get("undecided_title_abstract", ())),
        other=_column(state, standing, other),
        syntheses=tuple(Line(label=name, box=box_of("study", ids)) for name, ids in state.syntheses),
        synthesis_reports=_in_syntheses(state, reader, included_now),
        retracted=_retracted(state, reader, included_now),
        late_duplicates=box_of("record", entries.late),
        contradictions=_contradictions(main, other, standing),
        closed=state.closed,
        explanations=state.explanations,
        **_included(state, reader, included_now, [*main, *other], standing),
    )


def previous_of(state: FlowState) -> Previous:
    """What a version held when it was closed at the moment of ``state``: the ``previous`` of the next version."""
    reader = Reader(state)
    standing = reader.standings([*reader.members, *state.extra_reports])
    outcomes = {report: one.outcome for report, one in standing.items()}
    included = [report for report, outcome in outcomes.items() if outcome == "included"]
    return Previous(
        label=state.label,
        studies=tuple(_studies_of(state, reader, included)),
        reports=tuple(included),
        outcomes=outcomes,
    )


def _enter(state: FlowState, reader: Reader, standing: dict[str, Standing]) -> _Entries:
    """Sort this round's records and the reports taken up again into columns and duplicates."""
    entries = _Entries()
    judged = state.judged or frozenset((*state.title_abstract, *state.full_text))
    held = _held_before(state, reader)
    kinds = {run.id: run.kind for run in state.runs.values()}
    new_runs = {run.id for run in state.runs.values() if _is_new(state, run)}
    ids, runs, joined_by = state.records.id, state.records.run, state.records.joined_by
    for report, members in reader.members.items():
        if len(members) == 1 and state.previous is None:
            (entries.other if kinds[runs[members[0]]] == "other" else entries.main).append(report)
            continue
        fresh = members if state.previous is None else [i for i in members if runs[i] in new_runs]
        in_main = [i for i in fresh if kinds[runs[i]] != "other"]
        known = len(fresh) < len(members) or report in held
        if known and report not in held and _taken_up(state, reader, report, standing[report].outcome):
            found_in_main = any(kinds[runs[i]] != "other" for i in members)
            (entries.main if found_in_main else entries.other).append(report)
            (entries.carried if found_in_main else entries.other_carried).append(report)
        elif not known:
            (entries.main if in_main else entries.other).append(report)
        column = in_main or fresh
        counted = None if known or not column else next((i for i in column if ids[i] == report), column[0])
        for i in fresh:
            rid = ids[i]
            if i == counted:
                continue
            if len(members) > 1 and rid != report and rid in judged:
                entries.late.append(rid)
            if kinds[runs[i]] == "other":
                (entries.other_known if known else entries.other_in_main if in_main else entries.other_same).append(rid)
            elif known:
                entries.known.append(rid)
            else:
                # The record that gives the report its name may be the one not counted; then its partner was joined.
                (entries.by_person if joined_by[i] == "person" else entries.by_tool).append(rid)
    return entries


def _is_new(state: FlowState, run: SourceRun) -> bool:
    """Whether a run belongs to the version being counted; all do in a new review or a cumulative flow."""
    return state.previous is None or run.round == state.round


def _held_before(state: FlowState, reader: Reader) -> set[str]:
    """Reports that count as reports of the previous version, under their present names."""
    return {reader.canonical(report) for report in state.previous.reports} if state.previous else set()


def _taken_up(state: FlowState, reader: Reader, report: str, outcome: str) -> bool:
    """Whether a known report that was not included before passes through the boxes again."""
    if state.previous is None:
        return False
    before = state.previous.outcomes
    then = {before[name] for name in (report, *(state.records.id[i] for i in reader.members[report])) if name in before}
    return not then or bool(then & OPEN_OUTCOMES) or outcome not in then


def _extras(state: FlowState, reader: Reader, standing: dict[str, Standing], entries: _Entries) -> dict[str, list[str]]:
    """Reports without a record of their own, under the column of the report whose record led to them."""
    found: dict[str, list[str]] = {"main": [], "other": []}
    held = _held_before(state, reader)
    main, other = set(entries.main), set(entries.other)
    for report, parent in state.extra_reports.items():
        if report in reader.members or report in reader.report_of:
            continue  # it has a record by now
        source = reader.canonical(parent)
        if report in held:
            continue
        before = state.previous.outcomes.get(report) if state.previous else None
        if before is not None and before not in OPEN_OUTCOMES and before == standing[report].outcome:
            continue
        if standing[report].outcome in _BEFORE_RETRIEVAL:
            continue
        found["other" if source in other and source not in main else "main"].append(report)
    return found


def _sources(state: FlowState) -> tuple[tuple[Line, ...], tuple[Line, ...], tuple[Line, ...]]:
    """Records identified, a line for each source, in the order in which the sources were first searched."""
    found: dict[tuple[str, str], list[str]] = {}
    new = {run.id for run in state.runs.values() if _is_new(state, run)}
    keys = {run.id: (run.kind, run.source) for run in state.runs.values()}
    for run_id in keys:
        if run_id in new:
            found.setdefault(keys[run_id], [])
    for rid, run_id in zip(state.records.id, state.records.run, strict=True):
        if run_id in new:
            found[keys[run_id]].append(rid)
    names = {(run.kind, run.source): _method(run) for run in state.runs.values() if run.kind == "other"}
    databases, registers, others = (
        tuple(
            Line(label=source, box=box_of("record", ids), group=names.get((kind, source), ""))
            for (kind, source), ids in found.items()
            if kind == wanted
        )
        for wanted in ("database", "register", "other")
    )
    return databases, registers, others


def _method(run: SourceRun) -> str:
    """The template's line for a source of the kind "other"; the source's own name where it has none."""
    if run.method in _METHODS:
        return _METHODS[run.method][0]
    low = run.source.strip().lower()
    return next((line for line, starts in _METHODS.values() if low.startswith(starts)), run.source)


def _grouped(reports: Iterable[str], standing: dict[str, Standing]) -> dict[str, list[str]]:
    groups: dict[str, list[str]] = {}
    for report in reports:
        groups.setdefault(standing[report].outcome, []).append(report)
    return groups


def _column(state: FlowState, standing: dict[str, Standing], reports: list[str]) -> Column:
    at = _grouped(reports, standing)
    sought = [r for r in reports if standing[r].outcome not in _BEFORE_RETRIEVAL]
    assessed = [r for r in sought if standing[r].outcome not in ("retrieval_pending", "not_retrieved")]
    by_reason: dict[str, list[str]] = {reason: [] for reason in state.reasons}
    for report in at.get("excluded_full_text", ()):
        by_reason.setdefault(standing[report].reason or NO_REASON, []).append(report)
    last = {STUDY_REMOVED: 1, NO_REASON: 2}
    ordered = sorted(by_reason, key=lambda reason: last.get(reason, 0))
    return Column(
        sought=box_of("report", sought),
        pending=box_of("report", at.get("retrieval_pending", ())),
        not_retrieved=box_of("report", at.get("not_retrieved", ())),
        assessed=box_of("report", assessed),
        undecided=box_of("report", at.get("undecided_full_text", ())),
        excluded=tuple(Line(label=r, box=box_of("report", by_reason[r])) for r in ordered if by_reason[r]),
        ongoing=box_of("report", at.get("ongoing", ())),
        awaiting=box_of("report", at.get("awaiting_classification", ())),
        included=box_of("report", at.get("included", ())),
    )


def _dropped(entries: _Entries, standing: dict[str, Standing]) -> tuple[Line, ...]:
    at = _grouped(entries.other, standing)
    groups = (
        ("already found in databases or registers", "record", entries.other_in_main),
        ("already known from the previous version", "record", entries.other_known),
        ("duplicates within other methods", "record", entries.other_same),
        ("removed before screening", "report", at.get("removed_automation", []) + at.get("removed_other", [])),
        ("excluded on title and abstract", "report", at.get("excluded_title_abstract", [])),
    )
    return tuple(Line(label=label, box=box_of(unit, ids)) for label, unit, ids in groups if ids)


def _studies_of(state: FlowState, reader: Reader, included: Iterable[str]) -> list[str]:
    """Studies described by included reports, without those that are ongoing, awaiting or removed."""
    found: dict[str, None] = {}
    for report in included:
        for study in reader.studies(report):
            if state.standings.get(study, "included") == "included":
                found[study] = None
    return list(found)


def _included(
    state: FlowState, reader: Reader, included_now: list[str], entered: list[str], standing: dict[str, Standing]
) -> dict[str, Box]:
    """The boxes at the bottom: previous, new, removed and total, of studies and of reports."""
    before = state.previous or Previous(label="")
    now = set(included_now)
    kept: set[str] = set()
    gone: list[str] = []
    for report in before.reports:
        present = reader.canonical(report)
        if present in now and present not in kept:
            kept.add(present)
        else:
            gone.append(report)
    studies = _studies_of(state, reader, included_now)
    old_studies = set(before.studies)
    new_studies = [study for study in studies if study not in old_studies]
    fresh = set(new_studies)
    new_reports = [r for r in entered if standing[r].outcome == "included"]
    of_new = [r for r in new_reports if fresh.intersection(reader.studies(r))]
    of_none = [r for r in new_reports if not reader.studies(r)]
    rest = {*of_new, *of_none}
    present_studies = set(studies)
    listed = {study: None for report in entered for study in reader.studies(report)}
    linked = (report for report in reader.members if report in reader.links)
    every = {study: None for report in linked for study in reader.studies(report)} | listed
    return {
        "previous_studies": box_of("study", before.studies),
        "previous_reports": box_of("report", before.reports),
        "new_studies": box_of("study", new_studies),
        "new_reports": box_of("report", of_new),
        "new_reports_of_old": box_of("report", (r for r in new_reports if r not in rest)),
        "unlinked": box_of("report", of_none),
        "removed_studies": box_of("study", (s for s in before.studies if s not in present_studies)),
        "removed_reports": box_of("report", gone),
        "reopened": box_of("report", _reopened(reader, gone)),
        "total_studies": box_of("study", studies),
        "total_reports": box_of("report", included_now),
        "ongoing_studies": box_of("study", (s for s in every if state.standings.get(s) == "ongoing")),
        "awaiting_studies": box_of("study", (s for s in every if state.standings.get(s) == "awaiting_classification")),
    }


def _reopened(reader: Reader, gone: Iterable[str]) -> list[str]:
    """Of the reports no longer included, those on which a decision has to be taken again."""
    waiting = {"undecided_title_abstract", "retrieval_pending", "undecided_full_text"}
    present = dict.fromkeys(reader.canonical(report) for report in gone)
    return [report for report in present if reader.standing(report).outcome in waiting]


def _in_syntheses(state: FlowState, reader: Reader, included_now: Iterable[str]) -> Box:
    pooled = {study for _, studies in state.syntheses for study in studies}
    return box_of("report", (r for r in included_now if pooled.intersection(reader.studies(r))))


def _retracted(state: FlowState, reader: Reader, included_now: list[str]) -> tuple[Line, ...]:
    present = set(included_now)
    found: dict[str, list[str]] = {}
    for report, what in state.retractions.items():
        name = reader.canonical(report)
        if name in present and name not in found.setdefault(what, []):
            found[what].append(name)
    return tuple(Line(label=what, box=box_of("report", ids)) for what, ids in found.items() if ids)


def _contradictions(main: Iterable[str], other: Iterable[str], standing: dict[str, Standing]) -> tuple[Line, ...]:
    """Reports whose judgements do not fit together; those of other methods rightly skip title and abstract."""
    found: dict[str, list[str]] = {}
    for report in [*main, *(r for r in other if standing[r].contradiction != SKIPPED)]:
        if standing[report].contradiction:
            found.setdefault(standing[report].contradiction, []).append(report)
    return tuple(Line(label=label, box=box_of("report", ids)) for label, ids in found.items())
