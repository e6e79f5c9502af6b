"""Effects from published contrasts or estimates: multi-arm covariance is recovered, rounding tolerated and said."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import combinations

import numpy as np

from toolkit.engine.data import Effects, Excluded, FloatArray
from toolkit.engine.effects.compute import find_measure
from toolkit.model.errors import InputError

__all__ = ["effects_from_contrasts", "effects_from_estimates", "unique_names"]

# Published effects and standard errors carry two or three decimals. Up to a tenth of the smallest standard error
# a discrepancy between the pairs of a study is taken for rounding and said; beyond it the study is refused.
_ROUNDING = 0.1
# The same of standard errors that no three arms can have together: how far the worst is from the nearest possible one.
_ROUNDED_SE = 0.1
_SAYABLE = 1e-6
# Effects and standard errors whose squares, and sums of cubes of weights, a float can hold.
_LARGEST, _SMALLEST = 1e50, 1e-50


def effects_from_contrasts(
    study: Sequence[object],
    t1: Sequence[object],
    t2: Sequence[object],
    te: Sequence[float] | FloatArray,
    se: Sequence[float] | FloatArray,
    measure: str = "GEN",
    *,
    rows: Sequence[int] | None = None,
    reference: str | None = None,
) -> Effects:
    """Effects from contrasts ``t1`` against ``t2`` with standard errors, all pairs of a multi-arm study present.

    Parameters
    ----------
    study, t1, t2 : (R,) names
    te, se : (R,) effects on the model scale (log for ratios) and standard errors; NaN is not reported
    measure : key of ``choices.MEASURES``
    rows : (R,) row numbers for messages
    reference : preferred base arm

    Notes
    -----
    For arms *i*, *j* and the base arm 0, ``cov(y_i0, y_j0) = (v_i0 + v_j0 - v_ij) / 2`` whatever the arms' own
    variances; so the variances of all pairs determine the block. Effects of the pairs that do not add up exactly
    (rounding) are projected with the pair weights that the block implies, as in Ruecker and Schwarzer 2014.

    Raises
    ------
    InputError
        Naming study and row: a pair missing or given twice, se <= 0, effects that contradict each other.

    References
    ----------
    Ruecker, Schwarzer 2014, Stat Med 33:4353-4369, section 2. doi:10.1002/sim.6236
    """
    entry = find_measure(measure)
    names, first, second = _names(study), _names(t1), _names(t2)
    effect, error = np.asarray(te, dtype=float), np.asarray(se, dtype=float)
    row = np.zeros(len(names), dtype=int) if rows is None else np.asarray(rows, dtype=int)
    members = _members(names, first, second, effect, error, row)
    studied: dict[str, set[str]] = {}
    for name, a, b in zip(names, first, second, strict=True):
        studied.setdefault(a, set()).add(name)
        studied.setdefault(b, set()).add(name)
    rank = {name: (name != reference, -len(where), name) for name, where in studied.items()}
    excluded: list[Excluded] = []
    notes: list[str] = []
    blocks: list[tuple[str, list[str], FloatArray, FloatArray]] = []
    for name, own in members.items():
        missing = [i for i in own if np.isnan(effect[i]) or np.isnan(error[i])]
        if missing:
            excluded.append(
                Excluded(study=name, reason="effect or standard error not reported", row=int(row[missing[0]]) or None)
            )
            continue
        treatments = sorted({first[i] for i in own} | {second[i] for i in own}, key=rank.__getitem__)
        y, V, note = _study_block(
            name, treatments, [(first[i], second[i]) for i in own], effect[own], error[own], row[own]
        )
        notes += note
        blocks.append((name, treatments, y, V))
    return _effects(measure, entry.scale, blocks, excluded, notes)


def effects_from_estimates(
    study: Sequence[object],
    y: Sequence[float] | FloatArray,
    *,
    v: Sequence[float] | FloatArray | None = None,
    se: Sequence[float] | FloatArray | None = None,
    measure: str = "GEN",
    treatment: str = "treatment",
    reference: str = "reference",
    rows: Sequence[int] | None = None,
) -> Effects:
    """Effects of one comparison from estimates and variances (or standard errors), one row a study.

    Examples
    --------
    >>> effects_from_estimates(["A", "B"], [0.1, 0.3], se=[0.2, 0.1]).v.round(3).tolist()
    [0.04, 0.01]
    """
    if (v is None) == (se is None):
        raise InputError("Give variances or standard errors, one of the two.")
    error = np.sqrt(np.asarray(v, dtype=float)) if v is not None else np.asarray(se, dtype=float)
    names = unique_names(_names(study))
    size = len(names)
    if v is not None and (np.asarray(v, dtype=float) < 0).any():
        at = int(np.flatnonzero(np.asarray(v, dtype=float) < 0)[0])
        raise InputError(f"Study {names[at]!r}: a variance cannot be negative.", row=_row(rows, at), column="v")
    return effects_from_contrasts(
        names, [treatment] * size, [reference] * size, y, error, measure, rows=rows, reference=reference
    )


def _names(values: Sequence[object]) -> list[str]:
    return [str(value) for value in values]


def _row(rows: Sequence[int] | None, at: int) -> int | None:
    return int(rows[at]) if rows is not None else None


def unique_names(names: list[str]) -> list[str]:
    """Study names made unique by a running number: rows of one comparison are independent effects."""
    total = Counter(names)
    seen: dict[str, int] = {}
    unique = []
    for name in names:
        if total[name] > 1:
            seen[name] = seen.get(name, 0) + 1
            unique.append(f"{name} ({seen[name]})")
        else:
            unique.append(name)
    return unique


def _members(
    names: list[str], first: list[str], second: list[str], effect: FloatArray, error: FloatArray, row: np.ndarray
) -> dict[str, list[int]]:
    members: dict[str, list[int]] = {}
    seen: set[tuple[str, frozenset[str]]] = set()
    for at, (name, a, b) in enumerate(zip(names, first, second, strict=True)):
        where = int(row[at]) or None
        if a == b:
            raise InputError(f"Study {name!r} compares {a!r} with itself.", row=where, column="treatment")
        for column, value, least in (("y", effect[at], 0.0), ("se", error[at], _SMALLEST)):
            if abs(value) > _LARGEST or 0 < abs(value) < least:
                raise InputError(
                    f"Study {name!r}: a number out of the range that can be computed with.",
                    row=where,
                    column=column,
                    value=f"{value:g}",
                    allowed=f"from {least:g} to {_LARGEST:g}",
                    hint="Leave the cell empty if the number was not reported.",
                )
        if error[at] <= 0:
            raise InputError(
                f"Study {name!r}: a standard error must be above 0.", row=where, column="se", value=f"{error[at]:g}"
            )
        pair = (name, frozenset((a, b)))
        if pair in seen:
            raise InputError(
                f"Study {name!r} gives {a!r} against {b!r} twice.",
                row=where,
                hint="Keep one row a pair, or give the two studies different names.",
            )
        seen.add(pair)
        members.setdefault(name, []).append(at)
    return members


def _study_block(
    name: str, arms: list[str], pairs: list[tuple[str, str]], te: FloatArray, se: FloatArray, row: np.ndarray
) -> tuple[FloatArray, FloatArray, list[str]]:
    """Effects against the first arm and their covariance, with notes on what had to be tolerated."""
    position = {treatment: i for i, treatment in enumerate(arms)}
    if len(arms) == 2:
        sign = 1.0 if position[pairs[0][1]] == 0 else -1.0
        return np.array([sign * te[0]]), np.array([[se[0] ** 2]]), []
    have = {frozenset(pair) for pair in pairs}
    missing = [f"{a} - {b}" for a, b in combinations(arms, 2) if frozenset((a, b)) not in have]
    if missing:
        raise InputError(
            f"Study {name!r} has {len(arms)} arms but not all pairs; missing: {', '.join(missing)}.",
            row=int(row[0]) or None,
            hint="Give every pair of a multi-arm study (its covariance is recovered from them), or arm-level data.",
        )
    size = len(arms)
    variance = np.zeros((size, size))
    signed = np.zeros((len(pairs), size))
    for r, (a, b) in enumerate(pairs):
        i, j = position[a], position[b]
        variance[i, j] = variance[j, i] = se[r] ** 2
        signed[r, i], signed[r, j] = 1.0, -1.0
    V, notes = _block_from_pair_variances(name, arms, variance)
    weight = _pair_weights(V, pairs, position)
    D = signed[:, 1:]
    y: FloatArray = np.linalg.solve(D.T @ (weight[:, None] * D), D.T @ (weight * te)).astype(float)
    gap = np.abs(D @ y - te)
    if gap.max() > _ROUNDING * se.min():
        worst = int(gap.argmax())
        raise InputError(
            f"Study {name!r}: the effects of its pairs contradict each other by up to {gap.max():.3g}.",
            row=int(row[worst]) or None,
            hint="Check the signs (first treatment against second) and that ratios are on the log scale.",
        )
    if gap.max() > _SAYABLE * max(1.0, float(np.abs(te).max())):
        notes.append(f"{name}: effects of its pairs differ by up to {gap.max():.2g} (rounding); the best fit was used")
    return y, V, notes


def _block_from_pair_variances(name: str, arms: list[str], variance: FloatArray) -> tuple[FloatArray, list[str]]:
    """Covariance against arm 0 from the variances of all pairs; nearest additive one if that is impossible."""
    V = (variance[0, 1:, None] + variance[0, None, 1:] - variance[1:, 1:]) / 2
    if np.linalg.eigvalsh(V)[0] > 1e-10 * np.trace(V):
        return V, []
    from scipy.optimize import nnls

    size = variance.shape[0]
    pairs = list(combinations(range(size), 2))
    design = np.zeros((len(pairs), size))
    target = np.empty(len(pairs))
    for r, (i, j) in enumerate(pairs):
        design[r, [i, j]] = 1.0
        target[r] = variance[i, j]
    floor = 1e-3 * target.min()
    own = nnls(design, target - 2 * floor)[0] + floor
    off = _beyond_possible(variance)[tuple(np.array(pairs).T)]
    worst = int(off.argmax())
    if off[worst] > _ROUNDED_SE:
        i, j = pairs[worst]
        raise InputError(
            f"Study {name!r}: the standard errors of its pairs are impossible together; that of {arms[i]} against "
            f"{arms[j]} is {100 * off[worst]:.0f} % from the nearest possible one.",
            value=round(float(np.sqrt(target[worst])), 6),
            allowed=f"up to {100 * _ROUNDED_SE:g} %, as rounding makes it",
        )
    note = (
        f"{name}: its standard errors are impossible together by up to {100 * off[worst]:.2g} % (rounding); the "
        "nearest ones from separate arms were used"
    )
    return np.diag(own[1:]) + own[0], [note]


def _beyond_possible(variance: FloatArray) -> FloatArray:
    """Relative change of each pair's standard error to those of a possible covariance of arms (clipped eigenvalues)."""
    size = len(variance)
    centre = np.eye(size) - 1 / size
    values, vectors = np.linalg.eigh(-centre @ variance @ centre / 2)
    B = (vectors * np.maximum(values, 0.0)) @ vectors.T
    possible = np.diag(B)[:, None] + np.diag(B)[None, :] - 2 * B
    given = variance + np.eye(size)
    found: FloatArray = np.abs(np.sqrt(np.maximum(possible, 0.0)) - np.sqrt(variance)) / np.sqrt(given)
    return found


