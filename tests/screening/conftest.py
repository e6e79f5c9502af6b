"""A small review with three databases' worth of awkward records, two reviewers and an arbiter."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from toolkit.model.events import NewEvent
from toolkit.project import Project
from toolkit.store import NewRecord, content_id

SETTINGS = """
[review]
title = "股骨头坏死的细胞治疗"
[eligibility]
exclusion_reasons = ["wrong population", "wrong outcome", "重复发表"]
[[reviewers]]
name = "AB"
[[reviewers]]
name = "李华"
[[reviewers]]
name = "EF"
role = "arbiter"
[[sources]]
name = "PubMed"
[[sources]]
name = "CNKI"
[[sources]]
name = "Citations"
kind = "citation"
"""

AddRecords = Callable[..., list[str]]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    root = tmp_path / "review"
    root.mkdir()
    (root / "review.toml").write_text(SETTINGS, encoding="utf-8")
    return root


@pytest.fixture
def project(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Project]:
    monkeypatch.delenv("EVIPOOL_REVIEWER", raising=False)
    with Project.open(folder) as opened:
        yield opened


@pytest.fixture
def as_person(folder: Path) -> Iterator[Callable[[str], Project]]:
    opened: list[Project] = []

    def open_as(name: str) -> Project:
        opened.append(Project.open(folder, reviewer=name))
        return opened[-1]

    yield open_as
    for one in opened:
        one.close()


@pytest.fixture
def add(project: Project) -> AddRecords:
    """Stores a finished run of records given as field mappings; returns their ids."""

    def add_records(
        fields: Sequence[dict[str, object]], *, source: str = "PubMed", source_kind: str = "database"
    ) -> list[str]:
        run_id = content_id("run", source, len(project.store.batches()))
        ids = [content_id(run_id, n) for n in range(len(fields))]
        with project.writing("import") as batch:
            batch.add_run(
                run_id=run_id, kind="import", source=source, source_kind=source_kind, file_name="a.ris",
                sha256=run_id, searched_on="2026-01-01", detail={},
            )  # fmt: skip
            batch.add_records(
                run_id,
                [
                    NewRecord(id=i, ordinal=n, external_id="", format="ris", raw=b"x", fields=f)
                    for n, (i, f) in enumerate(zip(ids, fields, strict=True))
                ],
            )
            batch.append([NewEvent(kind="run", subject=run_id, value="complete")])
        return ids

    return add_records


@pytest.fixture
def four(add: AddRecords) -> list[str]:
    """Four reports: three of databases, the last found by citation searching alone."""
    ids = add(
        [
            {"title": "Core decompression with cells", "doi": "10.1000/a1", "pmid": "111", "year": 2004,
             "authors": ["Gangji, Valérie", "Hauzeur, Jean-Philippe"], "abstract": "Thirteen patients; 18 hips."},
            {"title": "Bone marrow, a cohort", "doi": "10.1000/b2", "pmid": "222"},
        ]
    )  # fmt: skip
    ids += add(
        [{"title": "=干细胞移植治疗股骨头坏死", "authors": ["王, 伟"], "journal": "中华骨科杂志"}], source="CNKI"
    )
    ids += add([{"title": "A thesis"}], source="Citations", source_kind="other")
    return ids
