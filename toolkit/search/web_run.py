"""A search of Europe PMC, OpenAlex, Crossref or ClinicalTrials.gov as a run of the project.

The order of writing is that of `run`: the run with its first page, one transaction for each further page, then the
event that completes it. Pages are taken by cursor; what came is reconciled with the source's own count. A search that
was cut off goes on at the page after the last one kept.
"""

from __future__ import annotations

import hashlib
import json
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from toolkit.model.errors import InputError, WaitingForPeople
from toolkit.model.events import NewEvent
from toolkit.model.records import ParsedRecord
from toolkit.model.review import Run
from toolkit.model.wording import counted
from toolkit.project import Project
from toolkit.records import PARSER_VERSION
from toolkit.records.jsonfiles import parse, split
from toolkit.records.normalise import is_retracted, registry_status
from toolkit.search.follow import Changes, retraction
from toolkit.search.lint import check_strategy
from toolkit.search.runs import SearchOutcome
from toolkit.search.services import Page, Service, service_of
from toolkit.search.strategy import Strategy, query_of
from toolkit.search.transport import Transport
from toolkit.search.web import WebClient
from toolkit.store import NewRecord, content_id, views

__all__ = ["LARGEST", "Part", "WebSearch", "run_web_search", "web_search_of"]

LARGEST = 50_000  # results of one search; beyond it a query is not a strategy but a dump of the source
Progress = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True)
class Part:
    """One request to be paged through: its parameters, and the ids it must bring, None where only a count is known."""

    params: tuple[tuple[str, str], ...]
    wanted: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class WebSearch:
    """What is to be searched: where, under which name, with which parts, and what the run log says of it."""

    service: Service
    source: str
    source_kind: str
    name: str
    query: str
    parts: tuple[Part, ...]
    detail: dict[str, Any]
    text: str


def web_search_of(project: Project, strategy: Strategy) -> WebSearch:
    """The search that a strategy for one of the services stands for.

    Raises
    ------
    InputError
        the strategy has errors, or names no such service.
    """
    service = service_of(strategy)
    if service is None:
        raise InputError("This strategy names no source that evipool searches.", file=strategy.file)
    wrong = [finding for finding in check_strategy(strategy) if finding.severity == "error"]
    if wrong:
        first = wrong[0]
        raise InputError(
            f"The strategy is not run: {first.message} [{first.code}].", file=first.file, row=first.row,
            column=str(first.column),
        )  # fmt: skip
    query = query_of(strategy)
    name, kind = declared(project, service.name, service.kind)
    return WebSearch(
        service=service,
        source=name,
        source_kind=kind,
        name=Path(strategy.file).name,
        query=query,
        parts=(Part(tuple(service.params(query).items())),),
        detail={"strategy": strategy.name, "header": [list(pair) for pair in strategy.header]},
        text=strategy.text,
    )


def declared(project: Project, name: str, kind: str) -> tuple[str, str]:
    """Name and class of a source as review.toml has them, or as given."""
    for source in project.config.sources:
        if source.name.casefold() == name.casefold():
            return source.name, source.column
    return name, kind


def run_web_search(
    project: Project,
    search: WebSearch,
    *,
    transport: Transport,
    day: date | None = None,
    accept_warnings: bool = False,
    progress: Progress | None = None,
    command: str = "search run",
) -> SearchOutcome:
    """Search and store what is new.

    Raises
    ------
    InputError
        more results than `LARGEST`, a reply that is not as documented, or recorded replies.
    WaitingForPeople
        the source delivered another number than it counts; the run stays open, or closes by ``accept_warnings``.
    WebError
        the source failed; what was fetched is kept under the open run, and running again goes on from there.
    """
    client = transport.web(search.service.name)
    return _WebRun(project, search, client, transport, accept_warnings, progress, command).run(day)


