"""One search of PubMed as a run of the project: asked, proved, stored, and resumable after any cut.

Order of writing: the run with its ids (one transaction), then one transaction for each batch of records, then the
event that completes the run. Views see a run only when it is complete, so a search that was cut off changes nothing
until it is resumed by running it again.
"""

from __future__ import annotations

import hashlib
import json
import uuid
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, fields
from datetime import UTC, date, datetime
from functools import partial
from pathlib import Path
from typing import Any

from toolkit.model.errors import InputError, SourceError, WaitingForPeople
from toolkit.model.events import NewEvent
from toolkit.model.records import ParsedRecord
from toolkit.model.review import Run
from toolkit.model.wording import counted
from toolkit.project import Project
from toolkit.records import PARSER_VERSION
from toolkit.records.normalise import is_retracted
from toolkit.records.pubmed_xml import parse_pubmed_xml
from toolkit.search import pubmed
from toolkit.search.follow import Changes, follow_known, retraction
from toolkit.search.lint import check_strategy
from toolkit.search.runs import (
    SOURCE,
    SearchOutcome,
    Window,
    discard_run,
    find_run,
    known_records,
    locate_strategy,
    search_runs,
    window_since_last,
)
from toolkit.search.services import service_of
from toolkit.search.strategy import Strategy, query_of, read_strategy
from toolkit.search.transport import Transport
from toolkit.search.web_run import run_web_search, web_search_of
from toolkit.store import NewRecord, content_id, views

__all__ = [
    "SOURCE",
    "SearchOutcome",
    "Window",
    "discard_run",
    "find_run",
    "known_records",
    "run_search",
    "search_runs",
    "window_since_last",
]

Progress = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Job:
    """What every step of one `run_search` call needs."""

    project: Project
    transport: Transport
    strategy: Strategy
    query: str
    window: Window
    day: date | None
    accept: bool
    line_counts: bool
    progress: Progress | None
    command: str
    batch_id: str
    earlier: tuple[Run, ...]


def run_search(
    project: Project,
    strategy_path: str | Path,
    *,
    transport: Transport,
    date: date | None = None,
    accept_warnings: bool = False,
    window: Window | None = None,
    line_counts: bool = False,
    progress: Progress | None = None,
    command: str = "search run",
) -> SearchOutcome:
    """Search the source that a strategy file names, PubMed or one of `services`, and store what is new.

    Parameters
    ----------
    strategy_path : the file; a bare name is looked up in the project's search_strategies/
    date : day of the search; None takes the date of PubMed's reply
    accept_warnings : sign off PubMed's warnings, a changed translation or undelivered ids
    window : only records created (entered, indexed) in these days; None reruns the whole strategy
    line_counts : ask for the hits of each line too
    progress : called with (what, done, total)

    Raises
    ------
    InputError
        the strategy has errors or is not for PubMed.
    WaitingForPeople
        the query searched is not the query written, or PubMed listed ids and did not deliver them.
    SourceError
        PubMed failed; what was fetched is kept under the open run, and running again goes on from there.
    """
    strategy = read_strategy(locate_strategy(project, strategy_path))
    window = window or Window()
    if service_of(strategy) is not None:
        if window.is_set or line_counts:
            raise InputError("Windows of days and hits of each line are there for PubMed alone.", file=strategy.file)
        return run_web_search(
            project, web_search_of(project, strategy), transport=transport, day=date, accept_warnings=accept_warnings,
            progress=progress, command=command,
        )  # fmt: skip
    job = _Job(
        project=project,
        transport=transport,
        strategy=strategy,
        query=pubmed.with_window(_checked_query(strategy), window.field, window.first, window.last),
        window=window,
        day=date,
        accept=accept_warnings,
        line_counts=line_counts,
        progress=progress,
        command=command,
        batch_id=str(uuid.uuid4()),
        earlier=tuple(search_runs(project)),
    )
    run = _open_run(job)
    resumed = run is not None
    run = run or _ask(job)
    if run.completed_at is not None:
        return _repeated(job, run)
    ids = tuple(views.run_hits(project.store, run.id))
    known = known_records(project)
    missing = _fetch(job, run, ids, known)
    if missing and not accept_warnings:
        raise WaitingForPeople(
            f"PubMed listed {counted(len(ids), 'record')} and did not deliver {len(missing)}: "
            f"{', '.join(missing[:20])}. "
            "They may have been withdrawn or merged since. The run stays open: run the same command again to ask "
            "anew, or add --accept-warnings to close it without them (they are named in the log)."
        )
    return _complete(job, run, ids, known, missing, resumed=resumed)


