"""The flow of a living review: columns of every layout, identities between them, status, files."""

from __future__ import annotations

import csv
import io
import json
import re
import shutil
from datetime import date
from itertools import pairwise
from pathlib import Path

import pytest
from docx import Document

from tests.analysis.builders import SETTINGS, add_trials, evipool, make_review
from tests.prisma.builders import small_review
from tests.prisma.test_diagram import many
from toolkit.model.errors import InputError
from toolkit.plots.living import layout_living
from toolkit.prisma.boxes import Flow
from toolkit.prisma.flow import count_flow
from toolkit.prisma.identities import check
from toolkit.prisma.living import (
    LAYOUTS,
    LivingColumn,
    living_columns,
    living_content,
    living_slots,
    living_status,
    merged_columns,
)
from toolkit.prisma.living_files import living_rows
from toolkit.project import Project

LIVING = """
[living]
rationale = "new trials every year"
search = "PubMed monthly, the others twice a year"
months = 1
steps = "screened within two weeks; analysed with every new trial"
retirement = "after five years without a new trial"
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four versions, each with one study and one excluded record more than the last, and a record that came since."""
    base = tmp_path_factory.mktemp("living")
    folder = make_review(base / "r", settings=f'{SETTINGS}{LIVING}[[sources]]\nname = "Base"\n')
    for i in range(1, 5):
        if i > 1:
            trials = {f"New{2018 + i}": (("细胞", 20, 3 + i), ("减压", 20, 8))}
            add_trials(folder, trials, name=f"more{i}")
        _bring(folder, f"Other{i}", "2026-01-15")
        step = ("screen", "decide", f"Other{i}", "exclude", "--stage", "title-abstract", "--as", "AB")
        assert evipool(folder, *step) == 0
        assert evipool(folder, "update", "--no-search") == 0
    _bring(folder, "Unseen", "2026-03-31")
    return folder


def _bring(folder: Path, name: str, day: str) -> None:
    ris = folder.parent / f"{name}.ris"
    ris.write_text(f"TY  - JOUR\nTI  - {name}\nID  - {name}\nER  - \n", encoding="utf-8")
    assert evipool(folder, "import", str(ris), "--database", "Base", "--date", day) == 0


@pytest.mark.parametrize(
    ("layout", "heads"),
    [
        ("separate", ["Version 1 (base version)", "Version 2", "Version 3", "Version 4", "Since then, not complete"]),
        ("auto", ["Versions 1 to 4 together", "Since then, not complete"]),
        ("latest", ["Versions 1 to 4 together", "Since then, not complete"]),
        ("base", ["Version 1 (base version)", "Versions 2 to 4 together, and since"]),
    ],
)
def test_the_columns_of_each_layout(folder: Path, layout: str, heads: list[str]) -> None:
    with Project.open(folder) as project:
        columns = living_columns(project, layout)
        assert [one.title for one in columns] == heads
        assert set(LAYOUTS) == {"separate", "auto", "latest", "base"}
        for one in columns:
            assert not [finding for finding in check(one.flow) if finding.hard]
        # Whatever is put together, the records add up to all records and the last total is the same.
        assert sum(one.flow.database_records.n for one in columns) == 5
        assert sum(one.flow.other_records.n for one in columns) == 6
        assert columns[-1].flow.total_studies.n == 6
        assert sum(one.flow.new_studies.n for one in columns) == 6


def test_reasons_of_both_columns_stand_together_in_the_order_of_the_protocol() -> None:
    desk = small_review()
    desk.find("Citation searching", "x", kind="other")
    desk.get("x")
    desk.judge("x", "exclude", "Wrong population")
    both = merged_columns(count_flow(desk.state()))
    assert [(line.label, line.box.ids) for line in both.excluded] == [
        ("Wrong population", ("x",)),
        ("No comparator", ("e",)),
    ]


def test_an_explanation_stands_below_the_flow_of_a_living_review() -> None:
    desk = small_review()
    desk.mark()
    desk.standings["S2"] = "removed"
    desk.explanations["W9"] = "S2 was retracted in May."
    notes = living_content((LivingColumn(title="Version 2", ended="", flow=count_flow(desk.state())),)).notes
    assert any(note.startswith("Version 2: ") and note.endswith("S2 was retracted in May.") for note in notes)


