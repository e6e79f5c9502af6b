# ---- the same with package netmeta ----------------------------------------------------------------------------
library(netmeta)

if (settings$effects == "arms") {
  arms <- read_arms(settings$data)
  increment <- if (settings$zero_to == "none") 0 else settings$zero_add
  to <- if (settings$zero_to == "none") "only0" else settings$zero_to
  pairs <- switch(settings$data_type,
    binary = pairwise(treat = treatment, event = events, n = n, studlab = study, data = arms, sm = settings$sm,
                      incr = increment, method.incr = to, allstudies = !settings$drop_double_zero),
    continuous = pairwise(treat = treatment, mean = mean, sd = sd, n = n, studlab = study, data = arms,
                          sm = settings$sm),
    rate = pairwise(treat = treatment, event = events, time = time, studlab = study, data = arms, sm = settings$sm,
                    incr = increment))
} else {
  pairs <- read_text("contrasts.csv")
  pairs <- data.frame(studlab = pairs$study, treat1 = pairs$t1, treat2 = pairs$t2, TE = number(pairs$yi),
                      seTE = number(pairs$sei))
}
given <- if (is.null(settings$tau2_value)) NULL else sqrt(settings$tau2_value)
fit <- netmeta(TE, seTE, treat1, treat2, studlab, data = pairs, sm = settings$sm,
               reference.group = settings$reference, level.ma = settings$level, prediction = TRUE,
               method.tau = if (settings$tau2 == "fixed") "DL" else settings$tau2, tau.preset = given)
print(summary(fit))
keep("studies", fit$k)
keep("tau2", fit$tau^2)
keep("Q", fit$Q)
keep("Q: p", fit$pval.Q)
keep("I2", fit$I2)
keep("Q within designs", fit$Q.heterogeneity)
keep("Q between designs", fit$Q.inconsistency)
for (treatment in setdiff(fit$trts, settings$reference)) {
  for (model in if (settings$ci == "Wald") c("common", "random") else "common") {
    names <- c(estimate = "TE", se = "seTE", ci_low = "lower", ci_high = "upper", p = "pval")
    for (name in names(names)) {
      value <- fit[[paste0(names[[name]], ".", model)]]
      keep(paste0(model, ": ", name, " ", treatment), value[treatment, settings$reference])
    }
  }
  keep(paste("random: estimate", treatment), fit$TE.random[treatment, settings$reference])
}