def _checked_query(strategy: Strategy) -> str:
    if strategy.platform != "pubmed":
        raise InputError(
            f"This strategy is for {strategy.get('platform', 'database')}, which is not searched from here.",
            file=strategy.file,
            allowed="PubMed, Europe PMC, OpenAlex, Crossref, ClinicalTrials.gov",
            hint="Search there, then bring the export in with 'evipool import FILE --database NAME'.",
        )
    errors = [finding for finding in check_strategy(strategy) if finding.severity == "error"]
    if errors:
        more = f" ({len(errors) - 1} more: 'evipool search check')" if len(errors) > 1 else ""
        first = errors[0]
        raise InputError(
            f"The strategy is not run: {first.message} [{first.code}]{more}.",
            file=first.file,
            row=first.row,
            column=str(first.column),
        )
    return query_of(strategy)


def _open_run(job: _Job) -> Run | None:
    """An unfinished run of the very same query (and day, if one was named), to be carried on.

    One that was taken back was finished: the source is asked anew.
    """
    for run in reversed(search_runs(job.project, include_open=True)):
        same_day = job.day is None or run.searched_on == job.day.isoformat()
        is_open = run.completed_at is None and not run.taken_back
        if is_open and run.detail.get("query") == job.query and same_day:
            return run
    return None


def _ask(job: _Job) -> Run:
    """Ask for every id, settle warnings, and open the run with them."""
    today = job.day or datetime.now(UTC).date()
    report = partial(job.progress, "ids") if job.progress else None
    found = pubmed.collect_ids(job.transport, job.query, today=today, progress=report)
    warnings = _warnings(found, job.query, job.earlier)
    if warnings and not job.accept:
        raise WaitingForPeople(
            "PubMed did not search the query as written:\n"
            + "\n".join(f"  - {warning}" for warning in warnings)
            + f"\n{counted(found.first.count, 'record', 'matches', 'match')} what it searched instead: "
            f"{found.first.translation}\n"
            "Correct the strategy, or sign this off with --accept-warnings. Nothing was stored."
        )
    reply = found.first.reply
    searched_on = (job.day or (reply.date or datetime.now(UTC)).date()).isoformat()
    detail = _detail(job, found, warnings)
    bodies = [answer.body for _, answer in found.replies]
    if job.line_counts:
        detail["line_counts"], extra = _count_lines(job)
        bodies += extra
    digest = hashlib.sha256(json.dumps([job.query, list(found.ids)]).encode("utf-8")).hexdigest()
    run_id = content_id("run", "search", SOURCE, digest, searched_on)
    with job.project.writing(job.command, batch_id=job.batch_id) as batch:
        detail["strategy_sha256"] = batch.add_blob(job.strategy.text.encode("utf-8"))
        batch.add_run(
            run_id=run_id,
            kind="search",
            source=SOURCE,
            source_kind="database",
            file_name=Path(job.strategy.file).name,
            sha256=digest,
            searched_on=searched_on,
            detail=detail,
        )
        for number, body in enumerate(bodies):
            batch.add_body(run_id, number, "esearch", job.transport.scrub(body))
        batch.add_hits(run_id, found.ids)
        if any(event.subject == run_id and event.value == "discarded" for event in job.project.store.heads("run")):
            batch.append([NewEvent(kind="run", subject=run_id, value=None, void=True)])  # given up once, wanted again
    return next(run for run in search_runs(job.project, include_open=True) if run.id == run_id)


