"""Between-study variance: one function an estimator, ``(y, v, m) -> Tau2Batch`` on (k,) or (B, k) arrays.

A new estimator is one function here and one entry in ``choices.TAU2_METHODS``.
"""

from toolkit.engine.tau2.batch import Batch, Tau2Batch, batch, general_moments
from toolkit.engine.tau2.errors import tau2_standard_error
from toolkit.engine.tau2.generalised import tau2_generalised_median
from toolkit.engine.tau2.likelihood import log_likelihood, profile_likelihood_interval, score, tau2_ml, tau2_reml
from toolkit.engine.tau2.moments import (
    tau2_dersimonian_laird,
    tau2_dersimonian_laird_two_step,
    tau2_hedges_olkin,
    tau2_hunter_schmidt,
    tau2_hunter_schmidt_corrected,
    tau2_sidik_jonkman,
)
from toolkit.engine.tau2.roots import (
    q_at,
    q_profile,
    solve_q,
    tau2_empirical_bayes,
    tau2_paule_mandel,
    tau2_paule_mandel_median,
)

__all__ = [
    "Batch",
    "Tau2Batch",
    "batch",
    "general_moments",
    "log_likelihood",
    "profile_likelihood_interval",
    "q_at",
    "q_profile",
    "score",
    "solve_q",
    "tau2_dersimonian_laird",
    "tau2_dersimonian_laird_two_step",
    "tau2_empirical_bayes",
    "tau2_generalised_median",
    "tau2_hedges_olkin",
    "tau2_hunter_schmidt",
    "tau2_hunter_schmidt_corrected",
    "tau2_ml",
    "tau2_paule_mandel",
    "tau2_paule_mandel_median",
    "tau2_reml",
    "tau2_sidik_jonkman",
    "tau2_standard_error",
]
