"""The ten identities of a PRISMA 2020 flow, checked every time it is counted, read or drawn."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from toolkit.model.errors import InputError
from toolkit.model.wording import counted
from toolkit.prisma.boxes import Box, Column, Flow, Line
from toolkit.prisma.outcomes import NO_REASON

__all__ = ["EXPLAINABLE", "IDENTITIES", "Finding", "check", "require_balanced"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One broken identity.

    Attributes
    ----------
    code : "E1" to "E10" must hold, "W4" to "W10" may differ for a reason
    hard : whether it stops the flow from being written
    message : what does not add up, in numbers
    ids : the records, reports or studies behind it, where known
    explanation : stored reason for a difference; an explained difference is never hard
    """

    code: str
    hard: bool
    message: str
    ids: tuple[str, ...] = ()
    explanation: str = ""


# Differences that a reviewer may explain: code -> what differs.
EXPLAINABLE: dict[str, str] = {
    "W1": "reports excluded at full text without a reason",
    "W3": "judgements on a report that contradict each other",
    "W4": "reports sought and records taken forward",
    "W7": "other methods: reports sought and records identified",
    "W8": "more new studies than new reports",
    "W9": "totals and the previous version",
    "W10": "duplicates found after they had been judged",
}

_Rule = Callable[[Flow], Iterator[Finding]]


def check(flow: Flow) -> tuple[Finding, ...]:
    """Every identity that ``flow`` breaks, hard ones first; empty when all is well."""
    found = [finding for rule in IDENTITIES.values() for finding in rule(flow)]
    found.sort(key=lambda finding: not finding.hard)
    return tuple(found)


def require_balanced(flow: Flow) -> tuple[Finding, ...]:
    """The soft findings of a flow that balances; one read from a file knows no ids, and its numbers are to be mended.

    Raises
    ------
    InputError
        when an identity that must hold is broken; it names the records.
    """
    found = check(flow)
    hard = [finding for finding in found if finding.hard]
    if hard:
        lines = "\n".join(f"  {f.code}: {f.message}{_named(f.ids)}" for f in hard)
        mend = (
            "Correct the numbers in the file."
            if flow.screened.ids is None
            else "Correct the decisions named, or take back the closing of the version ('evipool undo')."
        )
        raise InputError(f"the PRISMA flow does not balance, so nothing was written:\n{lines}\n{mend}")
    return found


def _named(ids: tuple[str, ...], most: int = 10) -> str:
    if not ids:
        return ""
    more = f" and {len(ids) - most} more" if len(ids) > most else ""
    return f" [{', '.join(ids[:most])}{more}]"


def _equal(code: str, words: str, left: int, right: int, ids: Iterable[str] = ()) -> Iterator[Finding]:
    if left != right:
        yield Finding(code=code, hard=True, message=f"{words}: {left} against {right}", ids=tuple(ids))


def _may_differ(flow: Flow, code: str, words: str, ids: Iterable[str] = ()) -> Iterator[Finding]:
    named, said = tuple(ids), flow.explanations.get(code)
    explanation = said.text if said is not None and said.covers(words, named) else ""
    yield Finding(code=code, hard=False, message=words, ids=named, explanation=explanation)


def _apart(left: Box, *right: Box) -> tuple[str, ...]:
    """Ids in ``left`` but not in exactly one of ``right``, and the other way round; () where ids are not known."""
    if left.ids is None or any(box.ids is None for box in right):
        return ()
    seen: dict[str, int] = {}
    for box in right:
        for one in box.ids or ():
            seen[one] = seen.get(one, 0) + 1
    own = set(left.ids)
    return tuple([i for i in own if seen.get(i, 0) != 1] + [i for i in seen if i not in own])


def _columns(flow: Flow) -> tuple[tuple[str, Column], ...]:
    return ("databases and registers", flow.main), ("other methods", flow.other)


def _open(flow: Flow, stage: str, box: Box, code: str, words: str) -> Iterator[Finding]:
    if stage in flow.closed and box.n:
        yield Finding(code=code, hard=True, message=f"{words}, but the stage is closed: {box.n}", ids=box.ids or ())


