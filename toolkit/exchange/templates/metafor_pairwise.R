# ---- the fit of a set of studies ------------------------------------------------------------------------------
control <- list(threshold = 1e-12, maxiter = 10000, tol = 1e-12)
conf_level <- 100 * settings$level

# Random effects, or with covariates X (no column of ones) a mixed model; given: a between-study variance.
random_effects <- function(d, test = "z", X = NULL, given = NULL, weights = NULL) {
  arguments <- list(yi = d$yi, vi = d$vi, test = test, level = conf_level)
  if (!is.null(weights)) given <- random_effects(d)$tau2
  arguments$weights <- weights
  if (!is.null(X)) arguments$mods <- X
  more <- if (!is.null(given)) {
    list(tau2 = given)
  } else if (settings$tau2 == "DL2") {
    one <- do.call(rma, c(arguments, method = "DL"))$tau2
    list(tau2 = do.call(rma, c(arguments, list(method = "GENQ", weights = 1 / (d$vi + one))))$tau2)
  } else {
    large <- 1e4 * (var(d$yi) + max(d$vi))
    list(method = settings$tau2, control = c(control, tau2.max = large))
  }
  do.call(rma, c(arguments, more))
}

tau2_interval <- function(d, X = NULL, type = "QP", method = "DL") {
  arguments <- list(yi = d$yi, vi = d$vi, method = method, control = if (method == "DL") list() else control)
  if (!is.null(X)) arguments$mods <- X
  high <- 1e6 * (var(d$yi) + max(d$vi))
  limits <- confint(do.call(rma, arguments), level = conf_level, type = type,
                    control = list(tau2.max = high, tol = 1e-14 * high, maxiter = 10000))
  limits$random["tau^2", c("ci.lb", "ci.ub")]
}

mantel_haenszel <- function(d, s) {
  person_time <- s$measure %in% c("IRR", "IRD")
  d <- d[is.finite(d$e1) & is.finite(d$e2), ]
  if (person_time) {
    return(rma.mh(measure = s$measure, x1i = d$e1, t1i = d$t1, x2i = d$e2, t2i = d$t2, add = c(0, 0),
                  to = c("none", "none"), drop00 = c(TRUE, FALSE), level = conf_level)[c("beta", "se")])
  }
  raw <- d
  if (s$mantel_haenszel == "corrected") {
    empty <- (d$e1 == 0 & d$e2 == 0) | (d$e1 == d$n1 & d$e2 == d$n2)
    if (s$measure != "RD") d <- d[!empty, ]
    raw <- d
    add <- ifelse(d$e1 == 0 | d$e2 == 0 | d$e1 == d$n1 | d$e2 == d$n2, s$zero_add, 0)
    for (name in c("e1", "e2")) d[[name]] <- d[[name]] + add
    for (name in c("n1", "n2")) d[[name]] <- d[[name]] + 2 * add
  }
  fit <- rma.mh(measure = s$measure, ai = d$e1, bi = d$n1 - d$e1, ci = d$e2, di = d$n2 - d$e2, add = c(0, 0),
                to = c("none", "none"), drop00 = c(TRUE, FALSE), level = conf_level)
  if (s$measure != "RD") return(list(beta = fit$beta, se = fit$se))
  # Greenland and Robins 1985, equation 15; rma.mh gives the variance of Sato et al. 1989
  total <- d$n1 + d$n2
  weight <- d$n1 * d$n2 / total
  each <- (d$e1 * (d$n1 - d$e1) * d$n2^3 + d$e2 * (d$n2 - d$e2) * d$n1^3) / (d$n1 * d$n2 * total^2)
  list(beta = sum(weight * (raw$e1 / raw$n1 - raw$e2 / raw$n2)) / sum(weight), se = sqrt(sum(each)) / sum(weight))
}

# Q around the Mantel-Haenszel estimate, and DerSimonian and Laird's tau2 from it (Review Manager 5)
around_mantel_haenszel <- function(d, es) {
  q <- sum((es$yi - c(mantel_haenszel(d, settings)$beta))^2 / es$vi)
  w <- 1 / es$vi
  list(q = q, tau2 = max(0, (q - (nrow(es) - 1)) / (sum(w) - sum(w^2) / sum(w))))
}

