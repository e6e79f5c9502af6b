"""Bringing an export file in: read, proved whole, stored, and resumable after any cut.

Order of writing: the run with the raw file (one transaction), then one transaction for each batch of records, then
the event that completes the run and says what the file is: which source, searched when. Views see a run only when it
is complete, so an import that was cut off changes nothing until the same command is run again.
"""

from __future__ import annotations

import os
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields
from datetime import date, timedelta
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from toolkit.model.errors import InputError
from toolkit.model.events import NewEvent
from toolkit.model.wording import counted
from toolkit.records import PARSER_VERSION
from toolkit.records.files import OpenedFile, ReadRecord, open_file
from toolkit.records.jsonfiles import parse as parse_json
from toolkit.records.normalise import is_retracted
from toolkit.records.pubmed_xml import parse_pubmed_article
from toolkit.records.tagged import Chunk
from toolkit.search.kept import Kept
from toolkit.search.strategy import read_strategy, strategy_file
from toolkit.store import NewRecord, content_id, views

if TYPE_CHECKING:
    from toolkit.config import Source
    from toolkit.model.records import ParsedRecord
    from toolkit.model.review import Run
    from toolkit.project import Project

__all__ = ["BATCH", "ImportOutcome", "import_file", "reparse"]

BATCH = 2_000  # records in a transaction: a second of work, so that little is lost when the machine stops

Progress = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportOutcome:
    """What an import brought.

    Attributes
    ----------
    run_id : the run in the project
    source, searched_on : as they count now
    date_assumed : whether nobody said when the search was run, and the day of import stands for it
    file_name, format, encoding : of the file
    starters, records : how many records begin in the file, and how many were read
    new : records stored by this call; 0 when the file was known
    lost : records that begin in the file and could not be read (accepted by the user)
    accepted : what was wrong with the file and accepted, in words; ``accepted_by`` says by whom
    retracted : records that say their publication was retracted
    repeated : whether the file had been imported before, so that nothing was added
    resumed : whether an import that was cut off was carried on
    brought_back : whether an import that was taken back counts again
    notes : what was assumed or odd about the file
    """

    run_id: str
    source: str
    searched_on: str
    date_assumed: bool
    file_name: str
    format: str
    encoding: str
    starters: int
    records: int
    new: int
    lost: int
    retracted: int
    repeated: bool
    resumed: bool
    brought_back: bool = False
    notes: tuple[str, ...]
    accepted: tuple[str, ...] = ()
    accepted_by: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Count:
    """What reading the whole file once has shown."""

    records: int
    unread: tuple[tuple[int, str], ...]
    problems: tuple[str, ...]


def import_file(
    project: Project,
    path: str | Path,
    *,
    source: str,
    searched_on: date | None = None,
    expect: int | None = None,
    accept_loss: bool = False,
    format: str | None = None,
    progress: Progress | None = None,
    command: str = "import",
) -> ImportOutcome:
    """Store the records of an export file under a source of review.toml.

    Parameters
    ----------
    path : the file, as it came from the database
    source : name under [[sources]] in review.toml
    searched_on : the day the database was asked; the day of import if nobody says
    expect : how many records the database said it exported; it outweighs what the file says of itself
    accept_loss : go on though records cannot be read or the number is not the expected one; the run log says so
    format : a name of `toolkit.records.detect.FORMATS`, where the user knows better than the detection
    progress : called with ("check" or "store", done, total)

    Raises
    ------
    InputError
        for an unknown source, a day to come, a file that is none, lost records without ``accept_loss``, and a file
        that was imported under another source or date before; nothing is written then.
    """
    where = Path(path)
    found = project.config.source(source)
    today = date.fromisoformat(project.store.clock()[:10])
    if searched_on is not None and searched_on > today + timedelta(days=1):  # it may be tomorrow east of Greenwich
        raise InputError(
            "the day of the search is still to come", value=searched_on.isoformat(), allowed=f"up to {today}"
        )
    opened = open_file(where, format=format)
    earlier = next((r for r in views.runs(project.store, include_open=True) if r.sha256 == opened.sha256), None)
    if earlier is not None and earlier.completed_at is not None:
        return _known(project, where, opened, earlier, found, searched_on, expect)
    with Kept() as kept:
        count = _check(opened, kept, expect, progress)
        if count.problems and not accept_loss:
            raise _refusal(where, opened, count)
        return _Import(
            project=project,
            path=where,
            opened=opened,
            kept=kept,
            source=found,
            earlier=earlier,
            count=count,
            searched_on=searched_on,
            expect=expect,
            progress=progress,
            command=command,
        ).run()


