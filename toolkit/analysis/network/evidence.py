"""Further analyses of a network on the evidence and the ranking: each as data for JSON and as text."""

from __future__ import annotations

import numpy as np

from toolkit.analysis.network.part import Part, Request, cell, part, texts_of
from toolkit.engine.network import (
    against_reference,
    bootstrap_network,
    comparison_adjusted_funnel,
    consistency_model,
    contributions,
    contributions_by_level,
    decompose_designs,
    leave_one_out,
    net_heat,
    separate_comparisons,
    side_split,
    split_evidence,
    study_impact,
)
from toolkit.engine.tabulate import display, estimate_to_dict, plain
from toolkit.model.wording import counted
from toolkit.plots.numbers import format_percent, p_value

__all__ = [
    "bootstrap",
    "contribution",
    "designs",
    "funnel",
    "heat",
    "impact",
    "left_out",
    "pairwise",
    "separate_designs",
    "side_splits",
]

# Samples of studies: more change no shown digit.
MOST_SAMPLES = 10_000


def side_splits(request: Request) -> Part:
    """Direct against indirect by a refit."""
    effects, result = request.effects, request.result
    how = request.options.allocation
    rows = side_split(
        effects, tau2=result.spec.tau2, tau2_value=result.spec.tau2_value, allocation=how, level=result.spec.level
    )
    scale = result.scale
    data = [
        {
            "t1": r.t1,
            "t2": r.t2,
            "k": r.k,
            "direct": estimate_to_dict(r.direct, scale),
            "indirect": estimate_to_dict(r.indirect, scale),
            "difference": estimate_to_dict(r.difference, scale),
            "tau2": None if r.tau2 is None else r.tau2.value,
            "reason": r.reason,
        }
        for r in rows
    ]
    shown = [
        [f"{r.t1} against {r.t2}", str(r.k), cell(r.direct, result), cell(r.indirect, result),
         p_value(None if r.difference is None else r.difference.p), "-" if r.tau2 is None else f"{r.tau2.value:.4g}"]
        for r in rows
    ]  # fmt: skip
    title = f"Side-splitting with refit, {how}, {result.spec.tau2}"
    return part(data, title, ["comparison", "studies", "direct", "indirect", "p differ", "tau2"], shown)


def designs(request: Request) -> Part:
    """Q within and between designs."""
    effects = request.effects
    found = decompose_designs(effects, consistency_model(effects))
    detached = {d.design: d for d in found.detached}
    rows = []
    for d in found.within:
        out = detached.get(d.design)
        rest = ["-", "-", "-"] if out is None else [f"{out.q:.2f}", str(out.df), p_value(out.p)]
        rows.append([d.design, f"{d.q:.2f}" if d.df else "-", str(d.df), p_value(d.p), *rest])
    header = ["design", "Q within", "df", "p", "Q between when detached", "df", "p"]
    return part(plain(found), "Heterogeneity and inconsistency by design", header, rows)


def contribution(request: Request) -> Part:
    """Contributions of comparisons and studies."""
    effects, result, model = request.effects, request.result, request.model
    found = contributions(effects, result, request.options.contribution_method, model)
    data = {
        "method": found.method,
        "model": found.model,
        "comparisons": [list(c) for c in found.comparisons],
        "edges": [list(e) for e in found.edges],
        "by_edge": plain(found.proportion),
        "studies": list(found.studies),
        "by_study": plain(found.study_proportion),
    }
    if request.options.rob is not None:
        levels, shares = contributions_by_level(found, texts_of(request, request.options.rob))
        data["levels"], data["by_level"] = list(levels), plain(shares)
        by_level = [
            [f"{a} against {b}", *(f"{100 * x:.0f} %" for x in row)]
            for (a, b), row in zip(found.comparisons, shares, strict=True)
        ]
        title = f"Contributions by {request.options.rob} ({found.method}, {model} effects)"
        return part(data, title, ["comparison", *levels], by_level)
    rows = []
    for c, shares in zip(found.comparisons, found.study_proportion, strict=True):
        top = [i for i in np.argsort(-shares)[:3] if shares[i] > 0]
        rows.append([f"{c[0]} against {c[1]}", ", ".join(f"{found.studies[i]} {100 * shares[i]:.0f} %" for i in top)])
    title = f"Largest contributions of studies ({found.method}, {model} effects)"
    return part(data, title, ["comparison", "studies"], rows)


