"""Subgroups of a network: fits of the parts, the test of their difference."""

from __future__ import annotations

import numpy as np
import pytest

from toolkit.engine.data import Effects
from toolkit.engine.effects import effects_from_contrasts
from toolkit.engine.network import network_subgroups
from toolkit.engine.pairwise import pairwise
from toolkit.model.errors import InputError
from toolkit.model.spec import NetworkSpec


def loops(shift: float) -> Effects:
    """Six studies of a, b, c; in the last three b is better by `shift`."""
    rows = [("a", "b", 0.5), ("b", "c", 0.2), ("a", "c", 0.8)]
    study = [f"s{i}" for i in range(6)]
    y = [value for _, _, value in rows] + [rows[0][2] + shift, rows[1][2] - shift, rows[2][2]]
    return effects_from_contrasts(
        study, [t for t, _, _ in rows] * 2, [t for _, t, _ in rows] * 2, y, [0.2, 0.3, 0.25] * 2, "GEN"
    )


GROUP = {f"s{i}": "early" if i < 3 else "late" for i in range(6)}


def test_groups_of_two_treatments_have_the_chi_squared_of_pairwise_subgroups() -> None:
    effects = effects_from_contrasts(
        list("1234"), ["x"] * 4, ["y"] * 4, [0.1, 0.3, 0.9, 1.2], [0.2, 0.2, 0.3, 0.3], "GEN"
    )
    group = {"1": "p", "2": "p", "3": "q", "4": "q"}
    spec = NetworkSpec(measure="GEN", tau2="DL", reference="y")
    found = network_subgroups(effects, group, spec).test
    means, variances = [], []
    for name in ("p", "q"):
        keep = [i for i, s in enumerate(effects.studies) if group[s] == name]
        fitted = pairwise(
            effects_from_contrasts(
                list("12"), ["x"] * 2, ["y"] * 2, effects.y[keep], np.sqrt(effects.v[keep]), "GEN"
            ),
            measure="GEN", tau2="DL", ci="Wald", treatment="x", reference="y",
        )  # fmt: skip
        assert fitted.random is not None
        means.append(fitted.random.estimate)
        variances.append(fitted.random.se**2)
    assert found is not None and found.df == 1
    assert found.statistic == pytest.approx((means[0] - means[1]) ** 2 / sum(variances), rel=1e-9)


def test_equal_groups_do_not_differ_and_a_shift_is_found() -> None:
    spec = NetworkSpec(measure="GEN", tau2="fixed", tau2_value=0.0)
    same = network_subgroups(loops(0.0), GROUP, spec).test
    apart = network_subgroups(loops(2.0), GROUP, spec).test
    assert same is not None and same.statistic == pytest.approx(0.0, abs=1e-12) and same.p == pytest.approx(1.0)
    assert apart is not None and apart.df == 2 and apart.p < 0.001


def test_a_group_in_pieces_has_no_fit_and_says_why() -> None:
    effects = effects_from_contrasts(
        ["1", "2", "3", "4"], ["a", "c", "a", "b"], ["b", "d", "b", "c"], [0.1] * 4, [0.2] * 4, "GEN"
    )
    found = network_subgroups(effects, {"1": "p", "2": "p", "3": "q", "4": "q"}, NetworkSpec(measure="GEN"))
    assert found.groups[0].result is None and "pieces" in str(found.groups[0].reason)
    assert found.test is None and "fewer than two groups" in str(found.reason)


def test_studies_without_a_group_are_named_and_one_group_is_refused() -> None:
    found = network_subgroups(loops(0.0), {k: v for k, v in GROUP.items() if k != "s5"}, NetworkSpec(measure="GEN"))
    assert [x.study for x in found.excluded] == ["s5"]
    with pytest.raises(InputError, match="two groups"):
        network_subgroups(loops(0.0), {"s0": "only"}, NetworkSpec(measure="GEN"))
