"""The demo reviews, built once: what their reports say is what the report tests read."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from toolkit.cli.common import run
from toolkit.demo.run import build, run_steps


def build_demo(name: str, folder: Path) -> Path:
    """A bundled review with every step run."""
    run_steps(build(name, folder), folder, run, show=lambda number, step, command: None)
    return folder


@pytest.fixture(scope="session")
def onfh(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_demo("onfh", tmp_path_factory.mktemp("onfh") / "review")


@pytest.fixture(scope="session")
def diabetes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_demo("diabetes", tmp_path_factory.mktemp("diabetes") / "review")


def read_results(folder: Path) -> Any:
    """report/results.json."""
    return json.loads((folder / "report" / "results.json").read_text(encoding="utf-8"))


def read_page(folder: Path) -> str:
    """report/report.html."""
    return (folder / "report" / "report.html").read_text(encoding="utf-8")
