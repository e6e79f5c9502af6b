"""Designs, heterogeneity within them and inconsistency between them.

A *design* is the set of treatments a study compares. Giving a design its own copies of its treatments as nodes detaches
that design (Krahn 2013); with all designs detached the consistency model is the full design-by-treatment interaction
model (Higgins 2012), which `designwise` solves design by design.

References
----------
Higgins, Jackson, Barrett, Lu, Ades, White 2012, Res Synth Methods 3:98-110. doi:10.1002/jrsm.1044
White, Barrett, Jackson, Higgins 2012, Res Synth Methods 3:111-125. doi:10.1002/jrsm.1045
Krahn, Binder, Koenig 2013, BMC Med Res Methodol 13:35. doi:10.1186/1471-2288-13-35
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np

from toolkit.engine.data import Effects, IntArray
from toolkit.engine.network._intervals import chi2_p
from toolkit.engine.network.blocks import Block, arms_of_studies, relabel
from toolkit.engine.network.designwise import Designwise
from toolkit.engine.network.gls import Model
from toolkit.engine.network.tau2 import tau2_dersimonian_laird, tau2_reml
from toolkit.engine.results import Inconsistency

__all__ = [
    "Design",
    "DesignDecomposition",
    "DesignQ",
    "decompose_designs",
    "design_model",
    "design_nodes",
    "find_designs",
    "inconsistency",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Design:
    """A set of treatments (sorted names) and the indices of the studies that compare exactly these."""

    treatments: tuple[str, ...]
    studies: tuple[int, ...]

    @property
    def label(self) -> str:
        """Names joined by colons."""
        return ":".join(self.treatments)


@dataclass(frozen=True, slots=True, kw_only=True)
class DesignQ:
    """A chi-squared statistic of one design; ``p`` is None without degrees of freedom."""

    design: str
    q: float
    df: int
    p: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class DesignDecomposition:
    """Q within each design, Q between designs after detaching each, and between designs under random effects.

    ``tau2_within`` is the generalised DerSimonian-Laird variance within designs (None without degrees of freedom),
    ``random_between`` the between-design statistic with it.
    """

    within: tuple[DesignQ, ...]
    detached: tuple[DesignQ, ...]
    tau2_within: float | None
    random_between: DesignQ | None


def find_designs(effects: Effects) -> tuple[Design, ...]:
    """Designs of `effects`, fewest treatments first, then by name."""
    found: dict[tuple[str, ...], list[int]] = {}
    for s, members in enumerate(arms_of_studies(effects)):
        found.setdefault(tuple(sorted(effects.treatments[t] for t in members)), []).append(s)
    return tuple(
        Design(treatments=names, studies=tuple(found[names])) for names in sorted(found, key=lambda k: (len(k), k))
    )


def design_nodes(
    effects: Effects, blocks: Sequence[Block], designs: Sequence[Design], separate: Collection[int] | None = None
) -> IntArray:
    """(S, T) node of each treatment in each study, -1 without such an arm; designs in `separate` have their own."""
    T = len(effects.treatments)
    chosen = range(len(designs)) if separate is None else separate
    node_of = np.tile(np.arange(T), (len(effects.studies), 1))
    for d in chosen:
        node_of[list(designs[d].studies)] += T * (d + 1)
    used = np.unique(np.concatenate([node_of[b.study[:, None], b.nodes].ravel() for b in blocks]))
    index = np.full(T * (len(designs) + 1), -1)
    index[used] = np.arange(len(used))
    nodes: IntArray = index[node_of]
    return nodes


def design_model(
    effects: Effects, blocks: Sequence[Block], designs: Sequence[Design], separate: Collection[int] | None = None
) -> Model:
    """The model in which the designs numbered in `separate` (all by default) have nodes of their own."""
    nodes = design_nodes(effects, blocks, designs, separate)
    return Model(relabel(blocks, nodes), int(nodes.max()) + 1)


def inconsistency(model: Model) -> Inconsistency:
    """Q of the network split within / between designs, and the design-by-treatment interaction test.

    Notes
    -----
    The Wald statistic of the interaction is the drop in the weighted residual sum of squares from the consistency to
    the interaction model with the covariance held at the interaction model's REML tau2.
    """
    full = Designwise(model.blocks)
    q_total, df_total = model.solve(0.0).q, model.df
    df_within, df_between = full.df, df_total - full.df
    q_within = full.solve(0.0).q if df_within > 0 else 0.0
    q_total = q_total if df_total > 0 else 0.0
    q_between = max(q_total - q_within, 0.0) if df_between > 0 else None
    chi2 = tau2 = reason = None
    if df_between == 0:
        reason = (
            "Inconsistency cannot be tested: no comparison is informed both directly and indirectly by studies of "
            "different designs (no closed loop)."
        )
    elif df_within == 0:
        reason = (
            "The random-effects interaction test needs at least one design with two studies: without one the "
            "between-study variance within designs is not estimable."
        )
    else:
        tau2 = tau2_reml(full).value
        chi2 = max(model.solve(tau2).q - full.solve(tau2).q, 0.0)
    return Inconsistency(
        q_total=q_total,
        df_total=df_total,
        p_total=chi2_p(q_total, df_total),
        q_within=q_within if df_within > 0 else None,
        df_within=df_within,
        p_within=chi2_p(q_within, df_within),
        q_between=q_between,
        df_between=df_between,
        p_between=None if q_between is None else chi2_p(q_between, df_between),
        interaction_chi2=chi2,
        interaction_df=df_between,
        interaction_p=None if chi2 is None else chi2_p(chi2, df_between),
        interaction_tau2=tau2,
        reason=reason,
    )


def decompose_designs(effects: Effects, model: Model) -> DesignDecomposition:
    """Q per design, after detaching each design in turn, and between designs under random effects.

    Designs whose detaching leaves the between-design degrees of freedom unchanged are not listed as detached: nothing
    else informs their contrasts.
    """
    designs = find_designs(effects)
    full = Designwise(model.blocks)
    in_design, q_total = full.solve(0.0), model.solve(0.0).q
    within, detached = [], []
    for d, design in enumerate(designs):
        df = (len(design.studies) - 1) * (len(design.treatments) - 1)
        q = float(in_design.study_q[list(design.studies)].sum()) if df else 0.0
        within.append(DesignQ(design=design.label, q=q, df=df, p=chi2_p(q, df)))
        apart = design_model(effects, model.blocks, designs, {d})
        if apart.df < model.df:
            df = apart.df - full.df
            q = max(apart.solve(0.0).q - in_design.q, 0.0) if df else 0.0
            detached.append(DesignQ(design=design.label, q=q, df=df, p=chi2_p(q, df)))
    tau2 = between = None
    if full.df > 0:
        tau2 = tau2_dersimonian_laird(full).value
        df = model.df - full.df
        if df > 0:
            q = max(model.solve(tau2).q - full.solve(tau2).q, 0.0)
            between = DesignQ(design="between designs", q=q, df=df, p=chi2_p(q, df))
    elif model.df > 0:
        q = q_total
        between = DesignQ(design="between designs", q=q, df=model.df, p=chi2_p(q, model.df))
    return DesignDecomposition(within=tuple(within), detached=tuple(detached), tau2_within=tau2, random_between=between)