def test_the_status_block_is_drawn_above_the_columns_with_what_each_line_answers(folder: Path) -> None:
    with Project.open(folder) as project:
        columns = living_columns(project, "latest")
        placed = layout_living(living_content(columns, living_status(project, today=date(2026, 6, 1))))
    boxes = {box.slot: box for box in placed.boxes}
    block = boxes.pop("status")
    assert block.kind == "own"
    assert block.right <= placed.width and block.bottom < min(box.y for box in boxes.values())
    text = " ".join(line.text for line in block.lines)
    assert text.startswith("Status of this living review Version: 4, completed on ")
    assert "Plan for retirement: after five years without a new trial [PRISMA-LSR, L1]" in text
    assert "Found and not in the results yet: 1 record to be screened [our layout]" in text


def test_columns_are_wider_only_where_a_box_is_long() -> None:
    def tallest(flow: Flow) -> tuple[float, float]:
        placed = layout_living(living_content((LivingColumn(title="Version 1", ended="", flow=flow),)))
        box = next(box for box in placed.boxes if box.slot == "v1-rejected")
        return box.width, box.height

    width, _ = tallest(count_flow(small_review().state()))
    wider, height = tallest(count_flow(many().state()))
    assert (width, wider) == (196.0, 340.0)
    assert height < 700


def test_totals_are_handed_on_from_version_to_version(folder: Path) -> None:
    with Project.open(folder) as project:
        columns = living_columns(project, "separate")
    for before, now in pairwise(columns):
        assert now.flow.previous_studies.n == before.flow.total_studies.n
        assert now.flow.previous_reports.n == before.flow.total_reports.n


def test_boxes_of_a_row_stand_level_and_nothing_overlaps(folder: Path) -> None:
    with Project.open(folder) as project:
        placed = layout_living(living_content(living_columns(project, "separate")))
    boxes = {box.slot: box for box in placed.boxes}
    assert boxes["v1-screened"].centre[1] == boxes["v5-screened"].centre[1]
    every = list(placed.boxes)
    for i, one in enumerate(every):
        assert one.right <= placed.width and one.bottom <= placed.height
        for other in every[i + 1 :]:
            apart = one.right <= other.x or other.right <= one.x or one.bottom <= other.y or other.bottom <= one.y
            assert apart, (one.slot, other.slot)
    assert {box.kind for box in every if box.slot.endswith("-head")} == {"own"}
    assert [arrow.dashed for arrow in placed.arrows].count(True) == 4
    text = " ".join(note.text for note in placed.notes)
    assert "our layout" in text and "e079183" in text and "BMJ 2021;372:n71" in text


def test_every_drawn_number_has_its_list(folder: Path) -> None:
    with Project.open(folder) as project:
        columns = living_columns(project, "separate")
        placed = layout_living(living_content(columns))
    slots = living_slots(columns)
    for box in placed.boxes:
        numbers = [int(n) for line in box.lines for n in re.findall(r"\(n = (\d+)\)", line.text)]
        if any(numbers):
            assert box.slot in slots, box.slot
            assert all(len(part.ids or ()) == part.n for _, part in slots[box.slot])


