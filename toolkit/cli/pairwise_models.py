"""What `evipool pairwise` fits on request beside the plain model: several effects a study, covariates of tau2."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import click

from toolkit.cli.common import Number, console, table
from toolkit.plots.numbers import format_interval, format_p

if TYPE_CHECKING:
    from toolkit.engine.results import PairwiseResult
    from toolkit.engine.tables import Table

__all__ = ["model_columns", "model_options", "models", "show_models"]

F = TypeVar("F", bound=Callable[..., Any])


def model_options(function: F) -> F:
    """Multilevel models, location-scale models, permutation tests."""
    options = (
        click.option("--cluster", metavar="COLUMN", help="Several effects a study: the column that says which belong "
                     "together; a three-level model with cluster-robust tests. --regress gives it covariates."),
        click.option("--rho", type=Number(-1, 1, min_open=True, max_open=True), default=0.0,
                     show_default=True, help="Assumed correlation of sampling errors within a cluster."),
        click.option("--structure", type=click.Choice(["nested", "cluster"]), default="nested", show_default=True,
                     help="Random effects of clusters and of the effects in them, or of clusters alone."),
        click.option("--robust", type=click.Choice(["CR2", "CR1", "t", "z"]), default="CR2", show_default=True,
                     help="Tests with --cluster: robust with Satterthwaite df, robust with clusters - P df, or by the "
                     "model."),
        click.option("--scale", metavar="FORMULA", help="Location-scale model: covariates of tau2, such as 'year'; "
                     "--regress gives those of the mean."),
        click.option("--permutation", type=click.IntRange(min=100), metavar="N", help="Permutation test of the pooled "
                     "effect, or of the covariates of --regress: exact up to N arrangements, else N drawn ones."),
        click.option("--seed", type=int, default=1, show_default=True, help="Seed of what is drawn."),
    )  # fmt: skip
    for option in reversed(options):
        function = option(function)
    return function


def model_columns(asked: dict[str, Any], regress: str | None) -> list[str]:
    """Columns of the file that the options name."""
    from toolkit.engine.metareg import covariates_of

    found = [asked["cluster"]] if asked["cluster"] else []
    for formula in (asked["scale"], regress):
        found += [name for name in (covariates_of(formula) if formula else ()) if name not in found]
    return found


def models(result: PairwiseResult, source: Table, asked: dict[str, Any], regress: str | None) -> dict[str, Any]:
    """The models that the options ask for, as plain data by name."""
    from toolkit.engine.metareg import as_numbers, covariates_of
    from toolkit.engine.tabulate import estimate_to_dict, interval_to_dict, plain

    found: dict[str, Any] = {}
    covariates = {name: as_numbers(source.extra[name]) for name in (covariates_of(regress) if regress else ())}
    if asked["cluster"]:
        from toolkit.engine.multilevel import multilevel

        fit = multilevel(
            result, source.extra[asked["cluster"]], structure=asked["structure"], rho=asked["rho"],
            test=asked["robust"], formula=regress, columns=covariates,
        )  # fmt: skip
        pooled = None if regress else estimate_to_dict(fit.coefficients[0].estimate, result.scale)
        prediction = interval_to_dict(fit.prediction, result.scale)
        found["multilevel"] = plain(fit) | {"pooled": pooled, "prediction": prediction, "cluster": asked["cluster"]}
    if asked["scale"]:
        from toolkit.engine.location_scale import location_scale

        own = {name: as_numbers(source.extra[name]) for name in covariates_of(asked["scale"])}
        found["location_scale"] = plain(location_scale(result, asked["scale"], covariates | own, location=regress))
        found["location_scale"]["formula"] = asked["scale"]
    if asked["permutation"]:
        import numpy as np

        from toolkit.engine.permutation import permutation_test

        rng = np.random.default_rng(asked["seed"])
        found["permutation"] = plain(
            permutation_test(result, rng, formula=regress, columns=covariates, most=asked["permutation"])
        )
    return found


def show_models(found: dict[str, Any], decimals: int) -> None:
    """Print them."""
    if "multilevel" in found:
        _multilevel(found["multilevel"], decimals)
    if "location_scale" in found:
        _location_scale(found["location_scale"])
    if "permutation" in found:
        _permutation(found["permutation"])


_TESTS = {
    "CR2": "cluster-robust (CR2), t with Satterthwaite df",
    "CR1": "cluster-robust (CR1), t with clusters - coefficients df",
    "t": "model-based, t with clusters - coefficients df",
    "z": "model-based, normal",
}


def _coefficients(title: str, rows: list[dict[str, Any]], *, df: bool) -> None:
    lines = []
    for row in rows:
        e = row["estimate"]
        own = [] if not df else ["" if e["df"] is None else f"{e['df']:.1f}"]
        bounds = f"({e['ci_low']:.4g} to {e['ci_high']:.4g})"
        lines.append([row["name"], f"{e['estimate']:.4g}", bounds, *own, format_p(e["p"])])
    table([f"{title} (model scale)", "b", "CI", *(["df"] if df else []), ""], lines, right=[1, 3] if df else [1])


def _multilevel(found: dict[str, Any], decimals: int) -> None:
    out = console()
    title = f"Multilevel model, {found['k']} effects in {found['clusters']} clusters of {found['cluster']}"
    if found["pooled"] is not None:
        e = found["pooled"]
        shown = format_interval(e["estimate"], e["ci_low"], e["ci_high"], "identity", decimals)
        df = "" if e["df"] is None else f"{e['df']:.1f}"
        table([title, "Estimate", "df", ""], [["Random effects", shown, df, format_p(e["p"])]], right=[2])
    else:
        _coefficients(title, found["coefficients"], df=True)
    out.print(f"  {found['method']}; {_TESTS[found['test']]}; correlation of errors {found['rho']:g}", markup=False)
    for level in found["variances"]:
        ci = level["ci"]
        high = "without bound" if ci["high"] is None else f"{ci['high']:.4g}"
        out.print(
            f"  variance {level['level']} clusters = {level['value']:.4g} ({ci['low']:.4g} to {high}, {ci['method']}), "
            f"{100 * level['i2']:.1f}% of the total",
            markup=False,
        )
    if found["prediction"] is not None:
        low, high = found["prediction"]["low"], found["prediction"]["high"]
        text = format_interval(low, low, high, "identity", decimals)
        out.print(f"  prediction interval for a new effect of a new cluster {text[text.index('(') :]}", markup=False)


def _location_scale(found: dict[str, Any]) -> None:
    _coefficients("Location-scale model: the mean", found["location"], df=False)
    _coefficients(f"log tau² on {found['formula']}", found["scale"], df=False)
    out = console()
    low, high = min(found["tau2"]), max(found["tau2"])
    out.print(f"  tau² of the studies from {low:.4g} to {high:.4g}; REML, Wald", markup=False)


def _permutation(found: dict[str, Any]) -> None:
    out = console()
    how = f"all {found['samples']} arrangements" if found["exact"] else f"{found['samples']} arrangements, drawn"
    tests = list(zip(found["names"], found["p"], strict=True))
    if found["p_model"] is not None and len(tests) > 1:
        tests.append(("all covariates", found["p_model"]))
    text = "; ".join(f"{name} {format_p(p)}" for name, p in tests)
    out.print(f"Permutation test ({how}; least possible p {found['least_p']:.2g}): {text}", markup=False)