def _detail(job: _Job, found: pubmed.IdList, warnings: tuple[str, ...]) -> dict[str, Any]:
    """What the run log says of a search."""
    first, last = job.window.first, job.window.last
    detail: dict[str, Any] = {
        "strategy": job.strategy.name,
        "header": [list(pair) for pair in job.strategy.header],
        "query": job.query,
        "translation": found.first.translation,
        "translations": [list(pair) for pair in found.first.translations],
        "count": len(found.ids),
        "warnings": list(warnings),
        "window": {
            "field": job.window.field,
            "first": first.isoformat() if first else None,
            "last": last.isoformat() if last else None,
        },
        "slices": [[s.first.isoformat(), s.last.isoformat(), s.count] for s in found.slices],
        "replayed": found.first.reply.replayed,
        "service": job.transport.settings.base_url,
    }
    if warnings:
        detail["accepted_by"] = job.project.actor
    return detail


def _warnings(found: pubmed.IdList, query: str, earlier: Sequence[Run]) -> tuple[str, ...]:
    listed = [str(warning) for warning in found.first.warnings if not _clipping(warning, found)]
    before = next((run for run in reversed(earlier) if run.detail.get("query") == query), None)
    if before is not None and before.detail.get("translation") != found.first.translation:
        listed.append(
            f"PubMed translates the query otherwise than on {before.searched_on}, "
            f"when it read: {before.detail.get('translation')}"
        )
    return tuple(listed)


def _clipping(warning: pubmed.QueryWarning, found: pubmed.IdList) -> bool:
    """Whether PubMed only says that it listed no more than 9,999, which the slices have settled."""
    return bool(found.slices) and "Restrictions achieved" in warning.text


def _count_lines(job: _Job) -> tuple[list[list[Any]], list[bytes]]:
    counts: list[list[Any]] = []
    bodies: list[bytes] = []
    for line in job.strategy.lines:
        answer = pubmed.esearch(job.transport, query_of(job.strategy, line.number), retmax=0)
        counts.append([line.number, answer.count, [str(warning) for warning in answer.warnings]])
        bodies.append(answer.reply.body)
    return counts, bodies


def _fetch(job: _Job, run: Run, ids: tuple[str, ...], known: dict[str, str]) -> tuple[str, ...]:
    """Fetch and store the records of this run that nobody has yet; returns the ids PubMed would not deliver."""
    project = job.project
    order = {pmid: ordinal for ordinal, pmid in enumerate(ids)}
    wanted = [pmid for pmid in ids if pmid not in known]
    stored = project.store.existing_records([_record_id(run.id, order[pmid]) for pmid in wanted])
    wanted = [pmid for pmid in wanted if _record_id(run.id, order[pmid]) not in stored]
    done = len(ids) - len(wanted)
    missing: list[str] = []
    body_number = _next_body(project, run)
    for fetched in pubmed.fetch_batches(job.transport, wanted):
        body = job.transport.scrub(fetched.reply.body)
        parsed = [(raw.raw, record) for raw, record in parse_pubmed_xml(body) if record.pmid in order]
        if len(parsed) != len(fetched.returned):
            raise SourceError(
                f"PubMed sent {counted(len(fetched.returned), 'record')}, {len(parsed)} could be read; none was kept."
            )
        made = {record.pmid: (_new_record(run.id, order, raw, record), record) for raw, record in parsed}
        records = [new for new, _ in made.values()]
        retracted = [new for new, record in made.values() if is_retracted(record)]
        with project.writing(job.command, batch_id=job.batch_id) as batch:
            batch.add_body(run.id, body_number, "efetch", body)
            batch.add_records(run.id, records)
            batch.append([retraction(new.id, new.external_id, run.id, "retracted") for new in retracted])
        body_number += 1
        missing += fetched.missing
        done += len(fetched.requested)
        if job.progress:
            job.progress("records", done, len(ids))
    return tuple(missing)


