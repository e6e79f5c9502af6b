"""Further results of a pairwise analysis as tables and sentences, for the screen and for the report alike."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from toolkit.analysis.pairwise.block_lines import adjusted, filled, multilevel_lines, permuted, tested
from toolkit.model.wording import counted
from toolkit.plots.numbers import format_interval, format_p, format_percent

__all__ = ["Block", "blocks", "interval"]

Found = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """A table (its first heading says what it is; none without rows) and the sentences below it."""

    header: tuple[str, ...] = ()
    rows: tuple[tuple[object, ...], ...] = ()
    right: tuple[int, ...] = ()
    lines: tuple[str, ...] = ()


def interval(e: Found, decimals: int) -> str:
    """ "0.45 (0.20 to 1.00)" of an estimate that is on the display scale already."""
    return format_interval(e["estimate"], e["ci_low"], e["ci_high"], "identity", decimals)


def blocks(found: Found, decimals: int) -> list[Block]:
    """Everything of ``found`` (`toolkit.analysis.pairwise.run`) in the order in which it is read."""
    made = [_prepared(found, decimals)]
    made += [maker(found[name], decimals) for name, maker in _MAKERS.items() if name in found]
    if "not_done" in found:
        lines = [f"Not done: {name.replace('_', ' ')}: {why}" for name, why in found["not_done"].items()]
        made.append(Block(lines=tuple(lines)))
    return [block for block in made if block.rows or block.lines]


_KINDS = {
    "converted": "Converted",
    "imputed": "Imputed",
    "change": "Change score",
    "other kind": "Other kind of numbers",
    "redirected": "Re-directed",
    "combined": "Combined",
    "split": "Split",
    "cluster": "Clusters",
    "pairs": "Pairs",
}


def _prepared(found: Found, decimals: int) -> Block:
    lines = []
    for row in found.get("converted", ()):
        label = _KINDS[row["kind"]] if row["used"] else "Not converted"
        lines.append(f"{label}: {_arm(row)}: {row['what']}")
    for name, words in (("without_converted", "these studies"), ("without_imputed", "the imputed studies alone")):
        if name in found:
            lines.append(f"  Without {words}: {_without(found[name], decimals)}")
    lines += [f"{_KINDS[row['kind']]}: {_arm(row)}: {row['what']}" for row in found.get("adjusted", ())]
    lines += [f"Question: {line}" for line in found.get("questions", ())]
    if "pair_range" not in found:
        return Block(lines=tuple(lines))
    rows = [
        (f"{one['r']:g}", one["reason"] if one["estimate"] is None else interval(one["estimate"], decimals))
        for one in found["pair_range"]
    ]
    return Block(header=("Correlation within a pair", "Random effects"), rows=tuple(rows), lines=tuple(lines))


def _arm(row: Found) -> str:
    return ", ".join(part for part in (row["study"], row["treatment"]) if part)


def _without(e: Found | None, decimals: int) -> str:
    if e is None or "estimate" not in e:
        return "there is no other study"
    return f"{counted(e['k'], 'study')}, {interval(e, decimals)}"


def _probability(value: float) -> str:
    return "below 0.001" if value < 0.0005 else "above 0.999" if value > 0.9995 else f"{value:.3f}"


def _bayes(found: Sequence[Found], decimals: int) -> Block:
    rows = []
    for own in found:
        mean, new, tau = own["mean"], own["new_study"], own["tau"]
        rows.append((
            own["prior"],
            format_interval(mean["median"], mean["low"], mean["high"], "identity", decimals),
            format_interval(new["median"], new["low"], new["high"], "identity", decimals),
            f"{tau['median']:.3g} ({tau['low']:.3g} to {tau['high']:.3g})",
        ))  # fmt: skip
    level = f"{100 * found[0]['level']:g}% CrI"
    prior = found[0]["mu_prior"]
    text = "flat" if prior is None else f"normal, mean {prior[0]:g}, SD {prior[1]:g}"
    above = "; ".join(_probability(own["p_above"]) for own in found)
    line = f"Prior of the mean: {text} (model scale). Probability of a mean above no effect: {above}"
    header = ("Bayesian, prior of tau", f"Mean, median ({level})", "New study", "tau")
    return Block(header=header, rows=tuple(rows), lines=(line,))


def _subgroups(found: Found, decimals: int) -> Block:
    rows = []
    for group in found["groups"]:
        result = group["result"]
        tau2 = "" if result["tau2"] is None else f"{result['tau2']['value']:.4g}"
        shown = group["compared"] if found["variance"] == "common" else result["random"] or group["compared"]
        rows.append((group["label"], result["k"], interval(shown, decimals), tau2, shown["method"]))
    shared = "" if found["tau2_common"] is None else f", common tau² = {found['tau2_common']:.4g}"
    text = f"Between subgroups: Q = {found['q_between']:.2f} on {found['df']} df, {format_p(found['p'])}{shared}"
    lines = (text, *(f"Note: {warning['text']}" for warning in found["warnings"]))
    return Block(header=("Subgroup", "k", "Estimate", "tau²", "interval"), rows=tuple(rows), right=(1, 3), lines=lines)


def _regression(found: Found, decimals: int) -> Block:
    rows = []
    for coefficient in found["coefficients"]:
        e = coefficient["estimate"]
        bounds = f"({e['ci_low']:.4g} to {e['ci_high']:.4g})"
        rows.append((coefficient["name"], f"{e['estimate']:.4g}", bounds, format_p(e["p"])))
    low, high = found["tau2_ci"]["low"], found["tau2_ci"]["high"]
    explained = "" if found["r2"] is None else f"; {format_percent(found['r2'])} of tau² explained"
    name = "Q" if found["ci"] == "Wald" else "F"
    test = (
        f"{name} = {found['q_model']:.2f} on {found['df_model']}{'' if name == 'Q' else ' and ' + str(found['df'])} df"
    )
    lines = [
        f"Residual tau² = {found['tau2']:.4g} ({low:.4g} to {high:.4g}, Q-profile){explained}",
        f"Covariates: {test}, {format_p(found['p_model'])}; {counted(found['k'], 'study')}",
    ]
    if found["excluded"]:
        lines.append(f"Without a value of a covariate: {', '.join(found['excluded'])}")
    header = (f"Regression on {found['formula']} (model scale)", "b", "CI", "")
    return Block(header=header, rows=tuple(rows), right=(1,), lines=tuple(lines))


def _refits(title: str) -> Callable[[Sequence[Found], int], Block]:
    def make(found: Sequence[Found], decimals: int) -> Block:
        rows = [_refit(fit, decimals) for fit in found]
        return Block(header=(title, "k", "Random effects", "", "tau²", "I² (Q)"), rows=tuple(rows), right=(1, 4, 5))

    return make


def _refit(fit: Found, decimals: int) -> tuple[object, ...]:
    shown = fit["random"] or fit["common"]
    tau2 = "" if fit["tau2"] is None else f"{fit['tau2']:.4g}"
    i2 = "" if fit["heterogeneity"] is None else format_percent(fit["heterogeneity"]["i2_q"])
    return (fit["study"], fit["k"], interval(shown, decimals), format_p(shown["p"]), tau2, i2)


def _influence(found: Sequence[Found], decimals: int) -> Block:
    names = ("hat", "rstudent", "dffits", "cook", "cov_ratio", "dfbeta", "tau2_without", "q_without")
    rows = [
        (row["study"] + (" *" if row["influential"] else ""), *(f"{row[name]:.3g}" for name in names)) for row in found
    ]
    return Block(header=("Influence (* past a cut-off)", *names), rows=tuple(rows), right=tuple(range(1, 9)))


def _coefficients(title: str, rows: Sequence[Found], *, df: bool) -> Block:
    lines = []
    for row in rows:
        e = row["estimate"]
        own = [] if not df else ["" if e["df"] is None else f"{e['df']:.1f}"]
        bounds = f"({e['ci_low']:.4g} to {e['ci_high']:.4g})"
        lines.append((row["name"], f"{e['estimate']:.4g}", bounds, *own, format_p(e["p"])))
    header = (f"{title} (model scale)", "b", "CI", *(["df"] if df else []), "")
    return Block(header=header, rows=tuple(lines), right=(1, 3) if df else (1,))


def _multilevel(found: Found, decimals: int) -> Block:
    title = f"Multilevel model, {found['k']} effects in {found['clusters']} clusters of {found['cluster']}"
    lines = multilevel_lines(found, decimals)
    if found["pooled"] is None:
        block = _coefficients(title, found["coefficients"], df=True)
        return Block(header=block.header, rows=block.rows, right=block.right, lines=lines)
    e = found["pooled"]
    df = "" if e["df"] is None else f"{e['df']:.1f}"
    row = ("Random effects", interval(e, decimals), df, format_p(e["p"]))
    return Block(header=(title, "Estimate", "df", ""), rows=(row,), right=(2,), lines=lines)


def _location_scale(found: Found, decimals: int) -> Block:
    mean = _coefficients("", found["location"], df=False).rows
    spread = _coefficients("", found["scale"], df=False).rows
    low, high = min(found["tau2"]), max(found["tau2"])
    rows = [(f"mean: {row[0]}", *row[1:]) for row in mean] + [(f"log tau²: {row[0]}", *row[1:]) for row in spread]
    return Block(
        header=(f"Location-scale model, log tau² on {found['formula']} (model scale)", "b", "CI", ""),
        rows=tuple(rows), right=(1,),
        lines=(f"  tau² of the studies from {low:.4g} to {high:.4g}; REML, Wald",),
    )  # fmt: skip


def _bootstrap(found: Found, decimals: int) -> Block:
    low, high = found["low"], found["high"]
    shown = format_interval(low, low, high, "identity", decimals)
    tau2 = found["tau2"]
    line = (
        f"Bootstrap ({found['samples']:,} samples of the studies, seed {found['seed']}): pooled effect "
        f"{shown[shown.index('(') :]}, tau² ({tau2[0]:.4g} to {tau2[1]:.4g}), {100 * found['level']:g}% percentile"
    )
    return Block(lines=(line,))


def _natural(found: Found, decimals: int) -> Block:
    text = f"In units of a scale with SD {found['sd']:g}: {interval(found, decimals)} (the pooled difference times it)"
    return Block(lines=(text,))


def _absolute(found: Found, decimals: int) -> Block:
    risk, difference = found["risk"], found["difference"]

    def thousand(e: Found) -> str:
        low, high = sorted((e["ci_low"], e["ci_high"]))
        return f"{1000 * e['estimate']:.0f} ({1000 * low:.0f} to {1000 * high:.0f})"

    nnt = "" if found["nnt"] is None else f"; one more or fewer event in {found['nnt']:.0f} treated"
    line = (
        f"At an assumed risk of {1000 * found['assumed_risk']:.0f} per 1,000 with the reference: {thousand(risk)} per "
        f"1,000 with the treatment, a difference of {thousand(difference)}{nnt}"
    )
    return Block(lines=(line,))


def _swim(found: Found, decimals: int) -> Block:
    up, down = found["up"], found["down"]
    lines = [f"Without pooling: {up} of {up + down} studies above no effect"]
    if found["share"] is not None:
        lines[0] += (
            f", {100 * found['share']:.0f} % ({100 * found['ci_low']:.0f} to {100 * found['ci_high']:.0f}, Wilson); "
            f"sign test, exact, {format_p(found['p'])}"
        )
    if found["combined"]:
        lines.append(
            f"  {counted(found['combined'], 'p value')} combined (Fisher): an effect above in at least one study "
            f"{format_p(found['p_up'])}, below in at least one {format_p(found['p_down'])}"
        )
    return Block(lines=tuple(lines))


def _adjustments(found: Found, decimals: int) -> Block:
    lines = ["Publication and small-study effects (sensitivity analyses, not results):"]
    for name, result in found.items():
        lines += adjusted(name, result, lambda e: interval(e, decimals))
    return Block(lines=tuple(lines))


_MAKERS: dict[str, Callable[[Any, int], Block]] = {
    "bayes": _bayes,
    "subgroups": _subgroups,
    "regression": _regression,
    "leave_one_out": _refits("Without the study"),
    "cumulative": _refits("With the study added"),
    "influence": _influence,
    "bootstrap": _bootstrap,
    "swim": _swim,
    "small_study_test": lambda found, decimals: Block(lines=tested(found)),
    "trim_and_fill": lambda found, decimals: Block(lines=filled(found, lambda e: interval(e, decimals))),
    "multilevel": _multilevel,
    "location_scale": _location_scale,
    "permutation": lambda found, decimals: Block(lines=(permuted(found),)),
    "natural_units": _natural,
    "absolute": _absolute,
    "adjustments": _adjustments,
}
