"""Bayesian intervals of `evipool pairwise`: by the priors asked for, and of two studies, where t says nothing."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import click

from toolkit.cli.common import console, table
from toolkit.plots.numbers import format_interval

if TYPE_CHECKING:
    from toolkit.engine.results import PairwiseResult

__all__ = ["bayes", "bayes_options", "show_bayes"]

F = TypeVar("F", bound=Callable[..., Any])


def _pair(ctx: click.Context, param: click.Parameter, value: str | None) -> tuple[float, float] | None:
    if value is None:
        return None
    try:
        mean, sd = (float(part) for part in value.split(","))
    except ValueError as error:
        raise click.BadParameter(f"{value!r} is not MEAN,SD, such as 0,2", ctx, param) from error
    return mean, sd


def bayes_options(function: F) -> F:
    """Priors."""
    options = (
        click.option("--bayes", metavar="PRIOR", multiple=True, help="Bayesian random effects with this prior of tau, "
                     "repeatable: half-normal:SCALE, half-cauchy:SCALE, log-normal:MEAN,SD (of log tau2, as Turner "
                     "2015 prints them), uniform, jeffreys, dumouchel, uniform-shrinkage. With two studies of a log "
                     "ratio or SMD, half-normal:0.5 unless named."),
        click.option("--mu-prior", metavar="MEAN,SD", callback=_pair, help="Normal prior of the mean (flat unless "
                     "given), on the model scale."),
    )  # fmt: skip
    for option in reversed(options):
        function = option(function)
    return function


def bayes(result: PairwiseResult, asked: dict[str, Any]) -> dict[str, Any]:
    """Each posterior as plain data, its bounds on the display scale too; by default only for two studies."""
    from toolkit.engine.bayes import bayesian, default_prior, posterior_to_dict

    default = default_prior(result)
    priors = asked["bayes"] or ((default,) if default is not None else ())
    if asked["mu_prior"] is not None and not priors:
        raise click.UsageError("--mu-prior belongs to --bayes PRIOR.")
    found = [posterior_to_dict(bayesian(result, p, mu_prior=asked["mu_prior"]), result.scale) for p in priors]
    return {"bayes": found} if found else {}


def show_bayes(found: dict[str, Any], decimals: int) -> None:
    """Print them."""
    if "bayes" not in found:
        return
    rows = []
    for own in found["bayes"]:
        mean, new, tau = own["mean"], own["new_study"], own["tau"]
        rows.append([
            own["prior"],
            format_interval(mean["median"], mean["low"], mean["high"], "identity", decimals),
            format_interval(new["median"], new["low"], new["high"], "identity", decimals),
            f"{tau['median']:.3g} ({tau['low']:.3g} to {tau['high']:.3g})",
        ])  # fmt: skip
    level = f"{100 * found['bayes'][0]['level']:g}% CrI"
    table(["Bayesian, prior of tau", f"Mean, median ({level})", "New study", "tau"], rows)
    prior = found["bayes"][0]["mu_prior"]
    text = "flat" if prior is None else f"normal, mean {prior[0]:g}, SD {prior[1]:g}"
    above = "; ".join(f"{own['p_above']:.3f}" for own in found["bayes"])
    console().print(
        f"Prior of the mean: {text} (model scale). Probability of a mean above no effect: {above}", markup=False
    )
