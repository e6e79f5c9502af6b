"""Every figure of a network that its data allow, by name; the command and declared analyses draw the same ones."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from toolkit.analysis.network.part import Request, texts_of

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from toolkit.engine.network import LeagueTable

__all__ = ["Draw", "Look", "caption", "closes_a_loop", "further_figures", "league_of_two", "network_figures"]

Draw = Callable[[], "Figure"]

CAPTIONS = {
    "network": "Network graph",
    "network-design": "Network graph by design of the studies",
    "network-rob": "Network graph by risk of bias",
    "forest": "Forest plot against the reference",
    "league": "League table as a heat map",
    "split": "Direct against indirect evidence",
    "direct-indirect": "Direct against indirect estimates",
    "heat": "Net heat: which design the inconsistency comes from",
    "contributions": "Contribution of the studies",
    "contributions-rob": "Contribution by risk of bias",
    "ranks": "Rank probabilities",
    "funnel": "Comparison-adjusted funnel plot",
    "rank-heat": "Rank-heat table over the outcomes",
    "hasse": "Hasse diagram of the order that the outcomes agree on",
}
MODIFIER = "modifier-"
MOST_SPLITS = 40  # comparisons that a figure of direct and indirect evidence shows


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """What figures say besides numbers: a title, what is counted, the sides of no effect, the design of each study."""

    title: str | None = None
    unit: str = "patients"
    favours: tuple[str, str] | None = None
    designs: Mapping[str, str] | None = None


def caption(name: str) -> str:
    """What a figure shows, in words; a number behind its name tells it from another of its kind."""
    if name.startswith(MODIFIER):
        return f"Effect modifier by comparison: {name.removeprefix(MODIFIER)}"
    return CAPTIONS[name if name in CAPTIONS else name.rpartition("-")[0]]


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


def network_figures(request: Request, look: Look) -> dict[str, Draw]:
    """Name -> how it is drawn, of the figures of every network; drawing may raise `NotEstimable`."""
    from toolkit.engine import network as engine
    from toolkit.plots.contribution import draw_contributions
    from toolkit.plots.forest_network import draw_network_forest
    from toolkit.plots.league import draw_league
    from toolkit.plots.network import draw_network

    result, effects, model, title = request.result, request.effects, request.model, look.title
    found: dict[str, Draw] = {
        "network": lambda: draw_network(result, title=title, unit=look.unit),
        "forest": lambda: draw_network_forest(result, title=title, favours=look.favours, model=model),
    }
    if look.designs is not None:
        found["network-design"] = lambda: draw_network(result, title=title, unit=look.unit, design=look.designs)
    if len(result.treatments) > 2:
        found["league"] = lambda: draw_league(engine.league_table(result, model), title=title)
        found["contributions"] = lambda: draw_contributions(
            engine.contributions(effects, result, model=model), reference=result.reference, title=title
        )
    found |= _loop_figures(request, look)
    if result.ranking is not None:
        found["ranks"] = lambda: _ranks(request, look)
    return found


def _loop_figures(request: Request, look: Look) -> dict[str, Draw]:
    """Direct against indirect evidence, and which design is inconsistent."""
    from toolkit.engine import network as engine
    from toolkit.model.errors import NotEstimable
    from toolkit.plots.evidence import draw_direct_indirect
    from toolkit.plots.forest_network import draw_split
    from toolkit.plots.net_heat import draw_net_heat

    result, model, title = request.result, request.model, look.title
    measure, scale, level = result.spec.measure, result.scale, result.spec.level
    loops = closes_a_loop([{"t1": c.t1, "t2": c.t2, "studies": c.studies} for c in result.comparisons])

    def both() -> list[engine.Split]:
        splits = engine.split_evidence(request.effects, result, model) if loops else ()
        found = [s for s in splits if s.direct is not None and s.indirect is not None]
        if not found:
            raise NotEstimable("no closed loop of different studies, so nothing is direct and indirect at once")
        return found

    def split() -> Figure:
        shown = both()
        few = sorted(shown, key=lambda s: 1.0 if s.difference is None else s.difference.p)[:MOST_SPLITS]
        notes = []
        if len(few) < len(shown):
            shown = [s for s in shown if s in few]
            notes = [f"The {len(shown)} of {len(both())} comparisons whose two kinds of evidence differ most."]
        return draw_split(shown, measure=measure, scale=scale, level=level, title=title, footnotes=notes)

    def heat() -> Figure:
        if not loops:
            raise NotEstimable("no closed loop of different studies, so no design can disagree with another")
        return draw_net_heat(engine.net_heat(request.effects, result.reference, model), title=title)

    return {
        "heat": heat,
        "split": split,
        "direct-indirect": lambda: draw_direct_indirect(both(), measure=measure, scale=scale, title=title),
    }


def _ranks(request: Request, look: Look) -> Figure:
    import numpy as np

    from toolkit.engine.network import rank_probabilities
    from toolkit.plots.ranks import draw_ranks

    asked = request.options
    random = np.random.default_rng(asked.seed)
    return draw_ranks(
        rank_probabilities(request.result, random, model=request.model, draws=asked.draws), title=look.title
    )


def further_figures(name: str, request: Request, look: Look) -> dict[str, Draw]:
    """The same of the figures that belong to a further analysis; empty for one that has none of its own."""
    makers = {
        "contributions": _rob_figures,
        "transitivity": _modifier_figures,
        "design-adjusted": _design_figures,
        "funnel": _funnel_figures,
        "outcomes": _outcome_figures,
    }
    return makers[name](request, look) if name in makers else {}


def _rob_figures(request: Request, look: Look) -> dict[str, Draw]:
    from toolkit.engine.network import contributions
    from toolkit.plots.contribution import draw_contributions
    from toolkit.plots.network import draw_network

    asked, result, model = request.options, request.result, request.model
    if asked.rob is None:
        return {}
    rob = texts_of(request, asked.rob)

    def shares() -> Figure:
        found = contributions(request.effects, result, asked.contribution_method, model)
        return draw_contributions(found, level=rob, title=look.title)

    return {
        "contributions-rob": shares,
        "network-rob": lambda: draw_network(result, title=look.title, unit=look.unit, level=rob),
    }


def _modifier_figures(request: Request, look: Look) -> dict[str, Draw]:
    from toolkit.engine.network import modifier_table
    from toolkit.plots.modifiers import draw_modifier

    def drawn(column: str) -> Draw:
        table = modifier_table(request.effects, column, texts_of(request, column))
        title = None if look.title is None else f"{look.title}: {column}"
        return lambda: draw_modifier(table, title=title)

    return {f"{MODIFIER}{_file_name(column)}": drawn(column) for column in request.options.modifier}


def _file_name(column: str) -> str:
    """A column's name as part of a file's, without what file systems refuse."""
    return "".join(c if c.isalnum() else "-" for c in column).strip("-") or "column"


def _design_figures(request: Request, look: Look) -> dict[str, Draw]:
    from toolkit.plots.network import draw_network

    assert request.options.design is not None
    design = texts_of(request, request.options.design)
    return {"network-design": lambda: draw_network(request.result, title=look.title, unit=look.unit, design=design)}


def _funnel_figures(request: Request, look: Look) -> dict[str, Draw]:
    from toolkit.engine.network import comparison_adjusted_funnel
    from toolkit.plots.evidence import draw_adjusted_funnel

    asked, result = request.options, request.result

    def drawn() -> Figure:
        found = comparison_adjusted_funnel(request.effects, result, asked.order, request.model)
        return draw_adjusted_funnel(found, scale=result.scale, title=look.title)

    return {"funnel": drawn}


def _outcome_figures(request: Request, look: Look) -> dict[str, Draw]:
    from toolkit.analysis.network.outcomes import ranks_of
    from toolkit.plots.hasse import draw_hasse
    from toolkit.plots.rank_heat import draw_rank_heat

    return {
        "rank-heat": lambda: draw_rank_heat(ranks_of(request), title=look.title),
        "hasse": lambda: draw_hasse(ranks_of(request), title=look.title),
    }


def league_of_two(request: Request, second: LeagueTable, name: str) -> Draw:
    """The league table with the outcome of the request below the diagonal and `second`, of this name, above it."""
    from toolkit.engine.network import league_table
    from toolkit.plots.league import draw_league

    own = league_table(request.result, request.model)
    return lambda: draw_league(own, second=second, outcomes=(request.outcome, name))
