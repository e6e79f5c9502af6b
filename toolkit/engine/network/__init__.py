"""Network meta-analysis by generalised least squares: fit, direct evidence, inconsistency, ranking, league tables."""

from toolkit.engine.network.as_data import network_to_dict
from toolkit.engine.network.connect import Connection, connection, largest_subnetwork
from toolkit.engine.network.designs import (
    Design,
    DesignDecomposition,
    DesignQ,
    decompose_designs,
    find_designs,
)
from toolkit.engine.network.fit import consistency_model, network, network_effects
from toolkit.engine.network.heat import DesignContrast, NetHeat, net_heat
from toolkit.engine.network.rank import RankProbabilities, p_scores, rank_probabilities
from toolkit.engine.network.sidesplit import SideSplit, side_split
from toolkit.engine.network.split import Split, split_evidence
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
    "Connection",
    "Design",
    "DesignContrast",
    "DesignDecomposition",
    "DesignQ",
    "GraphEdge",
    "GraphNode",
    "LeagueTable",
    "NetHeat",
    "NetworkGraph",
    "RankProbabilities",
    "SideSplit",
    "Split",
    "TreatmentRow",
    "against_reference",
    "connection",
    "consistency_model",
    "decompose_designs",
    "find_designs",
    "graph",
    "largest_subnetwork",
    "league_table",
    "net_heat",
    "network",
    "network_effects",
    "network_to_dict",
    "p_scores",
    "rank_probabilities",
    "side_split",
    "split_evidence",
]
