"""A small review into which tests put records, and labelled sets that none of us made."""

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
[[reviewers]]
name = "AB"
[[reviewers]]
name = "李华"
[[sources]]
name = "PubMed"
[[sources]]
name = "Embase"
[[sources]]
name = "CNKI"
"""

Fields = dict[str, object]
AddRecords = Callable[..., list[str]]

ARTICLE: Fields = {
    "title": "Core decompression with bone marrow cells for osteonecrosis of the femoral head",
    "authors": ["Gangji, Valérie", "Hauzeur, Jean-Philippe"],
    "journal": "The Journal of bone and joint surgery. American volume",
    "year": 2004,
    "volume": "86",
    "issue": "6",
    "pages": "1153-1160",
}
ABSTRACTED: Fields = {
    **ARTICLE,
    "authors": ["Gangji V.", "Hauzeur J.-P."],
    "journal": "J Bone Joint Surg Am",
    "pages": "1153-60",
}
DOUBTFUL: Fields = {
    **ARTICLE,
    "year": 2005,
    "volume": None,
    "issue": None,
    "pages": None,
}
OTHER: Fields = {
    "title": "Iloprost for bone marrow oedema of the knee",
    "authors": ["Mayerhoefer, Marius"],
    "journal": "Radiology",
    "year": 2005,
    "volume": "12",
    "pages": "1-9",
}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.delenv("EVIPOOL_REVIEWER", raising=False)
    root = tmp_path / "review"
    root.mkdir()
    (root / "review.toml").write_text(SETTINGS, encoding="utf-8")
    return root


@pytest.fixture
def project(folder: Path) -> Iterator[Project]:
    with Project.open(folder, reviewer="AB") as opened:
        yield opened


@pytest.fixture
def add(project: Project) -> AddRecords:
    """Stores a finished run of records given as field mappings; returns their ids."""
    return adder(project)


@pytest.fixture
def adding() -> Callable[[Project], AddRecords]:
    """As ``add``, for any project."""
    return adder


def adder(project: Project) -> AddRecords:
    def add_records(fields: Sequence[Fields], *, source: str = "PubMed") -> list[str]:
        run_id = content_id("run", source, len(project.store.batches()))
        ids = [content_id(run_id, n) for n in range(len(fields))]
        with project.writing("import") as batch:
            batch.add_run(
                run_id=run_id, kind="import", source=source, source_kind="database", file_name="a.ris",
                sha256=run_id, searched_on="2026-01-01", detail={},
            )  # fmt: skip
            batch.add_records(
                run_id,
                [
                    NewRecord(
                        id=i, ordinal=n, external_id=str(f.get("pmid") or ""), format="ris", raw=b"x",
                        fields={k: v for k, v in f.items() if v is not None},
                    )
                    for n, (i, f) in enumerate(zip(ids, fields, strict=True))
                ],
            )  # fmt: skip
            batch.append([NewEvent(kind="run", subject=run_id, value="complete")])
        return ids

    return add_records
