"""The material of an analysis of a review: its selected arms, or the effects that the authors computed."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from toolkit.analysis.pairwise.material import Material
from toolkit.analysis.select import SelectedArm, Selection
from toolkit.config import Outcome
from toolkit.engine.conversions import effect_of_interval
from toolkit.engine.data import FloatArray
from toolkit.engine.effects import arm_table
from toolkit.engine.tables import ContrastTable
from toolkit.model.choices import MEASURES
from toolkit.model.errors import InputError

__all__ = ["contrasts_of", "material_of"]


def material_of(selection: Selection, outcome: Outcome, measure: str) -> Material:
    """Arms or, for outcomes of effects, contrasts."""
    if outcome.type == "effect":
        return Material(arms=None, contrasts=contrasts_of(selection.arms, measure), columns=selection.columns)
    arms = selection.arms
    table = arm_table(
        [arm.study for arm in arms],
        [arm.treatment for arm in arms],
        n=_column(arms, "n"),
        events=_column(arms, "events"),
        mean=_column(arms, "mean"),
        sd=_column(arms, "sd"),
        time=_column(arms, "time"),
        r=_correlations(arms),
    )
    return Material(
        arms=table,
        labels=tuple(" + ".join(arm.arms) for arm in arms),
        reported=tuple(dict(arm.reported) for arm in arms),
        columns=selection.columns,
    )


def _column(arms: Sequence[SelectedArm], name: str) -> list[float]:
    values = [getattr(arm, name) for arm in arms]
    return [math.nan if value is None else float(value) for value in values]


def _correlations(arms: Sequence[SelectedArm]) -> list[float] | None:
    known = [dict(arm.reported).get("r", math.nan) for arm in arms]
    return None if all(math.isnan(r) for r in known) else known


def contrasts_of(arms: Sequence[SelectedArm], measure: str) -> ContrastTable:
    """Arms of an outcome of effects as contrasts, on the model scale."""
    ratio = MEASURES[measure].scale == "log"
    pairs = [_effect(arm, ratio) for arm in arms]
    y: FloatArray = np.array([y for y, _ in pairs], dtype=float)
    se: FloatArray = np.array([se for _, se in pairs], dtype=float)
    return ContrastTable(
        study=tuple(arm.study for arm in arms),
        t1=tuple(arm.treatment for arm in arms),
        t2=tuple(arm.versus or "" for arm in arms),
        y=y,
        se=se,
        row=(0,) * len(arms),
    )


def _effect(arm: SelectedArm, ratio: bool) -> tuple[float, float]:
    """Effect and standard error on the model scale: (O - E) / V, or the estimate with its error or interval."""
    known = dict(arm.reported)
    if "effect" not in known:
        if not ratio:
            raise InputError(f"study {arm.study}: O - E and V give a ratio, not a difference")
        return known["o_minus_e"] / known["logrank_v"], 1 / math.sqrt(known["logrank_v"])
    if ratio and known["effect"] <= 0:
        raise InputError(f"study {arm.study}: a ratio is above 0", value=known["effect"], column="effect")
    y = math.log(known["effect"]) if ratio else known["effect"]
    if "effect_se" in known:
        return y, known["effect_se"]
    try:
        found = effect_of_interval(known["effect"], known["effect_low"], known["effect_high"], ratio=ratio)
    except InputError as error:
        raise InputError(f"study {arm.study}: {error.message}", value=error.value, column="effect") from error
    return found.y, math.sqrt(found.v)
