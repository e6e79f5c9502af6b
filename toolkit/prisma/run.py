"""The flow of a project: the state read from the store's views, counted, checked, written."""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import asdict, replace
from operator import attrgetter
from pathlib import Path
from types import MappingProxyType
from typing import Any

from toolkit.model.errors import InputError, SourceError
from toolkit.model.events import Event, NewEvent, is_person
from toolkit.model.review import FULL_TEXT, TITLE_ABSTRACT, Run, Verdict
from toolkit.model.wording import counted
from toolkit.prisma.boxes import Box, Explanation, Flow
from toolkit.prisma.flow import count_flow, previous_of
from toolkit.prisma.identities import EXPLAINABLE, Finding, check, require_balanced
from toolkit.prisma.numbers import FlowNumbers, flow_json, flow_numbers
from toolkit.prisma.rcsv import r_csv_text
from toolkit.prisma.state import STAGES, Decision, FlowState, Previous, RecordColumns, SourceRun
from toolkit.project import Project
from toolkit.store import views
from toolkit.store.kept import kept

__all__ = [
    "OUTPUTS",
    "TEMPLATES",
    "flow",
    "flow_state",
    "open_stages",
    "present_numbers",
    "syntheses_of",
    "titles_of",
    "titles_of_boxes",
    "version_flows",
    "write_flow",
]

TEMPLATES = ("auto", "new", "updated")
OUTPUTS = (".svg", ".png", ".pdf", ".json", ".csv", ".html", ".docx")

_NOTHING: Mapping[str, str] = MappingProxyType({})
_Syntheses = tuple[tuple[str, tuple[str, ...]], ...]


def flow(project: Project, as_of: str | None = None, *, template: str = "auto", syntheses: _Syntheses = ()) -> Flow:
    """The PRISMA 2020 flow of a project, now or as of a past day (YYYY-MM-DD) or UTC moment.

    Parameters
    ----------
    template : "auto" is an updated review once a version is complete and something changed since; "new" counts all
        versions together; "updated" always shows the previous version
    syntheses : (name, studies) of each synthesis, where analyses were run
    """
    return count_flow(flow_state(project, as_of, template=template, syntheses=syntheses))


def present_numbers(project: Project, *, template: str = "auto", syntheses: _Syntheses = ()) -> FlowNumbers:
    """The numbers of the present flow; as they were counted last, unless history, settings or ``syntheses`` changed.

    Raises
    ------
    InputError
        for a flow that does not balance though its stages are closed, as `identities.require_balanced`.
    """

    def count() -> dict[str, Any]:
        counted = flow(project, template=template, syntheses=syntheses)
        # What is kept comes back from JSON: the answer must not depend on whether it was.
        found: dict[str, Any] = json.loads(json.dumps(asdict(flow_numbers(counted, require_balanced(counted)))))
        return found

    rests_on = json.dumps([project.config.model_dump_json(), template, syntheses])
    depends = hashlib.sha256(rests_on.encode("utf-8")).hexdigest()
    return FlowNumbers(**kept(project.store, "flow", None, depends, count))


def flow_state(
    project: Project, as_of: str | None = None, *, template: str = "auto", syntheses: _Syntheses = ()
) -> FlowState:
    """What `count_flow` needs, read from the store.

    A version mark closes the stages it does not name as open (payload ``open_stages``). While nothing has changed
    since the last mark the flow is that of the marked version; from the first change on it is that of the next.
    """
    if template not in TEMPLATES:
        raise InputError("unknown template", value=template, allowed=", ".join(TEMPLATES))
    marks = views.versions(project.store, as_of=as_of)
    day = as_of if as_of is not None and len(as_of) == len("2026-03-31") else ""
    now = replace(_read(project, as_of, [mark.at for mark in marks]), syntheses=syntheses, as_of=day)
    if not marks:
        if template == "updated":
            raise InputError(
                "there is no completed version of this review yet, so its flow has no previous studies",
                hint="Use --template new.",
            )
        return now
    last = marks[-1]
    at_mark = _read(project, last.at, [mark.at for mark in marks])
    unchanged = _same(now, at_mark)
    closed = frozenset(STAGES) - frozenset(last.payload.get("open_stages", ())) if unchanged else frozenset()
    label = last.label if unchanged else ""
    if template == "new":
        return replace(now, round=len(marks) + 1, label=label, closed=closed)
    before: Previous | None
    if not unchanged or (len(marks) == 1 and template == "updated"):
        before = previous_of(replace(at_mark, label=last.label))
        return replace(now, round=len(marks) + 1, label=label, previous=before, closed=closed)
    before = None
    if len(marks) > 1:
        earlier = _read(project, marks[-2].at, [mark.at for mark in marks])
        before = previous_of(replace(earlier, label=marks[-2].label))
    return replace(now, round=len(marks), label=label, previous=before, closed=closed)


