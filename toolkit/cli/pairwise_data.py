"""What `evipool pairwise` does to a table before it is pooled: conversions, imputed SDs, clusters, questions."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, TypeVar

import click

from toolkit.cli.common import Number, console
from toolkit.plots.numbers import format_interval

if TYPE_CHECKING:
    from toolkit.engine.converted import Filled
    from toolkit.engine.results import PairwiseResult
    from toolkit.engine.tables import Table
    from toolkit.model.spec import PairwiseSpec

__all__ = ["Prepared", "data_columns", "data_options", "prepare", "prepared_to_dict", "show_prepared"]

F = TypeVar("F", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """The table as it is pooled, as it was read, and what was done or is odd."""

    table: Table
    read: Table
    filled: tuple[Filled, ...] = ()
    adjusted: tuple[str, ...] = ()
    questions: tuple[str, ...] = ()


def data_options(function: F) -> F:
    """Conversions of what papers report, unit of analysis, plausibility."""
    options = (
        click.option("--convert", type=click.Choice(["refuse", "flag"]), help="Means and SDs that the table lacks, "
                     "from columns se, ci_low and ci_high, median, q1, q3, min, max; refuse or flag skewed quantiles. "
                     "The fit without these studies is printed beside it."),
        click.option("--impute-sd", type=click.Choice(["pooled", "median", "largest"]), help="SDs that are still "
                     "missing, by this rule from the arms that have one; the fit without them is printed beside it."),
        click.option("--icc", type=Number(0, 1), help="Intraclass correlation: divides n and events of "
                     "studies with a --cluster-size by the design effect."),
        click.option("--cluster-size", metavar="COLUMN", help="Mean cluster size of each study (hips per patient too); "
                     "empty or 1 for individual randomisation."),
        click.option("--grim", type=click.IntRange(0, 10), metavar="DECIMALS", help="Question means of whole numbers "
                     "that cannot be at this many printed decimals."),
    )  # fmt: skip
    for option in reversed(options):
        function = option(function)
    return function


def data_columns(asked: dict[str, Any]) -> list[str]:
    """Columns of the file that the options name."""
    return [asked["cluster_size"]] if asked["cluster_size"] else []


def prepare(table: Table, asked: dict[str, Any]) -> Prepared:
    """The table after everything that was asked for, in the order of the options."""
    prepared = Prepared(table=table, read=table)
    if asked["convert"] or asked["impute_sd"]:
        from toolkit.engine.converted import fill_means

        filled_table, filled = fill_means(table, convert=asked["convert"], impute=asked["impute_sd"])
        prepared = replace(prepared, table=filled_table, filled=filled)
    if (asked["icc"] is None) != (asked["cluster_size"] is None):
        raise click.UsageError("--icc and --cluster-size belong together.")
    if asked["icc"] is not None:
        prepared = _clusters(prepared, asked["icc"], asked["cluster_size"])
    return replace(prepared, questions=_questions(prepared.read, asked["grim"]))


def _clusters(prepared: Prepared, icc: float, column: str) -> Prepared:
    from toolkit.engine.conversions import design_effect
    from toolkit.engine.metareg import as_numbers
    from toolkit.model.errors import InputError

    table = prepared.table
    if table.arms is None:
        raise InputError("A design effect divides the arms of a table of arms, not effects.")
    sizes = as_numbers(table.extra[column])
    effects: dict[str, float] = {}
    for study, size in sizes.items():
        if size in (None, ""):
            continue
        if not isinstance(size, (int, float)):
            raise InputError(f"The cluster size of {study} is not a number.", column=column, value=size)
        if size > 1:
            effects[study] = design_effect(float(size), icc)
    arms = table.arms
    factor = [effects.get(study, 1.0) for study in arms.study]
    adjusted = tuple(
        f"{study}: n and events divided by the design effect {effect:.3f} (cluster size {sizes[study]:g}, ICC {icc:g})"
        for study, effect in effects.items()
    )
    arms = replace(arms, n=arms.n / factor, events=arms.events / factor)
    return replace(prepared, table=replace(table, arms=arms), adjusted=adjusted)


def _questions(table: Table, decimals: int | None) -> tuple[str, ...]:
    """SDs that may be standard errors, means that cannot be."""
    arms = table.arms
    if arms is None:
        return ()
    from toolkit.engine.conversions import grim, odd_standard_deviations, wide_differences

    found = [
        f"{arms.study[i]}, {arms.treatment[i]}: SD {arms.sd[i]:g} fits the other arms only when multiplied by the root "
        f"of n: is it a standard error?"
        for i in odd_standard_deviations(arms.sd.tolist(), arms.n.tolist())
    ]
    found += [
        f"{study}: the means differ by {d:.1f} standard deviations: are the SDs standard errors?"
        for study, d in wide_differences(arms.study, arms.mean.tolist(), arms.sd.tolist())
    ]
    for i, (mean, n) in enumerate(zip(arms.mean.tolist(), arms.n.tolist(), strict=True)):
        whole = math.isfinite(mean) and math.isfinite(n) and n > 0 and n == int(n)
        if decimals is not None and whole and not grim(mean, int(n), decimals=decimals):
            arm = f"{arms.study[i]}, {arms.treatment[i]}"
            found.append(f"{arm}: no {n:g} whole numbers have the mean {mean:.{decimals}f} (GRIM)")
    return tuple(found)


def prepared_to_dict(prepared: Prepared, result: PairwiseResult, spec: PairwiseSpec) -> dict[str, Any]:
    """What was done, and the random-effects estimate without the studies that were filled; empty without either."""
    from toolkit.engine.tabulate import estimate_to_dict, plain

    found: dict[str, Any] = {}
    used = [row for row in prepared.filled if row.used]
    if prepared.filled:
        found["converted"] = plain(prepared.filled)
    if used:
        from toolkit.engine.pairwise import pairwise

        names = {row.study for row in used}
        arms = prepared.table.arms
        assert arms is not None
        from toolkit.engine.effects.arms import restrict

        rest = [study not in names for study in arms.study]
        found["without_converted"] = None
        if any(rest):
            without = pairwise(restrict(arms, rest), spec)
            estimate = without.random or without.common
            found["without_converted"] = {"k": without.k, **(estimate_to_dict(estimate, result.scale) or {})}
    if prepared.adjusted:
        found["adjusted"] = list(prepared.adjusted)
    if prepared.questions:
        found["questions"] = list(prepared.questions)
    return found


def show_prepared(found: dict[str, Any], decimals: int) -> None:
    """Print it."""
    out = console()
    for row in found.get("converted", ()):
        label = "Converted" if row["used"] else "Not converted"
        out.print(f"{label}: {row['study']}, {row['treatment']}: {row['what']}", markup=False)
    if "without_converted" in found:
        e = found["without_converted"]
        text = "there is no other study"
        if e is not None and "estimate" in e:
            shown = format_interval(e["estimate"], e["ci_low"], e["ci_high"], "identity", decimals)
            text = f"{e['k']} studies, {shown}"
        out.print(f"  Without these studies: {text}", markup=False)
    for line in found.get("adjusted", ()):
        out.print(f"Clusters: {line}", markup=False)
    for line in found.get("questions", ()):
        out.print(f"Question: {line}", markup=False)
