"""Confidence intervals of the between-study variance of a network.

References
----------
Viechtbauer 2007, Stat Med 26:37-52 (Q-profile). doi:10.1002/sim.2514
Jackson, White, Riley 2013, Biom J 55:231-245 (Q of a multivariate fit). doi:10.1002/bimj.201200152
Hardy, Thompson 1996, Stat Med 15:619-629 (profile likelihood).
    doi:10.1002/(SICI)1097-0258(19960330)15:6<619::AID-SIM188>3.0.CO;2-A
"""

from __future__ import annotations

from scipy.optimize import brentq
from scipy.special import gammainccinv, gammaincinv, ndtri

from toolkit.engine.data import Effects
from toolkit.engine.network.fit import consistency_model
from toolkit.engine.network.tau2 import VarianceModel, solve_q, tau2_ml, tau2_reml, typical_variance
from toolkit.engine.results import Interval, NetworkResult, Tau2
from toolkit.model.errors import InputError, NotEstimable

__all__ = ["NETWORK_TAU2_INTERVALS", "profile_likelihood", "q_profile", "tau2_interval"]


def tau2_interval(effects: Effects, result: NetworkResult, method: str = "QP") -> Interval:
    """Interval of the between-study variance at the result's level.

    Parameters
    ----------
    effects, result : the data and their fit
    method : "QP", the Q-profile (exact for known sampling variances, whatever the estimator), or "PL", the profile
        likelihood (restricted, or the full one where the fit is by ML)

    Raises
    ------
    InputError
        If the method is unknown.
    NotEstimable
        If tau2 is not estimable or was given by the user.
    """
    if method not in NETWORK_TAU2_INTERVALS:
        raise InputError("Unknown interval of tau2.", value=method, allowed=", ".join(NETWORK_TAU2_INTERVALS))
    if result.tau2 is None or result.tau2.method == "fixed":
        raise NotEstimable(
            "There is no interval of tau2: it is "
            + ("not estimable." if result.tau2 is None else "given by the user, not estimated.")
        )
    if result.between is not None:
        raise NotEstimable("There is no interval of tau2: the network has several between-study variances.")
    model, level = consistency_model(effects), result.spec.level
    if method == "QP":
        return q_profile(model, level)
    return profile_likelihood(model, level, restricted=result.tau2.method != "ML")


def q_profile(model: VarianceModel, level: float) -> Interval:
    """Where Q(tau2) meets the quantiles of chi-squared; both bounds 0 where even Q(0) lies below the lower one."""
    half, tail = model.df / 2, (1 - level) / 2
    low = solve_q(model, 2 * float(gammainccinv(half, tail)))[0]
    high = solve_q(model, 2 * float(gammaincinv(half, tail)))[0]
    return Interval(low=low, high=high, method="QP")


def profile_likelihood(model: VarianceModel, level: float, *, restricted: bool) -> Interval:
    """Where the (restricted) log-likelihood falls half a chi-squared quantile below its maximum; 0 if it does not."""
    best: Tau2 = tau2_reml(model) if restricted else tau2_ml(model)
    height = model.log_likelihood(best.value, restricted=restricted) - float(ndtri(0.5 + level / 2)) ** 2 / 2

    def above(t: float) -> float:
        return model.log_likelihood(t, restricted=restricted) - height

    low = 0.0
    if best.value > 0 and above(0.0) < 0:
        low = float(brentq(above, 0.0, best.value, xtol=1e-14 * best.value, rtol=1e-13, maxiter=500))
    step = max(best.value, typical_variance(model))
    while above(best.value + step) > 0:
        step *= 4
    high = float(brentq(above, best.value, best.value + step, xtol=1e-14 * step, rtol=1e-13, maxiter=500))
    return Interval(low=low, high=high, method="PL (REML)" if restricted else "PL (ML)")


NETWORK_TAU2_INTERVALS = {"QP": "Q-profile", "PL": "profile likelihood"}
