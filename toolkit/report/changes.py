"""What changed since the version before: studies, estimates, intervals, and where they lie."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from toolkit.analysis.words import digits_of, estimate_text, interval_text, number, percent, shown_model
from toolkit.model.choices import MEASURES
from toolkit.model.review import Version
from toolkit.model.wording import counted

__all__ = [
    "AnalysisChange",
    "StudyMove",
    "analysis_change",
    "baseline",
    "looks",
    "main_estimate",
    "moved_most",
    "network_rows",
    "null_of",
    "numbers_of",
    "numbers_row",
    "position",
    "sentence",
]

Payload = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class StudyMove:
    """A study that came into an analysis or left it, and why (None for a new study)."""

    study: str
    reason: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class AnalysisChange:
    """One analysis before and after.

    ``status`` is "new", "gone", "unchanged" or "changed"; ``sentence`` says in words what moved, ``mover`` which of
    the new studies moved the estimate most ("" where that cannot be said), ``certainty`` how its rating moved.
    ``before`` and ``after`` are payloads (None if there was or is no result). ``looks`` counts the states of the data
    this analysis was computed on so far, ``history`` holds the result of each completed version that differs from the
    one before.
    """

    analysis: str
    title: str
    status: str
    before: Payload | None
    after: Payload | None
    came: tuple[StudyMove, ...]
    left: tuple[StudyMove, ...]
    sentence: str
    mover: str = ""
    certainty: tuple[str, ...] = ()
    looks: int = 1
    history: tuple[tuple[str, Payload], ...] = ()


def baseline(versions: Sequence[Version], *, changed_since_last: bool) -> Version | None:
    """The version to compare with: the last one if something happened after it, else the one before it."""
    if not versions:
        return None
    if changed_since_last:
        return versions[-1]
    return versions[-2] if len(versions) > 1 else None


def looks(marks: Sequence[str | None]) -> int:
    """How often the data were looked at: fingerprints in the order of versions, repeats not counted.

    Examples
    --------
    >>> looks(["a", "a", "b", None, "b"])
    2
    """
    known = [mark for mark in marks if mark is not None]
    return sum(1 for i, mark in enumerate(known) if i == 0 or mark != known[i - 1])


def analysis_change(
    analysis: str,
    title: str,
    before: Payload | None,
    after: Payload | None,
    important: float | None,
    left_out: Mapping[str, str] = MappingProxyType({}),
    *,
    history: Sequence[tuple[str, Payload]] = (),
    looks: int = 1,
    certainty: Sequence[str] = (),
) -> AnalysisChange:
    """Compare two results of one analysis.

    Parameters
    ----------
    before, after : payloads of result.json
    important : smallest important difference on the display scale (a ratio for ratio measures), None if none was agreed
    left_out : study -> why it does not enter now
    history, looks, certainty : as in `AnalysisChange`
    """
    if before is None and after is None:
        status = "unchanged"
    elif before is None:
        status = "new"
    elif after is None:
        status = "gone"
    else:
        status = "unchanged" if before["fingerprint"] == after["fingerprint"] else "changed"
    was, now = _studies(before), _studies(after)
    fresh = [s for s in now if s not in was]
    return AnalysisChange(
        analysis=analysis,
        title=title,
        status=status,
        before=before,
        after=after,
        came=tuple(StudyMove(study=s, reason=None) for s in fresh),
        left=tuple(StudyMove(study=s, reason=left_out.get(s)) for s in was if s not in now),
        sentence=sentence(before, after, important) if status in ("changed", "new", "gone") else "",
        mover=moved_most(after, fresh) if status == "changed" else "",
        certainty=tuple(certainty),
        looks=looks,
        history=tuple(history),
    )


def moved_most(payload: Payload | None, fresh: Sequence[str]) -> str:
    """Which of several new studies moved the estimate most, by leaving each of them out of the present fit.

    The shift is measured on the model scale (log of a ratio). "" for one new study of a pairwise analysis, and where
    the estimate without a study is not in the result; for networks see `network_mover`.
    """
    if payload is not None and payload["kind"] == "network" and payload["result"] is not None:
        from toolkit.report.movers import network_mover

        return network_mover(payload, fresh)
    full = main_estimate(payload)
    if payload is None or full is None or len(fresh) < 2:
        return ""
    shifts = {}
    for refit in payload["result"].get("leave_one_out") or ():
        without = refit["random"] or refit["common"]
        if refit["study"] in fresh and without is not None:
            shifts[refit["study"]] = (abs(full["model"]["estimate"] - without["model"]["estimate"]), without)
    if len(shifts) < 2:
        return ""
    study = max(shifts, key=lambda name: shifts[name][0])
    spec = payload["spec"]
    text = estimate_text(shifts[study][1], spec["level"], digits_of(spec["measure"]))
    return f"Of the {counted(len(fresh), 'new study')} {study} moved the estimate most: without it, it would be {text}."


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


def sentence(before: Payload | None, after: Payload | None, important: float | None) -> str:
    """In words: the estimate before and after, and whether the interval's position moved."""
    old, new = main_estimate(before), main_estimate(after)
    if old is None and new is None:
        return _no_estimate(before, after)
    spec = (after or before or {})["spec"]
    level, digits = spec["level"], digits_of(spec["measure"])
    if old is None:
        return f"There was no estimate before; now it is {estimate_text(new, level, digits)}."
    if new is None:
        reason = after["reason"] if after is not None else "the analysis is no longer declared"
        return f"It was {estimate_text(old, level, digits)}; now there is no estimate: {reason}."
    null = null_of(spec["measure"])
    was, now = position(old, null, important), position(new, null, important)
    if "no interval" in (was, now):
        return ""
    return f"The interval still {now}." if was == now else f"The interval, which {_past(was)}, now {now}."


