"""Scripts for the R packages meta and netmeta, which our checks only parse."""

from __future__ import annotations

from typing import Any

from toolkit.engine.own_weights import EFFECT_MODELS
from toolkit.exchange.expected import Payload, Row, main_numbers, settings_of
from toolkit.exchange.parts import Parts, parts_of
from toolkit.exchange.script_data import r_design, rests_on_its_data
from toolkit.exchange.script_metafor import network_rests_on_arms
from toolkit.exchange.script_text import NotPossibleError, Script, r_script

__all__ = ["meta_script"]

_TWO_GROUPS = {"OR": "OR", "RR": "RR", "RD": "RD", "AS": "ASD", "MD": "MD", "SMD": "SMD", "ROM": "ROM", "PETO": "OR"}
_TWO_GROUPS |= {"IRR": "IRR", "IRD": "IRD", "IRSD": "IRSD"}
_ONE_GROUP = {"PR": "PRAW", "PLN": "PLN", "PLO": "PLOGIT", "PAS": "PAS", "PFT": "PFT", "IR": "IR", "IRLN": "IRLN"}
_ONE_GROUP |= {"IRS": "IRS", "MN": "MRAW", "MNLN": "MLN"}
_TAU2 = ("REML", "DL", "PM", "ML", "EB", "HE", "HS", "SJ")
_PREDICTION = {"t_k1": "V", "t_k2": "HTS", "z": "S", "HK": "HK", "KR": "KR"}
# Parts that the script for meta refits; all else beside the fit is said to be left to metafor.
_PARTS = {"subgroups": "meta_subgroups.R", "regression": "meta_regression.R", "leave_one_out": "meta_refits.R"}
_PARTS |= {"trim_and_fill": "meta_trim_fill.R", "small_study_test": "meta_small_study.R"}
_TOLERANCE = 1e-4


def meta_script(payload: Payload) -> Script:
    """The script for meta, or for netmeta where the analysis is a network."""
    return _pairwise(payload) if payload["kind"] == "pairwise" else _network(payload)


def _loose(rows: list[Row]) -> list[Row]:
    """The packages' searches for tau2 stop earlier than metafor's with our settings."""
    return [Row(row.what, row.value, max(row.allowed, _TOLERANCE * max(1.0, abs(row.value)))) for row in rows]


def _pairwise(payload: Payload) -> Script:
    spec = payload["result"]["spec"]
    if spec["model"] not in ("IV", "UM.FS", "UM.RS", "CM.EL", "CM.AL", "BN"):
        raise NotPossibleError(f"meta has no model {spec['model']}")
    if spec["model"] == "IV" and spec["tau2"] not in _TAU2:
        raise NotPossibleError(f"meta has no estimator {spec['tau2']}")
    measures = _TWO_GROUPS | _ONE_GROUP
    arms = rests_on_its_data(payload) and spec["measure"] in measures
    if not arms and spec["model"] not in EFFECT_MODELS:
        raise NotPossibleError("meta's models of counts need the arms in data.csv")
    settings = settings_of(payload) | {
        "effects": "arms" if arms else "given",
        "sm": measures.get(spec["measure"], ""),
        "method_ci": {"Wald": "classic", "t": "classic", "KR": "KR"}.get(spec["ci"], "HK"),
        "adhoc": "se" if spec["ci"] == "HK_adhoc" else "",
        "predict": _PREDICTION.get(spec["prediction"], "V"),
    }
    parts, missing = _parts(payload)
    settings |= parts.settings
    if "subgroups" in settings:
        settings["subgroup_column"] = settings["subgroups"]["column"]
    not_refitted = missing + (
        [("the interval t", "meta has none for k - 1 df with Wald's error")] * (spec["ci"] == "t")
    )
    if not arms:
        not_refitted.insert(0, ("the effects of the studies", "they are read from studies.csv"))
    templates = [name for part, name in _PARTS.items() if part in _asked(payload) and _wanted(part, parts)]
    text = r_script(
        payload,
        "Check of a pairwise analysis with meta. Not run by us: this script was only parsed by R.",
        settings,
        _loose(main_numbers(payload, effects=arms) + parts.numbers.rows),
        ("meta.R", *templates),
        not_refitted=not_refitted,
        designs=[r_design(name, formula, payload) for name, formula in parts.designs.items() if name == "regression"],
        partly=True,
    )
    return Script(name="meta.R", text=text, tried="parsed", not_refitted=tuple(not_refitted))


def _asked(payload: Payload) -> dict[str, Any]:
    from toolkit.exchange.parts import further_of

    return further_of(payload)


def _wanted(part: str, parts: Parts) -> bool:
    """Whether metafor's script refits this part, so that its numbers and settings are there."""
    return part != "trim_and_fill" or "trim_fill" in parts.settings


def _parts(payload: Payload) -> tuple[Parts, list[tuple[str, str]]]:
    """The parts as for metafor, and those that the script for meta has not."""
    parts = parts_of(payload)
    silent = ("converted", "adjusted", "questions", "not_done")
    names = [name for name in _asked(payload) if name not in _PARTS and name not in silent]
    return parts, [(name.replace("_", " "), "this script has none; see metafor.R") for name in names]


def _network(payload: Payload) -> Script:
    spec = payload["result"]["spec"]
    if spec["tau2"] not in ("REML", "DL", "ML", "fixed"):
        raise NotPossibleError(f"netmeta has no estimator {spec['tau2']}")
    if payload["result"]["heterogeneity"]["tau2_by_type"]:
        raise NotPossibleError("netmeta has one between-study variance; this network has several (tau2_by)")
    arms = network_rests_on_arms(payload) and spec["measure"] in _TWO_GROUPS
    settings = settings_of(payload)
    settings |= {"effects": "arms" if arms else "given", "sm": _TWO_GROUPS.get(spec["measure"], "")}
    not_refitted = [] if arms else [("the effects of the studies", "they are read from contrasts.csv")]
    if spec["ci"] != "Wald":
        not_refitted.append((f"the interval {spec['ci']}", "the script asks netmeta for Wald's"))
    names = dict.fromkeys(one["name"] for one in payload.get("further", ()))
    not_refitted += [(name, "the script refits the network itself") for name in names]
    text = r_script(
        payload,
        "Check of a network analysis with netmeta. Not run by us: this script was only parsed by R.",
        settings,
        _loose(main_numbers(payload)),
        ("netmeta.R",),
        not_refitted=not_refitted,
        partly=True,
    )
    return Script(name="netmeta.R", text=text, tried="parsed", not_refitted=tuple(not_refitted))
