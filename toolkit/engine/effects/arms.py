"""From an arm table to checked arms grouped by study: who is compared with whom, and who is left out and why."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from toolkit.engine.data import ArmTable, Excluded, FloatArray, IntArray
from toolkit.model.errors import InputError

__all__ = ["StudyArms", "arm_table", "group_arms", "restrict", "single_arms", "single_names"]

# No study has more patients, events or person-time; beyond 2**53 a float no longer holds every whole number either.
LARGEST = 1e15

_MUST_BE_WHOLE = ("n", "events")


@dataclass(frozen=True, slots=True, kw_only=True)
class StudyArms:
    """Complete arms, study by study, the base arm first in each; input of every measure.

    Attributes
    ----------
    studies : (S,) names in input order
    start : (S + 1,) offsets: study ``s`` owns the arms ``start[s]:start[s + 1]``
    treatment : (A,) names
    n, events, mean, sd, time, r : (A,) columns; NaN in those that the measure does not need
    source : (A,) index of the arm in the table it came from
    """

    studies: tuple[str, ...]
    start: IntArray
    treatment: tuple[str, ...]
    n: FloatArray
    events: FloatArray
    mean: FloatArray
    sd: FloatArray
    time: FloatArray
    r: FloatArray
    source: IntArray

    @property
    def study_of_arm(self) -> IntArray:
        """(A,) index of each arm's study."""
        return np.repeat(np.arange(len(self.studies)), np.diff(self.start))


def arm_table(
    study: Sequence[object],
    treatment: Sequence[object],
    *,
    n: Sequence[float] | FloatArray | None = None,
    events: Sequence[float] | FloatArray | None = None,
    mean: Sequence[float] | FloatArray | None = None,
    sd: Sequence[float] | FloatArray | None = None,
    time: Sequence[float] | FloatArray | None = None,
    r: Sequence[float] | FloatArray | None = None,
    row: Sequence[int] | None = None,
) -> ArmTable:
    """An `ArmTable` from columns; a column left out is "not reported" (NaN) in every arm.

    Examples
    --------
    >>> arm_table(["A", "A"], ["drug", "placebo"], events=[3, 5], n=[20, 21]).events.tolist()
    [3.0, 5.0]
    """
    size = len(study)

    def column(values: Sequence[float] | FloatArray | None) -> FloatArray:
        found = np.full(size, np.nan) if values is None else np.array(values, dtype=float)
        if found.shape != (size,):
            raise InputError(f"A column has {found.size} values for {size} arms.")
        found.flags.writeable = False
        return found

    if len(treatment) != size:
        raise InputError(f"There are {len(treatment)} treatments for {size} arms.")
    return ArmTable(
        study=tuple(str(name) for name in study),
        treatment=tuple(str(name) for name in treatment),
        n=column(n),
        events=column(events),
        mean=column(mean),
        sd=column(sd),
        time=column(time),
        r=None if r is None else column(r),
        row=np.zeros(size, dtype=np.int64) if row is None else np.array(row, dtype=np.int64),
    )


def restrict(arms: ArmTable, keep: FloatArray | Sequence[bool] | np.ndarray) -> ArmTable:
    """The arms where ``keep`` is true."""
    index = np.flatnonzero(np.asarray(keep, dtype=bool))
    return ArmTable(
        study=tuple(arms.study[i] for i in index),
        treatment=tuple(arms.treatment[i] for i in index),
        n=arms.n[index],
        events=arms.events[index],
        mean=arms.mean[index],
        sd=arms.sd[index],
        time=arms.time[index],
        row=arms.row[index],
        r=None if arms.r is None else arms.r[index],
    )


def _values(arms: ArmTable, column: str) -> FloatArray:
    """A column of the table; NaN everywhere where the table has none."""
    found: FloatArray | None = getattr(arms, column)
    return np.full(len(arms.study), np.nan) if found is None else found


def _refuse(arms: ArmTable, at: int, column: str, problem: str, allowed: str) -> None:
    value = _values(arms, column)[at]
    raise InputError(
        f"Study {arms.study[at]!r}, arm {arms.treatment[at]!r}: {problem}.",
        row=int(arms.row[at]) or None,
        column=column,
        value=f"{value:g}",
        allowed=allowed,
        hint="Correct the cell, or leave it empty if the number was not reported.",
    )


def _first(mask: np.ndarray) -> int | None:
    found = np.flatnonzero(mask)
    return int(found[0]) if found.size else None


def _check_values(arms: ArmTable, needs: tuple[str, ...]) -> tuple[str, ...]:
    """Refuse impossible numbers; return notes about merely unusual ones."""
    impossible = (
        ("n", arms.n <= 0, "an arm needs at least one unit analysed", "a number above 0"),
        ("events", arms.events < 0, "a count cannot be negative", "0 or more"),
        ("events", arms.events > arms.n, "more events than units analysed", "at most n"),
        ("sd", arms.sd <= 0, "a standard deviation must be above 0", "a number above 0"),
        ("time", arms.time <= 0, "person-time must be above 0", "a number above 0"),
        ("r", np.abs(_values(arms, "r")) >= 1, "a correlation lies between -1 and 1", "above -1 and below 1"),
    )
    for column in needs:
        at = _first(np.abs(_values(arms, column)) > LARGEST)
        if at is not None:
            _refuse(arms, at, column, "a number no study can have", f"a finite number up to {LARGEST:g}")
    for column, mask, problem, allowed in impossible:
        if column not in needs or ("n" not in needs and problem.startswith("more events")):
            continue
        at = _first(mask)
        if at is not None:
            _refuse(arms, at, column, problem, allowed)
    notes = []
    for column in _MUST_BE_WHOLE:
        values = _values(arms, column)
        if column not in needs:
            continue
        fractional = np.flatnonzero((values != np.round(values)) & np.isfinite(values))
        if fractional.size:
            names = sorted({arms.study[i] for i in fractional})
            notes.append(f"{column} is not a whole number in {', '.join(names)}; used as given")
    return tuple(notes)


