"""Data go out in other programs' layouts and our reader takes the same arms from them; RevMan files come in."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests.exchange.builders import CONTROL, TREATED, network_arms, pair_arms, payload
from toolkit.cli.common import run
from toolkit.engine.network import network
from toolkit.engine.pairwise import pairwise
from toolkit.engine.tables import read_table
from toolkit.exchange.layouts import LAYOUTS, layout_tables
from toolkit.exchange.revman import read_revman
from toolkit.model.errors import InputError
from toolkit.model.spec import NetworkSpec, PairwiseSpec
from toolkit.records.tables import write_form

PAIR = PairwiseSpec(measure="OR", treatment=TREATED, reference=CONTROL)
MEAN = PairwiseSpec(measure="MD", treatment=TREATED, reference=CONTROL)


def written(folder: Path, layout: str, found: dict) -> Path:
    tables = layout_tables(layout, found, outcome="结局")
    for table in tables:
        write_form(folder / f"x{table.suffix}.csv", table.header, table.rows)
    return folder / "x.csv"


@pytest.mark.parametrize("layout", ["netmeta", "gemtc", "cinema", "stata"])
@pytest.mark.parametrize("kind", ["binary", "continuous"])
def test_a_network_written_in_a_layout_is_read_back_to_the_same_estimates(
    tmp_path: Path, layout: str, kind: str
) -> None:
    measure = "OR" if kind == "binary" else "MD"
    found = payload(network_arms(kind), NetworkSpec(measure=measure, reference=CONTROL))
    columns = {"mean": "y"} if (layout, kind) == ("cinema", "continuous") else None
    table = read_table(written(tmp_path, layout, found), measure=measure, columns=columns)
    again = network(table.data(measure, reference=CONTROL), measure=measure, reference=CONTROL)
    stated = [row["random"]["model"]["estimate"] for row in found["result"]["effects"] if row["random"]]
    ours = {t: again.random[i, again.treatments.index(CONTROL)] for i, t in enumerate(again.treatments)}
    assert sorted(round(x, 9) for x in stated if x != 0) == sorted(round(x, 9) for t, x in ours.items() if t != CONTROL)


@pytest.mark.parametrize(("layout", "spec"), [("stata", PAIR), ("stata", MEAN), ("netmeta", PAIR), ("netmeta", MEAN)])
def test_a_comparison_written_in_a_layout_is_read_back(tmp_path: Path, layout: str, spec: PairwiseSpec) -> None:
    found = payload(pair_arms("binary" if spec.measure == "OR" else "continuous"), spec)
    table = read_table(written(tmp_path, layout, found), measure=spec.measure)
    names = {"reference": CONTROL} if layout == "netmeta" else {"reference": table.default_reference}
    again = pairwise(table.data(spec.measure), measure=spec.measure, **names)
    assert again.random is not None
    assert again.random.estimate == pytest.approx(found["result"]["random"]["model"]["estimate"], abs=1e-12)


def test_revman_rows_come_back_with_studies_counts_and_names_of_any_script(tmp_path: Path) -> None:
    found = payload(pair_arms("binary"), PAIR)
    analyses, notes = read_revman(written(tmp_path, "revman", found))
    (only,) = analyses
    assert (only.number, only.name, only.kind) == ("1.1", "结局", "binary")
    assert [(r.study, r.events, r.n) for r in only.rows][:3] == [
        ("王 2001", (3, 7), (20, 21)), ('O"Brien 2004', (0, 4), (15, 16)), ("=Smith 2009", (5, 9), (40, 41)),
    ]  # fmt: skip
    assert any("do not name the two groups" in note for note in notes)


def test_gemtc_ids_are_plain_and_distinct_and_the_names_stand_beside_them() -> None:
    tables = layout_tables("gemtc", payload(network_arms("binary"), NetworkSpec(measure="OR", reference=CONTROL)))
    ids = {name: short for short, name in tables[1].rows}
    assert ids == {TREATED: "T1", CONTROL: "CD", "骨移植": "T3"}
    assert {row[1] for row in tables[0].rows} == set(ids.values())


def test_cinema_leaves_the_judgements_empty() -> None:
    (table,) = layout_tables("cinema", payload(pair_arms("binary"), PAIR))
    assert table.header == ("study", "id", "t", "r", "n", "rob", "indirectness")
    assert {row[-2:] for row in table.rows} == {(None, None)}


@pytest.mark.parametrize("layout", list(LAYOUTS))
def test_a_layout_refuses_what_it_cannot_hold(layout: str) -> None:
    rates = payload(pair_arms("rate"), PairwiseSpec(measure="IRR", treatment=TREATED, reference=CONTROL))
    if layout in ("revman", "cinema"):
        with pytest.raises(InputError, match="person-time"):
            layout_tables(layout, rates)
    else:
        assert layout_tables(layout, rates)[0].rows
    rates["selection"]["arms"] = []
    with pytest.raises(InputError, match="no data to export"):
        layout_tables(layout, rates)


def test_revman_holds_no_network() -> None:
    with pytest.raises(InputError, match="is a network"):
        layout_tables("revman", payload(network_arms("binary"), NetworkSpec(measure="OR", reference=CONTROL)))


RM5 = """<?xml version="1.0" encoding="{encoding}"?>
<COCHRANE_REVIEW><STUDIES_AND_REFERENCES><STUDIES><INCLUDED_STUDIES>
<STUDY ID="STD-M_x00fc_ller-2001" NAME="Müller &amp; Sohn 2001" YEAR="2001"/>
<STUDY ID="STD-2" NAME="O&#8217;Neil 2005" YEAR="2005 (b)"/>
</INCLUDED_STUDIES></STUDIES></STUDIES_AND_REFERENCES>
<ANALYSES_AND_DATA>
<COMPARISON NO="1"><NAME>Cells versus none</NAME>
<DICH_OUTCOME NO="1" EFFECT_MEASURE="RR"><NAME>Arthroplasty</NAME>
<GROUP_LABEL_1>Cells</GROUP_LABEL_1><GROUP_LABEL_2>None</GROUP_LABEL_2>
<DICH_SUBGROUP NO="1"><NAME>Early</NAME>
<DICH_DATA STUDY_ID="STD-M_x00fc_ller-2001" EVENTS_1="2" TOTAL_1="20" EVENTS_2="5" TOTAL_2="19">
<FOOTNOTE>Counted in hips, not patients</FOOTNOTE></DICH_DATA>
<DICH_DATA STUDY_ID="STD-2" EVENTS_1="0" TOTAL_1="0" EVENTS_2="0" TOTAL_2="0" ESTIMABLE="NO"/></DICH_SUBGROUP>
</DICH_OUTCOME>
<CONT_OUTCOME NO="2"><NAME>Pain</NAME><GROUP_LABEL_1>Cells</GROUP_LABEL_1><GROUP_LABEL_2>None</GROUP_LABEL_2>
<CONT_DATA STUDY_ID="STD-2" MEAN_1="2.5" SD_1="1.1" TOTAL_1="30" MEAN_2="−1.5" SD_2="0.9" TOTAL_2="31"/></CONT_OUTCOME>
<IV_OUTCOME NO="3"><NAME>Survival</NAME><IV_DATA STUDY_ID="STD-2" ESTIMATE="-0.3" SE="0.1"/></IV_OUTCOME>
<OTHER_OUTCOME NO="4"><NAME>Adverse</NAME></OTHER_OUTCOME>
</COMPARISON></ANALYSES_AND_DATA></COCHRANE_REVIEW>
"""


@pytest.mark.parametrize("encoding", ["utf-8", "iso-8859-1", "utf-16"])
def test_an_rm5_file_gives_counts_means_estimates_subgroups_and_footnotes(tmp_path: Path, encoding: str) -> None:
    text = RM5.format(encoding=encoding)
    if encoding == "iso-8859-1":
        text = text.replace("−", "-")
    (tmp_path / "a.rm5").write_bytes(text.encode(encoding))
    analyses, notes = read_revman(tmp_path / "a.rm5")
    assert [(a.number, a.kind, a.experimental, a.control) for a in analyses] == [
        ("1.1", "binary", "Cells", "None"), ("1.2", "continuous", "Cells", "None"), ("1.3", "estimates", "", ""),
    ]  # fmt: skip
    first, empty = analyses[0].rows
    assert (first.study, first.year, first.subgroup) == ("Müller & Sohn 2001", 2001, "Early")
    assert (first.events, first.n, first.footnote) == ((2, 5), (20, 19), "Counted in hips, not patients")
    assert (empty.study, empty.year, empty.events, empty.n) == ("O’Neil 2005", 2005, (None, None), (None, None))
    assert analyses[1].rows[0].mean == (2.5, -1.5)
    assert (analyses[2].rows[0].estimate, analyses[2].rows[0].se) == (-0.3, 0.1)
    assert notes == ("analysis 1.4 (Adverse) holds other data and was not read",)


def test_a_faulty_rm5_file_is_mended_and_the_fault_told(tmp_path: Path) -> None:
    broken = RM5.format(encoding="utf-8").replace("Cells versus none", "Cells & none&nbsp;\x02at all")
    # declared UTF-8, written in Windows-1252: what old installations left behind
    (tmp_path / "a.rm5").write_bytes(broken.replace("−", "-").encode("cp1252"))
    analyses, notes = read_revman(tmp_path / "a.rm5")
    assert (analyses[0].comparison, analyses[0].rows[0].study) == ("Cells & none at all", "Müller & Sohn 2001")
    assert "not well-formed" in notes[0] and "cp1252" in notes[0]


def test_the_arms_of_an_rm5_analysis_can_be_pooled(tmp_path: Path) -> None:
    (tmp_path / "a.rm5").write_text(RM5.format(encoding="utf-8"), encoding="utf-8")
    rows = read_revman(tmp_path / "a.rm5")[0][0].arm_rows()
    write_form(tmp_path / "1.1.csv", list(rows[0]), rows)
    result = pairwise(read_table(tmp_path / "1.1.csv", measure="RR").data("RR"), measure="RR", reference="None")
    assert result.k == 1
    assert result.common is not None and np.exp(result.common.estimate) == pytest.approx((2 / 20) / (5 / 19))


def test_a_study_in_two_subgroups_is_two_rows_that_can_be_pooled_and_told_apart(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    late = (
        '<DICH_SUBGROUP NO="2"><NAME>Late</NAME><DICH_DATA STUDY_ID="STD-M_x00fc_ller-2001" EVENTS_1="4" TOTAL_1="18" '
        'EVENTS_2="7" TOTAL_2="17"/></DICH_SUBGROUP></DICH_OUTCOME>'
    )
    text = RM5.format(encoding="utf-8").replace("</DICH_OUTCOME>", late)
    (tmp_path / "a.rm5").write_text(text, encoding="utf-8")
    analyses, notes = read_revman(tmp_path / "a.rm5")
    assert analyses[0].row_names == ("Müller & Sohn 2001 (Early)", "O’Neil 2005", "Müller & Sohn 2001 (Late)")
    assert any("Müller & Sohn 2001 stands in several rows" in note for note in notes)
    capsys.readouterr()
    assert run(["revman", str(tmp_path / "a.rm5"), str(tmp_path / "out")]) == 0
    capsys.readouterr()
    table = str(tmp_path / "out" / "1.1.csv")
    assert run(["pairwise", table, "--measure", "RR", "--reference", "None", "--subgroup", "subgroup"]) == 0
    out = capsys.readouterr().out
    assert "Early" in out and "Late" in out
    same = analyses[0].rows[0]
    twice = replace(analyses[0], rows=(replace(same, subgroup=""), replace(same, subgroup="")))
    assert twice.row_names == ("Müller & Sohn 2001", "Müller & Sohn 2001 (2)")


@pytest.mark.parametrize(
    ("content", "message"),
    [("<a></a>", "no ANALYSES_AND_DATA"), ("<a", "not a readable XML"), ("x;y\n1;2\n", "neither a RevMan 5 file"),
     (RM5.format(encoding="utf-8").replace('EVENTS_1="2"', 'EVENTS_1="two"'), "not a number")],
)  # fmt: skip
def test_what_is_not_revman_is_refused_with_the_reason(tmp_path: Path, content: str, message: str) -> None:
    (tmp_path / "a.rm5").write_text(content, encoding="utf-8")
    with pytest.raises(InputError, match=message):
        read_revman(tmp_path / "a.rm5")
