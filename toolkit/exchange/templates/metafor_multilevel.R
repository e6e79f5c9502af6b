# ---- effects in clusters: rma.mv, and robust tests ------------------------------------------------------------
local({
  asked <- settings$multilevel
  es <- usable(studies)
  es$cluster <- column(asked$column, es)
  X <- design_multilevel(es)
  same <- outer(es$cluster, es$cluster, "==")
  V <- outer(sqrt(es$vi), sqrt(es$vi)) * same * asked$rho
  diag(V) <- es$vi
  random <- if (asked$structure == "nested") ~ 1 | cluster / study else ~ 1 | cluster
  arguments <- list(yi = es$yi, V = V, random = random, data = es, method = asked$method, level = conf_level)
  if (!is.null(X)) arguments$mods <- X
  fit <- multivariate(arguments)
  clusters <- length(unique(es$cluster))
  df <- rep(switch(asked$test, z = Inf, clusters - fit$p), fit$p)
  se <- fit$se
  if (asked$test %in% c("CR1", "CR2")) {
    if (asked$test == "CR2" && !requireNamespace("clubSandwich", quietly = TRUE))
      stop("the robust tests need package clubSandwich (Debian: r-cran-clubsandwich)")
    sandwich <- robust(fit, cluster = es$cluster, clubSandwich = asked$test == "CR2")
    se <- sandwich$se
    if (asked$test == "CR2") df <- sandwich$dfs
  }
  keep("multilevel: effects", nrow(es))
  keep("multilevel: clusters", clusters)
  for (i in seq_len(fit$p)) {
    what <- paste0("multilevel: ", c("intercept", colnames(X))[i])
    keep_estimate(what, c(fit$beta)[i], se[i], df[i])
    keep(paste0(what, ": df"), df[i])
  }
  W <- solve(V)
  M <- model.matrix(fit)
  P <- W - W %*% M %*% solve(t(M) %*% W %*% M) %*% t(M) %*% W
  typical <- (nrow(es) - fit$p) / sum(diag(P))
  sigma2 <- fit$sigma2
  for (i in seq_along(sigma2)) {
    what <- paste0("multilevel: variance ", c("between", "within")[i])
    limits <- confint(fit, sigma2 = i, level = conf_level, control = list(vc.max = 10 * (var(es$yi) + max(sigma2))))
    limits <- limits$random[1, c("ci.lb", "ci.ub")]
    keep(what, sigma2[i])
    keep(paste0(what, ": low"), limits[[1]])
    keep(paste0(what, ": high"), limits[[2]])
    keep(paste0(what, ": I2"), sigma2[i] / (sum(sigma2) + typical))
  }
  keep("multilevel: Q residual", fit$QE)
  keep("multilevel: Q residual: p", fit$QEp)
  keep("multilevel: log-likelihood", c(logLik(fit)))
  half <- qt(1 - (1 - settings$level) / 2, df[1]) * sqrt(sum(sigma2) + se[1]^2)
  keep("multilevel: prediction: low", c(fit$beta)[1] - half)
  keep("multilevel: prediction: high", c(fit$beta)[1] + half)
})
