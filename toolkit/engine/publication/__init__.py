"""What publication and small-study effects may have done: adjustments and sensitivity analyses, each with its caveat.

`SELECTION_MODELS` lists the selection functions; the other methods are one function each.
"""

from toolkit.engine.publication.adjusted import LimitMeta, PetPeese, limit_meta, pet_peese
from toolkit.engine.publication.counts import ExcessSignificance, FailSafeN, excess_significance, fail_safe_n
from toolkit.engine.publication.henmi_copas import HenmiCopas, henmi_copas
from toolkit.engine.publication.pcurve import PCurve, p_curve
from toolkit.engine.publication.selection import SELECTION_MODELS, SelectionModel, selection_model
from toolkit.engine.publication.selection_copas import Copas, CopasRow, copas

__all__ = [
    "SELECTION_MODELS",
    "Copas",
    "CopasRow",
    "ExcessSignificance",
    "FailSafeN",
    "HenmiCopas",
    "LimitMeta",
    "PCurve",
    "PetPeese",
    "SelectionModel",
    "copas",
    "excess_significance",
    "fail_safe_n",
    "henmi_copas",
    "limit_meta",
    "p_curve",
    "pet_peese",
    "selection_model",
]
