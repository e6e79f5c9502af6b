"""Sections on the review itself: summary, what changed, question, searches, flow, studies, evidence."""

from __future__ import annotations

from pathlib import Path

from toolkit.analysis.words import number, percent
from toolkit.model.review import FULL_TEXT, TITLE_ABSTRACT
from toolkit.prisma.notes import flow_notes
from toolkit.report.changes import numbers_row
from toolkit.report.context import Context
from toolkit.report.html import Markup, bullets, callout, figure, heading, join, paragraph, table
from toolkit.report.synthesis_sections import headline_rows

__all__ = ["changes", "evidence", "excluded", "flow", "question", "searches", "studies", "summary"]


def summary(c: Context) -> Markup:
    """What the review says, by design; nothing is pooled here that is not pooled below."""
    included = [s for s, x in c.standings.items() if x.status == "included"]
    waiting = [s for s, x in c.standings.items() if x.status == "awaiting_classification"]
    parts: list[Markup] = []
    for report, value in c.retracted.items():
        studies_of = [s for s, x in c.standings.items() if report in x.included_reports]
        if studies_of:
            text = f"A report of {', '.join(studies_of)} is marked {value}: its data should be reconsidered."
            parts.append(callout(text, "caution"))
    text = f"{len(included)} studies are included, from {c.flow.total_reports.n} reports."
    if waiting:
        text += f" {len(waiting)} await classification ({', '.join(waiting)})."
    parts.append(paragraph(text))
    rows = headline_rows(c)
    if rows:
        parts.append(
            table(
                ["analysis", "studies", "estimate", "prediction interval", "I2", "in words"],
                rows,
                caption="Headline analyses. Sensitivity analyses stand in their own section and are not a result.",
                numeric=(1,),
            )
        )
    refused = [o for o in c.analyses if o.status == "refused"]
    parts += [callout(f"{o.analysis.id} was not run: {o.problem}", "caution") for o in refused]
    stale = [o.analysis.id for o in c.analyses if o.status == "stale"]
    if stale:
        parts.append(
            callout(f"Not computed for the present data yet: {', '.join(stale)} (evipool analyse).", "caution")
        )
    return join(parts)


def changes(c: Context) -> Markup:
    """Before and after, for every analysis, with the studies that came and went."""
    if c.since is None:
        return Markup("")
    closed = c.since.payload.get("closed_on", c.since.at[:10])
    parts = [paragraph(f"Compared with version {c.since.label}, closed on {closed}.")]
    parts.append(_count_changes(c))
    news = [f"{s} is new in the review" for s in c.new_studies] + [f"{s} is no longer included" for s in c.gone_studies]
    parts.append(bullets(news) if news else paragraph("No study came into the review or left it."))
    touched = [x for x in c.changes if x.status != "unchanged"]
    for change in touched:
        parts.append(heading(change.title, change.status))
        parts.append(
            table(
                ["", "studies", "estimate", "tau2", "I2", "prediction interval"],
                [["before", *numbers_row(change.before)], ["now", *numbers_row(change.after)]],
                numeric=(1,),
            )
        )
        moves = [f"{m.study} came in" for m in change.came]
        moves += [f"{m.study} left" + (f": {m.reason}" if m.reason else "") for m in change.left]
        if not moves:
            moves = ["the same studies; their data or the settings changed"]
        parts.append(bullets(moves))
        if change.sentence:
            parts.append(paragraph(change.sentence))
    same = [x.analysis for x in c.changes if x.status == "unchanged"]
    if same:
        parts.append(paragraph(f"Unchanged, not computed again: {', '.join(same)}."))
    looks = len(c.versions) + (1 if c.since is c.versions[-1] else 0)
    text = (
        f"This is look number {looks} at these data. Repeated looks make chance findings more likely; an interval that "
        "crosses a conventional threshold is not by itself called a change."
    )
    parts.append(paragraph(text, "small"))
    return join(parts)


