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
from toolkit.prisma.docx_page import EDGE, Page, bar_height, fitting_page

__all__ = ["flow_docx", "living_docx"]

# Width of each kind of table column relative to a box column.
_SIDE, _ARROW = 0.14, 0.13
# Boxes on the right hold reasons, which are sentences.
_WEIGHT = {"left": 1.0, "right": 1.35, "other_left": 0.8, "other_right": 1.35, "previous": 0.75}
_SIZE = 8.5
_ACROSS = {"right": "left", "other_right": "other_left"}  # columns that an arrow from their left partner leads to


@dataclass(frozen=True, slots=True)
class _Grid:
    """Which table column holds which column of the diagram; an arrow column stands before each "right" column."""

    side: int
    boxes: dict[str, int]
    arrows: dict[str, int]
    widths: tuple[float, ...]


def flow_docx(content: Content) -> bytes:
    """A .docx of the diagram of ``content`` (see `toolkit.prisma.diagram.diagram_content`), on one page.

    It is A4, on its side where there are several columns; A3 with long boxes.
    Its properties and parts are dated 2000-01-01, so that the same flow gives the same bytes.
    """
    grid = _grid(content)
    whole = sum(grid.widths)

    def rows(usable: float) -> list[list[tuple[tuple[TextLine, ...], float]]]:
        return [
            [
                (content.boxes[slot], usable * _WEIGHT[column] / whole)
                for column, slot in zip(COLUMNS, row, strict=True)
                if slot in content.boxes
            ]
            for row in ROWS
            if any(slot in content.boxes for slot in row)
        ]

    page = fitting_page(rows, content.notes, wide=bool(content.other_header or content.previous_header))
    document = _document("PRISMA 2020 flow diagram", page)
    _table(document, content, grid, page)
    return _finished(document, content.notes)


def living_docx(content: LivingContent, rows: tuple[tuple[str, str], ...], status: list[tuple[str, str, str]]) -> bytes:
    """A .docx of the flow of a living review: its status as a table, then one column a version, a cell a box."""
    from docx.shared import Mm

    used = [slots for slots in rows if any(slot in column for column in content.columns for slot in slots)]
    sides = 2 * len(content.columns)
    page = fitting_page(
        lambda usable: [
            [(c[slot], usable / sides) for c in content.columns for slot in slots if slot in c] for slots in used
        ],
        content.notes,
        wide=True,
        tall=len(content.columns) < 3,
    )
    document = _document("Flow of a living review", page)
    block = document.add_table(rows=len(status), cols=3)
    for column, share in zip(block.columns, (0.2, 0.55, 0.25), strict=True):
        column.width = Mm(page.usable * share)
    for row, line in zip(block.rows, status, strict=True):
        for cell, text, share in zip(row.cells, line, (0.2, 0.55, 0.25), strict=True):
            cell.width = Mm(page.usable * share)
            _paint(cell, None, border=True)
            _write(cell.paragraphs[0], text, bold=text is line[0])
    _write(document.add_paragraph(), "")
    table = document.add_table(rows=1 + len(used), cols=sides)
    _roomy(table)
    for column in table.columns:
        column.width = Mm(page.usable / sides)
    for i, head in enumerate(content.heads):
        cell = table.cell(0, 2 * i).merge(table.cell(0, 2 * i + 1))
        _paint(cell, "D9D9D9", border=True)
        _write(cell.paragraphs[0], head, bold=True, centre=True)
        for number, slots in enumerate(used, start=1):
            for side, slot in enumerate(slots):
                if slot in content.columns[i]:
                    box = table.cell(number, 2 * i + side)
                    _paint(box, "E8EAED" if slot == "total" else None, border=True)
                    _fill(box, content.columns[i][slot], size=page.letters)
    return _finished(document, content.notes)


def _document(title: str, page: Page) -> Any:
    """An empty document with small margins, its properties dated 2000-01-01."""
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
    section.orientation = WD_ORIENT.LANDSCAPE if page.width > page.height else WD_ORIENT.PORTRAIT
    section.page_width, section.page_height = Mm(page.width), Mm(page.height)
    for edge in ("left_margin", "right_margin", "top_margin", "bottom_margin"):
        setattr(section, edge, Mm(EDGE))
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


