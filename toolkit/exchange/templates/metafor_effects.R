# ---- effects of the studies -----------------------------------------------------------------------------------
library(metafor)

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
uncorrected <- function(d) { d$add <- rep(0, nrow(d)); d }
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
# Review Manager's approximations of Hedges' factor and of the variance, which metafor does not have.
revman <- function(a, b) {
  total <- a$n + b$n
  unit <- sqrt(((a$n - 1) * a$sd^2 + (b$n - 1) * b$sd^2) / (total - 2))
  y <- (a$mean - b$mean) / unit * (1 - 3 / (4 * total - 9))
  data.frame(yi = y, vi = total / (a$n * b$n) + y^2 / (2 * (total - 3.94)))
}

one_group <- function(s, d) {
  if (s$measure == "PLN" && s$zero_rr == "events") {
    # what is added goes to the events; where everybody has the event, to the units in the variance alone
    full <- d$events == d$n
    x <- d$events + ifelse(full, 0, d$add)
    n <- d$n + d$add
    return(data.frame(yi = ifelse(full, 0, log(x / n)), vi = 1 / x - 1 / n))
  }
  es <- switch(s$measure,
    PR = , PLN = , PLO = escalc(measure = s$measure, xi = d$events + d$add, ni = d$n + 2 * d$add, add = 0, to = "none"),
    PAS = , PFT = escalc(measure = s$measure, xi = d$events, ni = d$n, add = 0, to = "none"),
    IR = , IRLN = escalc(measure = s$measure, xi = d$events + d$add, ti = d$time, add = 0, to = "none"),
    IRS = escalc(measure = "IRS", xi = d$events, ti = d$time, add = 0, to = "none"),
    MN = , MNLN = escalc(measure = s$measure, mi = d$mean, sdi = d$sd, ni = d$n))
  if (s$measure == "PR" && s$zero_rd == "variance") es$yi <- d$events / d$n
  es
}

two_groups <- function(s, a, b) {
  if (s$measure == "RR" && s$zero_rr == "events")
    return(escalc(measure = "RR", ai = a$events + a$add, n1i = a$n + a$add, ci = b$events + b$add, n2i = b$n + b$add,
                  add = 0, to = "none", drop00 = FALSE))
  es <- switch(s$measure,
    OR = , RR = , PETO = , AS = two_by_two(s$measure, a, b),
    RD = two_by_two("RD", a, b),
    IRR = , IRD = , IRSD = rates(s$measure, a, b),
    MD = , SMD = , SMD1 = , ROM = , VR = means(s$measure, a, b),
    SMDH = bonett(a, b),
    SMD_RM = revman(a, b),
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

# Arms side by side, one row a study.
side_by_side <- function(arms, s) {
  a <- arms[arms$treatment == s$treatment, ]
  if (s$groups == 1) return(list(study = a$study, a = a, b = a))
  b <- arms[arms$treatment == s$reference, ]
  studies <- intersect(unique(arms$study), intersect(a$study, b$study))
  list(study = studies, a = a[match(studies, a$study), ], b = b[match(studies, b$study), ])
}

# One row a study: raw numbers of both groups, effect yi and variance vi (NA where the study gives none).
from_arms <- function(arms, s) {
  kept <- side_by_side(with_zero_cells(arms, s), s)
  es <- if (s$groups == 1) one_group(s, kept$a) else two_groups(s, kept$a, kept$b)
  raw <- side_by_side(arms, s)
  at <- match(raw$study, kept$study)
  data.frame(study = raw$study, e1 = raw$a$events, n1 = raw$a$n, t1 = raw$a$time, e2 = raw$b$events, n2 = raw$b$n,
             t2 = raw$b$time, yi = c(es$yi)[at], vi = c(es$vi)[at], stringsAsFactors = FALSE)
}

listed <- read_text("studies.csv")
from_list <- function() {
  value <- function(name) number(listed[[name]])
  data.frame(study = listed$study, e1 = value("events1"), n1 = value("n1"), t1 = NA, e2 = value("events2"),
             n2 = value("n2"), t2 = NA, yi = value("yi"), vi = value("sei")^2, stringsAsFactors = FALSE)
}

if (settings$effects == "arms") {
  arms <- read_arms(settings$data)
  both <- if (settings$groups == 1) settings$treatment else c(settings$treatment, settings$reference)
  arms <- arms[arms$treatment %in% both, ]
  arms <- arms[ave(seq_len(nrow(arms)), arms$study, FUN = length) == length(both), ]
  studies <- from_arms(arms, settings)
  # The rows of these studies, with the zero cells of these alone.
  rows_of <- function(names) from_arms(arms[arms$study %in% names, ], settings)
} else {
  studies <- from_list()
  rows_of <- function(names) studies[studies$study %in% names, ]
}
usable <- function(d) d[is.finite(d$yi) & is.finite(d$vi) & d$vi > 0, ]
for (i in seq_len(nrow(studies))) {
  keep(paste0(studies$study[i], ": effect"), studies$yi[i])
  keep(paste0(studies$study[i], ": se"), sqrt(studies$vi[i]))
}
# A column of studies.csv for these studies, as text.
column <- function(name, d) listed[[paste("column", name)]][match(d$study, listed$study)]
indicator <- function(x, value) as.numeric(x == value)
