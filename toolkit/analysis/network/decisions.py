"""Further analyses of a network towards a decision: ranks, absolute effects, thresholds, loops, influence."""

from __future__ import annotations

from math import log
from typing import TYPE_CHECKING, Any

import numpy as np

from toolkit.analysis.network.part import Part, Request, cell, part
from toolkit.engine.network import (
    absolute_effects,
    against_reference,
    leave_one_out,
    leave_one_treatment_out,
    loop_inconsistency,
    median_risk,
    minimal_categories,
    partial_categories,
    rank_probabilities,
    rank_with_margin,
    ranking_words,
    threshold_analysis,
)
from toolkit.engine.tabulate import display, estimate_to_dict, plain
from toolkit.model.errors import InputError
from toolkit.plots.numbers import p_value

if TYPE_CHECKING:
    from toolkit.engine.network import Threshold
    from toolkit.engine.results import NetworkResult

__all__ = [
    "absolute",
    "categories",
    "future_ranks",
    "loops",
    "margin",
    "rank_influence",
    "ranks",
    "threshold",
    "without_treatments",
]


def ranks(request: Request) -> Part:
    """Rank probabilities of the average effects."""
    return _ranks(request, future=False)


def future_ranks(request: Request) -> Part:
    """Rank probabilities of the effects in a new study."""
    return _ranks(request, future=True)


def _ranks(request: Request, *, future: bool) -> Part:
    asked, model = request.options, request.model
    found = rank_probabilities(
        request.result, np.random.default_rng(asked.seed), model=model, draws=asked.draws, future=future
    )
    order = np.argsort(found.mean_rank, kind="stable")
    rows = [
        [found.treatments[i], f"{found.sucra[i]:.3f}", f"{found.mean_rank[i]:.2f}", f"{found.median_rank[i]:g}",
         f"{found.rank_low[i]:g} to {found.rank_high[i]:g}",
         f"{found.probability[i, 0]:.3f} ± {found.mc_se[i, 0]:.3f}"]
        for i in order
    ]  # fmt: skip
    what = "Ranks in a new study" if future else "Ranks"
    title = f"{what}, {model} effects, small values are {found.small_values} ({found.draws:,} draws, seed {asked.seed})"
    header = ["treatment", "SUCRA", "mean rank", "median", "95 % of ranks", "probability of rank 1 ± Monte-Carlo SE"]
    words = ranking_words(found)
    notes = [words] if found.caution is None else [found.caution, words]
    return part({**plain(found), "seed": asked.seed, "words": words}, title, header, rows, notes)


def margin(request: Request) -> Part:
    """P-scores with a smallest important difference."""
    asked, result = request.options, request.result
    assert asked.margin is not None
    if result.scale == "log" and asked.margin <= 1:
        raise InputError("The margin of a ratio must be above 1.", value=asked.margin, hint="1.25 stands for 0.8 too.")
    size = log(asked.margin) if result.scale == "log" else asked.margin
    found = rank_with_margin(result, size, model=request.model)
    order = np.argsort(-found.p_score, kind="stable")
    rows = [[found.treatments[i], f"{found.p_score[i]:.3f}", f"{found.net[i]:+.3f}"] for i in order]
    title = f"P-scores with a margin of {asked.margin:g}, {request.model} effects, small values {found.small_values}"
    notes = ["A treatment counts as better only by more than the margin; net: better minus worse."]
    caution = None if result.ranking is None else result.ranking.caution
    if caution:
        notes.insert(0, caution)
    data = {**plain(found), "margin_display": asked.margin, "caution": caution}
    return part(data, title, ["treatment", "P-score with margin", "net"], rows, notes)


