"""HTML pieces: tables, figures, paragraphs; everything from the project is escaped."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Sequence
from pathlib import Path

from markupsafe import Markup, escape

__all__ = ["Markup", "bullets", "callout", "figure", "heading", "join", "paragraph", "table"]


def join(parts: Iterable[Markup | str]) -> Markup:
    """Pieces one after another; plain text among them is escaped."""
    return Markup("\n").join(escape(part) for part in parts if part)


def paragraph(text: str | Markup, css: str = "") -> Markup:
    """A paragraph."""
    return Markup('<p class="{}">{}</p>').format(css, text) if css else Markup("<p>{}</p>").format(text)


def callout(text: str | Markup, kind: str = "note") -> Markup:
    """A highlighted remark; ``kind`` is "note" or "caution"."""
    return Markup('<div class="{}">{}</div>').format(kind, text)


def heading(text: str, *tags: str, anchor: str = "") -> Markup:
    """A third-level heading with small tags behind it."""
    marks = Markup("").join(Markup('<span class="tag">{}</span>').format(tag) for tag in tags if tag)
    start = Markup('<h3 id="{}">').format(anchor) if anchor else Markup("<h3>")
    return start + escape(text) + marks + Markup("</h3>")


def bullets(items: Sequence[str | Markup]) -> Markup:
    """A tight list; nothing for no items."""
    if not items:
        return Markup("")
    inner = Markup("").join(Markup("<li>{}</li>").format(item) for item in items)
    return Markup('<ul class="tight">') + inner + Markup("</ul>")


def table(
    header: Sequence[str], rows: Sequence[Sequence[object]], *, caption: str = "", numeric: Sequence[int] = ()
) -> Markup:
    """A table; None shows as an empty cell, columns numbered in ``numeric`` are right-aligned."""
    number = set(numeric)

    def cell(tag: str, i: int, value: object) -> Markup:
        css = Markup(' class="num"') if i in number else Markup("")
        return Markup("<{0}{1}>{2}</{0}>").format(Markup(tag), css, "" if value is None else value)

    head = Markup("").join(cell("th", i, name) for i, name in enumerate(header))
    body = Markup("").join(
        Markup("<tr>{}</tr>").format(Markup("").join(cell("td", i, value) for i, value in enumerate(row)))
        for row in rows
    )
    title = Markup("<caption>{}</caption>").format(caption) if caption else Markup("")
    return Markup('<div class="wide"><table>{}<thead><tr>{}</tr></thead><tbody>{}</tbody></table></div>').format(
        title, head, body
    )


def figure(path: Path, alt: str, caption: str = "") -> Markup:
    """An SVG or PNG file embedded in the page; nothing if the file is not there."""
    if not path.is_file():
        return Markup("")
    kind = "image/svg+xml" if path.suffix == ".svg" else "image/png"
    data = base64.b64encode(path.read_bytes()).decode("ascii")
    below = Markup("<figcaption>{}</figcaption>").format(caption) if caption else Markup("")
    return Markup('<figure><img src="data:{};base64,{}" alt="{}">{}</figure>').format(kind, data, alt, below)
