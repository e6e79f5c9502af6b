# ---- effects of the studies -----------------------------------------------------------------------------------
library(metafor)

arms <- with_zero_cells(read_arms(settings$data), settings)
first <- arms[arms$treatment == settings$treatment, ]
second <- arms[arms$treatment == settings$reference, ]
studies <- intersect(unique(arms$study), intersect(first$study, second$study))
first <- first[match(studies, first$study), ]
second <- second[match(studies, second$study), ]

two_by_two <- function(measure, a, b) {
  escalc(measure = measure, ai = a$events + a$add, bi = a$n - a$events + a$add, ci = b$events + b$add,
         di = b$n - b$events + b$add, add = 0, to = "none", drop00 = FALSE)
}
rates <- function(measure, a, b) {
  escalc(measure = measure, x1i = a$events + a$add, t1i = a$time, x2i = b$events + b$add, t2i = b$time,
         add = 0, to = "none", drop00 = FALSE)
}
means <- function(measure, a, b) {
  escalc(measure = measure, m1i = a$mean, sd1i = a$sd, n1i = a$n, m2i = b$mean, sd2i = b$sd, n2i = b$n)
}
uncorrected <- function(d) { d$add <- 0; d }
raw_difference <- function(es, raw) { es$yi <- raw$yi; es }

# Bonett (2008, 2009) with Hedges' exact factor on n1 + n2 - 2; versions of metafor differ in its degrees of freedom.
bonett <- function(a, b) {
  df <- a$n + b$n - 2
  j <- exp(lgamma(df / 2) - log(sqrt(df / 2)) - lgamma((df - 1) / 2))
  total <- a$sd^2 + b$sd^2
  y <- j * (a$mean - b$mean) / sqrt(total / 2)
  spread <- (a$sd^4 / (a$n - 1) + b$sd^4 / (b$n - 1)) / (2 * total^2)
  data.frame(yi = y, vi = y^2 * spread + (a$sd^2 / (a$n - 1) + b$sd^2 / (b$n - 1)) / (total / 2))
}

study_effects <- function(s, a, b) {
  if (s$measure == "RR" && s$zero_rr == "events")
    return(escalc(measure = "RR", ai = a$events + a$add, n1i = a$n + a$add, ci = b$events + b$add, n2i = b$n + b$add,
                  add = 0, to = "none", drop00 = FALSE))
  es <- switch(s$measure,
    OR = , RR = , PETO = , AS = two_by_two(s$measure, a, b),
    RD = two_by_two("RD", a, b),
    IRR = , IRD = , IRSD = rates(s$measure, a, b),
    MD = , SMD = , SMD1 = , ROM = , VR = means(s$measure, a, b),
    SMDH = bonett(a, b),
    ROM_BC = means("ROM", a, b),
    CVR = means("CVR", a, b))
  if (s$measure == "RD" && s$zero_rd == "variance") es <- raw_difference(es, two_by_two("RD", uncorrected(a), uncorrected(b)))
  if (s$measure == "IRD" && s$zero_rd == "variance") es <- raw_difference(es, rates("IRD", uncorrected(a), uncorrected(b)))
  half <- function(d) d$sd^2 / (d$n * d$mean^2) / 2
  # second-order terms that this version of metafor does not add
  if (s$measure == "ROM_BC") es$yi <- es$yi + half(a) - half(b)
  if (s$measure == "CVR") es$yi <- es$yi - half(a) + half(b)
  es
}

es <- study_effects(settings, first, second)
es <- es[is.finite(es$yi) & is.finite(es$vi) & es$vi > 0, ]
k <- nrow(es)

# ---- fits -----------------------------------------------------------------------------------------------------
found <- list("studies" = k)
level <- 100 * settings$level
if (k > 0) {
  common <- rma(yi, vi, data = es, method = "FE", level = level)
  found[["common: estimate"]] <- c(common$beta)
  found[["common: se"]] <- common$se
  found[["common: ci_low"]] <- common$ci.lb
  found[["common: ci_high"]] <- common$ci.ub
}
fit <- function(test) {
  control <- list(threshold = 1e-11, maxiter = 10000, tol = 1e-11)
  if (settings$tau2 == "DL2") {
    one <- rma(yi, vi, data = es, method = "DL")$tau2
    two <- rma(yi, vi, data = es, method = "GENQ", weights = 1 / (es$vi + one))$tau2
    return(rma(yi, vi, data = es, tau2 = two, test = test, level = level))
  }
  rma(yi, vi, data = es, method = settings$tau2, test = test, level = level, control = control)
}
if (k > 1) {
  wald <- fit("z")
  random <- fit(c(Wald = "z", t = "t", HK = "knha", HK_adhoc = "adhoc")[[settings$ci]])
  found[["tau2"]] <- random$tau2
  found[["I2 from tau2"]] <- random$I2 / 100
  found[["Q"]] <- random$QE
  found[["random: estimate"]] <- c(random$beta)
  found[["random: se"]] <- random$se
  found[["random: ci_low"]] <- random$ci.lb
  found[["random: ci_high"]] <- random$ci.ub
  upper <- 1 - (1 - settings$level) / 2
  hk <- if (grepl("^HK", settings$prediction)) fit("knha")$se else NA
  width <- switch(settings$prediction,
    t_k1 = qt(upper, k - 1) * sqrt(wald$tau2 + wald$se^2),
    t_k2 = if (k > 2) qt(upper, k - 2) * sqrt(wald$tau2 + wald$se^2) else NA,
    z = qnorm(upper) * sqrt(wald$tau2 + wald$se^2),
    HK = qt(upper, k - 1) * sqrt(wald$tau2 + hk^2),
    HK_k2 = if (k > 2) qt(upper, k - 2) * sqrt(wald$tau2 + hk^2) else NA,
    none = NA)
  found[["prediction: low"]] <- c(wald$beta) - width
  found[["prediction: high"]] <- c(wald$beta) + width
}
if ("Mantel-Haenszel: estimate" %in% expected$what) {
  raw <- read_arms(settings$data)
  a <- raw[raw$treatment == settings$treatment, ]
  b <- raw[raw$treatment == settings$reference, ]
  b <- b[match(a$study, b$study), ]
  pooled <- if (settings$measure %in% c("IRR", "IRD")) {
    rma.mh(measure = settings$measure, x1i = a$events, t1i = a$time, x2i = b$events, t2i = b$time,
           add = c(0.5, 0), to = c("only0", "none"), drop00 = c(TRUE, FALSE), level = level)
  } else {
    rma.mh(measure = settings$measure, ai = a$events, n1i = a$n, ci = b$events, n2i = b$n,
           add = c(0.5, 0), to = c("only0", "none"), drop00 = c(TRUE, FALSE), level = level)
  }
  found[["Mantel-Haenszel: estimate"]] <- c(pooled$beta)
  found[["Mantel-Haenszel: se"]] <- if (settings$measure == "RD") {
    # Greenland and Robins 1985, equation 15; rma.mh gives the variance of Sato et al. 1989
    total <- a$n + b$n
    each <- (a$events * (a$n - a$events) * b$n^3 + b$events * (b$n - b$events) * a$n^3) / (a$n * b$n * total^2)
    sqrt(sum(each)) / sum(a$n * b$n / total)
  } else pooled$se
}
compare_numbers(found, expected, settings$tolerance)
