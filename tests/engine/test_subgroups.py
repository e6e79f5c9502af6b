"""Subgroups: fits of parts, the test between them, and what must be said."""

from __future__ import annotations

import numpy as np
import pytest

from toolkit.engine.effects import arm_table, compute_effects, effects_from_estimates
from toolkit.engine.pairwise import pairwise
from toolkit.engine.subgroups import of_studies, subgroups
from toolkit.model.errors import InputError, NotEstimable

Y, V = np.array([0.1, 0.3, 0.2, 0.9, 1.1, 1.3]), np.array([0.04, 0.1, 0.2, 0.02, 0.3, 0.1])
EFFECTS = effects_from_estimates("abcdef", Y, v=V)
LABELS = dict(zip("abcdef", ["one"] * 3 + ["two"] * 3, strict=True))


def test_each_group_is_the_fit_of_its_studies() -> None:
    found = subgroups(EFFECTS, LABELS)
    for group, index in zip(found.groups, (slice(0, 3), slice(3, 6)), strict=True):
        alone = pairwise(effects_from_estimates("abc", Y[index], v=V[index]))
        assert group.result.random == alone.random and group.result.k == 3
    assert found.tau2_common is None and found.df == 1


def test_common_effect_q_splits_into_within_and_between() -> None:
    found = subgroups(EFFECTS, LABELS)
    total = pairwise(EFFECTS).heterogeneity
    assert total is not None
    within = sum(g.result.heterogeneity.q for g in found.groups if g.result.heterogeneity is not None)
    assert total.q == pytest.approx(within + found.q_between_common)


def test_a_group_of_one_study_enters_with_its_own_variance() -> None:
    found = subgroups(EFFECTS, LABELS | {"f": "three"})
    lonely = next(g for g in found.groups if g.label == "three")
    assert lonely.result.k == 1 and lonely.compared.se == pytest.approx(np.sqrt(0.1))
    assert "few_in_group" in {w.code for w in found.warnings}


def test_arms_keep_their_counts_in_the_groups() -> None:
    arms = arm_table(list("aabbcc"), ["x", "y"] * 3, events=[1, 2, 3, 4, 5, 6], n=[20] * 6)
    found = subgroups(arms, {"a": "p", "b": "q", "c": "q"}, measure="OR", reference="y")
    assert found.groups[1].result.studies[0].events == (3.0, 4.0)
    assert found.groups[1].result.mantel_haenszel is not None
    part = of_studies(compute_effects(arms, "OR", reference="y"), {"b", "c"})
    assert part.n_studies == 2 and part.y.size == 2


def test_studies_without_a_group_single_groups_and_unknown_choices_are_refused() -> None:
    with pytest.raises(InputError, match="without a subgroup: f"):
        subgroups(EFFECTS, {k: v for k, v in LABELS.items() if k != "f"})
    with pytest.raises(NotEstimable, match="at least two"):
        subgroups(EFFECTS, dict.fromkeys("abcdef", "one"))
    with pytest.raises(InputError, match="separate, common"):
        subgroups(EFFECTS, LABELS, variance="both")
