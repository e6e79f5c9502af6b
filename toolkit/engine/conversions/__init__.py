"""What papers report, as what an analysis takes; every value with its source and, where needed, a flag."""

from toolkit.engine.conversions.effects import (
    ConvertedEffect,
    effect_of_interval,
    effect_of_p,
    log_or_of_smd,
    observed_minus_expected,
    smd_of_log_or,
)
from toolkit.engine.conversions.log_normal import log_normal_quantiles
from toolkit.engine.conversions.pairs import before_after, matched_pairs
from toolkit.engine.conversions.plausible import grim, odd_standard_deviations, wide_differences
from toolkit.engine.conversions.skewed import SKEWED, box_cox, quantile_estimation
from toolkit.engine.conversions.statistics import (
    partial_correlation,
    reliability,
    smd_of_d,
    smd_of_t,
    table_of_association,
)
from toolkit.engine.conversions.summaries import (
    Converted,
    Skewness,
    combine_arms,
    mean_sd_of_change,
    mean_sd_of_quantiles,
    sd_of_difference,
    sd_of_interval,
    sd_of_standard_error,
    skewness_of_quantiles,
)
from toolkit.engine.conversions.survival import hazard_ratio_of_curves, hazard_ratio_of_logrank
from toolkit.engine.conversions.units import (
    cross_over_mean_difference,
    cross_over_smd,
    design_effect,
    effective_counts,
    paired_odds_ratio,
    paired_odds_ratio_of_margins,
    partly_paired_smd_change,
    split_control,
)

__all__ = [
    "SKEWED",
    "Converted",
    "ConvertedEffect",
    "Skewness",
    "before_after",
    "box_cox",
    "combine_arms",
    "cross_over_mean_difference",
    "cross_over_smd",
    "design_effect",
    "effect_of_interval",
    "effect_of_p",
    "effective_counts",
    "grim",
    "hazard_ratio_of_curves",
    "hazard_ratio_of_logrank",
    "log_normal_quantiles",
    "log_or_of_smd",
    "matched_pairs",
    "mean_sd_of_change",
    "mean_sd_of_quantiles",
    "observed_minus_expected",
    "odd_standard_deviations",
    "paired_odds_ratio",
    "paired_odds_ratio_of_margins",
    "partial_correlation",
    "partly_paired_smd_change",
    "quantile_estimation",
    "reliability",
    "sd_of_difference",
    "sd_of_interval",
    "sd_of_standard_error",
    "skewness_of_quantiles",
    "smd_of_d",
    "smd_of_log_or",
    "smd_of_t",
    "split_control",
    "table_of_association",
    "wide_differences",
]
