"""Which new study moved a network most: the network without each of them in turn."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from toolkit.analysis.stored import stored_arms, stored_network_spec
from toolkit.analysis.words import digits_of, estimate_text
from toolkit.model.errors import InputError, NotEstimable

if TYPE_CHECKING:
    from toolkit.engine.data import Effects
    from toolkit.engine.results import NetworkResult
    from toolkit.model.spec import NetworkSpec

__all__ = ["network_mover"]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Shift:
    """What one study does to the comparison that it moves most."""

    study: str
    pair: tuple[str, str]
    size: float
    before: str
    now: str


def network_mover(payload: Mapping[str, Any], fresh: Sequence[str]) -> str:
    """Which of the new studies moved which comparison most, by leaving each of them out of the present fit.

    The shift is measured on the model scale (log of a ratio), over all comparisons that the rest still makes. New
    studies without which the network loses a treatment or falls apart are named. "" where nothing new entered.
    """
    from toolkit.engine.network import network
    from toolkit.engine.network.blocks import take_studies

    if not fresh:
        return ""
    spec = stored_network_spec(payload["spec"])
    try:
        effects = _effects(payload, spec)
        full = network(effects, spec)
    except (InputError, NotEstimable):
        return ""
    entered = [study for study in fresh if study in effects.studies]
    shifts, words = [], []
    for study in entered:
        rest = take_studies(effects, [i for i, name in enumerate(effects.studies) if name != study])
        lost = [name for name in effects.treatments if name not in rest.treatments]
        if lost:
            words.append(f"{study} alone brought {' and '.join(lost)}.")
        try:
            found = network(rest, spec, reference=full.reference if full.reference in rest.treatments else None)
        except (InputError, NotEstimable):
            words.append(f"Without {study} the rest would not be one network that can be fitted.")
            continue
        shifts.append(_largest(study, full, found, effects.scale))
    known = [shift for shift in shifts if shift is not None]
    if known:
        most = max(known, key=lambda shift: shift.size)
        who = f"Of the {len(entered)} new studies {most.study}" if len(entered) > 1 else f"The new study {most.study}"
        words.insert(
            0,
            f"{who} moved {most.pair[0]} against {most.pair[1]} most: without it, it would be {most.before} instead of "
            f"{most.now}.",
        )
    return " ".join(words)


def _effects(payload: Mapping[str, Any], spec: NetworkSpec) -> Effects:
    """The effects of the arms that entered; of a disconnected network its largest piece, if that was analysed."""
    from toolkit.engine.network import largest_subnetwork, network_effects

    effects = network_effects(stored_arms(payload), spec)
    return network_effects(largest_subnetwork(effects), spec) if payload.get("largest") else effects


def _largest(study: str, full: NetworkResult, rest: NetworkResult, scale: str) -> _Shift | None:
    """The comparison that the study moves most; None where the rest makes no comparison of the whole."""
    from toolkit.engine.network.views import chosen_model

    model = "random" if full.random is not None and rest.random is not None else "common"
    (te, se), (te_rest, se_rest) = chosen_model(full, model), chosen_model(rest, model)
    names = [name for name in full.treatments if name in rest.treatments]
    best: tuple[float, str, str] | None = None
    for i, first in enumerate(names):
        for second in names[i + 1 :]:
            a = te[full.treatments.index(first), full.treatments.index(second)]
            b = te_rest[rest.treatments.index(first), rest.treatments.index(second)]
            if best is None or abs(float(a - b)) > best[0]:
                best = abs(float(a - b)), first, second
    if best is None:
        return None
    size, first, second = best
    if full.reference == first:
        first, second = second, first

    def text(result: NetworkResult, y: Any, s: Any) -> str:
        at = result.treatments.index(first), result.treatments.index(second)
        return _text(float(y[at]), float(s[at]), result, scale)

    return _Shift(
        study=study, pair=(first, second), size=size, before=text(rest, te_rest, se_rest), now=text(full, te, se)
    )


def _text(y: float, se: float, result: NetworkResult, scale: str) -> str:
    """The estimate with its Wald interval on the scale that is shown."""
    from scipy.special import ndtri

    from toolkit.engine.scales import back

    half = float(ndtri((1 + result.spec.level) / 2)) * se
    shown = {"estimate": back(y, scale), "ci_low": back(y - half, scale), "ci_high": back(y + half, scale)}
    return estimate_text(shown, result.spec.level, digits_of(result.spec.measure))
