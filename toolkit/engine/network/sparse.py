"""Network meta-analysis of rare events: no continuity correction, common effect, odds ratios.

Mantel-Haenszel: stage one pools the studies of each design with the generalised estimator for several arms; stage two
combines the designs by generalised least squares, each design being one multi-arm "study". The non-central
hypergeometric likelihood is in `hypergeometric`. Both use the same studies and arms.

References
----------
Efthimiou, Ruecker, Schwarzer, Higgins, Egger, Salanti 2019, Stat Med 38:2992-3012. doi:10.1002/sim.8158
Greenland 1989, Biometrics 45:183-191 (estimators and covariance). doi:10.2307/2532044
Mickey, Elashoff 1985, Biometrics 41:623-635. doi:10.2307/2531282
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from toolkit.engine.data import ArmTable, Effects, Excluded, FloatArray, IntArray
from toolkit.engine.effects import StudyArms, group_arms
from toolkit.engine.network._intervals import chi2_p
from toolkit.engine.network.blocks import make_blocks
from toolkit.engine.network.connect import require_connected
from toolkit.engine.network.count_arms import differences_se
from toolkit.engine.network.gls import Model
from toolkit.engine.network.hypergeometric import LIKELIHOODS, fit_hypergeometric
from toolkit.model.errors import InputError

__all__ = ["SparseNetwork", "generalised_mantel_haenszel", "hypergeometric_network", "mantel_haenszel_network"]


@dataclass(frozen=True, slots=True, kw_only=True)
class SparseNetwork:
    """Log odds ratios of row against column with standard errors, (T, T), the reference first.

    ``q``, ``df`` and ``p`` test inconsistency between designs (None except for Mantel-Haenszel); ``tau2`` and
    ``log_likelihood`` are those of the one-stage model. What the method
    cannot use (studies without events, arms without events in their whole design) is in ``excluded``.
    """

    treatments: tuple[str, ...]
    reference: str
    k: int
    designs: tuple[str, ...]
    te: FloatArray
    se: FloatArray
    method: str
    converged: bool
    q: float | None
    df: int | None
    p: float | None
    excluded: tuple[Excluded, ...]
    tau2: float | None = None
    log_likelihood: float | None = None


def generalised_mantel_haenszel(events: FloatArray, n: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Mantel-Haenszel log odds ratios of J arms over K strata, made consistent, and their covariance.

    Parameters
    ----------
    events, n : (K, J) events and units; every arm has events and non-events in some stratum

    Returns
    -------
    y, V : (J - 1,) log odds ratios of arms 1 .. J - 1 against arm 0, and their covariance

    Notes
    -----
    With ``C_ij = sum_k x_ik (n_jk - x_jk) / N_k`` and ``L_ij = log(C_ij / C_ji)``, the consistent estimate is the
    difference of the row means of L. ``U[i, j, h]`` is the covariance of ``L_ij`` and ``L_ih`` (Greenland 1989,
    equations 6 and 7); pairs without a common arm are uncorrelated.
    """
    x, z = events, n - events
    N = n.sum(axis=1)
    J = n.shape[1]
    c = x[:, :, None] * z[:, None, :] / N[:, None, None]
    d = (x[:, :, None] + z[:, None, :]) / N[:, None, None]
    C = c.sum(axis=0)
    L = np.log(C / C.T)
    np.fill_diagonal(L, 0.0)
    turned = (0, 2, 1)
    variance = (c * d).sum(axis=0) / (2 * C**2)
    variance = variance + variance.T
    variance += (c * d.transpose(turned) + c.transpose(turned) * d).sum(axis=0) / (2 * C * C.T)
    w = 1 / N**2

    def triple(a: FloatArray, b: FloatArray, e: FloatArray) -> FloatArray:
        out: FloatArray = np.einsum("k,ki,kj,kh->ijh", w, a, b, e)
        return out

    ij, ih, ji, hi = C[:, :, None], C[:, None, :], C.T[:, :, None], C.T[:, None, :]
    U = triple(x, z, z) / (ij * ih) + triple(n, z, x) / (ij * hi) + triple(n, x, z) / (ji * ih)
    U = (U + triple(z, x, x) / (ji * hi)) / 3
    same = np.eye(J, dtype=bool)
    U[same[:, :, None] | same[:, None, :] | same[None, :, :]] = 0.0
    i, j = np.nonzero(~same)
    U[i, j, j] = variance[i, j]
    S = _row_sum_covariance(U) / J**2
    mean = L.mean(axis=1)
    return mean[1:] - mean[0], S[1:, 1:] - S[1:, :1] - S[:1, 1:] + S[0, 0]


