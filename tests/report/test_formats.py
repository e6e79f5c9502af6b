"""Word, workbook and CSV say what the page says: same tables, same numbers, figures in place."""

from __future__ import annotations

import csv
import io
import shutil
import zipfile
from pathlib import Path

import pytest
from docx import Document
from openpyxl import load_workbook

from toolkit.cli.common import run
from toolkit.report.blocks import Bullets, Heading, Paragraph, Picture, Table, report_sections, table_grid
from toolkit.report.docx import picture_key, report_docx
from toolkit.report.xlsx import Sheet, report_xlsx

PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d49484452000000020000000108020000007b40e8dd0000000f49444154789c63f8cfc0f0ff3f0300"
    "0bfe02fea7352fa30000000049454e44ae426082"
)
PAGE = """<!DOCTYPE html><html lang="en"><head><title>x</title></head><body><header><h1>综述</h1><p class="lead">Q?</p>
</header><nav><ol><li>not a block</li></ol></nav><main><section id="one"><h2>First</h2>
<h3>股骨头 <span class="tag">post hoc</span></h3><p class="small">a &amp; b</p><div class="caution">Beware</div>
<ul><li>x</li><li>y</li></ul>
<div class="wide"><table><caption>Cap</caption><thead><tr><th>study</th><th class="num">n</th></tr></thead><tbody>
<tr class="group"><th colspan="2">Group</th></tr><tr><td>=A1<br>second</td><td class="num">12</td></tr></tbody>
</table></div>
<figure><img src="data:image/svg+xml;base64,PHN2Zy8+" alt="Forest"><figcaption>Below</figcaption></figure></section>
</main></body></html>"""


def test_the_page_becomes_blocks_in_order() -> None:
    title, one = report_sections(PAGE)
    assert (title.title, title.blocks) == ("综述", (Paragraph(text="Q?"),))
    heading, small, caution, bullets, table, picture = one.blocks
    assert heading == Heading(level=3, text="股骨头", tags=("post hoc",))
    assert (small, caution) == (Paragraph(text="a & b", style="small"), Paragraph(text="Beware", style="caution"))
    assert bullets == Bullets(items=("x", "y"))
    assert isinstance(table, Table) and table_grid(table) == (["study", "n"], [["Group", ""], ["=A1\nsecond", "12"]])
    assert picture == Picture(data=b"<svg/>", kind="svg", alt="Forest", caption="Below")


def test_a_word_table_can_be_edited_and_its_head_repeats_on_each_page() -> None:
    data = report_docx(report_sections(PAGE), {picture_key(b"<svg/>"): PNG}, author="李华", footer="f")
    document = Document(io.BytesIO(data))
    (table,) = document.tables
    assert [[c.text for c in row.cells] for row in table.rows] == [
        ["study", "n"],
        ["Group", "Group"],
        ["=A1\nsecond", "12"],
    ]
    assert "w:tblHeader" in table.rows[0]._tr.xml and "w:tblHeader" not in table.rows[2]._tr.xml
    assert len(document.inline_shapes) == 1
    assert [p.text for p in document.paragraphs if p.style.name == "Caption"] == ["Table 1. Cap", "Below"]
    assert document.core_properties.author == "李华"


def test_a_head_and_the_title_of_a_group_stay_with_the_row_below_them() -> None:
    data = report_docx(report_sections(PAGE), {}, author="", footer="f")
    (table,) = Document(io.BytesIO(data)).tables
    kept = [row.cells[0].paragraphs[0].paragraph_format.keep_with_next for row in table.rows]
    assert kept == [True, True, None]


def test_a_link_that_only_leads_on_the_page_is_not_in_the_other_formats() -> None:
    page = PAGE.replace("second", 'second <a href="#report-x" class="jump">trail</a>, and more')
    (table,) = (b for b in report_sections(page)[1].blocks if isinstance(b, Table))
    assert table.rows[1][0].text == "=A1\nsecond , and more"


def test_a_figure_without_a_picture_is_named_in_words_and_the_bytes_are_the_same_each_time() -> None:
    first, second = (report_docx(report_sections(PAGE), {}, author="", footer="f") for _ in range(2))
    assert first == second
    assert any("[Figure: Forest." in p.text for p in Document(io.BytesIO(first)).paragraphs)


