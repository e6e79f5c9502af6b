"""The effect-direction and the albatross plot: what they show, at 2 and at 120 studies."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from toolkit.engine.directions import Finding
from toolkit.model.errors import NotEstimable
from toolkit.plots.directions import albatross_scene, directions_scene, draw_albatross
from toolkit.plots.scene import label_overlaps, outside
from toolkit.plots.style import save_figure


def findings(k: int, outcomes: int = 1, seed: int = 4) -> list[Finding]:
    rng = np.random.default_rng(seed)
    return [
        Finding(
            study=f"Study {i + 1} {1990 + i % 30}", outcome=f"Outcome {j + 1}" if outcomes > 1 else "",
            direction=int(rng.choice([1, 1, -1, 0])) if i else 1, p=float(10 ** -rng.exponential(1.0)),
            n=float(rng.choice([20, 150, 800])), quality="low risk" if i % 2 else "high risk",
        )
        for i in range(k) for j in range(outcomes)
    ]  # fmt: skip


@pytest.mark.parametrize(("k", "outcomes"), [(2, 1), (14, 4), (120, 1)])
def test_directions_are_arrows_that_stay_on_the_page(k: int, outcomes: int) -> None:
    own = findings(k, outcomes)
    scene = directions_scene(own, title="Directions")
    assert len(scene.shapes("up")) == sum(one.direction == 1 for one in own)
    assert len(scene.shapes("neither")) == 2 * sum(one.direction == 0 for one in own)
    assert label_overlaps(scene) == [] and outside(scene) == []


def test_arrows_are_larger_for_more_participants_and_hollow_without_their_number() -> None:
    small, large, unknown = (
        directions_scene([Finding(study="A", outcome="", direction=1, n=n)]).shapes("up")[0] for n in (20, 800, None)
    )
    assert large.box.right - large.box.left > 1.5 * (small.box.right - small.box.left)
    assert unknown.fill == "#FFFFFF" and small.fill != "#FFFFFF"


def test_sign_test_of_each_outcome_stands_below_its_column() -> None:
    own = [Finding(study=f"s{i}", outcome=o, direction=1) for i in range(6) for o in ("pain", "function")]
    texts = [label.text for label in directions_scene(own).labels("test")]
    assert texts.count("6 of 6") == 2
    assert sum("0.031" in text for text in texts) == 2


@pytest.mark.parametrize("k", [2, 12, 120])
def test_albatross_has_a_point_a_study_on_the_side_of_its_effect(k: int) -> None:
    own = [one for one in findings(k) if one.direction != 0]
    scene = albatross_scene(own, title="Albatross")
    middle = scene.shapes("null-line")[0].box.left
    points = scene.shapes("study")
    assert [np.sign(disc.x - middle) for disc in points] == [one.direction for one in own]
    assert scene.shapes("contour")
    assert label_overlaps(scene) == [] and outside(scene) == []


def test_a_point_on_a_contour_lies_on_its_line() -> None:
    from toolkit.engine.directions import size_at

    p = 0.02
    n = float(size_at(0.5, np.array([p]), "SMD")[0])
    own = [
        Finding(study="A", outcome="", direction=1, p=p, n=n),
        Finding(study="B", outcome="", direction=-1, p=0.4, n=50),
    ]
    scene = albatross_scene(own, effects=(0.5,))
    disc = scene.shapes("study")[0]
    line = np.array(scene.shapes("contour")[-1].points)
    assert np.hypot(line[:, 0] - disc.x, line[:, 1] - disc.y).min() < 1.0


def test_an_albatross_without_p_values_is_refused(tmp_path: Path) -> None:
    with pytest.raises(NotEstimable, match="p value"):
        albatross_scene([Finding(study="A", outcome="", direction=1, n=30)])
    save_figure(draw_albatross(findings(12)), tmp_path / "a.svg")
    assert (tmp_path / "a.svg").stat().st_size > 2000
