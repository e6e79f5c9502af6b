# ---- small-study effects --------------------------------------------------------------------------------------
named <- settings$small_study
if (named %in% c("Egger", "Thompson", "Begg", "Harbord", "Peters", "Deeks", "Macaskill", "Pustejovsky")) {
  test <- metabias(fit, method.bias = named, k.min = 3)
  keep("small-study test: statistic", test$statistic)
  keep("small-study test: p", test$pval)
}