def _sums(flow: Flow) -> Iterator[Finding]:
    """1. Boxes hold as many as they show, each once; an excluded report has one reason."""
    for name, box in flow.named_boxes():
        if box.ids is not None and (len(box.ids) != box.n or len(set(box.ids)) != box.n):
            twice = sorted(one for one, times in Counter(box.ids).items() if times > 1)
            words = f"{name} shows {box.n}, its list holds {len(set(box.ids))} different ones"
            yield Finding(code="E1", hard=True, message=words, ids=tuple(twice))
    for words, column in _columns(flow):
        for line in column.excluded:
            if line.label == NO_REASON and "full-text" in flow.closed:
                yield from _may_differ(
                    flow,
                    "W1",
                    f"{counted(line.box.n, 'report')} of {words} excluded at full text without a reason",
                    line.box.ids or (),
                )


def _identified(flow: Flow) -> Iterator[Finding]:
    """2. Screened = identified - removed before screening."""
    found = flow.database_records.n + flow.register_records.n + flow.carried.n
    removed = flow.duplicates.n + flow.automation.n + flow.removed_other.n
    yield from _equal(
        "E2", "records screened and records identified less those removed", flow.screened.n, found - removed
    )


def _screened(flow: Flow) -> Iterator[Finding]:
    """3. Screened = excluded + taken forward (+ undecided while the stage is open)."""
    parts = (flow.excluded_human, flow.excluded_tool, flow.forward, flow.undecided)
    yield from _equal(
        "E3",
        "records screened and records excluded, taken forward or undecided",
        flow.screened.n,
        sum(box.n for box in parts),
        _apart(flow.screened, *parts),
    )
    yield from _open(flow, "title-abstract", flow.undecided, "E3", "records without a decision at title and abstract")
    yield from _open(
        flow, "title-abstract", flow.other_undecided, "E7", "records of other methods not yet taken forward or dropped"
    )


def _sought(flow: Flow) -> Iterator[Finding]:
    """4. Sought = taken forward + extra reports of a record - records that share a report (may differ, explained)."""
    expected = flow.forward.n + flow.extra_reports.n - flow.shared_reports.n
    if flow.main.sought.n != expected:
        words = f"reports sought and records taken forward differ: {flow.main.sought.n} against {expected}"
        yield from _may_differ(flow, "W4", words, _apart(flow.main.sought, flow.forward, flow.extra_reports))


def _assessed(flow: Flow) -> Iterator[Finding]:
    """5. Assessed = sought - not retrieved (- pending while open), in each column."""
    for words, column in _columns(flow):
        yield from _equal(
            "E5",
            f"{words}: reports assessed and reports sought less those not retrieved",
            column.assessed.n,
            column.sought.n - column.not_retrieved.n - column.pending.n,
            _apart(column.sought, column.assessed, column.not_retrieved, column.pending),
        )
        yield from _open(flow, "retrieval", column.pending, "E5", f"{words}: reports still being retrieved")


def _decided(flow: Flow) -> Iterator[Finding]:
    """6. Assessed = excluded + ongoing + awaiting + included (+ undecided while open), in each column."""
    for words, column in _columns(flow):
        parts = (column.excluded_total, column.ongoing, column.awaiting, column.included, column.undecided)
        yield from _equal(
            "E6",
            f"{words}: reports assessed and reports excluded, ongoing, awaiting classification or included",
            column.assessed.n,
            sum(box.n for box in parts),
            _apart(column.assessed, *parts),
        )
        yield from _open(flow, "full-text", column.undecided, "E6", f"{words}: full texts without a decision")
    yield from _open(flow, "full-text", flow.reopened, "E6", "reports included before that await a decision again")


def _other(flow: Flow) -> Iterator[Finding]:
    """7. Other methods: sought = records - those dropped before retrieval (may differ, explained)."""
    dropped = sum(line.box.n for line in flow.other_dropped)
    entered = flow.other_records.n + flow.other_carried.n + flow.other_extra.n
    expected = entered - dropped - flow.other_undecided.n
    if flow.other.sought.n != expected:
        sought, left = counted(flow.other.sought.n, "report"), counted(expected, "record")
        words = f"other methods: {sought} sought, {left} left after those dropped"
        yield from _may_differ(flow, "W7", words)


