"""The numbers of a result that another program must find again, and the settings it needs to find them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import Any

from toolkit.engine.own_weights import EFFECT_MODELS
from toolkit.model.choices import MEASURES
from toolkit.model.errors import InputError

__all__ = [
    "TOLERANCES",
    "Numbers",
    "Payload",
    "Row",
    "coefficient_numbers",
    "data_type",
    "estimate_numbers",
    "fit_numbers",
    "main_numbers",
    "require_estimate",
    "settings_of",
    "unit_of",
]

Payload = Mapping[str, Any]

# What a refit may differ by, relative to a number or, near zero, to the studies' median standard error (its square for
# variances, 1 for numbers without a unit). Pairwise fits solve one equation; rma.mv maximises a likelihood numerically.
# rma.glmm integrates by other nodes and stops earlier.
TOLERANCES = {"pairwise": 1e-6, "network": 1e-5, "counts": 2e-3}
# Mantel-Haenszel and other closed forms do not depend on a search.
_MODEL = ("estimate", "se", "ci_low", "ci_high")


@dataclass(frozen=True, slots=True)
class Row:
    """A number by name, and by how much another program may differ from it."""

    what: str
    value: float
    allowed: float


@dataclass(slots=True)
class Numbers:
    """Rows in the making; ``unit`` is the size of an effect's standard error, against which small numbers are held."""

    unit: float
    tolerance: float
    rows: list[Row] = field(default_factory=list)

    def add(self, what: str, value: float | None, power: int = 0, *, tolerance: float | None = None) -> None:
        """One number; ``power`` is 1 for an effect, 2 for a variance, 0 without unit. None was not estimated."""
        if value is not None:
            size = max(abs(float(value)), self.unit**power)
            self.rows.append(Row(what, float(value), (self.tolerance if tolerance is None else tolerance) * size))


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


def unit_of(payload: Payload) -> float:
    """Median standard error of the studies, of the estimates of a network."""
    result = require_estimate(payload)
    if payload["kind"] == "pairwise":
        errors = [row["model"]["se"] for row in result["studies"]]
    else:
        errors = [row["common"]["model"]["se"] for row in result["effects"] if row["common"] is not None]
    known = [se for se in errors if se]
    return float(median(known)) if known else 1.0


def main_numbers(payload: Payload, *, effects: bool = True) -> list[Row]:
    """What is estimated in the result itself, on the model scale; with ``effects`` those of the studies too."""
    result = require_estimate(payload)
    kind = payload["kind"]
    numbers = Numbers(unit=unit_of(payload), tolerance=TOLERANCES[kind])
    if kind == "network":
        _network(numbers, result)
        return numbers.rows
    numbers.add("studies", result["k"])
    for row in result["studies"] if effects else ():
        numbers.add(f"{row['study']}: effect", row["model"]["y"], 1)
        numbers.add(f"{row['study']}: se", row["model"]["se"], 1)
    for row in result["studies"]:
        for model in ("common", "random"):
            numbers.add(f"{row['study']}: weight, {model}", row[f"weight_{model}"])
    if result["spec"]["model"] not in EFFECT_MODELS:
        numbers.tolerance = TOLERANCES["counts"]
    fit_numbers(numbers, result)
    return numbers.rows


def estimate_numbers(numbers: Numbers, what: str, found: Payload | None) -> None:
    """An estimate with its interval and p, whose model scale stands in ``model``."""
    if found is None:
        return
    for name in _MODEL:
        numbers.add(f"{what}: {name}", found["model"][name], 1)
    numbers.add(f"{what}: p", found["p"])


def coefficient_numbers(numbers: Numbers, what: str, rows: Sequence[Payload]) -> None:
    """Coefficients on the model scale, each of the unit it has."""
    for row in rows:
        found = row["estimate"]
        own = Numbers(unit=found["se"] or 1.0, tolerance=numbers.tolerance)
        for name in _MODEL:
            own.add(f"{what}: {row['name']}: {name}", found[name], 1)
        own.add(f"{what}: {row['name']}: p", found["p"])
        numbers.rows += own.rows


