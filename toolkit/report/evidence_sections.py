"""Sections on the studies: what they are, which were excluded and why, the numbers taken from them, and the trail.

Every number can be followed: from an analysis to its studies, from a study to its reports and the page and person of
each extracted row, from a report to where it was found and who decided.
"""

from __future__ import annotations

from toolkit.config import Outcome
from toolkit.model.evidence import ArmResult, StudyFacts
from toolkit.model.review import Decision
from toolkit.model.wording import counted
from toolkit.report.context import Context
from toolkit.report.html import Group, Markup, bullets, grouped_table, heading, join, paragraph, small, table

__all__ = ["evidence", "excluded", "studies", "trail", "unsettled"]


def studies(c: Context) -> Markup:
    """Characteristics of the included studies, with their reports."""
    rows = []
    for study, standing in sorted(c.standings.items()):
        if standing.status != "included":
            continue
        f = c.studies.get(study)
        about: list[Markup | str] = [bullets([_linked(c, report) for report in standing.included_reports])]
        if f and f.note:
            about.append(paragraph(f.note, "small"))
        name = Markup('<span id="study-{}">{}</span>').format(anchor(study), study)
        rows.append([name, *_facts(f), join(about)])
    header = ["study", "design", "country", "patients", "units", "months", "reports and remarks"]
    return table(header, rows, caption="An empty cell was not reported.", numeric=(3, 5))


def _facts(f: StudyFacts | None) -> list[object]:
    if f is None:
        return [None, None, None, None, None]
    units = "" if f.units is None else f"{f.units} {f.unit or 'units'}"
    if f.paired:
        units = f"{units}, paired within patients".strip(", ")
    months = None if f.follow_up_months is None else f"{f.follow_up_months:g}"
    return [f.design, f.country, f.patients, units, months]


def cite(c: Context, report: str) -> str:
    """A report as a reader would look it up."""
    f = c.fields.get(report)
    if f is None:
        return report[:8]
    author = f.authors[0].split(",")[0] if f.authors else ""
    where = ", ".join(x for x in (author, f.journal or "", str(f.year or "")) if x)
    doi = f" doi:{f.doi}" if f.doi else (f" PMID {f.pmid}" if f.pmid else "")
    return f"{f.title or 'title not at hand'}{f' ({where})' if where else ''}{doi}"


def anchor(text: str) -> str:
    """A name as the end of an id of the page."""
    return "".join(char if char.isalnum() else "-" for char in text)


def _linked(c: Context, report: str) -> Markup | str:
    """A report as a reader would look it up, leading to its line in the trail."""
    if report not in c.short:
        return cite(c, report)
    return Markup('{} <a href="#report-{}" class="jump">trail</a>').format(cite(c, report), anchor(c.short[report]))


def excluded(c: Context) -> Markup:
    """Reports excluded at full text, by reason."""
    by_reason: dict[str, list[str]] = {}
    for report, decision in c.full_text.items():
        if decision.status == "exclude":
            by_reason.setdefault(decision.reason or "no reason recorded", []).append(report)
    groups = [
        Group(
            title=f"{reason} ({len(reports)})",
            rows=[[_linked(c, one)] for one in sorted(reports, key=lambda report: cite(c, report))],
        )
        for reason, reports in sorted(by_reason.items())
    ]
    return grouped_table([""], groups) if groups else paragraph("No report was excluded at full text.")


_UNSETTLED = (
    ("awaiting_classification", "Characteristics of studies awaiting classification"),
    ("ongoing", "Characteristics of ongoing studies"),
    ("removed", "Studies removed from the review"),
)


def unsettled(c: Context) -> Markup:
    """Studies that are neither included nor excluded, under the headings that Cochrane reviews use."""
    parts: list[Markup] = []
    for status, words in _UNSETTLED:
        rows = []
        for study, standing in sorted(c.standings.items()):
            if standing.status != status:
                continue
            f = c.studies.get(study)
            numbers = [n for report in standing.reports for n in _registrations(c, report)]
            registration = ", ".join(dict.fromkeys(([f.registration] if f and f.registration else []) + numbers))
            reports = bullets([_linked(c, report) for report in standing.reports])
            rows.append([study, standing.reason or "", *_facts(f)[:3], registration, reports])
        if rows:
            header = ["study", "why", "design", "country", "patients", "registration", "reports"]
            parts += [heading(words), table(header, rows, numeric=(4,))]
    return join(parts)


def _registrations(c: Context, report: str) -> tuple[str, ...]:
    f = c.fields.get(report)
    return () if f is None else f.registry_numbers


