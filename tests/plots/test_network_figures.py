from __future__ import annotations

import json
import math
import warnings
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from matplotlib.font_manager import findfont
from matplotlib.ft2font import FT2Font

from tests.plots import samples
from toolkit.engine.effects import arm_table, compute_effects
from toolkit.engine.network import league_table, network, rank_probabilities, split_evidence
from toolkit.plots.forest_network import draw_network_forest, draw_split, network_forest_scene, split_scene
from toolkit.plots.league import draw_league, league_scene
from toolkit.plots.network import draw_network, network_scene
from toolkit.plots.ranks import draw_ranks, ranks_scene
from toolkit.plots.scene import Disc, Scene, label_overlaps, outside
from toolkit.plots.style import BASE_FAMILY, figure_texts, save_figure

LONG = "Core decompression with cultured cells, protocol {}"
CHINESE = "髓芯减压 {} 联合自体骨髓干细胞移植"


def texts(scene: Scene, role: str | None = None) -> list[str]:
    return [label.text for label in scene.labels(role)]


def assert_legible(scene: Scene) -> None:
    assert label_overlaps(scene) == []
    assert outside(scene) == []


@pytest.mark.parametrize("count", [2, 3, 4, 6, 20, 60])
@pytest.mark.parametrize("name", ["Drug {}", LONG, CHINESE])
def test_names_in_a_network_touch_neither_each_other_nor_a_node_nor_the_edge(count: int, name: str) -> None:
    scene = network_scene(samples.treatments(count, name), title="Network", shade_multi_arm=True)
    assert_legible(scene)
    nodes = [node for node in scene.shapes("node") if isinstance(node, Disc)]
    assert len(nodes) == count
    for label in scene.labels("name"):
        for node in nodes:
            nearest_x = min(max(node.x, label.box.left), label.box.right)
            nearest_y = min(max(node.y, label.box.top), label.box.bottom)
            assert math.hypot(nearest_x - node.x, nearest_y - node.y) > node.r
    for i, node in enumerate(nodes):
        for other in nodes[:i]:
            assert math.hypot(node.x - other.x, node.y - other.y) > node.r + other.r


def test_every_treatment_of_sixty_is_named_and_led_to_its_circle() -> None:
    scene = network_scene(samples.treatments(60))
    assert sorted(texts(scene, "name")) == sorted(f"Treatment {i + 1}" for i in range(60))
    assert len(scene.shapes("leader")) == 58  # all but the two at the top and the bottom


def test_node_areas_follow_the_number_of_patients_and_lines_the_number_of_studies() -> None:
    result = samples.treatments(6)
    scene = network_scene(result)
    radii = [node.r for node in scene.shapes("node") if isinstance(node, Disc)]
    sizes = [float(n or 0) for n in result.n_per_treatment]
    for r, size in zip(radii, sizes, strict=True):
        assert (r / max(radii)) ** 2 == pytest.approx(size / max(sizes))
    assert len(scene.shapes("edge")) == len(result.comparisons)
    assert sorted(texts(scene, "count")) == sorted(str(len(c.studies)) for c in result.comparisons)


def test_unknown_patient_numbers_fall_back_to_studies_and_say_so() -> None:
    result = samples.treatments(4)
    unknown = replace(result, n_per_treatment=(None, *result.n_per_treatment[1:]))
    assert any("area by number of studies" in text for text in texts(network_scene(unknown), "footnote"))
    assert any("area by number of hips" in text for text in texts(network_scene(result, unit="hips"), "footnote"))


def test_multi_arm_studies_are_shaded_once_a_design() -> None:
    arms = arm_table(
        ["S", "S", "S", "T", "T", "T", "U", "U"], list("abcabcab"), events=[3, 4, 5, 6, 7, 8, 9, 8], n=[40] * 8
    )
    result = network(arms, measure="OR", reference="a")
    assert len(network_scene(result, shade_multi_arm=True).shapes("multi-arm")) == 1
    assert network_scene(result).shapes("multi-arm") == ()


@pytest.mark.parametrize("count", [2, 3, 20, 60])
@pytest.mark.parametrize("name", ["Drug {}", CHINESE])
def test_a_network_forest_has_a_row_for_every_treatment_but_the_reference(count: int, name: str) -> None:
    result = samples.treatments(count, name)
    scene = network_forest_scene(result, title="网状荟萃分析")
    assert_legible(scene)
    assert len(scene.shapes("square")) == count - 1
    assert result.reference not in texts(scene, "study-label")


def test_the_order_of_a_network_forest_is_by_effect_or_as_told() -> None:
    result = samples.treatments(6)
    middles = [(s.box.left + s.box.right) / 2 for s in network_forest_scene(result).shapes("square")]
    assert middles == sorted(middles)
    told = list(reversed(result.treatments))
    assert texts(network_forest_scene(result, order=told), "study-label") == told[:-1]


