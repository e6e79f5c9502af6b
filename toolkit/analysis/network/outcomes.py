"""Several outcomes of a network: ranks over all of them, and the order that they agree on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from toolkit.analysis.network.part import Part, Request, part
from toolkit.engine.network import OutcomeRanks, outcome_ranks
from toolkit.engine.tabulate import plain
from toolkit.model.errors import InputError

if TYPE_CHECKING:
    from toolkit.engine.results import NetworkResult

__all__ = ["outcomes", "ranks_of"]


def ranks_of(request: Request) -> OutcomeRanks:
    """Ranks over the outcome of the request and the others."""
    if request.outcome in request.others:
        raise InputError("Two outcomes have the same name.", value=request.outcome)
    results: dict[str, NetworkResult] = {request.outcome: request.result, **request.others}
    return outcome_ranks(results, request.model)


def outcomes(request: Request) -> Part:
    """P-scores side by side and the partial order."""
    found = ranks_of(request)
    rows = [
        [name, *("-" if x != x else f"{x:.3f}" for x in scores)]
        for name, scores in zip(found.treatments, found.score.tolist(), strict=True)
    ]
    lines = "; ".join(f"{a} above {b}" for a, b in found.above) or "no treatment is above another on all outcomes"
    notes = [f"Agreed by all outcomes: {lines}.", f"Not below any other: {', '.join(found.best) or 'none'}."]
    missing = [t for t in found.treatments if t not in found.ordered]
    if missing:
        notes.append(f"Not compared, since an outcome lacks them: {', '.join(missing)}.")
    caution = None if request.result.ranking is None else request.result.ranking.caution
    if caution:
        notes.append(caution)
    title = f"P-scores by outcome, {request.model} effects"
    return part({**plain(found), "caution": caution}, title, ["treatment", *found.outcomes], rows, notes)
