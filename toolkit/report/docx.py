"""The report as a Word document: tables that can be edited, figures, the words of the page."""

from __future__ import annotations

import hashlib
import io
import zipfile
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from toolkit.report.blocks import Block, Bullets, Cell, Heading, Paragraph, Picture, Section, Table

__all__ = ["picture_key", "report_docx"]

FONT, EAST_ASIAN = "Arial", "SimSun"
# Characters of the small type that fit on an upright line; a table whose longest words need more turns the page.
UPRIGHT = 120
_SHADE = {"note": "EEF3F8", "caution": "FBF1DC"}


def picture_key(data: bytes) -> str:
    """What names an embedded SVG: its sha256."""
    return hashlib.sha256(data).hexdigest()


def report_docx(
    sections: Sequence[Section], pictures: Mapping[str, bytes], *, author: str, footer: str, language: str = "en"
) -> bytes:
    """The sections of the report as the bytes of a DOCX file.

    Parameters
    ----------
    pictures : `picture_key` of an SVG -> the same figure as PNG; a figure that has none is named in words
    author, footer : who stands in the file's properties, and the line at the foot of each page

    The same report gives the same bytes.
    """
    from docx import Document

    document: Any = Document()
    writer = _Writer(document, pictures)
    _styles(document, language)
    _properties(document, sections[0].title, author)
    _foot(document, footer)
    writer.title(sections[0])
    for section in sections[1:]:
        writer.section(section)
    stream = io.BytesIO()
    document.save(stream)
    return _undated(stream.getvalue())


class _Writer:
    def __init__(self, document: Any, pictures: Mapping[str, bytes]) -> None:
        self._document, self._pictures = document, pictures
        self._tables = 0
        self._heading_text = ""

    def title(self, section: Section) -> None:
        self._document.add_heading(section.title, level=0)
        for block in section.blocks:
            self._block(block)

    def section(self, section: Section) -> None:
        self._document.add_heading(section.title, level=1)
        self._heading_text = section.title
        for block in section.blocks:
            self._block(block)

    def _block(self, block: Block) -> None:
        writers: dict[type, Callable[[Any], None]] = {
            Heading: self._heading,
            Paragraph: self._paragraph,
            Bullets: self._bullets,
            Table: self._table,
            Picture: self._picture,
        }
        writers[type(block)](block)

    def _heading(self, block: Heading) -> None:
        self._heading_text = block.text
        tags = f" ({', '.join(block.tags)})" if block.tags else ""
        self._document.add_heading(block.text + tags, level=block.level - 1)

    def _paragraph(self, block: Paragraph) -> None:
        from docx.shared import Pt

        paragraph = self._document.add_paragraph(block.text)
        if block.style == "small":
            for run in paragraph.runs:
                run.font.size = Pt(8.5)
        elif block.style in _SHADE:
            _shade(paragraph._p.get_or_add_pPr(), _SHADE[block.style])

    def _bullets(self, block: Bullets) -> None:
        for item in block.items:
            self._document.add_paragraph(item, style="List Bullet")

    def _picture(self, block: Picture) -> None:
        from docx.shared import Emu

        data = block.data if block.kind == "png" else self._pictures.get(picture_key(block.data))
        if data is None:
            self._document.add_paragraph(f"[Figure: {block.alt}. It stands in report.html.]")
            return
        width, height = _png_size(data)
        section = self._document.sections[-1]
        room = int(section.page_width - section.left_margin - section.right_margin)
        tall = int((section.page_height - section.top_margin - section.bottom_margin) * 0.72)
        shown = min(room, round(tall * width / height))
        picture = self._document.add_picture(io.BytesIO(data), width=Emu(shown))
        picture._inline.docPr.set("descr", block.alt)
        if block.caption:
            self._caption(block.caption)

    def _caption(self, text: str, *, keep: bool = False) -> None:
        paragraph = self._document.add_paragraph(text, style="Caption")
        paragraph.paragraph_format.keep_with_next = keep

    def _table(self, block: Table) -> None:
        if not block.columns:
            return
        self._tables += 1
        shares, longest = _shares(block)
        turned = longest > UPRIGHT
        if turned:
            _new_page(self._document, landscape=True)
        self._caption(f"Table {self._tables}. {block.caption or self._heading_text}", keep=True)
        rows = [*block.head, *block.rows]
        table = self._document.add_table(rows=len(rows), cols=block.columns)
        table.style, table.autofit = "Table Grid", False
        section = self._document.sections[-1]
        room = int(section.page_width - section.left_margin - section.right_margin)
        widths = [round(room * share) for share in shares]
        for column, width in zip(table.columns, widths, strict=True):
            column.width = width
        for at, (row, cells) in enumerate(zip(table.rows, rows, strict=True)):
            _fill_row(row, cells, widths, 7.0 if block.columns > 5 else 8.5, shaded=at < len(block.head))
            if at < len(block.head) or (at + 1 < len(rows) and cells and all(cell.head for cell in cells)):
                _keep_with_next(row)
        for row in table.rows[: len(block.head)]:
            _mark_row(row, "tblHeader")
        self._document.add_paragraph()
        if turned:
            _new_page(self._document, landscape=False)


