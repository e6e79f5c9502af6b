"""Several outcomes of `evipool network`: further tables, their fits, and ranks over all of them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from toolkit.cli.network_part import Part, Request, part
from toolkit.engine.network import OutcomeRanks, network, network_effects, outcome_ranks
from toolkit.engine.tabulate import plain
from toolkit.model.choices import MEASURES
from toolkit.model.errors import InputError

if TYPE_CHECKING:
    from toolkit.engine.results import NetworkResult

__all__ = ["outcomes", "ranks_of"]

FORM = "FILE:MEASURE:good or FILE:MEASURE:bad"


def ranks_of(request: Request) -> OutcomeRanks:
    """Ranks over the outcome of the command and those of --with-outcome."""
    if not request.options.with_outcome:
        raise InputError("Ranks over outcomes need another outcome.", hint=f"Add --with-outcome {FORM}.")
    results: dict[str, NetworkResult] = {request.options.outcome_name: request.result}
    for text in request.options.with_outcome:
        name, result = _fitted(request, text)
        if name in results:
            raise InputError("Two outcomes have the same name.", value=name, hint="The name is that of the file.")
        results[name] = result
    return outcome_ranks(results, request.model)


def _fitted(request: Request, text: str) -> tuple[str, NetworkResult]:
    from toolkit.engine.tables import read_table

    pieces = text.rsplit(":", 2)
    if len(pieces) != 3 or pieces[1].upper() not in MEASURES or pieces[2] not in ("good", "bad"):
        raise InputError("An outcome is not written like this.", value=text, allowed=FORM)
    path, measure = Path(pieces[0]), pieces[1].upper()
    spec = replace(request.result.spec, measure=measure, small_values=pieces[2], reference=None)
    table = read_table(path, measure=measure)
    return path.stem, network(network_effects(table.data(measure), spec), spec)


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
