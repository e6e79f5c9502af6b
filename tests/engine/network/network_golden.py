"""Reading the reference values and comparing fits with them; one check a kind of call."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from toolkit.engine.data import Effects
from toolkit.engine.effects import arm_table, compute_effects, effects_from_contrasts
from toolkit.engine.network import network
from toolkit.engine.results import NetworkResult
from toolkit.model.spec import ZeroCells

Case = dict[str, Any]
CLOSED = 1e-8
ITERATIVE = 1e-5


@dataclass
class Dataset:
    """One file of reference values with its effects and fits, made once."""

    name: str
    content: dict[str, Any]
    fits: dict[tuple[Any, ...], tuple[Effects, NetworkResult]] = field(default_factory=dict)

    @classmethod
    def read(cls, path: Path) -> Dataset:
        return cls(path.stem, json.loads(path.read_text(encoding="utf-8")))

    @property
    def cases(self) -> list[Case]:
        return list(self.content["cases"])

    @property
    def tol(self) -> float:
        # Rounded standard errors of multi-arm pairs do not add up exactly there (README).
        return 1e-6 if "linde2016" in self.name else CLOSED

    def effects(self, case: Case) -> Effects:
        columns = {k: np.array(v) for k, v in self.content["data"]["columns"].items()}
        options = case.get("options", {})
        if options.get("subset") == "year >= 2003":
            keep = columns["year"].astype(float) >= 2003
            columns = {k: v[keep] for k, v in columns.items()}
        if isinstance(options.get("subset"), str) and "without Placebo" in options["subset"]:
            columns = {k: np.array(v) for k, v in case["expect"]["subset"].items()}
        if self.content["data"]["kind"] == "contrast":
            te, se = columns.get("TE"), columns.get("seTE")
            if te is None:
                te, se = np.zeros(len(columns["study"])), np.ones(len(columns["study"]))
            return effects_from_contrasts(
                columns["study"].tolist(), columns["treat1"].tolist(), columns["treat2"].tolist(), te, se
            )
        return arm_effects(columns, case["sm"] or "OR", keep_double_zero=bool(options.get("allstudies")))

    def fit(self, case: Case, tau2: str = "DL", value: float | None = None) -> tuple[Effects, NetworkResult]:
        options = case.get("options", {})
        key = (case["sm"], str(options.get("subset")), bool(options.get("allstudies")), tau2, value)
        if key not in self.fits:
            effects = self.effects(case)
            fitted = network(
                effects, measure=effects.measure, tau2=tau2, tau2_value=value, reference=options.get("reference.group")
            )
            self.fits[key] = effects, fitted
        return self.fits[key]


def arm_effects(columns: dict[str, np.ndarray], measure: str, *, keep_double_zero: bool) -> Effects:
    """Effects of arm-level columns."""
    if measure == "SMD":  # netmeta's is Cohen's d, the toolkit's Hedges' g
        return cohen_effects(columns)
    policy = ZeroCells(drop_double_zero=not keep_double_zero)
    numbers = {k: columns[k].astype(float) for k in ("n", "events", "mean", "sd", "time") if k in columns}
    arms = arm_table(columns["study"].tolist(), columns["treatment"].tolist(), **numbers)
    return compute_effects(arms, {"ASD": "AS"}.get(measure, measure), zero_cells=policy)


def cohen_effects(columns: dict[str, np.ndarray]) -> Effects:
    """Cohen's d with one SD a study: what netmeta calls SMD (Crippa and Orsini 2016, equations 4 and 5).

    doi:10.1186/s12874-016-0189-0. The toolkit's own SMD is Hedges' g, so these effects are made here.
    """
    names = sorted(set(columns["treatment"].tolist()))
    y, V, t1, t2, start = [], [], [], [], [0]
    studies = list(dict.fromkeys(columns["study"].tolist()))
    for study in studies:
        at = np.flatnonzero(columns["study"] == study)
        n, mean, sd = (columns[k][at].astype(float) for k in ("n", "mean", "sd"))
        d = (mean[1:] - mean[0]) / np.sqrt(np.sum((n - 1) * sd**2) / np.sum(n - 1))
        y.append(d)
        V.append(np.diag(1 / n[1:]) + 1 / n[0] + np.outer(d, d) / (2 * n.sum()))
        index = [names.index(t) for t in columns["treatment"][at]]
        t1 += index[1:]
        t2 += [index[0]] * len(d)
        start.append(start[-1] + len(d))
    return Effects(
        measure="GEN",
        scale="identity",
        studies=tuple(studies),
        start=np.array(start),
        y=np.concatenate(y),
        V=tuple(V),
        t1=np.array(t1),
        t2=np.array(t2),
        treatments=tuple(names),
    )


def close(found: Any, wanted: Any, tol: float, what: str) -> None:
    """Assert equality within `tol`, absolute or relative, whichever is kinder."""
    found, wanted = np.asarray(found, dtype=float), np.asarray(wanted, dtype=float)
    assert found.shape == wanted.shape, f"{what}: shape {found.shape}, wanted {wanted.shape}"
    mask = np.isfinite(wanted)
    difference = np.abs(found - wanted)[mask]
    allowed = tol * np.maximum(1.0, np.abs(wanted[mask]))
    assert np.all(difference <= allowed), f"{what}: off by {np.nanmax(difference):.3g}, tolerance {tol:g}"


def order(result: NetworkResult, names: list[str]) -> np.ndarray:
    """Index arrays that put a result's matrices in the order of `names`."""
    return np.ix_(*(2 * [[result.treatments.index(t) for t in names]]))


def filled(values: list[list[Any]]) -> np.ndarray:
    """Nested lists with None as an array with NaN."""
    return np.array([[np.nan if v is None else float(v) for v in row] for row in values])


Check = Callable[[Dataset, Case], bool | None]
CHECKS: dict[str, Check] = {}


def check(call: str) -> Callable[[Check], Check]:
    """Register the check of a kind of call; a check returns False for an option that is not there."""

    def register(function: Check) -> Check:
        CHECKS[call] = function
        return function

    return register


def run(dataset: Dataset) -> tuple[dict[str, int], list[str]]:
    """Check every case that has a check: cases checked per call, and what failed."""
    counts: dict[str, int] = {}
    failed = []
    for case in dataset.cases:
        call = case["call"]
        if call not in CHECKS:
            continue
        try:
            counts[call] = counts.get(call, 0) + (CHECKS[call](dataset, case) is not False)
        except (AssertionError, ValueError, KeyError) as error:
            failed.append(f"{dataset.name} {call} {case['sm']} {case['options']}: {error!r}"[:600])
    return counts, failed
