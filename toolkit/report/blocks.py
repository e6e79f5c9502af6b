"""The written report as plain blocks: what Word and the CSV files are made of, so that they say what the page says."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

__all__ = ["Block", "Bullets", "Cell", "Heading", "Paragraph", "Picture", "Section", "Table", "report_sections"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Heading:
    """A heading below that of its section, with small tags behind it ("post hoc")."""

    level: int
    text: str
    tags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Paragraph:
    """Running text; ``style`` is "", "small", "note" or "caution"."""

    text: str
    style: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bullets:
    """A list of short statements."""

    items: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """A cell: its text (lists one item a line), how many columns it spans, whether it is a head, whether a number."""

    text: str
    span: int = 1
    head: bool = False
    number: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """A table; ``head`` are its header rows, ``rows`` the others."""

    caption: str
    head: tuple[tuple[Cell, ...], ...]
    rows: tuple[tuple[Cell, ...], ...]

    @property
    def columns(self) -> int:
        """Width in columns."""
        return max((sum(c.span for c in row) for row in (*self.head, *self.rows)), default=0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """An embedded figure: its bytes as the page holds them, "svg" or "png", what it shows, and its caption."""

    data: bytes
    kind: str
    alt: str
    caption: str


Block = Heading | Paragraph | Bullets | Table | Picture


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """A section of the report; the first one, without an id, is the title page."""

    id: str
    title: str
    blocks: tuple[Block, ...]


def report_sections(page: str) -> tuple[Section, ...]:
    """The sections of report.html; the first holds title, question and state of the review."""
    from lxml import html

    # Our own page, but the text in it is the reviewer's: no network, no entities.
    root = html.document_fromstring(page.encode("utf-8"), parser=html.HTMLParser(encoding="utf-8", no_network=True))
    header = root.find(".//header")
    title = _text(header.find("h1")) if header is not None else ""
    lead = tuple(Paragraph(text=_text(p)) for p in header.iter("p")) if header is not None else ()
    found = [Section(id="", title=title, blocks=tuple(p for p in lead if p.text))]
    for section in root.iter("section"):
        head = section.find("h2")
        blocks = tuple(b for child in section if child is not head for b in _blocks(child))
        found.append(Section(id=section.get("id") or "", title=_text(head), blocks=blocks))
    return tuple(found)


def _text(element: Any) -> str:
    """The words of an element; line breaks and list items end a line, links that only lead on the page say nothing."""
    if element is None:
        return ""
    parts: list[str] = []

    def walk(node: Any) -> None:
        if not isinstance(node.tag, str):
            return
        if "jump" in (node.get("class") or "").split():
            return
        if node.tag in ("br", "li", "p", "div", "summary") and parts:
            parts.append("\n")
        parts.append(" ".join((node.text or "").split(" ")))
        for child in node:
            walk(child)
            parts.append(child.tail or "")

    walk(element)
    lines = ("".join(parts)).split("\n")
    return "\n".join(x for x in (" ".join(line.split()) for line in lines) if x)


def _blocks(element: Any) -> Iterator[Block]:
    tag = element.tag if isinstance(element.tag, str) else ""
    css = (element.get("class") or "").split()
    if tag in ("h3", "h4", "h5"):
        tags = tuple(_text(x) for x in element.iter("span") if "tag" in (x.get("class") or "").split())
        words = "".join([element.text or "", *(x.tail or "" for x in element)])
        yield Heading(level=int(tag[1]), text=" ".join(words.split()) or _text(element), tags=tags)
    elif tag == "table":
        yield _table(element)
    elif tag in ("ul", "ol"):
        yield Bullets(items=tuple(_text(x) for x in element.iterchildren("li")))
    elif tag == "figure":
        yield from _pictures(element)
    elif tag in ("p", "pre", "blockquote") or (tag == "div" and {"note", "caution"} & set(css)):
        style = next((x for x in ("caution", "note", "small") if x in css), "")
        text = _text(element)
        if text:
            yield Paragraph(text=text, style=style)
    elif tag not in ("script", "style", "svg", ""):
        if (element.text or "").strip():
            yield Paragraph(text=" ".join((element.text or "").split()))
        for child in element:
            yield from _blocks(child)


def _table(element: Any) -> Table:
    caption = _text(element.find("caption"))
    head: list[tuple[Cell, ...]] = []
    rows: list[tuple[Cell, ...]] = []
    for row in element.iter("tr"):
        cells = tuple(
            Cell(
                text=_text(x),
                span=int(x.get("colspan") or 1),
                head=x.tag == "th",
                number="num" in (x.get("class") or "").split(),
            )
            for x in row
            if x.tag in ("th", "td")
        )
        in_head = row.getparent() is not None and row.getparent().tag == "thead"
        (head if in_head else rows).append(cells)
    return Table(caption=caption, head=tuple(head), rows=tuple(rows))


def _pictures(element: Any) -> Iterator[Picture]:
    caption = _text(element.find("figcaption"))
    for image in element.iter("img"):
        start, _, data = (image.get("src") or "").partition(";base64,")
        kind = {"data:image/svg+xml": "svg", "data:image/png": "png"}.get(start)
        if kind is not None:
            yield Picture(data=base64.b64decode(data), kind=kind, alt=image.get("alt") or "", caption=caption)


def table_grid(table: Table) -> tuple[list[str], list[list[str]]]:
    """Header and rows of a table as plain text; a cell that spans columns stands in the first of them."""
    header = _flat(table.head[-1]) if table.head else [""] * table.columns
    return header, [_flat(row) for row in table.rows]


def _flat(row: Sequence[Cell]) -> list[str]:
    return [text for cell in row for text in (cell.text, *[""] * (cell.span - 1))]
