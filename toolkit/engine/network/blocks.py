"""Studies gathered by number of arms, so that every kernel is one array call per arm count.

Vocabulary: a *node* is a column of the treatment part of the design. In the consistency model nodes are treatments;
in the inconsistency models they are (design, treatment) pairs. A *block* is the set of studies with the same number of
arms.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np

from toolkit.engine.data import Between, Effects, FloatArray, IntArray
from toolkit.model.errors import InputError

__all__ = ["Block", "arms_of_studies", "heterogeneity_shape", "make_blocks", "relabel", "take_studies"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """S studies with *a* arms each; the base arm comes first.

    Attributes
    ----------
    study : (S,) indices into ``Effects.studies``
    nodes : (S, a) node of each arm
    y : (S, a - 1) effect of each further arm against the base arm
    V : (S, a - 1, a - 1) within-study covariance
    extra : (S, a, q) covariates of the arms beyond their node (side-splitting, regression), or None
    between : (S, a - 1, a - 1) between-study covariance per unit of tau2 where it is not (I + J) / 2, or None
    """

    study: IntArray
    nodes: IntArray
    y: FloatArray
    V: FloatArray
    extra: FloatArray | None = None
    between: FloatArray | None = None

    @property
    def shape(self) -> FloatArray:
        """Between-study covariance per unit of tau2: (a - 1, a - 1), or one for each study."""
        return heterogeneity_shape(self.y.shape[1]) if self.between is None else self.between


@lru_cache(maxsize=64)
def heterogeneity_shape(rows: int) -> FloatArray:
    """``(I + J) / 2``: between-study covariance of base-arm contrasts per unit of tau2; read-only."""
    shape: FloatArray = (np.eye(rows) + np.ones((rows, rows))) / 2
    shape.flags.writeable = False
    return shape


def arms_of_studies(effects: Effects) -> tuple[tuple[int, ...], ...]:
    """Treatment indices of each study's arms, base arm first.

    Raises
    ------
    InputError
        If a study's rows do not share one base arm, or an arm appears twice.
    """
    arms = []
    start, t1, t2 = effects.start.tolist(), effects.t1.tolist(), effects.t2.tolist()
    for s, name in enumerate(effects.studies):
        rows = slice(start[s], start[s + 1])
        bases = set(t2[rows])
        if len(bases) != 1:
            raise InputError(f"Study {name!r}: every effect must be an arm against the study's one base arm.")
        members = (*bases, *t1[rows])
        if len(set(members)) != len(members):
            raise InputError(f"Study {name!r}: a treatment appears in two arms.")
        arms.append(members)
    return tuple(arms)


def make_blocks(effects: Effects) -> tuple[Block, ...]:
    """Blocks of `effects`, fewest arms first; nodes are treatment indices.

    Raises
    ------
    InputError
        If there is no study, or an effect or a covariance is not usable; the text names the study.
    """
    if not effects.studies:
        raise InputError("No study gives an effect, so there is nothing to analyse.")
    effects_per_study = np.diff(effects.start)
    blocks = []
    for r in np.unique(effects_per_study).tolist():
        chosen = np.flatnonzero(effects_per_study == r)
        rows = effects.start[chosen][:, None] + np.arange(r)
        bases = effects.t2[rows]
        nodes = np.concatenate([bases[:, :1], effects.t1[rows]], axis=1)
        ordered = np.sort(nodes, axis=1)
        if r == 0 or (bases != bases[:, :1]).any() or (ordered[:, 1:] == ordered[:, :-1]).any():
            arms_of_studies(effects)  # says which study it is
        y = np.asarray(effects.y[rows], dtype=float)
        V = np.array([effects.V[s] for s in chosen], dtype=float).reshape(len(chosen), r, r)
        _check(effects, chosen, y, V)
        between = None if effects.between is None else np.array([effects.between.shapes[s] for s in chosen])
        blocks.append(
            Block(
                study=chosen,
                nodes=nodes,
                y=y,
                V=(V + V.swapaxes(1, 2)) / 2,
                between=between,
            )
        )
    return tuple(blocks)


def _check(effects: Effects, chosen: IntArray, y: FloatArray, V: FloatArray) -> None:
    finite = np.isfinite(np.concatenate([y, V.reshape(len(V), -1)], axis=1)).all(axis=1)
    if not finite.all():
        name = effects.studies[chosen[int(np.argmin(finite))]]
        raise InputError(f"Study {name!r}: an effect or its standard error is missing or infinite.")
    smallest = V[:, 0, 0] if V.shape[1] == 1 else np.linalg.eigvalsh(V)[:, 0]
    if smallest.min() <= 0:
        raise InputError(
            f"Study {effects.studies[chosen[int(np.argmax(smallest <= 0))]]!r}: the covariance of its effects is not "
            "positive definite.",
            hint="Standard errors must be above zero, and those of a multi-arm study must fit together.",
        )


def relabel(blocks: Iterable[Block], node_of: IntArray) -> tuple[Block, ...]:
    """The same studies with other nodes: ``node_of[s, t]`` replaces node *t* in study *s*."""
    return tuple(replace(b, nodes=node_of[b.study[:, None], b.nodes]) for b in blocks)


def take_studies(effects: Effects, keep: Sequence[int]) -> Effects:
    """`effects` restricted to the studies `keep` (indices), in that order; treatments without a study are dropped."""
    rows = (
        np.concatenate([np.arange(effects.start[s], effects.start[s + 1]) for s in keep]) if len(keep) else np.arange(0)
    )
    used = np.unique(np.concatenate([effects.t1[rows], effects.t2[rows]]))
    index = np.full(len(effects.treatments), -1)
    index[used] = np.arange(len(used))
    sizes = [int(effects.start[s + 1] - effects.start[s]) for s in keep]
    return replace(
        effects,
        studies=tuple(effects.studies[s] for s in keep),
        start=np.concatenate([[0], np.cumsum(sizes, dtype=np.int64)]),
        y=effects.y[rows],
        V=tuple(effects.V[s] for s in keep),
        t1=index[effects.t1[rows]],
        t2=index[effects.t2[rows]],
        treatments=tuple(effects.treatments[t] for t in used),
        between=None if effects.between is None else _between(effects.between, effects, keep),
    )


def _between(between: Between, effects: Effects, keep: Sequence[int]) -> Between:
    """The shapes of some studies; what a new study would vary by is of the whole network, and is dropped."""
    return replace(
        between,
        shapes=tuple(between.shapes[s] for s in keep),
        studies=tuple(effects.studies[s] for s in keep),
        contrasts=None,
    )
