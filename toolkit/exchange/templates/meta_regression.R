# ---- meta-regression ------------------------------------------------------------------------------------------
X <- design_regression(data.frame(study = fit$studlab))
line <- metareg(fit, X, method.tau = settings$tau2, hakn = settings$ci %in% c("HK", "HK_adhoc"))
for (i in seq_along(line$beta)) {
  keep(paste0("regression: ", c("intercept", colnames(X))[i], ": estimate"), c(line$beta)[i])
  if (settings$ci %in% c("Wald", "HK")) keep(paste0("regression: ", c("intercept", colnames(X))[i], ": se"), line$se[i])
}
keep("regression: tau2", line$tau2)
keep("regression: Q residual", line$QE)
keep("regression: Q residual: p", line$QEp)
