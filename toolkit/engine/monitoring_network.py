"""Sequential network meta-analysis: one comparison watched while studies enter the network.

A comparison can become conclusive by indirect evidence alone; so its direct, its indirect and its network estimate are
each held against boundaries of their own.

References
----------
Nikolakopoulou, Mavridis, Egger, Salanti 2018, Stat Methods Med Res 27:1312-1330. doi:10.1177/0962280216659896
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from toolkit.engine.boundaries import AtBoundaries, futility_bounds, obrien_fleming_bounds, planned_drift
from toolkit.engine.data import Effects
from toolkit.engine.monitoring import ADVICE
from toolkit.engine.network import network, split_evidence
from toolkit.engine.network.blocks import take_studies
from toolkit.engine.network.connect import connection
from toolkit.engine.results import Estimate
from toolkit.model.errors import InputError, NotEstimable
from toolkit.model.spec import NetworkSpec

__all__ = ["KINDS", "EvidenceLook", "SequentialNetwork", "sequential_network"]

KINDS = ("direct", "indirect", "network")


@dataclass(frozen=True, slots=True, kw_only=True)
class EvidenceLook(AtBoundaries):
    """One look at one kind of evidence, after ``study`` entered: estimate on the model scale, Z, information 1 / se^2.

    ``fraction`` is its share of the planned information. ``boundary`` and ``futility`` are those of Z; both are None
    where the information did not grow (the between-study variance is estimated anew at each look), besides the
    reasons of `obrien_fleming_bounds` and `futility_bounds`.
    """

    study: str
    estimate: float
    se: float
    information: float
    fraction: float
    boundary: float | None
    futility: float | None

    @property
    def z(self) -> float:
        """The estimate over its standard error."""
        return self.estimate / self.se


@dataclass(frozen=True, slots=True, kw_only=True)
class SequentialNetwork:
    """``t1`` against ``t2`` in a growing network; an empty kind of evidence never came to be.

    ``effect`` is the named effect on the model scale, ``planned`` the information it needs (1 / se^2).
    ``last_boundary`` is what the network's Z has to exceed if the next look is the last one, at the planned
    information; None once that is reached.
    """

    t1: str
    t2: str
    measure: str
    alpha: float
    power: float
    effect: float
    planned: float
    direct: tuple[EvidenceLook, ...]
    indirect: tuple[EvidenceLook, ...]
    network: tuple[EvidenceLook, ...]
    futility: bool
    last_boundary: float | None
    advice: str = ADVICE

    def conclusion(self, kind: str) -> str:
        """What the last look at one kind of evidence says, in words."""
        looks: tuple[EvidenceLook, ...] = getattr(self, kind)
        if not looks:
            return "none"
        last = looks[-1]
        share = f"{last.fraction:.0%} of the planned information"
        first = next((look for look in looks if look.crossed), None)
        if first is not None:
            when = "with" if first is last else f"after {first.study} ({first.fraction:.0%}); now"
            return f"the boundary was crossed {when} {share}"
        if last.fraction >= 1:
            return f"the planned information is reached without crossing the boundary ({last.fraction:.0%})"
        if last.futile:
            return f"in the wedge of futility, where the named effect is unlikely, with {share}"
        return f"neither crossed nor finished: {share}"


def sequential_network(
    effects: Effects,
    spec: NetworkSpec,
    t1: str,
    t2: str,
    *,
    effect: float,
    alpha: float = 0.05,
    power: float,
    order: Sequence[str] | None = None,
    futility: bool = False,
) -> SequentialNetwork:
    """Sequential monitoring of ``t1`` against ``t2`` while the studies of a network enter one by one.

    Parameters
    ----------
    effects, spec : the data and how they are fitted; a between-study variance named beforehand
        (``tau2="fixed"``) keeps the information growing
    t1, t2 : the comparison
    effect : difference to be found, on the model scale (log of a ratio), named before the data were seen
    alpha, power : two-sided error of the first kind; 1 - error of the second kind
    order : studies in the order in which they came; None is that of ``effects``
    futility : whether an inner wedge is computed, which spends 1 - power

    Notes
    -----
    Planned information: ``((z_(1 - alpha/2) + z_power) / effect)^2``, the 1 / se^2 at which a Wald test has that
    power. The fraction of each look is its 1 / se^2 over that. Boundaries take the increments as independent.

    Raises
    ------
    InputError
        for a comparison or an order that the data do not have, or without an effect
    NotEstimable
        if the two treatments are never connected.
    """
    _check(effects, t1, t2, effect, alpha, power)
    sequence = list(order) if order is not None else list(effects.studies)
    if sorted(sequence) != sorted(effects.studies):
        raise InputError("The order names each study of the network once.", allowed=", ".join(effects.studies))
    index = {study: i for i, study in enumerate(effects.studies)}
    found: dict[str, list[tuple[str, Estimate]]] = {kind: [] for kind in KINDS}
    for count in range(1, len(sequence) + 1):
        so_far = take_studies(effects, [index[study] for study in sequence[:count]])
        for kind, estimate in _evidence(so_far, spec, t1, t2).items():
            if not found[kind] or _moved(found[kind][-1][1], estimate):
                found[kind].append((sequence[count - 1], estimate))
    if not found["network"]:
        raise NotEstimable(f"no studies connect {t1} and {t2}")
    drift = planned_drift(alpha, power)
    planned = (drift / effect) ** 2
    beta = 1 - power if futility else None
    looks = {kind: _looks(rows, planned, alpha, beta, drift) for kind, rows in found.items()}
    return SequentialNetwork(
        t1=t1,
        t2=t2,
        measure=effects.measure,
        alpha=alpha,
        power=power,
        effect=effect,
        planned=planned,
        futility=futility,
        direct=looks["direct"],
        indirect=looks["indirect"],
        network=looks["network"],
        last_boundary=_last_boundary(looks["network"], alpha),
    )


def _moved(before: Estimate, now: Estimate) -> bool:
    """Whether a study that entered told anything about the comparison, beyond what rounding does."""
    return abs(now.estimate - before.estimate) > 1e-9 * before.se or abs(now.se - before.se) > 1e-9 * before.se


def _check(effects: Effects, t1: str, t2: str, effect: float, alpha: float, power: float) -> None:
    for name in (t1, t2):
        if name not in effects.treatments:
            raise InputError("not a treatment of this network", value=name, allowed=", ".join(effects.treatments))
    if t1 == t2:
        raise InputError("a comparison takes two treatments", value=t1)
    if not abs(effect) > 0:
        raise InputError(
            "Planned information needs an effect that was named beforehand, other than none.", value=effect
        )
    for name, value in (("alpha", alpha), ("power", power)):
        if not 0 < value < 1:
            raise InputError(f"{name} is a proportion.", value=value, allowed="between 0 and 1")


def _evidence(effects: Effects, spec: NetworkSpec, t1: str, t2: str) -> dict[str, Estimate]:
    """Kind of evidence -> ``t1`` against ``t2``, of what is connected with the two so far; empty if they are not."""
    piece = next((names for names in connection(effects).subnetworks if t1 in names and t2 in names), None)
    if piece is None:
        return {}
    own = [s for s in range(effects.n_studies) if effects.treatments[int(effects.t1[effects.start[s]])] in piece]
    part = take_studies(effects, own)
    fitted = network(part, replace(spec, reference=t2))
    model = "common" if fitted.random is None else "random"
    rows = split_evidence(part, fitted, model, indirect_only=True)
    row = next(x for x in rows if {x.t1, x.t2} == {t1, t2})
    sign = 1.0 if row.t1 == t1 else -1.0
    kinds = {"direct": row.direct, "indirect": row.indirect, "network": row.network}
    return {kind: replace(x, estimate=sign * x.estimate) for kind, x in kinds.items() if x is not None}


def _looks(
    rows: Sequence[tuple[str, Estimate]], planned: float, alpha: float, beta: float | None, drift: float
) -> tuple[EvidenceLook, ...]:
    fractions = [1 / (x.se**2 * planned) for _, x in rows]
    grown = _grown(fractions)
    ascending = [fractions[i] for i in grown]
    bounds = obrien_fleming_bounds(ascending, alpha) if grown else []
    wedge = futility_bounds(ascending, bounds, beta=beta, drift=drift) if beta is not None and grown else []
    outer = dict(zip(grown, bounds, strict=True))
    inner = dict(zip(grown, wedge, strict=False))
    return tuple(
        EvidenceLook(
            study=study,
            estimate=x.estimate,
            se=x.se,
            information=1 / x.se**2,
            fraction=fractions[i],
            boundary=outer.get(i),
            futility=inner.get(i),
        )
        for i, (study, x) in enumerate(rows)
    )


def _grown(fractions: Sequence[float]) -> list[int]:
    """Looks at which there was more information than ever before; only these can spend anything."""
    return [i for i, t in enumerate(fractions) if t > max(fractions[:i], default=0.0) * (1 + 1e-9)]


def _last_boundary(looks: Sequence[EvidenceLook], alpha: float) -> float | None:
    fractions = [x.fraction for x in looks]
    ascending = [fractions[i] for i in _grown(fractions)]
    return None if ascending[-1] >= 1 else obrien_fleming_bounds([*ascending, 1.0], alpha)[-1]
