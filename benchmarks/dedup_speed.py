"""Seconds and memory of one deduplication, step by step.

    python benchmarks/dedup_speed.py DIR [--steps]

DIR holds records.csv (make_large.py). The file is read before the clock starts; memory counts its columns too: that of
this process and its workers together, shared pages counted once, looked at five times a second.
"""

from __future__ import annotations

import argparse
import json
import os
import threading
import time
from itertools import pairwise
from pathlib import Path

from dedup import used
from dedup_data import read_rows

from toolkit.dedup.block import likely_pairs
from toolkit.dedup.columns import RecordColumns
from toolkit.dedup.library import read_columns
from toolkit.dedup.pipeline import default_workers, match_pairs


class Memory(threading.Thread):
    """The most memory that this process and its children held together, in megabytes (Linux)."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.peak = 0.0

    def run(self) -> None:
        """Look, five times a second."""
        while True:
            self.peak = max(self.peak, held())
            time.sleep(0.2)


def held() -> float:
    """Proportional set size of this process and its children now."""
    own = os.getpid()
    children = Path(f"/proc/{own}/task/{own}/children").read_text(encoding="ascii").split()
    total = 0
    for process in (str(own), *children):
        try:
            text = Path(f"/proc/{process}/smaps_rollup").read_text(encoding="ascii")
        except OSError:  # it has just ended
            continue
        total += next(int(line.split()[1]) for line in text.splitlines() if line.startswith("Pss:"))
    return total / 1024


def main() -> None:
    """Run the five steps; print what they took as JSON, or a line per step."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--steps", action="store_true", help="a line per step")
    a = parser.parse_args()
    columns = RecordColumns.from_rows(read_rows(a.folder / "records.csv"))
    workers = default_workers()
    memory = Memory()
    memory.start()
    marks = [("start", time.perf_counter(), used())]

    def mark(name: str) -> None:
        marks.append((name, time.perf_counter(), used()))
        if a.steps:
            wall, cpu = marks[-1][1] - marks[-2][1], marks[-1][2] - marks[-2][2]
            print(f"{name:10} {wall:8.2f} s wall {cpu:8.2f} s CPU {memory.peak:8.0f} MB", flush=True)

    ids = tuple(columns.ids)
    library = read_columns(columns, workers=workers)
    del columns  # a project never holds them: its records are read from the store a part at a time
    mark("read")
    pairs = likely_pairs(library.keys, workers=workers)
    mark("block")
    matches = match_pairs(ids, library.values, pairs, workers=workers)
    mark("match")
    wall, cpu = marks[-1][1] - marks[0][1], marks[-1][2] - marks[0][2]
    if not a.steps:
        serial = sum(after[2] - before[2] for before, after in pairwise(marks[1:]))
        half = (marks[1][2] - marks[0][2]) / workers
        facts = {"records": len(ids), "reports": len(set(matches.clusters.tolist())), "wall": wall, "cpu": cpu}
        print(json.dumps({**facts, "alone": serial + half, "MB": memory.peak}))


if __name__ == "__main__":
    main()
