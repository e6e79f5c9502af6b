"""The chart of repeated looks: what is drawn, where."""

from __future__ import annotations

from pathlib import Path as File

import pytest

from tests.engine.test_monitoring import many
from toolkit.engine.effects import effects_from_contrasts
from toolkit.engine.monitoring import SequentialResult, sequential_analysis
from toolkit.engine.monitoring_network import sequential_network
from toolkit.model.spec import NetworkSpec
from toolkit.plots.monitoring import draw_sequential, sequential_network_scene, sequential_scene
from toolkit.plots.scene import Disc, Label, Path, Scene
from toolkit.plots.style import save_figure


def looks(k: int, treated: float, *, futility: bool = True) -> SequentialResult:
    return sequential_analysis(
        many(k, treated, 0.2, seed=0), power=0.9, control_risk=0.2, relative_risk_reduction=0.25, futility=futility
    )


def roles(scene: Scene, role: str) -> list[Path]:
    return [x for x in scene.items if isinstance(x, Path) and x.role == role]


def texts(scene: Scene) -> str:
    return " ".join(x.text for x in scene.items if isinstance(x, Label))


def test_boundaries_are_mirrored_and_the_wedge_meets_them_at_the_required_information() -> None:
    result = looks(8, 0.2)
    scene = sequential_scene(result, title="A title")
    upper, lower = roles(scene, "boundary")
    (zero,) = roles(scene, "zero")
    middle = zero.points[0][1]
    assert [y - middle for _, y in upper.points] == pytest.approx([middle - y for _, y in lower.points])
    (end,) = roles(scene, "required")
    assert upper.points[-1][0] == pytest.approx(end.points[0][0]), "the next look is drawn as the last one"
    top, bottom = roles(scene, "futility")
    assert top.points[-1] == pytest.approx(upper.points[-1]) and bottom.points[-1] == pytest.approx(lower.points[-1])
    assert len(roles(scene, "wedge")) == 1
    assert sum(isinstance(x, Disc) for x in scene.items) == len(result.looks)
    assert "wedge of futility" in texts(scene) and "Cochrane advises against" in texts(scene)


def test_boundaries_are_drawn_when_all_looks_are_early_ones() -> None:
    scene = sequential_scene(looks(3, 0.2))
    for line in roles(scene, "boundary"):
        assert len(line.points) > 1, "a boundary that comes down only at its end is a line all the same"
        assert all(0 <= y <= scene.height for _, y in line.points)
    named = {x.text for x in scene.items if isinstance(x, Label) and x.role == "legend"}
    assert "futility" not in named or all(len(line.points) > 1 for line in roles(scene, "futility"))
    assert ("futility" in named) == bool(roles(scene, "futility"))


def test_without_futility_there_is_no_wedge() -> None:
    scene = sequential_scene(looks(8, 0.2, futility=False))
    assert not roles(scene, "wedge") and not roles(scene, "futility") and "futility" not in texts(scene)


def test_the_look_that_crossed_is_named() -> None:
    result = looks(14, 0.12)
    first = next(x for x in result.looks if x.crossed)
    names = {x.text for x in sequential_scene(result).items if isinstance(x, Label) and x.role == "name"}
    assert names == {first.study, result.looks[-1].study}


def test_nothing_is_drawn_outside_the_page(tmp_path: File) -> None:
    for result in (looks(2, 0.02), looks(3, 0.2), looks(14, 0.12)):
        scene = sequential_scene(result)
        for item in scene.items:
            assert item.box.left >= 0 and item.box.right <= scene.width and item.box.bottom <= scene.height
    save_figure(draw_sequential(looks(8, 0.2)), tmp_path / "looks.svg")
    assert (tmp_path / "looks.svg").stat().st_size > 5000


def test_a_network_shows_its_three_kinds_of_evidence_that_there_are() -> None:
    effects = effects_from_contrasts(
        ["A", "B", "C"], ["x", "x", "y"], ["y", "z", "z"], [0.3, 0.4, 0.1], [0.1, 0.1, 0.1]
    )
    spec = NetworkSpec(measure="GEN", tau2="fixed", tau2_value=0.0)
    both = sequential_network(effects, spec, "x", "y", effect=0.3, power=0.9, futility=True)
    assert len(roles(sequential_network_scene(both), "z")) == 3
    early = sequential_network(effects, spec, "x", "z", effect=0.3, power=0.9, order=["A", "C", "B"])
    assert len(roles(sequential_network_scene(early), "z")) == 3
    words = texts(sequential_network_scene(early, title="x against z"))
    assert "x against z, planned information" in words and "indirect" in words
