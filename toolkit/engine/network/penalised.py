"""Network meta-analysis of rare events by penalised likelihood: logistic regression with Firth's correction.

Each study has its own intercept; the log-likelihood is penalised by half the log determinant of the information
(Jeffreys' prior). Studies without events stay in, no zero is corrected, and estimates are finite even where a
treatment has no events at all.

References
----------
Firth 1993, Biometrika 80:27-38. doi:10.1093/biomet/80.1.27
Evrenoglou, White, Afach, Mavridis, Chaimani 2022, Stat Med 41:5203-5219. doi:10.1002/sim.9562
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import expit

from toolkit.engine.data import ArmTable, FloatArray, IntArray
from toolkit.engine.network.count_arms import CountArms, count_arms, differences_se
from toolkit.engine.network.sparse import SparseNetwork

__all__ = ["penalised_network"]

TOLERANCE = 1e-10
MAX_ITERATIONS = 200
# Longest Newton step of a log odds: longer ones leave the region where the quadratic form means anything.
MAX_STEP = 3.0


def penalised_network(arms: ArmTable, reference: str | None = None) -> SparseNetwork:
    """Odds ratios by Firth's penalised likelihood, common effect.

    Parameters
    ----------
    arms : arms with events and n
    reference : treatment put first; the first by name otherwise

    Notes
    -----
    The modified score of a parameter is ``sum_i x_i (y_i - n_i p_i + h_i (1/2 - p_i))`` with ``h_i`` the leverage of
    arm *i*. Standard errors are from the information at the estimate. Two arms of one study give the log odds ratio
    after 0.5 is added to each cell.

    Raises
    ------
    InputError
        If nothing is left to analyse or the reference is not a treatment of it.
    NotEstimable
        If what is left is not one network.
    """
    found = count_arms(arms, reference, informative_only=False)
    flat = _flatten(found)
    mu = np.log((flat.total + 0.5) / (flat.size - flat.total + 0.5))
    theta = np.zeros(len(found.treatments))
    converged = False
    cov = np.zeros((len(theta), len(theta)))
    for _ in range(MAX_ITERATIONS):
        p = expit(mu[flat.study] + theta[flat.node])
        w = flat.n * p * (1 - p)
        D = np.bincount(flat.study, weights=w)
        B = np.zeros((len(mu), len(theta)))
        np.add.at(B, (flat.study, flat.node), w)
        A: FloatArray = np.diag(np.bincount(flat.node, weights=w, minlength=len(theta)).astype(float))
        M = np.zeros_like(A)
        M[1:, 1:] = np.linalg.inv((A - B.T @ (B / D[:, None]))[1:, 1:])
        cross = -(B / D[:, None]) @ M  # the intercepts' part of the inverse information with the treatments
        own = 1 / D - np.einsum("st,st->s", cross, B / D[:, None])
        leverage = w * (own[flat.study] + 2 * cross[flat.study, flat.node] + M[flat.node, flat.node])
        residual = flat.events - flat.n * p + leverage * (0.5 - p)
        score_mu = np.bincount(flat.study, weights=residual)
        score = np.bincount(flat.node, weights=residual, minlength=len(theta))
        step = M @ (score - B.T @ (score_mu / D))
        step_mu = (score_mu - B @ step) / D
        cov = M
        size = max(float(np.max(np.abs(step))), float(np.max(np.abs(step_mu))))
        shrink = min(1.0, MAX_STEP / size) if size > 0 else 1.0
        theta, mu = theta + shrink * step, mu + shrink * step_mu
        if size < TOLERANCE:
            converged = True
            break
    return SparseNetwork(
        treatments=found.treatments,
        reference=found.treatments[0],
        k=len(found.studies),
        designs=(),
        te=theta[:, None] - theta[None, :],
        se=differences_se(cov),
        method="penalised likelihood (Firth)",
        converged=converged,
        q=None,
        df=None,
        p=None,
        excluded=found.excluded,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Flat:
    study: IntArray
    node: IntArray
    events: FloatArray
    n: FloatArray
    total: FloatArray
    size: FloatArray


def _flatten(found: CountArms) -> _Flat:
    """All arms in one column, and events and n of each study."""
    study = np.concatenate([np.repeat(b.study, b.nodes.shape[1]) for b in found.blocks])
    node, events, n = (np.concatenate([getattr(b, x).ravel() for b in found.blocks]) for x in ("nodes", "events", "n"))
    return _Flat(
        study=study,
        node=node,
        events=events,
        n=n,
        total=np.bincount(study, weights=events).astype(float),
        size=np.bincount(study, weights=n).astype(float),
    )
