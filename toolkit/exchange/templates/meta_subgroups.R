# ---- subgroups ------------------------------------------------------------------------------------------------
for (g in settings$subgroups$labels) {
  i <- match(g, fit$subgroup.levels)
  prefix <- paste0("subgroup ", g, ": ")
  keep(paste0(prefix, "studies"), fit$k.w[i])
  keep_meta(paste0(prefix, "common"), fit, "common", i, ".w")
  if (!isTRUE(settings$subgroups$common)) {
    keep(paste0(prefix, "random: estimate"), fit$TE.random.w[i])
    keep(paste0(prefix, "tau2"), fit$tau2.w[i])
  } else {
    keep(paste0(prefix, "at the common tau2: estimate"), fit$TE.random.w[i])
  }
}
keep("subgroups: Q between, common effects", fit$Q.b.common)
keep("subgroups: Q between, common effects: p", fit$pval.Q.b.common)
if (settings$ci == "Wald") {
  keep("subgroups: Q between", fit$Q.b.random)
  keep("subgroups: Q between: p", fit$pval.Q.b.random)
}
