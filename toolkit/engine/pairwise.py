"""Pairwise meta-analysis: `pairwise` resolves the spec, fits, and says what could not be estimated and why."""

from __future__ import annotations

from dataclasses import fields, replace
from importlib import import_module
from typing import Any

import numpy as np

from toolkit.engine.compare import ComparisonData, compare
from toolkit.engine.count_models import fit_counts, resolve_model
from toolkit.engine.data import ArmTable, Effects, FloatArray
from toolkit.engine.heterogeneity import heterogeneity
from toolkit.engine.intervals import (
    Standard,
    interval_hartung_knapp,
    interval_kenward_roger,
    interval_wald,
    quantile,
    two_sided_p,
)
from toolkit.engine.mh_of_arms import (
    Q_AROUND,
    MantelHaenszel,
    around,
    dersimonian_laird_around,
    heterogeneity_around,
    mantel_haenszel_of_arms,
)
from toolkit.engine.own_weights import EFFECT_MODELS, pool_own_weights, weights_of
from toolkit.engine.pooling import Pooled, pool_inverse_variance
from toolkit.engine.results import Estimate, Heterogeneity, Interval, PairwiseResult, Tau2, Warning_
from toolkit.engine.study_rows import study_intervals, study_rows
from toolkit.engine.tau2 import Tau2Batch, profile_likelihood_interval, q_profile, tau2_standard_error
from toolkit.model.choices import INTERVALS, MEASURES, PREDICTION_INTERVALS, TAU2_INTERVALS, TAU2_METHODS, Choice
from toolkit.model.errors import InputError
from toolkit.model.presets import preset_spec
from toolkit.model.spec import PairwiseSpec

__all__ = ["pairwise", "resolve"]


def pairwise(data: ArmTable | Effects | Any, spec: PairwiseSpec | None = None, **options: Any) -> PairwiseResult:
    """A pairwise meta-analysis of one comparison.

    Parameters
    ----------
    data : arms, or effects (of a multi-arm study only the contrast of the two treatments enters); or a table of
        either: path, data frame, or what `toolkit.engine.tables.read_table` returned
    spec : what is asked for; ``options`` are fields of `PairwiseSpec` set on top of it
    **options : for example ``measure="OR", reference="placebo", tau2="DL", ci="HK"``

    Returns
    -------
    PairwiseResult
        with ``spec`` fully resolved; what cannot be estimated is None and ``warnings`` says why.

    Raises
    ------
    InputError
        For impossible data, an unknown choice, or treatments that are not in the data.

    Examples
    --------
    >>> from toolkit.engine.effects import effects_from_estimates
    >>> result = pairwise(effects_from_estimates(["A", "B", "C"], [0.1, 0.3, 0.5], v=[0.01, 0.02, 0.04]), tau2="DL")
    >>> round(result.random.estimate, 4), result.spec.ci
    (0.2524, 'HK_adhoc')
    """
    if not isinstance(data, (ArmTable, Effects)):
        data, spec, options = _of_table(data, spec, options)
    chosen = resolve_model(_spec(data, spec, options))
    if chosen.model not in EFFECT_MODELS and not chosen.zero_cells.drop_double_zero:
        chosen = replace(chosen, zero_cells=replace(chosen.zero_cells, drop_double_zero=True))
    compared = compare(data, chosen)
    chosen = resolve(chosen, len(compared.studies), compared.treatment, compared.reference)
    warnings = _data_warnings(compared)
    k = len(compared.studies)
    mh = mantel_haenszel_of_arms(compared, chosen.mantel_haenszel, chosen.zero_cells.add)
    around_mh = chosen.q_around == "MH" and chosen.measure in Q_AROUND and chosen.model == "IV"
    centre = mh.mean if mh is not None and around_mh else None
    if centre is None:
        chosen = replace(chosen, q_around="IV")
    of_effects = chosen.model in EFFECT_MODELS
    common = _pool(compared, chosen.model, 0.0) if k else None
    fit = _random_effects(compared, chosen, centre, warnings) if k > 1 and of_effects else None
    if k < 2:
        warnings.append(_too_few(k))
    result = PairwiseResult(
        spec=chosen,
        scale=compared.scale,
        k=k,
        treatment=compared.treatment,
        reference=compared.reference,
        common=_estimate(common, interval_wald(common), chosen.level, chosen.model if of_effects else "IV")
        if common is not None
        else None,
        mantel_haenszel=_mantel_haenszel(mh, chosen.level, warnings),
        random=_estimate(fit[0], _interval(fit[0], chosen.ci), chosen.level, chosen.ci) if fit else None,
        random_wald=_estimate(fit[0], interval_wald(fit[0]), chosen.level, "Wald") if fit else None,
        tau2=fit[1] if fit else None,
        heterogeneity=_heterogeneity(compared, fit[1].value if fit else None, centre) if k > 1 else None,
        prediction=_prediction(fit[0], chosen, warnings) if fit else None,
        studies=study_rows(compared, common, fit[0] if fit else None, chosen),
        excluded=compared.excluded,
        corrections=compared.corrections,
        warnings=tuple(warnings),
    )
    return result if of_effects or not k else _with_counts(result, compared)


