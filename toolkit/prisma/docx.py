"""The flow diagram as a Word file whose every word can be edited: boxes are bordered cells of one table."""

from __future__ import annotations

import io
import zipfile
from dataclasses import dataclass
from typing import Any

from toolkit.plots.diagram_boxes import SECTIONS
from toolkit.plots.diagram_text import TextLine
from toolkit.plots.living import LivingContent
from toolkit.plots.prisma import COLUMNS, ROWS, Content

__all__ = ["flow_docx", "living_docx"]

# Width of each kind of table column relative to a box column.
_SIDE, _ARROW = 0.14, 0.13
# Boxes on the right hold reasons, which are sentences; letters are small where one box holds many of them.
_WEIGHT = {"left": 1.0, "right": 1.35, "other_left": 0.8, "other_right": 1.35, "previous": 0.75}
_SIZE, _SMALL, _LONG = 8.5, 6.5, 700
_ACROSS = {"right": "left", "other_right": "other_left"}  # columns that an arrow from their left partner leads to


@dataclass(frozen=True, slots=True)
class _Grid:
    """Which table column holds which column of the diagram; an arrow column stands before each "right" column."""

    side: int
    boxes: dict[str, int]
    arrows: dict[str, int]
    widths: tuple[float, ...]


def flow_docx(content: Content) -> bytes:
    """A .docx of the diagram of ``content`` (see `toolkit.prisma.diagram.diagram_content`), landscape where it is wide.

    Its properties and parts are dated 2000-01-01, so that the same flow gives the same bytes.
    """
    wide = bool(content.other_header or content.previous_header)
    document = _document("PRISMA 2020 flow diagram", wide=wide)
    _table(document, content, usable=(297 if wide else 210) - 24)
    return _finished(document, content.notes)


def living_docx(content: LivingContent, rows: tuple[tuple[str, str], ...], status: list[tuple[str, str, str]]) -> bytes:
    """A .docx of the flow of a living review: its status as a table, then one column a version, a cell a box."""
    from docx.shared import Mm

    document = _document("Flow of a living review", wide=True)
    block = document.add_table(rows=len(status), cols=3)
    for column, share in zip(block.columns, (0.2, 0.55, 0.25), strict=True):
        column.width = Mm(273 * share)
    for row, line in zip(block.rows, status, strict=True):
        for cell, text, share in zip(row.cells, line, (0.2, 0.55, 0.25), strict=True):
            cell.width = Mm(273 * share)
            _paint(cell, None, border=True)
            _write(cell.paragraphs[0], text, bold=text is line[0])
    _write(document.add_paragraph(), "")
    used = [slots for slots in rows if any(slot in column for column in content.columns for slot in slots)]
    table = document.add_table(rows=1 + len(used), cols=2 * len(content.columns))
    for column in table.columns:
        column.width = Mm(273 / len(table.columns))
    for i, head in enumerate(content.heads):
        cell = table.cell(0, 2 * i).merge(table.cell(0, 2 * i + 1))
        _paint(cell, "D9D9D9", border=True)
        _write(cell.paragraphs[0], head, bold=True, centre=True)
        for number, slots in enumerate(used, start=1):
            for side, slot in enumerate(slots):
                if slot in content.columns[i]:
                    box = table.cell(number, 2 * i + side)
                    _paint(box, "E8EAED" if slot == "total" else None, border=True)
                    _fill(box, content.columns[i][slot])
    return _finished(document, content.notes)


