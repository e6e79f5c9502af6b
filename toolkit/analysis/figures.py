"""Figures of a result, drawn beside its numbers; drawn again when only their wording changed."""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from toolkit.analysis.network.figures import Look, network_figures
from toolkit.analysis.plan import WORDING
from toolkit.analysis.select import Selection
from toolkit.config import Analysis, Outcome
from toolkit.engine.results import NetworkResult, PairwiseResult
from toolkit.model.errors import InputError, NotEstimable
from toolkit.records.tables import write_whole

if TYPE_CHECKING:
    from toolkit.analysis.fit import Fit

__all__ = ["draw_figures", "favours", "is_worded_so", "wording"]


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
    if analysis.figures or analysis.named_options.get("contours"):
        words["figures"] = list(analysis.figures)
        words["contours"] = bool(analysis.asked["contours"])
    return words


def is_worded_so(folder: Path, words: dict[str, Any]) -> bool:
    """Whether the figures in a result folder were drawn with these words."""
    try:
        found: object = json.loads((folder / WORDING).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return found == words


def draw_figures(folder: Path, words: dict[str, Any], fitted: Fit, *, kind: str = "svg") -> None:
    """Draw every figure that the result supports into ``folder``; the words last, as the mark that all is there.

    ``kind`` is "svg", "png" or "pdf".
    """
    if isinstance(fitted.result, PairwiseResult):
        _draw_pairwise(folder, words, fitted, kind)
    elif isinstance(fitted.result, NetworkResult):
        _draw_network(folder, words, fitted, kind)
    write_whole(folder / WORDING, json.dumps(words, ensure_ascii=False, indent=1).encode("utf-8"))


def _sides(words: dict[str, Any]) -> tuple[str, str] | None:
    return None if words["favours"] is None else (words["favours"][0], words["favours"][1])


def _draw_pairwise(folder: Path, words: dict[str, Any], fitted: Fit, kind: str) -> None:
    from toolkit.analysis.pairwise.figures import draw, forest_extras, funnel
    from toolkit.plots.forest import draw_forest
    from toolkit.plots.style import save_figure

    result, done, title = fitted.result, fitted.pairwise, words["title"]
    assert isinstance(result, PairwiseResult) and done is not None
    asked = fitted.asked
    forest = draw_forest(result, title=title, favours=_sides(words), **forest_extras(done, asked))
    save_figure(forest, folder / f"forest.{kind}", title=title)
    if result.k >= 3:
        own = funnel(result, asked, title=title, contours=words.get("contours", False))
        save_figure(own, folder / f"funnel.{kind}", title=title)
    for name in words.get("figures", ()):
        with suppress(InputError, NotEstimable):  # said among what was not done
            save_figure(draw(name, result, fitted.asked, done.columns), folder / f"{name}.{kind}", title=title)


def _draw_network(folder: Path, words: dict[str, Any], fitted: Fit, kind: str) -> None:
    from toolkit.analysis.network.declared import drawings
    from toolkit.plots.style import save_figure

    assert isinstance(fitted.result, NetworkResult) and fitted.network is not None
    look = Look(title=words["title"], unit=words["unit"], favours=_sides(words), designs=words.get("designs"))
    made = network_figures(fitted.network, look)
    if fitted.result.ranking is not None and fitted.result.ranking.caution is not None:
        del made["ranks"]  # no ranking as a headline on a thin network
    for one in fitted.further:
        with suppress(InputError, NotEstimable):  # said where its table would stand
            made |= drawings(one, look)
    for name, draw in made.items():
        with suppress(InputError, NotEstimable):
            save_figure(draw(), folder / f"{name}.{kind}", title=words["title"])
