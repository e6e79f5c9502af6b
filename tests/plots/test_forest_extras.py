"""Columns of one's own, risk-of-bias dots and the manners of journals, with subgroups and excluded studies too."""

from __future__ import annotations

import pytest

from tests.plots.samples import trials
from toolkit.engine.effects import arm_table
from toolkit.engine.pairwise import pairwise
from toolkit.engine.results import PairwiseResult
from toolkit.model.errors import InputError
from toolkit.plots.forest import forest_scene
from toolkit.plots.forest_extras import STYLES
from toolkit.plots.scene import Disc, Label, Scene, label_overlaps, outside


def result() -> PairwiseResult:
    names = [name for name in ("Adams 2018", "Baker 2019", "Chen 2020", "Diaz 2021") for _ in range(2)]
    arms = arm_table(
        names, ["x", "y"] * 4, events=[12, 20, 10, 24, 15, 27, 0, 0], n=[100, 100, 145, 145, 150, 150, 40, 40]
    )
    return pairwise(arms, measure="OR", reference="y")


DESIGN = {"Adams 2018": "RCT", "Chen 2020": "cohort", "Diaz 2021": "RCT"}
DOMAINS = {
    "randomisation": {"Adams 2018": "low", "Baker 2019": "High risk", "Chen 2020": "some concerns", "Diaz 2021": "low"},
    "missing data": {"Adams 2018": "unclear"},
}


def cell_at(scene: Scene, text: str) -> float:
    return next(label.x for label in scene.labels("cell") if label.text == text)


@pytest.mark.parametrize("style", list(STYLES))
def test_every_manner_fits_its_page_with_columns_and_dots(style: str) -> None:
    scene = forest_scene(result(), style=style, columns={"Design": DESIGN}, risk_of_bias=DOMAINS, title="Forest")
    assert label_overlaps(scene) == [] and outside(scene) == []


def test_dots_stand_in_the_row_of_their_study_with_a_sign() -> None:
    scene = forest_scene(result(), risk_of_bias=DOMAINS)
    rows = {label.text: label.y for label in scene.items if isinstance(label, Label) and label.role == "study-label"}
    signs = {(round(label.y, 1), label.text) for label in scene.labels("judgement")}
    assert signs == {
        (round(rows["Adams 2018"], 1), "+"), (round(rows["Adams 2018"], 1), "?"),
        (round(rows["Baker 2019"], 1), "−"), (round(rows["Chen 2020"], 1), "?"),
    }  # fmt: skip
    colours = {dot.fill for dot in scene.shapes("dot") if isinstance(dot, Disc)}
    assert len(colours) == 3
    assert any("A: randomisation; B: missing data" in label.text for label in scene.labels("footnote"))


def test_an_excluded_study_keeps_its_own_column_and_leaves_room_for_its_reason() -> None:
    scene = forest_scene(result(), columns={"Design": DESIGN}, risk_of_bias=DOMAINS)
    excluded = next(label.y for label in scene.items if isinstance(label, Label) and label.role == "excluded-label")
    assert [label.text for label in scene.labels("cell") if label.text == "RCT" and abs(label.y - excluded) < 1] == [
        "RCT"
    ]
    assert not [dot for dot in scene.shapes("dot") if isinstance(dot, Disc) and abs(dot.y - excluded) < 1]


def test_manners_differ_in_sides_and_brackets() -> None:
    bmj, revman, jama = (forest_scene(result(), style=style) for style in ("bmj", "revman", "jama"))
    texts = [{label.text for label in scene.labels("cell")} for scene in (bmj, revman, jama)]
    assert any(" to " in text for text in texts[0])
    assert any("[" in text and ", " in text for text in texts[1]) and not any(" to " in text for text in texts[1])
    assert any("-" in text and "(" in text for text in texts[2])
    plot = {name: scene.shapes("square")[0].box.left for name, scene in zip("brj", (bmj, revman, jama), strict=True)}
    effect = next(label for label in bmj.labels("cell") if " to " in label.text)
    assert effect.x > plot["b"]
    assert next(label for label in revman.labels("cell") if "[" in label.text).x < plot["r"]


def test_columns_and_dots_follow_the_studies_into_their_subgroups() -> None:
    whole = trials(6)
    names = [row.study for row in whole.studies]
    domain = {name: "low" if i % 2 else "high" for i, name in enumerate(names)}
    short = {"Name": {name: name[:3] for name in names}}
    parts = [("First", whole), ("Second", whole)]
    scene = forest_scene(whole, subgroups=parts, columns=short, risk_of_bias={"bias": domain})
    assert len(scene.labels("judgement")) == 2 * len(names)


@pytest.mark.parametrize("k", [2, 120])
def test_two_and_many_studies_fit_with_everything(k: int) -> None:
    whole = trials(k)
    names = [row.study for row in whole.studies]
    domains = {f"domain {i}": dict.fromkeys(names, "some concerns") for i in range(7)}
    scene = forest_scene(whole, columns={"Country": dict.fromkeys(names, "Norway")}, risk_of_bias=domains)
    assert len(scene.shapes("dot")) == 7 * k
    assert label_overlaps(scene) == [] and outside(scene) == []


def test_an_unknown_manner_is_refused() -> None:
    with pytest.raises(InputError, match="style"):
        forest_scene(result(), style="lancet")
