"""Tables as reviewers have them: exports of other programs, sums and notes among the rows, titles above them."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from toolkit.cli import cli
from toolkit.cli.common import run

WIDE = "study,event.e,n.e,event.c,n.c\nLi 2010,4,40,12,44\nNg 2012,8,50,13,51\n"


def pooled(tmp_path: Path, text: str, *args: str, encoding: str = "utf-8") -> dict[str, Any]:
    path = tmp_path / "table.csv"
    path.write_bytes(text.encode(encoding))
    result = CliRunner().invoke(cli, ["pairwise", str(path), *args, "--format", "json"], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    found: dict[str, Any] = json.loads(result.stdout)
    return found


def refusal(tmp_path: Path, text: str, capfd: pytest.CaptureFixture[str], *args: str) -> str:
    path = tmp_path / "table.csv"
    path.write_text(text, encoding="utf-8")
    assert run(["pairwise", str(path), *args]) == 2
    return capfd.readouterr().err


@pytest.mark.parametrize(
    "text",
    [
        "Study or Subgroup,Experimental Events,Experimental Total,Control Events,Control Total\n"
        "Li 2010,4,40,12,44\nNg 2012,8,50,13,51\nTotal (95% CI),12,90,25,95\n",
        '"Study","Experimental cases","Experimental N","Control cases","Control N","Weight","Effect"\n'
        '"Li 2010",4,40,12,44,"40.2%","0.37 [0.13, 1.05]"\n"Ng 2012",8,50,13,51,"59.8%","0.63 [0.28, 1.38]"\n',
        "Study ID,Title,Intervention Events,Intervention N,Comparator Events,Comparator N\n"
        'Li 2010,"A trial, of things",4,40,12,44\nNg 2012,Another,8,50,13,51\n',
        "trial,author,year,tpos,tneg,cpos,cneg\n1,Li,2010,4,36,12,32\n2,Ng,2012,8,42,13,38\n",
        ",Experimental,,Control,\nStudy,Events,Total,Events,Total\nLi 2010,4,40,12,44\nNg 2012,8,50,13,51\n",
        "Table 2. Total hip arthroplasty\nextracted by LH,,,,\n" + WIDE,
        "study,event.e,n.e,event.c,n.c\nRCTs,,,,\nLi 2010,4,40,12,44\nSubtotal,4,40,12,44\nCohorts,,,,\n"
        "Ng 2012,8,50,13,51\nSubtotal (95% CI),8,50,13,51\nTotal,12,90,25,95\n"
        "Heterogeneity: Tau2 = 0.00; Chi2 = 0.66,,,,\n",
        WIDE + "\nNote: events at 24 months,,,,\n",
        "Studie;events1;n1;events2;n2\nLi 2010;4;40;12;44\nNg 2012;8;50;13;51\n",
        "Study , Events E ,N E,Events C,N C\n Li 2010 , 4 , 40 ,12,44\nNg 2012,8,50,13,51\nXu 2013,?,N/A,3,1 204\n",
    ],
    ids=[
        "revman5",
        "revman-web",
        "covidence",
        "metafor",
        "two-headings",
        "titles",
        "sums",
        "notes",
        "german",
        "blanks",
    ],
)
def test_an_export_is_read_as_it_is_and_sums_are_no_studies(tmp_path: Path, text: str) -> None:
    found = pooled(tmp_path, text, "--measure", "OR")
    rows = [row for row in found["studies"] if not row["excluded"]]
    assert [(row["study"], row["events"], row["n"]) for row in rows] == [
        ("Li 2010", [4, 12], [40, 44]),
        ("Ng 2012", [8, 13], [50, 51]),
    ]
    sums = [line for line in text.splitlines() if line.lower().startswith(("total", "subtotal"))]
    note = [line for line in found["read_notes"] if line.startswith("left out as sums")]
    assert bool(note) == bool(sums) and all(line.split(",")[0] in note[0] for line in sums)


def test_titles_and_double_headings_are_said_to_have_been_passed_over(tmp_path: Path) -> None:
    assert (
        "row 1, 2 above the headings was not read"
        in pooled(tmp_path, "Table 2\nby LH,,,,\n" + WIDE, "--measure", "OR")["read_notes"]
    )
    two = ",Experimental,,Control,\nStudy,Events,Total,Events,Total\nLi 2010,4,40,12,44\nNg 2012,8,50,13,51\n"
    assert "the headings were taken from two rows" in pooled(tmp_path, two, "--measure", "OR")["read_notes"]


def test_decimal_commas_and_windows_letters_are_read(tmp_path: Path) -> None:
    text = "Studie;n1;mean1;sd1;n2;mean2;sd2\nMüller;30;5,2;1,1;31;6,4;1,3\nSchön;44;4,9;1,0;43;5,9;1,2\n"
    found = pooled(tmp_path, text, "--measure", "MD", encoding="cp1252")
    assert [row["study"] for row in found["studies"]] == ["Müller", "Schön"]
    assert found["studies"][0]["mean"] == [5.2, 6.4]


def test_a_count_of_thousands_is_read_once_the_decimal_mark_is_said(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    text = 'study,event.e,n.e,event.c,n.c\nBig,"1,204","12,300","1,410","12,310"\nSmall,8,50,13,51\n'
    assert "Thousand or decimal?" in refusal(tmp_path, text, capfd, "--measure", "OR")
    assert pooled(tmp_path, text, "--measure", "OR", "--decimal", ".")["studies"][0]["n"] == [12300, 12310]
    german = "study;n1;mean1;sd1;n2;mean2;sd2\nA;1.200;5,2;1,1;1.231;6,4;1,3\nB;30;5,2;1,1;31;6,4;1,3\n"
    assert pooled(tmp_path, german, "--measure", "MD", "--decimal", ",")["studies"][0]["n"] == [1200, 1231]


@pytest.mark.parametrize(
    ("text", "measure", "part"),
    [
        ("study,treatment,events,n\nA,x,20%,50\nA,y,30%,50\n", "OR", "Events are counts"),
        ("study,n1,mean1,sd1,n2,mean2,sd2\nLi,30,5.2 (1.1),,31,6.4 (1.3),\n", "MD", "several numbers in the cell"),
        ("study,n1,mean1,n2,mean2\nLi,30,5.2 ± 1.1,31,6.4±1.3\n", "MD", "several numbers in the cell"),
        ("study,treatment,events,n\nA,x,4/50,50\nA,y,3/50,50\n", "OR", "several numbers in the cell"),
        ("study,yi,vi\nLi,-0.48*,0.05\nNg,-0.2,0.03\n", "GEN", "-0.48*"),
        ("study,HR,lower,upper\nLi,-0.5,0.4,0.9\nNg,0.8,0.5,1.2\n", "HR", "not above 0"),
        ("study,O-E,V\nLi,-9.5,0\nNg,-4.2,18\n", "HR", "not above 0"),
        (WIDE + ",12,90,25,95\n", "OR", "The row has no study"),
    ],
)
def test_a_cell_that_is_no_number_is_named_with_what_to_do(
    tmp_path: Path, text: str, measure: str, part: str, capfd: pytest.CaptureFixture[str]
) -> None:
    extra = ("--reference", "y") if "treatment" in text else ()
    message = refusal(tmp_path, text, capfd, "--measure", measure, *extra)
    assert part in message and "row " in message


def test_hazard_ratios_with_intervals_and_log_rank_tests_are_effects(tmp_path: Path) -> None:
    found = pooled(tmp_path, "study,HR,lower,upper\nLi,0.62,0.40,0.96\nNg,0.8,0.55,1.16\n")
    first = found["studies"][0]
    assert found["measure"] == "HR" and found["scale"] == "log" and first["estimate"] == pytest.approx(0.62)
    assert first["model"]["se"] == pytest.approx(math.log(0.96 / 0.40) / (2 * 1.959963985), rel=1e-6)
    logrank = pooled(tmp_path, "study,O-E,V\nLi,-9.5,20.1\nNg,-4.2,18.0\n")
    peto = math.exp((-9.5 - 4.2) / (20.1 + 18.0))
    assert logrank["measure"] == "HR" and logrank["common"]["estimate"] == pytest.approx(peto)
    assert pooled(tmp_path, "study,OR,ll,ul\nLi,0.62,0.40,0.96\nNg,0.8,0.55,1.16\n")["measure"] == "OR"
