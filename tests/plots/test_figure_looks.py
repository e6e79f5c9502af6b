"""What was once ugly in figures of pairwise analyses: dots past the rule, notes in a sliver, texts torn, bare axes."""

from __future__ import annotations

import itertools
import math
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from tests.plots.samples import trials
from toolkit.analysis.pairwise.figures import draw
from toolkit.analysis.pairwise.table import analyse_table
from toolkit.engine.bias import trim_and_fill
from toolkit.engine.pairwise import pairwise
from toolkit.engine.results import PairwiseResult
from toolkit.engine.sensitivity import cumulative, leave_one_out
from toolkit.model.errors import NotEstimable
from toolkit.model.pairwise_options import FIGURES
from toolkit.plots.forest import axis_title, forest_scene, subgroup_sentence
from toolkit.plots.forest_extras import STYLES
from toolkit.plots.forest_refits import refits_scene
from toolkit.plots.funnel import funnel_scene
from toolkit.plots.heterogeneity import labbe_scene
from toolkit.plots.numbers import log_ticks
from toolkit.plots.scene import Disc, Label, Path, Scene, label_overlaps, outside

LONG = "A multicentre randomised trial of autologous bone marrow cells in osteonecrosis Investigators {} 20{:02d}"
CHINESE = "北京协和医院骨科多中心随机对照试验协作组二期研究{} 20{:02d}"


def effects(names: str, y: list[float], se: list[float]) -> PairwiseResult:
    return pairwise(pd.DataFrame({"study": list(names), "yi": y, "sei": se}), measure="OR")


def texts(scene: Scene, role: str) -> list[str]:
    return [label.text for label in scene.items if isinstance(label, Label) and label.role == role]


@pytest.mark.parametrize("style", list(STYLES))
def test_dots_of_judgements_end_where_the_rule_of_the_table_ends(style: str) -> None:
    result = trials(6)
    domains = {f"domain {i}": {row.study: "high" for row in result.studies} for i in range(7)}
    scene = forest_scene(result, style=style, risk_of_bias=domains)
    dots = [dot for dot in scene.shapes("dot") if isinstance(dot, Disc)]
    rule = next(path for path in scene.shapes("rule") if isinstance(path, Path) and path.width == 0.9)
    assert len(dots) == 42
    assert max(dot.x + dot.r for dot in dots) <= rule.points[1][0] + 0.01
    columns = sorted({dot.x for dot in dots})
    assert min(b - a for a, b in itertools.pairwise(columns)) > 2 * dots[0].r


@pytest.mark.parametrize("style", list(STYLES))
def test_columns_of_ones_own_stand_between_the_study_and_its_numbers(style: str) -> None:
    result = trials(4)
    scene = forest_scene(result, style=style, columns={"Design": {row.study: "RCT" for row in result.studies}})
    own = [label.box.left for label in scene.labels("cell") if label.text == "RCT"]
    others = [label.box.left for label in scene.labels("cell") if label.text != "RCT"]
    assert len(own) == 4 and max(own) < min(others)


def test_subgroups_come_with_the_test_between_them_and_say_whose_the_weights_are() -> None:
    frame = pd.DataFrame(
        {"study": list("ABCD"), "yi": [0.1, 0.2, 0.9, 1.1], "vi": [0.02, 0.03, 0.02, 0.03], "region": list("xxyy")}
    )
    found = analyse_table(frame, subgroup="region").subgroups
    assert found is not None
    sentence = subgroup_sentence(found)
    assert f"Q = {found.q_between:.2f}" in sentence and "a τ² for each" in sentence
    parts = [(group.label, group.result) for group in found.groups]
    scene = forest_scene(analyse_table(frame).result, subgroups=parts, between=sentence)
    notes = " ".join(texts(scene, "note"))
    assert sentence.replace("\u00a0", " ") in notes.replace("\u00a0", " ")
    assert "of each subgroup" in " ".join(texts(scene, "footnote"))


def test_notes_take_the_whole_width_where_the_names_leave_a_sliver_and_the_line_of_no_effect_makes_way() -> None:
    scene = forest_scene(effects("ABCD", [0.1, 0.2, -0.1, 0.3], [0.1, 0.2, 0.2, 0.1]))
    notes = [label for label in scene.items if isinstance(label, Label) and label.role == "note"]
    assert len(notes) <= 3
    for path in scene.shapes("null-line"):
        assert isinstance(path, Path)
        (x, top), (_, bottom) = path.points
        assert not any(
            note.box.left < x < note.box.right and note.box.bottom > top and note.box.top < bottom for note in notes
        )


def test_what_lies_right_of_no_effect_is_on_one_line_where_the_plot_ends_there() -> None:
    result = replace(effects("ABC", [-2.0, -1.8, -1.9], [0.1, 0.2, 0.15]), treatment="treatment")
    scene = forest_scene(result, style="revman")
    assert texts(scene, "favours")[1:] == ["Higher with treatment"]
    assert outside(scene) == []


@pytest.mark.parametrize(("low", "high"), [(0.4, 0.87), (0.6, 1.5), (0.9, 2.2), (0.97, 1.04)])
def test_a_narrow_axis_of_ratios_has_three_ticks_at_least(low: float, high: float) -> None:
    ticks = [math.exp(t) for t in log_ticks(math.log(low), math.log(high), 5)]
    assert 3 <= len(ticks) <= 6
    assert all(low - 1e-9 <= t <= high + 1e-9 for t in ticks)
    assert any(math.isclose(t, 1.0) for t in ticks) or not low < 1 < high


