"""A small review that tests write down in a few words, and change step by step."""

from __future__ import annotations

from dataclasses import dataclass, field

from toolkit.prisma.boxes import Explanation
from toolkit.prisma.flow import previous_of
from toolkit.prisma.state import Decision, FlowState, Previous, RecordColumns, SourceRun


@dataclass
class Desk:
    """Everything a `FlowState` holds, as plain dictionaries that a test edits."""

    runs: dict[str, SourceRun] = field(default_factory=dict)
    record_run: dict[str, str] = field(default_factory=dict)
    report: dict[str, str] = field(default_factory=dict)
    joined_by: dict[str, str] = field(default_factory=dict)
    removals: dict[str, str] = field(default_factory=dict)
    screened: dict[str, Decision] = field(default_factory=dict)
    judged: dict[str, Decision] = field(default_factory=dict)
    retrievals: dict[str, str] = field(default_factory=dict)
    links: dict[tuple[str, str], None] = field(default_factory=dict)
    standings: dict[str, str] = field(default_factory=dict)
    retractions: dict[str, str] = field(default_factory=dict)
    extra: dict[str, str] = field(default_factory=dict)
    reasons: tuple[str, ...] = ("Wrong population", "No comparator")
    round: int = 1
    previous: Previous | None = None
    closed: frozenset[str] = frozenset()
    explanations: dict[str, str] = field(default_factory=dict)

    def find(self, source: str, ids: str, kind: str = "database", method: str = "") -> None:
        """A run of ``source`` that delivers the records named in ``ids`` (separated by spaces)."""
        run = f"{source}#{len(self.runs)}"
        self.runs[run] = SourceRun(id=run, source=source, kind=kind, method=method, round=self.round)
        for rid in ids.split():
            self.record_run[rid] = run
            self.report[rid] = rid

    def join(self, record: str, report: str, by: str = "tool") -> None:
        """Assign a record to a report."""
        self.report[record], self.joined_by[record] = report, by

    def apart(self, record: str) -> None:
        """Take a record out of its report again."""
        self.report[record] = record
        self.joined_by.pop(record, None)

    def screen(self, ids: str, verdict: str, by: str = "human") -> None:
        """Decide reports at title and abstract."""
        for rid in ids.split():
            self.screened[rid] = Decision(verdict=verdict, by=by)

    def get(self, ids: str, status: str = "retrieved") -> None:
        """Standing of full texts."""
        for rid in ids.split():
            self.retrievals[rid] = status

    def judge(self, ids: str, verdict: str, reason: str | None = None) -> None:
        """Decide reports at full text."""
        for rid in ids.split():
            self.judged[rid] = Decision(verdict=verdict, reason=reason)

    def take(self, report: str, *studies: str) -> None:
        """Screen, retrieve and include a report, and link it to studies."""
        self.screen(report, "include")
        self.get(report)
        self.judge(report, "include")
        for study in studies:
            self.links[(report, study)] = None

    def state(self, **changes: object) -> FlowState:
        """The state at this moment."""
        ids = tuple(self.record_run)
        values: dict[str, object] = {
            "runs": dict(self.runs),
            "records": RecordColumns(
                id=ids,
                report=tuple(self.report[i] for i in ids),
                run=tuple(self.record_run[i] for i in ids),
                joined_by=tuple(self.joined_by.get(i, "") for i in ids),
            ),
            "removals": dict(self.removals),
            "title_abstract": dict(self.screened),
            "full_text": dict(self.judged),
            "retrievals": dict(self.retrievals),
            "links": tuple(self.links),
            "standings": dict(self.standings),
            "retractions": dict(self.retractions),
            "extra_reports": dict(self.extra),
            "reasons": self.reasons,
            "round": self.round,
            "label": str(self.round),
            "previous": self.previous,
            "closed": self.closed,
            "explanations": {code: Explanation(text=text) for code, text in self.explanations.items()},
            **changes,
        }
        return FlowState(**values)  # type: ignore[arg-type]

    def mark(self) -> None:
        """Complete this version of the review."""
        self.previous = previous_of(self.state())
        self.round += 1


def small_review() -> Desk:
    """Six records, one duplicate; one excluded, one not retrieved, one excluded at full text, two included."""
    desk = Desk()
    desk.find("PubMed", "a b c")
    desk.find("Embase", "d e")
    desk.find("ClinicalTrials.gov", "f", kind="register")
    desk.join("d", "a")
    desk.screen("b", "exclude")
    desk.screen("c e f", "include")
    desk.get("c", "not_retrieved")
    desk.get("e")
    desk.judge("e", "exclude", "No comparator")
    desk.take("a", "S1")
    desk.take("f", "S2")
    return desk
