"""The report of the search as Markdown and as a self-contained HTML page."""

from __future__ import annotations

import html
from collections.abc import Sequence

from toolkit.search.appendix import SearchReport, StrategyText
from toolkit.search.notes import METHODS
from toolkit.search.press import ANSWERS, ELEMENTS

__all__ = ["as_html", "as_markdown"]

_HEADS = {
    "sources": ("Source", "Class", "Platform", "Searched on", "How", "Records", "File"),
    "notes": ("Source", "Class", "Method", "Day", "Count", "What was done", "By"),
    "items": ("Item", "Topic", "Where it stands"),
    "lines": ("Line", "Strategy", "Hits"),
    "press": ("Element", "Answer", "Comment"),
}
_OPEN = "to be written by the authors"


def _tables(report: SearchReport) -> list[tuple[str, list[list[str]]]]:
    sources = []
    noted = {note.source.casefold() for note in report.notes}
    for row in report.sources:
        nothing = "noted below" if row.name.casefold() in noted else "not searched yet"
        runs: Sequence[tuple[str, str, int | None, str]] = row.runs or (("", nothing, None, ""),)
        sources += [[row.name, row.kind, row.platform, day, how, _n(n), file] for day, how, n, file in runs]
    notes = [[n.source, n.kind, METHODS[n.method], n.day, _n(n.count), n.text, n.actor] for n in report.notes]
    items = [[number, topic, answer or _OPEN] for number, topic, answer in report.items]
    return [("sources", sources), ("notes", notes), ("items", items)]


def _n(value: int | None) -> str:
    return "" if value is None else f"{value:,}"


def _facts(text: StrategyText) -> list[str]:
    facts = [f"{key}: {value}" for key, value in text.header]
    exported = f" (export of {text.day})" if text.day else ""
    facts.append(
        f"Run on {text.day}, from {text.file}, kept with the run."
        if text.as_run
        else f"Run by hand at the host{exported}; the file {text.file} as it stood at the import"
        + (", edited since." if text.edited else ".")
        if text.as_imported
        else f"Run by hand at the host{exported}; the file {text.file} as it stands."
        if text.day
        else f"Not searched yet; the file {text.file} as it stands."
    )
    if text.records is not None:
        facts.append(f"Records: {text.records:,}.")
    if text.query:
        facts.append(f"Sent as: {text.query}")
    if text.translation:
        facts.append(f"Read by the database as: {text.translation}")
    return facts + [f"Signed off: {warning}" for warning in text.warnings]


_TITLES = {
    "sources": "Sources",
    "notes": "Sources without a search of their own",
    "items": "PRISMA-S",
}


def as_markdown(report: SearchReport) -> str:
    """Markdown; strategies stand in code blocks, character by character."""
    out = [f"# Search of: {report.title}", ""]
    for name, rows in _tables(report):
        if rows:
            out += [f"## {_TITLES[name]}", "", *_md_table(_HEADS[name], rows), ""]
    out += ["## Search strategies, exactly as run", ""]
    for text in report.strategies:
        out += [f"### {text.source}", "", *[f"- {_md(fact)}" for fact in _facts(text)], "", "```text"]
        for number, line, hits in text.lines:
            tail = f"    ({hits:,})" if hits is not None else ""
            out.append(f"{'' if number is None else f'{number}  '}{line}{tail}")
        out += ["```", ""]
    out += [f"- Missing: {_md(line)}" for line in report.missing]
    if report.reviews:
        out += ["", "## Peer review of the strategies (PRESS 2015)", ""]
    for review in report.reviews:
        changed = "; the strategy was changed afterwards" if review.current is False else ""
        out += [f"### {review.strategy}: {review.verdict}", "", f"{review.peer}, {review.at[:10]}{changed}.", ""]
        rows = [[ELEMENTS[name], ANSWERS[answer], comment] for name, answer, comment in review.elements]
        out += [*_md_table(_HEADS["press"], rows), "", *([review.remark, ""] if review.remark else [])]
    return "\n".join(out).rstrip() + "\n"


def _md(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|").replace("*", "\\*").replace("<", "&lt;")


def _md_table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    lines = [f"| {' | '.join(head)} |", f"|{'---|' * len(head)}"]
    return lines + [f"| {' | '.join(_md(cell) for cell in row)} |" for row in rows]


_STYLE = (
    "body{font:15px/1.5 sans-serif;max-width:60em;margin:2em auto;padding:0 1em}table{border-collapse:collapse}"
    "td,th{border:1px solid #bbb;padding:.3em .6em;text-align:left;vertical-align:top}pre{background:#f4f4f4;"
    "padding:.8em;white-space:pre-wrap}td:last-child{white-space:pre-line}"
)


def as_html(report: SearchReport) -> str:
    """One HTML page without outside addresses."""
    out = [f"<h1>Search of: {html.escape(report.title)}</h1>"]
    for name, rows in _tables(report):
        if rows:
            out += [f"<h2>{_TITLES[name]}</h2>", _html_table(_HEADS[name], rows)]
    out.append("<h2>Search strategies, exactly as run</h2>")
    for text in report.strategies:
        out.append(f"<h3>{html.escape(text.source)}</h3><ul>")
        out += [f"<li>{html.escape(fact)}</li>" for fact in _facts(text)]
        rows = [["" if n is None else str(n), line, _n(hits)] for n, line, hits in text.lines]
        out += ["</ul>", _html_table(_HEADS["lines"], rows)]
    out += [f"<p>Missing: {html.escape(line)}</p>" for line in report.missing]
    if report.reviews:
        out.append("<h2>Peer review of the strategies (PRESS 2015)</h2>")
    for review in report.reviews:
        changed = "; the strategy was changed afterwards" if review.current is False else ""
        out.append(f"<h3>{html.escape(review.strategy)}: {review.verdict}</h3>")
        out.append(f"<p>{html.escape(review.peer)}, {review.at[:10]}{changed}. {html.escape(review.remark)}</p>")
        rows = [[ELEMENTS[name], ANSWERS[answer], comment] for name, answer, comment in review.elements]
        out.append(_html_table(_HEADS["press"], rows))
    title = html.escape(report.title)
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Search of: {title}</title>'
        f"<style>{_STYLE}</style></head><body>\n" + "\n".join(out) + "\n</body></html>\n"
    )


def _html_table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    top = "".join(f"<th>{html.escape(cell)}</th>" for cell in head)
    body = "".join("<tr>" + "".join(f"<td>{html.escape(cell)}</td>" for cell in row) + "</tr>" for row in rows)
    return f"<table><thead><tr>{top}</tr></thead><tbody>{body}</tbody></table>"
