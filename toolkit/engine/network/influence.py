"""What one study, or one treatment, does to a network: leave-one-out fits, and a study's share in the precision."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from toolkit.engine.data import Effects, FloatArray
from toolkit.engine.network.blocks import arms_of_studies, make_blocks, take_studies
from toolkit.engine.network.connect import connection
from toolkit.engine.network.fit import network
from toolkit.engine.network.gls import Model
from toolkit.engine.network.views import chosen_model
from toolkit.engine.results import NetworkResult
from toolkit.model.errors import InputError, NotEstimable

__all__ = [
    "LeftOut",
    "StudyImpact",
    "TreatmentOut",
    "leave_one_out",
    "leave_one_treatment_out",
    "study_impact",
    "without_treatment",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class LeftOut:
    """The network without one study.

    ``result`` is None where the rest is not one network, and ``subnetworks`` then lists its pieces; or where the rest
    does not tell several between-study variances apart (``reason``). Treatments that only this study had are in
    ``lost_treatments``.
    """

    study: str
    result: NetworkResult | None
    lost_treatments: tuple[str, ...]
    subnetworks: tuple[tuple[str, ...], ...]
    reason: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TreatmentOut:
    """The network without one treatment; ``result`` is None and ``subnetworks`` has its pieces where it falls apart.

    ``reason`` as in `LeftOut`. ``lost_studies`` compared nothing but this treatment with one other;
    ``lost_treatments`` were known from them alone.
    """

    treatment: str
    result: NetworkResult | None
    lost_studies: tuple[str, ...]
    lost_treatments: tuple[str, ...]
    subnetworks: tuple[tuple[str, ...], ...]
    reason: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StudyImpact:
    """(S, R) share of each study in the precision of each estimate: 1 - variance / variance without it, tau2 held.

    One where nothing connects the two treatments without the study.
    """

    studies: tuple[str, ...]
    comparisons: tuple[tuple[str, str], ...]
    impact: FloatArray


def leave_one_out(effects: Effects, result: NetworkResult) -> Iterator[LeftOut]:
    """The fit without each study in turn, tau2 estimated anew with the result's settings.

    A reference that disappears with the study is replaced, and the fit's warnings say by what.
    """
    everyone = range(len(effects.studies))
    for left, name in enumerate(effects.studies):
        keep = [s for s in everyone if s != left]
        rest = take_studies(effects, keep)
        lost = tuple(t for t in effects.treatments if t not in rest.treatments)
        pieces = connection(rest).subnetworks if keep else ()
        fitted, reason = None, None
        if len(pieces) == 1:
            fitted, reason = _refitted(rest, result)
        yield LeftOut(study=name, result=fitted, lost_treatments=lost, subnetworks=pieces, reason=reason)


def _refitted(rest: Effects, result: NetworkResult) -> tuple[NetworkResult | None, str | None]:
    """The fit of what is left with the result's settings; or why its between-study variances cannot be estimated."""
    there = result.reference in rest.treatments
    try:
        return network(rest, result.spec, reference=result.reference if there else None), None
    except (InputError, NotEstimable) as error:
        if result.between is None:
            raise
        return None, str(error)


def leave_one_treatment_out(effects: Effects, result: NetworkResult) -> Iterator[TreatmentOut]:
    """The fit without each treatment in turn: its arms go, other arms of its multi-arm studies stay."""
    for treatment in effects.treatments:
        rest = without_treatment(effects, treatment)
        gone = {treatment, *(rest.treatments if rest is not None else ())}
        lost = tuple(t for t in effects.treatments if t not in gone)
        left = set(rest.studies) if rest is not None else set()
        pieces = connection(rest).subnetworks if rest is not None else ()
        fitted, reason = None, None
        if rest is not None and len(pieces) == 1:
            fitted, reason = _refitted(rest, result)
        yield TreatmentOut(
            treatment=treatment,
            result=fitted,
            lost_studies=tuple(s for s in effects.studies if s not in left),
            lost_treatments=lost,
            subnetworks=pieces,
            reason=reason,
        )


def without_treatment(effects: Effects, treatment: str) -> Effects | None:
    """`effects` without the arms of `treatment`, None if nothing is left; multi-arm studies keep the others."""
    gone = effects.treatments.index(treatment)
    keep: list[int] = []
    y, V, t1, t2, sizes = [], [], [], [], []
    for s, members in enumerate(arms_of_studies(effects)):
        stay = [a for a, t in enumerate(members) if t != gone]
        if len(stay) < 2:
            continue
        C = np.zeros((len(members), len(members)))
        C[1:, 1:] = effects.V[s]
        value = np.concatenate([[0.0], effects.y[effects.start[s] : effects.start[s + 1]]])
        D = np.zeros((len(stay) - 1, len(members)))
        D[:, stay[0]] = -1.0
        D[np.arange(len(stay) - 1), stay[1:]] = 1.0
        keep.append(s)
        y.append(D @ value)
        V.append(D @ C @ D.T)
        t1 += [members[a] for a in stay[1:]]
        t2 += [members[stay[0]]] * (len(stay) - 1)
        sizes.append(len(stay) - 1)
    if not keep:
        return None
    rest = replace(
        effects,
        studies=tuple(effects.studies[s] for s in keep),
        start=np.cumsum([0, *sizes]),
        y=np.concatenate(y),
        V=tuple(V),
        t1=np.array(t1),
        t2=np.array(t2),
        between=None,
    )
    return take_studies(rest, range(len(keep)))


def study_impact(effects: Effects, result: NetworkResult, model: str = "random") -> StudyImpact:
    """Impact of every study on every comparison, the study truly removed and tau2 held.

    Notes
    -----
    netmeta's ``netimpact`` inflates the study's standard errors a thousandfold instead, so where a study holds the
    network together it prints 0.9999995 or so, and ours is 1.

    Raises
    ------
    NotEstimable
        If the model was not estimable.
    """
    _, se = chosen_model(result, model)
    tau2 = result.tau2.value if model == "random" and result.tau2 is not None else 0.0
    at = [result.treatments.index(t) for t in effects.treatments]
    first, second = np.triu_indices(len(at), 1)
    before = (se[np.ix_(at, at)] ** 2)[first, second]
    impact = np.ones((len(effects.studies), len(first)))
    members = arms_of_studies(effects)
    for left in range(len(effects.studies)):
        keep = [s for s in range(len(members)) if s != left]
        if not keep:
            continue
        rest = take_studies(effects, keep)
        fitted = Model(make_blocks(rest), len(rest.treatments))
        C = fitted.solve(tau2).cov
        index = np.array([rest.treatments.index(t) if t in rest.treatments else -1 for t in effects.treatments])
        i, j = index[first], index[second]
        joined = (i >= 0) & (j >= 0) & (fitted.component[i] == fitted.component[j])
        i, j = i[joined], j[joined]
        after = C[i, i] + C[j, j] - 2 * C[i, j]
        impact[left, joined] = 1 - before[joined] / after
    names = effects.treatments
    return StudyImpact(
        studies=effects.studies,
        comparisons=tuple((names[i], names[j]) for i, j in zip(first, second, strict=True)),
        impact=impact,
    )
