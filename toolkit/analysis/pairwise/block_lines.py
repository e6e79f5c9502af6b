"""Sentences of further results: multilevel models, permutation, small-study tests and adjustments."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from toolkit.model.wording import counted
from toolkit.plots.numbers import format_interval, format_p, format_percent

__all__ = ["adjusted", "filled", "multilevel_lines", "permuted", "tested"]

Found = Mapping[str, Any]
Shown = Callable[[Found], str]

TESTS = {
    "CR2": "cluster-robust (CR2), t with Satterthwaite df",
    "CR1": "cluster-robust (CR1), t with clusters - coefficients df",
    "t": "model-based, t with clusters - coefficients df",
    "z": "model-based, normal",
}


def multilevel_lines(found: Found, decimals: int) -> tuple[str, ...]:
    """Method, variance of each level, prediction interval."""
    lines = [f"  {found['method']}; {TESTS[found['test']]}; correlation of errors {found['rho']:g}"]
    for level in found["variances"]:
        ci = level["ci"]
        high = "without bound" if ci["high"] is None else f"{ci['high']:.4g}"
        lines.append(
            f"  variance {level['level']} clusters = {level['value']:.4g} ({ci['low']:.4g} to {high}, {ci['method']}), "
            f"{format_percent(level['i2'])} of the total"
        )
    if found["prediction"] is not None:
        low, high = found["prediction"]["low"], found["prediction"]["high"]
        text = format_interval(low, low, high, "identity", decimals)
        lines.append(f"  prediction interval for a new effect of a new cluster {text[text.index('(') :]}")
    return tuple(lines)


def permuted(found: Found) -> str:
    """The permutation test in a line."""
    how = f"all {found['samples']} arrangements" if found["exact"] else f"{found['samples']} arrangements, drawn"
    tests = list(zip(found["names"], found["p"], strict=True))
    if found["p_model"] is not None and len(tests) > 1:
        tests.append(("all covariates", found["p_model"]))
    text = "; ".join(f"{name} {format_p(p)}" for name, p in tests)
    return f"Permutation test ({how}; least possible p {found['least_p']:.2g}): {text}"


def tested(test: Found) -> tuple[str, ...]:
    """A test of small-study effects with its caution."""
    statistic = (
        f"z = {test['statistic']:.2f}" if test["df"] is None else f"t = {test['statistic']:.2f} on {test['df']} df"
    )
    lines = [f"Small-study effects, {test['test']}'s test: {statistic}, {format_p(test['p'])}"]
    return (*lines, f"  Caution: {test['caution']}") if test["caution"] else tuple(lines)


def filled(found: Found, shown: Shown) -> tuple[str, ...]:
    """Trim-and-fill."""
    imputed = f"{counted(found['k0'], 'study')} imputed on the {found['side']}"
    lines = [f"Trim-and-fill ({found['estimator']}; a sensitivity analysis): {imputed}"]
    pooled = found["filled"]["random"] or found["filled"]["common"]
    return (*lines, f"  with them: {shown(pooled)}") if pooled is not None else tuple(lines)


def adjusted(name: str, r: Found, shown: Shown) -> list[str]:
    """One adjustment, a line or two, with what must be known to read it."""
    if name == "pet-peese":
        chosen = r[r["chosen"].lower()]
        lines = [f"PET-PEESE: {shown(chosen)}, by {r['chosen']}; PET {shown(r['pet'])}"]
        return lines + ([f"  caution: {r['caution']}"] if r["caution"] else [])
    if name == "limit":
        text = f"Limit meta-analysis: {shown(r['adjusted'])}; test of small-study effects {format_p(r['p'])}"
        return [f"{text}; G² = {100 * r['g2']:.1f} %"]
    if name == "p-curve":
        verdict = "evidential value" if r["evidential"] else "no evidential value shown"
        text = f"p-curve: {r['significant']} of {r['k']} studies significant; {verdict} (full {format_p(r['p_full'])}"
        return [f"{text}, half {format_p(r['p_half'])}); power {100 * r['power']:.0f} %", f"  caution: {r['caution']}"]
    if name == "henmi-copas":
        return [f"Henmi and Copas (common effect, interval that allows for tau2): {shown(r['estimate'])}"]
    if name.startswith("fail-safe"):
        which = "random-effects test" if r["method"] == "General" else r["method"]
        return [f"Fail-safe N ({which}): {r['n']}", f"  caution: {r['caution']}"]
    if name == "excess":
        text = f"Excess significance: {r['observed']} significant, {r['expected']:.1f} expected of {r['k']}"
        return [f"{text}; exact {format_p(r['p_exact'])}", f"  caution: {r['caution']}"]
    if name == "copas":
        return _copas(r, shown)
    text = f"Selection model ({name}): {shown(r['estimate'])}; without selection "
    text += f"{shown(r['unadjusted'])}; no selection: {format_p(r['p'])}"
    return [text, *(f"  {note}" for note in r["notes"])]


def _copas(r: Found, shown: Shown) -> list[str]:
    """The range that was tried, and the least selection after which the small studies show no trend."""
    lines = [f"Copas selection model: without selection {shown(r['unadjusted'])}, trend {format_p(r['p_trend'])}"]
    for row in r["rows"]:
        seen = f"{row['unseen']:.0f} unseen, {100 * row['seen']:.0f} % seen"
        lines.append(
            f"  least precise study seen in {100 * row['smallest']:.0f} %: {shown(row['estimate'])}, "
            f"{seen}, trend left {format_p(row['p_residual'])}"
        )
    if r["chosen"] is None:
        lines.append("  no strength of selection tried explains the trend")
    elif r["chosen"] == 1:
        lines.append("  no trend to explain: no selection needed")
    else:
        lines.append(f"  least selection without a trend left at 10 %: {shown(r['adjusted'])}")
    return [*lines, f"  caution: {r['caution']}"]