def _table(document: Any, content: Content, grid: _Grid, page: Page) -> None:
    from docx.shared import Mm

    used = [number for number, row in enumerate(ROWS) if any(slot in content.boxes for slot in row)]
    table = document.add_table(rows=2 * len(used), cols=len(grid.widths))
    table.autofit = False
    _roomy(table)
    whole = sum(grid.widths)
    widths = [Mm(page.usable * share / whole) for share in grid.widths]
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
        _boxes(table, content, grid, number, line, page.letters)
        if position + 1 < len(used):
            _down(table, content, grid, number, line + 1)
    for name, rows in SECTIONS:
        present = [lines[number] for number in rows if number in lines]
        if present:
            if len(present) == 1:  # a bar beside one low box would cut its name into pieces
                table.rows[present[0]].height = Mm(bar_height(name))
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


def _boxes(table: Any, content: Content, grid: _Grid, number: int, line: int, size: float) -> None:
    for column, slot in zip(COLUMNS, ROWS[number], strict=True):
        if slot not in content.boxes:
            continue
        cell = table.cell(line, grid.boxes[column])
        grey = slot.startswith("other_") or slot in ("previous", "total")
        _paint(cell, "E8EAED" if grey else None, border=True)
        _fill(cell, content.boxes[slot], size=size)
        if column in _ACROSS:
            _arrow(table.cell(line, grid.arrows[column]), "→")
        if slot == "new" and "other_assessed" in content.boxes:
            _arrow(table.cell(line, grid.arrows["right"]), "←")
        if slot == "total" and "previous" in content.boxes:
            _arrow(table.cell(line, grid.arrows["left"]), "→")


def _down(table: Any, content: Content, grid: _Grid, number: int, line: int) -> None:
    """Arrows below a row, in the columns that go on."""
    for column, last in (("left", len(ROWS)), ("other_left", 5), ("previous", 6)):
        if column not in grid.boxes or number >= last:
            continue
        position = COLUMNS.index(column)
        later = any(row[position] in content.boxes for row in ROWS[number + 1 :])
        if later or column != "left":
            _arrow(table.cell(line, grid.boxes[column]), "↓")


def _arrow(cell: Any, sign: str) -> None:
    """An arrow in the middle of its cell, level with the words of the boxes beside it."""
    from docx.enum.table import WD_CELL_VERTICAL_ALIGNMENT

    cell.vertical_alignment = WD_CELL_VERTICAL_ALIGNMENT.CENTER
    _write(cell.paragraphs[0], sign, centre=True)


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
    run = paragraph.add_run(text.replace("(n = ", "(n\u00a0=\u00a0"))  # a line never ends inside a number
    run.bold, run.font.size, run.font.name = bold, Pt(size), "Arial"
    # Without a font for East Asian text Word picks one by the language of the machine.
    run._element.get_or_add_rPr().get_or_add_rFonts().set(qn("w:eastAsia"), "SimSun")


def _roomy(table: Any) -> None:
    """A little room above and below the words of each cell, and no row that breaks where it fits on one page."""
    from docx.oxml import OxmlElement
    from docx.oxml.ns import qn

    margins = OxmlElement("w:tblCellMar")
    for edge in ("top", "bottom"):
        side = OxmlElement(f"w:{edge}")
        side.set(qn("w:w"), "28")
        side.set(qn("w:type"), "dxa")
        margins.append(side)
    properties = table._tbl.tblPr
    look = properties.find(qn("w:tblLook"))  # the schema wants the margins before it
    if look is None:
        properties.append(margins)
    else:
        look.addprevious(margins)
    for row in table.rows:
        row._tr.get_or_add_trPr().append(OxmlElement("w:cantSplit"))


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
    """Text that runs from bottom to top, with the whole width of its narrow cell."""
    from docx.oxml import OxmlElement
    from docx.oxml.ns import qn

    margins, direction = OxmlElement("w:tcMar"), OxmlElement("w:textDirection")
    for edge in ("left", "right"):
        side = OxmlElement(f"w:{edge}")
        side.set(qn("w:w"), "0")
        side.set(qn("w:type"), "dxa")
        margins.append(side)
    direction.set(qn("w:val"), "btLr")
    properties = cell._element.get_or_add_tcPr()
    align = properties.find(qn("w:vAlign"))  # the schema wants both before it
    for part in (margins, direction):
        if align is None:
            properties.append(part)
        else:
            align.addprevious(part)
