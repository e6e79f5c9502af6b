# ---- what is computed from the pooled effect, and from the effects without pooling ----------------------------
local({
  es <- usable(studies)
  pooled <- function(name) {
    model <- if (is.null(found[["random: estimate"]])) "common" else "random"
    value <- found[[paste0(model, ": ", name)]]
    if (settings$measure %in% c("OR", "RR", "PETO")) exp(value) else value
  }
  for (name in c("estimate", "ci_low", "ci_high")) {
    x <- pooled(name)
    if (!is.null(settings$natural_sd)) keep(paste0("units of a familiar scale: ", name), x * settings$natural_sd)
    if (!is.null(settings$assumed_risk)) {
      r <- settings$assumed_risk
      risk <- switch(settings$measure, OR = , PETO = x * r / (1 - r + x * r), RR = min(x * r, 1), max(0, min(x + r, 1)))
      keep(paste0("risk with the treatment: ", name), risk)
    }
  }
  up <- sum(es$yi > 0)
  down <- sum(es$yi < 0)
  keep("directions: above no effect", up)
  keep("directions: below no effect", down)
  if (up + down > 0) {
    keep("directions: p", binom.test(up, up + down)$p.value)
    wilson <- prop.test(up, up + down, conf.level = settings$level, correct = FALSE)$conf.int
    keep("directions: low", wilson[1])
    keep("directions: high", wilson[2])
  }
  z <- es$yi / sqrt(es$vi)
  fisher <- function(side) pchisq(-2 * sum(pnorm(side * z, log.p = TRUE)), 2 * nrow(es), lower.tail = FALSE)
  keep("directions: p of an effect above", fisher(-1))
  keep("directions: p of an effect below", fisher(1))
  for (i in seq_along(settings$without)) {
    d <- studies[!studies$study %in% settings$without[[i]], ]
    by_inverse_variance(d, settings$without_ci[i], paste0(names(settings$without)[i], ": "), refit = TRUE)
  }
})
