"""The network graph by design of the studies."""

from __future__ import annotations

import itertools

import pytest

from tests.plots import samples
from tests.plots.test_network_figures import assert_legible, texts
from toolkit.engine.network import network, network_effects
from toolkit.engine.results import NetworkResult
from toolkit.model.spec import NetworkSpec
from toolkit.plots.network import network_scene
from toolkit.plots.network_design import NOT_SAID, OTHERS
from toolkit.plots.scene import Path


def fitted(count: int) -> NetworkResult:
    spec = NetworkSpec(measure="OR", reference="Drug 1")
    return network(network_effects(samples.network_arms(count, count * 3, "Drug {}"), spec), spec)


def drawn(result: NetworkResult, names: list[str]) -> dict[str, str]:
    return dict(zip(result.studies, itertools.cycle(names)))


@pytest.mark.parametrize("count", [4, 9, 20])
def test_every_comparison_has_one_line_for_each_design_of_its_studies(count: int) -> None:
    result = fitted(count)
    design = drawn(result, ["RCT", "cohort", "RCT", ""])
    scene = network_scene(result, design=design)
    assert_legible(scene)
    edges = [x for x in scene.shapes("edge") if isinstance(x, Path)]
    assert len(edges) == sum(len({design[s] for s in c.studies}) for c in result.comparisons)
    looks = {(x.color, x.dash) for x in edges}
    assert len(looks) == 3 and len({dash for _, dash in looks}) == 3  # told apart without colour
    key = " ".join(x.text for x in scene.labels("key"))
    asked = list(design.values())
    for name in ("RCT", "cohort"):
        assert f"{name} ({asked.count(name)} studies)" in key
    assert NOT_SAID in key and "one for each design" in " ".join(texts(scene))


def test_lines_of_one_comparison_do_not_cover_one_another() -> None:
    result = fitted(4)
    scene = network_scene(result, design=drawn(result, ["RCT", "cohort"]))
    edges = [x for x in scene.shapes("edge") if isinstance(x, Path)]
    for one, two in itertools.combinations(edges, 2):
        (ax, ay), (bx, by) = one.points
        (cx, cy), (dx, dy) = two.points
        if abs((bx - ax) * (dy - cy) - (by - ay) * (dx - cx)) < 1e-6:
            length = ((bx - ax) ** 2 + (by - ay) ** 2) ** 0.5
            gap = abs((bx - ax) * (cy - ay) - (by - ay) * (cx - ax)) / length
            assert gap > (one.width + two.width) / 2


def test_designs_beyond_the_styles_are_drawn_as_one() -> None:
    result = fitted(9)
    names = ["a", "a", "a", "b", "b", "c", "c", "d", "d", "e", "f"]
    scene = network_scene(result, design=drawn(result, names))
    key = [x.text for x in scene.labels("key")]
    assert len(key) == 5 and key[-1].startswith(OTHERS)
