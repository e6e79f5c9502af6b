# ---- the fit without each study in turn, and after each further study -----------------------------------------
local({
  es <- usable(studies)
  refit <- function(d, prefix) {
    keep(paste0(prefix, "studies"), nrow(d))
    ci <- if (nrow(d) == 2 && settings$ci == "HK_adhoc") "Wald" else settings$ci
    by_inverse_variance(d, ci, prefix, refit = TRUE)
  }
  for (i in if (settings$leave_one_out) seq_len(nrow(es))) refit(es[-i, ], paste0("without ", es$study[i], ": "))
  by <- es
  if (!is.null(settings$cumulative_by)) by <- es[order(number(column(settings$cumulative_by, es))), ]
  for (i in if (settings$cumulative) seq_len(nrow(es))) refit(by[1:i, ], paste0("up to ", by$study[i], ": "))
})
