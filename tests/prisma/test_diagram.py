"""The drawn diagram: words of the template, nothing overlaps, every text fits its box as rendered."""

from __future__ import annotations

import io
import itertools
import json
import re
import shutil
import subprocess
import zipfile
from pathlib import Path

import pytest
from docx import Document
from docx.oxml.ns import qn

from tests.prisma.builders import Desk, small_review
from toolkit.plots.diagram_boxes import DiagramLayout, PlacedBox
from toolkit.plots.diagram_draw import draw_diagram
from toolkit.plots.diagram_text import TextLine, box_lines, wrap_text
from toolkit.plots.prisma import layout_prisma
from toolkit.plots.style import save_figure
from toolkit.prisma.boxes import Flow
from toolkit.prisma.diagram import diagram_content
from toolkit.prisma.docx import flow_docx
from toolkit.prisma.flow import count_flow
from toolkit.prisma.html import flow_html, slot_boxes
from toolkit.prisma.identities import check
from toolkit.prisma.rcsv import flow_from_r_csv, r_csv_text

LONG = tuple(
    f"Reason {i}: the report describes a population, an intervention or an outcome which the protocol excludes ({i})"
    for i in range(1, 16)
)
TWELVE = (
    "PubMed", "Embase (Ovid)", "Cochrane Central Register of Controlled Trials (CENTRAL)",
    "Web of Science Core Collection", "Scopus", "CINAHL Plus with Full Text (EBSCOhost)", "PsycINFO", "LILACS",
    "中国知网（CNKI）", "万方数据知识服务平台", "维普中文科技期刊数据库", "中国生物医学文献数据库（SinoMed）",
)  # fmt: skip


def many() -> Desk:
    desk = Desk(reasons=LONG)
    for i, name in enumerate(TWELVE):
        desk.find(name, " ".join(f"d{i}.{j}" for j in range(i + 5)))
    desk.find("ClinicalTrials.gov", "g1 g2", kind="register")
    for i, reason in enumerate(LONG):
        report = f"d{i % 12}.{i // 12}"
        desk.screen(report, "include")
        desk.get(report)
        desk.judge(report, "exclude", reason)
    desk.take("g1", "S1")
    desk.take("g2", "S2")
    desk.standings["S2"] = "ongoing"
    return desk


def update() -> Desk:
    desk = small_review()
    desk.mark()
    desk.find("PubMed", "g h i")
    desk.take("g", "S3")
    desk.screen("h", "exclude", by="tool")
    desk.standings["S2"] = "removed"
    return desk


def with_others(desk: Desk) -> Desk:
    desk.find(
        "Website of a society with quite a long name that has to be wrapped", "w1 w2", kind="other", method="website"
    )
    desk.find("Hand search of the proceedings of conferences held in China from 1999 to 2024", "p1 p2", kind="other")
    desk.find("引文检索", "q1", kind="other", method="citation")
    desk.take("w1", "S7")
    desk.take("p1", "S8")
    desk.standings["S8"] = "awaiting_classification"
    return desk


CASES = {
    "new": lambda: count_flow(small_review().state(syntheses=(("全髋关节置换转换率", ("S1", "S2")),))),
    "updated": lambda: count_flow(update().state()),
    "new with others": lambda: count_flow(with_others(small_review()).state()),
    "updated with others": lambda: count_flow(with_others(update()).state()),
    "twelve databases": lambda: count_flow(many().state()),
    "twelve databases with others": lambda: count_flow(with_others(many()).state()),
    "empty": lambda: count_flow(Desk().state()),
}


@pytest.fixture(params=CASES)
def flow(request: pytest.FixtureRequest) -> Flow:
    counted = CASES[request.param]()
    assert isinstance(counted, Flow)
    return counted


def place(flow: Flow) -> DiagramLayout:
    return layout_prisma(diagram_content(flow, check(flow)))


def overlap(a: PlacedBox, b: PlacedBox) -> bool:
    return a.x < b.right and b.x < a.right and a.y < b.bottom and b.y < a.bottom


def test_no_two_boxes_overlap_and_all_lie_inside_the_figure(flow: Flow) -> None:
    layout = place(flow)
    for first, second in itertools.combinations(layout.boxes, 2):
        assert not overlap(first, second), (first.slot, second.slot)
    for box in layout.boxes:
        assert box.x >= 0 and box.y >= 0 and box.right <= layout.width and box.bottom <= layout.height, box.slot
    lowest = max(box.bottom for box in layout.boxes)
    assert all(lowest < note.y < layout.height for note in layout.notes)