def _pair_weights(V: FloatArray, pairs: list[tuple[str, str]], position: dict[str, int]) -> FloatArray:
    """Weights of the pairs such that the weighted graph has the precision of the block: minus its Laplacian."""
    precision = np.linalg.inv(V)
    size = V.shape[0] + 1
    L = np.zeros((size, size))
    L[1:, 1:] = precision
    L[0, 1:] = L[1:, 0] = -precision.sum(axis=0)
    L[0, 0] = precision.sum()
    return np.array([-L[position[a], position[b]] for a, b in pairs])


def _effects(
    measure: str,
    scale: str,
    blocks: list[tuple[str, list[str], FloatArray, FloatArray]],
    excluded: list[Excluded],
    notes: list[str],
) -> Effects:
    names = sorted({treatment for _, treatments, _, _ in blocks for treatment in treatments})
    index = {treatment: i for i, treatment in enumerate(names)}
    return Effects(
        measure=measure,
        scale=scale,
        studies=tuple(name for name, *_ in blocks),
        start=np.concatenate([[0], np.cumsum([y.size for *_, y, _ in blocks], dtype=np.int64)]).astype(np.int64),
        y=np.concatenate([y for *_, y, _ in blocks]) if blocks else np.empty(0),
        V=tuple(V for *_, V in blocks),
        t1=np.array([index[t] for _, treatments, _, _ in blocks for t in treatments[1:]], dtype=np.int64),
        t2=np.array([index[treatments[0]] for _, treatments, _, _ in blocks for _ in treatments[1:]], dtype=np.int64),
        treatments=tuple(names),
        excluded=tuple(excluded),
        notes=tuple(notes),
    )
