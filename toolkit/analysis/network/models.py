"""Other models of a network: components, rare events, regression, subgroups; as data for JSON and as text."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from toolkit.analysis.network.part import Part, Request, arms_of, cell, matrix_rows, numbers_of, part, texts_of
from toolkit.engine.tabulate import estimate_to_dict, plain
from toolkit.model.wording import counted
from toolkit.plots.numbers import format_p, p_value

if TYPE_CHECKING:
    from toolkit.engine.data import Effects
    from toolkit.engine.network import ComponentResult, SparseNetwork
    from toolkit.engine.results import Estimate, NetworkResult
    from toolkit.model.further import Options
    from toolkit.model.spec import NetworkSpec

__all__ = [
    "bridging",
    "by_design",
    "components",
    "components_text",
    "hypergeometric",
    "mantel_haenszel",
    "one_stage",
    "penalised",
    "regression",
    "small_studies",
    "sparse_part",
    "subgroups",
    "transitivity",
    "variances",
]


def components(request: Request) -> Part:
    """Component model of the treatments' names."""
    return bridging(request.effects, request.result.spec, request.options)


def bridging(effects: Effects, spec: NetworkSpec, options: Options) -> Part:
    """The component model, whether or not the network is connected."""
    from toolkit.engine.network import component_matrix, component_network

    matrix = component_matrix(
        effects.treatments,
        separator=options.separator,
        inactive=options.inactive,
        interactions=[tuple(p.strip() for p in text.split("*")) for text in options.combine],
    )
    found = component_network(effects, matrix, tau2=spec.tau2, tau2_value=spec.tau2_value, level=spec.level)
    return components_text(found, effects.scale, spec.measure)


def components_text(found: ComponentResult, scale: str, measure: str) -> Part:
    """A component model as data and text."""
    from toolkit.plots.numbers import decimals_for, format_interval

    shown = found.common if found.random is None else found.random
    widths = [e.ci_high - e.ci_low for e in shown if e is not None]
    decimals = decimals_for(widths, scale)

    def text(e: Estimate | None) -> str:
        return "not estimable" if e is None else format_interval(e.estimate, e.ci_low, e.ci_high, scale, decimals)

    rows = [
        [name, "-" if found.random is None else text(found.random[i]), text(found.common[i]),
         p_value(None if shown[i] is None else shown[i].p)]  # type: ignore[union-attr]
        for i, name in enumerate(found.matrix.components)
    ]  # fmt: skip
    models = [("common", found.common, found.treatment_common)]
    if found.random is not None and found.treatment_random is not None:
        models.append(("random", found.random, found.treatment_random))
    data: dict[str, Any] = {
        "components": list(found.matrix.components),
        "inactive": found.matrix.inactive,
        "treatments": list(found.matrix.treatments),
        "matrix": plain(found.matrix.matrix),
        "subnetworks": found.n_subnetworks,
        "tau2": plain(found.tau2),
        "i2": found.i2,
        "additivity": {
            name: getattr(found, name)
            for name in (
                "q_additive", "df_additive", "p_additive", "q_standard", "df_standard", "q_difference",
                "df_difference", "p_difference",
            )
        },
        **{
            name: {
                "components": [estimate_to_dict(e, scale) for e in estimates],
                "treatments": matrix_rows(effects, scale),
            }
            for name, estimates, effects in models
        },
        "warnings": plain(found.warnings),
    }  # fmt: skip
    notes = [w.text for w in found.warnings]
    if found.tau2 is not None:
        notes.append(f"tau² = {found.tau2.value:.4g} ({found.tau2.method}).")
    if found.q_difference is not None:
        notes.append(
            f"Additivity against the standard network: Q {found.q_difference:.2f} on {found.df_difference} df, "
            f"{format_p(found.p_difference)}."
        )
    else:
        notes.append(f"The components bridge a network in {found.n_subnetworks} pieces; additivity cannot be tested.")
    title = f"Component model: {measure} of adding each component" + (
        f" ({found.matrix.inactive} has no effect)" if found.matrix.inactive else ""
    )
    return part(data, title, ["component", "random effects", "common effect", "p"], rows, notes)


def mantel_haenszel(request: Request) -> Part:
    """Mantel-Haenszel network of odds ratios."""
    from toolkit.engine.network import mantel_haenszel_network

    found = mantel_haenszel_network(arms_of(request, "The Mantel-Haenszel network"), request.result.reference)
    return sparse_part(found, request.result)


def hypergeometric(request: Request) -> Part:
    """Non-central hypergeometric network of odds ratios."""
    from toolkit.engine.network import hypergeometric_network

    found = hypergeometric_network(arms_of(request, "The hypergeometric network"), request.result.reference)
    return sparse_part(found, request.result)