def _row_sum_covariance(U: FloatArray) -> FloatArray:
    """(J, J) covariance of ``L_i+ = sum_h L_ih`` from ``U[i, j, h] = cov(L_ij, L_ih)``, with ``L_ij = -L_ji``."""
    J = len(U)
    toward = U.sum(axis=0)  # [i, j]: sum over the common arm h of cov(L_ih, L_jh)
    along = U.sum(axis=2)  # [i, j]: sum over h of cov(L_ij, L_ih)
    i, j = np.nonzero(~np.eye(J, dtype=bool))
    S = np.diag(along.sum(axis=1))
    S[i, j] = toward[i, j] - along[i, j] - along[j, i] + U[i, j, j]
    return S


def mantel_haenszel_network(arms: ArmTable, reference: str | None = None) -> SparseNetwork:
    """Mantel-Haenszel network meta-analysis of odds ratios.

    Parameters
    ----------
    arms : arms with events and n
    reference : treatment put first; the first by name otherwise

    Raises
    ------
    InputError
        If nothing is left to analyse or the reference is not a treatment of it.
    NotEstimable
        If what is left is not one network.
    """
    designs, names, k, excluded = _prepared(arms, reference)
    blocks = [(d.treatments, *generalised_mantel_haenszel(d.events, d.n)) for d in designs]
    model = Model(make_blocks(_as_effects(designs, blocks, names)), len(names))
    fit = model.solve(0.0)
    return SparseNetwork(
        treatments=tuple(names),
        reference=names[0],
        k=k,
        designs=tuple(d.label for d in designs),
        te=fit.beta[:, None] - fit.beta[None, :],
        se=differences_se(fit.cov),
        method="Mantel-Haenszel",
        converged=True,
        q=fit.q if model.df else 0.0,
        df=model.df,
        p=chi2_p(fit.q, model.df),
        excluded=excluded,
    )


