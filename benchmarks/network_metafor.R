# Rscript network_metafor.R ARMS.csv: CPU seconds of one REML fit by metafor::rma.mv, reading and contrasts not counted.
# ARMS.csv has the columns study, treatment, events, n; every study gets contrasts with its first arm.
suppressMessages(library(metafor))
d <- read.csv(commandArgs(TRUE)[1])
d$lo <- log((d$events + 0.5) / (d$n - d$events + 0.5))
d$v <- 1 / (d$events + 0.5) + 1 / (d$n - d$events + 0.5)
parts <- lapply(split(d, factor(d$study, unique(d$study))), function(own) {
  k <- nrow(own) - 1
  list(y = own$lo[-1] - own$lo[1], V = diag(own$v[-1], k) + own$v[1], study = rep(own$study[1], k),
       t1 = own$treatment[-1], t2 = rep(own$treatment[1], k), row = seq_len(k))
})
pick <- function(name) unlist(lapply(parts, `[[`, name), use.names = FALSE)
y <- pick("y"); V <- bldiag(lapply(parts, `[[`, "V")); t1 <- pick("t1"); t2 <- pick("t2")
frame <- data.frame(row = factor(pick("row")), study = pick("study"))
others <- sort(unique(d$treatment))[-1]
X <- sapply(others, function(t) (t1 == t) - (t2 == t))
spent <- system.time(m <- rma.mv(y, V, mods = X, intercept = FALSE, random = ~ row | study, struct = "CS", rho = 0.5,
                                 data = frame, sparse = TRUE))
cat(sum(spent[c(1, 2)]), m$tau2, "\n")
