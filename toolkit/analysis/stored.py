"""The arms and the spec of a stored result, as the engine takes them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import isnan, nan
from typing import Any

from toolkit.engine.data import ArmTable
from toolkit.engine.effects import arm_table
from toolkit.model.spec import NetworkSpec, PairwiseSpec, ZeroCells

__all__ = ["stored_arms", "stored_network_spec", "stored_pairwise_spec"]

Payload = Mapping[str, Any]


def stored_arms(payload: Payload) -> ArmTable:
    """Counts and means of the arms that entered; other numbers of a row are not in it."""
    arms = payload["selection"]["arms"]

    def column(name: str) -> list[float]:
        return [nan if arm[name] is None else float(arm[name]) for arm in arms]

    return arm_table(
        [arm["study"] for arm in arms],
        [arm["treatment"] for arm in arms],
        n=column("n"),
        events=column("events"),
        mean=column("mean"),
        sd=column("sd"),
        time=column("time"),
        r=_correlations(arms),
    )


def _correlations(arms: Sequence[Payload]) -> list[float] | None:
    known = [float(dict(arm.get("reported", ())).get("r", nan)) for arm in arms]
    return None if all(isnan(r) for r in known) else known


def stored_pairwise_spec(stored: Payload) -> PairwiseSpec:
    """A pairwise spec as it was stored with its result."""
    return PairwiseSpec(**_whole(stored))


def stored_network_spec(stored: Payload) -> NetworkSpec:
    """A network spec as it was stored with its result."""
    return NetworkSpec(**_whole(stored))


def _whole(stored: Payload) -> dict[str, Any]:
    """JSON has no tuples and no dataclasses."""

    def tuples(value: Any) -> Any:
        return tuple(tuples(x) for x in value) if isinstance(value, list) else value

    return {name: tuples(value) for name, value in stored.items()} | {"zero_cells": ZeroCells(**stored["zero_cells"])}
