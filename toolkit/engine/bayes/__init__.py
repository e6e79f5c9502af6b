"""Bayesian meta-analysis without sampling: exact up to quadrature."""

from toolkit.engine.bayes.pairwise import BayesResult, Posterior, Shrunken, bayesian, default_prior, posterior_to_dict
from toolkit.engine.bayes.priors import PRIORS, Prior, parse_prior

__all__ = [
    "PRIORS",
    "BayesResult",
    "Posterior",
    "Prior",
    "Shrunken",
    "bayesian",
    "default_prior",
    "parse_prior",
    "posterior_to_dict",
]
