"""The league heat map of two outcomes."""

from __future__ import annotations

from tests.plots import samples
from tests.plots.test_network_figures import assert_legible, texts
from toolkit.engine.network import LeagueTable, league_table, network, network_effects
from toolkit.model.spec import NetworkSpec
from toolkit.plots.league import league_scene
from toolkit.plots.numbers import decimals_for, format_effect
from toolkit.plots.style import FAINT


def fitted(count: int, measure: str) -> LeagueTable:
    spec = NetworkSpec(measure=measure, reference="Drug 1")
    return league_table(network(network_effects(samples.network_arms(count, 18, "Drug {}"), spec), spec))


def test_the_first_outcome_stands_below_the_diagonal_and_the_second_above() -> None:
    first, second = fitted(6, "OR"), fitted(5, "RR")
    scene = league_scene(first, second=second, outcomes=("relapse", "harm"), title="Two outcomes")
    assert_legible(scene)
    names, shown = first.treatments, texts(scene, "value")
    expected = []
    for i, row in enumerate(names):
        for j, column in enumerate(names):
            table = first if j < i else second
            if i == j or row not in table.treatments or column not in table.treatments:
                continue
            at = table.treatments.index(row), table.treatments.index(column)
            decimals = decimals_for([float(w) for w in (table.high - table.low).ravel()], table.scale)
            expected.append(format_effect(float(table.estimate[at]), table.scale, decimals))
    assert shown == expected and len(shown) == 15 + 10
    grey = [x for x in scene.shapes("cell") if getattr(x, "fill", None) == FAINT]
    assert len(grey) == 6 + 5  # the diagonal, and the treatment that the second outcome lacks
    said = " ".join(texts(scene, "footnote"))
    assert "relapse (OR" in said and "harm (RR" in said


def test_one_outcome_is_drawn_on_both_sides() -> None:
    table = fitted(6, "OR")
    scene = league_scene(table)
    assert len(texts(scene, "value")) == 30 and table.direction in " ".join(texts(scene, "footnote"))
