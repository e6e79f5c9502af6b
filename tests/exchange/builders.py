"""Payloads of results as analyses store them, from arms, without a project."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from toolkit.analysis.fit import fit
from toolkit.analysis.run import DATA_COLUMNS
from toolkit.analysis.select import SelectedArm, Selection
from toolkit.config import Analysis, Outcome, Review, ReviewFile
from toolkit.engine.effects import arm_table
from toolkit.engine.network import network, network_effects, network_to_dict
from toolkit.engine.pairwise import pairwise
from toolkit.engine.tabulate import result_to_dict
from toolkit.exchange.scripts import analysis_scripts
from toolkit.exchange.scripts import write_data as write_csv_files
from toolkit.model.spec import NetworkSpec, PairwiseSpec
from toolkit.records.tables import write_form

NAN = float("nan")


def arm(study: str, treatment: str, **values: float) -> SelectedArm:
    numbers = {name: values.get(name) for name in ("n", "events", "mean", "sd", "time")}
    return SelectedArm(study=study, treatment=treatment, months=None, unit=None, status=None, arms=("1",), **numbers)


# Zero cells in one arm, in both, events in everybody, names that CSV, R and Stata could trip over.
COUNTS = (
    ("王 2001", 3, 20, 7, 21), ('O"Brien 2004', 0, 15, 4, 16), ("=Smith 2009", 5, 40, 9, 41),
    ("Ünal 2010", 0, 12, 0, 11), ("Li 2012", 12, 50, 18, 52), ("Doe 2015", 9, 9, 6, 10),
)  # fmt: skip
MEANS = (
    ("王 2001", 20, 16.2, 3.1, 21, 18.0, 4.2), ("Li 2012", 30, 14.1, 2.9, 28, 17.3, 3.3),
    ("Doe 2015", 12, 15.5, 5.0, 14, 15.1, 4.4), ("Roe 2018", 44, 13.9, 3.8, 40, 18.8, 5.1),
)  # fmt: skip
TREATED, CONTROL = "干细胞 + CD", "CD"


def pair_arms(kind: str) -> list[SelectedArm]:
    found = []
    if kind == "continuous":
        for study, n1, m1, s1, n2, m2, s2 in MEANS:
            found += [arm(study, TREATED, n=n1, mean=m1, sd=s1), arm(study, CONTROL, n=n2, mean=m2, sd=s2)]
        return found
    for study, e1, n1, e2, n2 in COUNTS:
        first = {"n": n1} if kind == "binary" else {"time": n1 * 1.7}
        second = {"n": n2} if kind == "binary" else {"time": n2 * 1.7}
        found += [arm(study, TREATED, events=e1, **first), arm(study, CONTROL, events=e2, **second)]
    return found


def network_arms(kind: str) -> list[SelectedArm]:
    """The pairs, a study of three arms and one that closes a loop."""
    found, third = pair_arms(kind), "骨移植"
    extra = {
        "binary": [{"events": 4, "n": 30}, {"events": 8, "n": 31}, {"events": 6, "n": 29}, {"events": 2, "n": 25}],
        "rate": [
            {"events": 4, "time": 55.0}, {"events": 8, "time": 51.0}, {"events": 6, "time": 49.5},
            {"events": 2, "time": 40.0},
        ],
        "continuous": [
            {"n": 25, "mean": 15.0, "sd": 3.0}, {"n": 26, "mean": 17.0, "sd": 3.6}, {"n": 24, "mean": 16.0, "sd": 3.3},
            {"n": 33, "mean": 14.0, "sd": 4.0},
        ],
    }[kind]  # fmt: skip
    names = [("Three 2019", TREATED), ("Three 2019", CONTROL), ("Three 2019", third), ("Loop 2020", TREATED)]
    found += [arm(study, name, **values) for (study, name), values in zip(names, extra, strict=True)]
    last = {
        "binary": {"events": 5, "n": 27},
        "rate": {"events": 5, "time": 44.0},
        "continuous": {"n": 31, "mean": 16.6, "sd": 3.7},
    }
    return [*found, arm("Loop 2020", third, **last[kind])]


def payload(arms: list[SelectedArm], spec: PairwiseSpec | NetworkSpec, name: str = "x") -> dict[str, Any]:
    columns = {
        c: [NAN if getattr(a, c) is None else float(getattr(a, c)) for a in arms]
        for c in ("n", "events", "mean", "sd", "time")
    }
    table = arm_table([a.study for a in arms], [a.treatment for a in arms], **columns)
    if isinstance(spec, PairwiseSpec):
        kind, result = "pairwise", result_to_dict(pairwise(table, spec))
    else:
        effects = network_effects(table, spec)
        kind, result = "network", network_to_dict(network(effects, spec), effects)
    return {
        "analysis": name, "kind": kind, "fingerprint": "f" * 64, "spec": asdict(spec), "status": "estimated",
        "reason": None, "result": result,
        "selection": {"arms": [asdict(a) for a in arms], "left_out": [], "flags": []},
    }  # fmt: skip


def write_data(folder: Path, arms: list[SelectedArm]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    write_form(folder / "data.csv", DATA_COLUMNS, [[getattr(a, name) for name in DATA_COLUMNS] for a in arms])


def write_analysis(folder: Path, arms: list[SelectedArm], found: Any) -> None:
    """The folder of an analysis as `evipool export scripts` fills it."""
    write_data(folder, arms)
    write_csv_files(found, (folder / "data.csv").read_bytes(), folder)
    for script in analysis_scripts(found)[0]:
        (folder / script.name).write_text(script.text, encoding="utf-8")


# Twelve studies of rare events and of means, with what an analysis may ask of them: made up.
TWELVE: dict[str, list[tuple[float, ...]]] = {
    "binary": [(12, 120, 20, 118), (3, 60, 9, 62), (0, 45, 4, 44), (25, 210, 31, 205), (7, 80, 6, 82), (2, 30, 8, 33),
               (18, 150, 30, 149), (5, 55, 7, 50), (11, 95, 25, 99), (40, 300, 52, 310), (1, 40, 2, 41),
               (9, 66, 21, 70)],
    "continuous": [(40, 16.2, 3.1, 41, 18.0, 4.2), (30, 14.1, 2.9, 28, 17.3, 3.3), (12, 15.5, 5.0, 14, 15.1, 4.4),
                   (44, 13.9, 3.8, 40, 18.8, 5.1), (25, 15.0, 3.0, 26, 17.0, 3.6), (33, 14.0, 4.0, 31, 16.6, 3.7),
                   (60, 16.0, 4.4, 62, 16.9, 4.1), (18, 12.9, 3.6, 17, 17.9, 4.9), (75, 15.2, 3.9, 71, 17.1, 4.0),
                   (22, 16.1, 4.2, 24, 15.9, 3.5), (51, 14.8, 3.3, 49, 17.7, 3.8), (28, 13.3, 4.6, 30, 17.2, 4.4)],
}  # fmt: skip
NAMES = (
    "王 2001",
    'O"Brien 2004',
    "=Smith 2009",
    "Ünal 2010",
    "Li 2012",
    *(f"Doe {year}" for year in range(2013, 2020)),
)
COLUMNS = {
    "区": ["a b", "c", "a b", "c", "d", "a b", "c", "d", "a b", "c", "d", "a b"],
    "year": [str(1999 + 2 * i) for i in (0, 4, 1, 6, 3, 8, 2, 7, 5, 10, 9, 11)],
    "=dose": ["1,5", "2", "1", "3", "2,5", "2", "1", "3", "2", "1", "2", "3"],
    "level": ["1", "2", "1", "3", "2", "2", "1", "3", "2", "1", "", "3"],
    "trial": ["t1", "t1", "t2", "t3", "t3", "t4", "t5", "t5", "t6", "t7", "t7", "t8"],
}


def twelve(kind: str) -> list[SelectedArm]:
    found = []
    for study, row in zip(NAMES, TWELVE["continuous" if kind == "continuous" else "binary"], strict=True):
        half = len(row) // 2
        for name, numbers in ((TREATED, row[:half]), (CONTROL, row[half:])):
            if kind == "continuous":
                found.append(arm(study, name, **dict(zip(("n", "mean", "sd"), numbers, strict=True))))
            else:
                own = {"n": numbers[1]} if kind == "binary" else {"time": numbers[1] * 1.7}
                found.append(arm(study, name, events=numbers[0], **own))
    return found


def declared(arms: list[SelectedArm], numbers: str, **keys: Any) -> Any:
    """The payload of an analysis as review.toml declares it, ``keys``; columns are those of `COLUMNS`."""
    network = keys.get("kind") == "network"
    base: dict[str, Any] = {"id": "x", "kind": "pairwise", "outcome": "o", "reference": CONTROL}
    analysis = Analysis(**base | ({} if network else {"treatment": TREATED}) | keys)
    outcome = Outcome.model_validate({"id": "o", "name": "o", "type": numbers, "better": "lower"})
    known = {name: {s: v for s, v in zip(NAMES, values, strict=True) if v} for name, values in COLUMNS.items()}
    selection = Selection(
        arms=tuple(arms),
        left_out=(),
        flags=(),
        columns={name: known[name] for name in analysis.columns if name in known},
    )
    config = ReviewFile(review=Review(title="t"), outcomes=(outcome,), analyses=(analysis,))
    return json.loads(json.dumps(fit(config, analysis, selection).payload))
