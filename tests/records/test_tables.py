"""Forms made by people's spreadsheet programs."""

from __future__ import annotations

import os
from datetime import datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from openpyxl import Workbook

from toolkit.model.errors import InputError, SourceError
from toolkit.records.tables import (
    escape_cell,
    is_mangled_date,
    parse_form,
    parse_number,
    read_form,
    unescape_cell,
    write_form,
)

CELL = st.text(st.characters(exclude_categories=["Cs", "Cc"]) | st.sampled_from("=+-@'\";,\t\n中"), max_size=12).map(
    lambda s: s.strip()
)


@pytest.mark.parametrize("suffix", [".csv", ".xlsx"])
@settings(max_examples=40, deadline=None)
@given(table=st.lists(st.tuples(CELL.filter(bool), CELL, CELL), min_size=1, max_size=4))
def test_what_is_written_is_read_back(tmp_path_factory, suffix, table):
    path = tmp_path_factory.mktemp("form") / f"form{suffix}"
    table = [tuple(c.replace("\t", " ") if suffix == ".xlsx" else c for c in row) for row in table]
    write_form(path, ["study", "值", "n"], table)
    form = read_form(path)
    assert [tuple(r.values.values()) for r in form.rows] == [tuple(c.strip() for c in row) for row in table]


def test_csv_written_opens_in_excel_with_bom_and_without_formulas(tmp_path):
    path = tmp_path / "a.csv"
    write_form(path, ["a", "b"], [["=cmd|'/c calc'!A1", -0.5], ["@x", None], ["-5", "+1e3"]])
    data = path.read_bytes()
    assert data.startswith(b"\xef\xbb\xbfa,b\r\n")
    assert data.decode("utf-8-sig").splitlines()[1:] == ["'=cmd|'/c calc'!A1,-0.5", "'@x,", "-5,+1e3"]


@given(st.text())
def test_unescape_is_the_inverse_of_escape(text):
    assert unescape_cell(escape_cell(text)) == text


def test_semicolons_decimal_commas_and_blank_rows_of_a_european_excel():
    form = parse_form("study;mean;note\r\nMüller;1,5;a, b\r\n;;\r\nLi;2,25;\r\n".encode("utf-8-sig"), file="a.csv")
    assert (form.delimiter, form.decimal_mark) == (";", ",")
    assert [r.row for r in form.rows] == [2, 4]
    assert form.number(form.rows[1], "mean") == 2.25
    assert form.number(form.rows[1], "note") is None
    assert any("';'" in note for note in form.notes)


@pytest.mark.parametrize(
    ("data", "encoding"),
    [
        ("研究\t例数\n王伟\t30\n".encode("utf-16"), "utf-16-le"),
        ("研究,例数\r\n王伟,30\r\n".encode("gb18030"), "gb18030"),
        ("study,n\rMüller,30\r".encode("latin-1"), "cp1252"),
    ],
)
def test_encodings_of_spreadsheet_programs(data, encoding):
    form = parse_form(data, file="a.csv")
    assert form.encoding == encoding
    assert list(form.rows[0].values.values())[1] == "30"
    assert "�" not in "".join(form.rows[0].values)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "empty"),
        (b"\xef\xbb\xbf\r\n\r\n", "empty"),
        (b"%PDF-1.7 x", "PDF"),
        (b"<!DOCTYPE html><html>", "web page"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1", "old Excel"),
        (b"a,b,A\n1,2,3\n", "twice"),
        (b"a,b\n1,2,3\n", "no name"),
        (b'a,b\n1,"2\n3,4\n', "quotation"),
        (b"PK\x03\x04rubbish", "damaged"),
    ],
)
def test_what_is_not_a_form_is_refused(data, message):
    with pytest.raises(InputError, match=message):
        parse_form(data, file="a.csv")


def test_error_in_a_number_names_file_row_and_column():
    form = parse_form(b"study,n\nA,12\nB,12-15\n", file="x.csv")
    with pytest.raises(InputError, match=r"x\.csv, row 3, column 'n'"):
        form.number(form.rows[1], "n")


@pytest.mark.parametrize("text", ["1,234", "abc", "06-Oct", "1.2.3", "12 hips"])
def test_doubtful_numbers_are_refused(text):
    with pytest.raises(ValueError, match=r"\w"):
        parse_number(text)


def test_numbers_with_percent_minus_sign_and_spaces():
    assert parse_number("25 %") == 0.25
    assert parse_number("−1.5") == -1.5
    assert parse_number("1 234,5", ",") == 1234.5


@pytest.mark.parametrize("text", ["06-Oct", "Oct-06", "6-Oct-2024", "10月6日", "6. Okt"])
def test_dates_made_of_page_ranges_are_recognised(text):
    assert is_mangled_date(text)


@pytest.mark.parametrize("text", ["123-129", "October", "e12-e15", "1-2", "2024"])
def test_page_ranges_are_not_taken_for_dates(text):
    assert not is_mangled_date(text)


def test_xlsx_page_range_turned_into_a_date_is_noted(tmp_path):
    book = Workbook()
    sheet = book.active
    sheet.append(["study", "pages"])
    sheet.append(["A", datetime(2024, 10, 6)])
    sheet["B2"].number_format = "d-mmm"
    book.create_sheet("other").append(["x"])
    book.save(tmp_path / "a.xlsx")
    form = read_form(tmp_path / "a.xlsx")
    assert is_mangled_date(form.rows[0].values["pages"])
    assert any("unknown" in note for note in form.notes)
    assert any("'other'" in note for note in form.notes)


def test_xlsx_formula_without_value_is_refused(tmp_path):
    book = Workbook()
    book.active.append(["a"])
    book.active.append(["=1+1"])
    book.save(tmp_path / "a.xlsx")
    with pytest.raises(InputError, match="no stored value"):
        read_form(tmp_path / "a.xlsx")


def test_absent_file_and_folder_are_told_apart(tmp_path):
    with pytest.raises(InputError, match="no such file"):
        read_form(tmp_path / "absent.csv")
    with pytest.raises(InputError, match="folder"):
        read_form(tmp_path)


def test_failed_write_leaves_the_old_file_and_no_rubbish(tmp_path, monkeypatch):
    path = tmp_path / "a.csv"
    write_form(path, ["a"], [["1"]])
    before = path.read_bytes()

    def full(handle: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(SourceError, match="No space left"):
        write_form(path, ["a"], [["2"]])
    assert path.read_bytes() == before
    assert [p.name for p in Path(tmp_path).iterdir()] == ["a.csv"]