def penalised(request: Request) -> Part:
    """Odds ratios by penalised likelihood."""
    from toolkit.engine.network import penalised_network

    found = penalised_network(arms_of(request, "The penalised network"), request.result.reference)
    shown = sparse_part(found, request.result)
    note = "Common effect only: no random-effects form of it could be checked against a reference (one-stage has one)."
    return replace(shown, notes=(*shown.notes, note))


def one_stage(request: Request) -> Part:
    """Odds ratios by the one-stage binomial-normal model."""
    from toolkit.engine.network import mixed_network

    found = mixed_network(arms_of(request, "The one-stage network"), request.result.reference)
    return sparse_part(found, request.result)


def sparse_part(found: SparseNetwork, result: NetworkResult) -> Part:
    """A rare-event network against its reference, as data and text."""
    from toolkit.engine.network._intervals import symmetric_estimate

    estimates = [
        symmetric_estimate(float(found.te[i, 0]), float(found.se[i, 0]), result.spec.level, found.method)
        for i in range(1, len(found.treatments))
    ]
    names = found.treatments[1:]
    data = {
        "method": found.method,
        "reference": found.reference,
        "k": found.k,
        "converged": found.converged,
        "effects": [
            {"treatment": t, **(estimate_to_dict(e, "log") or {})} for t, e in zip(names, estimates, strict=True)
        ],
        "q": found.q,
        "df": found.df,
        "p": found.p,
        "tau2": found.tau2,
        "log_likelihood": found.log_likelihood,
        "excluded": plain(found.excluded),
    }
    rows = [[t, cell(e, result), p_value(e.p)] for t, e in zip(names, estimates, strict=True)]
    model = "common effect" if found.tau2 is None else f"random effects, tau² = {found.tau2:.4g}"
    notes = [f"{counted(found.k, 'study')}; {model}, no continuity correction."]
    if found.df:
        notes.append(f"Inconsistency: Q {found.q:.2f} on {found.df} df, {format_p(found.p)}.")
    notes += [f"Left out: {x.study}{f', {x.treatment}' if x.treatment else ''}: {x.reason}" for x in found.excluded]
    if not found.converged:
        notes.append("The iterations did not converge.")
    title = f"OR of each treatment against {found.reference}: {found.method}"
    return part(data, title, ["treatment", "effect", "p"], rows, notes)


def regression(request: Request) -> Part:
    """Network meta-regression on a study-level column."""
    from toolkit.engine.network import network_regression

    asked, result = request.options, request.result
    assert asked.covariate is not None
    if asked.interaction == "exchangeable":
        return _exchangeable(request, asked.covariate)
    found = network_regression(
        request.effects, numbers_of(request, asked.covariate), result.reference, interaction=asked.interaction,
        tau2=result.spec.tau2, tau2_value=result.spec.tau2_value, level=result.spec.level,
    )  # fmt: skip
    scale = result.scale
    data = {
        "covariate": asked.covariate,
        "interaction": found.interaction,
        "reference": found.reference,
        "centre": found.centre,
        "effects": [
            {"treatment": t, "estimate": estimate_to_dict(e, scale)}
            for t, e in zip(found.treatments, found.effects, strict=True)
        ],
        "coefficients": [
            {"treatment": c.treatment, "estimate": estimate_to_dict(c.estimate, scale)} for c in found.coefficients
        ],
        "tau2": plain(found.tau2),
        "tau2_without": None if result.tau2 is None else result.tau2.value,
        "q": found.q,
        "df": found.df,
        "excluded": plain(found.excluded),
    }
    word = "ratio" if scale == "log" else "change"
    rows = [
        [f"{c.treatment or 'every treatment'} against {found.reference}", cell(c.estimate, result),
         p_value(None if c.estimate is None else c.estimate.p)]
        for c in found.coefficients
    ]  # fmt: skip
    rows += [
        [f"{t} against {found.reference} at {asked.covariate} = {found.centre:g}", cell(e, result),
         p_value(None if e is None else e.p)]
        for t, e in zip(found.treatments, found.effects, strict=True)
    ]  # fmt: skip
    before = "" if result.tau2 is None else f" (without the covariate {result.tau2.value:.4g})"
    notes = [f"tau² = {found.tau2.value:.4g}{before}."]
    notes += [f"Left out: {x.study}: {x.reason}" for x in found.excluded]
    title = f"Network meta-regression on {asked.covariate}, {found.interaction} interaction: {word} per unit"
    return part(data, title, ["", "estimate", "p"], rows, notes)


