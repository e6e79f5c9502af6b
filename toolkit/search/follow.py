"""What became of records that earlier searches brought: retracted, corrected, changed, withdrawn, dropped.

PubMed is asked which of the known hits it revised since the previous run ([lr], date of last revision), and which it
calls retracted; those are fetched again, and what their records say is compared with what is stored. The stored
record stays as it was delivered: what changed is reported, kept as a raw body of the run, and becomes an event where
it touches whether the report may be used.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import date
from typing import Any

from toolkit.model.events import NewEvent
from toolkit.model.records import ParsedRecord
from toolkit.model.review import Run
from toolkit.project import Project
from toolkit.records.normalise import is_retracted
from toolkit.records.pubmed_xml import parse_pubmed_xml
from toolkit.search import pubmed
from toolkit.search.transport import Transport
from toolkit.store import views

__all__ = ["CORRECTIONS", "Changes", "corrections_of", "follow_known", "retraction"]

RETRACTED = '"retracted publication"[pt]'
# MEDLINE tags of notices about a report: erratum, expression of concern, update, republication.
CORRECTIONS = {
    "EIN": "erratum",
    "ECI": "expression of concern",
    "UIN": "update",
    "CRI": "corrected and republished",
    "RRI": "retracted and republished",
    "RPI": "republished",
}
COMPARED = ("title", "abstract", "authors", "journal", "year", "volume", "issue", "pages", "doi", "publication_types")


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes:
    """Known PMIDs by what happened to them since they were fetched.

    Attributes
    ----------
    retracted : their records say so now and did not when they were fetched
    corrected : they gained an erratum, an expression of concern, an update or a republication
    changed : title, abstract, authors or citation differ from the stored record
    withdrawn : dropped from the result because PubMed holds the record no more
    reindexed : dropped from the result although PubMed still holds the record
    details : (PMID, what) for corrected and changed ones
    bodies : (what, body) of the replies this rests on
    """

    retracted: tuple[str, ...] = ()
    corrected: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    withdrawn: tuple[str, ...] = ()
    reindexed: tuple[str, ...] = ()
    details: tuple[tuple[str, str], ...] = ()
    bodies: tuple[tuple[str, bytes], ...] = ()

    def as_payload(self) -> dict[str, Any]:
        """For the event that completes the run: every field that is not empty, the bodies left out."""
        return {f.name: list(value) for f in fields(self) if f.name != "bodies" and (value := getattr(self, f.name))}

    def events(self, records: Mapping[str, str], run_id: str) -> list[NewEvent]:
        """One event for each known record that was retracted, withdrawn or corrected; the gravest counts."""
        found: dict[str, str] = {}
        for value in ("corrected", "withdrawn", "retracted"):
            found.update(dict.fromkeys(getattr(self, value), value))
        what = dict(self.details)
        return [
            retraction(records[pmid], pmid, run_id, value, what.get(pmid) if value == "corrected" else None)
            for pmid, value in found.items()
            if pmid in records
        ]


def retraction(record_id: str, pmid: str, run_id: str, value: str, what: str | None = None) -> NewEvent:
    """The event that says a record was retracted, withdrawn or corrected, and by which search we know."""
    payload = {"pmid": pmid, "run": run_id, **({"what": what} if what else {})}
    return NewEvent(kind="retract", subject=record_id, value=value, payload=payload)


def follow_known(
    project: Project,
    transport: Transport,
    query: str,
    baseline: Run | None,
    known: Mapping[str, str],
    dropped: Sequence[str],
    *,
    today: date,
) -> Changes:
    """Ask PubMed what happened to known records since ``baseline``, the previous run of the strategy.

    Two questions and a batch or two for an ordinary review: the retracted and the revised among the hits (both are
    fetched), and the dropped ids by themselves. Nothing is asked without a previous run.

    Parameters
    ----------
    known : PMID -> record id of the hits that were known before
    dropped : ids of the previous run that are no hits any more
    """
    if baseline is None:
        return Changes()
    bodies: list[tuple[str, bytes]] = []
    retracted: set[str] = set()
    details: dict[str, str] = {}
    corrected: list[str] = []
    changed: list[str] = []
    if known:
        suspect = _among(transport, f"({query}) AND {RETRACTED}", known, today, bodies)
        since = date.fromisoformat(baseline.searched_on)
        revised = _among(transport, pubmed.with_window(query, "lr", since, None), known, today, bodies)
        for pmid, before, now in _refetched(project, transport, known, suspect | revised, bodies):
            if is_retracted(now) and not is_retracted(before):
                retracted.add(pmid)
            notices = corrections_of(now) - corrections_of(before)
            differing = [name for name in COMPARED if getattr(before, name) != getattr(now, name)]
            if notices:
                corrected.append(pmid)
                details[pmid] = ", ".join(sorted(notices))
            elif differing:
                changed.append(pmid)
                details[pmid] = ", ".join(differing)
    withdrawn: set[str] = set()
    for fetched in pubmed.fetch_batches(transport, dropped):
        bodies.append(("efetch dropped", fetched.reply.body))
        withdrawn.update(fetched.missing)
    return Changes(
        retracted=tuple(pmid for pmid in known if pmid in retracted),
        corrected=tuple(corrected),
        changed=tuple(changed),
        withdrawn=tuple(pmid for pmid in dropped if pmid in withdrawn),
        reindexed=tuple(pmid for pmid in dropped if pmid not in withdrawn),
        details=tuple(details.items()),
        bodies=tuple(bodies),
    )


def corrections_of(record: ParsedRecord) -> set[str]:
    """Kinds of notices that a record carries, in words."""
    return {name for tag, name in CORRECTIONS.items() if record.extra.get(tag)}


def _among(
    transport: Transport, query: str, known: Iterable[str], today: date, bodies: list[tuple[str, bytes]]
) -> set[str]:
    found = pubmed.collect_ids(transport, query, today=today)
    bodies += [("esearch", reply.body) for _, reply in found.replies]
    return set(known) & set(found.ids)


def _refetched(
    project: Project,
    transport: Transport,
    known: Mapping[str, str],
    revised: set[str],
    bodies: list[tuple[str, bytes]],
) -> Iterable[tuple[str, ParsedRecord, ParsedRecord]]:
    wanted = [pmid for pmid in known if pmid in revised]
    stored = views.records(project.store, [known[pmid] for pmid in wanted]) if wanted else {}
    for fetched in pubmed.fetch_batches(transport, wanted):
        bodies.append(("efetch revised", fetched.reply.body))
        for _, now in parse_pubmed_xml(fetched.reply.body):
            before = stored.get(known.get(now.pmid or "", ""))
            if before is not None and now.pmid is not None:
                yield now.pmid, before.fields, now
