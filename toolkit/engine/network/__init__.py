"""Network meta-analysis by generalised least squares: fit, direct evidence, inconsistency, ranking, league tables."""

from toolkit.engine.network.absolute import AbsoluteEffect, AbsoluteEffects, absolute_effects, median_risk
from toolkit.engine.network.as_data import network_to_dict
from toolkit.engine.network.bootstrap import BootstrapNetwork, bootstrap_network
from toolkit.engine.network.categories import Category, minimal_categories, partial_categories
from toolkit.engine.network.components import (
    ComponentMatrix,
    ComponentResult,
    component_matrix,
    component_network,
)
from toolkit.engine.network.connect import Connection, connection, largest_subnetwork
from toolkit.engine.network.contributions import (
    CONTRIBUTION_METHODS,
    Contributions,
    contributions,
    contributions_by_level,
)
from toolkit.engine.network.design_adjusted import DesignFit, design_adjusted, down_weighted
from toolkit.engine.network.designs import (
    Design,
    DesignDecomposition,
    DesignQ,
    decompose_designs,
    find_designs,
)
from toolkit.engine.network.direct import SeparateComparison, separate_comparisons
from toolkit.engine.network.exchangeable import ExchangeableRegression, exchangeable_regression
from toolkit.engine.network.fit import consistency_model, network, network_effects
from toolkit.engine.network.funnel import AdjustedFunnel, EggerTest, FunnelPoint, comparison_adjusted_funnel
from toolkit.engine.network.heat import DesignContrast, NetHeat, net_heat
from toolkit.engine.network.influence import (
    LeftOut,
    StudyImpact,
    TreatmentOut,
    leave_one_out,
    leave_one_treatment_out,
    study_impact,
)
from toolkit.engine.network.loops import LOOP_TAU2, Loop, loop_inconsistency
from toolkit.engine.network.mixed import mixed_network
from toolkit.engine.network.outcomes import OutcomeRanks, outcome_ranks
from toolkit.engine.network.penalised import penalised_network
from toolkit.engine.network.rank import (
    MarginRanking,
    RankProbabilities,
    hierarchy_precision,
    p_scores,
    rank_probabilities,
    rank_with_margin,
    ranking_words,
)
from toolkit.engine.network.regression import (
    Coefficient,
    NetworkRegression,
    network_regression,
    study_standard_errors,
)
from toolkit.engine.network.sidesplit import SideSplit, side_split
from toolkit.engine.network.sparse import SparseNetwork, hypergeometric_network, mantel_haenszel_network
from toolkit.engine.network.split import Split, split_evidence
from toolkit.engine.network.subgroups import GroupTest, NetworkGroup, NetworkSubgroups, network_subgroups
from toolkit.engine.network.tau2_intervals import NETWORK_TAU2_INTERVALS, tau2_interval
from toolkit.engine.network.threshold import Threshold, ThresholdAnalysis, threshold_analysis
from toolkit.engine.network.transitivity import ModifierRow, ModifierTable, modifier_table
from toolkit.engine.network.variances import TypeVariance, VariancesByType, variances_by_type
from toolkit.engine.network.views import (
    GraphEdge,
    GraphNode,
    LeagueTable,
    NetworkGraph,
    TreatmentRow,
    against_reference,
    graph,
    league_table,
)

__all__ = [
    "CONTRIBUTION_METHODS",
    "LOOP_TAU2",
    "NETWORK_TAU2_INTERVALS",
    "AbsoluteEffect",
    "AbsoluteEffects",
    "AdjustedFunnel",
    "BootstrapNetwork",
    "Category",
    "Coefficient",
    "ComponentMatrix",
    "ComponentResult",
    "Connection",
    "Contributions",
    "Design",
    "DesignContrast",
    "DesignDecomposition",
    "DesignFit",
    "DesignQ",
    "EggerTest",
    "ExchangeableRegression",
    "FunnelPoint",
    "GraphEdge",
    "GraphNode",
    "GroupTest",
    "LeagueTable",
    "LeftOut",
    "Loop",
    "MarginRanking",
    "ModifierRow",
    "ModifierTable",
    "NetHeat",
    "NetworkGraph",
    "NetworkGroup",
    "NetworkRegression",
    "NetworkSubgroups",
    "OutcomeRanks",
    "RankProbabilities",
    "SeparateComparison",
    "SideSplit",
    "SparseNetwork",
    "Split",
    "StudyImpact",
    "Threshold",
    "ThresholdAnalysis",
    "TreatmentOut",
    "TreatmentRow",
    "TypeVariance",
    "VariancesByType",
    "absolute_effects",
    "against_reference",
    "bootstrap_network",
    "comparison_adjusted_funnel",
    "component_matrix",
    "component_network",
    "connection",
    "consistency_model",
    "contributions",
    "contributions_by_level",
    "decompose_designs",
    "design_adjusted",
    "down_weighted",
    "exchangeable_regression",
    "find_designs",
    "graph",
    "hierarchy_precision",
    "hypergeometric_network",
    "largest_subnetwork",
    "league_table",
    "leave_one_out",
    "leave_one_treatment_out",
    "loop_inconsistency",
    "mantel_haenszel_network",
    "median_risk",
    "minimal_categories",
    "mixed_network",
    "modifier_table",
    "net_heat",
    "network",
    "network_effects",
    "network_regression",
    "network_subgroups",
    "network_to_dict",
    "outcome_ranks",
    "p_scores",
    "partial_categories",
    "penalised_network",
    "rank_probabilities",
    "rank_with_margin",
    "ranking_words",
    "separate_comparisons",
    "side_split",
    "split_evidence",
    "study_impact",
    "study_standard_errors",
    "tau2_interval",
    "threshold_analysis",
    "variances_by_type",
]
