"""Tables from outside: recognised columns, encodings, delimiters, and messages that name row and column."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from toolkit.engine.data import ArmTable, Effects
from toolkit.engine.pairwise import pairwise
from toolkit.engine.tables import Table, read_table
from toolkit.model.errors import InputError

LONG = "study,treatment,events,n\nA,x,3,20\nA,y,5,21\nB,x,4,30\nB,y,9,31\n"


def write(folder: Path, text: str | bytes, name: str = "t.csv") -> Path:
    path = folder / name
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


def arms_of(table: Table) -> ArmTable:
    assert table.arms is not None
    return table.arms


def wide(**columns: list[float]) -> pd.DataFrame:
    return pd.DataFrame({"study": ["A", "B"], **columns})


@pytest.mark.parametrize(
    "header",
    [
        "study,treatment,events,n",
        "Study,Treatment,r,n",
        "studlab,treat,event,total",
        "study,t,d,n",
        "study,treatment,responders,sampleSize",
        "trial,arm,Events,N",
        "研究,治疗,事件数,样本量",
    ],
)
def test_long_tables_of_several_habits_are_the_same_arms(tmp_path: Path, header: str) -> None:
    table = read_table(write(tmp_path, LONG.replace("study,treatment,events,n", header)))
    arms = arms_of(table)
    assert arms.study == ("A", "A", "B", "B") and arms.treatment == ("x", "y", "x", "y")
    assert arms.events.tolist() == [3, 5, 4, 9] and arms.n.tolist() == [20, 21, 30, 31]
    assert list(table.columns_used.values()) == header.split(",")


@pytest.mark.parametrize(
    "columns",
    [
        {"ai": [3, 4], "n1i": [20, 30], "ci": [5, 9], "n2i": [21, 31]},
        {"ai": [3, 4], "bi": [17, 26], "ci": [5, 9], "di": [16, 22]},
        {"event.e": [3, 4], "n.e": [20, 30], "event.c": [5, 9], "n.c": [21, 31]},
        {"d1": [3, 4], "n1": [20, 30], "d2": [5, 9], "n2": [21, 31]},
    ],
)
def test_wide_tables_of_several_habits_are_the_same_arms(columns: dict[str, list[float]]) -> None:
    table = read_table(wide(**columns))
    arms = arms_of(table)
    assert arms.events.tolist() == [3, 5, 4, 9] and arms.n.tolist() == [20, 21, 30, 31]
    assert table.default_reference == "control"


def test_wide_means_of_metafor_and_meta_are_the_same_arms() -> None:
    a = read_table(wide(m1i=[1, 2], sd1i=[3, 4], n1i=[5, 6], m2i=[7, 8], sd2i=[9, 10], n2i=[11, 12]))
    names = {"mean.e": [1, 2], "sd.e": [3, 4], "n.e": [5, 6], "mean.c": [7, 8], "sd.c": [9, 10], "n.c": [11, 12]}
    b = read_table(wide(**names))
    assert arms_of(a).mean.tolist() == arms_of(b).mean.tolist() == [1, 7, 2, 8]
    assert arms_of(a).sd.tolist() == arms_of(b).sd.tolist() == [3, 9, 4, 10]


def test_a_study_of_three_arms_in_one_row_or_pair_by_pair_is_three_arms() -> None:
    one_row = pd.DataFrame(
        {"study": ["A"], "treat1": ["x"], "event1": [1], "n1": [10], "treat2": ["y"], "event2": [2], "n2": [11]}
        | {"treat3": ["z"], "event3": [3], "n3": [12]}
    )
    pairs = pd.DataFrame(
        {
            "studlab": ["A", "A", "A"], "treat1": ["x", "x", "y"], "treat2": ["y", "z", "z"], "event1": [1, 1, 2],
            "n1": [10, 10, 11], "event2": [2, 3, 3], "n2": [11, 12, 12],
        }
    )  # fmt: skip
    for frame in (one_row, pairs):
        arms = arms_of(read_table(frame))
        found = sorted(zip(arms.treatment, arms.events.tolist(), arms.n.tolist(), strict=True))
        assert found == [("x", 1, 10), ("y", 2, 11), ("z", 3, 12)]


def test_estimates_with_variance_standard_error_or_interval_are_the_same() -> None:
    tables = [
        wide(yi=[0.1, 0.2], vi=[0.04, 0.09]),
        wide(yi=[0.1, 0.2], sei=[0.2, 0.3]),
        wide(_meta_es=[0.1, 0.2], _meta_se=[0.2, 0.3]),
        wide(TE=[0.1, 0.2], seTE=[0.2, 0.3]),
        wide(yi=[0.1, 0.2], **{"ci.lb": [0.1 - 1.959964 * 0.2, 0.2 - 1.959964 * 0.3]})
        .assign(**{"ci.ub": [0.1 + 1.959964 * 0.2, 0.2 + 1.959964 * 0.3]}),
    ]  # fmt: skip
    for frame in tables:
        effects = read_table(frame).data("GEN")
        assert isinstance(effects, Effects)
        np.testing.assert_allclose(effects.v, [0.04, 0.09], rtol=1e-6)


def test_an_interval_of_ratios_is_refused_because_its_logarithm_is_wanted() -> None:
    frame = wide(estimate=[0.5, 0.6]).assign(lower=[0.2, 0.3], upper=[1.25, 1.2])
    with pytest.raises(InputError, match="logarithms"):
        read_table(frame)


def test_pairs_with_treatments_are_contrasts() -> None:
    frame = pd.DataFrame({"studlab": ["A"], "treat1": ["x"], "treat2": ["y"], "TE": [0.4], "seTE": [0.2]})
    effects = read_table(frame).data("OR")
    assert isinstance(effects, Effects) and effects.treatments == ("x", "y")
    common = pairwise(effects, treatment="x", reference="y").common
    assert common is not None and common.estimate == pytest.approx(0.4)


@pytest.mark.parametrize(
    ("content", "note"),
    [
        (LONG, "utf-8, columns separated by comma, decimal point"),
        ("\ufeff" + LONG, "utf-8-sig"),
        (LONG.replace(",", ";"), "semicolon"),
        (LONG.replace(",", "\t"), "tab"),
        (LONG.encode("utf-16"), "utf-16"),
        (LONG.replace("A,", "王,").encode("gb18030"), "gb18030"),
        (LONG.replace("A,", "Müller,").encode("cp1252"), "cp1252"),
        (LONG.replace("\n", "\r\n"), "comma"),
    ],
)
def test_encodings_and_delimiters_are_detected_and_stated(tmp_path: Path, content: str | bytes, note: str) -> None:
    table = read_table(write(tmp_path, content))
    assert note in table.notes[0]
    assert arms_of(table).events.tolist() == [3, 5, 4, 9]
    assert arms_of(table).study[0] in ("A", "王", "Müller")


def test_decimal_commas_are_detected_where_the_delimiter_is_a_semicolon(tmp_path: Path) -> None:
    text = "study;treatment;mean;sd;n\nA;x;3,5;2,1;20\nA;y;5,25;3;21\n"
    table = read_table(write(tmp_path, text))
    assert "decimal comma" in table.notes[0]
    assert arms_of(table).mean.tolist() == [3.5, 5.25]


def test_a_workbook_is_read_and_its_other_sheets_are_named(tmp_path: Path) -> None:
    path = tmp_path / "t.xlsx"
    with pd.ExcelWriter(path) as book:
        pd.DataFrame({"x": [1]}).to_excel(book, sheet_name="notes", index=False)
        pd.DataFrame({"study": [1, 1], "treatment": ["x", "y"], "events": [3, 5], "n": [20, None]}).to_excel(
            book, sheet_name="数据", index=False
        )
    table = read_table(path, sheet="数据")
    assert arms_of(table).study == ("1", "1") and np.isnan(arms_of(table).n[1])
    assert "not read: notes" in table.notes[0]
    with pytest.raises(InputError, match="no such sheet"):
        read_table(path, sheet="data")


def test_empty_cells_are_not_zero(tmp_path: Path) -> None:
    table = read_table(write(tmp_path, "study,treatment,events,n\nA,x,,20\nA,y,NR,21\nB,x,1,5\nB,y,2,6\n"))
    assert np.isnan(arms_of(table).events[:2]).all()
    result = pairwise(table.data("OR"), measure="OR", reference="y")
    assert result.k == 1 and "without events" in (result.studies[0].excluded or "")


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("study,treatment,events,n\nA,x,three,20\nA,y,5,21\n", ("row 2", "'events'", "three")),
        ("study,treatment,events,n\nA,x,3,20,7\n", ("row 2", "5 cells")),
        ("study,treatment,events,n,n\nA,x,3,20,20\n", ("same name", "'n'")),
        ("study,treatment,events,n\n", ("no rows",)),
        ("", ("empty",)),
        ("a,b\n1,2\n", ("not recognised", "Found: 'a, b'", "one row an arm", "TE, seTE")),
        ("treatment,events,n\nx,3,20\n", ("needs a study column",)),
    ],
)
def test_bad_tables_are_refused_with_the_place(tmp_path: Path, text: str, parts: tuple[str, ...]) -> None:
    with pytest.raises(InputError) as caught:
        read_table(write(tmp_path, text))
    for part in (*parts, "t.csv"):
        assert part in str(caught.value)


def test_files_that_are_not_tables_are_refused(tmp_path: Path) -> None:
    for name, content, part in (
        ("a.csv", b"%PDF-1.7 ...", "PDF"),
        ("b.xls", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1rest", ".xls"),
        ("c.csv", b"PK\x03\x04rubbish", "not an Excel workbook"),
        ("d.csv", b"abc\x00\x00def,\n1,2", "not a text table"),
    ):
        with pytest.raises(InputError, match=part):
            read_table(write(tmp_path, content, name))
    with pytest.raises(InputError, match="no such file"):
        read_table(tmp_path / "nothing.csv")


def test_columns_can_be_named_and_mistakes_get_a_suggestion(tmp_path: Path) -> None:
    path = write(tmp_path, LONG.replace("events,n", "ev,tot"))
    table = read_table(path, columns={"events": "ev", "n": "tot"})
    assert table.columns_used["events"] == "ev" and arms_of(table).events.tolist() == [3, 5, 4, 9]
    with pytest.raises(InputError, match="Did you mean 'tot'"):
        read_table(path, columns={"n": "total_"})
    with pytest.raises(InputError, match="Did you mean 'events'"):
        read_table(path, columns={"event_s": "ev"})


def test_a_measure_without_its_columns_names_the_missing_one(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="gives no mean"):
        read_table(write(tmp_path, LONG)).data("MD")


def test_rows_of_one_comparison_with_the_same_name_are_numbered_and_said() -> None:
    frame = pd.DataFrame({"study": ["A", "A"], "yi": [0.1, 0.2], "vi": [0.04, 0.09]})
    table = read_table(frame)
    effects = table.data("GEN")
    assert isinstance(effects, Effects)
    assert effects.studies == ("A (1)", "A (2)") and "numbered" in table.notes[-1]


def test_pairwise_takes_a_path_a_frame_or_a_table(tmp_path: Path) -> None:
    path = write(tmp_path, LONG)
    results = [
        pairwise(path, measure="OR", reference="y"),
        pairwise(str(path), measure="OR", reference="y"),
        pairwise(pd.read_csv(path), measure="OR", reference="y"),
        pairwise(read_table(path), measure="OR", reference="y"),
    ]
    assert len({r.common.estimate for r in results if r.common is not None}) == 1
    assert pairwise(wide(ai=[3, 4], n1i=[20, 30], ci=[5, 9], n2i=[21, 31]), measure="OR").reference == "control"
    assert pairwise(wide(yi=[0.1, 0.2], vi=[0.04, 0.09])).spec.measure == "GEN"