def _pool(compared: ComparisonData, model: str, tau2: float) -> Pooled:
    """By inverse variance, or with the weights of the model's own."""
    weight = weights_of(compared, model)
    if weight is None:
        return pool_inverse_variance(compared.y, compared.v, tau2)
    return pool_own_weights(compared.y, compared.v, weight, tau2)


def _with_counts(result: PairwiseResult, compared: ComparisonData) -> PairwiseResult:
    """The result with its pooled estimates from a model of the counts; study rows keep their effects, not weights."""
    spec, warnings = result.spec, list(result.warnings)
    fit = fit_counts(compared, spec, warnings)
    random = fit.random
    if random is not None and fit.tau2 is not None:
        _random_warnings(random, fit.tau2, spec, warnings)
    return replace(
        result,
        common=None if fit.common is None else _estimate(fit.common, interval_wald(fit.common), spec.level, spec.model),
        random=None if random is None else _estimate(random, _interval(random, spec.ci), spec.level, spec.ci),
        random_wald=None if random is None else _estimate(random, interval_wald(random), spec.level, "Wald"),
        tau2=fit.tau2,
        heterogeneity=fit.heterogeneity,
        prediction=_prediction(random, spec, warnings) if random is not None and fit.tau2 is not None else None,
        studies=tuple(replace(row, weight_common=None, weight_random=None) for row in result.studies),
        warnings=tuple(warnings),
    )


def _of_table(
    data: Any, spec: PairwiseSpec | None, options: dict[str, Any]
) -> tuple[ArmTable | Effects, PairwiseSpec | None, dict[str, Any]]:
    """The arms or effects of a table; two groups named by its columns need no treatment and reference."""
    from toolkit.engine.tables import Table, read_table

    measure = options.get("measure", spec.measure if spec is not None else None)
    table = data if isinstance(data, Table) else read_table(data, measure=measure)
    if measure is None and table.kind == "contrasts":
        measure = table.measure or "GEN"
        options = {**options, "measure": measure}
    if measure is None:
        raise InputError("Which effect measure?", hint='For example measure="OR" (--measure OR).')
    one_group = measure in MEASURES and MEASURES[measure].groups == 1
    named = {**options, **({"treatment": spec.treatment, "reference": spec.reference} if spec is not None else {})}
    if table.default_reference and not one_group and not (named.get("treatment") or named.get("reference")):
        options = {**options, "treatment": table.default_treatment, "reference": table.default_reference}
    return table.data(measure, reference=options.get("reference")), spec, options


def _spec(data: ArmTable | Effects, spec: PairwiseSpec | None, options: dict[str, Any]) -> PairwiseSpec:
    known = {field.name for field in fields(PairwiseSpec)}
    preset = options.get("preset") if spec is None else None
    for name in options:
        if name not in known:
            raise InputError("Unknown option of a pairwise analysis.", value=name, allowed=", ".join(sorted(known)))
    if spec is not None:
        return replace(spec, **options)
    if "measure" not in options:
        if isinstance(data, ArmTable):
            raise InputError("Which effect measure?", hint='For example measure="OR" (--measure OR).')
        options = {"measure": data.measure, **options}
    if preset is not None:
        return preset_spec(preset, {name: value for name, value in options.items() if name != "preset"})
    return PairwiseSpec(**options)


