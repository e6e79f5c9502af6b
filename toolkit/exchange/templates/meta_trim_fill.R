# ---- trim-and-fill --------------------------------------------------------------------------------------------
if (settings$trim_fill != "Q0") {
  filled <- trimfill(fit, type = sub("0", "", settings$trim_fill), ma.common = FALSE)
  keep("trim-and-fill: studies filled in", filled$k0)
  keep("trim-and-fill: studies", filled$k)
  keep("trim-and-fill: random: estimate", filled$TE.random)
  keep("trim-and-fill: tau2", filled$tau2)
}