class _WebRun:
    """One search on its way into the store."""

    def __init__(
        self, project: Project, search: WebSearch, client: WebClient, transport: Transport, accept: bool,
        progress: Progress | None, command: str,
    ) -> None:  # fmt: skip
        self.project, self.search, self.client, self.transport = project, search, client, transport
        self.accept, self.progress, self.command = accept, progress, command
        self.batch_id = str(uuid.uuid4())
        self.ids: dict[str, None] = {}
        self.counts: list[int] = []
        self.known = self._known()

    def run(self, day: date | None) -> SearchOutcome:
        """Carry the run on, or open it; then page, reconcile and complete."""
        found = views.runs(self.project.store, include_open=True)
        mine = [r for r in found if r.kind == "search" and r.detail.get("service_query") == self._key()]
        opened = next((r for r in reversed(mine) if r.completed_at is None and not r.taken_back), None)
        when = (day or datetime.fromisoformat(self.project.store.clock()).astimezone(UTC).date()).isoformat()
        run_id = content_id("run", "search", self.search.source, self._key(), when)
        done = next((r for r in mine if r.completed_at is not None and r.id == run_id), None)
        if done is not None:
            return self._repeated(done)
        if opened is not None:
            run_id, when = opened.id, opened.searched_on
        self._pages(run_id, when)
        return self._complete(run_id, when, mine, resumed=opened is not None)

    def _key(self) -> str:
        parts = [[list(pair) for pair in part.params] for part in self.search.parts]
        return hashlib.sha256(json.dumps([self.search.service.url, parts]).encode("utf-8")).hexdigest()

    def _known(self) -> dict[str, str]:
        """Id -> record id of what earlier complete runs of this source brought."""
        runs = {r.id for r in views.runs(self.project.store) if r.kind == "search" and r.source == self.search.source}
        return {ext: rid for ext, rid, run_id in views.external_ids(self.project.store) if run_id in runs}

    def _pages(self, run_id: str, when: str) -> None:
        kept = views.run_bodies(self.project.store, run_id)
        first_part, cursor = 0, self.search.service.cursor[1]
        ended = False
        for _, what, sha256 in kept:
            first_part = int(what.partition(":")[2])
            page = self._read(self.project.store.blob(sha256), cursor if not ended else self.search.service.cursor[1])
            self._take(first_part, page)
            ended = page.next is None
            cursor = page.next or self.search.service.cursor[1]
        number = len(kept)
        start = first_part + 1 if ended else first_part
        for index in range(start, len(self.search.parts)):
            token: str | None = cursor if index == first_part and not ended else self.search.service.cursor[1]
            while token is not None:
                body, page = self._ask(self.search.parts[index], token)
                self._store(run_id, when, number, index, body, page)
                number += 1
                if self.progress:
                    self.progress("records", len(self.ids), sum(self.counts))
                token = page.next

    def _ask(self, part: Part, token: str) -> tuple[bytes, Page]:
        service, settings = self.search.service, self.transport.settings
        params = {**service.fixed, **dict(part.params), service.size[0]: str(service.size[1])}
        if token:
            params[service.cursor[0]] = token
        if service.mail and settings.email:
            params[service.mail] = settings.email
        if service.key and settings.openalex_key:
            params[service.key] = settings.openalex_key
        content, reply = self.client.get(service.name, service.url, params, interval=service.interval)
        page = service.page(content, token)
        if (page.count or 0) > LARGEST:
            raise InputError(
                f"{service.name} counts {counted(page.count or 0, 'result')}; evipool fetches {LARGEST:,} of a search.",
                hint="Narrow the query, or search in parts.",
            )
        return reply.body, page

    def _read(self, body: bytes, cursor: str) -> Page:
        return self.search.service.page(json.loads(body, strict=False), cursor)

    def _take(self, index: int, page: Page) -> None:
        while len(self.counts) <= index:
            self.counts.append(0)
        if page.count is not None:
            self.counts[index] = page.count
        self.ids.update(dict.fromkeys(page.ids))

    def _store(self, run_id: str, when: str, number: int, index: int, body: bytes, page: Page) -> None:
        """Keep a page and its new records in one transaction; the first one opens the run."""
        chunks = list(split(body, "utf-8"))
        if len(chunks) != len(page.ids):
            raise InputError(
                f"{self.search.service.name}: {counted(len(page.ids), 'result')} came and {len(chunks)} can be read."
            )
        before = len(self.ids)
        new: list[NewRecord] = []
        retracted: list[tuple[str, str]] = []
        fresh = [(name, c) for name, c in zip(page.ids, chunks, strict=True) if name not in self.ids]
        self._take(index, page)
        for offset, (name, chunk) in enumerate(fresh):
            parsed = parse(chunk)
            record_id = content_id("record", run_id, name)
            if name in self.known:
                record_id = self.known[name]
            else:
                new.append(self._record(record_id, before + offset, name, chunk.raw, parsed))
            if is_retracted(parsed):
                retracted.append((record_id, name))
        standing = {event.subject for event in self.project.store.heads("retract")}
        events = [retraction(r, n, run_id, "retracted") for r, n in retracted if r not in standing]
        with self.project.writing(self.command, batch_id=self.batch_id) as batch:
            if number == 0:
                strategy = batch.add_blob(self.search.text.encode("utf-8"))
                batch.add_run(
                    run_id=run_id,
                    kind="search",
                    source=self.search.source,
                    source_kind=self.search.source_kind,
                    file_name=self.search.name,
                    sha256=self._key(),
                    searched_on=when,
                    detail={
                        **self.search.detail,
                        "strategy_sha256": strategy,
                        "query": self.search.query,
                        "translation": None,
                        "service": self.search.service.url,
                        "service_query": self._key(),
                        "warnings": [],
                        "window": {"field": "", "first": None, "last": None},
                        "replayed": False,
                        "count": page.count,
                    },
                )
                given_up = any(e.subject == run_id and e.value == "discarded" for e in self.project.store.heads("run"))
                if given_up:
                    batch.append([NewEvent(kind="run", subject=run_id, value=None, void=True)])
            batch.add_body(run_id, number, f"page:{index}", self.transport.scrub(body))
            batch.add_records(run_id, new)
            batch.append(events)

    def _record(self, record_id: str, ordinal: int, name: str, raw: bytes, parsed: ParsedRecord) -> NewRecord:
        return NewRecord(
            id=record_id,
            ordinal=ordinal,
            external_id=name,
            format=self.search.service.format,
            raw=raw,
            parser_version=PARSER_VERSION,
            fields={f.name: v for f in fields(parsed) if (v := getattr(parsed, f.name)) not in (None, (), {})},
        )

    def _complete(self, run_id: str, when: str, mine: Sequence[Run], *, resumed: bool) -> SearchOutcome:
        counted = sum(self.counts)
        ids = tuple(self.ids)
        missing = self._missing()
        asked_by_id = all(part.wanted is not None for part in self.search.parts)
        warnings = []
        if len(self.search.parts) == 1 and not asked_by_id and counted != len(ids):
            warnings.append(
                f"{self.search.source} counts {counted:,} results and delivered {len(ids):,} different ones"
            )
        if missing:
            warnings.append(f"not delivered: {', '.join(missing[:20])} ({len(missing)} in all)")
        if warnings and not self.accept:
            raise WaitingForPeople(
                f"{'; '.join(warnings)}. The source may have been updated meanwhile. The run stays open: discard it "
                "('evipool search discard') and search again, or close it as it is with --accept-warnings."
            )
        again = tuple(name for name in ids if name in self.known)
        baseline = next((r for r in reversed(mine) if r.completed_at is not None), None)
        before = views.run_hits(self.project.store, baseline.id) if baseline is not None else []
        dropped = tuple(name for name in before if name not in self.ids)
        payload: dict[str, Any] = {
            "count": len(ids), "counted": counted, "new": len(ids) - len(again), "known": len(again),
            "dropped": list(dropped), "missing": list(missing), "warnings": warnings,
        }  # fmt: skip
        changes = self._status_changes(run_id)
        if changes:
            payload["status_changes"] = changes
        if warnings:
            payload["accepted_by"] = self.project.actor
        with self.project.writing(self.command, batch_id=self.batch_id) as batch:
            batch.add_hits(run_id, ids)
            batch.append([NewEvent(kind="run", subject=run_id, value="complete", payload=payload)])
        return self._outcome(run_id, when, ids, again, dropped, tuple(warnings), resumed=resumed)

    def _status_changes(self, run_id: str) -> list[list[str]]:
        """[id, status before, status now] of known registrations that say something else than when last seen."""
        if self.search.service.format != "clinicaltrials_json" or not self.known:
            return []
        stored = views.records(self.project.store, self.known.values())
        seen = {name: registry_status(stored[rid].fields) for name, rid in self.known.items() if rid in stored}
        for run in views.runs(self.project.store):
            seen.update({name: now for name, _, now in run.detail.get("status_changes", ()) if name in seen})
        found = []
        for _, _, sha256 in views.run_bodies(self.project.store, run_id):
            body = self.project.store.blob(sha256)
            page = self._read(body, "again")
            for name, chunk in zip(page.ids, split(body, "utf-8"), strict=True):
                before, now = seen.get(name), registry_status(parse(chunk))
                if before is not None and now is not None and before != now:
                    found.append([name, before, now])
        return found

    def _missing(self) -> tuple[str, ...]:
        return tuple(name for part in self.search.parts for name in part.wanted or () if name not in self.ids)

    def _outcome(
        self, run_id: str, when: str, ids: tuple[str, ...], again: tuple[str, ...], dropped: tuple[str, ...],
        warnings: tuple[str, ...], *, resumed: bool = False, repeated: bool = False,
    ) -> SearchOutcome:  # fmt: skip
        known = set(again)
        return SearchOutcome(
            run_id=run_id,
            searched_on=when,
            query=self.search.query,
            translation=None,
            count=len(ids),
            new=tuple(name for name in ids if name not in known),
            known=again,
            dropped=dropped,
            missing=self._missing(),
            warnings=warnings,
            changes=Changes(),
            replayed=False,
            resumed=resumed,
            repeated=repeated,
            source=self.search.source,
        )

    def _repeated(self, run: Run) -> SearchOutcome:
        """This very search was complete already: the log gains a line, nothing is asked."""
        with self.project.writing(self.command, batch_id=self.batch_id):
            pass
        ids = tuple(views.run_hits(self.project.store, run.id))
        return self._outcome(run.id, run.searched_on, ids, ids, (), tuple(run.detail["warnings"]), repeated=True)