def left_out(request: Request) -> Part:
    """The fit without each study."""
    effects, result = request.effects, request.result
    data, rows = [], []
    for left in leave_one_out(effects, result):
        if left.result is None:
            pieces = " | ".join(", ".join(names) for names in left.subnetworks) or "nothing is left"
            shown = {
                "study": left.study,
                "effects": None,
                "subnetworks": plain(left.subnetworks),
                "reason": left.reason,
            }
            data.append(shown)
            rows.append([left.study, left.reason or f"no longer one network: {pieces}", "-"])
            continue
        versus = against_reference(left.result)
        data.append(
            {
                "study": left.study,
                "tau2": None if left.result.tau2 is None else left.result.tau2.value,
                "reference": left.result.reference,
                "lost_treatments": list(left.lost_treatments),
                "effects": [
                    {
                        "treatment": row.treatment,
                        "common": estimate_to_dict(row.common, result.scale),
                        "random": estimate_to_dict(row.random, result.scale),
                    }
                    for row in versus
                ],
            }
        )
        text = "; ".join(f"{row.treatment} {cell(row.random or row.common, result)}" for row in versus)
        tau2 = "-" if left.result.tau2 is None else f"{left.result.tau2.value:.4g}"
        rows.append([left.study, f"against {left.result.reference}: {text}", tau2])
    return part(data, "Without each study", ["left out", "effects", "tau2"], rows)


def pairwise(request: Request) -> Part:
    """Each comparison alone."""
    effects, result = request.effects, request.result
    found = separate_comparisons(effects, result.spec.level)
    data = [
        {
            "t1": c.t1,
            "t2": c.t2,
            "k": c.k,
            "common": estimate_to_dict(c.common, result.scale),
            "random": estimate_to_dict(c.random, result.scale),
            "tau2": c.tau2,
            "i2": c.i2,
        }
        for c in found
    ]
    rows = [
        [f"{c.t1} against {c.t2}", str(c.k), "-" if c.random is None else cell(c.random, result),
         cell(c.common, result), format_percent(c.i2, 0) or "-"]
        for c in found
    ]  # fmt: skip
    header = ["comparison", "studies", "random effects (DL)", "common effect", "I2"]
    return part(data, "Each comparison alone", header, rows)


def separate_designs(request: Request) -> Part:
    """SIDDE: indirect evidence from the studies that do not hold both treatments."""
    result = request.result
    rows = split_evidence(request.effects, result, request.model, method="SIDDE")
    data = [
        {
            "t1": r.t1,
            "t2": r.t2,
            "k": r.k,
            "direct": estimate_to_dict(r.direct, result.scale),
            "indirect": estimate_to_dict(r.indirect, result.scale),
            "difference": estimate_to_dict(r.difference, result.scale),
            "reason": r.reason,
        }
        for r in rows
    ]
    shown = [
        [f"{r.t1} against {r.t2}", str(r.k), cell(r.direct, result),
         r.reason or "-" if r.indirect is None else cell(r.indirect, result),
         p_value(None if r.difference is None else r.difference.p)]
        for r in rows
    ]  # fmt: skip
    title = f"Separate indirect from direct design evidence (SIDDE), {request.model} effects"
    return part(data, title, ["comparison", "studies", "direct", "indirect", "p differ"], shown)