def resolve(spec: PairwiseSpec, k: int, treatment: str, reference: str) -> PairwiseSpec:
    """The spec with nothing left open: names checked against the tables of choices, "auto" replaced.

    ``ci="auto"`` is Hartung-Knapp with the safeguard from three studies on, Wald below.
    """
    _known("tau2 estimator", spec.tau2, TAU2_METHODS)
    _known("prediction interval", spec.prediction, PREDICTION_INTERVALS)
    if not 0 < spec.level < 1:
        raise InputError(
            "The confidence level is a proportion.",
            value=spec.level,
            allowed="between 0 and 1",
            hint="For example 0.95.",
        )
    _known("interval of tau2", spec.tau2_ci, TAU2_INTERVALS)
    if spec.tau2_ci == "PL" and spec.tau2 not in ("ML", "REML"):
        raise InputError("A profile-likelihood interval needs tau2 by ML or REML.", value=spec.tau2, allowed="ML, REML")
    for what, value, allowed in (
        ("cells of Mantel-Haenszel", spec.mantel_haenszel, ("raw", "corrected")),
        ("centre of Q", spec.q_around, ("IV", "MH")),
        ("interval of the studies", spec.study_ci, study_intervals(spec.measure)),
    ):
        if value not in allowed:
            raise InputError(f"Unknown {what}.", value=value, allowed=", ".join(allowed))
    if spec.q_around == "MH" and spec.tau2 != "DL":
        raise InputError("Q around the Mantel-Haenszel estimate belongs to tau2 by DL.", value=spec.tau2, allowed="DL")
    ci = ("HK_adhoc" if k >= 3 else "Wald") if spec.ci == "auto" else spec.ci
    _known("interval", ci, INTERVALS)
    if "KR" in (ci, spec.prediction) and (spec.tau2 != "REML" or spec.model != "IV"):
        raise InputError(
            "Kenward and Roger's method is for inverse-variance fits with tau2 by REML.",
            value=spec.tau2 if spec.model == "IV" else spec.model,
            allowed="REML with model IV",
        )
    return replace(spec, ci=ci, treatment=treatment, reference=reference)


def _known(what: str, key: str, choices: dict[str, Choice]) -> None:
    if key not in choices:
        raise InputError(f"Unknown {what}.", value=key, allowed=", ".join(choices))


def _call(choice: Choice) -> Any:
    module, _, name = choice.target.partition(":")
    return getattr(import_module(module), name)


def _interval(pooled: Pooled, key: str) -> Standard:
    standard: Standard = _call(INTERVALS[key])(pooled)
    return standard


def _heterogeneity(compared: ComparisonData, tau2: float | None, centre: float | None) -> Heterogeneity:
    found = heterogeneity(compared.y, compared.v, tau2)
    return found if centre is None else heterogeneity_around(found, float(around(compared.y, compared.v, centre)[0]))


def _random_effects(
    compared: ComparisonData, spec: PairwiseSpec, centre: float | None, warnings: list[Warning_]
) -> tuple[Pooled, Tau2]:
    """Pooled at the estimated tau2; ``centre`` is what DerSimonian and Laird's Q is taken around."""
    y, v = compared.y, compared.v
    found: Tau2Batch = _call(TAU2_METHODS[spec.tau2])(y, v)
    value = float(found.value[0]) if centre is None else float(dersimonian_laird_around(y, v, centre)[0])
    se = tau2_standard_error(spec.tau2, y, v, value)
    tau2 = Tau2(
        value=value,
        method=spec.tau2,
        boundary=bool(found.boundary[0]) if centre is None else value == 0,
        converged=bool(found.converged[0]),
        iterations=int(found.iterations[0]),
        se=se if np.isfinite(se) else None,
        ci=_tau2_interval(y, v, value, spec),
    )
    pooled = _pool(compared, spec.model, value)
    _random_warnings(pooled, tau2, spec, warnings)
    return pooled, tau2


def _tau2_interval(y: FloatArray, v: FloatArray, value: float, spec: PairwiseSpec) -> Interval:
    if spec.tau2_ci == "PL":
        crit = float(quantile(spec.level, np.inf)) ** 2
        bounds = profile_likelihood_interval(y, v, value, crit, restricted=spec.tau2 == "REML")
        return Interval(low=bounds[0], high=bounds[1], method="PL")
    low, high = q_profile(y, v, spec.level)
    return Interval(low=float(low[0]), high=float(high[0]), method="Q-profile")


