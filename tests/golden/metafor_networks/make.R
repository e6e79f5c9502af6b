# Two made-up networks with multi-arm studies, fitted by metafor::rma.mv on contrasts with the base arm of each study.
# Rscript make.R, in this folder; writes binary.json and continuous.json. Nothing of evipool is used.
suppressMessages(library(metafor))

arms <- function(seed, treatments, studies) {
  set.seed(seed)
  rows <- list()
  for (s in seq_len(studies)) {
    size <- sample(2:5, 1, prob = c(0.6, 0.25, 0.1, 0.05))
    chosen <- sample(treatments, size)
    if (s < length(treatments)) chosen <- unique(c(treatments[s], treatments[s + 1], chosen))[1:max(2, size)]
    rows[[s]] <- data.frame(study = sprintf("s%02d", s), treatment = chosen)
  }
  do.call(rbind, rows)
}

# Contrasts of each further arm with the first arm of the study, from arm means y and their variances v.
contrasts_of <- function(d) {
  y <- c(); V <- list(); id <- c(); t1 <- c(); t2 <- c()
  for (s in unique(d$study)) {
    own <- d[d$study == s, ]
    k <- nrow(own) - 1
    y <- c(y, own$y[-1] - own$y[1])
    V[[s]] <- diag(own$v[-1], k) + own$v[1]
    id <- c(id, rep(s, k)); t1 <- c(t1, own$treatment[-1]); t2 <- c(t2, rep(own$treatment[1], k))
  }
  list(y = y, V = bldiag(V), study = id, t1 = t1, t2 = t2)
}

fit_and_write <- function(d, columns, name, reference, measure) {
  c <- contrasts_of(d)
  names <- sort(unique(d$treatment))
  others <- setdiff(names, reference)
  X <- sapply(others, function(t) (c$t1 == t) - (c$t2 == t))
  row <- factor(ave(seq_along(c$y), c$study, FUN = seq_along))
  out <- list()
  for (method in c("REML", "ML")) {
    m <- rma.mv(c$y, c$V, mods = X, intercept = FALSE, random = ~ row | study, struct = "CS", rho = 0.5,
                data = data.frame(row = row, study = c$study), method = method,
                control = list(optimizer = "optim", optmethod = "BFGS", reltol = 1e-16))
    out[[method]] <- list(tau2 = m$tau2, estimate = as.numeric(m$beta), se = as.numeric(m$se), qe = m$QE,
                          loglik = as.numeric(logLik(m)))
  }
  ee <- rma.mv(c$y, c$V, mods = X, intercept = FALSE)
  out$common <- list(estimate = as.numeric(ee$beta), se = as.numeric(ee$se), qe = ee$QE)
  write_json(list(
    call = "rma.mv(y, V, mods = X, intercept = FALSE, random = ~ row | study, struct = 'CS', rho = 0.5), see make.R",
    versions = paste(R.version.string, "metafor", packageVersion("metafor")),
    measure = measure, reference = reference, treatments = others, columns = d[columns], expected = out
  ), paste0(name, ".json"), digits = 12)
}

text <- function(x) paste0("\"", x, "\"")
value <- function(x, digits) {
  if (is.list(x)) {
    parts <- mapply(function(k, v) paste0(text(k), ": ", value(v, digits)), names(x), x)
    return(paste0("{\n", paste(parts, collapse = ",\n"), "\n}"))
  }
  shown <- if (is.character(x)) text(x) else formatC(x, digits = digits, format = "g", width = 1)
  if (length(x) == 1) shown else paste0("[", paste(shown, collapse = ", "), "]")
}
write_json <- function(x, file, digits) writeLines(value(x, digits), file)

d <- arms(11, LETTERS[1:7], 22)
d$n <- sample(40:300, nrow(d), replace = TRUE)
risk <- plogis(-1 + 0.25 * match(d$treatment, LETTERS) / 3 + rnorm(nrow(d), 0, 0.35))
d$events <- pmax(1, rbinom(nrow(d), d$n, risk))
d$y <- log(d$events / (d$n - d$events)); d$v <- 1 / d$events + 1 / (d$n - d$events)
fit_and_write(d, c("study", "treatment", "events", "n"), "binary", "A", "OR")

d <- arms(23, LETTERS[1:9], 30)
d$n <- sample(15:120, nrow(d), replace = TRUE)
d$mean <- round(20 - 0.8 * match(d$treatment, LETTERS) + rnorm(nrow(d), 0, 1.6), 2)
d$sd <- round(runif(nrow(d), 4, 8), 2)
d$y <- d$mean; d$v <- d$sd^2 / d$n
fit_and_write(d, c("study", "treatment", "n", "mean", "sd"), "continuous", "C", "MD")