def fit_numbers(numbers: Numbers, r: Payload, prefix: str = "") -> None:
    """One fit: a whole result, or what a refit without a study has of it."""
    if r["tau2"] is None and r.get("mantel_haenszel") is None and r["common"] is None and r["random"] is None:
        return
    estimate_numbers(numbers, f"{prefix}common", r["common"])
    estimate_numbers(numbers, f"{prefix}random", r["random"])
    wald = r.get("random_wald")
    if wald is not None:
        for name in _MODEL:
            numbers.add(f"{prefix}random, Wald: {name}", wald["model"][name], 1)
    tau2 = r["tau2"]
    if isinstance(tau2, Mapping):
        numbers.add(f"{prefix}tau2", tau2["value"], 2)
        if tau2["ci"] is not None:
            for name in ("low", "high"):
                numbers.add(f"{prefix}tau2: {name}", tau2["ci"][name], 2)
    else:
        numbers.add(f"{prefix}tau2", tau2, 2)
    h = r["heterogeneity"]
    if h is not None:
        rows = (("Q", "q"), ("Q: p", "p"), ("I2 from Q", "i2_q"), ("I2 from tau2", "i2_tau2"), ("H2", "h2"))
        for what, name in rows:
            tested = h.get("test") != "likelihood ratio" or r["spec"]["model"] != "UM.RS"
            if (tested or name in ("i2_tau2", "h2")) and not (name in ("i2_tau2", "h2") and tau2 is None):
                numbers.add(f"{prefix}{what}", h[name])
    if r.get("prediction") is not None:
        for name in ("low", "high"):
            numbers.add(f"{prefix}prediction: {name}", r["prediction"]["model"][name], 1)
    estimate_numbers(numbers, f"{prefix}Mantel-Haenszel", r.get("mantel_haenszel"))


def _network(numbers: Numbers, r: Payload) -> None:
    h = r["heterogeneity"]
    numbers.add("studies", r["k"])
    for what, name in (("Q", "q"), ("Q: p", "p"), ("I2", "i2")):
        numbers.add(what, h[name])
    tau2 = h["tau2"]
    if tau2 is not None and h["tau2_by_type"] is None:
        numbers.add("tau2", tau2["value"], 2)
    for one in h["tau2_by_type"] or ():
        numbers.add(f"tau2 of {one['name']}", one["tau2"], 2)
    for one in h["tau2_intervals"] or ():
        name = "Q-profile" if one["method"].startswith("Q") else "profile likelihood"
        for bound in ("low", "high"):
            numbers.add(f"tau2, {name}: {bound}", one[bound], 2, tolerance=1e-4)
    for row in r["effects"]:
        if row["treatment"] == row["reference"]:
            continue
        for model in ("common", "random"):
            if row[model] is not None:
                for name in _MODEL:
                    numbers.add(f"{model}: {name} {row['treatment']}", row[model]["model"][name], 1)
                numbers.add(f"{model}: p {row['treatment']}", row[model]["p"])
        if row["prediction"] is not None:
            for bound in ("low", "high"):
                numbers.add(f"prediction: {bound} {row['treatment']}", row["prediction"]["model"][bound], 1)
    split = r["inconsistency"]
    for what in ("within", "between"):
        if split[f"q_{what}"] is not None:
            numbers.add(f"Q {what} designs", split[f"q_{what}"])
            numbers.add(f"Q {what} designs: p", split[f"p_{what}"])
    if split["interaction_chi2"] is not None and not h["tau2_by_type"]:
        numbers.add("design-by-treatment: chi2", split["interaction_chi2"], tolerance=1e-4)
        numbers.add("design-by-treatment: p", split["interaction_p"], tolerance=1e-4)
        numbers.add("design-by-treatment: tau2", split["interaction_tau2"], 2, tolerance=1e-4)


def settings_of(payload: Payload) -> dict[str, Any]:
    """Everything that changes a number, as resolved by the engine, under the names the scripts use."""
    result = require_estimate(payload)
    spec = result["spec"]
    zero = spec["zero_cells"]
    settings = {
        "analysis": payload["analysis"],
        "fingerprint": payload["fingerprint"],
        "data": "data.csv",
        "data_type": data_type(spec["measure"]),
        "measure": spec["measure"],
        "groups": MEASURES[spec["measure"]].groups,
        "reference": result["reference"],
        "tau2": spec["tau2"],
        "ci": spec["ci"],
        "level": spec["level"],
        "zero_add": zero["add"],
        "zero_to": zero["to"],
        "zero_arms": zero.get("arms", "equal"),
        "zero_rr": zero["risk_ratio"],
        "zero_rd": zero["risk_difference"],
        "drop_double_zero": zero["drop_double_zero"],
    }
    if payload["kind"] == "pairwise":
        names = ("model", "prediction", "tau2_ci", "mantel_haenszel", "q_around")
        settings |= {"treatment": result["treatment"]} | {name: spec[name] for name in names}
    elif spec["tau2_value"] is not None:
        settings["tau2_value"] = spec["tau2_value"]
    return settings


def data_type(measure: str) -> str:
    """The kind of numbers in data.csv: "binary", "continuous", "rate", or "effect" where effects are given."""
    needs = MEASURES[measure].needs
    if not needs:
        return "effect"
    if "mean" in needs or "sd" in needs:
        return "continuous"
    return "rate" if "time" in needs else "binary"
