"""The network in groups of studies: a fit each, and whether the relative effects differ between the groups.

References
----------
Borenstein, Higgins 2013, Prev Sci 14:134-143 (Q between groups). doi:10.1007/s11121-013-0377-7
Dias, Sutton, Welton, Ades 2013, Med Decis Making 33:618-640 (subgroups in networks). doi:10.1177/0272989X13485157
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from toolkit.engine.data import Effects, Excluded, FloatArray
from toolkit.engine.network._intervals import chi2_p
from toolkit.engine.network.blocks import take_studies
from toolkit.engine.network.fit import network
from toolkit.engine.network.views import TreatmentRow, against_reference, chosen_model, covariance
from toolkit.engine.results import NetworkResult, Tau2
from toolkit.model.errors import InputError, NotEstimable
from toolkit.model.spec import NetworkSpec

__all__ = ["GroupTest", "NetworkGroup", "NetworkSubgroups", "network_subgroups"]


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkGroup:
    """The fit of one group; ``rows`` are empty and ``reason`` says why where its studies are not one network."""

    name: str
    k: int
    rows: tuple[TreatmentRow, ...]
    tau2: Tau2 | None
    result: NetworkResult | None
    reason: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupTest:
    """Chi-squared test that the relative effects all groups share are the same; ``treatments`` are the shared ones."""

    treatments: tuple[str, ...]
    statistic: float
    df: int
    p: float


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkSubgroups:
    """Groups in order of their names, the test between them (None with ``reason``), studies without a group."""

    groups: tuple[NetworkGroup, ...]
    test: GroupTest | None
    reason: str | None
    excluded: tuple[Excluded, ...]


def network_subgroups(effects: Effects, group: Mapping[str, str], spec: NetworkSpec) -> NetworkSubgroups:
    """A network of each group of studies, each with its own tau2.

    Parameters
    ----------
    effects : the data
    group : name of the group of each study; a study without one is left out and named
    spec : as for `network`; a group without the reference takes its own and its rows say so

    Notes
    -----
    With theta_g the effects of the shared treatments against the first of them in group g and C_g their covariance,
    ``sum_g (theta_g - m)' C_g^-1 (theta_g - m)`` around the inverse-variance mean m is chi-squared with
    (groups - 1) x (shared treatments - 1) degrees of freedom where the groups do not differ. Random-effects covariances
    are taken where every group has them, common-effect ones otherwise.

    Raises
    ------
    InputError
        If fewer than two groups are named.
    """
    spec = replace(spec, tau2_inactive=(), tau2_groups=())  # each group has its own variance as it is
    named = {s: group.get(s, "").strip() for s in effects.studies}
    names = sorted({g for g in named.values() if g})
    if len(names) < 2:
        raise InputError("Subgroups need at least two groups of studies.", value=", ".join(names) or "none named")
    left = tuple(Excluded(study=s, reason="no group is named") for s, g in named.items() if not g)
    groups = tuple(_group(effects, [i for i, s in enumerate(effects.studies) if named[s] == g], g, spec) for g in names)
    fitted = [g.result for g in groups if g.result is not None]
    shared = sorted(set.intersection(*(set(r.treatments) for r in fitted))) if fitted else []
    test, reason = None, None
    if len(fitted) < 2:
        reason = "fewer than two groups are one network each"
    elif len(shared) < 2:
        reason = "the groups share fewer than two treatments"
    else:
        test = _test(fitted, shared)
    return NetworkSubgroups(groups=groups, test=test, reason=reason, excluded=left)


def _group(effects: Effects, keep: Sequence[int], name: str, spec: NetworkSpec) -> NetworkGroup:
    part = take_studies(effects, keep)
    there = spec.reference in part.treatments
    try:
        result = network(part, spec, reference=spec.reference if there else None)
    except NotEstimable as error:
        reason = str(error).splitlines()[0]
        return NetworkGroup(name=name, k=len(keep), rows=(), tau2=None, result=None, reason=reason)
    rows = against_reference(result)
    return NetworkGroup(name=name, k=len(keep), rows=rows, tau2=result.tau2, result=result, reason=None)


def _test(fitted: Sequence[NetworkResult], shared: Sequence[str]) -> GroupTest:
    model = "random" if all(r.random is not None for r in fitted) else "common"
    means, weights = [], []
    for result in fitted:
        te, C = _shared_effects(result, shared, model)
        means.append(te)
        weights.append(np.linalg.inv(C))
    total = np.linalg.inv(np.sum(weights, axis=0))
    middle = total @ np.sum([w @ m for w, m in zip(weights, means, strict=True)], axis=0)
    statistic = float(sum((m - middle) @ w @ (m - middle) for w, m in zip(weights, means, strict=True)))
    df = (len(fitted) - 1) * (len(shared) - 1)
    return GroupTest(treatments=tuple(shared), statistic=statistic, df=df, p=chi2_p(statistic, df) or 0.0)


def _shared_effects(result: NetworkResult, shared: Sequence[str], model: str) -> tuple[FloatArray, FloatArray]:
    """Effects of the shared treatments against the first of them, and their covariance."""
    te, se = chosen_model(result, model)
    at = [result.treatments.index(t) for t in shared]
    C = covariance(se[np.ix_(at, at)])
    return te[at[1:], at[0]], C[1:, 1:]
