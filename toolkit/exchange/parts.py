"""What an analysis reports beside its fit, and how a metafor script finds it again: numbers, settings, template.

What no script can find again is named with the reason, and that goes into the script.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from toolkit.engine.own_weights import EFFECT_MODELS
from toolkit.exchange.expected import (
    TOLERANCES,
    Numbers,
    Payload,
    coefficient_numbers,
    estimate_numbers,
    fit_numbers,
    require_estimate,
    unit_of,
)

__all__ = ["Part", "Parts", "further_of", "parts_of"]

SELECTION = ("step", "beta", "halfnorm", "negexp", "logistic", "power")


@dataclass(slots=True)
class Parts:
    """Rows, settings of the script, designs it builds and templates it runs; ``not_refitted`` are (what, why)."""

    numbers: Numbers
    settings: dict[str, Any] = field(default_factory=dict)
    designs: dict[str, str | None] = field(default_factory=dict)
    templates: dict[str, None] = field(default_factory=dict)
    not_refitted: list[tuple[str, str]] = field(default_factory=list)


Part = Callable[[Parts, Payload, Any], None]


def further_of(payload: Payload) -> dict[str, Any]:
    """Everything beside the fit by name, whether it was asked for or belongs to every result."""
    result = require_estimate(payload)
    found = dict(result.get("further", {}))
    if result.get("leave_one_out") and "leave_one_out" not in found:
        found["leave_one_out"] = result["leave_one_out"]
    if result.get("small_study") and "small_study_test" not in found:
        found["small_study_test"] = result["small_study"]
    if result.get("bayes"):
        found["bayes"] = [result["bayes"]]
    return found


def parts_of(payload: Payload) -> Parts:
    """How the script of a pairwise analysis goes on after the fit itself."""
    parts = Parts(numbers=Numbers(unit=unit_of(payload), tolerance=1e-6))
    spec = payload["result"]["spec"]
    if spec["model"] == "BB":
        parts.not_refitted.append(("the beta-binomial fit", "metafor has no beta-binomial model"))
    if spec["model"] == "UM.RS":
        why = "metafor's saturated model codes the arms 0 and 1, its other fits -1/2 and 1/2"
        parts.not_refitted.append(("the likelihood-ratio test of heterogeneity", why))
    if spec["ci"] == "KR":
        parts.not_refitted.append(("Kenward and Roger's interval", "metafor has none; Wald's is compared in its place"))
    if spec["prediction"] == "KR":
        parts.not_refitted.append(("Kenward and Roger's prediction interval", "metafor has none"))
    for name, found in further_of(payload).items():
        if name in _PARTS:
            _PARTS[name](parts, payload, found)
        elif name in _REASONS:
            parts.not_refitted.append(_REASONS[name])
    return parts


_REASONS = {
    "bayes": ("the Bayesian model", "metafor has none"),
    "bootstrap": ("the bootstrap intervals", "they rest on samples that are drawn at random"),
    "pair_range": ("the fits by other correlations within pairs", "studies.csv holds the effects by the first of them"),
}


def _given_options(payload: Payload) -> Mapping[str, Any]:
    options: Mapping[str, Any] = payload.get("options", {})
    return options


# ---- fits by groups, and without studies --------------------------------------------------------------------------


def _subgroups(parts: Parts, payload: Payload, found: Any) -> None:
    if payload["result"]["spec"]["model"] == "BB":
        parts.not_refitted.append(("the subgroups", "metafor has no beta-binomial model"))
        return
    common = found["variance"] == "common"
    parts.settings["subgroups"] = {
        "column": found["column"],
        "labels": [group["label"] for group in found["groups"]],
        "ci": [group["result"]["spec"]["ci"] for group in found["groups"]],
        "common": common,
    }
    numbers = _of_model(parts, payload)
    for group in found["groups"]:
        prefix = f"subgroup {group['label']}: "
        numbers.add(f"{prefix}studies", group["result"]["k"])
        fit_numbers(numbers, _without_kenward_roger(group["result"]), prefix)
        if common:
            estimate_numbers(numbers, f"{prefix}at the common tau2", group["compared"])
    numbers.add("subgroups: common tau2", found["tau2_common"], 2)
    for what, value, p in (("", "q_between", "p"), (", common effects", "q_between_common", "p_common")):
        numbers.add(f"subgroups: Q between{what}", found[value])
        numbers.add(f"subgroups: Q between{what}: p", found[p])
    parts.numbers.rows += numbers.rows
    parts.templates["metafor_subgroups.R"] = None


def _of_model(parts: Parts, payload: Payload) -> Numbers:
    kind = "pairwise" if payload["result"]["spec"]["model"] in EFFECT_MODELS else "counts"
    return Numbers(unit=parts.numbers.unit, tolerance=TOLERANCES[kind])


def _without_kenward_roger(result: Payload) -> Payload:
    """A result without the intervals that metafor does not have."""
    spec = result["spec"]
    changed = dict(result)
    if spec["ci"] == "KR":
        changed["random"] = None
    if spec["prediction"] == "KR":
        changed["prediction"] = None
    return changed


def _refits(prefix: str, setting: str) -> Part:
    def part(parts: Parts, payload: Payload, found: Any) -> None:
        for name in ("leave_one_out", "cumulative"):
            parts.settings.setdefault(name, False)
        parts.settings[setting] = True
        by = _given_options(payload).get("cumulative_by")
        if setting == "cumulative" and by is not None:
            parts.settings["cumulative_by"] = by
        kenward_roger = payload["result"]["spec"]["ci"] == "KR"
        for fit in found:
            own = {**fit, "random": None} if kenward_roger else fit
            parts.numbers.add(f"{prefix} {fit['study']}: studies", fit["k"])
            fit_numbers(parts.numbers, own, f"{prefix} {fit['study']}: ")
        parts.templates["metafor_refits.R"] = None

    return part


def _influence(parts: Parts, payload: Payload, found: Any) -> None:
    names = ("hat", "rstudent", "dffits", "cook", "cov_ratio", "dfbeta", "tau2_without", "q_without", "rstandard")
    for row in found:
        for name in names:
            power = 2 if name == "tau2_without" else 0
            parts.numbers.add(f"influence of {row['study']}: {name}", row[name], power, tolerance=1e-5)
    parts.templates["metafor_influence.R"] = None


def _without(what: str) -> Part:
    def part(parts: Parts, payload: Payload, found: Any) -> None:
        if found is None or "model" not in found:
            return
        rows = [row["study"] for row in payload["result"]["studies"]]
        gone = set(found["studies"])
        names = [row for row in rows if row in gone or any(row.startswith(f"{name} (") for name in gone)]
        parts.settings.setdefault("without", {})[what] = names
        parts.settings.setdefault("without_ci", []).append("Wald" if found["method"] == "IV" else found["method"])
        model = "common" if found["method"] == "IV" else "random"
        if found["method"] != "KR":
            estimate_numbers(parts.numbers, f"{what}: {model}", found)
        parts.templates["metafor_shown.R"] = None

    return part


# ---- models -------------------------------------------------------------------------------------------------------


def _regression(parts: Parts, payload: Payload, found: Any) -> None:
    numbers = parts.numbers
    numbers.add("regression: studies", found["k"])
    coefficient_numbers(numbers, "regression", found["coefficients"])
    numbers.add("regression: tau2", found["tau2"], 2)
    for bound in ("low", "high"):
        numbers.add(f"regression: tau2: {bound}", found["tau2_ci"][bound], 2)
    rows = (
        ("R2", "r2"), ("I2", "i2"), ("H2", "h2"), ("test of the covariates", "q_model"),
        ("test of the covariates: p", "p_model"), ("Q residual", "q_residual"), ("Q residual: p", "p_residual"),
    )  # fmt: skip
    for what, name in rows:
        numbers.add(f"regression: {what}", found[name], tolerance=1e-5)
    parts.designs["regression"] = found["formula"]
    parts.templates["metafor_regression.R"] = None


def _multilevel(parts: Parts, payload: Payload, found: Any) -> None:
    parts.settings["multilevel"] = {
        "column": found["cluster"],
        **{name: found[name] for name in ("structure", "method", "rho", "test")},
    }
    numbers = Numbers(unit=parts.numbers.unit, tolerance=1e-4)
    numbers.add("multilevel: effects", found["k"])
    numbers.add("multilevel: clusters", found["clusters"])
    coefficient_numbers(numbers, "multilevel", found["coefficients"])
    for row in found["coefficients"]:
        numbers.add(f"multilevel: {row['name']}: df", row["estimate"]["df"], tolerance=1e-3)
    for row in found["variances"]:
        what = f"multilevel: variance {row['level']}"
        numbers.add(what, row["value"], 2, tolerance=1e-3)
        numbers.add(f"{what}: I2", row["i2"], tolerance=1e-3)
        for bound in ("low", "high") if row["ci"] is not None else ():
            numbers.add(f"{what}: {bound}", row["ci"][bound], 2, tolerance=1e-3)
    numbers.add("multilevel: Q residual", found["q_residual"])
    numbers.add("multilevel: Q residual: p", found["p_residual"])
    numbers.add("multilevel: log-likelihood", found["log_likelihood"])
    if found["prediction"] is not None:
        for bound in ("low", "high"):
            numbers.add(f"multilevel: prediction: {bound}", found["prediction"]["model"][bound], 1)
    parts.numbers.rows += numbers.rows
    parts.designs["multilevel"] = _given_options(payload).get("regress")
    parts.templates["metafor_multilevel.R"] = None


def _location_scale(parts: Parts, payload: Payload, found: Any) -> None:
    numbers = Numbers(unit=parts.numbers.unit, tolerance=1e-3)
    coefficient_numbers(numbers, "location", found["location"])
    coefficient_numbers(numbers, "scale", found["scale"])
    for study, tau2 in zip(found["studies"], found["tau2"], strict=True):
        numbers.add(f"location-scale, tau2 of {study}", tau2, 2)
    numbers.add("location-scale: log-likelihood", found["log_likelihood"])
    parts.numbers.rows += numbers.rows
    parts.designs["location"] = _given_options(payload).get("regress")
    parts.designs["scale"] = found["formula"]
    parts.templates["metafor_location_scale.R"] = None


def _permutation(parts: Parts, payload: Payload, found: Any) -> None:
    if not found["exact"]:
        parts.not_refitted.append(("the permutation test", "its arrangements are drawn at random"))
        return
    for name, p in zip(found["names"], found["p"], strict=True):
        parts.numbers.add(f"permutation: {name}: p", p)
    parts.numbers.add("permutation: all covariates: p", found["p_model"])
    parts.designs["permutation"] = _given_options(payload).get("regress")
    parts.templates["metafor_permutation.R"] = None


# ---- small-study effects ------------------------------------------------------------------------------------------


_TESTS = (
    "Egger", "Egger_random", "Thompson", "Begg", "Harbord", "Peters", "Macaskill", "Deeks", "Pustejovsky",
)  # fmt: skip


def _small_study(parts: Parts, payload: Payload, found: Any) -> None:
    if found["test"] not in _TESTS:
        parts.not_refitted.append((f"{found['test']}'s test", "the script has none"))
        return
    parts.settings["small_study"] = found["test"]
    numbers = Numbers(unit=found["se"] or 1.0, tolerance=1e-6)
    numbers.add("small-study test: studies", found["k"])
    numbers.add("small-study test: bias", found["bias"], 1)
    numbers.add("small-study test: se", found["se"], 1)
    numbers.add("small-study test: statistic", found["statistic"])
    numbers.add("small-study test: p", found["p"])
    parts.numbers.rows += numbers.rows
    parts.numbers.add("small-study test: limit", found["model"]["limit"], 1)
    if found["limit_ci"] is not None:
        for bound in ("low", "high"):
            parts.numbers.add(f"small-study test: limit: {bound}", found["limit_ci"]["model"][bound], 1)
    parts.templates["metafor_small_study.R"] = None


def _trim_fill(parts: Parts, payload: Payload, found: Any) -> None:
    if payload["result"]["spec"]["tau2"] == "DL2":
        parts.not_refitted.append(("trim-and-fill", "metafor's trimfill does not take the two-step estimate of tau2"))
        return
    parts.settings |= {"trim_fill": found["estimator"], "trim_fill_ci": found["filled"]["spec"]["ci"]}
    parts.numbers.add("trim-and-fill: studies filled in", found["k0"])
    parts.numbers.add("trim-and-fill: studies filled in: se", found["se_k0"])
    parts.numbers.add("trim-and-fill: on the right", found["side"] == "right")
    parts.numbers.add("trim-and-fill: studies", found["filled"]["k"])
    numbers = Numbers(unit=parts.numbers.unit, tolerance=1e-5)
    fit_numbers(numbers, _without_kenward_roger(found["filled"]), "trim-and-fill: ")
    parts.numbers.rows += numbers.rows
    parts.templates["metafor_trim_fill.R"] = None


_NOT_IN_METAFOR = {"limit": "limit meta-analysis", "copas": "Copas' selection model", "p-curve": "the p-curve"}
_NOT_IN_METAFOR |= {"fail-safe-random": "the fail-safe N of the random-effects test"}


def _adjustments(parts: Parts, payload: Payload, found: Any) -> None:
    numbers = parts.numbers
    for name, one in found.items():
        if name in _NOT_IN_METAFOR:
            parts.not_refitted.append((_NOT_IN_METAFOR[name], "metafor has none"))
        elif name == "henmi-copas":
            _henmi_copas(parts, one)
        elif name in SELECTION:
            _selection(parts, name, one)
        elif name == "pet-peese":
            for part in ("pet", "peese"):
                estimate_numbers(numbers, f"adjusted, {part}", one[part])
                slope = [{"name": "slope", "estimate": one[f"{part}_slope"]}]
                own = Numbers(unit=numbers.unit, tolerance=numbers.tolerance)
                coefficient_numbers(own, f"adjusted, {part},", slope)
                for row in own.rows:
                    numbers.rows.append(type(row)(row.what.replace(",: slope", ", slope"), row.value, row.allowed))
        elif name == "fail-safe":
            numbers.add("adjusted, fail-safe: studies", one["n"])
            numbers.add("adjusted, fail-safe: p", one["p"])
        elif name == "excess":
            rows = (
                ("observed", "observed"), ("expected", "expected"), ("chi2", "chi2"), ("p, chi2", "p_chi2"),
                ("p, exact", "p_exact"), ("p, binomial", "p_binomial"),
            )  # fmt: skip
            for what, key in rows:
                numbers.add(f"adjusted, excess: {what}", one[key])
    parts.templates["metafor_adjustments.R"] = None


def _henmi_copas(parts: Parts, one: Any) -> None:
    model = one["estimate"]["model"]
    for name in ("estimate", "ci_low", "ci_high"):
        parts.numbers.add(f"adjusted, henmi-copas: {name}", model[name], 1, tolerance=1e-4)


def _selection(parts: Parts, name: str, one: Any) -> None:
    if not one["converged"]:
        parts.not_refitted.append((f"the selection model {name}", "its likelihood has no proper maximum here"))
        return
    settings = parts.settings
    settings.setdefault("selection", []).append(name)
    settings.setdefault("selection_side", []).append(one["direction"])
    if name == "step":
        settings["selection_steps"] = [step for step in one["steps"] if step < 1]
    numbers = Numbers(unit=parts.numbers.unit, tolerance=2e-3)
    what = f"adjusted, {name}"
    settings.setdefault("selection_start", []).append([
        one["estimate"]["model"]["estimate"], one["tau2"], *one["delta"]
    ])  # fmt: skip
    if one["tau2"] > 1e-3 * parts.numbers.unit**2 and name != "beta":
        estimate_numbers(numbers, what, one["estimate"])
    else:
        numbers.add(f"{what}: estimate", one["estimate"]["model"]["estimate"], 1)
        why = (
            "metafor's numerical derivatives are not stable there" if name == "beta" else "metafor gives none at tau2 0"
        )
        parts.not_refitted.append((f"the standard error of the selection model {name}", why))
    numbers.add(f"{what}: tau2", one["tau2"], 2, tolerance=5e-3)
    for j, delta in enumerate(one["delta"]):
        numbers.add(f"{what}: delta {j + 1}", delta, tolerance=5e-3)
    numbers.add(f"{what}: likelihood ratio", one["lrt"])
    numbers.add(f"{what}: likelihood ratio: p", one["p"])
    parts.numbers.rows += numbers.rows


# ---- what is shown beside -----------------------------------------------------------------------------------------


def _shown(parts: Parts, payload: Payload, found: Any) -> None:
    """A pooled standardised difference in the units of a familiar scale, or a risk at an assumed one."""
    kenward_roger = payload["result"]["spec"]["ci"] == "KR"
    names = ("estimate",) if kenward_roger else ("estimate", "ci_low", "ci_high")
    if "sd" in found:
        parts.settings["natural_sd"] = found["sd"]
        for name in names:
            own = Numbers(unit=found["sd"] * parts.numbers.unit, tolerance=parts.numbers.tolerance)
            own.add(f"units of a familiar scale: {name}", found[name], 1)
            parts.numbers.rows += own.rows
    elif payload["result"]["spec"]["model"] in EFFECT_MODELS:
        parts.settings["assumed_risk"] = found["assumed_risk"]
        for name in names:
            parts.numbers.add(f"risk with the treatment: {name}", found["risk"][name])
    parts.templates["metafor_shown.R"] = None


def _directions(parts: Parts, payload: Payload, found: Any) -> None:
    for what, name in (
        ("above no effect", "up"), ("below no effect", "down"), ("p", "p"), ("low", "ci_low"), ("high", "ci_high"),
        ("p of an effect above", "p_up"), ("p of an effect below", "p_down"),
    ):  # fmt: skip
        parts.numbers.add(f"directions: {what}", found[name])
    parts.templates["metafor_shown.R"] = None


_PARTS: dict[str, Part] = {
    "subgroups": _subgroups,
    "regression": _regression,
    "leave_one_out": _refits("without", "leave_one_out"),
    "cumulative": _refits("up to", "cumulative"),
    "influence": _influence,
    "small_study_test": _small_study,
    "trim_and_fill": _trim_fill,
    "multilevel": _multilevel,
    "location_scale": _location_scale,
    "permutation": _permutation,
    "adjustments": _adjustments,
    "natural_units": _shown,
    "absolute": _shown,
    "swim": _directions,
    "without_converted": _without("without converted studies"),
    "without_imputed": _without("without imputed studies"),
}
