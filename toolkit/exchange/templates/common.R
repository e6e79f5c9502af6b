# ---- reading and comparing ------------------------------------------------------------------------------------
here <- local({
  found <- grep("^--file=", commandArgs(FALSE), value = TRUE)
  if (length(found) == 0) getwd()
  else dirname(normalizePath(gsub("~+~", " ", sub("^--file=", "", found[1]), fixed = TRUE)))
})

read_arms <- function(name) {
  lines <- readLines(file.path(here, name), encoding = "UTF-8", warn = FALSE)
  lines[1] <- sub("^\ufeff", "", lines[1])
  d <- read.csv(text = lines, encoding = "UTF-8", colClasses = "character", check.names = FALSE)
  for (column in c("n", "events", "mean", "sd", "time")) d[[column]] <- suppressWarnings(as.numeric(d[[column]]))
  for (column in c("study", "treatment")) {
    # an apostrophe keeps spreadsheets from taking the cell for a formula
    d[[column]] <- sub("^'('*[=+@\t\uff1d\uff0b\uff0d\uff20-])", "\\1", enc2utf8(d[[column]]), perl = TRUE)
  }
  d
}

any_of_study <- function(flag, study) as.logical(ave(as.numeric(flag), study, FUN = max))
all_of_study <- function(flag, study) as.logical(ave(as.numeric(flag), study, FUN = min))

# What is added to each cell of each arm; studies that give no information on a ratio are left out.
with_zero_cells <- function(d, s) {
  d$add <- 0
  if (!s$measure %in% c("OR", "RR", "RD", "IRR", "IRD")) return(d)
  person_time <- s$measure %in% c("IRR", "IRD")
  none <- all_of_study(d$events == 0, d$study)
  everybody <- if (person_time) rep(FALSE, nrow(d)) else all_of_study(d$events == d$n, d$study)
  zero <- any_of_study(d$events == 0 | (!person_time & d$events == d$n), d$study)
  dropped <- (none | everybody) & s$drop_double_zero & !person_time
  touched <- switch(s$zero_to, only0 = zero, all = rep(TRUE, nrow(d)), none = rep(FALSE, nrow(d)),
                    if0all = rep(any(zero & !dropped), nrow(d)))
  d$add <- ifelse(touched, s$zero_add, 0)
  if (s$measure %in% c("OR", "RR", "IRR") && s$drop_double_zero) d <- d[!(none | everybody), ]
  d
}

compare_numbers <- function(found, expected, tolerance) {
  expected$theirs <- NA_real_
  for (i in seq_len(nrow(expected))) {
    value <- found[[expected$what[i]]]
    if (!is.null(value)) expected$theirs[i] <- value
  }
  expected$difference <- abs(expected$theirs - expected$evipool)
  allowed <- tolerance * pmax(1, abs(expected$evipool))
  expected$agrees <- !is.na(expected$difference) & expected$difference <= allowed
  print(expected, digits = 10, row.names = FALSE)
  if (!all(expected$agrees)) {
    stop("differs from evipool by more than the tolerance: ", paste(expected$what[!expected$agrees], collapse = "; "))
  }
  cat(nrow(expected), "numbers agree within", tolerance, "\n")
}