def _shares(table: Table) -> tuple[list[float], int]:
    """How the width is shared among the columns, and how many characters their longest words need side by side."""
    words, lengths = [3] * table.columns, [1] * table.columns
    for row in (*table.head, *table.rows):
        at = 0
        for cell in row:
            if cell.span == 1:
                words[at] = max(words[at], *(len(word) for word in cell.text.split() or [""]))
                lengths[at] = max(lengths[at], len(cell.text))
            at += cell.span
    # A long text needs width with the root of its length: twice the width for four times the text.
    wants = [max(1.2 * min(word, 24) + 3, 2.5 * length**0.5) for word, length in zip(words, lengths, strict=True)]
    return [want / sum(wants) for want in wants], sum(min(word, 24) + 2 for word in words)


def _fill_row(row: Any, cells: Sequence[Cell], widths: Sequence[int], size: float, *, shaded: bool) -> None:
    from docx.enum.text import WD_ALIGN_PARAGRAPH
    from docx.shared import Pt

    own = list(row.cells)  # looked up once: python-docx walks the row for each
    for target, width in zip(own, widths, strict=True):
        target.width = width
    if sum(len(cell.text) for cell in cells) < 600:
        _mark_row(row, "cantSplit")
    at = 0
    for cell in cells:
        target = own[at]
        if cell.span > 1:
            target = target.merge(own[min(at + cell.span, len(own)) - 1])
        paragraph = target.paragraphs[0]
        paragraph.paragraph_format.space_after = Pt(0)
        run = paragraph.add_run(cell.text)
        run.font.size = Pt(size)
        run.bold = cell.head
        if cell.number:
            paragraph.alignment = WD_ALIGN_PARAGRAPH.RIGHT
        if shaded:
            _shade(target._tc.get_or_add_tcPr(), "EDEDED")
        at += cell.span


def _keep_with_next(row: Any) -> None:
    """A head or the title of a group does not stand at the foot of a page without a row below it."""
    for cell in row.cells:
        for paragraph in cell.paragraphs:
            paragraph.paragraph_format.keep_with_next = True


def _mark_row(row: Any, name: str) -> None:
    """ "tblHeader": the row stands at the top of every page; "cantSplit": no page break goes through it."""
    from docx.oxml import OxmlElement
    from docx.oxml.ns import qn

    mark = OxmlElement(f"w:{name}")
    mark.set(qn("w:val"), "true")
    row._tr.get_or_add_trPr().append(mark)


def _shade(properties: Any, colour: str) -> None:
    from docx.oxml import OxmlElement
    from docx.oxml.ns import qn

    shade = OxmlElement("w:shd")
    for name, value in (("val", "clear"), ("color", "auto"), ("fill", colour)):
        shade.set(qn(f"w:{name}"), value)
    properties.append(shade)


def _new_page(document: Any, *, landscape: bool) -> None:
    from docx.enum.section import WD_ORIENT, WD_SECTION

    last = document.sections[-1]
    section = document.add_section(WD_SECTION.NEW_PAGE)
    short, long = sorted((last.page_width, last.page_height))
    section.orientation = WD_ORIENT.LANDSCAPE if landscape else WD_ORIENT.PORTRAIT
    section.page_width, section.page_height = (long, short) if landscape else (short, long)


def _styles(document: Any, language: str) -> None:
    from docx.oxml.ns import qn
    from docx.shared import Mm, Pt, RGBColor

    section = document.sections[0]
    section.page_width, section.page_height = Mm(210), Mm(297)
    section.left_margin = section.right_margin = Mm(20)
    section.top_margin = section.bottom_margin = Mm(20)
    for name in ("Normal", "Title", "Heading 1", "Heading 2", "Heading 3", "Heading 4", "Caption", "List Bullet"):
        style = document.styles[name]
        style.font.name = FONT
        fonts = style.element.get_or_add_rPr().get_or_add_rFonts()
        for theme in ("asciiTheme", "hAnsiTheme", "eastAsiaTheme", "cstheme"):
            fonts.attrib.pop(qn(f"w:{theme}"), None)
        # Without a font for East Asian text Word picks one by the language of the machine.
        fonts.set(qn("w:eastAsia"), EAST_ASIAN)
        style.font.color.rgb = RGBColor(0x1A, 0x1A, 0x1A)
    document.styles["Normal"].font.size = Pt(10)
    document.styles["Caption"].font.size = Pt(9)
    languages = document.styles["Normal"].element.get_or_add_rPr()
    from docx.oxml import OxmlElement

    mark = OxmlElement("w:lang")
    mark.set(qn("w:val"), language)
    languages.append(mark)


def _properties(document: Any, title: str, author: str) -> None:
    from datetime import UTC, datetime

    core = document.core_properties
    core.title, core.author, core.comments = title[:255], author[:255], ""
    # A fixed date: the document tells a state of the review, not the moment it was written.
    core.created = core.modified = datetime(2000, 1, 1, tzinfo=UTC)


def _foot(document: Any, text: str) -> None:
    from docx.shared import Pt

    paragraph = document.sections[0].footer.paragraphs[0]
    paragraph.add_run(text).font.size = Pt(7.5)


def _png_size(data: bytes) -> tuple[int, int]:
    """Width and height from the header of a PNG file."""
    return int.from_bytes(data[16:20], "big"), int.from_bytes(data[20:24], "big")


def _undated(content: bytes) -> bytes:
    """The same ZIP archive with one fixed date on every part."""
    stream = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as source, zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as target:
        for name in source.namelist():
            info = zipfile.ZipInfo(name, date_time=(2000, 1, 1, 0, 0, 0))
            info.compress_type = zipfile.ZIP_DEFLATED
            target.writestr(info, source.read(name))
    return stream.getvalue()