def _check(opened: OpenedFile, kept: Kept, expect: int | None, progress: Progress | None) -> _Count:
    """Read every record before anything is written to the project."""
    parsed = 0
    unread: list[tuple[int, str]] = []
    for number, record in enumerate(opened.records(), start=1):
        if record.parsed is None:
            unread.append((record.raw.ordinal, record.error or ""))
        else:
            parsed += 1
            kept.add(_new_record(opened, record, record.parsed), is_retracted(record.parsed))
        if progress is not None and number % 500 == 0:
            progress("check", number, opened.starters)
    problems = []
    if parsed < opened.starters:
        problems.append(f"of {counted(opened.starters, 'record')} in it {parsed:,} can be read")
    elif unread:
        problems.append(f"{counted(len(unread), 'stretch')} of it cannot be read as records")
    if opened.incomplete:
        problems.append(opened.incomplete)
    if opened.stated is not None and parsed != opened.stated and expect != parsed:
        problems.append(f"the file itself says that there are {opened.stated:,} and {parsed:,} can be read")
    if expect is not None and parsed != expect:
        were, are = "was" if expect == 1 else "were", "is" if parsed == 1 else "are"
        problems.append(f"{counted(expect, 'record')} {were} expected and {parsed:,} {are} in it")
    return _Count(records=parsed, unread=tuple(unread), problems=tuple(problems))


def _refusal(path: Path, opened: OpenedFile, count: _Count) -> InputError:
    shown = "; ".join(f"number {ordinal + 1}: {reason}" for ordinal, reason in count.unread[:5])
    more = f" Not read: {shown}." if shown else ""
    chosen = (
        f" If only these were exported on purpose: --expect {count.records}."
        if opened.stated is not None and opened.stated != count.records
        else ""
    )
    return InputError(
        f"nothing was imported: {', and '.join(count.problems)} (read as {opened.format}).{more}",
        file=path,
        hint="Export the file again; or go on without what is lost by --accept-loss, which the run log will say."
        + chosen,
    )