def _complete(
    job: _Job, run: Run, ids: tuple[str, ...], known: dict[str, str], missing: tuple[str, ...], *, resumed: bool
) -> SearchOutcome:
    """Look after known and dropped records, then close the run."""
    baseline = next((r for r in reversed(job.earlier) if r.file_name == run.file_name and r.id != run.id), None)
    dropped = _dropped(job, baseline, ids)
    again = tuple(pmid for pmid in ids if pmid in known)
    hits = {pmid: known[pmid] for pmid in again}
    today = date.fromisoformat(run.searched_on)
    changes = follow_known(job.project, job.transport, job.query, baseline, hits, dropped, today=today)
    payload = {
        "new": len(ids) - len(again) - len(missing),
        "known": len(again),
        "dropped": list(dropped),
        "missing": list(missing),
        **changes.as_payload(),
    }
    standing = {event.subject: event.value for event in job.project.store.heads("retract")}
    # Said once; and a retraction stands, whatever notice comes after it.
    events = [e for e in changes.events(known, run.id) if standing.get(e.subject) not in (e.value, "retracted")]
    number = _next_body(job.project, run)
    with job.project.writing(job.command, batch_id=job.batch_id) as batch:
        for offset, (what, body) in enumerate(changes.bodies):
            batch.add_body(run.id, number + offset, what, job.transport.scrub(body))
        batch.append([*events, NewEvent(kind="run", subject=run.id, value="complete", payload=payload)])
    return _outcome(run, ids, again, dropped, missing, changes, resumed=resumed)


def _new_record(run_id: str, order: dict[str, int], raw: bytes, parsed: ParsedRecord) -> NewRecord:
    pmid = parsed.pmid or ""
    return NewRecord(
        id=_record_id(run_id, order[pmid]),
        ordinal=order[pmid],
        external_id=pmid,
        format="pubmed-xml",
        raw=raw,
        parser_version=PARSER_VERSION,
        fields={f.name: value for f in fields(parsed) if (value := getattr(parsed, f.name)) not in (None, (), {})},
    )


def _record_id(run_id: str, ordinal: int) -> str:
    return content_id("record", run_id, ordinal)


def _next_body(project: Project, run: Run) -> int:
    return max((ordinal for ordinal, _, _ in views.run_bodies(project.store, run.id)), default=-1) + 1


def _dropped(job: _Job, baseline: Run | None, ids: Iterable[str]) -> tuple[str, ...]:
    """What the previous run of the strategy had and this one has not; a window makes the two incomparable."""
    if baseline is None or job.window.is_set:
        return ()
    before = baseline.detail.get("window") or {}
    if before.get("first") or before.get("last"):
        return ()
    present = set(ids)
    return tuple(pmid for pmid in views.run_hits(job.project.store, baseline.id) if pmid not in present)


def _repeated(job: _Job, run: Run) -> SearchOutcome:
    """The outcome of asking again what this day's run had answered: the log gains a line, nothing else changes."""
    project = job.project
    with project.writing(job.command, batch_id=job.batch_id):
        pass
    ids = tuple(views.run_hits(project.store, run.id))
    known = known_records(project)
    again = tuple(pmid for pmid in ids if pmid in known)
    missing = tuple(run.detail.get("missing", ()))
    return _outcome(run, ids, again, (), missing, Changes(), resumed=False, repeated=True)


def _outcome(
    run: Run,
    ids: tuple[str, ...],
    known: tuple[str, ...],
    dropped: tuple[str, ...],
    missing: tuple[str, ...],
    changes: Changes,
    *,
    resumed: bool,
    repeated: bool = False,
) -> SearchOutcome:
    left_out = {*known, *missing}
    return SearchOutcome(
        run_id=run.id,
        searched_on=run.searched_on,
        query=run.detail["query"],
        translation=run.detail["translation"],
        count=len(ids),
        new=tuple(pmid for pmid in ids if pmid not in left_out),
        known=known,
        dropped=dropped,
        missing=missing,
        warnings=tuple(run.detail["warnings"]),
        changes=changes,
        replayed=bool(run.detail["replayed"]),
        resumed=resumed,
        repeated=repeated,
    )
