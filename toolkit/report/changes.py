"""What changed since the version before: studies, estimates, intervals, and where they lie."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from toolkit.analysis.stale import data_changes, setting_changes
from toolkit.analysis.words import digits_of, estimate_text, interval_text, number, percent, shown_model
from toolkit.model.review import Version
from toolkit.model.wording import counted
from toolkit.report.change_words import comparable, main_estimate, sentence

__all__ = [
    "AnalysisChange",
    "StudyMove",
    "analysis_change",
    "baseline",
    "looks",
    "moved_most",
    "network_rows",
    "numbers_of",
    "numbers_row",
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

    ``status`` is "new", "gone" (declared no more), "not computed", "renamed", "unchanged" or "changed"; ``sentence``
    says in words what moved, ``settings`` and ``data`` which settings changed and in which studies known before numbers
    or remarks did, ``mover`` which of the new studies moved the estimate most ("" where that cannot be said),
    ``certainty`` how its rating moved.
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
    settings: tuple[str, ...] = ()
    data: tuple[str, ...] = ()
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
    declared: bool = True,
    problem: str = "",
    lost: bool = False,
    renamed: str = "",
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
    declared : whether review.toml still has the analysis
    problem : why it is refused
    lost : it had a result before, which is stored no more
    renamed : the id under which it had the very same result before
    history, looks, certainty : as in `AnalysisChange`
    """
    was, now = _studies(before), _studies(after)
    fresh = [s for s in now if s not in was]
    status = "renamed" if renamed else _status(before, after, declared=declared, lost=lost)
    both = status == "changed" and before is not None and after is not None
    return AnalysisChange(
        analysis=analysis,
        title=title,
        status=status,
        before=before,
        after=after,
        came=tuple(StudyMove(study=s, reason=None) for s in fresh) if both else (),
        left=tuple(StudyMove(study=s, reason=left_out.get(s)) for s in was if s not in now) if both else (),
        settings=tuple(setting_changes(before, after)) if both and before and after else (),
        data=tuple(data_changes(before, after)) if both and before and after else (),
        sentence=(
            f"It was called {renamed} before; data and settings are the same."
            if renamed
            else _words(status, before, after, important, problem=problem, lost=lost)
        ),
        mover=moved_most(after, fresh) if both else "",
        certainty=tuple(certainty),
        looks=looks,
        history=tuple(history),
    )


def _status(before: Payload | None, after: Payload | None, *, declared: bool, lost: bool) -> str:
    if not declared:
        return "gone"
    if after is None:
        return "not computed"
    if before is None:
        return "changed" if lost else "new"
    return "unchanged" if before["fingerprint"] == after["fingerprint"] else "changed"


def _words(
    status: str, before: Payload | None, after: Payload | None, important: float | None, *, problem: str, lost: bool
) -> str:
    if status == "unchanged":
        return ""
    if status == "gone":
        return "The analysis is no longer declared; its result stays in results/."
    if status == "not computed":
        return f"Not run: {problem}" if problem else "Not computed for the present data yet."
    if lost:
        return "Its result in that version is stored no more, so nothing can be compared."
    if before is None:
        estimate = main_estimate(after)
        return "The analysis is new." if estimate is not None else f"The analysis is new. {sentence(None, after, None)}"
    assert after is not None
    if not comparable(before, after):
        return "Another question than before (see the settings): the two estimates cannot be compared."
    return sentence(before, after, important)


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
