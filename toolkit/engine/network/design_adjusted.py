"""Randomised and observational evidence together: studies down-weighted by their design.

References
----------
Efthimiou, Mavridis, Debray, Samara, Belger, Siontis, Leucht, Salanti 2017, Stat Med 36:1210-1226. doi:10.1002/sim.7223
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from toolkit.engine.data import Effects, Excluded
from toolkit.engine.network.blocks import take_studies
from toolkit.engine.network.connect import connection
from toolkit.engine.network.fit import network
from toolkit.engine.results import NetworkResult
from toolkit.model.errors import InputError, NotEstimable
from toolkit.model.spec import NetworkSpec

__all__ = ["WEIGHTS", "DesignFit", "design_adjusted", "down_weighted"]

# From trials alone (0) to both kinds of evidence taken as they are (1).
WEIGHTS = (0.0, 0.1, 0.25, 0.5, 0.75, 1.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class DesignFit:
    """The network at one weight of the studies that are not trusted; ``result`` is None with ``reason``."""

    weight: float
    studies: int
    result: NetworkResult | None
    lost_treatments: tuple[str, ...]
    reason: str | None


def down_weighted(effects: Effects, trusted: Sequence[str], weight: float) -> Effects:
    """`effects` with the variances of the studies that are not `trusted` divided by `weight`; 0 takes them out.

    Raises
    ------
    InputError
        If the weight is not between 0 and 1, or nothing is left.
    """
    if not 0 <= weight <= 1:
        raise InputError("A weight of non-randomised studies must be a proportion.", value=weight, allowed="0 to 1")
    kept = set(trusted)
    if weight == 0:
        keep = [i for i, s in enumerate(effects.studies) if s in kept]
        if not keep:
            raise InputError("No study has a trusted design, so nothing is left at weight 0.")
        gone = tuple(Excluded(study=s, reason="weight 0 for its design") for s in effects.studies if s not in kept)
        rest = take_studies(effects, keep)
        return replace(rest, excluded=(*rest.excluded, *gone))
    return replace(
        effects, V=tuple(V if s in kept else V / weight for s, V in zip(effects.studies, effects.V, strict=True))
    )


def design_adjusted(
    effects: Effects,
    design: Mapping[str, str],
    trusted: Sequence[str],
    spec: NetworkSpec,
    weights: Sequence[float] = WEIGHTS,
) -> Iterator[DesignFit]:
    """The network at several weights of the studies whose design is not trusted, tau2 estimated anew at each.

    Parameters
    ----------
    effects : the data
    design : design of each study; a study without one is not trusted
    trusted : designs that keep their full weight, such as "RCT"
    spec : as for `network`
    weights : 0 takes the other studies out, 1 takes all as they are (the naive analysis), values between divide their
        precision

    Raises
    ------
    InputError
        If no study has a trusted design.
    """
    names = {t.casefold() for t in trusted}
    good = [s for s in effects.studies if design.get(s, "").strip().casefold() in names]
    if not good:
        found = ", ".join(sorted({d for d in design.values() if d}))
        raise InputError("No study has a trusted design.", value=", ".join(trusted), allowed=found or None)
    for weight in weights:
        used = down_weighted(effects, good, weight)
        lost = tuple(t for t in effects.treatments if t not in used.treatments)
        pieces = connection(used).subnetworks
        fitted, reason = None, None
        if len(pieces) > 1:
            reason = "in pieces: " + " | ".join(", ".join(piece) for piece in pieces)
        else:
            there = spec.reference in used.treatments
            try:
                fitted = network(used, spec, reference=spec.reference if there else None)
            except (InputError, NotEstimable) as error:
                if not spec.tau2_groups and not spec.tau2_inactive:
                    raise
                reason = str(error)  # too few studies are left of a type of between-study variance
        yield DesignFit(weight=weight, studies=len(used.studies), result=fitted, lost_treatments=lost, reason=reason)
