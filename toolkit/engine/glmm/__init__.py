"""Generalised linear mixed models and the beta-binomial model for counts: no continuity correction, no normal effects.

`fit_glmm` takes the models of Stijnen, Hamza and Ozdemir (2010) by name; `fit_beta_binomial` that of Kuss (2015).
"""

from toolkit.engine.glmm.beta_binomial import BetaBinomialFit, fit_beta_binomial
from toolkit.engine.glmm.models import GlmmFit, fit_glmm

__all__ = ["BetaBinomialFit", "GlmmFit", "fit_beta_binomial", "fit_glmm"]
