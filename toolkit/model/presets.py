"""Named sets of choices that make a result comparable with another program's, each choice with its source.

A preset sets what was not named; what the user names wins. A choice without a reference value of that program says
"unverified".
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from toolkit.model.errors import InputError
from toolkit.model.spec import PairwiseSpec, ZeroCells

__all__ = ["PRESETS", "Preset", "preset_spec"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Preset:
    """What one program does by default.

    Attributes
    ----------
    help : the program and its date, in one line
    fields : field of `PairwiseSpec` -> (value, where that is from)
    zero_cells : field of `ZeroCells` -> value
    zero_source : where those are from
    measures : measure asked for -> the one this program computes under that name
    measure_source : where that is from
    """

    help: str
    fields: Mapping[str, tuple[Any, str]]
    zero_cells: Mapping[str, Any]
    zero_source: str
    measures: Mapping[str, str]
    measure_source: str


_REVMAN5 = "Deeks, Higgins 2010, Statistical algorithms in Review Manager 5"
_REVMAN2025 = "Cochrane Methods 2025, new random-effects methods in RevMan"
_METAFOR = "metafor 5.0-1, defaults of rma, predict and escalc; compared"
_META = "meta 8.3-0, defaults of metabin and metagen; compared"
_STATA = "Stata Meta-Analysis Reference Manual, release 16"

PRESETS: dict[str, Preset] = {
    "revman5_3": Preset(
        help="Review Manager 5.3 (2014)",
        fields={
            "tau2": ("DL", _REVMAN5),
            "ci": ("Wald", _REVMAN5),
            "q_around": ("MH", _REVMAN5 + "; compared"),
            "mantel_haenszel": ("corrected", _REVMAN5 + "; compared"),
            "prediction": ("none", "Review Manager 5 has none"),
        },
        zero_cells={"add": 0.5, "to": "only0", "drop_double_zero": True, "risk_ratio": "cells",
                    "risk_difference": "variance"},
        zero_source=_REVMAN5 + "; compared",
        measures={"SMD": "SMD_RM"},
        measure_source=_REVMAN5 + "; compared",
    ),
    "revman2025_01": Preset(
        help="RevMan since January 2025",
        fields={
            "tau2": ("REML", _REVMAN2025),
            "ci": ("HK", _REVMAN2025 + "; whether a safeguard acts is unverified"),
            "tau2_ci": ("QP", _REVMAN2025),
            "mantel_haenszel": ("corrected", _REVMAN5 + "; that it still holds is unverified"),
            "prediction": ("t_k2", "unverified"),
        },
        zero_cells={"add": 0.5, "to": "only0", "drop_double_zero": True, "risk_ratio": "cells",
                    "risk_difference": "variance"},
        zero_source=_REVMAN5 + "; that it still holds is unverified",
        measures={"SMD": "SMD_RM"},
        measure_source=_REVMAN5 + "; that it still holds is unverified",
    ),
    "metafor5": Preset(
        help="metafor 5 for R (2025)",
        fields={
            "tau2": ("REML", _METAFOR),
            "ci": ("Wald", _METAFOR),
            "tau2_ci": ("QP", _METAFOR),
            "prediction": ("z", _METAFOR),
            "mantel_haenszel": ("raw", "metafor 5.0-1, default of rma.mh; compared"),
        },
        zero_cells={"add": 0.5, "to": "only0", "drop_double_zero": False, "risk_ratio": "cells",
                    "risk_difference": "cells"},
        zero_source=_METAFOR,
        measures={"ROM": "ROM_BC"},
        measure_source=_METAFOR,
    ),
    "meta8": Preset(
        help="meta 8 for R (2025)",
        fields={
            "tau2": ("REML", _META),
            "ci": ("Wald", _META),
            "tau2_ci": ("QP", _META),
            "prediction": ("t_k1", _META),
            "mantel_haenszel": ("corrected", "meta 8.3-0, default of metabin (MH.exact = FALSE); compared"),
        },
        zero_cells={"add": 0.5, "to": "only0", "drop_double_zero": True, "risk_ratio": "events",
                    "risk_difference": "variance"},
        zero_source=_META,
        measures={},
        measure_source="",
    ),
    "stata16": Preset(
        help="Stata 16 meta (2019)",
        fields={
            "tau2": ("REML", _STATA),
            "ci": ("Wald", _STATA),
            "prediction": ("t_k2", _STATA),
            "mantel_haenszel": ("raw", "unverified"),
        },
        zero_cells={"add": 0.5, "to": "only0", "drop_double_zero": True, "risk_ratio": "cells",
                    "risk_difference": "cells"},
        zero_source="unverified",
        measures={},
        measure_source="",
    ),
}  # fmt: skip


def preset_spec(key: str, named: Mapping[str, Any], zero_cells: Mapping[str, Any] | None = None) -> PairwiseSpec:
    """The spec of a preset with what was named on top of it.

    Parameters
    ----------
    key : a key of `PRESETS`
    named : fields of `PairwiseSpec` that the user named ("measure" among them)
    zero_cells : fields of `ZeroCells` that the user named; not together with a whole policy in ``named``

    Examples
    --------
    >>> spec = preset_spec("revman5_3", {"measure": "SMD", "tau2": "PM", "q_around": "IV"})
    >>> spec.measure, spec.tau2, spec.ci
    ('SMD_RM', 'PM', 'Wald')
    """
    if key not in PRESETS:
        raise InputError("Unknown preset.", value=key, allowed=", ".join(PRESETS))
    preset = PRESETS[key]
    fields = {name: value for name, (value, _) in preset.fields.items()}
    # A Q around the Mantel-Haenszel estimate belongs to DerSimonian and Laird's estimator.
    if named.get("tau2", fields["tau2"]) != "DL":
        fields.pop("q_around", None)
    fields["zero_cells"] = ZeroCells(**{**preset.zero_cells, **(zero_cells or {})})
    measure = named["measure"]
    return PairwiseSpec(**{**fields, **named, "measure": preset.measures.get(measure, measure), "preset": key})
