"""CPU times of the network engine against its bars, one line a task: ``python benchmarks/network.py [FOLDER]``.

Bars are for one core with one BLAS thread (OMP_NUM_THREADS=1). FOLDER holds the CSV files of a generator with the
columns study, treatment, n, events (t020_s0200.csv, t050_s1000.csv, t100_s5000.csv); without it networks of the same
sizes are made here from a fixed seed. Where Rscript and metafor are there, one REML fit of the smallest network by
rma.mv is timed too (network_metafor.R); netmeta is in no Debian package and is not run.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
import time
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import numpy as np

from toolkit.engine.data import ArmTable, Effects
from toolkit.engine.effects import arm_table, compute_effects
from toolkit.engine.network import (
    bootstrap_network,
    contributions,
    league_table,
    leave_one_out,
    network,
    rank_probabilities,
    side_split,
    split_evidence,
)
from toolkit.engine.tables import read_table


def made(treatments: int, studies: int, seed: int) -> ArmTable:
    """A connected network, one study in eight of three or four arms, tau 0.2 on the log odds."""
    rng = np.random.default_rng(seed)
    popular = 1 / np.arange(1, treatments + 1) ** 0.6
    effect = rng.normal(-0.3, 0.35, treatments)
    study: list[str] = []
    treatment: list[str] = []
    units: list[int] = []
    events: list[int] = []
    for s in range(studies):
        chosen = [int(rng.integers(0, s + 1)), s + 1] if s < treatments - 1 else None
        if chosen is None:
            size = int(rng.integers(3, 5)) if rng.random() < 0.125 else 2
            chosen = rng.choice(treatments, size, replace=False, p=popular / popular.sum()).tolist()
        base = rng.normal(-1.0, 0.5)
        for t in chosen:
            n = int(rng.integers(40, 400))
            p = 1 / (1 + np.exp(-(base + effect[t] + rng.normal(0, 0.2 / np.sqrt(2)))))
            study.append(f"s{s}")
            treatment.append(f"T{t:03d}")
            units.append(n)
            events.append(int(rng.binomial(n, p)))
    return arm_table(study, treatment, n=units, events=events)


def load(folder: Path | None, name: str, treatments: int, studies: int) -> Effects:
    """Odds ratios of one network."""
    if folder is None:
        return compute_effects(made(treatments, studies, 100 + treatments), "OR")
    arms = read_table(folder / f"{name}.csv", measure="OR").arms
    assert arms is not None
    return compute_effects(arms, "OR")


def seconds(task: Callable[[], object]) -> float:
    """CPU time: best of three runs after one that is not counted."""
    task()
    times = []
    for _ in range(3):
        start = time.process_time()
        task()
        times.append(time.process_time() - start)
    return min(times)


def metafor_seconds(effects: Effects) -> float | None:
    """CPU seconds of one fit by metafor::rma.mv; None without R or metafor."""
    program, script = shutil.which("Rscript"), Path(__file__).with_name("network_metafor.R")
    if program is None or effects.arms is None:
        return None
    arms = effects.arms
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "arms.csv"
        rows = zip(arms.study, arms.treatment, arms.events.tolist(), arms.n.tolist(), strict=True)
        path.write_text("study,treatment,events,n\n" + "".join(f"{s},{t},{e:g},{n:g}\n" for s, t, e, n in rows))
        done = subprocess.run(
            [program, str(script), str(path)], capture_output=True, text=True, timeout=280, check=False
        )
    return float(done.stdout.split()[0]) if done.returncode == 0 else None


def main() -> None:
    """Print task, time, bar and whether it holds; memory per study at two sizes."""
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else None
    small, middle, large = (
        load(folder, f"t{t:03d}_s{s:04d}", t, s) for t, s in ((20, 200), (50, 1000), (100, 5000))
    )  # fmt: skip
    fitted = {id(e): network(e, measure="OR", small_values="good") for e in (small, middle, large)}
    rng = np.random.default_rng
    tasks: list[tuple[str, Callable[[], object], float | None]] = [
        ("fit, DL, 20 treatments, 200 studies", lambda: network(small, measure="OR", tau2="DL"), 0.010),
        ("fit, REML, 20 treatments, 200 studies", lambda: network(small, measure="OR"), 0.010),
        ("fit, REML, 100 treatments, 5,000 studies", lambda: network(large, measure="OR"), 1.0),
        ("all back-calculation splits, 50 treatments", lambda: split_evidence(middle, fitted[id(middle)]), 0.1),
        ("random-walk contributions, 50 treatments", lambda: contributions(middle, fitted[id(middle)]), 1.0),
        ("1,000 bootstrap refits, 20 treatments, 200 studies", lambda: bootstrap_network(small, rng(1)), 3.0),
        ("league table, 100 treatments", lambda: league_table(fitted[id(large)]), 0.1),
        ("100,000 rank draws, 20 treatments", lambda: rank_probabilities(fitted[id(small)], rng(1)), None),
        ("leave-one-out, 200 studies", lambda: list(leave_one_out(small, fitted[id(small)])), None),
        ("side-splits with refit, 20 treatments", lambda: side_split(small), None),
    ]
    for name, task, bar in tasks:
        taken = seconds(task)
        held = "" if bar is None else f"   bar {1e3 * bar:8.1f} ms   {'ok' if taken <= bar else 'OVER'}"
        print(f"{name:54s}{1e3 * taken:10.2f} ms{held}")
    theirs = metafor_seconds(small)
    if theirs is None:
        print("metafor: not run (no Rscript with metafor)")
    else:
        ours = seconds(lambda: network(small, measure="OR"))
        print(f"the same REML fit by metafor's rma.mv: {theirs:.2f} s, {theirs / ours:,.0f} times ours")
    for effects in (middle, large):
        tracemalloc.start()
        network(effects, measure="OR")
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        T, S = len(effects.treatments), len(effects.studies)
        print(f"memory of a fit, {T} treatments, {S} studies: {peak / 2**20:.1f} MB, {peak / S / 1024:.1f} kB a study")


if __name__ == "__main__":
    main()
