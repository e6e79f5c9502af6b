"""The rows of the studies in a pairwise result: effect, interval, weights and the numbers behind them."""

from __future__ import annotations

import numpy as np

from toolkit.engine.compare import ComparisonData
from toolkit.engine.data import FloatArray
from toolkit.engine.intervals import quantile
from toolkit.engine.pooling import Pooled
from toolkit.engine.proportion_intervals import interval_of_proportion, on_scale
from toolkit.engine.results import StudyRow
from toolkit.model.choices import MEASURES, STUDY_CI
from toolkit.model.spec import PairwiseSpec

__all__ = ["study_intervals", "study_rows"]


def study_intervals(measure: str) -> tuple[str, ...]:
    """Intervals that the rows of a measure may have: "model", and for proportions those of ``choices.STUDY_CI``."""
    entry = MEASURES.get(measure)
    proportion = entry is not None and entry.groups == 1 and entry.needs == ("events", "n")
    return ("model", *STUDY_CI) if proportion else ("model",)


def study_rows(
    compared: ComparisonData, common: Pooled | None, random: Pooled | None, spec: PairwiseSpec
) -> tuple[StudyRow, ...]:
    """Every study of the data in its order; one that is not in the fit says why."""
    position = {study: i for i, study in enumerate(compared.studies)}
    reasons: dict[str, str] = {}
    for row in compared.excluded:
        arm = f"{row.treatment}: " if row.treatment else ""
        before = reasons.get(row.study)
        reasons[row.study] = f"{before}; {arm}{row.reason}" if before else f"{arm}{row.reason}"
    low, high = _bounds(compared, spec)

    def arm_data(study: str, column: str) -> tuple[float | None, float | None]:
        if compared.table is None or study not in compared.arms:
            return (None, None)
        values: FloatArray = getattr(compared.table, column)
        first, second = compared.arms[study]
        return (_or_none(values[first]), _or_none(values[second]) if second is not None else None)

    rows = []
    for study in compared.order:
        at = position.get(study)
        rows.append(
            StudyRow(
                study=study,
                y=_or_none(compared.y[at]) if at is not None else None,
                se=_or_none(np.sqrt(compared.v[at])) if at is not None else None,
                ci_low=_or_none(low[at]) if at is not None else None,
                ci_high=_or_none(high[at]) if at is not None else None,
                weight_common=float(common.weight[0, at]) if at is not None and common is not None else None,
                weight_random=float(random.weight[0, at]) if at is not None and random is not None else None,
                n=arm_data(study, "n"),
                events=arm_data(study, "events"),
                mean=arm_data(study, "mean"),
                sd=arm_data(study, "sd"),
                excluded=None if at is not None else reasons.get(study, "no effect for this comparison"),
            )
        )
    return tuple(rows)


def _bounds(compared: ComparisonData, spec: PairwiseSpec) -> tuple[FloatArray, FloatArray]:
    """Intervals (k,) of the studies on the model scale."""
    if spec.study_ci != "model" and compared.table is not None:
        rows = np.array([compared.arms[study][0] for study in compared.studies], dtype=np.int64)
        events, n = compared.table.events[rows], compared.table.n[rows]
        low, high = interval_of_proportion(spec.study_ci, events, n, spec.level)
        return on_scale(low, compared.scale), on_scale(high, compared.scale)
    half = float(quantile(spec.level, np.inf)) * np.sqrt(compared.v)
    return compared.y - half, compared.y + half


def _or_none(value: float) -> float | None:
    return None if np.isnan(value) else float(value)
