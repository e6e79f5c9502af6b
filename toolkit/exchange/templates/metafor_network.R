# ---- the network ----------------------------------------------------------------------------------------------
others <- setdiff(sort(unique(c(rows$t1, rows$t2))), settings$reference)
X <- matrix(sapply(others, function(t) (rows$t1 == t) - (rows$t2 == t)), ncol = length(others))
df <- nrow(X) - ncol(X)
same <- outer(rows$study, rows$study, "==")
rows$arm <- factor(ave(seq_len(nrow(rows)), rows$study, FUN = seq_along))
likelihood <- if (settings$tau2 == "ML") "ML" else "REML"

# Between-study covariance of the contrasts per unit of each variance; one for all contrasts is half off the diagonal.
shapes <- list(same * 0.5 + diag(0.5, nrow(rows)))
if (!is.null(settings$groups_of)) {
  own <- settings$groups_of$group[match(rows$study, settings$groups_of$study)]
  shapes <- lapply(settings$types, function(g) shapes[[1]] * outer(own == g, own == g))
} else if (!is.null(settings$inactive)) {
  idle <- function(a, b) as.numeric(a %in% settings$inactive | b %in% settings$inactive)
  pairs <- function(kind) {
    # kind of i and the base, of j and the base, of i and j: half of the first two less the third
    each <- kind(rows$t1, rows$t2)
    both <- outer(seq_len(nrow(rows)), seq_len(nrow(rows)),
                  function(i, j) ifelse(i == j, 0, kind(rows$t1[i], rows$t1[j])))
    same * (outer(each, each, "+") - both) / 2
  }
  shapes <- list(pairs(idle), pairs(function(a, b) 1 - idle(a, b)))
}
fit_at <- function(tau2, design = X) {
  extra <- Reduce("+", Map("*", tau2, shapes))
  rma.mv(y, V + extra, mods = design, intercept = FALSE, method = likelihood)
}
# One between-study variance by maximum likelihood.
estimated <- function(design) {
  arguments <- list(yi = y, V = V, mods = design, intercept = FALSE, data = rows, method = likelihood)
  more <- if (nlevels(rows$arm) == 1) list(random = ~ 1 | study) else list(random = ~ arm | study, struct = "CS", rho = 0.5)
  fit <- multivariate(c(arguments, more))
  if (nlevels(rows$arm) == 1) fit$sigma2 else fit$tau2
}
large <- 1e4 * max(c(y^2, diag(V)))
root <- function(f, low, high) if (f(low) * f(high) > 0) 0 else uniroot(f, c(low, high), tol = 1e-12 * high, maxiter = 5000)$root
height <- function(tau2) c(logLik(fit_at(tau2)))

keep("studies", length(blocks))
common <- fit_at(rep(0, length(shapes)))
keep("Q", common$QE)
keep("Q: p", pchisq(common$QE, df, lower.tail = FALSE))
keep("I2", max(0, 1 - df / common$QE))
for (i in seq_along(others)) {
  what <- paste0("common: ", c("estimate", "se", "ci_low", "ci_high", "p"), " ", others[i])
  half <- qnorm(1 - (1 - settings$level) / 2) * common$se[i]
  b <- c(common$beta)[i]
  for (j in 1:5) keep(what[j], c(b, common$se[i], b - half, b + half, 2 * pnorm(-abs(b / common$se[i])))[j])
}

