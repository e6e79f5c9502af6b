"""Times of the pairwise engine against its bars and its peers, one line a task: ``python benchmarks/pairwise.py``.

CPU seconds; bars are for one idle core with one BLAS thread, which the script sets. The 13 studies are those of the BCG
trials (Colditz et al. 1994, JAMA 271:698-702). metafor runs where ``Rscript`` has it, PyMetaAnalysis where
EVIPOOL_PEER names an interpreter that has it; their columns are "theirs / ours". metafor's fit of large samples grows
with the cube of their number, so that it gets 1,000 studies there.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

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
    """CPU seconds a call, best of three runs of ``times`` calls."""
    task()
    best = np.inf
    for _ in range(3):
        start = time.process_time()
        for _ in range(times):
            task()
        best = min(best, (time.process_time() - start) / times)
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
    if "OMP_NUM_THREADS" not in os.environ:  # read when NumPy is loaded: once more, with one thread
        one = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
        os.execve(sys.executable, [sys.executable, __file__], os.environ | one)
    names = [str(i // 2) for i in range(26)]
    arms = arm_table(names, ["vaccine", "none"] * 13, events=EVENTS, n=UNITS)
    effects = compute_effects(arms, "OR", reference="none")
    y, v = effects.y, effects.v
    rng = np.random.default_rng(1)
    draw = rng.integers(0, 13, (1000, 13))
    result = pairwise(effects, reference="none")
    sixteen = pairwise(compute_effects(_many(rng, 16), "OR", reference="y"), reference="y")
    big_y, big_v = rng.normal(size=10_000), rng.uniform(0.1, 1, 10_000)
    tasks: list[tuple[str, str, Callable[[], object], int, float]] = [
        ("one", "one fit of 13 with everything, alone", lambda: whole_fit(y, v), 100, 1e-3),
        ("", "1,000 fits of 13 with everything", lambda: whole_fit(y[draw], v[draw]), 3, 0.3),
        (
            "pairwise",
            "pairwise() of 13 with its tables",
            lambda: pairwise(arms, measure="OR", reference="none"),
            50,
            5e-3,
        ),
        ("large", "REML of 10,000 studies", lambda: tau2_reml(big_y, big_v), 10, 5e-3),
        ("bootstrap", "10,000 bootstrap REML fits of 13", lambda: bootstrap(result, np.random.default_rng(2)), 1, 1.0),
        ("gosh", "GOSH of 16 studies (65,519 fits)", lambda: gosh(sixteen), 1, 3.0),
        ("leave1out", "leave-one-out of 13", lambda: leave_one_out(result), 50, 5e-3),
        ("influence", "influence of 13", lambda: influence(result), 50, 5e-3),
    ]
    peers = {"metafor": _metafor(), "PyMetaAnalysis": _python_peer(y, v, big_y, big_v)}
    print(f"{'':36s}{'CPU ms':>10s}{'bar':>9s}      " + "".join(f"{name:>18s}" for name in peers))
    for key, name, task, times, bar in tasks:
        taken = seconds(task, times)
        ratios = "".join(
            f"{found[key] / taken:>16,.0f} x" if key in found else f"{'-':>18s}" for found in peers.values()
        )
        print(f"{name:36s}{1e3 * taken:10.3f}{1e3 * bar:9.1f}  {'ok  ' if taken <= bar else 'OVER'}{ratios}")


HERE = Path(__file__).resolve().parent


def _metafor() -> dict[str, float]:
    if shutil.which("Rscript") is None:
        return {}
    done = subprocess.run(["Rscript", str(HERE / "pairwise_metafor.R")], capture_output=True, text=True, check=False)
    return _parsed(done.stdout)


def _python_peer(y: np.ndarray, v: np.ndarray, large_y: np.ndarray, large_v: np.ndarray) -> dict[str, float]:
    peer = os.environ.get("EVIPOOL_PEER")
    if peer is None:
        return {}
    data = {"y": y.tolist(), "v": v.tolist(), "large_y": large_y.tolist(), "large_v": large_v.tolist()}
    done = subprocess.run([peer, str(HERE / "pairwise_peer.py")], input=json.dumps(data), capture_output=True,
                          text=True, check=True)  # fmt: skip
    return _parsed(done.stdout)


def _parsed(text: str) -> dict[str, float]:
    """``task seconds note`` a line."""
    return {line.split()[0]: float(line.split()[1]) for line in text.splitlines() if len(line.split()) > 1}


def _many(rng: np.random.Generator, k: int):  # type: ignore[no-untyped-def]
    names = [str(i // 2) for i in range(2 * k)]
    return arm_table(names, ["x", "y"] * k, events=list(rng.integers(5, 40, 2 * k)), n=[100] * (2 * k))


if __name__ == "__main__":
    main()
