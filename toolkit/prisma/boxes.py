"""The boxes of a PRISMA 2020 flow, each with the ids behind its number."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, fields
from types import MappingProxyType

__all__ = ["EMPTY_RECORDS", "Box", "Column", "Explanation", "Flow", "Line", "box_of", "total"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Box:
    """A number and what it counts.

    Attributes
    ----------
    unit : "record", "report" or "study"
    n : the number shown
    ids : what was counted, ``n`` of them; None where only the number is known (read from a file)
    """

    unit: str
    n: int = 0
    ids: tuple[str, ...] | None = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One labelled line of a box: a database, a reason, a synthesis; ``group`` is the printed line it is part of."""

    label: str
    box: Box
    group: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """Why a difference is right, and which difference was meant.

    Attributes
    ----------
    text : the reason, in a person's words
    ids : records, reports or studies that were explained; None where nothing was kept of them
    messages : the differences as they were worded then, for those without ids
    """

    text: str
    ids: frozenset[str] | None = None
    messages: frozenset[str] = frozenset()

    def covers(self, message: str, ids: Iterable[str]) -> bool:
        """Whether a difference is the one explained, or part of it: a later one of the same kind is not."""
        named = set(ids)
        if self.ids is None:
            return True
        return named <= self.ids if named else message in self.messages


def box_of(unit: str, ids: Iterable[str]) -> Box:
    """A box that counts ``ids``."""
    found = tuple(ids)
    return Box(unit=unit, n=len(found), ids=found)


def total(unit: str, boxes: Iterable[Box]) -> Box:
    """The sum of boxes of one unit; its ids are known when all of theirs are."""
    ids: list[str] = []
    n, known = 0, True
    for box in boxes:
        n += box.n
        if box.ids is None:
            known = False
        else:
            ids.extend(box.ids)
    return Box(unit=unit, n=n, ids=tuple(ids) if known else None)


EMPTY_RECORDS = Box(unit="record")
_REPORTS = Box(unit="report")
_STUDIES = Box(unit="study")


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """From retrieval to inclusion, for one of the two ways of finding reports; every box counts reports.

    Attributes
    ----------
    sought : reports sought for retrieval
    pending : not yet retrieved nor given up
    not_retrieved : given up
    assessed : full texts at hand; those still undecided are among them
    undecided : at hand, no decision yet
    excluded : one line for each reason, in the protocol's order; reasons without reports are left out
    ongoing, awaiting : describe a study that is ongoing or awaiting classification
    included : included
    """

    sought: Box = _REPORTS
    pending: Box = _REPORTS
    not_retrieved: Box = _REPORTS
    assessed: Box = _REPORTS
    undecided: Box = _REPORTS
    excluded: tuple[Line, ...] = ()
    ongoing: Box = _REPORTS
    awaiting: Box = _REPORTS
    included: Box = _REPORTS

    @property
    def excluded_total(self) -> Box:
        """Reports excluded, for whatever reason."""
        return total("report", (line.box for line in self.excluded))


