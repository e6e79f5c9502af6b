"""What is news since a version besides new studies: reports of known studies, notices, registrations, corrections.

Everything is read off events and runs that were recorded after the version was closed, so each line names its source.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from toolkit.model.evidence import RESULTS, STUDIES, split_key
from toolkit.model.records import ParsedRecord
from toolkit.model.review import FULL_TEXT, TITLE_ABSTRACT, Decision, EvidenceTable, Run, Standing, Version
from toolkit.project import Project
from toolkit.records.normalise import is_retracted, registry_status
from toolkit.store import views
from toolkit.store.keys import ReportKeys

__all__ = ["KINDS", "News", "StudyTurn", "news_since", "study_turns"]

# Kind of news -> its heading in the report.
KINDS: dict[str, str] = {
    "report": "New reports of studies known before",
    "notice": "Retractions, corrections and other notices",
    "registration": "Status of registrations",
    "record": "Records that their source changed",
    "joined": "Reports joined or taken apart",
    "reopened": "Decisions that are open again",
    "data": "Extracted data that changed in studies known before",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class News:
    """One line of news: a kind of `KINDS`, the studies or report it is about, the words, and where it comes from.

    ``weighs`` marks what touches an included study and asks for a decision: a retraction, for one.
    """

    kind: str
    about: str
    text: str
    source: str
    weighs: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class StudyTurn:
    """A study whose standing is another than before; ``before`` is "" for a study that was not there."""

    study: str
    before: str
    now: str
    reason: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class _State:
    """The review at one moment, as far as news needs it."""

    members: Mapping[str, tuple[str, ...]]
    standings: Mapping[str, Standing]
    decisions: Mapping[str, Mapping[str, Decision]]
    tables: Mapping[str, EvidenceTable]


def news_since(project: Project, since: Version | None) -> tuple[News, ...]:
    """What came after ``since``, in the order of `KINDS`; without a version only notices on included reports."""
    reader = _Reader(project, since)
    found = [*reader.notices()]
    if since is not None:
        found += [
            *reader.reports(), *reader.registrations(), *reader.records(), *reader.joined(), *reader.reopened(),
            *reader.data(),
        ]  # fmt: skip
    order = list(KINDS)
    return tuple(sorted(found, key=lambda one: (order.index(one.kind), not one.weighs, one.about)))


def study_turns(before: Mapping[str, Standing], now: Mapping[str, Standing]) -> tuple[StudyTurn, ...]:
    """Studies whose standing changed, with the reason where one was stated."""
    found = []
    for study in sorted({*before, *now}):
        was = before[study].status if study in before else ""
        standing = now.get(study)
        status = standing.status if standing is not None else ""
        if was != status:
            reason = standing.reason if standing is not None else None
            found.append(StudyTurn(study=study, before=was, now=status, reason=reason))
    return tuple(found)


class _Reader:
    """Reads the state now and at ``since`` once, and answers one kind of news after another."""

    def __init__(self, project: Project, since: Version | None) -> None:
        self.project, self.since = project, since
        self.after = since.at if since is not None else ""
        self.now = self._state(None)
        self.before = self._state(since.at) if since is not None else self.now
        self.keys = ReportKeys(project.store)
        self.report_of = {rid: report for report, ids in self.now.members.items() for rid in ids}
        self.studies: dict[str, list[str]] = {}
        for link in views.links(project.store):
            self.studies.setdefault(link.report, []).append(link.study)
        full_text = self.now.decisions[FULL_TEXT]
        self.near = {r for r in self.now.members if r in self.studies or r in full_text}
        self.included = {r for s in self.now.standings.values() if s.status == "included" for r in s.included_reports}
        wanted = {rid for report in self.near for rid in self.now.members[report]}
        self.fields = {rid: record.fields for rid, record in views.records(project.store, wanted).items()}
        self.runs = {run.id: run for run in views.runs(project.store)}

    def _state(self, as_of: str | None) -> _State:
        store = self.project.store
        return _State(
            members=views.reports(store, as_of=as_of),
            standings=self.project.standings(as_of=as_of),
            decisions={stage: self.project.decisions(stage, as_of=as_of) for stage in (TITLE_ABSTRACT, FULL_TEXT)},
            tables={name: views.evidence(store, name, as_of=as_of) for name in (STUDIES, RESULTS)},
        )

    # ---- words ----------------------------------------------------------------------------------------------------

    def _named(self, report: str) -> str:
        """ "Kang2018 (Kang 2018, Stem cells ...)": the study, then the report as a reader knows it."""
        studies = ", ".join(self.studies.get(report, ()))
        return studies or self._title(report)

    def _title(self, report: str) -> str:
        first = self.now.members.get(report, (report,))[0]
        fields = self.fields.get(first)
        if fields is None:
            return self.keys.short(report) if report in self.now.members else report[:8]
        author = fields.authors[0].split(",")[0] if fields.authors else ""
        where = ", ".join(str(x) for x in (author, fields.year) if x)
        return f"{fields.title or 'no title'}{f' ({where})' if where else ''}"

    def _run(self, run_id: object) -> str:
        run = self.runs.get(str(run_id))
        return f"{run.source}, {run.searched_on}" if run is not None else ""

    # ---- kinds of news --------------------------------------------------------------------------------------------

    def reports(self) -> Iterable[News]:
        """Reports that describe a study the previous version held already."""
        known = {rid for ids in self.before.members.values() for rid in ids}
        for study, standing in self.now.standings.items():
            old = self.before.standings.get(study)
            if old is None or old.status == "pending":
                continue
            held = {self.report_of.get(report, report) for report in old.reports}
            for report in standing.reports:
                if report in held:
                    continue
                ids = self.now.members.get(report, ())
                fresh = all(rid not in known for rid in ids)
                judged = "included" if report in standing.included_reports else "not included"
                runs = {views_run.id for rid, views_run in views.record_runs(self.project.store).items() if rid in ids}
                source = "; ".join(self._run(run) for run in self.runs if run in runs)
                words = "is new" if fresh else "was known and belongs to it now"
                yield News(
                    kind="report", about=study, source=source, text=f"{self._title(report)} {words}; {judged}.",
                    weighs=judged == "included",
                )  # fmt: skip

    def notices(self) -> Iterable[News]:
        """Retractions, withdrawals, errata and the like; of other reports than included ones only their number."""
        others: dict[str, int] = {}
        events = views.retractions(self.project.store)
        for report in sorted(self.included - events.keys()):
            yield from self._arrived_retracted(report)
        for report, event in events.items():
            if event.at <= self.after:
                continue
            value = event.value or "marked with a notice"
            if report not in self.included:
                others[value] = others.get(value, 0) + 1
                continue
            what = event.payload.get("what")
            words = f"{self._title(report)} was {value}{f' ({what})' if what else ''}."
            weighs = value != "corrected"
            if weighs:
                words += " Its data should be reconsidered."
            source = self._run(event.payload.get("run")) or f"{event.actor}, {event.at[:10]}"
            yield News(kind="notice", about=self._named(report), text=words, source=source, weighs=weighs)
        for value, n in others.items() if self.since is not None else ():
            words = f"{n} {'report' if n == 1 else 'reports'} {value}; none of them is included."
            yield News(kind="notice", about="not included", text=words, source="")

    def _arrived_retracted(self, report: str) -> Iterable[News]:
        """An included report whose own record said that it was retracted when it came."""
        arrived = views.record_runs(self.project.store)
        for rid in self.now.members.get(report, ()):
            run = arrived[rid]
            if rid in self.fields and is_retracted(self.fields[rid]) and (run.completed_at or "") > self.after:
                words = f"{self._title(report)} was retracted. Its data should be reconsidered."
                yield News(kind="notice", about=self._named(report), text=words, source=self._run(run.id), weighs=True)
                return

    def registrations(self) -> Iterable[News]:
        """Registrations whose recruitment status is another than before: searched again, or imported again."""
        for run in self._later_runs():
            for external, was, now in run.detail.get("status_changes", ()):
                record = self._record_of(run.source, external)
                about = self._named(self.report_of[record]) if record in self.report_of else external
                text = f"Registration {external}: {_status(was)} before, {_status(now)} now."
                yield News(kind="registration", about=about, text=text, source=self._run(run.id))
        later = {run.id for run in self._later_runs()}
        arrived = views.record_runs(self.project.store)
        for report in self.near:
            old: str | None = None
            for rid in sorted(self.now.members[report], key=lambda one: arrived[one].searched_on):
                fields = self.fields.get(rid)
                status = registry_status(fields) if fields is not None else None
                if status is None:
                    continue
                if old is not None and _status(status) != _status(old) and arrived[rid].id in later:
                    number = _number(fields) or self._title(report)
                    text = f"Registration {number}: {_status(old)} before, {_status(status)} now."
                    source = self._run(arrived[rid].id)
                    yield News(kind="registration", about=self._named(report), text=text, source=source)
                old = status

    def _record_of(self, source: str, external: str) -> str:
        runs = {run.id for run in self.runs.values() if run.source == source}
        own = (rid for ext, rid, run in views.external_ids(self.project.store) if ext == external and run in runs)
        return next(own, "")

    def records(self) -> Iterable[News]:
        """Records of included reports whose title, abstract or citation their source changed."""
        ids = {ext: rid for ext, rid, _ in views.external_ids(self.project.store)}
        for run in self._later_runs():
            what = dict(run.detail.get("details", ()))
            for pmid in run.detail.get("changed", ()):
                report = self.report_of.get(ids.get(pmid, ""), "")
                if report in self.included:
                    text = f"{self._title(report)}: {what.get(pmid, 'its record')} changed at the source."
                    yield News(kind="record", about=self._named(report), text=text, source=self._run(run.id))

    def joined(self) -> Iterable[News]:
        """Reports near inclusion that became one, or that became several, after they had been judged."""
        old = {rid: report for report, ids in self.before.members.items() for rid in ids}
        for report in sorted(self.near):
            was = {old[rid] for rid in self.now.members[report] if rid in old}
            judged = [one for one in was if any(one in stage for stage in self.before.decisions.values())]
            if len(judged) > 1:
                words = f"{len(judged)} reports that had been judged apart are one now: {self._title(report)}."
                yield News(kind="joined", about=self._named(report), text=words, source=self._assigner(report))
        for ids in self.before.members.values():
            apart = {self.report_of[rid] for rid in ids if rid in self.report_of}
            if len(apart) > 1 and apart & self.near:
                words = f"One report was taken apart into {len(apart)}: {self._title(sorted(apart & self.near)[0])}."
                yield News(kind="joined", about=self._named(sorted(apart & self.near)[0]), text=words, source="")

    def _assigner(self, report: str) -> str:
        members = set(self.now.members[report])
        late = [e for e in self.project.store.heads("assign") if e.subject in members and e.at > self.after]
        return f"{late[-1].actor}, {late[-1].at[:10]}" if late else ""

    def reopened(self) -> Iterable[News]:
        """Reports that had a decision and have none now: votes that disagree since a merge, or votes added later."""
        for stage, now in self.now.decisions.items():
            before = self.before.decisions[stage]
            for report, decision in now.items():
                names = {report, *self.now.members.get(report, ())}
                was = {before[name].status for name in names if name in before and before[name].is_final}
                if decision.is_final or not was:
                    continue
                words = " and ".join(sorted(was))
                about = self._named(report) if report in self.near else self.keys.short(report)
                text = f"{stage}: it was {words}, and is in {decision.status} now: {self._title(report)}."
                yield News(kind="reopened", about=about, text=text, source="", weighs=True)

    def data(self) -> Iterable[News]:
        """Cells that had a value before and have another now, in studies that were included before."""
        kept = {s for s, x in self.before.standings.items() if x.status == "included"}
        for name, table in self.now.tables.items():
            old_rows = self.before.tables[name].rows
            for key, cells in table.rows.items():
                row = split_key(name, key)
                if row["study"] not in kept or key not in old_rows:
                    continue
                for column, cell in cells.items():
                    old = old_rows[key].get(column)
                    if old is None or (old.value == cell.value and old.conflict == cell.conflict):
                        continue
                    where = ", ".join(v for k, v in row.items() if k != "study" and v) or name
                    now = "in conflict" if cell.conflict else cell.value or "empty"
                    text = f"{where}, {column}: {old.value or 'empty'} before, {now} now."
                    who = " and ".join(dict.fromkeys(actor for actor, _ in cell.by))
                    yield News(kind="data", about=row["study"], text=text, source=who, weighs=cell.conflict)

    def _later_runs(self) -> list[Run]:
        return [run for run in self.runs.values() if (run.completed_at or "") > self.after]


def _status(text: str) -> str:
    return text.replace("_", " ").casefold()


def _number(fields: ParsedRecord | None) -> str:
    return "" if fields is None else (fields.accession or next(iter(fields.registry_numbers), ""))
