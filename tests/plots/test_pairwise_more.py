"""Figures of a pairwise analysis beside forest and funnel: what they show, at 8 and at 120 studies, and refusals."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tests.plots.samples import tha, trials
from toolkit.engine.effects import effects_from_estimates
from toolkit.engine.metareg import MetaRegression, meta_regression
from toolkit.engine.pairwise import pairwise
from toolkit.engine.resample import gosh
from toolkit.engine.results import PairwiseResult
from toolkit.engine.sensitivity import influence
from toolkit.model.errors import InputError, NotEstimable
from toolkit.plots import heterogeneity, pairwise_more
from toolkit.plots.scene import Disc, Scene, draw_scene, label_overlaps, outside
from toolkit.plots.style import save_figure


def gosh_scene(result: PairwiseResult, *, title: str | None = None) -> Scene:
    return heterogeneity.gosh_scene(result, gosh(result, np.random.default_rng(1), most=2000), title=title)


def years(result: PairwiseResult) -> dict[str, object]:
    return {row.study: 1990.0 + 2 * i for i, row in enumerate(result.studies)}


def regression(result: PairwiseResult) -> MetaRegression:
    return meta_regression(result, "year", {"year": years(result)})


def bubble_scene(result: PairwiseResult, *, title: str | None = None) -> Scene:
    return pairwise_more.bubble_scene(result, regression(result), years(result), title=title)


SCENES: dict[str, Callable[..., Scene]] = {
    "baujat": heterogeneity.baujat_scene,
    "radial": heterogeneity.radial_scene,
    "labbe": heterogeneity.labbe_scene,
    "gosh": gosh_scene,
    "bubble": bubble_scene,
    "drapery": pairwise_more.drapery_scene,
    "influence": pairwise_more.influence_scene,
    "profile": pairwise_more.profile_scene,
}


@pytest.mark.parametrize("kind", SCENES)
@pytest.mark.parametrize("k", [3, 8, 120])
def test_nothing_leaves_the_page_and_no_text_covers_another(kind: str, k: int) -> None:
    result = tha() if k == 8 else trials(k)
    scene = SCENES[kind](result, title="A title that says what is shown")
    assert outside(scene) == []
    assert label_overlaps(scene) == []


@pytest.mark.parametrize("kind", ["baujat", "radial", "bubble", "influence"])
def test_every_study_has_a_disc(kind: str) -> None:
    discs = SCENES[kind](trials(120)).shapes("study")
    assert len(discs) == 120 * (8 if kind == "influence" else 1)


def test_the_study_that_disagrees_and_matters_lies_at_the_upper_right_and_is_named() -> None:
    scene = heterogeneity.baujat_scene(tha())
    discs = [d for d in scene.shapes("study") if isinstance(d, Disc)]
    rows = influence(tha(), "common")
    most = max(range(8), key=lambda i: rows[i].baujat_x)
    assert discs[most].x == max(d.x for d in discs) and discs[most].y == min(d.y for d in discs)
    assert rows[most].study in {label.text for label in scene.labels("name")}


def test_a_radial_plot_colours_the_studies_outside_the_region() -> None:
    result = tha()
    scene = heterogeneity.radial_scene(result)
    assert result.common is not None
    z = [
        (row.y - result.common.estimate) / row.se for row in result.studies if row.y is not None and row.se is not None
    ]
    coloured = [d.fill for d in scene.shapes("study") if isinstance(d, Disc)]
    assert [fill == "#D55E00" for fill in coloured] == [abs(value) > 1.959963984540054 for value in z]


def test_the_curve_of_an_odds_ratio_goes_through_the_risks_it_gives() -> None:
    points = dict(heterogeneity._risk_curve("OR", math.log(0.5), 1.0))
    assert points[0.5] == pytest.approx(1 / 3) and points[0.0] == 0.0 and points[1.0] == pytest.approx(1.0)
    assert dict(heterogeneity._risk_curve("RD", 0.1, 0.8))[0.5] == pytest.approx(0.6)


def test_all_subsets_are_counted_in_the_cells_or_beyond_the_axis() -> None:
    fits = gosh(tha())
    assert fits.complete and fits.estimate.size == 2**8 - 8 - 1
    scene = heterogeneity.gosh_scene(tha(), fits)
    assert 20 < len(scene.shapes("cell")) <= 247
    assert "All 247 subsets of 8 studies" in scene.labels("footnote")[0].text


def test_a_p_value_function_is_one_at_the_estimate_and_crosses_the_level_at_the_interval() -> None:
    result = tha()
    assert result.random is not None
    bounds = np.array([result.random.ci_low, result.random.estimate, result.random.ci_high])
    assert pairwise_more._p_function(result.random, bounds) == pytest.approx([0.05, 1.0, 0.05])


def test_the_profile_is_highest_at_the_estimate() -> None:
    scene = pairwise_more.profile_scene(tha())
    (curve,), (point,) = scene.shapes("curve"), scene.shapes("estimate")
    assert isinstance(point, Disc)
    assert min(y for _, y in curve.points) == pytest.approx(point.y, abs=1e-6)  # type: ignore[union-attr]


def test_what_a_figure_cannot_show_is_refused() -> None:
    given = pairwise(effects_from_estimates("abcd", [0.1, 0.2, 0.3, 0.5], v=[0.1] * 4))
    with pytest.raises(InputError, match="events of two groups"):
        heterogeneity.labbe_scene(given)
    with pytest.raises(InputError, match="by ML or REML"):
        pairwise_more.profile_scene(pairwise(effects_from_estimates("abc", [0.1, 0.2, 0.9], v=[0.1] * 3), tau2="DL"))
    with pytest.raises(NotEstimable, match="three studies"):
        heterogeneity.baujat_scene(trials(2))
    with pytest.raises(InputError, match="one covariate of numbers"):
        pairwise_more.bubble_scene(tha(), _two(), years(tha()))


def _two() -> MetaRegression:
    result = tha()
    other: dict[str, object] = {row.study: float(i % 3) for i, row in enumerate(result.studies)}
    return meta_regression(result, "year + dose", {"year": years(result), "dose": other})


def test_identical_effects_are_drawn(tmp_path: Path) -> None:
    same = pairwise(effects_from_estimates("abcd", [0.3] * 4, v=[0.1, 0.2, 0.1, 0.3]))
    for kind in ("baujat", "radial", "gosh", "drapery", "influence", "profile"):
        assert save_figure(draw_scene(SCENES[kind](same)), tmp_path / f"{kind}.svg") is not None
        assert (tmp_path / f"{kind}.svg").stat().st_size > 1000
