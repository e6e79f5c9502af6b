"""A living review: its flow version by version, and the block that says how it stands.

Only what can be cited is called PRISMA: the boxes and their words are those of PRISMA 2020 (Page 2021), and of
PRISMA-LSR (Akl 2024) the items named in `StatusLine.source`. Setting versions side by side is our layout, after
Akl 2024 and the ways of showing flow that Kahale 2022 found in use.

References
----------
Akl et al. 2024, BMJ 387:e079183. doi:10.1136/bmj-2024-079183
Kahale et al. 2022, F1000Research 10:192. doi:10.12688/f1000research.51723.3
"""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date

from toolkit.model.errors import InputError
from toolkit.model.review import Version
from toolkit.model.wording import counted
from toolkit.plots.diagram_text import TextLine
from toolkit.plots.living import LivingContent
from toolkit.prisma.boxes import Box, Column, Flow, Line, total
from toolkit.prisma.diagram import CITATION, ONE_STAR, TWO_STARS, column_lines
from toolkit.prisma.flow import count_flow, previous_of
from toolkit.prisma.html import slot_boxes
from toolkit.prisma.identities import check
from toolkit.prisma.notes import flow_notes
from toolkit.prisma.run import flow, flow_state
from toolkit.project import Project
from toolkit.store import views
from toolkit.store.evidence import arm_results

__all__ = [
    "LAYOUTS",
    "NOT_STATED",
    "LivingColumn",
    "StatusLine",
    "living_columns",
    "living_content",
    "living_slots",
    "living_status",
]