def open_stages(project: Project) -> tuple[str, ...]:
    """Stages that still have something undecided: what a version mark has to name as open."""
    counted = flow(project)
    waiting = {
        "title-abstract": counted.undecided.n + counted.other_undecided.n,
        "retrieval": counted.main.pending.n + counted.other.pending.n,
        "full-text": counted.main.undecided.n + counted.other.undecided.n + counted.reopened.n,
        "links": counted.unlinked.n,
    }
    return tuple(stage for stage in STAGES if waiting[stage])


def explain(project: Project, code: str, text: str, *, command: str = "prisma --explain") -> None:
    """Store why the differences of one kind are right; printed below the diagram wherever they stand, and no others.

    Raises
    ------
    InputError
        for an identity that must hold, a difference that the flow does not have, an empty text, or when nobody said
        who acts.
    """
    if code not in EXPLAINABLE:
        allowed = ", ".join(f"{name} ({words})" for name, words in EXPLAINABLE.items())
        raise InputError("this identity must hold and cannot be explained away", value=code, allowed=allowed)
    if not text.strip():
        raise InputError("an explanation needs words", value=text)
    who = project.reviewer()
    found = [finding for finding in check(flow(project)) if not finding.hard]
    meant = [finding for finding in found if finding.code == code]
    if not meant:
        there = ", ".join(dict.fromkeys(finding.code for finding in found)) or "the flow has no difference to explain"
        raise InputError(f"the flow has no difference in {EXPLAINABLE[code]} now", value=code, allowed=there)
    payload = {
        "ids": sorted({one for finding in meant for one in finding.ids}),
        "messages": [finding.message for finding in meant],
    }
    with project.writing(command, actor=who) as batch:
        batch.append([NewEvent(kind="explain", subject=code, value=text.strip(), payload=payload)])


def version_flows(project: Project) -> tuple[tuple[str, str, Flow], ...]:
    """(label, UTC moment, flow) of each completed version, oldest first, and of the present if it has gone on."""
    marks = views.versions(project.store)
    found = [(mark.label, mark.at, flow(project, mark.at)) for mark in marks]
    now = flow(project)
    if not marks or now.label != marks[-1].label:
        found.append(("now", project.store.clock(), now))
    return tuple(found)


def syntheses_of(results: Iterable[tuple[str, Mapping[str, Any]]]) -> _Syntheses:
    """(name, studies) of each synthesis, from the names and payloads of stored results (result.json)."""
    return tuple(
        (name, tuple(dict.fromkeys(arm["study"] for arm in payload["selection"]["arms"]))) for name, payload in results
    )


