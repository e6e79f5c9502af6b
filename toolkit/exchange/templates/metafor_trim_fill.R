# ---- trim-and-fill --------------------------------------------------------------------------------------------
local({
  es <- usable(studies)
  # trimfill searches for tau2 with a fixed absolute tolerance: effects in units of a third of their standard error
  unit <- sqrt(median(es$vi)) / 3
  fit <- rma(es$yi / unit, es$vi / unit^2, method = settings$tau2)
  more <- trimfill(fit, estimator = settings$trim_fill, control = list(maxiter = 1000))
  keep("trim-and-fill: studies filled in", more$k0)
  keep("trim-and-fill: studies filled in: se", more$se.k0)
  keep("trim-and-fill: on the right", as.numeric(more$side == "right"))
  filled <- data.frame(study = paste("study", seq_along(more$yi.f)), yi = more$yi.f * unit, vi = more$vi.f * unit^2)
  keep("trim-and-fill: studies", nrow(filled))
  by_inverse_variance(filled, settings$trim_fill_ci, "trim-and-fill: ")
})
