# ---- small-study effects --------------------------------------------------------------------------------------
local({
  es <- usable(studies)
  test <- settings$small_study
  if (test == "Begg") {
    # Kendall's rank correlation, normal approximation with ties
    z <- (es$yi - weighted.mean(es$yi, 1 / es$vi)) / sqrt(es$vi - 1 / sum(1 / es$vi))
    rank <- suppressWarnings(cor.test(z, es$vi, method = "kendall", exact = FALSE, continuity = FALSE))
    signs <- sum(sign(outer(z, z, "-")) * sign(outer(es$vi, es$vi, "-"))) / 2
    keep("small-study test: studies", nrow(es))
    keep("small-study test: bias", signs)
    keep("small-study test: se", signs / rank$statistic)
    keep("small-study test: statistic", rank$statistic)
    keep("small-study test: p", rank$p.value)
  } else {
    total <- es$n1 + es$n2
    events <- es$e1 + es$e2
    y <- es$yi
    v <- es$vi
    x <- sqrt(v)
    if (test == "Harbord") {
      score <- escalc(measure = "PETO", ai = es$e1, n1i = es$n1, ci = es$e2, n2i = es$n2, add = 0, to = "none")
      y <- c(score$yi)
      v <- c(score$vi)
      x <- sqrt(v)
    } else if (test == "Peters") {
      v <- 1 / events + 1 / (total - events)
      x <- 1 / total
    } else if (test == "Macaskill") {
      x <- total
    } else if (test == "Deeks") {
      v <- total / (4 * es$n1 * es$n2)
      x <- sqrt(v)
    } else if (test == "Pustejovsky") {
      x <- sqrt(1 / es$n1 + 1 / es$n2)
    }
    use <- is.finite(y) & is.finite(v)
    k <- sum(use)
    if (test %in% c("Egger_random", "Thompson")) {
      fit <- rma(y, v, mods = x, method = if (test == "Thompson") "DL" else "REML", control = control)
      b <- c(fit$beta)
      se <- fit$se
    } else {
      fit <- summary(lm(y ~ x, weights = 1 / v, subset = use))$coefficients
      b <- fit[, 1]
      se <- fit[, 2]
    }
    df <- if (test == "Egger_random") Inf else k - 2
    keep("small-study test: studies", k)
    keep("small-study test: bias", b[2])
    keep("small-study test: se", se[2])
    keep("small-study test: statistic", b[2] / se[2])
    keep("small-study test: p", 2 * pt(-abs(b[2] / se[2]), df))
    half <- qt(1 - (1 - settings$level) / 2, df) * se[1]
    keep("small-study test: limit", b[1])
    keep("small-study test: limit: low", b[1] - half)
    keep("small-study test: limit: high", b[1] + half)
  }
})
