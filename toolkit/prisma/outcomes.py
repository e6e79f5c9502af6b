"""Where each report stands: the one rule that every count rests on."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache

from toolkit.prisma.state import Decision, FlowState

__all__ = ["NO_REASON", "OPEN_OUTCOMES", "OUTCOMES", "SKIPPED", "STUDY_REMOVED", "Reader", "Standing"]

OUTCOMES = (
    "removed_automation",
    "removed_other",
    "undecided_title_abstract",
    "excluded_title_abstract",
    "retrieval_pending",
    "not_retrieved",
    "undecided_full_text",
    "excluded_full_text",
    "ongoing",
    "awaiting_classification",
    "included",
)

# A report that stood there when a version was closed is taken up again in the next.
OPEN_OUTCOMES = frozenset(
    {"undecided_title_abstract", "retrieval_pending", "undecided_full_text", "ongoing", "awaiting_classification"}
)

NO_REASON = "No reason recorded"
STUDY_REMOVED = "Study removed from the review"
SKIPPED = "went to full text without a decision at title and abstract"

_FURTHEST = {"sought": 0, "not_retrieved": 1, "retrieved": 2}
_UNDECIDED = Decision(verdict="undecided")


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """Where one report stands.

    Attributes
    ----------
    outcome : one of `OUTCOMES`
    by : who excluded it at title and abstract, "human" or "tool"
    reason : why it was excluded at full text
    contradiction : what does not fit together in its judgements; "" if all fits
    """

    outcome: str
    by: str = "human"
    reason: str | None = None
    contradiction: str = ""


# A large review has few different standings and many reports: equal ones are one object.
_standing = cache(Standing)


class Reader:
    """Reads where reports stand from a `FlowState`.

    A report's voices are its own id, the ids of its records and those of reports that were joined to it: judgements
    made on any of them count, and where they differ nobody has decided.
    """

    def __init__(self, state: FlowState) -> None:
        self._state = state
        records = state.records
        members: defaultdict[str, list[int]] = defaultdict(list)
        for position, report in enumerate(records.report):
            members[report].append(position)
        self.members: dict[str, list[int]] = dict(members)
        self._ids = records.id
        self.report_of: dict[str, str] = dict(zip(records.id, records.report, strict=True))
        self.links: dict[str, list[str]] = {}
        for report, study in state.links:
            linked = self.links.setdefault(self.canonical(report), [])
            if study not in linked:
                linked.append(study)

    def canonical(self, report: str) -> str:
        """The report that a report id stands for now: itself, or the one its record was joined to."""
        if report in self.members:
            return report
        return self.report_of.get(report, report)

    def voices(self, report: str) -> list[str]:
        """Ids whose judgements speak of ``report``."""
        positions = self.members.get(report, ())
        if len(positions) == 1 and self._ids[positions[0]] == report:
            return [report]  # as most reports are: one record, nothing joined
        own = [self._ids[position] for position in positions]
        # A record that has become the name of another report speaks there.
        return [report, *(rid for rid in own if rid != report and rid not in self.members)]

    def studies(self, report: str) -> list[str]:
        """Studies that ``report`` describes, in the order they were linked."""
        return self.links.get(report, [])

    def decision(self, table: Mapping[str, Decision], report: str) -> tuple[Decision | None, bool]:
        """The decision on ``report`` and whether its voices differ."""
        return self._decision(table, self.voices(report))

    @staticmethod
    def _decision(table: Mapping[str, Decision], voices: list[str]) -> tuple[Decision | None, bool]:
        if len(voices) == 1:
            return table.get(voices[0]), False
        found = [table[voice] for voice in voices if voice in table]
        if not found:
            return None, False
        if len({one.verdict for one in found}) > 1:
            return _UNDECIDED, True
        first = found[0]
        if first.reason is None:
            first = next((one for one in found if one.reason is not None), first)
        if any(one.by == "human" for one in found) and first.by != "human":
            first = Decision(verdict=first.verdict, by="human", reason=first.reason)
        return first, False

    def removal(self, report: str) -> str | None:
        """How ``report`` left before screening; None if any of its voices was judged and not removed."""
        state = self._state
        if not state.removals:
            return None
        kinds: set[str] = set()
        for voice in self.voices(report):
            if voice in state.removals:
                kinds.add(state.removals[voice])
            elif voice in state.title_abstract or voice in state.full_text or voice in state.judged:
                return None
        return ("other" if "other" in kinds else "automation") if kinds else None

    def retrieval(self, report: str) -> str | None:
        """Standing of the full text; of several voices the furthest."""
        table = self._state.retrievals
        found = [table[voice] for voice in self.voices(report) if voice in table]
        return max(found, key=_FURTHEST.__getitem__, default=None)

    def standings(self, reports: Iterable[str]) -> dict[str, Standing]:
        """Where each report stands."""
        state, members, ids, screened = self._state, self.members, self._ids, self._state.title_abstract
        moved_on = {*state.full_text, *state.retrievals, *state.extra_reports, *state.removals}
        # Most reports of a large review have one record, and no judgement but that on title and abstract.
        simple: dict[int, Standing] = {}
        found: dict[str, Standing] = {}
        for report in reports:
            positions = members.get(report, ())
            if report in moved_on or len(positions) != 1 or ids[positions[0]] != report:
                found[report] = self.standing(report)
                continue
            decision = id(screened.get(report))
            if decision not in simple:
                simple[decision] = self.standing(report)
            found[report] = simple[decision]
        return found

    def standing(self, report: str) -> Standing:
        """Where ``report`` stands."""
        removal = self.removal(report)
        if removal is not None:
            return _standing(outcome=f"removed_{removal}")
        voices = self.voices(report)
        screened, differs = self._decision(self._state.title_abstract, voices)
        if differs:
            return _standing(
                outcome="undecided_title_abstract",
                contradiction="joined reports were decided differently at title and abstract",
            )
        judged, _ = self._decision(self._state.full_text, voices)
        if screened is not None and screened.verdict == "exclude":
            clash = "excluded at title and abstract, yet included at full text" if _is(judged, "include") else ""
            return _standing(outcome="excluded_title_abstract", by=screened.by, contradiction=clash)
        moved_on = judged is not None or self.retrieval(report) is not None
        if report in self._state.extra_reports or moved_on or _is(screened, "include"):
            skipped = moved_on and not _is(screened, "include") and report not in self._state.extra_reports
            note = SKIPPED if skipped else ""
            return self._after_screening(report, note)
        return _standing(outcome="undecided_title_abstract")

    def _after_screening(self, report: str, note: str) -> Standing:
        judged, differs = self.decision(self._state.full_text, report)
        decided = judged is not None and judged.verdict != "undecided"
        status = self.retrieval(report)
        if status == "not_retrieved":
            clash = "decided at full text, yet marked as not retrieved" if decided else note
            return _standing(outcome="not_retrieved", contradiction=clash)
        if judged is None and status != "retrieved":
            return _standing(outcome="retrieval_pending", contradiction=note)
        if differs:
            return _standing(
                outcome="undecided_full_text", contradiction="joined reports were decided differently at full text"
            )
        if judged is not None and judged.verdict == "exclude":
            return _standing(outcome="excluded_full_text", reason=judged.reason, contradiction=note)
        return self._by_studies(report, judged, note)

    def _by_studies(self, report: str, judged: Decision | None, note: str) -> Standing:
        standings = {self._state.standings.get(study, "included") for study in self.studies(report)}
        if _is(judged, "include") and (not standings or "included" in standings):
            return _standing(outcome="included", contradiction=note)
        for outcome in ("awaiting_classification", "ongoing"):
            if outcome in standings:
                return _standing(outcome=outcome, contradiction=note)
        if _is(judged, "include"):
            return _standing(outcome="excluded_full_text", reason=STUDY_REMOVED, contradiction=note)
        return _standing(outcome="undecided_full_text", contradiction=note)


def _is(decision: Decision | None, verdict: str) -> bool:
    return decision is not None and decision.verdict == verdict