def _check_names(arms: ArmTable) -> None:
    seen: dict[tuple[str, str], int] = {}
    for at, pair in enumerate(zip(arms.study, arms.treatment, strict=True)):
        row = int(arms.row[at]) or None
        for column, name in zip(("study", "treatment"), pair, strict=True):
            if not name.strip():
                raise InputError(f"An arm has no {column}.", row=row, column=column, hint="Fill in the name.")
        if pair in seen:
            first = int(arms.row[seen[pair]])
            where = f" (first in row {first})" if first else ""
            raise InputError(
                f"Study {pair[0]!r} has treatment {pair[1]!r} twice{where}.",
                row=row,
                column="treatment",
                value=pair[1],
                hint="Join the two arms into one, or give them different treatment names.",
            )
        seen[pair] = at


def _base_order(arms: ArmTable, reference: str | None) -> dict[str, tuple[int, int, str]]:
    """Sort key of each treatment as base arm: the reference, then the most studied, then by name."""
    studied = Counter(arms.treatment)
    return {name: (name != reference, -studied[name], name) for name in studied}


def group_arms(
    arms: ArmTable, needs: tuple[str, ...], reference: str | None = None
) -> tuple[StudyArms, list[Excluded], tuple[str, ...]]:
    """Complete arms grouped by study, the arms and studies left out with reasons, and notes.

    An arm that lacks a needed number is left out (missing is not zero); so is a study with fewer than two complete
    arms. The base arm of a study is the reference if the study has it, else its most studied treatment.

    Raises
    ------
    InputError
        For impossible numbers (negative counts, events above n, sd of zero) and a treatment twice in a study.
    """
    _check_names(arms)
    notes = _check_values(arms, needs)
    excluded: list[Excluded] = []
    members: dict[str, list[int]] = {}
    all_arms = Counter(arms.study)
    complete = _complete(arms, needs, excluded)
    for at, study in enumerate(arms.study):
        own = members.setdefault(study, [])
        if complete[at]:
            own.append(at)
    rank = _base_order(arms, reference)
    order: list[int] = []
    sizes: list[int] = []
    studies: list[str] = []
    for study, own in members.items():
        if len(own) < 2:
            only = "only one arm" if all_arms[study] == 1 else f"{len(own)} of {all_arms[study]} arms with the numbers"
            excluded.append(Excluded(study=study, reason=f"{only}: nothing to compare"))
            continue
        own.sort(key=lambda at: rank[arms.treatment[at]])
        order.extend(own)
        sizes.append(len(own))
        studies.append(study)
    return _grouped(arms, studies, sizes, order), excluded, notes


def single_arms(arms: ArmTable, needs: tuple[str, ...]) -> tuple[StudyArms, list[Excluded], tuple[str, ...]]:
    """Every complete arm as a study of its own, for measures of one group; else as `group_arms`.

    A study with several arms gives one row an arm, named "study, treatment".
    """
    _check_names(arms)
    notes = _check_values(arms, needs)
    excluded: list[Excluded] = []
    order = [int(at) for at in np.flatnonzero(_complete(arms, needs, excluded))]
    names = single_names(arms)
    return _grouped(arms, [names[i] for i in order], [1] * len(order), order), excluded, notes


def single_names(arms: ArmTable) -> list[str]:
    """(A,) the study, or "study, treatment" where a study has several arms."""
    count = Counter(arms.study)
    pairs = zip(arms.study, arms.treatment, strict=True)
    return [f"{study}, {treatment}" if count[study] > 1 else study for study, treatment in pairs]


def _complete(arms: ArmTable, needs: tuple[str, ...], excluded: list[Excluded]) -> np.ndarray:
    """(A,) whether an arm has every needed number; one that has not is added to ``excluded``."""
    columns = {name: _values(arms, name) for name in needs}
    complete = np.ones(len(arms.study), dtype=bool)
    for values in columns.values():
        complete &= ~np.isnan(values)
    for at in np.flatnonzero(~complete):
        missing = ", ".join(name for name, values in columns.items() if np.isnan(values[at]))
        row = int(arms.row[at]) or None
        reason = f"arm without {missing}"
        excluded.append(Excluded(study=arms.study[at], treatment=arms.treatment[at], row=row, reason=reason))
    return complete


def _grouped(arms: ArmTable, studies: list[str], sizes: list[int], order: list[int]) -> StudyArms:
    index = np.array(order, dtype=np.int64)
    return StudyArms(
        studies=tuple(studies),
        start=np.concatenate([[0], np.cumsum(sizes, dtype=np.int64)]).astype(np.int64),
        treatment=tuple(arms.treatment[i] for i in order),
        n=arms.n[index],
        events=arms.events[index],
        mean=arms.mean[index],
        sd=arms.sd[index],
        time=arms.time[index],
        r=_values(arms, "r")[index],
        source=index,
    )
