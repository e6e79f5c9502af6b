# ---- the same with package meta -------------------------------------------------------------------------------
library(meta)

listed <- read_text("studies.csv")
column <- function(name, d) listed[[paste("column", name)]][match(d$study, listed$study)]
indicator <- function(x, value) as.numeric(x == value)
increment <- if (settings$zero_to == "none") 0 else settings$zero_add
to <- if (settings$zero_to == "none") "only0" else settings$zero_to

shared <- list(sm = settings$sm, level.ma = settings$level, method.tau = settings$tau2,
               method.random.ci = settings$method_ci, adhoc.hakn.ci = settings$adhoc,
               method.predict = settings$predict, prediction = settings$prediction != "none")
if (!is.null(settings$subgroup_column)) shared$tau.common <- isTRUE(settings$subgroups$common)
is_glmm <- settings$model != "IV"
pooling <- if (is_glmm) "GLMM" else if (settings$measure == "PETO") "Peto" else "Inverse"
if (is_glmm) shared$method.tau <- "ML"

if (settings$effects == "arms") {
  arms <- read_arms(settings$data)
  first <- arms[arms$treatment == settings$treatment, ]
  second <- if (settings$groups == 1) first else arms[arms$treatment == settings$reference, ]
  studies <- intersect(unique(arms$study), intersect(first$study, second$study))
  first <- first[match(studies, first$study), ]
  second <- second[match(studies, second$study), ]
  d <- data.frame(study = studies)
  shared$studlab <- studies
  if (!is.null(settings$subgroup_column)) shared$subgroup <- column(settings$subgroup_column, d)
  model <- if (is_glmm) list(model.glmm = settings$model) else list()
  one <- settings$groups == 1
  call <- function(method = pooling) switch(paste(settings$data_type, if (one) "one" else "two"),
    "binary two" = do.call(metabin, c(list(event.e = first$events, n.e = first$n, event.c = second$events,
                                           n.c = second$n, method = method, incr = increment, method.incr = to,
                                           allstudies = !settings$drop_double_zero), model, shared)),
    "continuous two" = do.call(metacont, c(list(n.e = first$n, mean.e = first$mean, sd.e = first$sd, n.c = second$n,
                                                mean.c = second$mean, sd.c = second$sd), shared)),
    "rate two" = do.call(metainc, c(list(event.e = first$events, time.e = first$time, event.c = second$events,
                                         time.c = second$time, method = method, incr = increment), model, shared)),
    "binary one" = do.call(metaprop, c(list(event = first$events, n = first$n, method = method, incr = increment,
                                            method.incr = to), shared)),
    "continuous one" = do.call(metamean, c(list(n = first$n, mean = first$mean, sd = first$sd), shared)),
    "rate one" = do.call(metarate, c(list(event = first$events, time = first$time, method = method,
                                          incr = increment, method.incr = to), shared)))
} else {
  d <- listed[listed$yi != "" & listed$sei != "", ]
  shared$studlab <- d$study
  if (!is.null(settings$subgroup_column)) shared$subgroup <- column(settings$subgroup_column, d)
  call <- function(method) do.call(metagen, c(list(TE = number(d$yi), seTE = number(d$sei)), shared))
}
fit <- call()
print(summary(fit))
keep("studies", fit$k)
for (i in seq_along(fit$studlab)) {
  keep(paste0(fit$studlab[i], ": effect"), fit$TE[i])
  keep(paste0(fit$studlab[i], ": se"), fit$seTE[i])
}
keep_meta <- function(what, fit, model, i = 1, suffix = "") {
  names <- c(estimate = "TE", se = "seTE", ci_low = "lower", ci_high = "upper", p = "pval")
  for (name in names(names)) {
    value <- fit[[paste0(names[[name]], ".", model, suffix)]]
    if (length(value) >= i) keep(paste0(what, ": ", name), value[[i]])
  }
}
keep_meta("common", fit, "common")
if (settings$ci != "t") keep_meta("random", fit, "random")
keep("tau2", fit$tau2)
keep("Q", fit$Q[1])
keep("Q: p", fit$pval.Q[1])
keep("I2 from Q", fit$I2[1])
keep("prediction: low", fit$lower.predict)
keep("prediction: high", fit$upper.predict)
if ("Mantel-Haenszel: estimate" %in% expected$what && settings$effects == "arms") {
  # without a correction (MH.exact), or with one, as the analysis has it
  shared$MH.exact <- settings$mantel_haenszel == "raw"
  if (settings$data_type == "rate") shared$MH.exact <- NULL
  keep_meta("Mantel-Haenszel", call("MH"), "common")
}
