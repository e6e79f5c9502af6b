"""The numbers of a result that another program must find again, and the settings it needs to find them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from toolkit.model.choices import MEASURES
from toolkit.model.errors import InputError

__all__ = ["TOLERANCES", "Payload", "expected_numbers", "require_estimate", "settings_of"]

Payload = Mapping[str, Any]

# What a refit may differ by, absolutely below 1 and relatively above. Pairwise fits solve the same equation in one
# variable; rma.mv maximises a likelihood numerically, which leaves the fifth digit open.
TOLERANCES = {"pairwise": 1e-6, "network": 1e-5}


def require_estimate(payload: Payload) -> Payload:
    """The result of a payload.

    Raises
    ------
    InputError
        if the analysis is not estimable: there is nothing to compare with.
    """
    if payload["result"] is None:
        raise InputError(
            f"analysis {payload['analysis']!r} is not estimable: {payload['reason']}",
            hint="A script needs numbers to compare with.",
        )
    result: Payload = payload["result"]
    return result


def expected_numbers(payload: Payload) -> list[tuple[str, float]]:
    """(what, number on the model scale) of everything in the result that was estimated."""
    result = require_estimate(payload)
    found = _pairwise(result) if payload["kind"] == "pairwise" else _network(result)
    return [(what, float(value)) for what, value in found if value is not None]


def _pairwise(r: Payload) -> list[tuple[str, float | None]]:
    found: list[tuple[str, float | None]] = [("studies", r["k"])]
    for name in ("common", "random"):
        if r[name] is not None:
            found += [(f"{name}: {x}", r[name]["model"][x]) for x in ("estimate", "se", "ci_low", "ci_high")]
    if r["tau2"] is not None and r["heterogeneity"] is not None:
        h = r["heterogeneity"]
        found += [("tau2", r["tau2"]["value"]), ("I2 from tau2", h["i2_tau2"]), ("Q", h["q"])]
    if r["prediction"] is not None:
        found += [(f"prediction: {x}", r["prediction"]["model"][x]) for x in ("low", "high")]
    if r["mantel_haenszel"] is not None:
        found += [(f"Mantel-Haenszel: {x}", r["mantel_haenszel"]["model"][x]) for x in ("estimate", "se")]
    return found


def _network(r: Payload) -> list[tuple[str, float | None]]:
    h = r["heterogeneity"]
    found: list[tuple[str, float | None]] = [("studies", r["k"]), ("Q", h["q"])]
    if h["tau2"] is not None:
        found.append(("tau2", h["tau2"]["value"]))
    for row in r["effects"]:
        for model in ("common", "random"):
            if row[model] is not None and row["treatment"] != row["reference"]:
                found += [(f"{model}: {x} {row['treatment']}", row[model]["model"][x]) for x in ("estimate", "se")]
    return found


def settings_of(payload: Payload) -> dict[str, Any]:
    """Everything that changes a number, as resolved by the engine, under the names the scripts use."""
    result = require_estimate(payload)
    spec = result["spec"]
    zero = spec["zero_cells"]
    kind = payload["kind"]
    settings = {
        "analysis": payload["analysis"],
        "fingerprint": payload["fingerprint"],
        "data": "data.csv",
        "data_type": data_type(spec["measure"]),
        "measure": spec["measure"],
        "reference": result["reference"],
        "tau2": spec["tau2"],
        "level": spec["level"],
        "zero_add": zero["add"],
        "zero_to": zero["to"],
        "zero_rr": zero["risk_ratio"],
        "zero_rd": zero["risk_difference"],
        "drop_double_zero": zero["drop_double_zero"],
        "tolerance": TOLERANCES[kind],
    }
    if kind == "pairwise":
        settings |= {"treatment": result["treatment"], "ci": spec["ci"], "prediction": spec["prediction"]}
    elif spec["tau2_value"] is not None:
        settings["tau2_value"] = spec["tau2_value"]
    return settings


def data_type(measure: str) -> str:
    """ "binary", "continuous" or "rate": which columns of data.csv hold the numbers."""
    needs = MEASURES[measure].needs
    if "mean" in needs or "sd" in needs:
        return "continuous"
    return "rate" if "time" in needs else "binary"