def _exchangeable(request: Request, column: str) -> Part:
    from toolkit.engine.network import exchangeable_regression

    result, scale = request.result, request.result.scale
    found = exchangeable_regression(
        request.effects, numbers_of(request, column), result.reference, level=result.spec.level
    )
    slopes = [(None, found.mean_slope), *zip(found.treatments, found.slopes, strict=True)]
    effects = list(zip(found.treatments, found.effects, strict=True))
    data = {
        "covariate": column,
        "interaction": "exchangeable",
        "reference": found.reference,
        "centre": found.centre,
        "effects": [{"treatment": t, "estimate": estimate_to_dict(e, scale)} for t, e in effects],
        "coefficients": [{"treatment": t, "estimate": estimate_to_dict(e, scale)} for t, e in slopes],
        "slope_sd": found.slope_sd,
        "tau2": {"value": found.tau2, "method": "REML"},
        "tau2_without": None if result.tau2 is None else result.tau2.value,
        "log_likelihood": found.log_likelihood,
        "converged": found.converged,
        "excluded": plain(found.excluded),
    }
    rows = [
        [f"{t or 'mean of the treatments'} against {found.reference}", cell(e, result), p_value(e.p)] for t, e in slopes
    ]
    rows += [
        [f"{t} against {found.reference} at {column} = {found.centre:g}", cell(e, result), p_value(e.p)]
        for t, e in effects
    ]
    edge = " (on the boundary: one slope for all)" if found.slope_sd == 0 else ""
    notes = [f"Standard deviation of the slopes {found.slope_sd:.4g}{edge}, tau² = {found.tau2:.4g}, both by REML."]
    notes += [f"Left out: {x.study}: {x.reason}" for x in found.excluded]
    word = "ratio" if scale == "log" else "change"
    title = f"Network meta-regression on {column}, exchangeable interaction: {word} per unit"
    return part(data, title, ["", "estimate", "p"], rows, notes)


def small_studies(request: Request) -> Part:
    """Do small studies favour the treatments over the reference? Regression on the standard error."""
    from toolkit.engine.network import network_regression, study_standard_errors

    result = request.result
    found = network_regression(
        request.effects, study_standard_errors(request.effects), result.reference, centre=0.0, tau2=result.spec.tau2,
        tau2_value=result.spec.tau2_value, level=result.spec.level,
    )  # fmt: skip
    (slope,) = found.coefficients
    effects = list(zip(found.treatments, found.effects, strict=True))
    data = {
        "reference": found.reference,
        "slope": None if slope.estimate is None else plain(slope.estimate),
        "effects": [{"treatment": t, "estimate": estimate_to_dict(e, result.scale)} for t, e in effects],
        "tau2": plain(found.tau2),
        "q": found.q,
        "df": found.df,
    }
    e = slope.estimate
    shown = "not estimable" if e is None else f"{e.estimate:.3f} ({e.ci_low:.3f} to {e.ci_high:.3f})"
    rows = [["slope (per unit of the standard error, model scale)", shown, p_value(None if e is None else e.p)]]
    rows += [
        [
            f"{t} against {found.reference} in a study of infinite size",
            cell(x, result),
            p_value(None if x is None else x.p),
        ]
        for t, x in effects
    ]
    notes = [f"One slope for every treatment against {found.reference}: choose the reference that small studies would "
             f"disfavour. tau² = {found.tau2.value:.4g}."]  # fmt: skip
    return part(
        data, "Small-study effects: network meta-regression on the standard error", ["", "estimate", "p"], rows, notes
    )


def transitivity(request: Request) -> Part:
    """Effect modifiers by comparison."""
    from toolkit.engine.network import modifier_table

    found = [modifier_table(request.effects, name, texts_of(request, name)) for name in request.options.modifier]
    rows, notes = [], []
    for table in found:
        for r in table.rows:
            shown = ", ".join(f"{word} {n}" for word, n in r.counts) or "-"
            if r.median is not None:
                shown = f"{r.median:g} ({r.lower:g} to {r.upper:g}; {r.minimum:g} to {r.maximum:g})"
            rows.append([table.modifier, r.comparison, f"{r.reported} of {r.studies}", shown])
        if table.p is not None:
            h = f"H {table.statistic:.2f} on {table.df} df, {format_p(table.p)}"
            notes.append(f"{table.modifier}: Kruskal-Wallis {h}.")
        elif table.numeric:
            notes.append(f"{table.modifier} is not compared: {table.reason}.")
    notes.append("A guide, no test: multi-arm studies count several times, and a large p does not prove transitivity.")
    header = ["modifier", "comparison", "studies", "median (quartiles; range), or counts"]
    return part(plain(found), "Effect modifiers by comparison", header, rows, notes)