def categories(request: Request) -> Part:
    """GRADE's minimally and (with steps) partially contextualised categories."""
    result, asked = request.result, request.options
    size = 0.0
    if asked.margin is not None:
        size = log(asked.margin) if result.scale == "log" and asked.margin > 0 else asked.margin
    found = {"minimally contextualised": minimal_categories(result, model=request.model, margin=size)}
    if asked.category_steps:
        if len(asked.baseline_risk) != 1:
            text = "Categories by size need one risk with the reference (baseline_risk, --baseline-risk)."
            raise InputError(text, value=len(asked.baseline_risk))
        found["partially contextualised"] = partial_categories(
            result, asked.baseline_risk[0], asked.category_steps, model=request.model
        )
    rows = [[kind, c.name, ", ".join(c.members), c.reason] for kind, cs in found.items() for c in cs]
    notes = ["Within a category tell apart what rests on high or moderate certainty of evidence and what does not."]
    title = f"Categories of treatments (GRADE), {request.model} effects, small values {result.spec.small_values}"
    data = {kind: plain(cs) for kind, cs in found.items()}
    return part(data, title, ["framework", "category", "treatments", "rule"], rows, notes)


def absolute(request: Request) -> Part:
    """Risks, differences per 1,000 and numbers needed to treat."""
    result, asked = request.result, request.options
    risks = [(risk, "given") for risk in asked.baseline_risk]
    if not risks:
        if request.arms is None:
            text = "Absolute effects from contrasts need the risk with the reference (baseline_risk, --baseline-risk)."
            raise InputError(text)
        source = f"median of the studies with {result.reference}"
        risks = [(median_risk(request.arms, result.reference), source)]
    found = [absolute_effects(result, risk, model=request.model, source=source) for risk, source in risks]
    rows = []
    for table in found:
        for row in table.rows:
            low, high = sorted(row.difference[1:])
            difference = f"{row.difference[0]:+.0f} ({low:+.0f} to {high:+.0f})".replace("-", "−")
            rows.append(
                [row.treatment, f"{1000 * table.baseline_risk:.0f}", f"{1000 * row.risk[0]:.0f}",
                 difference, _needed_words(row.difference)]
            )  # fmt: skip
    notes = [f"Risk of {t.reference} {t.baseline_risk:.4g}: {t.source}; taken as known." for t in found]
    title = f"Events per 1,000, {found[0].model} effects"
    header = ["treatment", f"with {result.reference}", "with treatment", "difference", "one event fewer or more per"]
    return part(plain(found), title, header, rows, notes)


def _needed_words(difference: tuple[float, float, float]) -> str:
    """ "25 treated: one fewer (18 to 60)"; an interval over no effect runs through infinity."""

    def one(x: float) -> str:
        return "infinitely many" if x == 0 else f"{1000 / abs(x):.0f}"

    estimate, low, high = difference[0], *sorted(difference[1:])
    if estimate == 0:
        return "no difference"
    word = "fewer" if estimate < 0 else "more"
    if low < 0 < high:
        return f"{one(estimate)} {word} ({one(low)} fewer to infinity to {one(high)} more)"
    near, far = sorted((low, high), key=abs, reverse=True)
    return f"{one(estimate)} {word} ({one(near)} to {one(far)})"


def loops(request: Request) -> Part:
    """Inconsistency of each closed loop."""
    result, how = request.result, request.options.loop_tau2
    found = loop_inconsistency(request.effects, result, how)
    data = [
        {
            "treatments": list(loop.treatments),
            "studies": loop.studies,
            "tau2": list(loop.tau2),
            "difference": estimate_to_dict(loop.difference, result.scale),
            "reason": loop.reason,
        }
        for loop in found
    ]
    rows = [
        [" - ".join(loop.treatments), str(loop.studies),
         loop.reason or "-" if loop.difference is None else cell(loop.difference, result),
         p_value(None if loop.difference is None else loop.difference.p), f"{max(loop.tau2):.4g}"]
        for loop in found
    ]  # fmt: skip
    kind = "ratio of direct to indirect" if result.scale == "log" else "direct minus indirect"
    notes = [f"The {kind} for the first treatment against the second; tests overlap and none has much power."]
    if not found:
        notes = ["There is no closed loop."]
    return part(
        {"tau2": how, "loops": data}, f"Loop-specific inconsistency, tau2 by {how}",
        ["loop", "studies", kind, "p", "largest tau2"], rows, notes,
    )  # fmt: skip


