# ---- the same with package meta -------------------------------------------------------------------------------
library(meta)

arms <- read_arms(settings$data)
increment <- if (settings$zero_to == "none") 0 else settings$zero_add
to <- if (settings$zero_to == "none") "only0" else settings$zero_to
first <- arms[arms$treatment == settings$treatment, ]
second <- arms[arms$treatment == settings$reference, ]
studies <- intersect(unique(arms$study), intersect(first$study, second$study))
first <- first[match(studies, first$study), ]
second <- second[match(studies, second$study), ]

shared <- list(studlab = studies, sm = settings$sm, level.ma = settings$level, method.tau = settings$tau2,
               method.random.ci = c(Wald = "classic", t = "classic", HK = "HK", HK_adhoc = "HK")[[settings$ci]],
               adhoc.hakn.ci = if (settings$ci == "HK_adhoc") "se" else "")
fit <- switch(settings$data_type,
  binary = do.call(metabin, c(list(event.e = first$events, n.e = first$n, event.c = second$events, n.c = second$n,
                                   method = "Inverse", incr = increment,
                                   method.incr = to, allstudies = !settings$drop_double_zero), shared)),
  continuous = do.call(metacont, c(list(n.e = first$n, mean.e = first$mean, sd.e = first$sd, n.c = second$n,
                                        mean.c = second$mean, sd.c = second$sd), shared)),
  rate = do.call(metainc, c(list(event.e = first$events, time.e = first$time, event.c = second$events,
                                 time.c = second$time, method = "Inverse", incr = increment), shared)))
print(summary(fit))
found <- list("studies" = fit$k, "common: estimate" = fit$TE.common, "common: se" = fit$seTE.common,
              "common: ci_low" = fit$lower.common, "common: ci_high" = fit$upper.common,
              "tau2" = fit$tau2, "Q" = fit$Q, "random: estimate" = fit$TE.random,
              "random: ci_low" = fit$lower.random, "random: ci_high" = fit$upper.random)
compare_numbers(found, expected[expected$what %in% names(found), ], settings$tolerance)
