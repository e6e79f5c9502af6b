# ---- location-scale model -------------------------------------------------------------------------------------
local({
  es <- usable(studies)
  X <- design_location(es)
  Z <- design_scale(es)
  # The search goes over standardised covariates; their coefficients are turned back.
  centre <- colMeans(Z)
  spread <- apply(Z, 2, sd)
  standard <- matrix(scale(Z, centre, spread), nrow(es))
  arguments <- list(yi = es$yi, vi = es$vi, scale = ~ standard, method = "REML", test = "z", level = conf_level,
                     control = list(rel.tol = 1e-12, iter.max = 1000, eval.max = 2000))
  if (!is.null(X)) arguments$mods <- X
  fit <- do.call(rma, arguments)
  back <- rbind(c(1, -centre / spread), cbind(0, diag(1 / spread, length(spread))))
  alpha <- back %*% fit$alpha
  se <- sqrt(diag(back %*% fit$va %*% t(back)))
  for (i in seq_along(fit$beta)) {
    keep_estimate(paste0("location: ", c("intercept", colnames(X))[i]), c(fit$beta)[i], fit$se[i])
  }
  for (i in seq_along(alpha)) keep_estimate(paste0("scale: ", c("intercept", colnames(Z))[i]), alpha[i], se[i])
  for (i in seq_len(nrow(es))) keep(paste0("location-scale, tau2 of ", es$study[i]), fit$tau2[i])
  keep("location-scale: log-likelihood", c(logLik(fit)))
})
