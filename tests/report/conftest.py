"""Reading what a report says."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any


def read_results(folder: Path) -> Any:
    """report/results.json."""
    return json.loads((folder / "report" / "results.json").read_text(encoding="utf-8"))


def read_page(folder: Path) -> str:
    """report/report.html."""
    return (folder / "report" / "report.html").read_text(encoding="utf-8")
