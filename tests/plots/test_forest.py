from __future__ import annotations

import itertools
import math
import warnings
from dataclasses import replace
from pathlib import Path

import matplotlib as mpl
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.font_manager import findfont
from matplotlib.ft2font import FT2Font

from tests.plots import samples
from toolkit.engine.data import Excluded
from toolkit.engine.effects import arm_table, effects_from_estimates
from toolkit.engine.pairwise import pairwise
from toolkit.engine.results import PairwiseResult
from toolkit.plots.forest import UpdateRow, draw_forest, draw_update_forest, forest_scene, update_scene
from toolkit.plots.forest_layout import SQUARE_MAX
from toolkit.plots.funnel import draw_funnel, funnel_scene
from toolkit.plots.scene import Label, Scene, label_overlaps, outside
from toolkit.plots.scene import Path as Line
from toolkit.plots.style import BASE_FAMILY, _neutral_rc, figure_texts, save_figure


def texts(scene: Scene, role: str | None = None) -> list[str]:
    return [label.text for label in scene.labels(role)]


def double_zero() -> PairwiseResult:
    rows = (("A", 0, 10, 0, 11), ("B", 0, 20, 0, 21))
    return pairwise(samples.arms(rows), measure="OR", reference="CD")


def assert_legible(scene: Scene) -> None:
    assert label_overlaps(scene) == []
    assert outside(scene) == []


@pytest.mark.parametrize("k", [1, 2, 8, 40, 120])
def test_a_forest_of_any_size_is_legible_and_as_high_as_its_rows(k: int) -> None:
    scene = forest_scene(samples.trials(k), title="Conversion to total hip arthroplasty")
    assert_legible(scene)
    labels = scene.labels("study-label")
    assert [label.text for label in labels] == [f"Author {i + 1} 20{i % 25:02d}" for i in range(k)]
    assert len(scene.shapes("square")) == k
    steps = {round(b.y - a.y, 6) for a, b in itertools.pairwise(labels)}
    assert len(steps) <= 1
    assert 100 < scene.height - sum(steps) * (k - 1) < 280


@pytest.mark.parametrize(
    "name",
    ["赵德伟、王本杰 {} 髓芯减压联合自体骨髓间充质干细胞移植治疗股骨头坏死 20{:02d}", "A very long " * 9 + "{} {}"],
)
def test_long_and_chinese_names_are_legible(name: str) -> None:
    assert_legible(forest_scene(samples.trials(6, name), title="全髋关节置换术转换率 " * 6))


def test_every_number_of_the_forest_is_that_of_the_result() -> None:
    result = samples.tha()
    shown = " ".join(texts(forest_scene(result)))
    assert result.random is not None and result.tau2 is not None and result.heterogeneity is not None
    # Published for these eight studies (metafor, REML with Hartung-Knapp): 0.441, 0.186 to 1.045; Q 31.42 on 7 df.
    assert round(math.exp(result.random.estimate), 2) == 0.44
    assert "0.44" in shown and "Q\u00a0=\u00a031.42 (7\u00a0df)" in shown and "77.7\u00a0% (from Q)" in shown
    assert f"τ²\u00a0=\u00a0{result.tau2.value:.2f} (REML)" in shown
    assert "0.30 (0.21 to 0.42)" in shown
    assert "30/125" in shown and "95/125" in shown and "92/330" in shown and "188/334" in shown
    assert "Hartung-Knapp" in shown


def test_the_area_of_a_square_is_its_weight() -> None:
    result = samples.tha()
    sides = [s.box.right - s.box.left for s in forest_scene(result).shapes("square")]
    shares = [row.weight_random or 0.0 for row in result.studies]
    for side, share in zip(sides, shares, strict=True):
        assert side == pytest.approx(SQUARE_MAX * math.sqrt(share / max(shares)))


def test_squares_and_diamonds_stand_where_the_axis_puts_them() -> None:
    result = samples.tha()
    scene = forest_scene(result)
    ticks = {label.text: label.x for label in scene.labels("tick-label")}
    per_unit = (ticks["1"] - ticks["0.1"]) / math.log(10)
    for square, row in zip(scene.shapes("square"), result.studies, strict=True):
        assert (square.box.left + square.box.right) / 2 == pytest.approx(ticks["1"] + per_unit * (row.y or 0.0))
    (diamond,) = scene.shapes("pooled-diamond")
    assert result.random is not None
    assert diamond.box.left == pytest.approx(ticks["1"] + per_unit * result.random.ci_low)
    assert diamond.box.right == pytest.approx(ticks["1"] + per_unit * result.random.ci_high)


