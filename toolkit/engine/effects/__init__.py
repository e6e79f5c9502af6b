"""Effects: from arms, contrasts or estimates to `toolkit.engine.data.Effects`, made once for every fit.

A measure is one function ``(StudyArms, ZeroCells) -> Contrasts`` and one entry of ``choices.MEASURES``.
"""

from toolkit.engine.effects.arms import StudyArms, arm_table, group_arms, restrict
from toolkit.engine.effects.binary import odds_ratio, risk_difference, risk_ratio
from toolkit.engine.effects.blocks import Contrasts, difference_of_arms
from toolkit.engine.effects.compute import compute_effects, find_measure
from toolkit.engine.effects.continuous import hedges_correction, mean_difference, standardised_mean_difference
from toolkit.engine.effects.contrasts import effects_from_contrasts, effects_from_estimates

__all__ = [
    "Contrasts",
    "StudyArms",
    "arm_table",
    "compute_effects",
    "difference_of_arms",
    "effects_from_contrasts",
    "effects_from_estimates",
    "find_measure",
    "generic",
    "group_arms",
    "hedges_correction",
    "mean_difference",
    "odds_ratio",
    "restrict",
    "risk_difference",
    "risk_ratio",
    "standardised_mean_difference",
]

generic = effects_from_estimates
