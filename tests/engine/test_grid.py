"""Tables as people's programs make them, and as they break: refused in words, or read with nothing lost."""

from __future__ import annotations

from pathlib import Path

import pytest

from toolkit.engine.data import ArmTable
from toolkit.engine.effects import arm_table, compute_effects, effects_from_estimates
from toolkit.engine.tables import Table, read_table
from toolkit.model.errors import InputError
from toolkit.model.spec import ZeroCells

GOOD = "study,treatment,events,n\nA,CD,5,20\nA,X,3,22\nB,CD,6,30\nB,X,2,30\n"


def read(folder: Path, text: str | bytes, **options: str) -> Table:
    path = folder / "t.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode("utf-8"))
    return read_table(path, measure="OR", **options)  # type: ignore[arg-type]


def arms(folder: Path, text: str, **options: str) -> ArmTable:
    found = read(folder, text, **options).arms
    assert found is not None
    return found


def test_a_quotation_mark_that_never_closes_is_refused_and_swallows_no_rows(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"row 5.*quotation marks do not pair up"):
        read(tmp_path, GOOD.replace("B,X", 'B,"X'))


def test_a_cell_longer_than_the_csv_module_takes_is_read(tmp_path: Path) -> None:
    name = "D" * 200_000
    assert name in arms(tmp_path, GOOD + f"{name},CD,1,20\n{name},X,1,20\n").study


@pytest.mark.parametrize("number", ["1_0", "inf", "Infinity", "-inf", "25%", "<5", "2021-03-05", "five", "0x10", "1e"])
def test_what_is_not_a_plain_number_is_refused_with_row_and_column(tmp_path: Path, number: str) -> None:
    with pytest.raises(InputError, match=r"row 2, column 'events'.*A number was expected") as caught:
        read(tmp_path, GOOD.replace("5,20", f"{number},20"))
    assert caught.value.value == number


@pytest.mark.parametrize("number", ["٥", "５", "5.0", " 5 ", "+5", "5\u00a0", "5e0"])
def test_five_is_five_in_every_script(tmp_path: Path, number: str) -> None:
    assert arms(tmp_path, GOOD.replace("5,20", f"{number},20")).events[0] == 5


@pytest.mark.parametrize("blank", ["", "NA", "nan", "-", "NR"])
def test_unknown_is_never_zero(tmp_path: Path, blank: str) -> None:
    found = arms(tmp_path, GOOD.replace("5,20", f"{blank},20"))
    assert found.events[0] != found.events[0]


def test_a_thousands_separator_is_not_taken_for_a_decimal_comma(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="Thousand or decimal"):
        read(tmp_path, GOOD.replace("5,20", '5,"1,020"'))
    semicolons = "study;treatment;mean;sd;n\nA;CD;5,125;1;20\nA;X;3,250;1;22\n"
    assert arms(tmp_path, semicolons).mean.tolist() == [5.125, 3.25]
    with pytest.raises(InputError, match="Thousand or decimal"):
        read(tmp_path, semicolons.replace("5,125", "5.125"), decimal=",")


@pytest.mark.parametrize("delimiter", ["xx", "", '"', "\n"])
def test_a_delimiter_that_is_none_is_refused(tmp_path: Path, delimiter: str) -> None:
    with pytest.raises(InputError, match="one character"):
        read(tmp_path, GOOD, delimiter=delimiter)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "empty"),
        (b"\n \n", "empty"),
        (b"study,treatment,events,n\n", "a header and no rows"),
        (b"%PDF-1.4 x", "PDF"),
        (b"<!DOCTYPE html><html></html>", "web page"),
        (b"PK\x03\x04" + bytes(50), "not an Excel workbook"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(50), "old Excel workbook"),
        (b"\x1f\x8b\x08\x00abc", "not a text table"),
        (b"study,treatment\n\x01\x02,X\n", "not a text table"),
        (GOOD.encode("utf-16-le"), "not a text table"),
        (GOOD.encode("utf-16")[:-1], "marked as utf-16 but is not"),
    ],
)
def test_a_file_that_is_not_what_its_name_says_is_named(tmp_path: Path, content: bytes, words: str) -> None:
    with pytest.raises(InputError, match=words) as caught:
        read(tmp_path, content)
    assert "t.csv" in str(caught.value)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "gb18030"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_encodings_and_line_ends_give_the_same_arms(tmp_path: Path, encoding: str, end: str) -> None:
    text = GOOD.replace("X", "干细胞").replace("\n", end)
    found = read(tmp_path, text.encode(encoding)).arms
    assert found is not None
    assert found.treatment == ("CD", "干细胞", "CD", "干细胞")


def test_names_that_look_alike_are_one_name(tmp_path: Path) -> None:
    text = GOOD.replace("A,CD", "e\u0301,CD").replace("A,X", "\u00e9\u200b,X").replace("B,X", "B,  X\u00a0 ")
    found = arms(tmp_path, text)
    assert found.study[:2] == ("\u00e9", "\u00e9")
    assert found.treatment == ("CD", "X", "CD", "X")


def test_names_that_differ_in_case_only_are_told(tmp_path: Path) -> None:
    notes = read(tmp_path, GOOD + "a,CD,1,20\na,x,1,20\n").notes
    assert any("'A', 'a'" in note for note in notes)
    assert any("'X', 'x'" in note for note in notes)


@pytest.mark.parametrize(("text", "where"), [("A,", "row 3, column 'treatment'"), (",X", "row 2, column 'study'")])
def test_a_row_without_a_name_is_refused_where_it_stands(tmp_path: Path, text: str, where: str) -> None:
    broken = GOOD.replace("A,X", "A,") if text == "A," else GOOD.replace("A,CD", ",CD")
    with pytest.raises(InputError, match=where):
        read(tmp_path, broken)


def test_one_column_cannot_play_two_parts(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text(GOOD, encoding="utf-8")
    with pytest.raises(InputError, match="named for two roles"):
        read_table(path, measure="OR", columns={"events": "n", "n": "n"})


def test_a_formula_that_nobody_computed_is_not_an_empty_cell(tmp_path: Path) -> None:
    from openpyxl import Workbook

    book = Workbook()
    assert book.active is not None
    for row in (["study", "treatment", "events", "n"], ["A", "CD", "=2+3", 20], ["A", "X", 3, 22]):
        book.active.append(row)
    book.save(tmp_path / "t.xlsx")
    with pytest.raises(InputError, match=r"row 2, column 'C': The formula has no stored value"):
        read_table(tmp_path / "t.xlsx", measure="OR")


def test_numbers_that_no_study_has_are_refused_before_they_turn_into_nan() -> None:
    with pytest.raises(InputError, match="no study can have"):
        compute_effects(arm_table(["A", "A"], ["CD", "X"], events=[5, 3], n=[1e300, 22]), "OR")
    for y, se in (([float("inf"), 1], [1, 1]), ([1e200, 1], [1, 1]), ([1, 1], [1e-200, 1]), ([1, 1], [1e150, 1])):
        with pytest.raises(InputError, match="out of the range"):
            effects_from_estimates(["A", "B"], y, se=se)


@pytest.mark.parametrize("add", [float("nan"), float("inf"), -1.0])
def test_what_is_added_to_zero_cells_is_a_number(add: float) -> None:
    with pytest.raises(InputError, match="zero cells"):
        ZeroCells(add=add)
