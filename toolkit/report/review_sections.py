"""Sections on the review itself: summary, question, searches, flow."""

from __future__ import annotations

from pathlib import Path

from toolkit.analysis.words import percent
from toolkit.model.review import FULL_TEXT, TITLE_ABSTRACT
from toolkit.model.wording import counted
from toolkit.prisma.living import NOT_STATED
from toolkit.prisma.notes import flow_notes
from toolkit.report.context import Context
from toolkit.report.html import Markup, bullets, callout, figure, heading, join, paragraph, small, table
from toolkit.report.synthesis_sections import headline_rows, what_it_means

__all__ = ["flow", "question", "searches", "status", "summary"]


def summary(c: Context) -> Markup:
    """What the review says, by design; nothing is pooled here that is not pooled below."""
    included = [s for s, x in c.standings.items() if x.status == "included"]
    waiting = [s for s, x in c.standings.items() if x.status == "awaiting_classification"]
    parts: list[Markup] = []
    parts += [callout(notice.text, "caution") for notice in c.notices]
    refused = [o for o in c.analyses if o.status == "refused"]
    parts += [callout(f"{o.analysis.id} was not run: {o.problem}", "caution") for o in refused]
    stale = [o.analysis.id for o in c.analyses if o.status == "stale"]
    if stale:
        text = f"Not computed for the present data yet: {', '.join(stale)} (evipool analyse)."
        parts.append(callout(text, "caution"))
    studies, reports = counted(len(included), "study", "is", "are"), counted(c.flow.total_reports.n, "report")
    text = f"{studies} included, from {reports}."
    if waiting:
        text += f" {len(waiting)} more {'awaits' if len(waiting) == 1 else 'await'} classification: "
        text += f"{', '.join(waiting)}."
    parts.append(paragraph(text))
    rows = headline_rows(c)
    if rows:
        header = ["headline analysis", "studies", "estimate", "prediction interval", "I2", "in words"]
        parts.append(table(header, rows, numeric=(1,)))
    parts.append(_certainty(c))
    parts.append(bullets(what_it_means(c)))
    return join(parts)


def _certainty(c: Context) -> Markup:
    """How certain the evidence is as people rated it; a rating given on an older result says so."""
    if not c.ratings:
        return Markup("")
    titles = {o.analysis.id: o.analysis.title or o.analysis.id for o in c.analyses}
    rows = []
    for one in c.ratings:
        name = titles.get(one.analysis, one.analysis) + (f": {one.comparison}" if one.comparison else "")
        shown: str | Markup = one.rating
        if one in c.stale_ratings:
            shown = Markup('{} <span class="tag">rated on an older result</span>').format(one.rating)
        rows.append([name, shown, "; ".join(one.reasons), f"{one.by}, {one.at[:10]}"])
    return table(["analysis", "certainty of the evidence", "because", "rated by"], rows)


def status(c: Context) -> Markup:
    """The status block of a living review; what nobody stated is named in one sentence."""
    said = [line for line in c.status if line.text != NOT_STATED]
    if not said:
        return Markup("")
    rows = [[Markup("<b>{}</b>").format(line.label), line.text, small(line.source)] for line in said]
    parts = [table(["", "", "asked for by"], rows)]
    unsaid = ", ".join(line.label[0].lower() + line.label[1:] for line in c.status if line.text == NOT_STATED)
    if unsaid:
        parts.append(paragraph(f"Not stated in the settings of this review ([living]): {unsaid}.", "small"))
    return join(parts)


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
            "none agreed" if o.smallest_important_difference is None else f"{o.smallest_important_difference:g}",
            _window(o.months_min, o.months_max),
            o.rule,
        ]
        for o in c.config.outcomes
    ]
    return join(
        [
            table(["", ""], [[Markup("<b>{}</b>").format(name), text] for name, text in rows if text]),
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
    parts = [figure(drawn, "PRISMA 2020 flow diagram of records, reports and studies", css="full")]
    parts += [callout(f.message, "caution") for f in c.flow_findings if f.hard and not f.explanation]
    parts.append(bullets(list(flow_notes(c.flow, c.flow_findings))))
    words = "Beside this page, prisma-flow.html lists what stands behind each box, and prisma-flow.docx can be edited."
    parts.append(paragraph(words, "small"))
    if c.living:
        parts.append(heading("The flow version by version"))
        parts.append(
            figure(drawn.with_name("prisma-living.svg"), "Flow of the living review, a column a version", css="full")
        )
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
