"""What publication and small-study effects may have done: adjustments of `evipool pairwise`, none of them a result."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import click

from toolkit.cli.common import console
from toolkit.plots.numbers import format_interval, format_p

if TYPE_CHECKING:
    from toolkit.engine.results import PairwiseResult

__all__ = ["ADJUSTMENTS", "adjust_options", "adjustments", "show_adjustments"]

F = TypeVar("F", bound=Callable[..., Any])

ADJUSTMENTS = {
    "pet-peese": "regression on precision",
    "limit": "limit meta-analysis",
    "step": "selection by steps of p",
    "beta": "selection, beta weight",
    "halfnorm": "selection, half-normal",
    "negexp": "selection, exponential",
    "logistic": "selection, logistic",
    "power": "selection, power",
    "p-curve": "evidence in the significant studies",
    "fail-safe": "fail-safe N; advised against",
    "excess": "more significant studies than expected",
}


def adjust_options(function: F) -> F:
    """Adjustments, by name."""
    names = "; ".join(f"{name} ({text})" for name, text in ADJUSTMENTS.items())
    option = click.option(
        "--adjust", type=click.Choice(list(ADJUSTMENTS)), multiple=True, metavar="NAME",
        help=f"A sensitivity analysis for publication and small-study effects, repeatable: {names}.",
    )  # fmt: skip
    return option(function)


def adjustments(result: PairwiseResult, names: tuple[str, ...], force: bool) -> dict[str, Any]:
    """Each adjustment that was asked for as plain data; estimates on the display scale beside the model scale."""
    if not names:
        return {}
    from toolkit.engine import publication
    from toolkit.engine.tabulate import estimate_to_dict, plain

    makers: dict[str, Callable[[], Any]] = {
        "pet-peese": lambda: publication.pet_peese(result, force=force),
        "limit": lambda: publication.limit_meta(result, force=force),
        "p-curve": lambda: publication.p_curve(result),
        "fail-safe": lambda: publication.fail_safe_n(result),
        "excess": lambda: publication.excess_significance(result),
    }
    found = {}
    for name in dict.fromkeys(names):
        made = makers[name]() if name in makers else publication.selection_model(result, name)
        own = plain(made)
        for field in ("pet", "peese", "adjusted", "random", "estimate", "unadjusted"):
            if isinstance(own.get(field), dict):
                own[field] = estimate_to_dict(getattr(made, field), result.scale)
        found[name] = own
    return {"adjustments": found}


def show_adjustments(found: dict[str, Any], decimals: int) -> None:
    """Print them, a line or two each, with what must be known to read them."""
    own = found.get("adjustments", {})
    if own:
        console().print("\nPublication and small-study effects (sensitivity analyses, not results):", markup=False)
    for name, result in own.items():
        for line in _lines(name, result, decimals):
            console().print(line, markup=False)


def _shown(e: dict[str, Any], decimals: int) -> str:
    return format_interval(e["estimate"], e["ci_low"], e["ci_high"], "identity", decimals)


def _lines(name: str, r: dict[str, Any], decimals: int) -> list[str]:
    if name == "pet-peese":
        chosen = r[r["chosen"].lower()]
        lines = [f"PET-PEESE: {_shown(chosen, decimals)}, by {r['chosen']}; PET {_shown(r['pet'], decimals)}"]
        return lines + ([f"  caution: {r['caution']}"] if r["caution"] else [])
    if name == "limit":
        text = f"Limit meta-analysis: {_shown(r['adjusted'], decimals)}; test of small-study effects {format_p(r['p'])}"
        return [f"{text}; G² = {100 * r['g2']:.1f} %"]
    if name == "p-curve":
        verdict = "evidential value" if r["evidential"] else "no evidential value shown"
        text = f"p-curve: {r['significant']} of {r['k']} studies significant; {verdict} (full {format_p(r['p_full'])}"
        return [f"{text}, half {format_p(r['p_half'])}); power {100 * r['power']:.0f} %", f"  caution: {r['caution']}"]
    if name == "fail-safe":
        return [f"Fail-safe N ({r['method']}): {r['n']}", f"  caution: {r['caution']}"]
    if name == "excess":
        text = f"Excess significance: {r['observed']} significant, {r['expected']:.1f} expected of {r['k']}"
        return [f"{text}; exact {format_p(r['p_exact'])}", f"  caution: {r['caution']}"]
    text = f"Selection model ({name}): {_shown(r['estimate'], decimals)}; without selection "
    text += f"{_shown(r['unadjusted'], decimals)}; no selection: {format_p(r['p'])}"
    return [text, *(f"  {note}" for note in r["notes"])]