def _new(flow: Flow) -> Iterator[Finding]:
    """8. New reports = column sums - reports found by both; each study has a report, each included report a study."""
    both: set[str] = set()
    if flow.main.included.ids is not None and flow.other.included.ids is not None:
        both = set(flow.main.included.ids) & set(flow.other.included.ids)
    columns = flow.main.included.n + flow.other.included.n - len(both)
    boxes = (flow.new_reports, flow.new_reports_of_old, flow.unlinked)
    yield from _equal(
        "E8",
        "reports included by the columns and new reports in the included boxes",
        columns,
        sum(box.n for box in boxes),
        _apart_many((flow.main.included, flow.other.included), boxes),
    )
    yield from _open(flow, "links", flow.unlinked, "E8", "included reports that belong to no study")
    if flow.new_studies.n > flow.new_reports.n:
        words = (
            f"more new studies ({flow.new_studies.n}) than new reports ({flow.new_reports.n}); one may describe several"
        )
        yield from _may_differ(flow, "W8", words, flow.new_studies.ids or ())
    if flow.total_studies.n and not flow.total_reports.n:
        yield from _equal(
            "E8", "studies included and their reports", flow.total_studies.n, 0, flow.total_studies.ids or ()
        )


def _apart_many(left: tuple[Box, ...], right: tuple[Box, ...]) -> tuple[str, ...]:
    if any(box.ids is None for box in (*left, *right)):
        return ()
    first = {one for box in left for one in box.ids or ()}
    second = {one for box in right for one in box.ids or ()}
    return tuple(first ^ second)


def _totals(flow: Flow) -> Iterator[Finding]:
    """9. Total = previous + new - no longer included, of studies and of reports."""
    yield from _equal(
        "E9",
        "total studies and previous studies, new ones and those no longer included",
        flow.total_studies.n,
        flow.previous_studies.n + flow.new_studies.n - flow.removed_studies.n,
    )
    added = flow.new_reports.n + flow.new_reports_of_old.n + flow.unlinked.n
    yield from _equal(
        "E9",
        "total reports and previous reports, new ones and those no longer included",
        flow.total_reports.n,
        flow.previous_reports.n + added - flow.removed_reports.n,
    )
    for box, noun, one, several in (
        (flow.removed_studies, "study", "is no longer included", "are no longer included"),
        (
            flow.removed_reports,
            "report",
            "is no longer included, or was joined to another",
            "are no longer included, or were joined to another",
        ),
    ):
        if box.n:
            words = counted(box.n, noun, f"of the previous version {one}", f"of the previous version {several}")
            yield from _may_differ(flow, "W9", words, box.ids or ())
    if flow.new_reports_of_old.n:
        old = "to studies of the previous version"
        words = counted(flow.new_reports_of_old.n, "new report", f"belongs {old}", f"belong {old}")
        yield from _may_differ(flow, "W9", words, flow.new_reports_of_old.ids or ())


def _syntheses(flow: Flow) -> Iterator[Finding]:
    """10. Studies in each synthesis are studies of the review."""
    for line in flow.syntheses:
        yield from _synthesis(flow, line)
    if flow.late_duplicates.n:
        late = counted(flow.late_duplicates.n, "duplicate", "was", "were")
        words = f"{late} found after judgement; the decisions are kept"
        yield from _may_differ(flow, "W10", words, flow.late_duplicates.ids or ())
    for line in flow.contradictions:
        yield from _may_differ(flow, "W3", f"{counted(line.box.n, 'report')} {line.label}", line.box.ids or ())


def _synthesis(flow: Flow, line: Line) -> Iterator[Finding]:
    if line.box.n > flow.total_studies.n:
        yield from _equal("E10", f"studies in {line.label} and studies included", line.box.n, flow.total_studies.n)
    if line.box.ids is not None and flow.total_studies.ids is not None:
        strange = tuple(sorted(set(line.box.ids) - set(flow.total_studies.ids)))
        if strange:
            words = f"{line.label} holds studies that the review does not include: {len(strange)}"
            yield Finding(code="E10", hard=True, message=words, ids=strange)


IDENTITIES: dict[str, _Rule] = {
    "1": _sums,
    "2": _identified,
    "3": _screened,
    "4": _sought,
    "5": _assessed,
    "6": _decided,
    "7": _other,
    "8": _new,
    "9": _totals,
    "10": _syntheses,
}
