"""Forms go out and come back as events for changed cells; bad cells are named."""

from __future__ import annotations

from pathlib import Path

import pytest

from toolkit.cli.common import run
from toolkit.config import ReviewFile
from toolkit.extraction.checks import check_evidence
from toolkit.extraction.forms import map_header, read_rows
from toolkit.extraction.run import check, compare_form, import_form, resolve_cell, template
from toolkit.model.errors import InputError
from toolkit.model.evidence import check_cell, study_facts
from toolkit.project import Project
from toolkit.store import views
from toolkit.store.evidence import arm_results, study_rows

REVIEW = """
[review]
title = "股骨头坏死"
[[reviewers]]
name = "AB"
[[reviewers]]
name = "CD"
[[outcomes]]
id = "tha"
name = "conversion to total hip arthroplasty"
type = "binary"
labels = ["tha_conversion"]
[[outcomes]]
id = "vas"
name = "pain"
type = "continuous"
scale_min = 0
scale_max = 100
[[treatments]]
id = "CD"
[[treatments]]
id = "CD+cells"
labels = ["CD+SC NR"]
"""

RESULTS = """study,arm,treatment,outcome,months,n,events,status
Kang2018,SC,CD+SC NR,tha,51.4,53,15,derived_from_percent
Kang2018,CD,CD,tha,51.4,53,26,derived_from_percent
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "review.toml").write_text(REVIEW, encoding="utf-8")
    return tmp_path


def form(folder: Path, text: str, name: str = "results.csv") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def test_only_changed_cells_become_events_and_a_second_import_adds_none(folder: Path) -> None:
    with Project.open(folder, reviewer="AB") as project:
        path = form(folder, RESULTS)
        first = import_form(project, path)
        assert (first.table, first.rows, len(first.changed)) == ("results", 2, 8)
        again = import_form(project, path)
        assert (len(again.changed), again.unchanged) == (0, 8)
        import_form(project, form(folder, RESULTS.replace("53,15", "53,16")))
        events = project.store.heads("extract", stage="results")
        assert len(project.store.events()) == 9
        assert {e.value for e in events if e.field == "events"} == {"16", "26"}
        rows = arm_results(project.store)
        assert [(r.study, r.arm, r.n, r.events, r.months, r.mean) for r in rows] == [
            ("Kang2018", "SC", 53, 16, 51.4, None),
            ("Kang2018", "CD", 53, 26, 51.4, None),
        ]


def test_an_empty_cell_is_not_zero(folder: Path) -> None:
    with Project.open(folder, reviewer="AB") as project:
        import_form(
            project, form(folder, "study,arm,outcome,n,events\nRastogi2013,SC,tha,30,\nRastogi2013,C,tha,30,0\n")
        )
        assert [row.events for row in arm_results(project.store)] == [None, 0]
        found = {(f.code, f.study) for f in check(project)}
        assert ("missing", "Rastogi2013") in found


def test_two_extractors_who_differ_are_a_conflict_without_a_value_until_it_is_settled(folder: Path) -> None:
    path = form(folder, RESULTS)
    with Project.open(folder, reviewer="AB") as project:
        import_form(project, path)
    with Project.open(folder, reviewer="CD") as project:
        other = form(folder, RESULTS.replace("53,15", "52,15"), "cd.csv")
        import_form(project, other)
        row = arm_results(project.store)[0]
        assert (row.n, row.conflicts) == (None, ("n",))
        assert any(f.code == "conflict" for f in check(project))
        resolve_cell(project, "results", "Kang2018|SC|tha|51.4", "n", "53")
        assert arm_results(project.store)[0].n == 53


def test_the_form_of_one_extractor_never_shows_the_values_of_another(folder: Path) -> None:
    with Project.open(folder, reviewer="AB") as project:
        import_form(project, form(folder, RESULTS))
    with Project.open(folder, reviewer="CD") as project:
        target = folder / "form.csv"
        assert template(project, target, "results") == 0
        assert "Kang2018" not in target.read_text(encoding="utf-8-sig")


def test_template_and_import_are_inverse(folder: Path) -> None:
    with Project.open(folder, reviewer="AB") as project:
        import_form(project, form(folder, RESULTS))
        target = folder / "form.xlsx"
        assert template(project, target, "results") == 2
        assert compare_form(project, target) == []


def test_rows_that_left_the_form_stay_unless_taken_back(folder: Path) -> None:
    with Project.open(folder, reviewer="AB") as project:
        import_form(project, form(folder, RESULTS))
        short = form(folder, "\n".join(RESULTS.splitlines()[:2]) + "\n", "short.csv")
        kept = import_form(project, short)
        assert (len(kept.absent), len(arm_results(project.store))) == (1, 2)
        gone = import_form(project, short, remove_absent=True)
        assert (gone.removed, len(arm_results(project.store))) == (4, 1)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("study,arm,outcome,n,events\nA,x,tha,10,11\n", ["row 2", "events", "more events than units", "11 of 10"]),
        ("study,arm,outcome,n,events\nA,x,tha,-1,0\n", ["row 2", "'n'", "'-1'", "whole number"]),
        ("study,arm,outcome,n,events\nA,x,tha,1.5,0\n", ["row 2", "'n'", "'1.5'"]),
        ("study,arm,outcome,n,events\nA,x,tha,10,1\nA,x,tha,10,2\n", ["row 3", "twice", "row 2"]),
        ("study,arm,outcome,n,evnts\nA,x,tha,10,1\n", ["'evnts'", "unknown column", "Did you mean 'events'?"]),
        ("study,arm,outcome,n,events\n,x,tha,10,1\n", ["row 2", "'study'", "identifies"]),
        ("study,outcome,arm,status\nA,tha,x,guessed\n", ["row 2", "'status'", "'guessed'", "reported"]),
    ],
)
def test_a_bad_cell_is_named_and_nothing_is_stored(folder: Path, text: str, words: list[str]) -> None:
    with Project.open(folder, reviewer="AB") as project:
        with pytest.raises(InputError) as error:
            import_form(project, form(folder, text))
        assert all(word in str(error.value) for word in words), str(error.value)
        assert error.value.exit_code == 2
        assert project.store.events() == []


def test_excel_with_semicolons_and_decimal_commas_reads_the_same(folder: Path) -> None:
    rows = [
        "study;arm;treatment;outcome;months;n;events;mean",
        "Kang2018;SC;CD+SC NR;tha;51,4;53;15;1,25",
        "Kang2018;CD;CD;tha;51,4;53;26;2,5",
    ]
    with Project.open(folder, reviewer="AB") as project:
        import_form(project, form(folder, "\ufeff" + "\n".join(rows) + "\n"))
        assert [(r.months, r.mean) for r in arm_results(project.store)] == [(51.4, 1.25), (51.4, 2.5)]


def test_headings_of_other_programs_are_understood() -> None:
    mapping = map_header("results", ["study_id", "arm_id", "treatment", "outcome", "timepoint_months", "value_status"])
    assert list(mapping.values()) == ["study", "arm", "treatment", "outcome", "months", "status"]


def test_real_onfh_arms_read_without_loss(shared: Path) -> None:
    import csv

    path = shared / "data" / "onfh" / "arms.csv"
    with path.open(encoding="utf-8", newline="") as handle:
        reader = csv.DictReader(handle)
        raw = [(i, row) for i, row in enumerate(reader, start=2)]
        header = list(reader.fieldnames or [])
    rows = read_rows("results", header, raw, file=path)
    assert len(rows) == len(raw) == 102


def test_checks_ask_about_what_a_careful_reader_would() -> None:
    config = ReviewFile.model_validate(
        {
            "review": {"title": "T"},
            "outcomes": [{"id": "vas", "name": "pain", "type": "continuous", "scale_min": 0, "scale_max": 100}],
            "treatments": [{"id": "CD"}],
        }
    )
    studies = {
        name: study_facts(name, {"cohort": "Gangji", "paired": "yes" if name == "G2" else None, "design": "RCT"})
        for name in ("G1", "G2")
    }
    from toolkit.model.evidence import arm_result

    rows = [
        arm_result("G1|a|vas|24", {"n": "10", "mean": "16", "sd": "3.7", "treatment": "CD", "unit": "hips"}),
        arm_result("G1|b|vas|24", {"n": "10", "mean": "132", "sd": "4.1", "treatment": "X", "unit": "patients"}),
        arm_result("G2|a|vas|12", {"n": "10", "mean": "30", "sd": "0", "status": "imputed"}),
    ]
    codes = {(f.study, f.code) for f in check_evidence(config, studies, rows, {})}
    assert {
        ("G1", "sd-or-se"), ("G1", "off-scale"), ("G1", "no-node"), ("G1", "mixed-units"), ("G1", "no-report"),
        ("G1", "same-patients"), ("G2", "one-arm"), ("G2", "sd-zero"), ("G2", "value-status"), ("G2", "paired-units"),
    } <= codes  # fmt: skip


def test_cells_keep_their_text_and_numbers_their_value() -> None:
    assert check_cell("results", "mean", "−3,5", decimal=",") == "-3.5"
    assert check_cell("results", "note", "  钽棒 ") == "钽棒"
    assert check_cell("results", "n", "NR") is None


def test_study_rows_are_typed(folder: Path) -> None:
    with Project.open(folder, reviewer="AB") as project:
        import_form(project, form(folder, "study,design,year,paired\nHernigou2018,RCT,2018,yes\n", "studies.csv"))
        facts = study_rows(project.store)["Hernigou2018"]
        assert (facts.design, facts.year, facts.paired, facts.country) == ("RCT", 2018, True, None)
        assert views.evidence(project.store, "studies").rows["Hernigou2018"]["year"].value == "2018"


@pytest.mark.parametrize("text", ["1_0", "1e300", "inf", "10%", "<1", "O"])
def test_a_cell_that_is_no_number_of_a_study_is_refused(text: str) -> None:
    with pytest.raises(InputError, match="not a value this column can hold"):
        check_cell("results", "n", text)


def test_digits_of_every_script_are_numbers_and_a_grouped_number_is_ambiguous_in_a_file_of_decimal_commas() -> None:
    assert check_cell("results", "n", "１０") == "10"
    assert check_cell("results", "mean", "5,125", decimal=",") == "5.125"
    with pytest.raises(InputError):
        check_cell("results", "mean", "1.234", decimal=",")


def test_names_that_look_alike_are_stored_alike() -> None:
    assert check_cell("results", "study", "Gange\u0301\u200b 2011") == "Gang\u00e9 2011"


def test_a_template_that_nobody_filled_in_empties_nothing(folder: Path) -> None:
    with Project.open(folder, reviewer="AB") as project:
        import_form(project, form(folder, RESULTS))
        blank = "study,arm,treatment,outcome,months,n,events,status\nKang2018,,,,,,,\n"
        found = import_form(project, form(folder, blank, "blank.csv"))
        assert (found.rows, found.changed, len(found.absent)) == (0, (), 2)
        import_form(project, form(folder, "study,year,design\nKang2018,2018,RCT\n", "studies.csv"))
        found = import_form(project, form(folder, "study,year,design\nKang2018,,\n", "studies.csv"))
        assert (found.changed, found.absent) == ((), ("Kang2018",))
        assert len(study_rows(project.store)) == 1


def test_a_form_named_after_a_table_is_of_that_table_and_emptied_cells_are_counted(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    base = ["-C", str(folder), "--as", "AB", "extract"]
    assert run([*base, "template", str(folder / "Studies-AB.csv")]) == 0
    assert "of the studies table" in capsys.readouterr().out
    assert run([*base, "template", str(folder / "form.csv")]) == 0
    assert "of the results table" in capsys.readouterr().out
    assert run([*base, "import", str(form(folder, RESULTS))]) == 0
    assert run([*base, "import", str(form(folder, RESULTS.replace("53,15", "53,")))]) == 0
    assert "1 cell changed (1 of them emptied), 7 unchanged." in capsys.readouterr().out