def _count_changes(c: Context) -> Markup:
    assert c.since is not None
    before = c.since.payload.get("counts", {})
    names = {
        "total_studies": "studies included",
        "total_reports": "reports of included studies",
    }
    now = dict(c.flow.named_boxes())
    rows = []
    for key, words in names.items():
        old = before.get(key, {}).get("n")
        new = now[key].n if key in now else None
        if old is not None and new is not None:
            rows.append([words, old, new, f"{new - old:+d}"])
    f = c.flow
    if f.is_update:
        for words, box in (
            ("new records from databases", f.database_records),
            ("new records from registers", f.register_records),
            ("duplicates removed", f.duplicates),
            ("records screened", f.screened),
            ("reports assessed", f.main.assessed),
        ):
            rows.append([words, "", box.n, ""])
    return table(["", "before", "now", "difference"], rows, numeric=(1, 2, 3)) if rows else Markup("")


def question(c: Context) -> Markup:
    """Question, eligibility, registration, people."""
    e, p = c.config.eligibility, c.config.protocol
    rows = [
        ("Population", e.population),
        ("Intervention", e.intervention),
        ("Comparison", e.comparison),
        ("Outcomes", e.outcomes),
        ("Designs", e.designs),
        ("Other criteria", e.other),
        ("Registration", p.registration or "not registered"),
        ("Protocol", p.url or ""),
        ("Remarks", p.notes),
    ]
    outcome_rows = [
        [
            o.name,
            o.instrument or o.unit,
            "" if o.scale_min is None or o.scale_max is None else f"{o.scale_min:g} to {o.scale_max:g}",
            f"{o.better} is better" if o.better else "direction not stated",
            "none agreed" if o.smallest_important_difference is None else number(o.smallest_important_difference),
            _window(o.months_min, o.months_max),
            o.rule,
        ]
        for o in c.config.outcomes
    ]
    return join(
        [
            table(["", ""], [row for row in rows if row[1]]),
            table(
                ["outcome", "instrument or unit", "scale", "direction", "smallest important difference", "time", "row"],
                outcome_rows,
                caption='"row" is the rule that picks one row an arm when a study reports several.',
            ),
        ]
    )


def _window(low: float | None, high: float | None) -> str:
    if low is None and high is None:
        return "any"
    return f"{low:g} months or later" if high is None else f"{low or 0:g} to {high:g} months"


def searches(c: Context) -> Markup:
    """Every run with its day and counts, and the strategies exactly as they were sent."""
    rows = []
    for run in c.runs:
        count = run.detail.get("count", run.detail.get("records", ""))
        rows.append([run.source, run.source_kind, run.searched_on, run.kind, count, run.file_name, run.sha256[:12]])
    parts = [
        table(
            ["source", "class", "searched on", "how", "records", "file or strategy", "sha256"],
            rows,
            caption="Searches and imports in the order in which they were made.",
            numeric=(4,),
        )
    ]
    shown: set[str] = set()
    for run in c.runs:
        query = run.detail.get("query")
        if not query or str(query) in shown:
            continue
        shown.add(str(query))
        replayed = "replayed replies" if run.detail.get("replayed") else ""
        parts.append(heading(f"{run.source}, {run.searched_on}", replayed))
        parts.append(Markup("<pre>{}</pre>").format(query))
        if run.detail.get("translation"):
            parts.append(paragraph("As the database read it:", "small"))
            parts.append(Markup("<pre>{}</pre>").format(run.detail["translation"]))
    return join(parts)


def flow(c: Context, drawn: Path) -> Markup:
    """The PRISMA 2020 flow with its checks, and the agreement of the reviewers."""
    parts = [figure(drawn, "PRISMA 2020 flow diagram", "Counted from the decisions themselves.")]
    parts += [callout(f.message, "caution" if f.hard else "note") for f in c.flow_findings if not f.explanation]
    parts.append(bullets(list(flow_notes(c.flow, c.flow_findings))))
    rows = []
    for stage in (TITLE_ABSTRACT, FULL_TEXT):
        for a in c.agreement.get(stage, ()):
            rows.append(
                [
                    stage,
                    f"{a.first} / {a.second}",
                    a.n,
                    f"{a.n11} / {a.n10} / {a.n01} / {a.n00}",
                    percent(a.observed),
                    _with_interval(a.kappa, a.kappa_low, a.kappa_high),
                    _with_interval(a.pabak, None, None),
                    _with_interval(a.ac1, a.ac1_low, a.ac1_high),
                ]
            )
    if rows:
        parts.append(heading("Agreement of the reviewers, before conflicts were resolved"))
        parts.append(
            table(
                [
                    "stage",
                    "pair",
                    "reports",
                    "both / 1st / 2nd / none include",
                    "agreement",
                    "kappa",
                    "PABAK",
                    "AC1",
                ],
                rows,
                numeric=(2,),
            )
        )
    return join(parts)