def _document(title: str, *, wide: bool) -> Any:
    """An empty A4 document with small margins, its properties dated 2000-01-01."""
    import datetime as dt

    from docx import Document
    from docx.enum.section import WD_ORIENT
    from docx.shared import Mm, Pt

    document = Document()
    document.core_properties.created = document.core_properties.modified = dt.datetime(2000, 1, 1)
    document.core_properties.author = document.core_properties.last_modified_by = "evipool"
    document.core_properties.title = title
    plain = document.styles["Normal"]  # of cells without words: they must not make a row high
    plain.font.size = Pt(4)
    plain.paragraph_format.space_after = plain.paragraph_format.space_before = Pt(0)
    section = document.sections[0]
    size = (Mm(297), Mm(210)) if wide else (Mm(210), Mm(297))
    section.orientation = WD_ORIENT.LANDSCAPE if wide else WD_ORIENT.PORTRAIT
    section.page_width, section.page_height = size
    for edge in ("left_margin", "right_margin", "top_margin", "bottom_margin"):
        setattr(section, edge, Mm(12))
    return document


def _finished(document: Any, notes: tuple[str, ...]) -> bytes:
    for note in notes:
        _write(document.add_paragraph(), note, size=7)
    out = io.BytesIO()
    document.save(out)
    return _undated(out.getvalue())


