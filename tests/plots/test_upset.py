"""The UpSet plot: rows, columns, counts, and nothing over anything else."""

from __future__ import annotations

from itertools import combinations
from pathlib import Path

from toolkit.plots.scene import label_overlaps, outside
from toolkit.plots.style import save_figure
from toolkit.plots.upset import MOST_COLUMNS, draw_upset, upset_scene

NAMES = (
    "PubMed",
    "Embase",
    "Cochrane CENTRAL",
    "中国知网",
    "ClinicalTrials.gov",
    "A source with a very long name indeed, really",
)
SETS = [(name, 30 - 4 * k) for k, name in enumerate(NAMES)]
COMBINATIONS = [
    (some, 12_345 - 150 * k) for k, some in enumerate(c for size in range(1, 7) for c in combinations(NAMES, size))
]  # fmt: skip


def test_rows_are_sets_by_size_and_columns_combinations_by_count() -> None:
    scene = upset_scene([("A", 2), ("B", 5)], [(("A",), 1), (("B",), 4), (("A", "B"), 1)], title="Sources")
    assert [label.text for label in scene.labels("name")] == ["B", "A"]
    assert [label.text for label in scene.labels("count")] == ["4", "1", "1"]
    assert [label.text for label in scene.labels("total")] == ["5", "2"]
    assert len(scene.shapes("member")) == 4
    assert len(scene.shapes("empty")) == 2
    assert len(scene.shapes("join")) == 1


def test_bars_are_as_long_as_their_counts() -> None:
    scene = upset_scene([("A", 2), ("B", 5)], [(("B",), 4), (("A", "B"), 1)])
    first, second = (shape.box for shape in scene.shapes("bar"))
    assert abs((first.bottom - first.top) / (second.bottom - second.top) - 4) < 1e-9


def test_many_combinations_stay_on_the_page_and_the_rest_is_summed_up() -> None:
    scene = upset_scene(SETS, COMBINATIONS, title="A review", footnotes=("Counted in reports.",))
    assert label_overlaps(scene) == []
    assert outside(scene) == []
    assert len(scene.labels("count")) == MOST_COLUMNS
    hidden = sorted((n for _, n in COMBINATIONS), reverse=True)[MOST_COLUMNS:]
    notes = [label.text for label in scene.labels("footnote")]
    assert notes[0] == f"{len(hidden)} further combinations, together {sum(hidden):,}, not drawn."


def test_one_source_alone_and_none_at_all() -> None:
    assert outside(upset_scene([("PubMed", 3)], [(("PubMed",), 3)])) == []
    assert outside(upset_scene([], [])) == []


def test_the_figure_is_written(tmp_path: Path) -> None:
    save_figure(draw_upset(SETS, COMBINATIONS), tmp_path / "upset.svg")
    assert "PubMed" in (tmp_path / "upset.svg").read_text(encoding="utf-8")
