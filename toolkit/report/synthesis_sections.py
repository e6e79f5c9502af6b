"""Sections on the syntheses: each analysis, sensitivity, how it was done, how to check it."""

from __future__ import annotations

from typing import Any

from toolkit import __version__
from toolkit.analysis.run import AnalysisOutcome
from toolkit.analysis.words import estimate_text, number, p_text, percent, result_lines, shown_model
from toolkit.engine import ENGINE_VERSION
from toolkit.model.choices import MEASURES
from toolkit.report.changes import main_estimate, position
from toolkit.report.context import Context
from toolkit.report.html import Markup, bullets, callout, figure, heading, join, paragraph, table
from toolkit.report.methods import methods_text

__all__ = ["analyses", "headline_rows", "methods", "reproduce", "sensitivity"]


def headline_rows(c: Context) -> list[list[object]]:
    """One row a headline analysis: its estimate and what it says."""
    return [_row(c, o) for o in c.analyses if o.analysis.role == "headline"]


def _row(c: Context, o: AnalysisOutcome) -> list[object]:
    a, payload = o.analysis, o.payload
    title = a.title or a.id
    if payload is None:
        return [title, "", o.problem or "not computed yet", "", "", ""]
    if payload["result"] is None:
        return [title, 0, f"not estimable: {payload['reason']}", "", "", ""]
    result = payload["result"]
    if payload["kind"] == "network":
        return [title, result["k"], "network: see below", "", percent(result["heterogeneity"]["i2"]), ""]
    p, h = result["prediction"], result["heterogeneity"]
    prediction = "none" if p is None else f"{number(p['low'])} to {number(p['high'])}"
    i2 = percent(h["i2_tau2"]) if h is not None and result["k"] > 1 else ""
    label = MEASURES[a.measure].help
    estimate = f"{label} {estimate_text(main_estimate(payload), payload['spec']['level'])}"
    return [title, result["k"], estimate, prediction, i2, _in_words(c, o)]


def _in_words(c: Context, o: AnalysisOutcome) -> str:
    assert o.payload is not None
    found = main_estimate(o.payload)
    if found is None:
        return ""
    outcome = c.config.outcome(o.analysis.outcome)
    null = 1.0 if MEASURES[o.analysis.measure].scale == "log" else 0.0
    words = f"the interval {position(found, null, outcome.smallest_important_difference)}"
    if o.payload["result"]["k"] == 1:
        return f"one study; {words}"
    return words


def analyses(c: Context) -> Markup:
    """The headline analyses in full."""
    parts = [block(c, o) for o in c.analyses if o.analysis.role == "headline"]
    return join(parts) if parts else paragraph("No headline analysis is declared in review.toml.")


def sensitivity(c: Context) -> Markup:
    """Sensitivity analyses in full; each names what it varies."""
    parts = [block(c, o) for o in c.analyses if o.analysis.role == "sensitivity"]
    return join(parts)


def block(c: Context, o: AnalysisOutcome) -> Markup:
    """One analysis: statements, figures, what was left out, flags."""
    a = o.analysis
    tags = ["planned" if a.planned else "post hoc"]
    if a.role == "sensitivity":
        tags.append(f"sensitivity analysis of {a.of}" if a.of else "sensitivity analysis")
    parts = [heading(a.title or a.id, a.id, *tags, anchor=f"analysis-{a.id}")]
    if a.notes:
        parts.append(callout(a.notes))
    if not a.planned:
        parts.append(paragraph(f"Added after the data were seen: {a.post_hoc_reason}.", "small"))
    if o.payload is None:
        return join([*parts, callout(o.problem or "Not computed for the present data yet.", "caution")])
    if a.kind == "network" and o.payload["result"] is not None:
        parts += _network_parts(o)
    else:
        parts.append(bullets(_statements(o.payload)))
    warnings = [] if o.payload["result"] is None else o.payload["result"]["warnings"]
    parts += [callout(w["text"], "caution") for w in warnings]
    if o.folder is not None:
        names = ("network.svg", "forest.svg") if a.kind == "network" else ("forest.svg",)
        words = {"network.svg": "Network graph", "forest.svg": "Forest plot", "funnel.svg": "Funnel plot"}
        for name in names:
            parts.append(figure(o.folder / name, f"{words[name]}: {a.title or a.id}"))
        if o.payload["result"] is not None and o.payload["result"]["k"] >= 10:
            parts.append(figure(o.folder / "funnel.svg", f"Funnel plot: {a.title or a.id}"))
    parts.append(_left_out(o))
    parts.append(_flags(o.payload))
    return join(parts)