def hypergeometric_network(arms: ArmTable, reference: str | None = None, *, likelihood: str = "exact") -> SparseNetwork:
    """Network meta-analysis of odds ratios by the non-central hypergeometric likelihood.

    Parameters
    ----------
    arms, reference : as in `mantel_haenszel_network`
    likelihood : "exact", or "multinomial" for the approximation that netmeta's method "NCH" prints

    Raises
    ------
    InputError, NotEstimable
        As `mantel_haenszel_network`; InputError for an unknown likelihood.
    """
    if likelihood not in LIKELIHOODS:
        raise InputError("Unknown likelihood.", value=likelihood, allowed=", ".join(LIKELIHOODS))
    designs, names, k, excluded = _prepared(arms, reference)
    studies = []
    for design in designs:
        at = [names.index(t) for t in design.treatments]
        for events, n in zip(design.events, design.n, strict=True):
            if 0 < events.sum() < n.sum():  # arms of the design may have been left out
                studies.append((at, events, n))
    theta, cov, converged = fit_hypergeometric(studies, len(names), likelihood)
    return SparseNetwork(
        treatments=tuple(names),
        reference=names[0],
        k=k,
        designs=tuple(d.label for d in designs),
        te=theta[:, None] - theta[None, :],
        se=differences_se(cov),
        method=f"non-central hypergeometric ({likelihood})",
        converged=converged,
        q=None,
        df=None,
        p=None,
        excluded=excluded,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _DesignTable:
    """Studies of one design: (K, J) events and units of the arms that are used."""

    label: str
    treatments: tuple[str, ...]
    events: FloatArray
    n: FloatArray


def _prepared(arms: ArmTable, reference: str | None) -> tuple[list[_DesignTable], list[str], int, tuple[Excluded, ...]]:
    """Designs, treatments (the reference first), number of studies, and what is left out."""
    grouped, excluded, _ = group_arms(arms, ("events", "n"))
    designs, more, k = _designs(grouped)
    if not designs:
        raise InputError("No study has events and non-events to compare, so there is nothing to analyse.")
    names = sorted({t for d in designs for t in d.treatments})
    if reference is not None and reference not in names:
        raise InputError("The reference is not a treatment of this network.", value=reference, allowed=", ".join(names))
    names = names if reference is None else [reference, *(t for t in names if t != reference)]
    unit = [(d.treatments, np.zeros(len(d.treatments) - 1), np.eye(len(d.treatments) - 1)) for d in designs]
    require_connected(_as_effects(designs, unit, names))
    return designs, names, k, (*excluded, *more)


def _designs(arms: StudyArms) -> tuple[list[_DesignTable], list[Excluded], int]:
    """Table of each design, what was left out, and the number of studies used."""
    members: dict[tuple[str, ...], list[IntArray]] = {}
    left: list[Excluded] = []
    for s, study in enumerate(arms.studies):
        rows = np.arange(arms.start[s], arms.start[s + 1])
        rows = rows[np.argsort([arms.treatment[r] for r in rows])]
        if arms.events[rows].sum() == 0 or (arms.n - arms.events)[rows].sum() == 0:
            left.append(
                Excluded(study=study, reason="no events, or events in everybody: no information on odds ratios")
            )
            continue
        members.setdefault(tuple(arms.treatment[r] for r in rows), []).append(rows)
    designs: list[_DesignTable] = []
    k = 0
    for names in sorted(members, key=lambda key: (len(key), key)):
        at = np.array(members[names])
        events, n = arms.events[at], arms.n[at]
        use = (events.sum(axis=0) > 0) & ((n - events).sum(axis=0) > 0)
        label = ":".join(names)
        studies = [arms.studies[int(np.searchsorted(arms.start, rows[0], side="right")) - 1] for rows in at]
        for name, ok in zip(names, use, strict=True):
            if not ok:
                reason = f"no events (or events in everybody) in any study of the design {label}"
                left += [Excluded(study=study, treatment=name, reason=reason) for study in studies]
        if use.sum() < 2:
            left += [Excluded(study=study, reason=f"one usable arm is left in the design {label}") for study in studies]
            continue
        k += len(studies)
        kept = tuple(name for name, ok in zip(names, use, strict=True) if ok)
        designs.append(_DesignTable(label=label, treatments=kept, events=events[:, use], n=n[:, use]))
    return designs, left, k


def _as_effects(
    designs: Sequence[_DesignTable],
    blocks: Sequence[tuple[tuple[str, ...], FloatArray, FloatArray]],
    names: Sequence[str],
) -> Effects:
    """Designs as the studies of an `Effects`; `blocks` are (treatments, y, V) of each."""
    return Effects(
        measure="OR",
        scale="log",
        studies=tuple(d.label for d in designs),
        start=np.cumsum([0, *(len(own) - 1 for own, _, _ in blocks)]),
        y=np.concatenate([y for _, y, _ in blocks]),
        V=tuple(V for _, _, V in blocks),
        t1=np.array([names.index(t) for own, _, _ in blocks for t in own[1:]]),
        t2=np.array([names.index(own[0]) for own, _, _ in blocks for _ in own[1:]]),
        treatments=tuple(names),
    )
