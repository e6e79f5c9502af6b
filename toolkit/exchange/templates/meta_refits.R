# ---- leave-one-out --------------------------------------------------------------------------------------------
for (model in c("common", "random")) {
  refits <- metainf(fit, pooled = model)
  for (i in seq_along(fit$studlab)) {
    keep(paste0("without ", fit$studlab[i], ": ", model, ": estimate"), refits$TE[i])
  }
}
