"""The section on what changed since the version before."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from toolkit.model.wording import counted
from toolkit.report.change_words import comparable, main_estimate
from toolkit.report.changes import AnalysisChange, network_rows, numbers_row
from toolkit.report.context import Context
from toolkit.report.html import Group, Markup, bullets, figure, grouped_table, heading, join, paragraph, table
from toolkit.report.news import KINDS, News, StudyTurn

__all__ = ["changes", "draw_updates", "update_figure"]


def update_figure(folder: Path, analysis: str, kind: str = "svg") -> Path:
    """Where the figure of an analysis' versions stands."""
    return folder / f"versions-{analysis}.{kind}"


def draw_updates(c: Context, folder: Path, *, kind: str = "svg") -> list[Path]:
    """Draw the estimate of each headline analysis over the versions of the review, where it moved."""
    for old in folder.glob(f"versions-*.{kind}"):
        old.unlink()
    drawn = []
    for change in _headline(c):
        rows = _versions(c, change)
        if len(rows) < 2 or change.after is None:
            continue
        from toolkit.plots.forest import UpdateRow, draw_update_forest
        from toolkit.plots.style import save_figure

        spec = change.after["spec"]
        figure_rows = []
        for label, payload in rows:
            found = main_estimate(payload)
            assert found is not None
            p = payload["result"]["prediction"]
            figure_rows.append(
                UpdateRow(
                    label=label,
                    estimate=found["model"]["estimate"],
                    ci_low=found["model"]["ci_low"],
                    ci_high=found["model"]["ci_high"],
                    k=payload["result"]["k"],
                    prediction=None if p is None else (p["model"]["low"], p["model"]["high"]),
                )
            )
        path = update_figure(folder, change.analysis, kind)
        made = draw_update_forest(figure_rows, measure=spec["measure"], title=change.title, level=spec["level"])
        save_figure(made, path, title=change.title)
        drawn.append(path)
    return drawn


def _versions(c: Context, change: AnalysisChange) -> list[tuple[str, dict[str, Any]]]:
    """(label, result) of each state of the data with an estimate, oldest first, the present one last.

    Results of another question (another measure, another comparison) do not stand on one axis with the present one.
    """
    closed = {v.label: str(v.payload.get("closed_on", v.at[:10])) for v in c.versions}
    found = [
        (f"version {label}, {closed[label]}", dict(p))
        for label, p in change.history
        if main_estimate(p) and change.after is not None and comparable(p, change.after)
    ]
    last = change.history[-1][1]["fingerprint"] if change.history else None
    if change.after is not None and change.after["fingerprint"] != last and main_estimate(change.after):
        found.append(("now", dict(change.after)))
    return found


def changes(c: Context, folder: Path) -> Markup:
    """Before and after, for every analysis, with the studies that came and went."""
    if c.since is None:
        return Markup("")
    closed = c.since.payload.get("closed_on", c.since.at[:10])
    parts = [paragraph(f"Compared with version {c.since.label}, closed on {closed}.")]
    parts.append(_count_changes(c))
    turns = [_turn(one) for one in c.turns]
    parts.append(bullets(turns) if turns else paragraph("No study came into the review or left it."))
    parts += _news(c)
    headline = {change.analysis for change in _headline(c)}
    touched = [x for x in c.changes if x.status != "unchanged"]
    for title, group in (
        ("Headline analyses that changed", [x for x in touched if x.analysis in headline]),
        (
            "Sensitivity analyses that changed",
            [x for x in touched if x.analysis not in headline and x.status != "gone"],
        ),
        ("Analyses no longer declared", [x for x in touched if x.status == "gone"]),
    ):
        if group:
            parts += [heading(title), _table(c, group)]
            parts += [
                figure(update_figure(folder, x.analysis), f"Estimate over the versions of the review: {x.title}")
                for x in group
                if x.analysis in headline
            ]
    same = [x.analysis for x in c.changes if x.status == "unchanged"]
    rated = [f"{x.title}: {' '.join(x.certainty)}" for x in c.changes if x.status == "unchanged" and x.certainty]
    if rated:
        parts.append(bullets(rated))
    if same:
        parts.append(paragraph(f"Same data and settings, not computed again: {', '.join(same)}."))
    parts.append(_looks(c))
    return join(parts)


_STANDINGS = {
    "included": "included", "excluded": "excluded", "pending": "not decided", "ongoing": "ongoing",
    "awaiting_classification": "awaiting classification", "removed": "removed",
}  # fmt: skip


