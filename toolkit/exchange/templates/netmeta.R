# ---- the same with package netmeta ----------------------------------------------------------------------------
library(netmeta)

arms <- read_arms(settings$data)
increment <- if (settings$zero_to == "none") 0 else settings$zero_add
to <- if (settings$zero_to == "none") "only0" else settings$zero_to
pairs <- switch(settings$data_type,
  binary = pairwise(treat = treatment, event = events, n = n, studlab = study, data = arms, sm = settings$sm,
                    incr = increment, method.incr = to,
                    allstudies = !settings$drop_double_zero),
  continuous = pairwise(treat = treatment, mean = mean, sd = sd, n = n, studlab = study, data = arms,
                        sm = settings$sm),
  rate = pairwise(treat = treatment, event = events, time = time, studlab = study, data = arms, sm = settings$sm,
                  incr = increment))
fit <- netmeta(pairs, sm = settings$sm, reference.group = settings$reference, method.tau = settings$tau2,
               level.ma = settings$level)
print(summary(fit))
found <- list("studies" = fit$k, "tau2" = fit$tau2, "Q" = fit$Q)
for (treatment in setdiff(fit$trts, settings$reference)) {
  found[[paste0("common: estimate ", treatment)]] <- fit$TE.common[treatment, settings$reference]
  found[[paste0("common: se ", treatment)]] <- fit$seTE.common[treatment, settings$reference]
  found[[paste0("random: estimate ", treatment)]] <- fit$TE.random[treatment, settings$reference]
  found[[paste0("random: se ", treatment)]] <- fit$seTE.random[treatment, settings$reference]
}
compare_numbers(found, expected[expected$what %in% names(found), ], settings$tolerance)
