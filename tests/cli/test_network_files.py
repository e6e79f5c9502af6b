"""Files of evipool network: figures, league tables, the folder for CINeMA."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest

from tests.cli.network_samples import DIABETES, MIXED, call, write


def test_figures_are_written_where_asked(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    plot, forest = tmp_path / "network.svg", tmp_path / "forest.png"
    args = ["--measure", "OR", "--reference", "Diuretic", "--plot", str(plot), "--forest", str(forest)]
    assert call(str(DIABETES), *args) == 0
    assert "Beta blocker" in plot.read_text(encoding="utf-8") and forest.read_bytes()[:4] == b"\x89PNG"
    capsys.readouterr()


def test_every_figure_the_data_allow_is_drawn_and_risk_of_bias_colours_them(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = DIABETES.read_text(encoding="utf-8-sig").splitlines()
    names = sorted({line.split(",")[0] for line in lines[1:]})
    judged = dict(zip(names, ["low", "some concerns", "high", "low"] * 6, strict=False))
    rows = [f"{lines[0]},rob", *(f"{line},{judged[line.split(',')[0]]}" for line in lines[1:])]
    table = write(tmp_path / "t.csv", "\n".join(rows) + "\n")
    base = [
        table,
        "--measure",
        "OR",
        "--reference",
        "Diuretic",
        "--small-values",
        "good",
        "--rob",
        "rob",
        "--draws",
        "500",
    ]
    order = ["--order", "Placebo,Diuretic,Beta blocker,CCB,ACE inhibitor,ARB", "--also", "contributions"]
    assert call(*base, *order, "--figures", str(tmp_path / "figures"), "--format", "json") == 0
    found = {p.stem for p in (tmp_path / "figures").iterdir()}
    assert found == {
        "network", "forest", "league", "contributions", "contributions-rob", "network-rob", "heat", "split",
        "direct-indirect", "funnel", "ranks",
    }  # fmt: skip
    also = json.loads(capsys.readouterr().out)["also"]["contributions"]
    assert also["levels"] == ["high", "low", "some concerns"] and sum(also["by_level"][0]) == pytest.approx(1.0)
    star = write(tmp_path / "s.csv", "study,treatment,events,n\n1,a,3,30\n1,b,4,30\n2,a,5,30\n2,c,6,30\n")
    assert call(star, "--measure", "OR", "--figures", str(tmp_path / "star")) == 0
    assert "not drawn: heat" in capsys.readouterr().err and not (tmp_path / "star" / "split.svg").exists()


def test_files_for_cinema_hold_arms_shares_and_estimates(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    table, folder = write(tmp_path / "mixed.csv", MIXED), tmp_path / "cinema"
    base = [table, "--measure", "OR", "--reference", "usual", "--tau2", "DL", "--rob", "rob", "--cinema", str(folder)]
    assert call(*base, "--format", "json") == 0
    data = json.loads(capsys.readouterr().out)

    def read(name: str) -> list[dict[str, str]]:
        return list(csv.DictReader(io.StringIO((folder / name).read_text(encoding="utf-8-sig"))))

    arms = read("data.csv")
    assert len(arms) == 10 and list(arms[0]) == ["study", "id", "t", "r", "n", "rob", "indirectness"]
    assert {row["study"]: row["rob"] for row in arms} == {"A": "1", "B": "3", "C": "2", "D": "1", "E": "3"}
    assert all(sum(float(row[s]) for s in "ABCDE") == pytest.approx(100) for row in read("contributions.csv"))
    row = next(r for r in read("estimates.csv") if (r["t1"], r["t2"]) == ("nurse", "usual"))
    shown = next(e for e in data["effects"] if e["treatment"] == "nurse")["random"]
    assert float(row["network"]) == pytest.approx(shown["estimate"]) and row["studies"] == "2"
    assert call(*base, "--rob", "age") == 2
    assert "unknown risk of bias" in capsys.readouterr().err


def test_league_table_of_one_and_of_two_outcomes_is_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from openpyxl import load_workbook

    rows = ["study,treatment,events,n"]
    rows += [f"{s},{t},{e},60" for s in range(4) for t, e in (("usual", 20 + s), ("nurse", 12))]
    rows += [f"{s},{t},{e},60" for s in (5, 6) for t, e in (("usual", 18), ("video", 9 + s))]
    first = write(tmp_path / "first.csv", MIXED)
    second = write(tmp_path / "second.csv", "\n".join(rows) + "\n")
    base = [first, "--measure", "OR", "--reference", "usual", "--tau2", "DL", "--format", "json"]
    assert call(*base, "--league", str(tmp_path / "one.csv")) == 0
    league = json.loads(capsys.readouterr().out)["league"]["random"]
    text = (tmp_path / "one.csv").read_text(encoding="utf-8-sig").splitlines()
    assert text[0].startswith('"Each cell is the OR of the row treatment') or text[0].startswith("Each cell is the OR")
    i, j = league["treatments"].index("nurse"), league["treatments"].index("usual")
    assert f"{league['estimate'][i][j]:.2f} (" in "\n".join(text)
    out = tmp_path / "two.xlsx"
    assert call(*base, "--league", str(out), "--league-with", second, "--with-measure", "RR") == 0
    capsys.readouterr()
    cells = [[c.value for c in row] for row in load_workbook(out).active.iter_rows()]
    names = cells[0][1:]
    assert names == ["usual", "app", "nurse", "video"] and "above it RR of second.csv" in cells[0][0]
    table = {(row[0], name): value for row in cells[1:] for name, value in zip(names, row[1:], strict=True)}
    assert table["app", "usual"] is not None and table["usual", "app"] is None  # the second outcome has no app
    assert table["usual", "nurse"] is not None and table["video", "usual"] is None
    assert call(*base, "--league-with", second) == 2
    assert "--league" in capsys.readouterr().err
    assert call(*base, "--league", str(tmp_path / "x.pdf")) == 2
    assert ".xlsx" in capsys.readouterr().err
