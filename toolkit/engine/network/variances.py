"""The report of a network with several between-study variances: each of them, and the test against one for all.

The model and its references: `toolkit.engine.network.by_type`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from scipy.special import chdtrc

from toolkit.engine.data import Effects, TypeVariance
from toolkit.engine.network.fit import consistency_model, network, network_effects
from toolkit.engine.network.views import against_reference
from toolkit.engine.results import Estimate
from toolkit.model.errors import InputError, NotEstimable
from toolkit.model.spec import NetworkSpec

__all__ = ["TypeVariance", "VariancesByType", "variances_by_type"]


@dataclass(frozen=True, slots=True, kw_only=True)
class VariancesByType:
    """A network with a between-study variance for each type.

    Attributes
    ----------
    method : "REML" or "ML"
    types : the variances
    common_tau2 : the one variance of the usual model by the same method
    statistic, df, p : likelihood-ratio test against one common variance
    treatments, reference, effects : every other treatment against the reference, Wald intervals (model scale)
    """

    method: str
    types: tuple[TypeVariance, ...]
    common_tau2: float
    statistic: float
    df: int
    p: float
    reference: str
    treatments: tuple[str, ...]
    effects: tuple[Estimate, ...]


def variances_by_type(
    effects: Effects,
    spec: NetworkSpec,
    *,
    group: Mapping[str, str] | None = None,
    inactive: Sequence[str] = (),
) -> VariancesByType:
    """Fit with one between-study variance a type.

    Parameters
    ----------
    effects, spec : as `network` takes them; ``spec.tau2`` is REML or ML
    group : group of each study, each with its own variance
    inactive : without `group`: comparisons with one of these treatments are one type, those of all others the second

    Raises
    ------
    InputError
        For another estimator, a study without a group, an unknown treatment, or fewer than two types.
    NotEstimable
        If a type has too few studies or the data do not determine its variance.
    """
    plain = replace(spec, tau2_groups=(), tau2_inactive=(), ci="Wald")
    groups = () if group is None else tuple((s, group.get(s, "")) for s in effects.studies)
    typed = replace(plain, tau2_groups=groups, tau2_inactive=() if group is not None else tuple(inactive))
    if not groups and not typed.tau2_inactive:
        text = "Types of comparisons need to know which treatments are inactive, or a group of each study."
        raise InputError(text)
    whole = network_effects(effects, typed)
    usual = network(effects, plain)
    if usual.tau2 is None or whole.between is None:
        raise NotEstimable("The between-study variance is not estimable: there are no degrees of freedom left.")
    result, between, restricted = network(whole, typed), whole.between, spec.tau2 == "REML"
    higher = consistency_model(whole).log_likelihood(between.tau2, restricted=restricted)
    lower = consistency_model(replace(effects, between=None)).log_likelihood(usual.tau2.value, restricted=restricted)
    statistic = max(0.0, 2 * (higher - lower))
    df = len(between.types) - 1
    rows = [(r.treatment, r.random) for r in against_reference(result)]
    return VariancesByType(
        method=spec.tau2,
        types=between.types,
        common_tau2=usual.tau2.value,
        statistic=statistic,
        df=df,
        p=float(chdtrc(df, statistic)),
        reference=result.reference,
        treatments=tuple(name for name, _ in rows),
        effects=tuple(replace(e, method="random effects, tau2 by type") for _, e in rows if e is not None),
    )
