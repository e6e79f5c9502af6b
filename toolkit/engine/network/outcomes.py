"""Several outcomes at once: ranks side by side, and the order that all outcomes agree on.

References
----------
Ruecker, Schwarzer 2017, Res Synth Methods 8:526-536 (partially ordered treatments). doi:10.1002/jrsm.1270
Veroniki, Straus, Fyraridis, Tricco 2016, J Clin Epidemiol 76:193-199 (rank-heat plot).
    doi:10.1016/j.jclinepi.2016.02.016
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from toolkit.engine.data import FloatArray
from toolkit.engine.network.gls import BoolArray
from toolkit.engine.network.rank import p_scores
from toolkit.engine.network.views import chosen_model
from toolkit.engine.results import NetworkResult
from toolkit.model.errors import InputError

__all__ = ["OutcomeRanks", "outcome_ranks"]


@dataclass(frozen=True, slots=True, kw_only=True)
class OutcomeRanks:
    """P-scores of treatments over outcomes and their partial order.

    Attributes
    ----------
    outcomes : names, columns of ``score``
    treatments : all of them; those known for every outcome first, by their mean score
    score : (T, O) P-scores, NaN where the outcome's network lacks the treatment
    ordered : treatments known for every outcome: only these can be compared
    above : (better, worse) pairs next to each other in the order: better on some outcome and worse on none, with no
        treatment between them (the lines of a Hasse diagram)
    best : treatments that no other one is above
    """

    outcomes: tuple[str, ...]
    treatments: tuple[str, ...]
    score: FloatArray
    ordered: tuple[str, ...]
    above: tuple[tuple[str, str], ...]
    best: tuple[str, ...]


def outcome_ranks(results: Mapping[str, NetworkResult], model: str = "random") -> OutcomeRanks:
    """Ranks over outcomes.

    Parameters
    ----------
    results : fitted network of each outcome; each spec says whether small values are good
    model : "random" (common where an outcome has no random effects) or "common"

    Raises
    ------
    InputError
        For fewer than two outcomes, or one whose direction nobody told.
    """
    if len(results) < 2:
        raise InputError("A partial order needs at least two outcomes.", value=", ".join(results))
    columns: list[dict[str, float]] = []
    for name, result in results.items():
        if result.spec.small_values is None:
            raise InputError(f"Outcome {name!r}: say whether small values are good.", allowed="good, bad")
        te, se = chosen_model(result, "common" if result.random is None else model)
        scores = p_scores(te, se, result.spec.small_values).tolist()
        columns.append(dict(zip(result.treatments, scores, strict=True)))
    names = sorted({t for column in columns for t in column})
    score = np.array([[column.get(t, np.nan) for column in columns] for t in names])
    known = ~np.isnan(score).any(axis=1)
    mean = np.nanmean(score, axis=1)
    order = sorted(range(len(names)), key=lambda i: (not known[i], -mean[i], names[i]))
    score, treatments = score[order], tuple(names[i] for i in order)
    n = int(known.sum())
    inside = score[:n]
    over: BoolArray = np.all(inside[:, None] >= inside[None, :], axis=2) & np.any(
        inside[:, None] > inside[None, :], axis=2
    )
    between = (over.astype(int) @ over.astype(int)) > 0
    cover = np.argwhere(over & ~between)
    return OutcomeRanks(
        outcomes=tuple(results),
        treatments=treatments,
        score=score,
        ordered=treatments[:n],
        above=tuple((treatments[i], treatments[j]) for i, j in cover.tolist()),
        best=tuple(treatments[j] for j in range(n) if not over[:, j].any()),
    )