if (any(grepl("^random: ", expected$what))) {
  q_at <- function(t) fit_at(t)$QE
  tau2 <- if (length(shapes) > 1) {
    best <- nlminb(rep(0.05, length(shapes)), function(t) -height(t), lower = 0, control = list(rel.tol = 1e-13))
    best$par
  } else if (settings$tau2 == "DL") {  # generalised moments (Jackson, White and Riley 2013), which rma.mv does not have
    W <- solve(V)
    P <- W - W %*% X %*% solve(t(X) %*% W %*% X) %*% t(X) %*% W
    max(0, (common$QE - df) / sum(diag(P %*% shapes[[1]])))
  } else if (settings$tau2 == "PM") {  # Q equals its degrees of freedom
    root(function(t) q_at(t) - df, 0, large)
  } else if (settings$tau2 == "fixed") settings$tau2_value else estimated(X)
  if (length(shapes) == 1) keep("tau2", tau2)
  for (g in seq_along(settings$types)) keep(paste0("tau2 of ", settings$types[g]), tau2[g])
  random <- fit_at(tau2)
  factor <- switch(settings$ci, HK = random$QE / df, HK_adhoc = max(1, random$QE / df), 1)
  quantile_df <- if (settings$ci == "Wald") Inf else df
  new <- if (length(shapes) == 1) rep(tau2, length(others)) else
    ifelse(others %in% settings$inactive | settings$reference %in% settings$inactive, tau2[1], tau2[2])
  for (i in seq_along(others)) {
    b <- c(random$beta)[i]
    se <- sqrt(factor) * random$se[i]
    half <- qt(1 - (1 - settings$level) / 2, quantile_df) * se
    what <- paste0("random: ", c("estimate", "se", "ci_low", "ci_high", "p"), " ", others[i])
    for (j in 1:5) keep(what[j], c(b, se, b - half, b + half, 2 * pt(-abs(b / se), quantile_df))[j])
    wide <- if (df > 1) qt(1 - (1 - settings$level) / 2, df) * sqrt(random$se[i]^2 + new[i]) else NA
    keep(paste("prediction: low", others[i]), b - wide)
    keep(paste("prediction: high", others[i]), b + wide)
  }
  if (length(shapes) == 1 && settings$tau2 != "fixed") {
    tail <- (1 - settings$level) / 2
    keep("tau2, Q-profile: low", root(function(t) q_at(t) - qchisq(1 - tail, df), 0, large))
    keep("tau2, Q-profile: high", root(function(t) q_at(t) - qchisq(tail, df), 0, large))
    best <- if (settings$tau2 %in% c("REML", "ML")) tau2 else estimated(X)
    fall <- function(t) height(t) - height(best) + qchisq(settings$level, 1) / 2
    keep("tau2, profile likelihood: low", if (best > 0) root(fall, 0, best) else 0)
    keep("tau2, profile likelihood: high", root(fall, best, large))
  }
}

# ---- designs --------------------------------------------------------------------------------------------------
members <- tapply(seq_len(nrow(rows)), rows$study, function(i) paste(sort(unique(c(rows$t1[i], rows$t2[i]))), collapse = " : "))
design <- members[rows$study]
full <- do.call(cbind, lapply(unique(design), function(d) {
  inside <- design == d
  names <- sort(unique(c(rows$t1[inside], rows$t2[inside])))[-1]
  matrix(sapply(names, function(t) inside * ((rows$t1 == t) - (rows$t2 == t))), nrow(rows))
}))
df_within <- nrow(full) - ncol(full)
within <- if (df_within > 0) fit_at(rep(0, length(shapes)), full)$QE else 0
keep("Q within designs", within)
if (df_within > 0) keep("Q within designs: p", pchisq(within, df_within, lower.tail = FALSE))
if (df > df_within) {
  between <- max(0, common$QE - within)
  keep("Q between designs", between)
  keep("Q between designs: p", pchisq(between, df - df_within, lower.tail = FALSE))
}
if ("design-by-treatment: chi2" %in% expected$what) {
  likelihood <- "REML"
  shapes <- list(same * 0.5 + diag(0.5, nrow(rows)))
  tau2_full <- estimated(full)
  chi2 <- fit_at(tau2_full)$QE - fit_at(tau2_full, full)$QE
  keep("design-by-treatment: tau2", tau2_full)
  keep("design-by-treatment: chi2", chi2)
  keep("design-by-treatment: p", pchisq(chi2, df - df_within, lower.tail = FALSE))
}
