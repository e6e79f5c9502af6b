# ---- contrasts of the studies, each against its first arm, with their covariance -------------------------------
library(metafor)

arms <- with_zero_cells(read_arms(settings$data), settings)

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
counts <- table(read_arms(settings$data)$treatment)
ranks <- names(counts)[order(-counts, enc2utf8(names(counts)), method = "radix")]

study_block <- function(d) {
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

blocks <- lapply(split(arms, factor(arms$study, levels = unique(arms$study))), study_block)
usable <- vapply(blocks, function(b) length(b$y) > 0 && all(is.finite(b$y)) && all(diag(as.matrix(b$V)) > 0), TRUE)
blocks <- blocks[usable]
y <- unlist(lapply(blocks, function(b) b$y), use.names = FALSE)
rows <- do.call(rbind, lapply(blocks, function(b) b$rows))
V <- bldiag(lapply(blocks, function(b) as.matrix(b$V)))
others <- setdiff(sort(unique(c(rows$t1, rows$t2))), settings$reference)
X <- sapply(others, function(t) (rows$t1 == t) - (rows$t2 == t))
X <- matrix(X, ncol = length(others))

# ---- fits -----------------------------------------------------------------------------------------------------
found <- list("studies" = length(blocks))
keep <- function(model, fit) {
  for (i in seq_along(others)) {
    found[[paste0(model, ": estimate ", others[i])]] <<- c(fit$beta)[i]
    found[[paste0(model, ": se ", others[i])]] <<- fit$se[i]
  }
}
common <- rma.mv(y, V, mods = X, intercept = FALSE)
keep("common", common)
found[["Q"]] <- common$QE

if ("tau2" %in% expected$what) {
  rows$arm <- factor(ave(seq_len(nrow(rows)), rows$study, FUN = seq_along))
  heterogeneity <- list(rel.tol = 1e-10, iter.max = 1000, eval.max = 2000)
  given <- NULL
  if (settings$tau2 == "DL") {  # generalised moments (Jackson, White and Riley 2013), which rma.mv does not have
    W <- solve(V)
    P <- W - W %*% X %*% solve(t(X) %*% W %*% X) %*% t(X) %*% W
    S <- outer(rows$study, rows$study, "==") * 0.5 + diag(0.5, nrow(rows))
    given <- max(0, (common$QE - (nrow(X) - ncol(X))) / sum(diag(P %*% S)))
  } else if (settings$tau2 == "fixed") given <- settings$tau2_value
  random <- if (nlevels(rows$arm) == 1) {
    rma.mv(y, V, mods = X, intercept = FALSE, random = ~ 1 | study, data = rows, sigma2 = given,
           method = if (settings$tau2 == "ML") "ML" else "REML", control = heterogeneity)
  } else {
    rma.mv(y, V, mods = X, intercept = FALSE, random = ~ arm | study, struct = "CS", rho = 0.5, data = rows,
           tau2 = given, method = if (settings$tau2 == "ML") "ML" else "REML", control = heterogeneity)
  }
  found[["tau2"]] <- if (nlevels(rows$arm) == 1) random$sigma2 else random$tau2
  keep("random", random)
}
compare_numbers(found, expected, settings$tolerance)