@pytest.mark.parametrize("count", [2, 3, 14, 15, 33, 60])
@pytest.mark.parametrize("name", ["D{}", LONG, CHINESE])
def test_a_league_table_of_any_size_is_legible(count: int, name: str) -> None:
    scene = league_scene(league_table(samples.treatments(count, name)), title="League table")
    assert_legible(scene)
    assert len(scene.shapes("cell")) == count**2
    assert any("row treatment against the column treatment" in text for text in texts(scene, "footnote"))


def test_cells_of_a_league_table_are_the_row_against_the_column() -> None:
    table = league_table(samples.treatments(3))
    scene = league_scene(table)
    values = iter(texts(scene, "value"))
    for i in range(3):
        for j in range(3):
            if i != j:
                assert next(values) == f"{math.exp(table.estimate[i, j]):.2f}"


@pytest.mark.parametrize("count", [2, 3, 6, 20, 60])
@pytest.mark.parametrize("name", ["Drug {}", LONG, CHINESE])
def test_rankograms_show_all_treatments_and_carry_the_caution(count: int, name: str) -> None:
    ranks = rank_probabilities(samples.treatments(count, name), np.random.default_rng(1), draws=500)
    scene = ranks_scene(replace(ranks, caution="Do not lead with this ranking: the network is thin."), title="Ranks")
    assert_legible(scene)
    assert len(scene.shapes("bar")) == count**2
    assert len(scene.shapes("cumulative")) == count
    assert "Do not lead with this ranking" in " ".join(texts(scene, "caution"))


def test_cumulative_curves_end_at_one() -> None:
    ranks = rank_probabilities(samples.treatments(6), np.random.default_rng(1), draws=500)
    scene = ranks_scene(ranks)
    tops = {label.y for label in scene.labels("tick") if label.text == "100%"}
    for curve in scene.shapes("cumulative"):
        assert min(abs(curve.box.top - y) for y in tops) < 1e-6


def test_direct_indirect_and_network_stand_below_each_comparison() -> None:
    arms = samples.network_arms(5, 25)
    result = network(arms, measure="OR", reference="Treatment 1")
    splits = split_evidence(compute_effects(arms, measure="OR"), result)
    scene = split_scene(splits, measure="OR", scale="log", title="Direct and indirect")
    assert_legible(scene)
    assert len(texts(scene, "heading-label")) == len(splits)
    assert len(scene.shapes("pooled-diamond")) == len(splits)
    known = [s for split in splits for s in (split.direct, split.indirect) if s is not None]
    assert len(scene.shapes("square")) == len(known)


def test_a_comparison_without_indirect_evidence_says_so() -> None:
    arms = arm_table(["S", "S", "T", "T"], ["a", "b", "a", "c"], events=[3, 5, 6, 8], n=[40] * 4)
    effects = compute_effects(arms, measure="OR")
    result = network(effects, measure="OR", reference="a")
    scene = split_scene(split_evidence(effects, result, "common"), measure="OR", scale="log")
    assert_legible(scene)
    assert sum("none" in text for text in texts(scene, "excluded")) == 2


@pytest.mark.shared
def test_the_figure_of_elliott_2007_shows_the_published_odds_ratios(shared: Path) -> None:
    found = json.loads((shared / "golden" / "bayes" / "diabetes_tsd2.json").read_text(encoding="utf-8"))
    rows = found["data"]
    arms = arm_table(
        [r["study"] for r in rows],
        [r["treatment"] for r in rows],
        events=[r["r"] for r in rows],
        n=[r["n"] for r in rows],
    )
    scene = network_forest_scene(network(arms, measure="OR", reference="Diuretic", tau2="DL"))
    shown = dict(
        zip(texts(scene, "study-label"), [t for t in texts(scene, "cell") if " to " in t and t[0] != "("], strict=True)
    )
    # Elliott and Meyer 2007, erratum: doi 10.1016/S0140-6736(07)60108-1
    published = {"ARB": 0.62, "ACE inhibitor": 0.67, "Placebo": 0.75, "CCB": 0.79, "blocker": 0.93}
    for treatment, ratio in published.items():
        assert float(shown[treatment].split()[0]) == pytest.approx(ratio, abs=0.0101)


def test_network_drawings_are_made_without_warnings_and_with_glyphs_for_all_they_say(tmp_path: Path) -> None:
    bundled = {chr(code) for code in FT2Font(findfont(BASE_FAMILY)).get_charmap()}
    arms = samples.network_arms(5, 25)
    result = network(arms, measure="OR", reference="Treatment 1", small_values="good")
    splits = split_evidence(compute_effects(arms, measure="OR"), result)
    figures = (
        draw_network(result, title="Network", shade_multi_arm=True),
        draw_network_forest(result, title="Against the reference"),
        draw_league(league_table(result), title="League table"),
        draw_ranks(rank_probabilities(result, np.random.default_rng(1), draws=500), title="Ranks"),
        draw_split(splits, measure="OR", scale="log", title="Direct and indirect"),
    )
    for i, fig in enumerate(figures):
        assert {c for text in figure_texts(fig) for c in text if not c.isspace()} <= bundled
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            for suffix in ("svg", "png", "pdf"):
                assert save_figure(fig, tmp_path / f"{i}.{suffix}", dpi=50) == ()