def _known(
    project: Project,
    path: Path,
    opened: OpenedFile,
    run: Run,
    source: Source,
    searched_on: date | None,
    expect: int | None,
) -> ImportOutcome:
    """A file that is in the review already: nothing is added, and nothing may be said of it that differs."""
    undo = "To change that: 'evipool log', 'evipool undo' the import, and import it again."
    name = "" if run.file_name == _shown(path) else f" (as {run.file_name})"
    if run.source.casefold() != source.name.casefold():
        raise InputError(
            f"this file was imported under {run.source}{name} already", file=path, value=source.name, hint=undo
        )
    if searched_on is not None and searched_on.isoformat() != run.searched_on:
        raise InputError(
            f"this file was imported{name} as searched on {run.searched_on}",
            file=path,
            value=searched_on.isoformat(),
            hint=undo,
        )
    records = int(run.detail.get("records", 0))
    if expect is not None and expect != records:
        raise InputError(
            f"this file was imported{name} already, with {counted(records, 'record')}",
            file=path,
            value=expect,
            hint=undo,
        )
    note = f"the file was imported before{name}, with the same content"
    return ImportOutcome(
        run_id=run.id,
        source=run.source,
        searched_on=run.searched_on,
        date_assumed=bool(run.detail.get("date_assumed")),
        file_name=run.file_name,
        format=opened.format,
        encoding=opened.encoding,
        starters=opened.starters,
        records=records,
        new=0,
        lost=int(run.detail.get("lost", 0)),
        retracted=0,
        repeated=True,
        resumed=False,
        notes=(note,),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Import:
    """One import on its way into the store."""

    project: Project
    path: Path
    opened: OpenedFile
    kept: Kept
    source: Source
    earlier: Run | None
    count: _Count
    searched_on: date | None
    expect: int | None
    progress: Progress | None
    command: str

    def run(self) -> ImportOutcome:
        """Open (or find) the run, store what is missing, complete it."""
        batch_id = str(uuid.uuid4())
        run_id = content_id("import", self.opened.sha256)
        self._open(run_id, batch_id)
        new, retracted = self._store(run_id, batch_id)
        searched_on, assumed = self._day()
        payload: dict[str, Any] = {
            "source": self.source.name,
            "source_kind": self.source.column,
            "searched_on": searched_on,
            "date_assumed": assumed,
            "file_name": _shown(self.path),
            "records": self.count.records,
            "starters": self.opened.starters,
            "lost": max(self.opened.starters - self.count.records, 0),
        }
        if self.expect is not None:
            payload["expected"] = self.expect
        if self.opened.stated is not None:
            payload["stated"] = self.opened.stated
        if self.count.problems:
            payload["accepted"] = list(self.count.problems)
            payload["unread"] = [[ordinal, reason] for ordinal, reason in self.count.unread]
            payload["accepted_by"] = self.project.actor
        payload |= self._strategy()
        standing = {event.subject for event in self.project.store.heads("retract")}
        events = [
            NewEvent(kind="retract", subject=record, value="retracted", payload={"run": run_id})
            for record in retracted
            if record not in standing
        ]
        with self.project.writing(self.command, batch_id=batch_id) as batch:
            batch.append([*events, NewEvent(kind="run", subject=run_id, value="complete", payload=payload)])
        return ImportOutcome(
            run_id=run_id,
            source=self.source.name,
            searched_on=searched_on,
            date_assumed=assumed,
            file_name=_shown(self.path),
            format=self.opened.format,
            encoding=self.opened.encoding,
            starters=self.opened.starters,
            records=self.count.records,
            new=new,
            lost=payload["lost"],
            retracted=len(retracted),
            repeated=False,
            resumed=self.earlier is not None and not self.earlier.taken_back,
            brought_back=self.earlier is not None and self.earlier.taken_back,
            notes=self.opened.notes,
            accepted=self.count.problems,
            accepted_by=payload.get("accepted_by", ""),
        )

    def _strategy(self) -> dict[str, Any]:
        """The source's strategy as its file reads now, kept with the run: the file may be edited later."""
        if not self.source.strategy:
            return {}
        path = strategy_file(self.project.path(), self.source.strategy)
        path = path if path.is_file() else self.project.path(self.source.strategy)
        try:
            text = read_strategy(path).text
        except InputError:
            return {}  # the report of the search names the file that is missing or cannot be read
        return {"strategy_file": path.name, "strategy_text": text}

    def _day(self) -> tuple[str, bool]:
        if self.searched_on is not None:
            return self.searched_on.isoformat(), False
        if self.earlier is not None:
            return self.earlier.searched_on, bool(self.earlier.detail.get("date_assumed"))
        return self.project.store.clock()[:10], True

    def _open(self, run_id: str, batch_id: str) -> None:
        searched_on, assumed = self._day()
        with self.project.writing(self.command, batch_id=batch_id) as batch:
            batch.add_run(
                run_id=run_id,
                kind="import",
                source=self.source.name,
                source_kind=self.source.column,
                file_name=_shown(self.path),
                sha256=self.opened.sha256,
                searched_on=searched_on,
                detail={
                    "format": self.opened.format,
                    "encoding": self.opened.encoding,
                    "size": self.opened.size,
                    "replacements": self.opened.replacements,
                    "notes": list(self.opened.notes),
                    "date_assumed": assumed,
                },
            )
            if self.earlier is None:
                digest = batch.add_body(run_id, 0, "file", self.path.read_bytes())
                if digest != self.opened.sha256:
                    raise InputError("the file changed while it was being read; import it again", file=self.path)

    def _store(self, run_id: str, batch_id: str) -> tuple[int, list[str]]:
        """Store records in batches; those there already are left alone. Returns the new ones, and the retracted."""
        new = done = 0
        retracted: list[str] = []
        records = self._records()
        while chunk := list(islice(records, BATCH)):
            retracted += [stored.id for stored, gone in chunk if gone]
            known = self.project.store.existing_records([stored.id for stored, _ in chunk])
            fresh = [stored for stored, _ in chunk if stored.id not in known]
            if fresh:
                with self.project.writing(self.command, batch_id=batch_id) as batch:
                    new += batch.add_records(run_id, fresh)
            done += len(chunk)
            if self.progress is not None:
                self.progress("store", done, self.count.records)
        return new, retracted

    def _records(self) -> Iterator[tuple[NewRecord, bool]]:
        """What is to be stored, and whether it says that its publication was retracted."""
        if self.kept.whole():
            yield from self.kept.records()
            return
        for record in self.opened.records():
            if record.parsed is not None:
                yield _new_record(self.opened, record, record.parsed), is_retracted(record.parsed)


def _new_record(opened: OpenedFile, record: ReadRecord, parsed: ParsedRecord) -> NewRecord:
    return NewRecord(
        id=content_id(opened.sha256, record.raw.ordinal),
        ordinal=record.raw.ordinal,
        external_id=parsed.accession or parsed.pmid or "",
        format=opened.format,
        raw=record.raw.raw,
        fields=stored_fields(parsed),
        parser_version=PARSER_VERSION,
    )


def stored_fields(parsed: ParsedRecord) -> dict[str, Any]:
    """The fields of a record that say something, by name."""
    return {f.name: value for f in fields(parsed) if (value := getattr(parsed, f.name)) not in (None, (), {})}


def reparse(project: Project, run: Run) -> dict[str, dict[str, Any]]:
    """Record id -> fields of every record of a run, read anew from the raw material in the store."""
    if run.kind == "import":
        opened = open_file(project.store.blob(run.sha256), name=run.file_name, format=run.detail.get("format"))
        return {
            content_id(run.sha256, record.raw.ordinal): stored_fields(record.parsed)
            for record in opened.records()
            if record.parsed is not None
        }
    if run.detail.get("service_query"):  # a search of a source that answers in JSON
        return {
            record_id: stored_fields(parse_json(Chunk(views.raw_record(project.store, record_id))))
            for _, record_id, run_id in views.external_ids(project.store)
            if run_id == run.id
        }
    return {
        record_id: stored_fields(parse_pubmed_article(views.raw_record(project.store, record_id)))
        for _, record_id, run_id in views.external_ids(project.store)
        if run_id == run.id
    }


def _shown(path: Path) -> str:
    """The file's name as text: on Linux a name may be bytes of another encoding, which no database holds."""
    return os.fsencode(path.name).decode("utf-8", errors="replace")