def _turn(one: StudyTurn) -> str:
    """ "Kang2018 is new in the review."; "Liu2013: awaiting classification before, excluded now (reason)." """
    reason = f" ({one.reason})" if one.reason else ""
    now = _STANDINGS.get(one.now, "not in the review")
    if not one.before and one.now == "included":
        return f"{one.study} is new in the review."
    if not one.before:
        return f"{one.study} is new: {now}{reason}."
    if one.before == "included":
        return f"{one.study} is no longer included: {now}{reason}."
    return f"{one.study}: {_STANDINGS[one.before]} before, {now} now{reason}."


def _news(c: Context) -> list[Markup]:
    """News besides new studies, under a heading for each kind; empty kinds are named in one sentence."""
    groups = [
        Group(title=words, rows=[[_about(one), one.text, one.source] for one in c.news if one.kind == kind])
        for kind, words in KINDS.items()
    ]
    found = [group for group in groups if group.rows]
    parts = []
    if found:
        parts = [heading("Other news"), grouped_table(["", "what", "known from"], found)]
    nothing = [str(group.title)[0].lower() + str(group.title)[1:] for group in groups if not group.rows]
    if nothing:
        parts.append(paragraph(f"No news of: {'; '.join(nothing)}.", "small"))
    return parts


def _about(one: News) -> Markup | str:
    return Markup("<b>{}</b>").format(one.about) if one.weighs else one.about


def _headline(c: Context) -> list[AnalysisChange]:
    ids = {o.analysis.id for o in c.analyses if o.analysis.role == "headline"}
    return [x for x in c.changes if x.analysis in ids]


def _table(c: Context, group: Sequence[AnalysisChange]) -> Markup:
    post_hoc = {o.analysis.id for o in c.analyses if not o.analysis.planned}
    groups = []
    for x in group:
        title: str | Markup = x.title
        tags = [*([] if x.status in ("changed", "gone") else [x.status]), *(["post hoc"] * (x.analysis in post_hoc))]
        for tag in tags:
            title = Markup('{} <span class="tag">{}</span>').format(title, tag)
        rows: list[list[object]] = []
        for name, payload in (("before", x.before), ("now", x.after)):
            rows.append([name, *numbers_row(payload)])
            rows += [["", "", f"{pair}: {text}", "", "", ""] for pair, text in network_rows(payload).items()]
        groups.append(Group(title=title, rows=rows, remark=_remark(x)))
    header = ["", "studies", "estimate", "tau2", "I2", "prediction interval"]
    return grouped_table(header, groups, numeric=(1,))


def _remark(x: AnalysisChange) -> str:
    moves = [f"{m.study} came in." for m in x.came]
    moves += [f"{m.study} left{f': {m.reason}' if m.reason else ''}." for m in x.left]
    if not moves and (x.settings or x.data):
        moves = ["The same studies."]
    moves += [f"Settings changed: {'; '.join(x.settings)}."] if x.settings else []
    moves += [f"{text[0].upper()}{text[1:]}." for text in x.data]
    return " ".join(part for part in (*moves, x.sentence, x.mover, *x.certainty) if part)


def _looks(c: Context) -> Markup:
    most = max((x.looks for x in c.changes), default=1)
    counted = ", ".join(f"{x.analysis} {x.looks}" for x in c.changes if x.looks > 1)
    text = f"States of the data looked at so far: {most} at most" + (f" ({counted}). " if counted else ". ")
    text += (
        "Repeated looks make chance findings more likely; an interval that crosses a conventional threshold is not by "
        "itself called a change."
    )
    return paragraph(text, "small")


def _count_changes(c: Context) -> Markup:
    assert c.since is not None
    before = c.since.payload.get("counts", {})
    names = {"total_studies": "studies included", "total_reports": "reports of included studies"}
    now = dict(c.flow.named_boxes())
    rows: list[list[object]] = []
    for key, words in names.items():
        old = before.get(key, {}).get("n")
        new = now[key].n if key in now else None
        if old is not None and new is not None:
            rows.append([words, old, new, f"{new - old:+d}"])
    parts = [table(["", "before", "now", "difference"], rows, numeric=(1, 2, 3))] if rows else []
    f = c.flow
    if f.is_update:
        found = f.database_records.n + f.register_records.n
        parts.append(
            paragraph(
                f"Since then {counted(found, 'record')} came from databases and registers (duplicates: "
                f"{f.duplicates.n}, screened: {f.screened.n}, reports assessed in full: {f.main.assessed.n})."
            )
        )
    return join(parts)