keep_heterogeneity <- function(prefix, q, p, df, tau2, vi) {
  w <- 1 / vi
  typical <- df / (sum(w) - sum(w^2) / sum(w))
  keep(paste0(prefix, "tau2"), tau2)
  keep(paste0(prefix, "Q"), q)
  keep(paste0(prefix, "Q: p"), p)
  keep(paste0(prefix, "I2 from Q"), if (q > 0) max(0, (q - df) / q) else 0)
  keep(paste0(prefix, "I2 from tau2"), tau2 / (tau2 + typical))
  keep(paste0(prefix, "H2"), 1 + tau2 / typical)
}

keep_fit <- function(what, fit) {
  keep(paste0(what, ": estimate"), c(fit$beta)[1])
  for (name in c("se", "ci.lb", "ci.ub", "pval")) {
    label <- c(se = "se", ci.lb = "ci_low", ci.ub = "ci_high", pval = "p")[[name]]
    keep(paste0(what, ": ", label), fit[[name]][1])
  }
}

keep_prediction <- function(prefix, mean, tau2, se, k, hk = NA) {
  upper <- 1 - (1 - settings$level) / 2
  width <- switch(settings$prediction,
    t_k1 = qt(upper, k - 1) * sqrt(tau2 + se^2),
    t_k2 = if (k > 2) qt(upper, k - 2) * sqrt(tau2 + se^2) else NA,
    z = qnorm(upper) * sqrt(tau2 + se^2),
    HK = qt(upper, k - 1) * sqrt(tau2 + hk^2),
    HK_k2 = if (k > 2) qt(upper, k - 2) * sqrt(tau2 + hk^2) else NA,
    NA)
  keep(paste0(prefix, "prediction: low"), mean - width)
  keep(paste0(prefix, "prediction: high"), mean + width)
}

# Inverse variance, or weights of one's own; ci is the interval of the random-effects estimate.
by_inverse_variance <- function(d, ci, prefix = "", refit = FALSE) {
  es <- usable(d)
  k <- nrow(es)
  if (k == 0) return(invisible())
  own <- switch(settings$model, SSW = if (settings$groups == 1) es$n1 else es$n1 * es$n2 / (es$n1 + es$n2),
                EQ = rep(1, k))
  arguments <- list(yi = es$yi, vi = es$vi, method = "FE", level = conf_level)
  arguments$weights <- own
  common <- do.call(rma, arguments)
  keep_fit(paste0(prefix, "common"), common)
  if (!refit) for (i in seq_len(k)) keep(paste0(prefix, es$study[i], ": weight, common"), weights(common)[i] / 100)
  if (k == 1) return(invisible())
  centre <- if (settings$q_around == "MH") around_mantel_haenszel(if (refit) es else d, es) else NULL
  fit <- function(test) random_effects(es, test, given = centre$tau2, weights = own)
  wald <- fit("z")
  random <- if (ci == "KR") wald else fit(c(Wald = "z", t = "t", HK = "knha", HK_adhoc = "adhoc")[[ci]])
  if (ci != "KR") keep_fit(paste0(prefix, "random"), random)
  keep(paste0(prefix, "random: estimate"), c(wald$beta))
  keep_fit(paste0(prefix, "random, Wald"), wald)
  if (!refit) for (i in seq_len(k)) keep(paste0(prefix, es$study[i], ": weight, random"), weights(wald)[i] / 100)
  q <- if (is.null(centre)) wald$QE else centre$q
  keep_heterogeneity(prefix, q, pchisq(q, k - 1, lower.tail = FALSE), k - 1, wald$tau2, es$vi)
  if (refit) return(invisible())
  limits <- if (settings$tau2_ci == "PL") tau2_interval(es, type = "PL", method = settings$tau2) else tau2_interval(es)
  keep(paste0(prefix, "tau2: low"), limits[[1]])
  keep(paste0(prefix, "tau2: high"), limits[[2]])
  hk <- if (grepl("^HK", settings$prediction)) fit("knha")$se else NA
  keep_prediction(prefix, c(wald$beta), wald$tau2, wald$se, k, hk)
}

# Everything that a whole analysis of the studies in d gives.
whole <- function(d, ci, prefix = "") {
  keep(paste0(prefix, "studies"), nrow(usable(d)))
  if (settings$model %in% c("IV", "SSW", "EQ")) by_inverse_variance(d, ci, prefix) else by_counts(d, ci, prefix)
  if (!paste0(prefix, "Mantel-Haenszel: estimate") %in% expected$what) return(invisible())
  fit <- mantel_haenszel(d, settings)
  keep_estimate(paste0(prefix, "Mantel-Haenszel"), c(fit$beta), fit$se)
}

