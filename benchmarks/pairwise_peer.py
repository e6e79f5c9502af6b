"""CPU seconds of PyMetaAnalysis on the tasks of pairwise.py: task, seconds, note. Run by an interpreter that has it.

The data come as JSON on standard input: y, v, large_y, large_v.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable

import meta_analyze
import numpy as np
import pandas as pd


def cpu(task: Callable[[], object], times: int) -> float:
    """CPU seconds a call."""
    task()
    start = time.process_time()
    for _ in range(times):
        task()
    return (time.process_time() - start) / times


def main() -> None:
    """Print one line a task."""
    data = json.load(sys.stdin)
    y, v = np.array(data["y"]), np.array(data["v"])
    names = [f"s{i}" for i in range(y.size)]

    def fit(effects: np.ndarray, variances: np.ndarray, labels: list[str]) -> object:
        frame = pd.DataFrame({"study": labels, "effect": effects, "variance": variances})
        return meta_analyze.meta_analysis(frame, effect="effect", variance="variance", study="study", model="random",
                                          tau2_method="REML")  # fmt: skip

    rng = np.random.default_rng(1)

    def resample() -> object:
        draw = rng.integers(0, y.size, y.size)
        return fit(y[draw], v[draw], names)

    big = np.array(data["large_y"]), np.array(data["large_v"])
    labels = [f"s{i}" for i in range(big[0].size)]
    one = cpu(lambda: fit(y, v, names), 30)
    print("one", one)
    print("pairwise", one)
    print("large", cpu(lambda: fit(*big, labels), 2), "10,000 studies")
    print("bootstrap", cpu(resample, 60) * 10_000, "60 fits times 167")


if __name__ == "__main__":
    main()
