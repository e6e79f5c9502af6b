"""What changed since the version before: studies, estimates, intervals, and where they lie."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from toolkit.analysis.words import estimate_text, number, percent
from toolkit.model.choices import MEASURES
from toolkit.model.review import Version

__all__ = ["AnalysisChange", "StudyMove", "analysis_change", "baseline", "position", "sentence"]

Payload = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class StudyMove:
    """A study that came into an analysis or left it, and why (None for a new study)."""

    study: str
    reason: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class AnalysisChange:
    """One analysis before and after.

    ``status`` is "new", "gone", "unchanged" or "changed"; ``sentence`` says in words what moved. ``before`` and
    ``after`` are payloads (None if there was or is no result).
    """

    analysis: str
    title: str
    status: str
    before: Payload | None
    after: Payload | None
    came: tuple[StudyMove, ...]
    left: tuple[StudyMove, ...]
    sentence: str


def baseline(versions: Sequence[Version], *, changed_since_last: bool) -> Version | None:
    """The version to compare with: the last one if something happened after it, else the one before it."""
    if not versions:
        return None
    if changed_since_last:
        return versions[-1]
    return versions[-2] if len(versions) > 1 else None


def analysis_change(
    analysis: str,
    title: str,
    before: Payload | None,
    after: Payload | None,
    important: float | None,
    left_out: Mapping[str, str] = MappingProxyType({}),
) -> AnalysisChange:
    """Compare two results of one analysis.

    Parameters
    ----------
    before, after : payloads of result.json
    important : smallest important difference on the display scale, None if none was agreed
    left_out : study -> why it does not enter now
    """
    if before is None and after is None:
        status = "unchanged"
    elif before is None:
        status = "new"
    elif after is None:
        status = "gone"
    else:
        status = "unchanged" if before["fingerprint"] == after["fingerprint"] else "changed"
    came = tuple(StudyMove(study=s, reason=None) for s in _studies(after) if s not in _studies(before))
    left = tuple(StudyMove(study=s, reason=left_out.get(s)) for s in _studies(before) if s not in _studies(after))
    return AnalysisChange(
        analysis=analysis,
        title=title,
        status=status,
        before=before,
        after=after,
        came=came,
        left=left,
        sentence=sentence(before, after, important) if status in ("changed", "new", "gone") else "",
    )


def _studies(payload: Payload | None) -> list[str]:
    if payload is None:
        return []
    return list(dict.fromkeys(arm["study"] for arm in payload["selection"]["arms"]))


def main_estimate(payload: Payload | None) -> Payload | None:
    """The estimate a pairwise result stands for: random effects, or the one study there is."""
    if payload is None or payload["result"] is None or payload["kind"] != "pairwise":
        return None
    result = payload["result"]
    found: Payload | None = result["random"] or result["common"]
    return found


def position(estimate: Payload | None, null: float, important: float | None) -> str:
    """Where an interval lies: against no effect, and against the smallest important difference if one was agreed."""
    if estimate is None or estimate["ci_low"] is None or estimate["ci_high"] is None:
        return "no interval"
    low, high = estimate["ci_low"], estimate["ci_high"]
    words = "includes no effect"
    if high < null:
        words = "lies wholly below no effect"
    elif low > null:
        words = "lies wholly above no effect"
    if important is None:
        return words
    inside = [bound for bound in (null - important, null + important) if low <= bound <= high]
    return f"{words} and {'includes' if inside else 'excludes'} the smallest important difference"


def sentence(before: Payload | None, after: Payload | None, important: float | None) -> str:
    """In words: the estimate before and after, and whether the interval's position moved."""
    old, new = main_estimate(before), main_estimate(after)
    if old is None and new is None:
        return _no_estimate(before, after)
    level = (after or before or {})["spec"]["level"]
    if old is None:
        return f"There was no estimate before; now it is {estimate_text(new, level)}."
    if new is None:
        reason = after["reason"] if after is not None else "the analysis is no longer declared"
        return f"It was {estimate_text(old, level)}; now there is no estimate: {reason}."
    spec = (after or before or {})["spec"]
    measure = MEASURES[spec["measure"]]
    null = 1.0 if measure.scale == "log" else 0.0
    was, now = position(old, null, important), position(new, null, important)
    moved = f"The interval still {now}." if was == now else f"The interval, which {_past(was)}, now {now}."
    if now == "no interval" or was == "no interval":
        moved = ""
    return f"From {estimate_text(old, level)} to {estimate_text(new, level)}. {moved}".strip()


def _past(words: str) -> str:
    return words.replace("includes", "included").replace("lies", "lay").replace("excludes", "excluded")


def _no_estimate(before: Payload | None, after: Payload | None) -> str:
    if after is not None and after["kind"] == "network" and after["result"] is not None:
        k = after["result"]["k"]
        old = before["result"]["k"] if before is not None and before["result"] is not None else 0
        return f"The network rests on {k} studies ({old} before)."
    reason = after["reason"] if after is not None else None
    return f"Not estimable: {reason}." if reason else "Not estimable."


def numbers_row(payload: Payload | None) -> list[str]:
    """Cells of a before/after table: studies, estimate, tau2, I2, prediction interval."""
    if payload is None:
        return ["-", "-", "-", "-", "-"]
    if payload["result"] is None:
        return ["0", "not estimable", "-", "-", "-"]
    result, level = payload["result"], payload["spec"]["level"]
    if payload["kind"] == "network":
        h = result["heterogeneity"]
        tau2 = "-" if h["tau2"] is None else number(h["tau2"]["value"])
        return [str(result["k"]), "see the league table", tau2, percent(h["i2"]), "-"]
    tau2 = "-" if result["tau2"] is None else number(result["tau2"]["value"])
    i2 = "-" if result["heterogeneity"] is None or result["k"] < 2 else percent(result["heterogeneity"]["i2_tau2"])
    p = result["prediction"]
    prediction = "-" if p is None else f"{number(p['low'])} to {number(p['high'])}"
    return [str(result["k"]), estimate_text(main_estimate(payload), level), tau2, i2, prediction]