def test_the_files_say_the_same(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    names = [tmp_path / f"living.{kind}" for kind in ("svg", "png", "pdf", "html", "docx", "csv", "json")]
    capsys.readouterr()
    outputs = [part for name in names for part in ("--output", str(name))]
    assert evipool(folder, "prisma", "--living", "separate", "--format", "csv", *outputs) == 0
    printed = list(csv.reader(io.StringIO(capsys.readouterr().out)))
    assert all(name.stat().st_size > 500 for name in names)
    kept = list(csv.reader(io.StringIO((tmp_path / "living.csv").read_text(encoding="utf-8-sig"))))
    assert kept == printed
    told = json.loads((tmp_path / "living.json").read_text(encoding="utf-8"))
    totals = [c["flow"]["boxes"]["total_studies"]["n"] for c in told["columns"]]
    assert totals == [3, 4, 5, 6, 6]
    assert {line["label"]: line["source"] for line in told["status"]}["Plan for retirement"] == "PRISMA-LSR, L1"
    words = "\n".join(c.text for t in Document(str(tmp_path / "living.docx")).tables for r in t.rows for c in r.cells)
    words = words.replace("\u00a0", " ")
    assert "Total studies included in review (n = 6)" in words and "after five years without a new trial" in words
    page = (tmp_path / "living.html").read_text(encoding="utf-8")
    assert "Status of this living review" in page
    assert "Status of this living review" in (tmp_path / "living.svg").read_text(encoding="utf-8")
    assert 'id="prisma-v5-total"' in page and "Unseen" in page


def test_rows_of_all_columns_come_in_the_order_of_the_flow(folder: Path) -> None:
    with Project.open(folder) as project:
        header, rows = living_rows(living_columns(project, "separate"))
    assert header[3:] == [
        "Version 1 (base version)", "Version 2", "Version 3", "Version 4", "Since then, not complete",
    ]  # fmt: skip
    order = ["previous_studies", "database_records", "duplicates", "screened", "main.sought", "total_studies"]
    names = [row[2] for row in rows]
    assert [names.index(name) for name in order] == sorted(names.index(name) for name in order)
    assert rows[names.index("previous_studies")][3:] == [None, 3, 4, 5, 6]


def test_status_tells_what_is_stated_found_and_due(folder: Path) -> None:
    with Project.open(folder) as project:
        lines = {line.label: line.text for line in living_status(project, today=date(2026, 6, 1))}
    assert lines["Version"].startswith("4, completed on ")
    assert lines["Mode"] == "living: searched and updated again and again"
    assert lines["Search of each source"] == "PubMed monthly, the others twice a year"
    assert lines["Last searched"] == "Lists 2026-01-15; Base 2026-03-31; the next search was due on 2026-02-15"
    assert lines["Found and not in the results yet"] == "1 record to be screened"


@pytest.mark.parametrize(
    ("apart", "due"), [(("Lists",), "2026-04-30"), (("Lists", "Base"), None)], ids=["one source", "every source"]
)
def test_a_source_with_a_schedule_of_its_own_is_not_due_with_the_others(
    folder: Path, tmp_path: Path, apart: tuple[str, ...], due: str | None
) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(folder, copy)
    settings = (copy / "review.toml").read_text(encoding="utf-8")
    for name in apart:
        settings = settings.replace(f'name = "{name}"', f'name = "{name}"\nschedule = "once"')
    (copy / "review.toml").write_text(settings, encoding="utf-8")
    with Project.open(copy) as project:
        text = {line.label: line.text for line in living_status(project)}["Last searched"]
    assert text.endswith(f"the next search is due on {due}" if due else "Base 2026-03-31")


def test_without_a_complete_version_there_is_nothing_to_set_side_by_side(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = make_review(tmp_path / "r")
    capsys.readouterr()
    assert evipool(folder, "prisma", "--living") == 2
    assert "no version of this review is complete yet" in capsys.readouterr().err
    with Project.open(folder) as project:
        with pytest.raises(InputError, match="unknown layout"):
            living_columns(project, "sideways")
        lines = {line.label: line.text for line in living_status(project)}
    assert lines["Version"] == "none completed yet"
    assert lines["Plan for retirement"] == "not stated ([living] in review.toml)"


def test_a_closed_version_can_be_drawn_again(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    capsys.readouterr()
    assert evipool(folder, "prisma", "--version", "2", "--format", "json") == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["version"], told["boxes"]["total_studies"]["n"]) == ("2", 4)
    assert told["boxes"]["synthesis:Conversion"]["n"] == 4
    assert evipool(folder, "prisma", "--version", "9") == 2
    assert "Allowed: 1, 2, 3, 4" in capsys.readouterr().err
    assert evipool(folder, "prisma", "--version", "2", "--as-of", "2026-01-01") == 2
    assert evipool(folder, "prisma", "--living", "--ids", "screened") == 2


def test_the_report_has_status_and_flow_version_by_version(folder: Path) -> None:
    evipool(folder, "report")
    page = (folder / "report" / "report.html").read_text(encoding="utf-8")
    assert "Status of this living review" in page and "The flow version by version" in page
    for kind in ("svg", "html", "docx", "csv"):
        assert (folder / "report" / f"prisma-living.{kind}").is_file()
