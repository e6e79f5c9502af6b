"""Starting a review."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from toolkit import config
from toolkit.cli.common import run
from toolkit.model.pairwise_options import OPTIONS
from toolkit.project import FOLDERS, Project
from toolkit.starter import template

TABLES = {
    "review": config.Review,
    "protocol": config.Protocol,
    "eligibility": config.Eligibility,
    "screening": config.Screening,
    "dedup": config.Dedup,
    "living": config.Living,
    "reviewers": config.Reviewer,
    "sources": config.Source,
    "outcomes": config.Outcome,
    "treatments": config.Treatment,
    "analyses": config.Analysis,
    "monitoring": config.Monitoring,
}


def uncommented(text: str) -> str:
    """The template with its examples switched on."""
    lines = []
    for line in text.splitlines():
        bare = re.sub(r"^(\s*)# (?=\[\[|\w+ = |\")", r"\1", line)
        lines.append(bare)
    return "\n".join(lines)


def test_init_makes_a_review_that_is_valid_as_it_stands(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "股骨头 坏死"
    assert run(["init", str(folder), "--title", 'Cells "and" 骨\\头']) == 0
    assert "evipool -C" in capsys.readouterr().out
    with Project.open(folder) as project:
        assert project.config.review.title == 'Cells "and" 骨\\头'
        assert project.store.batches() == []
    assert all((folder / name).is_dir() for name in FOLDERS)
    assert (folder / "evipool.db").is_file()


def test_the_title_is_the_folders_name_when_none_is_given(tmp_path: Path) -> None:
    assert run(["init", str(tmp_path / "髋关节")]) == 0
    with Project.open(tmp_path / "髋关节") as project:
        assert project.config.review.title == "髋关节"


def test_init_overwrites_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "review.toml").write_text("mine", encoding="utf-8")
    assert run(["init", str(tmp_path)]) == 2
    assert "exists" in capsys.readouterr().err
    assert (tmp_path / "review.toml").read_text(encoding="utf-8") == "mine"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["review.toml"]


def test_init_on_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x").write_text("", encoding="utf-8")
    assert run(["init", str(tmp_path / "x")]) == 2


@pytest.mark.parametrize("table", sorted(TABLES))
def test_the_template_shows_every_setting_of_every_table(table: str) -> None:
    data = tomllib.loads(uncommented(template("T")))
    shown = data[table] if isinstance(data[table], dict) else {key for item in data[table] for key in item}
    options = set(OPTIONS) if table == "analyses" else set()
    assert set(TABLES[table].model_fields) | options == set(shown)


def test_the_examples_of_the_template_are_valid_when_switched_on() -> None:
    data = tomllib.loads(uncommented(template("T")))
    data["analyses"][0].pop("of")
    review = config.ReviewFile.model_validate(data)
    assert review.eligibility.exclusion_reasons[0] == "wrong population"
    assert len(review.reviewers) == 2


def test_every_table_of_the_settings_is_in_the_template() -> None:
    assert set(TABLES) == set(config.ReviewFile.model_fields)
