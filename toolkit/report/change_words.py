"""What changed in an analysis, in words: where its interval lies before and now, and what else is another."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from toolkit.analysis.words import digits_of, estimate_text, shown_model
from toolkit.model.choices import MEASURES
from toolkit.model.wording import counted

__all__ = ["comparable", "main_estimate", "null_of", "position", "sentence"]

Payload = Mapping[str, Any]


def main_estimate(payload: Payload | None) -> Payload | None:
    """The estimate a pairwise result stands for: random effects, or the one study there is."""
    if payload is None or payload["result"] is None or payload["kind"] != "pairwise":
        return None
    result = payload["result"]
    found: Payload | None = result["random"] or result["common"]
    return found


def null_of(measure: str) -> float:
    """No effect on the display scale: 1 for ratios, 0 for differences."""
    return 1.0 if MEASURES[measure].scale == "log" else 0.0


def position(estimate: Payload | None, null: float, important: float | None) -> str:
    """Where an interval lies: against no effect, and against the smallest important difference if one was agreed.

    Examples
    --------
    >>> position({"ci_low": -18.0, "ci_high": -4.0}, 0.0, 15.0)
    'lies wholly below no effect and includes the smallest important difference'
    >>> position({"ci_low": 0.9, "ci_high": 1.1}, 1.0, 0.8)
    'includes no effect and excludes any difference that is important'
    """
    if estimate is None or estimate["ci_low"] is None or estimate["ci_high"] is None:
        return "no interval"
    low, high = estimate["ci_low"], estimate["ci_high"]
    words = "includes no effect"
    if high < null:
        words = "lies wholly below no effect"
    elif low > null:
        words = "lies wholly above no effect"
    if important is None or important <= 0:
        return words
    if null == 1.0:
        near, far = sorted((important, 1 / important))
    else:
        near, far = null - important, null + important
    if near < low and high < far:
        return f"{words} and excludes any difference that is important"
    if high < near or low > far:
        return f"{words} and lies wholly beyond the smallest important difference"
    return f"{words} and includes the smallest important difference"


def comparable(before: Payload, after: Payload) -> bool:
    """Whether two results answer the same question: kind and measure, and of one comparison its two treatments."""
    names = ("measure",) if after["kind"] == "network" else ("measure", "treatment", "reference")
    return before["kind"] == after["kind"] and all(before["spec"].get(x) == after["spec"].get(x) for x in names)


def sentence(before: Payload | None, after: Payload | None, important: float | None) -> str:
    """In words: the estimate before and after, and whether the interval's position moved.

    Both have to be comparable; ``before`` is None for a new analysis.
    """
    assert after is not None
    if after["kind"] == "network":
        return _network(before, after, important)
    old, new = main_estimate(before), main_estimate(after)
    null = null_of(after["spec"]["measure"])
    if new is None:
        there = "" if old is None else f"It was {_estimate(before, old)}; now there is no estimate: "
        return f"{there or 'Not estimable: '}{after['reason']}."
    if old is None:
        return f"There was no estimate before; now it is {_estimate(after, new)}."
    return _moved(position(old, null, important), position(new, null, important))


def _estimate(payload: Payload | None, found: Payload) -> str:
    assert payload is not None
    return estimate_text(found, payload["spec"]["level"], digits_of(payload["spec"]["measure"]))


def _moved(was: str, now: str) -> str:
    if was == now:
        return "There is still no interval." if now == "no interval" else f"The interval still {now}."
    if was == "no interval":
        return f"There was no interval before; now it {now}."
    if now == "no interval":
        return f"The interval {_past(was)}; now there is none."
    return f"The interval, which {_past(was)}, now {now}."


def _past(words: str) -> str:
    return words.replace("includes", "included").replace("lies", "lay").replace("excludes", "excluded")


def _network(before: Payload | None, after: Payload, important: float | None) -> str:
    if after["result"] is None:
        return f"Not estimable: {after['reason']}."
    k = after["result"]["k"]
    if before is None or before["result"] is None:
        return f"The network rests on {counted(k, 'study')}."
    parts = [f"The network rests on {counted(k, 'study')} ({before['result']['k']} before)."]
    was, now = _treatments(before), _treatments(after)
    lost, new = [x for x in was if x not in now], [x for x in now if x not in was]
    if lost:
        parts.append(f"No longer in the network: {', '.join(lost)}.")
    if new:
        parts.append(f"New in the network: {', '.join(new)}.")
    if before["result"]["reference"] != after["result"]["reference"]:
        parts.append(f"Reference: {before['result']['reference']} before, {after['result']['reference']} now.")
    else:
        parts.append(_pairs_moved(before, after, important))
    parts.append(_order_moved(before, after))
    return " ".join(part for part in parts if part)


def _treatments(payload: Payload) -> list[str]:
    r = payload["result"]
    return [*(row["treatment"] for row in r["effects"]), r["reference"]]


def _pairs_moved(before: Payload, after: Payload, important: float | None) -> str:
    """Which intervals against the reference are placed otherwise than before."""
    null = null_of(after["spec"]["measure"])

    def places(payload: Payload) -> dict[str, str]:
        r = payload["result"]
        return {row["treatment"]: position(row[shown_model(r)], null, important) for row in r["effects"]}

    was, now = places(before), places(after)
    shared = [name for name in now if name in was]
    if not shared:
        return ""
    reference = after["result"]["reference"]
    moved = [f"{x} against {reference}: {_lower(_moved(was[x], now[x]))}" for x in shared if was[x] != now[x]]
    return " ".join(moved) or f"No interval against {reference} changed its position."


def _lower(text: str) -> str:
    return text[:1].lower() + text[1:]


def _order(payload: Payload) -> list[str] | None:
    """Treatments from the best P-score down; None where nothing is ranked, or must not be."""
    ranking = payload["result"]["ranking"]
    if ranking is None or ranking["caution"]:
        return None
    scores = ranking["p_score_random"] or ranking["p_score_common"]
    return [name for name, _ in sorted(zip(ranking["treatments"], scores, strict=True), key=lambda pair: -pair[1])]


def _order_moved(before: Payload, after: Payload) -> str:
    was, now = _order(before), _order(after)
    if now is None:
        return "Nothing is ranked now." if was is not None else ""
    shown = ", ".join(now)
    return f"Order by P-score as before: {shown}." if was == now else f"Order by P-score now: {shown}."
