"""evipool network: the call of the documentation, its formats, its refusals."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest

from tests.cli.network_samples import DIABETES, ERRATUM, call, write


def test_diabetes_example_of_the_documentation_agrees_with_the_erratum(capsys: pytest.CaptureFixture[str]) -> None:
    code = call(str(DIABETES), "--measure", "OR", "--reference", "Diuretic", "--tau2", "DL", "--format", "json")
    said = capsys.readouterr()
    assert said.err == ""
    data = json.loads(said.out)
    assert code == 0 and data["k"] == 22 and data["reference"] == "Diuretic"
    found = {row["treatment"]: row["random"] for row in data["effects"]}
    assert set(found) == set(ERRATUM)
    for name, numbers in ERRATUM.items():
        ours = [found[name][key] for key in ("estimate", "ci_low", "ci_high")]
        assert all(abs(a - b) <= 0.01 for a, b in zip(ours, numbers, strict=True)), (name, ours)
    assert data["ranking"] is None
    assert data["inconsistency"]["interaction_df"] == 13
    assert len(data["splits"]["random"]) == 14
    league = data["league"]["random"]
    at = league["treatments"].index("ARB"), league["treatments"].index("Diuretic")
    assert league["estimate"][at[0]][at[1]] == found["ARB"]["estimate"]


def test_table_states_direction_and_ranks_only_when_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert call(str(DIABETES), "--measure", "or", "--reference", "Diuretic", "--tau2", "DL") == 0
    text = capsys.readouterr().out
    assert "OR of each treatment against Diuretic" in text and "0.67 (0.57 to 0.78)" in text
    assert "row treatment against the column treatment" in text
    assert "Not ranked" in text and "P-scores" not in text
    assert call(str(DIABETES), "--measure", "OR", "--small-values", "good") == 0
    text = capsys.readouterr().out
    ranked = text[text.index("P-scores") :]
    assert "Not ranked" not in text and ranked.index("ARB") < ranked.index("Beta blocker")
    assert "No reference was named" in text


def test_the_table_ends_with_how_the_file_was_read(capsys: pytest.CaptureFixture[str]) -> None:
    assert call(str(DIABETES), "--measure", "OR", "--reference", "Diuretic") == 0
    *_, columns, file = capsys.readouterr().out.rstrip().splitlines()
    assert columns == "Columns taken: study = study, treatment = treatment, events = events, n = n"
    assert file == "File: read as utf-8, columns separated by comma, decimal point"


def test_csv_has_both_scales(capsys: pytest.CaptureFixture[str]) -> None:
    assert call(str(DIABETES), "--measure", "OR", "--reference", "Diuretic", "--format", "csv") == 0
    rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    assert len(rows) == 10 and {row["model"] for row in rows} == {"common", "random"}
    assert all(row["estimate"] for row in rows)


def test_tau2_can_be_a_number_and_nonsense_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert call(str(DIABETES), "--measure", "OR", "--tau2", "0.25", "--format", "json") == 0
    assert json.loads(capsys.readouterr().out)["heterogeneity"]["tau2"]["value"] == 0.25
    assert call(str(DIABETES), "--measure", "OR", "--tau2", "PMX") == 2
    assert "REML" in capsys.readouterr().err


def test_star_network_in_chinese_goes_through_and_says_what_cannot_be_had(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = "研究甲,减压,10,50\n研究甲,干细胞,5,50\n研究乙,减压,12,60\n研究乙,植骨,9,60\n"
    table = write(tmp_path / "星形.csv", "study,treatment,events,n\n" + rows)
    assert call(table, "--measure", "OR", "--reference", "减压", "--small-values", "good") == 0
    text = capsys.readouterr().out
    assert "干细胞" in text and "no closed loop" in text and "not estimable" in text
    assert "Do not lead with this ranking" in text


def test_disconnected_network_is_refused_with_its_pieces_and_largest_piece_can_be_asked_for(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = "1,a,3,30\n1,b,4,30\n2,b,5,30\n2,c,6,30\n3,x,3,30\n3,y,4,30\n"
    table = write(tmp_path / "t.csv", "study,treatment,events,n\n" + rows)
    assert call(table, "--measure", "OR") == 2
    assert "2. x, y (1 study)" in capsys.readouterr().err
    assert call(table, "--measure", "OR", "--largest", "--format", "json") == 0
    assert [e["study"] for e in json.loads(capsys.readouterr().out)["excluded"]] == ["3"]


def test_output_is_written_whole_and_bad_calls_end_with_2(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "result.json"
    assert call(str(DIABETES), "--measure", "OR", "--format", "json", "--output", str(out)) == 0
    assert json.loads(out.read_text(encoding="utf-8"))["k"] == 22
    assert [p.name for p in tmp_path.iterdir()] == ["result.json"]
    assert call(str(DIABETES), "--measure", "OR", "--reference", "Nobody") == 2
    assert "Diuretic" in capsys.readouterr().err
    assert call(str(tmp_path / "missing.csv"), "--measure", "OR") == 2
    assert call(str(DIABETES), "--measure", "OR", "--columns", "events") == 2


def test_contrast_table_with_netmeta_columns_is_read(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = "s1,a,b,0.5,0.2\ns2,a,c,0.3,0.2\ns3,b,c,-0.1,0.3\n"
    table = write(tmp_path / "c.csv", "studlab,treat1,treat2,TE,seTE\n" + rows)
    assert call(table, "--measure", "OR", "--reference", "c", "--format", "json") == 0
    data = json.loads(capsys.readouterr().out)
    assert data["k"] == 3 and data["treatments"][0]["treatment"] == "c"


def test_errors_name_the_file_and_the_row(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    table = write(tmp_path / "bad.csv", "study,treatment,events,n\n1,a,31,30\n1,b,4,30\n")
    assert call(table, "--measure", "OR") == 2
    error = capsys.readouterr().err
    assert "bad.csv" in error and "row 2" in error


def test_intervals_of_random_effects_can_be_chosen(capsys: pytest.CaptureFixture[str]) -> None:
    widths = {}
    for ci in ("Wald", "t", "HK"):
        assert call(str(DIABETES), "--measure", "OR", "--ci", ci, "--tau2", "PM", "--format", "json") == 0
        data = json.loads(capsys.readouterr().out)
        first = data["effects"][0]["random"]["model"]
        widths[ci] = first["ci_high"] - first["ci_low"]
        assert data["interval"]["method"] == ci and data["heterogeneity"]["tau2"]["method"] == "PM"
        assert [i["method"] for i in data["heterogeneity"]["tau2_intervals"]] == ["QP", "PL (REML)"]
    assert widths["Wald"] < widths["t"]
    assert widths["HK"] == pytest.approx(widths["t"] * data["interval"]["factor"] ** 0.5)


def test_several_arms_of_one_treatment_are_refused_or_combined(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = ["1,a,5,40", "1,b,4,30", "1,b,6,30", "2,a,7,50", "2,b,9,50", "3,b,4,40", "3,c,6,41"]
    table = write(tmp_path / "t.csv", "study,treatment,events,n\n" + "\n".join(rows) + "\n")
    base = [table, "--measure", "OR", "--reference", "a", "--format", "json"]
    assert call(*base) == 2
    assert "has treatment 'b' twice" in capsys.readouterr().err
    assert call(*base, "--several-arms", "combine") == 0
    found = json.loads(capsys.readouterr().out)
    joined = write(tmp_path / "j.csv", "study,treatment,events,n\n" + "\n".join(["1,a,5,40", "1,b,10,60", *rows[3:]]))
    assert call(joined, *base[1:]) == 0
    assert found["effects"] == json.loads(capsys.readouterr().out)["effects"]
    assert any("arms combined: b + b" in note for note in found["read_notes"])


def test_standard_errors_that_no_rounding_explains_are_refused_with_the_pair(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = "1,a,b,0.2,0.2\n1,a,c,0.5,0.2\n1,b,c,0.3,{}\n2,a,b,0.1,0.3\n"
    head = "study,treat1,treat2,TE,seTE\n"
    assert call(write(tmp_path / "bad.csv", head + rows.format(0.8)), "--measure", "GEN") == 2
    assert "'1'" in (said := capsys.readouterr().err) and "of a against" in said and "up to 10 %" in said
    assert call(write(tmp_path / "near.csv", head + rows.format(0.401)), "--measure", "GEN") == 0
    assert "% (rounding)" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("options", "hint"),
    [
        (["--covariate", "years"], "Add --also regression."),
        (["--subgroup", "years"], "Add --also variances or --also subgroups."),
        (["--also", "ranks", "--small-values", "good", "--margin", "1.1"], "--margin belongs to"),
        (["--tau2-by", "subgroup", "--subgroup", "years", "--inactive", "Placebo"], "--inactive belongs to"),
    ],
)
def test_a_setting_that_nothing_listens_to_is_refused(
    options: list[str], hint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call(str(DIABETES), "--measure", "OR", *options) == 2
    assert hint in capsys.readouterr().err


def test_between_parts_of_the_output_stands_one_empty_line(capsys: pytest.CaptureFixture[str]) -> None:
    also = ["--small-values", "good", "--also", "designs", "--also", "ranks", "--draws", "1000"]
    assert call(str(DIABETES), "--measure", "OR", *also) == 0
    printed = capsys.readouterr().out
    assert "\n\n" in printed and "\n\n\n" not in printed
    assert "Q-profile), REML; I² = " in printed
    assert " df, p = 0.028\n" in printed.replace("\N{NO-BREAK SPACE}", " ")
