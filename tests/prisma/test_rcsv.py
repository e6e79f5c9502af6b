"""The CSV of the R package PRISMA2020: its 34 rows, written and read back."""

from __future__ import annotations

import csv
import io
from dataclasses import replace
from pathlib import Path

import pytest

from tests.prisma.builders import small_review
from tests.prisma.test_diagram import CASES, many
from toolkit.model.errors import InputError
from toolkit.prisma.flow import count_flow
from toolkit.prisma.identities import check
from toolkit.prisma.rcsv import COLUMNS, R_ROWS, flow_from_r_csv, r_csv_text, read_r_csv

# The keys that PRISMA_data() of PRISMA2020 1.1.4 looks for, in the order of the notes on that package.
KEYS = """previous_studies previous_reports database_results database_specific_results register_results
register_specific_results website_results organisation_results citations_results duplicates excluded_automatic
excluded_other records_screened records_excluded dbr_sought_reports dbr_notretrieved_reports other_sought_reports
other_notretrieved_reports dbr_assessed dbr_excluded other_assessed other_excluded new_studies new_reports
total_studies total_reports identification screening included total_studies_ma total_reports_ma""".split()  # noqa: SIM905


def table(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def test_there_are_34_rows_31_keys_and_3_titles() -> None:
    rows = table(r_csv_text(count_flow(small_review().state()))[0])
    assert len(rows) == len(R_ROWS) == 34
    assert tuple(rows[0]) == COLUMNS == ("data", "node", "box", "description", "boxtext", "tooltips", "url", "n")
    keys = [row["data"] for row in rows]
    assert keys.count("NA") == 3
    assert [row["box"] for row in rows if row["data"] == "NA"] == ["prevstud", "newstud", "othstud"]
    assert {key for key in keys if key != "NA"} == set(KEYS)
    nodes = [row["node"] for row in rows if row["node"] != "NA"]
    assert sorted(nodes, key=lambda node: int(node[4:])) == [f"node{i}" for i in range(1, 24)]


def test_the_keys_are_those_of_the_notes(shared: Path) -> None:
    notes = (shared / "notes" / "screening.md").read_text(encoding="utf-8")
    line = next(line for line in notes.splitlines() if "previous_studies, previous_reports" in line)
    named = line.split("keyed by `data`: ")[1].split(";")[0].split(", ")
    assert named == KEYS


def test_numbers_stand_under_their_keys() -> None:
    rows = {row["data"]: row["n"] for row in table(r_csv_text(CASES["updated with others"]())[0])}
    assert rows["previous_studies"] == "2"
    assert rows["database_specific_results"] == "PubMed, 3"
    assert (rows["website_results"], rows["citations_results"]) == ("2", "3")
    assert (rows["new_studies"], rows["total_studies"]) == ("2", "3")


@pytest.mark.parametrize("case", ["new", "new with others", "twelve databases"])
def test_written_and_read_back_it_says_the_same(case: str) -> None:
    first, _ = r_csv_text(CASES[case]())
    back = flow_from_r_csv(first)
    again, _ = r_csv_text(back)
    kept = {row["data"]: row["n"] for row in table(first)}
    read = {row["data"]: row["n"] for row in table(again)}
    assert read == kept


def test_a_read_flow_knows_its_lists_and_balances() -> None:
    flow = count_flow(small_review().state())
    back = flow_from_r_csv(r_csv_text(flow)[0])
    assert [(line.label, line.box.n) for line in back.databases] == [("PubMed", 3), ("Embase", 2)]
    assert [(line.label, line.box.n) for line in back.main.excluded] == [("No comparator", 1)]
    assert back.screened.ids is None
    assert check(back) == ()


def test_studies_and_reports_in_meta_analyses_are_written_and_read_back() -> None:
    text, _ = r_csv_text(CASES["new"]())
    rows = {row["data"]: row["n"] for row in table(text)}
    assert (rows["total_studies_ma"], rows["total_reports_ma"]) == ("2", "2")
    assert flow_from_r_csv(text).synthesis_reports.n == 2


def test_commas_and_semicolons_in_a_label_are_replaced_and_told() -> None:
    desk = many()
    desk.judge("d0.0", "exclude", "Wrong dose, or none; see protocol")
    text, notes = r_csv_text(count_flow(desk.state()))
    cell = next(row["n"] for row in table(text) if row["data"] == "dbr_excluded")
    assert "Wrong dose - or none / see protocol, 1" in cell
    assert any("Wrong dose, or none; see protocol" in note for note in notes)
    assert len(flow_from_r_csv(text).main.excluded) == cell.count(";") + 1


def test_the_arithmetic_that_the_package_leaves_unchecked_is_checked() -> None:
    flow = replace(count_flow(small_review().state()))
    text = r_csv_text(flow)[0].replace('"PubMed, 3; Embase, 2"', '"PubMed, 3; Embase, 3"')
    with pytest.raises(InputError, match="add up to 6"):
        flow_from_r_csv(text, "PRISMA.csv")
    screened = next(line for line in text.splitlines() if line.startswith("records_screened"))
    wrong = r_csv_text(flow)[0].replace(screened, screened.rsplit(",", 1)[0] + ",7")
    assert "E2" in {f.code for f in check(flow_from_r_csv(wrong))}


def test_the_template_that_nobody_filled_reads_as_an_empty_flow() -> None:
    text = "data,n\n" + "\n".join(
        f'{key},"Reason1, xxx; Reason2, xxx"' if key.endswith("_excluded") and key != "records_excluded" else f"{key},0"
        for key in KEYS
    )
    flow = flow_from_r_csv(text)
    assert (flow.screened.n, flow.main.excluded) == (0, ())


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a,b\n1,2\n", "column 'data' is missing"),
        ("data,n\nrecords_screened,5\n", "rows are missing"),
        ("data,n\nrecords_screened,five\ndbr_assessed,1\nnew_studies,1\n", "whole number"),
        ("data,n\nrecords_screened,-5\ndbr_assessed,1\nnew_studies,1\n", "whole number"),
        (
            'data,n\nrecords_screened,5\ndbr_assessed,1\nnew_studies,1\ndbr_excluded,"Wrong dose"\n',
            "a comma and a number",
        ),
    ],
)
def test_a_wrong_file_is_refused_in_words(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "PRISMA.csv"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match=message):
        read_r_csv(path)