def _read(project: Project, as_of: str | None, marks: list[str]) -> FlowState:
    store, config = project.store, project.config
    arrived = views.record_runs(store, as_of=as_of)
    now = views.assignments(store, as_of=as_of)
    removed = views.removed_by(store, as_of=as_of)
    judged = {event.subject for event in store.heads("retrieve", as_of=as_of)}
    for stage in (TITLE_ABSTRACT, FULL_TEXT):
        judged.update(now.keys() & views.voted_on(store, stage, as_of=as_of))
    tools = {person.name for person in config.reviewers if person.role == "tool"}
    title_abstract, full_text = (
        _decisions(project.verdicts(stage, as_of=as_of), tools) for stage in (TITLE_ABSTRACT, FULL_TEXT)
    )
    kinds = {source.name.casefold(): source.kind for source in config.sources}
    return FlowState(
        runs={run.id: _source(run, kinds, marks) for run in views.runs(store, as_of=as_of)},
        records=RecordColumns(
            id=tuple(arrived),
            report=tuple(map(now.__getitem__, arrived)),
            run=tuple(map(attrgetter("id"), arrived.values())),
            joined_by=tuple(removed.get(rid, "") for rid in arrived),
        ),
        removals={event.subject: event.value or "other" for event in store.heads("remove", as_of=as_of)},
        title_abstract=title_abstract,
        full_text=full_text,
        retrievals={report: one.status for report, one in views.retrievals(store, as_of=as_of).items()},
        links=tuple((link.report, link.study) for link in views.links(store, as_of=as_of)),
        standings={study: one.status for study, one in views.study_statuses(store, as_of=as_of).items()},
        retractions={r: event.value or "notice" for r, event in views.retractions(store, as_of=as_of).items()},
        judged=frozenset(judged),
        reasons=config.eligibility.exclusion_reasons,
        explanations={e.subject: _explanation(e) for e in store.heads("explain", as_of=as_of)},
    )


def _decisions(verdicts: Mapping[str, Verdict], tools: set[str]) -> dict[str, Decision]:
    """Verdicts as the flow reads them; those that are one object stay one."""
    made = {id(verdict): _decision(verdict, tools) for verdict in {id(v): v for v in verdicts.values()}.values()}
    return dict(zip(verdicts, map(made.__getitem__, map(id, verdicts.values())), strict=True))


def _decision(given: Verdict, tools: set[str]) -> Decision:
    tool = not given.resolved_by and all(actor in tools or not is_person(actor) for actor in given.actors)
    verdict = given.status if given.is_final else "undecided"
    return Decision(verdict=verdict, by="tool" if tool and given.actors else "human", reason=given.reason)


def _source(run: Run, kinds: Mapping[str, str], marks: list[str]) -> SourceRun:
    done = run.completed_at or run.started_at
    kind = kinds.get(run.source.casefold(), "")
    method = kind if kind in ("website", "organisation", "citation") else ""
    return SourceRun(
        id=run.id,
        source=run.source,
        kind=run.source_kind if run.source_kind in ("database", "register") else "other",
        method=method,
        round=1 + sum(mark < done for mark in marks),
        loss=_loss(run),
    )


def _loss(run: Run) -> str:
    """What was accepted as missing from a run, or as different from what its source said, and by whom."""
    detail = run.detail
    parts = list(detail.get("accepted", ()))
    missing = detail.get("missing", ())
    if missing:
        more = f" and {len(missing) - 20} more" if len(missing) > 20 else ""
        parts.append(f"{counted(len(missing), 'record')} listed and not delivered: {', '.join(missing[:20])}{more}")
    # Of the warnings that a search was closed over, those about its number; "not delivered" is told already.
    parts += [text for text in detail.get("warnings", ()) if "delivered" in text and "not delivered" not in text]
    if not parts:
        return ""
    name = f" ({run.file_name})" if run.file_name else ""
    who = f" (accepted by {detail['accepted_by']})" if detail.get("accepted_by") else ""
    return f"{run.source}{name}, {run.searched_on}: {', and '.join(parts)}{who}"


def _explanation(event: Event) -> Explanation:
    ids = event.payload.get("ids")
    return Explanation(
        text=event.value or "",
        ids=None if ids is None else frozenset(ids),
        messages=frozenset(event.payload.get("messages", ())),
    )


def _same(first: FlowState, second: FlowState) -> bool:
    """Whether two states count alike; explanations and syntheses may differ."""
    names = ("records", "removals", "title_abstract", "full_text", "retrievals", "links", "standings")
    return all(getattr(first, name) == getattr(second, name) for name in names) and len(first.runs) == len(second.runs)


# ---- files --------------------------------------------------------------------------------------------------------


