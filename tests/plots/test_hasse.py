"""The Hasse diagram of treatments over several outcomes."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from tests.plots.test_network_figures import assert_legible, texts
from toolkit.engine.network import OutcomeRanks
from toolkit.plots.hasse import hasse_scene
from toolkit.plots.scene import Path


def ranks(score: list[list[float]], names: list[str]) -> OutcomeRanks:
    above = {
        (a, b)
        for (a, x), (b, y) in itertools.permutations(zip(names, score, strict=True), 2)
        if all(p >= q for p, q in zip(x, y, strict=True)) and x != y
    }
    cover = [(a, b) for a, b in above if not any((a, c) in above and (c, b) in above for c in names)]
    best = [b for b in names if not any((a, b) in above for a in names)]
    return OutcomeRanks(
        outcomes=tuple(f"outcome {k}" for k in range(len(score[0]))), treatments=(*names, "elsewhere"),
        score=np.array([*score, [np.nan] * len(score[0])]), ordered=tuple(names), above=tuple(sorted(cover)),
        best=tuple(best),
    )  # fmt: skip


@pytest.mark.parametrize(("count", "outcomes"), [(3, 2), (9, 2), (14, 3), (20, 2)])
def test_every_line_leads_down_and_passes_no_other_treatment(count: int, outcomes: int) -> None:
    names = [f"Treatment {i}" for i in range(count)]
    found = ranks(np.random.default_rng(count).random((count, outcomes)).tolist(), names)
    scene = hasse_scene(found, title="Order over the outcomes")
    assert_legible(scene)
    boxes = dict(zip(names, (x.box for x in scene.shapes("node")), strict=True))
    lines = [x for x in scene.shapes("line") if isinstance(x, Path)]
    assert len(lines) == len(found.above)
    for (upper, lower), line in zip(found.above, lines, strict=True):
        heights = [y for _, y in line.points]
        assert heights == sorted(heights) and len(set(heights)) == len(heights)
        assert boxes[upper].top < heights[0] < boxes[upper].bottom < boxes[lower].top < heights[-1]
        for x, y in line.points[1:-1]:
            assert not any(b.left <= x <= b.right and b.top <= y <= b.bottom for b in boxes.values())
    said = " ".join(texts(scene, "footnote"))
    assert "elsewhere" in said and "outcome 1" in said


def test_an_order_of_all_is_a_chain_and_no_order_a_row() -> None:
    chain = hasse_scene(ranks([[0.9, 0.8], [0.5, 0.5], [0.1, 0.2]], ["a", "b", "c"]))
    assert len({x.box.top for x in chain.shapes("node")}) == 3 and len(chain.shapes("line")) == 2
    row = hasse_scene(ranks([[0.9, 0.1], [0.5, 0.5], [0.1, 0.9]], ["a", "b", "c"]))
    assert len({x.box.top for x in row.shapes("node")}) == 1 and not row.shapes("line")
