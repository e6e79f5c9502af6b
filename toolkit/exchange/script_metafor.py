"""Scripts for metafor (Viechtbauer 2010, J Stat Softw 36(3)), which our checks run."""

from __future__ import annotations

from typing import Any

from toolkit.engine.own_weights import EFFECT_MODELS
from toolkit.exchange.expected import Payload, Row, main_numbers, settings_of
from toolkit.exchange.parts import parts_of
from toolkit.exchange.script_data import r_design, rests_on_its_data
from toolkit.exchange.script_text import Script, r_script

__all__ = ["metafor_network", "metafor_pairwise", "network_rests_on_arms"]

_FIT = ("metafor_effects.R", "metafor_pairwise.R")
_GIVEN = (
    "the effects of the studies",
    "they were reported, converted or adjusted, or are of a kind the script does not compute; it reads studies.csv",
)


def metafor_pairwise(payload: Payload) -> Script:
    """The whole of a pairwise result as far as metafor has it."""
    result = payload["result"]
    spec, parts = result["spec"], parts_of(payload)
    arms = rests_on_its_data(payload)
    settings = settings_of(payload) | {"effects": "arms" if arms else "given"} | parts.settings
    rows = main_numbers(payload, effects=arms) + parts.numbers.rows
    not_refitted = list(parts.not_refitted)
    if not arms:
        not_refitted.insert(0, _GIVEN)
        rows = _without_person_time(spec["measure"], rows, not_refitted)
    for what, which in (("ci", "random"), ("prediction", "prediction")):
        if spec[what] == "KR":
            kept = f"{which}: estimate"
            rows = [row for row in rows if row.what == kept or not row.what.startswith(f"{which}: ")]
    if spec["model"] == "BB":
        rows = [row for row in rows if not row.what.startswith(("random", "common"))]
    counts = () if spec["model"] in EFFECT_MODELS else ("metafor_counts.R",)
    text = r_script(
        payload,
        "Check of a pairwise analysis with metafor (Viechtbauer 2010, J Stat Softw 36(3))",
        settings,
        rows,
        (*_FIT, *counts, "metafor_whole.R", *parts.templates),
        not_refitted=not_refitted,
        designs=[r_design(name, formula, payload) for name, formula in parts.designs.items()],
    )
    return Script(name="metafor.R", text=text, tried="run", not_refitted=tuple(not_refitted))


def _without_person_time(measure: str, rows: list[Row], not_refitted: list[Any]) -> list[Row]:
    """Rows without what needs person-time that studies.csv does not hold."""
    if measure not in ("IRR", "IRD"):
        return rows
    kept = [row for row in rows if "Mantel-Haenszel" not in row.what]
    if len(kept) < len(rows):
        not_refitted.append(("the Mantel-Haenszel estimate", "data.csv does not hold the person-time that it rests on"))
    return kept


# Measures whose multi-arm covariance the network script computes from arms.
_NETWORK = frozenset({
    "OR", "RR", "RD", "AS", "MD", "SMD", "SMD1", "ROM", "ROM_BC", "VR", "CVR", "IRR", "IRD", "IRSD",
})  # fmt: skip


def network_rests_on_arms(payload: Payload) -> bool:
    """Whether the script gets the contrasts of a network from the arms in data.csv, not from contrasts.csv."""
    spec = payload["result"]["spec"]
    plain = spec["measure"] in _NETWORK and spec.get("variance", "default") == "default"
    return plain and not payload.get("largest") and not any(arm.get("versus") for arm in payload["selection"]["arms"])


def metafor_network(payload: Payload) -> Script:
    """A network as far as rma.mv has it."""
    spec = payload["result"]["spec"]
    arms = network_rests_on_arms(payload)
    settings = settings_of(payload) | {"effects": "arms" if arms else "given"}
    types = payload["result"]["heterogeneity"]["tau2_by_type"]
    if types:
        settings["types"] = [one["name"] for one in types]
    if types and spec["tau2_groups"]:
        studies, groups = zip(*spec["tau2_groups"], strict=True)
        settings["groups_of"] = {"study": list(studies), "group": list(groups)}
    elif types:
        settings["inactive"] = list(spec["tau2_inactive"])
    not_refitted = [] if arms else [(_GIVEN[0], f"{_GIVEN[1].replace('studies.csv', 'contrasts.csv')}")]
    if types:
        why = "the script has it for one between-study variance alone"
        not_refitted.append(("the design-by-treatment test", why))
    names = dict.fromkeys(one["name"] for one in payload.get("further", ()))
    not_refitted += [(name, "the script refits the network itself") for name in names]
    text = r_script(
        payload,
        "Check of a network analysis with metafor (Viechtbauer 2010, J Stat Softw 36(3))",
        settings,
        main_numbers(payload),
        ("metafor_contrasts.R", "metafor_network.R"),
        not_refitted=not_refitted,
    )
    return Script(name="metafor.R", text=text, tried="run", not_refitted=tuple(not_refitted))