def _statements(payload: dict[str, Any]) -> list[str]:
    drop = {f"note: {w['text']}" for w in (payload["result"] or {}).get("warnings", [])}
    drop |= {f"{f['study']}: {f['text']}" for f in payload["selection"]["flags"]}
    return [line for line in result_lines(payload) if line not in drop]


def _network_parts(o: AnalysisOutcome) -> list[Markup]:
    assert o.payload is not None
    payload = o.payload
    r = payload["result"]
    parts = [bullets(_statements(payload))]
    ranking = r.get("ranking")
    if ranking and ranking["caution"]:
        parts.append(callout(ranking["caution"], "caution"))
    model, level = shown_model(r), payload["spec"]["level"]
    league = r["league"][model]
    names = league["treatments"]
    cells = [
        [name, *("" if i == k else _cell(league, i, k) for k in range(len(names)))] for i, name in enumerate(names)
    ]
    parts.append(table(["", *names], cells, caption=f"League table, {model} effects. {league['direction']}"))
    rows = [_split_row(s, level) for s in r["splits"][model]]
    if rows:
        header = ["comparison", "studies", "direct", "indirect", "network", "direct against indirect"]
        parts.append(table(header, rows, caption="Direct and indirect evidence, by back-calculation.", numeric=(1,)))
    return parts


def _split_row(s: dict[str, Any], level: float) -> list[object]:
    estimates = [_estimate(s[x], level) for x in ("direct", "indirect", "network")]
    test = s["reason"] or p_text(None if s["difference"] is None else s["difference"]["p"])
    return [f"{s['t1']} against {s['t2']}", s["k"], *estimates, test]


def _cell(league: dict[str, Any], i: int, k: int) -> str:
    values = [league[x][i][k] for x in ("estimate", "ci_low", "ci_high")]
    return f"{number(values[0])} ({number(values[1])} to {number(values[2])})"


def _estimate(found: dict[str, Any] | None, level: float) -> str:
    return "none" if found is None else estimate_text(found, level)


def _left_out(o: AnalysisOutcome) -> Markup:
    excluded = [] if o.payload is None or o.payload["result"] is None else o.payload["result"]["excluded"]
    rows = [[x.study, x.arm or "", x.reason] for x in o.left_out]
    rows += [[x["study"], x["treatment"] or "", x["reason"]] for x in excluded]
    if not rows:
        return Markup("")
    return table(["left out", "arm", "because"], rows, caption="Studies with data on this outcome that did not enter.")


def _flags(payload: dict[str, Any]) -> Markup:
    flags = payload["selection"]["flags"]
    if not flags:
        return Markup("")
    rows = [[f["study"], f["text"]] for f in flags]
    return table(["study", "know this"], rows, caption="Flags on studies that entered.")


def methods(c: Context) -> Markup:
    """How it was done, in sentences generated from the resolved settings, with references."""
    payloads = [o.payload for o in c.analyses if o.payload is not None]
    screening = c.config.screening
    people = {1: "one reviewer", 2: "two reviewers independently"}
    first = (
        f"Titles and abstracts were screened by {people[screening.title_abstract]}, full texts by "
        f"{people[screening.full_text]}; conflicts were settled by a named person and every vote is kept."
    )
    sentences, references = methods_text(payloads)
    nodes = [[t.id, t.name, ", ".join((t.id, *t.labels)), t.notes] for t in c.config.treatments]
    software = f"evipool {__version__} (engine {ENGINE_VERSION}) did all of it."
    parts = [paragraph(" ".join([first, *sentences, software]))]
    if nodes:
        parts.append(
            table(
                ["treatment", "name", "extracted labels that belong to it", "why"],
                nodes,
                caption="Node-making rules.",
            )
        )
    parts.append(bullets(references))
    return join(parts)


def reproduce(c: Context) -> Markup:
    """Fingerprints: what to compare when the report is made again."""
    rows = [
        [o.analysis.id, o.status, (o.fingerprint or "")[:16], "" if o.folder is None else f"results/{o.analysis.id}/"]
        for o in c.analyses
    ]
    text = (
        "Each result is stored under a fingerprint of its data, settings and engine. The history of the review is a "
        f"chain of hashes that ends in {c.head_hash[:16] or 'nothing yet'}; settings {c.sha_of_settings[:16]}."
    )
    return join([paragraph(text), table(["analysis", "state", "fingerprint", "folder"], rows)])