@pytest.mark.parametrize("dpi", [72, 200])
def test_every_text_fits_its_box_as_rendered(flow: Flow, dpi: int) -> None:
    layout = place(flow)
    figure = draw_diagram(layout)
    figure.set_dpi(dpi)
    figure.canvas.draw()
    axes = figure.axes[0]
    texts = iter(axes.texts)
    scale = 72.0 / dpi
    for box in layout.boxes:
        for line in box.lines:
            text = next(texts)
            assert text.get_text() == line.text
            extent = text.get_window_extent()
            left, right = extent.x0 * scale, extent.x1 * scale
            top, bottom = layout.height - extent.y1 * scale, layout.height - extent.y0 * scale
            assert box.x <= left and right <= box.right, (box.slot, line.text)
            assert box.y <= top and bottom <= box.bottom, (box.slot, line.text)
    for note in layout.notes:
        extent = next(texts).get_window_extent()
        assert extent.x1 * scale <= layout.width, note.text


def test_arrows_start_and_end_on_boxes_and_cross_none(flow: Flow) -> None:
    layout = place(flow)
    for arrow in layout.arrows:
        x, y = arrow.points[-1]
        assert any(
            (abs(y - b.y) < 0.01 and b.x <= x <= b.right)
            or (b.y <= y <= b.bottom and min(abs(x - b.x), abs(x - b.right)) < 0.01)
            for b in layout.boxes
        )
        for (x0, y0), (x1, y1) in itertools.pairwise(arrow.points):
            for box in layout.boxes:
                inside_x = min(x0, x1) < box.right - 0.01 and max(x0, x1) > box.x + 0.01
                inside_y = min(y0, y1) < box.bottom - 0.01 and max(y0, y1) > box.y + 0.01
                assert not (inside_x and inside_y), (box.slot, arrow.points)


def words(flow: Flow, slot: str) -> list[str]:
    return [line.text for line in diagram_content(flow).boxes[slot]]


def test_a_new_review_speaks_the_words_of_the_template() -> None:
    flow = CASES["new"]()
    content = diagram_content(flow)
    assert content.main_header == "Identification of studies via databases and registers"
    assert (content.previous_header, content.other_header) == ("", "")
    assert words(flow, "identified")[:2] == ["Records identified from*:", "Databases (n = 5)"]
    assert words(flow, "removed") == [
        "Records removed before screening:",
        "Duplicate records removed (n = 1)",
        "Records marked as ineligible by automation tools (n = 0)",
        "Records removed for other reasons (n = 0)",
    ]
    assert words(flow, "screened") == ["Records screened (n = 5)"]
    assert words(flow, "excluded") == ["Records excluded** (n = 1)"]
    assert words(flow, "sought") == ["Reports sought for retrieval (n = 4)"]
    assert words(flow, "not_retrieved") == ["Reports not retrieved (n = 1)"]
    assert words(flow, "assessed") == ["Reports assessed for eligibility (n = 3)"]
    assert words(flow, "rejected") == ["Reports excluded:", "No comparator (n = 1)"]
    assert words(flow, "new") == ["Studies included in review (n = 2)", "Reports of included studies (n = 2)"]
    assert "BMJ 2021;372:n71" in content.notes[-1]
    assert {box.slot for box in place(flow).boxes} >= {"identification", "screening", "included"}


def test_an_updated_review_speaks_the_words_of_the_template() -> None:
    flow = CASES["updated with others"]()
    content = diagram_content(flow)
    assert content.previous_header == "Previous studies"
    assert content.main_header == "Identification of new studies via databases and registers"
    assert content.other_header == "Identification of new studies via other methods"
    assert words(flow, "previous") == [
        "Studies included in previous version of review (n = 2)",
        "Reports of studies included in previous version of review (n = 2)",
    ]
    assert words(flow, "new")[:2] == [
        "New studies included in review (n = 2)",
        "Reports of new included studies (n = 2)",
    ]
    assert words(flow, "total") == [
        "Total studies included in review (n = 3)",
        "Reports of total included studies (n = 3)",
    ]
    assert words(flow, "other_identified")[0] == "Records identified from:"
    assert words(flow, "excluded") == [
        "Records excluded** (n = 1)", "by a human (n = 0)", "by automation tools (n = 1)",
    ]  # fmt: skip
    assert any("no longer included" in note for note in content.notes)