@dataclass(frozen=True, slots=True, kw_only=True)
class Flow:
    """The counts of a PRISMA 2020 flow diagram, new or updated review, finished or not.

    Attributes
    ----------
    label, previous_label : names of this version and of the one before; "" where there is none
    as_of : the past day (UTC) at whose end the flow stood so; "" for the present and for closed versions
    losses : what was accepted as missing when records were brought in, a sentence for each run
    reasons : exclusion reasons in the order of the protocol
    databases, registers : records identified, one line for each source
    carried : reports of the previous version taken up again (not finally decided then, or decided otherwise since);
        they pass through the boxes once more
    duplicates_tool, duplicates_person : records removed as duplicates, by who joined them
    duplicates_known : records of reports that the previous version already knew (removed as duplicates as well)
    automation, removed_other : reports removed before screening
    screened : records screened, one for each report left
    undecided, excluded_human, excluded_tool, forward : what became of them; ``forward`` are sought
    extra_reports, shared_reports : reports sought beyond one for each record, and records that share a report
    main, other : reports found in databases and registers, and by other methods alone
    other_methods : records identified by other methods, one line for each source
    other_carried : as ``carried``, of the other column
    other_dropped : records and reports of the other column that left before retrieval, one line for each cause
    other_extra : as ``extra_reports``, of the other column
    other_undecided : reports of the other column not yet taken forward
    previous_studies, previous_reports : included in the previous version
    new_studies, new_reports : new studies, and the new reports that describe them
    new_reports_of_old : new reports that describe only studies of the previous version
    unlinked : included reports that no study is linked to yet
    removed_studies, removed_reports : included in the previous version and no longer (or joined to another)
    reopened : of the previous version, those that await a decision again; they are among the removed meanwhile
    total_studies, total_reports : included now
    ongoing_studies, awaiting_studies : their Cochrane headings
    syntheses : studies in each synthesis
    synthesis_reports : included reports of studies in at least one synthesis
    retracted : included reports with a notice, one line for each kind of notice
    late_duplicates : duplicates that had been judged by themselves before they were joined
    contradictions : reports whose judgements contradict each other, one line for each kind
    closed : stages declared finished
    explanations : identity code -> what was said of its difference
    """

    label: str = ""
    previous_label: str = ""
    as_of: str = ""
    is_update: bool = False
    losses: tuple[str, ...] = ()
    reasons: tuple[str, ...] = ()
    databases: tuple[Line, ...] = ()
    registers: tuple[Line, ...] = ()
    carried: Box = _REPORTS
    duplicates_tool: Box = EMPTY_RECORDS
    duplicates_person: Box = EMPTY_RECORDS
    duplicates_known: Box = EMPTY_RECORDS
    automation: Box = _REPORTS
    removed_other: Box = _REPORTS
    screened: Box = _REPORTS
    undecided: Box = _REPORTS
    excluded_human: Box = _REPORTS
    excluded_tool: Box = _REPORTS
    forward: Box = _REPORTS
    extra_reports: Box = _REPORTS
    shared_reports: Box = _REPORTS
    main: Column = Column()
    other_methods: tuple[Line, ...] = ()
    other_carried: Box = _REPORTS
    other_dropped: tuple[Line, ...] = ()
    other_extra: Box = _REPORTS
    other_undecided: Box = _REPORTS
    other: Column = Column()
    previous_studies: Box = _STUDIES
    previous_reports: Box = _REPORTS
    new_studies: Box = _STUDIES
    new_reports: Box = _REPORTS
    new_reports_of_old: Box = _REPORTS
    unlinked: Box = _REPORTS
    removed_studies: Box = _STUDIES
    removed_reports: Box = _REPORTS
    reopened: Box = _REPORTS
    total_studies: Box = _STUDIES
    total_reports: Box = _REPORTS
    ongoing_studies: Box = _STUDIES
    awaiting_studies: Box = _STUDIES
    syntheses: tuple[Line, ...] = ()
    synthesis_reports: Box = _REPORTS
    retracted: tuple[Line, ...] = ()
    late_duplicates: Box = EMPTY_RECORDS
    contradictions: tuple[Line, ...] = ()
    closed: frozenset[str] = frozenset()
    explanations: Mapping[str, Explanation] = field(default_factory=lambda: MappingProxyType({}))

    @property
    def database_records(self) -> Box:
        """Records identified in databases."""
        return total("record", (line.box for line in self.databases))

    @property
    def register_records(self) -> Box:
        """Records identified in registers."""
        return total("record", (line.box for line in self.registers))

    @property
    def other_records(self) -> Box:
        """Records identified by other methods."""
        return total("record", (line.box for line in self.other_methods))

    @property
    def duplicates(self) -> Box:
        """Duplicate records removed, those of reports already known among them."""
        return total("record", (self.duplicates_tool, self.duplicates_person, self.duplicates_known))

    @property
    def excluded(self) -> Box:
        """Records excluded at title and abstract, by people and by tools."""
        return total("report", (self.excluded_human, self.excluded_tool))

    @property
    def has_other(self) -> bool:
        """Whether anything was found by other methods."""
        return bool(self.other_methods or self.other_carried.n or self.other.sought.n)

    @property
    def template(self) -> str:
        """Which of the four templates of PRISMA 2020 fits: "new", "new+other", "updated" or "updated+other"."""
        return ("updated" if self.is_update else "new") + ("+other" if self.has_other else "")

    def named_boxes(self) -> Iterator[tuple[str, Box]]:
        """Every box under a name that can be typed, such as ``screened``, ``database:Embase`` or ``other.sought``."""
        for item in fields(self):
            value = getattr(self, item.name)
            if isinstance(value, Box):
                yield item.name, value
        for name in ("database_records", "register_records", "other_records", "duplicates", "excluded"):
            yield name, getattr(self, name)
        for prefix, lines in (
            ("database", self.databases),
            ("register", self.registers),
            ("other-method", self.other_methods),
            ("other-dropped", self.other_dropped),
            ("synthesis", self.syntheses),
            ("retracted", self.retracted),
            ("contradiction", self.contradictions),
        ):
            for line in lines:
                yield f"{prefix}:{line.label}", line.box
        for prefix, column in (("main", self.main), ("other", self.other)):
            for item in fields(column):
                value = getattr(column, item.name)
                if isinstance(value, Box):
                    yield f"{prefix}.{item.name}", value
            yield f"{prefix}.excluded", column.excluded_total
            for line in column.excluded:
                yield f"{prefix}.excluded:{line.label}", line.box