def trail(c: Context) -> Markup:
    """Every report that came to full text or under a study: where it was found, who decided what, which study."""
    studies: dict[str, list[str]] = {}
    for study, standing in c.standings.items():
        for report in standing.reports:
            studies.setdefault(report, []).append(study)
    rows = []
    for report, short in sorted(c.short.items(), key=lambda pair: cite(c, pair[0])):
        name = Markup('<code id="report-{}">{}</code>').format(anchor(short), short)
        rows.append(
            [
                name,
                cite(c, report),
                Markup("; ").join(_found(text) for text in c.found_by[report]),
                _decided(c.title_abstract.get(report)),
                _decided(c.full_text.get(report)),
                ", ".join(studies.get(report, ())),
            ]
        )
    if not rows:
        return Markup("")
    text = (
        "From a number to its source: an analysis names its studies, the extracted data name page and person of each "
        "row, and below stands where each report was found and who decided. "
        "'evipool log --subject REPORT' prints its whole history, 'evipool prisma --ids BOX' the list behind a box."
    )
    header = ["report", "", "found in", "title and abstract", "full text", "study"]
    return join([paragraph(text), table(header, rows)])


def _found(text: str) -> Markup:
    """ "2021-05-31: PubMed" with a day that no line breaks."""
    day, _, where = text.partition(": ")
    return Markup('<span class="day">{}</span>: {}').format(day, where)


def _decided(decision: Decision | None) -> str:
    """ "include (AB, CD)"; "exclude (AB include, CD exclude; settled by EF)"; "" where nobody judged."""
    if decision is None:
        return ""
    verdicts = {vote.verdict for vote in decision.votes}
    one = verdicts == {decision.status}
    votes = ", ".join(vote.actor if one else f"{vote.actor} {vote.verdict}" for vote in decision.votes)
    settled = f"; settled by {decision.resolved_by}" if decision.resolved_by else ""
    reason = f": {decision.reason}" if decision.reason else ""
    return f"{decision.status}{reason} ({votes}{settled})".replace("(; ", "(")


def evidence(c: Context) -> Markup:
    """The extracted numbers, row by row and outcome by outcome, with where each was read."""
    parts, shown = [], 0
    included = {study for study, standing in c.standings.items() if standing.status == "included"}
    for outcome in c.config.outcomes:
        labels = {x.casefold() for x in (outcome.id, outcome.name, *outcome.labels)}
        pairs = zip(c.results, c.extracted_by, strict=True)
        rows = [(r, who) for r, who in pairs if r.outcome.casefold() in labels]
        shown += len(rows)
        if rows:
            parts.append(_outcome_table(outcome, rows, included))
    other = len(c.results) - shown
    text = f"{counted(shown, 'row')} on the outcomes of this review." + (
        f" {counted(other, 'further row', 'on other outcomes is', 'on other outcomes are')} stored and not shown."
        if other
        else ""
    )
    return join([paragraph(text), *parts])


def _outcome_table(outcome: Outcome, rows: list[tuple[ArmResult, str]], included: set[str]) -> Markup:
    numbers = {
        "binary": "events / n", "continuous": "mean (SD), n", "rate": "events, person-time", "effect": "effect",
        "correlation": "correlation, n",
    }[outcome.type]  # fmt: skip
    body = []
    for r, who in rows:
        where: list[Markup | str] = [small(text) for text in ((r.status or "").replace("_", " "), r.source) if text]
        if r.status in (None, "reported"):
            where = where[1:] if r.status else where
        if r.note:
            where.append(small(r.note))
        months = "" if r.months is None else f"{r.months:g}"
        study: Markup | str = r.study
        if r.study in included:
            study = Markup('<a href="#study-{}">{}</a>').format(anchor(r.study), r.study)
        body.append([study, r.treatment, months, r.unit, _numbers(outcome, r), Markup("; ").join(where), who])
    header = ["study", "treatment as extracted", "months", "unit", numbers, "how and where it was read", "by"]
    return join([heading(outcome.name), table(header, body, numeric=(2, 4))])


def _numbers(outcome: Outcome, r: ArmResult) -> str:
    further = "; ".join(f"{name.replace('_', ' ')} {value:g}" for name, value in r.reported)
    if outcome.type == "effect":
        return f"{further}{f' against {r.versus}' if r.versus else ''}" or "?"
    if outcome.type == "correlation":
        found = dict(r.reported).get("r")
        return f"{'?' if found is None else f'{found:g}'}, {'?' if r.n is None else r.n}"
    if outcome.type == "continuous":
        mean = "?" if r.mean is None else f"{r.mean:g}"
        sd = "no SD" if r.sd is None else f"{r.sd:g}"
        return f"{mean} ({sd}), {'?' if r.n is None else r.n}{f'; {further}' if further else ''}"
    events = "?" if r.events is None else str(r.events)
    if outcome.type == "rate":
        return f"{events}, {'?' if r.time is None else f'{r.time:g}'}"
    return f"{events} / {'?' if r.n is None else r.n}"