def test_the_diamonds_and_the_prediction_interval_are_marked_once() -> None:
    scene = forest_scene(samples.tha())
    assert [len(scene.shapes(r)) for r in ("pooled-diamond", "light-diamond", "prediction", "guide")] == [1, 1, 1, 1]
    assert len(forest_scene(samples.tha(), show_common=False).shapes("light-diamond")) == 0


def test_an_interval_beyond_the_axis_ends_in_an_arrow() -> None:
    rows = (("Tiny", 0, 5, 4, 5), *[(f"S{i}", 30 + i, 200, 40, 200) for i in range(6)])
    scene = forest_scene(pairwise(samples.arms(rows), measure="OR", reference="CD"))
    assert len(scene.shapes("arrow")) >= 1
    assert_legible(scene)


def test_an_excluded_study_keeps_its_row_and_says_why() -> None:
    rows = (("Silent", 0, 12, 0, 13), *samples.THA)
    result = pairwise(samples.arms(rows), measure="OR", reference="CD")
    result = replace(result, excluded=(*result.excluded, Excluded(study="Ma 2014", reason="same cohort as Li 2020")))
    scene = forest_scene(result)
    assert_legible(scene)
    assert {"Silent", "Ma 2014"} <= set(texts(scene, "excluded-label"))
    said = " ".join(texts(scene, "excluded"))
    assert "not in the analysis: no events in any arm" in said
    assert "not in the analysis: same cohort as Li 2020" in said
    assert "0/12" in texts(scene)
    assert len(scene.shapes("square")) == 8


def test_no_line_runs_through_the_reason_of_an_exclusion() -> None:
    scene = forest_scene(double_zero())
    assert_legible(scene)
    for label in scene.labels("excluded"):
        for line in scene.shapes("null-line"):
            assert not label.box.overlaps(line.box, -0.01)


def test_nothing_to_pool_is_said() -> None:
    assert "No study gives an estimate: nothing to pool." in texts(forest_scene(double_zero()))
    one = forest_scene(samples.trials(1))
    assert "One study: nothing to pool." in texts(one)
    assert one.shapes("pooled-diamond") == ()


def test_subgroups_have_their_own_diamonds_and_the_whole_is_labelled() -> None:
    result = samples.tha()
    parts = [("随机对照", pairwise(samples.arms(samples.THA[:3]), measure="OR", reference="CD"))]
    parts.append(("Not randomised", pairwise(samples.arms(samples.THA[3:]), measure="OR", reference="CD")))
    scene = forest_scene(result, subgroups=parts, overall_label="All designs (sensitivity analysis)")
    assert_legible(scene)
    assert texts(scene, "heading-label") == ["随机对照", "Not randomised", "All designs (sensitivity analysis)"]
    assert len(scene.shapes("square")) == 8
    assert len(scene.shapes("pooled-diamond")) == 3
    alone = forest_scene(result, subgroups=parts, show_overall=False)
    assert len(alone.shapes("pooled-diamond")) == 2


def test_without_a_stated_direction_no_side_is_called_better() -> None:
    assert texts(forest_scene(samples.tha()), "favours") == ["Lower with CD + cells", "Higher with CD + cells"]
    told = forest_scene(samples.tha(), favours=("Favours cells", "Favours CD"))
    left, right = told.labels("favours")
    assert (left.text, right.text) == ("Favours cells", "Favours CD")
    (null, *_) = told.shapes("null-line")
    assert left.box.right < null.box.left < right.box.left


def test_means_are_shown_with_sd_and_n() -> None:
    arms = arm_table(
        ["A", "A", "B", "B", "C", "C"],
        ["cells", "control"] * 3,
        n=[30, 31, 20, 22, 15, 15],
        mean=[80.2, 75.0, 82.0, 80.0, 70.0, math.nan],
        sd=[12.0, 11.5, 9.0, 10.0, 8.0, 9.0],
    )
    scene = forest_scene(pairwise(arms, measure="MD", reference="control"), title="Harris hip score")
    assert_legible(scene)
    assert "80.2 (12.0)" in texts(scene)
    assert "C" in texts(scene, "excluded-label")
    assert "MD (95% CI)" in texts(scene)


def test_effects_without_arms_need_no_arm_columns() -> None:
    effects = effects_from_estimates(["A", "B", "C"], [0.1, 0.3, 0.5], v=[0.01, 0.02, 0.04])
    scene = forest_scene(pairwise(effects))
    assert_legible(scene)
    assert "Effect (95% CI)" in texts(scene)


@pytest.mark.parametrize("factor", [1e-6, 1e6])
def test_tiny_and_huge_effects_have_an_axis(factor: float) -> None:
    y = [0.1 * factor, 0.3 * factor, 0.5 * factor]
    result = pairwise(effects_from_estimates(["A", "B", "C"], y, v=[0.01 * factor**2] * 3))
    scene = forest_scene(result)
    assert_legible(scene)
    assert len(scene.labels("tick-label")) >= 2


