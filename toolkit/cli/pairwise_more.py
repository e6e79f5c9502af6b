"""What `evipool pairwise` adds on request: leave-one-out, cumulative, influence, small-study tests, trim-and-fill."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from toolkit.cli.common import console, table
from toolkit.cli.pairwise_adjust import show_adjustments
from toolkit.cli.pairwise_bayes import show_bayes
from toolkit.cli.pairwise_data import show_prepared
from toolkit.cli.pairwise_models import show_models
from toolkit.engine.tabulate import plain, refits_to_list, small_study_to_dict, subgroups_to_dict, trim_fill_to_dict
from toolkit.plots.numbers import format_interval, format_p

if TYPE_CHECKING:
    from toolkit.engine.metareg import MetaRegression
    from toolkit.engine.results import PairwiseResult
    from toolkit.engine.subgroups import SubgroupResult

__all__ = ["More", "further", "show_further"]


@dataclass(frozen=True, slots=True, kw_only=True)
class More:
    """Which further results are wanted."""

    leave_one_out: bool = False
    cumulative: bool = False
    influence: bool = False
    bias: str | None = None
    force_bias: bool = False
    trim_fill: str | None = None
    subgroups: SubgroupResult | None = None
    regression: MetaRegression | None = None
    models: dict[str, Any] = field(default_factory=dict)
    prepared: dict[str, Any] = field(default_factory=dict)


def further(result: PairwiseResult, wanted: More) -> dict[str, Any]:
    """The further results as plain data, by name; nothing that was not asked for."""
    found: dict[str, Any] = {}
    if wanted.leave_one_out or wanted.cumulative or wanted.influence:
        from toolkit.engine import sensitivity

        if wanted.leave_one_out:
            found["leave_one_out"] = refits_to_list(sensitivity.leave_one_out(result), result.scale)
        if wanted.cumulative:
            found["cumulative"] = refits_to_list(sensitivity.cumulative(result), result.scale)
        if wanted.influence:
            found["influence"] = plain(sensitivity.influence(result))
    if wanted.subgroups is not None:
        found["subgroups"] = subgroups_to_dict(wanted.subgroups, result.scale)
    if wanted.regression is not None:
        found["regression"] = plain(wanted.regression)  # coefficients are differences: they stay on the model scale
    if wanted.bias is not None:
        from toolkit.engine.bias import small_study_test

        test = small_study_test(result, wanted.bias, force=wanted.force_bias)
        found["small_study_test"] = small_study_to_dict(test, result.scale)
    if wanted.trim_fill is not None:
        from toolkit.engine.bias import trim_and_fill

        found["trim_and_fill"] = trim_fill_to_dict(trim_and_fill(result, estimator=wanted.trim_fill), result.scale)
    return found | wanted.models | wanted.prepared


def show_further(found: dict[str, Any], decimals: int) -> None:
    """Print the further results as tables."""
    show_prepared(found, decimals)
    show_bayes(found, decimals)
    if "subgroups" in found:
        _subgroups(found["subgroups"], decimals)
    if "regression" in found:
        _regression(found["regression"])
    titles = {"leave_one_out": "Without the study", "cumulative": "With the study added"}
    for name, title in titles.items():
        if name in found:
            rows = [_refit(fit, decimals) for fit in found[name]]
            table([title, "k", "Random effects", "", "tau²", "I² (Q)"], rows, right=[1, 4, 5])
    if "influence" in found:
        names = ("hat", "rstudent", "dffits", "cook", "cov_ratio", "dfbeta", "tau2_without", "q_without")
        rows = [
            [row["study"] + (" *" if row["influential"] else ""), *(f"{row[name]:.3g}" for name in names)]
            for row in found["influence"]
        ]
        table(["Influence (* past a cut-off)", *names], rows, right=list(range(1, 9)))
    if "small_study_test" in found:
        _test(found["small_study_test"])
    if "trim_and_fill" in found:
        _filled(found["trim_and_fill"], decimals)
    show_models(found, decimals)
    show_adjustments(found, decimals)


def _subgroups(found: dict[str, Any], decimals: int) -> None:
    rows = []
    for group in found["groups"]:
        result = group["result"]
        tau2 = "" if result["tau2"] is None else f"{result['tau2']['value']:.4g}"
        shown = group["compared"] if found["variance"] == "common" else result["random"] or group["compared"]
        rows.append([group["label"], result["k"], _interval(shown, decimals), tau2, shown["method"]])
    table(["Subgroup", "k", "Estimate", "tau²", "interval"], rows, right=[1, 3])
    out = console()
    shared = "" if found["tau2_common"] is None else f", common tau² = {found['tau2_common']:.4g}"
    text = f"Between subgroups: Q = {found['q_between']:.2f} on {found['df']} df, {format_p(found['p'])}{shared}"
    out.print(text, markup=False)
    for warning in found["warnings"]:
        out.print(f"Note: {warning['text']}", markup=False)


def _regression(found: dict[str, Any]) -> None:
    rows = []
    for coefficient in found["coefficients"]:
        e = coefficient["estimate"]
        bounds = f"({e['ci_low']:.4g} to {e['ci_high']:.4g})"
        rows.append([coefficient["name"], f"{e['estimate']:.4g}", bounds, format_p(e["p"])])
    table([f"Regression on {found['formula']} (model scale)", "b", "CI", ""], rows, right=[1])
    out = console()
    low, high = found["tau2_ci"]["low"], found["tau2_ci"]["high"]
    explained = "" if found["r2"] is None else f"; {100 * found['r2']:.1f}% of tau² explained"
    out.print(f"Residual tau² = {found['tau2']:.4g} ({low:.4g} to {high:.4g}, Q-profile){explained}", markup=False)
    name = "Q" if found["ci"] == "Wald" else "F"
    test = (
        f"{name} = {found['q_model']:.2f} on {found['df_model']}{'' if name == 'Q' else ' and ' + str(found['df'])} df"
    )
    out.print(f"Covariates: {test}, {format_p(found['p_model'])}; {found['k']} studies", markup=False)
    if found["excluded"]:
        out.print(f"Without a value of a covariate: {', '.join(found['excluded'])}", markup=False)


def _interval(estimate: dict[str, Any], decimals: int) -> str:
    return format_interval(estimate["estimate"], estimate["ci_low"], estimate["ci_high"], "identity", decimals)


def _refit(fit: dict[str, Any], decimals: int) -> list[object]:
    shown = fit["random"] or fit["common"]
    tau2 = "" if fit["tau2"] is None else f"{fit['tau2']:.4g}"
    i2 = "" if fit["heterogeneity"] is None else f"{100 * fit['heterogeneity']['i2_q']:.1f}%"
    return [fit["study"], fit["k"], _interval(shown, decimals), format_p(shown["p"]), tau2, i2]


def _test(test: dict[str, Any]) -> None:
    out = console()
    statistic = (
        f"z = {test['statistic']:.2f}" if test["df"] is None else f"t = {test['statistic']:.2f} on {test['df']} df"
    )
    out.print(f"Small-study effects, {test['test']}'s test: {statistic}, {format_p(test['p'])}", markup=False)
    if test["caution"]:
        out.print(f"  Caution: {test['caution']}", markup=False)


def _filled(filled: dict[str, Any], decimals: int) -> None:
    out = console()
    imputed = f"{filled['k0']} studies imputed on the {filled['side']}"
    out.print(f"Trim-and-fill ({filled['estimator']}; a sensitivity analysis): {imputed}", markup=False)
    pooled = filled["filled"]["random"] or filled["filled"]["common"]
    if pooled is not None:
        out.print(f"  with them: {_interval(pooled, decimals)}", markup=False)
