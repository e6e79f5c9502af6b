"""Sections on the studies: what they are, which were excluded and why, and the numbers taken from them."""

from __future__ import annotations

from toolkit.config import Outcome
from toolkit.model.evidence import ArmResult, StudyFacts
from toolkit.report.context import Context
from toolkit.report.html import Group, Markup, bullets, grouped_table, heading, join, paragraph, small, table

__all__ = ["evidence", "excluded", "studies"]


def studies(c: Context) -> Markup:
    """Characteristics of the included studies, with their reports."""
    rows = []
    for study, standing in sorted(c.standings.items()):
        if standing.status != "included":
            continue
        f = c.studies.get(study)
        about: list[Markup | str] = [bullets([cite(c, report) for report in standing.included_reports])]
        if f and f.note:
            about.append(paragraph(f.note, "small"))
        rows.append([study, *_facts(f), join(about)])
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


def excluded(c: Context) -> Markup:
    """Reports excluded at full text by reason, and studies that are neither in nor out."""
    by_reason: dict[str, list[str]] = {}
    for report, decision in c.full_text.items():
        if decision.status == "exclude":
            by_reason.setdefault(decision.reason or "no reason recorded", []).append(cite(c, report))
    groups = [
        Group(title=f"{reason} ({len(reports)})", rows=[[one] for one in sorted(reports)])
        for reason, reports in sorted(by_reason.items())
    ]
    parts = [grouped_table([""], groups)] if groups else [paragraph("No report was excluded at full text.")]
    other = [
        [s, x.status.replace("_", " "), x.reason or ""]
        for s, x in sorted(c.standings.items())
        if x.status in ("ongoing", "awaiting_classification", "removed")
    ]
    if other:
        parts.append(heading("Studies that are neither included nor excluded"))
        parts.append(table(["study", "standing", "why"], other))
    return join(parts)


def evidence(c: Context) -> Markup:
    """The extracted numbers, row by row and outcome by outcome, with where each was read."""
    parts, shown = [], 0
    for outcome in c.config.outcomes:
        labels = {x.casefold() for x in (outcome.id, outcome.name, *outcome.labels)}
        rows = [r for r in c.results if r.outcome.casefold() in labels]
        shown += len(rows)
        if rows:
            parts.append(_outcome_table(outcome, rows))
    other = len(c.results) - shown
    text = f"{shown} rows on the outcomes of this review." + (
        f" {other} further rows on other outcomes are stored and not shown." if other else ""
    )
    return join([paragraph(text), *parts])


def _outcome_table(outcome: Outcome, rows: list[ArmResult]) -> Markup:
    numbers = {"binary": "events / n", "continuous": "mean (SD), n", "rate": "events, person-time"}[outcome.type]
    body = []
    for r in rows:
        where: list[Markup | str] = [small(text) for text in ((r.status or "").replace("_", " "), r.source) if text]
        if r.status in (None, "reported"):
            where = where[1:] if r.status else where
        if r.note:
            where.append(small(r.note))
        months = "" if r.months is None else f"{r.months:g}"
        body.append([r.study, r.treatment, months, r.unit, _numbers(outcome, r), Markup("; ").join(where)])
    header = ["study", "treatment as extracted", "months", "unit", numbers, "how and where it was read"]
    return join([heading(outcome.name), table(header, body, numeric=(2, 4))])


def _numbers(outcome: Outcome, r: ArmResult) -> str:
    if outcome.type == "continuous":
        mean = "?" if r.mean is None else f"{r.mean:g}"
        sd = "no SD" if r.sd is None else f"{r.sd:g}"
        return f"{mean} ({sd}), {'?' if r.n is None else r.n}"
    events = "?" if r.events is None else str(r.events)
    if outcome.type == "rate":
        return f"{events}, {'?' if r.time is None else f'{r.time:g}'}"
    return f"{events} / {'?' if r.n is None else r.n}"
