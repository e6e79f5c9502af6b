"""Counts per source, what only one found, what sources share, who removed what; forecast; preferred sources."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from tests.dedup.conftest import ABSTRACTED, ARTICLE, DOUBTFUL, OTHER, SETTINGS, AddRecords
from toolkit.cli import cli
from toolkit.dedup.export import best_records
from toolkit.dedup.files import dedup_files
from toolkit.dedup.judge import merge
from toolkit.dedup.overlap import count_overlap, overlap
from toolkit.dedup.run import dedup
from toolkit.model.errors import InputError
from toolkit.project import Project

ROWS = st.lists(st.tuples(st.integers(0, 9), st.sampled_from(("PubMed", "Embase", "知网"))), max_size=40)


@given(ROWS)
def test_the_counts_add_up(rows: list[tuple[int, str]]) -> None:
    first: dict[int, str] = {}
    table = []
    for k, (report, source) in enumerate(rows):
        name = first.setdefault(report, f"r{k}")
        table.append((f"r{k}", name, source, "" if name == f"r{k}" else ("person" if k % 3 else "tool")))
    found = count_overlap(table)
    assert found.records == sum(s.records for s in found.sources) == len(rows)
    assert found.reports == sum(n for _, n in found.combinations) == len({report for report, _ in rows})
    assert found.records - found.reports == found.within + found.between == found.by_tool + found.by_person
    for k, source in enumerate(found.sources):
        inside = [(some, n) for some, n in found.combinations if source.source in some]
        assert source.reports == found.shared[k][k] == sum(n for _, n in inside)
        assert source.unique == sum(n for some, n in inside if len(some) == 1)
    assert all(found.shared[i][j] == found.shared[j][i] for i in range(len(found.sources)) for j in range(i))


def test_a_project_is_counted_by_source_and_by_who_joined(project: Project, add: AddRecords) -> None:
    first, _, doubtful = add([ARTICLE, OTHER, DOUBTFUL])
    add([ABSTRACTED, OTHER], source="Embase")
    add([ABSTRACTED], source="Embase")
    dedup(project)
    merge(project, [first, doubtful])
    found = overlap(project)
    assert [(s.source, s.records, s.reports, s.unique) for s in found.sources] == [
        ("PubMed", 3, 2, 0),
        ("Embase", 3, 2, 0),
    ]
    assert found.shared == ((2, 2), (2, 2))
    assert found.combinations == ((("PubMed", "Embase"), 2),)
    assert (found.within, found.between, found.by_tool, found.by_person) == (2, 2, 3, 1)


def test_the_command_prints_counts_and_draws(folder: Path, project: Project, add: AddRecords, tmp_path: Path) -> None:
    empty = CliRunner().invoke(cli, ["-C", str(folder), "dedup", "overlap"])
    assert "no records yet" in empty.output
    add([ARTICLE, OTHER])
    add([ABSTRACTED], source="Embase")
    dedup(project)
    figure = tmp_path / "overlap.svg"
    result = CliRunner().invoke(cli, ["-C", str(folder), "dedup", "overlap", "--output", str(figure)])
    assert result.exit_code == 0
    assert "3 records, 1 duplicate removed, 2 reports" in result.output
    assert "by the tool 1, by a person 0" in result.output
    assert "Embase" in figure.read_text(encoding="utf-8")
    told = json.loads(CliRunner().invoke(cli, ["-C", str(folder), "dedup", "overlap", "--format", "json"]).output)
    assert told["combinations"] == [
        {"sources": ["PubMed"], "reports": 1},
        {"sources": ["PubMed", "Embase"], "reports": 1},
    ]
    rows = CliRunner().invoke(cli, ["-C", str(folder), "dedup", "overlap", "--format", "csv"]).output.splitlines()
    assert rows[1:] == ["PubMed,2,2,1,2,1", "Embase,1,1,0,1,1"]
    refused = CliRunner().invoke(cli, ["-C", str(folder), "dedup", "overlap", "--as-of", "yesterday"])
    assert isinstance(refused.exception, InputError)


def test_a_dry_run_forecasts_every_strictness(project: Project, add: AddRecords) -> None:
    add([ARTICLE, ABSTRACTED, DOUBTFUL, OTHER])
    told = {f.strictness: f for f in dedup(project, dry_run=True).forecast}
    assert list(told) == ["strict", "balanced", "sensitive"]
    joined = [f.joined for f in told.values()]
    assert joined == sorted(joined)
    for name, f in told.items():
        done = dedup(project, dry_run=True, strictness=name)
        assert (done.merged, done.asked) == (f.joined, f.asked)
        assert 0 <= f.wrong < 0.5
    assert dedup(project).forecast == ()


def test_the_strictness_of_the_settings_holds_unless_another_is_given(folder: Path, add: AddRecords) -> None:
    (folder / "review.toml").write_text(SETTINGS + '[dedup]\nstrictness = "strict"\n', encoding="utf-8")
    add([ARTICLE, ABSTRACTED])
    with Project.open(folder, reviewer="AB") as strict:
        dedup(strict)
        assert strict.store.events(kind="assign")[-1].payload["strictness"] == "strict"
        dedup(strict, recompare=True, strictness="sensitive")
        assert strict.store.events(kind="assign")[-1].payload["strictness"] == "strict"


def test_fields_of_a_preferred_source_come_first(folder: Path, add: AddRecords) -> None:
    add([{**ARTICLE, "year": 2004}])
    add([{**ABSTRACTED, "doi": "10.1000/E"}], source="Embase")
    (folder / "review.toml").write_text(SETTINGS + '[dedup]\nprefer = ["embase"]\n', encoding="utf-8")
    with Project.open(folder, reviewer="AB") as project:
        dedup(project)
        (best,) = best_records(project)
    assert best.authors == ("Gangji V.", "Hauzeur J.-P.")
    assert (best.journal, best.pages, best.doi, best.issue) == ("J Bone Joint Surg Am", "1153-60", "10.1000/E", "6")


def test_a_preferred_source_must_be_declared(folder: Path) -> None:
    (folder / "review.toml").write_text(SETTINGS + '[dedup]\nprefer = ["Medline"]\n', encoding="utf-8")
    with pytest.raises(InputError, match="prefers 'Medline'"), Project.open(folder) as project:
        dedup(project)


def test_a_preferred_file_comes_first_and_must_be_among_the_files(tmp_path: Path) -> None:
    record = "TY  - JOUR\nTI  - {title}\nAU  - {author}\nPY  - 2004\nJO  - Bone\nVL  - 8\nSP  - 11\nEP  - 19\nER  -\n"
    title = "Core decompression with bone marrow cells for osteonecrosis of the femoral head"
    full, brief = tmp_path / "full.ris", tmp_path / "brief.ris"
    full.write_text(record.format(title=title, author="Gangji, Valérie"), encoding="utf-8")
    brief.write_text(record.format(title=title, author="Gangji, V."), encoding="utf-8")
    assert dedup_files([full, brief]).best[0].authors == ("Gangji, Valérie",)
    assert dedup_files([full, brief], prefer=[str(brief)]).best[0].authors == ("Gangji, V.",)
    with pytest.raises(InputError, match="not among those"):
        dedup_files([full], prefer=[str(brief)])