def test_an_unfinished_flow_says_what_awaits_a_decision() -> None:
    desk = Desk()
    desk.find("PubMed", "a b c")
    desk.screen("b c", "include")
    desk.get("c")
    flow = count_flow(desk.state())
    assert words(flow, "screened")[-1] == "awaiting decision (n = 1)"
    assert words(flow, "sought")[-1] == "awaiting retrieval (n = 1)"
    assert words(flow, "assessed")[-1] == "awaiting decision (n = 1)"
    assert any("not finished" in note for note in diagram_content(flow).notes)


def test_an_explained_difference_is_printed_below_the_diagram() -> None:
    desk = update()
    desk.explanations["W9"] = "S2 was retracted in May."
    flow = count_flow(desk.state())
    assert any(
        note.endswith("no longer included, or was joined to another: S2 was retracted in May.")
        for note in diagram_content(flow, check(flow)).notes
    )


def test_a_column_is_widened_only_when_its_boxes_are_long() -> None:
    def right(flow: Flow) -> float:
        return next(box.width for box in place(flow).boxes if box.slot == "rejected")

    assert right(CASES["new"]()) == 234.0
    assert right(CASES["twelve databases"]()) > 234.0


@pytest.mark.parametrize("suffix", ["svg", "png", "pdf"])
def test_a_diagram_is_written_in_each_format(tmp_path: Path, suffix: str) -> None:
    target = tmp_path / f"flow.{suffix}"
    save_figure(draw_diagram(place(CASES["updated with others"]())), target)
    head = target.read_bytes()[:200]
    assert {"svg": b"<?xml", "png": b"\x89PNG", "pdf": b"%PDF"}[suffix] in head


def test_the_svg_keeps_chinese_text_and_a_group_for_each_box(tmp_path: Path) -> None:
    flow = CASES["twelve databases with others"]()
    target = tmp_path / "flow.svg"
    save_figure(draw_diagram(place(flow)), target)
    text = target.read_text(encoding="utf-8")
    assert "维普中文科技期刊数据库" in text
    slots = {box.slot for box in place(flow).boxes if box.kind in ("box", "grey")}
    assert {f"prisma-{slot}" for slot in slots} <= set(re.findall(r'id="(prisma-[a-z_]+)"', text))
    assert slots <= slot_boxes(flow).keys()


def test_a_title_with_markup_cannot_break_the_page() -> None:
    flow = CASES["new"]()
    titles = {"a": "<!-- <script>alert(1)</script> 股骨头 & co"}
    page = flow_html(flow, "<svg></svg>", titles)
    data = page.split('<script type="application/json" id="boxes">', 1)[1].split("</script>", 1)[0]
    assert "<" not in data
    assert json.loads(data)["titles"] == titles


def test_a_box_of_which_only_the_number_is_known_says_so() -> None:
    flow = flow_from_r_csv(r_csv_text(CASES["new"]())[0])
    page = flow_html(flow, "<svg></svg>", {})
    data = json.loads(page.split('id="boxes">', 1)[1].split("</script>", 1)[0])
    assert [part for part in data["slots"]["screened"] if part["n"]] == [
        {"label": "Records screened", "n": 5, "ids": []}
    ]
    assert 'list.replaceWith("Only the number is known, not what was counted.")' in page


def test_wrapping_breaks_chinese_between_characters_and_keeps_counts_whole() -> None:
    def one_each(text: str, size: float, bold: bool) -> float:
        return sum(2.0 if ord(c) > 0x2E80 else 1.0 for c in text)

    assert wrap_text("中国知网数据库 (n = 12)", 10, 8.5, measure=one_each) == ["中国知网数", "据库", "(n = 12)"]
    assert wrap_text("很好，是的", 4, 8.5, measure=one_each) == ["很", "好，", "是的"]
    assert wrap_text("abcdefghij", 4, 8.5, measure=one_each) == ["abcd", "efgh", "ij"]
    assert wrap_text("one two", 7, 8.5, measure=one_each) == ["one two"]