def test_a_proportion_has_no_line_of_no_effect_and_is_shown_as_a_proportion() -> None:
    arms = arm_table(["A", "B", "C"], ["cells"] * 3, events=[30, 12, 40], n=[125, 50, 100])
    result = pairwise(arms, measure="PLO")
    scene = forest_scene(result)
    assert_legible(scene)
    assert scene.shapes("null-line") == () and texts(scene, "favours") == []
    assert "30/125" in texts(scene)
    assert not any("t = " in text for text in texts(scene, "note"))  # 50 % is nobody's null hypothesis
    assert any(text.startswith("0.240 (") for text in texts(scene))


def test_the_latest_update_is_the_strong_one() -> None:
    rows = [
        UpdateRow(label="2023-11-24", estimate=-0.8, ci_low=-1.7, ci_high=0.05, k=8, n=664),
        UpdateRow(label="2024-05-01", estimate=None, ci_low=None, ci_high=None, k=8),
        UpdateRow(label="2024-11-24", estimate=-0.7, ci_low=-1.5, ci_high=-0.02, k=9, n=720),
    ]
    scene = update_scene(rows, measure="OR", title="Before and after", favours=("Favours cells", "Favours CD"))
    assert_legible(scene)
    assert texts(scene, "pooled-label") == ["2024-11-24"]
    assert texts(scene, "light-label") == ["2023-11-24"]
    assert "no estimate" in texts(scene)
    assert "0.50 (0.22 to 0.98)" in texts(scene)


@pytest.mark.parametrize("k", [1, 8, 40, 120])
@pytest.mark.parametrize("contours", [False, True])
def test_a_funnel_shows_every_study_inside_its_frame(k: int, contours: bool) -> None:
    scene = funnel_scene(samples.trials(k), title="Funnel", contours=contours)
    assert_legible(scene)
    assert len(scene.shapes("study")) == k


def test_a_funnel_of_few_studies_says_that_asymmetry_cannot_be_judged() -> None:
    assert any("cannot be judged" in text for text in texts(funnel_scene(samples.trials(9)), "footnote"))
    assert not any("cannot be judged" in text for text in texts(funnel_scene(samples.trials(10)), "footnote"))
    assert texts(funnel_scene(double_zero()), "message") == ["No study gives an estimate: nothing to draw."]


def test_the_funnel_region_is_the_95_percent_region_of_its_centre() -> None:
    result = samples.trials(20)
    scene = funnel_scene(result, model="common")
    (region,) = [shape for shape in scene.shapes("region") if isinstance(shape, Line)]
    ticks = {label.text: label.x for label in scene.labels("tick") if label.align == "center"}
    per_unit = (
        (ticks["1"] - ticks["0.5"]) / math.log(2) if "0.5" in ticks else (ticks["1"] - ticks["0.3"]) / math.log(1 / 0.3)
    )
    deepest = 1.06 * max(row.se or 0.0 for row in result.studies)
    (_, apex_y), (right, base_y), (left, _) = region.points
    assert (right - left) / per_unit == pytest.approx(2 * 1.959964 * deepest, rel=1e-4)
    assert base_y > apex_y


def test_drawings_are_made_without_warnings_and_with_glyphs_for_all_they_say(tmp_path: Path) -> None:
    bundled = set(FT2Font(findfont(BASE_FAMILY)).get_charmap())
    rows = [UpdateRow(label="2024-11-24", estimate=-0.7, ci_low=-1.5, ci_high=-0.02, k=9)]
    figures = (
        draw_forest(samples.tha(), title="Conversion"),
        draw_funnel(samples.trials(12), contours=True),
        draw_update_forest(rows, measure="OR"),
    )
    for i, fig in enumerate(figures):
        said = figure_texts(fig)
        assert said
        assert {c for text in said for c in text if not c.isspace()} <= {chr(code) for code in bundled}
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            for suffix in ("svg", "png", "pdf"):
                assert save_figure(fig, tmp_path / f"{i}.{suffix}", dpi=60) == ()


def test_a_label_box_holds_the_ink_that_is_drawn() -> None:
    scene = forest_scene(samples.tha())
    fig = draw_forest(samples.tha())
    renderer = FigureCanvasAgg(fig).get_renderer()
    points = 72 / fig.dpi
    boxes = {(label.text, round(label.x, 3)): label.box for label in scene.labels() if isinstance(label, Label)}
    for text in fig.axes[0].texts:
        with mpl.rc_context(_neutral_rc()):  # as `save_figure` draws
            extent = text.get_window_extent(renderer)
        box = boxes[text.get_text(), round(text.get_position()[0], 3)]
        assert extent.x0 * points >= box.left - 2
        assert extent.x1 * points <= box.right + 2
        assert extent.x1 * points <= scene.width