def test_scales_are_named_as_people_write_them() -> None:
    assert axis_title("ZCOR", "fisher_z") == "Correlation (Fisher's z scale)"


def test_both_axes_of_a_labbe_plot_have_the_same_ticks_and_length() -> None:
    scene = labbe_scene(trials(12))
    ticks = texts(scene, "tick")
    assert sorted(set(ticks)) == sorted({t for t in ticks if ticks.count(t) == 2})
    axes = [path for path in scene.shapes("axis") if isinstance(path, Path)]
    lengths = [math.dist(*path.points) for path in axes]
    assert max(lengths) / min(lengths) < 1.03


# ---- refits -------------------------------------------------------------------------------------------------------


def test_the_forest_of_a_leave_one_out_has_every_fit_and_ends_with_that_of_all_studies() -> None:
    result = trials(8)
    fits = leave_one_out(result)
    scene = refits_scene(result, fits, "leave-one-out")
    assert texts(scene, "study-label") == [fit.study for fit in fits]
    assert texts(scene, "pooled-label") == ["All studies"]
    cells = [label.text for label in scene.labels("cell")]
    for fit in fits:
        assert fit.random is not None
        assert any(cell.startswith(f"{math.exp(fit.random.estimate):.2f} (") for cell in cells)
    assert cells.count("7") == 8 and cells.count("8") == 1
    assert {"p", "τ²", "I²"} <= set(texts(scene, "header"))


def test_the_forest_of_a_cumulative_analysis_ends_with_the_fit_of_all_and_starts_with_one_study() -> None:
    result = trials(6)
    fits = cumulative(result, [6, 5, 4, 3, 2, 1])
    scene = refits_scene(result, fits, "cumulative")
    names = [row.study for row in result.studies][::-1]
    assert texts(scene, "study-label") == names[:-1] and texts(scene, "pooled-label") == names[-1:]
    assert [label.text for label in scene.labels("cell")].count("–") == 2  # one study has neither tau2 nor I2
    assert result.random is not None
    assert any(label.text.startswith(f"{math.exp(result.random.estimate):.2f} (") for label in scene.labels("cell"))


@pytest.mark.parametrize("name", [LONG, CHINESE, "A{} 20{:02d}"])
@pytest.mark.parametrize("k", [2, 120])
def test_refits_fit_their_page_with_two_and_with_many_studies_of_any_name(k: int, name: str) -> None:
    result = trials(k, name)
    for kind, fits in (("leave-one-out", leave_one_out(result)), ("cumulative", cumulative(result))):
        scene = refits_scene(result, fits, kind, title="A title")
        assert label_overlaps(scene) == [] and outside(scene) == [], kind


# ---- funnel with imputed studies ----------------------------------------------------------------------------------


def test_a_funnel_shows_as_many_open_circles_as_trim_and_fill_imputes_where_they_lie() -> None:
    se = np.linspace(0.08, 0.6, 14)
    y = [-0.2 - 0.9 * s + 0.1 * ((i * 7) % 3 - 1) for i, s in enumerate(se)]
    result = effects("ABCDEFGHIJKLMN", y, se.tolist())
    filled = trim_and_fill(result)
    assert filled.k0 > 0
    for contours in (False, True):
        scene = funnel_scene(result, filled=filled, contours=contours)
        circles = [disc for disc in scene.shapes("imputed") if isinstance(disc, Disc)]
        studies = [disc for disc in scene.shapes("study") if isinstance(disc, Disc)]
        assert (len(circles), len(studies)) == (filled.k0, 14)
        (line,) = (path for path in scene.shapes("centre") if isinstance(path, Path))
        assert all((disc.x > line.points[0][0]) == (filled.side == "right") for disc in circles)
        assert f"{filled.k0} studies imputed" in " ".join(texts(scene, "footnote"))
        assert label_overlaps(scene) == [] and outside(scene) == []
    assert not funnel_scene(result).shapes("imputed")


# ---- every further figure -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [kind for kind in FIGURES if kind != "bubble"])
@pytest.mark.parametrize("name", [LONG, CHINESE])
def test_every_figure_is_drawn_with_long_and_with_chinese_names(kind: str, name: str) -> None:
    figure = draw(kind, trials(12, name), {"seed": 1, "assumed_risk": None, "cumulative_by": None}, {})
    assert figure.get_figwidth() > 3


def test_one_study_has_a_forest_and_no_refit() -> None:
    result = trials(1)
    assert label_overlaps(forest_scene(result)) == [] and outside(forest_scene(result)) == []
    with pytest.raises(NotEstimable):
        leave_one_out(result)


def test_ratios_from_a_thousandth_to_a_thousand_and_one_enormous_interval_stay_on_the_page_with_arrows() -> None:
    wide = effects("ABCD", [math.log(0.001), math.log(1000), 0.2, -0.2], [1.2, 1.3, 0.2, 0.3])
    one = effects("ABCDEF", [0.1, 0.2, -0.1, 0.15, 0.3, 1.5], [0.1, 0.12, 0.2, 0.15, 0.1, 3.0])
    for result in (wide, one):
        scene = forest_scene(result)
        assert label_overlaps(scene) == [] and outside(scene) == []
        assert any("arrow" in item.role for item in scene.items if item.role and "favours" not in item.role)