def threshold(request: Request) -> Part:
    """How much bias would change the best treatment."""
    result = request.result
    found = threshold_analysis(request.effects, result, model=request.model)
    rows = [_threshold_row(t, result) for t in (*found.comparisons[:10], *found.studies[:10])]
    fragile = [t for t in found.comparisons if t.inside]
    notes = [f"Best now: {found.best} (small values {found.small_values}); tau2 held. Ten most fragile of each kind."]
    notes.append(
        f"{len(fragile)} of {len(found.comparisons)} comparisons change the decision within their own interval."
    )
    title = f"Thresholds: the smallest bias that makes another treatment the best, {request.model} effects"
    header = ["evidence", "effect now", "down to", "then best", "up to", "then best"]
    return part(plain(found), title, header, rows, notes)


def _threshold_row(t: Threshold, result: NetworkResult) -> list[str]:
    def shifted(bias: float | None) -> str:
        value = None if bias is None else display(t.effect + bias, result.scale)
        return "never" if value is None else f"{value:.3g}"

    now = display(t.effect, result.scale)
    name = f"{t.t1} against {t.t2}" + (f" in {t.study}" if t.study else "")
    return [name, "-" if now is None else f"{now:.3g}", shifted(t.below), t.best_below or "-", shifted(t.above),
            t.best_above or "-"]  # fmt: skip


def rank_influence(request: Request) -> Part:
    """P-scores without each study."""
    base = _scores(request.result)
    assert base is not None
    first = max(base, key=lambda t: base[t])
    data: list[dict[str, Any]] = []
    rows = []
    for left in leave_one_out(request.effects, request.result):
        scores = None if left.result is None else _scores(left.result)
        if scores is None:
            gone = {
                "study": left.study,
                "p_scores": None,
                "subnetworks": plain(left.subnetworks),
                "reason": left.reason,
            }
            data.append(gone)
            rows.append((2.0, [left.study, left.reason or "no longer one network", "-", "-"]))
            continue
        change = {t: scores[t] - base[t] for t in scores}
        most = max(change, key=lambda t: abs(change[t]))
        best = max(scores, key=lambda t: scores[t])
        data.append({"study": left.study, "p_scores": scores, "largest_change": change[most], "best": best})
        shown = f"{most} {base[most]:.2f} to {scores[most]:.2f}"
        rows.append((abs(change[most]), [left.study, shown, best, "" if best == first else "another first"]))
    rows.sort(key=lambda pair: -pair[0])
    title = f"Ranking without each study (first with all: {first})"
    header = ["left out", "largest change of a P-score", "first", ""]
    return part({"p_scores": base, "best": first, "without": data}, title, header, [row for _, row in rows])


def _scores(result: NetworkResult) -> dict[str, float] | None:
    if result.ranking is None:
        return None
    random = result.ranking.p_score_random
    scores = result.ranking.p_score_common if random is None else random
    return dict(zip(result.treatments, (float(x) for x in scores), strict=True))


def without_treatments(request: Request) -> Part:
    """The fit without each treatment and what it does to the connections."""
    data, rows = [], []
    for left in leave_one_treatment_out(request.effects, request.result):
        lost = ", ".join(left.lost_treatments) or "-"
        entry: dict[str, Any] = {
            "treatment": left.treatment,
            "lost_studies": list(left.lost_studies),
            "lost_treatments": list(left.lost_treatments),
            "subnetworks": plain(left.subnetworks),
            "reason": left.reason,
            "effects": None,
        }
        if left.result is None:
            pieces = " | ".join(", ".join(names) for names in left.subnetworks) or "nothing is left"
            shown = left.reason or f"pieces: {pieces}"
        else:
            versus = against_reference(left.result)
            entry["reference"] = left.result.reference
            entry["tau2"] = None if left.result.tau2 is None else left.result.tau2.value
            entry["effects"] = [
                {"treatment": r.treatment, **(estimate_to_dict(r.random or r.common, request.result.scale) or {})}
                for r in versus
            ]
            shown = f"against {left.result.reference}: " + "; ".join(
                f"{r.treatment} {cell(r.random or r.common, request.result)}" for r in versus
            )
        data.append(entry)
        rows.append([left.treatment, str(len(left.lost_studies)), lost, shown])
    header = ["left out", "studies lost", "treatments lost", "effects"]
    return part(data, "Without each treatment", header, rows)
