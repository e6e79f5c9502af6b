"""Made-up results of several sizes for the figures, fitted by the engine."""

from __future__ import annotations

import math

import numpy as np

from toolkit.engine.data import ArmTable
from toolkit.engine.effects import arm_table
from toolkit.engine.network import network
from toolkit.engine.pairwise import pairwise
from toolkit.engine.results import NetworkResult, PairwiseResult

TREATMENT, REFERENCE = "CD + cells", "CD"

# Conversion to total hip arthroplasty, events and units with cells, then without: the eight studies of the demo review
# under their names in data/onfh, where the source of each number is given.
THA = (
    ("HauzeurStage3", 15, 23, 15, 23),
    ("Hernigou2018", 30, 125, 95, 125),
    ("Kang2018", 15, 53, 26, 53),
    ("Nally2018", 8, 16, 21, 47),
    ("Boontanapibul2021", 14, 50, 19, 33),
    ("Pilge2016", 2, 10, 4, 10),
    ("Jayankura2023", 6, 25, 4, 29),
    ("TasciBMAC", 2, 28, 4, 14),
)


def arms(rows: tuple[tuple[str, float, float, float, float], ...]) -> ArmTable:
    return arm_table(
        [name for name, *_ in rows for _ in (0, 1)],
        [TREATMENT, REFERENCE] * len(rows),
        events=[e for _, e1, _, e2, _ in rows for e in (e1, e2)],
        n=[n for _, _, n1, _, n2 in rows for n in (n1, n2)],
    )


def tha() -> PairwiseResult:
    return pairwise(arms(THA), measure="OR", treatment=TREATMENT, reference=REFERENCE)


def trials(k: int, name: str = "Author {} 20{:02d}", measure: str = "OR") -> PairwiseResult:
    """``k`` two-arm trials of varied size."""
    rng = np.random.default_rng(7)
    rows = []
    for i in range(k):
        n1, n2 = (int(n) for n in rng.integers(15, 300, 2))
        p2 = rng.uniform(0.1, 0.4)
        p1 = min(0.9, p2 * math.exp(rng.normal(-0.4, 0.4)))
        rows.append((name.format(i + 1, i % 25), rng.binomial(n1, p1), n1, rng.binomial(n2, p2), n2))
    return pairwise(arms(tuple(rows)), measure=measure, treatment=TREATMENT, reference=REFERENCE)


def network_arms(treatments: int, studies: int, name: str = "Treatment {}") -> ArmTable:
    """A connected network around treatment 1 with some three-arm studies."""
    rng = np.random.default_rng(3)
    columns: tuple[list[str], list[str], list[float], list[float]] = ([], [], [], [])
    for s in range(studies):
        if s < treatments - 1:
            chosen = [s + 1, 0 if s % 3 else int(rng.integers(0, s + 1))]
        else:
            size = 3 if treatments > 2 and rng.random() < 0.2 else 2
            chosen = [int(a) for a in rng.choice(treatments, size, replace=False)]
        for a in chosen:
            n = int(rng.integers(30, 400))
            events = int(rng.binomial(n, 0.1 + 0.25 * ((a * 7) % treatments) / treatments))
            for column, value in zip(columns, (f"S{s}", name.format(a + 1), n, max(events, 1)), strict=True):
                column.append(value)  # type: ignore[arg-type]
    return arm_table(columns[0], columns[1], n=columns[2], events=columns[3])


def treatments(count: int, name: str = "Treatment {}") -> NetworkResult:
    table = network_arms(count, count * 3, name)
    return network(table, measure="OR", reference=name.format(1), small_values="good")
