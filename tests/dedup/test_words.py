"""What commands say of duplicates: sums that add up, rules in words, letters for sources, nothing overwritten."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.dedup.conftest import ABSTRACTED, ARTICLE, DOUBTFUL, OTHER, SETTINGS, AddRecords
from tests.dedup.test_commands import call
from toolkit.dedup.export import export_rows
from toolkit.dedup.files import TRACE_COLUMNS
from toolkit.dedup.judge import explain, merge
from toolkit.dedup.run import dedup
from toolkit.model.errors import InputError
from toolkit.model.events import RELATIONS
from toolkit.project import Project


@pytest.mark.parametrize("second", [ABSTRACTED, DOUBTFUL, OTHER])
def test_the_rows_of_an_explanation_add_up_to_the_score_shown(
    folder: Path, project: Project, add: AddRecords, second: dict[str, object]
) -> None:
    a, b = add([ARTICLE, second])
    dedup(project)
    found = explain(project, a, b)
    assert found.evidence.total == pytest.approx(found.evidence.constant + sum(w for *_, w in found.evidence.weights))
    if found.evidence.rule == "score" or found.verdict != "merged":
        assert found.evidence.total == pytest.approx(found.evidence.score)
    out = call("-C", str(folder), "dedup", "explain", a, b).output
    assert f"{found.evidence.constant:+.2f}" in out
    assert f"{found.evidence.total:.2f}" in out
    assert "joined from 2, asked from 0" in out
    said = json.loads(call("-C", str(folder), "dedup", "explain", a, b, "--format", "json").output)
    assert said["score"] == pytest.approx(said["constant"] + sum(row["adds"] for row in said["weights"]), abs=1e-3)


def test_thresholds_are_those_of_the_review(folder: Path, add: AddRecords) -> None:
    a, b = add([ARTICLE, DOUBTFUL])
    (folder / "review.toml").write_text(SETTINGS + '[dedup]\nstrictness = "strict"\n', encoding="utf-8")
    assert "(strict): joined from 4" in call("-C", str(folder), "dedup", "explain", a, b).output


def test_the_note_of_a_merge_is_shown_where_it_is_explained(folder: Path, project: Project, add: AddRecords) -> None:
    a, b = add([ARTICLE, OTHER])
    dedup(project)
    merge(project, [a, b], note="同一研究")
    assert '"同一研究"' in call("-C", str(folder), "dedup", "explain", a, b).output
    said = json.loads(call("-C", str(folder), "dedup", "explain", a, b, "--format", "json").output)
    assert said["history"][-1]["note"] == "同一研究"
    assert {row["why"] for row in export_rows(project)} == {None, "同一研究"}


def test_the_table_of_records_has_rules_in_words_and_a_score_where_it_decided(
    project: Project, add: AddRecords
) -> None:
    add([ARTICLE, ARTICLE])
    add([ABSTRACTED], source="Embase")
    dedup(project)
    joined = [row for row in export_rows(project) if row["joined_by"]]
    assert len(joined) == 2
    for row in joined:
        assert (row["score"] is None) == (row["rule"] != "score")
        assert " " in row["why"] and row["why"] != row["rule"]
    assert "why" in TRACE_COLUMNS


def test_many_sources_are_columns_by_letter_with_their_names_beside(
    folder: Path, project: Project, add: AddRecords
) -> None:
    names = [f"Criminal Justice Abstracts {k}" for k in range(28)]
    for name in names:
        add([OTHER], source=name)
    dedup(project)
    out = call("-C", str(folder), "dedup", "overlap").output
    assert "Column A: reports that Criminal Justice Abstracts 0 delivered too" in out
    few = call("-C", str(folder), "dedup", "overlap", "--format", "csv").output.splitlines()
    assert few[0].endswith(names[-1])


def test_ten_sources_fit_the_screen(folder: Path, project: Project, add: AddRecords) -> None:
    for k in range(10):
        add([{**OTHER, "title": f"{OTHER['title']} {k}"}], source=f"Criminal Justice Abstracts {k}")
    lines = call("-C", str(folder), "dedup", "overlap").output.splitlines()
    header = next(line for line in lines if "only here" in line)
    assert [word for word in header.split() if len(word) == 1] == list("ABCDEFGHIJ")
    assert all(any(f"Criminal Justice Abstracts {k}" in line for line in lines) for k in range(10))


def test_a_figure_of_overlaps_is_not_overwritten_without_force(
    folder: Path, project: Project, add: AddRecords, tmp_path: Path
) -> None:
    add([ARTICLE])
    path = tmp_path / "overlap.svg"
    path.write_text("mine", encoding="utf-8")
    with pytest.raises(InputError, match="--force"):
        call("-C", str(folder), "dedup", "overlap", "--output", str(path))
    assert path.read_text(encoding="utf-8") == "mine"
    assert call("-C", str(folder), "dedup", "overlap", "--output", str(path), "--force").exit_code == 0
    assert "<svg" in path.read_text(encoding="utf-8")


def test_a_link_by_a_registry_number_says_no_more_than_that() -> None:
    assert "names the same registration" in RELATIONS["same_trial"]
