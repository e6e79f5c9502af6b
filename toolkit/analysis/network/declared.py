"""Further analyses of a declared network: requests from its selection, their tables as data, their figures by name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from toolkit.analysis.network.figures import Draw, Look, further_figures
from toolkit.analysis.network.part import Part, Request, further_part
from toolkit.engine.tabulate import plain
from toolkit.model.errors import InputError, NotEstimable
from toolkit.model.further import Asked, Options

if TYPE_CHECKING:
    from toolkit.engine.data import ArmTable, Effects
    from toolkit.engine.results import NetworkResult
    from toolkit.model.spec import NetworkSpec

__all__ = ["RANK_SEED", "Further", "bridged", "drawings", "further_requests", "further_to_data"]

# The seed of the rank draws: the same data give the same table on every machine.
RANK_SEED = 20070120


@dataclass(frozen=True, slots=True, kw_only=True)
class Further:
    """One further analysis of a declared network; ``key`` is its name, numbered where it is asked for again."""

    key: str
    asked: Asked
    request: Request


def further_requests(
    asked: Sequence[Asked],
    effects: Effects,
    result: NetworkResult,
    arms: ArmTable | None,
    columns: Mapping[str, Mapping[str, str]],
    others: Mapping[str, NetworkResult],
    outcome: str,
) -> tuple[Request, tuple[Further, ...]]:
    """The request behind the figures of every network, and one for each further analysis."""
    base = Request(
        effects=effects,
        result=result,
        model="common" if result.random is None else "random",
        options=Options(seed=RANK_SEED),
        arms=arms,
        columns=columns,
        outcome=outcome,
        others=others,
    )
    found, seen = [], dict[str, int]()
    for one in asked:
        seen[one.name] = times = seen.get(one.name, 0) + 1
        request = replace(
            base,
            options=_seeded(one),
            others={name: others[name] for name in one.options.with_outcome if name in others},
        )
        found.append(Further(key=one.name if times == 1 else f"{one.name}-{times}", asked=one, request=request))
    return base, tuple(found)


def _seeded(one: Asked) -> Options:
    return one.options if "seed" in one.settings else replace(one.options, seed=RANK_SEED)


def further_to_data(further: Sequence[Further]) -> list[dict[str, Any]]:
    """Every further analysis as plain data: its table, notes and numbers, or the reason why there are none."""
    found = []
    for one in further:
        try:
            part, reason = further_part(one.asked.name, one.request), None
        except (InputError, NotEstimable) as error:
            part, reason = None, str(error)
        figures = [] if part is None else list(drawings(one, Look()))
        found.append(_as_data(one.key, one.asked, part, reason, figures))
    return found


def _as_data(key: str, asked: Asked, part: Part | None, reason: str | None, figures: list[str]) -> dict[str, Any]:
    data: dict[str, Any] = {
        "key": key,
        "name": asked.name,
        "settings": plain(dict(asked.settings)),
        "reason": reason,
        "figures": figures,
    }
    if part is not None:
        data |= {
            "title": part.title,
            "header": list(part.header),
            "rows": [list(row) for row in part.rows],
            "notes": list(part.notes),
            "data": part.data,
        }
    return data


def drawings(one: Further, look: Look) -> dict[str, Draw]:
    """File name without its ending -> how it is drawn."""
    number = one.key.removeprefix(one.asked.name)
    return {f"{name}{number}": draw for name, draw in further_figures(one.asked.name, one.request, look).items()}


def bridged(asked: Sequence[Asked], effects: Effects, spec: NetworkSpec) -> list[dict[str, Any]]:
    """The component models of a network that only its components join; nothing else can be said of such a one."""
    from toolkit.analysis.network.models import bridging

    found = []
    for one in asked:
        if one.name != "components":
            reason = "the network is disconnected: only components can bridge it"
            found.append(_as_data(one.name, one, None, reason, []))
            continue
        try:
            found.append(_as_data(one.name, one, bridging(effects, spec, one.options), None, []))
        except (InputError, NotEstimable) as error:
            found.append(_as_data(one.name, one, None, str(error), []))
    return found
