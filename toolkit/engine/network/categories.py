"""Treatments in categories of effect, as GRADE draws conclusions from a network without leaning on a ranking.

References
----------
Brignardello-Petersen, Florez, Izcovich et al. 2020, BMJ 371:m3900 (minimally contextualised). doi:10.1136/bmj.m3900
Brignardello-Petersen, Izcovich, Rochwerg et al. 2020, BMJ 371:m3907 (partially contextualised). doi:10.1136/bmj.m3907
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from toolkit.engine.network.absolute import absolute_effects
from toolkit.engine.network.views import league_table
from toolkit.engine.results import NetworkResult
from toolkit.model.errors import InputError

__all__ = ["Category", "minimal_categories", "partial_categories"]

MAGNITUDES = ("trivial to none", "small", "moderate", "large")


@dataclass(frozen=True, slots=True, kw_only=True)
class Category:
    """Treatments of one category, best first; ``members`` in order of the estimate against the reference.

    ``reason`` says by what rule they are in it. How certain the evidence of each is (GRADE) is a judgement that the
    numbers do not hold: within a category treatments of high or moderate certainty are told apart from the others.
    """

    name: str
    members: tuple[str, ...]
    reason: str


def minimal_categories(
    result: NetworkResult, *, small_values: str | None = None, model: str = "random", margin: float = 0.0
) -> tuple[Category, ...]:
    """Categories of the minimally contextualised framework, from the most to the least effective.

    Parameters
    ----------
    result : a fitted network; its reference is the one the first comparison is made with
    small_values : as in `p_scores`; None takes the spec's
    model : "random" or "common"
    margin : smallest difference that counts, model scale; 0 is no effect

    Notes
    -----
    A treatment is better than another one if its interval lies wholly beyond the margin. Treatments neither better nor
    worse than the reference form its category. Those better than it are raised once more where they are also better
    than at least one other treatment that is better than the reference; those worse are lowered in the same way.

    Raises
    ------
    InputError
        If nobody said whether small values are good, or the margin is negative.
    NotEstimable
        If the model was not estimable.
    """
    direction = small_values or result.spec.small_values
    if direction is None:
        raise InputError("Categories need to know whether small values are good.", allowed="good, bad")
    if margin < 0:
        raise InputError("The margin of a category must not be negative.", value=margin)
    league = league_table(result, model)
    good = direction == "good"
    better = league.high < -margin if good else league.low > margin
    r = league.treatments.index(result.reference)
    over: list[int] = np.flatnonzero(better[:, r]).tolist()
    under: list[int] = np.flatnonzero(better[r, :]).tolist()
    top = [i for i in over if better[i, over].any()]
    bottom = [i for i in under if better[under, i].any()]
    same = [i for i in range(len(league.treatments)) if i not in over and i not in under]
    value = league.estimate[:, r] * (1.0 if good else -1.0)
    name, limit = result.reference, "the margin" if margin else "no effect"

    def members(chosen: Sequence[int]) -> tuple[str, ...]:
        return tuple(league.treatments[i] for i in sorted(chosen, key=lambda i: float(value[i])))

    groups = (
        ("among the most effective", top, f"better than {name} and than another one that is better than {name}"),
        (f"better than {name}", [i for i in over if i not in top], f"better than {name}, not than others that are"),
        (f"no better or worse than {name}", same, f"its interval against {name} is not wholly beyond {limit}"),
        (
            f"worse than {name}",
            [i for i in under if i not in bottom],
            f"worse than {name}, not than others that are",
        ),
        ("among the least effective", bottom, f"worse than {name} and than another one that is worse than {name}"),
    )
    return tuple(Category(name=n, members=members(m), reason=why) for n, m, why in groups if len(m))


def partial_categories(
    result: NetworkResult,
    baseline_risk: float,
    thresholds: Sequence[float],
    *,
    small_values: str | None = None,
    model: str = "random",
) -> tuple[Category, ...]:
    """Categories of the partially contextualised framework: by the size of the absolute effect against the reference.

    Parameters
    ----------
    result : a fitted network of odds ratios, risk ratios or risk differences
    baseline_risk : risk with the reference, a proportion
    thresholds : events per 1,000 from which an effect is small, moderate and large, rising
    small_values, model : as in `minimal_categories`

    Notes
    -----
    The point estimate decides, as the framework has it; the certainty of the evidence is rated for that magnitude.

    Raises
    ------
    InputError
        If there are not three rising thresholds above 0, or as `absolute_effects`.
    """
    direction = small_values or result.spec.small_values
    if direction is None:
        raise InputError("Categories need to know whether small values are good.", allowed="good, bad")
    steps = tuple(thresholds)
    if len(steps) != 3 or not 0 < steps[0] < steps[1] < steps[2]:
        raise InputError(
            "Three rising thresholds per 1,000 tell small, moderate and large apart.",
            value=", ".join(f"{x:g}" for x in steps),
        )
    rows = absolute_effects(result, baseline_risk, model=model).rows
    sign = -1.0 if direction == "good" else 1.0
    found: dict[tuple[int, str], list[tuple[float, str]]] = {}
    for row in rows:
        gain = sign * row.difference[0]
        size = int(np.searchsorted(steps, abs(gain), side="right"))
        kind = "" if size == 0 else "benefit" if gain > 0 else "harm"
        key = (size if kind == "benefit" else -size, f"{MAGNITUDES[size]} {kind}".strip())
        found.setdefault(key, []).append((-gain, row.treatment))
    edges = (0.0, *steps)
    out = []
    for (rank, name), members in sorted(found.items(), key=lambda item: -item[0][0]):
        size = abs(rank)
        upper = f" to {steps[size]:g}" if size < len(steps) else " and more"
        reason = f"{edges[size]:g}{upper} per 1,000 at a risk of {baseline_risk:g} with {result.reference}"
        out.append(Category(name=name, members=tuple(t for _, t in sorted(members)), reason=reason))
    return tuple(out)
