# ---- models of the counts themselves, by maximum likelihood ---------------------------------------------------

# Non-central hypergeometric given the totals. rma.glmm takes it from package BiasedUrn; the same likelihood is
# summed here, and integrated over normal effects of the studies on a grid.
exact_conditional <- function(es, random) {
  terms <- lapply(seq_len(nrow(es)), function(i) {
    total <- es$e1[i] + es$e2[i]
    x <- max(0, total - es$n2[i]):min(es$n1[i], total)
    list(x = x, weight = lchoose(es$n1[i], x) + lchoose(es$n2[i], total - x), at = match(es$e1[i], x))
  })
  log_p <- function(term, theta) {
    l <- outer(theta, term$x) + rep(term$weight, each = length(theta))
    top <- apply(l, 1, max)
    l[, term$at] - top - log(rowSums(exp(l - top)))
  }
  grid <- seq(-9, 9, length.out = 601)
  mass <- dnorm(grid) * (grid[2] - grid[1])
  minus <- function(at) -sum(vapply(terms, function(term) {
    if (at[2] == 0) return(log_p(term, at[1]))
    l <- log_p(term, at[1] + at[2] * grid)
    max(l) + log(sum(exp(l - max(l)) * mass))
  }, 0))
  own <- vapply(terms, function(term) max(optimize(function(t) log_p(term, t), c(-30, 30), maximum = TRUE)$objective,
                                          log_p(term, c(-60, 60))), 0)
  one <- nlminb(0, function(mean) minus(c(mean, 0)), control = list(rel.tol = 1e-14))
  lrt <- max(0, 2 * (one$objective + sum(own)))
  df <- nrow(es) - 1
  fit <- list(beta = one$par, se = sqrt(1 / optimHess(one$par, function(mean) minus(c(mean, 0)))[1]), tau2 = 0,
              QE.LRT = lrt, QE.df = df, QEp.LRT = pchisq(lrt, df, lower.tail = FALSE))
  if (!random) return(fit)
  two <- nlminb(c(one$par, 0.3), minus, lower = c(-Inf, 0), control = list(rel.tol = 1e-14))
  fit$beta <- two$par[1]
  fit$tau2 <- two$par[2]^2
  if (two$par[2] > 1e-4) fit$se <- sqrt(solve(optimHess(two$par, minus))[1, 1])
  fit
}

by_counts <- function(d, ci, prefix = "") {
  es <- usable(d)
  k <- nrow(es)
  if (k == 0 || settings$model == "BB") return(invisible())
  data <- if (settings$groups == 1) {
    if (settings$measure == "PLO") list(xi = es$e1, ni = es$n1) else list(xi = es$e1, ti = es$t1)
  } else if (settings$measure == "OR") {
    list(ai = es$e1, n1i = es$n1, ci = es$e2, n2i = es$n2, model = settings$model)
  } else {
    list(x1i = es$e1, t1i = es$t1, x2i = es$e2, t2i = es$t2, model = settings$model)
  }
  fit <- function(method) {
    if (settings$measure == "OR" && settings$model == "CM.EL") return(exact_conditional(es, method == "ML"))
    arguments <- list(measure = settings$measure, method = method, level = conf_level, drop00 = FALSE)
    if (settings$model == "UM.RS") arguments$nAGQ <- 1
    suppressWarnings(do.call(rma.glmm, c(data, arguments)))
  }
  common <- fit("EE")
  keep_estimate(paste0(prefix, "common"), c(common$beta), common$se)
  if (k == 1) return(invisible())
  random <- fit("ML")
  keep_estimate(paste0(prefix, "random"), c(random$beta), random$se, if (ci == "t") k - 1 else Inf)
  keep_estimate(paste0(prefix, "random, Wald"), c(random$beta), random$se)
  keep_heterogeneity(prefix, random$QE.LRT, random$QEp.LRT, random$QE.df, random$tau2, es$vi)
  keep_prediction(prefix, c(random$beta), random$tau2, random$se, k)
}
