"""HTML pieces: tables, figures, paragraphs; everything from the project is escaped."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from markupsafe import Markup, escape

__all__ = [
    "Group",
    "Markup",
    "bullets",
    "callout",
    "figure",
    "grouped_table",
    "heading",
    "join",
    "paragraph",
    "small",
    "table",
]


def join(parts: Iterable[Markup | str]) -> Markup:
    """Pieces one after another; plain text among them is escaped."""
    return Markup("\n").join(escape(part) for part in parts if part)


def paragraph(text: str | Markup, css: str = "") -> Markup:
    """A paragraph."""
    return Markup('<p class="{}">{}</p>').format(css, text) if css else Markup("<p>{}</p>").format(text)


def small(text: str | Markup) -> Markup:
    """Soft, small words inside a cell."""
    return Markup('<span class="small">{}</span>').format(text)


def callout(text: str | Markup, kind: str = "note") -> Markup:
    """A highlighted remark; ``kind`` is "note" or "caution"."""
    return Markup('<div class="{}">{}</div>').format(kind, text)


def heading(text: str, *tags: str, anchor: str = "") -> Markup:
    """A third-level heading with small tags behind it."""
    marks = Markup("").join(Markup(' <span class="tag">{}</span>').format(tag) for tag in tags if tag)
    start = Markup('<h3 id="{}">').format(anchor) if anchor else Markup("<h3>")
    return start + escape(text) + marks + Markup("</h3>")


def bullets(items: Sequence[str | Markup]) -> Markup:
    """A tight list; nothing for no items."""
    if not items:
        return Markup("")
    inner = Markup("").join(Markup("<li>{}</li>").format(item) for item in items)
    return Markup('<ul class="tight">') + inner + Markup("</ul>")


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Rows of a table under a line of their own, with a remark below them."""

    title: str | Markup
    rows: Sequence[Sequence[object]]
    remark: str | Markup = ""


def _cell(tag: str, i: int, value: object, numeric: set[int]) -> Markup:
    css = Markup(' class="num"') if i in numeric else Markup("")
    return Markup("<{0}{1}>{2}</{0}>").format(Markup(tag), css, "" if value is None else value)


def _row(row: Sequence[object], numeric: set[int]) -> Markup:
    return Markup("<tr>{}</tr>").format(Markup("").join(_cell("td", i, value, numeric) for i, value in enumerate(row)))


def table(
    header: Sequence[str], rows: Sequence[Sequence[object]], *, caption: str = "", numeric: Sequence[int] = ()
) -> Markup:
    """A table; None shows as an empty cell, columns numbered in ``numeric`` are right-aligned."""
    return grouped_table(header, [Group(title="", rows=rows)], caption=caption, numeric=numeric)


def grouped_table(
    header: Sequence[str], groups: Sequence[Group], *, caption: str = "", numeric: Sequence[int] = ()
) -> Markup:
    """A table in groups, each with a title above its rows and a remark below them; no header row if all are empty."""
    number, width = set(numeric), len(header)
    parts = []
    for group in groups:
        body = Markup("").join(_row(row, number) for row in group.rows)
        if group.title:
            body = (
                Markup('<tr class="group"><th colspan="{}" scope="rowgroup">{}</th></tr>').format(width, group.title)
                + body
            )
        if group.remark:
            body += Markup('<tr class="remark"><td colspan="{}">{}</td></tr>').format(width, group.remark)
        parts.append(Markup("<tbody>{}</tbody>").format(body))
    title = Markup("<caption>{}</caption>").format(caption) if caption else Markup("")
    head = Markup("")
    if any(header):
        cells = Markup("").join(_cell("th", i, name, number) for i, name in enumerate(header))
        head = Markup("<thead><tr>{}</tr></thead>").format(cells)
    return Markup('<div class="wide"><table>{}{}{}</table></div>').format(title, head, Markup("").join(parts))


def figure(path: Path, alt: str, caption: str = "", css: str = "") -> Markup:
    """An SVG or PNG file embedded in the page; nothing if the file is not there."""
    if not path.is_file():
        return Markup("")
    kind = "image/svg+xml" if path.suffix == ".svg" else "image/png"
    data = base64.b64encode(path.read_bytes()).decode("ascii")
    below = Markup("<figcaption>{}</figcaption>").format(caption) if caption else Markup("")
    start = Markup('<figure class="{}">').format(css) if css else Markup("<figure>")
    return start + Markup('<img src="data:{};base64,{}" alt="{}">{}</figure>').format(kind, data, alt, below)
