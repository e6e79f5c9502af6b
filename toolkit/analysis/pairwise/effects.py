"""Effects that arms alone do not give: pairs (one patient in both arms), and studies with the other kind of numbers."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from toolkit.analysis.pairwise.material import Material, Remark
from toolkit.analysis.pairwise.prepare import STANDARDISED
from toolkit.engine.conversions import log_or_of_smd, partly_paired_smd_change, smd_of_log_or
from toolkit.engine.data import ArmTable, Correction, Effects, Excluded
from toolkit.engine.effects import compute_effects, effects_from_contrasts, restrict
from toolkit.engine.results import PairwiseResult, Warning_
from toolkit.model.errors import InputError
from toolkit.model.spec import PairwiseSpec, ZeroCells

__all__ = ["Given", "effects_of", "needs_effects", "without_mantel_haenszel"]

PAIRED = ("OR", "RR", "RD", "MD", "SMD", "SMD_RM")


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """Effects of the two treatments, with the remarks on those that were not computed from the arms as they stand."""

    effects: Effects
    remarks: tuple[Remark, ...]


def needs_effects(asked: Mapping[str, Any]) -> bool:
    """Whether an option changes effects, not arms."""
    return bool(asked["pairs"] or asked["smd_or"])


def effects_of(
    material: Material, asked: Mapping[str, Any], spec: PairwiseSpec, first: PairwiseResult, r: float | None
) -> Given:
    """Effects of one comparison with the variances of pairs and the converted studies in it.

    Parameters
    ----------
    first : the fit of the arms as they stand: who is compared, what stays out and why
    r : correlation within pairs
    """
    arms = material.arms
    assert arms is not None
    if spec.model != "IV":
        raise InputError("Pairs and converted studies are pooled by inverse variance.", value=spec.model, allowed="IV")
    both = restrict(arms, [t in (first.treatment, first.reference) for t in arms.treatment])
    plain = _plain(both, spec, first.reference)
    y = dict(zip(plain.studies, plain.y.tolist(), strict=True))
    v = dict(zip(plain.studies, plain.v.tolist(), strict=True))
    remarks: list[Remark] = []
    corrections: tuple[Correction, ...] = plain.corrections
    if asked["smd_or"]:
        more, corrections = _other_kind(both, spec, first, set(y), remarks)
        corrections += plain.corrections
        y |= {study: one[0] for study, one in more.items()}
        v |= {study: one[1] for study, one in more.items()}
    if asked["pairs"]:
        assert r is not None
        v |= _pairs(material, both, asked["pairs"], spec, first, (y, v, r), remarks)
    names = [study for study in dict.fromkeys(arms.study) if study in y]
    effects = effects_from_contrasts(
        names, [first.treatment] * len(names), [first.reference] * len(names), [y[s] for s in names],
        [math.sqrt(v[s]) for s in names], spec.measure, reference=first.reference,
    )  # fmt: skip
    excluded: tuple[Excluded, ...] = tuple(row for row in first.excluded if row.study not in y)
    return Given(
        effects=replace(effects, arms=arms, excluded=excluded, corrections=corrections, notes=plain.notes),
        remarks=tuple(remarks),
    )


def _plain(arms: ArmTable, spec: PairwiseSpec, reference: str) -> Effects:
    return compute_effects(arms, spec.measure, zero_cells=spec.zero_cells, reference=reference)


def without_mantel_haenszel(result: PairwiseResult) -> PairwiseResult:
    """Mantel-Haenszel takes independent arms of one kind: beside other effects it says nothing."""
    if result.mantel_haenszel is None:
        return result
    text = "Mantel-Haenszel is left out: it takes the arms as independent groups, which not all of them are."
    warning = Warning_(code="mh_left_out", text=text)
    return replace(result, mantel_haenszel=None, warnings=(*result.warnings, warning))


def _other_kind(
    arms: ArmTable, spec: PairwiseSpec, first: PairwiseResult, have: set[str], remarks: list[Remark]
) -> tuple[dict[str, tuple[float, float]], tuple[Correction, ...]]:
    """Studies without the numbers of the measure but with those of the other: study -> (effect, variance)."""
    if spec.measure in STANDARDISED:
        other, turn, what = "OR", smd_of_log_or, "SMD from its odds ratio"
    elif spec.measure == "OR":
        other, turn, what = "SMD", log_or_of_smd, "log odds ratio from its SMD"
    else:
        raise InputError("Conversion between kinds is for SMD and OR.", value=spec.measure, allowed="SMD, OR")
    rest = restrict(arms, [study not in have for study in arms.study])
    if not rest.study:
        return {}, ()
    found = compute_effects(rest, other, zero_cells=spec.zero_cells, reference=first.reference)
    converted = {}
    for study, y, v in zip(found.studies, found.y.tolist(), found.v.tolist(), strict=True):
        got = turn(y, v)
        converted[study] = (got.y, got.v)
        text = f"{what}: {got.source}; caution: {'; '.join(got.flags)}"
        remarks.append(Remark(study=study, treatment=None, kind="other kind", what=text))
    return converted, tuple(c for c in found.corrections if c.study in converted)


def _pairs(
    material: Material,
    arms: ArmTable,
    column: str,
    spec: PairwiseSpec,
    first: PairwiseResult,
    known: tuple[Mapping[str, float], Mapping[str, float], float],
    remarks: list[Remark],
) -> dict[str, float]:
    """Study -> variance with the covariance of its pairs: ``v1 + v2 - 2 r m sqrt(v1 v2 / (n1 n2))`` for m pairs.

    ``known`` are effects and variances of the arms as independent groups, and the correlation r.

    References
    ----------
    Becker, Balagtas 1993, Biometrics 49:997-1009 (marginal odds ratio). doi:10.2307/2532242
    Elbourne et al. 2002, Int J Epidemiol 31:140-149. doi:10.1093/ije/31.1.140; Cochrane Handbook 6.5, section 23.2.7.
    """
    if spec.measure not in PAIRED:
        raise InputError("Pairs are allowed for in these measures only.", value=spec.measure, allowed=", ".join(PAIRED))
    y, v, r = known
    row = {(s, t): i for i, (s, t) in enumerate(zip(arms.study, arms.treatment, strict=True))}
    found: dict[str, float] = {}
    for study, text in material.column(column).items():
        if study not in y or text.strip().casefold() in ("", "no", "n", "0", "false"):
            continue
        i, j = row[study, first.treatment], row[study, first.reference]
        m = _pairs_of(material, column, study, text, float(arms.n[i]), float(arms.n[j]))
        if spec.measure in STANDARDISED:
            found[study] = _standardised((y[study], v[study]), m, float(arms.n[i]), float(arms.n[j]), r)
        else:
            found[study] = v[study] - 2 * r * _covariance(arms, (i, j), m, r, spec.measure, spec.zero_cells)
            if found[study] <= 0:
                raise InputError(
                    f"Study {study!r}: this correlation leaves no variance.", value=r, allowed="a smaller one"
                )
        what = f"{m:g} pairs, correlation within a pair taken as {r:g}"
        remarks.append(Remark(study=study, treatment=None, kind="pairs", what=what))
    return found


def _pairs_of(material: Material, column: str, study: str, text: str, n1: float, n2: float) -> float:
    said_yes = text.strip().casefold() in ("yes", "y", "true")
    try:
        m = min(n1, n2) if said_yes else float(text.replace(",", "."))
    except ValueError:
        m = math.nan
    if not 0 < m <= min(n1, n2) or (said_yes and n1 != n2):
        raise InputError(
            f"Study {study!r}: how many pairs? Its arms have {n1:g} and {n2:g} units.", file=material.file,
            column=column, value=text, allowed=f"a number up to {min(n1, n2):g}" + ("" if n1 != n2 else ", yes, no"),
        )  # fmt: skip
    return m


def _standardised(known: tuple[float, float], m: float, n1: float, n2: float, r: float) -> float:
    """Variance of a standardised difference by the SD of one period or side, of ``known`` effect and variance.

    With everybody in both arms ``(1/n + d^2 / 2n) 2 (1 - r)`` (Becker 1988, Handbook 23.2.7.2), else by the delta
    method (`partly_paired_smd_change`).
    """
    if r >= 1:
        raise InputError("A correlation of 1 leaves no variance.", value=r, allowed="below 1")
    d, v = known
    if m == n1 == n2:
        return (1 / m + d**2 / (2 * m)) * 2 * (1 - r)
    return v + partly_paired_smd_change(d, m, n1, n2, r)


def _covariance(arms: ArmTable, rows: tuple[int, int], m: float, r: float, measure: str, zero: ZeroCells) -> float:
    """``m sqrt(v1 v2 / (n1 n2))``, the covariance of the two sides at a correlation of 1 within the m pairs."""
    n = [float(arms.n[k]) for k in rows]
    if measure == "MD":
        own = [float(arms.sd[k]) ** 2 / float(arms.n[k]) for k in rows]
    else:
        events = [float(arms.events[k]) for k in rows]
        _possible(arms.study[rows[0]], events, n, m, r)
        empty = any(e in (0, k) for e, k in zip(events, n, strict=True))
        add = zero.add if empty and zero.to != "none" else 0.0
        own = [_part(measure, e + add, k + 2 * add) for e, k in zip(events, n, strict=True)]
    return m * math.sqrt(own[0] * own[1] / (n[0] * n[1]))


def _part(measure: str, events: float, n: float) -> float:
    """What one side adds to the variance."""
    p, q = events / n, 1 - events / n
    return {"OR": 1 / (n * p * q), "RR": q / (n * p), "RD": p * q / n}[measure]


def _possible(study: str, events: list[float], n: list[float], m: float, r: float) -> None:
    """Pairs of 0 and 1 cannot correlate by every r: refuse one that the margins of a wholly paired study rule out."""
    if not (m == n[0] == n[1]):
        return
    p1, p2 = events[0] / n[0], events[1] / n[1]
    root = math.sqrt(p1 * (1 - p1) * p2 * (1 - p2))
    if root == 0:
        return
    low, high = (max(0.0, p1 + p2 - 1) - p1 * p2) / root, (min(p1, p2) - p1 * p2) / root
    if not low - 1e-12 <= r <= high + 1e-12:
        raise InputError(
            f"Study {study!r}: its margins do not allow this correlation within a pair.", value=f"{r:g}",
            allowed=f"{low:.3f} to {high:.3f}",
        )  # fmt: skip
