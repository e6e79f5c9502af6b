# ---- influence of each study ----------------------------------------------------------------------------------
local({
  es <- usable(studies)
  fit <- random_effects(es)
  one <- influence(fit)
  columns <- list(hat = one$inf$hat, rstudent = one$inf$rstudent, dffits = one$inf$dffits, cook = one$inf$cook.d,
                  cov_ratio = one$inf$cov.r, dfbeta = one$dfbs$intrcpt, tau2_without = one$inf$tau2.del,
                  q_without = one$inf$QE.del, rstandard = rstandard(fit)$z)
  for (name in names(columns)) {
    for (i in seq_len(nrow(es))) keep(paste0("influence of ", es$study[i], ": ", name), columns[[name]][i])
  }
})
