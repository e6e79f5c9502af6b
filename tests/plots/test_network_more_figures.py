from __future__ import annotations

import itertools

import numpy as np
import pytest

from tests.plots import samples
from tests.plots.test_network_figures import assert_legible, texts
from toolkit.engine.data import Effects
from toolkit.engine.network import (
    comparison_adjusted_funnel,
    contributions,
    contributions_by_level,
    modifier_table,
    net_heat,
    network,
    network_effects,
    split_evidence,
)
from toolkit.engine.results import NetworkResult
from toolkit.model.spec import NetworkSpec
from toolkit.plots.contribution import LEVELS, contribution_scene
from toolkit.plots.evidence import adjusted_funnel_scene, direct_indirect_scene
from toolkit.plots.modifiers import modifier_scene
from toolkit.plots.net_heat import MOST, net_heat_scene, shade
from toolkit.plots.network import network_scene
from toolkit.plots.scene import Path, draw_scene

LONG = "Core decompression with cultured cells, protocol {}"


def fitted(count: int, name: str = "Treatment {}") -> tuple[Effects, NetworkResult]:
    spec = NetworkSpec(measure="OR", reference=name.format(1), small_values="good")
    effects = network_effects(samples.network_arms(count, count * 3, name), spec)
    return effects, network(effects, spec)


def judged(effects: Effects) -> dict[str, str]:
    return dict(zip(effects.studies, itertools.cycle(["low", "some concerns", "high", ""])))


@pytest.mark.parametrize("count", [4, 9, 16])
@pytest.mark.parametrize("name", ["Drug {}", LONG, "髓芯减压 {} 联合自体骨髓干细胞移植"])
def test_net_heat_has_a_cell_for_every_pair_of_contrasts_and_its_names_do_not_touch(count: int, name: str) -> None:
    effects, result = fitted(count, name)
    heat = net_heat(effects, result.reference)
    scene = net_heat_scene(heat, title="Net heat")
    assert_legible(scene)
    shown = min(len(heat.contrasts), MOST)
    assert len(scene.shapes("cell")) == shown**2
    cut = [t for t in texts(scene, "footnote") if t.startswith(f"The {MOST} of {len(heat.contrasts)} contrasts")]
    assert bool(cut) == (shown < len(heat.contrasts))
    assert shade(0) == "#FFFFFF" and shade(1) != shade(-1)


def test_contribution_bars_are_whole_and_levels_add_up() -> None:
    effects, result = fitted(6)
    found = contributions(effects, result)
    level = judged(effects)
    names, shares = contributions_by_level(found, level)
    assert names == ("high", "low", "not judged", "some concerns")
    assert shares.sum(axis=1) == pytest.approx(1.0)
    at = [i for i, s in enumerate(found.studies) if level[s] == "low"]
    assert shares[:, 1] == pytest.approx(found.study_proportion[:, at].sum(axis=1))
    for scene in (
        contribution_scene(found, title="Contributions"),
        contribution_scene(found, level=level, reference=result.reference, title="By risk of bias"),
    ):
        assert_legible(scene)
        bars: dict[float, float] = {}
        for part in scene.shapes("part"):
            assert isinstance(part, Path)
            bars[part.box.top] = bars.get(part.box.top, 0.0) + part.box.right - part.box.left
        assert list(bars.values()) == pytest.approx([380.0] * len(bars))
    assert texts(scene, "key") == ["low", "some concerns", "high", "not judged"]
    assert len(bars) == 5


def test_direct_and_indirect_estimates_are_drawn_where_they_are() -> None:
    effects, result = fitted(6)
    splits = split_evidence(effects, result)
    scene = direct_indirect_scene(splits, measure="OR", scale="log", title="Both")
    assert_legible(scene)
    both = [s for s in splits if s.difference is not None]
    assert len(scene.shapes("comparison")) == len(both)
    assert "Odds ratio" in texts(scene, "footnote")[0]
    alone = direct_indirect_scene([s for s in splits if s.difference is None])
    assert texts(alone, "message") == ["No comparison has both kinds of evidence."]


def test_adjusted_funnel_shows_every_pair_and_the_order() -> None:
    effects, result = fitted(6)
    funnel = comparison_adjusted_funnel(effects, result, effects.treatments)
    scene = adjusted_funnel_scene(funnel, scale="log", title="Funnel")
    assert_legible(scene)
    assert len(scene.shapes("study")) == len(funnel.points)
    assert any("Egger" in text for text in texts(scene, "footnote"))
    assert any(text.startswith("Order: Treatment 1") for text in texts(scene, "footnote"))
    assert "other comparisons" in texts(scene, "key")


def test_lines_take_the_colour_of_most_of_their_studies_and_the_width_of_precision() -> None:
    effects, result = fitted(6)
    level = judged(effects)
    scene = network_scene(result, width_by="precision", level=level)
    assert_legible(scene)
    edges = [e for e in scene.shapes("edge") if isinstance(e, Path)]
    assert {e.color for e in edges} <= {*LEVELS.values(), "#9AA0A6"} and len({e.color for e in edges}) > 1
    widths = np.sort([e.width for e in edges])
    assert widths[-1] > widths[0]
    assert any("width by precision, colour by the level of most" in t for t in texts(scene, "footnote"))
    named = [t.rpartition(" (")[0] for t in texts(scene, "key")]
    assert named == [x for x in ("low", "some concerns", "high", "not judged") if x in named] and len(named) > 1
    tie = {**dict.fromkeys(effects.studies, "low"), **dict.fromkeys(effects.studies[::2], "high")}
    assert_legible(network_scene(result, level=tie))


def test_each_new_figure_can_be_drawn() -> None:
    effects, result = fitted(5)
    funnel = comparison_adjusted_funnel(effects, result, effects.treatments)
    for scene in (
        net_heat_scene(net_heat(effects, result.reference)),
        contribution_scene(contributions(effects, result), level=judged(effects)),
        direct_indirect_scene(split_evidence(effects, result), measure="OR", scale="log"),
        adjusted_funnel_scene(funnel, scale="log"),
    ):
        figure = draw_scene(scene)
        assert figure.axes and figure.get_size_inches()[0] * 72 == pytest.approx(scene.width, abs=0.1)


@pytest.mark.parametrize("name", ["Drug {}", LONG])
def test_a_modifier_has_a_box_or_a_bar_for_each_comparison(name: str) -> None:
    effects, _ = fitted(6, name)
    numbers = {s: str(40 + (7 * i) % 23) for i, s in enumerate(effects.studies) if i % 5}
    boxes = modifier_scene(modifier_table(effects, "Mean age", numbers))
    assert_legible(boxes)
    assert any("Kruskal-Wallis" in text for text in texts(boxes, "footnote"))
    table = modifier_table(
        effects, "Setting", {s: ["ward", "clinic", "home"][i % 3] for i, s in enumerate(effects.studies)}
    )
    bars = modifier_scene(table)
    assert_legible(bars)
    assert texts(bars, "key") == ["clinic", "home", "ward"]
    assert len(bars.shapes("share")) == sum(len(r.counts) for r in table.rows)
