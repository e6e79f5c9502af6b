"""RevMan's columns there and back: a second review made of what the first exported gives the same numbers."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pytest

from tests.analysis.builders import SETTINGS, evipool, make_review
from toolkit.cli.common import run


def main_result(folder: Path) -> dict[str, Any]:
    assert evipool(folder, "analyse") == 0
    (path,) = (folder / "results" / "main").glob("*/result.json")
    return dict(json.loads(path.read_text(encoding="utf-8"))["result"])


def test_a_review_made_of_an_export_has_the_same_estimates(tmp_path: Path) -> None:
    first = make_review(tmp_path / "a" / "review")
    wanted = main_result(first)
    assert evipool(first, "export", "revman", "main", str(tmp_path / "out")) == 0
    assert run(["revman", str(tmp_path / "out" / "main.csv"), str(tmp_path / "back")]) == 0
    with (tmp_path / "back" / "1.1.csv").open(encoding="utf-8-sig", newline="") as handle:
        rows = list(csv.DictReader(handle))
    trials: dict[str, list[tuple[str, int, int]]] = {}
    for row in rows:
        trials.setdefault(row["study"], []).append((row["treatment"], int(row["n"]), int(row["events"])))
    settings = SETTINGS.replace('"细胞"', '"experimental"').replace('"减压"', '"control"')
    second = make_review(tmp_path / "b" / "review", settings=settings, trials=trials)
    found = main_result(second)
    for name in ("random", "common", "mantel_haenszel", "tau2", "prediction"):
        assert json.dumps(found[name], sort_keys=True) == json.dumps(wanted[name], sort_keys=True), name


def test_a_table_that_is_there_is_not_written_over(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    header = (
        "Analysis group,Analysis number,Analysis name,Study,Experimental cases,Experimental N,Control cases,Control N\n"
    )
    one, two = tmp_path / "one.csv", tmp_path / "two.csv"
    one.write_text(f"{header}1,1,deaths,S,1,10,2,10\n1,1,falls,S,3,10,4,10\n", encoding="utf-8")
    two.write_text(f"{header}1,1,pain,S,5,10,6,10\n", encoding="utf-8")
    assert run(["revman", str(one), str(tmp_path / "out")]) == 0
    assert "experimental / control" in capsys.readouterr().out
    texts = [(tmp_path / "out" / name).read_text(encoding="utf-8-sig") for name in ("1.1.csv", "1.1 (2).csv")]
    assert [text.splitlines()[1].split(",")[3] for text in texts] == ["1", "3"]
    assert run(["revman", str(two), str(tmp_path / "out")]) == 2
    assert "there is such a file already" in capsys.readouterr().err
    assert (tmp_path / "out" / "1.1.csv").read_text(encoding="utf-8-sig") == texts[0]
