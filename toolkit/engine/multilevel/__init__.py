"""Several effects a study: multilevel models, correlated effects, cluster-robust inference, aggregation."""

from toolkit.engine.multilevel.aggregate import aggregate
from toolkit.engine.multilevel.fit import Components, fit_components
from toolkit.engine.multilevel.models import MultilevelResult, VarianceLevel, multilevel
from toolkit.engine.multilevel.robust import Robust, robust

__all__ = [
    "Components",
    "MultilevelResult",
    "Robust",
    "VarianceLevel",
    "aggregate",
    "fit_components",
    "multilevel",
    "robust",
]
