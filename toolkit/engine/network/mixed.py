"""One-stage binomial-normal network meta-analysis: a logistic mixed model of the arms, no correction of zero cells.

``logit p_sa = mu_s + theta_a + u_sa`` with an intercept for each study and effects u of the study's arms that sum to
zero and have covariance ``tau2 (I - J / a) / 2``, so that every contrast varies by tau2 and two contrasts of a study
share half of it, as in the two-stage model. With two arms the effect is coded +-1/2 around a fixed study intercept.

References
----------
Stijnen, Hamza, Ozdemir 2010, Stat Med 29:3046-3067. doi:10.1002/sim.4040
Simmonds, Higgins 2016, Stat Methods Med Res 25:2858-2877 (fixed study intercepts). doi:10.1177/0962280214534409
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy.optimize import minimize

from toolkit.engine.data import ArmTable, FloatArray
from toolkit.engine.glmm.families import binomial
from toolkit.engine.glmm.quadrature import Design, State, coefficient_score, log_likelihood
from toolkit.engine.network.count_arms import CountArms, count_arms, differences_se
from toolkit.engine.network.sparse import SparseNetwork
from toolkit.model.errors import NotEstimable

__all__ = ["mixed_network", "zero_sum_root"]

# Quadrature points a dimension, by the number of dimensions (arms - 1); studies of six and more arms take three.
POINTS = {1: 15, 2: 11, 3: 7, 4: 5}
GRADIENT_TOLERANCE = 1e-7
# Step of the differences that give the curvature at the estimate.
DIFFERENCE = 1e-4
Objective = Callable[[FloatArray], tuple[float, FloatArray]]


def mixed_network(arms: ArmTable, reference: str | None = None, *, start_tau2: float = 0.1) -> SparseNetwork:
    """Odds ratios and tau2 by maximum likelihood of the binomial-normal model.

    Parameters
    ----------
    arms : arms with events and n; studies without events, or with events in everybody, say nothing and are named
    reference : treatment put first; the first by name otherwise
    start_tau2 : where the search for tau2 starts

    Raises
    ------
    InputError
        If nothing is left to analyse or the reference is not a treatment of it.
    NotEstimable
        If what is left is not one network, or a treatment has no events (or events in everybody) in all its arms.
    """
    found = count_arms(arms, reference, informative_only=True)
    _refuse_separated(found)
    T = len(found.treatments)
    objective = _Likelihood(found)

    def without_variance(x: FloatArray) -> tuple[float, FloatArray]:
        value, gradient = objective(np.append(x, 0.0))
        return value, gradient[:-1]

    start = np.zeros(T)
    flat = minimize(without_variance, start[:-1], jac=True, method="BFGS", options={"gtol": GRADIENT_TOLERANCE})
    start[:-1], start[-1] = flat.x, np.sqrt(start_tau2)
    full = minimize(objective, start, jac=True, method="BFGS", options={"gtol": GRADIENT_TOLERANCE})
    best, tau = (full.x[:-1], abs(float(full.x[-1]))) if full.fun < flat.fun else (flat.x, 0.0)
    gradient = objective(np.append(best, tau))[1]
    cov = np.zeros((T, T))
    free = T if tau > 0 else T - 1
    cov[1:, 1:] = np.linalg.inv(_curvature(objective, np.append(best, tau), free))[: T - 1, : T - 1]
    theta = np.concatenate([[0.0], best])
    return SparseNetwork(
        treatments=found.treatments,
        reference=found.treatments[0],
        k=len(found.studies),
        designs=(),
        te=theta[:, None] - theta[None, :],
        se=differences_se(cov),
        method="one-stage binomial-normal model (maximum likelihood)",
        converged=bool(np.max(np.abs(gradient[:free])) < 1e-3),
        q=None,
        df=None,
        p=None,
        excluded=found.excluded,
        tau2=tau**2,
        log_likelihood=-float(min(full.fun, flat.fun)),
    )


def _refuse_separated(found: CountArms) -> None:
    T = len(found.treatments)
    events, misses = np.zeros(T), np.zeros(T)
    for b in found.blocks:
        np.add.at(events, b.nodes, b.events)
        np.add.at(misses, b.nodes, b.n - b.events)
    for name, e, m in zip(found.treatments, events, misses, strict=True):
        if e == 0 or m == 0:
            what = "no events" if e == 0 else "events in everybody"
            raise NotEstimable(
                f"{name} has {what} in all its arms, so its odds ratios have no finite maximum likelihood estimate; "
                "penalised likelihood has one."
            )


def _curvature(objective: Objective, x: FloatArray, free: int) -> FloatArray:
    """(free, free) second derivatives by central differences of the gradient."""
    H = np.empty((free, free))
    for i in range(free):
        step = np.zeros_like(x)
        step[i] = DIFFERENCE
        up, down = (objective(x + s)[1][:free] for s in (step, -step))
        H[i] = (up - down) / (2 * DIFFERENCE)
    return (H + H.T) / 2


class _Likelihood:
    """Profile log-likelihood in theta[1:] and tau; the inner searches go on from where the last ones ended."""

    def __init__(self, found: CountArms) -> None:
        T = len(found.treatments)
        self.designs = [
            Design(
                terms=binomial(b.events, b.n),
                offset=np.zeros(b.n.shape),
                X=np.eye(T)[b.nodes][:, :, 1:],
                Z=np.broadcast_to(zero_sum_root(b.nodes.shape[1]), (*b.nodes.shape, b.nodes.shape[1] - 1)),
                own=np.ones(b.n.shape),
            )
            for b in found.blocks
        ]
        start = [np.log((b.events.sum(1) + 0.5) / ((b.n - b.events).sum(1) + 0.5)) for b in found.blocks]
        self.states = [State.start(d, own) for d, own in zip(self.designs, start, strict=True)]
        self.points = [POINTS.get(b.nodes.shape[1] - 1, 3) for b in found.blocks]

    def value(self, x: FloatArray) -> float:
        """Log-likelihood at ``x`` = (theta[1:], tau); tau and -tau are the same."""
        tau = np.array([abs(float(x[-1]))])
        each = zip(self.designs, self.points, self.states, strict=True)
        return sum(log_likelihood(d, x[:-1], tau, points, state) for d, points, state in each)

    def __call__(self, x: FloatArray) -> tuple[float, FloatArray]:
        """Minus the log-likelihood and minus its gradient, for a minimiser."""
        value = self.value(x)
        tau = np.array([abs(float(x[-1]))])
        gradient = np.zeros(len(x))
        for d, points, state in zip(self.designs, self.points, self.states, strict=True):
            gradient[:-1] += coefficient_score(d, x[:-1], tau, points, state)
        step = np.zeros(len(x))
        step[-1] = DIFFERENCE
        gradient[-1] = (self.value(x + step) - self.value(x - step)) / (2 * DIFFERENCE)
        return -value, -gradient


def zero_sum_root(a: int) -> FloatArray:
    """(a, a - 1) root of ``(I - J / a) / 2``: Helmert contrasts over root two."""
    H = np.zeros((a, a - 1))
    for j in range(1, a):
        H[:j, j - 1], H[j, j - 1] = 1.0, -j
        H[:, j - 1] /= np.sqrt(2 * j * (j + 1))
    return H
