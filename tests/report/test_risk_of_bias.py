"""The report's section on risk of bias: the judgements as extracted, beside their counts, in page and workbook."""

from __future__ import annotations

from pathlib import Path

from openpyxl import load_workbook

from tests.analysis.builders import SETTINGS, evipool, make_review, write_csv
from tests.report.conftest import read_page
from toolkit.report.blocks import Table, report_sections, table_grid

WORDS = {
    "王伟2004": ("Low risk", "high"),
    "Li2010": ("Some concerns", "not applicable"),
    "Ng2015": ("low risk", None),
}


def judged(folder: Path, options: str) -> None:
    make_review(folder, settings=SETTINGS + options)
    rows = [
        [study, domain, word]
        for study, words in WORDS.items()
        for domain, word in zip(("randomisation", "missing <data>"), words, strict=True)
        if word
    ]
    form = write_csv(folder.parent / "more.csv", ["study", "characteristic", "value"], rows)
    assert evipool(folder, "extract", "import", str(form), "--as", "AB") == 0
    assert evipool(folder, "analyse") == 0
    assert evipool(folder, "report", "--format", "html,xlsx") == 0


def test_judgements_and_their_counts_stand_in_the_report(tmp_path: Path) -> None:
    folder = tmp_path / "r"
    judged(folder, 'rob = ["randomisation", "missing <data>"]\n')
    page = read_page(folder)
    (section,) = (one for one in report_sections(page) if one.id == "risk-of-bias")
    studies, counts = (table_grid(block) for block in section.blocks if isinstance(block, Table))
    assert studies == (
        ["study", "randomisation", "missing <data>"],
        [
            ["Li2010", "? Some concerns", "not applicable"],
            ["Ng2015", "+ low risk", "not judged"],
            ["王伟2004", "+ Low risk", "− high"],
        ],
    )
    assert counts == (
        ["domain", "low risk", "Some concerns", "high", "not applicable", "not judged"],
        [["randomisation", "2", "1", "0", "0", "0"], ["missing <data>", "0", "0", "1", "1", "1"]],
    )
    sheet = load_workbook(folder / "report" / "report.xlsx")["risk of bias"]
    assert [list(row) for row in sheet.iter_rows(values_only=True)] == [
        ["study", "randomisation", "missing <data>"],
        ["Li2010", "Some concerns", "not applicable"],
        ["Ng2015", "low risk", None],
        ["王伟2004", "Low risk", "high"],
    ]


def test_without_judgements_there_is_no_section(tmp_path: Path) -> None:
    judged(tmp_path / "r", "")
    assert 'id="risk-of-bias"' not in read_page(tmp_path / "r")