def _past(words: str) -> str:
    return words.replace("includes", "included").replace("lies", "lay").replace("excludes", "excluded")


def _no_estimate(before: Payload | None, after: Payload | None) -> str:
    if after is not None and after["kind"] == "network" and after["result"] is not None:
        k = after["result"]["k"]
        if before is None or before["result"] is None:
            return f"The network rests on {counted(k, 'study')}."
        moved = _order_moved(before, after)
        return f"The network rests on {counted(k, 'study')} ({before['result']['k']} before). {moved}".strip()
    reason = after["reason"] if after is not None else None
    return f"Not estimable: {reason}." if reason else "Not estimable."


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
        return ""
    shown = ", ".join(now)
    return f"Order by P-score as before: {shown}." if was == now else f"Order by P-score now: {shown}."


def numbers_row(payload: Payload | None) -> list[str]:
    """Cells of a before/after table: studies, estimate, tau2, I2 (from tau2), prediction interval."""
    found = numbers_of(payload)
    if found is None:
        return ["", "no result", "", "", ""]
    assert payload is not None
    if payload["result"] is None:
        return ["0", "not estimable", "", "", ""]
    level, digits = payload["spec"]["level"], digits_of(payload["spec"]["measure"])
    estimate = "" if payload["kind"] == "network" else estimate_text(found, level, digits)
    tau2 = "" if found["tau2"] is None else number(found["tau2"], 3)
    i2 = "" if found["i2"] is None else percent(found["i2"])
    low = found["prediction_low"]
    prediction = "" if low is None else interval_text(low, found["prediction_high"], digits)
    return [str(found["k"]), estimate, tau2, i2, prediction]


def network_rows(payload: Payload | None) -> dict[str, str]:
    """Treatment -> its estimate against the reference, in words; empty for anything but a fitted network."""
    if payload is None or payload["result"] is None or payload["kind"] != "network":
        return {}
    r, level = payload["result"], payload["spec"]["level"]
    model, digits = shown_model(r), digits_of(r["measure"])
    return {
        f"{row['treatment']} against {row['reference']}": estimate_text(row[model], level, digits)
        for row in r["effects"]
    }


def numbers_of(payload: Payload | None) -> dict[str, Any] | None:
    """The main numbers of a result, on the display scale; None where there is no result."""
    if payload is None:
        return None
    names = ("k", "estimate", "ci_low", "ci_high", "tau2", "i2", "prediction_low", "prediction_high")
    found: dict[str, Any] = dict.fromkeys(names)
    result = payload["result"]
    if result is None:
        return {**found, "k": 0}
    h, tau2 = result["heterogeneity"], result["tau2"] if payload["kind"] == "pairwise" else None
    if payload["kind"] == "network":
        tau2 = h["tau2"]
        found["i2"] = h["i2"]
    elif h is not None and result["k"] > 1:
        found["i2"] = h["i2_tau2"]
    estimate = main_estimate(payload)
    if estimate is not None:
        found.update({name: estimate[name] for name in ("estimate", "ci_low", "ci_high")})
    prediction = result.get("prediction")
    if prediction is not None:
        found.update(prediction_low=prediction["low"], prediction_high=prediction["high"])
    return {**found, "k": result["k"], "tau2": None if tau2 is None else tau2["value"]}