def _with_interval(value: float | None, low: float | None, high: float | None) -> str:
    if value is None:
        return "not defined"
    return f"{value:.2f}" if low is None or high is None else f"{value:.2f} ({low:.2f} to {high:.2f})"


def studies(c: Context) -> Markup:
    """Characteristics of the included studies, with their reports."""
    rows = []
    for study, standing in c.standings.items():
        if standing.status != "included":
            continue
        f = c.studies.get(study)
        titles = [_cite(c, report) for report in standing.included_reports]
        units = "" if f is None or f.units is None else f"{f.units} {f.unit or 'units'}"
        rows.append(
            [
                study,
                f.design if f else None,
                f.country if f else None,
                f.patients if f else None,
                units,
                f"{f.follow_up_months:g}" if f and f.follow_up_months is not None else None,
                "yes" if f and f.paired else "",
                bullets(titles),
                f.note if f else None,
            ]
        )
    rows.sort(key=lambda row: str(row[0]))
    return table(
        ["study", "design", "country", "patients", "units", "months", "paired", "reports", "remarks"],
        rows,
        caption="An empty cell was not reported.",
        numeric=(3, 5),
    )


def _cite(c: Context, report: str) -> str:
    f = c.fields.get(report)
    if f is None:
        return report[:8]
    author = f.authors[0].split(",")[0] if f.authors else ""
    where = ", ".join(x for x in (author, f.journal or "", str(f.year or "")) if x)
    doi = f" doi:{f.doi}" if f.doi else (f" PMID {f.pmid}" if f.pmid else "")
    return f"{f.title or 'title not at hand'} ({where}){doi}"


def excluded(c: Context) -> Markup:
    """Reports excluded at full text with their reason, and studies that await classification."""
    rows = [
        [_cite(c, report), decision.reason or "no reason recorded"]
        for report, decision in c.full_text.items()
        if decision.status == "exclude"
    ]
    rows.sort(key=lambda row: (row[1], row[0]))
    parts = [table(["report", "reason"], rows)] if rows else [paragraph("No report was excluded at full text.")]
    other = [
        [s, x.status.replace("_", " "), x.reason or ""]
        for s, x in c.standings.items()
        if x.status in ("ongoing", "awaiting_classification", "removed")
    ]
    if other:
        parts.append(heading("Studies that are neither included nor excluded"))
        parts.append(table(["study", "standing", "why"], other))
    return join(parts)


def evidence(c: Context) -> Markup:
    """The extracted numbers, row by row, with where each was read."""
    outcome_labels = {x.casefold() for o in c.config.outcomes for x in (o.id, o.name, *o.labels)}
    rows, other = [], 0
    for r in c.results:
        if r.outcome.casefold() not in outcome_labels:
            other += 1
            continue
        value = f"{r.events} / {r.n}" if r.events is not None else (str(r.n) if r.n is not None else "")
        spread = "" if r.mean is None else (f"{r.mean:g}" + (f" ({r.sd:g})" if r.sd is not None else " (no SD)"))
        rows.append(
            [
                r.study, r.arm, r.treatment, r.outcome, f"{r.months:g}" if r.months is not None else "", r.unit,
                value, spread, (r.status or "").replace("_", " "), r.source, r.note,
            ]
        )  # fmt: skip
    text = f"{len(rows)} rows on the outcomes of this review." + (
        f" {other} further rows on other outcomes are stored and not shown." if other else ""
    )
    header = ["study", "arm", "treatment", "outcome", "months", "unit", "events / n", "mean (SD)"]
    header += ["how", "source", "note"]
    return join([paragraph(text), table(header, rows, numeric=(4, 6, 7))])
