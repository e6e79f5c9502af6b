# ---- subgroups: a fit of each, and the test between them ------------------------------------------------------
local({
  asked <- settings$subgroups
  labels <- column(asked$column, studies)
  es <- usable(studies)
  own <- column(asked$column, es)
  shared <- NULL
  if (asked$common) {
    X <- sapply(asked$labels[-1], function(g) indicator(own, g))
    shared <- random_effects(es, X = matrix(X, nrow = nrow(es)))$tau2
    keep("subgroups: common tau2", shared)
  }
  between <- function(y, se) rma(y, sei = se, method = "FE")
  y <- se <- y_common <- se_common <- numeric()
  for (i in seq_along(asked$labels)) {
    prefix <- paste0("subgroup ", asked$labels[i], ": ")
    whole(rows_of(studies$study[labels == asked$labels[i]]), asked$ci[i], prefix)
    these <- es[own == asked$labels[i], ]
    fit <- rma(yi, vi, data = these, method = "FE")
    y_common[i] <- c(fit$beta)
    se_common[i] <- fit$se
    model <- if (is.null(found[[paste0(prefix, "random, Wald: estimate")]])) "common" else "random, Wald"
    y[i] <- found[[paste0(prefix, model, ": estimate")]]
    se[i] <- found[[paste0(prefix, model, ": se")]]
    if (asked$common) {
      fit <- rma(yi, vi + shared, data = these, method = "FE", level = conf_level)
      keep_fit(paste0(prefix, "at the common tau2"), fit)
      y[i] <- c(fit$beta)
      se[i] <- fit$se
    }
  }
  test <- between(y, se)
  keep("subgroups: Q between", test$QE)
  keep("subgroups: Q between: p", test$QEp)
  test <- between(y_common, se_common)
  keep("subgroups: Q between, common effects", test$QE)
  keep("subgroups: Q between, common effects: p", test$QEp)
})
