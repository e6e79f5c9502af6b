"""Times of the pairwise engine against its bars, one line a task: ``python benchmarks/pairwise.py``.

Bars are for one idle core with one BLAS thread (OMP_NUM_THREADS=1). The 13 studies are those of the BCG trials
(Colditz et al. 1994, JAMA 271:698-702).
"""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np

from toolkit.engine.effects import arm_table, compute_effects
from toolkit.engine.intervals import interval_hartung_knapp, interval_wald, quantile
from toolkit.engine.pairwise import pairwise
from toolkit.engine.pooling import pool_inverse_variance
from toolkit.engine.prediction import prediction_t_k1
from toolkit.engine.resample import bootstrap, gosh
from toolkit.engine.sensitivity import influence, leave_one_out
from toolkit.engine.tau2 import q_profile, tau2_reml

EVENTS = [4, 11, 6, 29, 3, 11, 62, 248, 33, 47, 180, 372, 8, 10, 505, 499, 29, 45, 17, 65, 186, 141, 5, 3, 27, 29]
UNITS = [
    123, 139, 306, 303, 231, 220, 13598, 12867, 5069, 5808, 1541, 1451, 2545, 629, 88391, 88391, 7499, 7277, 1716,
    1665, 50634, 27338, 2498, 2341, 16913, 17854,
]  # fmt: skip


def seconds(task: Callable[[], object], times: int) -> float:
    """Best of three runs of ``times`` calls, per call."""
    task()
    best = np.inf
    for _ in range(3):
        start = time.perf_counter()
        for _ in range(times):
            task()
        best = min(best, (time.perf_counter() - start) / times)
    return float(best)


def whole_fit(y: np.ndarray, v: np.ndarray) -> None:
    """REML with Wald, Hartung-Knapp, Q-profile and prediction interval, on (k,) or (B, k)."""
    pooled = pool_inverse_variance(y, v, tau2_reml(y, v).value)
    for interval in (interval_wald, interval_hartung_knapp):
        quantile(0.95, interval(pooled).df)
    q_profile(y, v)
    prediction_t_k1(pooled, 0.95)


def main() -> None:
    """Print task, time, bar and whether it holds."""
    names = [str(i // 2) for i in range(26)]
    arms = arm_table(names, ["vaccine", "none"] * 13, events=EVENTS, n=UNITS)
    effects = compute_effects(arms, "OR", reference="none")
    y, v = effects.y, effects.v
    rng = np.random.default_rng(1)
    draw = rng.integers(0, 13, (1000, 13))
    result = pairwise(effects, reference="none")
    sixteen = pairwise(compute_effects(_many(rng, 16), "OR", reference="y"), reference="y")
    big_y, big_v = rng.normal(size=10_000), rng.uniform(0.1, 1, 10_000)
    tasks: list[tuple[str, Callable[[], object], int, float]] = [
        ("one fit of 13 with everything, alone", lambda: whole_fit(y, v), 100, 1e-3),
        ("1,000 fits of 13 with everything (bar 1,000 x 0.3 ms)", lambda: whole_fit(y[draw], v[draw]), 3, 0.3),
        ("pairwise() of 13 with its tables", lambda: pairwise(arms, measure="OR", reference="none"), 50, 5e-3),
        ("REML of 10,000 studies", lambda: tau2_reml(big_y, big_v), 10, 5e-3),
        ("10,000 bootstrap REML fits of 13", lambda: bootstrap(result, np.random.default_rng(2)), 1, 1.0),
        ("GOSH of 16 studies (65,519 fits)", lambda: gosh(sixteen), 1, 3.0),
        ("leave-one-out of 13", lambda: leave_one_out(result), 50, 5e-3),
        ("influence of 13", lambda: influence(result), 50, 5e-3),
    ]
    for name, task, times, bar in tasks:
        taken = seconds(task, times)
        print(f"{name:58s}{1e3 * taken:10.3f} ms   bar {1e3 * bar:8.1f} ms   {'ok' if taken <= bar else 'OVER'}")


def _many(rng: np.random.Generator, k: int):  # type: ignore[no-untyped-def]
    names = [str(i // 2) for i in range(2 * k)]
    return arm_table(names, ["x", "y"] * k, events=list(rng.integers(5, 40, 2 * k)), n=[100] * (2 * k))


if __name__ == "__main__":
    main()