def _undated(content: bytes) -> bytes:
    """The same ZIP archive with one fixed date on every part."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as source, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as target:
        for name in source.namelist():
            info = zipfile.ZipInfo(name, date_time=(2000, 1, 1, 0, 0, 0))
            info.compress_type = zipfile.ZIP_DEFLATED
            target.writestr(info, source.read(name))
    return out.getvalue()


def _grid(content: Content) -> _Grid:
    widths = [_SIDE]
    boxes: dict[str, int] = {}
    arrows: dict[str, int] = {}
    for column in COLUMNS:
        if (column == "previous" and not content.previous_header) or (
            column.startswith("other") and not content.other_header
        ):
            continue
        widths.append(_ARROW)
        arrows[column] = len(widths) - 1
        widths.append(_WEIGHT[column])
        boxes[column] = len(widths) - 1
    return _Grid(side=0, boxes=boxes, arrows=arrows, widths=tuple(widths))


def _table(document: Any, content: Content, *, usable: float) -> None:
    from docx.shared import Mm

    grid = _grid(content)
    used = [number for number, row in enumerate(ROWS) if any(slot in content.boxes for slot in row)]
    table = document.add_table(rows=2 * len(used), cols=len(grid.widths))
    table.autofit = False
    whole = sum(grid.widths)
    widths = [Mm(usable * share / whole) for share in grid.widths]
    for column, width in zip(table.columns, widths, strict=True):  # LibreOffice goes by these, Word by the cells'
        column.width = width
    for row in table.rows:
        for cell, width in zip(row.cells, widths, strict=True):
            cell.width = width
    _headers(table, content, grid)
    lines: dict[int, int] = {}
    for position, number in enumerate(used):
        line = 1 + 2 * position
        lines[number] = line
        _boxes(table, content, grid, number, line)
        if position + 1 < len(used):
            _down(table, content, grid, number, line + 1)
    for name, rows in SECTIONS:
        present = [lines[number] for number in rows if number in lines]
        if present:
            cell = table.cell(present[0], grid.side).merge(table.cell(present[-1], grid.side))
            _paint(cell, "9CC2E5", border=False)
            _upright(cell)
            _write(cell.paragraphs[0], name, bold=True, centre=True)


def _headers(table: Any, content: Content, grid: _Grid) -> None:
    spans = [("left", "right", content.main_header, "FFC000")]
    if content.previous_header:
        spans.append(("previous", "previous", content.previous_header, "D9D9D9"))
    if content.other_header:
        spans.append(("other_left", "other_right", content.other_header, "D9D9D9"))
    for first, last, text, colour in spans:
        cell = table.cell(0, grid.boxes[first]).merge(table.cell(0, grid.boxes[last]))
        _paint(cell, colour, border=False)
        _write(cell.paragraphs[0], text, bold=True, centre=True)


def _boxes(table: Any, content: Content, grid: _Grid, number: int, line: int) -> None:
    longest = max(sum(len(line.text) for line in lines) for lines in content.boxes.values())
    size = _SMALL if longest > _LONG else _SIZE
    for column, slot in zip(COLUMNS, ROWS[number], strict=True):
        if slot not in content.boxes:
            continue
        cell = table.cell(line, grid.boxes[column])
        grey = slot.startswith("other_") or slot in ("previous", "total")
        _paint(cell, "E8EAED" if grey else None, border=True)
        _fill(cell, content.boxes[slot], size=size)
        if column in _ACROSS:
            _write(table.cell(line, grid.arrows[column]).paragraphs[0], "→", centre=True)
        if slot == "new" and "other_assessed" in content.boxes:
            _write(table.cell(line, grid.arrows["right"]).paragraphs[0], "←", centre=True)
        if slot == "total" and "previous" in content.boxes:
            _write(table.cell(line, grid.arrows["left"]).paragraphs[0], "→", centre=True)


def _down(table: Any, content: Content, grid: _Grid, number: int, line: int) -> None:
    """Arrows below a row, in the columns that go on."""
    for column, last in (("left", len(ROWS)), ("other_left", 5), ("previous", 6)):
        if column not in grid.boxes or number >= last:
            continue
        position = COLUMNS.index(column)
        later = any(row[position] in content.boxes for row in ROWS[number + 1 :])
        if later or column != "left":
            _write(table.cell(line, grid.boxes[column]).paragraphs[0], "↓", centre=True)


def _fill(cell: Any, lines: tuple[TextLine, ...], *, size: float = _SIZE) -> None:
    from docx.shared import Mm

    for i, line in enumerate(lines):
        paragraph = cell.paragraphs[0] if i == 0 else cell.add_paragraph()
        paragraph.paragraph_format.left_indent = Mm(3 * line.indent)
        _write(paragraph, line.text, size=size, bold=line.bold)


def _write(paragraph: Any, text: str, *, size: float = _SIZE, bold: bool = False, centre: bool = False) -> None:
    from docx.enum.text import WD_ALIGN_PARAGRAPH
    from docx.oxml.ns import qn
    from docx.shared import Pt

    paragraph.paragraph_format.space_after = paragraph.paragraph_format.space_before = Pt(0)
    if centre:
        paragraph.alignment = WD_ALIGN_PARAGRAPH.CENTER
    run = paragraph.add_run(text)
    run.bold, run.font.size, run.font.name = bold, Pt(size), "Arial"
    # Without a font for East Asian text Word picks one by the language of the machine.
    run._element.get_or_add_rPr().get_or_add_rFonts().set(qn("w:eastAsia"), "SimSun")


def _paint(cell: Any, colour: str | None, *, border: bool) -> None:
    from docx.enum.table import WD_CELL_VERTICAL_ALIGNMENT
    from docx.oxml import OxmlElement
    from docx.oxml.ns import qn

    properties = cell._element.get_or_add_tcPr()
    if border:
        borders = OxmlElement("w:tcBorders")
        for edge in ("top", "left", "bottom", "right"):
            line = OxmlElement(f"w:{edge}")
            for name, value in (("val", "single"), ("sz", "6"), ("space", "0"), ("color", "1A1A1A")):
                line.set(qn(f"w:{name}"), value)
            borders.append(line)
        properties.append(borders)
    if colour is not None:
        shade = OxmlElement("w:shd")
        for name, value in (("val", "clear"), ("color", "auto"), ("fill", colour)):
            shade.set(qn(f"w:{name}"), value)
        properties.append(shade)
    cell.vertical_alignment = WD_CELL_VERTICAL_ALIGNMENT.CENTER


def _upright(cell: Any) -> None:
    """Text that runs from bottom to top."""
    from docx.oxml import OxmlElement
    from docx.oxml.ns import qn

    direction = OxmlElement("w:textDirection")
    direction.set(qn("w:val"), "btLr")
    properties = cell._element.get_or_add_tcPr()
    align = properties.find(qn("w:vAlign"))  # the schema wants the direction before it
    if align is None:
        properties.append(direction)
    else:
        align.addprevious(direction)