def _random_warnings(pooled: Pooled, tau2: Tau2, spec: PairwiseSpec, warnings: list[Warning_]) -> None:
    k = int(pooled.k[0])

    def say(code: str, text: str) -> None:
        warnings.append(Warning_(code=code, text=text))

    if not tau2.converged:
        say("tau2_not_converged", f"The {spec.tau2} estimate of tau2 did not reach its tolerance.")
    if tau2.value == 0:
        say("tau2_zero", "tau2 is estimated as 0: the random-effects estimate equals the common-effect one.")
    if tau2.ci is not None and tau2.ci.high == 0:
        say(
            "tau2_ci_empty",
            "The effects differ less than chance alone would make them: the interval of tau2 is 0 to 0.",
        )
    if k == 2:
        say(
            "two_studies",
            "With two studies tau2 is barely estimable, and neither is an interval that allows for it: look at the two "
            "studies. The interval is "
            + ("Wald's and may be too narrow." if spec.ci == "Wald" else f"{spec.ci} on one degree of freedom."),
        )
    if spec.ci == "KR" and (df := float(interval_kenward_roger(pooled).df[0])) < 1:
        say("kr_df", f"Kenward and Roger's degrees of freedom are {df:.2g}: the interval says next to nothing.")
    if k > 2 and spec.ci in ("HK", "HK_adhoc"):
        factor = float(interval_hartung_knapp(pooled).factor[0])
        if factor < 1 and spec.ci == "HK_adhoc":
            say("hk_safeguard", f"The Hartung-Knapp variance factor was {factor:.3f}; the safeguard held it at 1.")
        elif factor < 1:
            say(
                "hk_narrow",
                f"The Hartung-Knapp variance factor is {factor:.3f}: it narrows the interval; see Wald beside it.",
            )


def _estimate(pooled: Pooled, standard: Standard, level: float, method: str) -> Estimate:
    mean, se, df = float(pooled.mean[0]), float(standard.se[0]), float(standard.df[0])
    half = float(quantile(level, df)) * se
    # Identical effects give Hartung-Knapp a standard error of 0: the statistic is 0/0 or infinite, p its limit.
    statistic = mean / se if se > 0 else (0.0 if mean == 0 else float(np.copysign(np.inf, mean)))
    return Estimate(
        estimate=mean,
        se=se,
        ci_low=mean - half,
        ci_high=mean + half,
        statistic=statistic,
        p=float(two_sided_p(statistic, df)) if np.isfinite(statistic) else 0.0,
        df=df if np.isfinite(df) else None,
        method=method,
    )


def _mantel_haenszel(found: MantelHaenszel | None, level: float, warnings: list[Warning_]) -> Estimate | None:
    if found is None:
        return None
    if found.mean is None or found.se is None:
        text = f"Mantel-Haenszel is not estimable, because {found.reason}."
        warnings.append(Warning_(code="mh_not_estimable", text=text))
        return None
    one = np.ones(1)
    pooled = Pooled(
        mean=one * found.mean, se=one * found.se, q=0 * one, k=one * found.k, tau2=0 * one, weight=np.empty((1, 0))
    )
    return _estimate(pooled, interval_wald(pooled), level, "MH")


def _prediction(pooled: Pooled, spec: PairwiseSpec, warnings: list[Warning_]) -> Interval | None:
    k = int(pooled.k[0])
    if spec.prediction == "none":
        return None
    if k < 3:
        warnings.append(Warning_(code="no_prediction", text="No prediction interval: it takes at least three studies."))
        return None
    half = float(_call(PREDICTION_INTERVALS[spec.prediction])(pooled, spec.level)[0])
    if k < 5:
        warnings.append(
            Warning_(code="prediction_few", text=f"The prediction interval rests on {k} studies and is very uncertain.")
        )
    mean = float(pooled.mean[0])
    return Interval(low=mean - half, high=mean + half, method=spec.prediction)


def _too_few(k: int) -> Warning_:
    if k == 0:
        return Warning_(
            code="no_study", text="Nothing is estimable, because no study gives an effect; see the exclusions."
        )
    return Warning_(
        code="one_study",
        text="One study: the estimate is that study's; heterogeneity, a random-effects estimate and a prediction "
        "interval are not estimable.",
    )


def _data_warnings(compared: ComparisonData) -> list[Warning_]:
    warnings = [Warning_(code="note", text=note) for note in compared.notes]
    if compared.corrections:
        names = ", ".join(dict.fromkeys(row.study for row in compared.corrections))
        warnings.append(Warning_(code="zero_cells", text=f"Zero cells were corrected in {names}."))
    return warnings
