# ---- publication and small-study effects ----------------------------------------------------------------------
local({
  es <- usable(studies)
  line <- function(x) summary(lm(es$yi ~ x, weights = 1 / es$vi))$coefficients
  parts <- list(pet = sqrt(es$vi), peese = es$vi)
  for (name in names(parts)) {
    b <- line(parts[[name]])
    keep_estimate(paste0("adjusted, ", name), b[1, 1], b[1, 2], nrow(es) - 2)
    keep_estimate(paste0("adjusted, ", name, ", slope"), b[2, 1], b[2, 2], nrow(es) - 2)
  }
  for (i in seq_along(settings$selection)) {
    type <- settings$selection[i]
    what <- paste0("adjusted, ", type)
    fit <- rma(yi, vi, data = es, method = "ML", level = conf_level, control = control)
    arguments <- list(x = fit, type = type, alternative = settings$selection_side[i])
    if (type == "step") arguments$steps <- settings$selection_steps
    # The likelihood may have several maxima: the search starts from metafor's own values and from evipool's.
    ours <- list(beta.init = settings$selection_start[[i]][1], tau2.init = settings$selection_start[[i]][2],
                 delta.init = settings$selection_start[[i]][-(1:2)])
    searches <- list(list(rel.tol = 1e-12, iter.max = 1000, eval.max = 2000),
                     list(optimizer = "Nelder-Mead", reltol = 1e-14, maxit = 20000))
    searches <- c(searches, lapply(searches, c, ours))
    # metafor cuts p values off at 1e-5 for this weight
    if (type == "beta") searches <- lapply(searches, c, pval.min = 1e-300)
    models <- lapply(searches, function(control) {
      try(suppressWarnings(do.call(selmodel, c(arguments, list(control = control)))), silent = TRUE)
    })
    height <- vapply(models, function(m) if (inherits(m, "try-error")) -Inf else c(logLik(m)), 0)
    model <- models[[which.max(height)]]
    keep_estimate(what, c(model$beta), model$se)
    keep(paste0(what, ": tau2"), model$tau2)
    for (j in seq_along(model$delta)) keep(paste0(what, ": delta ", j), model$delta[j])
    keep(paste0(what, ": likelihood ratio"), model$LRT)
    keep(paste0(what, ": likelihood ratio: p"), model$LRTp)
  }
  if ("adjusted, fail-safe: studies" %in% expected$what) {
    many <- fsn(es$yi, es$vi, type = "Rosenberg")
    keep("adjusted, fail-safe: studies", many$fsnum)
    keep("adjusted, fail-safe: p", many$pval)
  }
  if ("adjusted, henmi-copas: ci_low" %in% expected$what) {
    wide <- hc(rma(yi, vi, data = es, method = "DL", level = conf_level))
    keep("adjusted, henmi-copas: estimate", wide$beta)
    keep("adjusted, henmi-copas: ci_low", wide$ci.lb)
    keep("adjusted, henmi-copas: ci_high", wide$ci.ub)
  }
  if ("adjusted, excess: observed" %in% expected$what) {
    test <- tes(es$yi, es$vi, test = "chi2")
    keep("adjusted, excess: observed", test$O)
    keep("adjusted, excess: expected", test$E)
    keep("adjusted, excess: chi2", test$X2)
    keep("adjusted, excess: p, chi2", test$pval)
    keep("adjusted, excess: p, exact", tes(es$yi, es$vi, test = "exact")$pval)
    keep("adjusted, excess: p, binomial", tes(es$yi, es$vi, test = "binom")$pval)
  }
})
