# ---- permutation test, all arrangements -----------------------------------------------------------------------
local({
  es <- usable(studies)
  X <- design_permutation(es)
  if (!is.null(X)) {
    es <- es[complete.cases(X), ]
    X <- X[complete.cases(X), , drop = FALSE]
  }
  fit <- random_effects(es, c(Wald = "z", t = "t", HK = "knha", HK_adhoc = "adhoc")[[settings$ci]], X)
  test <- permutest(fit, exact = TRUE, progbar = FALSE)
  if (is.null(X)) keep("permutation: pooled effect: p", test$pval[1])
  for (i in seq_len(NCOL(X))[!is.null(X)]) keep(paste0("permutation: ", colnames(X)[i], ": p"), test$pval[1 + i])
  if (!is.null(X)) keep("permutation: all covariates: p", test$QMp)
})