def heat(request: Request) -> Part:
    """Net heat: how much each design adds to or takes from the inconsistency of another."""
    found = net_heat(request.effects, request.result.reference, request.model)
    names = [f"{c.treatment} against {c.base} in {c.design}" for c in found.contrasts]
    at = [
        (i, j)
        for i in range(len(names))
        for j in range(len(names))
        if found.contrasts[i].design != found.contrasts[j].design
    ]
    at.sort(key=lambda pair: -abs(float(found.q_diff[pair])))
    rows = [
        [names[i], found.contrasts[j].design, f"{found.q[i]:.2f}", f"{found.q_diff[i, j]:+.2f}"] for i, j in at[:12]
    ]
    title = (
        "Net heat: what detaching a design takes from (+) or adds to (-) the inconsistency of a contrast; largest 12"
    )
    note = f"Weights with the variance within designs, {found.tau2_within:.4g}."
    return part(plain(found), title, ["contrast", "design detached", "its Q", "change"], rows, [note])


def funnel(request: Request) -> Part:
    """Comparison-adjusted funnel and its test."""
    found = comparison_adjusted_funnel(request.effects, request.result, request.options.order, request.model)
    test = found.egger
    rows = [] if test is None else [
        ["Egger", f"{test.bias:.3f}", f"{test.se:.3f}", f"{test.statistic:.2f}", str(test.df), p_value(test.p)]
    ]  # fmt: skip
    note = f"Order: {', '.join(found.order)}; {counted(len(found.points), 'point')}."
    notes = [note] if found.reason is None else [note, f"Not tested: {found.reason}."]
    title = "Small-study effects on the comparison-adjusted funnel"
    return part(plain(found), title, ["test", "bias", "SE", "t", "df", "p"], rows, notes)


def bootstrap(request: Request) -> Part:
    """Percentile limits of the effects over samples of the studies."""
    result, asked = request.result, request.options
    draws = min(asked.draws, MOST_SAMPLES)
    found = bootstrap_network(
        request.effects, np.random.default_rng(asked.seed), reference=result.reference, draws=draws,
        level=result.spec.level,
    )  # fmt: skip
    whole = int(found.connected.sum())
    tau2 = found.tau2[found.connected]
    rows, data = [], []
    for i, name in enumerate(found.treatments[1:], start=1):
        middle = float(np.median(found.effects[found.connected, i])) if whole else None
        shown = [display(x, result.scale) for x in (middle, float(found.low[i]), float(found.high[i]))]
        data.append({"treatment": name, "median": shown[0], "low": shown[1], "high": shown[2]})
        rows.append([name, *("-" if x is None else f"{x:.3g}" for x in shown)])
    notes = [f"{whole:,} of {draws:,} samples are one network; the others cannot be fitted and are left out."]
    if whole:
        notes.append(f"tau2 (DL): median {np.median(tau2):.4g}, {np.quantile(tau2, 0.025):.4g} to "
                     f"{np.quantile(tau2, 0.975):.4g} in 95 % of them.")  # fmt: skip
    title = f"Bootstrap of the studies, random effects (DL), against {result.reference} (seed {asked.seed})"
    payload = {"draws": draws, "connected": whole, "seed": asked.seed, "level": found.level, "effects": data}
    return part(payload, title, ["treatment", "median", "lower", "upper"], rows, notes)


def impact(request: Request) -> Part:
    """Share of each study in the precision of each estimate."""
    found = study_impact(request.effects, request.result, request.model)
    order = np.argsort(-found.impact.mean(axis=1), kind="stable")
    rows = []
    for s in order:
        top = int(np.argmax(found.impact[s]))
        a, b = found.comparisons[top]
        rows.append([found.studies[s], f"{found.impact[s].mean():.1%}", f"{found.impact[s, top]:.1%}: {a} against {b}"])
    title = f"Importance of studies: precision lost without each, tau2 held, {request.model} effects"
    note = "100 % means that nothing connects the two treatments without the study."
    return part(plain(found), title, ["study", "mean over comparisons", "largest"], rows, [note])
