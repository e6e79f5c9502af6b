"""Arms with events of a network, gathered by number of arms, for the models of counts with an intercept a study."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from toolkit.engine.data import ArmTable, Effects, Excluded, FloatArray, IntArray
from toolkit.engine.effects import group_arms
from toolkit.engine.network.connect import require_connected
from toolkit.model.errors import InputError

__all__ = ["CountArms", "CountBlock", "count_arms", "differences_se"]


@dataclass(frozen=True, slots=True, kw_only=True)
class CountBlock:
    """S studies of *a* arms: (S, a) events and n, (S, a) treatments, (S,) place of each study among all."""

    study: IntArray
    nodes: IntArray
    events: FloatArray
    n: FloatArray


@dataclass(frozen=True, slots=True, kw_only=True)
class CountArms:
    """Blocks by number of arms; treatments with the reference first; what is left out."""

    blocks: tuple[CountBlock, ...]
    treatments: tuple[str, ...]
    studies: tuple[str, ...]
    excluded: tuple[Excluded, ...]


def count_arms(arms: ArmTable, reference: str | None, *, informative_only: bool) -> CountArms:
    """Arms by study, connected and checked.

    Parameters
    ----------
    arms : arms with events and n
    reference : treatment put first; the first by name otherwise
    informative_only : leave out studies without events, or with events in everybody, and say so

    Raises
    ------
    InputError
        If nothing is left or the reference is not a treatment of it.
    NotEstimable
        If what is left is not one network.
    """
    grouped, excluded, _ = group_arms(arms, ("events", "n"))
    members: list[tuple[str, list[int]]] = []
    for s, study in enumerate(grouped.studies):
        rows = list(range(int(grouped.start[s]), int(grouped.start[s + 1])))
        total, size = grouped.events[rows].sum(), grouped.n[rows].sum()
        if informative_only and total in (0, size):
            reason = "no events, or events in everybody: no information on odds ratios"
            excluded.append(Excluded(study=study, reason=reason))
            continue
        members.append((study, rows))
    if not members:
        raise InputError("No study has events and non-events to compare, so there is nothing to analyse.")
    names = sorted({grouped.treatment[r] for _, rows in members for r in rows})
    if reference is not None and reference not in names:
        raise InputError("The reference is not a treatment of this network.", value=reference, allowed=", ".join(names))
    names = names if reference is None else [reference, *(t for t in names if t != reference)]
    place = {name: i for i, name in enumerate(names)}
    by_size: dict[int, list[int]] = {}
    for at, (_, rows) in enumerate(members):
        by_size.setdefault(len(rows), []).append(at)
    blocks = tuple(
        CountBlock(
            study=np.array(chosen),
            nodes=np.array([[place[grouped.treatment[r]] for r in members[at][1]] for at in chosen]),
            events=np.array([grouped.events[members[at][1]] for at in chosen]),
            n=np.array([grouped.n[members[at][1]] for at in chosen]),
        )
        for _, chosen in sorted(by_size.items())
    )
    found = CountArms(
        blocks=blocks, treatments=tuple(names), studies=tuple(s for s, _ in members), excluded=tuple(excluded)
    )
    require_connected(_shell(found))
    return found


def _shell(found: CountArms) -> Effects:
    """The comparisons of the studies without their numbers, for the check of connections."""
    nodes = {int(s): row for b in found.blocks for s, row in zip(b.study, b.nodes.tolist(), strict=True)}
    ordered = [nodes[s] for s in range(len(found.studies))]
    rows = sum(len(own) - 1 for own in ordered)
    return Effects(
        measure="OR",
        scale="log",
        studies=found.studies,
        start=np.cumsum([0, *(len(own) - 1 for own in ordered)]),
        y=np.zeros(rows),
        V=tuple(np.eye(len(own) - 1) for own in ordered),
        t1=np.array([t for own in ordered for t in own[1:]]),
        t2=np.array([own[0] for own in ordered for _ in own[1:]]),
        treatments=found.treatments,
    )


def differences_se(cov: FloatArray) -> FloatArray:
    """(T, T) standard errors of all differences from the covariance of the treatments."""
    variance = np.diag(cov)[:, None] + np.diag(cov)[None, :] - 2 * cov
    np.fill_diagonal(variance, 0.0)
    errors: FloatArray = np.sqrt(np.maximum(variance, 0.0))
    return errors
