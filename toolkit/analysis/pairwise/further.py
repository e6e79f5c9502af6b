"""What an analysis adds on request to its fit: models, small-study effects, sensitivity, priors; as plain data."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from toolkit.engine import publication, sensitivity
from toolkit.engine.bayes import bayesian, default_prior, posterior_to_dict
from toolkit.engine.bias import small_study_test, trim_and_fill
from toolkit.engine.data import ArmTable, Effects
from toolkit.engine.directions import count_directions, findings_of
from toolkit.engine.location_scale import location_scale
from toolkit.engine.metareg import as_numbers, covariates_of, meta_regression
from toolkit.engine.multilevel import multilevel
from toolkit.engine.permutation import permutation_test
from toolkit.engine.resample import bootstrap
from toolkit.engine.results import PairwiseResult
from toolkit.engine.subgroups import SubgroupResult, subgroups
from toolkit.engine.tabulate import (
    display,
    estimate_to_dict,
    interval_to_dict,
    plain,
    refits_to_list,
    small_study_to_dict,
    subgroups_to_dict,
    trim_fill_to_dict,
)
from toolkit.model.choices import MEASURES
from toolkit.model.errors import InputError, NotEstimable
from toolkit.model.spec import PairwiseSpec

__all__ = ["further", "order_of"]

Columns = Mapping[str, Mapping[str, str]]
Made = Callable[[], Any]


def further(
    result: PairwiseResult,
    data: ArmTable | Effects,
    spec: PairwiseSpec,
    asked: Mapping[str, Any],
    columns: Columns,
    *,
    lenient: bool = False,
) -> tuple[dict[str, Any], SubgroupResult | None]:
    """The further results by name, nothing that was not asked for; and the subgroups themselves for figures.

    With ``lenient``, what cannot be done is in "not_done" with its reason; without, it is raised.
    """
    groups: list[SubgroupResult] = []
    makers: dict[str, Made] = {}
    if result.k:
        makers |= _bayes(result, asked)
        if asked["subgroup"]:
            makers["subgroups"] = lambda: _subgroups(result, data, spec, asked, columns, groups)
        makers |= _sensitivity(result, asked, columns)
        makers |= _small_study(result, asked)
        makers |= _models(result, asked, columns)
        makers |= _shown(result, asked)
    found: dict[str, Any] = {}
    not_done: dict[str, str] = {}
    for name, make in makers.items():
        try:
            made = make()
        except (InputError, NotEstimable) as error:
            if not lenient:
                raise
            not_done[name] = str(error)
            continue
        if made is not None:
            found[name] = made
    if not_done:
        found["not_done"] = not_done
    return found, groups[0] if groups else None


def _column(columns: Columns, name: str) -> Mapping[str, str]:
    if name not in columns:
        raise InputError(f"There is no column {name!r}.", allowed=", ".join(columns))
    return columns[name]


def _covariates(columns: Columns, *formulas: str | None) -> dict[str, dict[str, object]]:
    names = [name for formula in formulas if formula for name in covariates_of(formula)]
    return {name: as_numbers(_column(columns, name)) for name in dict.fromkeys(names)}


def _bayes(result: PairwiseResult, asked: Mapping[str, Any]) -> dict[str, Made]:
    """By the priors asked for; by default only for two studies."""
    default = default_prior(result)
    priors = asked["bayes"] or ((default,) if default is not None else ())
    if not priors:
        return {}
    prior = tuple(asked["mu_prior"]) if asked["mu_prior"] is not None else None
    return {"bayes": lambda: [posterior_to_dict(bayesian(result, p, mu_prior=prior), result.scale) for p in priors]}


def _subgroups(
    result: PairwiseResult,
    data: ArmTable | Effects,
    spec: PairwiseSpec,
    asked: Mapping[str, Any],
    columns: Columns,
    keep: list[SubgroupResult],
) -> dict[str, Any]:
    own = spec
    if MEASURES[spec.measure].groups == 2:
        own = replace(spec, treatment=result.treatment, reference=result.reference)
    found = subgroups(
        data, _column(columns, asked["subgroup"]), own, variance="common" if asked["common_tau2"] else "separate"
    )
    keep.append(found)
    return {**subgroups_to_dict(found, result.scale), "column": asked["subgroup"]}


def order_of(result: PairwiseResult, name: str | None, columns: Columns) -> list[float] | None:
    """The number of each study in the fit by which a cumulative analysis is ordered."""
    if name is None:
        return None
    values = as_numbers(_column(columns, name))
    found = []
    for study in sensitivity.studies_of(result)[0]:
        value = values.get(study)
        if not isinstance(value, (int, float)):
            raise InputError(f"Study {study!r} has no number to be ordered by.", column=name, value=value)
        found.append(float(value))
    return found


def _sensitivity(result: PairwiseResult, asked: Mapping[str, Any], columns: Columns) -> dict[str, Made]:
    makers: dict[str, Made] = {}
    if asked["leave_one_out"]:
        makers["leave_one_out"] = lambda: refits_to_list(sensitivity.leave_one_out(result), result.scale)
    if asked["cumulative"]:
        makers["cumulative"] = lambda: refits_to_list(
            sensitivity.cumulative(result, order_of(result, asked["cumulative_by"], columns)), result.scale
        )
    if asked["swim"]:
        makers["swim"] = lambda: plain(count_directions(findings_of(result), level=result.spec.level)[0])
    if asked["influence"]:
        makers["influence"] = lambda: plain(sensitivity.influence(result))
    return makers


def _small_study(result: PairwiseResult, asked: Mapping[str, Any]) -> dict[str, Made]:
    makers: dict[str, Made] = {}
    force, scale = asked["force_bias"], result.scale
    if asked["bias"]:
        makers["small_study_test"] = lambda: small_study_to_dict(
            small_study_test(result, asked["bias"], force=force), scale
        )
    if asked["trim_fill"]:
        makers["trim_and_fill"] = lambda: trim_fill_to_dict(trim_and_fill(result, estimator=asked["trim_fill"]), scale)
    if asked["adjust"]:
        makers["adjustments"] = lambda: {
            name: _adjusted(result, name, force) for name in dict.fromkeys(asked["adjust"])
        }
    return makers


def _adjusted(result: PairwiseResult, name: str, force: bool) -> dict[str, Any]:
    """One adjustment; estimates on the display scale beside the model scale."""
    makers: dict[str, Made] = {
        "pet-peese": lambda: publication.pet_peese(result, force=force),
        "limit": lambda: publication.limit_meta(result, force=force),
        "copas": lambda: publication.copas(result, force=force),
        "henmi-copas": lambda: publication.henmi_copas(result),
        "p-curve": lambda: publication.p_curve(result),
        "fail-safe": lambda: publication.fail_safe_n(result),
        "fail-safe-random": lambda: publication.fail_safe_n(result, "General"),
        "excess": lambda: publication.excess_significance(result),
    }
    made = makers[name]() if name in makers else publication.selection_model(result, name)
    own: dict[str, Any] = plain(made)
    for field in ("pet", "peese", "adjusted", "random", "estimate", "unadjusted"):
        if isinstance(own.get(field), dict):
            own[field] = estimate_to_dict(getattr(made, field), result.scale)
    if isinstance(made, publication.Copas):
        for row, fitted in zip(own["rows"], made.rows, strict=True):
            row["estimate"] = estimate_to_dict(fitted.estimate, result.scale)
    return own


def _models(result: PairwiseResult, asked: Mapping[str, Any], columns: Columns) -> dict[str, Made]:
    makers: dict[str, Made] = {}
    formula, cluster, scale = asked["regress"], asked["cluster"], asked["scale"]
    if formula and not cluster and not scale:
        # coefficients are differences: they stay on the model scale
        makers["regression"] = lambda: plain(meta_regression(result, formula, _covariates(columns, formula)))
    if cluster:
        makers["multilevel"] = lambda: _multilevel(result, asked, columns)
    if scale:
        makers["location_scale"] = lambda: {
            **plain(location_scale(result, scale, _covariates(columns, formula, scale), location=formula)),
            "formula": scale,
        }
    if asked["permutation"]:
        makers["permutation"] = lambda: plain(
            permutation_test(
                result, np.random.default_rng(asked["seed"]), formula=formula, columns=_covariates(columns, formula),
                most=asked["permutation"],
            )
        )  # fmt: skip
    if asked["bootstrap"]:
        makers["bootstrap"] = lambda: _bootstrap(result, asked)
    return makers


def _multilevel(result: PairwiseResult, asked: Mapping[str, Any], columns: Columns) -> dict[str, Any]:
    formula = asked["regress"]
    fit = multilevel(
        result, _column(columns, asked["cluster"]), structure=asked["structure"], rho=asked["rho"],
        test=asked["robust"], formula=formula, columns=_covariates(columns, formula),
    )  # fmt: skip
    pooled = None if formula else estimate_to_dict(fit.coefficients[0].estimate, result.scale)
    prediction = interval_to_dict(fit.prediction, result.scale)
    own: dict[str, Any] = plain(fit)
    return own | {"pooled": pooled, "prediction": prediction, "cluster": asked["cluster"]}


def _bootstrap(result: PairwiseResult, asked: Mapping[str, Any]) -> dict[str, Any]:
    """Percentile intervals (Van den Noortgate, Onghena 2005)."""
    level = result.spec.level
    fits = bootstrap(result, np.random.default_rng(asked["seed"]), samples=asked["bootstrap"])
    tails = ((1 - level) / 2, (1 + level) / 2)
    low, high = (float(x) for x in np.quantile(fits.estimate, tails))
    tau2 = [float(x) for x in np.quantile(fits.tau2, tails)]
    return {
        "samples": asked["bootstrap"],
        "seed": asked["seed"],
        "level": level,
        "low": display(low, result.scale),
        "high": display(high, result.scale),
        "model": {"low": low, "high": high},
        "tau2": tau2,
    }


def _shown(result: PairwiseResult, asked: Mapping[str, Any]) -> dict[str, Made]:
    makers: dict[str, Made] = {}
    if asked["natural_sd"] is not None:
        makers["natural_units"] = lambda: _natural(result, asked["natural_sd"])
    if asked["assumed_risk"] is not None:
        makers["absolute"] = lambda: _absolute(result, asked["assumed_risk"])
    return makers


def _pooled(result: PairwiseResult) -> dict[str, Any]:
    found = estimate_to_dict(result.random or result.common, result.scale)
    if found is None:
        raise NotEstimable("There is no pooled effect to express otherwise.")
    return found


def _natural(result: PairwiseResult, sd: float) -> dict[str, Any]:
    """A standardised difference times the SD of a familiar scale (Cochrane Handbook 6.5, section 15.5.3.2)."""
    if result.spec.measure not in ("SMD", "SMD1", "SMDH", "SMD_RM"):
        raise InputError("Units of a familiar scale are for standardised differences.", value=result.spec.measure,
                         allowed="SMD, SMD1, SMDH, SMD_RM")  # fmt: skip
    found = _pooled(result)
    return {"sd": sd, **{name: found[name] * sd for name in ("estimate", "ci_low", "ci_high")}}


def _absolute(result: PairwiseResult, risk: float) -> dict[str, Any]:
    """Risk with the treatment at an assumed risk with the reference (Cochrane Handbook 6.5, section 15.4.4)."""
    turn: dict[str, Callable[[float], float]] = {
        "OR": lambda x: x * risk / (1 - risk + x * risk),
        "PETO": lambda x: x * risk / (1 - risk + x * risk),
        "RR": lambda x: min(x * risk, 1.0),
        "RD": lambda x: min(max(x + risk, 0.0), 1.0),
    }
    if result.spec.measure not in turn:
        raise InputError("An assumed risk belongs to measures of events.", value=result.spec.measure,
                         allowed=", ".join(turn))  # fmt: skip
    found = _pooled(result)
    own = {name: turn[result.spec.measure](found[name]) for name in ("estimate", "ci_low", "ci_high")}
    difference = {name: own[name] - risk for name in own}
    apart = difference["ci_low"] > 0 or difference["ci_high"] < 0
    nnt = 1 / abs(difference["estimate"]) if difference["estimate"] else None
    return {"assumed_risk": risk, "risk": own, "difference": difference, "nnt": nnt if apart else None}
