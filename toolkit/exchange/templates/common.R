# ---- reading and comparing ------------------------------------------------------------------------------------
here <- local({
  found <- grep("^--file=", commandArgs(FALSE), value = TRUE)
  if (length(found) == 0) getwd()
  else dirname(normalizePath(gsub("~+~", " ", sub("^--file=", "", found[1]), fixed = TRUE)))
})

# Every cell as text; an apostrophe keeps spreadsheets from taking a cell for a formula.
read_text <- function(name) {
  lines <- readLines(file.path(here, name), encoding = "UTF-8", warn = FALSE)
  lines[1] <- sub("^\ufeff", "", lines[1])
  d <- read.csv(text = lines, encoding = "UTF-8", colClasses = "character", check.names = FALSE, na.strings = NULL)
  unescape <- function(x) sub("^'('*[=+@\t\uff1d\uff0b\uff0d\uff20-])", "\\1", enc2utf8(x), perl = TRUE)
  d[] <- lapply(d, unescape)
  names(d) <- unescape(names(d))
  d
}
number <- function(x) suppressWarnings(as.numeric(sub(",", ".", x, fixed = TRUE)))

read_arms <- function(name) {
  d <- read_text(name)
  for (column in c("n", "events", "mean", "sd", "time")) d[[column]] <- number(d[[column]])
  d
}

any_of_study <- function(flag, study) as.logical(ave(as.numeric(flag), study, FUN = max))
all_of_study <- function(flag, study) as.logical(ave(as.numeric(flag), study, FUN = min))

# What is added to each cell of each arm; studies that give no information on a ratio are left out.
with_zero_cells <- function(d, s) {
  d$add <- rep(0, nrow(d))
  if (!s$measure %in% c("OR", "RR", "RD", "IRR", "IRD", "PR", "PLN", "PLO", "IR", "IRLN")) return(d)
  person_time <- s$measure %in% c("IRR", "IRD", "IR", "IRLN")
  none <- all_of_study(d$events == 0, d$study)
  everybody <- if (person_time) rep(FALSE, nrow(d)) else all_of_study(d$events == d$n, d$study)
  zero <- any_of_study(d$events == 0 | (!person_time & d$events == d$n), d$study)
  dropped <- (none | everybody) & s$drop_double_zero & (person_time | s$groups == 2)
  touched <- switch(s$zero_to, only0 = zero, all = rep(TRUE, nrow(d)), none = rep(FALSE, nrow(d)),
                    if0all = rep(any(zero & !dropped), nrow(d)))
  d$add <- ifelse(touched, s$zero_add, 0)
  if (s$zero_arms == "size" && !person_time) d$add <- d$add * d$n / ave(d$n, d$study)
  if (s$measure %in% c("OR", "RR", "IRR") && s$drop_double_zero) d <- d[!(none | everybody), ]
  d
}

found <- list()
keep <- function(what, value) if (length(value) == 1 && is.finite(value)) found[[what]] <<- as.numeric(value)
keep_estimate <- function(what, estimate, se, df = Inf) {
  half <- qt(1 - (1 - settings$level) / 2, df) * se
  keep(paste0(what, ": estimate"), estimate)
  keep(paste0(what, ": se"), se)
  keep(paste0(what, ": ci_low"), estimate - half)
  keep(paste0(what, ": ci_high"), estimate + half)
  keep(paste0(what, ": p"), 2 * pt(-abs(estimate / se), df))
}

# rma.mv with a search that goes on until the likelihood rises no more; another search where the first is not content.
multivariate <- function(arguments) {
  searches <- list(list(rel.tol = 1e-10, iter.max = 1000, eval.max = 2000), list(rel.tol = 1e-8),
                   list(optimizer = "optim", optmethod = "BFGS", reltol = 1e-14, maxit = 10000))
  for (control in searches) {
    fit <- try(do.call(rma.mv, c(arguments, list(control = control))), silent = TRUE)
    if (!inherits(fit, "try-error")) return(fit)
  }
  stop(fit)
}

compare_numbers <- function(expected, partly = FALSE) {
  if (partly) {
    left <- setdiff(expected$what, names(found))
    if (length(left) > 0) cat("Not compared here:", paste(left, collapse = "; "), "\n")
    expected <- expected[expected$what %in% names(found), ]
  }
  known <- match(expected$what, names(found))
  theirs <- rep(NA_real_, nrow(expected))
  theirs[!is.na(known)] <- unlist(found[known[!is.na(known)]])
  shown <- data.frame(what = expected$what, evipool = expected$evipool, R = theirs,
                      difference = abs(theirs - expected$evipool), allowed = expected$allowed)
  shown$agrees <- !is.na(shown$difference) & shown$difference <= shown$allowed
  options(width = 200, max.print = 1e6)
  print(shown, digits = 8, row.names = FALSE, right = FALSE)
  for (line in not_refitted) cat("Not refitted here:", line, "\n")
  if (!all(shown$agrees)) {
    stop("differs from evipool by more than the tolerance: ", paste(shown$what[!shown$agrees], collapse = "; "))
  }
  cat(nrow(shown), "numbers agree with evipool's\n")
}
