"""A result in words: lines for the terminal and sentences for the report, from the payload alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from toolkit.model.choices import INTERVALS, MEASURES, NETWORK_TAU2_METHODS, PREDICTION_INTERVALS, TAU2_METHODS
from toolkit.model.wording import counted
from toolkit.plots.numbers import NBSP, format_p, format_percent

__all__ = [
    "Payload",
    "digits_of",
    "estimate_text",
    "further_lines",
    "interval_text",
    "network_lines",
    "number",
    "option_lines",
    "p_text",
    "percent",
    "result_lines",
]

Payload = Mapping[str, Any]


def digits_of(measure: str) -> int:
    """Decimals of an estimate: three for ratios, two for everything else."""
    return 3 if MEASURES[measure].scale == "log" else 2


def number(value: float | None, digits: int = 2) -> str:
    """A number as a table shows it; more digits when it would read 0.00, fewer from 1000 on; "not estimable" if None.

    Examples
    --------
    >>> number(0.4452, 3), number(0.0019), number(-16.1), number(1234.5), number(None)
    ('0.445', '0.0019', '-16.10', '1,234', 'not estimable')
    """
    if value is None:
        return "not estimable"
    if value != 0 and abs(value) < 10.0**-digits:
        return f"{value:.2g}" if abs(value) >= 1e-4 else f"{value:.1e}"
    if abs(value) >= 1000:
        return f"{value:,.0f}"
    return f"{value:.{digits}f}"


def percent(value: float | None) -> str:
    """A proportion as a percentage with one decimal."""
    return format_percent(value) or "not estimable"


def p_text(value: float | None) -> str:
    """A p value as journals print it."""
    return format_p(value) or "p not estimable"


def interval_words(key: str) -> str:
    """The method of an interval in words."""
    return INTERVALS[key].help if key in INTERVALS else key


def interval_text(low: float | None, high: float | None, digits: int = 2) -> str:
    """ "0.198 to 1.002"."""
    return f"{number(low, digits)} to {number(high, digits)}"


def estimate_text(found: Payload | None, level: float = 0.95, digits: int = 2) -> str:
    """ "0.445 (95 % CI 0.198 to 1.002)"."""
    if found is None:
        return "not estimable"
    interval = interval_text(found["ci_low"], found["ci_high"], digits)
    return f"{number(found['estimate'], digits)} ({100 * level:g}{NBSP}% CI {interval})"


def result_lines(payload: Payload) -> list[str]:
    """What an analysis found, one statement a line."""
    if payload["status"] != "estimated":
        return [f"not estimable: {payload['reason']}", *further_lines(payload)]
    lines = pairwise_lines(payload) if payload["kind"] == "pairwise" else network_lines(payload)
    lines += [f"note: {w['text']}" for w in payload["result"].get("warnings", [])]
    lines += [f"{c['study']}: {c['what']}" for c in payload["result"].get("corrections", [])]
    lines += [f"{f['study']}: {f['text']}" for f in payload["selection"]["flags"]]
    return lines + further_lines(payload) + option_lines(payload)


def option_lines(payload: Payload) -> list[str]:
    """What the options of a pairwise analysis found: the sentences, and the rows of tables of a few rows."""
    from toolkit.analysis.pairwise.blocks import blocks

    result = payload["result"] or {}
    found = result.get("further", {}) if payload["kind"] == "pairwise" else {}
    lines: list[str] = []
    for one in blocks(found, digits_of(result["measure"])) if found else ():
        if one.rows and len(one.rows) <= _FEW_ROWS and len(one.header) <= _FEW_CELLS:
            lines += [f"{one.header[0]}: {' '.join(str(cell) for cell in row if cell != '')}" for row in one.rows]
        elif one.rows:
            lines.append(f"{one.header[0]}: {counted(len(one.rows), 'row')}, in result.json and the report")
        lines += [line.strip() for line in one.lines]
    return lines


# A longer or wider table is no line of a terminal.
_FEW_ROWS, _FEW_CELLS = 6, 5


def further_lines(payload: Payload) -> list[str]:
    """One line for each further analysis: its title and first sentence, or why there is nothing."""
    lines = []
    for one in payload.get("further", ()):
        said = one["reason"] or " ".join([f"{one['title']}.", *one["notes"][:1]])
        lines.append(f"also {one['key']}: {said}")
    return lines


def pairwise_lines(payload: Payload) -> list[str]:
    """The statements of a pairwise result."""
    r, level = payload["result"], payload["spec"]["level"]
    digits = digits_of(r["measure"])
    sides = f"{r['treatment']} against {r['reference']}" if r["reference"] else r["treatment"]
    lines = [f"{MEASURES[r['measure']].help}, {sides}, {counted(r['k'], 'study')}"]
    random, wald = r["random"], r["random_wald"]
    if random is not None:
        method = f"{TAU2_METHODS[r['tau2']['method']].help}; {interval_words(random['method'])}"
        lines.append(f"random effects: {estimate_text(random, level, digits)}, {p_text(random['p'])} [{method}]")
        if wald is not None and wald["ci_low"] != random["ci_low"]:
            lines.append(f"the same with a Wald interval: {estimate_text(wald, level, digits)}")
    bayes = r.get("bayes")  # results stored by earlier versions have none
    if bayes is not None:
        interval = interval_text(bayes["mean"]["low"], bayes["mean"]["high"], digits)
        text = f"{number(bayes['mean']['median'], digits)} ({100 * level:g}{NBSP}% CrI {interval})"
        lines.append(f"Bayesian, tau with the prior {bayes['prior']}: {text}")
    if r["common"] is not None:
        what = "the study itself" if r["k"] == 1 else "common effect, inverse variance"
        lines.append(f"{what}: {estimate_text(r['common'], level, digits)}")
    if r["mantel_haenszel"] is not None and r["k"] > 1:
        lines.append(f"common effect, Mantel-Haenszel: {estimate_text(r['mantel_haenszel'], level, digits)}")
    if r["heterogeneity"] is not None and r["tau2"] is not None:
        lines.append(heterogeneity_text(r))
    if r["prediction"] is not None:
        p = r["prediction"]
        how = PREDICTION_INTERVALS[p["method"]].help if p["method"] in PREDICTION_INTERVALS else p["method"]
        lines.append(f"prediction interval: {interval_text(p['low'], p['high'], digits)} [{how}]")
    preset = r["resolved"].get("preset")  # results stored by earlier versions have none
    if preset:
        lines.append(f"choices of a preset: {preset}")
    return lines


def heterogeneity_text(r: Payload) -> str:
    """tau2 with its interval, I2 of both kinds, Q."""
    h, t = r["heterogeneity"], r["tau2"]
    ci = "" if t["ci"] is None else f" ({interval_text(t['ci']['low'], t['ci']['high'], 3)}, {t['ci']['method']})"
    return (
        f"heterogeneity: tau2 {number(t['value'], 3)}{ci}, I2 {percent(h['i2_tau2'])} from tau2 and "
        f"{percent(h['i2_q'])} from Q, Q {h['q']:.2f} on {h['df']} df, {p_text(h['p'])}"
    )


def shown_model(r: Payload) -> str:
    """Which model of a network result is shown: "random", or "common" where random effects are not estimable."""
    return "random" if r["effects"] and r["effects"][0]["random"] is not None else "common"


def network_lines(payload: Payload) -> list[str]:
    """The statements of a network result."""
    r, level = payload["result"], payload["spec"]["level"]
    digits = digits_of(r["measure"])
    model = shown_model(r)
    words = "random effects" if model == "random" else "common effect (random effects not estimable)"
    size = f"{counted(len(r['treatments']), 'treatment')}, {counted(r['k'], 'study')}"
    lines = [f"{MEASURES[r['measure']].help}, {size}, {words}"]
    for row in r["effects"]:
        lines.append(f"{row['treatment']} against {row['reference']}: {estimate_text(row[model], level, digits)}")
    h = r["heterogeneity"]
    if h.get("tau2_by_type"):  # results stored by earlier versions have none
        shown = "; ".join(f"{t['name']} {number(t['tau2'], 3)}" for t in h["tau2_by_type"])
        lines.append(f"tau2 by type [{r['spec']['tau2']}]: {shown}; I2 {percent(h['i2'])}")
    elif h["tau2"] is not None:
        method = NETWORK_TAU2_METHODS[h["tau2"]["method"]].help
        lines.append(f"tau2 {number(h['tau2']['value'], 3)} [{method}], I2 {percent(h['i2'])}")
    lines.append(inconsistency_text(r["inconsistency"]))
    if r["ranking"] is not None:
        lines += ranking_lines(r)
    else:
        lines.append("not ranked: nobody said which direction is better (outcome, better = ...)")
    return lines


def inconsistency_text(q: Payload) -> str:
    """The global tests of inconsistency in a sentence, or why there is none."""
    if q["reason"]:
        return f"inconsistency not estimable: {q['reason']}"
    text = (
        f"inconsistency: Q between designs {number(q['q_between'])} on {q['df_between']} df, {p_text(q['p_between'])}"
    )
    if q["interaction_chi2"] is not None:
        text += (
            f"; design-by-treatment interaction chi2 {number(q['interaction_chi2'])} on {q['interaction_df']} df, "
            f"{p_text(q['interaction_p'])}"
        )
    return text


def ranking_lines(r: Payload) -> list[str]:
    """P-scores (SUCRA), after the caution where there is one."""
    ranking = r["ranking"]
    scores: Sequence[float] = ranking["p_score_random"] or ranking["p_score_common"]
    order = sorted(zip(ranking["treatments"], scores, strict=True), key=lambda pair: -pair[1])
    shown = ", ".join(f"{name} {score:.2f}" for name, score in order)
    text = f"P-scores (SUCRA; small values {ranking['small_values']}): {shown}"
    return [text] if not ranking["caution"] else [ranking["caution"], text]
