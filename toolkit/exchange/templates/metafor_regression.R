# ---- meta-regression ------------------------------------------------------------------------------------------
local({
  es <- usable(studies)
  X <- design_regression(es)
  es <- es[complete.cases(X), ]
  X <- X[complete.cases(X), , drop = FALSE]
  keep("regression: studies", nrow(es))
  fit <- random_effects(es, c(Wald = "z", t = "t", HK = "knha", HK_adhoc = "adhoc")[[settings$ci]], X)
  for (i in seq_along(fit$beta)) {
    what <- paste0("regression: ", c("intercept", colnames(X))[i])
    keep_estimate(what, c(fit$beta)[i], fit$se[i], if (settings$ci == "Wald") Inf else nrow(es) - ncol(X) - 1)
  }
  limits <- tau2_interval(es, X)
  null <- random_effects(es)$tau2
  keep("regression: tau2", fit$tau2)
  keep("regression: tau2: low", limits[[1]])
  keep("regression: tau2: high", limits[[2]])
  keep("regression: R2", max(0, (null - fit$tau2) / null))
  keep("regression: I2", fit$I2 / 100)
  keep("regression: H2", fit$H2)
  keep("regression: test of the covariates", fit$QM)
  keep("regression: test of the covariates: p", fit$QMp)
  keep("regression: Q residual", fit$QE)
  keep("regression: Q residual: p", fit$QEp)
})