def test_a_name_with_two_spaces_loses_and_repeats_no_letter_when_it_is_wrapped() -> None:
    line = TextLine(text="Wrong  population or a  design that the protocol excludes (n = 3)", indent=1)
    printed = [text for text, _, _ in box_lines((line,), 120.0, lambda text, size, bold: 5.0 * len(text))]
    assert len(printed) > 2
    assert " ".join(printed) == "Wrong population or a design that the protocol excludes (n = 3)"


def test_the_word_file_holds_every_word_of_the_diagram_as_text_and_repeats_itself(flow: Flow) -> None:
    content = diagram_content(flow, check(flow))
    written = flow_docx(content)
    document = Document(io.BytesIO(written))
    cells = [cell.text.replace("\u00a0", " ") for row in document.tables[0].rows for cell in row.cells]
    for slot, lines in content.boxes.items():
        assert "\n".join(line.text for line in lines) in cells, slot
    for head in ("Identification", "Screening", "Included", content.main_header):
        assert head in cells
    assert [p.text.replace("\u00a0", " ") for p in document.paragraphs] == list(content.notes)
    assert not [text for cell in document.tables[0]._cells for text in re.findall(r"\(n = ", cell.text)]
    stamps = {info.date_time for info in zipfile.ZipFile(io.BytesIO(written)).infolist()}
    assert stamps == {(2000, 1, 1, 0, 0, 0)}


def test_cells_of_the_word_file_keep_the_order_that_its_schema_demands() -> None:
    # ECMA-376 part 1, 17.4.66 (CT_TcPr)
    order = ["tcW", "gridSpan", "vMerge", "tcBorders", "shd", "tcMar", "textDirection", "vAlign"]
    document = Document(io.BytesIO(flow_docx(diagram_content(CASES["updated with others"]()))))
    for properties in document.element.body.iter("{*}tcPr"):
        names = [child.tag.split("}")[1] for child in properties]
        assert names == sorted(names, key=order.index)
    sides = [p for p in document.element.body.iter("{*}tcPr") if p.find("{*}textDirection") is not None]
    margins = [
        m.get(qn("w:w")) for p in sides for m in p.iter("{*}left", "{*}right") if m.getparent().tag == qn("w:tcMar")
    ]
    assert margins == ["0"] * 6  # or "Screening" is cut off in its narrow bar


def test_columns_of_the_word_file_are_as_wide_for_every_program_and_long_boxes_have_a_larger_page() -> None:
    sizes = {}
    for name, flow in (("small", count_flow(small_review().state())), ("long", count_flow(many().state()))):
        document = Document(io.BytesIO(flow_docx(diagram_content(flow))))
        table, page = document.tables[0], document.sections[0]
        assert page.page_width is not None and page.page_height is not None
        assert [column.width for column in table.columns] == [cell.width for cell in table.rows[1].cells]
        assert sum(column.width for column in table.columns) <= page.page_width - (24 - 0.5) * 36000  # EMU
        texts = [run for row in table.rows for cell in row.cells for p in cell.paragraphs for run in p.runs]
        letters = {run.font.size.pt for run in texts if "(n" in run.text}
        sizes[name] = (round(page.page_width.mm), round(page.page_height.mm), letters)
    assert sizes["small"] == (210, 297, {8.5})
    assert sizes["long"] == (210, 297, {7.5})
    with_all = diagram_content(count_flow(with_others(many()).state()))
    page = Document(io.BytesIO(flow_docx(with_all))).sections[0]
    assert page.page_height is not None and round(page.page_height.mm) == 420


@pytest.mark.skipif(shutil.which("soffice") is None, reason="LibreOffice is not installed")
def test_the_word_file_of_every_flow_prints_on_one_page(flow: Flow, tmp_path: Path) -> None:
    target = tmp_path / "flow.docx"
    target.write_bytes(flow_docx(diagram_content(flow, check(flow))))
    profile = f"-env:UserInstallation=file://{tmp_path}/profile"
    command = ["soffice", profile, "--headless", "--convert-to", "pdf", "--outdir", str(tmp_path), str(target)]
    subprocess.run(command, check=True, capture_output=True, timeout=300)
    assert len(re.findall(rb"/Type\s*/Page\b", (tmp_path / "flow.pdf").read_bytes())) == 1
