"""Subgroup analysis: a fit for each group of studies, and the test between them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from scipy.special import chdtrc

from toolkit.engine.data import ArmTable, Effects, FloatArray
from toolkit.engine.effects import restrict
from toolkit.engine.intervals import quantile, two_sided_p
from toolkit.engine.pairwise import pairwise
from toolkit.engine.pooling import pool_inverse_variance
from toolkit.engine.regression import fit_mixed
from toolkit.engine.results import Estimate, PairwiseResult, Warning_
from toolkit.engine.sensitivity import studies_of
from toolkit.model.errors import InputError, NotEstimable
from toolkit.model.spec import PairwiseSpec

__all__ = ["Subgroup", "SubgroupResult", "of_studies", "subgroups"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Subgroup:
    """One group: its own fit, and the estimate that enters the test between groups (Wald).

    ``compared`` is the random-effects estimate at the group's own tau2 or at the common one; the study itself where
    the group has one study and tau2 is separate.
    """

    label: str
    result: PairwiseResult
    compared: Estimate


@dataclass(frozen=True, slots=True, kw_only=True)
class SubgroupResult:
    """Fits by group and the tests between them.

    Attributes
    ----------
    groups : in order of their labels
    variance : "separate" or "common" tau2
    tau2_common : residual between-study variance that all groups share, None for separate ones
    q_between, df, p : test between groups in the random-effects model
    q_between_common, p_common : the same in the common-effect model
    warnings : what a reader must know
    """

    groups: tuple[Subgroup, ...]
    variance: str
    tau2_common: float | None
    q_between: float
    df: int
    p: float
    q_between_common: float
    p_common: float
    warnings: tuple[Warning_, ...] = ()


def of_studies(data: ArmTable | Effects, keep: set[str]) -> ArmTable | Effects:
    """The arms or effects of the studies in ``keep``."""
    if isinstance(data, ArmTable):
        return restrict(data, [study in keep for study in data.study])
    index = [s for s, study in enumerate(data.studies) if study in keep]
    rows = np.concatenate([np.arange(data.start[s], data.start[s + 1]) for s in index]) if index else np.empty(0)
    rows = rows.astype(np.int64)
    return replace(
        data,
        studies=tuple(data.studies[s] for s in index),
        start=np.concatenate([[0], np.cumsum([data.start[s + 1] - data.start[s] for s in index])]).astype(np.int64),
        y=data.y[rows],
        V=tuple(data.V[s] for s in index),
        t1=data.t1[rows],
        t2=data.t2[rows],
        arms=None if data.arms is None else restrict(data.arms, [study in keep for study in data.arms.study]),
        excluded=tuple(row for row in data.excluded if row.study in keep),
        corrections=tuple(row for row in data.corrections if row.study in keep),
    )


def subgroups(
    data: ArmTable | Effects,
    labels: Mapping[str, str],
    spec: PairwiseSpec | None = None,
    *,
    variance: str = "separate",
    **options: Any,
) -> SubgroupResult:
    """Fits by group with separate or common between-study variance, and the test between the groups.

    Parameters
    ----------
    data, spec, options : as for `pairwise`
    labels : study -> group; every study that gives an effect needs one
    variance : "separate" estimates tau2 in each group; "common" once, as residual variance, better with few
        studies in a group

    Raises
    ------
    InputError
        For a study without a group.
    NotEstimable
        With fewer than two groups that have an estimate.

    References
    ----------
    Borenstein, Hedges, Higgins, Rothstein 2009, Introduction to Meta-Analysis, chapter 19.
    """
    if variance not in ("separate", "common"):
        raise InputError("Unknown choice of tau2 in subgroups.", value=variance, allowed="separate, common")
    whole = pairwise(data, spec, **options)
    names, y, v = studies_of(whole)
    missing = [name for name in names if not labels.get(name)]
    if missing:
        raise InputError(f"Studies without a subgroup: {', '.join(missing)}.", hint="Give every study a group.")
    group = np.array([labels[name] for name in names], dtype=object)
    levels = sorted(set(group))
    if len(levels) < 2:
        raise NotEstimable(f"A comparison of subgroups takes at least two; there is {len(levels)}.")
    # The measure's treatments are those of the whole; "auto" is resolved anew by the size of each group.
    asked = replace(spec, **options) if spec is not None else PairwiseSpec(**{"measure": whole.spec.measure, **options})
    own = replace(asked, treatment=whole.treatment, reference=whole.reference or None)
    fits = [
        pairwise(of_studies(data, {study for study, label in labels.items() if label == level}), own)
        for level in levels
    ]
    if variance == "common":
        shared, compared = _common(y, v, group, levels, own)
    else:
        shared, compared = None, [_own(fit) for fit in fits]
    q, df, p = _between([e.estimate for e in compared], [e.se for e in compared])
    commons = [pool_inverse_variance(y[group == level], v[group == level]) for level in levels]
    q_common, _, p_common = _between([float(c.mean[0]) for c in commons], [float(c.se[0]) for c in commons])
    return SubgroupResult(
        groups=tuple(
            Subgroup(label=level, result=fit, compared=estimate)
            for level, fit, estimate in zip(levels, fits, compared, strict=True)
        ),
        variance=variance,
        tau2_common=shared,
        q_between=q,
        df=df,
        p=p,
        q_between_common=q_common,
        p_common=p_common,
        warnings=_warnings(levels, fits, variance),
    )


def _own(fit: PairwiseResult) -> Estimate:
    found = fit.random_wald if fit.random_wald is not None else fit.common
    assert found is not None
    return found


def _common(
    y: FloatArray, v: FloatArray, group: np.ndarray, levels: list[str], spec: PairwiseSpec
) -> tuple[float, list[Estimate]]:
    X = np.column_stack([(group == level).astype(float) for level in levels])
    fit = fit_mixed(y, v, X, spec.tau2)
    half = float(quantile(spec.level, np.inf)) * fit.se
    return fit.tau2, [
        Estimate(
            estimate=float(b),
            se=float(se),
            ci_low=float(b - h),
            ci_high=float(b + h),
            statistic=float(b / se),
            p=float(two_sided_p(b / se, np.inf)),
            df=None,
            method="Wald",
        )
        for b, se, h in zip(fit.beta, fit.se, half, strict=True)
    ]


def _between(estimates: list[float], errors: list[float]) -> tuple[float, int, float]:
    """Q between groups, its degrees of freedom and p."""
    pooled = pool_inverse_variance(np.array(estimates), np.array(errors) ** 2)
    q, df = float(pooled.q[0]), len(estimates) - 1
    return q, df, float(chdtrc(df, q))


def _warnings(levels: list[str], fits: list[PairwiseResult], variance: str) -> tuple[Warning_, ...]:
    found = []
    few = [f"{level} ({fit.k})" for level, fit in zip(levels, fits, strict=True) if fit.k < 5]
    if few and variance == "separate":
        text = (
            f"Few studies in {', '.join(few)}: tau2 of such a group is barely estimable; a common one may serve better."
        )
        found.append(Warning_(code="few_in_group", text=text))
    found.append(
        Warning_(
            code="between_studies",
            text="Groups of studies differ in more than the label: a difference between them is observational, and "
            "the test between groups, not one group's P value, speaks of it.",
        )
    )
    return tuple(found)
