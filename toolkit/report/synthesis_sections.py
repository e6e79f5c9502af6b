"""Sections on the syntheses: each analysis, sensitivity, how it was done, how to check it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from toolkit import __version__
from toolkit.analysis.network.figures import caption, closes_a_loop
from toolkit.analysis.pairwise.blocks import blocks
from toolkit.analysis.plan import AnalysisOutcome
from toolkit.analysis.words import (
    digits_of,
    estimate_text,
    further_lines,
    interval_text,
    number,
    option_lines,
    p_text,
    percent,
    result_lines,
    shown_model,
)
from toolkit.engine import ENGINE_VERSION
from toolkit.model.choices import MEASURES
from toolkit.model.pairwise_options import FIGURES
from toolkit.model.wording import counted
from toolkit.report.change_words import main_estimate, null_of, position
from toolkit.report.context import Context
from toolkit.report.html import Markup, bullets, callout, figure, heading, join, paragraph, table
from toolkit.report.methods import methods_text

__all__ = ["analyses", "headline_rows", "methods", "reproduce", "sensitivity", "what_it_means"]


def headline_rows(c: Context) -> list[list[object]]:
    """One row a headline analysis: its estimate and what it says."""
    return [_row(c, o) for o in c.analyses if o.analysis.role == "headline"]


def _row(c: Context, o: AnalysisOutcome) -> list[object]:
    a, payload = o.analysis, o.payload
    title = Markup('<a href="#analysis-{}">{}</a>').format(a.id, a.title or a.id)
    if payload is None:
        return [title, "", o.problem or "not computed yet", "", "", ""]
    if payload["result"] is None:
        return [title, 0, f"not estimable: {payload['reason']}", "", "", ""]
    result, digits = payload["result"], digits_of(a.measure)
    if payload["kind"] == "network":
        return [title, result["k"], _network_cell(payload), "", percent(result["heterogeneity"]["i2"]), _thin(result)]
    p, h = result["prediction"], result["heterogeneity"]
    prediction = "" if p is None else interval_text(p["low"], p["high"], digits)
    i2 = percent(h["i2_tau2"]) if h is not None and result["k"] > 1 else ""
    estimate = f"{MEASURES[a.measure].help} {estimate_text(main_estimate(payload), payload['spec']['level'], digits)}"
    return [title, result["k"], estimate, prediction, i2, _in_words(c, o)]


FEW_TREATMENTS = 10


def _network_cell(payload: dict[str, Any]) -> Markup | str:
    """Every treatment against the reference while they are few, else where to look."""
    r, digits = payload["result"], digits_of(payload["spec"]["measure"])
    if len(r["treatments"]) > FEW_TREATMENTS:
        return f"{len(r['treatments'])} treatments: see the league table"
    model = shown_model(r)
    shown = [f"{row['treatment']} {_plain_estimate(row[model], digits)}" for row in r["effects"]]
    return join([f"{MEASURES[r['measure']].help} against {r['reference']}", bullets(shown)])


def _thin(result: dict[str, Any]) -> str:
    """What a reader must know of a network before its numbers: can it be checked, and does it hold together?"""
    ranking, q = result["ranking"], result["inconsistency"]
    if ranking is not None and ranking["caution"]:
        return "thin: see below"
    if q["reason"]:
        return f"inconsistency cannot be examined: {q['reason']}"
    return f"inconsistency between designs: {p_text(q['p_between'])}"


def _in_words(c: Context, o: AnalysisOutcome) -> str:
    assert o.payload is not None
    found = main_estimate(o.payload)
    if found is None or MEASURES[o.analysis.measure].groups == 1:
        return ""
    outcome = c.config.outcome(o.analysis.outcome)
    where = position(found, null_of(o.analysis.measure), outcome.smallest_important_difference)
    one = "one study; " if o.payload["result"]["k"] == 1 else ""
    return f"{one}{_favoured(c, o)}; the interval {where}"


def _favoured(c: Context, o: AnalysisOutcome) -> str:
    """What the point estimate speaks for: "the estimate favours CD+cells"."""
    found = main_estimate(o.payload)
    assert found is not None
    a, better = o.analysis, c.config.outcome(o.analysis.outcome).better
    null = null_of(a.measure)
    if found["estimate"] == null:
        return "the estimate is no effect"
    lower = found["estimate"] < null
    if better is None:
        return f"the estimate lies {'below' if lower else 'above'} no effect"
    return f"the estimate favours {a.treatment if lower == (better == 'lower') else a.reference}"


def what_it_means(c: Context) -> list[str]:
    """Sentences that a reader of the table above must have: do designs agree, what stands apart, what is thin."""
    headline = [o for o in c.analyses if o.analysis.role == "headline"]
    other = [o for o in c.analyses if o.analysis.role != "headline"]
    found = _agreement(c, headline) + _apart(c, headline, other)
    for o in c.analyses:
        result = None if o.payload is None else o.payload["result"]
        ranking = result["ranking"] if result and o.analysis.kind == "network" else None
        if ranking is not None and ranking["caution"]:
            why = ranking["caution"].removeprefix("Do not lead with this ranking: ")
            found.append(f"{o.analysis.title or o.analysis.id}: thin, and nothing is ranked on it. {_capital(why)}")
    if other:
        found.append("Sensitivity analyses stand in their own section; none of them is a result of this review.")
    return found


def _agreement(c: Context, headline: Sequence[AnalysisOutcome]) -> list[str]:
    """Whether headline analyses of one question, kept apart by design, point the same way."""
    groups: dict[tuple[object, ...], list[AnalysisOutcome]] = {}
    for o in headline:
        a = o.analysis
        if a.kind == "pairwise" and a.reference is not None and main_estimate(o.payload) is not None:
            groups.setdefault((a.outcome, a.measure, a.treatment, a.reference), []).append(o)
    found = []
    for group in groups.values():
        if len(group) < 2:
            continue
        shown = "; ".join(f"{_short(o)} ({_favoured(c, o).removeprefix('the estimate ')})" for o in group)
        sides = {_favoured(c, o) for o in group}
        words = "point the same way" if len(sides) == 1 else "point in opposite directions"
        name = _capital(c.config.outcome(group[0].analysis.outcome).name)
        found.append(f"{name}: the analyses by design {words} and are not pooled: {shown}.")
    return found


def _short(o: AnalysisOutcome) -> str:
    assert o.payload is not None
    k, digits = o.payload["result"]["k"], digits_of(o.analysis.measure)
    designs = ", ".join(o.analysis.designs) or o.analysis.id
    estimate = estimate_text(main_estimate(o.payload), o.payload["spec"]["level"], digits)
    return f"{designs}, {counted(k, 'study')}, {estimate}"


def _apart(c: Context, headline: Sequence[AnalysisOutcome], other: Sequence[AnalysisOutcome]) -> list[str]:
    """Studies with data that enter sensitivity analyses only, and why."""
    found = []
    for outcome in c.config.outcomes:
        own = [o for o in headline if o.analysis.outcome == outcome.id]
        varied = [o for o in other if o.analysis.outcome == outcome.id]
        if not own and varied:
            found.append(f"{_capital(outcome.name)}: sensitivity analyses only.")
            continue
        inside = {s for o in own for s in _entered(o)}
        for study in dict.fromkeys(s for o in varied for s in _entered(o) if s not in inside):
            stated = [o.analysis.exclude[study] for o in own if study in o.analysis.exclude]
            found_out = [x.reason for o in own for x in o.left_out if x.study == study]
            why = "; ".join(dict.fromkeys(stated or found_out)) or "left out of the headline analyses"
            found.append(f"{_capital(outcome.name)}: {study} is in sensitivity analyses only ({why}).")
    return found


def _entered(o: AnalysisOutcome) -> list[str]:
    if o.payload is None:
        return []
    return list(dict.fromkeys(arm["study"] for arm in o.payload["selection"]["arms"]))


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def analyses(c: Context) -> Markup:
    """The headline analyses in full."""
    parts = [block(c, o) for o in c.analyses if o.analysis.role == "headline"]
    return join(parts) if parts else paragraph("No headline analysis is declared in review.toml.")


def sensitivity(c: Context) -> Markup:
    """Sensitivity analyses: their numbers side by side, then each in full."""
    varied = [o for o in c.analyses if o.analysis.role == "sensitivity"]
    if not varied:
        return Markup("")
    text = (
        "These show how far the answer hangs on choices. Where an analysis mixes designs, its pooled estimate is "
        "no answer to the question of this review."
    )
    return join([paragraph(text), models_table(varied), *(block(c, o) for o in varied)])


def models_table(outcomes: Sequence[AnalysisOutcome]) -> Markup:
    """Pairwise analyses side by side: every pooled estimate with its heterogeneity."""
    rows: list[list[object]] = []
    for o in outcomes:
        if o.payload is None or o.payload["result"] is None or o.analysis.kind != "pairwise":
            continue
        r, digits = o.payload["result"], digits_of(o.analysis.measure)
        cells = [_plain_estimate(r[name], digits) for name in ("random", "common", "mantel_haenszel")]
        h, t = r["heterogeneity"], r["tau2"]
        spread = ["", "", ""]
        if h is not None and t is not None:
            spread = [number(t["value"], 3), percent(h["i2_q"]), f"{number(h['q'])} ({h['df']})"]
        rows.append([Markup('<a href="#analysis-{0}">{0}</a>').format(o.analysis.id), r["k"], *cells, *spread])
    if not rows:
        return Markup("")
    header = [
        "analysis",
        "studies",
        "random effects",
        "common effect",
        "Mantel-Haenszel",
        "tau2",
        "I2 from Q",
        "Q (df)",
    ]
    return table(header, rows, caption="Every pooled estimate of the sensitivity analyses.", numeric=(1,))


def _plain_estimate(found: dict[str, Any] | None, digits: int) -> str:
    if found is None:
        return ""
    return f"{number(found['estimate'], digits)} ({interval_text(found['ci_low'], found['ci_high'], digits)})"


_FIGURES = {
    "pairwise": (("forest", "Forest plot"), ("funnel", "Funnel plot")),
    "network": tuple(
        (name, caption(name))
        for name in (
            "network",
            "network-design",
            "forest",
            "league",
            "split",
            "direct-indirect",
            "heat",
            "contributions",
            "ranks",
        )
    ),
}
FUNNEL_FROM = 10


def block(c: Context, o: AnalysisOutcome) -> Markup:
    """One analysis: statements, figures, what was left out, flags."""
    a = o.analysis
    tags = [a.id, "planned" if a.planned else "post hoc"]
    if a.role == "sensitivity":
        tags.append(f"sensitivity analysis of {a.of}" if a.of else "sensitivity analysis")
    parts = [heading(a.title or a.id, *tags, anchor=f"analysis-{a.id}")]
    if a.notes:
        parts.append(callout(a.notes))
    if not a.planned:
        parts.append(paragraph(f"Added after the data were seen: {a.post_hoc_reason}.", "small"))
    if o.payload is None:
        return join([*parts, callout(o.problem or "Not computed for the present data yet.", "caution")])
    parts.append(bullets(_statements(o.payload)))
    result = o.payload["result"]
    if result is not None:
        parts += [paragraph(w["text"], "small") for w in result["warnings"]]
        if o.folder is not None:
            parts += [
                figure(o.folder / f"{name}.svg", f"{words}: {a.title or a.id}")
                for name, words in (*_FIGURES[a.kind], *((name, FIGURES[name]) for name in a.figures))
                if name != "funnel" or result["k"] >= FUNNEL_FROM
            ]
        parts += _network_tables(o.payload) if a.kind == "network" else _pairwise_tables(o.payload)
        if a.role == "headline":
            parts.append(_leave_one_out(o.payload))
        parts.append(_asymmetry(result))
    parts += [_further(o, one) for one in o.payload.get("further", ())]
    parts += [_lumped(c, o), _left_out(o), _flags(o.payload)]
    return join(parts)


def _pairwise_tables(payload: dict[str, Any]) -> list[Markup]:
    """What the options of a pairwise analysis ask for: each a table with its sentences, as the command prints them."""
    found = payload["result"].get("further", {})
    parts: list[Markup] = []
    for one in blocks(found, digits_of(payload["result"]["measure"])):
        if one.rows:
            parts.append(table(list(one.header), [list(row) for row in one.rows], numeric=one.right))
        if one.lines:
            parts.append(bullets([line.strip() for line in one.lines]))
    return parts


def _further(o: AnalysisOutcome, one: dict[str, Any]) -> Markup:
    """A further analysis that review.toml asks for: its table, sentences and figures, or why there are none."""
    if one["reason"] is not None:
        return callout(f"{one['name']}: {one['reason']}")
    parts = [table(one["header"], one["rows"], caption=one["title"])] if one["rows"] else [paragraph(one["title"])]
    parts += [paragraph(note, "small") for note in one["notes"]]
    if o.folder is not None:
        above = dict(_FIGURES["network"])
        drawn = [name for name in one["figures"] if name not in above]
        title = o.analysis.title or o.analysis.id
        parts += [figure(o.folder / f"{name}.svg", f"{caption(name)}: {title}") for name in drawn]
    return join(parts)


def _lumped(c: Context, o: AnalysisOutcome) -> Markup:
    """Treatments that this analysis alone reads as others: its own node-making rules."""
    if not o.analysis.lump:
        return Markup("")
    names = {t.id: t.name for t in c.config.treatments}
    rows = [[names.get(x) or x, names.get(y) or y] for x, y in o.analysis.lump.items()]
    return table(["treatment", "read here as"], rows, caption="Node-making rules of this analysis alone.")


def _statements(payload: dict[str, Any]) -> list[str]:
    """The lines of a result, without those that have a place of their own on the page."""
    result = payload["result"] or {}
    drop = {f"note: {w['text']}" for w in result.get("warnings", [])}
    drop |= {f"{f['study']}: {f['text']}" for f in payload["selection"]["flags"]}
    drop |= {*further_lines(payload), *option_lines(payload)}
    lines = result_lines(payload)
    ranking = result.get("ranking")
    if ranking and ranking["caution"]:
        # A ranking to be distrusted is not printed; its numbers are in results.json.
        drop |= {line for line in lines if line.startswith("P-scores")}
    return [line for line in lines if line not in drop]


def _leave_one_out(payload: dict[str, Any]) -> Markup:
    fits = payload["result"].get("leave_one_out")
    if not fits:
        return Markup("")
    digits = digits_of(payload["result"]["measure"])
    rows = []
    for fit in fits:
        h = fit["heterogeneity"]
        i2 = "" if h is None else percent(h["i2_tau2"])
        tau2 = "" if fit["tau2"] is None else number(fit["tau2"], 3)
        rows.append([fit["study"], fit["k"], _plain_estimate(fit["random"] or fit["common"], digits), tau2, i2])
    return table(
        ["without", "studies", "estimate", "tau2", "I2"],
        rows,
        caption="Leave-one-out: the random-effects estimate without each study in turn.",
        numeric=(1,),
    )


def _asymmetry(result: dict[str, Any]) -> Markup:
    test = result.get("small_study")
    if not test:
        return Markup("")
    text = f"Funnel asymmetry ({test['test']}): {p_text(test['p'])}."
    return paragraph(f"{text} Asymmetry has other causes than missing studies; its absence proves nothing.")


def _network_tables(payload: dict[str, Any]) -> list[Markup]:
    r = payload["result"]
    model, digits = shown_model(r), digits_of(r["measure"])
    league = r["league"][model]
    names = league["treatments"]
    cells = [
        [
            Markup("<b>{}</b>").format(name),
            *("" if i == k else _cell(league, i, k, digits) for k in range(len(names))),
        ]
        for i, name in enumerate(names)
    ]
    parts = [table(["", *names], cells, caption=f"League table, {model} effects. {league['direction']}")]
    rows = [_split_row(s, digits) for s in r["splits"][model]]
    if rows and closes_a_loop(r["comparisons"]):
        header = ["comparison", "studies", "direct", "indirect", "network", "direct against indirect"]
        parts.append(table(header, rows, caption="Direct and indirect evidence, by back-calculation.", numeric=(1,)))
    return parts


def _split_row(s: dict[str, Any], digits: int) -> list[object]:
    estimates = [_plain_estimate(s[x], digits) or "none" for x in ("direct", "indirect", "network")]
    test = s["reason"] or p_text(None if s["difference"] is None else s["difference"]["p"])
    return [f"{s['t1']} against {s['t2']}", s["k"], *estimates, test]


def _cell(league: dict[str, Any], i: int, k: int, digits: int) -> str:
    low, high = league["ci_low"][i][k], league["ci_high"][i][k]
    return f"{number(league['estimate'][i][k], digits)} ({interval_text(low, high, digits)})"


def _left_out(o: AnalysisOutcome) -> Markup:
    """Who did not enter, by reason."""
    excluded = [] if o.payload is None or o.payload["result"] is None else o.payload["result"]["excluded"]
    reasons: dict[str, list[str]] = {}
    for x in o.left_out:
        reasons.setdefault(x.reason, []).append(x.study if x.arm is None else f"{x.study} (arm {x.arm})")
    for e in excluded:
        reasons.setdefault(e["reason"], []).append(f"{e['study']} ({e['treatment']})" if e["treatment"] else e["study"])
    if not reasons:
        return Markup("")
    rows = [[", ".join(dict.fromkeys(names)), reason] for reason, names in reasons.items()]
    return table(["did not enter", "because"], rows, caption="Studies with data on this outcome that are not in here.")


def _flags(payload: dict[str, Any]) -> Markup:
    """What to know of the studies that entered, study by study."""
    flags: dict[str, list[str]] = {}
    for f in payload["selection"]["flags"]:
        flags.setdefault(f["study"], []).append(f["text"])
    if not flags:
        return Markup("")
    return table(["entered", "know this"], [[study, "; ".join(texts)] for study, texts in flags.items()])


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
