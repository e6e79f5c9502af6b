"""Further analyses of `evipool network`: each as data for JSON and as text for the terminal."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from rich.console import Console

from toolkit.cli.network_text import as_text, cell, p_value, print_table
from toolkit.engine.data import Effects
from toolkit.engine.network import (
    against_reference,
    consistency_model,
    contributions,
    decompose_designs,
    leave_one_out,
    rank_probabilities,
    separate_comparisons,
    side_split,
)
from toolkit.engine.results import NetworkResult
from toolkit.engine.tabulate import estimate_to_dict, plain

__all__ = ["Part", "further"]

Rows = Sequence[Sequence[str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One further analysis."""

    data: Any
    text: str


def further(
    names: Sequence[str], effects: Effects, result: NetworkResult, model: str, draws: int, seed: int
) -> dict[str, Part]:
    """The analyses `names`, in the order asked for."""
    functions: dict[str, Callable[[], Part]] = {
        "side-split": lambda: _side_split(effects, result),
        "designs": lambda: _designs(effects),
        "contributions": lambda: _contributions(effects, result, model),
        "leave-one-out": lambda: _leave_one_out(effects, result),
        "ranks": lambda: _ranks(result, model, draws, seed),
        "pairwise": lambda: _pairwise(effects, result),
    }
    return {name: functions[name]() for name in dict.fromkeys(names)}


def _part(data: Any, title: str, header: Sequence[str], rows: Rows) -> Part:
    def show(console: Console) -> None:
        print_table(console, title, header, rows)

    return Part(data=data, text=as_text(show))


def _side_split(effects: Effects, result: NetworkResult) -> Part:
    rows = side_split(effects, tau2=result.spec.tau2, tau2_value=result.spec.tau2_value, level=result.spec.level)
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
    title = f"Side-splitting with refit, symmetric, {result.spec.tau2}"
    return _part(data, title, ["comparison", "studies", "direct", "indirect", "p differ", "tau2"], shown)


def _designs(effects: Effects) -> Part:
    found = decompose_designs(effects, consistency_model(effects))
    detached = {d.design: d for d in found.detached}
    rows = []
    for d in found.within:
        out = detached.get(d.design)
        rest = ["-", "-", "-"] if out is None else [f"{out.q:.2f}", str(out.df), p_value(out.p)]
        rows.append([d.design, f"{d.q:.2f}" if d.df else "-", str(d.df), p_value(d.p), *rest])
    header = ["design", "Q within", "df", "p", "Q between when detached", "df", "p"]
    return _part(plain(found), "Heterogeneity and inconsistency by design", header, rows)


def _contributions(effects: Effects, result: NetworkResult, model: str) -> Part:
    found = contributions(effects, result, model=model)
    data = {
        "method": found.method,
        "model": found.model,
        "comparisons": [list(c) for c in found.comparisons],
        "edges": [list(e) for e in found.edges],
        "by_edge": plain(found.proportion),
        "studies": list(found.studies),
        "by_study": plain(found.study_proportion),
    }
    rows = []
    for c, shares in zip(found.comparisons, found.study_proportion, strict=True):
        top = [i for i in np.argsort(-shares)[:3] if shares[i] > 0]
        rows.append([f"{c[0]} against {c[1]}", ", ".join(f"{found.studies[i]} {100 * shares[i]:.0f} %" for i in top)])
    title = f"Largest contributions of studies ({found.method}, {model} effects)"
    return _part(data, title, ["comparison", "studies"], rows)


def _leave_one_out(effects: Effects, result: NetworkResult) -> Part:
    data, rows = [], []
    for left in leave_one_out(effects, result):
        if left.result is None:
            pieces = " | ".join(", ".join(names) for names in left.subnetworks) or "nothing is left"
            data.append({"study": left.study, "effects": None, "subnetworks": plain(left.subnetworks)})
            rows.append([left.study, f"no longer one network: {pieces}", "-"])
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
    return _part(data, "Without each study", ["left out", "effects", "tau2"], rows)


def _ranks(result: NetworkResult, model: str, draws: int, seed: int) -> Part:
    found = rank_probabilities(result, np.random.default_rng(seed), model=model, draws=draws)
    order = np.argsort(found.mean_rank, kind="stable")
    rows = [
        [found.treatments[i], f"{found.sucra[i]:.3f}", f"{found.mean_rank[i]:.2f}", f"{found.median_rank[i]:g}",
         f"{found.probability[i, 0]:.3f} ± {found.mc_se[i, 0]:.3f}"]
        for i in order
    ]  # fmt: skip
    title = f"Ranks, {model} effects, small values are {found.small_values} ({draws:,} draws, seed {seed})"
    if found.caution:
        title += f"\n{found.caution}"
    header = ["treatment", "SUCRA", "mean rank", "median rank", "probability of rank 1 ± Monte-Carlo SE"]
    return _part({**plain(found), "seed": seed}, title, header, rows)


def _pairwise(effects: Effects, result: NetworkResult) -> Part:
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
         cell(c.common, result), "-" if c.i2 is None else f"{100 * c.i2:.0f} %"]
        for c in found
    ]  # fmt: skip
    header = ["comparison", "studies", "random effects (DL)", "common effect", "I2"]
    return _part(data, "Each comparison alone", header, rows)