def write_flow(
    counted: Flow, targets: tuple[Path, ...], *, titles: Mapping[str, str] = _NOTHING
) -> tuple[tuple[Finding, ...], tuple[str, ...]]:
    """Write a flow to files by their suffix (`OUTPUTS`); returns soft findings, and warnings in words.

    A .csv is that of the R package PRISMA2020, a .json holds every number, an .html lists what is behind each box
    (``titles`` names ids in words).

    Raises
    ------
    InputError
        when an identity that must hold is broken or a suffix is not known; then nothing is written.
    """
    findings = require_balanced(counted)
    for target in targets:
        if target.suffix.lower() not in OUTPUTS:
            raise InputError(
                f"a flow cannot be written as {target.suffix or 'a file without a suffix'!r}",
                file=target,
                allowed=", ".join(OUTPUTS),
            )
    warnings: list[str] = []
    for target in targets:
        kind = target.suffix.lower()
        if kind == ".json":
            text = json.dumps(flow_json(counted, findings), ensure_ascii=False, indent=2, allow_nan=False)
            _write_text(target, text + "\n")
        elif kind == ".csv":
            text, notes = r_csv_text(counted)
            _write_text(target, text)
            warnings.extend(notes)
        elif kind == ".docx":
            from toolkit.prisma.diagram import diagram_content
            from toolkit.prisma.docx import flow_docx

            _write_bytes(target, flow_docx(diagram_content(counted, findings)))
        elif kind == ".html":
            from toolkit.prisma.html import flow_html

            _write_text(target, flow_html(counted, _svg(counted, findings), titles))
        else:
            warnings.extend(_draw(counted, findings, target))
    return findings, tuple(warnings)


def _svg(counted: Flow, findings: tuple[Finding, ...]) -> str:
    with tempfile.TemporaryDirectory() as folder:
        drawn = Path(folder) / "flow.svg"
        _draw(counted, findings, drawn)
        return drawn.read_text(encoding="utf-8")


def titles_of(project: Project, counted: Flow) -> dict[str, str]:
    """Id -> "First author year. Title" for the records and reports of a flow (a report by its first record)."""
    return titles_of_boxes(project, (box for _, box in counted.named_boxes()))


def titles_of_boxes(project: Project, boxes: Iterable[Box]) -> dict[str, str]:
    """As `titles_of`, for some boxes."""
    wanted = {one for box in boxes for one in box.ids or ()}
    members = views.reports(project.store)
    first = {report: ids[0] for report, ids in members.items()}
    records = views.records(project.store, {*wanted, *(first[one] for one in wanted if one in first)})
    found = {}
    for one in wanted:
        record = records.get(one) or records.get(first.get(one, ""))
        if record is not None:
            fields = record.fields
            who = fields.authors[0].split(",")[0] if fields.authors else ""
            head = " ".join(str(part) for part in (who, fields.year) if part)
            found[one] = f"{head}. {fields.title or 'no title'}" if head else fields.title or "no title"
    return found


def _draw(counted: Flow, findings: tuple[Finding, ...], target: Path) -> list[str]:
    from toolkit.plots.diagram_draw import draw_diagram
    from toolkit.plots.prisma import layout_prisma
    from toolkit.plots.style import save_figure
    from toolkit.prisma.diagram import diagram_content

    figure = draw_diagram(layout_prisma(diagram_content(counted, findings)))
    return [warning.text for warning in save_figure(figure, target, title="PRISMA 2020 flow diagram")]


def _write_text(target: Path, text: str) -> None:
    _write_bytes(target, text.encode("utf-8"))


def _write_bytes(target: Path, content: bytes) -> None:
    """The whole file or none of it."""
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=".evipool-", suffix=target.suffix, dir=target.parent)
        part = Path(name)
        try:
            with os.fdopen(handle, "wb") as out:
                out.write(content)
            part.chmod(0o644)
            part.replace(target)
        finally:
            part.unlink(missing_ok=True)
    except OSError as error:
        raise SourceError(f"{target}: the file could not be written ({error.strerror or error}).") from error