def by_design(request: Request) -> Part:
    """The network with non-randomised studies at falling weight."""
    from toolkit.engine.network import against_reference, design_adjusted

    asked, result = request.options, request.result
    assert asked.design is not None
    data, rows = [], []
    for fit in design_adjusted(request.effects, texts_of(request, asked.design), asked.trusted, result.spec):
        effects: list[dict[str, Any]] = []
        shown, tau2 = fit.reason or "-", None
        if fit.result is not None:
            tau2 = None if fit.result.tau2 is None else fit.result.tau2.value
            versus = [(r.treatment, r.random or r.common) for r in against_reference(fit.result)]
            effects = [{"treatment": t, **(estimate_to_dict(e, result.scale) or {})} for t, e in versus]
            shown = "; ".join(f"{t} {cell(e, result)}" for t, e in versus)
        lost = list(fit.lost_treatments)
        data.append({"weight": fit.weight, "studies": fit.studies, "tau2": tau2, "effects": effects,
                     "lost_treatments": lost, "reason": fit.reason})  # fmt: skip
        rows.append([f"{fit.weight:g}", str(fit.studies), shown, "-" if tau2 is None else f"{tau2:.4g}"])
    title = f"Against {result.reference}: weight of studies that are not {', '.join(asked.trusted)}"
    notes = ["0 takes them out, 1 takes them as they are; between, their variances are divided by the weight."]
    return part(data, title, ["weight", "studies", "effects", "tau2"], rows, notes)


def subgroups(request: Request) -> Part:
    """The network in each group of studies, and the test of their difference."""
    from toolkit.engine.network import network_subgroups

    column = request.options.subgroup
    assert column is not None
    found = network_subgroups(request.effects, texts_of(request, column), request.result.spec)
    scale, result = request.result.scale, request.result
    data, rows = [], []
    for group in found.groups:
        effects = [
            {
                "treatment": r.treatment,
                "reference": r.reference,
                "common": estimate_to_dict(r.common, scale),
                "random": estimate_to_dict(r.random, scale),
            }
            for r in group.rows
        ]
        tau2 = None if group.tau2 is None else group.tau2.value
        data.append({"group": group.name, "k": group.k, "tau2": tau2, "effects": effects, "reason": group.reason})
        shown = group.reason or "; ".join(f"{r.treatment} {cell(r.random or r.common, result)}" for r in group.rows)
        rows.append([group.name, str(group.k), shown, "-" if tau2 is None or math.isnan(tau2) else f"{tau2:.4g}"])
    test = plain(found.test)
    notes = [f"Left out: {x.study}: {x.reason}" for x in found.excluded]
    if found.test is None:
        notes.insert(0, f"Groups are not compared: {found.reason}.")
    else:
        notes.insert(
            0,
            f"Difference between groups in the {counted(found.test.df, 'shared contrast')}: "
            f"chi2 {found.test.statistic:.2f}, {format_p(found.test.p)}.",
        )
    title = f"Subgroups by {column}, against the reference of each fit"
    return part(
        {"column": column, "groups": data, "test": test, "reason": found.reason, "excluded": plain(found.excluded)},
        title, ["group", "studies", "effects", "tau2"], rows, notes,
    )  # fmt: skip


def variances(request: Request) -> Part:
    """A between-study variance for each type of comparison, or each group of studies."""
    from toolkit.engine.network import variances_by_type

    asked, result = request.options, request.result
    group = None if asked.subgroup is None else texts_of(request, asked.subgroup)
    idle = () if asked.inactive is None else (asked.inactive,)
    found = variances_by_type(request.effects, result.spec, group=group, inactive=idle)
    rows = [[t.name, str(t.studies), f"{t.tau2:.4g}", "-" if t.se is None else f"{t.se:.4g}"] for t in found.types]
    versus = [f"{t} {cell(e, result)}, {format_p(e.p)}" for t, e in zip(found.treatments, found.effects, strict=True)]
    notes = [
        f"One tau2 for all is {found.common_tau2:.4g} ({found.method}); likelihood-ratio test against it: chi2 "
        f"{found.statistic:.2f} on {found.df} df, {format_p(found.p)}.",
        f"Against {found.reference} with these variances (Wald intervals): {'; '.join(versus)}.",
    ]
    data = {
        **plain(found),
        "effects": [
            {"treatment": t, "reference": found.reference, **(estimate_to_dict(e, result.scale) or {})}
            for t, e in zip(found.treatments, found.effects, strict=True)
        ],
    }
    return part(data, "Between-study variance by type", ["type", "studies", "tau2", "SE"], rows, notes)