def test_a_table_of_many_long_words_stands_on_a_turned_page() -> None:
    cells = "".join(f"<td>{'w' * 20}</td>" for _ in range(9))
    page = PAGE.replace("<ul>", f"<table><tr>{cells}</tr></table><ul>")
    document = Document(io.BytesIO(report_docx(report_sections(page), {}, author="", footer="f")))
    assert [s.page_width > s.page_height for s in document.sections] == [False, True, False]


def test_numbers_stay_numbers_and_formulas_do_not_run() -> None:
    sheets = (
        Sheet(name="a/b: [1]" + "x" * 40, header=("h", "n"), rows=(("=1+1", 0.25), (None, 3), ("\x02bad", True))),
        Sheet(name="a-b- -1-" + "X" * 40, header=("h",), rows=(("骨",),)),
    )
    book = load_workbook(io.BytesIO(report_xlsx(sheets)))
    first, second = book.worksheets
    assert len(first.title) <= 31 and first.title.casefold() != second.title.casefold()
    assert [[c.value for c in row] for row in first.iter_rows()] == [
        ["h", "n"],
        ["'=1+1", 0.25],
        [None, 3],
        ["bad", "yes"],
    ]
    assert first["A2"].data_type == "s"


@pytest.fixture(scope="module")
def made(diabetes: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = Path(shutil.copytree(diabetes, tmp_path_factory.mktemp("made") / "review"))
    assert run(["-C", str(folder), "report", "--format", "html,docx,xlsx,csv"]) == 0
    return folder


def test_every_table_of_the_page_stands_in_word_and_as_csv(made: Path) -> None:
    page = (made / "report" / "report.html").read_text(encoding="utf-8")
    tables = [b for s in report_sections(page) for b in s.blocks if isinstance(b, Table)]
    assert len(tables) == page.count("<table>") > 5
    assert len(Document(str(made / "report" / "report.docx")).tables) == len(tables)
    files = sorted((made / "report" / "tables").glob("*.csv"))
    assert len(files) == len(tables)
    cells = set()
    for path in files:
        with path.open(encoding="utf-8-sig", newline="") as handle:
            cells |= {cell for row in csv.reader(handle) for cell in row}
    wanted = {c.text for t in tables for row in t.rows for c in row if not c.text.startswith(("=", "+", "-", "@"))}
    assert wanted <= cells


def test_every_figure_of_the_page_stands_in_word(made: Path) -> None:
    page = (made / "report" / "report.html").read_text(encoding="utf-8")
    pictures = [b for s in report_sections(page) for b in s.blocks if isinstance(b, Picture)]
    with zipfile.ZipFile(made / "report" / "report.docx") as archive:
        shown = [name for name in archive.namelist() if name.startswith("word/media/")]
    assert len(pictures) == len(Document(str(made / "report" / "report.docx")).inline_shapes) > 3
    assert shown


def test_the_workbook_holds_the_numbers_of_the_results(made: Path) -> None:
    import json

    results = json.loads((made / "report" / "results.json").read_text(encoding="utf-8"))["analyses"]
    book = load_workbook(made / "report" / "report.xlsx")
    rows = list(book["network results"].iter_rows(values_only=True))
    at = {name: i for i, name in enumerate(rows[0])}
    stored = {(r[at["analysis"]], r[at["treatment"]]): r[at["random_estimate"]] for r in rows[1:]}
    for name, payload in results.items():
        if payload["kind"] == "network":
            for effect in payload["result"]["effects"]:
                if effect["random"] is not None:
                    assert stored[name, effect["treatment"]] == effect["random"]["estimate"]
            assert f"league {name}" in book.sheetnames
    assert {"flow", "pairwise results", "data of analyses", "extracted data", "studies"} <= set(book.sheetnames)


def test_tables_of_an_older_report_do_not_stay(made: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(made, tmp_path / "review"))
    (folder / "report" / "tables" / "old.csv").write_text("x", encoding="utf-8")
    assert run(["-C", str(folder), "report", "--format", "csv"]) == 0
    assert not (folder / "report" / "tables" / "old.csv").exists()


def test_an_unknown_format_is_refused_before_anything_is_written(made: Path) -> None:
    assert run(["-C", str(made), "report", "--format", "html,pdf"]) == 2
