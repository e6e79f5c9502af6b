# ---- contrasts of the studies, each against its first arm, with their covariance -------------------------------
library(metafor)

# A statistic of each arm and its variance, for measures that are differences of arms.
arm_statistic <- function(s, d) {
  more <- if (s$measure == "RR" && s$zero_rr == "events") 1 else 2
  es <- switch(s$measure,
    OR = escalc(measure = "PLO", xi = events + add, ni = n + 2 * add, data = d, add = 0, to = "none"),
    RR = escalc(measure = "PLN", xi = events + add, ni = n + more * add, data = d, add = 0, to = "none"),
    RD = escalc(measure = "PR", xi = events + add, ni = n + 2 * add, data = d, add = 0, to = "none"),
    AS = escalc(measure = "PAS", xi = events, ni = n, data = d, add = 0, to = "none"),
    MD = escalc(measure = "MN", mi = mean, sdi = sd, ni = n, data = d),
    ROM = , ROM_BC = escalc(measure = "MNLN", mi = mean, sdi = sd, ni = n, data = d),
    IRR = escalc(measure = "IRLN", xi = events + add, ti = time, data = d, add = 0, to = "none"),
    IRD = escalc(measure = "IR", xi = events + add, ti = time, data = d, add = 0, to = "none"),
    IRSD = escalc(measure = "IRS", xi = events, ti = time, data = d, add = 0, to = "none"))
  if (s$measure == "RD" && s$zero_rd == "variance") es$yi <- d$events / d$n
  if (s$measure == "IRD" && s$zero_rd == "variance") es$yi <- d$events / d$time
  if (s$measure == "ROM_BC") es$yi <- es$yi + d$sd^2 / (d$n * d$mean^2) / 2
  if (s$measure == "VR") {
    es <- data.frame(yi = log(d$sd) + 1 / (2 * (d$n - 1)), vi = 1 / (2 * (d$n - 1)))
  } else if (s$measure == "CVR") {
    spread <- d$sd^2 / (d$n * d$mean^2)
    es <- data.frame(yi = log(d$sd / abs(d$mean)) + 1 / (2 * (d$n - 1)) - spread / 2,
                     vi = 1 / (2 * (d$n - 1)) + spread)
  }
  es
}

# The base arm of a study is its most studied treatment, the first by name among equals (it matters for SMD1 alone).
from_arms <- function(d, ranks) {
  d <- d[order(match(d$treatment, ranks)), ]
  size <- nrow(d)
  if (settings$measure %in% c("SMD", "SMD1")) {
    # Hedges' g of each arm against the first, one SD for the whole study (Gleser and Olkin 2009, equations 19.26-27)
    pooled <- settings$measure == "SMD"
    unit <- if (pooled) sqrt(sum((d$n - 1) * d$sd^2) / (sum(d$n) - size)) else d$sd[1]
    df <- if (pooled) sum(d$n) - size else d$n[1] - 1
    j <- exp(lgamma(df / 2) - log(sqrt(df / 2)) - lgamma((df - 1) / 2))
    y <- j * (d$mean[-1] - d$mean[1]) / unit
    V <- diag(1 / d$n[-1], size - 1) + 1 / d$n[1] + outer(y, y) / (2 * (if (pooled) sum(d$n) else d$n[1]))
  } else {
    es <- arm_statistic(settings, d)
    y <- c(es$yi[-1] - es$yi[1])
    V <- diag(es$vi[-1], size - 1) + es$vi[1]
  }
  list(y = y, V = V, rows = data.frame(study = d$study[-1], t1 = d$treatment[-1], t2 = d$treatment[1]))
}

# Effects as given, every pair of a study: those against its first arm, whose covariance the other pairs determine.
from_pairs <- function(d) {
  base <- d$t2[1]
  own <- d[d$t2 == base, ]
  arms <- c(base, own$t1)
  v <- matrix(0, length(arms), length(arms), dimnames = list(arms, arms))
  v[cbind(d$t1, d$t2)] <- v[cbind(d$t2, d$t1)] <- number(d$sei)^2
  V <- (outer(v[base, -1], v[base, -1], "+") - v[-1, -1]) / 2
  list(y = number(own$yi), V = V, rows = data.frame(study = own$study, t1 = own$t1, t2 = base))
}

if (settings$effects == "arms") {
  arms <- with_zero_cells(read_arms(settings$data), settings)
  counts <- table(read_arms(settings$data)$treatment)
  ranks <- names(counts)[order(-counts, enc2utf8(names(counts)), method = "radix")]
  blocks <- lapply(split(arms, factor(arms$study, levels = unique(arms$study))), from_arms, ranks = ranks)
} else {
  listed <- read_text("contrasts.csv")
  blocks <- lapply(split(listed, factor(listed$study, levels = unique(listed$study))), from_pairs)
}
usable <- vapply(blocks, function(b) length(b$y) > 0 && all(is.finite(b$y)) && all(diag(as.matrix(b$V)) > 0), TRUE)
blocks <- blocks[usable]
y <- unlist(lapply(blocks, function(b) b$y), use.names = FALSE)
rows <- do.call(rbind, lapply(blocks, function(b) b$rows))
V <- as.matrix(bldiag(lapply(blocks, function(b) as.matrix(b$V))))