# Which columns the flow has; the first, third and fourth are ways of Kahale 2022.
LAYOUTS: dict[str, str] = {
    "separate": "every version in a column of its own",
    "auto": "separate up to three versions, then latest",
    "latest": "all versions before in one column, the latest in another",
    "base": "the first version in one column, all versions since in another",
}
AUTO_COLUMNS = 3
NOT_STATED = "not stated ([living] in review.toml)"
OUR_LAYOUT = (
    "Boxes and words: PRISMA 2020. Dashed heads, dashed arrows and the order of versions side by side are our layout, "
    "after PRISMA-LSR (Akl EA, et al. BMJ 2024;387:e079183) and Kahale LA, et al. F1000Research 2022;10:192."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class LivingColumn:
    """One column: the version or versions it stands for, the day they ended on, and their flow."""

    title: str
    ended: str
    flow: Flow

    @property
    def head(self) -> str:
        """What is printed above the column."""
        return f"{self.title}, {self.ended}" if self.ended else self.title


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusLine:
    """One line of the status block: what it tells, the text, and the item it answers ("our layout" for none)."""

    label: str
    text: str
    source: str


def living_columns(project: Project, layout: str = "auto") -> tuple[LivingColumn, ...]:
    """The columns of the flow of a living review, oldest first; what came after the last version is one more.

    Raises
    ------
    InputError
        for an unknown layout, or while no version is complete.
    """
    if layout not in LAYOUTS:
        raise InputError("unknown layout of a living flow", value=layout, allowed=", ".join(LAYOUTS))
    marks = views.versions(project.store)
    if not marks:
        raise InputError(
            "no version of this review is complete yet, so there is nothing to set side by side",
            hint="'evipool update' closes a version when nothing waits for people.",
        )
    single = [LivingColumn(title=_title(i, m), ended=_day(m), flow=flow(project, m.at)) for i, m in enumerate(marks)]
    now = flow(project)
    if now.label != marks[-1].label:
        single.append(LivingColumn(title="Since then, not complete", ended="", flow=now))
    if layout == "separate" or len(single) <= 2 or (layout == "auto" and len(single) <= AUTO_COLUMNS):
        return tuple(single)
    if layout == "base":
        return (single[0], _since_first(project, marks, single))
    before = marks[-1] if len(single) > len(marks) else marks[-2]
    words = f"Versions 1 to {before.label} together"
    return (LivingColumn(title=words, ended=_day(before), flow=flow(project, before.at, template="new")), single[-1])


def _title(index: int, mark: Version) -> str:
    return f"Version {mark.label} (base version)" if index == 0 else f"Version {mark.label}"


def _day(mark: Version) -> str:
    return str(mark.payload.get("closed_on", mark.at[:10]))


def _since_first(project: Project, marks: list[Version], single: list[LivingColumn]) -> LivingColumn:
    """Everything after the first version as one update: counted against that version, whatever was closed between."""
    now = flow_state(project, template="new")
    runs = {name: replace(run, round=2 if run.round > 1 else 1) for name, run in now.runs.items()}
    first = flow_state(project, marks[0].at, template="new")
    together = count_flow(replace(now, runs=runs, round=2, previous=previous_of(replace(first, label=marks[0].label))))
    open_end = len(single) > len(marks)
    title = f"Versions {marks[1].label} to {marks[-1].label} together" if len(marks) > 1 else "Since then"
    return LivingColumn(title=f"{title}{', and since' if open_end else ''}", ended=_day(marks[-1]), flow=together)


# ---- words --------------------------------------------------------------------------------------------------------


def living_content(columns: tuple[LivingColumn, ...], status: Sequence[StatusLine] = ()) -> LivingContent:
    """Heads, boxes, status and notes of the diagram; reports found by other methods are counted in the same boxes."""
    notes = [ONE_STAR, TWO_STARS, OUR_LAYOUT]
    for one in columns:
        notes += [f"{one.title}: {note[0].lower()}{note[1:]}" for note in flow_notes(one.flow, check(one.flow))]
    block = [TextLine(text=f"{line.label}: {line.text} [{line.source}]", indent=1) for line in status]
    return LivingContent(
        heads=tuple(one.head for one in columns),
        columns=tuple(_boxes(one.flow) for one in columns),
        notes=(*notes, CITATION),
        status=(TextLine(text="Status of this living review", bold=True), *block) if block else (),
    )


def _n(label: str, box: Box, indent: int = 0) -> TextLine:
    return TextLine(text=f"{label} (n = {box.n})", indent=indent)


def _boxes(f: Flow) -> Mapping[str, tuple[TextLine, ...]]:
    both = merged_columns(f)
    other = (_n("Other methods", f.other_records, 1),) if f.has_other else ()
    boxes: dict[str, tuple[TextLine, ...]] = {
        "identified": (
            TextLine(text="Records identified from*:"),
            _n("Databases", f.database_records, 1),
            *(_n(line.label, line.box, 2) for line in f.databases),
            _n("Registers", f.register_records, 1),
            *(_n(line.label, line.box, 2) for line in f.registers),
            *other,
            *((_n("Taken up again from the version before", _carried(f), 1),) if _carried(f).n else ()),
        ),
        "removed": (
            TextLine(text="Records removed before screening:"),
            _n("Duplicate records removed", f.duplicates, 1),
            _n("Records marked as ineligible by automation tools", f.automation, 1),
            _n("Records removed for other reasons", f.removed_other, 1),
        ),
        "screened": (_n("Records screened", f.screened), *_some("awaiting decision", f.undecided)),
        "excluded": (
            _n("Records excluded**", f.excluded),
            *(
                (_n("by a human", f.excluded_human, 1), _n("by automation tools", f.excluded_tool, 1))
                if f.excluded_tool.n
                else ()
            ),
        ),
        **column_lines(both, ""),
        "new": _new(f),
        "total": (
            _n("Total studies included in review", f.total_studies),
            _n("Reports of total included studies", f.total_reports),
            *_some("taken off: studies no longer included", f.removed_studies),
        ),
    }
    if f.has_other:
        boxes["sought"] = (*boxes["sought"], _n("of these by other methods", f.other.sought, 1))
    return boxes


def _carried(f: Flow) -> Box:
    return total("report", (f.carried, f.other_carried))


def _some(words: str, box: Box) -> tuple[TextLine, ...]:
    return (_n(words, box, 1),) if box.n else ()


def _new(f: Flow) -> tuple[TextLine, ...]:
    if not f.is_update:
        return _n("Studies included in review", f.new_studies), _n("Reports of included studies", f.new_reports)
    return (
        _n("New studies included in review", f.new_studies),
        _n("Reports of new included studies", f.new_reports),
        *((_n("New reports of studies included before", f.new_reports_of_old),) if f.new_reports_of_old.n else ()),
    )


def merged_columns(f: Flow) -> Column:
    """Both columns of a flow as one, for a layout that has room for one column a version."""
    one, two = f.main, f.other
    reasons = {line.label: [line.box] for line in one.excluded}
    for line in two.excluded:
        reasons.setdefault(line.label, []).append(line.box)
    both = {
        name: total("report", (getattr(one, name), getattr(two, name)))
        for name in (
            "sought", "pending", "not_retrieved", "assessed", "undecided", "ongoing", "awaiting", "included"
        )
    }  # fmt: skip
    order = {label: place for place, label in enumerate(f.reasons)}
    known = sorted(reasons, key=lambda label: order.get(label, len(order)))
    lines = tuple(Line(label=label, box=total("report", reasons[label])) for label in known)
    return Column(excluded=lines, **both)


def living_slots(columns: tuple[LivingColumn, ...]) -> dict[str, list[tuple[str, Box]]]:
    """For each drawn box, the labelled lists behind its numbers; slots as `toolkit.plots.living` names them."""
    found = {}
    for i, one in enumerate(columns, start=1):
        slots = slot_boxes(one.flow)
        for name, parts in slots.items():
            if name.startswith("other_"):
                continue
            more = slots.get(f"other_{name}", [])
            found[f"v{i}-{name}"] = [*parts, *((f"{label} (other methods)", box) for label, box in more)]
    return found


# ---- status -------------------------------------------------------------------------------------------------------


def living_status(project: Project, *, today: date | None = None) -> tuple[StatusLine, ...]:
    """How the living review stands: version, mode, searches, what was found and is not in it yet, plans.

    What nobody stated in [living] of review.toml is said to be not stated.
    """
    living, marks, now = project.config.living, views.versions(project.store), flow(project)
    version = f"{marks[-1].label}, completed on {_day(marks[-1])}" if marks else "none completed yet"
    lines = [
        StatusLine(label="Version", text=version, source="PRISMA-LSR, title: version number"),
        StatusLine(label="Mode", text=_mode(project), source="PRISMA-LSR, abstract: retirement from the living mode"),
        StatusLine(label="Why living", text=living.rationale or NOT_STATED, source="PRISMA-LSR, rationale"),
        StatusLine(label="Search of each source", text=_schedules(project), source="PRISMA-LSR, L1"),
        StatusLine(label="Later steps", text=living.steps or NOT_STATED, source="PRISMA-LSR, L1"),
        StatusLine(label="Plan for retirement", text=living.retirement or NOT_STATED, source="PRISMA-LSR, L1"),
        StatusLine(label="Last searched", text=_searched(project, today), source="PRISMA 2020, item 6"),
        StatusLine(label="Found and not in the results yet", text=_waiting(project, now), source="our layout"),
    ]
    return tuple(lines)


def _mode(project: Project) -> str:
    living = project.config.living
    if living.retired is not None:
        return f"retired from the living mode on {living.retired.isoformat()}"
    return "living: searched and updated again and again" if living.stated else NOT_STATED


def _schedules(project: Project) -> str:
    living = project.config.living
    own = [f"{source.name}: {source.schedule}" for source in project.config.sources if source.schedule]
    every = "every month" if living.months == 1 else f"every {living.months} months"
    general = living.search or (every if living.months is not None else "")
    return "; ".join([*([general] if general else []), *own]) or NOT_STATED


def _searched(project: Project, today: date | None) -> str:
    last: dict[str, str] = {}
    for run in views.runs(project.store):
        last[run.source] = max(last.get(run.source, ""), run.searched_on)
    if not last:
        return "no source yet"
    text = "; ".join(f"{source} {day}" for source, day in last.items())
    months = project.config.living.months
    if months is None or project.config.living.retired is not None:
        return text
    # A source with a schedule of its own is not due with the others.
    apart = {source.name.casefold() for source in project.config.sources if source.schedule}
    days = [day for source, day in last.items() if day and source.casefold() not in apart]
    if not days:
        return text
    due = _months_after(date.fromisoformat(min(days)), months)
    late = today is not None and due < today
    return f"{text}; the next search {'was' if late else 'is'} due on {due.isoformat()}"


def _months_after(day: date, months: int) -> date:
    """The same day so many months later, or the last of that month where it is shorter."""
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    return date(year, month + 1, min(day.day, monthrange(year, month + 1)[1]))


def _waiting(project: Project, now: Flow) -> str:
    """Counts of what was found and has not reached a result, from records to studies."""
    known = {row.study for row in arm_results(project.store)}
    without = [s for s, x in project.standings().items() if x.status == "included" and s not in known]
    parts = [
        (now.undecided.n + now.other_undecided.n, "record", "to be screened"),
        (now.main.pending.n + now.other.pending.n, "full text", "to be obtained"),
        (now.main.undecided.n + now.other.undecided.n + now.reopened.n, "full text", "to be decided"),
        (now.unlinked.n, "included report", "to be put under a study"),
        (len(without), "included study", "without extracted results"),
        (now.awaiting_studies.n, "study", "awaiting classification"),
        (now.ongoing_studies.n, "ongoing study", ""),
    ]
    return "; ".join(counted(n, noun, words, words) for n, noun, words in parts if n) or "nothing"
