"""Figures of a result, drawn beside its numbers; drawn again when only their wording changed."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from toolkit.analysis.plan import WORDING
from toolkit.analysis.select import Selection
from toolkit.config import Analysis, Outcome
from toolkit.engine.results import NetworkResult, PairwiseResult
from toolkit.records.tables import write_whole

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from toolkit.analysis.fit import Fit
    from toolkit.engine.data import Effects

__all__ = ["closes_a_loop", "draw_figures", "favours", "is_worded_so", "wording"]


def favours(analysis: Analysis, outcome: Outcome) -> tuple[str, str] | None:
    """What lies left and right of no effect in a forest plot; None while nobody said which direction is better."""
    if outcome.better is None or analysis.reference is None:
        return None
    left, right = analysis.treatment or "treatment", analysis.reference
    if outcome.better == "higher":
        left, right = right, left
    return f"favours {left}", f"favours {right}"


def wording(analysis: Analysis, outcome: Outcome, selection: Selection) -> dict[str, Any]:
    """Everything that a figure shows and that is no number of the result."""
    sides = favours(analysis, outcome)
    words: dict[str, Any] = {
        "title": analysis.title or analysis.id,
        "favours": None if sides is None else list(sides),
        "unit": outcome.unit or "participants",
    }
    if analysis.kind == "network" and len({design for _, design in selection.designs}) > 1:
        words["designs"] = dict(selection.designs)
    return words


def is_worded_so(folder: Path, words: dict[str, Any]) -> bool:
    """Whether the figures in a result folder were drawn with these words."""
    try:
        found: object = json.loads((folder / WORDING).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return found == words


def closes_a_loop(comparisons: Iterable[Mapping[str, Any]]) -> bool:
    """Whether different studies close a loop, so that indirect evidence says something that direct evidence does not.

    Parameters
    ----------
    comparisons : of a network, each with "t1", "t2" and its "studies"
    """
    from toolkit.engine.network.connect import independent_loops

    members: dict[str, set[str]] = {}
    for c in comparisons:
        for study in c["studies"]:
            members.setdefault(study, set()).update((c["t1"], c["t2"]))
    return independent_loops(members.values()) > 0


def draw_figures(folder: Path, words: dict[str, Any], fitted: Fit, *, kind: str = "svg") -> None:
    """Draw every figure that the result supports into ``folder``; the words last, as the mark that all is there.

    ``kind`` is "svg", "png" or "pdf".
    """
    if isinstance(fitted.result, PairwiseResult):
        _draw_pairwise(folder, words, fitted.result, kind)
    elif isinstance(fitted.result, NetworkResult):
        _draw_network(folder, words, fitted, kind)
    write_whole(folder / WORDING, json.dumps(words, ensure_ascii=False, indent=1).encode("utf-8"))


def _sides(words: dict[str, Any]) -> tuple[str, str] | None:
    return None if words["favours"] is None else (words["favours"][0], words["favours"][1])


def _draw_pairwise(folder: Path, words: dict[str, Any], result: PairwiseResult, kind: str) -> None:
    from toolkit.plots.forest import draw_forest
    from toolkit.plots.funnel import draw_funnel
    from toolkit.plots.style import save_figure

    title = words["title"]
    save_figure(draw_forest(result, title=title, favours=_sides(words)), folder / f"forest.{kind}", title=title)
    if result.k >= 3:
        save_figure(draw_funnel(result, title=title), folder / f"funnel.{kind}", title=title)


def _draw_network(folder: Path, words: dict[str, Any], fitted: Fit, kind: str) -> None:
    from toolkit.engine.network import league_table
    from toolkit.plots.evidence import draw_direct_indirect
    from toolkit.plots.forest_network import draw_network_forest, draw_split
    from toolkit.plots.league import draw_league
    from toolkit.plots.network import draw_network
    from toolkit.plots.ranks import draw_ranks
    from toolkit.plots.style import save_figure

    result, title = fitted.result, words["title"]
    assert isinstance(result, NetworkResult)
    model = "common" if result.random is None else "random"
    made = {
        "network": draw_network(result, title=title, unit=words["unit"]),
        "forest": draw_network_forest(result, title=title, favours=_sides(words)),
    }
    if "designs" in words:
        made["network-design"] = draw_network(result, title=title, unit=words["unit"], design=words["designs"])
    if len(result.treatments) > 2:
        made["league"] = draw_league(league_table(result, model), title=title)
    both = [s for s in fitted.splits if s.direct is not None and s.indirect is not None]
    both = both if closes_a_loop([{"t1": c.t1, "t2": c.t2, "studies": c.studies} for c in result.comparisons]) else []
    if fitted.effects is not None and len(result.treatments) > 2:
        made |= _evidence_figures(result, fitted.effects, model, title, loops=bool(both))
    if both:
        measure, level = result.spec.measure, result.spec.level
        made["split"] = draw_split(both, measure=measure, scale=result.scale, level=level, title=title)
        made["direct-indirect"] = draw_direct_indirect(both, measure=measure, scale=result.scale, title=title)
    if fitted.ranks is not None and fitted.ranks.caution is None:
        made["ranks"] = draw_ranks(fitted.ranks, title=title)
    for name, figure in made.items():
        save_figure(figure, folder / f"{name}.{kind}", title=title)


def _evidence_figures(
    result: NetworkResult, effects: Effects, model: str, title: str, *, loops: bool
) -> dict[str, Figure]:
    """What each study contributes and, where different studies close loops, which design is inconsistent."""
    from toolkit.engine.network import contributions, net_heat
    from toolkit.model.errors import NotEstimable
    from toolkit.plots.contribution import draw_contributions
    from toolkit.plots.net_heat import draw_net_heat

    found = contributions(effects, result, model=model)
    made = {"contributions": draw_contributions(found, reference=result.reference, title=title)}
    if loops:
        with suppress(NotEstimable):  # two designs: detaching one leaves nothing to compare with
            made["heat"] = draw_net_heat(net_heat(effects, result.reference, model), title=title)
    return made
