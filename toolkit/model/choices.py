"""Choices as data: every name a user can pick, where it is computed, and one line of help.

A target is "module:function"; a test proves that each resolves. The command line, the documentation and the
tests walk these tables, and none of them imports the engine to do so.
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = [
    "INTERVALS",
    "MEASURES",
    "MODELS",
    "NETWORK_INTERVALS",
    "NETWORK_TAU2_METHODS",
    "PREDICTION_INTERVALS",
    "STUDY_CI",
    "TAU2_INTERVALS",
    "TAU2_METHODS",
    "VARIANCES",
    "Choice",
    "Measure",
]


@dataclass(frozen=True, slots=True)
class Choice:
    """A named option: its function as "module:function" and what it is, in one line."""

    target: str
    help: str


@dataclass(frozen=True, slots=True)
class Measure:
    """An effect measure: its function, model scale, the arm columns it needs, and its names in words.

    ``scale`` is "log", "identity" or "fisher_z" for measures of two groups; measures of one group may also be on
    "logit", "probit", "arcsine", "freeman_tukey" or "square_root" (`toolkit.engine.scales` turns each back).
    ``groups`` is 1 for a measure that compares nothing.
    """

    target: str
    help: str
    scale: str
    needs: tuple[str, ...]
    null: float = 0.0
    groups: int = 2


MEASURES: dict[str, Measure] = {
    "OR": Measure("toolkit.engine.effects:odds_ratio", "odds ratio", "log", ("events", "n")),
    "RR": Measure("toolkit.engine.effects:risk_ratio", "risk ratio", "log", ("events", "n")),
    "RD": Measure("toolkit.engine.effects:risk_difference", "risk difference", "identity", ("events", "n")),
    "MD": Measure("toolkit.engine.effects:mean_difference", "mean difference", "identity", ("n", "mean", "sd")),
    "SMD": Measure(
        "toolkit.engine.effects:standardised_mean_difference",
        "standardised mean difference (Hedges' g, exact J)",
        "identity",
        ("n", "mean", "sd"),
    ),
    "PETO": Measure(
        "toolkit.engine.effects.binary:peto_odds_ratio",
        "Peto odds ratio (rare events, balanced arms, small effects)",
        "log",
        ("events", "n"),
    ),
    "AS": Measure(
        "toolkit.engine.effects.binary:arcsine_difference", "arcsine risk difference", "identity", ("events", "n")
    ),
    "SMD1": Measure(
        "toolkit.engine.effects.continuous:glass_delta",
        "standardised mean difference (Glass's delta, SD of the reference)",
        "identity",
        ("n", "mean", "sd"),
    ),
    "SMDH": Measure(
        "toolkit.engine.effects.continuous:standardised_mean_difference_unequal",
        "standardised mean difference (unequal SDs, Bonett)",
        "identity",
        ("n", "mean", "sd"),
    ),
    "SMD_RM": Measure(
        "toolkit.engine.effects.continuous:standardised_mean_difference_revman",
        "standardised mean difference (Hedges' g, Review Manager's approximate J and variance)",
        "identity",
        ("n", "mean", "sd"),
    ),
    "ROM": Measure(
        "toolkit.engine.effects.continuous:log_response_ratio", "ratio of means", "log", ("n", "mean", "sd")
    ),
    "ROM_BC": Measure(
        "toolkit.engine.effects.continuous:log_response_ratio_corrected",
        "ratio of means (small-sample corrected)",
        "log",
        ("n", "mean", "sd"),
    ),
    "VR": Measure(
        "toolkit.engine.effects.continuous:log_variability_ratio",
        "variability ratio (of standard deviations)",
        "log",
        ("n", "sd"),
    ),
    "CVR": Measure(
        "toolkit.engine.effects.continuous:log_coefficient_of_variation_ratio",
        "coefficient of variation ratio",
        "log",
        ("n", "mean", "sd"),
    ),
    "SMD1H": Measure(
        "toolkit.engine.effects.continuous:glass_delta_unequal",
        "standardised mean difference (Glass's delta, unequal SDs)",
        "identity",
        ("n", "mean", "sd"),
    ),
    "SMD_D": Measure(
        "toolkit.engine.effects.continuous:cohen_d",
        "standardised mean difference (Cohen's d, no small-sample correction)",
        "identity",
        ("n", "mean", "sd"),
    ),
    "SMD1_D": Measure(
        "toolkit.engine.effects.continuous:glass_delta_uncorrected",
        "standardised mean difference (Glass's delta, no small-sample correction)",
        "identity",
        ("n", "mean", "sd"),
    ),
    "RPB": Measure(
        "toolkit.engine.effects.dichotomy:point_biserial",
        "point-biserial correlation (of outcome and arm)",
        "identity",
        ("n", "mean", "sd"),
    ),
    "ZPB": Measure(
        "toolkit.engine.effects.dichotomy:point_biserial_z",
        "point-biserial correlation (Fisher's z)",
        "fisher_z",
        ("n", "mean", "sd"),
    ),
    "RBIS": Measure(
        "toolkit.engine.effects.dichotomy:biserial",
        "biserial correlation (of outcome and a cut normal variable)",
        "identity",
        ("n", "mean", "sd"),
    ),
    "ZBIS": Measure(
        "toolkit.engine.effects.dichotomy:biserial_z",
        "biserial correlation (Fisher's z)",
        "fisher_z",
        ("n", "mean", "sd"),
    ),
    "PHI": Measure(
        "toolkit.engine.effects.association:phi", "phi coefficient (of arm and event)", "identity", ("events", "n")
    ),
    "YUQ": Measure("toolkit.engine.effects.association:yule_q", "Yule's Q", "identity", ("events", "n")),
    "YUY": Measure("toolkit.engine.effects.association:yule_y", "Yule's Y", "identity", ("events", "n")),
    "RTET": Measure(
        "toolkit.engine.effects.association:tetrachoric", "tetrachoric correlation", "identity", ("events", "n")
    ),
    "ZTET": Measure(
        "toolkit.engine.effects.association:tetrachoric_z",
        "tetrachoric correlation (Fisher's z)",
        "fisher_z",
        ("events", "n"),
    ),
    "PBIT": Measure(
        "toolkit.engine.effects.association:probit_difference",
        "difference of probits (SMD of a cut normal variable)",
        "identity",
        ("events", "n"),
    ),
    "IRR": Measure("toolkit.engine.effects.rates:rate_ratio", "incidence rate ratio", "log", ("events", "time")),
    "IRD": Measure(
        "toolkit.engine.effects.rates:rate_difference", "incidence rate difference", "identity", ("events", "time")
    ),
    "IRSD": Measure(
        "toolkit.engine.effects.rates:root_rate_difference",
        "difference of square roots of incidence rates",
        "identity",
        ("events", "time"),
    ),
    "PR": Measure(
        "toolkit.engine.effects.single:proportion", "proportion (raw)", "identity", ("events", "n"), groups=1
    ),
    "PLN": Measure(
        "toolkit.engine.effects.single:log_proportion", "proportion (log)", "log", ("events", "n"), groups=1
    ),
    "PLO": Measure(
        "toolkit.engine.effects.single:logit_proportion", "proportion (logit)", "logit", ("events", "n"), groups=1
    ),
    "PAS": Measure(
        "toolkit.engine.effects.single:arcsine_proportion", "proportion (arcsine)", "arcsine", ("events", "n"), groups=1
    ),
    "PFT": Measure(
        "toolkit.engine.effects.single:freeman_tukey_proportion",
        "proportion (Freeman-Tukey double arcsine)",
        "freeman_tukey",
        ("events", "n"),
        groups=1,
    ),
    "PRZ": Measure(
        "toolkit.engine.effects.single:probit_proportion", "proportion (probit)", "probit", ("events", "n"), groups=1
    ),
    "IR": Measure(
        "toolkit.engine.effects.single:rate", "incidence rate (raw)", "identity", ("events", "time"), groups=1
    ),
    "IRLN": Measure(
        "toolkit.engine.effects.single:log_rate", "incidence rate (log)", "log", ("events", "time"), groups=1
    ),
    "IRS": Measure(
        "toolkit.engine.effects.single:root_rate",
        "incidence rate (square root)",
        "square_root",
        ("events", "time"),
        groups=1,
    ),
    "IRFT": Measure(
        "toolkit.engine.effects.single:freeman_tukey_rate",
        "incidence rate (Freeman-Tukey)",
        "square_root",
        ("events", "time"),
        groups=1,
    ),
    "MN": Measure("toolkit.engine.effects.single:mean", "mean", "identity", ("n", "mean", "sd"), groups=1),
    "MNLN": Measure("toolkit.engine.effects.single:log_mean", "mean (log)", "log", ("n", "mean", "sd"), groups=1),
    "SMN": Measure(
        "toolkit.engine.effects.single:standardised_mean", "mean (in SDs)", "identity", ("n", "mean", "sd"), groups=1
    ),
    "SDLN": Measure(
        "toolkit.engine.effects.single:log_standard_deviation",
        "standard deviation (log)",
        "log",
        ("n", "sd"),
        groups=1,
    ),
    "CVLN": Measure(
        "toolkit.engine.effects.single:log_coefficient_of_variation",
        "coefficient of variation (log)",
        "log",
        ("n", "mean", "sd"),
        groups=1,
    ),
    "COR": Measure("toolkit.engine.effects.single:correlation", "correlation (raw)", "identity", ("n", "r"), groups=1),
    "UCOR": Measure(
        "toolkit.engine.effects.single:unbiased_correlation", "correlation (unbiased)", "identity", ("n", "r"), groups=1
    ),
    "ZCOR": Measure(
        "toolkit.engine.effects.single:fisher_z", "correlation (Fisher's z)", "fisher_z", ("n", "r"), groups=1
    ),
    "HR": Measure("toolkit.engine.effects:generic", "hazard ratio", "log", ()),
    "GEN": Measure("toolkit.engine.effects:generic", "effects and standard errors as given", "identity", ()),
}

_V = "toolkit.engine.effects.variances:"
VARIANCES: dict[str, dict[str, Choice]] = {
    "MD": {"HO": Choice(_V + "mean_difference_pooled", "one SD for all arms of a study")},
    "SMD": {
        "UB": Choice(_V + "smd_unbiased", "unbiased (Hedges 1983; exact in meta)"),
        "LS2": Choice(_V + "smd_delta", "J squared times the large-sample variance of d (Borenstein)"),
        "AV": Choice(_V + "smd_average", "the mean effect of all studies in every variance"),
    },
    "SMD_D": {"UB": Choice(_V + "cohen_unbiased", "the unbiased variance of g (exact in meta)")},
    "ROM": {
        "HO": Choice(_V + "ratio_pooled", "one SD for all arms of a study"),
        "AV": Choice(_V + "ratio_average", "the mean coefficient of variation of each side over all studies"),
        "AVHO": Choice(_V + "ratio_average_pooled", "the mean coefficient of variation over all arms"),
    },
    "ROM_BC": {
        "HO": Choice(_V + "ratio_corrected_pooled", "one SD for all arms of a study"),
        "AV": Choice(_V + "ratio_corrected_average", "the mean coefficient of variation of each side"),
        "AVHO": Choice(_V + "ratio_corrected_average_pooled", "the mean coefficient of variation over all arms"),
    },
    "COR": {"AV": Choice(_V + "correlation_average", "the mean correlation of all studies in every variance")},
    "UCOR": {"UB": Choice(_V + "correlation_unbiased", "unbiased (Hedges 1989)")},
}
"""Measure -> its other sampling variances by key; every measure has "default" too."""

TAU2_METHODS: dict[str, Choice] = {
    "REML": Choice("toolkit.engine.tau2:tau2_reml", "restricted maximum likelihood"),
    "DL": Choice("toolkit.engine.tau2:tau2_dersimonian_laird", "DerSimonian-Laird moments"),
    "DL2": Choice("toolkit.engine.tau2:tau2_dersimonian_laird_two_step", "DerSimonian-Laird in two steps"),
    "PM": Choice("toolkit.engine.tau2:tau2_paule_mandel", "Paule-Mandel"),
    "PMM": Choice("toolkit.engine.tau2:tau2_paule_mandel_median", "Paule-Mandel, median-unbiased"),
    "ML": Choice("toolkit.engine.tau2:tau2_ml", "maximum likelihood"),
    "EB": Choice("toolkit.engine.tau2:tau2_empirical_bayes", "empirical Bayes (Morris); same root as Paule-Mandel"),
    "HE": Choice("toolkit.engine.tau2:tau2_hedges_olkin", "Hedges-Olkin, unweighted moments"),
    "HS": Choice("toolkit.engine.tau2:tau2_hunter_schmidt", "Hunter-Schmidt; biased low"),
    "HSk": Choice("toolkit.engine.tau2:tau2_hunter_schmidt_corrected", "Hunter-Schmidt, small-sample corrected"),
    "SJ": Choice("toolkit.engine.tau2:tau2_sidik_jonkman", "Sidik-Jonkman; never zero unless the effects are equal"),
}

INTERVALS: dict[str, Choice] = {
    "Wald": Choice("toolkit.engine.intervals:interval_wald", "Wald, normal quantile"),
    "t": Choice("toolkit.engine.intervals:interval_t", "Wald standard error, t quantile with k - 1 df"),
    "HK": Choice("toolkit.engine.intervals:interval_hartung_knapp", "Hartung-Knapp, as published"),
    "HK_adhoc": Choice(
        "toolkit.engine.intervals:interval_hartung_knapp_safeguarded",
        "Hartung-Knapp, its variance factor never below 1",
    ),
    "KR": Choice(
        "toolkit.engine.intervals:interval_kenward_roger",
        "Kenward-Roger variance and degrees of freedom, for tau2 by REML",
    ),
}

TAU2_INTERVALS: dict[str, Choice] = {
    "QP": Choice("toolkit.engine.tau2:q_profile", "Q-profile"),
    "PL": Choice("toolkit.engine.tau2:profile_likelihood_interval", "profile likelihood (ML and REML)"),
}

PREDICTION_INTERVALS: dict[str, Choice] = {
    "t_k1": Choice("toolkit.engine.prediction:prediction_t_k1", "t quantile with k - 1 df"),
    "t_k2": Choice("toolkit.engine.prediction:prediction_t_k2", "t quantile with k - 2 df (Higgins 2009)"),
    "z": Choice("toolkit.engine.prediction:prediction_z", "normal quantile"),
    "HK": Choice("toolkit.engine.prediction:prediction_hk", "Hartung-Knapp standard error, t with k - 1 df"),
    "HK_k2": Choice("toolkit.engine.prediction:prediction_hk_k2", "Hartung-Knapp standard error, t with k - 2 df"),
    "KR": Choice("toolkit.engine.prediction:prediction_kr", "Kenward-Roger standard error and degrees of freedom"),
    "none": Choice("toolkit.engine.prediction:prediction_none", "no prediction interval"),
}

MODELS: dict[str, Choice] = {
    "IV": Choice("toolkit.engine.pooling:pool_inverse_variance", "inverse variance of the studies' effects"),
    "SSW": Choice("toolkit.engine.own_weights:pool_own_weights", "effects weighted by sample size, n1 n0 / (n1 + n0)"),
    "EQ": Choice("toolkit.engine.own_weights:pool_own_weights", "effects weighted equally"),
    "GLMM": Choice(
        "toolkit.engine.glmm:fit_glmm",
        "the mixed model that fits the measure: CM.EL for OR and IRR, BN for PLO and IRLN",
    ),
    "UM.FS": Choice("toolkit.engine.glmm:fit_glmm", "mixed model of the arms with fixed study effects (OR, IRR)"),
    "UM.RS": Choice("toolkit.engine.glmm:fit_glmm", "mixed model of the arms with random study effects (OR, IRR)"),
    "CM.EL": Choice(
        "toolkit.engine.glmm:fit_glmm",
        "mixed model given the totals: non-central hypergeometric for OR, exact; binomial for IRR",
    ),
    "CM.AL": Choice(
        "toolkit.engine.glmm:fit_glmm", "mixed model given the totals, binomial approximation for rare events (OR)"
    ),
    "BN": Choice("toolkit.engine.glmm:fit_glmm", "binomial- or Poisson-normal model of one group (PLO, IRLN)"),
    "BB": Choice("toolkit.engine.glmm:fit_beta_binomial", "beta-binomial regression of the arms (OR, PLO)"),
}

_P = "toolkit.engine.proportion_intervals:"
STUDY_CI: dict[str, Choice] = {
    "CP": Choice(_P + "clopper_pearson", "Clopper-Pearson, exact"),
    "WS": Choice(_P + "wilson", "Wilson, score"),
    "WSCC": Choice(_P + "wilson_continuity", "Wilson with continuity correction"),
    "AC": Choice(_P + "agresti_coull", "Agresti-Coull"),
    "SA": Choice(_P + "simple", "Wald on the scale of the proportion"),
    "SACC": Choice(_P + "simple_continuity", "the same with continuity correction"),
}
"""Intervals of the studies' own proportions; "model", Wald on the model scale, is for every measure."""

NETWORK_TAU2_METHODS: dict[str, Choice] = {
    "REML": Choice("toolkit.engine.network.tau2:tau2_reml", "restricted maximum likelihood"),
    "ML": Choice("toolkit.engine.network.tau2:tau2_ml", "maximum likelihood"),
    "DL": Choice("toolkit.engine.network.tau2:tau2_dersimonian_laird", "generalised DerSimonian-Laird moments"),
    "PM": Choice("toolkit.engine.network.tau2:tau2_paule_mandel", "generalised Paule-Mandel (Q equals its df)"),
    "fixed": Choice("toolkit.engine.network.tau2:tau2_fixed", "a value given by the user"),
}

NETWORK_INTERVALS: dict[str, Choice] = {
    "Wald": Choice("toolkit.engine.network.standard:wald", "Wald, normal quantile"),
    "t": Choice("toolkit.engine.network.standard:student", "Wald standard error, t quantile with the df of Q"),
    "HK": Choice("toolkit.engine.network.standard:hartung_knapp", "Hartung-Knapp type, t with the df of Q"),
    "HK_adhoc": Choice(
        "toolkit.engine.network.standard:hartung_knapp_safeguarded",
        "Hartung-Knapp type, its variance factor never below 1",
    ),
}
