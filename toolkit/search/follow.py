"""What became of records that earlier searches brought: retracted, corrected, changed, withdrawn, dropped."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from toolkit.model.events import NewEvent
from toolkit.model.review import Run
from toolkit.search import pubmed
from toolkit.search.transport import Transport

__all__ = ["Changes", "follow_known", "retraction"]

RETRACTED = '"retracted publication"[pt]'


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes:
    """Known PMIDs by what happened to them since they were fetched.

    Attributes
    ----------
    retracted : PubMed now calls them retracted publications
    changed : their PubMed entry was revised since the previous run (date of last revision, [lr])
    withdrawn : dropped from the result because PubMed holds the record no more
    reindexed : dropped from the result although PubMed still holds the record
    bodies : (what, body) of the replies this rests on
    """

    retracted: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    withdrawn: tuple[str, ...] = ()
    reindexed: tuple[str, ...] = ()
    bodies: tuple[tuple[str, bytes], ...] = ()

    def as_payload(self) -> dict[str, Any]:
        """For the event that completes the run."""
        return {
            name: list(getattr(self, name))
            for name in ("retracted", "changed", "withdrawn", "reindexed")
            if getattr(self, name)
        }

    def events(self, records: dict[str, str], run_id: str) -> list[NewEvent]:
        """One event for each known record that was retracted or withdrawn."""
        return [
            retraction(records[pmid], pmid, run_id, value)
            for value, pmids in (("retracted", self.retracted), ("withdrawn", self.withdrawn))
            for pmid in pmids
            if pmid in records
        ]


def retraction(record_id: str, pmid: str, run_id: str, value: str) -> NewEvent:
    """The event that says a record was retracted or withdrawn, and by which search we know."""
    return NewEvent(kind="retract", subject=record_id, value=value, payload={"pmid": pmid, "run": run_id})


def follow_known(
    transport: Transport, query: str, baseline: Run | None, known: Sequence[str], dropped: Sequence[str]
) -> Changes:
    """Ask PubMed what happened to known records since ``baseline``, the previous run of the strategy.

    Three requests at most for an ordinary review: the retracted among the hits, the revised among the hits, and the
    dropped ids by themselves. Nothing is asked without a previous run.
    """
    if baseline is None:
        return Changes()
    bodies: list[tuple[str, bytes]] = []
    retracted: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    if known:
        retracted = _among(transport, f"({query}) AND {RETRACTED}", known, bodies)
        since = date.fromisoformat(baseline.searched_on)
        changed = _among(transport, pubmed.with_window(query, "lr", since, None), known, bodies)
    withdrawn: list[str] = []
    for fetched in pubmed.fetch_batches(transport, dropped):
        bodies.append(("efetch dropped", fetched.reply.body))
        withdrawn += fetched.missing
    gone = set(withdrawn)
    return Changes(
        retracted=retracted,
        changed=changed,
        withdrawn=tuple(withdrawn),
        reindexed=tuple(pmid for pmid in dropped if pmid not in gone),
        bodies=tuple(bodies),
    )


def _among(transport: Transport, query: str, known: Sequence[str], bodies: list[tuple[str, bytes]]) -> tuple[str, ...]:
    answer = pubmed.esearch(transport, query)
    bodies.append(("esearch", answer.reply.body))
    found = set(answer.ids)
    return tuple(pmid for pmid in known if pmid in found)
